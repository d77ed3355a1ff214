//! `exists` and `all`: a test of each item of a list, or of each touch that the lead keeps.

use super::blanks::{Doubt, Kind};
use super::lower::{Item, Lowering, Typed, fits};
use super::names::{code_of, fields_of, type_of_field};
use crate::diagnostic::Problem;
use crate::scalar::kind_words;
use crate::suggest::{listed, nearest};
use cadenza_core::expr::{Expr, Items, Object, Quantifier};
use cadenza_core::value::ValueType;
use cel::common::ast::{ComprehensionExpr, Expr as Cel, IdedExpr, LiteralValue, operators};
use std::ops::Range;

/// The name of the list of touches that the lead keeps.
pub(super) const TOUCHES: &str = "touches";

/// The test that the parser turned into a loop; `None` for another of CEL's macros.
fn test(each: &ComprehensionExpr) -> Option<(Quantifier, &IdedExpr)> {
    let (Cel::Literal(LiteralValue::Boolean(first)), Cel::Call(step)) = (&each.accu_init.expr, &each.loop_step.expr)
    else {
        return None;
    };
    let quantifier = match (first.inner(), step.func_name.as_str()) {
        (false, operators::LOGICAL_OR) => Quantifier::Exists,
        (true, operators::LOGICAL_AND) => Quantifier::All,
        _ => return None,
    };
    Some((quantifier, step.args.get(1)?))
}

impl<'a> Lowering<'a, '_> {
    pub(super) fn each(&mut self, each: &'a ComprehensionExpr, at: Range<usize>) -> Option<Typed> {
        let word = self.word_before(at.start, 0);
        let close = self.notation.closes.get(&at.start).map_or(at.end, |close| close + 1);
        let outside = |message: &str| Problem::error("not-in-language", word.clone(), message);
        let Some((quantifier, test)) = test(each) else {
            let problem = outside("`map`, `filter` and `exists_one` are not part of this language");
            return self.problem(problem.help("ask each of them: `lead.tags.exists(x, x.startsWith(\"vip\"))`"));
        };
        if self.item.is_some() {
            let problem = outside("a test of each item has no such test in it");
            return self.problem(problem.help("ask the two one after the other: `… && …`"));
        }
        let name = each.iter_var.as_str();
        if Object::parse(name).is_some() || name == TOUCHES {
            let message = format!("`{name}` stands for something else already");
            let problem = Problem::error("bad-name", word, message);
            return self.problem(problem.help(format!("call the item otherwise: `.{quantifier}(x, …)`")));
        }
        let (items, kind, doubt, start) = match &each.iter_range.expr {
            Cel::Ident(list) if list == TOUCHES => (Items::Touches, None, None, self.at(&each.iter_range).start),
            _ => {
                let list = self.lower(&each.iter_range)?;
                if !fits(list.kind, ValueType::List) {
                    let message =
                        format!("`{quantifier}` asks the items of a list, and this is {}", kind_words(list.kind));
                    let problem = Problem::error("wrong-type", list.range, message);
                    return self.problem(problem.help("write `lead.tags.exists(x, x == \"vip\")`"));
                }
                let kind = match (list.items.first(), list.kind) {
                    (Some(first), _) => first.kind,
                    (None, ValueType::List) => ValueType::Text,
                    (None, _) => ValueType::Any,
                };
                (Items::Of(Box::new(list.expr)), Some(kind), list.doubt, list.range.start)
            }
        };
        self.item = Some(Item { name, kind });
        let test = self.boolean(test, quantifier.as_str());
        self.item = None;
        let test = test?;
        let doubt = doubt.or(test.doubt).map(Doubt::of_answer);
        let expr = Expr::Each(quantifier, items, Box::new(test.expr));
        Some(Typed::new(expr, ValueType::Bool, start..close).doubted(doubt))
    }

    /// The item itself, or a field of a touch.
    pub(super) fn item_name(
        &mut self,
        item: Item<'a>,
        path: &[(&str, Range<usize>)],
        range: Range<usize>,
    ) -> Option<Typed> {
        match (item.kind, path) {
            (Some(kind), [_]) => Some(Typed::new(Expr::Item(String::new()), kind, range)),
            (Some(_), [_, (field, at), ..]) => {
                let message = format!("`{}` is a single value and has no `{field}`", item.name);
                let problem = Problem::error("unknown-field", at.clone(), message);
                self.problem(problem.help(format!("write `{}` alone", item.name)))
            }
            (None, [_]) => {
                let problem = Problem::error("incomplete-name", range, format!("`{}` alone has no value", item.name));
                self.problem(problem.help(format!(
                    "write `{}.` and one of {}",
                    item.name,
                    listed(fields_of(Object::Touch))
                )))
            }
            (None, [_, (field, _)]) if let Some(kind) = type_of_field(Object::Touch, field) => {
                let name = self.text[range.clone()].to_owned();
                let doubt = matches!(*field, "result" | "result_own" | "channel_own")
                    .then_some(Doubt { name, kind: Kind::Value });
                let codes = code_of(self.known, Object::Touch, field);
                Some(Typed { codes, ..Typed::new(Expr::Item((*field).to_owned()), kind, range) }.doubted(doubt))
            }
            (None, [_, (field, at), ..]) => {
                let problem = Problem::error("unknown-field", at.clone(), format!("a touch has no field `{field}`"));
                self.problem(match nearest(field, fields_of(Object::Touch)) {
                    Some(near) => problem.label(format!("did you mean `{near}`?")).replace(near),
                    None => problem.help(format!("fields it has: {}", listed(fields_of(Object::Touch)))),
                })
            }
            (_, []) => None,
        }
    }
}
