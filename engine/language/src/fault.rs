//! Parts of a workspace folder that could not be read, as diagnostics. Knows no file system: `folder` says what happened.

use crate::diagnostic::Problem;

/// The most bytes a file may have.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file's path in the folder.
    pub(crate) file: String,
    pub(crate) flaw: Flaw,
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The file has more than [`FILE_BYTES_MAX`] bytes.
    TooLarge,
    /// The file is not UTF-8. Holds the text before the first invalid byte.
    NotText { readable: String },
    /// The file is a FIFO, a socket or a device.
    NoFile,
    /// The file is a link that leads out of the folder.
    LeadsOut,
    /// The operating system refused, for this reason.
    Refused(String),
    /// The file is YAML in a folder in which no YAML is read.
    Misplaced,
}

impl Fault {
    /// The part of the file that can be shown.
    pub(crate) fn readable(&self) -> Option<&str> {
        if let Flaw::NotText { readable } = &self.flaw { Some(readable) } else { None }
    }

    /// The same as a problem for people. Its span is in the readable part.
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
