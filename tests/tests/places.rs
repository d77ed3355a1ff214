//! Names have a value where the validator accepts them, in what only the whole engine does: conditions of a new lead
//! about its account, schedules, task texts and mails. Also what validation and intake say of unknown names.

use cadenza_tests::{Engine, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};

const SETTINGS: &str = "name: Places\ntimezone: UTC\nhours: { mon-sun: 00:00-24:00 }\nfields: { seats: int }\ncontact: { email_via: mailer }\n";
const TEAM: &str = "reps: { ana: { name: Ana Diaz }, ben: { name: Ben } }\npools: { closers: [ana] }\n";
const OWN: &str = "workflow: own\nsummary: The first lead gives the account its owner.\nenroll: [{ when: lead.created, if: lead.source == \"first\" }]\nsteps:\n  - id: own\n    assign: { pool: closers, by: round_robin }\n";
/// Evaluated for a lead while the event that brings it is handled.
const COMING: &str = "workflow: coming\nsummary: Leads of accounts that somebody owns.\nenroll: [{ when: lead.created, if: account.owner == \"ana\" && account.name == \"Acme\" }]\nsteps:\n  - switch: [{ if: account.owner == \"ana\", go: tell }, { else: end }]\n  - id: tell\n    task: Tell {{ account.owner }} of {{ account.name }} about {{ deal.stage }} in {{ run.step }} of {{ run.workflow }}, {{ task.kind }} {{ task.reminders }}\n    script: scripts/talk.md\n";
const MAILED: &str = "workflow: mailed\nsummary: A mail of a cadence.\nenroll: [{ when: lead.created, if: account.owner == \"ana\" }]\nsteps:\n  - id: mails\n    cadence:\n      touches:\n        - { after: 0d, email: scripts/mail.md }\n        - { after: 9d, call: scripts/talk.md }\n      exhausted: end\n";
const DAILY: &str = "workflow: daily\nsummary: By the clock.\nenroll:\n  - schedule: { cron: \"0 9 * * *\" }\n    leads: account.owner == \"ana\" && deal.stage == \"demo\" && lead.source == \"second\"\nsteps:\n  - id: look\n    task: Look after it\n";
const TALK: &str = "---\nobjective: Talk\nreviewed_by: Ana\n---\nAt {{ account.name }}, {{ task.kind }}.\n";
const MAIL: &str = "---\nobjective: Write\nreviewed_by: Ana\nsubject: For {{ account.name | default('nobody') }}\n---\nFrom {{ account.owner | default('nobody') }}, contact {{ run.contacts }}, {{ run.step }} of {{ run.workflow }}.\n";

fn site() -> Site {
    let site = Site::empty();
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    let files = [
        ("cadenza.yaml", SETTINGS),
        ("team.yaml", TEAM),
        (
            "connections.yaml",
            "connections: { mailer: { url: { env: CADENZA_MAILER_URL, default: \"http://127.0.0.1:9\" } } }\n",
        ),
        ("own.yaml", OWN),
        ("coming.yaml", COMING),
        ("mailed.yaml", MAILED),
        ("daily.yaml", DAILY),
        ("scripts/talk.md", TALK),
        ("scripts/mail.md", MAIL),
    ];
    files.into_iter().for_each(|(file, text)| site.write(file, text));
    site
}

fn created(engine: &Engine, id: &str, source: &str) -> String {
    let lead = json!({"external_id": id, "email": format!("{id}@acme.example"), "company": "Acme", "source": source});
    let deal =
        json!({"id": format!("deal-{id}"), "type": "deal.stage_changed", "lead": lead, "data": {"stage": "demo"}});
    let event = json!({"id": id, "type": "lead.created", "lead": lead});
    // The first lead has a deal before it comes; the account is joined by whichever event is first.
    for event in if source == "second" { vec![event, deal] } else { vec![event] } {
        engine.client.post("/v1/events", &event).expect(202);
    }
    let leads = engine.client.get("/v1/leads").expect(200).json;
    let found =
        leads["items"].as_array().and_then(|all| all.iter().find(|lead| lead["email"] == format!("{id}@acme.example")));
    found.and_then(|lead| lead["id"].as_str()).unwrap_or_else(|| panic!("no lead {id} in {leads:#}")).to_owned()
}

#[test]
fn a_new_lead_of_an_owned_account_knows_its_owner() {
    let (site, mailbox) = (site(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    let first = created(&engine, "ada", "first");
    assert_eq!(engine.tasks_of(&first), Vec::<Value>::new(), "nobody owned the account when it came");
    let second = created(&engine, "bob", "second");
    let tasks = engine.tasks_of(&second);
    assert_eq!(tasks.len(), 1, "{tasks:#?}");
    let says = "Tell ana of Acme about demo in tell of coming, todo 0";
    assert_eq!(tasks[0]["objective"], says, "what a task's text names is known");
    assert_eq!(tasks[0]["script"], "At Acme, todo.");
    engine.advance("1m");
    eventually("the mail", || (!mailbox.mails().is_empty()).then_some(()));
    let mail = &mailbox.mails()[0].body;
    assert_eq!(mail["subject"], "For Acme");
    assert_eq!(mail["text"], "From ana, contact 0, mails of mailed.");
    engine.advance("1d");
    let runs = engine.client.get("/v1/runs?workflow=daily").expect(200).json;
    let items = runs["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 1, "the schedule finds the lead by its account: {runs:#}");
    assert_eq!(items[0]["lead"], second.as_str());
    engine.stop();
}

#[test]
fn what_intake_says_of_names_that_nobody_knows() {
    let (site, mailbox) = (site(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    let lead = json!({"email": "ada@acme.example"});
    for (event, says) in [
        (json!({"type": "custom.Demo Requested", "lead": lead}), "did you mean `custom.demo_requested`?"),
        (json!({"type": "Lead Created", "lead": lead}), "did you mean `lead.created`?"),
        (json!({"type": "lead.created", "lead": {"Email": "ada@acme.example"}}), "did you mean `email`?"),
        (json!({"type": "lead.created", "lead": {"email": "ada@acme.example", "Seats": 3}}), "did you mean `seats`?"),
        (json!({"type": "lead.created", "lead": {"email": "nobody"}}), "`nobody` is not a mail address"),
        (json!({"type": "lead.created", "lead": {"phone": "12", "email": " "}}), "`12` is not a"),
        (json!({"type": "lead.created", "lead": {"first_name": "Ada"}}), "it needs an id, external_id, email or phone"),
    ] {
        let answer = engine.client.post("/v1/events", &event);
        assert!(answer.status == 422 && answer.text.contains(says), "{event}: {} {}", answer.status, answer.text);
    }
    let never =
        json!({"type": "lead.created", "lead": {"email": "ada@acme.example", "project_date": "9999-12-31T00:00:00Z"}});
    engine.client.post("/v1/events", &never).expect(202);
    engine.stop();
}

#[test]
fn a_folder_without_a_workflow_is_not_in_order() {
    let site = Site::empty();
    site.write("cadenza.yaml", "name: Nothing\ntimezone: UTC\n");
    let said = cadenza(&["validate", site.workspace().to_str().expect("a plain path")]).output().expect("cadenza runs");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("no workflow") && !text.contains("is in order"), "{text}");
}
