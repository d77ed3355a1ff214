//! The rows of a file to import: CSV with a header, or JSON lines. A row that cannot be read is told with its line and
//! the next one follows; a file that cannot be read ends. Knows nothing of events, nor of what columns mean.

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The most bytes of one line of JSON.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A row.
pub(super) struct Row {
    /// The line of the file it begins on; the first is 1.
    pub(super) line: u64,
    /// Its cells by the names of their columns, or why it cannot be read.
    pub(super) cells: anyhow::Result<Map<String, Value>>,
}

/// A file's rows, one by one. An error is the file's, and the last item.
pub(super) struct Rows {
    /// The columns that the header names; none for JSON lines, where every row has its own.
    pub(super) heads: Vec<String>,
    rows: Box<dyn Iterator<Item = anyhow::Result<Row>>>,
}

impl Iterator for Rows {
    type Item = anyhow::Result<Row>;
    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

/// Opens a file: CSV by its ending `.csv`, JSON lines otherwise.
pub(super) fn rows(file: &Path) -> anyhow::Result<Rows> {
    let name = file.display().to_string();
    let open = File::open(file).with_context(|| format!("`{name}` cannot be opened"))?;
    if open.metadata().is_ok_and(|found| found.is_dir()) {
        bail!("`{name}` is a folder: name a file of CSV or JSON lines");
    }
    let open = BufReader::new(open);
    let is_csv = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let rows = if is_csv { csv_rows(open) } else { Ok(Rows { heads: Vec::new(), rows: Box::new(json_lines(open)) }) };
    let Rows { heads, rows } = rows.with_context(|| format!("`{name}`"))?;
    let rows = rows.map(move |row| row.with_context(|| format!("`{name}` cannot be read")));
    Ok(Rows { heads, rows: Box::new(ends_with_an_error(rows)) })
}

/// What failed once would fail for ever.
fn ends_with_an_error<T>(mut rows: impl Iterator<Item = anyhow::Result<T>>) -> impl Iterator<Item = anyhow::Result<T>> {
    let mut failed = false;
    std::iter::from_fn(move || {
        let row = if failed { None } else { rows.next() };
        failed = matches!(row, Some(Err(_)));
        row
    })
}

fn csv_rows(mut file: impl BufRead + 'static) -> anyhow::Result<Rows> {
    // Where lines end with \r\n, the parser leaves the \n to the next row. The end that the last line may lack is added,
    // so that behind every row the parser has seen as many lines as there are.
    let first_end = file.fill_buf()?.iter().copied().find(|byte| matches!(byte, b'\r' | b'\n'));
    let (end, lines_behind): (&[u8], u64) = if first_end == Some(b'\r') { (b"\r\n", 0) } else { (b"\n", 1) };
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(file.chain(end));
    let heads = table.headers().context("the header line cannot be read")?;
    let heads: Vec<String> = heads.iter().map(|head| head.trim_start_matches('\u{FEFF}').to_owned()).collect();
    if let [only] = heads.as_slice() {
        for (separator, name) in [(';', ";"), ('\t', "tabs")] {
            if only.contains(separator) {
                bail!("this looks like a file with {name} between its columns: save it with commas between them");
            }
        }
    }
    let columns = heads.clone();
    let rows = std::iter::from_fn(move || {
        let mut record = csv::ByteRecord::new();
        match table.read_byte_record(&mut record) {
            Err(error) => Some(Err(error.into())),
            Ok(false) => None,
            Ok(true) => {
                let lines_within = record.as_slice().iter().filter(|byte| **byte == b'\n').count();
                let line = table.position().line().saturating_sub(lines_behind + lines_within as u64);
                Some(Ok(Row { line, cells: cells(&columns, record) }))
            }
        }
    });
    Ok(Rows { heads, rows: Box::new(rows) })
}

fn cells(columns: &[String], record: csv::ByteRecord) -> anyhow::Result<Map<String, Value>> {
    let record = csv::StringRecord::from_byte_record(record).map_err(|_| anyhow!("it is not UTF-8 text"))?;
    if record.len() != columns.len() {
        bail!("it has {} where the header has {}", super::counted(record.len(), "cell"), columns.len());
    }
    Ok(columns.iter().zip(&record).map(|(column, cell)| (column.clone(), Value::from(cell))).collect())
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
                Ok(Some(Line::Whole(text))) => serde_json::from_slice(&text).map_err(|error| {
                    let said = error.to_string();
                    // Every line is a document of its own, and its place in that is no help.
                    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
                    anyhow!("it is no JSON object ({said} at column {})", error.column())
                }),
            };
            return Some(Ok(Row { line, cells }));
        }
    })
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The next line; of one that is too long the rest is passed over.
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
mod tests {
    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("cadenza-rows-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn rows(&self, name: &str, text: &str) -> anyhow::Result<Vec<(u64, Result<Value, String>)>> {
            let file = self.0.join(name);
            std::fs::write(&file, text).unwrap();
            let shown = |row: anyhow::Result<Row>| {
                let row = row?;
                Ok((row.line, row.cells.map(Value::Object).map_err(|error| error.to_string())))
            };
            rows(&file)?.map(shown).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn csv_rows_are_told_by_their_line() {
        let folder = Folder::new("csv");
        let text = "\u{FEFF}email,name\na@b.io,\"L, Ada\"\nshort\n\nb@b.io,\"two\nlines\"\nc@b.io,last";
        for text in
            [text.to_owned(), format!("{text}\n"), text.replace('\n', "\r\n"), text.replace('\n', "\r\n") + "\r\n"]
        {
            let rows = folder.rows("a.csv", &text).unwrap();
            let lines: Vec<u64> = rows.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [2, 3, 5, 7], "{text:?}");
            let row = rows[0].1.as_ref().unwrap();
            assert_eq!((&row["email"], &row["name"]), (&"a@b.io".into(), &"L, Ada".into()));
            assert_eq!(rows[1].1.as_ref().unwrap_err(), "it has 1 cell where the header has 2");
            assert_eq!(rows[3].1.as_ref().unwrap()["name"], "last");
        }
    }

    #[test]
    fn other_separators_than_commas_are_noticed() {
        let folder = Folder::new("separators");
        for (text, said) in [("email;name\na;b\n", "with ; between"), ("email\tname\na\tb\n", "with tabs between")] {
            let error = format!("{:#}", folder.rows("a.csv", text).unwrap_err());
            assert!(error.contains(said), "{text:?}: {error}");
        }
        assert_eq!(folder.rows("a.csv", "email\na;b\n").unwrap().len(), 1, "a `;` within a cell says nothing");
    }

    #[test]
    fn json_lines_go_on_after_one_that_cannot_be_read() {
        let folder = Folder::new("json");
        let long = "x".repeat(2 * LINE_BYTES_MAX + 17);
        let rows = folder.rows("a.jsonl", &format!("{{\"a\": 1}}\n\n[1]\n{long}\n{{\"b\": 2}}")).unwrap();
        let told: Vec<(u64, bool)> = rows.iter().map(|(line, row)| (*line, row.is_ok())).collect();
        assert_eq!(told, [(1, true), (3, false), (4, false), (5, true)]);
    }

    #[test]
    fn a_file_that_cannot_be_read_ends() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let rows = ends_with_an_error(json_lines(BufReader::new(Broken)));
        assert_eq!(rows.take(3).map(|row| row.is_err()).collect::<Vec<_>>(), [true]);
        let folder = Folder::new("folder");
        assert!(rows_error(&folder.0).contains("is a folder"));
    }

    fn rows_error(file: &Path) -> String {
        rows(file).err().map_or_else(String::new, |error| format!("{error:#}"))
    }
}
