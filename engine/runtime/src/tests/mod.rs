//! The engine seen through its handle: what it is told, what it writes, and what it gives to its courier, no matter which part
//! does the work in between.
//!
//! Everything runs on one thread, and only a test moves the clock. All that a test asks for before it waits for an answer is
//! there at once when the engine next looks.
//!
//! Must not know: the driver.

#![expect(clippy::disallowed_methods, reason = "the thread is a test's own, and its limits are real time")]

mod damaged;
mod holds;
mod mails;
mod neighbours;
mod pasts;
mod pool;
mod previews;
mod sendings;
mod takeover;
mod upgrade;
mod who_is_who;

use crate::catalog::Catalog;
use crate::clock::ClockKind;
use crate::courier::{Attempted, Courier, SendError};
use crate::engine::{Applied, Engine, Incoming, Refused};
use crate::fixture;
use crate::start::{Running, StartOptions, start};
use crate::{DriverOptions, Threads};
use cadenza_builds::Library;
use cadenza_core::effect::{Message, Outgoing};
use cadenza_core::event::{Event, EventType, LeadCommand, Report, StandardEvent};
use cadenza_core::gate::Permit;
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_store::{Commits, MemoryDisk, MemoryStore};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime;
use tokio::task::{LocalSet, yield_now};
use tokio::time::timeout;

const FILES: [(&str, &str); 4] = [
    (
        "cadenza.yaml",
        "name: fixture\ntimezone: America/New_York\ncontact: { email_via: mailer, business_hours: [email] }\n\
         plugins: { inbound-fit: { fuel: 50000000 } }\n",
    ),
    ("team.yaml", "reps: { ana: { name: Ana } }\n"),
    ("connections.yaml", "connections: { mailer: { url: \"http://127.0.0.1:9/\" } }\n"),
    ("scripts/hello.md", "---\nobjective: Say hello\nreviewed_by: Ana\nsubject: Hello\n---\nHello.\n"),
];

/// How long a test waits for something that should happen at once, and how long a life of the engine may take. Only one that
/// hangs takes that long.
const WAIT_MAX: Duration = Duration::from_secs(30);
const LIFE_MAX: Duration = Duration::from_secs(90);

/// The plugins that the program brings, compiled once for all tests.
fn library() -> Arc<Library> {
    static LIBRARY: OnceLock<Arc<Library>> = OnceLock::new();
    Arc::clone(LIBRARY.get_or_init(|| Arc::new(Library::of_this_process().expect("plugins can be compiled here"))))
}

/// What outlives the engine: its folders, its disk, and the receiver behind its connection.
struct World {
    folders: TempDir,
    disk: MemoryDisk,
    post: Arc<Post>,
    /// Who writes batches. If that is a thread of its own, a batch can be on its way while the next one is computed.
    commits: Commits,
    limits: DriverOptions,
}

impl World {
    /// A world with these workflows, in which nothing has happened yet.
    fn new(workflows: &[&str]) -> Self {
        let folders = tempfile::tempdir().expect("there is room for a few files");
        let workflows = workflows.iter().enumerate().map(|(n, text)| (format!("flow{n}.yaml"), *text));
        for (name, text) in FILES.map(|(name, text)| (name.to_owned(), text)).into_iter().chain(workflows) {
            write(&folders.path().join("workspace").join(name), text);
        }
        write(&folders.path().join("data/README"), "the engine's");
        Self {
            folders,
            disk: MemoryDisk::default(),
            post: Arc::default(),
            commits: Commits::OnCallersThread,
            limits: DriverOptions { free_bytes_reserve: 0, ..DriverOptions::default() },
        }
    }

    /// One life of the engine. It ends like a killed process, with everything that is under way.
    fn live<T>(&self, life: impl AsyncFnOnce(Engine) -> T) -> T {
        on_one_thread(async {
            let Running { engine, refused } = self.start().await;
            assert!(refused.is_none(), "the workspace has errors: {refused:?}");
            life(engine).await
        })
    }

    /// Looks at the disk between two lives, or writes what other programs left there.
    fn between_lives<T>(&self, look: impl AsyncFnOnce(MemoryStore) -> T) -> T {
        on_one_thread(look(MemoryStore::in_one_order(&self.disk).expect("the disk is sound")))
    }

    /// Leaves a workspace folder that cannot be used.
    fn break_workspace(&self) {
        write(&self.folders.path().join("workspace/cadenza.yaml"), "name: [");
    }

    async fn start(&self) -> Running {
        let store = match self.commits {
            Commits::OnCallersThread => MemoryStore::in_one_order(&self.disk),
            Commits::OnTheirThread => MemoryStore::try_on(&self.disk),
            Commits::InTurns => MemoryStore::in_turns(&self.disk),
        };
        self.start_on(store.expect("the disk is sound")).await
    }

    async fn start_on(&self, store: MemoryStore) -> Running {
        self.try_start_on(store).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    async fn try_start_on(&self, store: MemoryStore) -> anyhow::Result<Running> {
        let options = StartOptions {
            workspace: self.folders.path().join("workspace"),
            data: self.folders.path().join("data"),
            clock: ClockKind::Virtual,
            clock_from: Some(|_, _| fixture::NOW),
            driver: self.limits.clone(),
            threads: Threads::Callers,
            played: None,
            library: Some(library()),
            catalog: None,
        };
        let courier: Arc<dyn Courier> = Arc::<Post>::clone(&self.post);
        start(options, Arc::new(store), courier).await
    }
}

fn write(file: &Path, text: &str) {
    let folder = file.parent().expect("it lies in a folder");
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(file, text)).expect("a small file can be written");
}

fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a thread can wait");
    let within_limits = async {
        timeout(LIFE_MAX, work)
            .await
            .expect("a life of the engine comes to its end: something waits for what does not come")
    };
    LocalSet::new().block_on(&runtime, within_limits)
}

/// The receiver behind the connection. It notes what it is given, and accepts it at once unless it was told to wait.
#[derive(Default)]
struct Post(Mutex<Desk>);

#[derive(Default)]
struct Desk {
    given: Vec<Outgoing>,
    /// Attempts that have not ended yet.
    open: VecDeque<(Outgoing, Attempted)>,
    waits: bool,
    /// What happens while the next message is handed over.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

impl Post {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether what is given from now on waits for [`Self::answer`].
    fn wait(&self, waits: bool) {
        self.desk().waits = waits;
    }

    /// Has something happen at the moment when the next message is handed over.
    fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        self.desk().meanwhile = Some(Box::new(what));
    }

    /// Ends the attempt that has waited longest.
    fn answer(&self, result: Result<(), SendError>) {
        let (row, done) = self.desk().open.pop_front().expect("an attempt is under way");
        done(row, result.map(|()| None));
    }

    /// How many attempts there were.
    fn attempts(&self) -> usize {
        self.desk().given.len()
    }

    /// The keys under which attempts for a lead left, in order.
    fn keys(&self, lead: LeadId) -> Vec<String> {
        self.desk().given.iter().filter(|row| row.lead == lead).map(Outgoing::key).collect()
    }

    /// The addresses to which attempts for a lead went, in order.
    fn addresses(&self, lead: LeadId) -> Vec<String> {
        let desk = self.desk();
        let of_it = desk.given.iter().filter(|row| row.lead == lead);
        of_it
            .map(|row| match &row.message {
                Message::Email { rendered: Some(mail), .. } => mail.to.clone(),
                other => panic!("{other:?} is no mail that could be read"),
            })
            .collect()
    }
}

impl Courier for Post {
    fn send(self: Arc<Self>, _: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        assert!(permit.is_some(), "a mail leaves without a permit: {row:?}");
        let (waits, meanwhile) = {
            let mut desk = self.desk();
            desk.given.push(row.clone());
            (desk.waits, desk.meanwhile.take())
        };
        meanwhile.into_iter().for_each(|happens| happens());
        match waits {
            true => self.desk().open.push_back((row, done)),
            false => done(row, Ok(None)),
        }
    }

    fn unready(&self, _: &Catalog) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// An event from outside about a lead that is found or created by these fields.
fn incoming(id: String, kind: EventType, at: Timestamp, fields: Vec<(String, Value)>) -> Incoming {
    let source = id.split('/').next().unwrap_or_default().to_owned();
    let report = Report {
        kind,
        at,
        source,
        fields,
        data: [].into(),
        enrolls: true,
        only_finds: false,
        left_out: Vec::new(),
        standing: None,
        also: Vec::new(),
    };
    Incoming { id, content: 1, signed: None, report, lead: None }
}

/// An event from a sender about the lead with this address, which may be new.
fn said(kind: StandardEvent, address: &str) -> Incoming {
    let fields = vec![("email".to_owned(), Value::Text(address.to_owned()))];
    incoming(format!("web/{kind:?}/{address}"), EventType::Standard(kind), fixture::NOW, fields)
}

/// A new lead with this address.
fn comes(address: &str) -> Incoming {
    said(StandardEvent::LeadCreated, address)
}

async fn command(engine: &Engine, lead: LeadId, command: LeadCommand) -> Result<Applied, Refused> {
    let event = Event::Commanded { command, by: "ops".to_owned() };
    engine.apply_to(lead, "command".to_owned(), event).await
}

/// Waits until something is true.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waits = async {
        while !is_so() {
            yield_now().await;
        }
    };
    timeout(WAIT_MAX, waits).await.unwrap_or_else(|_| panic!("this has not come about: {what}"));
}

/// Waits until the engine has taken everything that it was told.
async fn taken(engine: &Engine) {
    yield_now().await;
    until("it is taken", || engine.commands.capacity() == engine.commands.max_capacity()).await;
}

/// Waits until the engine has done all there is to do, that is, until it has slept while nothing was on its way to the disk. It
/// does this twice, since the engine may have been asleep when something came.
async fn rest(engine: &Engine) {
    for _ in 0..2 {
        let mut before = (engine.clock().elapsed(), *engine.progress.borrow());
        let sleeps = || {
            let now = (engine.clock().elapsed(), *engine.progress.borrow());
            if now.1 != before.1 || now.1.settled < now.1.submitted {
                before = now;
            }
            now.0 > before.0
        };
        until("the engine sleeps", sleeps).await;
    }
}
