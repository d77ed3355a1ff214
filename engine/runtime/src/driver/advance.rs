//! The virtual clock. It is set forward from one due time to the next, and everything due at one time is finished before the
//! clock moves on. Requests from outside get one batch at each due time and otherwise wait, so an advance ends no matter how many
//! come in.

use super::Driver;
use crate::engine::{Pace, Refused};
use cadenza_core::time::Timestamp;
use cadenza_store::StoreError;
use tokio::sync::oneshot;

pub(super) struct Advance {
    to: Timestamp,
    pace: Pace,
    /// The batch that stores the last time reached. The answer waits for it.
    stored_in: Option<u64>,
    /// Whether the clock has been set forward since requests were last taken.
    admits: bool,
    reply: oneshot::Sender<Result<Timestamp, Refused>>,
}

impl Advance {
    /// The batch that was to store the time reached was undone.
    pub(super) const fn undone(&mut self) {
        self.stored_in = None;
    }
}

impl Driver {
    pub(super) fn begin_advance(
        &mut self,
        to: Timestamp,
        pace: Pace,
        reply: oneshot::Sender<Result<Timestamp, Refused>>,
    ) {
        if self.desk.clock.kind() != crate::clock::ClockKind::Virtual {
            let _ = reply.send(Err(Refused::NotVirtual));
        } else if self.advancing.is_some() {
            let _ = reply.send(Err(Refused::Busy));
        } else {
            self.advancing = Some(Advance { to, pace, stored_in: None, admits: false, reply });
        }
    }

    /// Whether an advance is under way and everything due so far has been done.
    pub(super) fn advance_is_settled(&self) -> bool {
        self.advancing.is_some()
            && self.is_quiet()
            && self.waiting.is_empty()
            && self.sendings.lanes.is_empty()
            && self.desk.pool.is_idle()
            && self.ends.results.is_empty()
            && self.next_event() > self.desk.clock.now()
    }

    /// Whether requests from outside are taken now.
    pub(super) fn takes_requests(&self) -> bool {
        self.advancing.as_ref().is_none_or(|advance| advance.admits)
    }

    /// A batch of requests was taken.
    pub(super) fn took_requests(&mut self) {
        if let Some(advance) = &mut self.advancing {
            advance.admits = false;
        }
    }

    /// Sets the clock to the next due time. When none is left before the end of the advance, sets it to the end and answers.
    pub(super) fn advance_further(&mut self) -> Result<(), StoreError> {
        let next = self.next_event();
        let Some(advance) = &mut self.advancing else { return Ok(()) };
        if next <= advance.to {
            self.desk.clock.advance_to(next);
            self.desk.keep_clock();
            advance.admits = true;
            if advance.pace == Pace::Once {
                advance.to = next;
            }
            return Ok(());
        }
        if advance.stored_in.is_none() {
            self.desk.clock.advance_to(advance.to);
            advance.stored_in = Some(self.desk.open.number);
            self.desk.keep_clock();
            return Ok(());
        }
        if let Some(advance) = self.advancing.take() {
            let _ = advance.reply.send(Ok(self.desk.clock.now()));
        }
        Ok(())
    }
}
