//! The derives with which a plugin declares its parameters, fields, rules and codes. They are documented, with
//! examples, where `cadenza-sdk` exports them.

mod codes;
mod fields;
mod parameters;
mod rules;
mod table;

use proc_macro::TokenStream;
use proc_macro2::Span;
use syn::{Attribute, Data, DataEnum, DeriveInput, Error, Expr, Fields, Lit, Meta, Result, Variant, parse_macro_input};

/// See `cadenza_sdk::Parameters`.
#[proc_macro_derive(Parameters, attributes(parameter))]
pub fn parameters(input: TokenStream) -> TokenStream {
    finish(parameters::derive(&parse_macro_input!(input as DeriveInput)))
}

/// See `cadenza_sdk::Fields`.
#[proc_macro_derive(Fields)]
pub fn fields(input: TokenStream) -> TokenStream {
    finish(fields::derive(&parse_macro_input!(input as DeriveInput)))
}

/// See `cadenza_sdk::Rules`.
#[proc_macro_derive(Rules, attributes(rule))]
pub fn rules(input: TokenStream) -> TokenStream {
    finish(rules::derive(&parse_macro_input!(input as DeriveInput)))
}

/// See `cadenza_sdk::Codes`.
#[proc_macro_derive(Codes, attributes(code))]
pub fn codes(input: TokenStream) -> TokenStream {
    finish(codes::derive(&parse_macro_input!(input as DeriveInput)))
}

/// See `cadenza_sdk::table`.
#[proc_macro]
pub fn table(input: TokenStream) -> TokenStream {
    finish(table::expand(&parse_macro_input!(input as table::Input)))
}

fn finish(derived: Result<proc_macro2::TokenStream>) -> TokenStream {
    derived.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The fields of a struct with named fields.
fn named_fields<'i>(input: &'i DeriveInput, what: &str) -> Result<impl Iterator<Item = &'i syn::Field>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter()),
            _ => Err(Error::new_spanned(&input.ident, format!("{what} are a struct whose fields have names"))),
        },
        _ => Err(Error::new_spanned(&input.ident, format!("{what} are a struct"))),
    }
}

/// The variants of an enum whose variants hold nothing.
fn plain_variants<'i>(input: &'i DeriveInput, what: &str) -> Result<impl Iterator<Item = &'i Variant>> {
    let Data::Enum(DataEnum { variants, .. }) = &input.data else {
        return Err(Error::new_spanned(&input.ident, format!("{what} are an enum")));
    };
    if let Some(variant) = variants.iter().find(|variant| !matches!(variant.fields, Fields::Unit)) {
        return Err(Error::new_spanned(variant, format!("{what} hold nothing: leave the braces away")));
    }
    Ok(variants.iter())
}

/// The text of the doc comment, with its lines joined.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        Some(text.value().trim().to_owned())
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Turns `NotNow` into `not_now`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn error<T>(span: Span, message: &str) -> Result<T> {
    Err(Error::new(span, message))
}
