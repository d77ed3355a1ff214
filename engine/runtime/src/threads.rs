//! Where the driver and the threads that decide for it run: the one place where threads and tasks begin.

#![expect(clippy::disallowed_methods, reason = "this is the one place where threads and tasks begin")]

use std::future::Future;

/// Whose threads the engine runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// Its own: one for the driver, and some that ask plugins.
    #[default]
    Own,
    /// Only the caller's, where the engine is a task of a [`tokio::task::LocalSet`]. Everything happens in one order, which a
    /// simulation can play again.
    Callers,
}

/// Runs `work` on a thread of its own.
pub(crate) fn on_own(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(|_| ())
}

/// Runs a task among the tasks of this thread.
pub(crate) fn on_callers(task: impl Future<Output = ()> + 'static) {
    drop(tokio::task::spawn_local(task));
}

/// Runs a task beside everything else, on any thread.
pub(crate) fn beside(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
