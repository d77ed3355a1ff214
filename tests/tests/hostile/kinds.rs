//! Guests that choose tracks and decide about what is overdue: their answers are checked in the same way as scores.

use crate::{input, sandbox};
use cadenza_core::plugin::{Action, Budget, Decision, DecisionFailure, DecisionInput, DecisionKind, Overdue};
use cadenza_tests::guest::{ANSWER, Guest, claims, data, member, words};

/// Where the text of a track lies.
const TRACK: u32 = 17_000;

/// A guest that has the track `later`.
fn nurturer(choose: String) -> Guest {
    let entry = TRACK + 16;
    let tracks = data(TRACK, b"later") + &words(entry, &[TRACK, 5]) + &claims(member::TRACKS, entry, 1);
    Guest { world: "nurture", items: tracks, score: choose, ..Guest::default() }
}

/// A body of `choose` that answers with the text at an address, when to look again, and reasons.
fn choice(track: (u32, u32), look_again: (u8, u32), reasons: (u32, u32)) -> String {
    store(&[
        (4, track.0),
        (8, track.1),
        (12, u32::from(look_again.0)),
        (16, look_again.1),
        (20, reasons.0),
        (24, reasons.1),
    ])
}

fn escalator(decide: String) -> Guest {
    Guest { world: "escalation", score: decide, ..Guest::default() }
}

/// A body of `decide` that answers with an action, by its number, and reasons.
fn verdict(action: u8, reasons: (u32, u32)) -> String {
    store(&[(4, u32::from(action)), (8, reasons.0), (12, reasons.1)])
}

fn store(members: &[(u32, u32)]) -> String {
    let store =
        |(offset, value): &(u32, u32)| format!("(i32.store offset={offset} (i32.const {ANSWER}) (i32.const {value}))");
    members.iter().map(store).collect::<String>() + &format!("i32.const {ANSWER}")
}

fn decided(guest: &Guest, kind: DecisionKind) -> Result<Decision, DecisionFailure> {
    let mut sandbox = sandbox();
    let info = sandbox.load(&guest.component(), None).expect("it shows what it is only when it is asked");
    let overdue = Overdue { point: 0, points: 1, waited_ms: 60_000, overdue_ms: 1_000, reminders: 0, raised: false };
    let input = DecisionInput { overdue: Some(overdue), ..input() };
    let decided = sandbox.decide(info.digest, kind, &input);
    assert_eq!(sandbox.decide(info.digest, kind, &input).answer, decided.answer, "the same input, the same outcome");
    let budgets = sandbox.budgets(info.digest).expect("it is loaded");
    assert!(decided.cost.fuel <= budgets.fuel, "{:?}", decided.cost);
    decided.answer
}

fn chosen(choose: String) -> Result<Decision, DecisionFailure> {
    decided(&nurturer(choose), DecisionKind::Nurture)
}

fn raised(decide: String) -> Result<Decision, DecisionFailure> {
    decided(&escalator(decide), DecisionKind::Escalation)
}

#[track_caller]
fn is_bad_output(outcome: Result<Decision, DecisionFailure>, says: &str) {
    match outcome {
        Err(DecisionFailure::BadOutput(why)) => {
            assert!(why.contains(says), "it should say `{says}`: {why}");
            assert!(why.len() < 2_048, "a reason of {} bytes", why.len());
        }
        other => panic!("{other:?} is no bad output"),
    }
}

const NO_REASONS: (u32, u32) = (0, 0);
const NOT_AGAIN: (u8, u32) = (0, 0);
const LATER: (u32, u32) = (TRACK, 5);

#[test]
fn what_the_contract_allows_is_taken() {
    let track = |look_again_s| Decision::Track { track: "later".to_owned(), look_again_s, reasons: Vec::new() };
    assert_eq!(chosen(choice(LATER, NOT_AGAIN, NO_REASONS)), Ok(track(None)));
    assert_eq!(chosen(choice(LATER, (1, u32::MAX), NO_REASONS)), Ok(track(Some(u32::MAX))));
    for (number, action) in [Action::Wait, Action::Remind, Action::Raise, Action::Reassign].into_iter().enumerate() {
        let decision = Decision::Escalate { action, reasons: Vec::new() };
        assert_eq!(raised(verdict(number as u8, NO_REASONS)), Ok(decision));
    }
}

#[test]
fn tracks_that_are_none_are_bad_output() {
    let undeclared = "which the plugin did not describe";
    is_bad_output(chosen(choice((TRACK, 4), NOT_AGAIN, NO_REASONS)), undeclared);
    is_bad_output(chosen(choice((TRACK, 0), NOT_AGAIN, NO_REASONS)), undeclared);
    // Most of the page, as one text.
    is_bad_output(chosen(choice((24_000, 41_000), NOT_AGAIN, NO_REASONS)), undeclared);
    is_bad_output(chosen(choice((65_000, 5_000), NOT_AGAIN, NO_REASONS)), "out of bounds");
    let mut invalid = nurturer(choice((TRACK + 64, 2), NOT_AGAIN, NO_REASONS));
    invalid.items += &data(TRACK + 64, &[0xff, 0xfe]);
    is_bad_output(decided(&invalid, DecisionKind::Nurture), "utf-8");
    is_bad_output(chosen(choice(LATER, (7, 0), NO_REASONS)), "invalid option discriminant");
}

#[test]
fn actions_that_are_none_are_bad_output() {
    is_bad_output(raised(verdict(4, NO_REASONS)), "discriminant");
    is_bad_output(raised(verdict(255, NO_REASONS)), "discriminant");
}

#[test]
fn reasons_are_checked_whatever_is_decided() {
    let by_rule_nine = data(20_000, &[9_u32.to_le_bytes(), [0; 4], [0; 4], [0; 4]].concat());
    let reasons = (20_000, 1);
    let mut chooses = nurturer(choice(LATER, NOT_AGAIN, reasons));
    chooses.items += &by_rule_nine;
    is_bad_output(decided(&chooses, DecisionKind::Nurture), "a reason by rule 9");
    let raises = Guest { items: by_rule_nine, ..escalator(verdict(0, reasons)) };
    is_bad_output(decided(&raises, DecisionKind::Escalation), "a reason by rule 9");
    for beyond in [(60_000, 1_000), (u32::MAX - 3, 4)] {
        is_bad_output(chosen(choice(LATER, NOT_AGAIN, beyond)), "out of bounds");
        is_bad_output(raised(verdict(0, beyond)), "out of bounds");
    }
}

#[test]
fn loops_traps_and_answers_elsewhere_end_as_those_of_scorers_do() {
    for ask in [chosen as fn(String) -> _, raised] {
        assert_eq!(ask("(loop $again (br $again)) unreachable".to_owned()), Err(DecisionFailure::Budget(Budget::Fuel)));
        assert!(matches!(ask("unreachable".to_owned()), Err(DecisionFailure::Trap(_))));
        let grows = "(drop (memory.grow (i32.const 60000))) unreachable";
        assert_eq!(ask(grows.to_owned()), Err(DecisionFailure::Budget(Budget::Memory)));
        is_bad_output(ask(format!("i32.const {}", ANSWER + 1)), "align");
        is_bad_output(ask("i32.const 65532".to_owned()), "out of bounds");
    }
}

#[test]
fn an_escalator_is_not_asked_about_nothing() {
    let mut sandbox = sandbox();
    let info = sandbox.load(&escalator(verdict(0, NO_REASONS)).component(), None).expect("it loads");
    let answer = sandbox.decide(info.digest, DecisionKind::Escalation, &input()).answer;
    assert!(matches!(answer, Err(DecisionFailure::Unavailable(_))), "{answer:?}");
}
