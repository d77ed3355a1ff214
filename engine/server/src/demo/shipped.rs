//! The workspace that ships with the engine, written to a folder for the demo. Its secrets become files, and everything
//! it sends goes to one address, so that a demo reaches nobody outside. Does not know what the files mean.

use anyhow::{Context as _, ensure};
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The sample leads.
pub(super) const SAMPLES: &str = "samples/leads.jsonl";
/// Where the secrets lie in the written workspace.
const SECRETS: &str = "secrets";

/// The text of a shipped file.
pub(super) fn file(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(path, _)| *path == name).map(|(_, text)| *text)
}

/// Every file of the shipped workspace, by path.
pub(super) fn workspace_files() -> impl Iterator<Item = (String, String)> {
    let files = FILES.iter().filter(|(name, _)| *name != SAMPLES);
    files.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
}

/// Writes the workspace. Every secret from the environment becomes a file with `secret` in it, and every address that
/// the environment may set becomes `receiver`.
pub(super) fn write(folder: &Path, secret: &str, receiver: &str) -> anyhow::Result<()> {
    for (name, text) in workspace_files() {
        let Substituted { text, secrets } = substitute(&text, receiver);
        put(&folder.join(name), &text)?;
        for name in secrets {
            put(&folder.join(SECRETS).join(name), secret)?;
        }
    }
    ensure!(folder.join("cadenza.yaml").is_file(), "this build carries no workspace");
    Ok(())
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, text)
    };
    write().with_context(|| format!("`{}` cannot be written", path.display()))
}

struct Substituted {
    text: String,
    /// Names of the secrets that are now files.
    secrets: Vec<String>,
}

/// Turns `{ env: NAME }` into `{ file: secrets/NAME }`, and `{ env: NAME, default: … }` into the receiver's address.
fn substitute(text: &str, receiver: &str) -> Substituted {
    const OPEN: &str = "{ env: ";
    let mut done = Substituted { text: String::with_capacity(text.len()), secrets: Vec::new() };
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (before, form) = rest.split_at(at);
        let Some(end) = form.find('}') else { break };
        done.text.push_str(before);
        let inside = form[OPEN.len()..end].trim();
        if inside.contains("default:") {
            done.text.push_str(&format!("\"{receiver}\""));
        } else {
            done.text.push_str(&format!("{{ file: {SECRETS}/{inside} }}"));
            done.secrets.push(inside.to_owned());
        }
        rest = &form[end + 1..];
    }
    done.text.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_files_and_addresses_the_receiver() {
        let text = "url: { env: A_URL, default: \"http://127.0.0.1:8025/mail\" }\nsecret: { env: A_SECRET }\nif: x";
        let done = substitute(text, "http://127.0.0.1:9/mail");
        assert_eq!(done.text, "url: \"http://127.0.0.1:9/mail\"\nsecret: { file: secrets/A_SECRET }\nif: x");
        assert_eq!(done.secrets, ["A_SECRET"]);
    }

    #[test]
    fn the_shipped_workspace_needs_no_environment() {
        for (name, text) in FILES.iter().filter(|(name, _)| name.ends_with(".yaml")) {
            let text = substitute(text, "http://127.0.0.1:9/mail").text;
            let left = text.lines().find(|line| !line.trim_start().starts_with('#') && line.contains("env:"));
            assert_eq!(left, None, "{name}: write it as `{{ env: NAME }}`, so that the demo can put a file there");
        }
    }
}
