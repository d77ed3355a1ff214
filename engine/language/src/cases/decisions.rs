//! `decisions`: the decisions that a case gives for plugins.

use super::lookup::Lookup;
use super::model::{Decided, Stub};
use super::shapes::STUB;
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::suggest::listed;
use crate::yaml::{Content, Entry, Node};
use cadenza_core::plugin::{Action, DecisionKind, PluginInfo, Segment};
use std::collections::BTreeMap;

/// The points that a score may have.
const POINTS_MAX: i32 = 1_000;

pub(super) fn read(look: &Lookup<'_>, node: &Node) -> BTreeMap<String, Vec<Stub>> {
    let entries = look.sheet.named(node, "`decisions`").unwrap_or_default();
    let read = |entry: &Entry| {
        let info = look.plugin(&entry.key.text, entry.key.span.clone())?;
        let items = look.in_turn(&entry.value, &info.name, "decisions")?;
        let stubs: Option<Vec<Stub>> = items.iter().map(|item| stub(look, item, info)).collect();
        Some((entry.key.text.clone(), stubs?))
    };
    entries.iter().filter_map(read).collect()
}

fn stub(look: &Lookup<'_>, node: &Node, info: &PluginInfo) -> Option<Stub> {
    let sheet = &look.sheet;
    if matches!(node.content, Content::Scalar(_)) {
        let words = [("real", Stub::Real), ("fails", Stub::Fails)];
        let text = sheet.text(node, "a decision")?;
        if let Some((_, stub)) = words.into_iter().find(|(word, _)| *word == text) {
            return Some(stub);
        }
        let escalates = info.kinds.contains(&DecisionKind::Escalation);
        if let Some(action) = Action::parse(&text).filter(|_| escalates) {
            return Some(Stub::Escalate(action));
        }
        let actions = Action::ALL.iter().map(|action| action.as_str()).filter(|_| escalates);
        let names: Vec<&str> = ["real", "fails"].into_iter().chain(actions).collect();
        let message = format!("`{}` never decides `{text}`", info.name);
        let problem = Problem::error("wrong-decision", node.span.clone(), message);
        sheet.report(problem.suggest(&text, names, "one word can be").or_help(example(info)));
        return None;
    }
    let form = Form::open(sheet, node, &STUB)?;
    let decided = decided(look, &form, info)?;
    let look_again = form.get("look_again").and_then(|node| sheet.duration(node));
    let stub = match decided {
        Decided { points: Some(points), segment: Some(segment), track: None, action: None, .. } => {
            Some(Stub::Score { points, segment })
        }
        Decided { points: None, segment: None, track: Some(track), action: None, .. } => {
            Some(Stub::Track { track, look_again })
        }
        Decided { points: None, segment: None, track: None, action: Some(action), .. } => Some(Stub::Escalate(action)),
        _ => None,
    };
    if stub.is_none() {
        let message = format!("this is no whole decision of `{}`", info.name);
        sheet.report(Problem::error("wrong-decision", form.pointer(), message).help(example(info)));
    }
    stub
}

/// An example of how a decision of this plugin is written.
fn example(info: &PluginInfo) -> String {
    let one = |kind: &DecisionKind| match kind {
        DecisionKind::Scoring => "`{ points: 82, segment: hot }`".to_owned(),
        DecisionKind::Nurture => format!("`{{ track: {} }}`", info.tracks.first().map_or("weekly", String::as_str)),
        DecisionKind::Escalation => "`remind`".to_owned(),
    };
    format!("write {}", info.kinds.iter().map(one).collect::<Vec<_>>().join(" or "))
}

/// The parts of a decision that a mapping names. Each has to be one that the plugin can answer.
pub(super) fn decided(look: &Lookup<'_>, form: &Form<'_>, info: &PluginInfo) -> Option<Decided> {
    let sheet = &look.sheet;
    let fits = |key: &str, kind: DecisionKind| {
        let fits = form.get(key).is_none() || info.kinds.contains(&kind);
        if !fits {
            let decides = listed(info.kinds.iter().map(|kind| kind.as_str()));
            let message = format!("`{}` is a plugin for {decides}: it has no `{key}`", info.name);
            sheet.report(Problem::error("wrong-decision", form.key_span(key), message).help(example(info)));
        }
        fits
    };
    let (scores, escalates) = (DecisionKind::Scoring, DecisionKind::Escalation);
    if ![
        fits("points", scores),
        fits("segment", scores),
        fits("track", DecisionKind::Nurture),
        fits("action", escalates),
    ]
    .into_iter()
    .all(|fits| fits)
    {
        return None;
    }
    let segments: Vec<_> = Segment::ALL.iter().map(|segment| (segment.as_str(), *segment)).collect();
    let actions: Vec<_> = Action::ALL.iter().map(|action| (action.as_str(), *action)).collect();
    let points = form.get("points").map(|node| points(look, node));
    let segment = form.get("segment").map(|node| sheet.word(node, "a segment", &segments));
    let action = form.get("action").map(|node| sheet.word(node, "what an escalation decides", &actions));
    let track = form.get("track").map(|node| {
        let track = sheet.text(node, "a track")?;
        if info.tracks.contains(&track) {
            return Some(track);
        }
        let message = format!("`{}` never answers the track `{track}`", info.name);
        let problem = Problem::error("unknown-track", node.span.clone(), message);
        sheet.report(problem.suggest(&track, info.tracks.iter().map(String::as_str), "tracks it answers"));
        None
    });
    let whole = |read: bool| read.then_some(());
    whole(points.as_ref().is_none_or(Option::is_some))?;
    whole(segment.as_ref().is_none_or(Option::is_some))?;
    whole(action.as_ref().is_none_or(Option::is_some))?;
    whole(track.as_ref().is_none_or(Option::is_some))?;
    Some(Decided {
        points: points.flatten(),
        segment: segment.flatten(),
        track: track.flatten(),
        action: action.flatten(),
        fails: false,
    })
}

fn points(look: &Lookup<'_>, node: &Node) -> Option<i32> {
    let scalar = look.sheet.scalar(node, "a number of points")?;
    let points = scalar.text.parse::<i32>().ok().filter(|points| scalar.is_plain() && points.abs() <= POINTS_MAX);
    if points.is_none() {
        let problem = Problem::error("bad-number", node.span.clone(), format!("`{}` cannot be points", scalar.text));
        look.sheet.report(problem.help(format!("write a whole number from -{POINTS_MAX} to {POINTS_MAX}")));
    }
    points
}
