//! What the kernel lets us know of its own symbols.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

/// Whether this user may see kernel addresses, without which its frames have no names.
pub(super) fn names_allowed() -> bool {
    let Ok(file) = File::open("/proc/kallsyms") else { return false };
    let mut line = String::new();
    // A failure leaves the line empty.
    BufReader::with_capacity(256, file).read_line(&mut line).ok();
    line.split(' ').next().is_some_and(|address| address.bytes().any(|digit| digit != b'0'))
}

/// Names one boot of the kernel, since addresses change with each.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
