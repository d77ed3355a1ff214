//! What a workspace declares, collected before the files that refer to it are read.

use crate::usage::ScriptFile;
use cadenza_core::calendar::Calendar;
use cadenza_core::expr::{Object, ROLE_NAME};
use cadenza_core::field::{Declared, KEPT_FIELDS, STANDARD_FIELDS, field_info};
use cadenza_core::own_words::OwnWords;
use cadenza_core::plugin::PluginCatalog;
use cadenza_core::value::ValueType;
use std::collections::{BTreeMap, BTreeSet};

/// Names of one kind. When the file that declares them could not be read, nothing is held against those who use them.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) names: BTreeSet<String>,
    pub(crate) incomplete: bool,
}

impl Names {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.incomplete || self.names.contains(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }
}

pub(crate) struct Known<'a> {
    /// Custom fields with their types.
    pub(crate) fields: BTreeMap<String, Declared>,
    /// The team's own words for results, stages and channels.
    pub(crate) own_words: OwnWords,
    /// Whether cadenza.yaml was read, so that `fields`, `calendars` and `email_via` are all there is.
    pub(crate) settings_read: bool,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) reps: Names,
    pub(crate) pools: Names,
    pub(crate) territories: bool,
    pub(crate) connections: Names,
    /// Connections by which no request can leave, with the hosts that are not public.
    pub(crate) inside: BTreeMap<String, String>,
    /// The address of each connection, as its file has it.
    pub(crate) addresses: BTreeMap<String, String>,
    pub(crate) workflows: Names,
    /// Workflows that the steps of others put leads into.
    pub(crate) put_into: Names,
    /// Scripts by path; those that could not be read are there too.
    pub(crate) scripts: BTreeMap<String, ScriptFile>,
    pub(crate) plugins: &'a dyn PluginCatalog,
    pub(crate) email_via: Option<String>,
    /// Whether a connection carries notices.
    pub(crate) notify_via: bool,
    /// The groups of workflows that are in one.
    pub(crate) groups: BTreeMap<String, String>,
    /// Roles that workflows give to reps.
    pub(crate) roles: Names,
    /// The workspace's time zone; none when it could not be read.
    pub(crate) timezone: Option<String>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(plugins: &'a dyn PluginCatalog) -> Self {
        Self {
            fields: BTreeMap::new(),
            own_words: OwnWords::default(),
            settings_read: false,
            calendars: BTreeMap::new(),
            reps: Names::default(),
            pools: Names::default(),
            territories: false,
            connections: Names::default(),
            inside: BTreeMap::new(),
            addresses: BTreeMap::new(),
            workflows: Names::default(),
            put_into: Names::default(),
            scripts: BTreeMap::new(),
            plugins,
            email_via: None,
            notify_via: false,
            groups: BTreeMap::new(),
            roles: Names::default(),
            timezone: None,
        }
    }

    /// Whether a run has this besides its own fields: a role, which is a rep's id in team.yaml, or the name of who has it.
    pub(crate) fn is_role(&self, object: Object, field: &str) -> bool {
        object == Object::Run && self.roles.has(field.strip_suffix(ROLE_NAME).unwrap_or(field))
    }

    /// The type of a field of the lead.
    pub(crate) fn field(&self, name: &str) -> Option<ValueType> {
        field_info(name).map(|info| info.kind).or_else(|| self.fields.get(name).map(|field| field.kind))
    }

    /// Whether a field reads as something where the lead has nothing.
    pub(crate) fn has_default(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|field| !field.default.is_blank())
    }

    /// The words that a choice can be; none for a field that is no choice.
    pub(crate) fn choices(&self, name: &str) -> &[String] {
        self.fields.get(name).map_or(&[], |field| &field.choices)
    }

    /// Every name under `lead.`.
    pub(crate) fn field_names(&self) -> impl Iterator<Item = &str> + Clone {
        let ours = STANDARD_FIELDS.iter().chain(KEPT_FIELDS).map(|info| info.name);
        self.fields.keys().map(String::as_str).chain(ours)
    }

    /// Names that `update` and webhooks may set.
    pub(crate) fn given_fields(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.keys().map(String::as_str).chain(STANDARD_FIELDS.iter().map(|info| info.name))
    }
}
