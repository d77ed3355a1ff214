//! What must hold, each promise in a file of its own. A checker goes by what was acknowledged, what was shown, what left, and by
//! scans of what lies on the disk. None of them asks the gate or the index code, or runs a step. The one exception plays journals
//! again with `replay`, which is what it checks.

mod applied_once;
mod every_effect;
mod firings;
mod holds;
mod indexes;
mod next_step;
mod one_lead;
mod opt_outs;
mod own_words;
mod passed_on;
mod replays;
pub(crate) mod scan;
mod shown;
pub(crate) mod within_limits;

use crate::disk::Disk;
use crate::life::Lives;
use crate::record::Shared;
use cadenza_core::time::Timestamp;
use scan::Scan;

/// What holds whenever nobody writes, which is between two lives.
pub(crate) fn at_rest(disk: &Disk, record: &Shared) -> anyhow::Result<()> {
    let scan = Scan::of(disk, false)?;
    indexes::check(&scan, record);
    within_limits::check(&scan, record);
    Ok(())
}

/// What holds in the end, when nothing has failed for a while and everything that was due is done.
pub(crate) fn in_the_end(lives: &Lives<'_>, disk: &Disk, now: Timestamp) -> anyhow::Result<()> {
    let record = &lives.record;
    let scan = Scan::of(disk, true)?;
    indexes::check(&scan, record);
    within_limits::check(&scan, record);
    applied_once::check(&scan, record);
    every_effect::check(&scan, record);
    firings::check(&scan, record);
    firings::check_last(&scan, lives, now);
    holds::check(&scan, record, now);
    next_step::check(&scan, record, now);
    one_lead::check(&scan, record);
    opt_outs::check(&scan, record);
    own_words::check(&scan, record);
    passed_on::check(&scan, record, lives.healed_at);
    replays::check(&scan, record, &lives.in_force);
    shown::check(&scan, record);
    Ok(())
}
