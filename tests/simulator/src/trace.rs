//! A trace: everything that a seed comes to, step by step, with no random number left in it. It is kept as lines of JSON, so that
//! it can be read and shortened by hand, and stays the same when seeds are drawn differently.

use crate::dice::Dice;
use crate::steps::Step;
use crate::world::Workspace;
use anyhow::Context as _;
use cadenza_runtime::DriverOptions;
use serde::{Deserialize, Serialize};

/// How many steps a seed has.
pub const STEPS: usize = 1_000;

/// What a seed comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The limits of the driver.
    pub limits: Limits,
    /// The workspaces. The first is in force at the beginning; steps bring others into force.
    pub workspaces: Vec<Workspace>,
    pub steps: Vec<Line>,
}

/// A step, and whether the next one waits until it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub step: Step,
    /// Whether everything that was begun ends before anything else happens.
    pub waits: bool,
}

/// Limits of the driver, much smaller than those of a real machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the limit of `DriverOptions` of its name")]
pub struct Limits {
    pub batch_events_max: usize,
    pub batch_timers_max: usize,
    pub firing_leads_max: usize,
    pub requests_waiting_max: usize,
    pub decisions_max: usize,
    pub sendings: (usize, usize, usize),
}

impl Limits {
    fn draw(dice: &mut Dice) -> Self {
        let most = dice.one_of(&[1, 2, 16]);
        Self {
            batch_events_max: dice.one_of(&[1, 2, 5, 64]),
            batch_timers_max: dice.one_of(&[1, 2, 7, 32]),
            firing_leads_max: dice.one_of(&[1, 3, 32]),
            requests_waiting_max: dice.one_of(&[3, 16, 4_096]),
            decisions_max: dice.one_of(&[1, 2, 4, 1_024]),
            sendings: (dice.one_of(&[1, 3, 64]), most, 1),
        }
    }

    /// The most attempts that may be under way. Each connection has its promised share even when all together have used up
    /// theirs.
    pub(crate) fn sendings_max(&self) -> usize {
        let (all, most, least) = self.sendings;
        (all + least * crate::world::CONNECTIONS.len()).min(most.max(least) * crate::world::CONNECTIONS.len())
    }

    pub(crate) fn options(&self) -> DriverOptions {
        let (all, most, least) = self.sendings;
        let mut options = DriverOptions::default().with_sendings(all, most, least);
        options.batch_events_max = self.batch_events_max;
        options.batch_timers_max = self.batch_timers_max;
        options.firing_leads_max = self.firing_leads_max;
        options.requests_waiting_max = self.requests_waiting_max;
        options.decisions_max = self.decisions_max;
        // The disk of the machine must not matter.
        options.free_bytes_reserve = 0;
        options
    }
}

/// A line of a trace file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Limits(Limits),
    Workspace(Workspace),
    /// The next line waits until this step is over.
    Then(Step),
    /// The step is begun, and goes on beside what follows.
    Beside(Step),
}

impl Trace {
    /// Draws the trace of a seed.
    pub fn draw(seed: u64, steps: usize) -> Self {
        let dice = &mut Dice::new(seed);
        let first = Workspace::draw(dice);
        let mut workspaces = vec![first];
        while workspaces.len() < 3 {
            let next = workspaces[0].changed(dice);
            workspaces.push(next);
        }
        let limits = Limits::draw(dice);
        let calm = dice.chance(10);
        let beside = dice.one_of(&[0, 20, 50]);
        let mut lines = Vec::with_capacity(steps);
        while lines.len() < steps {
            let step = Step::draw(dice, workspaces.len() as u8);
            if calm && matches!(step, Step::Fault(_)) {
                continue;
            }
            lines.push(Line { step, waits: !dice.chance(beside) });
        }
        Self { limits, workspaces, steps: lines }
    }

    /// Reads what [`Self::text`] wrote.
    ///
    /// # Errors
    /// When a line says nothing that is known.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (mut limits, mut workspaces, mut steps) = (None, Vec::new(), Vec::new());
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        for (number, line) in lines {
            let kept = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
            match kept {
                Kept::Limits(found) => limits = Some(found),
                Kept::Workspace(workspace) => workspaces.push(workspace),
                Kept::Then(step) => steps.push(Line { step, waits: true }),
                Kept::Beside(step) => steps.push(Line { step, waits: false }),
            }
        }
        anyhow::ensure!(!workspaces.is_empty(), "there is no workspace");
        Ok(Self { limits: limits.context("there are no limits")?, workspaces, steps })
    }

    /// The lines of a trace file. A reader skips those that begin with `#`, which are for people.
    ///
    /// # Errors
    /// Never for a trace that this program makes.
    pub fn text(&self) -> anyhow::Result<String> {
        let Self { limits, workspaces, steps } = self.clone();
        let kept = std::iter::once(Kept::Limits(limits)).chain(workspaces.into_iter().map(Kept::Workspace));
        let step = |line: Line| if line.waits { Kept::Then(line.step) } else { Kept::Beside(line.step) };
        let mut text = String::new();
        for kept in kept.chain(steps.into_iter().map(step)) {
            text.push_str(&serde_json::to_string(&kept)?);
            text.push('\n');
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back() {
        for seed in 0..20 {
            let trace = Trace::draw(seed, 300);
            let text = trace.text().expect("it is written");
            assert_eq!(Trace::parse(&format!("# seed {seed}\n{text}")).expect("it is read"), trace);
        }
    }
}
