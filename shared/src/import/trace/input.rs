//! The content of a trace as it comes: unpacked by what its first bytes say, in pieces.
//!
//! Memory is that of one piece and of the decompressor's window, whatever the file holds.

use crate::import::bench::ImportError;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;
/// Longest line.
const LONGEST_LINE: usize = 1 << 20;
/// Largest window or dictionary that an archive may ask for: `zstd --long`, `xz -9` and more.
const WINDOW: u64 = 256 << 20;

type Source<'a> = BufReader<Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>>;

/// How the end of the content came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is more.
    Open,
    /// The file ended.
    Whole,
    /// The compressed stream ended before its own end.
    Cut,
}

/// Content in pieces.
pub(super) struct Input<'a> {
    source: Box<dyn Read + 'a>,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    /// Bytes of content before `start`.
    at: u64,
    end: End,
    /// What it is compressed with.
    pub(super) packing: Option<&'static str>,
}

impl<'a> Input<'a> {
    pub(super) fn open(mut file: Box<dyn Read + 'a>) -> Result<Self, ImportError> {
        let mut head = Vec::new();
        file.by_ref().take(6).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
        if head.is_empty() {
            return Err(ImportError::new("the file is empty"));
        }
        let magic: [u8; 4] = head.get(..4).and_then(|head| head.try_into().ok()).unwrap_or_default();
        let whole = BufReader::with_capacity(PIECE, Cursor::new(head.clone()).chain(file));
        let (packing, source): (_, Box<dyn Read + 'a>) = if head.starts_with(&[0x1f, 0x8b]) {
            (Some("gzip"), Box::new(MultiGzDecoder::new(whole)))
        } else if head.starts_with(b"\xfd7zXZ\0") {
            let kib = u32::try_from(WINDOW >> 10).unwrap_or(u32::MAX);
            (Some("xz"), Box::new(XzReader::new_mem_limit(whole, true, kib)))
        } else if is_zstd(u32::from_le_bytes(magic)) {
            (Some("zstd"), Box::new(Zstd::new(whole)))
        } else {
            (None, Box::new(whole))
        };
        let (buffer, start, filled, at) = (vec![0; PIECE], 0, 0, 0);
        Ok(Self { source, buffer, start, filled, at, end: End::Open, packing })
    }

    /// Content that is there already.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.buffer[self.start..self.filled]
    }

    /// Bytes of content that were taken.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How the content ended.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// Reads until `wanted` bytes are there, fewer where the content ends.
    pub(super) fn fill(&mut self, wanted: usize) -> Result<(), ImportError> {
        if self.filled - self.start >= wanted {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.filled, 0);
        (self.start, self.filled) = (0, self.filled - self.start);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.filled < wanted && self.end == End::Open {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.end = End::Whole,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if self.packing.is_some() && ends_early(&error) => self.end = End::Cut,
                Err(error) => return Err(self.damaged(&error)),
            }
        }
        Ok(())
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.start += bytes;
        self.at += bytes as u64;
    }

    /// Length of the next line and of its end, `None` behind the last. The line is then the first bytes of `ahead`.
    pub(super) fn line(&mut self) -> Result<Option<(usize, usize)>, ImportError> {
        let mut searched = 0;
        loop {
            if let Some(place) = self.ahead()[searched..].iter().position(|&byte| byte == b'\n') {
                return Ok(Some((searched + place, 1)));
            }
            searched = self.ahead().len();
            if searched > LONGEST_LINE {
                let reason = format!("a line at byte {} is longer than 1 MiB", self.at);
                return Err(ImportError::new(reason).hint("this is no trace of lines"));
            }
            self.fill(searched + 1)?;
            if self.ahead().len() == searched {
                return Ok((searched > 0).then_some((searched, 0)));
            }
        }
    }

    /// Reads to the end of what is compressed, to tell whether that is damaged.
    pub(super) fn drain(&mut self) -> Result<(), ImportError> {
        while self.packing.is_some() && self.end == End::Open {
            self.take(self.filled - self.start);
            self.fill(1)?;
        }
        Ok(())
    }

    fn damaged(&self, error: &io::Error) -> ImportError {
        let Some(packing) = self.packing else { return unreadable(error) };
        let content = self.at + self.ahead().len() as u64;
        ImportError::new(format!("the {packing} stream is damaged after {content} bytes of its content ({error})"))
            .hint("copy the file again")
    }
}

fn unreadable(error: &io::Error) -> ImportError {
    ImportError::new(format!("it cannot be read: {error}"))
}

/// Whether input ended where a decompressor wanted more.
fn ends_early(error: &io::Error) -> bool {
    if error.kind() == ErrorKind::UnexpectedEof {
        return true;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|error| error as _);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A frame, or one to pass over (RFC 8878, 3.1).
fn is_zstd(magic: u32) -> bool {
    magic == 0xfd2f_b528 || (0x184d_2a50..=0x184d_2a5f).contains(&magic)
}

/// The content of all frames of a zstd file.
struct Zstd<'a> {
    source: Source<'a>,
    decoder: FrameDecoder,
    /// In a frame.
    open: bool,
}

impl<'a> Zstd<'a> {
    fn new(source: Source<'a>) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { source, decoder, open: false }
    }

    /// Begins the next frame; false behind the last.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let passed = io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                    if passed < length.into() {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn check(&self) -> io::Result<()> {
        let found = self.decoder.get_checksum_from_data();
        if found.is_some() && found != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("its checksum is wrong"));
        }
        Ok(())
    }
}

impl Read for Zstd<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open {
                self.open = self.begin()?;
                if !self.open {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, blocks).map_err(io::Error::other)?;
            }
            let read = self.decoder.read(target)?;
            if read > 0 {
                return Ok(read);
            }
            self.check()?;
            self.open = false;
        }
    }
}
