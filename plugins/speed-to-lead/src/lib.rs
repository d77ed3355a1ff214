//! Decides what happens when a first call is late: half or more of all buyers buy from whoever contacts them first
//! (practice C5). Does not know who is reminded or who gets the lead.

use cadenza_sdk::{Action, Escalator, Nothing, Overdue, Plugin, Reads, Refusal, RuleText, Span, Tally, Verdict, View};

/// The plugin that decides what to do about an overdue first call.
pub struct SpeedToLead;

cadenza_sdk::export!(SpeedToLead: Escalator);

/// What a workflow may set.
#[derive(cadenza_sdk::Parameters)]
pub struct Parameters {
    /// Business time that has to pass before anything is done; a lead that came at night can wait until morning.
    #[parameter(default = Span::minutes(5))]
    pub patience: Span,
    /// How often the owner is reminded before it is raised.
    #[parameter(default = 1, range = 0..=20)]
    pub reminders: i64,
    /// Whether the lead may be given to somebody else.
    #[parameter(default = true)]
    pub reassign: bool,
}

/// Why the plugin decides on an action.
#[derive(Clone, Copy, cadenza_sdk::Rules)]
pub enum Rule {
    /// Nobody was at work.
    #[rule("Only {value} minutes of business time have passed")]
    Patience = 1,
    /// Waiting would not get the call made.
    #[rule("Nobody who is at work owns the lead")]
    OwnerAway = 2,
    /// The owner may have overlooked the call.
    #[rule("The lead waits for {value} minutes, and the owner can be reminded")]
    Remind = 3,
    /// The owner does not act.
    #[rule("The lead waits for {value} minutes in spite of reminders")]
    Raise = 4,
    /// There is no later escalation point.
    #[rule("The lead waits for {value} minutes, and this is the last time we look")]
    LastPoint = 5,
    /// Somebody already sees to it.
    #[rule("It was raised already")]
    Raised = 6,
}

impl Plugin for SpeedToLead {
    const NAME: &'static str = "speed-to-lead";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Decides whether to wait, remind, raise or reassign when a first call is late.";
    const RULES: &'static [RuleText] = Rule::TABLE;
    type Parameters = Parameters;
    type Fields = Nothing;

    fn reads(_: &Parameters) -> Result<Reads, Refusal> {
        Ok(Reads::default().owner_present().business_elapsed())
    }
}

impl Escalator for SpeedToLead {
    fn decide(view: &View<'_, Self>, overdue: &Overdue) -> Result<Verdict, Refusal> {
        let parameters = view.parameters;
        let waited = overdue.waited.as_minutes().to_string();
        let is_last = overdue.point + 1 >= overdue.points;
        let reminded = i64::from(overdue.reminders) >= parameters.reminders;
        // What remains when reminding does not help.
        let last_resort = if parameters.reassign { Action::Reassign } else { Action::Raise };

        if let Some(elapsed) = view.business_elapsed.filter(|elapsed| *elapsed < parameters.patience) {
            return Ok(decided(Rule::Patience, elapsed.as_minutes().to_string(), Action::Wait));
        }
        Ok(match view.owner_present {
            Some(false) | None if parameters.reassign || !overdue.raised => decided(Rule::OwnerAway, "", last_resort),
            _ if is_last && overdue.raised && parameters.reassign => decided(Rule::LastPoint, waited, Action::Reassign),
            _ if !reminded => decided(Rule::Remind, waited, Action::Remind),
            _ if !overdue.raised => decided(Rule::Raise, waited, Action::Raise),
            _ => decided(Rule::Raised, "", Action::Wait),
        })
    }
}

fn decided(rule: Rule, value: impl Into<String>, action: Action) -> Verdict {
    let mut tally = Tally::new();
    tally.because(rule, value);
    tally.verdict(action)
}
