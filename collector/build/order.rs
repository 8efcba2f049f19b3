//! Puts functions that resemble each other beside each other, so that the page packs to 5 % less.
//!
//! Deflate looks back 32 KiB; compilers write the many copies of a generic function far apart. Their order means nothing in
//! a module: only the numbers by which functions are called, exported and listed in tables change with it.

use std::collections::HashMap;
use std::error::Error;
use std::ops::Range;
use wasmparser::{BinaryReader, FunctionBody, Operator, Parser, Payload};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Length of the pieces by which functions are compared, in bytes.
const PIECE: usize = 6;
/// Pieces in more functions than this tell nothing.
const COMMON: usize = 400;

/// A number of a function in the file: where it stands and which function it names.
struct Mention {
    place: Range<usize>,
    function: u32,
}

/// The same module with its functions in another order.
pub(crate) fn reorder(module: &[u8]) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut types: Vec<&[u8]> = Vec::new();
    let mut bodies: Vec<Range<usize>> = Vec::new();
    let mut mentions = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => imported = imports(module, section.range())?,
            Payload::FunctionSection(section) => types = numbers(module, section.range())?,
            Payload::ExportSection(section) => exports(module, section.range(), &mut mentions)?,
            Payload::StartSection { func, range } => mentions.push(Mention { place: range, function: func }),
            Payload::ElementSection(section) => elements(section, &mut mentions, module)?,
            Payload::CodeSectionEntry(body) => {
                called(module, &body, &mut mentions)?;
                bodies.push(body.range());
            }
            _ => {}
        }
    }
    let order = chain(&bodies.iter().map(|range| &module[range.clone()]).collect::<Vec<_>>());
    let mut renumbered: Vec<u32> = (0..imported).collect();
    renumbered.resize(renumbered.len() + order.len(), 0);
    for (place, &old) in (imported..).zip(&order) {
        renumbered[imported as usize + old] = place;
    }
    mentions.sort_by_key(|mention| mention.place.start);
    let changed = |range: Range<usize>| patched(module, range, &mentions, &renumbered);
    let mut out = module[..8].to_vec();
    for payload in Parser::new(0).parse_all(module) {
        let Some((id, range)) = payload?.as_section() else { continue };
        let content = match id {
            3 => list(order.iter().map(|&old| types[old].to_vec())),
            10 => list(order.iter().map(|&old| sized(changed(bodies[old].clone())))),
            _ => changed(range),
        };
        out.push(id);
        out.extend(sized(content));
    }
    Ok(out)
}

/// A function, then the one most like it that is left, and so on; the largest that is left where none is alike.
fn chain(bodies: &[&[u8]]) -> Vec<usize> {
    let pieces: Vec<Vec<u64>> = bodies.iter().map(|body| pieces(body)).collect();
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    for (function, pieces) in pieces.iter().enumerate() {
        for &piece in pieces {
            holders.entry(piece).or_default().push(function);
        }
    }
    let mut largest: Vec<usize> = (0..bodies.len()).collect();
    largest.sort_by_key(|&function| (bodies[function].len(), function));
    let mut left = vec![true; bodies.len()];
    let mut order = Vec::with_capacity(bodies.len());
    let mut shared = vec![0u64; bodies.len()];
    let mut next = None;
    while let Some(function) = next.take().or_else(|| largest.pop()) {
        if !std::mem::take(&mut left[function]) {
            continue;
        }
        order.push(function);
        let mut alike = Vec::new();
        let known = pieces[function].iter().filter_map(|piece| holders.get(piece)).filter(|known| known.len() < COMMON);
        for &other in known.flatten().filter(|&&other| left[other]) {
            if shared[other] == 0 {
                alike.push(other);
            }
            shared[other] += 1;
        }
        // Pieces in common by all pieces of both (Jaccard 1912).
        let all = |other: usize| (pieces[function].len() + pieces[other].len()) as u64 - shared[other];
        let score = |other: usize| shared[other] * 1_000_000 / all(other).max(1);
        next = alike.iter().copied().max_by_key(|&other| (score(other), other));
        for other in alike {
            shared[other] = 0;
        }
    }
    order
}

/// Hashes of the pieces of a body, each once.
fn pieces(body: &[u8]) -> Vec<u64> {
    let hash = |piece: &[u8]| {
        let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = piece.iter().fold(0xcbf2_9ce4_8422_2325, step);
        hash ^ hash >> 29
    };
    let mut pieces: Vec<u64> = body.windows(PIECE).map(hash).collect();
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

/// How many functions come from outside; they keep their numbers.
fn imports(module: &[u8], section: Range<usize>) -> Result<u32> {
    let reader = wasmparser::ImportSectionReader::new(BinaryReader::new(&module[section.clone()], section.start))?;
    let mut functions = 0;
    for import in reader.into_imports() {
        functions += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_)));
    }
    Ok(functions)
}

/// The bytes of each number of a list of numbers.
fn numbers(module: &[u8], section: Range<usize>) -> Result<Vec<&[u8]>> {
    let (count, mut at) = number(module, section.start)?;
    let mut list = Vec::new();
    for _ in 0..count {
        let (_, end) = number(module, at)?;
        list.push(&module[at..end]);
        at = end;
    }
    Ok(list)
}

fn exports(module: &[u8], section: Range<usize>, mentions: &mut Vec<Mention>) -> Result<()> {
    let (count, mut at) = number(module, section.start)?;
    for _ in 0..count {
        let (length, name) = number(module, at)?;
        let kind = name + length as usize;
        let (function, end) = number(module, kind + 1)?;
        if module[kind] == 0 {
            mentions.push(Mention { place: kind + 1..end, function });
        }
        at = end;
    }
    Ok(())
}

fn elements(section: wasmparser::ElementSectionReader<'_>, mentions: &mut Vec<Mention>, module: &[u8]) -> Result<()> {
    for element in section {
        match element?.items {
            wasmparser::ElementItems::Functions(functions) => {
                for item in functions.into_iter_with_offsets() {
                    let (at, function) = item?;
                    mentions.push(Mention { place: at..number(module, at)?.1, function });
                }
            }
            wasmparser::ElementItems::Expressions(..) => return Err("tables of expressions are not known here".into()),
        }
    }
    Ok(())
}

/// Calls and pointers to functions in a body.
fn called(module: &[u8], body: &FunctionBody<'_>, mentions: &mut Vec<Mention>) -> Result<()> {
    for operator in body.get_operators_reader()?.into_iter_with_offsets() {
        let (operator, at) = operator?;
        if let Operator::Call { function_index: function }
        | Operator::ReturnCall { function_index: function }
        | Operator::RefFunc { function_index: function } = operator
        {
            mentions.push(Mention { place: at + 1..number(module, at + 1)?.1, function });
        }
    }
    Ok(())
}

/// A part of the file with the new numbers.
fn patched(module: &[u8], range: Range<usize>, mentions: &[Mention], renumbered: &[u32]) -> Vec<u8> {
    let first = mentions.partition_point(|mention| mention.place.start < range.start);
    let mut out = Vec::with_capacity(range.len());
    let mut at = range.start;
    for mention in mentions[first..].iter().take_while(|mention| mention.place.start < range.end) {
        out.extend_from_slice(&module[at..mention.place.start]);
        out.extend(leb128(renumbered[mention.function as usize]));
        at = mention.place.end;
    }
    out.extend_from_slice(&module[at..range.end]);
    out
}

/// Items with their number before them.
fn list(items: impl ExactSizeIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = leb128(u32::try_from(items.len()).unwrap_or(u32::MAX));
    items.for_each(|item| out.extend(item));
    out
}

/// Bytes with their length before them.
pub(crate) fn sized(content: Vec<u8>) -> Vec<u8> {
    let mut out = leb128(u32::try_from(content.len()).unwrap_or(u32::MAX));
    out.extend(content);
    out
}

pub(crate) fn leb128(mut value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        out.push(if value == 0 { byte } else { byte | 0x80 });
        if value == 0 {
            return out;
        }
    }
}

/// A number and where it ends.
pub(crate) fn number(module: &[u8], at: usize) -> Result<(u32, usize)> {
    let mut reader = BinaryReader::new(module.get(at..).ok_or("the module ends too early")?, at);
    let value = reader.read_var_u32()?;
    Ok((value, reader.original_position()))
}
