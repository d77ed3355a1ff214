//! Makes a case from a lead's past: a test file whose `given` is what came from outside, whose decisions are those that
//! were taken, and whose `expect` is what resulted. The people in it are masked: see [`Mask`].
//!
//! Whose turn it was depends on other leads, so owners and assignees that the engine chose are left out. What cannot be
//! given in a case stands in comments.

mod mask;

use cadenza_api::views::facts::{At, Besides, Fact, Kept};
use cadenza_core::event::{Ending, RESULT_OWN};
use cadenza_core::lead::TouchResult;
use cadenza_core::task::TaskKind;
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp};
use jiff::tz::TimeZone;
use mask::Mask;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What an engine reports about a lead.
#[derive(Debug)]
pub struct Past {
    /// Its journal, oldest first.
    pub entries: Vec<(Timestamp, Vec<Fact>)>,
    /// The lead's present stage.
    pub stage: Option<String>,
    /// The team's own word for the stage.
    pub stage_own: Option<String>,
    pub segment: Option<String>,
    /// What is known of other leads of its account that it has heard of, by their ids. It serves only for masking and
    /// is never written.
    pub colleagues: BTreeMap<String, BTreeMap<String, Value>>,
    /// The words of the workspace's choices, which say nobody's name.
    pub choices: BTreeSet<String>,
    /// The workspace's zone.
    pub zone: TimeZone,
}

/// Why the lead's past gives no case.
#[derive(Debug, thiserror::Error)]
pub enum NoCase {
    #[error(
        "nothing came in about this lead, so there is nothing to play: its journal was erased, or it is older than the journal"
    )]
    NothingCameIn,
    #[error("the lead never came into a workflow, so there is no workflow to try")]
    NoWorkflow,
}

/// The lead's name in the file.
const LEAD: &str = "lead";
/// The name of another lead of its account.
const COLLEAGUE: &str = "colleague";

/// Makes the test file.
///
/// # Errors
/// When the journal contains nothing that can be played.
pub fn record(past: &Past) -> Result<String, NoCase> {
    let facts = || past.entries.iter().flat_map(|(at, facts)| facts.iter().map(|fact| (*at, fact)));
    let is_given = |fact: &Fact| matches!(fact, Fact::Event { .. } | Fact::PutIn { .. });
    let begin = facts().find(|(_, fact)| is_given(fact)).map(|(at, _)| at).ok_or(NoCase::NothingCameIn)?;
    let workflow = facts().find_map(|(_, fact)| match fact {
        Fact::Enters { workflow } => Some(workflow.clone()),
        _ => None,
    });
    let workflow = workflow.ok_or(NoCase::NoWorkflow)?;
    let mut mask = Mask::of_choices(&past.choices);
    past.colleagues.values().for_each(|fields| mask.learn(fields));
    for (_, fact) in facts() {
        if let Fact::Event { fields, .. } = fact {
            mask.learn(fields);
        }
    }
    let colleagues = colleagues(facts().map(|(_, fact)| fact));
    let writing = Writing { past, begin: whole(begin), workflow: &workflow, colleagues };
    let mut out = String::new();
    out.push_str("# Recorded from a lead by `cadenza test --record`. Whoever it was about is made up; what people wrote is left out.\n");
    out.push_str("# Whose turn it was depends on other leads, so whom the engine chose is left out. Read it before you share it.\n");
    let _ = writeln!(out, "test: {workflow}\nstarts: {}", writing.absolute(begin));
    let answers = writing.answers(&mut mask);
    let left_out_of_answers = mask.take_left_out();
    let (given, identity) = writing.given(&mut mask);
    let _ = writeln!(out, "leads:\n  {LEAD}: {}", flow(&identity));
    let company = writing.company(&mut mask);
    for (id, name) in &writing.colleagues {
        let _ = writeln!(out, "  {name}: {}", flow(&mask.colleague(id, &company)));
    }
    let decisions = decisions(facts().map(|(_, fact)| fact));
    if !decisions.is_empty() {
        out.push_str("decisions:\n");
        for (plugin, stubs) in &decisions {
            let _ = writeln!(out, "  {plugin}: [{}]", stubs.join(", "));
        }
    }
    let draws = writing.draws();
    if !draws.is_empty() {
        let _ = writeln!(out, "draws: {{ {} }}", draws.join(", "));
    }
    let mails = writing.mails();
    if !mails.is_empty() {
        let _ = writeln!(out, "mails: {{ {} }}", mails.join(", "));
    }
    if !answers.is_empty() {
        out.push_str("http:\n");
        if let Some(comment) = left_out(&left_out_of_answers) {
            let _ = writeln!(out, "  {comment}");
        }
        for (step, stubs) in &answers {
            let _ = writeln!(out, "  {step}: [{}]", stubs.join(", "));
        }
    }
    let _ = writeln!(out, "cases:\n  - name: What a lead lived through\n    given:");
    given.iter().for_each(|line| out.push_str(&format!("      {line}\n")));
    let end = past.entries.last().map_or(begin, |(at, _)| *at);
    let _ = writeln!(out, "    until: {}", writing.absolute(end.plus_ms(MINUTE_MS)));
    out.push_str("    expect:\n");
    writing.expect().iter().for_each(|line| out.push_str(&format!("      - {line}\n")));
    let standing = [("stage", &past.stage), ("stage_own", &past.stage_own), ("segment", &past.segment)];
    let standing: Vec<String> =
        standing.iter().filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref()?))).collect();
    if !standing.is_empty() {
        let of = writing.of_whom().map_or_else(String::new, |lead| format!("lead: {lead}, "));
        let _ = match of.as_str() {
            "" => writeln!(out, "      - fields: {{ {} }}", standing.join(", ")),
            of => writeln!(out, "      - {{ {of}fields: {{ {} }} }}", standing.join(", ")),
        };
    }
    Ok(out)
}

/// A time without fractions of a second.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_ms(at.as_ms().div_euclid(SECOND_MS) * SECOND_MS)
}

/// Replaces what people wrote.
const LEFT_OUT: &str = "left out";

struct Writing<'a> {
    past: &'a Past,
    begin: Timestamp,
    workflow: &'a str,
    /// The file's names for other leads of the account, by their ids.
    colleagues: BTreeMap<String, String>,
}

impl Writing<'_> {
    fn absolute(&self, at: Timestamp) -> String {
        whole(at).to_jiff().to_zoned(self.past.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// The duration since the beginning; a time when that is a day or more.
    fn moment(&self, at: Timestamp) -> String {
        let ms = whole(at).since_ms(self.begin);
        match ms {
            0 => "0m".to_owned(),
            _ if ms >= DAY_MS => self.absolute(at),
            _ if ms % HOUR_MS == 0 => format!("{}h", ms / HOUR_MS),
            _ if ms % MINUTE_MS == 0 => format!("{}m", ms / MINUTE_MS),
            _ => format!("{}s", ms / SECOND_MS),
        }
    }

    fn place(&self, at: &At) -> Option<String> {
        if at.step.is_empty() || at.workflow.is_empty() {
            return None;
        }
        Some(if at.workflow == self.workflow { at.step.clone() } else { format!("{}/{}", at.workflow, at.step) })
    }

    /// The lead that is expected to do it, when there are several leads.
    fn of_whom(&self) -> Option<&'static str> {
        (!self.colleagues.is_empty()).then_some(LEAD)
    }

    /// What came from outside, line by line, with what was left out of a line before it; and what is known of the lead
    /// at the beginning.
    fn given(&self, mask: &mut Mask) -> (Vec<String>, BTreeMap<String, Value>) {
        let mut lines = Vec::new();
        let mut known: Option<BTreeMap<String, Value>> = None;
        for (at, fact) in self.past.entries.iter().flat_map(|(at, facts)| facts.iter().map(move |fact| (*at, fact))) {
            let at = self.moment(at);
            let before_line = lines.len();
            if let Fact::Event { event, fields, data, standing, .. } = fact {
                let (fields, mut data) = (mask.fields(fields), mask.data(data));
                // As below, the word may need a reason.
                if data.contains_key(RESULT_OWN) {
                    data.entry("reason".to_owned()).or_insert_with(|| LEFT_OUT.into());
                }
                let is_first = known.is_none();
                let before = known.get_or_insert_with(|| fields.clone());
                let news = |(name, value): &(&String, &Value)| !is_first && before.get(*name) != Some(value);
                let mut told: BTreeMap<String, Value> =
                    fields.iter().filter(news).map(|(name, value)| (name.clone(), value.clone())).collect();
                before.extend(told.clone());
                told.extend(standing.clone());
                let more = format!("{}{}", part("fields", &told), part("data", &data));
                lines.push(format!("- {{ at: {at}, event: {event}, lead: {LEAD}{more} }}"));
            } else if let Some(what) = self.done(fact, mask) {
                lines.push(format!("- {{ at: {at}, {what} }}"));
            } else if let Some(what) = self.besides(fact) {
                lines.push(format!("# left out at {at}: {what}"));
            }
            if let Some(comment) = left_out(&mask.take_left_out()) {
                lines.insert(before_line, comment);
            }
        }
        (lines, self.first_fields(mask))
    }

    /// What people did, and what happened to other leads of the account, as an entry of `given`.
    fn done(&self, fact: &Fact, mask: &mut Mask) -> Option<String> {
        let what = match fact {
            Fact::OfAccount { event, lead, data } => {
                let data = part("data", &mask.data(data));
                return Some(format!("event: {event}, lead: {}{data}", self.colleagues.get(lead)?));
            }
            Fact::PutIn { workflow } => format!("enroll: {workflow}"),
            Fact::Ordered { workflow: Some(workflow), .. } => format!("remove: {workflow}"),
            Fact::Ordered { command, workflow: None } if command == "disqualify" => {
                format!("command: disqualify, reason: {LEFT_OUT}")
            }
            Fact::Ordered { command, workflow: None } => format!("command: {command}"),
            Fact::GivenTo { owner } => format!("owner: {owner}"),
            Fact::Snoozed { at, until } => format!("snooze: {}, until: {}", self.place(at)?, self.absolute(*until)),
            Fact::Claimed { at, by, of } if is_found_again(of) => format!("claim: {}, by: {by}", self.place(at)?),
            Fact::Reassigned { at, to } => format!("reassign: {}, for: {to}", self.place(at)?),
            Fact::Done { at, kind, outcome, result, result_own, answers, callback_at, .. }
                if *kind != Some(TaskKind::Escalation) =>
            {
                let step = self.place(at)?;
                let outcome = match kind {
                    Some(TaskKind::Todo) => String::new(),
                    _ => format!(", outcome: {outcome}"),
                };
                let result = said(*result, result_own.as_deref());
                let answers = part("answers", &mask.fields(answers));
                let back = callback_at.map_or_else(String::new, |at| format!(", callback_at: {}", self.absolute(at)));
                // A word of the team's own may need a reason, but what people wrote is left out.
                let notes = result_own.as_ref().map_or_else(String::new, |_| format!(", notes: {LEFT_OUT}"));
                format!("task: {step}{outcome}{result}{notes}{answers}{back}")
            }
            _ => return None,
        };
        Some(format!("{what}, lead: {LEAD}"))
    }

    /// Something that influenced the past, but that no entry of `given` can express.
    fn besides(&self, fact: &Fact) -> Option<String> {
        Some(match fact {
            Fact::Besides { what } => words(*what).to_owned(),
            Fact::Done { kind: Some(TaskKind::Escalation), .. } => words(Besides::Escalation).to_owned(),
            Fact::Claimed { at, by, .. } => {
                let step = self.place(at)?;
                format!("{by} took the task of {step}: whom it would be with depends on other leads")
            }
            Fact::Mail { ending: Ending::Redriven, .. } | Fact::Request { ending: Ending::Redriven, .. } => {
                "a dead letter was sent again".to_owned()
            }
            Fact::Mail { ending: Ending::Discarded, .. } | Fact::Request { ending: Ending::Discarded, .. } => {
                "a dead letter was thrown away".to_owned()
            }
            _ => return None,
        })
    }

    /// The fields that determine the lead's account, for the file.
    fn company(&self, mask: &mut Mask) -> BTreeMap<String, Value> {
        let mut first = BTreeMap::new();
        for fact in self.past.entries.iter().flat_map(|(_, facts)| facts) {
            let Fact::Event { fields, .. } = fact else { continue };
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                first.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        mask.fields(&first)
    }

    /// The answers to the requests of each step, one after the other. Of a body, only what the step kept.
    fn answers(&self, mask: &mut Mask) -> BTreeMap<String, Vec<String>> {
        let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fact in self.past.entries.iter().flat_map(|(_, facts)| facts) {
            let Fact::Request { at, ending, status, kept, .. } = fact else { continue };
            let Some(step) = self.place(at) else { continue };
            let stub = match (ending, status) {
                (Ending::Sent | Ending::Refused, Some(status)) => {
                    let body = body_of(kept, mask);
                    let body = body.map_or_else(String::new, |body| format!(", body: {body}"));
                    format!("{{ status: {status}{body} }}")
                }
                (Ending::Dead, _) => "fails".to_owned(),
                _ => continue,
            };
            answers.entry(step).or_default().push(stub);
        }
        answers
    }

    /// The arms that the lead drew, of each step the latest.
    fn draws(&self) -> Vec<String> {
        let mut draws: BTreeMap<String, &str> = BTreeMap::new();
        for fact in self.past.entries.iter().flat_map(|(_, facts)| facts) {
            let Fact::Drawn { at, arm } = fact else { continue };
            draws.extend(self.place(at).map(|step| (step, arm.as_str())));
        }
        draws.into_iter().map(|(step, arm)| format!("{step}: {arm}")).collect()
    }

    /// What became of the mails of each step of which one was given up, one after the other.
    fn mails(&self) -> Vec<String> {
        let mut mails: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for fact in self.past.entries.iter().flat_map(|(_, facts)| facts) {
            let Fact::Mail { at, script: Some(_), ending, .. } = fact else { continue };
            let became = match ending {
                Ending::Dead | Ending::Unsure => "fails",
                Ending::Sent => "sent",
                _ => continue,
            };
            if let Some(step) = self.place(at) {
                mails.entry(step).or_default().push(became);
            }
        }
        let failed = mails.into_iter().filter(|(_, became)| became.contains(&"fails"));
        failed.map(|(step, became)| format!("{step}: [{}]", became.join(", "))).collect()
    }

    /// What the first event brought.
    fn first_fields(&self, mask: &mut Mask) -> BTreeMap<String, Value> {
        let first = self.past.entries.iter().flat_map(|(_, facts)| facts).find_map(|fact| match fact {
            Fact::Event { fields, .. } => Some(fields),
            _ => None,
        });
        first.map(|fields| mask.fields(fields)).unwrap_or_default()
    }

    fn expect(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, fact) in self.past.entries.iter().flat_map(|(at, facts)| facts.iter().map(move |fact| (*at, fact))) {
            let Some(what) = self.expected(fact) else { continue };
            let of = self.of_whom().map_or_else(String::new, |lead| format!(", lead: {lead}"));
            lines.push(format!("{{ at: {}, {what}{of} }}", self.moment(at)));
        }
        lines
    }

    fn expected(&self, fact: &Fact) -> Option<String> {
        Some(match fact {
            Fact::Enters { workflow } => format!("enters: {workflow}"),
            Fact::StaysOut { workflow, because } => format!("stays_out: {workflow}, because: {because}"),
            // Steps that cannot wait are named by the engine. The step that they lead to is reported instead.
            Fact::Step(at) if !is_numbered(&at.step) => format!("step: {}", self.place(at)?),
            Fact::Task { at, kind, .. } if *kind != TaskKind::Escalation => format!("task: {}", self.place(at)?),
            Fact::GivenUp(at) => format!("given_up: {}", self.place(at)?),
            Fact::Mail { script: Some(script), ending: Ending::Sent, .. } => format!("mail: {script}"),
            Fact::Request { ending: Ending::HeldBack, .. } => return None,
            Fact::Request { at, ending, .. } => {
                let becomes = match ending {
                    Ending::Sent => "sent",
                    Ending::Refused => "refused",
                    _ => "failed",
                };
                format!("request: {}, becomes: {becomes}", self.place(at)?)
            }
            Fact::Withheld { channel, because, never: true, .. } => format!("refused: {channel}, because: {because}"),
            Fact::Touch { channel, channel_own, outcome, result, result_own } => {
                let channel = channel_own.as_deref().unwrap_or(channel.as_str());
                format!("touch: {channel}, outcome: {outcome}{}", said(*result, result_own.as_deref()))
            }
            Fact::Ended { at, ending } if at.workflow == self.workflow => format!("ended: {ending}"),
            Fact::Ended { at, ending } => format!("ended: {ending}, workflow: {}", at.workflow),
            Fact::Parked(at) => format!("parked: {}", self.place(at)?),
            _ => return None,
        })
    }
}

/// Other leads of the account that the lead has heard of, in that order.
fn colleagues<'f>(facts: impl Iterator<Item = &'f Fact>) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for fact in facts {
        if let Fact::OfAccount { lead, .. } = fact
            && !names.contains_key(lead)
        {
            let name = if names.is_empty() { COLLEAGUE.to_owned() } else { format!("{COLLEAGUE}-{}", names.len() + 1) };
            names.insert(lead.clone(), name);
        }
    }
    names
}

/// Whether a task goes to the same assignee in every replay. The step names a pool, but a rep is chosen.
fn is_found_again(assignee: &str) -> bool {
    assignee.starts_with("pool:") || assignee == "nobody"
}

fn words(what: Besides) -> &'static str {
    match what {
        Besides::Preferences => "the lead's contact preferences were changed",
        Besides::RunEnded => "a person ended one of its runs",
        Besides::PutInByKey => "a person put it into a workflow under a key",
        Besides::LateReport => "a task was reported that had been given up",
        Besides::Escalation => "somebody dealt with an escalation",
        Besides::Braked => "a run stood still, since its workflow or a plugin was paused",
        Besides::Imported => "that the event was imported and was to enrol nobody: in a case it may",
        Besides::Bound => "what another lead said binds an address or number of this one",
    }
}

/// Says of the line below what is not in it; nothing where all is.
fn left_out(names: &[String]) -> Option<String> {
    let it = if names.len() == 1 { "it" } else { "they" };
    (!names.is_empty()).then(|| format!("# left out below: {}: {it} may say who somebody is", names.join(", ")))
}

/// `, fields: { … }`; nothing where there are none.
fn part(name: &str, values: &BTreeMap<String, Value>) -> String {
    if values.is_empty() { String::new() } else { format!(", {name}: {}", flow(values)) }
}

/// `, result: no-budget`: the team's own word, if one was given.
fn said(result: Option<TouchResult>, own: Option<&str>) -> String {
    result.map_or_else(String::new, |means| format!(", result: {}", own.unwrap_or(means.as_str())))
}

/// `switch-2`, `update-21`: names of steps without an id in their file.
fn is_numbered(step: &str) -> bool {
    let verbs = ["switch", "update", "enroll", "end"];
    step.rsplit_once('-')
        .is_some_and(|(verb, number)| verbs.contains(&verb) && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// A body that contains what a step kept, and nothing else.
fn body_of(kept: &[Kept], mask: &mut Mask) -> Option<Value> {
    let values: BTreeMap<String, Value> = kept.iter().map(|one| (one.field.clone(), one.value.clone())).collect();
    let values = mask.fields(&values);
    let mut body = None;
    for Kept { field, from, .. } in kept {
        let (Some(path), Some(value)) = (from.strip_prefix("body"), values.get(field)) else { continue };
        let mut place = body.get_or_insert_with(|| Value::Object(serde_json::Map::new()));
        for name in path.split('.').filter(|name| !name.is_empty()) {
            if !place.is_object() {
                *place = Value::Object(serde_json::Map::new());
            }
            // An index into a list becomes a name here, which leads to the same value.
            place = &mut place[name];
        }
        *place = value.clone();
    }
    body
}

/// What each plugin decided, one after the other.
fn decisions<'f>(facts: impl Iterator<Item = &'f Fact>) -> BTreeMap<String, Vec<String>> {
    let mut decisions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fact in facts {
        let Fact::Decides { plugin, points, segment, track, look_again_s, action, fails } = fact else { continue };
        let stub = match (fails, points, segment, track, action) {
            (true, ..) => "fails".to_owned(),
            (_, Some(points), Some(segment), ..) => format!("{{ points: {points}, segment: {segment} }}"),
            (_, _, _, Some(track), _) => {
                let again = look_again_s.map_or_else(String::new, |seconds| format!(", look_again: {seconds}s"));
                format!("{{ track: {track}{again} }}")
            }
            (_, _, _, _, Some(action)) => action.to_string(),
            _ => continue,
        };
        decisions.entry(plugin.clone()).or_default().push(stub);
    }
    decisions
}

/// A mapping on one line. JSON is valid YAML.
fn flow(values: &BTreeMap<String, Value>) -> String {
    let parts: Vec<String> = values.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
}

#[cfg(test)]
mod tests;
