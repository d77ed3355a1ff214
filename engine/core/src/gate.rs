//! The contact gate: every touch passes it at the moment it is to happen, not when it was planned.
//!
//! A touch can be carried out only with a [`Permit`], and only [`check`] makes one. Here: opt-out, refused channels, bound
//! addresses, a person's pause, "not before", and business hours in the lead's own zone. Caps, gaps and priorities come on top.

pub use crate::verdict::{Reason, Verdict};

use crate::calendar::Calendar;
use crate::lead::{Channel, Lead};
use crate::time::Timestamp;
use crate::workspace::Settings;
use crate::zone;
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// Leave to make one touch, at one moment. Nothing outside this module can make one.
#[derive(Debug)]
#[must_use = "a permit that is not used was a touch that did not happen"]
pub struct Permit {
    channel: Channel,
    at: Timestamp,
}

impl Permit {
    /// The way it is for.
    pub const fn channel(&self) -> Channel {
        self.channel
    }
    /// The moment it was given.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// How far a pause by a person puts a touch off before it is asked again: one day.
const PAUSE_RECHECK_MS: i64 = crate::time::DAY_MS;

/// Asks for one touch at `now`.
pub fn check(lead: &Lead, channel: Channel, settings: &Settings, now: Timestamp) -> (Verdict, Option<Permit>) {
    let verdict = verdict(lead, channel, settings, now);
    let permit = matches!(verdict, Verdict::Go).then_some(Permit { channel, at: now });
    (verdict, permit)
}

fn verdict(lead: &Lead, channel: Channel, settings: &Settings, now: Timestamp) -> Verdict {
    if lead.consent.opted_out.is_some() || lead.stage == crate::lead::Stage::Suppressed {
        return Verdict::Never(Reason::OptedOut);
    }
    if lead.stage == crate::lead::Stage::Disqualified {
        return Verdict::Never(Reason::Disqualified);
    }
    if lead.consent.refused.contains(&channel) {
        return Verdict::Never(Reason::ChannelRefused);
    }
    if let Some(why) = lead.bound_on(channel) {
        return Verdict::Never(why.into());
    }
    if lead.consent.unreachable.contains(&channel) {
        return Verdict::Never(Reason::NoAddress);
    }
    if lead.paused_at.is_some() {
        return Verdict::NotBefore { at: now.plus_ms(PAUSE_RECHECK_MS), why: Reason::Paused };
    }
    let wanted = lead.consent.not_before.filter(|at| *at > now);
    let from = wanted.unwrap_or(now);
    let open = match settings.contact.business_hours.contains(&channel) {
        true => hours_of(lead, settings).next_open(from),
        false => from,
    };
    match (open > now, open > from) {
        (false, _) => Verdict::Go,
        (true, true) => Verdict::NotBefore { at: open, why: Reason::OutsideHours },
        (true, false) => Verdict::NotBefore { at: open, why: Reason::NotBefore },
    }
}

/// How far ahead somebody is looked for who is at work when the lead may be called: a week.
const CALLABLE_WITHIN_MS: i64 = 7 * crate::time::DAY_MS;

/// From when on a lead that may not be called now may be: when the day begins where it is. None where it may be called
/// now, or not within a week.
pub fn callable_from(lead: &Lead, settings: &Settings, now: Timestamp) -> Option<Timestamp> {
    let from = lead.consent.not_before.unwrap_or(now).max(now);
    let gated = settings.contact.business_hours.contains(&Channel::Call);
    let open = if gated { hours_of(lead, settings).next_open(from) } else { from };
    (open > now && open.since_ms(now) <= CALLABLE_WITHIN_MS).then_some(open)
}

/// The business hours where the lead is.
pub(crate) fn hours_of<'a>(lead: &Lead, settings: &'a Settings) -> Cow<'a, Calendar> {
    match lead_zone(lead) {
        Some(zone) => Cow::Owned(settings.calendar.in_zone(zone)),
        None => Cow::Borrowed(&settings.calendar),
    }
}

/// The zone the lead gave, when it is one. Records of earlier versions may have a name that is no place.
fn lead_zone(lead: &Lead) -> Option<TimeZone> {
    let name = zone::of_lead(lead.profile.timezone.as_deref()?, lead.profile.country.as_deref()).ok()?;
    TimeZone::get(&name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::weekdays_nine_to_five;
    use crate::id::LeadId;
    use crate::identity::{Binding, BoundKey, IdentityKey, IdentityKind, Why};
    use crate::lead::{OptOut, Stage};
    use crate::workspace::{ContactPolicy, Team};
    use std::collections::BTreeMap;

    fn settings() -> Settings {
        let zone = TimeZone::get("America/New_York").unwrap();
        Settings {
            name: String::new(),
            country: None,
            calendar: Calendar::new(zone, weekdays_nine_to_five(), [].into()).unwrap(),
            calendars: BTreeMap::new(),
            fields: BTreeMap::new(),
            contact: ContactPolicy { business_hours: vec![Channel::Call], email_via: None, notify_via: None },
            plugins: BTreeMap::new(),
            team: Team::default(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// The lead has an address or number, and something binds it.
    fn bound(lead: &mut Lead, kind: IdentityKind, why: Why) {
        lead.profile.email = Some("old@example.com".into());
        lead.profile.phone = Some("+12125550100".into());
        let key = IdentityKey::kept(kind, lead.text_of(kind).unwrap());
        let binding = Binding { why, at: lead.created_at, by: "web".into(), of: None };
        lead.consent.bound.push(BoundKey { key, binding });
    }

    #[test]
    fn every_verdict_has_its_reason() {
        type Change = fn(&mut Lead);
        let (monday, evening, call) = ("2026-03-02T15:00:00Z", "2026-03-02T23:00:00Z", Channel::Call);
        let not_before = |time: &str, why| Verdict::NotBefore { at: at(time), why };
        let cases: [(&str, Change, Channel, &str, Verdict); 23] = [
            ("nothing against it", |_| {}, call, monday, Verdict::Go),
            ("evening", |_| {}, call, evening, not_before("2026-03-03T14:00:00Z", Reason::OutsideHours)),
            ("a mail in the evening", |_| {}, Channel::Email, evening, Verdict::Go),
            (
                "still night where the lead is",
                |l| l.profile.timezone = Some("America/Los_Angeles".into()),
                call,
                monday,
                not_before("2026-03-02T17:00:00Z", Reason::OutsideHours),
            ),
            (
                "a zone by another program's name",
                |l| l.profile.timezone = Some("Pacific Standard Time".into()),
                call,
                monday,
                not_before("2026-03-02T17:00:00Z", Reason::OutsideHours),
            ),
            (
                "an abbreviation, in summer",
                |l| l.profile.timezone = Some("EST".into()),
                call,
                "2026-07-01T13:30:00Z",
                Verdict::Go,
            ),
            ("a zone that is none", |l| l.profile.timezone = Some("Mars/Base".into()), call, monday, Verdict::Go),
            (
                "opted out",
                |l| l.consent.opted_out = Some(OptOut { at: l.created_at, by: String::new(), reason: None }),
                call,
                monday,
                Verdict::Never(Reason::OptedOut),
            ),
            ("suppressed", |l| l.stage = Stage::Suppressed, call, monday, Verdict::Never(Reason::OptedOut)),
            ("disqualified", |l| l.stage = Stage::Disqualified, call, monday, Verdict::Never(Reason::Disqualified)),
            (
                "refused",
                |l| l.consent.refused = vec![Channel::Call],
                call,
                monday,
                Verdict::Never(Reason::ChannelRefused),
            ),
            ("another channel refused", |l| l.consent.refused = vec![Channel::Email], call, monday, Verdict::Go),
            (
                "a wrong number",
                |l| l.consent.unreachable = vec![Channel::Call],
                call,
                monday,
                Verdict::Never(Reason::NoAddress),
            ),
            (
                "a bounced address",
                |l| bound(l, IdentityKind::Email, Why::Bounced),
                Channel::Email,
                monday,
                Verdict::Never(Reason::AddressBounced),
            ),
            ("a call in spite of that", |l| bound(l, IdentityKind::Email, Why::Bounced), call, monday, Verdict::Go),
            (
                "an opted-out number",
                |l| bound(l, IdentityKind::Phone, Why::OptedOut),
                call,
                monday,
                Verdict::Never(Reason::AddressOptedOut),
            ),
            (
                "no message to it either",
                |l| bound(l, IdentityKind::Phone, Why::OptedOut),
                Channel::Message,
                monday,
                Verdict::Never(Reason::AddressOptedOut),
            ),
            (
                "a number not to be called",
                |l| bound(l, IdentityKind::Phone, Why::DoNotCall),
                call,
                monday,
                Verdict::Never(Reason::DoNotCall),
            ),
            (
                "a former address that bounced",
                |l| {
                    bound(l, IdentityKind::Email, Why::Bounced);
                    l.profile.email = Some("new@example.com".into());
                },
                Channel::Email,
                monday,
                Verdict::Go,
            ),
            (
                "paused",
                |l| l.paused_at = Some(l.created_at),
                call,
                monday,
                not_before("2026-03-03T15:00:00Z", Reason::Paused),
            ),
            (
                "later, in hours",
                |l| l.consent.not_before = Timestamp::parse("2026-03-04T15:30:00Z"),
                call,
                monday,
                not_before("2026-03-04T15:30:00Z", Reason::NotBefore),
            ),
            (
                "later, out of hours",
                |l| l.consent.not_before = Timestamp::parse("2026-03-08T01:00:00Z"),
                call,
                monday,
                not_before("2026-03-09T13:00:00Z", Reason::OutsideHours),
            ),
            (
                "in eight thousand years",
                |l| l.consent.not_before = Some(Timestamp::MAX),
                call,
                monday,
                Verdict::NotBefore { at: Timestamp::MAX, why: Reason::NotBefore },
            ),
        ];
        for (what, change, channel, now, expected) in cases {
            let mut lead = Lead::new(LeadId(1 << 20), at("2026-03-01T00:00:00Z"));
            change(&mut lead);
            let (verdict, permit) = check(&lead, channel, &settings(), at(now));
            assert_eq!(verdict, expected, "{what}");
            assert_eq!(
                permit.map(|permit| (permit.channel(), permit.at())),
                (verdict == Verdict::Go).then(|| (channel, at(now))),
                "{what}"
            );
        }
    }
}
