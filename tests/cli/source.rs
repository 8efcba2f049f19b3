//! `run --source`: the text of hot lines, and only where it was asked for.

use crate::python::{program, record};
use perfcollect_shared::derive::selection::Selection;
use perfcollect_shared::derive::source::source;
use perfcollect_shared::model::Warning;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

#[test]
fn text_is_captured_around_hot_lines_only_where_asked_for() {
    let command = ["python3", &program("split.py"), "--seconds", "1"];
    let plain = record(&[], &command);
    assert!(plain.bundle.source.is_empty());
    assert!(!plain.bundle.manifest.members.iter().any(|member| member.path.contains("source")));
    let recording = record(&["--source"], &command);
    let files = source(&recording.bundle, recording.bundle.main_profile().map(AsRef::as_ref), &Selection::default());
    let file = files.iter().find(|file| file.file.ends_with("split.py")).expect("it ran");
    assert!(file.has_text && !file.changed);
    let text = fs::read_to_string(program("split.py")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in &file.lines {
        let expect = lines[line.line as usize - 1];
        assert_eq!(line.text.as_deref(), Some(expect), "line {}", line.line);
    }
    assert!(file.lines.iter().any(|line| line.heat > 0.99));
    let ours = |chunk: &perfcollect_shared::model::SourceChunk| chunk.file.contains("_perfcollect");
    assert!(!recording.bundle.source.iter().any(ours));
}

#[test]
fn a_file_that_was_written_meanwhile_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("self.py");
    let text = "import time\nwith open(__file__, 'a') as file:\n    file.write('# changed\\n')\n\
                end = time.process_time() + 0.5\nwhile time.process_time() < end:\n    pass\n";
    fs::write(&script, text).unwrap();
    let recording = record(&["--source"], &["python3", script.to_str().unwrap()]);
    let marked = |warning: &Warning| matches!(warning, Warning::SourceChanged { files } if files.len() == 1);
    assert!(recording.bundle.manifest.warnings.iter().any(marked), "{:?}", recording.bundle.manifest.warnings);
    let chunk = recording.bundle.source.iter().find(|chunk| chunk.file.ends_with("self.py")).expect("it ran");
    assert!(chunk.changed);
}

/// What changed after the program had read it, but before it was attached to, is marked too.
#[test]
fn attached_programs_have_their_source_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("attached.perf.zip");
    let check = |change: bool| {
        let script = folder.path().join("spin.py");
        fs::write(&script, "print('ready', flush=True)\nwhile True:\n    sum(range(1000))\n").unwrap();
        // The clock of file systems is coarse, that of processes too: the file is older than its process by far more.
        let past = SystemTime::now() - Duration::from_mins(1);
        fs::File::options().write(true).open(&script).unwrap().set_modified(past).unwrap();
        let mut child = Command::new("python3").arg(&script).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        if change {
            fs::write(&script, "print('another')\nwhile False:\n    pass\n").unwrap();
        }
        let mut attach = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
        attach.args(["attach", &child.id().to_string(), "--quiet", "--source", "--duration", "1s", "-o"]).arg(&target);
        let output = attach.output().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let bundle = perfcollect_shared::bundle::read(&fs::read(&target).unwrap()).unwrap();
        let chunk = bundle.source.iter().find(|chunk| chunk.file.ends_with("spin.py")).expect("it was sampled");
        assert_eq!(chunk.changed, change);
    };
    check(false);
    check(true);
}
