//! Who is who, through the real binary: a switchboard, a late bounce, a CRM with two ids and one
//! address, and an address taken over from somebody who opted out. Each is judged by the mails that are
//! sent and the calls that are open.

use cadenza_tests::{Answer, Engine, Mailbox, Site};
use serde_json::{Value, json};

const SETTINGS: &str =
    "name: who\ntimezone: Europe/Berlin\nhours: { mon-sun: 00:00-24:00 }\ncontact: { email_via: mailer }\n";
const CONNECTIONS: &str = "connections: { mailer: { url: { env: CADENZA_MAILER_URL, default: \"http://127.0.0.1:9/mail\" }, \
                           secret: { env: CADENZA_MAILER_SECRET } } }\n";
const SCRIPT: &str = "---\nobjective: Say hello\nreviewed_by: Ana\nsubject: Hello\n---\nHello.\n";
/// A mail an hour after the lead came, and a call.
const WORKFLOW: &str = "workflow: hello
summary: A mail after an hour, then a call.
enroll: [{ when: lead.created }]
steps:
  - id: pause
    wait: 1h
  - id: mail
    email: scripts/hello.md
  - id: call
    call: scripts/hello.md
    due: 1h
    results: { else: end }
";

struct Story {
    engine: Engine,
    mailbox: Mailbox,
    _site: Site,
}

impl Story {
    fn begin() -> Self {
        let (site, mailbox) = (Site::empty(), Mailbox::open());
        std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
        for (file, text) in [
            ("cadenza.yaml", SETTINGS),
            ("team.yaml", "reps: { ana: { name: Ana } }\n"),
            ("connections.yaml", CONNECTIONS),
            ("scripts/hello.md", SCRIPT),
            ("hello.yaml", WORKFLOW),
        ] {
            site.write(file, text);
        }
        let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
        Self { engine, mailbox, _site: site }
    }

    fn event(&self, kind: &str, lead: &Value) -> Answer {
        self.engine.client.post("/v1/events", &json!({"type": kind, "lead": lead})).expect(202)
    }

    /// Reports an event, and returns the lead that it went to.
    #[track_caller]
    fn tell(&self, kind: &str, lead: Value) -> String {
        let answer = self.event(kind, &lead);
        answer.json["lead"].as_str().unwrap_or_else(|| panic!("{kind} {lead}: {}", answer.text)).to_owned()
    }

    fn field(&self, lead: &str, name: &str) -> Value {
        self.engine.lead(lead)["fields"][name].clone()
    }

    fn consent(&self, lead: &str) -> Value {
        self.engine.lead(lead)["consent"].clone()
    }

    fn timeline(&self, lead: &str) -> String {
        self.engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
    }

    /// Who mails have been sent to, in order.
    fn mailed(&self) -> Vec<String> {
        let to = |body: &Value| body["to"].as_str().map(str::to_owned);
        self.mailbox.mails().iter().filter_map(|mail| to(&mail.body)).collect()
    }

    fn calls(&self, lead: &str) -> usize {
        self.engine.tasks_of(lead).len()
    }
}

#[test]
fn colleagues_behind_one_switchboard_stay_two_people() {
    let story = Story::begin();
    let ada = story.tell("lead.created", json!({"email": "ada@acme.example", "phone": "+49 (0)30 1234567"}));
    let bob = story.tell("lead.created", json!({"email": "bob@acme.example", "phone": "030/123 45 67"}));
    assert_ne!(ada, bob, "one number does not make them one person");
    assert_eq!(story.field(&ada, "phone"), "+49301234567");
    assert_eq!(story.field(&bob, "phone"), "+49301234567", "the workspace's zone says that it is a German number");
    assert!(story.timeline(&ada).contains(&format!("{bob} has the same phone number too")), "Ada's journal says so");
    assert!(story.timeline(&bob).contains(&format!("{ada} has the same phone number too")), "and Bob's");
    // Somebody calls from the switchboard: one of them is told, and neither is changed.
    let caller = story.tell("call.inbound", json!({"phone": "0049 30 1234567", "first_name": "Eve"}));
    assert!(caller == ada || caller == bob);
    assert_eq!((story.field(&ada, "first_name"), story.field(&bob, "first_name")), (Value::Null, Value::Null));
    assert!(story.timeline(&caller).contains("2 leads have this phone number"), "and says why it went there");
    // Her opt-out is only hers.
    story.tell("lead.opted_out", json!({"email": "Ada@Acme.example"}));
    story.engine.advance("2h");
    assert_eq!(story.mailed(), ["bob@acme.example"]);
    assert_eq!((story.calls(&ada), story.calls(&bob)), (0, 1));
    story.engine.stop();
}

#[test]
fn a_late_bounce_marks_the_address_that_bounced() {
    let story = Story::begin();
    let ada = story.tell("lead.created", json!({"external_id": "7", "email": "old@acme.example"}));
    story.tell("lead.updated", json!({"external_id": "7", "email": "new@acme.example"}));
    assert_eq!(story.tell("email.bounced", json!({"email": "old@acme.example"})), ada, "the old address finds her");
    assert_eq!(story.field(&ada, "email"), "new@acme.example", "and does not come back");
    story.engine.advance("2h");
    assert_eq!(story.mailed(), ["new@acme.example"], "the new one is well");
    assert_eq!(story.consent(&ada)["unreachable"], json!([]));
    // The new one bounces too. Another spelling of it is the same address, whoever gives it.
    story.tell("email.bounced", json!({"email": "New@Acme.example"}));
    story.tell("lead.updated", json!({"external_id": "7", "email": "‹mailto:new@acme.example›"}));
    let bea = story.tell("lead.created", json!({"external_id": "8", "email": "NEW@acme.example."}));
    assert_ne!(ada, bea);
    story.engine.advance("2h");
    assert_eq!(story.mailed(), ["new@acme.example"], "nobody is mailed where mail comes back");
    assert!(story.timeline(&bea).contains("mail to this address comes back"), "{}", story.timeline(&bea));
    let consent = story.consent(&bea);
    assert_eq!(consent["unreachable"], json!(["email"]));
    assert_eq!(consent["bound"][0]["why"], "bounced", "{consent}");
    story.engine.stop();
}

#[test]
fn two_entries_of_a_crm_with_one_address_stay_two() {
    let story = Story::begin();
    let ada = story.tell("lead.created", json!({"external_id": "1001", "email": "info@acme.example"}));
    let bob = story.tell("lead.created", json!({"external_id": "1002", "email": "info@acme.example"}));
    assert_ne!(ada, bob);
    story.tell("lead.updated", json!({"external_id": "1001", "first_name": "Ada"}));
    story.tell("lead.updated", json!({"external_id": "1002", "first_name": "Bob"}));
    assert_eq!((story.field(&ada, "first_name"), story.field(&bob, "first_name")), (json!("Ada"), json!("Bob")));
    let found = story.engine.client.get("/v1/leads?q=info@acme.example").expect(200).json;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(2), "a search shows both: {found:#}");
    // One of them opts out by id. The other shares her address, which stays in use.
    story.tell("lead.opted_out", json!({"external_id": "1001"}));
    story.engine.advance("2h");
    assert_eq!(story.mailed(), ["info@acme.example"], "Bob is mailed, Ada is not");
    assert_eq!((story.calls(&ada), story.calls(&bob)), (0, 1));
    // Somebody at that address asks for no more mail, so nobody who has it gets any.
    let cy = story.tell("lead.created", json!({"external_id": "1003", "email": "info@acme.example"}));
    story.tell("lead.opted_out", json!({"email": "info@acme.example"}));
    story.engine.advance("2h");
    assert_eq!(story.mailed().len(), 1, "the address is bound: {:?}", story.mailed());
    let _ = cy;
    story.engine.stop();
}

#[test]
fn an_address_taken_over_from_somebody_who_opted_out_is_not_used() {
    let story = Story::begin();
    let ada = story.tell("lead.created", json!({"external_id": "1", "email": "ada@acme.example"}));
    let bob = story.tell("lead.created", json!({"external_id": "2", "email": "bob@acme.example"}));
    story.engine.client.post(&format!("/v1/leads/{ada}/opt-out"), &json!({"reason": "stop"})).expect(200);
    story.tell("lead.updated", json!({"external_id": "2", "email": " <Ada@acme.example>"}));
    story.engine.advance("2h");
    assert_eq!(story.mailed(), Vec::<String>::new(), "her word binds the address, whoever has it");
    assert_eq!(story.calls(&bob), 1, "he may be called: {}", story.timeline(&bob));
    assert!(story.timeline(&bob).contains("asked not to be contacted"), "and his journal says why no mail left");
    // Neither a form with the address nor a deal enrols anybody to be mailed.
    assert_eq!(story.tell("lead.created", json!({"external_id": "1", "email": "ada@acme.example"})), ada);
    story.tell("deal.won", json!({"external_id": "1"}));
    assert_eq!(story.engine.lead(&ada)["stage"], "suppressed");
    story.engine.advance("2h");
    assert_eq!(story.mailed(), Vec::<String>::new());
    story.engine.stop();
}

/// Everybody who says no here says it in another way and for several addresses. Only the mails that are sent and the
/// calls that are open count.
#[test]
fn a_no_holds_for_all_that_is_named_with_it_at_every_door() {
    let story = Story::begin();
    let created = |n: u32| {
        story.tell("lead.created", json!({"external_id": n.to_string(), "email": format!("p{n}@acme.example"), "phone": format!("+49 170 123400{n}")}))
    };
    let leads: Vec<String> = (1..=6).map(created).collect();
    let post = |event: Value| story.engine.client.post("/v1/events", &event);
    // A list, two in one text, and one under `data`.
    post(json!({"type": "lead.opted_out", "lead": {"email": ["p1@acme.example", "new1@acme.example"]}})).expect(202);
    post(json!({"type": "lead.opted_out", "lead": {"email": "p2@acme.example; p3@acme.example"}})).expect(202);
    post(json!({"type": "custom.survey", "lead": {"external_id": "4"}, "data": {"opted_out": "yes", "email": "new4@acme.example"}}))
        .expect(202);
    // What is unclear is refused, so that it can be said again.
    let unclear =
        post(json!({"type": "lead.opted_out", "lead": {"email": {"address": "p5@acme.example"}}})).problem(422);
    assert_eq!(unclear["at"], "lead.email", "{unclear}");
    // A person notes a preference, and takes it back.
    let prefer = |lead: &str, refused: Value| {
        let path = format!("/v1/leads/{lead}/preferences");
        story.engine.client.post(&path, &json!({"refused": refused})).expect(200).text
    };
    assert!(prefer(&leads[4], json!(["call", "email"])).contains("may not be used"), "the answer says what is bound");
    assert!(prefer(&leads[5], json!(["email"])).contains("may not be used"));
    assert!(prefer(&leads[5], json!([])).contains("no longer bound"), "and what is free again");
    let stages: Vec<Value> = leads.iter().map(|lead| story.engine.lead(lead)["stage"].clone()).collect();
    assert_eq!(stages, ["suppressed", "suppressed", "suppressed", "suppressed", "open", "open"]);
    // Others come with what was named; what the leads get later is bound as well.
    story.tell("lead.updated", json!({"external_id": "1", "email": "late1@acme.example"}));
    for (n, email) in ["new1", "p3", "new4", "p5", "late1", "p6"].into_iter().enumerate() {
        let taken = story
            .event("lead.created", &json!({"external_id": format!("x{n}"), "email": format!("{email}@acme.example")}));
        assert!(taken.json["lead"].is_string());
    }
    story.engine.advance("2h");
    let mut mailed = story.mailed();
    mailed.sort();
    assert_eq!(
        mailed,
        ["p6@acme.example", "p6@acme.example"],
        "only who took it back, and the other record of that address"
    );
    assert_eq!(leads[..5].iter().map(|lead| story.calls(lead)).sum::<usize>(), 0, "nobody of them is called");
    let bound = &story.consent(&leads[0])["bound"];
    assert!(bound.as_array().is_some_and(|bound| bound.len() >= 2), "what is bound is seen: {bound:#}");
    story.engine.stop();
}
