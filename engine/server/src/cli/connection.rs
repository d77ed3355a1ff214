//! `cadenza connection test`: whether a running engine could send by a connection, with the secrets and the network
//! that it has.

use super::Answer;
use super::remote::{Remote, path};
use crate::say::output;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Connection {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Connect and log in as for a mail, or send one that says what it is
    Test {
        /// The connection's name in connections.yaml
        name: String,
        /// Also send a mail to this address
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Connection {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let Act::Test { name, to, remote } = self.act;
        let body = json!({ "to": to });
        let tried = remote.client()?.post(&path("/v1/connections/", &name, "/test"), Some(&body))?;
        let found = tried["found"].as_str().unwrap_or_default();
        let works = tried["works"] == true;
        output::say(&format!("{name}: {found}"));
        Ok(if works { Answer::Yes } else { Answer::No })
    }
}
