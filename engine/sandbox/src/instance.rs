//! One call in a fresh instance within its budgets, and how it ended. Does not know what is asked or answered.

use crate::contract::LOG;
use crate::limits::{Budgets, TRAP_BYTES_MAX};
use crate::resource::Resource;
use crate::ticker::{self, Watch};
use cadenza_core::plugin::{Budget, Cost, DecisionFailure};
use std::time::Instant;
use wasmtime::component::{Instance, InstancePre, Linker};
use wasmtime::{Engine, FrameInfo, ResourceLimiter, Store, StoreContextMut, Trap, WasmBacktrace, WasmCoreDump};

/// Limits what an instance takes, and remembers how much that was.
#[derive(Debug)]
pub(crate) struct Taken {
    budgets: Budgets,
    memory_bytes: usize,
    table_elements: usize,
    /// The resource of which the guest wanted more than it may have.
    refused: Option<Resource>,
    log: Vec<String>,
    log_bytes: usize,
    panic: Option<String>,
    panics: usize,
}

/// The guest wanted more of something than it may have.
#[derive(Debug, thiserror::Error)]
#[error("more {0:?} than the budget allows")]
struct Over(Budget);

fn over(budget: Budget) -> wasmtime::Error {
    wasmtime::Error::new(Over(budget))
}

impl ResourceLimiter for Taken {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        if all > self.budgets.memory_bytes {
            self.refused = Some(Resource::Memory);
            return Err(over(Budget::Memory));
        }
        self.memory_bytes = all;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.budgets.table_elements {
            self.refused = Some(Resource::TableElements);
            return Err(over(Budget::Memory));
        }
        self.table_elements = self.table_elements.max(desired);
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.budgets.instances
    }

    fn tables(&self) -> usize {
        self.budgets.tables
    }
}

/// What a guest may import: a place to log lines.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Taken>> {
    let mut linker = Linker::new(engine);
    let mut log = linker.instance(LOG)?;
    log.func_wrap("panic", |mut store: StoreContextMut<'_, Taken>, (message,): (String,)| {
        let taken = store.data_mut();
        // What the host copies burns none of the guest's fuel, so it must be limited here.
        taken.panics += 1;
        if taken.panics > taken.budgets.log_lines.max(1) {
            return Err(over(Budget::Log));
        }
        taken.panic = Some(shorten(message, TRAP_BYTES_MAX));
        Ok(())
    })?;
    log.func_wrap("line", |mut store: StoreContextMut<'_, Taken>, (line,): (String,)| {
        let taken = store.data_mut();
        taken.log_bytes += line.len();
        if taken.log.len() >= taken.budgets.log_lines {
            taken.refused = Some(Resource::LogLines);
            return Err(over(Budget::Log));
        }
        if taken.log_bytes > taken.budgets.log_bytes {
            return Err(over(Budget::Log));
        }
        taken.log.push(line);
        Ok(())
    })?;
    Ok(linker)
}

/// How a call ended.
pub(crate) struct Called<R> {
    pub(crate) answer: Result<R, DecisionFailure>,
    pub(crate) cost: Cost,
    /// How many elements its largest table had.
    pub(crate) table_elements: usize,
    /// What ran out.
    pub(crate) exceeded: Option<Resource>,
    /// What the guest logged meanwhile.
    pub(crate) log: Vec<String>,
    /// The guest's functions that were running when it trapped, innermost first.
    pub(crate) backtrace: Vec<String>,
}

/// Makes an instance, calls `ask` with it and drops it; nothing of it remains.
pub(crate) fn call<R>(
    guest: &InstancePre<Taken>,
    watch: &Watch,
    budgets: &Budgets,
    ask: impl FnOnce(&mut Store<Taken>, &Instance) -> wasmtime::Result<R>,
) -> Called<R> {
    let began = Instant::now();
    let _underway = watch.decision();
    let mut store = store(guest, budgets);
    let answer = guest.instantiate(&mut store).and_then(|instance| ask(&mut store, &instance));
    let backtrace = answer.as_ref().err().map_or_else(Vec::new, backtrace);
    let answer = answer.map_err(|error| failure(&error, &store));
    let exceeded = answer.as_ref().err().and_then(|failure| exceeded(failure, store.data().refused));
    let fuel_left = store.get_fuel().expect("fuel is switched on in `compiled::config`");
    let taken = store.data_mut();
    let log = std::mem::take(&mut taken.log);
    let table_elements = taken.table_elements;
    let mut cost = Cost {
        fuel: budgets.fuel.saturating_sub(fuel_left),
        memory_bytes: taken.memory_bytes as u64,
        log_lines: log.len() as u32,
        ..Cost::default()
    };
    drop(store);
    let wall = began.elapsed();
    cost.wall_ns = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
    cost.wall_us = u32::try_from(wall.as_micros()).unwrap_or(u32::MAX);
    Called { answer, cost, table_elements, exceeded, log, backtrace }
}

fn store(guest: &InstancePre<Taken>, budgets: &Budgets) -> Store<Taken> {
    let taken = Taken {
        budgets: *budgets,
        memory_bytes: 0,
        table_elements: 0,
        refused: None,
        log: Vec::new(),
        log_bytes: 0,
        panic: None,
        panics: 0,
    };
    let mut store = Store::new(guest.engine(), taken);
    store.limiter(|taken| taken);
    store.set_fuel(budgets.fuel).expect("fuel is switched on in `compiled::config`");
    store.set_epoch_deadline(ticker::ticks(budgets.wall_ms));
    store.set_hostcall_fuel(budgets.output_bytes);
    store
}

/// What the guest did wrong.
fn failure(error: &wasmtime::Error, store: &Store<Taken>) -> DecisionFailure {
    if let Some(Over(budget)) = error.downcast_ref() {
        return DecisionFailure::Budget(*budget);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => DecisionFailure::Budget(Budget::Fuel),
        Some(Trap::Interrupt) => DecisionFailure::Budget(Budget::WallTime),
        Some(trap) => DecisionFailure::Trap(shorten(trap_text(*trap, error, store), TRAP_BYTES_MAX)),
        None => untyped(error),
    }
}

/// Which budget ran out.
fn exceeded(failure: &DecisionFailure, refused: Option<Resource>) -> Option<Resource> {
    let DecisionFailure::Budget(budget) = failure else { return None };
    Some(match budget {
        Budget::Fuel => Resource::Fuel,
        Budget::WallTime => Resource::Time,
        Budget::Memory => refused.unwrap_or(Resource::Memory),
        Budget::Output => Resource::Output,
        // If it is neither, it was the bytes of the log, or too many panic messages.
        Budget::Log => return refused,
    })
}

/// wasmtime keeps the types of these errors private. Tests would notice other texts.
fn untyped(error: &wasmtime::Error) -> DecisionFailure {
    let cause = error.root_cause().to_string();
    // If functions of the guest were running, it is about a text that the guest logs, not about its answer.
    let says = frames(error).next().is_some();
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return DecisionFailure::Budget(if says { Budget::Log } else { Budget::Output });
    }
    if cause.starts_with("resource limit exceeded") {
        return DecisionFailure::Budget(Budget::Memory);
    }
    // If functions of the guest were running, the error is wrapped in a description of the store,
    // which is different every time.
    let text = if says { cause } else { format!("{error:#}") };
    DecisionFailure::BadOutput(shorten(text, TRAP_BYTES_MAX))
}

/// The guest's panic message if it logged or left one. Otherwise what happened, and in which function.
fn trap_text(trap: Trap, error: &wasmtime::Error, store: &Store<Taken>) -> String {
    if let Some(message) = &store.data().panic {
        return message.clone();
    }
    if let Some(message) = error.downcast_ref::<WasmCoreDump>().and_then(|dump| panic_message(dump, store)) {
        return message;
    }
    match frames(error).find_map(FrameInfo::func_name) {
        Some(function) => format!("{trap} in {function}"),
        None => trap.to_string(),
    }
}

fn frames(error: &wasmtime::Error) -> impl Iterator<Item = &FrameInfo> {
    let traced = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    let dumped = || error.downcast_ref::<WasmCoreDump>().map_or(&[][..], WasmCoreDump::frames);
    // An error may carry the same frames in either form.
    if traced.is_empty() { dumped().iter() } else { traced.iter() }
}

/// How many functions of a backtrace are kept.
const FRAMES_MAX: usize = 32;
/// The most bytes of a function's name.
const FUNCTION_BYTES_MAX: usize = 200;

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let name = |frame: &FrameInfo| match frame.func_name() {
        Some(name) => shorten(name.to_owned(), FUNCTION_BYTES_MAX),
        None => format!("function {} without a name", frame.func_index()),
    };
    frames(error).take(FRAMES_MAX).map(name).collect()
}

/// What a guest writes before its panic message, at an address divisible by 16. The message's length in bytes follows
/// in four bytes, and then the message. A guest that does not import `log` has no other way to say why it stops.
const PANIC_MARK: [u8; 16] = *b"\x00cadenza:panic\x00\x01";
/// How much of a guest's memory is searched for the mark. SDKs keep the message among their
/// static data, which comes first.
const PANIC_SEARCH_BYTES_MAX: usize = 1024 * 1024;

fn panic_message(dump: &WasmCoreDump, store: &Store<Taken>) -> Option<String> {
    dump.memories().iter().find_map(|memory| {
        let bytes = memory.data(store);
        let bytes = &bytes[..bytes.len().min(PANIC_SEARCH_BYTES_MAX)];
        let marks = (0..bytes.len()).step_by(PANIC_MARK.len()).filter(|at| bytes[*at..].starts_with(&PANIC_MARK));
        marks.map(|at| &bytes[at + PANIC_MARK.len()..]).find_map(note)
    })
}

/// The message after a mark; `None` if its length cannot be right.
fn note(after: &[u8]) -> Option<String> {
    let (length, message) = after.split_first_chunk::<4>()?;
    let message = message.get(..u32::from_le_bytes(*length) as usize).filter(|message| !message.is_empty())?;
    Some(String::from_utf8_lossy(&message[..message.len().min(TRAP_BYTES_MAX)]).into_owned())
}

/// The beginning of a text, at most this many bytes.
pub(crate) fn shorten(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}
