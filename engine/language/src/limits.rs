//! Limits of the contact policy over all workflows: caps, gaps between touches, conversations.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::own_words::{BY_MEANING, channels};
use crate::shape::{Key, Shape, Takes, optional, required};
use crate::yaml::Node;
use cadenza_core::lead::{Channel, WINDOW_DAYS_MAX};
use cadenza_core::time::Span;
use cadenza_core::workspace::{Cap, ContactPolicy, Gap, Window};

const AT_MOST_MAX: u32 = 1_000;
/// The longest gap, and the longest that a conversation stays open without a word.
const LONGEST: Span = Span::Days(WINDOW_DAYS_MAX as u32);

const CHANNELS: Key = optional(
    "channels",
    Takes::List(&Takes::Words(channels)),
    "The channels whose touches count and are held back; all when left out",
);

pub(crate) static CAP: Shape = Shape {
    name: "a cap",
    about: "The most touches that a lead has in a window, over all workflows. Touches made outside count too; the second dial of a double dial does not.",
    keys: &[
        CHANNELS,
        required("at_most", Takes::Whole(1, AT_MOST_MAX), "How many touches"),
        required(
            "per",
            Takes::Text,
            "The window on the lead's clock: `day`, `week` (from Monday), or days such as `7d`, at most `35d`, today included",
        )
        .such_as("week"),
    ],
};

pub(crate) static GAP: Shape = Shape {
    name: "a gap",
    about: "The least time from the end of one touch to the beginning of the next, over all workflows.",
    keys: &[CHANNELS, required("at_least", Takes::Duration, "How long, at most 35d")],
};

pub(crate) static CONVERSATION: Shape = Shape {
    name: "`conversation`",
    about: "Mails and messages of every workflow wait while a person is in conversation with the lead: from its reply, its call or an answered call without a result until somebody reports a result or does the task.",
    keys: &[required("quiet", Takes::Duration, "How long after the lead's last word it counts as over, at most 35d")],
};

/// Reads the limits of a contact policy into it. What is broken is reported and left out.
pub(crate) fn read(sheet: &Sheet<'_>, form: &Form<'_>, known: &Known<'_>, policy: &mut ContactPolicy) {
    let items = |key: &str| form.get(key).map_or(&[][..], |node| sheet.items(node));
    policy.caps = items("caps").iter().filter_map(|node| cap(sheet, node, known)).collect();
    policy.gaps = items("gaps").iter().filter_map(|node| gap(sheet, node, known)).collect();
    policy.quiet = form.get("conversation").and_then(|node| quiet(sheet, node));
}

/// How long a conversation stays open. A bare duration is what its only key would say.
fn quiet(sheet: &Sheet<'_>, node: &Node) -> Option<Span> {
    if let Some(scalar) = node.scalar().filter(|scalar| Span::parse(&scalar.text).is_some()) {
        let problem = Problem::error("wrong-type", node.span.clone(), "`conversation` is a group of keys");
        let meant = format!("{{ quiet: {} }}", scalar.text);
        sheet.report(problem.label(format!("write `{meant}`")).replace(meant));
        return None;
    }
    let form = Form::open(sheet, node, &CONVERSATION)?;
    bounded(sheet, form.get("quiet")?)
}

fn cap(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<Cap> {
    let form = Form::open(sheet, node, &CAP)?;
    let channels = listed(sheet, &form, known);
    let at_most = form.get("at_most").and_then(|node| sheet.whole(node, "a number of touches", 1, AT_MOST_MAX));
    let per = form.get("per").and_then(|node| window(sheet, node));
    Some(Cap { channels: channels?, at_most: u16::try_from(at_most?).ok()?, per: per? })
}

fn gap(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<Gap> {
    let form = Form::open(sheet, node, &GAP)?;
    let channels = listed(sheet, &form, known);
    let at_least = form.get("at_least").and_then(|node| bounded(sheet, node));
    Some(Gap { channels: channels?, at_least: at_least? })
}

/// The channels that a limit names. An empty list, which would name none, is a mistake.
fn listed(sheet: &Sheet<'_>, form: &Form<'_>, known: &Known<'_>) -> Option<Vec<Channel>> {
    let Some(node) = form.get("channels") else { return Some(Vec::new()) };
    let items = sheet.items(node);
    if items.is_empty() {
        let problem = Problem::error("empty-list", node.span.clone(), "`channels` names no channel");
        sheet.report(problem.help("name the channels that the limit is about, or remove `channels` for all"));
        return None;
    }
    let own = &known.own_words.channels;
    let channel = |item: &Node| {
        let may_be = known.may_be_own(item, ("channels", own));
        if may_be { None } else { sheet.engines_word(item, "a channel", own, BY_MEANING) }
    };
    items.iter().map(channel).collect()
}

/// A window of days: `day`, `week` or a number of days.
fn window(sheet: &Sheet<'_>, node: &Node) -> Option<Window> {
    let text = sheet.text(node, "a window such as `day`, `week` or `7d`")?;
    let days = match (text.as_str(), Span::parse(&text)) {
        ("day", _) => return Some(Window::Days(1)),
        ("week", _) => return Some(Window::Week),
        (_, Some(Span::Days(days))) => Some(days),
        _ => None,
    };
    if let Some(days) = days.and_then(|days| u8::try_from(days).ok())
        && (1..=WINDOW_DAYS_MAX).contains(&days)
    {
        return Some(Window::Days(days));
    }
    let problem = Problem::error("bad-window", node.span.clone(), format!("`{text}` is no window of days"));
    let problem = problem.help(format!("write `day`, `week`, or a number of days from `1d` to `{LONGEST}`"));
    let meant = match text.to_lowercase().trim() {
        "daily" | "1 day" | "24h" | "a day" => Some("day".to_owned()),
        "weekly" | "1 week" | "1w" | "a week" => Some("week".to_owned()),
        "month" | "monthly" | "1 month" | "30 days" => Some("30d".to_owned()),
        "quarter" | "quarterly" | "year" | "yearly" | "campaign" | "lifetime" => Some(LONGEST.to_string()),
        _ => days.map(|days| Span::Days(days.clamp(1, u32::from(WINDOW_DAYS_MAX))).to_string()),
    };
    sheet.report(match meant {
        Some(meant) => problem.label(format!("write `{meant}`")).replace(meant),
        None => problem,
    });
    None
}

/// A duration that is not longer than touches are remembered.
fn bounded(sheet: &Sheet<'_>, node: &Node) -> Option<Span> {
    let span = sheet.duration(node)?;
    if span.approximate_ms() > 0 && span.approximate_ms() <= LONGEST.approximate_ms() {
        return Some(span);
    }
    let problem = Problem::error("bad-duration", node.span.clone(), "this duration does not fit here");
    let problem = problem.help(format!("write one between `1s` and `{LONGEST}`"));
    let is_zero = span.approximate_ms() <= 0;
    sheet.report(if is_zero {
        problem
    } else {
        problem.label(format!("at most `{LONGEST}`")).replace(LONGEST.to_string())
    });
    None
}
