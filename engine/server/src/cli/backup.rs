//! `cadenza backup` and `cadenza restore`: copy everything into one file while the engine runs, and make a
//! data folder from such a file.

use super::Answer;
use super::remote::Remote;
use super::token::{existing, on_opened};
use crate::data_folder;
use crate::say::{counted, output, zone};
use anyhow::{Context as _, bail};
use cadenza_core::effect::Due;
use cadenza_core::time::Timestamp;
use cadenza_runtime::backup::{self, About, Backup as Begun, BackupError, Checking, Restoring, Totals};
use cadenza_runtime::clock::Clock;
use cadenza_sled::{SledOptions, SledSpace, SledStore};
use cadenza_store::{DocumentKey, Pair, Partitions, Restorer, Store, UnlessDamaged as _};
use clap::Args;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Rows of the outbox read at a time.
const PAGE: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write; it must not exist yet
    file: PathBuf,
    /// The data folder of a stopped engine; if left out, a running engine is asked
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
    /// The data folder to make: empty, or not there yet
    #[arg(long, value_name = "DIR", env = "CADENZA_DATA")]
    data: PathBuf,
    /// Start with every connection paused, so that nothing is sent before a person has looked
    #[arg(long)]
    hold_outbox: bool,
}

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let file = &self.file;
        if file.exists() {
            bail!("`{}` is there already: a backup never replaces another file, give it another name", file.display());
        }
        let partial = beside(file, "partial")?;
        let taken = self.take(&partial).and_then(|()| {
            let (about, totals) = check(&partial)?;
            // Renamed only after it has been read to its end, so a file with this name is complete.
            fs::rename(&partial, file).with_context(|| format!("`{}` cannot be written", file.display()))?;
            sync(parent(file))?;
            Ok((about, totals))
        });
        let (about, totals) = taken.inspect_err(|_| {
            let _ = fs::remove_file(&partial);
        })?;
        output::say(&format!(
            "`{}` is a backup of {}: {}, {}, {} bytes.",
            file.display(),
            in_words(about.at),
            counted(usize::try_from(totals.records)?, "record"),
            counted(usize::try_from(totals.components)?, "component"),
            fs::metadata(file)?.len(),
        ));
        output::say(
            "Not in it: secrets (they stay with whoever runs the engine), compiled code, and the workspace's files. Keep it as safe as the \
             data folder: people's names and addresses are in it.",
        );
        Ok(Answer::Yes)
    }

    fn take(&self, partial: &Path) -> anyhow::Result<()> {
        let created = File::options().write(true).create_new(true).mode(0o600).open(partial);
        let created = created.with_context(|| {
            format!("`{}` cannot be made; when it is left of a backup that broke off, remove it", partial.display())
        })?;
        let mut out = BufWriter::new(created);
        match &self.data {
            Some(data) => on_opened(existing(data)?, SledOptions::default(), async |store: &SledStore| {
                // Nothing comes in meanwhile that could need the room.
                let begun = Begun::begin(store, data, || true, now(store).await?).await?;
                begun.write(&mut out)?;
                Ok(())
            })?,
            None => self.remote.client()?.download("/v1/backup", &mut out)?,
        }
        out.flush()?;
        out.get_ref().sync_all()?;
        Ok(())
    }
}

/// The engine's time when it stopped: that of its virtual clock, or else the real time.
async fn now(store: &SledStore) -> anyhow::Result<Timestamp> {
    let kept = store.document(&DocumentKey::Clock).await.unless_damaged()?;
    let ms = kept.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    Ok(ms.map_or_else(Clock::real, Timestamp::from_ms))
}

/// A time in the reader's time zone.
fn in_words(at: Timestamp) -> String {
    zone::in_words(&at.to_string(), &zone::of_reader()).unwrap_or_else(|| at.to_string())
}

fn check(file: &Path) -> anyhow::Result<(About, Totals)> {
    let open = File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    Ok(backup::read(BufReader::new(open), &mut Checking)?)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path next to this one.
fn beside(path: &Path, what: &str) -> anyhow::Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("`{}` is no name of a file", path.display()))?;
    let mut name = name.to_owned();
    name.push(format!(".{what}"));
    Ok(parent(path).join(name))
}

/// Where a restore makes its folder. This is next to the final folder, or inside it if that already exists, because it
/// may be a mount point, which cannot be replaced and which has another disk next to it.
fn place(data: &Path) -> anyhow::Result<PathBuf> {
    if !data.exists() {
        return beside(data, data_folder::RESTORING);
    }
    let making = data.join(data_folder::RESTORING);
    for entry in fs::read_dir(data).with_context(|| format!("`{}` cannot be read", data.display()))? {
        let name = entry?.file_name();
        // File systems make `lost+found` themselves, at their root.
        if name != "lost+found" && name != data_folder::RESTORING {
            bail!("`{}` is not empty: a restore never replaces data, give it a folder of its own", data.display());
        }
    }
    Ok(making)
}

/// Gives a complete folder its final name.
fn give_name(making: &Path, data: &Path) -> std::io::Result<()> {
    if making.parent() != Some(data) {
        fs::rename(making, data)?;
        return sync(parent(data));
    }
    for entry in fs::read_dir(making)? {
        let entry = entry?;
        fs::rename(entry.path(), data.join(entry.file_name()))?;
    }
    sync(data)?;
    // Until this is gone, no engine accepts the folder.
    fs::remove_dir(making)?;
    sync(data)
}

fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

impl Restore {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let data = &self.data;
        let making = place(data)?;
        if making.exists() {
            bail!("`{}` is left of a restore that did not come to its end: remove it and try again", making.display());
        }
        let made = self.make(&making).and_then(|about| {
            give_name(&making, data).with_context(|| format!("`{}` cannot be made", data.display()))?;
            Ok(about)
        });
        let about = made.inspect_err(|_| {
            let _ = fs::remove_dir_all(&making);
        })?;
        self.tell(&about)?;
        Ok(Answer::Yes)
    }

    fn make(&self, making: &Path) -> anyhow::Result<About> {
        let open = File::open(&self.file).with_context(|| format!("`{}` cannot be read", self.file.display()))?;
        data_folder::make_closed(making)?;
        let components = making.join("components");
        fs::create_dir(&components)?;
        let mut into = Into { restorer: cadenza_sled::restore(making)?, components, component: None };
        let (about, _) = backup::read(BufReader::new(open), &mut into)?;
        into.restorer.finish(self.hold_outbox)?;
        // The names of the components in it must be on disk, too.
        sync(&making.join("components"))?;
        sync(making)?;
        Ok(about)
    }

    /// Reports what cannot be known of the time after the backup.
    fn tell(&self, about: &About) -> anyhow::Result<()> {
        let waiting = on_opened(&self.data, SledOptions::default(), async |store: &SledStore| {
            let (mut waiting, mut after) = (BTreeMap::<String, (usize, usize)>::new(), None);
            loop {
                let rows = store.outbox(&Partitions::ALL, after, Due::OnRelease, PAGE).await?;
                for row in &rows {
                    let counts = waiting.entry(row.via.clone()).or_default();
                    counts.0 += 1;
                    counts.1 += usize::from(row.started_at.is_some());
                }
                match rows.last() {
                    Some(last) if rows.len() == PAGE => after = Some((last.due, last.id)),
                    _ => return Ok(waiting),
                }
            }
        })?;
        let backup_of = in_words(about.at);
        output::say(&format!("`{}` is as it was at {backup_of}.", self.data.display()));
        let total: usize = waiting.values().map(|(rows, _)| rows).sum();
        output::say(&format!(
            "What came in and what left after that is not known here. {} waited then; those that have left since leave once more, under the same \
             idempotency keys, by which receivers that look at them drop repeats. What is made from now on has keys of its own.",
            counted(total, "message")
        ));
        for (via, (rows, begun)) in waiting {
            output::say(&format!("  {via}: {}, of them {begun} on their way", counted(rows, "message")));
        }
        output::say(match self.hold_outbox {
            true => {
                "The outbox is held: at the next start every connection is paused. Look at GET /v1/outbox, then resume with POST \
                 /v1/connections/NAME/resume."
            }
            false => "To look before anything leaves, restore with --hold-outbox.",
        });
        Ok(())
    }
}

/// Where a backup is restored to.
struct Into {
    restorer: Restorer<SledSpace>,
    components: PathBuf,
    /// The component whose last piece is still to come.
    component: Option<File>,
}

impl Restoring for Into {
    fn records(&mut self, records: Vec<Pair>) -> Result<(), BackupError> {
        Ok(self.restorer.put(&records)?)
    }

    fn component(&mut self, name: &str, piece: &[u8], is_last: bool) -> Result<(), BackupError> {
        let mut file = match self.component.take() {
            Some(file) => file,
            None => File::options().write(true).create_new(true).open(self.components.join(name))?,
        };
        file.write_all(piece)?;
        match is_last {
            true => file.sync_all()?,
            false => self.component = Some(file),
        }
        Ok(())
    }
}
