//! What templates produce, and how those end that are written to do harm.

use super::*;
use cadenza_core::calendar::{Calendar, weekdays_nine_to_five};
use cadenza_core::date::Date;
use cadenza_core::expr::{Name, Object};
use cadenza_core::lead::Touch;
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Half past nine in the morning of 8 March 2026 in Berlin.
const AT: Timestamp = Timestamp::from_ms(1_772_958_600_000);

struct Lead;

impl Scope for Lead {
    fn touches(&self) -> &[Touch] {
        &[]
    }
    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
    fn calendar(&self) -> &Calendar {
        static NINE_TO_FIVE: LazyLock<Calendar> = LazyLock::new(|| {
            Calendar::new(TimeZone::UTC, weekdays_nine_to_five(), BTreeSet::new()).expect("it is open on weekdays")
        });
        &NINE_TO_FIVE
    }

    fn get(&self, name: &Name) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        match (name.object, name.field.as_str()) {
            (Object::Lead, "first_name") => text("ada"),
            (Object::Lead, "company") => text("Acme & Söhne"),
            (Object::Lead, "message") => Value::Text("m".repeat(4_096)),
            (Object::Lead, "budget") => Value::Number(50_000.0),
            (Object::Lead, "deal_size") => Value::Number(1_234_567.5),
            (Object::Lead, "employees") => Value::Int(250),
            (Object::Lead, "renewal") => Value::Date(Date::parse("2026-03-08").expect("it is one")),
            (Object::Lead, "last_touch") => Value::Time(AT),
            (Object::Lead, "project_date") => Value::Time(Timestamp::from_ms(1_772_924_400_000)),
            (Object::Lead, "reached") => Value::Bool(true),
            (Object::Lead, "tools") => Value::List(vec![text("CRM"), text("mail"), text("CRM")]),
            (Object::Owner, "name") => text("Ana"),
            _ => Value::Blank,
        }
    }

    fn now(&self) -> Timestamp {
        AT
    }
}

fn reader(zone: &str, language: &str, country: &str) -> Reader {
    let code = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    let leaked = |text: &str| -> &'static str { text.to_owned().leak() };
    Reader::new(TimeZone::get(zone).unwrap(), code(leaked(language)), code(leaked(country)))
}

fn made(template: &str) -> Result<String, Stop> {
    render(template, &Lead, &reader("Europe/Berlin", "en", "")).map_err(|error| error.stop)
}

#[test]
fn what_is_written_is_what_people_expect() {
    for (template, expected) in [
        ("Hello {{ lead.first_name }}!", "Hello ada!"),
        ("Hello {{ lead.last_name }}!", "Hello !"),
        ("{{ nothing.at.all }}{{ lead.budget.deeper }}", ""),
        ("{{ lead['first_name'] }}", "ada"),
        ("{{ lead.last_name | default('there') }}, {{ lead.first_name | default('there') }}", "there, ada"),
        ("{{ '' | default('x', true) }}{{ '' | d('x') }}", "x"),
        ("{% if lead.last_name %}yes{% elif lead.reached %}reached{% else %}no{% endif %}", "reached"),
        ("{{ lead.budget }} and {{ lead.deal_size }}", "50000 and 1234567.5"),
        ("{{ 0.5 }} {{ 3.0 }} {{ -2 }} {{ 1e3 }}", "0.5 3 -2 1000"),
        ("{{ 7 / 2 }} {{ 6 / 2 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }}", "3.5 3 3 2 1024"),
        ("{{ lead.budget / lead.employees }}", "200"),
        ("{{ lead.budget + lead.nothing }}", ""),
        ("{{ lead.last_touch }}", "8 March 2026, 09:30"),
        ("{{ lead.project_date }}", "8 March 2026"),
        ("{{ lead.project_date[:10] }}", "2026-03-08"),
        ("{{ lead.last_touch | date }} at {{ lead.last_touch | time }}", "8 March 2026 at 09:30"),
        ("{{ now | weekday }}", "Sunday"),
        ("{{ lead.last_touch | iso }}", "2026-03-08T09:30:00+01:00"),
        ("{{ lead.tools }}", "CRM, mail, CRM"),
        ("{{ lead.tools | unique | join(' and ') }}", "CRM and mail"),
        ("{{ lead.tools[0] }} {{ lead.tools[-2] }} {{ lead.tools[9] }}", "CRM mail "),
        ("{{ lead.tools | first }}{{ lead.tools | last }}{{ lead.tools | length }}", "CRMCRM3"),
        ("{% for t in lead.tools if t != 'CRM' %}{{ loop.index }}{{ t }}{% else %}none{% endfor %}", "1mail"),
        ("{% for t in lead.nothing %}{{ t }}{% else %}none{% endfor %}", "none"),
        ("{% for n in range(2, 11, 4) %}{{ n }}{{ '' if loop.last else '-' }}{% endfor %}", "2-6-10"),
        (
            "{% set who = lead.first_name | title %}{{ who }} {% with who = 'x' %}{{ who }}{% endwith %} {{ who }}",
            "Ada x Ada",
        ),
        ("{% set a, b = ['1', '2'] %}{{ b ~ a }}", "21"),
        ("{% set line %}{{ lead.first_name }}!{% endset %}{{ line | upper }}", "ADA!"),
        ("{% filter upper | replace('A', 'O') %}ada{% endfilter %}", "ODO"),
        ("{{ 'a' in lead.first_name }} {{ 'x' not in ['x'] }} {{ 1 < 2 <= 2 }}", "true false true"),
        ("{{ lead.last_name is blank }} {{ lead.first_name is defined }} {{ 4 is even }}", "true true true"),
        ("{{ 'straße' | upper }} {{ 'éCLAIR' | capitalize }}", "STRASSE Éclair"),
        ("{{ lead.company | truncate(6) }}|{{ 'short' | truncate(6) }}", "Acme…|short"),
        ("{{ 'a,b' | split(',') | reverse | join }}", "ba"),
        ("{{ [3, 1, 2] | sort | join(' ') }} {{ [3, 1] | max }} {{ [3, 1] | sum }}", "1 2 3 3 4"),
        ("{{ '3.7' | int }} {{ 3.456 | round(1) }} {{ '4' | float }}", "3 3.5 4"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("<b>{{ lead.company }}</b>", "<b>Acme & Söhne</b>"),
        ("{# not seen #}{% raw %}{{ raw }}{% endraw %}", "{{ raw }}"),
        ("{{ [1, 2] * 2 }} {{ 'ab' * 2 }} {{ [1] + [2] }}", "1, 2, 1, 2 abab 1, 2"),
    ] {
        assert_eq!(made(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn dates_times_numbers_and_money_are_the_readers() {
    let template = "{{ lead.last_touch | date }} | {{ lead.last_touch | time }} | {{ lead.deal_size | number }} | \
                    {{ lead.budget | money('EUR') }} | {{ lead.deal_size | money('USD') }}";
    for (zone, language, country, expected) in [
        ("Europe/Berlin", "de", "DE", "8. März 2026 | 09:30 | 1.234.567,5 | 50.000\u{a0}€ | 1.234.567,50\u{a0}$"),
        ("Europe/Zurich", "de-CH", "", "8. März 2026 | 09:30 | 1’234’567.5 | €\u{a0}50’000 | $\u{a0}1’234’567.50"),
        ("Europe/London", "en", "GB", "8 March 2026 | 08:30 | 1,234,567.5 | €50,000 | $1,234,567.50"),
        ("America/New_York", "en", "US", "March 8, 2026 | 4:30 AM | 1,234,567.5 | €50,000 | $1,234,567.50"),
        ("America/New_York", "", "US", "March 8, 2026 | 4:30 AM | 1,234,567.5 | €50,000 | $1,234,567.50"),
        ("Europe/Madrid", "es", "", "8 de marzo de 2026 | 09:30 | 1.234.567,5 | 50.000\u{a0}€ | 1.234.567,50\u{a0}$"),
        ("Asia/Kolkata", "en", "IN", "8 March 2026 | 2:00 PM | 12,34,567.5 | €50,000 | $12,34,567.50"),
        ("Asia/Tokyo", "ja", "", "2026年3月8日 | 17:30 | 1,234,567.5 | €50,000 | $1,234,567.50"),
        ("Asia/Tokyo", "xx", "", "8 March 2026 | 17:30 | 1,234,567.5 | €50,000 | $1,234,567.50"),
    ] {
        let text = render(template, &Lead, &reader(zone, language, country)).unwrap();
        assert_eq!(text, expected, "{language}-{country} in {zone}");
    }
    for (template, expected) in [
        ("{{ -1234.5 | number }} {{ 0 | number }} {{ 12 | number(2) }} {{ 999 | number }}", "-1,234.5 0 12.00 999"),
        ("{{ 0.004 | money('EUR') }} {{ -3 | money('GBP') }} {{ 1500.4 | money('JPY') }}", "€0 -£3 ¥1,500"),
        ("{{ 10 | money('CHF') }} {{ '2500' | money('EUR') }}{{ lead.nothing | money('EUR') }}", "CHF\u{a0}10 €2,500"),
    ] {
        assert_eq!(made(template).as_deref(), Ok(expected), "{template}");
    }
}

/// How a hostile template ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Fuel,
    Long,
    Items,
    Names,
    Large,
    Unlisted,
    Mismatch,
    Unreadable,
    /// It does no harm, and produces this many bytes.
    Makes(usize),
}

fn ends(template: &str) -> Ends {
    match made(template) {
        Ok(text) => Ends::Makes(text.len()),
        Err(Stop::OutOfFuel) => Ends::Fuel,
        Err(Stop::TooLong) => Ends::Long,
        Err(Stop::TooManyItems) => Ends::Items,
        Err(Stop::TooManyNames) => Ends::Names,
        Err(Stop::TooLarge(_)) => Ends::Large,
        Err(Stop::Unlisted(_)) => Ends::Unlisted,
        Err(Stop::Mismatch(_)) => Ends::Mismatch,
        Err(stop @ (Stop::BlankInPath | Stop::Dots)) => panic!("this is no path: {stop}"),
        Err(Stop::Unreadable(_)) => Ends::Unreadable,
    }
}

#[test]
fn a_hostile_template_ends_within_its_steps_and_its_size() {
    let doubling = |sign: &str, times| {
        let step = format!("{{% set a = a {sign} a %}}");
        format!("{{% set a = 'xxxxxxxx' %}}{}{{{{ a | length }}}}", step.repeat(times))
    };
    let captured = format!("{{% set a = 'xxxxxxxx' %}}{}", "{% set a %}{{ a }}{{ a }}{% endset %}".repeat(40));
    let lists = format!("{{% set a = [1] %}}{}{{{{ a == a }}}}", "{% set a = a + a %}".repeat(40));
    let nested = format!("{{% set a = [1] %}}{}{{{{ a }}}}", "{% set a = [a, a] %}".repeat(40));
    let nine = format!("{{% set a = 'x' %}}{}", "{% set a = [a, a, a, a, a, a, a, a, a] %}".repeat(8));
    let loops = |depth: usize| {
        let open: String = (0..depth).map(|n| format!("{{% for a{n} in range(10000) %}}")).collect();
        format!("{open}x{}", "{% endfor %}".repeat(depth))
    };
    let names: String = (0..200).map(|n| format!("{{% set a{n} = 1 %}}")).collect();
    let in_one_tag = |part: &str, count: usize| format!("{{{{ 1{} }}}}", part.repeat(count));
    for (template, expected) in [
        ("{{ [1]|batch(1000000000, 1) }}", Ends::Unlisted),
        ("{{ [1]|slice(1000000000) }}", Ends::Unlisted),
        ("{{ 'x'|indent(1000000000) }}", Ends::Mismatch),
        ("{{ 'x\n'|indent(-1) }}", Ends::Mismatch),
        ("{{ '%1000000000d'|format(1) }}", Ends::Unlisted),
        ("{{ 'x'|center(1000000000) }}", Ends::Unlisted),
        ("{{ lead.message|replace('m', lead.message) }}", Ends::Long),
        ("{{ lead.message|replace('', lead.message) }}", Ends::Long),
        ("{{ range(10000)|join(lead.message) }}", Ends::Long),
        ("{{ range(1000000000) }}", Ends::Items),
        ("{{ range(-9223372036854775807, 9223372036854775807) }}", Ends::Items),
        ("{{ range(0, 9223372036854775807, 9223372036854775807)|length }}", Ends::Makes(1)),
        ("{{ range(1, 2, 0) }}", Ends::Mismatch),
        ("{{ range('x') }}", Ends::Mismatch),
        ("{{ 'x' * 1000000000 }}", Ends::Long),
        ("{{ 100000000 * 'x' }}", Ends::Long),
        ("{{ 'x' * 9223372036854775807 }}", Ends::Long),
        ("{{ 'x' * -1 }}", Ends::Makes(0)),
        ("{{ [1] * 1000000000 }}", Ends::Items),
        ("{{ [1, 2] * 9223372036854775807 }}", Ends::Items),
        ("{{ (range(5000)|list) * 3 }}", Ends::Items),
        ("{{ 2 ** 9223372036854775807 }}", Ends::Mismatch),
        ("{{ 2.0 ** 9999999 }}", Ends::Mismatch),
        ("{{ 9223372036854775807 + 1 }}", Ends::Mismatch),
        ("{{ -9223372036854775807 - 2 }}", Ends::Mismatch),
        ("{{ 1 // 0 }}", Ends::Mismatch),
        ("{{ 1 % 0 }}{{ 1.0 / 0 }}", Ends::Mismatch),
        (&doubling("~", 40), Ends::Long),
        (&doubling("+", 40), Ends::Long),
        (&doubling("~", 13), Ends::Makes(5)),
        (&captured, Ends::Long),
        (&lists, Ends::Items),
        (&nested, Ends::Items),
        (&format!("{nine}{{{{ a }}}}"), Ends::Long),
        (&format!("{nine}{{% set b = a %}}{{{{ a == b }}}}"), Ends::Fuel),
        (&format!("{nine}{{{{ [a] is eq([a]) }}}}"), Ends::Items),
        (&format!("{nine}{{{{ 'y' in [a] }}}}"), Ends::Items),
        (&loops(1), Ends::Fuel),
        ("{% for a in range(5000) %}x{% endfor %}", Ends::Makes(5_000)),
        (&loops(2), Ends::Fuel),
        (&loops(8), Ends::Fuel),
        (&loops(149), Ends::Unreadable),
        ("{% for a in range(10000) %}{{ lead.message }}{% endfor %}", Ends::Long),
        ("{% for a in range(10000) %}{% set b = lead.message %}{% endfor %}", Ends::Fuel),
        ("{% for a in range(10000) %}{% if lead.message == lead.message %}{% endif %}{% endfor %}", Ends::Fuel),
        ("{% for a in range(10000) %}{{ lead.message | upper | length }}{% endfor %}", Ends::Fuel),
        ("{% for a in range(10000) if a in range(10000) %}{% endfor %}", Ends::Fuel),
        ("{% for a in range(5000) recursive %}{{ loop(range(5000)) }}{% endfor %}", Ends::Unlisted),
        (
            "{% set ns = namespace(x='x') %}{% for a in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            Ends::Unlisted,
        ),
        ("{{ range(10000)|list|unique|length }}", Ends::Fuel),
        ("{{ range(10000)|sort|reverse|sort|sum }}", Ends::Fuel),
        ("{{ (lead.message|list)|join(lead.message) }}", Ends::Long),
        ("{{ lead.message|split('m')|join('mmmmmmmmmmmmmmmmmmmm') }}", Ends::Long),
        ("{{ lead.message|split('') }}", Ends::Mismatch),
        ("{{ ['b', 1, now, 'a', none]|sort }}", Ends::Mismatch),
        ("{{ 1|number(1000000000) }}", Ends::Mismatch),
        ("{{ 1|round(400) }}", Ends::Mismatch),
        ("{{ lead.message|truncate(-9223372036854775807)|length }}", Ends::Makes(1)),
        ("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", Ends::Unlisted),
        ("{% include 'self' %}", Ends::Unlisted),
        ("{% import 'self' as x %}", Ends::Unlisted),
        ("{% extends 'self' %}", Ends::Unlisted),
        ("{% block a %}{% endblock %}", Ends::Unlisted),
        ("{% call m() %}{% endcall %}", Ends::Unlisted),
        ("{% do range(10000) %}", Ends::Unlisted),
        ("{% autoescape true %}{{ lead.message }}{% endautoescape %}", Ends::Unlisted),
        ("{{ debug() }}", Ends::Unlisted),
        ("{{ {'a': 1}|tojson }}", Ends::Unlisted),
        ("{{ lead.message.upper() }}", Ends::Unlisted),
        ("{{ lead.message.__class__ }}{{ lead['__proto__'] }}", Ends::Makes(0)),
        ("{{ lead.message|upper(**lead) }}", Ends::Unlisted),
        ("{{ lead.message[::2] }}", Ends::Unlisted),
        ("{{ lead.message[-9223372036854775807:9223372036854775807]|length }}", Ends::Makes(4)),
        ("{{ lead }}", Ends::Mismatch),
        (&in_one_tag(" + 1", 90), Ends::Makes(2)),
        (&in_one_tag(" + 1", 30_000 / 4), Ends::Large),
        (&in_one_tag("|abs", 15_000), Ends::Large),
        (&in_one_tag(".a", 30_000), Ends::Large),
        (&in_one_tag(" is number", 5_000), Ends::Large),
        (&in_one_tag(" ~ 'x'", 9_000), Ends::Large),
        (&format!("{{{{ {}1 }}}}", "-".repeat(60_000)), Ends::Large),
        (&format!("{{{{ {}1 }}}}", "not ".repeat(15_000)), Ends::Large),
        (&format!("{{{{ {}1{} }}}}", "(".repeat(30_000), ")".repeat(30_000)), Ends::Large),
        (&format!("{{{{ {}1{} }}}}", "[".repeat(40), "]".repeat(40)), Ends::Items),
        (&format!("{{{{ {}1{} }}}}", "(".repeat(40), ")".repeat(40)), Ends::Makes(1)),
        (&format!("{{% set {}a{} = 1 %}}", "(".repeat(30_000), ")".repeat(30_000)), Ends::Large),
        (&format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(5_000)), Ends::Large),
        (&"{% if 1 %}".repeat(6_000), Ends::Unreadable),
        (&names, Ends::Names),
        (&"x".repeat(70_000), Ends::Large),
        (&"{{".repeat(30_000), Ends::Large),
        (&"{{ 1 }}".repeat(9_000), Ends::Makes(9_000)),
        ("{{ 1", Ends::Unreadable),
        ("{{ 'x' ~ }}", Ends::Unreadable),
    ] {
        assert_eq!(ends(template), expected, "{}", template.chars().take(200).collect::<String>());
    }
}

#[test]
fn what_stopped_it_is_told_with_its_line() {
    let error = render("a\nb {{ 1 | lowr }}", &Lead, &reader("UTC", "", "")).unwrap_err();
    assert_eq!(error.to_string(), "line 2 of the template: templates have no filter `lowr`");
}

/// The type of a name, as a workspace gives it.
fn type_of(name: &str) -> Option<cadenza_core::value::ValueType> {
    use cadenza_core::value::ValueType;
    Some(match name {
        "lead.first_name" | "lead.company" | "owner.name" => ValueType::Text,
        "lead.budget" => ValueType::Number,
        "lead.employees" => ValueType::Int,
        "lead.last_touch" | "lead.project_date" | "now" => ValueType::Time,
        "lead.reached" => ValueType::Bool,
        "lead.tools" => ValueType::List,
        _ => return None,
    })
}

#[test]
fn what_never_fits_is_found_before_it_is_rendered() {
    let fits = [
        "{{ lead.budget + lead.employees }} {{ lead.first_name + lead.company }} {{ lead.first_name * 2 }}",
        "{{ lead.budget / (lead.employees - lead.employees) }}",
        "{{ lead.first_name | money('EUR') }} {{ lead.first_name | date }} {{ lead.first_name | number(2) }}",
        "{{ lead.first_name == lead.last_touch }} {{ lead.last_touch < '2026-03-08T00:00:00Z' }}",
        "{{ event.data.x + 1 }} {{ event.data.x | date }} {{ event.data.x == 'a' }} {{ event.data.x > 1 }}",
        "{{ lead.reached == true }} {{ lead.budget == none }} {{ 'CRM' in lead.tools }} {{ 'a' in lead.first_name }}",
        "{{ lead.budget | default('none yet') }} {{ (lead.budget | default('x')) ~ 1 }}",
        "{% if lead.reached %}{% set x = 1 %}{% else %}{% set x = 'a' %}{% endif %}{{ x + 1 }}",
        "{% for n in range(lead.employees) %}{{ n + loop.index }}{{ lead.tools[n] }}{% endfor %}",
        "{% set a, b = ['1', '2'] %}{{ a + b }} {{ lead.tools[0] + 'x' }} {{ lead.project_date[:4] + 'x' }}",
        "{{ lead.tools | sort | first | upper }} {{ [3, 1] | sum + 1 }} {{ lead.tools | length > 2 }}",
        "{{ lead.first_name if lead.reached else lead.budget }} {{ lead.company or 'you' }} {{ -lead.budget }}",
        "{{ lead.budget in [1, 2.5] }} {{ lead.first_name not in ['Ada', 'Bob'] }} {{ lead.tools == ['CRM'] }}",
        "{{ lead.first_name | split(',') | join(' ') }} {{ (lead.budget | int) // 1000 }} {{ 'a' ~ lead.last_touch }}",
    ];
    for template in fits {
        let wrong = never_fit(template);
        assert!(wrong.is_empty(), "{template}: {wrong:?}");
    }
    let wrong = [
        ("{{ lead.project_date + 3 }}", "`+` does not go between a time and a number"),
        ("{{ now - lead.last_touch }}", "`-` does not go between a time and a time"),
        ("{{ lead.first_name + lead.budget }}", "`+` does not go between a text and a number"),
        ("{{ -lead.last_touch }}", "`-` does not go between a number and a time"),
        ("{{ lead.tools - 1 }}", "`-` does not go between a list and a number"),
        ("{{ lead.budget / 0 }}", "the result of `/` is no number that can be written"),
        ("{% set x = lead.project_date %}{{ x * 2 }}", "`*` does not go between a time and a number"),
        ("{% for t in lead.tools %}{{ t - 1 }}{% endfor %}", "`-` does not go between a text and a number"),
        ("{{ lead.budget | date }}", "only a time has a date or an hour, and this is a number"),
        ("{{ lead.last_touch | money('EUR') }}", "a number is wanted, and this is a time"),
        ("{{ lead.budget | money('eur') }}", "a currency has three letters: write `money(\"EUR\")`"),
        ("{{ lead.budget | number(99) }}", "the places after the point are 0 to 15"),
        ("{{ lead.budget | length }}", "only a text or a list has a length, and this is a number"),
        ("{% for x in lead.first_name %}{% endfor %}", "`for` goes through a list, and this is a text"),
        ("{% for x in lead.budget %}{% endfor %}", "`for` goes through a list, and this is a number"),
        ("{% if lead.employees == '50' %}{% endif %}", "a number is never equal to a text"),
        ("{% if lead.employees > '50' %}{% endif %}", "a number is never more or less than a text"),
        ("{% if lead.reached == 'true' %}{% endif %}", "true or false is never equal to a text"),
        ("{% if lead.tools == 'CRM' %}{% endif %}", "a list is never equal to a text"),
        ("{% if lead.last_touch > 3 %}{% endif %}", "a time is never more or less than a number"),
        ("{% if lead.last_touch == 'soon' %}{% endif %}", "a time is never equal to a text"),
        ("{% if 'x' in lead.budget %}{% endif %}", "`in` looks into a text or a list, and this is a number"),
        ("{% if lead.budget in ['a', 'b'] %}{% endif %}", "a number is never equal to a text"),
        ("{% for x in lead.tools %}{{ loop }}{% endfor %}", "`loop` alone has no text: write `loop.index`"),
    ];
    for (template, expected) in wrong {
        let found = never_fit(template);
        assert!(found.iter().any(|why| why.starts_with(expected)), "{template}: {found:?}");
    }
}

fn never_fit(template: &str) -> Vec<String> {
    let findings = findings(template, &type_of).unwrap_or_else(|_| panic!("{template} can be read"));
    let why = |finding: check::Finding| if let What::NeverFits(why) = finding.what { Some(why) } else { None };
    findings.into_iter().filter_map(why).collect()
}

#[test]
fn what_may_print_as_nothing_is_found_and_what_cannot_is_not() {
    let may_be_blank = |name: &str| !matches!(name, "lead.stage" | "now");
    for fine in [
        "{{ lead.stage }} {{ now | date }} {{ 5 }}",
        "{{ lead.first_name | default('there') }}",
        "{{ lead.first_name | title | default('there') | upper }}",
        "{{ lead.first_name or 'there' }}",
        "{% if lead.pain %}{{ lead.pain | lower }}{% endif %}",
        "{% if lead.pain and lead.company %}{{ lead.pain }} of {{ lead.company }}{% endif %}",
        "{% if not lead.pain %}…{% else %}{{ lead.pain }}{% endif %}",
        "{% if lead.pain is blank %}…{% else %}{{ lead.pain }}{% endif %}",
        "{% if lead.pain is defined %}{{ lead.pain }}{% endif %}",
        "{% if lead.employees > 5 %}{{ lead.employees }}{% endif %}",
        "{% if lead.city == 'Bonn' %}{{ lead.city }}{% elif lead.city %}{{ lead.city }}{% endif %}",
        "{{ lead.pain if lead.pain else 'it' }}",
        "{% set name = lead.first_name | default('there') %}{{ name }}",
        "{% set name = lead.first_name %}{% if name %}{{ name }}{% endif %}",
        "{% set name = lead.first_name %}{% if lead.first_name %}{{ name }}{% endif %}",
        "{% for tool in lead.tools %}{{ tool }}, {{ loop.index }}{% endfor %}",
        "{{ lead.tools | length }}",
        "{% with name = 'x' %}{{ name }}{% endwith %}",
    ] {
        assert_eq!(found(fine, &may_be_blank), Vec::<(String, &str)>::new(), "{fine}");
    }
    for (template, name, place) in [
        ("Hello {{ lead.first_name }}", "lead.first_name", "lead.first_name"),
        ("{{ lead['first_name'] }}", "lead.first_name", "lead['first_name']"),
        ("{{ lead.budget | money('EUR') }}", "lead.budget", "lead.budget | money('EUR')"),
        ("{{ lead.first_name | default(lead.company) }}", "lead.company", "lead.first_name | default(lead.company)"),
        ("{{ 'Hi ' ~ lead.first_name }}", "lead.first_name", "'Hi ' ~ lead.first_name"),
        ("{% if lead.pain or lead.company %}{{ lead.pain }}{% endif %}", "lead.pain", "lead.pain"),
        ("{% if lead.pain != 'x' %}{{ lead.pain }}{% endif %}", "lead.pain", "lead.pain"),
        ("{% if lead.pain %}…{% else %}{{ lead.pain }}{% endif %}", "lead.pain", "lead.pain"),
        ("{% if lead.pain %}{% endif %}{{ lead.pain }}", "lead.pain", "lead.pain"),
        ("{% if lead.pain == lead.city %}{{ lead.pain }}{% endif %}", "lead.pain", "lead.pain"),
        ("{% set name = lead.first_name %}{{ name }}", "lead.first_name", "name"),
        (
            "{{ lead.pain if lead.stage == 'open' else 'it' }}",
            "lead.pain",
            "lead.pain if lead.stage == 'open' else 'it'",
        ),
    ] {
        assert_eq!(found(template, &may_be_blank), [(name.to_owned(), place)], "{template}");
    }
}

fn found<'t>(template: &'t str, may_be_blank: &dyn Fn(&str) -> bool) -> Vec<(String, &'t str)> {
    let found = blanks(template, may_be_blank).unwrap_or_else(|_| panic!("{template} can be read"));
    found.into_iter().map(|(name, range)| (name, &template[range])).collect()
}

#[test]
fn a_date_is_that_day_wherever_the_reader_is() {
    let reader = Reader::new(TimeZone::get("Pacific/Honolulu").expect("a zone"), Some("de"), Some("DE"));
    for (template, expected) in [
        ("{{ lead.renewal }}", "8. März 2026"),
        ("{{ lead.renewal | date }}", "8. März 2026"),
        ("{{ lead.renewal | weekday }}", "Sonntag"),
        ("{{ lead.renewal | iso }}", "2026-03-08"),
        ("{{ lead.renewal[:4] }}", "2026"),
        ("{{ '2026-03-08' | date }}", "8. März 2026"),
        ("{% if lead.renewal == '2026-03-08' %}ja{% endif %}", "ja"),
        ("{% if lead.renewal < '2026-03-09' %}ja{% endif %}", "ja"),
    ] {
        assert_eq!(render(template, &Lead, &reader).as_deref(), Ok(expected), "{template}");
    }
    assert!(render("{{ lead.renewal | time }}", &Lead, &reader).is_err(), "a date has no time of day");
}

#[test]
fn a_path_is_made_of_encoded_parts_and_leads_nowhere_else() {
    let reader = reader("UTC", "en", "US");
    let path = |template: &str| super::render_path(template, &Lead, &reader).map_err(|error| error.stop);
    for (template, expected) in [
        ("/deals/{{ lead.first_name }}", "/deals/ada"),
        (
            "/deals/{{ lead.company }}?of={{ lead.company }}",
            "/deals/Acme%20%26%20S%C3%B6hne?of=Acme%20%26%20S%C3%B6hne",
        ),
        ("/deals/{{ '../../admin' }}", "/deals/..%2F..%2Fadmin"),
        ("/deals/{{ 'a/b?c=d#e%2F' }}", "/deals/a%2Fb%3Fc%3Dd%23e%252F"),
        ("/deals/{{ '@evil.example' }}", "/deals/%40evil.example"),
        ("/deals/{{ 'x\r\nHost: evil' }}", "/deals/x%0D%0AHost%3A%20evil"),
        ("/{{ lead.employees }}/v1.2/{{ 'a.b' }}", "/250/v1.2/a.b"),
        ("/{% if lead.reached %}{{ lead.tools }}{% endif %}", "/CRM%2C%20mail%2C%20CRM"),
        ("/{% filter upper %}a/{{ lead.first_name }}{% endfilter %}", "/A%2FADA"),
        ("/d?q={{ '..' }}", "/d?q=.."),
        ("/d/{{ lead.pain | default('none') }}", "/d/none"),
    ] {
        assert_eq!(path(template).as_deref(), Ok(expected), "{template}");
    }
    for (template, stop) in [
        ("/deals/{{ lead.pain }}", Stop::BlankInPath),
        ("/deals/{{ ' ' }}", Stop::BlankInPath),
        ("/deals/{{ '..' }}", Stop::Dots),
        ("/deals/{{ '.' }}/x", Stop::Dots),
        ("/deals/.{{ '.' }}/x", Stop::Dots),
        ("/deals/%2e{{ '.' }}", Stop::Dots),
    ] {
        assert_eq!(path(template), Err(stop), "{template}");
    }
}
