//! The limits the driver keeps to.

use super::lanes::Shares;
use std::time::Duration;

/// How the driver is set up. Every number is a limit.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// Events in one batch. 64 is what sled takes with the least processor time per lead (`measured.md`); more is slower.
    pub batch_events_max: usize,
    /// Requests that may wait for the driver; more are refused as busy.
    pub requests_waiting_max: usize,
    /// Timers fired in one batch, so that ten thousand due at once do not keep intake out.
    pub batch_timers_max: usize,
    /// Leads looked at in one batch while a schedule fires.
    pub firing_leads_max: usize,
    pub(crate) sendings: Shares,
    /// Pooled decisions under way at once, at most half of them by one plugin. With escalations there may be twice as many.
    pub decisions_max: usize,
    /// How long a stop waits for sendings that are under way, in real time.
    pub sendings_drain: Duration,
    /// Intake stops when fewer bytes than this are free on the disk that holds the data.
    pub free_bytes_reserve: u64,
    /// How long this process holds its partitions without renewing its claim, if several processes write to one store.
    pub lease: Duration,
    /// For how many days the places of decisions are remembered, for replaying them. The decisions themselves stay with their
    /// leads.
    pub decision_days_max: u32,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            batch_events_max: 64,
            requests_waiting_max: 4_096,
            batch_timers_max: 32,
            firing_leads_max: 32,
            sendings: Shares { all: 64, most: 16, least: 4 },
            decisions_max: 1_024,
            sendings_drain: Duration::from_secs(15),
            free_bytes_reserve: 256 * 1024 * 1024,
            lease: Duration::from_secs(30),
            decision_days_max: 90,
        }
    }
}

impl DriverOptions {
    /// The same options with these numbers of sendings under way at once: by all connections together, at most by one of them,
    /// and by each no matter what the others do.
    #[must_use]
    pub const fn with_sendings(mut self, all: usize, most: usize, least: usize) -> Self {
        self.sendings = Shares { all, most, least };
        self
    }
}
