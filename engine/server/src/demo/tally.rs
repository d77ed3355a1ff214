//! What the demo saw from outside: what its website, reps, prospects and mail receiver counted. The engine's own
//! counters are read elsewhere, so that the two can be compared.

use std::collections::BTreeMap;

/// Everything counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Deliveries answered with 202.
    pub(super) posted: usize,
    /// Deliveries sent once more, and recognised.
    pub(super) repeated: usize,
    /// Forged deliveries that were refused.
    pub(super) forged: usize,
    /// Deliveries that had to wait because the engine was busy.
    pub(super) waited: usize,
    /// How long each delivery took, in milliseconds of real time.
    pub(super) intake_ms: Vec<u32>,
    /// First calls to leads that were owed one.
    pub(super) first_calls: Vec<FirstCall>,
    /// Tasks that reps reported.
    pub(super) tasks_done: usize,
    /// Tasks that were withdrawn while a rep was working on them.
    pub(super) tasks_gone: usize,
    pub(super) dials: usize,
    /// Calls that were answered.
    pub(super) reached: usize,
    /// Calls without an owner that were given to somebody.
    pub(super) handed_out: usize,
    /// Mails to leads.
    pub(super) mails: usize,
    /// Idempotency keys of messages that came more than once, which must not happen.
    pub(super) came_twice: Vec<String>,
    pub(super) replies: usize,
    /// Reminders to reps.
    pub(super) reminders: usize,
    /// Escalations to managers.
    pub(super) raised: usize,
    /// Things prospects did of their own accord.
    pub(super) engaged: usize,
    /// Prospects that asked to be left alone.
    pub(super) opted_out: usize,
    /// Leads that were found to fit.
    pub(super) qualified: usize,
    pub(super) meetings: usize,
    /// Deals won.
    pub(super) won: usize,
    /// What the won deals are worth together.
    pub(super) revenue: u64,
    /// Deals lost.
    pub(super) lost: usize,
    /// What happened to each lead, by mail address.
    pub(super) lives: BTreeMap<String, Life>,
}

/// A first call.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstCall {
    /// Business minutes from when the lead could be called to the dial.
    pub(super) minutes: f64,
    /// Whether the call was made before it was due.
    pub(super) in_time: bool,
}

/// What happened to one lead.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// Calls to the lead.
    pub(super) dials: u32,
    /// Calls answered.
    pub(super) reached: u32,
    /// Mails to the lead.
    pub(super) mails: u32,
    /// Things that the lead did.
    pub(super) engaged: u32,
    pub(super) qualified: bool,
    /// Whether the lead came to the meeting.
    pub(super) met: bool,
    /// Whether the lead bought.
    pub(super) won: bool,
    /// Whether somebody was reminded of the lead.
    pub(super) reminded: bool,
}

impl Life {
    /// How interesting the lead's story is.
    fn interest(&self) -> u32 {
        let points = [(self.qualified, 8), (self.met, 6), (self.won, 8), (self.reminded, 4), (self.engaged > 0, 4)];
        let points: u32 = points.iter().filter(|(is, _)| *is).map(|(_, points)| points).sum();
        // A story with a few attempts is better than one with none, and than one that does not end.
        points + self.dials.min(4) * 2 + self.mails.min(1) * 2
    }
}

impl Tally {
    /// What happened to the lead with this mail address.
    pub(super) fn life(&mut self, email: &str) -> &mut Life {
        self.lives.entry(email.to_owned()).or_default()
    }

    /// The lead with the best story.
    pub(super) fn most_interesting(&self) -> Option<&str> {
        // Of equals, the first one is taken, so that the same run tells of the same lead.
        let best = self.lives.iter().rev().max_by_key(|(_, life)| life.interest())?;
        Some(best.0)
    }
}

/// The value below which a share of all values lies.
pub(super) fn percentile<T: Copy + PartialOrd>(values: &[T], share: f64) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_and_of_none() {
        assert_eq!(percentile::<u32>(&[], 0.5), None);
        assert_eq!(percentile(&[7], 0.9), Some(7));
        assert_eq!(percentile(&[5, 1, 4, 2, 3], 0.5), Some(3));
        assert_eq!(percentile(&[5, 1, 4, 2, 3], 1.0), Some(5));
    }
}
