//! Sends invalid input to every route of the API: each answers with a problem, and none opens without a token. There is
//! no driver behind the routes, so whatever would change something is refused there at the latest.

use super::*;
use crate::token::{Role, Token};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use cadenza_core::lead::RepId;
use cadenza_runtime::fixture;
use cadenza_store::{Batch, BatchId, MemoryStore, Store};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;

/// Method, address, and the least role that may call it. `None` for routes that are open or have a lock of their own.
const DOORS: &[(&str, &str, Option<Role>)] = &[
    ("POST", "/hooks/website", None),
    ("POST", "/v1/events", Some(Role::Ingest)),
    ("POST", "/v1/mail", Some(Role::Ingest)),
    ("GET", "/v1/intake", Some(Role::Ingest)),
    ("GET", "/v1/leads", Some(Role::Viewer)),
    ("PUT", "/v1/leads", Some(Role::Ingest)),
    ("GET", "/v1/leads/{lead}", Some(Role::Viewer)),
    ("GET", "/v1/leads/{lead}/timeline", Some(Role::Viewer)),
    ("GET", "/v1/leads/{lead}/gate", Some(Role::Viewer)),
    ("GET", "/v1/leads/{lead}/mail?script=scripts/x.md", Some(Role::Viewer)),
    ("PUT", "/v1/leads/{lead}/owner", Some(Role::Operator)),
    ("POST", "/v1/leads/{lead}/pause", Some(Role::Rep)),
    ("POST", "/v1/leads/{lead}/resume", Some(Role::Rep)),
    ("POST", "/v1/leads/{lead}/opt-out", Some(Role::Rep)),
    ("POST", "/v1/leads/{lead}/preferences", Some(Role::Rep)),
    ("POST", "/v1/leads/{lead}/disqualify", Some(Role::Rep)),
    ("GET", "/v1/tasks", Some(Role::Viewer)),
    ("POST", "/v1/tasks/{task}/outcome", Some(Role::Rep)),
    ("POST", "/v1/tasks/{task}/claim", Some(Role::Rep)),
    ("POST", "/v1/tasks/{task}/reassign", Some(Role::Operator)),
    ("POST", "/v1/tasks/{task}/snooze", Some(Role::Rep)),
    ("GET", "/v1/runs", Some(Role::Viewer)),
    ("POST", "/v1/runs/{run}/cancel", Some(Role::Operator)),
    ("POST", "/v1/runs/{run}/unpark", Some(Role::Operator)),
    ("GET", "/v1/workflows", Some(Role::Viewer)),
    ("GET", "/v1/workflows/follow/versions", Some(Role::Viewer)),
    ("POST", "/v1/workflows/follow/enroll", Some(Role::Operator)),
    ("POST", "/v1/workflows/follow/remove", Some(Role::Operator)),
    ("POST", "/v1/workflows/follow/pause", Some(Role::Operator)),
    ("POST", "/v1/workflows/follow/resume", Some(Role::Operator)),
    ("POST", "/v1/connections/mailer/pause", Some(Role::Operator)),
    ("POST", "/v1/connections/mailer/resume", Some(Role::Operator)),
    ("POST", "/v1/workspace/apply", Some(Role::Operator)),
    ("GET", "/v1/schedules", Some(Role::Viewer)),
    ("GET", "/v1/status", Some(Role::Viewer)),
    ("GET", "/v1/plugins", Some(Role::Viewer)),
    ("GET", "/v1/outbox", Some(Role::Operator)),
    ("GET", "/v1/dead-letters", Some(Role::Operator)),
    ("GET", "/v1/dead-letters/dl_0", Some(Role::Operator)),
    ("DELETE", "/v1/dead-letters/dl_0", Some(Role::Operator)),
    ("POST", "/v1/dead-letters/dl_0/redrive", Some(Role::Operator)),
    ("GET", "/v1/damaged", Some(Role::Operator)),
    ("GET", "/v1/clock", Some(Role::Viewer)),
    ("POST", "/v1/clock/advance", Some(Role::Operator)),
    ("GET", "/v1/tokens", Some(Role::Admin)),
    ("POST", "/v1/tokens", Some(Role::Admin)),
    ("DELETE", "/v1/tokens/none", Some(Role::Admin)),
    ("GET", "/v1/plugins/inbound-fit", Some(Role::Viewer)),
    ("PUT", "/v1/plugins/inbound-fit", Some(Role::Operator)),
    ("POST", "/v1/plugins/inbound-fit/promote", Some(Role::Operator)),
    ("POST", "/v1/plugins/inbound-fit/rollback", Some(Role::Operator)),
    ("POST", "/v1/plugins/inbound-fit/pause", Some(Role::Operator)),
    ("POST", "/v1/plugins/inbound-fit/resume", Some(Role::Operator)),
    ("POST", "/v1/plugins/inbound-fit/heal", Some(Role::Operator)),
    ("GET", "/v1/decisions?plugin=inbound-fit", Some(Role::Operator)),
    ("POST", "/v1/runs/unpark", Some(Role::Operator)),
    ("GET", "/v1/runs/{run}", Some(Role::Operator)),
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/metrics", Some(Role::Viewer)),
];

const ROLES: [Role; 5] = [Role::Admin, Role::Operator, Role::Ingest, Role::Rep, Role::Viewer];

struct House {
    router: TowerToHyperService<Router>,
    tokens: Vec<(Role, String)>,
}

impl House {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let mut batch = Batch::new(BatchId(1), store.epoch());
        let mut tokens = Vec::new();
        for role in ROLES {
            let rep = (role == Role::Rep).then(|| RepId("ana".into()));
            let (text, hash, token) = Token::create(role.as_str(), role, rep, fixture::NOW).unwrap();
            batch.documents.push(token.document(hash).unwrap());
            tokens.push((role, text));
        }
        store.commit(batch).await.unwrap();
        let engine = fixture::engine_without_driver(Arc::new(store));
        let api = Api::new(engine, "/nowhere".into(), Limits::default()).await.unwrap();
        Self { router: TowerToHyperService::new(router(api)), tokens }
    }

    fn token(&self, role: Role) -> &str {
        self.tokens.iter().find(|(known, _)| *known == role).map(|(_, token)| token.as_str()).unwrap()
    }

    async fn knock(
        &self,
        method: &str,
        address: &str,
        role: Option<Role>,
        body: &[u8],
    ) -> (StatusCode, String, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(addressed(address));
        if let Some(role) = role {
            request = request.header("authorization", format!("Bearer {}", self.token(role)));
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(Body::from(body.to_vec())).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
        let response = self.router.call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        (parts.status, kind, body.collect().await.unwrap().to_bytes().to_vec())
    }
}

fn addressed(address: &str) -> String {
    let zeros = "0".repeat(25);
    [("{lead}", "ld_"), ("{task}", "tk_"), ("{run}", "rn_")]
        .iter()
        .fold(address.to_owned(), |text, (name, prefix)| text.replace(name, &format!("{prefix}{zeros}1")))
}

fn assert_problem(answer: &(StatusCode, String, Vec<u8>), status: u16, what: &str) {
    let text = String::from_utf8_lossy(&answer.2);
    assert_eq!(answer.0.as_u16(), status, "{what}: {text}");
    assert_eq!(answer.1, "application/problem+json", "{what}: {text}");
    let body: serde_json::Value = serde_json::from_slice(&answer.2).unwrap();
    assert_eq!(body["status"], status, "{what}: {text}");
    assert!(body["type"].as_str().unwrap().starts_with("/problems/"), "{what}: {text}");
    assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{what}: {text}");
}

#[tokio::test]
async fn no_door_opens_without_the_right_token() {
    let house = House::new().await;
    for (method, address, needed) in DOORS {
        let Some(needed) = needed else { continue };
        let what = format!("{method} {address}");
        assert_problem(&house.knock(method, address, None, b"").await, 401, &what);
        for role in ROLES {
            let right = needed.rights().last().unwrap();
            let answer = house.knock(method, address, Some(role), b"").await;
            let refused = answer.0 == StatusCode::FORBIDDEN;
            assert_eq!(refused, !role.rights().contains(right), "{what} with the role {}", role.as_str());
        }
    }
    let unknown = Request::get("/v1/leads").header("authorization", "Bearer cdz_unknown").body(Body::empty()).unwrap();
    assert_problem(&house.send(unknown).await, 401, "a token that nobody made");
    let strange = Request::get("/v1/leads").header("authorization", "Basic eDp5").body(Body::empty()).unwrap();
    assert_problem(&house.send(strange).await, 401, "another scheme");
}

#[tokio::test]
async fn rubbish_is_answered_with_a_problem_at_every_door() {
    let house = House::new().await;
    let noise: Vec<u8> = (0..10_240_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let nested = "[".repeat(5_000).into_bytes();
    for (method, address, _) in DOORS.iter().filter(|(method, ..)| *method != "GET") {
        for body in [noise.as_slice(), &nested, b"{}", b"[]", b"null", b"\"x\"", b"{\"rep\": 7}", b"{\"unknown\": 1}"] {
            if ["/v1/runs/unpark", "/v1/plugins/inbound-fit/heal"].contains(address) && body == b"{}" {
                // This body is valid: it means all parked runs. And this needs no driver.
                continue;
            }
            let answer = house.knock(method, address, Some(Role::Admin), body).await;
            let what = format!("{method} {address} {:?}", String::from_utf8_lossy(&body[..body.len().min(20)]));
            assert!(answer.0.is_client_error() || answer.0 == StatusCode::SERVICE_UNAVAILABLE, "{what}: {}", answer.0);
            assert_problem(&answer, answer.0.as_u16(), &what);
        }
    }
}

#[tokio::test]
async fn strange_requests_are_problems_too() {
    let house = House::new().await;
    let admin = Some(Role::Admin);
    let large = vec![b' '; Limits::default().command_body_bytes_max + 1];
    for (method, address, body, status) in [
        ("GET", "/v1/nothing", &b""[..], 404),
        ("GET", "/", b"", 404),
        ("PATCH", "/v1/leads", b"", 405),
        ("GET", "/hooks/website", b"", 405),
        ("POST", "/hooks/unknown", b"{}", 404),
        ("GET", "/v1/leads/ld_1", b"", 404),
        ("GET", "/v1/leads/%FF%FE", b"", 400),
        ("GET", "/v1/leads/{lead}", b"", 404),
        ("GET", "/v1/leads?stage=opne", b"", 400),
        ("GET", "/v1/leads?colour=red", b"", 400),
        ("GET", "/v1/leads?limit=0", b"", 400),
        ("GET", "/v1/leads?limit=many", b"", 400),
        ("GET", "/v1/leads?cursor=AAAA", b"", 400),
        ("GET", "/v1/runs?state=asleep", b"", 400),
        ("GET", "/v1/tasks?due=soon", b"", 400),
        ("GET", "/v1/tasks?owner=ana&pool=closers", b"", 400),
        ("POST", "/v1/clock/advance", b"{\"by\": \"soon\"}", 422),
        ("POST", "/v1/clock/advance", b"{\"to\": \"2020-01-01T00:00:00Z\"}", 422),
        ("POST", "/v1/workspace/apply", b"", 422),
        ("POST", "/v1/workflows/none/enroll", b"{\"lead\": \"ld_00000000000000000000000001\"}", 404),
        ("POST", "/v1/events", b"[]", 422),
        ("POST", "/v1/events", b"{\"type\": \"lead.sneezed\"}", 422),
        ("POST", "/v1/events", b"{\"type\": \"lead.created\", \"lead\": {\"shoe\": 4}}", 422),
        ("POST", "/v1/tokens", b"{\"name\": \"x\", \"role\": \"king\"}", 422),
        ("POST", "/v1/tokens", b"{\"name\": \"x\", \"role\": \"rep\"}", 422),
        ("POST", "/v1/tokens", b"{\"name\": \"x\", \"role\": \"rep\", \"rep\": \"zoe\"}", 422),
        ("DELETE", "/v1/tokens/admin", b"", 409),
        ("PUT", "/v1/leads/{lead}/owner", &large, 413),
        ("PUT", "/v1/leads/{lead}/owner", b"{\"rep\": \"zoe\"}", 422),
    ] {
        assert_problem(&house.knock(method, address, admin, body).await, status, &format!("{method} {address}"));
    }
    let form = Request::post("/v1/events")
        .header("authorization", format!("Bearer {}", house.token(Role::Ingest)))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("a=b"))
        .unwrap();
    assert_problem(&house.send(form).await, 415, "a form");
    let wrong = house.router.call(Request::delete("/v1/leads").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(wrong.headers()["allow"], "GET,HEAD,PUT");
}

#[tokio::test]
async fn what_can_be_read_is_answered() {
    let house = House::new().await;
    for (method, address, role) in DOORS.iter().filter(|(method, ..)| *method == "GET") {
        let answer = house.knock(method, address, role.or(Some(Role::Viewer)), b"").await;
        let one = ["{lead}", "{run}", "dl_0"].iter().any(|id| address.contains(id));
        assert_eq!(answer.0.as_u16(), if one { 404 } else { 200 }, "{address}: {}", String::from_utf8_lossy(&answer.2));
    }
}
