//! The golden cases, natively; `cadenza plugin test` puts the same through the sandbox.

#[test]
fn golden() {
    cadenza_sdk::golden::escalator::<{{crate}}::FirstCall>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}
