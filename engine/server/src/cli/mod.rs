//! The command line: what a person may ask of the program. Exit codes: 0 fine, 1 the answer is "no", 2 wrong use or
//! failure. Commands that talk to an engine do so over its HTTP API and know nothing else of it.

mod client;
mod event;
mod import;
mod leads;
pub(crate) mod output;
mod remote;
mod rows;
mod runs;
mod schedules;
mod serve;
mod table;
mod tasks;
mod token;
mod validate;
pub(crate) mod why;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What a command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

/// Durable lead workflows in YAML, decisions in WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "cadenza", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See the engine at work: sample leads, played reps and prospects, two working days in a minute
    Demo(crate::demo::Demo),
    /// Run the engine on a workspace and a data folder
    Serve(serve::Serve),
    /// Check a workspace folder
    Validate(validate::Validate),
    /// Print the JSON Schema of a kind of file
    Schema(validate::Schema),
    /// Bring leads, history or opt-outs from CSV or JSON lines into a running engine
    Import(import::Import),
    /// Post events from a file
    Event(event::Event),
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// List leads, show one, act on one
    Leads(leads::Leads),
    /// List runs, end or unpark one
    Runs(runs::Runs),
    /// List the work queue, say what came of a task
    Tasks(tasks::Tasks),
    /// List schedules with their firings
    Schedules(schedules::Schedules),
    /// Tell a lead's story: every event, decision and touch, and why
    Why(why::Why),
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Demo(demo) => demo.run().map(|()| Answer::Yes),
        Command::Serve(serve) => serve.run(),
        Command::Validate(validate) => validate.run(),
        Command::Schema(schema) => schema.run(),
        Command::Import(import) => import.run(),
        Command::Event(event) => event.run(),
        Command::Token(token) => token.run(),
        Command::Leads(leads) => leads.run(),
        Command::Runs(runs) => runs.run(),
        Command::Tasks(tasks) => tasks.run(),
        Command::Schedules(schedules) => schedules.run(),
        Command::Why(why) => why.run(),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            output::complain(&format!("cadenza: {error:#}"));
            ExitCode::from(2)
        }
    }
}
