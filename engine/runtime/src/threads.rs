//! Where the driver and those who decide for it run.

/// Whose threads the engine runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// Its own: one of the driver, and some that ask plugins.
    #[default]
    Own,
    /// None but the caller's, where it is a task of a [`tokio::task::LocalSet`]: all of it happens in one order, which a
    /// simulation can play again.
    Callers,
}
