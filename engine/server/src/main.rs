//! The binary: composes the parts and nothing else.

mod catalog;
mod clock;
mod engine;
mod meters;

fn main() {}
