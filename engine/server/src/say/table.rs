//! Tables for people: columns as wide as their content, times in the reader's zone.

use super::{output, zone};
use jiff::tz::TimeZone;
use serde_json::Value;

/// A column: its heading, and the path of its value in a row (`a.b` goes down).
pub(crate) type Column = (&'static str, &'static str);

/// Prints rows, or says that there are none.
pub(crate) fn print(columns: &[Column], rows: &[Value], nothing: &str) {
    if rows.is_empty() {
        return output::say(nothing);
    }
    let zone = zone::of_reader();
    output::say(&lay_out(columns, rows, &zone));
    if columns.iter().any(|(_, path)| rows.iter().any(|row| zone::in_a_column(&cell(row, path), &zone).is_some())) {
        tell_zone(&zone);
    }
}

/// Says whose times are shown. This goes below the table and not into it, because programs that read the table take its
/// lines, and people look here last.
pub(crate) fn tell_zone(zone: &TimeZone) {
    output::complain(&format!("Times are those of {}.", zone.iana_name().unwrap_or("UTC")));
}

fn lay_out(columns: &[Column], rows: &[Value], zone: &TimeZone) -> String {
    let shown = |row: &Value, path: &str| {
        let text = cell(row, path);
        zone::in_a_column(&text, zone).unwrap_or(text)
    };
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let mut lines: Vec<Vec<String>> = vec![headings];
    lines.extend(rows.iter().map(|row| columns.iter().map(|(_, path)| shown(row, path)).collect()));
    let width = |ix: usize| lines.iter().map(|line| line[ix].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let lines = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text at a path; `-` for nothing.
pub(crate) fn cell(row: &Value, path: &str) -> String {
    plain(path.split('.').fold(row, |value, name| &value[name]))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(['\n', '\t'], " "),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            json!({"id": "ld_1", "lead": {"name": "Ada"}, "due": "2026-11-20T15:00:00Z"}),
            json!({"id": "ld_234", "lead": {"name": null}, "due": null}),
        ];
        let zone = TimeZone::get("America/New_York").unwrap();
        assert_eq!(
            lay_out(&[("ID", "id"), ("DUE", "due"), ("NAME", "lead.name")], &rows, &zone),
            "ID      DUE               NAME\nld_1    2026-11-20 10:00  Ada\nld_234  -                 -"
        );
    }
}
