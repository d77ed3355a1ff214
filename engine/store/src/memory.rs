//! A store in memory, for tests and rehearsals: the same records in a sorted map, which lasts as
//! long as somebody holds it.

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

    /// Opens what lies on this disk. Whoever had it open before is fenced off, as on a database
    /// that two processes can reach.
    pub fn on(disk: &MemoryDisk) -> Self {
        Self::try_on(disk).expect("memory can be read and written, and a thread be started")
    }

    /// Opens what lies on a disk that may be damaged.
    ///
    /// # Errors
    /// When the header cannot be read, or less is there than was acknowledged.
    pub fn try_on(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::started(disk, Commits::OnTheirThread)
    }

    /// Opens a store that writes every batch on the caller's thread, in one order with
    /// everything else that happens there.
    ///
    /// # Errors
    /// The same as those of [`Self::try_on`].
    pub fn in_one_order(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::started(disk, Commits::OnCallersThread)
    }

    /// Opens a store that writes on the caller's thread, but gives whatever else is ready there a turn
    /// while a batch is on its way.
    ///
    /// # Errors
    /// The same as those of [`Self::try_on`].
    pub fn in_turns(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::started(disk, Commits::InTurns)
    }

    /// Opens the disk for the first of several writers. Leases run out by `time`.
    ///
    /// # Errors
    /// The same as those of [`Self::try_on`].
    pub fn for_several(disk: &MemoryDisk, commits: Commits, time: StoreTime) -> Result<Self, StoreError> {
        Self::start_for_several(MemorySpace::of(disk), commits, time)
    }

    fn started(disk: &MemoryDisk, commits: Commits) -> Result<Self, StoreError> {
        Self::start(MemorySpace::of(disk), false, commits)
    }

    #[cfg(test)]
    pub(crate) fn opened(disk: &MemoryDisk, opening: crate::committer::Opening) -> Result<Self, StoreError> {
        Self::open(MemorySpace::of(disk), opening, Commits::OnTheirThread)
    }

    /// The disk it lies on.
    pub fn disk(&self) -> &MemoryDisk {
        &self.space().disk
    }
}

impl Default for Keyed<MemorySpace> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a store in memory lies on. It outlives the store that is open on it.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    records: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
    beside: Arc<Mutex<Option<Vec<u8>>>>,
    full: Arc<AtomicBool>,
    stalls: Arc<Stalls>,
    /// Records that were spoilt, as they were.
    spoilt: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
}

/// What a record that was spoilt holds.
const SPOILT: [u8; 2] = [1, 0xFF];

/// How many callers want commits to wait, and where commits wait for the last of them.
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

impl MemoryDisk {
    /// Damages records of a kind (the first byte of their keys) as a fault in a lower layer would: the one at this
    /// index, or all. Returns how many records the kind has.
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

    /// Deletes the records of a kind (the first byte of their keys), as if a program had forgotten to write them.
    pub fn take_away(&self, kind: u8) {
        self.records().retain(|key, _| key.first() != Some(&kind));
    }

    /// Replaces the header.
    #[cfg(test)]
    pub(crate) fn set_header(&self, format: u32, epoch: crate::records::Epoch) {
        use crate::keys::{HeaderKey, Key as _};
        let header = crate::record::Header { format, epoch, partitions: cadenza_core::id::PARTITIONS, incarnation: 0 };
        let mut bytes = Vec::new();
        crate::record::encode(&header, &mut bytes);
        self.records().insert(HeaderKey.bytes(), bytes);
    }

    /// Adds a key that cannot be read among those of a kind.
    pub fn spoil_key(&self, kind: u8) {
        self.records().insert(vec![kind, 0xFE], Vec::new());
    }

    /// Makes every commit wait, as on a busy disk, until the returned value is dropped. Only a store that commits on
    /// its own thread can be used meanwhile, because the committing thread is the one that waits.
    pub fn stall(&self) -> Stalled {
        *self.stalls.count() += 1;
        Stalled(Arc::clone(&self.stalls))
    }

    /// Makes every commit fail as on a full disk, and every recovery too, until it is reset.
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

/// A sorted map as a key space.
pub struct MemorySpace {
    disk: MemoryDisk,
    /// Held while a batch is applied.
    applying: RwLock<()>,
}

impl MemorySpace {
    pub(crate) fn of(disk: &MemoryDisk) -> Self {
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
        let mut records = self.disk.records();
        for (key, value) in changes.iter() {
            match value {
                Some(value) => records.insert(key.to_vec(), value.to_vec()),
                None => records.remove(key),
            };
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Store;
    use crate::records::{Batch, BatchId};
    use crate::restoring::Restorer;
    use crate::snapshot::{Images, images_in};
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn images() -> Images {
        images_in(&std::env::temp_dir()).unwrap()
    }

    fn waits(future: std::pin::Pin<&mut impl Future>) -> bool {
        future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test]
    async fn a_backup_restored_twice_is_two_incarnations() {
        let mut snapshot = MemoryStore::new().snapshot(images()).await.unwrap();
        let backup = snapshot.next(10_000).unwrap();
        let mut incarnations = Vec::new();
        for _ in 0..2 {
            let disk = MemoryDisk::default();
            let mut restorer = Restorer::into_empty(MemorySpace::of(&disk)).unwrap_or_else(|_| panic!("it is empty"));
            restorer.put(&backup).unwrap();
            restorer.finish(false).unwrap();
            incarnations.push(MemoryStore::on(&disk).incarnation());
        }
        assert_ne!(incarnations[0], incarnations[1], "keys of messages born in one must not be those of the other");
        // Earlier programs counted restores, from 1.
        assert!(incarnations.iter().all(|number| *number > u32::from(u16::MAX)), "{incarnations:?}");
    }

    #[tokio::test]
    async fn who_goes_away_while_a_snapshot_begins_keeps_nobody_from_the_next() {
        let store = MemoryStore::new();
        let stalled = store.disk().stall();
        let mut commit = pin!(store.commit(Batch::new(BatchId(1), store.epoch())));
        assert!(waits(commit.as_mut()), "for the disk");
        {
            let asked = pin!(store.snapshot(images()));
            assert!(waits(asked), "behind the commit");
        }
        drop(stalled);
        commit.await.unwrap();
        let next = store.snapshot(images()).await.err();
        assert!(next.is_none(), "{next:?}");
    }
}
