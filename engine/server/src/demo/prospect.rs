//! How the people behind the sample leads behave: whether they answer, what they say, what they do. Every answer is
//! drawn from the lead's id and the occasion, so that a lead says the same whoever calls and whenever. Knows neither
//! the engine nor the clock. Figures with a named practice are that practice's; the others are ours.

use super::samples::Sample;
use cadenza_core::id::hash64;
use cadenza_core::lead::{Outcome, TouchResult};
use fastrand::Rng;

/// The chance that a dial is answered, by seniority: leads are reached after three to five call-backs, depending on
/// the position (practice C6).
const ANSWERS: [(&str, f64); 4] = [("chief", 0.22), ("vp", 0.25), ("head", 0.30), ("manager", 0.36)];
const ANSWERS_OTHERS: f64 = 0.42;
/// A second dial a few minutes later is answered more readily (practice B6).
const REDIAL_BONUS: f64 = 1.4;
/// Mails that are answered (practice E3: 1 to 3 %).
const MAIL_REPLIES: f64 = 0.03;
const MAIL_CLICKS: f64 = 0.20;
const MAIL_OPT_OUTS: f64 = 0.02;
/// Deals that are won within two weeks (practice C7: over 35 %).
const WON: f64 = 0.38;
/// Deals that are decided while the demo runs.
const DECIDED_SOON: f64 = 0.55;
/// Meetings that take place.
const MEETS: f64 = 0.88;

/// The person behind a lead.
#[derive(Clone, Debug)]
pub(super) struct Prospect {
    id: String,
    answers: f64,
    /// From 0 to 1: how much of what we sell it needs.
    interest: f64,
    knows_us: bool,
    wrong_number: bool,
}

/// How a call went.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CallAnswer {
    pub(super) outcome: Outcome,
    /// What was said, if somebody was reached.
    pub(super) result: Option<TouchResult>,
    /// What the rep writes down.
    pub(super) notes: Option<&'static str>,
    /// How long it took, in engine seconds.
    pub(super) seconds: u32,
    /// After how many hours to call again, if that was agreed.
    pub(super) again_hours: Option<u32>,
}

/// Something a prospect does of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// How many engine minutes after the lead came, or after the mail.
    pub(super) after_minutes: u32,
    /// `page`, `paper`, `mail_click` and so on.
    pub(super) kind: &'static str,
    pub(super) detail: &'static str,
}

/// How a prospect reacts to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailReaction {
    Ignored,
    Clicked(Visit),
    Replied,
    OptedOut,
}

impl Prospect {
    /// The person behind this sample.
    pub(super) fn new(sample: &Sample) -> Self {
        let mut rng = draw(&sample.id, "person", 0);
        let has = |name: &str| sample.body.contains_key(name);
        let facts = [("budget", 0.20), ("project_date", 0.15), ("pain", 0.20), ("seats", 0.05)];
        let known: f64 = facts.iter().filter(|(name, _)| has(name)).map(|(_, weight)| weight).sum();
        Self {
            id: sample.id.clone(),
            answers: answers(sample.text("title").unwrap_or_default()),
            interest: (0.15 + known + rng.f64() * 0.25).min(1.0),
            knows_us: rng.f64() < 0.93,
            wrong_number: rng.f64() < 0.015,
        }
    }

    /// How it answers call number `dial` since the lead came, beginning with 0.
    pub(super) fn answers_call(&self, dial: u32, redial: bool) -> CallAnswer {
        let mut rng = draw(&self.id, "call", dial);
        let chance = if redial { self.answers * REDIAL_BONUS } else { self.answers };
        if self.wrong_number || rng.f64() >= chance {
            return self.not_reached(redial, &mut rng);
        }
        let result = self.says(&mut rng);
        let again_hours = (result == Some(TouchResult::Callback)).then(|| rng.u32(2..20));
        CallAnswer {
            outcome: Outcome::Connected,
            result,
            notes: Some(notes(result)),
            seconds: rng.u32(90..360),
            again_hours,
        }
    }

    fn not_reached(&self, redial: bool, rng: &mut Rng) -> CallAnswer {
        let outcome = match rng.f64() {
            _ if self.wrong_number => Outcome::WrongNumber,
            // The message is left on the second dial (practice B6).
            _ if redial => Outcome::Voicemail,
            chance if chance < 0.08 => Outcome::Busy,
            chance if chance < 0.18 => Outcome::Gatekeeper,
            _ => Outcome::NoAnswer,
        };
        let seconds = if outcome == Outcome::Voicemail { rng.u32(50..90) } else { rng.u32(25..60) };
        CallAnswer { outcome, result: None, notes: None, seconds, again_hours: None }
    }

    fn says(&self, rng: &mut Rng) -> Option<TouchResult> {
        let doubt = 1.0 - self.interest;
        let weights = [
            (Some(TouchResult::Qualified), 62.0 * self.interest),
            (Some(TouchResult::Callback), 12.0),
            (Some(TouchResult::NotNow), 6.0 + 26.0 * doubt),
            (Some(TouchResult::Unqualified), 16.0 * doubt),
            (Some(TouchResult::DoesNotRecall), 3.0),
            (Some(TouchResult::DoesNotKnowUs), if self.knows_us { 0.0 } else { 40.0 }),
            (Some(TouchResult::OptedOut), 2.0 + 3.0 * doubt),
            (None, 6.0),
        ];
        let mut left = rng.f64() * weights.iter().map(|(_, weight)| weight).sum::<f64>();
        let chosen = weights.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        chosen.and_then(|(result, _)| *result)
    }

    /// What it says when it agrees on the next step with the rep.
    pub(super) fn agrees(&self) -> TouchResult {
        match draw(&self.id, "talk", 0).f64() {
            chance if chance < 0.25 + 0.5 * self.interest => TouchResult::Qualified,
            chance if chance > 0.93 => TouchResult::Unqualified,
            _ => TouchResult::NotNow,
        }
    }

    /// What it looks at in the hours after it came.
    pub(super) fn visits(&self) -> Vec<Visit> {
        let mut rng = draw(&self.id, "visits", 0);
        if rng.f64() >= 0.10 + 0.30 * self.interest {
            return Vec::new();
        }
        const SEEN: [(&str, &str); 5] = [
            ("page", "/pricing"),
            ("paper", "Five minutes: what speed to lead is worth"),
            ("page", "/customers"),
            ("event", "Webinar: the double dial"),
            ("page", "/product/call-desk"),
        ];
        let mut after_minutes = 0;
        (0..rng.u32(1..4))
            .map(|_| {
                after_minutes += rng.u32(15..360);
                let (kind, detail) = SEEN[rng.usize(..SEEN.len())];
                Visit { after_minutes, kind, detail }
            })
            .collect()
    }

    /// How it reacts to mail number `mail`, beginning with 0.
    pub(super) fn reads_mail(&self, mail: u32) -> MailReaction {
        let mut rng = draw(&self.id, "mail", mail);
        let visit = Visit { after_minutes: rng.u32(5..240), kind: "mail_click", detail: "/customers" };
        match rng.f64() {
            chance if chance < MAIL_REPLIES => MailReaction::Replied,
            chance if chance < MAIL_REPLIES + MAIL_OPT_OUTS => MailReaction::OptedOut,
            chance if chance < MAIL_REPLIES + MAIL_OPT_OUTS + MAIL_CLICKS => MailReaction::Clicked(visit),
            _ => MailReaction::Ignored,
        }
    }

    /// Whether it comes to the meeting.
    pub(super) fn comes_to_meeting(&self) -> bool {
        draw(&self.id, "meeting", 0).f64() < MEETS
    }

    /// Whether it buys and for how much; `None` while it has not decided.
    pub(super) fn decides(&self) -> Option<Result<u32, &'static str>> {
        let mut rng = draw(&self.id, "deal", 0);
        (rng.f64() < DECIDED_SOON).then(|| {
            let amount = rng.u32(8..60) * 500;
            if rng.f64() < WON { Ok(amount) } else { Err("chose somebody else") }
        })
    }
}

fn answers(title: &str) -> f64 {
    let title = title.to_lowercase();
    let chief = ["ceo", "coo", "cfo", "chief", "founder", "owner"].iter().any(|word| title.contains(word));
    let rank = match () {
        () if chief => "chief",
        () if title.contains("vp") || title.contains("vice") => "vp",
        () if title.contains("head") || title.contains("director") => "head",
        () if title.contains("manager") => "manager",
        () => "",
    };
    ANSWERS.iter().find(|(known, _)| *known == rank).map_or(ANSWERS_OTHERS, |(_, chance)| *chance)
}

const fn notes(result: Option<TouchResult>) -> &'static str {
    match result {
        Some(TouchResult::Qualified) => "Has the need, the money and a date. Wants to see it with the team.",
        Some(TouchResult::Unqualified) => "Two people, no plan, was looking for something else.",
        Some(TouchResult::NotNow) => "Good fit, but nothing is decided this quarter. Stay in touch.",
        Some(TouchResult::Callback) => "In a meeting, asked to be called back.",
        Some(TouchResult::DoesNotRecall) => "Does not recall asking, was friendly about it.",
        Some(TouchResult::DoesNotKnowUs) => "Had never heard of us; a colleague filled in the form.",
        Some(TouchResult::OptedOut) => "Asked us not to call again.",
        None => "Short talk, no clear answer yet.",
    }
}

/// Randomness for one occasion of one lead, the same in every run.
fn draw(id: &str, occasion: &str, number: u32) -> Rng {
    Rng::with_seed(hash64(format!("{id}/{occasion}/{number}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::samples;
    use cadenza_core::time::Timestamp;

    fn prospects() -> Vec<Prospect> {
        samples::read(Timestamp::from_ms(0)).unwrap().iter().map(Prospect::new).collect()
    }

    #[test]
    fn the_same_occasion_has_the_same_answer() {
        for (one, two) in prospects().iter().zip(prospects().iter().rev().collect::<Vec<_>>().iter().rev()) {
            // Asked in another order, and after other questions.
            let later = two.answers_call(3, false);
            assert_eq!(one.answers_call(0, false), two.answers_call(0, false));
            assert_eq!(one.answers_call(3, false), later);
            assert_eq!((one.visits(), one.agrees(), one.decides()), (two.visits(), two.agrees(), two.decides()));
        }
    }

    #[test]
    fn nothing_is_said_by_who_is_not_reached() {
        for prospect in prospects() {
            for (dial, redial) in [(0, false), (1, true), (2, false), (3, true)] {
                let answer = prospect.answers_call(dial, redial);
                assert!(answer.outcome.reached() || answer.result.is_none(), "{answer:?}");
                assert_eq!(answer.again_hours.is_some(), answer.result == Some(TouchResult::Callback));
            }
        }
    }

    #[test]
    fn leads_are_reached_in_three_to_five_dials() {
        let dials = |prospect: &Prospect| (0..30).find(|dial| prospect.answers_call(*dial, false).outcome.reached());
        let needed: Vec<u32> = prospects().iter().filter_map(dials).map(|dial| dial + 1).collect();
        let mean = f64::from(needed.iter().sum::<u32>()) / needed.len() as f64;
        assert!((2.5..5.0).contains(&mean), "practice C6: three to five call-backs, here {mean:.1}");
    }

    #[test]
    fn few_mails_are_answered() {
        let prospects = prospects();
        let mails = prospects.iter().flat_map(|prospect| (0..4).map(|mail| prospect.reads_mail(mail)));
        let replies = mails.filter(|reaction| *reaction == MailReaction::Replied).count();
        assert!((20..=100).contains(&replies), "practice E3: 1 to 3 % of 2,000, here {replies}");
    }
}
