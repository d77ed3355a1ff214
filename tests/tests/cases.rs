//! `cadenza test` through the real binary: cases that hold, one that does not and what is said of it, files that are broken, what no case
//! visits, a hundred cases, one that was recorded from a running engine, and a folder that is watched.

use cadenza_tests::{Engine, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

fn test(folder: &Path, more: &[&str]) -> Output {
    cadenza(&["test"]).arg(folder).args(more).output().expect("cadenza runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// The shipped workspace with these test files instead of its own.
fn site(files: &[(&str, &str)]) -> Site {
    let site = Site::new();
    for entry in std::fs::read_dir(site.workspace()).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().ends_with(".test.yaml") {
            std::fs::remove_file(entry.path()).expect("a copy can be removed");
        }
    }
    files.iter().for_each(|(name, text)| site.write(name, text));
    site
}

/// Cases below a common head.
fn file(cases: &str) -> String {
    format!(
        "test: inbound\nstarts: 2026-03-02T09:00:00-05:00\nleads:\n  ada: {{ email: ada@acme.example, phone: \"+12125550123\", \
         first_name: Ada, company: Acme, source: web, timezone: America/New_York }}\n  \
         leo: {{ email: leo@initech.example, source: web, timezone: Europe/Berlin }}\n\
         decisions: {{ inbound-fit: {{ points: 82, segment: hot }} }}\ncases:\n{cases}"
    )
}

const HOLDS: &str = "  - name: A hot lead is called at once
    practices: [C5]
    given:
      - { event: lead.created, lead: ada }
      - { at: 2m, task: first-call, outcome: connected, result: qualified }
    until: 1h
    expect:
      - { task: first-call, for: ana, due: 5 business minutes }
      - { at: 2m, ended: handed-over }
";

#[test]
fn the_shipped_cases_hold_and_visit_what_can_be_visited() {
    let output = test(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows"), &["--format", "json"]);
    let report = json_of(&output);
    let failed: Vec<&Value> =
        report["cases"].as_array().into_iter().flatten().filter(|case| case["holds"] != true).collect();
    assert!(failed.is_empty() && output.status.code() == Some(0), "{failed:#?}");
    assert!(report["cases"].as_array().is_some_and(|cases| cases.len() > 40), "{report:#}");
    for workflow in report["coverage"].as_array().expect("a list") {
        let never: Vec<&str> =
            workflow["never_reached"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(never.is_empty(), "steps of {}: {never:?}", workflow["workflow"]);
        let untaken = &workflow["never_taken"];
        assert!(untaken.as_array().is_some_and(Vec::is_empty), "ways of {}: {untaken:#}", workflow["workflow"]);
        for list in ["never_left", "never_interrupted"] {
            let unmet = &workflow[list];
            assert!(unmet.as_array().is_some_and(Vec::is_empty), "{list} of {}: {unmet:#}", workflow["workflow"]);
        }
    }
}

#[test]
fn the_examples_of_the_reference_hold() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows/README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");
    let (_, section) = readme.split_once("## Trying a workflow").expect("the section is there");
    let (section, _) = section.split_once("\n## ").expect("it ends");
    let site = site(&[]);
    let examples: Vec<&str> =
        section.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(examples.len() >= 2, "it has examples");
    for (number, example) in examples.iter().enumerate() {
        site.write(&format!("example-{number}.test.yaml"), example);
    }
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// A workflow that asks another system, and the cases of it.
fn asking(cases: &str) -> Site {
    let site = Site::empty();
    site.write("cadenza.yaml", "name: Deals\ntimezone: UTC\nfields: { crm_stage: text, crm_points: int }\n");
    site.write("team.yaml", "reps: { ana: { name: Ana } }\n");
    site.write("connections.yaml", "connections: { crm: { url: https://crm.example/v1, attempts: 3, backoff: 1m } }\n");
    site.write(
        "deals.yaml",
        "workflow: deals\nsummary: Asks.\nenroll: [{ when: lead.created }]\nsteps:
  - id: ask
    http: { via: crm, path: \"/deals/{{ lead.external_id }}\", body: { of: \"{{ lead.company }}\", size: { cel: lead.employees } } }
    save: { crm_stage: \"body.deals[0].stage\", crm_points: body.points }
    results: { sent: done, refused: by-hand, failed: later }
  - { id: done, end: answered }
  - { id: by-hand, end: refused }
  - { id: later, end: failed }\n",
    );
    let head = "test: deals\nstarts: 2026-03-02T09:00:00Z\nleads:\n  ada: { email: ada@acme.example, external_id: a/7, \
                company: Acme, employees: 250 }\ncases:\n";
    site.write("deals.test.yaml", &format!("{head}{cases}"));
    site
}

#[test]
fn answers_of_other_systems_are_as_the_case_says() {
    let site = asking(
        "  - name: Answered with nothing where the case does not say
    given: [{ event: lead.created, lead: ada }]
    expect:
      - { request: ask, method: POST, path: /deals/a%2F7, says: '\"size\":250', becomes: sent }
      - { ended: answered }
      - fields: { crm_stage: null }
  - name: What is answered is kept
    http: { ask: { body: { deals: [{ stage: won }], points: many } } }
    given: [{ event: lead.created, lead: ada }]
    expect: [{ ended: answered }, { fields: { crm_stage: won, crm_points: null } }]
  - name: Asked again after what passes
    http: { ask: [{ status: 503 }, fails, { status: 201, body: { points: 7 } }] }
    given: [{ event: lead.created, lead: ada }]
    expect: [{ request: ask, becomes: sent, by: 10m }, { fields: { crm_points: 7 } }]
  - name: Refused
    http: { ask: { status: 422, body: { points: 7 } } }
    given: [{ event: lead.created, lead: ada }]
    expect: [{ request: ask, at: 0m, becomes: refused }, { ended: refused }, { fields: { crm_points: null } }]
  - name: Nobody is there
    http: { ask: fails }
    given: [{ event: lead.created, lead: ada }]
    expect: [{ request: ask, becomes: failed }, { ended: failed }, { never: { touch: email } }]
",
    );
    let output = test(&site.workspace(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let coverage = &json_of(&output)["coverage"][0];
    assert_eq!((&coverage["ways"], &coverage["never_taken"]), (&coverage["ways_visited"], &json!([])), "{coverage:#}");
}

/// A split, and a mail of which each of the three ways leads elsewhere.
fn splitting(cases: &str) -> Site {
    let site = Site::empty();
    site.write("cadenza.yaml", "name: Trials\ntimezone: UTC\nfields: { plan: { type: choice, of: [Pro, Team] } }\n");
    site.write("team.yaml", "reps: { ana: { name: Ana } }\n");
    site.write("connections.yaml", "connections: { mailer: { url: https://mail.example } }\n");
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    site.write("scripts/short.md", "---\nsubject: Hello\nobjective: Say hello\n---\nHello.\n");
    site.write("scripts/long.md", "---\nsubject: A longer hello\nobjective: Say hello\n---\nHello, and more.\n");
    site.write(
        "trial.yaml",
        "workflow: trial\nsummary: Writes to whoever tries it.\nenroll: [{ when: lead.created }]\none_run_per: event.data.trial\nsteps:
  - id: subject-line
    split: { by: lead }
    arms: [{ arm: short, share: 50, go: short-mail }, { arm: long, share: 50, go: long-mail }]
  - { id: short-mail, email: scripts/short.md, via: mailer, results: { sent: done, refused: none, failed: by-hand } }
  - { id: long-mail, email: scripts/long.md, via: mailer, results: { sent: done, refused: none, failed: by-hand } }
  - { id: done, end: written }
  - { id: none, end: refused }
  - { id: by-hand, end: failed }\n",
    );
    let head = "test: trial\nstarts: 2026-03-02T09:00:00Z\nleads:\n  ada: { email: ada@acme.example }\n  \
                leo: { email: leo@initech.example }\n  eve: { email: eve@globex.example }\ncases:\n";
    site.write("trial.test.yaml", &format!("{head}{cases}"));
    site
}

#[test]
fn draws_and_mails_are_as_the_case_says() {
    let site = splitting(
        "  - name: All draw the short one
    draws: { subject-line: short }
    given:
      - { event: lead.created, lead: ada, data: { trial: t-1 } }
      - { event: lead.created, lead: leo, data: { trial: t-2 } }
      - { event: lead.created, lead: eve, data: { trial: t-3 } }
    expect: [{ mail: scripts/short.md, leads: 3 }, { never: { mail: scripts/long.md } }]
  - name: All draw the long one, of which the second is given up
    draws: { trial/subject-line: long }
    mails: { long-mail: [sent, fails, sent] }
    given:
      - { event: lead.created, lead: ada, data: { trial: t-1 } }
      - { after: 1m, event: lead.created, lead: leo, data: { trial: t-2 } }
      - { after: 1m, event: lead.created, lead: eve, data: { trial: t-3 } }
    expect: [{ mail: scripts/long.md, leads: 2 }, { ended: failed, lead: leo }, { ended: written, lead: eve }]
  - name: Given up
    draws: { subject-line: short }
    mails: { short-mail: fails }
    given: [{ event: lead.created, lead: ada, data: { trial: t-1 } }]
    expect: [{ ended: failed, at: 0m }, { never: { mail: any } }]
  - name: Refused, the short one
    draws: { subject-line: short }
    given:
      - { event: lead.created, lead: ada, fields: { refused: [email] }, data: { trial: t-1 } }
    expect: [{ ended: refused }]
  - name: Refused, the long one
    draws: { subject-line: long }
    given:
      - { event: lead.created, lead: ada, fields: { refused: [email] }, data: { trial: t-1 } }
    expect: [{ ended: refused }]
",
    );
    let output = test(&site.workspace(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let coverage = &json_of(&output)["coverage"][0];
    assert_eq!((&coverage["ways"], &coverage["never_taken"]), (&coverage["ways_visited"], &json!([])), "{coverage:#}");
}

#[test]
fn a_cadence_of_tasks_has_no_calls() {
    let site =
        splitting("  - { name: Never, given: [{ event: lead.created, lead: ada }], expect: [{ task: chase/look }] }\n");
    site.write(
        "chase.yaml",
        "workflow: chase\nsummary: Looks.\nenroll: [{ when: custom.chased }]\nsteps:
  - id: look
    cadence:
      limit: { contacts: 3, count: [other] }
      touches: [{ id: one, after: 1d, task: Look, channel: other, give_up: 2d }]
      repeat: { after: 1d }
      exhausted: end\n",
    );
    let told = said(&test(&site.workspace(), &[]));
    assert!(told.contains("expected:       a task of chase/look"), "{told}");
}

#[test]
fn a_recording_enrols_draws_and_fails_as_the_lead_did() {
    let site = splitting(
        "  - { name: One, given: [{ event: lead.created, lead: ada, data: { trial: t-1 } }], expect: [{ enters: trial }] }\n",
    );
    let mailbox = Mailbox::open();
    site.edit("connections.yaml", |text| text.replace("https://mail.example", &mailbox.url));
    let engine = Engine::start(&site, "virtual", None);
    engine.advance_to("2026-12-07T15:00:00Z");
    let drawn: Vec<String> = (0..6)
        .map(|ix| {
            let event = json!({ "id": format!("e-{ix}"), "type": "lead.created", "data": { "trial": format!("T-77{ix}"), "note": "Call me" },
                "lead": { "email": format!("p{ix}@navyyard.example"), "plan": "Pro" } });
            let lead = engine.client.post("/v1/events", &event).expect(202).json["lead"].as_str().expect("a lead").to_owned();
            engine.advance("1h");
            let output = cadenza(&["test", "--record", &lead, "--url", &engine.url, "--token", &site.admin]).output();
            let recorded = said(&output.expect("cadenza runs"));
            for told in ["trial: \"trial-1\"", "plan: \"Pro\"", "# left out below: data.note: it may say"] {
                assert!(recorded.contains(told), "`{told}` is not recorded:\n{recorded}");
            }
            site.write("trial.test.yaml", &recorded);
            let played = test(&site.workspace(), &[]);
            assert_eq!(played.status.code(), Some(0), "{recorded}\n{}", said(&played));
            recorded.lines().find(|line| line.starts_with("draws:")).expect("a draw is recorded").to_owned()
        })
        .collect();
    assert!(drawn.iter().any(|line| *line != drawn[0]), "both arms should be drawn by six leads: {drawn:?}");
}

#[test]
fn a_request_that_is_another_is_told_in_plain_words() {
    let site = asking(
        "  - name: Something else
    http: { ask: { status: 404 } }
    given: [{ event: lead.created, lead: ada }]
    expect:
      - { request: ask, method: GET, path: /deals/7, says: won, becomes: sent }
",
    );
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = said(&output);
    for words in [
        "the request of deals/ask, a GET, of /deals/7, which says “won” is answered",
        "The request of ask was refused: the other side answered 404.",
        "Differs: it was refused with 404; it is a POST; its path is /deals/a%2F7; it says “{\"of\":\"Acme\",\"size\":250}”",
        "ask: sent -> done",
    ] {
        assert!(told.contains(words), "`{words}` is not said:\n{told}");
    }
}

#[test]
fn what_fails_is_told_in_plain_words() {
    let cases = "  - name: Ben is to call, a quarter of an hour later
    given:
      - { event: lead.created, lead: ada }
      - { at: 2m, task: talk, result: qualified }
      - { at: 3m, task: first-call, outcome: no_answer }
    until: 30m
    expect:
      - { at: 0m, step: first-call }
      - { task: first-call, for: ben, due: 15 business minutes }
      - { refused: email, because: opted_out }
      - { step: develop }
      - fields: { segment: warm }
      - never: { touch: call }
";
    let site = site(&[("inbound.test.yaml", &file(cases))]);
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = said(&output);
    let expected = "\
FAILED: Ben is to call, a quarter of an hour later
        inbound.test.yaml:8

  line 11   not possible:   nobody could do the task of inbound/talk, since it was not open; open were the call of inbound/first-call, for ana

  line 16   expected:       a call of inbound/first-call for Ben Okafor, due 15 business minutes after it was made
            what happened:  at 09:00: Call for Ana Castillo, due Mon 2 Mar 2026 09:05. Differs: it is for Ana Castillo; it is due 09:05.

  line 17   expected:       a touch by email is refused, because the lead asked not to be contacted
            what happened:  nothing of the kind

  line 18   expected:       it comes to the step inbound/develop
            what happened:  it came to score, then switch-2, then own, then first-call, then persist
            because:        inbound-fit scored the lead 82 points: hot.

  line 19   expected:       in the end segment is warm
            what happened:  in the end segment is hot

  line 20   expected:       never: a contact by call
            what happened:  at 09:03: Contact number 1, by call: no answer.

  What happened; times are those of America/New_York.
  Mon 2 Mar 2026
    09:00           We first heard of this lead.
    09:00           lead.created came in from test.
    09:00           Entered the workflow inbound.
    09:00           inbound: came to the step score (score).
    09:00           inbound-fit scored the lead 82 points: hot.
    09:00           The lead is now hot.
    09:00           inbound: came to the step switch-2 (switch).
    09:00           inbound: came to the step own (assign).
    09:00           The owner is Ana Castillo, chosen from the pool.
    09:00           Ana Castillo keeps the lead until Mon 16 Mar 2026 09:00.
    09:00           A notice to Ana Castillo of what is theirs now was made ready to leave by mailer.
    09:00  line 15  inbound: came to the step first-call (call).
    09:00           Call for Ana Castillo, due Mon 2 Mar 2026 09:05.
    09:00           Ana Castillo was told: assigned.
    09:03           The call was done: no answer.
    09:03           Contact number 1, by call: no answer.
    09:03           inbound: came to the step persist (cadence).
    09:03           Call for Ana Castillo, due Tue 3 Mar 2026 09:03.
    09:03           Reported by ana.
";
    assert!(told.starts_with(expected), "what it should begin with:\n{expected}\nwhat it said:\n{told}");
    assert!(told.contains("1 case in 1 file: 0 hold, 1 failed"), "{told}");
}

/// A case is only worth something when a change of the workflow breaks it.
#[test]
fn a_changed_workflow_breaks_its_cases() {
    let site = site(&[("inbound.test.yaml", &file(HOLDS))]);
    assert_eq!(test(&site.workspace(), &[]).status.code(), Some(0));
    site.edit("inbound.yaml", |text| text.replacen("due: 5 business minutes", "due: 10 business minutes", 1));
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("it is due 09:10"), "{}", said(&output));
}

#[test]
fn people_stubs_tables_and_the_gate_do_as_the_file_says() {
    let cases = "  - name: Whom nobody reaches is called again, then nobody does it
    given: [{ event: lead.created, lead: ada }]
    people:
      - { step: first-call, within: 3m, outcome: voicemail }
      - { step: persist, within: 1 business hour, outcome: busy, times: 2 }
    until: 4d
    expect:
      - { touch: call, outcome: voicemail, at: 3m }
      - { touch: call, outcome: busy, at: 63m }
      - { mail: scripts/mail-1.md, to: ada@acme.example, says: Ada }
  - name: The plugin that fails is followed by its policy, and another is asked in turn
    decisions: { inbound-fit: fails, nurture-track: [{ track: weekly }] }
    given: [{ event: lead.created, lead: ada }]
    until: 1h
    expect:
      - { decides: inbound-fit, fails: true }
      - { decides: nurture-track, track: weekly }
      - { step: weekly }
  - name: A table brings leads, and whom the gate holds waits for the morning
    given: [{ csv: week.csv }]
    until: 2d
    expect:
      - { enters: inbound, leads: 3 }
      - { held: call, lead: zoe, because: outside_hours, until: 2026-03-03T09:00:00-05:00 }
      - { ended: suppressed, lead: tim, at: 1d }
      - { never: { touch: email, lead: tim } }
";
    let table = "at,event,lead,email,phone,source,timezone,data.page\n0m,,tim,tim@a.example,+12125550140,web,America/New_York,/pricing\n\
                 1h,lead.created,kim,kim@b.example,+12125550141,phone,America/New_York,\n9h,,zoe,zoe@c.example,+12125550142,chat,America/New_York,\n\
                 1d,lead.opted_out,tim,,,,,\n";
    let site = site(&[("inbound.test.yaml", &file(cases)), ("week.csv", table)]);
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let chosen = test(&site.workspace(), &["--case", "gate HOLDS", "--story"]);
    assert!(said(&chosen).contains("holds: A table brings leads"), "{}", said(&chosen));
    assert!(
        said(&chosen).contains("tim: ") && said(&chosen).contains("1 of 3 cases in 1 file: all hold"),
        "{}",
        said(&chosen)
    );
    assert!(!said(&chosen).contains("Visited"), "of some cases nobody says what is not visited: {}", said(&chosen));
    let none = test(&site.workspace(), &["--case", "nothing like it"]);
    assert!(said(&none).contains("no case of 3 has `nothing like it` in its name"), "{}", said(&none));
    assert_eq!(none.status.code(), Some(2), "what nobody wrote is no case that holds");
}

#[test]
fn a_broken_file_is_shown_with_its_place_and_the_others_are_played() {
    let broken =
        file("  - name: A slip\n    given: [{ event: lead.created, lead: adda }]\n    expect: [{ step: first-cal }]\n");
    let site = site(&[("broken.test.yaml", &broken), ("inbound.test.yaml", &file(HOLDS))]);
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for told in [
        "broken.test.yaml:9:42",
        "did you mean `ada`?",
        "did you mean `first-call`?",
        "1 case in 2 files: all hold; not played, because of errors: broken.test.yaml (",
    ] {
        assert!(said(&output).contains(told), "`{told}` is not said: {}", said(&output));
    }
    let alone = self::site(&[("broken.test.yaml", &broken)]);
    let told = said(&test(&alone.workspace(), &[]));
    assert!(told.contains("0 cases in 1 file; not played, because of errors: broken.test.yaml ("), "{told}");
    let report = json_of(&test(&site.workspace(), &["--format", "json"]));
    assert_eq!(report["diagnostics"].as_array().map(Vec::len), Some(2), "{report:#}");
    assert_eq!((&report["holds"], &report["cases"][0]["holds"]), (&json!(false), &json!(true)));
    let validated = cadenza(&["validate"]).arg(site.workspace()).output().expect("cadenza runs");
    assert_eq!(validated.status.code(), Some(1), "validate looks at test files, too: {}", said(&validated));
    assert!(said(&validated).contains("unknown-lead"), "{}", said(&validated));

    site.edit("inbound.yaml", |text| text.replacen("go: own", "go: onw", 1));
    let output = test(&site.workspace(), &[]);
    assert_eq!(output.status.code(), Some(1), "a workspace with errors has no cases: {}", said(&output));
    assert!(said(&output).contains("no case was played"), "{}", said(&output));
}

#[test]
fn a_long_story_says_what_it_leaves_out_and_how_to_see_it() {
    let events: String =
        (0..90).map(|at| format!("      - {{ at: {at}m, event: lead.engaged, lead: ada }}\n")).collect();
    let cases = format!(
        "  - name: Much happens\n    given:\n      - {{ event: lead.created, lead: ada }}\n{events}    until: 2h\n    \
         expect:\n      - {{ at: 40m, step: first-call }}\n"
    );
    let site = site(&[("inbound.test.yaml", &file(&cases))]);
    let short = said(&test(&site.workspace(), &[]));
    let left_out =
        |told: &str| told.lines().filter(|line| line.contains("left out; --story shows all of them")).count();
    assert_eq!(left_out(&short), 1, "{short}");
    let whole = said(&test(&site.workspace(), &["--story"]));
    assert_eq!(left_out(&whole), 0, "{whole}");
    assert!(whole.matches("lead.engaged came in").count() == 90, "{whole}");
}

#[test]
fn wrong_use_is_no_failed_case() {
    for arguments in
        [&["test", "/nowhere/at/all"] as &[&str], &["test", "--format", "xml"], &["test", "--record", "x", "--watch"]]
    {
        let output = cadenza(arguments).output().expect("cadenza runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
    }
    let empty = site(&[]);
    let output = test(&empty.workspace(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("There is no test file"), "{}", said(&output));
}

#[test]
fn what_no_case_visits_is_listed() {
    let site = site(&[("inbound.test.yaml", &file(HOLDS))]);
    let output = test(&site.workspace(), &["--coverage"]);
    let told = said(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    for listed in [
        "No case visits these steps of inbound: persist; nobody-calls; call-back;",
        "first-call: unqualified -> set-aside; first-call: not_now -> nurture; first-call: callback -> call-back;",
        "switch-2: arm 1 -> promote; switch-2: else -> develop",
        "No case visits these endings by `leave` of inbound: suppressed; won; lost; disqualified; answered, by email.replied;",
        "No case visits these interrupts of inbound: ",
    ] {
        assert!(told.contains(listed), "`{listed}` is not listed:\n{}", said(&output));
    }
    assert!(!told.contains("first-call: qualified"), "that is visited:\n{}", said(&output));
    let some = said(&test(&site.workspace(), &["--case", "hot lead"]));
    assert!(!some.contains("No case visits"), "of some cases it is not told unasked:\n{some}");
    let some = said(&test(&site.workspace(), &["--case", "hot lead", "--coverage"]));
    assert!(some.contains("No case visits these steps of inbound: persist;"), "{some}");
}

/// How long a hundred cases take is printed, and not judged: a machine may be busy.
#[test]
fn a_hundred_cases_are_played_at_once() {
    let cases: String = (0..100)
        .map(|number| {
            HOLDS
                .replace("at once", &format!("at once, for the time {number}"))
                .replace("2m", &format!("{}s", 60 + number))
        })
        .collect();
    let site = site(&[("inbound.test.yaml", &file(&cases))]);
    let report = json_of(&test(&site.workspace(), &["--format", "json"]));
    assert_eq!(report["holds"], true, "{report:#}");
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(100));
    let names: Vec<&str> =
        report["cases"].as_array().into_iter().flatten().filter_map(|case| case["name"].as_str()).collect();
    assert!(names.is_sorted_by_key(|name| name.rsplit(' ').next().and_then(|n| n.parse::<u32>().ok())), "{names:?}");
    println!("a hundred cases: {} ms, the workspace read and its plugins compiled included", report["took_ms"]);
}

#[test]
fn what_a_lead_lived_through_becomes_a_case_that_holds() {
    let (site, mailbox) = (site(&[]), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-12-07T15:00:00Z");
    let lead = engine.bring(
        "msg_1",
        &json!({ "id": "s-1", "email": "grace.hopper@navyyard.example", "phone": "+1 212 555 0187", "first_name": "Grace",
            "last_name": "Hopper", "title": "VP Sales", "company": "Navyyard", "industry": "Software", "employees": 400,
            "country": "US", "timezone": "America/New_York", "source": "web", "budget": 60000.0, "pain": "Grace cannot sleep",
            "project_date": "2027-06-01T00:00:00Z", "product": "dialler", "message": "Please send us a quote and call me at my house in Arlington", "seats": 40 }),
    );
    engine.advance("3m");
    let task = engine.tasks_of(&lead).into_iter().find(|task| task["kind"] == "call").expect("a call is to be made");
    engine.done(&task, &json!({ "outcome": "no_answer", "notes": "Grace was out" }));
    engine.advance("2d");
    let output = cadenza(&["test", "--record", &lead, "--url", &engine.url, "--token", &site.admin]).output();
    let output = output.expect("cadenza runs");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let recorded = said(&output);
    for who in ["grace", "hopper", "navyyard", "5550187", "555 0187", "arlington", "sleep", "was out", "s-1"] {
        assert!(!recorded.to_lowercase().contains(who), "`{who}` is told:\n{recorded}");
    }
    for told in
        ["event: lead.created", "task: first-call, outcome: no_answer", "decisions:", "employees: 400", "step: persist"]
    {
        assert!(recorded.contains(told), "`{told}` is not recorded:\n{recorded}");
    }
    site.write("recorded.test.yaml", &recorded);
    let played = test(&site.workspace(), &[]);
    assert_eq!(played.status.code(), Some(0), "{recorded}\n{}", said(&played));
    let unknown =
        cadenza(&["test", "--record", "nobody@nowhere.example", "--url", &engine.url, "--token", &site.admin]).output();
    assert_eq!(unknown.expect("cadenza runs").status.code(), Some(2));
}

const CLOSE: &str = r#"workflow: close
summary: A rep talks to the lead until a colleague of its answers.
enroll: [{ when: lead.created }]
interrupts:
  - { event: email.replied, of: account, if: 'event.data.kind == "reply"', go: stand-by }
leave: [{ if: 'lead.stage == "customer"', as: bought }]
steps:
  - { id: own, assign: { rep: ana } }
  - { id: talk, task: Agree the next step, results: { else: end } }
  - { id: stand-by, task: Wait for the colleague, for: { pool: closers }, results: { else: end } }
"#;

#[test]
fn a_recording_has_what_colleagues_senders_and_people_did() {
    let (site, mailbox) = (site(&[("close.yaml", CLOSE)]), Mailbox::open());
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-12-07T15:00:00Z");
    let person = |ix: u8, first: &str, last: &str| {
        json!({ "id": format!("s-{ix}"), "email": format!("{first}@navyyard.example"), "first_name": first, "last_name": last,
            "company": "Navyyard", "timezone": "America/New_York", "source": "web" })
    };
    let lead = engine.bring("msg_1", &person(1, "grace", "hopper"));
    engine.advance("1m");
    engine.bring("msg_2", &person(2, "bertram", "quill"));
    let task = |kind: &str| engine.tasks_of(&lead).into_iter().find(|task| task["kind"] == kind).expect("it is open");
    let id = |task: &Value| task["id"].as_str().expect("a task has an id").to_owned();
    engine.advance("1m");
    engine.client.json("PUT", &format!("/v1/leads/{lead}/owner"), &json!({ "rep": "ben" })).expect(200);
    engine.client.post(&format!("/v1/tasks/{}/reassign", id(&task("todo"))), &json!({ "rep": "ana" })).expect(200);
    engine.advance("1m");
    let replied = json!({ "id": "r-1", "type": "email.replied", "lead": { "email": "bertram@navyyard.example" },
        "data": { "kind": "reply", "from": "bertram" } });
    engine.client.post("/v1/events", &replied).expect(202);
    engine.advance("1m");
    engine.client.post(&format!("/v1/tasks/{}/claim", id(&task("todo"))), &json!({ "rep": "ana" })).expect(200);
    engine.advance("1m");
    let customer = json!({ "id": "u-1", "type": "lead.updated", "lead": { "email": "grace@navyyard.example", "stage": "customer" } });
    engine.client.post("/v1/events", &customer).expect(202);
    engine.client.post(&format!("/v1/leads/{lead}/preferences"), &json!({ "refused": ["call"] })).expect(200);
    engine.advance("1h");
    let output = cadenza(&["test", "--record", &lead, "--url", &engine.url, "--token", &site.admin]).output();
    let recorded = said(&output.expect("cadenza runs"));
    for told in [
        "colleague: { company: \"Company 1\"",
        "owner: ben, lead: lead }",
        "reassign: talk, for: ana, lead: lead }",
        "event: email.replied, lead: colleague, data: { from: \"from-1\", kind: \"reply\" } }",
        "claim: stand-by, by: ana, lead: lead }",
        "event: lead.updated, lead: lead, fields: { stage: \"customer\" } }",
        "ended: bought, lead: lead }",
        "the lead's contact preferences were changed",
    ] {
        assert!(recorded.contains(told), "`{told}` is not recorded:\n{recorded}");
    }
    assert!(!recorded.contains("bertram"), "the colleague's name is told:\n{recorded}");
    site.write("recorded.test.yaml", &recorded);
    let played = test(&site.workspace(), &[]);
    assert_eq!(played.status.code(), Some(0), "{recorded}\n{}", said(&played));
}

#[test]
fn a_watched_folder_is_played_again_when_it_changes() {
    let site = site(&[("inbound.test.yaml", &file(HOLDS))]);
    let mut child = cadenza(&["test", "--watch"]);
    let mut child =
        child.arg(site.workspace()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("cadenza runs");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (kept, out) = (Arc::clone(&lines), BufReader::new(child.stdout.take().expect("it is piped")));
    let reading = std::thread::spawn(move || {
        out.lines().map_while(Result::ok).for_each(|line| kept.lock().expect("nobody panics").push(line));
    });
    let has = |text: &str| lines.lock().expect("nobody panics").iter().any(|line: &String| line.contains(text));
    eventually("it is played once", || has("1 case in 1 file: all hold").then_some(()));
    site.edit("inbound.test.yaml", |text| text.replacen("for: ana", "for: ben", 1));
    eventually("it is played again", || has("1 case in 1 file: 0 hold, 1 failed").then_some(()));
    child.kill().expect("it runs until somebody ends it");
    child.wait().expect("it ends");
    reading.join().expect("it was read");
}
