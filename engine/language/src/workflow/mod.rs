//! A workflow file: who is enrolled, what ends a run early, and its steps.

mod asks;
mod assign;
mod cadence;
mod circles;
mod entry;
mod flow;
mod http;
mod interrupts;
mod moment;
pub(crate) mod owner;
mod parties;
mod shapes;
mod steps;
mod tasks;
mod verbs;
mod wait;

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::{Known, Names};
use crate::meant::is_name;
use crate::shape::Shape;
use crate::suggest::nearest;
use crate::usage::Use;
use crate::yaml::{Entry, Node};
use cadenza_core::id::Digest;
use cadenza_core::workflow::{
    Interrupt, ReEnroll, Reaction, STEPS_MAX, Script, Step, StepId, StepIx, Target, Workflow,
};
pub(crate) use circles::{Outline, check as check_circles};
pub(crate) use shapes::WORKFLOW;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
pub(crate) use steps::verb_shapes;

/// What reading a workflow needs: the file, what is known, and the ids of its steps.
pub(crate) struct Reader<'a> {
    sheet: Sheet<'a>,
    known: &'a Known<'a>,
    /// The steps as they are written.
    items: &'a [Node],
    ids: Vec<Option<String>>,
    /// Whether a step has an invalid id, so that those who lead to it may use the correct spelling.
    id_unread: bool,
    /// Scripts used so far.
    scripts: RefCell<BTreeSet<String>>,
    /// Texts of notices, which a run pins like scripts.
    words: RefCell<BTreeMap<String, Script>>,
    /// Roles that steps of the file give.
    roles: Names,
}

/// The name that a workflow file declares, for those who refer to it.
pub(crate) fn name_of(node: &Node) -> Option<&str> {
    node.get("workflow")?.scalar().map(|scalar| scalar.text.as_str())
}

/// The workflows that the steps of a file put leads into.
pub(crate) fn put_into(node: &Node) -> impl Iterator<Item = &str> {
    let steps = node.get("steps").map_or(&[][..], Node::list);
    let deeds = node.get("interrupts").map_or(&[][..], Node::list).iter().filter_map(|item| item.get("do"));
    let named = steps.iter().chain(deeds.flat_map(Node::list)).filter_map(|step| step.get("enroll"));
    named.filter_map(|named| named.get("workflow").unwrap_or(named).scalar().map(|scalar| scalar.text.as_str()))
}

/// The workflow of a file, with its group.
pub(crate) fn group_of(node: &Node) -> Option<(String, String)> {
    let group = node.get("group")?.get("name")?.scalar()?;
    Some((name_of(node)?.to_owned(), group.text.clone()))
}

/// The roles that the steps of a file give.
pub(crate) fn roles_of(node: &Node) -> Names {
    parties::roles(node.get("steps").map_or(&[][..], Node::list))
}

/// Reads the file. The workflow is `None` when something is wrong, which has then been reported. The outline is for
/// checks across all workflows.
pub(crate) fn read<'a>(sheet: Sheet<'a>, node: &Node, known: &Known<'_>) -> Option<(Option<Workflow>, Outline<'a>)> {
    let before = sheet.errors();
    let form = Form::open(&sheet, node, &WORKFLOW)?;
    let name = form.get("workflow").and_then(|name| sheet.name(name, "the name of a workflow"));
    let summary = form.get("summary").and_then(|summary| sheet.text(summary, "a summary"));
    let items = form.get("steps").and_then(|steps| sheet.list(steps, "`steps`")).unwrap_or_default();
    let reader = Reader {
        sheet,
        known,
        items,
        ids: collect_ids(&sheet, items),
        id_unread: items
            .iter()
            .filter_map(|item| item.get("id"))
            .any(|id| !id.scalar().is_some_and(|id| is_name(&id.text))),
        scripts: RefCell::default(),
        words: RefCell::default(),
        roles: parties::roles(items),
    };
    let enroll = entry::enroll(&reader, &form, name.as_deref().unwrap_or_default());
    let leave = entry::leave(&reader, &form);
    let re_enroll = form.get("re_enroll").map_or(Some(ReEnroll::Never), |node| entry::re_enroll(&reader, node));
    let key = entry::one_run_per(&reader, &form, &enroll);
    let group = entry::group(&reader, &form);
    let interrupts = interrupts::read(&reader, &form);
    if let (Some(steps), true) = (form.get("steps"), items.is_empty()) {
        sheet.report(Problem::error("empty-list", steps.span.clone(), "the workflow has no steps"));
    }
    if items.len() > STEPS_MAX {
        let message = format!("the workflow has {} steps, and the most is {STEPS_MAX}", items.len());
        sheet.report(
            Problem::error("too-large", form.key_span("steps"), message)
                .help("split it, and join the parts by `enroll`"),
        );
        return None;
    }
    let read: Vec<Option<Step>> = items.iter().enumerate().map(|(ix, item)| steps::read(&reader, item, ix)).collect();
    let own = name.as_ref().and_then(|name| known.groups.get(name));
    steps::into_own_group(&reader, own, items, &read);
    interrupts::into_own_group(&reader, own, &form);
    told_apart(&sheet, items, &read);
    let led: Vec<Target> = interrupts.iter().flatten().filter_map(leads_to).collect();
    flow::unreachable(&reader, items, &read, interrupts.as_ref().map(|_| &led[..]));
    moment::check(&reader, name.as_deref().unwrap_or_default(), &enroll, items, &read, &led);
    let outline = Outline {
        sheet,
        name: name.clone().unwrap_or_default(),
        re_enroll: re_enroll.clone().unwrap_or(ReEnroll::Never),
        steps: read.clone(),
        places: items.iter().map(|item| item.get("id").unwrap_or(item).pointer()).collect(),
    };
    let sound = sheet.errors() == before;
    let steps: Option<Vec<Step>> = read.into_iter().collect();
    let (digest, scripts) = pin(&reader);
    let whole = move || {
        let (name, summary, re_enroll, steps) = (name?, summary?, re_enroll?, steps?);
        let (key, group, interrupts) = (key?, group?, interrupts?);
        Some(Workflow { name, summary, digest, enroll, re_enroll, key, group, leave, interrupts, steps, scripts })
    };
    Some((whole().filter(|_| sound), outline))
}

/// The target of an interrupt, if it has one.
const fn leads_to(interrupt: &Interrupt) -> Option<Target> {
    if let Reaction::Go(target) = interrupt.reaction { Some(target) } else { None }
}

/// The explicit ids of the steps, in order. Duplicate and forbidden ids are reported.
fn collect_ids(sheet: &Sheet<'_>, items: &[Node]) -> Vec<Option<String>> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let read = |item: &Node| {
        let node = item.get("id")?;
        let id = sheet.text(node, "the id of a step")?;
        // An invalid name still counts as a name, so that those who lead to it are not reported.
        sheet.check_name(&id, node.span.clone(), "the id of a step");
        if id == "end" {
            let problem = Problem::error("bad-name", node.span.clone(), "a step cannot be called `end`");
            sheet.report(problem.help("`go: end` ends the run; give the step another id").replace("the-end"));
            return None;
        }
        let line = sheet.text[..node.span.start].matches('\n').count() + 1;
        if let Some(first) = seen.insert(id.clone(), line) {
            let message = format!("two steps are called `{id}`: the other is in line {first}");
            let problem = Problem::error("duplicate-id", node.span.clone(), message);
            sheet.report(problem.help("give one of them another id").replace(format!("{id}-{line}")));
        }
        Some(id)
    };
    items.iter().map(read).collect()
}

/// Records name a step by a hash of its id, so two ids must not have the same hash.
fn told_apart(sheet: &Sheet<'_>, items: &[Node], read: &[Option<Step>]) {
    let mut known: BTreeMap<StepId, &str> = BTreeMap::new();
    for (item, step) in items.iter().zip(read).filter_map(|(item, step)| Some((item, step.as_ref()?))) {
        if let Some(other) = known.insert(StepId::of(&step.id), &step.id).filter(|other| *other != step.id) {
            let span = item.get("id").unwrap_or(item).span.clone();
            let message = format!(
                "`{}` and `{other}` cannot be told apart where runs are kept: their ids have one hash",
                step.id
            );
            let problem = Problem::error("same-hash", span, message).help("give one of them another id");
            sheet.report(problem.replace(format!("{}-2", step.id)));
        }
    }
}

/// The scripts that a run of this workflow pins, and the digest of everything that it pins.
fn pin(reader: &Reader<'_>) -> (Digest, BTreeMap<String, Script>) {
    let mut digest = crate::digest::Hasher::new("workflow");
    digest.add(reader.sheet.text);
    let mut scripts = BTreeMap::new();
    for path in reader.scripts.borrow().iter() {
        if let Some(script) = reader.known.scripts.get(path).and_then(|file| file.script.clone()) {
            digest.add(path);
            for part in
                [Some(&script.objective), script.reviewed_by.as_ref(), script.subject.as_ref(), Some(&script.body)]
            {
                digest.add(part.map_or("", String::as_str));
            }
            scripts.insert(path.clone(), script);
        }
    }
    // The texts of notices stand in the file itself, which the digest covers.
    scripts.extend(reader.words.borrow().clone());
    (digest.finish(), scripts)
}

impl Reader<'_> {
    /// Opens a mapping whose values name what the workspace declares.
    fn open<'n>(&self, node: &'n Node, shape: &'static Shape) -> Option<Form<'n>> {
        Form::open_naming(&self.sheet, node, shape, &|what| self.one_of(what))
    }

    /// One existing thing of this kind, to suggest when none is named.
    fn one_of(&self, what: &str) -> Option<String> {
        let known = self.known;
        let first = match what {
            "connection" => known.email_via.as_deref().or_else(|| known.connections.iter().next()),
            "pool" => known.pools.iter().next(),
            // A script for the telephone has no subject.
            "script" => known.scripts.iter().find(|(_, file)| !file.has_subject).map(|(path, _)| path.as_str()),
            _ => None,
        };
        first.map(str::to_owned)
    }

    /// A step's id, or `end`.
    fn target(&self, node: &Node) -> Option<Target> {
        let id = self.sheet.text(node, "the id of a step")?;
        if id == "end" {
            return Some(Target::End);
        }
        if let Some(ix) = self.ids.iter().position(|known| known.as_deref() == Some(&id)) {
            return u16::try_from(ix).ok().map(|ix| Target::Step(StepIx(ix)));
        }
        if self.id_unread {
            return None;
        }
        let problem = Problem::error("unknown-step", node.span.clone(), format!("there is no step `{id}`"));
        let ids: Vec<&str> = self.ids.iter().flatten().map(String::as_str).chain(["end"]).collect();
        self.sheet.report(problem.suggest(&id, ids, "steps of this workflow"));
        None
    }

    /// The target as the file writes it; `None` for a step without an explicit id.
    fn id_of(&self, target: Target) -> Option<&str> {
        match target {
            Target::Step(ix) => self.ids.get(usize::from(ix.0))?.as_deref(),
            Target::End => Some("end"),
        }
    }

    /// Where a step with only one way out goes: to the target of `go`, or else to the next step, or else to the end.
    fn next(&self, form: &Form<'_>, ix: usize) -> Option<Target> {
        match form.get("go") {
            Some(node) => self.target(node),
            None => Some(self.below(ix)),
        }
    }

    fn below(&self, ix: usize) -> Target {
        let below = ix + 1;
        if below < self.ids.len() {
            u16::try_from(below).map_or(Target::End, |ix| Target::Step(StepIx(ix)))
        } else {
            Target::End
        }
    }

    /// An existing connection.
    fn connection(&self, node: &Node) -> Option<String> {
        if let Some(problem) = self.sheet.taken_literally(node, "a connection") {
            self.sheet.report(match self.one_of("connection") {
                Some(one) => problem.for_example(&one),
                None => problem,
            });
            return None;
        }
        let name = self.sheet.text(node, "a connection")?;
        if self.known.connections.has(&name) {
            return Some(name);
        }
        let problem =
            Problem::error("unknown-connection", node.span.clone(), format!("there is no connection `{name}`"));
        // Any other would carry it elsewhere than meant.
        let problem = problem.suggest(&name, self.known.connections.iter(), "connections in connections.yaml");
        let help = format!("or declare it there: `{name}: {{ url: https://… }}`");
        self.sheet.report(if problem.replacement().is_some() { problem } else { problem.help(help) });
        None
    }

    /// A connection that carries other things than mails; `what` is what is to leave by it.
    fn other_than_mails(&self, node: &Node, what: &str) -> Option<String> {
        let name = self.connection(node)?;
        if !self.known.mailers.contains(&name) {
            return Some(name);
        }
        let message = format!("the connection `{name}` sends mails, and {what} goes to a web address");
        let others = self.known.connections.iter().filter(|name| !self.known.mailers.contains(*name));
        let others: Vec<&str> = others.collect();
        let problem = Problem::error("sends-mails", node.span.clone(), message);
        self.sheet.report(match &others[..] {
            [] => problem.help("declare one with `url: …` in connections.yaml"),
            _ => problem.help(format!("connections with a `url`: {}", crate::suggest::listed(others.iter().copied()))),
        });
        None
    }

    /// The path of an existing script. A mail needs a subject.
    fn script(&self, node: &Node, used: Use) -> Option<String> {
        let path = self.sheet.text(node, "the path of a script")?;
        let Some(file) = self.known.scripts.get(&path) else {
            let problem = Problem::error("unknown-script", node.span.clone(), format!("there is no script `{path}`"));
            let names: Vec<&str> = self.known.scripts.keys().map(String::as_str).collect();
            let bare = names
                .iter()
                .find(|name| name.strip_prefix("scripts/") == Some(&path) || **name == format!("scripts/{path}.md"));
            let near = bare.copied().or_else(|| nearest(&path, names.iter().copied()));
            self.sheet.report(match near {
                Some(near) => problem.label(format!("did you mean `{near}`?")).replace(near),
                None => problem.help(format!("create the file, or use one of {}", crate::suggest::listed(names))),
            });
            return None;
        };
        file.uses.borrow_mut().insert(used);
        self.scripts.borrow_mut().insert(path.clone());
        Some(path)
    }
}

/// The entries of a mapping without `else`, and the value of `else`.
fn without_else(entries: &[Entry]) -> (Vec<&Entry>, Option<&Node>) {
    let (other, rest): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| entry.key.text == "else");
    (rest, other.first().map(|entry| &entry.value))
}
