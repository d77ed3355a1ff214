//! Questions to plugins: `score`, `branch` and `escalate`, their parameters, and what happens when there is no answer.

use super::shapes::{BRANCH_FAILURE, ESCALATE, SCORE_FAILURE};
use super::tasks::with_else;
use super::{Reader, without_else};
use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::putting_in::Edit;
use crate::shape::Shape;
use crate::suggest::listed;
use crate::team::ROLES;
use crate::yaml::{Content, Node};
use cadenza_core::field::field_info;
use cadenza_core::plugin::{DecisionKind, FieldRead, ParameterError, PluginInfo, Segment, With, lay_out};
use cadenza_core::time::Span;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::{Ask, Branch, Escalate, MAIN_SCORE, OnFailure, Recipient, Score, Target};
use std::collections::BTreeMap;

/// The most points of an escalation.
const POINTS_MAX: usize = 16;

pub(super) fn score(reader: &Reader<'_>, form: &Form<'_>, plugin: &Node) -> Option<Score> {
    let ask = ask(reader, plugin, form.get("with"), DecisionKind::Scoring);
    let name = form
        .get("as")
        .map_or_else(|| Some(MAIN_SCORE.to_owned()), |name| reader.sheet.name(name, "the name of a score"));
    let segments: Vec<_> = Segment::ALL.iter().map(|segment| (segment.as_str(), *segment)).collect();
    let on_failure = on_failure(reader, form.get("on_failure"), &SCORE_FAILURE, DecisionKind::Scoring, |node| {
        reader.sheet.word(node, "a segment", &segments)
    });
    Some(Score { ask: ask?, name: name?, on_failure: on_failure? })
}

pub(super) fn branch(reader: &Reader<'_>, form: &Form<'_>, plugin: &Node) -> Option<Branch> {
    let ask = ask(reader, plugin, form.get("with"), DecisionKind::Nurture);
    let info = ask.as_ref().and_then(|ask| reader.known.plugins.info(&ask.plugin));
    let tracks = form.get("tracks").and_then(|node| tracks(reader, node, info));
    let on_failure = on_failure(reader, form.get("on_failure"), &BRANCH_FAILURE, DecisionKind::Nurture, |node| {
        let track = reader.sheet.text(node, "a track")?;
        let known = info.is_none_or(|info| info.tracks.contains(&track));
        if let (false, Some(info)) = (known, info) {
            reader.sheet.report(unknown_track(node.span.clone(), &track, info));
        }
        known.then_some(track)
    });
    let (tracks, otherwise) = tracks?;
    Some(Branch { ask: ask?, tracks, otherwise, on_failure: on_failure? })
}

/// The target of each track, and the target for any other track.
fn tracks(reader: &Reader<'_>, node: &Node, info: Option<&PluginInfo>) -> Option<(BTreeMap<String, Target>, Target)> {
    let (named, otherwise) = without_else(reader.sheet.named(node, "`tracks`")?);
    let mut tracks = BTreeMap::new();
    let mut last = None;
    let mut sound = true;
    for entry in named {
        let track = &entry.key.text;
        if let Some(info) = info.filter(|info| !info.tracks.contains(track)) {
            reader.sheet.report(unknown_track(entry.key.span.clone(), track, info));
            sound = false;
        }
        match reader.target(&entry.value) {
            Some(target) => {
                tracks.insert(track.clone(), target);
                last = Some(target);
            }
            None => sound = false,
        }
    }
    if let Some(otherwise) = otherwise {
        let otherwise = reader.target(otherwise)?;
        return sound.then_some((tracks, otherwise));
    }
    let missing: Vec<&str> = info.map_or_else(Vec::new, |info| {
        info.tracks.iter().map(String::as_str).filter(|track| node.get(track).is_none()).collect()
    });
    if let Some(info) = info.filter(|info| !missing.is_empty() || info.tracks.is_empty()) {
        let message = format!("`tracks` does not cover {}, which `{}` may answer", listed(missing), info.name);
        let problem = Problem::error("missing-else", node.pointer(), message);
        let problem = problem.help("add them, or `else: …` and the id of a step, or `end`");
        reader.sheet.report(problem.mend_by(with_else(reader, node)));
        return None;
    }
    // Every track is named. If a later version of the plugin has another track, that one takes the target of the last.
    last.filter(|_| sound).map(|last| (tracks, last))
}

fn unknown_track(span: std::ops::Range<usize>, track: &str, info: &PluginInfo) -> Problem {
    let problem = Problem::error("unknown-track", span, format!("`{}` never answers the track `{track}`", info.name));
    problem.suggest_one(track, info.tracks.iter().map(String::as_str), "tracks it answers")
}

pub(super) fn escalate(reader: &Reader<'_>, node: &Node) -> Option<Escalate> {
    let form = reader.open(node, &ESCALATE)?;
    let ask = form.get("plugin").and_then(|plugin| ask(reader, plugin, form.get("with"), DecisionKind::Escalation));
    let at = form.get("at").and_then(|at| points(reader, at));
    let remind = form.get("remind").map_or(Some(Recipient::Owner), |node| recipient(reader, node));
    let raise = form.get("raise").map_or(Some(Recipient::Manager), |node| recipient(reader, node));
    Some(Escalate { ask: ask?, at: at?, remind: remind?, raise: raise? })
}

fn points(reader: &Reader<'_>, node: &Node) -> Option<Vec<Span>> {
    let items = reader.sheet.items(node);
    let read: Vec<Option<Span>> = items.iter().map(|item| reader.sheet.duration(item)).collect();
    let points = read.into_iter().collect::<Option<Vec<Span>>>()?;
    for (item, pair) in items.iter().skip(1).zip(points.windows(2)) {
        if pair[0].approximate_ms() >= pair[1].approximate_ms() {
            let message = format!("`{}` does not come after `{}`", pair[1], pair[0]);
            let problem = Problem::error("not-ascending", item.span.clone(), message);
            let problem = problem.help("order the points from early to late; each counts from when the task was made");
            reader.sheet.report(problem.mend_by(in_order(&reader.sheet, items, &points)));
            return None;
        }
    }
    if points.is_empty() || points.len() > POINTS_MAX {
        let message = format!("`at` has {} points", points.len());
        reader.sheet.report(
            Problem::error("empty-list", node.pointer(), message)
                .help(format!("name 1 to {POINTS_MAX}: `[5m, 15m, 1h]`")),
        );
        return None;
    }
    Some(points)
}

/// The points of a list in brackets, sorted and without repetition.
fn in_order(sheet: &Sheet<'_>, items: &[Node], points: &[Span]) -> Option<Edit> {
    let (first, last) = (items.first()?.span.start, items.last()?.span.end);
    let mut ordered: Vec<(i64, &str)> =
        points.iter().zip(items).map(|(span, item)| (span.approximate_ms(), &sheet.text[item.span.clone()])).collect();
    ordered.sort_unstable();
    ordered.dedup_by_key(|(ms, _)| *ms);
    let ordered: Vec<&str> = ordered.into_iter().map(|(_, written)| written).collect();
    (!sheet.text[first..last].contains('\n')).then(|| (first..last, ordered.join(", ")))
}

fn recipient(reader: &Reader<'_>, node: &Node) -> Option<Recipient> {
    let name = reader.sheet.text(node, "`owner`, `manager` or a rep")?;
    match name.as_str() {
        "owner" => return Some(Recipient::Owner),
        "manager" => return Some(Recipient::Manager),
        _ if reader.known.reps.has(&name) => return Some(Recipient::Rep(name)),
        _ => {}
    }
    let problem = Problem::error("unknown-rep", node.span.clone(), format!("there is no rep `{name}`"));
    let names = ROLES.into_iter().chain(reader.known.reps.iter());
    reader.sheet.report(match reader.known.rep_called(&name) {
        Some(rep) => problem.label(format!("a rep is named by the id: `{rep}`")).replace(rep),
        None => problem.suggest(&name, names, "those who can hear of it"),
    });
    None
}

/// The policy for when the plugin gives no decision.
fn on_failure<V>(
    reader: &Reader<'_>,
    node: Option<&Node>,
    shape: &'static Shape,
    kind: DecisionKind,
    value: impl Fn(&Node) -> Option<V>,
) -> Option<OnFailure<V>> {
    let Some(node) = node else { return Some(OnFailure::Park) };
    if matches!(node.content, Content::Scalar(_)) {
        return reader.sheet.word(node, "what happens on failure", &[("park", ())]).map(|()| OnFailure::Park);
    }
    let form = Form::open(&reader.sheet, node, shape)?;
    let key = shape.keys[0].name;
    match (form.get(key), form.get("plugin")) {
        (Some(fallback), None) => value(fallback).map(OnFailure::Fallback),
        (None, Some(plugin)) => ask(reader, plugin, form.get("with"), kind).map(OnFailure::Plugin),
        _ => {
            let problem = Problem::error(
                "bad-on-failure",
                form.pointer(),
                format!("`on_failure` has either `{key}` or `plugin`"),
            );
            let problem = problem.help(format!("write `{{ {key}: … }}` alone, `{{ plugin: … }}` or `park`"));
            reader.sheet.report(problem);
            None
        }
    }
}

/// The question. Checks that the plugin exists and takes this kind of decision, and that its parameters and what it
/// reads fit.
fn ask(reader: &Reader<'_>, plugin: &Node, with: Option<&Node>, kind: DecisionKind) -> Option<Ask> {
    let name = reader.sheet.text(plugin, "a plugin")?;
    let catalog = reader.known.plugins;
    let fitting = || {
        let names = catalog.names();
        names
            .into_iter()
            .filter(|name| catalog.info(name).is_some_and(|info| info.kinds.contains(&kind)))
            .collect::<Vec<_>>()
    };
    let Some(info) = catalog.info(&name) else {
        if catalog.trouble(&name).is_some() {
            // That is reported where the workspace names the plugin's file.
            return None;
        }
        let problem = Problem::error("unknown-plugin", plugin.span.clone(), format!("there is no plugin `{name}`"));
        reader.sheet.report(problem.suggest_one(&name, fitting(), &format!("plugins for {kind}")));
        return None;
    };
    if !info.kinds.contains(&kind) {
        let decides = listed(info.kinds.iter().map(|kind| kind.as_str()));
        let problem = Problem::error(
            "wrong-plugin",
            plugin.span.clone(),
            format!("`{name}` is a plugin for {decides}, not for `{kind}`"),
        );
        reader.sheet.report(problem.suggest_one("", fitting(), &format!("plugins for {kind}")));
        return None;
    }
    let with = match with {
        Some(node) => parameters(reader, node, info)?,
        None => With::new(),
    };
    let laid_out = match lay_out(info, &with) {
        Ok(laid_out) => laid_out,
        // Everything under `with` was checked one by one, so only a missing parameter can be wrong.
        Err(ParameterError::Missing { name: parameter, kind }) => {
            let message = format!("`{name}` wants the parameter `{parameter}`");
            let problem = Problem::error("missing-parameter", plugin.span.clone(), message);
            let about =
                info.parameters.iter().find(|known| known.name == parameter).map_or("", |known| known.summary.as_str());
            reader.sheet.report(
                problem.help(format!("add `with: {{ {parameter}: … }}`, {}: {about}", crate::scalar::kind_words(kind))),
            );
            return None;
        }
        Err(other) => {
            reader.sheet.report(Problem::error("bad-parameter", plugin.span.clone(), other.to_string()));
            return None;
        }
    };
    reads(reader, plugin, &name, &laid_out).then_some(Ask { plugin: name, with })
}

/// `with`, each value checked by its parameter's type and range.
fn parameters(reader: &Reader<'_>, node: &Node, info: &PluginInfo) -> Option<With> {
    let mut with = With::new();
    let mut sound = true;
    for entry in reader.sheet.named(node, "`with`")? {
        let (key, value) = (&entry.key, &entry.value);
        let Some(parameter) = info.parameters.iter().find(|parameter| parameter.name == key.text) else {
            let message = format!("`{}` has no parameter `{}`", info.name, key.text);
            let problem = Problem::error("unknown-parameter", key.span.clone(), message);
            let names = info.parameters.iter().map(|parameter| parameter.name.as_str());
            reader.sheet.report(problem.suggest(&key.text, names, "parameters"));
            sound = false;
            continue;
        };
        let Some(read) = reader.sheet.value(value, parameter.kind, &format!("`{}`", key.text)) else {
            sound = false;
            continue;
        };
        if parameter.kind == ValueType::Duration && is_business(value) {
            let message = format!("`{}` is passed as plain time, since business time needs a calendar", key.text);
            let problem = Problem::warning("plain-time", value.span.clone(), message);
            let help = "write minutes, hours or days, such as `36h`; a business day counts as 24 hours";
            reader.sheet.report(match value.scalar().and_then(|scalar| plain_time(&scalar.text)) {
                Some(plain) => problem.help(help).replace(plain),
                None => problem.help(help),
            });
        }
        let number = match read {
            Value::Int(int) => Some(int as f64),
            Value::Number(number) => Some(number),
            _ => None,
        };
        let (low, high) = (parameter.minimum.unwrap_or(f64::MIN), parameter.maximum.unwrap_or(f64::MAX));
        if number.is_some_and(|number| number < low || number > high) {
            let bounds = match (parameter.minimum, parameter.maximum) {
                (Some(low), Some(high)) => format!("from {low} to {high}"),
                (Some(low), None) => format!("of at least {low}"),
                (None, high) => format!("of at most {}", high.unwrap_or_default()),
            };
            let problem =
                Problem::error("bad-parameter", value.span.clone(), format!("`{}` takes a number {bounds}", key.text));
            let problem = problem.help(parameter.summary.clone());
            let nearest = number.map(|number| number.max(low).min(high));
            reader.sheet.report(match nearest {
                Some(nearest) => problem.replace(nearest.to_string()),
                None => problem,
            });
            sound = false;
        }
        with.insert(key.text.clone(), read);
    }
    sound.then_some(with)
}

/// The same number of days or hours in elapsed time.
fn plain_time(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (count, business, unit) = (words.next()?.parse::<u32>().ok()?, words.next()?, words.next()?);
    let unit = ["minute", "hour", "day"].into_iter().find(|known| unit.starts_with(known))?;
    (business == "business").then(|| format!("{count}{}", &unit[..1]))
}

fn is_business(node: &Node) -> bool {
    let span = node.scalar().and_then(|scalar| Span::parse(&scalar.text));
    span.is_some_and(|span| matches!(span, Span::Business(_) | Span::BusinessDays(_)))
}

/// Whether everything that the plugin reads exists in this workspace, with a type that fits.
fn reads(reader: &Reader<'_>, plugin: &Node, name: &str, parameters: &[Value]) -> bool {
    let reads = match reader.known.plugins.reads(name, parameters) {
        Ok(reads) => reads,
        Err(refusal) => {
            let problem = Problem::error(
                "bad-parameter",
                plugin.span.clone(),
                format!("`{name}` does not take these parameters"),
            );
            reader.sheet.report(problem.help(format!("it says: {refusal}")));
            return false;
        }
    };
    if !reader.known.has_all("fields") {
        return true;
    }
    let missing: Vec<&FieldRead> =
        reads.fields.iter().filter(|field| reader.known.field(&field.name).is_none()).collect();
    if let [first, ..] = missing[..] {
        let names = listed(missing.iter().map(|field| field.name.as_str()));
        let message = format!("`{name}` reads {names}, and leads have no such field");
        let problem = Problem::error("unknown-field", plugin.span.clone(), message);
        let FieldRead { name, kind } = first;
        let known = reader.known.field_names();
        let problem = match crate::suggest::nearest(name, known) {
            Some(near) => problem.help(format!("there is `{near}`: if that is meant, mend it in the plugin")),
            None => problem,
        };
        reader.sheet.report(problem.help(format!("declare it in cadenza.yaml: `fields: {{ {name}: {kind} }}`")));
    }
    let mut sound = missing.is_empty();
    for FieldRead { name: field, kind } in &reads.fields {
        let Some(ours) = reader.known.field(field).filter(|ours| !ours.fits(*kind)) else { continue };
        let message = format!("`{name}` reads `{field}` as {kind}, and here it is {ours}");
        let problem = Problem::error("field-type", plugin.span.clone(), message);
        reader.sheet.report(problem.help(match field_info(field) {
            Some(_) => "it is a standard field: this build of the plugin cannot be used with this engine".to_owned(),
            None => format!("declare it so in cadenza.yaml: `fields: {{ {field}: {kind} }}`, or change the plugin"),
        }));
        sound = false;
    }
    sound
}
