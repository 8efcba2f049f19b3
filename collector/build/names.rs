//! Gives the functions that the page's module takes from its glue short names in both.
//!
//! wasm-bindgen names them `__wbg_setAttribute_0123456789abcdef`: two hundred hashes, which no compression makes smaller.

use super::order::{leb128, number, sized};
use std::collections::HashMap;
use std::error::Error;
use wasmparser::Parser;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Section of imports.
const IMPORTS: u8 = 2;

/// Glue and module with short names.
pub(crate) fn shorten(glue: &str, module: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut out = module[..8].to_vec();
    let mut names = HashMap::new();
    for payload in Parser::new(0).parse_all(module) {
        let Some((id, range)) = payload?.as_section() else { continue };
        out.push(id);
        let content = &module[range];
        out.extend(sized(if id == IMPORTS { imports(content, &mut names)? } else { content.to_vec() }));
    }
    Ok((renamed(glue, &names), out))
}

/// The section with a new name for each field.
fn imports(section: &[u8], names: &mut HashMap<String, String>) -> Result<Vec<u8>> {
    let (count, mut at) = number(section, 0)?;
    let mut out = leb128(count);
    for _ in 0..count {
        let (length, start) = number(section, at)?;
        let field = start + length as usize;
        out.extend_from_slice(&section[at..field]);
        let (length, start) = number(section, field)?;
        let end = start + length as usize;
        let name = std::str::from_utf8(&section[start..end])?;
        let short = format!("_{}", names.len());
        out.extend(sized(names.entry(name.to_owned()).or_insert(short).as_bytes().to_vec()));
        // Kind and type of a function; the glue gives nothing else.
        if section.get(end) != Some(&0) {
            return Err("the module takes something else than functions".into());
        }
        let (_, next) = number(section, end + 1)?;
        out.extend_from_slice(&section[end..next]);
        at = next;
    }
    Ok(out)
}

/// Text with whole identifiers replaced.
fn renamed(glue: &str, names: &HashMap<String, String>) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut out = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some(start) = rest.find(is_part) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
        out.push_str(before);
        out.push_str(names.get(&word[..end]).map_or(&word[..end], String::as_str));
        rest = &word[end..];
    }
    out + rest
}
