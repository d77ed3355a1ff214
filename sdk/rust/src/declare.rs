//! The macros with which a plugin declares its parameters, fields, rules and codes.

/// Declares what a workflow may set under `with`. The doc comment of each is shown in the editor, so name the unit.
///
/// ```
/// cadenza_sdk::parameters! {
///     /// What a workflow may set.
///     pub struct Parameters {
///         /// Points from which a lead is hot.
///         pub hot: i64 = 75, in -1000..=1000;
///         /// Domains that tell nothing about a company.
///         pub free_mail: Vec<String> = ["gmail.com", "outlook.com"];
///         /// The product that is sold; has to be set.
///         pub product: String;
///     }
/// }
/// ```
#[macro_export]
macro_rules! parameters {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {$(
        #[doc = $doc:literal] $(#[doc = $more:literal])*
        $field_vis:vis $field:ident: $kind:ty $(= $default:expr)? $(, in $minimum:literal..=$maximum:literal)?;
    )*}) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {$(
            #[doc = $doc] $(#[doc = $more])*
            $field_vis $field: $kind,
        )*}

        impl $crate::plugin::Parameters for $name {
            fn describe() -> ::std::vec::Vec<$crate::contract::describe::Parameter> {
                ::std::vec![$(
                    #[allow(unused_mut, unused_assignments, reason = "default and range may be left out")]
                    {
                        let mut default = $crate::value::Value::Blank;
                        let mut range = (::core::option::Option::None, ::core::option::Option::None);
                        $(default = <$kind as $crate::value::FieldType>::give(
                            $crate::value::IntoDefault::<$kind>::into_default($default),
                        );)?
                        $(range = (::core::option::Option::Some($minimum as f64), ::core::option::Option::Some($maximum as f64));)?
                        $crate::contract::describe::Parameter {
                            name: ::std::string::String::from(::core::stringify!($field)),
                            kind: <$kind as $crate::value::FieldType>::KIND,
                            summary: ::std::string::String::from(::core::concat!($doc, $($more),*).trim()),
                            default,
                            minimum: range.0,
                            maximum: range.1,
                        }
                    }
                ),*]
            }

            fn take(
                values: ::std::vec::Vec<$crate::value::Value>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                let mut values = values.into_iter();
                ::core::result::Result::Ok(Self {$(
                    $field: values
                        .next()
                        .and_then(<$kind as $crate::value::FieldType>::take)
                        .ok_or(::core::concat!("the parameter `", ::core::stringify!($field), "` was not given its type"))?,
                )*})
            }
        }
    };
}

/// Declares the lead fields that a plugin reads. A field that is not known is `None`; the names are those of the
/// workspace: standard fields, those the engine keeps (`score`, `last_touch`…) and the workspace's own.
///
/// ```
/// cadenza_sdk::fields! {
///     /// What it reads of a lead.
///     pub struct Fields {
///         /// Job title; blank gives no points.
///         pub title: Option<String>,
///         /// People in the company; blank gives no points.
///         pub employees: Option<i64>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! fields {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {$(
        $(#[$field_meta:meta])* $field_vis:vis $field:ident: Option<$kind:ty>
    ),* $(,)?}) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        $vis struct $name {$(
            $(#[$field_meta])* $field_vis $field: ::core::option::Option<$kind>,
        )*}

        impl $crate::plugin::Fields for $name {
            const NAMES: &'static [&'static str] = &[$(::core::stringify!($field)),*];
            const KINDS: &'static [$crate::contract::describe::ValueType] =
                &[$(<$kind as $crate::value::FieldType>::KIND),*];

            fn take(
                values: ::std::vec::Vec<$crate::value::Value>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                let mut values = values.into_iter();
                ::core::result::Result::Ok(Self {$(
                    $field: match values.next() {
                        ::core::option::Option::None | ::core::option::Option::Some($crate::value::Value::Blank) => {
                            ::core::option::Option::None
                        }
                        ::core::option::Option::Some(value) => ::core::option::Option::Some(
                            <$kind as $crate::value::FieldType>::take(value).ok_or(::core::concat!(
                                "the field `", ::core::stringify!($field), "` has another type than this plugin reads",
                            ))?,
                        ),
                    },
                )*})
            }
        }
    };
}

/// Declares the rules that reasons refer to: number, name and what it says in words, in which `{value}` and `{points}`
/// stand for those of the reason. A number, once used, is never given to another rule.
///
/// ```
/// cadenza_sdk::rules! {
///     /// Why a lead gets points.
///     pub enum Rule {
///         /// Who decides, decides sooner.
///         1 Seniority = "seniority": "Decides on such purchases: {value}",
///     }
/// }
/// assert_eq!(u16::from(Rule::Seniority), 1);
/// ```
#[macro_export]
macro_rules! rules {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {$(
        $(#[$rule_meta:meta])* $id:literal $rule:ident = $text_name:literal: $text:literal
    ),* $(,)?}) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        $vis enum $name {$($(#[$rule_meta])* $rule = $id,)*}

        impl $name {
            /// Every rule, for the description.
            pub const TABLE: &'static [$crate::RuleText] = &[$(
                $crate::RuleText { id: $id, name: $text_name, text: $text },
            )*];
        }

        impl ::core::convert::From<$name> for u16 {
            fn from(rule: $name) -> Self {
                rule as Self
            }
        }
    };
}

/// Declares the codes that a plugin tells apart (channels, outcomes, results, kinds of engagement), or its tracks.
/// A code of a touch can be compared with a variant.
///
/// ```
/// cadenza_sdk::codes! {
///     /// What it tells apart.
///     pub enum Known {
///         /// A phone call.
///         Call = "call",
///     }
/// }
/// assert_eq!(Known::TEXTS, ["call"]);
/// ```
#[macro_export]
macro_rules! codes {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {$(
        $(#[$code_meta:meta])* $code:ident = $text:literal
    ),* $(,)?}) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        $vis enum $name {$($(#[$code_meta])* $code,)*}

        impl $name {
            /// Every code, for the description.
            pub const TEXTS: &'static [&'static str] = &[$($text),*];
        }

        impl ::core::cmp::PartialEq<$name> for $crate::Code {
            fn eq(&self, known: &$name) -> bool {
                self.position() == *known as u16
            }
        }

        impl ::core::convert::From<$name> for &'static str {
            fn from(code: $name) -> Self {
                $name::TEXTS[code as usize]
            }
        }
    };
}
