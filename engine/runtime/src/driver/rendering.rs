//! Which mail is being rendered, noted where it survives the end of the process. Templates are held to limits, but should one end
//! the engine all the same, the next life must not render it again and end too. So the row's id is written to a file of the data
//! folder while its mail is rendered. It is not synced, since what a process has written outlives the process. This costs two
//! short writes for each mail, and nothing for a lead that comes in.

use cadenza_core::id::EffectId;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The file in the data folder, 16 bytes an entry: the row being rendered, then the rows that were being rendered when a life of
/// the engine ended, one for each such life.
const FILE: &str = "rendering";
const ID_BYTES: usize = 16;
/// How many such ends are remembered; the oldest is forgotten.
const ENDED_MAX: usize = 64;
/// When this many lives ended with one row it is not chance: a kill or a power cut seldom meets the same rendering twice.
const LIVES: usize = 2;

/// The error of a row that is not rendered again.
pub(super) const GIVEN_UP: &str = "the engine ended twice while it was being rendered, so it is not tried again by itself; look at its script, then drive it again";

/// The row that is being rendered, and the rows with which earlier lives ended.
pub(crate) struct Rendering {
    file: File,
    /// One entry for each life, the latest last.
    ended: Vec<EffectId>,
}

impl Rendering {
    /// Reads what earlier lives left behind.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(data.join(FILE))?;
        let mut bytes = Vec::new();
        file.by_ref().take(((ENDED_MAX + 1) * ID_BYTES) as u64).read_to_end(&mut bytes)?;
        let ids = bytes.chunks_exact(ID_BYTES).filter_map(|id| id.try_into().ok()).map(u128::from_be_bytes);
        let mut ended: Vec<EffectId> = ids.map(EffectId).collect();
        if !ended.is_empty() {
            // The file begins with the row that was being rendered, which is the latest.
            ended.rotate_left(1);
        }
        if let Some(row) = ended.last().filter(|row| row.0 != 0) {
            tracing::error!(message = %row, "the engine ended while this mail was being rendered; after twice it is given up");
        }
        ended.retain(|row| row.0 != 0);
        let rendering = Self { file, ended };
        rendering.write()?;
        Ok(rendering)
    }

    fn write(&self) -> io::Result<()> {
        let mut bytes = vec![0; ID_BYTES];
        let skip = self.ended.len().saturating_sub(ENDED_MAX);
        bytes.extend(self.ended.iter().skip(skip).flat_map(|id| id.0.to_be_bytes()));
        self.file.write_all_at(&bytes, 0)?;
        self.file.set_len(bytes.len() as u64)
    }

    /// Whether so many lives ended with this row that it is to blame.
    pub(super) fn ends_lives(&self, row: EffectId) -> bool {
        self.ended.iter().filter(|ended| **ended == row).count() >= LIVES
    }

    /// Forgets the ends of a row that somebody wants tried again.
    pub(super) fn forgive(&mut self, row: EffectId) {
        if self.ended.contains(&row) {
            self.ended.retain(|ended| *ended != row);
            self.told(self.write());
        }
    }

    /// Renders while the file names the row.
    pub(super) fn under_mark(&self, row: EffectId, render: impl FnOnce()) {
        self.mark(row);
        render();
        self.mark(EffectId(0));
    }

    fn mark(&self, row: EffectId) {
        self.told(self.file.write_all_at(&row.0.to_be_bytes(), 0));
    }

    /// A mail is rendered even if it cannot be marked: a template that ends the engine is the rarer fault.
    fn told(&self, result: io::Result<()>) {
        if let Err(error) = result {
            tracing::warn!(%error, "it cannot be noted which mail is being rendered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_ended_two_lives_is_given_up_until_somebody_drives_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let (row, other) = (EffectId(7), EffectId(8));
        let first = Rendering::open(folder.path()).unwrap();
        first.under_mark(row, || ());
        let second = Rendering::open(folder.path()).unwrap();
        assert!(!second.ends_lives(row), "it was rendered to its end");
        // The process ends while rendering, so nothing after the mark is done. Once may be chance.
        second.mark(row);
        let third = Rendering::open(folder.path()).unwrap();
        assert!(!third.ends_lives(row), "a kill may have met it");
        third.under_mark(other, || ());
        third.mark(row);
        for life in 1..=3 {
            let next = Rendering::open(folder.path()).unwrap();
            assert!(next.ends_lives(row) && !next.ends_lives(other), "life {life}");
        }
        Rendering::open(folder.path()).unwrap().forgive(row);
        let next = Rendering::open(folder.path()).unwrap();
        assert!(!next.ends_lives(row), "somebody wants it tried, and that is kept");
    }

    #[test]
    fn a_file_that_was_cut_short_or_written_over_is_no_reason_not_to_start() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [&b""[..], b"short", &[0xFF; 17], &[7; 5_000]] {
            std::fs::write(folder.path().join(FILE), bytes).unwrap();
            let opened = Rendering::open(folder.path()).unwrap();
            assert!(opened.ended.len() <= ENDED_MAX + 1);
        }
    }
}
