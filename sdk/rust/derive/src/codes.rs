//! `#[derive(Codes)]`: the codes that a plugin distinguishes, or its tracks.

use crate::{plain_variants, snake_case};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, LitStr, Result, Variant};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let variants: Vec<&Variant> = plain_variants(input, "codes")?.collect();
    let texts = variants.iter().map(|variant| text(variant)).collect::<Result<Vec<_>>>()?;
    let idents = variants.iter().map(|variant| &variant.ident);
    let positions = 0..variants.len() as u16;
    Ok(quote! {
        impl #name {
            /// Every code, for the description.
            pub const TEXTS: &'static [&'static str] = &[#(#texts),*];

            const fn position(&self) -> u16 {
                match self { #(Self::#idents => #positions),* }
            }
        }

        impl ::core::cmp::PartialEq<#name> for ::cadenza_sdk::Code {
            fn eq(&self, known: &#name) -> bool {
                self.position() == known.position()
            }
        }

        impl ::core::convert::From<#name> for &'static str {
            fn from(code: #name) -> Self {
                #name::TEXTS[code.position() as usize]
            }
        }
    })
}

/// The code's text: the variant's name in the contract's spelling, or what `#[code("…")]` says.
fn text(variant: &Variant) -> Result<String> {
    match variant.attrs.iter().find(|attribute| attribute.path().is_ident("code")) {
        Some(attribute) => attribute.parse_args::<LitStr>().map(|text| text.value()),
        None => Ok(snake_case(&variant.ident.to_string())),
    }
}
