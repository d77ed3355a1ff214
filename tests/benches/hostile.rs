//! What hostile guests cost the host and their neighbours: an endless loop by its fuel, what the wall budget adds
//! without fuel, and how well-behaved decisions on another thread fare meanwhile. Prints figures and ratios;
//! asserts nothing about time.
//!
//! `cargo bench --workspace --bench hostile -- [--rounds N]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use cadenza_core::id::Digest;
use cadenza_core::plugin::{Budget, DecisionFailure, DecisionInput, DecisionKind, Parameters, With, lay_out};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_sandbox::{BudgetOverrides, HostLimits, Sandbox};
use cadenza_tests::guest::{Guest, LOG};
use cadenza_tests::hostile::{FOREVER, corpus};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

mod support;

/// Fuel budgets of the endless loop.
const FUEL: [u64; 4] = [1_000_000, 4_000_000, 16_000_000, 64_000_000];
/// Runs for each budget.
const FUEL_RUNS: usize = 20;
/// The wall budget without a fuel limit.
const WALL_MS: u32 = 20;
/// Runs against the wall budget.
const WALL_RUNS: usize = 200;
/// Well-behaved decisions from which a percentile is taken.
const DECISIONS: usize = 20_000;
/// The kinds of the corpus that run beside the neighbour.
const BESIDE: [&str; 7] = [
    "endless loop",
    "endless recursion",
    "memory bomb",
    "every page touched",
    "giant output",
    "endless panics",
    "trap",
];

fn main() {
    let decisions = support::option("--rounds").unwrap_or(DECISIONS);
    fuel();
    wall();
    kinds();
    neighbours(decisions);
}

/// The time an endless loop takes, by its fuel.
fn fuel() {
    println!("an endless loop, stopped by fuel; p50 of {FUEL_RUNS} runs");
    println!("{:>12} {:>12} {:>10} {:>12}", "fuel", "µs", "x of 1 M", "ns a unit");
    let limits = HostLimits { fuel_max: FUEL[3], wall_ms_max: 60_000, ..HostLimits::default() };
    let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
    let mut first_us = None;
    for fuel in FUEL {
        let overrides = BudgetOverrides { fuel: Some(fuel), ..BudgetOverrides::default() };
        let digest = load(&mut sandbox, &endless(), overrides);
        let mut times: Vec<Duration> = (0..FUEL_RUNS).map(|_| ends(&sandbox, digest, Budget::Fuel)).collect();
        times.sort_unstable();
        let us = times[FUEL_RUNS / 2].as_secs_f64() * 1e6;
        let of_first = us / *first_us.get_or_insert(us);
        println!("{fuel:>12} {us:>12.1} {of_first:>10.2} {:>12.4}", us * 1e3 / fuel as f64);
    }
    println!();
}

/// How much later than its wall budget an endless loop without a fuel limit is stopped.
fn wall() {
    let limits = HostLimits { fuel_max: u64::MAX, wall_ms_max: WALL_MS, ..HostLimits::default() };
    let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
    let overrides = BudgetOverrides { fuel: Some(u64::MAX), ..BudgetOverrides::default() };
    let digest = load(&mut sandbox, &endless(), overrides);
    let budget = Duration::from_millis(u64::from(WALL_MS));
    let over = |_| ends(&sandbox, digest, Budget::WallTime).saturating_sub(budget);
    let mut over: Vec<Duration> = (0..WALL_RUNS).map(over).collect();
    over.sort_unstable();
    let at = |share| support::percentile_ms(&over, share);
    println!("fuel without end, {WALL_MS} ms of wall time, {WALL_RUNS} runs; milliseconds beyond the budget");
    println!("p50 {:.2}   p99 {:.2}   max {:.2}", at(0.5), at(0.99), at(1.0));
    println!("ratio: p99 beyond / 20 ms                            {:.2}\n", at(0.99) / 20.0);
}

/// What one decision of every kind costs. Whatever takes far longer than its fuel explains is an amplification.
fn kinds() {
    println!("every hostile kind that loads; p50 of 9 decisions");
    println!("{:<42} {:>10} {:>12} {:>12} {:>12}", "", "µs", "fuel", "ns a unit", "kB memory");
    let mut sandbox = Sandbox::new(&HostLimits::default()).expect("this machine runs plugins");
    for hostile in corpus("hostile") {
        let Ok(info) = sandbox.load(&hostile.component, None) else { continue };
        let ask = |_| {
            let began = Instant::now();
            let decided = black_box(sandbox.decide(info.digest, DecisionKind::Scoring, &plain_input()));
            (began.elapsed(), decided.cost)
        };
        let mut decided: Vec<_> = (0..9).map(ask).collect();
        decided.sort_unstable_by_key(|(took, _)| *took);
        let (took, cost) = &decided[4];
        let us = took.as_secs_f64() * 1e6;
        let unit_ns = us * 1e3 / cost.fuel.max(1) as f64;
        println!("{:<42} {us:>10.1} {:>12} {unit_ns:>12.3} {:>12}", hostile.kind, cost.fuel, cost.memory_bytes / 1024);
    }
    println!();
}

/// The latency of well-behaved decisions, alone and while another thread asks a hostile guest again and again.
fn neighbours(decisions: usize) {
    println!("inbound-fit beside a hostile guest on another thread, {decisions} decisions; µs");
    println!("{:<42} {:>9} {:>9} {:>9} {:>9}", "", "p50", "p99", "x alone", "hostile");
    let mut alone = Vec::new();
    // Alone at the beginning and at the end, because the load of the machine changes.
    alone.push(behaved(decisions));
    let rows: Vec<(&str, Latency, usize)> = BESIDE.into_iter().map(|kind| beside(kind, decisions)).collect();
    alone.push(behaved(decisions));
    let alone_p99 = alone.iter().map(|latency| latency.p99_us).sum::<f64>() / alone.len() as f64;
    let row = |what: &str, latency: &Latency, times: usize| {
        let ratio = latency.p99_us / alone_p99;
        println!("{what:<42} {:>9.1} {:>9.1} {ratio:>9.2} {times:>9}", latency.p50_us, latency.p99_us);
    };
    alone.iter().for_each(|latency| row("alone", latency, 0));
    rows.iter().for_each(|(kind, latency, times)| row(kind, latency, *times));
}

struct Latency {
    p50_us: f64,
    p99_us: f64,
}

fn behaved(decisions: usize) -> Latency {
    let mut sandbox = Sandbox::new(&HostLimits::default()).expect("this machine runs plugins");
    let (_, component) =
        cadenza_plugins::PLUGINS.iter().find(|(name, _)| *name == "inbound-fit").expect("it is shipped");
    let info = sandbox.load(component, None).expect("first-party plugins load");
    let parameters = lay_out(&info, &With::new()).expect("every parameter has a default");
    let fields = sandbox.reads(info.digest, &parameters).expect("the defaults go together").fields.len();
    let input = DecisionInput { parameters, fields: vec![Value::Blank; fields], ..plain_input() };
    let mut times: Vec<Duration> = (0..decisions + decisions / 10)
        .map(|_| {
            let began = Instant::now();
            let decided = sandbox.decide(info.digest, DecisionKind::Scoring, black_box(&input));
            black_box(decided.answer.expect("it is well-behaved"));
            began.elapsed()
        })
        .skip(decisions / 10)
        .collect();
    times.sort_unstable();
    let at = |share| support::percentile_ms(&times, share) * 1e3;
    Latency { p50_us: at(0.5), p99_us: at(0.99) }
}

/// The same while a hostile guest is asked, and how often it was.
fn beside(kind: &'static str, decisions: usize) -> (&'static str, Latency, usize) {
    let hostile = corpus("hostile").into_iter().find(|hostile| hostile.kind == kind).expect("a kind of the corpus");
    let (loaded, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut sandbox = Sandbox::new(&HostLimits::default()).expect("this machine runs plugins");
            // As much fuel as the host grants.
            let overrides = BudgetOverrides { fuel: Some(u64::MAX), ..BudgetOverrides::default() };
            let digest = load(&mut sandbox, &hostile.component, overrides);
            let mut times = 0;
            while !stop.load(Ordering::Relaxed) {
                let decided = sandbox.decide(digest, DecisionKind::Scoring, &plain_input());
                black_box(decided.answer.expect_err("it is hostile"));
                times += 1;
                loaded.store(true, Ordering::Relaxed);
            }
            times
        });
        while !loaded.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let latency = behaved(decisions);
        stop.store(true, Ordering::Relaxed);
        (kind, latency, attacker.join().expect("a hostile guest ends in a typed outcome"))
    })
}

fn endless() -> Vec<u8> {
    // With an import, because most guests have one.
    Guest { imports: LOG, score: FOREVER.to_owned(), ..Guest::default() }.component()
}

fn load(sandbox: &mut Sandbox, component: &[u8], overrides: BudgetOverrides) -> Digest {
    sandbox.load(component, Some(overrides)).expect("it shows what it is only when it is asked").digest
}

/// How long a decision takes that must end with this budget.
fn ends(sandbox: &Sandbox, digest: Digest, budget: Budget) -> Duration {
    let began = Instant::now();
    let answer = sandbox.decide(digest, DecisionKind::Scoring, &plain_input()).answer;
    let took = began.elapsed();
    assert_eq!(answer, Err(DecisionFailure::Budget(budget)));
    took
}

fn plain_input() -> DecisionInput {
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
