//! `GET /v1/decisions`: what plugins were asked and answered, oldest first, read from the leads' journals. Used to
//! inspect a decision, and to replay real inputs against another build. What was erased with a person is not here.

use crate::http::auth::{Caller, Steer};
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::http::state::Shared;
use crate::http::{cursor, paging};
use crate::views::Page;
use axum::Json;
use axum::extract::State;
use cadenza_builds::decision::DecisionView;
use cadenza_core::event::{Answer, Event};
use cadenza_core::id::RunId;
use cadenza_core::journal::Entry;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_store::{BatchId, DecisionRef, Epoch, Feed, FeedKey};
use serde::Deserialize;
use std::sync::Arc;

/// Records of the feed read from the store at once.
const LISTS: usize = 16;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ListParams {
    plugin: Option<String>,
    run: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    cursor: Option<String>,
    limit: Option<usize>,
}

impl ListParams {
    fn wants(&self, answer: &Answer) -> bool {
        self.plugin.as_ref().is_none_or(|plugin| *plugin == answer.plugin)
            && self.run.as_ref().is_none_or(|run| *run == answer.run.to_string())
    }
}

/// Every decision in a time window.
pub(crate) async fn list(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<DecisionView>>, Problem> {
    let limit = paging::size(params.limit, &api.limits)?;
    let name = format!("decisions {:?} {:?} {:?} {:?}", params.plugin, params.run, params.from, params.until);
    let from = params.from.map(|at| FeedKey { at: at.plus_ms(-1), epoch: Epoch(u64::MAX), batch: BatchId(u64::MAX) });
    let after = match params.cursor.as_deref() {
        Some(text) => Some(read_cursor(&name, text)?),
        None => from,
    };
    api.scans.run(search(Arc::clone(&api), name, params, limit, after)).await.map(Json)
}

/// A page of matching decisions.
async fn search(
    api: Shared,
    name: String,
    params: ListParams,
    limit: usize,
    mut after: Option<FeedKey>,
) -> Result<Page<DecisionView>, Problem> {
    let until = params.until.unwrap_or(Timestamp::MAX);
    let (mut items, mut seen) = (Vec::new(), 0);
    loop {
        let feed = api.engine.feed(after, until, LISTS).await?;
        let last = feed.len() < LISTS;
        for (key, Feed { decisions, .. }) in feed {
            // The decisions of one batch stay together, so a page may hold more than asked for.
            if items.len() >= limit || seen >= api.limits.page_scan_max {
                return Ok(Page { items, next: after.map(|key| write_cursor(&name, key)) });
            }
            after = Some(key);
            seen += decisions.len().max(1);
            collect(&api, &params, &decisions, &mut items).await?;
        }
        if last {
            return Ok(Page { items, next: None });
        }
    }
}

/// Reads the decisions of one record of the feed.
async fn collect(
    api: &Shared,
    params: &ListParams,
    decisions: &[DecisionRef],
    items: &mut Vec<DecisionView>,
) -> Result<(), Problem> {
    let catalog = api.engine.catalog();
    for decision in decisions {
        let Some(lead) = api.engine.lead(decision.lead).await? else { continue };
        let Some(entry) = api.engine.entry(&lead, decision.seq).await? else { continue };
        for answer in answers(&entry).filter(|answer| params.wants(answer)) {
            let names =
                api.archive.names((&catalog.library, &catalog.registry), answer.digest, &answer.input.parameters).await;
            items.push(DecisionView::new(answer, entry.skeleton.now, names.as_deref()));
        }
    }
    Ok(())
}

/// How many of a journal's newest entries are searched for a decision.
const ENTRIES_MAX: u64 = 500;

/// The latest decision that a run asked for.
pub(crate) async fn latest(api: &Shared, lead: &LeadState, run: RunId) -> Result<Option<DecisionView>, Problem> {
    let after = lead.seq.saturating_sub(ENTRIES_MAX);
    let entries = api.engine.timeline(lead, after, ENTRIES_MAX as usize).await?;
    let of_run = |entry: &Entry| {
        let latest = answers(entry).filter(|answer| answer.run == run).last();
        latest.map(|answer| (answer.clone(), entry.skeleton.now))
    };
    let Some((answer, at)) = entries.iter().rev().find_map(of_run) else { return Ok(None) };
    let catalog = api.engine.catalog();
    let kept = (&catalog.library, &catalog.registry);
    let names = api.archive.names(kept, answer.digest, &answer.input.parameters).await;
    Ok(Some(DecisionView::new(&answer, at, names.as_deref())))
}

fn answers(entry: &Entry) -> impl Iterator<Item = &Answer> {
    let events = entry.personal.iter().flat_map(|personal| &personal.events);
    events.filter_map(|event| if let Event::Decided(answer) = event { Some(answer) } else { None })
}

fn write_cursor(name: &str, key: FeedKey) -> String {
    let parts = [key.at.as_ms().to_be_bytes(), key.epoch.0.to_be_bytes(), key.batch.0.to_be_bytes()];
    cursor::write(name, &parts.concat())
}

fn read_cursor(name: &str, text: &str) -> Result<FeedKey, Problem> {
    let bytes = cursor::read(name, text)?;
    let number = |at: usize| bytes.get(at..at + 8).and_then(|part| part.try_into().ok()).map(u64::from_be_bytes);
    match (number(0), number(8), number(16)) {
        (Some(at), Some(epoch), Some(batch)) => {
            Ok(FeedKey { at: Timestamp::from_ms(at as i64), epoch: Epoch(epoch), batch: BatchId(batch) })
        }
        _ => Err(cursor::damaged()),
    }
}
