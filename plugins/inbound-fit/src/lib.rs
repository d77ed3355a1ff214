//! Scores inbound leads: who they are, what they need, and what they do. Does not know what happens with the score.

mod points;

use cadenza_sdk::{Rating, Reads, Refusal, Scorer, Segment, Tally, View};

/// The plugin that scores inbound leads.
pub struct InboundFit;

cadenza_sdk::export!(InboundFit: Scorer);

/// What a workflow may set.
#[derive(cadenza_sdk::Parameters)]
pub struct Parameters {
    /// Points from which a lead is hot and goes straight to closers.
    #[parameter(default = 75, range = -1000..=1000)]
    pub hot: i64,
    /// Points from which a lead is warm and goes to sales development.
    #[parameter(default = 40, range = -1000..=1000)]
    pub warm: i64,
    /// A hot lead stays hot until it has lost so many points below `hot`, so that it does not go to and fro.
    #[parameter(default = 5, range = 0..=1000)]
    pub steady: i64,
    /// Industries we serve best; none are preferred when empty.
    #[parameter(default = &[])]
    pub industries: &'static [&'static str],
    /// Countries we sell to, as ISO 3166 codes; every country when empty.
    #[parameter(default = &[])]
    pub countries: &'static [&'static str],
    /// The budget from which it counts, in the workspace's currency.
    #[parameter(default = 10_000.0, range = 0..=1_000_000_000)]
    pub budget: f64,
    /// Companies with at least so many people count as large.
    #[parameter(default = 500, range = 1..=10_000_000)]
    pub large: i64,
    /// More mail domains that say nothing about a company, beside the usual ones.
    #[parameter(default = &[])]
    pub free_mail: &'static [&'static str],
    /// Words in a message that show the lead means to buy.
    #[parameter(default = &["price", "quote", "demo", "offer"])]
    pub buying_words: &'static [&'static str],
}

/// What the plugin reads of a lead. A blank field neither gives nor takes points, unless said otherwise.
#[derive(cadenza_sdk::Fields)]
pub struct Fields {
    /// Distinguishes a free mail address from a company's.
    pub email: Option<&'static str>,
    /// Read for seniority when `seniority` is blank.
    pub title: Option<&'static str>,
    /// The code of the standard field.
    pub seniority: Option<&'static str>,
    /// The number of people in the company.
    pub employees: Option<i64>,
    /// Compared with `industries`.
    pub industry: Option<&'static str>,
    /// Compared with `countries`; blank counts as served.
    pub country: Option<&'static str>,
    /// Where the lead came from.
    pub source: Option<&'static str>,
    /// The budget in the workspace's currency.
    pub budget: Option<f64>,
    /// When the project starts. A project far away loses no points (practice D6).
    pub project_date: Option<cadenza_sdk::Time>,
    /// What the lead is interested in.
    pub product: Option<&'static str>,
    /// The pain the lead names.
    pub pain: Option<&'static str>,
    /// What the lead wrote.
    pub message: Option<&'static str>,
}

/// Why a lead gets or loses points.
#[derive(Clone, Copy, cadenza_sdk::Rules)]
pub enum Rule {
    /// Senior people decide sooner.
    #[rule("Has a say in such purchases: {value}")]
    Seniority = 1,
    /// Larger companies buy more.
    #[rule("The company has {value} people")]
    CompanySize = 2,
    /// It is an industry that we know.
    #[rule("Works in an industry we serve best: {value}")]
    Industry = 3,
    /// It is a country where we do not sell.
    #[rule("Is in a country we do not sell to: {value}")]
    Country = 4,
    /// The way in which the lead came to us.
    #[rule("Came to us by {value}")]
    Source = 5,
    /// The lead has a budget.
    #[rule("Has a budget of {value}")]
    Budget = 6,
    /// The lead has a date. The best projects are four months away or longer (practice D6).
    #[rule("The project starts in {value} days")]
    ProjectDate = 7,
    /// The lead knows what it needs.
    #[rule("Says what it needs: {value}")]
    Need = 8,
    /// The lead wrote to us.
    #[rule("Wrote to us: {value}")]
    Message = 9,
    /// Nothing is known of the company.
    #[rule("Writes from {value}, which tells nothing about a company")]
    FreeMail = 10,
    /// The lead does something of its own accord.
    #[rule("Engaged with us {value} times in 30 days")]
    Engagement = 11,
    /// What the lead said when it was reached.
    #[rule("Said when it was reached: {value}")]
    Talk = 12,
    /// The lead was hot before and has lost only a few points.
    #[rule("Was hot with {value} points and stays so for now")]
    Steady = 13,
}

/// What the plugin distinguishes in the results of touches.
#[derive(Clone, Copy, cadenza_sdk::Codes)]
pub enum Known {
    /// The lead wants what we have.
    Qualified,
    /// The lead will never buy.
    Unqualified,
    /// The lead asked to be called.
    Callback,
    /// Not at this time; the lead is not lost (practice B10).
    NotNow,
}

impl cadenza_sdk::Plugin for InboundFit {
    const NAME: &'static str = "inbound-fit";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Scores inbound leads by who they are, what they need and what they do.";
    const FUEL_BUDGET: u64 = 500_000;
    const RULES: &'static [cadenza_sdk::RuleText] = Rule::TABLE;
    const CODES: &'static [&'static str] = Known::TEXTS;
    type Parameters = Parameters;
    type Fields = Fields;

    fn reads(parameters: &Parameters) -> Result<Reads, Refusal> {
        if parameters.hot <= parameters.warm {
            return Err(format!("`hot` ({}) has to be above `warm` ({})", parameters.hot, parameters.warm));
        }
        Ok(Reads::default().touches(8, 180, &[]).engagement(20, points::ENGAGEMENT_DAYS, &[]).previous_score())
    }
}

impl Scorer for InboundFit {
    fn score(view: &View<'_, Self>) -> Result<Rating, Refusal> {
        let mut tally = Tally::new();
        points::person(&mut tally, &view.fields);
        points::company(&mut tally, &view.fields, view.parameters);
        points::need(&mut tally, &view.fields, view.parameters, view.now);
        points::behaviour(&mut tally, view.engagement, view.touches);
        let segment = segment(&mut tally, view.parameters, view.previous_score);
        Ok(tally.rating(segment, points::next_change(&view.fields, view.engagement, view.now)))
    }
}

fn segment(tally: &mut Tally, parameters: &Parameters, previous_score: Option<i32>) -> Segment {
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
