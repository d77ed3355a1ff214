//! Draws from a seed. Everything that is drawn comes from here, and nothing is drawn once a trace is played.

pub struct Dice(fastrand::Rng);

impl Dice {
    /// The same seed always gives the same draws.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// One item of the list.
    pub fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.0.usize(0..list.len())].clone()
    }

    /// True in this many of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.0.u8(0..100) < percent
    }

    /// A number from `least` to `most`.
    pub fn from_to(&mut self, least: u32, most: u32) -> u32 {
        self.0.u32(least..=most)
    }

    /// A number that picks one of whatever there is when the step is played.
    pub fn place(&mut self) -> u16 {
        self.0.u16(..)
    }

    /// One item of the list, chosen by weight.
    pub fn weighed<T: Copy>(&mut self, list: &[(u32, T)]) -> T {
        let all = list.iter().map(|(weight, _)| weight).sum();
        let mut left = self.0.u32(0..all);
        for (weight, what) in list {
            if left < *weight {
                return *what;
            }
            left -= weight;
        }
        list[list.len() - 1].1
    }
}
