//! `cargo run --release -p cadenza-simulator -- --minutes N`, `-- --seed S`, `-- --trace FILE`: plays seeds until one goes wrong,
//! or tells the story of one. See README.md.

use anyhow::{Context as _, bail};
use cadenza_simulator::faults::Tally;
use cadenza_simulator::mutants::Mutant;
use cadenza_simulator::{STEPS, Story, Trace, play, shrink};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const USAGE: &str = "--minutes N, --seeds N, --seed S, --trace FILE; besides --from S, --steps N, --threads N, --failures N, --keep FILE, --mutant NAME";
/// Every fault takes place within this many seeds.
const EVERY_FAULT_WITHIN: u64 = 10_000;
/// How often a trace is played at most while it is shortened.
const PLAYS_MAX: usize = 600;

struct Options {
    minutes: u64,
    seeds: Option<u64>,
    seed: Option<u64>,
    from: u64,
    steps: usize,
    threads: usize,
    /// How many seeds may go wrong before the run stops.
    failures: u64,
    trace: Option<PathBuf>,
    keep: Option<PathBuf>,
    /// A bug on purpose.
    mutant: Option<Mutant>,
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        minutes: 1,
        seeds: None,
        seed: None,
        from: u64::from(std::process::id()) << 32,
        steps: STEPS,
        threads: 1,
        failures: 1,
        trace: None,
        keep: None,
        mutant: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} takes a value: {USAGE}"))?;
        let number = || value.parse::<u64>().with_context(|| format!("{argument} takes a number"));
        match argument.as_str() {
            "--minutes" => options.minutes = number()?,
            "--seeds" => options.seeds = Some(number()?),
            "--seed" => options.seed = Some(number()?),
            "--from" => options.from = number()?,
            "--steps" => options.steps = number()? as usize,
            "--threads" => options.threads = number()? as usize,
            "--failures" => options.failures = number()?,
            "--trace" => options.trace = Some(value.into()),
            "--mutant" => {
                options.mutant = Some(Mutant::parse(&value).with_context(|| format!("there is no mutant `{value}`"))?);
            }
            "--keep" => options.keep = Some(value.into()),
            other => bail!("there is no `{other}`: {USAGE}"),
        }
    }
    Ok(options)
}

#[expect(clippy::print_stdout, reason = "it is a command line")]
fn main() -> anyhow::Result<()> {
    let options = options()?;
    if let Some(file) = &options.trace {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        return tell(play(&Trace::parse(&text)?, None, true)?);
    }
    if let Some(seed) = options.seed {
        let trace = Trace::draw(seed, options.steps);
        let story = play(&trace, options.mutant, true)?;
        if let (Some(file), false) = (&options.keep, story.wrong.is_empty()) {
            let (shorter, story) = shrink::shorten(&trace, PLAYS_MAX)?;
            std::fs::write(file, format!("# seed {seed}: {}\n{}", story.wrong.join("\n# "), shorter.text()?))?;
            println!("{} steps are left of {}: {}", shorter.steps.len(), trace.steps.len(), file.display());
            return tell(play(&shorter, None, true)?);
        }
        return tell(story);
    }
    let (begin, played, failed) = (Instant::now(), AtomicU64::new(0), AtomicU64::new(0));
    let (tally, bad) = (Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let over = |count: u64| match options.seeds {
        Some(seeds) => count >= seeds,
        None => begin.elapsed() >= Duration::from_secs(60 * options.minutes),
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                while failed.load(Relaxed) < options.failures {
                    let number = played.fetch_add(1, Relaxed);
                    if over(number) {
                        played.fetch_sub(1, Relaxed);
                        break;
                    }
                    let seed = options.from + number;
                    let wrong = match play(&Trace::draw(seed, options.steps), options.mutant, false) {
                        Ok(story) => {
                            tally.lock().expect("no thread panics with it").add(&story.tally);
                            story.wrong
                        }
                        Err(error) => vec![format!("it does not start: {error:#}")],
                    };
                    if !wrong.is_empty() {
                        failed.fetch_add(1, Relaxed);
                        bad.lock().expect("no thread panics with it").push((seed, wrong));
                    }
                }
            });
        }
    });
    for (name, times) in tally.lock().expect("no thread panics with it").all() {
        println!("{times:>10}  {name:?}");
    }
    let (played, seconds) = (played.load(Relaxed), begin.elapsed().as_secs());
    println!("{played} seeds of {} steps, from {}, in {seconds} s", options.steps, options.from);
    let bad = bad.into_inner().expect("no thread panics with it");
    for (seed, wrong) in &bad {
        println!("seed {seed}:\n{}", wrong.join("\n"));
        println!("show it again: cargo run --release -p cadenza-simulator -- --seed {seed} --steps {}", options.steps);
        println!("and shorten it: the same with --keep tests/simulator/kept/NAME.trace");
    }
    let never: Vec<_> =
        tally.lock().expect("no thread panics with it").all().filter(|(_, times)| *times == 0).collect();
    if played >= EVERY_FAULT_WITHIN && !never.is_empty() {
        bail!("{played} seeds never met {never:?}: draw what leads there more often");
    }
    if bad.is_empty() { Ok(()) } else { bail!("{} seeds go wrong", bad.len()) }
}

#[expect(clippy::print_stdout, reason = "it is a command line")]
fn tell(story: Story) -> anyhow::Result<()> {
    story.lines.iter().for_each(|line| println!("{line}"));
    if story.wrong.is_empty() { Ok(()) } else { bail!("{}", story.wrong.join("\n")) }
}
