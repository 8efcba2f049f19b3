//! `run --source`: the text of hot lines, and only where it was asked for.

use crate::python::{program, record};
use perfcollect_shared::derive::selection::Selection;
use perfcollect_shared::derive::source::source;
use perfcollect_shared::model::Warning;
use std::fs;

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
