//! What the benchmarks share: the load generator, and what the engine reports of itself.

#![allow(dead_code, unreachable_pub, reason = "each bench uses its part")]

pub mod flat;
pub mod guests;
pub mod leads;

use cadenza_tests::{Client, Delivery, Engine};
use serde_json::json;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Threads of the load generator.
const SENDER_THREADS: usize = 2;

/// The value of a command-line option; `--bench` is cargo's.
pub fn option<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = std::env::args().skip_while(|argument| argument != name).nth(1)?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} {value}?")))
}

/// Which leads come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Every lead is new, and belongs to no company.
    Fresh,
    /// Two hundred companies, and every third event is about a lead that came before.
    Shared,
}

/// Companies of the shared mix.
const COMPANIES: usize = 200;
/// How many events earlier a known lead came.
const KNOWN_AFTER: usize = 1_000;

/// Requests for leads with these numbers, made now, because a signature is valid for minutes.
pub fn requests(engine: &Engine, numbers: std::ops::Range<usize>, product: &str) -> Vec<Vec<u8>> {
    requests_of(engine, numbers, product, Mix::Fresh)
}

/// The same for a mix.
pub fn requests_of(engine: &Engine, numbers: std::ops::Range<usize>, product: &str, mix: Mix) -> Vec<Vec<u8>> {
    let host = engine.url.trim_start_matches("http://");
    let address = |n: usize| match mix {
        Mix::Fresh => format!("ada.lovelace{n}@gmail.com"),
        Mix::Shared => {
            // A number that is not divisible by three belongs to a new lead.
            let who = if n.is_multiple_of(3) && n > KNOWN_AFTER {
                n - KNOWN_AFTER + usize::from((n - KNOWN_AFTER).is_multiple_of(3))
            } else {
                n
            };
            format!("ada.lovelace{who}@company{}.example", who % COMPANIES)
        }
    };
    numbers.map(|n| request(host, n, &address(n), product)).collect()
}

/// The latency that this share of all does not exceed, in milliseconds; they must be sorted.
pub fn percentile_ms(sorted: &[Duration], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0
}

fn request(host: &str, n: usize, email: &str, product: &str) -> Vec<u8> {
    let body = json!({
        "id": format!("crm-{n:07}"), "email": email, "first_name": "Ada",
        "last_name": "Lovelace", "title": "VP Sales", "industry": "Software", "employees": 400, "country": "US",
        "source": "web", "product": product, "budget": 60000.0, "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z",
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

/// Sends every request once, and returns how long each took, the shortest first. A connection has one
/// request in progress at a time.
pub fn load(engine: &Engine, requests: Vec<Vec<u8>>, connections: usize) -> Vec<Duration> {
    let count = requests.len();
    let latencies = load_until_killed(engine, requests, connections);
    assert_eq!(latencies.len(), count, "the engine answered every request");
    latencies
}

/// The same, but the engine may be killed meanwhile.
pub fn load_until_killed(engine: &Engine, requests: Vec<Vec<u8>>, connections: usize) -> Vec<Duration> {
    let host = engine.url.trim_start_matches("http://");
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
        latencies.sort_unstable();
        latencies
    })
}

/// One connection: takes the next request as soon as the last one is answered, until the connection breaks.
async fn send(host: String, requests: Arc<[Vec<u8>]>, next: Arc<AtomicUsize>) -> Vec<Duration> {
    let stream = TcpStream::connect(host).await.expect("the engine listens");
    stream.set_nodelay(true).expect("a socket takes options");
    let mut latencies = Vec::new();
    let (mut buffer, mut answer) = ([0; 4_096], Vec::with_capacity(512));
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let sent = Instant::now();
        let Ok(written) = stream.try_write(request) else { return latencies };
        assert_eq!(written, request.len(), "a request fits the socket's buffer");
        answer.clear();
        while !is_whole(&answer) {
            stream.readable().await.expect("the connection stands");
            match stream.try_read(&mut buffer) {
                Ok(0) => return latencies,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return latencies,
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

/// What the engine reports of itself at one moment.
pub struct Reading {
    pub cpu_s: f64,
    pub commits: f64,
    pub timers_fired: f64,
    pub decisions: f64,
    pub decision_ns: f64,
    pub reruns: f64,
}

impl Reading {
    pub fn take(engine: &Engine) -> Self {
        let client: Client = engine.client.clone();
        let text = client.get("/metrics").expect(200).text;
        let meter = |name: &str| {
            let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
            line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        Self {
            cpu_s: cpu_s(&engine.pid().to_string()),
            commits: meter("cadenza_commits_total"),
            timers_fired: meter("cadenza_timers_fired_total"),
            decisions: meter("cadenza_decisions_total"),
            decision_ns: meter("cadenza_decision_ns_total"),
            reruns: meter("cadenza_commands_rerun_total"),
        }
    }

    pub fn decision_us(&self, before: &Self) -> f64 {
        (self.decision_ns - before.decision_ns) / 1e3 / (self.decisions - before.decisions).max(1.0)
    }
}

/// Processor time of a process so far, on all its threads.
pub fn cpu_s(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("a name in brackets").split(' ').collect();
    let ticks = |ix: usize| fields[ix].parse::<f64>().expect("a number of ticks");
    // utime and stime, the 14th and 15th field, in hundredths of a second on Linux.
    (ticks(11) + ticks(12)) / 100.0
}

pub fn memory_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("kilobytes") / 1_024
}
