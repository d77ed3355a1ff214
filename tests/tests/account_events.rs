//! Workflows that hear what happens to other leads of their account, and a run that stands still while a higher workflow of its
//! group has the lead, seen from outside and over crashes.

use cadenza_tests::{Engine, Mailbox, Site, eventually};
use serde_json::{Value, json};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

const FLOW: &str = r"workflow: motion
summary: A lead is followed until somebody of its account answers.
enroll: [{ when: lead.created }]
group: { name: sales, priority: 1, ousted: pause }
leave:
  - { event: email.replied, of: account, as: colleague-replied }
interrupts:
  - { event: deal.won, of: account, go: stand-down }
steps:
  - { id: own, assign: { rep: ana } }
  - { id: talk, call: scripts/call-2.md, give_up: 30 business days, results: { else: end } }
  - { id: stand-down, task: Congratulate, give_up: 9 business days, results: { else: end } }
";

const RENEWAL: &str = r"workflow: renewal
summary: A workflow that goes before the other.
enroll: [{ when: custom.renewal }]
group: { name: sales, priority: 9 }
steps:
  - { id: ask, task: Ask whether they stay, give_up: 9 business days, results: { else: end } }
";

fn site() -> Site {
    let site = Site::new();
    site.write("motion.yaml", FLOW);
    site.write("renewal.yaml", RENEWAL);
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    site
}

/// Brings leads by their first names, all but the last of one company.
fn bring(engine: &Engine) -> Vec<(String, String)> {
    let emails = ["ada@acme.example", "ben@acme.example", "cleo@acme.example", "dan@other.example"];
    let one = |(ix, email): (usize, &&str)| {
        let phone = format!("+1 212 555 010{ix}");
        let lead = json!({ "id": format!("crm-{ix}"), "email": email, "phone": phone, "company": "Acme" });
        (engine.bring(&format!("msg_{ix}"), &lead), (*email).to_owned())
    };
    emails.iter().enumerate().map(one).collect()
}

fn happens(engine: &Engine, id: &str, kind: &str, email: &str) {
    let event = json!({ "id": id, "type": kind, "lead": { "email": email }, "data": {} });
    engine.client.post("/v1/events", &event).expect(202);
}

fn told(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
}

fn task(engine: &Engine, lead: &str, kind: &str) -> Option<Value> {
    engine.tasks_of(lead).into_iter().find(|task| task["kind"] == kind)
}

#[test]
fn what_happens_to_one_lead_moves_and_ends_the_runs_of_its_colleagues() {
    let (site, mailbox) = (site(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    let leads = bring(&engine);
    let (colleagues, stranger) = (&leads[..3], &leads[3]);
    for (lead, email) in &leads {
        eventually(&format!("{email} is to be called"), || task(&engine, lead, "call"));
    }
    // The engine dies as soon as it has said yes: what is passed on is passed on all the same.
    happens(&engine, "won", "deal.won", &leads[0].1);
    engine.kill();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    for (lead, email) in colleagues {
        eventually(&format!("{email} stands down"), || task(&engine, lead, "todo"));
        assert!(task(&engine, lead, "call").is_none(), "the call to {email} is withdrawn");
        let told = told(&engine, lead);
        assert_eq!(told.matches("leaves where it is, because of deal.won").count(), 1, "{told}");
        let heard = told.contains(&format!("Another lead of its account, {}", leads[0].0));
        assert_eq!(heard, *email != leads[0].1, "{told}");
    }
    assert!(task(&engine, &stranger.0, "call").is_some(), "who is of another account hears nothing");
    happens(&engine, "reply", "email.replied", &leads[1].1);
    for (lead, email) in colleagues {
        let told = eventually(&format!("the run of {email} is over"), || {
            Some(told(&engine, lead)).filter(|told| told.contains("over, colleague-replied"))
        });
        assert_eq!(told.matches("colleague-replied").count(), 1, "{told}");
    }
    assert!(!told(&engine, &stranger.0).contains("colleague-replied"));
    engine.stop();
}

#[test]
fn a_run_that_is_pushed_out_of_its_group_goes_on_when_the_group_is_free() {
    let (site, mailbox) = (site(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    let leads = bring(&engine);
    let (lead, email) = &leads[0];
    let call = eventually("the call is open", || task(&engine, lead, "call"));
    happens(&engine, "renewal", "custom.renewal", email);
    let ask = eventually("the higher one asks", || task(&engine, lead, "todo"));
    assert!(told(&engine, lead).contains("stands still while a workflow of a higher priority has the lead"));
    assert!(task(&engine, lead, "call").is_none(), "nobody is called meanwhile");
    engine.kill();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance("50h");
    engine.done(&ask, &json!({ "outcome": "done" }));
    let told = eventually("it goes on", || {
        Some(told(&engine, lead)).filter(|told| told.contains("goes on: what it stood still for is over"))
    });
    assert!(!told.contains("over, ousted"), "{told}");
    let again = eventually("the call is offered again", || task(&engine, lead, "call"));
    assert_ne!(again["id"], call["id"], "it is made anew");
    engine.done(&again, &json!({ "outcome": "no_answer" }));
    eventually("the run comes to its end", || {
        Some(self::told(&engine, lead)).filter(|told| told.contains("motion: over"))
    });
    engine.stop();
}
