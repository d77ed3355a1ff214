//! What a plugin in Rust is written with.
