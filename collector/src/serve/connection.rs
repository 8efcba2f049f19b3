//! One connection: requests in, answers out, each wait with an end.
//!
//! `tiny_http` writes the answers. Its own loop of connections is not used: it can leave a new connection waiting for
//! ever behind those that browsers keep open, it stops at the first failed accept, and it makes room for as many bytes
//! as a request says that it will send.

use super::answer::{Answer, Asked};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tiny_http::HTTPVersion;

/// Connections at the same time; more are closed at once.
const AT_ONCE: usize = 128;
/// How long a connection may say nothing, and how long the head of a request may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a reader may take for one piece of an answer.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// Longest head of a request.
const HEAD_LIMIT: usize = 16 * 1024;
/// Most that is read of a body, so that its sender gets to see the refusal.
const BODY_LIMIT: u64 = 64 * 1024;

/// Answers connections, each in a thread of its own: who stops reading or writing holds nobody else up.
pub(super) fn accept(listener: &TcpListener, answer: impl Fn(&Asked<'_>) -> Answer + Send + Sync + 'static) {
    let (answer, open) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(50)); // too many open files, most likely
            continue;
        };
        let mine = Open::count(&open);
        if open.load(Ordering::Acquire) > AT_ONCE {
            continue;
        }
        let answer = Arc::clone(&answer);
        // Where no thread can be had the connection is closed; the next may have more luck.
        let spawned = thread::Builder::new().name("serve-one".into()).spawn(move || {
            // A client that went away needs no answer.
            talk(&stream, answer.as_ref()).ok();
            drop(mine);
        });
        drop(spawned);
    }
}

/// Counts an open connection for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn count(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn talk(stream: &TcpStream, answer: &dyn Fn(&Asked<'_>) -> Answer) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let Some(request) = Request::parse(&head) else {
            send(stream, Answer::sentence(400, "this is no request that is understood here"), false)?;
            return end(stream, &mut reader);
        };
        let headers = &request.headers;
        let asked = Asked { method: request.method, target: request.target, headers };
        send(stream, answer(&asked), request.method == "HEAD")?;
        if request.is_last(&asked) {
            return end(stream, &mut reader);
        }
    }
    Ok(())
}

/// The head of the next request with the empty line that ends it; `None` at the end of the connection.
fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if reader.buffer().is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || head.len() >= HEAD_LIMIT {
                return Ok(None);
            }
            reader.get_ref().set_read_timeout(Some(left))?;
        }
        if reader.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(head))
}

fn send(stream: &TcpStream, answer: Answer, head_only: bool) -> io::Result<()> {
    let mut writer = BufWriter::new(stream);
    answer.into_response().raw_print(&mut writer, HTTPVersion(1, 1), &[], head_only, None)?;
    writer.flush()
}

/// Closes the connection so that the last answer arrives: what the client still sends is read first, up to a limit.
fn end(stream: &TcpStream, reader: &mut BufReader<&TcpStream>) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    io::copy(&mut reader.take(BODY_LIMIT), &mut io::sink()).map(|_| ())
}

/// The head of a request, taken apart.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    version: &'a str,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl<'a> Request<'a> {
    /// RFC 9112, strictly: no folded lines, no control signs, no blanks around names.
    fn parse(head: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let printable = |text: &str| text.chars().all(|c| c == '\t' || !c.is_control());
        let known = version.starts_with("HTTP/1.") && words.next().is_none();
        if !known || !is_token(method) || target.is_empty() || !printable(target) {
            return None;
        }
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            (is_token(name) && printable(value)).then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self { method, target, version, headers: headers.collect::<Option<_>>()? })
    }

    /// No request follows: it was said, or a body comes that nobody reads.
    fn is_last(&self, asked: &Asked<'_>) -> bool {
        let closes = asked.all("connection").any(|value| value.to_ascii_lowercase().contains("close"));
        let body = asked.all("content-length").any(|value| value != "0") || asked.all("transfer-encoding").count() > 0;
        closes || body || self.version != "HTTP/1.1"
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expect: Option<(&str, &str, usize)>) {
        let parsed = Request::parse(head.as_bytes());
        let found = parsed.as_ref().map(|request| (request.method, request.target, request.headers.len()));
        assert_eq!(found, expect, "{head:?}");
    }

    #[test]
    fn heads_are_taken_apart_strictly() {
        check("GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n", Some(("GET", "/", 2)));
        check("GET /a%20b?c HTTP/1.0\r\n\r\n", Some(("GET", "/a%20b?c", 0)));
        for bad in [
            "\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET / HTTP/1.1 x\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GE\0T / HTTP/1.1\r\n\r\n",
            "GET /\0 HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
        ] {
            check(bad, None);
        }
    }
}
