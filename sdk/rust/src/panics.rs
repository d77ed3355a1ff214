//! Leaves a guest's panic message where the host finds it. A guest that does not import `log` could not report it
//! otherwise.
//!
//! After a trap the host searches the guest's memory for the mark, at addresses divisible by 16. The message's length
//! follows in four bytes, little-endian, and then the message.

#![allow(unsafe_code, reason = "the message is written to a static that outlives the trap")]

use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use std::panic::PanicHookInfo;

/// The mark, as two words. They are written one by one, because together they would lie in static data to be copied
/// from, where the host would find them without a message.
const MARK: [u64; 2] = {
    let bytes = *b"\x00cadenza:panic\x00\x01";
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
    [u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p])]
};
const MESSAGE_BYTES_MAX: usize = 492;

#[repr(C, align(16))]
struct Note {
    mark: [u64; 2],
    bytes: u32,
    message: [u8; MESSAGE_BYTES_MAX],
}

impl Note {
    const EMPTY: Self = Self { mark: [0; 2], bytes: 0, message: [0; MESSAGE_BYTES_MAX] };
}

struct Shared(UnsafeCell<Note>);

// SAFETY: a guest has one thread.
unsafe impl Sync for Shared {}

static NOTE: Shared = Shared(UnsafeCell::new(Note::EMPTY));

/// Makes panics of this instance leave a note.
pub(crate) fn note_them() {
    std::panic::set_hook(Box::new(leave_note));
}

fn leave_note(info: &PanicHookInfo<'_>) {
    let mut note = Note::EMPTY;
    let mut text = Text(&mut note);
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    // What does not fit is cut off.
    let _ = match info.location() {
        Some(at) => write!(text, "{message}, at {}:{}", at.file(), at.line()),
        None => text.write_str(message),
    };
    let left = NOTE.0.get();
    // SAFETY: there is one thread, and nothing else refers to the static. Volatile, because nothing in here ever reads
    // it, so plain writes would be optimised away. The mark is written last, when everything else is there.
    unsafe {
        left.write_volatile(note);
        (&raw mut (*left).mark[0]).write_volatile(MARK[0]);
        (&raw mut (*left).mark[1]).write_volatile(MARK[1]);
    }
}

struct Text<'a>(&'a mut Note);

impl Write for Text<'_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let Note { bytes, message, .. } = &mut *self.0;
        let free = &mut message[*bytes as usize..];
        let kept = more.len().min(free.len());
        free[..kept].copy_from_slice(&more.as_bytes()[..kept]);
        *bytes += kept as u32;
        if kept == more.len() { Ok(()) } else { Err(fmt::Error) }
    }
}
