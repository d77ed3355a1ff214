//! One call in a fresh instance within its budgets, and what became of it. Knows nothing of what is asked or answered.

use crate::limits::{Budgets, TRAP_BYTES_MAX};
use crate::ticker::{self, Watch};
use cadenza_core::plugin::{Budget, Cost, DecisionFailure};
use std::time::Instant;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{ResourceLimiter, Store, Trap, WasmBacktrace, WasmCoreDump};

/// Limits what an instance takes, and remembers how much that was.
#[derive(Debug)]
pub(crate) struct Taken {
    memory_bytes_max: usize,
    table_elements_max: usize,
    memory_bytes: usize,
}

/// The guest asked for more memory or a larger table than it may have.
#[derive(Debug, thiserror::Error)]
#[error("more memory or a larger table than the budget allows")]
struct OverMemory;

impl ResourceLimiter for Taken {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        if all > self.memory_bytes_max {
            return Err(wasmtime::Error::new(OverMemory));
        }
        self.memory_bytes = all;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.table_elements_max { Err(wasmtime::Error::new(OverMemory)) } else { Ok(true) }
    }
}

/// Makes an instance, calls `ask` with it and drops it; nothing of it remains.
pub(crate) fn call<R>(
    guest: &InstancePre<Taken>,
    watch: &Watch,
    budgets: &Budgets,
    ask: impl FnOnce(&mut Store<Taken>, &Instance) -> wasmtime::Result<R>,
) -> (Result<R, DecisionFailure>, Cost) {
    let began = Instant::now();
    let _underway = watch.decision();
    let mut store = store(guest, budgets);
    let answer = guest.instantiate(&mut store).and_then(|instance| ask(&mut store, &instance));
    let answer = answer.map_err(|error| failure(&error, &store));
    let fuel_left = store.get_fuel().expect("fuel is switched on in `compiled::config`");
    let mut cost = Cost {
        fuel: budgets.fuel.saturating_sub(fuel_left),
        memory_bytes: store.data().memory_bytes as u64,
        wall_ns: 0,
    };
    drop(store);
    cost.wall_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    (answer, cost)
}

fn store(guest: &InstancePre<Taken>, budgets: &Budgets) -> Store<Taken> {
    let taken =
        Taken { memory_bytes_max: budgets.memory_bytes, table_elements_max: budgets.table_elements, memory_bytes: 0 };
    let mut store = Store::new(guest.engine(), taken);
    store.limiter(|taken| taken);
    store.set_fuel(budgets.fuel).expect("fuel is switched on in `compiled::config`");
    store.set_epoch_deadline(ticker::ticks(budgets.wall_ms));
    store.set_hostcall_fuel(budgets.output_bytes);
    store
}

/// What the guest did wrong.
fn failure(error: &wasmtime::Error, store: &Store<Taken>) -> DecisionFailure {
    if error.is::<OverMemory>() {
        return DecisionFailure::Budget(Budget::Memory);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => DecisionFailure::Budget(Budget::Fuel),
        Some(Trap::Interrupt) => DecisionFailure::Budget(Budget::WallTime),
        Some(trap) => DecisionFailure::Trap(shorten(trap_text(*trap, error, store), TRAP_BYTES_MAX)),
        // wasmtime keeps the type of this error to itself; a test would notice another text.
        None if error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted") => {
            DecisionFailure::Budget(Budget::Output)
        }
        None => DecisionFailure::BadOutput(shorten(format!("{error:#}"), TRAP_BYTES_MAX)),
    }
}

/// The guest's panic message if it left one, else what happened and in which function.
fn trap_text(trap: Trap, error: &wasmtime::Error, store: &Store<Taken>) -> String {
    if let Some(message) = error.downcast_ref::<WasmCoreDump>().and_then(|dump| panic_message(dump, store)) {
        return message;
    }
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    let dumped = error.downcast_ref::<WasmCoreDump>().map_or(&[][..], WasmCoreDump::frames);
    match frames.iter().chain(dumped).find_map(|frame| frame.func_name()) {
        Some(function) => format!("{trap} in {function}"),
        None => trap.to_string(),
    }
}

/// What a guest writes before its panic message, at an address divisible by 16; the message's length in bytes follows
/// in four bytes, then the message. A guest has no imports, so this is the only way it can say why it stops.
const PANIC_MARK: [u8; 16] = *b"\x00cadenza:panic\x00\x01";
/// How much of a guest's memory is searched for it. Kits keep the message among their static data, which comes first.
const PANIC_SEARCH_BYTES_MAX: usize = 1024 * 1024;

fn panic_message(dump: &WasmCoreDump, store: &Store<Taken>) -> Option<String> {
    dump.memories().iter().find_map(|memory| {
        let bytes = memory.data(store);
        let bytes = &bytes[..bytes.len().min(PANIC_SEARCH_BYTES_MAX)];
        let marks = (0..bytes.len()).step_by(PANIC_MARK.len()).filter(|at| bytes[*at..].starts_with(&PANIC_MARK));
        marks.map(|at| &bytes[at + PANIC_MARK.len()..]).find_map(note)
    })
}

/// The message behind a mark; none when its length is a lie.
fn note(after: &[u8]) -> Option<String> {
    let (length, message) = after.split_first_chunk::<4>()?;
    let message = message.get(..u32::from_le_bytes(*length) as usize).filter(|message| !message.is_empty())?;
    Some(String::from_utf8_lossy(&message[..message.len().min(TRAP_BYTES_MAX)]).into_owned())
}

/// The beginning of a text, at most so many bytes.
pub(crate) fn shorten(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}
