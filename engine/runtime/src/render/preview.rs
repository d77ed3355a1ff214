//! The mail that a script would be for a lead, and what it lacks. Nothing is sent and nothing is kept.

use super::render_message;
use crate::catalog::Catalog;
use cadenza_core::account::AccountFacts;
use cadenza_core::effect::{Due, Message, Outgoing};
use cadenza_core::gate::{self, Intent, Verdict};
use cadenza_core::id::{EffectId, RunId};
use cadenza_core::lead::Channel;
use cadenza_core::mailer::Mailer;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{Email, Purpose, ScriptId, Step, StepId, TouchPlan, Verb, Workflow};
use cadenza_core::workspace::Connection;
use std::sync::Arc;

/// A mail as it would leave.
#[derive(Debug)]
pub struct MailPreview {
    /// The workflow that sends the script.
    pub workflow: String,
    /// The row of the outbox that it would be.
    pub row: Outgoing,
    /// Why the script does not render.
    pub broken: Option<String>,
    /// The gate's verdict on the lead.
    pub verdict: Verdict,
    /// What the mail lacks, in words.
    pub lacks: Vec<&'static str>,
}

/// The mail of a script for a lead, by the workflow that the lead is in, or else by the first that sends it. `None`
/// when no workflow sends the script as a mail.
pub fn mail(
    catalog: &Catalog,
    state: &LeadState,
    account: Option<&AccountFacts>,
    script: &str,
    now: Timestamp,
) -> Option<MailPreview> {
    let mut uses: Vec<_> = catalog.live.workflows.values().filter_map(|workflow| uses(workflow, script)).collect();
    let is_in = |workflow: &Workflow| state.runs.iter().find(|run| run.workflow == workflow.digest);
    uses.sort_by_key(|(workflow, ..)| is_in(workflow).is_none());
    let (workflow, step, email) = uses.into_iter().next()?;
    let run = is_in(workflow);
    let message = Message::Email {
        workflow: workflow.digest,
        step: StepId::of(&step.id),
        script: ScriptId::of(script),
        rendered: None,
    };
    let mut row = Outgoing {
        id: EffectId(state.lead.id.0),
        lead: state.lead.id,
        run: run.map_or(RunId(state.lead.id.0), |run| run.id),
        attempt: 0,
        via: email.via.clone(),
        due: Due::At(now),
        message,
        tries: 0,
        started_at: None,
        last_error: None,
        made_at: now,
        redriven: false,
        deferred: None,
        incarnation: 0,
    };
    render_message(catalog, state, account, &mut row, now);
    let broken = row.last_error.clone();
    let intent = if email.purpose == Purpose::Answer { Intent::Answer(row.id) } else { Intent::New };
    let verdict = gate::check_for(intent, state, Channel::Email, &catalog.live.settings, now);
    let mailer = catalog.workspace.connections.get(&row.via).and_then(Connection::mailer);
    let is_reviewed = workflow.script(ScriptId::of(script)).is_some_and(|(_, script)| script.reviewed_by.is_some());
    let lacks = lacks(mailer, catalog.workspace.links.is_some(), is_reviewed);
    Some(MailPreview { workflow: workflow.name.clone(), row, broken, verdict, lacks })
}

/// The first step of a workflow that sends a script as a mail.
fn uses<'a>(workflow: &'a Arc<Workflow>, script: &str) -> Option<(&'a Workflow, &'a Step, &'a Email)> {
    workflow.steps.iter().find_map(|step| {
        let mail = match &step.verb {
            Verb::Email(email) => Some(email).filter(|email| email.script == script),
            Verb::Cadence(cadence) => cadence.touches.iter().find_map(|touch| match &touch.touch {
                TouchPlan::Email(email) if email.script == script => Some(email),
                _ => None,
            }),
            _ => None,
        };
        Some((workflow.as_ref(), step, mail?))
    })
}

/// What receivers, the law or practice want of a mail.
fn lacks(mailer: Option<&Mailer>, has_links: bool, is_reviewed: bool) -> Vec<&'static str> {
    let mut lacks = Vec::new();
    if let Some(mailer) = mailer {
        if mailer.dkim.is_none() {
            lacks.push("a signature by DKIM: add `dkim` to its connection");
        }
        if mailer.postal_address.is_none() {
            lacks.push("a postal address at its foot: add `postal_address` to its connection");
        }
        if !has_links {
            lacks.push("a way to unsubscribe: add `links` to cadenza.yaml");
        }
        if mailer.capture.is_some() {
            lacks.push("a way out: its connection captures mails and sends none");
        }
    }
    if !is_reviewed {
        lacks.push("somebody who tried it: `reviewed_by` is not in the script");
    }
    lacks
}
