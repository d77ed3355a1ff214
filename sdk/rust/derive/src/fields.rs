//! `#[derive(Fields)]`: the lead fields that a plugin reads.

use crate::{error, named_fields};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, GenericArgument, PathArguments, Result, Type};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let (mut idents, mut kinds) = (Vec::new(), Vec::new());
    for field in named_fields(input, "fields")? {
        let Some(kind) = optional(&field.ty) else {
            return error(field.ty.span(), "a field may be blank: make its type an `Option`, and say what blank means");
        };
        idents.push(field.ident.as_ref().expect("its fields have names"));
        kinds.push(kind);
    }
    // A field may have the name of a Rust keyword: `r#type`.
    let names: Vec<String> = idents.iter().map(|ident| ident.unraw().to_string()).collect();
    Ok(quote! {
        impl ::cadenza_sdk::plugin::Fields for #name {
            const FIELDS: &'static [(&'static str, ::cadenza_sdk::contract::describe::ValueType)] =
                &[#((#names, <#kinds as ::cadenza_sdk::FieldType>::KIND)),*];

            fn take(
                values: &mut ::cadenza_sdk::value::Values<'_>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::core::result::Result::Ok(Self { #(#idents: values.field::<#kinds>(#names)?),* })
            }
        }
    })
}

/// The type in an `Option`.
fn optional(kind: &Type) -> Option<&Type> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}
