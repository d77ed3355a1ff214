//! Messages as they come: each file of `corpus/` is read, and `corpus/verdicts.txt` has a line for it.

use super::*;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// The files of a folder with this ending by their names, in order.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("it can be listed").path());
    let mut named: Vec<(String, Vec<u8>)> = files
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("it can be read"))
        })
        .collect();
    named.sort();
    named
}

/// Compares what was read with the table `verdicts.txt` of a folder.
#[track_caller]
pub(crate) fn same_as_table(folder: &str, read: &str) {
    let table = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder).join("verdicts.txt");
    if std::env::var_os("VERDICTS_UPDATE").is_some() {
        fs::write(&table, read).expect("the table can be written");
    }
    let expected = fs::read_to_string(&table).unwrap_or_default();
    let others: Vec<&str> = read.lines().filter(|line| !expected.lines().any(|known| known == *line)).collect();
    let gone: Vec<&str> = expected.lines().filter(|line| !read.lines().any(|now| now == *line)).collect();
    assert!(
        others.is_empty() && gone.is_empty() && !read.is_empty(),
        "read otherwise than {} says. If it is meant so, run again with VERDICTS_UPDATE=1 and look at the \
         difference.\nnow:\n{}\nexpected:\n{}",
        table.display(),
        others.join("\n"),
        gone.join("\n")
    );
}

/// Every message of the corpus.
fn messages() -> Vec<(String, Vec<u8>)> {
    files("corpus", "eml")
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-30T12:00:00Z").expect("a time")
}

/// A message's verdict in one line.
pub(crate) fn line(name: &str, mail: &Mail) -> String {
    let mut line = format!("{name} | {}", mail.verdict.name());
    let mut add = |what: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = write!(line, " | {what} {}", value.escape_debug());
        }
    };
    match &mail.verdict {
        Verdict::Reply { text } => add("says", Some(text)),
        Verdict::AutoReply { until, left, .. } => {
            add("until", until.map(|until| until.to_string()).as_deref());
            add("has", left.then_some("left"));
        }
        Verdict::Bounce(Bounce { recipient, status, diagnostic, .. }) => {
            add("of", recipient.as_deref());
            add("status", status.as_deref());
            add("because", diagnostic.as_deref());
        }
        Verdict::Complaint { recipient } => add("of", recipient.as_deref()),
        Verdict::Meeting { uid, .. } => add("uid", uid.as_deref()),
        Verdict::Unsubscribe => add("of", mail.from.as_deref()),
        Verdict::Other(why) => add("because", Some(why.words())),
    }
    add("about", mail.about.first().map(|id| id.split('@').next().unwrap_or_default()));
    line
}

#[test]
fn every_message_is_what_the_table_says() {
    let read: String = messages().iter().map(|(name, raw)| line(name, &super::read(raw, now())) + "\n").collect();
    same_as_table("corpus", &read);
    assert!(read.lines().count() >= 60, "the corpus is there");
}

/// The longest that one message may take here, in milliseconds, with a debug build on a busy machine. A reader whose
/// time grew with the square of the size would take minutes for the large ones.
const READ_MS_MAX: u128 = 20_000;

/// Reads a message that may be anything. What comes out keeps to the limits.
fn survive(raw: &[u8], what: &str) {
    let began = Instant::now();
    let mail = super::read(raw, now());
    assert!(began.elapsed().as_millis() < READ_MS_MAX, "{what} takes {:?}", began.elapsed());
    let within = |text: &Option<String>, bytes_max: usize| text.as_ref().is_none_or(|text| text.len() <= bytes_max);
    assert!(within(&mail.subject, SUBJECT_BYTES_MAX) && within(&mail.from, ADDRESS_BYTES_MAX), "{what}");
    match &mail.verdict {
        Verdict::Reply { text } | Verdict::AutoReply { text, .. } => {
            assert!(text.len() <= REPLY_BYTES_MAX, "{what} has {} bytes of text", text.len());
            let is_hidden = |c: char| c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202A}'..='\u{202E}');
            assert!(!text.contains(is_hidden), "{what}: {text:?}");
        }
        Verdict::Bounce(bounce) => {
            assert!(within(&bounce.recipient, ADDRESS_BYTES_MAX) && within(&bounce.diagnostic, DIAGNOSTIC_BYTES_MAX));
        }
        _ => {}
    }
    assert!(mail.about.len() <= 3 * IDS_MAX + 110, "{what} is about {} messages", mail.about.len());
}

#[test]
fn every_beginning_of_a_message_is_read() {
    for (name, raw) in messages() {
        for end in 0..raw.len() {
            survive(&raw[..end], &name);
        }
    }
}

#[test]
fn a_message_with_any_bytes_changed_is_read() {
    let mut random = fastrand::Rng::with_seed(7);
    // What decides about structure, beside bytes drawn at random.
    let sharp = [b'\n', b'\r', b':', b';', b'-', b'<', b'>', b'"', b'(', b'&', b'=', b'@', 0, 0xFF, b' ', b'\\'];
    for (name, raw) in messages() {
        for round in 0..60 {
            let mut changed = raw.clone();
            for _ in 0..random.usize(1..20) {
                let at = random.usize(..changed.len());
                let byte = if random.bool() { random.u8(..) } else { sharp[random.usize(..sharp.len())] };
                match random.u8(..3) {
                    0 => changed[at] = byte,
                    1 => changed.insert(at, byte),
                    _ => drop(changed.remove(at)),
                }
            }
            survive(&changed, &format!("{name}, round {round}"));
        }
    }
}

#[test]
fn hostile_messages_end_in_time() {
    let repeat = |before: &str, part: &str, after: &str| {
        let times = MESSAGE_BYTES_MAX / part.len() + 10;
        [before.as_bytes(), part.repeat(times).as_bytes(), after.as_bytes()].concat()
    };
    let deep: String =
        (0..5_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let addresses = |count: u32| (0..count).map(|n| format!("<a{n}@b{n}.example>,\n")).collect::<String>().into_bytes();
    let cases: [(&str, Vec<u8>); 25] = [
        ("nothing", Vec::new()),
        ("zeros", vec![0; MESSAGE_BYTES_MAX]),
        ("parts in parts", deep.into_bytes()),
        ("mails in mails", repeat("", "Content-Type: message/rfc822\n\n", "")),
        ("digests", repeat("Content-Type: multipart/digest; boundary=b\n\n", "--b\n\nFrom: a@b.example\n\n", "")),
        ("parts without end", repeat("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", "")),
        ("one field", repeat("Subject: ", "x", "\n\n")),
        ("many fields", repeat("", "X-A: b\n", "\n\nx")),
        ("folded fields", repeat("Subject: a\n", " b\n", "\n\nx")),
        ("addresses", repeat("From: ", "a@b.example, ", "\n\nx")),
        ("groups", repeat("From: ", "a:(b<", "\n\nx")),
        ("comments", repeat("From: ", "(", "\n\nx")),
        ("encoded words", repeat("Subject: ", "=?utf-8?B?", "\n\nx")),
        ("references", repeat("References: ", "<a@b>", "\n\nx")),
        ("parameters", repeat("Content-Type: text/plain", "; a*0*=b", "\n\nx")),
        ("tags", repeat("Content-Type: text/html\n\n", "<", "")),
        ("heads in HTML", repeat("Content-Type: text/html\n\n", "<head>", "")),
        ("quotations in HTML", repeat("Content-Type: text/html\n\n", "<blockquote>a", "")),
        ("entities", repeat("Content-Type: text/html\n\n", "&a", "")),
        ("empty lines", repeat("A: b\n\n", "\n", "")),
        ("signatures", repeat("A: b\n\n", "--\n", "> a")),
        ("addresses that differ", [b"A: b\n\n".to_vec(), addresses(60_000)].concat()),
        ("lines that may say who wrote", repeat("A: b\n\n", "On 1 @\n", "")),
        ("heads that may be quoted", repeat("A: b\n\n", "From: a\n", "")),
        ("dates", repeat("Auto-Submitted: yes\n\n", "until 1 may 2027 ", "")),
    ];
    for (what, raw) in &cases {
        survive(raw, what);
    }
    let daemon = b"From: mailer-daemon@x.example\n\n";
    for (what, part) in
        [("addresses", "a@b.example "), ("lines", "\n"), ("codes", "5.1.1 "), ("marks", "delivery failed <a@b>:\n")]
    {
        survive(&[daemon.as_slice(), part.repeat(100_000).as_bytes()].concat(), what);
    }
    survive(&[daemon.as_slice(), &addresses(30_000)].concat(), "addresses that differ");
    let failed = b"From: mailer-daemon@x.example\nX-Failed-Recipients: ".to_vec();
    let folded: Vec<u8> = addresses(3_000)
        .into_iter()
        .flat_map(|byte| if byte == b'\n' { vec![b'\n', b' '] } else { vec![byte] })
        .collect();
    survive(&[failed, folded, b"\n\nx".to_vec()].concat(), "addresses that failed");
    let report = b"Content-Type: message/delivery-status\n\n";
    for (what, part) in [("groups", "Action: failed\n\n"), ("fields", "Action: failed\n"), ("folds", "A: b\n c\n d\n")]
    {
        survive(&[report.as_slice(), part.repeat(60_000).as_bytes()].concat(), what);
    }
}
