//! Deliveries of providers: each file of `vendors/` is read, and `vendors/verdicts.txt` has a line for each event in
//! it.

use super::*;
use crate::tests::{files, line, now, same_as_table};
use serde_json::json;

const FORMATS: [MailFormat; 4] = [MailFormat::Postmark, MailFormat::SendGrid, MailFormat::Mailgun, MailFormat::Ses];

#[test]
fn every_delivery_is_what_the_table_says() {
    let mut told = String::new();
    for (name, bytes) in files("vendors", "json") {
        let format =
            FORMATS.into_iter().find(|format| name.starts_with(format.as_str())).expect("it is named after one");
        let body: Value = serde_json::from_slice(&bytes).expect("JSON");
        match read_delivery(format, &body, now()) {
            Ok(mails) => mails.iter().for_each(|mail| told.push_str(&(line(&name, mail) + "\n"))),
            Err(error) => told.push_str(&format!("{name} | {error}\n")),
        }
    }
    same_as_table("vendors", &told);
}

/// Values that are not what a provider sends, at every place of what it sends.
#[test]
fn a_delivery_with_any_value_changed_is_read() {
    for (name, bytes) in files("vendors", "json") {
        let body: Value = serde_json::from_slice(&bytes).expect("JSON");
        let mut places = Vec::new();
        places_in(&body, String::new(), &mut places);
        for place in places {
            for other in
                [json!(null), json!(-1e300), json!([]), json!({"a": []}), json!("é\u{202E}\r\n<@"), json!([["a", 1]])]
            {
                let mut changed = body.clone();
                *changed.pointer_mut(&place).expect("the place is there") = other;
                for format in FORMATS {
                    if let Ok(mails) = read_delivery(format, &changed, now()) {
                        assert!(mails.len() <= MAILS_MAX, "{name}, {place}");
                    }
                }
            }
        }
    }
    let many = json!(vec![json!({"event": "open"}); MAILS_MAX + 1]);
    assert_eq!(read_delivery(MailFormat::SendGrid, &many, now()), Err(NotRead::TooMany));
}

fn places_in(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, below)| places_in(below, format!("{at}/{}", name.replace('/', "~1")), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, below)| places_in(below, format!("{at}/{n}"), places));
        }
        _ => {}
    }
    places.push(at);
}
