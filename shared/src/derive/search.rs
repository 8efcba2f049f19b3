//! Finds functions by a reader's words and says how much time they stand for.

use super::function_tree::ROOT;
use super::package::{package, place};
use super::selection::Selected;
use crate::model::{FrameId, FunctionId, Profile, StackId};
use crate::units::Nanos;

/// A search over one profile, resolved to its functions.
///
/// The text is looked for, whatever its case, in names, files, modules and packages; `orders.py:42` finds the functions
/// that start at or were seen at that line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    functions: Vec<bool>,
    /// With a line: the frames at it. A function then matches in the stacks that have such a frame only.
    frames: Option<Vec<bool>>,
}

impl Matcher {
    /// A matcher for what was typed; `None` for nothing but blanks.
    ///
    /// `lower` makes text that is not ASCII lowercase: [`str::to_lowercase`], or what a page has for that, since Rust's tables
    /// of all scripts are 15 KB.
    #[must_use]
    pub fn new(profile: &Profile, text: &str, lower: &dyn Fn(&str) -> String) -> Option<Self> {
        let lower = |text: &str| if text.is_ascii() { text.to_ascii_lowercase() } else { lower(text) };
        let wanted = lower(text.trim());
        if wanted.is_empty() {
            return None;
        }
        match place_and_line(&wanted) {
            Some((file, line)) => Some(
                Self::at_line(profile, file, line, &lower).unwrap_or_else(|| Self::named(profile, &wanted, &lower)),
            ),
            None => Some(Self::named(profile, &wanted, &lower)),
        }
    }

    fn named(profile: &Profile, wanted: &str, lower: &dyn Fn(&str) -> String) -> Self {
        let has = |text: &str| lower(text).contains(wanted);
        let functions = ids(profile).map(|id| {
            let base = profile.function_file(id).rsplit('/').next().unwrap_or("");
            has(profile.function_name(id)) || has(base) || has(place(profile, id)) || has(package(profile, id))
        });
        Self { functions: functions.collect(), frames: None }
    }

    /// `None` where no function is in such a file, so that `std::map:1` can still be a name.
    fn at_line(profile: &Profile, file: &str, line: u32, lower: &dyn Fn(&str) -> String) -> Option<Self> {
        let in_file: Vec<bool> =
            ids(profile).map(|id| ends_with_path(&lower(profile.function_file(id)), file)).collect();
        if !in_file.contains(&true) {
            return None;
        }
        let mut functions: Vec<bool> = ids(profile).map(|_| false).collect();
        let frames: Vec<bool> = (0..profile.frames.rows.len())
            .map(|index| {
                let frame = profile.frames.get(FrameId::from_index(index));
                let start = profile.function(frame.function).start_line;
                let found = in_file[frame.function.index()] && (frame.line == line || start == line);
                functions[frame.function.index()] |= found;
                found
            })
            .collect();
        Some(Self { functions, frames: Some(frames) })
    }

    /// Whether a function is found.
    #[must_use]
    pub fn matches(&self, function: FunctionId) -> bool {
        self.functions.get(function.index()).copied().unwrap_or(false)
    }

    /// Number of functions found.
    #[must_use]
    pub fn functions(&self) -> usize {
        self.functions.iter().filter(|found| **found).count()
    }

    /// Weight and raw samples of the chosen samples with a matching frame, each counted once.
    #[must_use]
    pub fn matched(&self, profile: &Profile, selected: &Selected) -> (Nanos, u64) {
        let mut found = vec![false; selected.tree.len()];
        for (node, parent, function) in selected.tree.nodes() {
            found[node as usize] = found[parent as usize] || self.matches(function);
        }
        debug_assert!(!found[ROOT as usize]);
        let stacks = self.frames.as_ref().map(|frames| stacks_with(profile, frames));
        let at_line = |row: u32| stacks.as_ref().is_none_or(|s| s[profile.samples.stack[row as usize].index()]);
        let rows = selected.samples(profile).zip(&selected.row);
        rows.filter(|((node, ..), row)| found[*node as usize] && at_line(**row))
            .fold((Nanos::ZERO, 0), |sum, ((_, weight, count), _)| (sum.0 + weight, sum.1 + count))
    }
}

fn ids(profile: &Profile) -> impl Iterator<Item = FunctionId> {
    (0..profile.functions.len()).map(FunctionId::from_index)
}

/// For each stack whether it has one of the frames.
fn stacks_with(profile: &Profile, frames: &[bool]) -> Vec<bool> {
    let stacks = &profile.stacks;
    let mut with = vec![false; stacks.len()];
    for index in 0..stacks.len() {
        let id = StackId::from_index(index);
        with[index] = frames[stacks.frame(id).index()] || stacks.prefix(id).is_some_and(|prefix| with[prefix.index()]);
    }
    with
}

/// `("orders.py", 42)` of `orders.py:42`.
fn place_and_line(text: &str) -> Option<(&str, u32)> {
    let (file, line) = text.rsplit_once(':')?;
    let line = line.parse().ok()?;
    (!file.is_empty() && !file.ends_with(':')).then_some((file, line))
}

fn ends_with_path(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::super::selection::{FunctionKey, Selection, Transform, selected_rows};
    use super::*;
    use crate::testing;

    fn check(picture: &str, text: &str, expect: (usize, u64)) {
        let profile = testing::profile(picture);
        let selected = selected_rows(&profile, &Selection::default());
        let found = Matcher::new(&profile, text, &str::to_lowercase)
            .map_or((0, 0), |m| (m.functions(), m.matched(&profile, &selected).1));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn samples_count_once_however_often_they_match() {
        let picture = "Main Main Main Main\nparse parse Eat .\nparse Eat . .\nStraße . . .";
        check(picture, "parse", (1, 2));
        check(picture, "EAT", (1, 2));
        check(picture, "a", (4, 4));
        check(picture, "straße", (1, 1));
        check(picture, "  ", (0, 0));
        check(picture, "nothing", (0, 0));
        check(picture, "app.c", (4, 4));
        check(picture, "app.c:1", (4, 4));
        check(picture, "app.c:2", (0, 0));
        check(picture, "pp.c:1", (0, 0));
        check(picture, "std::map:1", (0, 0));
    }

    #[test]
    fn a_line_matches_where_it_was_seen() {
        use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec};
        let mut builder = ProfileBuilder::new();
        let module = builder.module("[python]", "");
        let thread = builder.thread(ThreadSpec::default());
        let function = builder.function(FunctionSpec {
            name: "f",
            file: "/a/b/x.py",
            start_line: 3,
            module,
            ..Default::default()
        });
        for line in [4, 5, 5, 6] {
            let frame = builder.frame(FrameSpec { function, line, inlined: false, address: 0 });
            let stack = builder.stack(None, frame);
            builder.sample(SampleSpec { time: None, stack, thread, weight: Nanos(10), count: 1 });
        }
        let profile = builder.finish(ProfileInfo::default()).expect("builds");
        let selected = selected_rows(&profile, &Selection::default());
        let matched =
            |text: &str| Matcher::new(&profile, text, &str::to_lowercase).map(|m| m.matched(&profile, &selected));
        assert_eq!(matched("x.py:5"), Some((Nanos(20), 2)));
        assert_eq!(matched("b/x.py:3"), Some((Nanos(40), 4)), "the line of the definition finds all of it");
        let hidden = Selection { transforms: vec![Transform::Merge(FunctionKey("f".into()))], ..Selection::default() };
        let merged = selected_rows(&profile, &hidden);
        assert_eq!(
            Matcher::new(&profile, "x.py:5", &str::to_lowercase).map(|m| m.matched(&profile, &merged).1),
            Some(0)
        );
    }
}
