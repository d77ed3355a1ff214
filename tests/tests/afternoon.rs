//! The afternoon of `sdk/README.md`, with the commands given there: a plugin is made, tried beside the old build on
//! live leads and on recorded ones, promoted and rolled back, on a running engine.

use cadenza_tests::project::{Project, Said, plugin, text};
use cadenza_tests::{Engine, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const SETTINGS: &str = "name: afternoon
timezone: UTC
hours: { mon-sun: 00:00-24:00 }
plugins: { house-score: { file: house-score.wasm, fuel: 150000 } }
";
const WORKFLOW: &str = "workflow: follow
summary: Score, then a call.
enroll: [{ when: lead.created }]
steps:
  - id: score
    score: house-score
    on_failure: park
  - id: call
    task: Call {{ lead.first_name }}
    results: { else: end }
";

/// Somebody at work: a project, and an engine that runs the first build of it.
struct Desk {
    project: Project,
    site: Site,
    engine: Engine,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Project::new(folder.path(), "house-score", "scoring");
        // It reads a name, so that there is something to mask.
        let name = "/// In the workspace's currency.";
        project.edit(name, &format!("/// Greeted by it.\n    pub first_name: Option<&'static str>,\n    {name}"));
        project.ask("build", &[]).expect(0, &["build/house-score.wasm"]);
        let site = Site::empty();
        site.write("cadenza.yaml", SETTINGS);
        site.write("follow.yaml", WORKFLOW);
        let component = fs::read(project.folder.join("build/house-score.wasm")).expect("it was built");
        site.write_bytes("house-score.wasm", &component);
        let engine = Engine::start(&site, "virtual", None);
        Self { project, site, engine, _folder: folder }
    }

    /// The project's last build.
    fn component(&self) -> PathBuf {
        self.project.folder.join("build/house-score.wasm")
    }

    /// Runs a command of `cadenza plugin` that talks to the engine.
    fn plugin(&self, arguments: &[&str]) -> Said {
        let mut command = cadenza(&["plugin"]);
        command.args(arguments).env("CADENZA_URL", &self.engine.url).env("CADENZA_TOKEN", &self.site.admin);
        Said::of(command)
    }

    /// Brings leads of large and small companies in turn, and returns their ids.
    fn bring(&self, from: u32, count: u32) -> Vec<String> {
        let lead = |n: u32| {
            let employees = if n.is_multiple_of(2) { 900 } else { 9 };
            json!({"id": format!("lead-{n}"), "type": "lead.created",
                   "lead": {"external_id": format!("crm-{n}"), "first_name": format!("Wilhelmina{n}"),
                            "title": "Head of Sales", "employees": employees}})
        };
        let events: Vec<Value> = (from..from + count).map(lead).collect();
        let answers = self.engine.client.post("/v1/events", &json!(events)).expect(202).json;
        let answers = answers["results"].as_array().cloned().unwrap_or_default();
        answers.iter().map(|answer| answer["lead"].as_str().expect("each is taken").to_owned()).collect()
    }

    fn points(&self, lead: &str) -> Value {
        self.engine.lead(lead)["scores"]["fit"]["points"].clone()
    }
}

#[test]
fn a_build_is_tried_promoted_and_taken_back_with_the_commands_of_the_guide() {
    let desk = Desk::new();
    let before = desk.bring(0, 6);
    assert_eq!(desk.points(&before[0]), 40);
    desk.plugin(&["list"]).expect(0, &["house-score", "FAILED", "PAUSED", "closed"]);
    desk.plugin(&["show", "house-score"]).expect(0, &["asked    6 times", "fuel", "of 150000", "instances"]);

    desk.project.edit("Rule::Large, 20", "Rule::Large, 45");
    desk.project.ask("build", &[]).expect(0, &[]);
    let component = desk.component();
    let component = text(&component);
    would_change(&desk, component);
    lists_what_it_does_not_fit(&desk, component);

    desk.plugin(&["push", component]).expect(0, &["is watched beside the live build"]);
    desk.bring(10, 4);
    eventually("the comparison", || {
        let shown = desk.plugin(&["show", "house-score"]);
        shown.out.contains("compared 4 decisions, 2 differ").then_some(())
    });
    desk.plugin(&["push", component, "--canary", "100"]).expect(0, &["decides for 100.0 % of the leads"]);
    assert_eq!(desk.points(&desk.bring(20, 1)[0]), 65);
    let live = desk.plugin(&["promote", "house-score"]).expect(0, &["house-score is live: "]);
    let after = desk.bring(30, 1).remove(0);
    let digest = live.out.split_whitespace().nth(3).expect("the digest is told").to_owned();
    let story = desk.engine.client.get(&format!("/v1/leads/{after}/timeline")).expect(200).text;
    assert!(story.contains(&digest), "the decision names its build {digest}: {story}");

    desk.plugin(&["rollback", "house-score"]).expect(0, &["is live again"]);
    assert_eq!(desk.points(&desk.bring(40, 1)[0]), 40);
    desk.plugin(&["promote", "house-score"]).expect(2, &["no build of `house-score` is being tried"]);
    desk.plugin(&["heal", "house-score"]).expect(0, &["there was nothing to heal"]);
    desk.plugin(&["pause", "house-score"]).expect(0, &["is paused"]);
    desk.plugin(&["list"]).expect(0, &["true"]);
    desk.plugin(&["resume", "house-score"]).expect(0, &["is asked again"]);
    desk.engine.stop();
}

/// Puts recorded decisions to a build that is not even loaded there, within the workspace's
/// budgets, and makes cases of them.
fn would_change(desk: &Desk, component: &str) {
    let cases = desk.project.folder.join("recorded");
    let said = desk.plugin(&["test", component, "--from-production", "--export", text(&cases)]);
    let said = said.expect(1, &["on 6 real decisions", "3 of 6 would come out differently", "of 150,000"]);
    assert!(said.out.contains("warm -> hot: 3") && said.out.contains("other points: 3 (mean +25.0"), "{}", said.out);
    let yaml = fs::read_to_string(cases.join("production.yaml")).expect("cases were written");
    assert!(!yaml.contains("Wilhelmina") && yaml.contains("first_name"), "nobody is named: {yaml}");
    plugin(&["test", component, "--golden", text(&cases), "--cases", "5"]).expect(0, &["all hold"]);
    // A build that looks further back than what was recorded says so.
    desk.project.edit(".engagement(10, PRICES_DAYS", ".previous_score().engagement(10, 2 * PRICES_DAYS");
    desk.project.ask("build", &[]).expect(0, &[]);
    let says = ["or less of it: blank here: engagement (6 times)", "blank here: previous_score (6 times)"];
    desk.plugin(&["test", component, "--from-production", "--days", "1"]).expect(1, &says);
    // If there are too many, the newest are taken.
    desk.engine.advance("3d");
    let newest = desk.bring(8, 1).remove(0);
    let says = ["There are more than 1 decisions", "on 1 real decision", newest.as_str()];
    desk.plugin(&["test", component, "--from-production", "--decisions", "1"]).expect(1, &says);
    desk.project.edit(".previous_score().engagement(10, 2 * PRICES_DAYS", ".engagement(10, PRICES_DAYS");
    desk.project.ask("build", &[]).expect(0, &[]);
}

/// A build that reads what leads do not have is refused, with every place.
fn lists_what_it_does_not_fit(desk: &Desk, component: &str) {
    let with_sheep = "/// Sheep.\n    pub sheep: Option<i64>,\n    /// In the workspace's currency.";
    desk.project.edit("/// In the workspace's currency.", with_sheep);
    desk.project.ask("build", &[]).expect(0, &[]);
    let says = ["follow.yaml:6:12", "reads `sheep`", "declare it in cadenza.yaml"];
    desk.plugin(&["push", component]).expect(2, &says);
    desk.project.edit(with_sheep, "/// In the workspace's currency.");
    desk.project.ask("build", &[]).expect(0, &[]);
}

#[test]
fn a_workspace_that_names_what_will_be_pushed_is_checked_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = Project::new(folder.path(), "late-score", "scoring");
    project.ask("build", &[]).expect(0, &[]);
    let site = Site::empty();
    site.write("cadenza.yaml", "name: late\ntimezone: UTC\nhours: { mon-sun: 00:00-24:00 }\n");
    site.write("follow.yaml", &WORKFLOW.replace("house-score", "late-score"));
    let validate = |more: &[&str]| {
        let workspace = site.workspace();
        Said::of(cadenza(&[&["validate", text(&workspace)], more].concat()))
    };
    validate(&[]).expect(1, &["there is no plugin `late-score`"]);
    let component = project.folder.join("build/late-score.wasm");
    validate(&["--plugin", text(&component)]).expect(0, &["can be used as it is"]);
    validate(&["--plugin", "nowhere.wasm"]).expect(2, &["nowhere.wasm"]);
    // A budget within which it could never begin.
    site.edit("cadenza.yaml", |yaml| format!("{yaml}plugins: {{ late-score: {{ memory: 1KiB }} }}\n"));
    let says = ["cadenza.yaml:4:12", "no decision can begin within its budgets", "raise `memory`"];
    validate(&["--plugin", text(&component)]).expect(1, &says);
    // Whatever is wrong with a file is reported where it is named, together with everything else.
    site.write_bytes("late.wasm", b"no component");
    site.edit("cadenza.yaml", |yaml| {
        yaml.replace("{ memory: 1KiB }", "{ file: late.wasm }, gone: { file: gone.wasm }")
    });
    validate(&[]).expect(1, &["`late-score` cannot be loaded", "`gone` cannot be read", "gone.wasm", "2 errors"]);
}
