//! A mapping read by its table: unknown and missing keys are reported once, here.

use crate::diagnostic::{Problem, Sheet};
use crate::foreign;
use crate::shape::{A_REQUEST, A_WORKFLOW, Shape};
use crate::yaml::{Content, Entry, Node, Word};
use std::ops::Range;

/// A mapping that was checked against its table.
#[derive(Clone, Copy)]
pub(crate) struct Form<'n> {
    node: &'n Node,
    shape: &'static Shape,
}

impl<'n> Form<'n> {
    /// Opens the mapping: reports what it is when it is none, unknown keys, and required keys that are missing.
    pub(crate) fn open(sheet: &Sheet<'_>, node: &'n Node, shape: &'static Shape) -> Option<Self> {
        let form = Self::peek(sheet, node, shape)?;
        for Entry { key, .. } in node.entries() {
            if shape.key(&key.text).is_none() {
                sheet.report(unknown_key(key, shape));
            }
        }
        form.require(sheet);
        Some(form)
    }

    /// The same without a look at unknown keys, for shapes that complain of them in their own words.
    pub(crate) fn peek(sheet: &Sheet<'_>, node: &'n Node, shape: &'static Shape) -> Option<Self> {
        if matches!(node.content, Content::Map(_)) {
            return Some(Self { node, shape });
        }
        let keys: Vec<String> =
            shape.keys.iter().filter(|key| key.required).map(|key| format!("{}: …", key.name)).collect();
        let message = format!("{} is a mapping, and this is {}", shape.name, node.is_a());
        let example = if keys.is_empty() { format!("{}: …", shape.keys[0].name) } else { keys.join(", ") };
        sheet.report(Problem::error("wrong-type", node.span.clone(), message).help(format!("write `{{ {example} }}`")));
        None
    }

    pub(crate) fn require(&self, sheet: &Sheet<'_>) {
        for key in self.shape.keys.iter().filter(|key| key.required && self.get(key.name).is_none()) {
            let message = format!("{} needs `{}`", self.shape.name, key.name);
            let problem = Problem::error("missing-key", self.node.pointer(), message);
            sheet.report(problem.help(format!("add `{}: …`: {}", key.name, first_lower(key.about))));
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        debug_assert!(self.shape.key(key).is_some(), "`{key}` is not in the table of {}", self.shape.name);
        self.node.get(key)
    }

    /// A place to point at when the whole mapping is meant.
    pub(crate) fn pointer(&self) -> Range<usize> {
        self.node.pointer()
    }

    pub(crate) fn key_span(&self, key: &str) -> Range<usize> {
        let entry = self.node.entries().iter().find(|entry| entry.key.text == key);
        entry.map_or_else(|| self.pointer(), |entry| entry.key.span.clone())
    }
}

pub(crate) fn unknown_key(key: &Word, shape: &Shape) -> Problem {
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
        };
    }
    if shape.name == A_WORKFLOW && key.text == "on" {
        let help = "who comes in stands under `enroll`, what events do to a run under `interrupts`";
        return Problem::error("unknown-key", key.span.clone(), message).help(help);
    }
    Problem::error("unknown-key", key.span.clone(), message).suggest(&key.text, shape.names(), "keys it has")
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
