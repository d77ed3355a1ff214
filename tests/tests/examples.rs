//! The recipes below `workflows/examples`: each is a workspace of its own, in order, and its cases visit everything in it.

use cadenza_tests::cadenza;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

fn run(arguments: &[&str]) -> Output {
    cadenza(arguments).output().expect("the program runs")
}

fn recipes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows/examples");
    let entries = std::fs::read_dir(folder).expect("the folder of recipes is there");
    let mut recipes: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    recipes.retain(|path| path.is_dir());
    recipes.sort();
    recipes
}

#[test]
fn every_recipe_is_in_order_and_its_cases_visit_all_of_it() {
    let recipes = recipes();
    assert!(recipes.len() >= 15, "{recipes:?}");
    let mut wrong = Vec::new();
    for recipe in recipes {
        let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = recipe.to_string_lossy().into_owned();
        let checked = run(&["validate", &folder]);
        if !checked.status.success() || String::from_utf8_lossy(&checked.stdout).contains("warning") {
            wrong.push(format!("{name}: {}", String::from_utf8_lossy(&checked.stdout)));
        }
        let played = run(&["test", &folder, "--format", "json"]);
        let told: Value = serde_json::from_slice(&played.stdout).unwrap_or_default();
        if !played.status.success() {
            wrong.push(format!("{name}: {}", String::from_utf8_lossy(&run(&["test", &folder]).stdout)));
            continue;
        }
        for workflow in told["coverage"].as_array().into_iter().flatten() {
            for missed in ["never_reached", "never_taken", "never_left", "never_interrupted"] {
                let missed = workflow[missed].as_array().cloned().unwrap_or_default();
                if !missed.is_empty() {
                    wrong.push(format!("{name}: no case visits {missed:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
