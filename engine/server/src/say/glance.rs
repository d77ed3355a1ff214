//! The workspace at a glance, in lines: `cadenza status`, and the demo while it runs and at its end.

use super::table::cell;
use super::{counted, zone};
use serde_json::Value;

/// The widest line. A terminal that wraps lines would spoil a summary that is redrawn.
const WIDTH: usize = 79;
/// The column at which values begin.
const MARGIN: usize = 13;

/// The response of `GET /v1/status` as lines for a terminal.
pub(crate) fn lines(status: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    row(&mut lines, "Engine time", &[engine_time(status)]);
    row(&mut lines, "Leads", &segments(status));
    for workflow in items(&status["workflows"]) {
        row(&mut lines, &cell(workflow, "workflow"), &steps(workflow));
    }
    row(&mut lines, "First calls", &first_calls(status));
    row(&mut lines, "Decisions", &decisions(status));
    row(&mut lines, "Sent", &sendings(status));
    row(&mut lines, "For a person", &needs(status));
    lines
}

fn engine_time(status: &Value) -> String {
    let zone = status["timezone"].as_str();
    let now = cell(status, "now");
    let now = zone::in_words(&now, &zone::named(zone)).unwrap_or(now);
    format!("{now} in {}", zone.unwrap_or("UTC"))
}

fn segments(status: &Value) -> Vec<String> {
    let leads = count(&status["leads"]);
    let share = |count: u64| count * 100 / leads.max(1);
    let mut parts = vec![format!("{leads} known")];
    for segment in ["hot", "warm", "cold"] {
        let of = count(&status["segments"][segment]);
        parts.push(format!("{segment} {of} ({} %)", share(of)));
    }
    parts.push(counted(count(&status["tasks"]), "open task"));
    parts
}

fn steps(workflow: &Value) -> Vec<String> {
    let step = |step: &Value| match (count(&step["runs"]), count(&step["parked"])) {
        (runs, 0) => format!("{} {runs}", cell(step, "step")),
        (0, parked) => format!("{} {parked} parked", cell(step, "step")),
        (runs, parked) => format!("{} {runs} and {parked} parked", cell(step, "step")),
    };
    items(&workflow["steps"]).iter().map(step).collect()
}

/// How long leads waited for the first call, in their own business hours.
fn first_calls(status: &Value) -> Vec<String> {
    let classes = items(&status["first_calls"]);
    let all: u64 = classes.iter().map(|class| count(&class["leads"])).sum();
    if all == 0 {
        return vec!["none yet".to_owned()];
    }
    let words = |class: &Value| match class["within"].as_str() {
        Some("later") => "later".to_owned(),
        within => format!("within {}", within.unwrap_or_default()),
    };
    let part = |class: &Value| format!("{} {}", count(&class["leads"]), words(class));
    let mut parts = vec![format!("{} called, in business hours", counted(all, "lead"))];
    parts.extend(classes.iter().filter(|class| count(&class["leads"]) > 0).map(part));
    parts
}

fn decisions(status: &Value) -> Vec<String> {
    let of = &status["decisions"];
    let mut parts = vec![format!("{} by plugins since the start", count(&of["taken"]))];
    if let Some(mean_us) = of["mean_us"].as_u64() {
        parts.push(format!("{mean_us} µs each"));
    }
    parts.push(format!("{} fell back to the failure policy", count(&of["failed"])));
    parts
}

fn sendings(status: &Value) -> Vec<String> {
    let of = &status["sendings"];
    vec![
        format!("{} since the start", counted(count(&of["sent"]), "message")),
        format!("{} failed", counted(count(&of["failed_attempts"]), "attempt")),
    ]
}

/// What waits for somebody, with the command that shows it.
fn needs(status: &Value) -> Vec<String> {
    let of = &status["needs_a_person"];
    let waiting = [
        ("parked", "parked run", "`parked`"),
        ("dead_letters", "dead letter", "`dead-letters`"),
        ("tasks_of_nobody", "task", "in nobody's queue, `tasks --nobody`"),
        ("overdue_tasks", "overdue task", "`tasks --due overdue`"),
    ];
    let mut parts: Vec<String> = Vec::new();
    match count(&status["untaken"]) {
        0 => {}
        untaken => parts.push(format!("{} that no workflow took (`leads --untaken`)", counted(untaken, "lead"))),
    }
    for (member, what, shown_by) in waiting {
        match count(&of[member]) {
            0 => {}
            several => parts.push(format!("{} ({shown_by})", counted(several, what))),
        }
    }
    let named = [("paused", "paused"), ("failing_plugins", "failing, not asked for a while")];
    parts.extend(named.into_iter().flat_map(|(member, what)| {
        items(&of[member]).iter().map(move |name| format!("{} is {what}", name.as_str().unwrap_or_default()))
    }));
    if parts.is_empty() { vec!["nothing".to_owned()] } else { parts }
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A label and its parts, on as many lines as they need.
pub(crate) fn row(lines: &mut Vec<String>, label: &str, parts: &[String]) {
    let mut line = format!("{label:<MARGIN$}");
    if label.chars().count() >= MARGIN {
        line.push(' ');
    }
    let mut is_first = true;
    for part in parts {
        if !is_first && line.chars().count() + part.chars().count() + 3 > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(MARGIN)));
            is_first = true;
        }
        if !is_first {
            line.push_str(" · ");
        }
        line.push_str(part);
        is_first = false;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_glance_reads_as_lines() {
        let status = json!({
            "now": "2026-11-20T15:00:00Z", "timezone": "America/New_York", "leads": 200, "tasks": 3,
            "segments": {"hot": 50, "warm": 100, "cold": 0},
            "workflows": [{"workflow": "inbound", "steps": [
                {"step": "first-call", "runs": 7, "parked": 0}, {"step": "persist", "runs": 2, "parked": 1}]}],
            "first_calls": [{"within": "5m", "leads": 9}, {"within": "15m", "leads": 0}, {"within": "later", "leads": 1}],
            "decisions": {"taken": 12, "failed": 0, "mean_us": 5}, "sendings": {"sent": 4, "failed_attempts": 1},
            "needs_a_person": {"parked": 1, "dead_letters": 0, "tasks_of_nobody": 2, "overdue_tasks": 4, "paused": ["workflow/inbound"],
                "failing_plugins": []},
        });
        let expected = [
            "Engine time  Fri 20 Nov 2026 10:00 in America/New_York",
            "Leads        200 known · hot 50 (25 %) · warm 100 (50 %) · cold 0 (0 %)",
            "             3 open tasks",
            "inbound      first-call 7 · persist 2 and 1 parked",
            "First calls  10 leads called, in business hours · 9 within 5m · 1 later",
            "Decisions    12 by plugins since the start · 5 µs each",
            "             0 fell back to the failure policy",
            "Sent         4 messages since the start · 1 attempt failed",
            "For a person 1 parked run (`parked`)",
            "             2 tasks (in nobody's queue, `tasks --nobody`)",
            "             4 overdue tasks (`tasks --due overdue`)",
            "             workflow/inbound is paused",
        ];
        assert_eq!(lines(&status), expected);
    }

    #[test]
    fn long_rows_are_broken_between_their_parts() {
        let mut lines = Vec::new();
        row(&mut lines, "inbound", &vec!["a step with a name 12".to_owned(); 5]);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        let part = "a step with a name 12";
        let margin = " ".repeat(MARGIN);
        let expected = [format!("inbound      {part} · {part}"), format!("{margin}{part} · {part}"), margin + part];
        assert_eq!(lines, expected);
    }
}
