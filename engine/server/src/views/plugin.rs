//! A plugin as the API shows it: what it says of itself.

use crate::json;
use cadenza_core::id::Digest;
use cadenza_core::plugin::{DecisionKind, PluginInfo};
use cadenza_core::value::ValueType;
use serde::Serialize;

/// A loaded plugin.
#[derive(Debug, Serialize)]
pub(crate) struct PluginView {
    name: String,
    version: String,
    summary: String,
    digest: Digest,
    kinds: Vec<DecisionKind>,
    parameters: Vec<ParameterView>,
    rules: Vec<RuleView>,
    tracks: Vec<String>,
    fuel_budget: u64,
}

#[derive(Debug, Serialize)]
struct ParameterView {
    name: String,
    #[serde(rename = "type")]
    kind: ValueType,
    summary: String,
    default: serde_json::Value,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

#[derive(Debug, Serialize)]
struct RuleView {
    id: u16,
    name: String,
    text: String,
}

impl PluginView {
    /// What a plugin says of itself.
    pub(crate) fn new(info: &PluginInfo) -> Self {
        let parameters = info.parameters.iter().map(|parameter| ParameterView {
            name: parameter.name.clone(),
            kind: parameter.kind,
            summary: parameter.summary.clone(),
            default: json::show(&parameter.default),
            minimum: parameter.minimum,
            maximum: parameter.maximum,
        });
        let rules =
            info.rules.iter().map(|rule| RuleView { id: rule.id, name: rule.name.clone(), text: rule.text.clone() });
        Self {
            name: info.name.clone(),
            version: info.version.clone(),
            summary: info.summary.clone(),
            digest: info.digest,
            kinds: info.kinds.clone(),
            parameters: parameters.collect(),
            rules: rules.collect(),
            tracks: info.tracks.clone(),
            fuel_budget: info.fuel_budget,
        }
    }
}
