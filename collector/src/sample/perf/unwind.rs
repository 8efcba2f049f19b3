//! Walking the user stack of a sample by the unwind tables of the files that its code came from.
//!
//! Each file has one unwinder that works on stated addresses, so that all processes share its tables and its cache,
//! wherever they map it.

use super::process::{Code, Process};
use crate::symbolize::{Image, ImageId, Images, Stretch};
use framehop::{CacheNative, Error, ExplicitModuleSectionInfo, FrameAddress, Module, UnwindRegsNative};
use framehop::{MayAllocateDuringUnwind, Unwinder as _, UnwinderNative};
use linux_perf_event_reader::RawData;

/// Deepest stack that is kept.
pub(super) const DEPTH_MAX: usize = 1024;
/// Caches of one file, chosen by address: framehop's has 509 slots, too few for deep stacks.
const CACHES: usize = 8;

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the root of the stack.
    Complete,
    /// At the end of the copied stack or the limit of depth.
    Truncated,
    /// Nothing sensible came next.
    Failed,
}

/// A frame of the user stack, leaf first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UserFrame {
    pub(super) code: Code,
    /// In the process. One less than the return address in callers, so that it lies in the call.
    pub(super) address: u64,
}

/// What a sample tells of the stack.
pub(super) struct UserStack<'a> {
    pub(super) regs: UnwindRegsNative,
    pub(super) ip: u64,
    pub(super) sp: u64,
    pub(super) bytes: RawData<'a>,
    /// Whether the copy was cut at its size limit rather than at the end of the stack.
    pub(super) cut: bool,
}

struct FileUnwinder {
    unwinder: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    caches: Vec<CacheNative<MayAllocateDuringUnwind>>,
}

/// Unwinders of all files.
pub(super) struct Unwinders {
    files: Vec<Option<Box<FileUnwinder>>>,
    /// For code without a file: walks over frame pointers.
    plain: FileUnwinder,
}

impl Unwinders {
    pub(super) fn new() -> Self {
        Self { files: Vec::new(), plain: FileUnwinder::new(None) }
    }

    /// Walks the stack; fills `frames` from the leaf on and says how that ended.
    pub(super) fn walk(
        &mut self,
        images: &Images,
        process: &Process,
        stack: &UserStack<'_>,
        frames: &mut Vec<UserFrame>,
    ) -> End {
        let UserStack { mut regs, ip, sp, bytes, cut } = *stack;
        let mut beyond = false;
        let mut read_stack = |address: u64| {
            let value = address.checked_sub(sp).and_then(|offset| read_word(bytes, offset));
            beyond |= value.is_none() && address >= sp;
            value.ok_or(())
        };
        let mut address = FrameAddress::from_instruction_pointer(ip);
        let mut mapping = None;
        loop {
            let lookup = address.address_for_lookup();
            let found = process.find(lookup, mapping);
            let code = found.map_or(Code::Unknown, |m| m.code);
            if found.is_none() && address.is_return_address() && !process.has_jit {
                return End::Failed; // a value that is no code
            }
            mapping = found.or(mapping);
            frames.push(UserFrame { code, address: lookup });
            if frames.len() >= DEPTH_MAX {
                return End::Truncated;
            }
            let step = match code {
                Code::Image { id, bias } => self.file(images, id).step(address, bias, &mut regs, &mut read_stack),
                Code::Jit | Code::Unknown => self.plain.step(address, 0, &mut regs, &mut read_stack),
            };
            match step.map(|next| next.map(FrameAddress::from_return_address)) {
                Ok(Some(Some(next))) => address = next,
                Ok(None | Some(None)) => return End::Complete,
                Err(Error::CouldNotReadStack(_)) if beyond && cut => return End::Truncated,
                Err(_) => return End::Failed,
            }
        }
    }

    fn file(&mut self, images: &Images, id: ImageId) -> &mut FileUnwinder {
        if self.files.len() <= id.index() {
            self.files.resize_with(images.len().max(id.index() + 1), || None);
        }
        self.files[id.index()].get_or_insert_with(|| Box::new(FileUnwinder::new(Some(images.get(id)))))
    }
}

impl FileUnwinder {
    fn new(image: Option<&Image>) -> Self {
        let mut unwinder = UnwinderNative::new();
        if let Some(module) = image.and_then(module) {
            unwinder.add_module(module);
        }
        let caches = (0..CACHES).map(|_| CacheNative::new()).collect();
        Self { unwinder, caches }
    }

    fn step(
        &mut self,
        address: FrameAddress,
        bias: u64,
        regs: &mut UnwindRegsNative,
        read_stack: &mut impl FnMut(u64) -> Result<u64, ()>,
    ) -> Result<Option<u64>, Error> {
        let stated = match address {
            FrameAddress::InstructionPointer(ip) => FrameAddress::InstructionPointer(ip.wrapping_sub(bias)),
            FrameAddress::ReturnAddress(next) => {
                FrameAddress::from_return_address(next.get().wrapping_sub(bias)).ok_or(Error::ReturnAddressIsNull)?
            }
        };
        // framehop takes the address modulo its 509 slots; the next digits choose the cache.
        let cache = usize::try_from(stated.address_for_lookup() / 509 % CACHES as u64).unwrap_or(0);
        self.unwinder.unwind_frame(stated, regs, &mut self.caches[cache], read_stack)
    }
}

/// The unwind tables of a file, read into memory: a mapping would take us down if the file were cut.
fn module(image: &Image) -> Option<Module<Vec<u8>>> {
    let headers = &image.headers;
    let end = headers.code.iter().map(|s| s.address.saturating_add(s.size)).max()?;
    let sections = &headers.unwind;
    let range = |s: Option<Stretch>| s.map(|s| s.address..s.address.saturating_add(s.size));
    let read = |s: Option<Stretch>| s.and_then(|s| image.read(s));
    let eh_frame = read(sections.eh_frame);
    let debug_frame = if eh_frame.is_none() { read(sections.debug_frame) } else { None };
    let info = ExplicitModuleSectionInfo {
        base_svma: headers.base,
        text_svma: range(sections.text),
        got_svma: range(sections.got),
        eh_frame_svma: range(sections.eh_frame),
        eh_frame,
        eh_frame_hdr_svma: range(sections.eh_frame_hdr),
        eh_frame_hdr: read(sections.eh_frame_hdr),
        debug_frame,
        ..ExplicitModuleSectionInfo::default()
    };
    Some(Module::new(image.path.clone(), headers.base..end, headers.base, info))
}

fn read_word(bytes: RawData<'_>, offset: u64) -> Option<u64> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(8)?;
    let mut word = [0; 8];
    match bytes {
        RawData::Single(all) => word.copy_from_slice(all.get(start..end)?),
        RawData::Split(first, second) => {
            for (slot, at) in word.iter_mut().zip(start..end) {
                *slot = *first.get(at).or_else(|| second.get(at - first.len()))?;
            }
        }
    }
    Some(u64::from_ne_bytes(word))
}
