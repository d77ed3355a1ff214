//! What a developer and an operator do with builds of a plugin, through the real binary: load, watch, try on some
//! leads, promote, roll back, pause, heal; and what happens with hostile builds and damaged files.

use cadenza_tests::bomb::joined;
use cadenza_tests::guest::{Guest, answer, claims, data, member, words};
use cadenza_tests::{Engine, Site, cadenza, eventually};
use serde_json::{Value, json};

/// A plugin of the workspace's own, called `house-score`, that gives this many points; 75 and more are hot.
fn build(points: i32) -> Vec<u8> {
    let segment = if points >= 75 { 0 } else { 2 };
    Guest { name: "house-score", score: answer(points, segment, 0, 0), ..Guest::default() }.component()
}

/// A build that traps.
fn trapping() -> Vec<u8> {
    Guest { name: "house-score", score: "unreachable".to_owned(), ..Guest::default() }.component()
}

const SETTINGS: &str = "name: platform\ntimezone: UTC\nhours: { mon-sun: 00:00-24:00 }\nplugins: { house-score: { file: house-score.wasm } }\n";
const WORKFLOW: &str = "workflow: follow
summary: Score, then one task.
enroll: [{ when: lead.created }]
re_enroll: { after: 1m }
steps:
  - id: score
    score: house-score
    on_failure: park
  - switch:
      - if: lead.segment == \"hot\"
        go: hot
      - else: cold
  - id: hot
    task: Call {{ lead.first_name }} now
    results: { else: end }
  - id: cold
    task: Write to {{ lead.first_name }}
    results: { else: end }
";

fn site(component: &[u8]) -> Site {
    let site = Site::empty();
    site.write("cadenza.yaml", SETTINGS);
    site.write("follow.yaml", WORKFLOW);
    site.write_bytes("house-score.wasm", component);
    site
}

fn start(site: &Site) -> Engine {
    Engine::start(site, "virtual", None)
}

/// Brings this many leads over the API, and returns their ids.
fn bring(engine: &Engine, from: u32, count: u32) -> Vec<String> {
    let event = |n: u32| {
        json!({"id": format!("lead-{n}"), "type": "lead.created",
               "lead": {"external_id": format!("crm-{n}"), "first_name": format!("Ada{n}")}})
    };
    let events: Vec<Value> = (from..from + count).map(event).collect();
    let answers = engine.client.post("/v1/events", &json!(events)).expect(202).json;
    let answers = answers["results"].as_array().cloned().unwrap_or_default();
    answers.iter().map(|answer| answer["lead"].as_str().expect("each is taken").to_owned()).collect()
}

fn push(engine: &Engine, component: &[u8], query: &str) -> cadenza_tests::Answer {
    let path = format!("/v1/plugins/house-score{query}");
    engine.client.send("PUT", &path, &[("content-type", "application/wasm")], component).expect("the engine answers")
}

fn plugin(engine: &Engine) -> Value {
    engine.client.get("/v1/plugins/house-score").expect(200).json
}

fn act(engine: &Engine, what: &str) -> cadenza_tests::Answer {
    engine.client.post(&format!("/v1/plugins/house-score/{what}"), &json!({}))
}

fn points(engine: &Engine, lead: &str) -> Value {
    engine.lead(lead)["scores"]["fit"]["points"].clone()
}

#[test]
fn a_build_is_watched_promoted_and_gone_back_from_and_every_decision_names_its_own() {
    let site = site(&build(10));
    let engine = start(&site);
    let first = plugin(&engine)["digest"].as_str().expect("a build is live").to_owned();
    let before = bring(&engine, 0, 3);
    assert_eq!(points(&engine, &before[0]), 10);

    let loaded = push(&engine, &build(80), "").expect(200).json;
    let second = loaded["candidate"]["digest"].as_str().expect("a build is tried").to_owned();
    assert_eq!((&loaded["digest"], &loaded["candidate"]["stage"]), (&json!(first), &json!("shadow")));
    let watched = bring(&engine, 10, 5);
    assert_eq!(points(&engine, &watched[0]), 10, "what is watched changes nothing");
    let differences = eventually("the comparison", || {
        let differences = plugin(&engine)["candidate"]["differences"].clone();
        (differences["asked"] == 5).then_some(differences)
    });
    assert_eq!(differences["different"], 5, "{differences}");
    assert_eq!(differences["moves"], json!({"cold -> hot": 5}), "{differences}");
    assert_eq!(differences["points_mean"], 70.0, "{differences}");

    assert_eq!(act(&engine, "promote").expect(200).json["digest"], json!(second));
    let after = bring(&engine, 20, 1).remove(0);
    assert_eq!(points(&engine, &after), 80);
    engine.kill();

    // A crash changes none of this.
    let engine = start(&site);
    assert_eq!(plugin(&engine)["digest"], json!(second));
    let story = engine.client.get(&format!("/v1/leads/{after}/timeline")).expect(200).text;
    assert!(story.contains(&second) && !story.contains(&first), "{story}");
    let story = engine.client.get(&format!("/v1/leads/{}/timeline", before[0])).expect(200).text;
    assert!(story.contains(&first), "{story}");
    let gone_back = act(&engine, "rollback").expect(200).json;
    assert_eq!((&gone_back["done"], &gone_back["digest"]), (&json!("live_again"), &json!(first)));
    let last = bring(&engine, 30, 1).remove(0);
    assert_eq!(points(&engine, &last), 10);
    act(&engine, "rollback").problem(409);
    act(&engine, "promote").problem(409);
    engine.stop();
}

#[test]
fn what_a_watched_build_failed_of_is_told_and_a_new_trial_begins_anew() {
    let site = site(&build(10));
    let engine = start(&site);
    push(&engine, &trapping(), "").expect(200);
    bring(&engine, 0, 3);
    let differences = || plugin(&engine)["candidate"]["differences"].clone();
    let told = eventually("the comparison", || Some(differences()).filter(|told| told["asked"] == 3));
    assert_eq!((&told["fails"], &told["failures"]), (&json!(3), &json!({"the plugin trapped": 3})), "{told}");
    let again = push(&engine, &trapping(), "").expect(200).json;
    assert_eq!(again["candidate"]["differences"], Value::Null, "the same build, tried anew");
    engine.stop();
}

#[test]
fn who_a_build_does_not_fit_is_told_and_everybody_else_is_decided_by_it() {
    let wants_bonus = Guest {
        name: "house-score",
        score: answer(10, 2, 0, 0),
        items: data(16_640, b"bonus") + &words(16_384, &[16_640, 5]) + &claims(member::PARAMETERS, 16_384, 1),
        ..Guest::default()
    };
    let site = site(&wants_bonus.component());
    let sets_bonus = WORKFLOW.replace("    on_failure", "    with: { bonus: true }\n    on_failure");
    site.write("follow.yaml", &sets_bonus);
    let engine = start(&site);
    // It waits before the score while the workspace changes.
    act(&engine, "pause").expect(200);
    let old = bring(&engine, 0, 1).remove(0);
    let refused = push(&engine, &build(20), "").problem(422);
    assert!(refused["errors"][0]["message"].as_str().unwrap_or_default().contains("bonus"), "{refused}");
    // The workflow no longer sets it; runs that began earlier still do.
    site.write("follow.yaml", WORKFLOW);
    site.write_bytes("house-score.wasm", &build(20));
    let applied = engine.client.post("/v1/workspace/apply", &json!({})).expect(200).json;
    let says = |warnings: &Value, then: &str| {
        let warning = warnings[0].as_str().unwrap_or_default();
        assert!(warning.contains("step `score` of `follow`"), "{warnings}");
        assert!(warning.contains("bonus") && warning.ends_with(then), "{warnings}");
    };
    says(&applied["misfits"], "the failure policy of the step applies there");
    act(&engine, "resume").expect(200);
    let parked = eventually("the parking", || {
        let parked = engine.client.get("/v1/runs?state=parked").expect(200).json;
        parked["items"].get(0).is_some().then_some(parked)
    });
    assert_eq!((&parked["items"][0]["lead"], points(&engine, &old)), (&json!(old), Value::Null), "{parked}");
    assert!(parked.to_string().contains("fits the definition of this run"), "{parked}");
    let pushed = push(&engine, &build(80), "?canary=100").expect(200).json;
    says(&pushed["candidate"]["warnings"], "the live build decides there");
    assert_eq!(points(&engine, &bring(&engine, 10, 1)[0]), 80);
    engine.stop();
}

#[test]
fn a_build_of_nearly_more_parts_than_the_engine_takes_is_warned_of_and_decides() {
    let site = site(&build(10));
    let engine = start(&site);
    let in_parts = joined(&build(80), "(module)", 40);
    push(&engine, &in_parts, "?canary=100").expect(200);
    assert_eq!(points(&engine, &bring(&engine, 0, 1)[0]), 80);
    let tried = plugin(&engine)["candidate"].clone();
    assert_eq!(tried["budgets"]["instances"]["max"], 41, "{tried}");
    assert_eq!(
        tried["warnings"],
        json!(["it is made of 41 instances, more than 80 % of the 48 that the engine takes"])
    );
    assert_eq!(tried["budgets"]["instances"]["near"], 0, "no decision is nearer to it than another: {tried}");
    engine.stop();
}

#[test]
fn a_canary_decides_for_the_same_leads_again_and_again() {
    let site = site(&build(10));
    let engine = start(&site);
    push(&engine, &build(80), "?canary=30").expect(200);
    let leads = bring(&engine, 0, 200);
    let scored = |engine: &Engine| leads.iter().filter(|lead| points(engine, lead) == 80).cloned().collect::<Vec<_>>();
    let first = scored(&engine);
    assert!((30..=90).contains(&first.len()), "{} of 200 leads are no 30 %", first.len());
    // The same leads are scored again, with a larger share: those that were in stay in.
    push(&engine, &build(80), "?canary=60").expect(200);
    engine.client.post("/v1/workflows/follow/remove", &json!({"leads": leads})).expect(200);
    engine.advance("5m");
    engine.client.post("/v1/workflows/follow/enroll", &json!({"leads": leads})).expect(200);
    let second = scored(&engine);
    assert!(first.iter().all(|lead| second.contains(lead)), "a lead that was in is out");
    assert!((80..=160).contains(&second.len()), "{} of 200 leads are no 60 %", second.len());
    let dropped = act(&engine, "rollback").expect(200).json;
    assert_eq!(dropped["done"], "candidate_dropped");
    for share in ["0", "101", "many"] {
        push(&engine, &build(80), &format!("?canary={share}")).problem(400);
    }
    engine.stop();
}

#[test]
fn what_is_no_build_of_this_plugin_is_refused_and_changes_nothing() {
    let site = site(&build(10));
    let engine = start(&site);
    let before = plugin(&engine);
    let other = Guest { name: "somebody-else", ..Guest::default() }.component();
    let asks_for_more = Guest {
        name: "house-score",
        contract: Some(("points: s32,\n    /// How", "points: u32,\n    /// How")),
        ..Guest::default()
    };
    // Where the only rule lies: its number stays, its name changes.
    let another_rule = Guest { name: "house-score", items: words(1536, &[1, 1024, 5, 1024, 5]), ..Guest::default() };
    for (component, says) in [
        (b"hello".to_vec(), "no component"),
        (build(80)[..200].to_vec(), "no component"),
        (other, "calls itself `somebody-else`"),
        (asks_for_more.component(), "breaks the contract"),
        (another_rule.component(), "rule 1 of `house-score` was `house-score`"),
        (build(10), "is live already"),
    ] {
        let refused = push(&engine, &component, "");
        assert!([409, 422].contains(&refused.status), "{}: {}", refused.status, refused.text);
        assert!(refused.text.contains(says), "`{}` should say `{says}`", refused.text);
    }
    let with_imports = r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func)))))"#;
    let refused = push(&engine, &wat::parse_str(with_imports).expect("valid text"), "").problem(422);
    assert!(refused["detail"].as_str().unwrap_or_default().contains("wasi:clocks"), "{refused}");
    assert_eq!(plugin(&engine), before);
    assert_eq!(points(&engine, &bring(&engine, 0, 1)[0]), 10);
    engine.stop();
}

#[test]
fn a_plugin_that_fails_again_and_again_is_not_asked_until_it_is_healed_and_its_runs_are_parked() {
    let site = site(&trapping());
    let engine = start(&site);
    bring(&engine, 0, 30);
    let shown = plugin(&engine);
    assert_eq!(shown["circuit"]["state"], "open", "{shown}");
    assert_eq!(shown["use"]["outcomes"]["trap"], 20, "after twenty failures it is not asked: {shown}");
    assert!(shown["warnings"][0].as_str().unwrap_or_default().contains("20 times in a row"), "{shown}");
    let metrics = engine.client.get("/metrics").expect(200).text;
    assert!(metrics.contains("cadenza_plugin_circuit_open{plugin=\"house-score\""), "{metrics}");

    let parked = engine.client.get("/v1/runs?state=parked&limit=100").expect(200).json;
    let parked = parked["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(parked.len(), 30, "no run is lost");
    assert!(parked[0]["cause"].as_str().unwrap_or_default().contains("trap"), "{}", parked[0]);
    let one = engine.client.get(&format!("/v1/runs/{}", parked[0]["id"].as_str().unwrap_or_default())).expect(200).json;
    assert_eq!(one["decision"]["plugin"], "house-score", "what it was asked: {one}");

    // A better build does not inherit the circuit; the parked runs try again, one by one or all at once.
    push(&engine, &build(80), "").expect(200);
    let promote = |digest: &str| engine.client.post("/v1/plugins/house-score/promote", &json!({"digest": digest}));
    promote("0123456789abcdef").problem(409);
    let tried = plugin(&engine)["candidate"]["digest"].as_str().expect("a build is tried").to_owned();
    promote(&tried).expect(200);
    let one = parked[0]["id"].as_str().unwrap_or_default();
    engine.client.post(&format!("/v1/runs/{one}/unpark"), &json!({})).expect(200);
    let released = engine.client.post("/v1/runs/unpark", &json!({"workflow": "follow"})).expect(200).json;
    assert_eq!((&released["released"], &released["next"]), (&json!(29), &Value::Null));
    assert_eq!(engine.client.get("/v1/runs?state=parked").expect(200).json["items"], json!([]));
    assert_eq!(engine.client.get("/v1/tasks?limit=100").expect(200).json["items"].as_array().map(Vec::len), Some(30));
    // A person can have the old one asked again at once. Questions turned away meanwhile are
    // counted beside the failures.
    let old = act(&engine, "rollback").expect(200).json["plugin"]["use"].clone();
    assert_eq!((&old["failed"], &old["outcomes"]["unavailable"]), (&json!(20), &json!(10)), "{old}");
    let healed = act(&engine, "heal").expect(200).json;
    assert_eq!(healed["plugin"]["circuit"]["state"], "closed");
    assert_eq!(healed["healed"].as_array().map(Vec::len), Some(1), "{healed}");
    assert_eq!(act(&engine, "heal").expect(200).json["healed"], json!([]), "there is nothing left to heal");
    engine.stop();
}

#[test]
fn a_paused_plugin_is_asked_nothing_over_a_restart_and_nobody_is_lost() {
    let site = site(&build(10));
    let engine = start(&site);
    act(&engine, "pause").expect(200);
    let lead = bring(&engine, 0, 1).remove(0);
    assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new());
    engine.advance("2d");
    assert_eq!(points(&engine, &lead), Value::Null);
    engine.kill();
    let engine = start(&site);
    assert_eq!(plugin(&engine)["paused"], true);
    let runs = engine.client.get("/v1/runs").expect(200).text;
    assert!(runs.contains("stands still"), "{runs}");
    act(&engine, "resume").expect(200);
    engine.advance("1m");
    assert_eq!(points(&engine, &lead), 10);
    assert_eq!(engine.tasks_of(&lead).len(), 1);
    engine.client.post("/v1/plugins/unheard-of/pause", &json!({})).problem(404);
    engine.stop();
}

#[test]
fn a_file_that_is_gone_or_broken_does_not_stop_an_engine_that_ran_before() {
    let site = site(&build(10));
    let engine = start(&site);
    bring(&engine, 0, 1);
    engine.stop();
    site.write_bytes("house-score.wasm", b"rubbish");
    let engine = start(&site);
    eventually("what is wrong", || engine.log().contains("house-score").then_some(()));
    assert_eq!(points(&engine, &bring(&engine, 10, 1)[0]), 10, "the build that ran before goes on");
    engine.client.post("/v1/workspace/apply", &json!({})).problem(422);
    // Another file goes live when the folder is applied.
    site.write_bytes("house-score.wasm", &build(80));
    engine.client.post("/v1/workspace/apply", &json!({})).expect(200);
    assert_eq!(points(&engine, &bring(&engine, 20, 1)[0]), 80);
    engine.stop();
}

#[test]
fn what_is_damaged_of_a_build_that_is_only_tried_does_not_stop_the_engine_and_is_pushed_again() {
    let site = site(&build(10));
    let engine = start(&site);
    push(&engine, &build(80), "").expect(200);
    let component = plugin(&engine)["candidate"]["component"].as_str().expect("its SHA-256").to_owned();
    engine.stop();
    let data = site.data();
    let file = data.join("components").join(format!("{component}.wasm"));
    std::fs::write(&file, b"rubbish").expect("it is there");
    for entry in std::fs::read_dir(data.join("compiled")).expect("the engine made it") {
        let path = entry.expect("readable").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&component)) {
            std::fs::remove_file(path).expect("removable");
        }
    }
    let engine = start(&site);
    eventually("that it says so", || engine.log().contains("is dropped").then_some(()));
    assert_eq!(plugin(&engine)["candidate"], Value::Null);
    assert_eq!(points(&engine, &bring(&engine, 0, 1)[0]), 10, "what is live goes on");
    push(&engine, &build(80), "").expect(200);
    act(&engine, "promote").expect(200);
    assert_eq!(points(&engine, &bring(&engine, 10, 1)[0]), 80);
    engine.stop();
}

#[test]
fn nothing_is_left_of_a_plugin_that_never_decided() {
    let site = site(&build(10));
    let engine = start(&site);
    let mistake = Guest { name: "mistake", ..Guest::default() }.component();
    let pushed = engine.client.send("PUT", "/v1/plugins/mistake", &[("content-type", "application/wasm")], &mistake);
    pushed.expect("the engine answers").expect(200);
    let done = engine.client.post("/v1/plugins/mistake/rollback", &json!({})).expect(200).json;
    assert_eq!((&done["done"], &done["plugin"]), (&json!("candidate_dropped"), &Value::Null), "{done}");
    engine.client.get("/v1/plugins/mistake").problem(404);
    engine.stop();
}

#[test]
fn decisions_keep_their_names_when_the_build_that_took_them_is_gone_back_from() {
    let site = site(&build(10));
    let engine = start(&site);
    push(&engine, &build(80), "").expect(200);
    act(&engine, "promote").expect(200);
    let lead = bring(&engine, 0, 1).remove(0);
    act(&engine, "rollback").expect(200);
    engine.stop();
    let engine = start(&site);
    let decisions = engine.client.get("/v1/decisions?plugin=house-score").expect(200).json;
    let decision = &decisions["items"][0];
    assert_eq!((&decision["lead"], &decision["decision"]["points"]), (&json!(lead), &json!(80)), "{decisions}");
    assert_eq!(decision["input"]["by_position"], false, "its component is kept as long as its decisions: {decision}");
    engine.stop();
}

#[test]
fn what_a_plugin_says_is_for_those_who_may_see_personal_data() {
    let says = "(i32.store (i32.const 8192) (i32.const 1)) (i32.store offset=4 (i32.const 8192) (i32.const 16384))
        (i32.store offset=8 (i32.const 8192) (i32.const 12)) i32.const 8192";
    let refuses = Guest {
        name: "house-score",
        items: cadenza_tests::guest::data(16_384, b"Ann Smith of"),
        score: says.to_owned(),
        ..Guest::default()
    };
    let site = site(&refuses.component());
    let engine = start(&site);
    let lead = bring(&engine, 0, 1).remove(0);
    let parked = engine.client.get("/v1/runs?state=parked").expect(200);
    assert!(parked.json["items"][0]["cause"].as_str().is_some_and(|cause| cause.ends_with("the plugin refused")));
    let run = parked.json["items"][0]["id"].as_str().expect("its id").to_owned();
    for open in ["/v1/runs?state=parked", "/v1/plugins", "/metrics"] {
        assert!(!engine.client.get(open).expect(200).text.contains("Ann Smith"), "{open}");
    }
    for personal in [format!("/v1/runs/{run}"), "/v1/decisions".to_owned()] {
        assert!(engine.client.get(&personal).expect(200).text.contains("Ann Smith"), "{personal}");
    }
    assert!(!engine.log().contains("Ann Smith"), "{}", engine.log());
    let why = engine.client.get(&format!("/v1/leads/{lead}/timeline")).expect(200);
    assert!(why.text.contains("gave no decision"), "{}", why.text);
    engine.stop();
}

#[test]
fn compiled_code_is_only_run_when_this_engine_wrote_it() {
    let site = site(&build(10));
    let engine = start(&site);
    engine.stop();
    let compiled = site.data().join("compiled");
    let codes = || {
        let entries = std::fs::read_dir(&compiled).expect("the engine made it").map(|entry| entry.expect("readable"));
        entries.map(|entry| entry.path()).filter(|path| !path.ends_with("secret")).collect::<Vec<_>>()
    };
    assert!(codes().len() >= 4, "three that are shipped, and our own: {:?}", codes());
    for code in codes() {
        let mut bytes = std::fs::read(&code).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&code, bytes).expect("writable");
    }
    let engine = start(&site);
    assert_eq!(points(&engine, &bring(&engine, 0, 1)[0]), 10, "it is compiled again");
    eventually("that it says so", || engine.log().contains("compiled again").then_some(()));
    engine.stop();
    // Signed with another data folder's secret, it is not trusted more than anybody else's.
    std::fs::remove_file(compiled.join("secret")).expect("it is there");
    let engine = start(&site);
    eventually("that it says so", || engine.log().contains("compiled again").then_some(()));
    engine.stop();
}

#[test]
fn a_component_is_compiled_within_limits_by_a_process_of_its_own() {
    // How the engine calls itself: garbage in, a reason out, and the exit code of a compiler that did its job.
    let mut child = cadenza(&["compile-component"]);
    let child = child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn();
    let mut child = child.expect("cadenza runs");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), b"rubbish").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(output.stdout.first(), Some(&1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Invalid"), "{:?}", output.stdout);
}

#[test]
fn decisions_are_listed_with_what_they_were_asked_and_what_they_cost() {
    let site = site(&build(10));
    let engine = start(&site);
    bring(&engine, 0, 5);
    push(&engine, &build(80), "").expect(200);
    act(&engine, "promote").expect(200);
    let lead = bring(&engine, 10, 1).remove(0);
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = engine.client.get(&format!("/v1/decisions?plugin=house-score&limit=2{cursor}")).expect(200).json;
        all.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all.len(), 6, "{all:#?}");
    let last = &all[5];
    assert_eq!(last["lead"], json!(lead));
    assert_eq!(last["decision"]["points"], 80, "{last}");
    assert!(last["cost"]["fuel"].as_u64().is_some_and(|fuel| fuel > 0), "{last}");
    assert!(last["cost"]["wall_us"].as_u64().is_some(), "{last}");
    assert_ne!(all[0]["digest"], last["digest"]);
    // Personal data is not for everybody.
    engine.client.get("/v1/decisions?plugin=house-score&from=yesterday").problem(400);
    engine.client.with_token(None).get("/v1/decisions").problem(401);
    engine.stop();
}
