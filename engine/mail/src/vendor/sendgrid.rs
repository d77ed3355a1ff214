//! SendGrid: the event webhook, an array of events in one body. Its signature is of elliptic curves, which is not
//! checked.

use super::{MAILS_MAX, NotRead, at, nothing, recipient, short, told};
use crate::severity::{self, Kind};
use crate::{Bounce, Mail, Verdict, Why, text};
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::MailFormat;
use serde_json::Value;

pub(super) fn read(body: &Value) -> Result<Vec<Mail>, NotRead> {
    let events = match body {
        Value::Array(events) => events.as_slice(),
        one => std::slice::from_ref(one),
    };
    if events.len() > MAILS_MAX {
        return Err(NotRead::TooMany);
    }
    events.iter().map(event).collect()
}

fn event(event: &Value) -> Result<Mail, NotRead> {
    let kind = at(event, &["event"]).ok_or(NotRead::Shape { format: MailFormat::SendGrid, wanted: "`event`" })?;
    let id = at(event, &["sg_event_id"]).map(|id| format!("sendgrid-{id}"));
    let address = at(event, &["email"]);
    let (reason, status) = (at(event, &["reason"]), at(event, &["status"]));
    let status = status.and_then(severity::status_in).or_else(|| reason.and_then(severity::status_in));
    let bounce = |kind: Kind| {
        let (status, diagnostic) = (status.clone(), short(reason));
        told(id.clone(), address, Verdict::Bounce(Bounce { recipient: recipient(address), kind, status, diagnostic }))
    };
    let complaint = || told(id.clone(), address, Verdict::Complaint { recipient: recipient(address) });
    let mut mail = match (kind, at(event, &["type"])) {
        ("bounce", Some("blocked")) | ("blocked", _) => bounce(Kind::Soft),
        ("bounce", _) => bounce(severity::of(status.as_deref(), reason.unwrap_or_default())),
        ("spamreport", _) => complaint(),
        ("unsubscribe" | "group_unsubscribe", _) => told(id.clone(), address, Verdict::Unsubscribe),
        // It did not even try, because of what it knew before.
        ("dropped", _) => match reason.unwrap_or_default().to_lowercase().as_str() {
            reason if reason.contains("bounced") || reason.contains("invalid") => bounce(Kind::Hard),
            reason if reason.contains("spam report") => complaint(),
            reason if reason.contains("unsubscribed") => told(id.clone(), address, Verdict::Unsubscribe),
            _ => nothing(id.clone(), Why::ServerNotice),
        },
        ("deferred", _) => nothing(id.clone(), Why::Delayed),
        _ => nothing(id.clone(), Why::Delivered),
    };
    mail.about.extend(at(event, &["smtp-id"]).into_iter().flat_map(text::ids));
    mail.at = event.get("timestamp").and_then(Value::as_i64).and_then(|s| s.checked_mul(1_000)).map(Timestamp::from_ms);
    Ok(mail)
}
