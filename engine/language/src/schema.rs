//! JSON Schema 2020-12 of every file, made from the same tables by which the files are read.

use crate::shape::{Key, Shape, Takes};
use crate::workflow::{WORKFLOW, verb_shapes};
use crate::{cases, connections, settings, sources, team};
use serde_json::{Map, Value, json};

/// A file of the workspace that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    Workflow,
    Team,
    Sources,
    Connections,
    Workspace,
    Test,
}

impl Document {
    /// Every file, by the name that `cadenza schema` takes.
    pub const ALL: [(&'static str, Self); 6] = [
        ("workflow", Self::Workflow),
        ("team", Self::Team),
        ("sources", Self::Sources),
        ("connections", Self::Connections),
        ("workspace", Self::Workspace),
        ("test", Self::Test),
    ];
}

/// The JSON Schema of a file.
pub fn schema(document: Document) -> Value {
    let (name, shape) = match document {
        Document::Workflow => ("workflow", &WORKFLOW),
        Document::Team => ("team", &team::TEAM),
        Document::Sources => ("sources", &sources::SOURCES),
        Document::Connections => ("connections", &connections::CONNECTIONS),
        Document::Workspace => ("workspace", &settings::WORKSPACE),
        Document::Test => ("test", &cases::TEST),
    };
    let mut schema = form(shape);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(format!("Cadenza {name}"));
    schema
}

fn form(shape: &Shape) -> Value {
    let properties: Map<String, Value> = shape.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = shape.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": shape.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(key: &Key) -> Value {
    // A step has the table of one of the verbs, which the workflow's own table cannot express.
    let mut schema = match (key.name, &key.takes) {
        ("steps", Takes::List(_)) => {
            json!({ "type": "array", "items": { "oneOf": verb_shapes().map(form).collect::<Vec<_>>() } })
        }
        (_, takes) => value(takes),
    };
    schema["description"] = json!(key.about);
    schema
}

fn table(words: &[&str], item: &Takes) -> Map<String, Value> {
    words.iter().map(|word| ((*word).to_owned(), value(item))).collect()
}

/// A word that an editor cannot know, because another file declares it.
fn own_word(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "title": "A word of the team's own, declared in cadenza.yaml" })
}

fn value(takes: &Takes) -> Value {
    const NAME: &str = "^[a-z0-9][a-z0-9_-]{0,63}$";
    const DURATION: &str = "^[0-9]+ *(s|m|h|d|w|min|seconds?|minutes?|hours?|days?|weeks?|business (s|m|h|d|min|seconds?|minutes?|hours?|days?))$";
    match takes {
        Takes::Ref(what) => json!({ "type": "string", "title": format!("The name of a {what}") }),
        Takes::Text | Takes::Target | Takes::Zone | Takes::Event | Takes::Path => json!({ "type": "string" }),
        Takes::Condition => json!({ "type": ["string", "boolean"], "examples": ["lead.segment == \"hot\""] }),
        Takes::Name => json!({ "type": "string", "pattern": NAME }),
        Takes::Duration => {
            json!({ "type": "string", "pattern": DURATION, "examples": ["5m", "14d", "2 business days"] })
        }
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Whole(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Takes::Date => json!({ "type": "string", "format": "date" }),
        Takes::Time => json!({ "type": "string", "format": "date-time" }),
        Takes::Bytes => json!({ "type": "string", "pattern": "^[0-9]+ *[KM]iB$" }),
        Takes::Value => json!({ "type": ["string", "number", "boolean", "null", "array"] }),
        Takes::Json => json!({}),
        Takes::Words(words) => json!({ "enum": words() }),
        Takes::OwnOr(words) => json!({ "anyOf": [{ "enum": words() }, own_word(NAME)] }),
        Takes::Form(shape) => form(shape),
        Takes::List(item) => json!({ "type": "array", "items": value(item) }),
        Takes::Map(item) => json!({ "type": "object", "additionalProperties": value(item) }),
        Takes::Table(words, item) => {
            json!({ "type": "object", "properties": table(&words(), item), "additionalProperties": false })
        }
        Takes::OwnTable(words, item) => {
            let mut schema = json!({ "type": "object", "properties": table(&words(), item) });
            schema["patternProperties"] = json!({ NAME: value(item) });
            schema["additionalProperties"] = json!(false);
            schema
        }
        Takes::Either(several) => json!({ "anyOf": several.iter().map(value).collect::<Vec<_>>() }),
    }
}
