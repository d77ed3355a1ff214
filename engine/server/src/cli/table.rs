//! Tables for people: columns as wide as what is in them.

use super::output;
use serde_json::Value;

/// A column: its heading, and where its value is in a row (`a.b` goes down).
pub(super) type Column = (&'static str, &'static str);

/// Prints rows, or says that there are none.
pub(super) fn print(columns: &[Column], rows: &[Value], nothing: &str) {
    if rows.is_empty() {
        return output::say(nothing);
    }
    output::say(&lay_out(columns, rows));
}

fn lay_out(columns: &[Column], rows: &[Value]) -> String {
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let mut lines: Vec<Vec<String>> = vec![headings];
    lines.extend(rows.iter().map(|row| columns.iter().map(|(_, path)| cell(row, path)).collect()));
    let width = |ix: usize| lines.iter().map(|line| line[ix].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let lines = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text at a path; `-` for nothing.
pub(super) fn cell(row: &Value, path: &str) -> String {
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
        let rows = [json!({"id": "ld_1", "lead": {"name": "Ada"}}), json!({"id": "ld_234", "lead": {"name": null}})];
        assert_eq!(lay_out(&[("ID", "id"), ("NAME", "lead.name")], &rows), "ID      NAME\nld_1    Ada\nld_234  -");
    }
}
