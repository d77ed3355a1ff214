//! Values that may print as nothing: names that may be blank, without a text to write instead.

use super::source::{self, Unreadable};
use minijinja::machinery::Span;
use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, Stmt, UnaryOpKind};
use std::collections::BTreeSet;
use std::ops::Range;

/// Whether a name such as `lead.first_name` may be blank.
pub(crate) type MayBeBlank<'k> = &'k dyn Fn(&str) -> bool;

/// Filters that turn a blank into something.
const COUNTING: [&str; 4] = ["count", "length", "list", "sum"];

/// The names that may print as nothing, each with the range where it is printed.
pub(crate) fn blanks(source: &str, may_be_blank: MayBeBlank<'_>) -> Result<Vec<(String, Range<usize>)>, Unreadable> {
    let template = source::parse(source)?;
    let mut reading = Reading { known: Vec::new(), own: Vec::new(), found: Vec::new(), may_be_blank };
    reading.statement(&template);
    Ok(reading.found)
}

struct Reading<'t, 'k> {
    /// Names that have a value here, because a surrounding test ensures it.
    known: Vec<String>,
    /// Names that the template has set, each with the name in its value that may be blank.
    own: Vec<(&'t str, Option<String>)>,
    found: Vec<(String, Range<usize>)>,
    may_be_blank: MayBeBlank<'k>,
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// The beginning of an expression. The span of a filter covers only its name.
fn begin(expression: &Expr<'_>) -> usize {
    match expression {
        Expr::Filter(filter) => filter.expr.as_ref().map_or(filter.span().start_offset as usize, begin),
        Expr::IfExpr(choice) => begin(&choice.true_expr),
        Expr::BinOp(both) => begin(&both.left),
        other => range(other.span()).start,
    }
}

impl<'t> Reading<'t, '_> {
    fn body(&mut self, body: &'t [Stmt<'t>]) {
        body.iter().for_each(|statement| self.statement(statement));
    }

    /// Reads a body in which these names have a value. Names that the body sets end with it.
    fn knowing(&mut self, names: BTreeSet<String>, fill: impl FnOnce(&mut Self)) {
        let (known, own) = (self.known.len(), self.own.len());
        self.known.extend(names);
        fill(self);
        self.known.truncate(known);
        self.own.truncate(own);
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) {
        match statement {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitExpr(emit) => {
                if let Some(name) = self.blank(&emit.expr) {
                    self.found.push((name, begin(&emit.expr)..range(emit.expr.span()).end));
                }
            }
            Stmt::IfCond(branch) => {
                // A name that one of the branches sets may or may not be set afterwards.
                self.knowing(certain(&branch.expr, true), |reading| reading.body(&branch.true_body));
                self.knowing(certain(&branch.expr, false), |reading| reading.body(&branch.false_body));
            }
            Stmt::ForLoop(repeated) => {
                self.knowing(BTreeSet::new(), |reading| {
                    reading.own.push(("loop", None));
                    reading.target(&repeated.target, None);
                    reading.body(&repeated.body);
                });
                self.body(&repeated.else_body);
            }
            Stmt::Set(set) => {
                let blank = self.blank(&set.expr);
                self.target(&set.target, blank);
            }
            Stmt::SetBlock(set) => {
                self.knowing(BTreeSet::new(), |reading| reading.body(&set.body));
                self.target(&set.target, None);
            }
            Stmt::FilterBlock(block) => self.knowing(BTreeSet::new(), |reading| reading.body(&block.body)),
            Stmt::WithBlock(block) => self.knowing(BTreeSet::new(), |reading| {
                for (target, value) in &block.assignments {
                    let blank = reading.blank(value);
                    reading.target(target, blank);
                }
                reading.body(&block.body);
            }),
            Stmt::EmitRaw(_) | Stmt::AutoEscape(_) | Stmt::Do(_) => {}
        }
    }

    fn target(&mut self, target: &'t Expr<'t>, blank: Option<String>) {
        match target {
            Expr::Var(name) => self.own.push((name.id, blank)),
            Expr::List(names) => names.items.iter().for_each(|name| self.target(name, None)),
            _ => {}
        }
    }

    /// The name that may be blank, if the value may then be nothing or lack a part.
    fn blank(&self, expression: &Expr<'_>) -> Option<String> {
        match expression {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
                let name = path(expression)?;
                let root = name.split('.').next().unwrap_or_default();
                if self.known.contains(&name) {
                    return None;
                }
                match self.own.iter().rev().find(|(own, _)| *own == root) {
                    Some((_, blank)) => blank.clone().filter(|blank| !self.known.contains(blank)),
                    None => (self.may_be_blank)(&name).then_some(name),
                }
            }
            Expr::Filter(filter) if matches!(filter.name, "default" | "d") => {
                self.blank(filter.expr.as_ref()?)?;
                match filter.args.first()? {
                    CallArg::Pos(instead) | CallArg::Kwarg(_, instead) => self.blank(instead),
                    CallArg::PosSplat(_) | CallArg::KwargSplat(_) => None,
                }
            }
            Expr::Filter(filter) if COUNTING.contains(&filter.name) => None,
            Expr::Filter(filter) => self.blank(filter.expr.as_ref()?),
            Expr::Slice(part) => self.blank(&part.expr),
            Expr::IfExpr(choice) => {
                let (mut yes, mut no) = (self.known.clone(), self.known.clone());
                yes.extend(certain(&choice.test_expr, true));
                no.extend(certain(&choice.test_expr, false));
                let of = |known, value| self.within(known, value);
                of(yes, &choice.true_expr).or_else(|| of(no, choice.false_expr.as_ref()?))
            }
            // `x or "there"` is the second value when the first is blank.
            Expr::BinOp(both) if matches!(both.op, BinOpKind::ScOr) => {
                self.blank(&both.left).and_then(|_| self.blank(&both.right))
            }
            Expr::BinOp(both) if matches!(both.op, BinOpKind::In | BinOpKind::Eq | BinOpKind::Ne) => None,
            Expr::BinOp(both) => self.blank(&both.left).or_else(|| self.blank(&both.right)),
            Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Neg) => self.blank(&unary.expr),
            _ => None,
        }
    }

    fn within(&self, known: Vec<String>, value: &Expr<'_>) -> Option<String> {
        Reading { known, own: self.own.clone(), found: Vec::new(), may_be_blank: self.may_be_blank }.blank(value)
    }
}

/// The names that have a value when the test holds, or when it does not.
fn certain(test: &Expr<'_>, holds: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(test, holds, &mut names);
    names
}

fn collect(test: &Expr<'_>, holds: bool, names: &mut BTreeSet<String>) {
    match test {
        Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) if holds => names.extend(path(test)),
        Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Not) => collect(&unary.expr, !holds, names),
        Expr::BinOp(both) if matches!(both.op, BinOpKind::ScAnd) && holds => {
            collect(&both.left, holds, names);
            collect(&both.right, holds, names);
        }
        Expr::BinOp(both) if matches!(both.op, BinOpKind::ScOr) && !holds => {
            collect(&both.left, holds, names);
            collect(&both.right, holds, names);
        }
        Expr::Test(test) => {
            let known = match test.name {
                "blank" | "undefined" | "none" => !holds,
                "defined" => holds,
                _ => false,
            };
            if known {
                names.extend(path(&test.expr));
            }
        }
        // A blank is neither less nor more than anything, contained in nothing, and equal to nothing that is written in
        // the template.
        Expr::BinOp(both) if holds => match both.op {
            BinOpKind::Eq => equal(&both.left, &both.right, names),
            BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte | BinOpKind::In => {
                names.extend(path(&both.left).into_iter().chain(path(&both.right)));
            }
            _ => {}
        },
        Expr::Compare(chain) if holds => {
            let mut left = &chain.expr;
            for step in &chain.ops {
                match step.op {
                    CompareOpKind::Ne | CompareOpKind::NotIn => {}
                    CompareOpKind::Eq => equal(left, &step.expr, names),
                    _ => names.extend(path(left).into_iter().chain(path(&step.expr))),
                }
                left = &step.expr;
            }
        }
        Expr::Filter(filter) if holds => filter.expr.iter().for_each(|of| collect(of, holds, names)),
        _ => {}
    }
}

/// Two names may be equal because both are blank.
fn equal(left: &Expr<'_>, right: &Expr<'_>, names: &mut BTreeSet<String>) {
    if matches!(left, Expr::Const(_)) || matches!(right, Expr::Const(_)) {
        names.extend(path(left).into_iter().chain(path(right)));
    }
}

/// `lead.first_name` and `lead["first_name"]`, as one name.
fn path(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Var(root) => Some(root.id.to_owned()),
        Expr::GetAttr(get) => Some(format!("{}.{}", path(&get.expr)?, get.name)),
        Expr::GetItem(get) => match &get.subscript_expr {
            Expr::Const(name) => Some(format!("{}.{}", path(&get.expr)?, name.value.as_str()?)),
            _ => None,
        },
        _ => None,
    }
}
