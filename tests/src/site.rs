//! A separate folder for each test: the shipped workspace, a data folder, secrets as files, tokens.

use crate::process::cadenza;
use crate::webhook;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Where an engine runs.
pub struct Site {
    folder: TempDir,
    /// A token that may do everything.
    pub admin: String,
}

impl Site {
    /// The shipped workspace with a data folder that has one token.
    pub fn new() -> Self {
        Self::on(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The same in a given folder.
    pub fn on(folder: TempDir) -> Self {
        copy(&shipped(), &folder.path().join("workspace"));
        Self::open(folder)
    }

    /// A workspace and a data folder as an earlier program left them, and what it said of them then.
    pub fn kept(archive: &str) -> (Self, serde_json::Value) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("kept").join(archive);
        let unpacked = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder.path()).status();
        assert!(unpacked.expect("tar runs").success(), "it is unpacked");
        let expected = std::fs::read(folder.path().join("expected.json")).expect("it says what is expected");
        (Self::open(folder), serde_json::from_slice(&expected).expect("JSON"))
    }

    /// An empty workspace, with a data folder that has one token.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("workspace")).expect("a folder can be made");
        Self::open(folder)
    }

    /// The workspace and the token of another site, without its data.
    pub fn restoring(of: &Self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&of.workspace(), &folder.path().join("workspace"));
        Self { folder, admin: of.admin.clone() }
    }

    fn open(folder: TempDir) -> Self {
        let site = Self { folder, admin: String::new() };
        let data = site.data();
        let made =
            cadenza(&["token", "create", "--role", "admin", "--data", path(&data)]).output().expect("cadenza runs");
        assert!(made.status.success(), "no token: {}", String::from_utf8_lossy(&made.stderr));
        let admin = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        Self { admin, ..site }
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Changes a file of the workspace.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.workspace().join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, change(text)).expect("the workspace can be written");
    }

    /// Writes a file of the workspace.
    pub fn write(&self, file: &str, text: &str) {
        self.write_bytes(file, text.as_bytes());
    }

    /// Writes a file of the workspace that is not text.
    pub fn write_bytes(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.workspace().join(file), bytes).expect("the workspace can be written");
    }

    /// The environment of the engine.
    pub fn environment(&self, mailer: Option<&str>) -> Vec<(String, String)> {
        let mut environment = vec![
            ("CADENZA_WEBSITE_SECRET".to_owned(), webhook::secret()),
            ("CADENZA_MAILER_SECRET".to_owned(), webhook::secret()),
        ];
        environment.extend(mailer.map(|url| ("CADENZA_MAILER_URL".to_owned(), url.to_owned())));
        environment
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// The workspace the project ships.
pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary folder's name is UTF-8")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the shipped workspace is there") {
        let entry = entry.expect("the shipped workspace can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}
