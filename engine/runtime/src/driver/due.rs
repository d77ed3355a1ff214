//! What falls due, and how long the driver may sleep until then; the room on the disk.

use super::Driver;
use crate::engine::Refused;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_store::{MARK_DAYS, StoreError};
use std::time::Duration;

/// How often the room on the disk is looked at, in real time.
const SPACE_CHECK_EVERY: Duration = Duration::from_secs(1);
/// The longest the driver sleeps without looking at its clocks, in real time: the system's may be set, or have slept.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// How often some of the marks that are too old are dropped, in real time, so that intake hardly notices.
const FORGET_EVERY: Duration = Duration::from_millis(50);

impl Driver {
    /// Timers, firings, releases, tasks of whoever left, and the outbox: of each a share in every batch, which leaves its room for commands.
    pub(super) async fn do_what_is_due(&mut self) -> Result<(), StoreError> {
        if self.due_in == Some(self.open.number) || self.due_from > self.parts.clock.elapsed() {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let (events, empty) = (self.open.events, self.open.is_empty());
        if self.timers_in.is_none() && self.next_timer <= now {
            self.fire_timers(now).await?;
        }
        if self.sends_in.is_none() && self.next_send <= now {
            self.begin_sendings(now).await?;
        }
        self.ask_who_waits(now).await?;
        self.fire_schedules(now).await?;
        self.release_further(now).await?;
        self.raise_further(now).await?;
        self.seat_further(now).await?;
        self.keep_watching(now).await?;
        if self.open.events > events || empty != self.open.is_empty() {
            self.open.events = events;
            self.due_in = Some(self.open.number);
        }
        self.forget_old_marks(now).await
    }

    /// Marks older than they are promised for are dropped, some at a time.
    pub(super) async fn forget_old_marks(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let today = day(now);
        if self.marks_forgotten != today && self.forget_next <= self.parts.clock.elapsed() {
            if self.parts.store.forget_marks(today.saturating_sub(MARK_DAYS)).await? {
                self.marks_forgotten = today;
            }
            self.forget_next = self.parts.clock.elapsed() + FORGET_EVERY;
        }
        Ok(())
    }

    /// How long until something falls due, in real time.
    pub(super) fn sleep(&self) -> Duration {
        if let Some(stop) = &self.stopping {
            // Nothing more is begun.
            return stop.until.saturating_sub(self.parts.clock.elapsed()).min(SLEEP_MAX);
        }
        if self.due_in == Some(self.open.number) || self.due_from > self.parts.clock.elapsed() {
            // This batch has had its share; the next one begins when the one before it is durable.
            return SLEEP_MAX;
        }
        let timers = if self.timers_in.is_none() { self.next_timer } else { Timestamp::MAX };
        let sends = if self.sends_in.is_none() { self.next_send } else { Timestamp::MAX };
        let next = timers
            .min(sends)
            .min(self.next_firing())
            .min(self.next_release())
            .min(self.next_raising())
            .min(self.next_seating());
        let due = if next == Timestamp::MAX { None } else { self.parts.clock.until(next) };
        let limit = match self.out_of_space {
            _ if self.marks_forgotten != day(self.parts.clock.now()) => FORGET_EVERY,
            Some(_) => SPACE_CHECK_EVERY,
            None => SLEEP_MAX,
        };
        due.unwrap_or(limit).min(limit).min(self.watching.sleep_max())
    }

    pub(super) fn look_at_space(&mut self) {
        let free = (self.parts.free_bytes)();
        self.space_checked = self.parts.clock.elapsed();
        self.parts.meters.disk_free_bytes.set(free);
        let reserve = self.parts.options.free_bytes_reserve;
        let was_out = self.out_of_space.is_some();
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

    /// The free bytes when there are too few to take anything in.
    pub(super) fn no_space(&mut self) -> Option<Refused> {
        if self.parts.clock.elapsed().saturating_sub(self.space_checked) >= SPACE_CHECK_EVERY {
            self.look_at_space();
        }
        let reserve_bytes = self.parts.options.free_bytes_reserve;
        self.out_of_space.map(|free_bytes| Refused::NoSpace { free_bytes, reserve_bytes })
    }
}

/// Days since 1970.
pub(super) fn day(now: Timestamp) -> u32 {
    u32::try_from(now.as_ms().max(0) / DAY_MS).unwrap_or(u32::MAX)
}
