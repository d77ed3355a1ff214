//! Schedules on a running engine: which state belongs to which schedule when the workspace changes, clocks that go
//! back, and firings and advances that end while leads come in.

use cadenza_core::time::{DAY_MS, HOUR_MS, Timestamp};
use cadenza_sled::SledOptions;
use cadenza_store::Store as _;
use cadenza_tests::{Engine, Site, eventually};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SETTINGS: &str = "name: schedules\ntimezone: UTC\nhours: { mon-sun: 00:00-24:00 }\n";
const DAILY: &str = "  - { schedule: { cron: \"0 8 * * *\" }, leads: 'true' }\n";

/// A workflow whose leads are enrolled by these schedules and wait.
fn workflow(schedules: &str) -> String {
    let steps = "steps:\n  - id: rest\n    wait: 1d\n  - end: over\n";
    format!("workflow: sweep\nsummary: Whoever is there.\nenroll:\n{schedules}re_enroll: always\n{steps}")
}

fn site(schedules: &str) -> Site {
    let site = Site::empty();
    site.write("cadenza.yaml", SETTINGS);
    site.write("sweep.yaml", &workflow(schedules));
    site
}

#[track_caller]
fn schedules(engine: &Engine) -> Vec<Value> {
    engine.client.get("/v1/schedules").expect(200).json.as_array().expect("a list of schedules").clone()
}

/// The only schedule with this cron expression.
#[track_caller]
fn of_cron(engine: &Engine, cron: &str) -> Value {
    let all = schedules(engine);
    let found: Vec<&Value> = all.iter().filter(|schedule| schedule["cron"] == cron).collect();
    assert_eq!(found.len(), 1, "one schedule of `{cron}` in {all:?}");
    found[0].clone()
}

#[track_caller]
fn apply(engine: &Engine, site: &Site, schedules: &str) {
    site.write("sweep.yaml", &workflow(schedules));
    engine.client.post("/v1/workspace/apply", &json!({})).expect(200);
}

fn fired(schedule: &Value) -> usize {
    schedule["past"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_changed_workspace_fires_nothing_and_mixes_up_nothing() {
    // What is in the file after the change. Each case began with only the daily schedule, which fired once at eight.
    let other = "  - { schedule: { cron: \"30 7 * * *\" }, leads: 'true' }\n";
    let weekly = "  - { schedule: { cron: \"0 8 * * MON\" }, leads: 'true' }\n";
    let elsewhere = "  - { schedule: { cron: \"0 8 * * *\", timezone: Asia/Tokyo }, leads: 'true' }\n";
    let cases = [
        ("the cron is changed", other.to_owned(), "30 7 * * *", 0),
        ("the cron is changed to a time of today", DAILY.replace("0 8", "0 9"), "0 9 * * *", 0),
        ("the zone is changed", elsewhere.to_owned(), "0 8 * * *", 0),
        ("another is put before it", format!("{other}{DAILY}"), "0 8 * * *", 1),
        ("the one put before it is new", format!("{other}{DAILY}"), "30 7 * * *", 0),
        ("another comes after it", format!("{DAILY}{weekly}"), "0 8 * * *", 1),
        ("its leads are others", DAILY.replace("'true'", "lead.stage == \"open\""), "0 8 * * *", 1),
        ("its policy is another", DAILY.replace("*\" }", "*\", catch_up: { all: 3 } }"), "0 8 * * *", 1),
    ];
    let site = site(DAILY);
    let engine = Engine::start(&site, "virtual", None);
    let tomorrow = at(&engine.advance("1d")["now"]).plus_ms(DAY_MS).to_string();
    engine.advance_to(&format!("{}T10:00:00Z", &tomorrow[..10]));
    for (what, file, cron, remembered) in cases {
        apply(&engine, &site, DAILY);
        let before = fired(&of_cron(&engine, "0 8 * * *"));
        apply(&engine, &site, &file);
        engine.advance("1m");
        let schedule = of_cron(&engine, cron);
        let expected = if remembered > 0 { before } else { 0 };
        assert_eq!(fired(&schedule), expected, "{what}: {schedule}");
    }
}

fn at(time: &Value) -> Timestamp {
    time.as_str().and_then(Timestamp::parse).unwrap_or_else(|| panic!("`{time}` is a time"))
}

#[test]
fn a_schedule_that_was_away_has_missed_nothing() {
    let site = site(DAILY);
    let none = "  - { when: lead.created }\n";
    let engine = Engine::start(&site, "virtual", None);
    engine.advance("2d");
    let before = fired(&of_cron(&engine, "0 8 * * *"));
    assert!(before > 0, "it fires");
    apply(&engine, &site, none);
    engine.advance("3d");
    apply(&engine, &site, DAILY);
    engine.advance("1m");
    assert_eq!(fired(&of_cron(&engine, "0 8 * * *")), before, "it began when it came back");
    // The same while the engine was stopped.
    site.write("sweep.yaml", &workflow(none));
    engine.stop();
    let engine = Engine::start(&site, "virtual", None);
    engine.advance("3d");
    engine.stop();
    site.write("sweep.yaml", &workflow(DAILY));
    let engine = Engine::start(&site, "virtual", None);
    engine.advance("1m");
    assert_eq!(fired(&of_cron(&engine, "0 8 * * *")), before, "it began when it came back");
    engine.advance("1d");
    assert_eq!(fired(&of_cron(&engine, "0 8 * * *")), before + 1, "and it fires again");
}

#[test]
fn a_name_keeps_what_fired_under_other_times() {
    let named = |cron: &str| format!("  - {{ schedule: {{ id: morning, cron: \"{cron}\" }}, leads: 'true' }}\n");
    let site = site(&named("0 8 * * *"));
    let engine = Engine::start(&site, "virtual", None);
    engine.advance("2d");
    let before = fired(&of_cron(&engine, "0 8 * * *"));
    apply(&engine, &site, &named("*/7 * * * *"));
    let schedule = of_cron(&engine, "*/7 * * * *");
    assert_eq!((schedule["id"].as_str(), fired(&schedule)), (Some("sweep/morning"), before), "{schedule}");
    let next = schedule["next"].as_str().expect("it fires again").to_owned();
    engine.advance_to(&next);
    let schedule = of_cron(&engine, "*/7 * * * *");
    assert_eq!(schedule["last"]["nominal"], next.as_str(), "what was shown is what was done: {schedule}");
}

/// A clock that was years ahead, and no longer is.
#[test]
fn a_clock_that_went_back_silences_no_schedule() {
    let site = site(DAILY);
    let engine = Engine::start(&site, "virtual", None);
    let now = at(&engine.client.get("/v1/clock").expect(200).json["now"]);
    engine.advance("1500d");
    assert!(fired(&of_cron(&engine, "0 8 * * *")) > 0);
    engine.stop();
    let engine = Engine::start(&site, "real", None);
    let schedule = of_cron(&engine, "0 8 * * *");
    let next = at(&schedule["next"]);
    assert!(next.since_ms(now) < 2 * DAY_MS, "it fires within a day, not in four years: {next}");
    engine.stop();
    // What was shown is what the engine went by.
    let id = schedule["id"].as_str().expect("a schedule has an id");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let kept = runtime.block_on(async {
        let store = cadenza_sled::open(&site.data(), SledOptions::default()).expect("the engine has stopped");
        store.schedule(id).await.expect("the store reads")
    });
    let handled = kept.and_then(|kept| kept.handled).expect("it is remembered when it was dealt with last");
    assert!(handled.since_ms(now) < 2 * DAY_MS, "what was handled later counts as handled now: {handled}");
}

#[test]
fn a_firing_and_an_advance_end_while_leads_come_in() {
    let site = site("  - { when: lead.created }\n  - { schedule: { cron: \"0 * * * *\" }, leads: 'true' }\n");
    let engine = Engine::start(&site, "virtual", None);
    // The clock begins at an arbitrary time, so this counts how many hours begin until the end.
    let hour = || {
        let now = engine.client.get("/v1/clock").expect(200).json["now"].as_str().and_then(Timestamp::parse);
        now.expect("a time").as_ms() / HOUR_MS
    };
    let begun = hour();
    let over = Arc::new(AtomicBool::new(false));
    let posters: Vec<_> = (0..4)
        .map(|poster| {
            let (client, over) = (engine.client.clone(), Arc::clone(&over));
            std::thread::spawn(move || {
                let mut round = 0;
                while !over.load(Ordering::Acquire) {
                    let lead = |n: u32| {
                        let id = format!("{poster}-{round}-{n}");
                        json!({"id": id, "type": "lead.created", "lead": {"external_id": id}})
                    };
                    client.post("/v1/events", &json!((0..50).map(lead).collect::<Vec<_>>())).expect(202);
                    round += 1;
                }
                round
            })
        })
        .collect();
    for _ in 0..5 {
        engine.advance("1h");
    }
    over.store(true, Ordering::Release);
    let rounds: u32 = posters.into_iter().map(|poster| poster.join().expect("leads are taken")).sum();
    assert!(rounds > 0, "leads came in");
    engine.advance("1m");
    let schedule = of_cron(&engine, "0 * * * *");
    let hours = usize::try_from(hour() - begun).expect("time went on");
    assert!(hours >= 5, "five hours passed");
    assert_eq!((fired(&schedule), &schedule["firing"]), (hours, &Value::Null), "{schedule}");
}

#[test]
fn an_engine_that_is_stopped_breaks_a_long_advance_off() {
    let site = site("  - { schedule: { cron: \"* * * * *\" }, leads: 'true' }\n");
    let engine = Engine::start(&site, "virtual", None);
    let lead = json!({"type": "lead.created", "lead": {"external_id": "1"}});
    engine.client.post("/v1/events", &lead).expect(202);
    let client = engine.client.clone();
    let advancing = std::thread::spawn(move || client.post("/v1/clock/advance", &json!({"by": "3650d"})));
    eventually("the clock is on its way", || (fired(&of_cron(&engine, "* * * * *")) > 2).then_some(()));
    engine.stop();
    let answer = advancing.join().expect("the request was made");
    assert_eq!(answer.problem(503)["type"], "/problems/stopping");
}
