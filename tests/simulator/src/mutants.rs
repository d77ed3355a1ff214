//! Bugs on purpose, at the seams. Each is a bug that somebody could write into the engine, its store or a courier tomorrow. Some
//! checker has to find each of them, or the checkers check nothing (`tests/mutants.rs`).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A batch is acknowledged before it is written, and lost with the process.
    ReplyBeforeTheFlush,
    /// The marks of some events are not written.
    MarkDropped,
    /// Timers are forgotten when the process dies.
    TimersLostInACrash,
    /// Some timers are not written.
    TimerNotWritten,
    /// Which leads a key leads to is not always written.
    KeyNotWritten,
    /// An outbox row that changes is removed from its old place, and not written at the new one.
    RowLostOnUpdate,
    /// A row that is done is not removed.
    RowNotTakenAway,
    /// A new row is written under two due times.
    RowTwice,
    /// The counters of some batches are counted twice.
    CountedTwice,
    /// A task is not removed from its queue.
    StaysInTheQueue,
    /// Every second record of some batches is missing.
    TornBatch,
    /// Some reads of a lead show an older state.
    StaleRead,
    /// A process that was taken over goes on writing.
    FenceIgnored,
    /// After a failed commit the store says that all was kept, though nothing was.
    LostTakenForKept,
    /// The state of a schedule is not written.
    ScheduleForgotten,
    /// Some entries of journals are not written.
    JournalEntryNotWritten,
    /// A mail is reported as sent and never leaves.
    SentWithoutLeaving,
    /// Every attempt leaves under a key of its own.
    KeyOfItsOwn,
    /// An attempt leaves with the permit of the attempt before it.
    PermitKept,
    /// An attempt leaves hours later, no matter what happened meanwhile.
    LeavesLater,
    /// A retry has another text than the first attempt.
    SaysSomethingElse,
    /// A retry goes to another address than the first attempt.
    GoesElsewhere,
    /// A batch is written although another writer changed what it was computed from.
    ConflictWritten,
    /// A writer goes on writing after it has lost what it held.
    HandOverIgnored,
    /// A backup shows what was written after it was begun.
    BackupOfNoMoment,
    /// Messages made after a restore leave under keys that other messages had before it.
    IncarnationForgotten,
    /// One of the leads that listen to their account is skipped.
    ListenerPassedOver,
    /// One of the leads that listen to their account is listed twice.
    ListenerTwice,
}

impl Mutant {
    /// Every mutant, for the test that finds them all.
    pub const ALL: [Self; 28] = [
        Self::ReplyBeforeTheFlush,
        Self::MarkDropped,
        Self::TimersLostInACrash,
        Self::TimerNotWritten,
        Self::KeyNotWritten,
        Self::RowLostOnUpdate,
        Self::RowNotTakenAway,
        Self::RowTwice,
        Self::CountedTwice,
        Self::StaysInTheQueue,
        Self::TornBatch,
        Self::StaleRead,
        Self::FenceIgnored,
        Self::LostTakenForKept,
        Self::ScheduleForgotten,
        Self::JournalEntryNotWritten,
        Self::SentWithoutLeaving,
        Self::KeyOfItsOwn,
        Self::PermitKept,
        Self::LeavesLater,
        Self::SaysSomethingElse,
        Self::GoesElsewhere,
        Self::ConflictWritten,
        Self::HandOverIgnored,
        Self::BackupOfNoMoment,
        Self::IncarnationForgotten,
        Self::ListenerPassedOver,
        Self::ListenerTwice,
    ];

    /// The mutant of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name)
    }

    /// Whether this change of a batch does not reach the disk.
    pub(crate) fn forgets(self, key: &[u8], is_put: bool, commit: u64, number: usize) -> bool {
        let kind = key.first().copied().unwrap_or_default();
        let seldom = commit % 7 == 3;
        match self {
            Self::MarkDropped => kind == b'M' && seldom,
            Self::TimerNotWritten => kind == b'T' && is_put && seldom,
            Self::KeyNotWritten => kind == b'I' && seldom,
            Self::StaysInTheQueue => kind == b'Q' && !is_put && seldom,
            Self::TornBatch => seldom && number % 2 == 1 && kind != b'H' && kind != b'B',
            Self::ScheduleForgotten => kind == b'S',
            Self::JournalEntryNotWritten => kind == b'J' && seldom,
            Self::RowNotTakenAway => kind == b'E' && !is_put && seldom,
            Self::ReplyBeforeTheFlush
            | Self::TimersLostInACrash
            | Self::RowLostOnUpdate
            | Self::RowTwice
            | Self::CountedTwice
            | Self::StaleRead
            | Self::FenceIgnored
            | Self::LostTakenForKept
            | Self::SentWithoutLeaving
            | Self::KeyOfItsOwn
            | Self::PermitKept
            | Self::LeavesLater
            | Self::SaysSomethingElse
            | Self::GoesElsewhere
            | Self::ConflictWritten
            | Self::HandOverIgnored
            | Self::BackupOfNoMoment
            | Self::IncarnationForgotten
            | Self::ListenerPassedOver
            | Self::ListenerTwice => false,
        }
    }
}
