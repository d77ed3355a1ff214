//! Secrets: where to find one, never its value.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::shape::{Shape, Takes, optional};
use crate::yaml::{Content, Node};
use cadenza_core::workspace::SecretRef;
use std::path::PathBuf;

pub(crate) static SECRET: Shape = Shape {
    name: "a secret",
    about: "Where a secret is found: one of the two.",
    keys: &[optional("env", Takes::Text, "An environment variable"), optional("file", Takes::Text, "A file")],
};

pub(crate) fn read_secret(sheet: &Sheet<'_>, node: &Node) -> Option<SecretRef> {
    if matches!(node.content, Content::Scalar(_)) {
        sheet.report(inline(node, "a secret does not stand in a file that people share"));
        return None;
    }
    let form = Form::open(sheet, node, &SECRET)?;
    match (form.get("env"), form.get("file")) {
        (Some(env), None) => read_env(sheet, env).map(SecretRef::Env),
        (None, Some(file)) => sheet.text(file, "a file").map(|file| SecretRef::File(PathBuf::from(file))),
        _ => {
            let problem = Problem::error("bad-secret", form.pointer(), "a secret has either `env` or `file`");
            sheet.report(problem.help("write `{ env: NAME }` or `{ file: path }`"));
            None
        }
    }
}

/// The problem of a secret written in a file. The message does not repeat the secret.
pub(crate) fn inline(node: &Node, message: &str) -> Problem {
    // The diagnostic does not contain the text of the secret, and `render` does not show its line.
    let at = node.span.start..node.span.start;
    Problem::error("inline-secret", at, message)
        .help("put it in an environment variable and write `{ env: NAME }`, or in a file and write `{ file: path }`")
        .help("it has been seen by now: make a new one")
}

/// The name of an environment variable.
pub(crate) fn read_env(sheet: &Sheet<'_>, node: &Node) -> Option<String> {
    let name = sheet.text(node, "the name of an environment variable")?;
    let good =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if !good {
        let problem =
            Problem::error("bad-name", node.span.clone(), "this cannot be the name of an environment variable");
        sheet.report(problem.help("letters, digits and `_`, such as `CADENZA_WEBSITE_SECRET`"));
    }
    good.then_some(name)
}
