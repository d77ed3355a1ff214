//! Tables as spreadsheets and tools write them: which character separates the cells, what the header names, which rows
//! are empty. Does not know encodings or what columns mean.

use super::rows::{Row, Rows};
use anyhow::{Context as _, anyhow, bail};
use serde_json::{Map, Value};
use std::io::{BufRead, Read as _};

/// Characters that may separate cells. If two are equally frequent in the header, the earlier one is used.
const BETWEEN: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The most bytes of a header line.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// The rows of a table after its header line.
pub(super) fn rows(mut file: impl BufRead + 'static) -> anyhow::Result<Rows> {
    let mut header = header_line(&mut file)?;
    let said = said_sign(&header);
    if said.is_some() {
        header = header_line(&mut file)?;
    }
    let between = said.unwrap_or_else(|| sign_between(&header));
    // Where lines end with \r\n, the parser leaves the \n to the next row. The line end that the last line may lack is
    // added, so that after every row the parser has seen as many lines as there are.
    let first_end = header.iter().copied().find(|byte| matches!(byte, b'\r' | b'\n'));
    let (end, lines_behind): (&[u8], u64) = if first_end == Some(b'\r') { (b"\r\n", 0) } else { (b"\n", 1) };
    let file = std::io::Cursor::new(header).chain(file).chain(end);
    let mut table = csv::ReaderBuilder::new().flexible(true).delimiter(between).from_reader(file);
    let heads = table.byte_headers().context("the header line cannot be read")?.clone();
    let heads = heads_of(heads)?;
    let columns = heads.clone();
    let rows = std::iter::from_fn(move || {
        let mut record = csv::ByteRecord::new();
        match table.read_byte_record(&mut record) {
            Err(error) => Some(Err(error.into())),
            Ok(false) => None,
            Ok(true) => {
                let lines_within = record.as_slice().iter().filter(|byte| **byte == b'\n').count();
                let line = table.position().line().saturating_sub(lines_behind + lines_within as u64);
                Some(Ok(Row { line: line + u64::from(said.is_some()), cells: cells(&columns, record) }))
            }
        }
    });
    // Where semicolons separate cells, the comma is likely to be the decimal separator.
    Ok(Rows { heads, decimal_comma: between == b';', guess: None, rows: Box::new(rows) })
}

/// The first line, including the lines over which a quoted name continues. A decoder may return it in small pieces.
fn header_line(file: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut header = Vec::new();
    loop {
        let before = header.len();
        let room = HEADER_BYTES_MAX.saturating_sub(before as u64);
        file.by_ref().take(room).read_until(b'\n', &mut header)?;
        let open = header.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        if header.len() == before || !open {
            return Ok(header);
        }
    }
}

/// The separator given on a line of its own: Excel writes `sep=;` above the header.
fn said_sign(line: &[u8]) -> Option<u8> {
    match line.trim_ascii_end() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', between] => Some(*between),
        _ => None,
    }
}

/// The separator that is the most frequent in the header, outside quotes.
fn sign_between(header: &[u8]) -> u8 {
    let mut counts = [0_usize; BETWEEN.len()];
    let mut quoted = false;
    for byte in header {
        quoted ^= *byte == b'"';
        if let Some(ix) = BETWEEN.iter().position(|sign| sign == byte).filter(|_| !quoted) {
            counts[ix] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    BETWEEN[counts.iter().position(|count| *count == most).unwrap_or(0)]
}

/// The names of the columns. Each name must be unique.
fn heads_of(record: csv::ByteRecord) -> anyhow::Result<Vec<String>> {
    let record =
        csv::StringRecord::from_byte_record(record).map_err(|_| anyhow!("the header line is not UTF-8 text"))?;
    let heads: Vec<String> = record
        .iter()
        .enumerate()
        .map(|(ix, head)| match cadenza_core::reading::known(head) {
            "" => format!("column {}", ix + 1),
            head => head.to_owned(),
        })
        .collect();
    for (ix, head) in heads.iter().enumerate() {
        if let Some(first) = heads[..ix].iter().position(|other| other == head) {
            bail!(
                "the header names `{head}` twice, as column {} and column {}: rename one, since only one of them could \
                 count",
                first + 1,
                ix + 1
            );
        }
    }
    Ok(heads)
}

/// The cells of a row by their columns; none if the row is empty.
fn cells(columns: &[String], record: csv::ByteRecord) -> anyhow::Result<Map<String, Value>> {
    let record = csv::StringRecord::from_byte_record(record).map_err(|_| anyhow!("it is not UTF-8 text"))?;
    let is_blank = |cell: &str| cadenza_core::reading::known(cell).is_empty();
    if record.iter().all(is_blank) {
        return Ok(Map::new());
    }
    // Separators after the last cell say nothing.
    let beyond = record.iter().skip(columns.len()).any(|cell| !is_blank(cell));
    if record.len() < columns.len() || beyond {
        bail!("it has {} where the header has {}", crate::say::counted(record.len(), "cell"), columns.len());
    }
    Ok(columns.iter().zip(&record).map(|(column, cell)| (column.clone(), Value::from(cell))).collect())
}
