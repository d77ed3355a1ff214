//! `draws` and `mails`: what falls to chance, or to others, when a workflow runs for real: which arm a lead draws, and
//! whether a message can be handed over.

use super::lookup::Lookup;
use super::model::{MailStub, Place};
use super::shapes::MAIL_WORDS;
use crate::diagnostic::Problem;
use crate::yaml::{Entry, Node};
use cadenza_core::workflow::Verb;
use std::collections::BTreeMap;

/// The arm that leads draw at a step.
pub(super) fn draws(look: &Lookup<'_>, node: &Node) -> BTreeMap<Place, String> {
    let entries = look.sheet.named(node, "`draws`").unwrap_or_default();
    let read = |entry: &Entry| {
        let words = ("no-draw-there", "it draws no arm", "`split`");
        let at = (entry.key.text.as_str(), entry.key.span.clone());
        let (place, step) = look.place_with(at, |verb| matches!(verb, Verb::Split(_)), words)?;
        let Verb::Split(split) = &step.verb else { return None };
        let arm = look.sheet.text(&entry.value, "an arm")?;
        if split.arms.iter().any(|known| known.name == arm) {
            return Some((place, arm));
        }
        let message = format!("`{}` has no arm `{arm}`", place.step);
        let problem = Problem::error("unknown-arm", entry.value.span.clone(), message);
        let names: Vec<&str> = split.arms.iter().map(|arm| arm.name.as_str()).collect();
        look.sheet.report(problem.suggest(&arm, names, "arms it has"));
        None
    };
    entries.iter().filter_map(read).collect()
}

/// What becomes of the messages of a step, one after the other.
pub(super) fn mails(look: &Lookup<'_>, node: &Node) -> BTreeMap<Place, Vec<MailStub>> {
    let entries = look.sheet.named(node, "`mails`").unwrap_or_default();
    let read = |entry: &Entry| {
        let words = ("no-mail-there", "it sends nothing to the lead", "mails or messages");
        let at = (entry.key.text.as_str(), entry.key.span.clone());
        let (place, _) = look.place_with(at, writes, words)?;
        let items = look.in_turn(&entry.value, &place.step, "mails")?;
        let word = |item: &Node| look.sheet.word(item, "what becomes of a mail", &MAIL_WORDS);
        let stubs: Option<Vec<MailStub>> = items.iter().map(word).collect();
        Some((place, stubs?))
    };
    entries.iter().filter_map(read).collect()
}

/// Whether the lead is written to at such a step.
fn writes(verb: &Verb) -> bool {
    match verb {
        Verb::Email(_) | Verb::Message(_) => true,
        Verb::Cadence(cadence) => cadence.touches.iter().any(|touch| !touch.touch.is_task()),
        _ => false,
    }
}
