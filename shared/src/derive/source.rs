//! Source files with time beside their lines: the captured text where there is one, else the lines that were seen.

use super::lines::{FileLines, LineBasis, LineRow, lines};
use super::selection::Selection;
use crate::model::{Bundle, Profile, SourceChunk};
use crate::order::Order;
use crate::units::Nanos;
use std::collections::BTreeMap;

/// One line as a view shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceLine {
    /// From 1.
    pub line: u32,
    /// `None` where its text was not captured.
    pub text: Option<String>,
    /// `None` where it was neither sampled nor executed.
    pub figures: Option<LineRow>,
    /// Self time over that of the file's hottest line, 0 to 1.
    pub heat: f64,
    /// Self and total time over all time that the lines were chosen from, 0 to 1.
    pub self_share: f64,
    pub total_share: f64,
    /// Lines between this one and the one before are not shown.
    pub after_gap: bool,
}

/// A function that begins in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFunction {
    pub name: String,
    pub line: u32,
}

/// One file with its hot lines.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceFile {
    pub file: String,
    pub basis: LineBasis,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
    /// Of all time that the lines were chosen from, 0 to 1.
    pub self_share: f64,
    /// Some text was captured.
    pub has_text: bool,
    /// The file was written after the recording began: text and figures may not belong together.
    pub changed: bool,
    /// Line with most self time, then most total time; 0 where there is none.
    pub hottest: u32,
    /// Functions of the profile that begin in it, by line.
    pub functions: Vec<SourceFunction>,
    /// By line: those with figures, and those with text.
    pub lines: Vec<SourceLine>,
}

/// Every file with lines, most self time first.
#[must_use]
pub fn source(bundle: &Bundle, profile: Option<&Profile>, selection: &Selection) -> Vec<SourceFile> {
    let files = lines(bundle, profile, selection);
    let sampled = profile.map_or(Nanos::ZERO, |profile| chosen_weight(profile, selection));
    let counted = files.iter().filter(|file| file.basis == LineBasis::Counted).map(|file| file.self_ns).sum();
    let mut texts: BTreeMap<&str, Vec<&SourceChunk>> = BTreeMap::new();
    for chunk in bundle.source.iter() {
        texts.entry(&chunk.file).or_default().push(chunk);
    }
    let mut functions = functions_by_file(profile);
    let file = |file: FileLines| {
        let chunks = texts.get(file.file.as_str()).map_or(&[][..], Vec::as_slice);
        let whole = if file.basis == LineBasis::Counted { counted } else { sampled };
        SourceFile {
            basis: file.basis,
            self_ns: file.self_ns,
            total_ns: file.total_ns,
            self_share: file.self_ns.share_of(whole),
            has_text: !chunks.is_empty(),
            changed: chunks.iter().any(|chunk| chunk.changed),
            hottest: hottest(&file.rows),
            functions: functions.remove(file.file.as_str()).unwrap_or_default(),
            lines: join(&file.rows, chunks, whole),
            file: file.file,
        }
    };
    files.into_iter().map(file).collect()
}

/// Weight of the samples that a selection takes, whether their lines are known or not.
fn chosen_weight(profile: &Profile, selection: &Selection) -> Nanos {
    let table = &profile.samples;
    let taken = |row: &usize| {
        let thread = profile.threads.get(table.thread[*row]);
        selection.takes(table.time.as_ref().map(|time| time[*row]), thread.pid, thread.tid)
    };
    (0..table.len()).filter(taken).map(|row| table.weight[row]).sum()
}

fn functions_by_file(profile: Option<&Profile>) -> BTreeMap<&str, Vec<SourceFunction>> {
    let mut files: BTreeMap<&str, Vec<SourceFunction>> = BTreeMap::new();
    let Some(profile) = profile else { return files };
    for function in profile.functions.rows.iter().filter(|function| function.start_line > 0) {
        let name = profile.string(function.name).to_owned();
        let known = files.entry(profile.string(function.file)).or_default();
        known.push(SourceFunction { name, line: function.start_line });
    }
    for known in files.values_mut() {
        known.order_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
        known.dedup();
    }
    files
}

fn hottest(rows: &[LineRow]) -> u32 {
    let hottest = rows.iter().max_by_key(|row| (row.self_ns, row.total_ns, std::cmp::Reverse(row.line)));
    hottest.map_or(0, |row| row.line)
}

/// Figures and text side by side.
fn join(rows: &[LineRow], chunks: &[&SourceChunk], whole: Nanos) -> Vec<SourceLine> {
    let mut joined: BTreeMap<u32, (Option<&str>, Option<LineRow>)> = BTreeMap::new();
    for chunk in chunks {
        for (line, text) in (chunk.start..=u32::MAX).zip(&chunk.lines) {
            joined.entry(line).or_default().0 = Some(text);
        }
    }
    for row in rows {
        joined.entry(row.line).or_default().1 = Some(*row);
    }
    let most = rows.iter().map(|row| row.self_ns).max().unwrap_or_default();
    let mut before = 0;
    let line = |(line, (text, figures)): (u32, (Option<&str>, Option<LineRow>))| {
        let row = figures.unwrap_or_default();
        SourceLine {
            line,
            text: text.map(str::to_owned),
            figures,
            heat: row.self_ns.share_of(most),
            self_share: row.self_ns.share_of(whole),
            total_share: row.total_ns.share_of(whole),
            after_gap: std::mem::replace(&mut before, line).saturating_add(1) < line,
        }
    };
    joined.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LineCount;
    use crate::testing;
    use std::sync::Arc;

    fn count(file: &str, line: u32, self_ns: u64) -> LineCount {
        let (self_ns, total_ns) = (Nanos(self_ns), Nanos(self_ns + 5));
        LineCount { pid: 1, file: file.into(), line, hits: 2, self_ns, total_ns }
    }

    fn bundle() -> Bundle {
        let lines = vec![count("a.py", 3, 30), count("a.py", 4, 60), count("a.py", 90, 0), count("b.py", 1, 10)];
        let text = |start, lines: &[&str], changed| SourceChunk {
            file: "a.py".into(),
            start,
            lines: lines.iter().map(ToString::to_string).collect(),
            changed,
        };
        let source = vec![text(2, &["def f():", "  x()", "  y()"], false), text(7, &["tail"], true)];
        Bundle { lines: Arc::new(lines), source: Arc::new(source), ..Default::default() }
    }

    #[test]
    fn text_and_figures_are_side_by_side() {
        let files = source(&bundle(), None, &Selection::default());
        assert_eq!(files.iter().map(|file| file.file.as_str()).collect::<Vec<_>>(), ["a.py", "b.py"]);
        let file = &files[0];
        assert!(file.has_text && file.changed && !files[1].has_text);
        assert_eq!((file.hottest, file.self_share), (4, 0.9));
        let picture: Vec<(u32, &str, f64, bool)> = file
            .lines
            .iter()
            .map(|line| (line.line, line.text.as_deref().unwrap_or("-"), line.heat, line.after_gap))
            .collect();
        assert_eq!(
            picture,
            [
                (2, "def f():", 0.0, true),
                (3, "  x()", 0.5, false),
                (4, "  y()", 1.0, false),
                (7, "tail", 0.0, true),
                (90, "-", 0.0, true),
            ]
        );
        assert_eq!(file.lines[0].figures, None);
        assert_eq!(file.lines[2].figures.and_then(|row| row.hits), Some(2));
        assert!((file.lines[2].self_share - 0.6).abs() < 1e-9);
    }

    #[test]
    fn sampled_lines_have_shares_of_all_samples_and_functions() {
        let profile = testing::profile("A A A\nB B C");
        let files = source(&Bundle::default(), Some(&profile), &Selection::default());
        let [file] = &files[..] else { panic!("{files:?}") };
        assert_eq!((file.basis, file.self_share, file.has_text), (LineBasis::Sampled, 1.0, false));
        let names: Vec<&str> = file.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C"]);
        let none = Selection { pid: Some(9), ..Default::default() };
        assert_eq!(source(&Bundle::default(), Some(&profile), &none), []);
    }

    #[test]
    fn a_chunk_that_claims_the_last_lines_there_can_be_ends_there() {
        let mut bundle = bundle();
        let lines = vec!["x".into(); 3];
        bundle.source = Arc::new(vec![SourceChunk { file: "b.py".into(), start: u32::MAX, lines, changed: false }]);
        let files = source(&bundle, None, &Selection::default());
        assert_eq!(files[1].lines.iter().map(|line| line.line).collect::<Vec<_>>(), [1, u32::MAX]);
    }
}
