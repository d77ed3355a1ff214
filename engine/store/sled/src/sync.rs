//! Why a commit survives a power cut.
//!
//! On Linux, sled 0.34.7 ends every write of its log in `sync_file_range`, which starts writing pages back but neither
//! writes the file's size and block map nor empties the drive's cache. With simulated power cuts, 7 of 8 databases did
//! not open again. This file defines a function of that name. The linker uses it in place of the C library's, and sled
//! gets a true sync of its file, for every write that it relies on later. (A segment may be overwritten only once what
//! replaces it is on disk, so syncing only at the end of a commit would not be enough.)
//!
//! It calls `fdatasync` rather than sled's own fallback, `fsync`: the same promise for the data and for what is needed
//! to find it again, without writing the time of change to the file system's journal.
//!
//! Must not know: sled's types, keys, batches.

use cadenza_store::StoreError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Whether commits survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Every write of the log is synced.
    Full,
    /// As sled is released. Used to show that the power-cut test can fail.
    Off,
}

/// How many times sled asked for its writes to be synced.
static SYNCED: AtomicU64 = AtomicU64::new(0);
/// Set only by the power-cut test.
static OFF: AtomicBool = AtomicBool::new(false);

/// Checks that sled's syncs arrive here, by counting them while the store is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    policy: SyncPolicy,
    synced_before: u64,
}

impl Check {
    /// Puts the policy in force, and checks which symbol the linker chose.
    pub(super) fn begin(policy: SyncPolicy) -> Result<Self, StoreError> {
        OFF.store(policy == SyncPolicy::Off, Ordering::SeqCst);
        if policy == SyncPolicy::Full && !symbol::is_ours() {
            return Err(StoreError::NotDurable(
                "`sync_file_range` is the C library's: this program was linked in an unusual way".to_owned(),
            ));
        }
        Ok(Self { policy, synced_before: SYNCED.load(Ordering::SeqCst) })
    }

    /// To be called once something was written through sled.
    pub(super) fn end(self) -> Result<(), StoreError> {
        let arrived = SYNCED.load(Ordering::SeqCst) > self.synced_before;
        match (self.policy, arrived) {
            (SyncPolicy::Full, false) => Err(StoreError::NotDurable(
                "sled wrote to its log and asked nobody to sync it: it is not sled 0.34.7, or not on Linux".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// Whether everything written back so far has arrived. The kernel reports a failed write-back once to each
/// opening of a file. sled's own thread may be the one that gets the error, and it only logs it, so we ask
/// through an opening of our own.
pub(super) fn nothing_was_lost(log: &std::fs::File) -> std::io::Result<()> {
    symbol::write_back_result(std::os::fd::AsRawFd::as_raw_fd(log))
}

/// The symbol. Unsafe because it takes over a name of the C library; sound because it keeps that function's contract
/// (any arguments are allowed, errors by -1 and `errno`) and touches no memory.
#[allow(unsafe_code, reason = "the one way to make sled 0.34.7 sync; listed in ARCHITECTURE.md under Unsafe")]
mod symbol {
    use super::{OFF, Ordering, SYNCED};
    use libc::{c_int, c_uint, off64_t};

    #[unsafe(no_mangle)]
    extern "C" fn sync_file_range(fd: c_int, offset: off64_t, nbytes: off64_t, flags: c_uint) -> c_int {
        SYNCED.fetch_add(1, Ordering::SeqCst);
        if OFF.load(Ordering::SeqCst) {
            return system_call(fd, offset, nbytes, flags);
        }
        // SAFETY: a system call on a number; the kernel checks it.
        unsafe { libc::fdatasync(fd) }
    }

    fn system_call(fd: c_int, offset: off64_t, nbytes: off64_t, flags: c_uint) -> c_int {
        // SAFETY: a system call on numbers alone; the kernel checks the descriptor.
        let result = unsafe { libc::syscall(libc::SYS_sync_file_range, fd, offset, nbytes, flags) };
        if result < 0 { -1 } else { 0 }
    }

    /// Waits for what is being written back, and returns its errors. Starts and syncs nothing.
    pub(super) fn write_back_result(fd: c_int) -> std::io::Result<()> {
        match system_call(fd, 0, 0, libc::SYNC_FILE_RANGE_WAIT_BEFORE) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    }

    /// Whether a call by name arrives here. This call also makes the linker include this file.
    pub(super) fn is_ours() -> bool {
        let before = SYNCED.load(Ordering::SeqCst);
        // SAFETY: this calls the C library's function of this name, or ours; with an impossible
        // descriptor either fails at once.
        unsafe { libc::sync_file_range(-1, 0, 0, 0) };
        SYNCED.load(Ordering::SeqCst) > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sled_that_asks_nobody_is_noticed() {
        let check = Check::begin(SyncPolicy::Full).expect("this test is linked as every program is");
        let ended = check.end();
        assert!(matches!(ended, Err(StoreError::NotDurable(_))), "nothing was synced, and it said {ended:?}");
    }
}
