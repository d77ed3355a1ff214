//! What waits and who is told: a mail that may not be sent is in its lead's story, once for each reason; resuming one
//! lead affects no other; all leads of an account are told that its hold is over.

use cadenza_tests::{Engine, Mailbox, Site, eventually};
use serde_json::{Value, json};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

fn hot(n: u32, company: &str) -> Value {
    json!({
        "id": format!("crm-{n}"), "email": format!("ada{n}@{company}.example"), "phone": format!("+1 212 555 {n:04}"),
        "first_name": "Ada", "title": "VP Sales", "company": company, "industry": "Software", "employees": 400,
        "country": "US", "source": "web", "product": "dialler", "budget": 60000.0, "pain": "follow-up is forgotten",
        "project_date": "2027-06-01T00:00:00Z", "message": "Please send a quote."
    })
}

fn engine(site: &Site, mailbox: &Mailbox) -> Engine {
    let engine = Engine::start(site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine
}

/// How many entries a lead's journal has, and the texts in them.
fn story(engine: &Engine, lead: &str) -> (usize, String) {
    let page = engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200);
    (page.json["items"].as_array().map_or(0, Vec::len), page.text)
}

#[test]
fn every_lead_of_an_account_hears_that_its_hold_is_over() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    // More than the account's record lists, and more than one page of those that it does not.
    let leads: Vec<String> = (0..130).map(|n| engine.bring(&format!("msg_{n}"), &hot(n, "acme"))).collect();
    engine.advance("15d");
    for (n, lead) in leads.iter().enumerate() {
        let (_, text) = story(&engine, lead);
        let heard = text.matches("The owner's time with the lead ran out.").count();
        assert_eq!(heard, 1, "lead number {n} hears it once: {text}");
    }
    engine.stop();
}

#[test]
fn a_mail_that_is_put_off_is_in_the_story_and_a_resume_concerns_one_lead() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    site.edit("inbound.yaml", |text| {
        // Nothing but the mail waits for the connection.
        text.replace("assign: {", "assign: { announce: false,")
            .replace("  - id: first-call\n", "  - id: welcome\n    email: scripts/mail-1.md\n  - id: first-call\n")
    });
    let engine = engine(&site, &mailbox);
    engine.client.post("/v1/connections/mailer/pause", &json!({})).expect(200);
    let leads: Vec<String> = (0..3).map(|n| engine.bring(&format!("msg_{n}"), &hot(n, &format!("acme{n}")))).collect();
    engine.advance("2d");
    for lead in &leads {
        let (_, text) = story(&engine, lead);
        let told = text.matches("its connection is paused").count();
        assert_eq!(told, 1, "why the mail does not leave is told once: {text}");
    }
    let (paused, resumed) = (&leads[..2], &leads[0]);
    for lead in paused {
        engine.client.post(&format!("/v1/leads/{lead}/pause"), &json!({})).expect(200);
    }
    engine.client.post("/v1/connections/mailer/resume", &json!({})).expect(200);
    engine.advance("1h");
    for lead in paused {
        let (_, text) = story(&engine, lead);
        assert_eq!(text.matches("a person holds touches back").count(), 1, "another reason is told: {text}");
    }
    let mailed = |n: usize| mailbox.mails().iter().any(|mail| mail.body["to"] == format!("ada{n}@acme{n}.example"));
    eventually("the mail of the lead that nobody paused leaves", || mailed(2).then_some(()));
    let row = |lead: &String| {
        let outbox = engine.client.get("/v1/outbox").expect(200).json;
        outbox["items"].as_array().and_then(|rows| rows.iter().find(|row| row["lead"] == lead.as_str()).cloned())
    };
    let (before, entries) = (row(&leads[1]), story(&engine, &leads[1]).0);
    assert!(before.is_some(), "it waits");
    engine.client.post(&format!("/v1/leads/{resumed}/resume"), &json!({})).expect(200);
    engine.advance("1h");
    eventually("the mail of the lead that was resumed leaves", || mailed(0).then_some(()));
    assert_eq!((row(&leads[1]), story(&engine, &leads[1]).0), (before, entries), "the other one is as it was");
    assert!(!mailed(1));
    engine.stop();
}
