//! The journal in words: one sentence for each thing that happened, readable by whoever manages the reps. A decision's
//! reasons are in the plugin's own words.

use super::run_names::{RunNames, key_of};
use cadenza_core::event::{Answer, Delivery, Ending, Event, EventType, LeadCommand, Report, StandardEvent};
use cadenza_core::gate;
use cadenza_core::id::{Born, Digest};
use cadenza_core::identity::{IdentityKind, Why};
use cadenza_core::journal::{Change, DecisionSummary, Entry, Ignored, Interruption, Note, Refusal, Unable};
use cadenza_core::lead::{Outcome, RepId};
use cadenza_core::notice::{Notice, NoticeKind};
use cadenza_core::plugin::{Action, Reason};
use cadenza_core::reading::{self, LeftOut};
use cadenza_core::state::LeadState;
use cadenza_core::task::{Assignee, TaskKind};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workflow::{ChosenBy, ScriptId, StepId, StepRef, TouchPlan, Verb};
use cadenza_runtime::catalog::Catalog;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One reason of a decision.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReasonView {
    rule: u16,
    name: Option<String>,
    points: i32,
    value: String,
    /// In the plugin's words.
    pub(crate) text: String,
}

/// Reasons in the words of their plugin, whichever build decided; by number if the plugin or
/// the rule is no longer known.
pub(crate) fn reasons(reasons: &[Reason], plugin: Option<&str>, catalog: &Catalog) -> Vec<ReasonView> {
    let rules = plugin.and_then(|name| catalog.registry.get(name)).map(|versions| &versions.rules);
    let view = |reason: &Reason| {
        let rule = rules.and_then(|rules| rules.get(&reason.rule));
        let words = rule.map_or_else(
            || format!("rule {} {}", reason.rule, reason.value).trim_end().to_owned(),
            |rule| rule.text.replace("{value}", &reason.value).replace("{points}", &reason.points.to_string()),
        );
        let text = if reason.points == 0 { words } else { format!("{:+} {words}", reason.points) };
        ReasonView {
            rule: reason.rule,
            name: rule.map(|rule| rule.name.clone()),
            points: reason.points,
            value: reason.value.clone(),
            text,
        }
    };
    reasons.iter().map(view).collect()
}

/// Puts a lead's journal into words, entry after entry, and remembers which run and task is which.
pub struct Teller<'a> {
    catalog: &'a Catalog,
    zone: TimeZone,
    runs: RunNames<'a>,
    tasks: BTreeMap<Born, TaskKind>,
    /// What messages are that are none to the lead, by the numbers under which they left.
    notices: BTreeMap<Born, String>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
pub struct Told {
    pub text: String,
    /// Why, for decisions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// The place of the entry's note that says so; none of a changed field, and of who did it.
    #[serde(skip)]
    pub note: Option<usize>,
}

impl Told {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), because: Vec::new(), note: None }
    }
}

impl<'a> Teller<'a> {
    /// A teller that knows the lead's current runs and tasks. It learns the others from the entries.
    pub fn new(catalog: &'a Catalog, state: &LeadState) -> Self {
        Self {
            catalog,
            zone: catalog.workspace.settings.calendar.zone().clone(),
            runs: RunNames::new(catalog, state),
            tasks: state.tasks.iter().map(|task| (task.id.in_journal(), task.kind)).collect(),
            notices: BTreeMap::new(),
        }
    }

    /// The same with times in another zone than the workspace's.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// Everything an entry says: its notes, one after the other, with the fields that changed where they did.
    pub fn tell(&mut self, entry: &Entry) -> Vec<Told> {
        let events = entry.personal.as_ref().map_or(&[][..], |personal| &personal.events);
        let mut answers = events.iter().filter_map(|event| match event {
            Event::Decided(answer) => Some(answer),
            _ => None,
        });
        let changes = entry.personal.as_ref().map_or(&[][..], |personal| &personal.changes);
        let mut told: Vec<Told> = Vec::new();
        for (ix, note) in entry.skeleton.notes.iter().enumerate() {
            let here = changes.iter().filter(|change| change.place() == Some(ix));
            told.extend(here.map(|change| Told::plain(self.change(change))));
            told.push(Told { note: Some(ix), ..self.note(note, events, &mut answers) });
        }
        let behind = |change: &&Change| change.place().is_none_or(|place| place >= entry.skeleton.notes.len());
        told.extend(changes.iter().filter(behind).map(|change| Told::plain(self.change(change))));
        told.extend(events.iter().filter_map(by_whom).map(Told::plain));
        told
    }

    /// Which field changed, from what to what, and by which workflow if one did it.
    fn change(&self, change: &Change) -> String {
        let Change { field, from, to, run, .. } = change;
        let was = if from.is_blank() { String::new() } else { format!("; it was {}", self.value(from)) };
        match (run, to.is_blank()) {
            (Some(run), false) => format!("{}: set {field} to {}{was}.", self.run(*run), self.value(to)),
            (Some(run), true) => format!("{}: cleared {field}{was}.", self.run(*run)),
            (None, false) => format!("{} is now {}{was}.", capital(field), self.value(to)),
            (None, true) => format!("{} was cleared{was}.", capital(field)),
        }
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Time(at) => self.time(*at),
            Value::Date(date) => date.to_string(),
            Value::Text(text) => text.clone(),
            Value::List(items) => items.iter().map(|item| self.value(item)).collect::<Vec<_>>().join(", "),
            Value::Bool(is) => is.to_string(),
            Value::Int(int) => int.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Blank => "blank".to_owned(),
            Value::Duration(ms) => format!("{ms} ms"),
        }
    }

    fn note<'e>(&mut self, note: &Note, events: &[Event], answers: &mut impl Iterator<Item = &'e Answer>) -> Told {
        Told::plain(match note {
            Note::Created { .. } => "We first heard of this lead.".to_owned(),
            Note::Reported(kind) => reported(&kind.to_string(), events),
            Note::Enrolled { run, workflow, .. } => {
                self.runs.begins(*run, *workflow, events);
                format!("Entered the workflow {} (version {workflow}).", self.run(*run))
            }
            Note::NotEnrolled { workflow, why } => {
                let wanted = self.runs.wanted(workflow, events);
                format!("{NOT_PUT_INTO}{wanted}: {}.", refusal(*why, workflow, self.catalog))
            }
            Note::Entered { run, step } => format!("{}: came to the step {}.", self.run(*run), self.step(*run, *step)),
            Note::Decided { plugin, digest, verdict, .. } => {
                return self.decision(plugin, *digest, verdict, answers.next());
            }
            Note::Owned { owner, how } => self.owned(owner.as_ref(), *how),
            Note::TaskMade { task, kind, assignee, due, .. } => {
                self.tasks.insert(*task, *kind);
                format!("{} for {}, due {}.", capital(kind_words(*kind)), self.assignee(assignee), self.time(*due))
            }
            Note::TaskDone { task, outcome, result, result_own, .. } => {
                let said = result.map(|result| own_words(result.as_str(), result_own.as_deref()));
                format!("The {} was done: {}.", self.task(*task), outcome_words(*outcome, said))
            }
            Note::TaskMoved { task, assignee } => {
                format!("The {} is now with {}.", self.task(*task), self.assignee(assignee))
            }
            Note::NotDone { kind, assignee, .. } => {
                let whose = self.assignee(assignee);
                format!("The {} for {whose} was given up: it was not done in time.", kind_words(*kind))
            }
            Note::DoneLate(task) => {
                let task = self.task(*task);
                format!("The {task} had been given up; what was reported counts, and nothing moves by it.")
            }
            Note::TaskWithdrawn(task) => format!("The {} is no longer wanted.", self.task(*task)),
            Note::Gated { channel, verdict, effect: _ } => {
                let what = channel.map_or_else(|| "a word to a rep".to_owned(), |way| format!("a touch by {way}"));
                match verdict {
                    gate::Verdict::Go => format!("The contact gate allowed {what}."),
                    gate::Verdict::Held(why) | gate::Verdict::NotBefore { at: Timestamp::MAX, why } => {
                        format!("{} is held until further notice: {}.", capital(&what), gate_words(*why))
                    }
                    gate::Verdict::NotBefore { at, why } => {
                        let until = self.time(*at);
                        format!("The contact gate held {what} back until {until}: {}.", gate_words(*why))
                    }
                    gate::Verdict::Never(why) => format!("The contact gate refused {what}: {}.", gate_words(*why)),
                }
            }
            Note::TakenBack(_) => {
                "A message that was about to leave stays: what is in force changes, and it is asked about again."
                    .to_owned()
            }
            Note::Queued { via, script: Some(script), at, .. } => {
                format!("The {} {} was made ready to leave by {via}.", self.written(*at, *script), self.script(*script))
            }
            Note::Interrupted { run, by, did, .. } => {
                let what = match did {
                    Interruption::Moved => "leaves where it is",
                    Interruption::Paused => "is paused",
                    Interruption::Stayed => "stays where it is, and something is done",
                };
                format!("{}: {what}, because of {by}.", self.run(*run))
            }
            Note::OfAccount { event, lead } => format!("Another lead of its account, {lead}: {event}."),
            Note::NotPassedOn(event) => {
                format!("Other leads of its account do not hear of {event}: too much is being passed on to them.")
            }
            Note::Ousted(run) => {
                format!("{}: stands still while a workflow of a higher priority has the lead.", self.run(*run))
            }
            Note::RunPaused { run, until } => {
                format!("{}: touches nobody until {}.", self.run(*run), self.time(*until))
            }
            Note::PauseOver(run) => format!("{}: its pause is over, and it goes on where it was.", self.run(*run)),
            Note::Drawn { run, arm, kept: false, .. } => format!("{}: drew the arm {arm}.", self.run(*run)),
            Note::Drawn { run, arm, kept: true, .. } => {
                format!("{}: takes the arm {arm} that the lead drew before.", self.run(*run))
            }
            Note::Missing { run, fields } => format!("{}: {} is not known.", self.run(*run), fields.join(", ")),
            Note::Cast { run, role, rep: Some(rep), how } => {
                format!("{}: its {role} is {}, {}.", self.run(*run), self.rep(rep), how_chosen(*how))
            }
            Note::Cast { run, role, rep: None, .. } => {
                format!("{}: nobody could be found as its {role}.", self.run(*run))
            }
            Note::PassedOver { run, .. } => {
                format!("{}: a touch was passed over, since its condition does not hold.", self.run(*run))
            }
            Note::Watched(rep) => format!("{} watches the lead from now on.", self.rep(rep)),
            Note::NotTold { run, why, rep } => {
                let who = rep.as_ref().map_or_else(|| "whoever was to hear of it".to_owned(), |rep| self.rep(rep));
                format!("{}: nobody was told: {}.", self.run(*run), not_told_words(*why, &who))
            }
            Note::Queued { via, is_request: true, .. } => format!("A request was made ready to leave by {via}."),
            Note::Queued { effect, via, notice: Some(notice), .. } => {
                let what = self.notice(notice, via);
                self.notices.insert(*effect, what.clone());
                format!("{what} was made ready to leave by {via}.")
            }
            Note::Queued { via, script: None, .. } => {
                format!("A message was made ready to leave by {via}.")
            }
            Note::Delivered { effect, ending, why, at, status, is_request: true, .. } => {
                let step = at.and_then(|at| self.catalog.definitions.step(&at.workflow, at.step)).map(|(id, _)| id);
                let what = step.map_or_else(|| "The request".to_owned(), |step| format!("The request of {step}"));
                delivered(*effect, *ending, &what, *why, events, *status)
            }
            Note::Delivered { effect, ending, script, why, at, .. } => {
                let notice = || self.notices.get(effect).cloned().unwrap_or_else(|| "A notice to a rep".to_owned());
                let what = script
                    .map_or_else(notice, |script| format!("The {} {}", self.written(*at, script), self.script(script)));
                delivered(*effect, *ending, &what, *why, events, None)
            }
            Note::Touched { channel, outcome, contact, channel_own, result, result_own, at, .. } => {
                let by = own_words(channel.as_str(), channel_own.as_deref());
                // What was said in a task of ours is told where the task is.
                let heard = result.filter(|_| at.is_none());
                let said = heard.map(|result| own_words(result.as_str(), result_own.as_deref()));
                format!("Contact number {contact}, by {by}: {}.", outcome_words(*outcome, said))
            }
            Note::Escalated { task, point, action, to, .. } => {
                let to = to.as_ref().map_or_else(String::new, |rep| format!(", to {}", self.rep(rep)));
                format!("The {} is late (point {}): {}{to}.", self.task(*task), point + 1, action_words(*action))
            }
            Note::NotEscalated { task, action, why, rep } => {
                let to = rep.as_ref().map_or_else(|| "nobody".to_owned(), |rep| self.rep(rep));
                format!("The {} is late, and {}.", self.task(*task), unable_words(*action, *why, &to))
            }
            Note::NobodyTold { task, point } => {
                format!("The {} is late (point {}), and nobody could be told of it.", self.task(*task), point + 1)
            }
            Note::CallbackUnheard(at) => {
                let at = self.time(*at);
                format!(
                    "A call back was agreed for {at}, and the lead is in no workflow any more: nobody makes it by itself."
                )
            }
            Note::Gone(assignee) => {
                format!("{} is not in the team any more; the task goes elsewhere.", capital(&self.assignee(assignee)))
            }
            Note::StandsIn { owner, of } => {
                format!("{} stands in for {}, who is away and keeps the account.", self.rep(owner), self.rep(of))
            }
            Note::Waiting { run, until: Some(until) } => {
                format!("{}: waits until {}.", self.run(*run), self.time(*until))
            }
            Note::Waiting { run, until: None } => {
                format!("{}: waits for a date that is not known yet.", self.run(*run))
            }
            Note::Ended { run, ending, .. } => format!("{}: over, {ending}.", self.run(*run)),
            Note::Parked { run, cause, .. } => format!("{}: parked for a person, because {cause}.", self.run(*run)),
            Note::Stage(stage, own) => format!("The stage is now {}.", own_words(stage.as_str(), own.as_deref())),
            Note::Segment(segment) => format!("The lead is now {segment}."),
            Note::Held { owner, until } => format!("{} keeps the lead until {}.", self.rep(owner), self.time(*until)),
            Note::HoldOver { expired: true } => "The owner's time with the lead ran out.".to_owned(),
            Note::HoldLeft { owner } => {
                format!("The hold for {} is over for this lead, and nothing follows from its end.", self.rep(owner))
            }
            Note::HoldOver { expired: false } => "The owner keeps the lead for good.".to_owned(),
            Note::OptedOut => "The lead asked not to be contacted: all touches stop.".to_owned(),
            Note::Ignored(why) => format!("It changed nothing: {}.", ignored_words(*why)),
            Note::NotSet { field } => format!("The field {field} could not be set: the value does not fit it."),
            Note::LeftOut { field, why } => left_out(field, *why, events),
            Note::IdentityConflict(other) => {
                format!("Mail, phone and id belong to different leads; the other one is {other}.")
            }
            Note::KeyShared { kind, with } => format!("{with} has the same {} too.", key_words(*kind)),
            Note::Unbound { kind, why } => {
                let wish = if *why == Why::DoNotCall { "not to be called" } else { "not to be contacted there" };
                format!("Its {} is no longer bound: the wish {wish} was taken back.", key_words(*kind))
            }
            Note::Bound { kind, why } => format!("Its {} may not be used: {}.", key_words(*kind), bound_words(*why)),
            Note::NotTaken(kind) => {
                format!(
                    "It names another {} than the lead's: that found the lead, and changes nothing.",
                    key_words(*kind)
                )
            }
            Note::RulesRaised => "What the lead is found by is kept by newer rules.".to_owned(),
            Note::StageKept(stage) => {
                format!("The stage stays {stage}: a deal lifts no opt-out and no disqualification.")
            }
            Note::OtherDeals(stage) => {
                format!("A deal was lost, and the stage stays {stage}: the lead has another one that is open or won.")
            }
            Note::DealLetGo(id) => format!("Nothing is known of its deal {id} any more: it has too many."),
            Note::OneOfSeveral { kind, leads } => format!(
                "{leads} leads have this {}, and the event says nothing else: it went to the one touched last, and set no fields.",
                key_words(*kind)
            ),
            Note::Paused(true) => "A person holds touches back until further notice.".to_owned(),
            Note::Paused(false) => "A person's hold on touches is over.".to_owned(),
            Note::Braked(run) => {
                format!("{}: stands still: the workflow, or a plugin that it has to ask, is paused.", self.run(*run))
            }
            Note::Released(run) => format!("{}: goes on: what it stood still for is over.", self.run(*run)),
            Note::Preferred { refused, not_before } => {
                let ways: Vec<&str> = refused.iter().map(|channel| channel.as_str()).collect();
                let ways =
                    if ways.is_empty() { "no way is refused".to_owned() } else { format!("no {}", ways.join(", no ")) };
                let from = not_before.map_or_else(String::new, |at| format!(", and nothing before {}", self.time(at)));
                format!("The lead's contact preferences are now: {ways}{from}.")
            }
            Note::PutOff(run) => {
                format!(
                    "{}: as many decisions are under way as may be, so its question waits for a place.",
                    self.run(*run)
                )
            }
            Note::Snoozed { task, until } => {
                format!("The {} was put off until {}.", self.task(*task), self.time(*until))
            }
        })
    }

    fn owned(&self, owner: Option<&RepId>, how: ChosenBy) -> String {
        match owner {
            Some(owner) => format!("The owner is {}, {}.", self.rep(owner), how_chosen(how)),
            None => "Nobody could be found to own the lead.".to_owned(),
        }
    }

    fn decision(
        &self,
        plugin: &str,
        digest: Option<Digest>,
        verdict: &DecisionSummary,
        answer: Option<&Answer>,
    ) -> Told {
        // The plugin's own words are only in the personal part.
        let failed = answer.and_then(|answer| answer.decision.as_ref().err());
        let text = match verdict {
            DecisionSummary::Score { points, segment } => {
                format!("{plugin} scored the lead {points} points: {segment}.")
            }
            DecisionSummary::Track(track) => format!("{plugin} chose the track {track}."),
            DecisionSummary::Action(action) => format!("{plugin} decided: {}.", wish_words(*action)),
            DecisionSummary::Failed(failure) => {
                let failure = failed.unwrap_or(failure);
                format!("{plugin} gave no decision ({failure}); the failure policy applied.")
            }
        };
        let because = answer.and_then(|answer| answer.decision.as_ref().ok()).map_or_else(Vec::new, |decision| {
            reasons(decision.reasons(), Some(plugin), self.catalog).into_iter().map(|reason| reason.text).collect()
        });
        let build = digest.map_or_else(String::new, |digest| format!(" (build {digest})"));
        Told { because, ..Told::plain(text + &build) }
    }

    /// What a step sends to the lead.
    fn written(&self, at: Option<StepRef>, script: ScriptId) -> &'static str {
        let definitions = &self.catalog.definitions;
        let is_text = at.is_some_and(|at| {
            let step = definitions.get(&at.workflow).and_then(|workflow| workflow.step(at.step));
            match step.map(|step| &step.verb) {
                Some(Verb::Cadence(cadence)) => cadence.touches.iter().any(|touch| match &touch.touch {
                    TouchPlan::Message(message) => ScriptId::of(&message.script) == script,
                    _ => false,
                }),
                // Of a version that no run follows any more the verb is left.
                _ => definitions.step(&at.workflow, at.step).is_some_and(|(_, verb)| verb == "message"),
            }
        });
        if is_text { "text message" } else { "mail" }
    }

    /// A message that is none to the lead: what it is, and for whom.
    fn notice(&self, notice: &Notice, via: &str) -> String {
        let to = notice.to.as_ref().map_or_else(|| format!("whoever is behind {via}"), |rep| self.rep(rep));
        match notice.kind {
            NoticeKind::Reminder => format!("A reminder to {to}"),
            NoticeKind::Raised => format!("A notice to {to} that a task is late"),
            NoticeKind::Assigned => format!("A notice to {to} of what is theirs now"),
            NoticeKind::Words => format!("A message of the workflow to {to}"),
        }
    }

    fn time(&self, at: Timestamp) -> String {
        in_zone(at, self.zone.clone())
    }

    fn run(&self, run: Born) -> String {
        self.runs.of(run)
    }

    fn step(&self, run: Born, step: StepId) -> String {
        let definitions = &self.catalog.definitions;
        self.runs
            .version(run)
            .and_then(|digest| definitions.step(&digest, step))
            .map_or_else(|| "of a version that is gone".to_owned(), |(id, verb)| format!("{id} ({verb})"))
    }

    fn script(&self, script: ScriptId) -> &str {
        self.catalog.definitions.script(script).unwrap_or("of a version that is gone")
    }

    fn task(&self, task: Born) -> &'static str {
        self.tasks.get(&task).map_or("task", |kind| kind_words(*kind))
    }

    fn rep(&self, rep: &RepId) -> String {
        self.catalog.workspace.settings.team.reps.get(rep).map_or_else(|| rep.0.clone(), |found| found.name.clone())
    }

    fn assignee(&self, assignee: &Assignee) -> String {
        match assignee {
            Assignee::Rep(rep) => self.rep(rep),
            Assignee::Pool(pool) => format!("the pool {pool}"),
            Assignee::Nobody => "nobody in particular".to_owned(),
        }
    }
}

/// A time as people of this workspace read it.
pub(crate) fn time(at: Timestamp, catalog: &Catalog) -> String {
    in_zone(at, catalog.workspace.settings.calendar.zone().clone())
}

fn in_zone(at: Timestamp, zone: TimeZone) -> String {
    at.to_jiff().to_zoned(zone).strftime("%a %-d %b %Y %H:%M").to_string()
}

/// What was left out of an event, in the words of when it came; in general words once the person was erased.
fn left_out(field: &str, why: reading::Why, events: &[Event]) -> String {
    let reported = events.iter().find_map(|event| match event {
        Event::Reported(report) => report.left_out.iter().find(|left| left.field == field),
        Event::Delivered { ending, .. } => ending.reply()?.left_out.iter().find(|left| left.field == field),
        _ => None,
    });
    let words = reported.map_or_else(|| LeftOut::new(field, why, None).words(), LeftOut::words);
    format!("{field} was left out: {words}.")
}

/// What came in, from where, and what a person would like to know of it.
fn reported(kind: &str, events: &[Event]) -> String {
    let report = events.iter().find_map(|event| match event {
        Event::Reported(report) => Some(report),
        _ => None,
    });
    let Some(report) = report else { return format!("{kind} came in.") };
    let detail = ["kind", "detail", "reason", "stage"].into_iter().filter_map(|name| report.text(name));
    let detail = detail.collect::<Vec<_>>().join(", ");
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    format!("{kind} came in from {}{detail}.{}", report.source, said(report))
}

/// What a person or their mail program wrote, in one line.
fn said(report: &Report) -> String {
    const CHARS_MAX: usize = 1_000;
    let is_written =
        matches!(report.kind, EventType::Standard(StandardEvent::EmailReplied | StandardEvent::EmailAutoReplied));
    let Some(text) = report.text("text").filter(|_| is_written) else { return String::new() };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(CHARS_MAX) {
        _ if line.is_empty() => String::new(),
        Some((end, _)) => format!(" It says: \u{201C}{}…\u{201D}", &line[..end]),
        None => format!(" It says: \u{201C}{line}\u{201D}"),
    }
}

/// What happened to a message, which one it was, and why it was not sent.
fn delivered(
    effect: Born,
    ending: Ending,
    what: &str,
    why: Option<gate::Reason>,
    events: &[Event],
    status: Option<u16>,
) -> String {
    let told = events.iter().find_map(|event| match event {
        Event::Delivered { effect: of, ending, .. } if of.in_journal() == effect => Some(ending),
        _ => None,
    });
    let said = match told {
        _ if why.is_some() => why.map_or_else(String::new, |why| format!(": {}", gate_words(why))),
        Some(Delivery::HeldBack(why)) => {
            format!(": {}", gate::Reason::parse(why).map_or_else(|| why.clone(), |why| gate_words(why).to_owned()))
        }
        Some(Delivery::Dead(why) | Delivery::Unsure(why)) => format!(": {why}"),
        Some(Delivery::Discarded(by) | Delivery::Redriven(by)) => format!(" by {by}"),
        Some(Delivery::Refused(reply)) => format!(": {}", reply.refusal()),
        Some(Delivery::Sent | Delivery::Answered(_)) => String::new(),
        // What it was is erased, but for the number.
        None => status.map_or_else(String::new, |status| format!(": the other side answered {status}")),
    };
    match ending {
        Ending::Sent => match status {
            Some(status) => format!("{what} was answered with {status}."),
            None => format!("{what} was handed over."),
        },
        Ending::Refused => format!("{what} was refused{said}."),
        Ending::HeldBack => format!("{what} was held back and will not be sent{said}."),
        Ending::Dead => format!("{what} was given up{said}. It lies with the dead letters."),
        Ending::Unsure => format!(
            "{what} may have arrived or not{said}. It lies with the dead letters: redriven it is sent again, under the \
             same Message-ID."
        ),
        Ending::Discarded => format!("{what} was thrown away out of the dead letters{said}."),
        Ending::Redriven => format!("{what} was taken out of the dead letters{said}, to be sent again."),
    }
}

/// Who did it, for what people do.
fn by_whom(event: &Event) -> Option<String> {
    match event {
        Event::TaskDone(report) => {
            let notes = report.notes.as_ref().map_or_else(String::new, |notes| format!(" Notes: {notes}"));
            Some(format!("Reported by {}.{notes}", report.by))
        }
        Event::Commanded { command: LeadCommand::Disqualify { reason }, by }
        | Event::Commanded { command: LeadCommand::OptOut { reason: Some(reason) }, by } => {
            Some(format!("Done by {by}, because: {reason}"))
        }
        Event::TaskMoved { by, .. } | Event::Commanded { by, .. } | Event::Enrolled { by, .. } => {
            Some(format!("Done by {by}."))
        }
        _ => None,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const fn kind_words(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Call => "call",
        TaskKind::Todo => "task",
        TaskKind::Escalation => "escalation",
    }
}

fn outcome_words(outcome: Outcome, said: Option<String>) -> String {
    let outcome = outcome.as_str().replace('_', " ");
    said.map_or_else(|| outcome.clone(), |said| format!("{outcome}, {said}"))
}

/// The engine's word; where the team's own was given, that, with what it means.
pub(crate) fn own_words(means: &str, own: Option<&str>) -> String {
    let means = means.replace('_', " ");
    own.map_or_else(|| means.clone(), |own| format!("{own} ({means})"))
}

const fn action_words(action: Action) -> &'static str {
    match action {
        Action::Wait => "nothing yet",
        Action::Remind => "a reminder is on its way",
        Action::Raise => "it was raised",
        Action::Reassign => "anybody of the pool may take it",
    }
}

/// What a plugin wants done. Whether it could be done is reported separately.
const fn wish_words(action: Action) -> &'static str {
    match action {
        Action::Wait => "nothing is to be done yet",
        Action::Remind => "somebody is to be reminded",
        Action::Raise => "it is to be raised",
        Action::Reassign => "somebody else is to take it",
    }
}

/// How a rep came to be chosen, in words.
const fn how_chosen(how: ChosenBy) -> &'static str {
    match how {
        ChosenBy::Sticky => "who had it before",
        ChosenBy::Pool => "chosen from the pool",
        ChosenBy::Territory => "by territory",
        ChosenBy::Fallback => "as the fallback, since nobody else could take it",
        ChosenBy::Manual => "by a person's choice",
        ChosenBy::Told => "as the sender of the event has it",
        ChosenBy::Named => "whom the step names",
        ChosenBy::Away => "who is away, since nobody who is here could take it",
        ChosenBy::Nobody => "",
    }
}

/// Why a notice reached nobody, in words.
fn not_told_words(why: Unable, who: &str) -> String {
    match why {
        Unable::NoConnection => "no connection carries notices (`contact.notify_via`)".to_owned(),
        Unable::NoManager => "no manager is known".to_owned(),
        Unable::Gone => format!("{who} is not in the team any more"),
        Unable::NoRoom => "the lead has as much under way as it may".to_owned(),
        _ => "there is nobody who has it".to_owned(),
    }
}

/// Why the gate holds back, in words.
pub const fn gate_words(why: gate::Reason) -> &'static str {
    match why {
        gate::Reason::OptedOut => "the lead asked not to be contacted",
        gate::Reason::ChannelRefused => "the lead does not want to be reached that way",
        gate::Reason::NotBefore => "the lead asked for a later time",
        gate::Reason::OutsideHours => "it is outside business hours where the lead is",
        gate::Reason::Paused => "a person holds touches back",
        gate::Reason::Disqualified => "the lead is disqualified",
        gate::Reason::NoAddress => "the lead has no address for it",
        gate::Reason::AddressOptedOut => "somebody who has this address or number asked not to be contacted",
        gate::Reason::AddressBounced => "mail to this address comes back",
        gate::Reason::WrongNumber => "somebody else answers at this number",
        gate::Reason::DoNotCall => "this number is not to be called",
        gate::Reason::CrowdedAddress => "so many leads have this address or number that it is nobody's",
        gate::Reason::Held => "its workflow or connection is paused, or the connection is gone",
        gate::Reason::WorkflowPaused => "its workflow is paused",
        gate::Reason::ConnectionPaused => "its connection is paused",
        gate::Reason::ConnectionGone => "its connection is not in the workspace any more",
        gate::Reason::MovedOn => "its run has moved on",
        gate::Reason::RunPaused => "its run is paused",
        gate::Reason::Ousted => "a workflow of a higher priority in its group has the lead",
        gate::Reason::UnderWay => "many other messages to the lead are under way",
        gate::Reason::Capped => "the lead has had as many touches as a cap allows",
        gate::Reason::Gap => "the last touch is too recent",
        gate::Reason::InConversation => "a person is in conversation with the lead",
    }
}

/// How the sentence begins which says that a lead was not put into a workflow.
pub const NOT_PUT_INTO: &str = "Not put into ";

/// Why a lead was not enrolled in a workflow, in words.
pub fn refusal(why: Refusal, workflow: &str, catalog: &Catalog) -> Cow<'static, str> {
    Cow::Borrowed(match why {
        Refusal::AlreadyIn => "it is in there now",
        Refusal::TooSoon => "it was in there before, and may not come in again yet",
        Refusal::TooManyRuns => "it is in as many workflows as it may be",
        Refusal::Unknown => "there is no such workflow",
        Refusal::Suppressed => "the lead opted out or is disqualified",
        Refusal::GroupTaken => "another workflow of its group has the lead",
        Refusal::GroupWaits => "another workflow of its group has the lead, and it waits until that is over",
        Refusal::NoKey => {
            let key = key_of(workflow, catalog).unwrap_or_else(|| "something".to_owned());
            return Cow::Owned(format!("it has a run for each value of {key}, and that is blank"));
        }
        Refusal::NoAnswer => "its condition has no answer, and a dead letter says why",
    })
}

const fn key_words(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::External => "id",
        IdentityKind::Email => "mail address",
        IdentityKind::Phone => "phone number",
    }
}

const fn bound_words(why: Why) -> &'static str {
    gate_words(match why {
        Why::OptedOut => gate::Reason::AddressOptedOut,
        Why::Bounced => gate::Reason::AddressBounced,
        Why::WrongNumber => gate::Reason::WrongNumber,
        Why::DoNotCall => gate::Reason::DoNotCall,
        Why::Crowded => gate::Reason::CrowdedAddress,
    })
}

/// What could not be done about an overdue task, and why, in words.
fn unable_words(action: Action, why: Unable, rep: &str) -> String {
    let what = match action {
        Action::Wait => "nothing is done",
        Action::Remind => "a reminder is no use",
        Action::Raise => "it cannot be raised there",
        Action::Reassign => "nobody else can take it",
    };
    let because = match why {
        Unable::NoOwner => "nobody has it".to_owned(),
        Unable::Gone => format!("{rep} is not in the team any more"),
        Unable::Away => format!("{rep} is away"),
        Unable::NoManager => "no manager is known".to_owned(),
        Unable::NoPool => format!("{rep} is in no pool from which it could be taken"),
        Unable::NobodyElse => format!("nobody else of the pool of {rep} is here"),
        Unable::WithPool => "the pool has it already".to_owned(),
        Unable::NoConnection => {
            format!("no connection carries notices (`contact.notify_via`): {rep} sees it in the queue only")
        }
        Unable::NoRoom => format!("the lead has as much under way as it may: {rep} sees it in the queue only"),
        Unable::Told => format!("{rep} has it already and could not be told again"),
    };
    format!("{what}: {because}")
}

/// Why an event changed nothing, in words.
pub const fn ignored_words(why: Ignored) -> &'static str {
    match why {
        Ignored::StaleAttempt => "the run has moved on meanwhile",
        Ignored::UnknownRun => "the run is over or never was",
        Ignored::UnknownTask => "the task is done or withdrawn",
        Ignored::NotAwaited => "nothing waits for it",
        Ignored::UnknownStep => "the step is not in that version",
        Ignored::NothingDue => "nothing was due",
        Ignored::UnknownRep => "there is nobody of this name in the team",
        Ignored::HeldBack => "the lead must not be contacted now",
    }
}
