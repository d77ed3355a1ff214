//! The practices that the shipped workspace claims to follow. Each has a row in the reference, and the case that the
//! row names exists and says that it shows the practice.

use crate::fixture::{catalog, shipped};
use cadenza_language::{Folder, check, check_cases};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The practices that the shipped workspace has to show.
const PRACTICES: [&str; 23] = [
    "A2", "A3", "A5", "B1", "B2", "B4", "B5", "B6", "B7", "B9", "B10", "B12", "C2", "C3", "C5", "C6", "D1", "D3", "D4",
    "D5", "D6", "E1", "E2",
];

/// A row of the table: how, workflow, case, and what is missing.
type Row<'t> = [&'t str; 4];

/// The rows of the table under `## Practices`.
fn rows(reference: &str) -> BTreeMap<&str, Row<'_>> {
    let table = reference.split("\n## Practices\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let table = table.expect("the reference has a section of practices");
    let mut rows = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [practice, row @ ..] = cells.as_slice() else { continue };
        let row: Row<'_> = row.try_into().unwrap_or_else(|_| panic!("five cells in a row: {line}"));
        assert!(rows.insert(*practice, row).is_none(), "two rows of {practice}");
    }
    rows
}

#[test]
fn every_practice_has_a_row_and_the_case_that_it_names_shows_it() {
    let workspace = check(&shipped(), &catalog()).workspace.expect("the shipped workspace is in order");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    let files = Folder::read_cases(&folder).expect("its cases can be read");
    let checked = check_cases(&files, &workspace, &catalog());
    let rows = rows(include_str!("../../../../workflows/README.md"));
    let there: BTreeSet<&str> = rows.keys().copied().collect();
    assert_eq!(there, PRACTICES.into_iter().collect(), "a row for each");
    for (practice, [how, workflow, case, missing]) in rows {
        assert!(!how.is_empty() && !missing.is_empty(), "{practice}: say how, and what is missing or `nothing`");
        let workflow = workflow.trim_matches('`');
        let suite = checked.suites.iter().find(|suite| suite.workflow == workflow);
        let suite = suite.unwrap_or_else(|| panic!("{practice}: no test file is about `{workflow}`"));
        let found = suite.cases.iter().find(|found| found.name.split(" (").next() == Some(case));
        let found = found.unwrap_or_else(|| panic!("{practice}: `{workflow}` has no case `{case}`"));
        assert!(found.practices.iter().any(|shown| shown == practice), "the case `{case}` does not list {practice}");
        let (_, named) = found.name.rsplit_once(" (").unwrap_or_default();
        let named: Vec<&str> = named.trim_end_matches(')').split(", ").collect();
        assert_eq!(named, found.practices, "the name of a case carries what it shows: {}", found.name);
    }
}
