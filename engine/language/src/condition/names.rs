//! The names of the language: which objects and fields there are, of what type, and which texts they can hold.

use super::each::TOUCHES;
use super::place::Place;
use crate::diagnostic::Problem;
use crate::known::Known;
use crate::suggest::{listed, nearest};
use cadenza_core::event::EventType;
use cadenza_core::event::StandardEvent;
use cadenza_core::expr::{Name, OBJECT_FIELDS, Object};
use cadenza_core::lead::{Channel, Outcome, Stage, TouchResult};
use cadenza_core::plugin::Segment;
use cadenza_core::value::ValueType;
use std::ops::Range;

/// The fields of an object other than `lead`.
pub(crate) fn fields_of(object: Object) -> impl Iterator<Item = &'static str> + Clone {
    OBJECT_FIELDS
        .iter()
        .filter(move |(of, _)| *of == object)
        .flat_map(|(_, fields)| fields.iter().map(|info| info.name))
}

/// A name that was found: what it is of, its type, and the texts it can hold when these are a closed set.
pub(super) struct Found {
    pub(super) name: Name,
    pub(super) kind: ValueType,
    pub(super) codes: Option<Codes>,
}

/// A closed set of texts.
#[derive(Clone)]
pub(super) struct Codes {
    what: &'static str,
    texts: Vec<String>,
    /// Texts with this beginning are good too.
    open_prefix: Option<&'static str>,
}

impl Codes {
    pub(super) fn new(what: &'static str, texts: impl IntoIterator<Item = impl Into<String>>) -> Option<Self> {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        (!texts.is_empty()).then_some(Self { what, texts, open_prefix: None })
    }

    /// What is wrong with this text, when something is.
    pub(super) fn check(&self, text: &str, range: Range<usize>) -> Option<Problem> {
        let open = self.open_prefix.is_some() && EventType::parse(text).is_some();
        if open || self.texts.iter().any(|known| known == text) {
            return None;
        }
        let problem = Problem::error("unknown-code", range, format!("there is no {} `{text}`", self.what));
        let texts = || self.texts.iter().map(String::as_str);
        Some(match nearest(text, texts()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")).replace(format!("\"{near}\"")),
            None => problem.help(format!("it can be {}", listed(texts()))),
        })
    }
}

/// Resolves `object.field`, each with its range.
pub(super) fn resolve(known: &Known<'_>, place: Place, path: &[(&str, Range<usize>)]) -> Result<Found, Problem> {
    let Some(((root, root_range), rest)) = path.split_first() else {
        return Err(Problem::error("bad-expression", 0..0, "the condition is empty"));
    };
    if *root == TOUCHES {
        let problem = Problem::error("incomplete-name", root_range.clone(), "`touches` are asked one by one");
        return Err(problem.help(
            "write `touches.exists(t, t.channel == \"call\")` or `touches.all(…)`; how many there are is `lead.contacts`",
        ));
    }
    let Some(object) = Object::parse(root) else { return Err(unknown_object(known, root, root_range.clone())) };
    if let Some(why) = place.lacks(object, "") {
        let problem = Problem::error("no-value-here", root_range.clone(), format!("`{root}` never has a value here"));
        return Err(problem.help(why));
    }
    if object == Object::Now {
        return match rest.first() {
            None => Ok(Found { name: Name { object, field: String::new() }, kind: ValueType::Time, codes: None }),
            Some((_, range)) => {
                Err(Problem::error("unknown-field", range.clone(), "`now` is a time and has no fields"))
            }
        };
    }
    if let (Object::Event, [(data, _), (name, _), more @ ..]) = (object, rest)
        && *data == "data"
    {
        if let Some((_, deeper)) = more.first() {
            let problem = Problem::error("unknown-field", deeper.clone(), "what an event brings is flat");
            return Err(problem.help(format!("write `event.data.{name}`")));
        }
        let field = format!("data.{name}");
        return Ok(Found { name: Name { object, field }, kind: ValueType::Any, codes: None });
    }
    if let (Object::Event, [(old, _), (field, range)]) = (object, rest)
        && *old == "old"
    {
        return match known.field(field) {
            Some(kind) => Ok(Found {
                name: Name { object, field: format!("old.{field}") },
                kind,
                codes: code_of(known, Object::Lead, field),
            }),
            None if !known.settings_read => {
                Ok(Found { name: Name { object, field: format!("old.{field}") }, kind: ValueType::Any, codes: None })
            }
            None => Err(unknown_field(known, Object::Lead, field, range.clone())),
        };
    }
    let (field, range) = match rest {
        [] => {
            let problem = Problem::error("incomplete-name", root_range.clone(), format!("`{root}` alone has no value"));
            let fields = field_names(known, object);
            return Err(problem.help(format!("write `{root}.` and one of {}", listed(fields))));
        }
        [(field, range)] => (*field, range.clone()),
        [(first, _), (_, deeper), ..] => {
            let message = format!("`{root}.{first}` is a single value and has no fields");
            return Err(Problem::error("unknown-field", deeper.clone(), message));
        }
    };
    if object == Object::Event && field == "data" {
        let problem = Problem::error("incomplete-name", range, "`event.data` alone has no value");
        return Err(problem.help("write `event.data.` and the name of what the event brings"));
    }
    if object == Object::Event && field == "old" {
        let problem = Problem::error("incomplete-name", range, "`event.old` alone has no value");
        return Err(problem.help("write `event.old.` and a field of the lead: what it was before the event"));
    }
    if object == Object::Run && known.roles.names.contains(field) {
        let name = Name { object, field: field.to_owned() };
        return Ok(Found { name, kind: ValueType::Text, codes: None });
    }
    let kind = if object == Object::Lead { known.field(field) } else { type_of_field(object, field) };
    match kind {
        Some(_) if let Some(why) = place.lacks(object, field) => {
            let whole = root_range.start..range.end;
            Err(Problem::error("no-value-here", whole, format!("`{root}.{field}` never has a value here")).help(why))
        }
        Some(kind) => {
            Ok(Found { codes: code_of(known, object, field), name: Name { object, field: field.to_owned() }, kind })
        }
        // The file that declares fields could not be read, and that has been said.
        None if object == Object::Lead && !known.settings_read => {
            Ok(Found { name: Name { object, field: field.to_owned() }, kind: ValueType::Any, codes: None })
        }
        None => Err(unknown_field(known, object, field, range)),
    }
}

/// The type of a field of an object other than `lead`.
pub(crate) fn type_of_field(object: Object, field: &str) -> Option<ValueType> {
    let (_, fields) = OBJECT_FIELDS.iter().find(|(of, _)| *of == object)?;
    fields.iter().find(|info| info.name == field).map(|info| info.kind)
}

fn field_names<'k>(known: &'k Known<'_>, object: Object) -> Vec<&'k str> {
    if object == Object::Lead { known.field_names().collect() } else { fields_of(object).collect() }
}

fn unknown_field(known: &Known<'_>, object: Object, field: &str, range: Range<usize>) -> Problem {
    let problem = Problem::error("unknown-field", range, format!("`{object}` has no field `{field}`"));
    let problem = match nearest(field, field_names(known, object)) {
        Some(near) => return problem.label(format!("did you mean `{near}`?")).replace(near),
        None if object == Object::Lead => problem,
        None => problem.help(format!("fields it has: {}", listed(fields_of(object)))),
    };
    match object {
        Object::Lead => problem.help("fields of your own are declared under `fields` in cadenza.yaml"),
        Object::Event => problem.help(format!("what a custom event brings is `event.data.{field}`")),
        _ => problem,
    }
}

fn unknown_object(known: &Known<'_>, root: &str, range: Range<usize>) -> Problem {
    let problem = Problem::error("unknown-name", range, format!("there is nothing called `{root}`"));
    let objects = || Object::ALL.iter().map(|object| object.as_str());
    if known.field(root).is_some() {
        let whole = format!("lead.{root}");
        return problem.label(format!("did you mean `{whole}`?")).replace(whole);
    }
    if let Some(near) = nearest(root, objects()) {
        return problem.label(format!("did you mean `{near}`?")).replace(near);
    }
    let all_codes = Segment::ALL.iter().map(|code| code.as_str()).chain(Stage::ALL.iter().map(|code| code.as_str()));
    let all_codes = all_codes.chain(Outcome::ALL.iter().map(|code| code.as_str()));
    if all_codes.chain(TouchResult::ALL.iter().map(|code| code.as_str())).any(|code| code == root) {
        return problem.label(format!("a text stands in quotes: `\"{root}\"`")).replace(format!("\"{root}\""));
    }
    problem.help(format!("names begin with {}; texts stand in quotes", listed(objects())))
}

/// The closed set of texts of a field, when it has one.
pub(super) fn code_of(known: &Known<'_>, object: Object, field: &str) -> Option<Codes> {
    let reps = || if known.reps.incomplete { None } else { Codes::new("rep", known.reps.iter()) };
    match (object, field) {
        (Object::Lead, field) if !known.choices(field).is_empty() => Codes::new("choice", known.choices(field)),
        (Object::Lead, "segment") => Codes::new("segment", Segment::ALL.iter().map(|code| code.as_str())),
        (Object::Lead, "stage") => Codes::new("stage", Stage::ALL.iter().map(|code| code.as_str())),
        (Object::Lead | Object::Account, "owner") | (Object::Owner, "id") => reps(),
        (Object::Owner, "pools") if !known.pools.incomplete => Codes::new("pool", known.pools.iter()),
        (Object::Touch, "channel") => Codes::new("channel", Channel::ALL.iter().map(|code| code.as_str())),
        (Object::Touch | Object::Task, "outcome") => {
            Codes::new("outcome", Outcome::ALL.iter().map(|code| code.as_str()))
        }
        (Object::Touch | Object::Task, "result") => {
            Codes::new("result", TouchResult::ALL.iter().map(|code| code.as_str()))
        }
        (Object::Task, "kind") => Codes::new("kind of task", ["call", "todo"]),
        (Object::Run, "workflow") if !known.workflows.incomplete => Codes::new("workflow", known.workflows.iter()),
        (Object::Event, "type") => Codes::new("event type", StandardEvent::ALL.iter().map(|event| event.as_str()))
            .map(|codes| Codes { open_prefix: Some("custom."), ..codes }),
        _ => None,
    }
}
