//! Mails through the real binary and a real server: what arrives, and what becomes of mails that the server refuses,
//! loses, or is taking while the engine is killed.
//!
//! If Python or its packages are missing, the tests are reported as ignored, with the reason.

use cadenza_tests::{Engine, Site, SmtpServer, cadenza, eventually, python};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

const FLOW: &str = r#"workflow: mails
summary: Three mails, of which two are a cadence's.
enroll: [{ when: lead.created }]
steps:
  - { id: hello, email: scripts/hello.md }
  - id: persist
    cadence:
      limit: { contacts: 2, count: [email] }
      touches:
        - { after: 1h, email: scripts/first.md }
        - { after: 1h, email: scripts/second.md }
      exhausted: end
"#;

const HELLO: &str = "---\nobjective: Say hello\nreviewed_by: Ana\n\
    subject: \"Grüße an {{ lead.company | default('you') }}\"\n---\n\
    Hello {{ lead.first_name | default('there') }},\nread [our **prices**](https://acme.example/prices).\n\n\
    <script>alert(1)</script>\n";

type Check = fn(&Path);

const CHECKS: [(&str, Check); 11] = [
    ("a_mail_arrives_as_it_was_meant", a_mail_arrives_as_it_was_meant),
    ("every_way_to_a_server_is_gone", every_way_to_a_server_is_gone),
    ("what_the_server_answers_decides", what_the_server_answers_decides),
    ("a_mail_that_may_have_arrived_is_a_persons_to_decide", a_mail_that_may_have_arrived_is_a_persons_to_decide),
    ("a_mail_is_handed_over_once_across_a_kill", a_mail_is_handed_over_once_across_a_kill),
    ("a_connection_that_the_server_closed_is_opened_again", a_connection_that_the_server_closed_is_opened_again),
    ("captured_mails_are_files", captured_mails_are_files),
    ("no_more_leaves_than_the_connection_may", no_more_leaves_than_the_connection_may),
    ("reps_are_told_by_mail", reps_are_told_by_mail),
    ("a_lead_unsubscribes_by_its_link", a_lead_unsubscribes_by_its_link),
    ("mails_are_seen_and_connections_tried_beforehand", mails_are_seen_and_connections_tried_beforehand),
];

fn main() -> ExitCode {
    let python = python();
    if let Err(why) = &python {
        eprintln!("SKIPPED: no mail server can be started: {why}");
    }
    let trials = CHECKS.map(|(name, check)| {
        let python = python.clone();
        let ignored = python.is_err();
        let run = move || {
            check(&python.expect("without it the test is ignored"));
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// The keys of a connection to a server.
fn smtp(server: &SmtpServer, tls: &str) -> String {
    let login = if tls == "none" { "" } else { ", user: cadenza, password: { env: SMTP_PASSWORD }" };
    format!("smtp: {{ host: localhost, port: {}, tls: {tls}{login} }}", server.port)
}

/// A workspace whose mails leave by a connection with these keys.
fn site(keys: &str) -> Site {
    let site = Site::empty();
    let contact = "contact: { email_via: post, notify_via: post }";
    site.write("cadenza.yaml", &format!("name: Acme\ntimezone: UTC\n{contact}\n"));
    site.write(
        "team.yaml",
        "reps: { ana: { name: Ana Müller, email: ana@acme.example, signature: \"**Ana Müller**, Acme\" } }\n",
    );
    let patience = "timeout: 10s, attempts: 4, backoff: 1s, backoff_max: 1s";
    let from = "from: [owner, { address: \"Acme Sales <sales@acme.example>\" }]";
    let from = if keys.contains("from:") { String::new() } else { format!(", {from}") };
    site.write("connections.yaml", &format!("connections:\n  post: {{ {keys}{from}, {patience} }}\n"));
    site.write("mails.yaml", FLOW);
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    site.write("scripts/hello.md", HELLO);
    for name in ["first", "second"] {
        let script = format!("---\nobjective: Ask\nreviewed_by: Ana\nsubject: The {name}\n---\nThis is the {name}.\n");
        site.write(&format!("scripts/{name}.md"), &script);
    }
    site
}

fn start(site: &Site, clock: &str, server: Option<&SmtpServer>) -> Engine {
    let mut command = Engine::command(site, clock);
    command.envs(site.environment(None)).env("SMTP_PASSWORD", "s3cret pass");
    if let Some(server) = server {
        command.env("SSL_CERT_FILE", server.file("authority.pem"));
    }
    Engine::launch(command, &site.admin).unwrap_or_else(|log| panic!("the engine does not start:\n{log}"))
}

fn bring(engine: &Engine, name: &str, more: &Value) -> String {
    let mut lead = json!({ "email": format!("{name}@example.com"), "first_name": name });
    for (key, value) in more.as_object().into_iter().flatten() {
        lead[key] = value.clone();
    }
    let event = json!({ "type": "lead.created", "id": name, "lead": lead });
    let taken = engine.client.post("/v1/events", &event).expect(202).json;
    taken["lead"].as_str().expect("a lead").to_owned()
}

fn story(engine: &Engine, lead: &str) -> String {
    engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=500")).expect(200).text
}

#[track_caller]
fn tells(engine: &Engine, lead: &str, what: &str) {
    eventually(&format!("`{what}` in {}", story(engine, lead)), || story(engine, lead).contains(what).then_some(()));
}

/// Waits until the engine knows that so many mails were taken.
#[track_caller]
fn handed_over(engine: &Engine, lead: &str, count: usize) {
    let many = || story(engine, lead).matches("was handed over").count() >= count;
    eventually(&format!("{count} mails handed over: {}", story(engine, lead)), || many().then_some(()));
}

fn letters(engine: &Engine) -> Vec<Value> {
    let page = engine.client.get("/v1/dead-letters").expect(200).json;
    page["items"].as_array().cloned().unwrap_or_default()
}

/// The one value of a header.
#[track_caller]
fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let values = mail["headers"][name].as_array().map(Vec::as_slice).unwrap_or_default();
    let [value] = values else { panic!("`{name}` is there {} times: {mail:#}", values.len()) };
    value.as_str().expect("a header is text")
}

fn ids(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| header(mail, "message-id")).collect()
}

fn a_mail_arrives_as_it_was_meant(python: &Path) {
    let server = SmtpServer::open(python, "starttls");
    let key = server.file("rsa.pem").display().to_string();
    let site = site(&format!(
        "{}, reply_to: answers@acme.example, postal_address: \"Acme & Co, 1 Main Street\", \
         dkim: {{ domain: acme.example, selector: r1, key: {{ file: {key} }} }}",
        smtp(&server, "starttls")
    ));
    let engine = start(&site, "virtual", Some(&server));
    let evil = "Acme\r\nBcc: all@example.com";
    let lead = bring(&engine, "ada", &json!({ "company": evil, "owner": "ana" }));
    let mails = server.wait_for(1);
    let mail = &mails[0];
    assert_eq!((mail["user"].as_str(), mail["encrypted"].as_bool()), (Some("cadenza"), Some(true)), "{mail:#}");
    assert_eq!((mail["sender"].as_str(), &mail["to"]), (Some("ana@acme.example"), &json!(["ada@example.com"])));
    assert_eq!(mail["defects"], json!([]), "{mail:#}");
    assert_eq!(mail["dkim"], true, "the signature holds: {mail:#}");
    for (name, value) in [
        ("from", "Ana Müller <ana@acme.example"),
        ("to", "ada@example.com"),
        ("reply-to", "answers@acme.example"),
        ("subject", "Grüße an Acme Bcc: all@example.com"),
    ] {
        assert_eq!(header(mail, name).trim_matches(['<', '>']), value, "{mail:#}");
    }
    for absent in ["bcc", "auto-submitted", "in-reply-to", "references", "list-unsubscribe"] {
        assert!(mail["headers"][absent].is_null(), "{absent}: {mail:#}");
    }
    let text = "Hello ada,\nread our prices <https://acme.example/prices>.\n\n<script>alert(1)</script>\n\n-- \n\
                Ana Müller, Acme\n\nAcme & Co, 1 Main Street\n";
    assert_eq!(mail["text"], text, "{mail:#}");
    let html = mail["html"].as_str().unwrap_or_default();
    let shown = ["<strong>prices</strong>", "<strong>Ana Müller</strong>", "&lt;script&gt;", "Acme &amp; Co"];
    assert!(shown.iter().all(|part| html.contains(part)) && !html.contains("<script"), "{html}");
    assert!(header(mail, "message-id").ends_with("@acme.example>"), "{mail:#}");
    handed_over(&engine, &lead, 1);

    // The mails of the cadence are a thread of their own.
    engine.advance("1h");
    handed_over(&engine, &lead, 2);
    engine.advance("1h");
    let mails = server.wait_for(3);
    let [_, first, second] = &mails[..] else { panic!("{} mails", mails.len()) };
    assert!(first["headers"]["references"].is_null(), "{first:#}");
    for name in ["references", "in-reply-to"] {
        assert_eq!(header(second, name), header(first, "message-id"), "{second:#}");
    }
    assert_eq!(second["dkim"], true);
    engine.stop();
}

/// Each way to encrypt, and each kind of key. Nothing is sent to a server for which nobody vouches.
fn every_way_to_a_server_is_gone(python: &Path) {
    for (tls, selector, key) in
        [("implicit", "e1", "ed25519.pem"), ("none", "r1", "rsa-pkcs1.pem"), ("starttls", "e1", "ed25519.pem")]
    {
        let server = SmtpServer::open(python, tls);
        let key = server.file(key).display().to_string();
        let dkim = format!("dkim: {{ domain: acme.example, selector: {selector}, key: {{ file: {key} }} }}");
        let site = site(&format!("{}, {dkim}", smtp(&server, tls)));
        let engine = start(&site, "real", Some(&server));
        bring(&engine, "ada", &json!({}));
        let mails = server.wait_for(1);
        assert_eq!(mails[0]["encrypted"], tls != "none", "{tls}");
        assert_eq!(mails[0]["dkim"], true, "{tls}, {selector}: {:#}", mails[0]);
        engine.stop();
        if tls != "none" {
            let engine = start(&site, "real", None);
            let lead = bring(&engine, "bob", &json!({}));
            tells(&engine, &lead, "was given up");
            let cause = letters(&engine)[0]["cause"].as_str().unwrap_or_default().to_owned();
            assert!(cause.contains("no connection to the mail server"), "{tls}: {cause}");
            assert_eq!(server.mails().len(), 1, "{tls}");
            engine.stop();
        }
    }
}

fn what_the_server_answers_decides(python: &Path) {
    let mut server = SmtpServer::open(python, "starttls");
    let site = site(&smtp(&server, "starttls"));
    let engine = start(&site, "real", Some(&server));
    server.order("451 take");
    let lead = bring(&engine, "ada", &json!({}));
    let mails = server.wait_for(2);
    tells(&engine, &lead, "was handed over");
    assert_eq!(ids(&mails)[0], ids(&mails)[1], "one mail is sent again under one id");

    for (order, handed_over) in [("550", 1), ("rcpt-550", 0)] {
        let before = server.mails().len();
        server.order(order);
        let lead = bring(&engine, &format!("x{order}"), &json!({}));
        tells(&engine, &lead, "was given up");
        let letter = &letters(&engine)[0];
        assert!(letter["cause"].as_str().is_some_and(|cause| cause.contains("550")), "{order}: {letter:#}");
        assert_eq!(server.mails().len() - before, handed_over, "{order}: what is refused for good is tried once");
    }
    assert_eq!(server.refused(), 1);
    engine.stop();

    // A password that is not there is told before anything is sent; a wrong one stops nothing for good.
    let mut command = Engine::command(&site, "real");
    command.envs(site.environment(None)).env("SSL_CERT_FILE", server.file("authority.pem"));
    let engine = Engine::launch(command, &site.admin).unwrap_or_else(|log| panic!("{log}"));
    assert!(engine.log().contains("SMTP_PASSWORD"), "{}", engine.log());
    engine.stop();
}

fn a_mail_that_may_have_arrived_is_a_persons_to_decide(python: &Path) {
    let mut server = SmtpServer::open(python, "starttls");
    let asking = site(&smtp(&server, "starttls"));
    let engine = start(&asking, "real", Some(&server));
    server.order("lose");
    let lead = bring(&engine, "ada", &json!({}));
    tells(&engine, &lead, "may have arrived or not");
    let letter = letters(&engine).remove(0);
    let cause = letter["cause"].as_str().unwrap_or_default();
    assert!(cause.contains("the server may have taken it"), "{cause}");
    assert_eq!(server.mails().len(), 1, "it is not sent again by itself");
    let id = letter["id"].as_str().expect("a dead letter has an id");
    engine.client.post(&format!("/v1/dead-letters/{id}/redrive"), &json!({})).expect(200);
    let mails = server.wait_for(2);
    assert_eq!(ids(&mails)[0], ids(&mails)[1], "redriven, it is the same mail");
    tells(&engine, &lead, "was handed over");
    engine.stop();

    let repeating = site(&format!("{}, unsure: repeat", smtp(&server, "starttls")));
    let engine = start(&repeating, "real", Some(&server));
    server.order("lose");
    let lead = bring(&engine, "bob", &json!({}));
    let mails = server.wait_for(4);
    tells(&engine, &lead, "was handed over");
    assert_eq!(ids(&mails)[2], ids(&mails)[3], "it is the same mail");
    assert_eq!(letters(&engine), Vec::<Value>::new());
    engine.stop();
}

fn a_mail_is_handed_over_once_across_a_kill(python: &Path) {
    for (unsure, handed_over) in [("ask", 1), ("repeat", 2)] {
        let mut server = SmtpServer::open(python, "starttls");
        let site = site(&format!("{}, unsure: {unsure}", smtp(&server, "starttls")));
        let engine = start(&site, "real", Some(&server));
        server.order("stall");
        let lead = bring(&engine, "ada", &json!({}));
        server.wait_for(1);
        engine.kill();
        let engine = start(&site, "real", Some(&server));
        let ending = if unsure == "ask" { "may have arrived or not" } else { "was handed over" };
        tells(&engine, &lead, ending);
        let mails = server.mails();
        assert_eq!(mails.len(), handed_over, "{unsure}");
        assert!(ids(&mails).iter().all(|id| *id == ids(&mails)[0]), "{unsure}: one mail has one id");
        engine.stop();
    }
}

fn a_connection_that_the_server_closed_is_opened_again(python: &Path) {
    let mut server = SmtpServer::open(python, "starttls");
    let site = site(&format!("{}, limits: {{ per_connection: 3 }}", smtp(&server, "starttls")));
    let engine = start(&site, "real", Some(&server));
    let send = |name: &str| {
        let lead = bring(&engine, name, &json!({}));
        tells(&engine, &lead, "was handed over");
    };
    server.order("take close");
    send("a");
    send("b");
    eventually("the server hangs up", || (server.closed() > 0).then_some(()));
    for name in ["c", "d", "e", "f"] {
        send(name);
    }
    let sessions: Vec<_> = server.mails().iter().map(|mail| mail["session"].as_u64()).collect();
    let [a, b, c, d, e, f] = sessions[..] else { panic!("{sessions:?}") };
    assert!(a == b && b != c && c == d && d == e && e != f, "three mails, or as many as the server lets: {sessions:?}");
    let status = engine.client.get("/v1/status").expect(200).json;
    assert_eq!(status["sendings"]["failed_attempts"], 0, "nobody notices: {status:#}");
    engine.stop();
}

fn captured_mails_are_files(python: &Path) {
    let server = SmtpServer::open(python, "none");
    let site = site(&format!("{}, capture: mails/", smtp(&server, "none")));
    let engine = start(&site, "real", None);
    let lead = bring(&engine, "ada", &json!({}));
    tells(&engine, &lead, "was handed over");
    let files: Vec<_> = std::fs::read_dir(site.data().join("mails")).expect("the folder is there").flatten().collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.path().extension().is_some_and(|extension| extension == "eml"), "{file:?}");
    let read = "import email, email.policy, sys\n\
                m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)\n\
                print(m['subject'], m['message-id'])";
    let output = std::process::Command::new(python).args(["-c", read]).arg(file.path()).output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let name = file.path().file_stem().expect("a name").to_string_lossy().into_owned();
    assert!(said.contains("Grüße an you") && said.contains(&format!("<{name}@acme.example>")), "{said}");
    assert_eq!(server.mails().len(), 0, "nothing is sent");
    engine.stop();
}

fn no_more_leaves_than_the_connection_may(python: &Path) {
    let server = SmtpServer::open(python, "none");
    let site = site(&format!("{}, limits: {{ per_hour: 2 }}", smtp(&server, "none")));
    site.edit("mails.yaml", |text| text.split("  - id: persist").next().unwrap_or_default().to_owned());
    let engine = start(&site, "virtual", None);
    for name in ["a", "b", "c", "d"] {
        bring(&engine, name, &json!({}));
    }
    server.wait_for(1);
    for (by, arrived) in [("29m", 1), ("1m", 2), ("29m", 2), ("1m", 3), ("30m", 4), ("3h", 4)] {
        engine.advance(by);
        assert_eq!(server.wait_for(arrived).len(), arrived, "after {by} more");
    }
    engine.stop();
}

fn reps_are_told_by_mail(python: &Path) {
    let server = SmtpServer::open(python, "none");
    let site = site(&smtp(&server, "none"));
    site.write(
        "mails.yaml",
        "workflow: mails\nsummary: Tells the rep.\nenroll: [{ when: lead.created }]\nsteps:\n  - { id: own, assign: { rep: ana } }\n  \
         - notify: { to: owner, text: \"{{ lead.first_name }} writes\\nfrom Rome\" }\n  - end: told\n",
    );
    let engine = start(&site, "real", None);
    bring(&engine, "ada", &json!({}));
    let mails = server.wait_for(2);
    let told = |subject: &str| {
        let found = mails.iter().find(|mail| header(mail, "subject") == subject);
        found.unwrap_or_else(|| panic!("`{subject}` is not among {mails:#?}"))
    };
    for (subject, text) in
        [("A lead is yours now", "You own the lead"), ("ada writes from Rome", "ada writes\nfrom Rome")]
    {
        let mail = told(subject);
        assert!(mail["text"].as_str().is_some_and(|own| own.contains(text)), "{mail:#}");
        assert_eq!(header(mail, "to"), "Ana Müller <ana@acme.example>");
        assert_eq!(header(mail, "from"), "Acme Sales <sales@acme.example>");
        assert_eq!(header(mail, "auto-submitted"), "auto-generated");
    }
    engine.stop();
}

/// What a command says to an engine, and whether its answer is yes.
fn says(engine: &Engine, site: &Site, arguments: &[&str]) -> (bool, String) {
    let mut command = cadenza(arguments);
    let output = command.env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin).output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.code().is_some_and(|code| code < 2), "{arguments:?}: {said}");
    (output.status.success(), said)
}

fn mails_are_seen_and_connections_tried_beforehand(python: &Path) {
    let server = SmtpServer::open(python, "starttls");
    let site = site(&smtp(&server, "starttls"));
    let engine = start(&site, "real", Some(&server));
    let (works, said) = says(&engine, &site, &["connection", "test", "post"]);
    assert!(works && said.contains(&format!("localhost:{} is ready", server.port)), "{said}");
    assert_eq!(server.mails().len(), 0, "nothing is sent");
    let (works, said) = says(&engine, &site, &["connection", "test", "post", "--to", "me@example.com"]);
    assert!(works && said.contains("took a mail to me@example.com"), "{said}");
    let trial = &server.wait_for(1)[0];
    assert_eq!((&trial["to"], header(trial, "auto-submitted")), (&json!(["me@example.com"]), "auto-generated"));

    let lead = bring(&engine, "ada", &json!({ "owner": "ana" }));
    server.wait_for(2);
    tells(&engine, &lead, "was handed over");
    let preview = |script: &str| says(&engine, &site, &["preview", script, "--lead", &lead]);
    let (leaves, said) = preview("scripts/second.md");
    let parts = ["Subject: The second", "This is the second.", "ana@acme.example", "lacks a signature by DKIM"];
    assert!(leaves && parts.iter().all(|part| said.contains(part)), "{said}");
    assert!(said.contains("lacks a postal address") && !said.contains("tried it"), "{said}");
    engine.client.post(&format!("/v1/leads/{lead}/opt-out"), &json!({})).expect(200);
    let (leaves, said) = preview("scripts/second.md");
    assert!(!leaves && said.contains("would be held back"), "{said}");
    assert_eq!(server.mails().len(), 2, "nothing is sent");
    engine.stop();

    // Nobody vouches for the server here.
    let engine = start(&site, "real", None);
    let (works, said) = says(&engine, &site, &["connection", "test", "post"]);
    assert!(!works && said.contains("no connection to the mail server"), "{said}");
    engine.stop();
}

/// Posts a form to an address of the engine as a mail program or a browser does: without a token.
fn post_form(engine: &Engine, path: &str, form: &str) -> (u16, String) {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = engine.client.with_token(None).send("POST", path, &headers, form.as_bytes());
    let answer = answer.expect("the engine answers");
    (answer.status, answer.text)
}

fn a_lead_unsubscribes_by_its_link(python: &Path) {
    let server = SmtpServer::open(python, "starttls");
    let key = server.file("rsa.pem").display().to_string();
    let dkim = format!("dkim: {{ domain: acme.example, selector: r1, key: {{ file: {key} }} }}");
    let site = site(&format!("{}, {dkim}", smtp(&server, "starttls")));
    let links = |secrets: &str| {
        format!(
            "name: Acme\ntimezone: UTC\ncontact: {{ email_via: post }}\n\
             links: {{ url: \"https://go.acme.example/\", secrets: [{secrets}] }}\n"
        )
    };
    for name in ["old", "new"] {
        site.write(&format!("{name}.key"), &format!("{name} secret of links"));
    }
    site.write("cadenza.yaml", &links("{ file: old.key }"));
    let engine = start(&site, "real", Some(&server));
    let lead = bring(&engine, "ada", &json!({}));
    let mail = &server.wait_for(1)[0];
    tells(&engine, &lead, "was handed over");
    assert_eq!(mail["dkim"], true, "{mail:#}");
    let signed = header(mail, "dkim-signature").replace(['\t', ' ', '\r', '\n'], "");
    assert!(signed.contains(":list-unsubscribe:list-unsubscribe-post"), "{signed}");
    assert_eq!(header(mail, "list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    let url = header(mail, "list-unsubscribe").trim_matches(['<', '>']);
    assert!(mail["text"].as_str().is_some_and(|text| text.contains(url)), "{mail:#}");
    let path = url.strip_prefix("https://go.acme.example").expect("it leads to the engine").to_owned();
    engine.stop();

    // The secret is replaced; links that have left stay valid.
    site.write("cadenza.yaml", &links("{ file: new.key }, { file: old.key }"));
    let engine = start(&site, "real", Some(&server));
    let refused = |lead: &str| engine.lead(lead)["consent"]["refused"].clone();
    let page = engine.client.with_token(None).get(&path).expect(200);
    assert!(page.text.contains("No more mails") && !page.text.contains("ada@"), "{}", page.text);
    assert_eq!(refused(&lead), json!([]), "whoever only looks changes nothing");
    for _ in 0..2 {
        let (status, said) = post_form(&engine, &path, "List-Unsubscribe=One-Click");
        assert_eq!(status, 200, "{said}");
        assert_eq!(refused(&lead), json!(["email"]));
    }
    tells(&engine, &lead, "the link in a mail");
    let (status, _) = post_form(&engine, &path, "choice=channels&refused=call&refused=message");
    assert_eq!((status, refused(&lead)), (200, json!(["call", "message"])));
    let (status, _) = post_form(&engine, &path, "choice=nothing");
    assert_eq!((status, engine.lead(&lead)["consent"]["opted_out"].is_null()), (200, false));
    let before = engine.lead(&lead)["consent"]["refused"].clone();
    assert_eq!(post_form(&engine, &path, "choice=channels&refused=emial").0, 400, "a form that cannot be read");
    assert_eq!(engine.lead(&lead)["consent"]["refused"], before, "it changes nothing");
    for forged in ["/u/x", "/u/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &path[..path.len() - 1]] {
        assert_eq!(post_form(&engine, forged, "List-Unsubscribe=One-Click").0, 404, "{forged}");
        assert_eq!(engine.client.with_token(None).get(forged).status, 404, "{forged}");
    }
    engine.stop();
}
