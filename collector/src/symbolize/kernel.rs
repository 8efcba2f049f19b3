//! Names of kernel functions, as far as this user may see them.
//!
//! `/proc/kallsyms` is made anew by the kernel for every reader, which takes longer than all else that a short recording
//! does at its end. The symbols of the kernel itself never change while one build of it runs, so they are kept in the
//! [`Cache`], by their distance from the kernel's start, which is another at each boot. Modules and programs that were
//! loaded into the kernel are always looked up in the file.

use super::cache::Cache;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader};

const KALLSYMS: &str = "/proc/kallsyms";
/// The start of the kernel is named early in the file.
const LINES_BEFORE_START: usize = 4096;

/// Names of sorted kernel addresses; none where the kernel has booted since.
pub(super) fn names(boot_id: &str, addresses: &[u64], cache: Option<&Cache>) -> Vec<Option<String>> {
    let now = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if now.trim() != boot_id || addresses.is_empty() {
        return vec![None; addresses.len()];
    }
    let open = || Some(BufReader::with_capacity(1 << 16, File::open(KALLSYMS).ok()?));
    names_of(&build(), open, addresses, cache)
}

/// A name for this build of the kernel, from its build id and version.
fn build() -> String {
    let mut identity = fs::read("/sys/kernel/notes").unwrap_or_default();
    identity.extend(fs::read("/proc/version").unwrap_or_default());
    format!("kernel-{:016x}", foldhash::quality::FixedState::with_seed(1).hash_one(identity))
}

fn names_of<R: BufRead>(
    build: &str,
    open: impl Fn() -> Option<R>,
    addresses: &[u64],
    cache: Option<&Cache>,
) -> Vec<Option<String>> {
    let nothing = || vec![None; addresses.len()];
    let cached = cache.and_then(|cache| cache.read(build));
    if let Some(table) = cached.as_deref().and_then(Table::parse)
        && let Some(start) = open().and_then(kernel_start)
    {
        let found: Option<Vec<&str>> =
            addresses.iter().map(|&address| table.find(address.checked_sub(start)?)).collect();
        if let Some(found) = found {
            return found.into_iter().map(|name| Some(name.to_owned())).collect();
        }
        return open().map_or_else(nothing, |file| find(file, addresses, |_| {}));
    }
    let mut symbols = Symbols::default();
    let names = open().map_or_else(nothing, |file| {
        find(file, addresses, |symbol| {
            if cache.is_some() {
                symbols.add(symbol);
            }
        })
    });
    if let Some(cache) = cache {
        symbols.store(cache, build);
    }
    names
}

/// A line of the file.
#[derive(Clone, Copy, Debug)]
struct Symbol<'a> {
    start: u64,
    name: &'a str,
    /// It is of the kernel itself, not of a module.
    own: bool,
}

/// The symbol before each address. Lines are `address type name [module]`, in no order. Tells `each` of every function.
fn find(mut symbols: impl BufRead, addresses: &[u64], mut each: impl FnMut(Symbol<'_>)) -> Vec<Option<String>> {
    let mut nearest: Vec<Option<(u64, String)>> = vec![None; addresses.len()];
    let mut line = Vec::new();
    while symbols.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        if let Some(symbol) = parse(&line).filter(|symbol| symbol.start > 0) {
            each(symbol);
            let first_after = addresses.partition_point(|&address| address < symbol.start);
            if let Some(slot) = nearest.get_mut(first_after)
                && slot.as_ref().is_none_or(|(known, _)| *known < symbol.start)
            {
                *slot = Some((symbol.start, symbol.name.to_owned()));
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

fn parse(line: &[u8]) -> Option<Symbol<'_>> {
    let text = str::from_utf8(line).ok()?;
    let mut parts = text.split_ascii_whitespace();
    let start = u64::from_str_radix(parts.next()?, 16).ok()?;
    matches!(parts.next()?, "t" | "T" | "w" | "W").then_some(())?;
    Some(Symbol { start, name: parts.next()?, own: parts.next().is_none() })
}

/// Where the kernel lies since it booted.
fn kernel_start(mut symbols: impl BufRead) -> Option<u64> {
    let mut line = Vec::new();
    for _ in 0..LINES_BEFORE_START {
        line.clear();
        symbols.read_until(b'\n', &mut line).ok().filter(|&read| read > 0)?;
        if let Some(symbol) = parse(&line).filter(|symbol| symbol.name == "_text" && symbol.start > 0) {
            return Some(symbol.start);
        }
    }
    None
}

/// The kernel's own functions on their way into the cache.
#[derive(Debug, Default)]
struct Symbols {
    start: Option<u64>,
    /// Address, where the name begins, its length.
    list: Vec<(u64, u32, u32)>,
    names: String,
}

impl Symbols {
    fn add(&mut self, Symbol { start, name, own }: Symbol<'_>) {
        if !own {
            return;
        }
        if name == "_text" {
            self.start = Some(start);
        }
        if let (Ok(at), Ok(length)) = (u32::try_from(self.names.len()), u32::try_from(name.len())) {
            self.list.push((start, at, length));
            self.names.push_str(name);
        }
    }

    /// Writes the table that [`Table`] reads: how many, then distance, place and length of each name, then all names.
    fn store(mut self, cache: &Cache, build: &str) {
        let Some(start) = self.start else { return };
        self.list.sort_by_key(|&(address, ..)| address);
        // Of several names the first in the file counts, as in `find`.
        self.list.dedup_by_key(|&mut (address, ..)| address);
        let mut rows = Vec::with_capacity(self.list.len() * ROW);
        for (address, at, length) in self.list {
            if let Some(distance) = address.checked_sub(start).and_then(|distance| u32::try_from(distance).ok()) {
                rows.extend([distance, at, length].map(u32::to_le_bytes).as_flattened());
            }
        }
        let count = u64::try_from(rows.len() / ROW).unwrap_or(0).to_le_bytes();
        cache.write(build, &[&count, &rows, self.names.as_bytes()]);
    }
}

/// Bytes of a row: three numbers of four.
const ROW: usize = 12;

/// A cached table, read where it lies.
struct Table<'a> {
    rows: &'a [[u8; ROW]],
    names: &'a [u8],
}

impl<'a> Table<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk()?;
        let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
        let (rows, names) = rest.split_at_checked(count.checked_mul(ROW)?)?;
        Some(Self { rows: rows.as_chunks().0, names })
    }

    /// The function at a distance from the kernel's start; `None` behind the last one, where modules may be.
    fn find(&self, distance: u64) -> Option<&'a str> {
        let number = |row: &[u8; ROW], at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        let after = self.rows.partition_point(|row| u64::from(number(row, 0)) <= distance);
        let row = self.rows.get(after.checked_sub(1)?).filter(|_| after < self.rows.len())?;
        let (at, length) = (number(row, 4) as usize, number(row, 8) as usize);
        str::from_utf8(self.names.get(at..at.checked_add(length)?)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_symbol_before_an_address_names_it() {
        let symbols = b"30 T late\n10 t early\n20 D data\n18 t middle\t[module]\n";
        let names = find(&symbols[..], &[0x5, 0x12, 0x17, 0x18, 0x25, 0x40], |_| {});
        let expect = [None, Some("early"), Some("early"), Some("middle"), Some("middle"), Some("late")];
        assert_eq!(names, expect.map(|name| name.map(str::to_owned)));
    }

    /// The kernel at `start`, with a module far behind it.
    fn kallsyms(start: u64) -> String {
        let lines =
            [(0, "T _text"), (0, "T other"), (0x40, "t two"), (0x20, "t one"), (0x60, "D data"), (0x80, "T end")];
        let own = lines.iter().map(|(at, name)| format!("{:x} {name}\n", start + at)).collect::<Vec<_>>().concat();
        format!("0 A percpu\n{own}{:x} t loaded\t[module]\n", start + 0x1000)
    }

    #[test]
    fn the_kernels_own_symbols_are_read_once_and_modules_always() {
        let temp = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(temp.path());
        let (opened, whole) = (Cell::new(0), Cell::new(false));
        let check = |start: u64, at: &[u64], expect: &[Option<&str>]| {
            let text = kallsyms(start);
            let addresses: Vec<u64> = at.iter().map(|at| start + at).collect();
            opened.set(0);
            let open = || {
                opened.set(opened.get() + 1);
                let bytes = text.as_bytes();
                // The start alone is read of a table that is known.
                Some(if whole.get() { bytes } else { &bytes[..text.find("two").unwrap()] })
            };
            let names = names_of("kernel-1", open, &addresses, Some(&cache));
            let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
            assert_eq!(names, expect, "{start:x} {at:x?}");
        };
        whole.set(true);
        check(0x1000, &[0, 0x25, 0x7f], &[Some("_text"), Some("one"), Some("two")]);
        whole.set(false);
        check(0x1000, &[0, 0x25, 0x7f], &[Some("_text"), Some("one"), Some("two")]);
        check(0x5000, &[0x40], &[Some("two")]);
        whole.set(true);
        check(0x5000, &[0x40, 0x1001], &[Some("two"), Some("loaded")]);
        std::fs::write(temp.path().join("kernel-1"), "nonsense").unwrap();
        check(0x1000, &[0x41], &[Some("two")]);
        whole.set(false);
        check(0x1000, &[0x41], &[Some("two")]);
    }

    #[test]
    fn nothing_is_kept_where_addresses_are_hidden() {
        let temp = tempfile::tempdir().unwrap();
        let hidden = b"0000000000000000 T _text\n0000000000000000 T one\n";
        let names = names_of("kernel-1", || Some(&hidden[..]), &[7], Some(&Cache::in_folder(temp.path())));
        assert_eq!(names, [None]);
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}
