//! The wasmtime host: loads, limits and asks plugins.
