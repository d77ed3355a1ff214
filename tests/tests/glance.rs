//! What a person sees at a glance: `cadenza status`, the queue and why it is empty, and metrics that name workflow and
//! step.

use cadenza_tests::{Engine, Mailbox, Site, cadenza};
use serde_json::{Value, json};

fn hot(n: u32) -> Value {
    json!({
        "id": format!("crm-{n}"), "email": format!("ada{n}@acme{n}.example"), "first_name": "Ada", "title": "VP Sales",
        "company": format!("Acme {n}"), "employees": 400, "source": "web", "product": "dialler", "budget": 60000.0,
        "phone": format!("+1 212 555 {:04}", 100 + n), "pain": "follow-up is forgotten", "timezone": "America/New_York",
        "project_date": "2027-06-01T00:00:00Z", "message": "A quote, please."
    })
}

/// What a command prints, on both streams, in the time zone of Berlin.
fn say(engine: &Engine, site: &Site, arguments: &[&str]) -> String {
    let mut command = cadenza(arguments);
    command.env("CADENZA_URL", &engine.url).env("CADENZA_TOKEN", &site.admin).env("TZ", "Europe/Berlin");
    let said = command.output().expect("the command runs");
    let [out, err] = [said.stdout, said.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    assert!(said.status.success(), "{arguments:?}: {out}{err}");
    out + &err
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
}

#[test]
fn a_queue_says_why_it_is_empty_and_what_is_in_it() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    has(&say(&engine, &site, &["tasks"]), &["no lead has come in yet", "Times are those of America/New_York."]);

    // Saturday afternoon in New York.
    engine.advance_to("2026-11-28T20:00:00Z");
    let lead = engine.bring("msg_1", &hot(1));
    has(
        &say(&engine, &site, &["tasks"]),
        &[
            "1 held back",
            "outside business hours where the lead is",
            "the first until Mon 30 Nov 2026 09:00",
            "Times are those of America/New_York.",
        ],
    );

    engine.advance_to("2026-11-30T15:30:00Z");
    let shown = say(&engine, &site, &["tasks"]);
    has(&shown, &["PHONE", "212", "2026-11-30 09:", "DUE (America/New_York)"]);
    assert!(!shown.contains("Berlin"), "times are those of the words beside them:\n{shown}");
    let version = engine.client.get("/v1/runs").expect(200).json["items"][0]["version"].as_str().unwrap().to_owned();
    has(&say(&engine, &site, &["runs"]), &["VERSION", &version, "DUE (America/New_York)"]);

    let call = engine.tasks_of(&lead).remove(0);
    let owner = call["assignee"].as_str().expect("somebody has it").to_owned();
    let other = if owner == "ana" { "ben" } else { "ana" };
    has(&say(&engine, &site, &["tasks", "--owner", other]), &["Nothing is to be done here; ", "open in other queues"]);
    engine.done(&call, &json!({"outcome": "connected", "result": "unqualified"}));
}

#[test]
fn status_and_metrics_name_workflow_and_step() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    let lead = engine.bring("msg_1", &hot(1));
    engine.bring("msg_2", &hot(2));
    has(&say(&engine, &site, &["status"]), &["2 known", "hot 2 (100 %)", "inbound      first-call 2", "none yet"]);

    engine.advance("12m");
    let call = engine.tasks_of(&lead).remove(0);
    engine.done(&call, &json!({"outcome": "no_answer"}));
    engine.client.post("/v1/workflows/inbound/pause", &json!({})).expect(200);
    let status = engine.client.get("/v1/status").expect(200).json;
    let within: Vec<&Value> = status["first_calls"].as_array().unwrap().iter().filter(|it| it["leads"] == 1).collect();
    assert_eq!(within, [&json!({"within": "15m", "leads": 1})], "{status:#}");
    assert_eq!(status["needs_a_person"]["paused"], json!(["workflow/inbound"]));
    assert_eq!(status["untaken"], 0, "a workflow took every lead");
    let late = status["needs_a_person"]["overdue_tasks"].as_u64().expect("late tasks are counted");
    assert!(late > 0, "the other call is late: {status:#}");
    has(
        &say(&engine, &site, &["status"]),
        &["1 lead called", "1 within 15m", "workflow/inbound is paused", "overdue task"],
    );

    let metrics = engine.client.get("/metrics").expect(200).text;
    has(
        &metrics,
        &[
            "cadenza_leads 2\n",
            "cadenza_segment_leads{segment=\"hot\"} 2\n",
            "cadenza_step_runs{workflow=\"inbound\",step=\"first-call\",state=\"running\"} 1\n",
            "cadenza_first_call_leads{within=\"15m\"} 1\n",
        ],
    );
    let of_leads = |line: &&str| !line.starts_with("cadenza_plugin_");
    let digest = metrics.lines().filter(of_leads).find(|line| line.contains("step/") || line.contains("digest"));
    assert_eq!(digest, None, "people know workflows and steps, not digests");
}

#[test]
fn leads_that_no_workflow_takes_are_seen() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    engine.bring("msg_1", &hot(1));
    let post = |event: Value| engine.client.post("/v1/events", &event).expect(202).json;
    let left = post(json!({"type": "lead.created", "lead": {"email": "bob@acme.example", "source": "fair"}}));
    assert_eq!(left["created"], true, "{left}");
    has(&say(&engine, &site, &["status"]), &["1 lead that no workflow took (`leads --untaken`)"]);
    let listed = engine.client.get("/v1/leads?untaken=true").expect(200).json;
    assert_eq!((listed["items"].as_array().map(Vec::len), &listed["items"][0]["id"]), (Some(1), &left["lead"]));
    let lead = left["lead"].as_str().expect("a lead");
    has(&say(&engine, &site, &["leads", "--untaken"]), &[lead]);
    engine.client.post("/v1/workflows/inbound/enroll", &json!({"lead": lead})).expect(200);
    assert_eq!(engine.client.get("/v1/status").expect(200).json["untaken"], 0, "a person put it in");
    engine.stop();
}

const MARKED: &str = "workflow: marked
summary: Notes what they use now.
enroll:
  - when: custom.marked
steps:
  - id: note
    update: { current_tool: paper cards }
  - id: done
    end: marked
";

#[test]
fn the_story_says_which_fields_changed_and_who_set_them() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    site.write("marked.yaml", MARKED);
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    let lead = engine.bring("msg_1", &hot(1));
    let post = |event: Value| engine.client.post("/v1/events", &event).expect(202);
    post(json!({"id": "e1", "type": "lead.updated", "lead": {"id": lead, "title": "CEO", "employees": 400}}));
    post(json!({"id": "e2", "type": "custom.marked", "lead": {"id": lead}}));
    post(json!({"id": "e3", "type": "lead.updated", "lead": {"id": lead, "current_tool": null}}));
    let story = say(&engine, &site, &["why", &lead]);
    has(
        &story,
        &[
            "Title is now CEO; it was VP Sales.",
            "marked: set current_tool to paper cards.",
            "Current_tool was cleared; it was paper cards.",
        ],
    );
    let told = |what: &str| story.find(what).unwrap_or_else(|| panic!("`{what}` is missing:\n{story}"));
    let in_order = ["came to the step note", "set current_tool to paper cards", "marked: over, marked"].map(told);
    assert!(in_order.is_sorted(), "a field is told where it was set:\n{story}");
    assert!(!story.contains("Employees is now"), "what stays as it was did not change:\n{story}");
    assert!(!story.contains("First_name is now"), "what came with the lead is in the event that brought it:\n{story}");
}

const RENEWAL: &str = "workflow: renewal
summary: Before a contract ends.
enroll: [{ when: custom.ends }]
one_run_per: event.data.deal
leave: [{ event: custom.renewed, as: renewed }]
steps:
  - { id: ask, wait: 30d }
";

#[test]
fn the_story_says_which_run_is_meant_and_why_there_is_none() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    site.write("renewal.yaml", RENEWAL);
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    engine.advance_to("2026-11-30T15:00:00Z");
    let post = |id: &str, kind: &str, email: &str, data: Value| {
        let event = json!({"id": id, "type": kind, "lead": {"email": email}, "data": data});
        engine.client.post("/v1/events", &event).expect(202).json["lead"].as_str().expect("a lead").to_owned()
    };
    let lead = post("e1", "custom.ends", "ada@acme.example", json!({}));
    let blank = "has a run for each value of event.data.deal, and that is blank";
    has(
        &say(&engine, &site, &["why", &lead]),
        &[
            &format!("Not put into renewal: it {blank}."),
            &format!("It is in no workflow, and was in none: not put into renewal, since it {blank}."),
        ],
    );
    post("e2", "custom.ends", "ada@acme.example", json!({"deal": "d7"}));
    post("e3", "custom.ends", "ada@acme.example", json!({"deal": "d8"}));
    post("e4", "custom.ends", "ada@acme.example", json!({"deal": "d8"}));
    post("e5", "custom.renewed", "ada@acme.example", json!({"deal": "d7"}));
    let story = say(&engine, &site, &["why", &lead]);
    has(
        &story,
        &[
            "Entered the workflow renewal (deal d7) (version ",
            "renewal (deal d8): came to the step ask (wait).",
            "Not put into renewal (deal d8): it is in there now.",
            "renewal (deal d7): over, renewed.",
        ],
    );
    assert!(!story.contains("It is in no workflow"), "{story}");
    let unnamed = story.lines().any(|line| line.contains(" renewal: ") && !line.contains("Not put into"));
    assert!(!unnamed, "it is not said which run is meant:\n{story}");
    let imported =
        json!({"id": "e6", "type": "lead.created", "lead": {"email": "leo@initech.example"}, "enroll": false});
    let imported = engine.client.post("/v1/events", &imported).expect(202).json["lead"].as_str().map(str::to_owned);
    let story = say(&engine, &site, &["why", &imported.expect("a lead")]);
    has(&story, &["It is in no workflow, and was in none: what came in was imported"]);
    engine.stop();
}

#[test]
fn senders_are_told_what_a_choice_can_be() {
    let (site, mailbox) = (Site::new(), Mailbox::open());
    let choice = "fields:\n  tier: { type: choice, of: [free, pro] }\n";
    site.edit("cadenza.yaml", |text| text.replacen("fields:\n", choice, 1));
    let engine = Engine::start(&site, "virtual", Some(&mailbox.url));
    let intake = engine.client.get("/v1/intake").expect(200).json;
    assert_eq!((&intake["fields"]["tier"], &intake["choices"]), (&json!("text"), &json!({"tier": ["free", "pro"]})));
    engine.stop();
}

/// What a touch of a cadence is, whom a word is for, and what was which run: the words say it as the file does.
#[test]
fn the_views_name_what_they_are_about() {
    let (site, mailbox) = (Site::empty(), Mailbox::open());
    site.write("cadenza.yaml", "name: Trials\ntimezone: America/New_York\ncontact: { notify_via: mailer }\n");
    site.write("team.yaml", "reps: { ana: { name: Ana Castillo } }\n");
    let connection = |name: &str, url: &str| format!("  {name}: {{ url: \"{url}\", attempts: 1 }}\n");
    let connections = [connection("sms", &mailbox.url), connection("mailer", "http://127.0.0.1:9/")].concat();
    site.write("connections.yaml", &format!("connections:\n{connections}"));
    std::fs::create_dir(site.workspace().join("scripts")).expect("a folder can be made");
    site.write("scripts/hello.md", "---\nobjective: Say hello\nreviewed_by: Ana\n---\nHello.\n");
    site.write(
        "trial.yaml",
        "workflow: trial
summary: Writes, and does something by hand.
enroll: [{ when: lead.created }]
one_run_per: event.data.trial
leave: [{ event: deal.won, as: won }]
steps:
  - { id: own, assign: { rep: ana } }
  - { id: tell, notify: { to: { connection: sms }, text: Somebody tries it. } }
  - id: chase
    cadence:
      limit: { contacts: 3, count: [message, other] }
      touches:
        - { id: text, after: 0d, message: scripts/hello.md, via: sms }
        - { id: look, after: 1m, task: Look at how it goes, channel: other, give_up: 2d }
      exhausted: end
",
    );
    let engine = Engine::start(&site, "virtual", None);
    engine.advance_to("2026-12-07T15:00:00Z");
    let lead = json!({ "email": "ada@acme.example", "phone": "+12125550123", "timezone": "America/New_York" });
    let event = json!({ "id": "e-1", "type": "lead.created", "lead": lead, "data": { "trial": "T-1" } });
    let lead = engine.client.post("/v1/events", &event).expect(202).json["lead"].as_str().expect("a lead").to_owned();
    engine.advance("1h");
    let why = say(&engine, &site, &["why", &lead]);
    has(
        &why,
        &[
            "The text message scripts/hello.md was made ready to leave by sms.",
            "A notice to Ana Castillo of what is theirs now was made ready to leave by mailer.",
            "A notice to Ana Castillo of what is theirs now was given up",
            "A message of the workflow to whoever is behind sms was made ready to leave by sms.",
        ],
    );
    has(&say(&engine, &site, &["runs"]), &["a task is to be done, touch 2 of round 1", "DUE (America/New_York)"]);
    has(
        &say(&engine, &site, &["tasks"]),
        &["DUE (America/New_York)", "2026-12-08 10:", "last message Mon 7 Dec 2026 10:"],
    );
    let won =
        json!({ "id": "e-2", "type": "deal.won", "lead": { "email": "ada@acme.example" }, "data": { "deal": "d-1" } });
    engine.client.post("/v1/events", &won).expect(202);
    let runs = engine.client.get("/v1/runs").expect(200).json;
    let over = &runs["items"][0];
    assert_eq!(
        (&over["workflow"], &over["key"], &over["state"]),
        (&json!("trial"), &json!("T-1"), &json!("done")),
        "{runs:#}"
    );
}
