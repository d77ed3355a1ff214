//! The decision pool as the driver knows it: how many questions are under way, by lead and by plugin, and which plugins have
//! questions waiting.
//!
//! A question that finds no place waits in its lead's record, and so in the store: it is not asked over and over, and memory does
//! not grow. It is asked when there is a place, each plugin's questions in the order in which they were put.

use super::desk::Desk;
use cadenza_core::effect::Question;
use cadenza_core::id::{LeadId, RunId};
use cadenza_core::time::Timestamp;
use cadenza_store::{Partitions, QuestionKey, Store, StoreError, TimerOwner};
use std::collections::{BTreeMap, BTreeSet};

/// When more leads than this have questions under way, schedules and releases add no more.
const ASKED_MUCH: usize = 256;
/// The most plugins with waiting questions that are found at a start. Others are found when a question to them is put off.
const LINES_MAX: usize = 1_000;

/// Questions under way and plugins with questions waiting.
#[derive(Debug)]
pub(super) struct Pool {
    /// The most pooled decisions under way, escalations aside.
    asked_max: usize,
    /// Questions under way by lead. The lead's timers wait for the answers.
    by_lead: BTreeMap<LeadId, u32>,
    by_plugin: BTreeMap<String, usize>,
    /// Plugins that questions wait for, each with the batch that carries the question put off last: the store may not have it
    /// yet.
    lines: BTreeMap<String, u64>,
    /// The batch that carries the questions drawn last. None are drawn before it has settled.
    drawn_in: Option<u64>,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Free,
    Waits,
    /// It is asked again at its time-out.
    None,
}

/// The asker for whom the pool has a place, and who passes the line of its plugin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Called {
    Nobody,
    /// The run at the head of a line.
    Run(RunId),
    /// A lead whose questions had places in an earlier life of the engine.
    Lead(LeadId),
}

impl Called {
    fn is(self, run: RunId) -> bool {
        match self {
            Self::Nobody => false,
            Self::Run(called) => called == run,
            Self::Lead(called) => called == run.lead(),
        }
    }
}

impl Pool {
    pub(super) const fn new(asked_max: usize) -> Self {
        Self { asked_max, by_lead: BTreeMap::new(), by_plugin: BTreeMap::new(), lines: BTreeMap::new(), drawn_in: None }
    }

    /// The most questions under way to one plugin, so that a slow one leaves places to the others.
    fn of_one_max(&self) -> usize {
        (self.asked_max / 2).max(1)
    }

    /// The most questions under way including escalations. Escalations belong to a task rather than to a step that can wait, so
    /// they have places of their own. When those are used up, they are asked again at their time-out.
    const fn escalating_max(&self) -> usize {
        2 * self.asked_max
    }

    /// Finds the plugins that have questions waiting in the store.
    pub(super) async fn find_lines(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let firsts = store.questions(&Partitions::ALL, None, LINES_MAX).await?;
        self.lines = firsts.into_iter().map(|first| (first.plugin, 0)).collect();
        self.drawn_in = None;
        Ok(())
    }

    /// Gives a question a place in the pool or in the line of its plugin. A question of the called run passes the line.
    pub(super) fn take(&mut self, question: &Question, called: Called, batch: u64) -> Place {
        let plugin = &question.plugin;
        if question.asker.task().is_some() {
            if self.under_way() >= self.escalating_max() {
                return Place::None;
            }
        } else if self.room(plugin) == 0 || (self.lines.contains_key(plugin) && !called.is(question.run)) {
            self.lines.insert(plugin.clone(), batch);
            return Place::Waits;
        }
        *self.by_lead.entry(question.run.lead()).or_default() += 1;
        *self.by_plugin.entry(plugin.clone()).or_default() += 1;
        Place::Free
    }

    /// Frees a place: its question was answered, or not asked after all.
    pub(super) fn leave(&mut self, lead: LeadId, plugin: &str) {
        if let Some(count) = self.by_lead.get_mut(&lead) {
            *count -= 1;
            if *count == 0 {
                self.by_lead.remove(&lead);
            }
        }
        if let Some(count) = self.by_plugin.get_mut(plugin) {
            *count -= 1;
            if *count == 0 {
                self.by_plugin.remove(plugin);
            }
        }
    }

    fn under_way(&self) -> usize {
        self.by_plugin.values().sum()
    }

    /// For how many more questions to this plugin there are places.
    fn room(&self, plugin: &str) -> usize {
        let of_it = self.of_one_max().saturating_sub(self.by_plugin.get(plugin).copied().unwrap_or(0));
        self.asked_max.saturating_sub(self.under_way()).min(of_it)
    }

    /// How many leads have a question under way.
    pub(super) fn leads(&self) -> usize {
        self.by_lead.len()
    }

    /// Whether a question of this lead is under way.
    pub(super) fn asks_for(&self, lead: LeadId) -> bool {
        self.by_lead.contains_key(&lead)
    }

    /// Whether nothing is under way and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.by_lead.is_empty() && self.lines.is_empty()
    }

    pub(super) fn settled(&mut self, number: u64) {
        self.drawn_in.take_if(|drawn_in| *drawn_in <= number);
    }
}

impl Desk {
    /// Whether so many leads have decisions under way that nothing should be begun that brings more.
    pub(super) fn is_asking_much(&self) -> bool {
        self.pool.leads() > ASKED_MUCH
    }

    /// Puts questions that wait, as far as there are places: a batch's share, divided among the plugins. `settled` is the last
    /// batch that the store has.
    pub(super) async fn ask_who_waits(
        &mut self,
        unreadable: &mut BTreeSet<TimerOwner>,
        settled: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.pool.lines.is_empty() || self.pool.drawn_in.is_some() {
            return Ok(());
        }
        let lines: Vec<(String, u64)> = self.pool.lines.clone().into_iter().collect();
        let share = (self.options.batch_timers_max / lines.len()).max(1);
        for (plugin, put_off_in) in lines {
            let places = self.pool.room(&plugin).min(share);
            if places == 0 {
                continue;
            }
            let line = self.store.questions(&Partitions::ALL, Some(&plugin), places + unreadable.len()).await?;
            let can_be_read = |key: &QuestionKey| !unreadable.contains(&TimerOwner::Lead(key.run.lead()));
            let line: Vec<QuestionKey> = line.into_iter().filter(can_be_read).collect();
            if line.is_empty() && put_off_in <= settled {
                self.pool.lines.remove(&plugin);
            }
            for QuestionKey { run, .. } in line.into_iter().take(places) {
                match self.call(run, now).await? {
                    Ok(_) => self.pool.drawn_in = Some(self.open.number),
                    // Nobody will answer this question. It is left where it is, and passed over from now on.
                    Err(_) => drop(unreadable.insert(TimerOwner::Lead(run.lead()))),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cadenza_core::event::Asker;
    use cadenza_core::id::{Digest, TaskId};
    use cadenza_core::plugin::{DecisionInput, DecisionKind, Parameters};

    const ASKED_MAX: usize = 1_024;

    fn input() -> DecisionInput {
        DecisionInput {
            now: Timestamp::from_ms(1),
            parameters: Parameters::default(),
            fields: Vec::new(),
            touches: Vec::new(),
            engagement: Vec::new(),
            owner_present: None,
            previous_score: None,
            business_elapsed_ms: None,
            overdue: None,
        }
    }

    /// A question to a plugin that does not exist.
    pub(crate) fn question(n: u64) -> Question {
        put(n, "nobody", false)
    }

    fn put(n: u64, plugin: &str, task: bool) -> Question {
        let lead = LeadId::new(Timestamp::from_ms(1), n);
        Question {
            run: RunId::born(lead, 1),
            asker: match task {
                true => Asker::Task { task: TaskId::born(lead, 2), point: 0 },
                false => Asker::Step { attempt: 0 },
            },
            kind: DecisionKind::Scoring,
            plugin: plugin.to_owned(),
            digest: Some(Digest(1)),
            input: input(),
            shadow: None,
        }
    }

    /// Puts these questions to a plugin. Returns how many found a place.
    fn ask(pool: &mut Pool, plugin: &str, numbers: std::ops::Range<u64>, task: bool) -> usize {
        numbers.filter(|n| pool.take(&put(*n, plugin, task), Called::Nobody, 7) == Place::Free).count()
    }

    #[test]
    fn each_plugin_has_a_share_and_nobody_passes_a_line() {
        let mut pool = Pool::new(ASKED_MAX);
        assert_eq!(ask(&mut pool, "slow", 0..2_000, false), ASKED_MAX / 2, "half of the places");
        assert_eq!(ask(&mut pool, "quick", 0..10, false), 10, "the others are not in its way");
        assert_eq!(
            pool.take(&put(3_000, "slow", true), Called::Nobody, 7),
            Place::Free,
            "an escalation has places of its own"
        );
        pool.leave(put(0, "slow", false).run.lead(), "slow");
        pool.leave(put(1, "slow", false).run.lead(), "slow");
        assert_eq!(
            pool.take(&put(4_000, "slow", false), Called::Nobody, 8),
            Place::Waits,
            "who comes now does not pass the line"
        );
        let first = put(600, "slow", false);
        assert_eq!(pool.take(&first, Called::Run(first.run), 8), Place::Free, "who is called has the place");
        assert!(!pool.is_idle());
    }

    #[test]
    fn places_come_back() {
        let mut pool = Pool::new(ASKED_MAX);
        assert_eq!(ask(&mut pool, "a", 0..10, false), 10);
        (0..10).for_each(|n| pool.leave(put(n, "a", false).run.lead(), "a"));
        assert!(pool.is_idle());
        assert_eq!(ask(&mut pool, "a", 0..1, true), 1);
        assert_eq!(ask(&mut pool, "b", 0..5_000, true), 2 * ASKED_MAX - 1, "escalations have an end too");
    }
}
