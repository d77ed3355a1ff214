//! Hostile files: random bytes, truncated and altered files, bombs. A check always ends, with diagnostics that can be
//! shown.

use crate::fixture::{catalog, folder_in, with_change};
use cadenza_language::{FILE_BYTES_MAX, Folder, FolderError, Paint, check, render};
use proptest::prelude::*;

/// Checks and renders a folder. The ranges of diagnostics must lie in their files. Returns whether there is a workspace.
fn survives(folder: &Folder) -> bool {
    let checked = check(folder, &catalog());
    for diagnostic in &checked.diagnostics {
        let text = folder.file(&diagnostic.file).unwrap_or_default();
        assert_eq!(text.get(diagnostic.span.clone()), Some(diagnostic.text.as_str()), "{diagnostic:?}");
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
    }
    render(&checked.diagnostics, folder, Paint::Plain);
    render(&checked.diagnostics, folder, Paint::Coloured);
    checked.workspace.is_some()
}

fn with(file: &str, text: &str) -> Folder {
    let folder = folder_in("good");
    let files = folder.files().map(|(path, text)| (path.to_owned(), text.to_owned()));
    Folder::new(files.chain([(file.to_owned(), text.to_owned())])).expect("a folder")
}

fn files() -> impl Strategy<Value = String> {
    let names: Vec<String> = folder_in("good").files().map(|(path, _)| path.to_owned()).collect();
    proptest::sample::select(names)
}

/// Texts with a meaning for one of the parsers.
fn morsel() -> impl Strategy<Value = String> {
    const MORSELS: &[&str] = &[
        "!", "&a ", "*a", "{", "}", "[", "]", ": ", "- ", "\n", "\t", "'", "\"", "|\n", ">\n", "#", "%", "@", "`",
        "---\n", "~", "? ", "\\", "{{", "}}", "{%", "%}", "é", "\u{feff}", "\u{0}", "\r\n", "&&", "||", "(", ")",
        "1e999", "🙂", "<<: ", "lead.",
    ];
    prop_oneof![proptest::sample::select(MORSELS).prop_map(str::to_owned), any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text_is_refused_or_read(file in files(), text in any::<String>()) {
        survives(&with(&file, &text));
    }

    #[test]
    fn random_morsels_are_refused_or_read(file in files(), morsels in proptest::collection::vec(morsel(), 0..40)) {
        survives(&with(&file, &morsels.concat()));
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused_or_read(file in files(), at in any::<prop::sample::Index>()) {
        let folder = folder_in("good");
        let text = folder.file(&file).unwrap_or_default();
        let mut at = at.index(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        survives(&with_change(&folder, &file, |text| text[..at].to_owned()));
    }

    #[test]
    fn a_file_with_something_put_in_is_refused_or_read(file in files(), at in any::<prop::sample::Index>(), morsel in morsel()) {
        survives(&with_change(&folder_in("good"), &file, |text| {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            format!("{}{morsel}{}", &text[..at], &text[at..])
        }));
    }

    #[test]
    fn a_random_condition_is_refused_or_read(words in proptest::collection::vec(condition_word(), 0..30)) {
        let condition = words.join(" ").replace('\'', "''");
        survives(&with_change(&folder_in("good"), "inbound.yaml", |text| {
            text.replace("- if: lead.opted_out", &format!("- if: '{condition}'"))
        }));
    }
}

fn condition_word() -> impl Strategy<Value = String> {
    let words = [
        "lead.segment",
        "lead.employees",
        "lead.last_touch",
        "now",
        "touch",
        ".",
        "event.data.x",
        "\"hot\"",
        "'x'",
        "1",
        "2.5",
        "-",
        "!",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "&&",
        "||",
        "==",
        "!=",
        "<",
        ">=",
        "in",
        "+",
        "*",
        "/",
        "%",
        "?",
        ":",
        ",",
        "since(",
        "days(",
        "size(",
        "has(",
        "is_blank(",
        "lead.tags.exists(t,",
        "true",
        "null",
        "b'x'",
        "5u",
        "r\"x\"",
        "timestamp(",
        ".contains(",
        "é",
        "\\",
        "\"\\u00e9\"",
        "lead.employees == 1",
        "lead.reached",
    ];
    proptest::sample::select(words.map(str::to_owned).to_vec())
}

#[test]
fn bombs_do_not_go_off() {
    let deep = 10_000;
    let aliases: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    let bombs = [
        ("aliases", format!("a0: &a0 x\n{aliases}")),
        ("flow nesting", "[".repeat(deep)),
        ("flow maps", "{a: ".repeat(deep)),
        ("block nesting", (0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect()),
        ("lists in lists", "- ".repeat(deep)),
        ("keys", (0..60_000).map(|n| format!("k{n}: v\n")).collect()),
        ("one key again", "k: v\n".repeat(60_000)),
        ("a long key", format!("{}: v", "k".repeat(500_000))),
        ("a long line", format!("workflow: {}", "w".repeat(500_000))),
        ("tags", "- !a x\n".repeat(2_000)),
        ("quotes", "\"".repeat(100_000)),
        ("empty", String::new()),
        ("a byte-order mark", "\u{feff}".to_owned()),
    ];
    for (what, text) in bombs {
        assert!(text.len() as u64 <= FILE_BYTES_MAX, "{what} fits a file");
        assert!(!survives(&with("inbound.yaml", &text)), "{what} is no workflow");
    }
}

#[test]
fn conditions_are_bounded_before_they_are_parsed() {
    let n = 1_500;
    let bombs = [
        ("brackets", format!("{}lead.reached{}", "(".repeat(n), ")".repeat(n))),
        ("open brackets", "(".repeat(n)),
        ("lists", format!("{}{}", "[".repeat(n), "]".repeat(n))),
        ("signs", format!("{}lead.reached", "!".repeat(n))),
        ("minus signs", format!("{}1 == 1", "-".repeat(n))),
        ("choices", format!("{}lead.reached", "lead.reached ? lead.reached : ".repeat(100))),
        ("a long sum", format!("1{} == 1", " + 1".repeat(900))),
        ("a long chain", vec!["lead.reached"; 300].join(" && ")),
        ("many fields", format!("lead{}", ".a".repeat(n))),
        ("many calls", format!("{}lead.city{}", "lower(".repeat(200), ")".repeat(200))),
        ("a long text", format!("lead.city == \"{}\"", "x".repeat(100_000))),
    ];
    for (what, condition) in bombs {
        let folder = with_change(&folder_in("good"), "inbound.yaml", |text| {
            text.replace("- if: lead.opted_out", &format!("- if: '{condition}'"))
        });
        assert!(!survives(&folder), "{what} is refused");
    }
}

#[test]
fn templates_are_bounded_too() {
    for (what, body) in [
        ("tags", "{{".repeat(100_000)),
        ("brackets", format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000))),
        ("choices", "{% if lead.reached %}".repeat(5_000)),
        ("filters", format!("{{{{ lead.city{} }}}}", " | lower".repeat(2_000))),
    ] {
        let text = format!("---\nobjective: x\nreviewed_by: y\n---\n{body}\n");
        survives(&with("scripts/call.md", &text));
        let _ = what;
    }
}

#[test]
fn folders_are_read_within_bounds() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("workspace");
    std::fs::create_dir_all(root.join("scripts")).unwrap();
    assert!(matches!(Folder::read(&root), Err(FolderError::NotAWorkspace { .. })));
    std::fs::write(root.join("cadenza.yaml"), "name: x\ntimezone: UTC\n").unwrap();
    std::fs::write(root.join("case.test.yaml"), "not read").unwrap();
    std::fs::write(root.join("scripts/a.md"), "text").unwrap();
    let folder = Folder::read(&root).unwrap();
    assert_eq!(folder.files().map(|(path, _)| path).collect::<Vec<_>>(), ["cadenza.yaml", "scripts/a.md"]);

    std::fs::create_dir(home.path().join("outside")).unwrap();
    std::os::unix::fs::symlink("../../outside", root.join("scripts/more")).unwrap();
    assert!(matches!(Folder::read(&root), Err(FolderError::LeadsOut { .. })));

    let large = " ".repeat(FILE_BYTES_MAX as usize + 1);
    assert!(matches!(Folder::new([("big.yaml".to_owned(), large)]), Err(FolderError::TooLarge { .. })));
    for path in ["../x.yaml", "/x.yaml", "a//b.yaml", "a/./b.yaml", "a\\b.yaml"] {
        let made = Folder::new([(path.to_owned(), String::new())]);
        assert!(matches!(made, Err(FolderError::Path { .. })), "`{path}` is refused");
        let stored = serde_json::json!({ path: "" });
        assert!(serde_json::from_value::<Folder>(stored).is_err(), "`{path}` is refused from storage too");
    }
}
