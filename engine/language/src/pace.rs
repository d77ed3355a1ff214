//! How long and how often a connection is tried: the four keys that every connection has.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Span};
use cadenza_core::workspace::{Connection, Transport};

/// The longest wait for an answer when the file does not say: of a web address, and of a mail server, which may look at a
/// mail for a while before it takes it.
pub(crate) const WEB_TIMEOUT: Span = Span::Elapsed(10 * SECOND_MS);
pub(crate) const MAIL_TIMEOUT: Span = Span::Elapsed(MINUTE_MS);
const ATTEMPTS_DEFAULT: u16 = 12;
pub(crate) const ATTEMPTS_MAX: u32 = 100;
const BACKOFF_DEFAULT: Span = Span::Elapsed(2 * SECOND_MS);
const BACKOFF_MAX_DEFAULT: Span = Span::Elapsed(HOUR_MS);

/// How long and how often a connection is tried.
pub(crate) struct Pace {
    timeout_ms: u64,
    attempts_max: u16,
    backoff: Span,
    backoff_max: Span,
}

impl Pace {
    /// Reads the four keys, which every connection has.
    pub(crate) fn read(sheet: &Sheet<'_>, form: &Form<'_>, timeout_default: Span) -> Option<Self> {
        let timeout = form.get("timeout").map(|node| sheet.plain_duration_ms(node, Span::Elapsed(5 * MINUTE_MS)));
        let attempts = form.get("attempts").map(|node| sheet.whole(node, "a number of attempts", 1, ATTEMPTS_MAX));
        let wait = |key: &str, default: Span| {
            form.get(key).map_or(Some(default), |node| {
                sheet.plain_duration_ms(node, Span::Elapsed(DAY_MS)).map(|ms| Span::Elapsed(ms.cast_signed()))
            })
        };
        let (backoff, backoff_max) = (wait("backoff", BACKOFF_DEFAULT), wait("backoff_max", BACKOFF_MAX_DEFAULT));
        if let (Some(first), Some(longest)) = (backoff, backoff_max)
            && first > longest
        {
            let at = form.key_span(if form.get("backoff_max").is_some() { "backoff_max" } else { "backoff" });
            sheet.report(Problem::error("bad-duration", at, "the first wait is longer than the longest"));
        }
        let attempts = attempts.unwrap_or(Some(u32::from(ATTEMPTS_DEFAULT)));
        Some(Self {
            timeout_ms: timeout.unwrap_or(Some(timeout_default.approximate_ms().unsigned_abs()))?,
            attempts_max: attempts.and_then(|most| u16::try_from(most).ok())?,
            backoff: backoff?,
            backoff_max: backoff_max?,
        })
    }

    /// A connection that is tried so.
    pub(crate) fn of(self, transport: Transport) -> Connection {
        let Self { timeout_ms, attempts_max, backoff, backoff_max } = self;
        Connection { transport, timeout_ms, attempts_max, backoff, backoff_max }
    }
}
