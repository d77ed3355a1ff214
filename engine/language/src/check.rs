//! Checks the whole folder: which file is read when, and what it gives.

use crate::diagnostic::{Diagnostic, Problem, Sheet};
use crate::digest::Hasher;
use crate::folder::Folder;
use crate::hours::any_calendar;
use crate::known::{Known, Names};
use crate::settings::Basics;
use crate::suggest::listed;
use crate::yaml::{self, Node};
use crate::{address, connections, placeholders, script, settings, sources, team, usage, workflow};
use cadenza_core::calendar::Calendar;
use cadenza_core::plugin::{PluginCatalog, PluginInfo, Reads};
use cadenza_core::value::Value;
use cadenza_core::workflow::{ScriptId, Workflow};
use cadenza_core::workspace::{Connection, PluginSettings, Settings, Team, Workspace};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

const SETTINGS: &str = "cadenza.yaml";
const TEAM: &str = "team.yaml";
const SOURCES: &str = "sources.yaml";
const CONNECTIONS: &str = "connections.yaml";

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The workspace; `None` when there is any error.
    pub workspace: Option<Workspace>,
    /// Everything that was found, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a folder and reports everything that is wrong at once.
pub fn check(folder: &Folder, plugins: &dyn PluginCatalog) -> Checked {
    let findings = RefCell::new(Vec::new());
    let workspace = Reading { folder, findings: &findings }.workspace(plugins);
    let mut diagnostics = findings.into_inner();
    diagnostics.sort_by(|a, b| (&a.file, a.span.start, a.severity).cmp(&(&b.file, b.span.start, b.severity)));
    diagnostics.dedup();
    let sound = !diagnostics.iter().any(Diagnostic::is_error);
    Checked { workspace: workspace.filter(|_| sound), diagnostics }
}

/// What `cadenza.yaml` says about plugins, even if other parts are wrong: plugins are loaded before the folder is checked.
pub fn plugin_settings(folder: &Folder) -> BTreeMap<String, PluginSettings> {
    let findings = RefCell::new(Vec::new());
    let known = Known::new(&NoPlugins);
    let page = Reading { folder, findings: &findings }.page(SETTINGS);
    page.and_then(|page| settings::read_plugins(&page.sheet, page.node.get("plugins")?, &known)).unwrap_or_default()
}

/// The catalog before any plugin is loaded.
struct NoPlugins;

impl PluginCatalog for NoPlugins {
    fn info(&self, _: &str) -> Option<&PluginInfo> {
        None
    }
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
    fn reads(&self, name: &str, _: &[Value]) -> Result<Reads, String> {
        Err(format!("`{name}` is not loaded"))
    }
}

/// A file of the folder, read as YAML.
struct Page<'a> {
    sheet: Sheet<'a>,
    node: Node,
}

struct Reading<'a> {
    folder: &'a Folder,
    findings: &'a RefCell<Vec<Diagnostic>>,
}

impl<'a> Reading<'a> {
    /// Files are read in the order in which they refer to each other; `known` grows on the way.
    fn workspace(&self, plugins: &dyn PluginCatalog) -> Option<Workspace> {
        let mut known = Known::new(plugins);
        self.faults(&mut known);
        let basics_page = self.page(SETTINGS);
        let basics = self.basics(basics_page.as_ref(), &mut known);
        let workflow_pages = self.workflow_pages(&mut known);
        let calendar = basics.as_ref().map_or_else(any_calendar, |basics| basics.calendar.clone());
        let team = self.team(&mut known, &calendar);
        let connections = self.connections(&mut known, team.as_ref());
        if let Some(page) = &basics_page {
            settings::check_contact(&page.sheet, &page.node, &known);
        }
        let sources = match self.page(SOURCES) {
            Some(page) => sources::read(&page.sheet, &page.node, &known),
            None => Some(BTreeMap::new()),
        };
        self.scripts(&mut known);
        let workflows = self.workflows(&workflow_pages, &known);
        if workflow_pages.is_empty() && !known.workflows.incomplete {
            let problem =
                Problem::warning("no-workflow", 0..0, "the folder has no workflow: nothing would happen to any lead");
            let help = "write one in a file of its own at the top of the folder, such as `inbound.yaml`";
            self.sheet(SETTINGS, self.folder.file(SETTINGS).unwrap_or_default()).report(problem.help(help));
        }
        self.script_uses(&known);
        self.unused_scripts(&known);
        let basics = basics?;
        let settings = Settings {
            name: basics.name,
            calendar: basics.calendar,
            country: basics.country,
            calendars: known.calendars,
            fields: known.fields,
            own_words: known.own_words,
            contact: basics.contact,
            plugins: basics.plugins,
            team: team?,
        };
        let (sources, connections, links) = (sources?, connections?, basics.links);
        Some(Workspace { settings, workflows, sources, connections, links, digest: self.digest() })
    }

    /// Reports what could not be read. A name that such a file may declare is not reported as unknown.
    fn faults(&self, known: &mut Known<'_>) {
        for fault in self.folder.faults() {
            let file = fault.file.as_str();
            self.sheet(file, fault.readable().unwrap_or_default()).report(fault.problem());
            if file.ends_with(".md") {
                known.scripts.insert(file.to_owned(), usage::unread());
            } else if is_workflow(file) {
                known.misses_a_workflow();
            }
        }
    }

    fn basics(&self, page: Option<&Page<'a>>, known: &mut Known<'_>) -> Option<Basics> {
        if !self.folder.has(SETTINGS) {
            let problem = Problem::error("missing-file", 0..0, format!("the folder has no `{SETTINGS}`"));
            self.sheet(SETTINGS, "").report(problem.help("create it with `name: …` and `timezone: …`"));
        }
        let basics = page.and_then(|page| settings::read(&page.sheet, &page.node, known));
        known.timezone = basics.as_ref().map(|basics| basics.timezone.clone());
        basics
    }

    fn connections(&self, known: &mut Known<'_>, team: Option<&Team>) -> Option<BTreeMap<String, Connection>> {
        let page = self.page(CONNECTIONS);
        known.connections = names_of(page.as_ref(), "connections");
        known.connections.incomplete |= self.broken(CONNECTIONS, page.as_ref());
        let read = match &page {
            Some(page) => connections::read(&page.sheet, &page.node, known, team),
            None => Some(BTreeMap::new()),
        };
        for (name, connection) in read.iter().flatten() {
            let Some(endpoint) = connection.endpoint() else { continue };
            known.addresses.insert(name.clone(), endpoint.url.clone());
            if connections::keeps_requests_in(endpoint) {
                known.inside.insert(name.clone(), address::host_in(&endpoint.url).to_owned());
            }
        }
        known.mailers = page.as_ref().map(|page| connections::mailers_of(&page.node)).unwrap_or_default();
        read
    }

    fn team(&self, known: &mut Known<'_>, calendar: &Calendar) -> Option<Team> {
        let page = self.page(TEAM);
        if let Some(page) = &page {
            team::collect(&page.node, known);
        }
        let broken = self.broken(TEAM, page.as_ref());
        known.reps.incomplete |= broken;
        known.pools.incomplete |= broken;
        page.map_or_else(|| Some(Team::default()), |page| team::read(&page.sheet, &page.node, known, calendar))
    }

    fn scripts(&self, known: &mut Known<'_>) {
        let mut hashes: BTreeMap<ScriptId, &str> = BTreeMap::new();
        for (path, text) in self.folder.files().filter(|(path, _)| path.ends_with(".md")) {
            // Records name a script by a hash of its path.
            if let Some(other) = hashes.insert(ScriptId::of(path), path) {
                let message = format!(
                    "`{path}` and `{other}` cannot be told apart where messages are kept: their paths have one hash"
                );
                let problem = Problem::error("same-hash", 0..0, message).help("rename one of them");
                self.sheet(path, text).report(problem);
            }
            let script = script::read(&self.sheet(path, text), known);
            known.scripts.insert(path.to_owned(), script);
        }
    }

    fn sheet(&self, file: &'a str, text: &'a str) -> Sheet<'a> {
        Sheet::new(file, text, self.findings)
    }

    /// The file as a tree; `None` when there is no such file, or it is not YAML.
    fn page(&self, file: &'a str) -> Option<Page<'a>> {
        let sheet = self.sheet(file, self.folder.file(file)?);
        yaml::parse(&sheet).map(|node| Page { sheet, node })
    }

    /// Whether the file exists but could not be read. Then nothing that it should declare is reported as missing.
    fn broken(&self, file: &str, page: Option<&Page<'_>>) -> bool {
        self.folder.has(file) && page.is_none()
    }

    /// Every workflow file, and the names that the workflows have.
    fn workflow_pages(&self, known: &mut Known<'_>) -> Vec<Page<'a>> {
        let mut pages: Vec<Page<'a>> = Vec::new();
        let mut first: BTreeMap<String, &'a str> = BTreeMap::new();
        for (file, text) in self.folder.files().filter(|(file, _)| !file.contains('/')) {
            if file.ends_with(".yml") {
                let problem =
                    Problem::error("bad-file-name", 0..0, format!("`{file}` is not read: files end in `.yaml`"));
                self.sheet(file, text).report(problem.help("rename it"));
            }
            if !is_workflow(file) {
                continue;
            }
            let Some(page) = self.page(file) else {
                known.misses_a_workflow();
                continue;
            };
            if let Some(name) = workflow::name_of(&page.node).map(str::to_owned) {
                if let Some(other) = first.insert(name.clone(), file) {
                    let span = page.node.get("workflow").map_or(0..0, |node| node.span.clone());
                    let problem =
                        Problem::error("duplicate-name", span, format!("`{other}` holds a workflow `{name}` already"));
                    page.sheet.report(problem.help("give one of them another name"));
                }
                known.workflows.add(&name);
            } else {
                known.workflows.incomplete = true;
            }
            known.put_into.names.extend(workflow::put_into(&page.node).map(str::to_owned));
            known.roles.join(workflow::roles_of(&page.node));
            known.groups.extend(workflow::group_of(&page.node));
            pages.push(page);
        }
        pages
    }

    fn workflows(&self, pages: &[Page<'a>], known: &Known<'_>) -> BTreeMap<String, Arc<Workflow>> {
        let read = |page: &Page<'a>| workflow::read(page.sheet, &page.node, known);
        let (workflows, outlines): (Vec<_>, Vec<_>) = pages.iter().filter_map(read).unzip();
        workflow::check_circles(&outlines);
        let workflows = workflows.into_iter().flatten();
        let workflows: BTreeMap<String, Arc<Workflow>> =
            workflows.map(|workflow| (workflow.name.clone(), Arc::new(workflow))).collect();
        // A workflow that cannot be read may be the one that assigns.
        if !known.workflows.incomplete && workflows.len() == pages.len() {
            let pool = known.pools.iter().next();
            pages.iter().for_each(|page| workflow::owner::check(&page.sheet, &page.node, &workflows, pool));
        }
        workflows
    }

    /// Reports names in scripts that never have a value where workflows use the scripts.
    fn script_uses(&self, known: &Known<'_>) {
        for (path, text) in self.folder.files() {
            let Some(script) = known.scripts.get(path) else { continue };
            let uses = script.uses.borrow();
            if let Some(used) = uses.iter().find(|used| used.has_subject()).filter(|_| !script.has_subject) {
                let message = format!("{} sends this script, and it has no subject", used.what());
                let head = text.find("objective").map_or(0..0, |at| at..at + "objective".len());
                let problem = Problem::error("no-subject", head, message);
                let problem = problem.help("add `subject: …` to its head, between the two lines `---`");
                let mails = known.scripts.iter().filter(|(_, file)| file.has_subject).map(|(path, _)| path.as_str());
                let mut mails = mails.peekable();
                let others =
                    mails.peek().is_some().then(|| format!("or send a script that has one: {}", listed(mails)));
                self.sheet(path, text).report(others.into_iter().fold(problem, Problem::help));
            }
            for used in uses.iter() {
                placeholders::check_use(&self.sheet(path, text), &script.named, *used);
                placeholders::check_blanks(&self.sheet(path, text), &script.blanks, *used);
            }
        }
    }

    /// Reports scripts that no workflow uses. Reports nothing if a workflow could not be read, because that one may use
    /// them.
    fn unused_scripts(&self, known: &Known<'_>) {
        if self.findings.borrow().iter().any(|found| found.is_error() && found.file.ends_with(".yaml")) {
            return;
        }
        for (path, _) in known.scripts.iter().filter(|(_, script)| script.uses.borrow().is_empty()) {
            if let Some((path, text)) = self.folder.files().find(|(file, _)| file == path) {
                let problem = Problem::warning("unused-script", 0..0, format!("no workflow uses `{path}`"));
                self.sheet(path, text).report(problem.help("use it in a step, or remove the file"));
            }
        }
    }

    fn digest(&self) -> cadenza_core::id::Digest {
        let mut hasher = Hasher::new("workspace");
        for (path, text) in self.folder.files() {
            hasher.add(path);
            hasher.add(text);
        }
        hasher.finish()
    }
}

/// Whether a file with this name is a workflow.
fn is_workflow(file: &str) -> bool {
    file.ends_with(".yaml") && !file.contains('/') && ![SETTINGS, TEAM, SOURCES, CONNECTIONS].contains(&file)
}

fn names_of(page: Option<&Page<'_>>, key: &str) -> Names {
    let entries = page.and_then(|page| page.node.get(key)).map(Node::entries).unwrap_or_default();
    let mut names = Names::default();
    entries.iter().for_each(|entry| names.add(&entry.key.text));
    names
}
