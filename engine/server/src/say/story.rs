//! The story of a lead in words: `cadenza why`, and the end of the demo.

use super::table::cell;
use super::zone;
use cadenza_api::views::words::NOT_PUT_INTO;
use cadenza_core::zone::whereabouts::{Origin, Whereabouts, Zone};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::collections::BTreeMap;

/// A lead and its journal in words, with times in the zone with this name.
pub(crate) fn of(lead: &Value, entries: &[Value], zone: Option<&str>) -> String {
    let zone = zone::named(zone);
    let mut lines = vec![headline(lead), format!("Times are those of {}.\n", zone.iana_name().unwrap_or("UTC"))];
    lines.extend(entries.iter().map(|entry| paragraph(entry, &zone)));
    let standing = standing(lead, entries);
    if !standing.is_empty() {
        lines.push(format!("\n{}", standing.join("\n")));
    }
    lines.join("\n")
}

/// Facts that no entry contains, because nothing happened.
fn standing(lead: &Value, entries: &[Value]) -> Vec<String> {
    let none = |of: &str| lead[of].as_array().is_none_or(Vec::is_empty);
    let known = |field: &str| lead["fields"].get(field).is_some_and(|value| !value.is_null());
    let mut lines = Vec::new();
    if none("runs") && none("past_runs") {
        lines.push(format!("It is in no workflow, and was in none: {}.", why_in_none(entries)));
    }
    if known("phone") && !known("timezone") {
        let field = |name: &str| lead["fields"][name].as_str();
        lines.push(zone_derived(&Whereabouts::of(field("phone"), field("country"), field("region"))));
    }
    lines
}

/// Where a lead is that gave no time zone.
fn zone_derived(whereabouts: &Whereabouts) -> String {
    let Some((likeliest, by)) = whereabouts.likeliest() else {
        return "Its time zone is not known: it is called in the workspace's business hours.".to_owned();
    };
    let by = match by {
        Origin::Address => "country",
        Origin::Number => "telephone number",
    };
    match whereabouts.possible().skip(1).map(Zone::name).collect::<Vec<_>>().as_slice() {
        [] => format!("By its {by} its time zone is {}.", likeliest.name()),
        others => format!(
            "By its {by} its time zone is {}, or {}: it is called while business hours are open in each of them.",
            likeliest.name(),
            others.join(" or ")
        ),
    }
}

/// Why nothing has begun: the reason in the entries or, if there is none, that no workflow wanted the lead.
fn why_in_none(entries: &[Value]) -> String {
    let told = entries.iter().flat_map(|entry| entry["what"].as_array().into_iter().flatten());
    let refusals = told.filter_map(|told| told["text"].as_str()?.strip_prefix(NOT_PUT_INTO)?.split_once(": "));
    // The last reason for each workflow.
    let refusals: BTreeMap<&str, &str> = refusals.collect();
    if !refusals.is_empty() {
        let one =
            |(workflow, why): (&&str, &&str)| format!("not put into {workflow}, since {}", why.trim_end_matches('.'));
        return refusals.iter().map(one).collect::<Vec<_>>().join("; ");
    }
    let of = |entry: &Value, name: &str, what: &str| {
        entry["facts"].as_array().into_iter().flatten().any(|fact| fact[name] == what)
    };
    let mut came_in = entries.iter().filter(|entry| of(entry, "fact", "event")).peekable();
    if came_in.peek().is_some() && came_in.all(|entry| of(entry, "what", "imported")) {
        return "what came in was imported, which puts nobody into a workflow".to_owned();
    }
    "no `enroll` held for what came in".to_owned()
}

/// Who the lead is, and its current state.
fn headline(lead: &Value) -> String {
    let fields = &lead["fields"];
    let name = [cell(fields, "first_name"), cell(fields, "last_name")];
    let name = name.into_iter().filter(|name| name != "-").collect::<Vec<_>>().join(" ");
    let about = [name, cell(fields, "company"), cell(fields, "email"), cell(fields, "phone")];
    let known = about.into_iter().filter(|text| text != "-" && !text.is_empty()).collect::<Vec<_>>().join(", ");
    let score = cell(lead, "scores.fit.points");
    let stands = format!(
        "{}, {}{}, {}",
        cell(lead, "stage"),
        if lead["segment"].is_null() { "not scored".to_owned() } else { cell(lead, "segment") },
        if score == "-" { String::new() } else { format!(" ({score} points)") },
        if lead["owner"].is_null() { "nobody owns it".to_owned() } else { format!("owner {}", cell(lead, "owner")) },
    );
    format!("{known}\n{}: {stands}\n", cell(lead, "id"))
}

/// One entry: its time, then a line for each thing that happened, with the reasons below.
fn paragraph(entry: &Value, zone: &TimeZone) -> String {
    const MARGIN: usize = 24;
    let at = entry["at"].as_str().and_then(|at| zone::in_words(at, zone)).unwrap_or_default();
    let mut lines = Vec::new();
    for told in entry["what"].as_array().into_iter().flatten() {
        let before = if lines.is_empty() { at.as_str() } else { "" };
        lines.push(format!("{before:<MARGIN$}{}", cell(told, "text")));
        for reason in told["because"].as_array().into_iter().flatten() {
            lines.push(format!("{:<MARGIN$}  because: {}", "", reason.as_str().unwrap_or_default()));
        }
    }
    if entry["erased"] == true {
        lines.push(format!("{:<MARGIN$}(the personal part was erased)", ""));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_did_not_happen_is_told_too() {
        for (lead, told) in [
            (json!({"runs": [], "past_runs": [], "fields": {"email": "a@b.io"}}), vec!["It is in no workflow"]),
            (json!({"runs": [{}], "past_runs": [], "fields": {"phone": "+1"}}), vec!["Its time zone is not known"]),
            (
                json!({"runs": [{}], "past_runs": [], "fields": {"phone": "+4930123456"}}),
                vec!["By its telephone number its time zone is Europe/Berlin."],
            ),
            (
                json!({"runs": [{}], "past_runs": [], "fields": {"phone": "+12125550100", "country": "US", "region": "CA"}}),
                vec![
                    "By its country its time zone is America/Los_Angeles, or America/New_York: it is called while \
                     business hours are open in each of them.",
                ],
            ),
            (json!({"runs": [], "past_runs": [{}], "fields": {"phone": "+1", "timezone": "Europe/Berlin"}}), vec![]),
        ] {
            let lines = standing(&lead, &[]);
            assert_eq!(lines.len(), told.len(), "{lead}: {lines:?}");
            assert!(lines.iter().zip(&told).all(|(line, told)| line.starts_with(told)), "{lead}: {lines:?}");
        }
    }

    #[test]
    fn why_it_is_in_no_workflow_is_what_the_entries_say() {
        let told = |text: &str| json!({ "what": [{ "text": "custom.ends came in from crm." }, { "text": text }] });
        let imported = json!({ "what": [], "facts": [{ "fact": "besides", "what": "imported" }, { "fact": "event" }] });
        let came_in = json!({ "what": [], "facts": [{ "fact": "event" }] });
        let (none, taken) = (
            "Not put into renewal: it has a run for each value of event.data.deal, and that is blank.",
            "Not put into sales: another workflow of its group has the lead.",
        );
        for (entries, expected) in [
            (vec![], "no `enroll` held for what came in"),
            (vec![came_in.clone()], "no `enroll` held for what came in"),
            (vec![imported.clone()], "what came in was imported, which puts nobody into a workflow"),
            (vec![imported, came_in], "no `enroll` held for what came in"),
            (
                vec![told(none), told(taken)],
                "not put into renewal, since it has a run for each value of event.data.deal, and that is blank; not put \
                 into sales, since another workflow of its group has the lead",
            ),
        ] {
            assert_eq!(why_in_none(&entries), expected, "{entries:?}");
        }
    }

    #[test]
    fn an_entry_reads_as_a_paragraph() {
        let entry = json!({
            "at": "2026-11-20T15:00:00Z",
            "what": [{"text": "lead.created came in from web."},
                     {"text": "inbound-fit scored the lead 82 points: hot.", "because": ["+30 asked for a demo"]}],
        });
        let zone = TimeZone::get("America/New_York").unwrap();
        let expected = "Fri 20 Nov 2026 10:00   lead.created came in from web.\n                        \
             inbound-fit scored the lead 82 points: hot.\n                          because: +30 asked for a demo";
        assert_eq!(paragraph(&entry, &zone), expected);
    }
}
