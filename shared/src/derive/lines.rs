//! Time by line of source: counted exactly where lines were traced, else from the line numbers of sampled frames.

use super::selection::Selection;
use crate::model::{Bundle, LineCount, Profile, StackId, WeightKind};
use crate::order::Order;
use crate::units::Nanos;
use std::collections::{BTreeMap, HashMap};

/// What the figures of a line rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineBasis {
    /// Every execution was seen.
    Counted,
    /// Samples that happened to be in it.
    Sampled,
}

/// Figures of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineRow {
    /// From 1.
    pub line: u32,
    /// Times that it was executed; `None` where it was only sampled.
    pub hits: Option<u64>,
    /// Samples whose innermost frame is in it; `None` where lines were counted.
    pub self_samples: Option<u64>,
    /// Likewise, with it anywhere in the stack.
    pub total_samples: Option<u64>,
    /// Without calls. Sampled: with the line innermost. Counted: see [`LineCount`].
    pub self_ns: Nanos,
    /// With calls. Sampled: recursion counts a sample once. Counted: every level.
    pub total_ns: Nanos,
}

/// The lines of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLines {
    pub file: String,
    pub basis: LineBasis,
    pub self_ns: Nanos,
    /// With a line of the file anywhere in the stack. Counted lines cannot tell: there it is the sum of `self_ns`.
    pub total_ns: Nanos,
    /// By line.
    pub rows: Vec<LineRow>,
}

/// Every file of which lines are known, most self time first. A file with counted lines is shown by these alone, other
/// files by samples; what happens by events is told by samples only.
#[must_use]
pub fn lines(bundle: &Bundle, profile: Option<&Profile>, selection: &Selection) -> Vec<FileLines> {
    let events = profile.is_some_and(|profile| profile.info.weight == WeightKind::Events);
    let mut files = if events { Vec::new() } else { counted(&bundle.lines, selection) };
    if let Some(profile) = profile {
        let sampled = sampled(profile, selection);
        let is_new = |file: &FileLines| !files.iter().any(|known| known.file == file.file);
        let new: Vec<FileLines> = sampled.into_iter().filter(is_new).collect();
        files.extend(new);
    }
    sort(&mut files);
    files
}

/// Exact lines of the chosen process, or of all. A range of time cannot be told from counts, and is not used.
#[must_use]
pub fn counted(lines: &[LineCount], selection: &Selection) -> Vec<FileLines> {
    let mut files: BTreeMap<&str, BTreeMap<u32, LineRow>> = BTreeMap::new();
    for line in lines.iter().filter(|line| selection.pid.is_none_or(|pid| pid == line.pid)) {
        let row = files.entry(&line.file).or_default().entry(line.line).or_default();
        row.line = line.line;
        row.hits = Some(row.hits.unwrap_or(0).saturating_add(line.hits));
        row.self_ns += line.self_ns;
        row.total_ns += line.total_ns;
    }
    let file = |(file, rows): (&str, BTreeMap<u32, LineRow>)| {
        let rows: Vec<LineRow> = rows.into_values().collect();
        let self_ns = rows.iter().map(|row| row.self_ns).sum();
        FileLines { file: file.to_owned(), basis: LineBasis::Counted, self_ns, total_ns: self_ns, rows }
    };
    let mut files: Vec<FileLines> = files.into_iter().map(file).collect();
    sort(&mut files);
    files
}

/// Lines of the sampled frames that a selection takes. Transforms change functions, not lines, and are not used.
#[must_use]
pub fn sampled(profile: &Profile, selection: &Selection) -> Vec<FileLines> {
    if profile.info.weight == WeightKind::Bytes {
        return Vec::new();
    }
    let places = Places::new(profile);
    let mut sums = vec![LineRow::default(); places.place.len()];
    let mut of_file = vec![(Nanos::ZERO, Nanos::ZERO); places.files.len()];
    let mut seen_place = vec![u32::MAX; places.place.len()];
    let mut seen_file = vec![u32::MAX; places.files.len()];
    for (stack, weight, count) in stack_sums(profile, selection) {
        for (depth, frame) in profile.stacks.frames(stack).enumerate() {
            let Some(place) = places.of_frame[frame.index()] else { continue };
            let (row, file) = (&mut sums[place], places.place[place].0);
            if depth == 0 {
                row.self_ns += weight;
                row.self_samples = Some(row.self_samples.unwrap_or(0) + count);
                of_file[file].0 += weight;
            }
            if std::mem::replace(&mut seen_place[place], stack.0) != stack.0 {
                row.total_ns += weight;
                row.total_samples = Some(row.total_samples.unwrap_or(0) + count);
            }
            if std::mem::replace(&mut seen_file[file], stack.0) != stack.0 {
                of_file[file].1 += weight;
            }
        }
    }
    let mut rows: Vec<Vec<LineRow>> = vec![Vec::new(); places.files.len()];
    for (row, &(file, line)) in sums.into_iter().zip(&places.place).filter(|(row, _)| row.total_samples.is_some()) {
        rows[file].push(LineRow { line, self_samples: row.self_samples.or(Some(0)), ..row });
    }
    let file = |((file, mut rows), (self_ns, total_ns)): ((&&str, Vec<LineRow>), (Nanos, Nanos))| {
        rows.order_by_key(|row| row.line);
        FileLines { file: (*file).to_owned(), basis: LineBasis::Sampled, self_ns, total_ns, rows }
    };
    let mut files: Vec<FileLines> = places.files.iter().zip(rows).zip(of_file).map(file).collect();
    files.retain(|file| !file.rows.is_empty());
    sort(&mut files);
    files
}

fn sort(files: &mut [FileLines]) {
    files.order_by(|a, b| (b.self_ns, b.total_ns).cmp(&(a.self_ns, a.total_ns)).then_with(|| a.file.cmp(&b.file)));
}

/// File and line of each frame.
struct Places<'a> {
    files: Vec<&'a str>,
    /// File and line of each place.
    place: Vec<(usize, u32)>,
    /// Place of each frame; `None` where its file or line is not known.
    of_frame: Vec<Option<usize>>,
}

impl<'a> Places<'a> {
    fn new(profile: &'a Profile) -> Self {
        let (mut files, mut known_files) = (Vec::new(), HashMap::new());
        let (mut place, mut known_places) = (Vec::new(), HashMap::new());
        let mut of_frame = Vec::with_capacity(profile.frames.rows.len());
        for frame in &profile.frames.rows {
            let name = profile.function_file(frame.function);
            if name.is_empty() || frame.line == 0 {
                of_frame.push(None);
                continue;
            }
            let file = *known_files.entry(name).or_insert_with(|| {
                files.push(name);
                files.len() - 1
            });
            of_frame.push(Some(*known_places.entry((file, frame.line)).or_insert_with(|| {
                place.push((file, frame.line));
                place.len() - 1
            })));
        }
        Self { files, place, of_frame }
    }
}

/// Weight and samples of each stack among the samples that a selection takes.
fn stack_sums(profile: &Profile, selection: &Selection) -> Vec<(StackId, Nanos, u64)> {
    let table = &profile.samples;
    let mut sums = vec![(Nanos::ZERO, 0_u64); profile.stacks.len()];
    for row in 0..table.len() {
        let thread = profile.threads.get(table.thread[row]);
        if selection.takes(table.time.as_ref().map(|time| time[row]), thread.pid, thread.tid) {
            let sum = &mut sums[table.stack[row].index()];
            sum.0 += table.weight[row];
            sum.1 += u64::from(table.count[row]);
        }
    }
    let rows = sums.into_iter().enumerate().filter(|(_, (_, count))| *count > 0);
    rows.map(|(stack, (weight, count))| (StackId::from_index(stack), weight, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec};
    use std::sync::Arc;

    /// Samples of 1 ns: `file:line` frames, callers first.
    fn profile(stacks: &[&str]) -> Profile {
        let mut builder = ProfileBuilder::new();
        let module = builder.module("[python]", "");
        for (time, frames) in (0..).zip(stacks) {
            let stack = frames.split_whitespace().fold(None, |prefix, place| {
                let (file, line) = place.split_once(':').unwrap();
                let spec = FunctionSpec { name: "f", file, start_line: 1, module, ..Default::default() };
                let (function, line) = (builder.function(spec), line.parse().unwrap());
                let frame = builder.frame(FrameSpec { function, line, inlined: false, address: 0 });
                Some(builder.stack(prefix, frame))
            });
            let thread = builder.thread(ThreadSpec { pid: 7, tid: 7, ..Default::default() });
            let stack = stack.unwrap();
            builder.sample(SampleSpec { time: Some(Nanos(time)), stack, thread, weight: Nanos(1), count: 1 });
        }
        builder.finish(ProfileInfo { name: "cpu".into(), ..Default::default() }).unwrap()
    }

    /// `file self/total: line self/total, …`.
    fn picture(files: &[FileLines]) -> String {
        let row = |row: &LineRow| format!("{} {}/{}", row.line, row.self_ns.0, row.total_ns.0);
        let rows = |file: &FileLines| file.rows.iter().map(row).collect::<Vec<_>>().join(", ");
        let file = |f: &FileLines| format!("{} {}/{}: {}\n", f.file, f.self_ns.0, f.total_ns.0, rows(f));
        files.iter().map(file).collect()
    }

    fn check(stacks: &[&str], expect: &str) {
        assert_eq!(picture(&sampled(&profile(stacks), &Selection::default())), expect, "{stacks:?}");
    }

    #[test]
    fn innermost_lines_have_self_time_and_all_lines_total_time() {
        check(&["a:1 a:9", "a:1 b:4", "a:2"], "a 2/3: 1 0/2, 2 1/1, 9 1/1\nb 1/1: 4 1/1\n");
        check(&["a:1 :5", "a:1 b:0"], "a 0/2: 1 0/2\n");
        check(&[], "");
    }

    #[test]
    fn recursion_counts_a_sample_once() {
        check(&["a:1 a:2 a:1 a:2", "a:1 a:2 a:1"], "a 2/2: 1 1/2, 2 1/2\n");
    }

    #[test]
    fn a_selection_restricts_samples() {
        let profile = profile(&["a:1", "a:2", "a:3"]);
        let range = Selection { range: Some((Nanos(1), Nanos(2))), ..Default::default() };
        assert_eq!(picture(&sampled(&profile, &range)), "a 1/1: 2 1/1\n");
        let other = Selection { pid: Some(8), ..Default::default() };
        assert_eq!(sampled(&profile, &other), []);
    }

    #[test]
    fn counted_lines_replace_sampled_ones_of_their_file() {
        let line = |pid, line, hits| LineCount {
            pid,
            file: "a".into(),
            line,
            hits,
            self_ns: Nanos(hits * 10),
            total_ns: Nanos(hits * 20),
        };
        let bundle =
            Bundle { lines: Arc::new(vec![line(7, 2, 3), line(8, 2, 4), line(8, 1, 1)]), ..Default::default() };
        let profile = profile(&["a:1 b:4", "a:9"]);
        let files = lines(&bundle, Some(&profile), &Selection::default());
        assert_eq!(picture(&files), "a 80/80: 1 10/20, 2 70/140\nb 1/1: 4 1/1\n");
        assert_eq!((files[0].basis, files[1].basis), (LineBasis::Counted, LineBasis::Sampled));
        assert_eq!((files[0].rows[1].hits, files[0].rows[1].self_samples), (Some(7), None));
        assert_eq!((files[1].rows[0].hits, files[1].rows[0].self_samples), (None, Some(1)));
        let only = Selection { pid: Some(7), ..Default::default() };
        assert_eq!(picture(&lines(&bundle, None, &only)), "a 30/30: 2 30/60\n");
    }
}
