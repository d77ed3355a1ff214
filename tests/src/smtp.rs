//! A mail server in Python, which sees mails as `email` and `dkimpy` do. What it needs is installed once, below the
//! target folder.

use crate::wait::eventually;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mail")
}

/// A Python with the packages that the server needs, or why there is none.
pub fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/mail");
    let (python, done) = (folder.join("bin/python"), folder.join("installed"));
    let wanted = std::fs::read_to_string(sources().join("requirements.txt")).map_err(|error| error.to_string())?;
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let run = |command: &mut Command| {
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let requirements = sources().join("requirements.txt");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    std::fs::write(done, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// A mail server, with the keys of its senders.
pub struct SmtpServer {
    child: Child,
    orders: ChildStdin,
    told: Arc<Mutex<Vec<Value>>>,
    folder: TempDir,
    pub port: u16,
}

impl SmtpServer {
    /// A server that is reached by `starttls`, `implicit` or `none`.
    pub fn open(python: &Path, tls: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = Command::new(python).arg(sources().join("keys.py")).arg(folder.path()).status();
        assert!(made.expect("python runs").success(), "the keys are made");
        let mut command = Command::new(python);
        command.arg(sources().join("server.py")).arg(folder.path()).arg(tls);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let kept = Arc::clone(&told);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let said = serde_json::from_str(&line).expect("it tells JSON");
                kept.lock().expect("nobody panics with it in hand").push(said);
            }
        });
        let orders = child.stdin.take().expect("it is piped");
        let mut server = Self { child, orders, told, folder, port: 0 };
        let port =
            eventually("the server listens", || server.told("port").first().and_then(|one| one["port"].as_u64()));
        server.port = u16::try_from(port).expect("a port");
        server
    }

    /// What happens to the next mails.
    pub fn order(&mut self, orders: &str) {
        let before = self.told("ordered").len();
        writeln!(self.orders, "{orders}").expect("it listens");
        eventually("the order is taken", || (self.told("ordered").len() > before).then_some(()));
    }

    fn told(&self, key: &str) -> Vec<Value> {
        let told = self.told.lock().expect("nobody panics with it in hand");
        told.iter().filter(|one| !one[key].is_null()).cloned().collect()
    }

    /// The mails that were handed over, whatever it answered.
    pub fn mails(&self) -> Vec<Value> {
        self.told("order")
    }

    /// Waits until so many mails were handed over.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} mails"), || Some(self.mails()).filter(|mails| mails.len() >= count))
    }

    /// How many connections are over.
    pub fn closed(&self) -> usize {
        self.told("closed").len()
    }

    /// How many recipients it refused.
    pub fn refused(&self) -> usize {
        self.told("refused").len()
    }

    /// The file of a key, or of the authority that vouches for the server.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
