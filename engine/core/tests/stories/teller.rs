//! Runs a story: reads its lines, makes happen what they say, and compares the notes with what is written.

use crate::support::workflows as w;
use crate::support::{Answered, Shared, Sim, World, answer};
use cadenza_core::account::Account;
use cadenza_core::effect::{Departure, Message, Question, Rendered};
use cadenza_core::event::{
    Delivery, Event, EventType, LeadCommand, Reply, Report, Standing, TaskChange, TaskReport, Wish,
};
use cadenza_core::field::{STANDARD_FIELDS, field_info};
use cadenza_core::gate;
use cadenza_core::heart::Command;
use cadenza_core::id::{AccountId, Born};
use cadenza_core::journal::{DecisionSummary, Note};
use cadenza_core::lead::{Channel, Outcome, RepId, TouchResult};
use cadenza_core::plugin::{Action, DecisionFailure, Segment};
use cadenza_core::run::RunState;
use cadenza_core::step::is_told_of_release;
use cadenza_core::task::TaskKind;
use cadenza_core::time::Timestamp;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::Workflow;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

fn zone() -> TimeZone {
    TimeZone::get(w::ZONE).expect("a zone of the bundled database")
}

/// Reads a time such as `03-02 09:00`, with or without the weekday before it.
fn when(text: &str) -> Timestamp {
    let text = if text.len() > 11 { &text[text.len() - 11..] } else { text };
    let civil = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M", format!("2026-{text}"));
    let civil = civil.unwrap_or_else(|error| panic!("`{text}` is no time such as 03-02 09:00: {error}"));
    Timestamp::from_jiff(civil.to_zoned(zone()).expect("a year of four digits").timestamp())
}

fn clock(at: Timestamp) -> String {
    if at == Timestamp::MAX {
        return "never".to_owned();
    }
    let zoned = at.to_jiff().to_zoned(zone());
    zoned.strftime(if zoned.second() == 0 { "%a %m-%d %H:%M" } else { "%a %m-%d %H:%M:%S" }).to_string()
}

struct Told {
    world: World,
    shared: Shared,
    /// Leads in the order in which they came, called `a`, `b`, … in the story.
    leads: Vec<Sim>,
    text: String,
    /// Until when the engine was stopped. Timers that fell due before that fire then.
    awake: Timestamp,
}

impl Told {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Fires the timers of every lead and account that fall due up to `to`, in order.
    fn advance(&mut self, to: Timestamp) {
        for _ in 0..200 {
            let leads = self.leads.iter().enumerate().filter_map(|(ix, lead)| Some((lead.state.next_due()?, Some(ix))));
            let accounts = self.shared.accounts.values().filter_map(|account| Some((account.next_due()?, None)));
            let Some((due, owner)) = leads.chain(accounts).min().filter(|(due, _)| *due <= to) else { return };
            let due = due.max(self.awake);
            match owner {
                Some(ix) => self.feed(ix, due, "~ timer", Event::TimerDue),
                None => self.holds_over(due),
            }
        }
        panic!("timers fire without end:\n{}", self.text);
    }

    fn holds_over(&mut self, now: Timestamp) {
        let told: Vec<_> =
            self.shared.accounts.values_mut().flat_map(|account: &mut Account| account.timer_due(now)).collect();
        for (lead, event) in told {
            let ix = self.leads.iter().position(|sim| sim.state.lead.id == lead).expect("a lead of this story");
            self.feed(ix, now, "~ hold over", event);
        }
        let passes = |account: &&Account| !account.passing.is_empty();
        let passing: Vec<AccountId> = self.shared.accounts.values().filter(passes).map(|account| account.id).collect();
        passing.into_iter().for_each(|account| self.pass_on(account, now));
    }

    /// Tells every lead that listens of the event that an account passes on first.
    fn pass_on(&mut self, account: AccountId, now: Timestamp) {
        for ix in 0..self.leads.len() {
            if self.leads[ix].state.listens_to() != Some(account) {
                continue;
            }
            let seq = self.leads[ix].state.seq;
            let page = vec![self.leads[ix].state.lead.id];
            let command = Command::PassOn { account, page, last: false };
            self.leads[ix].run(&self.world, &mut self.shared, now, &command);
            let latest = self.leads[ix].state.latest.clone().filter(|latest| latest.seq > seq);
            if let Some(latest) = latest {
                let lead = if ix == 0 { String::new() } else { format!("{}: ", char::from(b'a' + ix as u8)) };
                self.line(&format!("{} {lead}~ account", clock(now)));
                self.notes(ix, latest.skeleton.notes);
            }
        }
        self.shared.accounts.get_mut(&account).expect("it passes something on").passed(&[], true);
    }

    fn notes(&mut self, ix: usize, notes: Vec<Note>) {
        for note in notes {
            if let Some(line) = told(&note, &self.leads[ix], &self.world) {
                self.line(&format!("  {line}"));
            }
        }
    }

    /// Releases everything: every lead with a run that stands still, or with something to do of a workflow that was paused, is told.
    fn wake(&mut self, now: Timestamp) {
        let paused = std::mem::take(&mut self.world.paused);
        let workflows: BTreeMap<String, Timestamp> = paused.workflows.into_iter().map(|name| (name, now)).collect();
        for ix in 0..self.leads.len() {
            if is_told_of_release(&self.leads[ix].state, &self.world.definitions, &workflows) {
                self.feed(ix, now, "~ released", Event::Resumed(workflows.clone()));
            }
        }
    }

    fn feed(&mut self, ix: usize, now: Timestamp, what: &str, event: Event) {
        let lead = if ix == 0 { String::new() } else { format!("{}: ", char::from(b'a' + ix as u8)) };
        self.line(&format!("{} {lead}{what}", clock(now)));
        let sim = &mut self.leads[ix];
        let notes = sim.feed(&self.world, &mut self.shared, now, event);
        let names: Vec<(Born, String)> = notes
            .iter()
            .filter_map(|note| match note {
                Note::Enrolled { run, workflow, .. } => Some((*run, self.world.definitions.name(workflow)?.to_owned())),
                _ => None,
            })
            .collect();
        sim.names.extend(names);
        self.notes(ix, notes);
        let sooner = std::mem::take(&mut self.leads[ix].sooner);
        if sooner > 0 {
            self.line(&format!("  looked at again: {sooner}"));
        }
        self.leads[ix].check_wakeable();
    }

    /// Lets a message of the outbox fall due.
    fn depart(&mut self, ix: usize, now: Timestamp, head: &str, which: usize) {
        self.line(head);
        let (notes, departure) = self.leads[ix].depart(&self.world, &mut self.shared, now, which);
        self.notes(ix, notes);
        let under_way = self.leads[ix].state.reserved.len();
        let what = match departure {
            Departure::Now(_) => "leaves",
            Departure::Later(_) => "stays",
            Departure::Never => "is dropped",
        };
        self.line(&format!("  {what}, {under_way} under way"));
        self.leads[ix].check_wakeable();
    }

    fn state(&mut self, ix: usize) {
        let sim = &self.leads[ix];
        let mut lines = vec![];
        for run in &sim.state.runs {
            let definition = self.world.definitions.get(&run.workflow).expect("it was there when the run began");
            let cadence = match run.state {
                RunState::Cadence(c) => format!(", {} contacts, round {}", c.contacts, c.round),
                _ => String::new(),
            };
            lines.push(format!(
                "{} is at {}{cadence}",
                definition.name,
                definition.step(run.step).expect("a step of it").id
            ));
        }
        for task in &sim.state.tasks {
            let from = task.not_before.map(|at| format!(" from {}", clock(at))).unwrap_or_default();
            lines.push(format!("{} open for {}{from}, due {}", task.kind, task.assignee, clock(task.due)));
        }
        for reserved in &sim.state.reserved {
            lines.push(format!("{} under way since {}", reserved.channel, clock(reserved.since)));
        }
        let watchers = &sim.state.lead.watchers;
        lines.push(format!("{}, owner {:?}, watchers {watchers:?}", sim.state.lead.stage, sim.state.lead.owner));
        for account in self.shared.accounts.values() {
            let hold =
                account.hold.as_ref().map(|h| format!("held until {} for {} leads", clock(h.until), h.leads.len()));
            lines.push(format!("account of {:?}, {}, kept {}", account.owner, hold.unwrap_or_default(), account.kept));
        }
        for line in lines {
            self.line(&format!("  = {line}"));
        }
    }
}

/// A note as one line; `None` for a note that every story would repeat.
pub(crate) fn told(note: &Note, sim: &Sim, world: &World) -> Option<String> {
    let run_name = |id: &Born| sim.names.get(id).cloned().unwrap_or_else(|| format!("{id:?}"));
    let rep = |rep: &Option<RepId>| rep.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    let code = |result: &Option<TouchResult>| result.map(|r| format!(" {r}")).unwrap_or_default();
    let own_word = |own: &Option<String>| own.as_ref().map(|own| format!(" ({own})")).unwrap_or_default();
    Some(match note {
        Note::Created { .. } | Note::Reported(_) | Note::Delivered { .. } => return None,
        Note::Enrolled { run, .. } => format!("enrolled in {}", run_name(run)),
        Note::NotEnrolled { workflow, why } => format!("not enrolled in {workflow}: {why}"),
        Note::Entered { run, step } => {
            let name = run_name(run);
            let definition = world.definitions.followed().find(|d| d.name == name)?;
            format!("{name} -> {}", definition.step(*step)?.id)
        }
        Note::Decided { verdict: DecisionSummary::Score { segment, .. }, .. } => format!("scored {segment}"),
        Note::Decided { verdict: DecisionSummary::Track(track), .. } => format!("track {track}"),
        Note::Decided { verdict: DecisionSummary::Action(_), .. } => return None,
        Note::Decided { verdict: DecisionSummary::Failed(why), .. } => format!("no decision: {why}"),
        Note::Owned { owner, how } => format!("owner {} by {how}", rep(owner)),
        Note::TaskMade { kind, assignee, due, .. } => format!("{kind} for {assignee}, due {}", clock(*due)),
        Note::TaskDone { outcome, result, result_own, .. } => {
            format!("done: {outcome}{}{}", code(result), own_word(result_own))
        }
        Note::TaskMoved { assignee, .. } => format!("task now with {assignee}"),
        Note::TaskWithdrawn(_) => "task withdrawn".to_owned(),
        Note::NotDone { kind, assignee, .. } => format!("{kind} of {assignee} given up"),
        Note::DoneLate(_) => "done late".to_owned(),
        Note::Gated { channel, verdict, effect: _ } => {
            let way = channel.map_or("notice", Channel::as_str);
            match verdict {
                gate::Verdict::Go => format!("gate: {way} go"),
                gate::Verdict::NotBefore { at, why } => format!("gate: {way} not before {}: {why}", clock(*at)),
                gate::Verdict::Held(why) => format!("gate: {way} held: {why}"),
                gate::Verdict::Never(why) => format!("gate: {way} never: {why}"),
            }
        }
        Note::Queued { via, .. } => format!("queued by {via}"),
        Note::Touched { channel, outcome, contact, channel_own, .. } => {
            format!("touch {contact}: {channel}{} {outcome}", own_word(channel_own))
        }
        Note::Escalated { point, action, to, .. } => format!("escalated at point {point}: {action} {}", rep(to)),
        Note::NotEscalated { action, why, rep: to, .. } => format!("no {action}: {why} {}", rep(to)),
        Note::CallbackUnheard(at) => format!("nobody calls back at {at}"),
        Note::NobodyTold { point, .. } => format!("nobody told at point {point}"),
        Note::Gone(assignee) => format!("gone: {assignee}"),
        Note::StandsIn { owner, of } => format!("{owner} stands in for {of}"),
        Note::Interrupted { run, by, did, .. } => format!("{} by {by}: {did}", run_name(run)),
        Note::OfAccount { event, .. } => format!("of its account: {event}"),
        Note::Ousted(run) => format!("{} gives way", run_name(run)),
        Note::RunPaused { until, .. } => format!("paused until {}", clock(*until)),
        Note::PauseOver(run) => format!("{} goes on", run_name(run)),
        Note::Drawn { arm, kept, .. } => format!("arm {arm}{}", if *kept { " kept" } else { "" }),
        Note::Missing { fields, .. } => format!("missing {}", fields.join(", ")),
        Note::Cast { role, rep: cast, how, .. } => format!("{role} is {} by {how}", rep(cast)),
        Note::PassedOver { .. } => "a touch is passed over".to_owned(),
        Note::Watched(rep) => format!("{rep} watches"),
        Note::NotTold { why, .. } => format!("not told: {why}"),
        Note::Waiting { until, .. } => format!("waits until {}", until.map_or("told".to_owned(), clock)),
        Note::Ended { run, ending, .. } => format!("{} over: {ending}", run_name(run)),
        Note::Parked { cause, .. } => format!("parked: {cause}"),
        Note::Stage(stage, own) => format!("stage {stage}{}", own_word(own)),
        Note::Segment(segment) => format!("segment {segment}"),
        Note::Held { owner, until } => format!("held by {owner} until {}", clock(*until)),
        Note::HoldLeft { owner } => format!("hold by {owner} is nothing to it any more"),
        Note::HoldOver { expired } => format!("hold over, {}", if *expired { "expired" } else { "kept" }),
        Note::Preferred { .. } => "Preferred".to_owned(),
        Note::Braked(run) => format!("{} stands still", run_name(run)),
        Note::Released(run) => format!("{} goes on", run_name(run)),
        Note::Ignored(why) => format!("ignored: {why}"),
        other => format!("{other:?}"),
    })
}

/// The event that a line such as `call no_answer` or `lead.created email=a@b.io` stands for.
fn read_event(line: &str, sim: &mut Sim, now: Timestamp) -> Event {
    let words: Vec<&str> = line.split_whitespace().collect();
    let time = words.iter().position(|word| word.starts_with('@'));
    let at = time.map(|ix| when(&format!("{} {}", &words[ix][1..], words[ix + 1])));
    let commanded = |command| Event::Commanded { command, by: "ops".to_owned() };
    let mut tasks = sim.state.tasks.iter().chain(&sim.state.given_up);
    let mut task = |kind| tasks.find(|task| task.kind == kind).map(|task| task.id);
    let given_up = sim.state.given_up.last().map(|task| task.id);
    let own_words = w::own_words();
    let said = |word: Option<&&str>| own_words.results.said(word?);
    let first = || sim.state.tasks.first().expect("an open task").id;
    let moved = |change| Event::TaskMoved { task: first(), change, by: "ops".to_owned() };
    let rep = |ix: usize| RepId(words[ix].to_owned());
    match words[0] {
        "again" => sim.last.clone().expect("something that happened before"),
        kind @ ("call" | "todo" | "escalation" | "late") => Event::TaskDone(TaskReport {
            task: TaskKind::parse(kind)
                .map_or(given_up, &mut task)
                .unwrap_or_else(|| panic!("no {kind} task is known for `{line}`")),
            outcome: Outcome::parse(words[1]).expect("an outcome"),
            result: said(words.get(2)).map(|said| said.means),
            result_own: said(words.get(2)).and_then(|said| said.own),
            notes: None,
            fields: vec![],
            callback_at: at,
            by: "ada".to_owned(),
        }),
        ending @ ("sent" | "dead" | "held") => {
            let mail = sim.outbox.iter().position(|row| matches!(row.message, Message::Email { .. }));
            let row = sim.outbox.remove(mail.expect("a mail in the outbox"));
            let ending = match ending {
                "sent" => Delivery::Sent,
                "dead" => Delivery::Dead("550".to_owned()),
                _ => Delivery::HeldBack("refused".to_owned()),
            };
            Event::Delivered {
                effect: row.id,
                run: row.run,
                attempt: row.attempt,
                ending,
                script: None,
                at: None,
                channel: None,
                is_request: false,
            }
        }
        ending @ ("answered" | "refused" | "failed") => {
            let request = sim.outbox.iter().position(|row| row.message.is_request());
            let row = sim.outbox.remove(request.expect("a request in the outbox"));
            let values = words.iter().filter_map(|word| word.split_once('='));
            let values = values.map(|(name, text)| (name.to_owned(), Value::Text(text.to_owned()))).collect();
            let status = words.get(1).and_then(|word| word.parse().ok()).unwrap_or_default();
            let reply = Reply { status, values, ..Reply::default() };
            let ending = match ending {
                "answered" => Delivery::Answered(reply),
                "refused" => Delivery::Refused(reply),
                _ => Delivery::Dead("503".to_owned()),
            };
            Event::Delivered {
                effect: row.id,
                run: row.run,
                attempt: row.attempt,
                ending,
                script: None,
                at: row.message.at(),
                channel: None,
                is_request: true,
            }
        }
        "back" => {
            let row = &mut sim.outbox[0];
            (row.tries, row.started_at) = (0, None);
            Event::TakenBack(row.id)
        }
        "answer" => {
            let question = sim.questions.remove(0);
            let decision = match words[1] {
                "fails" => Err(DecisionFailure::Trap("unreachable".to_owned())),
                word => Ok(if let Some(segment) = Segment::parse(word) {
                    w::scored(50, segment)
                } else if let Some(action) = Action::parse(word) {
                    w::escalated(action)
                } else {
                    w::tracked(word)
                }),
            };
            answer(&question, decision)
        }
        "opt_out" => commanded(LeadCommand::OptOut { reason: None }),
        "pause" => commanded(LeadCommand::Pause),
        "resume" => commanded(LeadCommand::Resume),
        "disqualify" => commanded(LeadCommand::Disqualify { reason: "competitor".to_owned() }),
        "cancel" => commanded(LeadCommand::CancelRun(sim.state.runs[0].id)),
        "unpark" => commanded(LeadCommand::Unpark(sim.state.runs[0].id)),
        "prefer" => {
            let refused = words.iter().filter_map(|word| Channel::parse(word)).collect();
            commanded(LeadCommand::Prefer { refused: Some(refused), from: Some(at.map_or(Wish::AnyTime, Wish::Then)) })
        }
        "owner" => commanded(LeadCommand::SetOwner(rep(1))),
        "claim" => moved(TaskChange::Claimed(rep(1))),
        "snooze" => moved(TaskChange::Snoozed(at.expect("a time"))),
        "enroll" => Event::Enrolled { workflow: words[1].to_owned(), by: "ops".to_owned(), key: None },
        kind => Event::Reported(read_report(EventType::parse(kind).unwrap_or_else(|| panic!("`{line}`?")), line, now)),
    }
}

/// An attempt at the first message fails: it was written to the address that the lead had.
fn fails(sim: &mut Sim) {
    let Some(row) = sim.outbox.first_mut() else { panic!("nothing is under way") };
    row.started_at = None;
    let to = sim.state.lead.profile.email.clone().unwrap_or_default();
    if let Message::Email { rendered, .. } = &mut row.message {
        rendered.get_or_insert(Rendered { to, subject: String::new(), body: String::new(), letter: None });
    }
}

fn read_report(kind: EventType, line: &str, now: Timestamp) -> Report {
    let mut report = Report {
        kind,
        at: now,
        source: "web".to_owned(),
        fields: vec![],
        data: [].into(),
        enrolls: true,
        only_finds: false,
        left_out: vec![],
        standing: None,
        also: Vec::new(),
    };
    for (name, text) in line.split_whitespace().filter_map(|word| word.split_once('=')) {
        let info = field_info(name).filter(|info| STANDARD_FIELDS.contains(info));
        let value = match info.map(|info| info.kind) {
            _ if text.is_empty() => Value::Blank,
            Some(ValueType::Time) => Value::Time(when(&text.replace('_', " "))),
            None if name == "until" => Value::Time(when(&text.replace('_', " "))),
            _ => Value::Text(text.to_owned()),
        };
        match info {
            None if name == "opted_out" => {
                report.standing = Some(Standing { opted_out: Some(text == "true"), ..Standing::default() });
            }
            Some(_) => report.fields.push((name.to_owned(), value)),
            None => drop(report.data.insert(name.to_owned(), value)),
        }
    }
    report
}

pub(crate) type Answers = fn(&Question, u64) -> Option<Answered>;

/// Runs a story with these workflows and plugins.
pub(crate) fn check(title: &str, workflows: Vec<Arc<Workflow>>, answers: Answers, story: &str) {
    if let Err(other) = tell(workflows, answers, story) {
        panic!("{title}: {other}");
    }
}

/// The same; the error says what happened instead. Of several versions of a workflow the first is in force, and the
/// next ones from when the story says that they are applied.
pub(crate) fn tell(workflows: Vec<Arc<Workflow>>, answers: Answers, story: &str) -> Result<(), String> {
    let expected: Vec<&str> = story.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut names = std::collections::BTreeSet::new();
    let (first, later): (Vec<_>, Vec<_>) = workflows.into_iter().partition(|one| names.insert(one.name.clone()));
    let mut later = later.into_iter();
    let mut told = Told {
        world: w::world(first, answers),
        shared: Shared::default(),
        leads: vec![],
        text: String::new(),
        awake: Timestamp::from_ms(0),
    };
    for line in &expected {
        let Some((head, event)) = line.split_once(" > ") else {
            if let Some((head, ix)) = line.split_once(" ? ") {
                told.advance(when(head));
                told.line(line);
                told.state(usize::from(ix.as_bytes()[0] - b'a'));
            }
            if let Some((head, _)) = line.split_once(" ! stopped till then") {
                told.awake = when(head);
                told.line(line);
            }
            if let Some((head, workflow)) = line.split_once(" ! paused: ") {
                told.advance(when(head));
                let paused = &mut told.world.paused;
                match workflow.split_once(' ') {
                    Some(("by", connection)) => paused.connections.insert(connection.to_owned()),
                    Some(("plugin", plugin)) => paused.plugins.insert(plugin.to_owned()),
                    _ => paused.workflows.insert(workflow.to_owned()),
                };
                told.line(line);
            }
            if let Some((head, _)) = line.split_once(" ! applied") {
                told.advance(when(head));
                told.line(line);
                told.world.apply(later.next().expect("another version of a workflow"));
            }
            if let Some((head, _)) = line.split_once(" ! released") {
                told.advance(when(head));
                told.line(line);
                told.wake(when(head));
            }
            continue;
        };
        let (head, ix) = match head.split_once(" b:") {
            Some((head, _)) => (head, 1),
            None => (head, 0),
        };
        let now = when(head);
        told.advance(now);
        while told.leads.len() <= ix {
            let number = told.leads.len() as u64;
            told.leads.push(Sim::new(number, now));
        }
        if event == "fails" {
            // The attempt is known to have failed and is made again, so the lead is not told.
            fails(&mut told.leads[ix]);
            told.line(line);
            continue;
        }
        if let Some(which) = event.strip_prefix("due") {
            told.depart(ix, now, line, usize::from(which == " second"));
            continue;
        }
        let event_read = read_event(event, &mut told.leads[ix], now);
        told.feed(ix, now, &format!("> {event}"), event_read);
    }
    for sim in &told.leads {
        sim.check_replay(&told.world);
        sim.check_encoding();
    }
    let got: Vec<&str> = told.text.lines().map(str::trim).collect();
    if got == expected {
        return Ok(());
    }
    let first = got.iter().zip(&expected).find(|(got, expected)| got != expected);
    let said = "this is what happened; if it is right, write it into the story";
    Err(format!("{said}\n{}\nfirst difference: {first:?}", told.text))
}
