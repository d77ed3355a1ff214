//! Chooses a nurture track and when to look again: a lead that does not buy now is not lost (practices B10, D6), and is
//! never without a next step. Knows nothing of what the tracks do.

use cadenza_sdk::{Choice, Code, Nurturer, Plugin, Reads, Refusal, RuleText, Span, Tally, Time, View};

/// The plugin.
pub struct NurtureTrack;

cadenza_sdk::export!(NurtureTrack: Nurturer);

cadenza_sdk::parameters! {
    /// What a workflow may set.
    pub struct Parameters {
        /// A project that starts within so long is close, and the lead is contacted again (practice D3).
        pub close: Span = Span::days(30);
        /// A project further away than this is followed in the long game; the best are (practice D6).
        pub far: Span = Span::days(120);
        /// Engagement within so long is recent.
        pub recent: Span = Span::days(14);
        /// Points from which a lead without a segment counts as warm.
        pub warm: i64 = 40, in -1000..=1000;
    }
}

cadenza_sdk::fields! {
    /// What it reads of a lead.
    pub struct Fields {
        /// Blank counts by `score`.
        pub segment: Option<String>,
        /// Blank counts as cold.
        pub score: Option<i64>,
        /// When the project starts; blank or past says nothing.
        pub project_date: Option<Time>,
        /// When it last did something of its own accord; blank counts as never.
        pub last_engaged: Option<Time>,
        /// False once it said that it does not know us; blank counts as true.
        pub knows_us: Option<bool>,
    }
}

cadenza_sdk::codes! {
    /// The tracks.
    pub enum Track {
        /// Something of value every week.
        Weekly = "weekly",
        /// Something of value every month.
        Monthly = "monthly",
        /// The long game.
        Long = "long",
    }
}

cadenza_sdk::codes! {
    /// What it tells apart in the results of touches.
    pub enum Known {
        /// It asked to be called.
        Callback = "callback",
        /// Not at this time.
        NotNow = "not_now",
        /// It does not know who we are.
        DoesNotKnowUs = "does_not_know_us",
    }
}

cadenza_sdk::rules! {
    /// Why a track was chosen.
    pub enum Rule {
        /// Practice B13.
        1 UnknownToIt = "unknown_to_it": "Does not know who we are and has to be warmed up first",
        /// Practice D3.
        2 ProjectClose = "project_close": "The project starts in {value} days, which is close",
        /// Practice D3.
        3 ProjectAhead = "project_ahead": "The project starts in {value} days",
        /// Practice D6.
        4 ProjectFar = "project_far": "The project starts in {value} days; there is time, and it may be large",
        /// It wants to hear from us.
        5 AskedForCall = "asked_for_call": "Asked to be called when it was last reached",
        /// It does not want to buy yet.
        6 NotNow = "not_now": "Said that this is not the time when it was last reached",
        /// It is interested.
        7 Engaged = "engaged": "Did something of its own accord {value} days ago",
        /// How good it is.
        8 Segment = "segment": "Is {value}",
        /// Nothing speaks for more.
        9 Quiet = "quiet": "Nothing is known that speaks for more",
    }
}

impl Plugin for NurtureTrack {
    const NAME: &'static str = "nurture-track";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Chooses the nurture track of a lead that does not buy now, and when to look again.";
    const RULES: &'static [RuleText] = Rule::TABLE;
    const TRACKS: &'static [&'static str] = Track::TEXTS;
    const CODES: &'static [&'static str] = Known::TEXTS;
    type Parameters = Parameters;
    type Fields = Fields;

    fn reads(parameters: &Parameters) -> Result<Reads, Refusal> {
        if parameters.close >= parameters.far {
            return Err("`close` has to be shorter than `far`".to_owned());
        }
        Ok(Reads::default().touches(5, 365, &[]))
    }
}

impl Nurturer for NurtureTrack {
    fn choose(view: &View<'_, Self>) -> Result<Choice, Refusal> {
        let said = view.touches.iter().find_map(|touch| touch.result);
        Ok(warm_up(view, said)
            .or_else(|| by_project(view))
            .or_else(|| by_talk(said))
            .unwrap_or_else(|| by_interest(view)))
    }
}

fn decided(rule: Rule, value: impl Into<String>, track: Track, look_again: Span) -> Choice {
    let mut tally = Tally::new();
    tally.because(rule, value);
    tally.choice(track, Some(look_again))
}

/// Who does not know us is warmed up first, whatever else is known.
fn warm_up(view: &View<'_, NurtureTrack>, said: Option<Code>) -> Option<Choice> {
    let unknown = view.fields.knows_us == Some(false) || said.is_some_and(|said| said == Known::DoesNotKnowUs);
    unknown.then(|| decided(Rule::UnknownToIt, "", Track::Monthly, Span::days(60)))
}

/// A project ahead decides, and the next look is when it comes nearer.
fn by_project(view: &View<'_, NurtureTrack>) -> Option<Choice> {
    let Parameters { close, far, .. } = *view.parameters;
    let ahead = view.fields.project_date? - view.now;
    if ahead <= Span::ZERO {
        return None;
    }
    let days = ahead.as_days().to_string();
    Some(if ahead > far {
        decided(Rule::ProjectFar, days, Track::Long, ahead - far)
    } else if ahead > close {
        decided(Rule::ProjectAhead, days, Track::Monthly, ahead - close)
    } else {
        decided(Rule::ProjectClose, days, Track::Weekly, ahead)
    })
}

/// What it said when it was last reached.
fn by_talk(said: Option<Code>) -> Option<Choice> {
    let said = said?;
    if said == Known::Callback {
        Some(decided(Rule::AskedForCall, "", Track::Weekly, Span::days(14)))
    } else if said == Known::NotNow {
        Some(decided(Rule::NotNow, "", Track::Monthly, Span::days(90)))
    } else {
        None
    }
}

/// How interested it seems.
fn by_interest(view: &View<'_, NurtureTrack>) -> Choice {
    let Parameters { recent, warm, .. } = *view.parameters;
    if let Some(last) = view.fields.last_engaged
        && view.now - last <= recent
    {
        let days = (view.now - last).as_days().to_string();
        return decided(Rule::Engaged, days, Track::Weekly, last + recent - view.now + Span::days(1));
    }
    match view.fields.segment.as_deref() {
        Some("hot") => decided(Rule::Segment, "hot", Track::Weekly, Span::days(28)),
        Some("warm") => decided(Rule::Segment, "warm", Track::Monthly, Span::days(60)),
        None if view.fields.score.is_some_and(|score| score >= warm) => {
            decided(Rule::Segment, "warm", Track::Monthly, Span::days(60))
        }
        _ => decided(Rule::Quiet, "", Track::Long, Span::days(90)),
    }
}
