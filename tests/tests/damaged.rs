//! Records that cannot be read, damaged in the database of a stopped engine: it starts, takes leads, does what is
//! due, reports each record once, and stops when told to. Also a folder that is too open or cut short, and an engine
//! with little address space.

use cadenza_tests::{Delivery, Engine, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

fn hot(n: u32) -> Value {
    json!({
        "id": format!("crm-{n}"), "email": format!("ada{n}@acme{n}.example"), "phone": format!("+1 212 555 {n:04}"),
        "first_name": "Ada", "title": "VP Sales", "company": format!("Acme {n}"), "industry": "Software",
        "employees": 400, "country": "US", "source": "web", "product": "dialler", "budget": 60000.0,
        "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z", "message": "Please send a quote."
    })
}

/// A stopped engine that had three leads, calls, a mail that could not be sent and a dead letter.
fn lived_in(mailbox: &Mailbox) -> Site {
    let site = Site::new();
    site.edit("inbound.yaml", |text| {
        text.replace("  - id: first-call\n", "  - id: welcome\n    email: scripts/mail-1.md\n  - id: first-call\n")
    });
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine.client.post("/v1/connections/mailer/pause", &json!({})).expect(200);
    for n in 1..4 {
        let lead = engine.bring(&format!("msg_{n}"), &hot(n));
        // So that its journal has more than the entry that is part of its record.
        engine.client.post(&format!("/v1/leads/{lead}/preferences"), &json!({"refused": []})).expect(200);
    }
    // A delivery that cannot be mapped is kept.
    let refused = engine.deliver("website", &Delivery::new("msg_bad", &json!([1, 2]))).expect("the engine answers");
    assert_eq!(refused.status, 422, "{}", refused.text);
    engine.advance("2d");
    engine.stop();
    site
}

/// Overwrites the values of all records of a kind, and returns how many there were.
fn spoil(data: &Path, kind: u8) -> usize {
    let database = sled::open(data.join("sled")).expect("the engine is stopped");
    let keys: Vec<_> = database.range([kind]..[kind + 1]).keys().map(|key| key.expect("readable")).collect();
    for key in &keys {
        database.insert(key, &[1, 0xFF][..]).expect("writable");
    }
    database.flush().expect("writable");
    keys.len()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

/// Checks that everyday functions still work.
fn goes_on(engine: &Engine, what: &str, n: u32) {
    let view = engine.lead(&engine.bring(&format!("msg_{n}"), &hot(n)));
    assert!(view["id"].is_string(), "{what}: a new lead is shown: {view:#}");
    for path in ["/v1/leads", "/v1/tasks", "/v1/runs", "/v1/schedules", "/v1/outbox", "/v1/dead-letters", "/metrics"] {
        let answer = engine.client.get(path);
        assert_eq!(answer.status, 200, "{what}: GET {path}: {}", answer.text);
    }
    // Past the end of the account's hold, so that everything that can fall due has fallen due.
    engine.advance("20d");
}

#[test]
fn a_damaged_record_of_any_kind_stops_nobody() {
    let mailbox = Mailbox::open();
    let site = lived_in(&mailbox);
    let whole = site.data().with_file_name("whole");
    copy(&site.data(), &whole);
    // The kind and its name; `None` if it is written again before anybody reads it.
    let kinds = [
        (b'A', Some("account")),
        (b'B', None),
        (b'C', Some("counter")),
        (b'D', Some("dead letter")),
        (b'E', Some("outbox row")),
        (b'G', None),
        (b'I', None),
        (b'J', None),
        (b'L', Some("lead")),
        (b'M', None),
        (b'O', Some("pool")),
        (b'P', None),
        (b'S', Some("schedule")),
    ];
    for (kind, told) in kinds {
        let what = char::from(kind);
        std::fs::remove_dir_all(site.data()).expect("it is stopped");
        copy(&whole, &site.data());
        let spoilt = spoil(&site.data(), kind);
        assert!(spoilt > 0 || kind == b'G', "there is something of kind `{what}`");
        let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
        goes_on(&engine, &format!("`{what}` spoilt"), 10);
        // If it cannot be known whose it is, or whether it was applied, it is refused with an explanation.
        let again = match kind {
            b'I' => Some("msg_20"),
            b'M' => Some("msg_1"),
            _ => None,
        };
        if let Some(id) = again {
            let refused =
                engine.deliver("website", &Delivery::new(id, &hot(1))).expect("the engine answers").problem(500);
            assert_eq!(refused["type"], "/problems/damaged", "`{what}`: {refused:#}");
        }
        if let Some(told) = told {
            let listed = engine.client.get("/v1/damaged").expect(200).json;
            let items = listed["items"].as_array().expect("a list");
            let noted = listed["noted"].as_u64().expect("a number");
            assert!(noted > 0, "`{what}` is told of: {listed:#}");
            let metric = format!("cadenza_damaged_records_total{{kind=\"{told}\"}}");
            assert!(engine.client.get("/metrics").expect(200).text.contains(&metric), "`{what}`: {metric}");
            let log = engine.log();
            for item in items {
                let which = format!("what=\"{}\"", item["what"].as_str().unwrap_or_default());
                let lines = log.lines().filter(|line| line.contains("cannot be read") && line.contains(&which)).count();
                assert!(lines <= 1, "`{what}`: {which} is told {lines} times:\n{log}");
            }
        }
        assert!(!engine.log().contains("the store is opened again"), "`{what}`: {}", engine.log());
        engine.stop();
    }
}

#[test]
fn every_document_may_be_damaged_at_once() {
    let mailbox = Mailbox::open();
    let site = lived_in(&mailbox);
    assert!(spoil(&site.data(), b'F') > 3, "tokens, definitions, brakes, the clock");
    let refused = cadenza(&["token", "list", "--data"]).arg(site.data()).output().expect("cadenza runs");
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.success() && words.contains("token"), "{words}");
    // The token is damaged with everything else, so another one is made.
    let made = cadenza(&["token", "create", "--role", "admin", "--name", "new", "--data"]);
    let made = { made }.arg(site.data()).output().expect("cadenza runs");
    let admin = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let mut command = Engine::command(&site, "virtual");
    command.envs(site.environment(Some(&mailbox.url)));
    let engine = Engine::launch(command, &admin).unwrap_or_else(|log| panic!("it does not start:\n{log}"));
    assert!(engine.log().contains("every workflow and connection is paused"), "{}", engine.log());
    goes_on(&engine, "every document spoilt", 10);
    engine.stop();
}

#[test]
fn a_lead_that_cannot_be_read_is_refused_in_words_and_found_by_the_doctor() {
    let mailbox = Mailbox::open();
    let site = lived_in(&mailbox);
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    let leads = engine.client.get("/v1/leads").expect(200).json;
    let lead = leads["items"][0]["id"].as_str().expect("an id").to_owned();
    engine.stop();
    let count = spoil(&site.data(), b'L');
    let doctor = |arguments: &[&str]| {
        let output = cadenza(arguments).output().expect("cadenza runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let data = site.data();
    let (code, words) = doctor(&["doctor", "--data", data.to_str().expect("UTF-8")]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains(&lead) && words.matches("ld_").count() == count, "every lead is found: {words}");
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    let shown = engine.client.get(&format!("/v1/leads/{lead}")).problem(500);
    assert_eq!(shown["type"], "/problems/damaged", "{shown:#}");
    let event = json!({"type": "call.completed", "lead": {"id": lead}, "data": {"outcome": "no_answer"}});
    let refused = engine.client.post("/v1/events", &event).problem(500);
    assert_eq!(refused["type"], "/problems/damaged", "{refused:#}");
    let (code, words) = doctor(&["doctor", "--url", &engine.url, "--token", &site.admin]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains(&lead), "{words}");
    engine.stop();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn the_data_folder_is_its_owners_alone() {
    let site = Site::new();
    assert_eq!(mode(&site.data()), 0o700, "made closed");
    std::fs::set_permissions(site.data(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    std::fs::set_permissions(site.data().join("sled/db"), std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let engine = Engine::start(&site, "real", None);
    assert!(engine.log().contains("was open to other users"), "{}", engine.log());
    let mut folders = vec![site.data()];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
    engine.stop();
}

#[test]
fn a_folder_cut_short_is_refused_until_the_loss_is_accepted() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    engine.bring("msg_1", &hot(1));
    engine.stop();
    let older = site.data().with_file_name("older");
    copy(&site.data().join("sled"), &older);
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    engine.bring("msg_2", &hot(2));
    engine.kill();
    std::fs::remove_dir_all(site.data().join("sled")).expect("it is stopped");
    copy(&older, &site.data().join("sled"));
    let words =
        Engine::try_start(&site, "real", Some(&mailbox.url), &[]).err().expect("it has less than was acknowledged");
    assert!(words.contains("less than was acknowledged") && words.contains("--accept-loss"), "{words}");
    let again = Engine::try_start(&site, "real", Some(&mailbox.url), &[]).err().expect("and it stays so");
    assert!(again.contains("less than was acknowledged"), "{again}");
    let accepted = cadenza(&["doctor", "--accept-loss", "--data"]).arg(site.data()).output().expect("cadenza runs");
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    engine.bring("msg_3", &hot(3));
    engine.stop();
}

#[test]
fn little_address_space_keeps_nobody_from_starting() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let inner = Engine::command(&site, "virtual");
    for kib in [2_000_000, 8_000_000] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {kib}; exec \"$0\" \"$@\"")]);
        command.arg(inner.get_program()).args(inner.get_args()).envs(site.environment(Some(&mailbox.url)));
        let engine = Engine::launch(command, &site.admin).unwrap_or_else(|log| panic!("{kib} KiB:\n{log}"));
        let lead = engine.bring(&format!("msg_{kib}"), &hot(kib));
        assert_eq!(engine.lead(&lead)["segment"], "hot", "the plugins decide as ever");
        assert!(engine.log().contains("address space"), "{}", engine.log());
        engine.stop();
    }
}

#[test]
fn a_stop_is_obeyed_while_it_starts() {
    let site = Site::new();
    let mut child = Engine::command(&site, "real").envs(site.environment(None)).spawn().expect("cadenza runs");
    // Whether the signal comes before or after it has started is a matter of chance; it ends cleanly in either case.
    eventually("the signal is handled", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim().to_owned();
        let caught = u64::from_str_radix(&caught, 16).ok()?;
        (caught & (1 << 14) != 0).then_some(())
    });
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{status}");
}
