//! Mails of a connection that sends them itself: who sends, which thread they belong to, how many leave in an hour, and
//! what becomes of those that may have arrived.

use super::*;
use cadenza_core::effect::Rendered;
use cadenza_core::lead::RepId;
use cadenza_core::mailer::Letter;
use cadenza_core::time::{HOUR_MS, MINUTE_MS};
use cadenza_store::DeadLetter;

const MAILS: &str = "workflow: mails\nsummary: Mails.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: mail\n    \
                     email: scripts/hello.md\n  - id: persist\n    cadence:\n      limit: { contacts: 3, count: [email] }\n      \
                     touches:\n        - { after: 1h, email: scripts/hello.md }\n        - { after: 1h, email: scripts/hello.md }\n        \
                     - { after: 1h, email: scripts/hello.md }\n      exhausted: end\n";

/// A world whose mails leave by a server, with these further keys of its connection.
fn world(from: &str, more: &str) -> World {
    let world = World::new(&[MAILS]);
    let smtp = "smtp: { host: localhost, tls: none }";
    let connections = format!("connections: {{ mailer: {{ {smtp}, from: {from}{more}, backoff: 1s }} }}\n");
    write(&world.folders.path().join("workspace/connections.yaml"), &connections);
    let reps = "reps:\n  ana: { name: Ana, email: ana@acme.example, signature: Yours }\n  ben: { name: Ben }\n";
    write(&world.folders.path().join("workspace/team.yaml"), reps);
    world
}

fn letters(world: &World) -> Vec<Letter> {
    let desk = world.post.desk();
    let rendered = desk.given.iter().filter_map(|row| match &row.message {
        Message::Email { rendered: Some(Rendered { letter, .. }), .. } => letter.as_deref().cloned(),
        _ => None,
    });
    rendered.collect()
}

async fn in_a(engine: &Engine, ms: i64) {
    engine.advance(engine.clock().now().plus_ms(ms)).await.expect("the clock is ours");
}

async fn dead(engine: &Engine) -> Vec<DeadLetter> {
    engine.dead_letters(None, 9).await.expect("they can be read")
}

#[test]
fn the_first_who_can_sends() {
    for (from, owner, sends) in [
        ("owner", Some("ana"), Some("Ana <ana@acme.example>")),
        ("owner", Some("ben"), None),
        ("owner", None, None),
        ("[owner, { rep: ana }]", Some("ben"), Some("Ana <ana@acme.example>")),
        ("[owner, { address: \"Sales <sales@acme.example>\" }]", None, Some("Sales <sales@acme.example>")),
    ] {
        let world = world(from, "");
        world.live(async |engine| {
            // Nothing leaves in the evening, so the mail is rendered when the lead has an owner.
            engine.advance(fixture::NOW.plus_ms(8 * HOUR_MS)).await.unwrap();
            let lead = engine.report(comes("ada@acme.example")).await.unwrap().lead;
            if let Some(owner) = owner {
                let owner = RepId(owner.to_owned());
                command(&engine, lead, LeadCommand::SetOwner(owner)).await.expect("it has an owner");
            }
            in_a(&engine, 3 * 24 * HOUR_MS).await;
            rest(&engine).await;
            let letters = letters(&world);
            let by: Option<String> = letters.first().map(|letter| letter.from.to_string());
            assert_eq!(by.as_deref(), sends, "{from}, owned by {owner:?}");
            let signed = letters.first().and_then(|letter| letter.signature.as_deref());
            assert_eq!(signed, sends.filter(|by| by.starts_with("Ana")).map(|_| "Yours"), "{from}");
        });
    }
}

#[test]
fn the_mails_of_a_cadence_are_one_thread() {
    let world = world("{ address: sales@acme.example }", "");
    world.live(async |engine| {
        let lead = engine.report(comes("ada@acme.example")).await.unwrap().lead;
        for _ in 0..4 {
            in_a(&engine, HOUR_MS).await;
        }
        rest(&engine).await;
        let ids: Vec<_> = world.post.desk().given.iter().filter(|row| row.lead == lead).map(|row| row.id).collect();
        let follows: Vec<_> = letters(&world).into_iter().map(|letter| letter.follows).collect();
        let [_, first, second, _] = ids[..] else { panic!("{ids:?}") };
        assert_eq!(follows, [vec![], vec![], vec![first], vec![first, second]]);
    });
}

#[test]
fn no_more_leaves_in_an_hour_than_the_connection_may() {
    let world = world("{ address: sales@acme.example }", ", limits: { per_hour: 2 }");
    world.live(async |engine| {
        for name in ["a", "b", "c"] {
            engine.report(comes(&format!("{name}@acme.example"))).await.unwrap();
        }
        rest(&engine).await;
        assert_eq!(world.post.attempts(), 1);
        for (minutes, attempts) in [(29, 1), (1, 2), (29, 2), (1, 3)] {
            in_a(&engine, minutes * MINUTE_MS).await;
            rest(&engine).await;
            assert_eq!(world.post.attempts(), attempts, "after {minutes} minutes more");
        }
    });
}

/// The connection was lost when the mail had been handed over, or the engine was killed.
#[test]
fn a_mail_that_may_have_arrived_is_sent_again_only_where_that_is_wanted() {
    for (more, again) in
        [("", false), (", unsure: ask", false), (", unsure: repeat", true), (", capture: mails/", true)]
    {
        for killed in [false, true] {
            let world = world("{ address: sales@acme.example }", more);
            world.post.wait(true);
            world.live(async |engine| {
                engine.report(comes("ada@acme.example")).await.unwrap();
                until("it leaves", || world.post.attempts() == 1).await;
                if !killed {
                    let cause = "lost".to_owned();
                    let lost = SendError { cause, retry: true, retry_after_ms: None, may_have_arrived: true };
                    world.post.answer(Err(lost));
                    rest(&engine).await;
                }
            });
            world.post.wait(false);
            world.live(async |engine| {
                in_a(&engine, MINUTE_MS).await;
                rest(&engine).await;
                let letters = dead(&engine).await;
                assert_eq!(letters.is_empty(), again, "{more}, killed: {killed}: {letters:?}");
                assert_eq!(world.post.attempts(), 1 + usize::from(again), "{more}, killed: {killed}");
                assert!(engine.outbox(None, 9).await.unwrap().is_empty(), "{more}, killed: {killed}");
            });
        }
    }
}
