//! Steps that ask another system, through the real binary: what is asked, what is kept of the answer, and what becomes of requests
//! that are refused, fail, are answered too much, may not leave, or are under way when the engine is killed.

use cadenza_tests::{Engine, Mail, Mailbox, Site, eventually};
use serde_json::{Value, json};

const FLOW: &str = r#"workflow: deals
summary: Tells the CRM of new leads, and goes by what it answers.
enroll: [{ when: lead.created }]
interrupts:
  - { event: email.replied, go: moved }
steps:
  - id: ask
    http:
      via: crm
      method: PATCH
      path: "/deals/{{ lead.external_id | default('none') }}"
      query: { of: "{{ lead.company }}", blank: "{{ lead.city }}" }
      headers: { X-Lead: "{{ lead.first_name }}" }
      body: { name: "{{ lead.company }}", size: { cel: lead.employees }, city: { cel: lead.city }, list: [1, true, { a: b }] }
    save: { crm_stage: "body.deals[0].stage", crm_points: body.points, crm_status: status }
    results: { sent: done, refused: by-hand, failed: later }
  - { id: done, end: answered }
  - { id: by-hand, task: Tell the CRM by hand, go: end }
  - { id: later, wait: 30d, go: end }
  - { id: moved, wait: 60d }
"#;

const FOLLOWER: &str = r#"workflow: follower
summary: Follows what the CRM says.
enroll:
  - { when: lead.updated, if: '"crm_stage" in event.changed && event.old.crm_stage == "new"' }
steps:
  - { id: seen, wait: 30d }
"#;

/// A workspace whose CRM has this address, with these further keys of its connection.
fn site(more: &str) -> Site {
    let site = Site::empty();
    let fields = "fields: { crm_stage: text, crm_points: int, crm_status: int }";
    site.write("cadenza.yaml", &format!("name: Deals\ntimezone: UTC\n{fields}\n"));
    site.write("team.yaml", "reps: { ana: { name: Ana } }\n");
    let crm = "url: { env: CRM_URL, default: \"https://crm.example/v1\" }";
    let patience = "timeout: 5s, attempts: 3, backoff: 1s, backoff_max: 1s";
    site.write("connections.yaml", &format!("connections:\n  crm: {{ {crm}, {patience}{more} }}\n"));
    site.write("deals.yaml", FLOW);
    site.write("follower.yaml", FOLLOWER);
    site
}

fn start(site: &Site, crm: &str) -> Engine {
    let mut command = Engine::command(site, "real");
    command.envs(site.environment(None)).env("CRM_URL", crm);
    Engine::launch(command, &site.admin).unwrap_or_else(|log| panic!("the engine does not start:\n{log}"))
}

fn bring(engine: &Engine) -> String {
    let lead = json!({
        "email": "ada@acme.example", "external_id": "a/b?c", "first_name": "Ada\r\nX-Evil: 1", "company": "Acme & Söhne",
        "employees": 250, "crm_stage": "new",
    });
    let event = json!({ "type": "lead.created", "id": "created", "lead": lead });
    let taken = engine.client.post("/v1/events", &event).expect(202).json;
    taken["lead"].as_str().expect("a lead").to_owned()
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=500")).expect(200).text
}

/// Waits until the lead's run of `deals` stands at a step, or is over.
#[track_caller]
fn comes_to(engine: &Engine, lead: &str, step: &str) -> Value {
    let stands = |view: &Value| {
        let runs = view["runs"].as_array().cloned().unwrap_or_default();
        let of_deals = runs.into_iter().find(|run| run["workflow"] == "deals");
        of_deals.map_or(step == "end", |run| run["step"] == step)
    };
    eventually(&format!("the run at {step}"), || Some(engine.lead(lead)).filter(stands))
}

fn keys(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.key.as_str()).collect()
}

fn letters(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/dead-letters").expect(200).json;
    page["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_request_is_typed_encoded_and_its_answer_is_kept() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.answer_json(200, r#"{ "deals": [{ "stage": "won" }], "points": "many" }"#);
    let engine = start(&site, &format!("{}/v1/", crm.origin()));
    let lead = bring(&engine);
    let view = comes_to(&engine, &lead, "end");
    let [asked] = &crm.mails()[..] else { panic!("{:?}", crm.mails()) };
    assert_eq!(asked.method, "PATCH");
    assert_eq!(asked.path, "/v1/deals/a%2Fb%3Fc?of=Acme%20%26%20S%C3%B6hne", "values stay in their places");
    let wanted = json!({ "name": "Acme & Söhne", "size": 250, "city": null, "list": [1, true, { "a": "b" }] });
    assert_eq!(asked.body, wanted);
    let head = asked.head.to_lowercase();
    assert!(head.contains("x-lead: ada x-evil: 1\r\n") && !head.contains("\nx-evil"), "{head}");
    assert!(head.contains("content-type: application/json") && !asked.key.is_empty(), "{head}");
    let fields = &view["fields"];
    assert_eq!((&fields["crm_stage"], &fields["crm_status"]), (&json!("won"), &json!(200)), "{view:#}");
    assert!(fields["crm_points"].is_null(), "{view:#}");
    let workflows: Vec<&Value> = view["runs"].as_array().into_iter().flatten().map(|run| &run["workflow"]).collect();
    assert_eq!(workflows, ["follower"], "other workflows hear what changed, and what it was");
    let story = story(&engine, &lead);
    for said in ["The request of ask was answered with 200.", "crm_points was left out: ", "Deals: over, answered"] {
        assert!(story.to_lowercase().contains(&said.to_lowercase()), "{said}: {story}");
    }
    let told = |what: &str| story.find(what).unwrap_or_else(|| panic!("`{what}` is missing: {story}"));
    let order = ["The request of ask was answered", "deals: set crm_stage to won", "workflow follower", "deals: over"]
        .map(told);
    assert!(order.is_sorted(), "what was saved is told before the steps that use it: {story}");
    assert!(!story.contains("Contact number"), "a request is no touch: {story}");
    engine.stop();
}

#[test]
fn what_is_refused_is_asked_once_and_has_its_way_out() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.answer_json(422, r#"{ "deals": [{ "stage": "no" }] }"#);
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    let view = comes_to(&engine, &lead, "by-hand");
    assert_eq!(crm.mails().len(), 1, "the same would be refused again");
    assert_eq!(view["fields"]["crm_stage"], "new", "what a refusal says is not about the lead");
    assert_eq!(view["fields"]["crm_status"], 422);
    assert!(story(&engine, &lead).contains("was refused: the other side answered 422"), "{}", story(&engine, &lead));
    assert_eq!(letters(&engine), Vec::<Value>::new(), "the workflow says what then");
    engine.stop();
}

#[test]
fn what_passes_is_asked_again_under_one_key() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.answer_with(503, &[("retry-after", "0")]);
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    eventually("the first attempt", || (!crm.mails().is_empty()).then_some(()));
    crm.answer_json(200, r#"{ "deals": [{ "stage": "won" }], "points": 7 }"#);
    let view = comes_to(&engine, &lead, "end");
    assert_eq!(view["fields"]["crm_points"], 7);
    let mails = crm.mails();
    assert!(mails.len() > 1 && keys(&mails).iter().all(|key| *key == mails[0].key), "{mails:?}");
    assert!(mails.iter().all(|mail| mail.body == mails[0].body), "one key asks one thing");
    engine.stop();
}

#[test]
fn what_never_gets_through_fails_and_can_be_asked_again_by_a_person() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.answer(503);
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    comes_to(&engine, &lead, "later");
    assert_eq!(crm.mails().len(), 3);
    let letter = eventually("the dead letter", || letters(&engine).pop());
    assert!(letter["cause"].as_str().is_some_and(|cause| cause.contains("503")), "{letter:#}");
    assert_eq!((&letter["message"]["kind"], &letter["message"]["what"]), (&json!("request"), &json!("ask")));
    let story = || story(&engine, &lead);
    assert!(story().contains("after 3 attempts, the other side answered 503"), "{}", story());
    crm.answer_json(200, r#"{ "deals": [{ "stage": "won" }] }"#);
    let id = letter["id"].as_str().expect("a letter has an id");
    engine.client.post(&format!("/v1/dead-letters/{id}/redrive"), &json!({})).expect(200);
    eventually("the answer", || story().contains("was answered with 200").then_some(()));
    let mails = crm.mails();
    assert!(mails.len() == 4 && keys(&mails).iter().all(|key| *key == mails[0].key), "{mails:?}");
    assert_eq!(engine.lead(&lead)["fields"]["crm_stage"], "new", "the run has gone on without it");
    comes_to(&engine, &lead, "later");
    engine.stop();
}

#[test]
fn an_answer_over_the_limit_is_refused_with_the_reason() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    let filler = "x".repeat(256 * 1024);
    crm.answer_json(200, &format!(r#"{{ "deals": [{{ "stage": "won" }}], "filler": "{filler}" }}"#));
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    let view = comes_to(&engine, &lead, "by-hand");
    assert_eq!(view["fields"]["crm_stage"], "new");
    let story = story(&engine, &lead);
    assert!(story.contains("answered 200 with more than the 256 KiB that are read"), "{story}");
    assert_eq!(crm.mails().len(), 1);
    engine.stop();
}

#[test]
fn nothing_leaves_for_a_private_address_that_is_not_meant() {
    for (host, more) in
        [("127.0.0.1", ""), ("localhost", ""), ("[::ffff:127.0.0.1]", ""), ("127.0.0.1", ", private: false")]
    {
        let (site, crm) = (site(more), Mailbox::open());
        let engine = start(&site, &crm.origin().replace("127.0.0.1", host));
        let lead = bring(&engine);
        comes_to(&engine, &lead, "later");
        assert_eq!(crm.mails().len(), 0, "{host}");
        let story = story(&engine, &lead);
        assert!(story.contains("not on the public internet") && story.contains("private: true"), "{host}: {story}");
        engine.stop();
    }
}

#[test]
fn a_host_that_is_not_listed_is_never_asked() {
    let (site, crm) = (site(", private: true, hosts: [crm.example]"), Mailbox::open());
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    comes_to(&engine, &lead, "later");
    assert_eq!(crm.mails().len(), 0);
    assert!(story(&engine, &lead).contains("none of the `hosts`"), "{}", story(&engine, &lead));
    engine.stop();
}

#[test]
fn no_redirect_is_followed() {
    let (site, crm, other) = (site(", private: true"), Mailbox::open(), Mailbox::open());
    crm.answer_with(307, &[("location", &other.url)]);
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    comes_to(&engine, &lead, "by-hand");
    assert_eq!((crm.mails().len(), other.mails().len()), (1, 0));
    assert!(story(&engine, &lead).contains("answered 307"), "{}", story(&engine, &lead));
    engine.stop();
}

#[test]
fn a_request_under_way_at_kill_nine_is_asked_again_under_its_key_and_counts_once() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.keep_waiting(true);
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    eventually("the first attempt", || (crm.mails().len() == 1).then_some(()));
    engine.kill();
    crm.answer_json(200, r#"{ "deals": [{ "stage": "won" }] }"#);
    crm.keep_waiting(false);
    let engine = start(&site, crm.origin());
    let view = comes_to(&engine, &lead, "end");
    assert_eq!(view["fields"]["crm_stage"], "won");
    let mails = crm.mails();
    assert!(mails.len() == 2 && mails[0].key == mails[1].key && mails[0].body == mails[1].body, "{mails:?}");
    assert_eq!(story(&engine, &lead).matches("was answered with 200").count(), 1);
    assert_eq!(engine.client.get("/v1/outbox").expect(200).json["items"], json!([]));
    engine.stop();
}

#[test]
fn a_paused_connection_holds_requests_back() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.answer_json(200, "{}");
    let engine = start(&site, crm.origin());
    engine.client.post("/v1/connections/crm/pause", &json!({})).expect(200);
    let lead = bring(&engine);
    let held = eventually("the request in the outbox", || {
        let items = engine.client.get("/v1/outbox").expect(200).json["items"].as_array().cloned()?;
        items.into_iter().find(|row| row["put_off"].is_string())
    });
    assert_eq!((&held["kind"], &held["due"]), (&json!("request"), &Value::Null), "{held:#}");
    assert_eq!(crm.mails().len(), 0);
    engine.client.post("/v1/connections/crm/resume", &json!({})).expect(200);
    comes_to(&engine, &lead, "end");
    assert_eq!(crm.mails().len(), 1);
    engine.stop();
}

#[test]
fn an_answer_for_a_run_that_has_moved_on_moves_nothing_and_is_told() {
    let (site, crm) = (site(", private: true"), Mailbox::open());
    crm.keep_waiting(true);
    let engine = start(&site, crm.origin());
    let lead = bring(&engine);
    eventually("the attempt", || (crm.mails().len() == 1).then_some(()));
    let reply = json!({ "type": "email.replied", "id": "replied", "lead": { "email": "ada@acme.example" } });
    engine.client.post("/v1/events", &reply).expect(202);
    comes_to(&engine, &lead, "moved");
    crm.answer_json(200, r#"{ "deals": [{ "stage": "won" }] }"#);
    crm.keep_waiting(false);
    eventually("the answer", || story(&engine, &lead).contains("was answered with 200").then_some(()));
    let view = comes_to(&engine, &lead, "moved");
    assert_eq!(view["fields"]["crm_stage"], "new", "nothing of it is saved");
    let story = story(&engine, &lead);
    assert!(story.contains("the run has moved on meanwhile"), "{story}");
    engine.stop();
}
