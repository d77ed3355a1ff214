//! Who may send next: the attempts under way by connection, and how far each connection's rows in the outbox have been looked at.
//! The outbox is in the order of due times, whichever connection a row uses. Since each connection has its own place in it, a
//! slow one with any number of rows in front does not hold up the others. Must not know: what a message says.

use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::id::EffectId;
use cadenza_core::time::Timestamp;
use std::collections::BTreeMap;

/// A place in the outbox.
pub(super) type Place = (Due, EffectId);

/// How many attempts may be under way at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// By all connections together. What [`Self::least`] promises is given even beyond it.
    pub(crate) all: usize,
    /// By one connection.
    pub(crate) most: usize,
    /// By each connection, no matter what the others do.
    pub(crate) least: usize,
}

#[derive(Debug)]
struct UnderWay {
    shares: Shares,
    by_id: BTreeMap<EffectId, String>,
    by_connection: BTreeMap<String, usize>,
    /// Connections by which nothing more leaves before this time.
    closed: BTreeMap<String, Timestamp>,
}

impl UnderWay {
    fn has_room(&self, via: &str) -> bool {
        if self.closed.contains_key(via) {
            return false;
        }
        let own = self.by_connection.get(via).copied().unwrap_or_default();
        own < self.shares.least || (own < self.shares.most && self.by_id.len() < self.shares.all)
    }
}

/// The attempts under way, and the rows that were looked at.
#[derive(Debug)]
pub(super) struct Lanes {
    under_way: UnderWay,
    /// Every row up to here is under way or was dealt with, except those of the connections in `behind`.
    front: Option<Place>,
    /// Connections that had no room when the front went past their rows, with the place up to which those were dealt with.
    behind: BTreeMap<String, Option<Place>>,
}

impl Lanes {
    pub(super) const fn new(shares: Shares) -> Self {
        let under_way =
            UnderWay { shares, by_id: BTreeMap::new(), by_connection: BTreeMap::new(), closed: BTreeMap::new() };
        Self { under_way, front: None, behind: BTreeMap::new() }
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, id: EffectId, via: &str) {
        if self.under_way.by_id.insert(id, via.to_owned()).is_none() {
            *self.under_way.by_connection.entry(via.to_owned()).or_default() += 1;
        }
    }

    /// An attempt is over and its result durable, or it was never made.
    pub(super) fn end(&mut self, id: EffectId) {
        let Some(via) = self.under_way.by_id.remove(&id) else { return };
        if let Some(count) = self.under_way.by_connection.get_mut(&via) {
            *count -= 1;
            if *count == 0 {
                self.under_way.by_connection.remove(&via);
            }
        }
    }

    /// Nothing more leaves by a connection before this time.
    pub(super) fn close(&mut self, via: &str, until: Timestamp) {
        self.under_way.closed.insert(via.to_owned(), until);
    }

    /// Opens the connections whose time has come, and those that have no limit any more. Returns when the next one opens.
    pub(super) fn open(&mut self, now: Timestamp, is_limited: impl Fn(&str) -> bool) -> Option<Timestamp> {
        self.under_way.closed.retain(|via, until| *until > now && is_limited(via));
        self.under_way.closed.values().min().copied()
    }

    /// Whether no attempt is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.by_id.is_empty()
    }

    /// How many attempts are under way.
    pub(super) fn len(&self) -> usize {
        self.under_way.by_id.len()
    }

    /// The attempts under way by connection.
    pub(super) const fn counts(&self) -> &BTreeMap<String, usize> {
        &self.under_way.by_connection
    }

    fn looked_at(&self, via: &str) -> Option<Place> {
        self.behind.get(via).copied().unwrap_or(self.front)
    }

    /// A row will be found under this time from now on. It is looked at even if the front has passed that time.
    pub(super) fn placed(&mut self, via: &str, due: Timestamp) {
        let before = Some((Due::At(due.plus_ms(-1)), EffectId(u128::MAX)));
        if before < self.looked_at(via) {
            self.behind.insert(via.to_owned(), before);
        }
    }

    /// Everything is looked at anew, since the contents of the store are no longer known.
    pub(super) fn forget_places(&mut self) {
        self.front = None;
        self.behind.clear();
    }

    /// The place after which there may be a row for which its connection has room.
    pub(super) fn next_place(&self) -> Option<Place> {
        let behind = self.behind.iter().filter(|(via, _)| self.under_way.has_room(via)).map(|(_, place)| *place);
        behind.fold(self.front, Option::min)
    }

    /// Whether an attempt for this row could be begun now.
    pub(super) fn has_room_for(&self, row: &Outgoing) -> bool {
        self.under_way.has_room(&row.via) && !self.under_way.by_id.contains_key(&row.id)
    }

    /// Whether the row at `place` is to be dealt with now. Rows are asked about in order, from [`Self::next_place`] on; `before`
    /// is the place of the row asked about before this one.
    pub(super) fn takes(&mut self, via: &str, place: Place, before: Option<Place>) -> bool {
        let looked_at = self.looked_at(via);
        if Some(place) <= looked_at || self.under_way.by_id.contains_key(&place.1) {
            return false;
        }
        let room = self.under_way.has_room(via);
        match self.behind.get_mut(via) {
            Some(own) if room => *own = Some(place),
            // The connection stays where it ran out of room.
            Some(_) => {}
            None if room => {}
            None => drop(self.behind.insert(via.to_owned(), looked_at.max(before))),
        }
        room
    }

    /// All rows up to this place have been asked about. A connection without room stays where it is.
    pub(super) fn looked_up_to(&mut self, place: Place) {
        let (under_way, front) = (&self.under_way, self.front.max(Some(place)));
        self.behind.retain(|via, looked_at| {
            if under_way.has_room(via) {
                *looked_at = (*looked_at).max(Some(place));
            }
            *looked_at < front
        });
        self.front = front;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares { all: 6, most: 4, least: 1 };

    /// An outbox in memory: rows by place, with their connections.
    struct Outbox {
        rows: BTreeMap<Place, &'static str>,
        lanes: Lanes,
        /// Rows that were asked about.
        asked: usize,
    }

    impl Outbox {
        fn of(connections: &[(&'static str, u32)]) -> Self {
            let mut outbox = Self { rows: BTreeMap::new(), lanes: Lanes::new(SHARES), asked: 0 };
            for (via, count) in connections {
                for _ in 0..*count {
                    let n = outbox.rows.len() as i64;
                    outbox.rows.insert((Due::At(Timestamp::from_ms(n)), EffectId(n as u128)), via);
                }
            }
            outbox
        }

        /// Looks in pages of eight until nothing more is found. Returns how many attempts were begun by each connection.
        fn look(&mut self) -> BTreeMap<&'static str, usize> {
            let mut begun = BTreeMap::new();
            loop {
                let after = self.lanes.next_place();
                let page: Vec<(Place, &'static str)> = self
                    .rows
                    .iter()
                    .map(|(place, via)| (*place, *via))
                    .filter(|(place, _)| Some(*place) > after)
                    .take(8)
                    .collect();
                let mut before = after;
                for (place, via) in &page {
                    self.asked += 1;
                    if self.lanes.takes(via, *place, before) {
                        self.lanes.begin(place.1, via);
                        *begun.entry(*via).or_default() += 1;
                    }
                    before = Some(*place);
                }
                let Some((last, _)) = page.last() else { return begun };
                self.lanes.looked_up_to(*last);
            }
        }

        /// Ends an attempt of this connection and removes its row.
        fn finish(&mut self, via: &str) {
            let found =
                self.rows.iter().find(|(place, of)| **of == via && self.lanes.under_way.by_id.contains_key(&place.1));
            let place = *found.expect("one is under way").0;
            self.rows.remove(&place);
            self.lanes.end(place.1);
        }
    }

    #[test]
    fn a_slow_connection_with_any_number_of_rows_holds_up_nobody() {
        let mut outbox = Outbox::of(&[("slow", 10_000), ("quick", 3)]);
        assert_eq!(outbox.look(), [("slow", 4), ("quick", 2)].into(), "each within its share, and all within theirs");
        outbox.finish("quick");
        let asked = outbox.asked;
        assert_eq!(outbox.look(), [("quick", 1)].into());
        assert!(outbox.asked - asked < 50, "the rows of the slow one are not gone through again");
    }

    #[test]
    fn connections_that_hold_every_place_leave_the_others_the_least() {
        let mut outbox = Outbox::of(&[("a", 9), ("b", 9), ("c", 9), ("d", 1)]);
        let begun = outbox.look();
        assert_eq!(begun, [("a", 4), ("b", 2), ("c", 1), ("d", 1)].into());
    }

    #[test]
    fn every_row_leaves_once_whatever_the_order_of_the_results() {
        let mut outbox = Outbox::of(&[("a", 40), ("b", 3), ("c", 25), ("a", 7), ("b", 30)]);
        let mut begun = outbox.look();
        for turn in 0_usize.. {
            let waiting: Vec<String> = outbox.lanes.counts().keys().cloned().collect();
            let Some(via) = waiting.get(turn % waiting.len().max(1)) else { break };
            outbox.finish(via);
            for (via, count) in outbox.look() {
                *begun.entry(via).or_default() += count;
            }
        }
        assert_eq!(begun, [("a", 47), ("b", 33), ("c", 25)].into());
        assert_eq!(outbox.rows.len(), 0);
    }

    #[test]
    fn a_row_that_is_put_before_what_was_looked_at_is_found() {
        let mut outbox = Outbox::of(&[("a", 9), ("b", 1)]);
        outbox.look();
        let (at, id) = (Timestamp::from_ms(2), EffectId(1_000));
        for via in ["b", "c"] {
            outbox.rows.insert((Due::At(at), id), via);
            outbox.lanes.placed(via, at);
            assert_eq!(outbox.look(), [(via, 1)].into());
            outbox.lanes.end(id);
        }
    }
}
