//! Who gets a lead: the choice among several, as a pure function over what a pool remembers.

use crate::effect::AssignRequest;
use crate::lead::RepId;
use crate::state::PoolState;
use crate::time::Timestamp;
use crate::workflow::{AssignBy, Sticky};
use crate::workspace::{Rep, Team};
use std::collections::BTreeMap;

/// A choice and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who; none when nobody could be found.
    pub owner: Option<RepId>,
    /// `sticky`, `pool`, `territory`, `fallback` or `none`.
    pub how: &'static str,
    /// The pool whose memory changed.
    pub pool: Option<String>,
}

/// What a choice may look at besides the request.
#[derive(Debug)]
pub struct Memory<'a> {
    /// What each pool named by the request remembers.
    pub pools: &'a mut BTreeMap<String, PoolState>,
    /// The owner of the lead's account.
    pub account_owner: Option<&'a RepId>,
    /// Open tasks by rep, as far as anybody asked.
    pub open_tasks: &'a BTreeMap<RepId, u32>,
}

/// Chooses an owner: who is known by `sticky`, else by territory or from the pool, else the fallback.
pub fn choose(request: &AssignRequest, team: &Team, memory: &mut Memory<'_>, now: Timestamp) -> Choice {
    let known = match request.sticky {
        Some(Sticky::Account) => memory.account_owner.or(request.current.as_ref()),
        Some(Sticky::Lead) => request.current.as_ref(),
        None => None,
    };
    if let Some(owner) = known.filter(|owner| team.reps.get(*owner).is_some_and(|rep| !rep.is_absent(now))) {
        return Choice { owner: Some(owner.clone()), how: "sticky", pool: None };
    }
    if request.by == AssignBy::Territory
        && let Some(owner) = &request.territory
    {
        return Choice { owner: Some(owner.clone()), how: "territory", pool: None };
    }
    if let Some(pool) = request.pool.as_deref().filter(|_| request.by != AssignBy::Territory)
        && let Some(owner) = from_pool(pool, request.by, team, memory, now)
    {
        return Choice { owner: Some(owner), how: "pool", pool: Some(pool.to_owned()) };
    }
    fallback(request, team, memory, now)
}

fn fallback(request: &AssignRequest, team: &Team, memory: &mut Memory<'_>, now: Timestamp) -> Choice {
    let nobody = Choice { owner: None, how: "none", pool: None };
    let Some(name) = &request.fallback else { return nobody };
    let rep = RepId(name.clone());
    if team.reps.contains_key(&rep) {
        return Choice { owner: Some(rep), how: "fallback", pool: None };
    }
    let by = if request.by == AssignBy::Territory { AssignBy::LongestIdle } else { request.by };
    match from_pool(name, by, team, memory, now) {
        Some(owner) => Choice { owner: Some(owner), how: "fallback", pool: Some(name.clone()) },
        None => nobody,
    }
}

/// The member whose turn it is: among those at work now, else among those not absent. The pool remembers the choice.
fn from_pool(name: &str, by: AssignBy, team: &Team, memory: &mut Memory<'_>, now: Timestamp) -> Option<RepId> {
    let pool = team.pools.get(name)?;
    let room = |id: &RepId, rep: &Rep| match rep.open_tasks_max {
        Some(max) => memory.open_tasks.get(id).copied().unwrap_or(0) < max,
        None => true,
    };
    let able: Vec<(usize, &RepId, u32, &Rep)> = pool
        .members
        .iter()
        .enumerate()
        .filter_map(|(ix, (id, weight))| Some((ix, id, *weight, team.reps.get(id)?)))
        .filter(|(_, id, _, rep)| !rep.is_absent(now) && room(id, rep))
        .collect();
    let present: Vec<_> = able.iter().filter(|(_, _, _, rep)| rep.is_present(now)).collect();
    let candidates: Vec<_> = if present.is_empty() { able.iter().collect() } else { present };
    let state = memory.pools.entry(name.to_owned()).or_default();
    let idle_since = |id: &RepId| state.last_assigned.get(id).copied().unwrap_or(Timestamp::from_ms(0));
    let given = |id: &RepId| state.assigned.get(id).copied().unwrap_or(0);
    let (_, chosen, _, _) = candidates.into_iter().min_by_key(|(ix, id, weight, _)| {
        let order = match by {
            AssignBy::LongestIdle | AssignBy::Territory => idle_since(id).as_ms() as u64,
            AssignBy::RoundRobin => given(id),
            AssignBy::LeastLoaded => u64::from(memory.open_tasks.get(*id).copied().unwrap_or(0)),
            // Fewest per unit of weight, in thousandths so that small counts are told apart.
            AssignBy::Weighted => given(id) * 1_000 / u64::from((*weight).max(1)),
        };
        (order, idle_since(id), *ix)
    })?;
    let chosen = (*chosen).clone();
    state.last_assigned.insert(chosen.clone(), now);
    *state.assigned.entry(chosen.clone()).or_default() += 1;
    Some(chosen)
}
