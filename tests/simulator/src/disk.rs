//! What lies below the store: records in order, which outlive a process and fail in the ways that a disk may. For the bugs on
//! purpose (`mutants.rs`) they also fail in ways that no disk does.

use crate::faults::{Kind, Name, Tally};
use crate::mutants::Mutant;
use cadenza_store::{Changes, Record, Space, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

pub(crate) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// The content of a record that cannot be read.
const SPOILT: [u8; 2] = [1, 0xFF];

/// A disk. All clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

/// What lies on the disk, and what is to go wrong.
#[derive(Default)]
pub(crate) struct Platter {
    records: Records,
    beside: Option<Vec<u8>>,
    /// How the next batch fails.
    commit: Option<CommitFails>,
    /// How many writes and openings still fail.
    full_for: u8,
    /// How many reads succeed before one fails.
    read_fails_after: Option<u8>,
    /// Records that cannot be read, with their sound values.
    spoilt: Records,
    /// Keys of records that could not be read at some time.
    pub(crate) ever_spoilt: BTreeSet<Vec<u8>>,
    /// Batches that were written.
    pub(crate) commits: u64,
    /// Faults that somebody met.
    pub(crate) tally: Tally,
    /// A bug on purpose.
    pub(crate) mutant: Option<Mutant>,
    /// Changes that a mutant keeps back.
    kept_back: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Older values that a mutant shows.
    older: Records,
}

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitFails {
    /// Nothing of it is kept.
    NotKept,
    /// All of it is kept.
    Kept,
}

impl Disk {
    pub(crate) fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the disk for one process.
    pub(crate) fn open(&self) -> Opened {
        let header = self.platter().records.get(&b"H"[..]).cloned();
        Opened { disk: self.clone(), applying: RwLock::new(()), header: Mutex::new(header) }
    }

    /// Ends all failures. Spoilt records stay spoilt.
    pub(crate) fn heal(&self) {
        let mut platter = self.platter();
        platter.commit = None;
        platter.full_for = 0;
        platter.read_fails_after = None;
    }

    /// Makes the next commit fail.
    pub(crate) fn fail_commit(&self, how: CommitFails) {
        self.platter().commit = Some(how);
    }

    /// Makes this many writes and openings fail.
    pub(crate) fn fill(&self, times: u8) {
        self.platter().full_for = times;
    }

    /// Makes a read fail, after this many others.
    pub(crate) fn fail_read(&self, after: u8) {
        self.platter().read_fails_after = Some(after);
    }

    /// Spoils the record at this place among the records of a kind.
    pub(crate) fn spoil(&self, kind: Kind, place: u16) {
        let mut platter = self.platter();
        let range = (Included(vec![kind.prefix()]), Excluded(vec![kind.prefix() + 1]));
        let keys: Vec<&Vec<u8>> = platter.records.range(range).map(|(key, _)| key).collect();
        if keys.is_empty() {
            return;
        }
        let key = keys[usize::from(place) % keys.len()].clone();
        let Platter { records, spoilt, ever_spoilt, .. } = &mut *platter;
        if let Some(value) = records.get_mut(&key)
            && *value != SPOILT
        {
            ever_spoilt.insert(key.clone());
            spoilt.insert(key, std::mem::replace(value, SPOILT.to_vec()));
        }
    }

    /// Restores spoilt records, unless they were written anew or removed meanwhile.
    pub(crate) fn mend(&self) {
        let mut platter = self.platter();
        let Platter { records, spoilt, .. } = &mut *platter;
        for (key, value) in std::mem::take(spoilt) {
            if let Some(there) = records.get_mut(&key)
                && *there == SPOILT
            {
                *there = value;
            }
        }
    }

    /// A copy on which everything can be read, for whoever looks at what is there.
    pub(crate) fn sound_copy(&self) -> Self {
        let copy = Self::default();
        {
            let platter = self.platter();
            let mut copied = copy.platter();
            copied.records.clone_from(&platter.records);
            copied.beside.clone_from(&platter.beside);
            copied.spoilt.clone_from(&platter.spoilt);
        }
        copy.mend();
        copy
    }

    /// Records that cannot be read, with their sound values.
    pub(crate) fn spoilt(&self) -> Records {
        self.platter().spoilt.clone()
    }

    /// Empties the disk so that a backup can be restored. `spoilt` are the records that could not be read when the backup was
    /// begun.
    pub(crate) fn empty(&self, spoilt: Records) {
        self.heal();
        let mut platter = self.platter();
        (platter.records, platter.older) = (Records::new(), Records::new());
        platter.beside = None;
        platter.spoilt = spoilt;
    }

    /// Everything that lies on the disk now.
    pub(crate) fn records(&self) -> Records {
        self.platter().records.clone()
    }

    /// The process that had the disk open is gone, and with it what a mutant had kept back.
    pub(crate) fn crash(&self) {
        let mut platter = self.platter();
        platter.kept_back.clear();
        if platter.mutant == Some(Mutant::TimersLostInACrash) {
            platter.records.retain(|key, _| key.first() != Some(&b'T'));
        }
    }
}

impl Platter {
    fn has_room(&mut self) -> Result<(), StoreError> {
        if self.full_for == 0 {
            return Ok(());
        }
        self.full_for -= 1;
        self.tally.count(Name::DiskFull);
        Err(StoreError::Io("no space left on device (simulated)".to_owned()))
    }

    /// Counts a read, and fails if it is the one that is to fail.
    fn read(&mut self) -> Result<(), StoreError> {
        match self.read_fails_after {
            None => Ok(()),
            Some(0) => {
                self.read_fails_after = None;
                self.tally.count(Name::ReadFails);
                Err(StoreError::Io("the disk cannot be read (simulated)".to_owned()))
            }
            Some(left) => {
                self.read_fails_after = Some(left - 1);
                Ok(())
            }
        }
    }

    fn met(&mut self, key: &[u8], value: &[u8]) {
        if value == SPOILT
            && let Some(kind) = Kind::ALL.into_iter().find(|kind| key.first() == Some(&kind.prefix()))
        {
            self.tally.count(Name::damaged(kind));
        }
    }

    fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => drop(self.records.insert(key.to_vec(), value.to_vec())),
            None => drop(self.records.remove(key)),
        }
    }
}

/// A disk that one process has open.
pub(crate) struct Opened {
    disk: Disk,
    /// Held while a batch is applied.
    applying: RwLock<()>,
    /// The header as this process wrote it, which a mutant reads.
    header: Mutex<Option<Vec<u8>>>,
}

impl Space for Opened {
    type Bytes = Vec<u8>;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut platter = self.disk.platter();
        platter.read()?;
        if platter.mutant == Some(Mutant::FenceIgnored) && key == b"H" {
            return Ok(self.header.lock().unwrap_or_else(PoisonError::into_inner).clone());
        }
        if platter.mutant == Some(Mutant::StaleRead) && key.first() == Some(&b'L') && platter.commits % 50 == 49 {
            return Ok(platter.older.get(key).or_else(|| platter.records.get(key)).cloned());
        }
        let found = platter.records.get(key).cloned();
        if let Some(value) = &found {
            platter.met(key, value);
        }
        Ok(found)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record<Vec<u8>>>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let mut platter = self.disk.platter();
        platter.read()?;
        let range = platter.records.range::<[u8], _>((Included(from), Excluded(to)));
        let found: Vec<Record<Vec<u8>>> = range.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in &found {
            platter.met(key, value);
        }
        Ok(found)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut platter = self.disk.platter();
        platter.read()?;
        let mut range = platter.records.range::<[u8], _>((Included(from), Excluded(to)));
        Ok(range.next_back().map(|(key, _)| key.clone()))
    }

    fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.applying.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        let _applying = self.applying.write().unwrap_or_else(PoisonError::into_inner);
        let mut platter = self.disk.platter();
        platter.has_room()?;
        let fails = platter.commit.take();
        if fails == Some(CommitFails::NotKept) {
            platter.tally.count(Name::CommitNotKept);
            return Err(StoreError::Io("the disk failed (simulated)".to_owned()));
        }
        platter.commits += 1;
        let mutant = platter.mutant;
        for (key, value) in std::mem::take(&mut platter.kept_back) {
            platter.write(&key, value.as_deref());
        }
        for (number, (key, value)) in changes.iter().enumerate() {
            if key == b"H" {
                *self.header.lock().unwrap_or_else(PoisonError::into_inner) = value.map(<[u8]>::to_vec);
            }
            if mutant == Some(Mutant::StaleRead)
                && key.first() == Some(&b'L')
                && let Some(before) = platter.records.get(key).cloned()
            {
                platter.older.insert(key.to_vec(), before);
            }
            if mutant.is_some_and(|mutant| mutant.forgets(key, value.is_some(), platter.commits, number)) {
                continue;
            }
            if mutant == Some(Mutant::ReplyBeforeTheFlush) && key != b"H" {
                platter.kept_back.push((key.to_vec(), value.map(<[u8]>::to_vec)));
                continue;
            }
            platter.write(key, value);
        }
        if fails == Some(CommitFails::Kept) {
            platter.tally.count(Name::CommitHalfKnown);
            return Err(StoreError::Io("the disk failed (simulated)".to_owned()));
        }
        Ok(())
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.disk.platter().has_room()
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut platter = self.disk.platter();
        for (key, value) in std::mem::take(&mut platter.kept_back) {
            platter.write(&key, value.as_deref());
        }
        Ok(())
    }

    fn size_on_disk(&self) -> u64 {
        0
    }

    fn beside(&self) -> Option<Vec<u8>> {
        self.disk.platter().beside.clone()
    }

    fn keep_beside(&self, bytes: &[u8], _: bool) {
        let mut platter = self.disk.platter();
        // An opening would compare this and find the bug at once, and nothing else would be tested.
        if platter.mutant != Some(Mutant::ReplyBeforeTheFlush) && platter.mutant != Some(Mutant::FenceIgnored) {
            platter.beside = Some(bytes.to_vec());
        }
    }
}
