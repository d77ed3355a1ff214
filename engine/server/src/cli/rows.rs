//! The rows of a file to import: a table with a header, or JSON lines. A row that cannot be read is reported with its
//! line, and the next one follows; a file that cannot be read ends the rows. Does not know events or what columns mean.

use super::{encoding, spreadsheet};
use anyhow::{Context as _, anyhow};
use cadenza_api::json::{self, Tree};
use serde_json::{Map, Value};
use std::io::{self, BufRead, Read as _};
use std::path::Path;

/// The most bytes of one line of JSON.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Endings of tables; anything else is JSON lines.
const TABLES: [&str; 4] = ["csv", "tsv", "tab", "txt"];

pub(super) struct Row {
    /// The line of the file on which the row begins; the first is 1.
    pub(super) line: u64,
    /// Its cells by the names of their columns, empty for an empty row; or why the row cannot be read.
    pub(super) cells: anyhow::Result<Map<String, Value>>,
}

/// A file's rows, one by one. An error concerns the whole file, and is the last item.
pub(super) struct Rows {
    /// The columns that the header names. Empty for JSON lines, where every row has its own.
    pub(super) heads: Vec<String>,
    /// Whether a comma is likely to be the decimal separator of its numbers.
    pub(super) decimal_comma: bool,
    /// What to say about the file's encoding if it had to be guessed.
    pub(super) guess: Option<String>,
    pub(super) rows: Box<dyn Iterator<Item = anyhow::Result<Row>>>,
}

impl Iterator for Rows {
    type Item = anyhow::Result<Row>;
    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

/// Opens a file: a table by its ending, otherwise JSON lines.
pub(super) fn rows(file: &Path, encoding: Option<&str>) -> anyhow::Result<Rows> {
    let name = file.display().to_string();
    let encoding::Decoded { text, guess } = encoding::open(file, encoding)?;
    let is_table = file.extension().is_some_and(|ending| TABLES.iter().any(|known| ending.eq_ignore_ascii_case(known)));
    let rows = if is_table {
        spreadsheet::rows(text)
    } else {
        Ok(Rows { heads: Vec::new(), decimal_comma: false, guess: None, rows: Box::new(json_lines(text)) })
    };
    let Rows { heads, decimal_comma, rows, .. } = rows.with_context(|| format!("`{name}`"))?;
    let rows = rows.map(move |row| row.with_context(|| format!("`{name}` cannot be read")));
    Ok(Rows { heads, decimal_comma, guess, rows: Box::new(ends_with_an_error(rows)) })
}

/// Stops after the first error, because what failed once would fail forever.
fn ends_with_an_error<T>(mut rows: impl Iterator<Item = anyhow::Result<T>>) -> impl Iterator<Item = anyhow::Result<T>> {
    let mut failed = false;
    std::iter::from_fn(move || {
        let row = if failed { None } else { rows.next() };
        failed = matches!(row, Some(Err(_)));
        row
    })
}

fn json_lines(mut file: impl BufRead) -> impl Iterator<Item = anyhow::Result<Row>> {
    let mut line = 0;
    std::iter::from_fn(move || {
        loop {
            line += 1;
            let cells = match json_line(&mut file) {
                Err(error) => return Some(Err(error.into())),
                Ok(None) => return None,
                Ok(Some(Line::TooLong)) => Err(anyhow!("it has more than {LINE_BYTES_MAX} bytes")),
                Ok(Some(Line::Whole(text))) if text.trim_ascii().is_empty() => continue,
                Ok(Some(Line::Whole(text))) => members(&text),
            };
            return Some(Ok(Row { line, cells }));
        }
    })
}

fn members(text: &[u8]) -> anyhow::Result<Map<String, Value>> {
    let tree: Tree = serde_json::from_slice(&json::exact(text)).map_err(|error| {
        let said = error.to_string();
        // Every line is a document of its own, so the line number within it does not help.
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        anyhow!("it is no JSON object ({said} at column {})", error.column())
    })?;
    tree.repeated()?;
    match tree.plain() {
        Value::Object(members) => Ok(members),
        _ => Err(anyhow!("it is no JSON object, in braces")),
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The next line. The rest of one that is too long is skipped.
fn json_line(file: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let read = file.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    if read > LINE_BYTES_MAX && !line.ends_with(b"\n") {
        file.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    Ok((read > 0).then_some(Line::Whole(line)))
}

#[cfg(test)]
mod tests;
