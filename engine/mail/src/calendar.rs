//! Answers to invitations (iTIP, RFC 5546): a part `text/calendar` with the method `REPLY`.

use crate::part::Parted;
use crate::{Answer, Verdict, Why};

/// What a calendar part says; `None` when the message has none.
pub(crate) fn read(parted: &Parted<'_>) -> Option<Verdict> {
    let part = parted.part("text/calendar").or_else(|| parted.part("application/ics"))?;
    let text = unfolded(&part.text());
    let value = |name: &str| {
        let named = |line: &&str| {
            line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
                && line[name.len()..].starts_with([':', ';'])
        };
        text.lines().find(named)
    };
    let after_colon = |line: &str| line.rsplit_once(':').map(|(_, value)| value.trim().to_owned());
    let method = value("METHOD").and_then(after_colon).unwrap_or_default().to_uppercase();
    if method != "REPLY" {
        return Some(Verdict::Other(Why::Invitation));
    }
    let uid = value("UID").and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()));
    let upper = value("ATTENDEE").unwrap_or_default().to_uppercase();
    let answer = upper.split("PARTSTAT=").nth(1).and_then(|rest| rest.split([';', ':', ',']).next()).map(str::trim);
    let answer = match answer.map(|answer| answer.trim_matches('"')) {
        Some("ACCEPTED") => Answer::Accepted,
        Some("DECLINED") => Answer::Declined,
        // Somebody who may come has answered nothing yet.
        _ => return Some(Verdict::Other(Why::Invitation)),
    };
    Some(Verdict::Meeting { answer, uid: uid.filter(|uid| !uid.is_empty() && uid.len() <= 400) })
}

/// Joins folded lines.
fn unfolded(text: &str) -> String {
    text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
}
