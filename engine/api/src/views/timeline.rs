//! A lead's journal as the API shows it: when, by which event, what happened in words, and how it was decided.

use crate::views::facts::{Fact, FactReader};
use crate::views::words::{Teller, Told};
use cadenza_core::id::LeadId;
use cadenza_core::journal::Entry;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;

/// A page of a journal.
#[derive(Debug, Serialize)]
pub(crate) struct TimelineView {
    lead: LeadId,
    name: Option<String>,
    /// The time zone of times in words.
    timezone: Option<String>,
    items: Vec<EntryView>,
    /// Entries on this page that cannot be read.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    next: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug, Serialize)]
struct EntryView {
    seq: u64,
    at: Timestamp,
    event: String,
    what: Vec<Told>,
    /// The same in codes and names, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Vec<Fact>>,
    /// Whether the personal part was erased.
    erased: bool,
}

impl TimelineView {
    /// Entries after a number, in words; `next` is the cursor of what follows.
    pub(crate) fn new(
        state: &LeadState,
        (after, entries): (u64, &[Entry]),
        catalog: &Catalog,
        next: Option<String>,
        wants_facts: bool,
    ) -> Self {
        // Entries are numbered without gaps, so a number that is missing could not be read.
        let last = entries.last().map_or(after, |entry| entry.seq);
        let unreadable = (last - after).saturating_sub(entries.len() as u64);
        let mut teller = Teller::new(catalog, state);
        let mut reader = FactReader::new(catalog, state);
        let mut facts = |entry: &Entry| {
            let noted = reader.read(entry).into_iter().flatten();
            FactReader::by_person(entry).into_iter().chain(noted).collect()
        };
        let view = |entry: &Entry| EntryView {
            seq: entry.seq,
            at: entry.skeleton.now,
            event: entry.skeleton.event.clone(),
            what: teller.tell(entry),
            facts: wants_facts.then(|| facts(entry)),
            erased: entry.personal.is_none(),
        };
        Self {
            lead: state.lead.id,
            name: crate::views::lead::name(state),
            timezone: catalog.workspace.settings.calendar.zone().iana_name().map(str::to_owned),
            items: entries.iter().map(view).collect(),
            unreadable,
            next,
        }
    }
}
