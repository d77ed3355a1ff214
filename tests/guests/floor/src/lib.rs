//! The rules of `inbound-fit` as a core module: its input lies in one buffer, and so does its answer. No contract, no
//! types, no checks, so this is the least that a decision costs. `tests/benches/support/flat.rs` writes the buffer.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "one buffer is shared with the host, without any contract")]

use cadenza_sdk::{Code, Engagement, Scorer, Segment, Span, Time, Touch, View};
use inbound_fit::{Fields, InboundFit, Parameters};

const BUFFER_BYTES: usize = 8 * 1024;

/// Where the host writes the input, and reads the answer.
#[unsafe(no_mangle)]
pub static mut BUFFER: [u8; BUFFER_BYTES] = [0; BUFFER_BYTES];

/// Scores what lies in the buffer, and returns how many bytes the answer has.
#[unsafe(no_mangle)]
pub extern "C" fn score() -> usize {
    // SAFETY: the host waits for this call; nobody else uses the buffer.
    let mut input = Cursor(unsafe { &*&raw const BUFFER });
    let now = input.time();
    let parameters = Parameters {
        hot: input.int(),
        warm: input.int(),
        steady: input.int(),
        industries: input.texts(),
        countries: input.texts(),
        budget: input.number(),
        large: input.int(),
        free_mail: input.texts(),
        buying_words: input.texts(),
    };
    let fields = Fields {
        email: input.maybe(Cursor::text),
        title: input.maybe(Cursor::text),
        seniority: input.maybe(Cursor::text),
        employees: input.maybe(Cursor::int),
        industry: input.maybe(Cursor::text),
        country: input.maybe(Cursor::text),
        source: input.maybe(Cursor::text),
        budget: input.maybe(Cursor::number),
        project_date: input.maybe(Cursor::time),
        product: input.maybe(Cursor::text),
        pain: input.maybe(Cursor::text),
        message: input.maybe(Cursor::text),
    };
    let touches: Vec<Touch> = (0..input.count())
        .map(|_| Touch {
            age: input.age(),
            channel: input.code(),
            outcome: input.code(),
            result: input.maybe(Cursor::code),
        })
        .collect();
    let engagement: Vec<Engagement> =
        (0..input.count()).map(|_| Engagement { age: input.age(), kind: input.code(), detail: input.text() }).collect();
    let previous_score = input.maybe(|input| input.int() as i32);
    let view = View::<InboundFit> {
        now,
        parameters: &parameters,
        fields,
        touches: &touches,
        engagement: &engagement,
        owner_present: None,
        previous_score,
        business_elapsed: None,
    };
    let rating = InboundFit::score(&view).expect("it refuses nobody");
    // The input's texts still lie in the buffer, so the answer is built elsewhere first.
    let mut out = Vec::with_capacity(512);
    out.extend(rating.points.to_le_bytes());
    out.push(match rating.segment {
        Segment::Hot => 0,
        Segment::Warm => 1,
        Segment::Cold => 2,
    });
    out.extend(rating.rescore_after.unwrap_or(u32::MAX).to_le_bytes());
    out.push(rating.reasons.len() as u8);
    for reason in &rating.reasons {
        out.extend(reason.rule.to_le_bytes());
        out.extend(reason.points.to_le_bytes());
        out.push(reason.value.len() as u8);
        out.extend(reason.value.as_bytes());
    }
    // SAFETY: nothing that was read from the buffer is used any more.
    unsafe { (&mut *&raw mut BUFFER)[..out.len()].copy_from_slice(&out) };
    out.len()
}

/// Reads from the buffer, in order.
struct Cursor(&'static [u8]);

impl Cursor {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk().expect("the host wrote all of it");
        self.0 = rest;
        *head
    }
    fn int(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }
    fn number(&mut self) -> f64 {
        f64::from_le_bytes(self.take())
    }
    fn time(&mut self) -> Time {
        Time::from_ms(self.int())
    }
    fn count(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
    fn age(&mut self) -> Span {
        Span::seconds(i64::from(self.count()))
    }
    fn code(&mut self) -> Code {
        Code::at(u16::from_le_bytes(self.take()))
    }
    fn text(&mut self) -> &'static str {
        let bytes = self.count() as usize;
        let (text, rest) = self.0.split_at(bytes);
        self.0 = rest;
        // SAFETY: the host wrote UTF-8.
        unsafe { std::str::from_utf8_unchecked(text) }
    }
    fn texts(&mut self) -> &'static [&'static str] {
        (0..self.count()).map(|_| self.text()).collect::<Vec<_>>().leak()
    }
    fn maybe<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let [there] = self.take();
        (there != 0).then(|| take(self))
    }
}
