//! An acknowledged opt-out holds: the lead's record has it, and nothing is planned with the lead any more. That nothing leaves to
//! the lead, or to an address that the opt-out named, is checked where messages leave (`post.rs`).

use super::scan::Scan;
use crate::record::Shared;

pub(super) fn check(scan: &Scan, record: &Shared) {
    let opted_out = record.lock().opted_out.clone();
    for state in scan.leads.iter().filter(|state| opted_out.contains(&state.lead.id)) {
        let id = state.lead.id;
        if state.lead.consent.opted_out.is_none() {
            record.wrong(format!("the opt-out of {id} was acknowledged, and its record does not have it"));
        }
        if !state.runs.is_empty() || !state.tasks.is_empty() {
            record.wrong(format!("{id} opted out, and has {:?} and {:?}", state.runs, state.tasks));
        }
    }
    for row in scan.outbox.iter().filter(|row| row.message.touch().is_some() && opted_out.contains(&row.lead)) {
        record.wrong(format!("{} waits to touch {}, who opted out", row.id, row.lead));
    }
}
