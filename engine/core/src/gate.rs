//! The contact gate: every touch passes it at the moment when it is to happen, not when it was planned.
//!
//! A message can leave only with a [`Permit`], and only the gate makes one. The gate sees the whole lead, including
//! what is under way. It checks opt-out and disqualification, refused channels, bound and missing addresses, a person's
//! pause, "not before", and business hours in the lead's own zone; and over all workflows caps, gaps between touches
//! and conversations with a person.

mod limits;

pub use crate::verdict::{Reason, Verdict};

use crate::calendar::Calendar;
use crate::country::Country;
use crate::id::{EffectId, TaskId};
use crate::identity;
use crate::lead::{Channel, Lead};
use crate::state::{LeadState, UNDER_WAY_MAX};
use crate::task::Task;
use crate::time::Timestamp;
use crate::workspace::Settings;
use crate::zone::{self, whereabouts::Whereabouts};
use jiff::tz::TimeZone;

/// Permission for one message to make one touch at one moment. Nothing outside this module can make one.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not used was a touch that did not happen"]
pub struct Permit {
    effect: EffectId,
    channel: Channel,
    at: Timestamp,
}

impl Permit {
    /// Whether the permit is for this message, on this channel.
    pub fn is_for(&self, effect: EffectId, channel: Channel) -> bool {
        self.effect == effect && self.channel == channel
    }
    /// The moment at which the permit was given.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// How long a message waits when the lead already has as many messages under way as allowed: one minute.
const UNDER_WAY_RECHECK_MS: i64 = crate::time::MINUTE_MS;

/// What is meant to be done to the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A touch that has yet to be made.
    New,
    /// A message. What it reserved at an earlier attempt does not count against it.
    Message(EffectId),
    /// A message that answers the lead, such as a confirmation. Hours, caps, gaps and conversations do not hold it back.
    Answer(EffectId),
    /// A rep who claims a call. Other calls that are claimed count against it.
    Claim(TaskId),
    /// A call that was agreed with the lead, the second dial of a double dial, or a message that may have left already: caps, gaps
    /// and conversations do not hold it back.
    Agreed,
}

/// A permit for a message at `now`, or the verdict against it. A reservation that the message made at an earlier
/// attempt does not count against it.
///
/// # Errors
/// When the message may not leave now.
pub(crate) fn permit(
    state: &LeadState,
    effect: EffectId,
    intent: Intent,
    channel: Channel,
    settings: &Settings,
    now: Timestamp,
) -> Result<Permit, Verdict> {
    match check_for(intent, state, channel, settings, now) {
        Verdict::Go if state.others_under_way(effect) >= UNDER_WAY_MAX => {
            Err(Verdict::NotBefore { at: now.plus_ms(UNDER_WAY_RECHECK_MS), why: Reason::UnderWay })
        }
        Verdict::Go => Ok(Permit { effect, channel, at: now }),
        verdict => Err(verdict),
    }
}

/// What the gate says of a touch at `now`.
pub fn check(state: &LeadState, channel: Channel, settings: &Settings, now: Timestamp) -> Verdict {
    check_for(Intent::New, state, channel, settings, now)
}

/// What the gate says to this at `now`.
pub fn check_for(intent: Intent, state: &LeadState, channel: Channel, settings: &Settings, now: Timestamp) -> Verdict {
    let lead = &state.lead;
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
        return Verdict::Held(Reason::Paused);
    }
    let wanted = lead.consent.not_before.filter(|at| *at > now);
    let from = wanted.unwrap_or(now);
    let keeps_hours = settings.contact.business_hours.contains(&channel) && !matches!(intent, Intent::Answer(_));
    let opens = |from: Timestamp| if keeps_hours { next_open(lead, settings, from) } else { from };
    let (open, limit) = match limits::may_hold(intent, settings) {
        true => limits::Limits::of(intent, state, channel, settings, now).first_free(from, opens),
        false => (opens(from), None),
    };
    match (open > now, open > from) {
        (false, _) => Verdict::Go,
        (true, true) => Verdict::NotBefore { at: open, why: limit.unwrap_or(Reason::OutsideHours) },
        (true, false) => Verdict::NotBefore { at: open, why: Reason::NotBefore },
    }
}

impl Intent {
    /// What is meant by an open call.
    pub(crate) const fn of_call(task: &Task) -> Self {
        if task.redial || task.agreed { Self::Agreed } else { Self::New }
    }
}

/// Whether a lead has an address for a channel. Calls can be made without a number, which whoever calls may find.
pub fn has_address(lead: &Lead, channel: Channel) -> bool {
    match channel {
        Channel::Call | Channel::Meeting | Channel::Other => true,
        Channel::Message => lead.profile.phone.is_some(),
        Channel::Email => lead.profile.email.as_deref().and_then(identity::email).is_some(),
    }
}

/// What the gate says of an open call at `now`.
pub fn check_call(task: &Task, state: &LeadState, settings: &Settings, now: Timestamp) -> Verdict {
    check_for(Intent::of_call(task), state, Channel::Call, settings, now)
}

/// How far ahead the choice of an owner looks for someone who is at work when the lead may be called: a week.
const CALLABLE_WITHIN_MS: i64 = 7 * crate::time::DAY_MS;

/// The time at which a lead that may not be called now may be called: when business hours begin where the lead is.
/// `None` when it may be called now, or not within a week.
pub fn callable_from(lead: &Lead, settings: &Settings, now: Timestamp) -> Option<Timestamp> {
    let from = lead.consent.not_before.unwrap_or(now).max(now);
    let gated = settings.contact.business_hours.contains(&Channel::Call);
    let open = if gated { next_open(lead, settings, from) } else { from };
    (open > now && open.since_ms(now) <= CALLABLE_WITHIN_MS).then_some(open)
}

/// How far ahead hours are looked for that are open in every zone that a lead may be in. Russia has none at all.
const IN_COMMON_WITHIN_MS: i64 = 14 * crate::time::DAY_MS;

/// When business hours are next open for the lead. If its zone is not known for sure, they are open only while they are
/// in every zone that is possible. Zones that have no hours in common leave it to the likeliest of them.
fn next_open(lead: &Lead, settings: &Settings, from: Timestamp) -> Timestamp {
    let calendar = calendar_of(lead, settings);
    if let Some(zone) = given_zone(lead) {
        return calendar.in_zone(zone).next_open(from);
    }
    let whereabouts = whereabouts(lead);
    let Some((likeliest, _)) = whereabouts.likeliest() else { return calendar.next_open(from) };
    let (hours, possible) = (calendar.in_zone(likeliest.clock()), whereabouts.possible());
    if possible.clone().nth(1).is_none() {
        return hours.next_open(from);
    }
    let mut open = from;
    loop {
        let next = possible.clone().map(|zone| hours.in_zone(zone.clock()).next_open(open)).max().unwrap_or(open);
        if next == open {
            return open;
        }
        if next.since_ms(from) > IN_COMMON_WITHIN_MS {
            return hours.next_open(from);
        }
        open = next;
    }
}

/// The business hours on the lead's own clock: those of its country when the workspace has any, else the workspace's.
pub(crate) fn hours_of(lead: &Lead, settings: &Settings) -> Calendar {
    let hours = calendar_of(lead, settings);
    match lead_zone(lead) {
        Some(zone) => hours.in_zone(zone),
        None => hours.clone(),
    }
}

/// The calendar of the lead's country, or the workspace's. A lead that names no country has that of its number.
fn calendar_of<'a>(lead: &Lead, settings: &'a Settings) -> &'a Calendar {
    let calendars = &settings.contact.calendars;
    if calendars.is_empty() {
        return &settings.calendar;
    }
    let named = lead.profile.country.as_deref().and_then(Country::parse);
    let of_number =
        || Country::of_zone(Whereabouts::of(lead.profile.phone.as_deref(), None, None).likeliest()?.0.name());
    named.or_else(of_number).and_then(|country| calendars.get(&country)).unwrap_or(&settings.calendar)
}

/// The zone in which times are read for the lead: the one it gave, else the likeliest by its number and address, else the
/// workspace's.
pub fn zone_of(lead: &Lead, settings: &Settings) -> TimeZone {
    lead_zone(lead).unwrap_or_else(|| settings.calendar.zone().clone())
}

fn lead_zone(lead: &Lead) -> Option<TimeZone> {
    given_zone(lead).or_else(|| whereabouts(lead).likeliest().map(|(zone, _)| zone.clock()))
}

fn whereabouts(lead: &Lead) -> Whereabouts {
    let profile = &lead.profile;
    Whereabouts::of(profile.phone.as_deref(), profile.country.as_deref(), profile.region.as_deref())
}

/// The zone that the lead gave, if it is valid. Records of earlier versions may hold a name that is not a zone.
fn given_zone(lead: &Lead) -> Option<TimeZone> {
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
        let germany = Calendar::new(zone.clone(), weekdays_nine_to_five(), [].into()).unwrap().observing("DE").unwrap();
        let calendars = [(Country::of_code("DE").unwrap(), germany)].into();
        Settings {
            name: String::new(),
            country: None,
            calendar: Calendar::new(zone, weekdays_nine_to_five(), [].into()).unwrap(),
            calendars: BTreeMap::new(),
            fields: BTreeMap::new(),
            own_words: Default::default(),
            contact: ContactPolicy { business_hours: vec![Channel::Call], calendars, ..ContactPolicy::default() },
            plugins: BTreeMap::new(),
            team: Team::default(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// Gives the lead an address and a number, and binds one of them.
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
        let (may_day, russian) = ("2026-05-01T10:00:00Z", "2026-03-02T13:00:00Z");
        let (monday, evening, call) = ("2026-03-02T15:00:00Z", "2026-03-02T23:00:00Z", Channel::Call);
        let not_before = |time: &str, why| Verdict::NotBefore { at: at(time), why };
        let cases: [(&str, Change, Channel, &str, Verdict); 34] = [
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
                "a number of California",
                |l| l.profile.phone = Some("+14155550100".into()),
                call,
                monday,
                not_before("2026-03-02T17:00:00Z", Reason::OutsideHours),
            ),
            (
                "a zone that was given, and a number of California",
                |l| {
                    l.profile.timezone = Some("America/New_York".into());
                    l.profile.phone = Some("+14155550100".into());
                },
                call,
                monday,
                Verdict::Go,
            ),
            ("a country in Europe", |l| l.profile.country = Some("FR".into()), call, monday, Verdict::Go),
            (
                "evening there",
                |l| l.profile.country = Some("FR".into()),
                call,
                "2026-03-02T16:00:00Z",
                not_before("2026-03-03T08:00:00Z", Reason::OutsideHours),
            ),
            (
                "a country with zones from New York to Honolulu",
                |l| l.profile.country = Some("US".into()),
                call,
                monday,
                not_before("2026-03-02T19:00:00Z", Reason::OutsideHours),
            ),
            (
                "a number that was taken along to California",
                |l| {
                    l.profile.phone = Some("+12125550100".into());
                    (l.profile.country, l.profile.region) = (Some("US".into()), Some("California".into()));
                },
                call,
                monday,
                not_before("2026-03-02T17:00:00Z", Reason::OutsideHours),
            ),
            (
                "zones without common hours: Moscow",
                |l| l.profile.country = Some("RU".into()),
                call,
                russian,
                Verdict::Go,
            ),
            (
                "evening in Moscow",
                |l| l.profile.country = Some("RU".into()),
                call,
                monday,
                not_before("2026-03-03T06:00:00Z", Reason::OutsideHours),
            ),
            (
                "a holiday of its country",
                |l| l.profile.country = Some("Germany".into()),
                call,
                may_day,
                not_before("2026-05-04T07:00:00Z", Reason::OutsideHours),
            ),
            (
                "a holiday of its number's country",
                |l| l.profile.phone = Some("+4930123456".into()),
                call,
                may_day,
                not_before("2026-05-04T07:00:00Z", Reason::OutsideHours),
            ),
            ("no holiday of a neighbour", |l| l.profile.country = Some("CH".into()), call, may_day, Verdict::Go),
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
            ("paused", |l| l.paused_at = Some(l.created_at), call, monday, Verdict::Held(Reason::Paused)),
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
            let mut state = LeadState::new(LeadId(1 << 20), at("2026-03-01T00:00:00Z"));
            change(&mut state.lead);
            assert_eq!(check(&state, channel, &settings(), at(now)), expected, "{what}");
            let effect = EffectId::born(state.lead.id, 1);
            match permit(&state, effect, Intent::Message(effect), channel, &settings(), at(now)) {
                Ok(permit) => {
                    assert!(permit.is_for(effect, channel) && permit.at() == at(now), "{what}");
                    assert!(!permit.is_for(EffectId::born(state.lead.id, 2), channel), "{what}: it is no other's");
                    assert_eq!(expected, Verdict::Go, "{what}");
                }
                Err(verdict) => assert_eq!(verdict, expected, "{what}"),
            }
        }
    }

    #[test]
    fn hours_in_common_are_open_everywhere_and_later_is_never_sooner() {
        let settings = settings();
        for (country, in_common) in [("US", true), ("CA", true), ("AU", true), ("PT", true), ("RU", false)] {
            let mut lead = LeadState::new(LeadId(1 << 20), at("2026-03-01T00:00:00Z")).lead;
            lead.profile.country = Some(country.into());
            let clocks: Vec<Calendar> =
                whereabouts(&lead).possible().map(|zone| settings.calendar.in_zone(zone.clock())).collect();
            assert!(clocks.len() > 1, "{country} has several zones");
            let mut before = Timestamp::from_ms(0);
            // Five weeks around a change of the clocks, every 20 minutes.
            for step in 0..2_520 {
                let from = at("2026-03-01T00:00:00Z").plus_ms(step * 20 * crate::time::MINUTE_MS);
                let open = next_open(&lead, &settings, from);
                assert!(open >= from && open >= before, "{country} from {from}: {open}, and before {before}");
                assert!(clocks.iter().all(|clock| clock.is_open(open)) == in_common, "{country} at {open}");
                before = open;
            }
        }
    }

    #[test]
    fn a_message_is_not_in_its_own_way_and_others_that_are_under_way_are() {
        let (now, mail) = (at("2026-03-02T15:00:00Z"), Channel::Email);
        let mut state = LeadState::new(LeadId(1 << 20), now);
        let effects: Vec<EffectId> = (1..=UNDER_WAY_MAX as u64 + 1).map(|n| EffectId::born(state.lead.id, n)).collect();
        let (last, first) = effects.split_last().unwrap();
        first.iter().for_each(|effect| state.reserve(*effect, mail, now));
        assert!(
            permit(&state, first[0], Intent::Message(first[0]), mail, &settings(), now).is_ok(),
            "a retry does not count against itself"
        );
        let full = Verdict::NotBefore { at: now.plus_ms(UNDER_WAY_RECHECK_MS), why: Reason::UnderWay };
        assert_eq!(permit(&state, *last, Intent::Message(*last), mail, &settings(), now), Err(full));
        assert!(state.release(first[3]));
        assert!(permit(&state, *last, Intent::Message(*last), mail, &settings(), now).is_ok());
    }
}
