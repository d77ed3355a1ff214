//! The whole corpus, one guest after another in one sandbox. Each ends as it has to, within its budgets, the same way
//! every time and in every sandbox, and a well-behaved plugin among them decides as always.

use crate::{input, sandbox, seven_points};
use cadenza_core::plugin::{Budget, DecisionFailure, DecisionKind, PluginInfo};
use cadenza_sandbox::{Decided, HostLimits, LoadError, Sandbox};
use cadenza_tests::guest::Guest;
use cadenza_tests::hostile::{Ends, Hostile, corpus};

/// How a decision ended.
pub(crate) fn ended(decided: &Decided) -> Ends {
    match &decided.answer {
        Ok(_) => Ends::Decided,
        Err(DecisionFailure::Trap(_)) => Ends::Trap,
        Err(DecisionFailure::Budget(Budget::Fuel)) => Ends::Fuel,
        Err(DecisionFailure::Budget(Budget::Memory)) => Ends::Memory,
        Err(DecisionFailure::Budget(Budget::Output)) => Ends::Output,
        Err(DecisionFailure::Budget(Budget::Log)) => Ends::Log,
        Err(DecisionFailure::BadOutput(_)) => Ends::BadOutput,
        Err(other) => panic!("no hostile guest may end as {other:?}"),
    }
}

/// The longest reason that is shown to people.
const REASON_BYTES_MAX: usize = 8 * 1024;

#[test]
fn every_kind_ends_as_it_has_to_and_the_same_way_in_every_sandbox() {
    let (mut sandbox, mut other) = (sandbox(), sandbox());
    let behaved = sandbox.load(&Guest { name: "behaved", ..Guest::default() }.component(), None).expect("it loads");
    let mut wrong = Vec::new();
    for Hostile { kind, ends, component } in corpus("hostile") {
        let found = match (load(&mut sandbox, &component), load(&mut other, &component)) {
            (Err(error), Err(again)) => {
                assert_eq!(error, again, "{kind}: the same reason in every sandbox");
                assert!(
                    error.to_string().len() < REASON_BYTES_MAX,
                    "{kind}: a reason of {} bytes",
                    error.to_string().len()
                );
                (Ends::Refused, error.to_string())
            }
            (Ok(info), Ok(again)) => {
                assert_eq!(info, again, "{kind}: it says the same of itself in every sandbox");
                let decided = decide(&sandbox, info.digest);
                for again in [decide(&sandbox, info.digest), decide(&other, info.digest)] {
                    assert_eq!(again.answer, decided.answer, "{kind}: the same input gives the same outcome");
                    assert_eq!(again.cost.fuel, decided.cost.fuel, "{kind}: the same input burns the same fuel");
                }
                within_budgets(kind, &sandbox, info.digest, &decided);
                sandbox.retain(|digest| digest == behaved.digest);
                other.retain(|_| false);
                (ended(&decided), format!("{:?}", decided.answer))
            }
            (one, two) => panic!("{kind}: {one:?} in one sandbox, and {two:?} in the other"),
        };
        if found.0 != ends {
            wrong.push(format!("{kind}: {found:?} instead of {ends:?}"));
        }
        assert_eq!(decide(&sandbox, behaved.digest).answer, Ok(seven_points()), "the neighbour after {kind}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Loads a component as the engine does.
fn load(sandbox: &mut Sandbox, component: &[u8]) -> Result<PluginInfo, LoadError> {
    let info = sandbox.load(component, None)?;
    sandbox.can_begin(info.digest).map(|()| info)
}

fn decide(sandbox: &Sandbox, digest: cadenza_core::id::Digest) -> Decided {
    sandbox.decide(digest, DecisionKind::Scoring, &input())
}

fn within_budgets(kind: &str, sandbox: &Sandbox, digest: cadenza_core::id::Digest, decided: &Decided) {
    let budgets = sandbox.budgets(digest).expect("it is loaded");
    let cost = &decided.cost;
    assert!(cost.fuel <= budgets.fuel, "{kind}: {} fuel of {}", cost.fuel, budgets.fuel);
    assert!(cost.memory_bytes as usize <= budgets.memory_bytes, "{kind}: {} bytes", cost.memory_bytes);
    assert!(decided.log.len() <= budgets.log_lines, "{kind}: {} lines", decided.log.len());
    assert!(decided.log.iter().map(String::len).sum::<usize>() <= budgets.log_bytes, "{kind}: a long log");
    assert!(decided.backtrace.len() <= 32, "{kind}: {} functions in its backtrace", decided.backtrace.len());
    if let Err(failure) = &decided.answer {
        let bytes = format!("{failure:?}").len();
        assert!(bytes < REASON_BYTES_MAX, "{kind}: an outcome of {bytes} bytes");
    }
}

#[test]
fn kinds_have_names_of_their_own() {
    let corpus = corpus("hostile");
    let mut kinds: Vec<_> = corpus.iter().map(|hostile| hostile.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), corpus.len(), "two kinds have one name");
}

#[test]
fn a_batch_of_a_hostile_guest_fails_lead_by_lead() {
    let limits = HostLimits { fuel_max: 200_000, ..HostLimits::default() };
    let inputs = vec![input(); 5];
    for hostile in corpus("hostile").into_iter().filter(|hostile| hostile.ends != Ends::Refused) {
        let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
        // With so little fuel some cannot even describe themselves.
        let Ok(info) = sandbox.load(&hostile.component, None) else { continue };
        let single = decide(&sandbox, info.digest).answer;
        let (answers, _) = sandbox.score_batch(info.digest, &inputs);
        assert_eq!(answers, vec![single; inputs.len()], "{}", hostile.kind);
    }
}
