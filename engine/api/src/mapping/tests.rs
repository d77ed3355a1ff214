use super::*;
use cadenza_core::event::StandardEvent;

fn path(text: &str) -> JsonPath {
    JsonPath(text.split('.').map(str::to_owned).collect())
}

fn reader() -> Reader {
    let taken = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, at)| ((*name).to_owned(), MappedValue::Path(path(at)))).collect::<BTreeMap<_, _>>()
    };
    let mut lead = taken(&[
        ("email", "form.contact.email"),
        ("employees", "form.size"),
        ("first_name", "form.names.0"),
        ("seats", "seats"),
    ]);
    lead.insert("source".into(), MappedValue::Constant(Value::Text("web".into())));
    let map = [("new", StandardEvent::LeadCreated), ("stop", StandardEvent::LeadOptedOut)];
    let mapping = Mapping {
        event: MappedType::By {
            path: path("kind"),
            map: map.into_iter().map(|(text, kind)| (text.to_owned(), EventType::Standard(kind))).collect(),
        },
        id: Some(path("id")),
        at: Some(path("at")),
        lead,
        data: taken(&[("names", "form.names"), ("page", "page")]),
    };
    Reader::new(&mapping)
}

fn read(body: &[u8]) -> Result<Mapped, MappingError> {
    reader().read(Body::Json(body.into()), &TimeZone::get("America/New_York").unwrap())
}

fn field<'a>(mapped: &'a Mapped, name: &str) -> Option<&'a Value> {
    mapped.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

#[test]
fn values_are_taken_from_where_the_mapping_says() {
    let body = br#"{"kind": "new", "id": 7, "at": "2026-03-09T14:00:00Z", "ignored": [{"deep": [1, {"x": null}]}],
        "form": {"contact": {"email": "ada@example.com", "email2": 1}, "size": "250", "names": ["Ada", "L"]}, "seats": 3}"#;
    let mapped = read(body).unwrap();
    assert_eq!(mapped.kind, EventType::Standard(StandardEvent::LeadCreated));
    assert_eq!(mapped.id.as_deref(), Some("7"));
    assert_eq!(mapped.at, Timestamp::parse("2026-03-09T14:00:00Z"));
    assert_eq!(field(&mapped, "email"), Some(&Value::Text("ada@example.com".into())));
    assert_eq!(field(&mapped, "employees"), Some(&Value::Text("250".into())), "as it was sent");
    assert_eq!(field(&mapped, "first_name"), Some(&Value::Text("Ada".into())), "an item of a list");
    assert_eq!(field(&mapped, "source"), Some(&Value::Text("web".into())), "a constant");
    assert_eq!(mapped.data["names"], Value::List(vec![Value::Text("Ada".into()), Value::Text("L".into())]));
    assert_eq!(mapped.data.get("page"), None, "what is missing is not given");
}

#[test]
fn null_is_blank_and_missing_is_not_given() {
    let mapped = read(br#"{"kind": "new", "form": {"contact": {"email": null}}, "id": null}"#).unwrap();
    assert_eq!(field(&mapped, "email"), Some(&Value::Blank));
    assert_eq!(field(&mapped, "seats"), None);
    assert_eq!((mapped.id, mapped.at), (None, None));
}

#[test]
fn times_may_be_numbers_or_days() {
    for (at, expected) in [
        ("1773064800", Some("2026-03-09T14:00:00Z")),
        ("1773064800123", Some("2026-03-09T14:00:00.123Z")),
        ("1773064800.5", Some("2026-03-09T14:00:00.5Z")),
        ("\"1773064800\"", Some("2026-03-09T14:00:00Z")),
        ("\"2026-03-09\"", Some("2026-03-09T04:00:00Z")),
        ("\"2026-03-09T10:00:00\"", Some("2026-03-09T14:00:00Z")),
        ("\" \"", None),
        ("null", None),
    ] {
        let mapped = read(format!(r#"{{"kind": "new", "at": {at}}}"#).as_bytes()).unwrap();
        assert_eq!(mapped.at, expected.and_then(Timestamp::parse), "at {at}");
    }
}

#[test]
fn ids_are_taken_exactly() {
    for (id, expected) in [
        ("7", Some("7")),
        ("7.0", Some("7")),
        ("\"7\"", Some("7")),
        ("9007199254740993", Some("9007199254740993")),
        ("12345678901234567890123", Some("12345678901234567890123")),
        ("\" \"", None),
        ("null", None),
    ] {
        let mapped = read(format!(r#"{{"kind": "new", "id": {id}}}"#).as_bytes()).unwrap();
        assert_eq!(mapped.id.as_deref(), expected, "id {id}");
    }
}

#[test]
fn what_is_no_value_or_not_the_only_one_is_left_out() {
    for (body, expected) in [
        (r#"{"kind": "new", "seats": 3, "seats": 4}"#, &[("seats", Why::Repeated)][..]),
        (r#"{"kind": "new", "seats": 3, "seats": 3}"#, &[("seats", Why::Repeated)]),
        (r#"{"kind": "new", "form": {"size": 1, "size": 2}}"#, &[("employees", Why::Repeated)]),
        (
            r#"{"kind": "new", "form": {"contact": {"email": "a@b.io"}}, "form": {"contact": {"email": "b@b.io"}}}"#,
            &[
                ("email", Why::Repeated),
                ("employees", Why::Repeated),
                ("first_name", Why::Repeated),
                ("data.names", Why::Repeated),
            ],
        ),
        (r#"{"kind": "new", "other": 1, "other": 2, "form": {"x": 1, "x": 2}}"#, &[]),
        (r#"{"kind": "new", "form": {"contact": {"email": {}}}}"#, &[("email", Why::Object)]),
        (r#"{"kind": "new", "form": {"names": [{}]}}"#, &[("first_name", Why::Object), ("data.names", Why::Object)]),
    ] {
        let mapped = read(body.as_bytes()).unwrap();
        let left: Vec<(&str, Why)> = mapped.left_out.iter().map(|left| (left.field.as_str(), left.why)).collect();
        assert_eq!(left, expected, "{body}");
    }
}

#[test]
fn each_failure_says_where() {
    for (body, at) in [
        (r#"{"kind": "old"}"#, Some("kind")),
        (r#"{"kind": 7}"#, Some("kind")),
        (r#"{}"#, Some("kind")),
        (r#"[]"#, Some("kind")),
        (r#""text""#, Some("kind")),
        (r#"{"kind": "new", "id": {}}"#, Some("id")),
        (r#"{"kind": "new", "at": "tomorrow"}"#, Some("at")),
        (r#"{"kind": "new", "at": -1}"#, Some("at")),
        (r#"{"kind": "new", "at": 20261201}"#, Some("at")),
        (r#"{"kind": "new", "id": 1.5}"#, Some("id")),
        (r#"{"kind": "new", "kind": "new"}"#, Some("kind")),
        (r#"{"kind": "new", "id": 1, "id": 1}"#, Some("id")),
        (r#"{"kind": "new", "at": 1, "at": 1}"#, Some("at")),
        (r#"{"kind": "new"} x"#, None),
        (r#"{"kind": "#, None),
        ("", None),
    ] {
        let error = read(body.as_bytes()).expect_err(body);
        assert_eq!(error.path(), at, "{body}: {error}");
    }
    assert!(read(&[0xFF, 0xFE, b'{']).is_err(), "no UTF-8");
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes()).is_err(), "nested without end");
}

#[test]
fn a_form_is_mapped_by_the_names_of_its_fields() {
    let fields = serde_json::json!({
        "kind": "new", "id": "7", "at": "1773064800", "form": {"contact": {"email": "ada@example.com"}, "size": "250"},
    });
    let mapped = reader().read(Body::Form(fields), &TimeZone::UTC).unwrap();
    assert_eq!(mapped.id.as_deref(), Some("7"));
    assert_eq!(field(&mapped, "email"), Some(&Value::Text("ada@example.com".into())));
    assert_eq!(mapped.at, Some(Timestamp::from_ms(1_773_064_800_000)), "a form has numbers as text");
}

#[test]
fn the_id_is_found_in_what_cannot_be_mapped() {
    for (body, id) in [
        (r#"{"id": "7", "kind": "old"}"#, Some("7")),
        (r#"{"kind": "new", "id": 7, "at": "tomorrow"}"#, Some("7")),
        (r#"{"id": "7", "kind": "#, Some("7")),
        (r#"{"kind": "new", "id": {}}"#, None),
        (r#"{"kind": "new""#, None),
        ("", None),
    ] {
        assert_eq!(reader().id(Body::Json(body.as_bytes().into())).as_deref(), id, "{body}");
    }
}
