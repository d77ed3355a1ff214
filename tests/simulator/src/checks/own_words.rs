//! What is stored under one of the team's own words is what that word means, no matter which workspaces followed. What was not
//! reported in such a word has none.

use super::scan::Scan;
use crate::record::Shared;
use crate::world::{OWN_RESULTS, OWN_STAGES, PASSING_RESULT};
use cadenza_core::journal::Note;
use cadenza_core::lead::{Stage, TouchResult};

pub(super) fn check(scan: &Scan, record: &Shared) {
    for state in &scan.leads {
        let lead = &state.lead;
        let notes = scan.journal(lead.id).iter().flat_map(|entry| &entry.skeleton.notes);
        let noted = notes.clone().filter_map(|note| match note {
            Note::Touched { result, result_own, .. } | Note::TaskDone { result, result_own, .. } => {
                Some((*result, result_own.as_deref()))
            }
            _ => None,
        });
        let touched = lead.touches.iter().map(|touch| (touch.result, touch.result_own.as_deref()));
        for (result, own) in touched.chain(noted) {
            if own.is_some_and(|own| result != result_of(own)) {
                record.wrong(format!("{} has {result:?} under {own:?}", lead.id));
            }
        }
        let staged = notes.filter_map(|note| match note {
            Note::Stage(stage, own) => Some((*stage, own.as_deref())),
            _ => None,
        });
        for (stage, own) in staged.chain([(lead.stage, lead.stage_own.as_deref())]) {
            if own.is_some_and(|own| Some(stage) != stage_of(own)) {
                record.wrong(format!("{} is at {stage} under {own:?}", lead.id));
            }
        }
    }
}

fn result_of(own: &str) -> Option<TouchResult> {
    OWN_RESULTS.into_iter().chain([PASSING_RESULT]).find(|(word, _)| *word == own).map(|(_, means)| means)
}

fn stage_of(own: &str) -> Option<Stage> {
    OWN_STAGES.into_iter().find(|(word, _)| *word == own).map(|(_, means)| means)
}
