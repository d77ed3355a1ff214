//! Golden cases in the sandbox: each is decided and compared with what it expects.

use super::answer;
use super::ask::{self, Question};
use super::subject::Subject;
use cadenza_sandbox::Used;
use cadenza_sdk::golden::{self, Case};
use std::path::{Path, PathBuf};

/// A case, and where it was found.
#[derive(Clone, Debug)]
pub struct Golden {
    pub file: PathBuf,
    pub case: Case,
}

impl Golden {
    /// What is wrong with it, with its place.
    pub fn error(&self, what: &str) -> String {
        format!("{}: `{}`: {what}", self.file.display(), self.case.case)
    }
}

/// The cases of a folder, in the order of its files; none if there is no such folder.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Golden>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let cases = golden::read(folder).map_err(anyhow::Error::msg)?;
    Ok(cases.into_iter().map(|(file, case)| Golden { file, case }).collect())
}

/// The outcome of a case.
#[derive(Debug)]
pub struct Outcome {
    /// What is wrong; `None` if it holds.
    pub wrong: Option<String>,
    /// What the plugin logged meanwhile.
    pub log: Vec<String>,
    /// What it used; nothing if it was not asked.
    pub used: Used,
}

impl Outcome {
    fn not_asked(wrong: Option<String>) -> Self {
        Self { wrong, log: Vec::new(), used: Used::default() }
    }
}

/// Decides a case and compares the answer.
pub fn run(subject: &Subject, golden: &Golden) -> Outcome {
    let case = &golden.case;
    let asked = ask::kind(&subject.info, case)
        .and_then(|kind| check_read(subject, case).map(|()| kind))
        .and_then(|kind| Ok((kind, ask::question(subject, kind, case)?)));
    let (kind, input) = match asked {
        Err(why) => return Outcome::not_asked(Some(golden.error(&why))),
        Ok((_, Question::Refused(why))) => {
            return Outcome::not_asked(difference(golden, &answer::refused(&why)));
        }
        Ok((kind, Question::Ask(input))) => (kind, input),
    };
    let decided = subject.sandbox.decide(subject.info.digest, kind, &input);
    let wrong = match answer::expected(&subject.info, &decided.answer) {
        Ok(expect) => difference(golden, &expect),
        Err(failure) => Some(golden.error(&answer::failure(&failure, &decided, subject.budgets()))),
    };
    Outcome { wrong, log: decided.log, used: decided.used }
}

/// A field that the plugin does not read is a mistake in a case, because it would change nothing.
fn check_read(subject: &Subject, case: &Case) -> Result<(), String> {
    // Errors in its parameters are reported when it is asked.
    let Some(reads) = ask::reads(subject, case) else { return Ok(()) };
    match case.lead.keys().find(|name| reads.field(name).is_none()) {
        None => Ok(()),
        Some(name) if reads.fields.is_empty() => {
            Err(format!("the plugin does not read the field `{name}`, nor any other"))
        }
        Some(name) => {
            let fields = cadenza_language::listed(reads.fields.iter().map(|field| field.name.as_str()));
            Err(format!("the plugin does not read the field `{name}`; it reads {fields}"))
        }
    }
}

fn difference(golden: &Golden, decided: &golden::Expect) -> Option<String> {
    let expect = &golden.case.expect;
    (decided != expect).then(|| {
        golden.error(&format!(
            "comes out differently; if it is right so, put this under `expect`:\n{decided}instead of:\n{expect}"
        ))
    })
}
