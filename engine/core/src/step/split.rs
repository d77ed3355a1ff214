//! A/B tests: which arm a lead takes.

use super::Machine;
use crate::id::{RunId, hash64};
use crate::journal::Note;
use crate::state::{ARMS_MAX, DrawnArm};
use crate::workflow::{Split, SplitBy, Step, StepId, Target};

impl Machine<'_> {
    /// The way of the arm that the lead draws. An arm drawn before stands as long as the workflow has it, whatever its share is
    /// now.
    pub(super) fn draw(&mut self, id: RunId, split: &Split, step: &Step) -> Target {
        let Some(definition) = self.definition(id) else { return step.next };
        let workflow = hash64(definition.name.as_bytes());
        let at = StepId::of(&step.id);
        let before = self.state.arms.iter().find(|drawn| drawn.workflow == workflow && drawn.step == at);
        let kept = before.and_then(|drawn| split.arms.iter().find(|arm| StepId::of(&arm.name) == drawn.arm));
        let is_kept = kept.is_some();
        let arm = kept.or_else(|| {
            let whose = match (split.by, self.state.lead.account) {
                (SplitBy::Account, Some(account)) => account.to_string(),
                _ => self.state.lead.id.to_string(),
            };
            let drawn = hash64(format!("{}/{}/{whose}", definition.name, step.id).as_bytes()) % 100;
            let mut upto = 0;
            split.arms.iter().find(|arm| {
                upto += u64::from(arm.share);
                drawn < upto
            })
        });
        let Some(arm) = arm else { return step.next };
        if !is_kept {
            self.state.arms.retain(|drawn| drawn.workflow != workflow || drawn.step != at);
            if self.state.arms.len() == ARMS_MAX {
                self.state.arms.remove(0);
            }
            self.state.arms.push(DrawnArm { workflow, step: at, arm: StepId::of(&arm.name) });
        }
        let note = Note::Drawn {
            run: id.in_journal(),
            step: crate::workflow::StepRef { workflow: definition.digest, step: at },
            arm: arm.name.clone(),
            kept: is_kept,
        };
        self.notes.push(note);
        arm.go
    }
}
