//! What authors and editors are told agrees with what is read: the schema accepts the good files, and the reference
//! names every key.

use crate::fixture::{folder_in, shipped};
use cadenza_language::{Document, Folder, schema};
use serde_json::Value;
use std::collections::BTreeSet;

/// Supports as much of JSON Schema as ours uses.
fn accepts(schema: &Value, value: &Value) -> bool {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    };
    let all = |key: &str| schema[key].as_array().cloned().unwrap_or_default();
    let count = |key: &str| all(key).iter().filter(|one| accepts(one, value)).count();
    (kinds.is_empty() || kinds.into_iter().any(is))
        && (schema["enum"].is_null() || all("enum").contains(value))
        && (schema["anyOf"].is_null() || count("anyOf") > 0)
        && (schema["oneOf"].is_null() || count("oneOf") == 1)
        && all("required").iter().all(|key| key.as_str().is_some_and(|key| value.get(key).is_some()))
        && value
            .as_array()
            .is_none_or(|items| schema["items"].is_null() || items.iter().all(|item| accepts(&schema["items"], item)))
        && value.as_object().is_none_or(|members| {
            members.iter().all(|(key, member)| match (&schema["properties"][key], &schema["additionalProperties"]) {
                (Value::Null, _) if schema["patternProperties"].is_object() => {
                    // Each of our patterns is the pattern of a name.
                    let named = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
                    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
                    key.chars().all(is_name) && named.is_some_and(|named| accepts(named, member))
                }
                (Value::Null, Value::Bool(open)) => *open,
                (Value::Null, Value::Null) => true,
                (Value::Null, others) => accepts(others, member),
                (property, _) => accepts(property, member),
            })
        })
}

fn document_of(file: &str) -> Document {
    match file {
        "cadenza.yaml" => Document::Workspace,
        "team.yaml" => Document::Team,
        "sources.yaml" => Document::Sources,
        "connections.yaml" => Document::Connections,
        _ => Document::Workflow,
    }
}

fn rejected(folder: &Folder) -> Vec<String> {
    let yaml = folder.files().filter(|(file, _)| file.ends_with(".yaml"));
    let read = yaml.map(|(file, text)| (file, serde_saphyr::from_str::<Value>(text).expect("it is YAML")));
    read.filter(|(file, value)| !accepts(&schema(document_of(file)), value)).map(|(file, _)| file.to_owned()).collect()
}

#[test]
fn the_schema_accepts_good_files_and_rejects_a_mistyped_key() {
    assert_eq!(rejected(&shipped()), Vec::<String>::new());
    assert_eq!(rejected(&folder_in("good")), Vec::<String>::new());
    assert_eq!(rejected(&folder_in("../../../workflows/examples/night-shift")), Vec::<String>::new());
    let wrong = serde_json::json!({ "workflow": "x", "summary": "y", "steps": [{ "id": "a", "wiat": "5m" }] });
    assert!(!accepts(&schema(Document::Workflow), &wrong));
}

fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        found.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| keys(member, found)),
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn the_reference_names_every_key() {
    let reference = include_str!("../../../../workflows/README.md");
    let mut found = BTreeSet::new();
    for (_, document) in Document::ALL {
        keys(&schema(document), &mut found);
    }
    assert!(found.len() > 60, "the schema has its keys");
    let word = |key: &str| reference.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == key);
    let missing: Vec<&String> = found.iter().filter(|key| !word(key)).collect();
    assert!(missing.is_empty(), "workflows/README.md does not name {missing:?}");
}

#[test]
fn the_reference_names_every_field_of_the_lead() {
    use cadenza_core::expr::{Function, OBJECT_FIELDS};
    use cadenza_core::field::{KEPT_FIELDS, STANDARD_FIELDS};
    let reference = include_str!("../../../../workflows/README.md");
    let others = OBJECT_FIELDS.iter().flat_map(|(_, fields)| fields.iter());
    let fields = STANDARD_FIELDS.iter().chain(KEPT_FIELDS).chain(others).map(|info| info.name);
    let names = fields.chain(Function::ALL.iter().map(|function| function.as_str()));
    let missing: Vec<&str> = names.filter(|name| !reference.contains(*name)).collect();
    assert!(missing.is_empty(), "workflows/README.md does not name {missing:?}");
}
