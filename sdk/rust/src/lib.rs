//! The library for writing and testing plugins in Rust. The guide is `sdk/README.md`.
//!
//! A plugin implements [`Plugin`] and one or more of [`Scorer`], [`Nurturer`] and [`Escalator`], and says so with
//! [`export!`]. Built for `wasm32-unknown-unknown` it is a guest that imports nothing, except for [`log!`] if it uses
//! that. It has no clock, randomness, network or files, and its memory is an arena that is dropped with the instance.
//! Built for the machine at hand it is a plain library that [`golden`] tests.

#[cfg(target_arch = "wasm32")]
mod arena;
#[doc(hidden)]
pub mod contract;
mod export;
#[cfg(not(target_arch = "wasm32"))]
pub mod golden;
mod log;
#[cfg(target_arch = "wasm32")]
mod panics;
#[doc(hidden)]
pub mod plugin;
mod table;
mod tally;
mod time;
#[doc(hidden)]
pub mod value;
mod view;

/// Declares the codes that a plugin distinguishes (channels, outcomes, results, kinds of engagement), or its tracks.
/// The text of a code is its variant's name in lower case with `_`, unless `#[code("…")]` gives another. A code of a
/// touch can be compared with a variant.
///
/// ```
/// #[derive(Clone, Copy, cadenza_sdk::Codes)]
/// pub enum Known {
///     /// Not at this time.
///     NotNow,
/// }
/// assert_eq!(Known::TEXTS, ["not_now"]);
/// ```
pub use cadenza_sdk_derive::Codes;
/// Declares the lead fields that a plugin reads. A field that is not known is `None`. The names are those of the
/// workspace: standard fields, those that the engine maintains (`score`, `last_touch`…) and the workspace's own.
///
/// ```
/// #[derive(cadenza_sdk::Fields)]
/// pub struct Fields {
///     /// Job title; blank gives no points.
///     pub title: Option<&'static str>,
///     /// People in the company; blank gives no points.
///     pub employees: Option<i64>,
/// }
/// ```
pub use cadenza_sdk_derive::Fields;
/// Declares what a workflow may set under `with`. The comment of each parameter is shown in the editor, so name the
/// unit. A parameter without a default has to be set.
///
/// ```
/// #[derive(cadenza_sdk::Parameters)]
/// pub struct Parameters {
///     /// Points from which a lead is hot.
///     #[parameter(default = 75, range = -1000..=1000)]
///     pub hot: i64,
///     /// Domains that tell nothing about a company.
///     #[parameter(default = &["gmail.com", "outlook.com"])]
///     pub free_mail: &'static [&'static str],
///     /// The product that is sold; has to be set.
///     pub product: &'static str,
/// }
/// ```
pub use cadenza_sdk_derive::Parameters;
/// Declares the rules that reasons refer to: the number, the name and the words of each. In the words, `{value}` and
/// `{points}` stand for those of the reason. A number, once used, is never given to another rule.
///
/// ```
/// #[derive(Clone, Copy, cadenza_sdk::Rules)]
/// pub enum Rule {
///     /// Those who decide, decide sooner.
///     #[rule("Decides on such purchases: {value}")]
///     Seniority = 1,
/// }
/// assert_eq!(Rule::TABLE[0].name, "seniority");
/// ```
pub use cadenza_sdk_derive::Rules;
/// A CSV file as a lookup [`Table`], read when the plugin is compiled, because a guest has no files. The path is
/// relative to the crate's `Cargo.toml`. Rows are found by an exact match in the column that `key` names.
///
/// ```ignore
/// const INDUSTRIES: cadenza_sdk::Table = cadenza_sdk::table!("tables/industries.csv", key = "industry");
/// let points = INDUSTRIES.get("logistics").and_then(|row| row.parse::<i32>("points")).unwrap_or(0);
/// ```
pub use cadenza_sdk_derive::table;
#[doc(hidden)]
pub use export::worlds;
#[doc(hidden)]
pub use log::say;
pub use plugin::{Escalator, Nothing, Nurturer, Plugin, Reads, Refusal, RuleText, Scorer};
pub use table::{Row, Table};
pub use tally::{Action, Choice, Rating, Segment, Tally, Verdict};
pub use time::{Span, Time};
pub use value::FieldType;
pub use view::{Code, Engagement, Overdue, Touch, View};

impl Code {
    /// The code at this position of the plugin's codes.
    #[doc(hidden)]
    pub fn at(position: u16) -> Self {
        Self(position)
    }

    /// Its position in the plugin's codes. Authors compare with a variant of their `#[derive(Codes)]` enum instead.
    #[doc(hidden)]
    pub fn position(self) -> u16 {
        self.0
    }
}
