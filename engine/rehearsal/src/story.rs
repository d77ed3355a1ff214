//! What happened in a case, in order of time: each happening in words for people, and as a fact to compare with.

use crate::post::{Notice, Taken};
use crate::ran::Ran;
use cadenza_api::views::facts::{Fact, FactReader};
use cadenza_api::views::task::Reading;
use cadenza_api::views::words::Teller;
use cadenza_core::effect::{Rendered, Request};
use cadenza_core::gate;
use cadenza_core::id::LeadId;
use cadenza_core::journal::{Entry, Note};
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::engine::{Engine, Refused};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// One thing that happened.
#[derive(Debug)]
pub(crate) struct Happening {
    pub(crate) at: Timestamp,
    pub(crate) lead: LeadId,
    pub(crate) fact: Option<Seen>,
    pub(crate) text: String,
    /// The reasons in the words of a plugin.
    pub(crate) because: Vec<String>,
}

/// The part of a happening that can be compared.
#[derive(Debug)]
pub(crate) enum Seen {
    Fact(Fact),
    /// A mail, with its contents if it left.
    Mail(Fact, Option<Rendered>),
    /// A request, with its contents if it left.
    Request(Fact, Option<Request>),
    /// A task, with what its assignee reads, if the case asks for that.
    Task(Fact, Option<Reading>),
    Notice(Notice),
}

/// A line of the story, as it is printed.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The time in the zone of the lead.
    pub at: String,
    /// The lead's name in the file, if there are several leads.
    pub lead: Option<String>,
    pub text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// The lines of the file with the expectations that this met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<usize>,
}

/// A lead as the case left it, with its journal.
pub(crate) struct Life {
    pub(crate) state: LeadState,
    pub(crate) entries: Vec<Entry>,
    pub(crate) zone: TimeZone,
}

/// How many journal entries are read at once.
const PAGE: usize = 512;
/// The most leads of a case that are read.
const LEADS_MAX: usize = 100_000;

/// Everything that an engine knows about its leads.
pub(crate) async fn lives(engine: &Engine, catalog: &Catalog) -> Result<Vec<Life>, Refused> {
    let mut lives = Vec::new();
    for state in engine.leads(None, LEADS_MAX).await? {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq);
            let page = engine.timeline(&state, after, PAGE).await?;
            let is_last = page.len() < PAGE;
            entries.extend(page);
            if is_last {
                break;
            }
        }
        let zone = zone_of(&state, catalog);
        lives.push(Life { state, entries, zone });
    }
    Ok(lives)
}

/// The zone whose clock applies to a lead.
pub(crate) fn zone_of(state: &LeadState, catalog: &Catalog) -> TimeZone {
    gate::zone_of(&state.lead, &catalog.workspace.settings)
}

/// The story of all leads together.
pub(crate) fn tell(lives: &[Life], taken: &Taken, ran: &Ran, catalog: &Catalog) -> Vec<Happening> {
    let mut story = Vec::new();
    for life in lives {
        let lead = life.state.lead.id;
        let mails: BTreeMap<u64, &Rendered> = taken
            .mails
            .iter()
            .filter(|(of, ..)| *of == lead)
            .map(|(_, effect, mail)| (effect.number(), mail))
            .collect();
        let requests: BTreeMap<u64, &Request> = taken
            .requests
            .iter()
            .filter(|(of, ..)| *of == lead)
            .map(|(_, effect, request)| (effect.number(), request))
            .collect();
        let mut teller = Teller::new(catalog, &life.state).in_zone(life.zone.clone());
        let mut reader = FactReader::new(catalog, &life.state);
        for entry in &life.entries {
            let at = entry.skeleton.now;
            let mut facts = reader.read(entry);
            for told in teller.tell(entry) {
                let note = told.note.and_then(|place| entry.skeleton.notes.get(place));
                let fact = told.note.and_then(|place| facts.get_mut(place)?.take());
                let fact = fact.map(|fact| match &fact {
                    Fact::Task { .. } => {
                        let read = note.and_then(|note| reading_of(note, lead, ran));
                        Seen::Task(fact, read.cloned())
                    }
                    Fact::Mail { effect, script: Some(_), .. } => {
                        let mail = mails.get(effect).map(|mail| (*mail).clone());
                        Seen::Mail(fact, mail)
                    }
                    Fact::Request { effect, .. } => {
                        let request = requests.get(effect).map(|request| (*request).clone());
                        Seen::Request(fact, request)
                    }
                    _ => Seen::Fact(fact),
                });
                let text = without_version(told.text, note);
                story.push(Happening { at, lead, fact, text, because: told.because });
            }
        }
    }
    for notice in &taken.notices {
        let team = &catalog.workspace.settings.team;
        let rep = cadenza_core::lead::RepId(notice.to.clone());
        let name = team.reps.get(&rep).map_or(notice.to.as_str(), |rep| rep.name.as_str());
        let text = format!("{name} was told: {}.", notice.kind);
        let fact = Some(Seen::Notice(notice.clone()));
        story.push(Happening { at: notice.at, lead: notice.lead, fact, text, because: Vec::new() });
    }
    story.sort_by_key(|happening| happening.at);
    story
}

/// What was read with the task that a note is about.
fn reading_of<'r>(note: &Note, lead: LeadId, ran: &'r Ran) -> Option<&'r Reading> {
    let Note::TaskMade { task, .. } = note else { return None };
    ran.readings.iter().find(|(id, _)| id.lead() == lead && id.in_journal() == *task).map(|(_, read)| read)
}

/// Removes versions and builds, which mean nothing to the reader of a case: there is one of each.
fn without_version(text: String, note: Option<&Note>) -> String {
    let mark = match note {
        Some(Note::Enrolled { .. }) => " (version ",
        Some(Note::Decided { .. }) => " (build ",
        _ => return text,
    };
    match text.split_once(mark) {
        Some((before, after)) => {
            let rest = after.split_once(')').map_or("", |(_, rest)| rest);
            format!("{before}{rest}")
        }
        None => text,
    }
}
