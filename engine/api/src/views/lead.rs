//! A lead as the API shows it: a row of a list, and the whole lead.

use crate::json;
use crate::views::run::RunView;
use crate::views::words;
use cadenza_core::account::Hold;
use cadenza_core::id::{AccountId, Digest, LeadId, RunId, TaskId};
use cadenza_core::identity::{BoundKey, IdentityKind, Why};
use cadenza_core::lead::{Channel, Counts, Lead, LeadScore, Outcome, RepId, Stage, TouchResult};
use cadenza_core::plugin::Segment;
use cadenza_core::state::LeadState;
use cadenza_core::task::TaskKind;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::MAIN_SCORE;
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;
use std::collections::BTreeMap;

/// Channels that do not reach the lead: its address or number proved wrong, or is bound for that reason.
fn unreachable(lead: &Lead) -> Vec<Channel> {
    let proved_wrong = |channel| {
        let bound = lead.bound_on(channel);
        bound.is_some_and(|why| matches!(why, Why::Bounced | Why::WrongNumber | Why::Crowded))
    };
    let is = |channel: &Channel| lead.consent.unreachable.contains(channel) || proved_wrong(*channel);
    Channel::ALL.iter().copied().filter(is).collect()
}

fn bound_view(bound: &BoundKey) -> BoundView {
    let BoundKey { key, binding } = bound;
    BoundView { kind: key.kind, value: key.value.clone(), why: binding.why, at: binding.at, by: binding.by.clone() }
}

/// A lead in a list.
#[derive(Debug, Serialize)]
pub(crate) struct LeadRow {
    id: LeadId,
    external_id: Option<String>,
    name: Option<String>,
    company: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    source: Option<String>,
    stage: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_own: Option<String>,
    segment: Option<Segment>,
    score: Option<i32>,
    owner: Option<RepId>,
    created_at: Timestamp,
    next_due: Option<Timestamp>,
    runs: Vec<String>,
}

impl LeadRow {
    pub(crate) fn new(state: &LeadState, catalog: &Catalog) -> Self {
        let lead = &state.lead;
        let run = |run| RunView::new(run, state, catalog).place();
        Self {
            id: lead.id,
            external_id: lead.profile.external_id.clone(),
            name: name(state),
            company: lead.profile.company.clone(),
            email: lead.profile.email.clone(),
            phone: lead.profile.phone.clone(),
            source: lead.profile.source.clone(),
            stage: lead.stage,
            stage_own: lead.stage_own.clone(),
            segment: lead.segment,
            score: lead.scores.get(MAIN_SCORE).map(|score| score.points),
            owner: lead.owner.clone(),
            created_at: lead.created_at,
            next_due: next_due(state),
            runs: state.runs.iter().map(run).collect(),
        }
    }
}

/// Given and family name, as far as they are known.
pub(crate) fn name(state: &LeadState) -> Option<String> {
    let profile = &state.lead.profile;
    let names: Vec<&str> =
        [&profile.first_name, &profile.last_name].into_iter().flatten().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// The whole of a lead.
#[derive(Debug, Serialize)]
pub(crate) struct LeadView {
    id: LeadId,
    created_at: Timestamp,
    fields: BTreeMap<String, serde_json::Value>,
    stage: Stage,
    /// The team's own word for the stage, when that was given; likewise in touches.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_own: Option<String>,
    segment: Option<Segment>,
    scores: BTreeMap<String, ScoreView>,
    owner: Option<RepId>,
    account: Option<AccountId>,
    hold: Option<HoldView>,
    consent: ConsentView,
    paused_at: Option<Timestamp>,
    callback_at: Option<Timestamp>,
    counts: CountsView,
    touches: Vec<TouchView>,
    engagements: Vec<EngagementView>,
    /// The newest one that is open, else the newest.
    deal: Option<DealView>,
    deals: Vec<DealView>,
    watchers: Vec<RepId>,
    next_due: Option<Timestamp>,
    runs: Vec<RunView>,
    past_runs: Vec<PastView>,
    tasks: Vec<OpenTask>,
}

#[derive(Debug, Serialize)]
struct ScoreView {
    points: i32,
    segment: Segment,
    at: Timestamp,
    plugin: Option<String>,
    digest: Option<Digest>,
    reasons: Vec<words::ReasonView>,
}

#[derive(Debug, Serialize)]
struct HoldView {
    owner: RepId,
    until: Timestamp,
}

#[derive(Debug, Serialize)]
struct ConsentView {
    opted_out: Option<OptOutView>,
    refused: Vec<Channel>,
    /// Channels on which the lead's own address or number does not reach it.
    unreachable: Vec<Channel>,
    /// What binds the addresses and numbers that it has or had, whoever else has them.
    bound: Vec<BoundView>,
    not_before: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct BoundView {
    kind: IdentityKind,
    value: String,
    why: Why,
    at: Timestamp,
    by: String,
}

#[derive(Debug, Serialize)]
struct OptOutView {
    at: Timestamp,
    by: String,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct CountsView {
    contacts: u32,
    calls: u32,
    emails: u32,
    reached: u32,
    voicemails: u32,
    engagements: u32,
    does_not_know_us: u32,
}

#[derive(Debug, Serialize)]
struct TouchView {
    at: Timestamp,
    channel: Channel,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_own: Option<String>,
    outcome: Outcome,
    result: Option<TouchResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_own: Option<String>,
    by: Option<RepId>,
    run: Option<RunId>,
    task: Option<TaskId>,
}

#[derive(Debug, Serialize)]
struct EngagementView {
    at: Timestamp,
    kind: String,
    detail: String,
}

#[derive(Debug, Serialize)]
struct DealView {
    id: Option<String>,
    stage: Option<String>,
    amount: Option<f64>,
    won: Option<bool>,
    closed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct PastView {
    run: RunId,
    workflow: String,
    ended_at: Timestamp,
    ending: String,
    count: u32,
}

#[derive(Debug, Serialize)]
struct OpenTask {
    id: TaskId,
    kind: TaskKind,
    assignee: String,
    due: Timestamp,
    not_before: Option<Timestamp>,
}

impl LeadView {
    pub(crate) fn new(state: &LeadState, catalog: &Catalog) -> Self {
        let lead = &state.lead;
        let known = lead.profile.known();
        Self {
            id: lead.id,
            created_at: lead.created_at,
            fields: known.into_iter().map(|(name, value)| (name.to_owned(), json::show(&value))).collect(),
            stage: lead.stage,
            stage_own: lead.stage_own.clone(),
            segment: lead.segment,
            scores: lead.scores.iter().map(|(name, score)| (name.clone(), score_view(score, catalog))).collect(),
            owner: lead.owner.clone(),
            account: lead.account,
            hold: state.hold.as_ref().map(|Hold { owner, until, .. }| HoldView { owner: owner.clone(), until: *until }),
            consent: ConsentView {
                opted_out: lead.consent.opted_out.as_ref().map(|out| OptOutView {
                    at: out.at,
                    by: out.by.clone(),
                    reason: out.reason.clone(),
                }),
                refused: lead.consent.refused.clone(),
                unreachable: unreachable(lead),
                bound: lead.consent.bound.iter().map(bound_view).collect(),
                not_before: lead.consent.not_before,
            },
            paused_at: lead.paused_at,
            callback_at: state.callback_at,
            counts: counts_view(&lead.counts),
            touches: lead.touches.iter().map(touch_view).collect(),
            engagements: lead
                .engagements
                .iter()
                .map(|e| EngagementView { at: e.at, kind: e.kind.clone(), detail: e.detail.clone() })
                .collect(),
            deal: lead.deal_called(None).map(deal_view),
            deals: lead.all_deals().map(deal_view).collect(),
            watchers: lead.watchers.clone(),
            next_due: next_due(state),
            runs: state.runs.iter().map(|run| RunView::new(run, state, catalog)).collect(),
            past_runs: state
                .past
                .iter()
                .map(|(workflow, past)| PastView {
                    run: past.run,
                    workflow: workflow.clone(),
                    ended_at: past.ended_at,
                    ending: past.ending.clone(),
                    count: past.count,
                })
                .collect(),
            tasks: state
                .tasks
                .iter()
                .map(|task| OpenTask {
                    id: task.id,
                    kind: task.kind,
                    assignee: task.assignee.to_string(),
                    due: task.due,
                    not_before: task.not_before,
                })
                .collect(),
        }
    }
}

fn score_view(score: &LeadScore, catalog: &Catalog) -> ScoreView {
    ScoreView {
        points: score.points,
        segment: score.segment,
        at: score.at,
        plugin: score.plugin.clone(),
        digest: score.digest,
        reasons: words::reasons(&score.reasons, score.plugin.as_deref(), catalog),
    }
}

fn counts_view(counts: &Counts) -> CountsView {
    let Counts { contacts, calls, emails, reached, voicemails, engagements, does_not_know_us } = *counts;
    CountsView { contacts, calls, emails, reached, voicemails, engagements, does_not_know_us }
}

fn touch_view(touch: &cadenza_core::lead::Touch) -> TouchView {
    TouchView {
        at: touch.at,
        channel: touch.channel,
        channel_own: touch.channel_own.clone(),
        outcome: touch.outcome,
        result: touch.result,
        result_own: touch.result_own.clone(),
        by: touch.by.clone(),
        run: touch.run,
        task: touch.task,
    }
}

fn deal_view(deal: &cadenza_core::lead::Deal) -> DealView {
    DealView {
        id: deal.id.clone(),
        stage: deal.stage.clone(),
        amount: deal.amount,
        won: deal.won,
        closed_at: deal.closed_at,
    }
}

/// When something happens next: a timer fires, or a task is due.
fn next_due(state: &LeadState) -> Option<Timestamp> {
    state.tasks.iter().map(|task| task.due).chain(state.next_due()).min()
}
