//! Who does something or is told of it: the owner, a role of the workflow, a rep, a pool, another system.

use super::shapes::{DOER_POOL, DOER_REP, PARTY_CONNECTION};
use super::{Reader, assign};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::known::Names;
use crate::suggest::nearest;
use crate::yaml::{Content, Node};
use cadenza_core::workflow::Party;

/// The roles that the `assign` steps of a file give.
pub(super) fn roles(steps: &[Node]) -> Names {
    let mut roles = Names::default();
    let given = steps.iter().filter_map(|step| step.get("assign")?.get("as")?.scalar());
    given.for_each(|scalar| roles.add(&scalar.text));
    roles
}

/// Reads who is meant by the value of `key`. `words` are the words that it accepts besides roles.
pub(super) fn read(reader: &Reader<'_>, node: &Node, key: &str, words: &[&'static str]) -> Option<Party> {
    let sheet = &reader.sheet;
    if matches!(node.content, Content::Map(_)) {
        return named(reader, node, words);
    }
    let text = sheet.text(node, "who is meant")?;
    let word = words.contains(&text.as_str());
    match text.as_str() {
        "owner" if word => return Some(Party::Owner),
        "manager" if word => return Some(Party::Manager),
        "watchers" if word => return Some(Party::Watchers),
        role if reader.roles.has(role) => return Some(Party::Role(role.to_owned())),
        _ => {}
    }
    let known = reader.known;
    let problem = Problem::error("unknown-doer", node.span.clone(), format!("`{key}` knows no `{text}`"));
    let instead = |kind: &str| format!("{{ {kind}: {text} }}");
    if let Some(rep) = known.rep_called(&text).filter(|_| !known.pools.has(&text)) {
        let instead = format!("{{ rep: {rep} }}");
        sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
        return None;
    }
    sheet.report(match (known.reps.has(&text), known.pools.has(&text), known.connections.has(&text)) {
        (true, ..) => problem.label(format!("write `{}`", instead("rep"))).replace(instead("rep")),
        (_, true, _) => problem.label(format!("write `{}`", instead("pool"))).replace(instead("pool")),
        (.., true) if words.contains(&"watchers") => {
            problem.label(format!("write `{}`", instead("connection"))).replace(instead("connection"))
        }
        _ => {
            let names = words.iter().copied().chain(reader.roles.iter());
            let near = nearest(&text, names.clone()).is_some();
            let problem = problem.suggest(&text, names, "words and roles it knows");
            let help = "write `{ rep: … }` or `{ pool: … }`; a role is given by `assign: { …, as: qualifier }`";
            if near { problem } else { problem.help(help) }
        }
    });
    None
}

/// `{ rep: … }`, `{ pool: … }` or `{ connection: … }`.
fn named(reader: &Reader<'_>, node: &Node, words: &[&'static str]) -> Option<Party> {
    let sheet = &reader.sheet;
    if node.get("pool").is_some() {
        let form = Form::open(sheet, node, &DOER_POOL)?;
        return assign::pool(reader, form.get("pool")?).map(Party::Pool);
    }
    if words.contains(&"watchers") && node.get("connection").is_some() {
        let form = Form::open(sheet, node, &PARTY_CONNECTION)?;
        return reader.other_than_mails(form.get("connection")?, "what is told to a connection").map(Party::Connection);
    }
    let form = Form::open(sheet, node, &DOER_REP)?;
    assign::rep(reader, form.get("rep")?).map(Party::Rep)
}
