//! Words of the team's own in events.

use super::*;
use cadenza_core::lead::TouchResult;
use cadenza_core::own_words::OwnWord;

/// A word of the team's own of each kind, and one that wants a reason.
pub(super) fn declared() -> OwnWords {
    let mut own = OwnWords::default();
    for (name, means, reason_required) in [
        ("no-budget", TouchResult::NotNow, true),
        ("reference", TouchResult::Qualified, false),
        ("never-again", TouchResult::OptedOut, false),
    ] {
        own.results.insert(name.to_owned(), OwnWord { means, reason_required });
    }
    own.stages.insert("trial".to_owned(), OwnWord { means: Stage::Open, reason_required: false });
    own.stages.insert("barred".to_owned(), OwnWord { means: Stage::Suppressed, reason_required: false });
    own.channels.insert("wechat".to_owned(), OwnWord { means: Channel::Message, reason_required: false });
    own.channels.insert("video".to_owned(), OwnWord { means: Channel::Call, reason_required: false });
    // Senders mostly mean a message by it, but not here.
    own.channels.insert("whatsapp".to_owned(), OwnWord { means: Channel::Other, reason_required: false });
    own
}

/// Names under `data` with their texts.
type Words = &'static [(&'static str, &'static str)];

/// What a call said, and what became of it: the words under `data`, or the place and the text of the refusal.
#[test]
fn a_call_is_told_in_the_teams_own_words() {
    let taken: &[(Words, Words)] = &[
        (&[("result", "not_now")], &[("result", "not_now")]),
        (&[("result", "reference")], &[("result", "qualified"), ("result_own", "reference")]),
        // As an event of ours has it.
        (
            &[("result", "qualified"), ("result_own", "reference")],
            &[("result", "qualified"), ("result_own", "reference")],
        ),
        (
            &[("result", "no-budget"), ("reason", "Next year")],
            &[("reason", "Next year"), ("result", "not_now"), ("result_own", "no-budget")],
        ),
        (
            &[("result", "no-budget"), ("notes", "Next year")],
            &[("notes", "Next year"), ("result", "not_now"), ("result_own", "no-budget")],
        ),
        // An opt-out counts whoever answered, and needs no reason.
        (&[("result", "never-again")], &[("result", "opted_out"), ("result_own", "never-again")]),
        (&[("channel", "video")], &[("channel", "video"), ("channel_own", "video")]),
        // What is no call is the sender's own text.
        (&[("channel", "wechat")], &[("channel", "wechat")]),
        (&[("channel", "pigeon"), ("channel_own", "video")], &[("channel", "pigeon")]),
    ];
    let call = |said: Words| {
        let outcome = ("outcome", t("connected"));
        let data: Vec<(&str, Value)> = said.iter().map(|(name, text)| (*name, t(text))).chain([outcome]).collect();
        of(StandardEvent::CallCompleted, draft(&[], &data))
    };
    for (said, expected) in taken {
        let incoming = checked(call(said)).unwrap_or_else(|error| panic!("{said:?}: {error}"));
        let mut data = incoming.report.data;
        data.remove("outcome");
        let expected: BTreeMap<String, Value> =
            expected.iter().map(|(name, text)| ((*name).to_owned(), t(text))).collect();
        assert_eq!(data, expected, "{said:?}");
    }
    for (said, place, names) in [
        (&[("result", "no-money")][..], "data.result", "of the team's own: never-again, no-budget, reference"),
        (&[("result", "No-Budget"), ("reason", "x")], "data.result", "no-budget"),
        (&[("result", "no-budget")], "data.reason", "`no-budget` has to come with a reason"),
        (&[("result", "no-budget"), ("reason", "  ")], "data.reason", "reason"),
        (&[("result", "not_now"), ("result_own", "reference")], "data.result_own", "not_now"),
        (&[("result_own", "reference"), ("result", "no-budget")], "data.result_own", "not_now"),
        (&[("result", "not_now"), ("result_own", "not_now")], "data.result_own", "not_now"),
    ] {
        let error = checked(call(said)).expect_err("refused");
        assert_eq!(error.place().as_deref(), Some(place), "{said:?}: {error}");
        assert!(error.to_string().contains(names), "{said:?}: {error}");
    }
    // What nobody can have said is left out, in the team's word too.
    let unheard = draft(&[], &[("outcome", t("no_answer")), ("result", t("reference"))]);
    let report = checked(of(StandardEvent::CallCompleted, unheard)).expect("it is taken").report;
    assert!(report.text("result").is_none() && report.text("result_own").is_none(), "{report:?}");
    assert_eq!(report.left_out.iter().map(|left| left.field.as_str()).collect::<Vec<_>>(), ["data.result"]);
}

#[test]
fn a_standing_is_told_in_the_teams_own_words() {
    let of_lead = |name, value: &str| checked(draft(&[(name, t(value))], &[])).expect("it is taken").report;
    let stage = |value: &str| of_lead("stage", value).standing.map(|standing| (standing.stage, standing.stage_own));
    assert_eq!(stage("trial"), Some((Some(Stage::Open), Some("trial".to_owned()))));
    assert_eq!(stage("Trial"), Some((Some(Stage::Open), Some("trial".to_owned()))), "as CRMs spell it");
    assert_eq!(stage("open"), Some((Some(Stage::Open), None)));
    let unknown = of_lead("stage", "trail");
    assert!(unknown.standing.is_none());
    let told = unknown.left_out[0].words();
    assert!(told.contains("suppressed; of the team's own: barred, trial"), "{told}");
    assert!(of_lead("stage", "barred").opts_out(), "it does what it means");
    for (said, means) in [("wechat", Channel::Message), ("sms", Channel::Message), ("whatsapp", Channel::Other)] {
        let refused = of_lead("refused", said).standing.map(|standing| standing.refused);
        assert_eq!(
            refused,
            Some(vec![means]),
            "{said}: consent goes by the meaning, and the team's comes before any other"
        );
    }
}

#[test]
fn an_opt_out_counts_in_the_teams_own_word_wherever_it_is_told() {
    for (said, opts_out, means, own) in [
        ("never-again", true, "opted_out", Some("never-again")),
        ("opted_out", true, "opted_out", None),
        ("reference", false, "qualified", Some("reference")),
        // The event is no report of a call: nobody owes a reason.
        ("no-budget", false, "not_now", Some("no-budget")),
        ("never", false, "never", None),
    ] {
        let event = of(StandardEvent::LeadEngaged, draft(&[("email", t("a@b.example"))], &[("result", t(said))]));
        let report = checked(event).expect("it is taken").report;
        assert_eq!(report.opts_out(), opts_out, "{said}");
        assert_eq!((report.text("result"), report.text("result_own")), (Some(means), own), "{said}");
    }
}

/// A delivery from before there were words of the team's own is still the same.
#[test]
fn a_standing_without_own_words_is_hashed_as_it_always_was() {
    /// As it was then.
    #[derive(Debug)]
    #[expect(dead_code, reason = "its text is what is compared")]
    struct Standing {
        opted_out: Option<bool>,
        refused: Vec<Channel>,
        stage: Option<Stage>,
        owner: Option<RepId>,
    }
    let owner = RepId("ana".to_owned());
    for standing in [
        super::Standing::default(),
        super::Standing { opted_out: Some(true), refused: vec![Channel::Call, Channel::Email], ..Default::default() },
        super::Standing { stage: Some(Stage::Customer), owner: Some(owner), ..Default::default() },
    ] {
        let super::Standing { opted_out, refused, stage, owner, .. } = standing.clone();
        let then = format!("{:?}", Standing { opted_out, refused, stage, owner });
        assert_eq!(content::first_text(&standing), then);
    }
    let hash = |stage: &str| {
        let lead = [("email", t("a@b.example")), ("stage", t(stage))];
        checked(draft(&lead, &[])).expect("it is taken").content
    };
    assert_ne!(hash("trial"), hash("open"), "the team's word is part of what was said");
}

/// What a team's word means may change between a delivery and its repetition.
#[test]
fn a_delivery_counts_as_the_same_whatever_its_words_mean_by_then() {
    let mut meanwhile = declared();
    for (name, means) in [("no-budget", TouchResult::Unqualified), ("reference", TouchResult::NotNow)] {
        meanwhile.results.insert(name.to_owned(), OwnWord { means, reason_required: false });
    }
    meanwhile.stages.insert("trial".to_owned(), OwnWord { means: Stage::Customer, reason_required: false });
    meanwhile.channels.insert("video".to_owned(), OwnWord { means: Channel::Meeting, reason_required: false });
    let engaged = |result: &str| of(StandardEvent::LeadEngaged, draft(&[], &[("result", t(result))]));
    let call = |result: &str| {
        let data = [("outcome", t("connected")), ("result", t(result)), ("channel", t("video"))];
        of(StandardEvent::CallCompleted, draft(&[], &data))
    };
    let staged = |stage: &str| draft(&[("stage", t(stage))], &[]);
    let content = |words: &OwnWords, draft| checked_by(words, draft).expect("it is taken").content;
    let (then, now) = (declared(), meanwhile);
    for (word, other) in [("no-budget", "reference"), ("reference", "no-budget")] {
        assert_eq!(content(&then, engaged(word)), content(&now, engaged(word)), "{word}");
        assert_ne!(content(&then, engaged(word)), content(&now, engaged(other)), "{word}, then {other}");
    }
    assert_eq!(content(&then, call("reference")), content(&now, call("reference")));
    assert_ne!(content(&then, call("reference")), content(&then, call("qualified")));
    assert_eq!(content(&then, staged("trial")), content(&now, staged("trial")));
    assert_eq!(content(&then, engaged("no-budget")), content(&OwnWords::default(), engaged("no-budget")), "removed");
}
