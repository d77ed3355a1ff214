//! Chooses a nurture track for leads that do not buy now, and when to look again. Change it into yours.

use cadenza_sdk::{Choice, Nurturer, Plugin, Reads, Refusal, RuleText, Span, Tally, Time, View};

/// The plugin: it chooses a nurture track.
pub struct Track;

cadenza_sdk::export!(Track: Nurturer);

/// What a workflow may set under `with`.
#[derive(cadenza_sdk::Parameters)]
pub struct Parameters {
    /// A project that starts within so long is close.
    #[parameter(default = Span::days(60))]
    pub close: Span,
}

/// What it reads of a lead. `None` is blank: not known.
#[derive(cadenza_sdk::Fields)]
pub struct Fields {
    /// When the lead's project starts; blank or past says nothing.
    pub project_date: Option<Time>,
}

/// The tracks.
#[derive(Clone, Copy, cadenza_sdk::Codes)]
pub enum Tracks {
    /// Something of value every week.
    Weekly,
    /// Something of value every month.
    Monthly,
}

/// The results of touches that it distinguishes.
#[derive(Clone, Copy, cadenza_sdk::Codes)]
pub enum Known {
    /// Not at this time.
    NotNow,
}

/// Why a track was chosen. A number is never given to another rule: journals refer to it.
#[derive(Clone, Copy, cadenza_sdk::Rules)]
pub enum Rule {
    /// It could still become something soon.
    #[rule("The project starts in {value} days")]
    Project = 1,
    /// It asked for time.
    #[rule("Said that this is not the time when it was last reached")]
    NotNow = 2,
    /// Nothing speaks for more.
    #[rule("Nothing is known that speaks for more")]
    Quiet = 3,
}

impl Plugin for Track {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Chooses how often a lead that does not buy now hears from us.";
    const RULES: &'static [RuleText] = Rule::TABLE;
    const TRACKS: &'static [&'static str] = Tracks::TEXTS;
    const CODES: &'static [&'static str] = Known::TEXTS;
    type Parameters = Parameters;
    type Fields = Fields;

    fn reads(_: &Parameters) -> Result<Reads, Refusal> {
        Ok(Reads::default().touches(5, 365, &[]))
    }
}

impl Nurturer for Track {
    fn choose(view: &View<'_, Self>) -> Result<Choice, Refusal> {
        let mut tally = Tally::new();
        let ahead = view.fields.project_date.map(|starts| starts - view.now).filter(|ahead| *ahead > Span::ZERO);
        if let Some(ahead) = ahead.filter(|ahead| *ahead <= view.parameters.close) {
            tally.because(Rule::Project, ahead.as_days().to_string());
            return Ok(tally.choice(Tracks::Weekly, Some(ahead)));
        }
        let said = view.touches.iter().find_map(|touch| touch.result);
        let why = if said.is_some_and(|said| said == Known::NotNow) { Rule::NotNow } else { Rule::Quiet };
        tally.because(why, "");
        // Looks again when the project comes close, and every three months in any case.
        let look_again = ahead.map_or(Span::days(90), |ahead| (ahead - view.parameters.close).min(Span::days(90)));
        Ok(tally.choice(Tracks::Monthly, Some(look_again)))
    }
}
