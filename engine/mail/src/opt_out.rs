//! Whether somebody wants no more mail: by the address or subject of `List-Unsubscribe`, or by an answer that says
//! nothing else.

use crate::head::Head;
use crate::text::without_re;

/// What a subject or a whole answer says then, in lower case. Anything longer is read by a person.
const WORDS: &[&str] = &[
    "unsubscribe",
    "unsubscribe me",
    "please unsubscribe",
    "please unsubscribe me",
    "opt out",
    "opt-out",
    "stop",
    "remove",
    "remove me",
    "please remove me",
    "remove me from your list",
    "please remove me from your list",
    "take me off your list",
    "abmelden",
    "bitte abmelden",
    "abbestellen",
    "austragen",
    "bitte austragen",
    "newsletter abmelden",
    "désinscription",
    "désinscrire",
    "désabonnement",
    "désabonner",
    "me désabonner",
    "me désinscrire",
    "désabonnez-moi",
    "baja",
    "darme de baja",
    "dar de baja",
    "darse de baja",
    "cancelar suscripción",
];
/// The words that may be the whole of a mailbox's name, or a part of it.
const MAILBOXES: [&str; 5] = ["unsubscribe", "unsub", "abmelden", "desabonnement", "baja"];
/// Subjects of the address in `List-Unsubscribe`: the word, and perhaps a key.
const SUBJECTS: [&str; 3] = ["unsubscribe", "abmelden", "désabonnement"];

/// Whether the address or the subject says so.
pub(crate) fn by_head(head: &Head<'_>) -> bool {
    let is_mailbox = |address: &String| {
        let local = address.split('@').next().unwrap_or_default();
        local.split(['+', '-', '.', '_', '=']).any(|part| MAILBOXES.contains(&part))
    };
    // Our own mails have such an address too, but in another field.
    if ["To", "Delivered-To", "X-Original-To"].iter().flat_map(|name| head.addresses(name)).any(|to| is_mailbox(&to)) {
        return true;
    }
    let subject = head.text("Subject").unwrap_or_default().to_lowercase();
    let mut words = subject.split_whitespace();
    let first = words.next().unwrap_or_default().trim_end_matches(':');
    let is_key = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    SUBJECTS.contains(&first) && words.next().is_none_or(is_key) && words.next().is_none()
}

/// Whether the answer says only that, or has nothing but a subject that says it.
pub(crate) fn by_text(head: &Head<'_>, said: &str) -> bool {
    let is_word = |text: &str| {
        let lower = text.to_lowercase();
        let plain = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        WORDS.contains(&plain.trim_matches(|c: char| !c.is_alphanumeric()))
    };
    let subject = head.text("Subject").unwrap_or_default();
    let (subject, answers) = without_re(&subject);
    if said.trim().is_empty() || !answers && is_word(subject) {
        return is_word(subject);
    }
    // A name below it is not part of what somebody says.
    let first = said.trim().lines().next().unwrap_or_default();
    is_word(said) || is_word(first) && said.trim().lines().filter(|line| !line.trim().is_empty()).count() <= 3
}
