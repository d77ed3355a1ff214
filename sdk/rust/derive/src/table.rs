//! `table!`: a CSV file as a lookup table, read when the plugin is compiled, because a guest has no files.

use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token};

/// Parses `"tables/industries.csv", key = "industry"`.
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
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(file, format!("{}: {error}", file.value())))?;
    let Table { columns, key_at, rows } =
        read(&text, &key.value()).map_err(|what| wrong(file, format!("{}: {what}", file.value())))?;
    let rows = rows.iter().map(|row| quote!(&[#(#row),*]));
    let path = path.to_string_lossy().into_owned();
    Ok(quote! {{
        // Makes the compiler notice a change of the file.
        const _: &str = ::core::include_str!(#path);
        ::cadenza_sdk::Table::new(&[#(#columns),*], #key_at, &[#(#rows),*])
    }})
}

/// What a file says, sorted by the key.
#[derive(Debug)]
struct Table {
    columns: Vec<String>,
    key_at: usize,
    rows: Vec<Vec<String>>,
}

fn read(text: &str, key: &str) -> std::result::Result<Table, String> {
    let mut reader = reader(text);
    let columns: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
    if let Some(twice) = columns.iter().enumerate().find_map(|(at, name)| columns[..at].contains(name).then_some(name))
    {
        return Err(format!("two columns are called `{twice}`"));
    }
    let Some(key_at) = columns.iter().position(|column| column == key) else {
        return Err(format!("there is no column `{key}`; there are {}", columns.join(", ")));
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        rows.push(record.map_err(|error| error.to_string())?.iter().map(str::to_owned).collect::<Vec<_>>());
    }
    if !ends_outside_of_quotes(text, columns.len(), rows.len()) {
        return Err("a quote is opened and not closed".to_owned());
    }
    rows.sort_by(|a, b| a[key_at].cmp(&b[key_at]));
    match rows.windows(2).find(|pair| pair[0][key_at] == pair[1][key_at]) {
        Some(twice) => Err(format!("there are two rows for `{}`", twice[0][key_at])),
        None => Ok(Table { columns, key_at, rows }),
    }
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes())
}

/// Whether another row would be a row of its own, rather than part of a quote that was opened before.
fn ends_outside_of_quotes(text: &str, columns: usize, rows: usize) -> bool {
    let longer = format!("{text}\n{}", vec!["x"; columns].join(","));
    reader(&longer).records().filter(std::result::Result::is_ok).count() == rows + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_table_and_is_none_is_refused() {
        for (text, says) in [
            ("industry,points,points\nsteel,1,2\n", "two columns are called `points`"),
            ("industry,points\nsteel,\"1\ncoal,2\n", "a quote is opened and not closed"),
            ("industry,points\nsteel,1\nsteel,2\n", "two rows for `steel`"),
            ("sector,points\nsteel,1\n", "no column `industry`; there are sector, points"),
            ("industry,points\nsteel\n", "found record with 1 fields"),
        ] {
            let refused = read(text, "industry").expect_err(text);
            assert!(refused.contains(says), "`{refused}` should say `{says}`");
        }
    }

    #[test]
    fn quotes_and_blank_lines_are_read_as_people_write_them() {
        let table =
            read("industry,name\n\nsteel,\"Steel, \"\"raw\"\"\"\ncoal, 15\" pipes\n\n", "industry").expect("it is one");
        assert_eq!(table.rows, [["coal", "15\" pipes"], ["steel", "Steel, \"raw\""]]);
    }
}
