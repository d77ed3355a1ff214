//! One lead for each key: every key that finds a lead is stored, and two leads share an address or number only if their journals
//! say that they know. Every lead with a record is among the holders of its keys.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::id::LeadId;
use cadenza_core::identity::IdentityKind;
use cadenza_core::journal::Note;
use cadenza_core::state::LeadState;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(scan: &Scan, record: &Shared) {
    let known: BTreeSet<LeadId> = scan.leads.iter().map(|state| state.lead.id).collect();
    let holders: BTreeMap<(IdentityKind, &str), &[LeadId]> =
        scan.identities.iter().map(|(key, found)| ((key.kind, key.value.as_str()), &found.holders[..])).collect();
    for (key, leads) in &holders {
        for nobody in leads.iter().filter(|lead| !known.contains(lead)) {
            record.wrong(format!("{key:?} leads to {nobody}, who is nobody"));
        }
    }
    for kind in [IdentityKind::Email, IdentityKind::Phone] {
        let mut by_text: BTreeMap<&str, Vec<&LeadState>> = BTreeMap::new();
        for state in &scan.leads {
            let text = match kind {
                IdentityKind::Email => state.lead.profile.email.as_deref(),
                _ => state.lead.profile.phone.as_deref(),
            };
            by_text.entry(text.unwrap_or_default()).or_default().push(state);
        }
        for (text, leads) in by_text.into_iter().filter(|(text, _)| !text.is_empty()) {
            for state in &leads {
                let found = holders.get(&(kind, text)).is_some_and(|holders| holders.contains(&state.lead.id));
                if !found {
                    record.wrong(format!("{text} does not lead to {}, who has it", state.lead.id));
                }
            }
            if leads.len() > 1 && !leads.iter().any(|state| knows_of_another(scan, state)) {
                let ids: Vec<LeadId> = leads.iter().map(|state| state.lead.id).collect();
                record.wrong(format!("{ids:?} are {text}, and none of them knows of another"));
            }
        }
    }
}

fn knows_of_another(scan: &Scan, state: &LeadState) -> bool {
    let notes = scan.journal(state.lead.id).iter().flat_map(|entry| &entry.skeleton.notes);
    notes.clone().any(|note| matches!(note, Note::KeyShared { .. }))
}
