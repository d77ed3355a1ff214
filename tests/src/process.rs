//! The real binary as a process: started, used, stopped, killed.

use crate::client::{Answer, Client};
use crate::site::Site;
use crate::webhook::Delivery;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// The binary that `cargo test --workspace` built beside this test.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests lie in target/…/deps");
    let binary = folder.join("cadenza");
    assert!(binary.exists(), "{} is not there: run `cargo test --workspace`, which builds it", binary.display());
    binary
}

/// The command line with these arguments, in an environment without any of our variables.
pub fn cadenza(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CADENZA_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// A running engine, killed when dropped.
pub struct Engine {
    child: Child,
    /// Talks to it as an admin.
    pub client: Client,
    /// `http://host:port`.
    pub url: String,
    log: Arc<Mutex<String>>,
}

impl Engine {
    /// Starts the engine on a site and waits until it is ready.
    pub fn start(site: &Site, clock: &str, mailer: Option<&str>) -> Self {
        Self::try_start(site, clock, mailer, &[]).unwrap_or_else(|log| panic!("the engine does not start:\n{log}"))
    }

    /// Starts it with more arguments. The error is what it wrote.
    pub fn try_start(site: &Site, clock: &str, mailer: Option<&str>, more: &[&str]) -> Result<Self, String> {
        let mut command = Self::command(site, clock);
        command.args(more).envs(site.environment(mailer));
        Self::launch(command, &site.admin)
    }

    /// The command that starts the engine on a site.
    pub fn command(site: &Site, clock: &str) -> Command {
        let mut command = cadenza(&["serve", "--listen", "127.0.0.1:0", "--clock", clock]);
        command.arg("--workspace").arg(site.workspace()).arg("--data").arg(site.data());
        command
    }

    /// Starts an engine with a command and waits until it is ready. The error is what it wrote.
    pub fn launch(mut command: Command, admin: &str) -> Result<Self, String> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cadenza runs");
        let log = Arc::new(Mutex::new(String::new()));
        let errors = child.stderr.take().expect("standard error is piped");
        let kept = Arc::clone(&log);
        let logging = std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let mut log = kept.lock().expect("nobody panics with the log in hand");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let listening = lines.find_map(|line| {
            let line = line.ok()?;
            line.split_once("http://").map(|(_, address)| address.trim().to_owned())
        });
        let Some(address) = listening else {
            let _ = child.wait();
            let _ = logging.join();
            return Err(log.lock().expect("nobody panics with the log in hand").clone());
        };
        // Whatever else it prints must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        let client = Client::new(&address, Some(admin));
        Ok(Self { child, client, url: format!("http://{address}"), log })
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log in hand").clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a crash would.
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ends");
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) {
        self.child.wait().expect("it ends");
    }

    /// Tells it to stop, as an operator would.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let told = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(told.expect("kill runs").success(), "it was running");
    }

    /// Stops it as an operator would. It must end by itself with exit code 0.
    pub fn stop(self) {
        self.stop_by("TERM");
    }

    /// Stops it with a signal. It must end by itself with exit code 0.
    pub fn stop_by(self, signal: &str) {
        self.signal(signal);
        self.stopped();
    }

    /// Waits until it has stopped, with exit code 0.
    pub fn stopped(mut self) {
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "a graceful stop ended with {status}:\n{}", self.log());
    }

    /// Delivers a webhook.
    pub fn deliver(&self, source: &str, delivery: &Delivery) -> std::io::Result<Answer> {
        let second = delivery.second.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", delivery.id.as_str()),
            ("webhook-timestamp", second.as_str()),
            ("webhook-signature", delivery.signature.as_str()),
        ];
        self.client.with_token(None).send("POST", &format!("/hooks/{source}"), &headers, delivery.body.as_bytes())
    }

    /// Delivers a lead by the website's webhook and returns its id.
    #[track_caller]
    pub fn bring(&self, id: &str, lead: &Value) -> String {
        let answer = self.deliver("website", &Delivery::new(id, lead)).expect("the engine answers").expect(202);
        answer.json["lead"].as_str().expect("a lead's id").to_owned()
    }

    /// Advances the virtual clock.
    #[track_caller]
    pub fn advance(&self, by: &str) -> Value {
        self.client.post("/v1/clock/advance", &json!({ "by": by })).expect(200).json
    }

    /// Advances the virtual clock to a time.
    #[track_caller]
    pub fn advance_to(&self, to: &str) -> Value {
        self.client.post("/v1/clock/advance", &json!({ "to": to })).expect(200).json
    }

    #[track_caller]
    pub fn lead(&self, id: &str) -> Value {
        self.client.get(&format!("/v1/leads/{id}")).expect(200).json
    }

    /// Every task of a lead that may be done now.
    #[track_caller]
    pub fn tasks_of(&self, lead: &str) -> Vec<Value> {
        let page = self.client.get("/v1/tasks?limit=100").expect(200).json;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(|task| task["lead"]["id"] == lead).collect()
    }

    /// Reports the outcome of a task.
    #[track_caller]
    pub fn done(&self, task: &Value, outcome: &Value) -> Value {
        let id = task["id"].as_str().expect("a task has an id");
        self.client.post(&format!("/v1/tasks/{id}/outcome"), outcome).expect(200).json
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
