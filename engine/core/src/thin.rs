//! How a lead's record avoids repeating itself in its newest journal entry. The entry leaves out what the record
//! contains elsewhere: values of the profile that the event brought or a plugin read, and the reasons of a score. That
//! makes a fresh lead's record a third smaller. An entry that moves out of the record into the journal is written in
//! full.

use crate::account::{AccountFacts, Hold};
use crate::event::{Answer, Event, Report};
use crate::journal::{Change, Entry, Personal, Skeleton};
use crate::lead::Lead;
use crate::plugin::{Decision, DecisionInput, Reason};
use crate::run::{Past, Run, Waiter};
use crate::state::{DrawnArm, LeadState, Recent, Reservation};
use crate::task::Task;
use crate::time::Timestamp;
use crate::value::Value;
use minicbor::{Decode, Decoder, Encode, Encoder};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A lead's record as it is written. The numbers are those of [`Read`].
#[derive(Encode)]
#[cbor(map)]
struct Written<'a> {
    #[n(0)]
    lead: &'a Lead,
    #[n(1)]
    seq: u64,
    #[n(2)]
    born: u64,
    #[n(3)]
    #[cbor(skip_if = "empty")]
    runs: &'a [Run],
    #[n(4)]
    #[cbor(skip_if = "empty")]
    tasks: &'a [Task],
    #[n(5)]
    past: Option<&'a BTreeMap<String, Past>>,
    #[n(6)]
    hold: Option<&'a Hold>,
    #[n(7)]
    callback_at: Option<Timestamp>,
    #[n(8)]
    #[cbor(skip_if = "empty")]
    recent: &'a [Recent],
    #[n(9)]
    latest: Option<WrittenEntry<'a>>,
    #[n(10)]
    left_out: Option<LeftOut>,
    #[n(11)]
    #[cbor(skip_if = "empty")]
    reserved: &'a [Reservation],
    #[n(12)]
    #[cbor(skip_if = "empty")]
    given_up: &'a [Task],
    #[n(13)]
    #[cbor(skip_if = "empty")]
    arms: &'a [DrawnArm],
    #[n(14)]
    #[cbor(skip_if = "empty")]
    waiters: &'a [Waiter],
}

/// The newest entry as it is written. The numbers are those of [`Entry`].
#[derive(Encode)]
struct WrittenEntry<'a> {
    #[n(0)]
    seq: u64,
    #[n(1)]
    skeleton: &'a Skeleton,
    #[n(2)]
    personal: Option<WrittenPersonal<'a>>,
}

/// The numbers are those of [`Personal`].
#[derive(Encode)]
struct WrittenPersonal<'a> {
    #[n(0)]
    events: Vec<Cow<'a, Event>>,
    #[n(1)]
    account: Option<&'a AccountFacts>,
    #[n(2)]
    changes: &'a [Change],
}

fn empty<T>(list: &&[T]) -> bool {
    list.is_empty()
}

/// A lead's record as it is read.
#[derive(Decode)]
#[cbor(map)]
struct Read {
    #[n(0)]
    lead: Lead,
    #[n(1)]
    seq: u64,
    #[n(2)]
    born: u64,
    #[n(3)]
    #[cbor(default)]
    runs: Vec<Run>,
    #[n(4)]
    #[cbor(default)]
    tasks: Vec<Task>,
    #[n(5)]
    past: Option<BTreeMap<String, Past>>,
    #[n(6)]
    hold: Option<Hold>,
    #[n(7)]
    callback_at: Option<Timestamp>,
    #[n(8)]
    #[cbor(default)]
    recent: Vec<Recent>,
    #[n(9)]
    latest: Option<Entry>,
    #[n(10)]
    left_out: Option<LeftOut>,
    #[n(11)]
    #[cbor(default)]
    reserved: Vec<Reservation>,
    #[n(12)]
    #[cbor(default)]
    given_up: Vec<Task>,
    #[n(13)]
    #[cbor(default)]
    arms: Vec<DrawnArm>,
    #[n(14)]
    #[cbor(default)]
    waiters: Vec<Waiter>,
}

/// What was left out, and where to find it. Every place is an index of one byte; anything beyond that is written in full.
#[derive(Default, PartialEq, Encode, Decode)]
struct LeftOut {
    /// Bit n is set when the profile holds the value of the n-th field that the first event brought.
    #[n(0)]
    report: u64,
    /// Groups of three bytes: the event, the field that the plugin read, and the place among the profile's known fields.
    #[cbor(n(1), with = "minicbor::bytes")]
    inputs: Vec<u8>,
    /// Pairs of bytes: the event, and the place among the lead's scores.
    #[cbor(n(2), with = "minicbor::bytes")]
    reasons: Vec<u8>,
}

impl LeftOut {
    /// The events as they are written, without what the lead already contains.
    fn take<'a>(&mut self, events: &'a [Event], lead: &Lead) -> Vec<Cow<'a, Event>> {
        let thin = |(place, event): (usize, &'a Event)| {
            let thin = match (event, u8::try_from(place)) {
                (Event::Reported(report), Ok(0)) => self.take_report(report, lead).map(Event::Reported),
                (Event::Decided(answer), Ok(place)) => self.take_answer(answer, place, lead).map(Event::Decided),
                _ => None,
            };
            thin.map_or(Cow::Borrowed(event), Cow::Owned)
        };
        events.iter().enumerate().map(thin).collect()
    }

    /// The event without the values that the profile holds; `None` when it holds none of them.
    fn take_report(&mut self, report: &Report, lead: &Lead) -> Option<Report> {
        let mut fields = Vec::with_capacity(report.fields.len());
        for (place, (field, value)) in report.fields.iter().enumerate() {
            let is_known = place < 64 && bytes_of(value) > 1 && lead.profile.has(field, value);
            self.report |= u64::from(is_known) << (place % 64);
            fields.push((field.clone(), if is_known { Value::Blank } else { value.clone() }));
        }
        let Report { kind, at, source, data, enrolls, only_finds, left_out, standing, also, .. } = report;
        (self.report != 0).then(|| Report {
            kind: kind.clone(),
            at: *at,
            source: source.clone(),
            fields,
            data: data.clone(),
            enrolls: *enrolls,
            only_finds: *only_finds,
            left_out: left_out.clone(),
            standing: standing.clone(),
            also: also.clone(),
        })
    }

    /// The answer without the values and reasons that the lead contains; `None` when it contains none of them.
    fn take_answer(&mut self, answer: &Answer, event: u8, lead: &Lead) -> Option<Answer> {
        let before = self.inputs.len();
        let mut fields = Vec::with_capacity(answer.input.fields.len());
        for (slot, value) in answer.input.fields.iter().enumerate() {
            let place = (bytes_of(value) > PLACE_BYTES_MAX).then(|| lead.profile.place_of(value)).flatten();
            if let (Ok(slot), Some(Ok(place))) = (u8::try_from(slot), place.map(u8::try_from)) {
                self.inputs.extend([event, slot, place]);
                fields.push(Value::Blank);
            } else {
                fields.push(value.clone());
            }
        }
        let decision = match &answer.decision {
            Ok(Decision::Score { points, segment, reasons, rescore_after_s }) => {
                let place = lead.scores.values().position(|score| score.reasons == *reasons);
                place.and_then(|place| u8::try_from(place).ok()).map(|place| {
                    self.reasons.extend([event, place]);
                    let (points, segment, rescore_after_s) = (*points, *segment, *rescore_after_s);
                    Ok(Decision::Score { points, segment, reasons: Vec::new(), rescore_after_s })
                })
            }
            _ => None,
        };
        if decision.is_none() && self.inputs.len() == before {
            return None;
        }
        let DecisionInput { parameters, touches, engagement, overdue, .. } = &answer.input;
        let input = DecisionInput {
            parameters: parameters.clone(),
            fields,
            touches: touches.clone(),
            engagement: engagement.clone(),
            overdue: overdue.clone(),
            ..answer.input
        };
        let Answer { run, asker, plugin, digest, cost, log, .. } = answer;
        Some(Answer {
            run: *run,
            asker: *asker,
            plugin: plugin.clone(),
            digest: *digest,
            input,
            decision: decision.unwrap_or_else(|| answer.decision.clone()),
            cost: *cost,
            log: log.clone(),
        })
    }

    /// Restores in the entry what was left out.
    fn put_back(&self, entry: &mut Entry, lead: &Lead) {
        let Some(personal) = &mut entry.personal else { return };
        let events = &mut personal.events;
        if let Some(Event::Reported(report)) = events.first_mut() {
            let taken = report.fields.iter_mut().take(64).enumerate().filter(|(bit, _)| self.report & (1 << bit) != 0);
            taken.for_each(|(_, (field, value))| *value = lead.profile.get(field));
        }
        let known = lead.profile.known();
        for place in self.inputs.chunks_exact(3) {
            if let Some(Event::Decided(answer)) = events.get_mut(usize::from(place[0]))
                && let Some(value) = answer.input.fields.get_mut(usize::from(place[1]))
                && let Some((_, known)) = known.get(usize::from(place[2]))
            {
                *value = known.clone();
            }
        }
        for place in self.reasons.chunks_exact(2) {
            if let Some(Event::Decided(answer)) = events.get_mut(usize::from(place[0]))
                && let Some(reasons) = reasons(&mut answer.decision)
                && let Some(score) = lead.scores.values().nth(usize::from(place[1]))
            {
                reasons.clone_from(&score.reasons);
            }
        }
    }
}

/// How many bytes it takes to name the place of a value that a plugin read, including the blank in place of the value.
const PLACE_BYTES_MAX: usize = 5;

/// How many bytes a value takes, if an equal value may replace it. Zero does not qualify, because 0 and -0 are equal.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => 1 + text.len(),
        Value::Number(number) if *number != 0.0 => 9,
        Value::Time(_) => 10,
        _ => 1,
    }
}

fn reasons<E>(decision: &mut Result<Decision, E>) -> Option<&mut Vec<Reason>> {
    match decision {
        Ok(Decision::Score { reasons, .. }) => Some(reasons),
        _ => None,
    }
}

impl<C> Encode<C> for LeadState {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let mut left_out = LeftOut::default();
        let latest = self.latest.as_ref().map(|entry| {
            let Entry { seq, skeleton, personal } = entry;
            let personal = personal.as_ref().map(|Personal { events, account, changes }| WrittenPersonal {
                events: left_out.take(events, &self.lead),
                account: account.as_ref(),
                changes,
            });
            WrittenEntry { seq: *seq, skeleton, personal }
        });
        Written {
            lead: &self.lead,
            seq: self.seq,
            born: self.born,
            runs: &self.runs,
            tasks: &self.tasks,
            past: Some(&self.past).filter(|past| !past.is_empty()),
            hold: self.hold.as_ref(),
            callback_at: self.callback_at,
            recent: &self.recent,
            latest,
            left_out: (left_out != LeftOut::default()).then_some(left_out),
            reserved: &self.reserved,
            given_up: &self.given_up,
            arms: &self.arms,
            waiters: &self.waiters,
        }
        .encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for LeadState {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let read = Read::decode(d, ctx)?;
        let Read { lead, seq, born, runs, tasks, past, hold, callback_at, recent, .. } = read;
        let Read { mut latest, left_out, reserved, given_up, arms, waiters, .. } = read;
        if let (Some(entry), Some(left_out)) = (&mut latest, left_out) {
            left_out.put_back(entry, &lead);
        }
        let past = past.unwrap_or_default();
        Ok(Self {
            lead,
            seq,
            born,
            runs,
            tasks,
            past,
            hold,
            callback_at,
            recent,
            latest,
            reserved,
            given_up,
            arms,
            waiters,
        })
    }
}
