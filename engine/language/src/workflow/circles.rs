//! Circles in which a lead would turn without time passing, across all workflows of the folder: a run that goes from
//! step to step, and runs that put the lead into each other's workflows.

use super::flow::{Takes, step_of, ways};
use crate::diagnostic::{Problem, Sheet};
use cadenza_core::workflow::{ReEnroll, Step, Target, Verb};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

/// The most circles that are reported for steps that all lead to each other.
const TOLD_MAX: usize = 16;

/// The parts of a workflow that are searched for circles. Steps that could not be read are `None`.
pub(crate) struct Outline<'a> {
    pub(super) sheet: Sheet<'a>,
    pub(super) name: String,
    pub(super) re_enroll: ReEnroll,
    pub(super) steps: Vec<Option<Step>>,
    /// The range of each step in the file.
    pub(super) places: Vec<Range<usize>>,
}

impl Outline<'_> {
    /// Whether a lead can enter again as soon as its last run is over.
    fn takes_again_at_once(&self) -> bool {
        match &self.re_enroll {
            ReEnroll::Always => true,
            ReEnroll::After(span) => span.is_zero(),
            // The condition must have been false when the last run ended, so it cannot hold at once.
            ReEnroll::Never | ReEnroll::When(_) => false,
        }
    }

    fn step(&self, ix: usize) -> Option<&Step> {
        self.steps.get(ix)?.as_ref()
    }

    /// Whether a run can end without any time passing from here on, and what that takes.
    fn ends_at_once(&self, from: Target) -> Option<Takes> {
        let over = |takes: &[Takes]| self.ends_by(from, takes);
        if over(&[Takes::Nothing]) {
            Some(Takes::Nothing)
        } else {
            over(&[Takes::Nothing, Takes::NothingIfPast]).then_some(Takes::NothingIfPast)
        }
    }

    fn ends_by(&self, from: Target, wanted: &[Takes]) -> bool {
        let mut seen = BTreeSet::new();
        let mut pending = vec![from];
        while let Some(target) = pending.pop() {
            let Some(ix) = step_of(target) else { return true };
            let Some(step) = self.step(ix).filter(|_| seen.insert(ix)) else { continue };
            if matches!(step.verb, Verb::End(_)) {
                return true;
            }
            pending.extend(ways(step).into_iter().filter(|way| wanted.contains(&way.takes)).map(|way| way.to));
        }
        false
    }
}

/// A step of a workflow, by the indexes of both.
type Place = (usize, usize);
type Graph = DiGraph<Place, Takes>;

/// Reports each circle in the file in which it begins.
pub(crate) fn check(outlines: &[Outline<'_>]) {
    outlines.iter().for_each(into_itself);
    let graph = graph(outlines);
    let mut named = BTreeSet::new();
    for circle in circles(&graph, |takes| matches!(takes, Takes::Nothing | Takes::NothingIfPast), &mut named) {
        report(outlines, &circle, Problem::error, "a lead would turn in this circle without a pause", ALWAYS);
    }
    for circle in circles(&graph, |takes| matches!(takes, Takes::Nothing | Takes::NothingIfRefused), &mut named) {
        let message = "a lead who may be neither called nor mailed would turn in this circle without a pause";
        report(outlines, &circle, Problem::warning, message, IF_REFUSED);
    }
}

const ALWAYS: (&str, &str) = ("loop-without-wait", "put a `wait`, `call` or `task` into it");
const IF_REFUSED: (&str, &str) = (
    "loop-when-refused",
    "a call, mail or cadence is passed over at once for a lead who opted out or has no number or address: put a `wait` \
     into the circle, or lead those leads out of it by a `switch`",
);

fn report(
    outlines: &[Outline<'_>],
    circle: &[Place],
    problem: fn(&'static str, Range<usize>, String) -> Problem,
    message: &str,
    (code, help): (&'static str, &str),
) {
    let Some((first, at)) = circle.first().and_then(|(w, s)| Some((*w, outlines[*w].places.get(*s)?.clone()))) else {
        return;
    };
    let alone = circle.iter().all(|(workflow, _)| *workflow == first);
    let name = |(w, s): &Place| {
        let id = outlines[*w].step(*s).map_or("", |step| step.id.as_str());
        if alone { format!("`{id}`") } else { format!("`{id}` of `{}`", outlines[*w].name) }
    };
    let path: Vec<String> = circle.iter().chain(circle.first()).map(name).collect();
    let problem = problem(code, at, format!("{message}: {}", path.join(" → "))).help(help);
    outlines[first].sheet.report(if alone {
        problem
    } else {
        let again = circle.iter().find(|(w, s)| *s == 0 && outlines[*w].takes_again_at_once());
        let again = again.map_or("one of them", |(w, _)| outlines[*w].name.as_str());
        problem
            .help(format!("or let a lead come into `{again}` again only later: `re_enroll: {{ after: 1d }}`, or never"))
    });
}

/// Reports a step that puts a lead into its own workflow: the engine refuses that while the run goes on.
fn into_itself(outline: &Outline<'_>) {
    for (step, place) in outline.steps.iter().zip(&outline.places) {
        let Some(step) = step.as_ref().filter(
            |step| matches!(&step.verb, Verb::Enroll(into) if into.workflow == outline.name && into.key.is_none()),
        ) else {
            continue;
        };
        let name = &outline.name;
        if step.next != Target::End {
            let message = format!("a lead that is in `{name}` cannot be put into it again: this does nothing");
            let problem = Problem::error("never-enrolled", place.clone(), message);
            outline.sheet.report(problem.help(
                "to begin anew lead to the first step by `go: …`; or end this run with `go: end` here, and let leads come \
                 in again by `re_enroll: always`",
            ));
        } else if !outline.takes_again_at_once() {
            let message = format!("`re_enroll` does not let a lead into `{name}` again that has just left it");
            let problem = Problem::error("never-enrolled", place.clone(), message);
            outline.sheet.report(problem.help("write `re_enroll: always`, or lead to the first step by `go: …`"));
        }
    }
}

fn graph(outlines: &[Outline<'_>]) -> Graph {
    let mut graph = Graph::new();
    let nodes: Vec<Vec<NodeIndex>> = outlines
        .iter()
        .enumerate()
        .map(|(w, outline)| (0..outline.steps.len()).map(|s| graph.add_node((w, s))).collect())
        .collect();
    let by_name: BTreeMap<&str, usize> = outlines.iter().enumerate().map(|(w, o)| (o.name.as_str(), w)).collect();
    for (w, outline) in outlines.iter().enumerate() {
        for (s, step) in outline.steps.iter().enumerate() {
            let Some(step) = step else { continue };
            for way in ways(step) {
                if let Some(to) = step_of(way.to).and_then(|to| nodes[w].get(to)) {
                    graph.add_edge(nodes[w][s], *to, way.takes);
                }
            }
            // A lead that is put into another workflow can come back here only if this run is over by then.
            if let Verb::Enroll(into) = &step.verb
                && let Some(other) = by_name.get(into.workflow.as_str())
                && let Some(first) = nodes[*other].first()
                && outlines[*other].takes_again_at_once()
                && let Some(takes) = outline.ends_at_once(step.next)
            {
                graph.add_edge(nodes[w][s], *first, takes);
            }
        }
    }
    graph
}

/// Circles over the wanted ways, made only of steps that are not in `named`. Their steps are added to it.
fn circles(graph: &Graph, wanted: impl Fn(Takes) -> bool, named: &mut BTreeSet<NodeIndex>) -> Vec<Vec<Place>> {
    let part = graph.filter_map(|_, place| Some(*place), |_, takes| wanted(*takes).then_some(*takes));
    let mut found = Vec::new();
    let mut groups: Vec<BTreeSet<NodeIndex>> =
        tarjan_scc(&part).into_iter().map(|group| group.into_iter().collect()).collect();
    groups.sort();
    for group in groups {
        for start in group.iter().take(TOLD_MAX) {
            let Some(circle) = shortest_circle(&part, &group, *start) else { continue };
            if circle.iter().any(|node| named.contains(node)) {
                continue;
            }
            named.extend(&circle);
            found.push(circle.into_iter().map(|node| part[node]).collect());
        }
    }
    found
}

/// The shortest way from `start` back to itself, within a group of steps that lead to each other.
fn shortest_circle(graph: &Graph, group: &BTreeSet<NodeIndex>, start: NodeIndex) -> Option<Vec<NodeIndex>> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut next: Vec<NodeIndex> = graph.edges(node).map(|edge| edge.target()).collect();
        next.sort();
        for to in next.into_iter().filter(|to| group.contains(to)) {
            if to == start {
                let mut path = vec![node];
                while let Some(before) = came_from.get(&path[path.len() - 1]) {
                    path.push(*before);
                }
                path.reverse();
                return Some(path);
            }
            if to != start && !came_from.contains_key(&to) {
                came_from.insert(to, node);
                queue.push_back(to);
            }
        }
    }
    None
}
