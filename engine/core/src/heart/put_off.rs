//! Messages that were put off, and transitions that bring them forward.
//!
//! A message that is put off lies in the outbox under the time that the gate gave. When a transition changes what the gate says,
//! that time means nothing any more, and the lead's messages there are looked at again at once.

use super::Rules;
use crate::effect::Due;
use crate::gate::{self, Verdict};
use crate::id::RunId;
use crate::lead::Channel;
use crate::run::Run;
use crate::state::LeadState;
use std::collections::BTreeSet;

/// The channels by which messages leave.
const BY_MESSAGE: [Channel; 2] = [Channel::Email, Channel::Message];

/// What puts a lead's messages off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// The gate's verdict on a channel.
    Gate(Channel),
    /// The pause or the standstill of a run.
    Run(RunId),
}

/// Everything that puts a lead's messages off, each with the place where the outbox keeps them.
#[derive(Default)]
pub(super) struct PutOff(BTreeSet<(By, Due)>);

impl PutOff {
    pub(super) fn of(state: &LeadState, rules: Rules<'_>) -> Self {
        let gated = BY_MESSAGE.into_iter().filter_map(|channel| {
            let due = match gate::check(state, channel, &rules.live.settings, rules.now) {
                Verdict::NotBefore { at, .. } => Due::At(at),
                Verdict::Held(_) => Due::OnRelease,
                Verdict::Go | Verdict::Never(_) => return None,
            };
            Some((By::Gate(channel), due))
        });
        let until = |run: &Run| run.paused_until.filter(|at| *at > rules.now);
        let paused = state.runs.iter().filter_map(|run| Some((By::Run(run.id), Due::At(until(run)?))));
        // Under a brake, or while a workflow of a higher priority has the lead.
        let stand = state.runs.iter().filter(|run| run.braked_at.is_some());
        let stand = stand.map(|run| (By::Run(run.id), Due::OnRelease));
        Self(gated.chain(paused).chain(stand).collect())
    }

    /// The places of messages that were put off by something that is gone or has changed.
    pub(super) fn gone_in(&self, after: &Self) -> BTreeSet<Due> {
        self.0.difference(&after.0).map(|(_, due)| *due).collect()
    }
}
