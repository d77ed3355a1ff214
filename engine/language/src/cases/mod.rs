//! `*.test.yaml`: cases of a workflow. What is given and what is expected is checked here against a correct workspace,
//! so that everything a case names exists when it is played.
//!
//! Must not know: how a case is played.

mod answers;
mod chance;
mod decisions;
mod expect;
mod given;
mod lookup;
mod model;
mod people;
mod rows;
mod shapes;

pub use model::{
    Act, AnswerStub, Asked, Case, Change, Decided, Did, Done, Expected, Given, Habit, MailStub, Moment, Order, Place,
    Shown, Stub, Suite, What, When, Who, Wording,
};
pub(crate) use shapes::TEST;

use crate::diagnostic::{Diagnostic, Problem, Sheet};
use crate::folder::{Folder, TEST_FILE};
use crate::form::Form;
use crate::yaml::{self, Node};
use cadenza_core::plugin::PluginCatalog;
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workspace::Workspace;
use lookup::Lookup;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The most cases of one file.
const CASES_MAX: usize = 500;

/// The result of checking test files.
#[derive(Clone, Debug, Default)]
pub struct CheckedCases {
    /// Files without an error. The others are not played.
    pub suites: Vec<Suite>,
    /// Everything that was found, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks the test files of a folder ([`Folder::read_cases`]) against its workspace.
pub fn check_cases(files: &Folder, workspace: &Workspace, plugins: &dyn PluginCatalog) -> CheckedCases {
    let findings = RefCell::new(Vec::new());
    for fault in files.faults().iter().filter(|fault| fault.file.ends_with(TEST_FILE)) {
        Sheet::new(&fault.file, fault.readable().unwrap_or_default(), &findings).report(fault.problem());
    }
    let mut suites = Vec::new();
    for (file, text) in files.files().filter(|(file, _)| file.ends_with(TEST_FILE)) {
        let sheet = Sheet::new(file, text, &findings);
        let before = errors(&findings);
        let Some(node) = yaml::parse(&sheet) else { continue };
        let read = suite(sheet, &node, files, workspace, plugins);
        // The file's tables are part of it.
        suites.extend(read.filter(|_| errors(&findings) == before));
    }
    let mut diagnostics = findings.into_inner();
    diagnostics.sort_by(|a, b| (&a.file, a.span.start, a.severity).cmp(&(&b.file, b.span.start, b.severity)));
    diagnostics.dedup();
    CheckedCases { suites, diagnostics }
}

fn errors(findings: &RefCell<Vec<Diagnostic>>) -> usize {
    findings.borrow().iter().filter(|found| found.is_error()).count()
}

/// Leads as their test file describes them: by name, with their fields.
type Leads = BTreeMap<String, Vec<(String, Value)>>;

fn suite(
    sheet: Sheet<'_>,
    node: &Node,
    files: &Folder,
    workspace: &Workspace,
    plugins: &dyn PluginCatalog,
) -> Option<Suite> {
    let form = Form::open(&sheet, node, &TEST)?;
    let workflow = form.get("test").and_then(|node| lookup::workflow(&sheet, node, workspace));
    let starts = form.get("starts").map(|node| lookup::time(&sheet, node, workspace));
    let mut look = Lookup { sheet, files, workspace, plugins, workflow: workflow.clone()?, leads: Leads::new() };
    if let Some(node) = form.get("leads") {
        look.leads = given::leads(&look, node);
    }
    let decisions = form.get("decisions").map_or_else(BTreeMap::new, |node| decisions::read(&look, node));
    let answers = form.get("http").map_or_else(BTreeMap::new, |node| answers::read(&look, node));
    let draws = form.get("draws").map_or_else(BTreeMap::new, |node| chance::draws(&look, node));
    let mails = form.get("mails").map_or_else(BTreeMap::new, |node| chance::mails(&look, node));
    let people = form.get("people").map_or_else(Vec::new, |node| people::read(&look, node));
    let items = form.get("cases").and_then(|node| sheet.list(node, "`cases`")).unwrap_or_default();
    if items.is_empty() && form.get("cases").is_some() {
        let problem = Problem::error("empty-list", form.key_span("cases"), "the file has no cases");
        sheet.report(problem.help("write `- name: …` with `given` and `expect` below"));
    }
    if items.len() > CASES_MAX {
        let message = format!("the file has {} cases, and the most is {CASES_MAX}", items.len());
        sheet.report(Problem::error("too-large", form.key_span("cases"), message).help("make two files of it"));
        return None;
    }
    // Told once, at the first case that does not say it either.
    let starts_given = form.get("starts").is_some();
    let unsaid = items.iter().find(|item| !starts_given && item.get("starts").is_none());
    if let Some(case) = unsaid {
        let problem = Problem::error("missing-key", case.pointer(), "nothing says when the case begins");
        sheet.report(problem.help(
            "add `starts: 2026-03-02T09:00:00-05:00` to the file, or to the case: its clock has to stand somewhere",
        ));
    }
    let shared = Shared { starts: starts.flatten(), decisions, answers, draws, mails, people };
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut cases = Vec::new();
    for item in items {
        let Some(case) = case(&look, item, &shared) else { continue };
        if let Some(first) = names.insert(case.name.clone(), case.line) {
            let span = item.get("name").unwrap_or(item).pointer();
            let message = format!("two cases have this name: the other is in line {first}");
            sheet.report(Problem::error("duplicate-name", span, message).help("give one of them another name"));
        }
        cases.push(case);
    }
    Some(Suite { file: sheet.file.to_owned(), workflow: workflow?, cases })
}

/// What applies to all cases of a file that do not say otherwise.
struct Shared {
    starts: Option<Timestamp>,
    decisions: BTreeMap<String, Vec<Stub>>,
    answers: BTreeMap<Place, Vec<AnswerStub>>,
    draws: BTreeMap<Place, String>,
    mails: BTreeMap<Place, Vec<MailStub>>,
    people: Vec<Habit>,
}

fn case(look: &Lookup<'_>, node: &Node, shared: &Shared) -> Option<Case> {
    let sheet = &look.sheet;
    let form = Form::open(sheet, node, &shapes::CASE)?;
    let name = form.get("name").and_then(|node| sheet.text(node, "the name of a case"));
    let starts = match form.get("starts") {
        Some(node) => lookup::time(sheet, node, look.workspace),
        None => shared.starts,
    };
    let practices = form.get("practices").map_or_else(Vec::new, |node| {
        sheet.items(node).iter().filter_map(|item| sheet.text(item, "a practice")).collect()
    });
    let mut decisions = shared.decisions.clone();
    if let Some(node) = form.get("decisions") {
        decisions.extend(decisions::read(look, node));
    }
    let mut answers = shared.answers.clone();
    if let Some(node) = form.get("http") {
        answers.extend(answers::read(look, node));
    }
    let mut draws = shared.draws.clone();
    if let Some(node) = form.get("draws") {
        draws.extend(chance::draws(look, node));
    }
    let mut mails = shared.mails.clone();
    if let Some(node) = form.get("mails") {
        mails.extend(chance::mails(look, node));
    }
    let people = form.get("people").map_or_else(|| shared.people.clone(), |node| people::read(look, node));
    let mut leads = look.leads.clone();
    let items = form.get("given").and_then(|node| sheet.list(node, "`given`")).unwrap_or_default();
    let given = given::read(look, items, &mut leads);
    let until = form.get("until").and_then(|node| lookup::moment(look, node));
    let items = form.get("expect").and_then(|node| sheet.list(node, "`expect`")).unwrap_or_default();
    let expect = expect::read(look, items, &leads);
    for (key, is_empty) in [("given", given.is_empty()), ("expect", expect.is_empty())] {
        let items = form.get(key).map(Node::list).unwrap_or_default();
        if is_empty && items.is_empty() && form.get(key).is_some() {
            let problem = Problem::error("empty-list", form.key_span(key), format!("`{key}` has no entries"));
            sheet.report(problem.help("a case is something that happens, and something that should come of it"));
        }
    }
    let line = lookup::line(sheet, &form.pointer());
    Some(Case {
        name: name?,
        line,
        practices,
        starts: starts?,
        leads,
        decisions,
        answers,
        draws,
        mails,
        given,
        people,
        until,
        expect,
    })
}
