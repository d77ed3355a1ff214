//! What other systems send: signed in several ways or with a token, as JSON or as a form; and what happens to a
//! delivery that is genuine but cannot be read.

use cadenza_tests::{Answer, Client, Delivery, Engine, Site, cadenza, now_s};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "a shared secret of these tests";

const STANDARD: &str = "sources:
  standard:
    signature: standard-webhooks
    secret: { env: CADENZA_WEBSITE_SECRET }
    event: lead.created
    lead: { email: contact.email, first_name: name }
  header-id:
    signature: { hmac: hex, header: X-Signature, prefix: \"sha256=\", id_header: X-Delivery }
    secret: { file: secret }
    event: lead.engaged
    lead: { email: email }
";
const STRIPE_AND_TOKENS: &str = "  stripe:
    signature: stripe
    secret: { file: secret }
    event: { path: type, map: { new: lead.created } }
    id: id
    lead: { email: data.email }
  header-token:
    signature: { token: header, name: Authorization, prefix: \"Bearer \" }
    secret: { file: secret }
    event: lead.created
    id: id
    lead: { email: email, first_name: name }
  address-token:
    signature: { token: query, name: key }
    secret: { file: token }
    event: lead.created
    id: id
    lead: { email: contact.email, first_name: name, phone: phone }
";

fn start(more: &str) -> (Site, Engine) {
    let site = Site::empty();
    site.write("cadenza.yaml", "name: Webhooks\ntimezone: Europe/Berlin\n");
    site.write("sources.yaml", &format!("{STANDARD}{more}"));
    site.write("secret", SECRET);
    site.write("token", "t0ken");
    let engine = Engine::start(&site, "real", None);
    (site, engine)
}

fn mac(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Posts to a source without any token of ours.
fn post(engine: &Engine, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let client: Client = engine.client.with_token(None);
    client.send("POST", &format!("/hooks/{path}"), headers, body).expect("the engine answers")
}

/// Sends a delivery signed by Standard Webhooks, under either family of names.
fn standard(engine: &Engine, names: &str, id: &str, content_type: Option<&str>, body: &[u8]) -> Answer {
    let (second, signature) = Delivery::sign(id, body);
    let headers = ["id", "timestamp", "signature"].map(|name| format!("{names}-{name}"));
    let mut given: Vec<(&str, &str)> = headers.iter().map(String::as_str).zip([id, &second, &signature]).collect();
    given.extend(content_type.map(|value| ("content-type", value)));
    post(engine, "standard", &given, body)
}

fn stripe(engine: &Engine, body: &[u8]) -> Answer {
    let second = now_s().to_string();
    let header = format!("t={second},v1={},v1={}", "00".repeat(32), mac(&[second.as_bytes(), b".", body]));
    post(engine, "stripe", &[("stripe-signature", &header), ("content-type", "application/json; charset=utf-8")], body)
}

fn letters(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/dead-letters").expect(200).json;
    page["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn every_way_of_showing_who_one_is_brings_a_lead() {
    let (_site, engine) = start(STRIPE_AND_TOKENS);
    let body = br#"{"contact": {"email": "ada@acme.example"}, "name": "Ada", "email": "ada@acme.example", "id": "e1"}"#;
    let bearer = format!("bEaRer {SECRET}");
    let id = standard(&engine, "webhook", "msg_1", None, body).expect(202).json["lead"].clone();
    for answer in [
        standard(&engine, "svix", "msg_2", Some("application/json"), body),
        stripe(&engine, br#"{"id": "evt_1", "type": "new", "data": {"email": "ada@acme.example"}}"#),
        post(&engine, "header-token", &[("authorization", &bearer)], body),
        post(&engine, "address-token?key=t0ken", &[], body),
    ] {
        let taken = answer.expect(202).json;
        assert_eq!((&taken["lead"], &taken["duplicate"]), (&id, &json!(false)), "{taken}");
    }
    let again =
        stripe(&engine, br#"{"id": "evt_1", "type": "new", "data": {"email": "ada@acme.example"}}"#).expect(202);
    assert_eq!(again.json["duplicate"], true, "a retry is signed anew, and is the same event");
    engine.stop();
}

#[test]
fn a_refusal_names_the_header_and_what_it_should_hold() {
    let (_site, engine) = start(STRIPE_AND_TOKENS);
    let (second, body) = (now_s().to_string(), b"{}");
    let old = format!("t=1000,v1={}", mac(&[b"1000", b".", body]));
    let other = format!("t={second},v1={}", "00".repeat(32));
    for (path, headers, at, says) in [
        ("standard", vec![], "webhook-id", "`svix-id` is taken, too"),
        ("standard", vec![("svix-id", "msg_1")], "svix-timestamp", "is missing"),
        ("stripe", vec![], "stripe-signature", "is missing"),
        ("stripe", vec![("stripe-signature", "v1=00")], "stripe-signature", "the time as `t=…`"),
        ("stripe", vec![("stripe-signature", "t=1,v0=00")], "stripe-signature", "behind our clock"),
        ("stripe", vec![("stripe-signature", &old)], "stripe-signature", "behind our clock"),
        (
            "stripe",
            vec![("stripe-signature", &other)],
            "stripe-signature",
            "no signature in `stripe-signature` matches",
        ),
        ("header-id", vec![("x-signature", "abc")], "x-signature", "`sha256=` and 64 hexadecimal digits"),
        ("header-token", vec![], "authorization", "is missing"),
        ("header-token", vec![("authorization", "Basic x")], "authorization", "it begins with `Bearer`"),
        ("header-token", vec![("authorization", "Bearer x")], "authorization", "not that of the source"),
        ("address-token", vec![], "key", "the parameter `key` of the address is missing"),
        ("address-token?key=x", vec![], "key", "not that of the source"),
    ] {
        let problem = post(&engine, path, &headers, body).problem(401);
        assert_eq!(problem["at"], at, "{path} {headers:?}: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.contains(says)),
            "{path} {headers:?}: {problem}"
        );
    }
    assert_eq!(letters(&engine), Vec::<Value>::new(), "what is not genuine is not kept");
    engine.stop();
}

#[test]
fn a_captured_delivery_does_not_count_anew_under_another_id() {
    let (_site, engine) = start("");
    let body = br#"{"email": "ada@acme.example"}"#;
    let signature = format!("sha256={}", mac(&[body]));
    let send = |id: &str| post(&engine, "header-id", &[("x-signature", &signature), ("x-delivery", id)], body);
    let first = send("1").expect(202).json;
    let replayed = send("2").expect(202).json;
    assert_eq!((&replayed["lead"], &replayed["duplicate"]), (&first["lead"], &json!(true)));
    let lead = first["lead"].as_str().expect("a lead");
    assert_eq!(engine.lead(lead)["engagements"].as_array().map(Vec::len), Some(1), "{}", engine.lead(lead));
    engine.stop();
}

#[test]
fn bodies_come_in_every_form_that_senders_have() {
    let (_site, engine) = start("");
    let json = r#"{"contact": {"email": "ada@acme.example"}, "name": "Müller", "id": "1"}"#;
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(json.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = json.chars().map(|c| c as u8).collect();
    let form = "contact%5Bemail%5D=ada%40acme.example&name=M%C3%BCller";
    for (n, content_type, body) in [
        (1, Some("application/json"), json.as_bytes().to_vec()),
        (2, Some("application/cloudevents+json; charset=utf-8"), json.as_bytes().to_vec()),
        (3, None, json.as_bytes().to_vec()),
        (4, Some("application/json"), ["\u{FEFF}".as_bytes(), json.as_bytes()].concat()),
        (5, Some("application/json"), utf16),
        (6, Some("application/json; charset=iso-8859-1"), latin),
        (7, Some("application/x-www-form-urlencoded"), form.as_bytes().to_vec()),
        (
            8,
            Some("application/x-www-form-urlencoded; charset=UTF-8"),
            form.replace("%5B", ".").replace("%5D", "").into_bytes(),
        ),
    ] {
        let taken = standard(&engine, "webhook", &format!("msg_{n}"), content_type, &body).expect(202).json;
        let lead = engine.lead(taken["lead"].as_str().expect("a lead"));
        assert_eq!(
            (&lead["fields"]["email"], &lead["fields"]["first_name"]),
            (&json!("ada@acme.example"), &json!("Müller")),
            "{n}: {lead}"
        );
    }
    let event = json!({"type": "lead.created", "id": "bom", "lead": {"email": "bo@acme.example"}}).to_string();
    let marked = ["\u{FEFF}", &event].concat();
    let token = [("content-type", "application/json")];
    let taken = engine.client.send("POST", "/v1/events", &token, marked.as_bytes()).expect("the engine answers");
    taken.expect(202);
    engine.stop();
}

#[test]
fn what_is_genuine_and_cannot_be_read_is_kept_once_with_its_bytes() {
    let (site, engine) = start("");
    let broken: &[u8] = b"{\"contact\": {\"email\": \"ada@acme.example\xFF\"}";
    for (status, at, content_type, body) in [
        (400, "line 1, column 40", Some("application/json"), broken),
        (415, "Content-Type", Some("multipart/form-data; boundary=x"), b"--x--"),
        (415, "Content-Type", Some("application/json; charset=klingon"), b"{}"),
        (422, "lead", Some("application/json"), br#"{"contact": {"email": {"at": 1}}}"#),
        (422, "lead", Some("application/x-www-form-urlencoded"), b"name=Ada"),
    ] {
        let before = letters(&engine).len();
        let mut ids = Vec::new();
        for _ in 0..5 {
            let problem =
                standard(&engine, "webhook", &format!("msg_{status}_{before}"), content_type, body).problem(status);
            assert_eq!(problem["at"], at, "{problem}");
            ids.push(problem["dead_letter"].clone());
        }
        assert!(ids.iter().all(|id| id.is_string() && *id == ids[0]), "five retries are one letter: {ids:?}");
        let kept = letters(&engine);
        assert_eq!(kept.len(), before + 1, "{kept:#?}");
        let letter =
            engine.client.get(&format!("/v1/dead-letters/{}", ids[0].as_str().expect("an id"))).expect(200).json;
        assert_eq!(
            (&letter["times"], &letter["event"]),
            (&json!(5), &json!(format!("msg_{status}_{before}"))),
            "{letter}"
        );
        match std::str::from_utf8(body) {
            Ok(text) => assert_eq!((&letter["body"], &letter["body_base64"]), (&json!(text), &Value::Null)),
            Err(_) => assert_eq!(letter["body_base64"], "eyJjb250YWN0IjogeyJlbWFpbCI6ICJhZGFAYWNtZS5leGFtcGxl/yJ9"),
        }
    }
    let count = letters(&engine).len();
    let command = |arguments: &[&str]| {
        let output = cadenza(arguments).env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin).output();
        let output = output.expect("cadenza runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = command(&["dead-letters", "--source", "standard", "--json"]);
    let listed: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, listed.as_array().map(Vec::len)), (Some(0), Some(5)));

    // The mapping is corrected: what it can now read is redriven, as the form that it is.
    site.edit("sources.yaml", |text| {
        text.replace("lead: { email: contact.email, first_name: name }", "lead: { external_id: name }")
    });
    engine.client.post("/v1/workspace/apply", &json!({})).expect(200);
    let (code, said) = command(&["dead-letters", "redrive", "--all", "--source", "standard"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 dead letter driven again; 4 lie there still."), "{said}");
    assert_eq!(letters(&engine).len(), count - 1);
    let (code, said) = command(&["dead-letters", "discard", "--all"]);
    assert_eq!((code, letters(&engine).len()), (Some(0), 0), "{said}");
    // What was thrown away is forgotten: if it comes once more, it is a new letter.
    standard(&engine, "webhook", "msg_400_0", Some("application/json"), broken).problem(400);
    assert_eq!(letters(&engine)[0]["times"], 1);
    engine.stop();
}

/// The id in a body may be that of a contact: two statements about it are two letters, but a retry with a
/// different counter is not.
#[test]
fn two_deliveries_under_one_id_are_two_letters() {
    let (_site, engine) = start(STRIPE_AND_TOKENS);
    let before = letters(&engine).len();
    for body in [
        &br#"{"id": "c_7", "type": "old", "attempt": 1, "name": "Ada"}"#[..],
        br#"{"id": "c_7", "type": "old", "attempt": 2, "name": "Ada"}"#,
        br#"{"id": "c_7", "type": "old", "attempt": 1, "name": "Bob"}"#,
        br#"{"id": "c_8", "type": "old", "attempt": 1, "name": "Ada"}"#,
    ] {
        assert!(stripe(&engine, body).json["dead_letter"].is_string());
    }
    let kept = letters(&engine);
    let mut found: Vec<(&str, u64)> =
        kept.iter().filter_map(|letter| Some((letter["event"].as_str()?, letter["times"].as_u64()?))).collect();
    found.sort_unstable();
    assert_eq!((kept.len() - before, found), (3, vec![("c_7", 1), ("c_7", 2), ("c_8", 1)]));
    engine.stop();
}

#[test]
fn an_id_in_the_body_is_known_however_far_the_body_can_be_read() {
    let (_site, engine) = start(STRIPE_AND_TOKENS);
    // Without an id a delivery is identified by its body.
    for (body, event) in [(&br#"{"id": "evt_9", "type": "#[..], "evt_9"), (br#"{"type": "old"}"#, "")] {
        let before = letters(&engine).len();
        for _ in 0..3 {
            let answer = stripe(&engine, body);
            assert!(answer.json["dead_letter"].is_string(), "{}", answer.text);
        }
        let kept = letters(&engine);
        let found: Vec<&Value> =
            kept.iter().filter(|letter| letter["source"] == "stripe" && letter["event"] == event).collect();
        assert_eq!(kept.len(), before + 1);
        assert_eq!((found.len(), &found[0]["times"]), (1, &json!(3)));
    }
    engine.stop();
}
