//! Scripts: Markdown files with YAML front matter and a Jinja body. What a template may name, and what makes a bad script.

use crate::condition::fields_of;
use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::shape::{Shape, Takes, optional, required};
use crate::suggest::{listed, nearest};
use crate::template::{self, Stop, Unlisted, Unreadable, What};
use crate::yaml::{self, Node, Scalar};
use cadenza_core::expr::Object;
use cadenza_core::workflow::Script;
use std::cell::RefCell;
use std::ops::Range;

/// How far into a script an apology is looked for.
const OPENING_CHARS: usize = 240;
/// What templates may name, with what expressions know of each.
const OBJECTS: [Object; 6] = [Object::Lead, Object::Owner, Object::Account, Object::Run, Object::Task, Object::Touch];

pub(crate) static SCRIPT: Shape = Shape {
    name: "the head of a script",
    about: "What stands between the two `---`.",
    keys: &[
        required("objective", Takes::Text, "What the touch is to achieve, the exact action wanted"),
        optional("reviewed_by", Takes::Text, "Who tried it on a few people first"),
        optional("subject", Takes::Text, "The subject line; mails have one"),
    ],
};

/// A script that was read: the parts are none when they were refused.
pub(crate) struct ScriptFile {
    pub(crate) script: Option<Script>,
    pub(crate) has_subject: bool,
    /// Set when a workflow uses it.
    pub(crate) used: RefCell<bool>,
}

/// A script whose file could not be read.
pub(crate) fn unread() -> ScriptFile {
    ScriptFile { script: None, has_subject: true, used: RefCell::new(false) }
}

/// Reads a script; what is wrong with it has been reported when `script` is none.
pub(crate) fn read(sheet: &Sheet<'_>, known: &Known<'_>) -> ScriptFile {
    let broken = |has_subject| ScriptFile { script: None, has_subject, used: RefCell::new(false) };
    let before = sheet.errors();
    let Some((head, body)) = split(sheet.text) else {
        let problem = Problem::error("no-head", 0..0, "a script begins with a head between two lines `---`");
        sheet.report(problem.help("write `---`, `objective: …`, `reviewed_by: …`, `---`, and then the text"));
        return broken(true);
    };
    // The first `---` is YAML too, so the head is read from the file's beginning and its places are the file's.
    let Some(node) = yaml::parse(&sheet.up_to(head.end)) else { return broken(true) };
    let Some(form) = Form::open(sheet, &node, &SCRIPT) else { return broken(true) };
    let text = |key: &str, what: &str| form.get(key).and_then(|node| Some((node, sheet.text(node, what)?)));
    let objective = text("objective", "the objective");
    let subject = text("subject", "the subject");
    let reviewed_by = text("reviewed_by", "the name of a reviewer").map(|(_, name)| name);
    for (node, _) in [&objective, &subject].into_iter().flatten() {
        check_template(sheet, known, node, node.scalar());
    }
    check_jinja(sheet, known, &sheet.text[body.clone()], &|range| body.start + range.start..body.start + range.end);
    if form.get("reviewed_by").is_none() {
        let problem = Problem::warning("not-reviewed", node.pointer(), "nobody is said to have tried this script");
        sheet.report(problem.help("try it on a few people first, then add `reviewed_by: name` (practice B12)"));
    }
    check_opening(sheet, body.clone());
    if sheet.text[body.clone()].trim().is_empty() {
        sheet.report(Problem::error("empty-text", body.start..body.start, "the script has no text after its head"));
    }
    let has_subject = form.get("subject").is_some();
    let Some((_, objective)) = objective.filter(|_| sheet.errors() == before) else { return broken(has_subject) };
    let body = sheet.text[body].trim_start_matches('\n').to_owned();
    let script = Script { objective, reviewed_by, subject: subject.map(|(_, subject)| subject), body };
    ScriptFile { script: Some(script), has_subject, used: RefCell::new(false) }
}

/// Head and body, without the lines `---`.
fn split(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let start = text.find('\n').map(|newline| newline + 1).filter(|newline| text[..*newline].trim_end() == "---")?;
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((start..at, at + line.len()..text.len()));
        }
        at += line.len();
    }
    None
}

fn check_opening(sheet: &Sheet<'_>, body: Range<usize>) {
    const APOLOGIES: [&str; 9] = [
        "sorry to",
        "sorry for",
        "i'm sorry",
        "i am sorry",
        "apolog",
        "hate to bother",
        "to bother you",
        "to disturb you",
        "i know you're busy",
    ];
    let opening: String = sheet.text[body.clone()].chars().take(OPENING_CHARS).collect();
    // ASCII alone is lowered, so that places stay where they are.
    let lower = opening.to_ascii_lowercase();
    if let Some((at, apology)) = APOLOGIES.iter().filter_map(|apology| Some((lower.find(apology)?, apology))).min() {
        let span = body.start + at..body.start + at + apology.len();
        let problem = Problem::warning("apology", span, "the script opens with an apology for calling");
        sheet.report(problem.help("say who is calling and what is in it for them (practice B12)"));
    }
}

/// Checks a template that stands in a YAML value.
pub(crate) fn check_template(sheet: &Sheet<'_>, known: &Known<'_>, node: &Node, scalar: Option<&Scalar>) {
    let Some(scalar) = scalar else { return };
    check_jinja(sheet, known, &scalar.text, &|range| crate::condition::source_span(sheet.text, node, scalar, range));
}

/// Syntax, names and filters of a template; `place` turns a range of `source` into one of the file.
fn check_jinja(sheet: &Sheet<'_>, known: &Known<'_>, source: &str, place: &dyn Fn(Range<usize>) -> Range<usize>) {
    let findings = match template::findings(source) {
        Ok(findings) => findings,
        Err(unreadable) => return sheet.report(cannot_be_read(&unreadable, place)),
    };
    for finding in findings {
        let span = place(finding.range);
        match finding.what {
            What::Name(name) => {
                if let Some(trouble) = unknown_variable(known, &name) {
                    sheet.report(trouble(span));
                }
            }
            What::Unlisted(what) => sheet.report(unlisted(&what, span)),
            What::Arguments { of, takes } => sheet.report(wrong_arguments(&of, &takes, span)),
        }
    }
}

fn cannot_be_read(unreadable: &Unreadable, place: &dyn Fn(Range<usize>) -> Range<usize>) -> Problem {
    let span = place(unreadable.range.clone());
    match &unreadable.stop {
        Stop::TooLarge(what) => Problem::error("too-large", span, what.clone())
            .help("take it apart: `{% set %}` gives a part a name, and a long text is several scripts"),
        Stop::Unlisted(_) => Problem::error("bad-template", span, unreadable.stop.to_string()).help(
            "a template is one text of values, `{% if %}`, `{% for %}` and `{% set %}`: write out what it stands for",
        ),
        other => Problem::error("bad-template", span, format!("this template {}", cause(other)))
            .help("a value is written `{{ lead.first_name }}`, a choice `{% if lead.title %} … {% endif %}`"),
    }
}

fn cause(stop: &Stop) -> String {
    let text = stop.to_string();
    text.strip_prefix("it ").unwrap_or(&text).to_owned()
}

fn wrong_arguments(of: &str, takes: &str, span: Range<usize>) -> Problem {
    let problem = Problem::error("bad-arguments", span, format!("`{of}` takes {takes}"));
    match of {
        "money" => problem.help("name the currency by its three letters: `money(\"EUR\")`"),
        "default" | "d" => problem.help("say what is written instead: `default(\"there\")`"),
        _ => problem.help(format!("write `{of}(…)` with these, separated by commas; without any, `{of}` alone")),
    }
}

/// Something that is on none of the lists of the template language.
fn unlisted(what: &Unlisted, span: Range<usize>) -> Problem {
    let code = match what {
        Unlisted::Filter(_) => "unknown-filter",
        Unlisted::Test(_) => "unknown-test",
        Unlisted::Function(_) | Unlisted::Method(_) => "unknown-function",
        Unlisted::Syntax(..) => "bad-template",
    };
    let problem = Problem::error(code, span, what.message());
    match what.instead() {
        Some(instead) => problem.help(instead),
        None => problem.suggest(what.name(), what.known(), "they are"),
    }
}

type Complaint = Box<dyn Fn(Range<usize>) -> Problem>;

/// What is wrong with a name in a template; none when nothing is.
fn unknown_variable(known: &Known<'_>, name: &str) -> Option<Complaint> {
    if name == Object::Now.as_str() {
        return None;
    }
    let mut parts = name.split('.');
    let (root, field, deeper) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some(object) = Object::parse(root).filter(|object| OBJECTS.contains(object)) else {
        let whole = known.field(root).map(|_| format!("lead.{root}"));
        let near = whole.or_else(|| nearest(root, OBJECTS.iter().map(|object| object.as_str())).map(str::to_owned));
        let message = format!("a template knows nothing called `{root}`");
        return Some(Box::new(move |span| {
            let problem = Problem::error("unknown-variable", span, message.clone());
            match &near {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => {
                    problem.help(format!("names begin with {}", listed(OBJECTS.iter().map(|object| object.as_str()))))
                }
            }
        }));
    };
    let fields: Vec<&str> =
        if object == Object::Lead { known.field_names().collect() } else { fields_of(object).collect() };
    let (message, near, list) = match (field, deeper) {
        (None, _) => (format!("`{root}` alone has no text: say which field"), None, object != Object::Lead),
        (Some(field), None) if fields.contains(&field) => return None,
        (Some(_), None) if object == Object::Lead && !known.settings_read => return None,
        (Some(field), None) => {
            let near = nearest(field, fields.iter().copied()).map(|near| format!("{root}.{near}"));
            (format!("`{root}` has no field `{field}`"), near, object != Object::Lead)
        }
        (Some(field), Some(_)) => (format!("`{root}.{field}` is a single value and has no fields"), None, false),
    };
    let list = list.then(|| listed(fields.iter().copied()));
    Some(Box::new(move |span| {
        let problem = Problem::error("unknown-variable", span, message.clone());
        match (&near, &list) {
            (Some(near), _) => problem.label(format!("did you mean `{near}`?")).replace(near.clone()),
            (None, Some(list)) => problem.help(format!("fields it has: {list}")),
            (None, None) => problem.help("fields of your own are declared under `fields` in cadenza.yaml"),
        }
    }))
}
