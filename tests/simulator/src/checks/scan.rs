//! Everything that lies on a disk, read record by record.

use crate::disk::Disk;
use crate::faults::Kind;
use cadenza_core::account::Account;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::identity::{Identity, IdentityKey, RULES_VERSION};
use cadenza_core::journal::Entry;
use cadenza_core::state::{LeadState, ScheduleState};
use cadenza_core::time::Timestamp;
use cadenza_store::{Commits, DeadLetter, Keyed, Partitions, QuestionKey, QueueKey, Store, Timer};
use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll, Waker};

/// What was found.
pub(crate) struct Scan {
    pub(crate) leads: Vec<LeadState>,
    /// The journal of each lead, the newest entry included; empty when it was not wanted.
    pub(crate) journals: BTreeMap<LeadId, Vec<Entry>>,
    pub(crate) timers: Vec<Timer>,
    pub(crate) queue: Vec<QueueKey>,
    pub(crate) questions: Vec<QuestionKey>,
    pub(crate) outbox: Vec<Outgoing>,
    pub(crate) letters: Vec<DeadLetter>,
    pub(crate) identities: Vec<(IdentityKey, Identity)>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) held: BTreeMap<AccountId, Vec<LeadId>>,
    pub(crate) counters: BTreeMap<String, i64>,
    pub(crate) schedules: Vec<(String, ScheduleState)>,
    /// Keys of records that could not be read at some time.
    ever_spoilt: BTreeSet<Vec<u8>>,
}

const EVERYWHERE: Partitions = Partitions::ALL;
/// More than there ever is.
const ALL: usize = 100_000;

impl Scan {
    /// Reads a copy of the disk, on which everything can be read.
    pub(crate) fn of(disk: &Disk, with_journals: bool) -> anyhow::Result<Self> {
        let copy = disk.sound_copy();
        let store = Keyed::start(copy.open(), true, Commits::OnCallersThread)?;
        let mut read = std::pin::pin!(Self::read(&store, with_journals));
        // What lies in memory is read at once, so nobody has to wait for it, here or in a runtime.
        match read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(scan) => Ok(Self { ever_spoilt: disk.platter().ever_spoilt.clone(), ..scan? }),
            Poll::Pending => anyhow::bail!("a store that answers at once did not"),
        }
    }

    async fn read(store: &dyn Store, with_journals: bool) -> Result<Self, cadenza_store::StoreError> {
        let leads = store.leads(&EVERYWHERE, None, ALL).await?;
        let mut journals = BTreeMap::new();
        for state in leads.iter().filter(|_| with_journals) {
            let mut entries = store.journal(state.lead.id, 0, ALL).await?;
            entries.extend(state.latest.clone());
            journals.insert(state.lead.id, entries);
        }
        let plugins: BTreeSet<String> =
            store.questions(&EVERYWHERE, None, ALL).await?.into_iter().map(|key| key.plugin).collect();
        let mut questions = Vec::new();
        for plugin in plugins {
            questions.extend(store.questions(&EVERYWHERE, Some(&plugin), ALL).await?);
        }
        let (mut accounts, mut held) = (BTreeMap::new(), BTreeMap::new());
        for id in leads.iter().filter_map(|state| state.lead.account).collect::<BTreeSet<_>>() {
            if let Some(account) = store.account(id).await? {
                accounts.insert(id, account);
            }
            held.insert(id, store.held(&EVERYWHERE, id, None, ALL).await?);
        }
        Ok(Self {
            timers: store.timers(&EVERYWHERE, None, Timestamp::MAX, ALL).await?,
            queue: store.queue(&EVERYWHERE, None, None, ALL).await?,
            questions,
            outbox: store.outbox(&EVERYWHERE, None, Due::OnRelease, ALL).await?,
            letters: store.dead_letters(None, ALL).await?,
            identities: store.identities_of(RULES_VERSION, ALL).await?,
            accounts,
            held,
            counters: store.counters().await?.values,
            schedules: store.schedules().await?,
            leads,
            journals,
            ever_spoilt: BTreeSet::new(),
        })
    }

    /// Whether a lead, or the account that it belongs to now, could not be read at some time.
    pub(crate) fn was_spoilt(&self, state: &LeadState) -> bool {
        let key = |kind: Kind, id: u128| [&[kind.prefix()][..], &id.to_be_bytes()].concat();
        self.ever_spoilt.contains(&key(Kind::Lead, state.lead.id.0))
            || state.lead.account.is_some_and(|id| self.ever_spoilt.contains(&key(Kind::Account, id.0)))
    }

    /// Whether any row of the outbox could not be read at some time.
    pub(crate) fn was_a_row_spoilt(&self) -> bool {
        self.ever_spoilt.iter().any(|key| key.first() == Some(&Kind::OutboxRow.prefix()))
    }

    /// The journal of a lead.
    pub(crate) fn journal(&self, lead: LeadId) -> &[Entry] {
        self.journals.get(&lead).map_or(&[], Vec::as_slice)
    }
}
