//! What leaves and what does not: mails whose lead, run, address or connection changes while they are on their way.

use super::*;
use crate::brakes::Brake;
use cadenza_core::effect::Due;
use cadenza_core::time::HOUR_MS;
use tokio::task::spawn_local;

const MAILS: &str = "workflow: mails\nsummary: One mail.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: mail\n    \
                     email: scripts/hello.md\n  - id: pause\n    wait: 30d\n  - end: over\n";

/// How many turns the engine gets between what falls due and what forbids it. With none it has not begun the mail yet, with many
/// it has.
const TURNS: [usize; 4] = [0, 1, 8, 64];

/// The most sendings of one connection under way.
const SHARE: usize = 16;

/// A mail falls due and something forbids it while another lead's batch is on its way to the disk. What is begun and what is told
/// in that time goes into one batch. The mail's lead comes after hours, so that its mail waits in the outbox for the morning.
async fn forbids<F: Future<Output: 'static> + 'static>(
    world: &World,
    engine: &Engine,
    turns: usize,
    forbid: impl FnOnce(Engine, LeadId) -> F,
) -> (LeadId, F::Output) {
    engine.advance(fixture::NOW.plus_ms(8 * HOUR_MS)).await.unwrap();
    let lead = engine.report(comes("ada@acme.example")).await.unwrap().lead;
    rest(engine).await;
    let morning = engine.outbox(None, 9).await.unwrap()[0].due.at().expect("its mail waits for a time");
    assert!(morning > engine.clock().now(), "for the morning");

    let stalled = world.disk.stall();
    let other = spawn_local({
        let engine = engine.clone();
        async move { engine.report(comes("bob@other.example")).await }
    });
    taken(engine).await;
    engine.clock().advance_to(morning);
    for _ in 0..turns {
        yield_now().await;
    }
    let forbidden = spawn_local(forbid(engine.clone(), lead));
    taken(engine).await;
    drop(stalled);
    other.await.unwrap().expect("the other lead is taken in");
    let forbidden = forbidden.await.unwrap();
    (lead, forbidden)
}

/// A world where batches take their time to become durable.
fn world_with_a_slow_disk() -> World {
    World { commits: Commits::OnTheirThread, ..World::new(&[MAILS]) }
}

/// A command takes the mail of its batch back, and the mail does not leave later either.
fn takes_its_mail_back(told: &LeadCommand) {
    for turns in TURNS {
        let world = world_with_a_slow_disk();
        world.live(async |engine| {
            let its_command = told.clone();
            let forbid = |engine, lead| async move { command(&engine, lead, its_command).await };
            let (lead, answer) = forbids(&world, &engine, turns, forbid).await;
            let applied = answer.expect("the command is acknowledged");
            assert_eq!(applied.ignored(), None, "it has something to do");
            rest(&engine).await;
            let gone: [String; 0] = [];
            assert_eq!(world.post.addresses(lead), gone, "after {turns} turns: a mail left after {told:?}");
            engine.advance(engine.clock().now().plus_ms(24 * HOUR_MS)).await.unwrap();
            assert_eq!(world.post.addresses(lead), gone, "after {turns} turns: a mail left a day after {told:?}");
            assert_eq!(world.post.attempts(), 1, "the other lead's left");
            assert_eq!(engine.outbox(None, 9).await.unwrap(), [], "nothing is left to be sent");
        });
    }
}

#[test]
fn an_opt_out_takes_back_the_mail_that_was_begun_in_its_batch() {
    takes_its_mail_back(&LeadCommand::OptOut { reason: None });
}

#[test]
fn a_run_that_ends_takes_back_the_mail_that_was_begun_in_its_batch() {
    takes_its_mail_back(&LeadCommand::Remove { workflow: "mails".to_owned() });
}

#[test]
fn a_brake_takes_back_the_mail_that_was_begun_in_its_batch_and_gives_it_free_again() {
    for brake in [Brake::Connection("mailer".to_owned()), Brake::Workflow("mails".to_owned())] {
        for turns in TURNS {
            let world = world_with_a_slow_disk();
            world.live(async |engine| {
                let set = brake.clone();
                let forbid = |engine: Engine, _| async move { engine.brake(set, true).await };
                let (lead, answer) = forbids(&world, &engine, turns, forbid).await;
                answer.expect("the brake is acknowledged");
                rest(&engine).await;
                assert_eq!(world.post.attempts(), 0, "after {turns} turns: {brake:?} lets a mail through");
                let rows = engine.outbox(None, 9).await.unwrap();
                let lie: Vec<_> = rows.iter().map(|row| (row.due, row.tries, row.started_at)).collect();
                assert_eq!(
                    lie,
                    [(Due::OnRelease, 0, None); 2],
                    "after {turns} turns: they lie behind all others, as if untried"
                );
                engine.brake(brake.clone(), false).await.unwrap();
                rest(&engine).await;
                assert_eq!(world.post.addresses(lead), ["ada@acme.example"], "released, it leaves");
                assert_eq!(engine.outbox(None, 9).await.unwrap(), []);
            });
        }
    }
}

async fn in_an_hour(engine: &Engine) {
    engine.advance(engine.clock().now().plus_ms(HOUR_MS)).await.expect("the clock is ours");
}

/// A mail was rendered and could not be sent, and the lead gets another address or the old one is bound. Under one key the mail
/// leaves for one address.
#[test]
fn a_mail_that_is_sent_again_goes_where_it_went_unless_that_address_is_bound() {
    use StandardEvent::{EmailBounced, LeadUpdated};
    const OLD: &str = "ada@acme.example";
    const NEW: &str = "new@acme.example";
    for (what, may_have_left, events, leaves_to) in [
        ("nothing came between", false, vec![], Some(OLD)),
        ("another address", false, vec![(LeadUpdated, NEW)], Some(OLD)),
        ("and the old one is dead", false, vec![(LeadUpdated, NEW), (EmailBounced, OLD)], Some(NEW)),
        ("the old one is dead", false, vec![(EmailBounced, OLD)], None),
        ("an attempt may have left", true, vec![(LeadUpdated, NEW)], Some(OLD)),
        ("that, and its address is dead", true, vec![(LeadUpdated, NEW), (EmailBounced, OLD)], None),
    ] {
        let world = World::new(&[MAILS]);
        world.post.wait(true);
        let lead = world.live(async |engine| {
            let lead = engine.report(comes(OLD)).await.unwrap().lead;
            until("the mail leaves", || world.post.attempts() == 1).await;
            world.post.wait(false);
            if !may_have_left {
                world.post.answer(Err(SendError {
                    cause: "503".to_owned(),
                    retry: true,
                    retry_after_ms: None,
                    may_have_arrived: false,
                }));
                rest(&engine).await;
            }
            for (kind, address) in events {
                engine.report(Incoming { lead: Some(lead), ..said(kind, address) }).await.unwrap();
            }
            if !may_have_left {
                in_an_hour(&engine).await;
            }
            lead
        });
        if may_have_left {
            // Nobody knows what became of the attempt that was under way when that life ended.
            world.live(async |engine| in_an_hour(&engine).await);
        }
        let expected: Vec<&str> = [OLD].into_iter().chain(leaves_to).collect();
        assert_eq!(world.post.addresses(lead), expected, "{what}");
        let keys = world.post.keys(lead);
        let of_another = leaves_to.is_some_and(|address| address != OLD);
        assert_eq!(keys.last() != keys.first(), of_another, "{what}: {keys:?}");
    }
}

/// Nobody has seen a mail that was rendered in a batch that takes it back. It is rendered anew, for the address that the lead has
/// then.
#[test]
fn a_mail_that_was_taken_back_in_its_batch_is_written_anew() {
    const NEW: &str = "new@acme.example";
    for turns in TURNS {
        let world = world_with_a_slow_disk();
        world.live(async |engine| {
            let moves = |engine: Engine, lead| async move {
                let updated = Incoming { lead: Some(lead), ..said(StandardEvent::LeadUpdated, NEW) };
                engine.report(updated).await.map(drop)
            };
            let (lead, answer) = forbids(&world, &engine, turns, moves).await;
            answer.expect("it is acknowledged");
            rest(&engine).await;
            assert_eq!(world.post.addresses(lead), [NEW], "after {turns} turns");
        });
    }
}

#[test]
fn a_connection_has_no_more_than_its_share_of_the_sendings() {
    let world = World::new(&[MAILS]);
    world.post.wait(true);
    world.live(async |engine| {
        for n in 0..40 {
            engine.report(comes(&format!("ada{n}@acme.example"))).await.unwrap();
        }
        rest(&engine).await;
        assert_eq!(world.post.attempts(), SHARE);
        engine.clock().advance_to(engine.clock().now().plus_ms(HOUR_MS));
        rest(&engine).await;
        assert_eq!(world.post.attempts(), SHARE, "the others wait for one of these, however long that takes");
        world.post.answer(Ok(()));
        rest(&engine).await;
        assert_eq!(world.post.attempts(), SHARE + 1, "a result makes room for one more");
    });
}

/// The gate puts a mail off until the morning, and then something changes so that the gate would let it go.
#[test]
fn a_mail_that_was_put_off_leaves_when_what_put_it_off_is_gone() {
    for by_workspace in [false, true] {
        let world = World::new(&[MAILS]);
        let lead = world.live(async |engine| {
            engine.advance(fixture::NOW.plus_ms(8 * HOUR_MS)).await.unwrap();
            let lead = engine.report(comes("ada@acme.example")).await.unwrap().lead;
            rest(&engine).await;
            let due = engine.outbox(None, 9).await.unwrap()[0].due.at().expect("its mail waits for a time");
            assert!(due > engine.clock().now(), "for the morning");
            if !by_workspace {
                let zone = ("timezone".to_owned(), Value::Text("Asia/Tokyo".to_owned()));
                let learnt = Incoming { lead: Some(lead), ..said(StandardEvent::LeadUpdated, "ada@acme.example") };
                let report = Report { fields: vec![zone], ..learnt.report };
                // It is Monday morning there, and Sunday evening here.
                engine.advance(fixture::NOW.plus_ms((2 * 24 + 10) * HOUR_MS)).await.unwrap();
                engine.report(Incoming { report, ..learnt }).await.unwrap();
                rest(&engine).await;
                assert_eq!(world.post.attempts(), 1, "its zone is learnt, and it is morning there");
            }
            lead
        });
        if by_workspace {
            write(&world.folders.path().join("workspace/cadenza.yaml"), &FILES[0].1.replace("[email]", "[call]"));
            world.live(async |engine| rest(&engine).await);
        }
        assert_eq!(world.post.addresses(lead), ["ada@acme.example"], "by the workspace: {by_workspace}");
    }
}
