//! Checks the golden cases natively; `tests/tests/plugins.rs` checks the same cases in the sandbox.

#[test]
fn golden() {
    cadenza_sdk::golden::nurturer::<nurture_track::NurtureTrack>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}
