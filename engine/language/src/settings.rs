//! `cadenza.yaml`: name, zone, hours and holidays, the lead's own fields, contact policy, plugins.

use crate::address::read_address;
use crate::diagnostic::{Problem, Sheet};
use crate::foreign;
use crate::form::Form;
use crate::hours;
use crate::known::Known;
use crate::limits::{self, CAP, CONVERSATION, GAP};
use crate::meant::slug;
use crate::own_words::{self, BY_MEANING, channels};
use crate::secret::{SECRET, read_secret};
use crate::shape::{Shape, Takes, optional, required};
use crate::yaml::{Content, Node};
use cadenza_core::calendar::{Calendar, weekdays_nine_to_five};
use cadenza_core::country::Country;
use cadenza_core::field::{CUSTOM_FIELDS_MAX, Declared, field_info};
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workspace::{ContactPolicy, Links, PluginSettings};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

pub(crate) static WORKSPACE: Shape = Shape {
    name: "cadenza.yaml",
    about: "What holds for the whole workspace.",
    keys: &[
        required("name", Takes::Text, "The workspace's name"),
        required("timezone", Takes::Zone, "The zone of the workspace's hours, and of leads whose own is not known"),
        optional(
            "country",
            Takes::Words(Country::codes),
            "The country of telephone numbers that do not say theirs; that of the time zone when left out",
        ),
        optional(
            "hours",
            Takes::Map(&hours::DAY),
            "Opening hours by weekday; Monday to Friday 09:00-17:00 when left out",
        ),
        optional(
            "holidays",
            hours::HOLIDAYS,
            "Days on which no hours begin: dates, and public holidays by country or region",
        ),
        optional(
            "calendars",
            Takes::Map(&Takes::Form(&hours::CALENDAR)),
            "Further calendars, for reps, pools and leads in other places",
        ),
        optional(
            "fields",
            Takes::Map(&Takes::Either(&[Takes::Words(field_types), Takes::Form(&FIELD)])),
            "Fields of the lead besides the standard ones",
        ),
        optional(
            "results",
            Takes::List(&Takes::Form(&own_words::RESULT)),
            "Results of the team's own, each with what it means to the engine",
        ),
        optional("stages", Takes::List(&Takes::Form(&own_words::STAGE)), "Stages of the team's own, likewise"),
        optional("channels", Takes::List(&Takes::Form(&own_words::CHANNEL)), "Channels of the team's own, likewise"),
        optional("contact", Takes::Form(&CONTACT), "When leads may be contacted, and by which connections"),
        optional("links", Takes::Form(&LINKS), "Links in mails, by which leads decide what they are sent"),
        optional("plugins", Takes::Map(&Takes::Form(&PLUGIN)), "Budgets of plugins, and files of your own"),
    ],
};

static LINKS: Shape = Shape {
    name: "`links`",
    about: "Links in mails, by which leads unsubscribe and say by which channels they want to be reached.",
    keys: &[
        required("url", Takes::Text, "The public address of this engine, https"),
        required("secrets", Takes::List(&Takes::Form(&SECRET)), "The first signs links, each may have signed one"),
    ],
};

static FIELD: Shape = Shape {
    name: "a field",
    about: "A field of the lead.",
    keys: &[
        required("type", Takes::Words(field_types), "Its type"),
        optional("about", Takes::Text, "What it means"),
        optional("of", Takes::List(&Takes::Text), "The words that a choice can be"),
        optional("default", Takes::Value, "What it reads as where the lead has none"),
    ],
};

static CONTACT: Shape = Shape {
    name: "`contact`",
    about: "When leads may be contacted, and by which connections.",
    keys: &[
        optional(
            "business_hours",
            Takes::List(&Takes::Words(channels)),
            "Channels that keep to business hours in the lead's own zone",
        ),
        optional(
            "calendars",
            Takes::Map(&Takes::Ref("calendar")),
            "The calendar for leads of a country, by its two-letter code, in place of the workspace's",
        ),
        optional("email_via", Takes::Ref("connection"), "Where mails leave when a step does not say"),
        optional("notify_via", Takes::Ref("connection"), "Where reminders and escalations to reps are sent"),
        optional("caps", Takes::List(&Takes::Form(&CAP)), "How many touches a lead has, over all workflows"),
        optional("gaps", Takes::List(&Takes::Form(&GAP)), "How much time lies between two touches"),
        optional(
            "conversation",
            Takes::Form(&CONVERSATION),
            "Holds mails and messages while a person is in conversation with the lead",
        ),
    ],
};

/// What a workspace may set for a plugin. A value above the engine's limit is lowered to it, with a warning.
static PLUGIN: Shape = Shape {
    name: "a plugin",
    about: "Budgets of a plugin; what is left out is the engine's default.",
    keys: &[
        optional("file", Takes::Text, "The component, relative to the workspace; only for plugins of your own"),
        optional("fuel", FUEL.takes(), "Fuel for one decision"),
        optional("memory", Takes::Bytes, "Memory for one decision, at most 256MiB"),
        optional("time_ms", TIME_MS.takes(), "Wall time for one decision, in milliseconds"),
        optional("output", Takes::Bytes, "Size of one answer, at most 64KiB"),
        optional("log_lines", LOG_LINES.takes(), "Lines that one decision may say"),
        optional("table_elements", ELEMENTS.takes(), "Elements of each of its tables"),
        optional("tables", TABLES.takes(), "Tables it may have"),
        optional("instances", INSTANCES.takes(), "Core instances it may be made of"),
    ],
};

/// The bounds of a setting: the least value, the most that the engine grants, and the most that is not taken for a
/// typing mistake.
struct Grant {
    least: u32,
    granted: u32,
    most: u32,
}

impl Grant {
    const fn takes(&self) -> Takes {
        Takes::Whole(self.least, self.granted)
    }
}

const FUEL: Grant = Grant { least: 1_000, granted: 100_000_000, most: 1_000_000_000 };
const TIME_MS: Grant = Grant { least: 1, granted: 500, most: 60_000 };
const LOG_LINES: Grant = Grant { least: 0, granted: 100, most: 100_000 };
const ELEMENTS: Grant = Grant { least: 0, granted: 16_384, most: 1_000_000 };
const TABLES: Grant = Grant { least: 0, granted: 16, most: 1_000 };
const INSTANCES: Grant = Grant { least: 1, granted: 48, most: 1_000 };
const MEMORY_BYTES_MAX: u64 = 256 << 20;
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// A text that is one of a few words.
const CHOICE: &str = "choice";
/// The most words that a choice may have.
const CHOICES_MAX: usize = 100;

fn field_types() -> Vec<&'static str> {
    let kinds = ValueType::ALL.iter().filter(|kind| **kind != ValueType::Any).map(|kind| kind.as_str());
    kinds.chain([CHOICE]).collect()
}

/// The contents of `cadenza.yaml`, without the team.
pub(crate) struct Basics {
    pub(crate) name: String,
    pub(crate) timezone: String,
    pub(crate) calendar: Calendar,
    pub(crate) country: Option<Country>,
    pub(crate) contact: ContactPolicy,
    pub(crate) links: Option<Links>,
    pub(crate) plugins: BTreeMap<String, PluginSettings>,
}

/// Reads the file; fields and calendars go to `known`.
pub(crate) fn read(sheet: &Sheet<'_>, node: &Node, known: &mut Known<'_>) -> Option<Basics> {
    let form = Form::open(sheet, node, &WORKSPACE)?;
    known.settings_read = true;
    if let Some(fields) = form.get("fields") {
        read_fields(sheet, fields, known);
    }
    known.own_words = own_words::read(sheet, &form, &mut known.unread);
    let name = form.get("name").and_then(|name| sheet.text(name, "the workspace's name"));
    let zone = form.get("timezone").and_then(|zone| sheet.zone(zone));
    // A zone that cannot be read must not hide other problems with the hours.
    let calendar = workspace_calendar(sheet, &form, zone.clone().map_or(TimeZone::UTC, |(_, zone)| zone));
    if let Some(named) = form.get("calendars") {
        let base = calendar.clone().unwrap_or_else(hours::any_calendar);
        for entry in sheet.named(named, "`calendars`").unwrap_or_default() {
            if !sheet.check_name(&entry.key.text, entry.key.span.clone(), "the name of a calendar") {
                known.unread.insert("calendars");
            }
            let read = hours::read_calendar(sheet, &entry.value, &base);
            known.calendars.insert(entry.key.text.clone(), read.unwrap_or_else(|| base.clone()));
        }
    }
    let contact = form
        .get("contact")
        .map_or_else(|| Some(ContactPolicy::default()), |contact| read_contact(sheet, contact, known));
    if form.get("contact").is_some_and(|node| !is_whole(node, contact.as_ref())) {
        known.unread.insert("contact");
    }
    known.email_via = contact.as_ref().and_then(|contact| contact.email_via.clone());
    known.notify_via = contact.as_ref().is_some_and(|contact| contact.notify_via.is_some());
    let plugins =
        form.get("plugins").map_or_else(|| Some(BTreeMap::new()), |plugins| read_plugins(sheet, plugins, known));
    let links = form.get("links").map_or(Some(None), |links| read_links(sheet, links).map(Some));
    let country = form.get("country").map(|country| read_country(sheet, country));
    let (timezone, _) = zone?;
    // A zone's place lies in one country. A zone without a place says nothing about the country.
    let country = country.unwrap_or_else(|| Country::of_zone(&timezone));
    let (name, calendar, contact) = (name?, calendar?, contact?);
    Some(Basics { name, timezone, calendar, country, contact, links: links?, plugins: plugins? })
}

fn workspace_calendar(sheet: &Sheet<'_>, form: &Form<'_>, zone: TimeZone) -> Option<Calendar> {
    let week = form.get("hours").map_or_else(|| Some(weekdays_nine_to_five()), |hours| hours::read_week(sheet, hours));
    let at = form.key_span("hours");
    // What is wrong with the holidays is told even when the hours could not be read.
    let calendar = Calendar::new(zone, week.clone().unwrap_or_else(weekdays_nine_to_five), BTreeSet::new());
    let calendar = calendar.map_err(|_| sheet.report(Problem::error("never-open", at, "these hours are never open")));
    let closed = hours::close(sheet, form.get("holidays"), calendar.clone().unwrap_or_else(|_| hours::any_calendar()));
    (week.is_some() && calendar.is_ok()).then_some(closed)
}

fn read_country(sheet: &Sheet<'_>, node: &Node) -> Option<Country> {
    let help = "write the two letters of ISO 3166, such as `DE` or `US`; left out, it is the country of the time zone";
    country(sheet, &sheet.text(node, "a country")?, node.span.clone(), help)
}

/// A code of two letters, as it is written in an address; a name or another code is told its code.
fn country(sheet: &Sheet<'_>, text: &str, span: Range<usize>, help: &str) -> Option<Country> {
    if let Some(country) = Country::of_code(text).filter(|country| country.code() == text) {
        return Some(country);
    }
    let problem = Problem::error("unknown-country", span, format!("`{text}` is no code of a country"));
    sheet.report(match Country::parse(text) {
        Some(country) => problem.label(format!("write `{country}`")).replace(country.to_string()),
        None => problem.help(help),
    });
    None
}

fn read_links(sheet: &Sheet<'_>, node: &Node) -> Option<Links> {
    let form = Form::open(sheet, node, &LINKS)?;
    let url = form.get("url").and_then(|node| {
        let text = read_address(sheet, node)?;
        // Mail programs follow no other link by themselves (RFC 8058).
        if let Some(rest) = text.strip_prefix("http://") {
            let problem = Problem::error("bad-url", node.span.clone(), "links in mails begin with `https://`");
            let instead = format!("https://{rest}");
            sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
            return None;
        }
        if let Some((before, _)) = text.split_once(['?', '#']) {
            let message = "links in mails are put behind this address, so it has neither query nor fragment";
            let problem = Problem::error("bad-url", node.span.clone(), message);
            sheet.report(problem.label(format!("write `{before}`")).replace(before));
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    });
    let secrets = form.get("secrets").and_then(|node| {
        let items = sheet.items(node);
        if items.is_empty() {
            let problem =
                Problem::error("empty-list", node.span.clone(), "`secrets` names none, so no link could be signed");
            let instead = "[{ env: CADENZA_LINKS_SECRET }]".to_owned();
            sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
            return None;
        }
        let read: Vec<_> = items.iter().map(|item| read_secret(sheet, item)).collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    });
    Some(Links { url: url?, secrets: secrets? })
}

fn read_fields(sheet: &Sheet<'_>, node: &Node, known: &mut Known<'_>) {
    let entries = sheet.named(node, "`fields`");
    if entries.is_none() {
        known.unread.insert("fields");
    }
    for entry in entries.unwrap_or_default() {
        let name = &entry.key.text;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) || name.len() > 64 {
            let problem =
                Problem::error("bad-name", entry.key.span.clone(), format!("`{name}` cannot be the name of a field"));
            sheet.report(match slug(name, '_').filter(|slug| slug.starts_with(|c: char| c.is_ascii_lowercase())) {
                Some(slug) => problem.label(format!("write `{slug}`")).replace(slug),
                None => problem.help("a field has lower-case letters, digits and `_`, and begins with a letter"),
            });
            known.unread.insert("fields");
            continue;
        }
        if field_info(name).is_some() {
            let message = format!("every lead has a field `{name}` already");
            let problem = Problem::error("duplicate-name", entry.key.span.clone(), message);
            sheet.report(problem.help("remove it here, or give it another name"));
            continue;
        }
        let declared = match entry.value.content {
            Content::Map(_) => Form::open(sheet, &entry.value, &FIELD).and_then(|form| read_field(sheet, name, &form)),
            _ => match field_type(sheet, &entry.value) {
                Some(Written::Choice) => {
                    let problem =
                        Problem::error("missing-key", entry.value.span.clone(), "a choice says what it can be");
                    let problem = problem.help(format!("write `{name}: {{ type: choice, of: [free, pro] }}`"));
                    sheet.report(problem.replace("{ type: choice, of: [free, pro] }"));
                    None
                }
                Some(Written::Type(kind)) => Some(kind.into()),
                None => None,
            },
        };
        // A field whose type is not known is a field all the same: whoever uses it is not to blame. Nor is it blank where it
        // has a default, whatever that is.
        let unread = || {
            let default = entry.value.get("default").map_or(Value::Blank, |_| Value::Bool(true));
            Declared { default, ..ValueType::Any.into() }
        };
        known.fields.insert(name.clone(), declared.unwrap_or_else(unread));
    }
    if known.fields.len() > CUSTOM_FIELDS_MAX {
        let message = format!("there are {} fields, and the most is {CUSTOM_FIELDS_MAX}", known.fields.len());
        sheet.report(Problem::error("too-large", node.pointer(), message));
    }
}

/// A type, as the file writes it.
#[derive(Clone, Copy)]
enum Written {
    Type(ValueType),
    Choice,
}

/// A field with its type, its choices and its default.
fn read_field(sheet: &Sheet<'_>, name: &str, form: &Form<'_>) -> Option<Declared> {
    form.get("about").map(|about| sheet.text(about, "what the field means"));
    let written = form.get("type").and_then(|kind| field_type(sheet, kind))?;
    let (kind, choices) = match (written, form.get("of")) {
        (Written::Choice, Some(of)) => (ValueType::Text, read_choices(sheet, of)?),
        (Written::Choice, None) => {
            let problem = Problem::error("missing-key", form.key_span("type"), "a choice says what it can be");
            sheet.report(problem.help("add `of: [free, pro]`").mend_by(form.with(sheet, "of: [free, pro]")));
            return None;
        }
        (Written::Type(kind), of) => {
            if of.is_some() {
                let problem = Problem::error("unknown-key", form.key_span("of"), "only a choice has `of`");
                let kind = form.get("type").map_or(0..0, |node| node.span.clone());
                sheet.report(problem.help("write `type: choice`, or remove it").mend(kind, "choice"));
            }
            (kind, Vec::new())
        }
    };
    let mut declared = Declared { kind, choices, default: Value::Blank };
    if let Some(node) = form.get("default") {
        let value = sheet.value(node, kind, &format!("the default of `{name}`"))?;
        declared.default = sheet.choice(node, value, &declared.choices)?;
    }
    Some(declared)
}

/// The words of a choice, each once.
fn read_choices(sheet: &Sheet<'_>, node: &Node) -> Option<Vec<String>> {
    let mut choices: Vec<String> = Vec::new();
    for item in sheet.list(node, "what a choice can be")? {
        let word = sheet.text(item, "what a choice can be")?;
        if choices.iter().any(|other| other.to_lowercase() == word.to_lowercase()) {
            let problem = Problem::error("duplicate-name", item.span.clone(), format!("`{word}` stands here twice"));
            sheet.report(problem.help("remove one of the two").mend(sheet.taken_out(item.span.start), ""));
            return None;
        }
        choices.push(word);
    }
    if choices.is_empty() {
        let problem = Problem::error("empty-list", node.pointer(), "a choice of nothing");
        sheet.report(problem.help("write what it can be: `of: [free, pro]`"));
        return None;
    }
    if choices.len() > CHOICES_MAX {
        let message = format!("this choice has {} words, and the most is {CHOICES_MAX}", choices.len());
        sheet.report(Problem::error("too-large", node.pointer(), message).help("take a `text` for so many"));
        return None;
    }
    Some(choices)
}

/// A type. A type of another system is reported with ours.
fn field_type(sheet: &Sheet<'_>, node: &Node) -> Option<Written> {
    let kinds = ValueType::ALL.iter().filter(|kind| **kind != ValueType::Any);
    let kinds = kinds.map(|kind| (kind.as_str(), Written::Type(*kind)));
    let types: Vec<_> = kinds.chain([(CHOICE, Written::Choice)]).collect();
    let Some((written, ours)) =
        node.scalar().and_then(|scalar| Some((&scalar.text, foreign::field_type(&scalar.text)?)))
    else {
        return sheet.word(node, "the type of a field", &types);
    };
    let message = format!("`{written}` cannot be the type of a field");
    let problem = Problem::error("unknown-word", node.span.clone(), message);
    sheet.report(problem.label(format!("here it is `{ours}`")).replace(ours));
    types.into_iter().find(|(name, _)| *name == ours).map(|(_, kind)| kind)
}

fn read_contact(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<ContactPolicy> {
    let form = Form::open(sheet, node, &CONTACT)?;
    let channels = &known.own_words.channels;
    let channel = |item: &Node| {
        let may_be = known.may_be_own(item, ("channels", channels));
        if may_be { None } else { sheet.engines_word(item, "a channel", channels, BY_MEANING) }
    };
    let mut policy = ContactPolicy::default();
    if let Some(listed) = form.get("business_hours") {
        policy.business_hours = sheet.items(listed).iter().filter_map(channel).collect();
    }
    for entry in form.get("calendars").and_then(|table| sheet.named(table, "`calendars`")).unwrap_or_default() {
        let help = "write the two letters of ISO 3166, such as `DE` or `US`";
        let country = country(sheet, &entry.key.text, entry.key.span.clone(), help);
        let calendar = hours::named_calendar(sheet, &entry.value, known);
        policy.calendars.extend(country.zip(calendar));
    }
    policy.email_via = form.get("email_via").and_then(|via| sheet.text(via, "a connection"));
    policy.notify_via = form.get("notify_via").and_then(|via| sheet.text(via, "a connection"));
    limits::read(sheet, &form, known, &mut policy);
    Some(policy)
}

/// Whether the connections that a contact policy names could be read.
fn is_whole(node: &Node, read: Option<&ContactPolicy>) -> bool {
    let named = |key: &str, read: &Option<String>| node.get(key).is_none() || read.is_some();
    read.is_some_and(|read| named("email_via", &read.email_via) && named("notify_via", &read.notify_via))
}

/// Checks the connections that the contact policy names. They are known only once `connections.yaml` has been read.
pub(crate) fn check_contact(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) {
    let Some(contact) = node.get("contact") else { return };
    for key in ["email_via", "notify_via"] {
        if let Some((node, name)) = contact.get(key).and_then(|node| Some((node, node.scalar()?.text.as_str())))
            && !known.connections.has(name)
        {
            let problem =
                Problem::error("unknown-connection", node.span.clone(), format!("there is no connection `{name}`"));
            sheet.report(problem.suggest_one(name, known.connections.iter(), "connections in connections.yaml"));
        }
    }
}

pub(crate) fn read_plugins(
    sheet: &Sheet<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<BTreeMap<String, PluginSettings>> {
    let mut plugins = BTreeMap::new();
    for entry in sheet.named(node, "`plugins`")? {
        let name = &entry.key.text;
        let Some(form) = Form::open(sheet, &entry.value, &PLUGIN) else { continue };
        let file = form.get("file").and_then(|file| sheet.text(file, "a file"));
        let count = |key, what, Grant { least, granted, most }: Grant| {
            let node = form.get(key)?;
            let number = sheet.whole(node, what, least, most)?;
            if number > granted {
                beyond(sheet, node, &number.to_string(), &granted.to_string());
            }
            Some(u64::from(number.min(granted)))
        };
        if let Some(why) = known.plugins.trouble(name) {
            sheet.report(
                Problem::error("broken-plugin", entry.key.span.clone(), why)
                    .help("mend the component, its `file`, or the budgets that stand here"),
            );
        } else if file.is_none() && known.plugins.info(name).is_none() {
            let problem =
                Problem::error("unknown-plugin", entry.key.span.clone(), format!("there is no plugin `{name}`"));
            sheet.report(
                problem.suggest(name, known.plugins.names(), "plugins").help("a plugin of your own needs `file: …`"),
            );
        }
        let settings = PluginSettings {
            file: file.map(PathBuf::from),
            fuel: count("fuel", "a fuel budget", FUEL),
            memory_bytes: form.get("memory").and_then(|memory| read_bytes(sheet, memory, MEMORY_BYTES_MAX)),
            wall_ms: count("time_ms", "a number of milliseconds", TIME_MS),
            output_bytes: form.get("output").and_then(|output| read_bytes(sheet, output, OUTPUT_BYTES_MAX)),
            log_lines: count("log_lines", "a number of lines", LOG_LINES),
            table_elements: count("table_elements", "a number of elements", ELEMENTS),
            tables: count("tables", "a number of tables", TABLES),
            instances: count("instances", "a number of core instances", INSTANCES),
        };
        plugins.insert(name.clone(), settings);
    }
    Some(plugins)
}

/// Warns of a value that is more than any plugin may have.
fn beyond(sheet: &Sheet<'_>, node: &Node, wanted: &str, granted: &str) {
    let message = format!("`{wanted}` is more than the engine grants to any plugin");
    let problem = Problem::warning("beyond-limit", node.span.clone(), message);
    sheet.report(problem.help(format!("it counts as `{granted}`")).replace(granted));
}

/// `64KiB`, `16MiB`.
fn read_bytes(sheet: &Sheet<'_>, node: &Node, granted: u64) -> Option<u64> {
    let text = sheet.text(node, "a size")?;
    let parse = |unit: &str, factor: u64| text.strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(factor);
    let bytes = parse("KiB", 1 << 10).or_else(|| parse("MiB", 1 << 20)).filter(|bytes| (1..=1 << 32).contains(bytes));
    let Some(bytes) = bytes else {
        let problem = Problem::error("bad-size", node.span.clone(), format!("`{text}` is no size of memory"));
        let problem = problem.help("write a whole number with `KiB` or `MiB`, such as `16MiB`");
        // GB or MB are taken for the nearest of these units.
        let digits = text.len() - text.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
        let (count, unit) = (text[..digits].parse::<u64>().ok(), text[digits..].trim().to_lowercase());
        let meant = count.and_then(|count| match unit.as_str() {
            "k" | "kb" | "kib" => Some(format!("{count}KiB")),
            "m" | "mb" | "mib" => Some(format!("{count}MiB")),
            "g" | "gb" | "gib" => Some(format!("{}MiB", count.checked_mul(1 << 10)?)),
            _ => None,
        });
        sheet.report(match meant {
            Some(meant) => problem.label(format!("write `{meant}`")).replace(meant),
            None => problem,
        });
        return None;
    };
    if bytes > granted {
        let granted = if granted < 1 << 20 { format!("{}KiB", granted >> 10) } else { format!("{}MiB", granted >> 20) };
        beyond(sheet, node, &text, &granted);
    }
    Some(bytes.min(granted))
}
