//! What other tools call things, and what they are called here: verbs of workflow builders, keys of their steps, types
//! of CRM fields, functions of other languages.

use cadenza_core::expr::Function;

/// The equivalent of another tool's verb.
pub(crate) enum Verb {
    /// The same, with this name here.
    Is(&'static str),
    /// There is no such verb. Says what to do instead.
    Instead(&'static str),
    /// This is written elsewhere. Says where.
    Elsewhere(&'static str),
}

/// Names are compared without regard to case; spaces and hyphens count as `_`.
fn folded(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// A verb of HubSpot, n8n, Zapier, Salesforce, Outreach and similar tools.
pub(crate) fn verb(name: &str) -> Option<Verb> {
    use Verb::{Instead, Is};
    Some(match folded(name).as_str() {
        "send_email" | "send_mail" | "mail" | "email_send" | "send_template" | "auto_email" | "automated_email" => {
            Is("email")
        }
        "delay" | "wait_for" | "wait_until" | "sleep" | "pause" | "delay_for" | "delay_until" | "timer"
        | "wait_days" => Is("wait"),
        "assign_to"
        | "assign_owner"
        | "set_owner"
        | "rotate"
        | "rotate_owner"
        | "rotate_record_to_owner"
        | "route"
        | "round_robin"
        | "owner" => Is("assign"),
        "condition" | "if" | "if_then" | "if_else" | "if_then_branch" | "decision" | "filter" | "paths" | "router"
        | "choice" | "split_on" | "case" | "cases" => Is("switch"),
        "phone" | "phone_call" | "make_call" | "dial" | "call_task" | "create_call" | "schedule_call" => Is("call"),
        "create_task" | "add_task" | "todo" | "to_do" | "manual_task" | "manual" | "human_task" | "linkedin_task" => {
            Is("task")
        }
        "sequence" | "drip" | "campaign" | "cadences" | "touches" | "repeat" | "loop" => Is("cadence"),
        "set" | "set_field" | "set_fields" | "set_property" | "set_property_value" | "update_field"
        | "update_fields" | "update_record" | "update_lead" | "update_contact" | "edit_record" | "edit_fields" => {
            Is("update")
        }
        "enroll_in" | "enroll_in_workflow" | "enroll_in_sequence" | "add_to_workflow" | "add_to_sequence"
        | "add_to_campaign" | "start_workflow" | "run_workflow" | "execute_workflow" | "sub_workflow" | "trigger" => {
            Is("enroll")
        }
        "stop" | "exit" | "finish" | "terminate" | "done" | "complete" | "end_workflow" | "stop_workflow" => Is("end"),
        "lead_score" | "scoring" | "score_lead" | "set_score" => Is("score"),
        "nurture" | "track" => Is("branch"),
        "sms" | "send_sms" | "text_message" | "whatsapp" | "send_whatsapp" | "send_message" | "text" => Is("message"),
        "linkedin" | "social" => Instead(
            "a `task` has somebody do it, in a cadence with its `channel`: `task: Write to {{ lead.first_name }}`",
        ),
        "notification"
        | "send_notification"
        | "slack"
        | "slack_message"
        | "send_slack"
        | "alert"
        | "internal_notification" => Is("notify"),
        "webhook" | "http_request" | "api_call" | "request" | "rest" | "call_webhook" | "send_webhook"
        | "api_request" => Is("http"),
        "code" | "function" | "script" | "javascript" | "run_script" => Instead(
            "a workflow runs no code of its own: a plugin decides (`score`, `branch`), and another system is asked by `http`",
        ),
        "meeting" | "book_meeting" | "schedule_meeting" | "invite" => {
            Instead("a `task` has somebody arrange it, and `wait: { event: meeting.accepted, … }` hears of it")
        }
        "ab_test" | "a_b_test" | "random_split" | "random" | "experiment" => Is("split"),
        "required_fields" | "validate" | "check_fields" | "gate" => Is("require"),
        "follow" | "subscribe" | "add_follower" | "add_watcher" => Is("watch"),
        "goto" | "go_to" | "jump" | "jump_to" | "goto_step" => Instead(
            "`go: …` belongs to the step before; a step of its own that only leads on is `switch: [{ else: … }]`",
        ),
        "unenroll" | "remove_from_workflow" | "remove_from_sequence" => {
            Instead("a run ends by itself: under `leave` in the other workflow, with the condition for it")
        }
        _ => return None,
    })
}

/// Our name for a key of a step that other tools name differently.
pub(crate) fn step_key(name: &str) -> Option<&'static str> {
    Some(match folded(name).as_str() {
        "next" | "then" | "goto" | "go_to" | "to" | "next_step" | "transition" => "go",
        "name" | "step" | "label" | "key" => "id",
        "deadline" | "due_in" | "due_date" | "sla" => "due",
        "outcomes" | "outcome" | "on" | "transitions" | "dispositions" => "results",
        "params" | "parameters" | "args" | "config" | "options" | "inputs" => "with",
        "on_error" | "catch" | "fallback" | "on_fail" => "on_failure",
        "from" | "connection" | "using" | "mailbox" => "via",
        _ => return None,
    })
}

/// Keys for a condition that has to be false.
pub(crate) const IF_NOT: [&str; 4] = ["unless", "if_not", "skip_if", "except_if"];

/// Whether a key asks for a condition, here or elsewhere.
pub(crate) fn asks_if(name: &str) -> bool {
    matches!(
        folded(name).as_str(),
        "if" | "when"
            | "where"
            | "condition"
            | "conditions"
            | "only_if"
            | "only_when"
            | "criteria"
            | "filter"
            | "filters"
    )
}

/// Whether a key names an event, here or elsewhere.
pub(crate) fn names_event(name: &str) -> bool {
    matches!(folded(name).as_str(), "on" | "event" | "when" | "trigger" | "on_event" | "upon")
}

/// A key of a request that other tools have.
pub(crate) fn request_key(name: &str) -> Option<Verb> {
    use Verb::{Elsewhere, Instead, Is};
    Some(match folded(name).as_str() {
        "url" | "uri" | "endpoint" | "base_url" | "address" => Instead(
            "the connection says where it goes: write `via: crm` and, for what stands behind its address, `path: /deals`",
        ),
        "connection" | "using" | "host" | "server" | "service" => Is("via"),
        "verb" | "type" | "action" => Is("method"),
        "route" | "resource" => Is("path"),
        "payload" | "json" | "data" | "content" | "input" | "json_body" => Is("body"),
        "params" | "parameters" | "qs" | "query_string" | "search_params" | "search" => Is("query"),
        "header" => Is("headers"),
        "timeout" | "retry" | "retries" | "attempts" | "backoff" | "max_retries" | "retry_policy" => Elsewhere(
            "how long it waits and how often it asks again stands in connections.yaml: `timeout`, `attempts`, `backoff`",
        ),
        "auth" | "authorization" | "authentication" | "token" | "api_key" | "bearer" | "username" | "user"
        | "password" | "credentials" | "basic_auth" | "secret" => Elsewhere(
            "who we are is the connection's to say, under its `headers` in connections.yaml: `Authorization: { env: CRM_TOKEN }`",
        ),
        "save" | "results" | "go" | "id" | "store" | "output" | "response" | "mapping" => Instead(
            "what becomes of it stands beside `http`, not in it: `save: { my_field: body.name }`, `results: { … }`",
        ),
        "idempotency_key" | "idempotent" => Elsewhere("every attempt leaves under one `Idempotency-Key` by itself"),
        _ => return None,
    })
}

/// Our name for a key of a workflow that other tools name differently.
pub(crate) fn workflow_key(name: &str) -> Option<&'static str> {
    Some(match folded(name).as_str() {
        "name" | "title" | "id" => "workflow",
        "description" | "about" | "purpose" => "summary",
        "trigger" | "triggers" | "when" | "start" | "entry" | "enrollment" | "enrolment" => "enroll",
        "reenroll" | "re_enrollment" | "reenrollment" | "re_enrolment" => "re_enroll",
        "exit" | "exits" | "exit_when" | "exit_criteria" | "goal" | "goals" | "stop" | "until" | "unenroll" => "leave",
        "interrupt" | "handlers" | "on_event" | "listeners" => "interrupts",
        "run_per" | "unique_by" | "dedupe_by" | "one_per" => "one_run_per",
        "actions" | "nodes" | "flow" | "tasks" | "stages" => "steps",
        _ => return None,
    })
}

/// Our word for what another tool calls the purpose of a mail.
pub(crate) fn purpose(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "reply" | "transactional" | "confirmation" | "operational" | "service" | "relationship" => Some("answer"),
        "marketing" | "promotional" | "commercial" | "sales" | "campaign" | "nurture" => Some("outreach"),
        _ => None,
    }
}

/// Our type for a field type of another system.
pub(crate) fn field_type(name: &str) -> Option<&'static str> {
    Some(match folded(name).as_str() {
        "integer" | "whole" | "whole_number" | "long" | "bigint" | "smallint" | "count" | "int32" | "int64" => "int",
        "float" | "double" | "decimal" | "numeric" | "real" | "currency" | "money" | "percent" | "percentage"
        | "amount" => "number",
        "string" | "str" | "varchar" | "char" | "textarea" | "long_text" | "longtext" | "single_line_text"
        | "multi_line_text" | "email" | "url" | "phone" | "picklist" | "dropdown" | "dropdown_select" | "enum"
        | "enumeration" | "select" | "single_select" | "option" | "radio" | "radio_select" | "uuid" | "id" => "text",
        "boolean" | "checkbox" | "single_checkbox" | "yes_no" | "yes/no" | "flag" | "true_false" | "logical" => "bool",
        "datetime" | "date_time" | "timestamp" => "time",
        "date_picker" | "day" => "date",
        "interval" | "timespan" | "span" | "period" => "duration",
        "multiselect"
        | "multi_select"
        | "multipicklist"
        | "multi_picklist"
        | "multiple_checkboxes"
        | "checkboxes"
        | "array"
        | "tags"
        | "set"
        | "strings" => "list",
        _ => return None,
    })
}

/// Whether this is a function for the present time in other languages.
pub(crate) fn is_now(name: &str) -> bool {
    let now =
        ["now", "today", "currentdate", "currenttime", "currenttimestamp", "getdate", "sysdate", "utcnow", "curdate"];
    now.contains(&name.to_lowercase().replace('_', "").as_str())
}

/// Our function that does the same.
pub(crate) fn function(name: &str) -> Option<Function> {
    Some(match name.to_lowercase().as_str() {
        "isblank" | "isempty" | "is_empty" | "isnull" | "is_null" | "empty" | "blank" | "missing" | "isnone" => {
            Function::IsBlank
        }
        "len" | "length" | "count" | "strlen" => Function::Size,
        "tolower" | "to_lower" | "tolowercase" | "lowercase" | "lcase" | "lowerascii" => Function::Lower,
        "includes" | "contain" | "has_text" | "search" | "indexof" => Function::Contains,
        "beginswith" | "begins_with" | "starts_with" => Function::StartsWith,
        "ends_with" => Function::EndsWith,
        "datetime" | "time" | "to_timestamp" => Function::Time,
        "todate" | "to_date" | "parse_date" => Function::Date,
        "coalesce" | "ifnull" | "nvl" | "or_else" | "if_blank" => Function::Default,
        "dayofweek" | "day_of_week" | "getdayofweek" => Function::Weekday,
        "gethours" | "hourofday" | "hour_of_day" => Function::Hour,
        "regexp" | "regex" | "regexmatch" | "matches_regex" => Function::Matches,
        "workdays" | "working_days" | "businessdays" | "networkdays" | "weekdays" => Function::BusinessDays,
        "age" | "ago" | "elapsed" | "time_since" | "days_since" | "datediff" => Function::Since,
        _ => return None,
    })
}
