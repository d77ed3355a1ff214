//! What texts are used for, and what is known of a script once it has been read.

use cadenza_core::expr::Object;
use cadenza_core::workflow::Script;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

/// A dotted name, and its range in the file.
pub(crate) type Named = (String, Range<usize>);

/// What a template is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// A call or task that is a step of its own.
    Task,
    /// A call of a cadence, including its voice mails.
    CadenceCall,
    /// A mail that is a step of its own.
    Mail,
    /// A mail of a cadence.
    CadenceMail,
    /// A text message that is a step of its own.
    Message,
    /// A text message of a cadence.
    CadenceMessage,
    /// A message to people of the team or to another system.
    Notice,
    /// A request to another system.
    Request,
}

impl Use {
    /// Why a name never has a value in such a text, and what to write instead; `None` when it may have one.
    pub(crate) fn lacks(self, object: Object, field: &str) -> Option<&'static str> {
        let of_a_task = matches!(self, Self::Task | Self::CadenceCall);
        let cadence = matches!(self, Self::CadenceCall | Self::CadenceMail | Self::CadenceMessage);
        match (object, field) {
            (Object::Task, _) if !of_a_task => {
                Some("a message belongs to no task: write about the lead, the `run` or the `owner`, or remove it")
            }
            (Object::Run, "contacts" | "round") if !cadence => {
                Some("contacts and rounds are counted within a cadence; the lead's own count is `lead.contacts`")
            }
            _ => None,
        }
    }

    /// Whether the text is a mail to the lead.
    pub(crate) const fn is_read_by_the_lead(self) -> bool {
        matches!(self, Self::Mail | Self::CadenceMail | Self::Message | Self::CadenceMessage)
    }

    /// Whether it leaves under a subject.
    pub(crate) const fn has_subject(self) -> bool {
        matches!(self, Self::Mail | Self::CadenceMail)
    }

    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Task => "the text of a step's call or task",
            Self::CadenceCall => "the text of a cadence's call",
            Self::Mail => "the mail of a step",
            Self::CadenceMail => "the mail of a cadence",
            Self::Message => "the message of a step",
            Self::CadenceMessage => "the message of a cadence",
            Self::Notice => "a notice",
            Self::Request => "a request",
        }
    }
}

/// A script that was read. Parts that were refused are missing.
pub(crate) struct ScriptFile {
    pub(crate) script: Option<Script>,
    pub(crate) has_subject: bool,
    /// The names in the script, with their ranges.
    pub(crate) named: Vec<Named>,
    /// The names that may be blank in what a lead would read, with their ranges.
    pub(crate) blanks: Vec<Named>,
    /// What workflows use it for.
    pub(crate) uses: RefCell<BTreeSet<Use>>,
}

/// A script whose file could not be read.
pub(crate) fn unread() -> ScriptFile {
    ScriptFile { script: None, has_subject: true, named: Vec::new(), blanks: Vec::new(), uses: RefCell::default() }
}
