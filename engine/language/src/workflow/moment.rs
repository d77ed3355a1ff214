//! What has just happened when a run comes to a step: whether `event`, `task` and `touch` can have a value there.
//!
//! These names belong to the moment. A run that waits, asks a plugin or gets an owner continues at another moment,
//! where the event that began it is always blank. Nobody would see why.

use super::Reader;
use super::flow::{step_of, ways};
use crate::condition::{Place, fields_of, named_at};
use crate::diagnostic::{Problem, Sheet};
use crate::putting_in::Edit;
use crate::suggest::listed;
use crate::yaml::Node;
use cadenza_core::expr::Object;
use cadenza_core::workflow::{Enroll, Step, Target};
use std::collections::BTreeSet;

/// What may have just happened, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(u8);

impl Moment {
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const EVENT: Self = Self(1);
    pub(super) const TASK: Self = Self(2);
    pub(super) const TOUCH: Self = Self(4);
    /// What a lead said on the telephone; a mail has no result.
    const ANSWER: Self = Self(8);
    /// A call is a task and a touch, and has a result.
    pub(super) const CALL: Self = Self(2 | 4 | 8);
    pub(super) const ANYTHING: Self = Self(1 | 2 | 4 | 8);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a run sees at the end of a way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sees {
    /// The same as before the way.
    Same,
    Only(Moment),
}

/// Reports names that never have a value at their step. `led` are the targets of interrupts.
pub(super) fn check(
    reader: &Reader<'_>,
    workflow: &str,
    enroll: &[Enroll],
    items: &[Node],
    steps: &[Option<Step>],
    led: &[Target],
) {
    // A broken step may be the one after which the name has a value.
    if !steps.iter().all(Option::is_some) {
        return;
    }
    let steps: Vec<&Step> = steps.iter().flatten().collect();
    let by_event = enroll.iter().any(|way| matches!(way, Enroll::When { .. }));
    let began = match (reader.known.put_into.has(workflow), by_event) {
        (true, _) => Moment::ANYTHING,
        (false, true) => Moment::EVENT,
        (false, false) => Moment::NOTHING,
    };
    let moments = moments(&steps, began, led);
    for (ix, (item, moment)) in items.iter().zip(&moments).enumerate() {
        let Some(moment) = moment else { continue };
        for node in asked(item) {
            for (object, field, needed) in NEEDED {
                let told = field.is_some() && !moment.has(Moment::TOUCH);
                if !moment.has(needed)
                    && !told
                    && let Some(span) = named_at(&reader.sheet, node, object, field)
                {
                    let name = field.map_or_else(|| object.to_string(), |field| format!("{object}.{field}"));
                    let message = format!("`{name}` never has a value here");
                    let problem = Problem::error("no-value-here", span, message);
                    let problem = problem.help(comes_from(&steps, ix)).help(instead(object));
                    reader.sheet.report(match elsewhere(&reader.sheet, node, object) {
                        Some((at, instead)) => problem.perhaps(instead.clone()).mend(at, instead),
                        None => problem,
                    });
                }
            }
        }
    }
}

/// What must have just happened for a name to have a value. Fields with a requirement of their own come after their object.
const NEEDED: [(Object, Option<&str>, Moment); 5] = [
    (Object::Event, None, Moment::EVENT),
    (Object::Task, None, Moment::TASK),
    (Object::Touch, None, Moment::TOUCH),
    (Object::Touch, Some("result"), Moment::ANSWER),
    (Object::Touch, Some("result_own"), Moment::ANSWER),
];

/// For every step that a run can reach, what may have just happened then.
fn moments(steps: &[&Step], began: Moment, led: &[Target]) -> Vec<Option<Moment>> {
    let mut moments = vec![None; steps.len()];
    let led = led.iter().copied().filter_map(step_of).map(|ix| (ix, Moment::EVENT));
    let mut pending: Vec<(usize, Moment)> = led.chain([(0, began)]).collect();
    while let Some((ix, comes)) = pending.pop() {
        let Some(known) = moments.get_mut(ix) else { continue };
        let more = known.map_or(comes, |known: Moment| known.or(comes));
        if *known == Some(more) {
            continue;
        }
        *known = Some(more);
        for way in ways(steps[ix]) {
            let sees = match way.sees {
                Sees::Same => more,
                Sees::Only(moment) => moment,
            };
            pending.extend(step_of(way.to).map(|to| (to, sees)));
        }
    }
    moments
}

/// The expressions that are evaluated when a run comes to the step.
fn asked(item: &Node) -> Vec<&Node> {
    let arms = item.get("switch").map_or(&[][..], Node::list);
    let fields = item.get("update").map_or(&[][..], Node::entries);
    let tests = arms.iter().chain(item.get("require")).filter_map(|arm| arm.get("if"));
    let tests = tests.chain(item.get("enroll").and_then(|enroll| enroll.get("key")));
    tests.chain(fields.iter().filter_map(|field| field.value.get("cel"))).collect()
}

/// The same information about the lead, for the first name that has such an equivalent.
fn elsewhere(sheet: &Sheet<'_>, node: &Node, object: Object) -> Option<Edit> {
    fields_of(object).find_map(|field| {
        let instead = Place::Step.instead(object, field)?;
        Some((named_at(sheet, node, object, Some(field))?, instead))
    })
}

fn comes_from(steps: &[&Step], ix: usize) -> String {
    let leads_here = |step: &&&Step| ways(step).iter().any(|way| step_of(way.to) == Some(ix));
    let before: BTreeSet<&str> = steps.iter().filter(leads_here).map(|step| step.id.as_str()).collect();
    match (before.is_empty(), ix) {
        (true, _) => "nothing has just happened to a run that comes here".to_owned(),
        (false, 0) => format!("a run begins here, or comes from {}", listed(before)),
        (false, _) => format!("a run comes here from {}", listed(before)),
    }
}

fn instead(object: Object) -> &'static str {
    match object {
        Object::Event => {
            "an event is known in `enroll` and `leave`, in the first steps of a run that it began, and after a `wait` for \
             it, until a step asks a plugin, chooses an owner, sends or waits: ask before that, or keep what is needed in \
             a field of the lead, `update: { my_field: { cel: event.data.x } }`"
        }
        Object::Task => {
            "the task that was done is known in `leave`, in the `stop` of a cadence with calls, and right after a `call`, \
             `task` or `cadence`: ask there, or keep what is needed in a field of the lead"
        }
        _ => {
            "the touch just completed is known in `leave`, in the `stop` of a cadence, and right after a `call`, `email` or \
             `cadence`; what was done before is `lead.last_touch`, `lead.reached` and `lead.contacts`"
        }
    }
}
