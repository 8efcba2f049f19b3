//! From a request to its answer.

use super::{guard, shelf::Shelf};
use crate::assets::{ASSETS, Asset};
use flate2::read::GzDecoder;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Cursor, Read};
use std::path::Path;
use tiny_http::{Header, Response, StatusCode};

/// Header that tells another perfcollect what is served here.
pub(super) const IDENTITY_HEADER: &str = "X-Perfcollect-Library";

/// Nothing but our own files runs or is loaded, and nothing is sent elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Sent with every answer.
const ALWAYS: [(&str, &str); 7] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),
    ("Server", "perfcollect"),
];

/// A request, as far as it matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Path and query as they were sent.
    pub(super) target: &'a str,
    /// Names in lower case.
    pub(super) headers: &'a [(String, String)],
}

impl<'a> Asked<'a> {
    /// Values of all headers of a name.
    pub(super) fn all(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let headers = self.headers.iter();
        headers.filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn accepts_gzip(&self) -> bool {
        self.all("accept-encoding").flat_map(|value| value.split(',')).any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
            ["gzip", "*"].contains(&name.trim()) && !refused
        })
    }

    fn has(&self, tag: &str) -> bool {
        self.all("if-none-match").flat_map(|value| value.split(',')).any(|known| {
            let known = known.trim();
            known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
        })
    }
}

/// An answer before it is sent.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Bytes(Vec<u8>),
    Fixed(&'static [u8]),
    File(File, usize),
}

impl Answer {
    /// A plain sentence.
    pub(super) fn sentence(status: u16, text: &str) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
        Self { status, headers, body: Body::Bytes(format!("{text}\n").into_bytes()) }
    }

    fn new(content_type: &str, tag: String, body: Body) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned()), ("ETag", tag)];
        Self { status: 200, headers, body }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, or 304 without a body where the reader has it already.
    fn unless_known(mut self, asked: &Asked<'_>) -> Self {
        let known = self.headers.iter().any(|(name, tag)| *name == "ETag" && asked.has(tag));
        if known {
            self.status = 304;
            self.body = Body::Bytes(Vec::new());
        }
        self
    }

    pub(super) fn into_response(self) -> Response<Box<dyn Read + Send>> {
        let always = ALWAYS.iter().map(|&(name, value)| (name, value.to_owned()));
        let headers = always.chain(self.headers);
        // A header that is no header is left out; ours are constants and file names, which are checked where they are made.
        let headers = headers.filter_map(|(name, value)| Header::from_bytes(name, value).ok()).collect();
        let (reader, length): (Box<dyn Read + Send>, usize) = match self.body {
            Body::Bytes(bytes) => {
                let length = bytes.len();
                (Box::new(Cursor::new(bytes)), length)
            }
            Body::Fixed(bytes) => (Box::new(bytes), bytes.len()),
            Body::File(file, length) => (Box::new(file.take(length as u64)), length),
        };
        Response::new(StatusCode(self.status), headers, reader, Some(length), None).with_chunked_threshold(usize::MAX)
    }
}

/// The answer to a request to the server on `port`.
pub(super) fn answer(asked: &Asked<'_>, shelf: &Shelf, port: u16) -> Answer {
    if let Some(refusal) = guard::refusal(asked, port) {
        return Answer::sentence(403, &refusal);
    }
    if !["GET", "HEAD"].contains(&asked.method) {
        return Answer::sentence(405, "only GET and HEAD are answered").with("Allow", "GET, HEAD");
    }
    let path = asked.target.split(['?', '#']).next().unwrap_or_default();
    match path {
        "/" => asset("index.html", asked),
        "/api/library" => library(shelf, asked),
        "/api/trend" => trend(shelf, asked),
        _ => match path.strip_prefix("/api/bundles/") {
            Some(name) => bundle(shelf, name, asked),
            None => asset(path.strip_prefix('/').unwrap_or_default(), asked),
        },
    }
}

fn not_found() -> Answer {
    Answer::sentence(404, "there is nothing here")
}

fn asset(path: &str, asked: &Asked<'_>) -> Answer {
    if ASSETS.is_empty() {
        return Answer::sentence(
            404,
            "this perfcollect was built without its page; build it again without PERFCOLLECT_NO_VIEWER",
        );
    }
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else { return not_found() };
    let gzip = asked.accepts_gzip();
    let tag = etag((asset.gzip, gzip));
    let answer = if gzip {
        Answer::new(asset.content_type, tag, Body::Fixed(asset.gzip)).with("Content-Encoding", "gzip")
    } else {
        match unpacked(asset) {
            Some(bytes) => Answer::new(asset.content_type, tag, Body::Bytes(bytes)),
            None => return Answer::sentence(500, "this file is damaged in the program"),
        }
    };
    answer.with("Vary", "Accept-Encoding").unless_known(asked)
}

fn unpacked(asset: &Asset) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(asset.gzip).read_to_end(&mut bytes).ok().map(|_| bytes)
}

fn library(shelf: &Shelf, asked: &Asked<'_>) -> Answer {
    let listing = shelf.listing();
    match serde_json::to_vec(&listing) {
        Ok(json) => Answer::new("application/json", format!("\"{}\"", listing.version), Body::Bytes(json))
            .with(IDENTITY_HEADER, shelf.identity())
            .unless_known(asked),
        Err(error) => Answer::sentence(500, &format!("cannot list the library: {error}")),
    }
}

fn trend(shelf: &Shelf, asked: &Asked<'_>) -> Answer {
    match shelf.trend() {
        Ok((version, json)) => {
            Answer::new("application/json", format!("\"{version}\""), Body::Bytes(json)).unless_known(asked)
        }
        Err(error) => Answer::sentence(500, &format!("cannot tell the history: {error}")),
    }
}

fn bundle(shelf: &Shelf, encoded: &str, asked: &Asked<'_>) -> Answer {
    let Some(path) = percent_decoded(encoded).and_then(|name| shelf.path_of(&name)) else {
        return Answer::sentence(404, "there is no such bundle here");
    };
    match open(&path) {
        Ok((file, length, tag)) => Answer::new("application/zip", tag, Body::File(file, length))
            .with("Content-Disposition", format!("attachment; filename=\"{}\"", header_safe(&path)))
            .unless_known(asked),
        Err(error) => Answer::sentence(500, &format!("cannot read this bundle: {error}")),
    }
}

fn open(path: &Path) -> std::io::Result<(File, usize, String)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    Ok((file, length, etag((metadata.len(), metadata.modified().ok()))))
}

fn etag(what: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// The file name, as it can stand between quotes in a header.
fn header_safe(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.chars().map(|c| if c.is_ascii_graphic() && !"\"\\".contains(c) { c } else { '_' }).collect()
}

/// Undoes percent-encoding; `None` where it is none, or not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u8::from_str_radix(digits, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}
