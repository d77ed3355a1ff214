//! Scripts through the binary: what a lead reads, and templates that are written to do harm.

use cadenza_core::id::EffectId;
use cadenza_tests::{Engine, Mailbox, Site, eventually};
use serde_json::{Value, json};

const WORKFLOW: &str = "workflow: greet
summary: One mail.
enroll: [{ when: lead.created, if: lead.source == \"greet\" }]
steps:
  - id: mail
    email: scripts/greet.md
";

fn site(body: &str) -> Site {
    let site = Site::new();
    site.write("greet.yaml", WORKFLOW);
    site.write("scripts/greet.md", &script(body));
    site
}

fn script(body: &str) -> String {
    format!("---\nobjective: Greet\nreviewed_by: Ana\nsubject: Hello\n---\n{body}\n")
}

fn lead(n: u32) -> Value {
    json!({
        "email": format!("p{n}@greet.example"), "first_name": "Pat", "source": "greet", "budget": 50000,
        "project_date": "2026-12-01T09:30:00+01:00", "timezone": "Europe/Berlin", "language": "de", "country": "DE"
    })
}

fn letters(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/dead-letters").expect(200).json;
    page["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn numbers_and_times_are_written_as_the_lead_writes_them() {
    let site = site(
        "{% if lead.budget and lead.project_date %}{{ lead.budget }}|{{ lead.budget | money(\"EUR\") }}|{{ lead.project_date }}|{{ lead.project_date | date }}{% endif %}",
    );
    let mailbox = Mailbox::open();
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    engine.bring("msg_1", &lead(1));
    let mail = eventually("the mail comes", || mailbox.mails().into_iter().next());
    let text = mail.body["text"].as_str().unwrap_or_default().trim();
    assert_eq!(text, "50000|50.000\u{a0}€|1. Dezember 2026, 09:30|1. Dezember 2026");
    engine.stop();
}

#[test]
fn a_template_that_does_not_end_is_a_dead_letter_and_nothing_more() {
    let site = site(
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ lead.first_name | default('x') }}{% endfor %}{% endfor %}",
    );
    let mailbox = Mailbox::open();
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    for number in 1..=5 {
        engine.bring(&format!("msg_{number}"), &lead(number));
    }
    let found = eventually("all are given up", || Some(letters(&engine)).filter(|letters| letters.len() == 5));
    assert!(found.iter().all(|letter| letter.to_string().contains("steps")), "{found:#?}");
    engine.stop();
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    assert_eq!(letters(&engine).len(), 5);
    engine.stop();
}

#[test]
fn a_mail_whose_rendering_ended_the_engine_is_not_rendered_again_until_somebody_wants_it() {
    let site = site("Hello");
    let mailbox = Mailbox::open();
    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    engine.client.post("/v1/connections/mailer/pause", &json!({})).expect(200);
    let (first, second) = (engine.bring("msg_1", &lead(1)), engine.bring("msg_2", &lead(2)));
    let rows = || engine.client.get("/v1/outbox").expect(200).json["items"].as_array().cloned().unwrap_or_default();
    let waiting = eventually("both mails wait", || Some(rows()).filter(|rows| rows.len() == 2));
    let row = waiting.iter().find(|row| row["lead"] == first.as_str()).expect("the first lead's mail");
    let id = row["id"].as_str().and_then(EffectId::parse).expect("an effect's id");
    engine.kill();
    // What is left if the process ends in the middle of a rendering, for the second time.
    std::fs::write(site.data().join("rendering"), [id.0.to_be_bytes(), id.0.to_be_bytes()].concat())
        .expect("the data folder can be written");

    let engine = Engine::start(&site, "real", Some(&mailbox.url));
    assert!(engine.log().contains("given up"), "it is said at the start: {}", engine.log());
    engine.client.post("/v1/connections/mailer/resume", &json!({})).expect(200);
    let letter = eventually("it is given up", || letters(&engine).into_iter().next());
    assert!(letter.to_string().contains("the engine ended twice while it was being rendered"), "{letter:#}");
    let told = engine.client.get(&format!("/v1/leads/{first}/timeline")).expect(200).text;
    assert!(told.contains("was given up"), "the lead's story says so: {told}");
    eventually("the other mail leaves", || {
        mailbox.mails().iter().any(|mail| mail.body["lead"] == second.as_str()).then_some(())
    });
    assert_eq!(mailbox.mails().len(), 1);

    let letter = letter["id"].as_str().expect("a dead letter's id");
    engine.client.post(&format!("/v1/dead-letters/{letter}/redrive"), &json!({})).expect(200);
    eventually("somebody wants it", || {
        mailbox.mails().iter().any(|mail| mail.body["lead"] == first.as_str()).then_some(())
    });
    engine.stop();
}
