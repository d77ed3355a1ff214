//! What may be blank in a condition, and where that is easily overlooked. A comparison with a blank is always false, so
//! `!=` leaves out leads without a value, and `!(…)` takes them in.

use super::functions::gives;
use super::lower::{Lowering, Typed};
use super::place::Place;
use crate::diagnostic::Problem;
use crate::known::Known;
use cadenza_core::expr::{Comparison, Function, Name, Object, Operator};
use cadenza_core::value::ValueType;
use cel::common::ast::{Expr as Cel, IdedExpr, operators};
use std::collections::BTreeSet;
use std::ops::Range;

/// Fields that always have a value when their object has one. Those of `lead` are kept by the engine.
const ALWAYS: &[(Object, &[&str])] = &[
    (
        Object::Lead,
        &[
            "id",
            "stage",
            "opted_out",
            "created_at",
            "last_touch",
            "reached",
            "contacts",
            "calls",
            "emails",
            "engagements",
            "knows_us",
        ],
    ),
    (Object::Event, &["type", "source", "at"]),
    (Object::Run, &["workflow", "step", "started_at", "entered_at"]),
    (Object::Task, &["kind", "outcome", "due", "created_at", "reminders"]),
    (Object::Touch, &["channel", "outcome", "reached", "at"]),
];

/// Whether a name may be blank in a script.
pub(crate) fn may_be_blank_in_text(known: &Known<'_>, object: Object, field: &str) -> bool {
    // A cadence counts contacts and rounds, and its scripts are checked to be its own.
    let counts = object == Object::Run && matches!(field, "contacts" | "round");
    object != Object::Now && !counts && !has_always(known, object, field)
}

fn has_always(known: &Known<'_>, object: Object, field: &str) -> bool {
    let always = ALWAYS.iter().any(|(of, fields)| *of == object && fields.contains(&field));
    always || (object == Object::Lead && known.has_default(field))
}

/// Something that may be blank, and the effect that this has.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    /// The name as it is written.
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What happens when the name is blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value itself is blank.
    Value,
    /// The time since it is blank.
    Span,
    /// The value is an answer, which is then no.
    Answer,
}

impl Doubt {
    pub(super) fn of_answer(self) -> Self {
        Self { kind: Kind::Answer, ..self }
    }
}

/// The doubt about a call, given the doubt about its argument.
pub(super) fn doubt_of_call(function: Function, argument: Option<Doubt>, written: &str) -> Option<Doubt> {
    match function {
        Function::IsBlank => None,
        Function::Contains | Function::StartsWith | Function::EndsWith | Function::Matches => {
            argument.map(Doubt::of_answer)
        }
        Function::Since => argument.map(|doubt| Doubt { kind: Kind::Span, ..doubt }),
        // The address of a single host has no registrable domain.
        Function::Domain => Some(Doubt { name: written.to_owned(), kind: Kind::Value }),
        _ => argument,
    }
}

/// Names that have a value at this place of the expression, because another part ensures it.
#[derive(Default)]
pub(super) struct Doubts {
    known: Vec<BTreeSet<String>>,
}

impl<'a> Lowering<'a, '_> {
    /// Reads a part that only counts where each of these conditions holds, or does not hold.
    pub(super) fn knowing<T>(
        &mut self,
        conditions: impl IntoIterator<Item = (&'a IdedExpr, bool)>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut known = BTreeSet::new();
        for (condition, holds) in conditions {
            certain(condition, holds, &mut known);
        }
        self.doubts.known.push(known);
        let made = read(self);
        self.doubts.known.pop();
        made
    }

    /// Whether another part ensures that this has a value.
    pub(super) fn knows(&self, written: &str) -> bool {
        self.doubts.known.iter().any(|known| known.contains(written))
    }

    /// Whether a name may be blank at this place.
    pub(super) fn doubt_of(&self, name: &Name) -> Option<Doubt> {
        let always = match (self.place, name.object) {
            (_, Object::Now) => true,
            // Perhaps no event has come yet, and nothing has been done.
            (Place::Leave, Object::Event | Object::Task | Object::Touch) => false,
            (Place::Stop { .. }, Object::Run) if matches!(name.field.as_str(), "contacts" | "round") => true,
            // A mail is not a task.
            (Place::Stop { .. }, Object::Task) => false,
            (_, object) => has_always(self.known, object, &name.field),
        };
        let written = name.to_string();
        (!always && !self.knows(&written)).then_some(Doubt { name: written, kind: Kind::Value })
    }

    /// The range, extended to include brackets that open or close in it. The parser keeps no trace of them.
    pub(super) fn balanced(&self, range: &Range<usize>) -> Range<usize> {
        let mut whole = range.clone();
        for (open, close) in &self.notation.closes {
            if range.contains(open) {
                whole.end = whole.end.max(close + 1);
            } else if range.contains(close) {
                whole.start = whole.start.min(*open);
            }
        }
        whole
    }

    /// Warns, and offers the two ways to write it; `same` is the one that keeps the present meaning.
    fn warn(&mut self, range: Range<usize>, message: String, help: String, same: Option<String>) {
        let alone = range.len() == self.text.trim().len();
        let problem = Problem::warning("may-be-blank", range, message).help(help);
        self.problems.push(match same {
            Some(same) if alone => problem.replace(same),
            Some(same) => problem.replace(format!("({same})")),
            None => problem,
        });
    }

    /// Warns of `!(…)`.
    pub(super) fn warn_of_not(&mut self, inner: &Typed, range: &Range<usize>) {
        let Some(Doubt { name, kind }) = &inner.doubt else { return };
        let (part, whole) = (&self.text[self.balanced(&inner.range)], &self.text[range.clone()]);
        let (message, help, same) = if *kind == Kind::Value && inner.kind == ValueType::Bool {
            (
                format!("`{name}` may be blank, and this does not hold then"),
                format!(
                    "write `!default({part}, false)` when those without it are meant too, else \
                     `!is_blank({name}) && {whole}`"
                ),
                format!("!is_blank({name}) && {whole}"),
            )
        } else {
            (
                format!("`{name}` may be blank, and this holds then"),
                format!(
                    "write `!is_blank({name}) && {whole}` when those without it are not meant, else \
                     `is_blank({name}) || {whole}`"
                ),
                format!("is_blank({name}) || {whole}"),
            )
        };
        self.warn(range.clone(), message, help, Some(same));
    }

    /// Warns of `!=` and of `since(…)`. Returns the doubt that the comparison leaves.
    pub(super) fn warn_of_comparison(
        &mut self,
        how: Comparison,
        left: &Typed,
        right: &Typed,
        range: &Range<usize>,
    ) -> Option<Doubt> {
        let doubts = [&left.doubt, &right.doubt];
        let span = doubts.into_iter().find(|doubt| doubt.as_ref().is_some_and(|doubt| doubt.kind == Kind::Span));
        if let Some(span) = span {
            return self.warn_of_span(span, range);
        }
        let doubt = left.doubt.clone().or_else(|| right.doubt.clone())?;
        if how != Comparison::NotEqual {
            return Some(doubt.of_answer());
        }
        self.warn_of_no(&doubt.name, range);
        None
    }

    /// Warns of a comparison of `since(…)`. Returns the doubt that it leaves.
    pub(super) fn warn_of_span(&mut self, span: &Option<Doubt>, range: &Range<usize>) -> Option<Doubt> {
        let doubt = span.clone()?;
        if self.place == Place::Date {
            return Some(doubt.of_answer());
        }
        self.warn_of_no(&doubt.name, range);
        None
    }

    fn warn_of_no(&mut self, name: &str, range: &Range<usize>) {
        let range = self.balanced(range);
        let whole = &self.text[range.clone()];
        let help = format!(
            "write `is_blank({name}) || {whole}` when those without it are meant too, else `!is_blank({name}) && {whole}`"
        );
        let same = format!("!is_blank({name}) && {whole}");
        self.warn(range, format!("`{name}` may be blank, and this does not hold then"), help, Some(same));
    }

    /// Warns of arithmetic with a blank. A wait for a date itself says what happens when the date is blank.
    pub(super) fn warn_of_arithmetic(&mut self, part: &Typed) {
        let Some(Doubt { name, .. }) = part.doubt.clone() else { return };
        if self.place == Place::Date {
            return;
        }
        let (filled, is_known) = match part.kind {
            ValueType::Int | ValueType::Number => (format!("default({name}, 0)"), true),
            ValueType::Text => (format!("default({name}, \"\")"), true),
            _ => (format!("default({name}, …)"), false),
        };
        let written = &self.text[part.range.clone()];
        let same = is_known.then(|| written.replacen(&name, &filled, 1)).filter(|same| same != written);
        let help = format!("say what it counts as then, `{filled}`, or ask first: `!is_blank({name}) && …`");
        self.warn(part.range.clone(), format!("`{name}` may be blank, and nothing comes out then"), help, same);
    }
}

/// Collects the names that have a value when the condition holds, or when it does not.
fn certain(condition: &IdedExpr, holds: bool, known: &mut BTreeSet<String>) {
    let Cel::Call(call) = &condition.expr else {
        if holds {
            named(condition, known);
        }
        return;
    };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => certain(inner, !holds, known),
        (operators::LOGICAL_AND, parts) if holds => parts.iter().for_each(|part| certain(part, holds, known)),
        (operators::LOGICAL_OR, parts) if !holds => parts.iter().for_each(|part| certain(part, holds, known)),
        (name, [blank]) if name == Function::IsBlank.as_str() && !holds => named(blank, known),
        // A comparison holds between known values only, and so does a test of a text or list.
        (name, parts) if holds && (is_comparison(name) || is_question(name)) => {
            call.target.iter().for_each(|target| named(target, known));
            parts.iter().for_each(|part| named(part, known));
        }
        _ => {}
    }
}

fn is_comparison(name: &str) -> bool {
    name == operators::IN || Comparison::parse(name.trim_matches('_')).is_some()
}

/// Whether this function answers yes or no, and no for a blank.
fn is_question(name: &str) -> bool {
    Function::parse(name).is_some_and(|function| function != Function::IsBlank && gives(function) == ValueType::Bool)
}

/// Collects the names without which the part has no value.
fn named(part: &IdedExpr, known: &mut BTreeSet<String>) {
    let Cel::Call(call) = &part.expr else { return known.extend(path(part)) };
    let function = Function::parse(&call.func_name);
    let needs_all =
        function.is_some_and(|function| function != Function::Default && gives(function) != ValueType::Bool);
    if needs_all || Operator::parse(call.func_name.trim_matches('_')).is_some() {
        call.args.iter().for_each(|argument| named(argument, known));
    }
    if function == Some(Function::Domain) {
        known.extend(call.args.first().and_then(path).map(|name| format!("{}({name})", Function::Domain)));
    }
}

/// `lead.industry`, as core shows it.
fn path(part: &IdedExpr) -> Option<String> {
    match &part.expr {
        Cel::Ident(root) => Some(root.clone()),
        Cel::Select(select) => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}
