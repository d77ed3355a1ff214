//! What a decision costs with full isolation, beside wasmtime's floor in the same run: a fresh instance of a raw core
//! module under the same limits, that takes the same bytes in one buffer and answers in one.
//!
//! `cargo bench -p cadenza-tests --bench decisions`

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use cadenza_core::plugin::{DecisionInput, DecisionKind, EngagementSeen, Reads, TouchSeen, With, lay_out};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_sandbox::{HostLimits, Sandbox};
use std::hint::black_box;
use std::time::Instant;

const CALLS: usize = 40_000;
const WARM_UP: usize = 4_000;
const PLUGIN: &str = "inbound-fit";

fn main() {
    let limits = HostLimits::default();
    let mut sandbox = Sandbox::new(&limits).expect("this machine runs plugins");
    for (_, component) in cadenza_plugins::PLUGINS {
        sandbox.load(component, None).expect("first-party plugins load");
    }
    let inputs = inputs(&sandbox, 100);
    let floor = Floor::new(&limits);

    let mut floor_ns = measure(|turn| {
        black_box(floor.call(&inputs[turn % inputs.len()]));
    });
    let (mut fuel, mut memory) = (0, 0);
    let mut decide_ns = measure(|turn| {
        let (answer, cost) = sandbox.decide(PLUGIN, DecisionKind::Scoring, &inputs[turn % inputs.len()]);
        black_box(answer.expect("a score"));
        fuel = cost.fuel.max(fuel);
        memory = cost.memory_bytes;
    });
    let began = Instant::now();
    let batches = CALLS / inputs.len();
    for _ in 0..batches {
        black_box(sandbox.score_batch(PLUGIN, &inputs));
    }
    let batch_ns = began.elapsed().as_nanos() as f64 / (batches * inputs.len()) as f64;
    let two = two_workers(&limits, &inputs);

    let (floor_p50, floor_p99) = quantiles(&mut floor_ns);
    let (decide_p50, decide_p99) = quantiles(&mut decide_ns);
    println!("12 fields, 8 touches, fresh instance, fuel + epoch + memory limits, {CALLS} calls, one thread");
    println!("{:<36} {:>9} {:>9} {:>9} {:>8}", "", "p50 µs", "p99 µs", "a second", "x floor");
    let row = |what: &str, p50: f64, p99: f64| {
        println!("{what:<36} {p50:>9.2} {p99:>9.2} {:>9.0} {:>8.2}", 1e6 / p50, p50 / floor_p50);
    };
    row("raw core module (wasmtime's floor)", floor_p50, floor_p99);
    row("decision, inbound-fit", decide_p50, decide_p99);
    row("batch of 100, a lead", batch_ns / 1e3, batch_ns / 1e3);
    println!("two workers decide {two:.2} x as much as one; at most {fuel} fuel, {memory} bytes of memory");
}

/// Nanoseconds of each call, after a warm-up.
fn measure(mut call: impl FnMut(usize)) -> Vec<u64> {
    (0..WARM_UP).for_each(&mut call);
    (0..CALLS)
        .map(|turn| {
            let began = Instant::now();
            call(turn);
            began.elapsed().as_nanos() as u64
        })
        .collect()
}

fn quantiles(ns: &mut [u64]) -> (f64, f64) {
    ns.sort_unstable();
    (ns[ns.len() / 2] as f64 / 1e3, ns[ns.len() * 99 / 100] as f64 / 1e3)
}

/// How much more two workers get done in the same time than one.
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
                        black_box(sandbox.decide(&info.name, DecisionKind::Scoring, input)).0.expect("a score");
                    }
                });
            }
        });
        workers as f64 / began.elapsed().as_secs_f64()
    };
    let one = rate(1);
    rate(2) / one
}

/// Leads that differ, with eight touches each.
fn inputs(sandbox: &Sandbox, count: i64) -> Vec<DecisionInput> {
    let info = sandbox.plugin(PLUGIN).expect("it is loaded");
    let parameters = lay_out(info, &With::new()).expect("every parameter has a default");
    let Reads { fields, .. } = sandbox.reads(PLUGIN, &parameters).expect("the defaults go together");
    let now = Timestamp::parse("2026-03-02T09:00:00Z").expect("a time");
    let one = |lead: i64| DecisionInput {
        now,
        parameters: parameters.clone(),
        fields: fields.iter().map(|field| field_value(field, lead, now)).collect(),
        touches: (0..8).map(|touch| touch_seen(lead + touch)).collect(),
        engagement: (0..2)
            .map(|seen| EngagementSeen { age_s: 90_000 * (seen + 1), kind: "page".into(), detail: "pricing".into() })
            .collect(),
        owner_present: None,
        previous_score: Some(60),
        business_elapsed_ms: None,
        overdue: None,
    };
    (0..count).map(one).collect()
}

fn touch_seen(turn: i64) -> TouchSeen {
    let outcome = ["no_answer", "voicemail", "connected"][turn as usize % 3];
    TouchSeen {
        age_s: 40_000 * (turn as u32 + 1),
        channel: ["call", "email"][turn as usize % 2].into(),
        outcome: outcome.into(),
        result: (outcome == "connected").then(|| "callback".into()),
    }
}

fn field_value(field: &str, lead: i64, now: Timestamp) -> Value {
    match field {
        "email" => Value::Text(format!("person{lead}@company.example")),
        "title" => Value::Text("Director of Operations".into()),
        "industry" => Value::Text("manufacturing".into()),
        "country" => Value::Text("DE".into()),
        "source" => Value::Text("web".into()),
        "product" => Value::Text("platform".into()),
        "pain" => Value::Text("leads are answered too late".into()),
        "message" => Value::Text("We would like a demo for a team of forty people next month.".into()),
        "employees" => Value::Int(100 + lead * 10),
        "budget" => Value::Number(5_000.0 + lead as f64 * 100.0),
        "project_date" => Value::Time(now.plus_ms((lead + 30) * DAY_MS)),
        _ => Value::Blank,
    }
}

/// A raw core module under the same limits.
struct Floor {
    guest: wasmtime::InstancePre<wasmtime::StoreLimits>,
    memory_bytes_max: usize,
}

/// Reads every byte of the buffer and answers 64 bytes; what a guest cannot do with less.
const FLOOR_GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "score") (param $at i32) (param $bytes i32) (result i32)
        (local $sum i64) (local $end i32)
        (local.set $end (i32.add (local.get $at) (local.get $bytes)))
        (loop $next
            (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
        (i64.store (i32.const 8192) (local.get $sum))
        (i32.const 8192)))"#;

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
        let module = wat::parse_str(FLOOR_GUEST).expect("valid text");
        let module = wasmtime::Module::new(&engine, module).expect("a valid module");
        let guest = wasmtime::Linker::new(&engine).instantiate_pre(&module).expect("it imports nothing");
        Self { guest, memory_bytes_max: limits.memory_bytes_max }
    }

    fn call(&self, input: &DecisionInput) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(1024);
        write_flat(input, &mut buffer);
        let limits = wasmtime::StoreLimitsBuilder::new().memory_size(self.memory_bytes_max).build();
        let mut store = wasmtime::Store::new(self.guest.module().engine(), limits);
        store.limiter(|limits| limits);
        store.set_fuel(500_000).expect("fuel is on");
        store.set_epoch_deadline(50);
        let instance = self.guest.instantiate(&mut store).expect("there is room");
        let memory = instance.get_memory(&mut store, "memory").expect("it is exported");
        let score = instance.get_typed_func::<(u32, u32), u32>(&mut store, "score").expect("it is exported");
        memory.write(&mut store, 1024, &buffer).expect("a page is enough");
        let answer = score.call(&mut store, (1024, buffer.len() as u32)).expect("it answers") as usize;
        memory.data(&store)[answer..answer + 64].to_vec()
    }
}

/// The input as bytes, texts with their lengths; not meant to be read.
fn write_flat(input: &DecisionInput, buffer: &mut Vec<u8>) {
    let text = |text: &str, buffer: &mut Vec<u8>| {
        buffer.extend((text.len() as u32).to_le_bytes());
        buffer.extend(text.as_bytes());
    };
    for value in input.parameters.iter().chain(&input.fields) {
        match value {
            Value::Text(value) => text(value, buffer),
            Value::Int(int) => buffer.extend(int.to_le_bytes()),
            Value::Number(number) => buffer.extend(number.to_le_bytes()),
            Value::List(values) => buffer.extend((values.len() as u32).to_le_bytes()),
            _ => buffer.push(0),
        }
    }
    for touch in &input.touches {
        buffer.extend(touch.age_s.to_le_bytes());
        text(&touch.channel, buffer);
        text(&touch.outcome, buffer);
    }
}
