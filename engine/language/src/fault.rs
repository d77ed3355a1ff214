//! What of a workspace folder could not be read, as diagnostics. Knows no file system: `folder` says what happened.

use crate::diagnostic::Problem;

/// The most bytes a file may have.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its path in the folder.
    pub(crate) file: String,
    pub(crate) flaw: Flaw,
}

/// Why it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// More than [`FILE_BYTES_MAX`].
    TooLarge,
    /// No UTF-8; what stands before the first byte that is none.
    NotText { readable: String },
    /// A FIFO, a socket or a device.
    NoFile,
    /// A link that leads out of the folder.
    LeadsOut,
    /// The operating system says no, in these words.
    Refused(String),
    /// YAML in a folder in which none is read.
    Misplaced,
}

impl Fault {
    /// What can be shown of the file.
    pub(crate) fn readable(&self) -> Option<&str> {
        if let Flaw::NotText { readable } = &self.flaw { Some(readable) } else { None }
    }

    /// The same for people. Its place is one in what is readable.
    pub(crate) fn problem(&self) -> Problem {
        let file = &self.file;
        let unreadable = |why: &str| Problem::error("unreadable-file", 0..0, format!("`{file}` {why}"));
        match &self.flaw {
            Flaw::TooLarge => {
                Problem::error("too-large", 0..0, format!("`{file}` has more than {FILE_BYTES_MAX} bytes"))
                    .help("split it")
            }
            Flaw::NotText { readable } => {
                let end = readable.len();
                unreadable("is not UTF-8 text")
                    .at(|_| end..end)
                    .label("the first byte that is none")
                    .help("save it as UTF-8")
            }
            Flaw::NoFile => unreadable("is no regular file: it was passed over").help("put a file there, or remove it"),
            Flaw::LeadsOut => {
                unreadable("is a link that leads out of the folder").help("put the file itself there, or remove it")
            }
            Flaw::Refused(why) => unreadable(&format!("cannot be read: {why}")).help("make it readable, or remove it"),
            Flaw::Misplaced => Problem::warning("misplaced-file", 0..0, format!("`{file}` is not read"))
                .help("workflows lie at the top of the workspace folder: move it there"),
        }
    }
}
