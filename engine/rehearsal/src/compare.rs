//! Compares what a case expects with what happened. Expectations are met in order of time, whatever lies between them;
//! what happens at one moment may be in any order.

use crate::ran::{Ran, Trouble, time_of};
use crate::story::{Happening, Life, Seen, zone_of};
use crate::words::{Words, action, plain, reason};
use cadenza_api::views::facts::{At, Fact};
use cadenza_core::effect::Request;
use cadenza_core::event::Ending;
use cadenza_core::id::LeadId;
use cadenza_core::lead::{Channel, RepId};
use cadenza_core::own_words::{Code, Said};
use cadenza_core::step::View;
use cadenza_core::task::{Assignee, TaskKind};
use cadenza_core::time::{MINUTE_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_language::cases::{Asked, Case, Decided, Expected, Moment, Place, Shown, What, Who, Wording};
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Why a case does not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The line of the file with the expectation.
    pub line: usize,
    /// What was expected; `None` when something could not even be done as the case gives it.
    pub expected: Option<String>,
    /// What came closest.
    pub happened: String,
    /// The evidence in the journal.
    pub because: Vec<String>,
}

/// What is known when a case is over.
pub(crate) struct Over<'a> {
    pub(crate) case: &'a Case,
    pub(crate) ran: &'a Ran,
    pub(crate) lives: &'a [Life],
    pub(crate) story: &'a [Happening],
    pub(crate) catalog: &'a Catalog,
    pub(crate) now: Timestamp,
}

/// The most steps, and lines of decisions, that are reported of a lead that took another path.
const PATH_MAX: usize = 12;
/// The most reasons that are reported when nothing of the expected kind happened.
const HINTS_MAX: usize = 3;

/// The expectations that do not hold, and which lines of the file each happening met.
pub(crate) fn compare(over: &Over<'_>) -> (Vec<Failure>, BTreeMap<usize, Vec<usize>>) {
    let trouble = |trouble: &Trouble| Failure {
        line: trouble.line,
        expected: None,
        happened: trouble.text.clone(),
        because: Vec::new(),
    };
    let mut failures: Vec<Failure> = over.ran.troubles.iter().map(trouble).collect();
    let mut met: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut from = Timestamp::from_ms(i64::MIN / 2);
    for expected in &over.case.expect {
        let words = over.words(expected.lead.as_deref());
        if let What::Fields(fields) = &expected.what {
            failures.extend(over.fields(expected, fields, &words));
        } else if expected.never {
            failures.extend(over.never(expected, &words));
        } else if let Some(leads) = expected.leads {
            failures.extend(over.count(expected, leads, &words));
        } else {
            let free = |ix: &usize| !met.contains_key(ix) && over.story[*ix].at >= from;
            let found = (0..over.story.len()).filter(free).find(|ix| over.fits(expected, &over.story[*ix], &words));
            match found {
                Some(ix) => {
                    from = over.story[ix].at;
                    met.entry(ix).or_default().push(expected.line);
                }
                None => failures.push(over.missing(expected, from, &met, &words)),
            }
        }
    }
    failures.sort_by_key(|failure| failure.line);
    (failures, met)
}

impl<'a> Over<'a> {
    /// How times are written for a lead; for the only lead when none is named.
    fn words(&self, lead: Option<&str>) -> Words<'a> {
        let id = lead.and_then(|lead| self.ran.leads.get(lead)).copied();
        let of = |life: &&Life| id.is_none_or(|id| life.state.lead.id == id);
        let zone = self.lives.iter().find(of).filter(|_| id.is_some() || self.lives.len() == 1);
        let zone = zone.map(|life| zone_of(&life.state, self.catalog));
        let zone = zone.unwrap_or_else(|| self.catalog.workspace.settings.calendar.zone().clone());
        Words { catalog: self.catalog, begin: self.case.starts, zone }
    }

    fn name_of(&self, lead: LeadId) -> Option<&str> {
        self.ran.leads.iter().find(|(_, id)| **id == lead).map(|(name, _)| name.as_str())
    }

    fn is_of(&self, expected: &Expected, happening: &Happening) -> bool {
        expected.lead.as_ref().is_none_or(|lead| self.ran.leads.get(lead) == Some(&happening.lead))
    }

    fn fits(&self, expected: &Expected, happening: &Happening, words: &Words<'_>) -> bool {
        self.is_of(expected, happening)
            && self.differences(expected, happening, words).is_some_and(|them| them.is_empty())
    }

    /// How a happening of the expected kind differs; `None` when it is of another kind.
    fn differences(&self, expected: &Expected, happening: &Happening, words: &Words<'_>) -> Option<Vec<String>> {
        let mut differ = differences(&expected.what, happening, words, self)?;
        let time = |moment: Moment| time_of(moment, self.case.starts, self.catalog);
        if let Some(at) = expected.at.map(time)
            && !(0..MINUTE_MS).contains(&happening.at.since_ms(at))
        {
            differ.push(format!("it was at {}", words.time(happening.at)));
        }
        if let Some(by) = expected.by.map(time)
            && happening.at > by
        {
            differ.push(format!("it was as late as {}", words.time(happening.at)));
        }
        Some(differ)
    }

    fn never(&self, expected: &Expected, words: &Words<'_>) -> Option<Failure> {
        let found = self.story.iter().find(|happening| self.fits(expected, happening, words))?;
        Some(Failure {
            line: expected.line,
            expected: Some(words.expected(expected)),
            happened: self.sentence(found, words),
            because: found.because.clone(),
        })
    }

    fn count(&self, expected: &Expected, leads: u32, words: &Words<'_>) -> Option<Failure> {
        let found = self.story.iter().filter(|happening| self.fits(expected, happening, words));
        let found: BTreeSet<LeadId> = found.map(|happening| happening.lead).collect();
        if found.len() == leads as usize {
            return None;
        }
        let names: Vec<String> =
            found.iter().map(|lead| self.name_of(*lead).map_or_else(|| lead.to_string(), str::to_owned)).collect();
        let who = if names.is_empty() || names.len() > 20 { String::new() } else { format!(": {}", names.join(", ")) };
        Some(Failure {
            line: expected.line,
            expected: Some(words.expected(expected)),
            happened: format!("so it was of {}{who}", found.len()),
            because: Vec::new(),
        })
    }

    fn fields(&self, expected: &Expected, fields: &[(String, Value)], words: &Words<'_>) -> Option<Failure> {
        let is_so = |life: &Life| self.others(life, fields).next().is_none();
        if expected.never || expected.leads.is_some() {
            let number = self.lives.iter().filter(|life| is_so(life)).count();
            let wanted = if expected.never { 0 } else { expected.leads.unwrap_or(0) as usize };
            return (number != wanted).then(|| Failure {
                line: expected.line,
                expected: Some(words.expected(expected)),
                happened: format!("so it is of {number}"),
                because: Vec::new(),
            });
        }
        let id = expected.lead.as_ref().and_then(|lead| self.ran.leads.get(lead));
        let of = |life: &&Life| match (&expected.lead, id) {
            (Some(_), None) => false,
            (_, Some(id)) => life.state.lead.id == *id,
            (None, None) => true,
        };
        let lives: Vec<&Life> = self.lives.iter().filter(of).collect();
        if lives.iter().any(|life| is_so(life)) {
            return None;
        }
        let happened = match lives.first() {
            None => "nobody has heard of the lead".to_owned(),
            Some(life) => {
                let others = self.others(life, fields);
                let others: Vec<String> =
                    others.map(|(name, value)| format!("{name} is {}", words.value(&value))).collect();
                format!("in the end {}", others.join(", "))
            }
        };
        Some(Failure { line: expected.line, expected: Some(words.expected(expected)), happened, because: Vec::new() })
    }

    /// The fields with other values than expected, with those values.
    fn others<'l>(&'l self, life: &'l Life, fields: &'l [(String, Value)]) -> impl Iterator<Item = (&'l str, Value)> {
        let view = View::of(&life.state, &self.catalog.live, &self.catalog.definitions, self.now);
        fields.iter().filter_map(move |(name, wanted)| {
            let is = view.lead(name);
            (!alike(&is, wanted)).then_some((name.as_str(), is))
        })
    }

    /// The failure for an expectation that nothing met: what came closest, and why.
    fn missing(
        &self,
        expected: &Expected,
        from: Timestamp,
        met: &BTreeMap<usize, Vec<usize>>,
        words: &Words<'_>,
    ) -> Failure {
        let mut near: Vec<(usize, usize, Vec<String>)> = Vec::new();
        for (ix, happening) in self.story.iter().enumerate() {
            if !self.is_of(expected, happening) {
                continue;
            }
            let Some(mut differ) = self.differences(expected, happening, words) else { continue };
            if happening.at < from {
                differ.push("it was before what the line above expects".to_owned());
            } else if let Some(lines) = met.get(&ix) {
                let line = lines.first().copied().unwrap_or_default();
                differ.push(format!("that is what line {line} expects already"));
            }
            near.push((differ.len(), ix, differ));
        }
        let nearest = near.into_iter().min_by_key(|(differ, ix, _)| (*differ, self.story[*ix].at < from, *ix));
        let expected_in_words = Some(words.expected(expected));
        let Some((_, ix, differ)) = nearest else {
            return Failure {
                line: expected.line,
                expected: expected_in_words,
                happened: "nothing of the kind".to_owned(),
                because: self.hints(expected, from),
            };
        };
        let happening = &self.story[ix];
        if let What::Step(at) = &expected.what
            && !matches!(&happening.fact, Some(Seen::Fact(Fact::Step(is))) if is_at(is, at))
        {
            let (happened, because) = self.path(happening.lead, &at.workflow);
            return Failure { line: expected.line, expected: expected_in_words, happened, because };
        }
        let because = happening.because.clone();
        Failure {
            line: expected.line,
            expected: expected_in_words,
            happened: format!("{} Differs: {}.", self.sentence(happening, words), differ.join("; ")),
            because,
        }
    }

    /// The steps that a lead went through, and what plugins decided on the way.
    fn path(&self, lead: LeadId, workflow: &str) -> (String, Vec<String>) {
        let (mut steps, mut decided): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
        for happening in self.story.iter().filter(|happening| happening.lead == lead) {
            match &happening.fact {
                Some(Seen::Fact(Fact::Step(is))) if is.workflow == workflow => steps.push(&is.step),
                Some(Seen::Fact(Fact::Decides { .. })) if decided.len() < PATH_MAX => {
                    decided.push(happening.text.clone());
                    decided.extend(happening.because.iter().map(|why| format!("  {why}")));
                }
                Some(Seen::Fact(Fact::Ended { .. } | Fact::Parked(_))) => decided.push(happening.text.clone()),
                _ => {}
            }
        }
        let shown = &steps[..steps.len().min(PATH_MAX)];
        let more = if steps.len() > shown.len() { " …" } else { "" };
        (format!("it came to {}{more}", shown.join(", then ")), decided)
    }

    /// What stopped a lead, when nothing of the expected kind happened.
    fn hints(&self, expected: &Expected, from: Timestamp) -> Vec<String> {
        let stops = |happening: &&Happening| {
            self.is_of(expected, happening)
                && happening.at >= from
                && matches!(
                    happening.fact,
                    Some(Seen::Fact(
                        Fact::StaysOut { .. }
                            | Fact::Withheld { .. }
                            | Fact::Parked(_)
                            | Fact::Ended { .. }
                            | Fact::GivenUp(_)
                    ))
                )
        };
        let mut hints: Vec<String> = Vec::new();
        for happening in self.story.iter().filter(stops) {
            if hints.len() < HINTS_MAX && !hints.contains(&happening.text) {
                hints.push(happening.text.clone());
            }
        }
        hints
    }

    /// A happening in words, with its time.
    fn sentence(&self, happening: &Happening, words: &Words<'_>) -> String {
        let lead = self.name_of(happening.lead).filter(|_| self.lives.len() > 1);
        let lead = lead.map_or_else(String::new, |lead| format!(" ({lead})"));
        format!("at {}{lead}: {}", words.time(happening.at), happening.text)
    }
}

/// Whether a value is the expected one. Numbers are compared whatever their type.
fn alike(is: &Value, wanted: &Value) -> bool {
    match (is, wanted) {
        (Value::Int(int), Value::Number(number)) | (Value::Number(number), Value::Int(int)) => *int as f64 == *number,
        _ => is == wanted,
    }
}

fn is_at(at: &At, wanted: &Place) -> bool {
    at.workflow == wanted.workflow && at.step == wanted.step
}

/// The texts of all differences.
fn all(differ: impl IntoIterator<Item = Option<String>>) -> Option<Vec<String>> {
    Some(differ.into_iter().flatten().collect())
}

/// The text of a difference, if the value is not the wanted one.
fn other<T: PartialEq>(wanted: Option<&T>, is: &T, words: impl FnOnce(&T) -> String) -> Option<String> {
    wanted.filter(|wanted| *wanted != is).map(|_| words(is))
}

/// How a happening of the expected kind differs; `None` when it is of another kind.
fn differences(what: &What, happening: &Happening, words: &Words<'_>, over: &Over<'_>) -> Option<Vec<String>> {
    let seen = happening.fact.as_ref()?;
    let fact = match seen {
        Seen::Fact(fact) | Seen::Mail(fact, _) | Seen::Request(fact, _) | Seen::Task(fact, _) => Some(fact),
        Seen::Notice(_) => None,
    };
    match (what, fact) {
        (What::Enters { workflow }, Some(Fact::Enters { workflow: is })) => {
            all([other(Some(workflow), is, |is| format!("it is {is}"))])
        }
        (What::StaysOut { workflow, because }, Some(Fact::StaysOut { workflow: is, because: why })) => {
            let why = other(because.as_ref(), why, |why| {
                cadenza_api::views::words::refusal(*why, is, words.catalog).into_owned()
            });
            (workflow == is).then(|| why.into_iter().collect())
        }
        (What::Step(at), Some(Fact::Step(is))) => {
            let same = is_at(is, at);
            (is.workflow == at.workflow).then(|| if same { vec![] } else { vec![format!("not to {}", at.step)] })
        }
        (What::Task { place: at, who, due, shown }, Some(Fact::Task { at: is, kind, assignee, due: due_at })) => {
            if *kind == TaskKind::Escalation || !is_at(is, at) {
                return None;
            }
            let wanted = who.as_ref().map(spelt);
            let who = other(wanted.as_ref(), assignee, |is| format!("it is for {}", words.assignee(is)));
            let whose = match assignee.strip_prefix("pool:") {
                Some(pool) => Assignee::Pool(pool.to_owned()),
                None => Assignee::Rep(RepId(assignee.clone())),
            };
            let hours = over.catalog.workspace.settings.hours_for(&whose);
            let wanted = due.map(|due| match due {
                Moment::At(at) => at,
                Moment::After(span) => hours.add(happening.at, span),
            });
            let late = wanted.filter(|wanted| due_at.since_ms(*wanted).abs() >= MINUTE_MS);
            let mut differ = all([who, late.map(|_| format!("it is due {}", words.time(*due_at)))])?;
            differ.extend(unread(shown, seen));
            Some(differ)
        }
        (What::GivenUp(at), Some(Fact::GivenUp(is))) => {
            let same = is_at(is, at);
            all([(!same).then(|| format!("it is that of {}/{}", is.workflow, is.step))])
        }
        (What::Mail(wording), Some(Fact::Mail { script: Some(script), ending, because, .. })) => {
            let Seen::Mail(_, mail) = seen else { return None };
            if *ending != Ending::Sent {
                let why = because.map_or_else(String::new, |why| format!(": {}", reason(why)));
                return Some(vec![format!("it did not leave{why}")]);
            }
            let Wording { script: wanted, to, subject, says } = wording;
            let script = other(wanted.as_ref(), script, |is| format!("it is {is}"));
            let mail = mail.as_ref()?;
            let to = other(to.as_ref(), &mail.to, |is| format!("it went to {is}"));
            all([script, to, lacks(subject, &mail.subject, "its subject is"), lacks(says, &mail.body, "it says")])
        }
        (What::Request { place: at, asked }, Some(Fact::Request { at: is, ending, status, .. })) => {
            let Seen::Request(_, request) = seen else { return None };
            let other_step = (!is_at(is, at)).then(|| format!("it is that of {}/{}", is.workflow, is.step));
            let became = other(asked.becomes.as_ref(), ending, |is| request_became(*is, *status));
            let mut differ = vec![other_step, became];
            match request {
                Some(request) => differ.extend(asked_otherwise(asked, request)),
                // A request that never left is reported even if the case does not expect a particular content.
                None if asked.becomes != Some(Ending::Dead) => differ.push(Some("it did not leave".to_owned())),
                None => {}
            }
            all(differ)
        }
        (What::Notice { kind, to }, None) => {
            let Seen::Notice(notice) = seen else { return None };
            let kind = other(Some(kind), &notice.kind, |is| format!("it is: {is}"));
            all([kind, other(to.as_ref(), &notice.to, |is| format!("{} was told", words.rep(is)))])
        }
        (What::Refused { channel, because }, Some(fact)) => {
            let (is, why) = match fact {
                Fact::Withheld { channel, because, never: true, .. } => (*channel, *because),
                Fact::Mail { script: Some(_), ending: Ending::HeldBack, because: Some(why), .. } => {
                    // A text message that is held back says no more than a mail does.
                    (if *channel == Channel::Message { *channel } else { Channel::Email }, *why)
                }
                _ => return None,
            };
            let why = other(because.as_ref(), &why, |why| reason(*why).to_owned());
            all([other(Some(channel), &is, |is| format!("it is by {is}")), why])
        }
        (
            What::Held { channel, because, until },
            Some(Fact::Withheld { channel: is, because: why, until: at, never: false }),
        ) => {
            let why = other(because.as_ref(), why, |why| reason(*why).to_owned());
            let wanted = until.map(|moment| time_of(moment, over.case.starts, over.catalog));
            let late = wanted.filter(|wanted| at.is_none_or(|at| at.since_ms(*wanted).abs() >= MINUTE_MS));
            let until =
                late.map(|_| at.map_or_else(|| "it has no end".to_owned(), |at| format!("until {}", words.time(at))));
            all([other(Some(channel), is, |is| format!("it is by {is}")), why, until])
        }
        (
            What::Decides { plugin, decided },
            Some(Fact::Decides { plugin: is, points, segment, track, action: act, fails, .. }),
        ) => {
            if plugin != is {
                return None;
            }
            let Decided { points: p, segment: s, track: t, action: a, fails: f } = decided;
            all([
                (fails != f).then(|| if *fails { "it gave no decision".to_owned() } else { "it decided".to_owned() }),
                p.filter(|p| Some(*p) != *points).and(points.map(|is| format!("{is} points"))),
                s.filter(|s| Some(*s) != *segment).and(segment.map(|is| is.to_string())),
                t.as_ref()
                    .filter(|t| Some(*t) != track.as_ref())
                    .and(track.as_ref().map(|is| format!("the track {is}"))),
                a.filter(|a| Some(*a) != *act).and(act.map(action)),
            ])
        }
        (What::Owner(who), Some(Fact::Owner { owner })) => {
            let is = owner.as_ref().map_or(Who::Nobody, |owner| Who::Rep(owner.clone()));
            all([other(Some(who), &is, |is| format!("it is {}", words.who(is)))])
        }
        (
            What::Touch { channel, outcome, result },
            Some(Fact::Touch { channel: is, channel_own, outcome: o, result: r, result_own }),
        ) => {
            let is = Said { means: *is, own: channel_own.clone() };
            let said = r.map(|means| Said { means, own: result_own.clone() });
            let differs = result.as_ref().filter(|wanted| !said.as_ref().is_some_and(|said| is_said(wanted, said)));
            all([
                (!is_said(channel, &is)).then(|| format!("it is by {}", is.word())),
                other(outcome.as_ref(), o, |is| plain(is.as_str())),
                differs.map(|_| said.as_ref().map_or_else(|| "nothing was said".to_owned(), |is| plain(is.word()))),
            ])
        }
        (What::Ended { ending, workflow }, Some(Fact::Ended { at, ending: is })) => (at.workflow == *workflow)
            .then(|| other(Some(ending), is, |is| format!("not {ending}, but {is}")).into_iter().collect()),
        (What::Parked(at), Some(Fact::Parked(is))) => {
            let differs = at.as_ref().filter(|at| !is_at(is, at));
            all([differs.map(|_| format!("it is at {}/{}", is.workflow, is.step))])
        }
        _ => None,
    }
}

/// How a request differs from the expected one.
fn asked_otherwise(asked: &Asked, request: &Request) -> [Option<String>; 3] {
    let body = request.body.as_deref().unwrap_or_default();
    let lacks = asked.says.as_ref().filter(|wanted| !squeezed(body).contains(&squeezed(wanted)));
    [
        other(asked.method.as_ref(), &request.method, |is| format!("it is a {is}")),
        other(asked.path.as_ref(), &request.path, |is| format!("its path is {is}")),
        lacks.map(|_| format!("it says “{}”", shortened(body))),
    ]
}

fn request_became(ending: Ending, status: Option<u16>) -> String {
    let status = status.map_or_else(String::new, |status| format!(" with {status}"));
    match ending {
        Ending::Sent => format!("it was answered{status}"),
        Ending::Refused => format!("it was refused{status}"),
        _ => "it failed".to_owned(),
    }
}

/// Whether what was said is what was expected. An expected word of the engine's is met by every word that means it.
fn is_said<C: Code>(wanted: &Said<C>, said: &Said<C>) -> bool {
    wanted.means == said.means && wanted.own.as_ref().is_none_or(|own| said.own.as_ref() == Some(own))
}

/// The text, if it does not contain what it should.
fn lacks(wanted: &Option<String>, text: &str, what: &str) -> Option<String> {
    let lacks = wanted.as_ref().filter(|wanted| !squeezed(text).contains(&squeezed(wanted)));
    lacks.map(|_| format!("{what} “{}”", shortened(text)))
}

/// How the texts of a task differ from the expected ones.
fn unread(shown: &Shown, seen: &Seen) -> Vec<String> {
    let Shown { objective, says, voicemail } = shown;
    if shown.is_empty() {
        return Vec::new();
    }
    let Seen::Task(_, Some(read)) = seen else {
        return vec!["it was over before anybody could read it".to_owned()];
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        lacks(objective, &read.objective, "its objective is"),
        lacks(says, &text(&read.script), "its script says"),
        lacks(voicemail, &text(&read.voicemail), "the message to leave says"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Who has a task, as records spell it.
fn spelt(who: &Who) -> String {
    match who {
        Who::Rep(rep) => rep.clone(),
        Who::Pool(pool) => format!("pool:{pool}"),
        Who::Nobody => "nobody".to_owned(),
    }
}

/// A text on one line, so that line breaks do not matter.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The most characters of a text that are shown.
const SHOWN_MAX: usize = 160;

fn shortened(text: &str) -> String {
    let text = squeezed(text);
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
