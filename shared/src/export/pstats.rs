//! The file of Python's profilers, for `pstats.Stats`, snakeviz, gprof2dot and others: a marshalled dictionary.
//!
//! Form of the dictionary: `Lib/cProfile.py` (`create_stats`); of the bytes: `Python/marshal.c`, version 2 and its
//! types `{ ( i l g u 0`, which every Python since 2.5 reads.

use super::{ExportError, ExportInput, Exporter};
use crate::derive::calls::{CallKey, CallSums, merged};
use crate::units::Nanos;

/// The exporter of `--to pstats`.
pub struct Pstats;

impl Exporter for Pstats {
    fn id(&self) -> &'static str {
        "pstats"
    }

    fn extension(&self) -> &'static str {
        "prof"
    }

    fn what(&self) -> &'static str {
        "exact calls (`run --python calls`) as cProfile saves them, all processes added up"
    }

    fn export(&self, input: &ExportInput) -> Result<Vec<u8>, ExportError> {
        if input.bundle.calls.is_empty() {
            return Err(ExportError::NoCalls);
        }
        let mut out = Marshal(Vec::new());
        out.0.push(b'{');
        for (key, totals) in merged(&input.bundle.calls) {
            let CallSums { calls, primitive, self_ns, total_ns } = totals.sums;
            out.key(key);
            out.tuple(5);
            out.integer(primitive);
            out.integer(calls);
            out.seconds(self_ns);
            out.seconds(total_ns);
            out.0.push(b'{');
            for (caller, by) in totals.callers {
                out.key(caller);
                // In this order, unlike above.
                out.tuple(4);
                out.integer(by.calls);
                out.integer(by.primitive);
                out.seconds(by.self_ns);
                out.seconds(by.total_ns);
            }
            out.0.push(b'0');
        }
        out.0.push(b'0');
        Ok(out.0)
    }
}

/// Writes Python objects.
struct Marshal(Vec<u8>);

impl Marshal {
    fn key(&mut self, (file, line, name): CallKey<'_>) {
        self.tuple(3);
        self.text(file);
        self.integer(u64::from(line));
        self.text(name);
    }

    fn tuple(&mut self, items: u32) {
        self.0.push(b'(');
        self.0.extend(items.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        // A name of 4 GiB does not come out of a bundle.
        let length = u32::try_from(text.len()).unwrap_or(0);
        self.0.push(b'u');
        self.0.extend(length.to_le_bytes());
        self.0.extend(text.bytes().take(length as usize));
    }

    /// A 32-bit integer, or digits of 15 bits, least first.
    fn integer(&mut self, value: u64) {
        if let Ok(small) = i32::try_from(value) {
            self.0.push(b'i');
            self.0.extend(small.to_le_bytes());
            return;
        }
        let digits: Vec<u64> =
            std::iter::successors(Some(value), |rest| Some(rest >> 15)).take_while(|&rest| rest > 0).collect();
        self.0.push(b'l');
        self.0.extend(u32::try_from(digits.len()).unwrap_or(0).to_le_bytes());
        for digit in digits {
            self.0.extend(((digit & 0x7fff) as u16).to_le_bytes());
        }
    }

    fn seconds(&mut self, time: Nanos) {
        self.0.push(b'g');
        self.0.extend(time.as_secs_f64().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: u64, expect: &[u8]) {
        let mut out = Marshal(Vec::new());
        out.integer(value);
        assert_eq!(out.0, expect, "{value}");
    }

    #[test]
    fn integers_are_as_python_marshals_them() {
        check(7, b"i\x07\0\0\0");
        check(0x7fff_ffff, b"i\xff\xff\xff\x7f");
        // marshal.dumps(2**31, 2) and marshal.dumps(2**45 + 1, 2)
        check(0x8000_0000, b"l\x03\0\0\0\0\0\0\0\x02\0");
        check((1 << 45) + 1, b"l\x04\0\0\0\x01\0\0\0\0\0\x01\0");
    }
}
