//! What goes wrong on purpose, as one closed set. A trace says when; this file says what each fault is, and counts that it took
//! place.
//!
//! A new fault gets a variant, a way to be drawn ([`Fault::draw`]), and an arm where it is carried out: in `life.rs` if it ends a
//! life, in `disk.rs` if it is one of the disk, in `post.rs` if it is one of the receivers behind connections.

use crate::dice::Dice;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The process dies after this many turns, with what was under way.
    Crash(u16),
    /// The process is stopped in an orderly way and started again.
    Stop,
    /// After this many turns another process takes the data over, while this one goes on beside it.
    TakenOver(u16),
    /// Nothing of the next batch is kept, and the writer is told so.
    CommitNotKept,
    /// All of the next batch is kept, but the writer is told that it failed.
    CommitHalfKnown,
    /// This many writes and openings fail: the disk is full.
    DiskFull(u8),
    /// In the next life less than the reserve is free where the data lies.
    NoRoom,
    /// A read fails, after this many others.
    ReadFails(u8),
    /// From here on each read takes this many turns; none if zero.
    ReadsLate(u8),
    /// The record at this place among those of a kind cannot be read until the disk is mended.
    Damaged(Kind, u16),
    /// Records that could not be read can be read again, unless they were written anew.
    Mended,
    /// The clock jumps forward by this many minutes, so what falls due on the way is late.
    ClockAhead(u32),
    /// The process dies, and is started with a clock that is this many minutes behind.
    ClockBack(u32),
    /// What happens to the next questions of the pool, in turn.
    Pool(Vec<Answers>),
    /// What happens to the next attempts to send, in turn. All later ones are taken.
    Post(Vec<Attempt>),
    /// This many batches meet a record that another writer has changed.
    Conflict(u8),
    /// Another writer claims what this one holds. The engine learns this from its next batch, and ends.
    HandOver,
    /// A backup is begun, and written this many steps later.
    BackUp(u8),
    /// The data is restored to what it was when the last backup was begun. The value says whether the outbox is held.
    Restored(bool),
}

/// The kinds of records that are damaged. Damage to counters and definitions is reported and tolerated, and a scan would find the
/// loss, so they are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the record of its name")]
pub enum Kind {
    Lead,
    Journal,
    Identity,
    Account,
    Mark,
    OutboxRow,
    DeadLetter,
    Pool,
    Schedule,
}

impl Kind {
    /// Every kind, to draw from.
    pub const ALL: [Self; 9] = [
        Self::Lead,
        Self::Journal,
        Self::Identity,
        Self::Account,
        Self::Mark,
        Self::OutboxRow,
        Self::DeadLetter,
        Self::Pool,
        Self::Schedule,
    ];

    /// The first byte of the keys of these records.
    pub const fn prefix(self) -> u8 {
        match self {
            Self::Lead => b'L',
            Self::Journal => b'J',
            Self::Identity => b'I',
            Self::Account => b'A',
            Self::Mark => b'M',
            Self::OutboxRow => b'E',
            Self::DeadLetter => b'D',
            Self::Pool => b'O',
            Self::Schedule => b'S',
        }
    }
}

/// What happens to a question of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// It is answered at once.
    AtOnce,
    /// It is answered after this many turns, perhaps later than questions that were put after it.
    Late(u16),
    /// The thread panics once, and answers when it is asked again.
    BreaksOff,
    /// The thread panics each time it is asked.
    BreaksOffAgain,
}

/// What happens to an attempt to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    Taken,
    /// It is taken twice, by a fault of the receiver.
    TakenTwice,
    /// It is taken, and the engine hears so this many turns later.
    TakenLate(u16),
    /// It does not get through, and may be tried again.
    Fails,
    /// It does not get through, and is to be tried again after this many seconds.
    FailsFor(u16),
    /// It is taken, but the engine hears that it did not get through.
    TakenUnheard,
    /// It does not get through, and the engine hears so this many turns later.
    FailsLate(u16),
    /// It is refused for good.
    Refused,
    /// It is taken, but the engine never hears so: the attempt is under way until the process dies.
    Silent,
}

/// The name under which each fault is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the fault of its name")]
pub enum Name {
    Crash,
    Stop,
    TakenOver,
    CommitNotKept,
    CommitHalfKnown,
    DiskFull,
    NoRoom,
    ReadFails,
    ReadsLate,
    DamagedLead,
    DamagedJournal,
    DamagedIdentity,
    DamagedAccount,
    DamagedMark,
    DamagedOutboxRow,
    DamagedDeadLetter,
    DamagedPool,
    DamagedSchedule,
    ClockAhead,
    ClockBack,
    Conflict,
    HandOver,
    Restored,
    PoolLate,
    PoolBreaksOff,
    PoolBreaksOffAgain,
    PostTakenTwice,
    PostLate,
    PostFails,
    PostTakenUnheard,
    PostRefused,
    PostSilent,
    Reordered,
    Braked,
    WorkspaceChanged,
    Busy,
    QuestionsWait,
    SendingsWait,
}

impl Name {
    /// Every name: what a long run must have seen.
    pub const ALL: [Self; 38] = [
        Self::Crash,
        Self::Stop,
        Self::TakenOver,
        Self::CommitNotKept,
        Self::CommitHalfKnown,
        Self::DiskFull,
        Self::NoRoom,
        Self::ReadFails,
        Self::ReadsLate,
        Self::DamagedLead,
        Self::DamagedJournal,
        Self::DamagedIdentity,
        Self::DamagedAccount,
        Self::DamagedMark,
        Self::DamagedOutboxRow,
        Self::DamagedDeadLetter,
        Self::DamagedPool,
        Self::DamagedSchedule,
        Self::ClockAhead,
        Self::ClockBack,
        Self::Conflict,
        Self::HandOver,
        Self::Restored,
        Self::PoolLate,
        Self::PoolBreaksOff,
        Self::PoolBreaksOffAgain,
        Self::PostTakenTwice,
        Self::PostLate,
        Self::PostFails,
        Self::PostTakenUnheard,
        Self::PostRefused,
        Self::PostSilent,
        Self::Reordered,
        Self::Braked,
        Self::WorkspaceChanged,
        Self::Busy,
        Self::QuestionsWait,
        Self::SendingsWait,
    ];

    /// The name for damage to a kind of records.
    pub const fn damaged(kind: Kind) -> Self {
        match kind {
            Kind::Lead => Self::DamagedLead,
            Kind::Journal => Self::DamagedJournal,
            Kind::Identity => Self::DamagedIdentity,
            Kind::Account => Self::DamagedAccount,
            Kind::Mark => Self::DamagedMark,
            Kind::OutboxRow => Self::DamagedOutboxRow,
            Kind::DeadLetter => Self::DamagedDeadLetter,
            Kind::Pool => Self::DamagedPool,
            Kind::Schedule => Self::DamagedSchedule,
        }
    }
}

/// How often each fault took place. It is counted when somebody met it, not when it was ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Name, u64>);

impl Tally {
    /// Counts one occurrence.
    pub fn count(&mut self, name: Name) {
        *self.0.entry(name).or_default() += 1;
    }

    /// Adds the counts of another seed.
    pub fn add(&mut self, other: &Self) {
        for (name, times) in &other.0 {
            *self.0.entry(*name).or_default() += times;
        }
    }

    /// How often each fault took place, including those that did not.
    pub fn all(&self) -> impl Iterator<Item = (Name, u64)> {
        Name::ALL.into_iter().map(|name| (name, self.0.get(&name).copied().unwrap_or_default()))
    }
}

impl Fault {
    /// Draws a fault. Faults that end a life are drawn less often than those that a life survives.
    pub fn draw(dice: &mut Dice) -> Self {
        match dice.from_to(0, 99) {
            0..7 => Self::Crash(dice.from_to(0, 60) as u16),
            7..9 => Self::Stop,
            9..11 => Self::TakenOver(dice.from_to(0, 40) as u16),
            11..12 => Self::ClockBack(dice.from_to(1, 24 * 60)),
            12..19 => Self::CommitNotKept,
            19..26 => Self::CommitHalfKnown,
            26..29 => Self::DiskFull(dice.from_to(1, 5) as u8),
            29..30 => Self::NoRoom,
            30..34 => Self::ReadFails(dice.from_to(0, 12) as u8),
            34..38 => Self::ReadsLate(dice.one_of(&[0, 1, 3, 9])),
            38..45 => Self::Damaged(dice.one_of(&Kind::ALL), dice.place()),
            45..50 => Self::Mended,
            50..55 => Self::ClockAhead(dice.from_to(1, 2 * 24 * 60)),
            55..64 => Self::Pool((0..dice.from_to(1, 6)).map(|_| Answers::draw(dice)).collect()),
            64..68 => Self::Conflict(dice.one_of(&[1, 1, 2, 3, 9])),
            68..69 => Self::HandOver,
            69..72 => Self::BackUp(dice.from_to(0, 12) as u8),
            72..73 => Self::Restored(dice.chance(50)),
            _ => Self::Post((0..dice.from_to(1, 8)).map(|_| Attempt::draw(dice)).collect()),
        }
    }
}

impl Answers {
    fn draw(dice: &mut Dice) -> Self {
        match dice.from_to(0, 9) {
            0..3 => Self::AtOnce,
            3..7 => Self::Late(dice.from_to(1, 80) as u16),
            7..9 => Self::BreaksOff,
            _ => Self::BreaksOffAgain,
        }
    }
}

impl Attempt {
    fn draw(dice: &mut Dice) -> Self {
        match dice.from_to(0, 99) {
            0..15 => Self::Taken,
            15..25 => Self::TakenTwice,
            25..40 => Self::TakenLate(dice.from_to(1, 80) as u16),
            40..60 => Self::Fails,
            60..65 => Self::FailsFor(dice.from_to(1, 3_600) as u16),
            65..80 => Self::TakenUnheard,
            80..88 => Self::FailsLate(dice.from_to(1, 80) as u16),
            88..95 => Self::Refused,
            _ => Self::Silent,
        }
    }
}
