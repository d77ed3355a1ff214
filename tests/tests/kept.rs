//! Data folders that earlier programs left: `kept/format-2.tgz` was written by the last program of format
//! 2, with its workspace and what its API said at the end. Every lead, run, task, message and deadline in
//! it is there, and continues.

use cadenza_tests::{Engine, Mailbox, Site};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn pages(engine: &Engine, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = engine.client.get(&format!("{path}?limit=100{cursor}")).expect(200).json;
        items.extend(page["items"].as_array().expect("a page").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// Removes what is reported of messages and tasks only since that program.
fn without_what_is_new(mut rows: Vec<Value>) -> Value {
    for row in &mut rows {
        let of = if row["message"].is_object() { &mut row["message"] } else { row };
        for new in ["put_off", "asks", "give_up_at", "deals"] {
            of.as_object_mut().expect("a message or a task").remove(new);
        }
    }
    Value::Array(rows)
}

#[test]
fn a_folder_of_the_last_program_of_format_2_opens_and_goes_on() {
    let (site, expected) = Site::kept("format-2.tgz");
    let mailbox = Mailbox::open();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));

    let leads: Vec<Value> = pages(&engine, "/v1/leads")
        .iter()
        .map(|lead| engine.client.get(&format!("/v1/leads/{}", lead["id"].as_str().unwrap())).expect(200).json)
        .collect();
    assert_eq!(without_what_is_new(leads.clone()), expected["leads"]);
    for lead in &leads {
        let id = lead["id"].as_str().expect("an id");
        let told = pages(&engine, &format!("/v1/leads/{id}/timeline"));
        let known = expected["timelines"][id].as_array().expect("a list");
        assert_eq!(told.get(..known.len()), Some(known.as_slice()), "what happened to {id}");
        // That program did not know what held a message; the first look at it says so.
        let new = &told[known.len()..];
        let is_held = |entry: &Value| entry["what"].to_string().contains("is held until further notice");
        assert!(new.iter().all(is_held), "what is new of {id}: {new:?}");
    }
    for (list, said) in [
        ("runs", Value::Array(pages(&engine, "/v1/runs"))),
        ("tasks", without_what_is_new(pages(&engine, "/v1/tasks"))),
        ("outbox", without_what_is_new(pages(&engine, "/v1/outbox"))),
        ("dead_letters", without_what_is_new(pages(&engine, "/v1/dead-letters"))),
        ("schedules", engine.client.get("/v1/schedules").expect(200).json),
    ] {
        assert_eq!(said, expected[list], "{list}");
    }
    assert!(expected["runs"].as_array().is_some_and(|runs| runs.len() > 20), "there is something to compare");
    assert_eq!(engine.client.get("/v1/damaged").expect(200).json["items"], json!([]));

    // What that program held back, and every deadline that it set.
    engine.client.post("/v1/connections/mailer/resume", &json!({})).expect(200);
    engine.client.post("/v1/workflows/answer/resume", &json!({})).expect(200);
    for _ in 0..8 {
        engine.advance("10d");
    }
    let now = engine.client.get("/v1/clock").expect(200).json["now"].as_str().expect("a time").to_owned();
    let runs = pages(&engine, "/v1/runs");
    for run in &runs {
        assert_ne!(run["state"], "parked", "{run}");
        let is_late = run["task"].is_null() && run["due"].as_str().is_some_and(|due| due < now.as_str());
        assert!(!is_late, "nobody looked at it: {run}");
    }
    let of = |runs: &[Value]| -> BTreeSet<String> { runs.iter().map(|run| run["lead"].to_string()).collect() };
    assert_eq!(of(&runs), of(expected["runs"].as_array().expect("a list")), "nobody is lost");
    let late = mailbox.mails().iter().filter(|mail| mail.body["to"] == "late@initech.example").count();
    assert_eq!(late, 1, "the mail that a paused connection held left, once: {:?}", mailbox.mails());
    engine.stop();
}
