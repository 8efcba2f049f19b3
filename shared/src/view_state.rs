//! The reader's choices and their form in an address: the only codec, for the page and for links of the command line.
//!
//! A fragment is `v=1&view=flame&range=0-5000000`: keys and percent-encoded values, in a fixed order, defaults left out.
//! Keys that are not known are passed over and values that make no sense count as not given, so that a link of another
//! version, or a broken one, opens as much as it can. Must not know which views or functions exist.

use crate::derive::selection::{FunctionKey, Selection, Transform};
use crate::model::Language;
use crate::units::Nanos;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt::Write as _;

/// Version of the fragment's form.
pub const VIEW_STATE_VERSION: u32 = 1;

/// Longest list that a fragment may carry (transforms, zoom path, sort columns).
const LIST_LIMIT: usize = 512;

/// Everything that a reader chose. The default is what a bundle opens with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewState {
    /// Id of the view; empty for the one that is shown first.
    pub view: String,
    /// Name of the bundle in the library.
    pub bundle: Option<String>,
    /// Names of the bundles that it is compared with: the first is the base, others are compared with the base too.
    pub against: Vec<String>,
    /// What samples are weighed by: `wall`, or the name of an event; empty for CPU time.
    pub clock: String,
    /// What restricts every view.
    pub selection: Selection,
    /// The function that is marked in every view.
    pub chosen: Option<FunctionKey>,
    /// The source file that is shown; empty for that of the marked function, else the hottest.
    pub file: String,
    /// The metric of benchmarks that is shown; empty for the first.
    pub metric: String,
    pub flame: FlameState,
    pub functions: FunctionsState,
    pub compare: CompareState,
    pub caches: CachesState,
    pub theme: Theme,
}

/// Choices of the table of caches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachesState {
    /// The cache that is shown: `library name@line`; empty for the first row.
    pub chosen: String,
    /// Columns by which rows are sorted; empty for requests.
    pub sort: Vec<Sort>,
    pub filter: String,
    /// Caches of libraries that nothing asked for are listed too.
    pub all: bool,
    /// The policy whose line is marked, by its id; empty for none.
    pub policy: String,
}

/// Choices of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompareState {
    /// Which of the sides is the base, and which is set against it, where they are not the first two.
    pub sides: Option<(usize, usize)>,
    pub scale: CompareScale,
    /// Stacks that only the base has are drawn instead.
    pub removed: bool,
}

/// What the colours of a comparison stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompareScale {
    /// The change of a frame as a share of the whole.
    #[default]
    Absolute,
    /// The change of a frame as a share of what it was.
    Proportional,
}

/// Choices of the flame graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlameState {
    pub mode: FlameMode,
    /// The frame that fills the width: functions from the outermost to it.
    pub zoom: Vec<FunctionKey>,
    /// Part of the zoomed frame (without one: of the whole width) that is shown, in millionths, where not all of it is.
    pub window: Option<(u32, u32)>,
    pub search: String,
    pub color: FlameColor,
    /// Callers are below their callees.
    pub upward: bool,
}

/// How samples are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlameMode {
    #[default]
    Merged,
    /// In the order in which they were taken.
    Time,
    /// From the innermost function to its callers.
    Inverted,
}

/// What the colour of a frame tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlameColor {
    #[default]
    Package,
    Kind,
    Language,
}

/// Choices of the table of functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionsState {
    /// Columns by which rows are sorted, the first decides; empty for self time.
    pub sort: Vec<Sort>,
    pub filter: String,
}

/// One column of a sort order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Id of the column.
    pub column: String,
    pub descending: bool,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the reader's system says.
    #[default]
    System,
    Light,
    Dark,
}

/// An enum that is one word in an address.
trait Word: Copy + Default + PartialEq + 'static {
    const WORDS: &'static [(Self, &'static str)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |&(_, word)| word)
    }

    fn from_word(word: &str) -> Self {
        Self::WORDS.iter().find(|(_, known)| *known == word).map_or_else(Self::default, |&(value, _)| value)
    }
}

impl Word for FlameMode {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Merged, "merged"), (Self::Time, "time"), (Self::Inverted, "inverted")];
}

impl Word for FlameColor {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Package, "package"), (Self::Kind, "kind"), (Self::Language, "language")];
}

impl Word for CompareScale {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Absolute, "absolute"), (Self::Proportional, "proportional")];
}

impl Word for Theme {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::System, "system"), (Self::Light, "light"), (Self::Dark, "dark")];
}

/// What stays readable in a value; the signs that divide lists (`/`, `:`, `,`) are always encoded in their items.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl ViewState {
    /// The choices in a fragment, with or without its `#`. Never fails.
    #[must_use]
    pub fn parse(fragment: &str) -> Self {
        let mut state = Self::default();
        for pair in fragment.trim_start_matches('#').split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            state.take(key, value);
        }
        state
    }

    fn take(&mut self, key: &str, value: &str) {
        let keys = |separator: char| {
            let items = value.split(separator).filter(|item| !item.is_empty()).take(LIST_LIMIT);
            items.map(|item| FunctionKey(decode(item)))
        };
        match key {
            "view" => self.view = decode(value),
            "bundle" => self.bundle = Some(decode(value)).filter(|name| !name.is_empty()),
            "against" => self.against = keys(',').map(|key| key.0).collect(),
            "sides" => self.compare.sides = pair(value),
            "scale" => self.compare.scale = Word::from_word(value),
            "gone" => self.compare.removed = value == "1",
            "range" => self.selection.range = range(value),
            "pid" => self.selection.pid = value.parse().ok(),
            "tid" => self.selection.tid = value.parse().ok(),
            "clock" => self.clock = if value == "cpu" { String::new() } else { decode(value) },
            "lang" => self.selection.language = language(value),
            "own" => self.selection.hide_library = value == "1",
            "do" if self.selection.transforms.len() < LIST_LIMIT => self.selection.transforms.extend(transform(value)),
            "fn" => self.chosen = Some(FunctionKey(decode(value))).filter(|key| !key.0.is_empty()),
            "file" => self.file = decode(value),
            "metric" => self.metric = decode(value),
            "mode" => self.flame.mode = Word::from_word(value),
            "zoom" => self.flame.zoom = keys('/').collect(),
            "window" => self.flame.window = window(value),
            "q" => self.flame.search = decode(value),
            "color" => self.flame.color = Word::from_word(value),
            "up" => self.flame.upward = value == "1",
            "sort" => self.functions.sort = value.split(',').filter_map(sort).take(LIST_LIMIT).collect(),
            "cache" => self.caches.chosen = decode(value),
            "by" => self.caches.sort = value.split(',').filter_map(sort).take(LIST_LIMIT).collect(),
            "find" => self.caches.filter = decode(value),
            "idle" => self.caches.all = value == "1",
            "policy" => self.caches.policy = decode(value),
            "filter" => self.functions.filter = decode(value),
            "theme" => self.theme = Word::from_word(value),
            _ => {}
        }
    }

    /// The fragment of these choices without its `#`; empty where nothing was chosen. [`Self::parse`] is the inverse.
    #[must_use]
    pub fn to_fragment(&self) -> String {
        let mut out = Fragment(String::new());
        out.text("view", &self.view);
        out.text("bundle", self.bundle.as_deref().unwrap_or_default());
        out.raw("against", &self.against.iter().map(|name| encode(name)).collect::<Vec<_>>().join(","));
        out.text("clock", &self.clock);
        let selection = &self.selection;
        if let Some((from, to)) = selection.range {
            out.raw("range", &format!("{}-{}", from.0, to.0));
        }
        for (key, number) in [("pid", selection.pid), ("tid", selection.tid)] {
            if let Some(number) = number {
                out.raw(key, &number.to_string());
            }
        }
        if let Some((_, word, _)) = selection.language.map(|language| Language::ALL[language as usize]) {
            out.raw("lang", word);
        }
        if selection.hide_library {
            out.raw("own", "1");
        }
        for transform in &selection.transforms {
            let (code, key) = transform.parts();
            out.raw("do", &format!("{code}:{}", encode(&key.0)));
        }
        out.text("fn", self.chosen.as_ref().map_or("", |key| &key.0));
        out.text("file", &self.file);
        out.text("metric", &self.metric);
        self.flame.write(&mut out);
        let sort = |sort: &Sort| format!("{}{}", if sort.descending { "" } else { "-" }, encode(&sort.column));
        out.raw("sort", &self.functions.sort.iter().map(sort).collect::<Vec<_>>().join(","));
        out.text("filter", &self.functions.filter);
        out.text("cache", &self.caches.chosen);
        out.raw("by", &self.caches.sort.iter().map(sort).collect::<Vec<_>>().join(","));
        out.text("find", &self.caches.filter);
        out.raw("idle", if self.caches.all { "1" } else { "" });
        out.text("policy", &self.caches.policy);
        if let Some((base, new)) = self.compare.sides {
            out.raw("sides", &format!("{base}-{new}"));
        }
        out.word("scale", self.compare.scale);
        out.raw("gone", if self.compare.removed { "1" } else { "" });
        out.word("theme", self.theme);
        if out.0.is_empty() { String::new() } else { format!("v={VIEW_STATE_VERSION}{}", out.0) }
    }
}

impl FlameState {
    fn write(&self, out: &mut Fragment) {
        out.word("mode", self.mode);
        out.raw("zoom", &self.zoom.iter().map(|key| encode(&key.0)).collect::<Vec<_>>().join("/"));
        if let Some((from, to)) = self.window {
            out.raw("window", &format!("{from}-{to}"));
        }
        out.text("q", &self.search);
        out.word("color", self.color);
        out.raw("up", if self.upward { "1" } else { "" });
    }
}

/// The pairs so far, each with `&` before it.
struct Fragment(String);

impl Fragment {
    /// A pair whose value needs no encoding any more; nothing where it is empty.
    fn raw(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            write!(self.0, "&{key}={value}").unwrap_or_default();
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &encode(value));
    }

    fn word<T: Word>(&mut self, key: &str, value: T) {
        if value != T::default() {
            self.raw(key, value.word());
        }
    }
}

fn range(value: &str) -> Option<(Nanos, Nanos)> {
    let (from, to) = value.split_once('-')?;
    let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some((Nanos(from), Nanos(to)))
}

fn language(value: &str) -> Option<Language> {
    Language::ALL.iter().find(|(_, word, _)| *word == value).map(|&(language, ..)| language)
}

fn window(value: &str) -> Option<(u32, u32)> {
    let (from, to) = value.split_once('-')?;
    let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
    (from < to && to <= 1_000_000).then_some((from, to))
}

fn pair(value: &str) -> Option<(usize, usize)> {
    let (base, new) = value.split_once('-')?;
    Some((base.parse().ok()?, new.parse().ok()?))
}

fn transform(value: &str) -> Option<Transform> {
    let (code, key) = value.split_once(':')?;
    Transform::from_parts(code, FunctionKey(decode(key))).filter(|transform| !transform.parts().1.0.is_empty())
}

/// `self` is descending, `-name` ascending.
fn sort(value: &str) -> Option<Sort> {
    let (column, descending) = value.strip_prefix('-').map_or((value, true), |column| (column, false));
    (!column.is_empty()).then(|| Sort { column: decode(column), descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> FunctionKey {
        FunctionKey(name.into())
    }

    fn full() -> ViewState {
        ViewState {
            view: "flame".into(),
            bundle: Some("0007-orders.py-x.perf.zip".into()),
            against: vec!["0006-a, b.perf.zip".into(), "基準 &=.zip".into()],
            clock: "page-faults".into(),
            selection: Selection {
                range: Some((Nanos(3_100_000_000), Nanos(5_800_000_000))),
                pid: Some(12),
                tid: Some(13),
                hide_library: true,
                language: Some(Language::Cpp),
                transforms: vec![
                    Transform::Focus(key("core::ops::FnOnce<A, B>::call@lib a.so:3")),
                    Transform::CollapseRecursion(key("日本&=#%+/,:语")),
                ],
            },
            chosen: Some(key("operator/")),
            file: "/home/u/a b.py".into(),
            metric: "rss bytes & more".into(),
            flame: FlameState {
                mode: FlameMode::Inverted,
                zoom: vec![key("main"), key("a/b"), key("load, then")],
                window: Some((0, 500_000)),
                search: "a & b = 100%".into(),
                color: FlameColor::Language,
                upward: true,
            },
            functions: FunctionsState {
                sort: vec![
                    Sort { column: "total".into(), descending: true },
                    Sort { column: "name".into(), descending: false },
                ],
                filter: "/parse|load/".into(),
            },
            compare: CompareState { sides: Some((2, 1)), scale: CompareScale::Proportional, removed: true },
            caches: CachesState {
                chosen: "functools 店.価格@41".into(),
                sort: vec![Sort { column: "saved".into(), descending: false }],
                filter: "shop, price".into(),
                all: true,
                policy: "s3fifo".into(),
            },
            theme: Theme::Dark,
        }
    }

    #[test]
    fn every_choice_survives_the_address() {
        let fragment = full().to_fragment();
        assert_eq!(ViewState::parse(&fragment), full(), "{fragment}");
        assert_eq!(ViewState::parse(&format!("#{fragment}")), full());
        assert!(fragment.bytes().all(|b| b.is_ascii_graphic() && b != b'#'), "{fragment}");
        for mode in [FlameMode::Merged, FlameMode::Time] {
            let state = ViewState { flame: FlameState { mode, ..full().flame }, ..full() };
            assert_eq!(ViewState::parse(&state.to_fragment()), state);
        }
    }

    #[test]
    fn no_choice_is_no_fragment() {
        assert_eq!(ViewState::default().to_fragment(), "");
        assert_eq!(ViewState::parse(""), ViewState::default());
        assert_eq!(ViewState::parse("#"), ViewState::default());
    }

    #[test]
    fn addresses_are_readable() {
        let state = ViewState {
            view: "functions".into(),
            selection: Selection { range: Some((Nanos(5), Nanos(70))), ..Default::default() },
            chosen: Some(key("parse_line")),
            ..Default::default()
        };
        assert_eq!(state.to_fragment(), "v=1&view=functions&range=5-70&fn=parse_line");
    }

    #[test]
    fn unknown_keys_and_senseless_values_are_passed_over() {
        let check = |fragment: &str, expect: &ViewState| assert_eq!(ViewState::parse(fragment), *expect, "{fragment}");
        let default = ViewState::default();
        check("v=9&later=1&view=", &default);
        check("range=9-3", &default);
        check("range=-5", &default);
        check("range=99999999999999999999-3", &default);
        check("pid=-1&tid=x&own=yes&lang=cobol&clock=cpu&theme=pink&mode=", &default);
        check("do=focus&do=explode:x&do=focus:&zoom=///&sort=,-,", &default);
        check("window=0-1000001", &default);
        check("&&&=&==&%&%zz=%f", &default);
        check("view=%ff%", &ViewState { view: "\u{fffd}%".into(), ..Default::default() });
    }

    #[test]
    fn junk_never_panics_and_settles_after_one_round() {
        let mut seed = 1u32;
        let keys = ["view", "range", "do", "zoom", "sort", "fn", "q", "window", "bundle", "x", ""];
        for _ in 0..2_000 {
            let mut random = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 16) as usize
            };
            let mut fragment = String::new();
            for _ in 0..random() % 5 {
                fragment += keys[random() % keys.len()];
                fragment.push('=');
                for _ in 0..random() % 12 {
                    let signs = ['a', '%', '&', '=', '#', '/', ':', ',', '-', '9', 'é', ' ', '\0', '~'];
                    fragment.push(signs[random() % signs.len()]);
                }
                fragment.push('&');
            }
            let state = ViewState::parse(&fragment);
            assert_eq!(ViewState::parse(&state.to_fragment()), state, "{fragment:?}");
        }
    }

    #[test]
    fn a_list_has_a_limit() {
        let fragment = "do=hide:a&".repeat(LIST_LIMIT * 2);
        assert_eq!(ViewState::parse(&fragment).selection.transforms.len(), LIST_LIMIT);
    }
}
