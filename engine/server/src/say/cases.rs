//! Cases in words: what was expected, what happened instead, and what no case visits.

use super::counted;
use cadenza_rehearsal::{Failure, Played, WorkflowCoverage};

/// The most lines of a story that are shown around a failure.
const STORY_LINES_MAX: usize = 60;
/// Lists are shortened to this many entries, unless all are wanted.
const LISTED_MAX: usize = 10;
/// The width of a line.
const WIDTH: usize = 110;

/// A case that was played: first what does not hold, then what happened.
pub(crate) fn told(played: &Played, all: bool) -> String {
    let practices =
        if played.practices.is_empty() { String::new() } else { format!(" ({})", played.practices.join(", ")) };
    let verdict = if played.holds() { "holds" } else { "FAILED" };
    let mut lines = vec![format!("{verdict}: {}{practices}", played.name)];
    lines.push(format!("        {}:{}", played.file, played.line));
    for failure in &played.failures {
        lines.push(String::new());
        lines.extend(failed(failure));
    }
    lines.push(String::new());
    lines.extend(story(played, all));
    lines.join("\n")
}

fn failed(failure: &Failure) -> Vec<String> {
    let mut lines = Vec::new();
    let line = format!("line {}", failure.line);
    match &failure.expected {
        Some(expected) => {
            lines.push(format!("  {line:<9} expected:       {expected}"));
            lines.push(format!("  {:<9} what happened:  {}", "", failure.happened));
        }
        None => lines.push(format!("  {line:<9} not possible:   {}", failure.happened)),
    }
    lines.extend(failure.because.iter().enumerate().map(|(ix, why)| {
        let head = if ix == 0 { "because:" } else { "" };
        format!("  {:<9} {head:<15} {why}", "")
    }));
    lines
}

/// What happened, around the last line that met an expectation; with `all`, every line of it.
fn story(played: &Played, all: bool) -> Vec<String> {
    let mut lines = vec![format!("  What happened; times are those of {}.", played.zone)];
    if played.story.is_empty() {
        lines.push("  Nothing.".to_owned());
        return lines;
    }
    // What is missing should have come near the last line that met an expectation.
    let last_met = played.story.iter().rposition(|line| !line.met.is_empty()).unwrap_or(0);
    let first = if all { 0 } else { last_met.saturating_sub(STORY_LINES_MAX / 2) };
    let until = if all { played.story.len() } else { (first + STORY_LINES_MAX).min(played.story.len()) };
    let left_out = |lines: usize, place: &str| {
        format!("  … {} {place} left out; --story shows all of them", counted(lines, "line"))
    };
    if first > 0 {
        lines.push(left_out(first, "before this"));
    }
    let mut day = "";
    for line in &played.story[first..until] {
        let (on, hour) = line.at.rsplit_once(' ').unwrap_or(("", &line.at));
        if on != day {
            lines.push(format!("  {on}"));
            day = on;
        }
        let met = line.met.first().map_or_else(String::new, |number| format!("line {number}"));
        let lead = line.lead.as_ref().map_or_else(String::new, |lead| format!("{lead}: "));
        lines.push(format!("    {hour}  {met:<9}{lead}{}", line.text));
        lines.extend(line.because.iter().map(|why| format!("    {:<16}  because: {why}", "")));
    }
    if until < played.story.len() {
        lines.push(left_out(played.story.len() - until, "after this"));
    }
    lines
}

/// What no case visits, workflow by workflow.
pub(crate) fn coverage(workflows: &[WorkflowCoverage], all: bool) -> String {
    let mut lines = vec!["Visited by these cases:".to_owned()];
    let width = workflows.iter().map(|of| of.workflow.len()).max().unwrap_or(0);
    for of in workflows {
        lines.push(format!(
            "  {:<width$}  {} of {}, {} of {} out of them",
            of.workflow,
            of.steps_visited,
            counted(of.steps, "step"),
            of.ways_visited,
            counted(of.ways, "way"),
        ));
    }
    for of in workflows {
        let parts = [
            ("steps", &of.never_reached),
            ("ways", &of.never_taken),
            ("endings by `leave`", &of.never_left),
            ("interrupts", &of.never_interrupted),
        ];
        for (what, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
            lines.extend(wrapped(&format!("No case visits these {what} of {}: ", of.workflow), names, all));
        }
    }
    let lists = |of: &WorkflowCoverage| {
        [&of.never_reached, &of.never_taken, &of.never_left, &of.never_interrupted].map(Vec::len)
    };
    if !all && workflows.iter().flat_map(lists).any(|length| length > LISTED_MAX) {
        lines.push("--coverage lists all of them.".to_owned());
    }
    lines.join("\n")
}

/// Names one after the other, with as many on a line as fit.
fn wrapped(head: &str, names: &[String], all: bool) -> Vec<String> {
    let shown = if all { names.len() } else { names.len().min(LISTED_MAX) };
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    for (ix, name) in names[..shown].iter().enumerate() {
        let is_last = ix + 1 == shown;
        let end = match names.len() - shown {
            _ if !is_last => ";".to_owned(),
            0 => ".".to_owned(),
            more => format!("; and {more} more."),
        };
        if line.len() + name.len() + end.len() > WIDTH && !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
            line = "    ".to_owned();
        }
        line.push_str(&format!("{name}{end} "));
    }
    lines.push(line.trim_end().to_owned());
    lines
}
