//! The store alone: writes leads as intake does, in batches of 64, and reports what that costs;
//! then opens the store again.
//!
//! `cargo bench -p cadenza-sled --bench writes -- [--leads N] [--batch N] [--cache-mib N] [--data FOLDER]
//! [--open | --kill]` `--open` only opens what lies in the folder; `--kill` ends the writing as a crash does.
//! Each line is `name value unit`.

#![allow(clippy::print_stdout, reason = "a program that reports figures")]

use cadenza_sled::{SledOptions, SyncPolicy};
use cadenza_store::conformance::sample;
use cadenza_store::{BatchId, Store, weight};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

struct Options {
    leads: u64,
    batch: u64,
    cache_mib: Option<u64>,
    data: Option<PathBuf>,
    open: bool,
    kill: bool,
    write: bool,
    unsynced: bool,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            leads: 100_000,
            batch: 64,
            cache_mib: None,
            data: None,
            open: false,
            kill: false,
            write: false,
            unsynced: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("the option takes a value");
            match argument.as_str() {
                "--leads" => options.leads = value().parse().expect("a number of leads"),
                "--batch" => options.batch = value().parse().expect("a number of leads"),
                "--cache-mib" => options.cache_mib = Some(value().parse().expect("a number of MiB")),
                "--data" => options.data = Some(value().into()),
                "--open" => options.open = true,
                "--kill" => options.kill = true,
                "--write" => options.write = true,
                "--unsynced" => options.unsynced = true,
                // Added by `cargo bench`.
                "--bench" => {}
                other => panic!("no option `{other}`"),
            }
        }
        options
    }

    fn sled(&self) -> SledOptions {
        let mut sled = SledOptions::default();
        if let Some(mib) = self.cache_mib {
            sled.cache_bytes = mib * 1024 * 1024;
        }
        if self.unsynced {
            sled.sync = SyncPolicy::Off;
        }
        sled
    }
}

fn main() {
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    if options.open {
        runtime.block_on(open(&options));
    } else if options.write {
        runtime.block_on(write(&options));
    } else {
        all(&options);
    }
}

/// Writes in one process and opens in others, so that the memory of each can be measured.
fn all(options: &Options) {
    let temporary = tempfile::tempdir_in(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| ".".into()));
    let temporary = temporary.expect("a folder to work in");
    let data = options.data.clone().unwrap_or_else(|| temporary.path().join("store"));
    let run = |arguments: &[&str]| {
        let me = std::env::current_exe().expect("this program's path");
        let status = Command::new(me).args(std::env::args().skip(1)).args(arguments).arg("--data").arg(&data).status();
        status.expect("this program starts again")
    };
    let written = run(&["--write"]);
    assert_eq!(written.success(), !options.kill, "writing ended with {written}");
    run(&["--open"]);
    println!("-- again");
    run(&["--open"]);
}

async fn write(options: &Options) {
    let data = options.data.as_ref().expect("a folder");
    let store = cadenza_sled::open(data, options.sled()).expect("the store opens");
    let epoch = store.epoch();
    let (mut synced_ms, mut making) = (Vec::new(), Duration::ZERO);
    let (began, cpu_began) = (Instant::now(), cpu());
    let mut next = 0;
    while next < options.leads {
        let upto = (next + options.batch).min(options.leads);
        let made = cpu();
        let batch = sample::intake(epoch, BatchId(next / options.batch + 1), next..upto);
        making += cpu() - made;
        let committed = Instant::now();
        store.commit(batch).await.expect("the batch is committed");
        synced_ms.push(committed.elapsed().as_secs_f64() * 1e3);
        next = upto;
    }
    let (took, used) = (began.elapsed(), cpu() - cpu_began - making);
    let leads = options.leads as f64;
    synced_ms.sort_by(f64::total_cmp);
    let part = |share: f64| synced_ms[((synced_ms.len() - 1) as f64 * share) as usize];
    println!("leads {} in batches of {}", options.leads, options.batch);
    println!("rate {:.0} leads/s", leads / took.as_secs_f64());
    println!(
        "processor {:.1} us/lead (making the sample, not counted: {:.1})",
        micros(used) / leads,
        micros(making) / leads
    );
    println!("commit p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms", part(0.5), part(0.99), part(1.0));
    let one = weight(&sample::intake(epoch, BatchId(1), 0..1));
    println!("records {} /lead and one for the batch, keys and values {} bytes/lead", one.records - 1, one.bytes);
    println!("disk {:.0} bytes/lead", store.size_on_disk() as f64 / leads);
    println!("memory {} MB (peak {} MB)", status("VmRSS") / 1024, status("VmHWM") / 1024);
    if options.kill {
        // No destructors, no flush: leaves what a crash leaves.
        std::process::abort();
    }
    let closing = Instant::now();
    store.close().await.expect("the store closes");
    println!("close {:.2} s", closing.elapsed().as_secs_f64());
}

async fn open(options: &Options) {
    let data = options.data.as_ref().expect("a folder");
    let (began, cpu_began) = (Instant::now(), cpu());
    let store = cadenza_sled::open(data, options.sled()).expect("the store opens");
    println!("open {:.2} s, processor {:.2} s", began.elapsed().as_secs_f64(), (cpu() - cpu_began).as_secs_f64());
    println!("memory {} MB (peak {} MB)", status("VmRSS") / 1024, status("VmHWM") / 1024);
    let looking = Instant::now();
    for n in [0, options.leads / 2, options.leads - 1] {
        assert_eq!(sample::presence(&store, n).await, sample::Presence::Whole, "lead {n}");
    }
    println!("three leads read in {:.1} ms", looking.elapsed().as_secs_f64() * 1e3);
    store.close().await.expect("the store closes");
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Processor time of all threads, user and system.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<i64> =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // After the name and the state letter: utime and stime are the 11th and 12th numbers, in hundredths of a second.
    Duration::from_millis((fields[10] + fields[11]).unsigned_abs() * 10)
}

/// A line of `/proc/self/status`, in kB.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the line is there");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("kB")
}
