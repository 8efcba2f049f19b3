//! Bytes of a source file as text: byte order mark, PEP 263 declaration, else UTF-8.

use encoding_rs::Encoding;
use std::borrow::Cow;

/// The text of a file, or why it is none.
///
/// # Errors
/// What is wrong, and in which line where that is known.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, (Option<u32>, String)> {
    let (bytes, marked) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err((Some(1), "is UTF-16, which Python does not read; save it as UTF-8".into()));
    }
    if let Some(at) = bytes.iter().take(4096).position(|byte| *byte == 0) {
        return Err((Some(line_of(bytes, at)), "holds null bytes, so that it is no Python source".into()));
    }
    let declared = declaration(bytes);
    let name = declared.as_deref().unwrap_or("utf-8");
    if matches!(name, "utf-8" | "utf8" | "u8" | "utf" | "utf-8-sig" | "ascii" | "us-ascii" | "646") || marked {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
            let line = line_of(bytes, error.valid_up_to());
            (Some(line), "is not UTF-8 and declares no other encoding; add a `coding` comment (PEP 263)".to_owned())
        });
    }
    let label = label(name);
    let Some(encoding) = Encoding::for_label(label.as_bytes()) else {
        return Err((Some(1), format!("declares the encoding '{name}', which is not known here")));
    };
    let (text, _, broken) = encoding.decode(bytes);
    if broken {
        return Err((None, format!("is not in the encoding '{name}' that it declares")));
    }
    Ok(text)
}

fn line_of(bytes: &[u8], at: usize) -> u32 {
    u32::try_from(bytes[..at].split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// `coding[:=]\s*([-\w.]+)` in a comment of the first two lines, the second only where the first is blank or a comment.
fn declaration(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let line = line.trim_ascii_start();
        if !line.is_empty() && !line.starts_with(b"#") {
            return None;
        }
        let text = String::from_utf8_lossy(line);
        let Some((_, after)) = text.split_once("coding") else { continue };
        let Some(after) = after.strip_prefix([':', '=']) else { continue };
        let name: String = after
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            .collect();
        if !name.is_empty() {
            return Some(name.to_ascii_lowercase().replace('_', "-"));
        }
    }
    None
}

/// Python's names of encodings that the web calls otherwise.
fn label(name: &str) -> String {
    match name {
        "latin-1" | "latin1" | "iso-latin-1" | "l1" | "8859" => "iso-8859-1".into(),
        "cp932" | "ms932" | "mskanji" | "sjis" | "shiftjis" | "s-jis" => "shift_jis".into(),
        "cp949" | "uhc" => "euc-kr".into(),
        "cp936" | "ms936" | "gb2312" => "gbk".into(),
        "cp950" | "ms950" => "big5".into(),
        "eucjp" | "ujis" => "euc-jp".into(),
        "mac-roman" | "macroman" => "macintosh".into(),
        "koi8-r" | "koi8-u" => name.into(),
        other => match other.strip_prefix("cp125") {
            Some(digit) => format!("windows-125{digit}"),
            None => other.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn encodings_are_told_as_python_tells_them() {
        assert_eq!(decode(b"x = 1\n").unwrap(), "x = 1\n");
        assert_eq!(decode(b"\xef\xbb\xbfx = 1\n").unwrap(), "x = 1\n");
        assert_eq!(
            decode(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n").unwrap(),
            "# -*- coding: latin-1 -*-\nx = '\u{e9}'\n"
        );
        assert!(decode(b"#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\n\xcf = 1\n").unwrap().contains('П'));
        assert_eq!(decode(b"# coding: shift_jis\nx = '\x83\x5c'\n").unwrap(), "# coding: shift_jis\nx = 'ソ'\n");
        // The second line counts only behind a comment.
        assert!(decode(b"x = 1\n# coding: latin-1\ny = '\xe9'\n").is_err());
    }

    #[test]
    fn what_is_no_text_says_so_with_its_line() {
        assert_eq!(decode(b"a = 1\nb = '\xe9'\n").unwrap_err().0, Some(2));
        assert!(decode(b"\xff\xfea\0").unwrap_err().1.contains("UTF-16"));
        assert!(decode(b"# coding: klingon\n").unwrap_err().1.contains("klingon"));
        assert!(decode(b"a\0b").unwrap_err().1.contains("null bytes"));
    }
}
