//! Removes from values what identifies people. The same value is always masked in the same way, so that one address
//! stays one address. What may be anything that a person wrote is left out.

use cadenza_core::country::Country;
use cadenza_core::date::Date;
use cadenza_core::zone::whereabouts::Whereabouts;
use cadenza_core::{identity, time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const FIRST_NAMES: [&str; 8] = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gina", "Hugo"];
const LAST_NAMES: [&str; 8] = ["Adler", "Brook", "Castle", "Dale", "Ellis", "Field", "Grove", "Hill"];
/// What stands behind an area code in numbers reserved for fiction: nobody has them.
const FICTION: &str = "555";
/// The area code of numbers that say nothing of where somebody is.
const NOWHERE: &str = "+1800";

/// Fields with what a lead wrote, or with its exact place.
const DROPPED: [&str; 4] = ["message", "pain", "city", "campaign"];
/// Fields that say what kind of lead it is, but not which lead.
const KEPT: [&str; 10] =
    ["title", "seniority", "industry", "employees", "country", "region", "timezone", "language", "source", "product"];
/// Other fields on which decisions depend, and which are not texts.
const FIGURES: [&str; 3] = ["budget", "deal_size", "project_date"];
/// The longest text that can count as a code.
const CODE_CHARS_MAX: usize = 40;
/// The most digits of a text that is a figure, and not the number of anybody.
const FIGURE_DIGITS_MAX: usize = 6;
/// Names shorter than this are found in too many words.
const TELLING_CHARS_MIN: usize = 3;
/// Likewise of the parts of a telephone number.
const TELLING_DIGITS_MIN: usize = 4;

/// The kind of what is made up for a word that may be an id: case counts in it.
const WORD: &str = "word";

/// The replacements that were made up for values.
#[derive(Debug, Default)]
pub(super) struct Mask {
    made_up: BTreeMap<(&'static str, String), String>,
    /// Words that identify the lead, in lower case.
    telling: BTreeSet<String>,
    /// Words that the workspace declares as choices.
    choices: BTreeSet<String>,
    /// The country of the lead's number, where it does not say one itself.
    country: Option<Country>,
    left_out: BTreeSet<String>,
    /// Fields that were said to be left out, with their values: they are not news a second time.
    said: BTreeSet<(String, String)>,
}

/// The area code of a number of North America, with its country code; a free one for any other number.
fn area_of(number: &str) -> String {
    let area = number.strip_prefix("+1").and_then(|rest| rest.get(..3));
    let area = area.filter(|area| area.bytes().all(|digit| digit.is_ascii_digit()));
    area.map_or_else(|| NOWHERE.to_owned(), |area| format!("+1{area}"))
}

impl Mask {
    /// One that lets these words pass, unless they tell who it is.
    pub(super) fn of_choices(choices: &BTreeSet<String>) -> Self {
        Self { choices: choices.clone(), ..Self::default() }
    }

    /// Learns who it is about.
    pub(super) fn learn(&mut self, fields: &BTreeMap<String, Value>) {
        for name in ["first_name", "last_name", "company", "email", "phone", "domain", "external_id"] {
            let Some(text) = fields.get(name).and_then(Value::as_str) else { continue };
            let words = text.split(|c: char| !c.is_alphanumeric()).chain([text]);
            // The first digits of a number are those of many others.
            let chars_min = if name == "phone" { TELLING_DIGITS_MIN } else { TELLING_CHARS_MIN };
            let telling = words.filter(|word| word.chars().count() >= chars_min && *word != "com");
            self.telling.extend(telling.map(str::to_lowercase));
        }
        let country = fields.get("country").and_then(Value::as_str).and_then(Country::parse);
        self.country = self.country.or(country);
    }

    /// Names of what was left out since this was asked last.
    pub(super) fn take_left_out(&mut self) -> Vec<String> {
        std::mem::take(&mut self.left_out).into_iter().collect()
    }

    /// The fields of a lead without what identifies it.
    pub(super) fn fields(&mut self, fields: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let mut masked = BTreeMap::new();
        for (name, value) in fields {
            match self.field(name, value) {
                Some(value) => drop(masked.insert(name.clone(), value)),
                None if self.said.insert((name.clone(), value.to_string())) => drop(self.left_out.insert(name.clone())),
                None => {}
            }
        }
        // The zone of a number decides when it may be called, and a number from abroad is made up without one.
        let given = |name: &str| fields.get(name).and_then(Value::as_str);
        let number = given("phone").and_then(|text| identity::phone(text, self.country));
        if let Some(number) = number.filter(|_| given("timezone").or(given("country")).is_none())
            && area_of(&number) == NOWHERE
            && let Some((zone, _)) = Whereabouts::of(Some(&number), None, None).likeliest()
        {
            masked.insert("timezone".to_owned(), zone.name().into());
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
                _ => self.unless_telling(name, value),
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
            "phone" => {
                let number = identity::phone(text, self.country).unwrap_or_else(|| text.to_owned());
                let area = area_of(&number);
                self.make_up("phone", &number, |number| format!("{area}{FICTION}{:04}", 100 + number % 100))
            }
            "external_id" => self.make_up("id", text, |number| format!("x{}", number + 1)),
            "domain" => self.domain(text),
            "email" => {
                let address = identity::email(text).unwrap_or_else(|| text.to_owned());
                let (_, domain) = address.rsplit_once('@').unwrap_or((&address, &address));
                let domain = self.domain(domain);
                self.make_up("email", &address, move |number| format!("person{}@{domain}", number + 1))
            }
            _ if DROPPED.contains(&name) => return None,
            _ if FIGURES.contains(&name) => return Some(value.clone()),
            _ if KEPT.contains(&name) => return Some(value.clone()).filter(|_| !self.tells(text)),
            // A field of the workspace's own, which may hold anything.
            _ => return self.unless_telling(name, value),
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

    /// A figure, or a text that looks like a code; another word in the place of one that may be an id; none of what a
    /// person may have written.
    fn unless_telling(&mut self, name: &str, value: &Value) -> Option<Value> {
        match value {
            Value::Bool(_) | Value::Number(_) | Value::Null => Some(value.clone()),
            Value::String(text) => {
                let (tells, is_choice) = (self.tells(text), self.choices.contains(text));
                if is_date(text) || !tells && (is_choice || is_code(text)) {
                    return Some(value.clone());
                }
                // In the place of a choice only another choice would be taken.
                let is_word = !is_choice && !text.is_empty() && !text.contains(char::is_whitespace);
                is_word.then(|| self.word(name, text).into())
            }
            Value::Array(items) => {
                let kept: Option<Vec<Value>> = items.iter().map(|item| self.unless_telling(name, item)).collect();
                kept.map(Value::Array)
            }
            Value::Object(_) => None,
        }
    }

    /// What stands for a word: the same wherever it comes up, since an id may come up as a field and in `data`.
    fn word(&mut self, name: &str, text: &str) -> String {
        let lower = text.to_lowercase();
        let is_it =
            |(kind, original): &(&str, String)| if *kind == WORD { original == text } else { *original == lower };
        if let Some((_, made)) = self.made_up.iter().find(|(key, _)| is_it(key)) {
            return made.clone();
        }
        let before = format!("{name}-");
        let number = self.made_up.values().filter(|made| made.starts_with(&before)).count() + 1;
        let made = format!("{before}{number}");
        self.made_up.insert((WORD, text.to_owned()), made.clone());
        made
    }

    fn tells(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.telling.iter().any(|word| text.contains(word))
    }
}

/// Whether a text is a date or a time, which says nobody's name.
fn is_date(text: &str) -> bool {
    time::Timestamp::parse(text).is_some() || Date::parse(text).is_some()
}

/// Whether a text looks like a code, and not like something that a person wrote, nor like the number of anything.
fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.' | '/' | ':');
    let is_figure =
        text.len() <= FIGURE_DIGITS_MAX && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_figure || (text.chars().count() <= CODE_CHARS_MAX && text.chars().all(plain))
}
