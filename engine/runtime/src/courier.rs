//! What carries messages away: all that the engine knows of it. How a connection is spoken to is its own business.

use crate::catalog::Catalog;
use cadenza_core::effect::Outgoing;
use cadenza_core::event::Reply;
use cadenza_core::gate::Permit;
use cadenza_core::time::{SECOND_MS, Span};
use std::sync::Arc;

/// Why an attempt to send failed.
#[derive(Clone, Debug)]
pub struct SendError {
    /// What went wrong.
    pub cause: String,
    /// Whether trying again can help.
    pub retry: bool,
    /// The other side asked to wait so long, in real milliseconds.
    pub retry_after_ms: Option<u64>,
}

pub use cadenza_core::event::ANSWER_BYTES_MAX;

/// What the other side answered to a request, whether it did what was asked or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Whether the other side says that the body is JSON.
    pub is_json: bool,
    /// The body, of at most [`ANSWER_BYTES_MAX`] bytes.
    pub body: String,
    /// Whether there are more bytes than that; then there is no body here.
    pub too_large: bool,
}

impl Response {
    /// Whether the other side did what was asked, and what it says can be read.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.status, 200..=299) && !self.too_large
    }
}

/// Whether an answer to a request says that the same may be asked again later: the other side is at fault or has too much to
/// do, or it came too early or too late.
pub const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

/// How an attempt ended: what was answered to a request, and none for anything else that was handed over.
pub type Ended = Result<Option<Response>, SendError>;

/// The same, with what its step keeps of the answer instead of the answer.
pub(crate) type Sent = Result<Option<Reply>, SendError>;

/// Hears how an attempt ended.
pub type Attempted = Box<dyn FnOnce(Outgoing, Ended) + Send>;

/// Carries messages away.
pub trait Courier: Send + Sync {
    /// Makes one attempt, under the row's id as its idempotency key; `done` hears how it ended. A touch comes with its
    /// permit, which is used up here. Never blocks.
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted);

    /// Connections of a workspace that nothing could be sent by as things are, and why.
    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)>;
}

/// How often and how soon a connection is tried again.
#[derive(Clone, Copy, Debug)]
pub struct RetryLimits {
    /// Attempts before it becomes a dead letter.
    pub attempts_max: u16,
    first_ms: i64,
    longest_ms: i64,
}

impl RetryLimits {
    const NONE: Self = Self { attempts_max: 1, first_ms: 60 * SECOND_MS, longest_ms: 60 * SECOND_MS };

    /// Those of a connection.
    pub fn of(catalog: &Catalog, via: &str) -> Self {
        let ms = |span: Span| span.approximate_ms();
        catalog.workspace.connections.get(via).map_or(Self::NONE, |connection| Self {
            attempts_max: connection.attempts_max,
            first_ms: ms(connection.backoff),
            longest_ms: ms(connection.backoff_max),
        })
    }

    /// The wait after so many attempts: doubled each time, or what the other side asks for, within the limit.
    pub(crate) fn backoff_ms(&self, tries: u16, asked_ms: Option<u64>) -> i64 {
        let doubled = self.first_ms.saturating_mul(1_i64 << u32::from(tries.saturating_sub(1)).min(20));
        let asked = asked_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        doubled.max(asked).min(self.longest_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_made_to_wait_longer_than_the_connection_allows() {
        let limits = RetryLimits { attempts_max: 12, first_ms: 2_000, longest_ms: 3_600_000 };
        for (tries, asked_ms, wait_ms) in [
            (1, None, 2_000),
            (1, Some(0), 2_000),
            (3, None, 8_000),
            (1, Some(90_000), 90_000),
            (1, Some(u64::MAX), 3_600_000),
            (60, None, 3_600_000),
        ] {
            assert_eq!(limits.backoff_ms(tries, asked_ms), wait_ms, "after {tries} tries, asked for {asked_ms:?}");
        }
    }
}
