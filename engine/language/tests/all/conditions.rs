//! Conditions: what each function takes, what causes a warning, and what is refused. Every example of the reference is
//! one of these.

use crate::fixture::catalog;
use cadenza_core::expr::Function;
use cadenza_language::{Checked, Folder, Paint, check, render};

const SETTINGS: &str = "name: Conditions
timezone: Europe/Berlin
fields:
  renewal: date
  tags: list
  agreed: bool
  plan: { type: choice, of: [free, pro] }
  seats: { type: int, default: 1 }
";

/// The workspace with this condition under `enroll`, or with this expression under `update`.
fn checked(condition: &str, field: Option<&str>) -> (Checked, Folder) {
    let quoted = format!("'{}'", condition.replace('\'', "''"));
    let test = if field.is_none() { quoted.as_str() } else { "\"true\"" };
    let set = field.map_or_else(|| "seats: 2".to_owned(), |field| format!("{field}: {{ cel: {quoted} }}"));
    let workflow = format!(
        "workflow: asks\nsummary: Asks.\nenroll:\n  - when: lead.created\n    if: {test}\nsteps:\n  - update: {{ {set} }}\n"
    );
    let files = [("cadenza.yaml", SETTINGS.to_owned()), ("asks.yaml", workflow)];
    let folder = Folder::new(files.map(|(path, text)| (path.to_owned(), text))).expect("the paths are plain");
    (check(&folder, &catalog()), folder)
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.diagnostics.iter().map(|found| found.code).collect()
}

/// Conditions that are accepted without a warning.
const GOOD: &[&str] = &[
    "is_blank(lead.phone)",
    "default(lead.employees, 0) > 5",
    "default(lead.plan, \"free\") == \"pro\"",
    "since(lead.last_touch) > days(14)",
    "since(lead.last_touch) > hours(36)",
    "since(lead.last_touch) > minutes(5)",
    "since(lead.last_touch) > business_days(2)",
    "business_days(2) < since(lead.last_touch)",
    "now - lead.created_at >= business_days(1)",
    "lead.project_date < now + business_days(3)",
    "lead.project_date > now - business_days(default(lead.seats, 0))",
    "hour(now) < 12",
    "hour(in_zone(now, \"Europe/Berlin\")) >= 9",
    "weekday(now) in [\"saturday\", \"sunday\"]",
    "weekday(lead.renewal) == \"monday\"",
    "date(now) == date(\"2026-12-25\")",
    "date(in_zone(now, \"Asia/Tokyo\")) > date(\"2026-12-25\")",
    "lead.renewal == date(now)",
    "!is_blank(lead.renewal) && lead.renewal - date(now) < days(30)",
    "in_hours(now)",
    "lead.created_at > timestamp(\"2026-03-08T07:30:00Z\")",
    "lead.title.contains(\"VP\")",
    "lead.phone.startsWith(\"+1\")",
    "lead.email.endsWith(\".edu\")",
    "size(lead.message) > 200",
    "size(lead.tags) > 2",
    "lower(lead.city) == \"köln\"",
    "lead.title.matches(\"^(VP|Head) \")",
    "lead.title.matches(\"\\\\d+\")",
    "domain(lead.email) == \"acme.co.uk\"",
    "touches.exists(t, t.channel == \"call\" && t.outcome == \"no_answer\")",
    "touches.all(t, since(t.at) > days(3) || !t.reached)",
    "lead.tags.exists(x, x == \"vip\")",
    "lead.tags.all(x, x.startsWith(\"a\"))",
    "[1, 2].exists(n, n == lead.employees)",
    "lead.plan in [\"free\", \"pro\"]",
    "lead.seats + 1 > 5",
    "lead.seats != 3",
    // Conditions that resolve a doubt.
    "is_blank(lead.industry) || lead.industry != \"Retail\"",
    "lead.industry != \"Retail\" && !is_blank(lead.industry)",
    "lead.employees > 5 && lead.employees != 7",
    "is_blank(lead.industry) ? false : lead.industry != \"Retail\"",
    "default(lead.industry, \"\") != \"Retail\"",
    "!is_blank(lead.industry) && !(lead.industry == \"Retail\")",
    "!default(lead.agreed, false)",
    "!(lead.stage in [\"customer\", \"lost\"])",
    "!is_blank(domain(lead.email)) && domain(lead.email) != \"acme.com\"",
    "domain(lead.email) == lead.domain && lead.email != \"a@acme.com\"",
    "lead.title.matches(\"VP\") && !lead.title.contains(\"deputy\")",
    "lead.stage != \"customer\" && !lead.opted_out",
];

#[test]
fn what_the_reference_shows_is_taken() {
    for condition in GOOD {
        let (checked, folder) = checked(condition, None);
        let said = render(&checked.diagnostics, &folder, Paint::Plain);
        assert!(checked.workspace.is_some() && checked.diagnostics.is_empty(), "{condition}:\n{said}");
    }
    let reference = include_str!("../../../../workflows/README.md");
    for function in Function::ALL {
        let call = format!("{function}(");
        assert!(GOOD.iter().any(|condition| condition.contains(&call)), "`{function}` has no example here");
        assert!(reference.contains(&call), "workflows/README.md does not say what `{function}` gives");
    }
}

/// A condition with a warning, and a part of the advice.
const DOUBTFUL: &[(&str, &str)] = &[
    ("lead.industry != \"Retail\"", "`is_blank(lead.industry) || lead.industry != \"Retail\"`"),
    ("lead.segment == \"hot\" && lead.industry != \"Retail\"", "`is_blank(lead.industry) ||"),
    ("!(lead.industry == \"Retail\")", "`!is_blank(lead.industry) && !(lead.industry == \"Retail\")`"),
    ("!(lead.industry in [\"Retail\"])", "`!is_blank(lead.industry) && "),
    ("!lead.title.contains(\"VP\")", "`!is_blank(lead.title) && "),
    ("!lead.agreed", "`!default(lead.agreed, false)`"),
    ("!(lead.stage == \"open\" && lead.title == \"VP\")", "`!is_blank(lead.title) && "),
    ("since(lead.last_engaged) < days(14)", "`is_blank(lead.last_engaged) || since(lead.last_engaged) < days(14)`"),
    ("since(lead.last_engaged) > business_days(2)", "`is_blank(lead.last_engaged) || "),
    ("lead.employees + 1 > 5", "`default(lead.employees, 0)`"),
    ("-lead.employees < 5", "`default(lead.employees, 0)`"),
    ("lead.project_date + business_days(2) < now", "`!is_blank(lead.project_date) && …`"),
    ("(lead.employees > 5) == false && lead.employees != 3", "`is_blank(lead.employees) || "),
    ("event.data.x != 5", "`is_blank(event.data.x) || "),
    ("!lead.tags.exists(x, x == \"vip\")", "`!is_blank(lead.tags) && "),
    ("touches.exists(t, t.result != \"not_now\")", "`is_blank(t.result) || "),
    ("domain(lead.email) != \"acme.com\"", "`is_blank(domain(lead.email)) || "),
];

#[test]
fn what_may_be_blank_is_told_with_what_was_meant() {
    for (condition, advice) in DOUBTFUL {
        let (checked, folder) = checked(condition, None);
        let said = render(&checked.diagnostics, &folder, Paint::Plain);
        assert_eq!(codes(&checked), ["may-be-blank"], "{condition}:\n{said}");
        assert!(checked.workspace.is_some(), "{condition}: a warning refuses nothing");
        assert!(said.contains(advice), "{condition}: `{advice}` is not in\n{said}");
    }
    let (checked, _) = checked("lead.employees + 1", Some("employees"));
    assert_eq!(codes(&checked), ["may-be-blank"], "also where a value is worked out");
}

/// A condition, the code, and a part of the advice.
const BAD: &[(&str, &str, &str)] = &[
    ("default(lead.employees, \"none\") > 5", "wrong-type", "a number, such as `0`"),
    ("default(lead.employees) > 5", "wrong-call", "default(lead.employees, 0)"),
    ("default(lead.plan, \"gold\") == \"pro\"", "unknown-code", "it can be `free` and `pro`"),
    ("lead.plan == \"Pro\"", "unknown-code", "did you mean `pro`?"),
    ("hour(lead.title) > 5", "wrong-type", "hour(now)"),
    ("hour(in_zone(now, \"Europe/Berln\")) > 5", "unknown-time-zone", "did you mean `Europe/Berlin`?"),
    ("hour(in_zone(now, \"EST\")) > 5", "unknown-time-zone", "America/New_York"),
    ("in_zone(now, \"Europe/Berlin\") > now", "wrong-call", "hour(in_zone("),
    ("weekday(now) == \"Monday\"", "unknown-code", "did you mean `monday`?"),
    ("lead.renewal == now", "wrong-type", "date(now)"),
    ("lead.renewal == \"2026-12-25\"", "wrong-type", "date(\"2026-12-25\")"),
    ("date(\"25.12.2026\") == date(now)", "bad-date", "2026-12-25"),
    ("date(\"soon\") == date(now)", "bad-date", "date(\"2026-12-25\")"),
    ("since(lead.renewal) > days(3)", "wrong-type", "date(now) - lead.renewal"),
    ("business_days(2) > days(1)", "wrong-call", "since(lead.last_touch) > business_days(2)"),
    ("size(business_days(2)) > 1", "wrong-call", "now + business_days(3)"),
    ("since(lead.last_touch) > business_days(501)", "bad-number", "0 to 500"),
    ("since(lead.last_touch) > business_days(1.5)", "bad-number", "0 to 500"),
    ("lead.employees + business_days(1) > now", "wrong-type", "now + business_days(3)"),
    ("lead.title.matches(\"(VP\")", "bad-pattern", "Rust's `regex`"),
    ("lead.title.matches(lead.company)", "bad-pattern", "contains"),
    ("lead.title.matches(\"(a{50}){50}\")", "bad-pattern", "regex"),
    ("touches.exists(t, t.chanel == \"call\")", "unknown-field", "did you mean `channel`?"),
    ("touches.exists(t, t.channel == \"phone\")", "unknown-code", "call"),
    ("touches.exists(t, t)", "incomplete-name", "t."),
    ("touches == 3", "incomplete-name", "lead.contacts"),
    ("touches.filter(t, t.reached)", "not-in-language", "exists"),
    ("touches.exists(lead, lead.reached)", "bad-name", "exists(x, …)"),
    ("touches.exists(t, touches.exists(u, u.reached))", "not-in-language", "one after the other"),
    ("touches.exists(t, u.reached)", "unknown-name", "names begin with"),
    ("lead.tags.exists(x, x.name == \"a\")", "unknown-field", "`x` alone"),
    ("lead.tags.exists(x, x == 5)", "wrong-type", "in quotes"),
    ("lead.title.exists(x, x == \"a\")", "wrong-type", "lead.tags.exists"),
    ("lead.tags.exists(x, \"a\")", "wrong-type", "compare it"),
];

#[test]
fn what_is_refused_says_what_to_write() {
    for (condition, code, advice) in BAD {
        let (checked, folder) = checked(condition, None);
        let said = render(&checked.diagnostics, &folder, Paint::Plain);
        let errors = checked.diagnostics.iter().filter(|found| found.is_error()).map(|found| found.code);
        assert_eq!(errors.collect::<Vec<_>>(), [*code], "{condition}:\n{said}");
        assert!(said.contains(advice), "{condition}: `{advice}` is not in\n{said}");
    }
    for (field, expression, code) in [
        ("renewal", "date(now) + days(30)", None),
        ("renewal", "now", Some("wrong-type")),
        ("project_date", "date(now)", None),
        ("plan", "\"gold\"", Some("unknown-code")),
    ] {
        let (checked, folder) = checked(expression, Some(field));
        let said = render(&checked.diagnostics, &folder, Paint::Plain);
        assert_eq!(codes(&checked).first().copied(), code, "{field}: {expression}\n{said}");
    }
}
