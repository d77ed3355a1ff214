//! A good component that was cut off, damaged or replaced by garbage: it is refused, fails with a typed failure, or is
//! still a plugin, and nothing else.

use crate::input;
use cadenza_core::plugin::{DecisionFailure, DecisionKind};
use cadenza_sandbox::{HostLimits, Sandbox};
use cadenza_tests::guest::{Guest, LOG};
use fastrand::Rng;

/// Damaged components of each kind; `CADENZA_HOSTILE_SEEDS` asks for more.
const DAMAGED: usize = 150;
/// Fuel that keeps short a loop that arose by chance.
const FUEL_MAX: u64 = 2_000_000;

pub(crate) fn rounds(default: usize) -> usize {
    std::env::var("CADENZA_HOSTILE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

/// A random seed, different in each run, and printed so that a failure can be repeated.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("CADENZA_HOSTILE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("to have the same again: CADENZA_HOSTILE_SEED={seed}");
    seed
}

fn sandbox() -> Sandbox {
    // No wall time: what ends by fuel ends the same way on a busy machine.
    let limits = HostLimits { fuel_max: FUEL_MAX, wall_ms_max: 60_000, ..HostLimits::default() };
    Sandbox::new(&limits).expect("this machine runs plugins")
}

/// Loads it and asks it twice. Returns whether it was loaded.
fn survive(sandbox: &mut Sandbox, component: &[u8]) -> bool {
    let Ok(info) = sandbox.load(component, None) else { return false };
    let ask = || sandbox.decide(info.digest, DecisionKind::Scoring, &input()).answer;
    let answer = ask();
    assert_eq!(ask(), answer, "the same input gives the same outcome");
    assert!(!matches!(answer, Err(DecisionFailure::Unavailable(_))), "{answer:?}");
    let _typed = sandbox.reads(info.digest, &[]);
    sandbox.retain(|_| false);
    true
}

fn good() -> Vec<u8> {
    Guest { imports: LOG, ..Guest::default() }.component()
}

#[test]
fn cut_off_anywhere_it_is_refused() {
    let (good, mut sandbox) = (good(), sandbox());
    let stride = (good.len() / rounds(DAMAGED).max(1)).max(1);
    for length in (0..good.len()).step_by(stride).chain(good.len() - 16..good.len()) {
        assert!(!survive(&mut sandbox, &good[..length]), "the first {length} bytes are no plugin");
    }
    assert!(survive(&mut sandbox, &good));
}

#[test]
fn with_bits_turned_over_it_is_refused_or_typed() {
    let (good, mut sandbox, mut random) = (good(), sandbox(), Rng::with_seed(seed()));
    for _ in 0..rounds(DAMAGED) {
        let mut damaged = good.clone();
        for _ in 0..random.usize(1..=3) {
            let at = random.usize(8..damaged.len());
            damaged[at] ^= 1 << random.u8(0..8);
        }
        survive(&mut sandbox, &damaged);
    }
}

#[test]
fn with_bytes_of_the_code_replaced_it_is_refused_or_typed() {
    // Bits anywhere mostly hit names and types; this hits the core module, where the code is.
    let (good, mut sandbox, mut random) = (good(), sandbox(), Rng::with_seed(seed()));
    let module = good.windows(8).rposition(|eight| eight == b"\0asm\x01\0\0\0").expect("there is a core module");
    let module = module.min(good.windows(8).position(|eight| eight == b"\0asm\x01\0\0\0").expect("there is one"));
    let (mut loaded, rounds) = (0, rounds(DAMAGED));
    for _ in 0..rounds {
        let mut damaged = good.clone();
        let at = random.usize(module + 8..(module + 800).min(damaged.len()));
        damaged[at] = random.u8(..);
        loaded += usize::from(survive(&mut sandbox, &damaged));
    }
    eprintln!("{loaded} of {rounds} were still plugins");
}

#[test]
fn random_bytes_are_refused() {
    let (mut sandbox, mut random) = (sandbox(), Rng::with_seed(seed()));
    for _ in 0..rounds(DAMAGED) {
        let mut bytes = vec![0; random.usize(0..2_000)];
        random.fill(&mut bytes);
        // Half of them begin as a component does, so that more than the first bytes are looked at.
        if random.bool() {
            bytes.splice(..bytes.len().min(8), *b"\0asm\x0d\0\x01\0");
        }
        assert!(!survive(&mut sandbox, &bytes), "{bytes:?} is no plugin");
    }
}
