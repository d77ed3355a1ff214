//! Tables for people: columns as wide as their content, times in the reader's zone.

use super::{output, zone};
use jiff::tz::TimeZone;
use serde_json::Value;

/// A column: its heading, and the path of its value in a row (`a.b` goes down).
pub(crate) type Column = (&'static str, &'static str);

/// Prints rows, or says that there are none.
pub(crate) fn print(columns: &[Column], rows: &[Value], nothing: &str) {
    print_in(None, columns, rows, nothing);
}

/// The same with times in a zone of the engine's, beside whose words they stand. The headings of times name it.
pub(crate) fn print_in(zone: Option<&str>, columns: &[Column], rows: &[Value], nothing: &str) {
    if rows.is_empty() {
        return output::say(nothing);
    }
    let told = zone.map_or_else(zone::of_reader, |name| zone::named(Some(name)));
    output::say(&lay_out(columns, rows, &told, zone));
    if zone.is_none() && columns.iter().any(|(_, path)| has_times(rows, path, &told)) {
        tell_zone(&told);
    }
}

fn has_times(rows: &[Value], path: &str, zone: &TimeZone) -> bool {
    rows.iter().any(|row| zone::in_a_column(&cell(row, path), zone).is_some())
}

/// Whose times are shown: below a table and not in it, because programs that read the table take lines, and people look here last.
pub(crate) fn tell_zone(zone: &TimeZone) {
    output::complain(&format!("Times are those of {}.", zone.iana_name().unwrap_or("UTC")));
}

/// With `named`, the headings of times say whose they are.
fn lay_out(columns: &[Column], rows: &[Value], zone: &TimeZone, named: Option<&str>) -> String {
    let shown = |row: &Value, path: &str| {
        let text = cell(row, path);
        zone::in_a_column(&text, zone).unwrap_or(text)
    };
    let heading = |(heading, path): &Column| match named {
        Some(name) if has_times(rows, path, zone) => format!("{heading} ({name})"),
        _ => (*heading).to_owned(),
    };
    let headings = columns.iter().map(heading).collect();
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
            lay_out(&[("ID", "id"), ("DUE", "due"), ("NAME", "lead.name")], &rows, &zone, None),
            "ID      DUE               NAME\nld_1    2026-11-20 10:00  Ada\nld_234  -                 -"
        );
        assert_eq!(
            lay_out(&[("ID", "id"), ("DUE", "due")], &rows, &zone, Some("America/New_York")),
            "ID      DUE (America/New_York)\nld_1    2026-11-20 10:00\nld_234  -"
        );
    }
}
