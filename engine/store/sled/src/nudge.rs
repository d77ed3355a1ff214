//! Wakes a flush that would wait forever.
//!
//! sled 0.34.7 writes its log on threads of its own. When such a write fails, some paths note the error without waking
//! those who wait for the write (`Log::exit_reservation`), and a commit on a failing disk would hang. The next write
//! finds the error and wakes everybody, so while a commit takes long, this thread writes a record without meaning.
//!
//! Must not know: batches, any key but its own.

use cadenza_store::StoreError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A commit that is unfinished at two looks this far apart is nudged, and again at every look after that.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The thread that looks.
pub(super) struct Nudge {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    begun: AtomicU64,
    done: AtomicU64,
    over: Mutex<bool>,
    told: Condvar,
}

/// A commit under way.
pub(super) struct Watched<'a>(&'a Shared);

impl Nudge {
    pub(super) fn start(sled: sled::Db) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("nudge".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || look(&shared, &sled)
        });
        let thread = thread.map_err(|error| StoreError::Io(format!("a thread cannot be started: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// To be held while a commit is under way.
    pub(super) fn watch(&self) -> Watched<'_> {
        self.shared.begun.fetch_add(1, Ordering::SeqCst);
        Watched(&self.shared)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Nudge {
    fn drop(&mut self) {
        *self.shared.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.told.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(shared: &Shared, sled: &sled::Db) {
    let (mut seen, mut nudges) = (0, 0_u64);
    let mut over = shared.over.lock().unwrap_or_else(PoisonError::into_inner);
    while !*over {
        over = shared.told.wait_timeout(over, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        let (done, begun) = (shared.done.load(Ordering::SeqCst), shared.begun.load(Ordering::SeqCst));
        if begun > done && begun == seen {
            // Its result does not matter: the waiting commit is about to get any error.
            let _ = crate::failure::unpanicked(|| {
                // Always another value, because sled does not write what is already there.
                nudges += 1;
                sled.insert(cadenza_store::spare_key(), &nudges.to_be_bytes()).map(drop).map_err(crate::failure::error)
            });
        }
        seen = begun;
    }
}
