//! The golden cases, natively; `tests/tests/plugins.rs` puts the same through the sandbox.

#[test]
fn golden() {
    cadenza_sdk::golden::nurturer::<nurture_track::NurtureTrack>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}
