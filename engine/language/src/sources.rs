//! `sources.yaml`: webhooks, how a delivery proves that it is genuine, and how its body becomes an event.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::meant::header_like;
use crate::secret::{SECRET, read_secret};
use crate::shape::{Shape, Takes, optional, required};
use crate::yaml::{Content, Entry, Node};
use cadenza_core::event::{EVENT_DATA_MAX, EventType, StandardEvent};
use cadenza_core::field::{STANDING_FIELDS, field_info};
use cadenza_core::lead::Outcome;
use cadenza_core::time::{DAY_MS, MINUTE_MS, Span};
use cadenza_core::value::ValueType;
use cadenza_core::workspace::{
    Brings, JsonPath, MailFormat, MappedType, MappedValue, Mapping, SecretRef, Signature, SignatureEncoding, Source,
    TokenPlace,
};
use std::collections::BTreeMap;
use std::ops::Range;

/// Schemes that need only their name: that of Standard Webhooks, and that of Stripe.
const SCHEMES: [&str; 2] = ["standard-webhooks", "stripe"];
/// The tolerance of the Standard Webhooks reference libraries.
const TOLERANCE_DEFAULT_MS: u64 = 5 * MINUTE_MS.unsigned_abs();
/// The source of events from `POST /v1/events`. A webhook with this name would share their ids.
pub const EVENTS_SOURCE: &str = "api";
/// The lock for senders that sign in no way that is checked.
const TOKEN_IN_ADDRESS: &str = "{ token: query, name: token }";
/// The most names in a path.
const PATH_PARTS_MAX: usize = 16;

pub(crate) static SOURCES: Shape = Shape {
    name: "sources.yaml",
    about: "Webhooks that bring events.",
    keys: &[required(
        "sources",
        Takes::Map(&Takes::Either(&[Takes::Form(&SOURCE), Takes::Form(&MAIL_SOURCE)])),
        "Webhooks by the name in their address, `/hooks/name`",
    )],
};

static SOURCE: Shape = Shape {
    name: "a source",
    about: "A webhook.",
    keys: &[
        required(
            "signature",
            Takes::Either(&[
                Takes::Words(signature_words),
                Takes::Form(&HMAC),
                Takes::Form(&TIMED),
                Takes::Form(&TOKEN),
            ]),
            "How a delivery is known to be genuine",
        ),
        required(
            "secret",
            Takes::Either(&[Takes::Form(&SECRET), Takes::List(&Takes::Form(&SECRET))]),
            "Where the secret is found; several while one is replaced",
        ),
        optional("tolerance", Takes::Duration, "How far the delivery's time may be from ours; 5m when left out"),
        required(
            "event",
            Takes::Either(&[Takes::Event, Takes::Form(&TYPED)]),
            "The event's type: always this, or by a text in the body",
        ),
        optional("id", Takes::Path, "Where the body has the event's id; the delivery's own id when left out"),
        optional("at", Takes::Path, "Where the body says when it happened; the delivery's time when left out"),
        optional("lead", Takes::Map(&MAPPED), "Fields of the lead and where the body has them"),
        optional("data", Takes::Map(&MAPPED), "What else the event brings, for `event.data.…`"),
    ],
};

static MAIL_SOURCE: Shape = Shape {
    name: "a source of mail",
    about: "A webhook that brings what came back by mail: replies, bounces, complaints, opt-outs.",
    keys: &[
        required("format", Takes::Words(format_words), "The message itself, or the provider whose webhook it is"),
        required(
            "signature",
            Takes::Either(&[
                Takes::Words(signature_words),
                Takes::Form(&HMAC),
                Takes::Form(&TIMED),
                Takes::Form(&TOKEN),
            ]),
            "How a delivery is known to be genuine; the named providers need a token",
        ),
        required(
            "secret",
            Takes::Either(&[Takes::Form(&SECRET), Takes::List(&Takes::Form(&SECRET))]),
            "Where the secret is found; several while one is replaced",
        ),
        optional("tolerance", Takes::Duration, "How far the delivery's time may be from ours; 5m when left out"),
    ],
};

static HMAC: Shape = Shape {
    name: "an HMAC signature",
    about: "HMAC-SHA256 over the body, or over `time.body` when a header has the time.",
    keys: &[
        required("hmac", Takes::Words(encoding_words), "How the signature is written"),
        required("header", Takes::Text, "The header with the signature"),
        optional("prefix", Takes::Text, "What stands before the signature, such as `sha256=`"),
        optional("timestamp_header", Takes::Text, "The header with the time in seconds"),
        optional("id_header", Takes::Text, "The header with the delivery's id"),
    ],
};

static TIMED: Shape = Shape {
    name: "a signature with its time",
    about: "HMAC-SHA256 over `time.body`; the time and the signatures stand in one header, as `t=…,v1=…`.",
    keys: &[
        required("timed", Takes::Words(encoding_words), "How a signature is written"),
        required("header", Takes::Text, "The header with time and signatures"),
        optional("time", Takes::Text, "The name of the time in it; `t` when left out"),
        optional("signature", Takes::Text, "The name of a signature in it; `v1` when left out"),
        optional("between", Takes::Text, "What stands between time and body in what is signed; `.` when left out"),
    ],
};

static TOKEN: Shape = Shape {
    name: "a token",
    about: "For senders that cannot sign: weaker, since whoever sees one delivery can send others.",
    keys: &[
        required("token", Takes::Words(token_words), "Where the sender shows it"),
        required("name", Takes::Text, "The name of the header, or of the parameter in the address"),
        optional("prefix", Takes::Text, "What stands before it in the header, such as `Bearer `"),
        optional("id_header", Takes::Text, "The header with the delivery's id"),
    ],
};

static TYPED: Shape = Shape {
    name: "`event`",
    about: "The event's type by a text in the body.",
    keys: &[
        required("path", Takes::Path, "Where the text is"),
        required("map", Takes::Map(&Takes::Event), "What each text means; any other is refused"),
    ],
};

static MAPPED: Takes = Takes::Either(&[Takes::Path, Takes::Form(&CONSTANT)]);

static CONSTANT: Shape = Shape {
    name: "a fixed value",
    about: "Always this value, whatever the body says.",
    keys: &[required("value", Takes::Value, "The value")],
};

fn signature_words() -> Vec<&'static str> {
    SCHEMES.to_vec()
}

fn format_words() -> Vec<&'static str> {
    MailFormat::ALL.iter().map(|format| format.as_str()).collect()
}

fn token_words() -> Vec<&'static str> {
    vec!["header", "query"]
}

fn encoding_words() -> Vec<&'static str> {
    vec!["hex", "base64"]
}

pub(crate) fn read(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<BTreeMap<String, Source>> {
    let form = Form::open(sheet, node, &SOURCES)?;
    let mut sources = BTreeMap::new();
    for entry in sheet.named(form.get("sources")?, "`sources`")? {
        sheet.check_name(&entry.key.text, entry.key.span.clone(), "the name of a source");
        if entry.key.text == EVENTS_SOURCE {
            let message =
                format!("a source cannot be named `{EVENTS_SOURCE}`: that is the source of `POST /v1/events`");
            let problem = Problem::error("reserved-name", entry.key.span.clone(), message);
            sheet.report(problem.help(
                "events of both would share their ids, and one would pass for the other: give the source another name",
            ));
        }
        if let Some(source) = read_source(sheet, &entry.value, known) {
            sources.insert(entry.key.text.clone(), source);
        }
    }
    Some(sources)
}

/// Reads a source whose events are read by the program itself. The ids of its events are in the messages.
fn read_mail_source(sheet: &Sheet<'_>, node: &Node) -> Option<Source> {
    let form = Form::open(sheet, node, &MAIL_SOURCE)?;
    let words: Vec<(&str, MailFormat)> = MailFormat::ALL.iter().map(|format| (format.as_str(), *format)).collect();
    let format = form.get("format").and_then(|node| sheet.word(node, "a format of mail", &words));
    let secrets = form.get("secret").and_then(|node| read_secrets(sheet, node));
    let signature = form.get("signature").and_then(|node| read_signature(sheet, node, secrets.unwrap_or_default()));
    let tolerance = form.get("tolerance").map(|node| sheet.plain_duration_ms(node, Span::Elapsed(DAY_MS)));
    let (format, signature) = (format?, signature?);
    if format != MailFormat::Mail && !matches!(signature, Signature::Token { .. }) {
        let provider = format.as_str();
        let message = format!("{provider} signs in a way that is not checked, or not at all");
        let help = "write `signature: { token: query, name: token }`, and put the token into the address that you give \
                    to the provider: `/hooks/NAME?token=…`";
        let span = form.get("signature").map_or_else(|| form.pointer(), |node| node.span.clone());
        sheet.report(Problem::error("mail-signature", span, message).help(help).replace(TOKEN_IN_ADDRESS));
    }
    let tolerance_ms = tolerance.unwrap_or(Some(TOLERANCE_DEFAULT_MS))?;
    Some(Source { signature, tolerance_ms, brings: Brings::Mail(format) })
}

fn read_source(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<Source> {
    if node.get("format").is_some() {
        return read_mail_source(sheet, node);
    }
    let form = Form::open(sheet, node, &SOURCE)?;
    let secrets = form.get("secret").and_then(|node| read_secrets(sheet, node));
    let signature = form.get("signature").and_then(|node| read_signature(sheet, node, secrets.unwrap_or_default()));
    let tolerance = form.get("tolerance").map(|node| sheet.plain_duration_ms(node, Span::Elapsed(DAY_MS)));
    let event = form.get("event").and_then(|node| read_type(sheet, node));
    let mut lead = BTreeMap::new();
    for entry in form.get("lead").and_then(|node| sheet.named(node, "`lead`")).unwrap_or_default() {
        let choices = known.choices(&entry.key.text);
        let mapped = lead_field(sheet, entry, known).and_then(|kind| read_mapped(sheet, &entry.value, kind, choices));
        if entry.key.text == "stage" && matches!(mapped, Some(MappedValue::Constant(_))) {
            let value = entry.value.get("value").unwrap_or(&entry.value);
            known.own_word(sheet, value, "a stage", ("stages", &known.own_words.stages));
        }
        lead.extend(mapped.map(|mapped| (entry.key.text.clone(), mapped)));
    }
    let mut data = BTreeMap::new();
    for entry in form.get("data").and_then(|node| sheet.named(node, "`data`")).unwrap_or_default() {
        sheet.check_name(&entry.key.text, entry.key.span.clone(), "a name under `data`");
        let mapped = read_mapped(sheet, &entry.value, ValueType::Any, &[]);
        if matches!(mapped, Some(MappedValue::Constant(_))) && brings_calls(event.as_ref()) {
            word_of_a_call(sheet, entry, known);
        }
        data.extend(mapped.map(|mapped| (entry.key.text.clone(), mapped)));
    }
    if data.len() > EVENT_DATA_MAX {
        let message = format!("`data` has {} names, and the most is {EVENT_DATA_MAX}", data.len());
        sheet.report(Problem::error("too-large", form.key_span("data"), message));
    }
    let path = |key: &str| form.get(key).and_then(|node| read_path(sheet, node));
    let (id, at) = (path("id"), path("at"));
    if form.get("id").is_none() && signature.as_ref().is_some_and(|signature| !brings_id(signature)) {
        let problem = Problem::error("no-id", form.pointer(), "nothing tells one delivery of this source from another");
        sheet.report(
            problem
                .help("add `id: …`: where the body has the event's id, such as `id: id`")
                .help("or `id_header: …` to the signature, when a header has it")
                .mend_by(form.with(sheet, "id: id")),
        );
    }
    if form.get("id").is_none()
        && matches!(&signature, Some(Signature::Hmac { timestamp_header: None, id_header: Some(_), .. }))
    {
        let message = "nothing that is signed tells two deliveries with one body apart: the second counts as the first";
        let problem = Problem::warning("unsigned-id", form.pointer(), message);
        sheet.report(
            problem
                .help("the id's header is not signed, so whoever captured a delivery could send it under another id")
                .help("add `id: …` where the body has the event's id, or `timestamp_header: …` where the sender signs the time"),
        );
    }
    let mapping = Mapping { event: event?, id, at, lead, data };
    let tolerance_ms = tolerance.unwrap_or(Some(TOLERANCE_DEFAULT_MS))?;
    Some(Source { signature: signature?, tolerance_ms, brings: Brings::Mapping(mapping) })
}

/// Whether deliveries come with an id of their own.
const fn brings_id(signature: &Signature) -> bool {
    match signature {
        Signature::StandardWebhooks { .. } => true,
        Signature::Hmac { id_header, .. } | Signature::Token { id_header, .. } => id_header.is_some(),
        Signature::Timed { .. } => false,
    }
}

fn read_secrets(sheet: &Sheet<'_>, node: &Node) -> Option<Vec<SecretRef>> {
    sheet.items(node).iter().map(|item| read_secret(sheet, item)).collect()
}

fn read_signature(sheet: &Sheet<'_>, node: &Node, secrets: Vec<SecretRef>) -> Option<Signature> {
    if !matches!(node.content, Content::Map(_)) {
        return match sheet.word(node, "a signature scheme", &SCHEMES.map(|name| (name, name)))? {
            "stripe" => Some(stripe(secrets)),
            _ => Some(Signature::StandardWebhooks { secrets }),
        };
    }
    if node.get("timed").is_some() {
        return read_timed(sheet, node, secrets);
    }
    if node.get("token").is_some() {
        return read_token(sheet, node, secrets);
    }
    let form = Form::open(sheet, node, &HMAC)?;
    let encoding = form.get("hmac").and_then(|node| sheet.word(node, "how a signature is written", ENCODINGS));
    let header = |key: &str| form.get(key).and_then(|node| read_header_name(sheet, node));
    let prefix = form.get("prefix").and_then(|node| sheet.text(node, "a prefix")).unwrap_or_default();
    let (timestamp_header, id_header) = (header("timestamp_header"), header("id_header"));
    Some(Signature::Hmac {
        secrets,
        header: header("header")?,
        prefix,
        encoding: encoding?,
        timestamp_header,
        id_header,
    })
}

const ENCODINGS: &[(&str, SignatureEncoding)] =
    &[("hex", SignatureEncoding::Hex), ("base64", SignatureEncoding::Base64)];

fn stripe(secrets: Vec<SecretRef>) -> Signature {
    Signature::Timed {
        secrets,
        header: "stripe-signature".to_owned(),
        time: "t".to_owned(),
        signature: "v1".to_owned(),
        encoding: SignatureEncoding::Hex,
        between: ".".to_owned(),
    }
}

fn read_timed(sheet: &Sheet<'_>, node: &Node, secrets: Vec<SecretRef>) -> Option<Signature> {
    let form = Form::open(sheet, node, &TIMED)?;
    let text = |key: &str, default: &str| {
        form.get(key).map_or_else(|| Some(default.to_owned()), |node| sheet.text(node, "a text"))
    };
    let encoding = form.get("timed").and_then(|node| sheet.word(node, "how a signature is written", ENCODINGS));
    let header = form.get("header").and_then(|node| read_header_name(sheet, node));
    let (time, signature, between) = (text("time", "t"), text("signature", "v1"), text("between", "."));
    Some(Signature::Timed {
        secrets,
        header: header?,
        time: time?,
        signature: signature?,
        encoding: encoding?,
        between: between?,
    })
}

fn read_token(sheet: &Sheet<'_>, node: &Node, secrets: Vec<SecretRef>) -> Option<Signature> {
    let form = Form::open(sheet, node, &TOKEN)?;
    let in_header = form
        .get("token")
        .and_then(|node| sheet.word(node, "the place of a token", &[("header", true), ("query", false)]));
    let prefix = form.get("prefix").and_then(|node| sheet.text(node, "a prefix"));
    let id_header = form.get("id_header").and_then(|node| read_header_name(sheet, node));
    let name = form.get("name");
    let place = if in_header? {
        TokenPlace::Header { name: read_header_name(sheet, name?)?, prefix: prefix.unwrap_or_default() }
    } else {
        if prefix.is_some() {
            let problem =
                Problem::error("unknown-key", form.key_span("prefix"), "a token in the address has no prefix");
            sheet.report(problem.help("remove `prefix`").mend_by(form.without(sheet, "prefix")));
        }
        TokenPlace::Query(sheet.text(name?, "the name of a parameter")?)
    };
    Some(Signature::Token { secrets, place, id_header })
}

fn read_header_name(sheet: &Sheet<'_>, node: &Node) -> Option<String> {
    let name = sheet.text(node, "the name of a header")?;
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Some(name.to_lowercase());
    }
    let problem = Problem::error("bad-name", node.span.clone(), format!("`{name}` cannot be the name of a header"));
    let problem = problem.help("write it as `X-Signature`");
    sheet.report(match header_like(&name) {
        Some(meant) => problem.label(format!("write `{meant}`")).replace(meant),
        None => problem,
    });
    None
}

/// Whether a source delivers only calls. Intake accepts a call only with words that it knows.
fn brings_calls(event: Option<&MappedType>) -> bool {
    let call = EventType::Standard(StandardEvent::CallCompleted);
    match event {
        Some(MappedType::Fixed(kind)) => *kind == call,
        Some(MappedType::By { map, .. }) => map.values().any(|kind| *kind == call),
        None => false,
    }
}

/// Checks a word that applies to every call of a source.
fn word_of_a_call(sheet: &Sheet<'_>, Entry { key, value }: &Entry, known: &Known<'_>) {
    let value = value.get("value").unwrap_or(value);
    match key.text.as_str() {
        "result" => drop(known.own_word(sheet, value, "a result", ("results", &known.own_words.results))),
        "outcome" => {
            let codes = Outcome::ALL.iter().map(|outcome| (outcome.as_str(), *outcome));
            let codes: Vec<_> =
                codes.filter(|(_, outcome)| !matches!(outcome, Outcome::Sent | Outcome::Done)).collect();
            sheet.word(value, "an outcome", &codes);
        }
        _ => {}
    }
}

fn read_type(sheet: &Sheet<'_>, node: &Node) -> Option<MappedType> {
    if !matches!(node.content, Content::Map(_)) {
        return sheet.event(node).map(MappedType::Fixed);
    }
    let form = Form::open(sheet, node, &TYPED)?;
    let path = form.get("path").and_then(|node| read_path(sheet, node));
    let mut map = BTreeMap::new();
    for entry in form.get("map").and_then(|node| sheet.named(node, "`map`")).unwrap_or_default() {
        map.extend(sheet.event(&entry.value).map(|event| (entry.key.text.clone(), event)));
    }
    Some(MappedType::By { path: path?, map })
}

/// The type of the field on the left, if an event may set that field.
fn lead_field(sheet: &Sheet<'_>, entry: &Entry, known: &Known<'_>) -> Option<ValueType> {
    let name = entry.key.text.as_str();
    let problem = match known.field(name) {
        Some(kind) if field_info(name).is_none_or(|info| info.given) => return Some(kind),
        _ if STANDING_FIELDS.iter().any(|info| info.name == name) => return Some(ValueType::Any),
        Some(_) => {
            let message = format!("`{name}` is kept by the engine: a webhook cannot set it");
            Problem::error("kept-field", entry.key.span.clone(), message)
                .help("remove it, or bring it as `data` and set it by `update` in a workflow")
        }
        None if !known.has_all("fields") => return Some(ValueType::Any),
        None => {
            let problem =
                Problem::error("unknown-field", entry.key.span.clone(), format!("`lead` has no field `{name}`"));
            problem
                .suggest(name, known.given_fields(), "fields")
                .or_help("fields of your own are declared under `fields` in cadenza.yaml")
        }
    };
    sheet.report(problem);
    None
}

fn read_mapped(sheet: &Sheet<'_>, node: &Node, kind: ValueType, choices: &[String]) -> Option<MappedValue> {
    if !matches!(node.content, Content::Map(_)) {
        return read_path(sheet, node).map(MappedValue::Path);
    }
    let form = Form::open(sheet, node, &CONSTANT)?;
    let (whole, node) = (node.span.clone(), form.get("value")?);
    // Values to fill in come from the body, which needs a path.
    if let Some(problem) = sheet.taken_literally(node, "this value") {
        sheet.report(path_alone(problem, node, whole));
        return None;
    }
    let value = sheet.value(node, kind, "this value")?;
    sheet.choice(node, value, choices).map(MappedValue::Constant)
}

/// Replaces the whole value `{{ page.url }}` by its path.
fn path_alone(problem: Problem, node: &Node, whole: Range<usize>) -> Problem {
    let braces = |text: &'_ str| Some(text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim().to_owned());
    let is_path = |path: &String| path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    match node.scalar().and_then(|scalar| braces(&scalar.text)).filter(|path| is_path(path) && !path.is_empty()) {
        Some(path) => problem.label(format!("write the path alone, `{path}`")).mend(whole, path),
        None => problem,
    }
}

/// `contact.emails.0.address`
fn read_path(sheet: &Sheet<'_>, node: &Node) -> Option<JsonPath> {
    let what = "a path such as `contact.email`";
    if let Some(problem) = sheet.taken_literally(node, what) {
        sheet.report(path_alone(problem, node, node.span.clone()));
        return None;
    }
    let text = sheet.text(node, what)?;
    let parts: Vec<String> = text.strip_prefix("$.").unwrap_or(&text).split('.').map(str::to_owned).collect();
    if parts.len() > PATH_PARTS_MAX
        || parts.iter().any(|part| part.trim().is_empty() || part.contains(['[', ']', ' ', '"']))
    {
        let problem = Problem::error("bad-path", node.span.clone(), format!("`{text}` is no path in the body"));
        let help = "write member names with dots between, numbers for places in a list: `contact.emails.0.address`";
        let meant = text.replace(['[', ']', '"'], ".");
        let meant: Vec<&str> = meant.split('.').map(str::trim).filter(|part| !part.is_empty()).collect();
        let meant =
            Some(meant.join(".")).filter(|path| !path.contains(' ') && path.split('.').count() <= PATH_PARTS_MAX);
        sheet.report(match meant.filter(|path| !path.is_empty()) {
            Some(meant) => problem.label(format!("did you mean `{meant}`?")).replace(meant).help(help),
            None => problem.help(help),
        });
        return None;
    }
    Some(JsonPath(parts))
}
