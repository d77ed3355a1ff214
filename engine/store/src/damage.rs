//! What cannot be read. Every read skips it or returns an error, and notes it here once, for
//! whoever looks after the data.
//!
//! A damaged record that is written again leaves the list. The list holds no personal data: what is identified by an
//! address is named by a hash of it.
//!
//! Must not know: where bytes are kept, what is done about damage.

use crate::keys::{
    CounterKey, FilterKey, HeaderKey, HeldKey, Key, LastBatchKey, LeaseKey, ListenerKey, MarkKey, OutboxKey,
    PersonalKey, PiecesKey, PoolKey, ScheduleKey, SkeletonKey, UnansweredKey,
};
use crate::records::{
    DeadLetterId, DocumentKey, FeedKey, InboxKey, QuestionKey, QueueKey, StoreError, Timer, TimerOwner,
};
use cadenza_core::id::{AccountId, LeadId, hash64};
use cadenza_core::identity::IdentityKey;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most records that are listed. Those beyond it are counted every time they are read.
const LISTED_MAX: usize = 1_000;

/// The names of the kinds of records.
pub const KINDS: [&str; 29] = [
    "account",
    "counter",
    "dead letter",
    "definition",
    "document",
    "filter of marks",
    "header",
    "identity",
    "journal entry",
    "last batch",
    "lead",
    "lead that hears of its account",
    "lead under a hold",
    "lease of a partition",
    "mark of an event",
    "number of pieces",
    "outbox row",
    "past workspace",
    "personal part of a journal entry",
    "piece of a value",
    "place in a queue",
    "pool",
    "question that waits",
    "question without an answer",
    "record of the feed",
    "row of the inbox",
    "schedule",
    "timer",
    "token",
];

/// One thing that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its number in the order of discovery, from 1.
    pub number: u64,
    pub kind: &'static str,
    /// Which record it is, without personal data.
    pub what: String,
    pub cause: String,
}

/// Everything that could not be read since the store was opened.
#[derive(Debug, Default)]
pub struct DamageLog {
    found: Mutex<Found>,
    /// How many were noted so far. Read without the lock, because it is nearly always zero.
    noted: AtomicU64,
}

#[derive(Debug, Default)]
struct Found {
    listed: BTreeMap<Vec<u8>, Damaged>,
    by_kind: BTreeMap<&'static str, u64>,
}

impl DamageLog {
    /// Notes that the record under this key cannot be read, unless that is already noted.
    pub(crate) fn note(&self, key: &[u8], error: &StoreError) {
        self.add(key.to_vec(), error, || describe(key));
    }

    /// Notes that a document was read but its content makes no sense to its reader.
    pub fn note_document(&self, key: &DocumentKey, cause: impl std::fmt::Display) {
        self.note(&key.bytes(), &StoreError::Corrupt(cause.to_string()));
    }

    fn add(&self, key: Vec<u8>, error: &StoreError, describe: impl FnOnce() -> (&'static str, String)) {
        let mut found = self.found();
        if found.listed.contains_key(&key) {
            return;
        }
        let (kind, what) = describe();
        *found.by_kind.entry(kind).or_default() += 1;
        let number = self.noted.fetch_add(1, Ordering::SeqCst) + 1;
        if found.listed.len() < LISTED_MAX {
            found.listed.insert(key, Damaged { number, kind, what, cause: error.to_string() });
        }
    }

    /// Forgets the damage of a record that was written again or deleted.
    pub(crate) fn forget(&self, key: &[u8]) {
        self.found().listed.remove(key);
    }

    /// How many were noted so far, including those that have been repaired since.
    pub fn noted(&self) -> u64 {
        self.noted.load(Ordering::SeqCst)
    }

    /// What cannot be read, after this number, in the order of discovery.
    pub fn list(&self, after: u64) -> Vec<Damaged> {
        let mut list: Vec<Damaged> =
            self.found().listed.values().filter(|damaged| damaged.number > after).cloned().collect();
        list.sort_by_key(|damaged| damaged.number);
        list
    }

    /// How many were noted of each kind.
    pub fn by_kind(&self) -> Vec<(&'static str, u64)> {
        self.found().by_kind.iter().map(|(kind, count)| (*kind, *count)).collect()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Treats damage as absence, for a caller that can continue without the record. The damage was noted when it was read.
pub trait UnlessDamaged<T> {
    /// Returns `None` in place of a damaged record.
    ///
    /// # Errors
    /// Whatever else went wrong.
    fn unless_damaged(self) -> Result<Option<T>, StoreError>;
}

impl<T> UnlessDamaged<T> for Result<Option<T>, StoreError> {
    fn unless_damaged(self) -> Result<Option<T>, StoreError> {
        match self {
            Err(error) if error.is_damage() => Ok(None),
            result => result,
        }
    }
}

/// The kind of a record, and which one it is.
fn describe(key: &[u8]) -> (&'static str, String) {
    let (kind, what) = match key.first() {
        Some(b'A') => ("account", named::<AccountId>(key, ToString::to_string)),
        Some(b'B') => ("last batch", named::<LastBatchKey>(key, |_| String::new())),
        Some(b'C') => ("counter", named::<CounterKey>(key, |key| key.0.clone())),
        Some(b'D') => ("dead letter", named::<DeadLetterId>(key, ToString::to_string)),
        Some(b'E') => ("outbox row", named::<OutboxKey>(key, |key| format!("{}, due {}", key.id, key.due))),
        Some(b'F') => return describe_document(key),
        Some(b'G') => ("record of the feed", named::<FeedKey>(key, |key| key.at.to_string())),
        Some(b'H') => ("header", named::<HeaderKey>(key, |_| String::new())),
        Some(b'I') => ("identity", named::<IdentityKey>(key, |key| hashed(&format!("{:?}", key.kind), &key.value))),
        Some(b'J') => ("journal entry", named::<SkeletonKey>(key, |key| format!("{} of {}", key.seq, key.lead))),
        Some(b'L') => ("lead", named::<LeadId>(key, ToString::to_string)),
        Some(b'M') => ("mark of an event", named::<MarkKey>(key, |key| format!("of day {}", key.day))),
        Some(b'N') => ("filter of marks", named::<FilterKey>(key, |key| format!("of day {}", key.0))),
        Some(b'O') => ("pool", named::<PoolKey>(key, |key| key.name.clone())),
        Some(b'P') => (
            "personal part of a journal entry",
            named::<PersonalKey>(key, |key| format!("{} of {}", key.seq, key.lead)),
        ),
        Some(b'Q') => ("place in a queue", named::<QueueKey>(key, |key| key.task.to_string())),
        Some(b'R') => ("row of the inbox", named::<InboxKey>(key, |key| format!("for {}", key.to))),
        Some(b'S') => ("schedule", named::<ScheduleKey>(key, |key| key.0.clone())),
        Some(b'T') => (
            "timer",
            named::<Timer>(key, |(_, owner)| match owner {
                TimerOwner::Lead(id) => id.to_string(),
                TimerOwner::Account(id) => id.to_string(),
            }),
        ),
        Some(b'U') => {
            ("question that waits", named::<QuestionKey>(key, |key| format!("of {} to {}", key.run, key.plugin)))
        }
        Some(b'V') => ("lead under a hold", named::<HeldKey>(key, |key| format!("{} of {}", key.lead, key.account))),
        Some(b'a') => (
            "lead that hears of its account",
            named::<ListenerKey>(key, |key| format!("{} of {}", key.lead, key.account)),
        ),
        Some(b'X') => ("piece of a value", None),
        Some(b'Y') => ("number of pieces", named::<PiecesKey>(key, |key| describe(&key.0).1)),
        Some(b'Z') => ("lease of a partition", named::<LeaseKey>(key, |key| key.0.to_string())),
        Some(b'b') => ("question without an answer", named::<UnansweredKey>(key, |key| key.0.to_string())),
        _ => ("unknown record", None),
    };
    (kind, what.unwrap_or_else(|| hashed("key", &crate::keys::hex(key))))
}

fn describe_document(key: &[u8]) -> (&'static str, String) {
    match DocumentKey::of_bytes(key) {
        Ok(DocumentKey::Definition(digest)) => ("definition", digest.to_string()),
        Ok(DocumentKey::Catalog(digest) | DocumentKey::Part(digest)) => ("past workspace", digest.to_string()),
        // People know a token by the beginning of its hash.
        Ok(DocumentKey::Token(hash)) => ("token", hash.chars().take(12).collect()),
        Ok(other) => ("document", format!("{other:?}").to_lowercase()),
        Err(_) => ("document", hashed("key", &crate::keys::hex(key))),
    }
}

fn named<K: Key>(key: &[u8], name: impl FnOnce(&K) -> String) -> Option<String> {
    K::of_bytes(key).ok().map(|key| name(&key))
}

/// Names something that must not be shown, so that it can be told from others.
fn hashed(what: &str, text: &str) -> String {
    format!("{} #{:016x}", what.to_lowercase(), hash64(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::identity::IdentityKind;

    #[test]
    fn every_kind_that_is_told_of_is_listed() {
        for prefix in (b'A'..=b'Z').chain(*b"ab") {
            // The spare record and the key from a delivery to its letter are never reported by themselves.
            let (kind, _) = describe(&[prefix, 0, 0]);
            assert!(KINDS.contains(&kind) || [b'K', b'W'].contains(&prefix), "{} is a {kind}", char::from(prefix));
        }
    }

    #[test]
    fn it_is_told_once_and_forgotten_when_it_is_sound_again() {
        let (log, key) = (DamageLog::default(), LeadId(7 << 20).bytes());
        let error = StoreError::Corrupt("cut short".to_owned());
        log.note(&key, &error);
        log.note(&key, &error);
        log.note_document(&DocumentKey::Brakes, "no JSON");
        assert_eq!(log.by_kind(), [("document", 1), ("lead", 1)]);
        let told: Vec<String> = log.list(0).into_iter().map(|damaged| damaged.what).collect();
        assert_eq!(told, [LeadId(7 << 20).to_string(), "brakes".to_owned()]);
        assert_eq!(log.list(1).len(), 1, "what was told before is not told again");
        log.forget(&key);
        assert_eq!(log.list(0).len(), 1);
        log.note(&key, &error);
        assert_eq!(log.noted(), 3, "damaged again is news");
    }

    #[test]
    fn the_list_has_an_end_and_the_count_has_none() {
        let log = DamageLog::default();
        for n in 0..LISTED_MAX as u128 + 5 {
            log.note(&LeadId(n << 20).bytes(), &StoreError::Corrupt(String::new()));
        }
        assert_eq!((log.list(0).len(), log.by_kind()), (LISTED_MAX, vec![("lead", LISTED_MAX as u64 + 5)]));
    }

    #[test]
    fn nothing_of_a_person_is_told() {
        let key = IdentityKey { kind: IdentityKind::Email, version: 1, value: "ada@example.com".to_owned() };
        let (kind, what) = describe(&key.bytes());
        assert_eq!(kind, "identity");
        assert!(what.starts_with("email #") && !what.contains("ada"), "{what}");
        let mut torn = key.bytes();
        torn[1] = 200;
        let (_, what) = describe(&torn);
        assert!(!what.contains("ada") && !what.contains(&crate::keys::hex(b"ada")), "{what}");
    }
}
