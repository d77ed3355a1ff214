//! The README's commands work as printed. They are read from it and run, line by line, in a folder that holds what a
//! clone holds. Only the port differs, because tests run beside each other, and nothing is compiled again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shell lines below this heading.
fn block(heading: &str) -> String {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let (_, section) = readme.split_once(heading).unwrap_or_else(|| panic!("README.md has no `{heading}`"));
    let (_, code) = section.split_once("```sh\n").expect("the section has a block of shell lines");
    code.split_once("```").expect("the block ends").0.to_owned()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the repository").to_owned()
}

#[test]
fn it_runs_for_real_as_the_readme_says() {
    let lines = block("## Run it for real");
    let (build, lines) = lines.split_once('\n').expect("several lines");
    assert!(build.starts_with("cargo build --release && export PATH="), "the first line builds: {build}");
    let home = tempfile::tempdir().expect("a folder can be made");
    std::os::unix::fs::symlink(repository().join("workflows"), home.path().join("workflows")).expect("a link");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free").port();
    let binary = PathBuf::from(cadenza_tests::cadenza(&[]).get_program());
    let path = format!("{}:{}", binary.parent().expect("it lies somewhere").display(), env!("PATH"));

    // `kill %1` is the last line. The shell waits for what it ended, so that its log is complete.
    let script = format!("set -eu -m\n{lines}wait\n");
    let ran = Command::new("bash")
        .args(["-c", &script])
        .current_dir(home.path())
        .env("PATH", path)
        .env("CADENZA_LISTEN", format!("127.0.0.1:{port}"))
        .env("CADENZA_URL", format!("http://127.0.0.1:{port}"))
        .output()
        .expect("bash runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, log) = (said(&ran.stdout), said(&ran.stderr));
    assert!(ran.status.success(), "{}\n{out}\n{log}", ran.status);
    for expected in ["500 known", "Claymore Credit Union", "lead.created came in", "Nothing is to be done"] {
        let found = out.contains(expected) || (expected == "Nothing is to be done" && out.contains("OBJECTIVE"));
        assert!(found, "`{expected}` is nowhere in what the commands said:\n{out}\n{log}");
    }
    assert!(log.contains("stopped"), "the engine was stopped and said so:\n{log}");
}
