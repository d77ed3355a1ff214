//! What a decision costs with full isolation, beside wasmtime's floor in the same run: a fresh instance of a raw core
//! module under the same limits and with the same rules, that takes its input in one buffer and answers in one.
//!
//! `cargo bench -p cadenza-tests --bench decisions`

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use cadenza_core::id::Digest;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{
    Decision, DecisionInput, DecisionKind, EngagementSeen, Reads, Reason, Segment, TouchSeen, With, lay_out,
};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_sandbox::{HostLimits, Sandbox};
use std::hint::black_box;
use std::time::Instant;
use support::guests;

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
    let inputs = inputs(&sandbox, 100);
    let floor = Floor::new(&limits);

    let mut buffer = Vec::new();
    for input in &inputs {
        let decided = sandbox.decide(plugin, DecisionKind::Scoring, input).answer;
        assert_eq!(decided, Ok(floor.call(input, &mut buffer)), "the floor decides by the same rules");
    }
    let (mut fuel, mut memory) = (0, 0);
    let (mut floor_ns, mut decide_ns, mut batch_ns) = (Vec::new(), Vec::new(), Vec::new());
    // For a profiler: `--only decide` leaves the rest aside.
    let only = support::option::<String>("--only");
    let calls = |what: &str| if only.as_ref().is_none_or(|only| only == what) { ROUND_CALLS } else { 1 };
    // In turns, so that whatever else the machine does falls on all of them.
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
        // The first round warms up.
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

/// Leads that differ, with eight touches each.
fn inputs(sandbox: &Sandbox, count: i64) -> Vec<DecisionInput> {
    let info = sandbox.plugin(named(sandbox)).expect("it is loaded");
    let parameters = lay_out(info, &With::new()).expect("every parameter has a default");
    let Reads { fields, .. } = sandbox.reads(info.digest, &parameters).expect("the defaults go together");
    let now = Timestamp::parse("2026-03-02T09:00:00Z").expect("a time");
    let one = |lead: i64| DecisionInput {
        now,
        parameters: parameters.clone(),
        fields: fields.iter().map(|field| field_value(&field.name, lead, now)).collect(),
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
    let outcome = [Outcome::NoAnswer, Outcome::Voicemail, Outcome::Connected][turn as usize % 3];
    TouchSeen {
        age_s: 40_000 * (turn as u32 + 1),
        channel: [Channel::Call, Channel::Email][turn as usize % 2],
        outcome,
        result: outcome.reached().then_some(TouchResult::Callback),
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

/// The rules of `inbound-fit` as a raw core module (`tests/guests/floor`), under the same limits: one buffer in, one out.
struct Floor {
    guest: wasmtime::InstancePre<wasmtime::StoreLimits>,
    memory_bytes_max: usize,
    /// Where the buffer lies; the same in every instance.
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

/// The input as `tests/guests/floor` reads it: values one after another, a byte before those that may be blank.
fn write_flat(input: &DecisionInput, buffer: &mut Vec<u8>) {
    buffer.extend(input.now.as_ms().to_le_bytes());
    for value in &input.parameters {
        write_value(value, buffer);
    }
    for value in &input.fields {
        buffer.push(u8::from(!value.is_blank()));
        write_value(value, buffer);
    }
    buffer.extend((input.touches.len() as u32).to_le_bytes());
    for touch in &input.touches {
        buffer.extend(touch.age_s.to_le_bytes());
        buffer.extend([touch.channel as u8, 0, touch.outcome as u8, 0, u8::from(touch.result.is_some())]);
        // The position of `callback` among the plugin's codes.
        buffer.extend(touch.result.map(|_| [2, 0]).into_iter().flatten());
    }
    buffer.extend((input.engagement.len() as u32).to_le_bytes());
    for seen in &input.engagement {
        buffer.extend(seen.age_s.to_le_bytes());
        buffer.extend([255, 255]);
        write_text(&seen.detail, buffer);
    }
    buffer.push(u8::from(input.previous_score.is_some()));
    buffer.extend(input.previous_score.map(|score| i64::from(score).to_le_bytes()).into_iter().flatten());
}

fn write_value(value: &Value, buffer: &mut Vec<u8>) {
    match value {
        Value::Text(text) => write_text(text, buffer),
        Value::Int(int) => buffer.extend(int.to_le_bytes()),
        Value::Number(number) => buffer.extend(number.to_le_bytes()),
        Value::Time(at) => buffer.extend(at.as_ms().to_le_bytes()),
        Value::List(values) => {
            buffer.extend((values.len() as u32).to_le_bytes());
            values.iter().for_each(|value| write_value(value, buffer));
        }
        Value::Blank => {}
        Value::Bool(_) | Value::Duration(_) => unreachable!("inbound-fit reads none"),
    }
}

fn write_text(text: &str, buffer: &mut Vec<u8>) {
    buffer.extend((text.len() as u32).to_le_bytes());
    buffer.extend(text.as_bytes());
}

/// The answer as `tests/guests/floor` writes it.
fn read_flat(bytes: &[u8]) -> Decision {
    let mut rest = bytes;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at(count);
        rest = tail;
        head
    };
    let points = i32::from_le_bytes(take(4).try_into().expect("four bytes"));
    let segment = Segment::ALL[usize::from(take(1)[0])];
    let rescore_after_s = u32::from_le_bytes(take(4).try_into().expect("four bytes"));
    let reasons = (0..take(1)[0])
        .map(|_| Reason {
            rule: u16::from_le_bytes(take(2).try_into().expect("two bytes")),
            points: i32::from_le_bytes(take(4).try_into().expect("four bytes")),
            value: {
                let bytes = usize::from(take(1)[0]);
                String::from_utf8(take(bytes).to_vec()).expect("it writes UTF-8")
            },
        })
        .collect();
    let rescore_after_s = (rescore_after_s != u32::MAX).then_some(rescore_after_s);
    Decision::Score { points, segment, reasons, rescore_after_s }
}
