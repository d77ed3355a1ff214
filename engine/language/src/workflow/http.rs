//! The verb `http`: a request to another system, and what is kept of its answer.

use super::Reader;
use super::shapes::{COMPUTED, REQUEST};
use super::steps::{is_name, ways_of_message};
use crate::address::tells_secrets;
use crate::condition::{Place, expression};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::meant::header_like;
use crate::placeholders::check_use;
use crate::scalar::is_template;
use crate::script::check_template;
use crate::usage::Use;
use crate::yaml::{Content, Entry, Node, quoted};
use cadenza_core::field::field_info;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::{Filled, Http, Method, Part, Save};

/// The most headers, parameters and saved fields of one step.
const ENTRIES_MAX: usize = 16;
/// The most values of one body.
const VALUES_MAX: usize = 500;

/// Fields by which a lead is found. The answer of another system sets none of them, and no consent.
const IDENTITY: [&str; 4] = ["external_id", "email", "phone", "domain"];

/// Headers that the connection or the engine sets, each with the reason.
const NOT_HERE: [(&str, &str); 12] = [
    ("host", "the connection says where it goes"),
    ("content-length", "it follows from the body"),
    ("content-type", "a body is always sent as JSON"),
    ("transfer-encoding", "the engine chooses it"),
    ("connection", "the engine keeps connections open"),
    ("upgrade", "nothing else than HTTP is spoken"),
    ("te", "the engine chooses it"),
    ("trailer", "the engine sends none"),
    ("expect", "the engine waits for no permission"),
    ("idempotency-key", "every attempt leaves under a key of the engine's own"),
    ("user-agent", "the engine says who it is"),
    ("accept-encoding", "answers are read as they are"),
];

pub(super) fn read(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Http> {
    let sheet = &reader.sheet;
    let results = ways_of_message(reader, step, "request");
    let save = step.get("save").map_or_else(|| Some(Vec::new()), |node| save(reader, step, node));
    let form =
        Form::open_naming(sheet, value, &REQUEST, &|what| (what == "connection").then(|| carrier(reader)).flatten())?;
    let via = form.get("via").and_then(|node| via(reader, node));
    let methods: Vec<_> = Method::ALL.iter().map(|method| (method.as_str(), *method)).collect();
    let method = form.get("method").map_or(Some(Method::Post), |node| sheet.word(node, "a method", &methods));
    let path = form.get("path").and_then(|node| path(reader, node, via.as_deref()));
    let query = form.get("query").map_or_else(|| Some(Vec::new()), |node| query(reader, node));
    let headers = form.get("headers").map_or_else(|| Some(Vec::new()), |node| headers(reader, node));
    let body = form.get("body").map_or(Some(None), |node| body(reader, node).map(Some));
    if let (Some(method), true) = (method.filter(|method| !method.takes_body()), form.get("body").is_some()) {
        let problem =
            Problem::error("body-with-get", form.key_span("body"), format!("a request with {method} carries no body"));
        sheet.report(problem.help("write `query: …` for what it asks about, or another `method`, such as `POST`"));
        return None;
    }
    Some(Http {
        via: via?,
        method: method?,
        path: path?,
        query: query?,
        headers: headers?,
        body: body?,
        save: save?,
        results: results?,
    })
}

/// A connection that may carry requests, and that does not carry mails.
fn carrier(reader: &Reader<'_>) -> Option<String> {
    let known = reader.known;
    let mails = known.email_via.as_deref();
    let may_ask =
        |name: &&str| !known.inside.contains_key(*name) && !known.mailers.contains(*name) && mails != Some(*name);
    known.connections.iter().find(may_ask).map(str::to_owned)
}

/// A connection that may carry requests.
fn via(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.other_than_mails(node, "a request")?;
    let Some(host) = reader.known.inside.get(&name) else { return Some(name) };
    let message = format!("the connection `{name}` leads to `{host}`, which is not on the public internet");
    let problem = Problem::error("private-address", node.span.clone(), message);
    reader
        .sheet
        .report(problem.help(format!("when that is meant, add `private: true` to `{name}` in connections.yaml")));
    None
}

/// A text that is a template, checked as one.
fn template(reader: &Reader<'_>, node: &Node, what: &str) -> Option<String> {
    let text = reader.sheet.template(node, what)?;
    check_use(&reader.sheet, &check_template(&reader.sheet, reader.known, node), Use::Request);
    Some(text)
}

/// The path after the address of the connection. `via` is that connection, if it is known.
fn path(reader: &Reader<'_>, node: &Node, via: Option<&str>) -> Option<String> {
    let text = template(reader, node, "the path of a request")?;
    let complain = |code: &'static str, message: String| Problem::error(code, node.span.clone(), message);
    let written = outside_of_tags(&text);
    let problem = if text.starts_with("//") || !text.starts_with('/') && written.contains("://") {
        let after_scheme = || text.split_once("://").map(|(_, rest)| rest);
        let rest = text.strip_prefix("//").or_else(after_scheme).unwrap_or_default();
        let base = via.and_then(|via| reader.known.addresses.get(via)).map(|url| url.trim_end_matches('/'));
        let below = base.and_then(|base| text.strip_prefix(base)).filter(|path| path.starts_with('/'));
        let path = below.unwrap_or_else(|| rest.find('/').map_or("/", |at| &rest[at..]));
        let problem = complain("host-in-path", "the path names a host, and the connection alone does that".to_owned());
        if is_template(&rest[..rest.find('/').unwrap_or(rest.len())]) {
            problem.help("make a connection for each host, and lead to a step for each of them by `switch`")
        } else {
            problem.label(format!("write `{path}`")).replace(quoted(path))
        }
    } else if !text.starts_with('/') {
        let instead = format!("/{text}");
        if is_template(text.split('/').next().unwrap_or_default()) {
            complain("bad-path", "the path does not begin with `/`".to_owned())
                .help("write what stands behind the connection's address: `/deals/{{ lead.external_id }}`")
                .replace(quoted(&instead))
        } else {
            complain("bad-path", "the path does not begin with `/`".to_owned())
                .label(format!("write `{instead}`"))
                .replace(quoted(&instead))
        }
    } else if written.split(['?', '#']).next().unwrap_or_default().split('/').any(|part| matches!(part, "." | "..")) {
        let problem =
            complain("bad-path", "`.` and `..` in a path lead elsewhere".to_owned()).help("write the whole path");
        match whole_path(&text).filter(|_| !is_template(&text)) {
            Some(path) => problem.label(format!("did you mean `{path}`?")).replace(quoted(&path)),
            None => problem,
        }
    } else if written.contains('#') {
        complain("bad-path", "what stands behind `#` is never sent".to_owned()).help("remove it, or write `%23`")
    } else if let Some(strange) = written.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`{|}".contains(*c)) {
        let problem = complain("bad-path", format!("`{strange}` cannot stand in an address"))
            .help("write it percent-encoded, as `%20` for a blank; what is filled in is encoded by itself");
        let encoded = text.replace(' ', "%20");
        if strange == ' ' && !is_template(&text) { problem.replace(quoted(&encoded)) } else { problem }
    } else {
        return Some(text);
    };
    reader.sheet.report(problem);
    None
}

/// Resolves `.` and `..` in a path. What follows `?` stays.
fn whole_path(path: &str) -> Option<String> {
    let (path, query) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut parts = Vec::new();
    for part in path.strip_prefix('/')?.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("/{}{query}", parts.join("/")))
}

/// A template without the values that are filled in.
fn outside_of_tags(text: &str) -> String {
    let (mut written, mut rest) = (String::new(), text);
    while let Some(open) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        written.push_str(&rest[..open]);
        let close = if rest[open..].starts_with("{{") { "}}" } else { "%}" };
        rest = rest[open..].find(close).map_or("", |end| &rest[open + end + 2..]);
        // A placeholder, so that the text on both sides of a value does not look like a part of a path by itself.
        written.push('x');
    }
    written + rest
}

fn too_many(reader: &Reader<'_>, node: &Node, what: &str, number: usize) {
    if number > ENTRIES_MAX {
        let problem = Problem::error("too-large", node.pointer(), format!("there are more than {ENTRIES_MAX} {what}"));
        reader.sheet.report(problem.help("make two requests of it"));
    }
}

fn query(reader: &Reader<'_>, node: &Node) -> Option<Vec<(String, Filled)>> {
    let entries = reader.sheet.named(node, "`query`")?;
    too_many(reader, node, "parameters", entries.len());
    let read = |Entry { key, value }: &Entry| {
        if matches!(value.content, Content::List(_)) || is_mapping_without_cel(value) {
            let message = format!("a parameter is a single value, and this is {}", value.is_a());
            let problem = Problem::error("wrong-type", value.pointer(), message);
            reader
                .sheet
                .report(problem.help(format!("write `{}: \"{{{{ lead.email }}}}\"` or `{{ cel: … }}`", key.text)));
            return None;
        }
        Some((key.text.clone(), filled(reader, value, &mut 0)?))
    };
    let read: Vec<Option<(String, Filled)>> = entries.iter().map(read).collect();
    read.into_iter().collect()
}

fn is_mapping_without_cel(node: &Node) -> bool {
    matches!(node.content, Content::Map(_)) && node.get("cel").is_none()
}

fn headers(reader: &Reader<'_>, node: &Node) -> Option<Vec<(String, String)>> {
    let entries = reader.sheet.named(node, "`headers`")?;
    too_many(reader, node, "headers", entries.len());
    let read = |Entry { key, value }: &Entry| {
        let name = key.text.to_lowercase();
        let without = || reader.sheet.taken_out(key.span.start);
        let reserved = NOT_HERE.iter().find(|(reserved, _)| *reserved == name);
        let problem = if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            Problem::error("bad-name", key.span.clone(), format!("`{name}` cannot be the name of a header"))
                .help("write it as `X-Team`")
                .mend_by(header_like(&key.text).map(|meant| (key.span.clone(), meant)))
        } else if tells_secrets(&name) {
            let message = format!("`{}` says who we are, and that is the connection's to say", key.text);
            let help = format!(
                "remove it here, and write it under `headers` of the connection, with its secret: `{}: {{ env: … }}`",
                key.text
            );
            Problem::error("not-this-header", key.span.clone(), message).help(help)
        } else if let Some((_, why)) = reserved {
            Problem::error("not-this-header", key.span.clone(), format!("`{}` is not a step's to set: {why}", key.text))
                .help("remove it")
                .mend(without(), "")
        } else if name.starts_with("webhook-") || name.starts_with("proxy-") {
            Problem::error("not-this-header", key.span.clone(), format!("`{}` is not a step's to set", key.text))
                .help("remove it: the engine signs what it sends where the connection has a `secret`")
                .mend(without(), "")
        } else {
            return template(reader, value, "the value of a header").map(|value| (name, value));
        };
        reader.sheet.report(problem);
        None
    };
    let read: Vec<Option<(String, String)>> = entries.iter().map(read).collect();
    read.into_iter().collect()
}

fn body(reader: &Reader<'_>, node: &Node) -> Option<Filled> {
    let mut values = 0;
    let body = filled(reader, node, &mut values)?;
    if values > VALUES_MAX {
        let problem =
            Problem::error("too-large", node.pointer(), format!("the body has more than {VALUES_MAX} values"));
        reader.sheet.report(problem.help("send it in several requests"));
        return None;
    }
    Some(body)
}

/// A value of the body, with everything in it. Adds to the count of values.
fn filled(reader: &Reader<'_>, node: &Node, values: &mut usize) -> Option<Filled> {
    *values += 1;
    match &node.content {
        Content::Map(entries) if node.get("cel").is_some() => {
            if let Some(other) = entries.iter().find(|entry| entry.key.text != "cel") {
                let message = format!("a mapping with `cel` is one value, and `{}` stands beside it", other.key.text);
                let problem = Problem::error("unknown-key", other.key.span.clone(), message);
                reader.sheet.report(problem.help("write `name: { cel: … }` for each of them"));
                return None;
            }
            let form = Form::open(&reader.sheet, node, &COMPUTED)?;
            let made = expression(&reader.sheet, reader.known, form.get("cel")?, Place::Request, ValueType::Any);
            made.map(Filled::Cel)
        }
        Content::Map(entries) => {
            let members: Vec<Option<(String, Filled)>> = entries
                .iter()
                .map(|Entry { key, value }| {
                    let filled = filled(reader, value, values)?;
                    if !is_template(&key.text) {
                        return Some((key.text.clone(), filled));
                    }
                    let message = format!("`{}` would be taken as it stands: a name is not filled in", key.text);
                    let problem = Problem::error("taken-literally", key.span.clone(), message);
                    reader.sheet.report(problem.help("write the name out; what it stands for is filled in"));
                    None
                })
                .collect();
            members.into_iter().collect::<Option<_>>().map(Filled::Map)
        }
        Content::List(items) => {
            let items: Vec<Option<Filled>> = items.iter().map(|item| filled(reader, item, values)).collect();
            items.into_iter().collect::<Option<_>>().map(Filled::List)
        }
        Content::Scalar(_) => single(reader, node),
    }
}

fn single(reader: &Reader<'_>, node: &Node) -> Option<Filled> {
    const WHAT: &str = "a value of a request";
    let scalar = node.scalar()?;
    if scalar.is_null() && !scalar.text.is_empty() {
        return Some(Filled::Fixed(Value::Blank));
    }
    if is_template(&scalar.text) {
        return template(reader, node, WHAT).map(Filled::Text);
    }
    if !scalar.is_plain() {
        return Some(Filled::Fixed(Value::Text(scalar.text.clone())));
    }
    if let Some((object, field)) = scalar.text.split_once('.')
        && is_name(reader.known, object, field)
    {
        let name = &scalar.text;
        let message = format!("`{name}` would be taken as it stands: a value is worked out under `cel`");
        let instead = format!("{{ cel: {name} }}");
        let problem = Problem::error("taken-literally", node.span.clone(), message);
        reader.sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
        return None;
    }
    match reader.sheet.value(node, ValueType::Any, WHAT)? {
        Value::Text(_) => reader.sheet.text(node, WHAT).map(|text| Filled::Fixed(Value::Text(text))),
        value => Some(Filled::Fixed(value)),
    }
}

fn save(reader: &Reader<'_>, step: &Form<'_>, node: &Node) -> Option<Vec<Save>> {
    let entries = reader.sheet.named(node, "`save`")?;
    if entries.is_empty() {
        let problem = Problem::error("empty-list", node.span.clone(), "`save` keeps nothing");
        reader.sheet.report(
            problem.help("write `my_field: body.name`, or remove it").mend_by(step.without(&reader.sheet, "save")),
        );
    }
    too_many(reader, node, "fields", entries.len());
    let read: Vec<Option<Save>> = entries.iter().map(|entry| saved(reader, entry)).collect();
    read.into_iter().collect()
}

fn saved(reader: &Reader<'_>, Entry { key, value }: &Entry) -> Option<Save> {
    let (sheet, field) = (&reader.sheet, key.text.as_str());
    let is_kept = field_info(field).is_some_and(|info| !info.given);
    if is_kept || matches!(field, "stage" | "segment") || IDENTITY.contains(&field) {
        const OWN: &str = "save it in a field of your own, declared under `fields` in cadenza.yaml";
        let (what, help) = match field {
            "stage" | "segment" => (
                "what another system answers does not set it by itself",
                "save it in a field of your own, and let a `switch` lead to an `update`",
            ),
            "opted_out" => (
                "consent is the lead's to give and to take back",
                "have the other system send the event `lead.opted_out`, by a source",
            ),
            "owner" => ("an owner is chosen by `assign`", OWN),
            _ if is_kept => ("it is kept by the engine", OWN),
            _ => ("it says who the lead is, and an answer does not change that", OWN),
        };
        let problem = Problem::error("not-to-be-saved", key.span.clone(), format!("`{field}` cannot be saved: {what}"));
        sheet.report(problem.help(help));
        return None;
    }
    let kind = reader.given_field(field, &key.span, "`save` cannot set it")?;
    let text = sheet.text(value, "a part of the answer")?;
    let Some(from) = Part::parse(&text) else {
        let message = format!("`{text}` is no part of an answer");
        let problem = Problem::error("bad-path", value.span.clone(), message);
        let bare = text.trim_start_matches(['$', '.']);
        let bare = ["response.", "answer.", "data."].iter().find_map(|start| bare.strip_prefix(start)).unwrap_or(bare);
        let instead =
            if bare.starts_with("body") || bare == "status" { bare.to_owned() } else { format!("body.{bare}") };
        // Of several items, the first is taken.
        let instead = instead.replace("[*]", "[0]");
        let of_head = bare.starts_with("header");
        sheet.report(match Part::parse(&instead).filter(|_| !of_head) {
            None if of_head => problem.help("of an answer only `status` and parts of `body` can be saved"),
            // Within braces, a bracket would begin a list.
            Some(_) if instead.contains('[') => problem.label(format!("write `{instead}`")).replace(quoted(&instead)),
            Some(_) => problem.label(format!("write `{instead}`")).replace(instead),
            None => problem.help("write `status`, or `body.` and the names that lead to it: `\"body.deals[0].stage\"`"),
        });
        return None;
    };
    if from == Part::Status && !matches!(kind, ValueType::Int | ValueType::Number | ValueType::Text | ValueType::Any) {
        let message = format!("`status` is a number such as 200, and `{field}` is {}", crate::scalar::kind_words(kind));
        let problem = Problem::error("wrong-type", value.span.clone(), message);
        sheet.report(problem.help("save it in a field of type `int`"));
        return None;
    }
    Some(Save { field: field.to_owned(), from })
}

/// An example of the verb.
pub(super) const EXAMPLE: &str = "`http: { via: crm, path: \"/deals\", body: { … } }`";
