//! An acknowledged event is in the journal of its lead once. An event with an unknown fate is there once or not at all, and a
//! refused event is not there. The same holds for what people do to leads and tasks, which is sent once.

use super::scan::Scan;
use crate::record::{Fate, Shared};
use cadenza_core::id::LeadId;
use cadenza_core::journal::Note;
use std::collections::BTreeMap;

pub(super) fn check(scan: &Scan, record: &Shared) {
    let (mut events, mut acts) = (BTreeMap::<&str, Vec<LeadId>>::new(), BTreeMap::<&str, Vec<LeadId>>::new());
    for (lead, entries) in &scan.journals {
        for entry in entries {
            let event = entry.skeleton.event.as_str();
            if entry.skeleton.notes.iter().any(|note| matches!(note, Note::Reported(_))) {
                events.entry(event).or_default().push(*lead);
            }
            acts.entry(event).or_default().push(*lead);
        }
    }
    let mut wrong = Vec::new();
    let mut compare = |id: &str, fate: Fate, times: &[LeadId]| match fate {
        Fate::Taken(lead) if times == [lead] => {}
        Fate::Taken(lead) => wrong.push(format!("{id} came to {lead}, and is told of in {times:?}")),
        Fate::Refused if times.is_empty() => {}
        Fate::Refused => wrong.push(format!("{id} was refused, and is told of in {times:?}")),
        Fate::Unknown if times.len() <= 1 => {}
        Fate::Unknown => wrong.push(format!("{id} came once or not at all, and is told of in {times:?}")),
    };
    let record_now = record.lock();
    for told in &record_now.told {
        let id = told.incoming.id.as_str();
        compare(id, told.fate, events.get(id).map_or(&[][..], Vec::as_slice));
    }
    for act in &record_now.acts {
        // What the act means for other leads (an address that is bound) is told in their journals under the same id.
        let told = acts.get(act.id.as_str()).into_iter().flatten();
        let times: Vec<LeadId> = told.copied().filter(|lead| *lead == act.lead).collect();
        match act.fate {
            // It changed nothing, and the answer said so.
            Fate::Taken(_) if !act.noted && times.is_empty() => {}
            fate => compare(&act.id, fate, &times),
        }
    }
    drop(record_now);
    wrong.into_iter().for_each(|what| record.wrong(what));
}
