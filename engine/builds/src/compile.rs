//! Compiles a component in a process of its own. Machine code is made from what strangers wrote, and a compiler that
//! can be made to crash, loop or exhaust memory does so in there, within limits. The process runs as the same user, so
//! it is no sandbox against a compiler that is taken over.
//!
//! The child is this same program (`cadenza compile-component`). The component comes in on standard input. On standard
//! output, one byte says whether the rest is the code or the reason why there is none.

use cadenza_sandbox::{Compiled, HostLimits, LoadError};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The subcommand that compiles; not for people.
pub const SUBCOMMAND: &str = "compile-component";
/// Bytes of memory that the child may write to. An interpreter of 18 MB takes about half of it.
const MEMORY_BYTES_MAX: u64 = 3 * 1024 * 1024 * 1024;
/// Seconds of the child's processor time, on all cores together. An interpreter of 18 MB takes about 20.
const CPU_SECONDS_MAX: u64 = 120;
/// The longest a compilation may take.
const WALL_MAX: Duration = Duration::from_secs(180);
/// The longest the child may take to end once it has closed its output.
const ENDING_MAX: Duration = Duration::from_secs(5);
/// The most bytes of machine code.
const CODE_BYTES_MAX: u64 = 512 * 1024 * 1024;

const CODE: u8 = 0;
const REASON: u8 = 1;

/// Why there is no code, as the child reports it.
#[derive(Debug, Serialize, Deserialize)]
enum Reason {
    TooLarge { bytes: usize, bytes_max: usize },
    Imports(Vec<String>),
    Invalid(String),
}

impl From<LoadError> for Reason {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::TooLarge { bytes, bytes_max } => Self::TooLarge { bytes, bytes_max },
            LoadError::Imports(imports) => Self::Imports(imports),
            LoadError::Invalid(why) => Self::Invalid(why),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<Reason> for LoadError {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::TooLarge { bytes, bytes_max } => Self::TooLarge { bytes, bytes_max },
            Reason::Imports(imports) => Self::Imports(imports),
            Reason::Invalid(why) => Self::Invalid(why),
        }
    }
}

/// Runs the child: limits itself, then compiles.
pub fn child() -> ExitCode {
    if let Err(error) = limit_this_process() {
        return answer(Err(Reason::Invalid(format!("the compiler's limits cannot be set: {error}"))));
    }
    let limits = HostLimits::default();
    let mut component = Vec::new();
    let most = limits.component_bytes_max as u64 + 1;
    if let Err(error) = std::io::stdin().lock().take(most).read_to_end(&mut component) {
        return answer(Err(Reason::Invalid(format!("the component cannot be read: {error}"))));
    }
    answer(Compiled::new(&component, &limits).map_err(Reason::from))
}

fn limit_this_process() -> rustix::io::Result<()> {
    let limit = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    // Not the address space, because wasmtime reserves much and uses little.
    limit(Resource::Data, MEMORY_BYTES_MAX)?;
    limit(Resource::Cpu, CPU_SECONDS_MAX)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, 32)
}

fn answer(compiled: Result<Compiled, Reason>) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = match &compiled {
        Ok(compiled) => out.write_all(&[CODE]).and_then(|()| out.write_all(compiled.code())),
        Err(reason) => {
            let text = serde_json::to_vec(reason).unwrap_or_default();
            out.write_all(&[REASON]).and_then(|()| out.write_all(&text))
        }
    };
    if written.and_then(|()| out.flush()).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Why a component is not compiled.
pub enum NotCompiled {
    /// The component is to blame.
    Component(LoadError),
    /// The compiler cannot be run here.
    Compiler(std::io::Error),
}

impl From<LoadError> for NotCompiled {
    fn from(error: LoadError) -> Self {
        Self::Component(error)
    }
}

/// This program as it was started, even if an upgrade has replaced it since.
fn this_program() -> std::io::Result<PathBuf> {
    let started = Path::new("/proc/self/exe");
    if started.exists() { Ok(started.to_owned()) } else { std::env::current_exe() }
}

/// Compiles in a child. If the child does not end well, the component is not trusted.
pub(crate) fn in_child(component: &[u8]) -> Result<Vec<u8>, NotCompiled> {
    let mut child = Command::new(this_program().map_err(NotCompiled::Compiler)?)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(NotCompiled::Compiler)?;
    // The child reads everything before it writes, so this cannot block; it ends early only when it fails.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(component);
    }
    let said = wait(&mut child);
    let ended = end(&mut child).map_err(NotCompiled::Compiler)?;
    Ok(match said {
        Some(said) if ended.success() => unwrap(said),
        Some(_) => Err(LoadError::Invalid(format!(
            "compiling it took more than {CPU_SECONDS_MAX} s of processor time or {} MiB of memory, or broke the compiler \
             ({ended})",
            MEMORY_BYTES_MAX >> 20
        ))),
        None => Err(LoadError::Invalid(format!("compiling it took longer than {} s", WALL_MAX.as_secs()))),
    }?)
}

/// What the child wrote until it closed its output. If that takes too long, the child is killed and this is `None`.
fn wait(child: &mut Child) -> Option<Vec<u8>> {
    let mut stdout = child.stdout.take()?.take(CODE_BYTES_MAX);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = stdout.read_to_end(&mut said);
        let _ = sender.send(said);
    });
    let said = receiver.recv_timeout(WALL_MAX).ok();
    if said.is_none() {
        let _ = child.kill();
    }
    said
}

/// How a child that has closed its output ended.
fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok(ended);
        }
        if began.elapsed() >= ENDING_MAX {
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn unwrap(mut said: Vec<u8>) -> Result<Vec<u8>, LoadError> {
    match said.first() {
        Some(&CODE) => Ok(said.split_off(1)),
        Some(&REASON) => Err(match serde_json::from_slice::<Reason>(&said[1..]) {
            Ok(reason) => reason.into(),
            Err(error) => LoadError::Invalid(format!("the compiler gave no reason that can be read: {error}")),
        }),
        _ => Err(LoadError::Invalid("the compiler said nothing".to_owned())),
    }
}
