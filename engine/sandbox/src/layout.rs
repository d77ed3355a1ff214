//! Lays out an input as the contract passes it: texts in one pool, and the leads' values one after another. One layout
//! serves many calls, so that its lists are allocated once. Knows nothing of wasmtime's calls.

use crate::contract::{Engagement, Given, Input, Lead, TextRange, Texts, Touch};
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{DecisionInput, TouchSeen};
use cadenza_core::value::Value;

/// Stands for a code that the plugin did not list.
const CODE_NOT_LISTED: u16 = u16::MAX;

/// The lists of one call.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    joined: Vec<u8>,
    ends: Vec<u32>,
    parameters: Vec<Given>,
    fields: Vec<Given>,
    touches: Vec<Touch>,
    engagement: Vec<Engagement>,
    leads: Vec<Lead>,
}

/// A list holds something other than texts; everything else can be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTexts {
    /// The parameter at this position.
    Parameter(usize),
    /// A lead's field at this position.
    Field(usize),
}

impl Layout {
    /// Lays out only parameters.
    pub(crate) fn parameters(&mut self, values: &[Value]) -> Result<(Texts<'_>, &[Given]), NotTexts> {
        self.clear();
        self.put_parameters(values)?;
        Ok((Texts { joined: &self.joined, ends: &self.ends }, &self.parameters))
    }

    /// Lays out leads that share `now` and parameters. There must be at least one.
    pub(crate) fn leads(&mut self, inputs: &[DecisionInput], codes: &Codes) -> Result<Input<'_>, NotTexts> {
        self.clear();
        let shared = &inputs[0];
        self.put_parameters(&shared.parameters)?;
        for input in inputs {
            self.put_lead(input, codes)?;
        }
        Ok(Input {
            now: shared.now.as_ms(),
            texts: Texts { joined: &self.joined, ends: &self.ends },
            parameters: &self.parameters,
            fields: &self.fields,
            touches: &self.touches,
            engagement: &self.engagement,
            leads: &self.leads,
        })
    }

    fn clear(&mut self) {
        self.joined.clear();
        self.ends.clear();
        self.parameters.clear();
        self.fields.clear();
        self.touches.clear();
        self.engagement.clear();
        self.leads.clear();
    }

    fn put_parameters(&mut self, values: &[Value]) -> Result<(), NotTexts> {
        for (position, value) in values.iter().enumerate() {
            let given = self.given(value).ok_or(NotTexts::Parameter(position))?;
            self.parameters.push(given);
        }
        Ok(())
    }

    fn put_lead(&mut self, input: &DecisionInput, codes: &Codes) -> Result<(), NotTexts> {
        for (position, value) in input.fields.iter().enumerate() {
            let given = self.given(value).ok_or(NotTexts::Field(position))?;
            self.fields.push(given);
        }
        self.touches.extend(input.touches.iter().map(|seen| codes.touch(seen)));
        for seen in &input.engagement {
            let detail = self.text(&seen.detail);
            self.engagement.push(Engagement { age: seen.age_s, kind: codes.position(&seen.kind), detail });
        }
        self.leads.push(Lead {
            touches: input.touches.len() as u32,
            engagement: input.engagement.len() as u32,
            owner_present: input.owner_present,
            previous_score: input.previous_score,
            business_elapsed: input.business_elapsed_ms,
        });
        Ok(())
    }

    fn given(&mut self, value: &Value) -> Option<Given> {
        Some(match value {
            Value::Blank => Given::Blank,
            Value::Bool(yes) => Given::Boolean(*yes),
            Value::Int(int) => Given::Int(*int),
            Value::Number(number) => Given::Number(*number),
            Value::Text(text) => Given::Text(self.text(text)),
            Value::Time(at) => Given::Time(at.as_ms()),
            // Plugins know no dates: they read one as a text, or ask for a time.
            Value::Date(date) => Given::Text(self.text(&date.to_string())),
            Value::Duration(ms) => Given::Duration(*ms),
            Value::List(values) => {
                let first = self.ends.len() as u32;
                for value in values {
                    let Value::Text(text) = value else { return None };
                    self.text(text);
                }
                Given::Texts(TextRange { first, count: values.len() as u32 })
            }
        })
    }

    /// Puts a text into the pool, and returns its number.
    fn text(&mut self, text: &str) -> u32 {
        self.joined.extend_from_slice(text.as_bytes());
        self.ends.push(self.joined.len() as u32);
        self.ends.len() as u32 - 1
    }
}

/// The positions, in a plugin's list, of the codes that it distinguishes.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    channels: [u16; Channel::ALL.len()],
    outcomes: [u16; Outcome::ALL.len()],
    results: [u16; TouchResult::ALL.len()],
    /// Sorted; used for kinds of engagement, because new ones may appear.
    listed: Vec<(String, u16)>,
}

impl Codes {
    pub(crate) fn new(listed: Vec<String>) -> Self {
        let mut listed: Vec<(String, u16)> = listed.into_iter().zip(0..).collect();
        listed.sort_unstable();
        let position = |code: &str| find(&listed, code);
        Self {
            channels: std::array::from_fn(|at| position(Channel::ALL[at].as_str())),
            outcomes: std::array::from_fn(|at| position(Outcome::ALL[at].as_str())),
            results: std::array::from_fn(|at| position(TouchResult::ALL[at].as_str())),
            listed,
        }
    }

    fn position(&self, code: &str) -> u16 {
        find(&self.listed, code)
    }

    fn touch(&self, seen: &TouchSeen) -> Touch {
        let result = |means: TouchResult| self.own(seen.result_own.as_deref()).unwrap_or(self.results[means as usize]);
        Touch {
            age: seen.age_s,
            channel: self.own(seen.channel_own.as_deref()).unwrap_or(self.channels[seen.channel as usize]),
            outcome: self.outcomes[seen.outcome as usize],
            result: seen.result.map(result),
        }
    }

    /// A word of the team's own, when the plugin lists it; else it gets what the word means.
    fn own(&self, word: Option<&str>) -> Option<u16> {
        word.map(|word| self.position(word)).filter(|position| *position != CODE_NOT_LISTED)
    }
}

fn find(listed: &[(String, u16)], code: &str) -> u16 {
    listed.binary_search_by(|(known, _)| known.as_str().cmp(code)).map_or(CODE_NOT_LISTED, |at| listed[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(result: Option<TouchResult>, result_own: Option<&str>, channel_own: Option<&str>) -> TouchSeen {
        TouchSeen {
            age_s: 60,
            channel: Channel::Other,
            outcome: Outcome::Connected,
            result,
            result_own: result_own.map(str::to_owned),
            channel_own: channel_own.map(str::to_owned),
        }
    }

    /// What a plugin lists; the team's words for channel and result; and what it is told of a talk that ended in
    /// `not_now`, by a channel that means `other`.
    type Told = (&'static [&'static str], [Option<&'static str>; 2], [Option<&'static str>; 2]);

    #[test]
    fn a_plugin_is_told_the_teams_own_word_where_it_lists_it_and_else_what_that_means() {
        let both = [Some("linkedin"), Some("no-budget")];
        let cases: [Told; 6] = [
            (&["not_now", "other"], [None, None], [Some("other"), Some("not_now")]),
            (&["not_now", "other"], both, [Some("other"), Some("not_now")]),
            (&["not_now", "no-budget", "other"], both, [Some("other"), Some("no-budget")]),
            (&["linkedin", "other", "not_now"], [Some("linkedin"), None], [Some("linkedin"), Some("not_now")]),
            // One that knows the team's word alone is told nothing by the engine's.
            (&["no-budget", "linkedin"], [None, None], [None, None]),
            (&[], both, [None, None]),
        ];
        for (listed, [channel_own, result_own], told) in cases {
            let codes = Codes::new(listed.iter().map(|code| (*code).to_owned()).collect());
            let touch = codes.touch(&seen(Some(TouchResult::NotNow), result_own, channel_own));
            let heard = [touch.channel, touch.result.expect("the lead said something")];
            assert_eq!(heard.map(|code| listed.get(usize::from(code)).copied()), told, "{listed:?}");
        }
        let codes = Codes::new(vec!["no-budget".to_owned()]);
        assert_eq!(codes.touch(&seen(None, None, None)).result, None, "nothing was said");
    }
}
