//! `cadenza leads`: lists leads, shows one, and does to it what people can do.

use super::Answer;
use super::remote::{self, Listing, Remote, find_lead, path};
use crate::say::output;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::json;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Leads {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    /// hot, warm or cold
    #[arg(long)]
    segment: Option<String>,
    /// open, qualified, customer, lost, disqualified or suppressed
    #[arg(long)]
    stage: Option<String>,
    /// The rep who owns it
    #[arg(long, value_name = "REP")]
    owner: Option<String>,
    /// Only open leads that no workflow has ever taken
    #[arg(long)]
    untaken: bool,
    /// An id, mail address or phone number, or part of a name, company or address
    #[arg(long, short, value_name = "TEXT")]
    query: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    remote: Remote,
}

/// A lead: id, mail address, phone number, external id or part of a name.
#[derive(Debug, Args)]
struct Whom {
    /// Id, mail address, phone number, external id or part of a name
    lead: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show everything that is known of a lead, as JSON
    Show(Whom),
    /// Hold back all touches of a lead
    Pause(Whom),
    /// Let the touches of a paused lead continue
    Resume(Whom),
    /// Record that a lead does not want to be contacted any more
    OptOut {
        #[command(flatten)]
        whom: Whom,
        /// In the lead's words
        #[arg(long)]
        reason: Option<String>,
    },
    /// Record that a lead will never buy: it leaves every workflow
    Disqualify {
        #[command(flatten)]
        whom: Whom,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Give a lead to another rep
    Owner {
        #[command(flatten)]
        whom: Whom,
        /// The rep's id in team.yaml
        #[arg(long)]
        rep: String,
    },
    /// Put a lead into a workflow
    Enroll {
        #[command(flatten)]
        whom: Whom,
        /// The workflow's name
        #[arg(long)]
        workflow: String,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// Take a lead out of a workflow
    Remove {
        #[command(flatten)]
        whom: Whom,
        /// The workflow's name
        #[arg(long)]
        workflow: String,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
    },
}

impl Leads {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self.act {
            None => self.list.run(),
            Some(act) => act.run(),
        }
    }
}

impl List {
    fn run(self) -> anyhow::Result<Answer> {
        let filters = [
            ("segment", self.segment.as_deref()),
            ("stage", self.stage.as_deref()),
            ("owner", self.owner.as_deref()),
            ("q", self.query.as_deref()),
            ("untaken", self.untaken.then_some("true")),
        ];
        let columns = [
            ("ID", "id"),
            ("NAME", "name"),
            ("COMPANY", "company"),
            ("STAGE", "stage"),
            ("SEGMENT", "segment"),
            ("SCORE", "score"),
            ("OWNER", "owner"),
            ("IN", "runs"),
        ];
        let client = self.remote.client()?;
        remote::list(&client, "/v1/leads", &filters, &self.listing, &columns, "No lead is like that.")?;
        Ok(Answer::Yes)
    }
}

impl Act {
    fn run(self) -> anyhow::Result<Answer> {
        match self {
            Self::Show(whom) => {
                let client = whom.remote.client()?;
                output::json(&client.get(&path("/v1/leads/", &find_lead(&client, &whom.lead)?, ""))?);
                Ok(Answer::Yes)
            }
            Self::Pause(whom) => command(&whom, "/pause", None),
            Self::Resume(whom) => command(&whom, "/resume", None),
            Self::OptOut { whom, reason } => command(&whom, "/opt-out", Some(json!({"reason": reason}))),
            Self::Disqualify { whom, reason } => command(&whom, "/disqualify", Some(json!({"reason": reason}))),
            Self::Owner { whom, rep } => {
                let client = whom.remote.client()?;
                let address = path("/v1/leads/", &find_lead(&client, &whom.lead)?, "/owner");
                remote::tell(&client.send(Method::PUT, &address, Some(&json!({"rep": rep})))?);
                Ok(Answer::Yes)
            }
            Self::Enroll { whom, workflow, dry_run } => membership(&whom, &workflow, "enroll", dry_run),
            Self::Remove { whom, workflow, dry_run } => membership(&whom, &workflow, "remove", dry_run),
        }
    }
}

fn command(whom: &Whom, what: &str, body: Option<serde_json::Value>) -> anyhow::Result<Answer> {
    let client = whom.remote.client()?;
    remote::act(&client, &path("/v1/leads/", &find_lead(&client, &whom.lead)?, what), body.as_ref())?;
    Ok(Answer::Yes)
}

fn membership(whom: &Whom, workflow: &str, what: &str, dry_run: bool) -> anyhow::Result<Answer> {
    let client = whom.remote.client()?;
    let lead = find_lead(&client, &whom.lead)?;
    let address = path("/v1/workflows/", workflow, &format!("/{what}?dry_run={dry_run}"));
    let outcome = client.post(&address, Some(&json!({"lead": lead})))?;
    let (result, would) = (&outcome["results"][0], if dry_run { "would be" } else { "is" });
    if result["done"] == true {
        let asked: Vec<&str> =
            result["would_ask"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        let how =
            if asked.is_empty() { String::new() } else { format!("; how it goes on {} would say", asked.join(", ")) };
        output::say(&format!("{lead}: {would} done ({what} {workflow}){how}"));
        return Ok(Answer::Yes);
    }
    output::say(&format!("{lead}: not done, {}", result["why"].as_str().unwrap_or("for a reason it does not give")));
    Ok(Answer::No)
}
