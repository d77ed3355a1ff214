//! What waits: how soon the engine is ready again with a million leads waiting, after a clean stop and after kill -9,
//! and with how much memory; and whether ten thousand timers that fall due at once hold up intake. Prints figures and
//! ratios; asserts nothing about time.
//!
//! `cargo bench --workspace --bench waiting -- [--leads N] [--timers N]` Needs the release binary:
//! `cargo build --release` first.

#![allow(clippy::print_stdout, reason = "a program that reports figures")]

mod support;

use cadenza_sled::SledOptions;
use cadenza_tests::{Engine, Site};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Reading, load, load_until_killed, memory_mib, option, percentile_ms, requests};

const CONNECTIONS: usize = 64;
/// Requests made at a time, to keep the benchmark small.
const CHUNK: usize = 50_000;

fn main() {
    timers(option("--timers").unwrap_or(10_000));
    restart(option("--leads").unwrap_or(1_000_000));
}

fn restart(leads: usize) {
    let site = Site::new();
    let engine = Engine::start(&site, "real", None);
    let started = Instant::now();
    for from in (0..leads).step_by(CHUNK) {
        load(&engine, requests(&engine, from..leads.min(from + CHUNK), "dialler"), CONNECTIONS);
    }
    println!("{leads} leads waiting in inbound, taken in {:.0} s", started.elapsed().as_secs_f64());
    println!("  memory after intake  {:>10} MiB", memory_mib(engine.pid()));
    engine.stop();

    let (engine, ready) = start(&site);
    println!("  ready, clean stop    {:>10.2} s", ready.as_secs_f64());
    println!("  memory when ready    {:>10} MiB", memory_mib(engine.pid()));
    // A crash in the middle of intake.
    let more = requests(&engine, leads..leads + CHUNK, "dialler");
    std::thread::scope(|scope| {
        scope.spawn(|| load_until_killed(&engine, more, CONNECTIONS));
        std::thread::sleep(Duration::from_secs(2));
        signal_kill(engine.pid());
    });
    drop(engine);
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&site.data(), copy.path());
    let started = Instant::now();
    let store = cadenza_sled::open(copy.path(), SledOptions::default()).expect("the store opens");
    let bare = started.elapsed();
    drop(store);
    let (engine, ready) = start(&site);
    println!("  ready, kill -9       {:>10.2} s", ready.as_secs_f64());
    println!("  bare opening         {:>10.2} s, of a copy", bare.as_secs_f64());
    println!("  memory when ready    {:>10} MiB", memory_mib(engine.pid()));
    println!("ratio: ready after kill -9 / bare opening            {:.2}", ready.as_secs_f64() / bare.as_secs_f64());
    println!();
    engine.stop();
}

fn start(site: &Site) -> (Engine, Duration) {
    let started = Instant::now();
    let engine = Engine::start(site, "real", None);
    while engine.client.get("/readyz").status != 200 {
        std::thread::sleep(Duration::from_millis(1));
    }
    (engine, started.elapsed())
}

fn signal_kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill runs");
    assert!(status.success(), "it was running");
}

fn copy_folder(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status().expect("cp runs");
    assert!(status.success(), "the data folder can be copied");
}

/// A workflow whose leads wait for a moment, and are then written once more.
const SOON: &str = "\
workflow: soon
summary: Waits for a moment.
enroll:
  - when: lead.created
    if: lead.product == \"soon\"
steps:
  - id: pause
    wait: 10s
  - id: mark
    update: { industry: Waited }
  - end: waited
";
/// How long the engine is stopped. All timers are due by then.
const STOPPED: Duration = Duration::from_secs(12);

fn timers(timers: usize) {
    let site = Site::new();
    site.edit("soon.yaml", |_| SOON.to_owned());
    // These leads wait only in `soon`.
    site.edit("inbound.yaml", |text| {
        text.replacen("lead.source in [", "lead.product != \"soon\" && lead.source in [", 1)
    });
    let engine = Engine::start(&site, "real", None);
    load(&engine, requests(&engine, 0..timers, "soon"), CONNECTIONS);
    engine.stop();
    std::thread::sleep(STOPPED);
    let engine = Engine::start(&site, "real", None);
    let started = Instant::now();
    let fired = std::thread::scope(|scope| {
        let fired = scope.spawn(|| {
            while Reading::take(&engine).timers_fired < timers as f64 {
                std::thread::sleep(Duration::from_millis(20));
            }
            started.elapsed()
        });
        let meanwhile = intake(&engine, timers, 20_000);
        let fired = fired.join().expect("the timers fire");
        println!("{timers} timers due at once, and 20000 leads coming in on {CONNECTIONS} connections");
        report("  intake meanwhile    ", &meanwhile);
        println!("  all timers fired     {:>10.2} s", fired.as_secs_f64());
        fired
    });
    let after = intake(&engine, timers + 20_000, 20_000);
    report("  intake afterwards   ", &after);
    println!("  timers fired         {:>10.0} a second", timers as f64 / fired.as_secs_f64());
    println!();
    engine.stop();
}

struct Intake {
    leads_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

fn intake(engine: &Engine, from: usize, leads: usize) -> Intake {
    let requests = requests(engine, from..from + leads, "dialler");
    let started = Instant::now();
    let latencies = load(engine, requests, CONNECTIONS);
    let at = |share| percentile_ms(&latencies, share);
    let leads_per_s = leads as f64 / started.elapsed().as_secs_f64();
    Intake { leads_per_s, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) }
}

fn report(what: &str, intake: &Intake) {
    let Intake { leads_per_s, p50_ms, p99_ms, max_ms } = intake;
    println!("{what} {leads_per_s:>10.0} leads/s, p50/p99/max {p50_ms:.1} / {p99_ms:.1} / {max_ms:.1} ms");
}
