//! All that the engine knows of what carries messages away. How to talk to a connection is the courier's business.

use crate::catalog::Catalog;
use cadenza_core::effect::Outgoing;
use cadenza_core::event::Reply;
use cadenza_core::gate::Permit;
use cadenza_core::mailer::Mailbox;
use cadenza_core::time::{SECOND_MS, Span};
use std::sync::Arc;

/// Why an attempt to send failed.
#[derive(Clone, Debug)]
pub struct SendError {
    pub cause: String,
    pub retry: bool,
    /// How long the receiver asked to wait, in real milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Whether the receiver may have taken the message all the same, and would take it a second time.
    pub may_have_arrived: bool,
}

pub use cadenza_core::event::ANSWER_BYTES_MAX;

/// The receiver's answer to a request, whether it did what was asked or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Whether the answer says that its body is JSON.
    pub is_json: bool,
    /// The body, at most [`ANSWER_BYTES_MAX`] bytes.
    pub body: String,
    /// Whether the body has more bytes than that. It is then left out.
    pub too_large: bool,
}

impl Response {
    /// Whether the receiver did what was asked, and its answer can be read.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.status, 200..=299) && !self.too_large
    }
}

/// Whether an answer says that the same request may be sent again later: the receiver is at fault or overloaded, or the request
/// came too early or took too long.
pub const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

/// How an attempt ended: with the answer if it was a request, with none for anything else that was handed over.
pub type Ended = Result<Option<Response>, SendError>;

/// How an attempt ended, with what the step keeps of the answer in place of the answer.
pub(crate) type Sent = Result<Option<Reply>, SendError>;

/// Called with how an attempt ended.
pub type Attempted = Box<dyn FnOnce(Outgoing, Ended) + Send>;

/// Carries messages to the receivers behind connections.
pub trait Courier: Send + Sync {
    /// Makes one attempt with the row's id as its idempotency key, and calls `done` when it has ended. A touch comes with its
    /// permit, which is used up here. Never blocks.
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted);

    /// Connections of a workspace by which nothing could be sent as things are, and why.
    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)>;

    /// A rendered message as it would leave, for people to look at.
    fn shown(&self, _: &Catalog, _: &Outgoing) -> Result<String, SendError> {
        let cause = "nothing leaves here".to_owned();
        Err(SendError { cause, retry: false, retry_after_ms: None, may_have_arrived: false })
    }

    /// Tries a connection of the workspace, and calls `done` with what was found. Nothing of a lead leaves; with `to`, a
    /// mail that says what it is goes there. Never blocks.
    fn try_out(self: Arc<Self>, _: Arc<Catalog>, _via: String, _to: Option<Mailbox>, done: Tried) {
        done(Err("nothing leaves here".to_owned()));
    }
}

/// Called with what was found when a connection was tried: what works, or what does not.
pub type Tried = Box<dyn FnOnce(Result<String, String>) + Send>;

/// How often and how soon a message of a connection is tried again.
#[derive(Clone, Copy, Debug)]
pub struct RetryLimits {
    /// Attempts before a message becomes a dead letter.
    pub attempts_max: u16,
    first_ms: i64,
    longest_ms: i64,
}

impl RetryLimits {
    const NONE: Self = Self { attempts_max: 1, first_ms: 60 * SECOND_MS, longest_ms: 60 * SECOND_MS };

    /// The limits of a connection.
    pub fn of(catalog: &Catalog, via: &str) -> Self {
        let ms = |span: Span| span.approximate_ms();
        catalog.workspace.connections.get(via).map_or(Self::NONE, |connection| Self {
            attempts_max: connection.attempts_max,
            first_ms: ms(connection.backoff),
            longest_ms: ms(connection.backoff_max),
        })
    }

    /// The wait after this many attempts: doubled each time, or longer if the receiver asks for it, within the limit.
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
