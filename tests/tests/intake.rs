//! Imperfect input, through the real binary: a CRM that sends numbers as ids, deliveries that come again in another
//! form, times in the future, values that cannot be read, and lists as mail tools write them. Nobody is lost because of
//! it, nobody who said no gets a mail, and whoever can do something about it is told.

use cadenza_tests::{Answer, Delivery, Engine, Mailbox, Site, cadenza, now_s};
use serde_json::{Value, json};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

/// An engine whose website says which CRM contact somebody is.
fn engine(site: &Site, mailbox: &Mailbox) -> Engine {
    site.edit("sources.yaml", |text| {
        let mapped = text.replacen("      email: email\n", "      external_id: id\n      email: email\n", 1);
        assert_ne!(mapped, text, "the website's mapping has an address");
        mapped
    });
    let engine = Engine::start(site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine
}

/// Sends exactly this body to the website.
fn deliver(engine: &Engine, id: &str, body: &str) -> Answer {
    engine.deliver("website", &Delivery::raw(id, body, now_s())).expect("the engine answers")
}

fn left_out(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let items = answer["left_out"].as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(|left| (text(&left["field"]), text(&left["code"]))).collect()
}

fn profile(engine: &Engine, lead: &Value) -> Value {
    engine.lead(lead.as_str().expect("a lead's id"))
}

fn timeline(engine: &Engine, lead: &Value) -> String {
    engine.client.get(&format!("/v1/leads/{}/timeline?limit=200", lead.as_str().expect("an id"))).expect(200).text
}

#[test]
fn a_crm_with_numeric_ids_is_one_lead_an_id() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    // The website knows contact 4711 as a number, and has its phone number and size in the form of other programs.
    let first = deliver(
        &engine,
        "msg_1",
        r#"{"id": 4711, "email": "ada@acme.example", "phone": 12125550100, "employees": "250.0", "budget": "1,200",
            "project_date": "2026-12-01", "timezone": "Pacific Standard Time", "source": "web"}"#,
    )
    .expect(202)
    .json;
    assert_eq!(left_out(&first), [], "all of it can be read: {first:#}");
    let lead = &first["lead"];
    let fields = profile(&engine, lead)["fields"].clone();
    for (field, expected) in [
        ("external_id", json!("4711")),
        ("employees", json!(250)),
        ("budget", json!(1_200.0)),
        ("project_date", json!("2026-12-01T05:00:00Z")),
        ("timezone", json!("America/Los_Angeles")),
    ] {
        assert_eq!(fields[field], expected, "{field} of {fields:#}");
    }

    // The CRM sends the same contact over the API: as a double, as a text, by PUT.
    for (n, id) in [(1, "4711"), (2, "4711.0"), (3, "\"4711\"")] {
        let event =
            format!(r#"{{"id": {n}, "type": "lead.updated", "lead": {{"external_id": {id}, "title": "VP {n}"}}}}"#);
        let answer = engine.client.send("POST", "/v1/events", &[], event.as_bytes()).expect("it answers").expect(202);
        assert_eq!(answer.json["lead"], *lead, "an event with the id {id}");
        assert_eq!(answer.json["event"], n.to_string(), "a numeric event id");
    }
    let put = engine.client.json("PUT", "/v1/leads", &json!({"external_id": 4711, "city": "Boston"})).expect(200);
    assert_eq!(put.json["lead"], *lead);

    // Ids too large for a double are still distinguished.
    let long = |id: &str| {
        let event = format!(r#"{{"type": "lead.created", "lead": {{"external_id": {id}}}}}"#);
        engine.client.send("POST", "/v1/events", &[], event.as_bytes()).expect("it answers").expect(202).json["lead"]
            .clone()
    };
    let ids = ["9007199254740992", "9007199254740993", "12345678901234567890123", "12345678901234567890124"];
    let leads: std::collections::BTreeSet<String> = ids.iter().map(|id| long(id).to_string()).collect();
    assert_eq!(leads.len(), ids.len(), "four ids, four leads");
    for id in ids {
        let found = engine.client.get(&format!("/v1/leads?q={id}")).expect(200).json;
        assert_eq!(found["items"][0]["external_id"], id, "a list says whose id it is: {found:#}");
    }
    engine.stop();
}

#[test]
fn a_delivery_is_known_again_however_it_is_written() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let first =
        deliver(&engine, "msg_1", r#"{"id": "a1", "email": "ada@acme.example", "employees": 250, "attempt": 1}"#);
    let lead = first.expect(202).json["lead"].clone();
    for (body, status) in [
        (r#"{"id": "a1", "email": "ada@acme.example", "employees": 250, "attempt": 2}"#, 202),
        (r#"{"attempt": 3, "employees": 250.0, "email": "ada@acme.example", "id": "a1"}"#, 202),
        (r#"{"id": "a1", "email": " ada@acme.example ", "employees": "250", "title": ""}"#, 202),
        (r#"{"id": "a1", "email": "ada@acme.example", "employees": 251}"#, 409),
        (r#"{"id": "a1", "email": "ada@acme.example"}"#, 409),
    ] {
        let answer = deliver(&engine, "msg_1", body).expect(status).json;
        if status == 202 {
            assert_eq!((&answer["duplicate"], &answer["lead"]), (&json!(true), &lead), "{body}");
        }
    }
    let event = |body: &str, status| {
        engine.client.send("POST", "/v1/events", &[], body.as_bytes()).expect("it answers").expect(status).json
    };
    event(
        r#"{"id": "e1", "type": "lead.engaged", "lead": {"email": "ada@acme.example"}, "data": {"n": 1, "m": "x"}}"#,
        202,
    );
    let again = event(
        r#"{"type": "lead.engaged", "data": {"m": "x", "n": 1.0}, "lead": {"email": "ada@acme.example"}, "id": "e1"}"#,
        202,
    );
    assert_eq!(again["duplicate"], true, "no time was given, so the time is no part of it");
    event(
        r#"{"id": "e1", "type": "lead.engaged", "lead": {"email": "ada@acme.example"}, "data": {"n": 2, "m": "x"}}"#,
        409,
    );
    engine.stop();
}

#[test]
fn what_cannot_be_read_is_told_and_costs_nobody_the_lead() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let body = r#"{"id": "b1", "email": "bob@acme.example", "employees": "51-200", "first_name": ["Bob"], "budget": {"from": 1},
        "title": "CFO", "title": "CTO", "timezone": "Atlantis", "project_date": "03/04/2027", "message": "Call me."}"#;
    let answer = deliver(&engine, "msg_1", body).expect(202).json;
    let mut left = left_out(&answer);
    left.sort();
    let expected = [
        ("budget", "object"),
        ("employees", "type"),
        ("first_name", "list"),
        ("project_date", "ambiguous"),
        ("timezone", "unknown"),
        ("title", "repeated"),
    ];
    assert_eq!(left, expected.map(|(field, code)| (field.to_owned(), code.to_owned())), "{answer:#}");
    let fields = profile(&engine, &answer["lead"])["fields"].clone();
    assert_eq!(fields["message"], "Call me.");
    let story = timeline(&engine, &answer["lead"]);
    assert!(story.contains("`51-200` is not a whole number"), "the lead's story says it: {story}");

    // A blank clears nothing; null does, where the lead is described.
    let lead = json!({"external_id": "b1", "message": "", "city": "Boston"});
    let put = |lead: &Value| engine.client.json("PUT", "/v1/leads", lead).expect(200).json;
    put(&lead);
    assert_eq!(profile(&engine, &answer["lead"])["fields"]["message"], "Call me.");
    put(&json!({"external_id": "b1", "message": null}));
    assert_eq!(profile(&engine, &answer["lead"])["fields"]["message"], Value::Null);
    // An older statement does not change a newer one, and that is reported.
    let old = json!({"type": "lead.updated", "at": "2026-11-01", "lead": {"external_id": "b1", "city": "Albany"}});
    let told = engine.client.post("/v1/events", &old).expect(202).json;
    assert_eq!(left_out(&told), [("city".to_owned(), "older".to_owned())], "{told:#}");
    assert_eq!(profile(&engine, &answer["lead"])["fields"]["city"], "Boston");
    // If nothing names a lead, the refusal says what was left out.
    let refused =
        engine.client.post("/v1/events", &json!({"type": "lead.created", "lead": {"email": "nobody"}})).problem(422);
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`nobody`")), "{refused:#}");
    engine.stop();
}

#[test]
fn what_lies_ahead_has_not_happened() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let (soon, late) = ("2026-11-30T15:04:00Z", "2099-01-01T00:00:00Z");
    let event = |at: &str| json!({"type": "lead.engaged", "at": at, "lead": {"email": "ada@acme.example"}});
    engine.client.post("/v1/events", &event(soon)).expect(202);
    assert_eq!(engine.client.post("/v1/events", &event(late)).problem(422)["at"], "at");
    let several = engine.client.post("/v1/events", &json!([event(soon), event(late), event(soon)])).expect(207).json;
    assert_eq!((&several["accepted"], &several["failed"]), (&json!(2), &json!(1)), "{several:#}");
    assert_eq!(several["results"][1]["problem"]["at"], "at");
    let hook = |id: &str, at: &str| {
        deliver(&engine, id, &json!({"id": id, "email": "b@acme.example", "submitted_at": at}).to_string())
    };
    hook("m1", soon).expect(202);
    let kept = hook("m2", late).problem(422);
    assert!(kept["dead_letter"].is_string(), "a person can see what came: {kept:#}");
    hook("m3", "1796050800").expect(202);
    hook("m4", "4070908800").problem(422);
    engine.stop();
}

#[test]
fn members_that_are_there_twice_are_refused_where_somebody_can_mend_it() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let send = |method: &str, path: &str, body: &str| {
        engine.client.send(method, path, &[], body.as_bytes()).expect("it answers")
    };
    for (method, path, body, at) in [
        (
            "POST",
            "/v1/events",
            r#"{"type": "lead.created", "lead": {"email": "a@b.example", "email": "c@b.example"}}"#,
            "lead.email",
        ),
        (
            "POST",
            "/v1/events",
            r#"{"type": "lead.created", "type": "lead.updated", "lead": {"email": "a@b.example"}}"#,
            "type",
        ),
        ("PUT", "/v1/leads", r#"{"email": "a@b.example", "email": "c@b.example"}"#, "email"),
    ] {
        let refused = send(method, path, body).problem(422);
        assert_eq!(refused["at"], at, "{body}: {refused:#}");
    }
    let several = send(
        "POST",
        "/v1/events",
        r#"[{"type": "lead.created", "lead": {"email": "a@b.example"}}, {"type": "lead.created", "lead": {"email": "a@b.example", "email": "c@b.example"}}]"#,
    )
    .expect(207);
    assert_eq!(several.json["failed"], 1, "{}", several.text);
    engine.stop();
}

#[test]
fn a_webhook_may_not_share_its_name_with_the_api() {
    let site = Site::new();
    site.edit("sources.yaml", |text| text.replace("  website:", "  api:"));
    let checked = cadenza(&["validate", site.workspace().to_str().expect("UTF-8")]).output().expect("cadenza runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(!checked.status.success() && said.contains("cannot be named `api`"), "{said}");
}

/// Imports a list and returns whether all went well, and what was printed.
fn import(engine: &Engine, site: &Site, name: &str, list: &[u8], more: &[&str]) -> (bool, String) {
    let file = site.data().parent().expect("the site's folder").join(name);
    std::fs::write(&file, list).expect("the site's folder can be written");
    let mut command = cadenza(&["import", file.to_str().expect("UTF-8"), "--yes"]);
    command.args(more).env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin);
    let done = command.output().expect("cadenza runs");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), said)
}

fn by_mail(engine: &Engine, mail: &str) -> Value {
    let found = engine.client.get(&format!("/v1/leads?q={mail}")).expect(200).json;
    let lead = found["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{mail} was not imported")).to_owned();
    engine.lead(&lead)
}

#[test]
fn nobody_who_said_no_in_some_tool_is_enrolled_or_written_to() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let sales = "Id;FirstName;Email;Phone;Lead Source;HasOptedOutOfEmail;DoNotCall\n\
        1;Ann;ann@one.example;+1 212 555 0101;web;0;0\n\
        2;Ben;ben@one.example;+1 212 555 0102;web;1;0\n\
        3;Cyd;cyd@one.example;+1 212 555 0103;web;0;1\n";
    let mails = "\"Email Address\",\"First Name\",status,UNSUB_TIME,source\n\
        dan@two.example,Dan,subscribed,,web\n\
        eve@two.example,Eve,unsubscribed,2026-03-01 10:00:00,web\n\
        fay@two.example,Fay,cleaned,,web\n";
    let hub = "Record ID\tEmail\tUnsubscribed from all email\tEmail hard bounce reason\tLead Source\n\
        41\tgus@three.example\t\t\tweb\n\
        42\thal@three.example\ttrue\t\tweb\n\
        43\tivy@three.example\tfalse\tUNKNOWN_USER\tweb\n";
    let german = "E-Mail;Vorname;Abgemeldet;Nicht anrufen;source\njan@vier.example;J\u{FC}rgen;;;web\n\
        kim@vier.example;Kim;ja;;web\nleo@vier.example;Leo;nein;x;web\n";
    let latin: Vec<u8> = german.chars().map(|c| c as u8).collect();
    let map = site.data().parent().expect("a folder").join("map.yaml");
    std::fs::write(&map, "lead: { E-Mail: email, Vorname: first_name, Abgemeldet: opted_out, Nicht anrufen: refused.call, source: source }\n").expect("written");
    for (name, list, more) in [
        ("sales.csv", sales.as_bytes(), vec![]),
        ("mails.csv", mails.as_bytes(), vec![]),
        ("hub.tsv", hub.as_bytes(), vec![]),
        ("german.csv", latin.as_slice(), vec!["--map", map.to_str().expect("UTF-8")]),
    ] {
        let (well, said) = import(&engine, &site, name, list, &more);
        assert!(well && said.contains("3 taken"), "{name}: {said}");
        assert!(said.contains("none of these is enrolled"), "the preview says who said no: {said}");
    }
    assert_eq!(by_mail(&engine, "jan@vier.example")["fields"]["first_name"], "Jürgen", "Windows-1252");
    for (mail, opted_out, refused, enrolled) in [
        ("ann@one.example", false, json!([]), true),
        ("ben@one.example", false, json!(["email"]), false),
        ("cyd@one.example", false, json!(["call"]), false),
        ("dan@two.example", false, json!([]), true),
        ("eve@two.example", true, json!([]), false),
        ("fay@two.example", false, json!(["email"]), false),
        ("gus@three.example", false, json!([]), true),
        ("hal@three.example", false, json!(["email"]), false),
        ("ivy@three.example", false, json!(["email"]), false),
        ("jan@vier.example", false, json!([]), true),
        ("kim@vier.example", true, json!([]), false),
        ("leo@vier.example", false, json!(["call"]), false),
    ] {
        let lead = by_mail(&engine, mail);
        assert_eq!(lead["consent"]["opted_out"].is_object(), opted_out, "{mail}: {lead:#}");
        assert_eq!(lead["consent"]["refused"], refused, "{mail}: {lead:#}");
        let runs = lead["runs"].as_array().map_or(0, Vec::len);
        assert_eq!(runs > 0, enrolled, "{mail} is in {runs} workflows: {lead:#}");
    }
    // A month of everything that the workspace does.
    engine.advance("30d");
    let written: Vec<String> =
        mailbox.mails().iter().filter_map(|mail| mail.body["to"].as_str().map(str::to_owned)).collect();
    for mail in ["ben@", "eve@", "fay@", "hal@", "ivy@", "kim@"] {
        assert!(!written.iter().any(|to| to.starts_with(mail)), "{mail} was written to: {written:?}");
    }
    engine.stop();
}

#[test]
fn a_list_that_is_not_clear_about_consent_is_not_imported() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let list = b"email,Unsubscribed\na@b.example,no\nc@b.example,maybe\n";
    let (well, said) = import(&engine, &site, "unclear.csv", list, &[]);
    assert!(!well && said.contains("line 3") && said.contains("--map"), "{said}");
    let found = engine.client.get("/v1/leads").expect(200).json;
    assert_eq!(found["items"], json!([]), "nobody was imported");
    let map = site.data().parent().expect("a folder").join("map.yaml");
    std::fs::write(&map, "lead: { email: email }\n").expect("written");
    let (well, said) = import(&engine, &site, "unclear.csv", list, &["--map", map.to_str().expect("UTF-8")]);
    assert!(!well && said.contains("opted_out") && said.contains("ignore: [Unsubscribed]"), "{said}");
    engine.stop();
}

#[test]
fn an_opt_out_in_a_row_that_cannot_be_read_is_not_lost() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    // A time that cannot be read is left out, and the row does not count as recent.
    let list = b"Email,Created Date,Email Opt Out,Lead Source\ngil@five.example,26-Nov-2026,1,web\n\
        hal@five.example,12/10/2026,0,web\n";
    let (well, said) = import(&engine, &site, "dates.csv", list, &[]);
    assert!(well && said.contains("2 taken") && said.contains("1 refuse email"), "{said}");
    assert!(said.contains("`12/10/2026` may mean two things"), "{said}");
    assert_eq!(by_mail(&engine, "gil@five.example")["consent"]["refused"], json!(["email"]));
    assert_eq!(by_mail(&engine, "hal@five.example")["runs"], json!([]), "nobody knows whether it is new");
    // In rows with too few or too many cells it is unknown who said no.
    for list in [
        "Email,Email Opt Out,source\nann@six.example,0,web\nbea@six.example,1\n",
        "Email,Email Opt Out,source\nann@six.example,0,web\nbea@six.example,1,web,more\n",
        "{\"email\": \"ann@six.example\", \"unsubscribed\": false}\n{\"email\": \"bea@six.example\", \n",
        "{\"type\": \"lead.opted_out\", \"at\": \"soon\", \"lead\": {\"email\": \"bea@six.example\", \"opted_out\": true}}\n",
    ] {
        let name = if list.starts_with('{') { "cells.jsonl" } else { "cells.csv" };
        let (well, said) = import(&engine, &site, name, list.as_bytes(), &[]);
        assert!(!well && said.contains("nothing was imported"), "{said}");
    }
    let found = engine.client.get("/v1/leads?q=six.example").expect(200).json;
    assert_eq!(found["items"], json!([]), "nobody was imported");
    engine.stop();
}

#[test]
fn lists_bring_stages_and_owners_and_say_which_they_could_not() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let list = "email,stage,Lead Owner,Employees,project_date,Budget\n\
        a@b.example,customer,Ana Castillo,\"1,200\",2026-12-01,\"1,200.50\"\n\
        c@b.example,MQL,Nobody Known,51-200,soon,\n,,,,,\n";
    let (well, said) = import(&engine, &site, "stages.csv", list.as_bytes(), &[]);
    assert!(well && said.contains("2 taken") && said.contains("1 empty row passed over"), "{said}");
    for told in [
        "line 3",
        "`MQL` is not known",
        "`51-200` is not a whole number",
        "`soon` is not a time",
        "`Nobody Known` is not known here",
    ] {
        assert!(said.contains(told), "`{told}` is told: {said}");
    }
    let lead = by_mail(&engine, "a@b.example");
    assert_eq!((&lead["stage"], &lead["owner"]), (&json!("customer"), &json!("ana")), "{lead:#}");
    assert_eq!((&lead["fields"]["employees"], &lead["fields"]["budget"]), (&json!(1_200), &json!(1_200.5)));
    assert_eq!(lead["fields"]["project_date"], "2026-12-01T05:00:00Z", "a day of the workspace's zone");
    let (_, again) = import(&engine, &site, "stages.csv", list.as_bytes(), &[]);
    assert!(again.contains("0 taken, 2 were here before"), "{again}");
    engine.stop();
}
