//! Functions of symbol tables, and the stubs of dynamic linking.

use object::elf::{R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationFlags, SymbolKind};
use std::cmp::Reverse;

/// A symbol that covers an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cover<'a> {
    /// Symbols with a size come before labels that only precede the address.
    sized: bool,
    start: u64,
    function: bool,
    /// Of aliases the best known counts: `write` rather than the library's own `__GI___libc_write`.
    exported: bool,
    /// `malloc` rather than `__libc_malloc`.
    underscores: Reverse<usize>,
    name: &'a str,
}

/// Names of sorted addresses, each by the symbol that covers it. One pass over the table, which may be large.
pub(super) fn names<'a>(object: &object::File<'a>, addresses: &[u64]) -> Vec<Option<&'a str>> {
    let mut best: Vec<Option<Cover<'a>>> = vec![None; addresses.len()];
    let tables = [object.symbol_table(), object.dynamic_symbol_table()];
    // Where labels without a size end at the latest: the end of their section.
    let section_ends: Vec<(u64, u64)> =
        object.sections().map(|section| (section.address(), section.address() + section.size())).collect();
    for symbol in tables.into_iter().flatten().flat_map(|table| table.symbols()) {
        let function = symbol.kind() == SymbolKind::Text;
        if symbol.is_undefined() || !(function || symbol.kind() == SymbolKind::Unknown) {
            continue;
        }
        let (start, size) = (symbol.address(), symbol.size());
        let from = addresses.partition_point(|&a| a < start);
        if from == addresses.len() {
            continue;
        }
        let end = match size {
            0 => section_ends.iter().find(|(s, e)| (*s..*e).contains(&start)).map_or(start, |&(_, end)| end),
            _ => start.saturating_add(size),
        };
        let to = addresses.partition_point(|&a| a < end);
        let Some(name) = symbol.name().ok().filter(|name| from < to && usable(name)) else { continue };
        let exported = symbol.is_global() || symbol.is_weak();
        let underscores = Reverse(underscores(name));
        let cover = Cover { sized: size > 0, start, function, exported, underscores, name };
        for slot in &mut best[from..to] {
            *slot = (*slot).max(Some(cover));
        }
    }
    best.into_iter().map(|cover| cover.map(|cover| cover.name)).collect()
}

/// How many underscores a name begins with: the more, the less it is known.
pub(super) fn underscores(name: &str) -> usize {
    name.bytes().take_while(|&byte| byte == b'_').count()
}

/// Mapping symbols of ARM and labels of the assembler name no function.
fn usable(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('$') && !name.starts_with(".L")
}

/// Name of the function that a stub of the procedure linkage table jumps to.
///
/// All forms of x86-64 stubs are 16 bytes with one `jmp *slot(%rip)`; a relocation says whose address the slot gets.
pub(super) fn stub_name<'a>(object: &object::File<'a>, address: u64) -> Option<&'a str> {
    const ENTRY: u64 = 16;
    if object.architecture() != Architecture::X86_64 {
        return None;
    }
    let section = object.sections().find(|section| {
        section.name().is_ok_and(|name| name.starts_with(".plt"))
            && (section.address()..section.address() + section.size()).contains(&address)
    })?;
    let entry = section.address() + (address - section.address()) / ENTRY * ENTRY;
    let code = section.data_range(entry, ENTRY).ok()??;
    let jump = code.windows(6).position(|bytes| bytes.starts_with(&[0xff, 0x25]))?;
    let displacement = i32::from_le_bytes(code[jump + 2..jump + 6].try_into().ok()?);
    let slot = (entry + jump as u64 + 6).checked_add_signed(displacement.into())?;
    let symbols = object.dynamic_symbol_table()?;
    object.dynamic_relocations()?.find_map(|(at, relocation)| {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { return None };
        if at != slot || !(r_type == R_X86_64_JUMP_SLOT || r_type == R_X86_64_GLOB_DAT) {
            return None;
        }
        let object::RelocationTarget::Symbol(index) = relocation.target() else { return None };
        symbols.symbol_by_index(index).ok()?.name().ok()
    })
}
