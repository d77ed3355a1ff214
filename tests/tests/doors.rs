//! Bad input at every route: a clear problem+json, nothing lost, nothing half done.

use cadenza_tests::{Delivery, Engine, Mailbox, Site, secret};
use serde_json::{Value, json};

fn engine(site: &Site, mailbox: &Mailbox) -> Engine {
    Engine::start(site, "virtual", Some(&mailbox.url))
}

fn lead(n: u32) -> Value {
    json!({"email": format!("p{n}@door.example"), "first_name": "Pat", "source": "web"})
}

fn leads(engine: &Engine) -> usize {
    let page = engine.client.get("/v1/leads?limit=100").expect(200).json;
    page["items"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_delivery_is_taken_only_when_it_is_genuine() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let now = cadenza_tests::now_s();
    let good = Delivery::new("msg_good", &lead(1));
    let forged = Delivery { signature: "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(), ..good.clone() };
    let changed = Delivery { body: good.body.replace("Pat", "Eve"), ..good.clone() };
    let moved = Delivery { second: good.second + 1, ..good.clone() };
    let other_id = Delivery { id: "msg_other".to_owned(), ..good.clone() };
    let cases = [
        ("a forged signature", forged),
        ("a changed body", changed),
        ("a changed time", moved),
        ("a changed id", other_id),
        ("a replay from an hour ago", Delivery::at("msg_old", &lead(1), now - 3_600)),
        ("one from the future", Delivery::at("msg_new", &lead(1), now + 3_600)),
    ];
    for (what, delivery) in cases {
        let answer = engine.deliver("website", &delivery).expect("the engine answers");
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        answer.problem(401);
    }
    assert_eq!(leads(&engine), 0, "nothing of it was taken");

    let first = engine.deliver("website", &good).expect("the engine answers").expect(202).json;
    assert_eq!(first["duplicate"], false);
    let again = Delivery::at("msg_good", &lead(1), now + 1);
    let second = engine.deliver("website", &again).expect("the engine answers").expect(202).json;
    assert_eq!(
        (&second["duplicate"], &second["lead"]),
        (&json!(true), &first["lead"]),
        "the same id is the same event"
    );
    let conflict = Delivery::new("msg_good", &lead(2));
    engine.deliver("website", &conflict).expect("the engine answers").problem(409);
    // Two signatures, one of them ours: a sender that is changing its key.
    let two = Delivery::new("msg_two", &lead(3));
    let two = Delivery { signature: format!("v1,AAAA {}", two.signature), ..two };
    engine.deliver("website", &two).expect("the engine answers").expect(202);
    assert_eq!(leads(&engine), 2);
    engine.stop();
}

#[test]
fn what_cannot_be_mapped_is_kept_for_a_person() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let nobody = Delivery::new("msg_nobody", &json!({"first_name": "Nobody"}));
    engine.deliver("website", &nobody).expect("the engine answers").problem(422);
    let letters = engine.client.get("/v1/dead-letters").expect(200).json;
    assert_eq!(letters["items"].as_array().map(Vec::len), Some(1), "{letters:#}");
    engine.deliver("nowhere", &Delivery::new("msg_1", &lead(1))).expect("the engine answers").problem(404);
    engine.stop();
}

#[test]
fn random_bytes_at_every_endpoint_get_a_problem() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let id = engine.bring("msg_1", &lead(1));
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = || -> Vec<u8> {
        (0..10_000)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            })
            .collect()
    };
    let paths = [
        "/hooks/website",
        "/v1/events",
        "/v1/leads",
        "/v1/tasks",
        "/v1/runs",
        "/v1/workflows",
        "/v1/schedules",
        "/v1/outbox",
        "/v1/dead-letters",
        "/v1/clock/advance",
        "/v1/workspace/apply",
        "/v1/tokens",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/tasks/tk_nonsense/outcome",
        "/v1/runs/rn_nonsense/cancel",
        "/v1/workflows/inbound/enroll",
        "/nowhere",
    ];
    let own =
        [format!("/v1/leads/{id}/owner"), format!("/v1/leads/{id}/opt-out"), format!("/v1/leads/{id}/preferences")];
    let before = engine.lead(&id);
    for path in paths.into_iter().map(str::to_owned).chain(own) {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            for kind in ["application/json", "text/plain"] {
                let body = noise();
                let answer =
                    engine.client.send(method, &path, &[("content-type", kind)], &body).expect("the engine answers");
                if (400..600).contains(&answer.status) {
                    assert!(answer.status < 500, "{method} {path} as {kind}: {} {}", answer.status, answer.text);
                    let status = answer.status;
                    answer.problem(status);
                }
            }
        }
    }
    let after = engine.lead(&id);
    assert_eq!(before["fields"], after["fields"], "nothing of it was taken");
    engine.client.get("/healthz").expect(200);
    assert!(!engine.log().contains("panicked"), "{}", engine.log());
    engine.stop();
}

#[test]
fn events_are_checked_one_by_one() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let event = |id: &str, kind: &str, lead: Value| json!({"id": id, "type": kind, "lead": lead});
    let batch = json!([
        event("e1", "lead.created", json!({"email": "a@door.example", "source": "web"})),
        event("e2", "lead.craeted", json!({"email": "b@door.example"})),
        event("e3", "lead.created", json!({"email": "c@door.example", "shoe_size": 42})),
        event("e4", "lead.created", json!({"first_name": "Nobody"})),
        event("e1", "lead.created", json!({"email": "a@door.example", "source": "web"})),
    ]);
    let results = engine.client.post("/v1/events", &batch);
    assert!(results.status < 300, "an array is answered item by item: {}", results.text);
    let items =
        results.json.as_array().or_else(|| results.json["results"].as_array()).expect("a list of results").clone();
    assert_eq!(items.len(), 5, "{}", results.text);
    assert_eq!(leads(&engine), 1, "only the good one made a lead");
    let too_many: Vec<Value> = (0..1_001).map(|n| event(&format!("m{n}"), "lead.created", lead(n))).collect();
    let answer = engine.client.post("/v1/events", &json!(too_many));
    assert!(matches!(answer.status, 400 | 413 | 422), "{}", answer.text);
    let status = answer.status;
    answer.problem(status);
    engine.stop();
}

#[test]
fn who_may_do_what() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    engine.client.with_token(None).get("/v1/leads").problem(401);
    engine.client.with_token(Some("cdz_wrong")).get("/v1/leads").problem(401);
    let made = engine.client.post("/v1/tokens", &json!({"name": "sender", "role": "ingest"}));
    assert!(made.status < 300, "{}", made.text);
    let token = made.json["token"].as_str().expect("a token").to_owned();
    let sender = engine.client.with_token(Some(&token));
    sender.get("/v1/leads").problem(403);
    sender.post("/v1/clock/advance", &json!({"by": "1h"})).problem(403);
    let event = json!({"id": "e1", "type": "lead.created", "lead": lead(1)});
    assert!(sender.post("/v1/events", &event).status < 300);
    engine.stop();
}

#[test]
fn a_broken_workspace_never_replaces_a_good_one() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let running = engine(&site, &mailbox);
    let before = running.client.get("/v1/workflows").expect(200).json;
    site.edit("inbound.yaml", |text| text.replace("go: own", "go: onw"));
    let problem = running.client.post("/v1/workspace/apply", &json!({})).problem(422);
    assert!(problem.to_string().contains("onw"), "the problem names what is wrong: {problem:#}");
    assert_eq!(running.client.get("/v1/workflows").expect(200).json, before, "the running one goes on");
    running.bring("msg_1", &lead(1));
    running.stop();
    // Started again with the folder still broken: what ran before continues.
    let again = engine(&site, &mailbox);
    assert_eq!(again.client.get("/v1/workflows").expect(200).json, before);
    assert!(again.log().contains("refused"), "said aloud: {}", again.log());
    again.stop();
}

#[test]
fn one_process_a_data_folder() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    let Err(log) = Engine::try_start(&site, "virtual", None, &[]) else { panic!("a second engine started") };
    assert!(log.contains("another cadenza process"), "{log}");
    engine.stop();
}

#[test]
fn a_secret_is_never_shown() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = engine(&site, &mailbox);
    for path in ["/v1/workflows", "/v1/intake", "/v1/outbox", "/metrics", "/readyz"] {
        let text = engine.client.get(path).text;
        assert!(!text.contains(&secret()[6..]), "{path} shows a secret");
    }
    assert!(!engine.log().contains(&secret()[6..]), "the log shows a secret");
    engine.stop();
}
