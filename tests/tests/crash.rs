//! Kill -9 and power cuts at random moments under load: what was acknowledged is there and was applied once; every mail
//! arrives, always under one key.

use cadenza_tests::{Delivery, Engine, Mailbox, Site};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Rounds of kill -9, each at a different moment.
const ROUNDS: u64 = 50;
const SENDERS: u64 = 4;

fn lead(round: u64, sender: u64, n: u64) -> (String, Value) {
    let name = format!("r{round}s{sender}n{n}");
    let body = json!({
        "id": name, "email": format!("{name}@crash.example"), "first_name": "Kit",
        "title": "VP Sales", "company": format!("Crash {name}"), "industry": "Software", "employees": 400,
        "country": "US", "source": "web", "budget": 60000.0, "product": "dialler", "pain": "follow-up is forgotten",
        "project_date": "2027-06-01T00:00:00Z", "message": "Please send us a quote and call me."
    });
    (format!("msg_{name}"), body)
}

/// What senders saw acknowledged: the event's id and its lead.
type Acknowledged = Mutex<BTreeMap<String, String>>;

fn send_until(engine: &Engine, stop: &AtomicBool, round: u64, sender: u64, acknowledged: &Acknowledged) {
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let (id, body) = lead(round, sender, n);
        match engine.deliver("website", &Delivery::new(&id, &body)) {
            Ok(answer) if answer.status == 202 => {
                let lead = answer.json["lead"].as_str().expect("a lead").to_owned();
                acknowledged.lock().expect("no sender panics").insert(id, lead);
            }
            // Refused or broken off, so not acknowledged.
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// The shipped workspace with a step that sends a mail at once, so that effects are in progress when the engine ends.
fn mailing_site() -> Site {
    let site = Site::new();
    site.edit("inbound.yaml", |text| {
        text.replace("  - id: first-call\n", "  - id: welcome\n    email: scripts/mail-1.md\n  - id: first-call\n")
    });
    site
}

#[test]
fn what_was_acknowledged_survives_kill_nine() {
    let (site, mailbox) = (mailing_site(), Mailbox::open());
    let acknowledged: Acknowledged = Mutex::default();
    let mut seed = 7_u64;
    for round in 0..ROUNDS {
        let engine = Engine::start(&site, "real", Some(&mailbox.url));
        let stop = AtomicBool::new(false);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(5 + (seed >> 33) % 120);
        std::thread::scope(|scope| {
            let (engine, stop, acknowledged) = (&engine, &stop, &acknowledged);
            for sender in 0..SENDERS {
                scope.spawn(move || send_until(engine, stop, round, sender, acknowledged));
            }
            scope.spawn(move || {
                // The moment of the kill. Not waiting for anything is the point.
                std::thread::park_timeout(moment);
                let killed = std::process::Command::new("kill").args(["-9", &engine.pid().to_string()]).status();
                assert!(killed.expect("kill runs").success());
                stop.store(true, Ordering::SeqCst);
            });
        });
        drop(engine);
    }
    check(&site, &mailbox, &acknowledged.into_inner().expect("no sender panics"));
}

/// What was acknowledged is there and was applied once, and its mails have come under one key each.
fn check(site: &Site, mailbox: &Mailbox, acknowledged: &BTreeMap<String, String>) {
    assert!(acknowledged.len() > 100, "there was load: {}", acknowledged.len());
    let engine = Engine::start(site, "real", Some(&mailbox.url));
    for (event, lead) in acknowledged {
        let view = engine.lead(lead);
        let runs = view["runs"].as_array().map_or(0, Vec::len) + view["past_runs"].as_array().map_or(0, Vec::len);
        assert_eq!(runs, 1, "{event} enrolled its lead once: {view:#}");
    }
    let leads: BTreeSet<&String> = acknowledged.values().collect();
    assert_eq!(leads.len(), acknowledged.len(), "one lead for each event");
    // Sent again by a sender that got no response: nothing is done twice.
    let (event, known) = acknowledged.iter().next_back().expect("there was load");
    let parts: Vec<u64> = event["msg_r".len()..].split(['s', 'n']).map(|n| n.parse().expect("a number")).collect();
    let (id, body) = lead(parts[0], parts[1], parts[2]);
    let again = engine.deliver("website", &Delivery::new(&id, &body)).expect("the engine answers").expect(202).json;
    assert_eq!((&again["duplicate"], again["lead"].as_str()), (&json!(true), Some(known.as_str())));

    // Every mail arrives, so the outbox becomes empty.
    for _ in 0..3_000 {
        let outbox = engine.client.get("/v1/outbox").expect(200).json;
        if outbox["items"] == json!([]) {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert_eq!(engine.client.get("/v1/outbox").expect(200).json["items"], json!([]), "every effect arrives");
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in mailbox.of_type("email") {
        let to = mail.body["to"].as_str().unwrap_or_default().to_owned();
        keys.entry(to).or_default().insert(mail.key);
    }
    for (to, keys) in &keys {
        assert_eq!(keys.len(), 1, "mails to {to} came under more than one key: {keys:?}");
    }
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for notice in mailbox.of_type("notice").into_iter().filter(|notice| notice.body["kind"] == "assigned") {
        told.entry(notice.body["lead"].to_string()).or_default().insert(notice.key);
    }
    assert!(told.values().all(|keys| keys.len() == 1), "a rep was told twice of one lead: {told:?}");
    for (event, lead) in acknowledged {
        let to = engine.lead(lead)["fields"]["email"].as_str().unwrap_or_default().to_owned();
        assert!(keys.contains_key(&to), "the mail of {event} to {to} never came");
    }
    engine.stop();
}

/// Power cuts, each at a different call.
const CUTS: u64 = 30;

/// A disk below the whole program (`engine/store/sled/examples/power_disk.rs`): it keeps what was synced, and a
/// random, torn part of the rest.
fn on_a_disk_that_loses_power(site: &Site, mailbox: &Mailbox, cut_at: u64, seed: u64, unsynced: bool) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in target/…/deps");
    let disk = folder.join("examples/libpower_disk.so");
    assert!(disk.exists(), "{} is not there: run `cargo test --workspace`, which builds it", disk.display());
    let mut command = Engine::command(site, "real");
    command.envs(site.environment(Some(&mailbox.url))).env("LD_PRELOAD", disk);
    command.env("POWER_ROOT", site.data()).env("POWER_TO", left_over(site));
    command.env("POWER_CUT", cut_at.to_string()).env("POWER_SEED", seed.to_string());
    if unsynced {
        command.env("POWER_UNSYNCED", "1");
    }
    command
}

/// Where the disk is written as the power cut left it.
fn left_over(site: &Site) -> PathBuf {
    site.data().with_file_name("left-over")
}

/// Puts load on the engine until the power is cut. The data folder is then what was left of it.
fn cut(site: &Site, mailbox: &Mailbox, round: u64, unsynced: bool, acknowledged: &Acknowledged) {
    let mut chance = fastrand::Rng::with_seed(round);
    let command = on_a_disk_that_loses_power(site, mailbox, chance.u64(20..500), round, unsynced);
    // An engine that does not come up has lost power at its start.
    if let Ok(engine) = Engine::launch(command, &site.admin) {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (engine, stop) = (&engine, &stop);
                scope.spawn(move || send_until(engine, stop, round, sender, acknowledged));
            }
        });
        engine.wait();
    }
    assert!(left_over(site).exists(), "the power was never cut in round {round}");
    std::fs::remove_dir_all(site.data()).expect("the data folder is there");
    std::fs::rename(left_over(site), site.data()).expect("the folder beside it is there");
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let (site, mailbox) = (mailing_site(), Mailbox::open());
    let acknowledged: Acknowledged = Mutex::default();
    for round in 0..CUTS {
        cut(&site, &mailbox, round, false, &acknowledged);
    }
    check(&site, &mailbox, &acknowledged.into_inner().expect("no sender panics"));
}

/// Shows that the test above can fail: without the sync remedy something acknowledged is soon lost.
#[test]
fn without_the_sync_remedy_power_cuts_lose_what_was_acknowledged() {
    let mailbox = Mailbox::open();
    let lost = (0..CUTS).any(|round| {
        let (site, acknowledged) = (mailing_site(), Acknowledged::default());
        cut(&site, &mailbox, round, true, &acknowledged);
        let acknowledged = acknowledged.into_inner().expect("no sender panics");
        match Engine::try_start(&site, "real", Some(&mailbox.url), &[]) {
            Ok(engine) => {
                let missing = |lead: &&String| engine.client.get(&format!("/v1/leads/{lead}")).status != 200;
                acknowledged.values().any(|lead| missing(&lead))
            }
            Err(_) => true,
        }
    });
    assert!(lost, "{CUTS} power cuts without the remedy lost nothing: this disk keeps too much to prove anything");
}
