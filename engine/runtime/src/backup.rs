//! A backup: everything in the store as it was at one moment, and the components of plugins, in one file from which it can be
//! told whether it is whole. It contains no compiled code and no secrets; those come from the environment of whoever runs the
//! engine.
//!
//! ```text
//! magic     "CADENZA-BACKUP\n"
//! frame     kind (1 byte), length (4, big-endian), content, and the first 8 bytes of SHA-256 of kind, length and content
//!   'A'     about the backup, JSON: comes first
//!   'R'     records: for each the lengths of key and value (4 bytes each, big-endian), the key, the value
//!   'P'     a piece of a plugin's component, with more to follow: the length of its name (1 byte), the name, the piece
//!   'C'     the last piece of a component, or all of it (format 1 has only these): the same
//!   'Z'     the end, JSON: how much there was, and SHA-256 of everything before; nothing follows
//! ```
//!
//! Must not know: where it is written to, HTTP, sled.

use cadenza_core::time::Timestamp;
use cadenza_store::{Pair, Snapshot, Store, StoreError, images_in};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8] = b"CADENZA-BACKUP\n";
/// The version of the file format that is written. All versions up to it are read.
///
/// | version | change |
/// |---|---|
/// | 1 | |
/// | 2 | components in pieces |
pub const FORMAT: u32 = 2;
/// Records read at a time, and the size beyond which a frame of them ends.
const PAGE: usize = 1_000;
const FRAME_BYTES: usize = 256 * 1024;
/// The longest frame that is read. A component of format 1 is one frame, and components are limited in size too.
const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;
const CHECK_BYTES: usize = 8;

/// What the backup is of, and what made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of the file format.
    pub format: u32,
    /// The program that made the backup.
    pub program: String,
    /// The moment at which the data was as in the backup, by the engine's clock.
    pub at: Timestamp,
}

impl About {
    /// About a backup of this moment, made by this program.
    pub fn of(at: Timestamp) -> Self {
        Self { format: FORMAT, program: concat!("cadenza ", env!("CARGO_PKG_VERSION")).to_owned(), at }
    }
}

/// How much is in a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub records: u64,
    pub components: u64,
    /// Bytes of the file before its last frame.
    pub bytes: u64,
    /// SHA-256 of those bytes, in hexadecimal.
    sha256: String,
}

/// Why a backup could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// What the backup is written to or read from failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The store could not be read, or does not accept the backup.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is no backup.
    #[error("this is no backup of cadenza: it does not begin as one")]
    Foreign,
    /// A newer program made the backup.
    #[error("the backup has format {found}, made by {program}; this program reads up to {FORMAT}: use the newer one")]
    Newer {
        /// The file's format.
        found: u32,
        /// The program that made the file.
        program: String,
    },
    /// Something in the file was changed, or it ends too early.
    #[error("the backup is damaged: {0}. Take another copy of it; nothing was restored")]
    Damaged(String),
}

/// Writes a backup, frame by frame.
struct Writer<W> {
    out: W,
    hash: Sha256,
    totals: Totals,
}

impl<W: Write> Writer<W> {
    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.totals.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn frame(&mut self, kind: u8, content: &[u8]) -> io::Result<()> {
        let length = u32::try_from(content.len()).map_err(|_| io::Error::other("a frame of more than 4 GiB"))?;
        let mut head = vec![kind];
        head.extend_from_slice(&length.to_be_bytes());
        let check = Sha256::new().chain_update(&head).chain_update(content).finalize();
        self.raw(&head)?;
        self.raw(content)?;
        self.raw(&check[..CHECK_BYTES])
    }

    /// Writes a component in pieces: it may be large, and neither the writer nor the reader holds all of it.
    fn component(&mut self, name: &str, mut content: impl Read) -> io::Result<()> {
        let length = u8::try_from(name.len()).map_err(io::Error::other)?;
        let mut piece = || {
            let mut piece = Vec::new();
            (&mut content).take(FRAME_BYTES as u64).read_to_end(&mut piece).map(|_| piece)
        };
        let mut next = piece()?;
        loop {
            let frame = [&[length], name.as_bytes(), &next].concat();
            // A component that ends exactly where a piece does gets an empty last piece.
            let is_last = next.len() < FRAME_BYTES;
            self.frame(if is_last { b'C' } else { b'P' }, &frame)?;
            if is_last {
                self.totals.components += 1;
                return Ok(());
            }
            next = piece()?;
        }
    }

    fn json(&mut self, kind: u8, content: &impl Serialize) -> io::Result<()> {
        self.frame(kind, &serde_json::to_vec(content).map_err(io::Error::other)?)
    }
}

/// Writes everything in the snapshot, and the components in this folder, to `out`.
///
/// # Errors
/// When the snapshot fails, a component cannot be read, or `out` does not take it.
fn write(
    about: &About,
    snapshot: &mut dyn Snapshot,
    components: &Path,
    out: impl Write,
) -> Result<Totals, BackupError> {
    let mut writer = Writer { out, hash: Sha256::new(), totals: Totals::default() };
    writer.raw(MAGIC)?;
    writer.json(b'A', about)?;
    // Components come first, since unused builds may be deleted at any time. Those that the records name are there when the
    // snapshot begins.
    for (name, path) in files(components)? {
        writer.component(&name, File::open(&path)?)?;
    }
    let mut frame = Vec::new();
    loop {
        let page = snapshot.next(PAGE)?;
        let is_last = page.is_empty();
        for (key, value) in &page {
            frame.extend_from_slice(&(key.len() as u32).to_be_bytes());
            frame.extend_from_slice(&(value.len() as u32).to_be_bytes());
            frame.extend_from_slice(key);
            frame.extend_from_slice(value);
            writer.totals.records += 1;
            if frame.len() >= FRAME_BYTES {
                writer.frame(b'R', &frame)?;
                frame.clear();
            }
        }
        if is_last {
            break;
        }
    }
    if !frame.is_empty() {
        writer.frame(b'R', &frame)?;
    }
    writer.totals.sha256 = hex(&writer.hash.clone().finalize());
    let totals = writer.totals.clone();
    writer.json(b'Z', &totals)?;
    writer.out.flush()?;
    Ok(totals)
}

/// A backup that has begun: its moment is settled, and nothing is written yet.
pub struct Backup {
    about: About,
    snapshot: Box<dyn Snapshot>,
    components: PathBuf,
}

impl Backup {
    /// Begins a backup of a store whose data lies in this folder. What changes while it is written takes space there, as long as
    /// there is some.
    ///
    /// # Errors
    /// When another backup is under way, there is no space, the store cannot be read, or no file can be made in the folder.
    pub async fn begin(
        store: &dyn Store,
        data: &Path,
        has_room: impl Fn() -> bool + Send + 'static,
        at: Timestamp,
    ) -> Result<Self, BackupError> {
        let images = images_in(data)?.while_there_is_room(has_room);
        let snapshot = store.snapshot(images).await?;
        Ok(Self { about: About::of(at), snapshot, components: data.join("components") })
    }

    /// The moment at which the data was as in the backup.
    pub const fn at(&self) -> Timestamp {
        self.about.at
    }

    /// Writes the backup. This takes as long as reading everything.
    ///
    /// # Errors
    /// When the snapshot fails, a component cannot be read, or `out` cannot be written to.
    pub fn write(mut self, out: impl Write) -> Result<Totals, BackupError> {
        write(&self.about, self.snapshot.as_mut(), &self.components, out)
    }
}

/// The components in a folder by name, in order; none if there is no such folder.
fn files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file()
            && let Ok(name) = entry.file_name().into_string()
            && is_component(&name)
        {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether this is the file name of a component. It is the component's SHA-256, so no name can lead out of the folder.
fn is_component(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    stem.len() == 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// Receives a backup's content as it is read. Nothing of it counts until the end has been read.
pub trait Restoring {
    /// Receives records of the store.
    ///
    /// # Errors
    /// When they cannot be taken.
    fn records(&mut self, records: Vec<Pair>) -> Result<(), BackupError>;
    /// Receives a component under its file name, piece by piece in order. No other component comes before its last piece.
    ///
    /// # Errors
    /// When it cannot be taken.
    fn component(&mut self, name: &str, piece: &[u8], is_last: bool) -> Result<(), BackupError>;
}

/// Reads a backup only to check it.
pub struct Checking;

impl Restoring for Checking {
    fn records(&mut self, _: Vec<Pair>) -> Result<(), BackupError> {
        Ok(())
    }
    fn component(&mut self, _: &str, _: &[u8], _: bool) -> Result<(), BackupError> {
        Ok(())
    }
}

/// Reads a backup to its end.
///
/// # Errors
/// When the file is no backup, was made by a newer program, or was changed or cut short; and the errors of `to`.
pub fn read(input: impl Read, to: &mut dyn Restoring) -> Result<(About, Totals), BackupError> {
    let mut input = Input { input, hash: Sha256::new(), bytes: 0 };
    let mut magic = vec![0; MAGIC.len()];
    if input.input.read_exact(&mut magic).is_err() || magic != MAGIC {
        return Err(BackupError::Foreign);
    }
    input.took(&magic);
    let first = input.frame()?;
    if first.kind != b'A' {
        return Err(BackupError::Foreign);
    }
    let about: About = json(&first.content)?;
    if about.format > FORMAT {
        return Err(BackupError::Newer { found: about.format, program: about.program });
    }
    let (mut records, mut components) = (0, 0);
    // The component whose last piece has not been read yet.
    let mut open: Option<String> = None;
    loop {
        let Frame { kind, content, before } = input.frame()?;
        if open.is_some() && !matches!(kind, b'P' | b'C') {
            return Err(BackupError::Damaged("a component has no end".to_owned()));
        }
        match kind {
            b'R' => {
                let page = pairs(&content)?;
                records += page.len() as u64;
                to.records(page)?;
            }
            b'P' | b'C' => {
                let (name, piece) = component(&content)?;
                if open.as_ref().is_some_and(|open| open != name) {
                    return Err(BackupError::Damaged("a component begins within another".to_owned()));
                }
                let is_last = kind == b'C';
                components += u64::from(is_last);
                open = (!is_last).then(|| name.to_owned());
                to.component(name, piece, is_last)?;
            }
            b'Z' => {
                let totals: Totals = json(&content)?;
                let (bytes, sha256) = before;
                if totals != (Totals { records, components, bytes, sha256 }) {
                    return Err(BackupError::Damaged(
                        "it is not as long as it says, or not in the order it was written".to_owned(),
                    ));
                }
                return match input.input.read(&mut [0])? {
                    0 => Ok((about, totals)),
                    _ => Err(BackupError::Damaged("something follows its end".to_owned())),
                };
            }
            other => return Err(BackupError::Damaged(format!("it has a part of the unknown kind {other}"))),
        }
    }
}

/// A frame of the file.
struct Frame {
    kind: u8,
    content: Vec<u8>,
    /// The length of everything before the frame, and its SHA-256.
    before: (u64, String),
}

struct Input<R> {
    input: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Input<R> {
    fn took(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length as u64).read_to_end(&mut bytes)?;
        match read == length {
            true => Ok(bytes),
            false => {
                Err(BackupError::Damaged(format!("it ends after {} bytes, before its end", self.bytes + read as u64)))
            }
        }
    }

    /// Reads a frame. It comes with the length and the hash of everything before it.
    fn frame(&mut self) -> Result<Frame, BackupError> {
        let before = (self.bytes, hex(&self.hash.clone().finalize()));
        let head = self.exactly(5)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(BackupError::Damaged(format!("a part of {length} bytes at byte {}", self.bytes)));
        }
        let content = self.exactly(length)?;
        let check = self.exactly(CHECK_BYTES)?;
        let expected = Sha256::new().chain_update(&head).chain_update(&content).finalize();
        if expected[..CHECK_BYTES] != check {
            return Err(BackupError::Damaged(format!("the part at byte {} was changed", self.bytes)));
        }
        self.took(&head);
        self.took(&content);
        self.took(&check);
        Ok(Frame { kind: head[0], content, before })
    }
}

fn json<T: for<'d> Deserialize<'d>>(content: &[u8]) -> Result<T, BackupError> {
    serde_json::from_slice(content).map_err(|error| BackupError::Damaged(error.to_string()))
}

fn pairs(mut content: &[u8]) -> Result<Vec<Pair>, BackupError> {
    let mut pairs = Vec::new();
    while !content.is_empty() {
        let mut taken = |length: usize| {
            let (taken, rest) = content.split_at_checked(length)?;
            content = rest;
            Some(taken)
        };
        let mut pair = || {
            let key = u32::from_be_bytes(taken(4)?.try_into().ok()?) as usize;
            let value = u32::from_be_bytes(taken(4)?.try_into().ok()?) as usize;
            Some((taken(key)?.to_vec(), taken(value)?.to_vec()))
        };
        pairs.push(pair().ok_or_else(|| BackupError::Damaged("a record is cut short".to_owned()))?);
    }
    Ok(pairs)
}

fn component(content: &[u8]) -> Result<(&str, &[u8]), BackupError> {
    let split = || {
        let (length, rest) = content.split_first()?;
        let (name, content) = rest.split_at_checked(usize::from(*length))?;
        Some((std::str::from_utf8(name).ok()?, content))
    };
    split()
        .filter(|(name, _)| is_component(name))
        .ok_or_else(|| BackupError::Damaged("a component has no proper name".to_owned()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Records(Vec<Pair>);
    impl Snapshot for Records {
        fn next(&mut self, limit: usize) -> Result<Vec<Pair>, StoreError> {
            let count = limit.min(self.0.len());
            Ok(self.0.drain(..count).collect())
        }
    }

    #[derive(Default, PartialEq, Debug)]
    struct Taken(Vec<Pair>, Vec<(String, Vec<u8>)>);
    impl Restoring for Taken {
        fn records(&mut self, records: Vec<Pair>) -> Result<(), BackupError> {
            self.0.extend(records);
            Ok(())
        }
        fn component(&mut self, name: &str, piece: &[u8], _: bool) -> Result<(), BackupError> {
            assert!(piece.len() <= FRAME_BYTES, "nobody has to hold all of it");
            match self.1.last_mut().filter(|(last, _)| last == name) {
                Some((_, content)) => content.extend_from_slice(piece),
                None => self.1.push((name.to_owned(), piece.to_vec())),
            }
            Ok(())
        }
    }

    fn sample() -> (Vec<Pair>, Vec<u8>, String) {
        let folder = tempfile::tempdir().unwrap();
        let name = "ab".repeat(32);
        fs::write(folder.path().join(&name), b"\0asm").unwrap();
        fs::write(folder.path().join("secret"), b"not a component").unwrap();
        let records: Vec<Pair> =
            (0..3_000_u32).map(|n| (n.to_be_bytes().to_vec(), vec![7; (n % 300) as usize])).collect();
        let mut out = Vec::new();
        let about = About::of(Timestamp::from_ms(1_767_225_600_000));
        let totals = write(&about, &mut Records(records.clone()), folder.path(), &mut out).unwrap();
        assert_eq!((totals.records, totals.components), (3_000, 1));
        (records, out, name)
    }

    #[test]
    fn what_was_written_is_read() {
        let (records, file, name) = sample();
        let mut taken = Taken::default();
        let (about, totals) = read(file.as_slice(), &mut taken).unwrap();
        assert_eq!((about.at, totals.records), (Timestamp::from_ms(1_767_225_600_000), 3_000));
        assert_eq!(taken, Taken(records, vec![(name, b"\0asm".to_vec())]));
        assert!(!file.windows(15).any(|bytes| bytes == b"not a component"));
    }

    /// Component lengths around every place where one could be cut.
    #[test]
    fn components_come_in_pieces_and_are_whole_again() {
        let lengths = [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES, 3 * FRAME_BYTES + 5];
        let folder = tempfile::tempdir().unwrap();
        let content = |length: usize| (0..length).map(|n| (n % 251) as u8).collect::<Vec<u8>>();
        let all = lengths.iter().enumerate().map(|(n, length)| (format!("{n:064}.wasm"), content(*length)));
        let all: Vec<(String, Vec<u8>)> = all.collect();
        for (name, content) in &all {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let mut out = Vec::new();
        let about = About::of(Timestamp::from_ms(0));
        let totals = write(&about, &mut Records(Vec::new()), folder.path(), &mut out).unwrap();
        assert_eq!(totals.components, lengths.len() as u64);
        let mut taken = Taken::default();
        read(out.as_slice(), &mut taken).unwrap();
        assert!(taken.1 == all, "each is what it was");
    }

    /// A file with these components, each in frames of these kinds.
    fn of_frames(format: u32, frames: &[(u8, char, &[u8])]) -> Vec<u8> {
        let mut writer = Writer { out: Vec::new(), hash: Sha256::new(), totals: Totals::default() };
        writer.raw(MAGIC).unwrap();
        writer.json(b'A', &About { format, ..About::of(Timestamp::from_ms(0)) }).unwrap();
        for (kind, name, content) in frames {
            let name = name.to_string().repeat(64);
            writer.frame(*kind, &[&[64], name.as_bytes(), content].concat()).unwrap();
            writer.totals.components += u64::from(*kind == b'C');
        }
        writer.totals.sha256 = hex(&writer.hash.clone().finalize());
        let totals = writer.totals.clone();
        writer.json(b'Z', &totals).unwrap();
        writer.out
    }

    #[test]
    fn a_component_of_an_older_file_is_one_frame_and_pieces_that_do_not_fit_are_refused() {
        let long = vec![7; 4 * FRAME_BYTES];
        struct Whole(usize);
        impl Restoring for Whole {
            fn records(&mut self, _: Vec<Pair>) -> Result<(), BackupError> {
                Ok(())
            }
            fn component(&mut self, _: &str, piece: &[u8], is_last: bool) -> Result<(), BackupError> {
                assert!(is_last);
                self.0 += piece.len();
                Ok(())
            }
        }
        let mut whole = Whole(0);
        read(of_frames(1, &[(b'C', 'a', &long), (b'C', 'b', b"x")]).as_slice(), &mut whole).unwrap();
        assert_eq!(whole.0, long.len() + 1);
        for frames in [&[(b'P', 'a', &b"x"[..])][..], &[(b'P', 'a', b"x"), (b'C', 'b', b"y")]] {
            let refused = read(of_frames(2, frames).as_slice(), &mut Checking);
            assert!(matches!(refused, Err(BackupError::Damaged(_))), "{frames:?}: {refused:?}");
        }
    }

    #[test]
    fn what_was_changed_or_cut_short_is_refused() {
        let (_, file, _) = sample();
        let refused = |file: &[u8], what: &str| match read(file, &mut Checking) {
            Err(BackupError::Damaged(_) | BackupError::Foreign) => {}
            other => panic!("{what}: {other:?}"),
        };
        for cut in (0..file.len()).step_by(997).chain([file.len() - 1]) {
            refused(&file[..cut], &format!("the first {cut} bytes"));
        }
        for at in (0..file.len()).step_by(1_009).chain(0..40) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            refused(&changed, &format!("byte {at} changed"));
        }
        refused(&[file.as_slice(), b"x"].concat(), "something behind its end");
        refused(b"PK\x03\x04 another file", "another file");
    }
}
