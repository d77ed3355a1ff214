//! What holds for every attempt, whatever carries it: a touch needs its permit, and an attempt that panics has failed.

use crate::request::{passing, permanent};
use cadenza_core::effect::Outgoing;
use cadenza_core::gate::Permit;
use cadenza_runtime::courier::{Ended, SendError};

/// Whether a row may leave. The permit is used up.
pub(crate) fn may_leave(row: &Outgoing, permit: Option<Permit>) -> Result<(), SendError> {
    match (row.message.touch(), permit) {
        (Some(channel), Some(permit)) if permit.is_for(row.id, channel) => Ok(()),
        (None, _) => Ok(()),
        (Some(_), _) => Err(permanent("a touch without a permit is never sent".to_owned())),
    }
}

/// Makes an attempt that panics fail like any other, so that it is tried again and its row does not
/// stay in progress forever.
pub(crate) async fn unpanicked(attempt: impl Future<Output = Ended> + Send + 'static) -> Ended {
    let broken = |_| Err(passing("the attempt broke off, a fault of this program".to_owned()));
    tokio::spawn(attempt).await.unwrap_or_else(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_panics_has_failed_and_is_made_again() {
        let broken = unpanicked(async { panic!("a fault of this program") }).await.unwrap_err();
        assert!(broken.retry, "{}", broken.cause);
        assert_eq!(unpanicked(async { Ok(None) }).await.ok(), Some(None));
    }
}
