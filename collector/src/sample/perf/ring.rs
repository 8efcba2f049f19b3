//! The kernel's ring buffer of one event. Records are read in place, without a copy.
//!
//! Protocol: `perf_event_mmap_page` in Linux `include/uapi/linux/perf_event.h`.
#![expect(unsafe_code, reason = "the ring is memory that the kernel writes to")]

use super::Unavailable;
use linux_perf_event_reader::{RawData, RecordType};
use perf_event_open_sys::bindings::perf_event_mmap_page;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

/// Rings of all CPUs together should not be larger than this.
const ALL_RINGS_BYTES: usize = 48 << 20;
/// A ring holds 120 samples, which is an eighth of a second at 1 kHz.
const LARGEST: usize = 2 << 20;
const SMALLEST: usize = 128 << 10;

/// One event's ring.
#[derive(Debug)]
pub(super) struct Ring {
    base: NonNull<u8>,
    page: usize,
    size: usize,
    fd: OwnedFd,
    tail: u64,
}

// SAFETY: the mapping belongs to this value alone and may be read from any one thread.
unsafe impl Send for Ring {}

/// The record at a place of a ring.
pub(super) struct Record<'a> {
    pub(super) kind: RecordType,
    pub(super) misc: u16,
    pub(super) body: RawData<'a>,
    /// Bytes up to the next record.
    pub(super) size: u64,
}

impl Ring {
    /// Maps the rings of all events, in their order, of a size that the memory limit allows.
    pub(super) fn map_all(fds: Vec<OwnedFd>) -> Result<Vec<Self>, Unavailable> {
        let share = ALL_RINGS_BYTES / fds.len().max(1);
        let mut size = (1_usize << share.max(1).ilog2()).clamp(SMALLEST, LARGEST);
        let mut rings: Vec<Self> = Vec::with_capacity(fds.len());
        let mut waiting = VecDeque::from(fds);
        while let Some(fd) = waiting.pop_front() {
            match Self::map(fd, size) {
                Ok(ring) => rings.push(ring),
                Err((fd, error)) if error.raw_os_error() == Some(libc::EPERM) && size > SMALLEST => {
                    // The limit on locked memory is for all rings together: start again with smaller ones.
                    size /= 2;
                    waiting.push_front(fd);
                    rings.drain(..).rev().filter_map(Self::unmap).for_each(|fd| waiting.push_front(fd));
                }
                Err((_, error)) => {
                    return Err(Unavailable {
                        reason: format!("the sample buffers cannot be locked in memory: {error}"),
                        fix: "run: sudo sysctl kernel.perf_event_mlock_kb=4096".to_owned(),
                    });
                }
            }
        }
        Ok(rings)
    }

    fn map(fd: OwnedFd, size: usize) -> Result<Self, (OwnedFd, io::Error)> {
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
        let page = usize::try_from(page).unwrap_or(4096);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let base = unsafe { libc::mmap(ptr::null_mut(), page + size, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        match NonNull::new(base.cast::<u8>()).filter(|_| base != libc::MAP_FAILED) {
            Some(base) => Ok(Self { base, page, size, fd, tail: 0 }),
            None => Err((fd, io::Error::last_os_error())),
        }
    }

    /// Gives the event back, without its ring.
    fn unmap(self) -> Option<OwnedFd> {
        self.fd.try_clone().ok()
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    fn header(&self) -> *mut perf_event_mmap_page {
        self.base.as_ptr().cast()
    }

    /// Where the kernel will write next. What is before it may be read.
    pub(super) fn head(&self) -> u64 {
        // SAFETY: the header page is mapped as long as this value lives; the kernel writes this field atomically.
        let head = unsafe { AtomicU64::from_ptr(&raw mut (*self.header()).data_head) };
        head.load(Ordering::Acquire)
    }

    /// Where we read next.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// The record at our place, if there is one before `head`.
    pub(super) fn peek(&self, head: u64) -> Option<Record<'_>> {
        self.peek_at(self.tail, head)
    }

    /// All records that are there, without going on.
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let (mut at, head) = (self.tail, self.head());
        std::iter::from_fn(move || {
            let record = self.peek_at(at, head)?;
            at += record.size;
            Some(record)
        })
    }

    fn peek_at(&self, at: u64, head: u64) -> Option<Record<'_>> {
        const HEADER: usize = 8;
        if head.wrapping_sub(at) < HEADER as u64 {
            return None;
        }
        let mut header = [0; HEADER];
        self.bytes(at, HEADER).read_exact(&mut header).ok()?;
        let number = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let kind = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]);
        let size = usize::from(number(6));
        if size < HEADER {
            return None; // never so; reading on would not end
        }
        let body = self.bytes(at + HEADER as u64, size - HEADER);
        Some(Record { kind: RecordType(kind), misc: number(4), body, size: size as u64 })
    }

    /// Goes on by so many bytes; [`Self::release`] tells the kernel.
    pub(super) fn advance(&mut self, size: u64) {
        self.tail += size;
    }

    /// Skips what cannot be parsed.
    pub(super) fn skip_to(&mut self, head: u64) {
        self.tail = head;
    }

    /// Lets the kernel write over what was read.
    pub(super) fn release(&self) {
        // SAFETY: as in `head`; only we write this field.
        let tail = unsafe { AtomicU64::from_ptr(&raw mut (*self.header()).data_tail) };
        tail.store(self.tail, Ordering::Release);
    }

    fn bytes(&self, at: u64, length: usize) -> RawData<'_> {
        // The size is a power of two that fits usize.
        let start = usize::try_from(at & (self.size as u64 - 1)).unwrap_or(0);
        let first = length.min(self.size - start);
        let second = (length - first).min(start);
        // SAFETY: the data pages follow the header page, and both pieces lie in them. The kernel does not write between
        // tail and head, and callers ask for nothing else.
        let (first, second) = unsafe {
            let data = self.base.as_ptr().add(self.page).cast_const();
            (std::slice::from_raw_parts(data.add(start), first), std::slice::from_raw_parts(data, second))
        };
        if second.is_empty() { RawData::Single(first) } else { RawData::Split(first, second) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made, and nothing borrows from it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.page + self.size) };
    }
}
