//! What a component is made of: core instances, tables and memories within the host's limits and the workspace's
//! budgets, and parts that call each other.

use crate::{input, sandbox, seven_points};
use cadenza_core::plugin::{Budget, Decision, DecisionFailure, DecisionKind};
use cadenza_sandbox::{BudgetOverrides, Compiled, HostLimits, LoadError, Resource, Sandbox};
use cadenza_tests::bomb::joined;
use cadenza_tests::guest::{ANSWER, Guest, LOG, answer};

/// A guest that logs a line, which is made of three core instances and a table: the guest itself, and what links
/// the import to its memory.
fn in_parts() -> Guest {
    Guest {
        imports: LOG,
        score: format!("(call $line (i32.const 1024) (i32.const 7)) {}", answer(7, 2, 0, 0)),
        ..Guest::default()
    }
}

/// What it decides, or why it is not even loaded.
fn under(overrides: BudgetOverrides, guest: &Guest) -> Result<Decision, LoadError> {
    let mut sandbox = sandbox();
    let info = sandbox.load(&guest.component(), Some(overrides))?;
    sandbox.can_begin(info.digest)?;
    Ok(sandbox.decide(info.digest, DecisionKind::Scoring, &input()).answer.expect("what is loaded decides"))
}

#[test]
fn a_budget_for_less_than_a_plugin_begins_with_is_refused_by_name() {
    let plenty = BudgetOverrides { instances: Some(3), tables: Some(1), ..BudgetOverrides::default() };
    assert_eq!(under(plenty, &in_parts()), Ok(seven_points()));
    let parts = |what, has, allowed| LoadError::Parts { what, has, allowed };
    let begins =
        |budget, setting| LoadError::Start { failure: DecisionFailure::Budget(budget), setting: Some(setting) };
    for (short, refused) in [
        (BudgetOverrides { instances: Some(2), ..plenty }, parts("instances", 3, 2)),
        (BudgetOverrides { instances: Some(0), ..plenty }, parts("instances", 3, 0)),
        (BudgetOverrides { tables: Some(0), ..plenty }, parts("tables", 1, 0)),
        (BudgetOverrides { table_elements: Some(1), ..plenty }, begins(Budget::Memory, "table_elements")),
        (BudgetOverrides { memory_bytes: Some(65_535), ..plenty }, begins(Budget::Memory, "memory")),
        (BudgetOverrides { fuel: Some(0), ..plenty }, begins(Budget::Fuel, "fuel")),
    ] {
        assert_eq!(under(short, &in_parts()), Err(refused), "{short:?}");
    }
}

#[test]
fn parts_are_metered_as_they_are_enforced() {
    let mut sandbox = sandbox();
    for (guest, tables, instances) in [(in_parts(), 1, 3), (Guest::default(), 0, 1)] {
        let info = sandbox.load(&guest.component(), None).expect("it loads");
        let used = sandbox.decide(info.digest, DecisionKind::Scoring, &input()).used;
        assert_eq!((used.of(Resource::Tables), used.of(Resource::Instances)), (tables, instances));
    }
}

#[test]
fn what_runs_out_is_named_and_counts_as_used_to_the_last() {
    let grows = |by: &str| Guest { score: by.to_owned(), ..Guest::default() };
    let (memory, table) = ("(drop (memory.grow (i32.const 40))) unreachable", "(table $t 1 funcref)");
    let table = Guest {
        items: table.to_owned(),
        score: "(drop (table.grow $t (ref.null func) (i32.const 50))) unreachable".to_owned(),
        ..Guest::default()
    };
    let loops = grows("(loop $again (br $again)) unreachable");
    let memory_bytes = Some(30 * 65_536);
    let budgets = BudgetOverrides { memory_bytes, table_elements: Some(40), ..BudgetOverrides::default() };
    for (guest, resource) in
        [(grows(memory), Resource::Memory), (table, Resource::TableElements), (loops, Resource::Fuel)]
    {
        let mut sandbox = sandbox();
        let info = sandbox.load(&guest.component(), Some(budgets)).expect("it loads");
        let decided = sandbox.decide(info.digest, DecisionKind::Scoring, &input());
        let budgets = sandbox.budgets(info.digest).expect("it is loaded");
        assert_eq!(decided.exceeded, Some(resource), "{:?}", decided.answer);
        assert_eq!(decided.used.of(resource), budgets.of(resource));
        assert_eq!(decided.used.near(budgets).collect::<Vec<_>>(), [resource]);
    }
}

#[test]
fn a_component_of_more_parts_than_the_host_allows_is_refused() {
    let of = |limits: HostLimits, guest: &Guest| {
        let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
        sandbox.load(&guest.component(), None).map(|_| ())
    };
    let default = HostLimits::default();
    assert_eq!(of(HostLimits { instances_max: 3, tables_max: 1, ..default }, &in_parts()), Ok(()));
    for limits in [HostLimits { instances_max: 2, ..default }, HostLimits { tables_max: 0, ..default }] {
        let guest = in_parts();
        let refused = of(limits, &guest).expect_err("it has too many parts");
        assert!(matches!(refused, LoadError::Invalid(_)), "{refused:?}");
    }
}

#[test]
fn memories_share_one_budget() {
    // Three more core instances with four pages each, besides the guest's own page.
    let component = joined(&Guest::default().component(), "(module (memory 4))", 3);
    let mut sandbox = sandbox();
    let mut within = |pages: usize| {
        let budget = BudgetOverrides { memory_bytes: Some(pages * 65_536), ..BudgetOverrides::default() };
        let info = sandbox.load(&component, Some(budget))?;
        sandbox.can_begin(info.digest)?;
        Ok(sandbox.decide(info.digest, DecisionKind::Scoring, &input()).answer)
    };
    assert_eq!(within(13), Ok(Ok(seven_points())));
    let failure = DecisionFailure::Budget(Budget::Memory);
    assert_eq!(within(12), Err(LoadError::Start { failure, setting: Some("memory") }));
}

/// Two components inside one that pass a text between them. The code that copies it has two memories, and wasmtime
/// panics over that if guests are not allowed to have several.
const TALKING: &str = r#"(component
    (component $hears
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
            (func (export "hear") (param i32 i32) (result i32) local.get 1))
        (core instance $i (instantiate $m))
        (func (export "hear") (param "text" string) (result u32)
            (canon lift (core func $i "hear") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
    (component $says
        (import "hear" (func $hear (param "text" string) (result u32)))
        (core module $memory (memory (export "memory") 1) (data (i32.const 8) "hello"))
        (core instance $memory (instantiate $memory))
        (core func $hear (canon lower (func $hear) (memory (core memory $memory "memory"))))
        (core module $m
            (import "host" "hear" (func $hear (param i32 i32) (result i32)))
            (func (export "say") (result i32) (call $hear (i32.const 8) (i32.const 5))))
        (core instance $i (instantiate $m (with "host" (instance (export "hear" (func $hear))))))
        (func (export "say") (result u32) (canon lift (core func $i "say"))))
    (instance $hears (instantiate $hears))
    (instance $says (instantiate $says (with "hear" (func $hears "hear"))))
    (export "say" (func $says "say")))"#;

#[test]
fn components_that_talk_to_each_other_compile() {
    let component = wat::parse_str(TALKING).expect("valid text");
    Compiled::new(&component, &HostLimits::default()).expect("it imports nothing and breaks nothing");
    let refused = sandbox().load(&component, None).expect_err("it decides nothing");
    assert!(matches!(refused, LoadError::NotAPlugin(_)), "{refused:?}");
}

#[test]
fn many_functions_compile_and_decide() {
    let functions: String = (0..10_000).map(|n| format!("(func $f{n} (result i32) i32.const {n})")).collect();
    let guest =
        Guest { items: functions, score: format!("(drop (call $f9999)) {}", answer(7, 2, 0, 0)), ..Guest::default() };
    assert_eq!(under(BudgetOverrides::default(), &guest), Ok(seven_points()));
}

#[test]
fn much_data_is_copied_within_the_fuel_of_nobody() {
    // Data that is there from the start is part of the component; its size is limited along with the component's.
    let text = "x".repeat(8 * 1024 * 1024);
    let items = format!("(data (i32.const 1000000) \"{text}\")");
    let guest = Guest { pages: 200, memory: 200 * 65_536, items, ..Guest::default() };
    assert_eq!(under(BudgetOverrides::default(), &guest), Ok(seven_points()));
}

/// Not-a-number has the same form on every machine, however it arises.
#[test]
fn not_a_number_has_one_form() {
    // Sign, exponent and the first bit of the fraction; then whether any of the remaining bits is set.
    let bits = |number: &str| {
        format!(
            "(i32.store offset=4 (i32.const {ANSWER}) (i32.shr_u (i32.reinterpret_f32 {number}) (i32.const 22)))
             (i32.store offset=16 (i32.const {ANSWER}) (i32.shl (i32.reinterpret_f32 {number}) (i32.const 10)))
             (i32.store8 offset=8 (i32.const {ANSWER}) (i32.const 2))
             i32.const {ANSWER}"
        )
    };
    for number in [
        "(f32.div (f32.const 0) (f32.const 0))",
        "(f32.div (f32.const -0) (f32.const 0))",
        "(f32.sqrt (f32.const -1))",
        "(f32.sub (f32.const inf) (f32.const inf))",
        "(f32.add (f32.const nan:0x200001) (f32.const 1))",
        "(f32.mul (f32.const -nan:0x200001) (f32.const nan:0x300001))",
        "(f32.min (f32.const -nan:0x200001) (f32.const 1))",
        "(f32.demote_f64 (f64.div (f64.const 0) (f64.const 0)))",
        "(f32x4.extract_lane 0 (f32x4.div (v128.const i64x2 0 0) (v128.const i64x2 0 0)))",
    ] {
        let guest = Guest { score: bits(number), ..Guest::default() };
        let Ok(Decision::Score { points, .. }) = under(BudgetOverrides::default(), &guest) else {
            panic!("{number}: its bits should be a score");
        };
        assert_eq!(points, 0x1ff, "{number} is not the canonical one");
    }
}
