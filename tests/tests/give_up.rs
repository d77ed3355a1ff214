//! A call that nobody makes: it is given up, the run continues, and a late report of it is still accepted.

use cadenza_tests::{Engine, Mailbox, Site, eventually};
use serde_json::{Value, json};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

const FLOW: &str = r#"workflow: nobody-calls
summary: A call that is given up, and a task after it.
enroll: [{ when: lead.created }]
steps:
  - id: own
    assign: { pool: closers, by: longest_idle, fallback: sales-desk }
  - id: call
    call: scripts/call-2.md
    due: 1h
    give_up: 1 business day
    results: { connected: reached, not_done: chase, else: gone }
  - id: chase
    task: Find out why nobody called
    give_up: 2 business days
    results: { done: reached, else: gone }
  - { id: reached, end: reached }
  - { id: gone, end: gone }
"#;

fn engine(site: &Site, mailbox: &Mailbox) -> Engine {
    let engine = Engine::start(site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine
}

fn tasks(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/tasks?limit=100").expect(200);
    page.json["items"].as_array().cloned().unwrap_or_default()
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
}

#[test]
fn a_task_is_for_whom_its_step_names_and_its_report_answers_what_was_asked() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    let flow = |name: &str, whom: &str| {
        format!(
            "workflow: {name}\nsummary: A task.\nenroll: [{{ when: custom.{name} }}]\nsteps:\n  - id: own\n    assign: {{ pool: \
             closers, by: longest_idle, fallback: sales-desk }}\n  - id: talk\n    task: Talk\n    for: {whom}\n    asks:\n      - {{ \
             field: budget, question: What is set aside?, required: true }}\n      - {{ field: pain, question: What hurts? }}\n"
        )
    };
    let team = include_str!("../../workflows/team.yaml");
    for (name, whom) in [("pool", "{ pool: sales-development }"), ("manager", "manager"), ("owner", "owner")] {
        site.write(&format!("{name}.yaml"), &flow(name, whom));
    }
    let engine = engine(&site, &mailbox);
    let lead =
        engine.bring("msg_1", &json!({ "id": "crm-1", "email": "ada@acme.example", "phone": "+1 212 555 0101" }));
    let mut queues = Vec::new();
    for name in ["pool", "manager", "owner"] {
        let event = json!({ "id": format!("go-{name}"), "type": format!("custom.{name}"), "lead": { "email": "ada@acme.example" } });
        engine.client.post("/v1/events", &event).expect(202);
        let open =
            eventually("the task is open", || tasks(&engine).into_iter().find(|task| task["why"]["workflow"] == name));
        queues.push(open["assignee"].as_str().unwrap_or_default().to_owned());
        assert_eq!(open["asks"][0]["required"], true, "{open}");
        assert_eq!((&open["asks"][0]["type"], &open["asks"][0]["value"]), (&json!("number"), &json!(null)), "{open}");
    }
    let owner = engine.client.get(&format!("/v1/leads/{lead}")).expect(200).json["owner"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert_eq!((queues[0].as_str(), queues[2].as_str()), ("pool:sales-development", owner.as_str()), "{queues:?}");
    assert!(queues[1] != owner && team.contains(&format!("manager: {}", queues[1])), "the manager: {queues:?}");
    let task = tasks(&engine).into_iter().find(|task| task["why"]["workflow"] == "owner").expect("it is open");
    let report = |data: Value| {
        let body = json!({ "outcome": "done", "data": data });
        engine.client.post(&format!("/v1/tasks/{}/outcome", task["id"].as_str().unwrap_or_default()), &body)
    };
    for data in [json!({}), json!({ "pain": "slow" }), json!({ "budget": null }), json!({ "budget": "  " })] {
        let refused = report(data.clone());
        assert_eq!(refused.status, 422, "{data}: {}", refused.text);
        assert_eq!(refused.json["missing"], json!([{ "field": "budget", "question": "What is set aside?" }]), "{data}");
    }
    report(json!({ "budget": 0 })).expect(200);
    // A lead that wants no contact is asked nothing more.
    let task = tasks(&engine).into_iter().find(|task| task["why"]["workflow"] == "manager").expect("it is open");
    let opts_out = json!({ "outcome": "done", "result": "opted_out" });
    engine
        .client
        .post(&format!("/v1/tasks/{}/outcome", task["id"].as_str().unwrap_or_default()), &opts_out)
        .expect(200);
    assert_eq!(tasks(&engine), Vec::<Value>::new(), "nothing is to be done for a lead that opted out");
    engine.stop();
}

#[test]
fn a_call_that_nobody_makes_is_given_up_and_a_late_report_counts() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    site.write("nobody-calls.yaml", FLOW);
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    let engine = engine(&site, &mailbox);
    let lead =
        engine.bring("msg_1", &json!({ "id": "crm-1", "email": "ada@acme.example", "phone": "+1 212 555 0101" }));
    let open = eventually("the call is open", || tasks(&engine).into_iter().find(|task| task["kind"] == "call"));
    let call = open["id"].as_str().expect("it has an id").to_owned();
    assert_eq!(open["give_up_at"], "2026-12-01T15:00:00Z", "a business day from its making: {open}");
    engine.advance("23h");
    assert!(tasks(&engine).iter().any(|task| task["id"] == call.as_str()), "there is an hour left");
    engine.advance("2h");
    let left = tasks(&engine);
    assert!(left.iter().all(|task| task["id"] != call.as_str()), "it is given up: {left:?}");
    assert!(left.iter().any(|task| task["kind"] == "todo"), "the run went on: {left:?}");
    let told = story(&engine, &lead);
    assert!(told.contains("was given up: it was not done in time"), "{told}");
    assert_eq!(engine.client.get(&format!("/v1/leads/{lead}")).expect(200).json["counts"]["contacts"], 0, "no contact");
    // Nobody can take it any more, and whoever tries is told why.
    let claim = engine.client.post(&format!("/v1/tasks/{call}/claim"), &json!({ "rep": "ana" }));
    assert_eq!(claim.status, 409, "{}", claim.text);
    assert!(claim.text.contains("was given up"), "{}", claim.text);
    let late = json!({ "outcome": "connected", "result": "qualified", "data": { "budget": 5000 } });
    engine.client.post(&format!("/v1/tasks/{call}/outcome"), &late).expect(200);
    let again = engine.client.post(&format!("/v1/tasks/{call}/outcome"), &late);
    assert_eq!(again.status, 409, "it is not done twice: {}", again.text);
    let view = engine.client.get(&format!("/v1/leads/{lead}")).expect(200).json;
    assert_eq!(view["fields"]["budget"].as_f64(), Some(5000.0), "what was learnt counts: {view}");
    let told = story(&engine, &lead);
    assert!(told.contains("what was reported counts, and nothing moves by it"), "{told}");
    assert!(tasks(&engine).iter().any(|task| task["kind"] == "todo"), "the run did not move");
    engine.advance("3d");
    assert_eq!(tasks(&engine), Vec::<Value>::new(), "the task is given up too, and its run is over");
    engine.stop();
}
