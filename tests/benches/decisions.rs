//! What a decision costs with full isolation, compared in the same run with wasmtime's minimum: a fresh
//! instance of a raw core module under the same limits and with the same rules, which takes its input in one
//! buffer and answers in one.
//!
//! `cargo bench -p cadenza-tests --bench decisions`

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use cadenza_core::id::Digest;
use cadenza_core::plugin::{Decision, DecisionInput, DecisionKind};
use cadenza_sandbox::{HostLimits, Sandbox};
use std::hint::black_box;
use std::time::Instant;
use support::flat::{read_flat, write_flat};
use support::guests;
use support::leads::inputs;

mod support;

const ROUNDS: usize = 40;
const ROUND_CALLS: usize = 1_000;
const CALLS: usize = ROUNDS * ROUND_CALLS;
const PLUGIN: &str = "inbound-fit";

fn main() {
    let limits = HostLimits::default();
    let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
    for (_, component) in cadenza_plugins::PLUGINS {
        sandbox.load(component, None).expect("first-party plugins load");
    }
    let plugin = named(&sandbox);
    let inputs = inputs(&sandbox, plugin, 100);
    let floor = Floor::new(&limits);

    let mut buffer = Vec::new();
    for input in &inputs {
        let decided = sandbox.decide(plugin, DecisionKind::Scoring, input).answer;
        assert_eq!(decided, Ok(floor.call(input, &mut buffer)), "the floor decides by the same rules");
    }
    let (mut fuel, mut memory) = (0, 0);
    let (mut floor_ns, mut decide_ns, mut batch_ns) = (Vec::new(), Vec::new(), Vec::new());
    // For a profiler: `--only decide` measures nothing else.
    let only = support::option::<String>("--only");
    let calls = |what: &str| if only.as_ref().is_none_or(|only| only == what) { ROUND_CALLS } else { 1 };
    // In turns, so that whatever else the machine does affects all of them.
    for round in 0..=ROUNDS {
        let floor_round = time(calls("floor"), |turn| {
            black_box(floor.call(&inputs[turn % inputs.len()], &mut buffer));
        });
        let decide_round = time(calls("decide"), |turn| {
            let decided = sandbox.decide(plugin, DecisionKind::Scoring, &inputs[turn % inputs.len()]);
            black_box(decided.answer.expect("a score"));
            fuel = decided.cost.fuel.max(fuel);
            memory = decided.cost.memory_bytes;
        });
        let batch_round = time(calls("batch").div_ceil(inputs.len()), |_| {
            black_box(sandbox.score_batch(plugin, &inputs));
        });
        // The first round is a warm-up.
        if round > 0 {
            floor_ns.extend(floor_round);
            decide_ns.extend(decide_round);
            batch_ns.extend(batch_round.into_iter().map(|ns| ns / inputs.len() as u64));
        }
    }
    let two = if only.is_none() { two_workers(&limits, &inputs) } else { 0.0 };

    let (floor_p50, floor_p99) = quantiles(&mut floor_ns);
    let (decide_p50, decide_p99) = quantiles(&mut decide_ns);
    let (batch_p50, batch_p99) = quantiles(&mut batch_ns);
    println!("12 fields, 8 touches, fresh instance, fuel + epoch + memory limits, {CALLS} calls, one thread");
    println!("{:<36} {:>9} {:>9} {:>9} {:>8}", "", "p50 µs", "p99 µs", "a second", "x floor");
    let row = |what: &str, p50: f64, p99: f64| {
        println!("{what:<36} {p50:>9.2} {p99:>9.2} {:>9.0} {:>8.2}", 1e6 / p50, p50 / floor_p50);
    };
    row("raw core module (wasmtime's floor)", floor_p50, floor_p99);
    row("decision, inbound-fit", decide_p50, decide_p99);
    row("batch of 100, a lead", batch_p50, batch_p99);
    println!("two workers decide {two:.2} x as much as one; at most {fuel} fuel, {memory} bytes of memory");
}

/// Nanoseconds of each call.
fn time(calls: usize, mut call: impl FnMut(usize)) -> Vec<u64> {
    let one = |turn| {
        let began = Instant::now();
        call(turn);
        began.elapsed().as_nanos() as u64
    };
    (0..calls).map(one).collect()
}

fn quantiles(ns: &mut [u64]) -> (f64, f64) {
    ns.sort_unstable();
    (ns[ns.len() / 2] as f64 / 1e3, ns[ns.len() * 99 / 100] as f64 / 1e3)
}

/// How much more two workers do in the same time than one.
fn two_workers(limits: &HostLimits, inputs: &[DecisionInput]) -> f64 {
    let rate = |workers: usize| {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    let mut sandbox = Sandbox::new(limits).expect("this machine runs plugins");
                    let (_, component) = cadenza_plugins::PLUGINS[0];
                    let info = sandbox.load(component, None).expect("it loads");
                    for turn in 0..CALLS {
                        let input = &inputs[turn % inputs.len()];
                        black_box(sandbox.decide(info.digest, DecisionKind::Scoring, input)).answer.expect("a score");
                    }
                });
            }
        });
        workers as f64 / began.elapsed().as_secs_f64()
    };
    let one = rate(1);
    rate(2) / one
}

fn named(sandbox: &Sandbox) -> Digest {
    sandbox.plugins().find(|info| info.name == PLUGIN).expect("it is loaded").digest
}

/// The rules of `inbound-fit` as a raw core module (`tests/guests/floor`), under the same
/// limits: one buffer in, one out.
struct Floor {
    guest: wasmtime::InstancePre<wasmtime::StoreLimits>,
    memory_bytes_max: usize,
    /// Where the buffer lies, which is the same in every instance.
    buffer_at: usize,
}

impl Floor {
    fn new(limits: &HostLimits) -> Self {
        let mut pool = wasmtime::PoolingAllocationConfig::new();
        pool.total_core_instances(2)
            .total_memories(2)
            .total_tables(2)
            .max_memory_size(limits.memory_bytes_max)
            .linear_memory_keep_resident(64 * 1024)
            .table_keep_resident(4 * 1024);
        let mut config = wasmtime::Config::new();
        config
            .allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool))
            .consume_fuel(true)
            .epoch_interruption(true)
            .concurrency_support(false);
        let engine = wasmtime::Engine::new(&config).expect("the settings go together");
        let module = wasmtime::Module::new(&engine, guests::build("floor")).expect("a valid module");
        let guest = wasmtime::Linker::new(&engine).instantiate_pre(&module).expect("it imports nothing");
        let mut floor = Self { guest, memory_bytes_max: limits.memory_bytes_max, buffer_at: 0 };
        let mut store = floor.store();
        let instance = floor.guest.instantiate(&mut store).expect("there is room");
        let at = instance.get_global(&mut store, "BUFFER").expect("it is exported").get(&mut store);
        floor.buffer_at = at.unwrap_i32() as usize;
        floor
    }

    fn store(&self) -> wasmtime::Store<wasmtime::StoreLimits> {
        let limits = wasmtime::StoreLimitsBuilder::new().memory_size(self.memory_bytes_max).build();
        let mut store = wasmtime::Store::new(self.guest.module().engine(), limits);
        store.limiter(|limits| limits);
        store.set_fuel(500_000).expect("fuel is on");
        store.set_epoch_deadline(50);
        store
    }

    fn call(&self, input: &DecisionInput, buffer: &mut Vec<u8>) -> Decision {
        buffer.clear();
        write_flat(input, buffer);
        let mut store = self.store();
        let instance = self.guest.instantiate(&mut store).expect("there is room");
        let memory = instance.get_memory(&mut store, "memory").expect("it is exported");
        let score = instance.get_typed_func::<(), u32>(&mut store, "score").expect("it is exported");
        memory.write(&mut store, self.buffer_at, buffer).expect("the buffer is large enough");
        let bytes = score.call(&mut store, ()).expect("it answers") as usize;
        read_flat(&memory.data(&store)[self.buffer_at..self.buffer_at + bytes])
    }
}
