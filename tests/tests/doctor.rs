//! `cadenza doctor`: what is wrong with a data folder, the settings and a workspace, and what can be done about it.

use cadenza_tests::{Engine, Mailbox, Site, cadenza};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary folder's name is UTF-8")
}

/// A stopped engine that had a lead, a call and a mail that could not be sent.
fn lived_in() -> Site {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    site.edit("inbound.yaml", |text| {
        text.replace("  - id: first-call\n", "  - id: welcome\n    email: scripts/mail-1.md\n  - id: first-call\n")
    });
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine.client.post("/v1/connections/mailer/pause", &json!({})).expect(200);
    let lead = json!({
        "id": "crm-1", "email": "ada@acme.example", "phone": "+1 212 555 0101", "first_name": "Ada", "title": "VP Sales",
        "company": "Acme", "industry": "Software", "employees": 400, "country": "US", "source": "web", "product": "dialler",
        "budget": 60000.0, "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z", "message": "Please send a quote."
    });
    engine.bring("msg_1", &lead);
    engine.advance("2d");
    engine.stop();
    site
}

fn doctor(site: &Site, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let data = site.data();
    let mut command = cadenza(&[&["doctor", "--data", path(&data)], more].concat());
    command.envs(site.environment(Some("http://127.0.0.1:9/mail"))).envs(environment.iter().copied());
    command.output().expect("cadenza runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn each_kind_of_damage_is_named_with_what_to_do_and_the_engine_goes_on() {
    let site = lived_in();
    let workspace = site.workspace();
    // What the workspace is warned of is another matter.
    let sound = doctor(&site, &["--workspace", path(&workspace), "--json"], &[]);
    let sound: Value = serde_json::from_slice(&sound.stdout).unwrap_or_else(|_| panic!("{}", text(&sound)));
    for of in ["items", "folder", "past_workspaces", "settings"] {
        assert_eq!(sound[of], json!([]), "{of}");
    }
    // (how keys of the kind begin, its name, what is said of it)
    let cases: [(&[u8], &str, &str); 6] = [
        (b"L", "lead", "events and commands for it are refused"),
        (b"A", "account", "its leads go on as if they had none"),
        (b"E", "outbox row", "does not leave"),
        (b"S", "schedule", "fires at its next time"),
        (b"F", "definition", "apply the workspace folder again"),
        (b"F\x09", "past workspace", "cannot be played again"),
    ];
    for (prefix, kind, said) in cases {
        let of = Site::restoring(&site);
        let copied = std::process::Command::new("cp").arg("-a").arg(site.data()).arg(of.data()).status();
        assert!(copied.expect("cp runs").success());
        let database = sled::open(of.data().join("sled")).expect("the engine is stopped");
        let keys: Vec<_> = database.scan_prefix(prefix).keys().map(|key| key.expect("readable")).collect();
        let key = keys.first().unwrap_or_else(|| panic!("there is a record of the kind {kind}"));
        database.insert(key, &[1, 0xFF][..]).expect("writable");
        database.flush().expect("writable");
        drop(database);
        let told = doctor(&of, &[], &[]);
        assert_eq!(told.status.code(), Some(1), "{kind}: {}", text(&told));
        assert!(text(&told).contains(&format!("{kind} ")) && text(&told).contains(said), "{kind}: {}", text(&told));
        let told = doctor(&of, &["--json"], &[]);
        let json: Value = serde_json::from_slice(&told.stdout).expect("JSON");
        assert_eq!(json["items"][0]["kind"], kind, "{json:#}");
        assert!(json["items"][0]["help"].as_str().is_some_and(|help| help.contains(said)), "{json:#}");
        let mailbox = Mailbox::open();
        let engine = Engine::start(&of, "virtual", Some(&mailbox.url));
        let lead = json!({ "id": "crm-2", "email": "bob@other.example", "phone": "+1 212 555 0102" });
        assert!(engine.lead(&engine.bring("msg_2", &lead))["id"].is_string(), "{kind}: it takes leads in");
        engine.stop();
    }
}

#[test]
fn folder_settings_and_workspace_are_looked_at() {
    let site = lived_in();
    let workspace = site.workspace();
    let with = ["--workspace", path(&workspace)];
    std::fs::set_permissions(site.data().join("components"), std::fs::Permissions::from_mode(0o755)).expect("ours");
    // Checked before the folder is opened, because opening closes it to others.
    let open = doctor(&site, &with, &[]);
    assert!(text(&open).contains("open to other users"), "{}", text(&open));
    assert_eq!(open.status.code(), Some(1));
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 4] = [
        (
            "a variable with a mistake in it",
            &[("CADENZA_DAT", "x")],
            &["nothing reads the variable `CADENZA_DAT`", "`CADENZA_DATA`"],
        ),
        (
            "a number that is none",
            &[("CADENZA_DISK_RESERVE_MIB", "much")],
            &["`CADENZA_DISK_RESERVE_MIB` is no whole number"],
        ),
        (
            "more room than there is",
            &[("CADENZA_DISK_RESERVE_MIB", "99999999999")],
            &["intake stops below", "make room"],
        ),
        (
            "a secret that is empty",
            &[("CADENZA_WEBSITE_SECRET", "")],
            &["the source `website` has no secret", "CADENZA_WEBSITE_SECRET"],
        ),
    ];
    for (what, environment, expected) in cases {
        let told = doctor(&site, &with, environment);
        assert_eq!(told.status.code(), Some(1), "{what}: {}", text(&told));
        for expected in expected {
            assert!(text(&told).contains(expected), "{what}: `{expected}` in {}", text(&told));
        }
    }
    site.edit("inbound.yaml", |text| text.replace("plugin: speed-to-lead", "plugin: speed-to-led"));
    let told = doctor(&site, &[&with[..], &["--json"]].concat(), &[]);
    let json: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!((told.status.code(), &json["workspace"][0]["code"]), (Some(1), &json!("workspace")), "{json:#}");
    assert_eq!((&json["noted"], &json["folder"]), (&json!(0), &json!([])), "{json:#}");
    let nowhere = cadenza(&["doctor", "--data", "/nowhere/at/all"]).output().expect("cadenza runs");
    assert_eq!(nowhere.status.code(), Some(2), "{}", text(&nowhere));
}
