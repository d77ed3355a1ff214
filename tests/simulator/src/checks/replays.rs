//! A journal played again gives the state that is stored: nothing changes a lead but what its journal tells.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::id::Digest;
use cadenza_core::journal::Note;
use cadenza_core::state::LeadState;
use cadenza_core::step::replay;
use cadenza_core::workspace::{Definitions, Live};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn check(scan: &Scan, record: &Shared, definitions: &Definitions, in_force: &BTreeMap<Digest, Arc<Live>>) {
    for state in &scan.leads {
        let id = state.lead.id;
        let mut again = LeadState::new(id, state.lead.created_at);
        let mut stopped = false;
        for (number, entry) in (1..).zip(scan.journal(id)) {
            if entry.seq != number {
                record.wrong(format!("entry {number} of {id} is missing: {} comes in its place", entry.seq));
                stopped = true;
                break;
            }
            let live = entry.skeleton.catalog.and_then(|digest| in_force.get(&digest));
            let Some(live) = live else {
                record.wrong(format!("entry {number} of {id} was made under what was never in force"));
                stopped = true;
                break;
            };
            match replay(definitions, live, &mut again, entry) {
                Some(notes) if said(&notes) == said(&entry.skeleton.notes) => {}
                Some(notes) => {
                    let noted = &entry.skeleton.notes;
                    record.wrong(format!("entry {number} of {id} played again says {notes:?}, and said {noted:?}"));
                    stopped = true;
                    break;
                }
                None => {
                    record.wrong(format!("entry {number} of {id} has no events, and nobody was erased"));
                    stopped = true;
                    break;
                }
            }
        }
        if !stopped && again != *state {
            record.wrong(format!("the journal of {id} leads to another state:\n{again:?}\nstored is\n{state:?}"));
        }
    }
}

/// What a lead's own events say: who else has its keys is said by those.
fn said(notes: &[Note]) -> Vec<&Note> {
    let of_others =
        |note: &&Note| matches!(note, Note::IdentityConflict(_) | Note::OneOfSeveral { .. } | Note::KeyShared { .. });
    notes.iter().filter(|note| !of_others(note)).collect()
}
