//! The tables of a test file: every key with what it takes and means.

use super::answers::{STATUS_MAX, STATUS_MIN};
use super::model::MailStub;
use crate::shape::Takes::{
    Duration, Either, Event, Form, Json, List, Map, OwnOr, Ref, Text, Time, Value, Whole, Words,
};
use crate::shape::{Key, Shape, Takes, optional, required};
use cadenza_core::effect::NoticeKind;
use cadenza_core::event::Ending;
use cadenza_core::gate::Reason;
use cadenza_core::journal::Refusal;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{Action, Segment};
use cadenza_core::workflow::Method;

pub(crate) static TEST: Shape = Shape {
    name: "a test file",
    about: "Cases of a workflow: what happens, and what should come of it.",
    keys: &[
        required("test", Ref("workflow"), "The workflow it is about; steps without a workflow are its steps"),
        optional("starts", Time, "When each case begins that does not say so itself, a time with its zone"),
        optional("leads", Map(&Map(&Value)), "Leads by a name for this file, with their fields"),
        DECISIONS,
        ANSWERS_BY_STEP,
        DRAWS,
        MAILS,
        PEOPLE,
        required("cases", List(&Form(&CASE)), "The cases"),
    ],
};

const DECISIONS: Key = optional(
    "decisions",
    Map(&DECISION),
    "What plugins decide, by the plugin's name; one that is left out decides for itself",
);
const ANSWERS_BY_STEP: Key = optional(
    "http",
    Map(&ANSWER),
    "What other systems answer to requests, by step or `workflow/step`; 200 and nothing else when left out",
);
const DRAWS: Key = optional(
    "draws",
    Map(&Text),
    "The arm that leads draw at a `split`, by step or `workflow/step`; drawn as ever when left out",
);
const MAILS: Key = optional(
    "mails",
    Map(&MAIL_STUB),
    "What becomes of mails and messages to the lead, by step or `workflow/step`; handed over when left out",
);
const HABITS: Takes = Either(&[Words(nobody), Form(&HABIT), List(&Form(&HABIT))]);
const PEOPLE: Key = optional("people", HABITS, "Who does tasks that `given` says nothing of; nobody when left out");

static DECISION: Takes = Either(&[Words(stub_words), Form(&STUB), List(&ONE_DECISION)]);
static ONE_DECISION: Takes = Either(&[Words(stub_words), Form(&STUB)]);

static ANSWER: Takes = Either(&[Words(answer_words), Form(&ANSWER_FORM), List(&ONE_ANSWER)]);
static ONE_ANSWER: Takes = Either(&[Words(answer_words), Form(&ANSWER_FORM)]);

static MAIL_STUB: Takes = Either(&[Words(mail_words), List(&Words(mail_words))]);

pub(super) static CASE: Shape = Shape {
    name: "a case",
    about: "Something that happens to leads, and what should come of it.",
    keys: &[
        required("name", Text, "What it shows, in a sentence"),
        optional("practices", List(&Text), "The practices that it shows"),
        optional("starts", Time, "When it begins; as the file says when left out"),
        DECISIONS,
        ANSWERS_BY_STEP,
        DRAWS,
        MAILS,
        required(
            "given",
            List(&Either(&[
                Form(&EVENT),
                Form(&DONE),
                Form(&ENROLL),
                Form(&COMMAND),
                Form(&OWNED),
                Form(&REMOVE),
                Form(&CLAIM),
                Form(&SNOOZE),
                Form(&REASSIGN),
                Form(&ROWS),
            ])),
            "What happens from outside, in order of time",
        ),
        PEOPLE,
        optional("until", Either(&[Duration, Time]), "How far time goes; until all is quiet when left out"),
        required(
            "expect",
            List(&ANY_EXPECTED),
            "What should come of it, in order of time; things between may be left out",
        ),
    ],
};

pub(super) static STUB: Shape = Shape {
    name: "a decision",
    about: "What a plugin is said to decide.",
    keys: &[
        optional("points", Value, "Of a score, from -1000 to 1000"),
        optional("segment", Words(segments), "Of a score"),
        optional("track", Text, "Of a nurture decision"),
        optional("look_again", Duration, "When to look again, of a nurture decision"),
        optional("action", Words(actions), "Of an escalation"),
    ],
};

pub(super) static ANSWER_FORM: Shape = Shape {
    name: "an answer",
    about: "What another system is said to answer.",
    keys: &[
        optional("status", Whole(STATUS_MIN, STATUS_MAX), "The number that says how it went; 200 when left out"),
        optional("body", Json, "The body, as JSON; empty when left out"),
    ],
};

const AT: Key = optional("at", Either(&[Duration, Time]), "When: so long after the case began, or a time");
const AFTER: Key = optional("after", Duration, "So long after the entry before; at the same time when left out");
const LEAD: Key = optional("lead", Ref("lead of this file"), "Whose; the lead of the entry before when left out");
const OUTCOME: Key = optional("outcome", Words(outcomes), "How a call ended");
const RESULT: Key = optional("result", OwnOr(results), "What the lead said");
const NOTES: Key = optional("notes", Text, "What the rep wrote");
const ANSWERS: Key = optional("answers", Map(&Value), "What was learnt, by field");
const CALLBACK: Key =
    optional("callback_at", Either(&[Duration, Time]), "When to call again: so long after the case began, or a time");
const BY: Key = optional("by", Ref("rep"), "Who of the pool that has the task");

pub(super) static EVENT: Shape = Shape {
    name: "an event",
    about: "An event comes in.",
    keys: &[
        AT,
        AFTER,
        required("event", Event, "Its type"),
        LEAD,
        optional("fields", Map(&Value), "What it says of the lead, besides what the file knows of it"),
        optional("data", Map(&Value), "What else it brings, `event.data`"),
    ],
};

pub(super) static DONE: Shape = Shape {
    name: "a task that is done",
    about: "Somebody does the open task of a step, or makes its call.",
    keys: &[
        AT,
        AFTER,
        required("task", Ref("step"), "The step, or `workflow/step`"),
        LEAD,
        OUTCOME,
        RESULT,
        NOTES,
        ANSWERS,
        CALLBACK,
        BY,
    ],
};

pub(super) static ENROLL: Shape = Shape {
    name: "an entry with `enroll`",
    about: "A person puts the lead into a workflow.",
    keys: &[AT, AFTER, required("enroll", Ref("workflow"), "The workflow"), LEAD],
};

pub(super) static COMMAND: Shape = Shape {
    name: "an entry with `command`",
    about: "A person commands something about the lead.",
    keys: &[
        AT,
        AFTER,
        required("command", Words(commands), "What"),
        LEAD,
        optional("reason", Text, "Why, of `opt_out`, and required of `disqualify`"),
    ],
};

pub(super) static OWNED: Shape = Shape {
    name: "an entry with `owner`",
    about: "A person gives the lead to a rep.",
    keys: &[AT, AFTER, required("owner", Ref("rep"), "Who owns it from now on"), LEAD],
};

pub(super) static REMOVE: Shape = Shape {
    name: "an entry with `remove`",
    about: "A person takes the lead out of a workflow.",
    keys: &[AT, AFTER, required("remove", Ref("workflow"), "The workflow"), LEAD],
};

pub(super) static CLAIM: Shape = Shape {
    name: "an entry with `claim`",
    about: "A rep takes the open task of a step.",
    keys: &[
        AT,
        AFTER,
        required("claim", Ref("step"), "The step, or `workflow/step`"),
        LEAD,
        required("by", Ref("rep"), "Who"),
    ],
};

pub(super) static SNOOZE: Shape = Shape {
    name: "an entry with `snooze`",
    about: "The open task of a step is put off.",
    keys: &[
        AT,
        AFTER,
        required("snooze", Ref("step"), "The step, or `workflow/step`"),
        LEAD,
        required("until", Either(&[Duration, Time]), "Until when: so long after the case began, or a time"),
    ],
};

pub(super) static REASSIGN: Shape = Shape {
    name: "an entry with `reassign`",
    about: "The open task of a step is given to a rep.",
    keys: &[
        AT,
        AFTER,
        required("reassign", Ref("step"), "The step, or `workflow/step`"),
        LEAD,
        required("for", Ref("rep"), "Who has it from now on"),
    ],
};

pub(super) static ROWS: Shape = Shape {
    name: "an entry with `csv`",
    about: "Events from a table, a row each.",
    keys: &[AT, AFTER, required("csv", Text, "The file, beside this one or in `samples/`")],
};

pub(super) static HABIT: Shape = Shape {
    name: "an entry of `people`",
    about: "What people do about tasks.",
    keys: &[
        optional("step", Ref("step"), "Tasks of this step, or `workflow/step`; of every step when left out"),
        required("within", Duration, "So long after the task could first be done"),
        optional("times", Whole(1, TIMES_MAX), "How often; always when left out"),
        OUTCOME,
        RESULT,
        NOTES,
        ANSWERS,
        CALLBACK,
        BY,
    ],
};
pub(super) const TIMES_MAX: u32 = 1_000;

/// What may be given, by the key that names it.
pub(super) static GIVEN: [(&str, &Shape); 10] = [
    ("event", &EVENT),
    ("task", &DONE),
    ("enroll", &ENROLL),
    ("command", &COMMAND),
    ("owner", &OWNED),
    ("remove", &REMOVE),
    ("claim", &CLAIM),
    ("snooze", &SNOOZE),
    ("reassign", &REASSIGN),
    ("csv", &ROWS),
];

/// What a person may command for a lead.
pub(super) const COMMANDS: [&str; 5] = ["pause", "resume", "opt_out", "disqualify", "unpark"];

fn commands() -> Vec<&'static str> {
    COMMANDS.to_vec()
}

const OF: Key = optional("lead", Ref("lead of this file"), "Whose; of any lead when left out");
const LEADS: Key = optional("leads", Whole(0, LEADS_MAX), "Of exactly so many leads");
const ON: Key =
    optional("at", Either(&[Duration, Time]), "When, to the minute: so long after the case began, or a time");
const LATEST: Key = optional("by", Either(&[Duration, Time]), "At the latest: so long after the case began, or a time");
pub(super) const LEADS_MAX: u32 = 100_000;

macro_rules! expected {
    ($($name:ident, $verb:literal, $about:literal, [$($key:expr),* $(,)?];)+) => {
        $(pub(super) static $name: Shape = Shape {
            name: concat!("an entry with `", $verb, "`"),
            about: $about,
            keys: &[$($key,)* OF, LEADS, ON, LATEST],
        };)+
        /// What may be expected, by the key that names it.
        pub(super) static EXPECTED: &[(&str, &Shape)] = &[$(($verb, &$name)),+];
        const ANY_EXPECTED: Takes = Either(&[$(Form(&$name),)+ Form(&NEVER)]);
        const ANY_BUT_NEVER: Takes = Either(&[$(Form(&$name)),+]);
    };
}

expected! {
    ENTERS, "enters", "The lead comes into a workflow.", [required("enters", Ref("workflow"), "The workflow")];
    STAYS_OUT, "stays_out", "The lead is not let into a workflow.", [
        required("stays_out", Ref("workflow"), "The workflow"),
        optional("because", Words(refusals), "Why"),
    ];
    STEP, "step", "The run comes to a step.", [required("step", Ref("step"), "The step, or `workflow/step`")];
    TASK, "task", "A task or call of a step is made.", [
        required("task", Ref("step"), "The step, or `workflow/step`"),
        optional("for", Ref("rep, pool or `nobody`"), "Who has it"),
        optional("due", Either(&[Duration, Time]), "When it is due: so long after it was made, or a time"),
        optional("objective", Text, "What its objective has in it"),
        optional("says", Text, "What its script has in it"),
        optional("voicemail", Text, "What the message has in it that would be left"),
    ];
    GIVEN_UP, "given_up", "A task is given up, since nobody did it.", [
        required("given_up", Ref("step"), "The step, or `workflow/step`"),
    ];
    MAIL, "mail", "A mail leaves.", [
        required("mail", Ref("script"), "The script, or `any`"),
        optional("to", Text, "The address"),
        optional("subject", Text, "What its subject has in it"),
        optional("says", Text, "What its text has in it"),
    ];
    REQUEST, "request", "Another system is asked something.", [
        required("request", Ref("step"), "The step, or `workflow/step`"),
        optional("method", Words(methods), "How"),
        optional("path", Text, "The path, with the parameters behind it"),
        optional("says", Text, "What its body has in it"),
        optional("becomes", Words(endings_of_requests), "What becomes of it"),
    ];
    NOTICE, "notice", "A rep hears of an overdue task.", [
        required("notice", Words(notices), "What about"),
        optional("for", Ref("rep"), "Who hears"),
    ];
    REFUSED, "refused", "The contact gate says never.", [
        required("refused", Words(channels), "What kind of touch"),
        optional("because", Words(reasons), "Why"),
    ];
    HELD, "held", "The contact gate says later.", [
        required("held", Words(channels), "What kind of touch"),
        optional("because", Words(reasons), "Why"),
        optional("until", Either(&[Duration, Time]), "Until when: so long after the case began, or a time"),
    ];
    DECIDES, "decides", "A plugin decides.", [
        required("decides", Ref("plugin"), "The plugin"),
        optional("points", Value, "Of a score"),
        optional("segment", Words(segments), "Of a score"),
        optional("track", Text, "Of a nurture decision"),
        optional("action", Words(actions), "Of an escalation"),
        optional("fails", Takes::Flag, "Whether it gives no decision"),
    ];
    OWNER, "owner", "The lead gets an owner.", [required("owner", Ref("rep or `nobody`"), "Who")];
    TOUCH, "touch", "A touch is completed.", [
        required("touch", OwnOr(channels), "What kind of touch"),
        OUTCOME,
        RESULT,
    ];
    ENDED, "ended", "A run is over.", [
        required("ended", Text, "The name of the ending; `completed` where a step leads to `end`"),
        optional("workflow", Ref("workflow"), "Of this workflow; of the file's when left out"),
    ];
    PARKED, "parked", "A run stands still until a person looks at it.", [
        required("parked", Ref("step"), "The step, `workflow/step`, or `any`"),
    ];
    FIELDS, "fields", "What is known of the lead when the case is over.", [
        required("fields", Map(&Value), "Fields and their values; `null` is not known"),
    ];
}

pub(super) static NEVER: Shape = Shape {
    name: "an entry with `never`",
    about: "Something that does not happen in the whole case.",
    keys: &[required("never", ANY_BUT_NEVER, "What does not happen")],
};

/// What is said to become of a message to a lead.
pub(super) const MAIL_WORDS: [(&str, MailStub); 2] = [("fails", MailStub::Fails), ("sent", MailStub::Sent)];

fn mail_words() -> Vec<&'static str> {
    MAIL_WORDS.iter().map(|(word, _)| *word).collect()
}

fn answer_words() -> Vec<&'static str> {
    vec!["fails"]
}

/// The possible outcomes of a request, in the words of workflows.
pub(super) const BECOMES: [(&str, Ending); 3] =
    [("sent", Ending::Sent), ("refused", Ending::Refused), ("failed", Ending::Dead)];

fn endings_of_requests() -> Vec<&'static str> {
    BECOMES.iter().map(|(word, _)| *word).collect()
}

fn methods() -> Vec<&'static str> {
    Method::ALL.iter().map(|code| code.as_str()).collect()
}

fn nobody() -> Vec<&'static str> {
    vec!["nobody"]
}

fn stub_words() -> Vec<&'static str> {
    ["real", "fails"].into_iter().chain(actions()).collect()
}

fn segments() -> Vec<&'static str> {
    Segment::ALL.iter().map(|code| code.as_str()).collect()
}

fn actions() -> Vec<&'static str> {
    Action::ALL.iter().map(|code| code.as_str()).collect()
}

/// How a call may end.
pub(super) fn call_outcomes() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.iter().copied().filter(|code| !matches!(code, Outcome::Sent | Outcome::Done))
}

fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.iter().map(|code| code.as_str()).collect()
}

fn results() -> Vec<&'static str> {
    TouchResult::ALL.iter().map(|code| code.as_str()).collect()
}

fn refusals() -> Vec<&'static str> {
    Refusal::ALL.iter().map(|code| code.as_str()).collect()
}

fn channels() -> Vec<&'static str> {
    Channel::ALL.iter().map(|code| code.as_str()).collect()
}

fn reasons() -> Vec<&'static str> {
    Reason::ALL.iter().map(|code| code.as_str()).collect()
}

fn notices() -> Vec<&'static str> {
    NoticeKind::ALL.iter().map(|code| code.as_str()).collect()
}
