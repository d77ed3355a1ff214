//! Every message leaves under one key, with the same text and to the same address, however often it is tried. What a journal says
//! was sent has left; what was taken had been queued by a journal; what was queued and is waited for lies in the outbox or with
//! the dead letters.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::event::Ending;
use cadenza_core::id::EffectId;
use cadenza_core::journal::Note;
use cadenza_core::state::Toucher;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(scan: &Scan, record: &Shared) {
    let mut wrong = Vec::new();
    let mut bodies: BTreeMap<String, (Option<String>, String)> = BTreeMap::new();
    let departed: BTreeSet<EffectId> = {
        let record = record.lock();
        for one in &record.departed {
            let said = (one.to.clone(), one.body.clone());
            let first = bodies.entry(one.key.clone()).or_insert_with(|| said.clone());
            if *first != said {
                wrong.push(format!("under {} two things leave: {first:?} and {said:?}", one.key));
            }
        }
        record.departed.iter().map(|one| one.effect).collect()
    };
    let taken = record.lock().taken.clone();
    let rows: BTreeSet<EffectId> = scan.outbox.iter().map(|row| row.id).collect();
    let letters: BTreeSet<u128> = scan.letters.iter().map(|letter| letter.id.0).collect();
    let mut queued = BTreeSet::new();
    for state in &scan.leads {
        let lead = state.lead.id;
        let notes = || scan.journal(lead).iter().flat_map(|entry| &entry.skeleton.notes);
        let mut ended: BTreeMap<EffectId, Ending> = BTreeMap::new();
        for note in notes() {
            if let Note::Delivered { effect, ending, .. } = note {
                ended.insert(EffectId::born(lead, effect.number()), *ending);
            }
        }
        for note in notes() {
            let Note::Queued { effect, .. } = note else { continue };
            let effect = EffectId::born(lead, effect.number());
            if !queued.insert(effect) {
                wrong.push(format!("{effect} is queued twice"));
            }
            let is_there = rows.contains(&effect) || letters.contains(&effect.0);
            match ended.get(&effect) {
                Some(Ending::Sent) if !taken.contains(&effect) => {
                    wrong.push(format!("{effect} was sent, as its lead's journal says, and nobody took it"));
                }
                Some(_) => {}
                // The journal does not say when a notice to a rep arrived.
                None if is_there || taken.contains(&effect) => {}
                None => {
                    let run_is_over = departed.contains(&effect);
                    if !run_is_over && is_awaited(state, effect) {
                        wrong.push(format!("{effect} was queued, is waited for, and lies nowhere"));
                    }
                }
            }
            if let Some(Ending::Sent) = ended.get(&effect)
                && rows.contains(&effect)
            {
                wrong.push(format!("{effect} was sent, and lies in the outbox"));
            }
        }
        for reserved in &state.reserved {
            if let Toucher::Message(effect) = reserved.by
                && !rows.contains(&effect)
            {
                wrong.push(format!("{effect} counts as under way to {lead}, and is not in the outbox"));
            }
        }
    }
    for effect in taken.difference(&queued).filter(|effect| !is_of_nobody(scan, **effect)) {
        wrong.push(format!("{effect} left, and no journal has queued it"));
    }
    wrong.into_iter().for_each(|what| record.wrong(what));
}

/// Whether some run waits for the message.
fn is_awaited(state: &cadenza_core::state::LeadState, effect: EffectId) -> bool {
    use cadenza_core::run::{CadencePhase, RunState};
    state.runs.iter().any(|run| match &run.state {
        RunState::Sending(awaited) => *awaited == effect,
        RunState::Cadence(cadence) => cadence.phase == CadencePhase::Sending(effect),
        _ => false,
    })
}

fn is_of_nobody(scan: &Scan, effect: EffectId) -> bool {
    scan.leads.iter().all(|state| state.lead.id != effect.lead())
}
