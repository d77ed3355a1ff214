//! Who gets a lead: the choice among several reps, as a pure function over what a pool remembers.
//!
//! Turns are a smooth weighted round robin. Every rep who takes part in a choice earns their weight as credit, and the
//! one who is chosen pays what all of them earned together. A rep who is away, asleep, busy or new earns nothing
//! meanwhile, so no rep is owed turns for an absence. Credit counts for at most one round of the reps who take part
//! now, so no rep is owed what another weight or another pool would have given. Every strategy settles ties by turn;
//! most ties come from many leads in one millisecond.

use crate::effect::AssignRequest;
use crate::lead::RepId;
use crate::state::PoolState;
use crate::time::Timestamp;
use crate::workflow::{AssignBy, ChosenBy, Sticky};
use crate::workspace::{Pool, Rep, Team};
use std::collections::BTreeMap;

/// An owner, and how the choice came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `None` when no owner could be found.
    pub owner: Option<RepId>,
    pub how: ChosenBy,
}

/// Access to what pools remember.
pub trait Pools {
    /// What this pool remembers, which the choice may change.
    fn pool(&mut self, name: &str) -> &mut PoolState;
}

impl Pools for BTreeMap<String, PoolState> {
    fn pool(&mut self, name: &str) -> &mut PoolState {
        self.entry(name.to_owned()).or_default()
    }
}

/// What a choice may look at besides the request.
pub struct Memory<'a> {
    /// What each pool remembers. Only the pool that is chosen from is asked for.
    pub pools: &'a mut dyn Pools,
    pub account_owner: Option<&'a RepId>,
    /// Open tasks by rep, as far as the choice depends on them. A lead that was just given to a rep counts as one.
    pub open_tasks: &'a BTreeMap<RepId, u32>,
}

/// Chooses an owner: the one known by `sticky`, else the territory's owner or a member of the pool, else the fallback.
/// A rep who is away is chosen only when no one else is found, and `how` then says so.
pub fn choose(request: &AssignRequest, team: &Team, memory: &mut Memory<'_>, now: Timestamp) -> Choice {
    let known: Vec<&RepId> = match request.sticky {
        // The account's owner comes first. A rep who stands in keeps the lead until that owner is back.
        Some(Sticky::Account) => memory.account_owner.into_iter().chain(&request.current).collect(),
        Some(Sticky::Lead) => request.current.iter().collect(),
        None => Vec::new(),
    };
    let passed_over = |owner: &RepId| request.except.contains(owner);
    let known: Vec<&RepId> = known.into_iter().filter(|owner| !passed_over(owner)).collect();
    let named = request.named.as_ref();
    let one = |owner: &RepId, how| Choice { owner: Some(owner.clone()), how };
    if let Some(owner) = known.iter().find(|owner| team.is_here(owner, now)) {
        return one(owner, ChosenBy::Sticky);
    }
    if let Some(owner) = named.filter(|owner| team.is_here(owner, now)) {
        return one(owner, if request.by == AssignBy::Rep { ChosenBy::Named } else { ChosenBy::Territory });
    }
    let how = Choosing { by: request.by, callable_from: request.callable_from, except: &request.except };
    if let Some(pool) = request.pool.as_deref().filter(|_| !request.by.names_one())
        && let Some(owner) = from_pool(pool, &how, team, memory, now)
    {
        return Choice { owner: Some(owner), how: ChosenBy::Pool };
    }
    let fallback = request.fallback.clone().map(RepId);
    if let Some(owner) = fallback.as_ref().filter(|owner| team.is_here(owner, now)) {
        return one(owner, ChosenBy::Fallback);
    }
    let by = if request.by.names_one() { AssignBy::LongestIdle } else { request.by };
    if let Some(pool) = &request.fallback
        && let Some(owner) = from_pool(pool, &Choosing { by, ..how }, team, memory, now)
    {
        return Choice { owner: Some(owner), how: ChosenBy::Fallback };
    }
    let away = known.into_iter().chain(named).chain(&fallback).find(|owner| team.knows(owner));
    away.map_or(Choice { owner: None, how: ChosenBy::Nobody }, |owner| one(owner, ChosenBy::Away))
}

/// A member of a pool who could be chosen.
struct Candidate<'a> {
    id: &'a RepId,
    rep: &'a Rep,
    weight: i64,
}

/// How a member of a pool is chosen.
#[derive(Clone, Copy)]
struct Choosing<'a> {
    by: AssignBy,
    /// The time from which the lead may be called; `None` for now.
    callable_from: Option<Timestamp>,
    /// Members to skip.
    except: &'a [RepId],
}

/// Chooses a member of a pool: among those at work when the lead may be called, else among those at work now, else
/// among those not absent. The pool remembers the choice.
fn from_pool(name: &str, turn: &Choosing<'_>, team: &Team, memory: &mut Memory<'_>, now: Timestamp) -> Option<RepId> {
    let Choosing { by, callable_from, except } = *turn;
    let pool = team.pools.get(name)?;
    let open_tasks = |id: &RepId| memory.open_tasks.get(id).copied().unwrap_or(0);
    let able = pool.members.iter().filter_map(|(id, weight)| {
        let rep = team.reps.get(id)?;
        let room = rep.open_tasks_max.is_none_or(|max| open_tasks(id) < max);
        let weight = if by == AssignBy::Weighted { i64::from((*weight).max(1)) } else { 1 };
        (room && !except.contains(id) && !rep.is_absent(now)).then_some(Candidate { id, rep, weight })
    });
    let able: Vec<Candidate<'_>> = able.collect();
    let at_work = |at: Timestamp| able.iter().any(|candidate| candidate.rep.is_present(at));
    let candidates = match callable_from.into_iter().chain([now]).find(|at| at_work(*at)) {
        Some(at) => able.into_iter().filter(|candidate| candidate.rep.is_present(at)).collect(),
        None => able,
    };
    if candidates.is_empty() {
        return None;
    }
    let state = memory.pools.pool(name);
    forget_others(state, pool);
    let round = earn(&mut state.credit, &candidates);
    let idle_since = |id: &RepId| state.last_assigned.get(id).copied().unwrap_or(Timestamp::from_ms(0));
    // If several are still equal, the first in the pool's order is chosen.
    let chosen = candidates.into_iter().min_by_key(|candidate| {
        let first = match by {
            AssignBy::LongestIdle | AssignBy::Territory | AssignBy::Rep => idle_since(candidate.id).as_ms(),
            AssignBy::LeastLoaded => i64::from(open_tasks(candidate.id)),
            AssignBy::RoundRobin | AssignBy::Weighted => 0,
        };
        (first, std::cmp::Reverse(state.credit.get(candidate.id).copied()), idle_since(candidate.id))
    })?;
    let chosen = chosen.id.clone();
    *state.credit.entry(chosen.clone()).or_default() -= round;
    state.last_assigned.insert(chosen.clone(), now);
    *state.assigned.entry(chosen.clone()).or_default() += 1;
    Some(chosen)
}

/// Gives every candidate their weight as credit. Returns the total, which is the price of a turn.
fn earn(credit: &mut BTreeMap<RepId, i64>, candidates: &[Candidate<'_>]) -> i64 {
    let round: i64 = candidates.iter().map(|candidate| candidate.weight).sum();
    for Candidate { id, weight, .. } in candidates {
        let earned = credit.entry((*id).clone()).or_default();
        *earned = (*earned).clamp(-round, round) + weight;
    }
    round
}

/// Forgets members that have left the pool. One who comes back begins anew.
fn forget_others(state: &mut PoolState, pool: &Pool) {
    let stays = |id: &RepId| pool.members.iter().any(|(member, _)| member == id);
    let known = state.credit.len().max(state.last_assigned.len()).max(state.assigned.len());
    if known > pool.members.len() {
        state.credit.retain(|id, _| stays(id));
        state.last_assigned.retain(|id, _| stays(id));
        state.assigned.retain(|id, _| stays(id));
    }
}

#[cfg(test)]
mod tests;
