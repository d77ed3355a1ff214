//! How many bytes a fresh inbound lead takes in the store. Design §4 allows 1.4 kB for all its records, keys included.

mod support;

use cadenza_core::event::{Event, Report, StandardEvent};
use cadenza_core::value::Value;
use std::collections::BTreeMap;
use support::workflows::{self as w, at, hot};
use support::{Shared, Sim};

/// The most bytes of the lead's own record, with its newest journal entry, on the way to the first wait.
const LEAD_BYTES_MAX: usize = 980;

fn typical() -> Event {
    let text = |text: &str| Value::Text(text.to_owned());
    let fields = [
        ("external_id", text("00Q5e00001XyZab")),
        ("email", text("jordan.meyer@northwind-traders.com")),
        ("phone", text("+12125550123")),
        ("first_name", text("Jordan")),
        ("last_name", text("Meyer")),
        ("title", text("Head of Operations")),
        ("seniority", text("director")),
        ("company", text("Northwind Traders")),
        ("industry", text("manufacturing")),
        ("employees", Value::Int(250)),
        ("country", text("US")),
        ("source", text("web")),
        ("product", text("analytics")),
    ];
    Event::Reported(Report {
        kind: w::standard(StandardEvent::LeadCreated),
        at: at("2026-03-02T14:30:00.123Z"),
        source: "website".to_owned(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        data: BTreeMap::new(),
        enrolls: true,
        only_finds: false,
        left_out: vec![],
        standing: None,
        also: Vec::new(),
    })
}

fn bytes<T: minicbor::Encode<()>>(value: &T) -> usize {
    minicbor::to_vec(value).expect("a vector takes everything").len()
}

#[test]
fn a_fresh_hot_lead_fits_its_share() {
    let world = w::world(vec![w::inbound(), w::handoff()], hot);
    let (mut sim, mut shared) = (Sim::new(1, at("2026-03-02T14:30:00.456Z")), Shared::default());
    sim.feed(&world, &mut shared, sim.created_at, typical());
    assert_eq!(sim.state.tasks.len(), 1, "it waits for its first call");
    sim.check_replay(&world);
    sim.check_encoding();
    let state = &sim.state;
    let entry = state.latest.as_ref().unwrap();
    let personal = entry.personal.as_ref().unwrap();
    let mut parts = vec![
        ("all", bytes(state)),
        ("profile", bytes(&state.lead.profile)),
        ("lead", bytes(&state.lead)),
        ("run", bytes(&state.runs)),
        ("task", bytes(&state.tasks)),
        ("entry", bytes(entry)),
        ("skeleton", bytes(&entry.skeleton)),
    ];
    parts.extend(personal.events.iter().map(|event| ("event", bytes(event))));
    println!("{parts:?}");
    assert!(bytes(state) <= LEAD_BYTES_MAX, "{parts:?}: store nothing twice, or say in design §4 what the bytes buy");
}
