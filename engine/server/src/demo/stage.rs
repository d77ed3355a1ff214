//! Sets the demo up and takes it down: a temporary folder, secrets, the engine with its HTTP API, and all the players.

use super::caller::Caller;
use super::prospect::Prospect;
use super::samples::{self, Sample};
use super::summary::{self, Summary};
use super::tally::Tally;
use super::world::World;
use super::{mailbox, reps, shipped, website};
use crate::say::{output, story};
use crate::start;
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_api::http::{self, Api, Limits};
use cadenza_api::token::{Role, Token};
use cadenza_core::calendar::Calendar;
use cadenza_core::lead::RepId;
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
use cadenza_core::workspace::Transport;
use cadenza_runtime::clock::ClockKind;
use cadenza_runtime::engine::Engine;
use cadenza_runtime::start::{Running, StartOptions};
use cadenza_runtime::{DriverOptions, Threads};
use cadenza_signatures::Key;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Two working days, from the first opening.
const LASTS_MS: i64 = 33 * HOUR_MS;
/// How long before the first opening the clock begins. The engine starts in that time.
const LEAD_IN_MS: i64 = 15 * MINUTE_MS;
/// Where the engine listens by default, if the port is free: where every command looks for it.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// How long the players may take to finish.
const GO_HOME_TIMEOUT: Duration = Duration::from_secs(10);
/// How many leads are read at once when everything is checked.
const PAGE_ITEMS: usize = 500;

/// Everything that is running.
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    speed: u32,
    address: SocketAddr,
    viewer_token: String,
    operator_token: String,
    rep_tokens: BTreeMap<RepId, String>,
    key: Key,
    samples: Arc<Vec<Sample>>,
    mail: Option<TcpListener>,
    players: JoinSet<()>,
    server: JoinHandle<()>,
    stop_server: Option<oneshot::Sender<()>>,
    /// Removed last.
    home: Home,
}

impl Stage {
    /// Starts the engine; nobody plays yet.
    pub(super) async fn set_up(listen: Option<SocketAddr>, speed: u32, keep: bool) -> anyhow::Result<Self> {
        let listener = listener(listen).await?;
        let address = listener.local_addr()?;
        let mail = TcpListener::bind("127.0.0.1:0").await.context("no port is free for the mail receiver")?;
        let receiver = format!("http://{}/mail", mail.local_addr()?);
        let home = Home::new(keep)?;
        let secret = secret()?;
        shipped::write(&home.workspace(), &secret, &receiver)?;
        let Running { engine, .. } = start::start(StartOptions {
            workspace: home.workspace(),
            data: home.data(),
            clock: ClockKind::Scaled(speed),
            clock_from: Some(|calendar, now| first_opening(calendar, now).plus_ms(-LEAD_IN_MS)),
            driver: DriverOptions::default(),
            threads: Threads::Own,
            played: None,
            library: None,
            catalog: None,
        })
        .await?;
        stays_here(&engine, &receiver)?;
        let mut tokens = Tokens::new(&engine);
        let (ingest_token, viewer_token) = (tokens.make("demo", Role::Ingest)?, tokens.make("you", Role::Viewer)?);
        let operator_token = tokens.make("sales desk", Role::Operator)?;
        let rep_tokens = tokens.of_reps()?;
        tokens.write().await?;
        let api = Api::new(engine.clone(), home.workspace(), Limits::default()).await?;
        if let Some((source, why)) = api.sources().closed.first() {
            bail!("the source {source} takes no deliveries: {why}");
        }
        let (stop_server, stopped) = oneshot::channel();
        let server = tokio::spawn(http::serve(listener, api, async {
            let _ = stopped.await;
        }));
        let opening = first_opening(&engine.catalog().workspace.settings.calendar, engine.clock().now());
        let samples = samples::read(opening)?;
        let world = World {
            caller: Caller::new(format!("http://{}", reachable(address))),
            ingest_token,
            ends: opening.plus_ms(LASTS_MS),
            prospects: samples.iter().map(|sample| (sample.email.clone(), Prospect::new(sample))).collect(),
            tally: Mutex::new(Tally::default()),
            trouble: OnceLock::new(),
            engine,
        };
        Ok(Self {
            world: Arc::new(world),
            speed,
            address,
            viewer_token,
            operator_token,
            rep_tokens,
            key: Key::standard(&secret).context("the secret is of the wrong form")?,
            samples: Arc::new(samples),
            mail: Some(mail),
            players: JoinSet::new(),
            server,
            stop_server: Some(stop_server),
            home,
        })
    }

    /// Lets everybody begin.
    pub(super) async fn begin(&mut self) -> anyhow::Result<()> {
        website::forge(&self.world).await?;
        if let Some(mail) = self.mail.take() {
            tokio::spawn(mailbox::receive(mail, Arc::clone(&self.world), self.key.clone()));
        }
        for client in 0..website::CLIENTS {
            let samples = Arc::clone(&self.samples);
            self.players.spawn(website::post(Arc::clone(&self.world), samples, self.key.clone(), client));
        }
        let catalog = self.world.engine.catalog();
        for (id, rep) in &catalog.workspace.settings.team.reps {
            let token = self.rep_tokens.get(id).cloned().unwrap_or_default();
            self.players.spawn(reps::work(Arc::clone(&self.world), id.clone(), rep.clone(), token));
        }
        self.players.spawn(reps::hand_out(Arc::clone(&self.world), self.operator_token.clone()));
        Ok(())
    }

    /// The text above the summary.
    pub(super) fn welcome(&self) -> String {
        let Self { samples, speed, address, .. } = self;
        let program = output::program();
        let minutes_ms = 5 * 60_000 / self.speed;
        let seconds = LASTS_MS / 1_000 / i64::from(self.speed);
        format!(
            "Cadenza demo: the engine with its shipped workspace, {} sample leads, two working days\n\
             in {seconds} seconds. The clock runs {speed} times as fast: five minutes are {minutes_ms} ms.\n\
             Reps and prospects are played; everything they do goes over HTTP.\n\n\
             Look around from another terminal while it runs (Ctrl-C ends it):\n  \
             export CADENZA_URL=http://{} CADENZA_TOKEN={}\n  \
             {program} status\n  \
             {program} tasks\n",
            samples.len(),
            reachable(*address),
            self.viewer_token,
        )
    }

    /// Waits until all players have finished.
    pub(super) async fn wait_for_everybody(&mut self) {
        let world = Arc::clone(&self.world);
        let all = async {
            while let Some(ended) = self.players.join_next().await {
                if let Err(error) = ended {
                    world.fail(format!("somebody who plays broke down: {error}"));
                }
            }
        };
        if tokio::time::timeout(GO_HOME_TIMEOUT, all).await.is_err() {
            self.world.fail(format!("requests were not answered within {} s", GO_HOME_TIMEOUT.as_secs()));
        }
    }

    /// Compares what the demo saw with what the engine says.
    pub(super) async fn check(&self, summary: &Summary) -> anyhow::Result<()> {
        let tally = &summary.tally;
        if let Some(key) = tally.came_twice.first() {
            let times = tally.came_twice.len();
            bail!("the engine sent {times} messages again that had been answered with 200, the first under {key}");
        }
        ensure!(tally.posted == self.samples.len(), "only {} leads were posted in time", tally.posted);
        ensure!(!tally.first_calls.is_empty(), "no hot lead was called");
        ensure!(tally.tasks_done > 0 && tally.mails > 0, "no task was done, or no mail came");
        let parked = summary.status["needs_a_person"]["parked"].as_i64().context("the status counts no parked runs")?;
        ensure!(parked == 0, "{parked} runs are parked: see `cadenza runs --state parked`");
        let letters = self.get("/v1/dead-letters").await?;
        let letters = letters["items"].as_array().map_or(0, Vec::len);
        ensure!(letters == 0, "{letters} messages or deliveries lie with the dead letters");
        let (leads, scored) = self.leads_scored().await?;
        ensure!(
            leads == self.samples.len() && scored == leads,
            "{} leads were acknowledged, the engine has {leads}, of which {scored} are scored",
            self.samples.len()
        );
        Ok(())
    }

    /// How many leads there are, and how many have a segment.
    async fn leads_scored(&self) -> anyhow::Result<(usize, usize)> {
        let (mut leads, mut scored, mut cursor) = (0, 0, String::new());
        loop {
            let page = self.get(&format!("/v1/leads?limit={PAGE_ITEMS}{cursor}")).await?;
            let items = page["items"].as_array().context("the list of leads has no items")?;
            leads += items.len();
            scored += items.iter().filter(|lead| !lead["segment"].is_null()).count();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok((leads, scored)),
            }
        }
    }

    async fn get(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        let answer = self.world.caller.get(&self.operator_token, path).await?;
        ensure!(answer.status.is_success(), "{path} was refused: {}", answer.problem());
        Ok(answer.body)
    }

    /// The story of one lead, as `cadenza why` tells it.
    pub(super) async fn story(&self) -> anyhow::Result<String> {
        let email = self.world.tally().most_interesting().map(str::to_owned).context("no lead came in")?;
        let found = self.get(&format!("/v1/leads?q={email}")).await?;
        let id = found["items"][0]["id"].as_str().with_context(|| format!("{email} is not to be found"))?;
        let lead = self.get(&format!("/v1/leads/{id}")).await?;
        let timeline = self.get(&format!("/v1/leads/{id}/timeline?limit=200")).await?;
        let entries = timeline["items"].as_array().context("the timeline has no items")?;
        let story = story::of(&lead, entries, timeline["timezone"].as_str());
        Ok(format!("\nWhy? The story of one lead, as `{} why {email}` tells it:\n\n{story}", output::program()))
    }

    /// What to try next: commands that work from the folder the demo was started in.
    pub(super) fn what_next(&self) -> String {
        let ended = format!(
            "\nThe engine listened on http://{} and ended on {} of its own clock.",
            self.address,
            summary::clock(&self.world, self.world.ends)
        );
        format!("{ended} {}", if self.home.keep { self.explore() } else { run_it_yourself() })
    }

    /// How to explore what the demo leaves behind. Its clock continues from where it ended, at the speed of real time.
    fn explore(&self) -> String {
        let (program, home) = (output::program(), output::quoted(&self.home.path().display().to_string()));
        let Self { viewer_token, .. } = self;
        format!(
            "Its folder is kept:\n  {home}\nTo look around in it:\n  \
             {program} serve --workspace {home}/workspace --data {home}/data --clock scaled:1 &\n  \
             export CADENZA_URL=http://{LISTEN_DEFAULT} CADENZA_TOKEN={viewer_token}\n  \
             {program} status\n  \
             {program} tasks\n  \
             {program} runs --state waiting\n  \
             {program} leads --segment hot\n  \
             {program} schedules\n\
             No mailbox listens any more: mails that fall due are tried again and then lie with the dead letters.\n\
             When you are done: kill %1; rm -r {home}"
        )
    }

    /// Stops the engine. The folder is removed with the stage.
    pub(super) async fn tear_down(mut self) {
        self.players.shutdown().await;
        if let Some(stop) = self.stop_server.take() {
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(GO_HOME_TIMEOUT, &mut self.server).await;
        self.world.engine.stop().await;
        drop(self.home);
    }
}

/// How to begin with a folder of one's own, in the repository.
fn run_it_yourself() -> String {
    let program = output::program();
    format!(
        "Its folder is removed now; `{program} demo --keep` leaves it behind. To run the engine for yourself, in the \
         repository:\n  \
         export CADENZA_TOKEN=$({program} token create --role admin --data data)\n  \
         {program} serve --workspace workflows --data data"
    )
}

/// Where a client on this machine reaches the engine.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}

async fn listener(listen: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    if let Some(address) = listen {
        return TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"));
    }
    match TcpListener::bind(LISTEN_DEFAULT).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind("127.0.0.1:0").await.context("no port is free"),
    }
}

/// Checks that nothing is sent outside this machine.
fn stays_here(engine: &Engine, receiver: &str) -> anyhow::Result<()> {
    for (name, connection) in &engine.catalog().workspace.connections {
        let stays = match &connection.transport {
            Transport::Http(endpoint) => endpoint.url == receiver && endpoint.url_env.is_none(),
            Transport::Mail(mailer) => mailer.capture.is_some(),
        };
        ensure!(stays, "the connection `{name}` would send outside: give its url as `{{ env: NAME, default: URL }}`");
    }
    Ok(())
}

/// The first opening after `now` that is followed by another working day.
fn first_opening(calendar: &Calendar, now: Timestamp) -> Timestamp {
    const STEP_MS: i64 = 15 * MINUTE_MS;
    let mut at = now;
    while calendar.is_open(at) {
        at = at.plus_ms(STEP_MS);
    }
    let mut opening = calendar.next_open(at);
    // Limited to more days than any stretch of holidays has.
    for _ in 0..60 {
        if calendar.is_open(opening.plus_ms(DAY_MS + HOUR_MS)) {
            break;
        }
        opening = calendar.next_open(opening.plus_ms(DAY_MS - HOUR_MS));
    }
    opening
}

/// A new Standard Webhooks secret.
fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gave no random bytes: {error}"))?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

/// API tokens of the demo, written together.
struct Tokens<'a> {
    engine: &'a Engine,
    documents: Vec<(cadenza_store::DocumentKey, Option<Vec<u8>>)>,
}

impl<'a> Tokens<'a> {
    const fn new(engine: &'a Engine) -> Self {
        Self { engine, documents: Vec::new() }
    }

    fn make(&mut self, name: &str, role: Role) -> anyhow::Result<String> {
        self.make_for(name, role, None)
    }

    fn make_for(&mut self, name: &str, role: Role, rep: Option<RepId>) -> anyhow::Result<String> {
        let (text, hash, token) = Token::create(name, role, rep, self.engine.clock().now())?;
        self.documents.push(token.document(hash)?);
        Ok(text)
    }

    /// A token for each rep.
    fn of_reps(&mut self) -> anyhow::Result<BTreeMap<RepId, String>> {
        let catalog = self.engine.catalog();
        let reps = catalog.workspace.settings.team.reps.keys();
        reps.map(|id| Ok((id.clone(), self.make_for(&id.0, Role::Rep, Some(id.clone()))?))).collect()
    }

    async fn write(self) -> anyhow::Result<()> {
        Ok(self.engine.write_documents(self.documents).await?)
    }
}

/// A temporary folder that nobody else may read. It is removed when the demo ends, unless it is to be kept.
struct Home {
    path: PathBuf,
    keep: bool,
}

impl Home {
    fn new(keep: bool) -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("cadenza-demo-{}", std::process::id()));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("the folder `{}` cannot be made", path.display()))?;
        Ok(Self { path, keep })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn workspace(&self) -> PathBuf {
        self.path().join("workspace")
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::calendar::weekdays_nine_to_five;
    use jiff::tz::TimeZone;

    #[test]
    fn the_demo_begins_on_a_day_that_is_followed_by_another() {
        let thanksgiving = [jiff::civil::date(2026, 11, 26)].into();
        let zone = TimeZone::get("America/New_York").unwrap();
        let calendar = Calendar::new(zone, weekdays_nine_to_five(), thanksgiving).unwrap();
        for (now, expected, why) in [
            ("2026-11-22T01:00:00Z", "2026-11-23T14:00:00Z", "a Sunday: Monday"),
            ("2026-11-23T18:07:00Z", "2026-11-24T14:00:00Z", "a Monday afternoon: Tuesday"),
            ("2026-11-24T23:00:00Z", "2026-11-30T14:00:00Z", "Wednesday is followed by a holiday, Friday by a weekend"),
        ] {
            let at = |text| Timestamp::parse(text).unwrap();
            assert_eq!(first_opening(&calendar, at(now)), at(expected), "{why}");
        }
    }
}
