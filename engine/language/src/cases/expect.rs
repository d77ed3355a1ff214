//! `expect`: what should happen in a case.

use super::Leads;
use super::answers::step;
use super::decisions::decided;
use super::given::find_verb;
use super::lookup::{Lookup, line, moment, workflow};
use super::model::{Asked, Decided, Expected, Moment, Place, Shown, What, Wording};
use super::shapes::{BECOMES, EXPECTED, LEADS_MAX, NEVER};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::own_words::BY_MEANING;
use crate::yaml::Node;
use cadenza_core::effect::NoticeKind;
use cadenza_core::gate::Reason;
use cadenza_core::journal::Refusal;
use cadenza_core::lead::Outcome;
use cadenza_core::workflow::Method;

pub(super) fn read(look: &Lookup<'_>, items: &[Node], leads: &Leads) -> Vec<Expected> {
    items.iter().filter_map(|item| entry(look, item, leads)).collect()
}

fn entry(look: &Lookup<'_>, node: &Node, leads: &Leads) -> Option<Expected> {
    if node.get("never").is_some() {
        let form = Form::open(&look.sheet, node, &NEVER)?;
        if let Some(word) = form.get("never").filter(|never| never.scalar().is_some()) {
            look.sheet.report(never_word(word));
            return None;
        }
        let expected = happening(look, form.get("never")?, leads)?;
        return Some(Expected { never: true, line: line(&look.sheet, &form.pointer()), ..expected });
    }
    happening(look, node, leads)
}

/// `- never: mail`: what never happens is written as what does.
fn never_word(node: &Node) -> Problem {
    let word = node.scalar().map_or("", |scalar| scalar.text.as_str());
    let verb = EXPECTED.iter().map(|(verb, _)| *verb).find(|verb| *verb == word);
    let problem = Problem::error("wrong-type", node.span.clone(), "`never` takes an entry of `expect`");
    match verb {
        Some(verb @ ("mail" | "parked")) => {
            let instead = format!("{{ {verb}: any }}");
            problem.label(format!("write `{instead}`")).replace(instead)
        }
        Some(verb) => problem.help(format!("write `never: {{ {verb}: … }}`, and what is meant behind it")),
        None => problem.help("write `never: { mail: any }`"),
    }
}

fn happening(look: &Lookup<'_>, node: &Node, leads: &Leads) -> Option<Expected> {
    let (verb, shape) = find_verb(&look.sheet, node, EXPECTED, "an entry of `expect`")?;
    let form = Form::peek(&look.sheet, node, shape)?;
    form.require(&look.sheet, &|_| None);
    let what = what(look, &form, verb)?;
    let lead = form.get("lead").map(|node| look.lead(node, leads));
    let number = form.get("leads").map(|node| look.sheet.whole(node, "a number of leads", 0, LEADS_MAX));
    if let (Some(_), Some(_)) = (&lead, &number) {
        let problem = Problem::error("which-lead", form.key_span("leads"), "`lead` is one lead, `leads` so many");
        look.sheet.report(problem.help("keep one of them"));
        return None;
    }
    let (at, by) = (form.get("at").map(|node| moment(look, node)), form.get("by").map(|node| moment(look, node)));
    if matches!(what, What::Fields(_)) && (at.is_some() || by.is_some()) {
        let key = if at.is_some() { "at" } else { "by" };
        let problem = Problem::error("two-times", form.key_span(key), "fields are looked at when the case is over");
        look.sheet.report(problem.help("leave the time out, and say with `until` when the case is over"));
        return None;
    }
    Some(Expected {
        line: line(&look.sheet, &form.pointer()),
        what,
        never: false,
        lead: whole(lead)?,
        leads: whole(number)?,
        at: whole(at)?,
        by: whole(by)?,
    })
}

/// `Some(None)` when nothing is written, and `None` when what is written is wrong.
fn whole<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

fn code<T: Copy>(
    look: &Lookup<'_>,
    form: &Form<'_>,
    key: &str,
    what: &str,
    all: &[(&'static str, T)],
) -> Option<Option<T>> {
    whole(form.get(key).map(|node| look.sheet.word(node, what, all)))
}

macro_rules! words {
    ($codes:ty) => {
        <$codes>::ALL.iter().map(|code| (code.as_str(), *code)).collect::<Vec<_>>()
    };
}

fn what(look: &Lookup<'_>, form: &Form<'_>, verb: &'static str) -> Option<What> {
    let sheet = &look.sheet;
    let node = form.get(verb)?;
    let moment_at = |key: &str| whole(form.get(key).map(|node| moment(look, node)));
    let text = |key: &str, what: &str| whole(form.get(key).map(|node| sheet.text(node, what)));
    let own = &look.workspace.settings.own_words;
    // The gate judges the meaning, so only the engine's words fit here.
    let channel = || sheet.engines_word(node, "a kind of touch", &own.channels, BY_MEANING);
    let reason = || code(look, form, "because", "a reason of the contact gate", &words!(Reason));
    Some(match verb {
        "enters" => What::Enters { workflow: workflow(sheet, node, look.workspace)? },
        "stays_out" => {
            let because = code(look, form, "because", "a reason", &words!(Refusal));
            What::StaysOut { workflow: workflow(sheet, node, look.workspace)?, because: because? }
        }
        "step" => What::Step(look.place(node)?.0),
        "task" => {
            let who = whole(form.get("for").map(|node| look.who(node, true)));
            let due: Option<Option<Moment>> = moment_at("due");
            let (objective, says, voicemail) =
                (text("objective", "an objective"), text("says", "a text"), text("voicemail", "a text"));
            let shown = Shown { objective: objective?, says: says?, voicemail: voicemail? };
            What::Task { place: look.task(node)?.0, who: who?, due: due?, shown }
        }
        "given_up" => What::GivenUp(look.task(node)?.0),
        "mail" => {
            let any = node.scalar().is_some_and(|scalar| scalar.text == "any");
            let script = if any { Some(None) } else { look.script(node).map(Some) };
            let (to, subject, says) = (text("to", "an address"), text("subject", "a subject"), text("says", "a text"));
            What::Mail(Wording { script: script?, to: to?, subject: subject?, says: says? })
        }
        "request" => {
            let place = step(look, &sheet.text(node, "a step")?, node.span.clone());
            let method = code(look, form, "method", "a method", &words!(Method));
            let becomes = code(look, form, "becomes", "what becomes of a request", &BECOMES);
            let (path, says) = (text("path", "a path"), text("says", "a text"));
            let asked = Asked { method: method?, path: path?, says: says?, becomes: becomes? };
            What::Request { place: place?, asked }
        }
        "notice" => {
            let kind = sheet.word(node, "what a rep hears", &words!(NoticeKind));
            let to = whole(form.get("for").map(|node| look.rep(node)));
            What::Notice { kind: kind?, to: to? }
        }
        "refused" => What::Refused { channel: channel()?, because: reason()? },
        "held" => What::Held { channel: channel()?, because: reason()?, until: moment_at("until")? },
        "decides" => decides(look, form, node)?,
        "owner" => What::Owner(look.who(node, false)?),
        "touch" => {
            let outcome = code(look, form, "outcome", "how a touch ends", &words!(Outcome));
            let result = whole(form.get("result").map(|node| look.result(node)));
            let channel = sheet.own_word(node, "a kind of touch", &own.channels);
            What::Touch { channel: channel?, outcome: outcome?, result: result? }
        }
        "ended" => {
            let of = form.get("workflow").map(|node| workflow(sheet, node, look.workspace));
            let workflow = whole(of)?.unwrap_or_else(|| look.workflow.clone());
            What::Ended { ending: look.ending(node, &workflow)?, workflow }
        }
        "parked" => {
            let any = node.scalar().is_some_and(|scalar| scalar.text == "any");
            let place: Option<Option<Place>> =
                if any { Some(None) } else { look.place(node).map(|(place, _)| Some(place)) };
            What::Parked(place?)
        }
        _ => What::Fields(Some(look.known_fields(node)).filter(|fields| !fields.is_empty())?),
    })
}

fn decides(look: &Lookup<'_>, form: &Form<'_>, node: &Node) -> Option<What> {
    let plugin = look.sheet.text(node, "a plugin")?;
    let info = look.plugin(&plugin, node.span.clone())?;
    let fails = whole(form.get("fails").map(|node| look.sheet.flag(node)))?.unwrap_or(false);
    let decided = decided(look, form, info)?;
    Some(What::Decides { plugin, decided: Decided { fails, ..decided } })
}
