//! What becomes of an overdue call, by what was decided and by who is there. Nothing that was
//! not done may be noted as done.

use crate::support::workflows::{self as w, pooled};
use crate::support::{Shared, Sim, World, answer};
use crate::teller::told;
use cadenza_core::effect::Question;
use cadenza_core::event::{Event, LeadCommand, Report, StandardEvent, TaskChange};
use cadenza_core::journal::Note;
use cadenza_core::lead::RepId;
use cadenza_core::plugin::{Action, DecisionFailure};
use cadenza_core::state::TASKS_MAX;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{Escalate, Recipient, Verb, Workflow};
use cadenza_core::workspace::{Settings, Team};
use jiff::civil::date;
use std::sync::Arc;

fn id(name: &str) -> RepId {
    RepId(name.to_owned())
}

/// Ada, Bob and Cara close; Mia is their manager, and Olga is Mia's.
struct Scene {
    world: World,
    shared: Shared,
    sim: Sim,
    now: Timestamp,
}

impl Scene {
    /// A call for Ada that is five minutes late. `escalate` says who hears of it.
    fn new(escalate: fn(&mut Escalate)) -> Self {
        let mut plan = w::escalate();
        escalate(&mut plan);
        let workflow: Arc<Workflow> = w::workflow("urgent")
            .on_created()
            .step("own", |_| Verb::Assign(w::pool(None)))
            .step("call", move |go| w::call("5m", Some(plan.clone()), w::results(go, &[], "end")))
            .build();
        let now = w::at("2026-03-02T15:00:00Z");
        let world = w::world(vec![workflow], pooled);
        let mut scene = Self { world, shared: Shared::default(), sim: Sim::new(1, now), now };
        let (olga, boss) = w::rep("olga", None);
        scene.team(|team| {
            team.reps.insert(olga.clone(), boss);
            team.reps.get_mut(&id("mia")).expect("she is in the team").manager = Some(olga);
        });
        scene.feed(Event::Reported(Report {
            kind: w::standard(StandardEvent::LeadCreated),
            at: now,
            source: "web".to_owned(),
            fields: vec![],
            data: [].into(),
            enrolls: true,
            only_finds: false,
            left_out: vec![],
            standing: None,
            also: Vec::new(),
        }));
        assert_eq!(scene.sim.state.tasks[0].assignee, Assignee::Rep(id("ada")));
        scene
    }

    fn settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(Arc::make_mut(&mut self.world.live.settings));
    }

    fn team(&mut self, change: impl FnOnce(&mut Team)) {
        self.settings(|settings| change(&mut settings.team));
    }

    fn away(&mut self, names: &[&str]) {
        let absences = vec![(date(2026, 3, 1), date(2026, 3, 20))];
        self.team(|team| {
            for name in names {
                team.reps.get_mut(&id(name)).expect("a rep of the team").absences.clone_from(&absences);
            }
        });
    }

    /// Takes these reps out of the team, also as managers.
    fn gone(&mut self, names: &[&str]) {
        self.team(|team| {
            for name in names.iter().map(|name| id(name)) {
                team.reps.remove(&name);
                team.pools.values_mut().for_each(|pool| pool.members.retain(|(rep, _)| *rep != name));
                team.reps
                    .values_mut()
                    .filter(|rep| rep.manager == Some(name.clone()))
                    .for_each(|rep| rep.manager = None);
            }
        });
    }

    fn feed(&mut self, event: Event) -> Vec<Note> {
        self.sim.feed(&self.world, &mut self.shared, self.now, event)
    }

    fn tell(&self, notes: &[Note]) -> Vec<String> {
        notes.iter().filter_map(|note| told(note, &self.sim, &self.world)).collect()
    }

    fn move_task(&mut self, change: TaskChange) {
        let task = self.sim.state.tasks[0].id;
        self.feed(Event::TaskMoved { task, change, by: "ops".to_owned() });
    }

    /// Lets the next escalation point come and answers it with this decision. Returns what was noted.
    fn decide(&mut self, decision: Result<Action, DecisionFailure>) -> Vec<String> {
        self.now = self.sim.state.next_due().expect("a point ahead");
        let mut notes = self.feed(Event::TimerDue);
        let question: Question = self.sim.questions.pop().expect("a plugin was asked");
        notes.extend(self.feed(answer(&question, decision.map(w::escalated))));
        self.tell(&notes)
    }
}

type Change = fn(&mut Scene);

fn check(action: Action, cases: &[(&str, Change, &[&str])]) {
    for (what, change, expected) in cases {
        let mut scene = Scene::new(|_| {});
        change(&mut scene);
        let happened = scene.decide(Ok(action));
        assert_eq!(happened, *expected, "{action} when {what}");
    }
}

const TO_MIA: &str = "escalation for mia, due Mon 03-02 10:05";

#[test]
fn a_reminder() {
    check(
        Action::Remind,
        &[
            ("everybody is here", |_| {}, &["queued by chat", "escalated at point 0: remind ada"]),
            (
                "the owner is away",
                |s| s.away(&["ada"]),
                &["no remind: away ada", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "the owner left",
                |s| s.gone(&["ada"]),
                &[
                    "gone: ada",
                    "task now with pool:closers",
                    "no remind: gone ada",
                    TO_MIA,
                    "queued by chat",
                    "escalated at point 0: raise mia",
                ],
            ),
            (
                "it is the pool's",
                |s| s.sim.state.tasks[0].assignee = Assignee::Pool("closers".to_owned()),
                &["queued by chat", "escalated at point 0: remind ada"],
            ),
            (
                "the pool has it, and the lead is nobody's",
                |s| {
                    s.sim.state.tasks[0].assignee = Assignee::Pool("closers".to_owned());
                    s.sim.state.lead.owner = None;
                },
                &["no remind: no_owner nobody", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "it is nobody's",
                |s| {
                    s.sim.state.tasks[0].assignee = Assignee::Nobody;
                    s.sim.state.lead.owner = None;
                },
                &[
                    "no remind: no_owner nobody",
                    "no raise: no_owner nobody",
                    "escalation for nobody, due Mon 03-02 10:05",
                    "nobody told at point 0",
                ],
            ),
            (
                "no connection carries it",
                |s| s.settings(|settings| settings.contact.notify_via = None),
                &["no remind: no_connection ada"],
            ),
            (
                "the owner and everybody above are away",
                |s| s.away(&["ada", "mia", "olga"]),
                &[
                    "no remind: away ada",
                    "no raise: away mia",
                    "no raise: away olga",
                    "escalation for nobody, due Mon 03-02 10:05",
                    "nobody told at point 0",
                ],
            ),
        ],
    );
}

#[test]
fn raising() {
    check(
        Action::Raise,
        &[
            ("everybody is here", |_| {}, &[TO_MIA, "queued by chat", "escalated at point 0: raise mia"]),
            (
                "the manager is away",
                |s| s.away(&["mia"]),
                &[
                    "no raise: away mia",
                    "escalation for olga, due Mon 03-02 10:05",
                    "queued by chat",
                    "escalated at point 0: raise olga",
                ],
            ),
            (
                "the manager left",
                |s| s.gone(&["mia"]),
                &[
                    "no raise: no_manager nobody",
                    "escalation for nobody, due Mon 03-02 10:05",
                    "nobody told at point 0",
                ],
            ),
            (
                "the owner left",
                |s| s.gone(&["ada"]),
                &[
                    "gone: ada",
                    "task now with pool:closers",
                    TO_MIA,
                    "queued by chat",
                    "escalated at point 0: raise mia",
                ],
            ),
            (
                "the owner left, and the pool too",
                |s| {
                    s.gone(&["ada"]);
                    s.team(|team| team.pools.clear());
                },
                &[
                    "gone: ada",
                    "task now with nobody",
                    "no raise: no_manager nobody",
                    "escalation for nobody, due Mon 03-02 10:05",
                    "nobody told at point 0",
                ],
            ),
            (
                "no connection carries it: the manager has a task all the same",
                |s| s.settings(|settings| settings.contact.notify_via = None),
                &[TO_MIA, "escalated at point 0: raise mia"],
            ),
            ("the lead has as many tasks as it may", fill, &["queued by chat", "escalated at point 0: raise mia"]),
            (
                "the lead has as many tasks as it may, and no connection carries it",
                |s| {
                    fill(s);
                    s.settings(|settings| settings.contact.notify_via = None);
                },
                &["no raise: no_room mia", "nobody told at point 0"],
            ),
        ],
    );
}

/// Gives the lead as many open tasks as it may have.
fn fill(scene: &mut Scene) {
    let call = scene.sim.state.tasks[0].clone();
    while scene.sim.state.tasks.len() < TASKS_MAX {
        scene.sim.state.born += 1;
        let id = cadenza_core::id::TaskId::born(scene.sim.state.lead.id, scene.sim.state.born);
        scene.sim.state.tasks.push(cadenza_core::task::Task { id, run: None, escalation: None, ..call.clone() });
    }
}

#[test]
fn giving_it_to_somebody_else() {
    check(
        Action::Reassign,
        &[
            ("everybody is here", |_| {}, &["task now with pool:closers", "escalated at point 0: reassign nobody"]),
            (
                "the owner is away",
                |s| s.away(&["ada"]),
                &["task now with pool:closers", "escalated at point 0: reassign nobody"],
            ),
            (
                "the owner left: it was the pool's before anybody decided",
                |s| s.gone(&["ada"]),
                &[
                    "gone: ada",
                    "task now with pool:closers",
                    "no reassign: with_pool nobody",
                    TO_MIA,
                    "queued by chat",
                    "escalated at point 0: raise mia",
                ],
            ),
            (
                "the owner is in no pool",
                |s| {
                    s.move_task(TaskChange::Reassigned(id("tess")));
                    s.sim.state.lead.pool = None;
                    s.team(|team| {
                        team.pools.remove("closers");
                    });
                },
                &[
                    "no reassign: no_pool tess",
                    "no raise: no_manager nobody",
                    "escalation for nobody, due Mon 03-02 10:05",
                    "nobody told at point 0",
                ],
            ),
            (
                "nobody else is in the pool",
                |s| s.gone(&["bob", "cara"]),
                &["no reassign: nobody_else ada", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "everybody else of the pool is away",
                |s| s.away(&["bob", "cara"]),
                &["no reassign: nobody_else ada", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "the pool was dissolved",
                |s| {
                    s.team(|team| {
                        team.pools.remove("closers");
                    });
                },
                &["no reassign: no_pool ada", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "the owner is in another pool only, where somebody is",
                |s| {
                    s.sim.state.lead.pool = None;
                    s.team(|team| {
                        team.pools.remove("closers");
                        team.pools.get_mut("desk").expect("a pool").members.push((id("ada"), 1));
                    });
                },
                &["task now with pool:desk", "escalated at point 0: reassign nobody"],
            ),
            (
                "the pool has it already",
                |s| s.sim.state.tasks[0].assignee = Assignee::Pool("closers".to_owned()),
                &["no reassign: with_pool nobody", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "it is nobody's",
                |s| s.sim.state.tasks[0].assignee = Assignee::Nobody,
                &["no reassign: no_owner nobody", TO_MIA, "queued by chat", "escalated at point 0: raise mia"],
            ),
            (
                "nobody is here at all",
                |s| s.away(&["ada", "bob", "cara", "mia", "olga"]),
                &[
                    "no reassign: nobody_else ada",
                    "no raise: away mia",
                    "no raise: away olga",
                    "escalation for nobody, due Mon 03-02 10:05",
                    "nobody told at point 0",
                ],
            ),
        ],
    );
}

#[test]
fn who_is_named_hears_of_it_when_no_manager_can() {
    let mut scene = Scene::new(|plan| plan.remind = Recipient::Rep("dan".to_owned()));
    scene.away(&["mia", "olga"]);
    let dan = ["no raise: away mia", "no raise: away olga", "escalation for dan, due Mon 03-02 10:05"];
    assert_eq!(scene.decide(Ok(Action::Raise))[..3], dan);

    let mut scene = Scene::new(|plan| plan.raise = Recipient::Rep("bob".to_owned()));
    scene.away(&["bob"]);
    assert_eq!(scene.decide(Ok(Action::Raise))[..2], ["no raise: away bob", TO_MIA]);

    let mut scene = Scene::new(|plan| plan.raise = Recipient::Rep("gus".to_owned()));
    assert_eq!(scene.decide(Ok(Action::Raise))[..2], ["no raise: gone gus", TO_MIA]);

    let mut scene = Scene::new(|plan| plan.raise = Recipient::Owner);
    scene.away(&["ada"]);
    assert_eq!(scene.decide(Ok(Action::Raise))[..2], ["no raise: away ada", TO_MIA]);

    let mut scene = Scene::new(|plan| plan.remind = Recipient::Manager);
    scene.away(&["mia"]);
    let olga = ["no remind: away mia", "no raise: away mia", "escalation for olga, due Mon 03-02 10:05"];
    assert_eq!(scene.decide(Ok(Action::Remind))[..3], olga);
}

#[test]
fn what_was_raised_stays_with_whoever_is_here() {
    let mut scene = Scene::new(|_| {});
    scene.decide(Ok(Action::Raise));
    assert_eq!(scene.decide(Ok(Action::Raise)), ["queued by chat", "escalated at point 1: raise mia"], "told again");
    scene.away(&["mia"]);
    let moved = ["no raise: away mia", "task now with olga", "queued by chat", "escalated at point 2: raise olga"];
    assert_eq!(scene.decide(Ok(Action::Raise)), moved);

    let mut scene = Scene::new(|_| {});
    scene.settings(|settings| settings.contact.notify_via = None);
    scene.decide(Ok(Action::Raise));
    assert_eq!(scene.decide(Ok(Action::Raise)), ["no raise: told_already mia"], "nothing was done the second time");

    let mut scene = Scene::new(|_| {});
    scene.decide(Ok(Action::Raise));
    scene.gone(&["mia"]);
    let moved = ["gone: mia", "task now with nobody", "no raise: no_manager nobody", "nobody told at point 1"];
    assert_eq!(scene.decide(Ok(Action::Raise)), moved, "what a manager had who left");

    let mut scene = Scene::new(|_| {});
    scene.away(&["mia", "olga"]);
    scene.decide(Ok(Action::Raise));
    scene.team(|team| team.reps.get_mut(&id("mia")).expect("she is in the team").absences.clear());
    let found = ["task now with mia", "queued by chat", "escalated at point 1: raise mia"];
    assert_eq!(scene.decide(Ok(Action::Raise)), found, "she is back");
}

#[test]
fn a_plugin_that_fails_reminds_whoever_is_there() {
    let mut scene = Scene::new(|_| {});
    scene.away(&["ada"]);
    let raised = ["no decision: the plugin trapped", "no remind: away ada", TO_MIA];
    assert_eq!(scene.decide(Err(DecisionFailure::Trap("unreachable".to_owned())))[..3], raised);
}

#[test]
fn tasks_go_to_nobody_who_is_not_there() {
    // An event that has nothing to do with tasks.
    let ping = || Event::Commanded { command: LeadCommand::Prefer { refused: None, from: None }, by: "ops".into() };
    let cases: &[(&str, Change, &str)] = &[
        ("the rep left, the pool is known", |s| s.gone(&["ada"]), "pool:closers"),
        (
            "the rep left, and only the workflow knows the pool",
            |s| {
                s.sim.state.lead.pool = None;
                s.gone(&["ada"]);
            },
            "pool:closers",
        ),
        (
            "the rep left, and so did the pool",
            |s| {
                s.gone(&["ada"]);
                s.team(|team| team.pools.clear());
            },
            "nobody",
        ),
        (
            "a colleague had it who left",
            |s| {
                s.move_task(TaskChange::Reassigned(id("tess")));
                s.team(|team| team.pools.clear());
                s.gone(&["tess"]);
            },
            "ada",
        ),
        (
            "the pool was dissolved",
            |s| {
                s.sim.state.tasks[0].assignee = Assignee::Pool("closers".to_owned());
                s.team(|team| team.pools.clear());
            },
            "ada",
        ),
        (
            "pool and owner left",
            |s| {
                s.sim.state.tasks[0].assignee = Assignee::Pool("closers".to_owned());
                s.gone(&["ada"]);
                s.team(|team| team.pools.clear());
            },
            "nobody",
        ),
        ("the rep is away: somebody decides about it", |s| s.away(&["ada"]), "ada"),
    ];
    for (what, change, expected) in cases {
        for event in [ping(), Event::Woken] {
            let mut scene = Scene::new(|_| {});
            change(&mut scene);
            scene.feed(event);
            assert_eq!(scene.sim.state.tasks[0].assignee.to_string(), *expected, "{what}");
        }
    }
}

#[test]
fn nobody_who_left_is_given_anything() {
    let mut scene = Scene::new(|_| {});
    scene.gone(&["bob"]);
    let task = scene.sim.state.tasks[0].id;
    let moved = |change| Event::TaskMoved { task, change, by: "ops".to_owned() };
    for event in [
        moved(TaskChange::Reassigned(id("bob"))),
        moved(TaskChange::Claimed(id("bob"))),
        Event::Commanded { command: LeadCommand::SetOwner(id("bob")), by: "ops".to_owned() },
    ] {
        let notes = scene.feed(event.clone());
        assert_eq!(scene.tell(&notes), ["ignored: unknown_rep"], "{event:?}");
        assert_eq!(scene.sim.state.lead.owner, Some(id("ada")));
    }
}
