//! What a template names and uses, with its ranges, for checking. It works on the same tree and the same lists as
//! rendering.

use super::evaluate::{constant, taken};
use super::filters::FILTERS;
use super::predicates::PREDICATES;
use super::samples::{self, Comparing, Guess, Sample};
use super::source::{self, Unreadable};
use super::value::Shown;
use super::{filters, predicates};
use cadenza_core::value::ValueType;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, CompareOpKind, Expr, Stmt};
use std::ops::Range;

/// Something in a template that has to be checked.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) range: Range<usize>,
    pub(crate) what: What,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum What {
    /// A name that is not the template's own, with its fields: `lead.first_name`.
    Name(String),
    /// Something that is on none of the lists.
    Unlisted(Unlisted),
    /// Arguments that do not fit: what they belong to, and which arguments it takes.
    Arguments { of: String, takes: String },
    /// Values of these types never fit together.
    NeverFits(String),
    /// A number literal in the template.
    Number,
}

/// What is on none of the lists.
#[derive(Debug)]
pub(crate) enum Unlisted {
    Filter(String),
    Test(String),
    Function(String),
    Method(String),
    /// A piece of syntax, and what to write instead.
    Syntax(&'static str, &'static str),
}

/// What to write in place of filters that other template languages have.
const INSTEAD: &[(&[&str], &str)] = &[
    (&["format"], "put the pieces together with `~`; numbers are written by `number(2)` and `money(\"EUR\")`"),
    (&["batch", "slice", "groupby", "chain", "zip"], "go through the list with `{% for x in list %}`"),
    (&["map", "select", "reject", "selectattr", "rejectattr"], "go through the list with `{% for x in list if x %}`"),
    (&["center", "wordwrap", "pprint", "xmlattr"], "texts are not laid out: leave it out"),
    (
        &["safe", "escape", "e", "forceescape", "tojson", "urlencode", "striptags", "urlize"],
        "texts leave as they are, and nothing in them is markup: leave it out",
    ),
    (&["dictsort", "items", "attr"], "fields are named one by one: `lead.first_name`"),
    (&["lines"], "write `split(\"\\n\")`"),
    (&["bool"], "`{% if x %}` asks whether there is something"),
    (
        &["strftime", "dateformat", "dateformatted", "datetimeformat", "timeformat", "format_date"],
        "write `date`, `time`, `datetime`, `weekday` or `iso`: each is in the lead's zone and language",
    ),
    (
        &["currency", "filesizeformat", "intcomma", "numberformat", "format_number"],
        "write `number`, or `money(\"EUR\")`",
    ),
    (&["wordcount", "random", "shuffle"], "there is none: leave it out"),
];

impl Unlisted {
    /// What is wrong, in one line.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Filter(name) => format!("there is no filter `{name}`"),
            Self::Test(name) => format!("there is no test `is {name}`"),
            Self::Function(name) => format!("there is no function `{name}`"),
            Self::Method(name) => format!("a value has no method `{name}()`"),
            Self::Syntax(what, _) => format!("templates have no {what}"),
        }
    }

    /// What to write instead, if that is known.
    pub(crate) fn instead(&self) -> Option<String> {
        match self {
            Self::Filter(name) => {
                INSTEAD.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, text)| (*text).to_owned())
            }
            Self::Method(name) if filters::find(name).is_some() => Some(format!("write it as a filter: `| {name}`")),
            Self::Method(name) if name == "strip" => Some("write it as a filter: `| trim`".to_owned()),
            Self::Method(name) if name == "startswith" || name == "endswith" => {
                Some(format!("write `is {}ingwith \"…\"`", name.trim_end_matches("swith")))
            }
            Self::Method(_) => Some("what a text can become stands after `|`: `{{ lead.city | upper }}`".to_owned()),
            Self::Function(name) if name == "namespace" || name == "dict" => {
                Some("a loop cannot change what is outside of it: choose with `if` within it".to_owned())
            }
            Self::Function(name) if name == "is_blank" => Some("write `x is blank`".to_owned()),
            Self::Function(name) if name == "now" => Some("write `now` alone: `{{ now | date }}`".to_owned()),
            Self::Function(name) if filters::find(name).is_some() => {
                Some(format!("write it as a filter, after what it changes: `| {name}`"))
            }
            Self::Function(_) => Some("the only function is `range`".to_owned()),
            Self::Syntax(_, instead) => Some((*instead).to_owned()),
            Self::Test(_) => None,
        }
    }

    /// The names among which the right spelling is looked for.
    pub(crate) fn known(&self) -> Vec<&'static str> {
        match self {
            Self::Filter(_) => FILTERS.iter().map(|filter| filter.name).filter(|name| name.len() > 1).collect(),
            Self::Test(_) => PREDICATES.iter().map(|predicate| predicate.name).collect(),
            Self::Function(_) => vec!["range"],
            Self::Method(_) | Self::Syntax(..) => Vec::new(),
        }
    }

    /// The unknown name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Filter(name) | Self::Test(name) | Self::Function(name) | Self::Method(name) => name,
            Self::Syntax(what, _) => what,
        }
    }
}

/// The type of the value of a name such as `lead.first_name`; `None` when it may have any type.
pub(crate) type TypeOf<'k> = &'k dyn Fn(&str) -> Option<ValueType>;

/// Everything in a template that is not its own, and values in it that never fit.
pub(crate) fn findings(source: &str, type_of: TypeOf<'_>) -> Result<Vec<Finding>, Unreadable> {
    let template = source::parse(source)?;
    let mut reading = Reading { own: Vec::new(), found: Vec::new(), type_of };
    reading.statement(&template);
    Ok(reading.found)
}

struct Reading<'t, 'k> {
    /// Names that the template has set, with their values.
    own: Vec<(&'t str, Guess)>,
    found: Vec<Finding>,
    type_of: TypeOf<'k>,
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// The range of a name at the beginning of a span.
fn head(span: Span, name: &str) -> Range<usize> {
    let start = span.start_offset as usize;
    start..start + name.len()
}

impl<'t> Reading<'t, '_> {
    fn unlisted(&mut self, range: Range<usize>, what: Unlisted) {
        self.found.push(Finding { range, what: What::Unlisted(what) });
    }

    fn body(&mut self, body: &'t [Stmt<'t>]) {
        for statement in body {
            self.statement(statement);
        }
    }

    /// Reads a body. Names that the body sets end with it.
    fn scope(&mut self, fill: impl FnOnce(&mut Self)) {
        let around = self.own.len();
        fill(self);
        self.own.truncate(around);
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) {
        match statement {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => {
                let value = self.expression(&emit.expr);
                let printed = samples::printed(&value);
                self.fits(&emit.expr, printed);
            }
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr);
                self.body(&branch.true_body);
                self.body(&branch.false_body);
            }
            Stmt::ForLoop(repeated) => {
                let list = self.expression(&repeated.iter);
                let item = self.fits(&repeated.iter, samples::item_of(&list)).flatten();
                if repeated.recursive {
                    let what = Unlisted::Syntax("`recursive` loops", "write a loop within the loop");
                    self.unlisted(range(repeated.span()), what);
                }
                self.scope(|reading| {
                    reading.own.push(("loop", samples::turn()));
                    reading.target(&repeated.target, item);
                    repeated.filter_expr.iter().for_each(|filter| drop(reading.expression(filter)));
                    reading.body(&repeated.body);
                });
                self.body(&repeated.else_body);
            }
            Stmt::Set(set) => {
                let value = self.expression(&set.expr);
                self.target(&set.target, value);
            }
            Stmt::SetBlock(set) => {
                self.scope(|reading| reading.body(&set.body));
                set.filter.iter().for_each(|filter| drop(self.expression(filter)));
                self.target(&set.target, None);
            }
            Stmt::FilterBlock(block) => {
                self.scope(|reading| reading.body(&block.body));
                self.expression(&block.filter);
            }
            Stmt::WithBlock(block) => self.scope(|reading| {
                for (target, value) in &block.assignments {
                    let value = reading.expression(value);
                    reading.target(target, value);
                }
                reading.body(&block.body);
            }),
            Stmt::AutoEscape(block) => {
                let what = Unlisted::Syntax("`{% autoescape %}`", "texts leave as they are: leave it out");
                self.unlisted(range(block.span()), what);
                self.body(&block.body);
            }
            Stmt::Do(block) => {
                let what = Unlisted::Syntax("`{% do %}`", "a template changes nothing: leave it out");
                self.unlisted(range(block.span()), what);
            }
        }
    }

    fn target(&mut self, target: &'t Expr<'t>, value: Guess) {
        match target {
            Expr::Var(name) => {
                // The name may be set in either branch, or before. It keeps its type if that is the same everywhere;
                // otherwise it may have any type.
                let before = self.own.iter().rev().find(|(own, _)| *own == name.id).map(|(_, before)| before.clone());
                let value = before.map_or_else(|| value.clone(), |before| samples::either(before, value.clone()));
                self.own.push((name.id, value));
            }
            Expr::List(names) => {
                let item = samples::item_of(&value).ok().flatten();
                names.items.iter().for_each(|name| self.target(name, item.clone()));
            }
            other => {
                let what = Unlisted::Syntax("`{% set x.y = … %}`", "set a name of its own: `{% set y = … %}`");
                self.unlisted(range(other.span()), what);
            }
        }
    }

    /// Records a value that never fits.
    fn fits<T>(&mut self, expression: &Expr<'_>, made: Result<T, String>) -> Option<T> {
        made.map_err(|why| self.found.push(Finding { range: range(expression.span()), what: What::NeverFits(why) }))
            .ok()
    }

    /// The value of an expression, as far as it is known.
    fn expression(&mut self, expression: &'t Expr<'t>) -> Guess {
        match expression {
            Expr::Var(name) => self.name(name.id.to_owned(), name.id, range(name.span())),
            Expr::Const(known) => {
                let value = constant(known);
                if matches!(value, Some(Shown::Number(_))) {
                    self.found.push(Finding { range: range(known.span()), what: What::Number });
                }
                value.map(Sample::constant)
            }
            Expr::GetAttr(_) | Expr::GetItem(_) => self.path(expression),
            Expr::Slice(part) => {
                let of = self.expression(&part.expr);
                if let Some(step) = &part.step {
                    let what = Unlisted::Syntax("steps in `[from:to:step]`", "write `[from:to]`, or `| reverse`");
                    self.unlisted(range(step.span()), what);
                }
                part.start.iter().chain(&part.stop).for_each(|bound| drop(self.expression(bound)));
                samples::part_of(of)
            }
            Expr::UnaryOp(unary) => {
                let value = self.expression(&unary.expr);
                self.fits(expression, samples::unary(&unary.op, &value)).flatten()
            }
            Expr::BinOp(both) => {
                let (left, right) = (self.expression(&both.left), self.expression(&both.right));
                self.fits(expression, samples::binary(both.op, &left, &right)).flatten()
            }
            Expr::Compare(chain) => {
                let mut left = self.expression(&chain.expr);
                for step in &chain.ops {
                    let right = self.expression(&step.expr);
                    let holds = match step.op {
                        CompareOpKind::Eq | CompareOpKind::Ne => samples::compared(&left, &right, Comparing::Equality),
                        CompareOpKind::In | CompareOpKind::NotIn => samples::within(&left, &right),
                        CompareOpKind::Lt | CompareOpKind::Lte | CompareOpKind::Gt | CompareOpKind::Gte => {
                            samples::compared(&left, &right, Comparing::Order)
                        }
                    };
                    self.fits(expression, holds);
                    left = right;
                }
                Sample::of(ValueType::Bool)
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr);
                let chosen = self.expression(&choice.true_expr);
                match &choice.false_expr {
                    Some(other) => samples::either(chosen, self.expression(other)),
                    None => chosen,
                }
            }
            Expr::Filter(filter) => {
                let value = filter.expr.as_ref().and_then(|before| self.expression(before));
                let at = head(filter.span(), filter.name);
                let given = self.values(&filter.args);
                let Some(known) = filters::find(filter.name) else {
                    self.unlisted(at, Unlisted::Filter(filter.name.to_owned()));
                    return None;
                };
                let args = self.arguments(&filter.args, given, known.takes, known.needs, filter.name, &at)?;
                self.fits(expression, samples::filtered(known, &value, &args)).flatten()
            }
            Expr::Test(test) => {
                self.expression(&test.expr);
                let at = head(test.span(), test.name);
                let given = self.values(&test.args);
                match predicates::find(test.name) {
                    Some(known) => {
                        let takes = &["value"][..known.takes];
                        self.arguments(&test.args, given, takes, known.takes, test.name, &at);
                    }
                    None => self.unlisted(at, Unlisted::Test(test.name.to_owned())),
                }
                Sample::of(ValueType::Bool)
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.items(&list.items),
            Expr::Tuple(list) => self.items(&list.items),
            Expr::Map(map) => {
                let what = Unlisted::Syntax("maps in braces", "choose with `{% if %}`");
                self.unlisted(range(map.span()), what);
                None
            }
        }
    }

    fn items(&mut self, items: &'t [Expr<'t>]) -> Guess {
        let items: Vec<Guess> = items.iter().map(|item| self.expression(item)).collect();
        samples::list_of(items)
    }

    fn call(&mut self, call: &'t Call<'t>) -> Guess {
        let given = self.values(&call.args);
        match &call.expr {
            Expr::Var(name) if name.id == "range" => {
                let at = range(name.span());
                self.arguments(&call.args, given, &["from", "to", "step"], 1, "range", &at);
                return samples::list_of(vec![Sample::of(ValueType::Int)]);
            }
            Expr::Var(name) => self.unlisted(range(name.span()), Unlisted::Function(name.id.to_owned())),
            Expr::GetAttr(get) => {
                self.expression(&get.expr);
                let end = range(get.span()).end;
                self.unlisted(end.saturating_sub(get.name.len())..end, Unlisted::Method(get.name.to_owned()));
            }
            other => {
                let what = Unlisted::Syntax("such call", "the only function is `range`");
                self.unlisted(range(other.span()), what);
            }
        }
        None
    }

    fn values(&mut self, args: &'t [CallArg<'t>]) -> Vec<Guess> {
        let mut values = Vec::new();
        for arg in args {
            match arg {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => values.push(self.expression(value)),
                CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                    let what = Unlisted::Syntax("arguments with `*`", "write each of them");
                    self.unlisted(range(value.span()), what);
                    values.push(None);
                }
            }
        }
        values
    }

    /// The arguments in the order of `takes`, blank where none is given; `None` when they do not fit.
    fn arguments(
        &mut self,
        given: &[CallArg<'_>],
        values: Vec<Guess>,
        takes: &[&str],
        needs: usize,
        of: &str,
        at: &Range<usize>,
    ) -> Option<Vec<Guess>> {
        let mut filled = vec![None; takes.len()];
        let mut fits = true;
        for (number, (arg, value)) in given.iter().zip(values).enumerate() {
            let place = match arg {
                CallArg::Pos(_) => Some(number).filter(|number| *number < takes.len()),
                CallArg::Kwarg(name, _) => takes.iter().position(|taken| taken == name),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return None,
            };
            match place {
                Some(place) => filled[place] = Some(value),
                None => fits = false,
            }
        }
        if !fits || filled.iter().take(needs).any(Option::is_none) {
            let what = What::Arguments { of: of.to_owned(), takes: taken(takes, needs) };
            self.found.push(Finding { range: at.clone(), what });
            return None;
        }
        let blank = || Some(Sample::constant(Shown::Blank));
        Some(filled.into_iter().map(|value| value.unwrap_or_else(blank)).collect())
    }

    /// `lead.first_name` and `lead["first_name"]`, as one name. Any other expression is looked at part by part.
    fn path(&mut self, expression: &'t Expr<'t>) -> Guess {
        let (mut names, mut at) = (Vec::new(), expression);
        let root = loop {
            match at {
                Expr::GetAttr(get) => {
                    names.push(get.name);
                    at = &get.expr;
                }
                Expr::GetItem(get) => match &get.subscript_expr {
                    Expr::Const(name) if name.value.as_str().is_some() => {
                        names.push(name.value.as_str().unwrap_or_default());
                        at = &get.expr;
                    }
                    subscript => {
                        let of = self.expression(&get.expr);
                        self.expression(subscript);
                        return samples::item_of(&of).ok().flatten();
                    }
                },
                Expr::Var(root) => break root,
                other => return self.expression(other),
            }
        };
        names.push(root.id);
        names.reverse();
        let place = range(root.span()).start..range(expression.span()).end;
        self.name(names.join("."), root.id, place)
    }

    fn name(&mut self, name: String, root: &str, range: Range<usize>) -> Guess {
        if let Some((own, known)) = self.own.iter().rev().find(|(own, _)| *own == root) {
            return known.clone().filter(|_| name == *own);
        }
        let kind = (self.type_of)(&name);
        self.found.push(Finding { range, what: What::Name(name) });
        kind.and_then(Sample::of)
    }
}
