//! What the engine counts of itself, for `/metrics` and the demo's summary. Counters only go up.

use cadenza_builds::Meter;

macro_rules! meters {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:literal),+ $(,)?) => {
        /// Everything that has been counted since the start.
        #[derive(Debug, Default)]
        pub struct Meters { $($(#[doc = $doc])+ pub $name: Meter,)+ }

        impl Meters {
            /// The name, Prometheus type, help and value of each meter.
            pub fn all(&self) -> Vec<(&'static str, &'static str, &'static str, u64)> {
                vec![$((concat!("cadenza_", stringify!($name)), $kind, concat!($($doc),+), self.$name.get())),+]
            }
        }
    };
}

meters! {
    /// Events from outside that were applied.
    events_applied_total: "counter",
    /// Events from outside that had been applied before.
    events_duplicate_total: "counter",
    /// Events and commands refused.
    commands_refused_total: "counter",
    /// Commands that ran again because they needed more than was read for them.
    commands_rerun_total: "counter",
    /// Commits to the store.
    commits_total: "counter",
    /// Commits that failed.
    commits_failed_total: "counter",
    /// Commits that were computed again since another writer came first.
    commits_conflicting_total: "counter",
    /// Records written or taken away by commits.
    commit_records_total: "counter",
    /// Bytes of their keys and values.
    commit_bytes_total: "counter",
    /// Lead records written.
    lead_writes_total: "counter",
    /// Timers that fired.
    timers_fired_total: "counter",
    /// Decisions taken by plugins.
    decisions_total: "counter",
    /// Decisions that failed.
    decisions_failed_total: "counter",
    /// Decisions put off because too many were under way.
    decisions_put_off_total: "counter",
    /// Threads that ask plugins which broke off, by a fault of this program.
    threads_panicked_total: "counter",
    /// Nanoseconds spent in plugins.
    decision_ns_total: "counter",
    /// Fuel burnt by plugins.
    decision_fuel_total: "counter",
    /// Messages that left.
    sent_total: "counter",
    /// Attempts to send that failed.
    send_failures_total: "counter",
    /// Messages given up.
    dead_letters_total: "counter",
    /// Leads enrolled by schedules.
    schedule_enrolled_total: "counter",
    /// Messages on their way.
    sendings_under_way: "gauge",
    /// Decisions that plugins are being asked for on the pool.
    decisions_under_way: "gauge",
    /// Overdue tasks of which nobody could be told.
    escalations_unheard_total: "counter",
    /// Commands waiting for the driver.
    queue_depth: "gauge",
    /// Bytes free where the data lies.
    disk_free_bytes: "gauge",
}
