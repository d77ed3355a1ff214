//! The names in templates: which exist, and which never have a value where the template is used.

use crate::condition::{Place, fields_of, may_be_blank_in_text, type_of_field};
use crate::diagnostic::{Problem, Sheet};
use crate::known::Known;
use crate::suggest::{listed, nearest};
use crate::usage::{Named, Use};
use cadenza_core::expr::{Object, ROLE_NAME};
use cadenza_core::value::ValueType;
use std::ops::Range;

/// What templates may name, with the same fields as in expressions.
const OBJECTS: [Object; 7] =
    [Object::Lead, Object::Owner, Object::Account, Object::Deal, Object::Run, Object::Task, Object::Now];

/// Reports names that never have a value where the template is used.
pub(crate) fn check_use(sheet: &Sheet<'_>, named: &[Named], used: Use) {
    for (name, span) in named {
        let Some((root, field)) = name.split_once('.') else { continue };
        if let Some(why) = Object::parse(root).and_then(|object| used.lacks(object, field)) {
            let message = format!("`{name}` never has a value in {}", used.what());
            let problem = Problem::error("no-value-here", span.clone(), message).help(why);
            let instead = Object::parse(root).and_then(|object| Place::Step.instead(object, field));
            sheet.report(match instead {
                Some(instead) => problem.perhaps(instead),
                None => problem,
            });
        }
    }
}

/// The usual words in a letter when the value of a name is missing.
const INSTEAD: [(&str, &str); 2] = [("lead.first_name", "there"), ("lead.company", "your company")];

/// Reports names that may be blank in a mail to the lead.
pub(crate) fn check_blanks(sheet: &Sheet<'_>, blanks: &[Named], used: Use) {
    for (name, span) in blanks.iter().filter(|_| used.is_read_by_the_lead()) {
        let message = format!("`{name}` may be blank, and the lead would read a gap");
        let help = format!(
            "write `{{{{ {name} | default(\"…\") }}}}`, or put what goes with it between `{{% if {name} %}}` and \
             `{{% endif %}}`"
        );
        let problem = Problem::error("may-print-nothing", span.clone(), message).help(help);
        // These words suit everybody in a letter. For other names, nobody knows what to say instead.
        let instead = INSTEAD.iter().find(|(of, _)| of == name).map(|(_, instead)| *instead);
        let in_braces = sheet.text[..span.start].trim_end().ends_with("{{")
            && sheet.text[span.end..].trim_start().starts_with("}}");
        sheet.report(match instead.filter(|_| in_braces) {
            Some(instead) => problem.replace(format!("{name} | default(\"{instead}\")")),
            None => problem,
        });
    }
}

/// Whether a name in a template may be blank.
pub(crate) fn may_be_blank(known: &Known<'_>, name: &str) -> bool {
    let (root, field) = name.split_once('.').unwrap_or((name, ""));
    Object::parse(root).is_some_and(|object| may_be_blank_in_text(known, object, field))
}

/// Makes the problem of a name for each place where the name stands.
pub(crate) type Complaint = Box<dyn Fn(Range<usize>) -> Problem>;

/// What is wrong with a name in a template, if anything.
pub(crate) fn unknown(known: &Known<'_>, name: &str) -> Option<Complaint> {
    let mut parts = name.split('.');
    let (root, field, deeper) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let object = Object::parse(root);
    if let Some(why) = object.and_then(|object| never(object, field)) {
        let message = format!("`{name}` never has a value in a text");
        return Some(Box::new(move |span| Problem::error("no-value-here", span, message.clone()).help(why)));
    }
    let Some(object) = object else { return Some(unknown_object(known, name)) };
    let role_names: Vec<String> = known.roles.iter().map(|role| format!("{role}{ROLE_NAME}")).collect();
    let mut fields: Vec<&str> =
        if object == Object::Lead { known.field_names().collect() } else { fields_of(object).collect() };
    if object == Object::Run {
        fields.extend(known.roles.iter());
        fields.extend(role_names.iter().map(String::as_str));
    }
    let (message, near, list) = match (field, deeper) {
        (None, _) if object == Object::Now => return None,
        (None, _) => (format!("`{root}` alone has no text: say which field"), None, object != Object::Lead),
        (Some(_), _) if object == Object::Now => {
            ("`now` is a time and has no fields".to_owned(), Some(root.to_owned()), false)
        }
        (Some(field), None) if fields.contains(&field) || known.role(object, field).is_some() => return None,
        (Some(_), None) if object == Object::Lead && !known.has_all("fields") => return None,
        (Some(field), None) => {
            let near = nearest(field, fields.iter().copied()).map(|near| format!("{root}.{near}"));
            (format!("`{root}` has no field `{field}`"), near, object != Object::Lead)
        }
        (Some(field), Some(_)) => (format!("`{root}.{field}` is a single value and has no fields"), None, false),
    };
    let list = list.then(|| listed(fields.iter().copied()));
    Some(Box::new(move |span| {
        let problem = Problem::error("unknown-variable", span, message.clone());
        match (&near, &list) {
            (Some(near), _) => problem.label(format!("did you mean `{near}`?")).replace(near.clone()),
            (None, Some(list)) => problem.help(format!("fields it has: {list}")),
            (None, None) => problem.help("fields of your own are declared under `fields` in cadenza.yaml"),
        }
    }))
}

/// The type of the value of a name in a template; `None` when there is no such name, or it may have any type.
pub(crate) fn type_of(known: &Known<'_>, name: &str) -> Option<ValueType> {
    let (root, field) = name.split_once('.').unwrap_or((name, ""));
    match Object::parse(root)? {
        Object::Now if field.is_empty() => Some(ValueType::Time),
        Object::Lead => known.field(field),
        object => known.role(object, field).or_else(|| type_of_field(object, field)),
    }
}

/// Why a name has no value in any text. A text is read or sent at a moment of its own, when nothing has just happened.
fn never(object: Object, field: Option<&str>) -> Option<&'static str> {
    match (object, field) {
        (Object::Event, _) => Some(
            "a text is shown or sent later than the event came: keep what it brought in a field of the lead, \
             `update: { my_field: { cel: event.data.x } }`, and write `{{ lead.my_field }}`",
        ),
        (Object::Touch, _) => Some(
            "when a text is shown or sent no touch has just been completed: write `lead.last_touch`, `lead.contacts`, \
             `lead.calls` or `lead.emails`",
        ),
        (Object::Task, Some("outcome" | "result" | "result_own")) => {
            Some("the text is there before the task is done: `results` and a `switch` after it know what came of it")
        }
        _ => None,
    }
}

fn unknown_object(known: &Known<'_>, name: &str) -> Complaint {
    let (root, field) = name.split_once('.').map_or((name, None), |(root, field)| (root, Some(field.to_owned())));
    let objects = || OBJECTS.iter().map(|object| object.as_str());
    let whole = known.field(root).map(|_| format!("lead.{root}"));
    let near =
        whole.or_else(|| foreign(root).map(str::to_owned)).or_else(|| nearest(root, objects()).map(str::to_owned));
    let message = format!("a template knows nothing called `{root}`");
    // The complete correct name: a field of the lead alone, or with the field that it names, in our spelling.
    let instead = near.clone().and_then(|near| match (near.split_once('.'), &field) {
        (Some(_), None) => Some(near),
        (None, Some(field)) => {
            let fields: Vec<&str> = match Object::parse(&near)? {
                Object::Lead => known.field_names().collect(),
                object => fields_of(object).collect(),
            };
            let spelt = |text: &str| text.replace('_', "").to_lowercase();
            let ours = fields.into_iter().find(|ours| spelt(ours) == spelt(field))?;
            Some(format!("{near}.{ours}"))
        }
        _ => None,
    });
    Box::new(move |span| {
        let problem = Problem::error("unknown-variable", span, message.clone());
        match (&near, &instead) {
            (_, Some(instead)) => problem.label(format!("did you mean `{instead}`?")).replace(instead.clone()),
            (Some(near), None) => problem.label(format!("did you mean `{near}`?")),
            (None, None) => problem.help(format!("names begin with {}", listed(objects()))),
        }
    })
}

/// Our object for a name that other tools use.
fn foreign(root: &str) -> Option<&'static str> {
    match root.to_lowercase().as_str() {
        "contact" | "person" | "prospect" | "customer" | "recipient" | "user" | "subscriber" | "json" => Some("lead"),
        "company" | "organization" | "organisation" => Some("account"),
        "sender" | "rep" | "user_owner" | "agent" => Some("owner"),
        "opportunity" => Some("deal"),
        _ => None,
    }
}

/// Reports a name in the text itself, as another tool or a condition would write it. It would be printed literally.
pub(crate) fn without_braces(
    sheet: &Sheet<'_>,
    known: &Known<'_>,
    source: &str,
    tags: &[Range<usize>],
    place: &dyn Fn(Range<usize>) -> Range<usize>,
) {
    for (at, _) in source.match_indices('.') {
        if tags.iter().any(|tag| tag.contains(&at)) {
            continue;
        }
        let Some((name, range)) = dotted_name(source, at, known) else { continue };
        let whole = with_delimiters(source, range);
        let message = format!("`{}` is read out as it stands", &source[whole.clone()]);
        let instead = format!("{{{{ {name} }}}}");
        let problem = Problem::warning("taken-literally", place(whole), message);
        sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
    }
}

/// What other tools write around the name of a field, the longest first.
const TAGS: [(&str, &str); 11] = [
    ("*|", "|*"),
    ("${", "}"),
    ("{!", "}"),
    ("%%", "%%"),
    ("[[", "]]"),
    ("<<", ">>"),
    ("##", "##"),
    ("{", "}"),
    ("%", "%"),
    ("[", "]"),
    ("#", "#"),
];
/// The most bytes between the two marks.
const TAG_BYTES_MAX: usize = 60;

/// Reports a tag of another tool that names a field of the lead: `%FIRSTNAME%`, `*|FNAME|*`, `[First Name]`.
pub(crate) fn merge_tags(
    sheet: &Sheet<'_>,
    known: &Known<'_>,
    source: &str,
    tags: &[Range<usize>],
    place: &dyn Fn(Range<usize>) -> Range<usize>,
) {
    let mut at = 0;
    while let Some(next) = source[at..].find(['*', '$', '{', '%', '[', '<', '#']) {
        at += next;
        let found = TAGS.iter().find_map(|(open, close)| {
            let inside = source[at..].strip_prefix(open)?;
            let end = inside.find(close).filter(|end| (1..=TAG_BYTES_MAX).contains(end))?;
            let field = field_named(&inside[..end], known)?;
            // The text of a link is not a tag: `[Email](mailto:…)`.
            let is_link = inside[end + close.len()..].starts_with('(');
            (!is_link).then(|| (at..at + open.len() + end + close.len(), field))
        });
        let Some((whole, field)) =
            found.filter(|(whole, _)| !tags.iter().any(|tag| tag.start < whole.end && whole.start < tag.end))
        else {
            at += 1;
            continue;
        };
        at = whole.end;
        let message = format!("`{}` is read out as it stands", &source[whole.clone()]);
        let instead = format!("{{{{ lead.{field} }}}}");
        let problem = Problem::warning("taken-literally", place(whole), message);
        sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
    }
}

/// The lead's field that a tag names, in any spelling, with or without the name of a record before it.
fn field_named(text: &str, known: &Known<'_>) -> Option<String> {
    let text = text.trim();
    let (record, name) = text.rsplit_once(['.', ':']).unwrap_or(("lead", text));
    // A correct name after `lead.` is already reported elsewhere.
    if text.starts_with("lead.") && known.field(name).is_some() {
        return None;
    }
    if record != "lead" && !record.eq_ignore_ascii_case("lead") && foreign(record) != Some("lead") {
        return None;
    }
    let mut field = String::new();
    let mut after_small = false;
    for c in name.chars() {
        if c.is_uppercase() && after_small {
            field.push('_');
        }
        after_small = c.is_lowercase();
        match c {
            ' ' | '-' => field.push('_'),
            c if c.is_alphanumeric() || c == '_' => field.extend(c.to_lowercase()),
            _ => return None,
        }
    }
    let field = match field.as_str() {
        "fname" | "firstname" | "given_name" | "vorname" => "first_name",
        "lname" | "lastname" | "surname" | "family_name" | "nachname" => "last_name",
        "company_name" | "organization" | "firma" => "company",
        "job_title" | "jobtitle" => "title",
        other => other,
    };
    known.field(field).map(|_| field.to_owned())
}

/// The name around this dot, if templates know it.
fn dotted_name<'s>(source: &'s str, dot: usize, known: &Known<'_>) -> Option<(&'s str, Range<usize>)> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let start =
        source[..dot].len() - source[..dot].chars().rev().take_while(|c| word(*c)).map(char::len_utf8).sum::<usize>();
    let end = dot + 1 + source[dot + 1..].chars().take_while(|c| word(*c)).map(char::len_utf8).sum::<usize>();
    let goes_on = source[..start].ends_with(['.', '@', '/', '-']) || source[end..].starts_with(['@', '/', '-']);
    let object = Object::parse(&source[start..dot]).filter(|object| OBJECTS.contains(object) && !goes_on)?;
    let field = &source[dot + 1..end];
    let is_field = if object == Object::Lead {
        known.field(field).is_some()
    } else {
        fields_of(object).any(|known| known == field) || known.role(object, field) == Some(ValueType::Text)
    };
    is_field.then_some((&source[start..end], start..end))
}

/// The range of the name, including what other tools write around one.
fn with_delimiters(source: &str, name: Range<usize>) -> Range<usize> {
    const AROUND: [(&str, &str); 7] =
        [("${", "}"), ("[[", "]]"), ("<<", ">>"), ("{", "}"), ("%", "%"), ("[", "]"), ("<", ">")];
    let (before, after) = (source[..name.start].trim_end(), source[name.end..].trim_start());
    let around = AROUND.iter().find(|(open, close)| before.ends_with(open) && after.starts_with(close));
    around.map_or(name, |(open, close)| before.len() - open.len()..source.len() - after.len() + close.len())
}
