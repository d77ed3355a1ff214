//! Many connections, large bodies, signals and what is printed on a terminal: a caller that behaves
//! badly keeps nobody else out.

use cadenza_tests::{Delivery, Engine, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::process::Command;

fn connect(engine: &Engine) -> TcpStream {
    let address = engine.url.trim_start_matches("http://");
    TcpStream::connect(address).expect("a connection is accepted at once")
}

fn lead(n: usize) -> Value {
    json!({"email": format!("p{n}@crowd.example"), "first_name": "Pat", "source": "web"})
}

fn started(site: &Site, more: &[&str]) -> Engine {
    Engine::try_start(site, "real", None, more).unwrap_or_else(|log| panic!("the engine does not start:\n{log}"))
}

#[test]
fn who_opens_every_connection_keeps_nobody_from_asking_how_the_engine_is() {
    let site = Site::new();
    let engine = started(&site, &["--connections-per-address", "40"]);
    let asks = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200);
    // Some pipeline and never read, some send nothing at all; there are far more of them than their
    // share and the reserved places.
    let crowd: Vec<TcpStream> = (0..300)
        .map(|number| {
            let mut stream = connect(&engine);
            if number % 2 == 0 {
                let _ = stream.write_all(asks.as_bytes());
            }
            stream
        })
        .collect();
    for _ in 0..20 {
        engine.client.get("/healthz").expect(200);
        engine.client.get("/readyz").expect(200);
        engine.client.get("/metrics").expect(200);
    }
    let answer = engine.client.get("/v1/leads");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.problem(429)["type"], "/problems/crowded");
    drop(crowd);
    eventually("the places are given back", || (engine.client.get("/v1/leads").status == 200).then_some(()));
    engine.stop();
}

#[test]
fn a_connection_whose_other_side_does_not_read_ends() {
    let site = Site::new();
    let engine = started(&site, &[]);
    // Responses of some kilobytes each, more of them than any buffer between the two holds.
    let ask = format!("GET /metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", site.admin);
    let mut stream = connect(&engine);
    stream.set_nonblocking(true).expect("a socket takes it");
    let asks = ask.repeat(4_000);
    let _ = stream.write(asks.as_bytes());
    eventually("the connection ends", || match (&stream).write(ask.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Some(()),
        _ => None,
    });
    engine.client.get("/healthz").expect(200);
    engine.stop();
}

#[test]
fn bodies_under_way_have_one_limit_and_webhooks_a_share_of_it() {
    let site = Site::new();
    // 12 MiB for large bodies; three of these leave too little room for another.
    let engine = started(&site, &["--bodies-mib", "16"]);
    let (length, sent) = (4_000_000, vec![b' '; 3_990_000]);
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
        site.admin
    );
    let large = format!("[{}]", " ".repeat(3_800_000));
    let send = || engine.client.send("POST", "/v1/events", &[], large.as_bytes()).ok();
    // One of those that are held may itself be refused while others are still being read, so as
    // many are sent as it takes.
    let held = RefCell::new(Vec::new());
    let refused = eventually("a further body is refused", || {
        let mut stream = connect(&engine);
        stream.write_all(head.as_bytes()).expect("it is read");
        stream.write_all(&sent).expect("it is read");
        held.borrow_mut().push(stream);
        send().filter(|answer| answer.status == 429)
    });
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.problem(429)["type"], "/problems/crowded");
    engine.bring("msg_1", &lead(1));
    drop(held);
    eventually("the room is given back", || send().filter(|answer| answer.status == 422));
    let zeros = format!("[{}0]", "0,".repeat(2_000_000));
    engine.client.send("POST", "/v1/events", &[], zeros.as_bytes()).expect("the engine answers").problem(413);
    engine.stop();
}

#[test]
fn a_terminal_that_goes_away_ends_the_engine_as_sigterm_does_unless_it_was_told_to_go_on() {
    let site = Site::new();
    // Whatever the tests themselves were told about the signal, for instance by `nohup`.
    let started = |told: &str| {
        let served = Engine::command(&site, "real");
        let mut command = Command::new("env");
        command.arg(told).arg(served.get_program()).args(served.get_args()).envs(site.environment(None));
        Engine::launch(command, &site.admin).unwrap_or_else(|log| panic!("it does not start:\n{log}"))
    };
    let engine = started("--default-signal=HUP");
    let id = engine.bring("msg_1", &lead(1));
    engine.stop_by("HUP");
    let engine = started("--ignore-signal=HUP");
    engine.signal("HUP");
    assert_eq!(engine.lead(&id)["fields"]["email"], "p1@crowd.example", "it goes on");
    engine.stop();
}

#[test]
fn an_engine_without_room_says_that_it_is_not_ready_and_why() {
    let site = Site::new();
    let engine = started(&site, &["--disk-reserve-mib", "1000000000"]);
    engine.client.get("/healthz").expect(200);
    let problem = engine.client.get("/readyz").problem(503);
    assert_eq!(problem["type"], "/problems/no-space");
    engine.deliver("website", &Delivery::new("msg_1", &lead(1))).expect("it answers").problem(503);
    engine.stop();
}

#[test]
fn somebody_can_always_manage_tokens_and_a_reps_token_is_good_for_its_rep_alone() {
    let site = Site::new();
    let data = site.data();
    let folder = data.to_str().expect("a temporary folder's name is UTF-8");
    let made = cadenza(&["token", "create", "--role", "rep", "--data", folder]).output().expect("cadenza runs");
    assert_eq!(made.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&made.stderr).contains("acts as one rep"), "{made:?}");
    let engine = started(&site, &[]);
    let create = |body: Value| engine.client.post("/v1/tokens", &body);
    assert_eq!(create(json!({"name": "x", "role": "rep"})).problem(422)["at"], "rep");
    create(json!({"name": "x", "role": "rep", "rep": "nobody"})).problem(422);
    let problem = engine.client.send("DELETE", "/v1/tokens/admin", &[], b"").expect("it answers").problem(409);
    assert_eq!(problem["type"], "/problems/last-admin");
    let second = create(json!({"name": "second", "role": "admin"})).expect(201).json;
    let second = engine.client.with_token(second["token"].as_str());
    second.send("DELETE", "/v1/tokens/admin", &[], b"").expect("it answers").expect(204);
    second.send("DELETE", "/v1/tokens/second", &[], b"").expect("it answers").problem(409);
    second.get("/v1/tokens").expect(200);
    engine.stop();
}

#[test]
fn what_steers_a_terminal_comes_to_none() {
    const STEERING: &str = "a\u{1b}]0;x\u{7}b\u{9b}2Jc\u{202e}d\u{0}e\u{8}f";
    let site = Site::new();
    let engine = started(&site, &[]);
    let mut lead = lead(1);
    for field in ["first_name", "company", "title", "message", "pain"] {
        lead[field] = STEERING.into();
    }
    let id = engine.bring("msg_1", &lead);
    let ask = |arguments: &[&str]| {
        let mut command = cadenza(arguments);
        let output = command.env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin).output();
        String::from_utf8(output.expect("cadenza runs").stdout).expect("it prints UTF-8")
    };
    for arguments in [&["leads"][..], &["runs"], &["tasks"], &["why", &id], &["parked"]] {
        let said = ask(arguments);
        let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!said.is_empty() && !said.chars().any(steers), "{arguments:?}: {said:?}");
    }
    let json: Value = serde_json::from_str(&ask(&["leads", "--json"])).expect("it prints JSON");
    assert_eq!(json, engine.client.get("/v1/leads").expect(200).json["items"], "a program gets what the API gives");
    engine.stop();
}
