//! Starts the engine: reads the workspace, and runs the driver on a thread of its own.

use crate::brakes::Brakes;
use crate::catalog::{Basis, Catalog, CatalogError, Kept, explain};
use crate::clock::{Clock, ClockKind};
use crate::courier::Courier;
use crate::damage;
use crate::decider::{Decider, PlayedPool};
use crate::driver::{Driver, DriverOptions, Ends, Parts, Rendering};
use crate::engine::{Engine, Progress, Room};
use crate::left_behind;
use crate::meters::Meters;
use crate::threads::{self, Threads};
use anyhow::Context as _;
use cadenza_builds::health::Health;
use cadenza_builds::{Library, PluginError, Registry};
use cadenza_core::calendar::Calendar;
use cadenza_core::paused::Paused;
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::Definitions;
use cadenza_language::Folder;
use cadenza_sandbox::Sandbox;
use cadenza_store::{DocumentKey, DocumentKind, Store, UnlessDamaged as _};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{mpsc, watch};

/// What an engine is started with.
#[derive(Clone)]
pub struct StartOptions {
    pub workspace: PathBuf,
    pub data: PathBuf,
    pub clock: ClockKind,
    /// Where a scaled or virtual clock begins on a new data folder, from the workspace's calendar and the real time. Without it
    /// the clock begins at the real time.
    pub clock_from: Option<fn(&Calendar, Timestamp) -> Timestamp>,
    pub driver: DriverOptions,
    /// Whose threads the engine runs on.
    pub threads: Threads,
    /// What becomes of pooled questions when there is no thread for them. Without it all are answered at once.
    pub played: Option<Arc<dyn PlayedPool>>,
    /// Components of plugins. Without it those of the data folder are used.
    pub library: Option<Arc<Library>>,
    /// What is in force, if that has been read already, as when many engines are started on one folder. Without it the folder is
    /// read.
    pub catalog: Option<Arc<Catalog>>,
}

/// A started engine, and what it could not use of its workspace folder.
pub struct Running {
    pub engine: Engine,
    /// What was wrong with the workspace folder, if the stored workspace was used in its place.
    pub refused: Option<CatalogError>,
}

/// Starts the driver on a store, and returns once recovery is done. A broken folder does not replace a workspace that ran before.
///
/// # Errors
/// When the store cannot be read, or there is no workspace that could run. The error is in words for whoever starts the engine.
pub async fn start(options: StartOptions, store: Arc<dyn Store>, courier: Arc<dyn Courier>) -> anyhow::Result<Running> {
    let (catalog, refused) = match &options.catalog {
        Some(read) => (Catalog::clone(read), None),
        None => read_catalog(&options, store.as_ref()).await?,
    };
    let mut brakes = brakes(store.as_ref(), &catalog).await?;
    let hold_outbox = is_outbox_held(store.as_ref()).await?;
    if hold_outbox {
        brakes.paused.connections.extend(catalog.workspace.connections.keys().cloned());
        tracing::warn!(
            "the outbox is held since the restore: every connection is paused; see GET /v1/outbox, and resume the connections by which \
             messages may leave"
        );
    }
    let catalog = Arc::new(catalog.with_brakes(brakes));
    for (connection, why) in courier.unready(&catalog) {
        tracing::warn!(connection, why, "nothing can be sent by this connection");
    }
    if let Some(end) = catalog.workspace.settings.holidays_end(Clock::real()) {
        tracing::warn!("{end}");
    }
    let from = kept_time(store.as_ref()).await?;
    if let Some(kept) = from.filter(|kept| options.clock == ClockKind::Real && kept.since_ms(Clock::real()) > 0) {
        tracing::warn!(%kept, "the data folder was on a clock of its own, which was ahead of the real one: time goes back");
    }
    let begin = options.clock_from.map(|begin| begin(&catalog.workspace.settings.calendar, Clock::real()));
    let clock = Clock::new(options.clock, from.or(begin));
    let clock = if options.threads == Threads::Callers { clock.on_one_thread() } else { clock };
    let meters = Arc::new(Meters::default());
    let health = Arc::new(Health::new(Clock::real));
    let decider = Decider::new(&catalog, Arc::clone(&meters), &health, options.threads, options.played)?;

    let (commands_to, requests) = mpsc::channel(options.driver.requests_waiting_max);
    let (stop_to, stop) = mpsc::channel(1);
    let (results_to, results) = mpsc::unbounded_channel();
    let (progress, progress_seen) = watch::channel(Progress::default());
    let (catalog_to, catalog_seen) = watch::channel(Arc::clone(&catalog));
    let (data, decision_days) = (options.data.clone(), options.driver.decision_days_max);
    let reserve_bytes = options.driver.free_bytes_reserve;
    let rendering = Rendering::open(&data).context("the file `rendering` in the data folder cannot be used")?;
    let room = Room { free_bytes: Arc::new(move || free_bytes(&data)), reserve_bytes };
    let parts = Parts {
        store: Arc::clone(&store),
        clock: clock.clone(),
        catalog: Arc::clone(&catalog),
        decider,
        courier: Arc::clone(&courier),
        meters: Arc::clone(&meters),
        free_bytes: Box::new({
            let free_bytes = Arc::clone(&room.free_bytes);
            move || free_bytes()
        }),
        rendering,
        options: options.driver,
    };
    let ends = Ends { requests, stop, results, results_to, progress, catalog: catalog_to };
    let driver = Driver::new(parts, ends).await?;
    let draining = Arc::new(AtomicBool::new(false));
    let engine = Engine {
        commands: commands_to,
        stop: stop_to,
        store,
        clock,
        catalog: catalog_seen,
        progress: progress_seen,
        meters,
        courier,
        health,
        draining,
        decision_days,
        rehearsal: Arc::default(),
        room,
        data: Arc::from(options.data.as_path()),
    };
    // Must come before the driver acts on it.
    tell_what_is_left(&engine, &catalog).await;
    match options.threads {
        Threads::Own => run_on_own_thread(driver)?,
        Threads::Callers => threads::on_callers(driver.run()),
    }
    if hold_outbox {
        engine
            .write_documents(vec![
                (DocumentKey::Brakes, Some(serde_json::to_vec(catalog.brakes.as_ref())?)),
                (DocumentKey::HoldOutbox, None),
            ])
            .await?;
    }
    if refused.is_none() {
        let documents = catalog.documents()?;
        engine.activate(catalog, documents).await?;
    }
    if options.threads == Threads::Own {
        crate::followed::watch(engine.clone());
    }
    Ok(Running { engine, refused })
}

/// Logs the work that a folder leaves without a rep, pool or workflow, since the folder may have changed while the engine was
/// stopped.
async fn tell_what_is_left(engine: &Engine, catalog: &Catalog) {
    match left_behind::warnings(engine, None, catalog).await {
        Ok(left) => left.iter().for_each(|left| tracing::warn!(code = left.code, "{}", left.message)),
        Err(error) => tracing::error!(%error, "what the workspace leaves behind cannot be counted"),
    }
}

fn run_on_own_thread(driver: Driver) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    threads::on_own("cadenza-driver", move || {
        let _watch = EndsWithTheDriver;
        runtime.block_on(driver.run());
    })?;
    Ok(())
}

/// Ends the process when the driver panics. What is durable is right, and a restart goes on from there; an engine without a
/// driver would take requests and answer none of them.
struct EndsWithTheDriver;

impl Drop for EndsWithTheDriver {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the driver broke off, and the engine ends; start it again");
            std::process::abort();
        }
    }
}

/// Reads what is in force from the folder, or from the store if the folder is broken.
async fn read_catalog(options: &StartOptions, store: &dyn Store) -> anyhow::Result<(Catalog, Option<CatalogError>)> {
    let mut basis = Basis {
        pinned: Arc::new(pinned(store).await?),
        registry: registry(store).await?,
        library: match &options.library {
            Some(library) => Arc::clone(library),
            None => Arc::new(Library::open(&options.data)?),
        },
        now: Clock::real(),
    };
    mend(&mut basis, &options.workspace)?;
    first_catalog(&options.workspace, store, basis).await
}

/// The definitions that stored runs may have pinned.
async fn pinned(store: &dyn Store) -> anyhow::Result<Definitions> {
    let mut pinned = Definitions::default();
    for (key, bytes) in store.documents(DocumentKind::Definition).await? {
        // Runs that pinned a definition that cannot be read are parked when they are to move, and wait for a person.
        match damage::read::<Kept>(store, &key, &bytes) {
            Some(Kept::Followed(definition)) => pinned.insert(Arc::from(definition)),
            Some(Kept::Past { past }) => pinned.insert_past(past),
            None => {}
        }
    }
    Ok(pinned)
}

/// The builds of plugins as the store has them.
async fn registry(store: &dyn Store) -> anyhow::Result<Registry> {
    Ok(damage::document(store, &DocumentKey::Plugins).await?.unwrap_or_default())
}

/// What was paused. If that cannot be read, everything is: somebody may have had a reason, and releasing later loses nothing.
async fn brakes(store: &dyn Store, catalog: &Catalog) -> anyhow::Result<Brakes> {
    let noted = store.damage().noted();
    match damage::document(store, &DocumentKey::Brakes).await? {
        Some(brakes) => Ok(brakes),
        None if store.damage().noted() == noted => Ok(Brakes::default()),
        None => {
            tracing::error!(
                "what was paused cannot be read: every workflow and connection is paused; resume what may go on"
            );
            Ok(Brakes {
                paused: Paused {
                    workflows: catalog.live.workflows.keys().cloned().collect(),
                    connections: catalog.workspace.connections.keys().cloned().collect(),
                    ..Paused::default()
                },
                ..Brakes::default()
            })
        }
    }
}

/// Whether nothing may leave before a person allows it. If that cannot be read, nothing may: somebody may have wanted it, and
/// releasing later loses nothing.
async fn is_outbox_held(store: &dyn Store) -> anyhow::Result<bool> {
    match store.document(&DocumentKey::HoldOutbox).await {
        Ok(found) => Ok(found.is_some()),
        Err(error) if error.is_damage() => {
            tracing::error!(%error, "whether the outbox is held since a restore cannot be read: it is held");
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where a scaled or virtual clock stood.
async fn kept_time(store: &dyn Store) -> anyhow::Result<Option<Timestamp>> {
    let Some(bytes) = store.document(&DocumentKey::Clock).await.unless_damaged()? else { return Ok(None) };
    let Ok(ms) = <[u8; 8]>::try_from(bytes.as_slice()) else {
        store.damage().note_document(&DocumentKey::Clock, "it is no time");
        return Ok(None);
    };
    Ok(Some(Timestamp::from_ms(i64::from_be_bytes(ms))))
}

/// Removes from the registry what would keep an engine from starting that could run without it. Components that the folder and
/// the program bring are put back first.
fn mend(basis: &mut Basis, root: &Path) -> anyhow::Result<()> {
    let Basis { registry, library, now, .. } = basis;
    if let Ok(folder) = Folder::read(root) {
        // Faults of the folder are reported when it is read in earnest.
        let _ = cadenza_builds::offers(library, root, &cadenza_language::plugin_settings(&folder));
    }
    let sandbox = RefCell::new(Sandbox::new(library.limits())?);
    registry.mend(*now, |name, hash| {
        let compiled = library.compiled(name, hash)?;
        let load = |cause| PluginError::Load { name: name.to_owned(), cause };
        sandbox.borrow_mut().load_compiled(&compiled, None).map(|_| ()).map_err(load)
    });
    Ok(())
}

/// The folder's workspace. If the folder is broken and the store has a workspace, that one, with the builds of plugins that it
/// ran with.
async fn first_catalog(
    root: &Path,
    store: &dyn Store,
    basis: Basis,
) -> anyhow::Result<(Catalog, Option<CatalogError>)> {
    let error = match Catalog::read(root, basis.clone()) {
        Ok(catalog) => return Ok((catalog, None)),
        Err(error) => error,
    };
    let stored: Option<Folder> = damage::document(store, &DocumentKey::Workspace).await?;
    let Some(folder) = stored else { return Err(explain(error)) };
    let mut basis = basis;
    for (name, hash, by) in cadenza_builds::offers(&basis.library, root, &BTreeMap::new())?.found {
        // The data folder of an earlier version knows no builds yet.
        if basis.registry.get(&name).is_none() {
            basis.registry.offer(&name, hash, by, basis.now);
        }
    }
    let catalog = Catalog::of(folder, root, basis, cadenza_builds::Troubles::new()).map_err(explain)?;
    Ok((catalog, Some(error)))
}

/// Bytes free where the data lies; the largest number if the system does not say.
fn free_bytes(data: &Path) -> u64 {
    rustix::fs::statvfs(data).map_or(u64::MAX, |room| room.f_bavail.saturating_mul(room.f_frsize))
}
