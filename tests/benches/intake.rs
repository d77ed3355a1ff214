//! Intake: signed webhooks over keep-alive connections against the real binary. Acknowledged means fully
//! processed (scored by the plugin, branched, a call task with its five-minute timer) and synced. In the same run
//! the store alone writes the same records in batches of the same size, for comparison. Prints figures and
//! ratios; asserts nothing about time.
//!
//! `cargo bench -p cadenza-tests --bench intake -- [--leads N] [--connections 64,256] [--mix fresh|shared] [--announced]` With
//! `--announced` each rep is told of each lead, which is a message of its own by the lead: without it nothing leaves. In the mix
//! `shared`, leads share companies, every third event is about a known lead, and pools assign to whoever has the least
//! to do. Needs the release binary: `cargo build --release` first.

#![allow(clippy::print_stdout, reason = "a program that reports figures")]

use cadenza_core::finding;
use cadenza_core::state::LeadState;
use cadenza_sled::SledOptions;
use cadenza_store::{Batch, BatchId, LeadIndex, LeadWrite, Mark, Partitions, Store, weight};
use cadenza_tests::{Engine, Site};
use std::time::Instant;
use support::{Mix, Reading, cpu_s, load, memory_mib, option, percentile_ms, requests_of};

mod support;

/// The engine's allocator, so that the store alone has the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Leads before the measurement begins, so that code and tables are warm.
const WARM_UP: usize = 2_000;

fn main() {
    let leads = option("--leads").unwrap_or(20_000);
    let connections: String = option("--connections").unwrap_or_else(|| "64,256".to_owned());
    let mix = match option::<String>("--mix").as_deref() {
        None | Some("fresh") => Mix::Fresh,
        Some("shared") => Mix::Shared,
        Some(other) => panic!("--mix {other}?"),
    };
    let announced = std::env::args().any(|argument| argument == "--announced");
    for connections in connections.split(',') {
        run(leads, connections.parse().expect("a number of connections"), mix, announced);
    }
}

fn run(leads: usize, connections: usize, mix: Mix, announced: bool) {
    let site = Site::new();
    if !announced {
        site.edit("inbound.yaml", |text| {
            text.replace("fallback: sales-desk }", "fallback: sales-desk, announce: false }")
        });
    }
    if mix == Mix::Shared {
        site.edit("inbound.yaml", |text| {
            text.replace("by: longest_idle", "by: least_loaded").replace("by: round_robin", "by: least_loaded")
        });
    }
    let engine = Engine::start(&site, "real", None);
    load(&engine, requests_of(&engine, 0..WARM_UP, "dialler", mix), connections);
    let requests = requests_of(&engine, WARM_UP..WARM_UP + leads, "dialler", mix);
    let before = Reading::take(&engine);
    let started = Instant::now();
    let latencies = load(&engine, requests, connections);
    let wall = started.elapsed();
    let after = Reading::take(&engine);
    let memory_mib = memory_mib(engine.pid());
    engine.stop();

    let at = |share| percentile_ms(&latencies, share);
    let per_lead = |cpu_s: f64| cpu_s * 1e6 / leads as f64;
    let cpu_us = per_lead(after.cpu_s - before.cpu_s);
    let batch = (leads as f64 / (after.commits - before.commits).max(1.0)).round().max(1.0) as usize;
    let alone = store_alone(&site, batch);
    println!("intake, {leads} leads, {connections} connections, mix {mix:?} (load generator on the same cores)");
    println!("  acknowledged         {:>10.0} leads/s", leads as f64 / wall.as_secs_f64());
    println!("  latency p50/p99/max  {:>10.1} / {:.1} / {:.1} ms", at(0.5), at(0.99), at(1.0));
    println!("  leads in a batch     {batch:>10}");
    println!("  processor time       {cpu_us:>10.1} us a lead");
    println!("  memory               {memory_mib:>10} MiB");
    println!("  decisions            {:>10.2} us each", after.decision_us(&before));
    println!("  run again            {:>10.1} of 1,000 commands", (after.reruns - before.reruns) * 1e3 / leads as f64);
    println!("store alone, the same records in batches of {batch}");
    println!("  written              {:>10.0} leads/s", alone.leads_per_s);
    println!("  processor time       {:>10.1} us a lead", alone.cpu_us);
    println!(
        "  records, bytes       {:>10.2}, {:.0} a lead, and {} records a batch",
        alone.records, alone.bytes, alone.batch_records
    );
    println!("  disk                 {:>10.0} bytes a lead", alone.disk_bytes);
    println!("ratio: processor time a lead, engine / store alone   {:.2}", cpu_us / alone.cpu_us);
    println!(
        "ratio: leads a second, store alone / engine          {:.2}",
        alone.leads_per_s / (leads as f64 / wall.as_secs_f64())
    );
    println!();
}

struct Alone {
    leads_per_s: f64,
    cpu_us: f64,
    records: f64,
    batch_records: usize,
    bytes: f64,
    disk_bytes: f64,
}

/// Writes what the engine has written once more, in batches of the same size, with nothing but the store.
fn store_alone(site: &Site, batch: usize) -> Alone {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let written = cadenza_sled::open(&site.data(), SledOptions::default()).expect("the engine has stopped");
        let mut leads: Vec<LeadState> = Vec::new();
        loop {
            let page = written
                .leads(&Partitions::ALL, leads.last().map(|lead| lead.lead.id), 1_000)
                .await
                .expect("the store reads");
            if page.is_empty() {
                break;
            }
            leads.extend(page);
        }
        let counters = written.counters().await.expect("the store reads");
        written.close().await.expect("the store closes");
        let count = leads.len() as f64;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = cadenza_sled::open(folder.path(), SledOptions::default()).expect("a new store");
        let batches: Vec<Batch> = leads
            .chunks(batch)
            .enumerate()
            .map(|(n, leads)| {
                let mut batch = Batch::new(BatchId(n as u64 + 1), store.epoch());
                for state in leads {
                    let id = state.lead.id;
                    let event = state.latest.as_ref().map_or_else(String::new, |entry| entry.skeleton.event.clone());
                    let day = (id.timestamp().as_ms() / 86_400_000) as u32;
                    batch.identities.extend(finding::keys(&state.lead.profile, None).into_iter().map(|key| {
                        let held = cadenza_core::identity::Identity { holders: vec![id], bindings: Vec::new() };
                        (key, held)
                    }));
                    batch.marks.push(Mark { event, day, lead: id, content: Some(1) });
                    batch.leads.push(LeadWrite {
                        before: LeadIndex::default(),
                        state: state.clone().into(),
                        entries: Vec::new(),
                    });
                }
                batch.counted = counters.values.keys().map(|name| (name.clone(), 1)).collect();
                batch
            })
            .collect();
        drop(leads);
        let weights: Vec<_> = batches.iter().map(weight).collect();
        // What a batch writes besides its leads: its number and the counters.
        let mut bare = Batch::new(BatchId(1), store.epoch());
        bare.counted = counters.values.into_keys().map(|name| (name, 1)).collect();
        let batch_records = weight(&bare).records;
        let of_leads = weights.iter().map(|w| w.records - batch_records).sum::<usize>();
        let (cpu, started) = (cpu_s("self"), Instant::now());
        for batch in batches {
            store.commit(batch).await.expect("the store writes");
        }
        let (wall, cpu) = (started.elapsed(), cpu_s("self") - cpu);
        let disk_bytes = store.size_on_disk() as f64 / count;
        store.close().await.expect("the store closes");
        Alone {
            leads_per_s: count / wall.as_secs_f64(),
            cpu_us: cpu * 1e6 / count,
            records: of_leads as f64 / count,
            batch_records,
            bytes: weights.iter().map(|w| w.bytes).sum::<usize>() as f64 / count,
            disk_bytes,
        }
    })
}
