//! The golden cases, run natively; `cadenza plugin test` runs the same cases in the sandbox.

#[test]
fn golden() {
    cadenza_sdk::golden::scorer::<{{crate}}::LeadScore>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}
