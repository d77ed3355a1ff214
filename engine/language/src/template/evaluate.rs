//! Walks a parsed template and writes its output. Every statement and every part of an expression costs a step.

use super::locale::Reader;
use super::operators::{binary, compare, contains, equal, item, slice};
use super::value::{Pen, Shown, Turn, Work};
use super::{LIST_ITEMS_MAX, NAMES_MAX, RenderError, Stop, filters, predicates};
use cadenza_core::expr::{Name, Object, Scope};
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CompareOpKind, Const, Expr, ForLoop, Stmt, UnaryOpKind};
use minijinja::value::ValueKind;

/// A template that is being rendered.
pub(super) struct Evaluation<'t, 'v> {
    names: &'v dyn Scope,
    work: Work<'v>,
    /// Names that the template has set, innermost last.
    own: Vec<(&'t str, Shown)>,
    /// Names below this index belong to what surrounds the innermost `for` or `with`.
    frame: usize,
    line: u32,
}

impl<'t, 'v> Evaluation<'t, 'v> {
    pub(super) const fn new(names: &'v dyn Scope, reader: &'v Reader) -> Self {
        Self { names, work: Work::new(reader), own: Vec::new(), frame: 0, line: 1 }
    }

    /// Renders the whole template.
    pub(super) fn run(self, template: &'t Stmt<'t>) -> Result<String, RenderError> {
        self.write(template, Pen::default())
    }

    /// Renders the whole template as the path of an address.
    pub(super) fn run_path(self, template: &'t Stmt<'t>) -> Result<String, RenderError> {
        self.write(template, Pen::of_path())
    }

    fn write(mut self, template: &'t Stmt<'t>, mut pen: Pen) -> Result<String, RenderError> {
        match self.statement(template, &mut pen) {
            Ok(()) => Ok(pen.text),
            Err(stop) => Err(RenderError { line: self.line, stop }),
        }
    }

    fn body(&mut self, body: &'t [Stmt<'t>], pen: &mut Pen) -> Result<(), Stop> {
        body.iter().try_for_each(|statement| self.statement(statement, pen))
    }

    fn statement(&mut self, statement: &'t Stmt<'t>, pen: &mut Pen) -> Result<(), Stop> {
        self.work.steps(1)?;
        match statement {
            Stmt::Template(template) => self.body(&template.children, pen),
            Stmt::EmitRaw(raw) => pen.write(raw.raw, &mut self.work),
            Stmt::EmitExpr(emit) => {
                self.line = emit.span().start_line.into();
                let value = self.expression(&emit.expr)?;
                pen.print(&value, &mut self.work)
            }
            Stmt::IfCond(branch) => {
                self.line = branch.span().start_line.into();
                let holds = self.expression(&branch.expr)?.is_true();
                self.body(if holds { &branch.true_body } else { &branch.false_body }, pen)
            }
            Stmt::ForLoop(repeated) => {
                self.line = repeated.span().start_line.into();
                self.repeat(repeated, pen)
            }
            Stmt::Set(set) => {
                self.line = set.span().start_line.into();
                let value = self.expression(&set.expr)?;
                self.assign(&set.target, value)
            }
            Stmt::SetBlock(set) => {
                let value = self.captured(&set.body, set.filter.as_ref())?;
                self.assign(&set.target, value)
            }
            Stmt::FilterBlock(block) => {
                let value = self.captured(&block.body, Some(&block.filter))?;
                pen.print(&value, &mut self.work)
            }
            Stmt::WithBlock(block) => {
                let around = self.open();
                for (target, value) in &block.assignments {
                    let value = self.expression(value)?;
                    self.assign(target, value)?;
                }
                self.body(&block.body, pen)?;
                self.close(around);
                Ok(())
            }
            Stmt::AutoEscape(_) => Err(Stop::Unlisted("`{% autoescape %}`".to_owned())),
            Stmt::Do(_) => Err(Stop::Unlisted("`{% do %}`".to_owned())),
        }
    }

    /// The text of a body, passed through a filter if there is one.
    fn captured(&mut self, body: &'t [Stmt<'t>], filter: Option<&'t Expr<'t>>) -> Result<Shown, Stop> {
        let around = self.open();
        let mut pen = Pen::default();
        self.body(body, &mut pen)?;
        self.close(around);
        let text = Shown::text(pen.text);
        match filter {
            Some(filter) => self.filtered(filter, Some(text)),
            None => Ok(text),
        }
    }

    fn open(&mut self) -> usize {
        std::mem::replace(&mut self.frame, self.own.len())
    }

    fn close(&mut self, around: usize) {
        self.own.truncate(self.frame);
        self.frame = around;
    }

    fn assign(&mut self, target: &'t Expr<'t>, value: Shown) -> Result<(), Stop> {
        match target {
            Expr::Var(name) => self.set(name.id, value),
            Expr::List(targets) => {
                let Shown::List(values) = &value else {
                    return Err(Stop::Mismatch(format!("several names take a list, and this is {}", value.what())));
                };
                if values.items.len() != targets.items.len() {
                    let (names, values) = (targets.items.len(), values.items.len());
                    return Err(Stop::Mismatch(format!("{names} names do not take {values} values")));
                }
                targets
                    .items
                    .iter()
                    .zip(&values.items)
                    .try_for_each(|(target, value)| self.assign(target, value.clone()))
            }
            _ => Err(Stop::Unlisted("`{% set x.y = … %}`".to_owned())),
        }
    }

    fn set(&mut self, name: &'t str, value: Shown) -> Result<(), Stop> {
        self.work.steps(1)?;
        let frame = self.frame;
        let room = self.own.len() < NAMES_MAX;
        match self.own[frame..].iter_mut().find(|(own, _)| *own == name) {
            Some((_, known)) => *known = value,
            None if room => self.own.push((name, value)),
            None => return Err(Stop::TooManyNames),
        }
        Ok(())
    }

    fn repeat(&mut self, repeated: &'t ForLoop<'t>, pen: &mut Pen) -> Result<(), Stop> {
        if repeated.recursive {
            return Err(Stop::Unlisted("`recursive` loops".to_owned()));
        }
        let over = self.expression(&repeated.iter)?;
        let items = match &over {
            Shown::Blank => Vec::new(),
            Shown::List(list) => {
                self.work.steps(list.items.len())?;
                list.items.clone()
            }
            other => return Err(Stop::Mismatch(format!("`for` goes through a list, and this is {}", other.what()))),
        };
        let items = match &repeated.filter_expr {
            Some(filter) => self.kept(items, &repeated.target, filter)?,
            None => items,
        };
        if items.is_empty() {
            return self.body(&repeated.else_body, pen);
        }
        let length = items.len();
        for (index, item) in items.into_iter().enumerate() {
            self.work.steps(1)?;
            let around = self.open();
            self.set("loop", Shown::Turn(Turn { index, length }))?;
            self.assign(&repeated.target, item)?;
            self.body(&repeated.body, pen)?;
            self.close(around);
        }
        Ok(())
    }

    /// The items that pass the test of `for x in list if x`.
    fn kept(&mut self, items: Vec<Shown>, target: &'t Expr<'t>, filter: &'t Expr<'t>) -> Result<Vec<Shown>, Stop> {
        let mut kept = Vec::new();
        for item in items {
            let around = self.open();
            self.assign(target, item.clone())?;
            if self.expression(filter)?.is_true() {
                kept.push(item);
            }
            self.close(around);
        }
        Ok(kept)
    }

    fn expression(&mut self, expression: &'t Expr<'t>) -> Result<Shown, Stop> {
        self.work.steps(1)?;
        match expression {
            Expr::Var(name) => self.variable(name.id),
            Expr::Const(constant) => self.constant(constant),
            Expr::GetAttr(get) => {
                let of = self.expression(&get.expr)?;
                self.field(&of, get.name)
            }
            Expr::GetItem(get) => {
                let of = self.expression(&get.expr)?;
                match self.expression(&get.subscript_expr)? {
                    Shown::Text(name) => self.field(&of, &name),
                    at => item(&mut self.work, &of, &at),
                }
            }
            Expr::Slice(part) => {
                let of = self.expression(&part.expr)?;
                if part.step.is_some() {
                    return Err(Stop::Unlisted("steps in `[from:to:step]`".to_owned()));
                }
                let mut bound = |bound: &'t Option<Expr<'t>>| {
                    bound.as_ref().map_or(Ok(Shown::Blank), |bound| self.expression(bound))
                };
                let (start, stop) = (bound(&part.start)?, bound(&part.stop)?);
                slice(&mut self.work, &of, &start, &stop)
            }
            Expr::UnaryOp(unary) => {
                let value = self.expression(&unary.expr)?;
                match unary.op {
                    UnaryOpKind::Not => Ok(Shown::Bool(!value.is_true())),
                    UnaryOpKind::Neg => binary(&mut self.work, BinOpKind::Sub, &Shown::Int(0), &value),
                }
            }
            Expr::BinOp(both) => {
                let left = self.expression(&both.left)?;
                match both.op {
                    BinOpKind::ScAnd if !left.is_true() => Ok(left),
                    BinOpKind::ScOr if left.is_true() => Ok(left),
                    BinOpKind::ScAnd | BinOpKind::ScOr => self.expression(&both.right),
                    op => {
                        let right = self.expression(&both.right)?;
                        binary(&mut self.work, op, &left, &right)
                    }
                }
            }
            Expr::Compare(chain) => {
                let mut left = self.expression(&chain.expr)?;
                for step in &chain.ops {
                    let right = self.expression(&step.expr)?;
                    if !self.compared(step.op, &left, &right)? {
                        return Ok(Shown::Bool(false));
                    }
                    left = right;
                }
                Ok(Shown::Bool(true))
            }
            Expr::IfExpr(choice) => match (self.expression(&choice.test_expr)?.is_true(), &choice.false_expr) {
                (true, _) => self.expression(&choice.true_expr),
                (false, Some(other)) => self.expression(other),
                (false, None) => Ok(Shown::Blank),
            },
            Expr::Filter(_) => self.filtered(expression, None),
            Expr::Test(test) => {
                let value = self.expression(&test.expr)?;
                let predicate =
                    predicates::find(test.name).ok_or_else(|| Stop::Unlisted(format!("test `is {}`", test.name)))?;
                let args = self.arguments(&test.args, &["value"][..predicate.takes], predicate.takes, test.name)?;
                let answer = (predicate.ask)(&mut self.work, &value, args.first().unwrap_or(&Shown::Blank))?;
                Ok(Shown::Bool(answer))
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.items(&list.items),
            Expr::Tuple(list) => self.items(&list.items),
            Expr::Map(_) => Err(Stop::Unlisted("maps in braces".to_owned())),
        }
    }

    fn items(&mut self, items: &'t [Expr<'t>]) -> Result<Shown, Stop> {
        Shown::list(items.iter().map(|item| self.expression(item)).collect::<Result<_, _>>()?)
    }

    fn compared(&mut self, op: CompareOpKind, left: &Shown, right: &Shown) -> Result<bool, Stop> {
        let work = &mut self.work;
        Ok(match op {
            CompareOpKind::Eq => equal(work, left, right)?,
            CompareOpKind::Ne => !equal(work, left, right)?,
            CompareOpKind::In => contains(work, right, left)?,
            CompareOpKind::NotIn => !contains(work, right, left)?,
            CompareOpKind::Lt => compare(work, left, right)?.is_some_and(std::cmp::Ordering::is_lt),
            CompareOpKind::Lte => compare(work, left, right)?.is_some_and(std::cmp::Ordering::is_le),
            CompareOpKind::Gt => compare(work, left, right)?.is_some_and(std::cmp::Ordering::is_gt),
            CompareOpKind::Gte => compare(work, left, right)?.is_some_and(std::cmp::Ordering::is_ge),
        })
    }

    /// The template's own name, or else one of ours, or else a blank.
    fn variable(&mut self, name: &str) -> Result<Shown, Stop> {
        self.work.steps(self.own.len() / 16)?;
        if let Some((_, value)) = self.own.iter().rev().find(|(own, _)| *own == name) {
            return Ok(value.clone());
        }
        match Object::parse(name) {
            Some(Object::Now) => Ok(Shown::Time(self.names.now())),
            Some(object) => Ok(Shown::Object(object)),
            None => Ok(Shown::Blank),
        }
    }

    fn constant(&mut self, known: &Const) -> Result<Shown, Stop> {
        if let Some(text) = known.value.as_str() {
            self.work.length(text.len())?;
        }
        Ok(constant(known).unwrap_or(Shown::Blank))
    }

    fn field(&mut self, of: &Shown, field: &str) -> Result<Shown, Stop> {
        match of {
            Shown::Object(object) => {
                self.work.bytes(field.len())?;
                let value = self.names.get(&Name { object: *object, field: field.to_owned() });
                self.work.take(value)
            }
            Shown::Turn(turn) => Ok(match field {
                "index" => Shown::whole(turn.index + 1),
                "index0" => Shown::whole(turn.index),
                "first" => Shown::Bool(turn.index == 0),
                "last" => Shown::Bool(turn.index + 1 == turn.length),
                "length" => Shown::whole(turn.length),
                _ => Shown::Blank,
            }),
            _ => Ok(Shown::Blank),
        }
    }

    /// A filter applied to the value before it, or to `input` when there is none.
    fn filtered(&mut self, expression: &'t Expr<'t>, input: Option<Shown>) -> Result<Shown, Stop> {
        let Expr::Filter(filter) = expression else { return Ok(input.unwrap_or(Shown::Blank)) };
        self.work.steps(1)?;
        let value = match (&filter.expr, input) {
            (Some(before @ Expr::Filter(_)), input @ Some(_)) => self.filtered(before, input)?,
            (None, Some(input)) => input,
            (Some(before), None) => self.expression(before)?,
            (_, input) => input.unwrap_or(Shown::Blank),
        };
        let found = filters::find(filter.name).ok_or_else(|| Stop::Unlisted(format!("filter `{}`", filter.name)))?;
        let args = self.arguments(&filter.args, found.takes, found.needs, filter.name)?;
        (found.make)(&mut self.work, &value, &args)
    }

    /// Arguments in the order of `takes`; blank where none was given.
    fn arguments(
        &mut self,
        given: &'t [CallArg<'t>],
        takes: &[&str],
        needs: usize,
        of: &str,
    ) -> Result<Vec<Shown>, Stop> {
        let mut args = vec![Shown::Blank; takes.len()];
        let mut filled = vec![false; takes.len()];
        for (number, arg) in given.iter().enumerate() {
            let (place, value) = match arg {
                CallArg::Pos(value) => (Some(number).filter(|number| *number < takes.len()), value),
                CallArg::Kwarg(name, value) => (takes.iter().position(|taken| taken == name), value),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    return Err(Stop::Unlisted("arguments with `*`".to_owned()));
                }
            };
            let place = place.ok_or_else(|| arguments_wrong(of, takes, needs))?;
            args[place] = self.expression(value)?;
            filled[place] = true;
        }
        if filled.iter().take(needs).all(|filled| *filled) { Ok(args) } else { Err(arguments_wrong(of, takes, needs)) }
    }

    /// Only `range` can be called.
    fn call(&mut self, call: &'t Call<'t>) -> Result<Shown, Stop> {
        match &call.expr {
            Expr::Var(name) if name.id == "range" => {}
            Expr::Var(name) => return Err(Stop::Unlisted(format!("function `{}`", name.id))),
            Expr::GetAttr(get) => return Err(Stop::Unlisted(format!("method `{}`", get.name))),
            _ => return Err(Stop::Unlisted("such call".to_owned())),
        }
        let args = self.arguments(&call.args, &["from", "to", "step"], 1, "range")?;
        let whole = |value: &Shown| if let Shown::Int(int) = value { Some(*int) } else { None };
        let (from, to, step) = match (whole(&args[0]), &args[1], &args[2]) {
            (Some(to), Shown::Blank, Shown::Blank) => (0, Some(to), Some(1)),
            (Some(from), to, Shown::Blank) => (from, whole(to), Some(1)),
            (Some(from), to, step) => (from, whole(to), whole(step)),
            (None, ..) => (0, None, None),
        };
        let (Some(to), Some(step)) = (to, step.filter(|step| *step != 0)) else {
            return Err(Stop::Mismatch("`range` takes whole numbers, and a step that is not 0".to_owned()));
        };
        let distance = (i128::from(to) - i128::from(from)) * i128::from(step.signum());
        let size = i128::from(step.unsigned_abs());
        let count = usize::try_from((distance + size - 1).max(0) / size).unwrap_or(usize::MAX);
        if count > LIST_ITEMS_MAX {
            return Err(Stop::TooManyItems);
        }
        self.work.steps(count)?;
        let numbers = std::iter::successors(Some(from), |number| number.checked_add(step));
        Shown::list(numbers.take(count).map(Shown::Int).collect())
    }
}

/// A literal in the template; `None` for `none`.
pub(super) fn constant(constant: &Const) -> Option<Shown> {
    let value = &constant.value;
    match value.kind() {
        ValueKind::String => value.as_str().map(Shown::text),
        ValueKind::Bool => Some(Shown::Bool(value.is_true())),
        ValueKind::Number => match value.as_i64().filter(|_| value.is_integer()) {
            Some(int) => Some(Shown::Int(int)),
            None => f64::try_from(value.clone()).ok().map(Shown::Number),
        },
        _ => None,
    }
}

fn arguments_wrong(of: &str, takes: &[&str], needs: usize) -> Stop {
    Stop::Mismatch(format!("`{of}` takes {}", taken(takes, needs)))
}

/// The names of the arguments, for messages: `from` and `to`.
pub(super) fn taken(takes: &[&str], needs: usize) -> String {
    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    match (needs, takes.len() - needs) {
        (0, 0) => "no arguments".to_owned(),
        (_, 0) => names(takes),
        (0, _) => format!("{} or nothing", names(takes)),
        _ => format!("{}, and perhaps {}", names(&takes[..needs]), names(&takes[needs..])),
    }
}
