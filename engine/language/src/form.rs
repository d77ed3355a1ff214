//! Reads a mapping by its table. Unknown and missing keys are reported once, here.

use crate::diagnostic::{Problem, Sheet};
use crate::foreign;
use crate::putting_in::Edit;
use crate::shape::{A_REQUEST, A_WORKFLOW, Key, Shape, Takes};
use crate::suggest::listed;
use crate::yaml::{Content, Entry, Node};
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
        let missing: Vec<&Key> = self.shape.required().filter(|key| self.get(key.name).is_none()).collect();
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
            let example = example.map(|example| format!("{}: {example}", key.name));
            let such_as = example.as_ref().map_or_else(String::new, |example| format!(", such as `{example}`"));
            problem = problem.help(format!("add `{}: …`{such_as}: {}", key.name, first_lower(key.about)));
            added = added.zip(example).map(|(mut added, example)| {
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

/// The problem of a key that a mapping does not have.
pub(crate) fn unknown_key(sheet: &Sheet<'_>, node: &Node, Entry { key, value }: &Entry, shape: &Shape) -> Problem {
    let message = format!("{} has no key `{}`", shape.name, key.text);
    let ours = foreign::workflow_key(&key.text).filter(|_| shape.name == A_WORKFLOW);
    if let Some(ours) = ours {
        let problem = Problem::error("unknown-key", key.span.clone(), message);
        return problem.label(format!("here it is `{ours}`")).replace(ours);
    }
    if let Some(ours) = foreign::request_key(&key.text).filter(|_| shape.name == A_REQUEST) {
        let problem = Problem::error("unknown-key", key.span.clone(), message);
        return match ours {
            foreign::Verb::Is(ours) => problem.label(format!("here it is `{ours}`")).replace(ours),
            foreign::Verb::Instead(help) => problem.help(help),
            foreign::Verb::Elsewhere(help) => {
                problem.help(help).help(format!("remove `{}` here", key.text)).mend(sheet.taken_out(key.span.start), "")
            }
        };
    }
    if shape.name == A_WORKFLOW && key.text == "on" {
        let help = "who comes in stands under `enroll`, what events do to a run under `interrupts`";
        let has = |key: &str| value.list().iter().any(|item| item.get(key).is_some());
        let ours = if has("event") { Some("interrupts") } else { has("when").then_some("enroll") };
        let problem = Problem::error("unknown-key", key.span.clone(), message).help(help);
        return match ours.filter(|ours| node.get(ours).is_none()) {
            Some(ours) => problem.label(format!("here it is `{ours}`")).replace(ours),
            None => problem,
        };
    }
    let problem =
        Problem::error("unknown-key", key.span.clone(), message).suggest(&key.text, shape.names(), "keys it has");
    // Removing a single value loses nothing, unless a missing key needs that value.
    let is_whole = node.entries().len() > 1 && shape.required().all(|key| node.get(key.name).is_some());
    if value.scalar().is_some() && is_whole { problem.or_without(sheet, key) } else { problem }
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
