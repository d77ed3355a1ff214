//! `cadenza dead-letters`: what could not be sent, and signed deliveries that could not be read, each with its cause.
//! One or all can be redriven or thrown away.

use super::Answer;
use super::client::{Client, ClientError};
use super::remote::{self, Listing, Remote, path};
use crate::say::{counted, output, table};
use clap::{Args, Subcommand};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DeadLetters {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    remote: Remote,
}

/// Which letters are meant.
#[derive(Debug, Args)]
struct Which {
    /// Only deliveries of this source
    #[arg(long, value_name = "NAME", conflicts_with = "via")]
    source: Option<String>,
    /// Only messages sent through this connection
    #[arg(long, value_name = "NAME")]
    via: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show one: the cause, and what was to be sent or came in
    Show(Show),
    /// Send again, or map again by the mapping now in force
    Redrive(Redrive),
    /// Throw away for good
    Discard(Change),
}

#[derive(Debug, Args)]
struct Show {
    /// The letter's id, dl_…
    letter: String,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Redrive {
    #[command(flatten)]
    change: Change,
    /// Also what is no longer needed: mails of a workflow that the lead has left, notices about tasks that are done
    #[arg(long)]
    even_so: bool,
}

#[derive(Debug, Args)]
struct Change {
    /// The letters' ids, dl_…
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    letters: Vec<String>,
    /// All letters
    #[arg(long)]
    all: bool,
    /// Only deliveries of this source
    #[arg(long, value_name = "NAME", requires = "all", conflicts_with = "via")]
    source: Option<String>,
    /// Only messages sent through this connection
    #[arg(long, value_name = "NAME", requires = "all")]
    via: Option<String>,
    /// As JSON, for other programs: a result for each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl DeadLetters {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self.act {
            None => self.list.run()?,
            Some(Act::Show(show)) => show.run()?,
            Some(Act::Redrive(Redrive { change, even_so })) => return change.run(Way::Redrive { even_so }),
            Some(Act::Discard(change)) => return change.run(Way::Discard),
        }
        Ok(Answer::Yes)
    }
}

impl Which {
    fn takes(&self, letter: &Value) -> bool {
        let is =
            |wanted: &Option<String>, at: &str| wanted.as_ref().is_none_or(|name| table::cell(letter, at) == *name);
        is(&self.source, "source") && is(&self.via, "message.via")
    }

    /// Every letter that the options select.
    fn all(&self, client: &Client) -> anyhow::Result<Vec<Value>> {
        let letters = remote::fetch(client, "/v1/dead-letters", &[], usize::MAX)?.into_items();
        Ok(letters.into_iter().filter(|letter| self.takes(letter)).collect())
    }
}

/// What the letter is, in a few words.
fn what(letter: &Value) -> String {
    if letter["direction"] == "outgoing" {
        let [kind, what, via] = ["message.kind", "message.what", "message.via"].map(|at| table::cell(letter, at));
        return format!("{kind} {what} by {via}");
    }
    if letter["direction"] == "enrolment" {
        return format!("enrolment of {} in {}", table::cell(letter, "lead"), table::cell(letter, "workflow"));
    }
    format!("delivery {} of {}", table::cell(letter, "event"), table::cell(letter, "source"))
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let mut letters = self.which.all(&self.remote.client()?)?;
        for letter in &mut letters {
            letter["what"] = what(letter).into();
        }
        let columns = [
            ("ID", "id"),
            ("SINCE", "at"),
            ("TIMES", "times"),
            ("WHAT", "what"),
            ("LEAD", "message.lead"),
            ("CAUSE", "cause"),
        ];
        let found = remote::Found::first(letters, self.listing.limit);
        remote::show(found, &self.listing, &columns, "No dead letters.");
        Ok(())
    }
}

impl Show {
    fn run(self) -> anyhow::Result<()> {
        let letter = self.remote.client()?.get(&path("/v1/dead-letters/", &self.letter, ""))?;
        if self.json {
            output::json(&letter);
            return Ok(());
        }
        output::say(&format!("{:<9} {}", "what", what(&letter)));
        for (name, at) in [
            ("cause", "cause"),
            ("since", "at"),
            ("times", "times"),
            ("last", "last_at"),
            ("lead", "message.lead"),
            ("attempts", "message.tries"),
            ("type", "content_type"),
            ("body", "body"),
            ("bytes", "body_base64"),
        ] {
            let cell = table::cell(&letter, at);
            if cell != "-" {
                output::say(&format!("{name:<9} {cell}"));
            }
        }
        Ok(())
    }
}

/// What to do with letters.
#[derive(Clone, Copy, Debug)]
enum Way {
    Redrive { even_so: bool },
    Discard,
}

impl Way {
    fn act(self, client: &Client, letter: &str) -> Result<Value, ClientError> {
        match self {
            Self::Redrive { even_so } => {
                let body = even_so.then(|| json!({ "even_so": true }));
                client.post(&path("/v1/dead-letters/", letter, "/redrive"), body.as_ref())
            }
            Self::Discard => client.send(Method::DELETE, &path("/v1/dead-letters/", letter, ""), None),
        }
    }

    fn told(self, letter: &str, done: &Value) -> String {
        match self {
            Self::Discard => format!("{letter}: thrown away."),
            Self::Redrive { .. } if done["duplicate"] == true => {
                format!("{letter}: it had come to {} already, nothing was done twice.", table::cell(done, "lead"))
            }
            Self::Redrive { .. } if done["lead"].is_string() => {
                let left_out = done["left_out"].as_array().into_iter().flatten();
                let left_out = left_out
                    .map(|left| format!(" Left out: {} ({}).", table::cell(left, "field"), table::cell(left, "why")));
                format!("{letter}: it came to {}.{}", table::cell(done, "lead"), left_out.collect::<String>())
            }
            Self::Redrive { .. } => format!("{letter}: it is sent again."),
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Redrive { .. } => "driven again",
            Self::Discard => "thrown away",
        }
    }
}

impl Change {
    /// If one is refused, the others still go ahead; each has its result.
    fn run(self, way: Way) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let letters = if self.all {
            let which = Which { source: self.source, via: self.via };
            which.all(&client)?.iter().map(|letter| table::cell(letter, "id")).collect()
        } else {
            self.letters
        };
        let (mut results, mut refused) = (Vec::new(), 0);
        for letter in &letters {
            match way.act(&client, letter) {
                Ok(done) => {
                    if !self.json {
                        output::say(&way.told(letter, &done));
                    }
                    results.push(json!({ "dead_letter": letter, "done": true, "lead": done["lead"] }));
                }
                Err(ClientError::Problem { status, body, .. }) if status != StatusCode::UNAUTHORIZED => {
                    refused += 1;
                    if !self.json {
                        output::complain(&format!("{letter}: {}", super::client::problem_text(&body)));
                    }
                    results.push(json!({ "dead_letter": letter, "done": false, "problem": body }));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if self.json {
            output::json(&Value::Array(results));
        } else if self.all {
            let still = if refused == 0 { String::new() } else { format!("; {refused} lie there still") };
            let count = counted(letters.len() - refused, "dead letter");
            output::say(&format!("{count} {}{still}.", way.done()));
        }
        Ok(if refused == 0 { Answer::Yes } else { Answer::No })
    }
}
