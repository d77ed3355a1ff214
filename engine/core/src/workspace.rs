//! What a workspace folder says besides its workflows: what is live, and never pinned by a run.

use crate::calendar::Calendar;
use crate::country::Country;
use crate::event_type::EventType;
use crate::expr::Expr;
use crate::id::{Digest, LeadId, hash64};
use crate::lead::{Channel, RepId};
use crate::plugin::{Parameters, PluginInfo, Reads};
use crate::task::Assignee;
use crate::time::{Span, Timestamp};
use crate::value::{Value, ValueType};
use crate::workflow::{AskRef, Outline, ScriptId, StepId, Workflow};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A checked workspace: everything the folder says.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Settings that `step` looks at.
    pub settings: Settings,
    /// Workflows by name.
    pub workflows: BTreeMap<String, Arc<Workflow>>,
    /// Webhooks by the name in their address.
    pub sources: BTreeMap<String, Source>,
    /// Where things are sent, by name.
    pub connections: BTreeMap<String, Connection>,
    /// Of every file.
    pub digest: Digest,
}

/// `cadenza.yaml` and `team.yaml`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The workspace's name.
    pub name: String,
    /// The default calendar: zone, hours, holidays of the workspace.
    pub calendar: Calendar,
    /// Where telephone numbers are that do not say of which country, and leads that do not say where they are.
    pub country: Option<Country>,
    /// Named calendars that teams and reps refer to.
    pub calendars: BTreeMap<String, Calendar>,
    /// Declared custom fields.
    pub fields: BTreeMap<String, ValueType>,
    /// When leads may be contacted.
    pub contact: ContactPolicy,
    /// Per plugin: the file of one's own component, budgets.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// Who works here.
    pub team: Team,
}

/// When leads may be contacted; the gate asks it for every touch.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactPolicy {
    /// Channels that keep to business hours in the lead's zone; others go at any time.
    pub business_hours: Vec<Channel>,
    /// Connection mails leave by when a step names none.
    pub email_via: Option<String>,
    /// Connection reminders and escalations are sent to, when there is one.
    pub notify_via: Option<String>,
}

/// A plugin's entry in `cadenza.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginSettings {
    /// The component, for plugins that are not shipped with the engine; relative to the workspace.
    pub file: Option<PathBuf>,
    /// Fuel for one decision.
    pub fuel: Option<u64>,
    /// Linear memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Wall time for one decision in milliseconds.
    pub wall_ms: Option<u64>,
    /// Bytes of one answer.
    pub output_bytes: Option<u64>,
    /// Lines that one decision may say.
    pub log_lines: Option<u64>,
    /// Elements of a table.
    pub table_elements: Option<u64>,
    /// Tables.
    pub tables: Option<u64>,
    /// Core instances.
    pub instances: Option<u64>,
}

/// Who works here.
#[derive(Clone, Debug, Default)]
pub struct Team {
    /// Reps by id.
    pub reps: BTreeMap<RepId, Rep>,
    /// Pools by name.
    pub pools: BTreeMap<String, Pool>,
    /// Territories in the order they are asked.
    pub territories: Vec<Territory>,
}

impl Team {
    /// Whether the rep is in the team.
    pub fn knows(&self, rep: &RepId) -> bool {
        self.reps.contains_key(rep)
    }

    /// Whether the rep is in the team and not away for the day.
    pub fn is_here(&self, rep: &RepId, now: Timestamp) -> bool {
        self.reps.get(rep).is_some_and(|rep| !rep.is_absent(now))
    }

    /// Whether whoever has a task is there to have one.
    pub fn seats(&self, assignee: &Assignee) -> bool {
        match assignee {
            Assignee::Rep(rep) => self.knows(rep),
            Assignee::Pool(pool) => self.pools.contains_key(pool),
            Assignee::Nobody => true,
        }
    }

    /// The members of a pool; none of one that there is not.
    pub fn members(&self, pool: &str) -> impl Iterator<Item = &RepId> {
        self.pools.get(pool).into_iter().flat_map(|pool| pool.members.iter().map(|(rep, _)| rep))
    }
}

/// Somebody who sells.
#[derive(Clone, Debug)]
pub struct Rep {
    /// Name for people.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// The manager's id.
    pub manager: Option<RepId>,
    /// When the rep works: hours, holidays and absences, in the rep's zone.
    pub calendar: Calendar,
    /// First and last day of each absence.
    pub absences: Vec<(Date, Date)>,
    /// The most open tasks before pools pass over the rep.
    pub open_tasks_max: Option<u32>,
}

impl Rep {
    /// Whether the rep is away for the whole day.
    pub fn is_absent(&self, now: Timestamp) -> bool {
        let today = now.to_jiff().to_zoned(self.calendar.zone().clone()).date();
        self.absences.iter().any(|(first, last)| *first <= today && today <= *last)
    }

    /// Whether the rep is at work.
    pub fn is_present(&self, now: Timestamp) -> bool {
        !self.is_absent(now) && self.calendar.is_open(now)
    }
}

/// Reps that share work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Members in order, with their weights (1 when not given).
    pub members: Vec<(RepId, u32)>,
}

/// A part of the market and who it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Territory {
    /// Its name.
    pub name: String,
    /// Which leads lie in it.
    pub condition: Expr,
    /// The rep it belongs to.
    pub owner: RepId,
}

/// Where a secret is found; never in the file itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
}

/// A webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// How a delivery is known to be genuine.
    pub signature: Signature,
    /// How far the delivery's time may be from ours, in milliseconds of real time.
    pub tolerance_ms: u64,
    /// How the body becomes an event.
    pub mapping: Mapping,
}

/// How a delivery is known to be genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`. Several secrets while one is replaced.
    StandardWebhooks {
        /// `whsec_…` secrets, any of which may have signed.
        secrets: Vec<SecretRef>,
    },
    /// HMAC-SHA256 over the body, or over `timestamp.body` when a timestamp header is named.
    Hmac {
        /// The shared secret.
        secrets: Vec<SecretRef>,
        /// Header with the signature.
        header: String,
        /// What stands before the signature in the header, such as `sha256=`.
        prefix: String,
        /// How the signature is written.
        encoding: SignatureEncoding,
        /// Header with the time in seconds.
        timestamp_header: Option<String>,
        /// Header with the delivery's id; the body's `id` path is taken when there is none.
        id_header: Option<String>,
    },
    /// HMAC-SHA256 over the time, a mark between, and the body; the time and any number of signatures stand in one header, as
    /// `t=1614265330,v1=5257a8…,v1=…`.
    Timed {
        /// The shared secret.
        secrets: Vec<SecretRef>,
        /// The header.
        header: String,
        /// The name of the time in it.
        time: String,
        /// The name of each signature in it; others are passed over.
        signature: String,
        /// How a signature is written.
        encoding: SignatureEncoding,
        /// What stands between time and body in what is signed.
        between: String,
    },
    /// Nothing is signed: the sender shows a token. Whoever sees one delivery can send others.
    Token {
        /// The shared token.
        secrets: Vec<SecretRef>,
        /// Where it stands.
        place: TokenPlace,
        /// Header with the delivery's id; the body's `id` path is taken when there is none.
        id_header: Option<String>,
    },
}

/// Where a sender shows its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// In a header.
    Header {
        /// Its name.
        name: String,
        /// What stands before the token, such as `Bearer `.
        prefix: String,
    },
    /// In the address, as the parameter of this name.
    Query(String),
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Hexadecimal.
    Hex,
    /// Base 64.
    Base64,
}

/// How a webhook's body becomes an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The event's type: fixed, or by the text at a path.
    pub event: MappedType,
    /// Path of the event's id; the delivery's own id when none.
    pub id: Option<JsonPath>,
    /// Path of the time it happened; the delivery's time when none.
    pub at: Option<JsonPath>,
    /// Lead fields and where they come from.
    pub lead: BTreeMap<String, MappedValue>,
    /// Names under `data` and where they come from.
    pub data: BTreeMap<String, MappedValue>,
}

/// The type of a mapped event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedType {
    /// Always this.
    Fixed(EventType),
    /// By the text at the path.
    By {
        /// Where the text is.
        path: JsonPath,
        /// What each text means; anything else is refused.
        map: BTreeMap<String, EventType>,
    },
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum MappedValue {
    /// From the body.
    Path(JsonPath),
    /// Always this.
    Constant(Value),
}

/// Member names from the body's root, `a.b.0.c`; numbers index arrays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonPath(pub Vec<String>);

/// Where things are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Address, http or https.
    pub url: String,
    /// Environment variable whose value, when it is set, takes the place of `url`.
    pub url_env: Option<String>,
    /// Signs what is sent, by Standard Webhooks.
    pub secret: Option<SecretRef>,
    /// Headers added to every request.
    pub headers: BTreeMap<String, HeaderValue>,
    /// Longest wait for an answer, in milliseconds of real time.
    pub timeout_ms: u64,
    /// Attempts before it becomes a dead letter.
    pub attempts_max: u16,
    /// First wait before another attempt; doubles each time.
    pub backoff: Span,
    /// Longest wait before another attempt.
    pub backoff_max: Span,
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// As written.
    Text(String),
    /// A secret.
    Secret(SecretRef),
}

/// What `step` may look at that no run pins: settings, and the plugins as they are loaded.
#[derive(Clone, Debug)]
pub struct Live {
    /// Of everything below: journal entries say by it under what they were computed.
    pub digest: Digest,
    /// `cadenza.yaml` and `team.yaml`.
    pub settings: Arc<Settings>,
    /// The workflows that new runs start with, by name.
    pub workflows: BTreeMap<String, Arc<Workflow>>,
    /// What the loaded plugins say of themselves, by name.
    pub plugins: BTreeMap<String, PluginInfo>,
    /// For each place a plugin is asked: the parameters laid out, and what it reads given those.
    pub bindings: BTreeMap<AskRef, Binding>,
    /// Builds that are tried beside the live ones, by the plugin's name.
    pub candidates: BTreeMap<String, Candidate>,
    /// Connections that there are.
    pub connections: BTreeSet<String>,
}

/// A build of a plugin that is tried before it goes live.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it says of itself.
    pub info: PluginInfo,
    /// Of a thousand leads it decides for so many, always the same ones; with 0 it is only watched (shadow).
    pub share_permille: u16,
    /// For each place that it fits: its parameters, and what it reads. Elsewhere the live build decides.
    pub bindings: BTreeMap<AskRef, Binding>,
}

impl Candidate {
    /// Whether it decides for this lead (canary). A lead that is in stays in when the share grows.
    pub fn decides_for(&self, plugin: &str, lead: LeadId) -> bool {
        let place = hash64(format!("{plugin}/{lead}").as_bytes()) % 1_000;
        place < u64::from(self.share_permille)
    }
}

/// A plugin bound to a place where it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Its parameters, in its order.
    pub parameters: Parameters,
    /// What it reads, given those.
    pub reads: Reads,
}

/// Definitions by digest: those that a run may follow, and what is left of the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    followed: BTreeMap<Digest, Arc<Workflow>>,
    past: BTreeMap<Digest, Arc<Outline>>,
}

impl Definitions {
    /// The definition, when runs may follow it.
    pub fn get(&self, digest: &Digest) -> Option<&Arc<Workflow>> {
        self.followed.get(digest)
    }

    /// Those that runs may follow.
    pub fn followed(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.followed.values()
    }

    /// Runs may follow this one from now on.
    pub fn insert(&mut self, workflow: Arc<Workflow>) {
        self.past.remove(&workflow.digest);
        self.followed.insert(workflow.digest, workflow);
    }

    /// No run follows this one.
    pub fn insert_past(&mut self, outline: Outline) {
        if !self.followed.contains_key(&outline.digest) {
            self.past.insert(outline.digest, Arc::new(outline));
        }
    }

    /// Leaves nothing of a definition but its outline, which is returned.
    pub fn drop(&mut self, digest: &Digest) -> Option<&Outline> {
        let outline = Outline::of(self.followed.remove(digest)?.as_ref());
        Some(self.past.entry(*digest).or_insert_with(|| Arc::new(outline)))
    }

    /// The workflow's name.
    pub fn name(&self, digest: &Digest) -> Option<&str> {
        let followed = self.followed.get(digest).map(|workflow| workflow.name.as_str());
        followed.or_else(|| self.past.get(digest).map(|outline| outline.name.as_str()))
    }

    /// The id of a step, and its verb as the file spells it.
    pub fn step(&self, digest: &Digest, step: StepId) -> Option<(&str, &str)> {
        if let Some(workflow) = self.followed.get(digest) {
            return workflow.step(step).map(|step| (step.id.as_str(), step.verb.name()));
        }
        let (id, verb) = self.past.get(digest)?.step(step)?;
        Some((id, verb))
    }

    /// The path of a script, of whatever version of whatever workflow.
    pub fn script(&self, script: ScriptId) -> Option<&str> {
        let past = || self.past.values().flat_map(|outline| &outline.scripts).find(|path| ScriptId::of(path) == script);
        let followed = self.followed.values().find_map(|workflow| workflow.script(script)).map(|(path, _)| path);
        followed.or_else(|| past().map(String::as_str))
    }

    /// Whether a workflow of this name is or was there.
    pub fn knows(&self, name: &str) -> bool {
        self.versions(name).next().is_some()
    }

    /// The versions of a workflow.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = Digest> {
        let followed = self.followed.values().filter(move |workflow| workflow.name == name);
        let past = self.past.values().filter(move |outline| outline.name == name);
        followed.map(|workflow| workflow.digest).chain(past.map(|outline| outline.digest))
    }
}

impl FromIterator<Arc<Workflow>> for Definitions {
    fn from_iter<I: IntoIterator<Item = Arc<Workflow>>>(workflows: I) -> Self {
        let followed = workflows.into_iter().map(|workflow| (workflow.digest, workflow)).collect();
        Self { followed, past: BTreeMap::new() }
    }
}
