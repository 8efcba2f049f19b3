//! Perf maps: `/tmp/perf-PID.map`, written by a program about the code that it compiles.

use super::node::asks_for_a_map;
use perfcollect_shared::model::Process;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Clocks of file systems go in ticks.
const TICK: Duration = Duration::from_secs(1);

fn path(pid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/perf-{pid}.map"))
}

/// The map of a process of a recording that began then; as the process sees it, while it lives. One from before is of
/// another process with the same number.
#[must_use]
pub fn open(pid: u32, began: SystemTime) -> Option<File> {
    let seen_by_it = PathBuf::from(format!("/proc/{pid}/root{}", path(pid).display()));
    [seen_by_it, path(pid)]
        .iter()
        .find_map(|path| File::open(path).ok())
        .filter(|map| map.metadata().and_then(|data| data.modified()).is_ok_and(|modified| modified + TICK >= began))
}

/// Removes the maps that processes of a recording wrote because we asked them to. A file that was there before the
/// recording began, or that the user asked for, stays; so does one of a process whose arguments could not be read, but for
/// the first process, which was started as `command`.
pub fn remove(processes: &[Process], command: &[String], began: SystemTime) {
    for (index, process) in processes.iter().enumerate() {
        let arguments = if index == 0 && process.command.is_empty() { command } else { &process.command };
        let file = path(process.pid);
        let Ok(data) = fs::symlink_metadata(&file) else { continue };
        let since = data.created().or_else(|_| data.modified());
        let new = data.is_file() && since.is_ok_and(|since| since + TICK >= began);
        let wanted = arguments.is_empty() || arguments.iter().any(|argument| asks_for_a_map(argument));
        if new && !wanted {
            // What cannot be removed is of another user: litter, but theirs.
            fs::remove_file(file).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_maps_of_the_recording_are_removed() {
        // No process has such a number.
        let [ours, older, wanted, silent] = [11, 12, 13, 14].map(|n| u32::MAX - n);
        let process = |pid, command: &[&str]| {
            let command = command.iter().map(|&word| word.to_owned()).collect();
            Process { pid, command, ..Process::default() }
        };
        let asking = ["node", "--perf-basic-prof", "a.js"].map(str::to_owned);
        let of =
            [process(ours, &["node", "a.js"]), process(wanted, &["node", "--perf-basic-prof"]), process(silent, &[])];
        for pid in [ours, older, wanted, silent] {
            fs::write(path(pid), "1000 10 f\n").unwrap();
        }
        remove(&of, &asking, SystemTime::now() + TICK * 60);
        assert!(path(ours).exists(), "it is older than the recording");
        assert!(open(ours, SystemTime::now() + TICK * 60).is_none());
        let began = SystemTime::now();
        assert!(open(ours, began).is_some());
        remove(&of, &asking, began);
        assert_eq!([ours, older, wanted, silent].map(|pid| path(pid).exists()), [false, true, true, true]);
        // The first process was started as the command says.
        remove(&[process(silent, &[])], &asking, began);
        assert!(path(silent).exists());
        remove(&[process(silent, &[])], &asking[..1], began);
        assert!(!path(silent).exists());
        for pid in [older, wanted] {
            fs::remove_file(path(pid)).unwrap();
        }
    }
}
