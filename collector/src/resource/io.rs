//! Bytes read and written.

use super::Probe;
use crate::tree::Stat;
use perfcollect_shared::model::ResourceSample;
use perfcollect_shared::units::Bytes;
use std::fs;

/// From `/proc/PID/io`: what read and write calls moved, cached or not.
pub(super) struct Io;

impl Probe for Io {
    fn read(&self, _: &Stat, before: Option<&ResourceSample>, sample: &mut ResourceSample) {
        // Needs the right to trace; a program that gave up its own rights (setuid) hides it.
        let text = fs::read_to_string(format!("/proc/{}/io", sample.pid)).unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().parse().ok().map(Bytes)
        };
        sample.read_bytes = value("rchar:").or(before.and_then(|before| before.read_bytes));
        sample.written_bytes = value("wchar:").or(before.and_then(|before| before.written_bytes));
    }
}
