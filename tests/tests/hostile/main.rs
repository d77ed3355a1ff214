//! Hostile guests: each ends in a typed outcome within its budget, and the next decision is unaffected.

mod corpus;
mod damaged;
mod generated;
mod kinds;
mod parts;
mod views;

use cadenza_core::id::Digest;
use cadenza_core::plugin::{Budget, Decision, DecisionFailure, DecisionInput, DecisionKind, Parameters, Segment};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_sandbox::{BudgetOverrides, Compiled, HostLimits, LoadError, Sandbox};
use cadenza_tests::guest::{ANSWER, Guest, answer, reasons, words};
use std::time::Duration;

fn sandbox() -> Sandbox {
    // No wall time, so that a busy machine does not change the outcome.
    let limits = HostLimits { wall_ms_max: 60_000, ..HostLimits::default() };
    Sandbox::new(&limits).expect("this machine runs plugins")
}

fn input() -> DecisionInput {
    DecisionInput {
        now: Timestamp::from_ms(1_772_442_000_000),
        parameters: Parameters::default(),
        fields: vec![Value::Text("a text, so that realloc is called".to_owned())],
        touches: Vec::new(),
        engagement: Vec::new(),
        owner_present: None,
        previous_score: None,
        business_elapsed_ms: None,
        overdue: None,
    }
}

/// The plugin with this name that was loaded, or none at all.
fn named(sandbox: &Sandbox, name: &str) -> Digest {
    sandbox.plugins().find(|info| info.name == name).map_or(Digest(0), |info| info.digest)
}

fn score(sandbox: &Sandbox, plugin: &str) -> Result<Decision, DecisionFailure> {
    sandbox.decide(named(sandbox, plugin), DecisionKind::Scoring, &input()).answer
}

/// Scores with a guest, and checks that a well-behaved one beside it is not disturbed.
fn outcome(guest: &Guest) -> Result<Decision, DecisionFailure> {
    let mut sandbox = sandbox();
    sandbox.load(&guest.component(), None).expect("it shows what it is only when it is asked");
    sandbox.load(&Guest { name: "behaved", ..Guest::default() }.component(), None).expect("it loads");
    let outcome = score(&sandbox, "hostile");
    assert_eq!(score(&sandbox, "behaved"), Ok(seven_points()), "the neighbour after {outcome:?}");
    assert_eq!(score(&sandbox, "hostile"), outcome, "the same input gives the same outcome");
    outcome
}

fn seven_points() -> Decision {
    Decision::Score { points: 7, segment: Segment::Cold, reasons: Vec::new(), rescore_after_s: None }
}

fn scoring(score: impl Into<String>) -> Guest {
    Guest { score: score.into(), ..Guest::default() }
}

fn load(guest: &Guest) -> Result<(), LoadError> {
    sandbox().load(&guest.component(), None).map(|_| ())
}

#[track_caller]
fn assert_bad_output(guest: &Guest, says: &str) {
    match outcome(guest) {
        Err(DecisionFailure::BadOutput(why)) => assert!(why.contains(says), "`{why}` should say `{says}`"),
        other => panic!("{other:?} should be bad output"),
    }
}

#[track_caller]
fn assert_trap(guest: &Guest, says: &str) {
    match outcome(guest) {
        Err(DecisionFailure::Trap(why)) => assert!(why.contains(says), "`{why}` should say `{says}`"),
        other => panic!("{other:?} should be a trap"),
    }
}

const FOREVER: &str = "(loop $again (br $again)) unreachable";

#[test]
fn a_well_behaved_guest_decides() {
    assert_eq!(outcome(&Guest::default()), Ok(seven_points()));
}

#[test]
fn without_a_fuel_limit_an_endless_loop_runs_out_of_time() {
    let limits = HostLimits { fuel_max: u64::MAX, wall_ms_max: 20, ..HostLimits::default() };
    let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
    let overrides = BudgetOverrides { fuel: Some(u64::MAX), ..BudgetOverrides::default() };
    sandbox.load(&scoring(FOREVER).component(), Some(overrides)).expect("it loads");
    // Twice: after the pause the ticker sleeps and has to be woken.
    for pause in [Duration::ZERO, Duration::from_millis(200)] {
        std::thread::sleep(pause);
        assert_eq!(score(&sandbox, "hostile"), Err(DecisionFailure::Budget(Budget::WallTime)));
    }
}

#[test]
fn endless_recursion_traps() {
    let items = "(func $down (result i32) (i32.add (call $down) (i32.const 1)))".to_owned();
    let guest = Guest { items, fuel: 10_000_000, ..scoring("call $down") };
    assert_trap(&guest, "call stack exhausted");
}

#[test]
fn a_memory_budget_can_be_smaller_than_the_hosts() {
    let mut sandbox = sandbox();
    let grows = scoring(format!("(drop (memory.grow (i32.const 3))) {}", answer(7, 2, 0, 0))).component();
    let budget = |bytes| Some(BudgetOverrides { memory_bytes: Some(bytes), ..BudgetOverrides::default() });
    sandbox.load(&grows, budget(4 * 65_536)).expect("it loads");
    assert_eq!(score(&sandbox, "hostile"), Ok(seven_points()));
    sandbox.load(&grows, budget(3 * 65_536)).expect("it loads");
    assert_eq!(score(&sandbox, "hostile"), Err(DecisionFailure::Budget(Budget::Memory)));
}

#[test]
fn answers_that_the_contract_does_not_allow_are_bad_output() {
    let with = |items: String, reasons: u32| Guest { items, ..scoring(answer(7, 2, 16_384, reasons)) };
    assert_bad_output(&scoring(answer(1_001, 2, 0, 0)), "1001 points");
    assert_bad_output(&scoring(answer(-1_001, 2, 0, 0)), "-1001 points");
    assert_bad_output(&scoring(answer(7, 3, 0, 0)), "discriminant");
    assert_bad_output(&with(reasons(16_384, 1, 2, 0, 0), 1), "rule 2, which the plugin did not describe");
    assert_bad_output(&with(reasons(16_384, 65, 1, 0, 0), 65), "65 reasons");
    assert_bad_output(&with(reasons(16_384, 1, 1, 0, 257), 1), "257 bytes");
    assert_bad_output(&with(reasons(16_384, 1, 1, 65_000, 1_000), 1), "out of bounds");
    assert_bad_output(&scoring("i32.const 65532"), "out of bounds");
    assert_bad_output(&scoring("i32.const 8193"), "not aligned");
    let invalid = format!("{} (data (i32.const 1280) \"\\ff\\fe\")", reasons(16_384, 1, 1, 1280, 2));
    assert_bad_output(&with(invalid, 1), "utf-8");
}

#[test]
fn a_lie_about_where_arguments_go_is_caught() {
    assert_bad_output(&Guest { realloc: "i32.const 65528", ..Guest::default() }, "beyond end of memory");
    assert_trap(&Guest { realloc: "unreachable", ..Guest::default() }, "unreachable");
}

#[test]
fn a_refusal_is_the_guests_own_word() {
    let refuses = format!(
        "(i32.store8 (i32.const {ANSWER}) (i32.const 1))
         (i32.store offset=4 (i32.const {ANSWER}) (i32.const 1024))
         (i32.store offset=8 (i32.const {ANSWER}) (i32.const 7))
         i32.const {ANSWER}"
    );
    assert_eq!(outcome(&scoring(refuses)), Err(DecisionFailure::Refusal("hostile".to_owned())));
}

#[test]
fn a_trap_tells_the_panic_message_or_else_the_function() {
    let note = r#"(data (i32.const 16384) "\00cadenza:panic\00\01\05\00\00\00alas!")"#.to_owned();
    assert_eq!(
        outcome(&Guest { items: note, ..scoring("unreachable") }),
        Err(DecisionFailure::Trap("alas!".to_owned()))
    );
    // A mark without a message, or with a false length, is not a note.
    let notes = r#"(data (i32.const 16384) "\00cadenza:panic\00\01\00\00\00\00")
        (data (i32.const 16640) "\00cadenza:panic\00\01\05\00\00\00alas!")"#;
    let guest = Guest { items: notes.to_owned(), ..scoring("unreachable") };
    assert_eq!(outcome(&guest), Err(DecisionFailure::Trap("alas!".to_owned())));
    let note = r#"(data (i32.const 16384) "\00cadenza:panic\00\01\ff\ff\ff\fflas!")"#.to_owned();
    assert_trap(&Guest { items: note, ..scoring("unreachable") }, "unreachable");
    assert_trap(&scoring("(i32.div_s (i32.const 1) (i32.const 0))"), "divide by zero in score");
}

#[test]
fn a_component_that_imports_anything_is_refused() {
    let wants = r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func)))))"#;
    let error = sandbox().load(&wat::parse_str(wants).expect("valid text"), None).expect_err("it has an import");
    assert_eq!(error, LoadError::Imports(vec!["`wasi:clocks/wall-clock@0.2.0`".to_owned()]));
    assert!(error.to_string().contains("wasi:clocks/wall-clock@0.2.0"), "{error}");
}

#[test]
fn what_is_no_component_is_refused() {
    let whole = Guest::default().component();
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        // A component cut off between two sections is valid, but not a plugin.
        let error = sandbox().load(&whole[..length], None).expect_err("it is cut off");
        assert!(matches!(error, LoadError::Invalid(_) | LoadError::NotAPlugin(_)), "{length} bytes: {error:?}");
    }
    let mut noise = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..200 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        random.extend(noise.to_be_bytes());
        let error = sandbox().load(&random, None).expect_err("it is noise");
        assert!(matches!(error, LoadError::Invalid(_)), "{error:?}");
    }
    let module = wat::parse_str("(module)").expect("valid text");
    assert!(matches!(sandbox().load(&module, None), Err(LoadError::CoreModule)));
    let empty = wat::parse_str("(component)").expect("valid text");
    assert!(matches!(sandbox().load(&empty, None), Err(LoadError::NotAPlugin(_))));
    let limits = HostLimits { component_bytes_max: 100, ..HostLimits::default() };
    let error = Compiled::new(&whole, &limits).expect_err("it is too large");
    assert_eq!(error, LoadError::TooLarge { bytes: whole.len(), bytes_max: 100 });
}

#[test]
fn what_is_switched_off_is_refused() {
    for module in [
        "(module (memory 1 1 shared))",
        "(module (func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))))",
        "(module (memory i64 1))",
        "(module (memory 1) (memory 1))",
        "(module (type (struct)))",
        "(module (tag))",
    ] {
        let text = format!("(component (core {})", module.trim_start_matches('('));
        let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let error = sandbox().load(&component, None).expect_err("it uses what is switched off");
        assert!(matches!(error, LoadError::Invalid(_)), "{module}: {error:?}");
    }
}

#[test]
fn a_contract_that_differs_is_refused() {
    let guest =
        Guest { contract: Some(("points: s32,\n    /// How", "points: u32,\n    /// How")), ..Guest::default() };
    let error = load(&guest).expect_err("its points are of another type");
    assert!(matches!(&error, LoadError::Contract(_)), "{error:?}");
}

#[test]
fn what_cannot_describe_itself_is_refused() {
    let failure = |guest: Guest| match load(&guest) {
        Err(LoadError::Describe(failure)) => failure,
        other => panic!("{other:?} should be a failure to describe"),
    };
    assert_eq!(failure(Guest { describe: FOREVER, ..Guest::default() }), DecisionFailure::Budget(Budget::Fuel));
    let start = "(func $boom unreachable) (start $boom)".to_owned();
    assert!(matches!(failure(Guest { items: start, ..Guest::default() }), DecisionFailure::Trap(_)));
    assert!(matches!(failure(Guest { describe: "i32.const -8", ..Guest::default() }), DecisionFailure::BadOutput(_)));

    let refused = |guest: Guest| match load(&guest) {
        Err(LoadError::Description(why)) => why,
        other => panic!("{other:?} should be a wrong description"),
    };
    assert!(refused(Guest { name: "Hostile", ..Guest::default() }).contains("lower-case"));
    assert!(refused(Guest { fuel: 0, ..Guest::default() }).contains("fuel"));
}

#[test]
fn what_needs_more_to_begin_with_than_it_may_have_is_refused() {
    let refused = |guest: Guest, says: &str| match load(&guest) {
        Err(LoadError::Invalid(why)) => assert!(why.contains(says), "`{why}` should say `{says}`"),
        other => panic!("{other:?} should be refused"),
    };
    refused(Guest { pages: 5_000, ..Guest::default() }, "327680000 which exceeds the limit");
    let table = "(table 100000 funcref)".to_owned();
    refused(Guest { items: table, ..Guest::default() }, "100000 which exceeds the limit");
}

#[test]
fn versions_of_a_plugin_stand_side_by_side_until_one_is_forgotten() {
    let mut sandbox = sandbox();
    let first = sandbox.load(&Guest::default().component(), None).expect("it loads");
    let second = sandbox.load(&scoring(answer(8, 0, 0, 0)).component(), None).expect("it loads");
    assert_ne!(first.digest, second.digest);
    sandbox.load(&Guest { fuel: 0, ..Guest::default() }.component(), None).expect_err("it describes itself wrongly");
    let points = |sandbox: &Sandbox, digest| match sandbox.decide(digest, DecisionKind::Scoring, &input()).answer {
        Ok(Decision::Score { points, .. }) => points,
        other => panic!("{other:?} should be a score"),
    };
    assert_eq!((points(&sandbox, first.digest), points(&sandbox, second.digest)), (7, 8));
    sandbox.retain(|digest| digest == second.digest);
    assert_eq!(sandbox.plugins().collect::<Vec<_>>(), [&second]);
    let forgotten = sandbox.decide(first.digest, DecisionKind::Scoring, &input()).answer;
    assert!(matches!(forgotten, Err(DecisionFailure::Unavailable(_))), "{forgotten:?}");
}

#[test]
fn one_compilation_serves_many_workers() {
    let limits = HostLimits::default();
    let compiled = Compiled::new(&Guest::default().component(), &limits).expect("it compiles");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
                let info = sandbox.load_compiled(&compiled, None).expect("it loads");
                assert_eq!(info.digest, compiled.digest());
                assert_eq!(score(&sandbox, "hostile"), Ok(seven_points()));
            });
        }
    });
    let others = HostLimits { memory_bytes_max: 65_536, ..limits };
    let mut sandbox = Sandbox::new(&others).expect("this machine runs plugins");
    assert!(matches!(sandbox.load_compiled(&compiled, None), Err(LoadError::Stale(_))));
}

#[test]
fn what_nobody_can_decide_is_unavailable() {
    let mut sandbox = sandbox();
    sandbox.load(&Guest::default().component(), None).expect("it loads");
    let unavailable = |plugin: &str, kind, input: &DecisionInput| {
        let decided = sandbox.decide(named(&sandbox, plugin), kind, input);
        assert_eq!(decided.cost.fuel, 0);
        assert!(matches!(decided.answer, Err(DecisionFailure::Unavailable(_))), "{decided:?}");
    };
    unavailable("nobody", DecisionKind::Scoring, &input());
    unavailable("hostile", DecisionKind::Nurture, &input());
    unavailable(
        "hostile",
        DecisionKind::Scoring,
        &DecisionInput { parameters: [Value::Int(1)].into_iter().collect(), ..input() },
    );
    let mixed = vec![Value::List(vec![Value::Int(1)])];
    unavailable("hostile", DecisionKind::Scoring, &DecisionInput { fields: mixed, ..input() });
}

/// A guest whose batches of three leads give these points, whatever its single answers are.
fn batches_of_three(points: u32) -> Guest {
    const ITEMS: u32 = 16_384;
    let rating = [0, points, 2, 0, 0, 0, 0];
    let items = words(ITEMS, &rating.repeat(3)) + &words(4_200, &[ITEMS, 3]);
    Guest { items, batch: "i32.const 4200".to_owned(), ..Guest::default() }
}

#[test]
fn a_hostile_batch_spoils_nothing() {
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let lies = words(4_200, &[16_384, 3]) + &words(16_384, &[0, 7, 99]);
    for (what, batch, items) in [
        ("loops", FOREVER, String::new()),
        ("traps", "unreachable", String::new()),
        ("takes all memory", bomb, String::new()),
        ("answers beyond memory", "i32.const -8", String::new()),
        ("answers what is no segment", "i32.const 4200", lies),
        ("answers for more leads than there are", "i32.const 4200", words(4_200, &[16_384, 60_000])),
    ] {
        let mut sandbox = sandbox();
        let guest = Guest { batch: batch.to_owned(), items, ..Guest::default() };
        sandbox.load(&guest.component(), None).expect("it loads");
        let (answers, _) = sandbox.score_batch(named(&sandbox, "hostile"), &vec![input(); 3]);
        assert_eq!(answers, vec![Ok(seven_points()); 3], "a batch that {what} is asked singly");
    }
}

#[test]
fn a_batch_that_differs_from_single_answers_is_found_out_now_and_then_and_counts_for_nobody() {
    let found_out = |points: u32| {
        let mut sandbox = sandbox();
        sandbox.load(&batches_of_three(points).component(), None).expect("it loads");
        let plugin = named(&sandbox, "hostile");
        let moments = (0..1_000).map(|second| Timestamp::from_ms(second * 1_000));
        let differs = |now| {
            let (answers, _) = sandbox.score_batch(plugin, &vec![DecisionInput { now, ..input() }; 3]);
            let differs = answers.iter().all(|answer| matches!(answer, Err(DecisionFailure::BadOutput(_))));
            assert!(differs || answers.iter().all(Result::is_ok), "all of a batch or none: {answers:?}");
            differs
        };
        moments.filter(|now| differs(*now)).count()
    };
    assert_eq!(found_out(7), 0, "what does not differ is never found out");
    assert!((5..200).contains(&found_out(8)), "about three of a hundred leads are asked singly as well");
}

#[test]
fn a_batch_that_is_not_answered_lead_by_lead_is_asked_singly() {
    let mut sandbox = sandbox();
    sandbox.load(&Guest::default().component(), None).expect("it loads");
    // This guest answers every batch with an empty list.
    let (answers, cost) = sandbox.score_batch(named(&sandbox, "hostile"), &vec![input(); 150]);
    assert_eq!(answers, vec![Ok(seven_points()); 150]);
    assert!(cost.fuel > 0);
}
