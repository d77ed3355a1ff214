//! Lookup tables, made by `table!` from files beside the plugin.

use std::str::FromStr;

/// Rows that are found by the text in one of their columns.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    columns: &'static [&'static str],
    key: usize,
    /// Sorted by the key.
    rows: &'static [&'static [&'static str]],
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    columns: &'static [&'static str],
    cells: &'static [&'static str],
}

impl Table {
    #[doc(hidden)]
    pub const fn new(columns: &'static [&'static str], key: usize, rows: &'static [&'static [&'static str]]) -> Self {
        Self { columns, key, rows }
    }

    /// The row whose key is exactly this text.
    pub fn get(&self, key: &str) -> Option<Row> {
        let at = self.rows.binary_search_by(|row| row[self.key].cmp(key)).ok()?;
        Some(Row { columns: self.columns, cells: self.rows[at] })
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Row {
    /// The cell of a column.
    ///
    /// # Panics
    /// When the table has no such column; the message says so to whoever tests the plugin.
    pub fn text(&self, column: &str) -> &'static str {
        let at = self.columns.iter().position(|known| *known == column);
        self.cells[at.unwrap_or_else(|| panic!("the table has no column `{column}`"))]
    }

    /// The cell of a column, parsed from its text as a number or another type; `None` if that fails.
    ///
    /// # Panics
    /// The same as [`Row::text`].
    pub fn parse<T: FromStr>(&self, column: &str) -> Option<T> {
        self.text(column).parse().ok()
    }
}
