//! The bundle out of a page that `export --to html` wrote, bit for bit; the first one where it holds several. See `export::html` for the form.

use super::{Detection, ImportError, Imported, Importer};
use crate::export::html::{BUNDLE_ELEMENT, CLOSING, opening};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// The importer of exported reports.
pub struct Html;

impl Importer for Html {
    fn id(&self) -> &'static str {
        "html"
    }

    fn extension(&self) -> &'static str {
        ".html"
    }

    fn detect(&self, head: &[u8]) -> Detection {
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        if text.contains("<meta name=\"generator\" content=\"perfcollect\">") {
            Detection::Yes
        } else if text.trim_start_matches('\u{feff}').trim_start().starts_with("<!doctype html")
            || text.contains("<html")
        {
            Detection::Maybe
        } else {
            Detection::No
        }
    }

    fn import<'a>(&self, bytes: &'a [u8]) -> Result<Imported<'a>, ImportError> {
        bundle_bytes(bytes).map(|bundle| Imported::Bundle(Cow::Owned(bundle)))
    }
}

/// The bundle in the bytes of a page.
///
/// # Errors
/// When the page holds none, was cut, or was changed.
pub fn bundle_bytes(page: &[u8]) -> Result<Vec<u8>, ImportError> {
    let opening = opening(BUNDLE_ELEMENT);
    let start = find(page, opening.as_bytes()).ok_or(ImportError::NoBundle)? + opening.len();
    let rest = &page[start..];
    let end = find(rest, CLOSING.as_bytes()).ok_or(ImportError::Cut(page.len()))?;
    decode(&rest[..end]).map_err(|error| match error {
        ImportError::Damaged(at) => ImportError::Damaged(start + at),
        other => other,
    })
}

/// The bundle in the text of its element.
///
/// # Errors
/// When the text is empty or no base64.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, ImportError> {
    let text = text.as_ref().trim_ascii();
    if text.is_empty() {
        return Err(ImportError::NoBundle);
    }
    STANDARD.decode(text).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            ImportError::Damaged(at)
        }
        base64::DecodeError::InvalidLength(at) => ImportError::Damaged(at),
        base64::DecodeError::InvalidPadding => ImportError::Damaged(text.len()),
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    // By the rare first byte: the module before the bundle is a megabyte of base64, which has no '<'.
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|&byte| byte == wanted[0]) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::html::{HtmlParts, document};
    use crate::import::import;

    fn page(bundle: &[u8]) -> Vec<u8> {
        let parts = HtmlParts {
            boot_js: "b()",
            js: "j('</script>')",
            wasm_lzma: &[31, 139, 8],
            css: "",
            icon_svg: "",
            title: "t",
            name: "t.perf.zip",
        };
        document(&parts, bundle, &[]).into_bytes()
    }

    #[test]
    fn every_length_comes_back_bit_for_bit() {
        for length in 1..200u8 {
            let bundle: Vec<u8> = (0..length).map(|n| n.wrapping_mul(167)).collect();
            assert_eq!(import(&page(&bundle)), Ok(Imported::Bundle(bundle.into())));
        }
    }

    #[test]
    fn a_page_that_is_cut_says_so() {
        let page = page(&[7; 300]);
        let start = find(&page, BUNDLE_ELEMENT.as_bytes()).unwrap();
        assert_eq!(bundle_bytes(&page[..start + 200]), Err(ImportError::Cut(start + 200)));
        assert_eq!(bundle_bytes(&page[..start - 60]), Err(ImportError::NoBundle));
    }

    #[test]
    fn a_changed_page_names_the_place() {
        let mut page = page(&[7; 300]);
        let at = find(&page, BUNDLE_ELEMENT.as_bytes()).unwrap() + 100;
        page[at] = b'!';
        assert_eq!(bundle_bytes(&page), Err(ImportError::Damaged(at)));
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(import(b"<!DOCTYPE html><p>hello"), Err(ImportError::NoBundle));
        assert_eq!(import(b"hello"), Err(ImportError::Unknown));
        assert_eq!(import(b""), Err(ImportError::Empty));
        assert_eq!(import(b"PK\x03\x04rest"), Ok(Imported::Bundle(Cow::Borrowed(b"PK\x03\x04rest"))));
    }
}
