//! `cadence`: its touches, the voice-mail series, and what stops it.

use super::Reader;
use super::shapes::{
    AFTER, CONTACTS_MAX, LIMIT, REDIAL, ROUNDS, TOUCH_CALL, TOUCH_EMAIL, TOUCH_MESSAGE, TOUCH_TASK, VOICEMAILS,
};
use super::steps::{arm, email, text_message};
use super::tasks::{due, escalation, give_up};
use super::wait::time_of_day;
use crate::condition::{Place, condition};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::placeholders::check_use;
use crate::script::check_template;
use crate::shape::Shape;
use crate::usage::Use;
use crate::yaml::Node;
use cadenza_core::lead::Channel;
use cadenza_core::own_words::Said;
use cadenza_core::workflow::{
    CONTACTS_DEFAULT, Cadence, CadenceTouch, REDIAL_DEFAULT, Redial, Refused, TouchId, TouchPlan, Voicemails,
};
use std::collections::BTreeMap;

/// The most touches of a round.
const TOUCHES_MAX: usize = 50;

pub(super) fn read(reader: &Reader<'_>, value: &Node) -> Option<Cadence> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, value, &ROUNDS)?;
    let limit =
        form.get("limit").map_or_else(|| Some((CONTACTS_DEFAULT, counted(), Vec::new())), |node| limit(reader, node));
    let voicemails = form.get("voicemails").map_or(Some(None), |node| voicemails(reader, node).map(Some));
    let planned = form.get("touches").map_or(&[][..], |node| sheet.items(node));
    let has = |kind: &str| planned.iter().any(|touch| touch.get(kind).is_some());
    let asked = Place::Stop { tasks: has("call") || has("task") };
    let stop = form.get("stop").map_or_else(
        || Some(Vec::new()),
        |node| {
            let arms: Vec<_> = sheet.list(node, "`stop`")?.iter().map(|item| arm(reader, item, asked)).collect();
            arms.into_iter().collect()
        },
    );
    let touches = form.get("touches").and_then(|node| touches(reader, node, &form));
    let repeat = form.get("repeat").map_or(Some(None), |node| {
        let form = Form::open(sheet, node, &AFTER)?;
        let span = sheet.duration(form.get("after")?)?;
        if span.is_zero() {
            let problem = Problem::error("no-pause", node.pointer(), "the round begins anew at once, again and again");
            let problem = problem.help("say how long it rests: `repeat: { after: 3 business days }`");
            let value = form.get("after").map(|node| (node.span.clone(), "3 business days".to_owned()));
            sheet.report(problem.mend_by(value));
        }
        Some(Some(span))
    });
    let exhausted = form.get("exhausted").and_then(|node| reader.target(node));
    let not_done = form.get("not_done").map_or(Some(None), |node| reader.target(node).map(Some));
    if form.get("not_done").is_some() && planned.iter().all(|touch| touch.get("give_up").is_none()) {
        let message = "it never comes to `not_done`: no call of this cadence is given up";
        let problem = Problem::error("never-given-up", form.key_span("not_done"), message);
        sheet.report(problem.help("add `give_up: 2 business days` to a call, or leave `not_done` out"));
    }
    let (contacts_max, count, count_own) = limit?;
    Some(Cadence {
        contacts_max,
        count,
        count_own,
        voicemails: voicemails?,
        stop: stop?,
        touches: touches?,
        repeat: repeat?,
        exhausted: exhausted?,
        not_done: not_done?,
    })
}

fn counted() -> Vec<Channel> {
    vec![Channel::Call, Channel::Email]
}

/// The most contacts, and the channels that count: the engine's and the team's own.
fn limit(reader: &Reader<'_>, node: &Node) -> Option<(u16, Vec<Channel>, Vec<String>)> {
    let form = Form::open(&reader.sheet, node, &LIMIT)?;
    let contacts = form.get("contacts").map_or(Some(CONTACTS_DEFAULT), |node| {
        reader.sheet.whole(node, "a number of contacts", 1, CONTACTS_MAX).and_then(|most| u16::try_from(most).ok())
    });
    let Some(node) = form.get("count") else { return Some((contacts?, counted(), Vec::new())) };
    let (mut count, mut count_own) = (Vec::new(), Vec::new());
    for item in reader.sheet.items(node) {
        let Said { means, own } = channel(reader, item)?;
        match own {
            Some(own) => count_own.push(own),
            None => count.push(means),
        }
    }
    Some((contacts?, count, count_own))
}

fn channel(reader: &Reader<'_>, node: &Node) -> Option<Said<Channel>> {
    reader.known.own_word(&reader.sheet, node, "a channel", ("channels", &reader.known.own_words.channels))
}

fn voicemails(reader: &Reader<'_>, node: &Node) -> Option<Voicemails> {
    let form = Form::open(&reader.sheet, node, &VOICEMAILS)?;
    let script = |key: &str| form.get(key).and_then(|node| reader.script(node, Use::CadenceCall));
    let (first, next, last) = (script("first"), script("next"), script("last"));
    Some(Voicemails { first: first?, next: next?, last: last? })
}

fn touches(reader: &Reader<'_>, node: &Node, form: &Form<'_>) -> Option<Vec<CadenceTouch>> {
    let items = reader.sheet.list(node, "`touches`")?;
    if items.is_empty() || items.len() > TOUCHES_MAX {
        let problem =
            Problem::error("empty-list", form.key_span("touches"), format!("the cadence has {} touches", items.len()));
        reader.sheet.report(problem.help(format!("a round has 1 to {TOUCHES_MAX}")));
        return None;
    }
    let read: Vec<Option<CadenceTouch>> = items.iter().map(|item| touch(reader, item)).collect();
    let mut ids = BTreeMap::new();
    for (item, touch) in items.iter().zip(&read) {
        let Some(id) = touch.as_ref().and_then(|touch| touch.id.clone()) else { continue };
        let span = item.get("id").unwrap_or(item).pointer();
        if let Some(other) = ids.insert(TouchId::of(&id), id.clone()) {
            let message = format!("two touches are called `{other}`, or cannot be told apart from `{id}`");
            let problem = Problem::error("duplicate-id", span, message).help("give one of them another id");
            reader.sheet.report(problem.replace(format!("{id}-{}", ids.len() + 1)));
        }
    }
    unattended(reader, items);
    let mails_only = items.iter().all(|item| item.get("email").is_some());
    if mails_only {
        let problem = Problem::warning(
            "mail-only",
            form.key_span("touches"),
            "this cadence never calls: mail alone is no follow-up",
        );
        let help = "add a call between the mails: `- { after: 2 business days, call: scripts/….md }` (practice B5)";
        let call = reader.one_of("script").and_then(|path| {
            let call = format!("call: {path}");
            reader.sheet.put_item_in(node, &["after: 2 business days", &call, "give_up: 2 business days"])
        });
        reader.sheet.report(problem.help(help).mend_by(call));
    }
    read.into_iter().collect()
}

/// Warns of touches for people at which nothing happens while nobody does them.
fn unattended(reader: &Reader<'_>, items: &[Node]) {
    let for_people = |item: &&Node| item.get("call").is_some() || item.get("task").is_some();
    let alone = |item: &&Node| item.get("give_up").is_none() && item.get("escalate").is_none();
    let mut found = items.iter().filter(for_people).filter(alone);
    let Some(first) = found.next() else { return };
    let span = first.get("call").or_else(|| first.get("task")).unwrap_or(first).pointer();
    let message = match found.count() {
        0 => "when nobody does this touch, the cadence waits for ever".to_owned(),
        more => format!("when nobody does this touch, the cadence waits for ever; {more} more are like it"),
    };
    let problem = Problem::warning("waits-for-ever", span, message);
    let help = "add `give_up: 2 business days`: the next touch follows, and the third in a row that nobody does leads where `not_done` says; or add `escalate`";
    let given_up = reader.sheet.put_in(first, &["give_up: 2 business days".to_owned()]);
    reader.sheet.report(problem.help(help).mend_by(given_up));
}

fn touch(reader: &Reader<'_>, item: &Node) -> Option<CadenceTouch> {
    let sheet = &reader.sheet;
    let kinds: [(&str, &'static Shape); 4] =
        [("call", &TOUCH_CALL), ("email", &TOUCH_EMAIL), ("message", &TOUCH_MESSAGE), ("task", &TOUCH_TASK)];
    let said: Vec<_> = kinds.into_iter().filter(|(kind, _)| item.get(kind).is_some()).collect();
    let (kind, shape) = match said.as_slice() {
        [one] => *one,
        [(first, _), (second, _), ..] => {
            let at = item.get(second).map_or_else(|| item.pointer(), Node::pointer);
            let message = format!("a touch is one thing, and this has `{first}` and `{second}`");
            let problem = Problem::error("two-verbs", at, message);
            let is_kind = |key: &str| key == *first || key == *second;
            let later = item.entries().iter().rfind(|entry| is_kind(&entry.key.text));
            let later = later.and_then(|entry| sheet.divided_at(item, entry.key.span.start, Some("after: 0d")));
            sheet.report(problem.help("make a touch of its own of it, `after: 0d`").mend_by(later));
            return None;
        }
        [] => {
            let message = "a touch says `after` and one of `call`, `email`, `message` and `task`";
            let problem = Problem::error("no-verb", item.pointer(), message);
            let is_call = item.entries().iter().all(|entry| TOUCH_CALL.key(&entry.key.text).is_some());
            let call = reader.one_of("script").filter(|_| is_call).map(|script| format!("call: {script}"));
            let help = match &call {
                Some(call) => format!("write `{{ after: 1 business day, {call} }}`"),
                None => "write `{ after: 1 business day, call: scripts/….md }`".to_owned(),
            };
            sheet.report(problem.help(help).mend_by(call.and_then(|call| sheet.put_in(item, &[call]))));
            return None;
        }
    };
    let form = reader.open(item, shape)?;
    let after = form.get("after").and_then(|node| sheet.duration(node));
    let id = form.get("id").map_or(Some(None), |node| sheet.name(node, "the id of a touch").map(Some));
    let at = form.get("at").map_or(Some(None), |node| time_of_day(reader, node).map(Some));
    let asked = Place::Touch;
    let wanted = form.get("if").map_or(Some(None), |node| condition(sheet, reader.known, node, asked).map(Some));
    let refused = match shape.key("refused").and_then(|_| form.get("refused")) {
        None => Some(Refused::Skip),
        Some(node) => {
            let words = [("skip", Refused::Skip), ("wait", Refused::Wait)];
            sheet.word(node, "what happens when it may not happen", &words)
        }
    };
    let touch = match (kind, form.get(kind)?) {
        ("email", script) => email(reader, &form, script, Use::CadenceMail).map(TouchPlan::Email),
        ("message", script) => text_message(reader, &form, script, Use::CadenceMessage).map(TouchPlan::Message),
        ("task", node) => {
            let objective = sheet.template(node, "what is to be done");
            check_use(sheet, &check_template(sheet, reader.known, node), Use::CadenceCall);
            let script = form.get("script").map_or(Some(None), |node| reader.script(node, Use::CadenceCall).map(Some));
            let channel = form.get("channel").map_or(Some(None), |node| channel(reader, node).map(Some));
            if let Some(Some(said)) = &channel
                && said.means == Channel::Call
            {
                let message = match &said.own {
                    Some(own) => format!("`{own}` means a call, and a task is none"),
                    None => "a task is no call".to_owned(),
                };
                let problem = Problem::error("unknown-word", form.key_span("channel"), message);
                let help = "write `call: scripts/….md`: the contact gate and the redial belong to calls; or another channel, such as `other`";
                sheet.report(problem.help(help));
            }
            let (due, escalate, give_up) = (due(reader, &form), escalation(reader, &form), give_up(reader, &form));
            let (objective, script, channel, due) = (objective?, script?, channel?, due?);
            let (channel, channel_own) = channel.map_or((None, None), |said| (Some(said.means), said.own));
            let (escalate, give_up) = (escalate?, give_up?);
            Some(TouchPlan::Task { objective, script, channel, channel_own, due, escalate, give_up })
        }
        (_, script) => {
            let script = reader.script(script, Use::CadenceCall);
            let redial = form.get("redial").map_or(Some(None), |node| redial(reader, node).map(Some));
            let (due, escalate, give_up) = (due(reader, &form), escalation(reader, &form), give_up(reader, &form));
            let (script, due, redial) = (script?, due?, redial?);
            Some(TouchPlan::Call { script, due, redial, escalate: escalate?, give_up: give_up? })
        }
    };
    let (id, at, wanted) = (id?, at?, wanted?);
    Some(CadenceTouch { id, after: after?, at, condition: wanted, refused: refused?, touch: touch? })
}

fn redial(reader: &Reader<'_>, node: &Node) -> Option<Redial> {
    let form = Form::open(&reader.sheet, node, &REDIAL)?;
    let after = form.get("after").map_or(Some(REDIAL_DEFAULT), |node| reader.sheet.duration(node));
    let on_redial = form.get("voicemail").map_or(Some(true), |node| {
        reader.sheet.word(node, "on which dial a message is left", &[("on_redial", true), ("on_first_dial", false)])
    });
    Some(Redial { after: after?, voicemail_on_redial: on_redial? })
}
