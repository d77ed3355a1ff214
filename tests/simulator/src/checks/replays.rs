//! A journal that is played again gives the stored state: nothing changes a lead but what its journal tells, under the kept
//! versions of the workspaces that were in force. The memory of this process only tells which workspaces those were.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::id::Digest;
use cadenza_core::journal::Note;
use cadenza_core::state::LeadState;
use cadenza_core::step::replay;
use cadenza_core::workspace::Definitions;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn check(scan: &Scan, record: &Shared, in_force: &BTreeSet<Digest>) {
    let pasts = scan.pasts.values().flatten();
    let workflows = pasts.flat_map(|past| past.workspace.workflows.values());
    let definitions: Definitions = workflows.map(Arc::clone).collect();
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
            let known = entry.skeleton.catalog.filter(|digest| in_force.contains(digest));
            let Some(known) = known else {
                record.wrong(format!("entry {number} of {id} was made under what was never in force"));
                stopped = true;
                break;
            };
            let past = match scan.pasts.get(&known) {
                Some(Ok(past)) => past,
                Some(Err(lost)) => {
                    record.wrong(format!("entry {number} of {id} cannot be played again: {lost}"));
                    stopped = true;
                    break;
                }
                None => {
                    record.wrong(format!("what entry {number} of {id} was made under was not kept: {known}"));
                    stopped = true;
                    break;
                }
            };
            match replay(&definitions, &past.live, &mut again, entry) {
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

/// The notes that come from a lead's own events. Those on who else has its keys come from other leads' events.
fn said(notes: &[Note]) -> Vec<&Note> {
    let of_others =
        |note: &&Note| matches!(note, Note::IdentityConflict(_) | Note::OneOfSeveral { .. } | Note::KeyShared { .. });
    notes.iter().filter(|note| !of_others(note)).collect()
}
