//! Which port to serve on.

use super::DEFAULT_PORT;
use super::answer::IDENTITY_HEADER;
use anyhow::{Context, bail};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Longest wait for whoever has the default port.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Ports that are tried after the first.
const TRIED: u16 = 100;

/// Where the page can be had.
#[derive(Debug)]
pub(super) enum Found {
    Free(TcpListener, u16),
    /// Another perfcollect serves the same there.
    Ours(u16),
}

impl Found {
    pub(super) fn number(&self) -> u16 {
        match self {
            Self::Free(_, port) | Self::Ours(port) => *port,
        }
    }
}

/// Takes the asked port, or 7070, or the next free one after it.
///
/// # Errors
/// When an asked port cannot be had, or none is free.
pub(super) fn find(asked: Option<u16>, identity: &str) -> anyhow::Result<Found> {
    let first = asked.unwrap_or(DEFAULT_PORT);
    match listen(first) {
        Ok(found) => return Ok(found),
        Err(error) if error.kind() != ErrorKind::AddrInUse => {
            return Err(error).with_context(|| format!("cannot listen on port {first}"));
        }
        Err(_) => {}
    }
    if asked.is_none() && serves(first, identity) {
        return Ok(Found::Ours(first));
    }
    let later = first.saturating_add(1)..=first.saturating_add(TRIED);
    let next = later.into_iter().find_map(|port| listen(port).ok());
    match (asked, next) {
        (None, Some(found)) => Ok(found),
        (Some(port), Some(next)) => bail!("port {port} is in use; the next free one: --port {}", next.number()),
        (_, None) => bail!("port {first} is in use, and so are the {TRIED} after it; choose another with --port"),
    }
}

fn listen(port: u16) -> io::Result<Found> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = listener.local_addr()?.port();
    Ok(Found::Free(listener, port))
}

/// Whether a perfcollect of this version serves the same there.
fn serves(port: u16, identity: &str) -> bool {
    let ask = || -> io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(stream, "HEAD /api/library HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut head = String::new();
        stream.take(16 * 1024).read_to_string(&mut head)?;
        Ok(head)
    };
    let named = |head: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .any(|(name, value)| name.eq_ignore_ascii_case(IDENTITY_HEADER) && value.trim() == identity)
    };
    ask().is_ok_and(|head| named(&head))
}
