//! What an author implements: [`Plugin`], and for each kind of decision one of [`Scorer`], [`Nurturer`], [`Escalator`].

use crate::contract::describe::{self, Field, ValueType, Window};
use crate::tally::{Choice, Rating, Verdict};
use crate::value::Values;
use crate::view::{Overdue, View};

/// A refusal: the plugin cannot decide, and says why to whoever reads the journal.
pub type Refusal = String;

/// What a plugin is and wants to see.
pub trait Plugin: Sized + 'static {
    /// The name that workflows use: lower case, digits and `-`.
    const NAME: &'static str;
    /// The plugin's own version; `env!("CARGO_PKG_VERSION")` is a good choice.
    const VERSION: &'static str;
    /// What it is for, in one sentence.
    const SUMMARY: &'static str;
    /// The most fuel one decision should need, at about one unit per instruction. Measure and leave room: a decision
    /// over budget fails. With at most 1,000,000 fuel and 4 MiB of memory, the decision is taken inside the commit.
    const FUEL_BUDGET: u64 = 200_000;
    /// The most bytes of memory one decision should need. What a decision allocates is not given back before it ends.
    const MEMORY_BUDGET: u64 = 4 * 1024 * 1024;
    /// Its rules: `Rule::TABLE` of a `#[derive(Rules)]`.
    const RULES: &'static [RuleText] = &[];
    /// The tracks it may choose: `Track::TEXTS` of a `#[derive(Codes)]`. For nurturers.
    const TRACKS: &'static [&'static str] = &[];
    /// The channels, outcomes, results and kinds of engagement it distinguishes: `Known::TEXTS` of a
    /// `#[derive(Codes)]`.
    const CODES: &'static [&'static str] = &[];

    /// What a workflow may set: a struct with `#[derive(Parameters)]`, or [`Nothing`].
    type Parameters: Parameters;
    /// The lead fields it reads: a struct with `#[derive(Fields)]`, or [`Nothing`].
    type Fields: Fields;

    /// What it wants to see besides the fields, given these parameters. The error tells whoever writes the workflow why
    /// they do not fit together.
    fn reads(_: &Self::Parameters) -> Result<Reads, Refusal> {
        Ok(Reads::default())
    }
}

/// A plugin that says how good a lead is.
pub trait Scorer: Plugin {
    /// Scores one lead.
    fn score(view: &View<'_, Self>) -> Result<Rating, Refusal>;
}

/// A plugin that chooses a nurture track.
pub trait Nurturer: Plugin {
    /// Chooses a track and when to look again.
    fn choose(view: &View<'_, Self>) -> Result<Choice, Refusal>;
}

/// A plugin that decides what to do about something overdue.
pub trait Escalator: Plugin {
    /// Decides at one of the step's points.
    fn decide(view: &View<'_, Self>, overdue: &Overdue) -> Result<Verdict, Refusal>;
}

/// What `#[derive(Parameters)]` makes of a struct.
pub trait Parameters: Sized {
    /// What a workflow may set, in the order of the values.
    fn describe() -> Vec<describe::Parameter>;

    /// Takes the values in that order.
    fn take(values: &mut Values<'_>) -> Result<Self, String>;
}

/// What `#[derive(Fields)]` makes of a struct.
pub trait Fields: Sized {
    /// The names and types of the fields, in the order of the values.
    const FIELDS: &'static [(&'static str, ValueType)];

    /// Takes the values in that order. The error names a value of another type.
    fn take(values: &mut Values<'_>) -> Result<Self, String>;
}

/// No parameters, or no fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Parameters for Nothing {
    fn describe() -> Vec<describe::Parameter> {
        Vec::new()
    }

    fn take(_: &mut Values<'_>) -> Result<Self, String> {
        Ok(Self)
    }
}

impl Fields for Nothing {
    const FIELDS: &'static [(&'static str, ValueType)] = &[];

    fn take(_: &mut Values<'_>) -> Result<Self, String> {
        Ok(Self)
    }
}

/// One rule, for the description. Made by `#[derive(Rules)]`.
#[derive(Clone, Copy, Debug)]
pub struct RuleText {
    /// Its number in reasons.
    pub id: u16,
    pub name: &'static str,
    /// What it says in words.
    pub text: &'static str,
}

/// What a plugin wants to see besides the lead's fields.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    touches: Option<Window>,
    engagement: Option<Window>,
    owner_present: bool,
    previous_score: bool,
    business_elapsed: bool,
}

impl Reads {
    /// Also shows the newest `count` touches of the last `days_back` days on these channels, or on all
    /// channels if none are named.
    pub fn touches(mut self, count: u16, days_back: u16, channels: &[&str]) -> Self {
        self.touches = Some(window(count, days_back, channels));
        self
    }

    /// Also shows the newest `count` engagements of the last `days_back` days of these kinds, or of
    /// all kinds if none are named.
    pub fn engagement(mut self, count: u16, days_back: u16, kinds: &[&str]) -> Self {
        self.engagement = Some(window(count, days_back, kinds));
        self
    }

    /// Also shows whether the owner is at work now.
    pub fn owner_present(mut self) -> Self {
        self.owner_present = true;
        self
    }

    /// Also shows the previous points of this score.
    pub fn previous_score(mut self) -> Self {
        self.previous_score = true;
        self
    }

    /// Also shows the business time since the task was made or the run entered.
    pub fn business_elapsed(mut self) -> Self {
        self.business_elapsed = true;
        self
    }

    /// Adds the fields of a plugin, in the form of the contract.
    pub(crate) fn with_fields(self, fields: &[(&str, ValueType)]) -> describe::View {
        describe::View {
            fields: fields.iter().map(|(name, kind)| Field { name: (*name).to_owned(), kind: *kind }).collect(),
            touches: self.touches,
            engagement: self.engagement,
            owner_present: self.owner_present,
            previous_score: self.previous_score,
            business_elapsed: self.business_elapsed,
        }
    }
}

fn window(count: u16, days_back: u16, kinds: &[&str]) -> Window {
    Window { kinds: owned(kinds), count, days_back }
}

pub(crate) fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
