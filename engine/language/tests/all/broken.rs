//! Broken workspaces: each file in `broken/` is one small mistake made in `good/`, and its messages are a snapshot.
//!
//! A case names a file on its first line, then the lines to remove (`-`) and to add (`+`), as in a patch. To see the
//! messages after a change: `INSTA_UPDATE=always cargo test -p cadenza-language broken`, then read the difference.

use crate::fixture::{catalog, folder_in, with_change};
use cadenza_language::{Diagnostic, Folder, Paint, check, render};
use std::collections::BTreeSet;
use std::path::Path;

fn cases() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let entries = std::fs::read_dir(folder).expect("the folder of cases is there");
    let mut cases: Vec<(String, String)> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .map(|path| {
            let name = path.file_stem().expect("a file with that extension has a stem").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a case can be read"))
        })
        .collect();
    cases.sort();
    cases
}

fn broken(name: &str, case: &str) -> Folder {
    let (file, patch) = case.split_once('\n').unwrap_or_else(|| panic!("{name}: the first line names a file"));
    let side = |mark: char| -> String {
        patch.lines().filter_map(|line| line.strip_prefix(mark)).map(|line| format!("{line}\n")).collect()
    };
    let (out, put) = (side('-'), side('+'));
    with_change(&folder_in("good"), file, |text| {
        assert_eq!(text.matches(&out).count(), 1, "{name}: `{out}` stands once in {file}");
        text.replace(&out, &put)
    })
}

#[test]
fn the_workspace_they_are_made_from_is_good() {
    let folder = folder_in("good");
    let checked = check(&folder, &catalog());
    assert!(checked.diagnostics.is_empty(), "{}", render(&checked.diagnostics, &folder, Paint::Plain));
    assert!(checked.workspace.is_some());
}

#[test]
fn every_mistake_is_named_and_mended() {
    let mut seen = BTreeSet::new();
    let mut silent = Vec::new();
    for (name, case) in cases() {
        let folder = broken(&name, &case);
        let checked = check(&folder, &catalog());
        assert!(!checked.diagnostics.is_empty(), "{name}: the mistake is not found");
        let errors = checked.diagnostics.iter().any(|diagnostic| diagnostic.is_error());
        assert_eq!(checked.workspace.is_none(), errors, "{name}: an error, and only an error, refuses the folder");
        for diagnostic in &checked.diagnostics {
            if diagnostic.label.is_none() && diagnostic.help.is_empty() {
                silent.push(format!("{name}: {}", diagnostic.message));
            }
            seen.insert(diagnostic.code);
        }
        let shown = render(&checked.diagnostics, &folder, Paint::Plain);
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, shown);
        });
    }
    assert!(silent.is_empty(), "these do not say what to do: {silent:#?}");
    let codes: Vec<&str> = seen.into_iter().collect();
    let reference = include_str!("../../../../workflows/README.md");
    let unexplained: Vec<&&str> = codes.iter().filter(|code| !reference.contains(&format!("`{code}`"))).collect();
    assert!(unexplained.is_empty(), "workflows/README.md does not explain these codes: {unexplained:?}");
}

/// Of a hundred mistakes that others than the author can mend, how many at least are mended by what is offered.
const MENDED_PERCENT_MIN: usize = 90;

/// Mistakes that nobody but the author can mend, and why: for these the message says in words what to do.
const BY_HAND: [(&str, &[&str]); 10] = [
    (
        "what is missing is the author's to say",
        &["own-word-without-meaning", "plugin-missing-parameter", "script-not-reviewed"],
    ),
    (
        "which number or text is meant",
        &[
            "cel-bad-pattern",
            "mailer-warm-up-alone",
            "connection-host-with-star",
            "cron-day-and-weekday",
            "group-priority",
            "settings-default-of-another-type",
            "update-cel-wrong-type",
            "contact-calendar-of-no-country",
            "pool-unknown-calendar",
            "settings-holidays-unknown-country",
            "update-wrong-type",
            "wait-date-of-wrong-type",
        ],
    ),
    (
        "a secret is put elsewhere, and made anew",
        &[
            "connection-inline-secret",
            "mailer-inline-password",
            "settings-links-inline-secret",
            "connection-password-other-scheme",
            "connection-password-with-slash",
            "connection-secret-in-query",
            "source-inline-secret",
        ],
    ),
    (
        "whether another system is to be reached",
        &["connection-unlisted-host", "http-host-filled-in", "http-private-address"],
    ),
    (
        "what is asked for is not there, and something else has to be asked",
        &[
            "cel-run-before-enrolment",
            "http-body-event",
            "mail-names-a-task",
            "mail-names-an-event",
            "notify-names-a-task",
            "place-event-after-score",
            "place-event-in-stop",
            "re-enroll-when-event",
            "script-names-a-touch",
            "template-in-header",
            "template-in-parameter",
        ],
    ),
    (
        "the words have to be written otherwise",
        &["script-apology", "script-include", "script-many-words-in-a-tag", "script-namespace"],
    ),
    (
        "the workflow has to be made otherwise",
        &[
            "cel-too-deep",
            "enroll-into-itself",
            "foreign-sms",
            "foreign-webhook",
            "loop-through-past-date",
            "loop-without-wait",
            "plugin-reads-another-type",
            "plugin-reads-unknown-field",
            "plugin-refuses-parameters",
            "settings-plugin-damaged",
        ],
    ),
    (
        "what its author wrote is not taken out for them",
        &[
            "asks-in-lines-for-a-kept-field",
            "assign-rep-and-pool",
            "assign-role-with-hold",
            "cadence-not-done-without-give-up",
            "call-not-done-without-give-up",
            "http-auth",
            "http-header-authorization",
            "http-results-by-status",
            "http-save-consent",
            "http-save-identity",
            "http-save-owner",
            "http-save-stage",
            "http-timeout",
            "mailer-url-and-smtp",
            "interrupt-do-and-go",
            "interrupt-does-two",
            "key-of-another-tool",
            "key-with-schedule",
            "on-failure-both",
            "own-stage-with-a-reason",
            "own-word-of-two-kinds",
            "own-word-twice",
            "settings-field-taken",
            "settings-no-country",
            "source-kept-field",
            "step-unreachable",
            "task-asks-kept-field",
            "task-asks-twice",
            "team-manager-circle",
            "update-kept-field",
            "wait-opening-at",
            "yaml-duplicate-key",
            "yaml-second-document",
        ],
    ),
    (
        "which of many is meant",
        &[
            "cel-missing-operand",
            "enroll-if-alone",
            "event-old-alone",
            "http-body-with-get",
            "http-method-unheard-of",
            "interrupt-does-nothing",
            "interrupt-without-event",
            "key-constant",
            "leave-of-account-without-event",
            "leave-without-condition",
            "mail-script-without-subject",
            "mail-without-subject",
            "http-by-mailer",
            "mailer-from-rep-without-address",
            "mailer-from-two",
            "message-unknown-carrier",
            "notify-connection-that-mails",
            "notify-unknown-party",
            "own-channel-that-is-a-call",
            "schedule-without-leads",
            "source-unknown-choice",
            "split-shares",
            "split-shares-over",
            "task-for-unknown-rep",
            "template-in-duration",
            "template-in-via",
            "time-zone-ambiguous",
            "time-zone-offset",
            "touch-refused-word",
            "touch-task-that-calls",
            "unknown-fallback",
            "update-unknown-choice",
            "watch-connection",
        ],
    ),
    (
        "a condition is asked elsewhere",
        &[
            "call-with-if",
            "do-with-if",
            "schedule-with-if-in-braces",
            "split-arm-with-if",
            "step-with-if",
            "step-with-if-to-which-others-lead",
            "step-with-unless",
            "step-with-when",
        ],
    ),
];

fn errors(folder: &Folder) -> impl Iterator<Item = Diagnostic> + use<> {
    check(folder, &catalog()).diagnostics.into_iter().filter(Diagnostic::is_error)
}

/// Applies the suggestions for such diagnostics one after the other until there are no more. Returns the folder and how
/// many were applied.
fn follow(mut folder: Folder, may_be: fn(&Diagnostic) -> bool) -> (Folder, usize) {
    const TURNS_MAX: usize = 8;
    for followed in 0..TURNS_MAX {
        let found = check(&folder, &catalog()).diagnostics.into_iter().filter(may_be);
        let Some((next, replacement)) = found.into_iter().find_map(|one| one.replacement.clone().map(|it| (one, it)))
        else {
            return (folder, followed);
        };
        folder = with_change(&folder, &next.file, |text| {
            let mut text = text.to_owned();
            text.replace_range(next.edit.clone(), &replacement);
            text
        });
    }
    (folder, TURNS_MAX)
}

/// Following the advice leads to a folder without errors: replacements are applied one after the other until none is
/// left. Any error that remains came without a replacement, and says in words what to do.
#[test]
fn whoever_follows_the_advice_gets_a_workspace() {
    let (mut stuck, mut by_hand) = (Vec::new(), Vec::new());
    let cases = cases();
    for (name, case) in &cases {
        let broken = broken(name, case);
        let by_words: BTreeSet<String> =
            errors(&broken).filter(|one| one.replacement.is_none()).map(|one| one.message).collect();
        let (folder, followed) = follow(broken, Diagnostic::is_error);
        let errors: Vec<_> = errors(&folder).filter(|error| !by_words.contains(&error.message)).collect();
        if followed > 0 && !errors.is_empty() {
            stuck.push(format!("{name}, after {followed} replacements:\n{}", render(&errors, &folder, Paint::Plain)));
        }
        let (folder, warned) = follow(folder, |_| true);
        let left = check(&folder, &catalog()).diagnostics;
        let is_sound = left.iter().all(|one| !one.is_error()) && (followed > 0 || left.is_empty());
        if followed + warned == 0 || !is_sound {
            by_hand.push(name.as_str());
        }
    }
    assert!(stuck.is_empty(), "{} cases:\n{}", stuck.len(), stuck.join("\n"));
    let listed: BTreeSet<&str> = BY_HAND.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let wrongly: Vec<&&str> = listed.iter().filter(|name| !by_hand.contains(name)).collect();
    assert!(
        wrongly.is_empty(),
        "these are mended by what is offered, or are no cases: take them off the list {wrongly:?}"
    );
    let whole = cases.len();
    let in_all = whole - by_hand.len();
    assert!(in_all * 4 >= whole * 3, "three of four mistakes are mended by what is offered: {in_all} of {whole}");
    by_hand.retain(|name| !listed.contains(name));
    let all = cases.len() - listed.len();
    let mended = all - by_hand.len();
    let many = mended * 100 >= all * MENDED_PERCENT_MIN;
    assert!(
        many,
        "of {all} mistakes {mended} are mended by what is offered; of those that are not, look at {by_hand:#?}"
    );
}

/// A suggested replacement fixes the mistake: once it is applied, the diagnostic is gone.
#[test]
fn what_is_offered_as_replacement_mends() {
    let mut offered = 0;
    for (name, case) in cases() {
        let folder = broken(&name, &case);
        let found = check(&folder, &catalog()).diagnostics;
        for diagnostic in &found {
            let Some(replacement) = &diagnostic.replacement else { continue };
            offered += 1;
            let mended = with_change(&folder, &diagnostic.file, |text| {
                let mut text = text.to_owned();
                text.replace_range(diagnostic.edit.clone(), replacement);
                text
            });
            let left = check(&mended, &catalog()).diagnostics;
            let of_its_kind = |all: &[Diagnostic]| all.iter().filter(|other| other.code == diagnostic.code).count();
            let place = |one: &Diagnostic| (one.code, one.line, one.column);
            // When something is removed, another diagnostic of its kind may move to its place.
            let still =
                left.iter().any(|other| place(other) == place(diagnostic)) && of_its_kind(&left) >= of_its_kind(&found);
            assert!(!still, "{name}: `{replacement}` in place of `{}` does not mend it", diagnostic.text);
        }
    }
    assert!(offered > 20, "most slips of the fingers come with a replacement");
}

/// What may be taken out for an author: it says nothing where it stands, or stands there twice.
const SAYS_NOTHING: &[&str] = &[
    "assign-rep-and-by",
    "call-with-go",
    "email-results-with-go",
    "http-header-host",
    "http-results-and-go",
    "interrupt-during-end",
    "key-with-nothing",
    "settings-choice-twice",
    "source-token-in-address",
    "split-with-go",
    "task-asks-nothing",
    "team-twice-in-a-pool",
    "yaml-anchor",
];

/// What an author wrote is never offered to be taken out, unless it says nothing.
#[test]
fn what_an_author_wrote_stays() {
    let takes_out = |(name, case): (String, String)| {
        let found = check(&broken(&name, &case), &catalog()).diagnostics;
        found.iter().any(|one| one.replacement.as_deref() == Some("")).then_some(name)
    };
    let found: Vec<String> = cases().into_iter().filter_map(takes_out).collect();
    assert_eq!(found, SAYS_NOTHING, "look at what these offer to take out, and at whether its author could miss it");
}

#[test]
fn several_mistakes_are_found_in_one_go() {
    let folder = with_change(&folder_in("good"), "inbound.yaml", |text| {
        text.replace("go: own", "go: onw")
            .replace("pool: closers", "pool: closer")
            .replace("due: 5 business minutes", "due: 5 busines minutes")
            .replace("touch.reached", "touch.reachd")
            .replace("lead.source in", "lead.sorce in")
    });
    let folder = with_change(&folder, "team.yaml", |text| text.replace("owner: ben", "owner: bne"));
    let found = check(&folder, &catalog()).diagnostics;
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    let expected = ["unknown-field", "unknown-step", "unknown-pool", "bad-duration", "unknown-field", "unknown-rep"];
    assert_eq!(codes, expected);
}

/// Two paths with the same hash, found by trying.
#[test]
fn scripts_that_records_could_not_tell_apart_are_refused() {
    let text = folder_in("good").file("scripts/mail.md").expect("a script").to_owned();
    let more = ["scripts/s10748.md", "scripts/s25731.md"].map(|path| (path.to_owned(), text.clone()));
    let good = folder_in("good");
    let files = good.files().map(|(path, text)| (path.to_owned(), text.to_owned()));
    let folder = Folder::new(files.chain(more)).expect("it is a folder");
    let checked = check(&folder, &catalog());
    assert!(checked.diagnostics.iter().any(|diagnostic| diagnostic.code == "same-hash"), "{:?}", checked.diagnostics);
    assert!(checked.workspace.is_none());
}
