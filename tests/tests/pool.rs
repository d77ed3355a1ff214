//! Decisions that are too large for the driver's own thread: more questions than there are places, a slow plugin beside
//! a quick one, and a crash in the middle.

use cadenza_tests::guest::{Guest, answer};
use cadenza_tests::{Engine, Site, eventually};
use serde_json::{Value, json};

/// Far more questions than one plugin may be asked at a time (512, `driver/pool.rs`); the rest wait in the store.
const SLOW: usize = 900;
const QUICK: usize = 20;

/// With this budget a plugin is asked on the pool.
const BUDGET: &str = "fuel: 500000000, time_ms: 2000";

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

/// Answers after some milliseconds of counting.
fn slow() -> Vec<u8> {
    let counting = "(global.set $left (i32.const 3000000))
        (loop $again
            (global.set $left (i32.sub (global.get $left) (i32.const 1)))
            (br_if $again (global.get $left)))";
    let score = format!("{counting} {}", answer(30, 2, 0, 0));
    let items = "(global $left (mut i32) (i32.const 0))".to_owned();
    Guest { name: "slow-score", items, score, ..Guest::default() }.component()
}

fn site() -> Site {
    let site = Site::empty();
    site.write(
        "cadenza.yaml",
        &format!(
            "name: pool
timezone: UTC
hours: {{ mon-sun: 00:00-24:00 }}
plugins:
  slow-score: {{ file: slow-score.wasm, {BUDGET} }}
  quick-score: {{ file: quick-score.wasm, {BUDGET} }}
"
        ),
    );
    site.write("slow.yaml", &workflow("slow", "web", "slow-score"));
    site.write("quick.yaml", &workflow("quick", "phone", "quick-score"));
    site.write_bytes("slow-score.wasm", &slow());
    let quick = Guest { name: "quick-score", score: answer(20, 2, 0, 0), ..Guest::default() };
    site.write_bytes("quick-score.wasm", &quick.component());
    site
}

fn bring(engine: &Engine) -> Vec<String> {
    let event = |n: usize| {
        let source = if n < SLOW { "web" } else { "phone" };
        json!({"id": format!("lead-{n}"), "type": "lead.created",
               "lead": {"external_id": format!("crm-{n}"), "first_name": "Ada", "source": source}})
    };
    let events: Vec<Value> = (0..SLOW + QUICK).map(event).collect();
    let answers = engine.client.post("/v1/events", &json!(events)).expect(202).json;
    let answers = answers["results"].as_array().cloned().unwrap_or_default();
    answers.iter().map(|answer| answer["lead"].as_str().expect("each is taken").to_owned()).collect()
}

fn tasks(engine: &Engine, workflow: &str) -> usize {
    let status = engine.client.get("/v1/status").expect(200).json;
    let workflows = status["workflows"].as_array().cloned().unwrap_or_default();
    let found = workflows.iter().find(|found| found["workflow"] == workflow).cloned().unwrap_or_default();
    let steps = found["steps"].as_array().cloned().unwrap_or_default();
    let call = steps.iter().find(|step| step["step"] == "call").cloned().unwrap_or_default();
    usize::try_from(call["runs"].as_u64().unwrap_or_default()).expect("so many fit")
}

#[test]
fn more_questions_than_places_are_all_answered_once_and_a_quick_plugin_does_not_wait_behind_them() {
    let site = site();
    let engine = Engine::start(&site, "virtual", None);
    let leads = bring(&engine);
    eventually("the quick plugin's answers", || (tasks(&engine, "quick") == QUICK).then_some(()));
    let slow = tasks(&engine, "slow");
    assert!(slow < SLOW, "the quick plugin waited for all of the slow one's {SLOW} questions");
    engine.kill();

    let engine = Engine::start(&site, "virtual", None);
    // What was in progress when the engine ended is asked again at once: no time passes on this clock.
    eventually("all answers", || (tasks(&engine, "slow") == SLOW).then_some(()));
    for lead in &leads {
        let story = engine.client.get(&format!("/v1/leads/{lead}/timeline")).expect(200).json;
        let said = story["items"].to_string();
        assert_eq!(said.matches("scored the lead").count(), 1, "{lead}: {said}");
        assert_eq!(said.matches("Task for").count(), 1, "{lead}: {said}");
    }
    engine.stop();
}
