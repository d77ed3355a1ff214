//! `cargo run --release -p cadenza-simulator -- --minutes N`, `-- --seed S [--steps N]`: plays seeds until one goes wrong, or
//! tells the story of one.

use anyhow::{Context as _, bail};
use std::time::{Duration, Instant};

#[expect(clippy::print_stdout, reason = "it is a command line")]
fn main() -> anyhow::Result<()> {
    let (mut minutes, mut only, mut steps) = (1, None, cadenza_simulator::STEPS);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} takes a number"))?;
        match argument.as_str() {
            "--minutes" => minutes = value.parse().context("--minutes takes a number")?,
            "--seed" => only = Some(value.parse().context("--seed takes a number")?),
            "--steps" => steps = value.parse().context("--steps takes a number")?,
            other => bail!("there is no `{other}`: --minutes N, --seed S, --steps N"),
        }
    }
    if let Some(seed) = only {
        let story = cadenza_simulator::play(seed, steps)?;
        story.lines.iter().for_each(|line| println!("{line}"));
        return told(seed, steps, &story.wrong);
    }
    let (begin, first) = (Instant::now(), u64::from(std::process::id()) << 32);
    let mut played = 0;
    while begin.elapsed() < Duration::from_secs(60 * minutes) {
        let seed = first + played;
        told(seed, steps, &cadenza_simulator::play(seed, steps)?.wrong)?;
        played += 1;
    }
    println!("{played} seeds of {steps} steps, from {first}: all held");
    Ok(())
}

fn told(seed: u64, steps: usize, wrong: &[String]) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\nshow it again: cargo run --release -p cadenza-simulator -- --seed {seed} --steps {steps}",
        wrong.join("\n")
    )
}
