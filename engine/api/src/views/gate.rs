//! What the contact gate would say of a touch now.

use super::words;
use cadenza_core::gate::{self, Reason, Verdict};
use cadenza_core::lead::Channel;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;

/// The channels that the gate is asked about.
pub(crate) const GATED: [Channel; 3] = [Channel::Call, Channel::Email, Channel::Message];

#[derive(Debug, Serialize)]
pub(crate) struct GateView {
    /// The moment for which this holds.
    at: Timestamp,
    /// The zone in which the lead's hours and days are counted.
    timezone: Option<String>,
    items: Vec<ChannelView>,
}

#[derive(Debug, Serialize)]
struct ChannelView {
    channel: Channel,
    /// `go`, `not_before`, `held` (until somebody releases it) or `never`.
    says: &'static str,
    /// When the gate opens; null where that is not known, and where it is open.
    opens_at: Option<Timestamp>,
    /// The reason against a touch, as a code; null where there is none.
    why: Option<Reason>,
    /// The reason in words.
    words: Option<&'static str>,
}

impl GateView {
    pub(crate) fn new(state: &LeadState, channels: &[Channel], catalog: &Catalog, now: Timestamp) -> Self {
        let settings = &catalog.live.settings;
        let zone = gate::zone_of(&state.lead, settings);
        let view = |channel: &Channel| {
            let verdict = match gate::has_address(&state.lead, *channel) {
                true => gate::check(state, *channel, settings, now),
                false => Verdict::Never(Reason::NoAddress),
            };
            let (says, opens_at) = match verdict {
                Verdict::Go => ("go", None),
                Verdict::NotBefore { at, .. } => ("not_before", Some(at)),
                Verdict::Held(_) => ("held", None),
                Verdict::Never(_) => ("never", None),
            };
            let why = verdict.why();
            ChannelView { channel: *channel, says, opens_at, why, words: why.map(words::gate_words) }
        };
        Self { at: now, timezone: zone.iana_name().map(str::to_owned), items: channels.iter().map(view).collect() }
    }
}
