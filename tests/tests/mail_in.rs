//! What comes back by mail, through `cadenza mail-in`: a reply moves the run of the mail that it answers, an
//! out-of-office message pauses it, a bounce binds the address, and what concerns nobody is said to.

use cadenza_tests::project::Said;
use cadenza_tests::{Engine, Mailbox, Site, cadenza, eventually};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

const MONDAY_10: &str = "2026-11-30T15:00:00Z";

const FLOW: &str = r"workflow: letters
summary: Mails that are answered, or not.
enroll: [{ when: lead.created }]
interrupts:
  - { event: email.auto_replied, pause: { until: event.until, else: 3 business days } }
  - { event: email.replied, during: [write], go: answer }
steps:
  - id: own
    assign: { pool: closers, by: longest_idle, fallback: sales-desk }
  - id: write
    cadence:
      touches:
        - { id: first, after: 0d, email: scripts/letter.md }
        - { id: second, after: 1 business day, email: scripts/letter.md }
        - { id: third, after: 1 business day, email: scripts/letter.md }
        - { id: last, after: 90d, call: scripts/call-2.md, give_up: 1d }
      exhausted: silent
      not_done: silent
  - id: answer
    task: Answer {{ lead.first_name }}
    give_up: 3 business days
    results: { not_done: silent, else: silent }
  - { id: silent, end: silent }
";

fn start(site: &Site, mailbox: &Mailbox) -> Engine {
    site.write("letters.yaml", FLOW);
    let letter = "---\nobjective: Say hello\nsubject: Hello {{ lead.first_name | default(\"you\") }}\n\
        reviewed_by: Ana\n---\nHello.\n";
    site.write("scripts/letter.md", letter);
    site.edit("inbound.yaml", |text| text.replace("when: lead.created", "when: custom.never"));
    let engine = Engine::start(site, "virtual", Some(&mailbox.url));
    engine.advance_to(MONDAY_10);
    engine
}

fn bring(engine: &Engine, name: &str) -> String {
    let lead = json!({ "id": name, "email": format!("{name}@acme.example"), "first_name": name, "company": "Acme" });
    engine.bring(&format!("msg_{name}"), &lead)
}

/// The ids of the mails that have left for an address, the latest last.
fn ids(mailbox: &Mailbox, to: &str) -> Vec<String> {
    let mails = mailbox.of_type("email").into_iter();
    mails.filter(|mail| mail.body.to_string().contains(to)).map(|mail| format!("<{}@us.example>", mail.key)).collect()
}

/// Pipes a message into the command.
fn pipe(engine: &Engine, site: &Site, message: &str) -> Said {
    let mut command = cadenza(&["mail-in", "--url", &engine.url, "--token", &site.admin]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("cadenza runs");
    child.stdin.take().expect("a pipe").write_all(message.as_bytes()).expect("it reads everything");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), errors: text(&output.stderr) }
}

fn open(engine: &Engine, lead: &str) -> Vec<Value> {
    engine.tasks_of(lead)
}

#[test]
fn a_reply_moves_the_run_and_is_shown() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = start(&site, &mailbox);
    let lead = bring(&engine, "ada");
    let id = eventually("the mail leaves", || ids(&mailbox, "ada@acme.example").pop());
    // A colleague answers, from an address that no lead has: the mail of ours leads to the lead.
    let reply = format!(
        "From: Charles <charles@acme.example>\nTo: bo@us.example\nSubject: Re: Hello ada\n\
         Message-ID: <r1@acme.example>\nIn-Reply-To: {id}\n\nYes, please call on Thursday.\nIt {{{{ 7 * 7 }}}} works.\n\n\
         On 30.11.26 10:00, Bo wrote:\n> Hello.\n"
    );
    pipe(&engine, &site, &reply).expect(0, &["reply: email.replied", &lead, "the message of ours"]);
    eventually("the run has come to its answer", || {
        open(&engine, &lead)
            .into_iter()
            .find(|task| task["why"]["workflow"] == "letters" && task["objective"] == "Answer ada")
    });
    pipe(&engine, &site, &reply).expect(0, &["it was here before"]);
    Said::of(cadenza(&["why", &lead, "--url", &engine.url, "--token", &site.admin])).expect(
        0,
        &["email.replied came in from mail: Re: Hello ada", "Yes, please call on Thursday. It {{ 7 * 7 }} works."],
    );
    engine.stop();
}

#[test]
fn out_of_office_pauses_until_then() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = start(&site, &mailbox);
    let lead = bring(&engine, "ada");
    let id = eventually("the mail leaves", || ids(&mailbox, "ada@acme.example").pop());
    let away = format!(
        "From: ada@acme.example\nTo: bo@us.example\nSubject: Automatic reply: Hello ada\n\
         Message-ID: <a1@acme.example>\nDate: Mon, 30 Nov 2026 15:00:00 +0000\nAuto-Submitted: auto-replied\nIn-Reply-To: {id}\n\n\
         I am out of the office and will be back on December 14.\n"
    );
    pipe(&engine, &site, &away).expect(0, &["automatic reply: email.auto_replied", &lead]);
    engine.advance_to("2026-12-13T23:00:00Z");
    assert_eq!(ids(&mailbox, "ada@acme.example").len(), 1, "no mail while they are away");
    engine.advance_to("2026-12-17T23:00:00Z");
    eventually("the next one leaves", || (ids(&mailbox, "ada@acme.example").len() >= 2).then_some(()));
    engine.stop();
}

#[test]
fn bounces_bind_the_address() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = start(&site, &mailbox);
    let bounce = |n: u32, name: &str, id: &str, status: &str| {
        format!(
            "From: MAILER-DAEMON@mx.us.example\nTo: bounce@us.example\nSubject: Undelivered Mail Returned to Sender\n\
             Auto-Submitted: auto-replied\nMessage-ID: <b{n}-{name}@mx.us.example>\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nFailed.\n--b\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.us.example\n\n\
             Final-Recipient: rfc822; {name}@acme.example\nAction: failed\nStatus: {status}\n--b\n\
             Content-Type: text/rfc822-headers\n\nMessage-ID: {id}\nTo: {name}@acme.example\n--b--\n"
        )
    };
    let ada = bring(&engine, "ada");
    let id = eventually("the mail leaves", || ids(&mailbox, "ada@acme.example").pop());
    pipe(&engine, &site, &bounce(1, "ada", &id, "5.1.1")).expect(0, &["hard bounce: email.bounced", &ada]);
    let eve = bring(&engine, "eve");
    let id = eventually("the mail leaves", || ids(&mailbox, "eve@acme.example").pop());
    pipe(&engine, &site, &bounce(1, "eve", &id, "5.2.2")).expect(0, &["soft bounce: email.bounced", &eve]);
    engine.advance("72h");
    assert_eq!(ids(&mailbox, "ada@acme.example").len(), 1, "no mail to an address that reaches nobody");
    let sent = ids(&mailbox, "eve@acme.example").len();
    assert!(sent >= 2, "a full mailbox is tried again: {sent}");
    let story = |lead: &str| engine.client.get(&format!("/v1/leads/{lead}/timeline?limit=200")).expect(200).text;
    assert!(story(&ada).contains("from mail: hard"), "{}", story(&ada));
    for n in 2..=3 {
        pipe(&engine, &site, &bounce(n, "eve", &id, "5.2.2")).expect(0, &["soft bounce"]);
    }
    let unreachable = |lead: &str| engine.lead(lead).to_string();
    assert!(unreachable(&eve).contains("bounced"), "the third soft bounce counts: {}", unreachable(&eve));
    engine.stop();
}

#[test]
fn what_concerns_nobody_is_said_and_changes_nothing() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = start(&site, &mailbox);
    let ada = bring(&engine, "ada");
    let mail = |head: &str| format!("{head}\nMessage-ID: <n@x.example>\nSubject: Hello\n\nHello.\n");
    for (message, code, says) in [
        (mail("From: stranger@other.example"), 1, "no lead has the address stranger@other.example"),
        // An id of ours that was made up leads to nobody; the address does.
        (
            mail("From: s@other.example\nIn-Reply-To: <fx_01ARZ3NDEKTSV4RRFFQ69G5FAV@us.example>"),
            1,
            "no lead has the address",
        ),
        (
            mail("From: ada@acme.example\nIn-Reply-To: <fx_01ARZ3NDEKTSV4RRFFQ69G5FAV@us.example>"),
            0,
            "found by the address",
        ),
        (mail("From: Ana <ana@northwind.example>"), 1, "it is about Ana Castillo of the team"),
        (mail("From: news@other.example\nList-Id: <news.other.example>"), 1, "a newsletter"),
        ("no mail at all".to_owned(), 1, "this is no mail"),
        (String::new(), 1, "this is no mail"),
        ("null".to_owned(), 1, "this is no mail"),
        ("{\"From\": \"ada@acme.example\"}".to_owned(), 1, "this is no mail"),
    ] {
        pipe(&engine, &site, &message).expect(code, &[says]);
    }
    let unsubscribe = "From: Ada <ada@acme.example>\nTo: unsubscribe@us.example\nMessage-ID: <u@acme.example>\n\n\n";
    pipe(&engine, &site, unsubscribe).expect(0, &["unsubscribe: lead.updated", &ada]);
    let lead = engine.lead(&ada);
    assert!(lead.to_string().contains("\"email\""), "{lead:#}");
    let sent = ids(&mailbox, "ada@acme.example").len();
    engine.advance("72h");
    assert_eq!(ids(&mailbox, "ada@acme.example").len(), sent, "no mail to who unsubscribed");
    let leads = engine.client.get("/v1/leads?limit=100").expect(200).json;
    assert_eq!(leads["items"].as_array().map(Vec::len), Some(1), "strangers who write become no leads: {leads:#}");
    engine.stop();
}

/// Webhooks of mail providers, with what their documentation shows (`engine/mail/vendors`).
#[test]
fn providers_tell_what_came_back() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let formats = ["mail", "postmark", "sendgrid", "mailgun", "ses"];
    let sources: String = formats
        .iter()
        .map(|format| {
            format!(
                "  {format}:\n    format: {format}\n    signature: {{ token: query, name: token }}\n    \
                 secret: {{ env: CADENZA_WEBSITE_SECRET }}\n"
            )
        })
        .collect();
    site.edit("sources.yaml", |text| text + &sources);
    let engine = start(&site, &mailbox);
    let ada = bring(&engine, "ada");
    let id = eventually("the mail leaves", || ids(&mailbox, "ada@acme.example").pop());
    let key = id.trim_start_matches('<').split('@').next().expect("an id").to_owned();
    let post = |format: &str, content_type: &str, body: &str| {
        let path = format!("/hooks/{format}?token={}", cadenza_tests::secret());
        engine.client.send("POST", &path, &[("content-type", content_type)], body.as_bytes()).expect("it answers")
    };
    let example = |name: &str| {
        let path = format!("{}/../engine/mail/vendors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the example is there");
        text.replace("fx_01KB1Y2Z3A4B5C6D7E8F9G0H1J", &key)
    };
    for (format, content_type, body, status, kind) in [
        ("postmark", "application/json", example("postmark-opened"), 200, Value::Null),
        ("postmark", "application/json", example("postmark-inbound"), 202, json!("email.replied")),
        ("mailgun", "application/json", example("mailgun-permanent-full"), 202, json!("email.bounced")),
        ("ses", "text/plain; charset=UTF-8", example("ses-bounce-transient"), 202, json!("email.bounced")),
        (
            "mailgun",
            "application/x-www-form-urlencoded",
            "sender=ada%40acme.example&subject=Re%3A+Hello&body-plain=Yes&Message-Id=%3Cf1%40x%3E".to_owned(),
            202,
            json!("email.replied"),
        ),
        (
            "mail",
            "message/rfc822",
            "From: ada@acme.example\nSubject: Re: Hello\n\nYes.\n".to_owned(),
            202,
            json!("email.replied"),
        ),
        ("mail", "message/rfc822", "From: nobody@other.example\n\nYes.\n".to_owned(), 200, Value::Null),
        ("sendgrid", "application/json", example("sendgrid-batch"), 202, Value::Null),
    ] {
        let answer = post(format, content_type, &body).expect(status);
        let first = &answer.json["results"][0];
        assert_eq!(first["type"], kind, "{format}: {}", answer.text);
        if kind != Value::Null {
            assert_eq!(first["lead"], ada.as_str(), "{format}: {}", answer.text);
        }
        let again = post(format, content_type, &body).expect(status);
        assert!(kind == Value::Null || again.json["results"][0]["duplicate"] == true, "{format}: {}", again.text);
    }
    let lead = engine.lead(&ada).to_string();
    assert!(lead.contains("bounced"), "SendGrid told of a hard bounce: {lead}");
    // What cannot be used is kept for a person, and nothing is opened.
    let confirm = post("ses", "text/plain", &example("ses-confirmation")).expect(422);
    assert!(confirm.text.contains("open this address once"), "{}", confirm.text);
    post("postmark", "application/json", "{}").expect(422);
    post("mail", "message/rfc822", "no mail").expect(422);
    let letters = engine.client.get("/v1/dead-letters").expect(200).json;
    assert_eq!(letters["items"].as_array().map(Vec::len), Some(3), "{letters:#}");
    engine.client.send("POST", "/hooks/postmark?token=x", &[], b"{}").expect("it answers").expect(401);
    engine.stop();
}
