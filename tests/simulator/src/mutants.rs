//! Bugs on purpose, at the seams: each is one that somebody could write into the engine, its store or a courier tomorrow. Some
//! checker has to find each of them, or it checks nothing (`tests/mutants.rs`).

/// One bug.
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
    /// What a key leads to is not always written.
    KeyNotWritten,
    /// A row of the outbox that changes is taken away where it was, and not written where it is.
    RowLostOnUpdate,
    /// A row that is done is not taken away.
    RowNotTakenAway,
    /// A new row is written under two due times.
    RowTwice,
    /// The counters of some batches are counted twice.
    CountedTwice,
    /// A task is not taken out of its queue.
    StaysInTheQueue,
    /// Every second record of some batches is missing.
    TornBatch,
    /// Some reads of a lead show it as it was before.
    StaleRead,
    /// A process that was taken over goes on writing.
    FenceIgnored,
    /// After a failed commit it is said that all was kept, though nothing was.
    LostTakenForKept,
    /// What a schedule remembers is not written.
    ScheduleForgotten,
    /// Some entries of journals are not written.
    JournalEntryNotWritten,
    /// A mail is reported as sent and never leaves.
    SentWithoutLeaving,
    /// Every attempt leaves under a key of its own.
    KeyOfItsOwn,
    /// An attempt leaves with the permit of the one before.
    PermitKept,
    /// An attempt leaves hours later, whatever happened meanwhile.
    LeavesLater,
    /// A retry says something else than the first attempt.
    SaysSomethingElse,
    /// A retry goes to another address than the first attempt.
    GoesElsewhere,
    /// A batch that meets what another writer changed is written all the same.
    ConflictWritten,
    /// A writer that has lost what it held goes on writing.
    HandOverIgnored,
    /// A backup shows what was written after it was begun.
    BackupOfNoMoment,
    /// Messages that are made after a restore leave under keys that others had before it.
    IncarnationForgotten,
    /// Of the leads that hear of their account one is passed over.
    ListenerPassedOver,
    /// Of the leads that hear of their account one comes twice.
    ListenerTwice,
}

impl Mutant {
    /// All of them.
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

    /// The one that is called so in this file.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name)
    }

    /// Whether this change of a batch does not get to the disk.
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
