//! Words of the team's own for results, stages and channels, through every door of the real binary; what happens when it
//! starts again, and when a word is no longer declared.

use cadenza_tests::{Delivery, Engine, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::process::Output;

const SETTINGS: &str = "name: Words
timezone: America/New_York
";
const WORDS: &str = "results:
  - { name: no-budget, means: not_now, reason: required }
  - { name: competitor-won, means: not_now }
  - { name: never-again, means: opted_out }
stages:
  - { name: trial, means: open }
channels:
  - { name: linkedin, means: other }
  - { name: video, means: call }
";
const SOURCES: &str = "sources:
  website:
    signature: standard-webhooks
    secret: { env: CADENZA_WEBSITE_SECRET }
    event: { path: what, map: { lead: lead.created, moved: lead.updated, call: call.completed } }
    lead: { email: email, stage: lifecycle }
    data: { outcome: outcome, result: said, channel: by, reason: why }
";
const FLOW: &str = "workflow: sell
summary: A call, and where its result leads.
enroll: [{ when: lead.created }]
steps:
  - id: call
    call: scripts/call.md
    results: { no-budget: later, not_now: write, else: end }
  - id: later
    task: Ask again when there is a budget
    results: { competitor-won: lost, else: end }
  - id: lost
    update: { stage: trial }
    go: end
  - id: write
    cadence:
      limit: { contacts: 2, count: [linkedin] }
      stop: [{ if: touch.result_own == \"competitor-won\", go: end }]
      touches: [{ id: note, after: 0d, task: Write to them, channel: linkedin }]
      repeat: { after: 1d }
      exhausted: end
";
const TRIES: &str = "workflow: tries
summary: For whoever tries it.
enroll: [{ when: lead.updated, if: lead.stage_own == \"trial\" }]
steps:
  - id: help
    task: Help them to try it
";
const SCRIPT: &str = "---\nobjective: Agree the next step\nreviewed_by: Ana\n---\nHello.\n";
const CASES: &str = "test: sell
starts: 2026-11-30T10:00:00-05:00
leads: { ada: { email: ada@acme.example } }
cases:
  - name: No budget, and then another has won
    given:
      - { event: lead.created, lead: ada }
      - { after: 1h, task: call, outcome: connected, result: no-budget, notes: Next year }
      - { after: 1h, task: later, result: competitor-won }
    until: 1d
    expect:
      - { touch: call, outcome: connected, result: no-budget }
      - { step: later }
      - { never: { touch: call, result: competitor-won } }
      - { fields: { stage: open, stage_own: trial } }
";

fn site() -> Site {
    let site = Site::empty();
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    site.write("cadenza.yaml", &format!("{SETTINGS}{WORDS}"));
    site.write("team.yaml", "reps:\n  ana: { name: Ana }\n");
    site.write("sources.yaml", SOURCES);
    site.write("sell.yaml", FLOW);
    site.write("tries.yaml", TRIES);
    site.write("scripts/call.md", SCRIPT);
    site
}

fn start(site: &Site) -> Engine {
    let engine = Engine::start(site, "virtual", None);
    engine.advance_to("2026-11-30T15:00:00Z");
    engine
}

/// A new lead, and its first call.
fn bring(engine: &Engine, name: &str) -> (String, Value) {
    let lead = engine.bring(name, &json!({ "what": "lead", "email": mail(name) }));
    let task = task(engine, &lead, "call");
    (lead, task)
}

fn mail(name: &str) -> String {
    format!("{name}@acme.example")
}

/// The lead's open task at a step.
fn task(engine: &Engine, lead: &str, step: &str) -> Value {
    let open = || engine.tasks_of(lead).into_iter().find(|task| task["why"]["step"] == step);
    eventually(&format!("a task is open at {step}"), open)
}

fn outcome(engine: &Engine, task: &Value, body: &Value) -> cadenza_tests::Answer {
    engine.client.post(&format!("/v1/tasks/{}/outcome", task["id"].as_str().expect("an id")), body)
}

fn run(site: &Site, engine: &Engine, arguments: &[&str]) -> Output {
    let mut command = cadenza(arguments);
    command.args(["--url", &engine.url, "--token", &site.admin]).output().expect("cadenza runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
}

fn last_touch(engine: &Engine, lead: &str) -> Value {
    engine.lead(lead)["touches"].as_array().and_then(|touches| touches.last().cloned()).unwrap_or_default()
}

#[test]
fn a_task_is_reported_in_the_teams_own_words() {
    let site = site();
    let engine = start(&site);
    let (lead, call) = bring(&engine, "ada");

    let problem = outcome(&engine, &call, &json!({ "outcome": "connected", "result": "no-bugdet" })).problem(422);
    assert_eq!(problem["at"], "result", "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default();
    for word in
        ["did you mean `no-budget`?", "does_not_recall", "of the team's own: competitor-won, never-again, no-budget"]
    {
        assert!(detail.contains(word), "{word}: {detail}");
    }
    for notes in [Value::Null, json!("  ")] {
        let body = json!({ "outcome": "connected", "result": "no-budget", "notes": notes });
        let problem = outcome(&engine, &call, &body).problem(422);
        assert!(problem["type"].as_str().is_some_and(|kind| kind.ends_with("missing-answers")), "{problem}");
        let missing = json!([{ "field": "notes", "question": "The reason for no-budget" }]);
        assert_eq!(problem["missing"], missing, "{problem}");
    }
    let done = engine.done(&call, &json!({ "outcome": "connected", "result": "no-budget", "notes": "Next year" }));
    assert!(done.to_string().contains("connected, no-budget (not now)"), "{done}");
    let touch = last_touch(&engine, &lead);
    assert_eq!((&touch["result"], &touch["result_own"]), (&json!("not_now"), &json!("no-budget")), "{touch}");

    // The command line is another door; the word is looked up before what it means.
    let later = task(&engine, &lead, "later");
    let id = later["id"].as_str().expect("an id");
    let refused = run(&site, &engine, &["tasks", "outcome", id, "--result", "competitor-wins"]);
    assert!(!refused.status.success() && said(&refused).contains("competitor-won"), "{}", said(&refused));
    let taken = run(&site, &engine, &["tasks", "outcome", id, "--result", "competitor-won"]);
    assert!(taken.status.success(), "{}", said(&taken));
    let view = engine.lead(&lead);
    assert_eq!((&view["stage"], &view["stage_own"]), (&json!("open"), &json!("trial")), "{view}");
    assert!(story(&engine, &lead).contains("The stage is now trial (open)."), "{}", story(&engine, &lead));
    // The other workflow heard of the team's stage.
    assert_eq!(task(&engine, &lead, "help")["why"]["workflow"], "tries");

    // A word that is not named goes where its meaning leads, and a channel of the team's own is a contact.
    let (other, call) = bring(&engine, "bob");
    engine.done(&call, &json!({ "outcome": "connected", "result": "competitor-won" }));
    engine.done(&task(&engine, &other, "write"), &json!({}));
    let touch = last_touch(&engine, &other);
    assert_eq!((&touch["channel"], &touch["channel_own"]), (&json!("other"), &json!("linkedin")), "{touch}");
    assert!(story(&engine, &other).contains("by linkedin (other): done"), "{}", story(&engine, &other));
    engine.advance("1d");
    engine.done(&task(&engine, &other, "write"), &json!({}));
    assert_eq!(engine.lead(&other)["runs"], json!([]), "two contacts are all there are");

    // What both lived through becomes cases in the same words, and these hold.
    for (lead, word) in [(&lead, "result: competitor-won"), (&other, "touch: linkedin")] {
        let folder = site.workspace();
        let recorded = run(&site, &engine, &["test", folder.to_str().expect("a plain path"), "--record", lead]);
        let case = String::from_utf8_lossy(&recorded.stdout).into_owned();
        assert!(recorded.status.success() && case.contains(word), "{}", said(&recorded));
        site.write("recorded.test.yaml", &case);
        let played = cadenza(&["test"]).arg(&folder).output().expect("cadenza runs");
        assert_eq!(played.status.code(), Some(0), "{case}\n{}", said(&played));
    }

    // A word that means an opt-out opts out.
    let (gone, call) = bring(&engine, "eve");
    engine.done(&call, &json!({ "outcome": "connected", "result": "never-again" }));
    let view = engine.lead(&gone);
    assert_eq!(view["stage"], "suppressed", "{view}");
    assert!(!view["consent"]["opted_out"].is_null(), "{view}");
    assert_eq!(last_touch(&engine, &gone)["result_own"], "never-again");
    engine.stop();
}

#[test]
fn events_and_webhooks_bring_the_teams_own_words() {
    let site = site();
    let engine = start(&site);
    let (lead, _) = bring(&engine, "ada");
    let event = |id: &str, kind: &str, lead: Value, data: Value| {
        engine.client.post("/v1/events", &json!({ "id": id, "type": kind, "lead": lead, "data": data }))
    };
    let ada = || json!({ "email": mail("ada") });
    let call = |id: &str, data: Value| event(id, "call.completed", ada(), data);

    let problem = call("c1", json!({ "outcome": "connected", "result": "no-money" })).problem(422);
    assert!(problem["detail"].to_string().contains("of the team's own: competitor-won"), "{problem}");
    let problem = call("c2", json!({ "outcome": "connected", "result": "no-budget" })).problem(422);
    let missing = json!([{ "field": "data.reason", "question": "The reason for no-budget" }]);
    assert_eq!(problem["missing"], missing, "{problem}");
    call("c3", json!({ "outcome": "connected", "result": "no-budget", "reason": "Next year", "channel": "video" }))
        .expect(202);
    let touch = last_touch(&engine, &lead);
    let words = ["result", "result_own", "channel", "channel_own"].map(|name| touch[name].clone());
    assert_eq!(words, ["not_now", "no-budget", "call", "video"].map(Value::from), "{touch}");

    let told = story(&engine, &lead);
    assert!(told.contains("by video (call): connected, no-budget (not now)"), "{told}");

    let told = event("s1", "lead.updated", json!({ "email": mail("ada"), "stage": "trail" }), json!({})).expect(202);
    assert!(told.text.contains("of the team's own: trial"), "what is left out is told with the words: {}", told.text);
    event("s2", "lead.updated", json!({ "email": mail("ada"), "stage": "Trial" }), json!({})).expect(202);
    assert_eq!(engine.lead(&lead)["stage_own"], "trial");
    event("s3", "lead.updated", json!({ "email": mail("ada"), "refused": ["linkedin"] }), json!({})).expect(202);
    assert_eq!(engine.lead(&lead)["consent"]["refused"], json!(["other"]), "consent goes by the meaning");

    // By webhook: what cannot be used is a dead letter, with the list.
    let hook = |id: &str, body: Value| engine.deliver("website", &Delivery::new(id, &body)).expect("it answers");
    let said_on_the_phone = |said: &str, why: Value| json!({ "what": "call", "email": mail("ada"), "outcome": "connected", "said": said, "why": why });
    let refused = hook("w1", said_on_the_phone("no-money", Value::Null)).problem(422);
    assert!(refused["detail"].to_string().contains("of the team's own"), "{refused}");
    let refused = hook("w2", said_on_the_phone("no-budget", Value::Null)).problem(422);
    assert!(refused["detail"].to_string().contains("has to come with a reason"), "{refused}");
    let letters = engine.client.get("/v1/dead-letters").expect(200).text;
    assert!(letters.contains("no-money") || letters.contains("of the team's own"), "{letters}");
    hook("w3", said_on_the_phone("competitor-won", Value::Null)).expect(202);
    assert_eq!(last_touch(&engine, &lead)["result_own"], "competitor-won");
    hook("w4", json!({ "what": "moved", "email": mail("ada"), "lifecycle": "customer" })).expect(202);
    let view = engine.lead(&lead);
    assert_eq!((&view["stage"], &view["stage_own"]), (&json!("customer"), &Value::Null), "{view}");

    // An import is told which words there are before it sends a row.
    let rows = site.workspace().join("rows.csv");
    std::fs::write(&rows, "email,stage\nfay@acme.example,trial\ngus@acme.example,trail\n").expect("a file");
    let file = rows.to_str().expect("a plain path");
    let imported = run(&site, &engine, &["import", file, "--yes"]);
    assert!(said(&imported).contains("of the team's own: trial"), "{}", said(&imported));
    let found = engine.client.get("/v1/leads?q=fay").expect(200).json;
    assert_eq!(found["items"][0]["stage_own"], "trial", "{found}: {}", said(&imported));
    std::fs::remove_file(&rows).expect("it is there");

    // What somebody would rather not have is refused by what the word means.
    let preferences = format!("/v1/leads/{lead}/preferences");
    let problem = engine.client.post(&preferences, &json!({ "refused": ["linkdin"] })).problem(422);
    assert!(problem["detail"].to_string().contains("did you mean `linkedin`?"), "{problem}");
    engine.client.post(&preferences, &json!({ "refused": ["video", "email"] })).expect(200);
    assert_eq!(engine.lead(&lead)["consent"]["refused"], json!(["call", "email"]));

    // An opt-out counts wherever it is told.
    event("x1", "custom.survey", ada(), json!({ "result": "never-again" })).expect(202);
    assert_eq!(engine.lead(&lead)["stage"], "suppressed");
    engine.stop();
}

#[test]
fn stored_words_stay_when_the_engine_starts_again_and_when_they_are_no_longer_declared() {
    let site = site();
    let engine = start(&site);
    let (ada, call) = bring(&engine, "ada");
    engine.done(&call, &json!({ "outcome": "connected", "result": "no-budget", "notes": "Next year" }));
    let later = task(&engine, &ada, "later");
    let (bob, call_of_bob) = bring(&engine, "bob");
    let update = json!({ "id": "s", "type": "lead.updated", "lead": { "email": mail("bob"), "stage": "trial" } });
    engine.client.post("/v1/events", &update).expect(202);
    let before = [&ada, &bob].map(|lead| (engine.lead(lead), story(&engine, lead)));
    engine.kill();

    let engine = Engine::start(&site, "virtual", None);
    let after = [&ada, &bob].map(|lead| (engine.lead(lead), story(&engine, lead)));
    assert_eq!(before, after, "all of it is there again");
    let found = engine.client.get("/v1/leads?stage=trial").expect(200).json;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let problem = engine.client.get("/v1/leads?stage=trail").problem(400);
    assert!(problem["detail"].to_string().contains("of the team's own: trial"), "{problem}");

    // Without the words: a workflow that still names one is refused, and then they are gone.
    site.write("cadenza.yaml", SETTINGS);
    let refused = engine.client.post("/v1/workspace/apply", &json!({}));
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("no-budget"), "{}", refused.text);
    site.edit("sell.yaml", |text| {
        let text = text
            .replace("no-budget: later, not_now: write", "not_now: later")
            .replace("competitor-won: lost", "not_now: lost");
        let text = text.replace("{ stage: trial }", "{ stage: open }").replace("count: [linkedin]", "count: [other]");
        text.replace("touch.result_own == \"competitor-won\"", "touch.result == \"not_now\"")
            .replace("channel: linkedin", "channel: other")
    });
    site.edit("sell.yaml", |text| text.replace("not_now: later, else: end", "not_now: later, else: write"));
    site.edit("tries.yaml", |text| text.replace("lead.stage_own == \"trial\"", "lead.stage == \"lost\""));
    engine.client.post("/v1/workspace/apply", &json!({})).expect(200);
    let now = [&ada, &bob].map(|lead| (engine.lead(lead), story(&engine, lead)));
    assert_eq!(after, now, "what was stored shows the word still");

    let body = json!({ "outcome": "connected", "result": "no-budget", "notes": "Next year" });
    let problem = outcome(&engine, &call_of_bob, &body).problem(422);
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("opted_out") && !detail.contains("team's own"), "{detail}");
    // Runs that began with the words keep their version, and go on by what is reported now.
    engine.done(&call_of_bob, &json!({ "outcome": "connected", "result": "not_now" }));
    task(&engine, &bob, "write");
    engine.done(&later, &json!({ "result": "not_now" }));
    assert_eq!(engine.lead(&ada)["runs"], json!([]), "{}", engine.lead(&ada));
    engine.client.get("/v1/leads?stage=trial").problem(400);
    let stage = engine.client.get("/v1/leads?stage=open").expect(200).json;
    assert_eq!(stage["items"].as_array().map(Vec::len), Some(2), "by what it means: {stage}");
    engine.stop();
}

#[test]
fn a_case_may_use_the_words_and_coverage_names_them() {
    let site = site();
    site.write("sell.test.yaml", CASES);
    let output = cadenza(&["test"]).arg(site.workspace()).args(["--format", "json"]).output().expect("cadenza runs");
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let coverage = report["coverage"].as_array().into_iter().flatten().find(|one| one["workflow"] == "sell");
    let never: Vec<&str> = coverage.expect("it is there")["never_taken"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert!(never.contains(&"call: not_now -> write"), "{never:?}");
    assert!(
        !never.contains(&"call: no-budget -> later") && !never.contains(&"later: competitor-won -> lost"),
        "{never:?}"
    );
    // An outcome that was not expected is told in the word that was said.
    site.edit("sell.test.yaml", |text| {
        text.replace(
            "{ touch: call, outcome: connected, result: no-budget }",
            "{ touch: call, result: competitor-won }",
        )
    });
    let output = cadenza(&["test"]).arg(site.workspace()).output().expect("cadenza runs");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("no-budget"), "{}", said(&output));
}
