//! `cadenza doctor`: what is wrong with a data folder, the settings and a workspace, and what can be done about
//! it. With `--data` it reads every record in the folder of a stopped engine; otherwise it asks a running engine
//! what it has found so far.

use super::findings::{self, Finding, advice};
use super::remote::Remote;
use super::token::{existing, on_opened};
use super::{Answer, Cli};
use crate::say::{counted, output};
use anyhow::Context as _;
use cadenza_api::views::damage::DamageView;
use cadenza_runtime::past::Past;
use cadenza_sled::{SledOptions, SledStore};
use cadenza_store::Store;
use clap::{Args, Command, CommandFactory as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Records read at a time.
const PAGE: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The data folder of a stopped engine, of which every record is read; if left out, a running engine is asked
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A workspace folder to check, with the secrets that it names
    #[arg(long, value_name = "DIR", env = "CADENZA_WORKSPACE")]
    workspace: Option<PathBuf>,
    /// Continue without what was acknowledged and is missing: the engine starts again, and no longer reports the loss
    #[arg(long, requires = "data")]
    accept_loss: bool,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Doctor {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        // Looked at before the folder is opened, because opening it removes the access of other users.
        let folder = match &self.data {
            Some(data) => findings::of_folder(existing(data)?),
            None => Vec::new(),
        };
        let (damaged, pasts) = match &self.data {
            Some(data) => look_through(data, self.accept_loss)?,
            None => (self.remote.client()?.get("/v1/damaged")?, Vec::new()),
        };
        let (workspace, checked) = match &self.workspace {
            Some(root) => {
                findings::of_workspace(root).with_context(|| format!("`{}` cannot be read", root.display()))?
            }
            None => (Vec::new(), None),
        };
        let settings = findings::of_settings(&variables(&Cli::command()), checked.as_ref());
        let noted = damaged["noted"].as_u64().unwrap_or(0);
        let sound = |found: &[Finding]| found.iter().all(|finding| finding.severity == "info");
        let all = [&folder, &pasts, &settings, &workspace];
        let is_well = noted == 0 && all.into_iter().all(|found| sound(found));
        if self.json {
            let mut told = damaged;
            told["folder"] = serde_json::to_value(&folder)?;
            told["past_workspaces"] = serde_json::to_value(&pasts)?;
            told["settings"] = serde_json::to_value(&settings)?;
            told["workspace"] = serde_json::to_value(&workspace)?;
            output::json(&told);
        } else {
            let of = ["Data folder", "Past workspace", "Settings", "Workspace"];
            for (what, found) in of.into_iter().zip(all) {
                for Finding { severity, message, help, .. } in found {
                    output::say(&format!("{what}: {severity}: {message}\n  {help}"));
                }
            }
            tell_of_records(&damaged)?;
        }
        Ok(if is_well { Answer::Yes } else { Answer::No })
    }
}

/// The environment variables that the command line reads.
fn variables(command: &Command) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
        .collect();
    command.get_subcommands().for_each(|command| found.extend(variables(command)));
    found
}

fn tell_of_records(damaged: &Value) -> anyhow::Result<()> {
    let items = damaged["items"].as_array().map_or(&[][..], Vec::as_slice);
    for item in items {
        let [kind, what, cause, help] =
            ["kind", "what", "cause", "help"].map(|name| item[name].as_str().unwrap_or_default());
        let help = if help.is_empty() { advice(kind) } else { help };
        output::say(&format!("{kind} {what}: {cause}\n  Meanwhile: {help}."));
    }
    if items.is_empty() {
        output::say("Everything that was read can be read.");
    }
    if let Some(records) = damaged["records"].as_u64() {
        output::say(&format!("{} read.", counted(usize::try_from(records)?, "record")));
    }
    Ok(())
}

/// Reads every record, and checks each past workspace as it would be read to play a journal again.
fn look_through(data: &Path, accept_loss: bool) -> anyhow::Result<(Value, Vec<Finding>)> {
    let options = SledOptions { accept_loss, ..SledOptions::default() };
    on_opened(data, options, async |store: &SledStore| {
        let (mut records, mut after) = (0, None);
        loop {
            let (read, next) = store.check(after, PAGE).await?;
            records += read;
            if next.is_none() {
                break;
            }
            after = next;
        }
        let mut pasts = Vec::new();
        for name in Past::kept(store).await? {
            pasts.extend(Past::read(store, name).await?.err().map(|lost| findings::of_past(name, &lost)));
        }
        let mut items = serde_json::to_value(DamageView::list(store.damage()))?;
        for item in items.as_array_mut().into_iter().flatten() {
            item["help"] = advice(item["kind"].as_str().unwrap_or_default()).into();
        }
        let (noted, incarnation) = (store.damage().noted(), store.incarnation());
        let (opening, restored) = (store.epoch().0, incarnation);
        let told =
            json!({ "items": items, "noted": noted, "records": records, "opening": opening, "restored": restored });
        Ok((told, pasts))
    })
}
