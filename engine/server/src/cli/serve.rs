//! `cadenza serve`: runs the engine on a workspace and a data folder, until it is told to stop.

use super::{Answer, yaml};
use crate::say::output;
use crate::start;
use anyhow::Context as _;
use cadenza_api::http::{self, Api, Limits};
use cadenza_runtime::clock::ClockKind;
use cadenza_runtime::start::StartOptions;
use cadenza_runtime::{DriverOptions, Threads};
use clap::Args;
use serde::Deserialize;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tracing_subscriber::EnvFilter;

/// Where the engine listens by default: only on this machine.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// The longest time that a stop waits for messages that are being sent. This is longer than any connection waits for an
/// answer.
const SENDING_DRAIN_S_MAX: u64 = 3_600;

/// How long the driver may take to finish and close the store once no request is running any more.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Options as given by the command line, the environment or `--config`, in this order.
#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serve {
    /// The workspace folder
    #[arg(long, env = "CADENZA_WORKSPACE", value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// The data folder; made if it does not exist
    #[arg(long, env = "CADENZA_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address or host name to listen on, with a port [default: 127.0.0.1:8080]
    #[arg(long, env = "CADENZA_LISTEN", value_name = "ADDR")]
    listen: Option<String>,
    /// real, virtual or scaled:N [default: real]
    #[arg(long, env = "CADENZA_CLOCK", value_name = "CLOCK")]
    clock: Option<String>,
    /// Intake stops when fewer MiB than this are free on the disk with the data [default: 256]
    #[arg(long, env = "CADENZA_DISK_RESERVE_MIB", value_name = "MIB")]
    #[serde(alias = "disk-reserve-mib")]
    disk_reserve_mib: Option<u64>,
    /// For how many days decisions can be found again, for replaying [default: 90]
    #[arg(long, env = "CADENZA_DECISION_DAYS", value_name = "DAYS")]
    #[serde(alias = "decision-days")]
    decision_days: Option<u32>,
    /// How many seconds a stop waits for messages that are being sent [default: 15]
    #[arg(long, env = "CADENZA_SENDING_DRAIN_S", value_name = "SECONDS")]
    #[serde(alias = "sending-drain-s")]
    sending_drain_s: Option<u64>,
    /// Connections from one address at the same time; beyond that, only health checks are answered [default: 1024]
    #[arg(long, env = "CADENZA_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    #[serde(alias = "connections-per-address")]
    connections_per_address: Option<usize>,
    /// MiB that all request bodies in memory, and what is made of them, may take together [default: 128]
    #[arg(long, env = "CADENZA_BODIES_MIB", value_name = "MIB")]
    #[serde(alias = "bodies-mib")]
    bodies_mib: Option<usize>,
    /// What is logged, such as info or cadenza=debug [default: info]
    #[arg(long, env = "CADENZA_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// The log's format: text or json [default: text]
    #[arg(long, env = "CADENZA_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(alias = "log-format")]
    log_format: Option<String>,
    /// A YAML file with any of these options by their names
    #[arg(long, env = "CADENZA_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let options = self.with_config()?;
        options.init_log()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let answer = runtime.block_on(options.serve())?;
        // Nobody waits for what a request left running.
        runtime.shutdown_background();
        Ok(answer)
    }

    /// These options, with those that are missing taken from the file.
    fn with_config(self) -> anyhow::Result<Self> {
        let Some(file) = &self.config else { return Ok(self) };
        let config: Self = yaml::read(file, "does not hold options")?;
        Ok(Self {
            workspace: self.workspace.or(config.workspace),
            data: self.data.or(config.data),
            listen: self.listen.or(config.listen),
            clock: self.clock.or(config.clock),
            disk_reserve_mib: self.disk_reserve_mib.or(config.disk_reserve_mib),
            decision_days: self.decision_days.or(config.decision_days),
            sending_drain_s: self.sending_drain_s.or(config.sending_drain_s),
            connections_per_address: self.connections_per_address.or(config.connections_per_address),
            bodies_mib: self.bodies_mib.or(config.bodies_mib),
            log: self.log.or(config.log),
            log_format: self.log_format.or(config.log_format),
            config: self.config,
        })
    }

    fn init_log(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(self.log.as_deref().unwrap_or("info")).context("--log is no filter")?;
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let log = log.with_ansi(std::io::stderr().is_terminal());
        match self.log_format.as_deref().unwrap_or("text") {
            "text" => log.init(),
            "json" => log.json().init(),
            other => anyhow::bail!("`{other}` is no log format: write text or json"),
        }
        Ok(())
    }

    fn start_options(&self) -> anyhow::Result<StartOptions> {
        let clock = self.clock.as_deref().map_or(Ok(ClockKind::Real), str::parse).map_err(anyhow::Error::msg)?;
        let workspace = self.workspace.clone().context("name the workspace folder: --workspace DIR")?;
        let data = self.data.clone().context("name the data folder: --data DIR")?;
        let mut driver = DriverOptions::default();
        if let Some(mib) = self.disk_reserve_mib {
            driver.free_bytes_reserve = mib.saturating_mul(1024 * 1024);
        }
        if let Some(days) = self.decision_days {
            anyhow::ensure!(days > 0, "--decision-days is 1 or more");
            driver.decision_days_max = days;
        }
        if let Some(seconds) = self.sending_drain_s {
            driver.sendings_drain = Duration::from_secs(seconds.min(SENDING_DRAIN_S_MAX));
        }
        Ok(StartOptions {
            workspace,
            data,
            clock,
            clock_from: None,
            driver,
            threads: Threads::Own,
            played: None,
            library: None,
            catalog: None,
        })
    }

    fn limits(&self) -> anyhow::Result<Limits> {
        let mut limits = Limits::default();
        if let Some(count) = self.connections_per_address {
            anyhow::ensure!(count > 0, "--connections-per-address is 1 or more");
            limits.connections_per_address_max = count;
        }
        if let Some(mib) = self.bodies_mib {
            anyhow::ensure!(
                (16..=1 << 20).contains(&mib),
                "--bodies-mib is 16 or more: a fourth of it is kept for webhooks"
            );
            limits.bodies_bytes_max = mib << 20;
        }
        Ok(limits)
    }

    async fn serve(self) -> anyhow::Result<Answer> {
        let options = self.start_options()?;
        let limits = self.limits()?;
        let (workspace, data) = (options.workspace.clone(), options.data.clone());
        let drain = options.driver.sendings_drain;
        // Bound first, so that an address already in use is reported before the data folder is touched.
        let listener = bind(self.listen.as_deref().unwrap_or(LISTEN_DEFAULT)).await?;
        let mut stop = std::pin::pin!(stop_signal()?);
        // On a thread of its own, because reading a large folder never yields, and a signal must still be heard.
        let starting = tokio::task::spawn_blocking(|| Handle::current().block_on(start::start(options)));
        let running = tokio::select! {
            started = starting => started.context("the start broke off")??,
            () = &mut stop => {
                tracing::info!("stopped before it had started; the data folder opens again as after a crash");
                std::process::exit(0);
            }
        };
        if let Some(error) = running.refused {
            let error = cadenza_runtime::catalog::explain(error);
            let error = output::causes(error.as_ref());
            tracing::error!("the workspace folder is refused, the workspace that ran before goes on: {error}");
        }
        let api = tokio::select! {
            api = Api::new(running.engine.clone(), workspace, limits) => api?,
            () = &mut stop => {
                tracing::info!("stopped before it took requests");
                std::process::exit(0);
            }
        };
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            address = %listener.local_addr()?,
            data = %data.display(),
            clock = self.clock.as_deref().unwrap_or("real"),
            workspace = %api.engine().catalog().workspace.digest,
            "started"
        );
        welcome(&listener, &api, &data)?;
        let stop = async {
            tokio::select! {
                () = stop => {}
                () = running.engine.ended() => {}
            }
        };
        http::serve(listener, api, stop).await;
        if running.engine.has_ended() {
            anyhow::bail!(
                "another process writes into `{}` now, so this one has ended; what it acknowledged is kept",
                data.display()
            );
        }
        let within = STOP_WITHIN + drain;
        if tokio::time::timeout(within, running.engine.stop()).await.is_err() {
            let left = running.engine.left().join("; ");
            let seconds = within.as_secs();
            tracing::error!(
                left,
                "the store did not let it end within {seconds} s, and it ends without; nothing acknowledged is lost"
            );
            // Waiting for the store would take forever, so nothing is cleaned up.
            std::process::exit(2);
        }
        tracing::info!("stopped");
        Ok(Answer::Yes)
    }
}

/// Listens on an address, or on the first free address of a host name. IPv4 is preferred, because the commands look for
/// the engine at 127.0.0.1.
async fn bind(listen: &str) -> anyhow::Result<TcpListener> {
    let wanted = || format!("cannot listen on `{listen}`: write an address and a port, such as 127.0.0.1:8080");
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host(listen).await.with_context(wanted)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    TcpListener::bind(addresses.as_slice()).await.with_context(|| format!("cannot listen on {listen}"))
}

fn welcome(listener: &TcpListener, api: &http::Shared, data: &Path) -> anyhow::Result<()> {
    output::say(&format!("cadenza listens on http://{}", listener.local_addr()?));
    if api.has_no_token() {
        let (program, data) = (output::program(), output::quoted(&data.display().to_string()));
        let command = format!("{program} token create --role admin --data {data}");
        output::complain(&format!("There is no API token yet. Stop the engine, run `{command}`, and start it again."));
    }
    for (source, why) in &api.sources().closed {
        tracing::warn!(source, why, "the source takes no deliveries");
    }
    Ok(())
}

/// Completes at the first SIGTERM, SIGINT or SIGHUP. If the terminal it was started from goes away, the engine finishes
/// what is in progress before it ends. If it was started with `nohup`, it keeps running.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = if hang_up_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    Ok(async move {
        let hung_up = async {
            match &mut hang_up {
                Some(hang_up) => drop(hang_up.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = hung_up => {}
        }
        tracing::info!("stopping: no new connections, requests under way are finished");
    })
}

/// Whether this process was started to ignore SIGHUP. Installing a handler would undo that.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // Signals are numbered from 1, and SIGHUP is the first.
    ignored.is_some_and(|signals| signals & 1 == 1)
}
