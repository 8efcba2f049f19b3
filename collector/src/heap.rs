//! How this process gets memory from the system. Sharing one heap made two threads of `scan` slower than one.
#![expect(unsafe_code, reason = "mallopt has no safe wrapper")]

/// One heap that grows in large steps. The C library would give each thread one that grows page by page, with a system
/// call for each page: at the end of a recording, thousands of them. To be called before the first thread starts.
pub fn grow_in_large_steps() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [(libc::M_ARENA_MAX, 1), (libc::M_TOP_PAD, 1 << 20)] {
        // SAFETY: sets a number; no other thread runs yet.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Bytes that a heap of its own is grown by at once: less than what the C library takes from the system for itself.
const GROWN: usize = 28 << 20;
/// A large page of the usual processors.
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;

/// For a command whose threads make and drop very many small pieces: a heap for each thread, and nothing is given back to
/// the system in between. To be called before these threads start.
pub fn one_for_each_thread() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in
        [(libc::M_ARENA_MAX, 64), (libc::M_TRIM_THRESHOLD, i32::MAX), (libc::M_MMAP_THRESHOLD, 32 << 20)]
    {
        // SAFETY: sets a number.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Grows the heap of this thread at once, and asks for large pages there; what is not used of it costs nothing.
pub fn grow_mine() {
    // Two of them are most of what one heap of the C library can be.
    let grown: [Vec<u8>; 2] = [Vec::with_capacity(GROWN), Vec::with_capacity(GROWN)];
    #[cfg(target_os = "linux")]
    for piece in &grown {
        let (from, to) = (piece.as_ptr() as usize, piece.as_ptr() as usize + piece.capacity());
        let (from, to) = (from.next_multiple_of(HUGE), to / HUGE * HUGE);
        // SAFETY: a hint about memory that this thread has; it changes nothing that is in it.
        unsafe { libc::madvise(from as *mut libc::c_void, to.saturating_sub(from), libc::MADV_HUGEPAGE) };
    }
    std::hint::black_box(grown);
}
