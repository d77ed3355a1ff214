//! What conditions and plugins see of a lead at one moment: a mapping from names to values.

use crate::account::AccountFacts;
use crate::calendar::Calendar;
use crate::event::Report;
use crate::expr::{Name, Object, ROLE_NAME, Scope};
use crate::gate;
use crate::lead::{Outcome, Touch, TouchResult};
use crate::own_words::Said;
use crate::run::{Run, RunState};
use crate::state::LeadState;
use crate::task::Task;
use crate::time::Timestamp;
use crate::value::{Value, ValueType};
use crate::workspace::{Definitions, Live};
use jiff::tz::TimeZone;

/// A task that was just done, with its outcome and result.
#[derive(Clone, Debug)]
pub struct ClosedTask {
    pub(super) task: Task,
    pub(super) outcome: Outcome,
    pub(super) result: Option<Said<TouchResult>>,
}

/// A lead and its surroundings at one moment.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub state: &'a LeadState,
    pub live: &'a Live,
    /// The definitions, for the names of workflows and steps.
    pub definitions: &'a Definitions,
    pub account: Option<&'a AccountFacts>,
    pub report: Option<&'a Report>,
    /// The fields that the report has changed, with their old values.
    pub updated: &'a [(String, Value)],
    /// The touch that was just completed.
    pub touch: Option<&'a Touch>,
    /// The task that was just done.
    pub task: Option<&'a ClosedTask>,
    /// The open task that a script or text is rendered for. It has no outcome or result yet.
    pub open_task: Option<&'a Task>,
    /// The run whose condition or question is evaluated.
    pub run: Option<&'a Run>,
    pub now: Timestamp,
}

impl<'a> View<'a> {
    /// A view of the lead alone, without an event, a run or a task.
    pub const fn of(state: &'a LeadState, live: &'a Live, definitions: &'a Definitions, now: Timestamp) -> Self {
        Self {
            state,
            live,
            definitions,
            account: None,
            report: None,
            updated: &[],
            touch: None,
            task: None,
            open_task: None,
            run: None,
            now,
        }
    }

    /// The value of `lead.<field>`.
    pub fn lead(&self, field: &str) -> Value {
        let lead = &self.state.lead;
        let whole = |count: u32| Value::Int(i64::from(count));
        match field {
            "id" => Value::Text(lead.id.to_string()),
            "stage" => Value::Text(lead.stage.as_str().to_owned()),
            "stage_own" => Value::text(lead.stage_own.as_deref()),
            "segment" => Value::text(lead.segment.map(|segment| segment.as_str())),
            "score" => {
                lead.scores.get(crate::workflow::MAIN_SCORE).map_or(Value::Blank, |s| Value::Int(s.points.into()))
            }
            "owner" => Value::text(lead.owner.as_ref().map(|owner| owner.0.as_str())),
            "opted_out" => Value::Bool(lead.consent.opted_out.is_some()),
            "created_at" => Value::Time(lead.created_at),
            // A lead that was never touched counts as untouched since it was created. Otherwise
            // `since(lead.last_touch)` would never find the stale ones among them.
            "last_touch" => Value::Time(lead.touches.last().map_or(lead.created_at, |touch| touch.at)),
            "last_engaged" => lead.engagements.last().map_or(Value::Blank, |e| Value::Time(e.at)),
            "reached" => Value::Bool(lead.counts.reached > 0),
            "contacts" => whole(lead.counts.contacts),
            "calls" => whole(lead.counts.calls),
            "emails" => whole(lead.counts.emails),
            "engagements" => whole(lead.counts.engagements),
            "knows_us" => Value::Bool(lead.counts.does_not_know_us == 0),
            given => match lead.profile.get(given) {
                Value::Blank => {
                    self.live.settings.fields.get(given).map_or(Value::Blank, |field| field.default.clone())
                }
                known => known,
            },
        }
    }

    /// The value of `lead.<field>` as one of this type, for a plugin; blank when it does not fit.
    pub fn lead_as(&self, field: &str, kind: ValueType) -> Value {
        self.lead(field).fit_in(kind, self.live.settings.calendar.zone()).unwrap_or_default()
    }

    fn event(&self, field: &str) -> Value {
        let Some(report) = self.report else { return Value::Blank };
        match field {
            "type" => Value::Text(report.kind.to_string()),
            "source" => Value::Text(report.source.clone()),
            "at" => Value::Time(report.at),
            "until" => report.data.get("until").cloned().and_then(|at| at.fit(ValueType::Time)).unwrap_or_default(),
            "changed" if !report.data.contains_key(CHANGED) => changed(self.updated),
            field if let Some(field) = field.strip_prefix(OLD).filter(|_| !self.updated.is_empty()) => {
                self.updated.iter().find(|(name, _)| name == field).map(|(_, old)| old.clone()).unwrap_or_default()
            }
            field => report.data.get(field.strip_prefix("data.").unwrap_or(field)).cloned().unwrap_or_default(),
        }
    }

    fn run(&self, field: &str) -> Value {
        let Some(run) = self.run else { return Value::Blank };
        let cadence = match &run.state {
            RunState::Cadence(state) => Some(state),
            // The run goes on from there when it is unparked.
            RunState::Parked { .. } => run.cadence.as_ref(),
            _ => None,
        };
        match field {
            "workflow" => Value::text(self.definitions.name(&run.workflow)),
            "step" => Value::text(self.definitions.step(&run.workflow, run.step).map(|(id, _)| id)),
            "started_at" => Value::Time(run.started_at),
            "entered_at" => Value::Time(run.entered_at),
            "contacts" => cadence.map_or(Value::Blank, |c| Value::Int(c.contacts.into())),
            "round" => cadence.map_or(Value::Blank, |c| Value::Int(c.round.into())),
            "key" => Value::text(run.key.as_deref()),
            "look_again" => run.look_again_at.map_or(Value::Blank, Value::Time),
            role => self.in_role(run, role),
        }
    }

    /// The rep who has a role in the run, or that rep's name.
    fn in_role(&self, run: &Run, field: &str) -> Value {
        if let Some(rep) = run.roles.get(field) {
            return Value::Text(rep.0.clone());
        }
        let Some(rep) = field.strip_suffix(ROLE_NAME).and_then(|role| run.roles.get(role)) else { return Value::Blank };
        Value::Text(self.live.settings.team.reps.get(rep).map_or_else(|| rep.0.clone(), |known| known.name.clone()))
    }

    fn task(&self, field: &str) -> Value {
        let Some(task) = self.task.map(|closed| &closed.task).or(self.open_task) else { return Value::Blank };
        match field {
            "kind" => Value::Text(task.kind.as_str().to_owned()),
            "outcome" => Value::text(self.task.map(|closed| closed.outcome.as_str())),
            "result" => Value::text(self.task_result().map(|result| result.means.as_str())),
            "result_own" => Value::text(self.task_result().and_then(|result| result.own.as_deref())),
            "due" => Value::Time(task.due),
            "created_at" => Value::Time(task.created_at),
            "reminders" => Value::Int(task.reminders.into()),
            _ => Value::Blank,
        }
    }

    fn task_result(&self) -> Option<&Said<TouchResult>> {
        self.task.and_then(|closed| closed.result.as_ref())
    }

    fn completed_touch(&self, field: &str) -> Value {
        self.touch.map_or(Value::Blank, |touch| touch.field(field))
    }

    fn owner(&self, field: &str) -> Value {
        let Some(id) = &self.state.lead.owner else { return Value::Blank };
        let rep = self.live.settings.team.reps.get(id);
        match field {
            "id" => Value::Text(id.0.clone()),
            "name" => Value::text(rep.map(|rep| rep.name.as_str())),
            "present" => Value::Bool(rep.is_some_and(|rep| rep.is_present(self.now))),
            "pools" => {
                let pools = self.live.settings.team.pools.iter();
                let has = pools.filter(|(_, pool)| pool.members.iter().any(|(member, _)| member == id));
                Value::List(has.map(|(name, _)| Value::Text(name.clone())).collect())
            }
            _ => Value::Blank,
        }
    }

    fn account(&self, field: &str) -> Value {
        let Some(account) = self.account else { return Value::Blank };
        match field {
            "id" => Value::Text(account.id.to_string()),
            "name" => Value::Text(account.name.clone()),
            "owner" => Value::text(account.owner.as_ref().map(|owner| owner.0.as_str())),
            "held" => Value::Bool(account.held),
            _ => Value::Blank,
        }
    }

    fn deal(&self, field: &str) -> Value {
        let key = self.run.and_then(|run| run.key.as_deref());
        let Some(deal) = self.state.lead.deal_called(key) else { return Value::Blank };
        match field {
            "id" => Value::text(deal.id.as_deref()),
            "stage" => Value::text(deal.stage.as_deref()),
            "amount" => deal.amount.map_or(Value::Blank, Value::Number),
            "won" => deal.won.map_or(Value::Blank, Value::Bool),
            "closed_at" => deal.closed_at.map_or(Value::Blank, Value::Time),
            _ => Value::Blank,
        }
    }
}

/// The name under which an event lists the fields that it changed.
pub(super) const CHANGED: &str = "changed";
/// The prefix of a field's name under which an event gives the field's old value.
pub(super) const OLD: &str = "old.";

/// The names of the fields that changed, as a list.
pub(super) fn changed(updated: &[(String, Value)]) -> Value {
    Value::List(updated.iter().map(|(field, _)| Value::Text(field.clone())).collect())
}

impl Scope for View<'_> {
    fn get(&self, name: &Name) -> Value {
        match name.object {
            Object::Lead => self.lead(&name.field),
            Object::Event => self.event(&name.field),
            Object::Run => self.run(&name.field),
            Object::Task => self.task(&name.field),
            Object::Touch => self.completed_touch(&name.field),
            Object::Account => self.account(&name.field),
            Object::Owner => self.owner(&name.field),
            Object::Deal => self.deal(&name.field),
            Object::Now => Value::Time(self.now),
        }
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn touches(&self) -> &[Touch] {
        &self.state.lead.touches
    }

    fn zone(&self) -> TimeZone {
        gate::zone_of(&self.state.lead, &self.live.settings)
    }

    fn calendar(&self) -> &Calendar {
        &self.live.settings.calendar
    }
}
