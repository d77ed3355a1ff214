//! The binary: composes the parts and nothing else.

mod address;
mod body;
mod brakes;
mod catalog;
mod causes;
mod cli;
mod clock;
mod connector;
mod counts;
mod cron;
mod damage;
mod data_folder;
mod decider;
mod demo;
mod driver;
mod engine;
#[cfg(test)]
mod fixture;
mod followed;
mod http;
mod intake;
mod json;
mod kit;
mod left_behind;
mod mapping;
mod meters;
mod plain;
mod plugins;
mod render;
mod secret;
mod signature;
mod start;
mod token;
mod views;

/// A quarter of the time of an event goes into allocating; this one takes half as long as the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
