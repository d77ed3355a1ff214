//! What waits for the threads of the decision pool: a line for each plugin. The lines take turns, and one plugin never has all
//! threads. Knows nothing of plugins or questions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(super) struct Lines<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// The most threads that work for one plugin at a time.
    of_one_max: usize,
}

struct State<T> {
    waiting: BTreeMap<String, VecDeque<T>>,
    /// Threads at work, by plugin.
    busy: BTreeMap<String, usize>,
    /// The plugin whose turn it was last.
    last: String,
    closed: bool,
}

impl<T> Lines<T> {
    /// Lines for this many threads.
    pub(super) fn new(threads: usize) -> Self {
        let state = State { waiting: BTreeMap::new(), busy: BTreeMap::new(), last: String::new(), closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), of_one_max: threads.saturating_sub(1).max(1) }
    }

    /// Puts an item into the line of a plugin.
    pub(super) fn push(&self, plugin: String, item: T) {
        self.state().waiting.entry(plugin).or_default().push_back(item);
        self.changed.notify_one();
    }

    /// Waits for the next item. It comes with its plugin; none when the lines are closed.
    pub(super) fn next(&self) -> Option<(String, T)> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.take(self.of_one_max) {
                return Some(next);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that a thread is done with an item of this plugin.
    pub(super) fn over(&self, plugin: &str) {
        let mut state = self.state();
        if let Some(count) = state.busy.get_mut(plugin) {
            *count -= 1;
            if *count == 0 {
                state.busy.remove(plugin);
            }
        }
        // Another thread may have passed this plugin over.
        self.changed.notify_one();
    }

    /// Ends the lines: nothing is taken any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Takes the first item of the next line in turn whose plugin may have another thread.
    fn take(&mut self, of_one_max: usize) -> Option<(String, T)> {
        let free = |plugin: &&String| self.busy.get(*plugin).copied().unwrap_or(0) < of_one_max;
        let after =
            self.waiting.range::<String, _>((std::ops::Bound::Excluded(&self.last), std::ops::Bound::Unbounded));
        let plugin = after.chain(&self.waiting).map(|(plugin, _)| plugin).find(free)?.clone();
        let line = self.waiting.get_mut(&plugin)?;
        let item = line.pop_front()?;
        if line.is_empty() {
            self.waiting.remove(&plugin);
        }
        *self.busy.entry(plugin.clone()).or_default() += 1;
        self.last.clone_from(&plugin);
        Some((plugin, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_take_turns_and_none_has_every_thread() {
        let lines = Lines::new(3);
        for n in 0..3 {
            lines.push("slow".to_owned(), n);
        }
        let taken =
            |lines: &Lines<i32>| lines.state().take(lines.of_one_max).map(|(plugin, n)| format!("{plugin} {n}"));
        assert_eq!(taken(&lines).as_deref(), Some("slow 0"));
        assert_eq!(taken(&lines).as_deref(), Some("slow 1"));
        assert_eq!(taken(&lines), None, "one thread is left to the others");
        lines.push("quick".to_owned(), 7);
        lines.push("quick".to_owned(), 8);
        assert_eq!(taken(&lines).as_deref(), Some("quick 7"));
        lines.over("slow");
        assert_eq!(taken(&lines).as_deref(), Some("slow 2"), "in turn");
        lines.over("quick");
        assert_eq!(taken(&lines).as_deref(), Some("quick 8"));
        lines.close();
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_single_thread_serves_everybody() {
        let lines = Lines::new(1);
        lines.push("a".to_owned(), 1);
        assert_eq!(lines.next(), Some(("a".to_owned(), 1)));
    }
}
