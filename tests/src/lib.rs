//! End to end through the real binary: HTTP, crash, conformance, benches.
