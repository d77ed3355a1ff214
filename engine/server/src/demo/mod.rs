//! `cadenza demo`: the real engine in a temporary folder with the shipped workspace, on a fast clock. Sample leads come
//! in through its own signed webhook. Reps and prospects are simulated, and everything they do goes over HTTP. What the
//! engine must not do (lose a delivery, send a message twice) ends the demo with an error.

mod caller;
mod mailbox;
mod prospect;
mod reps;
mod samples;
mod shipped;
mod stage;
mod summary;
mod tally;
mod website;
mod world;

use crate::say::output;
use clap::Args;
use stage::Stage;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use summary::Summary;
use tracing_subscriber::EnvFilter;

/// At this speed, five business minutes take 150 ms, and two working days take a minute.
const SPEED_DEFAULT: u32 = 2_000;
/// How often the summary is redrawn.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// How often a line is written if the summary cannot be redrawn.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Options of the demo.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address to listen on [default: 127.0.0.1:8080, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How many times as fast as real time
    #[arg(long, value_name = "N", default_value_t = SPEED_DEFAULT, value_parser = clap::value_parser!(u32).range(50..=5_000))]
    speed: u32,
    /// Leave the folder behind, and print the commands that explore it
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs the demo. An error is a failure of the engine or of the machine.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_from_env("CADENZA_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.play())
    }

    async fn play(self) -> anyhow::Result<()> {
        let mut screen = Screen::new();
        let mut stage = Stage::set_up(self.listen, self.speed, self.keep).await?;
        output::say(&stage.welcome());
        let began = Instant::now();
        stage.begin().await?;
        let stopped = tokio::select! {
            watched = watch(&stage, &mut screen, began) => watched.map(|()| false),
            _ = tokio::signal::ctrl_c() => Ok(true),
        };
        let ended = match stopped {
            Ok(true) => {
                screen.last_line("Stopped before the end.");
                if self.keep {
                    output::say(&stage.what_next());
                }
                Ok(())
            }
            Ok(false) => finish(&mut stage, &mut screen, began).await,
            Err(error) => Err(error),
        };
        stage.tear_down().await;
        ended
    }
}

/// Shows the progress until the demo is over.
async fn watch(stage: &Stage, screen: &mut Screen, began: Instant) -> anyhow::Result<()> {
    while !stage.world.is_over() {
        screen.show(&Summary::take(&stage.world, began.elapsed()).await?);
        tokio::time::sleep(REDRAW_EVERY).await;
    }
    Ok(())
}

/// Ends the demo: everything is checked and summed up, and one lead's story is told.
async fn finish(stage: &mut Stage, screen: &mut Screen, began: Instant) -> anyhow::Result<()> {
    let took = began.elapsed();
    stage.wait_for_everybody().await;
    if let Some(trouble) = stage.world.trouble.get() {
        anyhow::bail!("the engine did what it must not: {trouble}");
    }
    let summary = Summary::take(&stage.world, took).await?;
    screen.finish(&summary);
    output::say(&stage.story().await?);
    // After the story, so that what went wrong is the last thing to be read.
    stage.check(&summary).await?;
    output::say(&stage.what_next());
    Ok(())
}

/// The terminal: a summary that is redrawn, or lines if there is none.
struct Screen {
    is_terminal: bool,
    /// How many lines were drawn last. The next ones replace them.
    drawn: usize,
    last_line: Option<Instant>,
}

impl Screen {
    fn new() -> Self {
        Self { is_terminal: std::io::stdout().is_terminal(), drawn: 0, last_line: None }
    }

    fn show(&mut self, summary: &Summary) {
        if self.is_terminal {
            let lines = summary.lines();
            output::redraw(&lines, self.drawn);
            self.drawn = lines.len();
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            output::say(&summary.line());
            self.last_line = Some(Instant::now());
        }
    }

    fn finish(&mut self, summary: &Summary) {
        if !self.is_terminal {
            output::say("");
        }
        output::redraw(&summary.lines(), self.drawn);
        self.drawn = 0;
    }

    fn last_line(&mut self, text: &str) {
        output::say(&format!("\n{text}"));
    }
}
