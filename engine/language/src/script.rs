//! Scripts: Markdown files with YAML front matter and a Jinja body. Checks what a template may name, and what makes a
//! poor script.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::meant::perhaps_thousands;
use crate::placeholders;
use crate::putting_in::Edit;
use crate::shape::{Shape, Takes, optional, required};
use crate::template::{self, Stop, Unlisted, Unreadable, What};
use crate::usage::{Named, ScriptFile, unread};
use crate::yaml::{self, Node};
use cadenza_core::workflow::Script;
use std::cell::RefCell;
use std::ops::Range;

/// How far into a script an apology is looked for, in characters.
const OPENING_CHARS: usize = 240;
pub(crate) static SCRIPT: Shape = Shape {
    name: "the head of a script",
    about: "What stands between the two `---`.",
    keys: &[
        required("objective", Takes::Text, "What the touch is to achieve, the exact action wanted")
            .such_as("Agree the next step"),
        optional("reviewed_by", Takes::Text, "Who tried it on a few people first"),
        optional("subject", Takes::Text, "The subject line; mails have one"),
    ],
};

/// Reads a script. If `script` is `None`, what is wrong with it has been reported.
pub(crate) fn read(sheet: &Sheet<'_>, known: &Known<'_>) -> ScriptFile {
    let broken = |has_subject| ScriptFile { has_subject, ..unread() };
    let before = sheet.errors();
    let Some((head, body)) = split(sheet.text) else {
        let problem = Problem::error("no-head", 0..0, "a script begins with a head between two lines `---`");
        let problem = problem.help("write `---`, `objective: …`, `reviewed_by: …`, `---`, and then the text");
        let begun = sheet.text.starts_with("---");
        let head = (0..0, "---\nobjective: Agree the next step\n---\n".to_owned());
        sheet.report(problem.mend_by(Some(head).filter(|_| !begun)));
        return broken(true);
    };
    // The first `---` is YAML too, so the head is read from the beginning of the file, and its ranges are those of the
    // file.
    let Some(node) = yaml::parse(&sheet.up_to(head.end)) else { return broken(true) };
    let Some(form) = Form::open(sheet, &node, &SCRIPT) else { return broken(true) };
    let template = |key: &str, what: &str| form.get(key).and_then(|node| Some((node, sheet.template(node, what)?)));
    let objective = template("objective", "the objective");
    let subject = template("subject", "the subject");
    let reviewed_by = form.get("reviewed_by").and_then(|node| sheet.text(node, "the name of a reviewer"));
    let mut named =
        check_jinja(sheet, known, &sheet.text[body.clone()], &|range| body.start + range.start..body.start + range.end);
    for (node, _) in [&objective, &subject].into_iter().flatten() {
        named.extend(check_template(sheet, known, node));
    }
    let mut blanks =
        blank_names(known, &sheet.text[body.clone()], &|range| body.start + range.start..body.start + range.end);
    if let Some(scalar) = subject.as_ref().and_then(|(node, _)| node.scalar()) {
        let node = form.get("subject").unwrap_or(&node);
        let place = |range| crate::condition::source_span(sheet.text, node, scalar, range);
        blanks.extend(blank_names(known, &scalar.text, &place));
    }
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
    ScriptFile { script: Some(script), has_subject, named, blanks, uses: RefCell::default() }
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
    // Only ASCII is lowered, so that offsets stay the same.
    let lower = opening.to_ascii_lowercase();
    if let Some((at, apology)) = APOLOGIES.iter().filter_map(|apology| Some((lower.find(apology)?, apology))).min() {
        let span = body.start + at..body.start + at + apology.len();
        let problem = Problem::warning("apology", span, "the script opens with an apology for calling");
        sheet.report(problem.help("say who is calling and what is in it for them (practice B12)"));
    }
}

/// Checks a template in a YAML value. Returns its names and their ranges.
pub(crate) fn check_template(sheet: &Sheet<'_>, known: &Known<'_>, node: &Node) -> Vec<Named> {
    let Some(scalar) = node.scalar() else { return Vec::new() };
    check_jinja(sheet, known, &scalar.text, &|range| crate::condition::source_span(sheet.text, node, scalar, range))
}

/// Checks syntax, names and filters of a template; `place` turns a range of `source` into one of the file.
fn check_jinja(
    sheet: &Sheet<'_>,
    known: &Known<'_>,
    source: &str,
    place: &dyn Fn(Range<usize>) -> Range<usize>,
) -> Vec<Named> {
    let findings = match template::findings(source, &|name| placeholders::type_of(known, name)) {
        Ok(findings) => findings,
        Err(unreadable) => {
            sheet.report(cannot_be_read(&unreadable, source, place));
            return Vec::new();
        }
    };
    let mut named = Vec::new();
    for finding in findings {
        let written = source.get(finding.range.clone()).unwrap_or_default();
        let span = place(finding.range);
        match finding.what {
            What::Name(name) => match placeholders::unknown(known, &name) {
                Some(trouble) => sheet.report(trouble(span)),
                None => named.push((name, span)),
            },
            What::Unlisted(what) => sheet.report(unlisted(&what, span)),
            What::Arguments { of, takes } => sheet.report(wrong_arguments(&of, &takes, span)),
            What::NeverFits(why) => {
                let problem = never_fits(&why, span);
                let problem = match as_compared(&why, written) {
                    Some(instead) => problem.label(format!("write `{instead}`")).replace(instead),
                    None => problem,
                };
                let is_currency = written.strip_prefix("money(\"").and_then(|rest| rest.strip_suffix("\")"));
                let is_currency =
                    is_currency.filter(|code| code.len() == 3 && code.bytes().all(|c| c.is_ascii_alphabetic()));
                sheet.report(match is_currency {
                    Some(code) => problem.replace(format!("money(\"{}\")", code.to_uppercase())),
                    None => problem,
                });
            }
            What::Number => perhaps_thousands(written, span).into_iter().for_each(|problem| sheet.report(problem)),
        }
    }
    let tags = tags(source);
    placeholders::without_braces(sheet, known, source, &tags, place);
    placeholders::merge_tags(sheet, known, source, &tags, place);
    named
}

/// The names in a template that may be blank where they are printed; `place` turns a range of `source` into one of the
/// file.
fn blank_names(known: &Known<'_>, source: &str, place: &dyn Fn(Range<usize>) -> Range<usize>) -> Vec<Named> {
    // Errors in the template have already been reported.
    let found = template::blanks(source, &|name| placeholders::may_be_blank(known, name)).unwrap_or_default();
    found.into_iter().map(|(name, range)| (name, place(range))).collect()
}

/// The ranges inside `{{ }}` and `{% %}`.
fn tags(source: &str) -> Vec<Range<usize>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find("{{").into_iter().chain(source[at..].find("{%")).min() {
        let start = at + open + 2;
        let close = if source[at + open..].starts_with("{{") { "}}" } else { "%}" };
        let end = source[start..].find(close).map_or(source.len(), |end| start + end);
        tags.push(start..end);
        at = (end + 2).min(source.len());
        while !source.is_char_boundary(at) {
            at -= 1;
        }
    }
    tags
}

/// What to write in place of another language's sign, judged by the text around the place where reading stopped.
fn advice(source: &str, at: usize) -> &'static str {
    let (before, after) = source.split_at_checked(at).unwrap_or((source, ""));
    let starts =
        |sign: &str| after.starts_with(sign) || (before.ends_with(&sign[..1]) && after.starts_with(&sign[1..]));
    if starts("??") || starts("||") {
        "what is written for want of a value: `{{ lead.first_name | default(\"there\") }}`"
    } else if after.starts_with(':') && before.trim_end().ends_with("default") {
        "arguments stand in brackets: `{{ lead.first_name | default(\"there\") }}`"
    } else if after.starts_with('=') && before[before.rfind("{%").unwrap_or_default()..].contains("if") {
        "values are compared with `==`"
    } else if after.starts_with("&&") || after.starts_with('!') {
        "write `and`, `or` and `not`"
    } else if before.contains("{{{") && after.starts_with('}') {
        "a value stands between two braces: `{{ lead.first_name }}`"
    } else {
        "a value is written `{{ lead.first_name }}`, a choice `{% if lead.title %} … {% endif %}`"
    }
}

fn cannot_be_read(unreadable: &Unreadable, source: &str, place: &dyn Fn(Range<usize>) -> Range<usize>) -> Problem {
    let advice = advice(source, unreadable.range.start);
    let span = place(unreadable.range.clone());
    match &unreadable.stop {
        Stop::TooLarge(what) => Problem::error("too-large", span, what.clone())
            .help("take it apart: `{% set %}` gives a part a name, and a long text is several scripts"),
        Stop::Unlisted(_) => Problem::error("bad-template", span, unreadable.stop.to_string()).help(
            "a template is one text of values, `{% if %}`, `{% for %}` and `{% set %}`: write out what it stands for",
        ),
        other => {
            let problem = Problem::error("bad-template", span, format!("this template {}", cause(other))).help(advice);
            match with_default(source, unreadable.range.start).or_else(|| closed(source, unreadable.range.start)) {
                Some((tag, instead)) => problem.mend(place(tag), instead),
                None => problem,
            }
        }
    }
}

/// Adds the end of a choice that is never closed.
fn closed(source: &str, at: usize) -> Option<Edit> {
    let end = source.trim_end().len();
    let count =
        |word: &str| tags(source).into_iter().filter(|tag| source[tag.clone()].trim().starts_with(word)).count();
    let is_last = !source[at..].contains("{%");
    let is_open = is_last && count("if ") == count("endif") + 1 && count("for ") == count("endfor");
    is_open.then(|| (end..end, "{% endif %}".to_owned()))
}

/// Turns `x | default: "y"` and `x || "y"` of other languages into ours. Returns the range inside the braces around a
/// place, and its new text.
fn with_default(source: &str, at: usize) -> Option<(Range<usize>, String)> {
    let tag = tags(source).into_iter().find(|tag| (tag.start..=tag.end).contains(&at))?;
    let inside = &source[tag.clone()];
    let (value, instead) = match inside.split_once("||").or_else(|| inside.split_once("??")) {
        Some(parts) => parts,
        None => {
            let (value, instead) = inside.split_once(':')?;
            (value.trim_end().strip_suffix("default")?.trim_end().strip_suffix('|')?, instead)
        }
    };
    let (value, instead) = (value.trim(), instead.trim());
    let is_text = instead.len() > 1 && instead.starts_with(['"', '\'']) && instead.ends_with(['"', '\'']);
    let plain = is_text && !value.contains(['|', '"', '\'']);
    plain.then(|| (tag, format!(" {value} | default({instead}) ")))
}

fn cause(stop: &Stop) -> String {
    let text = stop.to_string();
    text.strip_prefix("it ").unwrap_or(&text).to_owned()
}

fn wrong_arguments(of: &str, takes: &str, span: Range<usize>) -> Problem {
    let problem = Problem::error("bad-arguments", span, format!("`{of}` takes {takes}"));
    match of {
        "money" => problem.help("name the currency by its three letters: `money(\"EUR\")`").replace("money(\"EUR\")"),
        "default" | "d" => problem.help("say what is written instead: `default(\"there\")`"),
        _ if takes == "no arguments" => problem.help(format!("write `{of}` alone")),
        _ => problem.help(format!("write `{of}(…)` with these, separated by commas")),
    }
}

/// How templates join two texts.
const TOGETHER: &str = "texts are put together with `~`";

/// The problem of values whose types never fit together, with what to write instead.
fn never_fits(why: &str, span: Range<usize>) -> Problem {
    let (message, instead) = why.split_once(": ").unwrap_or((why, ""));
    let compares = message.contains("never");
    let counts = message.contains("does not go");
    let help = match instead {
        "" | TOGETHER if (compares || counts) && message.contains("a time") => {
            "a time is compared with a time, and written by `date`, `time`, `datetime` or `weekday`; nothing is added to it"
        }
        "" if compares && message.contains("a list") => "write `{% if \"CRM\" in lead.tools %}`",
        "" if compares => "a number stands without quotes, a text in quotes, and `true` and `false` without",
        "" if message.starts_with("only a time") => "a number is written by `number` or `money(\"EUR\")`",
        "" if message.starts_with("`for`") => "a text becomes a list by `split`: `lead.company | split(\",\")`",
        "" => "workflows/README.md lists what each filter takes, under \"Scripts\"",
        instead => instead,
    };
    Problem::error("wrong-type", span, message.to_owned()).help(help)
}

/// A comparison that never holds, as it was meant: `"CRM" in lead.tools`, and a number, `true` or `false` without quotes. `None` for
/// more than one comparison, and for a text that stands for neither.
fn as_compared(why: &str, written: &str) -> Option<String> {
    let (word, compared) = written.split_once(' ').filter(|(word, _)| ["if", "elif"].contains(word))?;
    let (left, right) = compared.split_once("==").map(|(left, right)| (left.trim(), right.trim()))?;
    let content = |side: &'_ str| {
        let inside = side.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
        (!inside.contains(['"', '\''])).then(|| inside.trim().to_owned())
    };
    let is_name = |side: &str| side.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let (name, text) = if is_name(left) { (left, right) } else { (right, left) };
    let inside = content(text).filter(|_| is_name(name))?;
    if why.starts_with("a list is never equal to a text") {
        return Some(format!("{word} {text} in {name}"));
    }
    let is_number = why.starts_with("a number is never equal to a text")
        && inside.starts_with(|c: char| c.is_ascii_digit())
        && inside.parse::<f64>().is_ok();
    let is_truth = why.starts_with("true or false is never equal") && ["true", "false"].contains(&inside.as_str());
    (is_number || is_truth).then(|| format!("{word} {name} == {inside}"))
}

/// The problem of something that is on none of the lists of the template language.
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
