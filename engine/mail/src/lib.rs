//! What a message that came back is: a reply, an automatic reply, a bounce, a complaint or an opt-out. Reads one raw
//! message (RFC 5322) and says so, without IO, and without knowing leads, workflows or who sent what.
//!
//! Whatever a message contains, reading it ends, in a time that grows with its size alone: only so much is read of
//! everything (the constants below), and nothing is entered more than [`DEPTH_MAX`] deep. Nothing that a message says
//! is a template, an address to fetch, or an instruction.

mod automatic;
mod calendar;
mod complaint;
mod head;
mod html;
mod notice;
mod opt_out;
mod part;
mod quoted;
mod report;
mod severity;
mod text;
mod until;
pub mod vendor;

pub use severity::Kind;

use cadenza_core::date::Date;
use cadenza_core::time::Timestamp;
use part::Parted;

/// Bytes of a message that are read. Attachments come last, so what is cut off is rarely a text.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one head, of a message or of a part.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Parts of a message.
pub const PARTS_MAX: usize = 100;
/// How deep parts may contain parts.
pub const DEPTH_MAX: usize = 8;
/// Bytes of a text part that are read.
pub const TEXT_READ_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a reply's text that are kept. More than a field of an event may have is never kept.
pub const REPLY_BYTES_MAX: usize = 4_000;
/// Bytes of a server's words that are kept.
pub const DIAGNOSTIC_BYTES_MAX: usize = 500;
/// Bytes of a subject that are kept.
pub const SUBJECT_BYTES_MAX: usize = 500;
/// Addresses that are read of one field.
pub const ADDRESSES_MAX: usize = 50;
/// Bytes of an address (RFC 5321).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// Ids of messages that are read of one field; the last ones count.
pub const IDS_MAX: usize = 50;
/// How far ahead an out-of-office message may name its end, in days. What lies behind is no holiday but a mistake.
pub const UNTIL_DAYS_MAX: i64 = 400;

/// A message as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its own id, without angle brackets.
    pub id: Option<String>,
    /// Who wrote it, as it says.
    pub from: Option<String>,
    pub subject: Option<String>,
    /// When it was written, as it says.
    pub at: Option<Timestamp>,
    /// The ids of messages to which it answers or about which it reports, the nearest first.
    pub about: Vec<String>,
    pub verdict: Verdict,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A person answered.
    Reply {
        /// What they wrote, without what they quote and without their signature.
        text: String,
    },
    /// A program answered for a person.
    AutoReply {
        /// The first day on which the person is there again, if the message says so.
        until: Option<Date>,
        /// Whether it says that the person has left for good.
        left: bool,
        text: String,
    },
    /// A message of ours did not arrive.
    Bounce(Bounce),
    /// The recipient calls our message spam (RFC 5965).
    Complaint {
        /// Who complains. Some providers do not say.
        recipient: Option<String>,
    },
    /// The sender wants no more mail.
    Unsubscribe,
    /// An answer to an invitation.
    Meeting {
        answer: Answer,
        /// The invitation's UID.
        uid: Option<String>,
    },
    /// Nothing that concerns a lead.
    Other(Why),
}

/// A message that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// The address that it did not reach, if the report says so.
    pub recipient: Option<String>,
    pub kind: Kind,
    /// The status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// The server's words.
    pub diagnostic: Option<String>,
}

/// The answer to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Declined,
}

/// Why a message concerns no lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is no mail: it has no head.
    NoMail,
    /// A server is still trying to deliver our message.
    Delayed,
    /// A server delivered our message, or passed it on.
    Delivered,
    /// A receipt that our message was shown or deleted.
    Receipt,
    /// A mail server wrote, and what it wrote is not understood.
    ServerNotice,
    /// A feedback report about something other than a complaint.
    Feedback,
    /// A newsletter, or a message of a mailing list.
    List,
    /// An invitation, or a change of one.
    Invitation,
}

impl Why {
    /// In words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoMail => "this is no mail: it has no head with fields such as `From:`",
            Self::Delayed => "a server reports that it is still trying to deliver",
            Self::Delivered => "a server reports that it delivered",
            Self::Receipt => "a receipt that a message was shown or deleted",
            Self::ServerNotice => "a mail server's notice that does not say what became of which message",
            Self::Feedback => "a feedback report that is no complaint",
            Self::List => "a newsletter, or a message of a mailing list, that answers nothing",
            Self::Invitation => "an invitation, or a change of one",
        }
    }
}

impl Verdict {
    /// In one or two words, as it is shown and logged.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "reply",
            Self::AutoReply { .. } => "automatic reply",
            Self::Bounce(Bounce { kind: Kind::Hard, .. }) => "hard bounce",
            Self::Bounce(Bounce { kind: Kind::Soft, .. }) => "soft bounce",
            Self::Complaint { .. } => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::Meeting { answer: Answer::Accepted, .. } => "invitation accepted",
            Self::Meeting { answer: Answer::Declined, .. } => "invitation declined",
            Self::Other(_) => "nothing for a lead",
        }
    }
}

/// Reads a message that came at `now`.
pub fn read(raw: &[u8], now: Timestamp) -> Mail {
    let Some(parted) = Parted::read(raw) else {
        let verdict = Verdict::Other(Why::NoMail);
        return Mail { id: None, from: None, subject: None, at: None, about: Vec::new(), verdict };
    };
    let head = &parted.head;
    // Its sender's clock may be anything; a day is needed only to complete dates without a year.
    let day = head.date().and_then(|(_, day)| day).filter(|day| day.days_since(utc_day(now)).abs() <= 31);
    let mut about = Vec::new();
    let verdict = judge(&parted, day.unwrap_or_else(|| utc_day(now)), &mut about);
    about.extend(head.ids("In-Reply-To"));
    about.extend(head.ids("References").into_iter().rev());
    Mail {
        id: head.ids("Message-ID").pop(),
        from: head.address("From").or_else(|| head.address("Sender")),
        subject: head.text("Subject").map(|subject| text::head(&subject, SUBJECT_BYTES_MAX).to_owned()),
        at: head.date().map(|(at, _)| at),
        about: each_once(about),
        verdict,
    }
}

/// Reports of servers are read first: they carry the marks of automatic replies too.
fn judge(parted: &Parted<'_>, day: Date, about: &mut Vec<String>) -> Verdict {
    if let Some(verdict) = report::read(parted, about) {
        return verdict;
    }
    if let Some(verdict) = complaint::read(parted, about) {
        return verdict;
    }
    if parted.part("message/disposition-notification").is_some() {
        return Verdict::Other(Why::Receipt);
    }
    let text = parted.text();
    if let Some(verdict) = notice::read(parted, &text, about) {
        return verdict;
    }
    if let Some(verdict) = calendar::read(parted) {
        return verdict;
    }
    if opt_out::by_head(&parted.head) {
        return Verdict::Unsubscribe;
    }
    let said = quoted::cut(&text);
    if automatic::is(&parted.head) {
        let whole = format!("{}\n{said}", parted.head.text("Subject").unwrap_or_default());
        let (until, left) = (until::read(&whole, day), automatic::says_left(&whole));
        return Verdict::AutoReply { until, left, text: text::head(&said, REPLY_BYTES_MAX).to_owned() };
    }
    if opt_out::by_text(&parted.head, &said) {
        return Verdict::Unsubscribe;
    }
    if automatic::is_of_list(&parted.head) {
        return Verdict::Other(Why::List);
    }
    Verdict::Reply { text: text::head(&said, REPLY_BYTES_MAX).to_owned() }
}

fn utc_day(at: Timestamp) -> Date {
    Date::of(at, &jiff::tz::TimeZone::UTC)
}

fn each_once(ids: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for id in ids {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    once
}

#[cfg(test)]
mod tests;
