//! Scores leads by who asks and how soon it could lead to something. Change it into yours.

use cadenza_sdk::{Plugin, Rating, Reads, Refusal, RuleText, Scorer, Segment, Span, Tally, View};

/// The plugin: it scores leads.
pub struct LeadScore;

cadenza_sdk::export!(LeadScore: Scorer);

/// What a workflow may set under `with`.
#[derive(cadenza_sdk::Parameters)]
pub struct Parameters {
    /// Points from which a lead is hot and goes straight to closers.
    #[parameter(default = 60, range = -1000..=1000)]
    pub hot: i64,
    /// Points from which a lead is warm and goes to sales development.
    #[parameter(default = 25, range = -1000..=1000)]
    pub warm: i64,
    /// Companies with at least so many people count as large.
    #[parameter(default = 200, range = 1..=10_000_000)]
    pub large: i64,
}

/// What it reads of a lead. `None` is blank: not known, which gives no points here.
#[derive(cadenza_sdk::Fields)]
pub struct Fields {
    /// People in the company.
    pub employees: Option<i64>,
    /// Job title, as the person writes it.
    pub title: Option<&'static str>,
    /// In the workspace's currency.
    pub budget: Option<f64>,
}

/// Why a lead gets points. A number is never given to another rule: journals refer to it.
#[derive(Clone, Copy, cadenza_sdk::Rules)]
pub enum Rule {
    /// Larger companies buy more.
    #[rule("The company has {value} people")]
    Large = 1,
    /// Those who decide, decide sooner.
    #[rule("Decides on such purchases: {value}")]
    Decides = 2,
    /// There is money.
    #[rule("Has a budget of {value}")]
    Budget = 3,
    /// It does something of its own accord.
    #[rule("Looked at prices {value} days ago")]
    Prices = 4,
}

/// The kinds of engagement it distinguishes.
#[derive(Clone, Copy, cadenza_sdk::Codes)]
pub enum Known {
    /// It looked at a page.
    Page,
}

/// How much of a title is read.
const TITLE_BYTES_MAX: usize = 100;
/// How long a look at prices counts.
const PRICES_DAYS: u16 = 14;

impl Plugin for LeadScore {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Scores leads by company, role, budget and interest.";
    const RULES: &'static [RuleText] = Rule::TABLE;
    const CODES: &'static [&'static str] = Known::TEXTS;
    type Parameters = Parameters;
    type Fields = Fields;

    fn reads(parameters: &Parameters) -> Result<Reads, Refusal> {
        if parameters.hot <= parameters.warm {
            return Err(format!("`hot` ({}) has to be above `warm` ({})", parameters.hot, parameters.warm));
        }
        Ok(Reads::default().engagement(10, PRICES_DAYS, &["page"]))
    }
}

impl Scorer for LeadScore {
    fn score(view: &View<'_, Self>) -> Result<Rating, Refusal> {
        let mut tally = Tally::new();
        company(&mut tally, view);
        person(&mut tally, view);
        let rescore_after = interest(&mut tally, view);
        let points = i64::from(tally.points());
        let segment = match points {
            _ if points >= view.parameters.hot => Segment::Hot,
            _ if points >= view.parameters.warm => Segment::Warm,
            _ => Segment::Cold,
        };
        Ok(tally.rating(segment, rescore_after))
    }
}

fn company(tally: &mut Tally, view: &View<'_, LeadScore>) {
    if let Some(people) = view.fields.employees.filter(|people| *people >= view.parameters.large) {
        tally.add(Rule::Large, 20, people.to_string());
    }
    if let Some(budget) = view.fields.budget.filter(|budget| *budget > 0.0) {
        tally.add(Rule::Budget, 15, (budget as i64).to_string());
    }
}

fn person(tally: &mut Tally, view: &View<'_, LeadScore>) {
    let Some(title) = view.fields.title else { return };
    // A field may have 4,096 bytes, but a title is a few words: searching more would waste fuel.
    let lower = title[..title.floor_char_boundary(TITLE_BYTES_MAX)].to_lowercase();
    if let Some(word) = ["chief", "president", "director", "head"].into_iter().find(|word| lower.contains(word)) {
        tally.add(Rule::Decides, 20, word);
    }
}

/// Points for a look at prices, and when they expire: otherwise nobody would look again.
fn interest(tally: &mut Tally, view: &View<'_, LeadScore>) -> Option<Span> {
    let newest = view.engagement.iter().find(|seen| seen.kind == Known::Page && seen.detail.contains("pric"))?;
    tally.add(Rule::Prices, 25, newest.age.as_days().to_string());
    Some(Span::days(i64::from(PRICES_DAYS)) - newest.age + Span::minutes(1))
}
