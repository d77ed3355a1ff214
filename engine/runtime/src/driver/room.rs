//! Free space where the data lies. It is checked now and then, and with too little of it nothing is taken in.

use super::desk::Desk;
use crate::engine::Refused;
use std::time::Duration;

/// How often the free space is checked, in real time.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Room {
    /// Returns how many bytes are free on the disk that holds the data.
    free_bytes: Box<dyn Fn() -> u64 + Send>,
    /// The free bytes, if there are too few.
    out_of_space: Option<u64>,
    checked: Duration,
}

impl Room {
    pub(super) fn new(free_bytes: Box<dyn Fn() -> u64 + Send>, elapsed: Duration) -> Self {
        Self { free_bytes, out_of_space: None, checked: elapsed }
    }

    /// Whether too few bytes were free at the last check.
    pub(super) const fn is_out(&self) -> bool {
        self.out_of_space.is_some()
    }

    pub(super) fn look(&mut self, desk: &Desk) {
        let free = (self.free_bytes)();
        self.checked = desk.clock.elapsed();
        desk.meters.disk_free_bytes.set(free);
        let reserve = desk.options.free_bytes_reserve;
        let was_out = self.is_out();
        self.out_of_space = (free < reserve).then_some(free);
        match (was_out, self.out_of_space) {
            (false, Some(_)) => tracing::error!(
                free,
                reserve,
                "too few bytes are free where the data lies: nothing is taken in until there is room"
            ),
            (true, None) => tracing::info!(free, "there is room where the data lies: what comes is taken in again"),
            _ => {}
        }
    }

    /// The refusal for whoever brings something while there is too little space.
    pub(super) fn refuses(&mut self, desk: &Desk) -> Option<Refused> {
        if desk.clock.elapsed().saturating_sub(self.checked) >= CHECK_EVERY {
            self.look(desk);
        }
        let reserve_bytes = desk.options.free_bytes_reserve;
        self.out_of_space.map(|free_bytes| Refused::NoSpace { free_bytes, reserve_bytes })
    }
}
