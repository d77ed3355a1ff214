//! Previews: the same computation as the real command, but nothing comes of it.

use super::*;

const SCORES: &str = "workflow: scores\nsummary: One score, on the pool.\nenroll: [{ when: lead.created }]\nsteps:\n  \
                      - id: score\n    score: inbound-fit\n    on_failure: { segment: cold }\n  - end: over\n";
const MAILS: &str = "workflow: mails\nsummary: One mail.\nenroll: [{ when: lead.engaged }]\nsteps:\n  - id: pause\n    \
                     wait: 30d\n  - end: over\n";

#[test]
fn a_preview_says_what_the_deed_does_and_leaves_no_trace() {
    let world = World::new(&[SCORES, MAILS]);
    world.live(async |engine| {
        let lead = engine.report(said(StandardEvent::LeadEngaged, "mia@mail.example")).await.unwrap().lead;
        let enrolled =
            |workflow: &str| Event::Enrolled { workflow: workflow.to_owned(), by: "ops".to_owned(), key: None };
        let removed = |workflow: &str| {
            let command = LeadCommand::Remove { workflow: workflow.to_owned() };
            Event::Commanded { command, by: "ops".to_owned() }
        };
        for (what, event, would_ask) in [
            ("into one it is in", enrolled("mails"), vec![]),
            ("out of one it is not in", removed("scores"), vec![]),
            ("into one that asks on the pool", enrolled("scores"), vec!["inbound-fit"]),
            ("out of one it is in", removed("mails"), vec![]),
        ] {
            let before = engine.lead(lead).await.unwrap();
            let asked = engine.meters().decisions_total.get();
            let preview = engine.preview(lead, event.clone()).await.unwrap();
            assert_eq!(preview.would_ask, would_ask, "{what}");
            assert_eq!(engine.lead(lead).await.unwrap(), before, "{what}: something came of it");
            assert_eq!(engine.meters().decisions_total.get(), asked, "{what}: a plugin was asked in earnest");
            let done = engine.apply_to(lead, "ev".to_owned(), event).await.unwrap();
            assert_eq!(preview.notes, done.notes, "{what}");
        }
        let stranger = LeadId::new(fixture::NOW, 99);
        assert!(matches!(engine.preview(stranger, enrolled("mails")).await, Err(Refused::NotFound { .. })));
    });
}
