//! Gzip with limits. Output has no time and no name in its header, so equal input gives equal bytes.

use super::limits::Limits;
use flate2::write::GzEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use std::io::Write;

/// First bytes of every gzip stream.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why compressed bytes gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GunzipError {
    #[error("{reason}, after {written} bytes of content")]
    Damaged { written: usize, reason: String },
    #[error("{input} compressed bytes become more than {limit} bytes, as no honest recording does")]
    TooLarge { input: usize, limit: u64 },
}

/// Input from which on speed counts: level 4 takes a third of the time of level 6 and 2 % more space.
const LARGE: usize = 1 << 20;

/// Compresses.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let level = Compression::new(if bytes.len() < LARGE { 9 } else { 4 });
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4 + 64), level);
    // Writing to a vector cannot fail; an empty member would be found by its hash.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Decompresses at most `size` bytes, fewer where the ratio limit says so. Streams that follow each other are one.
///
/// The frame is read here (RFC 1952): flate2's own decoder brings 16 KB of tables for its checksum into the page.
pub(super) fn gunzip(bytes: &[u8], limits: &Limits, size: u64) -> Result<Vec<u8>, GunzipError> {
    let limit = limits.output_of(bytes.len(), size);
    let damaged = |written: usize, reason: &str| GunzipError::Damaged { written, reason: reason.to_owned() };
    let mut output = Vec::new();
    let mut rest = bytes;
    loop {
        let Some(packed) = header_length(rest).and_then(|length| rest.get(length..)) else {
            return Err(damaged(output.len(), "it does not begin like a gzip stream, or ends in its head"));
        };
        let (content, used) = inflate(packed, limit - output.len() as u64)?;
        let Some((trailer, behind)) = packed[used..].split_first_chunk::<8>() else {
            return Err(damaged(output.len() + content.len(), ENDS_EARLY));
        };
        let [a, b, c, d, ..] = *trailer;
        check_crc(&content, u32::from_le_bytes([a, b, c, d]))?;
        rest = behind;
        if output.is_empty() {
            output = content;
        } else {
            output.extend_from_slice(&content);
        }
        if rest.is_empty() {
            return Ok(output);
        }
    }
}

/// Decompresses a raw stream of at most `limit` bytes; the content, and how many bytes of input it took.
pub(super) fn inflate(input: &[u8], limit: u64) -> Result<(Vec<u8>, usize), GunzipError> {
    /// Room that is made at once.
    const STEP: usize = 64 << 10;
    let mut decoder = Decompress::new(false);
    let mut output = Vec::with_capacity(input.len().saturating_mul(3).clamp(STEP, 8 << 20));
    loop {
        output.reserve(STEP);
        let used = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
        let before = output.len();
        let status = decoder.decompress_vec(input.get(used..).unwrap_or_default(), &mut output, FlushDecompress::None);
        let now = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
        let written = output.len();
        if written as u64 > limit {
            return Err(GunzipError::TooLarge { input: input.len(), limit });
        }
        let reason = match status {
            Ok(Status::StreamEnd) => return Ok((output, now)),
            Ok(_) if (used, before) == (now, written) => ENDS_EARLY,
            Ok(_) => continue,
            Err(_) => "its compressed data is corrupt",
        };
        return Err(GunzipError::Damaged { written, reason: reason.to_owned() });
    }
}

/// Compares content with its CRC-32.
pub(super) fn check_crc(content: &[u8], expected: u32) -> Result<(), GunzipError> {
    if crc(content) == expected {
        return Ok(());
    }
    Err(GunzipError::Damaged { written: content.len(), reason: "its checksum is wrong".to_owned() })
}

const ENDS_EARLY: &str = "it ends too early";

/// Length of the head of a gzip stream with its optional fields.
fn header_length(bytes: &[u8]) -> Option<usize> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let flags = *bytes.get(3)?;
    if !bytes.starts_with(&MAGIC) || bytes[2] != 8 {
        return None;
    }
    let mut at = 10;
    if flags & EXTRA != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            at += bytes.get(at..)?.iter().position(|&byte| byte == 0)? + 1;
        }
    }
    Some(at + if flags & CHECKSUM != 0 { 2 } else { 0 })
}

#[cfg(not(target_arch = "wasm32"))]
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// CRC-32 as zip and gzip have it (ISO 3309), a byte at a time: its table is made, not stored.
#[cfg(target_arch = "wasm32")]
fn crc(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (entry, first) in table.iter_mut().zip(0u32..) {
        *entry = (0..8).fold(first, |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 });
    }
    !bytes.iter().fold(!0, |crc, &byte| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(b""), 0);
    }

    #[test]
    fn streams_with_every_field_follow_each_other() {
        let mut full = vec![0x1f, 0x8b, 8, 4 + 8 + 16 + 2, 0, 0, 0, 0, 0, 0, 3, 0, 1, 2, 3];
        full.extend(b"name\0comment\0\0\0");
        full.extend(&gzip(b"one, ")[10..]);
        full.extend(gzip(b"two"));
        let limits = Limits::default();
        assert_eq!(gunzip(&full, &limits, 100), Ok(b"one, two".to_vec()));
        assert_eq!(gunzip(&gzip(b""), &limits, 100), Ok(Vec::new()));
        for cut in 0..full.len() {
            assert!(gunzip(&full[..cut], &limits, 100).is_err() || cut == full.len() - gzip(b"two").len(), "{cut}");
        }
        assert_eq!(gunzip(&full, &limits, 7), Err(GunzipError::TooLarge { input: gzip(b"two").len() - 10, limit: 2 }));
    }
}
