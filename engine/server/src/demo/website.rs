//! Posts the sample leads through the engine's own signed webhook, as the website would: a few clients at the same
//! time, one delivery in twenty-five sent twice, and one that is forged.

use super::samples::Sample;
use super::world::{Happening, World};
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use cadenza_core::time::SECOND_MS;
use cadenza_runtime::clock::Clock;
use cadenza_signatures::{ID_HEADER, Key, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The path of the webhook.
const HOOK: &str = "/hooks/website";
/// Clients that post at the same time.
pub(super) const CLIENTS: usize = 4;
/// One in this many deliveries is sent again, as senders do when a response is lost.
const REPEAT_EVERY: usize = 25;
/// How often a delivery is tried while the engine is busy.
const ATTEMPTS_MAX: u32 = 5;

/// Posts every fourth sample at its time, beginning with number `client`.
pub(super) async fn post(world: Arc<World>, samples: Arc<Vec<Sample>>, key: Key, client: usize) {
    for (number, sample) in samples.iter().enumerate().skip(client).step_by(CLIENTS) {
        world.sleep_until(sample.at).await;
        if world.is_over() {
            return;
        }
        if let Err(error) = submit(&world, sample, &key, number % REPEAT_EVERY == 0).await {
            world.fail(format!("{error:#}"));
            return;
        }
        follow_up(&world, sample);
    }
}

async fn submit(world: &World, sample: &Sample, key: &Key, repeat: bool) -> anyhow::Result<()> {
    let body = Bytes::from(serde_json::to_vec(&sample.body)?);
    let began = Instant::now();
    let first = delivered(world, sample, key, &body).await?;
    let took_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    ensure!(first["duplicate"] == false, "the new lead {} was taken for one seen before", sample.id);
    {
        let mut tally = world.tally();
        tally.posted += 1;
        tally.intake_ms.push(took_ms);
        tally.life(&sample.email);
    }
    if repeat {
        let again = delivered(world, sample, key, &body).await?;
        let same = again["duplicate"] == true && again["lead"] == first["lead"];
        ensure!(same, "the delivery {} was sent twice and not recognised: {again}", sample.id);
        world.tally().repeated += 1;
    }
    Ok(())
}

/// Sends a delivery until it is accepted, and waits while the engine is busy.
async fn delivered(world: &World, sample: &Sample, key: &Key, body: &Bytes) -> anyhow::Result<serde_json::Value> {
    for attempt in 1.. {
        let answer = send(world, &sample.id, key, body.clone()).await?;
        match answer.status.as_u16() {
            202 => return Ok(answer.body),
            429 | 503 if attempt < ATTEMPTS_MAX => {
                world.tally().waited += 1;
                tokio::time::sleep(Duration::from_millis(200) * attempt).await;
            }
            _ => bail!("the webhook did not take {}: {}", sample.id, answer.problem()),
        }
    }
    bail!("the engine stayed busy")
}

async fn send(world: &World, id: &str, key: &Key, body: Bytes) -> anyhow::Result<super::caller::Answer> {
    let second = Clock::real().as_ms() / SECOND_MS;
    let (time, signature) = (second.to_string(), key.sign(id, second, &body));
    let headers = [(ID_HEADER, id), (TIMESTAMP_HEADER, time.as_str()), (SIGNATURE_HEADER, signature.as_str())];
    world.caller.deliver(HOOK, &headers, body).await
}

/// A delivery signed with another key must be refused.
pub(super) async fn forge(world: &World) -> anyhow::Result<()> {
    let body = Bytes::from_static(br#"{"email": "mallory@example.com", "source": "web"}"#);
    let answer = send(world, "forged", &Key::new(b"not the secret of this website"), body).await;
    let status = answer.context("the forged delivery")?.status;
    ensure!(status.as_u16() == 401, "a forged delivery was answered with {status} instead of 401");
    world.tally().forged += 1;
    Ok(())
}

/// Schedules what the lead does in the hours afterwards.
fn follow_up(world: &Arc<World>, sample: &Sample) {
    let Some(prospect) = world.prospects.get(&sample.email) else { return };
    for (number, visit) in prospect.visits().into_iter().enumerate() {
        let data = json!({"kind": visit.kind, "detail": visit.detail});
        let event = Happening::new(&sample.email, "lead.engaged", &number.to_string(), data);
        let email = sample.email.clone();
        world.later(visit.after_minutes, event, move |tally| {
            tally.engaged += 1;
            tally.life(&email).engaged += 1;
        });
    }
}
