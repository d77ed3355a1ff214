//! Which engine a command talks to, and what all such commands share: lists, page by page, and leads by whatever names
//! them.

use super::client::{Client, ClientError, escape, query};
use crate::say::{output, table};
use anyhow::bail;
use clap::Args;
use serde_json::Value;

/// Where the engine is.
#[derive(Debug, Args)]
pub(super) struct Remote {
    /// Address of the engine
    #[arg(long, env = "CADENZA_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// API token
    #[arg(long, env = "CADENZA_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
}

impl Remote {
    /// A client of that engine.
    pub(super) fn client(&self) -> Result<Client, ClientError> {
        Client::new(&self.url, self.token.clone())
    }
}

/// How a list is shown.
#[derive(Debug, Args)]
pub(super) struct Listing {
    /// The most items
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(super) limit: usize,
    /// As JSON, for other programs
    #[arg(long)]
    pub(super) json: bool,
}

/// Items requested per page.
const PAGE_ITEMS: usize = 200;

/// Reads a list page by page, up to the limit, and shows it.
pub(super) fn list(
    client: &Client,
    path: &str,
    parameters: &[(&str, Option<&str>)],
    listing: &Listing,
    columns: &[table::Column],
    nothing: &str,
) -> anyhow::Result<()> {
    show(fetch(client, path, parameters, listing.limit)?, listing, columns, nothing);
    Ok(())
}

/// Shows a list, or says that there is nothing.
pub(super) fn show(found: Found, listing: &Listing, columns: &[table::Column], nothing: &str) {
    if listing.json {
        return output::json(&Value::Array(found.items));
    }
    table::print_in(found.zone.as_deref(), columns, &found.items, nothing);
    if found.more {
        output::complain(&format!("there are more than {}: --limit N shows more", listing.limit));
    }
}

/// The first items of a list.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<Value>,
    /// Whether there are more.
    pub(super) more: bool,
    /// The items that the engine held back and why, for a list that reports it.
    pub(super) held: Vec<Value>,
    /// For an empty queue, the items that are elsewhere.
    pub(super) elsewhere: Value,
    /// The zone of the engine's times in words, where a list has such; its other times are shown in it too.
    pub(super) zone: Option<String>,
}

impl Found {
    /// The first items, up to a limit.
    pub(super) fn first(mut items: Vec<Value>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more, ..Self::default() }
    }

    pub(super) fn into_items(self) -> Vec<Value> {
        self.items
    }
}

/// Reads a list page by page, up to the limit.
pub(super) fn fetch(
    client: &Client,
    path: &str,
    parameters: &[(&str, Option<&str>)],
    limit: usize,
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut cursor: Option<String> = None;
    loop {
        let count = limit.saturating_sub(found.items.len()).clamp(1, PAGE_ITEMS).to_string();
        let paging = [("limit", Some(count.as_str())), ("cursor", cursor.as_deref())];
        let mut page = client.get(&format!("{path}{}", query(&[parameters, &paging].concat())))?;
        if let Value::Array(items) = page["items"].take() {
            found.items.extend(items);
        }
        if let Value::Array(held) = page["held"].take() {
            found.held.extend(held);
        }
        found.elsewhere = page["elsewhere"].take();
        found.zone = page["timezone"].as_str().map(str::to_owned);
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() || found.items.len() >= limit {
            found.more = cursor.is_some() || found.items.len() > limit;
            found.items.truncate(limit);
            return Ok(found);
        }
    }
}

/// The id of the lead that a person names by id, mail address, phone number, external id or part of a name.
pub(super) fn find_lead(client: &Client, text: &str) -> anyhow::Result<String> {
    if text.starts_with("ld_") {
        return Ok(text.to_owned());
    }
    let found = fetch(client, "/v1/leads", &[("q", Some(text))], 10)?;
    match found.items.as_slice() {
        [] => bail!("no lead is found by `{text}`: give its id, mail address, phone number or part of its name"),
        [one] => Ok(table::cell(one, "id")),
        several => {
            let names = several.iter().map(|lead| {
                format!(
                    "  {}  {}  {}",
                    table::cell(lead, "id"),
                    table::cell(lead, "name"),
                    table::cell(lead, "company")
                )
            });
            bail!("`{text}` may be any of these leads, name one by its id:\n{}", names.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// Posts a request for one thing and reports what happened.
pub(super) fn act(client: &Client, path: &str, body: Option<&Value>) -> anyhow::Result<()> {
    let done = client.post(path, body)?;
    tell(&done);
    Ok(())
}

/// Prints what a command did, in the engine's words.
pub(super) fn tell(done: &Value) {
    for told in done["what"].as_array().into_iter().flatten() {
        output::say(&table::cell(told, "text"));
        for reason in told["because"].as_array().into_iter().flatten() {
            output::say(&format!("  {}", reason.as_str().unwrap_or_default()));
        }
    }
}

/// A path that contains the name of one thing.
pub(super) fn path(before: &str, name: &str, after: &str) -> String {
    format!("{before}{}{after}", escape(name))
}
