//! Sets of partitions: what a writer holds, and what a read asks for.
//!
//! Must not know: who holds what, how a partition follows from an id (that is core's).

use cadenza_core::id::PARTITIONS;
use std::fmt;

const WORDS: usize = PARTITIONS as usize / u64::BITS as usize;

/// A set of partitions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Partitions([u64; WORDS]);

impl Partitions {
    /// All of them: what a sole writer holds, and what a read asks for to leave nothing out.
    pub const ALL: Self = Self([u64::MAX; WORDS]);
    /// The empty set.
    pub const NONE: Self = Self([0; WORDS]);

    /// Whether the set has this partition.
    pub const fn contains(&self, partition: u8) -> bool {
        self.0[partition as usize / 64] & (1 << (partition % 64)) != 0
    }

    /// Adds a partition to the set.
    pub const fn insert(&mut self, partition: u8) {
        self.0[partition as usize / 64] |= 1 << (partition % 64);
    }

    /// Whether the set has all partitions.
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The partitions that both sets have.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// The partitions that the other set does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    /// The partitions in order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|partition| self.contains(*partition))
    }
}

impl FromIterator<u8> for Partitions {
    fn from_iter<I: IntoIterator<Item = u8>>(partitions: I) -> Self {
        let mut set = Self::NONE;
        partitions.into_iter().for_each(|partition| set.insert(partition));
        set
    }
}

/// Ranges, such as `0-127,130`.
impl fmt::Display for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut partitions = self.iter().peekable();
        let mut first = true;
        while let Some(from) = partitions.next() {
            let mut to = from;
            while let Some(next) = partitions.next_if(|next| *next == to + 1) {
                to = next;
            }
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            if from == to { write!(f, "{comma}{from}")? } else { write!(f, "{comma}{from}-{to}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partitions({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_told_apart() {
        let low: Partitions = (0..128).collect();
        let rows: [(Partitions, usize, &str); 5] = [
            (Partitions::NONE, 0, ""),
            (Partitions::ALL, 256, "0-255"),
            (low, 128, "0-127"),
            ([0, 63, 64, 65, 255].into_iter().collect(), 5, "0,63-65,255"),
            (Partitions::ALL.without(&low).and(&(100..130).collect()), 2, "128-129"),
        ];
        for (set, count, shown) in rows {
            assert_eq!((set.len(), set.to_string().as_str()), (count, shown));
            assert_eq!(set.iter().collect::<Partitions>(), set, "{shown}: read back");
            assert_eq!((set.is_empty(), set.is_all()), (count == 0, count == 256), "{shown}");
        }
    }
}
