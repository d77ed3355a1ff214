//! The input and the answer of a decision, as the author of an Extism plugin would declare them for both sides.

use serde::{Deserialize, Serialize};

/// Everything a decision depends on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lead {
    pub now_ms: i64,
    pub parameters: Parameters,
    pub fields: Fields,
    pub touches: Vec<Touch>,
    pub engagement: Vec<Engagement>,
    pub previous_score: Option<i32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Parameters {
    pub hot: i64,
    pub warm: i64,
    pub steady: i64,
    pub industries: Vec<String>,
    pub countries: Vec<String>,
    pub budget: f64,
    pub large: i64,
    pub free_mail: Vec<String>,
    pub buying_words: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Fields {
    pub email: Option<String>,
    pub title: Option<String>,
    pub seniority: Option<String>,
    pub employees: Option<i64>,
    pub industry: Option<String>,
    pub country: Option<String>,
    pub source: Option<String>,
    pub budget: Option<f64>,
    pub project_date_ms: Option<i64>,
    pub product: Option<String>,
    pub pain: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Touch {
    pub age_s: u32,
    pub channel: Channel,
    pub outcome: Outcome,
    pub result: Option<Known>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Call,
    Email,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Connected,
    NoAnswer,
    Voicemail,
}

/// The results that `inbound-fit` distinguishes, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    Qualified,
    Unqualified,
    Callback,
    NotNow,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Engagement {
    pub age_s: u32,
    pub kind: String,
    pub detail: String,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rating {
    pub points: i32,
    pub segment: Segment,
    pub reasons: Vec<Reason>,
    /// In seconds.
    pub rescore_after: Option<u32>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    Hot,
    Warm,
    Cold,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Reason {
    pub rule: u16,
    pub points: i32,
    pub value: String,
}
