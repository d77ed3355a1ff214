//! Circles in which no time passes, within one workflow and across several; and what looks like a circle and is not.

use crate::fixture::catalog;
use cadenza_language::{Folder, Paint, check, render};

const SETTINGS: &str = "name: Circles\ntimezone: UTC\ncontact: { email_via: mailer }\n";
const CONNECTIONS: &str = "connections: { mailer: { url: \"http://127.0.0.1:9/\" } }\n";
const MAIL: &str = "---\nobjective: Mail\nreviewed_by: Ana\nsubject: Hello\n---\nHello\n";
const CALL: &str = "---\nobjective: Call\nreviewed_by: Ana\n---\nHello\n";
const TEAM: &str = "reps: { ana: { name: Ana } }\npools: { closers: [ana] }\n";

/// Workflows by name, with their `re_enroll` and steps.
fn check_circle(what: &str, workflows: &[(&str, &str, &str)], expected: Option<(&str, &str)>) {
    let mut files = vec![
        ("cadenza.yaml".to_owned(), SETTINGS.to_owned()),
        ("team.yaml".to_owned(), TEAM.to_owned()),
        ("connections.yaml".to_owned(), CONNECTIONS.to_owned()),
        ("scripts/call.md".to_owned(), CALL.to_owned()),
        ("scripts/mail.md".to_owned(), MAIL.to_owned()),
    ];
    for (name, again, steps) in workflows {
        let text = format!(
            "workflow: {name}\nsummary: One.\nenroll: [{{ when: lead.created }}]\nre_enroll: {again}\nsteps:\n{steps}"
        );
        files.push((format!("{name}.yaml"), text));
    }
    let folder = Folder::new(files).expect("the paths are plain");
    let found: Vec<_> = check(&folder, &catalog())
        .diagnostics
        .into_iter()
        .filter(|found| !["unused-script", "no-owner", "waits-for-ever"].contains(&found.code))
        .collect();
    let circles: Vec<(&str, &str)> = found
        .iter()
        .filter(|found| ["loop-without-wait", "loop-when-refused", "never-enrolled"].contains(&found.code))
        .map(|found| (found.code, found.message.rsplit(": ").next().unwrap_or_default()))
        .collect();
    let shown = render(&found, &folder, Paint::Plain);
    assert_eq!(circles.first().copied(), expected, "{what}:\n{shown}");
    if expected.is_none() {
        assert!(found.is_empty(), "{what}:\n{shown}");
    }
}

#[test]
fn circles_are_found_wherever_they_go_through() {
    let mutual = "  - enroll: second\n";
    let back = "  - enroll: first\n";
    let on = |steps: &'static str| [("first", "always", steps)];
    let both = Some(("loop-without-wait", "`enroll-1` of `first` → `enroll-1` of `second` → `enroll-1` of `first`"));
    check_circle("two that put into each other", &[("first", "always", mutual), ("second", "always", back)], both);
    check_circle("after no time at all", &[("first", "{ after: 0d }", mutual), ("second", "always", back)], both);
    check_circle("one lets in once only", &[("first", "never", mutual), ("second", "always", back)], None);
    check_circle("one lets in a day later", &[("first", "always", mutual), ("second", "{ after: 1d }", back)], None);
    check_circle(
        "the first run goes on, so nobody comes in again",
        &[("first", "always", "  - enroll: second\n  - { id: rest, wait: 1d }\n"), ("second", "always", back)],
        None,
    );
    check_circle(
        "time passes on the way",
        &[("first", "always", mutual), ("second", "always", "  - { id: rest, wait: 1d }\n  - enroll: first\n")],
        None,
    );
    check_circle(
        "three, through a switch and an update",
        &[
            (
                "first",
                "always",
                "  - switch: [{ if: lead.reached, go: more }, { else: end }]\n  - { id: more, enroll: second }\n",
            ),
            ("second", "always", "  - update: { industry: x }\n  - { enroll: third, go: end }\n"),
            ("third", "always", "  - { enroll: first }\n  - end: done\n"),
        ],
        Some((
            "loop-without-wait",
            "`switch-1` of `first` → `more` of `first` → `update-1` of `second` → `enroll-2` of `second` → `enroll-1` of `third` → `switch-1` of `first`",
        )),
    );
    check_circle(
        "into itself, over at once",
        &on("  - enroll: first\n"),
        Some(("loop-without-wait", "`enroll-1` → `enroll-1`")),
    );
    check_circle("into itself after a wait", &on("  - { id: rest, wait: 1d }\n  - enroll: first\n"), None);
    check_circle(
        "into itself while it goes on",
        &on("  - enroll: first\n  - { id: rest, wait: 1d }\n"),
        Some(("never-enrolled", "this does nothing")),
    );
    check_circle(
        "into itself, which it never lets in again",
        &[("first", "never", "  - { id: rest, wait: 1d }\n  - enroll: first\n")],
        Some(("never-enrolled", "`re_enroll` does not let a lead into `first` again that has just left it")),
    );
    check_circle(
        "the first run is over by a date that is past",
        &[
            (
                "first",
                "always",
                "  - enroll: second\n  - { id: rest, wait: { until: lead.project_date, past: done, blank: done } }\n  \
                 - { id: done, end: over }\n",
            ),
            ("second", "always", back),
        ],
        both,
    );
    check_circle(
        "a wait that times out at once",
        &on("  - { id: reply, wait: { event: email.replied, go: end, timeout: { after: 0s, go: reply } } }\n"),
        Some(("loop-without-wait", "`reply` → `reply`")),
    );
    check_circle(
        "a hold of no time",
        &on(
            "  - { id: own, assign: { pool: closers, by: round_robin }, hold: { scope: lead, for: 0d, on_expiry: own }, go: end }\n",
        ),
        Some(("loop-without-wait", "`own` → `own`")),
    );
    check_circle(
        "a hold of a day",
        &on(
            "  - { id: own, assign: { pool: closers, by: round_robin }, hold: { scope: lead, for: 1d, on_expiry: own }, go: end }\n",
        ),
        None,
    );
    check_circle(
        "a call that is passed over",
        &on("  - { id: dial, call: scripts/call.md, results: { qualified: end, else: dial } }\n"),
        Some(("loop-when-refused", "`dial` → `dial`")),
    );
    check_circle(
        "a call with a rest before the next",
        &on(
            "  - { id: dial, call: scripts/call.md, results: { qualified: end, else: rest } }\n  - { id: rest, wait: 1d, go: dial }\n",
        ),
        None,
    );
    check_circle(
        "a cadence that is passed over",
        &on(
            "  - { id: dial, cadence: { touches: [{ after: 1d, call: scripts/call.md }], exhausted: again } }\n  - { id: again, update: { industry: x }, go: dial }\n",
        ),
        Some(("loop-when-refused", "`dial` → `again` → `dial`")),
    );
    for (what, repeat, limit, circle) in [
        ("a cadence of mails that rests between its rounds", "{ after: 7d }", 3, "loop-when-refused"),
        ("one that is spent within its first round", "{ after: 7d }", 1, "loop-without-wait"),
        ("one that repeats at once", "{ after: 0d }", 3, "loop-without-wait"),
    ] {
        let steps = format!(
            "  - {{ id: mails, cadence: {{ limit: {{ contacts: {limit} }}, touches: [{{ after: 0d, email: scripts/mail.md }}], \
             repeat: {repeat}, exhausted: again }} }}\n  - {{ id: again, update: {{ industry: x }}, go: mails }}\n"
        );
        check_circle(what, &[("first", "always", &steps)], Some((circle, "`mails` → `again` → `mails`")));
    }
}
