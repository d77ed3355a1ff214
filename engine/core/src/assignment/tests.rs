//! Who is chosen in a single choice, and in long series of choices while reps come and go.

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
    Rep { name: String::new(), email: None, signature: None, manager: None, calendar, absences, open_tasks_max }
}

/// Ada and Bob are at work; Cleo is in Tokyo, where it is night; Dora is away; Finn has as many open tasks as he may have.
fn team() -> Team {
    let ny = "America/New_York";
    let reps = [
        ("ada", rep(ny, false, None)),
        ("bob", rep(ny, false, None)),
        ("cleo", rep("Asia/Tokyo", false, None)),
        ("dora", rep(ny, true, None)),
        ("finn", rep(ny, false, Some(2))),
    ];
    let pool = |names: &[(&str, u32)]| Pool {
        members: names.iter().map(|(name, weight)| (id(name), *weight)).collect(),
        calendar: None,
    };
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
        named: None,
        except: vec![],
        callable_from: None,
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
    let cases: [(&str, Change, &str); 28] = [
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
        ("fallback to somebody away", |r, _| (r.pool, r.fallback) = (None, Some("dora".into())), "dora by away"),
        ("fallback to somebody who left", |r, _| (r.pool, r.fallback) = (None, Some("gus".into())), "nobody by none"),
        (
            "fallback to a pool that is away",
            |r, _| (r.pool, r.fallback) = (None, Some("gone".into())),
            "nobody by none",
        ),
        ("least loaded", |r, _| r.by = AssignBy::LeastLoaded, "bob by pool"),
        ("territory", |r, _| (r.by, r.named) = (AssignBy::Territory, Some(id("bob"))), "bob by territory"),
        ("no territory", |r, _| (r.by, r.fallback) = (AssignBy::Territory, Some("all".into())), "ada by fallback"),
        (
            "the territory's owner is away",
            |r, _| (r.by, r.named, r.fallback) = (AssignBy::Territory, Some(id("dora")), Some("all".into())),
            "ada by fallback",
        ),
        (
            "the territory's owner is away, and so is the fallback",
            |r, _| (r.by, r.named, r.fallback) = (AssignBy::Territory, Some(id("dora")), Some("gone".into())),
            "dora by away",
        ),
        (
            "the territory's owner is away, without a fallback",
            |r, _| (r.by, r.named) = (AssignBy::Territory, Some(id("dora"))),
            "dora by away",
        ),
        (
            "the territory's owner left",
            |r, _| (r.by, r.named) = (AssignBy::Territory, Some(id("gus"))),
            "nobody by none",
        ),
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
            "the account's owner is away, and somebody stands in already",
            |r, o| {
                (r.sticky, r.current, o.account_owner) = (Some(Sticky::Account), Some(id("bob")), Some(id("dora")));
            },
            "bob by sticky",
        ),
        (
            "the account's owner left, and somebody has the lead",
            |r, o| {
                (r.sticky, r.current, o.account_owner) = (Some(Sticky::Account), Some(id("bob")), Some(id("gus")));
            },
            "bob by sticky",
        ),
        (
            "the account's owner is away, nobody had the lead",
            |r, o| (r.sticky, o.account_owner) = (Some(Sticky::Account), Some(id("dora"))),
            "ada by pool",
        ),
        (
            "the account's owner left",
            |r, o| (r.sticky, o.account_owner) = (Some(Sticky::Account), Some(id("gus"))),
            "ada by pool",
        ),
        (
            "the account's owner and the pool are away",
            |r, o| {
                (r.sticky, o.account_owner, r.pool) = (Some(Sticky::Account), Some(id("dora")), Some("gone".into()));
            },
            "dora by away",
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
        (
            "the lead may be called when it is day in Tokyo",
            |r, _| r.callable_from = Timestamp::parse("2026-03-03T01:00:00Z"),
            "cleo by pool",
        ),
        (
            "the lead may be called when nobody is at work",
            |r, _| r.callable_from = Timestamp::parse("2026-03-02T22:30:00Z"),
            "ada by pool",
        ),
        (
            "not sticky: who had it before has no claim to it",
            |r, o| {
                (r.current, o.account_owner, r.pool, r.fallback) =
                    (Some(id("dora")), Some(id("dora")), Some("gone".into()), Some("gone".into()));
            },
            "nobody by none",
        ),
    ];
    for (what, change, expected) in cases {
        let (mut request, mut office) = (request("all", AssignBy::LongestIdle), Office::default());
        change(&mut request, &mut office);
        assert_eq!(office.choose(&request, now()), expected, "{what}");
    }
}

/// What changes before the next leads arrive.
#[derive(Clone, Copy)]
enum Turn {
    Same,
    Away(&'static str),
    Back(&'static str),
    /// The rep reaches, or no longer has, the maximum number of open tasks.
    Full(&'static str),
    Free(&'static str),
    /// The rep joins the pool with this weight, or has it from now on.
    Weight(&'static str, u32),
    Leaves(&'static str),
    /// The same person gets another id.
    Renamed(&'static str, &'static str),
}

/// A pool of reps in one zone, all of them at work.
struct Shop {
    team: Team,
    pools: BTreeMap<String, PoolState>,
    open_tasks: BTreeMap<RepId, u32>,
    now: Timestamp,
}

impl Shop {
    fn new(members: &[(&str, u32)]) -> Self {
        let mut team = Team::default();
        let members = members.iter().map(|(name, weight)| {
            team.reps.insert(id(name), rep("America/New_York", false, Some(9)));
            (id(name), *weight)
        });
        let members = members.collect();
        team.pools.insert("all".to_owned(), Pool { members, calendar: None });
        Self { team, pools: BTreeMap::new(), open_tasks: BTreeMap::new(), now: now() }
    }

    fn turn(&mut self, turn: Turn) {
        let members = &mut self.team.pools.get_mut("all").unwrap().members;
        let absences = |away: bool| if away { vec![(date(2026, 1, 1), date(2026, 12, 31))] } else { vec![] };
        match turn {
            Turn::Same => {}
            Turn::Away(name) => self.team.reps.get_mut(&id(name)).unwrap().absences = absences(true),
            Turn::Back(name) => self.team.reps.get_mut(&id(name)).unwrap().absences = absences(false),
            Turn::Full(name) => drop(self.open_tasks.insert(id(name), 9)),
            Turn::Free(name) => drop(self.open_tasks.remove(&id(name))),
            Turn::Weight(name, weight) => {
                self.team.reps.entry(id(name)).or_insert_with(|| rep("America/New_York", false, Some(9)));
                members.retain(|(member, _)| *member != id(name));
                members.push((id(name), weight));
            }
            Turn::Leaves(name) => {
                self.team.reps.remove(&id(name));
                members.retain(|(member, _)| *member != id(name));
            }
            Turn::Renamed(old, new) => {
                let before = self.team.reps.remove(&id(old)).unwrap();
                self.team.reps.insert(id(new), before);
                members.iter_mut().filter(|(member, _)| *member == id(old)).for_each(|(member, _)| *member = id(new));
            }
        }
    }

    /// Gives out this many leads at this interval, and returns how many each rep got.
    fn give(&mut self, by: AssignBy, leads: u32, apart_ms: i64) -> BTreeMap<RepId, u32> {
        let mut given = BTreeMap::new();
        for _ in 0..leads {
            self.now = self.now.plus_ms(apart_ms);
            let mut memory = Memory { pools: &mut self.pools, account_owner: None, open_tasks: &self.open_tasks };
            let owner = choose(&request("all", by), &self.team, &mut memory, self.now).owner;
            *given.entry(owner.unwrap_or(id("nobody"))).or_default() += 1;
        }
        given
    }
}

/// Counts how many leads each rep gets while reps come and go. No rep is owed anything for an absence.
#[test]
fn who_comes_and_goes_takes_part_as_from_now() {
    use AssignBy::{LeastLoaded, LongestIdle, RoundRobin, Weighted};
    use Turn::{Away, Back, Free, Full, Leaves, Renamed, Same, Weight};
    const ABC: &[(&str, u32)] = &[("ada", 1), ("bob", 1), ("cal", 1)];
    const EVERY: &[AssignBy] = &[LongestIdle, RoundRobin, LeastLoaded, Weighted];
    type Phase = (Turn, u32, &'static [(&'static str, u32)]);
    // The name, the strategies, the pool, and the phases. Each phase says what changes, how many leads arrive then, and
    // the share of each rep (give or take one).
    type Case = (&'static str, &'static [AssignBy], &'static [(&'static str, u32)], &'static [Phase]);
    let cases: &[Case] = &[
        ("three alike", EVERY, ABC, &[(Same, 30, &[("ada", 10), ("bob", 10), ("cal", 10)])]),
        (
            "a holiday of a hundred leads",
            EVERY,
            ABC,
            &[
                (Same, 9, &[("ada", 3), ("bob", 3), ("cal", 3)]),
                (Away("bob"), 100, &[("ada", 50), ("cal", 50)]),
                (Back("bob"), 12, &[("ada", 4), ("bob", 4), ("cal", 4)]),
            ],
        ),
        (
            "everybody but one away, one after the other",
            EVERY,
            ABC,
            &[
                (Away("bob"), 40, &[("ada", 20), ("cal", 20)]),
                (Away("cal"), 40, &[("ada", 40)]),
                (Back("bob"), 10, &[("ada", 5), ("bob", 5)]),
                (Back("cal"), 12, &[("ada", 4), ("bob", 4), ("cal", 4)]),
            ],
        ),
        (
            "somebody new",
            EVERY,
            ABC,
            &[
                (Same, 300, &[("ada", 100), ("bob", 100), ("cal", 100)]),
                (Weight("dan", 1), 12, &[("ada", 3), ("bob", 3), ("cal", 3), ("dan", 3)]),
            ],
        ),
        (
            "the same person under another name",
            EVERY,
            ABC,
            &[
                (Same, 300, &[("ada", 100), ("bob", 100), ("cal", 100)]),
                (Renamed("bob", "robert"), 12, &[("ada", 4), ("robert", 4), ("cal", 4)]),
            ],
        ),
        (
            "somebody leaves and comes again",
            EVERY,
            ABC,
            &[
                (Same, 30, &[("ada", 10), ("bob", 10), ("cal", 10)]),
                (Leaves("bob"), 100, &[("ada", 50), ("cal", 50)]),
                (Weight("bob", 1), 12, &[("ada", 4), ("bob", 4), ("cal", 4)]),
            ],
        ),
        (
            "a desk that is full for a while",
            EVERY,
            ABC,
            &[
                (Full("bob"), 100, &[("ada", 50), ("cal", 50)]),
                (Free("bob"), 12, &[("ada", 4), ("bob", 4), ("cal", 4)]),
            ],
        ),
        (
            "weights",
            &[Weighted],
            &[("ada", 1), ("bob", 3)],
            &[
                (Same, 40, &[("ada", 10), ("bob", 30)]),
                (Away("ada"), 40, &[("bob", 40)]),
                (Back("ada"), 8, &[("ada", 2), ("bob", 6)]),
            ],
        ),
        (
            "weights count in no other way of choosing",
            &[LongestIdle, RoundRobin, LeastLoaded],
            &[("ada", 1), ("bob", 3)],
            &[(Same, 40, &[("ada", 20), ("bob", 20)])],
        ),
        (
            "a weight goes up",
            &[Weighted],
            ABC,
            &[
                (Same, 60, &[("ada", 20), ("bob", 20), ("cal", 20)]),
                (Weight("ada", 2), 12, &[("ada", 6), ("bob", 3), ("cal", 3)]),
            ],
        ),
        (
            "a weight goes down",
            &[Weighted],
            &[("ada", 4), ("bob", 1)],
            &[(Same, 60, &[("ada", 48), ("bob", 12)]), (Weight("ada", 1), 10, &[("ada", 5), ("bob", 5)])],
        ),
        (
            "a weight of hundreds becomes one",
            &[Weighted],
            &[("ada", 1_000), ("bob", 1)],
            &[(Same, 500, &[("ada", 500)]), (Weight("ada", 1), 10, &[("ada", 5), ("bob", 5)])],
        ),
        (
            "somebody new with a great weight",
            &[Weighted],
            ABC,
            &[
                (Same, 60, &[("ada", 20), ("bob", 20), ("cal", 20)]),
                (Weight("dan", 3), 12, &[("ada", 2), ("bob", 2), ("cal", 2), ("dan", 6)]),
            ],
        ),
    ];
    for (what, strategies, pool, phases) in cases {
        for (by, apart_ms) in strategies.iter().flat_map(|by| [(*by, 0), (*by, 60)]) {
            let mut shop = Shop::new(pool);
            for (phase, (turn, leads, expected)) in phases.iter().enumerate() {
                shop.turn(*turn);
                let given = shop.give(by, *leads, apart_ms);
                let close = |(name, share): &(&str, u32)| given.get(&id(name)).unwrap_or(&0).abs_diff(*share) <= 1;
                let others = given.keys().all(|rep| expected.iter().any(|(name, _)| rep.0 == *name));
                assert!(
                    expected.iter().all(close) && others,
                    "{what}, {by}, {apart_ms} ms apart, phase {phase}: {given:?} and not {expected:?}"
                );
            }
        }
    }
}

#[test]
fn a_round_gives_everybody_the_share_of_the_weight() {
    for weights in [&[1, 1][..], &[5, 1, 1], &[1, 2, 3, 4], &[7, 7, 1], &[10, 1, 1, 1, 1, 1], &[3, 1_000]] {
        let names: Vec<String> = (0..weights.len()).map(|n| format!("rep-{n}")).collect();
        let pool: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(weights.iter().copied()).collect();
        let mut shop = Shop::new(&pool);
        let round: u32 = weights.iter().sum();
        for number in 1..=3 {
            let given = shop.give(AssignBy::Weighted, round, 1);
            let got: Vec<u32> = names.iter().map(|name| given.get(&id(name)).copied().unwrap_or(0)).collect();
            assert_eq!(got, *weights, "round {number}");
        }
    }
}

/// The memory as an earlier version stored it: how many leads each rep got over years, and nothing about turns.
#[test]
fn an_older_memory_owes_nobody_anything() {
    for by in [AssignBy::LongestIdle, AssignBy::RoundRobin, AssignBy::LeastLoaded, AssignBy::Weighted] {
        let mut shop = Shop::new(&[("ada", 1), ("bob", 1), ("cal", 1)]);
        let last_assigned = [(id("ada"), now()), (id("bob"), now())].into();
        let assigned = [(id("ada"), 5_000), (id("bob"), 4_000)].into();
        shop.pools.insert("all".to_owned(), PoolState { last_assigned, assigned, ..PoolState::default() });
        let given = shop.give(by, 12, 0);
        assert_eq!(given.values().copied().collect::<Vec<_>>(), [4, 4, 4], "{by}");
    }
}

/// Sixty-four leads arrive at once. The caller counts the tasks that they bring.
#[test]
fn the_least_loaded_gets_what_evens_the_load() {
    let mut shop = Shop::new(&[("ada", 1), ("bob", 1), ("cal", 1)]);
    shop.team.reps.values_mut().for_each(|rep| rep.open_tasks_max = None);
    shop.open_tasks = [(id("ada"), 30), (id("bob"), 0), (id("cal"), 10)].into();
    for _ in 0..64 {
        let given = shop.give(AssignBy::LeastLoaded, 1, 0);
        given.keys().for_each(|rep| *shop.open_tasks.entry(rep.clone()).or_default() += 1);
    }
    let mut loads: Vec<u32> = shop.open_tasks.values().copied().collect();
    loads.sort_unstable();
    assert_eq!(loads, [34, 35, 35]);
}
