//! Mailgun: webhooks, and routes that forward inbound mail as a form. Its signature is in the body and does not cover
//! the event, so it is not checked.

use super::{NotRead, Parts, at, nothing, recipient, short, told};
use crate::severity::{self, Kind};
use crate::{Bounce, Mail, Verdict, Why, text};
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::MailFormat;
use serde_json::Value;

pub(super) fn read(body: &Value, now: Timestamp) -> Result<Mail, NotRead> {
    match body.get("event-data") {
        Some(event) => Ok(told_by(event)),
        None if at(body, &["sender"]).or_else(|| at(body, &["from"])).is_some() => Ok(inbound(body, now)),
        None => Err(NotRead::Shape { format: MailFormat::Mailgun, wanted: "`event-data`, and no `sender`" }),
    }
}

fn told_by(event: &Value) -> Mail {
    let id = at(event, &["id"]).map(|id| format!("mailgun-{id}"));
    let address = at(event, &["recipient"]);
    let complaint = || told(id.clone(), address, Verdict::Complaint { recipient: recipient(address) });
    let mut mail = match at(event, &["event"]).unwrap_or_default() {
        "failed" => match (at(event, &["severity"]), at(event, &["reason"])) {
            // It goes on trying.
            (Some("temporary"), _) => nothing(id.clone(), Why::Delayed),
            (_, Some("suppress-complaint")) => complaint(),
            (_, Some("suppress-unsubscribe")) => told(id.clone(), address, Verdict::Unsubscribe),
            (_, reason) => told(id.clone(), address, Verdict::Bounce(bounce(event, address, reason))),
        },
        "complained" => complaint(),
        "unsubscribed" => told(id.clone(), address, Verdict::Unsubscribe),
        _ => nothing(id.clone(), Why::Delivered),
    };
    mail.about.extend(at(event, &["message", "headers", "message-id"]).into_iter().flat_map(text::ids));
    mail.at = event.get("timestamp").and_then(Value::as_f64).map(|seconds| Timestamp::from_ms((seconds * 1e3) as i64));
    mail
}

fn bounce(event: &Value, address: Option<&str>, reason: Option<&str>) -> Bounce {
    let said = at(event, &["delivery-status", "message"]).or_else(|| at(event, &["delivery-status", "description"]));
    let enhanced = at(event, &["delivery-status", "enhanced-code"]);
    let status = enhanced.and_then(severity::status_in).or_else(|| said.and_then(severity::status_in));
    let code = event.get("delivery-status").and_then(|status| status.get("code")).and_then(Value::as_i64);
    let kind = match reason {
        Some("suppress-bounce") => Kind::Hard,
        Some("old") => Kind::Soft,
        _ => severity::of(status.as_deref(), &format!("{} {}", code.unwrap_or_default(), said.unwrap_or_default())),
    };
    Bounce { recipient: recipient(address), kind, status, diagnostic: short(said) }
}

fn inbound(body: &Value, now: Timestamp) -> Mail {
    if let Some(raw) = at(body, &["body-mime"]) {
        return crate::read(raw.as_bytes(), now);
    }
    // The head comes as a list of pairs, as JSON in a text.
    let pairs =
        at(body, &["message-headers"]).and_then(|text| serde_json::from_str::<Vec<(String, String)>>(text).ok());
    let pairs = pairs.unwrap_or_default();
    let field = |name: &'static str| (name, at(body, &[name]));
    let parts = Parts {
        head: pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        known: vec![
            ("From", at(body, &["from"]).or_else(|| at(body, &["sender"]))),
            ("To", at(body, &["recipient"])),
            ("Subject", at(body, &["subject"])),
            field("Message-Id"),
            field("In-Reply-To"),
            field("References"),
        ],
        text: at(body, &["body-plain"]),
        html: at(body, &["body-html"]),
    };
    parts.read(now)
}
