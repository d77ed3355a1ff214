//! What an operator encounters: brakes, a disk that is nearly full, and one that is full.

use cadenza_sled::SledOptions;
use cadenza_store::Store;
use cadenza_tests::{Delivery, Engine, Mailbox, Site};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn lead(n: u32) -> Value {
    json!({
        "id": format!("crm-{n}"), "email": format!("ada{n}@acme{n}.example"), "first_name": "Ada", "title": "VP Sales",
        "company": format!("Acme {n}"), "employees": 400, "source": "web", "product": "dialler", "budget": 60000.0,
        "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z", "message": "A quote, please."
    })
}

fn workflow(engine: &Engine, name: &str) -> Value {
    let all = engine.client.get("/v1/workflows").expect(200).json;
    let found = all.as_array().and_then(|all| all.iter().find(|workflow| workflow["name"] == name)).cloned();
    found.unwrap_or_else(|| panic!("no workflow {name} in {all:#}"))
}

#[test]
fn a_paused_workflow_stands_still_over_a_restart_and_loses_nobody() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    let before = engine.bring("msg_1", &lead(1));
    assert_eq!(engine.tasks_of(&before).len(), 1, "the call of the first lead");

    engine.client.post("/v1/workflows/inbound/pause", &json!({})).expect(200);
    assert_eq!(workflow(&engine, "inbound")["paused"], true);
    assert_eq!(workflow(&engine, "handoff")["paused"], false);
    let during = engine.bring("msg_2", &lead(2));
    let call = engine.tasks_of(&before).remove(0);
    engine.done(&call, &json!({"outcome": "connected", "result": "qualified"}));
    assert_eq!(engine.tasks_of(&before), Vec::<Value>::new(), "what a rep reports is kept, and goes no further");
    engine.advance("3d");
    assert_eq!(engine.tasks_of(&during), Vec::<Value>::new(), "nobody is called for a workflow that is paused");
    engine.stop();

    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    assert_eq!(workflow(&engine, "inbound")["paused"], true, "a restart releases no brake");
    let runs = engine.client.get("/v1/runs?workflow=inbound").expect(200).text;
    assert!(runs.contains("the workflow is paused"), "a run says why it stands still: {runs}");
    assert_eq!(engine.tasks_of(&during), Vec::<Value>::new());

    engine.client.post("/v1/workflows/inbound/resume", &json!({})).expect(200);
    engine.advance("1m");
    assert_eq!(workflow(&engine, "inbound")["paused"], false);
    assert_eq!(engine.tasks_of(&during).len(), 1, "the lead that came meanwhile is called");
    assert_eq!(engine.lead(&before)["stage"], "qualified", "the other one goes where the report sent it");
    let story = engine.client.get(&format!("/v1/leads/{during}/timeline")).expect(200).text;
    assert!(story.contains("stands still") && story.contains("what it stood still for is over"), "{story}");
    engine.client.post("/v1/workflows/unheard-of/pause", &json!({})).problem(404);
    engine.stop();
}

#[test]
fn a_paused_connection_sends_nothing_over_a_restart() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    engine.client.post("/v1/connections/mailer/pause", &json!({})).expect(200);
    let lead = engine.bring("msg_1", &lead(1));
    for _ in 0..8 {
        for call in engine.tasks_of(&lead) {
            engine.done(&call, &json!({"outcome": "no_answer"}));
        }
        engine.advance("1d");
    }
    let waiting = |engine: &Engine| {
        let rows = engine.client.get("/v1/outbox").expect(200).json["items"].as_array().cloned().unwrap_or_default();
        rows.iter().filter(|row| row["via"] == "mailer").count()
    };
    assert!(waiting(&engine) > 0, "the mail waits in the outbox");
    engine.stop();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance("1h");
    assert_eq!(mailbox.mails().len(), 0, "nothing is sent while the connection is paused");
    engine.client.post("/v1/connections/mailer/resume", &json!({})).expect(200);
    engine.advance("5m");
    assert_eq!(waiting(&engine), 0);
    let mails = mailbox.mails();
    let mut keys: Vec<&String> = mails.iter().map(|mail| &mail.key).collect();
    keys.sort();
    keys.dedup();
    assert!(!mails.is_empty() && keys.len() == mails.len(), "each mail once: {keys:?}");
    engine.stop();
}

#[test]
fn resuming_one_workflow_leaves_the_many_leads_of_another_where_they_are() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    for workflow in ["inbound", "handoff"] {
        engine.client.post(&format!("/v1/workflows/{workflow}/pause"), &json!({})).expect(200);
    }
    // More than one batch.
    let leads: Vec<String> = (0..150).map(|n| engine.bring(&format!("msg_{n}"), &lead(n))).collect();
    engine.client.post("/v1/workflows/handoff/resume", &json!({})).expect(200);
    engine.advance("1m");
    assert_eq!(engine.client.get("/v1/tasks").expect(200).json["items"], json!([]), "inbound is still paused");
    engine.client.post("/v1/workflows/inbound/resume", &json!({})).expect(200);
    engine.advance("1m");
    let standing = leads.iter().filter(|lead| engine.lead(lead)["segment"] != "hot").count();
    assert_eq!(standing, 0, "every lead was scored once inbound was resumed");
    engine.stop();
}

#[test]
fn a_mail_taken_back_from_the_dead_letters_is_sent_once_whatever_its_run_does_by_then() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    mailbox.answer(400);
    let lead = engine.bring("msg_1", &lead(1));
    let letters = || {
        let page = engine.client.get("/v1/dead-letters").expect(200).json;
        page["items"].as_array().cloned().unwrap_or_default()
    };
    for _ in 0..20 {
        for call in engine.tasks_of(&lead) {
            engine.done(&call, &json!({"outcome": "no_answer"}));
        }
        engine.advance("1d");
        if !letters().is_empty() {
            break;
        }
    }
    let letter = letters().remove(0);
    mailbox.answer(200);
    let refused = mailbox.mails().len();
    let id = letter["id"].as_str().expect("a letter has an id");
    engine.client.post(&format!("/v1/dead-letters/{id}/redrive"), &json!({})).expect(200);
    engine.client.post(&format!("/v1/dead-letters/{id}/redrive"), &json!({})).problem(404);
    engine.advance("5m");
    let key = letter["message"]["id"].as_str().expect("a message has an id");
    let sent: Vec<_> = mailbox.mails().split_off(refused).into_iter().filter(|mail| mail.key == key).collect();
    assert_eq!(sent.len(), 1, "the mail left, once: {letter:#}");
    engine.stop();
}

/// Tries until the engine accepts the lead again. Until then, each response must be a problem with a time to come back.
fn bring_when_it_can(engine: &Engine, n: u32) {
    let (id, lead) = (format!("msg_{n}"), lead(n));
    let patience = Instant::now();
    loop {
        let answer = engine.deliver("website", &Delivery::new(&id, &lead)).expect("the engine answers");
        if answer.status == 202 {
            return;
        }
        answer.problem(503);
        assert!(patience.elapsed() < Duration::from_secs(30), "it does not go on by itself:\n{}", engine.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn count(engine: &Engine) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = engine.client.get(&format!("/v1/leads?limit=500{cursor}")).expect(200).json;
        count += page["items"].as_array().map_or(0, Vec::len);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

const MIB: u64 = 1024 * 1024;

#[test]
fn intake_stops_at_the_reserve_and_goes_on_by_itself() {
    // Beside the test, and not in the system's temporary folder, which may be in memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
    let filler = folder.path().join("filler");
    let site = Site::on(folder);
    let room = rustix::fs::statvfs(site.workspace().as_path()).expect("a folder lies on a disk");
    let free_mib = room.f_bavail * room.f_frsize / MIB;
    // Others write to this disk too, so half a GiB is allowed for either way.
    let reserve_mib = free_mib.saturating_sub(512).to_string();
    let engine = Engine::try_start(&site, "real", None, &["--disk-reserve-mib", &reserve_mib]).expect("it starts");
    engine.bring("msg_1", &lead(1));

    let file = File::create(&filler).expect("a file can be made");
    let flags = rustix::fs::FallocateFlags::empty();
    if let Err(error) = rustix::fs::fallocate(&file, flags, 0, 1024 * MIB) {
        eprintln!("SKIPPED: this disk cannot set room aside ({error}); the reserve was not tried");
        return;
    }
    let patience = Instant::now();
    let problem = loop {
        let answer = engine.deliver("website", &Delivery::new("msg_2", &lead(2))).expect("the engine answers");
        if answer.status != 202 {
            break answer;
        }
        assert!(patience.elapsed() < Duration::from_secs(10), "intake goes on with the reserve used up");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(problem.header("retry-after").is_some(), "it says when to come back: {problem:?}");
    let problem = problem.problem(503);
    assert!(problem["type"].as_str().is_some_and(|kind| kind.contains("space")), "{problem:#}");
    assert_eq!(engine.client.get("/v1/leads").expect(200).status, 200, "reading goes on");

    std::fs::remove_file(&filler).expect("it is there");
    drop(file);
    bring_when_it_can(&engine, 3);
    engine.stop();
}

/// Writes into a file until the disk is full.
fn fill(path: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file can be made");
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_fails_what_comes_and_loses_nothing() {
    // A small disk of our own, in a namespace of our own; not every machine allows that.
    let site = Site::new();
    let mount = site.workspace().with_file_name("small-disk");
    std::fs::create_dir(&mount).expect("a folder can be made");
    let namespace = ["--user", "--map-root-user", "--mount"];
    let script = r#"mount -t tmpfs -o size=24m cadenza "$0" && cp -r "$1/." "$0" && shift && exec "$@""#;
    let possible = Command::new("unshare")
        .args(namespace)
        .args(["sh", "-c", "mount -t tmpfs cadenza \"$0\""])
        .arg(&mount)
        .stderr(Stdio::null())
        .status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine makes no disk for us (unshare, mount); a full disk was not tried");
        return;
    }
    let serve = Engine::command(&site, "real");
    let mut command = Command::new("unshare");
    command.args(namespace).args(["sh", "-c", script]).arg(&mount).arg(site.data());
    command
        .arg(serve.get_program())
        .args(serve.get_args().map(|word| if word == site.data().as_os_str() { mount.as_os_str() } else { word }));
    command.args(["--disk-reserve-mib", "0"]).envs(site.environment(None));
    let engine = Engine::launch(command, &site.admin).expect("it starts on the small disk");
    let filler = Path::new("/proc").join(engine.pid().to_string()).join("root");
    let filler = filler.join(mount.strip_prefix("/").expect("an absolute path")).join("filler");

    let known = engine.bring("msg_1", &lead(1));
    fill(&filler);
    let mut refused = Vec::new();
    for n in 2..2_000 {
        let answer = engine.deliver("website", &Delivery::new(&format!("msg_{n}"), &lead(n))).expect("it answers");
        if answer.status != 202 {
            answer.problem(503);
            refused.push(n);
        }
        if refused.len() == 5 {
            break;
        }
    }
    assert_eq!(refused.len(), 5, "a full disk fails what comes");
    let read = engine.client.get(&format!("/v1/leads/{known}"));
    if read.status != 200 {
        read.problem(503);
    }

    std::fs::remove_file(&filler).expect("it is there");
    let last = refused[refused.len() - 1];
    // Leads that were refused come again under the same id, and so does one that was not.
    for n in refused.iter().copied().chain([1]) {
        bring_when_it_can(&engine, n);
    }
    assert_eq!(engine.lead(&known)["id"], known.as_str(), "what was acknowledged is there");
    assert_eq!(count(&engine), last as usize, "every lead once");
    engine.stop();
}

#[test]
fn a_schedule_is_kept_before_it_has_ever_fired() {
    let site = Site::new();
    let engine = Engine::start(&site, "real", None);
    let schedules = engine.client.get("/v1/schedules").expect(200).json;
    let schedules = schedules["items"].as_array().or(schedules.as_array()).expect("a list of schedules").clone();
    engine.stop();
    // What is missed while the engine is stopped counts from then on.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let store = cadenza_sled::open(&site.data(), SledOptions::default()).expect("the engine has stopped");
        for schedule in &schedules {
            let id = schedule["id"].as_str().expect("a schedule has an id");
            let kept = store.schedule(id).await.expect("the store reads");
            assert!(kept.is_some_and(|kept| kept.handled.is_some()), "nothing is kept of {id}");
        }
    });
    assert!(!schedules.is_empty(), "the shipped workspace has a schedule");
}
