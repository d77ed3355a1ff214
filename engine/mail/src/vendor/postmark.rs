//! Postmark: bounces, complaints, changes of subscriptions, and inbound mail. It signs nothing.

use super::{NotRead, Parts, at, nothing, recipient, short, told};
use crate::severity::{self, Kind};
use crate::{Bounce, Mail, Verdict, Why};
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::MailFormat;
use serde_json::Value;

/// Types of bounces for an address that reaches nobody.
const HARD: [&str; 3] = ["HardBounce", "BadEmailAddress", "ManuallyDeactivated"];
/// Types of bounces that may be otherwise another time. `DnsError` and `Unknown` are judged by the server's words.
const SOFT: [&str; 7] = [
    "SoftBounce",
    "SpamNotification",
    "Blocked",
    "DMARCPolicy",
    "VirusNotification",
    "ChallengeVerification",
    "InboundError",
];

pub(super) fn read(body: &Value, now: Timestamp) -> Result<Mail, NotRead> {
    let id = body.get("ID").and_then(Value::as_i64).map(|id| format!("postmark-{id}"));
    let mut mail = match at(body, &["RecordType"]) {
        Some("Bounce") => bounce(body, id, now),
        Some("SpamComplaint") => complaint(body, id),
        Some("SubscriptionChange") => change(body),
        Some(_) => nothing(id, Why::Delivered),
        None if body.get("FromFull").is_some() || body.get("TextBody").is_some() => return Ok(inbound(body, now)),
        None => return Err(NotRead::Shape { format: MailFormat::Postmark, wanted: "`RecordType`, and no `FromFull`" }),
    };
    // What the sender put into the metadata of our message; a key of ours leads to the lead.
    let metadata = body.get("Metadata").and_then(Value::as_object).into_iter().flatten();
    mail.about.extend(metadata.filter_map(|(_, value)| value.as_str()).take(10).map(str::to_owned));
    Ok(mail)
}

fn complaint(body: &Value, id: Option<String>) -> Mail {
    let address = at(body, &["Email"]);
    told(id, address, Verdict::Complaint { recipient: recipient(address) })
}

fn bounce(body: &Value, id: Option<String>, now: Timestamp) -> Mail {
    let (address, kind) = (at(body, &["Email"]), at(body, &["Type"]).unwrap_or_default());
    let said = at(body, &["Details"]).or_else(|| at(body, &["Description"]));
    match kind {
        "SpamComplaint" => return complaint(body, id),
        "Unsubscribe" => return told(id, address, Verdict::Unsubscribe),
        "Transient" => return nothing(id, Why::Delayed),
        "Subscribe" | "OpenRelayTest" | "Unconfirmed" => return nothing(id, Why::ServerNotice),
        "AutoResponder" => {
            let parts = Parts {
                head: vec![("Auto-Submitted", "auto-replied")],
                known: vec![("From", address), ("Subject", at(body, &["Subject"]))],
                text: at(body, &["Content"]),
                html: None,
            };
            return Mail { id, ..parts.read(now) };
        }
        _ => {}
    }
    let status = said.and_then(severity::status_in);
    let kind = match kind {
        kind if HARD.contains(&kind) => Kind::Hard,
        kind if SOFT.contains(&kind) => Kind::Soft,
        _ => severity::of(status.as_deref(), said.unwrap_or_default()),
    };
    told(id, address, Verdict::Bounce(Bounce { recipient: recipient(address), kind, status, diagnostic: short(said) }))
}

fn change(body: &Value) -> Mail {
    let (address, message) = (at(body, &["Recipient"]), at(body, &["MessageID"]).unwrap_or_default());
    let changed = at(body, &["ChangedAt"]).unwrap_or_default();
    let id = Some(format!("postmark-{message}-{changed}"));
    match (body.get("SuppressSending").and_then(Value::as_bool), at(body, &["SuppressionReason"])) {
        (Some(true), Some("SpamComplaint")) => told(id, address, Verdict::Complaint { recipient: recipient(address) }),
        // Its bounce is told too.
        (Some(true), Some("HardBounce")) => nothing(id, Why::ServerNotice),
        (Some(true), _) => told(id, address, Verdict::Unsubscribe),
        // Whoever may be written to there again has not said that we may.
        _ => nothing(id, Why::ServerNotice),
    }
}

fn inbound(body: &Value, now: Timestamp) -> Mail {
    if let Some(raw) = at(body, &["RawEmail"]) {
        return crate::read(raw.as_bytes(), now);
    }
    let headers = body.get("Headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let head = headers.iter().filter_map(|field| Some((at(field, &["Name"])?, at(field, &["Value"])?)));
    let id = at(body, &["MessageID"]);
    let parts = Parts {
        head: head.collect(),
        known: vec![
            ("From", at(body, &["FromFull", "Email"]).or_else(|| at(body, &["From"]))),
            ("To", at(body, &["To"])),
            ("Subject", at(body, &["Subject"])),
            ("Date", at(body, &["Date"])),
        ],
        text: at(body, &["TextBody"]),
        html: at(body, &["HtmlBody"]),
    };
    let mail = parts.read(now);
    Mail { id: mail.id.clone().or_else(|| id.map(|id| format!("postmark-{id}"))), ..mail }
}
