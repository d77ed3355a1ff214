use super::*;
use crate::calendar::weekdays_nine_to_five;
use crate::date::Date;
use crate::lead::{Channel, Outcome, TouchResult};
use crate::time::{DAY_MS, HOUR_MS};
use std::collections::BTreeSet;

/// A lead in New York in a workspace in Berlin, on a Thursday.
struct Fixed {
    touches: Vec<Touch>,
    calendar: Calendar,
}

const NOW: &str = "2026-02-25T06:13:20Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn fixed() -> Fixed {
    let touch = |at, channel, outcome, result| Touch {
        at,
        channel,
        outcome,
        result,
        by: None,
        run: None,
        task: None,
        effect: None,
        result_own: None,
        channel_own: None,
    };
    let (early, late) = (at("2026-02-20T09:00:00Z"), at("2026-02-24T09:00:00Z"));
    Fixed {
        touches: vec![
            touch(early, Channel::Call, Outcome::NoAnswer, None),
            touch(late, Channel::Call, Outcome::Connected, Some(TouchResult::NotNow)),
        ],
        calendar: Calendar::new(TimeZone::get("Europe/Berlin").unwrap(), weekdays_nine_to_five(), BTreeSet::new())
            .unwrap(),
    }
}

impl Scope for Fixed {
    fn get(&self, name: &Name) -> Value {
        match name.field.as_str() {
            "title" => t("Head of IT"),
            "email" => t("ada@mail.acme.example"),
            "employees" => Value::Int(250),
            "budget" => Value::Number(0.5),
            "knows_us" => Value::Bool(false),
            "created_at" => Value::Time(self.now().plus_ms(-DAY_MS)),
            // Thursday evening in New York, Friday morning in Berlin.
            "last_touch" => Value::Time(at("2026-02-20T02:30:00Z")),
            "renewal" => Value::Date(Date::parse("2026-12-01").unwrap()),
            "tags" => Value::List(vec![t("crm"), t("mail")]),
            "data.seats" => t("25"),
            "data.share" => t("2.5"),
            "data.day" => t("2026-02-24"),
            "data.flag" => t("yes"),
            "data.none" => t(" "),
            "data.number" => Value::Int(5),
            "data.long" => t(&"ab".repeat(30_000)),
            "data.many" => Value::List(vec![t("x"); 30_000]),
            _ => Value::Blank,
        }
    }
    fn now(&self) -> Timestamp {
        at(NOW)
    }
    fn touches(&self) -> &[Touch] {
        &self.touches
    }
    fn zone(&self) -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }
    fn calendar(&self) -> &Calendar {
        &self.calendar
    }
}

fn t(text: &str) -> Value {
    Value::Text(text.to_owned())
}
fn lead(field: &str) -> Expr {
    Expr::Name(Name { object: Object::Lead, field: field.to_owned() })
}
fn data(field: &str) -> Expr {
    Expr::Name(Name { object: Object::Event, field: format!("data.{field}") })
}
fn now() -> Expr {
    Expr::Name(Name { object: Object::Now, field: String::new() })
}
fn blank() -> Expr {
    lead("industry")
}
fn int(value: i64) -> Expr {
    Expr::Literal(Value::Int(value))
}
fn number(value: f64) -> Expr {
    Expr::Literal(Value::Number(value))
}
fn text(value: &str) -> Expr {
    Expr::Literal(t(value))
}
fn not(inner: Expr) -> Expr {
    Expr::Not(Box::new(inner))
}
fn compare(left: Expr, how: &str, right: Expr) -> Expr {
    Expr::Compare(Comparison::parse(how).unwrap(), Box::new(left), Box::new(right))
}
fn within(item: Expr, list: Expr) -> Expr {
    Expr::In(Box::new(item), Box::new(list))
}
fn sum(left: Expr, how: &str, right: Expr) -> Expr {
    Expr::Arithmetic(Operator::parse(how).unwrap(), Box::new(left), Box::new(right))
}
fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(Function::parse(name).unwrap(), arguments)
}
fn days(count: i64) -> Expr {
    call("days", vec![int(count)])
}
fn each(quantifier: &str, items: Items, test: Expr) -> Expr {
    Expr::Each(Quantifier::parse(quantifier).unwrap(), items, Box::new(test))
}
fn item(field: &str) -> Expr {
    Expr::Item(field.to_owned())
}

#[test]
fn conditions_over_blanks_do_not_hold_and_is_blank_asks() {
    let title_is = || compare(lead("title"), "==", text("Head of IT"));
    let list = || Expr::List(vec![text("a"), blank()]);
    let missed = || compare(item("outcome"), "==", text("no_answer"));
    let is_crm = || compare(item(""), "==", text("crm"));
    let tags = || Items::Of(Box::new(lead("tags")));
    let cases = [
        ("a known value", title_is(), true),
        ("blank == text", compare(blank(), "==", text("x")), false),
        ("blank != text", compare(blank(), "!=", text("x")), false),
        ("blank == blank", compare(blank(), "==", blank()), false),
        ("!(blank == text), for the comparison is false", not(compare(blank(), "==", text("x"))), true),
        ("blank", blank(), false),
        ("!blank, which is blank", not(blank()), false),
        ("!false", not(lead("knows_us")), true),
        ("is_blank(blank)", call("is_blank", vec![blank()]), true),
        ("is_blank(known)", call("is_blank", vec![lead("title")]), false),
        ("default(blank, x)", compare(call("default", vec![blank(), int(3)]), "==", int(3)), true),
        ("default(known, x)", compare(call("default", vec![lead("employees"), int(3)]), "==", int(250)), true),
        ("blank in a list with a blank", within(blank(), list()), false),
        ("text in a list", within(text("a"), list()), true),
        ("text in blank", within(text("a"), blank()), false),
        ("blank || true", Expr::Or(vec![blank(), Expr::TRUE]), true),
        ("blank && true", Expr::And(vec![blank(), Expr::TRUE]), false),
        ("nothing && …", Expr::And(vec![]), true),
        ("nothing || …", Expr::Or(vec![]), false),
        ("whole and broken numbers compare", compare(lead("employees"), ">", number(249.5)), true),
        ("since a day ago is a day", compare(call("since", vec![lead("created_at")]), ">=", days(1)), true),
        ("since blank", compare(call("since", vec![blank()]), ">=", days(0)), false),
        ("blank.contains", call("contains", vec![blank(), text("x")]), false),
        ("contains", call("contains", vec![lead("title"), text("of")]), true),
        ("lower", compare(call("lower", vec![lead("title")]), "==", text("head of it")), true),
        ("matches", call("matches", vec![lead("title"), text("^Head( of)? I[Tt]$")]), true),
        ("matches a part", call("matches", vec![lead("title"), text("o.")]), true),
        ("matches not", call("matches", vec![lead("title"), text("^of")]), false),
        ("blank.matches", call("matches", vec![blank(), text(".*")]), false),
        ("in_hours", call("in_hours", vec![now()]), false),
        ("in_hours(blank)", call("in_hours", vec![blank()]), false),
        ("a blank condition takes the second way", Expr::If(blank().into(), int(1).into(), Expr::TRUE.into()), true),
        ("a touch exists", each("exists", Items::Touches, missed()), true),
        ("all touches", each("all", Items::Touches, missed()), false),
        ("all touches are calls", each("all", Items::Touches, compare(item("channel"), "==", text("call"))), true),
        ("an item exists", each("exists", tags(), is_crm()), true),
        ("all items", each("all", tags(), is_crm()), false),
        ("an item of a blank list", each("exists", Items::Of(Box::new(blank())), Expr::TRUE), false),
        ("all items of a blank list", each("all", Items::Of(Box::new(blank())), Expr::TRUE), false),
    ];
    for (what, condition, expected) in cases {
        assert_eq!(condition.holds(&fixed()), Ok(expected), "{what}: {condition}");
    }
    let untouched = Fixed { touches: Vec::new(), ..fixed() };
    assert_eq!(each("exists", Items::Touches, missed()).holds(&untouched), Ok(false));
    assert_eq!(each("all", Items::Touches, missed()).holds(&untouched), Ok(true), "none that does not pass");
}

#[test]
fn a_value_without_a_foreseen_type_is_taken_as_what_it_stands_beside() {
    let cases = [
        ("text and whole number", compare(data("seats"), ">", int(9)), true),
        ("whole number and text", compare(int(9), "<", data("seats")), true),
        ("a text that says a broken number", compare(data("share"), "==", number(2.5)), true),
        ("a broken number beside a whole one", compare(data("share"), ">", int(2)), true),
        ("a number beside a text that says it", compare(data("number"), "==", text("5")), true),
        ("a text that says a day, and a time", compare(data("day"), "<", now()), true),
        ("a text that says a day, and a date", compare(data("day"), "<", lead("renewal")), true),
        ("a text that says yes", data("flag"), true),
        ("!yes", not(data("flag")), false),
        ("a text that says nothing is blank", compare(data("none"), "!=", int(1)), false),
        ("in", within(data("seats"), Expr::List(vec![int(10), int(25)])), true),
        ("a single value is a list of one", within(text("25"), data("seats")), true),
        ("since a day", compare(call("since", vec![data("day")]), ">", days(1)), true),
        (
            "the day that a text says is that day everywhere",
            compare(
                call("date", vec![data("day")]),
                "==",
                Expr::Literal(Value::Date(Date::parse("2026-02-24").unwrap())),
            ),
            true,
        ),
        ("sum", compare(sum(data("seats"), "+", int(1)), "==", int(26)), true),
        ("days", compare(call("days", vec![data("seats")]), "==", days(25)), true),
        ("a number as a text", call("contains", vec![data("number"), text("5")]), true),
    ];
    for (what, condition, expected) in cases {
        assert_eq!(condition.holds(&fixed()), Ok(expected), "{what}: {condition}");
    }
}

#[test]
fn expressions_have_values() {
    let date = |text: &str| Value::Date(Date::parse(text).unwrap());
    let zoned = |zone: &str| call("in_zone", vec![lead("last_touch"), text(zone)]);
    let business = |from: Expr, count: i64| call("business_days", vec![from, int(count)]);
    let cases = [
        ("7 / 2", sum(int(7), "/", int(2)), Value::Int(3)),
        ("whole and broken", sum(int(1), "+", lead("budget")), Value::Number(1.5)),
        ("blank + 1", sum(blank(), "+", int(1)), Value::Blank),
        ("blank / 0", sum(blank(), "/", int(0)), Value::Blank),
        ("text + text", sum(text("a"), "+", text("b")), t("ab")),
        ("time - time", sum(now(), "-", lead("created_at")), Value::Duration(DAY_MS)),
        ("2 * duration", sum(int(2), "*", days(1)), Value::Duration(2 * DAY_MS)),
        ("duration + time", sum(days(1), "+", lead("created_at")), Value::Time(at(NOW))),
        ("-duration", Expr::Negate(days(1).into()), Value::Duration(-DAY_MS)),
        ("-number", Expr::Negate(lead("budget").into()), Value::Number(-0.5)),
        ("-blank", Expr::Negate(blank().into()), Value::Blank),
        ("date + days", sum(lead("renewal"), "+", days(31)), date("2027-01-01")),
        ("date - days", sum(lead("renewal"), "-", days(1)), date("2026-11-30")),
        ("date - date", sum(lead("renewal"), "-", Expr::Literal(date("2026-11-30"))), Value::Duration(DAY_MS)),
        ("size of characters, not bytes", call("size", vec![text("äö")]), Value::Int(2)),
        ("hours(1.5)", call("hours", vec![number(1.5)]), Value::Duration(3 * HOUR_MS / 2)),
        ("hour at the lead", call("hour", vec![lead("last_touch")]), Value::Int(21)),
        ("hour in a zone", call("hour", vec![zoned("Europe/Berlin")]), Value::Int(3)),
        ("hour of blank", call("hour", vec![blank()]), Value::Blank),
        ("weekday at the lead", call("weekday", vec![lead("last_touch")]), t("thursday")),
        ("weekday in a zone", call("weekday", vec![zoned("Europe/Berlin")]), t("friday")),
        ("weekday of a date", call("weekday", vec![lead("renewal")]), t("tuesday")),
        ("date at the lead", call("date", vec![lead("last_touch")]), date("2026-02-19")),
        ("date in a zone", call("date", vec![zoned("Asia/Tokyo")]), date("2026-02-20")),
        ("date in a zone as Windows writes it", call("date", vec![zoned("Tokyo Standard Time")]), date("2026-02-20")),
        ("the zone is blank", call("date", vec![call("in_zone", vec![lead("last_touch"), blank()])]), Value::Blank),
        // 20 February is a Friday.
        ("two business days", business(lead("last_touch"), 2), Value::Time(at("2026-02-24T08:00:00Z"))),
        ("none", business(now(), 0), Value::Time(at("2026-02-25T08:00:00Z"))),
        ("two before", business(now(), -2), Value::Time(at("2026-02-23T06:13:20Z"))),
        ("from a date", business(lead("renewal"), 1), Value::Time(at("2026-12-02T08:00:00Z"))),
        ("of blank", business(blank(), 1), Value::Blank),
        ("domain of an address", call("domain", vec![lead("email")]), t("acme.example")),
        ("domain of a URL", call("domain", vec![text("https://www.acme.co.uk/x")]), t("acme.co.uk")),
        ("domain of nothing", call("domain", vec![text("nobody")]), Value::Blank),
        ("a call without its argument", call("since", vec![]), Value::Blank),
    ];
    for (what, expression, expected) in cases {
        assert_eq!(expression.eval(&fixed()), Ok(expected), "{what}: {expression}");
    }
    let renewal = lead("renewal").moment(&fixed());
    assert_eq!(renewal, Ok(Some(at("2026-11-30T23:00:00Z"))), "a date begins where the workspace is");
}

#[test]
fn what_has_no_answer_says_why_and_nothing_of_the_values() {
    use ValueType::{Bool, Int, List, Number, Text, Time};
    let items = |list: Expr| Items::Of(Box::new(list));
    let long = || text(&"x".repeat(crate::field::TEXT_BYTES_MAX));
    let many = (0..13).map(|_| call("matches", vec![data("long"), text("c")])).collect();
    let cases = [
        ("7 / 0", sum(int(7), "/", int(0)), Trouble::Zero),
        ("7 % 0", sum(int(7), "%", int(0)), Trouble::Zero),
        ("1.0 / 0.0", sum(number(1.0), "/", number(0.0)), Trouble::Zero),
        ("duration / 0", sum(days(1), "/", int(0)), Trouble::Zero),
        ("overflow", sum(int(i64::MAX), "+", int(1)), Trouble::Overflow),
        ("the one quotient that overflows", sum(int(i64::MIN), "/", int(-1)), Trouble::Overflow),
        ("the one rest that overflows", sum(int(i64::MIN), "%", int(-1)), Trouble::Overflow),
        ("-smallest", Expr::Negate(int(i64::MIN).into()), Trouble::Overflow),
        ("a number too large", sum(number(f64::MAX), "*", int(2)), Trouble::Overflow),
        ("days(too many)", days(i64::MAX), Trouble::Overflow),
        ("days(too large)", call("days", vec![number(1e300)]), Trouble::Overflow),
        ("half a day later", sum(lead("renewal"), "+", call("hours", vec![int(12)])), Trouble::PartOfADay),
        ("texts do not grow without limit", sum(long(), "+", long()), Trouble::TooLong),
        ("text < number", compare(lead("title"), "<", int(3)), Trouble::Types(Text, Int)),
        ("text != number", compare(lead("title"), "!=", int(3)), Trouble::Types(Text, Int)),
        ("number == text", compare(int(3), "==", lead("title")), Trouble::Types(Text, Int)),
        ("truth and time", compare(lead("knows_us"), "==", now()), Trouble::Types(Bool, Time)),
        ("list and text", compare(lead("tags"), "==", text("crm")), Trouble::Types(Text, List)),
        ("text + number", sum(text("a"), "+", int(1)), Trouble::Types(Text, Int)),
        ("truth + number", sum(lead("knows_us"), "+", int(1)), Trouble::Types(Bool, Int)),
        ("one of other things", within(lead("title"), Expr::List(vec![int(1)])), Trouble::Types(Text, Int)),
        ("!text", not(lead("title")), Trouble::Type { is: Text, wanted: Bool }),
        ("text && …", Expr::And(vec![lead("title")]), Trouble::Type { is: Text, wanted: Bool }),
        ("since a text", call("since", vec![lead("title")]), Trouble::Type { is: Text, wanted: Time }),
        ("lower(list)", call("lower", vec![lead("tags")]), Trouble::Type { is: List, wanted: Text }),
        ("days(text)", call("days", vec![lead("title")]), Trouble::Type { is: Text, wanted: Number }),
        ("no time", call("timestamp", vec![text("tomorrow")]), Trouble::Type { is: Text, wanted: Time }),
        ("no zone", call("hour", vec![call("in_zone", vec![now(), text("Mars/Base")])]), Trouble::Zone),
        ("too many business days", call("business_days", vec![now(), int(501)]), Trouble::BusinessDays),
        (
            "part of a business day",
            call("business_days", vec![now(), number(0.5)]),
            Trouble::Type { is: Number, wanted: Int },
        ),
        ("no pattern", call("matches", vec![text("a"), text("(")]), Trouble::Pattern),
        ("a long pattern", call("matches", vec![text("a"), text(&"a".repeat(201))]), Trouble::Pattern),
        ("a large pattern", call("matches", vec![text("a"), text("(a{50}){50}")]), Trouble::Pattern),
        ("a long text", call("matches", vec![data("long"), text("c")]), Trouble::Steps),
        ("many texts", Expr::Or(many), Trouble::Steps),
        ("a long list", each("all", items(data("many")), compare(item(""), "==", text("x"))), Trouble::Steps),
        ("a long list often", Expr::And(vec![within(text("x"), data("many")); 2]), Trouble::Steps),
        (
            "an item without an answer",
            each("exists", Items::Touches, compare(item("at"), ">", text("x"))),
            Trouble::Types(Text, Time),
        ),
    ];
    for (what, expression, trouble) in cases {
        let fault = expression.eval(&fixed()).map_err(|fault| (fault.trouble, fault.to_string()));
        let Err((found, said)) = fault else { panic!("{what}: {expression} is {fault:?}") };
        assert_eq!(found, trouble, "{what}: {said}");
        assert!(!said.contains("Head of IT") && said.chars().count() < 300, "{said}");
    }
    let cause = sum(data("seats"), "/", int(0)).eval(&fixed()).unwrap_err().to_string();
    assert_eq!(cause, "`event.data.seats / 0` has no answer: something is divided by zero");
    let cause = compare(lead("title"), "<", int(3)).eval(&fixed()).unwrap_err().to_string();
    assert_eq!(cause, "`lead.title < 3` has no answer: a text and a whole number do not go together");
}

#[test]
fn expressions_are_shown_as_they_are_written() {
    let missed = compare(item("outcome"), "==", text("busy"));
    let day = Expr::Literal(Value::Date(Date::parse("2026-12-01").unwrap()));
    for (expr, text) in [
        (compare(lead("stage"), "==", text("open")), "lead.stage == \"open\""),
        (each("exists", Items::Touches, missed), "touches.exists(x, x.outcome == \"busy\")"),
        (each("all", Items::Of(Box::new(lead("tags"))), Expr::TRUE), "lead.tags.all(x, true)"),
        (call("business_days", vec![now(), int(2)]), "now + business_days(2)"),
        (not(within(text("a"), lead("tags"))), "!(\"a\" in lead.tags)"),
        (call("matches", vec![lead("title"), text("VP")]), "lead.title.matches(\"VP\")"),
        (Expr::And(vec![Expr::Or(vec![Expr::TRUE, blank()]), Expr::TRUE]), "(true || lead.industry) && true"),
        (Expr::If(Expr::TRUE.into(), days(1).into(), days(2).into()), "true ? days(1) : days(2)"),
        (sum(sum(int(1), "-", number(2.0)), "*", Expr::Negate(int(3).into())), "(1 - 2.0) * (-3)"),
        (within(day, Expr::List(vec![Expr::Literal(Value::Duration(HOUR_MS))])), "date(\"2026-12-01\") in [hours(1)]"),
    ] {
        assert_eq!(expr.to_string(), text);
    }
}
