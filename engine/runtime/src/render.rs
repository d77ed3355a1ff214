//! Renders scripts over what is known of a lead, for reps to read and for mails. Blanks render empty: a template never fails
//! because something is not known. Names are those of conditions (`lead.first_name`, `owner.name`…). The language
//! (`cadenza_language::template`) decides what a template may say, and how much of it.

pub mod letter;
pub mod preview;
pub mod requests;

use crate::catalog::Catalog;
use crate::plain;
use cadenza_core::account::AccountFacts;
use cadenza_core::effect::{Message, Outgoing, Rendered};
use cadenza_core::expr::{Object, Scope as _};
use cadenza_core::identity;
use cadenza_core::state::LeadState;
use cadenza_core::step::View;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{Http, Script};
use cadenza_core::workspace::Connection;
use cadenza_language::template::{self, Reader};
use requests::RequestError;

/// Why a template did not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template is broken, too large, or does not end.
    #[error("{part} does not render: {error}")]
    Template {
        /// The part of the script.
        part: &'static str,
        /// Where and why.
        error: template::RenderError,
    },
    /// The lead has no address for the mail.
    #[error("the lead has no mail address")]
    NoAddress,
    /// The lead has no number for the message.
    #[error("the lead has no phone number")]
    NoNumber,
    /// A mail without a subject.
    #[error("the script has no subject line")]
    NoSubject,
    /// Nobody of those who may send is in the team and has a mail address.
    #[error("nobody can send it: {0} is not in the team with a mail address")]
    NoSender(String),
    /// A request that cannot be filled in.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// The reader of texts about this lead, with the lead's time zone, or the workspace's if that is not known.
pub(crate) fn reader(view: &View<'_>) -> Reader {
    let profile = &view.state.lead.profile;
    let home = view.live.settings.calendar.zone().clone();
    Reader::new(view.zone(), profile.language.as_deref(), profile.country.as_deref()).at_home_in(home)
}

/// Renders one text over a lead.
pub fn text(template: &str, view: &View<'_>) -> Result<String, template::RenderError> {
    if !template.contains('{') {
        return Ok(template.to_owned());
    }
    template::render(template, view, &reader(view))
}

/// Renders a mail to the lead's address, with the subject on one line.
pub fn mail(script: &Script, view: &View<'_>) -> Result<Rendered, RenderError> {
    let to = view.state.lead.profile.email.as_deref().and_then(identity::email).ok_or(RenderError::NoAddress)?;
    let render = |part, template: &str| text(template, view).map_err(|error| RenderError::Template { part, error });
    let subject = render("the subject", script.subject.as_deref().ok_or(RenderError::NoSubject)?)?;
    // A line end in a field must not begin another header of the mail.
    let body = plain::lines(&render("the text", &script.body)?);
    Ok(Rendered { to, subject: plain::line(&subject), body, letter: None })
}

/// Renders a text message to the lead's number.
pub fn text_message(script: &Script, view: &View<'_>) -> Result<Rendered, RenderError> {
    let to = view.state.lead.profile.phone.clone().ok_or(RenderError::NoNumber)?;
    Ok(Rendered { to, subject: String::new(), body: words(script, view)?, letter: None })
}

/// Renders the text of a script.
pub fn words(script: &Script, view: &View<'_>) -> Result<String, RenderError> {
    let body = text(&script.body, view).map_err(|error| RenderError::Template { part: "the text", error })?;
    Ok(plain::lines(&body))
}

/// What a message is rendered from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Script(&'a Script),
    Http(&'a Http),
}

impl Source<'_> {
    /// Whether the message may use this object. Objects that are costly to look up are looked up only then.
    pub(crate) fn may_name(self, object: Object) -> bool {
        match self {
            Self::Script(script) => script.may_name(object),
            Self::Http(http) => requests::may_name(http, object),
        }
    }
}

/// What a message that is not rendered yet is rendered from.
pub(crate) fn unrendered<'a>(catalog: &'a Catalog, message: &Message) -> Option<Source<'a>> {
    match message {
        Message::Email { workflow, script, rendered: None, .. }
        | Message::Text { workflow, script, rendered: None, .. }
        | Message::Words { workflow, script, rendered: None, .. } => {
            catalog.definitions.get(workflow)?.script(*script).map(|(_, script)| Source::Script(script))
        }
        Message::Request { rendered: None, .. } => requests::step_of(&catalog.definitions, message).map(Source::Http),
        _ => None,
    }
}

/// Renders a message over its lead and the run that sends it. This happens once, so that every attempt says the same. If the
/// message cannot be rendered, the reason is put into the row, and the attempt fails with it.
pub(crate) fn render_message(
    catalog: &Catalog,
    state: &LeadState,
    account: Option<&AccountFacts>,
    row: &mut Outgoing,
    now: Timestamp,
) {
    let Some(source) = unrendered(catalog, &row.message) else { return };
    let run = state.runs.iter().find(|run| run.id == row.run);
    let mailer = catalog.workspace.connections.get(&row.via).and_then(Connection::mailer);
    let view = View { account, run, ..View::of(state, &catalog.live, &catalog.definitions, now) };
    let done = match (&mut row.message, source) {
        (Message::Email { rendered, .. }, Source::Script(script)) => {
            let letter = mailer.map(|mailer| letter::letter(mailer, &view).map(Box::new)).transpose();
            letter.and_then(|letter| Ok(Rendered { letter, ..mail(script, &view)? })).map(|it| *rendered = Some(it))
        }
        (Message::Text { rendered, .. }, Source::Script(script)) => {
            text_message(script, &view).map(|it| *rendered = Some(it))
        }
        (Message::Words { rendered, .. }, Source::Script(script)) => {
            words(script, &view).map(|it| *rendered = Some(it))
        }
        (Message::Request { rendered, .. }, Source::Http(http)) => {
            requests::fill(http, &view).map(|it| *rendered = Some(it)).map_err(RenderError::Request)
        }
        _ => Ok(()),
    };
    if let Err(error) = done {
        let script = row.message.script().and_then(|script| catalog.definitions.script(script));
        tracing::warn!(script, %error, "a message does not render");
        row.last_error = Some(error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use cadenza_core::time::Timestamp;
    use cadenza_core::value::Value;

    #[test]
    fn what_is_known_is_filled_in_and_blanks_are_empty() {
        let catalog = fixture::catalog();
        let mut state = fixture::lead();
        state.lead.profile.first_name = Some("Ada".into());
        state.lead.profile.custom.insert("seats".into(), Value::Int(3));
        state.lead.profile.budget = Some(50_000.0);
        state.lead.profile.project_date = Some(Timestamp::from_ms(1_772_958_600_000));
        state.lead.profile.language = Some("de".into());
        state.lead.profile.timezone = Some("Europe/Berlin".into());
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        for (template, expected) in [
            ("Hello {{ lead.first_name }}!", "Hello Ada!"),
            ("Hello {{ lead.last_name }}!", "Hello !"),
            ("{{ lead.seats }} seats, {{ lead.stage }}", "3 seats, open"),
            ("{{ lead.budget }}, {{ lead.budget | money('EUR') }}", "50000, 50.000\u{a0}€"),
            ("{{ lead.project_date }}", "8. März 2026, 09:30"),
            ("{{ owner.name }}{{ nothing.at.all }}", ""),
            ("{% if lead.last_name %}yes{% else %}no{% endif %}", "no"),
            ("{{ lead.title | default('there') }}", "there"),
            ("<b>{{ lead.first_name }}</b> & co", "<b>Ada</b> & co"),
        ] {
            assert_eq!(text(template, &view).as_deref(), Ok(expected), "{template}");
        }
    }

    /// A plain date is midnight in the workspace's zone, and the same day to a reader anywhere.
    #[test]
    fn a_plain_date_is_that_day_everywhere() {
        let catalog = fixture::catalog();
        let home = catalog.live.settings.calendar.zone().clone();
        let day = jiff::civil::date(2026, 3, 9).to_zoned(home).expect("a day").timestamp();
        let mut state = fixture::lead();
        state.lead.profile.project_date = Some(Timestamp::from_ms(day.as_millisecond()));
        for zone in ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Europe/Berlin", "Asia/Tokyo"] {
            state.lead.profile.timezone = Some(zone.to_owned());
            let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
            for (template, expected) in [
                ("{{ lead.project_date }}", "9 March 2026"),
                ("{{ lead.project_date | date }}", "9 March 2026"),
                ("{{ lead.project_date | weekday }}", "Monday"),
            ] {
                assert_eq!(text(template, &view).as_deref(), Ok(expected), "{template} in {zone}");
            }
        }
    }

    #[test]
    fn times_are_the_workspaces_where_the_lead_has_no_zone_and_the_cause_names_its_line() {
        let catalog = fixture::catalog();
        let mut state = fixture::lead();
        state.lead.profile.project_date = Some(Timestamp::from_ms(1_772_958_600_000));
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        let zoned = catalog.live.settings.calendar.zone().clone();
        let hour = Timestamp::from_ms(1_772_958_600_000).to_jiff().to_zoned(zoned).strftime("%H:%M").to_string();
        assert_eq!(text("{{ lead.project_date }}", &view), Ok(format!("8 March 2026, {hour}")));
        let long = "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
        let script = Script {
            objective: String::new(),
            reviewed_by: None,
            subject: Some("x".into()),
            body: format!("\n{long}"),
        };
        let mut state = state.clone();
        state.lead.profile.email = Some("ada@example.com".into());
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        let cause = mail(&script, &view).unwrap_err().to_string();
        assert_eq!(cause, "the text does not render: line 2 of the template: it takes more than 50000 steps");
    }

    #[test]
    fn a_subject_stays_on_its_line() {
        let catalog = fixture::catalog();
        let mut state = fixture::lead();
        state.lead.profile.company = Some("Acme\r\nBcc: all@example.com".into());
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        let script = Script {
            objective: String::new(),
            reviewed_by: None,
            subject: Some("For {{ lead.company }}".into()),
            body: "Hello".into(),
        };
        assert_eq!(mail(&script, &view), Err(RenderError::NoAddress));
        let mut state = state.clone();
        state.lead.profile.email = Some("ada@example.com".into());
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        assert_eq!(mail(&script, &view).unwrap().subject, "For Acme Bcc: all@example.com");
        for (email, to) in [
            (" ada@example.com\r\n", Some("ada@example.com")),
            ("ada@example.com\r\nBcc: all@example.com", None),
            ("ada@example.com, all@example.com", None),
            ("ada", None),
        ] {
            state.lead.profile.email = Some(email.into());
            let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
            assert_eq!(mail(&script, &view).ok().map(|mail| mail.to).as_deref(), to, "{email:?}");
        }
    }
}
