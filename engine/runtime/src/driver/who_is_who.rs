//! Who is who, and what may be done where: stories of leads that share, change and lose their addresses and numbers,
//! from a table, through the driver.
//!
//! Rows of `who_is_who.txt`:
//! - `# …` begins a story;
//! - `source type field=value … -> LEAD what` is an event and what came of it: the lead that it went to, named by the letters
//!   of the alphabet as they come, and what its journal says of identity. `~` stands for a blank, a `data.` for what is beside
//!   the lead, `id=A` for our own id of a lead, `refused=` for a channel that a sender says it does not want, `stage=` for where it says that the lead stands,
//!   `at=` for how many milliseconds from now it happened;
//! - `! LEAD command` is what a person does: `opt-out`, `disqualify`, `refuse:call,email` (`refuse:` takes it back);
//! - `task LEAD outcome [result] field=value …` is a report on its open call;
//! - `? LEAD name=value …` is how it stands: fields, `stage`, what the gate says of `mail` and `call`, `last` notes.

use super::tests::Rig;
use super::*;
use crate::engine::Incoming;
use cadenza_core::event::{EventType, LeadCommand, Report, Standing, TaskReport};
use cadenza_core::gate::{self, Verdict};
use cadenza_core::identity::{Identity, first_key};
use cadenza_core::journal::Refusal;
use cadenza_core::lead::{Channel, Outcome, Stage, TouchResult};
use cadenza_core::state::LeadState;
use cadenza_core::value::Value;
use cadenza_store::{Batch, BatchId, LeadIndex, LeadWrite, MemoryStore, Store};

const CALLS: &str = "workflow: calls\nsummary: One call.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: talk\n    \
                     call: scripts/hello.md\n    due: 5m\n    results: { else: end }\n";

/// A story under way.
struct Story {
    rig: Rig,
    leads: Vec<LeadId>,
    events: u32,
}

impl Story {
    async fn new() -> Self {
        Self { rig: Rig::new(CALLS).await, leads: Vec::new(), events: 0 }
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

    async fn state(&mut self, lead: LeadId) -> LeadState {
        self.rig.settle().await;
        self.rig.driver.parts.store.lead(lead).await.expect("readable").expect("it is there")
    }

    /// What a row says should be, and what is.
    async fn tell(&mut self, row: &str) -> (String, String) {
        self.rig.clock.advance_to(self.rig.clock.now().plus_ms(60_000));
        let (first, rest) = row.split_once(' ').expect("a row has several words");
        match first {
            "?" => self.ask(rest).await,
            "!" => self.person(rest).await,
            "task" => self.task(rest).await,
            source => self.event(source, rest).await,
        }
    }

    async fn event(&mut self, source: &str, row: &str) -> (String, String) {
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
        let now = self.rig.clock.now();
        let mut report = Report {
            kind,
            at: now.plus_ms(ago),
            source: source.to_owned(),
            fields,
            data,
            enrolls: true,
            only_finds: false,
            left_out: vec![],
            standing,
            also: vec![],
        };
        // As the door does it.
        if report.is_against() {
            let keys = report.data.iter().filter(|(name, _)| matches!(name.as_str(), "email" | "phone"));
            report.also = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        self.events += 1;
        let incoming = Incoming { id: format!("{source}/{}", self.events), content: 1, signed: None, report, lead };
        let (reply, answer) = oneshot::channel();
        self.rig.driver.take(Command::Report(incoming, reply)).await.expect("the store is well");
        self.rig.settle().await;
        let found = match answer.await.expect("an answer") {
            Ok(accepted) => {
                let letter = self.letter(accepted.lead);
                let state = self.state(accepted.lead).await;
                format!("{letter} {}", self.last(&state))
            }
            Err(refused) => format!("{refused}").chars().take(22).collect(),
        };
        (expected.trim().to_owned(), found.trim().to_owned())
    }

    async fn person(&mut self, row: &str) -> (String, String) {
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
                LeadCommand::Prefer { refused: Some(refused), not_before: None }
            }
        };
        let lead = self.lead(lead);
        drop(self.rig.command(lead, command).await);
        self.rig.settle().await;
        Default::default()
    }

    async fn task(&mut self, row: &str) -> (String, String) {
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
        let report = TaskReport { task, outcome, result, notes: None, fields, callback_at: None, by };
        let now = self.rig.clock.now();
        let events = [Event::TaskDone(report)].into();
        self.rig
            .driver
            .transition_of(lead, "task".to_owned(), events, now, Vec::new())
            .await
            .expect("the store is well");
        self.rig.settle().await;
        Default::default()
    }

    async fn ask(&mut self, row: &str) -> (String, String) {
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
            let settings = &self.rig.driver.parts.catalog.live.settings;
            match gate::check(&state.lead, channel, settings, self.rig.clock.now()).0 {
                Verdict::Go => "go".to_owned(),
                Verdict::NotBefore { why, .. } | Verdict::Never(why) => why.to_string(),
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
        let letter = |lead: &LeadId| {
            let place = self.leads.iter().position(|known| known == lead).unwrap_or(self.leads.len());
            char::from(b'A' + u8::try_from(place).expect("a story has a few leads"))
        };
        let notes = state.latest.iter().flat_map(|entry| &entry.skeleton.notes);
        let mut told: Vec<String> = notes
            .filter_map(|note| match note {
                Note::Created => Some("new".to_owned()),
                Note::KeyShared { kind, with } => Some(format!("shared:{kind}:{}", letter(with))),
                Note::IdentityConflict(with) => Some(format!("conflict:{}", letter(with))),
                Note::OneOfSeveral { leads, .. } => Some(format!("one-of:{leads}")),
                Note::NotTaken(kind) => Some(format!("kept:{kind}")),
                Note::Bound { kind, why } => Some(format!("bound:{kind}:{why}")),
                Note::Unbound { kind, why } => Some(format!("unbound:{kind}:{why}")),
                Note::LeftOut { field, why: cadenza_core::reading::Why::Shared } => {
                    Some(format!("shared-left:{field}"))
                }
                Note::NotSet { field } => Some(format!("not-set:{field}")),
                Note::LeftOut { field, why: cadenza_core::reading::Why::Older } => Some(format!("older:{field}")),
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

#[tokio::test]
async fn every_story_goes_as_it_is_told() {
    let rows: Vec<&str> = include_str!("who_is_who.txt").lines().filter(|line| !line.is_empty()).collect();
    let told = rows.iter().filter(|row| !row.starts_with('#')).count();
    assert!(told >= 150, "{told} rows are fewer than 150");
    let (mut story, mut title, mut wrong) = (Story::new().await, "", Vec::new());
    for row in rows {
        if row.starts_with('#') {
            (story, title) = (Story::new().await, row);
            continue;
        }
        let (expected, found) = story.tell(row).await;
        if expected != found {
            wrong.push(format!("{title}\n  {row}\n  is: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows go another way:\n{}", wrong.len(), wrong.join("\n"));
}

/// A lead of the first rules: its number, what was given of it, and whether it opted out.
type OldLead = (u64, &'static [(&'static str, &'static str)], bool);

/// A data folder of the first rules: leads with the keys that those made.
async fn old_store(leads: &[OldLead]) -> MemoryStore {
    let store = MemoryStore::new();
    let mut batch = Batch::new(BatchId(1), store.epoch());
    for (n, fields, opted_out) in leads {
        let id = LeadId::new(crate::fixture::NOW, *n);
        let mut state = LeadState::new(id, crate::fixture::NOW);
        state.seq = 1;
        let profile = &mut state.lead.profile;
        for (field, text) in *fields {
            let text = Some((*text).to_owned());
            match *field {
                "external_id" => profile.external_id = text,
                "email" => profile.email = text,
                "phone" => profile.phone = text,
                other => panic!("{other} is no key"),
            }
            let kind = cadenza_core::identity::IdentityKind::parse(field).expect("a kind of key");
            let key = first_key(kind, fields.iter().find(|(name, _)| name == field).expect("it is there").1);
            let held = Identity { holders: vec![id], bindings: Vec::new() };
            batch.identities.push((key.expect("the first rules took it"), held));
        }
        if *opted_out {
            state.lead.stage = cadenza_core::lead::Stage::Suppressed;
            let by = "web".to_owned();
            state.lead.consent.opted_out =
                Some(cadenza_core::lead::OptOut { at: crate::fixture::NOW, by, reason: None });
        }
        batch.leads.push(LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() });
    }
    store.commit(batch).await.expect("the store takes it");
    store
}

/// Leads of a data folder of the first rules are found by what was given then, before their keys are raised, and by every
/// spelling of it after that; what bound them binds.
#[tokio::test]
async fn leads_of_the_first_rules_are_found() {
    let leads: &[OldLead] = &[
        (1, &[("external_id", "7"), ("email", "ada@example.com"), ("phone", "(212) 555-0100")], false),
        (2, &[("email", "bea@example.com")], true),
    ];
    let before: &[&str] = &[
        "crm lead.updated email=ada@example.com -> A",
        "crm lead.updated external_id=7 -> A",
        "crm call.inbound phone=212-555-0100 -> A",
        "crm lead.created email=bea@example.com -> B not-enrolled",
    ];
    let after: &[&str] = &[
        "crm lead.updated email=mailto:Ada@Example.com -> A",
        "crm call.inbound phone=+1~212~555~0100 -> A",
        "crm call.inbound phone=0012125550100 -> A",
        "? A phone=+12125550100 mail=go call=go",
        "web lead.created external_id=9 email=BEA@example.com. phone=2125550177 -> B not-enrolled bound:phone:opted_out",
        "crm lead.updated external_id=10 email=zoe@example.com -> C new",
        "crm lead.updated external_id=10 email=bea@example.com -> C conflict:B bound:email:opted_out shared:email:B",
        "? C mail=address_opted_out",
    ];
    for (when, rows) in [("before the keys are raised", before), ("after", after)] {
        let rig = Rig::on(old_store(leads).await, CALLS).await;
        let mut story = Story { rig, leads: Vec::new(), events: 0 };
        for (n, _, _) in leads {
            story.letter(LeadId::new(crate::fixture::NOW, *n));
        }
        if when == "after" {
            while !story.rig.driver.raising.is_over() {
                story.rig.driver.raise_further(story.rig.clock.now()).await.expect("the store is well");
                story.rig.settle().await;
            }
            let left = story.rig.driver.parts.store.identities_of(1, 9).await.expect("readable");
            assert_eq!(left, [], "no key of the first rules is left");
        }
        for row in rows {
            let (expected, found) = story.tell(row).await;
            assert_eq!(found, expected, "{when}: {row}");
        }
    }
}
