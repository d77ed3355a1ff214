//! What a decision costs in Extism, compared with ours in the same run: the same rules, the
//! same leads, the same answers.
//!
//! `cargo run --release --manifest-path tests/peers/Cargo.toml`

use cadenza_core::plugin::{Decision, DecisionKind};
use cadenza_sandbox::{HostLimits, Sandbox};
use guest::{Guest, Limits};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[path = "../../../benches/support/flat.rs"]
mod flat;
mod guest;
#[path = "../../../benches/support/leads.rs"]
mod leads;

const ROUNDS: usize = 40;
const ROUND_CALLS: usize = 1_000;
const LEADS: i64 = 100;
const PLUGIN: &str = "inbound-fit";

fn main() {
    let host_limits = HostLimits::default();
    let mut sandbox = Sandbox::new(&host_limits).expect("this machine runs plugins");
    for (_, component) in cadenza_plugins::PLUGINS {
        sandbox.load(component, None).expect("first-party plugins load");
    }
    let info = sandbox.plugins().find(|info| info.name == PLUGIN).expect("it is loaded");
    let plugin = info.digest;
    let limits = Limits {
        fuel: info.fuel_budget,
        memory_bytes: info.memory_budget,
        wall: Duration::from_millis(u64::from(host_limits.wall_ms_max)),
    };
    let inputs = leads::inputs(&sandbox, plugin, LEADS);
    let leads: Vec<_> = inputs.iter().map(guest::lead).collect();

    let file = guest::build();
    let unlimited = Guest::unlimited(&file);
    let limited = Guest::limited(&file, &limits);
    let pooled = Guest::pooled(&file, &limits);
    let decide = |lead: usize| sandbox.decide(plugin, DecisionKind::Scoring, &inputs[lead]).answer.expect("a score");
    let mut ways = [
        Way::new("Cadenza: fresh, limits", decide),
        Way::new("Extism: reused, JSON", unlimited.reused_json(&leads)),
        Way::new("Extism: reused, bytes", unlimited.reused_bytes(&inputs)),
        Way::new("Extism: reused, limits, bytes", limited.reused_bytes(&inputs)),
        Way::new("Extism: fresh, bytes", unlimited.fresh_bytes(&inputs)),
        Way::new("Extism: fresh, limits, JSON", limited.fresh_json(&leads)),
        Way::new("Extism: fresh, limits, bytes", limited.fresh_bytes(&inputs)),
        Way::new("Extism: fresh, limits, bytes, pooling", pooled.fresh_bytes(&inputs)),
    ];
    for lead in 0..inputs.len() {
        for way in &mut ways {
            assert_eq!((way.decide)(lead), decide(lead), "{} decides by the same rules", way.what);
        }
    }
    // In turns, so that whatever else the machine does affects all of them. The first round is a warm-up.
    for round in 0..=ROUNDS {
        for way in &mut ways {
            way.measure(round);
        }
    }
    print(&mut ways);
}

/// A way to decide about a lead by its number, and how long each decision took.
struct Way<'a> {
    what: &'static str,
    decide: Box<dyn FnMut(usize) -> Decision + 'a>,
    ns: Vec<u64>,
}

impl<'a> Way<'a> {
    fn new(what: &'static str, decide: impl FnMut(usize) -> Decision + 'a) -> Self {
        Self { what, decide: Box::new(decide), ns: Vec::with_capacity(ROUNDS * ROUND_CALLS) }
    }

    fn measure(&mut self, round: usize) {
        for turn in 0..ROUND_CALLS {
            let began = Instant::now();
            black_box((self.decide)(turn % LEADS as usize));
            let ns = began.elapsed().as_nanos() as u64;
            if round > 0 {
                self.ns.push(ns);
            }
        }
    }

    /// The median and the 99th percentile, in microseconds.
    fn quantiles(&mut self) -> (f64, f64) {
        self.ns.sort_unstable();
        let at = |ix: usize| self.ns[ix] as f64 / 1e3;
        (at(self.ns.len() / 2), at(self.ns.len() * 99 / 100))
    }
}

fn print(ways: &mut [Way<'_>]) {
    let version = extism::extism_version().trim_end_matches('\0');
    println!("12 fields, 8 touches, {} calls each in turns, one thread; Extism {version}", ROUNDS * ROUND_CALLS);
    println!("{:<40} {:>9} {:>9} {:>9} {:>8} {:>8}", "", "p50 µs", "p99 µs", "a second", "x p50", "x p99");
    let (ours_p50, ours_p99) = ways[0].quantiles();
    for way in ways {
        let (p50, p99) = way.quantiles();
        let (what, second) = (way.what, 1e6 / p50);
        println!("{what:<40} {p50:>9.2} {p99:>9.2} {second:>9.0} {:>8.2} {:>8.2}", p50 / ours_p50, p99 / ours_p99);
    }
}
