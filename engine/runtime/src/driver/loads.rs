//! How much a rep has to do, for assignments that depend on it: what the store knows, and what the open batch and the one
//! being flushed have just given.

use super::Driver;
use cadenza_core::effect::AssignRequest;
use cadenza_core::lead::RepId;
use cadenza_core::task::Assignee;
use cadenza_core::workflow::AssignBy;
use cadenza_store::StoreError;
use std::collections::BTreeMap;

/// With so many open tasks reps are alike to `least_loaded`, and get leads in turn.
const OPEN_TASKS_COUNTED_MAX: u32 = 1_000;
/// Places of a queue read at once.
const PAGE: usize = 256;

impl Driver {
    /// Open tasks by rep, where the choice depends on them.
    pub(super) async fn open_tasks(&self, request: &AssignRequest) -> Result<BTreeMap<RepId, u32>, StoreError> {
        let team = &self.parts.catalog.live.settings.team;
        let least = (request.by == AssignBy::LeastLoaded).then_some(OPEN_TASKS_COUNTED_MAX);
        let mut counted = BTreeMap::new();
        for rep in request.pool.iter().chain(&request.fallback).flat_map(|pool| team.members(pool)) {
            let most = team.reps.get(rep).and_then(|rep| rep.open_tasks_max).max(least);
            if let Some(most) = most.filter(|_| !counted.contains_key(rep)) {
                counted.insert(rep.clone(), self.open_tasks_of(rep, most).await?);
            }
        }
        Ok(counted)
    }

    /// A rep's open tasks; that there are more than `most` is not counted to the end. Of leads in memory the store may know
    /// too little or too much, as it pleases.
    async fn open_tasks_of(&self, rep: &RepId, most: u32) -> Result<u32, StoreError> {
        let assignee = Assignee::Rep(rep.clone());
        let mut count = self.set.given_to(rep);
        let mut after = None;
        while count < most {
            let mut page = self.parts.store.queue(Some(&assignee), after.as_ref(), PAGE).await?;
            let stored = page.iter().filter(|place| self.set.lead(place.task.lead()).is_none()).count();
            count = count.saturating_add(u32::try_from(stored).unwrap_or(u32::MAX));
            if page.len() < PAGE {
                break;
            }
            after = page.pop();
        }
        Ok(count)
    }
}
