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
    use cadenza_core::effect::{Due, Message};
    use cadenza_core::id::{Digest, EffectId, LeadId, RunId};
    use cadenza_core::lead::RepId;
    use cadenza_core::time::Timestamp;
    use cadenza_core::workflow::{ScriptId, StepId};

    #[test]
    fn a_touch_without_a_permit_never_leaves() {
        let (lead, now) = (LeadId::new(Timestamp::from_ms(1), 1), Timestamp::from_ms(2));
        let (workflow, step, script) = (Digest(7), StepId::of("mail"), ScriptId::of("scripts/mail.md"));
        for (message, leaves) in [
            (Message::Email { workflow, step, script, rendered: None }, false),
            (Message::Text { workflow, step, script, rendered: None }, false),
            (Message::Assigned { to: RepId("ana".to_owned()), role: None }, true),
        ] {
            let row = Outgoing {
                id: EffectId(1),
                lead,
                run: RunId(1),
                attempt: 0,
                via: "post".to_owned(),
                due: Due::At(now),
                message,
                tries: 0,
                started_at: None,
                last_error: None,
                made_at: now,
                redriven: false,
                deferred: None,
                incarnation: 0,
            };
            let may = may_leave(&row, None);
            assert_eq!(may.is_ok(), leaves, "{row:?}");
            assert!(may.err().is_none_or(|error| !error.retry), "it would never be let through");
        }
    }

    #[tokio::test]
    async fn an_attempt_that_panics_has_failed_and_is_made_again() {
        let broken = unpanicked(async { panic!("a fault of this program") }).await.unwrap_err();
        assert!(broken.retry, "{}", broken.cause);
        assert_eq!(unpanicked(async { Ok(None) }).await.ok(), Some(None));
    }
}
