//! The command line from outside: exit codes, and that what is asked wrongly is said clearly.

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
        (&["--help"], 0, "serve"),
        (&["no-such-command"], 2, "unrecognized"),
        (&["serve", "--workspace", workspace], 2, "--data"),
        (&["serve", "--workspace", workspace, "--data", "/nowhere/at/all", "--clock", "fast"], 2, "scaled:N"),
        (&["leads", "--url", "http://127.0.0.1:1"], 2, "127.0.0.1:1"),
        (&["schema", "workflow"], 0, "2020-12"),
    ];
    for (arguments, code, says) in cases {
        let output = cadenza(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(*code), "`cadenza {}` said: {text}", arguments.join(" "));
        assert!(text.contains(says), "`cadenza {}` should say `{says}`, and said: {text}", arguments.join(" "));
    }
}
