//! The inbound story, as revenue operations would tell it: a signed webhook brings a lead, a plugin scores it, a closer
//! gets it with a call due in five business minutes, timers escalate, a cadence persists, a hold expires, and a
//! schedule picks up those who were left. On the virtual clock, through the real binary and the shipped workspace.

use cadenza_tests::{Delivery, Engine, Mailbox, Site};
use serde_json::{Value, json};

/// A lead that gets points from every rule.
fn hot(n: u32) -> Value {
    json!({
        "id": format!("crm-{n}"),
        "email": format!("ada{n}@acme{n}.example"),
        "phone": format!("+1 212 555 {n:04}"),
        "first_name": "Ada", "last_name": "Lovelace", "title": "VP Sales",
        "company": format!("Acme {n}"), "industry": "Software", "employees": 400, "country": "US",
        "source": "web", "product": "dialler", "budget": 60000.0,
        "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z",
        "message": "Please send us a quote and call me."
    })
}

/// An engine with its clock at a time, usually Monday 2026-11-30, 10:00 in New York.
fn engine(site: &Site, mailbox: &Mailbox, at: &str) -> Engine {
    let engine = Engine::start(site, "virtual", Some(&mailbox.url));
    engine.advance_to(at);
    engine
}

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

fn only<'v>(items: &'v [Value], what: &str) -> &'v Value {
    assert_eq!(items.len(), 1, "exactly one {what} is expected: {items:#?}");
    &items[0]
}

/// Every line of a lead's timeline.
fn told(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text
}

#[test]
fn a_hot_lead_is_called_within_five_business_minutes() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    let lead = engine.bring("msg_1", &hot(1));
    let view = engine.lead(&lead);
    assert_eq!(view["segment"], "hot", "inbound-fit scores it hot: {view:#}");
    assert!(view["owner"].is_string(), "a closer owns it: {view:#}");
    let tasks = engine.tasks_of(&lead);
    let task = only(&tasks, "call");
    assert_eq!(task["kind"], "call");
    assert_eq!(task["due"], "2026-11-30T15:05:00Z", "due five business minutes after it came");
    assert!(
        task["script"].as_str().is_some_and(|script| script.contains("Ada")),
        "the script knows the lead: {task:#}"
    );

    // Nobody calls: at five minutes, fifteen minutes and an hour the plugin is asked.
    engine.advance("6m");
    engine.advance("10m");
    engine.advance("1h");
    let story = told(&engine, &lead);
    assert!(story.contains("speed-to-lead"), "the escalation plugin was asked: {story}");
    let raised = engine.client.get("/v1/tasks?kind=escalation").expect(200).json;
    assert!(!raised["items"].as_array().is_none_or(Vec::is_empty), "the manager has it by now: {raised:#}");

    // Somebody does: the escalation is settled with it, and the lead is handed over.
    let tasks = engine.tasks_of(&lead);
    let call = tasks.iter().find(|task| task["kind"] == "call").expect("the call is still open");
    engine.done(call, &json!({"outcome": "connected", "result": "qualified", "notes": "wants a demo"}));
    let view = engine.lead(&lead);
    assert_eq!(view["stage"], "qualified", "{view:#}");
    let raised = engine.client.get("/v1/tasks?kind=escalation").expect(200).json;
    assert_eq!(raised["items"], json!([]), "nothing overdue is left");
    engine.stop();
}

#[test]
fn a_lead_of_the_weekend_is_called_on_monday() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    // Saturday noon in New York.
    let engine = engine(&site, &mailbox, "2026-12-05T17:00:00Z");
    let lead = engine.bring("msg_1", &hot(1));
    assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new(), "no call is offered at the weekend");
    engine.advance("20h");
    assert!(!told(&engine, &lead).contains("speed-to-lead"), "nobody is blamed for the weekend");
    engine.advance_to("2026-12-07T14:00:00Z");
    let tasks = engine.tasks_of(&lead);
    assert_eq!(only(&tasks, "call")["due"], "2026-12-07T14:05:00Z", "five minutes after the opening");
    engine.stop();
}

#[test]
fn the_clocks_go_forward_and_five_minutes_stay_five_minutes() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    // Friday 2027-03-12, 16:58 in New York; clocks change on Sunday.
    let engine = engine(&site, &mailbox, "2027-03-12T21:58:00Z");
    let lead = engine.bring("msg_1", &hot(1));
    let tasks = engine.tasks_of(&lead);
    // Two minutes on Friday and three on Monday, when nine o'clock is an hour earlier.
    assert_eq!(only(&tasks, "call")["due"], "2027-03-15T13:03:00Z");
    engine.stop();
}

#[test]
fn nobody_answers_for_ninety_days() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    let lead = engine.bring("msg_1", &hot(1));
    let mut calls = 0;
    for _ in 0..90 {
        for task in engine.tasks_of(&lead) {
            calls += u32::from(task["kind"] == "call");
            engine.done(&task, &json!({"outcome": "no_answer"}));
        }
        engine.advance("24h");
    }
    let view = engine.lead(&lead);
    let story = told(&engine, &lead);
    assert!(calls >= 5, "kept at it: {calls} calls");
    let mails = mailbox.mails();
    assert!(!mails.is_empty(), "phone and mail in turn: {story}");
    let mut keys: Vec<&str> = mails.iter().map(|mail| mail.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), mails.len(), "every mail came once, under a key of its own");
    assert!(mails.iter().all(|mail| mail.signature.starts_with("v1,")), "mails are signed");
    assert!(!view["runs"].as_array().is_none_or(Vec::is_empty), "it is nurtured, not lost: {view:#}");
    assert!(story.contains("hold"), "the hold of fourteen days ran out: {story}");
    engine.stop();
}

#[test]
fn who_opted_out_hears_nothing_more() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    let lead = engine.bring("msg_1", &hot(1));
    let tasks = engine.tasks_of(&lead);
    engine.done(only(&tasks, "call"), &json!({"outcome": "no_answer"}));
    engine.client.post(&format!("/v1/leads/{lead}/opt-out"), &json!({"reason": "stop"})).expect(200);
    engine.advance("30d");
    assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new(), "no task");
    assert_eq!(mailbox.of_type("email").len(), 0, "no mail");
    assert_eq!(engine.lead(&lead)["stage"], "suppressed");
    let again = engine.bring("msg_2", &hot(1));
    assert_eq!(again, lead, "the same address is the same lead");
    assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new(), "applying again does not undo it");
    engine.stop();
}

#[test]
fn a_schedule_picks_up_who_was_left() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    // From a list: not enrolled by its event.
    let event = json!({
        "id": "list-1", "type": "lead.created", "at": "2026-11-30T15:00:00Z",
        "lead": {"email": "cold@list.example", "source": "list", "title": "Clerk"}
    });
    let answer = engine.client.post("/v1/events", &event).expect(202).json;
    let lead = answer["lead"].as_str().expect("a lead").to_owned();
    assert_eq!(engine.lead(&lead)["runs"], json!([]), "its source is not enrolled");
    engine.advance("20d");
    let view = engine.lead(&lead);
    assert!(!view["runs"].as_array().is_none_or(Vec::is_empty), "a stale lead is picked up at eight: {view:#}");
    let schedules = engine.client.get("/v1/schedules").expect(200).text;
    assert!(schedules.contains("fired"), "{schedules}");
    engine.stop();
}

#[test]
fn two_webhooks_with_one_new_address_make_one_lead() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    for round in 0..20 {
        let body = hot(round);
        let leads: Vec<String> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4)
                .map(|sender| {
                    let (engine, delivery) = (&engine, Delivery::new(&format!("msg_{round}_{sender}"), &body));
                    scope.spawn(move || {
                        let answer = engine.deliver("website", &delivery).expect("the engine answers").expect(202);
                        answer.json["lead"].as_str().expect("a lead").to_owned()
                    })
                })
                .collect();
            senders.into_iter().map(|sender| sender.join().expect("a sender")).collect()
        });
        assert!(leads.iter().all(|lead| *lead == leads[0]), "one address, one lead: {leads:?}");
        assert_eq!(engine.tasks_of(&leads[0]).len(), 1, "and one call");
    }
    engine.stop();
}

#[test]
fn a_mailer_that_fails_gets_every_mail_once_under_its_key() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    let lead = engine.bring("msg_1", &hot(1));
    mailbox.answer(503);
    for task in engine.tasks_of(&lead) {
        engine.done(&task, &json!({"outcome": "no_answer"}));
    }
    for _ in 0..6 {
        for task in engine.tasks_of(&lead) {
            engine.done(&task, &json!({"outcome": "no_answer"}));
        }
        engine.advance("8h");
    }
    let refused = mailbox.of_type("email");
    assert!(!refused.is_empty(), "a mail was tried: {}", told(&engine, &lead));
    mailbox.answer(200);
    engine.advance("2h");
    let mails = mailbox.of_type("email");
    assert!(mails.len() > refused.len(), "it is tried again");
    assert!(mails.iter().all(|mail| mail.key == refused[0].key), "always under one key");
    assert!(mails.iter().all(|mail| mail.body == refused[0].body), "and saying the same");
    engine.stop();
}

/// Reports an event about a lead, by its address.
fn tell(engine: &Engine, id: &str, kind: &str, n: u32) {
    let event = json!({"id": id, "type": kind, "lead": {"email": format!("ada{n}@acme{n}.example")}});
    engine.client.post("/v1/events", &event).expect(202);
}

#[test]
fn who_writes_back_or_meets_us_is_answered_by_a_person_and_not_called_as_planned() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    // What the owner has to do afterwards; nothing while a meeting is ahead.
    let table = [
        ("email.replied", Some("wrote, answer, and agree the next step")),
        ("meeting.accepted", None),
        ("meeting.held", Some("Note what came of the meeting with Ada")),
    ];
    for ((n, days), (kind, expected)) in (1..).zip([0, 0, 0, 20, 20, 20]).zip(table.iter().cycle()) {
        let lead = engine.bring(&format!("msg_{n}"), &hot(n));
        for _ in 0..days {
            engine.tasks_of(&lead).iter().for_each(|task| drop(engine.done(task, &json!({"outcome": "no_answer"}))));
            engine.advance("24h");
        }
        // By now the hold may be over, and somebody else may own it.
        let owner = engine.lead(&lead)["owner"].clone();
        tell(&engine, &format!("told-{n}"), kind, n);
        let (view, tasks) = (engine.lead(&lead), engine.tasks_of(&lead));
        let runs: Vec<&str> =
            view["runs"].as_array().unwrap().iter().filter_map(|run| run["workflow"].as_str()).collect();
        assert_eq!(runs, ["inbound"], "{kind} after {days} days: {view:#}");
        assert!(tasks.iter().all(|task| task["kind"] != "call"), "{kind} after {days} days: {tasks:#?}");
        let titles: Vec<&str> = tasks.iter().filter_map(|task| task["objective"].as_str()).collect();
        assert_eq!(titles.len(), usize::from(expected.is_some()), "{kind} after {days} days: {tasks:#?}");
        assert!(titles.iter().all(|title| title.contains(expected.unwrap())), "{titles:?}");
        assert_eq!(engine.lead(&lead)["owner"], owner, "whoever has the lead keeps it");
        let to_lead = || mailbox.mails().iter().filter(|mail| mail.body["type"] == "email").count();
        let written = to_lead();
        // Within the time that the owner has for it: `give_up` lets the pursuit go on.
        engine.advance("10d");
        assert_eq!(to_lead(), written, "{kind} after {days} days: nothing that was planned leaves");
        if let Some(task) = engine.tasks_of(&lead).iter().find(|task| task["kind"] == "todo") {
            engine.done(task, &json!({"outcome": "done", "result": "qualified"}));
            assert_eq!(engine.lead(&lead)["stage"], "qualified");
        }
    }
    engine.stop();
}

#[test]
fn the_schedule_takes_whom_nobody_ever_touched_after_two_weeks_and_not_before() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    let mut listed = hot(1);
    listed["source"] = json!("fair");
    let lead = engine.bring("msg_1", &listed);
    assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new(), "no workflow takes it when it comes");

    engine.advance_to("2026-12-14T14:00:00Z");
    assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new(), "within the two weeks nothing is planned");
    engine.advance_to("2026-12-15T15:00:00Z");
    let tasks = engine.tasks_of(&lead);
    assert!(tasks.iter().any(|task| task["kind"] == "call"), "the morning after, a rep has it: {tasks:#?}");
    engine.stop();
}

#[test]
fn a_no_left_with_whoever_answered_the_call_is_an_opt_out() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox, MONDAY_10);
    for (n, outcome) in (1..).zip(["connected", "no_answer", "voicemail", "gatekeeper", "busy"]) {
        let lead = engine.bring(&format!("msg_{n}"), &hot(n));
        let call = json!({
            "type": "call.completed", "lead": {"id": lead},
            "data": {"outcome": outcome, "result": "opted_out", "reason": "never again"}
        });
        engine.client.post("/v1/events", &call).expect(202);
        assert_eq!(engine.lead(&lead)["stage"], "suppressed", "{outcome}");
        assert_eq!(engine.tasks_of(&lead), Vec::<Value>::new(), "{outcome}: no call is left");
    }
    engine.stop();
}
