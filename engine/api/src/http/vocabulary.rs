//! `GET /v1/intake`: what an event may say here, for programs that send events and for `cadenza import`.

use crate::http::auth::{Caller, Ingest};
use crate::http::state::Shared;
use axum::Json;
use axum::extract::State;
use cadenza_core::event::StandardEvent;
use cadenza_core::field::{STANDARD_FIELDS, STANDING_FIELDS};
use cadenza_core::own_words::OwnWords;
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use serde::Serialize;
use std::collections::BTreeMap;

/// What an event may say.
#[derive(Debug, Serialize)]
pub(crate) struct IntakeView {
    now: Timestamp,
    /// The time zone of dates that do not name one.
    timezone: String,
    /// Lead fields with their types.
    fields: BTreeMap<String, ValueType>,
    /// The words of fields of which each is one of a few.
    choices: BTreeMap<String, Vec<String>>,
    /// What `lead` may say besides its fields: consent, stage and owner.
    standing: BTreeMap<String, ValueType>,
    /// The team's own words for results, stages and channels, each with what it means.
    own_words: OwnWords,
    /// Event types besides `custom.*`.
    types: &'static [StandardEvent],
    /// The most events in one array.
    events_max: usize,
}

/// Fields, types and limits of events.
pub(crate) async fn show(_: Caller<Ingest>, State(api): State<Shared>) -> Json<IntakeView> {
    let catalog = api.engine.catalog();
    let standard = STANDARD_FIELDS.iter().map(|field| (field.name.to_owned(), field.kind));
    let declared = &catalog.workspace.settings.fields;
    let own = declared.iter().map(|(name, field)| (name.clone(), field.kind));
    let choices = declared.iter().filter(|(_, field)| !field.choices.is_empty());
    Json(IntakeView {
        now: api.engine.clock().now(),
        timezone: catalog.workspace.settings.calendar.zone().iana_name().unwrap_or("UTC").to_owned(),
        standing: STANDING_FIELDS.iter().map(|field| (field.name.to_owned(), field.kind)).collect(),
        fields: standard.chain(own).collect(),
        choices: choices.map(|(name, field)| (name.clone(), field.choices.clone())).collect(),
        own_words: catalog.workspace.settings.own_words.clone(),
        types: StandardEvent::ALL,
        events_max: api.limits.events_max,
    })
}
