//! What is sent: mails that are slow, refused, given up, thrown away, or in progress at a stop; and what they say.

use cadenza_core::time::Timestamp;
use cadenza_tests::{Engine, Mailbox, Site, cadenza, eventually, now_s};
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

const CONNECTION: &str = "timeout: 1m, attempts: 2, backoff: 2s, backoff_max: 1h";
const FLOW: &str = "workflow: mails
summary: A mail, and somebody looks after those that do not arrive.
enroll: [{ when: lead.created }]
steps:
  - switch:
      - { if: lead.source == \"slow-1\", go: slow-1 }
      - { if: lead.source == \"slow-2\", go: slow-2 }
      - { if: lead.source == \"slow-3\", go: slow-3 }
      - { if: lead.source == \"slow-4\", go: slow-4 }
      - else: quick
  - { id: slow-1, email: scripts/hello.md, via: slow-1, go: end }
  - { id: slow-2, email: scripts/hello.md, via: slow-2, go: end }
  - { id: slow-3, email: scripts/hello.md, via: slow-3, go: end }
  - { id: slow-4, email: scripts/hello.md, via: slow-4, go: end }
  - { id: quick, email: scripts/hello.md, via: quick }
  - { id: over, wait: 30d }
";

/// A separate workspace: one connection that is quick, and four that go to `slow`.
fn site(quick: &str, slow: &str) -> Site {
    let site = Site::empty();
    site.write("cadenza.yaml", "name: Sending\ntimezone: Europe/Berlin\ncontact: { email_via: quick }\n");
    site.write("team.yaml", "reps: { ana: { name: Ana } }\n");
    let slow: String = (1..=4).map(|n| format!("  slow-{n}: {{ url: \"{slow}\", {CONNECTION} }}\n")).collect();
    let quick = format!("  quick: {{ url: {{ env: QUICK_URL, default: \"{quick}\" }}, {CONNECTION} }}\n");
    site.write("connections.yaml", &format!("connections:\n{quick}{slow}"));
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    let script = "---\nobjective: Say hello\nreviewed_by: Ana\nsubject: For {{ lead.company | default('you') }}\n---\nHello {{ lead.company | default('you') }}.\n";
    site.write("scripts/hello.md", script);
    site.write("mails.yaml", FLOW);
    site
}

fn lead(n: usize, source: &str) -> Value {
    json!({
        "type": "lead.created", "id": format!("{source}-{n}"),
        "lead": { "email": format!("ada{n}@{source}.example"), "company": "Acme", "source": source },
    })
}

/// Brings one lead and returns its id.
fn bring(engine: &Engine, event: &Value) -> String {
    let taken = engine.client.post("/v1/events", event).expect(202).json;
    taken["lead"].as_str().expect("a lead").to_owned()
}

fn bring_many(engine: &Engine, count: usize, source: &str) {
    let events: Vec<Value> = (0..count).map(|n| lead(n, source)).collect();
    for part in events.chunks(1_000) {
        engine.client.post("/v1/events", &json!(part)).expect(202);
    }
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=500")).expect(200).text
}

fn letters(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/dead-letters").expect(200).json;
    page["items"].as_array().cloned().unwrap_or_default()
}

/// What one of our commands prints. It must end with this code.
#[track_caller]
fn says(engine: &Engine, site: &Site, arguments: &[&str], code: i32) -> String {
    let output = cadenza(arguments).env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin).output();
    let output = output.expect("cadenza runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(code), "cadenza {arguments:?}: {said}");
    said
}

#[test]
fn slow_connections_with_any_number_of_mails_hold_up_nobody() {
    let (quick, slow) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &slow.url);
    slow.keep_waiting(true);
    let engine = Engine::start(&site, "real", None);
    // More rows than are looked at in one go, and four connections that would take every place.
    bring_many(&engine, 1_100, "slow-1");
    for slow in ["slow-2", "slow-3", "slow-4"] {
        bring_many(&engine, 30, slow);
    }
    eventually("as many slow mails as there is room for", || (slow.mails().len() >= 4 * 4).then_some(()));
    bring_many(&engine, 10, "quick");
    eventually("every quick mail", || (quick.mails().len() == 10).then_some(()));
}

#[test]
fn a_stop_waits_for_what_is_under_way() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    let engine = Engine::start(&site, "real", None);
    quick.keep_waiting(true);
    bring(&engine, &lead(1, "quick"));
    eventually("the mail", || (quick.mails().len() == 1).then_some(()));
    engine.terminate();
    eventually("the stop", || engine.log().contains("stopping").then_some(()));
    quick.keep_waiting(false);
    engine.stopped();
    let engine = Engine::start(&site, "real", None);
    bring(&engine, &lead(2, "quick"));
    eventually("the next mail", || (quick.mails().len() > 1).then_some(()));
    let keys: Vec<String> = quick.mails().into_iter().map(|mail| mail.key).collect();
    assert_eq!(keys.iter().filter(|key| **key == keys[0]).count(), 1, "the first one left once: {keys:?}");
    engine.stop();
}

#[test]
fn what_is_still_under_way_at_the_limit_is_said_and_leaves_again() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    let engine = Engine::try_start(&site, "real", None, &["--sending-drain-s", "0"]).expect("it starts");
    quick.keep_waiting(true);
    bring(&engine, &lead(1, "quick"));
    eventually("the mail", || (quick.mails().len() == 1).then_some(()));
    engine.terminate();
    let said = eventually("the warning", || {
        let log = engine.log();
        log.lines().find(|line| line.contains("still under way")).map(str::to_owned)
    });
    assert!(said.contains("quick") && said.contains("under_way=1"), "{said}");
    engine.stopped();
    quick.keep_waiting(false);
    let engine = Engine::start(&site, "real", None);
    eventually("the mail again", || (quick.mails().len() == 2).then_some(()));
    let mails = quick.mails();
    assert_eq!(mails[0].key, mails[1].key);
    engine.stop();
}

#[test]
fn a_mail_that_is_given_up_has_a_way_out_and_the_story_says_why() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    site.edit("mails.yaml", |text| {
        let results = "via: quick, results: { sent: over, failed: by-hand, else: end } }\n  \
                       - { id: by-hand, task: \"Reach {{ lead.email }} by hand\" }";
        text.replace("via: quick }", results)
    });
    let engine = Engine::start(&site, "virtual", None);
    let sent = bring(&engine, &lead(1, "quick"));
    engine.advance("1m");
    quick.answer(500);
    let failed = bring(&engine, &lead(2, "quick"));
    engine.advance("1h");
    let told = story(&engine, &sent);
    assert!(told.contains("The mail scripts/hello.md was handed over."), "{told}");
    let told = story(&engine, &failed);
    let why = "The mail scripts/hello.md was given up: after 2 attempts, the other side answered 500 Internal Server Error. \
               It lies with the dead letters.";
    assert!(told.contains(why), "{told}");
    assert!(told.contains("came to the step by-hand"), "{told}");
    assert_eq!(engine.tasks_of(&failed)[0]["objective"], "Reach ada2@quick.example by hand");
    assert_eq!(engine.tasks_of(&sent), Vec::<Value>::new());

    let opted_out =
        json!({ "type": "lead.created", "lead": { "external_id": "7", "company": "Acme", "source": "quick" } });
    let refused = bring(&engine, &opted_out);
    assert!(story(&engine, &refused).contains("mails: over"), "no address: `refused` leads to the end");

    // What lies there is listed, shown, sent again, thrown away; the lead's story says so.
    let letter = letters(&engine).remove(0);
    let id = letter["id"].as_str().expect("a letter has an id");
    let list = says(&engine, &site, &["dead-letters"], 0);
    assert!(list.contains(id) && list.contains("email scripts/hello.md by quick") && list.contains("500"), "{list}");
    assert_eq!(says(&engine, &site, &["dead-letters", "--via", "slow-1"], 0).trim(), "No dead letters.");
    assert!(says(&engine, &site, &["dead-letters", "show", id], 0).contains(&failed));
    says(&engine, &site, &["dead-letters", "redrive", id], 0);
    engine.advance("1h");
    assert!(story(&engine, &failed).contains("was taken out of the dead letters by"), "{}", story(&engine, &failed));
    let again = letters(&engine).remove(0);
    assert_eq!(again["message"]["id"], letter["message"]["id"], "it was given up again, under the same key");
    let said = says(&engine, &site, &["dead-letters", "discard", "--all", "--json"], 0);
    let results: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(results[0]["done"], true);
    assert_eq!(letters(&engine), Vec::<Value>::new());
    assert!(
        story(&engine, &failed).contains("was thrown away out of the dead letters by"),
        "{}",
        story(&engine, &failed)
    );
    says(&engine, &site, &["dead-letters", "discard", id], 1);
    engine.client.json("DELETE", &format!("/v1/dead-letters/{id}"), &json!({})).problem(404);
    engine.stop();
}

#[test]
fn what_is_over_is_not_sent_because_all_letters_are_driven_again() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    site.edit("mails.yaml", |text| {
        text.replace("steps:", "leave:\n  - if: event.type == \"email.replied\"\n    as: replied\nsteps:")
    });
    let engine = Engine::start(&site, "virtual", None);
    quick.answer(500);
    let answers = bring(&engine, &lead(1, "quick"));
    bring(&engine, &lead(2, "quick"));
    engine.advance("1h");
    assert_eq!(letters(&engine).len(), 2);
    let replied = json!({ "type": "email.replied", "lead": { "email": "ada1@quick.example" } });
    engine.client.post("/v1/events", &replied).expect(202);
    quick.answer(200);
    let before = quick.mails().len();
    let said = says(&engine, &site, &["dead-letters", "redrive", "--all"], 1);
    assert!(said.contains("the lead has left the workflow that wrote it") && said.contains("even_so"), "{said}");
    assert!(said.contains("1 dead letter driven again; 1 lie there still"), "{said}");
    engine.advance("1h");
    let to = |from: usize| -> Vec<String> {
        let mails = quick.mails().split_off(from);
        mails.iter().filter_map(|mail| mail.body["to"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(to(before), ["ada2@quick.example"], "who has answered is not written to for the first time");
    let letter = letters(&engine).remove(0);
    let id = letter["id"].as_str().expect("a letter has an id");
    let path = format!("/v1/dead-letters/{id}/redrive");
    assert_eq!(engine.client.post(&path, &json!({})).problem(409)["reason"], "needless");
    says(&engine, &site, &["dead-letters", "redrive", "--even-so", id], 0);
    engine.advance("1h");
    assert_eq!(to(before), ["ada2@quick.example", "ada1@quick.example"], "a person may want it all the same");
    let told = story(&engine, &answers);
    assert!(told.contains("was handed over") && !told.contains("changed nothing"), "{told}");
    engine.stop();
}

#[test]
fn a_date_to_come_back_at_is_kept_within_the_limit() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    let engine = Engine::start(&site, "virtual", None);
    let in_half_an_hour = Duration::from_secs(now_s().unsigned_abs() + 1_800);
    let date = httpdate::fmt_http_date(UNIX_EPOCH + in_half_an_hour);
    for (n, asked, least_s, most_s) in
        [(1, date.as_str(), 1_200, 1_800), (2, "Fri, 31 Dec 9999 23:59:59 GMT", 3_600, 3_600), (3, "60", 60, 60)]
    {
        quick.answer_with(503, &[("retry-after", asked)]);
        let seen = quick.mails().len() + 1;
        bring(&engine, &lead(n, "quick"));
        eventually("the attempt", || (quick.mails().len() >= seen).then_some(()));
        let row = eventually("its result", || {
            let rows = engine.client.get("/v1/outbox").expect(200).json;
            let row = rows["items"].as_array()?.iter().find(|row| row["last_error"].is_string())?.clone();
            Some(row)
        });
        let time = |value: &Value| value.as_str().and_then(Timestamp::parse).expect("a time");
        let now = time(&engine.client.get("/v1/clock").expect(200).json["now"]);
        let wait_s = time(&row["due"]).since_ms(now) / 1_000;
        assert!((least_s..=most_s).contains(&wait_s), "`{asked}` is waited for {wait_s} s");
        quick.answer(200);
        engine.advance("2h");
    }
    engine.stop();
}

#[test]
fn a_password_in_an_address_is_sent_and_never_told() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    let with_password = quick.url.replace("http://", "http://ada:s3cret-1@");
    let launch = |url: &str| {
        let mut command = Engine::command(&site, "virtual");
        command.env("QUICK_URL", url);
        Engine::launch(command, &site.admin).expect("it starts")
    };
    let engine = launch(&with_password);
    quick.answer(500);
    let id = bring(&engine, &lead(1, "quick"));
    engine.advance("1h");
    assert_eq!(quick.mails()[0].authorization, "Basic YWRhOnMzY3JldC0x");
    let told = [
        engine.log(),
        story(&engine, &id),
        engine.client.get("/v1/dead-letters").expect(200).text,
        says(&engine, &site, &["dead-letters"], 0),
    ];
    assert!(told.iter().all(|text| !text.contains("s3cret")), "{told:?}");
    engine.stop();
    // An address where nobody listens, and one that is invalid: neither is revealed.
    for url in ["http://ada:s3cret-2@127.0.0.1:1/s3cret-path?key=s3cret", "http://ada:s3/cret-3@mail.example"] {
        let engine = launch(url);
        bring(&engine, &lead(2, "quick"));
        engine.advance("1h");
        let applied = engine.client.post("/v1/workspace/apply", &json!({})).expect(200).text;
        let told = [engine.log(), applied, engine.client.get("/v1/dead-letters").expect(200).text];
        assert!(told.iter().all(|text| !text.contains("s3") && !text.contains("cret")), "{told:?}");
        engine.stop();
    }
}

#[test]
fn nothing_of_a_lead_reaches_the_head_of_a_mail() {
    let (quick, other) = (Mailbox::open(), Mailbox::open());
    let site = site(&quick.url, &other.url);
    let engine = Engine::start(&site, "virtual", None);
    let company = "Acme\r\nBcc: all@example.com\u{0}\u{7}\u{1B}[2J \u{202E}gpj.exe\u{2069}";
    let event = json!({ "type": "lead.created", "lead": { "email": "\u{FEFF} <mailto:Ada@acme.example>\u{200B}\t", "company": company } });
    bring(&engine, &event);
    engine.advance("1m");
    let mail = quick.mails().remove(0).body;
    assert_eq!(mail["to"], "ada@acme.example");
    assert_eq!(mail["subject"], "For Acme Bcc: all@example.com[2J gpj.exe");
    let text = mail["text"].as_str().expect("a text");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    engine.stop();
}
