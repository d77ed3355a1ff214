//! The keys of the one ordered key space: a prefix byte for each kind of record, then its parts, big-endian,
//! so that the byte order is the order of what the keys stand for. What grows with the number of leads is
//! ordered by time wherever possible (ids begin with their time, marks are grouped by day); on sled that is
//! faster by a factor of three.
//!
//! | prefix | key | value |
//! |---|---|---|
//! | `A` | account id | account |
//! | `B` | nothing, or a writer where there are several | epoch and number of the last batch |
//! | `C` | name | counter |
//! | `D` | dead letter id | dead letter |
//! | `E` | due, effect id | outbox row |
//! | `F` | kind, digest or text | document |
//! | `G` | time, epoch, batch | feed: leads that the batch moved, and where its decisions lie |
//! | `H` | | header: format, epoch, partitions, incarnation |
//! | `I` | kind, rules, text | lead id, or the leads and what binds the key |
//! | `J` | lead id, number | journal entry: what may be kept |
//! | `K` | 16 bytes of a delivery's hash | dead letter id |
//! | `L` | lead id | lead with its runs and tasks |
//! | `M` | day, 16 bytes of SHA-256 of the event's id | mark |
//! | `N` | day | filter: which events the day may know |
//! | `O` | name, and a writer where there are several | pool |
//! | `P` | lead id, number | journal entry: what is deleted with the person |
//! | `Q` | assignee, class, due, task id | empty |
//! | `R` | time, epoch, batch, number, lead id | inbox: what a lead is told by the holder of another partition |
//! | `S` | id | schedule |
//! | `T` | time, owner | empty |
//! | `U` | plugin, since, run id | empty: a question that waits for a place in the pool |
//! | `V` | account id, lead id | empty: a lead under the hold of an account that has many |
//! | `W` | | a number without meaning, see `sled/src/nudge.rs` |
//! | `X` | key, number | a piece of a value that is too long for one record |
//! | `Y` | key | how many pieces its value has |
//! | `Z` | partition | who holds it, where there are several writers |
//! | `a` | account id, lead id | empty: a lead with a run that hears what happens to other leads of the account |
//! | `b` | lead id | empty: a lead with a question to a plugin that was put and has no answer |
//!
//! Must not know: values, and what a store does with keys. Data folders are full of these bytes: once released, a
//! prefix or a layout is never changed; new ones are added beside it.

use crate::records::{
    BatchId, DeadLetterId, DeliveryKey, DocumentKey, Epoch, FeedKey, InboxKey, QuestionKey, QueueKey, StoreError,
    Timer, TimerOwner,
};
use cadenza_core::effect::Due;
use cadenza_core::id::{AccountId, Digest, EffectId, LeadId, RunId, TaskId};
use cadenza_core::identity::{IdentityKey, IdentityKind};
use cadenza_core::lead::RepId;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

/// A key that can be written and read back.
pub(crate) trait Key: Sized {
    /// The byte that every key of this kind begins with.
    const PREFIX: u8;
    /// Appends what follows the prefix.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads what follows the prefix.
    fn read(parts: &mut Parts<'_>) -> Option<Self>;

    /// Appends the whole key.
    fn append(&self, out: &mut Vec<u8>) {
        out.push(Self::PREFIX);
        self.write(out);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        self.append(&mut out);
        out
    }

    /// Reads a whole key.
    fn of_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let parsed = || {
            let (&prefix, rest) = bytes.split_first()?;
            let mut parts = Parts(rest);
            let key = Self::read(&mut parts)?;
            (prefix == Self::PREFIX && parts.0.is_empty()).then_some(key)
        };
        parsed().ok_or_else(|| StoreError::Corrupt(format!("key {}", hex(bytes))))
    }
}

/// Where the keys of a kind begin.
pub(crate) fn first<K: Key>() -> Vec<u8> {
    vec![K::PREFIX]
}

/// Where the keys of a kind end: the first key past them.
pub(crate) fn end<K: Key>() -> Vec<u8> {
    vec![K::PREFIX + 1]
}

/// The first key after this one.
pub(crate) fn just_after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// Where to continue reading after a cursor.
pub(crate) fn from_after<K: Key>(cursor: Option<&K>) -> Vec<u8> {
    cursor.map_or_else(first::<K>, |key| just_after(key.bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The part of a key that has not been read yet.
pub(crate) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }
    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }
    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
    fn id(&mut self) -> Option<u128> {
        self.take().map(u128::from_be_bytes)
    }
    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(|bits| Timestamp::from_ms((bits ^ SIGN) as i64))
    }
    /// A writer, or `None` if nothing is left.
    fn writer(&mut self) -> Option<Option<Epoch>> {
        match self.0.is_empty() {
            true => Some(None),
            false => self.number().map(Epoch).map(Some),
        }
    }
    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.rest().to_vec()).ok()
    }
    /// Text followed by other parts.
    fn bounded_text(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            match self.byte()? {
                0 => match self.byte()? {
                    TEXT_END => return String::from_utf8(text).ok(),
                    TEXT_ZERO => text.push(0),
                    _ => return None,
                },
                byte => text.push(byte),
            }
        }
    }
}

/// Flipping this bit makes signed numbers sort by their bytes.
const SIGN: u64 = 1 << 63;
/// After a zero byte: the text ends here. Smaller than [`TEXT_ZERO`], so that a text sorts before its continuations.
const TEXT_END: u8 = 0;
/// After a zero byte: the text has a zero byte here.
const TEXT_ZERO: u8 = 1;

fn put_time(at: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(&((at.as_ms() as u64) ^ SIGN).to_be_bytes());
}
fn put_id(id: u128, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.to_be_bytes());
}
fn put_writer(writer: Option<Epoch>, out: &mut Vec<u8>) {
    if let Some(Epoch(writer)) = writer {
        out.extend_from_slice(&writer.to_be_bytes());
    }
}
fn put_bounded_text(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(TEXT_ZERO);
        }
    }
    out.extend_from_slice(&[0, TEXT_END]);
}

/// The header's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderKey;
impl Key for HeaderKey {
    const PREFIX: u8 = b'H';
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut Parts<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// The key of the last batch's number: the sole writer's, or that of one among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastBatchKey(pub(crate) Option<Epoch>);
impl Key for LastBatchKey {
    const PREFIX: u8 = b'B';
    fn write(&self, out: &mut Vec<u8>) {
        put_writer(self.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.writer().map(Self)
    }
}

/// The key of who holds a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseKey(pub(crate) u8);
impl Key for LeaseKey {
    const PREFIX: u8 = b'Z';
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.byte().map(Self)
    }
}

/// The key of a record without meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NudgeKey;
impl Key for NudgeKey {
    const PREFIX: u8 = b'W';
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut Parts<'_>) -> Option<Self> {
        Some(Self)
    }
}

impl Key for LeadId {
    const PREFIX: u8 = b'L';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.id().map(Self)
    }
}

impl Key for AccountId {
    const PREFIX: u8 = b'A';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.id().map(Self)
    }
}

macro_rules! entry_keys {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name {
            pub(crate) lead: LeadId,
            pub(crate) seq: u64,
        }
        impl Key for $name {
            const PREFIX: u8 = $prefix;
            fn write(&self, out: &mut Vec<u8>) {
                put_id(self.lead.0, out);
                out.extend_from_slice(&self.seq.to_be_bytes());
            }
            fn read(parts: &mut Parts<'_>) -> Option<Self> {
                Some(Self { lead: parts.id().map(LeadId)?, seq: parts.number()? })
            }
        }
    )+};
}
entry_keys! {
    /// The key of the part of a journal entry that may be kept.
    SkeletonKey = b'J',
    /// The key of the part that is deleted with the person. It is separate so that erasing means deleting a range.
    PersonalKey = b'P',
}

impl Key for IdentityKey {
    const PREFIX: u8 = b'I';
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[identity_code(self.kind), self.version]);
        out.extend_from_slice(self.value.as_bytes());
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let code = parts.byte()?;
        let kind = *IDENTITY_KINDS.iter().find(|kind| identity_code(**kind) == code)?;
        Some(Self { kind, version: parts.byte()?, value: parts.text()? })
    }
}

const IDENTITY_KINDS: [IdentityKind; 3] = [IdentityKind::External, IdentityKind::Email, IdentityKind::Phone];

/// For each kind, where the keys made by the rules of a version begin and end.
pub(crate) fn identities_by(version: u8) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    IDENTITY_KINDS.into_iter().map(move |kind| {
        let from = [IdentityKey::PREFIX, identity_code(kind), version];
        (from.to_vec(), vec![from[0], from[1], version + 1])
    })
}

const fn identity_code(kind: IdentityKind) -> u8 {
    match kind {
        IdentityKind::External => 0,
        IdentityKind::Email => 1,
        IdentityKind::Phone => 2,
    }
}

/// The key of an applied event. The event's id is chosen by the sender, so the key holds a cryptographic hash of it,
/// which nobody can make collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MarkKey {
    pub(crate) day: u32,
    pub(crate) event: [u8; 16],
}
impl MarkKey {
    /// The event's part of the key.
    pub(crate) fn hash(event: &str) -> [u8; 16] {
        let hash = Sha256::digest(event.as_bytes());
        *hash.first_chunk().expect("SHA-256 gives 32 bytes")
    }
    /// Where the marks of a day begin.
    pub(crate) const fn first_of(day: u32) -> Self {
        Self { day, event: [0; 16] }
    }
}
impl Key for MarkKey {
    const PREFIX: u8 = b'M';
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.day.to_be_bytes());
        out.extend_from_slice(&self.event);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(Self { day: parts.take().map(u32::from_be_bytes)?, event: parts.take()? })
    }
}

/// The key of the filter of a day's marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FilterKey(pub(crate) u32);
impl Key for FilterKey {
    const PREFIX: u8 = b'N';
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.take().map(u32::from_be_bytes).map(Self)
    }
}

macro_rules! name_keys {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) String);
        impl Key for $name {
            const PREFIX: u8 = $prefix;
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.0.as_bytes());
            }
            fn read(parts: &mut Parts<'_>) -> Option<Self> {
                parts.text().map(Self)
            }
        }
    )+};
}
name_keys! {
    ScheduleKey = b'S',
    /// A counter's key. Each counter has its own record, so that a batch writes only those that changed.
    CounterKey = b'C',
}

/// A pool's key. Where there are several writers, it ends in the writer whose memory it is. No
/// name contains a zero byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolKey {
    pub(crate) name: String,
    pub(crate) of: Option<Epoch>,
}
impl Key for PoolKey {
    const PREFIX: u8 = b'O';
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.as_bytes());
        if self.of.is_some() {
            out.push(0);
            put_writer(self.of, out);
        }
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let bytes = parts.rest();
        let (name, writer) = match bytes.iter().position(|byte| *byte == 0) {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => (bytes, &[] as &[u8]),
        };
        Some(Self { name: String::from_utf8(name.to_vec()).ok()?, of: Parts(writer).writer()? })
    }
}

impl Key for Timer {
    const PREFIX: u8 = b'T';
    fn write(&self, out: &mut Vec<u8>) {
        let (code, id) = match self.1 {
            TimerOwner::Lead(LeadId(id)) => (0, id),
            TimerOwner::Account(AccountId(id)) => (1, id),
        };
        put_time(self.0, out);
        out.push(code);
        put_id(id, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let at = parts.time()?;
        let owner = match parts.byte()? {
            0 => TimerOwner::Lead(LeadId(parts.id()?)),
            1 => TimerOwner::Account(AccountId(parts.id()?)),
            _ => return None,
        };
        Some((at, owner))
    }
}

fn put_assignee(assignee: &Assignee, out: &mut Vec<u8>) {
    let (code, text) = match assignee {
        Assignee::Rep(rep) => (0, rep.0.as_str()),
        Assignee::Pool(pool) => (1, pool.as_str()),
        Assignee::Nobody => (2, ""),
    };
    out.push(code);
    put_bounded_text(text, out);
}

/// Where one queue begins, and the first key past it.
pub(crate) fn queue_of(assignee: &Assignee) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![QueueKey::PREFIX];
    put_assignee(assignee, &mut from);
    let mut to = from.clone();
    // The last byte is TEXT_END, so no other queue lies in between.
    *to.last_mut().expect("an assignee is never empty") = TEXT_END + 1;
    (from, to)
}

impl Key for QueueKey {
    const PREFIX: u8 = b'Q';
    fn write(&self, out: &mut Vec<u8>) {
        put_assignee(&self.assignee, out);
        out.push(self.class);
        put_time(self.due, out);
        put_id(self.task.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let code = parts.byte()?;
        let text = parts.bounded_text()?;
        let assignee = match code {
            0 => Assignee::Rep(RepId(text)),
            1 => Assignee::Pool(text),
            2 => Assignee::Nobody,
            _ => return None,
        };
        Some(Self { assignee, class: parts.byte()?, due: parts.time()?, task: parts.id().map(TaskId)? })
    }
}

/// Where the questions to one plugin begin, and the first key past them.
pub(crate) fn questions_to(plugin: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![QuestionKey::PREFIX];
    put_bounded_text(plugin, &mut from);
    let mut to = from.clone();
    *to.last_mut().expect("a bounded text is never empty") = TEXT_END + 1;
    (from, to)
}

impl Key for QuestionKey {
    const PREFIX: u8 = b'U';
    fn write(&self, out: &mut Vec<u8>) {
        put_bounded_text(&self.plugin, out);
        put_time(self.since, out);
        put_id(self.run.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(Self { plugin: parts.bounded_text()?, since: parts.time()?, run: parts.id().map(RunId)? })
    }
}

/// The key of a lead with a question that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnansweredKey(pub(crate) LeadId);
impl Key for UnansweredKey {
    const PREFIX: u8 = b'b';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.0.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.id().map(LeadId).map(Self)
    }
}

/// The key of a lead under an account's hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HeldKey {
    pub(crate) account: AccountId,
    pub(crate) lead: LeadId,
}
impl Key for HeldKey {
    const PREFIX: u8 = b'V';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.account.0, out);
        put_id(self.lead.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(Self { account: parts.id().map(AccountId)?, lead: parts.id().map(LeadId)? })
    }
}

/// The key of a lead with a run that hears what happens to other leads of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerKey {
    pub(crate) account: AccountId,
    pub(crate) lead: LeadId,
}
impl Key for ListenerKey {
    const PREFIX: u8 = b'a';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.account.0, out);
        put_id(self.lead.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(Self { account: parts.id().map(AccountId)?, lead: parts.id().map(LeadId)? })
    }
}

/// An outbox row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutboxKey {
    pub(crate) due: Due,
    pub(crate) id: EffectId,
}
impl Key for OutboxKey {
    const PREFIX: u8 = b'E';
    fn write(&self, out: &mut Vec<u8>) {
        // Rows without a due time sort behind all others.
        put_time(self.due.at().unwrap_or(Timestamp::MAX), out);
        put_id(self.id.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let at = Some(parts.time()?).filter(|at| *at != Timestamp::MAX);
        Some(Self { due: at.map_or(Due::OnRelease, Due::At), id: parts.id().map(EffectId)? })
    }
}

impl Key for DeadLetterId {
    const PREFIX: u8 = b'D';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.id().map(Self)
    }
}

/// The key under which a delivery's dead letter is found.
impl Key for DeliveryKey {
    const PREFIX: u8 = b'K';
    fn write(&self, out: &mut Vec<u8>) {
        put_id(self.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        parts.id().map(Self)
    }
}

impl Key for FeedKey {
    const PREFIX: u8 = b'G';
    fn write(&self, out: &mut Vec<u8>) {
        put_time(self.at, out);
        out.extend_from_slice(&self.epoch.0.to_be_bytes());
        out.extend_from_slice(&self.batch.0.to_be_bytes());
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(Self { at: parts.time()?, epoch: Epoch(parts.number()?), batch: BatchId(parts.number()?) })
    }
}

impl Key for InboxKey {
    const PREFIX: u8 = b'R';
    fn write(&self, out: &mut Vec<u8>) {
        self.sent.write(out);
        out.extend_from_slice(&self.number.to_be_bytes());
        put_id(self.to.0, out);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let sent = FeedKey::read(parts)?;
        Some(Self { sent, number: parts.take().map(u32::from_be_bytes)?, to: parts.id().map(LeadId)? })
    }
}

/// The kind comes first, so that documents of one kind lie together.
impl Key for DocumentKey {
    const PREFIX: u8 = b'F';
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Definition(digest) => {
                out.push(DEFINITION);
                out.extend_from_slice(&digest.0.to_be_bytes());
            }
            Self::Workspace => out.push(WORKSPACE),
            Self::Token(hash) => {
                out.push(TOKEN);
                out.extend_from_slice(hash.as_bytes());
            }
            Self::Clock => out.push(CLOCK),
            Self::Brakes => out.push(BRAKES),
            Self::Plugins => out.push(PLUGINS),
            Self::Shadows => out.push(SHADOWS),
            Self::HoldOutbox => out.push(HOLD_OUTBOX),
            Self::Catalog(digest) => {
                out.push(CATALOG);
                out.extend_from_slice(&digest.0.to_be_bytes());
            }
            Self::Part(digest) => {
                out.push(PART);
                out.extend_from_slice(&digest.0.to_be_bytes());
            }
        }
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(match parts.byte()? {
            DEFINITION => Self::Definition(Digest(parts.number()?)),
            WORKSPACE => Self::Workspace,
            TOKEN => Self::Token(parts.text()?),
            CLOCK => Self::Clock,
            BRAKES => Self::Brakes,
            PLUGINS => Self::Plugins,
            SHADOWS => Self::Shadows,
            HOLD_OUTBOX => Self::HoldOutbox,
            CATALOG => Self::Catalog(Digest(parts.number()?)),
            PART => Self::Part(Digest(parts.number()?)),
            _ => return None,
        })
    }
}

const DEFINITION: u8 = 0;
const WORKSPACE: u8 = 1;
const TOKEN: u8 = 2;
const CLOCK: u8 = 3;
const BRAKES: u8 = 4;
const PLUGINS: u8 = 5;
const SHADOWS: u8 = 6;
const HOLD_OUTBOX: u8 = 7;
const CATALOG: u8 = 8;
const PART: u8 = 9;

/// Where the documents of a kind begin, and the first key past them.
pub(crate) fn documents_of(kind: crate::records::DocumentKind) -> (Vec<u8>, Vec<u8>) {
    let code = match kind {
        crate::records::DocumentKind::Definition => DEFINITION,
        crate::records::DocumentKind::Token => TOKEN,
        crate::records::DocumentKind::Catalog => CATALOG,
    };
    (vec![DocumentKey::PREFIX, code], vec![DocumentKey::PREFIX, code + 1])
}

/// The key of a piece of a long value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PieceKey<'a> {
    pub(crate) of: &'a [u8],
    pub(crate) number: u32,
}
impl PieceKey<'_> {
    /// Appends the whole key.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        out.push(b'X');
        out.extend_from_slice(self.of);
        out.extend_from_slice(&self.number.to_be_bytes());
    }
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.of.len() + 5);
        self.append(&mut out);
        out
    }
}

/// Notes that a value has pieces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PiecesKey(pub(crate) Vec<u8>);
impl Key for PiecesKey {
    const PREFIX: u8 = b'Y';
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn read(parts: &mut Parts<'_>) -> Option<Self> {
        Some(Self(parts.rest().to_vec()))
    }
}

#[cfg(test)]
mod tests;
