//! The contents of an `http:` step: the request to another system, and what is kept of the answer.

use super::MailResults;
use crate::codes::codes;
use crate::expr::Expr;
use crate::value::Value;
use serde::{Deserialize, Serialize};

codes! {
    /// The method of a request.
    pub enum Method {
        0 Get = "GET",
        1 Post = "POST",
        2 Put = "PUT",
        3 Patch = "PATCH",
        4 Delete = "DELETE",
    }
}

impl Method {
    /// Whether a request with this method may carry a body.
    pub const fn takes_body(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// An `http:` step: a request to another system. The run waits for the answer. It is not a touch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// The connection. It alone determines the host.
    pub via: String,
    pub method: Method,
    /// A template that begins with `/`. Values that are filled in are percent-encoded.
    pub path: String,
    /// Query parameters, in the order of the file. Blank ones are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, Filled)>,
    /// Headers besides those of the connection; their values are templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, sent as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Filled>,
    /// What is kept of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub save: Vec<Save>,
    /// Where the run goes, depending on the outcome of the request. Without this, it goes to the next step in every case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<MailResults>,
}

impl Http {
    /// Every expression under `cel`.
    pub fn expressions(&self) -> Vec<&Expr> {
        let mut found = Vec::new();
        self.query.iter().map(|(_, value)| value).chain(&self.body).for_each(|part| part.expressions(&mut found));
        found
    }

    /// Every template except the path.
    pub fn templates(&self) -> Vec<&str> {
        let mut found: Vec<&str> = self.headers.iter().map(|(_, value)| value.as_str()).collect();
        self.query.iter().map(|(_, value)| value).chain(&self.body).for_each(|part| part.templates(&mut found));
        found
    }
}

/// A part of a request that is filled in when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filled {
    /// The value as it stands in the file.
    Fixed(Value),
    /// A template that yields a text.
    Text(String),
    /// An expression. Its value keeps its type.
    Cel(Expr),
    List(Vec<Self>),
    /// Members in the order of the file.
    Map(Vec<(String, Self)>),
}

impl Filled {
    fn expressions<'f>(&'f self, found: &mut Vec<&'f Expr>) {
        match self {
            Self::Cel(expr) => found.push(expr),
            Self::List(items) => items.iter().for_each(|item| item.expressions(found)),
            Self::Map(members) => members.iter().for_each(|(_, member)| member.expressions(found)),
            Self::Fixed(_) | Self::Text(_) => {}
        }
    }

    fn templates<'f>(&'f self, found: &mut Vec<&'f str>) {
        match self {
            Self::Text(template) => found.push(template),
            Self::List(items) => items.iter().for_each(|item| item.templates(found)),
            Self::Map(members) => members.iter().for_each(|(_, member)| member.templates(found)),
            Self::Fixed(_) | Self::Cel(_) => {}
        }
    }
}

/// A field of the lead that is set from an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Save {
    pub field: String,
    pub from: Part,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The HTTP status, such as 200.
    Status,
    /// The value that this path of names and indexes leads to from the body's root; the whole body when the path is
    /// empty. A number is an index into a list, from 0.
    Body(Vec<String>),
}

impl Part {
    /// Reads `status`, `body`, `body.a.b` and `body.a[0].b`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "status" {
            return Some(Self::Status);
        }
        let rest = text.strip_prefix("body")?;
        let mut steps = Vec::new();
        let mut rest = rest;
        while !rest.is_empty() {
            let (step, after) = if let Some(named) = rest.strip_prefix('.') {
                named.split_at(named.find(['.', '[']).unwrap_or(named.len()))
            } else {
                let (place, after) = rest.strip_prefix('[')?.split_once(']')?;
                (Some(place).filter(|place| place.bytes().all(|byte| byte.is_ascii_digit()))?, after)
            };
            if step.is_empty() || step.contains([']', ' ']) {
                return None;
            }
            steps.push(step.to_owned());
            rest = after;
        }
        Some(Self::Body(steps))
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Body(steps) => {
                f.write_str("body")?;
                steps.iter().try_for_each(|step| write!(f, ".{step}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_answer_is_read_in_both_spellings_of_a_place() {
        let body = |steps: &[&str]| Some(Part::Body(steps.iter().map(|step| (*step).to_owned()).collect()));
        for (text, part) in [
            ("status", Some(Part::Status)),
            ("body", body(&[])),
            ("body.stage", body(&["stage"])),
            ("body.deals[0].stage", body(&["deals", "0", "stage"])),
            ("body.deals.0.stage", body(&["deals", "0", "stage"])),
            ("body[2][1]", body(&["2", "1"])),
            ("body.first-name", body(&["first-name"])),
            ("stage", None),
            ("body.", None),
            ("body..a", None),
            ("body[x]", None),
            ("body[]", None),
            ("body[0", None),
            ("bodystage", None),
            ("body.a b", None),
            ("status.x", None),
            ("", None),
        ] {
            assert_eq!(Part::parse(text), part, "{text}");
        }
        assert_eq!(
            Part::parse("body.deals[0].stage").map(|part| part.to_string()).as_deref(),
            Some("body.deals.0.stage")
        );
    }
}
