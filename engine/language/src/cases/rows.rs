//! Events from a table: the first row names the columns, and each other row is an event.

use super::Leads;
use super::lookup::Lookup;
use super::model::{Act, Given, Moment, When};
use crate::diagnostic::{Problem, Sheet};
use crate::suggest::nearest;
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::field::{STANDARD_FIELDS, STANDING_FIELDS};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::Value;
use std::collections::BTreeMap;
use std::ops::Range;

/// The most rows of a table.
const ROWS_MAX: usize = 5_000;
/// Columns that are not fields of the lead.
const OURS: [&str; 3] = ["at", "event", "lead"];
const DATA: &str = "data.";

/// A value of a row, and its place.
struct Cell {
    text: String,
    span: Range<usize>,
}

pub(super) fn read(
    look: &Lookup<'_>,
    (file, text): (&str, &str),
    when: When,
    line: usize,
    leads: &mut Leads,
) -> Option<Vec<Given>> {
    let sheet = look.sheet.beside(file, text);
    let mut rows = split(text).into_iter();
    let head = rows.next().unwrap_or_default();
    if !columns_are_known(look, &sheet, &head) {
        return None;
    }
    // Problems are reported for the table, not for the test file.
    let look = &Lookup { sheet, leads: Leads::new(), workflow: look.workflow.clone(), ..*look };
    let mut given = Vec::new();
    for (number, row) in rows.enumerate() {
        if number >= ROWS_MAX {
            let place = row.first().map_or(0..0, |cell| cell.span.clone());
            let problem = Problem::error("too-large", place, format!("the table has more than {ROWS_MAX} rows"));
            sheet.report(problem.help("make two tables of it"));
            return None;
        }
        let first = number == 0;
        given.extend(event(look, &head, &row, (when, first), line, number, leads));
    }
    Some(given)
}

fn columns_are_known(look: &Lookup<'_>, sheet: &Sheet<'_>, head: &[Cell]) -> bool {
    let own = look.workspace.settings.fields.keys().map(String::as_str);
    let ours = STANDARD_FIELDS.iter().chain(STANDING_FIELDS).map(|info| info.name);
    let names: Vec<&str> = OURS.into_iter().chain(ours).chain(own).collect();
    let mut sound = true;
    for cell in head.iter().filter(|cell| !cell.text.starts_with(DATA) && !names.contains(&cell.text.as_str())) {
        let problem = Problem::error("unknown-field", cell.span.clone(), format!("there is no field `{}`", cell.text));
        sheet.report(match nearest(&cell.text, names.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")).replace(near),
            None => problem.help("columns are `at`, `event`, `lead`, fields of the lead, and `data.` with a name"),
        });
        sound = false;
    }
    if head.is_empty() {
        let problem = Problem::error("empty-list", 0..0, "the table has no rows");
        sheet.report(problem.help("its first row names the columns: `at,event,lead,email,first_name`"));
    }
    sound && !head.is_empty()
}

fn event(
    look: &Lookup<'_>,
    head: &[Cell],
    row: &[Cell],
    (when, first): (When, bool),
    line: usize,
    number: usize,
    leads: &mut Leads,
) -> Option<Given> {
    if row.len() != head.len() {
        let place = row.first().map_or(0..0, |cell| cell.span.clone());
        let message = format!("this row has {} values, and the first has {}", row.len(), head.len());
        look.sheet
            .report(Problem::error("bad-row", place, message).help("a value with a comma in it stands in quotes"));
        return None;
    }
    let cell = |name: &str| {
        let ix = head.iter().position(|column| column.text == name)?;
        row.get(ix).filter(|cell| !cell.text.is_empty())
    };
    let kind = match cell("event") {
        Some(cell) => match EventType::parse(&cell.text) {
            Some(kind) => kind,
            None => {
                let message = format!("there is no event type `{}`", cell.text);
                let problem = Problem::error("unknown-event", cell.span.clone(), message);
                let names = StandardEvent::ALL.iter().map(|event| event.as_str());
                look.sheet.report(problem.suggest(&cell.text, names, "event types"));
                return None;
            }
        },
        None => EventType::Standard(StandardEvent::LeadCreated),
    };
    let when = match cell("at") {
        Some(cell) => {
            let moment = Span::parse(&cell.text).map(Moment::After);
            let moment = moment.or_else(|| Timestamp::parse(&cell.text).map(Moment::At));
            if moment.is_none() {
                let message = format!("`{}` is neither a duration nor a time with its zone", cell.text);
                let problem = Problem::error("bad-duration", cell.span.clone(), message);
                look.sheet.report(problem.help("write `5m`, or `2026-03-02T09:00:00-05:00`"));
            }
            When::At(moment?)
        }
        None if first => when,
        None => When::Next(Span::ZERO),
    };
    let (mut fields, mut data) = (Vec::new(), BTreeMap::new());
    for (column, cell) in head.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
        let value = Value::Text(cell.text.clone());
        match column.text.strip_prefix(DATA) {
            Some(name) => drop(data.insert(name.to_owned(), value)),
            None if OURS.contains(&column.text.as_str()) => {}
            None => {
                let value = look.field(&column.text, column.span.clone(), value, cell.span.clone())?;
                fields.push((column.text.clone(), value));
            }
        }
    }
    let lead = cell("lead").map_or_else(|| format!("row-{}", number + 2), |cell| cell.text.clone());
    leads.entry(lead.clone()).or_default();
    Some(Given { line, when, act: Act::Event { kind, lead, fields, data } })
}

/// The non-empty rows of a table. Values may stand in double quotes; a double quote inside is doubled.
fn split(text: &str) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    let mut row: Vec<Cell> = Vec::new();
    let (mut value, mut begun, mut quoted) = (String::new(), 0, false);
    let mut marks = text.char_indices().peekable();
    let mut end_row = |row: &mut Vec<Cell>| {
        let row = std::mem::take(row);
        if row.iter().any(|cell| !cell.text.is_empty()) {
            rows.push(row);
        }
    };
    while let Some((at, mark)) = marks.next() {
        match mark {
            '"' if quoted && marks.peek().is_some_and(|(_, next)| *next == '"') => {
                marks.next();
                value.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if value.trim().is_empty() => {
                value.clear();
                quoted = true;
            }
            ',' | '\n' if !quoted => {
                let span = begun..at;
                row.push(Cell { text: std::mem::take(&mut value).trim().to_owned(), span });
                begun = at + 1;
                if mark == '\n' {
                    end_row(&mut row);
                }
            }
            mark => value.push(mark),
        }
    }
    if !value.is_empty() || !row.is_empty() {
        row.push(Cell { text: value.trim().to_owned(), span: begun..text.len() });
        end_row(&mut row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_split_as_spreadsheets_write_them() {
        let table = "at,event,message\r\n0m,lead.created,\"Hello, \"\"you\"\"\nthere\"\r\n\r\n,,\n5m,,plain";
        let rows: Vec<Vec<String>> =
            split(table).into_iter().map(|row| row.into_iter().map(|cell| cell.text).collect()).collect();
        let expected: [&[&str]; 3] =
            [&["at", "event", "message"], &["0m", "lead.created", "Hello, \"you\"\nthere"], &["5m", "", "plain"]];
        assert_eq!(rows, expected);
    }
}
