//! Which days have marks, and which of them may know an event.
//!
//! A new event has to be looked for in every remembered day: thirty look-ups, most of them in pages that have long left
//! the cache (measured: 0.4 ms). So a day that is over gets a filter, made by the committer between batches and kept as
//! a record, which rules the day out for 99 % of the events it does not know. A day that begins while the store is open
//! gets a filter that grows with its marks and is not kept. A day that already had marks when the store was opened, and
//! has no filter yet, is searched itself.
//!
//! Must not know: batches, threads.

use crate::damage::UnlessDamaged as _;
use crate::keys::{FilterKey, Key, MarkKey, first};
use crate::reading::{self, Records};
use crate::record::MarkRecord;
use crate::records::{MARK_DAYS, Mark, StoreError};
use crate::space::Space;
use minicbor::bytes::ByteVec;
use std::collections::BTreeMap;

/// The most marks of a day that get a filter. Making one holds their hashes in memory, 16 bytes each. A day with more
/// marks is searched itself.
pub(crate) const FILTERED_MAX: usize = 4_000_000;

/// Blocks in the filter of a day that has just begun: 2 MiB, enough for 1.4 million marks at [`BITS`] bits each. With
/// more marks it rules out less.
const GROWING_BLOCKS: usize = 32 * 1024;

#[derive(Debug, Default)]
pub(crate) struct MarkDays(BTreeMap<u32, Day>);

/// What is known of a day without searching it.
#[derive(Debug)]
enum Day {
    Open,
    /// Has every mark of the day since its first.
    Growing(Filter),
    /// Has every mark. The day is over, and the filter is kept as a record.
    Kept(Filter),
}

impl MarkDays {
    /// Finds the days with one seek each, no scan, and reads their filters.
    pub(crate) fn read<S: Space>(records: Records<'_, S>) -> Result<Self, StoreError> {
        let mut days = BTreeMap::new();
        let mut from = first::<MarkKey>();
        while let Some(MarkKey { day, .. }) = reading::next_mark(records, from)? {
            // Without its filter the day is searched itself, until it gets another filter.
            let filter: Option<ByteVec> = reading::value(records, &FilterKey(day)).unless_damaged()?;
            days.insert(day, filter.map_or(Day::Open, |bytes| Day::Kept(Filter::of_bytes(&bytes))));
            match day.checked_add(1) {
                Some(next) => from = MarkKey::first_of(next).bytes(),
                None => break,
            }
        }
        Ok(Self(days))
    }

    /// The days to search for an event, seen from `today`. The latest come first, because a sender
    /// repeats itself soon or never.
    pub(crate) fn that_may_know(&self, event: [u8; 16], today: u32) -> impl Iterator<Item = u32> {
        let remembered = self.0.range(today.saturating_sub(MARK_DAYS)..).rev();
        let may = move |day: &Day| match day {
            Day::Open => true,
            Day::Growing(filter) | Day::Kept(filter) => filter.may_know(event),
        };
        remembered.filter(move |(_, known)| may(known)).map(|(day, _)| *day)
    }

    /// Notes that a mark is about to be added to this day. Returns whether that makes a kept filter invalid.
    pub(crate) fn add(&mut self, day: u32, event: [u8; 16]) -> bool {
        let known = self.0.entry(day).or_insert_with(|| Day::Growing(Filter::empty(GROWING_BLOCKS)));
        match known {
            Day::Open => false,
            Day::Growing(filter) => {
                filter.add(event);
                false
            }
            Day::Kept(_) => {
                *known = Day::Open;
                true
            }
        }
    }

    /// A day that is over and has no kept filter.
    pub(crate) fn to_filter(&self) -> Option<u32> {
        let (newest, _) = self.0.last_key_value()?;
        self.0.range(..newest).find(|(_, known)| !matches!(known, Day::Kept(_))).map(|(day, _)| *day)
    }

    /// The day's filter has been kept.
    pub(crate) fn set_filter(&mut self, day: u32, filter: Filter) {
        self.0.insert(day, Day::Kept(filter));
    }

    /// The days before this one.
    pub(crate) fn before(&self, day: u32) -> Vec<u32> {
        self.0.range(..day).map(|(day, _)| *day).collect()
    }

    /// Forgets the days before this one.
    pub(crate) fn forget_before(&mut self, day: u32) {
        self.0 = self.0.split_off(&day);
    }
}

/// A Bloom filter in blocks of a cache line, with one bit in each of a block's words (Putze, Sanders, Singler 2007).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter(Vec<[u64; WORDS]>);

const WORDS: usize = 8;
/// Bits for each mark. With twelve, one unknown event in a hundred gets through.
const BITS: usize = 12;

impl Filter {
    /// A filter that knows these events.
    pub(crate) fn of(events: &[[u8; 16]]) -> Self {
        let blocks = (events.len() * BITS).div_ceil(WORDS * 64).max(1);
        let mut filter = Self::empty(blocks);
        events.iter().for_each(|event| filter.add(*event));
        filter
    }

    fn empty(blocks: usize) -> Self {
        Self(vec![[0; WORDS]; blocks])
    }

    fn add(&mut self, event: [u8; 16]) {
        let (block, bits) = self.place(event);
        for (word, bit) in self.0[block].iter_mut().zip(bits) {
            *word |= bit;
        }
    }

    fn may_know(&self, event: [u8; 16]) -> bool {
        let (block, bits) = self.place(event);
        self.0[block].iter().zip(bits).all(|(word, bit)| word & bit != 0)
    }

    /// Where the bits of an event are. The event is a hash already.
    fn place(&self, event: [u8; 16]) -> (usize, [u64; WORDS]) {
        let event = u128::from_be_bytes(event);
        let (high, low) = ((event >> 64) as u64, event as u64);
        let block = (u128::from(high) * self.0.len() as u128) >> 64;
        (block as usize, std::array::from_fn(|word| 1 << ((low >> (6 * word)) & 63)))
    }

    /// The bytes of its record.
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

    /// A filter that rules nothing out.
    pub(crate) fn of_everything() -> Self {
        Self(vec![[u64::MAX; WORDS]])
    }
}

/// The mark of an event.
pub(crate) fn mark(
    records: Records<'_, impl Space>,
    days: &MarkDays,
    event: &str,
    today: u32,
) -> Result<Option<Mark>, StoreError> {
    let hash = MarkKey::hash(event);
    for day in days.that_may_know(hash, today) {
        if let Some(MarkRecord { lead, content, .. }) = reading::value(records, &MarkKey { day, event: hash })? {
            return Ok(Some(Mark { event: event.to_owned(), day, lead, content }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_begins_while_the_store_is_open_is_looked_at_for_its_own_events_alone() {
        let event = |n: u32| MarkKey::hash(&format!("web:{n}"));
        let mut days = MarkDays([(4, Day::Open)].into());
        let looked_at = |days: &MarkDays, n| days.that_may_know(event(n), 5).collect::<Vec<_>>();
        assert!(!days.add(5, event(1)));
        assert_eq!(looked_at(&days, 1), [5, 4], "the day of the opening may know everything");
        assert_eq!(looked_at(&days, 2), [4]);
        assert_eq!(days.to_filter(), Some(4));
        days.set_filter(4, Filter::of(&[event(2)]));
        assert_eq!((looked_at(&days, 1), looked_at(&days, 2)), (vec![5], vec![4]));
        assert!(days.add(4, event(3)), "the filter that was kept does not know this one");
        assert_eq!(looked_at(&days, 3), [4]);
    }

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
