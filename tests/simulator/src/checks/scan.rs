//! Everything that lies on a disk, read record by record.

use crate::disk::Disk;
use crate::faults::Kind;
use cadenza_core::account::Account;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::id::{AccountId, Digest, LeadId};
use cadenza_core::identity::{Identity, IdentityKey, RULES_VERSION};
use cadenza_core::journal::Entry;
use cadenza_core::state::{LeadState, ScheduleState};
use cadenza_core::time::Timestamp;
use cadenza_runtime::past::{Lost, Past};
use cadenza_store::{Commits, DeadLetter, InboxRow, Keyed, Partitions, QuestionKey, QueueKey, Store, Timer};
use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll, Waker};

pub(crate) struct Scan {
    pub(crate) leads: Vec<LeadState>,
    /// The journal of each lead, including the newest entry; empty if it was not wanted.
    pub(crate) journals: BTreeMap<LeadId, Vec<Entry>>,
    /// What entries were computed under, as it was kept; empty if journals were not wanted.
    pub(crate) pasts: BTreeMap<Digest, Result<Past, Lost>>,
    pub(crate) timers: Vec<Timer>,
    pub(crate) queue: Vec<QueueKey>,
    pub(crate) questions: Vec<QuestionKey>,
    pub(crate) unanswered: Vec<LeadId>,
    pub(crate) outbox: Vec<Outgoing>,
    pub(crate) letters: Vec<DeadLetter>,
    pub(crate) identities: Vec<(IdentityKey, Identity)>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) held: BTreeMap<AccountId, Vec<LeadId>>,
    /// Leads that listen to their account, according to the index.
    pub(crate) listeners: Vec<(AccountId, LeadId)>,
    pub(crate) counters: BTreeMap<String, i64>,
    pub(crate) schedules: Vec<(String, ScheduleState)>,
    /// What leads still have to hear.
    pub(crate) inbox: Vec<InboxRow>,
    /// Keys of records that could not be read at some time.
    ever_spoilt: BTreeSet<Vec<u8>>,
}

const EVERYWHERE: Partitions = Partitions::ALL;
/// More than there ever are.
const ALL: usize = 100_000;

impl Scan {
    /// Reads a copy of the disk on which everything can be read.
    pub(crate) fn of(disk: &Disk, with_journals: bool) -> anyhow::Result<Self> {
        let copy = disk.sound_copy();
        let store = Keyed::start(copy.open(), true, Commits::OnCallersThread)?;
        let mut read = std::pin::pin!(Self::read(&store, with_journals));
        // What lies in memory is read at once, so nothing has to be waited for, with or without a runtime.
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
        let mut pasts = BTreeMap::new();
        if with_journals {
            for digest in Past::kept(store).await? {
                pasts.insert(digest, Past::read(store, digest).await?);
            }
        }
        let plugins: BTreeSet<String> =
            store.questions(&EVERYWHERE, None, ALL).await?.into_iter().map(|key| key.plugin).collect();
        let mut questions = Vec::new();
        for plugin in plugins {
            questions.extend(store.questions(&EVERYWHERE, Some(&plugin), ALL).await?);
        }
        let (mut accounts, mut held, mut listeners) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for id in leads.iter().filter_map(|state| state.lead.account).collect::<BTreeSet<_>>() {
            if let Some(account) = store.account(id).await? {
                accounts.insert(id, account);
            }
            held.insert(id, store.held(&EVERYWHERE, id, None, ALL).await?);
            let heard_by = store.listeners(&EVERYWHERE, id, None, ALL).await?;
            listeners.extend(heard_by.into_iter().map(|lead| (id, lead)));
        }
        Ok(Self {
            timers: store.timers(&EVERYWHERE, None, Timestamp::MAX, ALL).await?,
            queue: store.queue(&EVERYWHERE, None, None, ALL).await?,
            questions,
            unanswered: store.unanswered(&EVERYWHERE, None, ALL).await?,
            outbox: store.outbox(&EVERYWHERE, None, Due::OnRelease, ALL).await?,
            letters: store.dead_letters(None, ALL).await?,
            identities: store.identities_of(RULES_VERSION, ALL).await?,
            accounts,
            held,
            listeners,
            counters: store.counters().await?.values,
            schedules: store.schedules().await?,
            inbox: store.inbox(&EVERYWHERE, None, ALL).await?.into_iter().map(|(_, row)| row).collect(),
            leads,
            journals,
            pasts,
            ever_spoilt: BTreeSet::new(),
        })
    }

    /// Whether the record of a lead's present account could not be read at some time.
    pub(crate) fn was_account_spoilt(&self, state: &LeadState) -> bool {
        state.lead.account.is_some_and(|id| self.was_spoilt(Kind::Account, &id.0.to_be_bytes()))
    }

    /// Whether the record of a lead could not be read at some time.
    pub(crate) fn was_lead_spoilt(&self, lead: LeadId) -> bool {
        self.was_spoilt(Kind::Lead, &lead.0.to_be_bytes())
    }

    /// Whether the record of a schedule could not be read at some time.
    pub(crate) fn was_schedule_spoilt(&self, id: &str) -> bool {
        self.was_spoilt(Kind::Schedule, id.as_bytes())
    }

    fn was_spoilt(&self, kind: Kind, key: &[u8]) -> bool {
        self.ever_spoilt.contains(&[&[kind.prefix()][..], key].concat())
    }

    pub(crate) fn journal(&self, lead: LeadId) -> &[Entry] {
        self.journals.get(&lead).map_or(&[], Vec::as_slice)
    }
}
