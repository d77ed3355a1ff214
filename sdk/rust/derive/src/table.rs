//! `table!`: a CSV file as a lookup table, read when the plugin is compiled, because a guest has no files.

use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token};

/// `"tables/industries.csv", key = "industry"`.
pub(crate) struct Input {
    file: LitStr,
    key: LitStr,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let file = input.parse()?;
        input.parse::<Token![,]>()?;
        let name: Ident = input.parse()?;
        if name != "key" {
            return Err(Error::new(name.span(), "name the column by which rows are found: `key = \"industry\"`"));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { file, key: input.parse()? })
    }
}

pub(crate) fn expand(Input { file, key }: &Input) -> Result<TokenStream> {
    let wrong = |span: &LitStr, what: String| Error::new(span.span(), what);
    let root = std::env::var("CARGO_MANIFEST_DIR")
        .map_err(|_| wrong(file, "cargo does not say where the crate lies".to_owned()))?;
    let path = Path::new(&root).join(file.value());
    let unreadable = |error: csv::Error| wrong(file, format!("{}: {error}", file.value()));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(&path).map_err(unreadable)?;
    let columns: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(str::to_owned).collect();
    let Some(key_at) = columns.iter().position(|column| *column == key.value()) else {
        return Err(wrong(
            key,
            format!("{} has no column `{}`; it has {}", file.value(), key.value(), columns.join(", ")),
        ));
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        rows.push(record.map_err(unreadable)?.iter().map(str::to_owned).collect::<Vec<_>>());
    }
    rows.sort_by(|a, b| a[key_at].cmp(&b[key_at]));
    if let Some(twice) = rows.windows(2).find(|pair| pair[0][key_at] == pair[1][key_at]) {
        return Err(wrong(file, format!("{} has two rows for `{}`", file.value(), twice[0][key_at])));
    }
    let rows = rows.iter().map(|row| quote!(&[#(#row),*]));
    let path = path.to_string_lossy().into_owned();
    Ok(quote! {{
        // So that a change of the file is noticed.
        const _: &str = ::core::include_str!(#path);
        ::cadenza_sdk::Table::new(&[#(#columns),*], #key_at, &[#(#rows),*])
    }})
}
