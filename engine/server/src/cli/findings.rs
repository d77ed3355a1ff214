//! What `cadenza doctor` finds besides records: in the data folder, the settings and the workspace. Also what to do
//! about each kind of record that cannot be read.

use super::validate;
use crate::data_folder::{self, RESTORING};
use cadenza_core::id::Digest;
use cadenza_core::workspace::{Connection, SecretRef, Signature, Workspace};
use cadenza_language::Severity;
use cadenza_runtime::past::Lost;
use cadenza_signatures::secret;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// The default for how many MiB must be free. Below that, intake stops.
const RESERVE_MIB_DEFAULT: u64 = 256;
/// A name that differs by more letters than this is a different name.
const TYPING_MISTAKES_MAX: usize = 3;
/// How many of a workspace's diagnostics are repeated here. `cadenza validate` shows them all.
const DIAGNOSTICS_SHOWN: usize = 5;

/// Something that somebody should know.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// `error`, `warning` or `info`. A finding with `info` is no reason for concern.
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What can be done about it.
    pub(super) help: String,
}

impl Finding {
    fn new(severity: &'static str, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity, code, message: message.into(), help: help.into() }
    }
}

/// The findings about a data folder, besides its records.
pub(super) fn of_folder(data: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(told) = data_folder::open_places(data) {
        found.push(Finding::new(
            "warning",
            "open-to-others",
            told,
            "the engine closes what is its own at its next start",
        ));
    }
    if let Ok(room) = rustix::fs::statvfs(data) {
        let free_mib = room.f_bavail.saturating_mul(room.f_frsize) / (1024 * 1024);
        let reserve = setting("CADENZA_DISK_RESERVE_MIB").unwrap_or(RESERVE_MIB_DEFAULT);
        if free_mib < reserve {
            found.push(Finding::new(
                "error",
                "no-room",
                format!("{free_mib} MiB are free where the data lies, and intake stops below {reserve} MiB"),
                "make room on the disk; the engine takes leads in again by itself",
            ));
        }
    }
    if data.join("sled.new").exists() {
        let message = "`sled.new` is left: a database that was being made when a process ended";
        found.push(Finding::new("info", "left-over", message, "nothing: the next start deals with it"));
    }
    if let (Some(parent), Some(name)) = (data.parent(), data.file_name().and_then(|name| name.to_str())) {
        let places = [parent.join(format!("{name}.{RESTORING}")), data.join(RESTORING)];
        for restoring in places.iter().filter(|place| place.exists()) {
            let message = format!("`{}` is left of a restore that did not come to its end", restoring.display());
            found.push(Finding::new("warning", "left-over", message, "remove it, and restore again if that was meant"));
        }
    }
    found
}

/// The finding about a past workspace that cannot be read as it was.
pub(super) fn of_past(name: Digest, lost: &Lost) -> Finding {
    let message = format!("what was decided under {name} cannot be played again: {lost}");
    let help = "nothing else misses it; files that cannot be read are kept anew when they are in force again and something happens \
                under them";
    Finding::new("warning", "past-workspace", message, help)
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Finds variables that begin with our name but mean nothing to the program or the workspace. `known` are those
/// that the command line reads.
pub(super) fn of_settings(known: &BTreeSet<String>, workspace: Option<&Workspace>) -> Vec<Finding> {
    let read: BTreeSet<String> = workspace.map(variables_of).unwrap_or_default();
    let mut found = Vec::new();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CADENZA_")) {
        if known.contains(&name) || read.contains(&name) {
            continue;
        }
        let distance = |known: &&String| strsim::levenshtein(known, &name);
        let near = known.iter().min_by_key(distance).filter(|known| distance(known) <= TYPING_MISTAKES_MAX);
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if workspace.is_none() => "a workspace may read it as a secret: say which with --workspace".to_owned(),
            None => "remove it, or name it in the workspace".to_owned(),
        };
        found.push(Finding::new("warning", "unknown-setting", format!("nothing reads the variable `{name}`"), help));
    }
    for name in ["CADENZA_DISK_RESERVE_MIB", "CADENZA_DECISION_DAYS", "CADENZA_SENDING_DRAIN_S", "CADENZA_BODIES_MIB"] {
        if std::env::var(name).is_ok_and(|text| text.parse::<u64>().is_err()) {
            let message = format!("`{name}` is no whole number");
            found.push(Finding::new("error", "bad-setting", message, "write digits alone, such as 256"));
        }
    }
    found
}

/// The variables that a workspace reads.
fn variables_of(workspace: &Workspace) -> BTreeSet<String> {
    let names = secrets(workspace).into_iter().filter_map(|(_, reference)| match reference {
        SecretRef::Env(name) => Some(name.clone()),
        SecretRef::File(_) => None,
    });
    let endpoints = workspace.connections.values().filter_map(Connection::endpoint);
    names.chain(endpoints.filter_map(|endpoint| endpoint.url_env.clone())).collect()
}

/// Every secret that a workspace names, and who needs it.
fn secrets(workspace: &Workspace) -> Vec<(String, &SecretRef)> {
    let mut named = Vec::new();
    for (name, source) in &workspace.sources {
        let (Signature::StandardWebhooks { secrets }
        | Signature::Hmac { secrets, .. }
        | Signature::Timed { secrets, .. }
        | Signature::Token { secrets, .. }) = &source.signature;
        named.extend(secrets.iter().map(|reference| (format!("the source `{name}`"), reference)));
    }
    let links = workspace.links.iter().flat_map(|links| &links.secrets);
    named.extend(links.map(|reference| ("`links`".to_owned(), reference)));
    for (name, connection) in &workspace.connections {
        named.extend(connection.secrets().into_iter().map(|reference| (format!("the connection `{name}`"), reference)));
    }
    named
}

/// What is wrong with a workspace folder, and the workspace if it can be used.
pub(super) fn of_workspace(root: &Path) -> anyhow::Result<(Vec<Finding>, Option<Workspace>)> {
    let (_, checked) = validate::check(root, &[])?;
    let mut found = Vec::new();
    let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = checked.diagnostics.len() - errors;
    if errors + warnings > 0 {
        let first = checked.diagnostics.iter().take(DIAGNOSTICS_SHOWN);
        let shown: Vec<String> = first.map(|d| format!("{}:{}: {}", d.file, d.line, d.message)).collect();
        let severity = if errors > 0 { "error" } else { "warning" };
        let message = format!("{errors} errors and {warnings} warnings:\n  {}", shown.join("\n  "));
        let help = format!("`cadenza validate {}` shows each with what to write", root.display());
        found.push(Finding::new(severity, "workspace", message, help));
    }
    if let Some(workspace) = &checked.workspace {
        for (who, reference) in secrets(workspace) {
            if let Err(error) = secret::resolve(reference, root) {
                let message = format!("{who} has no secret: {error}");
                let help = format!("set {}, in the environment that `cadenza serve` runs in", secret::place(reference));
                found.push(Finding::new("error", "no-secret", message, help));
            }
        }
    }
    Ok((found, checked.workspace))
}

/// How the engine manages without a record of this kind, and what has to be done about it.
pub(super) fn advice(kind: &str) -> &'static str {
    match kind {
        "lead" => {
            "events and commands for it are refused, its timers and mails wait, lists go on without it; restore it from a backup, or bring the \
             person in anew under another id"
        }
        "account" => "its leads go on as if they had none, and its hold does not end; give the leads an owner by hand",
        "identity" => {
            "events that name this address, number or id are refused; send them with another key of the lead, such as its id"
        }
        "mark of an event" => {
            "an event of this id is refused, since nobody knows whether it was applied; send it under a new id if it was not"
        }
        "filter of marks" => {
            "nothing is missed: the marks of that day are read one by one, and the filter is made anew"
        }
        "pool" => "whose turn it was is forgotten, and the pool begins anew by itself",
        "schedule" => "what it has handled is forgotten: it next fires at its next time, by itself",
        "outbox row" => {
            "the message stays where it is and does not leave; see by its lead what it was, and do it by hand"
        }
        "dead letter" => "it is left out of the list, and nothing else misses it",
        "journal entry" => "it is left out of its lead's timeline, which counts it; nothing is decided by it any more",
        "personal part of a journal entry" => "the entry is shown like one of a person that was erased",
        "document" | "definition" => {
            "runs that follow it are parked when they are to move; apply the workspace folder again, then unpark them"
        }
        "past workspace" => {
            "what was decided under it cannot be played again, until it is in force again or a backup brings it back; nothing else misses it"
        }
        "token" => "it lets nobody in any more; make another one with `cadenza token create`",
        "counter" => "it counts from nothing; reports that add up journals are right",
        "place in a queue"
        | "timer"
        | "question that waits"
        | "question without an answer"
        | "lead under a hold"
        | "lead that hears of its account" => {
            "the lead it belongs to is not found by it; any event of that lead writes it anew"
        }
        "header" | "last batch" => "the folder is not opened, or cannot say what it has; restore it from a backup",
        "record of the feed" => {
            "the decisions of that batch cannot be listed or replayed; they stay in the stories of their leads"
        }
        "row of the inbox" => "what the lead was to be told is not known; nothing else is kept back",
        "lease of a partition" => "the partition can be claimed as if nobody held it",
        "piece of a value" | "number of pieces" => {
            "the long value it belongs to is named besides; see what is said of that"
        }
        _ => "a newer program may know it: use that one",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_the_store_names_has_an_advice() {
        let unknown = advice("no such kind");
        for kind in cadenza_store::KINDS {
            assert_ne!(advice(kind), unknown, "{kind}");
        }
    }
}
