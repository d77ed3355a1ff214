//! How much of each budgeted resource a decision used.

use crate::error::LoadError;
use crate::limits::Budgets;
use crate::resource::Resource;
use cadenza_core::plugin::Cost;

/// A decision that uses more than this percentage of a budget is near it.
pub const NEAR_PERCENT: u64 = 80;

/// What one decision used of each budgeted resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used([u64; Resource::ALL.len()]);

impl Used {
    pub(crate) fn new(cost: &Cost, output_bytes: usize, table_elements: usize, shape: Shape) -> Self {
        // In the order of `Resource`.
        Self([
            cost.fuel,
            cost.wall_ns / 1_000,
            cost.memory_bytes,
            output_bytes as u64,
            u64::from(cost.log_lines),
            table_elements as u64,
            shape.tables as u64,
            shape.instances as u64,
        ])
    }

    /// How much of one resource was used.
    pub fn of(&self, resource: Resource) -> u64 {
        self.0[resource as usize]
    }

    /// The larger value for each resource.
    #[must_use]
    pub fn most(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = theirs.max(*mine);
        }
        self
    }

    /// Counts a resource that ran out as fully used, whatever was measured, because what was refused is not measured.
    pub(crate) fn reached(&mut self, resource: Resource, budgets: &Budgets) {
        let used = &mut self.0[resource as usize];
        *used = budgets.of(resource).max(*used);
    }

    /// The resources of which it is near the budget, or over it.
    pub fn near(&self, budgets: &Budgets) -> impl Iterator<Item = Resource> {
        let (used, budgets) = (*self, *budgets);
        let near = move |of: &Resource| used.of(*of).saturating_mul(100) > budgets.of(*of).saturating_mul(NEAR_PERCENT);
        Resource::ALL.into_iter().filter(near)
    }
}

/// What every instance of a component is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) tables: usize,
    pub(crate) instances: usize,
}

impl Shape {
    /// Finds the smallest numbers with which an instance can still be made; wasmtime counts them
    /// but does not reveal them.
    pub(crate) fn of(most: &Budgets, made: impl Fn(&Budgets) -> bool) -> Self {
        Self {
            tables: least(most.tables, |tables| made(&Budgets { tables, ..*most })),
            instances: least(most.instances, |instances| made(&Budgets { instances, ..*most })),
        }
    }

    /// Refuses smaller budgets than this.
    pub(crate) fn fits(&self, budgets: &Budgets) -> Result<(), LoadError> {
        for (of, has, allowed) in
            [(Resource::Tables, self.tables, budgets.tables), (Resource::Instances, self.instances, budgets.instances)]
        {
            if has > allowed {
                return Err(LoadError::Parts { what: of.setting(), has, allowed });
            }
        }
        Ok(())
    }
}

/// The smallest number for which `holds` is true. It must be true for `most`, and for everything above the smallest.
fn least(most: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_found_wherever_it_lies() {
        for wanted in 0..=9 {
            assert_eq!(least(9, |few| few >= wanted), wanted);
        }
    }

    #[test]
    fn resources_lie_where_their_number_says() {
        for (at, resource) in Resource::ALL.into_iter().enumerate() {
            assert_eq!(resource as usize, at);
        }
    }
}
