//! One limit for all the bodies that requests hold at the same time, and for what is made of them. A body takes its
//! share as it arrives, so one that was only announced takes nothing. Small bodies have a share of their own, so large
//! ones cannot keep webhooks out.

use crate::http::limits::Limits;
use crate::http::problem::{Kind, Problem};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The size up to which a body counts as small.
const SMALL_BYTES: usize = 64 * 1024;
/// One part in this many of the whole limit is kept for small bodies.
const SMALL_PART: usize = 4;
/// Bytes that one JSON value takes once it is parsed, including its place in a list that grew by doubling.
const VALUE_BYTES: usize = 96;

/// The room for all bodies.
pub(crate) struct Bodies {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_bytes_max: usize,
}

/// A body, and its share of the room until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    room: Option<OwnedSemaphorePermit>,
    from: Arc<Semaphore>,
    of: usize,
}

impl Bodies {
    pub(crate) fn new(limits: &Limits) -> Self {
        let small = limits.bodies_bytes_max / SMALL_PART;
        let large_bytes_max = limits.bodies_bytes_max - small;
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self { small: room(small), large: room(large_bytes_max), large_bytes_max }
    }

    /// Reads a whole body, within a size and a time.
    pub(crate) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
        timeout: Duration,
    ) -> Result<Held, Problem> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large(bytes_max));
        }
        let small = bytes_max <= SMALL_BYTES || announced.is_some_and(|length| length <= SMALL_BYTES as u64);
        let room = if small { &self.small } else { &self.large };
        // A body larger than the whole room would never fit, so it is refused as too large rather than for later.
        let bytes_max = if small { bytes_max } else { bytes_max.min(self.large_bytes_max) };
        if announced.is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large(bytes_max));
        }
        let held = Held { bytes: Bytes::new(), room: None, from: Arc::clone(room), of: self.large_bytes_max };
        match tokio::time::timeout(timeout, collect(held, body, bytes_max)).await {
            Ok(read) => read,
            Err(_) => Err(incomplete(format!("the body was not complete after {} seconds", timeout.as_secs()))),
        }
    }
}

async fn collect(mut held: Held, mut body: Body, bytes_max: usize) -> Result<Held, Problem> {
    let mut parts: Vec<Bytes> = Vec::new();
    let (mut length, mut refused) = (0, None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| incomplete(format!("the body broke off: {error}")))?;
        let Ok(part) = frame.into_data() else { continue };
        length += part.len();
        if length > bytes_max {
            return Err(too_large(bytes_max));
        }
        if refused.is_some() {
            continue;
        }
        match held.take(part.len()) {
            Ok(()) => parts.push(part),
            // The rest is read and thrown away, because a sender that is still sending would not see the response.
            Err(problem) => {
                refused = Some(problem);
                held.room = None;
                parts.clear();
            }
        }
    }
    if let Some(problem) = refused {
        return Err(problem);
    }
    held.bytes = match parts.len() {
        1 => parts.swap_remove(0),
        _ => parts.concat().into(),
    };
    Ok(held)
}

impl Held {
    /// Takes room for more bytes.
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let Ok(count) = u32::try_from(bytes) else { return Err(crowded()) };
        let more = Arc::clone(&self.from).try_acquire_many_owned(count).map_err(|_| crowded())?;
        match &mut self.room {
            Some(room) => room.merge(more),
            None => self.room = Some(more),
        }
        Ok(())
    }

    /// Takes room for what parsing the JSON will make: a list of zeros takes fifty times the size of its text.
    pub(crate) fn take_for_values(&mut self) -> Result<(), Problem> {
        let values = values_at_most(&self.bytes);
        if self.bytes.len() <= SMALL_BYTES && values < SMALL_BYTES / VALUE_BYTES {
            return Ok(());
        }
        let made = values * VALUE_BYTES;
        if made > self.of / 2 {
            let detail = format!("the body holds some {values} values: send less at once");
            return Err(Problem::new(Kind::TooLarge, detail));
        }
        self.take(made)
    }
}

/// The most values that a JSON text can hold, because each follows one of these characters. Counted in bytes, one piece
/// at a time, so that the compiler can process many bytes at once.
fn values_at_most(json: &[u8]) -> usize {
    let begins = |byte: &u8| u8::from(matches!(byte, b',' | b':' | b'[' | b'{'));
    json.chunks(usize::from(u8::MAX)).map(|piece| usize::from(piece.iter().map(begins).sum::<u8>())).sum()
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("a body has at most {bytes_max} bytes here: send less at once"))
}

fn incomplete(detail: String) -> Problem {
    Problem::new(Kind::BodyIncomplete, detail)
}

fn crowded() -> Problem {
    let detail = "all requests together hold as many bytes as they may: send this again in a second";
    Problem::new(Kind::Crowded, detail).retry_after_s(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bodies: &Bodies, bytes: &[u8], announced: bool) -> Result<Held, Problem> {
        let mut headers = HeaderMap::new();
        if announced {
            headers.insert(CONTENT_LENGTH, bytes.len().into());
        }
        bodies.read(&headers, Body::from(bytes.to_vec()), 4 << 20, Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn all_bodies_together_have_one_limit_and_small_ones_a_share() {
        let bodies = Bodies::new(&Limits { bodies_bytes_max: 1 << 20, ..Limits::default() });
        let large = vec![b' '; 300 * 1024];
        let first = read(&bodies, &large, true).await.unwrap();
        let second = read(&bodies, &large, false).await.unwrap();
        let refused = read(&bodies, &large, true).await.unwrap_err();
        assert_eq!((refused.kind(), refused.kind().status()), (Kind::Crowded, 429));
        assert!(read(&bodies, b"{}", true).await.is_ok(), "webhooks come in all the same");
        drop((first, second));
        assert!(read(&bodies, &large, true).await.is_ok(), "what was held is given back");
        let huge = vec![b' '; (4 << 20) + 1];
        for announced in [true, false] {
            assert_eq!(read(&bodies, &huge, announced).await.unwrap_err().kind(), Kind::TooLarge);
        }
    }

    #[tokio::test]
    async fn what_is_made_of_a_body_counts_too() {
        let bodies = Bodies::new(&Limits::default());
        let zeros = format!("[{}0]", "0,".repeat(2_000_000));
        let mut held = read(&bodies, zeros.as_bytes(), true).await.unwrap();
        assert_eq!(held.take_for_values().unwrap_err().kind(), Kind::TooLarge);
        let leads = format!("[{}{{}}]", "{\"id\":\"a\"},".repeat(2_000));
        let mut all = Vec::new();
        let refused = loop {
            let mut held = read(&bodies, leads.as_bytes(), true).await.unwrap();
            match held.take_for_values() {
                Ok(()) => all.push(held),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.kind(), Kind::Crowded);
        let most = Limits::default().bodies_bytes_max / (4_000 * VALUE_BYTES);
        assert!(all.len() <= most && all.len() > 16, "{} bodies", all.len());
    }
}
