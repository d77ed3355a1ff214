//! People come and go: an absence of three weeks, a holiday of an account's owner, reps and workflows that are removed
//! while work is open, many leads at once.

use cadenza_tests::{Engine, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SETTINGS: &str = "name: team\ntimezone: America/New_York\ncontact: { notify_via: mailer }\n";
const CONNECTIONS: &str =
    "connections: { mailer: { url: { env: CADENZA_MAILER_URL, default: \"http://127.0.0.1:9/\" } } }\n";
const SCRIPT: &str = "---\nobjective: Say hello\nreviewed_by: Ana\n---\nHello.\n";
/// Maria manages three closers; Ana is away for three weeks in December.
const TEAM: &str = "reps:
  ana: { name: Ana, manager: maria, absences: [{ from: 2026-12-07, to: 2026-12-25 }] }
  ben: { name: Ben, manager: maria }
  cem: { name: Cem, manager: maria }
  maria: { name: Maria }
pools:
  closers: [ana, ben, cem]
";

/// A workspace with one workflow that assigns in this way and has every new lead called.
fn site(assign: &str, team: &str) -> Site {
    let site = Site::empty();
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    site.write("cadenza.yaml", SETTINGS);
    site.write("connections.yaml", CONNECTIONS);
    site.write("scripts/hello.md", SCRIPT);
    site.write("team.yaml", team);
    site.write("inbound.yaml", &inbound(assign, "Call every lead."));
    site
}

fn inbound(assign: &str, summary: &str) -> String {
    format!(
        "workflow: inbound
summary: {summary}
enroll: [{{ when: lead.created }}]
steps:
  - id: own
    assign: {{ {assign} }}
  - id: call
    call: scripts/hello.md
    due: 5 business minutes
    escalate: {{ plugin: speed-to-lead, at: [5 business minutes, 15 business minutes, 2 business days] }}
    results: {{ else: end }}
"
    )
}

/// Brings new leads in one array, and returns their ids.
fn bring(engine: &Engine, name: &str, count: u32) -> Vec<String> {
    let event = |n: u32| {
        json!({"id": format!("{name}-{n}"), "type": "lead.created", "at": now(engine),
               "lead": {"email": format!("{name}{n}@{name}{n}.example")}})
    };
    let events: Vec<Value> = (0..count).map(event).collect();
    let answer = engine.client.post("/v1/events", &json!(events)).expect(202).json;
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    assert_eq!(results.len(), count as usize, "{answer:#}");
    results.iter().map(|result| result["lead"].as_str().expect("a lead's id").to_owned()).collect()
}

fn now(engine: &Engine) -> Value {
    engine.client.get("/healthz").expect(200).json["now"].clone()
}

fn owners(engine: &Engine, leads: &[String]) -> BTreeMap<String, usize> {
    let mut owners = BTreeMap::new();
    for lead in leads {
        let owner = engine.lead(lead)["owner"].as_str().unwrap_or("nobody").to_owned();
        *owners.entry(owner).or_default() += 1;
    }
    owners
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn call_all(engine: &Engine) {
    let calls = engine.client.get("/v1/tasks?kind=call&limit=200").expect(200).json["items"].clone();
    for call in calls.as_array().into_iter().flatten() {
        engine.done(call, &json!({"outcome": "no_answer"}));
    }
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline")).expect(200).text
}

/// How many tasks are in each queue.
fn queues(engine: &Engine) -> BTreeMap<String, usize> {
    let mut queues = BTreeMap::new();
    let page = engine.client.get("/v1/tasks?limit=200").expect(200).json;
    for task in page["items"].as_array().into_iter().flatten() {
        *queues.entry(task["assignee"].as_str().expect("a queue").to_owned()).or_default() += 1;
    }
    queues
}

fn apply(engine: &Engine) -> Vec<(String, String)> {
    let applied = engine.client.post("/v1/workspace/apply", &json!({})).expect(200).json;
    let warnings = applied["warnings"].as_array().cloned().unwrap_or_default();
    let text = |warning: &Value, of: &str| warning[of].as_str().expect("a warning has it").to_owned();
    warnings.iter().map(|warning| (text(warning, "code"), text(warning, "message"))).collect()
}

fn says(warnings: &[(String, String)], code: &str, words: &[&str]) {
    let found =
        warnings.iter().find(|(found, message)| found == code && words.iter().all(|word| message.contains(word)));
    assert!(found.is_some(), "no {code} with {words:?} in {warnings:#?}");
}

#[test]
fn three_weeks_of_absence() {
    for by in ["round_robin", "weighted", "longest_idle", "least_loaded"] {
        let (site, mailbox) = (site(&format!("pool: closers, by: {by}"), TEAM), Mailbox::open());
        let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
        engine.advance_to("2026-12-04T15:00:00Z");
        let before = bring(&engine, "before", 9);
        assert_eq!(owners(&engine, &before), counts(&[("ana", 3), ("ben", 3), ("cem", 3)]), "{by}");
        call_all(&engine);

        // Friday, two minutes before everybody goes home: three calls are left for Monday.
        engine.advance_to("2026-12-04T21:58:00Z");
        let late = bring(&engine, "late", 3);
        let anas = late.iter().find(|lead| engine.lead(lead)["owner"] == "ana").expect("one of three").clone();
        engine.advance_to("2026-12-07T14:05:00Z");
        let tasks = engine.tasks_of(&anas);
        assert_eq!(tasks[0]["assignee"], "pool:closers", "Ana is away: anybody of the pool may call: {tasks:#?}");
        let told = story(&engine, &anas);
        assert!(
            told.contains("anybody of the pool may take it") && !told.contains("a reminder is on its way"),
            "{told}"
        );
        let id = tasks[0]["id"].as_str().expect("an id");
        engine.client.post(&format!("/v1/tasks/{id}/claim"), &json!({"rep": "ben"})).expect(200);
        call_all(&engine);

        // Nobody is assigned anything while away.
        let (mut during, days) = (Vec::new(), ["07", "08", "09", "10", "11", "14", "15", "16", "17", "18", "21", "22"]);
        for day in days {
            engine.advance_to(&format!("2026-12-{day}T16:00:00Z"));
            during.extend(bring(&engine, &format!("day{day}x"), 2));
            call_all(&engine);
        }
        assert_eq!(owners(&engine, &during), counts(&[("ben", 12), ("cem", 12)]), "{by}");

        // Back, and not given three weeks of leads to catch up.
        engine.advance_to("2026-12-28T15:00:00Z");
        let after = bring(&engine, "after", 12);
        assert_eq!(owners(&engine, &after), counts(&[("ana", 4), ("ben", 4), ("cem", 4)]), "{by}");
        engine.stop();
    }
}

#[test]
fn an_array_of_leads_is_spread() {
    for (by, more, expected) in [
        ("least_loaded", "", &[("ana", 22), ("ben", 21), ("cem", 21)][..]),
        ("longest_idle", "", &[("ana", 22), ("ben", 21), ("cem", 21)]),
        ("round_robin", "", &[("ana", 22), ("ben", 21), ("cem", 21)]),
        // No rep gets more than allowed; the rest is assigned to nobody, and everybody sees it.
        ("least_loaded", ", open_tasks_max: 10", &[("ana", 10), ("ben", 10), ("cem", 10), ("nobody", 34)]),
        ("round_robin", ", open_tasks_max: 10", &[("ana", 10), ("ben", 10), ("cem", 10), ("nobody", 34)]),
    ] {
        let team = TEAM.replace(", manager: maria", &format!(", manager: maria{more}"));
        let site = site(&format!("pool: closers, by: {by}"), &team);
        let engine = Engine::start(&site, "virtual", None);
        engine.advance_to("2026-11-30T15:00:00Z");
        if more.is_empty() {
            // Ana has done hers before the array comes.
            let first = bring(&engine, "first", 3);
            let anas = first.iter().find(|lead| engine.lead(lead)["owner"] == "ana").expect("one of three");
            engine.done(&engine.tasks_of(anas)[0], &json!({"outcome": "no_answer"}));
        }
        let leads = bring(&engine, "many", 64);
        let got = owners(&engine, &leads);
        let close = |(name, count): &(&str, usize)| got.get(*name).is_some_and(|got| got.abs_diff(*count) <= 1);
        assert!(expected.iter().all(close), "{by}{more}: {got:?}");
        let second = bring(&engine, "again", 2);
        let all = owners(&engine, &second);
        let is_full = !more.is_empty();
        assert_eq!(all.contains_key("nobody"), is_full, "{by}{more}: {all:?}");
        engine.stop();
    }
}

#[test]
fn an_account_stays_with_its_owner_who_is_away_and_goes_on_from_one_who_left() {
    let assign = "pool: closers, by: round_robin, sticky: account }\n    hold: { scope: account, for: 90d";
    let site = site(assign, TEAM);
    let engine = Engine::start(&site, "virtual", None);
    let colleague = |n: u32| {
        let event = json!({"id": format!("acme-{n}"), "type": "lead.created", "at": now(&engine),
                           "lead": {"email": format!("c{n}@acme.example"), "company": "Acme"}});
        let answer = engine.client.post("/v1/events", &event).expect(202).json;
        answer["lead"].as_str().expect("a lead").to_owned()
    };
    engine.advance_to("2026-12-04T15:00:00Z");
    let first = colleague(1);
    assert_eq!(engine.lead(&first)["owner"], "ana");
    engine.advance_to("2026-12-08T15:00:00Z");
    let second = colleague(2);
    assert_eq!(engine.lead(&second)["owner"], "ben", "somebody stands in");
    assert!(story(&engine, &second).contains("Ben stands in for Ana"), "{}", story(&engine, &second));
    engine.advance_to("2026-12-28T15:00:00Z");
    let third = colleague(3);
    assert_eq!(engine.lead(&third)["owner"], "ana", "the account stayed hers");

    site.edit("team.yaml", |team| team.lines().filter(|line| !line.contains("ana:")).collect::<Vec<_>>().join("\n"));
    site.edit("team.yaml", |team| team.replace("[ana, ben", "[ben"));
    let warnings = apply(&engine);
    says(&warnings, "rep-gone", &["`ana`", "1 open task,", "2 leads owned", "1 hold"]);
    let fourth = colleague(4);
    let next = engine.lead(&fourth)["owner"].clone();
    assert!(next == "ben" || next == "cem", "{next}");
    let fifth = colleague(5);
    assert_eq!(engine.lead(&fifth)["owner"], next, "the hold is theirs now");
    engine.stop();
}

#[test]
fn a_rep_removed_with_work_open() {
    let site = site("pool: closers, by: round_robin", TEAM);
    let engine = Engine::start(&site, "virtual", None);
    engine.advance_to("2026-11-30T15:00:00Z");
    let leads = bring(&engine, "lead", 30);
    assert_eq!(apply(&engine), [], "nobody left, nothing changed");

    // Ana leaves, and her calls go to the pool.
    site.edit("team.yaml", |team| team.lines().filter(|line| !line.contains("ana:")).collect::<Vec<_>>().join("\n"));
    site.edit("team.yaml", |team| team.replace("[ana, ben", "[ben"));
    let warnings = apply(&engine);
    says(&warnings, "rep-gone", &["`ana`", "10 open tasks", "10 leads owned"]);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    engine.advance("1s");
    assert_eq!(queues(&engine), counts(&[("ben", 10), ("cem", 10), ("pool:closers", 10)]));
    let anas = leads.iter().find(|lead| engine.lead(lead)["owner"] == "ana").expect("ten of them");
    let told = story(&engine, anas);
    assert!(told.contains("is not in the team any more") && told.contains("now with the pool closers"), "{told}");

    // The pool is dissolved, and the workflow with it. What nobody has can be seen, counted and taken.
    site.edit("team.yaml", |team| team.lines().take_while(|line| *line != "pools:").collect::<Vec<_>>().join("\n"));
    std::fs::remove_file(site.workspace().join("inbound.yaml")).expect("it was there");
    site.write("other.yaml", "workflow: other\nsummary: Another.\nsteps:\n  - id: rest\n    wait: 1d\n");
    let warnings = apply(&engine);
    says(&warnings, "pool-gone", &["`closers`", "10 open tasks", "30 runs of an older version"]);
    says(&warnings, "workflow-gone", &["`inbound`", "30 runs"]);
    engine.advance("1s");
    assert_eq!(queues(&engine), counts(&[("ben", 10), ("cem", 10), ("nobody", 10)]));
    let nobodys = engine.client.get("/v1/tasks?nobody=true&limit=200").expect(200).json;
    assert_eq!(nobodys["items"].as_array().map(Vec::len), Some(10));
    engine.client.get("/v1/tasks?nobody=true&owner=ben").problem(400);
    let metrics = engine.client.get("/metrics").expect(200).text;
    assert!(metrics.contains("\ncadenza_tasks_of_nobody 10\n"), "{metrics}");
    let listed = cadenza(&["tasks", "--nobody", "--json", "--url", &engine.url, "--token", &site.admin]);
    let listed = { listed }.output().expect("cadenza runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.matches("\"nobody\"").count(), 10, "{listed}");
    let id = nobodys["items"][0]["id"].as_str().expect("an id").to_owned();
    engine.client.post(&format!("/v1/tasks/{id}/claim"), &json!({"rep": "ben"})).expect(200);
    assert_eq!(queues(&engine), counts(&[("ben", 11), ("cem", 10), ("nobody", 9)]));
    engine.stop();
}

#[test]
fn what_a_changed_workflow_leaves_behind() {
    let team = TEAM.to_owned() + "territories:\n  - { name: west, if: lead.region == \"west\", owner: ben }\n";
    let site = site("pool: closers, by: round_robin", &team);
    let engine = Engine::start(&site, "virtual", None);
    engine.advance_to("2026-11-30T15:00:00Z");
    let lead = bring(&engine, "lead", 3).remove(0);
    let update =
        json!({"id": "west", "type": "lead.updated", "at": now(&engine), "lead": {"id": lead, "region": "west"}});
    engine.client.post("/v1/events", &update).expect(202);
    site.write("inbound.yaml", &inbound("pool: closers, by: round_robin", "Another summary."));
    site.write("team.yaml", TEAM);
    let warnings = apply(&engine);
    says(&warnings, "older-version", &["3 runs of `inbound`", "older version"]);
    says(&warnings, "territory-gone", &["`west`", "1 open lead"]);
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    engine.stop();
}

/// More than one batch, and a crash right after the response.
#[test]
fn a_crash_forgets_nobodys_task() {
    let site = site("pool: closers, by: round_robin", TEAM);
    let engine = Engine::start(&site, "virtual", None);
    engine.advance_to("2026-11-30T15:00:00Z");
    let leads = bring(&engine, "lead", 300);
    site.edit("team.yaml", |team| team.lines().filter(|line| !line.contains("ana:")).collect::<Vec<_>>().join("\n"));
    site.edit("team.yaml", |team| team.replace("[ana, ben", "[ben"));
    says(&apply(&engine), "rep-gone", &["100 open tasks"]);
    engine.kill();
    let engine = Engine::start(&site, "virtual", None);
    eventually("every task has a rep or a pool", || {
        let assignees = leads.iter().map(|lead| engine.lead(lead)["tasks"][0]["assignee"].clone());
        (assignees.filter(|assignee| assignee == "pool:closers").count() == 100).then_some(())
    });
    engine.stop();
}

/// Removed while the engine was stopped: reported in the log, and still handled.
#[test]
fn a_rep_removed_while_the_engine_was_stopped() {
    let site = site("pool: closers, by: round_robin", TEAM);
    let engine = Engine::start(&site, "virtual", None);
    engine.advance_to("2026-11-30T15:00:00Z");
    bring(&engine, "lead", 6);
    engine.stop();
    site.edit("team.yaml", |team| team.lines().filter(|line| !line.contains("ana:")).collect::<Vec<_>>().join("\n"));
    site.edit("team.yaml", |team| team.replace("[ana, ben", "[ben"));
    let engine = Engine::start(&site, "virtual", None);
    assert!(
        engine.log().contains("`ana` is not in the team any more and leaves work: 2 open tasks"),
        "{}",
        engine.log()
    );
    engine.advance("1s");
    assert_eq!(queues(&engine), counts(&[("ben", 2), ("cem", 2), ("pool:closers", 2)]));
    engine.stop();
}

/// Ana has no manager and shares no pool with anybody: it is reported that nobody could be told.
#[test]
fn an_overdue_call_of_which_nobody_can_be_told() {
    let team =
        "reps:\n  ana: { name: Ana, absences: [{ from: 2026-12-07, to: 2026-12-25 }] }\npools:\n  closers: [ana]\n";
    let (site, mailbox) = (site("pool: closers, by: round_robin", team), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-12-04T21:58:00Z");
    let lead = bring(&engine, "lead", 1).remove(0);
    engine.advance_to("2026-12-07T14:10:00Z");
    let told = story(&engine, &lead);
    assert!(told.contains("nobody else of the pool of Ana is here"), "{told}");
    assert!(told.contains("nobody could be told of it"), "{told}");
    assert!(!told.contains("anybody of the pool may take it"), "what was not done is not told as done: {told}");
    let nobodys = engine.client.get("/v1/tasks?nobody=true").expect(200).json;
    assert_eq!(nobodys["items"][0]["kind"], "escalation", "{nobodys:#}");
    let metrics = engine.client.get("/metrics").expect(200).text;
    assert!(!metrics.contains("\ncadenza_escalations_unheard_total 0\n"), "{metrics}");
    engine.stop();
}
