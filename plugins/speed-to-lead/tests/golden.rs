//! Checks the golden cases natively; `tests/tests/plugins.rs` checks the same cases in the sandbox.

#[test]
fn golden() {
    cadenza_sdk::golden::escalator::<speed_to_lead::SpeedToLead>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}
