//! A backup taken while leads come in, and what is made from it: everything is there as it was at one moment, a backup
//! that is not complete is refused, and, if asked for, nothing is sent before somebody has looked.

use cadenza_tests::{Engine, Mail, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

fn hot(n: u32) -> Value {
    json!({
        "id": format!("crm-{n}"), "email": format!("ada{n}@acme{n}.example"), "phone": format!("+1 212 555 {n:04}"),
        "first_name": "Ada", "title": "VP Sales", "company": format!("Acme {n}"), "industry": "Software",
        "employees": 400, "country": "US", "source": "web", "product": "dialler", "budget": 60000.0,
        "pain": "follow-up is forgotten", "project_date": "2027-06-01T00:00:00Z", "message": "Please send a quote."
    })
}

fn engine(site: &Site, mailbox: &Mailbox) -> Engine {
    Engine::start(site, "virtual", Some(&mailbox.url))
}

/// A site that sends a mail to every new lead.
fn mailing() -> Site {
    let site = Site::new();
    site.edit("inbound.yaml", |text| {
        text.replace("  - id: first-call\n", "  - id: welcome\n    email: scripts/mail-1.md\n  - id: first-call\n")
    });
    site
}

fn run(arguments: &[&str], engine: Option<(&Engine, &Site)>) -> Output {
    let mut command = cadenza(arguments);
    if let Some((engine, site)) = engine {
        command.env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin);
    }
    command.output().expect("cadenza runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary folder's name is UTF-8")
}

/// A site whose data folder is made from this backup.
fn restored(of: &Site, file: &Path, more: &[&str]) -> (Site, String) {
    let site = Site::restoring(of);
    let data = site.data();
    let arguments = [&["restore", path(file), "--data", path(&data)], more].concat();
    let made = run(&arguments, None);
    assert!(made.status.success(), "{}", text(&made));
    (site, text(&made))
}

/// What the API says of each lead: the lead, its timeline and its tasks.
fn leads(engine: &Engine) -> BTreeMap<String, [Value; 3]> {
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = engine.client.get(&format!("/v1/leads?limit=100{cursor}")).expect(200).json;
        for lead in page["items"].as_array().into_iter().flatten() {
            let id = lead["id"].as_str().expect("it has an id").to_owned();
            let timeline = engine.client.get(&format!("/v1/leads/{id}/timeline?limit=500")).expect(200).json;
            let tasks = Value::from(engine.tasks_of(&id));
            found.insert(id.clone(), [engine.lead(&id), timeline["items"].clone(), tasks]);
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn list(engine: &Engine, path: &str) -> Value {
    engine.client.get(path).expect(200).json["items"].clone()
}

#[test]
fn a_backup_taken_while_leads_come_in_is_of_one_moment() {
    let (site, mailbox, folder) = (mailing(), Mailbox::open(), tempfile::tempdir().expect("a folder"));
    let engine = engine(&site, &mailbox);
    engine.advance_to(MONDAY_10);
    for n in 0..60 {
        engine.bring(&format!("msg_{n}"), &hot(n));
    }
    let (over, brought) = (AtomicBool::new(false), AtomicU32::new(60));
    let files: Vec<PathBuf> = (0..4).map(|n| folder.path().join(format!("{n}.backup"))).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let n = brought.fetch_add(1, Ordering::SeqCst);
                engine.bring(&format!("msg_{n}"), &hot(n));
            }
        });
        for file in &files {
            let taken = run(&["backup", path(file)], Some((&engine, &site)));
            assert!(taken.status.success(), "{}", text(&taken));
            assert!(text(&taken).contains("Not in it: secrets"), "{}", text(&taken));
        }
        over.store(true, Ordering::SeqCst);
    });
    // Until everything that is due has been done, including the results of mails. Nothing changes between
    // this and the last backup.
    engine.advance("1m");
    let live = leads(&engine);
    let (live_outbox, live_letters) = (list(&engine, "/v1/outbox"), list(&engine, "/v1/dead-letters"));
    let last = folder.path().join("last.backup");
    assert!(run(&["backup", path(&last)], Some((&engine, &site))).status.success());
    engine.stop();
    for file in &files {
        let mode = std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "others must not read it");
        let (of, _) = restored(&site, file, &[]);
        assert!(!of.data().join("compiled").exists(), "compiled code is made anew");
        let engine = self::engine(&of, &mailbox);
        let found = leads(&engine);
        assert!(found.len() >= 60 && found.len() <= live.len(), "{} leads", found.len());
        for (id, [_, timeline, _]) in &found {
            let (was, is) = (timeline.as_array().expect("a list"), live[id][1].as_array().expect("a list"));
            assert!(!was.is_empty() && is.starts_with(was), "{id}: a story that began so: {timeline:#}");
        }
        engine.stop();
    }
    let (of, _) = restored(&site, &last, &["--hold-outbox"]);
    let engine = self::engine(&of, &mailbox);
    let found = leads(&engine);
    assert_eq!(found.len(), live.len(), "every lead is there");
    for (id, [lead, timeline, tasks]) in &live {
        assert_eq!((&found[id][0], &found[id][1], &found[id][2]), (lead, timeline, tasks), "{id} is as it was");
    }
    assert_eq!(list(&engine, "/v1/dead-letters"), live_letters);
    assert_eq!(list(&engine, "/v1/outbox").as_array().map(Vec::len), live_outbox.as_array().map(Vec::len));
    engine.stop();
}

#[test]
fn what_a_restore_cannot_know_is_said_and_nothing_leaves_before_somebody_has_looked() {
    let (site, mailbox, folder) = (mailing(), Mailbox::open(), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("a.backup");
    let engine = engine(&site, &mailbox);
    engine.advance_to(MONDAY_10);
    engine.client.post("/v1/connections/mailer/pause", &json!({})).expect(200);
    let lead = engine.bring("msg_1", &hot(1));
    engine.advance("1h");
    assert!(run(&["backup", path(&file)], Some((&engine, &site))).status.success());
    // It is sent after the backup, so what is made from the backup does not know of it.
    engine.client.post("/v1/connections/mailer/resume", &json!({})).expect(200);
    engine.advance("1h");
    let mails = |n: u32| -> Vec<Mail> {
        let all = mailbox.mails().into_iter();
        all.filter(|mail| mail.body["to"] == format!("ada{n}@acme{n}.example")).collect()
    };
    let first = eventually("the mail leaves", || mails(1).pop());
    let later = engine.bring("msg_2", &hot(2));
    engine.advance("1h");
    eventually("the mail of the later lead leaves", || mails(2).pop());
    engine.stop();
    let left = mailbox.mails().len();

    let (of, told) = restored(&site, &file, &["--hold-outbox"]);
    // The mail, and the word to whoever was given the lead.
    for expected in ["2 messages waited then", "mailer: 2 messages", "The outbox is held"] {
        assert!(told.contains(expected), "`{expected}` is said: {told}");
    }
    let engine = self::engine(&of, &mailbox);
    engine.advance("2h");
    assert_eq!(mailbox.mails().len(), left, "nothing leaves");
    let rows = list(&engine, "/v1/outbox");
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{rows:#}");
    assert_eq!(engine.client.get(&format!("/v1/leads/{later}")).status, 404, "what came after the backup is not here");
    engine.stop();
    // It is held until somebody releases it, however often the engine is started.
    let engine = self::engine(&of, &mailbox);
    engine.advance("2h");
    assert_eq!(mailbox.mails().len(), left, "nothing leaves");
    engine.client.post("/v1/connections/mailer/resume", &json!({})).expect(200);
    engine.advance("1h");
    let again = eventually("it leaves once more", || mails(1).into_iter().nth(1));
    assert_eq!(again.key, first.key, "under the key that it had: receivers drop the repeat");
    // Another lead, created after the backup: its messages have numbers that were used before.
    let other = engine.bring("msg_2", &hot(2));
    assert_eq!(other.len(), lead.len());
    engine.advance("1h");
    let new = eventually("its mail leaves", || mails(2).into_iter().nth(1));
    let restore = new.key.rsplit_once("-r").map(|(_, number)| number.parse::<u32>());
    assert!(matches!(restore, Some(Ok(_))), "a key of its own: {}", new.key);
    engine.stop();
}

#[test]
fn what_is_not_whole_or_in_the_way_is_refused() {
    let (site, mailbox, folder) = (Site::new(), Mailbox::open(), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("a.backup");
    let engine = engine(&site, &mailbox);
    engine.advance_to(MONDAY_10);
    engine.bring("msg_1", &hot(1));
    assert!(run(&["backup", path(&file)], Some((&engine, &site))).status.success());
    let refused = run(&["backup", path(&file)], Some((&engine, &site)));
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("never replaces"), "{}", text(&refused));
    let missing = folder.path().join("nowhere/a.backup");
    assert_eq!(run(&["backup", path(&missing)], Some((&engine, &site))).status.code(), Some(2));
    let viewer = run(&["token", "create", "--role", "viewer"], Some((&engine, &site)));
    let viewer = String::from_utf8_lossy(&viewer.stdout).trim().to_owned();
    let answer = engine.client.with_token(Some(&viewer)).post("/v1/backup", &json!({}));
    assert_eq!(answer.status, 403, "{}", answer.text);
    engine.stop();
    // A stopped engine: the same from its folder.
    let offline = folder.path().join("offline.backup");
    let taken = run(&["backup", path(&offline), "--data", path(&site.data())], None);
    assert!(taken.status.success(), "{}", text(&taken));

    let bytes = std::fs::read(&file).expect("it is there");
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let newer = {
        let head = br#"{"format":2,"#;
        let at = bytes.windows(head.len()).position(|part| part == head).expect("it says its format");
        let mut newer = bytes.clone();
        newer[at + 10] = b'9';
        newer
    };
    let cases: [(&str, &[u8], &str); 6] = [
        ("cut short", &bytes[..bytes.len() - 10], "damaged"),
        ("cut in the middle", &bytes[..middle], "damaged"),
        ("one bit changed", &changed, "damaged"),
        ("another file", b"PK\x03\x04 and so on, and so on", "no backup"),
        ("an empty file", b"", "no backup"),
        // It was changed, so its check fails before its format is looked at.
        ("another format", &newer, "damaged"),
    ];
    for (what, content, expected) in cases {
        let broken = folder.path().join("broken.backup");
        std::fs::write(&broken, content).expect("it can be written");
        let target = folder.path().join("made");
        let refused = run(&["restore", path(&broken), "--data", path(&target)], None);
        assert_eq!(refused.status.code(), Some(2), "{what}: {}", text(&refused));
        assert!(text(&refused).contains(expected), "{what}: {}", text(&refused));
        assert!(!target.exists(), "{what}: nothing is left that looks like a data folder");
        assert!(!folder.path().join("made.restoring").exists(), "{what}: nor what it was to become");
    }
    let refused = run(&["restore", path(&file), "--data", path(&site.data())], None);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("is not empty"), "{}", text(&refused));
    let secret = std::fs::read(site.data().join("compiled/secret")).expect("the folder has one");
    for backup in [&file, &offline] {
        let bytes = std::fs::read(backup).expect("it is there");
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "the secret of compiled code is not in it");
    }
}
