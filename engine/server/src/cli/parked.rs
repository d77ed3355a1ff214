//! `cadenza parked`: runs that wait for a person because something could not be decided or done, with the cause and,
//! for a single run, what its plugin was asked.

use super::Answer;
use super::remote::{self, Listing, Remote, path};
use crate::say::{output, table};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Parked {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    /// The workflow's name
    #[arg(long)]
    workflow: Option<String>,
    /// The step's id
    #[arg(long)]
    step: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show one: the cause, and what its plugin was asked
    Show(Show),
    /// Let one try its step again, or all of them
    Release(Release),
}

#[derive(Debug, Args)]
struct Show {
    /// The run's id, rn_…
    run: String,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Release {
    /// The run's id, rn_…
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    run: Option<String>,
    /// All that are parked
    #[arg(long)]
    all: bool,
    /// Only those of this workflow
    #[arg(long, requires = "all")]
    workflow: Option<String>,
    /// Only those at this step
    #[arg(long, requires = "all")]
    step: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Parked {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self.act {
            None => self.list.run()?,
            Some(Act::Show(show)) => show.run()?,
            Some(Act::Release(release)) => return release.run(),
        }
        Ok(Answer::Yes)
    }
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let filters =
            [("state", Some("parked")), ("workflow", self.workflow.as_deref()), ("step", self.step.as_deref())];
        let columns = [
            ("ID", "id"),
            ("LEAD", "lead"),
            ("WORKFLOW", "workflow"),
            ("STEP", "step"),
            ("SINCE", "parked_at"),
            ("CAUSE", "cause"),
        ];
        let client = self.remote.client()?;
        remote::list(&client, "/v1/runs", &filters, &self.listing, &columns, "No run is parked.")
    }
}

impl Show {
    fn run(self) -> anyhow::Result<()> {
        let run = self.remote.client()?.get(&path("/v1/runs/", &self.run, ""))?;
        if self.json {
            output::json(&run);
            return Ok(());
        }
        for (what, at) in [
            ("run", "id"),
            ("lead", "lead"),
            ("workflow", "workflow"),
            ("step", "step"),
            ("state", "state"),
            ("cause", "cause"),
        ] {
            output::say(&format!("{what:<9} {}", table::cell(&run, at)));
        }
        let decision = &run["decision"];
        if decision.is_object() {
            output::say(&format!(
                "asked     {} {} at {}",
                table::cell(decision, "plugin"),
                table::cell(decision, "digest"),
                table::cell(decision, "at")
            ));
            if decision["failure"].is_string() {
                output::say(&format!(
                    "failed    {} {}",
                    table::cell(decision, "failure"),
                    table::cell(decision, "detail")
                ));
            }
            tell_values("with", &decision["input"]["parameters"]);
            tell_values("lead", &decision["input"]["fields"]);
            for line in decision["log"].as_array().into_iter().flatten() {
                output::say(&format!("  said    {}", line.as_str().unwrap_or_default()));
            }
        }
        Ok(())
    }
}

/// Prints values with their types, such as `{"text": "x"}`.
fn tell_values(what: &str, values: &Value) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let plain = value.as_object().and_then(|typed| typed.values().next()).unwrap_or(value);
        output::say(&format!("  {what:<7} {name}: {plain}"));
    }
}

impl Release {
    fn run(self) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        if let Some(run) = &self.run {
            remote::act(&client, &path("/v1/runs/", run, "/unpark"), None)?;
            return Ok(Answer::Yes);
        }
        let (mut released, mut refused) = (0, 0);
        let mut cursor = Value::Null;
        loop {
            // A page at a time, until the engine has looked at every lead.
            let body = json!({"workflow": self.workflow, "step": self.step, "cursor": cursor});
            let mut done = client.post("/v1/runs/unpark", Some(&body))?;
            released += done["released"].as_u64().unwrap_or_default();
            refused += done["refused"].as_u64().unwrap_or_default();
            cursor = done["next"].take();
            if cursor.is_null() {
                break;
            }
        }
        let still = if refused == 0 { String::new() } else { format!("; {refused} are parked still") };
        output::say(&format!("{released} runs try their steps again{still}."));
        Ok(if refused == 0 { Answer::Yes } else { Answer::No })
    }
}
