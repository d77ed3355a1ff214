mod own_words;

use super::*;
use cadenza_core::lead::{Channel, RepId, Stage};
use cadenza_runtime::fixture;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-26T12:00:00Z").unwrap()
}

fn draft(fields: &[(&str, Value)], data: &[(&str, Value)]) -> Draft<'static> {
    Draft {
        source: "web",
        id: "7",
        kind: EventType::Standard(StandardEvent::LeadCreated),
        at: None,
        lead: None,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        data: data.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        left_out: Vec::new(),
        enrolls: true,
    }
}

fn checked(draft: Draft<'_>) -> Result<Incoming, IntakeError> {
    checked_by(&own_words::declared(), draft)
}

fn checked_by(own_words: &OwnWords, draft: Draft<'_>) -> Result<Incoming, IntakeError> {
    let declared = [("seats".to_owned(), ValueType::Number.into()), ("tags".to_owned(), ValueType::List.into())].into();
    let zone = TimeZone::get("America/New_York").unwrap();
    let catalog = fixture::catalog();
    let team = Some(&catalog.workspace.settings.team);
    check(draft, Rules { declared: &declared, zone: &zone, team, country: None, own_words, now: now() })
}

fn of(kind: StandardEvent, draft: Draft<'static>) -> Draft<'static> {
    Draft { kind: EventType::Standard(kind), ..draft }
}

fn t(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn left(incoming: &Incoming) -> Vec<(&str, Why)> {
    incoming.report.left_out.iter().map(|left| (left.field.as_str(), left.why)).collect()
}

#[test]
fn what_fits_is_taken_as_the_field_holds_it() {
    let incoming = checked(draft(&[("seats", Value::Int(3)), ("external_id", Value::Number(4711.0))], &[])).unwrap();
    assert_eq!(incoming.id, "web/7");
    let expected = [("seats".to_owned(), Value::Number(3.0)), ("external_id".to_owned(), t("4711"))];
    assert_eq!(incoming.report.fields, expected);
    assert_eq!(incoming.report.at, now(), "an event without a time is of now");
}

#[test]
fn what_cannot_be_read_is_left_out_and_the_lead_is_taken() {
    let long = || t(&"x".repeat(TEXT_BYTES_MAX + 1));
    let list = |items: usize| Value::List(vec![t("x"); items]);
    for (field, value, why) in [
        ("employees", t("51-200"), Why::Type),
        ("employees", Value::List(vec![Value::Int(1), Value::Int(2)]), Why::List),
        ("employees", t("1.200"), Why::Ambiguous),
        ("budget", Value::Bool(true), Why::Type),
        ("project_date", t("03/04/2027"), Why::Ambiguous),
        ("project_date", t("next summer"), Why::Type),
        ("first_name", list(1), Why::List),
        ("first_name", Value::Bool(false), Why::Type),
        ("phone", t("call me"), Why::Form),
        ("message", long(), Why::TooLong),
        ("tags", list(LIST_ITEMS_MAX + 1), Why::TooLong),
        ("timezone", t("Atlantis"), Why::Unknown),
        ("timezone", Value::Bool(true), Why::Type),
        ("external_id", Value::Number(1e17), Why::Inexact),
        ("stage", t("MQL"), Why::Unknown),
        ("owner", t("nobody at all"), Why::Unknown),
    ] {
        let incoming = checked(draft(&[("email", t("ada@acme.example")), (field, value.clone())], &[])).unwrap();
        assert_eq!(left(&incoming), [(field, why)], "{field} from {value:?}");
        assert_eq!(incoming.report.fields, [("email".to_owned(), t("ada@acme.example"))], "{field} from {value:?}");
        assert!(!incoming.report.left_out[0].words().is_empty());
    }
    for (kind, name, value, why) in [
        (StandardEvent::DealWon, "amount", t("a lot"), Why::Type),
        (StandardEvent::DealLost, "amount", list(1), Why::List),
        (StandardEvent::LeadEngaged, "detail", Value::Bool(true), Why::Type),
        (StandardEvent::LeadCreated, "note", long(), Why::TooLong),
        (StandardEvent::LeadCreated, "list", list(LIST_ITEMS_MAX + 1), Why::TooLong),
    ] {
        let incoming = checked(of(kind, draft(&[], &[(name, value.clone())]))).unwrap();
        assert_eq!(left(&incoming), [(format!("data.{name}").as_str(), why)], "{value:?}");
        assert!(incoming.report.data.is_empty());
    }
}

#[test]
fn what_the_engine_looks_at_under_data_is_read_as_it_is_meant() {
    let connected = ("outcome", t(" connected "));
    let callback = Value::Time(Timestamp::parse("2026-12-01T05:00:00Z").unwrap());
    for (kind, given, name, expected) in [
        (StandardEvent::DealWon, ("amount", t("1,200")), "amount", Some(Value::Number(1_200.0))),
        (StandardEvent::DealStageChanged, ("stage", Value::Int(3)), "stage", Some(t("3"))),
        (StandardEvent::DealStageChanged, ("deal", Value::Int(7)), "deal", Some(t("7"))),
        (StandardEvent::DealWon, ("deal", t(" d-7 ")), "deal", Some(t("d-7"))),
        (StandardEvent::DealLost, ("deal", Value::Number(7.0)), "deal", Some(t("7"))),
        (StandardEvent::LeadOptedOut, ("reason", t("  ")), "reason", None),
        (StandardEvent::EmailAutoReplied, ("until", t("2026-12-01")), "until", Some(callback.clone())),
        (StandardEvent::EmailAutoReplied, ("until", t("2026-12-01T00:00:00")), "until", Some(callback.clone())),
        (StandardEvent::EmailAutoReplied, ("until", t("01.12.2026")), "until", Some(callback.clone())),
        (StandardEvent::CallInbound, ("answered", t("yes")), "answered", Some(Value::Bool(true))),
        (StandardEvent::CallCompleted, ("callback_at", t("2026-12-01")), "callback_at", Some(callback.clone())),
        (StandardEvent::CallCompleted, ("reason", Value::Int(7)), "reason", Some(t("7"))),
        (StandardEvent::LeadCreated, ("amount", t("1,200")), "amount", Some(t("1,200"))),
        (StandardEvent::LeadCreated, ("nothing", Value::Blank), "nothing", None),
        (StandardEvent::LeadCreated, ("n", Value::Int(1)), "n", Some(Value::Int(1))),
    ] {
        let data = if kind == StandardEvent::CallCompleted {
            vec![connected.clone(), given.clone()]
        } else {
            vec![given.clone()]
        };
        let incoming = checked(of(kind, draft(&[], &data))).unwrap();
        assert_eq!(incoming.report.data.get(name), expected.as_ref(), "{given:?} of {kind}");
        assert_eq!(left(&incoming), []);
    }
}

#[test]
fn a_blank_is_no_news_and_null_clears_only_where_the_lead_is_described() {
    for (kind, value, expected) in [
        (StandardEvent::LeadUpdated, Value::Blank, Some(Value::Blank)),
        (StandardEvent::LeadUpdated, t(""), None),
        (StandardEvent::LeadUpdated, t(" \u{200B}"), None),
        (StandardEvent::LeadCreated, Value::Blank, None),
        (StandardEvent::LeadCreated, t(""), None),
        (StandardEvent::LeadEngaged, Value::Blank, None),
        (StandardEvent::DealWon, t("  "), None),
        (StandardEvent::LeadUpdated, t(" VP "), Some(t("VP"))),
    ] {
        let incoming = checked(of(kind, draft(&[("title", value.clone())], &[]))).unwrap();
        let title = incoming.report.fields.iter().find(|(name, _)| name == "title").map(|(_, value)| value.clone());
        assert_eq!(title, expected, "{value:?} in {kind}");
        assert_eq!(left(&incoming), []);
    }
}

#[test]
fn a_zone_is_understood_as_people_and_programs_write_it() {
    for (zone, country, expected) in [
        ("Europe/Berlin", None, "Europe/Berlin"),
        ("europe/berlin", None, "Europe/Berlin"),
        ("Pacific Standard Time", None, "America/Los_Angeles"),
        ("PST", Some("US"), "America/Los_Angeles"),
        ("W. Europe Standard Time", None, "Europe/Berlin"),
        ("(GMT-08:00) Pacific Standard Time (America/Los_Angeles)", None, "America/Los_Angeles"),
    ] {
        let country = country.map(|country| ("country", t(country)));
        let fields: Vec<(&str, Value)> = [("timezone", t(zone))].into_iter().chain(country).collect();
        let incoming = checked(draft(&fields, &[])).unwrap();
        assert_eq!(incoming.report.fields[0], ("timezone".to_owned(), t(expected)), "{zone}: {:?}", left(&incoming));
    }
}

#[test]
fn the_future_is_refused_but_for_a_clock_that_is_a_little_ahead() {
    let minute = 60_000;
    for (ahead_ms, taken) in [
        (-400 * 24 * 60 * minute, true),
        (0, true),
        (5 * minute, true),
        (5 * minute + 1, false),
        (24 * 60 * minute, false),
        (73 * 365 * 24 * 60 * minute, false),
    ] {
        let event = Draft { at: Some(now().plus_ms(ahead_ms)), ..draft(&[("email", t("a@b.example"))], &[]) };
        let result = checked(event);
        assert_eq!(result.is_ok(), taken, "{ahead_ms} ms ahead");
        assert_eq!(result.err().and_then(|error| error.place()).as_deref(), (!taken).then_some("at"));
    }
    // An appointment for later is not a report of the past.
    let call =
        of(StandardEvent::CallCompleted, draft(&[], &[("outcome", t("connected")), ("callback_at", t("2027-01-07"))]));
    assert!(checked(call).is_ok());
    assert!(checked(draft(&[("project_date", t("2099-01-01"))], &[])).is_ok());
}

#[test]
fn where_the_lead_stands_is_told_beside_its_fields() {
    let catalog = fixture::catalog();
    let (rep, known) = catalog.workspace.settings.team.reps.iter().next().expect("the fixture has a rep");
    let out = |out| Standing { opted_out: Some(out), ..Standing::default() };
    let refused = |channels: &[Channel]| Standing { refused: channels.to_vec(), ..Standing::default() };
    let owner = || Standing { owner: Some(rep.clone()), ..Standing::default() };
    for (name, value, expected) in [
        ("opted_out", Value::Bool(true), Some(out(true))),
        ("opted_out", t("yes"), Some(out(true))),
        ("opted_out", t("1"), Some(out(true))),
        ("opted_out", Value::Int(0), Some(out(false))),
        ("opted_out", t("2026-01-02"), Some(out(true))),
        ("opted_out", t("2026-01-02T10:00:00Z"), Some(out(true))),
        ("opted_out", t(" "), None),
        ("opted_out", Value::Blank, None),
        ("refused", t("email"), Some(refused(&[Channel::Email]))),
        ("refused", t("phone, SMS; email"), Some(refused(&[Channel::Call, Channel::Email, Channel::Message]))),
        ("refused", Value::List(vec![t("call"), t("call")]), Some(refused(&[Channel::Call]))),
        ("stage", t("Customer"), Some(Standing { stage: Some(Stage::Customer), ..Standing::default() })),
        ("owner", t(&rep.0), Some(owner())),
        ("owner", t(&rep.0.to_uppercase()), Some(owner())),
        ("owner", t(&known.name), Some(owner())),
    ] {
        let incoming = checked(draft(&[(name, value.clone())], &[])).unwrap();
        assert_eq!(incoming.report.standing, expected, "{name} from {value:?}");
    }
    let both = checked(draft(&[("opted_out", t("x")), ("refused", t("call"))], &[])).unwrap();
    assert_eq!(both.report.standing, Some(Standing { refused: vec![Channel::Call], ..out(true) }));
    assert_eq!(RepId(rep.0.clone()), *rep);
}

#[test]
fn each_refusal_says_where() {
    let many: Vec<(String, Value)> = (0..=EVENT_DATA_MAX).map(|n| (format!("n{n}"), Value::Int(1))).collect();
    let many: Vec<(&str, Value)> = many.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let connected = ("outcome", t("connected"));
    let call = |data: &[(&str, Value)]| of(StandardEvent::CallCompleted, draft(&[], data));
    assert!(checked(call(std::slice::from_ref(&connected))).is_ok());
    let large: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), t(&"x".repeat(4_000)))).collect();
    for (draft, place) in [
        (draft(&[("shoe_size", Value::Int(42))], &[]), Some("lead.shoe_size")),
        (draft(&[("score", Value::Int(99))], &[]), Some("lead.score")),
        (draft(&[("Unsubscribed", Value::Bool(true))], &[]), Some("lead.Unsubscribed")),
        (draft(&[("opted_out", t("maybe"))], &[]), Some("lead.opted_out")),
        (draft(&[("opted_out", Value::Int(2))], &[]), Some("lead.opted_out")),
        (draft(&[("refused", t("pigeons"))], &[]), Some("lead.refused")),
        (draft(&[("refused", Value::Bool(true))], &[]), Some("lead.refused")),
        (draft(&[], &many), Some("data")),
        (draft(&[], &large), None),
        (call(&[]), Some("data.outcome")),
        (call(&[("outcome", t("NO_ANSWER"))]), Some("data.outcome")),
        (call(&[("outcome", t("sent"))]), Some("data.outcome")),
        (call(&[connected.clone(), ("result", t("bogus"))]), Some("data.result")),
        (Draft { id: "", ..draft(&[], &[]) }, Some("id")),
        (Draft { id: "a\nb", ..draft(&[], &[]) }, Some("id")),
    ] {
        let error = checked(draft).expect_err("refused");
        assert_eq!(error.place().as_deref(), place, "{error}");
    }
}

#[test]
fn a_delivery_is_the_same_by_what_it_says() {
    let mail = || ("email", t("a@b.example"));
    let base = || draft(&[mail(), ("employees", Value::Int(250))], &[("n", Value::Int(1)), ("m", t("x"))]);
    let content = |draft| checked(draft).unwrap().content;
    let at = |at: &str| Some(Timestamp::parse(at).unwrap());
    let first = content(base());
    for (what, other, same) in [
        ("the same", base(), true),
        (
            "another order",
            draft(&[("employees", Value::Int(250)), mail()], &[("m", t("x")), ("n", Value::Int(1))]),
            true,
        ),
        (
            "1.0 for 1",
            draft(&[mail(), ("employees", Value::Number(250.0))], &[("n", Value::Number(1.0)), ("m", t("x"))]),
            true,
        ),
        (
            "texts for numbers",
            draft(&[mail(), ("employees", t("250.0"))], &[("n", Value::Int(1)), ("m", t(" x "))]),
            true,
        ),
        (
            "a blank more",
            draft(
                &[mail(), ("employees", Value::Int(250)), ("title", t(""))],
                &[("n", Value::Int(1)), ("m", t("x")), ("o", Value::Blank)],
            ),
            true,
        ),
        (
            "another number",
            draft(&[mail(), ("employees", Value::Int(251))], &[("n", Value::Int(1)), ("m", t("x"))]),
            false,
        ),
        ("a field less", draft(&[mail()], &[("n", Value::Int(1)), ("m", t("x"))]), false),
        ("other data", draft(&[mail(), ("employees", Value::Int(250))], &[("n", Value::Int(2)), ("m", t("x"))]), false),
        (
            "values swapped",
            draft(&[mail(), ("employees", Value::Int(1))], &[("n", Value::Int(250)), ("m", t("x"))]),
            false,
        ),
        ("another type", of(StandardEvent::LeadUpdated, base()), false),
        ("another lead", Draft { lead: Some(LeadId(7)), ..base() }, false),
        ("a time", Draft { at: at("2026-11-26T11:00:00Z"), ..base() }, false),
        ("not to enrol", Draft { enrolls: false, ..base() }, false),
        (
            "an opt-out more",
            draft(
                &[mail(), ("employees", Value::Int(250)), ("opted_out", Value::Bool(true))],
                &[("n", Value::Int(1)), ("m", t("x"))],
            ),
            false,
        ),
    ] {
        assert_eq!(content(other) == first, same, "{what}");
    }
    let told = |at| content(Draft { at, ..base() });
    assert_eq!(told(at("2026-11-26T11:00:00Z")), told(at("2026-11-26T12:00:00+01:00")), "one moment in two zones");
    assert_ne!(told(at("2026-11-26T11:00:00Z")), told(at("2026-11-26T11:00:01Z")));
}

#[test]
fn consent_that_is_no_value_refuses_the_event_and_is_not_left_out() {
    let catalog = fixture::catalog();
    for (field, why) in [("opted_out", Why::Object), ("refused", Why::Object), ("opted_out", Why::Repeated)] {
        let draft = Draft {
            source: "web",
            id: "1",
            kind: EventType::Standard(StandardEvent::LeadCreated),
            at: None,
            lead: None,
            fields: vec![("email".to_owned(), Value::Text("ada@acme.example".to_owned()))],
            data: BTreeMap::new(),
            left_out: vec![LeftOut::new(field, why, None)],
            enrolls: true,
        };
        let refused = check(draft, Rules::of(&catalog.workspace.settings, fixture::NOW));
        assert!(matches!(refused, Err(IntakeError::Consent { field: of, .. }) if of == field), "{field}: {refused:?}");
    }
}

#[test]
fn a_word_against_a_contact_holds_for_all_that_is_named_with_it() {
    use StandardEvent::{CallCompleted, EmailBounced, LeadCreated, LeadOptedOut, LeadUpdated, TaskDone};
    let list = |items: &[&str]| Value::List(items.iter().map(|item| t(item)).collect());
    let two = || t("ada@a.example, bob@b.example");
    type Row = (StandardEvent, Vec<(&'static str, Value)>, Vec<(&'static str, Value)>, &'static str, &'static str);
    let rows: Vec<Row> = vec![
        (LeadOptedOut, vec![("email", t("ada@a.example"))], vec![], "email=ada@a.example", ""),
        (LeadOptedOut, vec![("email", two())], vec![], "email=ada@a.example +email=bob@b.example", ""),
        (
            LeadOptedOut,
            vec![("email", list(&["ada@a.example", "bob@b.example"]))],
            vec![],
            "email=ada@a.example +email=bob@b.example",
            "",
        ),
        (LeadOptedOut, vec![("email", list(&["ada@a.example", "?"]))], vec![], "email=ada@a.example", "email:list"),
        (
            LeadOptedOut,
            vec![("external_id", t("7"))],
            vec![("email", two()), ("phone", Value::Int(12_125_550_100))],
            "external_id=7 +email=ada@a.example +email=bob@b.example +phone=12125550100",
            "",
        ),
        (
            LeadOptedOut,
            vec![("external_id", t("7"))],
            vec![("contact.email", t("ada@a.example")), ("note", t("bob@b.example"))],
            "external_id=7 +email=ada@a.example",
            "",
        ),
        (LeadOptedOut, vec![("external_id", t("7"))], vec![("email", t("n/a"))], "external_id=7", "data.email:form"),
        (
            LeadCreated,
            vec![("email", two()), ("opted_out", Value::Bool(true))],
            vec![],
            "email=ada@a.example +email=bob@b.example",
            "",
        ),
        (LeadCreated, vec![("phone", t("7"))], vec![("email", two())], "", "phone:form"),
        (
            LeadUpdated,
            vec![("phone", t("+49 30 1234567 / +49 170 1234567")), ("refused", t("call"))],
            vec![],
            "phone=+49 30 1234567 +phone=+49 170 1234567",
            "",
        ),
        (
            LeadUpdated,
            vec![("email", two()), ("stage", t("suppressed"))],
            vec![],
            "email=ada@a.example +email=bob@b.example",
            "",
        ),
        (
            EmailBounced,
            vec![("external_id", t("7"))],
            vec![("email", two())],
            "external_id=7 +email=ada@a.example +email=bob@b.example",
            "",
        ),
        (
            CallCompleted,
            vec![("external_id", t("7"))],
            vec![("outcome", t("wrong_number")), ("phone", t("+49 30 1234567"))],
            "external_id=7 +phone=+49 30 1234567",
            "",
        ),
        (
            CallCompleted,
            vec![("external_id", t("7"))],
            vec![("outcome", t("connected")), ("phone", t("+49 30 1234567"))],
            "external_id=7",
            "",
        ),
        (
            CallCompleted,
            vec![("external_id", t("7"))],
            vec![("outcome", t("gatekeeper")), ("result", list(&["opted_out"])), ("email", t("ada@a.example"))],
            "external_id=7 +email=ada@a.example",
            "",
        ),
        (
            CallCompleted,
            vec![("external_id", t("7"))],
            vec![("outcome", t("voicemail")), ("result", t("qualified"))],
            "external_id=7",
            "data.result:type",
        ),
        (
            TaskDone,
            vec![("external_id", t("7"))],
            vec![("result", t("opted_out")), ("email", two())],
            "external_id=7 +email=ada@a.example +email=bob@b.example",
            "",
        ),
        (
            TaskDone,
            vec![("external_id", t("7"))],
            vec![("opted_out", t("yes")), ("email", t("ada@a.example"))],
            "external_id=7 +email=ada@a.example",
            "",
        ),
        (
            TaskDone,
            vec![("external_id", t("7"))],
            vec![("opted_out", t("no")), ("email", t("ada@a.example"))],
            "external_id=7",
            "",
        ),
    ];
    for (kind, fields, data, expected, left_out) in rows {
        let what = format!("{kind:?} {fields:?} {data:?}");
        let fields: Vec<(&str, Value)> = fields;
        let checked = checked(of(kind, draft(&fields, &data))).unwrap_or_else(|error| panic!("{what}: {error}"));
        let shown = |sign: &str, (name, value): &(String, Value)| match value {
            Value::Text(text) => format!("{sign}{name}={text}"),
            other => panic!("{what}: {other:?}"),
        };
        let report = &checked.report;
        let own = report.fields.iter().map(|field| shown("", field));
        let found: Vec<String> = own.chain(report.also.iter().map(|field| shown("+", field))).collect();
        let left: Vec<String> = left(&checked).iter().map(|(field, why)| format!("{field}:{why}")).collect();
        assert_eq!((found.join(" ").as_str(), left.join(" ").as_str()), (expected, left_out), "{what}");
    }
}

#[test]
fn a_word_against_a_contact_that_is_not_clear_is_refused() {
    use StandardEvent::{CallCompleted, EmailReplied, LeadOptedOut};
    let many = || Value::List((0..200).map(|n| t(&format!("ada{n}@a.example"))).collect());
    let left = |field: &str, why| vec![LeftOut::new(field, why, None)];
    for (what, draft, place) in [
        (
            "an object",
            Draft { left_out: left("email", Why::Object), ..of(LeadOptedOut, draft(&[], &[])) },
            "lead.email",
        ),
        (
            "twice",
            Draft {
                left_out: left("phone", Why::Repeated),
                ..of(LeadOptedOut, draft(&[("external_id", t("7"))], &[]))
            },
            "lead.phone",
        ),
        (
            "an object under data",
            Draft { left_out: left("data.email", Why::Object), ..of(LeadOptedOut, draft(&[], &[])) },
            "lead.email",
        ),
        (
            "several ids",
            of(LeadOptedOut, draft(&[("external_id", Value::List(vec![t("7"), t("8")]))], &[])),
            "lead.external_id",
        ),
        ("too many", of(LeadOptedOut, draft(&[("email", many())], &[])), "lead.email"),
        ("not yes and not no", of(EmailReplied, draft(&[], &[("opted_out", t("perhaps"))])), "lead.opted_out"),
        (
            "an object that says it",
            Draft { left_out: left("data.opted_out", Why::Object), ..of(EmailReplied, draft(&[], &[])) },
            "lead.opted_out",
        ),
        (
            "two results",
            of(
                CallCompleted,
                draft(
                    &[],
                    &[("outcome", t("connected")), ("result", Value::List(vec![t("opted_out"), t("callback")]))],
                ),
            ),
            "data.result",
        ),
        (
            "an unknown name, left out before",
            Draft { left_out: left("nickname", Why::Object), ..of(EmailReplied, draft(&[], &[])) },
            "lead.nickname",
        ),
    ] {
        let refused = checked(draft);
        assert_eq!(refused.as_ref().err().and_then(IntakeError::place).as_deref(), Some(place), "{what}: {refused:?}");
    }
}
