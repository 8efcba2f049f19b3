//! Makes a process small: gives back memory that it has no more use for.
//!
//! A program's peak memory is never reported below what its parent held when it was started, so what the parent holds
//! limits what can be measured.
#![expect(unsafe_code, reason = "madvise and malloc_trim")]

use std::fs;
use std::ops::Range;

/// From Linux 6.18 on, one page that is needed brings back all of the (up to 2 MiB) folio that it lies in, but never more
/// than its mapping: so what is mapped is cut into pieces.
const PIECE: usize = 16 * 1024;
/// Left alone below the stack pointer.
const STACK_IN_USE: usize = 64 * 1024;

/// Drops what the kernel can read again from files, the heap's free end, and the stack below its pointer; then forgets
/// the peak. What fails is left as it is: it only costs precision.
pub(super) fn shrink() {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let here = 0_u8;
    let droppable: Vec<Range<usize>> = droppable(&smaps, (&raw const here).addr()).collect();
    drop(smaps);
    for range in droppable {
        // SAFETY: pages of files that were never written to are read again when they are needed; those of the stack lie
        // well below everything that is in use.
        unsafe { libc::madvise(std::ptr::without_provenance_mut(range.start), range.len(), libc::MADV_DONTNEED) };
        for start in range.clone().step_by(2 * PIECE) {
            let length = PIECE.min(range.end - start);
            // SAFETY: only advice. That of a piece differs from its neighbours', which makes it a mapping of its own.
            unsafe { libc::madvise(std::ptr::without_provenance_mut(start), length, libc::MADV_RANDOM) };
        }
    }
    #[cfg(target_env = "gnu")]
    // SAFETY: gives free memory back to the system.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// From now on the peak counts from what is resident now.
pub(super) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").ok();
}

/// Parts of the address space that may be dropped, from `/proc/PID/smaps`.
fn droppable(smaps: &str, stack_pointer: usize) -> impl Iterator<Item = Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut mapping: Option<(Range<usize>, bool)> = None;
    for line in smaps.lines() {
        if let Some(found) = header(line) {
            mapping = Some(found);
        } else if let Some(("Anonymous", "0")) = field(line)
            && let Some((range, true)) = &mapping
        {
            ranges.push(range.clone());
        }
        if line.ends_with("[stack]")
            && let Some((range, _)) = &mapping
            && range.contains(&stack_pointer)
        {
            let end = (stack_pointer - STACK_IN_USE).next_multiple_of(4096) - 4096;
            ranges.extend((end > range.start).then_some(range.start..end));
        }
    }
    ranges.into_iter()
}

/// `55d0-55e0 r-xp 0000 08:01 123 /path`: the range, and whether it is of a file and not written to.
fn header(line: &str) -> Option<(Range<usize>, bool)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
    let rights = words.next()?;
    let inode = words.nth(2)?;
    Some((range, inode != "0" && matches!(rights, "r-xp" | "r--p")))
}

/// `Anonymous:     0 kB`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name, value.trim().strip_suffix(" kB")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_files_still_hold_is_dropped() {
        let smaps = "\
00400000-00500000 r-xp 00000000 08:01 12 /bin/x\nRss: 9 kB\nAnonymous:             0 kB\n\
00500000-00501000 r--p 00000000 08:01 12 /bin/x\nAnonymous:             4 kB\n\
00501000-00502000 rw-p 00000000 08:01 12 /bin/x\nAnonymous:             0 kB\n\
00600000-00700000 rw-p 00000000 00:00 0 [heap]\nAnonymous:            90 kB\n\
7ff000000000-7ff000100000 rw-p 00000000 00:00 0                          [stack]\nAnonymous:            90 kB\n";
        let found: Vec<_> = droppable(smaps, 0x7ff0_000f_0010).collect();
        assert_eq!(found, [0x40_0000..0x50_0000, 0x7ff0_0000_0000..0x7ff0_000e_0000]);
    }
}
