//! YAML files that a person gives to a command (`--config`, `--map`): parsed as a type, with errors in our words.

use anyhow::{Context as _, anyhow};
use serde::de::DeserializeOwned;
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter};
use std::borrow::Cow;
use std::path::Path;

/// Reads a file. `is_none` is what the error says of a file that cannot be read as this type, such
/// as `does not hold options`.
pub(super) fn read<T: DeserializeOwned>(file: &Path, is_none: &str) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    parse(&text).map_err(|why| anyhow!("`{}` {is_none}: {why}", file.display()))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| error.render_with_formatter(&Words))
}

/// The library's messages, except those that advise programmers.
struct Words;

impl MessageFormatter for Words {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::DuplicateMappingKey { key: Some(key), .. } => format!("`{key}` stands there twice").into(),
            Error::DuplicateMappingKey { key: None, .. } => "the same name stands there twice".into(),
            other => DefaultMessageFormatter.format_message(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_name_that_stands_twice_is_told_in_our_words() {
        let why = parse::<BTreeMap<String, String>>("data: a\nlog: b\ndata: c\n").unwrap_err();
        assert!(why.contains("line 3") && why.contains("`data` stands there twice"), "{why}");
        assert!(!why.contains("Options"), "{why}");
    }
}
