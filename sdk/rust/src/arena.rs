//! A guest's memory: an arena that only moves forward. An instance lives for one call, so
//! nothing needs to be given back.
//!
//! The default allocator grows memory at once, which costs the host two system calls in every decision (`measured.md`).
//! This one begins with what is left of the first page and grows only when that is used up.

#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE_BYTES: usize = 64 * 1024;

unsafe extern "C" {
    /// Where static data and stack end. The linker defines it, and only its address has a meaning.
    static __heap_base: u8;
}

/// Where the next block may begin; 0 before the first. There is only one thread, so relaxed operations are plain ones.
static NEXT: AtomicUsize = AtomicUsize::new(0);

struct Arena;

#[global_allocator]
static ARENA: Arena = Arena;

impl Arena {
    fn take(&self, bytes: usize, align: usize) -> *mut u8 {
        let mut next = NEXT.load(Relaxed);
        if next == 0 {
            next = (&raw const __heap_base).addr();
        }
        let start = (next + align - 1) & !(align - 1);
        let Some(end) = start.checked_add(bytes) else { return ptr::null_mut() };
        if end > memory_size(0) * PAGE_BYTES && !grow_to(end) {
            return ptr::null_mut();
        }
        NEXT.store(end, Relaxed);
        ptr::with_exposed_provenance_mut(start)
    }
}

#[cold]
fn grow_to(end: usize) -> bool {
    let missing = end - memory_size(0) * PAGE_BYTES;
    memory_grow(0, missing.div_ceil(PAGE_BYTES)) != usize::MAX
}

// SAFETY: every block lies between the end of the static data and the end of memory, is aligned, and overlaps no block
// that is in use: `NEXT` moves back only over the block that was handed out last.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr() + layout.size() == NEXT.load(Relaxed) {
            NEXT.store(block.addr(), Relaxed);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // The last block can grow in place.
        if block.addr() + layout.size() == NEXT.load(Relaxed) {
            NEXT.store(block.addr(), Relaxed);
        }
        let moved = self.take(bytes, layout.align());
        if moved != block && !moved.is_null() {
            // SAFETY: both blocks have at least this many bytes. They do not overlap, because the new one is elsewhere
            // only if the old one was not last.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes)) };
        }
        moved
    }
}

/// Called by the host to get space for arguments.
///
/// # Safety
/// As the canonical ABI says: `old` was returned by this function for `old_bytes` bytes, or both are 0.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_bytes: usize, align: usize, bytes: usize) -> *mut u8 {
    let block = if old_bytes == 0 {
        ARENA.take(bytes, align)
    } else {
        // SAFETY: the caller's promise; alignments in the canonical ABI are 1, 2, 4 or 8.
        unsafe { ARENA.realloc(old, Layout::from_size_align_unchecked(old_bytes, align), bytes) }
    };
    if block.is_null() {
        core::arch::wasm32::unreachable();
    }
    block
}
