//! Workflows, drawn step by step. Steps lead forward, or back by way of a wait, so that no loop turns without time passing. What
//! cannot be written in YAML is not drawn.

use crate::dice::Dice;
use cadenza_core::workflow::Verb;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the verb of its name")]
pub enum VerbKind {
    Score,
    Switch,
    Assign,
    Call,
    Email,
    Cadence,
    Task,
    Branch,
    Wait,
    Update,
    Enroll,
    Split,
    Require,
    Notify,
    Watch,
    Message,
    Http,
    End,
}

impl VerbKind {
    /// Every kind, to draw from.
    pub const ALL: [Self; 18] = [
        Self::Score,
        Self::Switch,
        Self::Assign,
        Self::Call,
        Self::Email,
        Self::Cadence,
        Self::Task,
        Self::Branch,
        Self::Wait,
        Self::Update,
        Self::Enroll,
        Self::Split,
        Self::Require,
        Self::Notify,
        Self::Watch,
        Self::Message,
        Self::Http,
        Self::End,
    ];

    /// The kind of a verb. A new verb does not compile here until it has an arm, and must then be drawn below.
    pub const fn of(verb: &Verb) -> Self {
        match verb {
            Verb::Score(_) => Self::Score,
            Verb::Switch(_) => Self::Switch,
            Verb::Assign(_) => Self::Assign,
            Verb::Call(_) => Self::Call,
            Verb::Email(_) => Self::Email,
            Verb::Cadence(_) => Self::Cadence,
            Verb::Task(_) => Self::Task,
            Verb::Branch(_) => Self::Branch,
            Verb::Wait(_) => Self::Wait,
            Verb::Update(_) => Self::Update,
            Verb::Enroll(_) => Self::Enroll,
            Verb::Split(_) => Self::Split,
            Verb::Require(_) => Self::Require,
            Verb::Notify(_) => Self::Notify,
            Verb::Watch(_) => Self::Watch,
            Verb::Message(_) => Self::Message,
            Verb::Http(_) => Self::Http,
            Verb::End(_) => Self::End,
        }
    }
}

const SPANS: [&str; 6] = ["5m", "1h", "6h", "1d", "3d", "1 business day"];

/// Where a step may lead: to a later one, or out.
struct Places<'a> {
    dice: &'a mut Dice,
    at: usize,
    count: usize,
}

impl Places<'_> {
    fn on(&mut self) -> String {
        let (from, to) = (self.at as u32 + 1, self.count as u32);
        match self.dice.from_to(from, to) {
            end if end == to => "end".to_owned(),
            step => format!("s{step}"),
        }
    }

    fn span(&mut self) -> &'static str {
        self.dice.one_of(&SPANS)
    }

    /// The keys of a step. The first step chooses an owner, since calls need one.
    fn step(&mut self, kind: VerbKind) -> String {
        let (a, b) = (self.on(), self.on());
        match kind {
            VerbKind::Score => {
                let failure = self.dice.one_of(&["{ segment: warm }", "{ segment: cold }", "park"]);
                format!("score: inbound-fit, with: {{ hot: 60, warm: 30 }}, on_failure: {failure}")
            }
            VerbKind::Switch => {
                let test = self.dice.one_of(&[
                    "lead.segment == \"hot\"",
                    "lead.first_name == \"P1\" || lead.first_name == \"P2\"",
                    "is_blank(lead.company)",
                    "owner.present",
                ]);
                format!("switch: [{{ if: '{test}', go: {a} }}, {{ else: {b} }}]")
            }
            VerbKind::Assign => self.assign(),
            VerbKind::Call => {
                let (due, escalate) = (self.span(), self.escalate());
                format!(
                    "call: scripts/call.md, due: {due}{escalate}, results: {{ no-budget: {b}, qualified: {a}, no_answer: {b}, else: {a} }}"
                )
            }
            VerbKind::Task => {
                let escalate = self.escalate();
                let due = self.span();
                format!(
                    "task: Look at it, due: {due}{escalate}, results: {{ recommended: {b}, qualified: {a}, else: {b} }}"
                )
            }
            VerbKind::Email => match self.dice.chance(50) {
                true => "email: scripts/hello.md".to_owned(),
                false => format!("email: scripts/more.md, results: {{ sent: {a}, else: {b} }}"),
            },
            VerbKind::Cadence => {
                let (after, gap, contacts) = (self.span(), self.span(), self.dice.from_to(1, 4));
                let refused = self.dice.one_of(&["", ", refused: wait", ", at: \"10:00\""]);
                let third = self.dice.one_of(&[
                    "",
                    ", { after: 1h, message: scripts/more.md, via: mailer }",
                    ", { id: card, after: 0d, task: Send a card, channel: cards, give_up: 2d }",
                    ", { after: 0d, if: 'touch.outcome == \"no_answer\"', email: scripts/hello.md }",
                ]);
                let redial = if self.dice.chance(50) { ", redial: { after: 4m }" } else { "" };
                let repeat = if self.dice.chance(70) { ", repeat: { after: 1d }" } else { "" };
                format!(
                    "cadence: {{ limit: {{ contacts: {contacts} }}, stop: [{{ if: touch.reached, go: {a} }}], \
                     touches: [{{ id: first, after: {after}, email: scripts/more.md{refused} }}, \
                     {{ after: {gap}, call: scripts/call.md{redial} }}{third}]{repeat}, exhausted: {b} }}"
                )
            }
            VerbKind::Branch => {
                format!(
                    "branch: nurture-track, tracks: {{ weekly: {a}, monthly: {b}, else: {a} }}, on_failure: {{ track: monthly }}"
                )
            }
            VerbKind::Wait => match self.dice.from_to(0, 5) {
                3 => {
                    let since = self.dice.one_of(&["", ", since: run.started_at", ", since: { step: s0 }"]);
                    let (longest, c) = (self.span(), self.on());
                    format!(
                        "wait: {{ for: [{{ event: email.replied, go: {a} }}, {{ event: custom.tick, go: {b} }}]{since}, \
                         timeout: {{ after: {longest}, go: {c} }} }}"
                    )
                }
                4 => format!(
                    "wait: {{ next: {} }}",
                    self.dice.one_of(&["monday", "sunday, at: \"09:00\"", "day", "opening"])
                ),
                0 => format!("wait: {}", self.span()),
                1 => format!("wait: {{ until: lead.project_date, before: 1d, past: {a}, blank: {b} }}"),
                2 => {
                    format!("wait: {{ event: email.replied, go: {a}, timeout: {{ after: {}, go: {b} }} }}", self.span())
                }
                _ => format!("wait: {{ event: custom.tick, go: {a}, timeout: {{ after: {}, go: {b} }} }}", self.span()),
            },
            VerbKind::Update => {
                let what = self.dice.one_of(&[
                    "campaign: met",
                    "stage: fits",
                    "segment: cold",
                    "product: { cel: lead.first_name }",
                ]);
                format!("update: {{ {what} }}")
            }
            VerbKind::Enroll => "enroll: handoff".to_owned(),
            VerbKind::Split => {
                let by = self.dice.one_of(&["lead", "account"]);
                format!(
                    "split: {{ by: {by} }}, arms: [{{ arm: one, share: 40, go: {a} }}, {{ arm: two, share: 60, go: {b} }}]"
                )
            }
            VerbKind::Require => format!("require: {{ fields: [company, budget], missing: {a} }}"),
            VerbKind::Notify => {
                let to = self.dice.one_of(&["{ connection: mailer }", "{ rep: ana }"]);
                format!("notify: {{ to: {to}, text: Somebody is here, via: mailer }}")
            }
            VerbKind::Watch => format!("watch: {}", self.dice.one_of(&["owner", "manager", "{ pool: desk }"])),
            VerbKind::Message => match self.dice.chance(50) {
                true => "message: scripts/more.md, via: mailer".to_owned(),
                false => {
                    format!("message: scripts/more.md, via: mailer, results: {{ sent: {a}, else: {b} }}")
                }
            },
            VerbKind::Http => {
                let method = self.dice.one_of(&["GET", "POST", "PATCH", "DELETE"]);
                let path = self.dice.one_of(&["/leads", "/leads/{{ lead.first_name }}", "/of/{{ lead.company }}"]);
                let asks = match method {
                    "GET" => "query: { of: \"{{ lead.email }}\" }",
                    _ => "body: { name: \"{{ lead.first_name }}\", size: { cel: lead.employees }, new: true }",
                };
                let save =
                    self.dice.one_of(&["", ", save: { campaign: body.word }", ", save: { employees: body.number }"]);
                let results = self.dice.one_of(&[String::new(), format!(", results: {{ sent: {a}, else: {b} }}")]);
                format!("http: {{ via: mailer, method: {method}, path: \"{path}\", {asks} }}{save}{results}")
            }
            VerbKind::End => "end: over".to_owned(),
        }
    }

    fn assign(&mut self) -> String {
        let by = self.dice.one_of(&["longest_idle", "round_robin", "least_loaded", "weighted"]);
        let sticky = self.dice.one_of(&["", ", sticky: lead", ", sticky: account"]);
        let hold = match self.dice.from_to(0, 3) {
            0 => String::new(),
            1 => ", hold: { scope: lead, for: 2d }".to_owned(),
            2 => ", hold: { scope: account, for: 3d, until: deal.won }".to_owned(),
            _ => format!(", hold: {{ scope: account, for: 1d, on_expiry: {} }}", self.on()),
        };
        format!("assign: {{ pool: closers, by: {by}{sticky}, fallback: desk }}{hold}")
    }

    fn escalate(&mut self) -> String {
        match self.dice.chance(50) {
            true => {
                ", escalate: { plugin: speed-to-lead, at: [10m, 1h, 1d], remind: owner, raise: manager }".to_owned()
            }
            false => String::new(),
        }
    }
}

fn steps(dice: &mut Dice, kinds: &[VerbKind], circles: bool) -> String {
    let mut text = String::from("steps:\n");
    let count = kinds.len();
    for (at, kind) in kinds.iter().enumerate() {
        let step = Places { dice, at, count }.step(*kind);
        let _ = writeln!(text, "  - {{ id: s{at}, {step} }}");
    }
    if circles {
        // The way back takes time.
        let _ = writeln!(text, "  - {{ id: s{count}, wait: 2d, go: s0 }}");
    }
    text
}

/// What events do to a run, wherever it is.
fn interrupts(dice: &mut Dice, steps: usize) -> String {
    if dice.chance(40) {
        return String::new();
    }
    let event = dice.one_of(&["email.replied", "custom.tick", "call.inbound", "lead.updated"]);
    let at = |dice: &mut Dice| format!("s{}", dice.from_to(0, steps as u32 - 1));
    let during = if dice.chance(50) { format!(", during: [{}, {}]", at(dice), at(dice)) } else { String::new() };
    // An event takes time, so any step may follow.
    let does = match dice.from_to(0, 3) {
        0 => format!("go: {}", at(dice)),
        1 => format!("pause: {{ else: {} }}", dice.one_of(&SPANS)),
        2 => {
            "do: [{ notify: { to: { connection: mailer }, text: Heard, via: mailer } }, { watch: manager }]".to_owned()
        }
        _ => "do: [{ update: { campaign: heard } }, { enroll: handoff }]".to_owned(),
    };
    let of = if dice.chance(40) { ", of: account" } else { "" };
    format!("interrupts:\n  - {{ event: {event}{of}{during}, {does} }}\n")
}

/// An event that ends the runs of all leads of an account.
fn leaves_with_its_account(dice: &mut Dice) -> String {
    match dice.from_to(0, 7) {
        0 => {
            let event = dice.one_of(&["email.replied", "custom.tick", "deal.won"]);
            format!("  - {{ event: {event}, of: account, as: colleague }}\n")
        }
        1 => "  - { event: call.inbound, of: account, if: event.source != \"web\", as: colleague }\n".to_owned(),
        _ => String::new(),
    }
}

/// The workflow that most leads enter.
pub(super) fn follow(dice: &mut Dice) -> String {
    let mut kinds = vec![VerbKind::Assign];
    for _ in 0..dice.from_to(3, 9) {
        kinds.push(dice.weighed(&[
            (2, VerbKind::Score),
            (2, VerbKind::Switch),
            (1, VerbKind::Assign),
            (3, VerbKind::Call),
            (4, VerbKind::Email),
            (3, VerbKind::Cadence),
            (2, VerbKind::Task),
            (2, VerbKind::Branch),
            (3, VerbKind::Wait),
            (1, VerbKind::Update),
            (1, VerbKind::Enroll),
            (1, VerbKind::Split),
            (1, VerbKind::Require),
            (1, VerbKind::Notify),
            (1, VerbKind::Watch),
            (1, VerbKind::Message),
            (2, VerbKind::Http),
        ]));
    }
    let circles = dice.chance(40);
    if !circles && dice.chance(30) {
        kinds.push(VerbKind::End);
    }
    let re_enroll = dice.one_of(&["always", "never", "{ after: 2d }", "{ when: lead.knows_us }"]);
    let interrupts = interrupts(dice, kinds.len());
    let leave = leaves_with_its_account(dice);
    let when = dice.one_of(&["", ", if: lead.country != \"FR\"", ", if: is_blank(lead.campaign)"]);
    let catch_up = dice.one_of(&["latest", "none", "{ all: 3 }"]);
    let schedule = match dice.chance(60) {
        true => format!(
            "  - {{ schedule: {{ id: morning, cron: \"{}\", catch_up: {catch_up} }}, leads: {} }}\n",
            dice.one_of(&["0 8 * * *", "30 */6 * * *", "0 9 * * MON-FRI"]),
            dice.one_of(&["\"true\"", "lead.first_name == \"P1\""]),
        ),
        false => String::new(),
    };
    format!(
        "workflow: follow\nsummary: A lead is followed.\nenroll:\n  - {{ when: lead.created{when} }}\n{schedule}re_enroll: {re_enroll}\n\
         {interrupts}leave:\n  - {{ if: lead.opted_out, as: suppressed }}\n  - {{ if: lead.stage == \"customer\", as: won }}\n{leave}{}",
        steps(dice, &kinds, circles)
    )
}

/// The workflow into which others put leads.
pub(super) fn handoff(dice: &mut Dice) -> String {
    let mut kinds = vec![VerbKind::Assign];
    for _ in 0..dice.from_to(1, 3) {
        kinds.push(dice.one_of(&[VerbKind::Task, VerbKind::Wait, VerbKind::Email, VerbKind::Score, VerbKind::Call]));
    }
    let leave = leaves_with_its_account(dice);
    format!(
        "workflow: handoff\nsummary: A lead is handed over.\nre_enroll: {}\nleave:\n  - {{ if: lead.opted_out, as: suppressed }}\n{leave}{}",
        dice.one_of(&["never", "{ after: 1d }"]),
        steps(dice, &kinds, false)
    )
}

/// The workflow that answers what leads say.
pub(super) fn quiet(dice: &mut Dice) -> String {
    let kinds = [VerbKind::Wait, dice.one_of(&[VerbKind::Email, VerbKind::Update, VerbKind::Task])];
    let schedule = match dice.chance(40) {
        true => "  - { schedule: { cron: \"15 12 * * *\" }, leads: lead.country == \"US\" }\n",
        false => "",
    };
    format!(
        "workflow: quiet\nsummary: What a lead says is heard.\nenroll:\n  - {{ when: email.replied }}\n  - {{ when: custom.tick, if: lead.country == \"DE\" }}\n{schedule}\
         re_enroll: always\nleave:\n  - {{ if: lead.opted_out, as: suppressed }}\n{}",
        steps(dice, &kinds, false)
    )
}
