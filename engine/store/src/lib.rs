//! The store contract, its conformance suite, sled and in-memory.
