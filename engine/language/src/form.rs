//! Reads a mapping by its table. Unknown and missing keys are reported once, here.

use crate::diagnostic::{Problem, Sheet};
use crate::foreign;
use crate::putting_in::Edit;
use crate::shape::{A_REQUEST, A_STEP_WITH, A_WORKFLOW, Key, Shape, Takes};
use crate::suggest::{listed, nearest};
use crate::yaml::{Content, Entry, Node, Scalar, cut_short, quoted};
use cadenza_core::event::EventType;
use cadenza_core::field::field_info;
use std::ops::Range;

/// A mapping that was checked against its table.
#[derive(Clone, Copy)]
pub(crate) struct Form<'n> {
    node: &'n Node,
    shape: &'static Shape,
}

impl<'n> Form<'n> {
    /// Opens the mapping. Reports a node that is not a mapping, unknown keys, and required keys that are missing.
    pub(crate) fn open(sheet: &Sheet<'_>, node: &'n Node, shape: &'static Shape) -> Option<Self> {
        Self::open_naming(sheet, node, shape, &|_| None)
    }

    /// The same when more is known: `one_of` gives one of the possible values of a missing key.
    pub(crate) fn open_naming(
        sheet: &Sheet<'_>,
        node: &'n Node,
        shape: &'static Shape,
        one_of: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let form = Self::peek(sheet, node, shape)?;
        for entry in node.entries().iter().filter(|entry| shape.key(&entry.key.text).is_none()) {
            sheet.report(unknown_key(sheet, node, entry, shape));
        }
        form.require(sheet, one_of);
        Some(form)
    }

    /// The same without a check of unknown keys, for shapes that report them in their own words.
    pub(crate) fn peek(sheet: &Sheet<'_>, node: &'n Node, shape: &'static Shape) -> Option<Self> {
        if matches!(node.content, Content::Map(_)) {
            return Some(Self { node, shape });
        }
        let keys: Vec<String> = shape.required().map(|key| format!("{}: …", key.name)).collect();
        let message = format!("{} is a mapping, and this is {}", shape.name, node.is_a());
        let example = if keys.is_empty() { format!("{}: …", shape.keys[0].name) } else { keys.join(", ") };
        sheet.report(Problem::error("wrong-type", node.span.clone(), message).help(format!("write `{{ {example} }}`")));
        None
    }

    /// Reports all missing required keys in one problem, so that the suggested fix adds all of them.
    pub(crate) fn require(&self, sheet: &Sheet<'_>, one_of: &dyn Fn(&str) -> Option<String>) {
        // What is there under another name is not missing.
        let unknown = self.node.entries().iter().filter(|entry| self.shape.key(&entry.key.text).is_none());
        let renamed: Vec<&str> = unknown.filter_map(|entry| meant_key(self.node, entry, self.shape)).collect();
        let is_missing = |key: &&Key| self.get(key.name).is_none() && !renamed.contains(&key.name);
        let missing: Vec<&Key> = self.shape.required().filter(is_missing).collect();
        if missing.is_empty() {
            return;
        }
        let message = format!("{} needs {}", self.shape.name, listed(missing.iter().map(|key| key.name)));
        let mut problem = Problem::error("missing-key", self.node.pointer(), message);
        let mut added = Some(Vec::new());
        for key in missing {
            let example = match key.takes {
                Takes::Ref(what) => one_of(what),
                _ => key.example(),
            };
            // Which event or condition is meant nobody knows but the author.
            let is_claim = matches!(key.takes, Takes::Event | Takes::Condition);
            let example = example.map(|example| format!("{}: {example}", key.name));
            let such_as = example.as_ref().map_or_else(String::new, |example| format!(", such as `{example}`"));
            problem = problem.help(format!("add `{}: …`{such_as}: {}", key.name, first_lower(key.about)));
            added = added.zip(example.filter(|_| !is_claim)).map(|(mut added, example)| {
                added.push(example);
                added
            });
        }
        sheet.report(problem.mend_by(added.and_then(|added| sheet.put_in(self.node, &added))));
    }

    /// The edit that adds an optional key at the end.
    pub(crate) fn with(&self, sheet: &Sheet<'_>, key: &str) -> Option<Edit> {
        sheet.put_in(self.node, &[key.to_owned()])
    }

    /// The edit that removes a key and its value.
    pub(crate) fn without(&self, sheet: &Sheet<'_>, key: &str) -> Option<Edit> {
        self.get(key).map(|_| (sheet.taken_out(self.key_span(key).start), String::new()))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        debug_assert!(self.shape.key(key).is_some(), "`{key}` is not in the table of {}", self.shape.name);
        self.node.get(key)
    }

    /// A range to point at when the whole mapping is meant.
    pub(crate) fn pointer(&self) -> Range<usize> {
        self.node.pointer()
    }

    pub(crate) fn key_span(&self, key: &str) -> Range<usize> {
        let entry = self.node.entries().iter().find(|entry| entry.key.text == key);
        entry.map_or_else(|| self.pointer(), |entry| entry.key.span.clone())
    }
}

/// The key that was meant by one that a mapping does not have: what other tools call so, or a slip of the fingers. None where
/// that key is there already.
fn meant_key(node: &Node, Entry { key, value }: &Entry, shape: &Shape) -> Option<&'static str> {
    let name = key.text.as_str();
    let is_step = shape.name.starts_with(A_STEP_WITH);
    let has_event = |key: &str| value.list().iter().any(|item| item.get(key).is_some());
    let foreign = match name {
        "on" if shape.name == A_WORKFLOW => match (has_event("event"), has_event("when")) {
            (true, _) => Some("interrupts"),
            (_, true) => Some("enroll"),
            _ => None,
        },
        _ if shape.name == A_WORKFLOW => foreign::workflow_key(name),
        _ if shape.name == A_REQUEST => match foreign::request_key(name) {
            Some(foreign::Verb::Is(ours)) => Some(ours),
            _ => None,
        },
        // Where it leads is said by the same key everywhere.
        _ => foreign::step_key(name).filter(|ours| is_step || *ours == "go"),
    };
    let asked = || if_meant(name, value, shape);
    let is_known = foreign::asks_if(name) || foreign::names_event(name) || foreign::IF_NOT.contains(&name);
    let slip = || if is_known { None } else { near_key(name, shape) };
    let ours = foreign.or_else(asked).or_else(slip)?;
    shape.key(ours).map(|key| key.name).filter(|ours| node.get(ours).is_none())
}

/// The key for a condition or an event, which elsewhere are called `when`, `on` and the like.
fn if_meant(name: &str, value: &Node, shape: &Shape) -> Option<&'static str> {
    let takes = |name: &str| shape.key(name).map(|key| &key.takes);
    let scalar = value.scalar()?;
    let event = ["event", "when"].into_iter().find(|name| matches!(takes(name), Some(Takes::Event)));
    if let Some(event) = event.filter(|_| foreign::asks_if(name) || foreign::names_event(name))
        && EventType::parse(&scalar.text).is_some()
    {
        // `lead.opted_out` is both: where no event is wanted, it is a condition.
        let is_field = scalar.text.strip_prefix("lead.").is_some_and(|field| field_info(field).is_some());
        if !is_field || shape.key(event).is_some_and(|key| key.required) {
            return Some(event);
        }
    }
    let conditions = ["if", "leads", "when"].into_iter().find(|name| matches!(takes(name), Some(Takes::Condition)));
    conditions.filter(|_| foreign::asks_if(name))
}

/// The nearest key. A short word that the language has elsewhere is no slip: `if` is not `id`.
fn near_key(name: &str, shape: &Shape) -> Option<&'static str> {
    const SHORT: [&str; 14] = ["id", "if", "as", "at", "by", "do", "go", "in", "is", "of", "on", "or", "to", "for"];
    nearest(name, shape.names()).filter(|_| !SHORT.contains(&name))
}

/// The complaint of a key that a mapping does not have. What it holds is its author's: it is never offered to take it out.
pub(crate) fn unknown_key(sheet: &Sheet<'_>, node: &Node, entry: &Entry, shape: &Shape) -> Problem {
    let Entry { key, value } = entry;
    let name = key.text.as_str();
    let message = format!("{} has no key `{name}`", shape.name);
    let problem = Problem::error("unknown-key", key.span.clone(), message);
    if let Some(whole) = cut_off(sheet, node, entry, shape) {
        return whole;
    }
    if let Some(ours) = meant_key(node, entry, shape) {
        let is_slip = nearest(name, [ours]).is_some();
        let problem = match (name, shape.name) {
            ("on", A_WORKFLOW) => problem.help(ON),
            _ => problem,
        };
        let label = if is_slip { format!("did you mean `{ours}`?") } else { format!("here it is `{ours}`") };
        return problem.label(label).replace(ours);
    }
    if shape.name == A_REQUEST
        && let Some(foreign::Verb::Instead(help) | foreign::Verb::Elsewhere(help)) = foreign::request_key(name)
    {
        return problem.help(help);
    }
    if shape.name == A_WORKFLOW && name == "on" {
        return problem.help(ON);
    }
    if foreign::IF_NOT.contains(&name) && shape.key("if").is_some() {
        return unless(problem, node, entry);
    }
    if foreign::asks_if(name) || foreign::IF_NOT.contains(&name) {
        return without_condition(problem, shape);
    }
    let problem = problem.help(format!("keys it has: {}", listed(shape.names())));
    // Nothing is lost with a key that holds nothing.
    let is_empty = value.scalar().is_some_and(Scalar::is_null) && !is_bare(sheet, entry);
    let is_whole = node.entries().len() > 1 && shape.required().all(|key| node.get(key.name).is_some());
    if is_empty && is_whole {
        return problem.help(format!("or remove `{name}`")).mend(sheet.taken_out(key.span.start), "");
    }
    problem
}

/// What a workflow has for `on`.
const ON: &str = "who comes in stands under `enroll`, what events do to a run under `interrupts`";

/// `unless: lead.opted_out`
fn unless(problem: Problem, node: &Node, Entry { key, value }: &Entry) -> Problem {
    let Some(condition) = value.scalar().filter(|_| node.get("if").is_none()) else {
        return problem.help("join it to `if` by `&& !(…)`");
    };
    let instead = format!("if: {}", quoted(&format!("!({})", condition.text)));
    problem.label(format!("write `{instead}`")).mend(key.span.start..value.span.end, instead)
}

/// A condition where none is taken: what it decides is decided elsewhere.
fn without_condition(problem: Problem, shape: &Shape) -> Problem {
    let has = |name: &str| shape.key(name).is_some();
    problem.help(match shape.name {
        _ if has("if") || has("leads") => "there is a condition already: join the two by `&&`",
        "an arm of `split`" => {
            "an arm is drawn, whoever the lead is: put a `switch` before the `split`, or let `go` lead to one"
        }
        "an entry of `do`" => "the interrupt has the condition: write `if` beside its `event`",
        "`schedule`" => "which leads come in is said beside `schedule`, by `leads`",
        name if name.starts_with(A_STEP_WITH) => {
            "a step has no condition: put a `switch` before it, with an arm that leads to its `id`, and `else` past it"
        }
        _ => "nothing is asked here: a `switch` leads to what depends on a condition",
    })
}

/// `{ text: Hello, friend }`, `{ fields: email, phone }`: YAML takes what stands behind the comma for a key without a value.
fn cut_off(sheet: &Sheet<'_>, node: &Node, entry: &Entry, shape: &Shape) -> Option<Problem> {
    let entries = node.entries();
    let at = entries.iter().position(|other| other.key.span == entry.key.span)?;
    let before = entries[..at].iter().rposition(|other| !is_bare(sheet, other))?;
    let is_cut = |entry: &&Entry| is_bare(sheet, entry) && shape.key(&entry.key.text).is_none();
    let (first, last) = (&entries[before], entries[at..].iter().take_while(is_cut).last()?);
    let has_text = first.value.scalar().is_some_and(|scalar| scalar.is_plain() && !scalar.is_null());
    if !has_text || !is_bare(sheet, entry) {
        return None;
    }
    let whole = first.value.span.start..last.key.span.end;
    match shape.key(&first.key.text)?.takes {
        Takes::Text => Some(cut_short(sheet.text, whole)),
        Takes::List(_) => {
            let instead = format!("[{}]", &sheet.text[whole.clone()]);
            let problem = Problem::error("yaml", whole, "several values are a list, and a list stands in brackets");
            Some(problem.label(format!("write `{instead}`")).replace(instead))
        }
        _ => None,
    }
}

/// Whether it is a word alone, without the colon that a key has.
fn is_bare(sheet: &Sheet<'_>, Entry { key, value }: &Entry) -> bool {
    let is_empty = value.scalar().is_some_and(Scalar::is_null) && value.span.is_empty();
    is_empty && !sheet.text[key.span.end..].trim_start().starts_with(':')
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
