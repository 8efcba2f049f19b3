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

/// Bytes that a heap has at once, where a thread has its own: all of the 64 MB that the C library gives it. Without
/// them it would grow by a page at a time, with a system call for each. Pages that are not used cost nothing.
#[cfg(target_env = "gnu")]
const GROWN: libc::c_int = 64 << 20;

/// For a command whose threads make and drop very many small pieces: a heap for each thread, and nothing is given back to
/// the system in between. To be called before these threads start.
pub fn one_for_each_thread() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, 64),
        (libc::M_TOP_PAD, GROWN),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_MMAP_THRESHOLD, 32 << 20),
    ] {
        // SAFETY: sets a number.
        unsafe { libc::mallopt(parameter, value) };
    }
}
