//! The host's side of the guest: compiled once, then asked repeatedly in one instance, or in a fresh one each time.

use crate::flat::{read_flat, write_flat};
use cadenza_core::plugin::{Decision, DecisionInput, Reason, Segment, TouchSeen};
use cadenza_core::value::Value;
use cadenza_sdk_build::{Guests, ensure_target};
use extism::convert::Json;
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use peer_lead::{Channel, Engagement, Fields, Known, Lead, Outcome, Parameters, Rating, Touch};
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

const PACKAGE: &str = "peer-guest";
const PAGE_BYTES: u64 = 64 * 1024;
/// How much of a slot's memory stays resident for the next instance.
const RESIDENT_BYTES: usize = 64 * 1024;
const RESIDENT_TABLE_BYTES: usize = 4 * 1024;

/// What one call may use.
pub struct Limits {
    pub fuel: u64,
    /// For the guest, and for what Extism keeps beside it.
    pub memory_bytes: u64,
    pub wall: Duration,
}

/// Compiles the guest like our own, and returns where its module lies.
pub fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target_dir = folder.join("../target/guests");
    let guests = Guests { folder, packages: &[PACKAGE], target_dir: Some(&target_dir) };
    let modules = ensure_target(folder).and_then(|()| guests.compile()).unwrap_or_else(|error| panic!("{error}"));
    modules.into_iter().find(|module| module.package == PACKAGE).expect("cargo compiled this package").file
}

/// The guest, ready for instances.
pub struct Guest(CompiledPlugin);

impl Guest {
    /// With Extism's defaults.
    pub fn unlimited(file: &Path) -> Self {
        Self::compile(PluginBuilder::new(manifest(file)))
    }

    /// With every limit that Extism has.
    pub fn limited(file: &Path, limits: &Limits) -> Self {
        Self::compile(Self::builder(file, limits))
    }

    /// The same, with the allocator that our sandbox uses: slots that are kept for the next instance.
    pub fn pooled(file: &Path, limits: &Limits) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(RESIDENT_BYTES).table_keep_resident(RESIDENT_TABLE_BYTES);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Self::compile(Self::builder(file, limits).with_wasmtime_config(config))
    }

    fn builder(file: &Path, limits: &Limits) -> PluginBuilder<'static> {
        let pages = u32::try_from(limits.memory_bytes / PAGE_BYTES).expect("a 32-bit memory");
        let manifest = manifest(file).with_memory_max(pages).with_timeout(limits.wall);
        PluginBuilder::new(manifest).with_fuel_limit(limits.fuel)
    }

    fn compile(builder: PluginBuilder<'_>) -> Self {
        Self(builder.with_cache_disabled().compile().expect("Extism takes the guest"))
    }

    /// One instance for all leads, asked in JSON.
    pub fn reused_json<'a>(&self, leads: &'a [Lead]) -> impl FnMut(usize) -> Decision + use<'a> {
        let mut instance = self.instance();
        move |lead| ask(&mut instance, &leads[lead])
    }

    /// One instance for all leads, asked with a buffer of bytes.
    pub fn reused_bytes<'a>(&self, inputs: &'a [DecisionInput]) -> impl FnMut(usize) -> Decision + use<'a> {
        let (mut instance, mut buffer) = (self.instance(), Vec::new());
        move |lead| ask_bytes(&mut instance, &inputs[lead], &mut buffer)
    }

    /// An instance for each lead, asked in JSON.
    pub fn fresh_json<'a>(&'a self, leads: &'a [Lead]) -> impl FnMut(usize) -> Decision + 'a {
        |lead| ask(&mut self.instance(), &leads[lead])
    }

    /// An instance for each lead, asked with a buffer of bytes.
    pub fn fresh_bytes<'a>(&'a self, inputs: &'a [DecisionInput]) -> impl FnMut(usize) -> Decision + 'a {
        let mut buffer = Vec::new();
        move |lead| ask_bytes(&mut self.instance(), &inputs[lead], &mut buffer)
    }

    fn instance(&self) -> Plugin {
        Plugin::new_from_compiled(&self.0).expect("there is room")
    }
}

fn ask(instance: &mut Plugin, lead: &Lead) -> Decision {
    let Json(rating) = instance.call("score", Json(lead)).expect("a rating");
    decision(rating)
}

fn ask_bytes(instance: &mut Plugin, input: &DecisionInput, buffer: &mut Vec<u8>) -> Decision {
    buffer.clear();
    write_flat(input, buffer);
    read_flat(instance.call("score_bytes", buffer.as_slice()).expect("a rating"))
}

/// Names the guest by its file, because a module inside a manifest would be copied for every instance.
fn manifest(file: &Path) -> Manifest {
    Manifest::new([Wasm::file(file)])
}

/// The lead as a host of Extism plugins would have it. Parameters and fields come in the order of `inbound-fit`.
pub fn lead(input: &DecisionInput) -> Lead {
    let mut given = input.parameters.iter();
    let mut parameter = || given.next().expect("every parameter is given");
    let parameters = Parameters {
        hot: int(parameter()).expect("a number"),
        warm: int(parameter()).expect("a number"),
        steady: int(parameter()).expect("a number"),
        industries: texts(parameter()),
        countries: texts(parameter()),
        budget: number(parameter()).expect("a number"),
        large: int(parameter()).expect("a number"),
        free_mail: texts(parameter()),
        buying_words: texts(parameter()),
    };
    let mut given = input.fields.iter();
    let mut field = || given.next().expect("every field is given, if blank");
    let fields = Fields {
        email: text(field()),
        title: text(field()),
        seniority: text(field()),
        employees: int(field()),
        industry: text(field()),
        country: text(field()),
        source: text(field()),
        budget: number(field()),
        project_date_ms: int(field()),
        product: text(field()),
        pain: text(field()),
        message: text(field()),
    };
    let engagement = input.engagement.iter().map(|seen| Engagement {
        age_s: seen.age_s,
        kind: seen.kind.clone(),
        detail: seen.detail.clone(),
    });
    Lead {
        now_ms: input.now.as_ms(),
        parameters,
        fields,
        touches: input.touches.iter().map(touch).collect(),
        engagement: engagement.collect(),
        previous_score: input.previous_score,
    }
}

fn touch(seen: &TouchSeen) -> Touch {
    use cadenza_core::lead;
    Touch {
        age_s: seen.age_s,
        channel: match seen.channel {
            lead::Channel::Call => Channel::Call,
            lead::Channel::Email => Channel::Email,
            other => unreachable!("no lead here was reached by {other:?}"),
        },
        outcome: match seen.outcome {
            lead::Outcome::Connected => Outcome::Connected,
            lead::Outcome::NoAnswer => Outcome::NoAnswer,
            lead::Outcome::Voicemail => Outcome::Voicemail,
            other => unreachable!("no touch here ended with {other:?}"),
        },
        result: seen.result.map(|result| match result {
            lead::TouchResult::Callback => Known::Callback,
            other => unreachable!("no lead here said {other:?}"),
        }),
    }
}

fn text(value: &Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text.clone()) } else { None }
}

fn texts(value: &Value) -> Vec<String> {
    if let Value::List(values) = value { values.iter().filter_map(text).collect() } else { Vec::new() }
}

/// A whole number, or a time in milliseconds.
fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        Value::Time(at) => Some(at.as_ms()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    if let Value::Number(number) = value { Some(*number) } else { None }
}

/// The answer in our terms.
fn decision(rating: Rating) -> Decision {
    let reasons = rating.reasons.into_iter();
    Decision::Score {
        points: rating.points,
        segment: Segment::ALL[rating.segment as usize],
        reasons: reasons
            .map(|reason| Reason { rule: reason.rule, points: reason.points, value: reason.value })
            .collect(),
        rescore_after_s: rating.rescore_after,
    }
}
