//! Amazon SES, through SNS: an envelope whose `Message` is JSON in a text; or without the envelope, where raw
//! delivery is on. SNS signs with certificates, which are not checked.

use super::{NotRead, at, nothing, recipient, short, told};
use crate::severity::{self, Kind};
use crate::{Bounce, Mail, Verdict, Why, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::MailFormat;
use serde_json::Value;

/// Recipients of one message that are read.
const RECIPIENTS_MAX: usize = 50;

pub(super) fn read(body: &Value, now: Timestamp) -> Result<Vec<Mail>, NotRead> {
    let shape = |wanted| NotRead::Shape { format: MailFormat::Ses, wanted };
    match at(body, &["Type"]) {
        Some("SubscriptionConfirmation") => {
            let url = at(body, &["SubscribeURL"]).ok_or(shape("`SubscribeURL`"))?;
            Err(NotRead::Confirm { url: text::head(&text::on_one_line(url), 2_000).to_owned() })
        }
        Some("Notification") => {
            let message = at(body, &["Message"]).ok_or(shape("`Message`"))?;
            // The console sends a plain text to try a subscription out.
            let Ok(message) = serde_json::from_str::<Value>(message) else {
                return Ok(vec![nothing(at(body, &["MessageId"]).map(str::to_owned), Why::ServerNotice)]);
            };
            notification(&message, at(body, &["MessageId"]), now)
        }
        Some(_) => Ok(vec![nothing(None, Why::ServerNotice)]),
        None => notification(body, None, now),
    }
}

fn notification(message: &Value, sns: Option<&str>, now: Timestamp) -> Result<Vec<Mail>, NotRead> {
    let shape = NotRead::Shape { format: MailFormat::Ses, wanted: "`notificationType` or `eventType`" };
    let kind = at(message, &["notificationType"]).or_else(|| at(message, &["eventType"])).ok_or(shape)?;
    let sent = message.get("mail").unwrap_or(&Value::Null);
    let own_id = |inner: &str| at(message, &[inner, "feedbackId"]).or(sns).or_else(|| at(sent, &["messageId"]));
    let mut mails = match kind {
        "Bounce" => {
            let of = |one: &Value| {
                let address = at(one, &["emailAddress"]);
                told(own_id("bounce").map(str::to_owned), address, Verdict::Bounce(bounce(message, one, address)))
            };
            recipients(message, &["bounce", "bouncedRecipients"]).iter().map(of).collect()
        }
        "Complaint" if at(message, &["complaint", "complaintFeedbackType"]) == Some("not-spam") => {
            vec![nothing(own_id("complaint").map(str::to_owned), Why::Feedback)]
        }
        "Complaint" => {
            let of = |one: &Value| {
                let address = at(one, &["emailAddress"]);
                let verdict = Verdict::Complaint { recipient: recipient(address) };
                told(own_id("complaint").map(str::to_owned), address, verdict)
            };
            recipients(message, &["complaint", "complainedRecipients"]).iter().map(of).collect()
        }
        "Subscription" => {
            let id = own_id("subscription").map(str::to_owned);
            let to = sent.get("destination").and_then(|to| to.get(0)).and_then(Value::as_str);
            vec![told(id, to, Verdict::Unsubscribe)]
        }
        "Received" => {
            let Some(content) = at(message, &["content"]) else {
                return Ok(vec![nothing(sns.map(str::to_owned), Why::ServerNotice)]);
            };
            // Mail that is not of ASCII comes in base64, if the receipt rule says so.
            let decoded = STANDARD.decode(content.split_whitespace().collect::<String>());
            return Ok(vec![crate::read(decoded.as_deref().unwrap_or(content.as_bytes()), now)]);
        }
        "DeliveryDelay" => vec![nothing(own_id("deliveryDelay").map(str::to_owned), Why::Delayed)],
        _ => vec![nothing(sns.map(str::to_owned), Why::Delivered)],
    };
    let ids = at(sent, &["commonHeaders", "messageId"]).into_iter().flat_map(text::ids).collect::<Vec<_>>();
    for mail in &mut mails {
        mail.about.extend(ids.iter().cloned());
    }
    Ok(mails)
}

fn recipients<'v>(message: &'v Value, path: &[&str]) -> &'v [Value] {
    let list = path.iter().try_fold(message, |value, name| value.get(name)).and_then(Value::as_array);
    let list = list.map(Vec::as_slice).unwrap_or_default();
    &list[..list.len().min(RECIPIENTS_MAX)]
}

fn bounce(message: &Value, one: &Value, address: Option<&str>) -> Bounce {
    let said = at(one, &["diagnosticCode"]);
    let own = at(one, &["status"]).and_then(severity::status_in).filter(|status| !status.ends_with(".0.0"));
    let status = own.or_else(|| said.and_then(severity::status_in));
    let kind = match at(message, &["bounce", "bounceType"]) {
        Some("Permanent") => Kind::Hard,
        Some("Transient") => Kind::Soft,
        _ => severity::of(status.as_deref(), said.unwrap_or_default()),
    };
    Bounce { recipient: recipient(address), kind, status, diagnostic: short(said) }
}
