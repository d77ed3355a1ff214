//! What must hold when all is over. By what was acknowledged, what left, and what the journal says; none of it asks the gate, a
//! step, or an index.

use crate::world::{Fate, World};
use cadenza_core::id::LeadId;
use cadenza_core::journal::Note;
use cadenza_core::run::RunState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::engine::Engine;
use std::collections::BTreeMap;

impl World {
    pub(crate) async fn check(&self, engine: &Engine) {
        self.applied_once(engine).await;
        self.one_key();
        self.it_ended(engine).await;
    }

    /// How often each event is in the journal of each lead.
    async fn applied_once(&self, engine: &Engine) {
        let mut found: BTreeMap<String, Vec<LeadId>> = BTreeMap::new();
        let leads = engine.leads(None, 1_000).await.unwrap_or_default();
        for state in &leads {
            let mut after = 0;
            loop {
                let entries = engine.timeline(state, after, 200).await.unwrap_or_default();
                let Some(last) = entries.last() else { break };
                after = last.seq;
                for entry in &entries {
                    if entry.skeleton.notes.iter().any(|note| matches!(note, Note::Reported(_))) {
                        found.entry(entry.skeleton.event.clone()).or_default().push(state.lead.id);
                    }
                }
            }
        }
        for told in &self.told {
            let times = found.get(&told.incoming.id).map_or(&[][..], Vec::as_slice);
            match told.fate {
                Fate::Taken(lead) if times == [lead] => {}
                Fate::Taken(lead) => {
                    self.wrong(format!("{} came to {lead}, and is told of in {times:?}", told.incoming.id))
                }
                Fate::Refused if times.is_empty() => {}
                Fate::Refused => self.wrong(format!("{} was refused, and is told of in {times:?}", told.incoming.id)),
                // Too old to be sent again.
                Fate::Unknown if times.len() <= 1 => {}
                Fate::Unknown => {
                    self.wrong(format!("{} came once or not, and is told of in {times:?}", told.incoming.id))
                }
            }
        }
        let people = leads.iter().filter_map(|state| state.lead.profile.email.as_deref());
        let mut by_address: BTreeMap<&str, usize> = BTreeMap::new();
        people.for_each(|email| *by_address.entry(email).or_default() += 1);
        for (email, leads) in by_address.into_iter().filter(|(_, leads)| *leads > 1) {
            self.wrong(format!("{leads} leads are {email}"));
        }
    }

    fn one_key(&self) {
        let mut wrong = Vec::new();
        let seen = self.post.seen();
        let mut greetings: BTreeMap<(LeadId, &str), usize> = BTreeMap::new();
        for (key, attempts) in &seen.attempts {
            let Some(first) = attempts.first() else { continue };
            if attempts.iter().any(|attempt| attempt != first) {
                wrong.push(format!("attempts under {key} say different things: {attempts:?}"));
            }
            if first.subject == "Hello" {
                *greetings.entry((first.lead, &first.run)).or_default() += 1;
            }
        }
        for ((lead, run), keys) in greetings.into_iter().filter(|(_, keys)| *keys > 1) {
            wrong.push(format!("{run} of {lead} says hello under {keys} keys"));
        }
        drop(seen);
        wrong.into_iter().for_each(|what| self.wrong(what));
    }

    /// Thirty days without a fault are enough for everything but calls, which nobody makes.
    async fn it_ended(&self, engine: &Engine) {
        let rows = engine.outbox(None, 100).await.unwrap_or_default();
        for row in rows {
            self.wrong(format!(
                "{} to {} is still on its way: {:?}, due {}",
                row.id, row.lead, row.last_error, row.due
            ));
        }
        let now = engine.clock().now();
        for state in engine.leads(None, 1_000).await.unwrap_or_default() {
            for run in &state.runs {
                match &run.state {
                    RunState::Waiting { until: Some(until) } if *until < now => {
                        self.wrong(format!("{} waits since {until}, and it is {now}", run.id));
                    }
                    RunState::Sending(effect) => self.wrong(format!("{effect} of {} is not heard of", run.id)),
                    RunState::Ready | RunState::Assigning | RunState::Deciding { .. } => {
                        self.wrong(format!("{} stands still: {:?}", run.id, run.state));
                    }
                    _ => {}
                }
            }
        }
        let late = engine.timers(None, 1).await.unwrap_or_default();
        for (due, owner) in late.into_iter().filter(|(due, _): &(Timestamp, _)| *due <= now) {
            self.wrong(format!("a timer of {owner:?} was due at {due}, and it is {now}"));
        }
    }
}
