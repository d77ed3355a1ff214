//! The golden cases, natively; `cadenza plugin test` puts the same through the sandbox.

#[test]
fn golden() {
    cadenza_sdk::golden::scorer::<{{crate}}::LeadScore>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}
