//! Comments: every public item of the engine, the kits and the plugins says what it is, and no comment
//! consists of a word or two.
//!
//! The compiler's `missing_docs` would also require this of fields and variants, whose names are often enough.

use std::path::{Path, PathBuf};

/// Where public items have to be documented. Tests and benchmarks are read by those who work on them.
const DOCUMENTED: [&str; 3] = ["engine", "plugins", "sdk/rust"];
/// The keywords that begin an item.
const ITEMS: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of this repository") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "tests", "benches", "examples"].contains(&name) {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A line without what may precede an item's keyword.
fn item(line: &str) -> Option<&str> {
    let mut rest = line.trim_start().strip_prefix("pub ")?;
    for word in ["const ", "async ", "unsafe ", "extern \"C\" "] {
        // `pub const NAME` is an item; `pub const fn` is a function.
        if word != "const " || rest.starts_with("const fn") {
            rest = rest.strip_prefix(word).unwrap_or(rest);
        }
    }
    ITEMS.iter().any(|kind| rest.split(' ').next() == Some(kind)).then_some(rest)
}

#[test]
fn public_items_say_what_they_are_and_no_comment_is_a_riddle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in the repository");
    let mut files = Vec::new();
    DOCUMENTED.iter().for_each(|folder| sources(&root.join(folder), &mut files));
    assert!(files.len() > 200, "the sources are found: {}", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let lines: Vec<&str> = text.lines().take_while(|line| *line != "mod tests {").collect();
        let (mut comment, mut documented) = (Vec::new(), false);
        for (number, line) in (1..).zip(&lines) {
            let trimmed = line.trim_start();
            if let Some(words) = trimmed.strip_prefix("///") {
                comment.extend(words.split_whitespace());
                documented = true;
                continue;
            }
            let place = || format!("{}:{number}", path.strip_prefix(root).unwrap_or(&path).display());
            // A macro that turns its comments into texts may keep them short.
            let is_riddle = (1..=2).contains(&comment.len()) && !comment[0].starts_with('`') && comment[0] != "See";
            if is_riddle && item(line).is_some() {
                wrong.push(format!("{}: `{}` says nothing", place(), comment.join(" ")));
            }
            comment.clear();
            // What is hidden from the docs needs no comment.
            documented |= trimmed.starts_with("#[doc");
            if trimmed.starts_with("#[") || trimmed.starts_with(')') || trimmed.is_empty() && documented {
                continue;
            }
            // What a macro makes is documented where the macro is used.
            if let Some(item) = item(line).filter(|item| !documented && !item.contains('$')) {
                wrong.push(format!("{}: `{}` says not what it is", place(), item.trim_end_matches([' ', '{'])));
            }
            documented = false;
        }
    }
    assert!(wrong.is_empty(), "{} comments:\n{}", wrong.len(), wrong.join("\n"));
}
