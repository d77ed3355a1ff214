//! What outlives the engine: the disk, the other side of the connection, and what was acknowledged.

use crate::post::Post;
use cadenza_builds::Library;
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_runtime::engine::Incoming;
use cadenza_store::{Fault, MemoryDisk};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// Monday, 2 March 2026, nine o'clock in UTC.
pub(crate) const BEGIN: Timestamp = Timestamp::from_ms(1_772_442_000_000);

const FILES: [(&str, &str); 6] = [
    (
        "cadenza.yaml",
        "name: simulated\ntimezone: UTC\nhours: { mon-sun: 00:00-24:00 }\ncontact: { email_via: mailer }\n",
    ),
    ("team.yaml", "reps: { ana: { name: Ana }, ben: { name: Ben } }\npools: { closers: [ana, ben] }\n"),
    ("connections.yaml", "connections: { mailer: { url: \"http://127.0.0.1:9/\" } }\n"),
    (
        "scripts/hello.md",
        "---\nobjective: Say hello\nreviewed_by: Ana\nsubject: Hello\n---\nHello {{ lead.first_name | default(\"you\") }}.\n",
    ),
    ("scripts/more.md", "---\nobjective: Say more\nreviewed_by: Ana\nsubject: More\n---\nMore.\n"),
    (
        "follow.yaml",
        "workflow: follow\nsummary: A mail, a call, some more mails.\nenroll:\n  - { when: lead.created }\n  \
         - { schedule: { id: morning, cron: \"0 8 * * *\" }, leads: lead.first_name == \"P1\" }\nre_enroll: { after: 3d }\n\
         leave:\n  - { if: lead.opted_out, as: suppressed }\nsteps:\n  - { id: fit, score: inbound-fit, on_failure: { segment: warm } }\n  \
         - { id: own, assign: { pool: closers, by: least_loaded, sticky: account }, hold: { scope: account, for: 2d } }\n  \
         - { id: hello, email: scripts/hello.md }\n  - { id: rest, wait: 6h }\n  \
         - { id: dial, call: scripts/more.md, due: 2h, results: { qualified: end, else: more } }\n  \
         - { id: more, cadence: { limit: { contacts: 3 }, touches: [{ after: 8h, email: scripts/more.md }], repeat: { after: 1d }, \
         exhausted: end } }\n",
    ),
];

/// The folders that every seed shares: they are only read, and hold plugins in the form of this machine.
fn folders() -> anyhow::Result<&'static Path> {
    static FOLDERS: OnceLock<TempDir> = OnceLock::new();
    if let Some(folders) = FOLDERS.get() {
        return Ok(folders.path());
    }
    let made = tempfile::tempdir()?;
    for (name, text) in FILES {
        let file = made.path().join("workspace").join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(made.path()))?;
        std::fs::write(file, text)?;
    }
    std::fs::create_dir_all(made.path().join("data"))?;
    Ok(FOLDERS.get_or_init(|| made).path())
}

/// The plugins that the program brings along, compiled once.
pub(crate) fn library() -> anyhow::Result<Arc<Library>> {
    static LIBRARY: OnceLock<Arc<Library>> = OnceLock::new();
    if let Some(library) = LIBRARY.get() {
        return Ok(Arc::clone(library));
    }
    let made = Arc::new(Library::of_this_process()?);
    Ok(Arc::clone(LIBRARY.get_or_init(|| made)))
}

/// What happened under a seed.
#[derive(Debug)]
pub struct Story {
    /// Line by line.
    pub lines: Vec<String>,
    /// What does not hold.
    pub wrong: Vec<String>,
}

/// What became of an event, as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Acknowledged: it came to this lead.
    Taken(LeadId),
    /// Refused for what it says.
    Refused,
    /// Nobody knows.
    Unknown,
}

pub(crate) struct Told {
    pub(crate) incoming: Incoming,
    pub(crate) fate: Fate,
}

pub(crate) struct World {
    pub(crate) random: fastrand::Rng,
    pub(crate) disk: MemoryDisk,
    pub(crate) post: Arc<Post>,
    pub(crate) told: Vec<Told>,
    pub(crate) steps: usize,
    pub(crate) folders: &'static Path,
    /// How many lives the engine had.
    pub(crate) lives: usize,
    /// Records that are gone after each life: a fault on purpose.
    pub(crate) forgets: Option<u8>,
    /// How commits fail now and then, when not as a disk may: another fault on purpose.
    pub(crate) fails: Option<Fault>,
}

impl World {
    pub(crate) fn new(seed: u64, steps: usize) -> anyhow::Result<Self> {
        Ok(Self {
            random: fastrand::Rng::with_seed(seed),
            disk: MemoryDisk::default(),
            post: Arc::new(Post::new(seed ^ 0x5EED)),
            told: Vec::new(),
            steps,
            folders: folders()?,
            lives: 0,
            forgets: None,
            fails: None,
        })
    }

    /// One life of the engine after the other; in the last nothing fails.
    pub(crate) fn play(mut self) -> anyhow::Result<Story> {
        while self.steps > 0 {
            self.live(false)?;
        }
        self.post.seen().healed = true;
        self.live(true)?;
        let mut seen = self.post.seen();
        Ok(Story { lines: std::mem::take(&mut seen.lines), wrong: std::mem::take(&mut seen.wrong) })
    }

    pub(crate) fn say(&self, line: String) {
        self.post.seen().lines.push(line);
    }

    pub(crate) fn wrong(&self, what: String) {
        self.post.seen().wrong.push(what);
    }

    /// A runtime of its own for each life: what is left of one goes with it, as with a process.
    fn live(&mut self, last: bool) -> anyhow::Result<()> {
        self.lives += 1;
        self.post.seen().dying = false;
        self.disk.fail_next(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let tasks = tokio::task::LocalSet::new();
        let lived = tasks.block_on(&runtime, self.lead_life(last));
        if let Some(kind) = self.forgets {
            self.disk.take_away(kind);
        }
        lived
    }
}
