//! The contents of a workspace folder besides its workflows. They apply at once; no run pins them.

use crate::calendar::Calendar;
use crate::calendar::holidays::HolidaysEnd;
use crate::country::Country;
use crate::event_type::EventType;
use crate::expr::Expr;
use crate::field::Declared;
use crate::id::{Digest, LeadId, hash64};
use crate::lead::{Channel, RepId};
use crate::mailer::Mailer;
use crate::own_words::OwnWords;
use crate::plugin::{Parameters, PluginInfo, Reads};
pub use crate::secret::SecretRef;
use crate::task::Assignee;
use crate::time::{Span, Timestamp};
use crate::value::Value;
use crate::workflow::{AskRef, Outline, ScriptId, StepId, Workflow};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A checked workspace: everything that the folder says.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The settings that `step` looks at.
    pub settings: Settings,
    /// The workflows, by name.
    pub workflows: BTreeMap<String, Arc<Workflow>>,
    /// The webhooks, by the name in their address.
    pub sources: BTreeMap<String, Source>,
    /// Where messages are sent, by name.
    pub connections: BTreeMap<String, Connection>,
    /// Where leads reach the engine by the links in their mails; `None` when mails have no such links.
    pub links: Option<Links>,
    /// The digest of every file.
    pub digest: Digest,
}

/// How links in mails are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The public address of the engine, without a slash at its end.
    pub url: String,
    /// The secrets: the first signs, and each may have signed.
    pub secrets: Vec<SecretRef>,
}

impl Links {
    /// The address behind which a lead decides what it is sent. `link` names the lead.
    pub fn preferences(&self, link: &str) -> String {
        format!("{}/u/{link}", self.url)
    }
}

/// The contents of `cadenza.yaml` and `team.yaml`.
#[derive(Clone, Debug)]
pub struct Settings {
    pub name: String,
    /// The workspace's default calendar: its zone, hours and holidays.
    pub calendar: Calendar,
    /// The country for telephone numbers that name none, and for leads whose country is not known.
    pub country: Option<Country>,
    /// Further calendars by name, which teams and reps refer to.
    pub calendars: BTreeMap<String, Calendar>,
    /// The declared custom fields.
    pub fields: BTreeMap<String, Declared>,
    /// The team's own words for results, stages and channels.
    pub own_words: OwnWords,
    pub contact: ContactPolicy,
    /// The settings of plugins, by name: the file of the workspace's own component, and budgets.
    pub plugins: BTreeMap<String, PluginSettings>,
    pub team: Team,
}

impl Settings {
    /// The working hours of a rep, or the workspace's hours when the rep is not in the team.
    pub fn hours_of(&self, rep: Option<&RepId>) -> &Calendar {
        rep.and_then(|rep| self.team.reps.get(rep)).map_or(&self.calendar, |rep| &rep.calendar)
    }

    /// The working hours of whoever has a task: the rep's, the pool's, or the workspace's.
    pub fn hours_for(&self, assignee: &Assignee) -> &Calendar {
        match assignee {
            Assignee::Rep(rep) => self.hours_of(Some(rep)),
            Assignee::Pool(pool) => {
                self.team.pools.get(pool).and_then(|pool| pool.calendar.as_ref()).unwrap_or(&self.calendar)
            }
            Assignee::Nobody => &self.calendar,
        }
    }

    /// That the holidays which the calendars give by name end within a year from `now`.
    pub fn holidays_end(&self, now: Timestamp) -> Option<HolidaysEnd> {
        // Pools and countries have named calendars.
        let calendars = self.calendars.values().chain(self.team.reps.values().map(|rep| &rep.calendar));
        let until = calendars.chain([&self.calendar]).filter_map(Calendar::holidays_until).min()?;
        let year = self.calendar.zone().to_datetime(now.to_jiff()).year();
        (year >= until).then_some(HolidaysEnd { until })
    }
}

/// When leads may be contacted. The gate checks it for every touch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactPolicy {
    /// The channels that keep to business hours in the lead's zone. Others may be used at any time.
    pub business_hours: Vec<Channel>,
    /// The hours and holidays for leads of a country, in place of the workspace's.
    pub calendars: BTreeMap<Country, Calendar>,
    /// The connection for mails when a step names none.
    pub email_via: Option<String>,
    /// The connection through which reps get reminders and escalations. Without one they get none.
    pub notify_via: Option<String>,
    /// How many touches a lead may have, over all workflows.
    pub caps: Vec<Cap>,
    /// How much time lies between two touches, over all workflows.
    pub gaps: Vec<Gap>,
    /// How long after the lead's last word a conversation with it counts as over, if nobody reports that it is. Without this,
    /// conversations hold nothing back.
    pub quiet: Option<Span>,
}

impl ContactPolicy {
    /// Whether anything counts touches over all workflows.
    pub const fn has_limits(&self) -> bool {
        !self.caps.is_empty() || !self.gaps.is_empty() || self.quiet.is_some()
    }
}

/// The most touches in a window of the lead's days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The channels whose touches count and are held back; all when empty.
    pub channels: Vec<Channel>,
    pub at_most: u16,
    pub per: Window,
}

/// A window of days on the lead's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// This many days up to and including today.
    Days(u8),
    /// The week from Monday to Sunday.
    Week,
}

/// The least time from the end of one touch to the beginning of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The channels whose touches it lies between; all when empty.
    pub channels: Vec<Channel>,
    pub at_least: Span,
}

/// A plugin's entry in `cadenza.yaml`. A budget that is `None` has its default value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginSettings {
    /// The component's file, relative to the workspace, for a plugin that is not shipped with the engine.
    pub file: Option<PathBuf>,
    /// The most fuel for one decision.
    pub fuel: Option<u64>,
    /// The most linear memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// The most wall time for one decision, in milliseconds.
    pub wall_ms: Option<u64>,
    /// The most bytes of one answer.
    pub output_bytes: Option<u64>,
    /// The most lines that one decision may log.
    pub log_lines: Option<u64>,
    /// The most elements of a table.
    pub table_elements: Option<u64>,
    /// The most tables.
    pub tables: Option<u64>,
    /// The most core instances.
    pub instances: Option<u64>,
}

/// The reps, pools and territories.
#[derive(Clone, Debug, Default)]
pub struct Team {
    pub reps: BTreeMap<RepId, Rep>,
    pub pools: BTreeMap<String, Pool>,
    /// The territories, in the order in which their conditions are evaluated.
    pub territories: Vec<Territory>,
}

impl Team {
    /// Whether the team has this rep.
    pub fn knows(&self, rep: &RepId) -> bool {
        self.reps.contains_key(rep)
    }

    /// Whether the rep is in the team and not absent today.
    pub fn is_here(&self, rep: &RepId, now: Timestamp) -> bool {
        self.reps.get(rep).is_some_and(|rep| !rep.is_absent(now))
    }

    /// Whether the rep or pool that has a task is still in the team.
    pub fn seats(&self, assignee: &Assignee) -> bool {
        match assignee {
            Assignee::Rep(rep) => self.knows(rep),
            Assignee::Pool(pool) => self.pools.contains_key(pool),
            Assignee::Nobody => true,
        }
    }

    /// The members of a pool; none if the pool does not exist.
    pub fn members(&self, pool: &str) -> impl Iterator<Item = &RepId> {
        self.pools.get(pool).into_iter().flat_map(|pool| pool.members.iter().map(|(rep, _)| rep))
    }
}

/// A sales representative.
#[derive(Clone, Debug)]
pub struct Rep {
    /// The name shown to people.
    pub name: String,
    pub email: Option<String>,
    /// What stands below the rep's mails, in Markdown.
    pub signature: Option<String>,
    pub manager: Option<RepId>,
    /// When the rep works: hours and holidays, in the rep's zone. Absences are none of it, or a task of somebody who is away would wait
    /// in silence.
    pub calendar: Calendar,
    /// The first and last day of each absence.
    pub absences: Vec<(Date, Date)>,
    /// Pools skip the rep when it has this many open tasks.
    pub open_tasks_max: Option<u32>,
}

impl Rep {
    /// Whether the rep is away for the whole day.
    pub fn is_absent(&self, now: Timestamp) -> bool {
        let today = now.to_jiff().to_zoned(self.calendar.zone().clone()).date();
        self.absences.iter().any(|(first, last)| *first <= today && today <= *last)
    }

    /// Whether the rep is at work now.
    pub fn is_present(&self, now: Timestamp) -> bool {
        !self.is_absent(now) && self.calendar.is_open(now)
    }
}

/// A group of reps who share work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// The members in order, each with a weight (1 when the file gives none).
    pub members: Vec<(RepId, u32)>,
    /// The hours of tasks that wait for any member; the workspace's when the file names none.
    pub calendar: Option<Calendar>,
}

/// A part of the market, and its owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Territory {
    pub name: String,
    /// Which leads belong to the territory.
    pub condition: Expr,
    /// The rep to whom it belongs, or the name of the pool from which a rep is chosen.
    pub owner: RepId,
}

/// A webhook that delivers events.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// How a delivery proves that it is genuine.
    pub signature: Signature,
    /// How far the delivery's time may be from ours, in milliseconds of real time.
    pub tolerance_ms: u64,
    /// How the body becomes an event.
    pub brings: Brings,
}

/// How a delivery's body becomes events.
#[derive(Clone, Debug, PartialEq)]
pub enum Brings {
    /// By paths that the workspace names.
    Mapping(Mapping),
    /// As what came back by mail, which the program reads itself.
    Mail(MailFormat),
}

crate::codes::codes! {
    /// In which form a webhook brings what came back by mail.
    pub enum MailFormat {
        /// The message itself.
        0 Mail = "mail",
        1 Postmark = "postmark",
        2 SendGrid = "sendgrid",
        3 Mailgun = "mailgun",
        /// Amazon SES, through SNS.
        4 Ses = "ses",
    }
}

/// How a delivery proves that it is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`. There are several secrets while
    /// one is being replaced.
    StandardWebhooks {
        /// Secrets that begin with `whsec_`. Any of them may have signed.
        secrets: Vec<SecretRef>,
    },
    /// HMAC-SHA256 over the body, or over `timestamp.body` when a timestamp header is named.
    Hmac {
        /// The shared secrets. Any of them may have signed.
        secrets: Vec<SecretRef>,
        /// The header with the signature.
        header: String,
        /// The text before the signature in the header, such as `sha256=`.
        prefix: String,
        encoding: SignatureEncoding,
        /// The header with the time in seconds.
        timestamp_header: Option<String>,
        /// The header with the delivery's id. Without one, the body's `id` path is used.
        id_header: Option<String>,
    },
    /// HMAC-SHA256 over the time, a separator and the body. One header has the time and any number of signatures, as in
    /// `t=1614265330,v1=5257a8…,v1=…`.
    Timed {
        /// The shared secrets. Any of them may have signed.
        secrets: Vec<SecretRef>,
        header: String,
        /// The name of the time within the header.
        time: String,
        /// The name of each signature within the header. Other names are ignored.
        signature: String,
        encoding: SignatureEncoding,
        /// The separator between time and body in the signed text.
        between: String,
    },
    /// Nothing is signed; the sender shows a token. Anyone who sees one delivery can forge others.
    Token {
        /// The shared tokens, any of which may be shown.
        secrets: Vec<SecretRef>,
        place: TokenPlace,
        /// The header with the delivery's id. Without one, the body's `id` path is used.
        id_header: Option<String>,
    },
}

/// Where a sender shows its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// In a header.
    Header {
        name: String,
        /// The text before the token, such as `Bearer `.
        prefix: String,
    },
    /// In the address, as the parameter with this name.
    Query(String),
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    Hex,
    Base64,
}

/// How a webhook's body becomes an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The event's type: fixed, or chosen by the text at a path.
    pub event: MappedType,
    /// The path of the event's id. Without one, the delivery's own id is used.
    pub id: Option<JsonPath>,
    /// The path of the time at which it happened. Without one, the delivery's time is used.
    pub at: Option<JsonPath>,
    /// The lead's fields, each with its origin.
    pub lead: BTreeMap<String, MappedValue>,
    /// The names under `data`, each with its origin.
    pub data: BTreeMap<String, MappedValue>,
}

/// The type of a mapped event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedType {
    /// Always this type.
    Fixed(EventType),
    /// The type for the text at a path.
    By {
        /// Where the text is.
        path: JsonPath,
        /// The type for each text. Any other text is refused.
        map: BTreeMap<String, EventType>,
    },
}

/// Where a mapped value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum MappedValue {
    /// The value at this path of the body.
    Path(JsonPath),
    /// Always this value.
    Constant(Value),
}

/// The names of members from the body's root, as in `a.b.0.c`; numbers index arrays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonPath(pub Vec<String>);

/// A destination for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// How messages leave.
    pub transport: Transport,
    /// The longest wait for an answer, in milliseconds of real time.
    pub timeout_ms: u64,
    /// The number of attempts after which a message becomes a dead letter.
    pub attempts_max: u16,
    /// The wait before the second attempt. It doubles each time.
    pub backoff: Span,
    /// The longest wait before another attempt.
    pub backoff_max: Span,
}

impl Connection {
    /// The web address behind the connection; `None` for one that sends mails.
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        if let Transport::Http(endpoint) = &self.transport { Some(endpoint) } else { None }
    }

    /// Every secret that the connection needs.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match &self.transport {
            Transport::Http(endpoint) => {
                let headers = endpoint.headers.values().filter_map(|value| match value {
                    HeaderValue::Secret(reference) => Some(reference),
                    HeaderValue::Text(_) => None,
                });
                endpoint.secret.iter().chain(headers).collect()
            }
            Transport::Mail(mailer) => {
                let password = mailer.server.iter().filter_map(|server| server.password.as_ref());
                password.chain(mailer.dkim.iter().map(|dkim| &dkim.key)).collect()
            }
        }
    }

    /// How the connection sends mails; `None` for a web address.
    pub fn mailer(&self) -> Option<&Mailer> {
        if let Transport::Mail(mailer) = &self.transport { Some(mailer) } else { None }
    }
}

/// How messages leave by a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    Http(Endpoint),
    Mail(Box<Mailer>),
}

/// A web address to which messages and requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address, http or https.
    pub url: String,
    /// The environment variable whose value replaces `url` when it is set.
    pub url_env: Option<String>,
    /// The only hosts that the address may have; any host when empty.
    pub hosts: BTreeSet<String>,
    /// Whether messages through it may go to addresses that are not public; `None` when the file does not say.
    pub private: Option<bool>,
    /// The secret that signs messages, by Standard Webhooks.
    pub secret: Option<SecretRef>,
    /// The headers that are added to every request.
    pub headers: BTreeMap<String, HeaderValue>,
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// The text as written.
    Text(String),
    /// The value of a secret.
    Secret(SecretRef),
}

/// What `step` may look at that no run pins: the settings, and the plugins as they are loaded.
#[derive(Clone, Debug)]
pub struct Live {
    /// The digest of everything below. Journal entries use it to name what was in force.
    pub digest: Digest,
    /// The contents of `cadenza.yaml` and `team.yaml`.
    pub settings: Arc<Settings>,
    /// The workflows for new runs, by name.
    pub workflows: BTreeMap<String, Arc<Workflow>>,
    /// What the loaded plugins say about themselves, by name.
    pub plugins: BTreeMap<String, PluginInfo>,
    /// For each place that asks a plugin: its parameters, and what the plugin reads given those.
    pub bindings: BTreeMap<AskRef, Binding>,
    /// The candidate builds that are tried next to the live ones, by the plugin's name.
    pub candidates: BTreeMap<String, Candidate>,
    /// The names of the connections.
    pub connections: BTreeSet<String>,
}

/// A build of a plugin that is tried before it goes live.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What the build says about itself.
    pub info: PluginInfo,
    /// For how many of a thousand leads it decides; always the same leads. With 0 it is only watched (shadow).
    pub share_permille: u16,
    /// For each place that the build fits: its parameters, and what it reads. Elsewhere the live build decides.
    pub bindings: BTreeMap<AskRef, Binding>,
}

impl Candidate {
    /// Whether the build decides for this lead (canary). When the share grows, the leads for which it already decides stay.
    pub fn decides_for(&self, plugin: &str, lead: LeadId) -> bool {
        let place = hash64(format!("{plugin}/{lead}").as_bytes()) % 1_000;
        place < u64::from(self.share_permille)
    }
}

/// A plugin, bound to a place that asks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The parameters, in the plugin's order.
    pub parameters: Parameters,
    /// What the plugin reads, given these parameters.
    pub reads: Reads,
}

/// The definitions by digest: those that a run may follow, and the outlines of the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    followed: BTreeMap<Digest, Arc<Workflow>>,
    past: BTreeMap<Digest, Arc<Outline>>,
    /// The types of events of other leads of the account that any of the followed definitions listens for.
    of_account: BTreeSet<EventType>,
}

impl Definitions {
    /// The definition with this digest, if runs may follow it.
    pub fn get(&self, digest: &Digest) -> Option<&Arc<Workflow>> {
        self.followed.get(digest)
    }

    /// The definitions that runs may follow.
    pub fn followed(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.followed.values()
    }

    /// Adds a definition that runs may follow.
    pub fn insert(&mut self, workflow: Arc<Workflow>) {
        self.past.remove(&workflow.digest);
        self.of_account.extend(workflow.heard_of_account().cloned());
        self.followed.insert(workflow.digest, workflow);
    }

    /// Whether a run of any lead may listen for such an event of another lead of its account.
    pub(crate) fn hear_of_account(&self, kind: &EventType) -> bool {
        self.of_account.contains(kind)
    }

    /// Adds the outline of a definition that no run follows.
    pub fn insert_past(&mut self, outline: Outline) {
        if !self.followed.contains_key(&outline.digest) {
            self.past.insert(outline.digest, Arc::new(outline));
        }
    }

    /// Drops a definition, but keeps and returns its outline.
    pub fn drop(&mut self, digest: &Digest) -> Option<&Outline> {
        let outline = Outline::of(self.followed.remove(digest)?.as_ref());
        self.of_account = self.followed.values().flat_map(|one| one.heard_of_account().cloned()).collect();
        Some(self.past.entry(*digest).or_insert_with(|| Arc::new(outline)))
    }

    /// The name of the workflow with this digest.
    pub fn name(&self, digest: &Digest) -> Option<&str> {
        let followed = self.followed.get(digest).map(|workflow| workflow.name.as_str());
        followed.or_else(|| self.past.get(digest).map(|outline| outline.name.as_str()))
    }

    /// The id of a step, and its verb as the workflow file spells it.
    pub fn step(&self, digest: &Digest, step: StepId) -> Option<(&str, &str)> {
        if let Some(workflow) = self.followed.get(digest) {
            return workflow.step(step).map(|step| (step.id.as_str(), step.verb.name()));
        }
        let (id, verb) = self.past.get(digest)?.step(step)?;
        Some((id, verb))
    }

    /// The path of a script, from any version of any workflow.
    pub fn script(&self, script: ScriptId) -> Option<&str> {
        let past = || self.past.values().flat_map(|outline| &outline.scripts).find(|path| ScriptId::of(path) == script);
        let followed = self.followed.values().find_map(|workflow| workflow.script(script)).map(|(path, _)| path);
        followed.or_else(|| past().map(String::as_str))
    }

    /// Whether a workflow with this name exists or existed.
    pub fn knows(&self, name: &str) -> bool {
        self.versions(name).next().is_some()
    }

    /// The digests of a workflow's versions.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = Digest> {
        let followed = self.followed.values().filter(move |workflow| workflow.name == name);
        let past = self.past.values().filter(move |outline| outline.name == name);
        followed.map(|workflow| workflow.digest).chain(past.map(|outline| outline.digest))
    }
}

impl FromIterator<Arc<Workflow>> for Definitions {
    fn from_iter<I: IntoIterator<Item = Arc<Workflow>>>(workflows: I) -> Self {
        let mut definitions = Self::default();
        workflows.into_iter().for_each(|workflow| definitions.insert(workflow));
        definitions
    }
}
