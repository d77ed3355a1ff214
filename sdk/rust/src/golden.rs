//! The test kit: golden cases, kept as YAML beside the plugin and run by plain `cargo test`.
//!
//! ```no_run
//! # use cadenza_sdk::*;
//! # struct InboundFit;
//! # impl Plugin for InboundFit {
//! #     const NAME: &'static str = "inbound-fit";
//! #     const VERSION: &'static str = "1";
//! #     const SUMMARY: &'static str = "";
//! #     type Parameters = Nothing;
//! #     type Fields = Nothing;
//! # }
//! # impl Scorer for InboundFit {
//! #     fn score(_: &View<'_, Self>) -> Result<Rating, Refusal> { Err(String::new()) }
//! # }
//! #[test]
//! fn golden() {
//!     cadenza_sdk::golden::scorer::<InboundFit>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
//! }
//! ```
//! A case says what is known and what answer is expected; what it does not mention is blank. It goes through the same
//! code as in the engine: the plugin sees only what it asked for, within the windows it asked for.

mod case;

pub use case::{Case, EngagementCase, Expect, Length, Moment, OverdueCase, ReasonCase, Scalar, TouchCase};

use crate::contract::describe::{self, Literal, Parameter, ValueType, Window};
use crate::contract::types::{self, Value};
use crate::contract::{escalator, nurturer, scorer};
use crate::plugin::{Escalator, Nurturer, Parameters, Plugin, Scorer};
use crate::time::Span;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs every case of a folder against a scorer.
pub fn scorer<P: Scorer>(folder: impl AsRef<Path>) {
    check(folder.as_ref(), |case| {
        decided::<P>(case, |input| {
            let single = <P as scorer::Guest>::score(input.clone());
            let batch = <P as scorer::Guest>::score_batch(twice(input));
            if batch == [single.clone(), single.clone()] {
                Ok(Expect::rating(single, P::RULES))
            } else {
                Err("scoring in a batch gives another answer than scoring singly".to_owned())
            }
        })
    });
}

/// Runs every case of a folder against a nurturer.
pub fn nurturer<P: Nurturer>(folder: impl AsRef<Path>) {
    check(folder.as_ref(), |case| {
        decided::<P>(case, |input| Ok(Expect::choice(<P as nurturer::Guest>::choose(input), P::RULES)))
    });
}

/// Runs every case of a folder against an escalator.
pub fn escalator<P: Escalator>(folder: impl AsRef<Path>) {
    check(folder.as_ref(), |case| {
        decided::<P>(case, |input| {
            let overdue = case.overdue.as_ref().ok_or("the case of an escalator needs `overdue`")?.to_contract();
            Ok(Expect::verdict(<P as escalator::Guest>::decide(input, overdue), P::RULES))
        })
    });
}

/// Runs every case of a folder against `decide`, and fails with all that differ.
///
/// # Panics
/// When a case differs or cannot be read, or when there is none.
pub fn check(folder: &Path, decide: impl Fn(&Case) -> Result<Expect, String>) {
    let cases = read(folder).unwrap_or_else(|why| panic!("{why}"));
    assert!(!cases.is_empty(), "there is no case in {}: put YAML files there", folder.display());
    let differing: Vec<String> = cases
        .iter()
        .filter_map(|(file, case)| {
            let (name, file) = (&case.case, file.display());
            match decide(case) {
                Ok(decided) if decided == case.expect => None,
                Ok(decided) => Some(format!(
                    "{file}: `{name}` comes out differently; if it is right so, put this under `expect`:\n{decided}\
                     instead of:\n{}",
                    case.expect
                )),
                Err(why) => Some(format!("{file}: `{name}` cannot be decided: {why}")),
            }
        })
        .collect();
    assert!(differing.is_empty(), "{} of {} cases:\n{}", differing.len(), cases.len(), differing.join("\n"));
}

/// Reads the cases of every YAML file of a folder, in the order of the files' names.
pub fn read(folder: &Path) -> Result<Vec<(PathBuf, Case)>, String> {
    let listing = |error: std::io::Error| format!("the cases in {} cannot be read: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(listing)? {
        files.push(entry.map_err(listing)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(listing)?;
        let read: Vec<Case> = serde_saphyr::from_str(&text).map_err(|error| {
            let named = error.to_string().replace("<input>", &file.display().to_string());
            format!("{}: {named}", file.display())
        })?;
        cases.extend(read.into_iter().map(|case| (file.clone(), case)));
    }
    Ok(cases)
}

/// Decides with the case's input. Parameters that the plugin does not take are a refusal like any other.
fn decided<P: Plugin>(
    case: &Case,
    decide: impl FnOnce(types::Input) -> Result<Expect, String>,
) -> Result<Expect, String> {
    let mut pool = Pool::default();
    let parameters = lay_out(&P::Parameters::describe(), &case.with, &mut pool)?;
    match <P as describe::Guest>::reads(pool.texts.clone(), parameters.clone()) {
        Ok(view) => decide(input::<P>(case, &view, parameters, pool)?),
        Err(why) => Ok(Expect::refused(why)),
    }
}

/// The texts of a case, as the contract passes them.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    texts: types::Texts,
}

impl Default for Pool {
    fn default() -> Self {
        Self { texts: types::Texts { joined: Vec::new(), ends: Vec::new() } }
    }
}

impl Pool {
    fn put(&mut self, text: &str) -> u32 {
        let types::Texts { joined, ends } = &mut self.texts;
        joined.extend_from_slice(text.as_bytes());
        ends.push(joined.len() as u32);
        ends.len() as u32 - 1
    }

    fn put_all(&mut self, texts: &[String]) -> types::TextRange {
        let first = self.texts.ends.len() as u32;
        for text in texts {
            self.put(text);
        }
        types::TextRange { first, count: texts.len() as u32 }
    }
}

/// Values for the plugin's parameters in order, with defaults.
fn lay_out(described: &[Parameter], with: &BTreeMap<String, Scalar>, pool: &mut Pool) -> Result<Vec<Value>, String> {
    if let Some(name) = with.keys().find(|name| !described.iter().any(|parameter| parameter.name == **name)) {
        return Err(format!("the plugin has no parameter `{name}`"));
    }
    let value = |parameter: &Parameter| match with.get(&parameter.name) {
        Some(scalar) => fit(&parameter.name, scalar, parameter.kind, pool),
        None => default(parameter, pool),
    };
    described.iter().map(value).collect()
}

fn default(parameter: &Parameter, pool: &mut Pool) -> Result<Value, String> {
    Ok(match &parameter.default {
        Literal::Blank => return Err(format!("the parameter `{}` is required", parameter.name)),
        Literal::Boolean(yes) => Value::Boolean(*yes),
        Literal::Int(int) => Value::Int(*int),
        Literal::Number(number) => Value::Number(*number),
        Literal::Text(text) => Value::Text(pool.put(text)),
        Literal::Time(at) => Value::Time(*at),
        Literal::Duration(ms) => Value::Duration(*ms),
        Literal::Texts(texts) => Value::Texts(pool.put_all(texts)),
    })
}

/// What the plugin would see of the case.
fn input<P: Plugin>(
    case: &Case,
    view: &describe::View,
    parameters: Vec<Value>,
    mut pool: Pool,
) -> Result<types::Input, String> {
    if let Some(name) = case.lead.keys().find(|name| !view.fields.iter().any(|field| field.name == **name)) {
        let fields: Vec<&str> = view.fields.iter().map(|field| field.name.as_str()).collect();
        return Err(format!("the plugin does not read the field `{name}`; it reads {}", fields.join(", ")));
    }
    let fields = view.fields.iter().map(|field| match case.lead.get(&field.name) {
        Some(scalar) => fit(&field.name, scalar, field.kind, &mut pool),
        None => Ok(Value::Blank),
    });
    let fields = fields.collect::<Result<_, _>>()?;
    let touches: Vec<types::Touch> = within(&case.touches, view.touches.as_ref(), |touch| (&touch.channel, touch.age))
        .map(|touch| types::Touch {
            age: touch.age.0.as_delay_seconds(),
            channel: position::<P>(&touch.channel),
            outcome: position::<P>(&touch.outcome),
            result: touch.result.as_deref().map(position::<P>),
        })
        .collect();
    let engagement: Vec<types::Engagement> =
        within(&case.engagement, view.engagement.as_ref(), |seen| (&seen.kind, seen.age))
            .map(|seen| types::Engagement {
                age: seen.age.0.as_delay_seconds(),
                kind: position::<P>(&seen.kind),
                detail: pool.put(&seen.detail),
            })
            .collect();
    let lead = types::Lead {
        touches: touches.len() as u32,
        engagement: engagement.len() as u32,
        owner_present: case.owner_present.filter(|_| view.owner_present),
        previous_score: case.previous_score.filter(|_| view.previous_score),
        business_elapsed: case.business_elapsed.filter(|_| view.business_elapsed).map(|span| span.0.as_ms() as u64),
    };
    let now = case.now.0.as_ms();
    Ok(types::Input { now, texts: pool.texts, parameters, fields, touches, engagement, leads: vec![lead] })
}

/// The same lead a second time.
fn twice(mut input: types::Input) -> types::Input {
    input.fields.extend_from_within(..);
    input.touches.extend_from_within(..);
    input.engagement.extend_from_within(..);
    input.leads.extend_from_within(..);
    input
}

/// The part of a history that lies within a window.
fn within<'a, T>(
    history: &'a [T],
    window: Option<&'a Window>,
    of: impl Fn(&T) -> (&str, Length) + 'a,
) -> impl Iterator<Item = &'a T> {
    let count = window.map_or(0, |window| usize::from(window.count));
    let seen = history.iter().filter(move |item| {
        let (kind, age) = of(item);
        window.is_some_and(|window| {
            age.0 <= Span::days(i64::from(window.days_back))
                && (window.kinds.is_empty() || window.kinds.iter().any(|wanted| wanted == kind))
        })
    });
    seen.take(count)
}

fn position<P: Plugin>(code: &str) -> u16 {
    P::CODES.iter().position(|listed| *listed == code).and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX)
}

fn fit(name: &str, scalar: &Scalar, kind: ValueType, pool: &mut Pool) -> Result<Value, String> {
    scalar.fit(kind, pool).ok_or_else(|| format!("`{name}` is not of the type that the plugin reads: {scalar:?}"))
}
