//! One buffer in, one out, laid out as for `tests/guests/floor`. What the host wrote is trusted.

use crate::rules::{self, Engagement, Fields, Parameters, Touch, View};
use crate::{Known, Span, Time};
use extism_pdk::{FnResult, input_bytes, output, plugin_fn};

const KNOWN: [Known; 4] = [Known::Qualified, Known::Unqualified, Known::Callback, Known::NotNow];

#[plugin_fn]
pub fn score_bytes() -> FnResult<()> {
    let bytes = input_bytes();
    let mut input = Cursor(&bytes);
    let now = input.time();
    let (hot, warm, steady) = (input.int(), input.int(), input.int());
    let (industries, countries) = (input.texts(), input.texts());
    let (budget, large) = (input.number(), input.int());
    let (free_mail, buying_words) = (input.texts(), input.texts());
    let view = View {
        now,
        parameters: Parameters {
            hot,
            warm,
            steady,
            industries: &industries,
            countries: &countries,
            budget,
            large,
            free_mail: &free_mail,
            buying_words: &buying_words,
        },
        fields: Fields {
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
        },
        touches: (0..input.count()).map(|_| input.touch()).collect(),
        engagement: (0..input.count()).map(|_| input.engagement()).collect(),
        previous_score: input.maybe(|input| input.int() as i32),
    };
    let rating = rules::score(&view);
    let mut out = Vec::with_capacity(512);
    out.extend(rating.points.to_le_bytes());
    out.push(rating.segment as u8);
    out.extend(rating.rescore_after.unwrap_or(u32::MAX).to_le_bytes());
    out.push(rating.reasons.len() as u8);
    for reason in &rating.reasons {
        out.extend(reason.rule.to_le_bytes());
        out.extend(reason.points.to_le_bytes());
        out.push(reason.value.len() as u8);
        out.extend(reason.value.as_bytes());
    }
    output(out.as_slice())?;
    Ok(())
}

/// Reads from the buffer, in order.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
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
    fn code(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }
    fn text(&mut self) -> &'a str {
        let bytes = self.count() as usize;
        let (text, rest) = self.0.split_at(bytes);
        self.0 = rest;
        // SAFETY: the host wrote UTF-8.
        unsafe { std::str::from_utf8_unchecked(text) }
    }
    fn texts(&mut self) -> Vec<&'a str> {
        (0..self.count()).map(|_| self.text()).collect()
    }
    fn maybe<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let [there] = self.take();
        (there != 0).then(|| take(self))
    }
    fn touch(&mut self) -> Touch {
        // Age, channel and outcome.
        self.take::<8>();
        Touch { result: self.maybe(|input| KNOWN.get(usize::from(input.code())).copied()).flatten() }
    }
    fn engagement(&mut self) -> Engagement {
        let age = Span::seconds(i64::from(self.count()));
        let (_kind, _detail) = (self.code(), self.text());
        Engagement { age }
    }
}
