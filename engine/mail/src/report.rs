//! Delivery reports (RFC 3464): a part of fields about the message, and fields for each recipient.

use crate::part::Parted;
use crate::severity::{self, Kind};
use crate::{Bounce, DIAGNOSTIC_BYTES_MAX, Verdict, Why, text};

/// Groups of fields that are read of one report: one about the message, and one for each recipient.
const GROUPS_MAX: usize = 100;

/// What a report says; `None` when the message has none that can be read.
pub(crate) fn read(parted: &Parted<'_>, about: &mut Vec<String>) -> Option<Verdict> {
    let part = parted.part("message/delivery-status").or_else(|| parted.part("message/global-delivery-status"))?;
    let groups = groups(&part.text());
    let recipients: Vec<Recipient> = groups.iter().filter_map(Recipient::of).collect();
    let failed = recipients.iter().filter(|one| one.is_failed());
    let worst = failed.min_by_key(|one| one.kind() == Kind::Soft);
    let verdict = match worst {
        Some(one) => Verdict::Bounce(Bounce {
            recipient: one.address.clone().or_else(|| parted.returned()?.address("To")),
            kind: one.kind(),
            status: one.precise_status(),
            diagnostic: one.diagnostic.clone(),
        }),
        None if recipients.iter().any(|one| one.action == "delayed") => Verdict::Other(Why::Delayed),
        None if recipients.iter().any(|one| !one.action.is_empty()) => Verdict::Other(Why::Delivered),
        // A report without recipients is read by its text, like one of a server that makes none.
        None => return None,
    };
    if let Some(returned) = parted.returned() {
        about.extend(returned.ids("Message-ID"));
    }
    // Exchange names the id there, also when it returns nothing.
    about.extend(groups.iter().flat_map(|group| group.get("x-original-message-id")).flat_map(text::ids));
    Some(verdict)
}

struct Recipient {
    address: Option<String>,
    action: String,
    status: Option<String>,
    diagnostic: Option<String>,
}

impl Recipient {
    fn of(group: &Group) -> Option<Self> {
        let address =
            |name: &str| group.get(name).and_then(|value| text::addresses(after_type(value)).into_iter().next());
        let (action, status) = (group.get("action"), group.get("status"));
        // The original recipient is the address that we wrote to; the final one may be where it was forwarded.
        let address = address("original-recipient").or_else(|| address("final-recipient"));
        if action.is_none() && status.is_none() && address.is_none() {
            return None;
        }
        let word = |value: &str| value.split([' ', '(', ';']).next().unwrap_or_default().trim().to_lowercase();
        let diagnostic = group.get("diagnostic-code").map(|code| text::on_one_line(after_type(code)));
        Some(Self {
            address,
            action: action.map(word).unwrap_or_default(),
            status: status.and_then(severity::status_in),
            diagnostic: diagnostic.map(|said| text::head(&said, DIAGNOSTIC_BYTES_MAX).to_owned()),
        })
    }

    /// A report that names no action is judged by its status.
    fn is_failed(&self) -> bool {
        match self.action.as_str() {
            "failed" => true,
            "" => self.status.as_deref().is_some_and(|status| status.starts_with('5')),
            _ => false,
        }
    }

    /// The status; the one in the server's words where the report's own says nothing.
    fn precise_status(&self) -> Option<String> {
        let said = || self.diagnostic.as_deref().and_then(severity::status_in);
        match &self.status {
            Some(status) if !status.ends_with(".0.0") => Some(status.clone()),
            status => said().or_else(|| status.clone()),
        }
    }

    fn kind(&self) -> Kind {
        severity::of(self.precise_status().as_deref(), self.diagnostic.as_deref().unwrap_or_default())
    }
}

/// A value without its type: `rfc822; ada@example.com`, `smtp; 550 …`.
fn after_type(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest)) if kind.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => rest.trim(),
        _ => value.trim(),
    }
}

/// Fields by their names in lower case.
#[derive(Default)]
pub(crate) struct Group(Vec<(String, String)>);

impl Group {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Groups of fields that are separated by empty lines. Folded lines are joined.
pub(crate) fn groups(text: &str) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    for line in text::visible(text).lines() {
        if line.trim().is_empty() {
            if groups.len() == GROUPS_MAX {
                break;
            }
            if groups.last().is_some_and(|group| !group.0.is_empty()) {
                groups.push(Group::default());
            }
            continue;
        }
        let Some(group) = groups.last_mut() else { break };
        match line.split_once(':') {
            _ if line.starts_with([' ', '\t']) => {
                if let Some((_, value)) = group.0.last_mut().filter(|(_, value)| value.len() < DIAGNOSTIC_BYTES_MAX * 4)
                {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            Some((name, value)) if !name.contains(' ') => {
                group.0.push((name.trim().to_lowercase(), value.trim().to_owned()));
            }
            _ => {}
        }
    }
    groups
}
