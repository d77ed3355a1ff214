//! The tables of a workflow file: every key with what it takes and means.

use crate::own_words::NOT_DONE;
use crate::own_words::channels;
use crate::shape::Takes::{
    Condition, Duration, Either, Event, Flag, Form, Json, List, Map, Name, OwnOr, OwnTable, Path, Ref, Table, Target,
    Text, Value, Whole, Words,
};
use crate::shape::{A_REQUEST, A_WORKFLOW, Key, Shape, Takes, optional, required};
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::plugin::Segment;
use cadenza_core::workflow::{AssignBy, HoldScope, Method, NextDay, Purpose, SplitBy, Sticky};

pub(super) const CONTACTS_MAX: u32 = 200;
pub(super) const FIRINGS_MAX: u32 = 100;

pub(crate) static WORKFLOW: Shape = Shape {
    name: A_WORKFLOW,
    about: "Who comes in, what happens, step by step.",
    keys: &[
        required("workflow", Name, "Its name, unique in the workspace"),
        required("summary", Text, "One sentence for people").such_as("What this workflow is for"),
        optional(
            "enroll",
            List(&Either(&[Form(&WHEN), Form(&AT)])),
            "Who comes in, and when; without it, only those whom another workflow or a person puts in",
        ),
        optional(
            "re_enroll",
            Either(&[Words(re_enroll_words), Form(&AFTER), Form(&AGAIN_WHEN)]),
            "Whether a lead may come in again; never when left out",
        ),
        optional("one_run_per", Condition, "A lead has a run for each value of this, such as `event.data.webinar`"),
        optional("group", Form(&GROUP), "A lead is in one workflow of a group at a time"),
        optional("interrupts", List(&Form(&INTERRUPT)), "What events do to a run wherever it is"),
        optional("leave", List(&Form(&LEAVE)), "Conditions that end a run wherever it is"),
        required("steps", List(&Takes::Form(&STEP)), "What happens, from top to bottom"),
    ],
};

pub(super) static WHEN: Shape = Shape {
    name: "an entry of `enroll`",
    about: "Comes in when an event comes.",
    keys: &[required("when", Event, "The event"), optional("if", Condition, "Asked of the lead as the event left it")],
};

pub(super) static AT: Shape = Shape {
    name: "an entry of `enroll`",
    about: "Comes in at set times.",
    keys: &[
        required("schedule", Form(&SCHEDULE), "When"),
        required("leads", Condition, "Every lead for which this holds"),
    ],
};

pub(super) static SCHEDULE: Shape = Shape {
    name: "`schedule`",
    about: "Set times, and what happens to those that were missed.",
    keys: &[
        optional("id", Name, "Keeps what the schedule remembers when its times change"),
        required("cron", Text, "Minute, hour, day of month, month, weekday: `0 8 * * MON-FRI`")
            .such_as("\"0 8 * * MON-FRI\""),
        optional("timezone", Takes::Zone, "Whose clock; the workspace's when left out"),
        optional(
            "catch_up",
            Either(&[Words(catch_up_words), Form(&CATCH_UP_ALL)]),
            "What happens to times missed while the engine was stopped; `latest` when left out",
        ),
        optional("within", Duration, "Times missed longer ago than this are not caught up; 7d when left out"),
    ],
};

pub(super) static CATCH_UP_ALL: Shape = Shape {
    name: "`catch_up`",
    about: "Every missed time, the latest so many.",
    keys: &[required("all", Whole(1, FIRINGS_MAX), "At most this many")],
};

pub(super) static AFTER: Shape =
    Shape { name: "`after`", about: "So long after.", keys: &[required("after", Duration, "How long")] };

pub(super) static GROUP: Shape = Shape {
    name: "`group`",
    about: "Workflows of which a lead is in one at a time.",
    keys: &[
        required("name", Name, "The group"),
        optional("priority", Whole(0, 1_000), "The higher one wins, then whoever is in it; 0 when left out"),
        optional(
            "loses",
            Either(&[Words(loses), Form(&LOSES)]),
            "What becomes of a lead that another workflow of the group has: it stays `out` (when left out), or waits",
        ),
        optional(
            "ousted",
            Words(ousted),
            "What becomes of a run when a higher one comes: `end`, as `ousted` (when left out), or `pause` until the group is free",
        ),
    ],
};

pub(super) static LOSES: Shape = Shape {
    name: "`loses`",
    about: "It waits until the group is free.",
    keys: &[required("wait", Duration, "At most so long")],
};

pub(super) static AGAIN_WHEN: Shape = Shape {
    name: "`re_enroll`",
    about: "When a condition has become true since the last run ended.",
    keys: &[required("when", Condition, "Holds now, and did not when the last run ended")],
};

pub(super) static INTERRUPT: Shape = Shape {
    name: "an entry of `interrupts`",
    about: "What an event does to a run wherever it is.",
    keys: &[
        required("event", Event, "The event"),
        OF,
        optional("if", Condition, "Which of them"),
        optional("during", List(&Target), "The steps at which it applies; all when left out"),
        optional("go", Target, "The run leaves where it is: its open task is withdrawn, its timers are gone"),
        optional("pause", Form(&PAUSE), "The run touches nobody until then, and goes on where it was"),
        optional("do", List(&Form(&DEED)), "What is done while the run stays where it is"),
    ],
};

pub(super) static PAUSE: Shape = Shape {
    name: "`pause`",
    about: "How long a run touches nobody.",
    keys: &[
        optional("until", Condition, "A time, such as `event.until`"),
        required("else", Duration, "So long when that is not known or past").such_as("3 business days"),
    ],
};

/// What an interrupt may do while its run stays: one of these keys.
pub(super) static DEED: Shape = Shape {
    name: "an entry of `do`",
    about: "One thing: `update`, `notify`, `watch` or `enroll`.",
    keys: &[
        optional("update", FIELDS, "Fields are set"),
        optional("notify", Form(&NOTICE), "People or another system are told something"),
        optional("watch", PARTY, "Somebody watches the lead from now on"),
        optional("enroll", ENROLMENT, "The lead is put into another workflow as well"),
    ],
};

pub(super) static LEAVE: Shape = Shape {
    name: "an entry of `leave`",
    about: "A condition that ends a run wherever it is.",
    keys: &[
        optional("event", Event, "Asked when this event comes; after whatever happens when left out"),
        OF,
        optional("if", Condition, "When it holds, the run ends; with `event` it may be left out"),
        required("as", Name, "The name of the ending, for reports").such_as("left"),
    ],
};

const OF: Key =
    optional("of", Words(whose), "`account`: the event may happen to any lead of its account, this one too");

/// Keys of every step, whatever its verb.
static STEP: Shape = Shape { name: "a step", about: "One step: exactly one verb.", keys: &[ID] };

const ID: Key = optional("id", Name, "The step's name; steps that can wait must have one");
const GO: Key = optional("go", Target, "Where it goes next: a step or `end`; the step below when left out");
const WITH: Key = optional("with", Map(&Value), "Parameters of the plugin");
const DUE: Key = optional("due", Duration, "Due so long after it was made; 1 business day when left out");
const ESCALATE_KEY: Key = optional("escalate", Form(&ESCALATE), "What happens while it is not done");
const GIVE_UP: Key = optional(
    "give_up",
    Duration,
    "Given up so long after it could first be done, when nobody does it; `results` says with `not_done` where that leads",
);
const DOER: Takes = Either(&[Ref("owner, manager or role"), Form(&DOER_REP), Form(&DOER_POOL)]);
const QUESTIONS: Takes = List(&Form(&INQUIRY));
const FOR: Key =
    optional("for", DOER, "Who is to do it: `owner` (when left out), `manager`, a role, `{ rep: … }` or `{ pool: … }`");
const ASKS: Key = optional("asks", QUESTIONS, "What a report answers; the answers become fields of the lead");
const RESULTS: Takes = OwnTable(result_keys, &Target);
const FIELDS: Takes = Map(&Either(&[Value, Form(&COMPUTED)]));
const ENROLMENT: Takes = Either(&[Ref("workflow"), Form(&ENROLMENT_FORM)]);
const PARTY: Takes =
    Either(&[Ref("owner, manager, watchers or role"), Form(&DOER_REP), Form(&DOER_POOL), Form(&PARTY_CONNECTION)]);

pub(super) static SCORE: Shape = Shape {
    name: "a step with `score`",
    about: "A scoring plugin decides points and segment.",
    keys: &[
        ID,
        required("score", Ref("plugin"), "The plugin"),
        WITH,
        optional("as", Name, "The score's name; `fit`, the lead's own score, when left out"),
        optional(
            "on_failure",
            Either(&[Words(park), Form(&SCORE_FAILURE)]),
            "When no decision comes; `park` when left out",
        ),
        GO,
    ],
};

pub(super) static SCORE_FAILURE: Shape = Shape {
    name: "`on_failure`",
    about: "When no decision comes: a segment, or another plugin.",
    keys: &[
        optional("segment", Words(segments), "Go on as if the plugin had said this"),
        optional("plugin", Ref("plugin"), "Ask this one"),
        optional("with", Map(&Value), "Parameters of the other plugin"),
    ],
};

pub(super) static SWITCH: Shape = Shape {
    name: "a step with `switch`",
    about: "The first condition that holds decides where it goes.",
    keys: &[ID, required("switch", List(&Either(&[Form(&ARM), Form(&ELSE)])), "Conditions in order, `else` last")],
};

pub(super) static ARM: Shape = Shape {
    name: "an arm",
    about: "A condition and where it leads.",
    keys: &[required("if", Condition, "When this holds"), required("go", Target, "Go there")],
};

pub(super) static ELSE: Shape =
    Shape { name: "`else`", about: "When no condition held.", keys: &[required("else", Target, "Go there")] };

pub(super) static ASSIGN: Shape = Shape {
    name: "a step with `assign`",
    about: "An owner is chosen.",
    keys: &[
        ID,
        required("assign", Form(&CHOICE), "Among whom, and how"),
        optional("hold", Form(&HOLD), "How long the owner keeps the lead, whatever becomes of the run"),
        optional("carry", Form(&CARRY), "What moves along when the owner changes"),
        GO,
    ],
};

pub(super) static CHOICE: Shape = Shape {
    name: "`assign`",
    about: "Among whom, and how.",
    keys: &[
        optional("rep", Ref("rep"), "This rep, whoever else there is"),
        optional("pool", Ref("pool"), "The pool chosen from; none when by territory"),
        optional("by", Words(assign_by), "How; not with `rep`"),
        optional("as", Name, "The role that the rep takes in this run; the lead's owner stays"),
        optional("except", Words(except), "Who is passed over: `earlier`, whoever was given the lead in this run"),
        optional("sticky", Words(sticky), "Keep a known owner: of the lead, or of its account"),
        optional("fallback", Ref("rep or pool"), "Who takes it when nobody else can"),
        optional(
            "announce",
            Flag,
            "Whether a rep who had neither lead nor role is told, by `contact.notify_via`; yes when left out",
        ),
    ],
};

pub(super) static HOLD: Shape = Shape {
    name: "`hold`",
    about: "Ownership that outlives the run.",
    keys: &[
        required("scope", Words(hold_scope), "Of the lead, or of its account").such_as("lead"),
        required("for", Duration, "How long; a second lead does not start it again"),
        optional("until", Event, "An event that makes it permanent"),
        optional("on_expiry", Target, "Where a run of its own begins when it expires"),
    ],
};

pub(super) static CARRY: Shape = Shape {
    name: "`carry`",
    about: "What moves along when the owner changes.",
    keys: &[
        optional("open_tasks", Words(open_tasks), "Whether open tasks go to the new owner; `leave` when left out"),
        optional("watch", Words(watch), "Whether the previous owner hears of later changes"),
    ],
};

pub(super) static CALL: Shape = Shape {
    name: "a step with `call`",
    about: "A call task; the run waits for what comes of it.",
    keys: &[
        ID,
        required("call", Ref("script"), "The script"),
        FOR,
        DUE,
        ASKS,
        ESCALATE_KEY,
        GIVE_UP,
        required("results", RESULTS, "Where each outcome or result leads, `else` for the rest")
            .such_as("{ else: end }"),
    ],
};

pub(super) static TASK: Shape = Shape {
    name: "a step with `task`",
    about: "A task for a person; the run waits until it is done.",
    keys: &[
        ID,
        required("task", Text, "What is to be done; a template"),
        optional("script", Ref("script"), "A script to go with it"),
        FOR,
        DUE,
        ASKS,
        ESCALATE_KEY,
        GIVE_UP,
        optional("results", RESULTS, "Where each result leads, `else` or `done` for the rest"),
        GO,
    ],
};

pub(super) static DOER_REP: Shape =
    Shape { name: "`for`", about: "One rep is to do it.", keys: &[required("rep", Ref("rep"), "The rep")] };

pub(super) static DOER_POOL: Shape = Shape {
    name: "`for`",
    about: "Any member of a pool may take it.",
    keys: &[required("pool", Ref("pool"), "The pool")],
};

pub(super) static INQUIRY: Shape = Shape {
    name: "a question of `asks`",
    about: "A question that the report answers.",
    keys: &[
        required("field", Ref("field"), "The field that takes the answer"),
        required("question", Text, "The question, in words for the rep").such_as("What did they say?"),
        optional(
            "required",
            Flag,
            "Whether a report without the answer is refused; of a call only when the lead was reached",
        ),
    ],
};

pub(super) static ESCALATE: Shape = Shape {
    name: "`escalate`",
    about: "Points at which a plugin is asked what to do about a task that is not done.",
    keys: &[
        required("plugin", Ref("plugin"), "The plugin"),
        WITH,
        required("at", List(&Duration), "When: so long after the task was made, ascending").such_as("[1d]"),
        optional("remind", Ref("owner, manager or rep"), "Whom a reminder goes to; the owner when left out"),
        optional("raise", Ref("owner, manager or rep"), "Whom it is raised to; the manager when left out"),
    ],
};

/// What a message to the lead is for.
const PURPOSE: Key = optional(
    "purpose",
    Words(purposes),
    "`answer` for what answers the lead or confirms what was agreed: hours, caps, gaps and conversations do not hold it back",
);

pub(super) const PURPOSES: [(&str, Purpose); 2] = [("outreach", Purpose::Outreach), ("answer", Purpose::Answer)];

fn purposes() -> Vec<&'static str> {
    PURPOSES.iter().map(|(word, _)| *word).collect()
}

pub(super) static EMAIL: Shape = Shape {
    name: "a step with `email`",
    about: "One mail; the run goes on once it is handed over.",
    keys: &[
        ID,
        required("email", Ref("script"), "The script"),
        optional("via", Ref("connection"), "The connection it leaves by; `contact.email_via` when left out"),
        PURPOSE,
        optional(
            "results",
            Table(mail_result_words, &Target),
            "Where it leads by what becomes of it, instead of `go`; on in every case when left out",
        ),
        GO,
    ],
};

/// The possible outcomes of a mail.
pub(super) fn mail_results() -> [&'static str; 3] {
    ["sent", "refused", "failed"]
}

fn mail_result_words() -> Vec<&'static str> {
    mail_results().into_iter().chain(["else"]).collect()
}

pub(super) static CADENCE: Shape = Shape {
    name: "a step with `cadence`",
    about: "Touches on several channels, again and again, until something stops it.",
    keys: &[ID, required("cadence", Form(&ROUNDS), "The touches, and what stops them")],
};

pub(super) static ROUNDS: Shape = Shape {
    name: "`cadence`",
    about: "The touches, and what stops them.",
    keys: &[
        optional("limit", Form(&LIMIT), "The most contacts; 12 calls and mails when left out (practice D1)"),
        optional("voicemails", Form(&VOICEMAILS), "Scripts of the voice-mail series"),
        optional("stop", List(&Form(&ARM)), "Asked after every touch, in order"),
        required(
            "touches",
            List(&Either(&[Form(&TOUCH_CALL), Form(&TOUCH_EMAIL), Form(&TOUCH_MESSAGE), Form(&TOUCH_TASK)])),
            "The touches of one round, in order",
        ),
        optional(
            "repeat",
            Form(&AFTER),
            "How long after the last touch the round begins anew; once only when left out",
        ),
        required("exhausted", Target, "Where it goes when contacts or touches are used up"),
        optional(
            "not_done",
            Target,
            "Where it goes when three calls in a row were given up; the run waits for a person when left out",
        ),
    ],
};

pub(super) static LIMIT: Shape = Shape {
    name: "`limit`",
    about: "The most contacts.",
    keys: &[
        optional("contacts", Whole(1, CONTACTS_MAX), "How many; 12 when left out"),
        optional("count", List(&OwnOr(channels)), "Which channels count; calls and mails when left out"),
    ],
};

pub(super) static VOICEMAILS: Shape = Shape {
    name: "`voicemails`",
    about: "One script for each message left.",
    keys: &[
        required("first", Ref("script"), "The first message: introduction and benefit"),
        required("next", Ref("script"), "Every message between: ask for a call back"),
        required("last", Ref("script"), "The message left on the last contact: web address, ask for a call"),
    ],
};

pub(super) static TOUCH_CALL: Shape = Shape {
    name: "a call of the cadence",
    about: "A call task.",
    keys: &[
        TOUCH_ID,
        TOUCH_AFTER,
        TOUCH_AT,
        TOUCH_IF,
        TOUCH_REFUSED,
        required("call", Ref("script"), "The script"),
        DUE,
        optional("redial", Form(&REDIAL), "Dial once more when nobody answers; counts as one contact"),
        ESCALATE_KEY,
        optional(
            "give_up",
            Duration,
            "Given up so long after it could first be made, when nobody makes it; the next touch follows, and nothing counts",
        ),
    ],
};

pub(super) static TOUCH_EMAIL: Shape = Shape {
    name: "a mail of the cadence",
    about: "A mail.",
    keys: &[
        TOUCH_ID,
        TOUCH_AFTER,
        TOUCH_AT,
        TOUCH_IF,
        TOUCH_REFUSED,
        required("email", Ref("script"), "The script"),
        optional("via", Ref("connection"), "The connection it leaves by"),
        PURPOSE,
    ],
};

pub(super) static TOUCH_MESSAGE: Shape = Shape {
    name: "a message of the cadence",
    about: "A text message.",
    keys: &[
        TOUCH_ID,
        TOUCH_AFTER,
        TOUCH_AT,
        TOUCH_IF,
        TOUCH_REFUSED,
        required("message", Ref("script"), "The script"),
        required("via", Ref("connection"), "The connection it leaves by"),
        PURPOSE,
    ],
};

pub(super) static TOUCH_TASK: Shape = Shape {
    name: "a task of the cadence",
    about: "A task for a person, such as a message in a social network.",
    keys: &[
        TOUCH_ID,
        TOUCH_AFTER,
        TOUCH_AT,
        TOUCH_IF,
        required("task", Text, "What is to be done; a template"),
        optional("script", Ref("script"), "A script to go with it"),
        optional("channel", OwnOr(channels), "The channel by which it reaches the lead; no touch when left out"),
        DUE,
        ESCALATE_KEY,
        optional("give_up", Duration, "Given up so long after it was made, when nobody does it; nothing counts then"),
    ],
};

const TOUCH_ID: Key = optional("id", Name, "The touch's name; runs find it again by it when the cadence changes");
const TOUCH_AFTER: Key =
    required("after", Duration, "Counted from the completion of the touch before").such_as("1 business day");
const TOUCH_AT: Key = optional("at", Text, "The time of the day for which it waits then, `10:00`, on the lead's clock");
const TOUCH_IF: Key = optional("if", Condition, "Asked when it falls due; it is passed over when this does not hold");
const TOUCH_REFUSED: Key =
    optional("refused", Words(refused), "When it may not happen as things stand: `skip` (when left out) or `wait`");

pub(super) static REDIAL: Shape = Shape {
    name: "`redial`",
    about: "The second dial.",
    keys: &[
        optional("after", Duration, "How long after the first; 4m when left out"),
        optional("voicemail", Words(voicemail_on), "On which dial a message is left; `on_redial` when left out"),
    ],
};

pub(super) static BRANCH: Shape = Shape {
    name: "a step with `branch`",
    about: "A nurture plugin chooses the track.",
    keys: &[
        ID,
        required("branch", Ref("plugin"), "The plugin"),
        WITH,
        required("tracks", Map(&Target), "Where each track leads, `else` for the rest").such_as("{ else: end }"),
        optional(
            "on_failure",
            Either(&[Words(park), Form(&BRANCH_FAILURE)]),
            "When no decision comes; `park` when left out",
        ),
    ],
};

pub(super) static BRANCH_FAILURE: Shape = Shape {
    name: "`on_failure`",
    about: "When no decision comes: a track, or another plugin.",
    keys: &[
        optional("track", Text, "Go on as if the plugin had said this"),
        optional("plugin", Ref("plugin"), "Ask this one"),
        optional("with", Map(&Value), "Parameters of the other plugin"),
    ],
};

pub(super) static WAIT: Shape = Shape {
    name: "a step with `wait`",
    about: "Nothing happens until a time, a date of the lead, or an event.",
    keys: &[
        ID,
        required(
            "wait",
            Either(&[Duration, Form(&UNTIL), Form(&NEXT), Form(&FOR_EVENT), Form(&FOR_EVENTS)]),
            "For how long, or until what",
        ),
        GO,
    ],
};

pub(super) static UNTIL: Shape = Shape {
    name: "`wait` until a date",
    about: "Follows the date when it moves.",
    keys: &[
        required("until", Condition, "The date: a field of type time, such as `lead.project_date`"),
        optional("before", Duration, "So long before it"),
        optional("after", Duration, "So long after it"),
        required("past", Target, "Where to go when that moment has passed already"),
        required("blank", Target, "Where to go when the date is not known, now or later"),
    ],
};

pub(super) static FOR_EVENT: Shape = Shape {
    name: "`wait` for an event",
    about: "Until an event comes, or too long has passed.",
    keys: &[
        required("event", Event, "The event"),
        optional("if", Condition, "Which of them"),
        required("go", Target, "Where it leads"),
        SINCE,
        required("timeout", Form(&TIMEOUT), "What happens when it does not come"),
    ],
};

const SINCE_FORMS: Takes = Either(&[Words(since), Form(&SINCE_STEP)]);
const SINCE: Key =
    optional("since", SINCE_FORMS, "What was received since then counts too; since the run last moved when left out");

pub(super) static SINCE_STEP: Shape =
    Shape { name: "`since`", about: "Since the run came to a step.", keys: &[required("step", Target, "The step")] };

pub(super) static FOR_EVENTS: Shape = Shape {
    name: "`wait` for several events",
    about: "Until one of them comes, or too long has passed.",
    keys: &[
        required("for", List(&Form(&ONE_OF_EVENTS)), "The events, each with where it leads"),
        SINCE,
        required("timeout", Form(&TIMEOUT), "What happens when none comes"),
    ],
};

pub(super) static ONE_OF_EVENTS: Shape = Shape {
    name: "an event of `for`",
    about: "An event that ends the wait.",
    keys: &[
        required("event", Event, "The event"),
        optional("if", Condition, "Which of them"),
        required("go", Target, "Where it leads"),
    ],
};

pub(super) static NEXT: Shape = Shape {
    name: "`wait` for a day",
    about: "Until that day, strictly later than now, on the lead's clock.",
    keys: &[
        required("next", Words(days), "`monday` to `sunday`, `day` for tomorrow, or `opening`"),
        optional("at", Text, "The time of the day, `09:00`; when business hours begin when left out"),
    ],
};

pub(super) static TIMEOUT: Shape = Shape {
    name: "`timeout`",
    about: "When the event does not come.",
    keys: &[required("after", Duration, "After so long"), required("go", Target, "Go there")],
};

pub(super) static UPDATE: Shape = Shape {
    name: "a step with `update`",
    about: "Fields of the lead are set.",
    keys: &[ID, required("update", FIELDS, "Fields, or `stage` or `segment`, and their values; `null` clears"), GO],
};

pub(super) static COMPUTED: Shape = Shape {
    name: "a computed value",
    about: "A value worked out when the step is reached.",
    keys: &[required("cel", Condition, "The expression")],
};

pub(super) static ENROLL: Shape = Shape {
    name: "a step with `enroll`",
    about: "The lead is put into another workflow as well; this run goes on.",
    keys: &[ID, required("enroll", ENROLMENT, "The workflow"), GO],
};

pub(super) static ENROLMENT_FORM: Shape = Shape {
    name: "`enroll`",
    about: "A workflow with a run for each value of something.",
    keys: &[
        required("workflow", Ref("workflow"), "The workflow"),
        optional("key", Condition, "The value for which the run stands"),
    ],
};

pub(super) static SPLIT: Shape = Shape {
    name: "a step with `split`",
    about: "An A/B test: one of several arms is drawn, and kept.",
    keys: &[
        ID,
        required("split", Form(&DRAW), "By what it is drawn, and what it aims at"),
        required("arms", List(&Form(&SPLIT_ARM)), "The arms; their shares add up to 100"),
    ],
};

pub(super) static DRAW: Shape = Shape {
    name: "`split`",
    about: "By what an arm is drawn, and what the test aims at.",
    keys: &[
        required("by", Words(split_by), "Each `lead` for itself, or all leads of an `account` alike").such_as("lead"),
        optional("goal", Form(&GOAL), "What counts as success, for reports"),
    ],
};

pub(super) static GOAL: Shape = Shape {
    name: "`goal`",
    about: "What counts as success.",
    keys: &[required("event", Event, "The event"), required("within", Duration, "So long after the draw it counts")],
};

pub(super) static SPLIT_ARM: Shape = Shape {
    name: "an arm of `split`",
    about: "One arm of an A/B test.",
    keys: &[
        required("arm", Name, "Its name"),
        required("share", Whole(0, 100), "Per cent of the leads"),
        required("go", Target, "Where it leads"),
    ],
};

pub(super) static REQUIRE: Shape = Shape {
    name: "a step with `require`",
    about: "Goes on only when fields are known.",
    keys: &[ID, required("require", Form(&REQUIRED), "Which fields"), GO],
};

pub(super) static REQUIRED: Shape = Shape {
    name: "`require`",
    about: "Fields that must be known.",
    keys: &[
        required("fields", List(&Ref("field")), "The fields").such_as("[email]"),
        optional("if", Condition, "Of which leads; of all when left out"),
        required("missing", Target, "Where it leads when one is blank"),
    ],
};

pub(super) static NOTIFY: Shape = Shape {
    name: "a step with `notify`",
    about: "People or another system are told something. It is no touch, and nothing waits for it.",
    keys: &[ID, required("notify", Form(&NOTICE), "Whom, and what"), GO],
};

pub(super) static NOTICE: Shape = Shape {
    name: "`notify`",
    about: "Words for people or another system.",
    keys: &[
        required(
            "to",
            PARTY,
            "`owner`, `manager`, `watchers`, a role, `{ rep: … }`, `{ pool: … }`, `{ connection: … }`",
        ),
        required("text", Text, "What they are told; a template"),
        optional("via", Ref("connection"), "The connection it leaves by; `contact.notify_via` when left out"),
    ],
};

pub(super) static PARTY_CONNECTION: Shape = Shape {
    name: "`to`",
    about: "Whoever is behind a connection.",
    keys: &[required("connection", Ref("connection"), "The connection")],
};

pub(super) static WATCH: Shape = Shape {
    name: "a step with `watch`",
    about: "Somebody watches the lead from now on.",
    keys: &[ID, required("watch", PARTY, "Who"), GO],
};

pub(super) static MESSAGE: Shape = Shape {
    name: "a step with `message`",
    about: "One text message; the run goes on once it is handed over.",
    keys: &[
        ID,
        required("message", Ref("script"), "The script"),
        required("via", Ref("connection"), "The connection it leaves by"),
        PURPOSE,
        optional(
            "results",
            Table(mail_result_words, &Target),
            "Where it leads by what becomes of it, instead of `go`; on in every case when left out",
        ),
        GO,
    ],
};

pub(super) static HTTP: Shape = Shape {
    name: "a step with `http`",
    about: "A request to another system; the run goes on once it has answered. It is no touch.",
    keys: &[
        ID,
        required("http", Form(&REQUEST), "What is asked, and by which connection"),
        optional(
            "save",
            Map(&Path),
            "Fields of the lead, each with the part of the answer: `status`, `\"body.deals[0].stage\"`",
        ),
        optional(
            "results",
            Table(mail_result_words, &Target),
            "Where it leads by what becomes of it, instead of `go`; on in every case when left out",
        ),
        GO,
    ],
};

pub(super) static REQUEST: Shape = Shape {
    name: A_REQUEST,
    about: "A request to another system.",
    keys: &[
        required("via", Ref("connection"), "The connection, which alone says the host"),
        optional("method", Words(methods), "`POST` when left out"),
        required(
            "path",
            Text,
            "Behind the connection's address, `/deals/{{ lead.external_id }}`; what is filled in is encoded",
        )
        .such_as("/"),
        optional(
            "query",
            Map(&Either(&[Value, Form(&COMPUTED)])),
            "Parameters behind the path; blank ones are left out",
        ),
        optional("headers", Map(&Text), "Headers besides those of the connection; templates"),
        optional("body", Json, "Sent as JSON: texts are templates, `{ cel: … }` is a value with its type"),
    ],
};

pub(super) static END: Shape = Shape {
    name: "a step with `end`",
    about: "The run is over.",
    keys: &[ID, required("end", Name, "The name of the ending, for reports")],
};

fn methods() -> Vec<&'static str> {
    Method::ALL.iter().map(|code| code.as_str()).collect()
}

fn re_enroll_words() -> Vec<&'static str> {
    vec!["never", "always"]
}

fn catch_up_words() -> Vec<&'static str> {
    vec!["latest", "none"]
}

fn park() -> Vec<&'static str> {
    vec!["park"]
}

fn open_tasks() -> Vec<&'static str> {
    vec!["move", "leave"]
}

fn watch() -> Vec<&'static str> {
    vec!["previous_owner"]
}

fn voicemail_on() -> Vec<&'static str> {
    vec!["on_redial", "on_first_dial"]
}

fn segments() -> Vec<&'static str> {
    Segment::ALL.iter().map(|code| code.as_str()).collect()
}

fn assign_by() -> Vec<&'static str> {
    AssignBy::ALL.iter().filter(|code| **code != AssignBy::Rep).map(|code| code.as_str()).collect()
}

fn loses() -> Vec<&'static str> {
    vec!["out"]
}

fn ousted() -> Vec<&'static str> {
    vec!["end", "pause"]
}

fn whose() -> Vec<&'static str> {
    vec!["account"]
}

fn except() -> Vec<&'static str> {
    vec!["earlier"]
}

fn refused() -> Vec<&'static str> {
    vec!["skip", "wait"]
}

fn since() -> Vec<&'static str> {
    vec![RUN_STARTED]
}

/// How `since` names the beginning of a run.
pub(super) const RUN_STARTED: &str = "run.started_at";

fn days() -> Vec<&'static str> {
    NextDay::ALL.iter().map(|code| code.as_str()).collect()
}

fn split_by() -> Vec<&'static str> {
    SplitBy::ALL.iter().map(|code| code.as_str()).collect()
}

fn sticky() -> Vec<&'static str> {
    Sticky::ALL.iter().map(|code| code.as_str()).collect()
}

fn hold_scope() -> Vec<&'static str> {
    HoldScope::ALL.iter().map(|code| code.as_str()).collect()
}

fn result_keys() -> Vec<&'static str> {
    let outcomes = Outcome::ALL.iter().filter(|code| **code != Outcome::Sent).map(|code| code.as_str());
    TouchResult::ALL.iter().map(|code| code.as_str()).chain(outcomes).chain([NOT_DONE, "else"]).collect()
}
