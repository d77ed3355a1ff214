//! A disk that can lose its power: a layer below the store that knows what was synced.
//!
//! It takes over the names by which programs write to files, as the linker allows. Every call is carried out, and what
//! it did inside the watched folder is noted. Contents count as kept once their file was synced, names once their
//! folder was. When the power is cut, the disk has what was kept, and whatever chance leaves of the rest: a write
//! whole, not at all, or torn between its sectors of 512 bytes, in any order; a name or its absence.
//!
//! This is harsher than any file system in real use (ext4 keeps the order of names), so what
//! survives this survives those.

#![allow(unsafe_code, reason = "taking over names of the C library is the only way in below sled without privileges")]

use libc::{c_char, c_int, c_void, off64_t, size_t, ssize_t};
use std::collections::BTreeMap;
use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

const SECTOR_BYTES: usize = 512;

/// What the program wants kept; read at the very moment of the cut.
pub static ACKNOWLEDGED: AtomicU64 = AtomicU64::new(0);

/// Whether calls are noted. A cheap look before anything else, because every write of the program passes here.
static WATCHING: AtomicBool = AtomicBool::new(false);
static DISK: Mutex<Option<Disk>> = Mutex::new(None);
static CUT: Condvar = Condvar::new();

/// The power is off: every thread except the one that writes down what is left stops at its next call.
static FROZEN: AtomicBool = AtomicBool::new(false);
/// Whether the cut ends the program.
static FREEZES: AtomicBool = AtomicBool::new(false);
/// Whether `fdatasync` keeps nothing, as `sync_file_range` would.
static UNSYNCED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static WRITES_IT_DOWN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Which call fails next, and after how many more of its kind. Its error comes once, as from a disk.
static FAULT: Mutex<Option<(Call, u64)>> = Mutex::new(None);

/// How long a drive keeps trying.
const GIVING_UP: std::time::Duration = std::time::Duration::from_millis(100);

/// A call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Fails because no space is left.
    Write,
    /// The drive cannot write (`fdatasync`, which commits wait for; nobody waits for the other syncs).
    Sync,
    /// The drive cannot read.
    Read,
}

/// Makes a call in the watched folder fail, after so many of its kind.
pub fn fail(call: Call, after: u64) {
    *FAULT.lock().unwrap_or_else(PoisonError::into_inner) = Some((call, after));
}

/// Whether the call that was to fail has failed.
pub fn failed() -> bool {
    FAULT.lock().unwrap_or_else(PoisonError::into_inner).is_none()
}

/// Stops watching without a cut.
pub fn unwatch() {
    WATCHING.store(false, Ordering::SeqCst);
    *lock() = None;
}

/// Whether this very call is to fail. If so, sets `errno`.
fn fails(call: Call, fd: c_int) -> bool {
    if !WATCHING.load(Ordering::SeqCst) {
        return false;
    }
    let Some(path) = path_of(fd) else { return false };
    // The file beside the database may fail unnoticed (`acknowledged.rs`). Only the database is being tested.
    if path.ends_with("acknowledged") || !lock().as_ref().is_some_and(|disk| path.starts_with(&disk.root)) {
        return false;
    }
    let mut fault = FAULT.lock().unwrap_or_else(PoisonError::into_inner);
    match fault.as_mut() {
        Some((next, 0)) if *next == call => {
            *fault = None;
            let error = if call == Call::Write { libc::ENOSPC } else { libc::EIO };
            drop(fault);
            // A drive tries for a while before it gives up. By then other threads are waiting for
            // something that will never come.
            std::thread::sleep(GIVING_UP);
            // SAFETY: the calling thread's own error number.
            unsafe { *libc::__errno_location() = error };
            true
        }
        Some((next, after)) if *next == call => {
            *after -= 1;
            false
        }
        _ => false,
    }
}

#[derive(Clone)]
enum Node {
    File { kept: Vec<u8>, pending: Vec<(u64, Change)> },
    Folder { kept: BTreeMap<OsString, usize>, now: BTreeMap<OsString, usize> },
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

struct Disk {
    root: PathBuf,
    /// Node 0 is the watched folder.
    nodes: Vec<Node>,
    calls: u64,
    cut_at_call: u64,
    cut: Option<Cut>,
}

/// The disk at the moment of the cut.
pub struct Cut {
    nodes: Vec<Node>,
    /// What had been acknowledged before.
    pub acknowledged: u64,
    /// How many calls had been noted.
    pub calls: u64,
}

/// Watches this folder, all of which counts as kept, and cuts the power at the call of this number.
pub fn watch(root: &Path, cut_at_call: u64) {
    let root = root.canonicalize().expect("the folder exists");
    let mut disk = Disk { root: root.clone(), nodes: Vec::new(), calls: 0, cut_at_call, cut: None };
    disk.load(&root);
    *lock() = Some(disk);
    WATCHING.store(true, Ordering::SeqCst);
}

/// Waits for the cut; from then on nothing is watched. Cuts at once if `idle` says that nothing more will be written.
pub fn wait_for_cut(idle: impl Fn() -> bool) -> Cut {
    let mut disk = lock();
    loop {
        let watched = disk.as_mut().expect("a folder is watched");
        if watched.cut.is_none() && idle() {
            watched.cut_now();
        }
        if let Some(cut) = watched.cut.take() {
            WATCHING.store(false, Ordering::SeqCst);
            *disk = None;
            return cut;
        }
        let waited = CUT.wait_timeout(disk, std::time::Duration::from_millis(20));
        disk = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// From now on `fdatasync` keeps nothing.
pub fn keep_nothing_by_fdatasync() {
    UNSYNCED.store(true, Ordering::SeqCst);
}

/// Waits for the cut. From then on no other thread returns from a call to the disk, so nothing
/// more can be acknowledged.
pub fn wait_and_freeze() -> Cut {
    WRITES_IT_DOWN.set(true);
    FREEZES.store(true, Ordering::SeqCst);
    let mut disk = lock();
    loop {
        if let Some(cut) = disk.as_mut().and_then(|watched| watched.cut.take()) {
            return cut;
        }
        disk = CUT.wait(disk).unwrap_or_else(PoisonError::into_inner);
    }
}

fn rest_when_frozen() {
    while FROZEN.load(Ordering::SeqCst) && !WRITES_IT_DOWN.get() {
        std::thread::park();
    }
}

impl Cut {
    /// Writes what a machine finds when it starts again into a new folder.
    pub fn restore(&self, folder: &Path, chance: &mut fastrand::Rng) {
        // How lucky the whole disk was. Without this every cut would look the same.
        let luck = [0.0, 0.3, 0.7, 0.95, 1.0][chance.usize(..5)];
        self.restore_node(0, folder, luck, chance);
    }

    fn restore_node(&self, node: usize, path: &Path, luck: f64, chance: &mut fastrand::Rng) {
        match &self.nodes[node] {
            Node::Folder { kept, now } => {
                std::fs::create_dir_all(path).expect("the copy can be written");
                let names: std::collections::BTreeSet<&OsString> = kept.keys().chain(now.keys()).collect();
                for name in names {
                    let survives = if chance.f64() < luck { now.get(name) } else { kept.get(name) };
                    if let Some(&child) = survives {
                        self.restore_node(child, &path.join(name), luck, chance);
                    }
                }
            }
            Node::File { kept, pending } => {
                let mut content = kept.clone();
                for (_, change) in pending {
                    change.survive(&mut content, luck, chance);
                }
                std::fs::write(path, content).expect("the copy can be written");
            }
        }
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }

    /// The change survives whole, not at all, or torn: some of its sectors.
    fn survive(&self, content: &mut Vec<u8>, luck: f64, chance: &mut fastrand::Rng) {
        let Self::Write { offset, bytes } = self else {
            if chance.f64() < luck {
                self.apply(content);
            }
            return;
        };
        match chance.f64() {
            whole if whole < luck * 0.8 => self.apply(content),
            none if none > 0.8 + luck * 0.2 => {}
            _ => {
                let mut at = 0;
                while at < bytes.len() {
                    // Sectors begin where the disk has them, not where the write begins.
                    let next = (((offset + at) / SECTOR_BYTES + 1) * SECTOR_BYTES - offset).min(bytes.len());
                    if chance.bool() {
                        Self::Write { offset: offset + at, bytes: bytes[at..next].to_vec() }.apply(content);
                    }
                    at = next;
                }
            }
        }
    }
}

impl Disk {
    /// Takes in what is there already.
    fn load(&mut self, path: &Path) -> usize {
        let node = self.nodes.len();
        if path.is_dir() {
            self.nodes.push(Node::Folder { kept: BTreeMap::new(), now: BTreeMap::new() });
            for entry in std::fs::read_dir(path).expect("the folder can be read") {
                let entry = entry.expect("the folder can be read");
                let child = self.load(&entry.path());
                self.names(node).insert(entry.file_name(), child);
            }
            self.keep_names(node);
        } else {
            let kept = std::fs::read(path).expect("the file can be read");
            self.nodes.push(Node::File { kept, pending: Vec::new() });
        }
        node
    }

    fn names(&mut self, node: usize) -> &mut BTreeMap<OsString, usize> {
        match &mut self.nodes[node] {
            Node::Folder { now, .. } => now,
            Node::File { .. } => panic!("a file has no names in it"),
        }
    }

    fn keep_names(&mut self, node: usize) {
        if let Node::Folder { kept, now } = &mut self.nodes[node] {
            kept.clone_from(now);
        }
    }

    /// The node of this path, made if it is not known yet. `None` outside the watched folder.
    fn node(&mut self, path: &Path, folder: bool) -> Option<usize> {
        let inside = path.strip_prefix(&self.root).ok()?.to_owned();
        let mut node = 0;
        let mut names = inside.iter().peekable();
        while let Some(name) = names.next() {
            let is_folder = folder || names.peek().is_some();
            node = match self.names(node).get(name) {
                Some(&child) => child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(match is_folder {
                        true => Node::Folder { kept: BTreeMap::new(), now: BTreeMap::new() },
                        false => Node::File { kept: Vec::new(), pending: Vec::new() },
                    });
                    self.names(node).insert(name.to_owned(), child);
                    child
                }
            };
        }
        Some(node)
    }

    /// The folder and name of a path.
    fn place(&mut self, path: &Path) -> Option<(usize, OsString)> {
        let folder = self.node(path.parent()?, true)?;
        Some((folder, path.file_name()?.to_owned()))
    }

    /// Notes a call inside the folder, and returns its number.
    fn noted(&mut self) -> u64 {
        self.calls += 1;
        if self.calls == self.cut_at_call {
            self.cut_now();
        }
        self.calls
    }

    fn cut_now(&mut self) {
        // First what was acknowledged, then what is there: an acknowledgement in between is not counted.
        let acknowledged = ACKNOWLEDGED.load(Ordering::SeqCst);
        FROZEN.store(FREEZES.load(Ordering::SeqCst), Ordering::SeqCst);
        self.cut = Some(Cut { nodes: self.nodes.clone(), acknowledged, calls: self.calls });
        CUT.notify_all();
    }

    fn changed(&mut self, path: &Path, change: Change) {
        if let Some(node) = self.node(path, false) {
            let number = self.noted();
            if let Node::File { pending, .. } = &mut self.nodes[node] {
                pending.push((number, change));
            }
        }
    }

    /// Notes that a sync, asked for after call `upto`, has returned.
    fn synced(&mut self, path: &Path, upto: u64) {
        if path.is_dir() {
            let Some(node) = self.node(path, true) else { return };
            // Files that nobody has written to yet have names too.
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                let folder = entry.path().is_dir();
                self.node(&entry.path(), folder);
            }
            self.noted();
            self.keep_names(node);
        } else if let Some(node) = self.node(path, false) {
            self.noted();
            if let Node::File { kept, pending } = &mut self.nodes[node] {
                let count = pending.iter().take_while(|(number, _)| *number <= upto).count();
                for (_, change) in pending.drain(..count) {
                    change.apply(kept);
                }
            }
        }
    }

    fn renamed(&mut self, from: &Path, to: &Path) {
        let (Some((old_folder, old)), Some((new_folder, new))) = (self.place(from), self.place(to)) else { return };
        self.noted();
        if let Some(node) = self.names(old_folder).remove(&old) {
            self.names(new_folder).insert(new, node);
        }
    }

    fn removed(&mut self, path: &Path) {
        if let Some((folder, name)) = self.place(path) {
            self.noted();
            self.names(folder).remove(&name);
        }
    }
}

fn lock() -> MutexGuard<'static, Option<Disk>> {
    DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(with: impl FnOnce(&mut Disk)) {
    rest_when_frozen();
    if WATCHING.load(Ordering::SeqCst)
        && let Some(disk) = lock().as_mut()
    {
        with(disk);
    }
    // A call that waited for the lock while the power was cut was not noted in time.
    rest_when_frozen();
}

/// The path that an open file has now; `None` if it is not a file or was removed.
fn path_of(fd: c_int) -> Option<PathBuf> {
    rest_when_frozen();
    if !WATCHING.load(Ordering::SeqCst) || WRITES_IT_DOWN.get() {
        return None;
    }
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    (path.is_absolute() && !path.as_os_str().as_bytes().ends_with(b" (deleted)")).then_some(path)
}

/// # Safety
/// `path` is a C string.
unsafe fn path_named(path: *const c_char) -> PathBuf {
    // SAFETY: the caller's promise.
    let path = Path::new(std::ffi::OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    // The parent is resolved, because the name itself may be gone already.
    match (path.parent().and_then(|parent| parent.canonicalize().ok()), path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    }
}

// What follows has the names, arguments and results of the C library's functions. Each makes the system call it is
// named after, with the arguments as they came, and notes what it did if it succeeded.

/// # Safety
/// As the function of this name in the C library: `bytes` points to `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, count: size_t, offset: off64_t) -> ssize_t {
    if fails(Call::Write, fd) {
        return -1;
    }
    // SAFETY: the kernel checks everything.
    let written = unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, count, offset) } as ssize_t;
    if written > 0
        && let Some(path) = path_of(fd)
    {
        // SAFETY: the kernel has just read this many bytes from there.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize) }.to_vec();
        note(|disk| disk.changed(&path, Change::Write { offset: offset as usize, bytes }));
    }
    written
}

/// # Safety
/// As the function of this name in the C library: `bytes` points to room for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn pread64(fd: c_int, bytes: *mut c_void, count: size_t, offset: off64_t) -> ssize_t {
    if fails(Call::Read, fd) {
        return -1;
    }
    // SAFETY: the kernel checks everything.
    unsafe { libc::syscall(libc::SYS_pread64, fd, bytes, count, offset) as ssize_t }
}

/// # Safety
/// As the function of this name in the C library: `bytes` points to `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: the kernel checks everything.
    let written = unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) } as ssize_t;
    if written > 0
        && let Some(path) = path_of(fd)
    {
        // SAFETY: no memory is touched.
        let end = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
        if let Ok(offset) = usize::try_from(end - written as i64) {
            // SAFETY: the kernel has just read this many bytes from there.
            let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize) }.to_vec();
            note(|disk| disk.changed(&path, Change::Write { offset, bytes }));
        }
    }
    written
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    // SAFETY: a system call on numbers alone.
    let result = unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) } as c_int;
    if result == 0
        && let Some(path) = path_of(fd)
    {
        note(|disk| disk.changed(&path, Change::Length(length as usize)));
    }
    result
}

fn sync(call: libc::c_long, fd: c_int) -> c_int {
    let mut upto = 0;
    note(|disk| upto = disk.calls);
    // SAFETY: a system call on a number.
    let result = unsafe { libc::syscall(call, fd) } as c_int;
    if result == 0
        && let Some(path) = path_of(fd)
    {
        note(|disk| disk.synced(&path, upto));
    }
    result
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    sync(libc::SYS_fsync, fd)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    if fails(Call::Sync, fd) {
        return -1;
    }
    if UNSYNCED.load(Ordering::SeqCst) {
        rest_when_frozen();
        // SAFETY: a system call on a number.
        return unsafe { libc::syscall(libc::SYS_fdatasync, fd) } as c_int;
    }
    sync(libc::SYS_fdatasync, fd)
}

/// # Safety
/// As the function of this name in the C library: both are C strings.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the kernel checks everything.
    let result = unsafe { libc::syscall(libc::SYS_renameat, libc::AT_FDCWD, from, libc::AT_FDCWD, to) } as c_int;
    if result == 0 {
        // SAFETY: the caller's promise.
        let (from, to) = unsafe { (path_named(from), path_named(to)) };
        note(|disk| disk.renamed(&from, &to));
    }
    result
}

/// # Safety
/// As the function of this name in the C library: a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the kernel checks everything.
    let result = unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) } as c_int;
    if result == 0 {
        // SAFETY: the caller's promise.
        let path = unsafe { path_named(path) };
        note(|disk| disk.removed(&path));
    }
    result
}

/// # Safety
/// As the function of this name in the C library: a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    let parent = path_of(folder);
    // SAFETY: the kernel checks everything.
    let result = unsafe { libc::syscall(libc::SYS_unlinkat, folder, path, flags) } as c_int;
    if result == 0 {
        // SAFETY: the caller's promise.
        let name = Path::new(std::ffi::OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
        note(|disk| disk.removed(&parent.map_or_else(|| name.to_owned(), |parent| parent.join(name))));
    }
    result
}
