//! What events do to a lead's fields: a blank says nothing, an older value does not replace a newer one, and a list
//! withdraws consent but never gives it back.

mod support;

use cadenza_core::date::Date;
use cadenza_core::event::{Event, LeadCommand, Report, StandardEvent, Standing};
use cadenza_core::field::Declared;
use cadenza_core::journal::Note;
use cadenza_core::lead::{Channel, RepId, Stage};
use cadenza_core::reading::Why;
use cadenza_core::step::View;
use cadenza_core::value::{Value, ValueType};
use support::workflows::{self as w, at, hot};
use support::{Shared, Sim};

const CREATED: &str = "2026-03-02T14:30:00Z";

/// Noon of a day of March 2026, which is late enough after the lead's creation to be an update.
fn noon(day: u32) -> cadenza_core::time::Timestamp {
    at(&format!("2026-03-{day:02}T12:00:00Z"))
}

fn report(kind: StandardEvent, at: cadenza_core::time::Timestamp, fields: &[(&str, Value)]) -> Report {
    Report {
        kind: w::standard(kind),
        at,
        source: "crm".to_owned(),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        data: [].into(),
        enrolls: false,
        only_finds: false,
        left_out: vec![],
        standing: None,
        also: Vec::new(),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Creates a lead on 2 March with a title, applies updates on the 20th, and returns what came of them.
fn told(updates: &[(u32, Value)]) -> (Value, Vec<Note>) {
    let world = w::world(vec![], hot);
    let (mut sim, mut shared) = (Sim::new(1, at(CREATED)), Shared::default());
    let first = report(
        StandardEvent::LeadCreated,
        at(CREATED),
        &[("email", text("ada@acme.example")), ("title", text("first"))],
    );
    sim.feed(&world, &mut shared, at(CREATED), Event::Reported(first));
    let mut notes = Vec::new();
    for (day, value) in updates {
        let event = report(StandardEvent::LeadUpdated, noon(*day), &[("title", value.clone())]);
        notes = sim.feed(&world, &mut shared, noon(20), Event::Reported(event));
    }
    sim.check_replay(&world);
    sim.check_encoding();
    (sim.state.lead.profile.get("title"), notes)
}

#[test]
fn the_latest_word_holds_in_whatever_order_it_comes() {
    let (old, new) = (text("old"), text("new"));
    let clear = Value::Blank;
    for (updates, expected, last_is_older) in [
        (vec![(5, new.clone())], new.clone(), false),
        (vec![(1, old.clone())], text("first"), true),
        (vec![(5, new.clone()), (4, old.clone())], new.clone(), true),
        (vec![(4, old.clone()), (5, new.clone())], new.clone(), false),
        (vec![(5, old.clone()), (5, new.clone())], new.clone(), false),
        // When the same value is sent again later, it counts as known from then on.
        (vec![(5, new.clone()), (9, new.clone()), (7, old.clone())], new.clone(), true),
        // A cleared field stays cleared against older values.
        (vec![(5, clear.clone())], clear.clone(), false),
        (vec![(5, clear.clone()), (4, old.clone())], clear.clone(), true),
        (vec![(5, clear.clone()), (6, new.clone())], new.clone(), false),
        // A sender's clock that is ahead of ours does not make a value newer than now.
        (vec![(21, old.clone()), (20, new.clone())], new.clone(), false),
    ] {
        let (title, notes) = told(&updates);
        let older = notes.contains(&Note::LeftOut { field: "title".to_owned(), why: Why::Older });
        assert_eq!((title, older), (expected, last_is_older), "{updates:?} ended with {notes:?}");
    }
}

#[test]
fn a_field_that_nobody_filled_takes_an_old_word() {
    let world = w::world(vec![], hot);
    let (mut sim, mut shared) = (Sim::new(1, at(CREATED)), Shared::default());
    let first = report(StandardEvent::LeadCreated, at(CREATED), &[("email", text("ada@acme.example"))]);
    sim.feed(&world, &mut shared, at(CREATED), Event::Reported(first));
    for (day, expected) in [(1, "a"), (1, "b"), (2, "c")] {
        let event = report(
            StandardEvent::LeadUpdated,
            noon(day),
            &[("pain", text(expected)), ("email", text("old@acme.example"))],
        );
        sim.feed(&world, &mut shared, noon(20), Event::Reported(event));
        assert_eq!(sim.state.lead.profile.get("pain"), text(expected));
        assert_eq!(sim.state.lead.profile.get("email"), text("ada@acme.example"), "the known address is newer");
    }
}

#[test]
fn what_a_list_says_of_consent_stage_and_owner() {
    let ada = || Some(RepId("ada".to_owned()));
    let stage = |stage| Standing { stage: Some(stage), ..Standing::default() };
    let out = || Standing { opted_out: Some(true), ..Standing::default() };
    let refused = |channels: &[Channel]| Standing { refused: channels.to_vec(), ..Standing::default() };
    for (before, told, opted_out, refuses, stage_after, left) in [
        (vec![], out(), true, vec![], Stage::Suppressed, None),
        (vec![], stage(Stage::Suppressed), true, vec![], Stage::Suppressed, None),
        (
            vec![out()],
            Standing { opted_out: Some(false), ..Standing::default() },
            true,
            vec![],
            Stage::Suppressed,
            Some("opted_out"),
        ),
        (vec![out()], stage(Stage::Open), true, vec![], Stage::Suppressed, Some("stage")),
        (vec![], Standing { opted_out: Some(false), ..Standing::default() }, false, vec![], Stage::Open, None),
        (vec![], refused(&[Channel::Email]), false, vec![Channel::Email], Stage::Open, None),
        (
            vec![refused(&[Channel::Email])],
            refused(&[Channel::Call]),
            false,
            vec![Channel::Call, Channel::Email],
            Stage::Open,
            None,
        ),
        (vec![refused(&[Channel::Email])], refused(&[]), false, vec![Channel::Email], Stage::Open, None),
        (vec![], stage(Stage::Customer), false, vec![], Stage::Customer, None),
        (vec![stage(Stage::Disqualified)], stage(Stage::Open), false, vec![], Stage::Disqualified, Some("stage")),
        (vec![], Standing { owner: ada(), ..Standing::default() }, false, vec![], Stage::Open, None),
        (
            vec![],
            Standing { owner: Some(RepId("nobody".into())), ..Standing::default() },
            false,
            vec![],
            Stage::Open,
            Some("owner"),
        ),
    ] {
        let world = w::world(vec![], hot);
        let (mut sim, mut shared) = (Sim::new(1, at(CREATED)), Shared::default());
        let mut notes = Vec::new();
        let what = format!("{told:?} after {before:?}");
        let owner = told.owner.clone();
        for standing in before.into_iter().chain([told]) {
            let mut event = report(StandardEvent::LeadCreated, at(CREATED), &[("email", text("ada@acme.example"))]);
            event.standing = Some(standing);
            notes = sim.feed(&world, &mut shared, at(CREATED), Event::Reported(event));
        }
        let lead = &sim.state.lead;
        assert_eq!(lead.consent.opted_out.is_some(), opted_out, "{what}");
        assert_eq!((&lead.consent.refused, lead.stage), (&refuses, stage_after), "{what}");
        let told = notes
            .iter()
            .find_map(|note| if let Note::LeftOut { field, .. } = note { Some(field.as_str()) } else { None });
        assert_eq!(told, left, "{what}: {notes:?}");
        assert_eq!(lead.owner.is_some(), owner.is_some() && left.is_none(), "{what}");
        sim.check_replay(&world);
        sim.check_encoding();
    }
}

#[test]
fn a_persons_word_is_of_now() {
    let world = w::world(vec![], hot);
    let (mut sim, mut shared) = (Sim::new(1, at(CREATED)), Shared::default());
    let first = report(StandardEvent::LeadCreated, at(CREATED), &[("email", text("ada@acme.example"))]);
    sim.feed(&world, &mut shared, at(CREATED), Event::Reported(first));
    let command = Event::Commanded { command: LeadCommand::SetOwner(RepId("ada".to_owned())), by: "mia".to_owned() };
    sim.feed(&world, &mut shared, noon(10), command);
    let mut late = report(StandardEvent::LeadUpdated, noon(5), &[]);
    late.standing = Some(Standing { owner: Some(RepId("bob".to_owned())), ..Standing::default() });
    sim.feed(&world, &mut shared, noon(20), Event::Reported(late));
    assert_eq!(sim.state.lead.owner, Some(RepId("ada".to_owned())), "what a list said before she was given the lead");
}

#[test]
fn a_declared_field_reads_as_its_default_and_holds_its_choices() {
    let mut world = w::world(vec![], hot);
    world.change(|settings| {
        let choices = vec!["free".to_owned(), "pro".to_owned()];
        let plan = Declared { choices, default: text("free"), ..ValueType::Text.into() };
        let seats = Declared { default: Value::Int(1), ..ValueType::Int.into() };
        let fields = [("plan", plan), ("seats", seats), ("due", ValueType::Date.into())];
        settings.fields = fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect();
    });
    let mut shared = Shared::default();
    let mut sim = Sim::new(0, at(CREATED));
    let due = Value::Date(Date::parse("2026-12-01").expect("it is one"));
    let brought = [("plan", text("PRO")), ("due", due.clone())];
    sim.feed(
        &world,
        &mut shared,
        at(CREATED),
        Event::Reported(report(StandardEvent::LeadCreated, at(CREATED), &brought)),
    );
    let read = |sim: &Sim, field: &str| View::of(&sim.state, &world.live, &world.definitions, at(CREATED)).lead(field);
    assert_eq!(read(&sim, "plan"), text("pro"), "in the letters in which it is declared");
    assert_eq!(read(&sim, "seats"), Value::Int(1));
    assert_eq!(read(&sim, "due"), due);
    assert_eq!(sim.state.lead.profile.get("seats"), Value::Blank, "the lead itself keeps nothing");
    let plugin = |kind| View::of(&sim.state, &world.live, &world.definitions, at(CREATED)).lead_as("due", kind);
    assert_eq!(plugin(ValueType::Text), text("2026-12-01"));
    assert_eq!(plugin(ValueType::Time), Value::Time(at("2026-12-01T05:00:00Z")), "midnight where the workspace is");
    assert_eq!(plugin(ValueType::Int), Value::Blank);
    let updated = [("plan", text("gold")), ("seats", Value::Int(7))];
    let notes = sim.feed(
        &world,
        &mut shared,
        noon(20),
        Event::Reported(report(StandardEvent::LeadUpdated, noon(20), &updated)),
    );
    assert!(notes.contains(&Note::NotSet { field: "plan".to_owned() }), "{notes:?}");
    assert_eq!((read(&sim, "plan"), read(&sim, "seats")), (text("pro"), Value::Int(7)));
    sim.check_encoding();
}
