//! Members found by their local headers, without the directory at the end of the zip.
//!
//! Layout of a local header: APPNOTE.TXT 6.3.10, section 4.3.7, <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use super::Limits;
use flate2::bufread::GzDecoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::io::Read as _;

const SIGNATURE: &[u8; 4] = b"PK\x03\x04";
const HEADER_BYTES: usize = 30;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;

/// What lay behind a local header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Where its data begins in the file.
    pub byte: usize,
    pub state: State,
}

/// How far a blob can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A checksum says that this is what was written.
    Whole,
    /// The file ends in it; what is here is its beginning.
    Cut,
}

/// Finds every member that is whole or cut short by the end of the file. Work and memory are bounded by `limits`.
pub(super) fn scan(bytes: &[u8], limits: &Limits) -> Vec<Blob> {
    let mut found = Vec::new();
    let mut budget = Budget { left: limits.total_bytes, limits: *limits };
    let mut at = 0;
    for _ in 0..limits.members {
        let Some(start) = next_signature(bytes, at) else { break };
        at = start + SIGNATURE.len();
        let Some(header) = Header::parse(&bytes[start..]) else { continue };
        let data = start + header.length;
        if let Some((content, state, used)) = header.content(&bytes[data..], &mut budget) {
            at = data + used;
            found.push(Blob { name: header.name, bytes: content, byte: data, state });
        }
    }
    found
}

/// Bytes that may still be looked at and made, so that headers within headers do not multiply the work.
struct Budget {
    left: u64,
    limits: Limits,
}

impl Budget {
    /// Largest output of `input` bytes.
    fn output_of(&self, input: usize) -> u64 {
        self.limits.output_of(input, self.limits.member_bytes.min(self.left))
    }

    fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }
}

fn next_signature(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(SIGNATURE.len()).position(|window| window == SIGNATURE).map(|place| from + place)
}

struct Header {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    /// `None` where a descriptor behind the data holds it.
    compressed: Option<usize>,
    /// Of the header with name and extra fields.
    length: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.get(..HEADER_BYTES)?;
        let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let name_end = HEADER_BYTES + usize::from(short(26));
        let length = name_end + usize::from(short(28));
        let name = String::from_utf8_lossy(bytes.get(HEADER_BYTES..name_end)?).into_owned();
        let extra = bytes.get(name_end..length)?;
        let flags = short(6);
        let compressed = match long(18) {
            0 if flags & DESCRIPTOR_FOLLOWS != 0 => None,
            u32::MAX => zip64_compressed(extra),
            size => usize::try_from(size).ok(),
        };
        Some(Self { name, flags, method: short(8), crc: long(14), compressed, length })
    }

    /// The member's bytes, how whole they are, and how many bytes of `rest` they took.
    fn content(&self, rest: &[u8], budget: &mut Budget) -> Option<(Vec<u8>, State, usize)> {
        match self.method {
            _ if self.flags & ENCRYPTED != 0 => None,
            STORED => self.stored(rest, budget),
            DEFLATED => self.deflated(rest, budget),
            _ => None,
        }
    }

    fn stored(&self, rest: &[u8], budget: &mut Budget) -> Option<(Vec<u8>, State, usize)> {
        let fits = |data: &[u8]| data.len() as u64 <= budget.output_of(data.len());
        let claimed = self.compressed.and_then(|length| rest.get(..length)).filter(|data| fits(data));
        let cut = self.compressed.is_some_and(|length| length > rest.len()) && fits(rest);
        if let Some(data) = claimed {
            budget.spend(data.len() as u64);
            if crc(data) == self.crc {
                return Some((data.to_vec(), State::Whole, data.len()));
            }
        }
        if let Some(length) = gzip_length(rest, budget) {
            return Some((rest[..length].to_vec(), State::Whole, length));
        }
        cut.then(|| (rest.to_vec(), State::Cut, rest.len()))
    }

    fn deflated(&self, rest: &[u8], budget: &mut Budget) -> Option<(Vec<u8>, State, usize)> {
        let inflated = inflate(rest, budget)?;
        if !inflated.finished {
            return Some((inflated.output, State::Cut, rest.len()));
        }
        let sum = crc(&inflated.output);
        let behind = &rest[inflated.used..];
        let described = self.flags & DESCRIPTOR_FOLLOWS != 0 && {
            let behind = behind.strip_prefix(b"PK\x07\x08").unwrap_or(behind);
            behind.starts_with(&sum.to_le_bytes())
        };
        (sum == self.crc || described).then_some((inflated.output, State::Whole, inflated.used))
    }
}

/// Compressed size in the zip64 extra field (id 1), which follows the uncompressed size.
fn zip64_compressed(mut extra: &[u8]) -> Option<usize> {
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let (data, after) = rest.split_at_checked(length)?;
        if head[..2] == [1, 0] {
            let size = data.get(8..16)?;
            return usize::try_from(u64::from_le_bytes(size.try_into().ok()?)).ok();
        }
        extra = after;
    }
    None
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Length of the gzip stream at the start of `rest`, if it is whole by its own checksum.
fn gzip_length(rest: &[u8], budget: &mut Budget) -> Option<usize> {
    let limit = budget.output_of(rest.len());
    let mut decoder = GzDecoder::new(rest).take(limit.saturating_add(1));
    let copied = std::io::copy(&mut decoder, &mut std::io::sink());
    let written = limit.saturating_add(1) - decoder.limit();
    budget.spend(written);
    (copied.is_ok() && written <= limit).then(|| rest.len() - decoder.into_inner().into_inner().len())
}

struct Inflated {
    output: Vec<u8>,
    used: usize,
    finished: bool,
}

/// Inflates until the stream or the input ends; `None` where it is damaged or too large.
fn inflate(input: &[u8], budget: &mut Budget) -> Option<Inflated> {
    let limit = budget.output_of(input.len());
    let mut decoder = Decompress::new(false);
    let mut output = Vec::with_capacity(64 * 1024);
    let result = loop {
        let before = (decoder.total_in(), output.len());
        output.reserve(64 * 1024);
        let rest = input.get(usize::try_from(before.0).ok()?..)?;
        let status = decoder.decompress_vec(rest, &mut output, FlushDecompress::None);
        let used = usize::try_from(decoder.total_in()).ok()?;
        let stuck = before == (decoder.total_in(), output.len());
        match status {
            Err(_) => break None,
            Ok(_) if output.len() as u64 > limit => break None,
            Ok(Status::StreamEnd) => break Some((used, true)),
            Ok(_) if stuck && used == input.len() => break Some((used, false)),
            Ok(_) if stuck => break None,
            Ok(_) => {}
        }
    };
    budget.spend(output.len() as u64 + decoder.total_in());
    let (used, finished) = result?;
    Some(Inflated { output, used, finished })
}
