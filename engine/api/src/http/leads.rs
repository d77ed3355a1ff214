//! Leads: lists, one lead, its timeline, and what people do to it.

use crate::http::auth::{Caller, Ingest, Read, Steer, Work};
use crate::http::events::{self, SOURCE};
use crate::http::hooks::Taken;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Bare, JsonBody, Named, OptionalJson, Params};
use crate::http::state::Shared;
use crate::http::{cursor, own_words, paging};
use crate::intake::{Draft, Rules};
use crate::json::Tree;
use crate::views::Page;
use crate::views::gate::{GATED, GateView};
use crate::views::lead::{LeadRow, LeadView};
use crate::views::timeline::TimelineView;
use crate::views::words::{self, Teller, Told};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use cadenza_core::event::{Event, EventType, LeadCommand, StandardEvent, Wish};
use cadenza_core::field::{Profile, TEXT_BYTES_MAX};
use cadenza_core::finding;
use cadenza_core::id::LeadId;
use cadenza_core::journal::{Entry, Ignored, Personal, Skeleton};
use cadenza_core::lead::{Channel, RepId, Stage};
use cadenza_core::plugin::Segment;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Leads read from the store at once.
const BATCH: usize = 256;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ListParams {
    segment: Option<Segment>,
    /// One of the engine's words, or of the team's own.
    stage: Option<String>,
    owner: Option<String>,
    q: Option<String>,
    /// Only leads that no workflow has ever taken.
    #[serde(default)]
    untaken: bool,
    cursor: Option<String>,
    limit: Option<usize>,
}

impl ListParams {
    /// Names the list that a cursor belongs to.
    fn list(&self) -> String {
        format!("leads {:?} {:?} {:?} {:?} {}", self.segment, self.stage, self.owner, self.q, self.untaken)
    }

    /// Whether nothing is searched for.
    fn takes_all(&self) -> bool {
        self.segment.is_none() && self.stage.is_none() && self.owner.is_none() && self.q.is_none() && !self.untaken
    }

    fn takes(&self, state: &LeadState) -> bool {
        let lead = &state.lead;
        (!self.untaken || state.is_untaken())
            && self.segment.is_none_or(|segment| lead.segment == Some(segment))
            && self.stage.as_ref().is_none_or(|word| {
                lead.stage.as_str() == word || lead.stage_own.as_ref().is_some_and(|own| own == word)
            })
            && self.owner.as_ref().is_none_or(|owner| lead.owner.as_ref().is_some_and(|own| own.0 == *owner))
    }

    fn finds(&self, state: &LeadState) -> bool {
        let Some(wanted) = self.q.as_ref().map(|text| text.trim().to_lowercase()) else { return true };
        let Profile { external_id, email, company, domain, .. } = &state.lead.profile;
        let name = crate::views::lead::name(state);
        let texts = [&name, external_id, email, company, domain];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// `GET /v1/leads`: oldest first. `q` is a lead's id, external id, mail address or phone number, or part of its
/// name, external id, company, mail address or domain. One page looks at a bounded number of leads, and may
/// hold fewer than asked for.
pub(crate) async fn list(
    _: Caller<Read>,
    State(api): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<LeadRow>>, Problem> {
    let limit = paging::size(params.limit, &api.limits)?;
    let catalog = api.engine.catalog();
    let stages = &catalog.workspace.settings.own_words.stages;
    if let Some(word) = params.stage.as_ref().filter(|word| stages.said(word).is_none()) {
        let detail = format!("`{word}` is no stage: write {}", stages.listed());
        return Err(Problem::new(Kind::BadParameter, detail).at("stage"));
    }
    let name = params.list();
    let after = cursor::read_id(&name, params.cursor.as_deref())?.map(LeadId);
    if let Some(text) = &params.q
        && let mut states = find_exactly(&api, text).await?
        && !states.is_empty()
    {
        states.retain(|state| after.is_none_or(|after| state.lead.id > after) && params.takes(state));
        states.sort_unstable_by_key(|state| state.lead.id);
        let more = states.len() > limit;
        states.truncate(limit);
        let last = states.last().filter(|_| more);
        let next = last.map(|state| cursor::write(&name, &state.lead.id.0.to_be_bytes()));
        let items = states.iter().map(|state| LeadRow::new(state, &catalog)).collect();
        return Ok(Json(Page { items, next }));
    }
    let all = params.takes_all();
    let search = search(Arc::clone(&api), params, limit, after);
    // A page of all leads looks at no more leads than it shows.
    if all { search.await } else { api.scans.run(search).await }.map(Json)
}

/// A page of matching leads.
async fn search(
    api: Shared,
    params: ListParams,
    limit: usize,
    mut after: Option<LeadId>,
) -> Result<Page<LeadRow>, Problem> {
    let (name, catalog) = (params.list(), api.engine.catalog());
    let (mut items, mut seen) = (Vec::new(), 0);
    loop {
        let batch = api.engine.leads(after, BATCH).await?;
        let last = batch.len() < BATCH;
        for state in batch {
            if items.len() == limit || seen >= api.limits.page_scan_max {
                let next = after.map(|lead| cursor::write(&name, &lead.0.to_be_bytes()));
                return Ok(Page { items, next });
            }
            after = Some(state.lead.id);
            seen += 1;
            if params.takes(&state) && params.finds(&state) {
                items.push(LeadRow::new(&state, &catalog));
            }
        }
        if last {
            let known = |owner: &str| catalog.workspace.settings.team.reps.contains_key(&RepId(owner.to_owned()));
            if let Some(owner) = params.owner.as_ref().filter(|owner| items.is_empty() && !known(owner)) {
                let detail = format!("`{owner}` is nobody in team.yaml, and owns no lead");
                return Err(Problem::new(Kind::BadParameter, detail).at("owner"));
            }
            return Ok(Page { items, next: None });
        }
    }
}

/// The leads that a text names exactly: by our id, or by one of their keys.
async fn find_exactly(api: &Shared, text: &str) -> Result<Vec<LeadState>, Problem> {
    let text = text.trim();
    if let Some(id) = LeadId::parse(text) {
        return Ok(api.engine.lead(id).await?.into_iter().collect());
    }
    let own = || Some(text.to_owned());
    let profile = Profile { external_id: own(), email: own(), phone: own(), ..Profile::default() };
    for key in finding::keys(&profile, api.engine.catalog().live.settings.country) {
        let found = api.engine.find(&key).await?;
        if !found.is_empty() {
            return Ok(api.engine.leads_by_id(&found).await?.into_iter().flatten().collect());
        }
    }
    Ok(Vec::new())
}

pub(crate) async fn load(api: &Shared, id: LeadId) -> Result<LeadState, Problem> {
    api.engine.lead(id).await?.ok_or_else(|| Problem::not_found("lead", &id.to_string()))
}

/// `GET /v1/leads/{id}`
pub(crate) async fn show(
    _: Caller<Read>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
) -> Result<Json<LeadView>, Problem> {
    let state = load(&api, id).await?;
    Ok(Json(LeadView::new(&state, &api.engine.catalog())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct TimelineParams {
    cursor: Option<String>,
    limit: Option<usize>,
    /// Also in codes and names, for programs.
    #[serde(default)]
    facts: bool,
}

/// `GET /v1/leads/{id}/timeline`: oldest first, in words.
pub(crate) async fn timeline(
    _: Caller<Read>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    Params(params): Params<TimelineParams>,
) -> Result<Json<TimelineView>, Problem> {
    let limit = paging::size(params.limit, &api.limits)?;
    let name = format!("timeline {id}");
    let after = cursor::read_id(&name, params.cursor.as_deref())?;
    let after = after.map_or(0, |seq| u64::try_from(seq).unwrap_or(u64::MAX));
    let state = load(&api, id).await?;
    let entries = api.engine.timeline(&state, after, limit).await?;
    let last = entries.last().map(|entry| entry.seq).filter(|seq| *seq < state.seq);
    let next = last.map(|seq| cursor::write(&name, &u128::from(seq).to_be_bytes()));
    Ok(Json(TimelineView::new(&state, (after, &entries), &api.engine.catalog(), next, params.facts)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct GateParams {
    channel: Option<String>,
}

/// `GET /v1/leads/{id}/gate`: whether the lead may be contacted now, by each channel or by one.
pub(crate) async fn gate(
    _: Caller<Read>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    Params(params): Params<GateParams>,
) -> Result<Json<GateView>, Problem> {
    let channels: Vec<Channel> = match &params.channel {
        None => GATED.to_vec(),
        Some(word) => {
            let named = GATED.into_iter().find(|channel| channel.as_str() == word);
            let listed = GATED.map(Channel::as_str).join(", ");
            let unknown = || Problem::new(Kind::BadParameter, format!("`{word}` is none of {listed}")).at("channel");
            vec![named.ok_or_else(unknown)?]
        }
    };
    let state = load(&api, id).await?;
    Ok(Json(GateView::new(&state, &channels, &api.engine.catalog(), api.engine.clock().now())))
}

/// `PUT /v1/leads`: sets what is known of a lead. The lead is found by `id`, `external_id`, `email` or `phone`, and
/// created if there is none.
pub(crate) async fn put(
    _: Caller<Ingest>,
    State(api): State<Shared>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Tree>,
) -> Result<Json<Taken>, Problem> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let id = key.map_or_else(|| api.new_event_id(), str::to_owned);
    let catalog = api.engine.catalog();
    let rules = Rules::of(&catalog.workspace.settings, api.engine.clock().now());
    let mut left_out = Vec::new();
    let (lead, fields) = events::lead_of(events::members(body, "the fields of a lead")?, &mut left_out)?;
    let draft = Draft {
        source: SOURCE,
        id: &id,
        kind: EventType::Standard(StandardEvent::LeadUpdated),
        at: None,
        lead,
        fields,
        data: std::collections::BTreeMap::new(),
        left_out,
        enrolls: true,
    };
    let accepted = api.engine.report(events::checked(draft, rules)?).await?;
    Ok(Json(Taken::new(id, &accepted)))
}

/// What a command did.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    lead: LeadId,
    stage: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_own: Option<String>,
    segment: Option<Segment>,
    owner: Option<RepId>,
    what: Vec<Told>,
}

impl Done {
    /// What an applied event did, in words.
    pub(crate) fn new(applied: &cadenza_runtime::engine::Applied, catalog: &Catalog) -> Self {
        let lead = &applied.state.lead;
        // The notes get an entry of their own, because the newest entry of the state may already be a later one.
        let skeleton =
            Skeleton { now: lead.created_at, event: String::new(), notes: applied.notes.clone(), catalog: None };
        let events = match &applied.state.latest {
            Some(Entry { skeleton: latest, personal: Some(Personal { events, .. }), .. })
                if latest.notes == skeleton.notes =>
            {
                events.clone()
            }
            _ => Vec::new(),
        };
        let entry = Entry { seq: 0, skeleton, personal: Some(Personal { events, account: None, changes: Vec::new() }) };
        let what = Teller::new(catalog, &applied.state).tell(&entry);
        Self {
            lead: lead.id,
            stage: lead.stage,
            stage_own: lead.stage_own.clone(),
            segment: lead.segment,
            owner: lead.owner.clone(),
            what,
        }
    }
}

/// Applies a command to a lead. A command that changes nothing is a problem.
pub(crate) async fn command(
    api: &Shared,
    lead: LeadId,
    by: String,
    command: LeadCommand,
) -> Result<Json<Done>, Problem> {
    let applied = api.engine.apply_to(lead, api.new_event_id(), Event::Commanded { command, by }).await?;
    match applied.ignored() {
        Some(why) => Err(nothing_done(why)),
        None => Ok(Json(Done::new(&applied, &api.engine.catalog()))),
    }
}

/// The problem of a command that came too late, or to the wrong place.
pub(crate) fn nothing_done(why: Ignored) -> Problem {
    Problem::new(Kind::NothingDone, format!("{}: look at it again", words::ignored_words(why)))
        .with("reason", why.as_str().into())
}

/// Checks that a rep is in the team.
pub(crate) fn known_rep(rep: RepId, catalog: &Catalog) -> Result<RepId, Problem> {
    if catalog.workspace.settings.team.reps.contains_key(&rep) {
        return Ok(rep);
    }
    Err(Problem::new(Kind::UnknownRep, format!("`{rep}` is nobody in team.yaml: use the id of a rep there")).at("rep"))
}

/// Checks the length of a free text; a blank one becomes `None`.
pub(crate) fn short(text: Option<String>, at: &str) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            let detail = format!("`{at}` has more than {TEXT_BYTES_MAX} bytes: shorten it");
            Err(Problem::new(Kind::InvalidField, detail).at(at))
        }
        text => Ok(text.filter(|text| !text.trim().is_empty())),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct OwnerBody {
    rep: RepId,
}

/// `PUT /v1/leads/{id}/owner`
pub(crate) async fn set_owner(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    JsonBody(body): JsonBody<OwnerBody>,
) -> Result<Json<Done>, Problem> {
    let rep = known_rep(body.rep, &api.engine.catalog())?;
    command(&api, id, caller.name(), LeadCommand::SetOwner(rep)).await
}

/// `POST /v1/leads/{id}/pause`: touches are held back until the lead is resumed.
pub(crate) async fn pause(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    _: Bare,
) -> Result<Json<Done>, Problem> {
    command(&api, id, caller.name(), LeadCommand::Pause).await
}

/// `POST /v1/leads/{id}/resume`
pub(crate) async fn resume(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    _: Bare,
) -> Result<Json<Done>, Problem> {
    command(&api, id, caller.name(), LeadCommand::Resume).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct OptOutBody {
    reason: Option<String>,
}

/// `POST /v1/leads/{id}/opt-out`
pub(crate) async fn opt_out(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    OptionalJson(body): OptionalJson<OptOutBody>,
) -> Result<Json<Done>, Problem> {
    let reason = short(body.reason, "reason")?;
    command(&api, id, caller.name(), LeadCommand::OptOut { reason }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct PreferencesBody {
    /// Each is one of the engine's words, or of the team's own, which is refused by what it means.
    refused: Option<Vec<String>>,
    /// Null withdraws the wish.
    #[serde(default, deserialize_with = "given")]
    not_before: Option<Option<Timestamp>>,
}

/// Tells null from a missing member.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<Timestamp>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// `POST /v1/leads/{id}/preferences`: which channels are refused, and from when contact is wanted. A member that
/// is not sent stays as it is.
pub(crate) async fn preferences(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    JsonBody(body): JsonBody<PreferencesBody>,
) -> Result<Json<Done>, Problem> {
    if body.refused.is_none() && body.not_before.is_none() {
        return Err(Problem::new(Kind::InvalidBody, "say what is preferred: `refused`, `not_before` or both"));
    }
    let catalog = api.engine.catalog();
    let channels = &catalog.workspace.settings.own_words.channels;
    let channel =
        |word: String| own_words::said(&word, ("channel", "refused"), channels, |_| true).map(|said| said.means);
    let refused = body.refused.map(|refused| refused.into_iter().map(channel).collect::<Result<BTreeSet<_>, _>>());
    let refused = refused.transpose()?.map(|refused| refused.into_iter().collect());
    let from = body.not_before.map(|at| at.map_or(Wish::AnyTime, Wish::Then));
    command(&api, id, caller.name(), LeadCommand::Prefer { refused, from }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct DisqualifyBody {
    reason: String,
}

/// `POST /v1/leads/{id}/disqualify`
pub(crate) async fn disqualify(
    caller: Caller<Work>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    JsonBody(body): JsonBody<DisqualifyBody>,
) -> Result<Json<Done>, Problem> {
    let reason = short(Some(body.reason), "reason")?
        .ok_or_else(|| Problem::new(Kind::InvalidField, "say why: `reason` is empty").at("reason"))?;
    command(&api, id, caller.name(), LeadCommand::Disqualify { reason }).await
}
