//! Chooses a nurture track and when to look again: a lead that does not buy now is not lost (practices B10, D6), and
//! always has a next step. Does not know what the tracks do.

use cadenza_sdk::{Choice, Code, Nurturer, Plugin, Reads, Refusal, RuleText, Span, Tally, Time, View};

/// The plugin that chooses a nurture track.
pub struct NurtureTrack;

cadenza_sdk::export!(NurtureTrack: Nurturer);

/// What a workflow may set.
#[derive(cadenza_sdk::Parameters)]
pub struct Parameters {
    /// A project that starts within so long is close, and the lead is contacted again (practice D3).
    #[parameter(default = Span::days(30))]
    pub close: Span,
    /// A project further away than this is followed in the long game; the best are (practice D6).
    #[parameter(default = Span::days(120))]
    pub far: Span,
    /// Engagement within so long is recent.
    #[parameter(default = Span::days(14))]
    pub recent: Span,
    /// Points from which a lead without a segment counts as warm.
    #[parameter(default = 40, range = -1000..=1000)]
    pub warm: i64,
}

/// What the plugin reads of a lead.
#[derive(cadenza_sdk::Fields)]
pub struct Fields {
    /// When blank, the score decides.
    pub segment: Option<&'static str>,
    /// When blank, the lead counts as cold.
    pub score: Option<i64>,
    /// When the project starts. A blank or past date says nothing.
    pub project_date: Option<Time>,
    /// When the lead last did something of its own accord. Blank counts as never.
    pub last_engaged: Option<Time>,
    /// False once the lead said that it does not know us. Blank counts as true.
    pub knows_us: Option<bool>,
}

/// The tracks.
#[derive(Clone, Copy, cadenza_sdk::Codes)]
pub enum Track {
    /// Something of value every week.
    Weekly,
    /// Something of value every month.
    Monthly,
    /// The long game.
    Long,
}

/// What the plugin distinguishes in the results of touches.
#[derive(Clone, Copy, cadenza_sdk::Codes)]
pub enum Known {
    /// The lead asked to be called.
    Callback,
    /// Not at this time.
    NotNow,
    /// The lead does not know who we are.
    DoesNotKnowUs,
}

/// Why a track was chosen.
#[derive(Clone, Copy, cadenza_sdk::Rules)]
pub enum Rule {
    /// Practice B13.
    #[rule("Does not know who we are and has to be warmed up first")]
    UnknownToIt = 1,
    /// Practice D3.
    #[rule("The project starts in {value} days, which is close")]
    ProjectClose = 2,
    /// Practice D3.
    #[rule("The project starts in {value} days")]
    ProjectAhead = 3,
    /// Practice D6.
    #[rule("The project starts in {value} days; there is time, and it may be large")]
    ProjectFar = 4,
    /// The lead wants to hear from us.
    #[rule("Asked to be called when it was last reached")]
    AskedForCall = 5,
    /// The lead does not want to buy yet.
    #[rule("Said that this is not the time when it was last reached")]
    NotNow = 6,
    /// The lead is interested.
    #[rule("Did something of its own accord {value} days ago")]
    Engaged = 7,
    /// The lead's segment.
    #[rule("Is {value}")]
    Segment = 8,
    /// There is no reason for more.
    #[rule("Nothing is known that speaks for more")]
    Quiet = 9,
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

/// A lead that does not know us is warmed up first, whatever else is known.
fn warm_up(view: &View<'_, NurtureTrack>, said: Option<Code>) -> Option<Choice> {
    let unknown = view.fields.knows_us == Some(false) || said.is_some_and(|said| said == Known::DoesNotKnowUs);
    unknown.then(|| decided(Rule::UnknownToIt, "", Track::Monthly, Span::days(60)))
}

/// A project in the future decides. The next look is when it comes nearer.
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

/// The choice by what the lead said when it was last reached.
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

/// The choice by how interested the lead seems.
fn by_interest(view: &View<'_, NurtureTrack>) -> Choice {
    let Parameters { recent, warm, .. } = *view.parameters;
    if let Some(last) = view.fields.last_engaged
        && view.now - last <= recent
    {
        let days = (view.now - last).as_days().to_string();
        return decided(Rule::Engaged, days, Track::Weekly, last + recent - view.now + Span::days(1));
    }
    match view.fields.segment {
        Some("hot") => decided(Rule::Segment, "hot", Track::Weekly, Span::days(28)),
        Some("warm") => decided(Rule::Segment, "warm", Track::Monthly, Span::days(60)),
        None if view.fields.score.is_some_and(|score| score >= warm) => {
            decided(Rule::Segment, "warm", Track::Monthly, Span::days(60))
        }
        _ => decided(Rule::Quiet, "", Track::Long, Span::days(90)),
    }
}
