//! JSON lines, appended and read back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest time that a line stays in our memory, so that a kill loses less than a second.
const FLUSH_EVERY: Duration = Duration::from_millis(400);

/// Appends values as JSON lines. After the first failure it drops what follows and keeps the error.
#[derive(Debug)]
pub struct LineWriter {
    file: BufWriter<File>,
    flushed: Instant,
    failed: Option<io::Error>,
}

impl LineWriter {
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { file: BufWriter::with_capacity(64 * 1024, file), flushed: Instant::now(), failed: None })
    }

    pub fn push(&mut self, value: &impl Serialize) {
        if self.failed.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.file, value).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| self.file.write_all(b"\n")) {
            self.failed = Some(error);
        } else if self.flushed.elapsed() > FLUSH_EVERY {
            self.flush();
        }
    }

    /// Hands everything to the kernel. Called by each writer's loop at least every half second.
    pub fn flush(&mut self) {
        self.flushed = Instant::now();
        if let Err(error) = self.file.flush() {
            self.failed.get_or_insert(error);
        }
    }

    /// Flushes; the first error of the file's life, if there was one.
    pub fn finish(mut self) -> Option<io::Error> {
        self.flush();
        self.failed
    }
}

/// Reads the lines of a spool file in order. A missing file has none; a cut or damaged line ends the reading, and its
/// number is returned.
///
/// # Errors
/// When the file cannot be read.
pub fn read_lines<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> io::Result<Option<u64>> {
    each_line(path, |line| serde_json::from_slice(line).map(&mut take).is_ok())
}

/// The same for a reader that parses by itself, and says whether it could.
pub(super) fn each_line(path: &Path, mut parse: impl FnMut(&[u8]) -> bool) -> io::Result<Option<u64>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        number += 1;
        if !line.ends_with(b"\n") || !parse(&line) {
            return Ok(Some(number));
        }
    }
}
