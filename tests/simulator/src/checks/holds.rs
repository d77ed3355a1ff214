//! A hold reaches its leads once: every hold that is over has ended on its account and its leads, and no lead was told twice of
//! one end.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::event::{Event, EventType, StandardEvent};
use cadenza_core::id::LeadId;
use cadenza_core::journal::{Entry, Note};
use cadenza_core::state::LeadState;
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
        hears_once(scan, state.lead.id, record);
        hears_at_all(scan, state, record, now);
    }
}

/// No lead is told twice of one end. A lead that could not be read may hear at one moment of two ends that came meanwhile.
fn hears_once(scan: &Scan, lead: LeadId, record: &Shared) {
    let mut heard = BTreeSet::new();
    for entry in scan.journal(lead) {
        let events = entry.personal.iter().flat_map(|personal| &personal.events);
        let ends = events.filter(|event| matches!(event, Event::HoldExpired { .. })).count();
        if ends == 0 {
            continue;
        }
        let event = entry.skeleton.event.as_str();
        if ends > 1 || !heard.insert(event) {
            record.wrong(format!("{lead} heard twice of the end of a hold, by {event}"));
        }
    }
}

/// A lead that came under a hold hears when it is over, unless a won deal made the hold permanent or another one is in force.
/// What an account is told while it cannot be read is lost to it, so its leads are left out. So are leads that may have moved to
/// another account.
fn hears_at_all(scan: &Scan, state: &LeadState, record: &Shared, now: Timestamp) {
    let account = state.lead.account.and_then(|id| scan.accounts.get(&id));
    let moved = |field: &str| ["email", "company", "domain"].contains(&field);
    let changes =
        |entry: &Entry| entry.personal.iter().flat_map(|personal| &personal.changes).any(|it| moved(&it.field));
    let of_it = scan.leads.iter().filter(|other| other.lead.account == state.lead.account);
    let won = of_it.flat_map(|other| scan.journal(other.lead.id)).flat_map(|entry| &entry.skeleton.notes);
    let won = won.into_iter().any(|note| *note == Note::Reported(EventType::Standard(StandardEvent::DealWon)));
    if won || scan.was_account_spoilt(state) || scan.journal(state.lead.id).iter().any(changes) {
        return;
    }
    let stays = account.is_some_and(|account| account.kept || account.hold.is_some()) || state.hold.is_some();
    let mut under: Option<Timestamp> = None;
    for note in scan.journal(state.lead.id).iter().flat_map(|entry| &entry.skeleton.notes) {
        match note {
            Note::Held { until, .. } => under = Some(*until),
            Note::HoldOver { .. } | Note::HoldLeft { .. } => under = None,
            _ => {}
        }
    }
    if let Some(until) = under.filter(|until| !stays && *until < now) {
        record.wrong(format!("{} was under a hold until {until}, and heard nothing of its end", state.lead.id));
    }
}
