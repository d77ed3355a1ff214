//! A small lead and a small workspace for unit tests, also those of the API.

use crate::catalog::{Basis, Catalog};
use crate::clock::{Clock, ClockKind};
use crate::courier::{Attempted, Courier};
use crate::engine::{Engine, Progress, Room};
use cadenza_builds::health::Health;
use cadenza_builds::{Library, Registry};
use cadenza_core::effect::Outgoing;
use cadenza_core::gate::Permit;
use cadenza_core::id::LeadId;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_language::Folder;
use cadenza_store::Store;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Friday, 20 November 2026, ten o'clock in New York.
pub const NOW: Timestamp = Timestamp::from_ms(1_795_186_800_000);

const SETTINGS: &str = "name: fixture\ntimezone: America/New_York\nfields: { seats: int }\n";
const TEAM: &str = "reps: { ana: { name: Ana }, ben: { name: Ben } }\npools: { closers: [ana] }\n";
const WORKFLOW: &str = "workflow: follow\nsummary: One task.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: talk\n    task: Talk to {{ lead.first_name }}\n    results: { else: end }\n";

/// A workspace with one workflow and two reps, in New York.
pub fn catalog() -> Catalog {
    let files = [("cadenza.yaml", SETTINGS), ("team.yaml", TEAM), ("follow.yaml", WORKFLOW)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let folder = Folder::new(files).expect("the paths are plain");
    Catalog::of(folder, Path::new("."), basis(), Default::default())
        .unwrap_or_else(|error| panic!("{:#}", crate::catalog::explain(error)))
}

/// The basis of a first catalog, with the plugins that the program brings.
pub fn basis() -> Basis {
    let library = Arc::new(Library::of_this_process().expect("this machine runs plugins"));
    let mut basis = Basis { pinned: Arc::default(), registry: Registry::default(), library, now: NOW };
    let offers = cadenza_builds::offers(&basis.library, Path::new("."), &Default::default());
    for (name, hash, by) in offers.expect("nothing is read from a disk").found {
        basis.registry.offer(&name, hash, by, NOW);
    }
    basis
}

/// A lead of which nothing is known.
pub fn lead() -> LeadState {
    LeadState::new(LeadId::new(NOW, 1), NOW)
}

/// A courier whose attempts never end.
pub struct Silent;

impl Courier for Silent {
    fn send(self: Arc<Self>, _: Arc<Catalog>, _: Outgoing, _: Option<Permit>, _: Attempted) {}

    fn unready(&self, _: &Catalog) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// An engine that reads a store and has no driver, so it takes nothing in.
pub fn engine_without_driver(store: Arc<dyn Store>) -> Engine {
    Engine {
        commands: mpsc::channel(1).0,
        stop: mpsc::channel(1).0,
        store,
        clock: Clock::new(ClockKind::Virtual, Some(NOW)),
        catalog: watch::channel(Arc::new(catalog())).1,
        progress: watch::channel(Progress::default()).1,
        meters: Arc::default(),
        courier: Arc::new(Silent),
        health: Arc::new(Health::new(Clock::real)),
        draining: Arc::default(),
        decision_days: 90,
        rehearsal: Arc::default(),
        room: Room { free_bytes: Arc::new(|| u64::MAX), reserve_bytes: 1 },
        data: Arc::from(std::path::Path::new("")),
    }
}
