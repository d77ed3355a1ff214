//! The expectations of a case, in words for people who did not write it.

use crate::ran::time_of;
use cadenza_core::event::Ending;
use cadenza_core::gate::Reason;
use cadenza_core::lead::RepId;
use cadenza_core::plugin::Action;
use cadenza_core::task::{Task, TaskKind};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workflow::Verb;
use cadenza_language::cases::{Asked, Decided, Expected, Moment, Place, Shown, What, Who, Wording};
use cadenza_runtime::catalog::Catalog;
use jiff::tz::TimeZone;

/// Writes times and names in the form that the reader of a case knows.
pub(crate) struct Words<'a> {
    pub(crate) catalog: &'a Catalog,
    /// When the case began.
    pub(crate) begin: Timestamp,
    pub(crate) zone: TimeZone,
}

/// A step, as test files spell it.
pub(crate) fn place(place: &Place) -> String {
    format!("{}/{}", place.workflow, place.step)
}

/// An open task, for a reader who expected another one.
pub(crate) fn open_task(at: &Place, task: &Task) -> String {
    let kind = match task.kind {
        TaskKind::Call => "the call",
        TaskKind::Todo => "the task",
        TaskKind::Escalation => "an escalation",
    };
    format!("{kind} of {}, for {}", place(at), task.assignee)
}

/// A gate's reason, as a clause.
pub(crate) fn reason(why: Reason) -> &'static str {
    cadenza_api::views::words::gate_words(why)
}

impl Words<'_> {
    /// A time; on the day on which the case began, only the hour.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        let (at, begin) = (at.to_jiff().to_zoned(self.zone.clone()), self.begin.to_jiff().to_zoned(self.zone.clone()));
        let format = match () {
            () if at.date() == begin.date() => "%H:%M",
            () if at.year() == begin.year() => "%a %-d %b %H:%M",
            () => "%a %-d %b %Y %H:%M",
        };
        at.strftime(format).to_string()
    }

    fn moment(&self, moment: Moment) -> String {
        self.time(time_of(moment, self.begin, self.catalog))
    }

    pub(crate) fn rep(&self, id: &str) -> String {
        let reps = &self.catalog.workspace.settings.team.reps;
        reps.get(&RepId(id.to_owned())).map_or_else(|| id.to_owned(), |rep| rep.name.clone())
    }

    /// The assignee of a task, as a record spells it: a rep, `pool:` and a pool, or `nobody`.
    pub(crate) fn assignee(&self, assignee: &str) -> String {
        match assignee.strip_prefix("pool:") {
            Some(pool) => format!("the pool {pool}"),
            None => self.rep(assignee),
        }
    }

    pub(crate) fn who(&self, who: &Who) -> String {
        match who {
            Who::Rep(rep) => self.rep(rep),
            Who::Pool(pool) => format!("the pool {pool}"),
            Who::Nobody => "nobody".to_owned(),
        }
    }

    pub(crate) fn value(&self, value: &Value) -> String {
        match value {
            Value::Blank => "not known".to_owned(),
            Value::Text(text) => text.clone(),
            Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
            Value::Int(int) => int.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Time(at) => self.time(*at),
            Value::Date(date) => date.to_string(),
            Value::Duration(ms) => Span::Elapsed(*ms).to_string(),
            Value::List(items) => items.iter().map(|item| self.value(item)).collect::<Vec<_>>().join(", "),
        }
    }

    /// Everything that an entry expects.
    pub(crate) fn expected(&self, expected: &Expected) -> String {
        let what = self.what(&expected.what);
        let when = match (expected.at, expected.by) {
            (Some(at), _) => format!("at {} ", self.moment(at)),
            (None, Some(by)) => format!("by {} ", self.moment(by)),
            (None, None) => String::new(),
        };
        let of = match (&expected.lead, expected.leads) {
            (Some(lead), _) => format!(" (lead {lead})"),
            (None, Some(1)) => " (of 1 lead)".to_owned(),
            (None, Some(leads)) => format!(" (of {leads} leads)"),
            (None, None) => String::new(),
        };
        let never = if expected.never { "never: " } else { "" };
        format!("{never}{when}{what}{of}")
    }

    fn what(&self, what: &What) -> String {
        let because = |why: &Option<Reason>| why.map_or_else(String::new, |why| format!(", because {}", reason(why)));
        match what {
            What::Enters { workflow } => format!("it comes into the workflow {workflow}"),
            What::StaysOut { workflow, because } => {
                let why = because.map(|why| cadenza_api::views::words::refusal(why, workflow, self.catalog));
                let why = why.map_or_else(String::new, |why| format!(", because {why}"));
                format!("it is not let into the workflow {workflow}{why}")
            }
            What::Step(at) => format!("it comes to the step {}", place(at)),
            What::Task { place: at, who, due, shown } => {
                let who = who.as_ref().map_or_else(String::new, |who| format!(" for {}", self.who(who)));
                let due = match due {
                    None => String::new(),
                    Some(Moment::At(at)) => format!(", due {}", self.time(*at)),
                    Some(Moment::After(span)) => format!(", due {span} after it was made"),
                };
                let Shown { objective, says, voicemail } = shown;
                let texts = [(", objective ", objective), (", and says ", says), (", message ", voicemail)];
                let texts: Vec<String> = texts.iter().map(|(before, text)| quoted(before, text)).collect();
                format!("{} of {}{who}{due}{}", self.kind(at), place(at), texts.concat())
            }
            What::GivenUp(at) => format!("{} of {} is given up", self.kind(at), place(at)),
            What::Mail(Wording { script, to, subject, says }) => {
                let script =
                    script.as_deref().map_or("a mail leaves".to_owned(), |script| format!("the mail {script} leaves"));
                let part = |before: &str, text: &Option<String>| {
                    text.as_ref().map_or_else(String::new, |text| format!("{before}{text}"))
                };
                format!("{script}{}{}{}", part(" to ", to), quoted(", subject ", subject), quoted(", and says ", says))
            }
            What::Request { place: at, asked: Asked { method, path, says, becomes } } => {
                let method = method.map_or_else(String::new, |method| format!(", a {method}"));
                let path = path.as_ref().map_or_else(String::new, |path| format!(", of {path}"));
                let says = says.as_ref().map_or_else(String::new, |says| format!(", which says “{says}”"));
                let becomes = match becomes {
                    None => "leaves",
                    Some(Ending::Sent) => "is answered",
                    Some(Ending::Refused) => "is refused",
                    Some(_) => "fails",
                };
                format!("the request of {}{method}{path}{says} {becomes}", place(at))
            }
            What::Notice { kind, to } => {
                let to = to.as_ref().map_or_else(|| "somebody".to_owned(), |rep| self.rep(rep));
                format!("{to} is told ({kind})")
            }
            What::Refused { channel, because: why } => format!("a touch by {channel} is refused{}", because(why)),
            What::Held { channel, because: why, until } => {
                let until = until.map_or_else(String::new, |at| format!(" until {}", self.moment(at)));
                format!("a touch by {channel} is held back{until}{}", because(why))
            }
            What::Decides { plugin, decided } => format!("{plugin} decides{}", self.decided(decided)),
            What::Owner(who) => format!("the owner is {}", self.who(who)),
            What::Touch { channel, outcome, result } => {
                let channel = channel.word();
                let outcome = outcome.map_or_else(String::new, |outcome| format!(": {}", plain(outcome.as_str())));
                let result = result.as_ref().map_or_else(String::new, |said| format!(", {}", plain(said.word())));
                format!("a contact by {channel}{outcome}{result}")
            }
            What::Ended { ending, workflow } => format!("{workflow} is over, {ending}"),
            What::Parked(at) => {
                let at = at.as_ref().map_or_else(String::new, |at| format!(" at the step {}", place(at)));
                format!("it waits for a person{at}")
            }
            What::Fields(fields) => {
                let one = |(name, value): &(String, Value)| format!("{name} is {}", self.value(value));
                format!("in the end {}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn decided(&self, decided: &Decided) -> String {
        if decided.fails {
            return " nothing: it fails".to_owned();
        }
        let parts = [
            decided.points.map(|points| format!("{points} points")),
            decided.segment.map(|segment| segment.to_string()),
            decided.track.as_ref().map(|track| format!("the track {track}")),
            decided.action.map(action),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
    }

    /// What there is to do at a step: a call or a task, or either where a cadence has both.
    pub(crate) fn kind(&self, at: &Place) -> &'static str {
        let workflow = self.catalog.workspace.workflows.get(&at.workflow);
        let step = workflow.and_then(|workflow| workflow.steps.iter().find(|step| step.id == at.step));
        let (calls, tasks) = match step.map(|step| &step.verb) {
            Some(Verb::Task(_)) => (false, true),
            Some(Verb::Cadence(cadence)) => {
                let has = |verb| cadence.touches.iter().any(|touch| touch.touch.verb() == verb);
                (has("call"), has("task"))
            }
            _ => (true, false),
        };
        match (calls, tasks) {
            (true, true) => "a call or task",
            (false, true) => "a task",
            _ => "a call",
        }
    }
}

/// A text in quotes after a few words; nothing when there is no text.
fn quoted(before: &str, text: &Option<String>) -> String {
    text.as_ref().map_or_else(String::new, |text| format!("{before}“{text}”"))
}

/// The action that an escalation decides.
pub(crate) fn action(action: Action) -> String {
    match action {
        Action::Wait => "nothing yet".to_owned(),
        other => plain(other.as_str()),
    }
}

/// A code in the form in which people say it.
pub(crate) fn plain(code: &str) -> String {
    code.replace('_', " ")
}
