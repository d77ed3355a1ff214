//! What a new workspace leaves behind: work of reps and pools that it no longer has, leads of a territory that is gone, and runs
//! that keep the version they began with. It is reported with counts, so that whoever applies a workspace knows before it hurts.
//!
//! The counting happens off the driver's thread. Leads are looked through only if somebody left, and only up to a limit.

use crate::catalog::Catalog;
use crate::engine::{Engine, Refused};
use cadenza_core::account::Account;
use cadenza_core::id::{AccountId, Digest, TaskId};
use cadenza_core::lead::{RepId, Stage};
use cadenza_core::state::LeadState;
use cadenza_core::step::View;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{Notify, Party, Recipient, Verb, Workflow};
use cadenza_core::workspace::Territory;
use cadenza_language::{Diagnostic, Severity};
use cadenza_store::QueueKey;
use std::collections::{BTreeMap, BTreeSet};

/// The most leads that are looked through.
const LEADS_SEEN_MAX: usize = 100_000;
/// Leads, or places of a queue, read at once.
const PAGE: usize = 256;
/// The most places of a queue that are counted.
const TASKS_COUNTED_MAX: u64 = 100_000;
const TEAM: &str = "team.yaml";

/// What is left of a rep or pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Left {
    tasks: u64,
    leads: u64,
    holds: u64,
    /// Runs of versions that name the rep or pool.
    runs: u64,
}

impl Left {
    /// `3 open tasks, 12 leads owned`; none if nothing is left.
    fn words(&self, at_least: bool) -> Option<String> {
        let counts = [
            (self.tasks, "open task", ""),
            (self.leads, "lead", " owned"),
            (self.holds, "hold", ""),
            (self.runs, "run", " of an older version that names it"),
        ];
        let told = counts.into_iter().filter(|(count, ..)| *count > 0);
        let told: Vec<String> = told.map(|(count, what, more)| format!("{}{more}", counted(count, what))).collect();
        let more = if at_least { ", and perhaps more" } else { "" };
        (!told.is_empty()).then(|| format!("{}{more}", told.join(", ")))
    }
}

/// The reps, pools and territories that are gone, with what is left of them.
#[derive(Debug, Default)]
struct Ledger {
    reps: BTreeMap<RepId, Left>,
    pools: BTreeMap<String, Left>,
    /// Open leads that lie in a territory, by its name.
    territories: BTreeMap<String, u64>,
    /// Whether only some of the leads were looked at.
    at_least: bool,
}

/// Warnings of what the workspace `after` leaves behind; `before` is what was in force, if that is known.
pub async fn warnings(engine: &Engine, before: Option<&Catalog>, after: &Catalog) -> Result<Vec<Diagnostic>, Refused> {
    let mut ledger = Ledger::default();
    queues_of_whoever_left(engine, after, &mut ledger).await?;
    if let Some(before) = before {
        leads_of_whoever_left(engine, before, after, &mut ledger).await?;
    }
    let runs = runs_by_definition(engine).await?;
    for (digest, count) in &runs {
        let Some(definition) = after.definitions.get(digest) else { continue };
        for name in named(definition) {
            if let Some(left) = ledger.reps.get_mut(&RepId(name.to_owned())) {
                left.runs += count;
            } else if let Some(left) = ledger.pools.get_mut(name) {
                left.runs += count;
            }
        }
    }
    let mut told = told_of_team(&ledger);
    told.extend(told_of_workflows(&runs, after));
    Ok(told)
}

/// Finds the queues whose rep or pool is not in the team, each by its first place.
async fn queues_of_whoever_left(engine: &Engine, after: &Catalog, ledger: &mut Ledger) -> Result<(), Refused> {
    let team = &after.workspace.settings.team;
    let mut place: Option<QueueKey> = None;
    while let Some(first) = engine.queue(None, place.as_ref(), 1).await?.pop() {
        let assignee = first.assignee;
        if !team.seats(&assignee) {
            let tasks = length(engine, &assignee, TASKS_COUNTED_MAX).await?;
            match &assignee {
                Assignee::Rep(rep) => ledger.reps.entry(rep.clone()).or_default().tasks = tasks,
                Assignee::Pool(pool) => ledger.pools.entry(pool.clone()).or_default().tasks = tasks,
                Assignee::Nobody => {}
            }
        }
        place = Some(QueueKey { assignee, class: u8::MAX, due: Timestamp::MAX, task: TaskId(u128::MAX) });
    }
    Ok(())
}

/// How many tasks lie in a queue. Counting stops once `most` is reached.
pub async fn length(engine: &Engine, assignee: &Assignee, most: u64) -> Result<u64, Refused> {
    let (mut count, mut place) = (0, None);
    while count < most {
        let mut page = engine.queue(Some(assignee), place.as_ref(), PAGE).await?;
        count += page.len() as u64;
        if page.len() < PAGE {
            break;
        }
        place = page.pop();
    }
    Ok(count)
}

async fn leads_of_whoever_left(
    engine: &Engine,
    before: &Catalog,
    after: &Catalog,
    ledger: &mut Ledger,
) -> Result<(), Refused> {
    let (old, new) = (&before.workspace.settings.team, &after.workspace.settings.team);
    for rep in old.reps.keys().filter(|rep| !new.knows(rep)) {
        ledger.reps.entry(rep.clone()).or_default();
    }
    for pool in old.pools.keys().filter(|pool| !new.pools.contains_key(*pool)) {
        ledger.pools.entry(pool.clone()).or_default();
    }
    let is_kept = |territory: &&Territory| new.territories.iter().any(|kept| kept.name == territory.name);
    let territories = old.territories.iter().filter(|territory| !is_kept(territory));
    ledger.territories.extend(territories.map(|territory| (territory.name.clone(), 0)));
    if ledger.reps.is_empty() && ledger.territories.is_empty() {
        return Ok(());
    }
    let (mut cursor, mut seen, mut accounts) = (None, 0, BTreeSet::new());
    loop {
        let page = engine.leads(cursor, PAGE).await?;
        let now = engine.clock().now();
        for state in &page {
            ledger.count(state, before, now);
            accounts.extend(state.lead.account);
        }
        seen += page.len();
        cursor = page.last().map(|state| state.lead.id);
        if page.len() < PAGE {
            break;
        }
        if seen >= LEADS_SEEN_MAX {
            ledger.at_least = true;
            break;
        }
        // Lets other tasks of this thread have their turn.
        tokio::task::yield_now().await;
    }
    count_accounts(engine, accounts, ledger).await
}

async fn count_accounts(engine: &Engine, accounts: BTreeSet<AccountId>, ledger: &mut Ledger) -> Result<(), Refused> {
    if ledger.reps.is_empty() {
        return Ok(());
    }
    for (number, id) in accounts.into_iter().enumerate() {
        if let Some(Account { hold: Some(hold), .. }) = engine.account(id).await?
            && let Some(left) = ledger.reps.get_mut(&hold.owner)
        {
            left.holds += 1;
        }
        if number % PAGE == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

impl Ledger {
    fn count(&mut self, state: &LeadState, before: &Catalog, now: Timestamp) {
        if let Some(left) = state.lead.owner.as_ref().and_then(|owner| self.reps.get_mut(owner)) {
            left.leads += 1;
        }
        if let Some(left) = state.hold.as_ref().and_then(|hold| self.reps.get_mut(&hold.owner)) {
            left.holds += 1;
        }
        if self.territories.is_empty() || state.lead.stage != Stage::Open {
            return;
        }
        let view = View::of(state, &before.live, &before.definitions, now);
        let territories = &before.workspace.settings.team.territories;
        // If a condition has no answer, nobody can tell whether the lead lies in the territory, and it counts for none.
        let lies_in = territories.iter().find(|territory| territory.condition.holds(&view) == Ok(true));
        if let Some(count) = lies_in.and_then(|territory| self.territories.get_mut(&territory.name)) {
            *count += 1;
        }
    }
}

/// Runs that are not over, by the definition that they keep.
async fn runs_by_definition(engine: &Engine) -> Result<BTreeMap<Digest, u64>, Refused> {
    let counters = engine.counters().await?;
    let catalog = engine.catalog();
    let by_text: BTreeMap<String, Digest> =
        catalog.definitions.followed().map(|workflow| (workflow.digest.to_string(), workflow.digest)).collect();
    let mut runs = BTreeMap::new();
    for (name, count) in counters.values {
        let mut parts = name.split('/');
        let digest = match (parts.next(), parts.next()) {
            (Some("step" | "parked"), Some(digest)) => by_text.get(digest),
            _ => None,
        };
        if let Some(digest) = digest {
            *runs.entry(*digest).or_default() += u64::try_from(count).unwrap_or(0);
        }
    }
    Ok(runs)
}

/// The reps and pools that a definition names.
fn named(workflow: &Workflow) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    for step in &workflow.steps {
        if let Verb::Assign(assign) = &step.verb {
            named.extend(assign.pool.iter().chain(&assign.fallback).chain(&assign.rep).map(String::as_str));
        }
        if let Verb::Notify(Notify { to: Party::Rep(name) | Party::Pool(name), .. })
        | Verb::Watch(Party::Rep(name) | Party::Pool(name)) = &step.verb
        {
            named.insert(name);
        }
        for (_, escalate) in step.verb.escalations() {
            for recipient in [&escalate.remind, &escalate.raise] {
                if let Recipient::Rep(rep) = recipient {
                    named.insert(rep);
                }
            }
        }
    }
    named
}

fn told_of_team(ledger: &Ledger) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (rep, left) in &ledger.reps {
        let Some(words) = left.words(ledger.at_least) else { continue };
        let message = format!("`{rep}` is not in the team any more and leaves work: {words}");
        told.push(warning("rep-gone", TEAM, message).help(&[
            "open tasks go to the pool that the lead's owner was chosen from, else to nobody (`cadenza tasks --nobody`)",
            "leads keep the name until `assign` or `PUT /v1/leads/{id}/owner` gives them another owner; a hold goes to whoever is next",
        ]));
    }
    for (pool, left) in &ledger.pools {
        let Some(words) = left.words(ledger.at_least) else { continue };
        let message = format!("there is no pool `{pool}` any more, and it leaves work: {words}");
        told.push(
            warning("pool-gone", TEAM, message)
                .help(&["its tasks go to the owners of their leads, else to nobody (`cadenza tasks --nobody`)"]),
        );
    }
    for (territory, leads) in ledger.territories.iter().filter(|(_, leads)| **leads > 0) {
        let leads = counted(*leads, "open lead");
        let more = if ledger.at_least { ", and perhaps more" } else { "" };
        let message = format!("there is no territory `{territory}` any more, and {leads}{more} lay in it");
        told.push(
            warning("territory-gone", TEAM, message).help(&[
                "they keep their owners; from now on the territories below decide, or the fallback of the step",
            ]),
        );
    }
    told
}

fn told_of_workflows(runs: &BTreeMap<Digest, u64>, after: &Catalog) -> Vec<Diagnostic> {
    let mut older: BTreeMap<&str, u64> = BTreeMap::new();
    for (digest, count) in runs.iter().filter(|(_, count)| **count > 0) {
        let Some(definition) = after.definitions.get(digest) else { continue };
        let is_live = after.live.workflows.get(&definition.name).is_some_and(|live| live.digest == *digest);
        if !is_live {
            *older.entry(&definition.name).or_default() += count;
        }
    }
    let tell = |(name, count): (&str, u64)| {
        let runs = counted(count, "run");
        let file = format!("{name}.yaml");
        if after.live.workflows.contains_key(name) {
            let message = format!("{runs} of `{name}` began with an older version, and {} it to the end", keep(count));
            return warning("older-version", &file, message).help(&["`cadenza runs` shows where they are"]);
        }
        let message =
            format!("there is no workflow `{name}` any more; {runs} {} the version that they began with", keep(count));
        warning("workflow-gone", &file, message).help(&["`cadenza runs cancel` ends one"])
    };
    older.into_iter().map(tell).collect()
}

/// `1 run`, `2 runs`.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

const fn keep(count: u64) -> &'static str {
    if count == 1 { "keeps" } else { "keep" }
}

/// A warning without a place in the file, since what it is about is not there any more.
fn warning(code: &'static str, file: &str, message: String) -> Warning {
    Warning(Diagnostic {
        severity: Severity::Warning,
        code,
        message,
        file: file.to_owned(),
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 1,
        text: String::new(),
        label: None,
        help: Vec::new(),
        replacement: None,
        replaces: None,
        edit: 0..0,
        span: 0..0,
    })
}

struct Warning(Diagnostic);

impl Warning {
    fn help(self, help: &[&str]) -> Diagnostic {
        Diagnostic { help: help.iter().map(|&line| line.to_owned()).collect(), ..self.0 }
    }
}
