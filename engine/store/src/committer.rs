//! The only writer. It writes batches in the order they arrive and makes each durable before answering. It runs on a
//! thread of its own, or, where everything must happen in one order (a simulation), on the caller's thread.
//!
//! Encoding happens here too, so that the driver can compute the next batch on its own thread meanwhile.
//! After a failed commit everything fails until the store is opened again, because nothing computed on top of
//! a lost batch may be written.
//!
//! Must not know: where bytes are kept.

use crate::acknowledged::{Acknowledged, nothing_is_missing};
use crate::copying::{Reader, Source};
use crate::damage::DamageLog;
use crate::keys::{HeaderKey, Key, MarkKey};
use crate::mark_days::{FILTERED_MAX, Filter, MarkDays};
use crate::partitions::Partitions;
use crate::reading::{self, Records};
use crate::record::{self, FORMAT, Header, Lease};
use crate::recording::{Remembered, drop_filter, record, record_filter};
use crate::records::{Batch, BatchId, Epoch, Holding, Position, StoreError, Term, Weight};
use crate::sharing::{Owners, Several, StoreTime};
use crate::snapshot::{Images, Snapshot, Snapshots};
use crate::space::{Changes, Space};
use cadenza_core::id::PARTITIONS;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The most batches that wait for the committer; beyond that, the sender waits.
const JOBS_MAX: usize = 16;
/// The most marks processed between two batches, so that forgetting or filtering a day does not hold up intake.
const SLICE_MAX: usize = 1_000;
/// A buffer that grew beyond this to encode a batch is not kept for the next one.
const SCRATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

pub(crate) enum Job {
    Commit(Box<Batch>, Answer<Weight>),
    /// Another writer joins; the answer is its number.
    Join(Answer<Epoch>),
    Claim(Epoch, Partitions, Duration, Answer<Holding>),
    Release(Epoch, Partitions, Answer<()>),
    Snapshot(Images, Answer<Box<dyn Snapshot>>),
    Forget(u32, Answer<bool>),
    Recover(Answer<()>),
    Close(Epoch, Answer<()>),
}

/// What readers and the committer share.
pub(crate) struct Shared<S> {
    pub(crate) space: S,
    pub(crate) damage: DamageLog,
    /// The days that have marks. It may name a day too many, never one too few.
    days: RwLock<MarkDays>,
    /// Why nothing can be read or written until the store is opened again.
    failed: RwLock<Option<StoreError>>,
    position: AtomicU64,
    /// Whether there may be several writers.
    pub(crate) several: bool,
    /// What commits replace while a snapshot is being read.
    pub(crate) snapshots: Snapshots,
}

impl<S: Space> Source for Shared<S> {
    type Space = S;

    fn space(&self) -> &S {
        &self.space
    }

    fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }
}

impl<S: Space> Shared<S> {
    /// The records, unless a commit failed.
    pub(crate) fn sound(&self) -> Result<Records<'_, S>, StoreError> {
        match &*self.failed.read().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(self.records()),
            Some(error) => Err(error.clone()),
        }
    }

    /// How far the store has come, as seen by somebody who reads now.
    pub(crate) fn position(&self) -> Position {
        Position(self.position.load(Ordering::SeqCst))
    }

    const fn records(&self) -> Records<'_, S> {
        Records { space: &self.space, damage: &self.damage }
    }

    pub(crate) fn with_days<T>(&self, look: impl FnOnce(&MarkDays) -> T) -> T {
        look(&self.days.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_days<T>(&self, change: impl FnOnce(&mut MarkDays) -> T) -> T {
        change(&mut self.days.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_failed(&self, error: Option<StoreError>) {
        *self.failed.write().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// Where batches are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// On a thread of their own, so that the next batch can be computed meanwhile.
    OnTheirThread,
    /// On the caller's thread, before anything else happens there.
    OnCallersThread,
    /// On the caller's thread, but before the write and before the answer, whatever else is ready on that thread gets a
    /// turn, as it would if another thread did the writing.
    InTurns,
}

/// The way to the committer.
pub(crate) enum Committer {
    /// On a thread of its own.
    Thread { jobs: Option<mpsc::Sender<Job>>, thread: Option<std::thread::JoinHandle<()>> },
    /// On the caller's thread, until it is closed.
    Here { write: Mutex<Box<dyn FnMut(Job) + Send>>, gives_way: bool },
}

impl Committer {
    /// Takes over the key space: durably raises its epoch, and starts the thread.
    pub(crate) fn start<S: Space>(
        space: S,
        opening: Opening,
        commits: Commits,
        several: Option<StoreTime>,
    ) -> Result<(Arc<Shared<S>>, TakenOver, Self), StoreError> {
        let damage = DamageLog::default();
        let records = Records { space: &space, damage: &damage };
        let taken = take_over(records, opening)?;
        let remembered = Remembered::read(records)?;
        let days = RwLock::new(MarkDays::read(records)?);
        let owners = match several {
            Some(time) => Owners::Several(Several::read(records, taken.epoch, time)?),
            None => Owners::Sole,
        };
        let several = matches!(owners, Owners::Several(_));
        let (failed, position, snapshots) = (RwLock::new(None), AtomicU64::new(0), Snapshots::default());
        let shared = Arc::new(Shared { space, damage, days, failed, position, several, snapshots });
        let mut writer = Writer {
            shared: Arc::clone(&shared),
            epoch: taken.epoch,
            owners,
            remembered,
            changes: Changes::default(),
            filtering: None,
        };
        if commits != Commits::OnTheirThread {
            let here = move |job| {
                let _ = writer.take(job);
            };
            let (write, gives_way) = (Mutex::new(Box::new(here) as _), commits == Commits::InTurns);
            return Ok((shared, taken, Self::Here { write, gives_way }));
        }
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        let thread = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || writer.run(inbox))
            .map_err(|error| StoreError::Io(format!("the committer's thread cannot be started: {error}")))?;
        Ok((shared, taken, Self::Thread { jobs: Some(jobs), thread: Some(thread) }))
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<Weight, StoreError> {
        let gives_way = matches!(self, Self::Here { gives_way: true, .. });
        if gives_way {
            give_way().await;
        }
        let committed = self.ask(|answer| Job::Commit(Box::new(batch), answer)).await;
        if gives_way {
            give_way().await;
        }
        committed
    }

    pub(crate) async fn join(&self) -> Result<Epoch, StoreError> {
        self.ask(Job::Join).await
    }

    pub(crate) async fn claim(
        &self,
        writer: Epoch,
        wanted: Partitions,
        lease: Duration,
    ) -> Result<Holding, StoreError> {
        self.ask(|answer| Job::Claim(writer, wanted, lease, answer)).await
    }

    /// Begins a snapshot between two commits. It ends with its reader, even if nobody waits for that any more.
    pub(crate) async fn begin_snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError> {
        self.ask(|answer| Job::Snapshot(images, answer)).await
    }

    pub(crate) async fn release(&self, writer: Epoch, given_back: Partitions) -> Result<(), StoreError> {
        self.ask(|answer| Job::Release(writer, given_back, answer)).await
    }

    /// Deletes some of the marks of days before `day`, and returns whether those were all.
    pub(crate) async fn forget_some(&self, day: u32) -> Result<bool, StoreError> {
        self.ask(|answer| Job::Forget(day, answer)).await
    }

    pub(crate) async fn recover(&self) -> Result<(), StoreError> {
        self.ask(Job::Recover).await
    }

    pub(crate) async fn close(&self, writer: Epoch) -> Result<(), StoreError> {
        self.ask(|answer| Job::Close(writer, answer)).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = job(answer);
        match self {
            Self::Thread { jobs: Some(jobs), .. } => drop(jobs.send(job).await),
            Self::Thread { jobs: None, .. } => {}
            Self::Here { write, .. } => (write.lock().unwrap_or_else(PoisonError::into_inner))(job),
        }
        answered.await.unwrap_or_else(|_| Err(StoreError::Io("the committer is gone".to_owned())))
    }
}

/// Lets whatever else is ready on this thread have a turn.
async fn give_way() {
    let mut gave_way = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Everything handed over is written before the data is released, so whoever drops a store may open it again at once.
impl Drop for Committer {
    fn drop(&mut self) {
        let Self::Thread { jobs, thread } = self else { return };
        drop(jobs.take());
        if let Some(thread) = thread.take() {
            // The thread can only have panicked, and then every waiting caller has got an error.
            let _ = thread.join();
        }
    }
}

/// What was found and changed when a key space was taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakenOver {
    /// The epoch of whoever writes from here on.
    pub(crate) epoch: Epoch,
    /// The format it had, if that was raised.
    pub(crate) raised_from: Option<u32>,
    /// The number of its restore from a backup; 0 when it was never restored.
    pub(crate) incarnation: u32,
}

/// How a key space is taken over.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Also one that has less than was acknowledged.
    pub accept_loss: bool,
    /// Whether its format is raised to that of this program. Where it is not, nothing may be written that the older program cannot
    /// read.
    pub raise: bool,
}

impl Default for Opening {
    fn default() -> Self {
        Self { accept_loss: false, raise: true }
    }
}

/// Raises the epoch, so that whoever wrote before is fenced off from here on. Raises the format too, before anything in
/// the new format is written, unless it is to stay.
fn take_over<S: Space>(records: Records<'_, S>, opening: Opening) -> Result<TakenOver, StoreError> {
    let before = reading::header(records)?;
    if !opening.accept_loss {
        nothing_is_missing(records, before.as_ref())?;
    }
    // An epoch once given is never given again, whatever is missing.
    let known = before.map_or(Epoch(0), |header| header.epoch);
    let Epoch(last) = Acknowledged::kept(records.space).map_or(known, |kept| kept.epoch.max(known));
    let incarnation = before.map_or(0, |header| header.incarnation);
    let stays = before.map(|header| header.format).filter(|_| !opening.raise);
    let format = stays.unwrap_or(FORMAT);
    let header = raise(records.space, format, Epoch(last + 1), incarnation)?;
    let opening = Acknowledged { epoch: header.epoch, batch: BatchId(0) };
    records.space.keep_beside(&opening.bytes(), true);
    let raised_from = before.map(|header| header.format).filter(|before| *before < format);
    Ok(TakenOver { epoch: header.epoch, raised_from, incarnation })
}

/// Durably gives a number to whoever writes from here on.
fn raise(space: &impl Space, format: u32, epoch: Epoch, incarnation: u32) -> Result<Header, StoreError> {
    let header = Header { format, epoch, partitions: PARTITIONS, incarnation };
    let mut changes = Changes::default();
    changes.put_with(|out| HeaderKey.append(out), |out| record::encode(&header, out));
    space.apply(&changes)?;
    Ok(header)
}

struct Writer<S> {
    shared: Arc<Shared<S>>,
    /// The last number given.
    epoch: Epoch,
    owners: Owners,
    remembered: Remembered,
    changes: Changes,
    filtering: Option<Filtering>,
}

/// A day whose filter is being made, and the marks read so far.
struct Filtering {
    day: u32,
    last: Option<MarkKey>,
    events: Vec<[u8; 16]>,
}

impl<S: Space> Writer<S> {
    fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        while let Some(job) = inbox.blocking_recv() {
            if self.take(job).is_break() {
                return;
            }
        }
    }

    /// Does one job. Breaks after the last one.
    fn take(&mut self, job: Job) -> ControlFlow<()> {
        match job {
            Job::Commit(batch, answer) => drop(answer.send(self.commit(&batch))),
            Job::Join(answer) => drop(answer.send(self.join())),
            Job::Claim(writer, wanted, lease, answer) => drop(answer.send(self.claim(writer, &wanted, lease))),
            Job::Release(writer, given_back, answer) => drop(answer.send(self.release(writer, &given_back))),
            Job::Snapshot(images, answer) => drop(answer.send(self.begin_snapshot(images))),
            Job::Forget(day, answer) => drop(answer.send(self.forget_some(day))),
            Job::Recover(answer) => drop(answer.send(self.recover())),
            Job::Close(writer, answer) => {
                if self.left_to_others(writer) {
                    drop(answer.send(self.release(writer, &Partitions::ALL)));
                    return ControlFlow::Continue(());
                }
                // What it held becomes free, whatever happens to the rest.
                let _ = self.release(writer, &Partitions::ALL);
                let closed = self.shared.space.close();
                let over = StoreError::Io("the store is closed".to_owned());
                self.shared.snapshots.fail(&over);
                self.shared.set_failed(Some(over));
                drop(answer.send(closed));
                return ControlFlow::Break(());
            }
        }
        // An error here fails the store, so whoever asks next gets it.
        let _ = self.filter_some();
        ControlFlow::Continue(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<Weight, StoreError> {
        let records = self.shared.sound()?;
        // Another batch may already have been computed on top of this one, so whatever fails this one must fail that
        // one too. A stale epoch does so by itself.
        let held = reading::header(records).inspect_err(|error| self.shared.set_failed(Some(error.clone())))?;
        let held = held.map_or(Epoch(0), |header| header.epoch);
        let of = match &mut self.owners {
            Owners::Sole if held == batch.epoch => None,
            // If the epoch differs, somebody has opened the store as its sole writer.
            Owners::Several(several) if held == self.epoch => {
                several.may_commit(batch)?;
                Some(batch.epoch)
            }
            Owners::Sole | Owners::Several(_) => return Err(StoreError::Fenced { held, ours: batch.epoch }),
        };
        self.changes.clear();
        self.add_days(batch);
        record(batch, of, &mut self.remembered, &mut self.changes);
        let weight = self.changes.weight();
        self.apply()?;
        match &mut self.owners {
            Owners::Sole => {
                let last = Acknowledged { epoch: batch.epoch, batch: batch.id };
                self.shared.space.keep_beside(&last.bytes(), false);
            }
            Owners::Several(several) => {
                several.committed(batch);
                self.shared.position.store(several.position().0, Ordering::SeqCst);
            }
        }
        Ok(weight)
    }

    fn begin_snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError> {
        self.shared.sound()?;
        self.shared.snapshots.begin(images)?;
        Ok(Box::new(Reader::of(Arc::clone(&self.shared))))
    }

    fn join(&mut self) -> Result<Epoch, StoreError> {
        let records = self.shared.sound()?;
        let header = reading::header(records)?;
        let held = header.map_or(Epoch(0), |header| header.epoch);
        let incarnation = header.map_or(0, |header| header.incarnation);
        let Owners::Several(several) = &mut self.owners else {
            return Err(StoreError::Fenced { held, ours: Epoch(held.0 + 1) });
        };
        let joined = raise(records.space, FORMAT, Epoch(held.0 + 1), incarnation)?.epoch;
        several.join(joined);
        self.epoch = joined;
        Ok(joined)
    }

    /// A sole writer always holds everything.
    fn claim(&mut self, writer: Epoch, wanted: &Partitions, lease: Duration) -> Result<Holding, StoreError> {
        self.shared.sound()?;
        let Owners::Several(several) = &self.owners else {
            return Ok(Holding { partitions: Partitions::ALL, term: Term::default(), until: None });
        };
        self.changes.clear();
        let (holding, leases) = several.claim(writer, wanted, lease, &mut self.changes);
        self.hold(writer, leases)?;
        Ok(holding)
    }

    fn release(&mut self, writer: Epoch, given_back: &Partitions) -> Result<(), StoreError> {
        self.shared.sound()?;
        let Owners::Several(several) = &self.owners else { return Ok(()) };
        self.changes.clear();
        let leases = several.release(writer, given_back, &mut self.changes);
        self.hold(writer, leases)
    }

    fn hold(&mut self, writer: Epoch, leases: BTreeMap<u8, Lease>) -> Result<(), StoreError> {
        if !self.changes.is_empty() {
            self.apply()?;
        }
        if let Owners::Several(several) = &mut self.owners {
            several.hold(writer, leases);
        }
        Ok(())
    }

    /// Notes that a writer closes, and returns whether others continue.
    fn left_to_others(&mut self, writer: Epoch) -> bool {
        match &mut self.owners {
            Owners::Several(several) => !several.leave(writer),
            Owners::Sole => false,
        }
    }

    /// Notes the days of a batch's marks before the batch is written. A filter that is kept for such a day, or is
    /// being made, does not contain these marks and is dropped. That is rare: days that are over get no more marks
    /// unless the clock is set back.
    fn add_days(&mut self, batch: &Batch) {
        let dropped: Vec<u32> = self.shared.change_days(|days| {
            let marks = batch.marks.iter();
            marks.filter(|mark| days.add(mark.day, MarkKey::hash(&mark.event))).map(|mark| mark.day).collect()
        });
        for day in dropped {
            drop_filter(day, &mut self.remembered, &mut self.changes);
        }
        self.filtering.take_if(|filtering| batch.marks.iter().any(|mark| mark.day == filtering.day));
    }

    /// Continues the filter of a day that is over, a little at a time so that no batch waits for it.
    fn filter_some(&mut self) -> Result<(), StoreError> {
        let Some(day) = self.filtering.as_ref().map(|f| f.day).or_else(|| self.shared.with_days(MarkDays::to_filter))
        else {
            return Ok(());
        };
        let records = self.shared.sound()?;
        let filtering = self.filtering.get_or_insert_with(|| Filtering { day, last: None, events: Vec::new() });
        let marks = reading::marks_of(records, day, filtering.last, SLICE_MAX)?;
        filtering.last = marks.last().copied().or(filtering.last);
        filtering.events.extend(marks.iter().map(|mark| mark.event));
        if marks.len() == SLICE_MAX && filtering.events.len() <= FILTERED_MAX {
            return Ok(());
        }
        let filter = match filtering.events.len() {
            0..=FILTERED_MAX => Filter::of(&filtering.events),
            _ => Filter::of_everything(),
        };
        self.filtering = None;
        self.changes.clear();
        record_filter(day, &filter, &mut self.remembered, &mut self.changes);
        self.apply()?;
        self.shared.change_days(|days| days.set_filter(day, filter));
        Ok(())
    }

    fn forget_some(&mut self, day: u32) -> Result<bool, StoreError> {
        let marks = reading::marks_before(self.shared.sound()?, day, SLICE_MAX)?;
        self.changes.clear();
        for mark in &marks {
            self.changes.delete(mark);
        }
        let all = marks.len() < SLICE_MAX;
        if all {
            for gone in self.shared.with_days(|days| days.before(day)) {
                drop_filter(gone, &mut self.remembered, &mut self.changes);
            }
            self.filtering.take_if(|filtering| filtering.day < day);
        }
        self.apply()?;
        if all {
            self.shared.change_days(|days| days.forget_before(day));
        }
        Ok(all)
    }

    fn apply(&mut self) -> Result<(), StoreError> {
        self.shared.snapshots.before(&self.changes, &self.shared.space);
        let applied = self.shared.space.apply(&self.changes);
        match &applied {
            Err(error) => self.shared.set_failed(Some(error.clone())),
            // There is hardly ever any damage, and then there is nothing to look through.
            Ok(()) if self.shared.damage.noted() > 0 => {
                self.changes.iter().for_each(|(key, _)| self.shared.damage.forget(key));
            }
            Ok(()) => {}
        }
        if self.changes.bytes_len() > SCRATCH_BYTES_MAX {
            self.changes = Changes::default();
        }
        applied
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        // Set first: if reopening fails, what is open must not be trusted.
        let again = StoreError::Io("the store is being opened again".to_owned());
        self.shared.snapshots.fail(&again);
        self.shared.set_failed(Some(again));
        let reopened = self.reopen();
        self.shared.set_failed(reopened.clone().err());
        reopened
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.shared.space.reopen()?;
        let records = self.shared.records();
        let header = reading::header(records)?;
        nothing_is_missing(records, header.as_ref())?;
        let held = header.map_or(Epoch(0), |header| header.epoch);
        if held != self.epoch {
            return Err(StoreError::Fenced { held, ours: self.epoch });
        }
        self.remembered = Remembered::read(records)?;
        if let Owners::Several(several) = &mut self.owners {
            several.reread(records)?;
        }
        self.filtering = None;
        let found = MarkDays::read(records)?;
        self.shared.change_days(|days| *days = found);
        Ok(())
    }
}
