//! Past workspaces: a journal is played again under what was in force when each of its entries was computed.

use super::*;
use crate::past::{Lost, Past, Replay};
use cadenza_core::id::Digest;
use cadenza_core::state::LeadState;
use cadenza_core::time::DAY_MS;
use cadenza_store::{Batch, BatchId, DocumentKey, DocumentKind, Store as _};
use std::collections::BTreeSet;

const FLOW: &str = "workflow: follow\nsummary: Two waits and a task.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: own\n    \
                    assign: { pool: closers, by: round_robin }\n  - id: one\n    wait: 1 business day\n  - id: two\n    \
                    wait: 1 business day\n  - id: talk\n    task: Talk to them\n    results: { else: end }\n";
const LATER: &str =
    "workflow: follow\nsummary: Nothing but an end.\nenroll: [{ when: lead.created }]\nsteps:\n  - end: over\n";
const SETTINGS: [&str; 2] = [
    "name: fixture\ntimezone: America/New_York\n",
    "name: fixture\ntimezone: America/New_York\nhours: { mon-fri: 12:00-14:00 }\n",
];
const TEAMS: [&str; 2] = [
    "reps: { ana: { name: Ana }, ben: { name: Ben } }\npools: { closers: [ana] }\n",
    "reps: { ben: { name: Ben } }\npools: { closers: [ben] }\n",
];

/// Writes a workspace with these settings, this team and this workflow.
fn workspace(world: &World, settings: &str, team: &str, workflow: &str) {
    for (name, text) in [("cadenza.yaml", settings), ("team.yaml", team), ("flow0.yaml", workflow)] {
        write(&world.folders.path().join("workspace").join(name), text);
    }
}

async fn apply(world: &World, engine: &Engine) {
    let basis = engine.catalog().basis(engine.clock().now());
    let catalog = Catalog::read(&world.folders.path().join("workspace"), basis).expect("the workspace is in order");
    let documents = catalog.documents().unwrap();
    engine.activate(catalog.into(), documents).await.unwrap();
}

async fn passes(engine: &Engine, days: i64) {
    engine.advance(engine.clock().now().plus_ms(days * DAY_MS)).await.unwrap();
}

/// A lead that lives through two changes of the workspace: of the hours, and of the team and the workflow.
async fn lives(world: &World, engine: &Engine) -> LeadState {
    let lead = engine.report(comes("ada@acme.example")).await.unwrap().lead;
    passes(engine, 1).await;
    workspace(world, SETTINGS[1], TEAMS[0], FLOW);
    apply(world, engine).await;
    passes(engine, 3).await;
    workspace(world, SETTINGS[1], TEAMS[1], LATER);
    apply(world, engine).await;
    passes(engine, 10).await;
    engine.lead(lead).await.unwrap().expect("it came")
}

#[test]
fn a_journal_is_played_again_over_changes_of_the_workspace() {
    let world = World::new(&[FLOW]);
    workspace(&world, SETTINGS[0], TEAMS[0], FLOW);
    let stored = world.live(async |engine| lives(&world, &engine).await);
    // In another life only the store remembers what was in force, and no run follows the old workflow any more.
    world.live(async |engine| {
        let entries = engine.timeline(&stored, 0, 100).await.unwrap();
        let under: BTreeSet<Digest> = entries.iter().filter_map(|entry| entry.skeleton.catalog).collect();
        assert_eq!(under.len(), 3, "something happened under each of the three");
        assert_eq!(engine.played_to(&stored, stored.seq).await.unwrap().expect("all of it is kept"), stored);
        let before = engine.played_to(&stored, 1).await.unwrap().expect("all of it is kept");
        assert!(before.tasks.is_empty() && before.seq == 1, "as it was after its first entry: {before:?}");
    });
    world.between_lives(async |store| {
        for digest in Past::kept(&store).await.unwrap() {
            let past = Past::read(&store, digest).await.unwrap().expect("all of it is kept");
            let mut again = LeadState::new(stored.lead.id, stored.lead.created_at);
            let definitions = past.workspace.workflows.values().cloned().collect();
            let mut entries = store.journal(stored.lead.id, 0, 100).await.unwrap();
            entries.extend(stored.latest.clone());
            for entry in &entries {
                cadenza_core::step::replay(&definitions, &past.live, &mut again, entry).expect("nobody was erased");
            }
            assert_ne!(again, stored, "each change makes a difference: under {digest} alone it is another life");
        }
    });
}

#[test]
fn each_part_is_kept_once_and_a_workspace_without_entries_not_at_all() {
    let world = World::new(&[FLOW]);
    workspace(&world, SETTINGS[0], TEAMS[0], FLOW);
    world.live(async |engine| {
        for settings in SETTINGS {
            workspace(&world, settings, TEAMS[0], FLOW);
            apply(&world, &engine).await;
        }
        assert!(Past::kept(engine.store.as_ref()).await.unwrap().is_empty(), "nothing happened under either");
        for (n, settings) in SETTINGS.into_iter().chain(SETTINGS).enumerate() {
            workspace(&world, settings, TEAMS[0], FLOW);
            apply(&world, &engine).await;
            engine.report(comes(&format!("ada{n}@acme.example"))).await.unwrap();
        }
    });
    let kept = world.between_lives(async |store| store.documents(DocumentKind::Catalog).await.unwrap());
    let kept: Vec<serde_json::Value> = kept.iter().map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    assert_eq!(kept.len(), 2, "each once, however often it was in force");
    assert_eq!(kept[0]["files"]["team.yaml"], kept[1]["files"]["team.yaml"], "what did not change is one part");
    assert_ne!(kept[0]["files"]["cadenza.yaml"], kept[1]["files"]["cadenza.yaml"]);
}

#[test]
fn what_is_not_kept_or_damaged_is_told() {
    let world = World::new(&[FLOW]);
    workspace(&world, SETTINGS[0], TEAMS[0], FLOW);
    let stored = world.live(async |engine| {
        let lead = engine.report(comes("ada@acme.example")).await.unwrap().lead;
        engine.lead(lead).await.unwrap().expect("it came")
    });
    let name = stored.latest.as_ref().and_then(|entry| entry.skeleton.catalog).expect("every entry says it");
    let file = world.between_lives(async |store| {
        let kept = store.document(&DocumentKey::Catalog(name)).await.unwrap().expect("it is kept");
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        let part: Digest = serde_json::from_value(kept["files"]["team.yaml"].clone()).unwrap();
        DocumentKey::Part(part)
    });
    type Told = fn(&Lost) -> bool;
    let told: [(DocumentKey, Option<Vec<u8>>, Told); 3] = [
        (
            file.clone(),
            Some(b"reps: {}".to_vec()),
            |lost| matches!(lost, Lost::Part { part } if part.contains("team.yaml")),
        ),
        (file, None, |lost| matches!(lost, Lost::Part { part } if part.contains("team.yaml"))),
        (DocumentKey::Catalog(name), None, |lost| matches!(lost, Lost::NotKept(_))),
    ];
    for (key, content, expected) in told {
        world.between_lives(async |store| {
            let mut batch = Batch::new(BatchId(1), store.epoch());
            batch.documents.push((key.clone(), content));
            store.commit(batch).await.unwrap();
            let mut state = LeadState::new(stored.lead.id, stored.lead.created_at);
            let entry = stored.latest.as_ref().expect("it has one");
            let lost = Replay::new(&store, Default::default()).play(&mut state, entry).await.unwrap().unwrap_err();
            assert!(expected(&lost), "{key:?}: {lost}");
        });
    }
    // What happens under it again keeps it again, and mends what was damaged.
    world.live(async |engine| {
        engine.report(comes("bob@acme.example")).await.unwrap();
        assert_eq!(engine.played_to(&stored, stored.seq).await.unwrap().expect("it is kept again"), stored);
    });
}
