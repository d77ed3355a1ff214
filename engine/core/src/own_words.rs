//! The team's own words for what a lead says, where it stands and how it is reached. Each means one of the engine's
//! words. The engine decides by that meaning and keeps the team's word next to it as text, so that stored records stay
//! readable when a workspace no longer declares the word.

pub use crate::codes::Code;

use crate::lead::{Channel, Stage, TouchResult};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most words of one kind that a workspace may declare.
pub const OWN_WORDS_MAX: usize = 100;

/// The words that `cadenza.yaml` declares, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnWords {
    pub results: Words<TouchResult>,
    pub stages: Words<Stage>,
    pub channels: Words<Channel>,
}

/// The team's own words of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words<C>(BTreeMap<String, OwnWord<C>>);

/// The declaration of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnWord<C> {
    pub means: C,
    /// Whether a report with this word has to give a reason.
    pub reason_required: bool,
}

/// A word as somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said<C> {
    /// The engine's word.
    pub means: C,
    /// The team's own word, if it was given.
    pub own: Option<String>,
}

impl<C> From<C> for Said<C> {
    fn from(means: C) -> Self {
        Self { means, own: None }
    }
}

impl<C: Code> Said<C> {
    /// The word that was given.
    pub fn word(&self) -> &str {
        self.own.as_deref().unwrap_or(self.means.word())
    }
}

impl<C> Default for Words<C> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<C: Code> Words<C> {
    /// Declares a word.
    pub fn insert(&mut self, name: String, word: OwnWord<C>) {
        self.0.insert(name, word);
    }

    /// The declaration of this word.
    pub fn get(&self, name: &str) -> Option<OwnWord<C>> {
        self.0.get(name).copied()
    }

    /// How many words are declared.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the team has no words of its own.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The team's own words, in order.
    pub fn own(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }

    /// Every word that may be given: the engine's, then the team's.
    pub fn all(&self) -> impl Iterator<Item = &str> + Clone {
        C::codes().iter().map(|code| code.word()).chain(self.own())
    }

    /// The meaning of a text, if it is one of the engine's or the team's words.
    pub fn said(&self, text: &str) -> Option<Said<C>> {
        let engines = C::codes().iter().find(|code| code.word() == text).map(|code| Said::from(*code));
        engines.or_else(|| self.get(text).map(|word| Said { means: word.means, own: Some(text.to_owned()) }))
    }

    /// Whether a report with this word has to give a reason.
    pub fn wants_reason(&self, said: &Said<C>) -> bool {
        said.own.as_deref().and_then(|own| self.get(own)).is_some_and(|word| word.reason_required)
    }

    /// The words that may be given, for a message: `open, qualified; of the team's own: reference`.
    pub fn listed(&self) -> String {
        self.listed_of(|_| true)
    }

    /// The same list, restricted to words whose meaning is allowed.
    pub fn listed_of(&self, may: impl Fn(C) -> bool) -> String {
        let engines: Vec<&str> = C::codes().iter().filter(|code| may(**code)).map(|code| code.word()).collect();
        let own: Vec<&str> = self.0.iter().filter(|(_, word)| may(word.means)).map(|(name, _)| name.as_str()).collect();
        match own.is_empty() {
            true => engines.join(", "),
            false => format!("{}; of the team's own: {}", engines.join(", "), own.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_the_engines_word_or_the_teams() {
        let mut results = Words::default();
        results.insert("no-budget".to_owned(), OwnWord { means: TouchResult::NotNow, reason_required: true });
        results.insert("reference".to_owned(), OwnWord { means: TouchResult::Qualified, reason_required: false });
        let own = |means, word: &str| Some(Said { means, own: Some(word.to_owned()) });
        let cases = [
            ("not_now", Some(Said::from(TouchResult::NotNow)), false),
            ("no-budget", own(TouchResult::NotNow, "no-budget"), true),
            ("reference", own(TouchResult::Qualified, "reference"), false),
            ("no_budget", None, false),
            ("No-Budget", None, false),
            ("", None, false),
        ];
        for (text, said, wants_reason) in cases {
            assert_eq!(results.said(text), said, "`{text}`");
            assert_eq!(said.as_ref().is_some_and(|said| results.wants_reason(said)), wants_reason, "`{text}`");
            assert!(said.is_none_or(|said| said.word() == text), "`{text}` is kept as it was given");
        }
        assert!(results.listed().ends_with("opted_out; of the team's own: no-budget, reference"));
        assert_eq!(results.listed_of(|code| code == TouchResult::Qualified), "qualified; of the team's own: reference");
        assert_eq!(Words::<Stage>::default().listed(), "open, qualified, customer, lost, disqualified, suppressed");
    }
}
