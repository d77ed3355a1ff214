//! What a test file may name: workflows, steps, reps, scripts, fields, leads, and times.

use super::Leads;
use super::model::{Moment, Place, Who};
use crate::dates::as_local_time;
use crate::diagnostic::{Problem, Sheet};
use crate::folder::Folder;
use crate::meant::{is_name, slug};
use crate::suggest::listed;
use crate::yaml::{Content, Node};
use cadenza_core::field::{KEPT_FIELDS, STANDARD_FIELDS, STANDING_FIELDS, field_info};
use cadenza_core::lead::{RepId, TouchResult};
use cadenza_core::own_words::Said;
use cadenza_core::plugin::{PluginCatalog, Segment};
use cadenza_core::reading::{self, LeftOut};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::{Step, Verb, Workflow};
use cadenza_core::workspace::Workspace;
use std::collections::BTreeSet;
use std::ops::Range;

/// The most of what is said to happen one time after the other.
const IN_TURN_MAX: usize = 100;

/// A test file under check, and what there is that it may name.
pub(super) struct Lookup<'a> {
    pub(super) sheet: Sheet<'a>,
    pub(super) files: &'a Folder,
    pub(super) workspace: &'a Workspace,
    pub(super) plugins: &'a dyn PluginCatalog,
    /// The workflow that the file is about.
    pub(super) workflow: String,
    /// The leads that the file names.
    pub(super) leads: Leads,
}

/// The line number of a range, from 1.
pub(super) fn line(sheet: &Sheet<'_>, place: &Range<usize>) -> usize {
    sheet.text.get(..place.start).unwrap_or_default().matches('\n').count() + 1
}

/// A workflow of the workspace.
pub(super) fn workflow(sheet: &Sheet<'_>, node: &Node, workspace: &Workspace) -> Option<String> {
    let name = sheet.text(node, "a workflow")?;
    if workspace.workflows.contains_key(&name) {
        return Some(name);
    }
    let problem = Problem::error("unknown-workflow", node.span.clone(), format!("there is no workflow `{name}`"));
    sheet.report(problem.suggest(&name, workspace.workflows.keys().map(String::as_str), "workflows"));
    None
}

/// A time with its zone.
pub(super) fn time(sheet: &Sheet<'_>, node: &Node, workspace: &Workspace) -> Option<Timestamp> {
    let scalar = sheet.scalar(node, "a time such as `2026-03-02T09:00:00-05:00`")?;
    let at = Timestamp::parse(&scalar.text);
    if at.is_none() {
        let problem =
            Problem::error("wrong-type", node.span.clone(), format!("`{}` is no time with its zone", scalar.text));
        sheet.report(match as_local_time(&scalar.text, workspace.settings.calendar.zone()) {
            Some(meant) => problem.label(format!("write `{meant}`")).replace(meant),
            None => problem.help("write it as `2026-03-02T09:00:00-05:00`"),
        });
    }
    at
}

/// A duration since the beginning of the case, or a time.
pub(super) fn moment(look: &Lookup<'_>, node: &Node) -> Option<Moment> {
    let scalar = look.sheet.scalar(node, "a duration such as `5m`, or a time")?;
    if let Some(span) = Span::parse(&scalar.text) {
        return Some(Moment::After(span));
    }
    let is_time = scalar.text.contains(':') || scalar.text.matches('-').count() == 2;
    if is_time {
        time(&look.sheet, node, look.workspace).map(Moment::At)
    } else {
        look.sheet.duration(node).map(Moment::After)
    }
}

impl Lookup<'_> {
    fn workflow_of(&self, name: &str) -> Option<&Workflow> {
        self.workspace.workflows.get(name).map(AsRef::as_ref)
    }

    /// A step: of the file's own workflow, or as `workflow/step`.
    pub(super) fn place(&self, node: &Node) -> Option<(Place, &Step)> {
        let text = self.sheet.text(node, "a step")?;
        self.place_at(&text, node.span.clone())
    }

    /// The step that is named at this range.
    pub(super) fn place_at(&self, text: &str, span: Range<usize>) -> Option<(Place, &Step)> {
        let (workflow, step) = text.split_once('/').unwrap_or((&self.workflow, text));
        let Some(definition) = self.workflow_of(workflow) else {
            let message = format!("there is no workflow `{workflow}`");
            let problem = Problem::error("unknown-workflow", span, message);
            let names = self.workspace.workflows.keys().map(String::as_str);
            self.sheet.report(problem.suggest(workflow, names, "workflows").without_replacement());
            return None;
        };
        if let Some(found) = definition.steps.iter().find(|found| found.id == step) {
            return Some((Place { workflow: workflow.to_owned(), step: step.to_owned() }, found));
        }
        let message = format!("the workflow `{workflow}` has no step `{step}`");
        let problem = Problem::error("unknown-step", span, message);
        let elsewhere =
            self.workspace.workflows.values().find(|other| other.steps.iter().any(|found| found.id == step));
        let elsewhere = elsewhere.filter(|_| !text.contains('/')).map(|other| format!("{}/{step}", other.name));
        self.sheet.report(match elsewhere {
            Some(there) => problem.label(format!("did you mean `{there}`?")).replace(there),
            None => {
                let ids: Vec<&str> = definition.steps.iter().map(|step| step.id.as_str()).collect();
                let problem = problem.suggest(step, ids, &format!("steps of `{workflow}`"));
                if text.contains('/') { problem.without_replacement() } else { problem }
            }
        });
        None
    }

    /// What is said to happen one time after the other, one alone or a list; `of` and `what` are for the message.
    pub(super) fn in_turn<'n>(&self, node: &'n Node, of: &str, what: &str) -> Option<&'n [Node]> {
        let items = match &node.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() || items.len() > IN_TURN_MAX {
            let message = format!("`{of}` has {} {what}", items.len());
            let problem = Problem::error("empty-list", node.pointer(), message);
            self.sheet.report(problem.help(format!("name 1 to {IN_TURN_MAX}; the last holds for all that follow")));
            return None;
        }
        Some(items)
    }

    /// A step that one kind of entry is about; others are reported by `code`, with those of the workflow that fit.
    pub(super) fn place_with(
        &self,
        (text, span): (&str, Range<usize>),
        fits: fn(&Verb) -> bool,
        (code, lacks, kind): (&'static str, &str, &str),
    ) -> Option<(Place, &Step)> {
        let (place, step) = self.place_at(text, span.clone())?;
        if fits(&step.verb) {
            return Some((place, step));
        }
        let message = format!("`{}` is a step with `{}`: {lacks}", place.step, step.verb.name());
        let steps = &self.workflow_of(&place.workflow)?.steps;
        let ids: Vec<&str> = steps.iter().filter(|step| fits(&step.verb)).map(|step| step.id.as_str()).collect();
        let problem = Problem::error(code, span, message);
        self.sheet.report(match ids.as_slice() {
            [] => problem.help(format!("`{}` has no step with {kind}; write `workflow/step`", place.workflow)),
            ids => problem.help(format!("steps of `{}` with {kind}: {}", place.workflow, listed(ids.iter().copied()))),
        });
        None
    }

    /// A step that makes tasks.
    pub(super) fn task(&self, node: &Node) -> Option<(Place, &Step)> {
        let text = self.sheet.text(node, "a step")?;
        let words = ("no-task-there", "nobody has a task there", "tasks");
        self.place_with((&text, node.span.clone()), makes_tasks, words)
    }

    /// What a lead says: a result of the engine's, or of the team's own.
    pub(super) fn result(&self, node: &Node) -> Option<Said<TouchResult>> {
        self.sheet.own_word(node, "what a lead says", &self.workspace.settings.own_words.results)
    }

    /// A rep of the team.
    pub(super) fn rep(&self, node: &Node) -> Option<String> {
        let name = self.sheet.text(node, "a rep")?;
        let reps = &self.workspace.settings.team.reps;
        if reps.contains_key(&RepId(name.clone())) {
            return Some(name);
        }
        let problem = Problem::error("unknown-rep", node.span.clone(), format!("there is no rep `{name}`"));
        let names: Vec<&str> = reps.keys().map(|rep| rep.0.as_str()).collect();
        self.sheet.report(problem.suggest(&name, names, "reps in team.yaml"));
        None
    }

    /// A rep, `nobody`, or a pool where one is allowed.
    pub(super) fn who(&self, node: &Node, pools_too: bool) -> Option<Who> {
        let name = self.sheet.text(node, "a rep")?;
        let team = &self.workspace.settings.team;
        if name == "nobody" {
            return Some(Who::Nobody);
        }
        if pools_too && team.pools.contains_key(&name) {
            return Some(Who::Pool(name));
        }
        if team.reps.contains_key(&RepId(name.clone())) {
            return Some(Who::Rep(name));
        }
        let reps = team.reps.keys().map(|rep| rep.0.as_str());
        let pools = team.pools.keys().map(String::as_str).filter(|_| pools_too);
        let names: Vec<&str> = reps.chain(pools).chain(["nobody"]).collect();
        let what = if pools_too { "rep or pool" } else { "rep" };
        let problem = Problem::error("unknown-rep", node.span.clone(), format!("there is no {what} `{name}`"));
        self.sheet.report(problem.suggest(&name, names, "who there is"));
        None
    }

    /// A script that a workflow uses.
    pub(super) fn script(&self, node: &Node) -> Option<String> {
        let path = self.sheet.text(node, "a script")?;
        // Words that stand in a workflow have a name of the engine's making, and are no mail.
        let is_file = |name: &&String| !name.starts_with("words/");
        let all = || self.workspace.workflows.values().flat_map(|workflow| workflow.scripts.keys()).filter(is_file);
        if all().any(|known| *known == path) {
            return Some(path);
        }
        let problem =
            Problem::error("unknown-script", node.span.clone(), format!("no workflow uses a script `{path}`"));
        let names: BTreeSet<&str> = all().map(String::as_str).collect();
        self.sheet.report(problem.suggest(&path, names.iter().copied(), "scripts that workflows use"));
        None
    }

    /// A plugin that decides in a workflow, as it describes itself.
    pub(super) fn plugin(&self, name: &str, span: Range<usize>) -> Option<&cadenza_core::plugin::PluginInfo> {
        let info = self.plugins.info(name);
        if info.is_none() {
            let problem = Problem::error("unknown-plugin", span, format!("there is no plugin `{name}`"));
            self.sheet.report(problem.suggest(name, self.plugins.names(), "plugins"));
        }
        info
    }

    /// The name of an ending of a workflow.
    pub(super) fn ending(&self, node: &Node, workflow: &str) -> Option<String> {
        let ending = self.sheet.text(node, "the name of an ending")?;
        let endings = self.endings(workflow);
        if endings.contains(&ending) {
            return Some(ending);
        }
        let message = format!("no run of `{workflow}` ends as `{ending}`");
        let problem = Problem::error("unknown-ending", node.span.clone(), message);
        self.sheet.report(problem.suggest(&ending, endings.iter().map(String::as_str), "endings it has"));
        None
    }

    fn endings(&self, workflow: &str) -> Vec<String> {
        let Some(definition) = self.workflow_of(workflow) else { return Vec::new() };
        let ends = definition.steps.iter().filter_map(|step| match &step.verb {
            Verb::End(ending) => Some(ending.clone()),
            _ => None,
        });
        let leaves = definition.leave.iter().map(|leave| leave.ending.clone());
        let ours = ENGINES_ENDINGS.iter().map(|ending| (*ending).to_owned());
        let mut all: Vec<String> = Vec::new();
        for ending in ends.chain(leaves).chain(ours) {
            if !all.contains(&ending) {
                all.push(ending);
            }
        }
        all
    }

    /// The value of a field, as an event brings it; `at` is the range of the value.
    pub(super) fn field(&self, name: &str, name_at: Range<usize>, value: Value, at: Range<usize>) -> Option<Value> {
        let fields = &self.workspace.settings.fields;
        let given = STANDARD_FIELDS.iter().find(|info| info.name == name).map(|info| info.kind);
        let stands = STANDING_FIELDS.iter().any(|info| info.name == name);
        let Some(kind) = given.or_else(|| fields.get(name).map(|declared| declared.kind)) else {
            if stands {
                return Some(value);
            }
            let kept = KEPT_FIELDS.iter().any(|info| info.name == name);
            let (code, message) = match kept {
                true => ("kept-field", format!("`{name}` is kept by the engine: nobody gives it")),
                false => ("unknown-field", format!("there is no field `{name}`")),
            };
            let names = STANDARD_FIELDS.iter().map(|info| info.name).chain(fields.keys().map(String::as_str));
            let names: Vec<&str> = names.collect();
            let problem = Problem::error(code, name_at, message);
            self.sheet.report(match kept {
                true => problem.help("expect it under `fields` of an entry of `expect`"),
                false => problem.suggest(name, names, "fields of a lead"),
            });
            return None;
        };
        if value.is_blank() {
            return Some(value);
        }
        match self.read_value((name, kind), value, at, "cannot be") {
            Ok(value) => Some(value),
            Err(problem) => {
                self.sheet.report(problem);
                None
            }
        }
    }

    /// The same for a mapping from fields to values.
    pub(super) fn fields(&self, node: &Node) -> Vec<(String, Value)> {
        let entries = self.sheet.named(node, "fields of a lead").unwrap_or_default();
        let read = |entry: &crate::yaml::Entry| {
            let value = self.raw(&entry.value)?;
            let name = &entry.key.text;
            let value = self.field(name, entry.key.span.clone(), value, entry.value.pointer())?;
            Some((name.clone(), value))
        };
        entries.iter().filter_map(read).collect()
    }

    /// The expected values of fields, which may also be fields that the engine keeps.
    pub(super) fn known_fields(&self, node: &Node) -> Vec<(String, Value)> {
        let entries = self.sheet.named(node, "fields of a lead").unwrap_or_default();
        let own = &self.workspace.settings.fields;
        let read = |entry: &crate::yaml::Entry| {
            let (name, span) = (&entry.key.text, entry.key.span.clone());
            let kind = field_info(name).map(|info| info.kind).or_else(|| own.get(name).map(|declared| declared.kind));
            let Some(kind) = kind else {
                let names = STANDARD_FIELDS.iter().chain(KEPT_FIELDS).map(|info| info.name);
                let names: Vec<&str> = names.chain(own.keys().map(String::as_str)).collect();
                let problem = Problem::error("unknown-field", span, format!("there is no field `{name}`"));
                self.sheet.report(problem.suggest(name, names, "fields of a lead"));
                return None;
            };
            let value = self.raw(&entry.value)?;
            if value.is_blank() {
                return Some((name.clone(), value));
            }
            let word = match name.as_str() {
                "stage" | "stage_own" => Some(self.stage(&entry.value, name == "stage_own")),
                "owner" => Some(self.rep(&entry.value)),
                "segment" => Some(self.segment(&entry.value)),
                _ => None,
            };
            if let Some(word) = word {
                return Some((name.clone(), Value::Text(word?)));
            }
            match self.read_value((name, kind), value, entry.value.pointer(), "is never") {
                Ok(value) => Some((name.clone(), value)),
                Err(problem) => {
                    self.sheet.report(problem);
                    None
                }
            }
        };
        entries.iter().filter_map(read).collect()
    }

    /// The value at this range, read for a field as an event's value would be. For a choice it is one of its words.
    fn read_value(
        &self,
        (name, kind): (&str, ValueType),
        value: Value,
        at: Range<usize>,
        cannot_be: &str,
    ) -> Result<Value, Problem> {
        let settings = &self.workspace.settings;
        let declared = settings.fields.get(name);
        let problem = |left: &LeftOut| {
            Problem::error("field-type", at.clone(), format!("`{name}` {cannot_be} this: {}", left.words()))
        };
        let value = reading::read_field(name, value, kind, settings.calendar.zone());
        let value =
            value.map_err(|left| problem(&left).help(format!("write {}", cadenza_core::field::example(kind))))?;
        let said = if let Value::Text(text) = &value { text.clone() } else { String::new() };
        let choices = declared.map_or(&[][..], |declared| &declared.choices);
        reading::choose(name, value, declared)
            .map_err(|left| problem(&left).suggest(&said, choices.iter().map(String::as_str), "it can be"))
    }

    fn segment(&self, node: &Node) -> Option<String> {
        let all: Vec<_> = Segment::ALL.iter().map(|segment| (segment.as_str(), *segment)).collect();
        self.sheet.word(node, "a segment", &all).map(|segment| segment.to_string())
    }

    /// A stage in the engine's word, or in the team's own.
    fn stage(&self, node: &Node, is_own: bool) -> Option<String> {
        let words = &self.workspace.settings.own_words.stages;
        if !is_own {
            let why = "`stage` holds the engine's, and `stage_own` the team's";
            return self.sheet.engines_word(node, "a stage", words, why).map(|stage| stage.as_str().to_owned());
        }
        let said = self.sheet.own_word(node, "a stage", words)?;
        if said.own.is_none() {
            let message = format!("`{}` is a word of the engine's, and `stage_own` holds the team's own", said.word());
            let problem = Problem::error("own-word", node.span.clone(), message);
            self.sheet.report(problem.help(format!("write `stage: {}`", said.word())));
        }
        said.own
    }

    /// A value as it stands in the file, whatever it will become.
    fn raw(&self, node: &Node) -> Option<Value> {
        match &node.content {
            Content::Scalar(scalar) if scalar.is_null() => Some(Value::Blank),
            Content::Scalar(scalar) => Some(Value::Text(scalar.text.clone())),
            Content::List(_) => self.sheet.value(node, ValueType::List, "a list of texts"),
            Content::Map(_) => {
                let problem =
                    Problem::error("wrong-type", node.pointer(), "a value is wanted here, and this is a mapping");
                self.sheet.report(problem.help("write one value, or a list of texts"));
                None
            }
        }
    }

    /// A lead by its name in the file.
    pub(super) fn lead(&self, node: &Node, leads: &Leads) -> Option<String> {
        let name = self.sheet.text(node, "a lead")?;
        if leads.contains_key(&name) {
            return Some(name);
        }
        // A name that is not written as names are has been told: whoever spells it as it should be is not to blame.
        if let Some(written) = leads.keys().find(|lead| !is_name(lead) && slug(lead, '-') == slug(&name, '-')) {
            return Some(written.clone());
        }
        let problem = Problem::error("unknown-lead", node.span.clone(), format!("the file names no lead `{name}`"));
        let names: Vec<&str> = leads.keys().map(String::as_str).collect();
        self.sheet.report(problem.suggest(&name, names, "leads of this file"));
        None
    }
}

/// The names that the engine itself gives to endings: of a run that reaches `end`, that a person ended, or that ended
/// by consent.
const ENGINES_ENDINGS: [&str; 5] = ["completed", "cancelled", "removed", "disqualified", "suppressed"];

/// Whether such a step gives somebody a task.
fn makes_tasks(verb: &Verb) -> bool {
    match verb {
        Verb::Call(_) | Verb::Task(_) => true,
        Verb::Cadence(cadence) => cadence.touches.iter().any(|touch| touch.touch.is_task()),
        _ => false,
    }
}
