//! Redis and what speaks like it (Valkey, `KeyDB`, Dragonfly): `AUTH` and `INFO`.
//! Fields: <https://redis.io/docs/latest/commands/info/>.

use super::address::Login;
use super::wire::Wire;
use super::{Fault, Reading};
use std::collections::HashMap;
use std::time::Instant;

/// Shows who we are, where that is known.
pub(super) fn greet(wire: &mut Wire, login: Option<&Login>, deadline: Instant) -> Result<(), Fault> {
    let Some(login) = login else { return Ok(()) };
    let words: Vec<&str> = ["AUTH"].into_iter().chain(login.user.as_deref()).chain([login.password.as_str()]).collect();
    wire.ask(&command(&words), deadline)?;
    match answer(wire) {
        Ok(_) => Ok(()),
        // `ERR Client sent AUTH, but no password is set`, `ERR AUTH <password> called without any password configured`
        Err(Said::Error(text)) if text.starts_with("ERR") && text.contains("password") && !text.contains("invalid") => {
            Ok(())
        }
        Err(Said::Error(text)) if text.starts_with("WRONGPASS") || text.contains("invalid password") => {
            Err(Fault::WrongPassword)
        }
        // What else it says may hold what it was sent.
        Err(Said::Error(text)) if text.starts_with("DENIED") => Err(refusal(&text)),
        Err(Said::Error(_)) => Err(Fault::WrongPassword),
        Err(Said::Fault(fault)) => Err(fault),
    }
}

/// Reads the counters.
pub(super) fn read(wire: &mut Wire, deadline: Instant) -> Result<Reading, Fault> {
    wire.ask(&command(&["INFO"]), deadline)?;
    match answer(wire) {
        Ok(text) => parse(&text).ok_or(Fault::OtherLanguage),
        Err(Said::Error(text)) => Err(refusal(&text)),
        Err(Said::Fault(fault)) => Err(fault),
    }
}

/// `-NOAUTH Authentication required.` and its like.
fn refusal(text: &str) -> Fault {
    match text.split(' ').next().unwrap_or_default() {
        "NOAUTH" => Fault::NeedsPassword,
        "WRONGPASS" => Fault::WrongPassword,
        "NOPERM" => Fault::NotAllowed,
        "LOADING" => Fault::Loading,
        "ERR" if text.contains("operation not permitted") => Fault::NeedsPassword, // before Redis 2.8
        "ERR" if text.contains("unknown command") => Fault::NotAllowed,            // renamed away
        "DENIED" => Fault::Refuses("it is in protected mode".to_owned()),
        "ERR" if text.contains("max number of clients") => Fault::Refuses("it has its most clients".to_owned()),
        _ => Fault::Refuses(text.chars().filter(|c| !c.is_control()).take(100).collect()),
    }
}

/// A command as an array of strings.
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

enum Said {
    Error(String),
    Fault(Fault),
}

impl From<Fault> for Said {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn answer(wire: &mut Wire) -> Result<String, Said> {
    let line = wire.line()?;
    let text = String::from_utf8_lossy(line.get(1..).unwrap_or_default()).into_owned();
    match line.first() {
        Some(b'+') => Ok(text),
        Some(b'-') => Err(Said::Error(text)),
        Some(b'$') => {
            let length: usize = text.parse().map_err(|_no| Fault::OtherLanguage)?;
            let mut bytes = wire.bytes(length.saturating_add(2))?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => Err(Fault::OtherLanguage.into()),
    }
}

/// What `INFO` says; `None` where it is no such text.
fn parse(text: &str) -> Option<Reading> {
    let fields: HashMap<&str, &str> = text.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
    let (hits, misses) = (number("keyspace_hits"), number("keyspace_misses"));
    if hits.is_none() && misses.is_none() && number("uptime_in_seconds").is_none() {
        return None;
    }
    let limit = number("maxmemory");
    Some(Reading {
        instance: fields.get("run_id").map_or_else(String::new, |id| (*id).to_owned()),
        uptime_s: number("uptime_in_seconds"),
        hits,
        misses,
        evictions: number("evicted_keys"),
        expired: number("expired_keys"),
        work: number("total_commands_processed"),
        entries: text.contains("# Keyspace").then(|| text.lines().filter_map(keys_of).sum()),
        bytes: number("used_memory"),
        capacity_bytes: limit.filter(|&bytes| bytes > 0),
        unbounded: limit == Some(0),
        policy: fields.get("maxmemory_policy").map(|name| (*name).to_owned()),
        ..Reading::default()
    })
}

/// `db0:keys=1,expires=0,avg_ttl=0`
fn keys_of(line: &str) -> Option<u64> {
    let (number, rest) = line.strip_prefix("db")?.split_once(':')?;
    number.parse::<u32>().ok()?;
    rest.strip_prefix("keys=")?.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_is_read() {
        let text = "# Server\r\nrun_id:ab12\r\nuptime_in_seconds:7\r\n# Memory\r\nused_memory:100\r\nmaxmemory:0\r\n\
                    maxmemory_policy:noeviction\r\n# Stats\r\ntotal_commands_processed:9\r\nkeyspace_hits:3\r\n\
                    keyspace_misses:2\r\nevicted_keys:1\r\n# Keyspace\r\ndb0:keys=4,expires=0,avg_ttl=0\r\ndb7:keys=5\r\n";
        let expect = Reading {
            instance: "ab12".into(),
            uptime_s: Some(7),
            hits: Some(3),
            misses: Some(2),
            evictions: Some(1),
            work: Some(9),
            entries: Some(9),
            bytes: Some(100),
            unbounded: true,
            policy: Some("noeviction".into()),
            ..Reading::default()
        };
        assert_eq!(parse(text), Some(expect));
        assert_eq!(parse("<html>"), None);
    }

    #[test]
    fn refusals_are_told_apart() {
        for (text, expect) in [
            ("NOAUTH Authentication required.", Fault::NeedsPassword),
            ("NOPERM this user has no permissions to run the 'info' command", Fault::NotAllowed),
            ("LOADING Redis is loading the dataset in memory", Fault::Loading),
            ("ERR max number of clients reached", Fault::Refuses("it has its most clients".into())),
            ("ERR odd\u{1b}[31m", Fault::Refuses("ERR odd[31m".into())),
        ] {
            assert_eq!(refusal(text), expect, "{text}");
        }
    }
}
