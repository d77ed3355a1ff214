//! `#[derive(Parameters)]`: what a workflow may set.

use crate::{doc, error, named_fields};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Expr, ExprRange, Field, RangeLimits, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let (mut idents, mut names, mut descriptions) = (Vec::new(), Vec::new(), Vec::new());
    for field in named_fields(input, "parameters")? {
        let ident = field.ident.as_ref().expect("its fields have names");
        // A parameter may have the name of a Rust keyword: `r#type`.
        let name = ident.unraw().to_string();
        descriptions.push(description(field, &name)?);
        idents.push(ident);
        names.push(name);
    }
    Ok(quote! {
        impl ::cadenza_sdk::plugin::Parameters for #name {
            fn describe() -> ::std::vec::Vec<::cadenza_sdk::contract::describe::Parameter> {
                ::std::vec![#(#descriptions),*]
            }

            fn take(
                values: &mut ::cadenza_sdk::value::Values<'_>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::core::result::Result::Ok(Self { #(#idents: values.parameter(#names)?),* })
            }
        }
    })
}

/// What `#[parameter(…)]` says.
#[derive(Default)]
struct Settings {
    default: Option<Expr>,
    range: Option<ExprRange>,
}

fn settings(field: &Field) -> Result<Settings> {
    let mut settings = Settings::default();
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("parameter")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("default") {
                settings.default = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("range") {
                settings.range = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("a parameter has a `default` and a `range`, such as `range = 0..=100`"));
            }
            Ok(())
        })?;
    }
    Ok(settings)
}

fn description(field: &Field, name: &str) -> Result<TokenStream> {
    let summary = doc(&field.attrs);
    if summary.is_empty() {
        return error(field.span(), "say in a comment above it what it does, with its unit: the editor shows it");
    }
    let Settings { default, range } = settings(field)?;
    let kind = &field.ty;
    let default = default.map_or_else(
        || quote!(::cadenza_sdk::contract::describe::Literal::Blank),
        |default| quote!(<#kind as ::cadenza_sdk::FieldType>::give(#default)),
    );
    if let Some(range) = range.as_ref().filter(|_| !is_number(kind)) {
        return error(range.span(), "only numbers (`i64`, `f64`) have a range");
    }
    let (least, most) = bounds(range.as_ref())?;
    Ok(quote! {
        ::cadenza_sdk::contract::describe::Parameter {
            name: ::std::string::String::from(#name),
            kind: <#kind as ::cadenza_sdk::FieldType>::KIND,
            summary: ::std::string::String::from(#summary),
            default: #default,
            minimum: #least,
            maximum: #most,
        }
    })
}

fn is_number(kind: &syn::Type) -> bool {
    let syn::Type::Path(path) = kind else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "i64" || last.ident == "f64")
}

fn bounds(range: Option<&ExprRange>) -> Result<(TokenStream, TokenStream)> {
    let Some(range) = range else { return Ok((bound(None), bound(None))) };
    if range.end.is_some() && matches!(range.limits, RangeLimits::HalfOpen(_)) {
        return error(range.span(), "a range includes its end: write `..=`");
    }
    Ok((bound(range.start.as_deref()), bound(range.end.as_deref())))
}

fn bound(at: Option<&Expr>) -> TokenStream {
    match at {
        Some(at) => quote!(::core::option::Option::Some((#at) as f64)),
        None => quote!(::core::option::Option::None),
    }
}
