//! The points of each rule. The figures are ours; they are chosen so that about a quarter of the leads from a web form
//! are hot (practice E1).

use crate::{Fields, Known, Parameters, Rule};
use cadenza_sdk::{Engagement, Span, Tally, Time, Touch};

/// How many days back engagement counts.
pub(crate) const ENGAGEMENT_DAYS: u16 = 30;
const REMEMBERED: Span = Span::days(ENGAGEMENT_DAYS as i64);
/// Engagement younger than this counts more.
const FRESH: Span = Span::days(7);
const ENGAGEMENT_POINTS_MAX: i32 = 20;
/// A project further away than the first span counts most (practice D6); one closer than the second counts least.
const PROJECT_STAGES: [Span; 3] = [Span::days(120), Span::days(90), Span::ZERO];
/// Mail domains that say nothing about a company; `free_mail` adds to them.
const FREE_MAIL: [&str; 8] =
    ["gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "gmx.net", "proton.me"];
/// A meaningful message has at least this many characters.
const MESSAGE_CHARS_MIN: usize = 20;

/// The points for who the person is, and for how the lead came to us.
pub(crate) fn person(tally: &mut Tally, fields: &Fields) {
    let seniority = fields.seniority.or_else(|| fields.title.and_then(seniority_of));
    let points = match seniority {
        Some("c_level") => 20,
        Some("vp") => 18,
        Some("director") => 15,
        Some("manager") => 8,
        _ => 0,
    };
    give(tally, Rule::Seniority, points, seniority.unwrap_or_default());

    let source = fields.source.unwrap_or_default();
    let points = match source {
        "phone" | "referral" => 20,
        "chat" => 15,
        "web" => 12,
        "event" => 8,
        _ => 0,
    };
    give(tally, Rule::Source, points, source);
}

/// The highest seniority that a job title mentions.
fn seniority_of(title: &str) -> Option<&'static str> {
    // A text without Latin letters splits into as many empty words as it has bytes, and no known word has only one letter.
    let words = title.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| word.len() > 1);
    let rank = words
        .filter_map(|word| SENIORITY_WORDS.iter().position(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes())));
    rank.min().map(|rank| SENIORITY_WORDS[rank].1)
}

/// Words of job titles with their seniority, the decisive ones first: a vice president is not a president.
const SENIORITY_WORDS: [(&str, &str); 17] = [
    ("vice", "vp"),
    ("vp", "vp"),
    ("svp", "vp"),
    ("evp", "vp"),
    ("chief", "c_level"),
    ("ceo", "c_level"),
    ("cto", "c_level"),
    ("cfo", "c_level"),
    ("cio", "c_level"),
    ("coo", "c_level"),
    ("cmo", "c_level"),
    ("founder", "c_level"),
    ("owner", "c_level"),
    ("president", "c_level"),
    ("director", "director"),
    ("head", "director"),
    ("manager", "manager"),
];

/// The points for the company.
pub(crate) fn company(tally: &mut Tally, fields: &Fields, parameters: &Parameters) {
    if let Some(employees) = fields.employees {
        let points = match employees {
            many if many >= parameters.large => 15,
            many if many >= parameters.large / 10 => 10,
            many if many >= 10 => 5,
            _ => 0,
        };
        give(tally, Rule::CompanySize, points, employees.to_string());
    }
    if let Some(industry) = fields.industry
        && contains(parameters.industries, industry)
    {
        give(tally, Rule::Industry, 10, industry);
    }
    if let Some(country) = fields.country
        && !parameters.countries.is_empty()
        && !contains(parameters.countries, country)
    {
        give(tally, Rule::Country, -30, country);
    }
    if let Some((_, domain)) = fields.email.and_then(|email| email.rsplit_once('@'))
        && (FREE_MAIL.iter().any(|free| domain.eq_ignore_ascii_case(free)) || contains(parameters.free_mail, domain))
    {
        give(tally, Rule::FreeMail, -10, domain);
    }
}

/// The points for what the lead needs, and when.
pub(crate) fn need(tally: &mut Tally, fields: &Fields, parameters: &Parameters, now: Time) {
    if let Some(budget) = fields.budget {
        let points = match budget {
            much if much >= parameters.budget => 15,
            some if some > 0.0 => 5,
            _ => 0,
        };
        give(tally, Rule::Budget, points, (budget as i64).to_string());
    }
    if let Some(start) = fields.project_date {
        let ahead = start - now;
        let [far, near, begun] = PROJECT_STAGES;
        let points = match ahead {
            _ if ahead > far => 12,
            _ if ahead > near => 10,
            _ if ahead > begun => 8,
            // A date in the past only says that there was a project.
            _ => 0,
        };
        give(tally, Rule::ProjectDate, points, ahead.as_days().to_string());
    }
    if let Some(need) = fields.pain.or(fields.product) {
        let points = if fields.pain.is_some() && fields.product.is_some() { 10 } else { 6 };
        give(tally, Rule::Need, points, clip(need));
    }
    if let Some(message) = fields.message {
        match first_spoken_of(message, parameters.buying_words) {
            Some(word) => give(tally, Rule::Message, 12, word),
            None if message.len() >= MESSAGE_CHARS_MIN => give(tally, Rule::Message, 4, "no buying word"),
            None => {}
        }
    }
}

/// The points for what the lead does and says.
pub(crate) fn behaviour(tally: &mut Tally, engagement: &[Engagement], touches: &[Touch]) {
    let (mut fresh, mut all) = (0, 0);
    for seen in engagement {
        fresh += i32::from(seen.age < FRESH);
        all += i32::from(seen.age < REMEMBERED);
    }
    let points = (fresh * 5 + (all - fresh) * 2).min(ENGAGEMENT_POINTS_MAX);
    give(tally, Rule::Engagement, points, all.to_string());

    // Only the last talk counts. Not recalling us or seeing things differently lowers nothing (practice D5).
    if let Some(said) = touches.iter().find_map(|touch| touch.result) {
        if said == Known::Qualified {
            give(tally, Rule::Talk, 20, "qualified");
        } else if said == Known::Callback {
            give(tally, Rule::Talk, 12, "callback");
        } else if said == Known::NotNow {
            give(tally, Rule::Talk, -5, "not_now");
        } else if said == Known::Unqualified {
            give(tally, Rule::Talk, -40, "unqualified");
        }
    }
}

/// The time until the points change even if nothing happens: engagement becomes stale and is forgotten, and a project
/// comes nearer.
pub(crate) fn next_change(fields: &Fields, engagement: &[Engagement], now: Time) -> Option<Span> {
    let ages = engagement.iter().flat_map(|seen| [FRESH - seen.age, REMEMBERED - seen.age]);
    let project = fields.project_date.map(|start| start - now);
    let nearer = project.into_iter().flat_map(|ahead| PROJECT_STAGES.map(|stage| ahead - stage));
    ages.chain(nearer).filter(|left| *left > Span::ZERO).min()
}

/// Rules that give no points are not worth a reader's time.
fn give(tally: &mut Tally, rule: Rule, points: i32, value: impl Into<String>) {
    if points != 0 {
        tally.add(rule, points, value);
    }
}

fn contains(list: &[&str], text: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(text))
}

/// The first of the words that occurs anywhere in a text, in upper or lower case. It takes one pass over the text for
/// all words, and is written by hand, because the library prepares for texts of any length, which costs more than
/// looking through a message.
fn first_spoken_of<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    // Both cases of a letter share one place in the set. Other characters with that place are told apart by comparing
    // the whole word.
    let place = |letter: u8| 1_u32 << (letter & 31);
    let begins = words.iter().filter_map(|word| word.bytes().next()).fold(0, |set, first| set | place(first));
    let mut found = words.len();
    for (at, letter) in text.bytes().enumerate() {
        if begins & place(letter) != 0 {
            let rest = &text.as_bytes()[at..];
            let stands_here = |word: &&str| {
                word.bytes().next().is_some_and(|first| place(first) == place(letter))
                    && rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
            };
            found = words[..found].iter().position(stands_here).unwrap_or(found);
        }
    }
    words.get(found).copied()
}

/// The beginning of a text, short enough for a reason.
fn clip(text: &str) -> &str {
    const CHARS_MAX: usize = 60;
    text.char_indices().nth(CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}
