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
/// Whoever joins the pool late counts as one turn behind whoever had the fewest, not as having had none.
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
    let fewest = able.iter().filter_map(|(_, id, _, _)| state.assigned.get(*id)).min();
    let at_first = fewest.map_or(0, |turns| turns.saturating_sub(1));
    let given = |id: &RepId| state.assigned.get(id).copied().unwrap_or(at_first);
    let (_, chosen, _, _) = candidates.into_iter().min_by_key(|(ix, id, weight, _)| {
        let order = match by {
            AssignBy::LongestIdle | AssignBy::Territory => idle_since(id).as_ms() as u64,
            AssignBy::RoundRobin => given(id),
            AssignBy::LeastLoaded => u64::from(memory.open_tasks.get(*id).copied().unwrap_or(0)),
            // Fewest per unit of weight, in thousandths so that small counts are told apart.
            AssignBy::Weighted => given(id) * 1_000 / u64::from((*weight).max(1)),
        };
        // Many leads may come in one millisecond: then whoever was given less goes first, or the first would get all.
        (order, idle_since(id), given(id), *ix)
    })?;
    let chosen = (*chosen).clone();
    state.last_assigned.insert(chosen.clone(), now);
    *state.assigned.entry(chosen.clone()).or_insert(at_first) += 1;
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, weekdays_nine_to_five};
    use crate::id::{LeadId, RunId};
    use crate::workspace::Pool;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    fn id(name: &str) -> RepId {
        RepId(name.to_owned())
    }

    fn rep(zone: &str, away: bool, open_tasks_max: Option<u32>) -> Rep {
        let zone = TimeZone::get(zone).unwrap();
        let calendar = Calendar::new(zone, weekdays_nine_to_five(), [].into()).unwrap();
        let absences = if away { vec![(date(2026, 3, 1), date(2026, 3, 31))] } else { vec![] };
        Rep { name: String::new(), email: None, manager: None, calendar, absences, open_tasks_max }
    }

    /// Ada and Bob are at work, Cleo is in Tokyo where it is night, Dora is away, Finn has his hands full.
    fn team() -> Team {
        let ny = "America/New_York";
        let reps = [
            ("ada", rep(ny, false, None)),
            ("bob", rep(ny, false, None)),
            ("cleo", rep("Asia/Tokyo", false, None)),
            ("dora", rep(ny, true, None)),
            ("finn", rep(ny, false, Some(2))),
        ];
        let pool =
            |names: &[(&str, u32)]| Pool { members: names.iter().map(|(name, weight)| (id(name), *weight)).collect() };
        Team {
            reps: reps.into_iter().map(|(name, rep)| (id(name), rep)).collect(),
            pools: [
                ("all".to_owned(), pool(&[("dora", 1), ("finn", 1), ("cleo", 1), ("ada", 1), ("bob", 3)])),
                ("night".to_owned(), pool(&[("dora", 1), ("cleo", 1)])),
                ("gone".to_owned(), pool(&[("dora", 1)])),
            ]
            .into(),
            territories: vec![],
        }
    }

    fn request(pool: &str, by: AssignBy) -> AssignRequest {
        AssignRequest {
            run: RunId::born(LeadId(1 << 20), 1),
            attempt: 1,
            pool: Some(pool.to_owned()),
            by,
            sticky: None,
            fallback: None,
            current: None,
            account: None,
            territory: None,
        }
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-03-02T15:00:00Z").unwrap()
    }

    #[derive(Default)]
    struct Office {
        pools: BTreeMap<String, PoolState>,
        account_owner: Option<RepId>,
    }

    impl Office {
        fn choose(&mut self, request: &AssignRequest, now: Timestamp) -> String {
            let open_tasks = [(id("finn"), 2), (id("ada"), 5), (id("bob"), 1)].into();
            let account_owner = self.account_owner.as_ref();
            let mut memory = Memory { pools: &mut self.pools, account_owner, open_tasks: &open_tasks };
            let Choice { owner, how, .. } = choose(request, &team(), &mut memory, now);
            format!("{} by {how}", owner.map_or("nobody".to_owned(), |owner| owner.0))
        }
    }

    #[test]
    fn one_choice() {
        type Change = fn(&mut AssignRequest, &mut Office);
        let cases: [(&str, Change, &str); 13] = [
            ("longest idle, at work before in bed", |_, _| {}, "ada by pool"),
            ("nobody at work", |r, _| r.pool = Some("night".into()), "cleo by pool"),
            ("everybody away", |r, _| r.pool = Some("gone".into()), "nobody by none"),
            ("no such pool", |r, _| r.pool = Some("none".into()), "nobody by none"),
            (
                "fallback to a pool",
                |r, _| (r.pool, r.fallback) = (Some("gone".into()), Some("all".into())),
                "ada by fallback",
            ),
            ("fallback to a rep", |r, _| (r.pool, r.fallback) = (None, Some("bob".into())), "bob by fallback"),
            ("least loaded", |r, _| r.by = AssignBy::LeastLoaded, "bob by pool"),
            ("territory", |r, _| (r.by, r.territory) = (AssignBy::Territory, Some(id("bob"))), "bob by territory"),
            ("no territory", |r, _| (r.by, r.fallback) = (AssignBy::Territory, Some("all".into())), "ada by fallback"),
            (
                "sticky to the account",
                |r, o| {
                    (r.sticky, r.current, o.account_owner) = (Some(Sticky::Account), Some(id("ada")), Some(id("bob")));
                },
                "bob by sticky",
            ),
            (
                "sticky to the lead, the account has none",
                |r, _| (r.sticky, r.current) = (Some(Sticky::Account), Some(id("bob"))),
                "bob by sticky",
            ),
            (
                "sticky to somebody away",
                |r, _| (r.sticky, r.current) = (Some(Sticky::Lead), Some(id("dora"))),
                "ada by pool",
            ),
            (
                "sticky to somebody who left",
                |r, _| (r.sticky, r.current) = (Some(Sticky::Lead), Some(id("gus"))),
                "ada by pool",
            ),
        ];
        for (what, change, expected) in cases {
            let (mut request, mut office) = (request("all", AssignBy::LongestIdle), Office::default());
            change(&mut request, &mut office);
            assert_eq!(office.choose(&request, now()), expected, "{what}");
        }
    }

    #[test]
    fn many_choices_in_one_millisecond_are_spread() {
        for (by, ada, bob) in
            [(AssignBy::LongestIdle, 20, 20), (AssignBy::RoundRobin, 20, 20), (AssignBy::Weighted, 10, 30)]
        {
            let mut office = Office::default();
            for _ in 0..40 {
                office.choose(&request("all", by), now());
            }
            let given = &office.pools["all"].assigned;
            assert_eq!((given[&id("ada")], given[&id("bob")]), (ada, bob), "{by}");
        }
    }

    #[test]
    fn whoever_joins_late_is_not_given_everything() {
        let mut office = Office::default();
        let memory = office.pools.entry("all".to_owned()).or_default();
        memory.assigned.insert(id("bob"), 500);
        memory.last_assigned.insert(id("bob"), now());
        let choices = (1..=4).map(|ms| office.choose(&request("all", AssignBy::RoundRobin), now().plus_ms(ms)));
        let choices: Vec<String> = choices.collect();
        assert_eq!(choices, ["ada by pool", "bob by pool", "ada by pool", "bob by pool"]);
    }
}
