//! Versions of a workflow that nothing follows any more are dropped, and no others: what a run, a hold or a dead letter
//! still needs stays, old timelines name what there was, and a version comes back when its file does.

use cadenza_tests::{Engine, Mailbox, Site, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MONDAY_10: &str = "2026-11-30T15:00:00Z";
const SETTINGS: &str = "name: team\ntimezone: America/New_York\ncontact: { email_via: mailer }\n";
const CONNECTIONS: &str =
    "connections: { mailer: { url: { env: CADENZA_MAILER_URL, default: \"http://127.0.0.1:9/\" } } }\n";
const TEAM: &str = "reps:\n  ana: { name: Ana }\n  ben: { name: Ben }\npools:\n  closers: [ana, ben]\n";
const SCRIPT: &str = "---\nobjective: Say hello\nreviewed_by: Ana\nsubject: Hello\n---\nHello.\n";

/// What leads go through, each in a version of its own.
const WAITS: &str = "  - id: first-rest\n    wait: 30d\n";
const ENDS: &str = "  - id: second-rest\n    wait: 1h\n";
const MAILS: &str = "  - id: third-mail\n    email: scripts/hello.md\n";
const HOLDS: &str = "  - id: fourth-own\n    assign: { pool: closers, by: round_robin }
    hold: { scope: lead, for: 30d, on_expiry: fifth-rest }\n  - end: held\n  - id: fifth-rest\n    wait: 1h\n";
const LAST: &str = "  - id: last-rest\n    wait: 2h\n";

fn write(site: &Site, steps: &str) {
    let file = format!("workflow: greet\nsummary: Say hello.\nenroll: [{{ when: lead.created }}]\nsteps:\n{steps}");
    site.write("greet.yaml", &file);
}

/// Applies a version, and returns its digest.
fn apply(site: &Site, engine: &Engine, steps: &str) -> String {
    write(site, steps);
    engine.client.post("/v1/workspace/apply", &json!({})).expect(200);
    live(engine)
}

fn list(engine: &Engine) -> Vec<Value> {
    let versions = engine.client.get("/v1/workflows/greet/versions").expect(200).json;
    versions.as_array().cloned().unwrap_or_default()
}

fn live(engine: &Engine) -> String {
    let live = list(engine).into_iter().find(|version| version["live"] == true).expect("one is live");
    live["version"].as_str().expect("a digest").to_owned()
}

/// Waits until there are these versions and no others.
fn keeps(engine: &Engine, expected: &[&str], why: &str) {
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    eventually(why, || {
        let listed = list(engine);
        let versions: BTreeSet<&str> = listed.iter().filter_map(|version| version["version"].as_str()).collect();
        (versions == expected).then_some(())
    });
}

fn bring(engine: &Engine, name: &str) -> String {
    let event = json!({"id": name, "type": "lead.created", "lead": {"email": format!("{name}@{name}.example")}});
    let answer = engine.client.post("/v1/events", &event).expect(202).json;
    answer["lead"].as_str().expect("a lead").to_owned()
}

fn told(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
}

fn runs(engine: &Engine, lead: &str) -> usize {
    engine.lead(lead)["runs"].as_array().map_or(0, Vec::len)
}

fn site() -> Site {
    let site = Site::empty();
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    for (file, text) in [
        ("cadenza.yaml", SETTINGS),
        ("connections.yaml", CONNECTIONS),
        ("team.yaml", TEAM),
        ("scripts/hello.md", SCRIPT),
    ] {
        site.write(file, text);
    }
    site
}

#[test]
fn what_nothing_follows_is_dropped_and_nothing_else() {
    let (site, mailbox) = (site(), Mailbox::open());
    write(&site, WAITS);
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    let waits = live(&engine);
    let waiting = bring(&engine, "waits");

    let ends = apply(&site, &engine, ENDS);
    let ended = bring(&engine, "ends");
    engine.advance("2h");
    assert_eq!((runs(&engine, &waiting), runs(&engine, &ended)), (1, 0));

    // A mail that is refused for good is among the dead letters, and its run is over.
    let mails = apply(&site, &engine, MAILS);
    keeps(&engine, &[&waits, &mails], "the second version was followed by a run that is over");
    mailbox.answer(400);
    let mailed = bring(&engine, "mails");
    engine.advance("1h");
    assert_eq!(runs(&engine, &mailed), 0);
    let letters = engine.client.get("/v1/dead-letters").expect(200).json;
    let letter = letters["items"][0]["id"].as_str().expect("the mail").to_owned();

    // A hold outlives its run, and begins another.
    let holds = apply(&site, &engine, HOLDS);
    keeps(&engine, &[&waits, &mails, &holds], "the dead letter needs its version");
    let held = bring(&engine, "holds");
    assert_eq!(runs(&engine, &held), 0);
    let last = apply(&site, &engine, LAST);
    keeps(&engine, &[&waits, &mails, &holds, &last], "so does the hold");

    mailbox.answer(200);
    engine.client.post(&format!("/v1/dead-letters/{letter}/redrive"), &json!({})).expect(200);
    let mail = eventually("the mail leaves after all", || {
        let outbox = engine.client.get("/v1/outbox").expect(200).json;
        mailbox.mails().into_iter().next_back().filter(|_| outbox["items"] == json!([]))
    });
    assert_eq!((&mail.body["to"], &mail.body["workflow"]), (&json!("mails@mails.example"), &json!("greet")));

    // What is gone comes back when its file does; the same after a restart.
    assert_eq!(apply(&site, &engine, ENDS), ends, "the same file is the same version");
    keeps(&engine, &[&waits, &holds, &ends], "the letter is gone, and nobody followed the last version");
    let again = bring(&engine, "again");
    assert_eq!(runs(&engine, &again), 1);
    engine.stop();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    keeps(&engine, &[&waits, &holds, &ends], "as before the restart");
    engine.advance("2h");
    assert_eq!(runs(&engine, &again), 0, "it went on: {}", told(&engine, &again));

    // The hold ends after thirty days, and its run is told where to go.
    engine.advance("31d");
    assert!(told(&engine, &held).contains("fifth-rest"), "{}", told(&engine, &held));
    assert_eq!(apply(&site, &engine, LAST), last);
    keeps(&engine, &[&last], "everything is over");
    engine.stop();

    // Old stories name what there was, from outlines read from the store.
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    keeps(&engine, &[&last], "as before");
    for (lead, steps) in [
        (&waiting, &["first-rest (wait)"][..]),
        (&ended, &["second-rest (wait)"]),
        (&mailed, &["third-mail (email)"]),
        (&held, &["fourth-own (assign)", "fifth-rest (wait)"]),
        (&again, &["second-rest (wait)"]),
    ] {
        let told = told(&engine, lead);
        for step in steps {
            assert!(told.contains(step) && told.contains("greet"), "{step}: {told}");
        }
    }
    engine.stop();
}

#[test]
fn a_version_that_comes_into_use_while_it_is_looked_for_stays() {
    let (site, mailbox) = (site(), Mailbox::open());
    write(&site, WAITS);
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    // Versions go in and out of force faster than anybody can look, and each has one lead that waits in it.
    let mut waiting = Vec::new();
    for round in 0..12 {
        apply(&site, &engine, LAST);
        apply(&site, &engine, &WAITS.replace("30d", &format!("{}d", 30 + round % 3)));
        waiting.push(bring(&engine, &format!("lead{round}")));
        apply(&site, &engine, ENDS);
    }
    engine.advance("1d");
    for lead in &waiting {
        let view = engine.lead(lead);
        assert!(view["runs"][0]["parked"].is_null() && runs(&engine, lead) == 1, "{view:#}");
    }
    engine.advance("40d");
    for lead in &waiting {
        assert_eq!(runs(&engine, lead), 0, "each went on to its end: {}", told(&engine, lead));
    }
    engine.stop();
}
