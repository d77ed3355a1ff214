//! The names of the language: which objects and fields exist, of what type, and which texts they can hold.

use super::each::TOUCHES;
use super::place::Place;
use crate::diagnostic::Problem;
use crate::known::Known;
use crate::suggest::{listed, nearest};
use cadenza_core::event::EventType;
use cadenza_core::event::StandardEvent;
use cadenza_core::expr::{Name, OBJECT_FIELDS, Object};
use cadenza_core::lead::{Outcome, Stage, TouchResult};
use cadenza_core::own_words::{Code, Words};
use cadenza_core::plugin::Segment;
use cadenza_core::value::ValueType;
use std::collections::BTreeMap;
use std::ops::Range;

/// The fields of an object other than `lead`.
pub(crate) fn fields_of(object: Object) -> impl Iterator<Item = &'static str> + Clone {
    OBJECT_FIELDS
        .iter()
        .filter(move |(of, _)| *of == object)
        .flat_map(|(_, fields)| fields.iter().map(|info| info.name))
}

/// A resolved name: its object and field, its type, and the texts that it can hold when these are a closed set.
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
    /// Texts that begin with this are also allowed.
    open_prefix: Option<&'static str>,
    pub(super) beside: Option<Beside>,
    /// Whether any other text is also allowed, because it is not known what the sender of an event means by it.
    any_other: bool,
}

impl Codes {
    pub(super) fn new(what: &'static str, texts: impl IntoIterator<Item = impl Into<String>>) -> Option<Self> {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        (!texts.is_empty()).then_some(Self { what, texts, open_prefix: None, beside: None, any_other: false })
    }

    /// What is wrong with this text, if anything.
    pub(super) fn check(&self, text: &str, range: Range<usize>) -> Option<Problem> {
        if let Some(problem) = self.beside.as_ref().and_then(|beside| beside.check(text, range.clone())) {
            return Some(problem);
        }
        let open = self.any_other || self.open_prefix.is_some() && EventType::parse(text).is_some();
        if open || self.texts.iter().any(|known| known == text) {
            return None;
        }
        if let Some(problem) = self
            .beside
            .as_ref()
            .filter(|_| self.texts.is_empty())
            .and_then(|beside| beside.none_declared(range.clone()))
        {
            return Some(problem);
        }
        let problem = Problem::error("unknown-code", range, format!("there is no {} `{text}`", self.what));
        let texts = || self.texts.iter().map(String::as_str);
        Some(match nearest(text, texts()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")).replace(format!("\"{near}\"")),
            None => problem.help(format!("it can be {}", listed(texts()))),
        })
    }
}

/// Two neighbouring fields hold the engine's word and the team's word for one thing.
#[derive(Clone)]
pub(super) struct Beside {
    /// The field of the engine's word. The field of the team's word has [`OWN`] after it.
    pub(super) field: &'static str,
    /// Whether this is the field of the team's word.
    pub(super) is_own: bool,
    /// The words of the other field.
    others: Vec<String>,
    /// The meanings of the team's own words, when those are the others.
    means: BTreeMap<String, &'static str>,
    /// Where the team's words are declared.
    key: &'static str,
}

/// The ending of a field name that marks the team's own word.
pub(super) const OWN: &str = "_own";

impl Beside {
    fn check(&self, text: &str, range: Range<usize>) -> Option<Problem> {
        let field = self.field;
        if self.others.iter().any(|other| other == text) {
            let (holds, message) = match self.is_own {
                false => (
                    format!("{field}{OWN}"),
                    format!("`{text}` is a word of the team's own, and `{field}` holds the engine's"),
                ),
                true => (
                    field.to_owned(),
                    format!("`{text}` is the engine's word, and `{field}{OWN}` holds the team's own"),
                ),
            };
            let problem = Problem::error("own-word", range, message);
            let problem = problem.help(format!("words such as this one are in `{holds}`"));
            return Some(match self.means.get(text) {
                Some(means) => problem
                    .help(format!("or compare with what it means: `\"{means}\"`"))
                    .replace(format!("\"{means}\"")),
                None => problem,
            });
        }
        None
    }

    /// The problem of a word when the team has none of its own.
    fn none_declared(&self, range: Range<usize>) -> Option<Problem> {
        self.is_own.then(|| {
            let message = format!("the team has no words of its own under `{}`", self.key);
            let help = format!("declare it in cadenza.yaml: `{}: [{{ name: …, means: … }}]`", self.key);
            Problem::error("unknown-code", range, message).help(help)
        })
    }
}

/// The words of one of the engine's fields, or of the team's field next to it. `None` when the team's words are not known.
fn words_of<C: Code>(
    known: &Known<'_>,
    (what, own_what): (&'static str, &'static str),
    words: &Words<C>,
    place: (&'static str, &'static str),
    is_own: bool,
) -> Option<Codes> {
    let engines = || C::codes().iter().map(|code| code.word().to_owned()).collect::<Vec<_>>();
    let own = || words.own().map(str::to_owned).collect::<Vec<_>>();
    let (field, key) = place;
    let means = words.own().filter_map(|own| Some((own.to_owned(), words.get(own)?.means.word())));
    let means = if is_own { BTreeMap::new() } else { means.collect() };
    let (what, texts, others) = if is_own { (own_what, own(), engines()) } else { (what, engines(), own()) };
    let beside = Some(Beside { field, is_own, others, means, key });
    known.has_all(key).then_some(Codes { what, texts, open_prefix: None, beside, any_other: false })
}

/// The words under `data` of an event. A result in the team's own word has already been read as what it means.
fn words_of_event(known: &Known<'_>, name: &str) -> Option<Codes> {
    let is_own = match name {
        "result" => false,
        "result_own" => true,
        _ => return None,
    };
    let what = ("result", "result of the team's own");
    let codes = words_of(known, what, &known.own_words.results, ("result", "results"), is_own)?;
    Some(Codes { any_other: true, ..codes })
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
        let (field, end) = rest.first().map_or(("", root_range.end), |(field, range)| (*field, range.end));
        let message = format!("`{root}` never has a value here");
        return Err(match place.instead(object, field) {
            Some(instead) => Problem::error("no-value-here", root_range.start..end, message).perhaps(instead),
            None => Problem::error("no-value-here", root_range.clone(), message),
        }
        .help(why));
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
        let codes = words_of_event(known, name);
        return Ok(Found { name: Name { object, field }, kind: ValueType::Any, codes });
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
            None if !known.has_all("fields") => {
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
        let help =
            "write `event.old.` and a field of the lead, such as `event.old.stage`: what it was before the event";
        return Err(problem.help(help));
    }
    if let Some(kind) = known.role(object, field) {
        let name = Name { object, field: field.to_owned() };
        return Ok(Found { name, kind, codes: None });
    }
    let kind = if object == Object::Lead { known.field(field) } else { type_of_field(object, field) };
    match kind {
        Some(_) if let Some(why) = place.lacks(object, field) => {
            let whole = root_range.start..range.end;
            let message = format!("`{root}.{field}` never has a value here");
            let problem = Problem::error("no-value-here", whole, message).help(why);
            Err(match place.instead(object, field) {
                Some(instead) => problem.perhaps(instead),
                None => problem,
            })
        }
        Some(kind) => {
            Ok(Found { codes: code_of(known, object, field), name: Name { object, field: field.to_owned() }, kind })
        }
        // What declares the field could not be read, and that has been reported.
        None if object == Object::Lead && !known.has_all("fields") => {
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
        Object::Event => {
            problem.help(format!("what a custom event brings is `event.data.{field}`")).replace(format!("data.{field}"))
        }
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
    let own = &known.own_words;
    let own = own.results.own().chain(own.stages.own()).chain(own.channels.own());
    if all_codes.chain(TouchResult::ALL.iter().map(|code| code.as_str())).chain(own).any(|code| code == root) {
        return problem.label(format!("a text stands in quotes: `\"{root}\"`")).replace(format!("\"{root}\""));
    }
    problem.help(format!("names begin with {}; texts stand in quotes", listed(objects())))
}

/// The closed set of texts of a field, if it has one.
pub(super) fn code_of(known: &Known<'_>, object: Object, field: &str) -> Option<Codes> {
    let own = &known.own_words;
    let reps = || if known.reps.incomplete { None } else { Codes::new("rep", known.reps.iter()) };
    match (object, field) {
        (Object::Lead, field) if !known.choices(field).is_empty() => Codes::new("choice", known.choices(field)),
        (Object::Lead, "segment") => Codes::new("segment", Segment::ALL.iter().map(|code| code.as_str())),
        (Object::Lead, "stage" | "stage_own") => words_of(
            known,
            ("stage", "stage of the team's own"),
            &own.stages,
            ("stage", "stages"),
            field == "stage_own",
        ),
        (Object::Lead | Object::Account, "owner") | (Object::Owner, "id") => reps(),
        (Object::Owner, "pools") if !known.pools.incomplete => Codes::new("pool", known.pools.iter()),
        (Object::Touch, "channel" | "channel_own") => {
            let what = ("channel", "channel of the team's own");
            words_of(known, what, &own.channels, ("channel", "channels"), field == "channel_own")
        }
        (Object::Touch | Object::Task, "outcome") => {
            Codes::new("outcome", Outcome::ALL.iter().map(|code| code.as_str()))
        }
        (Object::Touch | Object::Task, "result" | "result_own") => {
            let what = ("result", "result of the team's own");
            words_of(known, what, &own.results, ("result", "results"), field == "result_own")
        }
        (Object::Task, "kind") => Codes::new("kind of task", ["call", "todo"]),
        (Object::Run, "workflow") if !known.workflows.incomplete => Codes::new("workflow", known.workflows.iter()),
        (Object::Event, "type") => Codes::new("event type", StandardEvent::ALL.iter().map(|event| event.as_str()))
            .map(|codes| Codes { open_prefix: Some("custom."), ..codes }),
        _ => None,
    }
}
