//! Files of a folder that cannot be read: each is a diagnostic on that file, and everything else is still checked.

use crate::fixture::{catalog, folder_in};
use cadenza_language::{Diagnostic, FILE_BYTES_MAX, Folder, Paint, check, render};
use std::path::{Path, PathBuf};

/// The good workspace on disk, which a test can modify.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().expect("a folder"));
        folder_in("good").files().for_each(|(file, text)| site.write(file, text));
        site
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join("workspace").join(file)
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).expect("a file")
    }

    fn read(&self) -> Folder {
        Folder::read(&self.path("")).expect("the folder can be read")
    }

    /// Whether the folder is accepted, and its diagnostics.
    fn check(&self) -> (bool, Vec<Diagnostic>) {
        let checked = check(&self.read(), &catalog());
        (checked.workspace.is_some(), checked.diagnostics)
    }

    /// The diagnostics, as one line each.
    fn lines(&self) -> Vec<String> {
        let line = |found: Diagnostic| format!("{} {}:{}:{}", found.code, found.file, found.line, found.column);
        self.check().1.into_iter().map(line).collect()
    }
}

fn explained(code: &str) -> bool {
    include_str!("../../../../workflows/README.md").contains(&format!("`{code}`"))
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let site = Site::new();
    for file in ["cadenza.yaml", "inbound.yaml", "team.yaml", "scripts/call.md"] {
        site.write(file, format!("\u{feff}{}", site.text(file)));
    }
    assert_eq!(site.lines(), Vec::<String>::new());
    assert_eq!(site.read(), folder_in("good"), "nor of what is stored");
    site.write("inbound.yaml", "\u{feff}workflwo: inbound\n");
    let (_, found) = site.check();
    let wrong = found.iter().find(|found| found.code == "unknown-key").expect("a mistyped key");
    assert_eq!((wrong.line, wrong.column, wrong.text.as_str()), (1, 1, "workflwo"));
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_checked() {
    let site = Site::new();
    let cut = |file: &str| [site.text(file).as_bytes(), b"  caf\xe9"].concat();
    let (lines, script) = (site.text("team.yaml").lines().count() + 1, cut("scripts/call.md"));
    site.write("team.yaml", cut("team.yaml"));
    site.write("scripts/call.md", script);
    site.write("big.yaml", " ".repeat(FILE_BYTES_MAX as usize + 1));
    site.write("inbound.yaml", site.text("inbound.yaml").replace("touch.reached", "touch.reachd"));
    std::os::unix::fs::symlink("gone.yaml", site.path("link.yaml")).expect("a link");
    std::fs::write(site.0.path().join("outside.md"), "secret").expect("a file");
    std::os::unix::fs::symlink("../../outside.md", site.path("scripts/link.md")).expect("a link");
    let (sound, found) = site.check();
    assert!(!sound);
    let shown = |found: &Diagnostic| format!("{} {}", found.code, found.file);
    let expected = [
        "too-large big.yaml",
        "unknown-field inbound.yaml",
        "unreadable-file link.yaml",
        "unreadable-file scripts/call.md",
        "unreadable-file scripts/link.md",
        "unreadable-file team.yaml",
    ];
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expected, "nobody is blamed for reps and scripts there");
    let team = found.last().expect("there are six");
    assert_eq!((team.line, team.column), (lines, 6), "the first byte that is none");
    let text = render(&found, &site.read(), Paint::Plain);
    assert!(text.contains(&format!("--> team.yaml:{lines}:6")) && text.contains("--> big.yaml:1:1"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let json = serde_json::to_string(&found).expect("editors read it");
    assert!(json.contains("\"too-large\""));
    assert!(["too-large", "unreadable-file"].into_iter().all(explained));
}

#[test]
fn settings_that_cannot_be_read_are_not_called_missing() {
    let site = Site::new();
    site.write("cadenza.yaml", b"name: x\ntimezone: \xff\xfe\n");
    assert_eq!(site.lines(), ["unreadable-file cadenza.yaml:2:11"]);
}

#[test]
fn what_is_no_file_is_passed_over() {
    let site = Site::new();
    let pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
        assert!(made.success());
    };
    pipe(&site.path("pipe.yaml"));
    pipe(&site.path("scripts/pipe.md"));
    pipe(&site.path("not-wanted"));
    let _socket = std::os::unix::net::UnixListener::bind(site.path("socket.yaml")).expect("a socket");
    let found = site.lines();
    assert_eq!(
        found,
        ["unreadable-file pipe.yaml:1:1", "unreadable-file scripts/pipe.md:1:1", "unreadable-file socket.yaml:1:1"]
    );
}

#[test]
fn a_workflow_in_a_folder_of_its_own_is_not_lost_silently() {
    let site = Site::new();
    for file in
        ["flows/a.yaml", "flows/deep/b.yml", "scripts/c.yaml", "samples/d.yaml", ".git/e.yaml", "flows/f.test.yaml"]
    {
        site.write(file, "workflow: lost");
    }
    std::os::unix::fs::symlink(".", site.path("flows/round")).expect("a link");
    std::os::unix::fs::symlink(".", site.path("round")).expect("a link");
    let (sound, found) = site.check();
    assert!(sound, "it is a warning");
    assert!(explained("misplaced-file") && found[0].help[0].contains("top of the workspace folder"), "{found:?}");
    assert_eq!(site.lines(), ["misplaced-file flows/a.yaml:1:1", "misplaced-file flows/deep/b.yml:1:1"]);
}

/// A wrong declaration, and the one mistake that is reported for it.
#[test]
fn one_mistake_is_told_once_and_not_of_those_who_use_what_it_spoils() {
    const USES: &str = r#"workflow: uses
summary: Uses what other files declare.
enroll: [{ when: custom.used, if: 'lead.crm_points > 7 && lead.stage_own == "trial"' }]
steps:
  - { id: cast, assign: { rep: ana, as: host } }
  - { id: ask, call: scripts/call.md, give_up: 9 business days, results: { no-budget: mark, else: mark } }
  - { id: mark, update: { crm_points: 9 } }
  - { id: hosts, task: "Meet {{ run.host_name | default('the host') }}", for: host, give_up: 9 business days, results: { else: end } }
"#;
    let script = |text: &str| format!("{text}\nYour host is {{{{ run.host_name | default('with us') }}}}.\n");
    let site = |settings: (&str, &str), uses: (&str, &str)| {
        let site = Site::new();
        let declared = site.text("cadenza.yaml").replacen("fields:\n", "fields:\n  crm_points: int\n", 1);
        assert!(declared.contains(settings.0) && USES.contains(uses.0), "{settings:?} {uses:?}");
        site.write("cadenza.yaml", declared.replacen(settings.0, settings.1, 1));
        site.write("uses.yaml", USES.replacen(uses.0, uses.1, 1));
        site.write("scripts/call.md", script(&site.text("scripts/call.md")));
        site
    };
    let same = ("", "");
    assert_eq!(site(same, same).lines(), Vec::<String>::new());
    for (settings, uses, expected) in [
        (("crm_points: int", "Crm_Points: int"), same, "bad-name cadenza.yaml"),
        (("name: no-budget", "name: No Budget"), same, "bad-name cadenza.yaml"),
        (("name: no-budget, ", ""), same, "missing-key cadenza.yaml"),
        (("name: trial", "name: A trial"), same, "bad-name cadenza.yaml"),
        (same, ("as: host", "as: Host"), "bad-name uses.yaml"),
        (same, ("id: cast", "id: cast: it"), "yaml uses.yaml"),
        (same, ("id: hosts", "id: Hosts"), "bad-name uses.yaml"),
        (same, ("{ else: end }", "{ else: End }"), "unknown-step uses.yaml"),
    ] {
        let found: Vec<String> =
            site(settings, uses).check().1.iter().map(|found| format!("{} {}", found.code, found.file)).collect();
        assert_eq!(found, [expected], "{settings:?} {uses:?}");
    }
}
