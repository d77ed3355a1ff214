//! `results`, `stages` and `channels` of `cadenza.yaml`: the team's own words, each with its meaning to the engine.
//! Also reads such a word where one of the engine's is allowed too.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::meant::is_name;
use crate::shape::{Key, Shape, Takes, optional, required};
use crate::yaml::{Content, Node};
use cadenza_core::lead::{Channel, Outcome, Stage, TouchResult};
use cadenza_core::own_words::{Code, OWN_WORDS_MAX, OwnWord, OwnWords, Said, Words};
use std::collections::{BTreeMap, BTreeSet};

const NAME: Key = required("name", Takes::Name, "The word, as reports, files and people spell it");
const ABOUT: Key = optional("about", Takes::Text, "When it is said, for people");

pub(crate) static RESULT: Shape = Shape {
    name: "a result of the team's own",
    about: "What a lead says, in the team's word.",
    keys: &[
        NAME,
        required("means", Takes::Words(words::<TouchResult>), "What it means to the engine"),
        optional(
            "reason",
            Takes::Words(reasons),
            "Whether a report with it has to give a reason; `optional` when left out",
        ),
        ABOUT,
    ],
};

pub(crate) static STAGE: Shape = Shape {
    name: "a stage of the team's own",
    about: "Where a lead stands, in the team's word.",
    keys: &[NAME, required("means", Takes::Words(words::<Stage>), "What it means to the engine"), ABOUT],
};

pub(crate) static CHANNEL: Shape = Shape {
    name: "a channel of the team's own",
    about: "How a lead is reached, in the team's word.",
    keys: &[
        NAME,
        required("means", Takes::Words(words::<Channel>), "What it means to the engine and its contact gate"),
        ABOUT,
    ],
};

/// Why the contact gate cannot use one of the team's own channels.
pub(crate) const BY_MEANING: &str = "the contact gate goes by what a channel means";

/// The engine's channels.
pub(crate) fn channels() -> Vec<&'static str> {
    Channel::ALL.iter().map(|channel| channel.as_str()).collect()
}

fn words<C: Code>() -> Vec<&'static str> {
    C::codes().iter().map(|code| code.word()).collect()
}

fn reasons() -> Vec<&'static str> {
    vec!["required", "optional"]
}

/// The key for a task that nobody does.
pub(crate) const NOT_DONE: &str = "not_done";

/// Keys that stand next to results and outcomes, so that no word may have their name.
const KEYS: [&str; 5] = ["else", NOT_DONE, "refused", "failed", "end"];

/// One kind of words: its key, its table, and what one of its words is called.
struct Kind<C> {
    key: &'static str,
    shape: &'static Shape,
    one: &'static str,
    /// The meaning of a word whose own meaning cannot be read, so that its uses are not reported.
    unread: C,
}

/// Every word declared so far, in its form for comparison, with its kind.
type Taken = BTreeMap<String, &'static str>;

/// Reads the words of all kinds. A key with unreadable contents is added to `unread`.
pub(crate) fn read(sheet: &Sheet<'_>, form: &Form<'_>, unread: &mut BTreeSet<&'static str>) -> OwnWords {
    let mut taken = Taken::new();
    let results = Kind { key: "results", shape: &RESULT, one: "a result", unread: TouchResult::NotNow };
    let stages = Kind { key: "stages", shape: &STAGE, one: "a stage", unread: Stage::Open };
    let channels = Kind { key: "channels", shape: &CHANNEL, one: "a channel", unread: Channel::Other };
    unread.extend([results.key, stages.key, channels.key].into_iter().filter(|key| !is_whole(form, key)));
    OwnWords {
        results: read_kind(sheet, form, &results, &mut taken),
        stages: read_kind(sheet, form, &stages, &mut taken),
        channels: read_kind(sheet, form, &channels, &mut taken),
    }
}

/// Whether every word under a key has a name.
fn is_whole(form: &Form<'_>, key: &str) -> bool {
    let named = |item: &Node| item.get("name").and_then(Node::scalar).is_some_and(|name| is_name(&name.text));
    form.get(key).is_none_or(|node| matches!(&node.content, Content::List(items) if items.iter().all(named)))
}

fn read_kind<C: Code>(sheet: &Sheet<'_>, form: &Form<'_>, kind: &Kind<C>, taken: &mut Taken) -> Words<C> {
    let mut words = Words::default();
    let Some(node) = form.get(kind.key) else { return words };
    let items = sheet.list(node, &format!("`{}`", kind.key)).unwrap_or_default();
    // The meaning of each word of the list, for a word that is declared to mean another one.
    let meanings: BTreeMap<&str, &str> = items
        .iter()
        .filter_map(|item| {
            Some((item.get("name")?.scalar()?.text.as_str(), item.get("means")?.scalar()?.text.as_str()))
        })
        .collect();
    for item in items {
        let Some(form) = Form::open(sheet, item, kind.shape) else { continue };
        form.get("about").map(|about| sheet.text(about, "when it is said"));
        let means = form.get("means").and_then(|node| meaning(sheet, node, kind, &meanings));
        let reason_required = kind.shape.key("reason").is_some() && wants_reason(sheet, &form, means);
        let Some(name) = form.get("name").and_then(|node| name(sheet, node, kind.one, taken)) else { continue };
        words.insert(name, OwnWord { means: means.unwrap_or(kind.unread), reason_required });
    }
    if words.len() > OWN_WORDS_MAX {
        let message = format!("there are {} words under `{}`, and the most is {OWN_WORDS_MAX}", words.len(), kind.key);
        sheet.report(Problem::error("too-large", node.pointer(), message));
    }
    words
}

/// A new word: no word of the engine's, and declared once over all kinds, since reports and plugins tell words apart by
/// nothing else.
fn name(sheet: &Sheet<'_>, node: &Node, one: &'static str, taken: &mut Taken) -> Option<String> {
    let name = sheet.text(node, "a word of the team's own")?;
    if !sheet.check_name(&name, node.span.clone(), "a word of the team's own") {
        return None;
    }
    if let Some(what) = engines(&name) {
        let instead = format!("our-{name}");
        let problem = Problem::error("reserved-name", node.span.clone(), format!("`{name}` is {what} already"));
        sheet.report(problem.label(format!("write another word, such as `{instead}`")).replace(instead));
        return None;
    }
    if let Some(other) = taken.insert(folded(&name), one) {
        let message = match other == one {
            true => format!("`{name}` is declared twice"),
            false => format!("`{name}` is declared twice, as {other} and as {one}"),
        };
        let problem = Problem::error("duplicate-name", node.span.clone(), message);
        let help = "remove one of the two, or give it another name; `-` and `_` do not tell words apart";
        sheet.report(problem.help(help));
        return None;
    }
    Some(name)
}

/// A word in its form for comparison: whoever hears it cannot tell `-` from `_`.
fn folded(name: &str) -> String {
    name.replace('-', "_")
}

/// What a word is to the engine, if it is one of the engine's.
fn engines(name: &str) -> Option<&'static str> {
    let name = folded(name);
    let kinds: [(&str, Vec<&str>); 5] = [
        ("a result of the engine's", words::<TouchResult>()),
        ("an outcome of the engine's", words::<Outcome>()),
        ("a stage of the engine's", words::<Stage>()),
        ("a channel of the engine's", words::<Channel>()),
        ("a word of `results`", KEYS.to_vec()),
    ];
    kinds.into_iter().find(|(_, words)| words.contains(&name.as_str())).map(|(what, _)| what)
}

/// One of the engine's words. A word of the team's own is reported with its meaning.
fn meaning<C: Code>(sheet: &Sheet<'_>, node: &Node, kind: &Kind<C>, meanings: &BTreeMap<&str, &str>) -> Option<C> {
    let codes: Vec<_> = C::codes().iter().map(|code| (code.word(), *code)).collect();
    let text = node.scalar().map(|scalar| scalar.text.as_str());
    let Some((text, means)) = text.and_then(|text| Some((text, *meanings.get(text)?))) else {
        return sheet.word(node, &format!("what {} means", kind.one), &codes);
    };
    if C::codes().iter().any(|code| code.word() == text) {
        return sheet.word(node, kind.one, &codes);
    }
    let message = format!("`{text}` is a word of the team's own, and a word means one of the engine's");
    let problem = Problem::error("unknown-word", node.span.clone(), message);
    sheet.report(match C::codes().iter().any(|code| code.word() == means) {
        true => problem.label(format!("write `{means}`")).replace(means),
        false => problem.help("write one of the engine's words"),
    });
    None
}

/// Whether a report has to give a reason. An opt-out is never refused for lack of one.
fn wants_reason<C: Code>(sheet: &Sheet<'_>, form: &Form<'_>, means: Option<C>) -> bool {
    let Some(node) = form.get("reason") else { return false };
    let wanted = sheet.word(node, "whether a reason is required", &[("required", true), ("optional", false)]);
    if wanted == Some(true) && means.is_some_and(|means| means.word() == TouchResult::OptedOut.as_str()) {
        let problem = Problem::error("opt-out-with-terms", node.span.clone(), "an opt-out is taken without a reason");
        sheet.report(problem.label("write `optional`, or leave `reason` out").replace("optional"));
        return false;
    }
    wanted == Some(true)
}

impl Sheet<'_> {
    /// One of the engine's words, or of the team's own.
    pub(crate) fn own_word<C: Code>(&self, node: &Node, what: &str, words: &Words<C>) -> Option<Said<C>> {
        let scalar = self.scalar(node, what)?;
        let said = words.said(&scalar.text);
        if said.is_none() {
            let message = format!("`{}` cannot be {what}", scalar.text);
            let problem = Problem::error("unknown-word", node.span.clone(), message);
            self.report(problem.suggest_one(&scalar.text, words.all(), "it can be"));
        }
        said
    }

    /// One of the engine's words. A word of the team's own is reported, with its meaning and with `why` the meaning is
    /// needed.
    pub(crate) fn engines_word<C: Code>(&self, node: &Node, what: &str, words: &Words<C>, why: &str) -> Option<C> {
        let said = self.own_word(node, what, words)?;
        let Some(own) = said.own else { return Some(said.means) };
        let means = said.means.word();
        let problem =
            Problem::error("own-word", node.span.clone(), format!("`{own}` is a word of the team's own: {why}"));
        self.report(problem.label(format!("write `{means}`, which it means")).replace(means));
        None
    }
}

impl Known<'_> {
    /// The same as [`Sheet::own_word`], but no word is reported while the declared words are not known.
    pub(crate) fn own_word<C: Code>(
        &self,
        sheet: &Sheet<'_>,
        node: &Node,
        what: &str,
        words: (&str, &Words<C>),
    ) -> Option<Said<C>> {
        if self.may_be_own(node, words) { None } else { sheet.own_word(node, what, words.1) }
    }

    /// Whether this may be one of the team's own words, whose declaration under this key could not be read.
    pub(crate) fn may_be_own<C: Code>(&self, node: &Node, (key, words): (&str, &Words<C>)) -> bool {
        let undeclared = node.scalar().is_some_and(|scalar| words.said(&scalar.text).is_none());
        undeclared && !self.has_all(key)
    }
}
