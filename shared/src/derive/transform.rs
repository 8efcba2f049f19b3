//! Changes that a reader makes to the stacks: what is focused on, hidden, merged or collapsed.

use super::function_tree::{FunctionTree, NO_NODE, ROOT, TreeBuilder};
use super::package::place;
use crate::model::{FunctionId, FunctionKind, Language, Profile};
use serde::{Deserialize, Serialize};

/// Names a function across bundles: `name`, `name@place` or `name@place:line`.
///
/// The place is the base name of the source file for Python, of the module otherwise. A key matches every function that
/// fits it; keys made by [`FunctionKey::of`] are as short as the profile allows without naming two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FunctionKey(pub String);

impl FunctionKey {
    /// The shortest key that names this function and no other of the profile, as far as names and lines tell them apart.
    #[must_use]
    pub fn of(profile: &Profile, id: FunctionId) -> Self {
        let name = profile.function_name(id);
        let function = profile.function(id);
        let twins = |same: &dyn Fn(FunctionId) -> bool| {
            let ids = (0..profile.functions.len()).map(FunctionId::from_index);
            ids.filter(|&other| profile.function_name(other) == name && same(other)).take(2).count() > 1
        };
        let here = place(profile, id);
        if here.is_empty() || !twins(&|_| true) {
            Self(name.to_owned())
        } else if twins(&|other| place(profile, other) == here) {
            Self(format!("{name}@{here}:{}", function.start_line))
        } else {
            Self(format!("{name}@{here}"))
        }
    }

    /// Whether this key names the function.
    #[must_use]
    pub fn matches(&self, profile: &Profile, id: FunctionId) -> bool {
        let Some(rest) = self.0.strip_prefix(profile.function_name(id)) else { return false };
        if rest.is_empty() {
            return true;
        }
        let Some(rest) = rest.strip_prefix('@').and_then(|rest| rest.strip_prefix(place(profile, id))) else {
            return false;
        };
        rest.is_empty()
            || rest.strip_prefix(':').is_some_and(|line| line.parse() == Ok(profile.function(id).start_line))
    }

    /// The function's name without its place, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('@').filter(|(name, _)| !name.is_empty()).map_or(&self.0, |(name, _)| name)
    }

    /// For each function of the profile whether the key names it.
    #[must_use]
    pub fn flags(&self, profile: &Profile) -> Vec<bool> {
        (0..profile.functions.len()).map(|index| self.matches(profile, FunctionId::from_index(index))).collect()
    }
}

/// One change. All but `Focus` and `Hide` keep the sum of all weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", content = "key", rename_all = "kebab-case")]
pub enum Transform {
    /// Keep only samples with the function and start their stacks at its outermost call.
    Focus(FunctionKey),
    /// Drop the samples with the function.
    Hide(FunctionKey),
    /// Remove the function's frames; its callees are then called by its caller, its own time is its caller's.
    Merge(FunctionKey),
    /// Make the function a leaf: all that it calls is its own time.
    Collapse(FunctionKey),
    /// Stack frames of the function below its outermost call are moved up into that call.
    CollapseRecursion(FunctionKey),
}

impl Transform {
    /// The code word of each kind, stable for addresses.
    pub const CODES: [&'static str; 5] = ["focus", "hide", "merge", "collapse", "collapse-recursion"];

    /// Code word of the kind and the key; [`Transform::from_parts`] is the inverse.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &FunctionKey) {
        match self {
            Self::Focus(key) => (Self::CODES[0], key),
            Self::Hide(key) => (Self::CODES[1], key),
            Self::Merge(key) => (Self::CODES[2], key),
            Self::Collapse(key) => (Self::CODES[3], key),
            Self::CollapseRecursion(key) => (Self::CODES[4], key),
        }
    }

    /// A transform from its code word; `None` for a word that is not known.
    #[must_use]
    pub fn from_parts(code: &str, key: FunctionKey) -> Option<Self> {
        let make = [Self::Focus, Self::Hide, Self::Merge, Self::Collapse, Self::CollapseRecursion];
        Self::CODES.iter().position(|known| *known == code).map(|index| make[index](key))
    }

    /// The changed tree, and for each old node its new one (`NO_NODE`: its samples are dropped).
    #[must_use]
    pub fn apply(&self, profile: &Profile, tree: &FunctionTree) -> (FunctionTree, Vec<u32>) {
        let (_, key) = self.parts();
        let named = key.flags(profile);
        let is = |function: FunctionId| named[function.index()];
        match self {
            Self::Focus(_) => rebuild(tree, NO_NODE, |new, parent, function| match (parent, is(function)) {
                (NO_NODE, false) => NO_NODE,
                (NO_NODE, true) => new.child(ROOT, function),
                (parent, _) => new.child(parent, function),
            }),
            Self::Hide(_) => rebuild(tree, ROOT, |new, parent, function| {
                if parent == NO_NODE || is(function) { NO_NODE } else { new.child(parent, function) }
            }),
            Self::Merge(_) => rebuild(
                tree,
                ROOT,
                |new, parent, function| {
                    if is(function) { parent } else { new.child(parent, function) }
                },
            ),
            Self::Collapse(_) => rebuild(tree, ROOT, |new, parent, function| {
                if new.function(parent).is_some_and(is) { parent } else { new.child(parent, function) }
            }),
            Self::CollapseRecursion(_) => collapse_recursion(tree, &named),
        }
    }
}

/// Merges library, runtime and kernel frames into the nearest own caller. What has none ends at the root. Why a thread
/// waits is nobody's code and stays.
#[must_use]
pub(super) fn hide_library(profile: &Profile, tree: &FunctionTree) -> (FunctionTree, Vec<u32>) {
    rebuild(tree, ROOT, |new, parent, function| {
        let kept = matches!(profile.function(function).kind, FunctionKind::Own | FunctionKind::Waiting);
        if kept { new.child(parent, function) } else { parent }
    })
}

/// Keeps the frames of one language; other frames are merged into their nearest caller of it, and stacks that have none of it
/// are dropped.
#[must_use]
pub(super) fn only_language(profile: &Profile, tree: &FunctionTree, language: Language) -> (FunctionTree, Vec<u32>) {
    rebuild(tree, NO_NODE, |new, parent, function| match (parent, profile.language(function) == language) {
        (parent, false) => parent,
        (NO_NODE, true) => new.child(ROOT, function),
        (parent, true) => new.child(parent, function),
    })
}

/// Makes a new tree in one pass from callers to callees; `place` says where a node whose parent went to a place goes.
fn rebuild(
    tree: &FunctionTree,
    root: u32,
    mut place: impl FnMut(&mut TreeBuilder, u32, FunctionId) -> u32,
) -> (FunctionTree, Vec<u32>) {
    let mut new = TreeBuilder::new();
    let mut map = vec![NO_NODE; tree.len()];
    map[ROOT as usize] = root;
    for (node, parent, function) in tree.nodes() {
        map[node as usize] = place(&mut new, map[parent as usize], function);
    }
    (new.finish(), map)
}

fn collapse_recursion(tree: &FunctionTree, named: &[bool]) -> (FunctionTree, Vec<u32>) {
    // For each new node the outermost call of a named function at or above it.
    let mut outermost = vec![NO_NODE];
    rebuild(tree, ROOT, |new, parent, function| {
        let outer = outermost[parent as usize];
        if outer != NO_NODE && new.function(outer) == Some(function) {
            return outer;
        }
        let node = new.child(parent, function);
        if node as usize == outermost.len() {
            outermost.push(if outer == NO_NODE && named[function.index()] { node } else { outer });
        }
        node
    })
}

#[cfg(test)]
mod tests {
    use super::super::selection::{Selection, selected_rows};
    use super::*;
    use crate::testing;

    /// Folded stacks of what a selection leaves, in order of first sight.
    fn folded(profile: &Profile, selection: &Selection) -> String {
        let selected = selected_rows(profile, selection);
        let mut lines: Vec<(String, u64)> = Vec::new();
        for (node, _, count) in selected.samples(profile) {
            let mut names: Vec<&str> = selected.tree.functions(node).map(|f| profile.function_name(f)).collect();
            names.reverse();
            let stack = names.join(";");
            match lines.iter_mut().find(|(known, _)| *known == stack) {
                Some((_, sum)) => *sum += count,
                None => lines.push((stack, count)),
            }
        }
        lines.iter().map(|(stack, count)| format!("{stack} {count}")).collect::<Vec<_>>().join(" | ")
    }

    /// `focus B, hide C` as transforms; `own` hides library frames.
    fn selection(words: &str) -> Selection {
        let mut selection = Selection::default();
        for word in words.split(", ").filter(|word| !word.is_empty()) {
            match word.split_once(' ') {
                Some((code, name)) => {
                    let transform = Transform::from_parts(code, FunctionKey(name.into()));
                    selection.transforms.push(transform.expect("a known transform"));
                }
                None => selection.hide_library = word == "own",
            }
        }
        selection
    }

    fn check(picture: &str, words: &str, expect: &str) {
        assert_eq!(folded(&testing::profile(picture), &selection(words)), expect, "{picture:?} {words}");
    }

    const CALLS: &str = "A A A\nB B C\nC . D";

    #[test]
    fn each_transform_does_what_it_says() {
        check(CALLS, "", "A;B;C 1 | A;B 1 | A;C;D 1");
        check(CALLS, "focus B", "B;C 1 | B 1");
        check(CALLS, "focus C", "C 1 | C;D 1");
        check(CALLS, "hide B", "A;C;D 1");
        check(CALLS, "merge B", "A;C 1 | A 1 | A;C;D 1");
        check(CALLS, "merge A", "B;C 1 | B 1 | C;D 1");
        check(CALLS, "collapse B", "A;B 2 | A;C;D 1");
        check(CALLS, "collapse A", "A 3");
        check(CALLS, "focus nowhere", "");
        check(CALLS, "hide nowhere", "A;B;C 1 | A;B 1 | A;C;D 1");
    }

    #[test]
    fn recursion_goes_up_to_the_outermost_call() {
        let recursive = "R R R R\nf f f f\nf g g x\nf f f .\nh h . .";
        check(recursive, "", "R;f;f;f;h 1 | R;f;g;f;h 1 | R;f;g;f 1 | R;f;x 1");
        check(recursive, "collapse-recursion f", "R;f;h 2 | R;f 1 | R;f;x 1");
        check(recursive, "focus f", "f;f;f;h 1 | f;g;f;h 1 | f;g;f 1 | f;x 1");
    }

    #[test]
    fn transforms_follow_each_other() {
        check(CALLS, "merge A, focus B", "B;C 1 | B 1");
        check(CALLS, "focus B, merge B", "C 1 |  1");
        check(CALLS, "collapse B, merge B", "A 2 | A;C;D 1");
    }

    #[test]
    fn library_frames_go_to_the_nearest_own_caller() {
        let picture = "_start _start _start\nmain __libc_start_main main\n__libc_start_main . own";
        check(picture, "own", "main 1 |  1 | main;own 1");
    }

    #[test]
    fn one_language_is_charged_for_what_it_calls() {
        let profile = testing::profile("main main main main\n_Zf x _Zf x\nleaf . _Zg _Zf\n. . . leaf");
        let only = |language, hide_library| {
            folded(&profile, &Selection { language: Some(language), hide_library, ..Selection::default() })
        };
        assert_eq!(only(Language::Cpp, false), "_Zf 2 | _Zf;_Zg 1");
        assert_eq!(only(Language::Native, true), "main;leaf 1 | main;x 1 | main 1 | main;x;leaf 1");
        assert_eq!(only(Language::Python, false), "");
    }

    #[test]
    fn deep_stacks_do_not_overflow() {
        let picture = "f\n".repeat(100_000);
        check(&picture, "collapse-recursion f", "f 1");
        check(&picture, "collapse f", "f 1");
        check(&picture, "merge f", " 1");
    }

    #[test]
    fn every_transform_but_focus_and_hide_keeps_the_sum() {
        for seed in 0..40 {
            let profile = testing::profile(&testing::random_picture(seed));
            let before = selected_rows(&profile, &Selection::default());
            for (code, name) in Transform::CODES.iter().zip(["a", "b", "c", "d", "b"]) {
                let after = selected_rows(&profile, &selection(&format!("{code} {name}")));
                if ["focus", "hide"].contains(code) {
                    let dropped = before.tree.len();
                    assert!(after.count <= before.count && after.tree.len() <= dropped, "{code} {seed}");
                } else {
                    assert_eq!((after.weight, after.count), (before.weight, before.count), "{code} {seed}");
                }
            }
            let (focus, hide) = (selection("focus c"), selection("hide c"));
            let parts = selected_rows(&profile, &focus).count + selected_rows(&profile, &hide).count;
            assert_eq!(parts, before.count, "focus and hide are complements, {seed}");
        }
    }

    #[test]
    fn keys_are_as_short_as_they_can_be() {
        use crate::model::{FunctionSpec, PYTHON_MODULE, ProfileBuilder, ProfileInfo};
        let mut builder = ProfileBuilder::new();
        let (python, app) = (builder.module(PYTHON_MODULE, ""), builder.module("/opt/app", ""));
        let mut add = |name, file, start_line, module| {
            builder.function(FunctionSpec { name, file, start_line, module, ..FunctionSpec::default() })
        };
        let ids = [
            add("parse", "/a/orders.py", 3, python),
            add("get", "/a/orders.py", 10, python),
            add("get", "/a/orders.py", 20, python),
            add("get", "", 0, app),
            add("odd@name:7", "", 0, app),
        ];
        let profile = builder.finish(ProfileInfo::default()).expect("builds");
        let keys = ids.map(|id| FunctionKey::of(&profile, id).0);
        assert_eq!(keys, ["parse", "get@orders.py:10", "get@orders.py:20", "get@app", "odd@name:7"]);
        for (id, key) in ids.into_iter().zip(keys) {
            let named: Vec<bool> = FunctionKey(key).flags(&profile);
            let expect: Vec<bool> = ids.iter().map(|other| *other == id).collect();
            assert_eq!(named, expect);
        }
        assert_eq!(FunctionKey("get".into()).flags(&profile).iter().filter(|flag| **flag).count(), 3);
        assert_eq!(FunctionKey("get@orders.py".into()).flags(&profile).iter().filter(|flag| **flag).count(), 2);
    }
}
