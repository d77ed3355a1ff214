//! Nothing that was shown is undone: every journal entry that somebody saw, in an answer or when looking, is still there.

use super::scan::Scan;
use crate::record::Shared;

pub(super) fn check(scan: &Scan, record: &Shared) {
    let mut wrong = Vec::new();
    for ((lead, seq), shown) in &record.lock().shown {
        let kept = scan.journal(*lead).iter().find(|entry| entry.seq == *seq);
        if kept != Some(shown) {
            wrong.push(format!("entry {seq} of {lead} was shown as {shown:?}, and is {kept:?}"));
        }
    }
    wrong.into_iter().for_each(|what| record.wrong(what));
}
