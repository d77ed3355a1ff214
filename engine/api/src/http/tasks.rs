//! The work queue: what is to be done, in rank order, and the outcome. A call is listed and can be claimed only while
//! the contact gate allows it.

use crate::http::auth::{Caller, Read, Steer, Work};
use crate::http::events::{members, reason_of};
use crate::http::leads::{Done, known_rep, nothing_done, short};
use crate::http::problem::{Kind, Problem};
use crate::http::request::{JsonBody, Named, OptionalJson, Params};
use crate::http::state::Shared;
use crate::http::{cursor, own_words, paging};
use crate::intake::{self, Rules};
use crate::json::{self, Tree};
use crate::views::Zoned;
use crate::views::task::{HeldView, TaskView, held_back, inquiries, may_take};
use axum::Json;
use axum::extract::State;
use cadenza_core::event::{Event, TaskChange, TaskReport};
use cadenza_core::id::TaskId;
use cadenza_core::journal::Ignored;
use cadenza_core::lead::{Outcome, RepId, TouchResult};
use cadenza_core::moment;
use cadenza_core::own_words::Said;
use cadenza_core::state::LeadState;
use cadenza_core::task::{Assignee, Task, TaskKind};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workflow::Inquiry;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::counts::Counts;
use cadenza_store::QueueKey;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest a task may be put off at once: a year.
const SNOOZE_MS_MAX: i64 = 366 * DAY_MS;
/// Places of a queue read at once.
const BATCH: usize = 128;
/// The most places one page looks at when nothing in particular is searched for. It looks at that many only if the gate
/// holds tasks back.
const QUEUE_SCAN_MAX: usize = 1_000;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ListParams {
    owner: Option<String>,
    pool: Option<String>,
    nobody: Option<bool>,
    kind: Option<TaskKind>,
    due: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// A page of the queue.
#[derive(Debug, Serialize)]
pub(crate) struct Queue {
    items: Vec<TaskView>,
    /// How many tasks on this page's part of the queue must not be done now.
    held_back: usize,
    /// Why they must not, and until when.
    held: Vec<HeldView>,
    /// If the queue has nothing to do and nothing held back: what there is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<Elsewhere>,
    next: Option<String>,
}

/// What there is besides an empty queue.
#[derive(Debug, Serialize)]
struct Elsewhere {
    /// Open tasks of all queues, whatever their kind and time.
    open_tasks: i64,
    /// Leads that are known.
    leads: i64,
}

/// `GET /v1/tasks`: a rep's queue, a pool's, that of unassigned tasks, or all of them, in rank order. `due` is
/// `overdue`, `today` or a time.
pub(crate) async fn list(
    _: Caller<Read>,
    State(api): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<Zoned<Queue>>, Problem> {
    let limit = paging::size(params.limit, &api.limits)?;
    let due_until = match params.due.as_deref() {
        Some(text) => Some(due_until(text, &api.engine.catalog(), api.engine.clock().now())?),
        None => None,
    };
    let assignee = assignee(&params)?;
    let name = format!("tasks {assignee:?} {:?} {:?}", params.kind, params.due);
    let after = params.cursor.as_deref().map(|text| read_place(&name, text)).transpose()?;
    let looked_for = params.kind.is_some() || due_until.is_some();
    let scan_max = if looked_for { api.limits.page_scan_max } else { QUEUE_SCAN_MAX };
    let search = Search { name, assignee, kind: params.kind, due_until, limit, scan_max };
    let page = search.page(Arc::clone(&api), after);
    // The head of a queue is already in order, and reps look at it all day.
    let page = if looked_for { api.scans.run(page).await } else { page.await }?;
    Ok(Json(Zoned::of(page, &api.engine.catalog())))
}

/// What is searched for in a queue.
struct Search {
    name: String,
    assignee: Option<Assignee>,
    kind: Option<TaskKind>,
    due_until: Option<Timestamp>,
    limit: usize,
    /// How many places are looked at.
    scan_max: usize,
}

impl Search {
    async fn page(self, api: Shared, mut after: Option<QueueKey>) -> Result<Queue, Problem> {
        let (catalog, now) = (api.engine.catalog(), api.engine.clock().now());
        let mut page = Queue { items: Vec::new(), held_back: 0, held: Vec::new(), elsewhere: None, next: None };
        let mut seen = 0;
        loop {
            let places = api.engine.queue(self.assignee.as_ref(), after.as_ref(), BATCH).await?;
            let last = places.len() < BATCH;
            let leads: Vec<_> = places.iter().map(|place| place.task.lead()).collect();
            let states = api.engine.leads_by_id(&leads).await?;
            for (place, state) in places.into_iter().zip(states) {
                if page.items.len() == self.limit || seen >= self.scan_max {
                    page.next = after.map(|place| write_place(&self.name, &place)).transpose()?;
                    return Ok(page);
                }
                seen += 1;
                let found = state.as_ref().and_then(|state| Some((state, open_task(state, place.task)?)));
                if let Some((state, task)) = found.filter(|(_, task)| self.wants(&place, task)) {
                    match held_back(task, state, &catalog, now) {
                        Some(why) => {
                            page.held_back += 1;
                            HeldView::count(&mut page.held, why);
                        }
                        None => {
                            let account = match TaskView::account(task, state, &catalog) {
                                Some(id) => api.engine.account_facts(id).await?,
                                None => None,
                            };
                            page.items.push(TaskView::new(task, state, account.as_ref(), &catalog, now));
                        }
                    }
                }
                after = Some(place);
            }
            if last {
                if page.items.is_empty() && page.held_back == 0 {
                    known_queue(self.assignee.as_ref(), &catalog)?;
                    let Counts { tasks: open_tasks, leads, .. } = Counts::read(&api.engine.counters().await?, &catalog);
                    page.elsewhere = Some(Elsewhere { open_tasks, leads });
                }
                return Ok(page);
            }
        }
    }

    fn wants(&self, place: &QueueKey, task: &Task) -> bool {
        self.due_until.is_none_or(|until| place.due <= until) && self.kind.is_none_or(|kind| task.kind == kind)
    }
}

/// Refuses an unknown rep or pool: an empty queue would hide a misspelt name.
fn known_queue(assignee: Option<&Assignee>, catalog: &Catalog) -> Result<(), Problem> {
    let team = &catalog.workspace.settings.team;
    match assignee {
        Some(Assignee::Rep(rep)) if !team.reps.contains_key(rep) => {
            Err(Problem::new(Kind::BadParameter, format!("`{rep}` is nobody in team.yaml")).at("owner"))
        }
        Some(Assignee::Pool(pool)) if !team.pools.contains_key(pool) => {
            Err(Problem::new(Kind::BadParameter, format!("there is no pool `{pool}` in team.yaml")).at("pool"))
        }
        _ => Ok(()),
    }
}

fn assignee(params: &ListParams) -> Result<Option<Assignee>, Problem> {
    let nobody = params.nobody.unwrap_or(false).then_some(Assignee::Nobody);
    let owner = params.owner.clone().map(|owner| Assignee::Rep(RepId(owner)));
    let mut named = owner.into_iter().chain(params.pool.clone().map(Assignee::Pool)).chain(nobody);
    match (named.next(), named.next()) {
        (_, Some(_)) => {
            let detail = "name one of `owner`, `pool` and `nobody`: each has a queue of its own";
            Err(Problem::new(Kind::BadParameter, detail))
        }
        (named, None) => Ok(named),
    }
}

fn due_until(text: &str, catalog: &Catalog, now: Timestamp) -> Result<Timestamp, Problem> {
    match text {
        "overdue" => Ok(now.plus_ms(-1)),
        "today" => {
            let zone = catalog.workspace.settings.calendar.zone().clone();
            let end = now.to_jiff().to_zoned(zone).end_of_day();
            Ok(end.map_or(now, |end| Timestamp::from_jiff(end.timestamp())))
        }
        time => Timestamp::parse(time).ok_or_else(|| {
            let detail = format!("`{time}` is no time: write overdue, today, or a time such as 2026-03-08T07:30:00Z");
            Problem::new(Kind::BadParameter, detail).at("due")
        }),
    }
}

fn write_place(list: &str, place: &QueueKey) -> Result<String, Problem> {
    let QueueKey { assignee, class, due, task } = place;
    let bytes = minicbor::to_vec((assignee, class, due, task))
        .map_err(|error| Problem::new(Kind::Internal, format!("the cursor could not be written: {error}")))?;
    Ok(cursor::write(list, &bytes))
}

fn read_place(list: &str, text: &str) -> Result<QueueKey, Problem> {
    let bytes = cursor::read(list, text)?;
    let (assignee, class, due, task) = minicbor::decode(&bytes)
        .map_err(|_| Problem::new(Kind::BadCursor, "the cursor is damaged: begin the list again").at("cursor"))?;
    Ok(QueueKey { assignee, class, due, task })
}

fn open_task(state: &LeadState, id: TaskId) -> Option<&Task> {
    state.tasks.iter().find(|task| task.id == id)
}

/// The problem of a task that is not open: it never was, or it is over.
fn not_open(id: TaskId, state: Option<&LeadState>) -> Problem {
    let number = id.0 & u128::from(cadenza_core::id::BORN_MAX);
    match state {
        Some(state) if (1..=u128::from(state.born)).contains(&number) => {
            let touch = state.lead.touches.iter().find(|touch| touch.task == Some(id));
            let detail = match touch {
                Some(touch) => {
                    format!("the task {id} was done at {}: {}; it is not done twice", touch.at, touch.outcome)
                }
                None if state.given_up.iter().any(|task| task.id == id) => format!(
                    "the task {id} was given up, it was not done in time: report what came of it all the same, or take the next \
                     one of the queue"
                ),
                None => format!("the task {id} was done or withdrawn: take the next one of the queue"),
            };
            Problem::new(Kind::TaskClosed, detail)
        }
        _ => Problem::not_found("task", &id.to_string()),
    }
}

/// The task with its lead; a problem if it is not open.
async fn load(api: &Shared, id: TaskId) -> Result<(LeadState, Task), Problem> {
    let state = api.engine.lead(id.lead()).await?;
    match state.as_ref().and_then(|state| open_task(state, id)) {
        Some(task) => {
            let task = task.clone();
            state.map(|state| (state, task)).ok_or_else(|| Problem::not_found("task", &id.to_string()))
        }
        None => Err(not_open(id, state.as_ref())),
    }
}

/// The same, but also for a task that was given up, because whoever did it late can still report it.
async fn load_even_given_up(api: &Shared, id: TaskId) -> Result<(LeadState, Task), Problem> {
    let state = api.engine.lead(id.lead()).await?;
    let given_up = |state: &LeadState| state.given_up.iter().find(|task| task.id == id).cloned();
    match state.as_ref().and_then(given_up) {
        Some(task) => state.map(|state| (state, task)).ok_or_else(|| Problem::not_found("task", &id.to_string())),
        None => load(api, id).await,
    }
}

async fn apply(api: &Shared, id: TaskId, event: Event) -> Result<Json<Done>, Problem> {
    let applied = api.engine.apply_to(id.lead(), api.new_event_id(), event).await.map_err(|refused| match refused {
        cadenza_runtime::engine::Refused::NotFound { .. } => Problem::not_found("task", &id.to_string()),
        other => other.into(),
    })?;
    match applied.ignored() {
        Some(Ignored::UnknownTask) => Err(not_open(id, Some(&applied.state))),
        // The task was done. That the run had already moved on is in the journal.
        Some(Ignored::NotAwaited) if applied.notes.len() > 1 => Ok(Json(Done::new(&applied, &api.engine.catalog()))),
        Some(Ignored::HeldBack) => Err(Problem::new(
            Kind::HeldBack,
            "the lead must not be contacted now: take the next one of the queue".to_owned(),
        )),
        Some(why) => Err(nothing_done(why)),
        None => Ok(Json(Done::new(&applied, &api.engine.catalog()))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct OutcomeBody {
    outcome: Option<Outcome>,
    /// One of the engine's words, or of the team's own.
    result: Option<String>,
    notes: Option<String>,
    #[serde(default)]
    data: Tree,
}

/// `POST /v1/tasks/{id}/outcome`
pub(crate) async fn outcome(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<TaskId>,
    JsonBody(body): JsonBody<OutcomeBody>,
) -> Result<Json<Done>, Problem> {
    let (_, task) = load_even_given_up(&api, id).await?;
    if let Some(rep) = caller.acting_as(None)? {
        may_claim(&task, &rep, &api.engine.catalog())?;
    }
    let report = read_outcome(body, &task, caller.name(), &api)?;
    apply(&api, id, Event::TaskDone(report)).await
}

fn read_outcome(body: OutcomeBody, task: &Task, by: String, api: &Shared) -> Result<TaskReport, Problem> {
    let outcome = match (task.kind, body.outcome) {
        (TaskKind::Call, Some(Outcome::Sent | Outcome::Done)) | (TaskKind::Call, None) => {
            let detail = "a call ends in connected, no_answer, voicemail, busy, wrong_number or gatekeeper";
            return Err(Problem::new(Kind::InvalidField, detail).at("outcome"));
        }
        (_, outcome) => outcome.unwrap_or(Outcome::Done),
    };
    let catalog = api.engine.catalog();
    let results = &catalog.workspace.settings.own_words.results;
    let may = |result: TouchResult| task.kind != TaskKind::Call || result.counts_with(outcome);
    let said =
        body.result.as_deref().map(|word| own_words::said(word, ("result", "result"), results, may)).transpose()?;
    if said.as_ref().is_some_and(|said| !may(said.means)) {
        let detail =
            format!("the lead said nothing when the outcome is {outcome}: leave `result` out, or write connected");
        return Err(Problem::new(Kind::InvalidField, detail).at("result"));
    }
    let rules = Rules::of(&catalog.workspace.settings, api.engine.clock().now());
    let (mut fields, mut callback_at) = (Vec::new(), None);
    for (name, value) in members(body.data, "`data`, an object with what was learnt")? {
        let invalid = |detail: String| Problem::new(Kind::InvalidField, detail).at(format!("data.{name}"));
        let value = value.value().ok_or_else(|| invalid(format!("`{name}` takes one value, not an object")))?;
        // A person who sends null means it; a blank text is a line of a form that was left empty.
        let clears = value.is_blank();
        if name == "callback_at" {
            callback_at = read_callback(&value, &rules).map_err(invalid)?;
            continue;
        }
        let value = intake::check_field(&name, value, &rules).map_err(|error| invalid(error.to_string()))?;
        if clears || !value.is_blank() {
            fields.push((name, value));
        }
    }
    let notes = short(body.notes, "notes")?;
    let asks =
        catalog.definitions.get(&task.workflow).map(|definition| inquiries(task, definition)).unwrap_or_default();
    let answered = |field: &str| fields.iter().any(|(name, value)| name == field && !value.is_blank());
    // Who says that the lead wants no contact need not have asked it anything.
    let opts_out = said.as_ref().is_some_and(|said| said.means == TouchResult::OptedOut);
    let asked = !opts_out && (task.kind != TaskKind::Call || outcome.reached());
    let open = asks.iter().filter(|ask| asked && ask.required && !answered(&ask.field));
    let reason = said.as_ref().filter(|said| results.wants_reason(said) && notes.is_none()).map(Said::word);
    complete(&open.collect::<Vec<_>>(), reason)?;
    let (result, result_own) = said.map_or((None, None), |said| (Some(said.means), said.own));
    Ok(TaskReport { task: task.id, outcome, result, notes, fields, callback_at, by, result_own })
}

/// Refuses a report that leaves required questions open, or that lacks the reason for its result.
fn complete(open: &[&Inquiry], reason: Option<&str>) -> Result<(), Problem> {
    let names: Vec<&str> = open.iter().map(|ask| ask.field.as_str()).collect();
    let answers =
        (!names.is_empty()).then(|| format!("the report has to answer {}: give each under `data`", names.join(", ")));
    let why = reason.map(|word| format!("the result `{word}` has to come with a reason: give it as `notes`"));
    let missing: Vec<_> = open
        .iter()
        .map(|ask| serde_json::json!({ "field": ask.field, "question": ask.question }))
        .chain(reason.map(|word| reason_of(word, "notes")))
        .collect();
    let details: Vec<String> = answers.into_iter().chain(why).collect();
    if details.is_empty() {
        return Ok(());
    }
    let at = if names.is_empty() { "notes" } else { "data" };
    Err(Problem::new(Kind::MissingAnswers, details.join("; ")).at(at).with("missing", missing.into()))
}

/// When to call again. It must lie ahead; blank means `None`.
fn read_callback(value: &Value, rules: &Rules<'_>) -> Result<Option<Timestamp>, String> {
    match value {
        Value::Blank => return Ok(None),
        Value::Text(text) if text.trim().is_empty() => return Ok(None),
        _ => {}
    }
    let at = moment::read(value, rules.zone)
        .map_err(|_| format!("{} is no time such as 2026-03-08T07:30:00Z", json::show(value)))?;
    if at <= rules.now {
        return Err("the call-back was agreed for a time that is past".to_owned());
    }
    Ok(Some(at))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct RepBody {
    rep: Option<RepId>,
}

fn rep_needed() -> Problem {
    Problem::new(Kind::InvalidBody, "say who: `rep` is the id of a rep in team.yaml").at("rep")
}

/// `POST /v1/tasks/{id}/claim`: a member of the pool takes the task.
pub(crate) async fn claim(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<TaskId>,
    OptionalJson(body): OptionalJson<RepBody>,
) -> Result<Json<Done>, Problem> {
    let catalog = api.engine.catalog();
    let rep = known_rep(caller.acting_as(body.rep)?.ok_or_else(rep_needed)?, &catalog)?;
    let (state, task) = load(&api, id).await?;
    may_claim(&task, &rep, &catalog)?;
    if let Some(held) = held_back(&task, &state, &catalog, api.engine.clock().now()) {
        return Err(Problem::new(Kind::HeldBack, format!("{held}: take the next one of the queue")));
    }
    apply(&api, id, Event::TaskMoved { task: id, change: TaskChange::Claimed(rep), by: caller.name() }).await
}

fn may_claim(task: &Task, rep: &RepId, catalog: &Catalog) -> Result<(), Problem> {
    may_take(task, rep, catalog).map_err(|detail| Problem::new(Kind::TaskTaken, detail))
}

/// `POST /v1/tasks/{id}/reassign`
pub(crate) async fn reassign(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(id): Named<TaskId>,
    JsonBody(body): JsonBody<RepBody>,
) -> Result<Json<Done>, Problem> {
    let rep = known_rep(body.rep.ok_or_else(rep_needed)?, &api.engine.catalog())?;
    apply(&api, id, Event::TaskMoved { task: id, change: TaskChange::Reassigned(rep), by: caller.name() }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct SnoozeBody {
    until: Timestamp,
}

/// `POST /v1/tasks/{id}/snooze`
pub(crate) async fn snooze(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<TaskId>,
    JsonBody(body): JsonBody<SnoozeBody>,
) -> Result<Json<Done>, Problem> {
    let now = api.engine.clock().now();
    if body.until <= now || body.until > now.plus_ms(SNOOZE_MS_MAX) {
        let detail = "`until` has to lie ahead, and no further than a year";
        return Err(Problem::new(Kind::InvalidField, detail).at("until"));
    }
    let (_, task) = load(&api, id).await?;
    if let Some(rep) = caller.acting_as(None)? {
        may_claim(&task, &rep, &api.engine.catalog())?;
    }
    apply(&api, id, Event::TaskMoved { task: id, change: TaskChange::Snoozed(body.until), by: caller.name() }).await
}
