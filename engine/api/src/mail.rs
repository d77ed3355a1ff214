//! What a message that came back becomes: an event, and by what its lead is found. Does not know where it came from,
//! nor which leads there are.

use crate::intake::Draft;
use cadenza_core::event::{EventType, SOFT_BOUNCE, StandardEvent};
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::identity;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workspace::{Rep, Team};
use cadenza_mail::{Answer, Bounce, Kind, Mail, Verdict};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The source of events that come by mail, in conditions and in the journal.
pub const SOURCE: &str = "mail";
/// Messages of ours that a message is looked up by, the nearest first. Whoever answers the fifth mail of a thread names
/// them all.
const LOOKED_UP_MAX: usize = 10;
/// How long ago a message may have been written, in days: servers try for five. If it says anything else, its clock is
/// wrong, and it counts from when it came.
const WRITTEN_DAYS_MAX: i64 = 7;

/// The messages of ours that a message names. Their ids are made of the keys under which they left
/// (`Outgoing::key`), and lead to their leads. Anybody can write such an id, so what it leads to has to be checked.
pub fn named(mail: &Mail) -> Vec<EffectId> {
    mail.about.iter().filter_map(|id| effect(id)).take(LOOKED_UP_MAX).collect()
}

/// Whether it is a message of ours, such as a copy of what was sent.
pub fn is_ours(mail: &Mail) -> bool {
    mail.id.as_deref().and_then(effect).is_some()
}

/// The effect whose key is the part of a message's id before the `@`.
fn effect(id: &str) -> Option<EffectId> {
    let key = id.split('@').next()?.trim();
    // A restored store adds its incarnation to the key.
    let own = match key.split_once("-r") {
        Some((own, restored)) if restored.bytes().all(|byte| byte.is_ascii_digit()) => own,
        _ => key,
    };
    // Servers change the case of ids now and then.
    let lower = own.get(..EffectId::PREFIX.len())?.to_lowercase();
    EffectId::parse(&format!("{lower}{}", own.get(EffectId::PREFIX.len()..)?.to_uppercase()))
}

/// The address by which the lead is found when no message of ours leads to one: who writes, or whom a message of ours
/// did not reach.
pub fn address(mail: &Mail) -> Option<&str> {
    match &mail.verdict {
        Verdict::Bounce(Bounce { recipient, .. }) | Verdict::Complaint { recipient } => recipient.as_deref(),
        Verdict::Reply { .. } | Verdict::AutoReply { .. } | Verdict::Unsubscribe | Verdict::Meeting { .. } => {
            mail.from.as_deref()
        }
        Verdict::Other(_) => None,
    }
}

/// The rep of the team by whose address the message would find a lead.
pub fn rep<'a>(mail: &Mail, team: &'a Team) -> Option<&'a str> {
    let wanted = identity::email(address(mail)?)?;
    let has_it = |rep: &&Rep| rep.email.as_deref().and_then(identity::email).is_some_and(|email| email == wanted);
    team.reps.values().find(has_it).map(|rep| rep.name.as_str())
}

/// The type of event that a message becomes; `None` when it concerns no lead.
pub const fn event(verdict: &Verdict) -> Option<StandardEvent> {
    Some(match verdict {
        Verdict::Reply { .. } => StandardEvent::EmailReplied,
        Verdict::AutoReply { .. } => StandardEvent::EmailAutoReplied,
        Verdict::Bounce(_) => StandardEvent::EmailBounced,
        Verdict::Complaint { .. } => StandardEvent::LeadOptedOut,
        // Only mail is refused, so this is no opt-out of everything.
        Verdict::Unsubscribe => StandardEvent::LeadUpdated,
        Verdict::Meeting { answer: Answer::Accepted, .. } => StandardEvent::MeetingAccepted,
        Verdict::Meeting { answer: Answer::Declined, .. } => StandardEvent::MeetingDeclined,
        Verdict::Other(_) => return None,
    })
}

/// An id that is the same whenever the same message comes, by whatever way: a hash of its own id, of who wrote it,
/// and of what it is. `raw` stands in for a message without an id.
pub fn event_id(mail: &Mail, raw: &[u8]) -> String {
    let mut hash = Sha256::new();
    match &mail.id {
        Some(id) => hash.update(id),
        None => hash.update(raw),
    }
    for part in [mail.from.as_deref().unwrap_or_default(), mail.verdict.name(), address(mail).unwrap_or_default()] {
        hash.update([0]);
        hash.update(part);
    }
    let hash = hash.finalize();
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The event that a message becomes; `lead` is the lead to which a message of ours led. `None` when it concerns no
/// lead.
pub fn draft<'a>(mail: &Mail, id: &'a str, source: &'a str, lead: Option<LeadId>, now: Timestamp) -> Option<Draft<'a>> {
    let kind = event(&mail.verdict)?;
    let mut data = BTreeMap::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            data.insert(name.to_owned(), Value::Text(value.to_owned()));
        }
    };
    let mut fields = Vec::new();
    let text = |value: &str| Value::Text(value.to_owned());
    match &mail.verdict {
        Verdict::Reply { text } => {
            add("text", Some(text));
            add("detail", mail.subject.as_deref());
            add("from", mail.from.as_deref());
        }
        Verdict::AutoReply { until, left, text } => {
            add("until", until.map(|until| until.to_string()).as_deref());
            add("text", Some(text));
            add("detail", mail.subject.as_deref());
            add("from", mail.from.as_deref());
            if *left {
                data.insert("left".to_owned(), Value::Bool(true));
            }
        }
        Verdict::Bounce(Bounce { kind, status, diagnostic, .. }) => {
            add("kind", Some(if *kind == Kind::Soft { SOFT_BOUNCE } else { kind.as_str() }));
            add("status", status.as_deref());
            add("detail", diagnostic.as_deref());
        }
        Verdict::Complaint { .. } => add("reason", Some("called our mail spam")),
        Verdict::Unsubscribe => {
            fields.push(("refused".to_owned(), text("email")));
            add("reason", Some("unsubscribed by mail"));
        }
        Verdict::Meeting { uid, .. } => {
            add("uid", uid.as_deref());
            add("detail", mail.subject.as_deref());
        }
        Verdict::Other(_) => return None,
    }
    let says_no = matches!(mail.verdict, Verdict::Bounce(_) | Verdict::Complaint { .. } | Verdict::Unsubscribe);
    match (lead, address(mail)) {
        (None, address) => fields.extend(address.map(|address| ("email".to_owned(), text(address)))),
        // What somebody says against an address is about that address, and does not become the lead's.
        (Some(_), Some(address)) if says_no => drop(data.insert("email".to_owned(), text(address))),
        (Some(_), _) => {}
    }
    let at = mail.at.filter(|at| (0..=WRITTEN_DAYS_MAX * DAY_MS).contains(&now.since_ms(*at)));
    let kind = EventType::Standard(kind);
    Some(Draft { source, id, kind, at, lead, fields, data, left_out: Vec::new(), enrolls: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::{self, Rules};
    use cadenza_core::date::Date;
    use cadenza_core::lead::Channel;
    use cadenza_core::own_words::OwnWords;
    use cadenza_mail::Why;
    use jiff::tz::TimeZone;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-30T12:00:00Z").unwrap()
    }

    fn mail(verdict: Verdict) -> Mail {
        let text = |text: &str| Some(text.to_owned());
        let about = vec!["x@y".to_owned()];
        Mail {
            id: text("1@acme.example"),
            from: text("ada@acme.example"),
            subject: text("Re: Hello"),
            at: None,
            about,
            verdict,
        }
    }

    #[test]
    fn each_verdict_becomes_its_event() {
        use StandardEvent as E;
        let lead = LeadId::new(now(), 7);
        let of = || Some("ada@acme.example".to_owned());
        let bounce =
            |kind| Verdict::Bounce(Bounce { recipient: of(), kind, status: Some("5.1.1".into()), diagnostic: None });
        let until = Date::parse("2026-12-07");
        for (verdict, lead, kind, fields, data) in [
            (Verdict::Reply { text: "Yes".into() }, None, E::EmailReplied, "email", "detail from text"),
            (Verdict::Reply { text: "Yes".into() }, Some(lead), E::EmailReplied, "", "detail from text"),
            (
                Verdict::AutoReply { until, left: true, text: "Away".into() },
                None,
                E::EmailAutoReplied,
                "email",
                "detail from left text until",
            ),
            (bounce(Kind::Hard), None, E::EmailBounced, "email", "kind status"),
            (bounce(Kind::Soft), Some(lead), E::EmailBounced, "", "email kind status"),
            (Verdict::Complaint { recipient: of() }, None, E::LeadOptedOut, "email", "reason"),
            (Verdict::Complaint { recipient: None }, Some(lead), E::LeadOptedOut, "", "reason"),
            (Verdict::Unsubscribe, None, E::LeadUpdated, "email", "reason"),
            (Verdict::Unsubscribe, Some(lead), E::LeadUpdated, "", "email reason"),
            (Verdict::Meeting { answer: Answer::Accepted, uid: of() }, None, E::MeetingAccepted, "email", "detail uid"),
        ] {
            let mail = mail(verdict);
            let draft = draft(&mail, "1", SOURCE, lead, now()).expect("an event");
            let (zone, words, declared) = (TimeZone::UTC, OwnWords::default(), BTreeMap::new());
            let rules =
                Rules { declared: &declared, zone: &zone, team: None, country: None, own_words: &words, now: now() };
            let report = intake::check(draft, rules).expect("it is taken").report;
            let names = |names: Vec<&str>| names.join(" ");
            assert_eq!(report.kind, EventType::Standard(kind), "{mail:?}");
            assert_eq!(names(report.fields.iter().map(|(name, _)| name.as_str()).collect()), fields, "{mail:?}");
            assert_eq!(names(report.data.keys().map(String::as_str).collect()), data, "{mail:?}");
            assert_eq!(report.left_out, [], "{mail:?}");
            let refuses = report.standing.map(|standing| standing.refused);
            assert_eq!(refuses, (mail.verdict == Verdict::Unsubscribe).then(|| vec![Channel::Email]), "{mail:?}");
        }
        assert!(draft(&mail(Verdict::Other(Why::Delayed)), "1", SOURCE, None, now()).is_none());
    }

    #[test]
    fn our_own_keys_lead_to_their_leads() {
        let effect = EffectId::born(LeadId::new(now(), 7), 3);
        for (id, found) in [
            (format!("{effect}@mail.us.example"), true),
            (format!("{effect}-r7@mail.us.example"), true),
            (format!("{effect}"), true),
            (effect.to_string().to_lowercase(), true),
            (format!("{effect}-rx@us.example"), false),
            (format!("x{effect}@us.example"), false),
            (format!("{effect}0@us.example"), false),
            ("fx_@us.example".to_owned(), false),
            ("fé_@us.example".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(super::effect(&id), found.then_some(effect), "{id}");
        }
    }

    #[test]
    fn one_message_is_one_event() {
        let (reply, other) =
            (mail(Verdict::Unsubscribe), Mail { id: Some("2@x".into()), ..mail(Verdict::Unsubscribe) });
        let nameless = Mail { id: None, ..mail(Verdict::Unsubscribe) };
        assert_eq!(event_id(&reply, b"a"), event_id(&reply, b"b"), "however it is written this time");
        assert_ne!(event_id(&reply, b"a"), event_id(&other, b"a"));
        assert_ne!(event_id(&nameless, b"a"), event_id(&nameless, b"b"), "without an id the bytes tell");
    }
}
