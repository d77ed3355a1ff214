//! The lives of the engine under one trace: it is started, steps happen, it dies or is stopped, and so on until the last life, in
//! which nothing fails and everything comes to its end.

use crate::backups::{Backups, Kept, Then};
use crate::checks;
use crate::commands::{Asked, Heard};
use crate::disk::{CommitFails, Disk};
use crate::faults::{Fault, Name, Tally};
use crate::mutants::Mutant;
use crate::post::Post;
use crate::record::{BEGIN, Record, Shared};
use crate::steps::Step;
use crate::store::{Conflicts, Lateness, Played};
use crate::trace::{Line, Trace};
use cadenza_builds::Library;
use cadenza_core::id::{Digest, TaskId};
use cadenza_core::time::{DAY_MS, MINUTE_MS, Timestamp};
use cadenza_core::workflow::Workflow;
use cadenza_core::workspace::Definitions;
use cadenza_runtime::Threads;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::ClockKind;
use cadenza_runtime::courier::Courier;
use cadenza_runtime::engine::Engine;
use cadenza_runtime::start::{Running, StartOptions, start};
use cadenza_store::{Batch, BatchId, DocumentKey, Store as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use tokio::task::{JoinHandle, yield_now};

/// Everything that was begun must end within this many turns. Without the limit, a step that never ends would never be found.
const TURNS_MAX: usize = 400_000;
/// How many turns after it is known that the engine waits for something that will never come somebody kills it.
const TURNS_BEFORE_KILLED: usize = 300;
/// How many days the engine goes on in the end.
const LAST_DAYS: i64 = 8;

/// What happened under a trace.
#[derive(Debug, Default)]
pub struct Story {
    /// The story line by line, if it was wanted.
    pub lines: Vec<String>,
    /// What does not hold.
    pub wrong: Vec<String>,
    /// Faults that took place.
    pub tally: Tally,
    /// The names of what came from outside.
    pub from_outside: Vec<&'static str>,
}

/// The plugins that the program brings, compiled once.
pub(crate) fn library() -> anyhow::Result<Arc<Library>> {
    static LIBRARY: OnceLock<Arc<Library>> = OnceLock::new();
    if let Some(library) = LIBRARY.get() {
        return Ok(Arc::clone(library));
    }
    let made = Arc::new(Library::of_this_process()?);
    Ok(Arc::clone(LIBRARY.get_or_init(|| made)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing is left of the trace.
    Over,
    Died,
    Stopped,
    /// Another process has the data.
    TakenOver,
}

/// A trace that is being played.
pub(crate) struct Lives<'t> {
    pub(crate) trace: &'t Trace,
    /// The next step.
    next: usize,
    pub(crate) record: Shared,
    disk: Disk,
    post: Arc<Post>,
    late: Lateness,
    conflicts: Conflicts,
    backups: Backups,
    /// A backup that is restored when this process is gone, and whether its outbox is held.
    restores: Option<(Kept, bool)>,
    folders: TempDir,
    /// Whether less than the reserve is free in this life.
    no_room: bool,
    /// What was in force at any time.
    pub(crate) in_force: BTreeSet<Digest>,
    pub(crate) definitions: Arc<Definitions>,
    /// The workflows that are in force now.
    pub(crate) workflows: BTreeMap<String, Arc<Workflow>>,
    /// From when on nothing fails any more.
    pub(crate) healed_at: Timestamp,
    /// How many commands were given so far. Each gets an id of its own.
    pub(crate) given: u64,
    /// Tasks that were in queues at the last look.
    pub(crate) tasks: Vec<TaskId>,
    lives: usize,
}

/// Plays a trace. Returns what happened, and what does not hold.
///
/// # Errors
/// When the engine cannot be started although nothing prevents it.
pub fn play(trace: &Trace, mutant: Option<Mutant>, speaks: bool) -> anyhow::Result<Story> {
    let record = Shared::default();
    record.lock().speaks = speaks;
    let disk = Disk::default();
    disk.platter().mutant = mutant;
    let post = Arc::new(Post::new(record.clone(), &trace.limits, mutant));
    let folders = tempfile::tempdir()?;
    std::fs::create_dir_all(folders.path().join("data"))?;
    for (number, workspace) in trace.workspaces.iter().enumerate() {
        workspace.write(&folders.path().join(format!("workspace-{number}")))?;
    }
    let mut lives = Lives {
        trace,
        next: 0,
        record,
        disk,
        post,
        late: Lateness::default(),
        conflicts: Conflicts::default(),
        backups: Backups::default(),
        restores: None,
        folders,
        no_room: false,
        in_force: BTreeSet::new(),
        definitions: Arc::default(),
        workflows: BTreeMap::new(),
        healed_at: BEGIN,
        given: 0,
        tasks: Vec::new(),
        lives: 0,
    };
    // What a mutant spoils may keep the engine from starting. That counts as found, too.
    if let Err(error) = lives.play() {
        match mutant {
            Some(_) => lives.record.wrong(format!("the engine does not start: {error:#}")),
            None => return Err(error),
        }
    }
    let mut tally = std::mem::take(&mut lives.disk.platter().tally);
    let mut record = lives.record.lock();
    tally.add(&record.tally);
    let Record { lines, wrong, from_outside, .. } = &mut *record;
    let (lines, wrong) = (std::mem::take(lines), std::mem::take(wrong));
    Ok(Story { lines, wrong, tally, from_outside: from_outside.iter().copied().collect() })
}

impl Lives<'_> {
    fn play(&mut self) -> anyhow::Result<()> {
        while self.next < self.trace.steps.len() && self.record.lock().wrong.is_empty() {
            self.in_a_process(false)?;
            self.backups.end();
            self.disk.crash();
            self.restore()?;
            checks::at_rest(&self.disk, &self.record)?;
        }
        if !self.record.lock().wrong.is_empty() {
            return Ok(());
        }
        self.heal();
        self.in_a_process(true)
    }

    /// Puts a backup in place of the data, if one is to be restored.
    fn restore(&mut self) -> anyhow::Result<()> {
        let Some((backup, hold_outbox)) = self.restores.take() else { return Ok(()) };
        let known = backup.restore(&self.disk, hold_outbox)?;
        self.record.lock().back_to(known);
        self.record.count(Name::Restored);
        let data = self.data().join("data");
        std::fs::remove_dir_all(&data).and_then(|()| std::fs::create_dir_all(&data))?;
        Ok(())
    }

    fn heal(&mut self) {
        self.disk.heal();
        self.disk.mend();
        self.post.heal();
        self.late.set(0);
        self.conflicts.set(0);
        self.no_room = false;
    }

    /// Plays one process. Each has a runtime of its own, so what is left of a process ends with it.
    fn in_a_process(&mut self, last: bool) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&runtime, async {
            // A process that was taken over goes on beside the next one, and both end together.
            let (mut taken_over, mut asked): (Vec<(Engine, Arc<Played>)>, _) = (Vec::new(), Vec::new());
            loop {
                let (engine, store) = self.start().await?;
                if last {
                    return self.last_life(&engine).await;
                }
                if let Some((former, _)) = taken_over.last() {
                    // It does not know yet that its data belongs to another.
                    self.keep_busy(former, &mut asked);
                }
                let end = self.live(&engine, &store, &mut asked).await;
                self.record.lock().is_at(engine.clock().now(), false);
                self.record.say(|| format!("{end:?} at {}", engine.clock().now()));
                match end {
                    End::TakenOver => taken_over.push((engine, store)),
                    End::Over | End::Died | End::Stopped => return Ok(()),
                }
            }
        })
    }

    pub(crate) fn folder(&self, workspace: usize) -> PathBuf {
        self.folders.path().join(format!("workspace-{}", workspace % self.trace.workspaces.len()))
    }

    pub(crate) fn data(&self) -> &Path {
        self.folders.path()
    }

    async fn start(&mut self) -> anyhow::Result<(Engine, Arc<Played>)> {
        self.lives += 1;
        self.post.begin();
        let mut driver = self.trace.limits.options();
        if std::mem::take(&mut self.no_room) {
            driver.free_bytes_reserve = u64::MAX;
            self.record.count(Name::NoRoom);
        }
        for tries in 0.. {
            let options = StartOptions {
                workspace: self.folder(0),
                data: self.data().join("data"),
                clock: ClockKind::Virtual,
                clock_from: Some(|_, _| BEGIN),
                driver: driver.clone(),
                threads: Threads::Callers,
                played: Some(Arc::<Post>::clone(&self.post)),
                library: Some(library()?),
                catalog: None,
            };
            let courier: Arc<dyn Courier> = Arc::<Post>::clone(&self.post) as Arc<dyn Courier>;
            let started = match Played::open(&self.disk, self.late.clone(), self.conflicts.clone()) {
                Ok(store) => {
                    let store = Arc::new(store);
                    let started = start(options, Arc::<Played>::clone(&store) as _, courier).await;
                    started.map(|running| (running, store))
                }
                Err(error) => Err(error.into()),
            };
            match started {
                Ok((Running { engine, .. }, store)) => {
                    self.post.set_clock(engine.clock().clone());
                    self.record.lock().is_at(engine.clock().now(), true);
                    self.note_in_force(&engine.catalog());
                    self.record.say(|| format!("life {} begins at {}", self.lives, engine.clock().now()));
                    return Ok((engine, store));
                }
                // The disk may also fail at a start; then somebody starts the engine again.
                Err(error) if tries < 20 => self.record.say(|| format!("it does not start: {error:#}")),
                Err(error) => return Err(error),
            }
        }
        anyhow::bail!("it was never started")
    }

    /// Notes what is in force. A journal may name nothing else.
    pub(crate) fn note_in_force(&mut self, catalog: &Catalog) {
        self.in_force.insert(catalog.live.digest);
        self.definitions = Arc::clone(&catalog.definitions);
        self.workflows.clone_from(&catalog.live.workflows);
    }

    async fn live(&mut self, engine: &Engine, store: &Played, asked: &mut Vec<Asked>) -> End {
        while let Some(Line { step, waits }) = self.trace.steps.get(self.next).cloned() {
            self.next += 1;
            self.record.say(|| format!("{step:?}"));
            let end = match step {
                Step::Fault(fault) => self.goes_wrong(engine, store, fault, asked).await,
                step => {
                    self.ask(engine, &step, waits && asked.is_empty(), asked).await;
                    None
                }
            };
            if let Some(end) = end {
                return end;
            }
            if waits && !self.hear_all(engine, asked).await {
                self.hear_what_is_there(asked);
                return End::Died;
            }
            self.backups.step();
        }
        if self.hear_all(engine, asked).await { End::Over } else { End::Died }
    }

    /// Waits until everything that was asked for is answered. Returns false if the engine waits for something that will never
    /// come, and is killed.
    async fn hear_all(&mut self, engine: &Engine, asked: &mut Vec<Asked>) -> bool {
        let mut turns_left = TURNS_MAX;
        while !asked.iter().all(|one| one.answer.is_finished()) {
            if self.post.is_silent() && turns_left > TURNS_BEFORE_KILLED {
                turns_left = TURNS_BEFORE_KILLED;
            }
            if turns_left == 0 {
                if !self.post.is_silent() {
                    let left = engine.left();
                    self.record.wrong(format!("it comes to no end at {}: {left:?}", engine.clock().now()));
                }
                return false;
            }
            turns_left -= 1;
            yield_now().await;
        }
        for Asked { what, answer } in asked.drain(..) {
            if let Ok(heard) = answer.await {
                self.hear(what, heard);
            }
        }
        !self.post.is_silent()
    }

    /// Takes in the answers that came before the end. What has no answer stays open.
    fn hear_what_is_there(&mut self, asked: &mut Vec<Asked>) {
        for Asked { what, answer } in asked.drain(..) {
            if answer.is_finished()
                && let Some(heard) = now(answer)
            {
                self.hear(what, heard);
            }
        }
    }

    async fn goes_wrong(
        &mut self,
        engine: &Engine,
        store: &Played,
        fault: Fault,
        asked: &mut Vec<Asked>,
    ) -> Option<End> {
        match fault {
            Fault::Crash(turns) => {
                self.record.count(Name::Crash);
                return Some(self.die(turns, asked).await);
            }
            Fault::Stop => {
                if self.hear_all(engine, asked).await {
                    self.record.count(Name::Stop);
                    engine.stop().await;
                    return Some(End::Stopped);
                }
                self.hear_what_is_there(asked);
                return Some(End::Died);
            }
            Fault::TakenOver(turns) => {
                self.record.count(Name::TakenOver);
                self.die(turns, asked).await;
                // A process that waits for something that never comes would not notice.
                return Some(if self.post.is_silent() { End::Died } else { End::TakenOver });
            }
            Fault::ClockBack(minutes) => {
                self.die(0, asked).await;
                self.set_clock_back(engine.clock().now().plus_ms(-MINUTE_MS * i64::from(minutes))).await;
                return Some(End::Died);
            }
            Fault::NoRoom => {
                self.no_room = true;
                return Some(self.die(0, asked).await);
            }
            Fault::CommitNotKept => self.disk.fail_commit(CommitFails::NotKept),
            Fault::CommitHalfKnown => self.disk.fail_commit(CommitFails::Kept),
            Fault::DiskFull(times) => self.disk.fill(times),
            Fault::ReadFails(after) => self.disk.fail_read(after),
            Fault::ReadsLate(turns) => self.late.set(turns),
            // While a backup is being written it would take the spoilt record for one that was sound when the backup was begun.
            Fault::Damaged(kind, place) if self.backups.are_written() => self.disk.spoil(kind, place),
            Fault::Damaged(..) => {}
            Fault::Mended => self.disk.mend(),
            Fault::ClockAhead(minutes) => {
                self.record.count(Name::ClockAhead);
                engine.clock().advance_to(engine.clock().now().plus_ms(MINUTE_MS * i64::from(minutes)));
            }
            Fault::Pool(fares) => self.post.expect_questions(fares),
            Fault::Post(fares) => self.post.expect_attempts(fares),
            Fault::Conflict(batches) => self.conflicts.set(batches),
            Fault::HandOver => {
                store.lose();
                self.keep_busy(engine, asked);
                return Some(self.hands_over(engine, asked).await);
            }
            Fault::BackUp(steps) => self.begin_backup(engine, steps).await,
            Fault::Restored(hold_outbox) => {
                self.restores = Some((self.backups.take()?, hold_outbox));
                return Some(self.die(0, asked).await);
            }
        }
        None
    }

    /// Waits until the engine learns that another writer has what it held, and ends.
    async fn hands_over(&mut self, engine: &Engine, asked: &mut Vec<Asked>) -> End {
        let mut turns_left = TURNS_MAX;
        while !engine.has_ended() && turns_left > 0 {
            turns_left -= 1;
            yield_now().await;
        }
        if turns_left == 0 {
            self.record.wrong("another writer has everything that the engine held, and it does not end".to_owned());
        }
        self.die(0, asked).await
    }

    /// Begins a backup. It is of this moment, no matter when it is written.
    async fn begin_backup(&mut self, engine: &Engine, steps: u8) {
        if self.backups.are_written()
            && let Ok(backup) = engine.backup().await
        {
            let then = Then { known: self.record.lock().known(), spoilt: self.disk.spoilt() };
            self.backups.begin(backup, steps, then);
        }
    }

    /// Lets the process die while some things are under way.
    async fn die(&mut self, turns: u16, asked: &mut Vec<Asked>) -> End {
        for _ in 0..turns {
            yield_now().await;
        }
        self.hear_what_is_there(asked);
        End::Died
    }

    /// Makes the clock in the data folder show an earlier time at the next start.
    async fn set_clock_back(&self, to: Timestamp) {
        let Ok(store) = Played::open(&self.disk, Lateness::default(), Conflicts::default()) else { return };
        let mut batch = Batch::new(BatchId(1), store.epoch());
        batch.documents.push((DocumentKey::Clock, Some(to.as_ms().to_be_bytes().to_vec())));
        if store.commit(batch).await.is_ok() {
            self.record.count(Name::ClockBack);
        }
    }

    /// Plays the last life, in which nothing fails any more: events with an unknown fate are sent again, brakes are released, and
    /// time goes on.
    async fn last_life(&mut self, engine: &Engine) -> anyhow::Result<()> {
        self.release_everything(engine).await;
        let now = engine.clock().now();
        self.healed_at = now;
        let mut asked = Vec::new();
        for to in [now, now.plus_ms(DAY_MS), now.plus_ms(LAST_DAYS * DAY_MS)] {
            let before = self.disk.platter().commits;
            asked.push(self.begin_advance(engine, to));
            if !self.hear_all(engine, &mut asked).await {
                return Ok(());
            }
            if to == now {
                let batches = self.disk.platter().commits - before;
                checks::within_limits::done_soon(&self.record, batches, &self.disk);
            }
        }
        let unknown = self.fates_unknown(engine);
        for ix in unknown {
            self.report_again(engine, ix).await;
        }
        engine.stop().await;
        checks::in_the_end(self, &self.disk, engine.clock().now())
    }
}

/// The result of a task, if it is over.
fn now(mut answer: JoinHandle<Heard>) -> Option<Heard> {
    use std::future::Future as _;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(&mut answer).poll(&mut context) {
        std::task::Poll::Ready(heard) => heard.ok(),
        std::task::Poll::Pending => None,
    }
}
