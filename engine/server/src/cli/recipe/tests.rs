use super::*;

fn try_recipe(map: Option<&str>, enrolment: Enrolment) -> anyhow::Result<Recipe> {
    let fields = [
        ("email", ValueType::Text),
        ("phone", ValueType::Text),
        ("first_name", ValueType::Text),
        ("employees", ValueType::Int),
        ("external_id", ValueType::Text),
        ("project_date", ValueType::Time),
        ("budget", ValueType::Number),
        ("newsletter", ValueType::Text),
    ];
    let fields = fields.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
    let now = Timestamp::parse("2026-11-20T15:00:00Z").unwrap();
    let zone = TimeZone::get("America/New_York").unwrap();
    Recipe::new(map.map(|map| serde_json::from_str(map).unwrap()), fields, enrolment, now, zone, OwnWords::default())
}

fn recipe(map: Option<&str>, enrolment: Enrolment) -> Recipe {
    try_recipe(map, enrolment).unwrap()
}

impl Recipe {
    fn make(&self, row: Map<String, Value>) -> anyhow::Result<Value> {
        self.event(row, false).map(|made| made.event)
    }
}

fn row(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn columns_are_known_by_what_people_call_them() {
    let recipe = recipe(None, Enrolment::Fresh);
    let event = recipe
        .make(row(json!({"E-Mail": "a@b.io", "First Name": "Ada", "Employees": "250", "id": "7", "Shoe": "42",
            "project_date": "2027-01-01", "data.page": "/pricing", "phone": "  "})))
        .unwrap();
    assert_eq!(
        event["lead"],
        json!({"email": "a@b.io", "first_name": "Ada", "employees": 250, "external_id": "7",
        "project_date": "2027-01-01T05:00:00Z"})
    );
    assert_eq!((&event["type"], &event["data"]["page"]), (&json!("lead.created"), &json!("/pricing")));
    assert_eq!(recipe.column("Shoe"), Column::Ignored);
    assert_eq!((recipe.near("Shoe"), recipe.near("Emial")), (None, Some("email")));
}

#[test]
fn a_map_says_it_all() {
    let map = r#"{"type": "lead.opted_out", "at": "When", "lead": {"Adresse": "email"}, "data": {"Grund": "reason"}}"#;
    let event = recipe(Some(map), Enrolment::Fresh)
        .make(row(json!({"Adresse": "a@b.io", "When": "2026-01-02", "Grund": "spam", "email": "other@b.io"})))
        .unwrap();
    assert_eq!(event["type"], "lead.opted_out");
    assert_eq!(event["at"], "2026-01-02T05:00:00Z", "a day begins in the workspace's zone");
    assert_eq!((&event["lead"], &event["data"]), (&json!({"email": "a@b.io"}), &json!({"reason": "spam"})));
}

#[test]
fn a_map_that_does_not_fit_is_refused() {
    let columns: BTreeSet<String> = ["Email", "Name", "Kind"].map(str::to_owned).into();
    for (map, said) in [
        (r"{}", "is empty"),
        (r#"{"lead": {"Emial": "email"}}"#, "`Emial`, which the file does not have: did you mean `Email`?"),
        (r#"{"lead": {"Shoe": "email"}}"#, "its columns are `Email`, `Kind` and `Name`"),
        (r#"{"lead": {"Email": "emial"}}"#, "`emial`, which the engine does not know: did you mean `email`?"),
        (r#"{"type": "lead.craeted", "lead": {"Email": "email"}}"#, "did you mean `lead.created`?"),
        (r#"{"type": "Kidn", "lead": {"Email": "email"}}"#, "did you mean `Kind`?"),
        (r#"{"id": "Email", "lead": {"Email": "email"}}"#, "`Email` twice, as the event's id and as lead.email"),
    ] {
        let error = try_recipe(Some(map), Enrolment::Fresh).and_then(|recipe| recipe.check_columns(&columns));
        let error = error.expect_err(map).to_string();
        assert!(error.contains(said), "{map} is refused with: {error}");
    }
    let map = r#"{"type": "Kind", "id": "Name", "lead": {"Email": "email"}}"#;
    recipe(Some(map), Enrolment::Fresh).check_columns(&columns).unwrap();
}

#[test]
fn the_same_row_is_the_same_event() {
    let recipe_of = |enrolment| recipe(None, enrolment);
    let id = |enrolment, value: Value| recipe_of(enrolment).make(row(value)).unwrap()["id"].clone();
    let fresh = |value: Value| id(Enrolment::Fresh, value);
    assert_eq!(fresh(json!({"email": "a@b.io", "phone": "1"})), fresh(json!({"phone": "1", "email": "a@b.io"})));
    assert_ne!(fresh(json!({"email": "a@b.io"})), fresh(json!({"email": "b@b.io"})));
    assert_eq!(fresh(json!({"event_id": "x7", "email": "a@b.io"})), "x7");
    let made = |value: Value| has_made_id(&recipe_of(Enrolment::Fresh).make(row(value)).unwrap());
    assert!(made(json!({"email": "a@b.io"})) && !made(json!({"event_id": "import-7", "email": "a@b.io"})));
    for value in [json!({"email": "a@b.io"}), json!({"type": "lead.created", "lead": {"email": "a@b.io"}})] {
        assert_eq!(id(Enrolment::Always, value.clone()), id(Enrolment::Never, value), "enrolling is no part of it");
    }
}

#[test]
fn history_enrols_nobody_unless_asked_to() {
    for (enrolment, at, enrolls) in [
        (Enrolment::Fresh, Some("2026-11-20T14:00:00Z"), true),
        (Enrolment::Fresh, Some("2026-11-01T14:00:00Z"), false),
        (Enrolment::Fresh, None, true),
        (Enrolment::Always, Some("2026-11-01T14:00:00Z"), true),
        (Enrolment::Never, None, false),
    ] {
        let event = recipe(None, enrolment).make(row(json!({"email": "a@b.io", "at": at}))).unwrap();
        assert_eq!(event["enroll"], enrolls, "{enrolment:?} at {at:?}");
        let ready = json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "at": at});
        let ready = recipe(None, enrolment).make(row(ready)).unwrap();
        assert_eq!(ready["enroll"], enrolls, "an event line, {enrolment:?} at {at:?}");
        assert!(ready["id"].is_string(), "an event line gets an id too");
    }
}

#[test]
fn what_the_engine_would_refuse_is_no_event() {
    let recipe = recipe(None, Enrolment::Fresh);
    for (value, said) in [
        (json!({"email": "a@b.io", "type": "lead.creatd"}), "did you mean `lead.created`?"),
        (json!({"first_name": "Ada"}), "names no lead"),
        (json!({"email": "nobody"}), "names no lead"),
        (json!({"type": "lead.created", "lead": {}}), "names no lead"),
        (json!({"type": "lead.created", "lead": {"id": "7"}}), "external_id"),
        (json!({"type": "lead.created", "lead": {"shoe": 7}}), "no field `shoe`"),
        (json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "dta": {}}), "did you mean `data`?"),
        (json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "data": 7}), "`data` is no object"),
    ] {
        let error = format!("{:#}", recipe.make(row(value.clone())).expect_err("refused"));
        assert!(error.contains(said), "{value} is refused with: {error}");
    }
}

#[test]
fn who_says_no_is_not_enrolled() {
    let (none, out) = (Value::Null, json!(true));
    for (cells, opted_out, refused) in [
        (json!({"opted_out": "true"}), &out, &none),
        (json!({"Unsubscribed": "x"}), &out, &none),
        (json!({"Unsubscribed": ""}), &none, &none),
        (json!({"Unsubscribed": "no"}), &none, &none),
        (json!({"Unsubscribed At": "2024-03-01"}), &out, &none),
        (json!({"HasOptedOutOfEmail": true}), &none, &json!(["email"])),
        (json!({"Do Not Call": 1, "Email Opt Out": "1"}), &none, &json!(["call", "email"])),
        (json!({"DNC": "yes"}), &out, &none),
        (json!({"status": "unsubscribed"}), &out, &none),
        (json!({"status": "cleaned"}), &none, &json!(["email"])),
        (json!({"status": "Working"}), &none, &none),
        (json!({"subscribed": "no"}), &out, &none),
        (json!({"Opt In": "yes"}), &none, &none),
        (json!({"Abgemeldet": "ja"}), &out, &none),
        (json!({"Newsletter": "no"}), &none, &json!(["email"])),
        (json!({"refused": "call; sms"}), &none, &json!("call; sms")),
    ] {
        let mut cells = row(cells);
        let what = format!("{cells:?}");
        cells.insert("email".to_owned(), "a@b.io".into());
        let made = recipe(None, Enrolment::Always).event(cells, false).unwrap();
        let lead = &made.event["lead"];
        assert_eq!((&lead["opted_out"], &lead["refused"]), (opted_out, refused), "{what}");
        let against = opted_out != &none || refused != &none;
        assert_eq!((is_against(&made.event), &made.event["enroll"]), (against, &json!(!against)), "{what}");
    }
    let made = recipe(None, Enrolment::Fresh).make(row(json!({"email": "a@b.io", "Newsletter": "no"}))).unwrap();
    assert_eq!(made["lead"]["newsletter"], "no", "a field of that name holds it, too");
    let event = json!({"type": "lead.created", "lead": {"email": "a@b.io", "opted_out": true}});
    assert_eq!(recipe(None, Enrolment::Fresh).make(row(event)).unwrap()["enroll"], false, "an event line");
}

#[test]
fn consent_that_is_not_clear_stops_the_import() {
    for cells in [
        json!({"email": "a@b.io", "Unsubscribed": "maybe"}),
        json!({"email": "a@b.io", "Opt In": "later"}),
        json!({"email": "a@b.io", "Email Status": "Working"}),
        json!({"email": "a@b.io", "refused": "pigeons"}),
        json!({"type": "lead.created", "lead": {"email": "a@b.io", "opted_out": "perhaps"}}),
    ] {
        let error = recipe(None, Enrolment::Fresh).make(row(cells.clone())).expect_err("not clear");
        assert!(must_stop(&error), "{cells}: {error:#}");
    }
    let other = recipe(None, Enrolment::Fresh).make(row(json!({"first_name": "Ada"}))).expect_err("no key");
    assert!(!must_stop(&other), "another row may be imported: {other:#}");
}

#[test]
fn a_time_that_cannot_be_read_costs_nobody_the_lead_nor_what_it_wants() {
    for (column, said, why) in [
        ("Created Date", "26-Nov-2026", Why::Type),
        ("created_at", "12/10/2026", Why::Ambiguous),
        ("Date Added", "11/26/2026 9:15 AM", Why::Type),
    ] {
        let cells = json!({"email": "a@b.io", column: said, "Email Opt Out": "1"});
        let made = recipe(None, Enrolment::Fresh).event(row(cells), false).expect(said);
        assert_eq!(made.event["lead"]["refused"], json!(["email"]), "{said}");
        let left: Vec<(&str, Why)> = made.left_out.iter().map(|left| (left.field.as_str(), left.why)).collect();
        assert_eq!(left, [("at", why)], "{said}");
        let plain = json!({"email": "a@b.io", column: said});
        for (enrolment, enrolls) in [(Enrolment::Fresh, false), (Enrolment::Always, true), (Enrolment::Never, false)] {
            let made = recipe(None, enrolment).event(row(plain.clone()), false).expect(said);
            assert_eq!(made.event["enroll"], enrolls, "{said} with {enrolment:?}: nobody knows whether it is news");
        }
    }
}

#[test]
fn who_says_no_is_seen_in_a_row_that_cannot_be_read() {
    let recipe = recipe(None, Enrolment::Fresh);
    for (cells, no) in [
        (json!({"Email Opt Out": "1"}), true),
        (json!({"Email Opt Out": "0", "State": "CA"}), false),
        (json!({"Email Opt Out": "perhaps"}), true),
        (json!({"refused": "call"}), true),
        (json!({"Lead Status": "unsubscribed"}), true),
        (json!({"type": "lead.created", "at": "soon", "lead": {"email": "a@b.io", "opted_out": true}}), true),
        (json!({"type": "lead.created", "at": "soon", "lead": {"email": "a@b.io"}}), false),
    ] {
        assert_eq!(recipe.says_no(&row(cells.clone())), no, "{cells}");
    }
    for (column, asks) in [("Email Opt Out", true), ("refused", true), ("Lead Status", false), ("OPTIN_TIME", false)] {
        assert_eq!(recipe.asks_consent([&column.to_owned()]), asks, "{column}");
    }
}

#[test]
fn a_map_leaves_out_no_consent_unless_it_says_so() {
    let columns: BTreeSet<String> = ["Email", "Unsubscribed", "status", "OPTIN_TIME"].map(str::to_owned).into();
    for (map, fits) in [
        (r#"{"lead": {"Email": "email"}}"#, false),
        (r#"{"lead": {"Email": "email"}, "ignore": ["Unsubscribed"]}"#, true),
        (r#"{"lead": {"Email": "email", "Unsubscribed": "opted_out"}}"#, true),
        (r#"{"lead": {"Email": "email", "Unsubscribed": "refused.email"}}"#, true),
        (r#"{"lead": {"Email": "email"}, "data": {"Unsubscribed": "unsubscribed"}}"#, true),
    ] {
        let checked = recipe(Some(map), Enrolment::Fresh).check_columns(&columns);
        assert_eq!(checked.is_ok(), fits, "{map}: {checked:?}");
    }
    for (target, cell, expected) in [
        ("opted_out", "yes", json!({"opted_out": true})),
        ("opted_in", "no", json!({"opted_out": true})),
        ("opted_in", "yes", json!({})),
        ("refused.email", "1", json!({"refused": ["email"]})),
        ("accepted.call", "0", json!({"refused": ["call"]})),
        ("stage", "customer", json!({"stage": "customer"})),
        ("owner", "ana", json!({"owner": "ana"})),
    ] {
        let map = format!(r#"{{"lead": {{"Email": "email", "Spalte": "{target}"}}}}"#);
        let event = recipe(Some(&map), Enrolment::Fresh).make(row(json!({"Email": "a@b.io", "Spalte": cell}))).unwrap();
        let mut lead = row(event["lead"].clone());
        lead.remove("email");
        assert_eq!(Value::Object(lead), expected, "{target} with {cell}");
    }
}

#[test]
fn what_cannot_be_read_is_left_out_of_its_row() {
    for (cells, decimal_comma, field, why) in [
        (json!({"Employees": "51-200"}), false, "employees", Why::Type),
        (json!({"Employees": "1.200"}), false, "employees", Why::Ambiguous),
        (json!({"project_date": "31.02.2026"}), false, "project_date", Why::Type),
        (json!({"project_date": "03/04/2026"}), false, "project_date", Why::Ambiguous),
        (json!({"Budget": "1,200"}), true, "budget", Why::Ambiguous),
        (json!({"Budget": "1.200"}), true, "budget", Why::Ambiguous),
        (json!({"Phone": "n/a"}), false, "phone", Why::Form),
        (json!({"stage": "MQL"}), false, "stage", Why::Unknown),
    ] {
        let mut cells = row(cells);
        let what = format!("{cells:?}");
        cells.insert("email".to_owned(), "a@b.io".into());
        let made = recipe(None, Enrolment::Fresh).event(cells, decimal_comma).expect("the row is imported");
        let left: Vec<(&str, Why)> = made.left_out.iter().map(|left| (left.field.as_str(), left.why)).collect();
        assert_eq!(left, [(field, why)], "{what}");
    }
    for (cell, decimal_comma, expected) in
        [("1,200", false, 1_200.0), ("1.200,50", true, 1_200.5), ("1200", true, 1_200.0)]
    {
        let made = recipe(None, Enrolment::Fresh).event(row(json!({"email": "a@b.io", "Budget": cell})), decimal_comma);
        assert_eq!(made.unwrap().event["lead"]["budget"], expected, "{cell}");
    }
}

#[test]
fn several_columns_may_fill_one_field() {
    for (cells, phone) in [
        (json!({"Phone": "+1 212 555 0100", "Mobile": "+1 212 555 0199"}), "+1 212 555 0100"),
        (json!({"Phone": "", "Mobile": "+1 212 555 0199"}), "+1 212 555 0199"),
        (json!({"Telephone": "+1 212 555 0100", "Mobile": "+1 212 555 0199"}), "+1 212 555 0199"),
    ] {
        let made = recipe(None, Enrolment::Fresh).make(row(cells.clone())).unwrap();
        assert_eq!(made["lead"]["phone"], phone, "{cells}");
    }
}

#[test]
fn numbers_that_are_ids_stay_as_they_are() {
    for (id, expected) in [
        (json!(4711), "4711"),
        (json!(4711.0), "4711"),
        (json!("4711"), "4711"),
        (json!(9_007_199_254_740_993_u64), "9007199254740993"),
        (json!("0012"), "0012"),
    ] {
        let made = recipe(None, Enrolment::Fresh).make(row(json!({"external_id": id}))).unwrap();
        assert_eq!(made["lead"]["external_id"], expected);
    }
}

#[test]
fn what_is_said_to_come_is_no_row_of_the_past() {
    for (at, taken) in [("2026-11-20T15:04:00Z", true), ("2026-11-20T15:06:00Z", false), ("2099-01-01", false)] {
        let made = recipe(None, Enrolment::Fresh).make(row(json!({"email": "a@b.io", "at": at})));
        assert_eq!(made.is_ok(), taken, "{at}: {made:?}");
    }
}

/// A refusal counts for everything that the row names: every channel, every address and number.
#[test]
fn who_says_no_names_every_address_and_number() {
    for (given, expected) in [
        (
            json!({"email": "ada@x.example", "phone": "+1 212 555 0101", "refused": "call", "Email Opt Out": "yes"}),
            json!({"email": "ada@x.example", "phone": "+1 212 555 0101", "refused": ["call", "email"]}),
        ),
        (
            json!({"email": "ada@x.example", "refused": ["call", "message"], "Email Opt Out": "yes"}),
            json!({"email": "ada@x.example", "refused": ["call", "message", "email"]}),
        ),
        (
            json!({"Phone": "+1 212 555 0101", "Mobile": "+1 212 555 0102", "Do Not Call": "yes"}),
            json!({"phone": ["+1 212 555 0101", "+1 212 555 0102"], "refused": ["call"]}),
        ),
        (
            json!({"Email": "ada@x.example", "Email 2": "ada@y.example", "Unsubscribed": "yes"}),
            json!({"email": ["ada@x.example", "ada@y.example"], "opted_out": true}),
        ),
        (
            json!({"Email": "ada@x.example", "Email 2": "ada@y.example", "Unsubscribed": "no"}),
            json!({"email": "ada@x.example"}),
        ),
        (
            json!({"Email": "ada@x.example", "Direct phone": "+1 212 555 0102", "Notes": "call", "Unsubscribed": "yes"}),
            json!({"email": "ada@x.example", "phone": "+1 212 555 0102", "opted_out": true}),
        ),
    ] {
        let event = recipe(None, Enrolment::Always).make(row(given.clone())).unwrap();
        assert_eq!(event["lead"], expected, "{given}");
    }
}
