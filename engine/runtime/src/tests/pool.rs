//! Decisions of plugins that are asked outside the commit: what happens while they are under way, and when there are too many.
//!
//! On one thread a plugin answers as soon as it is asked, but the engine has not heard the answer yet when the next message
//! leaves. What happens at that moment happens while the decision is under way.

use super::*;
use cadenza_core::journal::{DecisionSummary, Note};
use cadenza_core::run::RunState;
use cadenza_core::state::{DECISION_TIMEOUT_MS, LeadState};
use cadenza_store::{Partitions, Store as _};
use futures_util::future::join_all;
use std::collections::BTreeMap;

const SCORES: &str = "workflow: scores\nsummary: One score, on the pool.\nenroll: [{ when: lead.created }]\nsteps:\n  \
                      - id: score\n    score: inbound-fit\n    on_failure: { segment: cold }\n  - end: over\n";
/// For the lead whose mail marks the moment. It comes by another event than the others.
const MAILS: &str = "workflow: mails\nsummary: One mail.\nenroll: [{ when: lead.engaged }]\nsteps:\n  - id: mail\n    \
                     email: scripts/hello.md\n  - end: over\n";

/// Half of the pool's places: no plugin gets more.
const PLACES: usize = 512;
/// How many leads find no place.
const WITHOUT_PLACE: usize = 88;

/// All leads come at once, together with the lead whose mail leaves when their questions are under way.
async fn come(engine: &Engine, leads: usize) -> Vec<LeadId> {
    let said = (0..leads).map(|n| comes(&format!("ada{n}@acme.example")));
    let all = said.chain([said_of_the_mail()]).map(|incoming| engine.report(incoming));
    let mut came: Vec<LeadId> = join_all(all).await.into_iter().map(|accepted| accepted.unwrap().lead).collect();
    came.pop();
    came
}

fn said_of_the_mail() -> Incoming {
    said(StandardEvent::LeadEngaged, "mia@mail.example")
}

/// A world with room for everybody in one batch.
fn world() -> World {
    let mut world = World::new(&[SCORES, MAILS]);
    world.limits.batch_events_max = 2 * (PLACES + WITHOUT_PLACE);
    world
}

/// Ends a life of the engine as soon as questions are under way. Nothing is kept of what comes then.
fn dies_while_asking(world: &World, leads: usize) -> Vec<LeadId> {
    let disk = world.disk.clone();
    world.post.meanwhile(move || disk.set_full(true));
    let came = world.live(async |engine| {
        let came = come(&engine, leads).await;
        until("the mail leaves", || world.post.attempts() == 1).await;
        came
    });
    world.disk.set_full(false);
    came
}

/// What a lead's journal says of the decisions about it, one entry after the other.
async fn story(engine: &Engine, lead: LeadId) -> Vec<&'static str> {
    let state = engine.lead(lead).await.unwrap().expect("it came");
    let entries = engine.timeline(&state, 0, 20).await.unwrap();
    entries
        .iter()
        .map(|entry| {
            let said = entry.skeleton.notes.iter().find_map(|note| match note {
                Note::PutOff(_) => Some("put off"),
                Note::Decided { verdict: DecisionSummary::Score { .. }, .. } => Some("decided"),
                Note::Decided { .. } => Some("failed"),
                _ => None,
            });
            said.unwrap_or(match entry.seq {
                1 => "came",
                _ => "asked",
            })
        })
        .collect()
}

/// How many leads have each story.
async fn stories(engine: &Engine, leads: &[LeadId]) -> BTreeMap<Vec<&'static str>, usize> {
    let mut stories = BTreeMap::new();
    for lead in leads {
        *stories.entry(story(engine, *lead).await).or_default() += 1;
    }
    stories
}

#[test]
fn a_decision_under_way_is_not_asked_again() {
    let world = world();
    world.live(async |engine| {
        let clock = engine.clock().clone();
        let late = clock.now().plus_ms(2 * DECISION_TIMEOUT_MS);
        world.post.meanwhile(move || clock.advance_to(late));
        let lead = come(&engine, 1).await[0];
        rest(&engine).await;
        let state = engine.lead(lead).await.unwrap().expect("it came");
        let score = state.lead.scores.values().next().expect("it was decided");
        assert_eq!(score.at, late, "its answer came when its time was over");
        assert_eq!(story(&engine, lead).await, ["came", "decided"]);
        assert_eq!(engine.meters().decisions_total.get(), 1, "it was asked once");
    });
}

#[test]
fn a_decision_that_was_lost_with_a_crash_is_asked_again_at_once() {
    let world = world();
    let lead = dies_while_asking(&world, 1)[0];
    let lost = world.between_lives(async |store| store.unanswered(&Partitions::ALL, None, 10).await.unwrap());
    assert_eq!(lost, [lead]);
    world.live(async |engine| {
        let began = engine.clock().now();
        rest(&engine).await;
        let asked = || engine.meters().decisions_total.get();
        assert_eq!((asked(), story(&engine, lead).await), (1, vec!["came", "asked", "decided"]));
        assert_eq!(engine.clock().now(), began, "no time has passed");
        engine.advance(began.plus_ms(2 * DECISION_TIMEOUT_MS)).await.unwrap();
        assert_eq!(asked(), 1, "and not once more when its time is over");
        assert!(engine.store.unanswered(&Partitions::ALL, None, 10).await.unwrap().is_empty());
    });
}

/// There is more than one page of them, and no plugin has more places than before.
#[test]
fn lost_decisions_are_asked_again_a_page_at_a_time_before_who_waits() {
    let mut world = world();
    let leads = dies_while_asking(&world, PLACES + WITHOUT_PLACE);
    world.limits.batch_timers_max = 7;
    // The machine is smaller than before, so questions that find no place now wait in line.
    world.limits.decisions_max = 10;
    world.live(async |engine| {
        rest(&engine).await;
        let meters = engine.meters();
        assert_eq!(meters.decisions_total.get(), leads.len() as u64, "each once, and at once");
        let told = stories(&engine, &leads).await;
        let decided = |story: &&Vec<&str>| story.last() == Some(&"decided");
        assert!(told.keys().all(|story| decided(&story)), "{told:?}");
        assert_eq!(told.get(&vec!["put off", "asked", "decided"]), Some(&WITHOUT_PLACE), "who waited before: {told:?}");
    });
}

#[test]
fn a_full_pool_puts_decisions_off_and_fails_none() {
    let world = world();
    world.live(async |engine| {
        let clock = engine.clock().clone();
        // Long enough for every time-out: while the pool is full nothing is asked again, and nothing is written.
        let late = clock.now().plus_ms(20 * DECISION_TIMEOUT_MS);
        world.post.meanwhile(move || clock.advance_to(late));
        let leads = come(&engine, PLACES + WITHOUT_PLACE).await;
        engine.advance(late).await.unwrap();
        let expected = [(vec!["came", "decided"], PLACES), (vec!["put off", "asked", "decided"], WITHOUT_PLACE)];
        assert_eq!(stories(&engine, &leads).await, expected.into());
        let meters = engine.meters();
        assert_eq!(meters.decisions_put_off_total.get(), WITHOUT_PLACE as u64, "each once");
        assert_eq!(meters.decisions_total.get(), leads.len() as u64, "each once");
    });
}

#[test]
fn questions_that_wait_for_a_place_outlive_a_crash() {
    let world = world();
    let leads = dies_while_asking(&world, PLACES + WITHOUT_PLACE);
    let waits = |state: &LeadState| match &state.runs[..] {
        [run] => matches!(&run.state, RunState::Deciding { queued: Some(plugin), .. } if plugin == "inbound-fit"),
        _ => false,
    };
    let stored = world.between_lives(async |store| store.leads(&Partitions::ALL, None, 2 * leads.len()).await.unwrap());
    assert_eq!(stored.iter().filter(|state| waits(state)).count(), WITHOUT_PLACE, "no failure policy was applied");
    world.live(async |engine| {
        rest(&engine).await;
        let asked = || engine.meters().decisions_total.get();
        assert_eq!(asked(), leads.len() as u64, "who waited, and whose question was under way: each once, and at once");
        let expected =
            [(vec!["came", "asked", "decided"], PLACES), (vec!["put off", "asked", "decided"], WITHOUT_PLACE)];
        assert_eq!(stories(&engine, &leads).await, expected.into());
    });
}
