//! What goes wrong on purpose: one closed set. A trace says when; here it is said what each is, and counted that it took place.
//!
//! A new fault gets a variant, a way to be drawn ([`Fault::draw`]), and an arm where it is carried out: in `life.rs` when it ends
//! a life, in `disk.rs` when it is one of the disk, in `post.rs` when it is one of the other side of a connection.

use crate::dice::Dice;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The process dies, with what was under way, after so many turns.
    Crash(u16),
    /// The process is stopped in an orderly way and started again.
    Stop,
    /// Another process takes the data over while this one goes on, which is heard of so many turns later.
    TakenOver(u16),
    /// Nothing of the next batch is kept, and the writer hears so.
    CommitNotKept,
    /// All of the next batch is kept, and the writer hears that nothing is.
    CommitHalfKnown,
    /// So many writes and openings fail: the disk is full.
    DiskFull(u8),
    /// Less than the reserve is free where the data lies, for as long as a life lasts.
    NoRoom,
    /// The read after so many others fails.
    ReadFails(u8),
    /// Reads take so many turns from here on; none when zero.
    ReadsLate(u8),
    /// Records of a kind cannot be read until the disk is mended: the one at this place among them.
    Damaged(Kind, u16),
    /// What could not be read can be read again, where it was not written anew.
    Mended,
    /// The time jumps forward by so many minutes, without what falls due on the way being done in time.
    ClockAhead(u32),
    /// The process dies and is started on a clock that is as many minutes behind.
    ClockBack(u32),
    /// Questions of the pool fare so from here on, in turn.
    Pool(Vec<Answers>),
    /// Attempts to send fare so from here on, in turn; all that follow are taken.
    Post(Vec<Attempt>),
    /// So many batches meet a record that another writer has changed.
    Conflict(u8),
    /// Another writer claims what this one holds: it hears so from the next batch, and ends.
    HandOver,
    /// A backup is begun, and written after so many steps.
    BackUp(u8),
    /// The data comes back as it was when the last backup was begun; whether its outbox is held.
    Restored(bool),
}

/// Kinds of records that are damaged. Of counters and definitions the loss is told of and lived with, and a scan would find it.
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
    /// All of them.
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

    /// The first byte of their keys.
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

/// How a question of the pool fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// It is answered at once.
    AtOnce,
    /// It is answered after so many turns, perhaps after questions that were put later.
    Late(u16),
    /// The thread breaks off once, and answers when it is asked again.
    BreaksOff,
    /// The thread breaks off whenever it is asked.
    BreaksOffAgain,
}

/// How an attempt to send fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// It is taken.
    Taken,
    /// It is taken, and so again by the other side's own fault.
    TakenTwice,
    /// It is taken, which is heard of so many turns later.
    TakenLate(u16),
    /// It does not get through; it may be tried again.
    Fails,
    /// It does not get through, and is to be tried again after so many seconds.
    FailsFor(u16),
    /// It is taken, but what is heard is that it did not get through.
    TakenUnheard,
    /// It does not get through, which is heard of so many turns later.
    FailsLate(u16),
    /// It is refused for good.
    Refused,
    /// It is taken, and nobody hears of it: until the process dies it is under way.
    Silent,
}

/// Each fault by name, as it is counted.
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
    /// All of them: what a long run must have seen.
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

    /// The damage of a kind of records.
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

/// How often each fault took place: not when it was ordered, but when somebody met it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Name, u64>);

impl Tally {
    /// It took place.
    pub fn count(&mut self, name: Name) {
        *self.0.entry(name).or_default() += 1;
    }

    /// Those of another seed besides.
    pub fn add(&mut self, other: &Self) {
        for (name, times) in &other.0 {
            *self.0.entry(*name).or_default() += times;
        }
    }

    /// How often each took place; those that did not, too.
    pub fn all(&self) -> impl Iterator<Item = (Name, u64)> {
        Name::ALL.into_iter().map(|name| (name, self.0.get(&name).copied().unwrap_or_default()))
    }
}

impl Fault {
    /// Draws one. What ends a life is drawn more seldom than what a life goes on with.
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
