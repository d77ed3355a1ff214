//! Lists and queues stay within their limits, and what is due is done within a number of batches. How many attempts are under way
//! is checked where they leave (`post.rs`).

use super::scan::Scan;
use crate::disk::Disk;
use crate::record::Shared;
use cadenza_core::lead::{ENGAGEMENTS_MAX, FORMER_MAX, TOUCHES_MAX};
use cadenza_core::state::{FIRINGS_MAX, RECENT_MAX, RUNS_MAX, TASKS_MAX, UNDER_WAY_MAX};

pub(super) fn check(scan: &Scan, record: &Shared) {
    for state in &scan.leads {
        let lead = &state.lead;
        let lists = [
            ("runs", state.runs.len(), RUNS_MAX),
            ("tasks", state.tasks.len(), TASKS_MAX),
            ("events that a wait may ask for", state.recent.len(), RECENT_MAX),
            ("touches under way", state.reserved.len(), UNDER_WAY_MAX + TASKS_MAX),
            ("touches in full", lead.touches.len(), TOUCHES_MAX),
            ("engagements in full", lead.engagements.len(), ENGAGEMENTS_MAX),
            ("former keys", lead.former.len(), FORMER_MAX),
        ];
        for (what, count, max) in lists.into_iter().filter(|(_, count, max)| count > max) {
            record.wrong(format!("{} has {count} {what}, and may have {max}", lead.id));
        }
    }
    for (id, schedule) in scan.schedules.iter().filter(|(_, schedule)| schedule.past.len() > FIRINGS_MAX) {
        record.wrong(format!("{id} remembers {} firings, and may remember {FIRINGS_MAX}", schedule.past.len()));
    }
}

/// The most batches for each thing that may have been due at one moment: its timer, its mail, the mail's result, and what follows
/// from that.
const BATCHES_EACH: u64 = 12;
/// The most batches that a quiet engine may need in addition.
const BATCHES_BESIDES: u64 = 40;

/// Nothing fails, nothing is paused, and the clock stood still: what was due must have been done within a number of batches.
pub(crate) fn done_soon(record: &Shared, batches: u64, disk: &Disk) {
    let Ok(scan) = Scan::of(disk, false) else { return };
    let things = scan.leads.len() + scan.outbox.len() + scan.accounts.len();
    let most = BATCHES_BESIDES + BATCHES_EACH * things as u64;
    if batches > most {
        record.wrong(format!("{batches} batches were needed for what was due, and {most} should be enough"));
    }
}
