//! What a workspace declares, collected before the files that refer to it are read.

use crate::meant::is_name;
use crate::usage::ScriptFile;
use cadenza_core::calendar::Calendar;
use cadenza_core::expr::{OBJECT_FIELDS, Object, ROLE_NAME};
use cadenza_core::field::{Declared, KEPT_FIELDS, STANDARD_FIELDS, field_info};
use cadenza_core::own_words::OwnWords;
use cadenza_core::plugin::PluginCatalog;
use cadenza_core::value::ValueType;
use std::collections::{BTreeMap, BTreeSet};

/// Names of one kind. If one of them, or a file that declares them, could not be read, an unknown name is not reported,
/// because it may be declared there.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) names: BTreeSet<String>,
    pub(crate) incomplete: bool,
}

impl Names {
    /// Adds a name as it is written. If it is not a valid name, those who use it may spell it correctly, so the list
    /// counts as incomplete.
    pub(crate) fn add(&mut self, name: &str) {
        self.incomplete |= !is_name(name);
        self.names.insert(name.to_owned());
    }

    /// Adds names from another file.
    pub(crate) fn join(&mut self, others: Self) {
        self.incomplete |= others.incomplete;
        self.names.extend(others.names);
    }

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
    /// Whether cadenza.yaml was read.
    pub(crate) settings_read: bool,
    /// Keys of cadenza.yaml that contain something unreadable.
    pub(crate) unread: BTreeSet<&'static str>,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) reps: Names,
    /// Reps by what else they are called, in lower case: their names and addresses.
    pub(crate) called: BTreeMap<String, String>,
    pub(crate) pools: Names,
    pub(crate) territories: bool,
    pub(crate) connections: Names,
    /// Connections that send mails and nothing else.
    pub(crate) mailers: BTreeSet<String>,
    /// Connections through which no request can leave, with their hosts that are not public.
    pub(crate) inside: BTreeMap<String, String>,
    /// The address of each connection, as its file gives it.
    pub(crate) addresses: BTreeMap<String, String>,
    pub(crate) workflows: Names,
    /// Workflows into which the steps of others put leads.
    pub(crate) put_into: Names,
    /// Scripts by path, including those that could not be read.
    pub(crate) scripts: BTreeMap<String, ScriptFile>,
    pub(crate) plugins: &'a dyn PluginCatalog,
    pub(crate) email_via: Option<String>,
    /// Whether a connection carries notices.
    pub(crate) notify_via: bool,
    /// The group of each workflow that is in one.
    pub(crate) groups: BTreeMap<String, String>,
    /// Roles that workflows give to reps.
    pub(crate) roles: Names,
    /// The workspace's time zone; `None` when it could not be read.
    pub(crate) timezone: Option<String>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(plugins: &'a dyn PluginCatalog) -> Self {
        Self {
            fields: BTreeMap::new(),
            own_words: OwnWords::default(),
            settings_read: false,
            unread: BTreeSet::new(),
            calendars: BTreeMap::new(),
            reps: Names::default(),
            called: BTreeMap::new(),
            pools: Names::default(),
            territories: false,
            connections: Names::default(),
            mailers: BTreeSet::new(),
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

    /// The rep of this name or address. An address that the team does not have may still be made of a name or an id.
    pub(crate) fn rep_called(&self, text: &str) -> Option<&str> {
        let text = text.trim().to_lowercase();
        let local = || text.split_once('@').map(|(local, _)| local.replace('.', " "));
        let by_id = || self.reps.iter().find(|id| local().as_deref() == Some(id));
        let called = self.called.get(&text).or_else(|| self.called.get(&local()?));
        called.map(String::as_str).or_else(by_id)
    }

    /// A file that is a workflow could not be read: nobody knows what it is called, what it gives and whom it puts where.
    pub(crate) fn misses_a_workflow(&mut self) {
        for names in [&mut self.workflows, &mut self.put_into, &mut self.roles] {
            names.incomplete = true;
        }
    }

    /// Whether everything that cadenza.yaml declares under a key is known, so that other names do not exist.
    pub(crate) fn has_all(&self, key: &str) -> bool {
        self.settings_read && !self.unread.contains(key)
    }

    /// The type of a run's value that is not one of its own fields: a role (a rep's id in team.yaml), or the name of
    /// the rep who has it. Any type when a file that could not be read may give such a role.
    pub(crate) fn role(&self, object: Object, field: &str) -> Option<ValueType> {
        let is_own =
            OBJECT_FIELDS.iter().any(|(of, fields)| *of == object && fields.iter().any(|own| own.name == field));
        if object != Object::Run || is_own {
            return None;
        }
        if self.roles.names.contains(field.strip_suffix(ROLE_NAME).unwrap_or(field)) {
            return Some(ValueType::Text);
        }
        self.roles.incomplete.then_some(ValueType::Any)
    }

    /// The type of a field of the lead.
    pub(crate) fn field(&self, name: &str) -> Option<ValueType> {
        field_info(name).map(|info| info.kind).or_else(|| self.fields.get(name).map(|field| field.kind))
    }

    /// Whether a field has a default value for leads without one.
    pub(crate) fn has_default(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|field| !field.default.is_blank())
    }

    /// The words that a choice can be; none for a field that is not a choice.
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
