//! Workflows in core's types, the inbound example of the design among them, and a small workspace to run them in.

use super::World;
use cadenza_core::calendar::{Calendar, weekdays_nine_to_five};
use cadenza_core::country::Country;
use cadenza_core::effect::Question;
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::expr::{Comparison, Expr, Function, Name, Object};
use cadenza_core::field::field_info;
use cadenza_core::id::Digest;
use cadenza_core::lead::{Channel, Outcome, RepId, Stage, TouchResult};
use cadenza_core::own_words::{OwnWord, OwnWords};
use cadenza_core::paused::Paused;
use cadenza_core::plugin::{Action, Decision, DecisionKind, FieldRead, Reads, Reason, Segment, With};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::{
    Arm, Ask, AskRef, Assign, AssignBy, Assignment, Awaited, Branch, Cadence, CadenceTouch, Call, Carry, Doer, Email,
    Enroll, Enrolment, Escalate, Group, HoldRule, HoldScope, Http, Interrupt, Leave, MailResults, Method, OnFailure,
    Part, Purpose, ReEnroll, Reaction, Recipient, Redial, Refused, Results, Save, Score, Since, Step, StepIx, Sticky,
    Target, Todo, TouchPlan, Verb, Voicemails, Wait, Workflow,
};
use cadenza_core::workspace::{Binding, ContactPolicy, Live, Pool, Rep, Settings, Team, Territory};
use jiff::civil::date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const ZONE: &str = "America/New_York";

pub fn span(text: &str) -> Span {
    Span::parse(text).unwrap_or_else(|| panic!("`{text}` is no duration"))
}
pub fn text(text: &str) -> Expr {
    Expr::Literal(Value::Text(text.to_owned()))
}
pub fn name(path: &str) -> Expr {
    let (object, field) = path.split_once('.').expect("object.field");
    Expr::Name(Name { object: Object::parse(object).expect("an object"), field: field.to_owned() })
}
pub fn compare(left: Expr, how: Comparison, right: Expr) -> Expr {
    Expr::Compare(how, Box::new(left), Box::new(right))
}
pub fn is(path: &str, value: &str) -> Expr {
    compare(name(path), Comparison::Equal, text(value))
}
pub fn blank(path: &str) -> Expr {
    Expr::Call(Function::IsBlank, vec![name(path)])
}
pub fn standard(kind: StandardEvent) -> EventType {
    EventType::Standard(kind)
}
pub fn custom(kind: &str) -> EventType {
    EventType::Custom(kind.to_owned())
}
fn ask(plugin: &str) -> Ask {
    Ask { plugin: plugin.to_owned(), with: With::new() }
}

/// Makes a verb, given a way to find the steps whose ids it names.
type MakeVerb = Box<dyn Fn(&dyn Fn(&str) -> Target) -> Verb>;

/// Builds a workflow from steps that name each other by id. `end` is the end; a step without a
/// target goes on to the next one.
pub struct Builder {
    name: String,
    /// The id, the verb, and where the step goes if not to the next one.
    steps: Vec<(String, MakeVerb, Option<String>)>,
    workflow: Workflow,
    interrupts: Vec<(EventType, &'static [&'static str], Does)>,
    of_account: bool,
}

pub fn workflow(name: &str) -> Builder {
    let digest = Digest(cadenza_core::id::hash64(name.as_bytes()));
    let workflow = Workflow {
        name: name.to_owned(),
        summary: String::new(),
        digest,
        enroll: vec![],
        re_enroll: ReEnroll::Never,
        key: None,
        group: None,
        leave: vec![],
        interrupts: vec![],
        steps: vec![],
        scripts: BTreeMap::new(),
    };
    Builder { name: name.to_owned(), steps: vec![], workflow, interrupts: vec![], of_account: false }
}

impl Builder {
    pub fn when(mut self, event: EventType, condition: Expr) -> Self {
        self.workflow.enroll.push(Enroll::When { event, condition });
        self
    }
    pub fn on_created(self) -> Self {
        self.when(standard(StandardEvent::LeadCreated), Expr::TRUE)
    }
    pub fn leave(mut self, condition: Expr, ending: &str) -> Self {
        let (event, of_account, ending) = (None, false, ending.to_owned());
        self.workflow.leave.push(Leave { event, of_account, condition, ending });
        self
    }
    /// Leaves at an event, of this lead or of any lead of its account.
    pub fn leave_at(mut self, event: &str, of_account: bool, ending: &str) -> Self {
        let (event, condition, ending) = (EventType::parse(event), Expr::TRUE, ending.to_owned());
        self.workflow.leave.push(Leave { event, of_account, condition, ending });
        self
    }
    /// Lets the interrupts hear of every lead of the account.
    pub fn of_account(mut self) -> Self {
        self.of_account = true;
        self
    }
    /// Has a run stand still while a workflow of a higher priority has the lead.
    pub fn pauses(mut self) -> Self {
        self.workflow.group.as_mut().expect("a group").pauses = true;
        self
    }
    pub fn re_enroll(mut self, re_enroll: ReEnroll) -> Self {
        self.workflow.re_enroll = re_enroll;
        self
    }
    /// An interrupt; its target and the steps during which it applies are found when the workflow is built.
    pub fn interrupt(mut self, event: &str, during: &'static [&'static str], does: Does) -> Self {
        self.interrupts.push((EventType::parse(event).expect("an event"), during, does));
        self
    }
    pub fn group(mut self, name: &str, priority: i32, waits: Option<&str>) -> Self {
        self.workflow.group = Some(Group { name: name.to_owned(), priority, waits: waits.map(span), pauses: false });
        self
    }
    /// A later version of the workflow, under the same name.
    pub fn version(mut self, number: u64) -> Self {
        self.workflow.digest.0 = self.workflow.digest.0.wrapping_add(number);
        self
    }
    pub fn key(mut self, key: Expr) -> Self {
        self.workflow.key = Some(key);
        self
    }
    pub fn step(mut self, id: &str, verb: impl Fn(&dyn Fn(&str) -> Target) -> Verb + 'static) -> Self {
        self.steps.push((id.to_owned(), Box::new(verb), None));
        self
    }
    /// Makes the step before go there instead of on to the next one.
    pub fn then(mut self, target: &str) -> Self {
        self.steps.last_mut().expect("a step before `then`").2 = Some(target.to_owned());
        self
    }
    pub fn build(mut self) -> Arc<Workflow> {
        let ids: Vec<String> = self.steps.iter().map(|(id, ..)| id.clone()).collect();
        let find = |id: &str| match id {
            "end" => Target::End,
            id => {
                let ix = ids.iter().position(|i| i == id).unwrap_or_else(|| panic!("{}: no step `{id}`", self.name));
                Target::Step(StepIx(ix as u16))
            }
        };
        for (ix, (id, verb, next)) in self.steps.iter().enumerate() {
            let fall_through = ids.get(ix + 1).map_or("end", String::as_str);
            let next = find(next.as_deref().unwrap_or(fall_through));
            self.workflow.steps.push(Step { id: id.clone(), verb: verb(&find), next });
        }
        for (event, during, does) in &self.interrupts {
            let step = |id: &&str| match find(id) {
                Target::Step(ix) => ix,
                Target::End => panic!("no run is at the end"),
            };
            let reaction = match does {
                Does::Go(id) => Reaction::Go(find(id)),
                Does::Pause(until, otherwise) => Reaction::Pause { until: until.map(name), otherwise: span(otherwise) },
                Does::Do(deeds) => Reaction::Do(deeds()),
            };
            self.workflow.interrupts.push(Interrupt {
                event: event.clone(),
                of_account: self.of_account,
                condition: Expr::TRUE,
                during: during.iter().map(step).collect(),
                reaction,
            });
        }
        Arc::new(self.workflow)
    }
}

/// What an interrupt does.
pub enum Does {
    Go(&'static str),
    Pause(Option<&'static str>, &'static str),
    Do(fn() -> Vec<Verb>),
}

/// A wait for several events, each with where it leads.
pub fn wait_any(events: &[(&str, Target)], since: Since, timeout: &str, on_timeout: Target) -> Verb {
    let mut all = events.iter().map(|(event, go)| Awaited {
        event: EventType::parse(event).expect("an event"),
        condition: Expr::TRUE,
        go: *go,
    });
    let first = all.next().expect("an event");
    Verb::Wait(Wait::Event { first, or: all.collect(), since, timeout: span(timeout), on_timeout })
}

/// An update of one field.
pub fn set(field: &str, value: &str) -> Verb {
    Verb::Update(vec![Assignment::Field { field: field.to_owned(), value: text(value) }])
}

pub fn enroll(workflow: &str) -> Verb {
    Verb::Enroll(Enrolment { workflow: workflow.to_owned(), key: None })
}
pub fn score() -> Verb {
    score_or(OnFailure::Fallback(Segment::Warm))
}
pub fn score_or(on_failure: OnFailure<Segment>) -> Verb {
    Verb::Score(Score { ask: ask("fit"), name: "fit".to_owned(), on_failure })
}
/// Another plugin is asked when the first does not decide.
pub fn second_opinion() -> OnFailure<Segment> {
    OnFailure::Plugin(ask("second-fit"))
}
pub fn results(find: &dyn Fn(&str) -> Target, named: &[(&str, &str)], otherwise: &str) -> Results {
    let (mut by_own, mut by_result, mut by_outcome, mut not_done) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), None);
    for (code, target) in named {
        if *code == "not_done" {
            not_done = Some(find(target));
        } else if let Some(result) = TouchResult::parse(code) {
            by_result.insert(result, find(target));
        } else if let Some(outcome) = Outcome::parse(code) {
            by_outcome.insert(outcome, find(target));
        } else {
            by_own.insert((*code).to_owned(), find(target));
        }
    }
    Results { by_own, by_result, by_outcome, not_done, otherwise: find(otherwise) }
}
pub fn escalate() -> Escalate {
    Escalate {
        ask: ask("speed"),
        at: vec![span("5m"), span("15m"), span("1h")],
        remind: Recipient::Owner,
        raise: Recipient::Manager,
    }
}
pub fn call(due: &str, escalate: Option<Escalate>, results: Results) -> Verb {
    Verb::Call(Box::new(Call {
        script: "call.md".to_owned(),
        due: span(due),
        escalate,
        give_up: None,
        doer: Doer::Owner,
        asks: vec![],
        results,
    }))
}
pub fn todo(due: &str, results: Results) -> Verb {
    let objective = "Agree the next step".to_owned();
    Verb::Task(Box::new(Todo {
        objective,
        script: None,
        due: span(due),
        escalate: None,
        give_up: None,
        doer: Doer::Owner,
        asks: vec![],
        results,
    }))
}
pub fn email() -> Email {
    Email { script: "mail.md".to_owned(), via: "smtp".to_owned(), results: None, purpose: Purpose::default() }
}
/// A request whose answer sets the lead's campaign.
pub fn http(results: Option<MailResults>) -> Verb {
    Verb::Http(Box::new(Http {
        via: "smtp".to_owned(),
        method: Method::Post,
        path: "/deals".to_owned(),
        query: vec![],
        headers: vec![],
        body: None,
        save: vec![Save { field: "campaign".to_owned(), from: Part::Body(vec!["campaign".to_owned()]) }],
        results,
    }))
}
pub fn pool(hold: Option<HoldRule>) -> Assign {
    Assign {
        rep: None,
        role: None,
        anew: false,
        unannounced: true,
        pool: Some("closers".to_owned()),
        by: AssignBy::LongestIdle,
        sticky: Some(Sticky::Account),
        fallback: Some("desk".to_owned()),
        hold,
        carry: Carry::default(),
    }
}
pub fn territory() -> Assign {
    let carry = Carry { move_open_tasks: true, watch_previous_owner: true };
    Assign {
        pool: None,
        by: AssignBy::Territory,
        rep: None,
        role: None,
        anew: false,
        unannounced: true,
        sticky: None,
        fallback: Some("desk".to_owned()),
        hold: None,
        carry,
    }
}
pub fn hold(scope: HoldScope, on_expiry: Target) -> HoldRule {
    let until = Some(standard(StandardEvent::DealWon));
    HoldRule { scope, span: span("14d"), until, on_expiry: Some(on_expiry) }
}
/// A touch without anything besides.
pub fn touch_after(after: &str, touch: TouchPlan) -> CadenceTouch {
    CadenceTouch { id: None, after: span(after), at: None, condition: None, refused: Refused::Skip, touch }
}
pub fn call_touch(after: &str, redial: bool) -> CadenceTouch {
    let redial = redial.then(|| Redial { after: span("4m"), voicemail_on_redial: true });
    let touch =
        TouchPlan::Call { script: "call-2.md".to_owned(), due: span("1h"), redial, escalate: None, give_up: None };
    touch_after(after, touch)
}
pub fn mail_touch(after: &str) -> CadenceTouch {
    touch_after(after, TouchPlan::Email(email()))
}
pub fn cadence(touches: Vec<CadenceTouch>, max: u16, repeat: Option<&str>, stop: Vec<Arm>, exhausted: Target) -> Verb {
    let paths = ["vm-1.md", "vm-2.md", "vm-last.md"].map(str::to_owned);
    let [first, next, last] = paths;
    Verb::Cadence(Box::new(Cadence {
        contacts_max: max,
        count: vec![Channel::Call, Channel::Email],
        count_own: vec![],
        voicemails: Some(Voicemails { first, next, last }),
        stop,
        touches,
        repeat: repeat.map(span),
        exhausted,
        not_done: None,
    }))
}
/// A call or task that is given up after so long.
pub fn given_up(verb: Verb, after: &str) -> Verb {
    match verb {
        Verb::Call(call) => Verb::Call(Box::new(Call { give_up: Some(span(after)), ..*call })),
        Verb::Task(todo) => Verb::Task(Box::new(Todo { give_up: Some(span(after)), ..*todo })),
        other => other,
    }
}
/// A task about which a plugin is asked at these times.
pub fn escalated_at(verb: Verb, at: &[&str]) -> Verb {
    let Verb::Task(todo) = verb else { return verb };
    let escalate = Escalate { at: at.iter().copied().map(span).collect(), ..escalate() };
    Verb::Task(Box::new(Todo { escalate: Some(escalate), ..*todo }))
}
/// A cadence whose calls are given up after so long, and where it goes when nobody makes them.
pub fn cadence_given_up(verb: Verb, after: &str, not_done: Option<Target>) -> Verb {
    let Verb::Cadence(mut cadence) = verb else { return verb };
    cadence.not_done = not_done;
    for touch in &mut cadence.touches {
        if let TouchPlan::Call { give_up, .. } = &mut touch.touch {
            *give_up = Some(span(after));
        }
    }
    Verb::Cadence(cadence)
}
pub fn reached() -> Expr {
    name("touch.reached")
}
pub fn branch(find: &dyn Fn(&str) -> Target, tracks: &[(&str, &str)], otherwise: &str) -> Verb {
    let tracks = tracks.iter().map(|(track, go)| ((*track).to_owned(), find(go))).collect();
    let on_failure = OnFailure::Fallback("monthly".to_owned());
    Verb::Branch(Branch { ask: ask("track"), tracks, otherwise: find(otherwise), on_failure })
}
pub fn wait_event(event: EventType, go: Target, timeout: &str, on_timeout: Target) -> Verb {
    Verb::Wait(Wait::Event {
        first: Awaited { event, condition: Expr::TRUE, go },
        or: vec![],
        since: Since::Moved,
        timeout: span(timeout),
        on_timeout,
    })
}

/// The whole example of the design.
pub fn inbound() -> Arc<Workflow> {
    workflow("inbound")
        .on_created()
        .re_enroll(ReEnroll::After(span("90d")))
        .leave(name("lead.opted_out"), "suppressed")
        .leave(is("lead.stage", "customer"), "won")
        .step("score", |_| score())
        .step("split", |go| Verb::Switch(vec![Arm { condition: is("lead.segment", "hot"), go: go("own") }]))
        .then("nurture")
        .step("own", |go| Verb::Assign(pool(Some(hold(HoldScope::Account, go("hand-back"))))))
        .step("first-call", |go| {
            let named = [("qualified", "hand-over"), ("not_now", "nurture")];
            call("5 business minutes", Some(escalate()), results(go, &named, "persist"))
        })
        .step("persist", |go| {
            let touches = vec![call_touch("0d", true), mail_touch("1 business day")];
            let stop = vec![Arm { condition: reached(), go: go("talk") }];
            cadence(touches, 12, Some("3 business days"), stop, go("nurture"))
        })
        .step("talk", |go| todo("1 business day", results(go, &[("qualified", "hand-over")], "nurture")))
        .step("nurture", |go| branch(go, &[("weekly", "weekly"), ("monthly", "monthly"), ("long", "long")], "monthly"))
        .step("hand-over", |_| enroll("handoff"))
        .then("end")
        .step("hand-back", |_| Verb::Assign(territory()))
        .then("end")
        .step("weekly", |_| Verb::Wait(Wait::For(span("1w"))))
        .then("nurture-mail")
        .step("monthly", |_| Verb::Wait(Wait::For(span("30d"))))
        .step("nurture-mail", |_| Verb::Email(email()))
        .then("nurture")
        .step("long", |go| {
            Verb::Wait(Wait::Until {
                date: name("lead.project_date"),
                offset: span("30d"),
                before: true,
                past: go("reopen"),
                blank: go("monthly"),
            })
        })
        .step("reopen", |_| Verb::Update(vec![Assignment::Segment(Segment::Warm)]))
        .then("persist")
        .build()
}

pub fn handoff() -> Arc<Workflow> {
    workflow("handoff")
        .re_enroll(ReEnroll::Always)
        .step("qualify", |_| Verb::Update(vec![Assignment::Stage(Stage::Qualified)]))
        .step("host", |go| todo("1 business day", results(go, &[], "accepted")))
        .step("accepted", |go| wait_event(standard(StandardEvent::MeetingAccepted), go("held"), "5d", go("lapsed")))
        .step("held", |_| Verb::End("held".to_owned()))
        .step("lapsed", |_| Verb::End("lapsed".to_owned()))
        .build()
}

pub fn rep(name: &str, manager: Option<&str>) -> (RepId, Rep) {
    let rep = Rep {
        name: name.to_owned(),
        email: None,
        signature: None,
        manager: manager.map(|id| RepId(id.to_owned())),
        calendar: calendar(),
        absences: vec![],
        open_tasks_max: None,
    };
    (RepId(name.to_owned()), rep)
}

pub fn calendar() -> Calendar {
    let zone = TimeZone::get(ZONE).expect("a zone of the bundled database");
    Calendar::new(zone, weekdays_nine_to_five(), [].into()).expect("it has hours")
}

/// Words of the team's own, one of each kind and meaning that stories ask about.
pub fn own_words() -> OwnWords {
    let mut own = OwnWords::default();
    for (name, means) in [
        ("no-budget", TouchResult::NotNow),
        ("competitor-won", TouchResult::NotNow),
        ("never-again", TouchResult::OptedOut),
        ("not-a-fit", TouchResult::Unqualified),
    ] {
        own.results.insert(name.to_owned(), OwnWord { means, reason_required: false });
    }
    for (name, means) in [("reference", Stage::Customer), ("trial", Stage::Open), ("struck-off", Stage::Disqualified)] {
        own.stages.insert(name.to_owned(), OwnWord { means, reason_required: false });
    }
    own.channels.insert("linkedin".to_owned(), OwnWord { means: Channel::Other, reason_required: false });
    own
}
/// Ada, Bob and Cara close, Mia is their manager and Lea's, who works in Los Angeles, Tess has the West, and Dan sits at the
/// desk. Cara is away in April.
pub fn settings() -> Settings {
    let mut reps: BTreeMap<RepId, Rep> = ["ada", "bob", "cara"].iter().map(|n| rep(n, Some("mia"))).collect();
    reps.extend(["mia", "tess", "dan"].iter().map(|n| rep(n, None)));
    reps.get_mut(&RepId("cara".to_owned())).expect("made above").absences = vec![(date(2026, 4, 1), date(2026, 4, 30))];
    let (lea, mut in_the_west) = rep("lea", Some("mia"));
    in_the_west.calendar = in_the_west.calendar.in_zone(TimeZone::get("America/Los_Angeles").expect("a zone"));
    reps.insert(lea, in_the_west);
    let members = ["ada", "bob", "cara"].iter().map(|n| (RepId((*n).to_owned()), 1)).collect();
    let desk = vec![(RepId("dan".to_owned()), 1)];
    let west =
        Territory { name: "west".to_owned(), condition: is("lead.region", "west"), owner: RepId("tess".to_owned()) };
    Settings {
        own_words: own_words(),
        name: "test".to_owned(),
        calendar: calendar(),
        country: Country::of_code("US"),
        calendars: BTreeMap::new(),
        fields: [("renewal".to_owned(), ValueType::Time.into())].into(),
        contact: ContactPolicy {
            business_hours: vec![Channel::Call],
            email_via: Some("smtp".to_owned()),
            caps: Vec::new(),
            gaps: Vec::new(),
            quiet: None,
            notify_via: Some("chat".to_owned()),
            ..ContactPolicy::default()
        },
        plugins: BTreeMap::new(),
        team: Team {
            reps,
            pools: [
                ("closers".to_owned(), Pool { members, calendar: None }),
                ("desk".to_owned(), Pool { members: desk, calendar: None }),
            ]
            .into(),
            territories: vec![west],
        },
    }
}

/// A workspace with these workflows. Every scoring plugin reads a dozen fields.
pub fn world(workflows: Vec<Arc<Workflow>>, answers: fn(&Question, u64) -> Option<super::Answered>) -> World {
    let fields = [
        "title",
        "seniority",
        "company",
        "industry",
        "employees",
        "country",
        "source",
        "campaign",
        "product",
        "budget",
        "message",
        "engagements",
    ];
    let read = |name: &str| {
        let kind = field_info(name).map_or(ValueType::Any, |info| info.kind);
        FieldRead { name: name.to_owned(), kind }
    };
    let reads = Reads { fields: fields.map(read).to_vec(), ..Reads::default() };
    let binding = Binding { parameters: [Value::Int(75), Value::Int(40)].into_iter().collect(), reads };
    let mut bindings: BTreeMap<AskRef, Binding> = BTreeMap::new();
    for workflow in &workflows {
        let scored = workflow.asks().into_iter().filter(|(_, kind, _)| *kind == DecisionKind::Scoring);
        bindings.extend(scored.map(|(place, ..)| (place, binding.clone())));
    }
    let definitions = workflows.iter().cloned().collect();
    let workflows = workflows.into_iter().map(|w| (w.name.clone(), w)).collect();
    let live = Live {
        digest: Digest(1),
        settings: Arc::new(settings()),
        workflows,
        plugins: BTreeMap::new(),
        bindings,
        candidates: BTreeMap::new(),
        connections: ["smtp", "chat"].map(str::to_owned).into(),
    };
    World { definitions, live, paused: Paused::default(), past: BTreeMap::new(), answers }
}

pub fn scored(points: i32, segment: Segment) -> Decision {
    let reason = |rule, points, value: &str| Reason { rule, points, value: value.to_owned() };
    let reasons = vec![
        reason(1, 30, "Head of Operations"),
        reason(2, 20, "250"),
        reason(4, 15, "manufacturing"),
        reason(7, 10, "web"),
        reason(9, 10, "pricing"),
    ];
    Decision::Score { points, segment, reasons, rescore_after_s: None }
}
pub fn tracked(track: &str) -> Decision {
    Decision::Track { track: track.to_owned(), look_again_s: None, reasons: vec![] }
}
pub fn escalated(action: Action) -> Decision {
    Decision::Escalate { action, reasons: vec![] }
}

/// Scores hot, tracks monthly, and reminds, raises and reassigns in turn by the escalation's point.
pub fn hot(question: &Question, _: u64) -> Option<super::Answered> {
    Some(Ok(match question.kind {
        DecisionKind::Scoring => scored(85, Segment::Hot),
        DecisionKind::Nurture => tracked("monthly"),
        DecisionKind::Escalation => {
            let point = question.input.overdue.as_ref().map_or(0, |overdue| overdue.point);
            escalated([Action::Remind, Action::Raise, Action::Reassign][usize::from(point).min(2)])
        }
    }))
}

/// Answers nothing at once.
pub fn pooled(_: &Question, _: u64) -> Option<super::Answered> {
    None
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("`{text}` is no time"))
}
