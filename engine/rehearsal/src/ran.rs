//! What came of playing a case, and when its moments are: what playing, comparing and telling share.

use cadenza_api::views::task::Reading;
use cadenza_core::id::{LeadId, TaskId};
use cadenza_core::time::Timestamp;
use cadenza_language::cases::Moment;
use cadenza_runtime::catalog::Catalog;
use std::collections::BTreeMap;

/// What came of playing a case, before anybody compares.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Leads by their names in the file.
    pub(crate) leads: BTreeMap<String, LeadId>,
    /// What could not be done as it was given.
    pub(crate) troubles: Vec<Trouble>,
    /// What reps read with their tasks when they were new, where the case expects something of it.
    pub(crate) readings: BTreeMap<TaskId, Reading>,
}

/// Something that could not be done as a case gives it.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The time of a moment in a case that began then.
pub(crate) fn time_of(moment: Moment, begin: Timestamp, catalog: &Catalog) -> Timestamp {
    match moment {
        Moment::At(at) => at,
        Moment::After(span) => catalog.workspace.settings.calendar.add(begin, span),
    }
}
