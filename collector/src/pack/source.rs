//! `--source`: the text of hot lines, read when the recording has ended.
//!
//! Files are named by what was recorded, so by the program: only regular files that are named like source are opened, and
//! only text is kept.

use perfcollect_shared::derive::lines::{counted, sampled};
use perfcollect_shared::derive::selection::Selection;
use perfcollect_shared::model::{LineCount, Profile, SourceChunk, Warning};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

/// Lines kept before and after a hot line.
const AROUND: u32 = 30;
/// Bytes of text in all.
const TEXT_BYTES: usize = 2 << 20;
/// A larger file was not written by people.
const FILE_BYTES: u64 = 8 << 20;
/// A longer line is cut.
const LINE_CHARS: usize = 500;
/// What files of source are called.
const ENDINGS: &[&str] = &[
    "py", "pyi", "pyx", "pxd", "rs", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "inl", "go", "js", "mjs", "cjs",
    "jsx", "ts", "tsx", "java", "kt", "scala", "rb", "php", "cs", "fs", "swift", "zig", "d", "s", "S", "asm", "f",
    "f90", "lua", "pl", "jl", "ex", "erl", "hs", "ml", "nim", "cu",
];

/// What was captured, and what must be said of it.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) chunks: Vec<SourceChunk>,
    pub(super) warnings: Vec<Warning>,
}

/// Captures the text around the lines that these profiles and counts name, the hottest first until the room is used up.
/// `cwd` is the program's folder, `start` when it started.
pub(super) fn capture(profiles: &[&Profile], lines: &[LineCount], cwd: &Path, start: Option<SystemTime>) -> Captured {
    let mut room = TEXT_BYTES;
    let mut captured = Captured::default();
    let (mut changed, mut refused, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for (file, hot) in by_heat(profiles, lines) {
        let path = cwd.join(&file);
        if !is_source(&path) || is_ours(&file) || !path.is_file() {
            continue;
        }
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                refused.push(file);
                continue;
            }
            // What cannot be opened here was not here: a binary carries names of the machine that built it.
            Err(_) => continue,
        };
        let is_changed = start.is_some_and(|start| modified(&path).is_none_or(|modified| modified > start));
        let chunks = chunks(&file, &text, &hot, is_changed);
        let size: usize = chunks.iter().flat_map(|chunk| &chunk.lines).map(|line| line.len() + 1).sum();
        if size > room {
            left_out.push(file);
            continue;
        }
        room -= size;
        if is_changed {
            changed.push(file);
        }
        captured.chunks.extend(chunks);
    }
    captured.chunks.sort_by(|a, b| (&a.file, a.start).cmp(&(&b.file, b.start)));
    let mut warn = |files: Vec<String>, reason: &str| {
        if !files.is_empty() {
            captured.warnings.push(Warning::SourceNotCaptured { files, reason: reason.to_owned() });
        }
    };
    warn(refused, "not text in UTF-8, or larger than 8 MiB");
    warn(left_out, "the 2 MiB for source text were used up");
    if !changed.is_empty() {
        captured.warnings.push(Warning::SourceChanged { files: changed });
    }
    captured
}

/// Files with their lines to show, most time first.
fn by_heat(profiles: &[&Profile], lines: &[LineCount]) -> Vec<(String, Vec<u32>)> {
    let everything = Selection::default();
    let mut order = Vec::new();
    let mut hot: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut add = |file: String, rows: &mut dyn Iterator<Item = u32>| {
        if !hot.contains_key(&file) {
            order.push(file.clone());
        }
        hot.entry(file).or_default().extend(rows);
    };
    for file in counted(lines, &everything) {
        add(file.file, &mut file.rows.iter().map(|row| row.line));
    }
    for profile in profiles {
        if profile.info.weight.is_time() {
            for file in sampled(profile, &everything) {
                add(file.file, &mut file.rows.iter().map(|row| row.line));
            }
        } else {
            for frame in profile.frames.rows.iter().filter(|frame| frame.line > 0) {
                add(profile.function_file(frame.function).to_owned(), &mut std::iter::once(frame.line));
            }
        }
    }
    order.into_iter().filter_map(|file| hot.remove_entry(&file)).collect()
}

fn is_source(path: &Path) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The recorder inside Python programs, which goes with the spool.
fn is_ours(file: &str) -> bool {
    file.contains(".spool/agent/site/")
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The text of a file; `InvalidData` where it is none.
fn read_text(path: &Path) -> io::Result<String> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES || bytes.contains(&0) {
        return Err(invalid("binary or too large"));
    }
    String::from_utf8(bytes).map_err(|_utf8| invalid("not UTF-8"))
}

/// Runs of lines around the hot ones.
fn chunks(file: &str, text: &str, hot: &[u32], changed: bool) -> Vec<SourceChunk> {
    let lines: Vec<&str> = text.lines().collect();
    let last = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let mut wanted: Vec<u32> = hot.iter().copied().filter(|&line| line >= 1 && line <= last).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for line in wanted {
        let (from, to) = (line.saturating_sub(AROUND).max(1), line.saturating_add(AROUND).min(last));
        match runs.last_mut() {
            Some(run) if from <= run.1.saturating_add(1) => run.1 = to,
            _ => runs.push((from, to)),
        }
    }
    let chunk = |(from, to): (u32, u32)| SourceChunk {
        file: file.to_owned(),
        start: from,
        lines: lines[from as usize - 1..to as usize].iter().map(|line| shortened(line)).collect(),
        changed,
    };
    runs.into_iter().map(chunk).collect()
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn count(file: &str, line: u32) -> LineCount {
        LineCount { pid: 1, file: file.into(), line, hits: 1, ..LineCount::default() }
    }

    #[test]
    fn lines_around_hot_ones_are_kept_and_neighbours_joined() {
        let text = (1..=300).fold(String::new(), |text, line| text + &format!("line {line}\r\n"));
        let runs = |hot: &[u32]| -> Vec<(u32, usize)> {
            chunks("a.py", &text, hot, false).iter().map(|chunk| (chunk.start, chunk.lines.len())).collect()
        };
        assert_eq!(runs(&[5]), [(1, 35)]);
        assert_eq!(runs(&[100, 161]), [(70, 122)]);
        assert_eq!(runs(&[300, 100, 100, 0, 301]), [(70, 61), (270, 31)]);
        assert_eq!(chunks("a.py", &text, &[5], false)[0].lines[4], "line 5");
        let long = "ü".repeat(600);
        assert_eq!(chunks("a.py", &long, &[1], false)[0].lines[0].chars().count(), 501);
    }

    #[test]
    fn only_text_that_is_named_like_source_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("a.py", b"x = 1\n");
        write("latin.py", b"# \xfc\n");
        write("binary.py", b"a\0b\n");
        write("shadow", b"root:secret\n");
        fs::create_dir(folder.path().join("folder.py")).unwrap();
        let names = ["a.py", "latin.py", "binary.py", "shadow", "folder.py", "gone.py"];
        let lines: Vec<LineCount> = names.iter().map(|name| count(name, 1)).collect();
        let later = SystemTime::now() + Duration::from_mins(1);
        let captured = capture(&[], &lines, folder.path(), Some(later));
        let files: Vec<&str> = captured.chunks.iter().map(|chunk| chunk.file.as_str()).collect();
        assert_eq!(files, ["a.py"]);
        let [Warning::SourceNotCaptured { files, .. }] = &captured.warnings[..] else { panic!("{captured:?}") };
        assert_eq!(files, &["binary.py", "latin.py"]);
        let earlier = SystemTime::now() - Duration::from_mins(1);
        let captured = capture(&[], &lines[..1], folder.path(), Some(earlier));
        assert!(captured.chunks[0].changed);
        assert_eq!(captured.warnings, [Warning::SourceChanged { files: vec!["a.py".into()] }]);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let wide = format!("{}\n", "x".repeat(450)).repeat(5_000);
        fs::write(folder.path().join("wide.py"), &wide).unwrap();
        fs::write(folder.path().join("small.py"), "x\n").unwrap();
        let mut lines: Vec<LineCount> = (1..=5_000).map(|line| count("wide.py", line)).collect();
        lines.push(count("small.py", 1));
        let captured = capture(&[], &lines, folder.path(), None);
        assert_eq!(captured.chunks.len(), 1);
        assert!(matches!(&captured.warnings[..], [Warning::SourceNotCaptured { files, .. }] if files == &["wide.py"]));
    }
}
