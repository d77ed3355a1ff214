//! The hostile corpus against the real binary: each kind is pushed over the API, watched, and then decides for
//! every lead. The engine keeps running, no lead is lost, the neighbour decides as always, and what happened
//! is counted under its name.

use cadenza_tests::guest::{Guest, answer};
use cadenza_tests::hostile::{Ends, Hostile, corpus};
use cadenza_tests::{Engine, Site, eventually};
use serde_json::{Value, json};

/// The plugin that hostile builds are pushed for.
const BESIEGED: &str = "house-score";
/// How many failures in a row break the circuit, and a number of leads greater than that.
const FAILURES: u64 = 20;
const LEADS: usize = 25;
/// Refused builds that are pushed one after another while memory is watched.
const REFUSED: usize = 50;
/// How much the engine's memory may grow meanwhile. A leak of even one build per push would be more.
const GROWTH_KIB: u64 = 64 * 1024;

const SETTINGS: &str = "name: siege
timezone: UTC
hours: { mon-sun: 00:00-24:00 }
plugins: { house-score: { file: house-score.wasm }, steady-score: { file: steady-score.wasm } }
";

fn workflow(name: &str, source: &str, plugin: &str) -> String {
    format!(
        "workflow: {name}
summary: Score, then one task.
enroll: [{{ when: lead.created, if: lead.source == \"{source}\" }}]
steps:
  - id: score
    score: {plugin}
    on_failure: park
  - id: call
    task: Call {{{{ lead.first_name }}}}
    results: {{ else: end }}
"
    )
}

fn good(name: &'static str, points: i32) -> Vec<u8> {
    Guest { name, score: answer(points, 2, 0, 0), ..Guest::default() }.component()
}

fn start() -> (Site, Engine) {
    let site = Site::empty();
    site.write("cadenza.yaml", SETTINGS);
    site.write("besieged.yaml", &workflow("besieged", "web", BESIEGED));
    site.write("steady.yaml", &workflow("steady", "phone", "steady-score"));
    site.write_bytes("house-score.wasm", &good(BESIEGED, 10));
    site.write_bytes("steady-score.wasm", &good("steady-score", 20));
    let engine = Engine::start(&site, "virtual", None);
    (site, engine)
}

/// Brings this many leads of a source, and returns their ids.
fn bring(engine: &Engine, kind: &str, source: &str, count: usize) -> Vec<String> {
    let event = |n: usize| {
        let id = format!("{kind} {source} {n}").replace(' ', "-");
        json!({"id": id, "type": "lead.created", "lead": {"external_id": id, "first_name": "Ada", "source": source}})
    };
    let events: Vec<Value> = (0..count).map(event).collect();
    let answers = engine.client.post("/v1/events", &json!(events)).expect(202).json;
    let answers = answers["results"].as_array().cloned().unwrap_or_default();
    assert_eq!(answers.len(), count);
    answers.iter().map(|answer| answer["lead"].as_str().expect("each is taken").to_owned()).collect()
}

fn push(engine: &Engine, component: &[u8], query: &str) -> cadenza_tests::Answer {
    let path = format!("/v1/plugins/{BESIEGED}{query}");
    engine.client.send("PUT", &path, &[("content-type", "application/wasm")], component).expect("the engine answers")
}

fn plugin(engine: &Engine, name: &str) -> Value {
    engine.client.get(&format!("/v1/plugins/{name}")).expect(200).json
}

fn points(engine: &Engine, lead: &str) -> Value {
    engine.lead(lead)["scores"]["fit"]["points"].clone()
}

fn parked(engine: &Engine) -> usize {
    let page = engine.client.get("/v1/runs?state=parked&limit=100").expect(200).json;
    page["items"].as_array().map_or(0, Vec::len)
}

#[test]
fn whatever_is_pushed_the_engine_goes_on_and_no_lead_is_lost() {
    let (_site, engine) = start();
    for hostile in corpus(BESIEGED).into_iter().filter(|hostile| hostile.ends != Ends::Refused) {
        eprintln!("{}", hostile.kind);
        let mut leads = watched(&engine, &hostile);
        leads.extend(decides(&engine, &hostile));
        // It is dropped, and the live build decides about the leads it left behind.
        engine.client.post(&format!("/v1/plugins/{BESIEGED}/rollback"), &json!({})).expect(200);
        engine.client.post("/v1/runs/unpark", &json!({"workflow": "besieged"})).expect(200);
        for lead in &leads {
            let scored = points(&engine, lead);
            let decided = scored == 10 || hostile.ends == Ends::Decided && scored == 7;
            assert!(decided, "{}: {lead} has {scored}", hostile.kind);
        }
        let steady = bring(&engine, hostile.kind, "phone", 2);
        assert!(steady.iter().all(|lead| points(&engine, lead) == 20), "the neighbour beside {}", hostile.kind);
        leads.extend(steady);
        finish(&engine, hostile.kind, leads);
    }
    let steady = plugin(&engine, "steady-score");
    assert_eq!(
        steady["use"]["outcomes"].as_object().map(serde_json::Map::len),
        Some(1),
        "it only ever decided: {steady}"
    );
    assert_eq!(steady["circuit"]["state"], "closed", "{steady}");
    engine.client.get("/readyz").expect(200);
    engine.stop();
}

/// Checks that every lead reached its task, and completes the tasks to make room for the next.
fn finish(engine: &Engine, kind: &str, mut leads: Vec<String>) {
    let page = engine.client.get("/v1/tasks?limit=100").expect(200).json;
    let tasks = page["items"].as_array().cloned().unwrap_or_default();
    let mut of: Vec<String> =
        tasks.iter().map(|task| task["lead"]["id"].as_str().unwrap_or_default().to_owned()).collect();
    leads.sort_unstable();
    of.sort_unstable();
    assert_eq!(of, leads, "{kind}: each lead goes on");
    for task in &tasks {
        engine.done(task, &json!({"outcome": "connected", "result": "qualified"}));
    }
}

/// As a shadow it changes nothing. Returns the leads that were watched.
fn watched(engine: &Engine, hostile: &Hostile) -> Vec<String> {
    push(engine, &hostile.component, "").expect(200);
    let leads = bring(engine, &format!("watched {}", hostile.kind), "web", 2);
    assert!(leads.iter().all(|lead| points(engine, lead) == 10), "what is watched changes nothing: {}", hostile.kind);
    let differences = eventually(&format!("the comparison with {}", hostile.kind), || {
        let differences = plugin(engine, BESIEGED)["candidate"]["differences"].clone();
        (differences["asked"] == 2).then_some(differences)
    });
    let fails = if hostile.ends == Ends::Decided { 0 } else { 2 };
    assert_eq!(differences["fails"], fails, "{}: {differences}", hostile.kind);
    leads
}

/// As a canary for all leads it fails them, and each is parked.
fn decides(engine: &Engine, hostile: &Hostile) -> Vec<String> {
    push(engine, &hostile.component, "?canary=100").expect(200);
    let leads = bring(engine, hostile.kind, "web", LEADS);
    let counted = hostile.ends.counted_as().expect("it was loaded");
    let (all, fails) = if hostile.ends == Ends::Decided { (LEADS as u64, false) } else { (FAILURES, true) };
    let circuit = if fails { "open" } else { "closed" };
    let shown = eventually(&format!("that {} decides", hostile.kind), || {
        let shown = plugin(engine, BESIEGED)["candidate"].clone();
        let outcomes = &shown["use"]["outcomes"];
        // What it did while it was only watched is counted, but does not break the circuit.
        (outcomes[counted].as_u64() >= Some(all) && shown["circuit"]["state"] == circuit).then_some(shown)
    });
    let others = shown["use"]["outcomes"].as_object().into_iter().flatten();
    let others: Vec<_> = others.filter(|(name, _)| *name != counted && *name != "unavailable").collect();
    assert!(others.is_empty(), "{} ends as {counted}, and not as {others:?}", hostile.kind);
    if fails {
        eventually(&format!("that all are parked after {}", hostile.kind), || (parked(engine) == LEADS).then_some(()));
    }
    leads
}

#[test]
fn what_is_refused_is_told_why_and_leaves_nothing_behind() {
    let (site, engine) = start();
    let before = plugin(&engine, BESIEGED);
    for hostile in corpus(BESIEGED).into_iter().filter(|hostile| hostile.ends == Ends::Refused) {
        eprintln!("{}", hostile.kind);
        let refused = push(&engine, &hostile.component, "");
        assert_eq!(refused.status, 422, "{}: {}", hostile.kind, refused.text);
        let problem = refused.problem(422);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty() && detail.len() < 4_096, "{}: {} bytes of detail", hostile.kind, detail.len());
    }
    assert_eq!(plugin(&engine, BESIEGED), before);
    let lead = bring(&engine, "after", "web", 1).remove(0);
    assert_eq!(points(&engine, &lead), 10);
    // Nothing of what was refused is kept on disk either.
    let kept = std::fs::read_dir(site.data().join("compiled")).expect("the engine made it").count();
    assert!(kept <= 8, "{kept} compiled components are kept, and there are five plugins");
    engine.stop();
}

#[test]
fn refused_builds_do_not_fill_the_engines_memory() {
    let (_site, engine) = start();
    let resident_kib = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", engine.pid())).expect("the engine runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says so");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number")
    };
    // Two megabytes of data that differ from build to build; and it cannot describe itself.
    let refused = |n: usize| {
        let items = format!("(data (i32.const 100000) \"{n:02}{}\")", "x".repeat(2 * 1024 * 1024));
        Guest { name: BESIEGED, pages: 64, fuel: 0, items, ..Guest::default() }.component()
    };
    let warm_up = 5;
    for n in 0..warm_up {
        push(&engine, &refused(n), "").problem(422);
    }
    let before = resident_kib();
    for n in 0..REFUSED {
        push(&engine, &refused(warm_up + n), "").problem(422);
    }
    let after = resident_kib();
    assert!(after < before + GROWTH_KIB, "{before} KiB before {REFUSED} refused builds, and {after} KiB after");
    engine.stop();
}
