//! The functions of conditions: how each is called, what it wants and what it gives.

use cadenza_core::expr::Function;
use cadenza_core::value::ValueType;

/// Whether it is called on its first argument: `x.contains(y)`.
pub(super) const fn is_method(function: Function) -> bool {
    matches!(function, Function::Contains | Function::StartsWith | Function::EndsWith)
}

/// The types each argument may have.
pub(super) fn wants(function: Function) -> &'static [&'static [ValueType]] {
    const NUMBER: &[ValueType] = &[ValueType::Int, ValueType::Number];
    const TEXT: &[ValueType] = &[ValueType::Text];
    match function {
        Function::IsBlank => &[&[ValueType::Any]],
        Function::Since => &[&[ValueType::Time]],
        Function::Days | Function::Hours | Function::Minutes => &[NUMBER],
        Function::Contains | Function::StartsWith | Function::EndsWith => &[TEXT, TEXT],
        Function::Size => &[&[ValueType::Text, ValueType::List]],
        Function::Lower | Function::Time => &[TEXT],
    }
}

/// How it is called.
pub(super) fn usage(function: Function) -> &'static str {
    match function {
        Function::IsBlank => "is_blank(lead.phone)",
        Function::Since => "since(lead.last_touch)",
        Function::Days => "days(14)",
        Function::Hours => "hours(36)",
        Function::Minutes => "minutes(5)",
        Function::Contains => "lead.title.contains(\"VP\")",
        Function::StartsWith => "lead.phone.startsWith(\"+1\")",
        Function::EndsWith => "lead.email.endsWith(\".edu\")",
        Function::Size => "size(lead.message)",
        Function::Lower => "lower(lead.city)",
        Function::Time => "timestamp(\"2026-03-08T07:30:00Z\")",
    }
}

/// The type of its value.
pub(super) const fn gives(function: Function) -> ValueType {
    match function {
        Function::IsBlank | Function::Contains | Function::StartsWith | Function::EndsWith => ValueType::Bool,
        Function::Since | Function::Days | Function::Hours | Function::Minutes => ValueType::Duration,
        Function::Size => ValueType::Int,
        Function::Lower => ValueType::Text,
        Function::Time => ValueType::Time,
    }
}
