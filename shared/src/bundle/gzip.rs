//! Gzip with limits. Output has no time and no name in its header, so equal input gives equal bytes.

use super::limits::Limits;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};

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

/// Decompresses at most `size` bytes, fewer where the ratio limit says so.
pub(super) fn gunzip(bytes: &[u8], limits: &Limits, size: u64) -> Result<Vec<u8>, GunzipError> {
    let limit = limits.output_of(bytes.len(), size);
    read_limited(MultiGzDecoder::new(bytes), bytes.len(), limit)
}

/// Reads all of `source`, which decompresses `input` bytes, up to `limit` bytes of output.
pub(super) fn read_limited(source: impl Read, input: usize, limit: u64) -> Result<Vec<u8>, GunzipError> {
    let mut output = Vec::with_capacity(input.saturating_mul(3).min(8 << 20));
    match source.take(limit.saturating_add(1)).read_to_end(&mut output) {
        Ok(_) if output.len() as u64 > limit => Err(GunzipError::TooLarge { input, limit }),
        Ok(_) => Ok(output),
        Err(error) => Err(GunzipError::Damaged { written: output.len(), reason: reason_of(&error) }),
    }
}

fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ if error.to_string().to_ascii_lowercase().contains("checksum") => "its checksum is wrong".to_owned(),
        _ => error.to_string(),
    }
}
