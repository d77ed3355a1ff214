//! Compiles a component in a process of its own: machine code is made out of what strangers wrote, and a compiler that can be
//! brought to crash, to loop or to take memory does so there, within limits. It runs as the same user: no sandbox against a
//! compiler that is taken over.
//!
//! The child is this same program (`cadenza compile-component`): the component comes in on standard input, the code goes
//! out on standard output, after one byte that says whether it is code or the reason why there is none.

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
/// Seconds of processor time of the child, on all cores together. An interpreter of 18 MB takes about 20.
const CPU_SECONDS_MAX: u64 = 120;
/// The longest a compilation may take.
const WALL_MAX: Duration = Duration::from_secs(180);
/// The longest it may take to end when it has said everything.
const ENDING_MAX: Duration = Duration::from_secs(5);
/// The most bytes of machine code.
const CODE_BYTES_MAX: u64 = 512 * 1024 * 1024;

const CODE: u8 = 0;
const REASON: u8 = 1;

/// Why there is no code, as the child says it.
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

/// The child: limits itself, then compiles.
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
    // Not the address space: wasmtime reserves much and uses little.
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
    /// Because of what it is.
    Component(LoadError),
    /// Because the compiler cannot be run here.
    Compiler(std::io::Error),
}

impl From<LoadError> for NotCompiled {
    fn from(error: LoadError) -> Self {
        Self::Component(error)
    }
}

/// This program as it was started, also when an upgrade has put another in its place meanwhile.
fn this_program() -> std::io::Result<PathBuf> {
    let started = Path::new("/proc/self/exe");
    if started.exists() { Ok(started.to_owned()) } else { std::env::current_exe() }
}

/// Compiles in a child; a child that does not end well is a reason not to trust the component.
pub(crate) fn in_child(component: &[u8]) -> Result<Vec<u8>, NotCompiled> {
    let mut child = Command::new(this_program().map_err(NotCompiled::Compiler)?)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(NotCompiled::Compiler)?;
    // Nobody reads from standard output before the child has read all; it ends early only when it fails.
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

/// What the child said until it closed its output; none when it did not in time, and then it is ended.
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

/// How the child ended, which has said what it had to say.
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
