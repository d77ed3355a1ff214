//! Which run is which, for people: the name of its workflow, with the value for which it stands where the lead has a run for each
//! value of something.

use cadenza_core::event::Event;
use cadenza_core::expr::{Expr, Object};
use cadenza_core::id::{Born, Digest, LeadId, RunId};
use cadenza_core::run::key_text;
use cadenza_core::state::LeadState;
use cadenza_core::workflow::Workflow;
use cadenza_runtime::catalog::Catalog;
use std::collections::BTreeMap;

/// Names the runs of one lead.
pub(super) struct RunNames<'a> {
    catalog: &'a Catalog,
    lead: LeadId,
    runs: BTreeMap<Born, (Digest, Option<String>)>,
    /// Runs that are over, of which only the workflow's name and the key are kept.
    past: BTreeMap<Born, (String, Option<String>)>,
}

impl<'a> RunNames<'a> {
    /// Knows the lead's current runs and the latest that are over. It learns the others as they begin.
    pub(super) fn new(catalog: &'a Catalog, state: &LeadState) -> Self {
        let past = |name: &str| {
            let (workflow, key) = of_past(name);
            (workflow.to_owned(), key.map(str::to_owned))
        };
        Self {
            catalog,
            lead: state.lead.id,
            runs: state.runs.iter().map(|run| (run.id.in_journal(), (run.workflow, run.key.clone()))).collect(),
            past: state.past.iter().map(|(name, over)| (over.run.in_journal(), past(name))).collect(),
        }
    }

    /// A run begins, in an entry with these events.
    pub(super) fn begins(&mut self, run: Born, workflow: Digest, events: &[Event]) {
        let known = self.runs.get(&run).and_then(|(_, key)| key.clone());
        let known = known.or_else(|| self.past.get(&run).and_then(|(_, key)| key.clone()));
        let definition = self.catalog.definitions.get(&workflow);
        let key = known.or_else(|| definition.and_then(|definition| key_in(definition, events)));
        self.runs.insert(run, (workflow, key));
    }

    /// `renewal (deal 7)`; the run's id when nothing is known of it.
    pub(super) fn of(&self, run: Born) -> String {
        if let Some((digest, key)) = self.runs.get(&run) {
            let definition = self.catalog.definitions.get(digest).map(AsRef::as_ref);
            let name = self.catalog.definitions.name(digest).map_or_else(|| digest.to_string(), str::to_owned);
            return with_key(name, key.as_deref(), definition);
        }
        match self.past.get(&run) {
            Some((name, key)) => {
                let definition = self.catalog.workspace.workflows.get(name).map(AsRef::as_ref);
                with_key(name.clone(), key.as_deref(), definition)
            }
            None => RunId::born(self.lead, run.number()).to_string(),
        }
    }

    /// The definition that a run follows. Of a run that is over only the workflow's name is kept, which is enough while there is
    /// one version of it.
    pub(super) fn version(&self, run: Born) -> Option<Digest> {
        let only = || {
            let mut versions = self.catalog.definitions.versions(&self.past.get(&run)?.0);
            versions.next().filter(|_| versions.next().is_none())
        };
        self.runs.get(&run).map(|(digest, _)| *digest).or_else(only)
    }

    /// A workflow into which the lead was to be put by these events.
    pub(super) fn wanted(&self, workflow: &str, events: &[Event]) -> String {
        let definition = self.catalog.workspace.workflows.get(workflow).map(AsRef::as_ref);
        let key = definition.and_then(|definition| key_in(definition, events));
        with_key(workflow.to_owned(), key.as_deref(), definition)
    }
}

/// Workflow and key of a run that is over, which are kept as one name.
pub(super) fn of_past(name: &str) -> (&str, Option<&str>) {
    name.split_once('/').map_or((name, None), |(workflow, key)| (workflow, Some(key)))
}

/// What a workflow has a run for each value of: `event.data.deal`.
pub(super) fn key_of(workflow: &str, catalog: &Catalog) -> Option<String> {
    let key = catalog.workspace.workflows.get(workflow)?.key.as_ref()?;
    let mut names = Vec::new();
    key.walk(&mut |part| {
        if let Expr::Name(name) = part {
            names.push(format!("{}.{}", name.object.as_str(), name.field));
        }
    });
    names.dedup();
    let worked_out = if matches!(key, Expr::Name(_)) { "" } else { "what is worked out of " };
    (!names.is_empty()).then(|| format!("{worked_out}{}", names.join(" and ")))
}

fn with_key(name: String, key: Option<&str>, definition: Option<&Workflow>) -> String {
    let Some(key) = key else { return name };
    match definition.and_then(data_name) {
        Some(label) => format!("{name} ({label} {key})"),
        None => format!("{name} ({key})"),
    }
}

/// What an event calls the value for which a run of the workflow stands, where the event brings it as it is.
fn data_name(definition: &Workflow) -> Option<&str> {
    match definition.key.as_ref()? {
        Expr::Name(name) if name.object == Object::Event => name.field.strip_prefix("data."),
        _ => None,
    }
}

/// The value for which a run would stand that these events begin, as far as they say it themselves.
fn key_in(definition: &Workflow, events: &[Event]) -> Option<String> {
    definition.key.as_ref()?;
    events.iter().find_map(|event| match event {
        Event::Enrolled { workflow, key, .. } if *workflow == definition.name => key.clone(),
        Event::Reported(report) => key_text(report.data.get(data_name(definition)?)?),
        _ => None,
    })
}
