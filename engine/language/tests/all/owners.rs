//! Calls and tasks that would belong to nobody: where there is a warning, and where an owner is possible.

use crate::fixture::{catalog, folder_in, with_change};
use cadenza_language::{Folder, Severity, check};

const ASSIGN: &str = "  - id: own\n    assign: { pool: closers, by: round_robin }\n";
const CALL: &str = "  - id: call\n    call: scripts/call.md\n    results: { else: end }\n";
const TASK: &str = "  - id: call\n    task: Talk\n";
const CADENCE: &str = "  - id: call\n    cadence:\n      touches: [{ after: 0d, call: scripts/call.md }, { after: 1d, email: scripts/mail.md }]\n      exhausted: end\n";
const MAIL: &str = "  - id: call\n    email: scripts/mail.md\n    via: mailer\n";
const SPLIT: &str = "  - switch: [{ if: lead.country == \"US\", go: own }, { else: call }]\n";
const KNOWN: &str = "  - switch: [{ if: is_blank(lead.owner), go: end }, { else: call }]\n";

#[test]
fn a_call_that_would_be_nobodys_is_warned_of() {
    let created = "enroll: [{ when: lead.created }]\n";
    let owned = "enroll: [{ when: lead.created, if: \"!is_blank(lead.owner)\" }]\n";
    let won = "enroll: [{ when: deal.won }]\n";
    let schedule = "enroll: [{ schedule: { cron: \"0 8 * * MON\", timezone: America/New_York }, leads: \"true\" }]\n";
    // What it is, how leads enter, the steps, whether another workflow assigns, and the number of warnings.
    let cases: &[(&str, &str, &[&str], bool, usize)] = &[
        ("a call", created, &[CALL], true, 1),
        ("a task", created, &[TASK], true, 1),
        ("a cadence with a call", created, &[CADENCE], true, 1),
        ("a mail is nobody's task", created, &[MAIL], true, 0),
        ("an owner is assigned before", created, &[ASSIGN, CALL], true, 0),
        ("an owner is assigned on one of two ways", created, &[SPLIT, ASSIGN, CALL], true, 0),
        (
            "an owner is assigned afterwards",
            created,
            &[&CALL.replace("end", "own"), ASSIGN, "  - end: over\n"],
            true,
            1,
        ),
        ("it is asked whether there is an owner", created, &[KNOWN, CALL], true, 0),
        ("only leads with an owner come in", owned, &[CALL], true, 0),
        ("leads that are known come in", won, &[CALL], true, 0),
        ("a schedule brings leads that are known", schedule, &[CALL], true, 0),
        ("only others put leads in", "", &[CALL], true, 0),
        ("leads that are known, and nobody assigns anywhere", won, &[CALL], false, 1),
        ("others put leads in, and nobody assigns anywhere", "", &[CALL], false, 1),
    ];
    for (what, enroll, steps, others_assign, expected) in cases {
        let text = format!("workflow: other\nsummary: A test.\n{enroll}steps:\n{}", steps.concat());
        let folder = with_change(&folder_in("good"), "other.yaml", |_| text.clone());
        let folder = with_change(&folder, "inbound.yaml", |inbound| {
            if *others_assign {
                inbound.to_owned()
            } else {
                "workflow: inbound\nsummary: A test.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: mail\n    email: scripts/mail.md\n    via: mailer\n".to_owned()
            }
        });
        // The calls and tasks of these files cause warnings, too.
        let files = folder.files().filter(|(path, _)| !matches!(*path, "motion.yaml" | "words.yaml"));
        let folder = Folder::new(files.map(|(path, text)| (path.to_owned(), text.to_owned()))).expect("good files");
        let found = check(&folder, &catalog()).diagnostics;
        let errors: Vec<_> = found.iter().filter(|found| found.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{what}: the case itself is broken: {errors:#?}");
        let warned = found.iter().filter(|found| found.code == "no-owner").count();
        assert_eq!(warned, *expected, "{what}: {found:#?}");
    }
}
