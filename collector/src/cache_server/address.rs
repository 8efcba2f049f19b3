//! Addresses of servers as they are typed.

use percent_encoding::percent_decode_str;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What was typed after `--cache`. It may hold a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Typed(OsString);

impl Typed {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<OsString> for Typed {
    fn from(text: OsString) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(…)")
    }
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Redis,
    Memcached,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// A name and a password, neither of which is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// A cache server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub kind: Kind,
    /// The address without credentials: `redis://host:6379`.
    pub name: String,
    /// `redis`, `valkey` or `memcached`.
    pub library: &'static str,
    pub(super) place: Place,
    pub(super) login: Option<Login>,
}

/// Why what was typed is no address. Says nothing of the text itself, in which a password may be anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--cache {number}: {reason}; it takes redis://HOST:PORT, valkey://…, memcached://HOST:PORT or unix:///PATH")]
pub struct AddressError {
    /// Which of them, from 1.
    number: usize,
    reason: &'static str,
}

impl Address {
    /// Reads all addresses; a server that is named twice is one.
    ///
    /// # Errors
    /// At the first that is none.
    pub fn all(typed: &[Typed]) -> Result<Vec<Self>, AddressError> {
        let mut known: Vec<Self> = Vec::new();
        for (number, text) in (1..).zip(typed) {
            let address = text.0.to_str().ok_or("it is no text").and_then(parse);
            let address = address.map_err(|reason| AddressError { number, reason })?;
            if known.iter().all(|other| other.place != address.place) {
                known.push(address);
            }
        }
        Ok(known)
    }
}

/// Schemes, what is spoken there, the name of the library, and whether a path of a socket follows.
const SCHEMES: &[(&str, Kind, &str, bool)] = &[
    ("redis", Kind::Redis, "redis", false),
    ("valkey", Kind::Redis, "valkey", false),
    ("memcached", Kind::Memcached, "memcached", false),
    ("memcache", Kind::Memcached, "memcached", false),
    ("unix", Kind::Redis, "redis", true),
    ("redis+unix", Kind::Redis, "redis", true),
    ("valkey+unix", Kind::Redis, "valkey", true),
    ("memcached+unix", Kind::Memcached, "memcached", true),
];

fn parse(text: &str) -> Result<Address, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("it has no `://`")?;
    let scheme = scheme.to_ascii_lowercase();
    if ["rediss", "valkeys", "memcacheds"].contains(&scheme.as_str()) {
        return Err("TLS is not spoken: name a port without it, a socket, or the near end of a tunnel (stunnel)");
    }
    let known = SCHEMES.iter().find(|(name, ..)| *name == scheme);
    let &(name, kind, library, is_path) = known.ok_or("what stands before `://` is no kind of cache server")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !query.is_empty() && query.split('&').any(|part| !part.starts_with("db=")) {
        return Err("options after `?` are not taken");
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
    let login = login_of(login.unwrap_or_default(), kind)?;
    let (name, place) = if is_path {
        if !host.is_empty() || path.len() < 2 {
            return Err("a socket is named by its whole path, with three slashes");
        }
        let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
        (format!("{name}://{path}"), Place::Unix(PathBuf::from(path)))
    } else {
        let db = path.trim_start_matches('/');
        if !db.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("what follows the port is no number of a database");
        }
        let (host, port) = host_and_port(host, if kind == Kind::Redis { 6379 } else { 11211 })?;
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        (format!("{library}://{shown}:{port}"), Place::Tcp { host, port })
    };
    Ok(Address { kind, name, library, place, login })
}

fn host_and_port(text: &str, usual: u16) -> Result<(String, u16), &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a `[` is not closed")?;
        host.parse::<Ipv6Addr>().map_err(|_no| "what stands in `[]` is no IPv6 address")?;
        (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")).ok_or("the port is no number")?)
    } else {
        text.split_once(':').unwrap_or((text, ""))
    };
    let port = match port {
        "" => usual,
        port => port.parse().ok().filter(|&port| port > 0).ok_or("the port is no number from 1 to 65535")?,
    };
    let host = percent_decode_str(host).decode_utf8_lossy().into_owned();
    if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@') {
        return Err("it names no host");
    }
    Ok((host, port))
}

/// From the address, or the variables that the servers' own command lines read.
fn login_of(text: &str, kind: Kind) -> Result<Option<Login>, &'static str> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let user = Some(decoded(user)).filter(|user| !user.is_empty());
    let from_environment = || {
        let set = |name: &&str| env::var(name).ok().filter(|value| !value.is_empty());
        ["REDISCLI_AUTH", "VALKEYCLI_AUTH"].iter().find_map(set).filter(|_| kind == Kind::Redis)
    };
    let password = Some(decoded(password)).filter(|password| !password.is_empty()).or_else(from_environment);
    match (kind, &user, password) {
        (Kind::Memcached, None, Some(_)) => Err("memcached wants a user with its password"),
        (_, Some(_), None) => Err("there is a user without a password (it may be in REDISCLI_AUTH)"),
        (_, _, password) => Ok(password.map(|password| Login { user, password })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Address, AddressError> {
        Address::all(&[Typed(text.into())]).map(|mut all| all.remove(0))
    }

    #[test]
    fn addresses_are_named_without_what_opens_them() {
        let check = |text: &str, name: &str, login: Option<(Option<&str>, &str)>| {
            let address = one(text).unwrap();
            assert_eq!(address.name, name, "{text}");
            let had = address.login.as_ref().map(|login| (login.user.as_deref(), login.password.as_str()));
            assert_eq!(had, login, "{text}");
            assert!(!format!("{address:?} {:?}", Typed(text.into())).contains("s3cret"), "{text}");
        };
        check("redis://localhost", "redis://localhost:6379", None);
        check("redis://:s3cret@h:7/3", "redis://h:7", Some((None, "s3cret")));
        check("valkey://ann:s3cret%40%2f@h", "valkey://h:6379", Some((Some("ann"), "s3cret@/")));
        check("redis://ann:s3cret@@[::1]:7", "redis://[::1]:7", Some((Some("ann"), "s3cret@")));
        check("memcached://10.0.0.1", "memcached://10.0.0.1:11211", None);
        check("memcached://bo:s3cret@h:1", "memcached://h:1", Some((Some("bo"), "s3cret")));
        check("unix:///run/redis.sock", "unix:///run/redis.sock", None);
        check("unix://:s3cret@/run/redis.sock?db=1", "unix:///run/redis.sock", Some((None, "s3cret")));
        check("memcached+unix:///run/m.sock", "memcached+unix:///run/m.sock", None);
    }

    #[test]
    fn what_is_no_address_is_never_repeated() {
        for text in [
            "s3cret",
            "",
            "redis://",
            "redis://h:s3cret",
            "redis://h:0",
            "redis://:a/s3cret@h",
            "redis://h/s3cret",
            "redis://h?password=s3cret",
            "redis://[::1",
            "redis://[s3cret]",
            "redis://s3cret@h",
            "rediss://:s3cret@h",
            "http://s3cret@h",
            "unix://s3cret",
            "unix:///",
            "memcached://:s3cret@h",
        ] {
            let error = one(text).unwrap_err().to_string();
            assert!(!error.contains("s3cret") && error.starts_with("--cache 1: "), "{text}: {error}");
        }
    }

    #[test]
    fn one_server_is_read_once() {
        let typed = ["redis://h/0", "redis://:p@h:6379/1", "memcached://h"].map(|text| Typed(text.into()));
        assert_eq!(Address::all(&typed).unwrap().len(), 2);
    }
}
