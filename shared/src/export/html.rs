//! One HTML file that holds a bundle and the page that shows it. Opens from disk, without a network.
//!
//! Form: two inline scripts and one inline style, named by hash in the policy; the compressed WebAssembly module and the
//! bundle as base64 in `<script type="application/octet-stream">`, whose alphabet cannot end the element. Bundles that it is
//! set against follow in elements of their own; readers of the first one need not know of them.

use super::{ExportError, ExportInput, Exporter};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Id of the element that holds the bundle.
pub const BUNDLE_ELEMENT: &str = "perfcollect-bundle";
/// Start of the ids of the elements that hold the bundles it is set against: a number from 1 follows. Their names are in
/// `data-name`.
pub const AGAINST_ELEMENT: &str = "perfcollect-against-";
/// Id of the element that holds the module, as `static/start.js` knows it.
const VIEWER_ELEMENT: &str = "perfcollect-viewer";

/// The parts of the viewer that go into the page.
#[derive(Clone, Copy, Debug)]
pub struct HtmlParts<'a> {
    /// Sets the colours before the first paint.
    pub boot_js: &'a str,
    /// Glue of the module, and what starts it.
    pub js: &'a str,
    /// The module as `static/unpack.js` reads it.
    pub wasm_lzma: &'a [u8],
    pub css: &'a str,
    pub icon_svg: &'a str,
    /// Name of the recording, as plain text.
    pub title: &'a str,
    /// What the page calls the bundle beside others: the file's name.
    pub name: &'a str,
}

/// A bundle that the first one is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Against {
    /// What the page's address calls it; unlike that of any other in the page.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The exporter of `--to html`.
pub struct Html;

impl Exporter for Html {
    fn id(&self) -> &'static str {
        "html"
    }

    fn extension(&self) -> &'static str {
        "html"
    }

    fn what(&self) -> &'static str {
        "one page that opens from disk and holds the bundle"
    }

    fn export(&self, input: &ExportInput) -> Result<Vec<u8>, ExportError> {
        let parts = input.viewer.ok_or(ExportError::NoViewer)?;
        Ok(document(&parts, input.bytes, input.against).into_bytes())
    }
}

/// The page with `bundle` in it; the page compares it with the others, the first of which is the base.
#[must_use]
pub fn document(parts: &HtmlParts, bundle: &[u8], against: &[Against]) -> String {
    let (boot, js, css) = (script_safe(parts.boot_js), script_safe(parts.js), style_safe(parts.css));
    let policy = format!(
        "default-src 'none'; script-src {} {} 'wasm-unsafe-eval'; style-src {}; img-src data:; worker-src blob:; base-uri 'none'; form-action 'none'",
        source(&boot),
        source(&js),
        source(&css)
    );
    let icon = STANDARD.encode(parts.icon_svg);
    let bundles = bundle.len() + against.iter().map(|other| other.bytes.len()).sum::<usize>();
    let mut page = String::with_capacity((bundles + parts.wasm_lzma.len()) / 3 * 4 + js.len() + css.len() + 4096);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let mut line = |text: std::fmt::Arguments| {
        // A String takes whatever is written.
        page.write_fmt(text).ok();
        page.push('\n');
    };
    line(format_args!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"));
    line(format_args!("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"));
    line(format_args!("<meta name=\"generator\" content=\"perfcollect\">"));
    line(format_args!("<title>{}</title>", text_safe(parts.title)));
    line(format_args!("<link rel=\"icon\" href=\"data:image/svg+xml;base64,{icon}\">"));
    line(format_args!("<style>{css}</style>"));
    line(format_args!("<script>{boot}</script>\n</head>\n<body data-name=\"{}\">", quoted(parts.name)));
    line(format_args!(
        "<noscript>This page reads a recording on your own machine and needs JavaScript and WebAssembly for it. \
         In the terminal: perfcollect import THIS.html</noscript>"
    ));
    line(format_args!("{}{}{CLOSING}", opening(VIEWER_ELEMENT), STANDARD.encode(parts.wasm_lzma)));
    line(format_args!("{}{}{CLOSING}", opening(BUNDLE_ELEMENT), STANDARD.encode(bundle)));
    for (number, other) in (1..).zip(against) {
        let name = quoted(&other.name);
        line(format_args!(
            "<script type=\"application/octet-stream\" id=\"{AGAINST_ELEMENT}{number}\" data-name=\"{name}\">{}{CLOSING}",
            STANDARD.encode(&other.bytes)
        ));
    }
    line(format_args!("<script>{js}</script>\n</body>\n</html>"));
    page
}

/// What stands before the base64 of an element.
pub(crate) fn opening(id: &str) -> String {
    format!("<script type=\"application/octet-stream\" id=\"{id}\">")
}
/// What stands after it.
pub(crate) const CLOSING: &str = "</script>";

/// The source expression of the content security policy that allows this text inline.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// Our scripts have these words in strings at most, where `\/` and `\x21` mean the same.
fn script_safe(text: &str) -> String {
    text.replace("</script", "<\\/script").replace("</SCRIPT", "<\\/SCRIPT").replace("<!--", "<\\x21--")
}

fn style_safe(text: &str) -> String {
    text.replace("</style", "<\\/style")
}

fn quoted(text: &str) -> String {
    text_safe(text).replace('"', "&quot;")
}

fn text_safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(js: &str, title: &str, bundle: &[u8]) -> String {
        let parts = HtmlParts {
            boot_js: "boot()",
            js,
            wasm_lzma: &[1, 2, 3],
            css: "a{}",
            icon_svg: "<svg/>",
            title,
            name: title,
        };
        document(&parts, bundle, &[])
    }

    #[test]
    fn the_bundles_it_is_set_against_follow_with_their_names() {
        let parts = HtmlParts { boot_js: "", js: "", wasm_lzma: &[1], css: "", icon_svg: "", title: "x", name: "n" };
        let against =
            ["a \"b\"<script>", "日本.perf.zip"].map(|name| Against { name: name.into(), bytes: vec![1, 2, 3] });
        let page = document(&parts, &[7; 9], &against);
        assert!(
            page.contains("id=\"perfcollect-against-1\" data-name=\"a &quot;b&quot;&lt;script&gt;\">AQID</script>")
        );
        assert!(page.contains("id=\"perfcollect-against-2\" data-name=\"日本.perf.zip\">AQID</script>"));
        assert_eq!(crate::import::html::bundle_bytes(page.as_bytes()), Ok(vec![7; 9]), "the first one, bit for bit");
    }

    #[test]
    fn a_name_cannot_become_markup() {
        let page = page("", "</title><script>evil()</script> & more", b"");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;evil()&lt;/script&gt; &amp; more</title>"));
        assert_eq!(page.matches("<script").count(), 4);
    }

    #[test]
    fn a_script_cannot_end_its_element() {
        let page = page("const text = \"</script><!--\";", "x", b"");
        assert!(page.contains("const text = \"<\\/script><\\x21--\";"));
        assert_eq!(page.matches("</script>").count(), 4);
    }

    #[test]
    fn the_policy_names_the_scripts_as_they_stand_in_the_page() {
        let page = page("run('</script>')", "x", b"");
        for (from, to) in [("<style>", "</style>"), ("<script>", "</script>")] {
            for text in page.split(from).skip(1).filter_map(|rest| rest.split(to).next()) {
                assert!(page.contains(&source(text)), "{text}");
            }
        }
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("unsafe-inline"));
    }
}
