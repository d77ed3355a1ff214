//! Test files: one that uses every feature, and each small mistake made in it. Their messages are a snapshot. To see
//! the messages after a change: `INSTA_UPDATE=always cargo test -p cadenza-language cases`, then read the difference.

use crate::fixture::{catalog, folder_in};
use cadenza_language::cases::{Act, AnswerStub, MailStub, Moment, Stub, What, When};
use cadenza_language::{CheckedCases, Document, Folder, Paint, check, check_cases, render, schema};
use std::collections::BTreeSet;
use std::path::Path;

const FILE: &str = "good.test.yaml";
const TABLE: &str = "week.csv";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    std::fs::read_to_string(path).expect("the file is there")
}

fn checked(text: &str, table: &str) -> (CheckedCases, Folder) {
    let workspace = check(&folder_in("good"), &catalog()).workspace.expect("the workspace is in order");
    let files = [(FILE.to_owned(), text.to_owned()), (TABLE.to_owned(), table.to_owned())];
    let files = Folder::new(files).expect("the paths are plain");
    (check_cases(&files, &workspace, &catalog()), files)
}

#[test]
fn a_file_with_all_there_is_is_read_as_it_is_meant() {
    let (checked, files) = checked(&read(FILE), &read(TABLE));
    assert!(checked.diagnostics.is_empty(), "{}", render(&checked.diagnostics, &files, Paint::Plain));
    let [suite] = checked.suites.as_slice() else { panic!("{} files", checked.suites.len()) };
    let [first, second, third] = suite.cases.as_slice() else { panic!("{} cases", suite.cases.len()) };
    assert_eq!(first.line, 13);
    assert_eq!(first.starts.to_string(), "2026-03-03T14:00:00Z", "the case's own");
    assert_eq!(second.starts.to_string(), "2026-03-02T14:00:00Z", "the file's");
    assert_eq!(first.decisions.len(), 3, "its own and the file's: {:?}", first.decisions);
    assert_eq!(first.decisions["inbound-fit"].last(), Some(&Stub::Real));
    assert_eq!((first.people.len(), second.people.len()), (1, 0), "each has its own");
    assert!(matches!(first.given[1].when, When::Next(_)) && matches!(first.given[2].when, When::At(Moment::After(_))));
    let rows: Vec<_> = first.given[5..].iter().map(|given| (&given.act, given.when)).collect();
    let [(Act::Event { lead, fields, data, .. }, When::At(_)), (Act::Event { kind, .. }, _)] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!((lead.as_str(), fields.len(), data.len(), kind.to_string().as_str()), ("eve", 2, 1, "lead.engaged"));
    assert!(first.leads.contains_key("eve") && !second.leads.contains_key("eve"), "a table's leads are its case's");
    assert_eq!(first.expect.len(), 17);
    assert!(first.expect[16].never && matches!(first.expect[16].what, What::Mail(_)));
    let answers: Vec<_> = first.answers.iter().map(|(place, answers)| (place.step.as_str(), &answers[..])).collect();
    let body = serde_json::json!({ "deals": [{ "plan": "pro" }], "seats": 12, "open": true, "note": null });
    let wanted = [AnswerStub::Is { status: 503, body: None }, AnswerStub::Is { status: 200, body: Some(body) }];
    assert_eq!(answers, [("look", &[AnswerStub::Fails][..]), ("tell-crm", &wanted[..])]);
    let commanded =
        third.given.iter().filter(|given| matches!(given.act, Act::Order { .. } | Act::Move { .. })).count();
    assert_eq!(commanded, 9);
    let drawn: Vec<_> = third.draws.iter().map(|(place, arm)| (place.step.as_str(), arm.as_str())).collect();
    assert_eq!(drawn, [("subject-line", "short")]);
    let mails: Vec<_> = third.mails.iter().map(|(place, stubs)| (place.step.as_str(), &stubs[..])).collect();
    assert_eq!(mails, [("mail", &[MailStub::Sent, MailStub::Fails][..]), ("text", &[MailStub::Fails])]);
}

/// The original text, the mistake that replaces it, and the code of the message.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("test: inbound", "test: inbond", "unknown-workflow"),
    ("test: inbound", "tests: inbound", "unknown-key"),
    ("starts: 2026-03-02T09:00:00-05:00", "starts: 2026-03-02T09:00", "wrong-type"),
    ("starts: 2026-03-02T09:00:00-05:00\n", "", "missing-key"),
    ("first_name: Ada", "first_nam: Ada", "unknown-field"),
    ("source: web, seats: 250", "source: web, seats: many", "field-type"),
    ("source: web, seats: 250", "source: web, score: 12", "kept-field"),
    ("points: 82, segment: hot }, real", "points: 82 }, real", "wrong-decision"),
    ("speed-to-lead: remind", "speed-to-lead: remid", "wrong-decision"),
    ("speed-to-lead: remind", "speed-to-leed: remind", "unknown-plugin"),
    ("speed-to-lead: remind", "speed-to-lead: { points: 1, segment: hot }", "wrong-decision"),
    ("track: weekly", "track: weakly", "unknown-track"),
    ("step: persist, within", "step: talks, within", "unknown-step"),
    ("step: persist, within", "step: score, within", "no-task-there"),
    ("step: persist, within", "step: host, within", "unknown-step"),
    ("within: 10m, outcome: voicemail", "within: 10m", "missing-key"),
    ("within: 10m, outcome: voicemail", "within: 10m, outcome: done", "wrong-outcome"),
    ("within: 10m, outcome: voicemail", "within: 10m, outcome: voicemail, result: qualified", "wrong-outcome"),
    (
        "event: lead.created, lead: ada }\n      - { after: 5m",
        "event: lead.created }\n      - { after: 5m",
        "which-lead",
    ),
    ("{ event: lead.created, lead: ada }", "{ event: lead.create, lead: ada }", "unknown-event"),
    ("{ event: lead.created, lead: ada }", "{ evnt: lead.created, lead: ada }", "unknown-verb"),
    ("{ event: lead.created, lead: ada }", "{ lead: ada }", "no-verb"),
    ("{ event: lead.created, lead: ada }", "{ event: lead.created, lead: adda }", "unknown-lead"),
    ("{ event: lead.created, lead: ada }", "{ event: lead.created, task: persist, lead: ada }", "two-verbs"),
    ("- { after: 5m", "- { at: 1h, after: 5m", "two-times"),
    ("- { after: 5m", "- { at: 2h", "not-ascending"),
    ("csv: week.csv", "csv: weak.csv", "missing-file"),
    ("until: 30d", "until: 30 dyas", "bad-duration"),
    ("by: ana }", "by: anna }", "unknown-rep"),
    ("name: Another", "name: Everything that can be given and expected", "duplicate-name"),
    ("because: already_in", "because: already", "unknown-word"),
    ("for: ana, due", "for: closer, due", "unknown-rep"),
    ("motion/look: fails", "motion/loook: fails", "unknown-step"),
    ("motion/look: fails", "motion/ask: fails", "no-request-there"),
    ("motion/look: fails", "look: fails", "unknown-step"),
    ("motion/look: fails", "motion/look: 404", "wrong-type"),
    ("motion/look: fails", "motion/look: []", "empty-list"),
    ("{ status: 503 }", "{ status: 99 }", "bad-number"),
    ("{ status: 503 }", "{ code: 503 }", "unknown-key"),
    ("request: motion/tell-crm", "request: first-call", "no-request-there"),
    ("motion/subject-line: short", "motion/subject-line: shrot", "unknown-arm"),
    ("motion/subject-line: short", "motion/text: short", "no-draw-there"),
    ("motion/subject-line: short", "score: short", "no-draw-there"),
    ("mail: [sent, fails]", "score: fails", "no-mail-there"),
    ("mail: [sent, fails]", "mail: [sent, failed]", "unknown-word"),
    ("mail: [sent, fails]", "mail: []", "empty-list"),
    ("method: PATCH", "method: patch", "unknown-word"),
    ("becomes: sent", "becomes: send", "unknown-word"),
    ("mail: any, to", "mail: scripts/mial.md, to", "unknown-script"),
    ("mail: any, to", "mail: words/interrupt-1-1, to", "unknown-script"),
    ("ended: completed", "ended: complete", "unknown-ending"),
    ("ended: completed", "ended: nothing-like-it", "unknown-ending"),
    ("{ enters: inbound, at: 0m, lead: ada }", "{ enters: inbound, leads: 1, lead: ada }", "which-lead"),
    ("opted_out: false }", "opted_out: false }, at: 5m", "two-times"),
    ("expect: [{ fields: { opted_out: true } }]", "expect: []", "empty-list"),
    ("result: qualified, notes: Good", "result: recomended, notes: Good", "unknown-word"),
    ("result: qualified, notes: Good", "result: no-budget", "unanswered"),
    ("outcome: connected, result: qualified }", "outcome: connected, result: no_budget }", "unknown-word"),
    ("refused: email", "refused: linkedin", "own-word"),
    ("fields: { stage: qualified", "fields: { stage: trial", "own-word"),
    ("fields: { stage: qualified", "fields: { stage_own: qualified", "own-word"),
    ("fields: { stage: qualified", "fields: { stage_own: trail", "unknown-word"),
    ("fields: { stage: qualified", "fields: { owner: bne", "unknown-rep"),
    ("fields: { stage: qualified", "fields: { segment: hott", "unknown-word"),
    ("fields: { stage: qualified", "fields: { tier: fre", "field-type"),
    ("command: pause }", "command: paus }", "unknown-word"),
    ("command: pause }", "command: pause, reason: Away }", "unknown-key"),
    ("command: disqualify, reason: Moved away }", "command: disqualify }", "missing-key"),
    ("after: 1m, owner: ben", "after: 1m, owner: bne", "unknown-rep"),
    ("claim: first-call, by: ana", "claim: first-call", "missing-key"),
    ("claim: first-call, by: ana", "claim: first-call, by: anna", "unknown-rep"),
    ("snooze: first-call", "snooze: score", "no-task-there"),
    ("snooze: first-call, until: 1d", "snooze: first-call, until: tomorrow", "bad-duration"),
    ("remove: inbound", "remove: inbond", "unknown-workflow"),
    ("{ never: { mail: any, lead: bob } }", "{ never: mail }", "wrong-type"),
    ("{ never: { mail: any, lead: bob } }", "{ never: touch }", "wrong-type"),
    (
        "  ada: { email: ada@acme.example, first_name: Ada",
        "  Ada: { email: ada@acme.example, first_name: Ada",
        "bad-name",
    ),
];

#[test]
fn every_mistake_in_a_test_file_is_named_and_mended() {
    let (good, table) = (read(FILE), read(TABLE));
    let mut told = String::new();
    let mut codes = BTreeSet::new();
    for (before, after, code) in MISTAKES {
        assert!(good.contains(before), "`{before}` is not in {FILE}");
        let (checked, files) = checked(&good.replacen(before, after, 1), &table);
        let found: Vec<&str> = checked.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        let shown = render(&checked.diagnostics, &files, Paint::Plain);
        assert!(found.contains(code), "`{after}` should be {code}, and is {found:?}\n{shown}");
        let silent = checked.diagnostics.iter().find(|one| one.label.is_none() && one.help.is_empty());
        assert!(silent.is_none(), "this does not say what to do: {silent:?}");
        assert!(checked.suites.is_empty(), "a file with an error is not played: {after}");
        codes.insert(*code);
        told.push_str(&format!("# {before:?} is written as {after:?}\n{shown}\n"));
        for one in checked.diagnostics.iter().filter(|one| one.replacement.is_some() && one.file == FILE) {
            let mut mended = good.replacen(before, after, 1);
            mended.replace_range(one.edit.clone(), one.replacement.as_deref().expect("it is there"));
            let (again, _) = self::checked(&mended, &table);
            let still =
                again.diagnostics.iter().any(|other| other.code == one.code && other.span.start == one.span.start);
            assert!(!still, "`{:?}` does not mend `{after}`", one.replacement);
        }
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("test-files", told);
    });
    let reference = include_str!("../../../../workflows/README.md");
    let unexplained: Vec<&&str> = codes.iter().filter(|code| !reference.contains(&format!("`{code}`"))).collect();
    assert!(unexplained.is_empty(), "workflows/README.md does not explain these codes: {unexplained:?}");
}

#[test]
fn mistakes_in_a_table_are_shown_in_the_table() {
    let (good, table) = (read(FILE), read(TABLE));
    for (before, after, code) in [
        ("email,source", "mail,source", "unknown-field"),
        ("8d,,eve", "8 dyas,,eve", "bad-duration"),
        ("lead.engaged", "lead.engage", "unknown-event"),
        ("web,/pricing", "web,/pricing,more", "bad-row"),
        ("eve@globex.example", "nobody", "field-type"),
    ] {
        let (checked, files) = checked(&good, &table.replacen(before, after, 1));
        let shown = render(&checked.diagnostics, &files, Paint::Plain);
        let found: Vec<_> = checked.diagnostics.iter().map(|one| (one.file.as_str(), one.code)).collect();
        assert_eq!(found, [(TABLE, code)], "`{after}`\n{shown}");
        assert!(checked.suites.is_empty(), "it is not played");
    }
}

#[test]
fn the_schema_of_test_files_has_every_verb() {
    let schema = schema(Document::Test).to_string();
    for verb in ["event", "task", "enroll", "csv", "enters", "stays_out", "refused", "held", "never", "decides"] {
        assert!(schema.contains(&format!("\"{verb}\":")), "the schema has no `{verb}`");
    }
}
