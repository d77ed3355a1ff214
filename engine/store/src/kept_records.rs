//! One record of every kind and every past version, as files: what was written then can be read today.
//!
//! When a kind is added, or before the first release of a version, run `CADENZA_WRITE_RECORDS=1 cargo test -p
//! cadenza-store` to write the files of the current version again. Files of released versions are never touched again.

use crate::check;
use crate::conformance::sample;
use crate::keys::*;
use crate::mark_days::Filter;
use crate::memory::MemoryStore;
use crate::record::{self, FORMAT, Header, VERSION};
use crate::recording::{Remembered, record, record_filter};
use crate::records::*;
use crate::space::Changes;
use cadenza_core::account::{Account, Hold};
use cadenza_core::effect::{Due, Message, Outgoing, Rendered};
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::id::{AccountId, Digest, EffectId, PARTITIONS, RunId};
use cadenza_core::lead::RepId;
use cadenza_core::run::RunState;
use cadenza_core::state::{PoolState, ScheduleState};
use cadenza_core::workflow::{Asks, ScriptId, StepId};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A batch with every kind of record in it.
pub(crate) fn everything(epoch: Epoch) -> Batch {
    let mut batch = sample::intake(epoch, BatchId(9), 1..2);
    batch.leads[0] = sample::call(1);
    let account = Account {
        hold: Some(Hold {
            owner: RepId("ada".to_owned()),
            until: sample::START,
            until_event: Some(EventType::Standard(StandardEvent::DealWon)),
            workflow: Digest(5),
            on_expiry: None,
            leads: vec![sample::lead_id(1)],
        }),
        ..Account::new(AccountId::of_key("domain:acme.example"), "Acme".to_owned())
    };
    batch.accounts.push((account, None));
    let pool = PoolState {
        last_assigned: [(RepId("ada".to_owned()), sample::START)].into(),
        assigned: [(RepId("ada".to_owned()), 7)].into(),
        ..PoolState::default()
    };
    batch.pools.push(("closers".to_owned(), pool));
    batch.schedules.push(("sweep".to_owned(), ScheduleState { handled: Some(sample::START), ..Default::default() }));
    let lead = sample::lead_id(1);
    let row = Outgoing {
        id: EffectId::born(lead, 4),
        lead,
        run: RunId::born(lead, 1),
        attempt: 2,
        via: "mail".to_owned(),
        due: Due::At(sample::START),
        message: Message::Email {
            workflow: Digest(5),
            step: StepId::of("persist"),
            script: ScriptId::of("scripts/mail-1.md"),
            rendered: Some(Rendered {
                to: "ada@example.com".to_owned(),
                subject: "Hi".to_owned(),
                body: "…".to_owned(),
                letter: None,
            }),
        },
        tries: 1,
        started_at: Some(sample::START),
        last_error: Some("503".to_owned()),
        made_at: sample::START,
        redriven: false,
        deferred: None,
        incarnation: 0,
    };
    batch.outbox.push(OutboxWrite::Put(row.clone()));
    let content = DeadContent::Outgoing(Outgoing { id: EffectId::born(lead, 5), ..row });
    let delivery = DeadContent::Incoming {
        source: "web".to_owned(),
        event: "msg_1".to_owned(),
        body: "{".to_owned(),
        raw: Some(vec![b'{', 0xFF].into()),
        content_type: Some("application/json".to_owned()),
        signed: Some("web/1".to_owned()),
        delivery: Some(DeliveryKey(7)),
    };
    let enrolment = DeadContent::Enrolment { lead, workflow: "inbound".to_owned(), event: "ev_1".to_owned() };
    for (id, content) in [(8, content), (9, delivery), (10, enrolment)] {
        let cause = "refused".to_owned();
        let letter = DeadLetter {
            id: DeadLetterId(id),
            at: sample::START,
            cause,
            content,
            again: 2,
            last_at: Some(sample::START),
        };
        batch.outbox.push(OutboxWrite::Bury { was_due: Due::At(sample::START), letter });
    }
    batch.counted = [("leads".to_owned(), 12)].into();
    batch.documents.push((DocumentKey::Clock, Some(vec![1, 2, 3])));
    batch.documents.push((DocumentKey::Workspace, Some(vec![7; 2 * record::VALUE_BYTES_MAX])));
    let mut waits = sample::waiting(2);
    let queued = Some("inbound-fit".to_owned());
    waits.runs[0].state = RunState::Deciding { slot: Asks::Main, since: sample::START, overruns: 0, queued };
    let mut asked = sample::waiting(3);
    asked.runs[0].state = RunState::Deciding { slot: Asks::Main, since: sample::START, overruns: 0, queued: None };
    asked.lead.account = Some(AccountId::of_key("domain:acme.example"));
    asked.runs[0].hears_account = true;
    for state in [waits, asked] {
        batch.leads.push(LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() });
    }
    batch.held.push((AccountId::of_key("domain:acme.example"), sample::lead_id(1), true));
    batch.sent.push(sample::told(1));
    batch
}

/// One key and value of each kind.
fn records() -> BTreeMap<char, (Vec<u8>, Vec<u8>)> {
    let mut changes = Changes::default();
    let header = Header { format: FORMAT, epoch: Epoch(3), partitions: PARTITIONS, incarnation: 0 };
    changes.put_with(|out| HeaderKey.append(out), |out| record::encode(&header, out));
    let lease = record::Lease { holder: Epoch(3), term: Term(2), until: sample::START };
    changes.put_with(|out| LeaseKey(7).append(out), |out| record::encode(&lease, out));
    changes.put_with(|out| NudgeKey.append(out), |out| out.extend_from_slice(&[0; 8]));
    record(&everything(Epoch(3)), None, &mut Remembered::default(), &mut changes);
    record_filter(5, &Filter::of(&[[9; 16]]), &mut Remembered::default(), &mut changes);
    let mut records = BTreeMap::new();
    for (key, value) in changes.iter() {
        if let Some(value) = value {
            records.entry(char::from(key[0])).or_insert_with(|| (key.to_vec(), value.to_vec()));
        }
    }
    records
}

/// Reads a record as the store does. Only a value in pieces needs other records, and the conformance suite reads those.
fn read(kind: char, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    assert_eq!(key.first().copied().map(char::from), Some(kind), "a record lies under its kind");
    check::record(MemoryStore::new().space(), key, value)
}

fn folder(version: u8) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/records/v{version}"))
}

/// Where the record of a kind is kept: `a` and `A` are one file for some file systems.
fn file(kind: char) -> PathBuf {
    let small = if kind.is_ascii_lowercase() { "-small" } else { "" };
    folder(VERSION).join(format!("{kind}{small}.hex"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hexadecimal digits"))
        .collect()
}

#[test]
fn every_kept_record_is_read() {
    let records = records();
    if std::env::var_os("CADENZA_WRITE_RECORDS").is_some() {
        std::fs::create_dir_all(folder(VERSION)).unwrap();
        for (kind, (key, value)) in &records {
            std::fs::write(file(*kind), format!("{}\n{}\n", hex(key), hex(value))).unwrap();
        }
    }
    for version in 1..=VERSION {
        for entry in std::fs::read_dir(folder(version)).expect("the records of this version are kept") {
            let path = entry.unwrap().path();
            let kind = path.file_stem().and_then(|stem| stem.to_str()?.chars().next()).expect("a kind");
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines = text.lines().map(unhex);
            let (key, value) = (lines.next().expect("a key"), lines.next().unwrap_or_default());
            read(kind, &key, &value).unwrap_or_else(|error| {
                panic!("{}: a data folder of version {version} could not be read: {error}", path.display())
            });
        }
    }
    for kind in records.keys() {
        assert!(file(*kind).exists(), "no record of kind `{kind}` is kept: CADENZA_WRITE_RECORDS=1 writes it");
    }
}

#[test]
fn damaged_and_newer_records_are_told_apart() {
    let (key, mut value) = records().remove(&'L').unwrap();
    value[0] = VERSION + 1;
    let newer = read('L', &key, &value);
    assert!(matches!(newer, Err(StoreError::Newer { found: 2, known: 1 })), "{newer:?}");
    for cut in [0, 1, 2, value.len() / 2, value.len() - 1] {
        value[0] = VERSION;
        let damaged = read('L', &key, &value[..cut]);
        assert!(matches!(damaged, Err(StoreError::Corrupt(_))), "the first {cut} bytes of a lead: {damaged:?}");
    }
}
