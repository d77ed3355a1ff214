//! The encoding of a text file: by its byte-order mark, by what its bytes can be, or as its user
//! says. Knows nothing of rows.

use anyhow::{Context as _, anyhow};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes searched for the zeros of UTF-16.
const HEAD_BYTES: usize = 4 * 1024;

/// A file's text as UTF-8.
pub(super) struct Decoded {
    /// The text. A file that is already UTF-8 is passed through unchecked, so that a broken row can be reported.
    pub(super) text: Box<dyn BufRead>,
    /// What to say about the encoding if it had to be guessed.
    pub(super) guess: Option<String>,
}

/// The encoding with this name.
pub(super) fn named(name: &str) -> anyhow::Result<&'static Encoding> {
    Encoding::for_label(name.as_bytes())
        .ok_or_else(|| anyhow!("`{name}` is no encoding: write one such as utf-8, utf-16le, windows-1252 or macintosh"))
}

/// Opens a file's text.
pub(super) fn decode(mut file: File, given: Option<&'static Encoding>) -> io::Result<Decoded> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        let what = "it is a workbook or an archive: save the sheet as CSV (UTF-8), and import that";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let marked = Encoding::for_bom(&head);
    let (encoding, guess) = match (marked, given) {
        (Some((encoding, _)), _) => (encoding, None),
        (None, Some(encoding)) => (encoding, None),
        (None, None) => match by_zeros(&head) {
            Some(encoding) => (encoding, None),
            None => by_bytes(&mut file)?,
        },
    };
    let mark_bytes = marked.map_or(0, |(_, length)| length as u64);
    file.seek(SeekFrom::Start(mark_bytes))?;
    let text: Box<dyn BufRead> = if encoding == UTF_8 {
        Box::new(BufReader::with_capacity(CHUNK_BYTES, file))
    } else {
        let decoder = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(file);
        Box::new(BufReader::with_capacity(CHUNK_BYTES, decoder))
    };
    Ok(Decoded { text, guess })
}

/// UTF-16 without a mark. In plain letters every other byte is zero; no other text contains zero bytes.
fn by_zeros(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    if first + second < head.len() / 4 || head.len() < 4 {
        return None;
    }
    Some(if second >= first { UTF_16LE } else { UTF_16BE })
}

/// UTF-8 if the whole file is, or if most of what is not ASCII is; then only some rows are broken. Otherwise
/// Windows-1252, which any text can be.
fn by_bytes(file: &mut File) -> io::Result<(&'static Encoding, Option<String>)> {
    file.seek(SeekFrom::Start(0))?;
    let (mut good, mut bad) = (0_u64, 0_u64);
    let mut open: Vec<u8> = Vec::with_capacity(CHUNK_BYTES + 4);
    loop {
        let read = file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut open)?;
        let rest = count(&open, &mut good, &mut bad);
        open.drain(..rest);
        if read == 0 {
            bad += u64::from(!open.is_empty());
            break;
        }
    }
    if bad == 0 || good > bad {
        return Ok((UTF_8, None));
    }
    let guess = "It is not UTF-8 text and is read as Windows-1252; --encoding says otherwise.".to_owned();
    Ok((WINDOWS_1252, Some(guess)))
}

/// Counts characters beyond ASCII, and bytes that are not UTF-8. Returns how many bytes were looked at, because a
/// character may continue in the next chunk.
fn count(bytes: &[u8], good: &mut u64, bad: &mut u64) -> usize {
    let mut at = 0;
    loop {
        let (valid, error) = match std::str::from_utf8(&bytes[at..]) {
            Ok(_) => (bytes.len() - at, None),
            Err(error) => (error.valid_up_to(), Some(error.error_len())),
        };
        *good += bytes[at..at + valid].iter().filter(|byte| **byte >= 0xC0).count() as u64;
        at += valid;
        match error {
            None | Some(None) => return at,
            Some(Some(length)) => {
                *bad += 1;
                at += length;
            }
        }
    }
}

/// Opens a file, in a given encoding or its own.
pub(super) fn open(file: &std::path::Path, encoding: Option<&str>) -> anyhow::Result<Decoded> {
    let name = file.display();
    let given = encoding.map(named).transpose()?;
    let opened = File::open(file).with_context(|| format!("`{name}` cannot be opened"))?;
    if opened.metadata().is_ok_and(|found| found.is_dir()) {
        anyhow::bail!("`{name}` is a folder: name a file of CSV or JSON lines");
    }
    decode(opened, given).with_context(|| format!("`{name}` cannot be read"))
}
