//! Complaints: feedback reports (RFC 5965), and the messages that Microsoft forwards in their place.

use crate::part::Parted;
use crate::report::groups;
use crate::{Verdict, Why, text};

/// The field in which Microsoft's feedback programme names who complained.
const MICROSOFT: &str = "X-HmXmrOriginalRecipient";

/// What a report says; `None` when the message has none.
pub(crate) fn read(parted: &Parted<'_>, about: &mut Vec<String>) -> Option<Verdict> {
    let returned = parted.returned();
    let returned_to = || returned.as_ref().and_then(|head| head.address("To"));
    let verdict = if let Some(part) = parted.part("message/feedback-report") {
        let groups = groups(&part.text());
        let said = |name: &str| groups.iter().find_map(|group| group.get(name));
        let address = |name: &str| said(name).and_then(|value| text::addresses(value).into_iter().next());
        let kind = said("feedback-type").unwrap_or_default().trim().to_lowercase();
        // `not-spam` and `auth-failure` are no complaints. What is not known is one: mail that went on would be worse.
        if matches!(kind.as_str(), "not-spam" | "auth-failure" | "dmarc") {
            return Some(Verdict::Other(Why::Feedback));
        }
        let recipient = address("original-rcpt-to").or_else(|| address("removal-recipient")).or_else(returned_to);
        Verdict::Complaint { recipient }
    } else {
        let of = |head: &crate::head::Head<'_>| head.address(MICROSOFT).or_else(|| head.text(MICROSOFT));
        let named = of(&parted.head).or_else(|| returned.as_ref().and_then(of))?;
        Verdict::Complaint { recipient: text::addresses(&named).into_iter().next().or_else(returned_to) }
    };
    if let Some(returned) = &returned {
        about.extend(returned.ids("Message-ID"));
    }
    Some(verdict)
}
