//! The binary: driver, scheduler, outbox, connectors, HTTP, command line.
fn main() {}
