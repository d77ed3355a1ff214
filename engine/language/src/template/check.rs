//! What a template names and uses, with its places, for whoever checks it: the same tree and the same lists as when it is
//! rendered.

use super::evaluate::taken;
use super::filters::FILTERS;
use super::predicates::PREDICATES;
use super::source::{self, Unreadable};
use super::{filters, predicates};
use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, Expr, Stmt};
use std::ops::Range;

/// Something in a template that has to be looked at.
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
    /// Arguments that do not fit, of what, and which would.
    Arguments { of: String, takes: String },
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

/// What to write instead of filters that other templates have.
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

    /// What to write instead, when it is known.
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

    /// Names among which a misspelt one is looked for.
    pub(crate) fn known(&self) -> Vec<&'static str> {
        match self {
            Self::Filter(_) => FILTERS.iter().map(|filter| filter.name).filter(|name| name.len() > 1).collect(),
            Self::Test(_) => PREDICATES.iter().map(|predicate| predicate.name).collect(),
            Self::Function(_) => vec!["range"],
            Self::Method(_) | Self::Syntax(..) => Vec::new(),
        }
    }

    /// The name that is not known.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Filter(name) | Self::Test(name) | Self::Function(name) | Self::Method(name) => name,
            Self::Syntax(what, _) => what,
        }
    }
}

/// Everything in a template that is not its own.
pub(crate) fn findings(source: &str) -> Result<Vec<Finding>, Unreadable> {
    let template = source::parse(source)?;
    let mut reading = Reading { own: Vec::new(), found: Vec::new() };
    reading.statement(&template);
    Ok(reading.found)
}

struct Reading<'t> {
    /// Names that the template has set.
    own: Vec<&'t str>,
    found: Vec<Finding>,
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// A name that stands at the beginning of a span.
fn head(span: Span, name: &str) -> Range<usize> {
    let start = span.start_offset as usize;
    start..start + name.len()
}

impl<'t> Reading<'t> {
    fn unlisted(&mut self, range: Range<usize>, what: Unlisted) {
        self.found.push(Finding { range, what: What::Unlisted(what) });
    }

    fn body(&mut self, body: &'t [Stmt<'t>]) {
        for statement in body {
            self.statement(statement);
        }
    }

    /// A body whose names end with it.
    fn scope(&mut self, fill: impl FnOnce(&mut Self)) {
        let around = self.own.len();
        fill(self);
        self.own.truncate(around);
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) {
        match statement {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr);
                self.body(&branch.true_body);
                self.body(&branch.false_body);
            }
            Stmt::ForLoop(repeated) => {
                self.expression(&repeated.iter);
                if repeated.recursive {
                    let what = Unlisted::Syntax("`recursive` loops", "write a loop within the loop");
                    self.unlisted(range(repeated.span()), what);
                }
                self.scope(|reading| {
                    reading.own.push("loop");
                    reading.target(&repeated.target);
                    repeated.filter_expr.iter().for_each(|filter| reading.expression(filter));
                    reading.body(&repeated.body);
                });
                self.body(&repeated.else_body);
            }
            Stmt::Set(set) => {
                self.expression(&set.expr);
                self.target(&set.target);
            }
            Stmt::SetBlock(set) => {
                self.scope(|reading| reading.body(&set.body));
                set.filter.iter().for_each(|filter| self.expression(filter));
                self.target(&set.target);
            }
            Stmt::FilterBlock(block) => {
                self.scope(|reading| reading.body(&block.body));
                self.expression(&block.filter);
            }
            Stmt::WithBlock(block) => self.scope(|reading| {
                for (target, value) in &block.assignments {
                    reading.expression(value);
                    reading.target(target);
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

    fn target(&mut self, target: &'t Expr<'t>) {
        match target {
            Expr::Var(name) => self.own.push(name.id),
            Expr::List(names) => names.items.iter().for_each(|name| self.target(name)),
            other => {
                let what = Unlisted::Syntax("`{% set x.y = … %}`", "set a name of its own: `{% set y = … %}`");
                self.unlisted(range(other.span()), what);
            }
        }
    }

    fn expression(&mut self, expression: &'t Expr<'t>) {
        match expression {
            Expr::Var(name) => self.name(name.id.to_owned(), name.id, range(name.span())),
            Expr::Const(_) => {}
            Expr::GetAttr(_) | Expr::GetItem(_) => self.path(expression),
            Expr::Slice(part) => {
                self.expression(&part.expr);
                if let Some(step) = &part.step {
                    let what = Unlisted::Syntax("steps in `[from:to:step]`", "write `[from:to]`, or `| reverse`");
                    self.unlisted(range(step.span()), what);
                }
                part.start.iter().chain(&part.stop).for_each(|bound| self.expression(bound));
            }
            Expr::UnaryOp(unary) => self.expression(&unary.expr),
            Expr::BinOp(both) => {
                self.expression(&both.left);
                self.expression(&both.right);
            }
            Expr::Compare(chain) => {
                self.expression(&chain.expr);
                chain.ops.iter().for_each(|step| self.expression(&step.expr));
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr);
                self.expression(&choice.true_expr);
                choice.false_expr.iter().for_each(|other| self.expression(other));
            }
            Expr::Filter(filter) => {
                filter.expr.iter().for_each(|before| self.expression(before));
                let at = head(filter.span(), filter.name);
                match filters::find(filter.name) {
                    Some(known) => self.arguments(&filter.args, known.takes, known.needs, filter.name, &at),
                    None => self.unlisted(at, Unlisted::Filter(filter.name.to_owned())),
                }
                self.values(&filter.args);
            }
            Expr::Test(test) => {
                self.expression(&test.expr);
                let at = head(test.span(), test.name);
                match predicates::find(test.name) {
                    Some(known) => {
                        self.arguments(&test.args, &["value"][..known.takes], known.takes, test.name, &at);
                    }
                    None => self.unlisted(at, Unlisted::Test(test.name.to_owned())),
                }
                self.values(&test.args);
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.items.iter().for_each(|item| self.expression(item)),
            Expr::Tuple(list) => list.items.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => {
                let what = Unlisted::Syntax("maps in braces", "choose with `{% if %}`");
                self.unlisted(range(map.span()), what);
            }
        }
    }

    fn call(&mut self, call: &'t Call<'t>) {
        match &call.expr {
            Expr::Var(name) if name.id == "range" => {
                self.arguments(&call.args, &["from", "to", "step"], 1, "range", &range(name.span()));
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
        self.values(&call.args);
    }

    fn values(&mut self, args: &'t [CallArg<'t>]) {
        for arg in args {
            match arg {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.expression(value),
                CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                    let what = Unlisted::Syntax("arguments with `*`", "write each of them");
                    self.unlisted(range(value.span()), what);
                }
            }
        }
    }

    fn arguments(&mut self, given: &[CallArg<'_>], takes: &[&str], needs: usize, of: &str, at: &Range<usize>) {
        let mut filled = vec![false; takes.len()];
        let mut fits = true;
        for (number, arg) in given.iter().enumerate() {
            let place = match arg {
                CallArg::Pos(_) => Some(number).filter(|number| *number < takes.len()),
                CallArg::Kwarg(name, _) => takes.iter().position(|taken| taken == name),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return,
            };
            match place {
                Some(place) => filled[place] = true,
                None => fits = false,
            }
        }
        if !fits || filled.iter().take(needs).any(|filled| !filled) {
            let what = What::Arguments { of: of.to_owned(), takes: taken(takes, needs) };
            self.found.push(Finding { range: at.clone(), what });
        }
    }

    /// `lead.first_name` and `lead["first_name"]`, as one name; what is no such path is looked at part by part.
    fn path(&mut self, expression: &'t Expr<'t>) {
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
                        self.expression(&get.expr);
                        self.expression(subscript);
                        return;
                    }
                },
                Expr::Var(root) => break root,
                other => return self.expression(other),
            }
        };
        names.push(root.id);
        names.reverse();
        let place = range(root.span()).start..range(expression.span()).end;
        self.name(names.join("."), root.id, place);
    }

    fn name(&mut self, name: String, root: &str, range: Range<usize>) {
        if !self.own.contains(&root) {
            self.found.push(Finding { range, what: What::Name(name) });
        }
    }
}
