//! What events do to a run wherever it is, seen from outside: replies, out of office, notices, roles, text messages, tests.

use cadenza_tests::{Engine, Mailbox, Site, eventually};
use serde_json::{Value, json};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

const FLOW: &str = r#"workflow: motion
summary: A lead is followed until it answers.
enroll: [{ when: lead.created }]
interrupts:
  - { event: email.replied, during: [persist], go: answer }
  - { event: email.auto_replied, pause: { until: event.until, else: 3 business days } }
  - event: lead.engaged
    if: event.detail == "/pricing"
    do:
      - notify: { to: qualifier, text: "{{ lead.company }} is reading the prices", via: mailer }
      - update: { campaign: prices }
steps:
  - id: own
    assign: { pool: closers, by: longest_idle, fallback: sales-desk }
  - id: qualify
    assign: { pool: sales-development, by: round_robin, as: qualifier }
  - require: { fields: [company], missing: ask }
  - id: subject
    split: { by: lead }
    arms: [{ arm: only, share: 100, go: text }, { arm: never, share: 0, go: ask }]
  - id: text
    message: scripts/text.md
    via: mailer
  - id: persist
    cadence:
      touches:
        - { id: dial, after: 0d, call: scripts/call-2.md }
        - { id: again, after: 1 business day, call: scripts/call-2.md }
      exhausted: end
  - id: answer
    task: Answer {{ lead.first_name }}
    for: qualifier
  - id: outcome
    wait:
      for: [{ event: meeting.held, go: held }, { event: meeting.no_show, go: ask }]
      since: { step: answer }
      timeout: { after: 14d, go: ask }
  - { id: held, end: held }
  - id: ask
    task: Ask
"#;

fn start(site: &Site, mailbox: &Mailbox) -> Engine {
    site.write("motion.yaml", FLOW);
    site.write(
        "scripts/text.md",
        "---\nobjective: Say hello\nreviewed_by: Ana\n---\nHello {{ lead.company | default(\"you\") }}.\n",
    );
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    let engine = Engine::start(site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine
}

fn bring(engine: &Engine) -> String {
    engine.bring(
        "msg_1",
        &json!({ "id": "crm-1", "email": "ada@acme.example", "phone": "+1 212 555 0101", "company": "Acme", "first_name": "Ada" }),
    )
}

fn happens(engine: &Engine, id: &str, kind: &str, data: Value) {
    let event = json!({ "id": id, "type": kind, "lead": { "email": "ada@acme.example" }, "data": data });
    engine.client.post("/v1/events", &event).expect(202);
}

fn open(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/tasks?limit=100").expect(200);
    let tasks = page.json["items"].as_array().cloned().unwrap_or_default();
    tasks.into_iter().filter(|task| task["why"]["workflow"] == "motion").collect()
}

/// What has left, as JSON.
fn bodies(mailbox: &Mailbox) -> Vec<Value> {
    mailbox.mails().into_iter().map(|mail| mail.body).collect()
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
}

#[test]
fn a_reply_moves_the_run_and_what_came_before_a_wait_counts() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = start(&site, &mailbox);
    let lead = bring(&engine);
    let text =
        eventually("the text message leaves", || bodies(&mailbox).into_iter().find(|body| body["type"] == "message"));
    assert_eq!((&text["to"], &text["text"]), (&json!("+12125550101"), &json!("Hello Acme.")), "{text}");
    let call = eventually("the first call is open", || open(&engine).into_iter().find(|task| task["kind"] == "call"));
    happens(&engine, "e1", "lead.engaged", json!({ "kind": "page", "detail": "/pricing" }));
    let notice = eventually("the qualifier is told", || {
        bodies(&mailbox).into_iter().find(|body| body["type"] == "notice" && body["kind"] == "words")
    });
    assert_eq!(notice["text"], "Acme is reading the prices", "{notice}");
    let qualifier = notice["to"]["rep"].as_str().expect("a rep").to_owned();
    assert!(open(&engine).iter().any(|task| task["id"] == call["id"]), "the run stays where it is");
    assert_eq!(engine.client.get(&format!("/v1/leads/{lead}")).expect(200).json["fields"]["campaign"], "prices");
    happens(&engine, "e2", "email.replied", json!({}));
    let answer = eventually("the answer is a task", || open(&engine).into_iter().find(|task| task["kind"] == "todo"));
    assert_eq!(answer["assignee"], qualifier.as_str(), "it is the qualifier's: {answer}");
    assert!(open(&engine).iter().all(|task| task["id"] != call["id"]), "the open call is withdrawn");
    // The meeting is held before the answer is reported: it counts for the wait that looks back.
    happens(&engine, "e3", "meeting.held", json!({}));
    let done = json!({ "outcome": "done" });
    engine.client.post(&format!("/v1/tasks/{}/outcome", answer["id"].as_str().unwrap_or_default()), &done).expect(200);
    let told = eventually("the run is over", || Some(story(&engine, &lead)).filter(|told| told.contains("over, held")));
    for said in
        ["leaves where it is, because of email.replied", "stays where it is", "its qualifier is", "drew the arm only"]
    {
        assert!(told.contains(said), "`{said}`: {told}");
    }
    engine.stop();
}

#[test]
fn out_of_office_puts_the_call_off_and_it_goes_on_where_it_was() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = start(&site, &mailbox);
    let lead = bring(&engine);
    let call = eventually("the first call is open", || open(&engine).into_iter().find(|task| task["kind"] == "call"));
    happens(&engine, "e1", "email.auto_replied", json!({ "until": "2026-12-10T14:00:00Z" }));
    let told =
        eventually("it is paused", || Some(story(&engine, &lead)).filter(|told| told.contains("touches nobody until")));
    assert!(told.contains("is paused, because of email.auto_replied"), "{told}");
    let held = open(&engine).into_iter().find(|task| task["id"] == call["id"]);
    assert!(held.is_none_or(|task| task["not_before"] == "2026-12-10T14:00:00Z"), "it is not offered before");
    // Nothing is lost over a restart, and nothing happens meanwhile.
    engine.stop();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-12-10T15:00:00Z");
    let now = open(&engine).into_iter().find(|task| task["id"] == call["id"]).expect("it is offered again");
    assert!(now["due"].as_str().is_some_and(|due| due > "2026-12-10T14:00:00Z"), "{now}");
    let done = json!({ "outcome": "no_answer" });
    engine.client.post(&format!("/v1/tasks/{}/outcome", now["id"].as_str().unwrap_or_default()), &done).expect(200);
    engine.advance("25h");
    let next = open(&engine)
        .into_iter()
        .find(|task| task["kind"] == "call")
        .unwrap_or_else(|| panic!("no second touch: {}", story(&engine, &lead)));
    assert!(next["id"] != call["id"] && story(&engine, &lead).contains("its pause is over"), "{next}");
    engine.stop();
}
