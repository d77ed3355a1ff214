//! Decides what to do when a first call is late. Change it into yours.

use cadenza_sdk::{Action, Escalator, Nothing, Overdue, Plugin, Reads, Refusal, RuleText, Tally, Verdict, View};

/// The plugin: it decides what to do about something overdue.
pub struct FirstCall;

cadenza_sdk::export!(FirstCall: Escalator);

/// What a workflow may set under `with`.
#[derive(cadenza_sdk::Parameters)]
pub struct Parameters {
    /// How often the owner is reminded before it is raised.
    #[parameter(default = 1, range = 0..=20)]
    pub reminders: i64,
}

/// Why this is done. A number is never given to another rule: journals refer to it.
#[derive(Clone, Copy, cadenza_sdk::Rules)]
pub enum Rule {
    /// Waiting will not get it done.
    #[rule("Nobody who is at work owns the lead")]
    Away = 1,
    /// It may have been overlooked.
    #[rule("The lead waits for {value} minutes, and the owner can be reminded")]
    Remind = 2,
    /// The owner does not act.
    #[rule("The lead waits for {value} minutes in spite of reminders")]
    Raise = 3,
    /// Somebody is taking care of it.
    #[rule("It was raised already")]
    Raised = 4,
}

impl Plugin for FirstCall {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Decides whether to wait, remind, raise or reassign when a first call is late.";
    const RULES: &'static [RuleText] = Rule::TABLE;
    type Parameters = Parameters;
    type Fields = Nothing;

    fn reads(_: &Parameters) -> Result<Reads, Refusal> {
        Ok(Reads::default().owner_present())
    }
}

impl Escalator for FirstCall {
    fn decide(view: &View<'_, Self>, overdue: &Overdue) -> Result<Verdict, Refusal> {
        let waited = overdue.waited.as_minutes().to_string();
        let (rule, value, action) = if view.owner_present != Some(true) {
            (Rule::Away, String::new(), Action::Reassign)
        } else if i64::from(overdue.reminders) < view.parameters.reminders {
            (Rule::Remind, waited, Action::Remind)
        } else if !overdue.raised {
            (Rule::Raise, waited, Action::Raise)
        } else {
            (Rule::Raised, String::new(), Action::Wait)
        };
        let mut tally = Tally::new();
        tally.because(rule, value);
        Ok(tally.verdict(action))
    }
}
