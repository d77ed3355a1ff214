//! `cadenza doctor`: what cannot be read. With `--data` it reads every record in the folder of an engine that is stopped; else
//! it asks a running one what it has met so far.

use super::Answer;
use super::remote::Remote;
use super::token::{existing, on_opened};
use crate::say::{counted, output, table};
use cadenza_api::views::damage::DamageView;
use cadenza_sled::{SledOptions, SledStore};
use cadenza_store::Store;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Records read at a time.
const PAGE: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The data folder of an engine that is stopped: every record in it is read; a running engine is asked when left out
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Go on without what was acknowledged and is missing: the engine starts again, and nobody misses it from then on
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
        let found = match &self.data {
            Some(data) => look_through(existing(data)?, self.accept_loss)?,
            None => self.remote.client()?.get("/v1/damaged")?,
        };
        if self.json {
            output::json(&found);
        } else {
            let columns = [("KIND", "kind"), ("WHICH", "what"), ("WHY", "cause")];
            let items = found["items"].as_array().map_or(&[][..], Vec::as_slice);
            table::print(&columns, items, "Everything that was read can be read.");
            if let Some(records) = found["records"].as_u64() {
                output::say(&format!("{} read.", counted(usize::try_from(records)?, "record")));
            }
        }
        Ok(if found["noted"] == 0 { Answer::Yes } else { Answer::No })
    }
}

fn look_through(data: &Path, accept_loss: bool) -> anyhow::Result<Value> {
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
        let items = DamageView::list(store.damage());
        Ok(json!({ "items": items, "noted": store.damage().noted(), "records": records }))
    })
}
