//! A connection on which nothing takes longer, and no answer is larger, than it may be.

use super::Fault;
use super::address::Place;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Largest answer; that of a Redis with a thousand databases and modules has about 60 kB.
const MOST_BYTES: usize = 1 << 20;

trait Stream: Read + Write + Send {
    fn limit(&self, time: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time)).and_then(|()| self.set_write_timeout(Some(time)))
    }
}

impl Stream for UnixStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time)).and_then(|()| self.set_write_timeout(Some(time)))
    }
}

/// An open connection.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// Read and not yet taken.
    buffer: Vec<u8>,
    deadline: Instant,
    taken: usize,
}

impl Wire {
    pub(super) fn open(place: &Place, deadline: Instant) -> Result<Self, Fault> {
        let stream: Box<dyn Stream> = match place {
            Place::Unix(path) => Box::new(UnixStream::connect(path).map_err(|error| fault(&error))?),
            Place::Tcp { host, port } => Box::new(dial(host, *port, deadline)?),
        };
        Ok(Self { stream, buffer: Vec::new(), deadline, taken: 0 })
    }

    /// Asks; answers that follow must be whole by then. `false` where something was left of the answer before.
    pub(super) fn ask(&mut self, question: &[u8], deadline: Instant) -> Result<(), Fault> {
        (self.deadline, self.taken) = (deadline, 0);
        if !self.buffer.is_empty() {
            return Err(Fault::OtherLanguage);
        }
        self.stream.limit(left(deadline)?).map_err(|error| fault(&error))?;
        self.stream.write_all(question).map_err(|error| fault(&error))
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, Fault> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.buffer[seen..].iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=seen + at).collect();
                line.pop();
                line.pop_if(|byte| *byte == b'\r');
                return Ok(line);
            }
            seen = self.buffer.len();
            self.more()?;
        }
    }

    /// The next so many bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
        if count > MOST_BYTES {
            return Err(Fault::Flood);
        }
        while self.buffer.len() < count {
            self.more()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    fn more(&mut self) -> Result<(), Fault> {
        if self.taken > MOST_BYTES {
            return Err(Fault::Flood);
        }
        self.stream.limit(left(self.deadline)?).map_err(|error| fault(&error))?;
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Fault::Closed),
            Ok(count) => {
                self.taken += count;
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(fault(&error)),
        }
    }
}

fn dial(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, Fault> {
    let addresses = (host, port).to_socket_addrs().map_err(|_why| Fault::Unreachable("no such host".to_owned()))?;
    let mut last = Fault::Unreachable("no such host".to_owned());
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => {
                // Questions are one packet each; without it they only wait longer.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Err(error) => last = fault(&error),
        }
    }
    Err(last)
}

fn left(deadline: Instant) -> Result<Duration, Fault> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Fault::Hangs) } else { Ok(left) }
}

fn fault(error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused | Kind::NotFound => Fault::Refused,
        Kind::WouldBlock | Kind::TimedOut => Fault::Hangs,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => Fault::Closed,
        other => Fault::Unreachable(other.to_string()),
    }
}
