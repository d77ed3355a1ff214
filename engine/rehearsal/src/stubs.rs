//! Decides in place of plugins, as a case says.

use cadenza_core::effect::Question;
use cadenza_core::plugin::{Decision, DecisionFailure, DecisionKind};
use cadenza_core::time::Span;
use cadenza_language::cases::Stub;
use cadenza_runtime::PlayedPool;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The decisions of a case.
pub(crate) struct Stubs {
    by_plugin: BTreeMap<String, Vec<Stub>>,
    /// How many questions each plugin has been asked.
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Stubs {
    pub(crate) fn new(by_plugin: BTreeMap<String, Vec<Stub>>) -> Self {
        Self { by_plugin, asked: Mutex::default() }
    }
}

/// The reason for a missing decision or answer that the case wants.
pub(crate) const WANTED: &str = "the case says that it fails";

impl PlayedPool for Stubs {
    fn decided(&self, question: &Question) -> Option<Result<Decision, DecisionFailure>> {
        let stubs = self.by_plugin.get(&question.plugin)?;
        let number = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = asked.entry(question.plugin.clone()).or_default();
            std::mem::replace(asked, *asked + 1)
        };
        let stub = stubs.get(number).or(stubs.last())?;
        let unfit = || Err(DecisionFailure::Unavailable(format!("the case names no decision for {}", question.kind)));
        Some(match (stub, question.kind) {
            (Stub::Real, _) => return None,
            (Stub::Fails, _) => Err(DecisionFailure::Unavailable(WANTED.to_owned())),
            (Stub::Score { points, segment }, DecisionKind::Scoring) => {
                Ok(Decision::Score { points: *points, segment: *segment, reasons: Vec::new(), rescore_after_s: None })
            }
            (Stub::Track { track, look_again }, DecisionKind::Nurture) => {
                let look_again_s = look_again.map(seconds);
                Ok(Decision::Track { track: track.clone(), look_again_s, reasons: Vec::new() })
            }
            (Stub::Escalate(action), DecisionKind::Escalation) => {
                Ok(Decision::Escalate { action: *action, reasons: Vec::new() })
            }
            _ => unfit(),
        })
    }
}

fn seconds(span: Span) -> u32 {
    u32::try_from(span.approximate_ms() / 1_000).unwrap_or(u32::MAX)
}
