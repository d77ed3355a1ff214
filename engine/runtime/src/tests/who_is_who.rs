//! Who is who, and what may be done where: stories of leads that share, change and lose their addresses and numbers, from a
//! table.
//!
//! Rows of `who_is_who.txt`:
//! - `# …` begins a story;
//! - `source type field=value … -> LEAD what` is an event and its result: the lead that it went to, lettered from A in the order
//!   in which they come, and what its journal says of identity. `~` stands for a blank, `data.` precedes what is not about the
//!   lead, `id=A` is our own id of a lead, `refused=` a channel that the sender says the lead does not want, `stage=` the stage
//!   that the sender says the lead has, and `at=` the time of the event in milliseconds from now;
//! - `! LEAD command` is what a person does: `opt-out`, `disqualify`, `refuse:call,email` (`refuse:` takes it back);
//! - `task LEAD outcome [result] field=value …` is a report on the lead's open call;
//! - `? LEAD name=value …` is how the lead stands: fields, `stage`, what the gate says of `mail` and `call`, and its `last`
//!   notes.

use super::*;
use cadenza_core::event::{Standing, TaskReport};
use cadenza_core::gate::{self, Verdict};
use cadenza_core::identity::{Identity, IdentityKey, IdentityKind, first_key};
use cadenza_core::journal::{Entry, Note, Refusal};
use cadenza_core::lead::{Channel, OptOut, Outcome, Stage, TouchResult};
use cadenza_core::reading::Why;
use cadenza_core::state::LeadState;
use cadenza_core::time::MINUTE_MS;
use cadenza_store::{Batch, BatchId, LeadIndex, LeadWrite, Store};
use futures_util::future::join_all;
use tokio::task::spawn_local;

const CALLS: &str = "workflow: calls\nsummary: One call.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: talk\n    \
                     call: scripts/hello.md\n    due: 30d\n    results: { else: end }\n";

struct Story {
    engine: Engine,
    leads: Vec<LeadId>,
    events: u32,
}

impl Story {
    const fn new(engine: Engine) -> Self {
        Self { engine, leads: Vec::new(), events: 0 }
    }

    fn letter(&mut self, lead: LeadId) -> char {
        let known = self.leads.iter().position(|known| *known == lead);
        let place = known.unwrap_or_else(|| {
            self.leads.push(lead);
            self.leads.len() - 1
        });
        char::from(b'A' + u8::try_from(place).expect("a story has a few leads"))
    }

    fn lead(&self, letter: &str) -> LeadId {
        let place = letter.bytes().next().expect("a letter").wrapping_sub(b'A');
        *self.leads.get(usize::from(place)).unwrap_or_else(|| panic!("there is no lead {letter} yet"))
    }

    async fn state(&self, lead: LeadId) -> LeadState {
        self.engine.lead(lead).await.expect("readable").expect("it is there")
    }

    /// Plays a row. Returns what it expects and what was found.
    async fn tell(&mut self, row: &str) -> (String, String) {
        let clock = self.engine.clock();
        clock.advance_to(clock.now().plus_ms(MINUTE_MS));
        let (first, rest) = row.split_once(' ').expect("a row has several words");
        match first {
            "?" => self.ask(rest).await,
            "!" => self.person(rest).await,
            "task" => self.task(rest).await,
            source => self.event(source, rest).await,
        }
    }

    async fn event(&mut self, source: &str, row: &str) -> (String, String) {
        let (told, expected) = self.read(source, row);
        let found = match self.engine.report(told).await {
            Ok(accepted) => {
                let letter = self.letter(accepted.lead);
                let state = self.state(accepted.lead).await;
                format!("{letter} {}", self.last(&state))
            }
            Err(refused) => format!("{refused}").chars().take(22).collect(),
        };
        (expected, found.trim().to_owned())
    }

    /// The event of a row, and its expected result.
    fn read(&mut self, source: &str, row: &str) -> (Incoming, String) {
        let (event, expected) = row.split_once(" -> ").expect("an event has an end");
        let mut words = event.split_whitespace();
        let kind = EventType::parse(words.next().expect("a type")).unwrap_or_else(|| panic!("no type in `{row}`"));
        let (mut fields, mut data, mut lead) = (Vec::new(), std::collections::BTreeMap::new(), None);
        let (mut standing, mut ago) = (None, 0);
        for (name, value) in words.map(pair) {
            match name.strip_prefix("data.") {
                _ if name == "id" => lead = Some(self.lead(&value)),
                _ if name == "at" => ago = value.parse().expect("milliseconds"),
                _ if name == "refused" => {
                    let refused = vec![Channel::parse(&value).expect("a channel")];
                    standing = Some(Standing { refused, ..Standing::default() });
                }
                _ if name == "stage" => {
                    let stage = Some(Stage::parse(&value).expect("a stage"));
                    standing = Some(Standing { stage, ..Standing::default() });
                }
                Some(name) => drop(data.insert(name.to_owned(), Value::Text(value))),
                None => fields.push((name.to_owned(), Value::Text(value))),
            }
        }
        self.events += 1;
        let at = self.engine.clock().now().plus_ms(ago);
        let mut told = Incoming { lead, ..incoming(format!("{source}/{}", self.events), kind, at, fields) };
        let report = &mut told.report;
        (report.data, report.standing) = (data, standing);
        // As the HTTP API does it.
        if report.is_against() {
            let keys = report.data.iter().filter(|(name, _)| matches!(name.as_str(), "email" | "phone"));
            report.also = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        (told, expected.trim().to_owned())
    }

    async fn person(&self, row: &str) -> (String, String) {
        let (lead, what) = row.split_once(' ').expect("a lead and a command");
        let command = match what {
            "opt-out" => LeadCommand::OptOut { reason: None },
            "disqualify" => LeadCommand::Disqualify { reason: "too small".to_owned() },
            other => {
                let ways = other.strip_prefix("refuse:").unwrap_or_else(|| panic!("`{other}` is no command here"));
                let refused = ways
                    .split(',')
                    .filter(|way| !way.is_empty())
                    .map(|way| Channel::parse(way).expect("a channel"))
                    .collect();
                LeadCommand::Prefer { refused: Some(refused), from: None }
            }
        };
        super::command(&self.engine, self.lead(lead), command).await.expect("a command that is taken");
        Default::default()
    }

    async fn task(&self, row: &str) -> (String, String) {
        let mut words = row.split_whitespace();
        let lead = self.lead(words.next().expect("a lead"));
        let outcome = words.next().and_then(Outcome::parse).expect("an outcome");
        let (mut result, mut fields) = (None, Vec::new());
        for word in words {
            match TouchResult::parse(word) {
                Some(known) => result = Some(known),
                None => {
                    let (name, value) = pair(word);
                    fields.push((name.to_owned(), Value::Text(value)));
                }
            }
        }
        let task = self.state(lead).await.tasks.first().unwrap_or_else(|| panic!("`{row}`: no open call")).id;
        let by = "ana".to_owned();
        let report = TaskReport { task, outcome, result, result_own: None, notes: None, fields, callback_at: None, by };
        let done = self.engine.apply_to(lead, "task".to_owned(), Event::TaskDone(report)).await;
        done.expect("a report that is taken");
        Default::default()
    }

    async fn ask(&self, row: &str) -> (String, String) {
        let (lead, asked) = row.split_once(' ').expect("a lead and what is asked");
        if self.leads.len() <= usize::from(lead.as_bytes()[0] - b'A') {
            return (asked.to_owned(), format!("there is no lead {lead} yet"));
        }
        let state = self.state(self.lead(lead)).await;
        let found = asked.split_whitespace().map(|word| {
            let (name, _) = word.split_once('=').expect("a name and a value");
            format!("{name}={}", self.answer(name, &state))
        });
        let found: Vec<String> = found.collect();
        (asked.to_owned(), found.join(" "))
    }

    fn answer(&self, name: &str, state: &LeadState) -> String {
        let gate = |channel| {
            let settings = &self.engine.catalog().live.settings;
            match gate::check(state, channel, settings, self.engine.clock().now()) {
                Verdict::Go => "go".to_owned(),
                Verdict::NotBefore { why, .. } | Verdict::Held(why) | Verdict::Never(why) => why.to_string(),
            }
        };
        match name {
            "mail" => gate(Channel::Email),
            "call" => gate(Channel::Call),
            "message" => gate(Channel::Message),
            "stage" => state.lead.stage.to_string(),
            "won" => format!("{:?}", state.lead.deal.as_ref().and_then(|deal| deal.won)),
            "calls" => state.tasks.len().to_string(),
            "last" => self.last(state).replace(' ', "+"),
            field => match state.lead.profile.get(field) {
                Value::Text(text) => text.replace(' ', "~"),
                _ => "-".to_owned(),
            },
        }
    }

    /// What the newest entry of a lead's journal says of identity.
    fn last(&self, state: &LeadState) -> String {
        state.latest.as_ref().map_or_else(String::new, |entry| self.words(entry))
    }

    fn words(&self, entry: &Entry) -> String {
        let letter = |lead: &LeadId| {
            let place = self.leads.iter().position(|known| known == lead).unwrap_or(self.leads.len());
            char::from(b'A' + u8::try_from(place).expect("a story has a few leads"))
        };
        let notes = entry.skeleton.notes.iter();
        let mut told: Vec<String> = notes
            .filter_map(|note| match note {
                Note::Created { .. } => Some("new".to_owned()),
                Note::KeyShared { kind, with } => Some(format!("shared:{kind}:{}", letter(with))),
                Note::IdentityConflict(with) => Some(format!("conflict:{}", letter(with))),
                Note::OneOfSeveral { leads, .. } => Some(format!("one-of:{leads}")),
                Note::NotTaken(kind) => Some(format!("kept:{kind}")),
                Note::Bound { kind, why } => Some(format!("bound:{kind}:{why}")),
                Note::Unbound { kind, why } => Some(format!("unbound:{kind}:{why}")),
                Note::LeftOut { field, why: Why::Shared } => Some(format!("shared-left:{field}")),
                Note::NotSet { field } => Some(format!("not-set:{field}")),
                Note::LeftOut { field, why: Why::Older } => Some(format!("older:{field}")),
                Note::StageKept(_) => Some("stage-kept".to_owned()),
                Note::NotEnrolled { why: Refusal::Suppressed, .. } => Some("not-enrolled".to_owned()),
                _ => None,
            })
            .collect();
        told.dedup();
        told.join(" ")
    }
}

/// `name=value`; `~` stands for a blank.
fn pair(word: &str) -> (&str, String) {
    let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("`{word}` has no value"));
    (name, value.replace('~', " "))
}

#[test]
fn every_story_goes_as_it_is_told() {
    let rows: Vec<&str> = include_str!("who_is_who.txt").lines().filter(|line| !line.is_empty()).collect();
    let told = rows.iter().filter(|row| !row.starts_with('#')).count();
    assert!(told >= 150, "{told} rows are fewer than 150");
    let mut wrong = Vec::new();
    for story in rows.chunk_by(|_, next| !next.starts_with('#')) {
        let [title, rows @ ..] = story else { continue };
        wrong.extend(
            World::new(&[CALLS]).live(async |engine| goes_otherwise(&mut Story::new(engine), title, rows).await),
        );
    }
    assert!(wrong.is_empty(), "{} rows go another way:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rows of a story whose results are different.
async fn goes_otherwise(story: &mut Story, title: &str, rows: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows {
        let (expected, found) = story.tell(row).await;
        if expected != found {
            wrong.push(format!("{title}\n  {row}\n  is: {found}"));
        }
    }
    wrong
}

/// A lead of the first rules: its number, the fields given, and whether it opted out.
type OldLead = (u64, &'static [(&'static str, &'static str)], bool);

/// Writes a data folder of the first rules: leads with the keys made by those rules, behind this many keys of leads that are
/// gone.
async fn write_old_leads(store: &MemoryStore, keys_before: usize) {
    let mut batch = Batch::new(BatchId(1), store.epoch());
    let gone = Identity { holders: vec![LeadId::new(fixture::NOW, 0)], bindings: Vec::new() };
    for n in 0..keys_before {
        let key = IdentityKey { kind: IdentityKind::External, version: 1, value: format!("!{n:05}") };
        batch.identities.push((key, gone.clone()));
    }
    for (n, fields, opted_out) in OLD_LEADS {
        let id = LeadId::new(fixture::NOW, n);
        let mut state = LeadState::new(id, fixture::NOW);
        state.seq = 1;
        let profile = &mut state.lead.profile;
        for (field, text) in fields {
            let kind = IdentityKind::parse(field).expect("a kind of key");
            let given = match kind {
                IdentityKind::External => &mut profile.external_id,
                IdentityKind::Email => &mut profile.email,
                IdentityKind::Phone => &mut profile.phone,
            };
            *given = Some((*text).to_owned());
            let held = Identity { holders: vec![id], bindings: Vec::new() };
            batch.identities.push((first_key(kind, text).expect("the first rules took it"), held));
        }
        if opted_out {
            state.lead.stage = Stage::Suppressed;
            state.lead.consent.opted_out = Some(OptOut { at: fixture::NOW, by: "web".to_owned(), reason: None });
        }
        batch.leads.push(LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() });
    }
    store.commit(batch).await.expect("the store takes it");
}

const OLD_LEADS: [OldLead; 2] = [
    (1, &[("external_id", "7"), ("email", "ada@example.com"), ("phone", "(212) 555-0100")], false),
    (2, &[("email", "bea@example.com")], true),
];

/// How many keys of the first rules lie before those of these leads: more than are raised in one batch.
const KEYS_BEFORE: usize = 1_000;

impl Story {
    /// A story that goes on with the leads of the first rules.
    fn of_old_leads(engine: Engine) -> Self {
        Self { leads: OLD_LEADS.map(|(n, ..)| LeadId::new(fixture::NOW, n)).into(), ..Self::new(engine) }
    }
}

/// How many keys of these leads were made by the first rules.
async fn old_keys(store: &dyn Store) -> usize {
    let old = store.identities_of(1, KEYS_BEFORE + 9).await.expect("readable");
    old.iter().filter(|(key, _)| !key.value.starts_with('!')).count()
}

/// Before their keys are raised, leads of the first rules are found by the values that were given then.
#[test]
fn leads_of_the_first_rules_are_found_before_their_keys_are_raised() {
    let rows = [
        "crm lead.updated email=ada@example.com -> A",
        "crm lead.updated external_id=7 -> A",
        "crm call.inbound phone=212-555-0100 -> A",
        "crm lead.created email=bea@example.com -> B not-enrolled",
    ];
    let world = World { commits: Commits::OnTheirThread, ..World::new(&[CALLS]) };
    world.live(async |engine| engine.stop().await);
    world.between_lives(async |store| write_old_leads(&store, KEYS_BEFORE).await);
    // The engine goes on with its stored workspace, so nothing has to become durable before it can be told something.
    world.break_workspace();
    on_one_thread(async {
        let Running { engine, refused } = world.start().await;
        assert!(refused.is_some(), "the folder is broken");
        let stalled = world.disk.stall();
        let mut story = Story::of_old_leads(engine.clone());
        let told = rows.map(|row| {
            let (source, rest) = row.split_once(' ').expect("a row has several words");
            story.read(source, rest)
        });
        let reports = told.clone().map(|(told, _)| {
            let engine = engine.clone();
            async move { engine.report(told).await }
        });
        let answers = spawn_local(join_all(reports));
        taken(&engine).await;
        assert_eq!(old_keys(engine.store.as_ref()).await, 4, "none of their keys is raised when the engine has looked");
        drop(stalled);
        for (answer, (told, expected)) in answers.await.expect("they are answered").into_iter().zip(told) {
            let lead = answer.expect("it is taken").lead;
            let entries = engine.timeline(&story.state(lead).await, 0, 20).await.expect("readable");
            let entry = entries.iter().find(|entry| entry.skeleton.event == told.id).expect("its journal has it");
            let found = format!("{} {}", story.letter(lead), story.words(entry));
            assert_eq!(found.trim(), expected, "{}", told.id);
        }
    });
}

/// After that they are found by every spelling of those values, and what bound them still does.
#[test]
fn leads_of_the_first_rules_are_found_when_their_keys_are_raised() {
    let rows = [
        "crm lead.updated email=mailto:Ada@Example.com -> A",
        "crm call.inbound phone=+1~212~555~0100 -> A",
        "crm call.inbound phone=0012125550100 -> A",
        "? A phone=+12125550100 mail=go call=go",
        "web lead.created external_id=9 email=BEA@example.com. phone=2125550177 -> B not-enrolled bound:phone:opted_out",
        "crm lead.updated external_id=10 email=zoe@example.com -> C new",
        "crm lead.updated external_id=10 email=bea@example.com -> C conflict:B bound:email:opted_out shared:email:B",
        "? C mail=address_opted_out",
    ];
    let world = World::new(&[CALLS]);
    world.between_lives(async |store| write_old_leads(&store, 0).await);
    world.live(async |engine| {
        rest(&engine).await;
        assert_eq!(old_keys(engine.store.as_ref()).await, 0, "every key is raised");
        let wrong = goes_otherwise(&mut Story::of_old_leads(engine), "", &rows).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
