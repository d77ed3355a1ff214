//! What commands and the demo print, and how: on which stream, in which time zone, as tables, lines and
//! stories. Knows no command.

pub(crate) mod glance;
pub(crate) mod output;
pub(crate) mod story;
pub(crate) mod table;
pub(crate) mod zone;

/// Writes `1 row` or `2 rows`.
pub(crate) fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
