use super::*;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::Segment;
use serde_json::json;

fn values(value: Value) -> BTreeMap<String, Value> {
    value.as_object().expect("an object").iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn heard(event: &str, fields: Value, data: Value) -> Fact {
    Fact::Event {
        event: event.to_owned(),
        source: "website".to_owned(),
        fields: values(fields),
        data: values(data),
        standing: values(json!({})),
    }
}

fn past() -> Past {
    let at = |text: &str| Timestamp::parse(text).expect("a time");
    let place = |step: &str| At { workflow: "inbound".to_owned(), step: step.to_owned() };
    let decides = Fact::Decides {
        plugin: "inbound-fit".to_owned(),
        points: Some(82),
        segment: Some(Segment::Hot),
        track: None,
        look_again_s: None,
        action: None,
        fails: false,
    };
    let fields = json!({ "email": "grace.hopper@navy.example", "phone": "+12025550181", "first_name": "Grace",
        "last_name": "Hopper", "company": "Navy", "source": "web", "message": "Call me at home", "seats": 250,
        "current_tool": "paper", "case_study": "navy-yard", "plan": "Pro", "visits": "1204", "renewal": "2027-03-01", "external_id": "c-90210", "project_date": "2026-09-01T00:00:00Z" });
    let done = Fact::Done {
        at: place("first-call"),
        kind: Some(TaskKind::Call),
        outcome: Outcome::Connected,
        result: Some(TouchResult::Qualified),
        result_own: Some("recommended".to_owned()),
        answers: values(json!({ "budget": 9000, "pain": "Grace said it hurts" })),
        callback_at: None,
        by: Some("ana".to_owned()),
    };
    let touched = Fact::Touch {
        channel: Channel::Call,
        channel_own: None,
        outcome: Outcome::Connected,
        result: Some(TouchResult::Qualified),
        result_own: Some("recommended".to_owned()),
    };
    let kept = |field: &str, from: &str, value: Value| Kept { field: field.to_owned(), from: from.to_owned(), value };
    let request =
        |ending, status, kept: Vec<Kept>| Fact::Request { at: place("tell-crm"), effect: 4, ending, status, kept };
    let answered = vec![
        kept("crm_stage", "body.deals.0.stage", json!("won")),
        kept("crm_points", "body.points", json!(7)),
        kept("crm_contact", "body.deals.0.contact", json!("grace-hopper")),
        kept("crm_status", "status", json!(200)),
    ];
    Past {
        entries: vec![
            (
                at("2026-03-02T14:00:00.700Z"),
                vec![
                    heard(
                        "lead.created",
                        fields,
                        json!({ "page": "/pricing", "deal": "006-77", "submission": "grace-1", "note": "Hi there", "trial": "T-7781" }),
                    ),
                    Fact::Enters { workflow: "inbound".to_owned() },
                    decides,
                    Fact::Step(place("switch-2")),
                    Fact::Drawn { at: place("subject-line"), arm: "short".to_owned() },
                    Fact::Step(place("first-call")),
                ],
            ),
            (
                at("2026-03-02T14:01:00Z"),
                vec![request(Ending::Sent, Some(200), answered), request(Ending::Refused, Some(422), Vec::new())],
            ),
            (at("2026-03-02T14:02:00Z"), vec![request(Ending::Dead, None, Vec::new())]),
            (at("2026-03-02T14:02:10.100Z"), vec![done, touched]),
            (
                at("2026-03-04T14:00:00Z"),
                vec![
                    heard(
                        "lead.updated",
                        json!({ "email": "Grace.Hopper@Navy.example", "phone": "+1 202 555 0181", "seats": 300,
                            "message": "Call me at home" }),
                        json!({ "trial": "T-7781", "trials": ["T-7781", "T-7782"], "note": "And more" }),
                    ),
                    Fact::Ended { at: place("first-call"), ending: "handed-over".to_owned() },
                ],
            ),
        ],
        stage: Some("qualified".to_owned()),
        stage_own: None,
        segment: None,
        colleagues: BTreeMap::new(),
        choices: ["Pro".to_owned(), "navy-yard".to_owned()].into(),
        zone: TimeZone::get("America/New_York").expect("a zone"),
    }
}

#[test]
fn a_journal_becomes_a_case() {
    let expected = r#"# Recorded from a lead by `cadenza test --record`. Whoever it was about is made up; what people wrote is left out.
# Whose turn it was depends on other leads, so whom the engine chose is left out. Read it before you share it.
test: inbound
starts: 2026-03-02T09:00:00-05:00
leads:
  lead: { company: "Company 1", current_tool: "paper", email: "person1@company1.example", external_id: "x1", first_name: "Ada", last_name: "Adler", phone: "+12025550100", plan: "Pro", project_date: "2026-09-01T00:00:00Z", renewal: "2027-03-01", seats: 250, source: "web", visits: "1204" }
decisions:
  inbound-fit: [{ points: 82, segment: hot }]
draws: { subject-line: short }
http:
  tell-crm: [{ status: 200, body: {"deals":{"0":{"contact":"crm_contact-1","stage":"won"}},"points":7} }, { status: 422 }, fails]
cases:
  - name: What a lead lived through
    given:
      # left out below: case_study, data.note, message: they may say who somebody is
      - { at: 0m, event: lead.created, lead: lead, data: { deal: "deal-1", page: "/pricing", submission: "submission-1", trial: "trial-1" } }
      # left out below: pain: it may say who somebody is
      - { at: 130s, task: first-call, outcome: connected, result: recommended, notes: left out, answers: { budget: 9000 }, lead: lead }
      # left out below: data.note: it may say who somebody is
      - { at: 2026-03-04T09:00:00-05:00, event: lead.updated, lead: lead, fields: { seats: 300 }, data: { trial: "trial-1", trials: ["trial-1","trials-1"] } }
    until: 2026-03-04T09:01:00-05:00
    expect:
      - { at: 0m, enters: inbound }
      - { at: 0m, step: first-call }
      - { at: 1m, request: tell-crm, becomes: sent }
      - { at: 1m, request: tell-crm, becomes: refused }
      - { at: 2m, request: tell-crm, becomes: failed }
      - { at: 130s, touch: call, outcome: connected, result: recommended }
      - { at: 2026-03-04T09:00:00-05:00, ended: handed-over }
      - fields: { stage: qualified }
"#;
    let recorded = record(&past()).expect("there is a case in it");
    assert_eq!(recorded, expected, "recorded:\n{recorded}");
}

/// What a journal says, and what the file then contains.
#[test]
fn all_that_came_from_elsewhere_is_given_or_said_to_be_left_out() {
    let place = || At { workflow: "inbound".to_owned(), step: "first-call".to_owned() };
    let (ana, ben) = (|| "ana".to_owned(), || "ben".to_owned());
    let passed = |lead: &str, data: Value| Fact::OfAccount {
        event: "email.replied".to_owned(),
        lead: lead.to_owned(),
        data: values(data),
    };
    let told = |standing: Value| Fact::Event {
        event: "lead.updated".to_owned(),
        source: "crm".to_owned(),
        fields: values(json!({ "seats": 300 })),
        data: values(json!({})),
        standing: values(standing),
    };
    let mail = |ending| Fact::Mail {
        at: place(),
        effect: 7,
        script: Some("scripts/mail-1.md".to_owned()),
        ending,
        because: None,
    };
    let dealt = Fact::Done {
        at: place(),
        kind: Some(TaskKind::Escalation),
        outcome: Outcome::Done,
        result: None,
        result_own: None,
        answers: values(json!({})),
        callback_at: None,
        by: None,
    };
    let cases = [
        (
            told(json!({ "stage": "demo-given", "owner": "ana", "refused": ["call"] })),
            r#"- { at: 1m, event: lead.updated, lead: lead, fields: { owner: "ana", refused: ["call"], seats: 300, stage: "demo-given" } }"#,
        ),
        (
            passed("ld_2", json!({ "kind": "reply", "from": "bertram" })),
            r#"- { at: 1m, event: email.replied, lead: colleague, data: { from: "from-1", kind: "reply" } }"#,
        ),
        (Fact::GivenTo { owner: ben() }, "- { at: 1m, owner: ben, lead: lead }"),
        (Fact::Reassigned { at: place(), to: ben() }, "- { at: 1m, reassign: first-call, for: ben, lead: lead }"),
        (
            Fact::Claimed { at: place(), by: ana(), of: "pool:closers".to_owned() },
            "- { at: 1m, claim: first-call, by: ana, lead: lead }",
        ),
        (
            Fact::Claimed { at: place(), by: ana(), of: ana() },
            "# left out at 1m: ana took the task of first-call: whom",
        ),
        (Fact::Besides { what: Besides::Preferences }, "# left out at 1m: the lead's contact preferences"),
        (dealt, "# left out at 1m: somebody dealt with an escalation"),
        (mail(Ending::Dead), "mails: { first-call: [fails] }"),
        (mail(Ending::Redriven), "# left out at 1m: a dead letter was sent again"),
    ];
    for (fact, expected) in cases {
        let mut past = past();
        let at = past.entries[0].0.plus_ms(MINUTE_MS);
        past.entries.insert(1, (at, vec![fact]));
        past.colleagues = [("ld_2".to_owned(), values(json!({ "first_name": "Bertram" })))].into();
        let recorded = record(&past).expect("there is a case in it");
        assert!(recorded.lines().any(|line| line.trim().starts_with(expected)), "`{expected}`:\n{recorded}");
        assert!(!recorded.contains("bertram"), "a colleague's name is told:\n{recorded}");
        let has_colleague = expected.contains("colleague");
        let named = recorded.contains(r#"  colleague: { company: "Company 1", email: "person2@company1.example" }"#);
        let of_whom =
            recorded.contains("step: first-call, lead: lead }") && recorded.contains("- { lead: lead, fields: {");
        assert_eq!((named, of_whom), (has_colleague, has_colleague), "{recorded}");
    }
}

#[test]
fn nothing_that_says_who_it_is_gets_through() {
    let recorded = record(&past()).expect("there is a case in it").to_lowercase();
    for word in ["grace", "hopper", "navy", "5550181", "90210", "home", "hurts", "hi there", "7781", "7782"] {
        assert!(!recorded.contains(word), "`{word}` is told:\n{recorded}");
    }
}

/// When a lead may be called depends on the zone of its number.
#[test]
fn a_made_up_number_leaves_the_zone_as_it_was() {
    let berlin = "Europe/Berlin";
    for (fields, number, zone) in [
        (json!({ "phone": "+1 415 555 0123" }), "+14155550100", None),
        (json!({ "phone": "+1 800 555 0123" }), "+18005550100", None),
        (json!({ "phone": "+49 30 1234567" }), "+18005550100", Some(berlin)),
        (json!({ "phone": "+49 30 1234567", "country": "DE" }), "+18005550100", None),
        (json!({ "phone": "+49 30 1234567", "timezone": "Europe/Madrid" }), "+18005550100", Some("Europe/Madrid")),
    ] {
        let masked = Mask::default().fields(&values(fields.clone()));
        assert_eq!(masked["phone"], number, "{fields}");
        assert_eq!(masked.get("timezone").and_then(Value::as_str), zone, "{fields}");
    }
}

#[test]
fn what_has_no_case_in_it_says_so() {
    let mut none = past();
    none.entries.iter_mut().for_each(|(_, facts)| facts.retain(|fact| !matches!(fact, Fact::Event { .. })));
    assert!(matches!(record(&none), Err(NoCase::NothingCameIn)));
    let mut outside = past();
    outside.entries.iter_mut().for_each(|(_, facts)| facts.retain(|fact| !matches!(fact, Fact::Enters { .. })));
    assert!(matches!(record(&outside), Err(NoCase::NoWorkflow)));
}
