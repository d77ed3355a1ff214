//! `#[derive(Rules)]`: the rules that reasons name.

use crate::{error, plain_variants, snake_case};
use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, LitStr, Result, Variant};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let rules = plain_variants(input, "rules")?.map(|variant| rule(name, variant)).collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        impl #name {
            /// Every rule, for the description.
            pub const TABLE: &'static [::cadenza_sdk::RuleText] = &[#(#rules),*];
        }

        impl ::core::convert::From<#name> for u16 {
            fn from(rule: #name) -> Self {
                rule as Self
            }
        }
    })
}

fn rule(name: &syn::Ident, variant: &Variant) -> Result<TokenStream> {
    let ident = &variant.ident;
    if variant.discriminant.is_none() {
        return error(ident.span(), "a rule has a number of its own, such as `Seniority = 1`: journals refer to it");
    }
    let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("rule")) else {
        return error(variant.span(), "say what the rule says in words: `#[rule(\"The company has {value} people\")]`");
    };
    let text: LitStr = attribute.parse_args()?;
    let rule_name = snake_case(&ident.to_string());
    Ok(quote!(::cadenza_sdk::RuleText { id: #name::#ident as u16, name: #rule_name, text: #text }))
}
