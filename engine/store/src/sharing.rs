//! Who may write: one writer that has everything, fenced off by the next opening, or several that hold partitions for a time
//! and are held to what they have seen of the records that all of them write.
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

/// The store's time: what leases run out by, and nothing else.
pub type StoreTime = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Who may write.
pub(crate) enum Owners {
    /// Whoever opened the store last has everything.
    Sole,
    /// Whoever holds it.
    Several(Several),
}

/// Several writers of one store.
pub(crate) struct Several {
    time: StoreTime,
    /// As they are stored.
    leases: BTreeMap<u8, Lease>,
    /// The last claim.
    term: Term,
    /// Commits since the store was opened.
    position: Position,
    /// Which of them wrote a record last that all may write, and whose it was. What was written before the opening is older
    /// than anything that somebody has seen since.
    written: BTreeMap<SharedKey, (Position, Epoch)>,
    /// Writers of whom a batch was refused, and who have not heard since what they hold.
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

    /// One more writes from now on.
    pub(crate) fn join(&mut self, writer: Epoch) {
        self.open.insert(writer);
    }

    /// One closes; whether it was the last.
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

    /// What this writer has after it claimed these: what nobody holds, what has run out, and what it holds still, for longer.
    /// Appends what changes to `changes`, and says how the leases are once that is durable.
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

    /// How the leases are once this writer has given these back.
    pub(crate) fn release(&self, writer: Epoch, given_back: &Partitions, changes: &mut Changes) -> BTreeMap<u8, Lease> {
        let mut leases = self.leases.clone();
        for (partition, _) in self.held_by(writer).filter(|(partition, _)| given_back.contains(*partition)) {
            changes.delete(&LeaseKey(partition));
            leases.remove(&partition);
        }
        leases
    }

    /// The leases are so now, and durable. A writer that claims has heard what it holds.
    pub(crate) fn hold(&mut self, writer: Epoch, leases: BTreeMap<u8, Lease>) {
        self.term = leases.values().map(|lease| lease.term).fold(self.term, Term::max);
        self.leases = leases;
        self.refused.remove(&writer);
    }

    /// Refuses a batch that its writer may not write, and everything it hands over behind it.
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

    /// A batch is durable.
    pub(crate) fn committed(&mut self, batch: &Batch) {
        self.position.0 += 1;
        for key in batch.shared() {
            self.written.insert(key, (self.position, batch.epoch));
        }
    }

    /// The records were read anew, after a failure.
    pub(crate) fn reread<S: Space>(&mut self, records: Records<'_, S>) -> Result<(), StoreError> {
        self.leases = reading::leases(records)?;
        Ok(())
    }
}

/// The batch that a writer committed last, when it was of this number or a later one.
pub(crate) fn has_committed<S: Space>(
    records: Records<'_, S>,
    of: Option<Epoch>,
    writer: Epoch,
    id: BatchId,
) -> Result<bool, StoreError> {
    use crate::damage::UnlessDamaged as _;
    // When the record cannot be read nobody knows: what was done is then found to be done when it comes again.
    let last = reading::last_batch(records, of).unless_damaged()?;
    Ok(last.is_some_and(|last| last.epoch == writer && id <= last.id))
}
