//! Which Python processes were recorded from inside, and what is to be said of the others.

use super::{AgentProcess, Entered};
use crate::pack::merge::is_interpreter;
use perfcollect_shared::format::{command_line, file_name, plural};
use perfcollect_shared::model::{Process, Timeline, Warning};
use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, BTreeSet};

/// Readings of a process after which it is no fork on its way to another program. One whose parent was entered would have said
/// so if it were a fork that stays one; on a busy machine its way is long.
const SETTLED: usize = 2;
const SETTLED_OF_ENTERED: usize = 40;

/// What a reader must know: processes that were not entered, what failed in those that were, whose end was not heard of.
pub(super) fn warnings(entered: &Entered, timeline: &Timeline) -> Vec<Warning> {
    let mut found = not_entered(&entered.processes, timeline);
    let mut failures: BTreeMap<(&str, &str), BTreeSet<u32>> = BTreeMap::new();
    for process in &entered.processes {
        for error in &process.errors {
            failures.entry((&error.mode, &error.what)).or_default().insert(process.hello.pid);
        }
    }
    found.extend(failures.into_iter().map(|((mode, what), pids)| Warning::AgentFailed {
        what: mode.to_owned(),
        reason: what.to_owned(),
        count: pids.len() as u64,
    }));
    let cut = entered.processes.iter().filter(|process| process.bye.is_none() && !went_on(process, entered, timeline));
    let processes: Vec<String> = cut.map(|process| described(&process.hello.argv, process.hello.pid)).collect();
    if !processes.is_empty() {
        found.push(Warning::AgentCut { processes });
    }
    found
}

/// Names that a warning lists.
const NAMED: usize = 5;
/// What a process must have lived for its caches to be missed.
const WORTH_TELLING: Nanos = Nanos(200_000_000);
/// When a process is first read, if it does anything at all.
const READ_AFTER: Nanos = Nanos(1_000_000_000);

/// What limits the counters of caches. Said only where it matters: of programs that no word came from, those that ran for a
/// while and were told to keep us out; of killed ones and freed caches, where caches were used.
pub(super) fn cache_warnings(entered: &Entered, timeline: &Timeline) -> Vec<Warning> {
    let told = |reason: String, fix: &str| Warning::Cache { what: String::new(), reason, fix: fix.to_owned() };
    let mut found = Vec::new();
    let mut by_flag: BTreeMap<char, Vec<String>> = BTreeMap::new();
    for process in timeline.processes.iter().filter(|process| is_python(process)) {
        let Some(flag) = closing_flag(&process.command) else { continue };
        let inside = entered.processes.iter().any(|known| known.hello.argv == process.command);
        if lived(process) >= WORTH_TELLING && !inside {
            by_flag.entry(flag).or_default().push(described(&process.command, process.pid));
        }
    }
    for (flag, processes) in by_flag {
        let why = if flag == 'S' { "not to load site" } else { "to ignore PYTHONPATH" };
        let reason = format!(
            "caches of {} were not counted: -{flag} tells Python {why}: {}",
            plural(processes.len() as u64, "Python process"),
            listed(&processes)
        );
        found.push(told(reason, "start it without that flag"));
    }
    let used = |pid: u32| entered.caches.iter().any(|cache| cache.pid == Some(pid) && cache.requests > Some(0));
    // A fork of one that used them; another program that it started says so itself.
    let forked = |process: &AgentProcess| {
        let parent = entered.processes.iter().find(|known| known.hello.pid == process.hello.ppid);
        parent.is_some_and(|parent| parent.hello.argv == process.hello.argv) && used(process.hello.ppid)
    };
    let cut = entered.processes.iter().filter(|process| process.bye.is_none() && !went_on(process, entered, timeline));
    let read = |process: &&AgentProcess| entered.caches.iter().any(|cache| cache.pid == Some(process.hello.pid));
    let (read, unread): (Vec<_>, Vec<_>) = cut.partition(read);
    let names = |all: Vec<&AgentProcess>| -> Vec<String> {
        all.into_iter().map(|process| described(&process.hello.argv, process.hello.pid)).collect()
    };
    let cut = names(read.into_iter().filter(|process| used(process.hello.pid) || forked(process)).collect());
    if !cut.is_empty() {
        let reason = format!(
            "caches of {} are counted up to the last reading, since it was killed or lived on: {}",
            plural(cut.len() as u64, "Python process"),
            listed(&cut)
        );
        found.push(told(reason, ""));
    }
    // One that outlives the recording may yet say something, to nobody.
    let killed = |process: &&AgentProcess| {
        let known = timeline.processes.iter().filter(|known| known.pid == process.hello.pid);
        known
            .max_by_key(|known| known.start_ns)
            .is_some_and(|known| known.end_ns.is_some() && lived(known) >= READ_AFTER)
    };
    let unread = names(unread.into_iter().filter(killed).collect());
    if !unread.is_empty() {
        let reason = format!(
            "of the caches of {} nothing is known: it was killed before it was first read: {}",
            plural(unread.len() as u64, "Python process"),
            listed(&unread)
        );
        found.push(told(reason, ""));
    }
    let ended =
        |pid: Option<u32>| entered.processes.iter().any(|known| Some(known.hello.pid) == pid && known.bye.is_some());
    let freed = entered.caches.iter().filter(|cache| cache.cut && ended(cache.pid) && is_own(cache.file.as_deref()));
    let freed: BTreeSet<String> = freed.map(|cache| cache.name.clone()).collect();
    if !freed.is_empty() {
        let freed: Vec<String> = freed.into_iter().collect();
        let reason = format!(
            "caches were freed while the program ran; what they counted after the last reading is lost: {}",
            listed(&freed)
        );
        found.push(told(reason, ""));
    }
    found
}

/// How long a process ran; one that lives on, for ever.
fn lived(process: &Process) -> Nanos {
    process.end_ns.map_or(Nanos(u64::MAX), |end| end.saturating_sub(process.start_ns))
}

/// Whether a file is of the program itself: not of the standard library, not of a package.
fn is_own(file: Option<&str>) -> bool {
    file.is_some_and(|file| {
        !["/lib/python", "/site-packages/", "/dist-packages/"].iter().any(|part| file.contains(part))
    })
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let text = names[..names.len() - more].join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// Whether a process became another program without a word: a child on its way from fork to exec.
fn went_on(process: &AgentProcess, entered: &Entered, timeline: &Timeline) -> bool {
    let pid = process.hello.pid;
    let later = entered.processes.iter().any(|other| other.hello.pid == pid && other.hello.n > process.hello.n);
    later || timeline.processes.iter().any(|known| known.pid == pid && !is_python(known))
}

fn not_entered(entered: &[AgentProcess], timeline: &Timeline) -> Vec<Warning> {
    let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for process in timeline.processes.iter().filter(|process| is_python(process)) {
        let hellos = || entered.iter().filter(|known| known.hello.pid == process.pid).map(|known| &known.hello);
        let closed = closing_flag(&process.command);
        let inside = match closed {
            // One that was open may have become this one by exec.
            Some(_) => hellos().any(|hello| hello.argv == process.command),
            None => hellos().next().is_some(),
        };
        if inside || (closed.is_none() && is_passing(process, entered, timeline)) {
            continue;
        }
        let reason = match closed {
            Some(flag @ 'S') => format!("-{flag} tells Python not to load site"),
            Some(flag) => format!("-{flag} tells Python to ignore PYTHONPATH"),
            None => "PYTHONPATH was not handed on to it, it ended too soon, or its Python is older than 3.8".to_owned(),
        };
        by_reason.entry(reason).or_default().push(described(&process.command, process.pid));
    }
    let fix = "start it without that flag, and with the environment that it inherits".to_owned();
    let warning = |(reason, processes)| Warning::PythonNotEntered { processes, reason, fix: fix.clone() };
    by_reason.into_iter().map(warning).collect()
}

fn is_python(process: &Process) -> bool {
    process.command.first().is_some_and(|word| is_interpreter(file_name(word)))
}

/// A fork that was seen before it became another program looks like its parent.
fn is_passing(process: &Process, entered: &[AgentProcess], timeline: &Timeline) -> bool {
    let parent = timeline.processes.iter().find(|known| known.pid == process.ppid);
    let same = parent.is_some_and(|parent| parent.command == process.command);
    let readings = timeline.samples.iter().filter(|sample| sample.pid == process.pid);
    let settled =
        if entered.iter().any(|known| known.hello.pid == process.ppid) { SETTLED_OF_ENTERED } else { SETTLED };
    same && readings.take(settled).count() < settled
}

/// The option of an interpreter's command line that keeps us out: `I`, `S` or `E`.
fn closing_flag(command: &[String]) -> Option<char> {
    let mut words = command.iter().skip(1);
    while let Some(word) = words.next() {
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
        if let Some(long) = letters.strip_prefix('-') {
            // The only one with a value of its own.
            if long == "check-hash-based-pycs" {
                words.next();
            }
            continue;
        }
        for (at, letter) in letters.char_indices() {
            match letter {
                'I' | 'S' | 'E' => return Some(letter),
                'c' | 'm' => return None,
                'W' | 'X' => {
                    if at + 1 == letters.len() {
                        words.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    None
}

fn described(command: &[String], pid: u32) -> String {
    const LONGEST: usize = 60;
    let mut text = command_line(command);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    format!("{text} ({pid})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_count_up_to_the_program() {
        let check = |line: &str, expect: Option<char>| {
            let command: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(closing_flag(&command), expect, "{line}");
        };
        check("python3 x.py", None);
        check("python3 -I x.py", Some('I'));
        check("python3 -uE x.py", Some('E'));
        check("python3 -X dev -W error -S x.py", Some('S'));
        check("python3 -Xdev -Werror x.py -S", None);
        check("python3 -W -S x.py", None);
        check("python3 -c pass -I", None);
        check("python3 -um -I", None);
        check("python3 --check-hash-based-pycs -S -I x.py", Some('I'));
        check("python3 - -I", None);
        check("python3", None);
    }
}
