//! One step: its verb, and the short verbs. The keys of each verb are in `shapes`.

use super::shapes::{
    ARM, ASSIGN, BRANCH, CADENCE, CALL, COMPUTED, ELSE, EMAIL, END, ENROLL, ENROLMENT_FORM, HTTP, MESSAGE, NOTIFY,
    PURPOSES, REQUIRE, SCORE, SPLIT, SWITCH, TASK, UPDATE, WAIT, WATCH,
};
use super::{Reader, asks, assign, cadence, http, tasks, verbs, wait};
use crate::condition::{Place, condition, expression, fields_of};
use crate::dates::as_time;
use crate::diagnostic::Problem;
use crate::foreign;
use crate::form::{Form, unknown_key};
use crate::known::Known;
use crate::putting_in::Edit;
use crate::scalar::is_template;
use crate::shape::Shape;
use crate::suggest::{listed, nearest};
use crate::usage::Use;
use crate::yaml::{Content, Entry, Node, Scalar, quoted};
use cadenza_core::expr::{Expr, Object};
use cadenza_core::field::field_info;
use cadenza_core::plugin::Segment;
use cadenza_core::time::Span;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::{Arm, Assignment, Email, Enrolment, MailResults, Purpose, Step, Target, Verb};
use std::ops::Range;

/// Every verb with its table.
static VERBS: [(&str, &Shape); 18] = [
    ("score", &SCORE),
    ("switch", &SWITCH),
    ("assign", &ASSIGN),
    ("call", &CALL),
    ("email", &EMAIL),
    ("cadence", &CADENCE),
    ("task", &TASK),
    ("branch", &BRANCH),
    ("wait", &WAIT),
    ("update", &UPDATE),
    ("enroll", &ENROLL),
    ("split", &SPLIT),
    ("require", &REQUIRE),
    ("notify", &NOTIFY),
    ("watch", &WATCH),
    ("message", &MESSAGE),
    ("http", &HTTP),
    ("end", &END),
];

/// The tables of all steps, for the schema.
pub(crate) fn verb_shapes() -> impl Iterator<Item = &'static Shape> {
    VERBS.iter().map(|(_, shape)| *shape)
}

fn verb_names() -> impl Iterator<Item = &'static str> + Clone {
    VERBS.iter().map(|(name, _)| *name)
}

/// Reads a step.
pub(super) fn read(reader: &Reader<'_>, node: &Node, ix: usize) -> Option<Step> {
    let (verb, shape) = find_verb(reader, node)?;
    let form = Form::peek(&reader.sheet, node, shape)?;
    for entry in node.entries() {
        let key = &entry.key;
        if shape.key(&key.text).is_none() {
            let problem = misplaced_key(reader, node, entry, verb, shape);
            // Where `else` says where the rest goes, `go` says nothing; else it may say just that.
            let ways = ways_of(node);
            let is_go = key.text == "go" && problem.replacement().is_none();
            let edit = match ways.filter(|ways| is_go && !covers_all(ways)) {
                Some(ways) => as_else(reader, ways, entry),
                None => Some((reader.sheet.taken_out(key.span.start), String::new())).filter(|_| is_go),
            };
            let asks = foreign::asks_if(&key.text) || foreign::IF_NOT.contains(&key.text.as_str());
            let asked = || switch_before(reader, node, entry, ix).filter(|_| asks && shape.key("go").is_some());
            reader.sheet.report(match edit {
                None if problem.replacement().is_none()
                    && let Some(edit) = asked() =>
                {
                    problem.label("a `switch` before the step asks it").mend_by(Some(edit))
                }
                edit => problem.mend_by(edit),
            });
        }
    }
    form.require(&reader.sheet, &|what| reader.one_of(what));
    let value = form.get(verb)?;
    // All parts are read even when one of them is broken, so that everything wrong is reported at once.
    let next = if shape.key("go").is_some() { reader.next(&form, ix) } else { Some(reader.below(ix)) };
    let read = match verb {
        "score" => asks::score(reader, &form, value).map(Verb::Score),
        "switch" => switch(reader, value, node.get("go").is_some()).map(Verb::Switch),
        "assign" => assign::read(reader, &form, value).map(Verb::Assign),
        "call" => tasks::call(reader, &form, value).map(|call| Verb::Call(Box::new(call))),
        "email" => mail(reader, &form, value).map(Verb::Email),
        "cadence" => cadence::read(reader, value).map(|cadence| Verb::Cadence(Box::new(cadence))),
        "task" => tasks::todo(reader, &form, value, next).map(|todo| Verb::Task(Box::new(todo))),
        "branch" => asks::branch(reader, &form, value).map(Verb::Branch),
        "wait" => wait::read(reader, &form, value).map(Verb::Wait),
        "update" => update(reader, value, Place::Step).map(Verb::Update),
        "enroll" => enroll(reader, value, Place::Step).map(Verb::Enroll),
        "split" => verbs::split(reader, &form, value).map(Verb::Split),
        "require" => verbs::require(reader, value).map(Verb::Require),
        "notify" => {
            let id = reader.ids.get(ix).cloned().flatten().unwrap_or_else(|| format!("notify-{}", ix + 1));
            verbs::notify(reader, value, format!("words/{id}")).map(Verb::Notify)
        }
        "watch" => verbs::watch(reader, value).map(Verb::Watch),
        "message" => message(reader, &form, value).map(Verb::Message),
        "http" => http::read(reader, &form, value).map(|http| Verb::Http(Box::new(http))),
        _ => reader.sheet.name(value, "the name of an ending").map(Verb::End),
    };
    let id = id(reader, &form, verb, ix, node);
    Some(Step { id: id?, verb: read?, next: next? })
}

/// A step in a block with a condition of its own, behind a `switch` that asks it. None where others lead to the step by its
/// id, past the `switch`, or where what follows has none.
fn switch_before(reader: &Reader<'_>, node: &Node, Entry { key, value }: &Entry, ix: usize) -> Option<Edit> {
    let (sheet, first) = (&reader.sheet, node.entries().first()?.key.span.start);
    let (dash, line) = (sheet.dash_before(first)?, sheet.line_start(first));
    let id = node.get("id").and_then(Node::scalar).map(|id| id.text.as_str());
    let is_named = |id: &&str| sheet.text.split(|c: char| !is_part_of_name(c)).filter(|word| word == id).count() > 1;
    if id.is_some_and(|id| is_named(&id)) {
        return None;
    }
    let past = match (node.get("go"), reader.ids.get(ix + 1)) {
        (Some(go), _) => go.scalar()?.text.as_str(),
        (None, Some(below)) => below.as_deref()?,
        (None, None) => "end",
    };
    let written = sheet.text.get(value.span.clone()).filter(|text| !text.contains('\n'))?;
    let condition = match foreign::asks_if(&key.text) {
        true => written.to_owned(),
        false => quoted(&format!("!({})", value.scalar()?.text)),
    };
    let pad = " ".repeat(dash);
    let (named, added) = match id {
        Some(id) => (id.to_owned(), String::new()),
        None => {
            let id = reader.new_id(&format!("step-{}", ix + 1));
            (id.clone(), format!("id: {id}\n{}", " ".repeat(first - line)))
        }
    };
    let without = sheet.taken_out(key.span.start);
    let kept = format!("{}{added}{}", &sheet.text[line..first], sheet.text.get(first..without.start)?);
    let asked =
        format!("{pad}- switch:\n{pad}    - if: {condition}\n{pad}      go: {named}\n{pad}    - else: {past}\n");
    Some((line..without.end, format!("{asked}{kept}")))
}

/// Whether it belongs to a name, an event type or a path.
const fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

/// A `go` right below a `switch` without `else`, as its last arm.
fn as_else(reader: &Reader<'_>, arms: &Node, Entry { key, value }: &Entry) -> Option<Edit> {
    let sheet = &reader.sheet;
    let dash = sheet.dash_before(arms.list().first()?.span.start)?;
    let between = sheet.text.get(arms.span.end..key.span.start)?;
    let arm = format!("{}- else: {}\n", " ".repeat(dash), value.scalar()?.text);
    between.trim().is_empty().then(|| (sheet.taken_out(key.span.start), arm))
}

/// What says where a step with several ways out leads.
fn ways_of(node: &Node) -> Option<&Node> {
    ["switch", "results", "tracks", "arms"].iter().find_map(|ways| node.get(ways))
}

/// Whether `else` says where everything else goes, so that a `go` beside it says nothing.
pub(super) fn covers_all(ways: &Node) -> bool {
    ways.get("else").is_some() || ways.list().iter().any(|way| way.get("else").is_some() || way.get("arm").is_some())
}

fn find_verb(reader: &Reader<'_>, node: &Node) -> Option<(&'static str, &'static Shape)> {
    if !matches!(node.content, Content::Map(_)) {
        let message = format!("a step is a mapping, and this is {}", node.is_a());
        reader.sheet.report(
            Problem::error("wrong-type", node.span.clone(), message).help("write `- id: …` and below it the verb"),
        );
        return None;
    }
    let verb_of = |entry: &&Entry| VERBS.iter().find(|(verb, _)| *verb == entry.key.text);
    let mut verbs = node.entries().iter().filter_map(|entry| verb_of(&entry));
    let Some((verb, shape)) = verbs.next() else {
        reader.sheet.report(no_verb(reader, node));
        return None;
    };
    Some((verb, shape))
}

fn no_verb(reader: &Reader<'_>, node: &Node) -> Problem {
    if let Some(problem) = node.entries().iter().find_map(|entry| foreign_verb(reader, entry)) {
        return problem;
    }
    let slip = node.entries().iter().find_map(|entry| Some((entry, nearest(&entry.key.text, verb_names())?)));
    match slip.filter(|(entry, _)| entry.key.text != "id") {
        Some((Entry { key, .. }, near)) => {
            let message = format!("there is no verb `{}`", key.text);
            Problem::error("unknown-verb", key.span.clone(), message)
                .label(format!("did you mean `{near}`?"))
                .replace(near)
        }
        None => {
            let problem = Problem::error("no-verb", node.pointer(), "this step does not say what to do")
                .help(format!("give it one of {}; `wait: 1d` does least", listed(verb_names())));
            // A key of another verb shows that `wait` is not the missing one.
            let waits = node.entries().iter().all(|entry| WAIT.key(&entry.key.text).is_some());
            problem.mend_by(reader.sheet.put_in(node, &["wait: 1d".to_owned()]).filter(|_| waits))
        }
    }
}

/// The verb of another tool. Only the name is replaced, and only when the value after it can stay.
fn foreign_verb(reader: &Reader<'_>, Entry { key, value }: &Entry) -> Option<Problem> {
    if VERBS.iter().any(|(verb, _)| *verb == key.text) {
        return None;
    }
    let ours = foreign::verb(&key.text)?;
    let problem = Problem::error("unknown-verb", key.span.clone(), format!("there is no verb `{}`", key.text));
    Some(match ours {
        foreign::Verb::Instead(what) | foreign::Verb::Elsewhere(what) => problem.help(what),
        foreign::Verb::Is(verb) => {
            let fits = match (verb, &value.content) {
                ("wait", Content::Scalar(scalar)) => Span::parse(&scalar.text).is_some(),
                ("wait", Content::Map(_)) => ["until", "event"].iter().any(|key| value.get(key).is_some()),
                ("assign" | "cadence" | "update" | "notify" | "require" | "split", Content::Map(_))
                | ("switch", Content::List(_)) => true,
                ("end", Content::Scalar(scalar)) => !scalar.is_null(),
                ("message", Content::Scalar(scalar)) => scalar.text.ends_with(".md"),
                ("http", Content::Map(_)) => ["via", "path"].iter().all(|key| value.get(key).is_some()),
                ("email" | "call" | "task" | "enroll" | "score" | "branch", Content::Scalar(scalar)) => {
                    !scalar.is_null()
                }
                _ => false,
            };
            if let Some(assign) =
                value.scalar().and_then(|scalar| assigned(reader, &scalar.text)).filter(|_| verb == "assign")
            {
                return Some(problem.label(format!("write `{assign}`")).mend(key.span.start..value.span.end, assign));
            }
            let problem = problem.label(format!("here it is `{verb}`"));
            if fits { problem.replace(verb) } else { problem.help(format!("write {}", example(verb))) }
        }
    })
}

/// The `assign` for an owner who is named.
fn assigned(reader: &Reader<'_>, name: &str) -> Option<String> {
    match (reader.known.reps.names.contains(name), reader.known.pools.names.contains(name)) {
        (true, _) => Some(format!("assign: {{ rep: {name} }}")),
        (_, true) => Some(format!("assign: {{ pool: {name}, by: longest_idle }}")),
        _ => None,
    }
}

/// An example of a verb.
fn example(verb: &str) -> &'static str {
    match verb {
        "email" => "`email: scripts/mail.md`",
        "wait" => "`wait: 3d`, `wait: { until: lead.project_date, … }` or `wait: { event: email.replied, … }`",
        "assign" => "`assign: { pool: closers, by: round_robin }`",
        "switch" => "`switch: [{ if: lead.segment == \"hot\", go: call }, { else: end }]`",
        "call" => "`call: scripts/call.md`, with `results`",
        "task" => "`task: What is to be done`",
        "cadence" => "`cadence: { touches: [{ after: 1d, email: scripts/mail.md }], exhausted: end }`",
        "update" => "`update: { stage: qualified }`",
        "enroll" => "`enroll: nurture`",
        "split" => "`split: { by: lead }`, with `arms: [{ arm: short, share: 50, go: … }, …]`",
        "require" => "`require: { fields: [budget], missing: … }`",
        "notify" => "`notify: { to: owner, text: What they are told }`",
        "watch" => "`watch: manager`",
        "message" => "`message: scripts/text.md`, with `via`",
        "http" => http::EXAMPLE,
        "end" => "`end: done`",
        "branch" => "`branch: nurture-track`, with `tracks`",
        _ => "`score: inbound-fit`",
    }
}

/// A key that this verb does not have. Another verb may have it.
fn misplaced_key(reader: &Reader<'_>, node: &Node, entry: &Entry, verb: &str, shape: &'static Shape) -> Problem {
    let key = &entry.key;
    let name = key.text.as_str();
    if let Some((_, other)) = VERBS.iter().find(|(other, _)| *other == name) {
        let message = format!("this step has two verbs, `{verb}` and `{name}`");
        let problem = Problem::error("two-verbs", key.span.clone(), message);
        // The keys below it go with it if the other verb has them.
        let below = node.entries().iter().filter(|entry| entry.key.span.start > key.span.start);
        let goes_with_it = below.into_iter().all(|entry| other.key(&entry.key.text).is_some());
        let id = format!("id: {}", reader.new_id(name));
        let divided = reader.sheet.divided_at(node, key.span.start, Some(&id)).filter(|_| goes_with_it);
        return problem.help(format!("a step does one thing: make a step of its own of `{name}`")).mend_by(divided);
    }
    let says = match verb {
        "switch" => "each arm",
        "call" => "`results`",
        "cadence" => "`stop` and `exhausted`",
        "branch" => "`tracks`",
        "split" => "`arms`",
        _ => "nothing",
    };
    if name == "go" && verb != "end" {
        return Problem::error(
            "several-ways-out",
            key.span.clone(),
            format!("a step with `{verb}` has several ways out"),
        )
        .help(match ways_of(node).filter(|ways| !covers_all(ways)).zip(entry.value.scalar()) {
            Some((_, to)) => {
                format!("{says} says where each of them leads; where the rest goes is `else: {}`", to.text)
            }
            None => format!("{says} says where each of them leads; remove `go`"),
        });
    }
    let owners: Vec<&str> =
        VERBS.iter().filter(|(_, other)| other.key(name).is_some()).map(|(other, _)| *other).collect();
    let problem = unknown_key(&reader.sheet, node, entry, shape);
    if !owners.is_empty() && problem.replacement().is_none() {
        return Problem::error("unknown-key", key.span.clone(), format!("{} has no key `{name}`", shape.name))
            .help(format!("it belongs to {}", listed(owners)));
    }
    problem
}

/// The step's id. Steps that can wait need an explicit one.
fn id(reader: &Reader<'_>, form: &Form<'_>, verb: &str, ix: usize, node: &Node) -> Option<String> {
    if form.get("id").is_some() {
        return reader.ids.get(ix).cloned().flatten();
    }
    if !matches!(verb, "switch" | "update" | "enroll" | "require" | "notify" | "watch" | "end") {
        let (message, help) = match verb {
            "split" => (
                "the arm that a lead has drawn is kept under the step's `id`, and it has none".to_owned(),
                "add `id: …`, so that who was drawn stays drawn when the workflow changes",
            ),
            _ => (
                format!("a step with `{verb}` can wait, so it needs an `id`"),
                "add `id: …`: runs that wait here are found again by it when the workflow changes",
            ),
        };
        let id = format!("{verb}-{}", ix + 1);
        let first = node.entries().first().map_or(node.span.start, |entry| entry.key.span.start);
        let line = reader.sheet.line_start(first);
        let (column, is_block) = (first - line, reader.sheet.text[line..first].trim() == "-");
        let added = if is_block { format!("id: {id}\n{}", " ".repeat(column)) } else { format!("id: {id}, ") };
        let problem = Problem::error("missing-id", node.pointer(), message).help(help);
        reader.sheet.report(problem.mend(first..first, added));
        return None;
    }
    Some(reader.new_id(&format!("{verb}-{}", ix + 1)))
}

/// `has_go`: whether a `go` beside it says what `else` should, which has been told.
fn switch(reader: &Reader<'_>, node: &Node, has_go: bool) -> Option<Vec<Arm>> {
    let items = reader.sheet.list(node, "`switch`")?;
    let mut arms = Some(Vec::new());
    let mut otherwise = None;
    for (ix, item) in items.iter().enumerate() {
        if item.get("else").is_some() {
            let form = Form::open(&reader.sheet, item, &ELSE);
            let go = form.and_then(|form| reader.target(form.get("else")?));
            if ix + 1 < items.len() {
                let problem =
                    Problem::error("else-not-last", item.pointer(), "what stands below `else` is never asked");
                let moved = reader.sheet.moved_to_end(node, item);
                reader.sheet.report(problem.help("move `else` to the end").mend_by(moved));
            }
            otherwise = Some(go);
            continue;
        }
        let arm = arm(reader, item, Place::Step);
        arms = arms.and_then(|mut arms: Vec<Arm>| {
            arms.push(arm?);
            Some(arms)
        });
    }
    let Some(otherwise) = otherwise else {
        if has_go {
            return None;
        }
        let problem =
            Problem::error("missing-else", node.pointer(), "`switch` does not say where to go when no condition holds");
        let problem = problem.help("add a last arm: `- else: …` and the id of a step, or `end`");
        reader.sheet.report(problem.mend_by(reader.sheet.put_item_in(node, &["else: end"])));
        return None;
    };
    let mut arms = arms?;
    arms.push(Arm { condition: Expr::TRUE, go: otherwise? });
    Some(arms)
}

/// `{ if: …, go: … }`
pub(super) fn arm(reader: &Reader<'_>, node: &Node, place: Place) -> Option<Arm> {
    let form = Form::open(&reader.sheet, node, &ARM)?;
    let test = form.get("if").and_then(|test| condition(&reader.sheet, reader.known, test, place));
    let go = form.get("go").and_then(|go| reader.target(go));
    Some(Arm { condition: test?, go: go? })
}

/// The mail of a step or touch. `form` has the key `via`.
pub(super) fn email(reader: &Reader<'_>, form: &Form<'_>, value: &Node, used: Use) -> Option<Email> {
    let script = reader.script(value, used);
    let via = match form.get("via") {
        Some(node) => reader.connection(node),
        None if !reader.known.has_all("contact") => None,
        None => reader.known.email_via.clone().or_else(|| {
            let problem = Problem::error(
                "no-connection",
                value.span.clone(),
                "nothing says by which connection this mail leaves",
            );
            let help = "add `via: …` to this step, or `contact: { email_via: … }` to cadenza.yaml";
            reader.sheet.report(problem.help(help).mend_by(reader.with_via(form)));
            None
        }),
    };
    let purpose = purpose(reader, form);
    Some(Email { script: script?, via: via?, results: None, purpose: purpose? })
}

/// What a message is for.
fn purpose(reader: &Reader<'_>, form: &Form<'_>) -> Option<Purpose> {
    let Some(node) = form.get("purpose") else { return Some(Purpose::default()) };
    if let Some((said, ours)) = node.scalar().and_then(|scalar| Some((&scalar.text, foreign::purpose(&scalar.text)?))) {
        let problem = Problem::error("unknown-word", node.span.clone(), format!("`{said}` cannot be a purpose"));
        reader.sheet.report(problem.label(format!("here it is `{ours}`")).replace(ours));
        return None;
    }
    reader.sheet.word(node, "a purpose", &PURPOSES)
}

/// The mail of a step, which may lead elsewhere when it does not arrive.
fn mail(reader: &Reader<'_>, form: &Form<'_>, value: &Node) -> Option<Email> {
    let results = ways_of_message(reader, form, "mail");
    let email = email(reader, form, value, Use::Mail)?;
    Some(Email { results: results?, ..email })
}

/// The `results` of a mail, message or request, if there are any. The outer option is `None` when they are broken.
pub(super) fn ways_of_message(reader: &Reader<'_>, form: &Form<'_>, what: &str) -> Option<Option<MailResults>> {
    let Some(node) = form.get("results") else { return Some(None) };
    if form.get("go").is_some() {
        let message = format!("a {what} with `results` has several ways out");
        let problem = Problem::error("several-ways-out", form.key_span("go"), message);
        let problem = problem.help("`results` says where each of them leads; remove `go`");
        let without = form.without(&reader.sheet, "go").filter(|_| covers_all(node));
        reader.sheet.report(problem.mend_by(without));
    }
    tasks::mail_results(reader, node, what).map(Some)
}

/// The text message of a step or touch. `form` has the key `via`.
pub(super) fn text_message(reader: &Reader<'_>, form: &Form<'_>, value: &Node, used: Use) -> Option<Email> {
    let script = reader.script(value, used);
    let via = form.get("via").and_then(|node| reader.other_than_mails(node, "a text message"));
    let purpose = purpose(reader, form);
    Some(Email { script: script?, via: via?, results: None, purpose: purpose? })
}

/// The text message of a step.
fn message(reader: &Reader<'_>, form: &Form<'_>, value: &Node) -> Option<Email> {
    let results = ways_of_message(reader, form, "message");
    let message = text_message(reader, form, value, Use::Message)?;
    Some(Email { results: results?, ..message })
}

pub(super) fn enroll(reader: &Reader<'_>, node: &Node, place: Place) -> Option<Enrolment> {
    if !matches!(node.content, Content::Map(_)) {
        return workflow(reader, node).map(|workflow| Enrolment { workflow, key: None });
    }
    let form = Form::open(&reader.sheet, node, &ENROLMENT_FORM)?;
    let workflow = form.get("workflow").and_then(|node| workflow(reader, node));
    let key = form
        .get("key")
        .map_or(Some(None), |node| expression(&reader.sheet, reader.known, node, place, ValueType::Any).map(Some));
    Some(Enrolment { workflow: workflow?, key: key? })
}

/// Reports a step that puts the lead into a workflow of its own group: that would end this run, or not let the lead in.
pub(super) fn into_own_group(reader: &Reader<'_>, own: Option<&String>, items: &[Node], steps: &[Option<Step>]) {
    let Some(own) = own else { return };
    for (item, step) in items.iter().zip(steps) {
        let Some(Step { verb: Verb::Enroll(into), next, .. }) = step else { continue };
        if reader.known.groups.get(&into.workflow) != Some(own) || *next == Target::End {
            continue;
        }
        let at = item.get("enroll").unwrap_or(item).pointer();
        let problem = own_group(at.clone(), own, &into.workflow).help("add `go: end`: this run is over then");
        let sheet = &reader.sheet;
        let key =
            item.entries().iter().find(|entry| entry.key.text == "enroll").map_or(at, |entry| entry.key.span.clone());
        let line = sheet.line_start(key.start);
        let is_block = sheet.text[line..key.start].trim_matches([' ', '-']).is_empty();
        let added = format!("go: end\n{}", " ".repeat(key.start - line));
        let added = if is_block { added } else { "go: end, ".to_owned() };
        sheet.report(problem.mend(key.start..key.start, added));
    }
}

/// The problem of a run that puts its lead into a workflow of its own group while it goes on.
pub(super) fn own_group(at: Range<usize>, own: &str, into: &str) -> Problem {
    let message = format!("`{into}` is of the same group, `{own}`: a lead is in one workflow of it at a time");
    Problem::error("own-group", at, message)
}

fn workflow(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.sheet.text(node, "the name of a workflow")?;
    if reader.known.workflows.has(&name) {
        return Some(name);
    }
    let problem = Problem::error("unknown-workflow", node.span.clone(), format!("there is no workflow `{name}`"));
    reader.sheet.report(problem.suggest(&name, reader.known.workflows.iter(), "workflows"));
    None
}

pub(super) fn update(reader: &Reader<'_>, node: &Node, place: Place) -> Option<Vec<Assignment>> {
    let entries = reader.sheet.named(node, "`update`")?;
    if entries.is_empty() {
        reader.sheet.report(Problem::error("empty-list", node.span.clone(), "`update` sets nothing"));
    }
    let read: Vec<Option<Assignment>> = entries.iter().map(|entry| assignment(reader, entry, place)).collect();
    read.into_iter().collect()
}

impl Reader<'_> {
    /// An id that no step of the file has yet.
    fn new_id(&self, wanted: &str) -> String {
        let mut id = wanted.to_owned();
        while self.ids.iter().flatten().any(|taken| *taken == id) {
            id.push('x');
        }
        id
    }

    /// The mapping with an existing connection added.
    pub(super) fn with_via(&self, form: &Form<'_>) -> Option<Edit> {
        form.with(&self.sheet, &format!("via: {}", self.one_of("connection")?))
    }

    /// The type of a field whose value is given, rather than kept by the engine.
    pub(super) fn given_field(&self, field: &str, span: &Range<usize>, cannot: &str) -> Option<ValueType> {
        match self.known.field(field) {
            Some(kind) if field_info(field).is_none_or(|info| info.given) => Some(kind),
            Some(_) => {
                let message = format!("`{field}` is kept by the engine: {cannot}");
                let problem = Problem::error("kept-field", span.clone(), message);
                self.sheet.report(problem.help("of these fields only `stage` and `segment` can be set, by `update`"));
                None
            }
            None if !self.known.has_all("fields") => Some(ValueType::Any),
            None => {
                let message = format!("`lead` has no field `{field}`");
                let problem = Problem::error("unknown-field", span.clone(), message);
                let names = self.known.given_fields().chain(["stage", "segment"]);
                let help = "fields of your own are declared under `fields` in cadenza.yaml";
                self.sheet.report(problem.suggest(field, names, "fields").or_help(help));
                None
            }
        }
    }
}

fn assignment(reader: &Reader<'_>, Entry { key, value }: &Entry, place: Place) -> Option<Assignment> {
    let field = key.text.as_str();
    match field {
        "stage" => {
            let said =
                reader.known.own_word(&reader.sheet, value, "a stage", ("stages", &reader.known.own_words.stages))?;
            return Some(match said.own {
                Some(own) => Assignment::OwnStage { own, means: said.means },
                None => Assignment::Stage(said.means),
            });
        }
        "segment" => {
            let segments: Vec<_> = Segment::ALL.iter().map(|segment| (segment.as_str(), *segment)).collect();
            return reader.sheet.word(value, "a segment", &segments).map(Assignment::Segment);
        }
        _ => {}
    }
    let kind = reader.given_field(field, &key.span, "`update` cannot set it")?;
    let literal = |scalar| {
        literal_name(reader, value, scalar, field).or_else(|| literal_sum(reader, value, scalar, (field, kind)))
    };
    if let Some(problem) = value.scalar().and_then(literal) {
        reader.sheet.report(problem);
        return None;
    }
    if kind == ValueType::Time
        && let Some((written, time)) = value.scalar().and_then(|s| Some((&s.text, as_time(&s.text, reader.known)?)))
    {
        let message = format!("`{field}` is a point in time, and `{written}` does not say in which zone");
        let problem = Problem::error("wrong-type", value.span.clone(), message);
        reader.sheet.report(problem.label(format!("write `{time}`")).replace(time));
        return None;
    }
    let value = match &value.content {
        Content::Map(_) => {
            let form = Form::open(&reader.sheet, value, &COMPUTED)?;
            let cel = form.get("cel")?;
            let made = expression(&reader.sheet, reader.known, cel, place, kind)?;
            if let Expr::Literal(value) = &made {
                reader.sheet.choice(cel, value.clone(), reader.known.choices(field))?;
            }
            made
        }
        Content::Scalar(scalar) if scalar.is_null() && !scalar.text.is_empty() => Expr::Literal(Value::Blank),
        _ => {
            let read = reader.sheet.value(value, kind, &format!("`{field}`"))?;
            Expr::Literal(reader.sheet.choice(value, read, reader.known.choices(field))?)
        }
    };
    Some(Assignment::Field { field: field.to_owned(), value })
}

/// `lead.seats + 1`, which would be a text. What is to be one may have names in it, unless it is put together with them.
fn literal_sum(reader: &Reader<'_>, node: &Node, scalar: &Scalar, (field, kind): (&str, ValueType)) -> Option<Problem> {
    let text = scalar.text.trim();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let named = |word: &&str| word.split_once('.').is_some_and(|(object, of)| is_name(reader.known, object, of));
    let first = text.split(|c: char| !is_word(c)).find(named)?;
    let rest = text.strip_prefix(first).map(str::trim_start);
    let is_sum =
        rest.is_some_and(|rest| rest.starts_with(['+', '*', '/', '?', '=', '<', '>']) || rest.starts_with("- "));
    if !scalar.is_plain() || !(is_sum || kind != ValueType::Text) || kind == ValueType::Any {
        return None;
    }
    let instead = format!("{{ cel: {} }}", quoted(text));
    let message = format!("`{text}` is not worked out: a value is, under `cel`");
    let problem = Problem::error("taken-literally", node.span.clone(), message);
    Some(problem.label(format!("write `{field}: {instead}`")).replace(instead))
}

/// A value that somebody wants filled in, as a template or by its name: here it would be taken as it stands.
fn literal_name(reader: &Reader<'_>, node: &Node, scalar: &Scalar, field: &str) -> Option<Problem> {
    let text = scalar.text.trim();
    let expression = match text.split_once('.') {
        _ if is_template(text) => as_expression(text),
        Some((object, of)) if is_name(reader.known, object, of) => Some(text.to_owned()),
        _ => return None,
    };
    let message = format!("`{text}` would be taken as it stands: a value is worked out under `cel`");
    let problem = Problem::error("taken-literally", node.span.clone(), message);
    Some(match expression {
        Some(expression) => {
            let quoted = if expression.contains(['"', '\'', ':', '#']) { quoted(&expression) } else { expression };
            let instead = format!("{{ cel: {quoted} }}");
            problem.label(format!("write `{field}: {instead}`")).replace(instead)
        }
        None => problem.help(format!("write `{field}: {{ cel: lead.company }}`: an expression, without braces in it")),
    })
}

/// Whether `object.field` is a name that expressions know.
pub(super) fn is_name(known: &Known<'_>, object: &str, field: &str) -> bool {
    match Object::parse(object) {
        Some(Object::Lead) => known.field(field).is_some(),
        Some(Object::Event) if field.starts_with("data.") => true,
        Some(object) => fields_of(object).any(|known| known == field),
        None => false,
    }
}

/// `Plan {{ lead.plan }}` as `"Plan " + lead.plan`; `None` when it contains more than names.
fn as_expression(template: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        let name = name.trim();
        if before.contains("{%") || name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        if !before.is_empty() {
            parts.push(format!("{before:?}"));
        }
        parts.push(name.to_owned());
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(format!("{rest:?}"));
    }
    (!rest.contains("{%")).then(|| parts.join(" + "))
}
