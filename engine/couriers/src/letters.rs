//! What a row of the outbox becomes as a mail: who writes to whom, and with what words. Must not know: servers.

use crate::dkim::{SigningKey, signed};
use crate::mail::Mail;
use crate::request::{passing, permanent};
use cadenza_core::effect::{Addressee, Message, NoticeKind, Outgoing};
use cadenza_core::identity;
use cadenza_core::lead::RepId;
use cadenza_core::mailer::{Letter, Mailbox, Mailer, Sender};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::Clock;
use cadenza_runtime::courier::SendError;
use cadenza_runtime::plain;
use cadenza_runtime::render::letter::mailbox_of;
use cadenza_signatures::{LinkKeys, secret};

/// How many characters of a notice's text make its subject.
const SUBJECT_CHARS_MAX: usize = 78;

/// A mail that is ready to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) bytes: Vec<u8>,
}

/// The mail of a row.
pub(crate) fn ready(catalog: &Catalog, mailer: &Mailer, row: &Outgoing) -> Result<Ready, SendError> {
    match &row.message {
        Message::Email { rendered: Some(rendered), .. } => {
            let to = identity::email(&rendered.to);
            let to = to.ok_or_else(|| permanent("the address of the mail is none".to_owned()))?;
            let late;
            let letter = match &rendered.letter {
                Some(letter) => letter,
                None => {
                    late = without_letter(mailer, row)?;
                    &late
                }
            };
            let unsubscribe = unsubscribe(catalog, row)?;
            let leave = unsubscribe.as_ref().map(|url| format!("Unsubscribe: {url}"));
            let mail = Mail {
                id: id(mailer, &row.key()),
                follows: letter.follows.iter().map(|mail| id(mailer, &row.key_of(*mail))).collect(),
                from: &letter.from,
                reply_to: letter.reply_to.as_ref(),
                to: Mailbox { name: None, address: to },
                subject: &rendered.subject,
                text: &rendered.body,
                signature: letter.signature.as_deref(),
                footer: mailer.postal_address.iter().chain(&leave).map(String::as_str).collect(),
                date: letter.date,
                unsubscribe: unsubscribe.as_deref(),
                is_automatic: false,
            };
            finished(catalog, mailer, &mail)
        }
        Message::Email { script, .. } => {
            let script = catalog.definitions.script(*script).unwrap_or("of a version that is gone");
            let why = row.last_error.as_deref().unwrap_or("nothing is known of its workflow any more");
            Err(permanent(format!("the mail `{script}` could not be rendered: {why}")))
        }
        Message::Words { rendered: Some(words), to: Addressee::Rep(rep), .. } => {
            let line = plain::line(words);
            let subject: String = line.chars().take(SUBJECT_CHARS_MAX).collect();
            notice(catalog, mailer, row, rep, &subject, words)
        }
        Message::Notice { to, task, kind } => {
            let (subject, what) = match kind {
                NoticeKind::Raised => {
                    ("A task is late, and nobody has done it", "This task is somebody else's, and late:")
                }
                NoticeKind::Reminder | NoticeKind::Words | NoticeKind::Assigned => {
                    ("A task of yours is late", "This task of yours is late:")
                }
            };
            let text = format!("{what} {task}.\n\nIts lead: {}.", row.lead);
            notice(catalog, mailer, row, to, subject, &text)
        }
        Message::Assigned { to, role } => {
            let (subject, text) = match role {
                None => ("A lead is yours now".to_owned(), format!("You own the lead {} now.", row.lead)),
                Some(role) => {
                    let text = format!("You are the {role} of the lead {} now.", row.lead);
                    (format!("You are the {role} of a lead now"), text)
                }
            };
            notice(catalog, mailer, row, to, &subject, &text)
        }
        Message::Words { to: Addressee::Rep(_), .. } => {
            let why = row.last_error.as_deref().unwrap_or("nothing is known of its workflow any more");
            Err(permanent(format!("the words of the message could not be rendered: {why}")))
        }
        Message::Words { .. } | Message::Text { .. } | Message::Request { .. } => {
            Err(permanent(format!("the connection `{}` sends mails only", row.via)))
        }
    }
}

/// The address by which the lead takes itself off the list, if mails have such links.
fn unsubscribe(catalog: &Catalog, row: &Outgoing) -> Result<Option<String>, SendError> {
    let Some(links) = &catalog.workspace.links else { return Ok(None) };
    let keys = LinkKeys::resolve(&links.secrets, &catalog.root).map_err(|error| passing(error.to_string()))?;
    Ok(keys.sign(row.lead).map(|link| links.preferences(&link)))
}

/// A Message-ID.
fn id(mailer: &Mailer, key: &str) -> String {
    format!("{key}@{}", mailer.domain())
}

/// What a mail has that was rendered when its connection did not send mails itself.
fn without_letter(mailer: &Mailer, row: &Outgoing) -> Result<Letter, SendError> {
    let fixed = mailer.from.iter().find_map(|sender| match sender {
        Sender::Fixed(mailbox) => Some(mailbox.clone()),
        Sender::Owner | Sender::Role(_) | Sender::Rep(_) => None,
    });
    let why =
        "it was written when its connection was another, and nothing says who sends: add `{ address: … }` to `from`";
    let from = fixed.ok_or_else(|| permanent(why.to_owned()))?;
    let reply_to = mailer.reply_to.clone();
    Ok(Letter { from, reply_to, signature: None, date: row.made_at, follows: Vec::new() })
}

/// Who sends notices: nobody's lead is known here, so it is somebody who is named, or the address by which the server
/// is used.
pub(crate) fn notice_sender(catalog: &Catalog, mailer: &Mailer) -> Option<Mailbox> {
    let settings = &catalog.live.settings;
    let named = mailer.from.iter().find_map(|sender| match sender {
        Sender::Fixed(mailbox) => Some(mailbox.clone()),
        Sender::Rep(rep) => mailbox_of(&settings.team, rep),
        Sender::Owner | Sender::Role(_) => None,
    });
    named.or_else(|| {
        let user = mailer.server.as_ref().and_then(|server| Mailbox::parse(server.user.as_deref()?));
        Some(Mailbox { name: Some(settings.name.clone()), ..user? })
    })
}

/// A mail to a rep.
fn notice(
    catalog: &Catalog,
    mailer: &Mailer,
    row: &Outgoing,
    rep: &RepId,
    subject: &str,
    text: &str,
) -> Result<Ready, SendError> {
    let to = mailbox_of(&catalog.live.settings.team, rep);
    let to = to.ok_or_else(|| permanent(format!("`{rep}` is not in the team with a mail address")))?;
    let from = notice_sender(catalog, mailer);
    let from = from.ok_or_else(|| passing("nobody sends notices: add `{ address: … }` to `from`".to_owned()))?;
    let mail = Mail {
        id: id(mailer, &row.key()),
        follows: Vec::new(),
        from: &from,
        reply_to: None,
        to,
        subject,
        text,
        signature: None,
        footer: Vec::new(),
        date: row.made_at,
        unsubscribe: None,
        is_automatic: true,
    };
    finished(catalog, mailer, &mail)
}

/// A mail by which a person tries the connection.
pub(crate) fn trial(catalog: &Catalog, mailer: &Mailer, to: Mailbox) -> Result<Ready, SendError> {
    let from = notice_sender(catalog, mailer);
    let from = from.ok_or_else(|| passing("nobody sends it: add `{ address: … }` to `from`".to_owned()))?;
    let now = Clock::real();
    let mail = Mail {
        id: id(mailer, &format!("trial-{}", now.as_ms())),
        follows: Vec::new(),
        from: &from,
        reply_to: mailer.reply_to.as_ref(),
        to,
        subject: "A trial of Cadenza's connection",
        text: "This mail was sent to try a connection. It is about nobody, and needs no answer.",
        signature: None,
        footer: mailer.postal_address.iter().map(String::as_str).collect(),
        date: now,
        unsubscribe: None,
        is_automatic: true,
    };
    finished(catalog, mailer, &mail)
}

/// The bytes, signed if the connection has a key.
fn finished(catalog: &Catalog, mailer: &Mailer, mail: &Mail<'_>) -> Result<Ready, SendError> {
    let mut bytes = mail.bytes();
    if let Some(dkim) = &mailer.dkim {
        let key = signing_key(catalog, mailer).map_err(passing)?;
        if let Some(key) = key {
            let signed = signed(&bytes, &key, &dkim.domain, &dkim.selector, mail.date);
            bytes = signed.map_err(|error| passing(format!("the key of `dkim` cannot sign: {error}")))?;
        }
    }
    Ok(Ready { from: mail.from.address.clone(), to: mail.to.address.clone(), bytes })
}

/// The key of a connection that signs; an error that says what is wrong with it.
pub(crate) fn signing_key(catalog: &Catalog, mailer: &Mailer) -> Result<Option<SigningKey>, String> {
    let Some(dkim) = &mailer.dkim else { return Ok(None) };
    let pem = secret::resolve(&dkim.key, &catalog.root).map_err(|error| error.to_string())?;
    let place = secret::place(&dkim.key);
    SigningKey::read(&pem).map(Some).map_err(|error| format!("the secret in {place}: {error}"))
}
