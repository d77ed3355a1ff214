//! What surrounds the points in `plugins/inbound-fit/src/lib.rs`: what they read, their numbers, and the segment.

use crate::contract::scorer::{Rating, Segment};
use crate::{Known, Span, Tally, Time, points};

pub struct Parameters<'a> {
    pub hot: i64,
    pub warm: i64,
    pub steady: i64,
    pub industries: &'a [&'a str],
    pub countries: &'a [&'a str],
    pub budget: f64,
    pub large: i64,
    pub free_mail: &'a [&'a str],
    pub buying_words: &'a [&'a str],
}

pub struct Fields<'a> {
    pub email: Option<&'a str>,
    pub title: Option<&'a str>,
    pub seniority: Option<&'a str>,
    pub employees: Option<i64>,
    pub industry: Option<&'a str>,
    pub country: Option<&'a str>,
    pub source: Option<&'a str>,
    pub budget: Option<f64>,
    pub project_date: Option<Time>,
    pub product: Option<&'a str>,
    pub pain: Option<&'a str>,
    pub message: Option<&'a str>,
}

/// No rule looks at the age, channel or outcome of a touch.
pub struct Touch {
    pub result: Option<Known>,
}

/// No rule looks at the kind or detail of an engagement.
pub struct Engagement {
    pub age: Span,
}

#[derive(Clone, Copy)]
pub enum Rule {
    Seniority = 1,
    CompanySize = 2,
    Industry = 3,
    Country = 4,
    Source = 5,
    Budget = 6,
    ProjectDate = 7,
    Need = 8,
    Message = 9,
    FreeMail = 10,
    Engagement = 11,
    Talk = 12,
    Steady = 13,
}

impl From<Rule> for u16 {
    fn from(rule: Rule) -> Self {
        rule as Self
    }
}

/// Everything that a score depends on.
pub(crate) struct View<'a> {
    pub(crate) now: Time,
    pub(crate) parameters: Parameters<'a>,
    pub(crate) fields: Fields<'a>,
    pub(crate) touches: Vec<Touch>,
    pub(crate) engagement: Vec<Engagement>,
    pub(crate) previous_score: Option<i32>,
}

pub(crate) fn score(view: &View<'_>) -> Rating {
    let mut tally = Tally::new();
    points::person(&mut tally, &view.fields);
    points::company(&mut tally, &view.fields, &view.parameters);
    points::need(&mut tally, &view.fields, &view.parameters, view.now);
    points::behaviour(&mut tally, &view.engagement, &view.touches);
    let segment = segment(&mut tally, &view.parameters, view.previous_score);
    tally.rating(segment, points::next_change(&view.fields, &view.engagement, view.now))
}

fn segment(tally: &mut Tally, parameters: &Parameters<'_>, previous_score: Option<i32>) -> Segment {
    let points = i64::from(tally.points());
    match previous_score {
        _ if points >= parameters.hot => Segment::Hot,
        Some(before) if i64::from(before) >= parameters.hot && points >= parameters.hot - parameters.steady => {
            tally.because(Rule::Steady, before.to_string());
            Segment::Hot
        }
        _ if points >= parameters.warm => Segment::Warm,
        _ => Segment::Cold,
    }
}
