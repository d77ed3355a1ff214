//! Shortens a trace that goes wrong: steps are left out as long as the same thing still goes wrong.

use crate::life::{Story, play};
use crate::steps::Step;
use crate::trace::Trace;

/// The shortest trace that was found, with its story. `plays_max` bounds how many traces are played.
///
/// # Errors
/// When the engine cannot be started under the original trace.
pub fn shorten(trace: &Trace, plays_max: usize) -> anyhow::Result<(Trace, Story)> {
    let mut best = (trace.clone(), play(trace, None, false)?);
    let Some(kind) = best.1.wrong.first().map(|wrong| kind_of(wrong)) else { return Ok(best) };
    let mut plays_left = plays_max;
    let mut length = best.0.steps.len().div_ceil(2);
    while length > 0 && plays_left > 0 {
        let mut shorter = false;
        // What comes last is needed least often, since it includes whatever follows the failure.
        let mut from = best.0.steps.len().saturating_sub(length);
        while plays_left > 0 {
            let mut steps = best.0.steps.clone();
            steps.drain(from..(from + length).min(steps.len()));
            let candidate = Trace { steps, ..best.0.clone() };
            plays_left -= 1;
            if let Ok(story) = play(&candidate, None, false)
                && story.wrong.iter().any(|wrong| kind_of(wrong) == kind)
            {
                best = (candidate, story);
                shorter = true;
            }
            if from == 0 {
                break;
            }
            from = from.saturating_sub(length).min(best.0.steps.len());
        }
        if length > 1 {
            length = length.div_ceil(2).min(length - 1);
        } else if !shorter {
            length = 0;
        }
    }
    if !best.0.steps.iter().any(|line| matches!(line.step, Step::Apply(_))) {
        best.0.workspaces.truncate(1);
    }
    Ok(best)
}

/// What kind of thing goes wrong, apart from whom it happens to: the first words of the text that have no digit.
fn kind_of(wrong: &str) -> String {
    let words = wrong.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.take(8).collect::<Vec<_>>().join(" ")
}
