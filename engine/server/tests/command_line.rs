//! The command line from outside: exit codes, and clear messages for wrong use.

use std::process::{Command, Output};

fn cadenza(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cadenza"))
        .args(arguments)
        .env_remove("CADENZA_TOKEN")
        .output()
        .expect("cadenza runs")
}

#[test]
fn exit_codes_say_how_it_went() {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workflows");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["validate", workspace], 0, "in order"),
        (&["validate", env!("CARGO_MANIFEST_DIR")], 2, "cadenza.yaml"),
        (&["--help"], 0, "lead workflows"),
        (&["no-such-command"], 2, "unrecognized"),
        (&["serve", "--workspace", workspace], 2, "--data"),
        (&["serve", "--workspace", workspace, "--data", "/nowhere/at/all", "--clock", "fast"], 2, "scaled:N"),
        (&["leads", "--url", "http://127.0.0.1:1"], 2, "127.0.0.1:1"),
        (&["schema", "workflow"], 0, "2020-12"),
        (&["token", "list", "--data", "/nowhere/at/all"], 2, "no data folder `/nowhere/at/all`"),
        (&["token", "revoke", "x", "--data", "/nowhere/at/all"], 2, "no data folder `/nowhere/at/all`"),
        // The name of the token is not mistaken for the API token: the command gets as far as asking.
        (&["token", "revoke", "x", "--url", "http://127.0.0.1:1"], 2, "no engine answers"),
        (&["serve", "--workspace", workspace, "--data", "/nowhere/at/all", "--listen", "8080"], 2, "127.0.0.1:8080"),
    ];
    for (arguments, code, says) in cases {
        let output = cadenza(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(*code), "`cadenza {}` said: {text}", arguments.join(" "));
        assert!(text.contains(says), "`cadenza {}` should say `{says}`, and said: {text}", arguments.join(" "));
    }
}

#[test]
fn what_the_system_says_is_told_once() {
    for arguments in [["validate", "/nowhere/at/all"], ["event", "/nowhere/at/all"]] {
        let output = cadenza(&arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text.matches("No such file").count(), 1, "`cadenza {}` said: {text}", arguments.join(" "));
    }
}

#[test]
fn a_config_file_is_read_by_either_spelling() {
    let folder = std::env::temp_dir().join(format!("cadenza-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files");
    let file = folder.join("cadenza-serve.yaml");
    let cases = [
        ("disk-reserve-mib: 1\nlog-format: text\n", "--workspace"),
        ("disk_reserve_mib: 1\nlog_format: text\n", "--workspace"),
        ("log: info\nlog: debug\n", "`log` stands there twice"),
        ("lgo: info\n", "unknown field `lgo`"),
    ];
    for (text, says) in cases {
        std::fs::write(&file, text).expect("a file");
        let output = cadenza(&["serve", "--config", &file.to_string_lossy()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text:?} said: {said}");
        assert!(said.contains(says) && !said.contains("Options"), "{text:?} should say `{says}`, and said: {said}");
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}
