//! Where the demo's mails and reminders go: a receiver on this machine that checks each signature, and that each
//! idempotency key arrives only once. Prospects read their mail here.

use super::prospect::MailReaction;
use super::world::{Happening, World};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use cadenza_signatures::{ID_HEADER, Key, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// The header with the key, which is the same for every attempt to send a message.
const KEY_HEADER: &str = "idempotency-key";

struct Mailbox {
    world: Arc<World>,
    key: Key,
    /// Idempotency keys seen.
    seen: Mutex<BTreeSet<String>>,
}

/// Takes mail until the demo is over.
pub(super) async fn receive(listener: TcpListener, world: Arc<World>, key: Key) {
    let mailbox = Arc::new(Mailbox { world: Arc::clone(&world), key, seen: Mutex::default() });
    let router = Router::new().fallback(post(take)).with_state(mailbox);
    if let Err(error) = axum::serve(listener, router).await {
        world.fail(format!("the mail receiver stopped: {error}"));
    }
}

async fn take(State(mailbox): State<Arc<Mailbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match mailbox.read(&headers, &body) {
        Ok(message) => {
            if mailbox.is_new(&headers) {
                mailbox.deliver(&message);
            }
            StatusCode::OK
        }
        Err(what) => {
            mailbox.world.fail(format!("a message that the engine sent is wrong: {what}"));
            StatusCode::BAD_REQUEST
        }
    }
}

impl Mailbox {
    fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or_else(|| format!("the header {name} is missing"))
        };
        header(KEY_HEADER)?;
        let (id, second) = (header(ID_HEADER)?, header(TIMESTAMP_HEADER)?);
        let second = second.parse().map_err(|_| format!("{second} is no time"))?;
        if header(SIGNATURE_HEADER)? != self.key.sign(id, second, body) {
            return Err("its signature does not hold".to_owned());
        }
        serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))
    }

    /// Whether this key arrives for the first time. If not, that is recorded for the end; the demo continues, to show
    /// how often it happens.
    fn is_new(&self, headers: &HeaderMap) -> bool {
        let key = headers.get(KEY_HEADER).and_then(|key| key.to_str().ok()).unwrap_or_default();
        let is_new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        if !is_new {
            self.world.tally().came_twice.push(key.to_owned());
        }
        is_new
    }

    fn deliver(&self, message: &Value) {
        let text = |name: &str| message[name].as_str().unwrap_or_default();
        match (text("type"), text("kind")) {
            ("email", _) => self.read_by_prospect(text("to")),
            ("notice", "raised") => self.world.tally().raised += 1,
            ("notice", _) => self.world.tally().reminders += 1,
            (other, _) => {
                self.world.fail(format!("the engine sent a message of the type `{other}`, which nobody expects"))
            }
        }
    }

    fn read_by_prospect(&self, email: &str) {
        let world = &self.world;
        let Some(prospect) = world.prospects.get(email) else {
            world.fail(format!("a mail went to {email}, who is no lead"));
            return;
        };
        let mail = {
            let mut tally = world.tally();
            tally.mails += 1;
            let life = tally.life(email);
            life.mails += 1;
            life.mails - 1
        };
        let deed = format!("mail-{mail}");
        let owner = email.to_owned();
        match prospect.reads_mail(mail) {
            MailReaction::Ignored => {}
            MailReaction::Clicked(visit) => {
                let data = json!({"kind": visit.kind, "detail": visit.detail});
                world.later(visit.after_minutes, Happening::new(email, "lead.engaged", &deed, data), move |tally| {
                    tally.engaged += 1;
                    tally.life(&owner).engaged += 1;
                });
            }
            MailReaction::Replied => {
                let data = json!({"detail": "Thank you. When could we talk?"});
                world.later(30, Happening::new(email, "email.replied", &deed, data), |tally| tally.replies += 1);
            }
            MailReaction::OptedOut => {
                let data = json!({"reason": "unsubscribed"});
                world.later(10, Happening::new(email, "lead.opted_out", &deed, data), |tally| tally.opted_out += 1);
            }
        }
    }
}
