//! Removes from values what identifies people. The same value is always masked in the same way, so that one address
//! stays one address. What may be anything that a person wrote is left out.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const FIRST_NAMES: [&str; 8] = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gina", "Hugo"];
const LAST_NAMES: [&str; 8] = ["Adler", "Brook", "Castle", "Dale", "Ellis", "Field", "Grove", "Hill"];
/// Numbers reserved for fiction: nobody has them.
const PHONE: &str = "+1212555";

/// Fields with what a lead wrote, or with its exact place.
const DROPPED: [&str; 4] = ["message", "pain", "city", "campaign"];
/// Fields that say what kind of lead it is, but not which lead.
const KEPT: [&str; 10] =
    ["title", "seniority", "industry", "employees", "country", "region", "timezone", "language", "source", "product"];
/// Other fields on which decisions depend, and which are not texts.
const FIGURES: [&str; 3] = ["budget", "deal_size", "project_date"];
/// The longest text that can count as a code.
const CODE_CHARS_MAX: usize = 40;
/// Names shorter than this occur in too many words.
const TELLING_CHARS_MIN: usize = 3;

/// The replacements that were made up for values.
#[derive(Debug, Default)]
pub(super) struct Mask {
    made_up: BTreeMap<(&'static str, String), String>,
    /// Words that identify the lead, in lower case.
    telling: BTreeSet<String>,
    left_out: BTreeSet<String>,
}

impl Mask {
    /// Learns whom it is about.
    pub(super) fn learn(&mut self, fields: &BTreeMap<String, Value>) {
        for name in ["first_name", "last_name", "company", "email", "phone", "domain", "external_id"] {
            let Some(text) = fields.get(name).and_then(Value::as_str) else { continue };
            let words = text.split(|c: char| !c.is_alphanumeric()).chain([text]);
            let telling = words.filter(|word| word.chars().count() >= TELLING_CHARS_MIN && *word != "com");
            self.telling.extend(telling.map(str::to_lowercase));
        }
    }

    /// The names of what was left out.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.left_out.iter().cloned().collect()
    }

    /// The fields of a lead without what identifies it.
    pub(super) fn fields(&mut self, fields: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let mut masked = BTreeMap::new();
        for (name, value) in fields {
            match self.field(name, value) {
                Some(value) => drop(masked.insert(name.clone(), value)),
                None => drop(self.left_out.insert(name.clone())),
            }
        }
        masked
    }

    /// The masked fields of another lead of the account, made from these.
    pub(super) fn colleague(&mut self, id: &str, of: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let text = |name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        let email = text("email");
        let domain = text("domain").or_else(|| email.as_deref()?.rsplit_once('@').map(|(_, domain)| domain.to_owned()));
        let mut fields: BTreeMap<String, Value> =
            ["company", "domain"].iter().filter_map(|name| Some(((*name).to_owned(), text(name)?.into()))).collect();
        // If only the company's name determines the account, an address would lead to another account.
        match domain {
            Some(domain) => {
                let email = self.make_up("email", id, |number| format!("person{}@{domain}", number + 1));
                fields.insert("email".to_owned(), email.into());
            }
            None => {
                let own = self.make_up("id", id, |number| format!("x{}", number + 1));
                fields.insert("external_id".to_owned(), own.into());
            }
        }
        fields
    }

    /// The rest of an event.
    pub(super) fn data(&mut self, data: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let mut kept = BTreeMap::new();
        for (name, value) in data {
            let masked = match (name.as_str(), value) {
                // A run may exist for each deal, and `deal` is found by this id.
                ("deal", Value::String(id)) => {
                    Some(self.make_up("deal", id, |number| format!("deal-{}", number + 1)).into())
                }
                _ => self.unless_telling(value),
            };
            match masked {
                Some(value) => drop(kept.insert(name.clone(), value)),
                None => drop(self.left_out.insert(format!("data.{name}"))),
            }
        }
        kept
    }

    fn field(&mut self, name: &str, value: &Value) -> Option<Value> {
        if value.is_null() {
            return Some(Value::Null);
        }
        let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
        let text = text.as_str();
        let made_up = match name {
            "first_name" => self.make_up("first", text, |number| FIRST_NAMES[number % FIRST_NAMES.len()].to_owned()),
            "last_name" => self.make_up("last", text, |number| LAST_NAMES[number % LAST_NAMES.len()].to_owned()),
            "company" => self.make_up("company", text, |number| format!("Company {}", number + 1)),
            "phone" => self.make_up("phone", text, |number| format!("{PHONE}{:04}", 100 + number % 100)),
            "external_id" => self.make_up("id", text, |number| format!("x{}", number + 1)),
            "domain" => self.domain(text),
            "email" => {
                let (_, domain) = text.rsplit_once('@').unwrap_or((text, text));
                let domain = self.domain(domain);
                self.make_up("email", text, move |number| format!("person{}@{domain}", number + 1))
            }
            _ if DROPPED.contains(&name) => return None,
            _ if FIGURES.contains(&name) => return Some(value.clone()),
            _ if KEPT.contains(&name) => return Some(value.clone()).filter(|_| !self.tells(text)),
            // One of the workspace's own fields, which may hold anything.
            _ => return self.unless_telling(value),
        };
        Some(Value::String(made_up))
    }

    /// The domain of a company. A mail provider's domain is masked like a company's.
    fn domain(&mut self, domain: &str) -> String {
        self.make_up("domain", domain, |number| format!("company{}.example", number + 1))
    }

    fn make_up(&mut self, kind: &'static str, original: &str, make: impl FnOnce(usize) -> String) -> String {
        let key = (kind, original.to_lowercase());
        if let Some(known) = self.made_up.get(&key) {
            return known.clone();
        }
        let number = self.made_up.keys().filter(|(other, _)| *other == kind).count();
        let made = make(number);
        self.made_up.insert(key, made.clone());
        made
    }

    /// A figure, or a text that looks like a code; `None` for what a person may have written or what identifies the lead.
    fn unless_telling(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Bool(_) | Value::Number(_) | Value::Null => Some(value.clone()),
            Value::String(text) => is_code(text).then(|| value.clone()).filter(|_| !self.tells(text)),
            Value::Array(items) => {
                let kept: Option<Vec<Value>> = items.iter().map(|item| self.unless_telling(item)).collect();
                kept.map(Value::Array)
            }
            Value::Object(_) => None,
        }
    }

    fn tells(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.telling.iter().any(|word| text.contains(word))
    }
}

/// Whether a text looks like a code, and neither like something that a person wrote nor like a number.
fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.' | '/' | ':');
    let is_time = cadenza_core::time::Timestamp::parse(text).is_some();
    is_time || (text.chars().count() <= CODE_CHARS_MAX && text.chars().all(plain))
}
