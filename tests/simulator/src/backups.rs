//! Backups. One is begun in mid-story, written while the engine goes on, and restored in place of what lies on the disk. The
//! restored data is what was there when the backup was begun, no matter how much was written before its last byte.

use crate::disk::{Disk, Records};
use crate::record::Known;
use cadenza_runtime::backup::{Backup, BackupError, Restoring, read};
use cadenza_store::{Pair, Restorer, Space};

/// The circumstances in which a backup was begun.
pub(crate) struct Then {
    /// What everybody outside knew.
    pub(crate) known: Known,
    /// Records that could not be read, with their sound values.
    pub(crate) spoilt: Records,
}

/// A backup that is not written yet, how many steps later it will be, and the circumstances in which it was begun.
struct Begun {
    backup: Backup,
    steps_left: u8,
    then: Then,
}

/// A backup that was written.
pub(crate) struct Kept {
    file: Vec<u8>,
    then: Then,
}

/// The backups of one trace. There is one at a time, and the last one written is kept.
#[derive(Default)]
pub(crate) struct Backups {
    begun: Option<Begun>,
    kept: Option<Kept>,
}

impl Backups {
    /// Whether no backup is under way.
    pub(crate) const fn are_written(&self) -> bool {
        self.begun.is_none()
    }

    pub(crate) fn begin(&mut self, backup: Backup, steps_left: u8, then: Then) {
        self.begun = Some(Begun { backup, steps_left, then });
    }

    /// Ends a step. A backup whose time has come is written, unless the store failed meanwhile.
    pub(crate) fn step(&mut self) {
        if let Some(Begun { steps_left, .. }) = &mut self.begun
            && *steps_left > 0
        {
            *steps_left -= 1;
        } else if let Some(Begun { backup, then, .. }) = self.begun.take() {
            let mut file = Vec::new();
            if backup.write(&mut file).is_ok() {
                self.kept = Some(Kept { file, then });
            }
        }
    }

    /// Ends the process: a backup that it had not written is lost.
    pub(crate) fn end(&mut self) {
        self.begun = None;
    }

    /// The last backup that was written.
    pub(crate) const fn take(&mut self) -> Option<Kept> {
        self.kept.take()
    }
}

impl Kept {
    /// Restores the backup in place of what is on the disk. Returns what everybody outside knew when it was begun.
    ///
    /// # Errors
    /// When it cannot be read to its end, or is not accepted.
    pub(crate) fn restore(self, disk: &Disk, hold_outbox: bool) -> Result<Known, BackupError> {
        let Self { file, then: Then { known, spoilt } } = self;
        disk.empty(spoilt);
        let mut onto = Onto(Restorer::into_empty(disk.open())?);
        read(file.as_slice(), &mut onto)?;
        onto.0.finish(hold_outbox)?;
        Ok(known)
    }
}

/// What a backup is restored onto. Components of plugins are the program's own here.
struct Onto<S>(Restorer<S>);

impl<S: Space> Restoring for Onto<S> {
    fn records(&mut self, records: Vec<Pair>) -> Result<(), BackupError> {
        Ok(self.0.put(&records)?)
    }

    fn component(&mut self, _: &str, _: &[u8], _: bool) -> Result<(), BackupError> {
        Ok(())
    }
}
