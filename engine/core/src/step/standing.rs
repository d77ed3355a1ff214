//! What a sender says about where a lead stands: consent, stage, owner. Consent is only ever taken away; whoever
//! opted out or was disqualified is not brought back by a list.

use super::Machine;
use crate::event::{Report, Standing};
use crate::journal::Note;
use crate::lead::{Channel, RepId, Stage};
use crate::reading::Why;
use crate::workflow::{Carry, ChosenBy};

impl Machine<'_> {
    pub(super) fn stand(&mut self, standing: &Standing, report: &Report) {
        if standing.opts_out() {
            self.opt_out(&report.source, report.text("reason").map(str::to_owned));
        } else if standing.opted_out == Some(false) && self.state.lead.consent.opted_out.is_some() {
            self.left_out("opted_out", Why::Refused);
        }
        self.refuse(&standing.refused);
        self.bind_refused(&standing.refused, &report.source, None);
        // It is perhaps another lead's stage and owner; what binds an address binds whoever has it.
        if report.only_finds {
            if standing.owner.is_some() {
                self.left_out("owner", Why::Shared);
            }
            if standing.stage.is_some_and(|stage| stage != Stage::Suppressed) {
                self.left_out("stage", Why::Shared);
            }
            return;
        }
        if let Some(owner) = &standing.owner {
            self.owned_outside(owner, report);
        }
        if let Some(stage) = standing.stage {
            self.staged_outside(stage, report);
        }
    }

    /// Adds channels that the lead does not want.
    fn refuse(&mut self, channels: &[Channel]) {
        let consent = &self.state.lead.consent;
        if channels.iter().all(|channel| consent.refused.contains(channel)) {
            return;
        }
        let consent = &mut self.state.lead.consent;
        consent.refused.extend_from_slice(channels);
        consent.refused.sort_unstable();
        consent.refused.dedup();
        let (refused, not_before) = (consent.refused.clone(), consent.not_before);
        self.notes.push(Note::Preferred { refused, not_before });
    }

    fn owned_outside(&mut self, owner: &RepId, report: &Report) {
        if self.state.lead.owner.as_ref() == Some(owner) {
            return;
        }
        if !self.cx.live.settings.team.reps.contains_key(owner) {
            self.left_out("owner", Why::Unknown);
        } else if self.is_older("owner", report.at, |lead| lead.owner.is_some()) {
            self.left_out("owner", Why::Older);
        } else {
            self.told_at("owner", report);
            self.set_owner(owner, ChosenBy::Told, Carry { move_open_tasks: true, watch_previous_owner: true });
        }
    }

    fn staged_outside(&mut self, stage: Stage, report: &Report) {
        let now = self.state.lead.stage;
        match stage {
            // An opt-out, which came first.
            _ if stage == now || stage == Stage::Suppressed => {}
            _ if matches!(now, Stage::Suppressed | Stage::Disqualified) => self.left_out("stage", Why::Refused),
            _ if self.is_older("stage", report.at, |_| true) => self.left_out("stage", Why::Older),
            _ => {
                self.told_at("stage", report);
                self.set_stage(stage);
                if stage == Stage::Disqualified {
                    self.end_all_runs("disqualified");
                }
            }
        }
    }

    /// Of stage and owner only what senders and people tell has an age: what workflows choose is for the time being.
    fn told_at(&mut self, what: &str, report: &Report) {
        let lead = &mut self.state.lead;
        lead.ages.set(what, report.at.min(self.cx.now), lead.created_at);
    }
}
