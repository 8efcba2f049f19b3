//! Names of kernel functions, as far as this user may see them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

/// Names of sorted kernel addresses; none where the kernel has booted since.
pub(super) fn names(boot_id: &str, addresses: &[u64]) -> Vec<Option<String>> {
    let now = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    match File::open("/proc/kallsyms") {
        Ok(file) if now.trim() == boot_id => find(BufReader::with_capacity(1 << 18, file), addresses),
        _ => vec![None; addresses.len()],
    }
}

/// The symbol before each address. Lines are `address type name [module]`, in no order.
fn find(mut symbols: impl BufRead, addresses: &[u64]) -> Vec<Option<String>> {
    let mut nearest: Vec<Option<(u64, String)>> = vec![None; addresses.len()];
    let mut line = Vec::new();
    while symbols.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        if let Some((start, name)) = parse(&line) {
            let first_after = addresses.partition_point(|&address| address < start);
            if let Some(slot) = nearest.get_mut(first_after)
                && start > 0
                && slot.as_ref().is_none_or(|(known, _)| *known < start)
            {
                *slot = Some((start, name.to_owned()));
            }
        }
        line.clear();
    }
    let mut last = None;
    nearest
        .into_iter()
        .map(|slot| {
            last = slot.or_else(|| last.take());
            last.as_ref().map(|(_, name)| name.clone())
        })
        .collect()
}

fn parse(line: &[u8]) -> Option<(u64, &str)> {
    let text = str::from_utf8(line).ok()?;
    let mut parts = text.split_ascii_whitespace();
    let start = u64::from_str_radix(parts.next()?, 16).ok()?;
    matches!(parts.next()?, "t" | "T" | "w" | "W").then_some(())?;
    Some((start, parts.next()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_symbol_before_an_address_names_it() {
        let symbols = b"30 T late\n10 t early\n20 D data\n18 t middle\t[module]\n";
        let names = super::find(&symbols[..], &[0x5, 0x12, 0x17, 0x18, 0x25, 0x40]);
        let expect = [None, Some("early"), Some("early"), Some("middle"), Some("middle"), Some("late")];
        assert_eq!(names, expect.map(|name| name.map(str::to_owned)));
    }
}
