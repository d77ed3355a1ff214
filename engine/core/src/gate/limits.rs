//! Limits over all workflows: caps on touches, gaps between them, and conversations that a person has with the lead.

use super::{Intent, Reason, hours_of};
use crate::calendar::Calendar;
use crate::lead::{Channel, Lead, WINDOW_DAYS_MAX};
use crate::state::{CLAIM_MS, LeadState, Reservation, Toucher};
use crate::time::Timestamp;
use crate::workspace::{Cap, ContactPolicy, Gap, Settings, Window};
use jiff::civil::Weekday;

/// How often caps, gaps and hours are asked in turn for a moment that suits them all.
const ROUNDS_MAX: usize = 64;
/// The weekday of 1 January 1970.
const FIRST_WEEKDAY: Weekday = Weekday::Thursday;

/// Whether a workspace has limits that can hold this back.
pub(super) fn may_hold(intent: Intent, settings: &Settings) -> bool {
    match intent {
        Intent::Answer(_) | Intent::Agreed => false,
        Intent::New | Intent::Message(_) | Intent::Claim(_) => settings.contact.has_limits(),
    }
}

/// The limits that hold for a touch on one channel, and what they go by.
pub(super) struct Limits<'a> {
    lead: &'a Lead,
    channel: Channel,
    policy: &'a ContactPolicy,
    /// The hours where the lead is, and its clock.
    hours: Calendar,
    /// Touches that are under way and count against this one.
    under_way: Vec<(Channel, Timestamp)>,
}

impl<'a> Limits<'a> {
    pub(super) fn of(
        intent: Intent,
        state: &'a LeadState,
        channel: Channel,
        settings: &'a Settings,
        now: Timestamp,
    ) -> Self {
        let counts = |by: Toucher| match (intent, by) {
            (Intent::Message(own), Toucher::Message(other)) => other != own,
            // Calls are gated all together, claimed ones too, which must not hold themselves back.
            (Intent::Claim(own), Toucher::Call(other)) => other != own,
            (Intent::New, Toucher::Call(_)) => channel != Channel::Call,
            _ => true,
        };
        // A call that was claimed and not made in time is not under way any more.
        let lasts = |one: &Reservation| matches!(one.by, Toucher::Message(_)) || one.since.plus_ms(CLAIM_MS) > now;
        let under_way = state.reserved.iter().filter(|one| counts(one.by) && lasts(one));
        Self {
            lead: &state.lead,
            channel,
            policy: &settings.contact,
            hours: hours_of(&state.lead, settings),
            under_way: under_way.map(|reserved| (reserved.channel, reserved.since)).collect(),
        }
    }

    /// The first moment from `from` on that suits every limit and `opens`, and the limit that put it off, if one did.
    pub(super) fn first_free(
        &self,
        from: Timestamp,
        opens: impl Fn(Timestamp) -> Timestamp,
    ) -> (Timestamp, Option<Reason>) {
        let (mut at, mut why) = (opens(from), None);
        for _ in 0..ROUNDS_MAX {
            let (free, limit) = self.free_from(at);
            if free <= at {
                break;
            }
            (at, why) = (opens(free), Some(limit));
        }
        (at, why)
    }

    /// The latest of the moments from which each limit allows a touch at `at` or later, and the limit that it is from.
    fn free_from(&self, at: Timestamp) -> (Timestamp, Reason) {
        let concerns = |channels: &[Channel]| channels.is_empty() || channels.contains(&self.channel);
        let caps = self.policy.caps.iter().filter(|cap| concerns(&cap.channels));
        let caps = caps.map(|cap| (self.below(cap, at), Reason::Capped));
        let gaps = self.policy.gaps.iter().filter(|gap| concerns(&gap.channels));
        let gaps = gaps.map(|gap| (self.after(gap), Reason::Gap));
        let talk = self.policy.quiet.filter(|_| is_automatic(self.channel)).zip(self.lead.said_at);
        let talk = talk.map(|(quiet, said)| (self.hours.add(said, quiet), Reason::InConversation));
        let latest = caps.chain(gaps).chain(talk).max_by_key(|(free, _)| *free);
        latest.unwrap_or((at, Reason::Capped))
    }

    /// The first moment from `at` on when the lead has had fewer touches than a cap allows.
    fn below(&self, cap: &Cap, at: Timestamp) -> Timestamp {
        let today = self.hours.day(at);
        let begins = |day: i32| match cap.per {
            Window::Days(days) => day + 1 - i32::from(days.max(1)),
            Window::Week => day - weekday(day),
        };
        let has_room = |day: &i32| self.touches(&cap.channels, begins(*day), *day) < u32::from(cap.at_most);
        // Whatever lies in the longest window has left it by then, on whichever clock it was counted.
        let free = (today..=today + i32::from(WINDOW_DAYS_MAX) + 2).find(has_room);
        match free {
            Some(day) if day == today => at,
            Some(day) => self.hours.begin_of_day(day),
            // A touch of the future: it is asked again.
            None => self.hours.begin_of_day(today + 1),
        }
    }

    /// The touches on these channels from one day to another, counting those that are under way.
    fn touches(&self, channels: &[Channel], from: i32, to: i32) -> u32 {
        let counts = |channel: Channel, day: i32| {
            (channels.is_empty() || channels.contains(&channel)) && (from..=to).contains(&day)
        };
        let made = self.lead.days.iter().filter(|day| counts(day.channel, day.day)).map(|day| u32::from(day.touches));
        let under_way = self.under_way.iter().filter(|(channel, since)| counts(*channel, self.hours.day(*since)));
        made.sum::<u32>() + under_way.map(|_| 1).sum::<u32>()
    }

    /// When enough time has passed since the last touch on the channels of a gap. One that is under way ends no sooner than
    /// it began.
    fn after(&self, gap: &Gap) -> Timestamp {
        let counts = |channel: Channel| gap.channels.is_empty() || gap.channels.contains(&channel);
        let made = self.lead.touches.iter().map(|touch| (touch.channel, touch.at));
        let last = made.chain(self.under_way.iter().copied()).filter(|(channel, _)| counts(*channel));
        last.map(|(_, at)| at).max().map_or(Timestamp::from_ms(i64::MIN), |last| self.hours.add(last, gap.at_least))
    }
}

/// Whether touches on a channel are made by the engine, and not by a person who knows what was said.
const fn is_automatic(channel: Channel) -> bool {
    matches!(channel, Channel::Email | Channel::Message)
}

/// How many days after Monday a day lies.
fn weekday(day: i32) -> i32 {
    (day + i32::from(FIRST_WEEKDAY.to_monday_zero_offset())).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::weekdays_nine_to_five;
    use crate::contact::Outcome;
    use crate::gate::{Verdict, check_for};
    use crate::id::{EffectId, LeadId, TaskId};
    use crate::lead::Touch;
    use crate::time::Span;
    use crate::workspace::Settings;
    use Channel::{Call, Email, Message};
    use jiff::tz::TimeZone;

    const NEW: Intent = Intent::New;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// A workspace in New York that calls in business hours.
    fn settings(caps: &[(&[Channel], u16, Window)], gaps: &[(&[Channel], Span)], quiet: Option<Span>) -> Settings {
        let zone = TimeZone::get("America/New_York").unwrap();
        let caps = caps.iter().map(|(channels, at_most, per)| Cap {
            channels: channels.to_vec(),
            at_most: *at_most,
            per: *per,
        });
        let gaps = gaps.iter().map(|(channels, at_least)| Gap { channels: channels.to_vec(), at_least: *at_least });
        let contact = ContactPolicy {
            business_hours: vec![Call],
            caps: caps.collect(),
            gaps: gaps.collect(),
            quiet,
            ..ContactPolicy::default()
        };
        Settings {
            name: String::new(),
            country: None,
            calendar: Calendar::new(zone, weekdays_nine_to_five(), [].into()).unwrap(),
            calendars: Default::default(),
            fields: Default::default(),
            own_words: Default::default(),
            contact,
            plugins: Default::default(),
            team: Default::default(),
        }
    }

    /// A lead with these touches.
    fn touched(touches: &[(Channel, &str)], settings: &Settings) -> LeadState {
        let mut state = LeadState::new(LeadId(1 << 20), at("2026-01-01T00:00:00Z"));
        for (channel, time) in touches {
            let touch = Touch {
                at: at(time),
                channel: *channel,
                outcome: Outcome::Sent,
                result: None,
                by: None,
                run: None,
                task: None,
                effect: None,
                result_own: None,
                channel_own: None,
            };
            state.lead.count_on_day(settings.calendar.day(touch.at), *channel);
            state.lead.record_touch(touch);
        }
        state
    }

    #[test]
    fn a_cap_holds_until_the_leads_next_day_week_or_window() {
        let (day, week, three) = (Window::Days(1), Window::Week, Window::Days(3));
        // Wednesday, 11:00 in New York.
        let now = at("2026-03-04T16:00:00Z");
        let late = "2026-03-04T03:00:00Z"; // Tuesday, 22:00 there
        type Row<'a> = (&'a str, (&'a [Channel], u16, Window), &'a [(Channel, &'a str)], Channel, Option<&'a str>);
        let rows: &[Row<'_>] = &[
            ("nothing yet", (&[], 1, day), &[], Email, None),
            ("one today", (&[], 1, day), &[(Email, "2026-03-04T14:00:00Z")], Email, Some("2026-03-05T05:00:00Z")),
            ("yesterday, on its clock", (&[], 1, day), &[(Email, late)], Email, None),
            (
                "another channel counts",
                (&[], 1, day),
                &[(Call, "2026-03-04T14:00:00Z")],
                Email,
                Some("2026-03-05T05:00:00Z"),
            ),
            ("another channel does not", (&[Email], 1, day), &[(Call, "2026-03-04T14:00:00Z")], Email, None),
            ("the cap of another channel", (&[Message], 1, day), &[(Message, "2026-03-04T14:00:00Z")], Email, None),
            (
                "calls wait for hours too",
                (&[], 1, day),
                &[(Email, "2026-03-04T14:00:00Z")],
                Call,
                Some("2026-03-05T14:00:00Z"),
            ),
            ("one of two", (&[], 2, day), &[(Email, "2026-03-04T14:00:00Z")], Email, None),
            ("this week", (&[], 1, week), &[(Email, "2026-03-02T14:00:00Z")], Email, Some("2026-03-09T04:00:00Z")),
            ("last week", (&[], 1, week), &[(Email, "2026-03-01T14:00:00Z")], Email, None),
            (
                "two days ago, of three",
                (&[], 1, three),
                &[(Email, "2026-03-02T14:00:00Z")],
                Email,
                Some("2026-03-05T05:00:00Z"),
            ),
            ("three days ago, of three", (&[], 1, three), &[(Email, "2026-03-01T14:00:00Z")], Email, None),
            (
                "both have to leave the window",
                (&[], 1, three),
                &[(Email, "2026-03-03T14:00:00Z"), (Email, "2026-03-04T14:00:00Z")],
                Email,
                Some("2026-03-07T05:00:00Z"),
            ),
            // Clocks go forward on the 8th: the day begins an hour earlier in UTC after that.
            (
                "over a change of clocks",
                (&[], 1, Window::Days(7)),
                &[(Email, "2026-03-02T14:00:00Z")],
                Email,
                Some("2026-03-09T04:00:00Z"),
            ),
        ];
        for (what, cap, touches, channel, free) in rows {
            let settings = settings(&[*cap], &[], None);
            let state = touched(touches, &settings);
            let expected = match free {
                Some(free) => Verdict::NotBefore { at: at(free), why: Reason::Capped },
                None => Verdict::Go,
            };
            assert_eq!(check_for(NEW, &state, *channel, &settings, now), expected, "{what}");
        }
    }

    #[test]
    fn gaps_run_from_the_end_of_the_last_touch_and_conversations_from_the_leads_last_word() {
        let now = at("2026-03-04T16:00:00Z");
        let hours = |hours: i64| Span::Elapsed(hours * crate::time::HOUR_MS);
        let at_noon: &[(Channel, &str)] = &[(Email, "2026-03-04T15:00:00Z")];
        type Row<'a> = (&'a str, Option<(&'a [Channel], Span)>, Option<Span>, Option<&'a str>, Channel, Verdict);
        let not_before = |time: &str, why| Verdict::NotBefore { at: at(time), why };
        let said = Some("2026-03-04T15:00:00Z");
        let rows: &[Row<'_>] = &[
            ("a gap", Some((&[], hours(4))), None, None, Message, not_before("2026-03-04T19:00:00Z", Reason::Gap)),
            ("long enough", Some((&[], hours(1))), None, None, Message, Verdict::Go),
            ("between others", Some((&[Message], hours(4))), None, None, Message, Verdict::Go),
            (
                "in business time",
                Some((&[], Span::BusinessDays(1))),
                None,
                None,
                Email,
                not_before("2026-03-05T15:00:00Z", Reason::Gap),
            ),
            ("no conversation", None, Some(hours(24)), None, Email, Verdict::Go),
            (
                "a conversation",
                None,
                Some(hours(24)),
                said,
                Email,
                not_before("2026-03-05T15:00:00Z", Reason::InConversation),
            ),
            ("people may call in it", None, Some(hours(24)), said, Call, Verdict::Go),
            ("nobody asked for it", None, None, said, Email, Verdict::Go),
        ];
        for (what, gap, quiet, said, channel, expected) in rows {
            let settings = settings(&[], gap.as_slice(), *quiet);
            let mut state = touched(at_noon, &settings);
            state.lead.said_at = said.map(at);
            assert_eq!(check_for(NEW, &state, *channel, &settings, now), *expected, "{what}");
        }
    }

    #[test]
    fn what_is_under_way_counts_against_others_and_answers_are_not_held_back() {
        let now = at("2026-03-04T16:00:00Z");
        let settings = settings(&[(&[], 1, Window::Days(1))], &[], None);
        let mut state = touched(&[], &settings);
        let (mail, other) = (EffectId::born(state.lead.id, 1), EffectId::born(state.lead.id, 2));
        let (call, second) = (TaskId::born(state.lead.id, 3), TaskId::born(state.lead.id, 4));
        state.reserve(mail, Email, now);
        let tomorrow = Verdict::NotBefore { at: at("2026-03-05T05:00:00Z"), why: Reason::Capped };
        let says = |state: &LeadState, intent, channel| check_for(intent, state, channel, &settings, now);
        assert_eq!(says(&state, Intent::Message(mail), Email), Verdict::Go, "it does not hold itself back");
        assert_eq!(says(&state, Intent::Message(other), Message), tomorrow);
        assert_eq!(says(&state, Intent::Answer(other), Email), Verdict::Go);
        assert!(matches!(says(&state, Intent::New, Call), Verdict::NotBefore { why: Reason::Capped, .. }));
        assert_eq!(says(&state, Intent::Agreed, Call), Verdict::Go, "an agreed call, and a second dial");
        state.release(mail);
        state.claim(call, now);
        assert_eq!(says(&state, Intent::New, Call), Verdict::Go, "the open calls, the claimed one among them");
        assert_eq!(says(&state, Intent::Claim(call), Call), Verdict::Go);
        assert!(matches!(says(&state, Intent::Claim(second), Call), Verdict::NotBefore { why: Reason::Capped, .. }));
        assert_eq!(says(&state, Intent::Message(other), Message), tomorrow);
        let lapsed = now.plus_ms(CLAIM_MS);
        assert_eq!(
            check_for(Intent::Message(other), &state, Message, &settings, lapsed),
            Verdict::Go,
            "a claim lapses"
        );
    }
}
