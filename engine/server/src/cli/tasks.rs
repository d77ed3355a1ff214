//! `cadenza tasks`: the work queue, and reporting the outcome of a task.

use super::Answer;
use super::remote::{self, Found, Listing, Remote, path};
use crate::say::table::{self, cell};
use crate::say::{output, zone};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Tasks {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    /// A rep's queue
    #[arg(long, value_name = "REP")]
    owner: Option<String>,
    /// A pool's queue
    #[arg(long, conflicts_with = "owner")]
    pool: Option<String>,
    /// Unassigned tasks: the rep or pool is gone, or nobody could be found or told
    #[arg(long, conflicts_with_all = ["owner", "pool"])]
    nobody: bool,
    /// call, todo or escalation
    #[arg(long)]
    kind: Option<String>,
    /// overdue, today, or a time
    #[arg(long)]
    due: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Which {
    /// The task's id, tk_…
    task: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Report the outcome of a task
    Outcome {
        #[command(flatten)]
        which: Which,
        /// connected, no_answer, voicemail, busy, wrong_number or gatekeeper; done for what is not a call
        #[arg(long)]
        outcome: Option<String>,
        /// What the lead said: qualified, unqualified, not_now, callback, does_not_recall, does_not_know_us, opted_out, or one
        /// of the team's own
        #[arg(long)]
        result: Option<String>,
        /// Free notes
        #[arg(long)]
        notes: Option<String>,
        /// What was learnt, field=value; callback_at=TIME agrees on a call-back
        #[arg(long = "data", value_name = "FIELD=VALUE", value_parser = pair)]
        data: Vec<(String, String)>,
    },
    /// Take a task of a pool
    Claim {
        #[command(flatten)]
        which: Which,
        /// Who takes it, if the token is not a rep's own
        #[arg(long)]
        rep: Option<String>,
    },
    /// Give a task to another rep
    Reassign {
        #[command(flatten)]
        which: Which,
        /// To whom
        #[arg(long)]
        rep: String,
    },
    /// Put a task off
    Snooze {
        #[command(flatten)]
        which: Which,
        /// Until when, such as 2026-03-09T14:00:00Z
        #[arg(long)]
        until: String,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form field=value"))?;
    Ok((field.trim().to_owned(), value.to_owned()))
}

impl Tasks {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self.act {
            None => self.list.run()?,
            Some(act) => act.run()?,
        }
        Ok(Answer::Yes)
    }
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let filters = [
            ("owner", self.owner.as_deref()),
            ("pool", self.pool.as_deref()),
            ("nobody", self.nobody.then_some("true")),
            ("kind", self.kind.as_deref()),
            ("due", self.due.as_deref()),
        ];
        let columns = [
            ("ID", "id"),
            ("KIND", "kind"),
            ("DUE", "due"),
            ("QUEUE", "assignee"),
            ("LEAD", "lead.name"),
            ("COMPANY", "lead.company"),
            ("PHONE", "lead.phone"),
            ("OBJECTIVE", "objective"),
            ("WHY", "why.text"),
        ];
        let client = self.remote.client()?;
        let found = remote::fetch(&client, "/v1/tasks", &filters, self.listing.limit)?;
        let zone = found.zone.as_deref().map_or_else(zone::of_reader, |name| zone::named(Some(name)));
        let nothing = nothing(&found, &zone);
        let is_empty = found.items.is_empty() && !self.listing.json;
        let besides = (!found.items.is_empty() && !found.held.is_empty()).then(|| held_back(&found.held, &zone));
        remote::show(found, &self.listing, &columns, &nothing);
        if is_empty {
            table::tell_zone(&zone);
        }
        if let Some(besides) = besides {
            output::complain(&format!("Besides, {besides}"));
        }
        Ok(())
    }
}

/// Why there is nothing to do: it is held back, it is elsewhere, or there is nothing at all.
fn nothing(found: &Found, zone: &TimeZone) -> String {
    if !found.held.is_empty() {
        return format!("Nothing is to be done now. {}", held_back(&found.held, zone));
    }
    let count = |member: &str| found.elsewhere[member].as_u64().unwrap_or_default();
    match (count("open_tasks"), count("leads")) {
        (0, 0) => "Nothing is to be done: no lead has come in yet.".to_owned(),
        (0, leads) => format!("Nothing is to be done: no task is open for any of the {leads} leads."),
        (open, _) => format!("Nothing is to be done here; {open} open in other queues or for other times."),
    }
}

/// What is held back, by reason, and when the first task of each may be done.
fn held_back(held: &[Value], zone: &TimeZone) -> String {
    let mut by_reason: BTreeMap<String, (u64, Option<String>)> = BTreeMap::new();
    for page in held {
        let (tasks, first) = by_reason.entry(cell(page, "why")).or_default();
        *tasks += page["tasks"].as_u64().unwrap_or_default();
        // The API's times sort as texts.
        let times = [first.take(), page["first_at"].as_str().map(str::to_owned)];
        *first = times.into_iter().flatten().min();
    }
    let told = by_reason.into_iter().map(|(why, (tasks, first))| {
        let until = first.and_then(|at| zone::in_words(&at, zone));
        let until = until.map_or_else(String::new, |at| format!(" (the first until {at})"));
        format!("{tasks} held back, since {why}{until}")
    });
    format!("{}.", told.collect::<Vec<_>>().join("; "))
}

impl Act {
    fn run(self) -> anyhow::Result<()> {
        let (which, what, body) = match self {
            Self::Outcome { which, outcome, result, notes, data } => {
                // A value that is valid JSON counts as JSON: 250 is a number, "250" a text. Digits that a number would
                // not preserve, such as those of a phone number or an id, stay a text.
                let value = |text: String| match serde_json::from_str(&text) {
                    Ok(Value::Number(number)) if number.to_string() != text.trim() => Value::String(text),
                    Ok(value) => value,
                    Err(_) => Value::String(text),
                };
                let data: Map<String, Value> = data.into_iter().map(|(field, text)| (field, value(text))).collect();
                (which, "/outcome", json!({"outcome": outcome, "result": result, "notes": notes, "data": data}))
            }
            Self::Claim { which, rep } => (which, "/claim", json!({"rep": rep})),
            Self::Reassign { which, rep } => (which, "/reassign", json!({"rep": rep})),
            Self::Snooze { which, until } => (which, "/snooze", json!({"until": until})),
        };
        remote::act(&which.remote.client()?, &path("/v1/tasks/", &which.task, what), Some(&body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_queue_says_why() {
        let outside = "it is outside business hours where the lead is";
        let held = |tasks: u64, first_at: Value| json!({"why": outside, "tasks": tasks, "first_at": first_at});
        let paused = json!({"why": "a person holds touches back", "tasks": 1, "first_at": null});
        let zone = TimeZone::get("America/New_York").unwrap();
        let pages = [held(2, json!("2026-11-23T15:00:00Z")), paused, held(1, json!("2026-11-23T14:00:00Z"))];
        assert_eq!(
            held_back(&pages, &zone),
            "1 held back, since a person holds touches back; 3 held back, since it is outside business hours where the \
             lead is (the first until Mon 23 Nov 2026 09:00)."
        );
        for (elsewhere, expected) in [
            (json!({"open_tasks": 0, "leads": 0}), "Nothing is to be done: no lead has come in yet."),
            (json!({"open_tasks": 0, "leads": 7}), "Nothing is to be done: no task is open for any of the 7 leads."),
            (
                json!({"open_tasks": 3, "leads": 7}),
                "Nothing is to be done here; 3 open in other queues or for other times.",
            ),
        ] {
            assert_eq!(nothing(&Found { elsewhere, ..Found::default() }, &zone), expected);
        }
    }
}
