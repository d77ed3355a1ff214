//! A task as a rep sees it: what to do, with which lead, what to say, why it is here, and when it is due.

use crate::json;
use crate::views::lead;
use crate::views::words;
use cadenza_core::account::AccountFacts;
use cadenza_core::expr::Object;
use cadenza_core::field::field_info;
use cadenza_core::gate;
use cadenza_core::id::{AccountId, LeadId, RunId, TaskId};
use cadenza_core::lead::RepId;
use cadenza_core::plugin::Segment;
use cadenza_core::run::{Run, RunState};
use cadenza_core::state::LeadState;
use cadenza_core::step::View;
use cadenza_core::task::{Assignee, Task, TaskKind};
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use cadenza_core::workflow::{Cadence, Inquiry, MAIN_SCORE, Redial, TouchPlan, Verb, Workflow};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::render;
use serde::Serialize;
use serde_json::Value as JsonValue;

/// A task in the queue.
#[derive(Debug, Serialize)]
pub(crate) struct TaskView {
    id: TaskId,
    kind: TaskKind,
    assignee: String,
    due: Timestamp,
    /// Whether it is past its time.
    overdue: bool,
    created_at: Timestamp,
    not_before: Option<Timestamp>,
    /// When it is given up if nobody has done it; null if never, or while something keeps it from being done.
    give_up_at: Option<Timestamp>,
    /// What the touch should achieve.
    objective: String,
    /// What to say.
    script: Option<String>,
    /// What to say if a voice mail should be left.
    voicemail: Option<String>,
    /// What the report should answer.
    asks: Vec<Asked>,
    redial: bool,
    reminders: u16,
    raised: bool,
    /// The task an escalation is about.
    about: Option<TaskId>,
    lead: Whom,
    why: Why,
}

/// A question that the report answers.
#[derive(Debug, Serialize)]
struct Asked {
    field: String,
    question: String,
    required: bool,
    /// The type of the answer: text, integer, number, boolean, time, …
    #[serde(rename = "type")]
    kind: &'static str,
    /// What is known so far.
    value: JsonValue,
}

/// The lead that it is about.
#[derive(Debug, Serialize)]
struct Whom {
    id: LeadId,
    name: Option<String>,
    title: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    timezone: Option<String>,
    segment: Option<Segment>,
    score: Option<i32>,
    owner: Option<RepId>,
}

/// Why it is here.
#[derive(Debug, Serialize)]
struct Why {
    workflow: Option<String>,
    version: String,
    step: Option<String>,
    run: Option<RunId>,
    /// The reason in one line.
    text: String,
    /// The reasons of the lead's score.
    reasons: Vec<String>,
}

/// What a task's step says about it.
struct Plan<'a> {
    objective: &'a str,
    script: Option<&'a str>,
    voicemail: Option<&'a str>,
}

impl TaskView {
    /// The account that a text of the task may name.
    pub(crate) fn account(task: &Task, state: &LeadState, catalog: &Catalog) -> Option<AccountId> {
        let definition = catalog.definitions.get(&task.workflow)?;
        let run = task.run.and_then(|id| state.runs.iter().find(|run| run.id == id));
        let plan = plan(task, run, definition)?;
        let mut scripts = [plan.script, plan.voicemail].into_iter().flatten();
        let named = plan.objective.contains(Object::Account.as_str())
            || scripts.any(|path| definition.scripts.get(path).is_some_and(|script| script.may_name(Object::Account)));
        state.lead.account.filter(|_| named)
    }

    /// A task of a lead, as it is now.
    pub(crate) fn new(
        task: &Task,
        state: &LeadState,
        account: Option<&AccountFacts>,
        catalog: &Catalog,
        now: Timestamp,
    ) -> Self {
        let definition = catalog.definitions.get(&task.workflow);
        let run = task.run.and_then(|id| state.runs.iter().find(|run| run.id == id));
        let plan = definition.and_then(|definition| plan(task, run, definition));
        let open_task = Some(task);
        let view = View { run, account, open_task, ..View::of(state, &catalog.live, &catalog.definitions, now) };
        // A template that fails to render is shown as it is, because the rep still has to call.
        let render = |template: &str| render::text(template, &view).unwrap_or_else(|_| template.to_owned());
        let script = |path: &str| definition.and_then(|d| d.scripts.get(path)).map(|script| render(&script.body));
        Self {
            id: task.id,
            kind: task.kind,
            assignee: task.assignee.to_string(),
            due: task.due,
            overdue: task.due < now,
            created_at: task.created_at,
            not_before: task.not_before,
            give_up_at: state.gives_up_at(task),
            objective: match (task.kind, &plan) {
                (TaskKind::Escalation, _) => "Find out why this is late, and see that it is done.".to_owned(),
                (_, Some(plan)) => render(plan.objective),
                (_, None) => String::new(),
            },
            script: plan.as_ref().and_then(|plan| script(plan.script?)),
            voicemail: plan.as_ref().and_then(|plan| script(plan.voicemail?)),
            asks: definition
                .map_or_else(Vec::new, |d| inquiries(task, d).iter().map(|ask| asked(ask, state, catalog)).collect()),
            redial: task.redial,
            reminders: task.reminders,
            raised: task.raised,
            about: task.about,
            lead: whom(state),
            why: why(task, state, definition.map(|d| &**d), catalog),
        }
    }
}

/// What whoever has a task reads with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub objective: String,
    pub script: Option<String>,
    pub voicemail: Option<String>,
}

/// The texts of a task, as they are now.
pub fn reading(
    task: &Task,
    state: &LeadState,
    account: Option<&AccountFacts>,
    catalog: &Catalog,
    now: Timestamp,
) -> Reading {
    let TaskView { objective, script, voicemail, .. } = TaskView::new(task, state, account, catalog, now);
    Reading { objective, script, voicemail }
}

/// Whether a rep may take a task.
///
/// # Errors
/// Whose it is, when it is somebody else's.
pub fn may_take(task: &Task, rep: &RepId, catalog: &Catalog) -> Result<(), String> {
    match &task.assignee {
        Assignee::Rep(owner) if owner == rep => Ok(()),
        Assignee::Rep(owner) => Err(format!("the task is with {owner}: an operator can reassign it")),
        Assignee::Nobody => Ok(()),
        Assignee::Pool(name) => {
            let pool = catalog.workspace.settings.team.pools.get(name);
            if pool.is_some_and(|pool| pool.members.iter().any(|(member, _)| member == rep)) {
                return Ok(());
            }
            Err(format!("{rep} is no member of the pool {name}, whose task it is"))
        }
    }
}

/// Why a task must not be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    pub(crate) why: &'static str,
    /// Until when; `None` if that is unknown, or forever.
    pub(crate) until: Option<Timestamp>,
}

impl std::fmt::Display for HeldBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.until {
            Some(until) => write!(f, "not before {until}: {}", self.why),
            None => f.write_str(self.why),
        }
    }
}

/// Why a task is not offered now; `None` if it may be. The gate's reason takes precedence: a call that the
/// gate put off waits for both.
pub fn held_back(task: &Task, state: &LeadState, catalog: &Catalog, now: Timestamp) -> Option<HeldBack> {
    let put_off = task.not_before.filter(|until| *until > now);
    let verdict = match task.kind {
        TaskKind::Call => gate::check_call(task, state, &catalog.live.settings, now),
        TaskKind::Todo | TaskKind::Escalation => gate::Verdict::Go,
    };
    match verdict {
        gate::Verdict::Never(why) => Some(HeldBack { why: words::gate_words(why), until: None }),
        gate::Verdict::Held(why) => Some(HeldBack { why: words::gate_words(why), until: None }),
        gate::Verdict::NotBefore { at, why } => {
            Some(HeldBack { why: words::gate_words(why), until: put_off.max(Some(at)) })
        }
        gate::Verdict::Go => put_off.map(|until| HeldBack { why: "somebody put it off", until: Some(until) }),
    }
}

/// Tasks that are held back for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct HeldView {
    why: &'static str,
    tasks: usize,
    /// When the first of them may be done; null if that is unknown, or never.
    first_at: Option<Timestamp>,
}

impl HeldView {
    /// Adds one task to those with its reason.
    pub(crate) fn count(held: &mut Vec<Self>, one: HeldBack) {
        match held.iter_mut().find(|known| known.why == one.why) {
            Some(known) => {
                known.tasks += 1;
                known.first_at = [known.first_at, one.until].into_iter().flatten().min();
            }
            None => held.push(Self { why: one.why, tasks: 1, first_at: one.until }),
        }
    }
}

/// What the report of a task should answer.
pub(crate) fn inquiries<'a>(task: &Task, definition: &'a Workflow) -> &'a [Inquiry] {
    match definition.step(task.step).map(|step| &step.verb) {
        _ if task.kind == TaskKind::Escalation => &[],
        Some(Verb::Call(call)) => &call.asks,
        Some(Verb::Task(todo)) => &todo.asks,
        _ => &[],
    }
}

fn asked(ask: &Inquiry, state: &LeadState, catalog: &Catalog) -> Asked {
    let standard = field_info(&ask.field).map(|info| info.kind);
    let kind = standard.or_else(|| catalog.workspace.settings.fields.get(&ask.field).map(|field| field.kind));
    Asked {
        field: ask.field.clone(),
        question: ask.question.clone(),
        required: ask.required,
        kind: kind.unwrap_or(ValueType::Any).as_str(),
        value: json::show(&state.lead.profile.get(&ask.field)),
    }
}

fn plan<'a>(task: &Task, run: Option<&Run>, definition: &'a Workflow) -> Option<Plan<'a>> {
    let objective = |path: &str| definition.scripts.get(path).map_or("", |script| script.objective.as_str());
    match &definition.step(task.step)?.verb {
        Verb::Call(call) => {
            Some(Plan { objective: objective(&call.script), script: Some(&call.script), voicemail: None })
        }
        Verb::Task(todo) => Some(Plan { objective: &todo.objective, script: todo.script.as_deref(), voicemail: None }),
        Verb::Cadence(cadence) => match &cadence.touch(task.touch?)?.touch {
            TouchPlan::Call { script, redial, .. } => {
                let voicemail = voicemail(cadence, run).filter(|_| is_left_on(*redial, task.redial));
                Some(Plan { objective: objective(script), script: Some(script), voicemail })
            }
            TouchPlan::Task { objective, script, .. } => {
                Some(Plan { objective, script: script.as_deref(), voicemail: None })
            }
            TouchPlan::Email(_) | TouchPlan::Message(_) => None,
        },
        _ => None,
    }
}

/// The message of the series that would be left now: the first, one in between, or that of the last call.
fn voicemail<'a>(cadence: &'a Cadence, run: Option<&Run>) -> Option<&'a str> {
    let series = cadence.voicemails.as_ref()?;
    let RunState::Cadence(state) = run?.state else { return None };
    Some(match state {
        state if state.voicemails == 0 => &series.first,
        state if cadence.is_last_call(state.touch, state.contacts) => &series.last,
        _ => &series.next,
    })
}

/// Whether a message is left on this dial, the first or the second, of a call that may have two.
fn is_left_on(redial: Option<Redial>, is_second: bool) -> bool {
    redial.is_none_or(|redial| redial.voicemail_on_redial == is_second)
}

fn whom(state: &LeadState) -> Whom {
    let lead = &state.lead;
    Whom {
        id: lead.id,
        name: lead::name(state),
        title: lead.profile.title.clone(),
        company: lead.profile.company.clone(),
        phone: lead.profile.phone.clone(),
        email: lead.profile.email.clone(),
        timezone: lead.profile.timezone.clone(),
        segment: lead.segment,
        score: lead.scores.get(MAIN_SCORE).map(|score| score.points),
        owner: lead.owner.clone(),
    }
}

fn why(task: &Task, state: &LeadState, definition: Option<&Workflow>, catalog: &Catalog) -> Why {
    let step = definition.and_then(|d| d.step(task.step)).map(|step| step.id.clone());
    let workflow = definition.map(|d| d.name.clone());
    let mut text = match (&workflow, &step, task.kind) {
        (Some(workflow), Some(step), TaskKind::Escalation) => format!("overdue at {step} of {workflow}"),
        (Some(workflow), Some(step), _) => format!("{step} of {workflow}"),
        _ => "from a workflow that is no longer known".to_owned(),
    };
    if task.redial {
        text.push_str("; second dial, nobody answered the first");
    }
    // The second dial belongs to the same contact as the first.
    let contact = state.lead.counts.contacts + u32::from(!task.redial);
    if contact > 1 {
        text.push_str(&format!("; contact number {contact}"));
    }
    if let Some(touch) = state.lead.touches.last() {
        let outcome = touch.outcome.as_str().replace('_', " ");
        let channel = words::own_words(touch.channel.as_str(), touch.channel_own.as_deref());
        text.push_str(&format!("; last {channel} {}: {outcome}", words::time(touch.at, catalog)));
    }
    if let Some(engagement) = state.lead.engagements.last() {
        let (at, kind, detail) = (words::time(engagement.at, catalog), &engagement.kind, &engagement.detail);
        text.push_str(format!("; last engaged {at}: {kind} {detail}").trim_end());
    }
    let score = state.lead.scores.get(MAIN_SCORE);
    let reasons = score.map_or_else(Vec::new, |score| {
        let told = words::reasons(&score.reasons, score.plugin.as_deref(), catalog);
        told.into_iter().map(|reason| reason.text).collect()
    });
    Why { workflow, version: task.workflow.to_string(), step, run: task.run, text, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::time::Span;

    #[test]
    fn a_message_is_left_on_one_of_two_dials() {
        let redial = |voicemail_on_redial| Some(Redial { after: Span::Elapsed(240_000), voicemail_on_redial });
        let cases = [(None, [true, true]), (redial(true), [false, true]), (redial(false), [true, false])];
        for (redial, expected) in cases {
            assert_eq!([false, true].map(|second| is_left_on(redial, second)), expected, "{redial:?}");
        }
    }
}
