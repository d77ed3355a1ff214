//! `cadenza runs`: where leads are in workflows.

use super::Answer;
use super::remote::{self, Listing, Remote, path};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Runs {
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
    /// active, waiting, parked or done
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Which {
    /// The run's id, rn_…
    run: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// End a run
    Cancel(Which),
    /// Let a parked run try its step again
    Unpark(Which),
}

impl Runs {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self.act {
            None => self.list.run()?,
            Some(Act::Cancel(which)) => act(&which, "/cancel")?,
            Some(Act::Unpark(which)) => act(&which, "/unpark")?,
        }
        Ok(Answer::Yes)
    }
}

fn act(which: &Which, what: &str) -> anyhow::Result<()> {
    remote::act(&which.remote.client()?, &path("/v1/runs/", &which.run, what), None)
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let filters =
            [("workflow", self.workflow.as_deref()), ("step", self.step.as_deref()), ("state", self.state.as_deref())];
        let columns = [
            ("ID", "id"),
            ("LEAD", "lead"),
            ("WORKFLOW", "workflow"),
            ("KEY", "key"),
            ("VERSION", "version"),
            ("STEP", "step"),
            ("STATE", "state"),
            ("DOING", "doing"),
            ("DUE", "due"),
        ];
        let client = self.remote.client()?;
        remote::list(&client, "/v1/runs", &filters, &self.listing, &columns, "No run is like that.")
    }
}
