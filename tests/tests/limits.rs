//! Limits over all workflows through the real binary: two workflows write to one person on one day, and the cap lets one mail
//! leave; what answers the lead leaves at once; nobody is mailed in the middle of a conversation; a crash changes none of it.

use cadenza_tests::{Engine, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

fn flow(name: &str, more: &str) -> String {
    format!(
        "workflow: {name}\nsummary: Writes once.\nenroll: [{{ when: custom.{name} }}]\nsteps:\n  - id: write\n    email: scripts/{name}.md\n{more}"
    )
}

fn site() -> Site {
    let site = Site::new();
    for (name, more) in [("offer", ""), ("survey", ""), ("receipt", "    purpose: answer\n")] {
        site.write(&format!("{name}.yaml"), &flow(name, more));
        site.write(
            &format!("scripts/{name}.md"),
            &format!("---\nobjective: Say hello\nreviewed_by: Ana\nsubject: The {name}\n---\nHello.\n"),
        );
    }
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    site.edit("cadenza.yaml", |text| {
        text.replace(
            "  notify_via: mailer",
            "  notify_via: mailer\n  caps: [{ channels: [email], at_most: 1, per: day }]\n  conversation: { quiet: 3 business days }",
        )
    });
    site
}

fn happens(engine: &Engine, id: &str, kind: &str) {
    let event = json!({ "id": id, "type": kind, "lead": { "email": "ada@acme.example" } });
    engine.client.post("/v1/events", &event).expect(202);
}

/// The subjects of the mails that left, in order.
fn subjects(mailbox: &Mailbox) -> Vec<String> {
    mailbox.of_type("email").iter().map(|mail| mail.body["subject"].as_str().unwrap_or_default().to_owned()).collect()
}

fn wait_for(mailbox: &Mailbox, wanted: &[&str]) {
    eventually("the mails leave", || (subjects(mailbox) == wanted).then_some(()));
}

/// What the gate says of one channel.
fn gate(engine: &Engine, lead: &str, channel: &str) -> Value {
    engine.client.get(&format!("/v1/leads/{lead}/gate?channel={channel}")).expect(200).json["items"][0].clone()
}

fn next(engine: &Engine, site: &Site) -> String {
    let mut command = cadenza(&["next", "ada@acme.example"]);
    let said = command.env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin).output().expect("it runs");
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).expect("text")
}

#[test]
fn two_workflows_write_to_one_person_on_two_days() {
    let (site, mailbox) = (site(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    let lead =
        engine.bring("msg_1", &json!({ "id": "crm-1", "email": "ada@acme.example", "timezone": "America/New_York" }));
    assert_eq!(gate(&engine, &lead, "email")["says"], "go");
    assert_eq!(gate(&engine, &lead, "message")["why"], "no_address");
    engine.client.get(&format!("/v1/leads/{lead}/gate?channel=fax")).problem(400);

    happens(&engine, "1", "custom.offer");
    happens(&engine, "2", "custom.survey");
    engine.advance("1h");
    wait_for(&mailbox, &["The offer"]);
    let says = gate(&engine, &lead, "email");
    assert_eq!((&says["says"], &says["why"]), (&json!("not_before"), &json!("capped")), "{says}");
    assert_eq!(says["opens_at"], "2026-12-01T05:00:00Z", "midnight where the lead is");
    let said = next(&engine, &site);
    assert!(said.contains("email") && said.contains("2026-12-01 00:00") && said.contains("as a cap allows"), "{said}");

    // What was asked for is sent all the same, and a crash gives nothing back.
    happens(&engine, "3", "custom.receipt");
    engine.advance("1m");
    wait_for(&mailbox, &["The offer", "The receipt"]);
    engine.kill();
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance("2h");
    assert_eq!(subjects(&mailbox), ["The offer", "The receipt"]);
    engine.advance_to("2026-12-01T15:00:00Z");
    wait_for(&mailbox, &["The offer", "The receipt", "The survey"]);
    engine.stop();
}

#[test]
fn a_conversation_holds_mails_until_it_is_quiet() {
    let (site, mailbox) = (site(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    let lead =
        engine.bring("msg_1", &json!({ "id": "crm-1", "email": "ada@acme.example", "timezone": "America/New_York" }));
    happens(&engine, "1", "email.replied");
    happens(&engine, "2", "custom.offer");
    engine.advance("1d");
    let says = gate(&engine, &lead, "email");
    assert_eq!(
        (&says["why"], &says["opens_at"]),
        (&json!("in_conversation"), &json!("2026-12-03T15:00:00Z")),
        "{says}"
    );
    assert_eq!(gate(&engine, &lead, "call")["says"], "go", "people may call");
    assert!(subjects(&mailbox).is_empty());
    engine.advance("3d");
    wait_for(&mailbox, &["The offer"]);
    engine.stop();
}
