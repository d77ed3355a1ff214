//! Which days there are marks of, and which of them may know an event.
//!
//! An event that is new is looked for in every day that is remembered: thirty look-ups, most of them in pages long out of
//! the cache (measured: 0.4 ms). So a day that is over gets a filter, made by the committer between batches and kept as a
//! record, which says of 99 % of the strangers that they are none of the day's. The current day has none: it is in the
//! cache.
//!
//! Must not know: batches, threads.

use crate::contract::{MARK_DAYS, StoreError};
use crate::keys::{FilterKey, Key, MarkKey, end, first};
use crate::reading;
use crate::space::Space;
use minicbor::bytes::ByteVec;
use std::collections::BTreeMap;

/// The most marks of a day that get a filter: its making holds their hashes, 16 bytes each. A day with more is looked at
/// itself.
pub(crate) const FILTERED_MAX: usize = 4_000_000;

/// The days, each with its filter once it has one.
#[derive(Debug, Default)]
pub(crate) struct MarkDays(BTreeMap<u32, Option<Filter>>);

impl MarkDays {
    /// Finds the days by one seek each, no scan, and reads their filters.
    pub(crate) fn read(space: &impl Space) -> Result<Self, StoreError> {
        let mut days = BTreeMap::new();
        let mut from = first::<MarkKey>();
        while let Some((key, _)) = space.scan(&from, &end::<MarkKey>(), 1)?.first() {
            let MarkKey { day, .. } = MarkKey::of_bytes(key.as_ref())?;
            let filter: Option<ByteVec> = reading::value(space, &FilterKey(day))?;
            days.insert(day, filter.map(|bytes| Filter::of_bytes(&bytes)));
            match day.checked_add(1) {
                Some(next) => from = MarkKey::first_of(next).bytes(),
                None => break,
            }
        }
        Ok(Self(days))
    }

    /// The days to look into for an event, seen from `today`: the latest first, a sender repeats itself soon or never.
    pub(crate) fn that_may_know(&self, event: [u8; 16], today: u32) -> impl Iterator<Item = u32> {
        let remembered = self.0.range(today.saturating_sub(MARK_DAYS)..).rev();
        let may = move |filter: &Option<Filter>| filter.as_ref().is_none_or(|filter| filter.may_know(event));
        remembered.filter(move |(_, filter)| may(filter)).map(|(day, _)| *day)
    }

    /// Marks are about to be added to this day: whether it had a filter, which no longer holds.
    pub(crate) fn add(&mut self, day: u32) -> bool {
        self.0.insert(day, None).flatten().is_some()
    }

    /// Whether adding to this day changes nothing.
    pub(crate) fn is_open(&self, day: u32) -> bool {
        matches!(self.0.get(&day), Some(None))
    }

    /// A day that is over and has no filter yet.
    pub(crate) fn to_filter(&self) -> Option<u32> {
        let (newest, _) = self.0.last_key_value()?;
        self.0.range(..newest).find(|(_, filter)| filter.is_none()).map(|(day, _)| *day)
    }

    /// The day's filter is kept.
    pub(crate) fn set_filter(&mut self, day: u32, filter: Filter) {
        self.0.insert(day, Some(filter));
    }

    /// The days before this one.
    pub(crate) fn before(&self, day: u32) -> Vec<u32> {
        self.0.range(..day).map(|(day, _)| *day).collect()
    }

    /// The days before this one are no more.
    pub(crate) fn forget_before(&mut self, day: u32) {
        self.0 = self.0.split_off(&day);
    }
}

/// A Bloom filter in blocks of a cache line, one bit in each of a block's words (Putze, Sanders, Singler 2007).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter(Vec<[u64; WORDS]>);

const WORDS: usize = 8;
/// Bits for each mark; twelve let one stranger in a hundred through.
const BITS: usize = 12;

impl Filter {
    /// A filter that knows these events.
    pub(crate) fn of(events: &[[u8; 16]]) -> Self {
        let blocks = (events.len() * BITS).div_ceil(WORDS * 64).max(1);
        let mut filter = Self(vec![[0; WORDS]; blocks]);
        for event in events {
            let (block, bits) = filter.place(*event);
            for (word, bit) in filter.0[block].iter_mut().zip(bits) {
                *word |= bit;
            }
        }
        filter
    }

    fn may_know(&self, event: [u8; 16]) -> bool {
        let (block, bits) = self.place(event);
        self.0[block].iter().zip(bits).all(|(word, bit)| word & bit != 0)
    }

    /// Where the bits of an event are; it is a hash already.
    fn place(&self, event: [u8; 16]) -> (usize, [u64; WORDS]) {
        let event = u128::from_be_bytes(event);
        let (high, low) = ((event >> 64) as u64, event as u64);
        let block = (u128::from(high) * self.0.len() as u128) >> 64;
        (block as usize, std::array::from_fn(|word| 1 << ((low >> (6 * word)) & 63)))
    }

    /// As it is kept.
    pub(crate) fn bytes(&self) -> ByteVec {
        self.0.iter().flatten().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>().into()
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let (blocks, _) = words.as_chunks::<WORDS>();
        let blocks: Vec<_> = blocks.iter().map(|block| block.map(u64::from_be_bytes)).collect();
        if blocks.is_empty() {
            return Self::of_everything();
        }
        Self(blocks)
    }

    /// A filter that hides nothing.
    pub(crate) fn of_everything() -> Self {
        Self(vec![[u64::MAX; WORDS]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_knows_its_events_and_few_others() {
        let event = |n: u32| MarkKey::hash(&format!("web:{n}"));
        for count in [0, 1, 50, 10_000_u32] {
            let events: Vec<_> = (0..count).map(event).collect();
            let filter = Filter::of(&events);
            assert_eq!(Filter::of_bytes(&filter.bytes()), filter, "a filter of {count} reads back");
            assert!(events.iter().all(|event| filter.may_know(*event)), "a filter of {count} forgot an event");
            let strangers = (count..count + 10_000).filter(|n| filter.may_know(event(*n))).count();
            assert!(strangers < 200, "a filter of {count} lets {strangers} of 10,000 strangers through");
        }
        assert!(Filter::of_bytes(&[1, 2]).may_know(event(1)), "a damaged filter hides nothing");
    }
}
