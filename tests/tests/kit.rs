//! The plugin kit as an author uses it: from an empty folder outside this repository to a component that was tested and
//! measured, and what it says if something is wrong.

use cadenza_tests::project::{Project, plugin, text};
use std::fs;

#[test]
fn a_scorer_is_made_built_tested_measured_and_broken() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = Project::new(folder.path(), "fit", "scoring");
    project.ask("build", &[]).expect(0, &["build/fit.wasm", "scoring", "imports nothing", "digest"]);
    project.ask("test", &[]).expect(0, &["4 golden cases: all hold", "every property holds", "of 200,000"]);
    is_shown(&project);
    is_measured(&project);
    is_compared_with_the_past(&project);
    says_what_is_wrong_with_a_case(&project);
    // Last, because it changes the source.
    says_what_is_wrong_with_a_plugin(&project);
}

fn is_shown(project: &Project) {
    let seen = project.ask("inspect", &["--json"]).expect(0, &[]).json();
    assert_eq!((&seen["name"], &seen["kinds"][0]), (&"fit".into(), &"scoring".into()));
    assert_eq!(seen["parameters"][0]["name"], "hot");
    assert_eq!(seen["reads"]["engagement"]["days_back_max"], 14);
    project.ask("inspect", &[]).expect(0, &["hot (int, -1000 to 1000) = 60", "lead.employees (int)", "fuel 200,000"]);
}

fn is_measured(project: &Project) {
    let costs = project.ask("bench", &["--json", "--profile", "--calls", "20"]).expect(0, &[]).json();
    assert!(costs["fuel"]["max"].as_u64() > Some(0) && costs["call_us"]["p99"].as_f64() > Some(0.0), "{costs}");
    assert!(costs["batch_per_lead_us"]["p50"].as_f64() > Some(0.0), "{costs}");
    let functions = costs["profile"]["functions"].as_array().expect("functions");
    let names: Vec<&str> = functions.iter().filter_map(|part| part["function"].as_str()).collect();
    assert!(names.iter().any(|name| name.contains("fit::LeadScore")), "the author's own are named: {names:?}");
    project.ask("bench", &["--calls", "20"]).expect(0, &["p50", "first call", "of 200,000"]);
}

fn is_compared_with_the_past(project: &Project) {
    let table = project.folder.join("past.csv");
    let mut rows = String::from("employees,title,outcome,created_at,colour\n");
    for lead in 0..40 {
        // Large companies are won, and none of the others; one cell is not a number.
        let (employees, outcome) = if lead % 4 == 0 { ("900", "Won") } else { ("10", "lost") };
        let employees = if lead == 1 { "10-50" } else { employees };
        rows.push_str(&format!("{employees},Clerk,{outcome},2026-01-0{},red\n", lead % 9 + 1));
    }
    fs::write(&table, rows).expect("a file can be written");
    let past = ["--csv", text(&table), "--outcome", "outcome", "--won", "Won,paid", "--with", "warm=10"];
    let seen = project.ask("test", &[&past[..], &["--json"]].concat()).expect(0, &[]).json();
    assert_eq!((seen["leads"].as_u64(), seen["won"].as_u64()), (Some(40), Some(10)), "{seen}");
    let warm = &seen["segments"][1];
    assert_eq!((warm["leads"].as_u64(), warm["lift"].as_f64()), (Some(10), Some(4.0)), "{seen}");
    assert_eq!(seen["rules"][0]["rule"], "large", "{seen}");
    let says = ["not used: the columns `colour`", "`budget` and `engagement`", "such as `10-50`", "4.00"];
    project.ask("test", &past).expect(0, &says);
    project
        .ask("test", &["--csv", text(&table), "--outcome", "result", "--won", "x"])
        .expect(2, &["no column `result`"]);
}

fn says_what_is_wrong_with_a_case(project: &Project) {
    let case = |body: &str| format!("- case: Some case\n  now: 2026-03-02T09:00:00Z\n{body}\n");
    let place = "other.yaml: `Some case`: ";
    let at = |what: &str| format!("{place}{what}");
    project.test_cases(&case("  lead: { employees: 900 }\n  expect: { score: 21 }")).expect(
        1,
        &[
            &at("comes out differently"),
            "under `expect`:\n    score: 20\n    segment: cold\n    reasons:\n      - [large, 20, \"900\"]\n",
        ],
    );
    for (body, what) in [
        ("  with: { huge: 1 }\n  expect: {}", "the plugin has no parameter `huge`; it has `hot`"),
        ("  with: { hot: soon }\n  expect: {}", "the parameter `hot` is of type int"),
        ("  lead: { phone: '1' }\n  expect: {}", "the plugin does not read the field `phone`; it reads"),
        ("  lead: { employees: many }\n  expect: {}", "the plugin reads `employees` as int, and `many` is none"),
        ("  expect: { track: weekly }", "it expects what nurture decides, and the plugin is one for scoring"),
    ] {
        project.test_cases(&case(body)).expect(1, &[&at(what)]);
    }
    project.test_cases("- case: No time\n  expect: {}\n").expect(2, &["other.yaml", "now"]);
}

fn says_what_is_wrong_with_a_plugin(project: &Project) {
    project.edit("pub budget: Option<f64>,", "pub budget: Option<f64>,\n    /// Phone.\n    pub phone: Option<i64>,");
    let case = "- case: Phone\n  now: 2026-03-02T09:00:00Z\n  expect: {}\n";
    let says = "`Phone`: the plugin reads `phone` as int, and the standard field is of type text";
    project.ask("build", &[]).expect(0, &[]);
    project.test_cases(case).expect(1, &[says]);
    // A field of the workspace, which is a number although the case writes a whole one.
    project.edit("    /// Phone.\n    pub phone: Option<i64>,", "    /// Seats.\n    pub seats: Option<f64>,");
    project.edit(
        "let mut tally = Tally::new();",
        "let mut tally = Tally::new();
        cadenza_sdk::log!(\"{} seats\", view.fields.seats.unwrap_or(0.0));
        if view.fields.employees == Some(900) { panic!(\"nobody is that large\") }
        static CALLS: core::sync::atomic::AtomicI32 = core::sync::atomic::AtomicI32::new(0);
        tally.add(Rule::Large, CALLS.fetch_add(1, core::sync::atomic::Ordering::Relaxed), \"\");",
    );
    project.edit("    const RULES:", "    const MEMORY_BUDGET: u64 = 70_000;\n    const RULES:");
    project.ask("build", &[]).expect(0, &["imports cadenza:plugin/log@1.0.0"]);
    // Its parts are joined by code that runs before a decision does.
    project.ask("bench", &["--profile", "--calls", "5"]).expect(0, &["stopped at", "fit::LeadScore"]);
    let cases = "- case: Seats\n  now: 2026-03-02T09:00:00Z\n  lead: { seats: 5 }\n  expect: { score: 0, segment: cold, \
                 reasons: [[large, 0, '']] }\n- case: Panics\n  now: 2026-03-02T09:00:00Z\n  lead: { employees: 900, \
                 seats: 1 }\n  expect: {}\n";
    let says = [
        "`Seats` logs:\n    5 seats",
        "`Seats`: warning: memory_bytes 65,536, more than 80 % of the budget of 70,000",
        "other.yaml: `Panics`: the plugin trapped: nobody is that large, at src/lib.rs:",
        "in <fit::LeadScore as cadenza_sdk::plugin::Scorer>::score",
        "every lead gets a decision that the contract allows, or a refusal",
        "lead: { employees: 900 }\n  expect: {}",
        "leads scored together come out as they do singly",
        "in a batch:\n    score: 1\n",
    ];
    let said = project.test_cases(cases).expect(1, &says);
    assert!(!said.out.contains("`Seats`: comes out"), "the golden case itself holds:\n{}", said.out);
    project.edit("use cadenza_sdk::", "use cadenza_sdk::{nothing_of_that_name, ");
    project.ask("build", &[]).expect(2, &["does not compile"]);
}

#[test]
fn other_kinds_of_plugin_work_as_they_are_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for kind in ["nurture", "escalation"] {
        let project = Project::new(folder.path(), &format!("my-{kind}"), kind);
        project.ask("test", &[]).expect(0, &["3 golden cases: all hold", "every property holds"]);
    }
}

#[test]
fn what_is_asked_wrongly_is_said_clearly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    plugin(&["new", "Company Size"]).expect(2, &["`Company Size` cannot be a plugin's name", "company-size"]);
    plugin(&["new", "test"]).expect(2, &["means something else to cargo"]);
    fs::write(at("file.txt"), "mine").expect("a file can be written");
    plugin(&["new", "fit", "--dir", text(folder.path())]).expect(2, &["is not empty", "--dir"]);
    plugin(&["new", "fit", "--lang", "cobol"]).expect(2, &["rust"]);
    plugin(&["build", text(&at("nowhere"))]).expect(2, &["there is no folder", "cadenza plugin new"]);
    plugin(&["build", text(folder.path())]).expect(2, &["neither Cargo.toml nor plugin.py"]);
    plugin(&["inspect", text(&at("nothing.wasm"))]).expect(2, &["nothing.wasm"]);
    plugin(&["inspect", text(&at("file.txt"))]).expect(2, &["file.txt cannot be used", "no component"]);
    fs::write(at("plugin.py"), "").expect("a file can be written");
    fs::write(at("plugin.js"), "").expect("a file can be written");
    plugin(&["build", text(folder.path())]).expect(2, &["both plugin.py and plugin.js"]);
}
