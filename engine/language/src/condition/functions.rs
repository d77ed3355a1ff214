//! The functions of conditions: how each is called, what types it takes and what type it gives.

use cadenza_core::expr::Function;
use cadenza_core::value::ValueType;

/// The types that each argument may have, in the order in which the arguments are written.
pub(super) fn wants(function: Function) -> &'static [&'static [ValueType]] {
    const ANY: &[ValueType] = &[ValueType::Any];
    const NUMBER: &[ValueType] = &[ValueType::Int, ValueType::Number];
    const TEXT: &[ValueType] = &[ValueType::Text];
    const TIME: &[ValueType] = &[ValueType::Time];
    const DAY: &[ValueType] = &[ValueType::Time, ValueType::Date];
    match function {
        Function::IsBlank => &[ANY],
        Function::Default => &[ANY, ANY],
        Function::Since | Function::Hour | Function::InHours => &[TIME],
        Function::Weekday | Function::Date => &[DAY],
        Function::InZone => &[TIME, TEXT],
        Function::Days | Function::Hours | Function::Minutes => &[NUMBER],
        Function::BusinessDays => &[&[ValueType::Int]],
        Function::Contains | Function::StartsWith | Function::EndsWith | Function::Matches => &[TEXT, TEXT],
        Function::Size => &[&[ValueType::Text, ValueType::List]],
        Function::Lower | Function::Time | Function::Domain => &[TEXT],
    }
}

/// An example of a call.
pub(super) fn usage(function: Function) -> &'static str {
    match function {
        Function::IsBlank => "is_blank(lead.phone)",
        Function::Default => "default(lead.employees, 0)",
        Function::Since => "since(lead.last_touch)",
        Function::Days => "days(14)",
        Function::Hours => "hours(36)",
        Function::Minutes => "minutes(5)",
        Function::Contains => "lead.title.contains(\"VP\")",
        Function::StartsWith => "lead.phone.startsWith(\"+1\")",
        Function::EndsWith => "lead.email.endsWith(\".edu\")",
        Function::Matches => "lead.title.matches(\"^(VP|Head) \")",
        Function::Size => "size(lead.message)",
        Function::Lower => "lower(lead.city)",
        Function::Time => "timestamp(\"2026-03-08T07:30:00Z\")",
        Function::Hour => "hour(now)",
        Function::Weekday => "weekday(now)",
        Function::Date => "date(now)",
        Function::InZone => "hour(in_zone(now, \"Europe/Berlin\"))",
        Function::InHours => "in_hours(now)",
        Function::BusinessDays => "since(lead.last_touch) > business_days(2)",
        Function::Domain => "domain(lead.email)",
    }
}

/// The type of the function's value. The value of `default` has the type of its arguments.
pub(super) const fn gives(function: Function) -> ValueType {
    match function {
        Function::IsBlank
        | Function::Contains
        | Function::StartsWith
        | Function::EndsWith
        | Function::Matches
        | Function::InHours => ValueType::Bool,
        Function::Since | Function::Days | Function::Hours | Function::Minutes => ValueType::Duration,
        Function::Size | Function::Hour => ValueType::Int,
        Function::Lower | Function::Weekday | Function::Domain => ValueType::Text,
        Function::Time | Function::InZone | Function::BusinessDays => ValueType::Time,
        Function::Date => ValueType::Date,
        Function::Default => ValueType::Any,
    }
}
