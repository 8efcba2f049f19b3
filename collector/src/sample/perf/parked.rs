//! Stacks of threads that do not run: no event carries their registers, the kernel tells program counter and stack
//! pointer alone.
//!
//! Unwind tables that count from the stack pointer need no more, and give the frame pointer back as soon as one frame has
//! saved it. Code that counts from the frame pointer before that (built without optimisation, or for profilers) is
//! searched for in the stack: the frame record of a function is the first pair of words above it of which the second is
//! the return address of a call to that very function.

use super::intern::{Interned, Place};
use super::process::{Code, Process};
use super::unwind::{End, Unwinders, UserFrame, UserStack};
use crate::jit::maps;
use crate::spool::StackWriter;
use crate::symbolize::{ImageId, Images, read_perf_map};
use linux_perf_event_reader::RawData;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant, SystemTime};

/// Not an address of any stack: what needs the frame pointer fails at once.
const NO_FRAME_POINTER: u64 = 8;
/// Frames that are searched for in one stack at most.
const SEARCHES: usize = 16;
/// Between two readings of the mappings of one process that an address was not found in.
const MAPS_EVERY: Duration = Duration::from_millis(500);
/// Calls that are remembered at most.
const CALLS_MAX: usize = 1 << 16;

/// Unwinds stacks of threads that are blocked, for all processes of a tree.
pub(in crate::sample) struct Parked {
    images: Images,
    unwinders: Unwinders,
    interned: Interned,
    processes: BTreeMap<u32, Known>,
    /// What the instruction before a return address calls, by process and address.
    calls: HashMap<(u32, u64), Call>,
    /// Addresses at which the functions of a file begin.
    starts: HashMap<ImageId, Vec<u64>>,
    began: SystemTime,
}

struct Known {
    process: Process,
    read: Instant,
    jit: Vec<u64>,
}

/// The instruction before an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// It is no call.
    None,
    /// Of this address.
    Direct(u64),
    /// Of what a register or memory holds.
    Indirect,
}

/// A stack that was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sample) struct ParkedStack {
    /// Rows of frames in the spool, leaf first.
    pub(in crate::sample) frames: Vec<u32>,
    /// It ends at the root.
    pub(in crate::sample) complete: bool,
}

impl Parked {
    pub(in crate::sample) fn new() -> Self {
        Self {
            images: Images::default(),
            unwinders: Unwinders::new(),
            interned: Interned::new(false, String::new()),
            processes: BTreeMap::new(),
            calls: HashMap::new(),
            starts: HashMap::new(),
            began: SystemTime::now(),
        }
    }

    /// The process ended or runs another program.
    pub(in crate::sample) fn forget(&mut self, writer: &mut StackWriter, pid: u32) {
        if let Some(known) = self.processes.remove(&pid) {
            self.name_jit(writer, pid, known);
            self.calls.retain(|(of, _), _| *of != pid);
        }
    }

    /// The files that code came from.
    pub(in crate::sample) fn finish(mut self, writer: &mut StackWriter) -> Images {
        for (pid, known) in std::mem::take(&mut self.processes) {
            self.name_jit(writer, pid, known);
        }
        self.images
    }

    fn name_jit(&self, writer: &mut StackWriter, pid: u32, mut known: Known) {
        known.jit.sort_unstable();
        known.jit.dedup();
        if !known.jit.is_empty()
            && let Some(map) = maps::open(pid, self.began)
        {
            for (address, name) in read_perf_map(map, &known.jit) {
                writer.jit(pid, address, name);
            }
        }
    }

    /// Walks the stack of a thread whose stack pointer is `sp` and whose memory from there on is `bytes`. `read` reads
    /// eight bytes of code of the process.
    pub(in crate::sample) fn walk(
        &mut self,
        writer: &mut StackWriter,
        pid: u32,
        (ip, sp): (u64, u64),
        bytes: &[u8],
        read: &dyn Fn(u64) -> Option<[u8; 8]>,
    ) -> ParkedStack {
        self.learn(pid, ip);
        let mut frames = Vec::new();
        let mut end = End::Failed;
        let (mut at, mut offset, mut bp) = (ip, 0, NO_FRAME_POINTER);
        for _ in 0..SEARCHES {
            let Some(known) = self.processes.get(&pid) else { break };
            let before = frames.len();
            let stack = UserStack {
                regs: registers(at, sp.wrapping_add(offset as u64), bp),
                ip: at,
                sp: sp.wrapping_add(offset as u64),
                bytes: RawData::Single(&bytes[offset..]),
                cut: true,
            };
            let mut found = Vec::new();
            end = self.unwinders.walk(&self.images, &known.process, &stack, &mut found);
            frames.extend(found);
            if end != End::Failed {
                break;
            }
            let Some(slot) = after_return_addresses(&frames[before..], bytes, offset) else { break };
            let Some(leaf) = frames.last().copied() else { break };
            let Some(record) = self.search(pid, leaf, sp, bytes, slot, read) else { break };
            let (saved, next) = (word(bytes, record).unwrap_or(0), word(bytes, record + 8).unwrap_or(0));
            (at, offset, bp) = (next.wrapping_sub(1), record + 16, saved);
        }
        let frames = self.rows(writer, pid, &frames);
        ParkedStack { frames, complete: end == End::Complete }
    }

    /// Reads the mappings of a process that is new, or in which an address is not found.
    fn learn(&mut self, pid: u32, address: u64) {
        let images = &mut self.images;
        let fresh = || Instant::now();
        let known = self.processes.entry(pid).or_insert_with(|| Known {
            process: Process::of_live(pid, images),
            read: fresh(),
            jit: Vec::new(),
        });
        if known.process.find(address, None).is_none() && known.read.elapsed() > MAPS_EVERY {
            known.process.refresh(pid, &mut self.images);
            known.read = fresh();
        }
    }

    fn rows(&mut self, writer: &mut StackWriter, pid: u32, frames: &[UserFrame]) -> Vec<u32> {
        let mut rows = Vec::with_capacity(frames.len());
        for frame in frames {
            let place = Place::of(frame.code, pid);
            let address = match frame.code {
                Code::Image { bias, .. } => frame.address.wrapping_sub(bias),
                Code::Jit | Code::Unknown => frame.address,
            };
            if matches!(place, Place::Jit(_))
                && let Some(known) = self.processes.get_mut(&pid)
            {
                known.jit.push(address);
            }
            rows.push(self.interned.frame(writer, &self.images, place, address));
        }
        rows
    }

    /// Offset of the frame record of the function that `frame` is in, from `slot` on.
    fn search(
        &mut self,
        pid: u32,
        frame: UserFrame,
        sp: u64,
        bytes: &[u8],
        slot: usize,
        read: &dyn Fn(u64) -> Option<[u8; 8]>,
    ) -> Option<usize> {
        let start = self.start_of(frame);
        let mut likely = None;
        for record in (slot..bytes.len().saturating_sub(15)).step_by(8) {
            let (saved, next) = (word(bytes, record)?, word(bytes, record + 8)?);
            match self.call_before(pid, next, read) {
                Call::None => {}
                Call::Direct(target) if Some(target) == start => return Some(record),
                Call::Direct(target) if self.begins_function(pid, target) => {}
                // Through the linkage table or a pointer: believed where the frame pointer goes on to another record.
                Call::Direct(_) | Call::Indirect => {
                    let linked = saved.checked_sub(sp).and_then(|above| usize::try_from(above).ok());
                    let goes_on = linked.filter(|&above| above > record && above % 8 == 0).is_some_and(|above| {
                        word(bytes, above + 8).is_none_or(|next| self.call_before(pid, next, read) != Call::None)
                    });
                    if goes_on {
                        return Some(record);
                    }
                    likely = likely.or(Some(record));
                }
            }
        }
        likely
    }

    fn call_before(&mut self, pid: u32, address: u64, read: &dyn Fn(u64) -> Option<[u8; 8]>) -> Call {
        let known = self.processes.get(&pid).and_then(|known| known.process.find(address.wrapping_sub(1), None));
        if known.is_none() {
            return Call::None;
        }
        if let Some(&call) = self.calls.get(&(pid, address)) {
            return call;
        }
        let call = read(address.wrapping_sub(8)).map_or(Call::None, |code| call_in(code, address));
        if self.calls.len() >= CALLS_MAX {
            self.calls.clear();
        }
        self.calls.insert((pid, address), call);
        call
    }

    /// Where the function of a frame begins, in the process.
    fn start_of(&mut self, frame: UserFrame) -> Option<u64> {
        let Code::Image { id, bias } = frame.code else { return None };
        let starts = self.starts(id);
        let after = starts.partition_point(|&start| start <= frame.address.wrapping_sub(bias));
        Some(starts.get(after.checked_sub(1)?)?.wrapping_add(bias))
    }

    fn begins_function(&mut self, pid: u32, address: u64) -> bool {
        let mapping = self.processes.get(&pid).and_then(|known| known.process.find(address, None));
        let Some(Code::Image { id, bias }) = mapping.map(|mapping| mapping.code) else { return false };
        self.starts(id).binary_search(&address.wrapping_sub(bias)).is_ok()
    }

    fn starts(&mut self, id: ImageId) -> &[u64] {
        let images = &self.images;
        self.starts.entry(id).or_insert_with(|| {
            let image = images.get(id);
            let table = image.headers.unwind.eh_frame_hdr;
            table.and_then(|table| Some(function_starts(&image.read(table)?, table.address))).unwrap_or_default()
        })
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(ip: u64, sp: u64, bp: u64) -> framehop::UnwindRegsNative {
    framehop::UnwindRegsNative::new(ip, sp, bp)
}

/// The link register is not known either; a function that has not saved it ends the walk.
#[cfg(target_arch = "aarch64")]
fn registers(_ip: u64, sp: u64, fp: u64) -> framehop::UnwindRegsNative {
    framehop::UnwindRegsNative::new(0, sp, fp)
}

fn word(bytes: &[u8], offset: usize) -> Option<u64> {
    let eight = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_ne_bytes(eight.try_into().ok()?))
}

/// The offset after the return addresses of all frames but the first, which was not returned to but begun with.
fn after_return_addresses(frames: &[UserFrame], bytes: &[u8], from: usize) -> Option<usize> {
    let mut offset = from;
    for frame in frames.get(1..)? {
        let next = frame.address.wrapping_add(1);
        let slots = (offset..bytes.len().saturating_sub(7)).step_by(8);
        offset = slots.into_iter().find(|&slot| word(bytes, slot) == Some(next))? + 8;
    }
    Some(offset)
}

/// The call that ends at `after`, whose last eight bytes are `code`.
#[cfg(target_arch = "x86_64")]
fn call_in(code: [u8; 8], after: u64) -> Call {
    if code[3] == 0xe8 {
        let distance = i32::from_le_bytes([code[4], code[5], code[6], code[7]]);
        return Call::Direct(after.wrapping_add_signed(i64::from(distance)));
    }
    // FF /2 (Intel SDM volume 2, CALL) with every length that its operand can have: 2, 3, 4, 6 and 7 bytes.
    let indirect = [2, 3, 4, 6, 7].into_iter().any(|length| {
        let bytes = &code[8 - length..];
        bytes[0] == 0xff && bytes[1] & 0x38 == 0x10 && operand_length(bytes[1], bytes.get(2).copied()) == length
    });
    if indirect { Call::Indirect } else { Call::None }
}

/// Length of an instruction of one byte of operation from its operand bytes.
#[cfg(target_arch = "x86_64")]
fn operand_length(operand: u8, scaled: Option<u8>) -> usize {
    let (mode, register) = (operand >> 6, operand & 7);
    let index = usize::from(mode != 3 && register == 4);
    let far = match mode {
        0 if register == 5 || (register == 4 && scaled.is_some_and(|scaled| scaled & 7 == 5)) => 4,
        1 => 1,
        2 => 4,
        _ => 0,
    };
    2 + index + far
}

/// Frames of this machine are found by their tables alone.
#[cfg(not(target_arch = "x86_64"))]
fn call_in(_code: [u8; 8], _after: u64) -> Call {
    Call::None
}

/// Stated addresses of functions from the search table of `.eh_frame_hdr` at `address`: Linux Standard Base 5.0, core,
/// 10.6.2. Only the usual encoding (four bytes from the start of the section) is read.
fn function_starts(header: &[u8], address: u64) -> Vec<u64> {
    const USUAL: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
    if header.get(..4) != Some(&USUAL[..]) {
        return Vec::new();
    }
    let four = |at: usize| Some(i32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let count = four(8).and_then(|count| usize::try_from(count).ok()).unwrap_or(0).min(header.len() / 8);
    (0..count).filter_map(|row| Some(address.wrapping_add_signed(i64::from(four(12 + row * 8)?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn calls_are_told_from_other_code() {
        let check = |code: [u8; 8], expect: Call| assert_eq!(call_in(code, 0x1000), expect, "{code:x?}");
        check([0, 0, 0, 0xe8, 0x10, 0, 0, 0], Call::Direct(0x1010));
        check([0, 0, 0, 0xe8, 0xf0, 0xff, 0xff, 0xff], Call::Direct(0xff0));
        check([0, 0, 0, 0, 0, 0, 0xff, 0xd0], Call::Indirect); // call *%rax
        check([0, 0, 0xff, 0x15, 1, 2, 3, 4], Call::Indirect); // call *table(%rip)
        check([0, 0, 0, 0, 0, 0xff, 0x50, 0x18], Call::Indirect); // call *0x18(%rax)
        check([0, 0, 0, 0, 0, 0xff, 0x14, 0xc8], Call::Indirect); // call *(%rax,%rcx,8)
        check([0, 0, 0, 0, 0, 0, 0xff, 0xe0], Call::None); // jmp *%rax
        check([0x90; 8], Call::None);
    }

    #[test]
    fn the_search_table_gives_function_starts() {
        let mut table = vec![1, 0x1b, 0x03, 0x3b, 0, 0, 0, 0, 2, 0, 0, 0];
        for (start, entry) in [(-0x100_i32, 0_i32), (0x40, 0)] {
            table.extend(start.to_le_bytes());
            table.extend(entry.to_le_bytes());
        }
        assert_eq!(function_starts(&table, 0x2000), [0x1f00, 0x2040]);
        table.truncate(20);
        assert_eq!(function_starts(&table, 0x2000), [0x1f00], "a cut table is no reason to fail");
        assert!(function_starts(&[1, 2, 3], 0).is_empty());
    }
}
