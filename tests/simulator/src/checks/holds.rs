//! A hold reaches its leads once: every hold that is over ended on its account and its leads, and no lead heard twice of one end.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::event::Event;
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use std::collections::BTreeSet;

pub(super) fn check(scan: &Scan, record: &Shared, now: Timestamp) {
    let known: BTreeSet<LeadId> = scan.leads.iter().map(|state| state.lead.id).collect();
    for account in scan.accounts.values() {
        if let Some(hold) = &account.hold {
            if hold.until < now {
                record.wrong(format!("the hold of {} was over at {}, and it is {now}", account.id, hold.until));
            }
            let unlisted = scan.held.get(&account.id).into_iter().flatten();
            for lead in hold.leads.iter().chain(unlisted).filter(|lead| !known.contains(lead)) {
                record.wrong(format!("{lead} is under the hold of {}, and is nobody", account.id));
            }
        }
        if account.ending.is_some() {
            record.wrong(format!("the hold of {} is over, and some leads are still to be told", account.id));
        }
    }
    for state in &scan.leads {
        if let Some(hold) = state.hold.as_ref().filter(|hold| hold.until < now) {
            record.wrong(format!("the hold of {} was over at {}, and it is {now}", state.lead.id, hold.until));
        }
        let mut heard_at: Option<Timestamp> = None;
        for entry in scan.journal(state.lead.id) {
            let events = entry.personal.iter().flat_map(|personal| &personal.events);
            let ends = events.filter(|event| matches!(event, Event::HoldExpired { .. })).count();
            if ends == 0 {
                continue;
            }
            // A hold lasts a day at the least, and a lead is under one at a time.
            if ends > 1 || heard_at == Some(entry.skeleton.now) {
                record.wrong(format!("{} heard twice of the end of a hold, at {}", state.lead.id, entry.skeleton.now));
            }
            heard_at = Some(entry.skeleton.now);
        }
    }
}
