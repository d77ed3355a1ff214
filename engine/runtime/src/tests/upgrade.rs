//! What an earlier program left behind.

use super::*;
use cadenza_core::time::DAY_MS;
use cadenza_store::{Batch, BatchId, Mark, Store as _};

const TASKS: &str = "workflow: tasks\nsummary: One task.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: talk\n    \
                     task: Talk to them\n    results: { else: end }\n";

/// The first program kept no content with the mark of an event.
#[test]
fn an_event_of_before_an_upgrade_is_a_duplicate() {
    let known = LeadId::new(fixture::NOW, 9);
    for (content, answered) in [(None, Some(known)), (Some(1), Some(known)), (Some(2), None)] {
        let world = World::new(&[TASKS]);
        let again = comes("ada@acme.example");
        world.between_lives(async |store| {
            let mut batch = Batch::new(BatchId(1), store.epoch());
            let day = u32::try_from(fixture::NOW.as_ms() / DAY_MS).unwrap();
            batch.marks.push(Mark { event: again.id.clone(), day, lead: known, content });
            store.commit(batch).await.unwrap();
        });
        let answer = world.live(async |engine| engine.report(again).await);
        let lead = answer.as_ref().ok().filter(|accepted| accepted.duplicate).map(|accepted| accepted.lead);
        assert_eq!(lead, answered, "a mark with the content {content:?}: {answer:?}");
        let conflict = matches!(answer, Err(Refused::Conflict { .. }));
        assert_eq!(conflict, answered.is_none(), "a mark with the content {content:?}: {answer:?}");
    }
}
