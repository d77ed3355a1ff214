//! A store in memory, for tests and rehearsals: the same records in a sorted map, durable as long as somebody holds it.

use crate::committer::Commits;
use crate::keyed::Keyed;
use crate::records::StoreError;
use crate::sharing::StoreTime;
use crate::space::{Changes, Record, Space};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// A store in memory.
pub type MemoryStore = Keyed<MemorySpace>;

impl Keyed<MemorySpace> {
    /// An empty store.
    pub fn new() -> Self {
        Self::on(&MemoryDisk::default())
    }

    /// Opens what lies on this disk; whoever had it open before is fenced off, as on a database that two can reach.
    pub fn on(disk: &MemoryDisk) -> Self {
        Self::try_on(disk).expect("memory can be read and written, and a thread be started")
    }

    /// The same of a disk that may be spoilt.
    ///
    /// # Errors
    /// When the header cannot be read, or less is there than was acknowledged.
    pub fn try_on(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::started(disk, Commits::OnTheirThread)
    }

    /// The same with every batch written by whoever commits it, in one order with all that happens on its thread.
    ///
    /// # Errors
    /// As of [`Self::try_on`].
    pub fn in_one_order(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::started(disk, Commits::OnCallersThread)
    }

    /// The same, but whatever else is ready on that thread has a turn while a batch is on its way.
    ///
    /// # Errors
    /// As of [`Self::try_on`].
    pub fn in_turns(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::started(disk, Commits::InTurns)
    }

    /// The first of several writers of what lies on this disk; its leases run out by this time.
    ///
    /// # Errors
    /// As of [`Self::try_on`].
    pub fn for_several(disk: &MemoryDisk, commits: Commits, time: StoreTime) -> Result<Self, StoreError> {
        Self::start_for_several(MemorySpace::of(disk), commits, time)
    }

    fn started(disk: &MemoryDisk, commits: Commits) -> Result<Self, StoreError> {
        Self::start(MemorySpace::of(disk), false, commits)
    }

    /// What it lies on.
    pub fn disk(&self) -> &MemoryDisk {
        &self.space().disk
    }
}

impl Default for Keyed<MemorySpace> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a store in memory lies on; outlives the store that is open on it.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    records: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
    beside: Arc<Mutex<Option<Vec<u8>>>>,
    full: Arc<AtomicBool>,
    /// What becomes of the next batch that is written.
    fault: Arc<Mutex<Option<Fault>>>,
    stalls: Arc<Stalls>,
    /// Records that were spoilt, as they were.
    spoilt: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
}

/// What a record that was spoilt holds.
const SPOILT: [u8; 2] = [1, 0xFF];

/// How many want commits to wait, and where these wait for the last of them.
#[derive(Default)]
struct Stalls(Mutex<usize>, Condvar);

impl Stalls {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        drop(self.1.wait_while(self.count(), |count| *count > 0));
    }
}

/// Commits wait as long as this lives.
#[must_use = "commits go on as soon as this is dropped"]
pub struct Stalled(Arc<Stalls>);

impl Drop for Stalled {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.1.notify_all();
    }
}

/// How a commit fails. The first two are what a disk may do; the others are what no store may, for seeing that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it is kept.
    NotKept,
    /// All of it is kept, and the writer hears that it failed.
    Kept,
    /// Nothing of it is kept, and the writer hears that it is.
    Lost,
    /// Every second record of it is kept, and the writer hears that all are.
    Torn,
}

impl MemoryDisk {
    /// Spoils records of a kind (the first byte of their keys) as a fault below would: the one of this number, or all. How many
    /// there were.
    pub fn spoil(&self, kind: u8, number: Option<usize>) -> usize {
        let (mut records, mut spoilt) = (self.records(), self.spoilt());
        let mut count = 0;
        for (ix, (key, value)) in records.range_mut(vec![kind]..vec![kind + 1]).enumerate() {
            if number.is_none_or(|number| number == ix) && *value != SPOILT {
                spoilt.insert(key.clone(), std::mem::replace(value, SPOILT.to_vec()));
            }
            count += 1;
        }
        count
    }

    /// Makes what was spoilt as it was, unless it was written anew or taken away meanwhile.
    pub fn mend(&self) {
        let mut records = self.records();
        for (key, value) in std::mem::take(&mut *self.spoilt()) {
            if let Some(there) = records.get_mut(&key).filter(|there| **there == SPOILT) {
                *there = value;
            }
        }
    }

    /// Takes the records of a kind (the first byte of their keys) away, as a program would that forgets to write them.
    pub fn take_away(&self, kind: u8) {
        self.records().retain(|key, _| key.first() != Some(&kind));
    }

    /// Puts another header in the place of the one that is there.
    #[cfg(test)]
    pub(crate) fn set_header(&self, format: u32, epoch: crate::records::Epoch) {
        use crate::keys::{HeaderKey, Key as _};
        let header = crate::record::Header { format, epoch, partitions: cadenza_core::id::PARTITIONS, incarnation: 0 };
        let mut bytes = Vec::new();
        crate::record::encode(&header, &mut bytes);
        self.records().insert(HeaderKey.bytes(), bytes);
    }

    /// Puts a key that means nothing among those of a kind.
    pub fn spoil_key(&self, kind: u8) {
        self.records().insert(vec![kind, 0xFE], Vec::new());
    }

    /// Makes the next commit fail so, or not.
    pub fn fail_next(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Makes every commit wait, as on a disk that is busy, until what is returned is dropped. Only a store whose commits have
    /// a thread of their own can be used meanwhile: it is that thread that waits.
    pub fn stall(&self) -> Stalled {
        *self.stalls.count() += 1;
        Stalled(Arc::clone(&self.stalls))
    }

    /// Makes every commit fail as on a full disk, and every recovery too, until it is set back.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spoilt(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.spoilt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn space_left(&self) -> Result<(), StoreError> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(StoreError::Io("no space left on device (in memory)".to_owned())),
            false => Ok(()),
        }
    }
}

/// A sorted map.
pub struct MemorySpace {
    disk: MemoryDisk,
    /// Held while a batch is applied.
    applying: RwLock<()>,
}

impl MemorySpace {
    fn of(disk: &MemoryDisk) -> Self {
        Self { disk: disk.clone(), applying: RwLock::new(()) }
    }
}

impl Space for MemorySpace {
    type Bytes = Vec<u8>;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.disk.records().get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record<Vec<u8>>>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let records = self.disk.records();
        let range = records.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
        Ok(range.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let records = self.disk.records();
        let mut range = records.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
        Ok(range.next_back().map(|(key, _)| key.clone()))
    }

    fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.applying.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        self.disk.stalls.wait();
        let _applying = self.applying.write().unwrap_or_else(PoisonError::into_inner);
        self.disk.space_left()?;
        let fault = self.disk.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        let failed = || StoreError::Io("the disk failed (in memory)".to_owned());
        match fault {
            Some(Fault::NotKept) => return Err(failed()),
            Some(Fault::Lost) => return Ok(()),
            Some(Fault::Kept | Fault::Torn) | None => {}
        }
        let mut records = self.disk.records();
        let step = if fault == Some(Fault::Torn) { 2 } else { 1 };
        for (key, value) in changes.iter().step_by(step) {
            match value {
                Some(value) => records.insert(key.to_vec(), value.to_vec()),
                None => records.remove(key),
            };
        }
        if fault == Some(Fault::Kept) { Err(failed()) } else { Ok(()) }
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.disk.space_left()
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn size_on_disk(&self) -> u64 {
        0
    }

    fn beside(&self) -> Option<Vec<u8>> {
        self.disk.beside.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep_beside(&self, bytes: &[u8], _: bool) {
        *self.disk.beside.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.to_vec());
    }
}
