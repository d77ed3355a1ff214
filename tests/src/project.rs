//! Plugins that are made while a test runs, as an author makes them: on the command line, in a
//! folder outside this repository.

use crate::process::{binary, cadenza};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command printed.
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub errors: String,
}

impl Said {
    /// Runs a command to its end.
    pub fn of(mut command: Command) -> Self {
        let output = command.output().expect("cadenza runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), errors: text(&output.stderr) }
    }

    /// Checks that it ended with this code and printed all of this.
    #[track_caller]
    pub fn expect(self, code: i32, says: &[&str]) -> Self {
        let said = format!("{}{}", self.out, self.errors);
        assert_eq!(self.code, Some(code), "it said:\n{said}");
        for text in says {
            assert!(said.contains(text), "it should say `{text}`, and said:\n{said}");
        }
        self
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}", self.out))
    }
}

/// Runs `cadenza plugin` for a project. What is compiled for every project is kept between runs,
/// and nothing is downloaded.
pub fn plugin(arguments: &[&str]) -> Said {
    let mut command = cadenza(&["plugin"]);
    command.args(arguments).env("CARGO_NET_OFFLINE", "true");
    let target = binary().ancestors().nth(2).map(|target| target.join("tmp/kit")).expect("it lies in target/…");
    command.env("CARGO_TARGET_DIR", target);
    Said::of(command)
}

/// A plugin's folder.
pub struct Project {
    pub folder: PathBuf,
}

impl Project {
    /// Makes a project in a temporary folder.
    pub fn new(below: &Path, name: &str, kind: &str) -> Self {
        let folder = below.join(name);
        plugin(&["new", name, "--kind", kind, "--dir", text(&folder)]).expect(0, &["cadenza plugin test"]);
        Self { folder }
    }

    /// Runs a command on its folder.
    pub fn ask(&self, command: &str, more: &[&str]) -> Said {
        plugin(&[&[command, text(&self.folder)], more].concat())
    }

    /// Tests what was built, with other golden cases.
    pub fn test_cases(&self, yaml: &str) -> Said {
        let golden = self.folder.join("other");
        fs::create_dir_all(&golden).expect("a folder can be made");
        fs::write(golden.join("other.yaml"), yaml).expect("a file can be written");
        let component = self.folder.join("build/fit.wasm");
        plugin(&["test", text(&component), "--golden", text(&golden), "--cases", "5"])
    }

    /// Changes its source.
    pub fn edit(&self, from: &str, to: &str) {
        let file = self.folder.join("src/lib.rs");
        let source = fs::read_to_string(&file).expect("there is a source");
        assert!(source.contains(from), "the template has no `{from}` any more");
        fs::write(&file, source.replace(from, to)).expect("the source can be written");
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary folder's name is UTF-8")
}
