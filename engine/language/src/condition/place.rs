//! Where an expression can stand, and which names never have a value there. What depends on earlier steps is checked
//! once all steps have been read (`workflow::moment`).

use cadenza_core::expr::Object;

/// Where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `enroll` with `when`: there is an event, but no run yet.
    Enrolling,
    /// `leads` of a schedule: there is neither an event nor a run.
    Schedule,
    Territory,
    /// `leave`: evaluated after anything that happens.
    Leave,
    /// `switch` and `update`: evaluated when a run comes to the step.
    Step,
    /// The date that a wait is for: evaluated on arrival, when the date changes, and when it has come.
    Date,
    /// The body and parameters of a request: evaluated when it leaves.
    Request,
    /// `if` of a wait for an event.
    Awaited,
    /// `stop` of a cadence: evaluated after each of its touches.
    Stop {
        /// Whether one of the touches is a call or task.
        tasks: bool,
    },
    /// `if` of a touch of a cadence: evaluated when the touch falls due.
    Touch,
    /// An interrupt: evaluated when the event arrives.
    Interrupt,
    /// `when` of `re_enroll`: evaluated when a run ends, and when the lead would enter again.
    Again,
    /// `one_run_per`: a value from an event.
    Key,
}

impl Place {
    /// Another name that says the same, or nearly so, when this one has no value here.
    pub(crate) fn instead(self, object: Object, field: &str) -> Option<String> {
        let instead = match (self, object, field) {
            (Self::Key, Object::Lead | Object::Account | Object::Owner | Object::Deal, field) if !field.is_empty() => {
                return Some(format!("event.data.{field}"));
            }
            (Self::Key, ..) => return None,
            (Self::Date, Object::Event, "at") => "run.started_at",
            (Self::Date, Object::Now, _) => "run.entered_at",
            (_, Object::Touch, "reached") => "lead.reached",
            (_, Object::Touch, "at") => "lead.last_touch",
            (_, Object::Run, "contacts") => "lead.contacts",
            _ => return None,
        };
        Some(instead.to_owned())
    }

    /// Why a name never has a value here, and what to write instead; `None` when it may have one. An empty field means
    /// the object as a whole.
    pub(super) fn lacks(self, object: Object, field: &str) -> Option<&'static str> {
        let counts = object == Object::Run && matches!(field, "contacts" | "round");
        Some(match (self, object) {
            (Self::Enrolling, Object::Run | Object::Task | Object::Touch) => {
                "before a lead is enrolled it has neither run, task nor touch; what was done with it before is \
                 `lead.last_touch`, `lead.reached` and `lead.contacts`"
            }
            (Self::Schedule, Object::Event | Object::Run | Object::Task | Object::Touch) => {
                "a schedule looks at every lead by the clock: there is no event, run, task or touch; ask about the lead, \
                 `lead.last_touch`, `lead.last_engaged`, its `owner`, `account` or `deal`"
            }
            (Self::Territory, Object::Event | Object::Run | Object::Task | Object::Touch | Object::Owner) => {
                "a territory is about what is known of the lead, its account and its deal"
            }
            (Self::Date, Object::Event | Object::Task | Object::Touch) => {
                "the date is worked out again when it may have moved and when it has come, and what happened before the \
                 wait is over by then: keep the date in a field of the lead, `update: { my_date: { cel: … } }`, and wait \
                 for that"
            }
            (Self::Date, Object::Now) => {
                "a date that is counted from now moves along with the clock and never comes: write `wait: 3d`, or count \
                 from something that stands still, such as `run.entered_at + days(3)`"
            }
            (Self::Request, Object::Event | Object::Task | Object::Touch) => {
                "a request leaves later than the event came or the task was done: keep what is needed in a field of the \
                 lead, `update: { my_field: { cel: event.data.x } }`, and send that"
            }
            (Self::Awaited, Object::Task | Object::Touch) => {
                "this asks about the event that is awaited: write `event.data.` and a name, such as \
                 `event.data.outcome` of `call.completed`"
            }
            (Self::Stop { .. }, Object::Event) => {
                "`stop` is asked after a touch, and no event has come then: ask about the `touch`, about \
                 `lead.last_engaged`, or let `leave` end the run when the event comes"
            }
            (Self::Stop { tasks: false, .. }, Object::Task) => {
                "this cadence makes no calls and has no tasks, so no task was done: ask about the `touch`"
            }
            (Self::Stop { tasks: false, .. }, Object::Touch) if matches!(field, "result" | "result_own") => {
                "a mail has no result: ask about `touch.outcome`, or whether the lead has engaged since"
            }
            (Self::Touch, Object::Event | Object::Task) => {
                "this is asked when the touch falls due, long after any event or task: ask about the last `touch`, about \
                 the `lead`, or keep what is needed in a field"
            }
            (Self::Interrupt, Object::Task | Object::Touch) => {
                "this asks about the event that interrupts: write `event.data.` and a name; what was done with the lead is \
                 `lead.last_touch`, `lead.reached` and `lead.contacts`"
            }
            (Self::Again, Object::Event | Object::Run | Object::Task | Object::Touch) => {
                "this is asked when a run ends and again later: ask about the lead, its `owner`, `account` or `deal`"
            }
            (
                Self::Key,
                Object::Lead
                | Object::Run
                | Object::Task
                | Object::Touch
                | Object::Account
                | Object::Owner
                | Object::Deal
                | Object::Now,
            ) => "a run stands for something that its event brings: write `event.data.` and a name",
            (Self::Step | Self::Date | Self::Request | Self::Awaited, Object::Run) if counts => {
                "contacts and rounds are counted within a cadence, and are known in its `stop`, in `leave` and in its \
                 scripts; the lead's own count is `lead.contacts`"
            }
            _ => return None,
        })
    }
}
