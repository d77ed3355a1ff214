//! Who may write: either a sole writer, which is fenced off by the next opening, or several writers. Each of those
//! holds partitions for a time, and may write a record shared by all only if it has seen the record's latest version.
//!
//! Must not know: how a batch becomes records, where bytes are kept.

use crate::keys::{Key as _, LeaseKey};
use crate::partitions::Partitions;
use crate::reading::{self, Records};
use crate::record::{self, Lease};
use crate::records::{Batch, BatchId, Epoch, Holding, Position, SharedKey, StoreError, Term};
use crate::space::{Changes, Space};
use cadenza_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The store's time. Leases run out by it; it is used for nothing else.
pub type StoreTime = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Who may write.
pub(crate) enum Owners {
    /// Whoever opened the store last holds everything.
    Sole,
    /// Whoever holds the partition.
    Several(Several),
}

/// Several writers of one store.
pub(crate) struct Several {
    time: StoreTime,
    /// The leases as they are stored.
    leases: BTreeMap<u8, Lease>,
    /// The term of the last claim.
    term: Term,
    /// Commits since the store was opened.
    position: Position,
    /// For each shared record, the position of the last commit that wrote it, and whose commit that was. What was
    /// written before the opening is older than anything seen since.
    written: BTreeMap<SharedKey, (Position, Epoch)>,
    /// Writers that had a batch refused and have neither claimed nor released since.
    refused: BTreeMap<Epoch, StoreError>,
    /// Writers that are open.
    open: BTreeSet<Epoch>,
}

impl Several {
    pub(crate) fn read<S: Space>(records: Records<'_, S>, first: Epoch, time: StoreTime) -> Result<Self, StoreError> {
        let leases = reading::leases(records)?;
        let term = leases.values().map(|lease| lease.term).max().unwrap_or_default();
        let written = BTreeMap::new();
        Ok(Self {
            time,
            leases,
            term,
            position: Position(0),
            written,
            refused: BTreeMap::new(),
            open: BTreeSet::from([first]),
        })
    }

    pub(crate) fn join(&mut self, writer: Epoch) {
        self.open.insert(writer);
    }

    /// Notes that a writer closes, and returns whether it was the last.
    pub(crate) fn leave(&mut self, writer: Epoch) -> bool {
        self.open.remove(&writer);
        self.open.is_empty()
    }

    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    fn held_by(&self, writer: Epoch) -> impl Iterator<Item = (u8, Lease)> {
        let leases = self.leases.iter().map(|(partition, lease)| (*partition, *lease));
        leases.filter(move |(_, lease)| lease.holder == writer)
    }

    /// What this writer holds after claiming the wanted partitions: those that nobody holds, those whose lease has run
    /// out, and those it still holds, now for longer. Appends what changes to `changes`, and returns how the leases
    /// will be once that is durable.
    pub(crate) fn claim(
        &self,
        writer: Epoch,
        wanted: &Partitions,
        lease: Duration,
        changes: &mut Changes,
    ) -> (Holding, BTreeMap<u8, Lease>) {
        let now = (self.time)();
        let until = now.plus_ms(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        let next = Term(self.term.0 + 1);
        let mut leases = self.leases.clone();
        for partition in wanted.iter() {
            let term = match leases.get(&partition) {
                Some(lease) if lease.holder == writer => lease.term,
                Some(lease) if lease.until > now => continue,
                _ => next,
            };
            let lease = Lease { holder: writer, term, until };
            changes.put_with(|out| LeaseKey(partition).append(out), |out| record::encode(&lease, out));
            leases.insert(partition, lease);
        }
        let held = || leases.iter().filter(|(_, lease)| lease.holder == writer);
        let holding = Holding {
            partitions: held().map(|(partition, _)| *partition).collect(),
            term: held().map(|(_, lease)| lease.term).max().unwrap_or_default(),
            until: held().map(|(_, lease)| lease.until).min(),
        };
        (holding, leases)
    }

    /// How the leases will be once this writer has given these partitions back.
    pub(crate) fn release(&self, writer: Epoch, given_back: &Partitions, changes: &mut Changes) -> BTreeMap<u8, Lease> {
        let mut leases = self.leases.clone();
        for (partition, _) in self.held_by(writer).filter(|(partition, _)| given_back.contains(*partition)) {
            changes.delete(&LeaseKey(partition));
            leases.remove(&partition);
        }
        leases
    }

    /// Takes over leases that are now durable. A writer that claims or releases may commit again after a refusal.
    pub(crate) fn hold(&mut self, writer: Epoch, leases: BTreeMap<u8, Lease>) {
        self.term = leases.values().map(|lease| lease.term).fold(self.term, Term::max);
        self.leases = leases;
        self.refused.remove(&writer);
    }

    /// Refuses a batch that its writer may not write, and everything that writer hands over after it.
    pub(crate) fn may_commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(error) = self.refused.get(&batch.epoch) {
            return Err(error.clone());
        }
        let allowed = self.holds(batch).and_then(|()| self.has_seen(batch));
        if let Err(error) = &allowed {
            self.refused.insert(batch.epoch, error.clone());
        }
        allowed
    }

    fn holds(&self, batch: &Batch) -> Result<(), StoreError> {
        for partition in batch.owned().iter() {
            let lease = self.leases.get(&partition);
            if !lease.is_some_and(|lease| lease.holder == batch.epoch && lease.term <= batch.term) {
                let held = lease.map(|lease| lease.holder);
                return Err(StoreError::NotHeld { partition, held, ours: batch.epoch });
            }
        }
        Ok(())
    }

    fn has_seen(&self, batch: &Batch) -> Result<(), StoreError> {
        for key in batch.shared() {
            let newer = |seen: &Position| {
                let written = self.written.get(&key);
                written.is_some_and(|(position, by)| position > seen && *by != batch.epoch)
            };
            if batch.seen.get(&key).is_none_or(newer) {
                return Err(StoreError::Conflict { key });
            }
        }
        Ok(())
    }

    /// Notes that a batch is durable.
    pub(crate) fn committed(&mut self, batch: &Batch) {
        self.position.0 += 1;
        for key in batch.shared() {
            self.written.insert(key, (self.position, batch.epoch));
        }
    }

    /// Reads the leases again after a failure.
    pub(crate) fn reread<S: Space>(&mut self, records: Records<'_, S>) -> Result<(), StoreError> {
        self.leases = reading::leases(records)?;
        Ok(())
    }
}

/// Whether this writer has committed the batch of this number or a later one.
pub(crate) fn has_committed<S: Space>(
    records: Records<'_, S>,
    of: Option<Epoch>,
    writer: Epoch,
    id: BatchId,
) -> Result<bool, StoreError> {
    use crate::damage::UnlessDamaged as _;
    // If the record cannot be read, the answer is no: if the batch was committed after all, its events are recognised
    // as applied when they come again.
    let last = reading::last_batch(records, of).unless_damaged()?;
    Ok(last.is_some_and(|last| last.epoch == writer && id <= last.id))
}
