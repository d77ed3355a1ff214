//! What a sender says about where a lead stands: consent, stage, owner. Consent is only ever withdrawn here: a list
//! does not bring back a lead that opted out or was disqualified.

use super::Machine;
use crate::event::{Report, Standing};
use crate::journal::Note;
use crate::lead::{Channel, RepId, Stage};
use crate::own_words::Said;
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
        // The stage and owner may be those of another lead that shares the key. What binds an
        // address binds every lead that has it.
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
            self.staged_outside(Said { means: stage, own: standing.stage_own.clone() }, report);
        }
    }

    /// Adds channels that the lead refuses.
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
            self.leave_holds(Some(owner));
            self.set_owner(owner, ChosenBy::Told, Carry { move_open_tasks: true, watch_previous_owner: true });
        }
    }

    fn staged_outside(&mut self, stage: Said<Stage>, report: &Report) {
        let (now, own_now) = (self.state.lead.stage, &self.state.lead.stage_own);
        // A suppressed stage is an opt-out, which was handled first. The team's own word for it is kept.
        let only_named = stage.means == now || stage.means == Stage::Suppressed;
        if only_named && (stage.own == *own_now || stage.means == Stage::Suppressed && stage.own.is_none()) {
            return;
        }
        if !only_named && matches!(now, Stage::Suppressed | Stage::Disqualified) {
            self.left_out("stage", Why::Refused);
        } else if self.is_older("stage", report.at, |_| true) {
            self.left_out("stage", Why::Older);
        } else {
            self.told_at("stage", report);
            let disqualified = stage.means == Stage::Disqualified;
            self.set_stage(stage);
            if disqualified {
                self.end_all_runs("disqualified");
            }
        }
    }

    /// Records when a stage or owner was reported. Only what senders and people say has an age; a
    /// workflow's choice is provisional.
    fn told_at(&mut self, what: &str, report: &Report) {
        let lead = &mut self.state.lead;
        lead.ages.set(what, report.at.min(self.cx.now), lead.created_at);
    }
}
