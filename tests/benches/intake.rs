//! Intake: signed webhooks over keep-alive connections against the real binary, acknowledged = fully processed (scored by
//! the plugin, branched, a call task with its five-minute timer) and synced; beside it the store alone, which writes the
//! same records in batches of the same size, in the same run. Prints figures and ratios; asserts nothing about time.
//!
//! `cargo bench -p cadenza-tests --bench intake -- [--leads N] [--connections 64,256]`
//! Needs the release binary: `cargo build --release` first.

#![allow(clippy::print_stdout, reason = "a program that reports figures")]

use cadenza_core::identity;
use cadenza_core::state::LeadState;
use cadenza_store::{Batch, BatchId, LeadIndex, LeadWrite, Mark, SledOptions, SledStore, Store, weight};
use cadenza_tests::{Client, Delivery, Engine, Site};
use serde_json::json;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Threads of the load generator.
const SENDER_THREADS: usize = 2;
/// Leads before the clock runs, so that code and tables are warm.
const WARM_UP: usize = 2_000;

fn main() {
    let mut leads = 20_000;
    let mut connections = vec![64, 256];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--leads" => leads = arguments.next().and_then(|n| n.parse().ok()).expect("--leads N"),
            "--connections" => {
                let list = arguments.next().expect("--connections N,N");
                connections = list.split(',').map(|n| n.parse().expect("a number of connections")).collect();
            }
            _ => {}
        }
    }
    for connections in connections {
        run(leads, connections);
    }
}

fn run(leads: usize, connections: usize) {
    let site = Site::new();
    let engine = Engine::start(&site, "real", None);
    let host = engine.url.trim_start_matches("http://").to_owned();
    let requests: Vec<Vec<u8>> = (0..WARM_UP + leads).map(|n| request(&host, n)).collect();
    load(&host, &requests[..WARM_UP], connections);
    let before = Reading::take(&engine);
    let started = Instant::now();
    let mut latencies = load(&host, &requests[WARM_UP..], connections);
    let wall = started.elapsed();
    let after = Reading::take(&engine);
    let memory_mib = memory_mib(engine.pid());
    engine.stop();

    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    let per_lead = |cpu_s: f64| cpu_s * 1e6 / leads as f64;
    let cpu_us = per_lead(after.cpu_s - before.cpu_s);
    let batch = (leads as f64 / (after.commits - before.commits).max(1.0)).round().max(1.0) as usize;
    let alone = store_alone(&site, batch);
    println!("intake, {leads} leads, {connections} connections (load generator on the same cores)");
    println!("  acknowledged         {:>10.0} leads/s", leads as f64 / wall.as_secs_f64());
    println!("  latency p50/p99/max  {:>10.1} / {:.1} / {:.1} ms", at(0.5), at(0.99), at(1.0));
    println!("  leads in a batch     {batch:>10}");
    println!("  processor time       {cpu_us:>10.1} us a lead");
    println!("  memory               {memory_mib:>10} MiB");
    println!("  decisions            {:>10.2} us each", after.decision_us(&before));
    println!("store alone, the same records in batches of {batch}");
    println!("  written              {:>10.0} leads/s", alone.leads_per_s);
    println!("  processor time       {:>10.1} us a lead", alone.cpu_us);
    println!("  records, bytes       {:>10.2}, {:.0} a lead", alone.records, alone.bytes);
    println!("  disk                 {:>10.0} bytes a lead", alone.disk_bytes);
    println!("ratio: processor time a lead, engine / store alone   {:.2}", cpu_us / alone.cpu_us);
    println!(
        "ratio: leads a second, store alone / engine          {:.2}",
        alone.leads_per_s / (leads as f64 / wall.as_secs_f64())
    );
    println!();
}

fn request(host: &str, n: usize) -> Vec<u8> {
    let body = json!({
        "id": format!("crm-{n:07}"), "email": format!("ada.lovelace{n}@gmail.com"), "first_name": "Ada",
        "last_name": "Lovelace", "title": "VP Sales", "industry": "Software", "employees": 400, "country": "US",
        "source": "web", "product": "dialler", "budget": 60000.0, "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z",
        "message": "Please send us a quote and call me."
    });
    let delivery = Delivery::new(&format!("msg_{n:07}"), &body);
    format!(
        "POST /hooks/website HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         webhook-id: {}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n\r\n{}",
        delivery.body.len(),
        delivery.id,
        delivery.second,
        delivery.signature,
        delivery.body
    )
    .into_bytes()
}

/// Sends every request once, and says how long each took. A connection has one request under way at a time.
fn load(host: &str, requests: &[Vec<u8>], connections: usize) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SENDER_THREADS)
        .enable_io()
        .build()
        .expect("a runtime");
    let requests: Arc<[Vec<u8>]> = requests.into();
    let next = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let senders: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(send(host.to_owned(), Arc::clone(&requests), Arc::clone(&next))))
            .collect();
        let mut latencies = Vec::with_capacity(requests.len());
        for sender in senders {
            latencies.extend(sender.await.expect("no sender panics"));
        }
        latencies
    })
}

/// One connection: takes the next request as soon as the last one is answered.
async fn send(host: String, requests: Arc<[Vec<u8>]>, next: Arc<AtomicUsize>) -> Vec<Duration> {
    let stream = TcpStream::connect(host).await.expect("the engine listens");
    stream.set_nodelay(true).expect("a socket takes options");
    let mut latencies = Vec::new();
    let (mut buffer, mut answer) = ([0; 4_096], Vec::with_capacity(512));
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let sent = Instant::now();
        let written = stream.try_write(request).expect("a request fits the socket's buffer");
        assert_eq!(written, request.len(), "a request fits the socket's buffer");
        answer.clear();
        while !is_whole(&answer) {
            stream.readable().await.expect("the connection stands");
            match stream.try_read(&mut buffer) {
                Ok(0) => panic!("the engine closed a connection"),
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("a connection broke: {error}"),
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer));
        latencies.push(sent.elapsed());
    }
    latencies
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|n| n.trim().parse::<usize>().ok());
    answer.len() >= end + 4 + length.unwrap_or(0)
}

/// What the engine says of itself at a moment.
struct Reading {
    cpu_s: f64,
    commits: f64,
    decisions: f64,
    decision_ns: f64,
}

impl Reading {
    fn take(engine: &Engine) -> Self {
        let client: Client = engine.client.clone();
        let text = client.get("/metrics").expect(200).text;
        let meter = |name: &str| {
            let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
            line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        Self {
            cpu_s: cpu_s(&engine.pid().to_string()),
            commits: meter("cadenza_commits_total"),
            decisions: meter("cadenza_decisions_total"),
            decision_ns: meter("cadenza_decision_ns_total"),
        }
    }

    fn decision_us(&self, before: &Self) -> f64 {
        (self.decision_ns - before.decision_ns) / 1e3 / (self.decisions - before.decisions).max(1.0)
    }
}

/// Processor time of a process so far, all its threads.
fn cpu_s(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("a name in brackets").split(' ').collect();
    let ticks = |ix: usize| fields[ix].parse::<f64>().expect("a number of ticks");
    // utime and stime, the 14th and 15th field, in hundredths of a second on Linux.
    (ticks(11) + ticks(12)) / 100.0
}

fn memory_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("kilobytes") / 1_024
}

struct Alone {
    leads_per_s: f64,
    cpu_us: f64,
    records: f64,
    bytes: f64,
    disk_bytes: f64,
}

/// Writes what the engine has written once more, in batches of the same size, with nothing but the store.
fn store_alone(site: &Site, batch: usize) -> Alone {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let written = SledStore::open(&site.data(), SledOptions::default()).expect("the engine has stopped");
        let mut leads: Vec<LeadState> = Vec::new();
        loop {
            let page = written.leads(leads.last().map(|lead| lead.lead.id), 1_000).await.expect("the store reads");
            if page.is_empty() {
                break;
            }
            leads.extend(page);
        }
        let counters = written.counters().await.expect("the store reads");
        written.close().await.expect("the store closes");
        let count = leads.len() as f64;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SledStore::open(folder.path(), SledOptions::default()).expect("a new store");
        let batches: Vec<Batch> = leads
            .chunks(batch)
            .enumerate()
            .map(|(n, leads)| {
                let mut batch = Batch::new(BatchId(n as u64 + 1), store.epoch());
                for state in leads {
                    let id = state.lead.id;
                    let event = state.latest.as_ref().map_or_else(String::new, |entry| entry.skeleton.event.clone());
                    let day = (id.timestamp().as_ms() / 86_400_000) as u32;
                    batch.identities.extend(identity::keys(&state.lead.profile).into_iter().map(|key| (key, id)));
                    batch.marks.push(Mark { event, day, lead: id, content: 1 });
                    batch.leads.push(LeadWrite {
                        before: LeadIndex::default(),
                        state: state.clone(),
                        entries: Vec::new(),
                    });
                }
                batch.counters = Some(counters.clone());
                batch
            })
            .collect();
        drop(leads);
        let weights: Vec<_> = batches.iter().map(weight).collect();
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
            records: weights.iter().map(|w| w.records).sum::<usize>() as f64 / count,
            bytes: weights.iter().map(|w| w.bytes).sum::<usize>() as f64 / count,
            disk_bytes,
        }
    })
}
