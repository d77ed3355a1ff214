//! What the sandbox answered, as a golden case would expect it.

use cadenza_builds::names::readable_backtrace;
use cadenza_core::plugin::{Budget, Decision, DecisionFailure, PluginInfo};
use cadenza_sandbox::{Budgets, Decided};
use cadenza_sdk::golden::{Expect, Length, ReasonCase};

/// An answer in the form of `expect`; a refusal is one too. The error is anything else that happened.
pub fn expected(info: &PluginInfo, answer: &Result<Decision, DecisionFailure>) -> Result<Expect, DecisionFailure> {
    match answer {
        Ok(decision) => Ok(decided(info, decision)),
        Err(DecisionFailure::Refusal(why)) => Ok(refused(why)),
        Err(failure) => Err(failure.clone()),
    }
}

/// A refusal in the form of `expect`.
pub fn refused(why: &str) -> Expect {
    Expect { refusal: Some(why.to_owned()), ..Expect::default() }
}

fn decided(info: &PluginInfo, decision: &Decision) -> Expect {
    let reasons = decision.reasons().iter().map(|reason| {
        let rule = info.rules.iter().find(|rule| rule.id == reason.rule).expect("the sandbox lets no other rule pass");
        ReasonCase(rule.name.clone(), reason.points, reason.value.clone())
    });
    let expect = Expect { reasons: reasons.collect(), ..Expect::default() };
    match decision {
        Decision::Score { points, segment, rescore_after_s, .. } => Expect {
            score: Some(*points),
            segment: Some(segment.to_string()),
            rescore_after: rescore_after_s.map(Length::seconds),
            ..expect
        },
        Decision::Track { track, look_again_s, .. } => {
            Expect { track: Some(track.clone()), look_again: look_again_s.map(Length::seconds), ..expect }
        }
        Decision::Escalate { action, .. } => Expect { action: Some(action.to_string()), ..expect },
    }
}

/// Why a call failed: what the host says, how much was allowed, and the functions that were running.
pub fn failure(failure: &DecisionFailure, decided: &Decided, budgets: &Budgets) -> String {
    let mut text = failure.to_string();
    if matches!(failure, DecisionFailure::Budget(Budget::Log)) {
        let Budgets { log_lines, log_bytes, .. } = budgets;
        text.push_str(&format!(" (allowed: {log_lines} lines, and {log_bytes} bytes in all)"));
    } else if let Some(of) = decided.exceeded {
        text.push_str(&format!(" (allowed: {} {})", of.as_str(), budgets.of(of)));
    }
    for (at, name) in readable_backtrace(&decided.backtrace).iter().enumerate() {
        let place = if at == 0 { "in" } else { "called by" };
        text.push_str(&format!("\n      {place} {name}"));
    }
    text
}
