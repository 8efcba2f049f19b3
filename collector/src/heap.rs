//! How this process gets memory from the system.
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
