//! Bounces of servers that make no delivery report: qmail, older Exim and Postfix, Exchange, and filters in front of
//! them. Read by their words, and only when a server wrote them.

use crate::head::Head;
use crate::part::Parted;
use crate::text::{self, has_any};
use crate::{Bounce, DIAGNOSTIC_BYTES_MAX, Verdict, Why, severity};

/// Bytes of a notice that are read for what went wrong.
const WORDS_BYTES_MAX: usize = 8 * 1024;
/// What servers call themselves before the `@`.
const SERVERS: [&str; 8] = [
    "mailer-daemon",
    "mail-daemon",
    "mailerdaemon",
    "postmaster",
    "maildelivery",
    "bounce",
    "bounces",
    "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
];
/// The names that they give themselves.
const NAMES: [&str; 5] =
    ["mail delivery system", "mail delivery subsystem", "mail administrator", "mailer-daemon", "mail-daemon"];
/// What they say when they have given up.
const FAILED: &[&str] = &[
    "could not be delivered",
    "couldn't be delivered",
    "could not deliver",
    "cannot be delivered",
    "can't be delivered",
    "delivery has failed",
    "delivery failed",
    "delivery failure",
    "delivery to the following recipient",
    "delivery status notification (failure)",
    "did not reach",
    "wasn't delivered",
    "was not delivered",
    "wasn't able to deliver",
    "unable to deliver",
    "undeliverable",
    "undelivered",
    "fatal errors",
    "returned mail",
    "returning message to sender",
    "sorry to have to inform you",
    "rejected your message",
    "unzustellbar",
    "nicht zugestellt",
    "zustellung fehlgeschlagen",
    "konnte nicht zugestellt",
    "non remis",
    "n'a pas pu être remis",
    "échec de la remise",
    "no se puede entregar",
    "no se pudo entregar",
    "no se ha podido entregar",
];
/// What they say while they are still trying.
const TRYING: &[&str] = &[
    "warning message only",
    "do not need to resend",
    "will retry for",
    "will be retried",
    "will keep trying",
    "still being tried",
    "delivery status notification (delay)",
    "delivery incomplete",
    "delivery delayed",
    "delivery is delayed",
    "has been delayed",
    "is delayed",
    "not yet been delivered",
    "not been delivered yet",
    "zustellung verzögert",
    "remise retardée",
    "entrega retrasada",
];
/// Lines after which the message follows that is returned.
const RETURNED: &[&str] = &[
    "below this line is a copy",
    "this is a copy of the message",
    "this is a copy of your message",
    "original message headers",
    "original message follows",
    "--- original message",
    "-----original message",
    "the original message was",
    "message headers follow",
    "--- enclosed are the original headers",
    "return-path:",
];

/// What a server's notice says; `None` when no server wrote the message.
pub(crate) fn read(parted: &Parted<'_>, text: &str, about: &mut Vec<String>) -> Option<Verdict> {
    let head = &parted.head;
    let failed: Vec<String> = head.addresses("X-Failed-Recipients");
    let failed =
        if failed.is_empty() { text::addresses(&head.text("X-Failed-Recipients").unwrap_or_default()) } else { failed };
    if failed.is_empty() && !is_of_server(head) && parted.kind != "multipart/report" {
        return None;
    }
    let text = text::visible(text);
    let said = before_returned(text::head(&text, WORDS_BYTES_MAX));
    let subject = head.text("Subject").unwrap_or_default();
    let lower = format!("{subject}\n{said}").to_lowercase().replace('\u{2019}', "'");
    if has_any(&lower, TRYING) && !lower.contains("permanent") {
        return Some(Verdict::Other(Why::Delayed));
    }
    if failed.is_empty() && !has_any(&lower, FAILED) {
        // A postmaster may be a person who writes.
        return is_daemon(head).then_some(Verdict::Other(Why::ServerNotice));
    }
    let ours: Vec<String> = ["From", "To", "Sender", "Reply-To"].iter().flat_map(|name| head.addresses(name)).collect();
    let is_lead = |address: &String| !ours.contains(address) && !is_server(address);
    let recipient = failed.into_iter().next().or_else(|| text::addresses(said).into_iter().find(is_lead));
    let recipient = recipient.or_else(|| parted.returned()?.address("To"));
    let status = said.lines().find_map(severity::status_in);
    let diagnostic = diagnostic(said, recipient.as_deref());
    let words = diagnostic.as_deref().map_or_else(|| said.to_owned(), |line| format!("{line}\n{said}"));
    match parted.returned() {
        Some(returned) => about.extend(returned.ids("Message-ID")),
        None => about.extend(text.lines().find_map(message_id)),
    }
    let kind = severity::of(status.as_deref(), &words);
    Some(Verdict::Bounce(Bounce { recipient, kind, status, diagnostic }))
}

fn is_server(address: &str) -> bool {
    SERVERS.contains(&address.split('@').next().unwrap_or_default())
}

fn is_daemon(head: &Head<'_>) -> bool {
    head.address("From").is_some_and(|from| is_server(&from) && !from.starts_with("postmaster"))
}

fn is_of_server(head: &Head<'_>) -> bool {
    let from = head.text("From").unwrap_or_default().to_lowercase();
    let subject = head.text("Subject").unwrap_or_default().to_lowercase();
    let to_nobody = head.text("Return-Path").is_some_and(|path| path.replace(' ', "") == "<>");
    head.address("From").is_some_and(|from| is_server(&from))
        || has_any(&from, &NAMES)
        || to_nobody && has_any(&subject, FAILED)
}

/// The notice without the message that it returns.
fn before_returned(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.trim_start().to_lowercase();
        // The first line of a notice is its own.
        if at > 0 && RETURNED.iter().any(|mark| lower.contains(mark)) {
            return &text[..at];
        }
        at += line.len();
    }
    text
}

/// The line that says why: the first with a reply or status code, else the one after the recipient's.
fn diagnostic(said: &str, recipient: Option<&str>) -> Option<String> {
    let has_reply = |line: &&str| {
        let reply = line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
            word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit())
        });
        reply && line.contains(' ') || severity::status_in(line).is_some()
    };
    let after_recipient = || {
        let recipient = recipient?;
        let mut lines = said.lines().skip_while(|line| !line.to_lowercase().contains(recipient));
        let own = lines.next()?.to_lowercase();
        let rest =
            own.split(recipient).nth(1).unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        if rest.len() > 10 { Some(rest) } else { lines.find(|line| !line.trim().is_empty()).map(str::to_owned) }
    };
    let line = said.lines().find(has_reply).map(str::to_owned).or_else(after_recipient)?;
    Some(text::head(&text::on_one_line(&line), DIAGNOSTIC_BYTES_MAX).to_owned())
}

fn message_id(line: &str) -> Option<String> {
    let (name, value) = line.trim_start().split_once(':')?;
    name.eq_ignore_ascii_case("message-id").then(|| text::ids(value).into_iter().next()).flatten()
}
