use super::*;
use std::io::{BufReader, Read};

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("cadenza-rows-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn open(&self, name: &str, bytes: &[u8]) -> anyhow::Result<Rows> {
        let file = self.0.join(name);
        std::fs::write(&file, bytes).unwrap();
        rows(&file, None)
    }

    fn rows(&self, name: &str, text: &str) -> anyhow::Result<Vec<(u64, Result<Value, String>)>> {
        let shown = |row: anyhow::Result<Row>| {
            let row = row?;
            Ok((row.line, row.cells.map(Value::Object).map_err(|error| error.to_string())))
        };
        self.open(name, text.as_bytes())?.map(shown).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn table_rows_are_told_by_their_line() {
    let folder = Folder::new("csv");
    let text = "\u{FEFF}email,name\na@b.io,\"L, Ada\"\nshort\n\nb@b.io,\"two\nlines\"\nc@b.io,last";
    for text in [text.to_owned(), format!("{text}\n"), text.replace('\n', "\r\n"), text.replace('\n', "\r\n") + "\r\n"]
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

/// The bytes of a text in UTF-16.
fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
    let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn tables_are_read_in_the_dialects_of_spreadsheets() {
    let folder = Folder::new("dialects");
    let bytes = |text: &str| text.as_bytes().to_vec();
    let latin = |text: &str| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let table = "email,name\nada@b.io,Zoë Müller €\n";
    for (what, name, file, decimal_comma, guessed) in [
        ("plain", "a.csv", bytes(table), false, false),
        ("a mark", "a.csv", bytes(&format!("\u{FEFF}{table}")), false, false),
        ("an ending in capitals", "A.CSV", bytes(table), false, false),
        ("semicolons", "a.csv", bytes(&table.replace(',', ";")), true, false),
        ("tabs", "a.csv", bytes(&table.replace(',', "\t")), false, false),
        ("tabs by the ending", "a.tsv", bytes(&table.replace(',', "\t")), false, false),
        ("bars", "a.txt", bytes(&table.replace(',', "|")), false, false),
        ("a line that says it", "a.csv", bytes(&format!("sep=;\r\n{}", table.replace(',', ";"))), true, false),
        ("a mark and such a line", "a.csv", bytes(&format!("\u{FEFF}sep=;\n{}", table.replace(',', ";"))), true, false),
        (
            "another sign in quotes",
            "a.csv",
            bytes(&table.replace("email,name", "\"email\";name").replace("io,", "io;")),
            true,
            false,
        ),
        ("UTF-16, little end first", "a.csv", utf16(table, true, true), false, false),
        ("UTF-16, big end first", "a.csv", utf16(table, true, false), false, false),
        ("UTF-16 without a mark", "a.csv", utf16(table, false, true), false, false),
        ("UTF-16 the other way without a mark", "a.csv", utf16(table, false, false), false, false),
        (
            "UTF-16 with tabs, as Excel's Unicode text",
            "a.txt",
            utf16(&table.replace(',', "\t"), true, true),
            false,
            false,
        ),
        ("Windows-1252", "a.csv", latin(table), false, true),
        ("Windows-1252 with semicolons", "a.csv", latin(&table.replace(',', ";")), true, true),
        ("blanks around the names", "a.csv", bytes(&table.replace("email,name", " email , name\u{A0}")), false, false),
        ("a sign behind each row", "a.csv", bytes(&table.replace('€', "€,,")), false, false),
    ] {
        let rows = folder.open(name, &file).unwrap();
        assert_eq!((rows.decimal_comma, rows.guess.is_some()), (decimal_comma, guessed), "{what}");
        assert_eq!(rows.heads, ["email", "name"], "{what}");
        let rows: Vec<Row> = rows.map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1, "{what}");
        let cells = rows[0].cells.as_ref().unwrap();
        assert_eq!((&cells["email"], &cells["name"]), (&"ada@b.io".into(), &"Zoë Müller €".into()), "{what}");
    }
}

#[test]
fn one_broken_row_does_not_change_the_encoding_of_the_others() {
    let folder = Folder::new("mixed");
    let mut file = "email,name\na@b.io,Zoë\nb@b.io,Jürgen\nc@b.io,".as_bytes().to_vec();
    file.extend([0xFC, b'\n']);
    let rows = folder.open("a.csv", &file).unwrap();
    assert_eq!(rows.guess, None);
    let read: Vec<bool> = rows.map(|row| row.unwrap().cells.is_ok()).collect();
    assert_eq!(read, [true, true, false]);
}

#[test]
fn an_encoding_may_be_named() {
    let folder = Folder::new("named");
    let file = folder.0.join("a.csv");
    std::fs::write(&file, encoding_rs::WINDOWS_1251.encode("email,name\na@b.io,Анна\n").0).unwrap();
    let row = rows(&file, Some("windows-1251")).unwrap().next().unwrap().unwrap();
    assert_eq!(row.cells.unwrap()["name"], "Анна");
    assert!(rows(&file, Some("klingon")).is_err());
}

#[test]
fn a_header_names_every_column_once() {
    let folder = Folder::new("heads");
    let error = format!("{:#}", folder.rows("a.csv", "email,name,email\na,b,c\n").unwrap_err());
    assert!(error.contains("names `email` twice, as column 1 and column 3"), "{error}");
    let unnamed = folder.open("a.csv", b"email,,\na@b.io,,\n").unwrap();
    assert_eq!(unnamed.heads, ["email", "column 2", "column 3"]);
    assert_eq!(folder.rows("a.csv", "email\na;b\n").unwrap().len(), 1, "a `;` within a cell says nothing");
    assert_eq!(folder.open("a.csv", b"").unwrap().count(), 0, "an empty file has no rows");
}

#[test]
fn empty_rows_have_no_cells() {
    let folder = Folder::new("empty");
    let rows = folder.rows("a.csv", "email,name\na@b.io,Ada\n,\n  ,\u{A0}\n\"\",\"\"\nb@b.io,Bob\n").unwrap();
    let cells: Vec<usize> = rows.iter().map(|(_, row)| row.as_ref().unwrap().as_object().unwrap().len()).collect();
    assert_eq!(cells, [2, 0, 0, 0, 2]);
}

#[test]
fn json_lines_go_on_after_one_that_cannot_be_read() {
    let folder = Folder::new("json");
    let long = "x".repeat(2 * LINE_BYTES_MAX + 17);
    let text = format!(
        "{{\"a\": 1}}\n\n[1]\n{long}\n{{\"b\": 2}}\n{{\"c\": 1, \"c\": 2}}\n{{\"id\": 12345678901234567890123}}"
    );
    let rows = folder.rows("a.jsonl", &text).unwrap();
    let told: Vec<(u64, bool)> = rows.iter().map(|(line, row)| (*line, row.is_ok())).collect();
    assert_eq!(told, [(1, true), (3, false), (4, false), (5, true), (6, false), (7, true)]);
    assert_eq!(rows[5].1.as_ref().unwrap()["id"], "12345678901234567890123");
}

#[test]
fn json_lines_may_begin_with_a_mark_or_be_utf_16() {
    let folder = Folder::new("marks");
    for file in [utf16("{\"a\": \"é\"}\r\n", true, true), "\u{FEFF}{\"a\": \"é\"}\n".as_bytes().to_vec()] {
        let row = folder.open("a.jsonl", &file).unwrap().next().unwrap().unwrap();
        assert_eq!(row.cells.unwrap()["a"], "é");
    }
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
    let error = rows_error(&folder.0);
    assert!(error.contains("is a folder"), "{error}");
}

fn rows_error(file: &Path) -> String {
    rows(file, None).err().map_or_else(String::new, |error| format!("{error:#}"))
}
