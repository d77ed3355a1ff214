//! Scores inbound leads: who they are, what they need, and what they do. Knows nothing of what happens with the score.

mod points;

use cadenza_sdk::{Rating, Reads, Refusal, Scorer, Segment, Tally, View};

/// The plugin.
pub struct InboundFit;

cadenza_sdk::export!(InboundFit: Scorer);

cadenza_sdk::parameters! {
    /// What a workflow may set.
    pub struct Parameters {
        /// Points from which a lead is hot and goes straight to closers.
        pub hot: i64 = 75, in -1000..=1000;
        /// Points from which a lead is warm and goes to sales development.
        pub warm: i64 = 40, in -1000..=1000;
        /// A hot lead stays hot until it has lost so many points below `hot`, so that it does not go to and fro.
        pub steady: i64 = 5, in 0..=1000;
        /// Industries we serve best; none are preferred when empty.
        pub industries: Vec<String> = [];
        /// Countries we sell to, as ISO 3166 codes; every country when empty.
        pub countries: Vec<String> = [];
        /// The budget from which it counts, in the workspace's currency.
        pub budget: f64 = 10_000.0, in 0..=1_000_000_000;
        /// Companies with at least so many people count as large.
        pub large: i64 = 500, in 1..=10_000_000;
        /// More mail domains that say nothing about a company, beside the usual ones.
        pub free_mail: Vec<String> = [];
        /// Words in a message that show the lead means to buy.
        pub buying_words: Vec<String> = ["price", "quote", "demo", "offer"];
    }
}

cadenza_sdk::fields! {
    /// What it reads of a lead. A blank field neither gives nor takes points, unless said otherwise.
    pub struct Fields {
        /// Tells free mail from a company's.
        pub email: Option<String>,
        /// Read for seniority when `seniority` is blank.
        pub title: Option<String>,
        /// Code of the standard field.
        pub seniority: Option<String>,
        /// People in the company.
        pub employees: Option<i64>,
        /// Compared with `industries`.
        pub industry: Option<String>,
        /// Compared with `countries`; blank counts as served.
        pub country: Option<String>,
        /// Where the lead came from.
        pub source: Option<String>,
        /// In the workspace's currency.
        pub budget: Option<f64>,
        /// When the project starts; one far away loses nothing (practice D6).
        pub project_date: Option<cadenza_sdk::Time>,
        /// What the lead is interested in.
        pub product: Option<String>,
        /// The pain the lead names.
        pub pain: Option<String>,
        /// What the lead wrote.
        pub message: Option<String>,
    }
}

cadenza_sdk::rules! {
    /// Why a lead gets or loses points.
    pub enum Rule {
        /// Who decides, decides sooner.
        1 Seniority = "seniority": "Has a say in such purchases: {value}",
        /// Larger companies buy more.
        2 CompanySize = "company_size": "The company has {value} people",
        /// We know the industry.
        3 Industry = "industry": "Works in an industry we serve best: {value}",
        /// We do not sell there.
        4 Country = "country": "Is in a country we do not sell to: {value}",
        /// How it came to us.
        5 Source = "source": "Came to us by {value}",
        /// There is money.
        6 Budget = "budget": "Has a budget of {value}",
        /// There is a date. The best projects are four months out or longer (practice D6).
        7 ProjectDate = "project_date": "The project starts in {value} days",
        /// It knows what it needs.
        8 Need = "need": "Says what it needs: {value}",
        /// It wrote to us.
        9 Message = "message": "Wrote to us: {value}",
        /// Nothing is known of the company.
        10 FreeMail = "free_mail": "Writes from {value}, which tells nothing about a company",
        /// It does something of its own accord.
        11 Engagement = "engagement": "Engaged with us {value} times in 30 days",
        /// What it said when it was reached.
        12 Talk = "talk": "Said when it was reached: {value}",
        /// It was hot before and has lost little.
        13 Steady = "steady": "Was hot with {value} points and stays so for now",
    }
}

cadenza_sdk::codes! {
    /// What it tells apart in the results of touches.
    pub enum Known {
        /// It wants what we have.
        Qualified = "qualified",
        /// It never will.
        Unqualified = "unqualified",
        /// It asked to be called.
        Callback = "callback",
        /// Not at this time; it is not lost (practice B10).
        NotNow = "not_now",
    }
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
        points::behaviour(&mut tally, &view.engagement, &view.touches);
        let segment = segment(&mut tally, view.parameters, view.previous_score);
        Ok(tally.rating(segment, points::next_change(&view.fields, &view.engagement, view.now)))
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
