//! `cadenza tasks`: the work queue, and what came of a task.

use super::Answer;
use super::remote::{self, Listing, Remote, path};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

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
    /// Say what came of a task
    Outcome {
        #[command(flatten)]
        which: Which,
        /// connected, no_answer, voicemail, busy, wrong_number or gatekeeper; done for what is no call
        #[arg(long)]
        outcome: Option<String>,
        /// What the lead said: qualified, unqualified, not_now, callback, does_not_recall, does_not_know_us, opted_out
        #[arg(long)]
        result: Option<String>,
        /// Free notes
        #[arg(long)]
        notes: Option<String>,
        /// What was learnt, field=value; callback_at=TIME agrees a call-back
        #[arg(long = "data", value_name = "FIELD=VALUE", value_parser = pair)]
        data: Vec<(String, String)>,
    },
    /// Take a task of a pool
    Claim {
        #[command(flatten)]
        which: Which,
        /// Who takes it, when the token is not a rep's own
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
            ("OBJECTIVE", "objective"),
            ("WHY", "why.text"),
        ];
        let client = self.remote.client()?;
        let found = remote::fetch(&client, "/v1/tasks", &filters, self.listing.limit)?;
        let nothing = nothing(found.held_back);
        remote::show(found, &self.listing, &columns, &nothing);
        Ok(())
    }
}

fn nothing(held_back: u64) -> String {
    match held_back {
        0 => "Nothing is to be done now.".to_owned(),
        1 => "Nothing is to be done now; 1 is held back.".to_owned(),
        several => format!("Nothing is to be done now; {several} are held back."),
    }
}

impl Act {
    fn run(self) -> anyhow::Result<()> {
        let (which, what, body) = match self {
            Self::Outcome { which, outcome, result, notes, data } => {
                // A value that reads as JSON is one: 250 is a number, "250" a text.
                let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
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
