//! `cadenza token`: makes, lists and revokes API tokens. With `--data` it works on the folder of a stopped engine,
//! which is how the first token is made; otherwise through the API.

use super::Answer;
use super::remote::{Remote, path};
use crate::say::{output, table};
use crate::start;
use anyhow::bail;
use cadenza_api::token::{Role, Token as Record, TokenHash, TokenView};
use cadenza_core::lead::RepId;
use cadenza_runtime::clock::Clock;
use cadenza_sled::{SledOptions, SledStore};
use cadenza_store::{Batch, BatchId, DocumentKey, DocumentKind, Store, StoreError};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Reads a role. The help says what each is for.
fn role() -> impl TypedValueParser<Value = Role> {
    let shown = Role::ALL.map(|role| PossibleValue::new(role.as_str()).help(role.words()));
    PossibleValuesParser::new(shown).map(|text| {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
        role.expect("only what is a role is taken")
    })
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token; it is shown once
    Create {
        /// What it may do
        #[arg(long, value_parser = role())]
        role: Role,
        /// What or who it is for; if left out, the role's name
        #[arg(long)]
        name: Option<String>,
        /// The rep it acts as
        #[arg(long)]
        rep: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List tokens, without their secrets
    List {
        /// As JSON, for other programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a token: nobody gets in with it any more
    Revoke {
        /// Its id or name
        // Not `token`: that is the API token which the command itself uses.
        #[arg(value_name = "TOKEN")]
        which: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Where tokens are kept.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The data folder of a stopped engine; if left out, through the API
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

impl Token {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self {
            Self::Create { role, name, rep, place } => {
                let name = name.unwrap_or_else(|| role.as_str().to_owned());
                output::say_raw(&place.create(&name, role, rep)?);
                output::complain("Keep it: it is not shown again.");
            }
            Self::List { json, place } => show(&place.list()?, json),
            Self::Revoke { which, place } => {
                place.revoke(&which)?;
                output::say(&format!("`{which}` is revoked."));
            }
        }
        Ok(Answer::Yes)
    }
}

fn show(tokens: &Value, json: bool) {
    if json {
        return output::json(tokens);
    }
    let columns = [("ID", "id"), ("NAME", "name"), ("ROLE", "role"), ("REP", "rep"), ("MADE", "created_at")];
    table::print(&columns, tokens.as_array().map_or(&[], Vec::as_slice), "There is no token.");
}

impl Place {
    fn create(&self, name: &str, role: Role, rep: Option<String>) -> anyhow::Result<String> {
        let Some(data) = &self.data else {
            let body = json!({"name": name, "role": role, "rep": rep});
            let created = self.remote.client()?.post("/v1/tokens", Some(&body))?;
            return Ok(table::cell(&created, "token"));
        };
        let (text, hash, token) = Record::create(name, role, rep.map(RepId), Clock::real())?;
        let document = token.document(hash)?;
        on_stopped(data, async |store| write(store, document).await)?;
        Ok(text)
    }

    fn list(&self) -> anyhow::Result<Value> {
        let Some(data) = &self.data else { return Ok(self.remote.client()?.get("/v1/tokens")?) };
        let tokens = on_stopped(existing(data)?, async |store| read(store).await)?;
        let views: Vec<TokenView> = tokens.iter().map(|(hash, token)| TokenView::new(hash, token)).collect();
        Ok(serde_json::to_value(views)?)
    }

    fn revoke(&self, text: &str) -> anyhow::Result<()> {
        let Some(data) = &self.data else {
            self.remote.client()?.send(Method::DELETE, &path("/v1/tokens/", text, ""), None)?;
            return Ok(());
        };
        on_stopped(existing(data)?, async |store| {
            let tokens = read(store).await?;
            let named =
                |(hash, token): &&(TokenHash, Record)| token.name == text || TokenView::new(hash, token).id == text;
            let found: Vec<_> = tokens.iter().filter(named).collect();
            match found.as_slice() {
                [(hash, _)] => write(store, (hash.key(), None)).await,
                [] => bail!("there is no token `{text}`: `cadenza token list` shows them"),
                _ => bail!("more than one token has the name `{text}`: use its id"),
            }
        })
    }
}

/// Checks that a data folder exists. A folder that does not exist has no tokens, and looking for them would create it.
pub(super) fn existing(data: &Path) -> anyhow::Result<&Path> {
    if !data.is_dir() {
        bail!("there is no data folder `{}`", data.display());
    }
    Ok(data)
}

fn on_stopped<T>(data: &Path, act: impl AsyncFnOnce(&SledStore) -> anyhow::Result<T>) -> anyhow::Result<T> {
    on_opened(data, SledOptions::default(), act)
}

/// Opens the data folder of a stopped engine, does something, and closes it again.
pub(super) fn on_opened<T>(
    data: &Path,
    options: SledOptions,
    act: impl AsyncFnOnce(&SledStore) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // An older program can also read what is looked up, copied or created here, so it is not locked out.
        let options = SledOptions { raise: false, ..options };
        let opened = start::open_store(data, options, output::complain);
        let store = opened.map_err(|error| match error.downcast_ref() {
            Some(StoreError::Locked { .. }) => error.context("while the engine runs, leave --data out"),
            _ => error,
        })?;
        let done = act(&store).await;
        store.close().await?;
        done
    })
}

async fn read(store: &SledStore) -> anyhow::Result<Vec<(TokenHash, Record)>> {
    let documents = store.documents(DocumentKind::Token).await?;
    let read = |(key, document): &(_, Vec<u8>)| {
        Record::read(key, document).inspect_err(|error| store.damage().note_document(key, error)).ok().flatten()
    };
    let tokens = documents.iter().filter_map(read).collect();
    for damaged in store.damage().list(0) {
        output::complain(&format!("The {} {} cannot be read: {}", damaged.kind, damaged.what, damaged.cause));
    }
    Ok(tokens)
}

async fn write(store: &SledStore, document: (DocumentKey, Option<Vec<u8>>)) -> anyhow::Result<()> {
    let mut batch = Batch::new(BatchId(1), store.epoch());
    batch.documents.push(document);
    store.commit(batch).await?;
    Ok(())
}
