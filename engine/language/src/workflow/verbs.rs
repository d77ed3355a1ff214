//! The verbs that neither wait nor ask a plugin: `split`, `require`, `notify`, `watch`.

use super::shapes::{DRAW, GOAL, NOTICE, REQUIRED, SPLIT_ARM};
use super::{Reader, parties};
use crate::condition::{Place, condition};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::placeholders::check_use;
use crate::script::check_template;
use crate::usage::Use;
use crate::yaml::Node;
use cadenza_core::expr::Expr;
use cadenza_core::workflow::{Goal, Notify, Party, Require, Script, Split, SplitArm, SplitBy};
use std::ops::Range;

/// The words for people in `notify` and `watch`.
const HEARERS: [&str; 3] = ["owner", "manager", "watchers"];

pub(super) fn split(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Split> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, value, &DRAW);
    let ways: Vec<_> = SplitBy::ALL.iter().map(|by| (by.as_str(), *by)).collect();
    let by = form.and_then(|form| sheet.word(form.get("by")?, "by what an arm is drawn", &ways));
    let goal = form.and_then(|form| form.get("goal")).map_or(Some(None), |node| {
        let form = Form::open(sheet, node, &GOAL)?;
        let event = form.get("event").and_then(|node| sheet.event(node));
        let within = form.get("within").and_then(|node| sheet.duration(node));
        Some(Some(Goal { event: event?, within: within? }))
    });
    let arms = step.get("arms").and_then(|node| arms(reader, node, step.key_span("arms")));
    Some(Split { by: by?, goal: goal?, arms: arms? })
}

fn arms(reader: &Reader<'_>, node: &Node, at: Range<usize>) -> Option<Vec<SplitArm>> {
    let sheet = &reader.sheet;
    let items = sheet.list(node, "`arms`")?;
    let read: Vec<Option<SplitArm>> = items
        .iter()
        .map(|item| {
            let form = Form::open(sheet, item, &SPLIT_ARM)?;
            let name = form.get("arm").and_then(|node| sheet.name(node, "the name of an arm"));
            let share = form.get("share").and_then(|node| sheet.whole(node, "a share", 0, 100));
            let go = form.get("go").and_then(|node| reader.target(node));
            Some(SplitArm { name: name?, share: u8::try_from(share?).ok()?, go: go? })
        })
        .collect();
    let arms: Vec<SplitArm> = read.into_iter().collect::<Option<_>>()?;
    for (ix, arm) in arms.iter().enumerate() {
        if arms[..ix].iter().any(|before| before.name == arm.name) {
            let message = format!("two arms are called `{}`", arm.name);
            let problem = Problem::error("duplicate-id", items[ix].pointer(), message).help("give one another name");
            let name = items[ix].get("arm").map_or(0..0, |node| node.span.clone());
            sheet.report(problem.mend(name, format!("{}-{}", arm.name, ix + 1)));
            return None;
        }
    }
    let sum: u32 = arms.iter().map(|arm| u32::from(arm.share)).sum();
    if sum != 100 {
        let message = format!("the shares of the arms add up to {sum}, not to 100");
        let problem = Problem::error("bad-shares", at, message).help("each share is per cent of the leads");
        // Which of them is wrong nobody knows but the author.
        let others: u32 = arms.iter().rev().skip(1).map(|arm| u32::from(arm.share)).sum();
        sheet.report(match arms.last().filter(|_| others < 100) {
            Some(arm) => {
                problem.help(format!("with `share: {}` for `{}` they would add up to 100", 100 - others, arm.name))
            }
            None => problem,
        });
        return None;
    }
    Some(arms)
}

pub(super) fn require(reader: &Reader<'_>, value: &Node) -> Option<Require> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, value, &REQUIRED)?;
    let fields = form.get("fields").and_then(|node| {
        let items = sheet.list(node, "`fields`")?;
        if items.is_empty() {
            sheet.report(Problem::error("empty-list", node.span.clone(), "`require` names no field"));
        }
        let read: Vec<Option<String>> = items.iter().map(|item| required_field(reader, item)).collect();
        read.into_iter().collect::<Option<Vec<String>>>()
    });
    let test = form.get("if");
    let test = test.map_or(Some(Expr::TRUE), |node| condition(sheet, reader.known, node, Place::Step));
    let missing = form.get("missing").and_then(|node| reader.target(node));
    Some(Require { fields: fields?, condition: test?, missing: missing? })
}

fn required_field(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let field = reader.sheet.text(node, "a field")?;
    if reader.known.field(&field).is_some() || !reader.known.has_all("fields") {
        return Some(field);
    }
    let problem = Problem::error("unknown-field", node.span.clone(), format!("`lead` has no field `{field}`"));
    let help = "fields of your own are declared under `fields` in cadenza.yaml";
    reader.sheet.report(problem.suggest(&field, reader.known.field_names(), "fields").or_help(help));
    None
}

/// A `notify`. Its text is stored among the scripts of the workflow under `key`.
pub(super) fn notify(reader: &Reader<'_>, value: &Node, key: String) -> Option<Notify> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, value, &NOTICE)?;
    let to = form.get("to").and_then(|node| parties::read(reader, node, "to", &HEARERS));
    let text = form.get("text").and_then(|node| {
        let text = sheet.template(node, "what they are told")?;
        check_use(sheet, &check_template(sheet, reader.known, node), Use::Notice);
        Some(text)
    });
    let via = form.get("via").map_or(Some(None), |node| reader.connection(node).map(Some));
    let (to, text, via) = (to?, text?, via?);
    let leaves = via.is_some() || reader.known.notify_via || !reader.known.has_all("contact");
    if !leaves && !matches!(to, Party::Connection(_)) {
        let problem = Problem::error("no-connection", form.pointer(), "nothing says by which connection this leaves");
        let help = "add `via: …` to it, or `contact: { notify_via: … }` to cadenza.yaml";
        sheet.report(problem.help(help).mend_by(reader.with_via(&form)));
        return None;
    }
    let words = Script { objective: String::new(), reviewed_by: None, subject: None, body: text };
    reader.words.borrow_mut().insert(key.clone(), words);
    Some(Notify { to, script: key, via })
}

pub(super) fn watch(reader: &Reader<'_>, value: &Node) -> Option<Party> {
    let party = parties::read(reader, value, "watch", &HEARERS)?;
    if let Party::Connection(_) = party {
        let problem = Problem::error("unknown-doer", value.pointer(), "a connection cannot watch a lead");
        reader.sheet.report(problem.help("name a rep, a pool, a role, `owner` or `manager`"));
        return None;
    }
    Some(party)
}
