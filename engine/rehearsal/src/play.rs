//! Plays one case: what is given happens at its time, people do their tasks, and in between, time moves to whatever the
//! engine has to do next.

use crate::ran::{Ran, Trouble, time_of};
use crate::words;
use cadenza_api::intake::{self, Draft, Rules};
use cadenza_api::views::task::{Reading, held_back, may_take, reading};
use cadenza_core::event::{Event, EventType, LeadCommand, StandardEvent, TaskChange, TaskReport};
use cadenza_core::id::{LeadId, RunId, TaskId};
use cadenza_core::journal::Ignored;
use cadenza_core::lead::{Outcome, RepId, TouchResult};
use cadenza_core::own_words::Said;
use cadenza_core::run::RunState;
use cadenza_core::state::LeadState;
use cadenza_core::task::{Assignee, Task, TaskKind};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_language::cases::{Act, Case, Change, Did, Done, Given, Habit, Order, Place, What, When};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::engine::{Applied, Engine, Refused};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many days a case without `until` goes on at most after the last entry of `given`.
const DAYS_AFTER_MAX: i64 = 90;
/// How often the clock may be set forward in a case.
const TURNS_MAX: usize = 200_000;
/// How many open tasks are read at once.
const QUEUE_PAGE: usize = 1_000;

struct Playing<'a> {
    engine: &'a Engine,
    catalog: &'a Catalog,
    case: &'a Case,
    leads: BTreeMap<String, LeadId>,
    troubles: Vec<Trouble>,
    /// Entries that have not happened yet, with their times.
    given: VecDeque<(Timestamp, &'a Given)>,
    /// Tasks that somebody will do, with the index of the habit.
    planned: BTreeSet<(Timestamp, TaskId, usize)>,
    seen: BTreeSet<TaskId>,
    /// How often each habit has been followed.
    followed: Vec<u32>,
    /// Events sent so far.
    sent: u64,
    /// Whether the case expects something about what reps read.
    reads: bool,
    readings: BTreeMap<TaskId, Reading>,
}

/// Plays a case to its end on an engine whose clock stands at its beginning.
///
/// # Errors
/// When the engine fails, which is not the case's fault.
pub(crate) async fn play(engine: &Engine, catalog: &Catalog, case: &Case) -> anyhow::Result<Ran> {
    let mut playing = Playing {
        engine,
        catalog,
        case,
        leads: BTreeMap::new(),
        troubles: Vec::new(),
        given: VecDeque::new(),
        planned: BTreeSet::new(),
        seen: BTreeSet::new(),
        followed: vec![0; case.people.len()],
        sent: 0,
        reads: case
            .expect
            .iter()
            .any(|expected| matches!(&expected.what, What::Task { shown, .. } if !shown.is_empty())),
        readings: BTreeMap::new(),
    };
    playing.lay_out();
    playing.go().await?;
    Ok(Ran { leads: playing.leads, troubles: playing.troubles, readings: playing.readings })
}

impl Playing<'_> {
    /// Computes when each entry happens.
    fn lay_out(&mut self) {
        let calendar = &self.catalog.workspace.settings.calendar;
        let mut before = self.case.starts;
        let mut laid: Vec<(Timestamp, &Given)> = Vec::new();
        for given in &self.case.given {
            before = match given.when {
                When::At(moment) => time_of(moment, self.case.starts, self.catalog),
                When::Next(span) => calendar.add(before, span),
            };
            laid.push((before, given));
        }
        laid.sort_by_key(|(at, _)| *at);
        self.given = laid.into();
    }

    async fn go(&mut self) -> anyhow::Result<()> {
        let last_given = self.given.back().map_or(self.case.starts, |(at, _)| *at);
        let end = self.case.until.map(|moment| time_of(moment, self.case.starts, self.catalog));
        let end_at = end.unwrap_or_else(|| last_given.plus_ms(DAYS_AFTER_MAX * DAY_MS));
        for _ in 0..TURNS_MAX {
            self.plan().await?;
            let now = self.engine.clock().now();
            let given_at = self.given.front().map(|(at, _)| *at);
            let planned_at = self.planned.first().map(|(at, ..)| *at);
            let next = given_at.into_iter().chain(planned_at).min();
            let to = next.unwrap_or(end_at).min(end_at);
            if to > now {
                if next.is_none() && end.is_none() && self.is_quiet().await? {
                    return Ok(());
                }
                self.engine.advance_once(to).await?;
                continue;
            }
            if given_at.is_some_and(|at| at <= now && at <= end_at) {
                let Some((_, given)) = self.given.pop_front() else { continue };
                self.happen(given).await?;
            } else if planned_at.is_some_and(|at| at <= now && at <= end_at) {
                let Some((_, task, habit)) = self.planned.pop_first() else { continue };
                self.follow(task, habit).await?;
            } else {
                return Ok(());
            }
            // Everything that this leads to at the same moment is done before anything else happens.
            self.engine.advance(now).await?;
        }
        anyhow::bail!("the case does not come to an end: the clock was set forward {TURNS_MAX} times")
    }

    /// Whether nothing more will happen, unless a schedule fires.
    async fn is_quiet(&self) -> Result<bool, Refused> {
        let waits = !self.engine.timers(None, 1).await?.is_empty();
        Ok(!waits && self.engine.outbox(None, 1).await?.iter().all(|row| row.due.at().is_none()))
    }

    /// Finds out who does the new tasks, and what is read with them.
    async fn plan(&mut self) -> anyhow::Result<()> {
        if self.case.people.is_empty() && !self.reads {
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = self.engine.queue(None, after.as_ref(), QUEUE_PAGE).await?;
            let new: Vec<TaskId> =
                page.iter().map(|place| place.task).filter(|task| !self.seen.contains(task)).collect();
            for id in new {
                self.seen.insert(id);
                if let Some((state, task)) = self.open(id).await? {
                    self.read(&state, &task).await?;
                    self.take_up(&task);
                }
            }
            if page.len() < QUEUE_PAGE {
                return Ok(());
            }
            after = page.into_iter().last();
        }
    }

    async fn read(&mut self, state: &LeadState, task: &Task) -> anyhow::Result<()> {
        if !self.reads {
            return Ok(());
        }
        let account = match state.lead.account {
            Some(account) => self.engine.account_facts(account).await?,
            None => None,
        };
        let read = reading(task, state, account.as_ref(), self.catalog, self.engine.clock().now());
        self.readings.insert(task.id, read);
        Ok(())
    }

    fn take_up(&mut self, task: &Task) {
        if task.kind == TaskKind::Escalation {
            return;
        }
        let place = self.place(task);
        let fits = |(ix, habit): (usize, &Habit)| {
            let place_fits = habit.place.as_ref().is_none_or(|wanted| *wanted == place);
            let planned = self.planned.iter().filter(|(.., by)| *by == ix).count();
            let left = habit.times.is_none_or(|times| (self.followed[ix] as usize) + planned < times as usize);
            place_fits && left
        };
        let Some((ix, habit)) = self.case.people.iter().enumerate().find(|one| fits(*one)) else { return };
        let from = task.not_before.map_or(task.created_at, |at| at.max(task.created_at));
        let at = self.catalog.workspace.settings.calendar.add(from, habit.within);
        self.planned.insert((at, task.id, ix));
    }

    /// The lead and the task; `None` when the task is no longer open.
    async fn open(&self, id: TaskId) -> Result<Option<(LeadState, Task)>, Refused> {
        let Some(state) = self.engine.lead(id.lead()).await? else { return Ok(None) };
        let task = state.tasks.iter().find(|task| task.id == id).cloned();
        Ok(task.map(|task| (state, task)))
    }

    /// The step that a task belongs to.
    fn place(&self, task: &Task) -> Place {
        crate::post::place(self.catalog, &task.workflow, task.step)
    }

    fn name_of(&self, lead: LeadId) -> Option<&str> {
        self.leads.iter().find(|(_, id)| **id == lead).map(|(name, _)| name.as_str())
    }

    /// Somebody does a task by habit, unless `given` has an entry for it.
    async fn follow(&mut self, id: TaskId, habit: usize) -> anyhow::Result<()> {
        let Some((_, task)) = self.open(id).await? else { return Ok(()) };
        let now = self.engine.clock().now();
        if let Some(offered) = task.not_before.filter(|at| *at > now) {
            self.planned.insert((offered, id, habit));
            return Ok(());
        }
        let place = self.place(&task);
        let lead = self.name_of(id.lead());
        let is_given = |given: &Given| match &given.act {
            Act::Done(done) => done.place == place && Some(done.lead.as_str()) == lead,
            _ => false,
        };
        if self.given.iter().any(|(_, given)| is_given(given)) {
            return Ok(());
        }
        self.followed[habit] += 1;
        let did = &self.case.people[habit].did;
        if let Some(why) = self.report(&task, did).await? {
            let line = self.case.line;
            let text = format!("{} could not be done as `people` says: {why}", words::place(&place));
            self.troubles.push(Trouble { line, text });
        }
        Ok(())
    }

    async fn happen(&mut self, given: &Given) -> anyhow::Result<()> {
        let trouble = match &given.act {
            Act::Event { kind, lead, fields, data } => self.event(kind, lead, fields, data).await?,
            Act::Done(done) => self.done(done).await?,
            Act::Enroll { workflow, lead } => self.enroll(workflow, lead).await?,
            Act::Order { lead, order } => self.order(lead, order).await?,
            Act::Move { place, lead, change } => self.move_task(place, lead, change).await?,
        };
        if let Some(text) = trouble {
            self.troubles.push(Trouble { line: given.line, text });
        }
        Ok(())
    }

    fn next_id(&mut self) -> String {
        self.sent += 1;
        format!("given-{}", self.sent)
    }

    async fn event(
        &mut self,
        kind: &EventType,
        name: &str,
        more: &[(String, Value)],
        data: &BTreeMap<String, Value>,
    ) -> anyhow::Result<Option<String>> {
        let known = self.leads.get(name).copied();
        let is_new = known.is_none() || *kind == EventType::Standard(StandardEvent::LeadCreated);
        let of_file = self.case.leads.get(name).filter(|_| is_new).map_or(&[][..], Vec::as_slice);
        let of_file = of_file.iter().filter(|(field, _)| !more.iter().any(|(other, _)| other == field));
        let draft = Draft {
            source: "test",
            id: &self.next_id(),
            kind: kind.clone(),
            at: None,
            lead: known,
            fields: of_file.chain(more).cloned().collect(),
            data: data.clone(),
            left_out: Vec::new(),
            enrolls: true,
        };
        let rules = Rules::of(&self.catalog.workspace.settings, self.engine.clock().now());
        let incoming = match intake::check(draft, rules) {
            Ok(incoming) => incoming,
            Err(why) => return Ok(Some(format!("the event {kind} is refused: {why}"))),
        };
        match self.engine.report(incoming).await {
            Ok(accepted) => {
                self.leads.insert(name.to_owned(), accepted.lead);
                Ok(None)
            }
            Err(refused) => Ok(Some(format!("the event {kind} is refused: {refused}"))),
        }
    }

    async fn done(&mut self, done: &Done) -> anyhow::Result<Option<String>> {
        match self.open_at(&done.lead, &done.place).await? {
            Ok((_, task)) => self.report(&task, &done.did).await,
            Err(why) => Ok(Some(why)),
        }
    }

    /// The open task of a step, with its lead. The error says why there is none.
    async fn open_at(&self, lead: &str, place: &Place) -> anyhow::Result<Result<(LeadState, Task), String>> {
        let unheard = || format!("nobody has heard of {lead} yet: an event comes first");
        let Some(id) = self.leads.get(lead) else { return Ok(Err(unheard())) };
        let Some(state) = self.engine.lead(*id).await? else { return Ok(Err(unheard())) };
        let open = |task: &&Task| task.kind != TaskKind::Escalation && self.place(task) == *place;
        if let Some(task) = state.tasks.iter().find(open).cloned() {
            return Ok(Ok((state, task)));
        }
        let others: Vec<String> = state.tasks.iter().map(|task| words::open_task(&self.place(task), task)).collect();
        let others = match others.as_slice() {
            [] => "no task of this lead was open".to_owned(),
            some => format!("open were {}", some.join(", ")),
        };
        let place = words::place(place);
        Ok(Err(format!("nobody could do the task of {place}, since it was not open; {others}")))
    }

    /// A person claims, snoozes or reassigns a task. Returns why that was refused, if it was. It refuses what the API
    /// would refuse.
    async fn move_task(&mut self, place: &Place, lead: &str, change: &Change) -> anyhow::Result<Option<String>> {
        let (state, task) = match self.open_at(lead, place).await? {
            Ok(found) => found,
            Err(why) => return Ok(Some(why)),
        };
        let now = self.engine.clock().now();
        let (change, by) = match change {
            Change::Claim { by } => {
                let rep = RepId(by.clone());
                if let Err(why) = may_take(&task, &rep, self.catalog) {
                    return Ok(Some(why));
                }
                if let Some(held) = held_back(&task, &state, self.catalog, now) {
                    return Ok(Some(format!("the task of {} could not be claimed: {held}", words::place(place))));
                }
                (TaskChange::Claimed(rep), by.as_str())
            }
            Change::Reassign { to } => (TaskChange::Reassigned(RepId(to.clone())), "test"),
            Change::Snooze { until } => {
                let until = time_of(*until, self.case.starts, self.catalog);
                if until <= now {
                    return Ok(Some(format!("the task of {} was put off to a time in the past", words::place(place))));
                }
                (TaskChange::Snoozed(until), "test")
            }
        };
        // A task that is done by habit is done when it is offered, by whoever has it then.
        self.apply(task.id.lead(), Event::TaskMoved { task: task.id, change, by: by.to_owned() }).await
    }

    async fn order(&mut self, lead: &str, order: &Order) -> anyhow::Result<Option<String>> {
        let Some(id) = self.leads.get(lead).copied() else {
            return Ok(Some(format!("nobody has heard of {lead} yet: an event comes first")));
        };
        let command = match order {
            Order::Pause => LeadCommand::Pause,
            Order::Resume => LeadCommand::Resume,
            Order::OptOut { reason } => LeadCommand::OptOut { reason: reason.clone() },
            Order::Disqualify { reason } => LeadCommand::Disqualify { reason: reason.clone() },
            Order::Owner(rep) => LeadCommand::SetOwner(RepId(rep.clone())),
            Order::Remove { workflow } => LeadCommand::Remove { workflow: workflow.clone() },
            Order::Unpark => return self.unpark(lead, id).await,
        };
        self.apply(id, Event::Commanded { command, by: "test".to_owned() }).await
    }

    /// Every parked run of a lead tries its step again.
    async fn unpark(&mut self, name: &str, lead: LeadId) -> anyhow::Result<Option<String>> {
        let Some(state) = self.engine.lead(lead).await? else { return Ok(None) };
        let parked = state.runs.iter().filter(|run| matches!(run.state, RunState::Parked { .. }));
        let parked: Vec<RunId> = parked.map(|run| run.id).collect();
        if parked.is_empty() {
            return Ok(Some(format!("no run of {name} was parked")));
        }
        for run in parked {
            let event = Event::Commanded { command: LeadCommand::Unpark(run), by: "test".to_owned() };
            if let Some(why) = self.apply(lead, event).await? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Reports a task. Returns why the report was refused, if it was.
    async fn report(&mut self, task: &Task, did: &Did) -> anyhow::Result<Option<String>> {
        let team = &self.catalog.workspace.settings.team;
        let mut by = did.by.clone().or_else(|| task.assignee.rep().map(|rep| rep.0.clone()));
        if let Assignee::Pool(pool) = &task.assignee {
            let first = || team.pools.get(pool)?.members.first().map(|(rep, _)| rep.0.clone());
            by = by.or_else(first);
            if let Some(rep) = &by {
                let change = TaskChange::Claimed(RepId(rep.clone()));
                let event = Event::TaskMoved { task: task.id, change, by: rep.clone() };
                if let Some(why) = self.apply(task.id.lead(), event).await? {
                    return Ok(Some(why));
                }
            }
        }
        let outcome = match task.kind {
            TaskKind::Call => did.outcome.unwrap_or(Outcome::NoAnswer),
            _ => Outcome::Done,
        };
        let heard = |said: &&Said<TouchResult>| task.kind != TaskKind::Call || said.means.counts_with(outcome);
        let result = did.result.as_ref().filter(heard);
        let report = TaskReport {
            task: task.id,
            outcome,
            result: result.map(|said| said.means),
            result_own: result.and_then(|said| said.own.clone()),
            notes: did.notes.clone(),
            fields: did.answers.clone(),
            callback_at: did.callback.map(|moment| time_of(moment, self.case.starts, self.catalog)),
            by: by.unwrap_or_else(|| "test".to_owned()),
        };
        self.apply(task.id.lead(), Event::TaskDone(report)).await
    }

    async fn enroll(&mut self, workflow: &str, lead: &str) -> anyhow::Result<Option<String>> {
        let Some(id) = self.leads.get(lead).copied() else {
            return Ok(Some(format!("nobody has heard of {lead} yet: an event comes first")));
        };
        let event = Event::Enrolled { workflow: workflow.to_owned(), by: "test".to_owned(), key: None };
        self.apply(id, event).await
    }

    /// Applies an event to a lead. Returns why nothing happened, if nothing did.
    async fn apply(&mut self, lead: LeadId, event: Event) -> anyhow::Result<Option<String>> {
        let id = self.next_id();
        Ok(match self.engine.apply_to(lead, id, event).await {
            Ok(applied) => ignored(&applied),
            Err(refused) => Some(refused.to_string()),
        })
    }
}

fn ignored(applied: &Applied) -> Option<String> {
    match applied.ignored()? {
        // The task was done. The journal says that the run had moved on in the meantime.
        Ignored::NotAwaited if applied.notes.len() > 1 => None,
        why => Some(cadenza_api::views::words::ignored_words(why).to_owned()),
    }
}
