//! `cadenza plugin inspect`: what a plugin says about itself, and what it would see.

use super::{Which, bytes, grouped, imports, kinds};
use crate::cli::Answer;
use crate::say::output;
use cadenza_api::json;
use cadenza_core::field::field_info;
use cadenza_core::plugin::{FieldRead, HistoryReads, ParameterInfo, Reads, With, lay_out};
use cadenza_core::time::Span;
use cadenza_core::value::Value;
use cadenza_kit::subject::Subject;
use cadenza_sandbox::Resource;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Debug, Args)]
pub(in crate::cli) struct Inspect {
    #[command(flatten)]
    which: Which,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let subject = self.which.load()?;
        if self.json {
            output::json(&as_json(&subject));
        } else {
            output::say(&as_text(&subject).join("\n"));
        }
        Ok(Answer::Yes)
    }
}

/// What the plugin reads if a workflow sets no parameters. The error says why that is unknown.
fn reads(subject: &Subject) -> Result<Reads, String> {
    let parameters = lay_out(&subject.info, &With::new()).map_err(|error| error.to_string())?;
    subject.sandbox.reads(subject.info.digest, &parameters).map_err(|failure| failure.to_string())
}

fn as_json(subject: &Subject) -> serde_json::Value {
    let info = &subject.info;
    let parameter = |p: &ParameterInfo| {
        json!({
            "name": p.name, "type": p.kind, "summary": p.summary, "default": json::show(&p.default),
            "required": p.default.is_blank(), "minimum": p.minimum, "maximum": p.maximum,
        })
    };
    let budgets = subject.budgets();
    json!({
        "file": subject.file, "name": info.name, "version": info.version, "summary": info.summary,
        "digest": info.digest, "bytes": subject.bytes, "kinds": info.kinds, "imports": subject.imports(),
        "parameters": info.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "rules": info.rules, "tracks": info.tracks,
        "reads": reads(subject).ok(), "reads_nothing_because": reads(subject).err(),
        "inside_the_commit": info.is_inline(),
        "budgets": Resource::ALL.into_iter().map(|of| (of.as_str(), budgets.of(of))).collect::<BTreeMap<_, _>>(),
    })
}

fn as_text(subject: &Subject) -> Vec<String> {
    let info = &subject.info;
    let mut lines = vec![
        format!("{} {}: {}", info.name, info.version, info.summary),
        format!(
            "  {}, imports {}, {}, digest {}",
            kinds(subject),
            imports(subject),
            bytes(subject.bytes as u64),
            info.digest
        ),
    ];
    section(&mut lines, "Parameters", info.parameters.iter().map(parameter));
    section(&mut lines, "Rules", info.rules.iter().map(|rule| format!("{} {}: {}", rule.id, rule.name, rule.text)));
    section(&mut lines, "Tracks", info.tracks.iter().cloned());
    match reads(subject) {
        Ok(reads) => section(&mut lines, "Reads, with these defaults", seen(&reads).into_iter()),
        Err(why) => section(&mut lines, "Reads", std::iter::once(format!("not known: {why}"))),
    }
    let budgets = subject.budgets();
    let place = if info.is_inline() {
        "taken inside the commit"
    } else {
        "taken on the decision pool, which makes them a wait: only up to 1,000,000 fuel and 4 MiB are inside the commit"
    };
    let budgets = Resource::ALL.into_iter().map(|of| format!("{} {}", of.as_str(), grouped(budgets.of(of))));
    let place = std::iter::once(format!("decisions are {place}"));
    section(&mut lines, "Budgets of a decision", budgets.chain(place));
    lines
}

fn section(lines: &mut Vec<String>, heading: &str, entries: impl Iterator<Item = String>) {
    let entries: Vec<String> = entries.map(|entry| format!("  {entry}")).collect();
    if !entries.is_empty() {
        lines.push(format!("\n{heading}"));
        lines.extend(entries);
    }
}

fn parameter(parameter: &ParameterInfo) -> String {
    let ParameterInfo { name, kind, summary, default, minimum, maximum } = parameter;
    let default = match default {
        Value::Blank => "has to be set".to_owned(),
        Value::Duration(ms) => format!("= {}", Span::Elapsed(*ms)),
        default => format!("= {}", json::show(default)),
    };
    let range = match (minimum, maximum) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(", at least {least}"),
        (None, Some(most)) => format!(", at most {most}"),
        (None, None) => String::new(),
    };
    format!("{name} ({kind}{range}) {default}: {summary}")
}

fn seen(reads: &Reads) -> Vec<String> {
    let mut seen: Vec<String> = reads
        .fields
        .iter()
        .map(|FieldRead { name, kind }| match field_info(name) {
            Some(_) => format!("lead.{name} ({kind})"),
            None => format!("lead.{name} ({kind}, a field of the workspace)"),
        })
        .collect();
    let window = |what: &str, window: &HistoryReads| {
        let kinds = if window.kinds.is_empty() { String::new() } else { format!(" ({})", window.kinds.join(", ")) };
        format!("{what}{kinds}: the newest {} of {} days", window.count_max, window.days_back_max)
    };
    seen.extend(reads.touches.as_ref().map(|reads| window("touches", reads)));
    seen.extend(reads.engagement.as_ref().map(|reads| window("engagement", reads)));
    for (reads, what) in [
        (reads.owner_present, "whether the owner is at work"),
        (reads.previous_score, "the score before"),
        (reads.business_elapsed, "business time elapsed"),
    ] {
        if reads {
            seen.push(what.to_owned());
        }
    }
    seen
}
