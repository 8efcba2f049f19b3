//! memcached's text protocol: `stats`, and a login by a first `set`.
//! Fields: `doc/protocol.txt` of memcached, "General-purpose statistics".

use super::address::Login;
use super::wire::Wire;
use super::{Fault, Reading};
use std::collections::HashMap;
use std::time::Instant;

/// Shows who we are, where that is known (`memcached -Y`).
pub(super) fn greet(wire: &mut Wire, login: Option<&Login>, deadline: Instant) -> Result<(), Fault> {
    let Some(login) = login else { return Ok(()) };
    let token = format!("{} {}", login.user.as_deref().unwrap_or_default(), login.password);
    wire.ask(format!("set perfcollect 0 0 {}\r\n{token}\r\n", token.len()).as_bytes(), deadline)?;
    match wire.line()?.as_slice() {
        b"STORED" => Ok(()),
        line if line.starts_with(b"CLIENT_ERROR") => Err(Fault::WrongPassword),
        _ => Err(Fault::OtherLanguage),
    }
}

/// Reads the counters.
pub(super) fn read(wire: &mut Wire, deadline: Instant) -> Result<Reading, Fault> {
    wire.ask(b"stats\r\n", deadline)?;
    let mut lines = Vec::new();
    loop {
        let line = String::from_utf8_lossy(&wire.line()?).into_owned();
        if line == "END" {
            return parse(&lines).ok_or(Fault::OtherLanguage);
        }
        if line.starts_with("CLIENT_ERROR unauthenticated") {
            return Err(Fault::NeedsPassword);
        }
        if let Some(why) = line.strip_prefix("SERVER_ERROR ") {
            return Err(Fault::Refuses(why.chars().filter(|c| !c.is_control()).take(100).collect()));
        }
        lines.push(line.strip_prefix("STAT ").ok_or(Fault::OtherLanguage)?.to_owned());
    }
}

fn parse(lines: &[String]) -> Option<Reading> {
    let fields: HashMap<&str, &str> = lines.iter().filter_map(|line| line.split_once(' ')).collect();
    let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
    let sum = |names: &[&str]| names.iter().map(|name| number(name)).sum::<Option<u64>>();
    let (time, uptime_s) = (number("time"), number("uptime"));
    uptime_s?;
    // An entry that is too old goes when it is asked for, when it lies where room is needed, or when the crawler meets it;
    // entries that were flushed go the same ways, and are not told from them.
    let flushed = number("cmd_flush").is_some_and(|count| count > 0);
    let expired = sum(&["get_expired", "reclaimed", "crawler_reclaimed"]).filter(|_| !flushed);
    let begun = time.zip(uptime_s).map(|(time, up)| time.saturating_sub(up));
    Some(Reading {
        // In a container the number of the process is always the same; the clock may be off by one against itself.
        instance: format!("{}@{}", fields.get("pid").unwrap_or(&""), begun.unwrap_or_default()),
        uptime_s,
        hits: number("get_hits"),
        misses: number("get_misses"),
        sets: number("cmd_set"),
        deletes: sum(&["delete_hits", "delete_misses"]),
        invalidations: number("delete_hits").filter(|_| !flushed),
        evictions: number("evictions"),
        expired,
        work: number("bytes_read"),
        entries: number("curr_items"),
        bytes: number("bytes"),
        capacity_bytes: number("limit_maxbytes").filter(|&bytes| bytes > 0),
        ..Reading::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_are_read() {
        let lines = "pid 7\nuptime 10\ntime 110\ncmd_set 5\nget_hits 3\nget_misses 2\ndelete_hits 1\ndelete_misses 4\n\
                     cmd_flush 0\nget_expired 1\nreclaimed 2\ncrawler_reclaimed 3\nevictions 6\nbytes 77\n\
                     limit_maxbytes 1024\ncurr_items 8\nbytes_read 99";
        let lines: Vec<String> = lines.lines().map(|line| line.trim().to_owned()).collect();
        let read = parse(&lines).unwrap();
        assert_eq!((read.instance.as_str(), read.hits, read.misses, read.sets), ("7@100", Some(3), Some(2), Some(5)));
        assert_eq!((read.deletes, read.invalidations, read.expired), (Some(5), Some(1), Some(6)));
        assert_eq!((read.entries, read.bytes, read.capacity_bytes), (Some(8), Some(77), Some(1024)));
        let flushed: Vec<String> = lines.iter().map(|line| line.replace("cmd_flush 0", "cmd_flush 1")).collect();
        assert_eq!(parse(&flushed).unwrap().expired, None, "not told apart");
        assert_eq!(parse(&[]), None);
    }
}
