//! Generated code in place of `score`, `reads` and `realloc`: whatever it does, it ends in a typed outcome, and in the
//! same one in every sandbox. Only `describe` is ours, so that it is loaded at all.
//!
//! Modules worth keeping are in `tests/guests/generated`. Each is named after how it ends, and has to end that way
//! again. `CADENZA_HOSTILE_KEEP=tests/guests/generated` adds modules that end in a way that none of those kept does.

use crate::damaged::{rounds, seed};
use crate::input;
use arbitrary::{Arbitrary as _, Unstructured};
use cadenza_core::plugin::{DecisionFailure, DecisionKind};
use cadenza_sandbox::{Decided, HostLimits, LoadError, Sandbox};
use cadenza_tests::guest::{CONTRACT, Guest, encode};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wasm_encoder::{CodeSection, Function, MemArg, RawSection};
use wasm_smith::{Config, Module};
use wasmparser::{ExternalKind, Parser, Payload};

/// Modules that are generated in each run.
const FRESH: usize = 200;
/// The most fuel of a decision, because generated code often loops forever.
const FUEL: u64 = 200_000;
/// Random bytes from which a module is made.
const SEED_BYTES: usize = 8 * 1024;

/// What a plugin exports, with bodies that do not matter.
const SHAPE: &str = r#"(module
    (memory (export "memory") 1 64)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "cadenza:plugin/describe@1.0.0#describe") (result i32) unreachable)
    (func (export "cadenza:plugin/describe@1.0.0#reads") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
    (func (export "cadenza:plugin/scorer@1.0.0#score")
        (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
    (func (export "cadenza:plugin/scorer@1.0.0#score-batch")
        (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))"#;
const IMPORTS: &str = r#"(module
    (import "cadenza:plugin/log@1.0.0" "line" (func (param i32 i32)))
    (import "cadenza:plugin/log@1.0.0" "panic" (func (param i32 i32))))"#;

/// A core module with a plugin's exports, made from random bytes; `None` if they are not enough.
fn generate(seed: u64) -> Option<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; SEED_BYTES];
    random.fill(&mut bytes);
    let mut bytes = Unstructured::new(&bytes);
    let mut config = Config::arbitrary(&mut bytes).ok()?;
    config.exports = Some(wat::parse_str(SHAPE).expect("valid text"));
    config.available_imports = Some(wat::parse_str(IMPORTS).expect("valid text"));
    // What is switched off is refused before anything runs, which is tested elsewhere.
    config.threads_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.memory64_enabled = false;
    config.relaxed_simd_enabled = false;
    config.exceptions_enabled = false;
    config.gc_enabled = false;
    config.custom_page_sizes_enabled = false;
    config.custom_descriptors_enabled = false;
    config.wide_arithmetic_enabled = false;
    config.allow_invalid_funcs = false;
    config.max_memory32_bytes = 8 * 1024 * 1024;
    // References to things of the host are among that too, but so are operations on tables, so some have them.
    config.reference_types_enabled &= random.u8(..) < 32;
    // Its memory comes on top of this.
    config.max_memories = 0;
    config.max_tables = 1;
    config.max_table_elements = 1_000;
    config.max_funcs = config.max_funcs.max(12);
    config.max_instructions = 400;
    // A start function is allowed in some, and code that does not trap at once is in half of them.
    config.allow_start_export = random.u8(..) < 16;
    config.disallow_traps = random.bool();
    Module::new(config, &mut bytes).ok().map(|module| module.to_bytes())
}

/// The module with a `describe` that writes what a well-behaved guest says, and returns where it is.
fn describing(module: &[u8]) -> Vec<u8> {
    let (mut imported, mut describe) = (0, None);
    for payload in Parser::new(0).parse_all(module) {
        match payload.expect("it was made valid") {
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(|import| import.expect("valid"));
                imported = imports.filter(|import| matches!(import.ty, wasmparser::TypeRef::Func(_))).count() as u32;
            }
            Payload::ExportSection(exports) => {
                let exports = exports.into_iter().map(|export| export.expect("valid"));
                let mut functions = exports.filter(|export| export.kind == ExternalKind::Func);
                describe = functions.find(|export| export.name.ends_with("#describe")).map(|export| export.index);
            }
            _ => {}
        }
    }
    let describe = describe.expect("it has a plugin's exports") - imported;
    let slice = |range: std::ops::Range<u64>| &module[range.start as usize..range.end as usize];
    let (mut changed, mut code, mut functions) = (wasm_encoder::Module::new(), CodeSection::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.expect("it was made valid");
        match &payload {
            Payload::CodeSectionStart { count, .. } => functions = *count,
            Payload::CodeSectionEntry(body) => {
                if code.len() == describe {
                    code.function(&say());
                } else {
                    code.raw(slice(body.range()));
                }
                if code.len() == functions {
                    changed.section(&code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    changed.section(&RawSection { id, data: slice(range) });
                }
            }
        }
    }
    changed.finish()
}

fn say() -> Function {
    let mut body = Function::new([]);
    for (at, bytes) in (Guest { fuel: FUEL, ..Guest::default() }).says() {
        for (offset, byte) in bytes.into_iter().enumerate() {
            let place = MemArg { offset: offset as u64, align: 0, memory_index: 0 };
            body.instructions().i32_const(at as i32).i32_const(i32::from(byte)).i32_store8(place);
        }
    }
    body.instructions().i32_const(cadenza_tests::guest::DESCRIPTION as i32).end();
    body
}

fn sandbox() -> Sandbox {
    // No wall time, so that a busy machine does not change the outcome.
    let limits = HostLimits { fuel_max: 5_000_000, wall_ms_max: 60_000, ..HostLimits::default() };
    Sandbox::new(&limits).expect("this machine runs plugins")
}

fn decide(sandbox: &Sandbox, digest: cadenza_core::id::Digest) -> Decided {
    sandbox.decide(digest, DecisionKind::Scoring, &input())
}

/// Runs a generated module in two sandboxes, and returns how it ended, in a few words.
fn run(sandboxes: &mut [Sandbox; 2], module: &[u8]) -> String {
    let component = encode(describing(module), CONTRACT, "scoring");
    let [one, other] = sandboxes;
    let (info, again) = match (one.load(&component, None), other.load(&component, None)) {
        (Ok(info), Ok(again)) => (info, again),
        (Err(LoadError::Describe(failure)), Err(again)) => {
            assert_eq!(LoadError::Describe(failure.clone()), again);
            return format!("refused-{}", words(&failure));
        }
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            return format!("refused-{}", letters(&error.to_string()));
        }
        (one, other) => panic!("{one:?} in one sandbox, and {other:?} in the other"),
    };
    assert_eq!(info, again);
    let decided = decide(one, info.digest);
    for again in [decide(one, info.digest), decide(other, info.digest)] {
        assert_eq!((&again.answer, &again.log), (&decided.answer, &decided.log), "the same in every sandbox");
        assert_eq!((again.cost.fuel, again.cost.memory_bytes), (decided.cost.fuel, decided.cost.memory_bytes));
    }
    assert!(decided.cost.fuel <= FUEL, "{} fuel", decided.cost.fuel);
    assert_eq!(one.reads(info.digest, &[]), other.reads(info.digest, &[]), "the same view in every sandbox");
    let (answers, _) = one.score_batch(info.digest, &vec![input(); 3]);
    assert_eq!(answers.len(), 3);
    one.retain(|_| false);
    other.retain(|_| false);
    match decided.answer {
        Ok(_) => "decided".to_owned(),
        Err(failure) => words(&failure),
    }
}

/// How it failed, without the numbers.
fn words(failure: &DecisionFailure) -> String {
    let (kind, says) = match failure {
        DecisionFailure::Budget(budget) => return format!("{budget:?}").to_lowercase(),
        DecisionFailure::Refusal(_) => return "refusal".to_owned(),
        DecisionFailure::Trap(says) => ("trap", says.split(" in ").next().unwrap_or(says)),
        DecisionFailure::BadOutput(says) => ("bad-output", says.as_str()),
        DecisionFailure::Unavailable(why) => panic!("a loaded plugin is unavailable: {why}"),
    };
    format!("{kind}-{}", letters(says))
}

/// The last part of a reason, without numbers and long tails.
fn letters(reason: &str) -> String {
    let last = reason.rsplit(':').next().unwrap_or(reason);
    let letters = last.chars().map(|letter| if letter.is_ascii_alphabetic() { letter } else { ' ' });
    let letters = letters.collect::<String>().to_lowercase();
    letters.split_whitespace().take(5).collect::<Vec<_>>().join("-")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/generated")
}

#[test]
fn fresh_ones_end_in_a_typed_outcome_that_every_sandbox_shares() {
    let (seed, mut sandboxes, mut tally) = (seed(), [sandbox(), sandbox()], BTreeMap::<String, usize>::new());
    let rounds = rounds(FRESH);
    let mut smallest = BTreeMap::<String, Vec<u8>>::new();
    for round in 0..rounds as u64 {
        let seed = seed.wrapping_add(round);
        let Some(module) = generate(seed) else { continue };
        eprintln!("module {seed}, {} bytes", module.len());
        let ended = run(&mut sandboxes, &module);
        *tally.entry(ended.clone()).or_default() += 1;
        let kept = smallest.entry(ended).or_insert_with(|| module.clone());
        if module.len() < kept.len() {
            *kept = module;
        }
    }
    eprintln!("{tally:#?}");
    if let Ok(folder) = std::env::var("CADENZA_HOSTILE_KEEP") {
        for (ended, module) in &smallest {
            let file = Path::new(&folder).join(format!("{ended}.wasm"));
            if !file.exists() {
                std::fs::write(&file, module).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            }
        }
    }
    let loaded: usize = tally.iter().filter(|(ended, _)| !ended.starts_with("refused")).map(|(_, count)| count).sum();
    assert!(loaded * 2 > rounds, "only {loaded} of {rounds} ran; what is generated is of no use: {tally:#?}");
}

#[test]
fn kept_ones_end_as_they_are_named() {
    let mut sandboxes = [sandbox(), sandbox()];
    let files = std::fs::read_dir(folder()).expect("there is a kept corpus").map(|file| file.expect("readable").path());
    let mut modules: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "wasm")).collect();
    modules.sort_unstable();
    assert!(modules.len() >= 8, "the kept corpus is gone: {modules:?}");
    for file in modules {
        let module = std::fs::read(&file).expect("readable");
        let name = file.file_stem().and_then(|name| name.to_str()).expect("its name is its outcome");
        assert_eq!(run(&mut sandboxes, &module), name, "{} ends as it did when it was kept", file.display());
    }
}
