//! The command line: what a person may ask of the program. Exit codes: 0 success, 1 the answer is "no", 2 wrong use or
//! failure. Commands that talk to an engine do so over its HTTP API and know nothing else of it.

mod advice;
mod backup;
mod client;
mod column_map;
mod connection;
mod consent;
mod dead_letters;
mod doctor;
mod encoding;
mod event;
mod findings;
mod import;
mod leads;
mod mail_in;
mod next;
mod parked;
mod plugin;
mod preview;
mod preview_mail;
mod recipe;
mod remote;
mod rows;
mod runs;
mod schedules;
mod serve;
mod spreadsheet;
pub(crate) mod status;
mod tasks;
mod test;
mod token;
mod validate;
pub(crate) mod why;
mod yaml;

use crate::say::output;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

/// Runs lead workflows written in YAML: scores leads, assigns them, contacts them in time, and explains why it did so.
#[derive(Debug, Parser)]
#[command(name = "cadenza", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See the engine at work: sample leads, simulated reps and prospects, two working days in a minute
    Demo(crate::demo::Demo),
    /// Run the engine on a workspace and a data folder
    Serve(serve::Serve),
    /// Check a workspace folder
    Validate(validate::Validate),
    /// Play the cases of a workspace's test files, and show what does not happen as they expect
    Test(test::Test),
    /// Print the JSON Schema of a kind of file
    Schema(validate::Schema),
    /// Bring leads, history or opt-outs from CSV or JSON lines into a running engine
    Import(import::Import),
    /// Post events from a file
    Event(event::Event),
    /// Hand a message that came back by mail to a running engine: a reply, a bounce, an opt-out
    MailIn(mail_in::MailIn),
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// List leads, show one, act on one
    Leads(leads::Leads),
    /// List runs, end or unpark one
    Runs(runs::Runs),
    /// List runs that wait for a person, show why, let them try again
    Parked(parked::Parked),
    /// List what could not be sent or read, show one, redrive it, throw it away
    DeadLetters(dead_letters::DeadLetters),
    /// List the work queue, report the outcome of a task
    Tasks(tasks::Tasks),
    /// The workspace at a glance: where leads are, first-response times, and what needs a person
    Status(status::Status),
    /// List schedules with their firings
    Schedules(schedules::Schedules),
    /// Copy everything into one file, while the engine runs
    Backup(backup::Backup),
    /// Make a data folder from a backup
    Restore(backup::Restore),
    /// Find what cannot be read, in a data folder or a running engine
    Doctor(doctor::Doctor),
    /// Try a connection
    Connection(connection::Connection),
    /// Show the mail that a script is for a lead, and what it lacks; nothing is sent
    Preview(preview_mail::PreviewMail),
    /// Tell a lead's story: every event, decision and touch, and why
    Why(why::Why),
    /// Whether a lead may be contacted now, by which channel, and when that changes
    Next(next::Next),
    /// Write, build, test, measure and inspect plugins
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Compile a component from standard input to standard output. The engine calls itself with
    /// this, in a process of its own
    #[command(name = cadenza_builds::compile::SUBCOMMAND, hide = true)]
    CompileComponent,
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Demo(demo) => demo.run().map(|()| Answer::Yes),
        Command::Serve(serve) => serve.run(),
        Command::Validate(validate) => validate.run(),
        Command::Test(test) => test.run(),
        Command::Schema(schema) => schema.run(),
        Command::Import(import) => import.run(),
        Command::Event(event) => event.run(),
        Command::MailIn(mail) => mail.run(),
        Command::Token(token) => token.run(),
        Command::Leads(leads) => leads.run(),
        Command::Runs(runs) => runs.run(),
        Command::Parked(parked) => parked.run(),
        Command::DeadLetters(letters) => letters.run(),
        Command::Tasks(tasks) => tasks.run(),
        Command::Status(status) => status.run(),
        Command::Schedules(schedules) => schedules.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Connection(connection) => connection.run(),
        Command::Preview(preview) => preview.run(),
        Command::Why(why) => why.run(),
        Command::Next(next) => next.run(),
        Command::Plugin(plugin) => plugin.run(),
        Command::CompileComponent => return cadenza_builds::compile::child(),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            output::complain(&format!("cadenza: {}", output::causes(error.as_ref())));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command as Clap, CommandFactory as _};
    use std::collections::BTreeSet;

    #[test]
    fn every_argument_of_a_command_has_an_id_of_its_own_and_words() {
        Cli::command().debug_assert();
        check(&Cli::command());
    }

    fn check(command: &Clap) {
        let mut ids = BTreeSet::new();
        for argument in command.get_arguments() {
            let (id, name) = (argument.get_id(), command.get_name());
            assert!(ids.insert(id), "`{name}` has two arguments `{id}`: name one otherwise");
            assert!(argument.get_help().is_some(), "`{name}` does not say what `{id}` is: write a doc comment");
        }
        for sub in command.get_subcommands() {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.contains(' ') && !about.contains('\n'), "`{}` says of itself: `{about}`", sub.get_name());
            check(sub);
        }
    }
}
