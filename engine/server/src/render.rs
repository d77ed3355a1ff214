//! Scripts rendered over what is known of a lead: for reps to read, and for mails. Blanks render empty; a template never
//! fails because something is not known. Names are those of conditions (`lead.first_name`, `owner.name`…).

use crate::plain;
use cadenza_core::effect::Rendered;
use cadenza_core::expr::{Name, OBJECT_FIELDS, Object, Scope};
use cadenza_core::field::{FieldInfo, KEPT_FIELDS};
use cadenza_core::identity;
use cadenza_core::step::View;
use cadenza_core::value::Value;
use cadenza_core::workflow::Script;
use minijinja::value::Value as Shown;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Steps a template may take: far more than any script needs, and no more than a millisecond's worth.
const FUEL: u64 = 50_000;
/// Bytes that a rendered text may have.
const RENDERED_BYTES_MAX: usize = 64 * 1024;

/// Why a template did not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    /// The template is broken or does not end.
    #[error("the script does not render: {0}")]
    Template(String),
    /// Too long.
    #[error("the rendered text has more than {RENDERED_BYTES_MAX} bytes")]
    TooLong,
    /// A mail without an address.
    #[error("the lead has no mail address")]
    NoAddress,
    /// A mail without a subject.
    #[error("the script has no subject line")]
    NoSubject,
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment
});

/// Renders one text over a lead.
pub(crate) fn text(template: &str, view: &View<'_>) -> Result<String, RenderError> {
    if !template.contains('{') {
        return Ok(template.to_owned());
    }
    let rendered =
        TEMPLATES.render_str(template, context(view)).map_err(|error| RenderError::Template(error.to_string()))?;
    if rendered.len() > RENDERED_BYTES_MAX { Err(RenderError::TooLong) } else { Ok(rendered) }
}

/// Renders a mail: to the lead's address, the subject on one line.
pub(crate) fn mail(script: &Script, view: &View<'_>) -> Result<Rendered, RenderError> {
    let to = view.state.lead.profile.email.as_deref().and_then(identity::email).ok_or(RenderError::NoAddress)?;
    let subject = text(script.subject.as_deref().ok_or(RenderError::NoSubject)?, view)?;
    // A line end in a field must not become a header of the mail.
    Ok(Rendered { to, subject: plain::line(&subject), body: plain::lines(&text(&script.body, view)?) })
}

/// Every object by its name, with what is known of it; what is not is undefined, which renders empty.
fn context(view: &View<'_>) -> BTreeMap<&'static str, Shown> {
    let known = |object: Object, fields: &'static [FieldInfo]| {
        let value = |field: &FieldInfo| view.get(&Name { object, field: field.name.to_owned() });
        object_of(fields.iter().map(|field| (field.name, value(field))))
    };
    let mut objects: BTreeMap<&'static str, Shown> =
        OBJECT_FIELDS.iter().map(|(object, fields)| (object.as_str(), known(*object, fields))).collect();
    let kept = KEPT_FIELDS.iter().map(|info| (info.name, view.lead(info.name)));
    objects.insert(Object::Lead.as_str(), object_of(kept.chain(view.state.lead.profile.known())));
    objects.insert(Object::Now.as_str(), Shown::from(view.now.to_string()));
    objects
}

fn object_of<'a>(values: impl Iterator<Item = (&'a str, Value)>) -> Shown {
    let known = values.filter_map(|(name, value)| Some((name.to_owned(), shown(&value)?)));
    Shown::from(known.collect::<BTreeMap<String, Shown>>())
}

fn shown(value: &Value) -> Option<Shown> {
    Some(match value {
        Value::Blank => return None,
        Value::Bool(bool) => Shown::from(*bool),
        Value::Int(int) | Value::Duration(int) => Shown::from(*int),
        Value::Number(number) => Shown::from(*number),
        Value::Time(at) => Shown::from(at.to_string()),
        Value::Text(text) => Shown::from(text.as_str()),
        Value::List(items) => items.iter().filter_map(shown).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn what_is_known_is_filled_in_and_blanks_are_empty() {
        let catalog = fixture::catalog();
        let mut state = fixture::lead();
        state.lead.profile.first_name = Some("Ada".into());
        state.lead.profile.custom.insert("seats".into(), Value::Int(3));
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        for (template, expected) in [
            ("Hello {{ lead.first_name }}!", "Hello Ada!"),
            ("Hello {{ lead.last_name }}!", "Hello !"),
            ("{{ lead.seats }} seats, {{ lead.stage }}", "3 seats, open"),
            ("{{ owner.name }}{{ nothing.at.all }}", ""),
            ("{% if lead.last_name %}yes{% else %}no{% endif %}", "no"),
            ("{{ lead.title | default('there') }}", "there"),
            ("<b>{{ lead.first_name }}</b> & co", "<b>Ada</b> & co"),
        ] {
            assert_eq!(text(template, &view).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn a_template_that_does_not_end_is_stopped() {
        let catalog = fixture::catalog();
        let state = fixture::lead();
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        let long = "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
        assert!(matches!(text(long, &view), Err(RenderError::Template(_))));
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
