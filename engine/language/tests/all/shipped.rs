//! The shipped workspace is checked without findings, and says what the design's example says.

use crate::fixture::{catalog, shipped, with_change};
use cadenza_core::time::{MINUTE_MS, Span};
use cadenza_core::workflow::{Enroll, StepId, Target, Verb, Wait};
use cadenza_language::{Paint, check, render};

#[test]
fn the_shipped_workspace_has_nothing_to_complain_of() {
    let folder = shipped();
    let checked = check(&folder, &catalog());
    assert!(checked.diagnostics.is_empty(), "{}", render(&checked.diagnostics, &folder, Paint::Plain));
    let workspace = checked.workspace.expect("nothing is wrong, so there is a workspace");
    assert_eq!(workspace.workflows.keys().collect::<Vec<_>>(), ["answer", "handoff", "inbound"]);
    assert!(workspace.sources.contains_key("website"));
    assert_eq!(
        workspace.connections["mailer"].endpoint().and_then(|endpoint| endpoint.url_env.as_deref()),
        Some("CADENZA_MAILER_URL")
    );
}

#[test]
fn inbound_reads_as_the_design_has_it() {
    let workspace = check(&shipped(), &catalog()).workspace.expect("it is sound");
    let inbound = &workspace.workflows["inbound"];
    assert!(matches!(&inbound.enroll[1], Enroll::Schedule { schedule, .. } if schedule.id == "inbound/untouched"));
    let verb = |id: &str| &inbound.step(StepId::of(id)).unwrap_or_else(|| panic!("a step `{id}`")).verb;
    let Verb::Call(call) = verb("first-call") else { panic!("first-call is a call") };
    assert_eq!(call.due, Span::Business(5 * MINUTE_MS));
    assert_eq!(call.escalate.as_ref().map(|escalate| escalate.at.len()), Some(3));
    let Verb::Assign(own) = verb("own") else { panic!("own is an assignment") };
    let expiry = own.hold.as_ref().and_then(|hold| hold.on_expiry);
    assert_eq!(expiry, inbound.find("hand-back").map(Target::Step));
    let Verb::Cadence(persist) = verb("persist") else { panic!("persist is a cadence") };
    assert_eq!((persist.contacts_max, persist.touches.len()), (12, 2));
    assert!(matches!(verb("long-wait"), Verb::Wait(Wait::Until { before: true, offset: Span::Days(30), .. })));
    assert!(inbound.scripts.contains_key("scripts/vm-last.md"), "the scripts a run uses are pinned with it");
}

/// A definition survives storage: reading it back gives the same definition with the same digest.
#[test]
fn definitions_survive_storage() {
    let workspace = check(&shipped(), &catalog()).workspace.expect("it is sound");
    for workflow in workspace.workflows.values() {
        let text = serde_json::to_string(&**workflow).unwrap();
        let back: cadenza_core::workflow::Workflow = serde_json::from_str(&text).unwrap();
        assert_eq!(back, **workflow);
    }
}

#[test]
fn a_digest_changes_with_the_file_and_with_each_script_it_uses_alone() {
    let digests = |change: &str| {
        let folder = with_change(&shipped(), change, |text| {
            text.replace("Northwind", "Southwind").replace("summary:", "summary: Now")
        });
        let workspace = check(&folder, &catalog()).workspace.expect("still sound");
        ["inbound", "handoff"].map(|name| workspace.workflows[name].digest)
    };
    let [inbound, handoff] = digests("none");
    assert_eq!(digests("cadenza.yaml"), [inbound, handoff], "settings are live, not pinned");
    assert_ne!(digests("inbound.yaml")[0], inbound);
    let [by_script, other] = digests("scripts/vm-1.md");
    assert_ne!(by_script, inbound);
    assert_eq!(other, handoff, "the other workflow does not use the script");
}
