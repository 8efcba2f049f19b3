//! What a flame graph shows: tree, layout and colours, and the facts of a frame. Knows no canvas.

use super::ROW;
use super::sides::Sides;
use crate::state::{Session, Shared};
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::derive::call_tree::{CallTree, Direction, from_selected};
use perfcollect_shared::derive::flame_layout::FlameLayout;
use perfcollect_shared::derive::package::package;
use perfcollect_shared::derive::search::Matcher;
use perfcollect_shared::derive::selection::Selected;
use perfcollect_shared::format;
use perfcollect_shared::model::{FunctionId, FunctionKind, Language, Profile, ThreadId, WeightKind};
use perfcollect_shared::order::Order;
use perfcollect_shared::palette::colour_index;
use perfcollect_shared::units::Nanos;
use perfcollect_shared::view_state::{FlameColor, FlameMode};

/// Times of fewer samples than this are not said: a count is.
const FEW: u64 = 30;

/// One picture and everything to ask it.
pub struct Scene {
    pub profile: Shared<Profile>,
    pub selected: Shared<Selected>,
    pub tree: Shared<CallTree>,
    pub layout: FlameLayout,
    pub mode: FlameMode,
    /// The thread of a time-ordered picture.
    pub thread: Option<ThreadId>,
    /// Colour of each function, as a row of the palette.
    pub colours: Shared<Vec<u8>>,
    /// What a picture of two sides shows besides.
    pub sides: Option<Sides>,
}

/// The scene of the session's choices; each step is made anew only when what it needs changes.
pub fn memo(session: Session) -> Memo<Option<Shared<Scene>>> {
    let mode = Memo::new(move || session.view.with(|view| view.flame.mode));
    let colour = Memo::new(move || session.view.with(|view| view.flame.color));
    // One thread in time order, since the stacks of two cannot follow each other.
    let thread = Memo::new(move || {
        let (profile, selected) = (session.derived.profile.get()?, session.derived.selected.get()?);
        let timed = mode.get() == FlameMode::Time && profile.samples.time.is_some();
        timed.then(|| selected.threads(&profile).first().map(|&(thread, ..)| thread)).flatten()
    });
    let selected = Memo::new(move || {
        let (profile, selected) = (session.derived.profile.get()?, session.derived.selected.get()?);
        Some(thread.get().map_or_else(|| selected.clone(), |thread| Shared::new(selected.of_thread(&profile, thread))))
    });
    let tree = Memo::new(move || {
        let (profile, selected) = (session.derived.profile.get()?, selected.get()?);
        let direction = if mode.get() == FlameMode::Inverted { Direction::Inverted } else { Direction::TopDown };
        Some(Shared::new(from_selected(&profile, &selected, direction)))
    });
    let colours = Memo::new(move || Some(Shared::new(colours(&*session.derived.profile.get()?, colour.get()))));
    Memo::new(move || {
        let (profile, selected) = (session.derived.profile.get()?, selected.get()?);
        let (tree, colours, mode, thread) = (tree.get()?, colours.get()?, mode.get(), thread.get());
        let range = session.derived.selection.with_untracked(|selection| selection.range);
        let timed = thread.and_then(|thread| FlameLayout::in_time_order(&profile, &selected, &tree, thread, range));
        let layout = timed.unwrap_or_else(|| FlameLayout::merged(&tree));
        Some(Shared::new(Scene { profile, selected, tree, layout, mode, thread, colours, sides: None }))
    })
}

fn colours(profile: &Profile, by: FlameColor) -> Vec<u8> {
    let index = |id: FunctionId| {
        let kind = profile.function(id).kind;
        match by {
            FlameColor::Package => colour_index(package(profile, id), kind),
            FlameColor::Kind => colour_index("", kind),
            FlameColor::Language => colour_index(language_name(profile.language(id)), FunctionKind::Own),
        }
    };
    (0..profile.functions.len()).map(|id| u8::try_from(index(FunctionId::from_index(id))).unwrap_or(0)).collect()
}

/// What a language is called; empty where it is not known.
pub fn language_name(language: Language) -> &'static str {
    if language == Language::Unknown { "" } else { language.name() }
}

/// Whose code a function is, in words.
pub fn kind_name(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Own => "own code",
        FunctionKind::Library => "library",
        FunctionKind::Runtime => "runtime",
        FunctionKind::Kernel => "kernel",
        FunctionKind::Waiting => "waiting, not running",
    }
}

/// What is said of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub name: String,
    /// File and line, or the module; empty where neither is known.
    pub place: String,
    pub kind: String,
    pub total: String,
    pub own: String,
    pub samples: String,
    pub of_shown: String,
    pub of_all: String,
}

impl Scene {
    /// Nothing was sampled, or nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.sides.is_none() && self.selected.is_empty()
    }

    /// Colour of a box among those of its kind of picture; `None` for that of everything.
    pub fn colour(&self, index: usize) -> Option<usize> {
        match &self.sides {
            Some(sides) => Some(sides.shade(self.layout.node(index)).index()),
            None => Some(usize::from(self.colours[self.function(index)?.index()])),
        }
    }

    /// Weight and samples of what a search finds; recursion counts once.
    pub fn matched(&self, matcher: &Matcher) -> (Nanos, u64) {
        if self.sides.is_none() {
            return matcher.matched(&self.profile, &self.selected);
        }
        let mut inside = vec![false; self.tree.len()];
        let mut sum = (Nanos::ZERO, 0);
        for node in 1..self.tree.len() {
            let above = inside[self.tree.parent[node] as usize];
            let id = u32::try_from(node).unwrap_or(u32::MAX);
            inside[node] = above || self.tree.function(id).is_some_and(|function| matcher.matches(function));
            if inside[node] && !above {
                sum = (sum.0 + self.tree.total_weight[node], sum.1 + self.tree.total_count[node]);
            }
        }
        sum
    }

    /// Height of all rows in CSS pixels.
    pub fn height(&self) -> f64 {
        f64::from(u32::try_from(self.layout.rows()).unwrap_or(u32::MAX)) * ROW
    }

    pub fn function(&self, index: usize) -> Option<FunctionId> {
        self.tree.function(self.layout.node(index))
    }

    /// Name of a node of the tree.
    pub fn node_name(&self, node: u32) -> &str {
        self.tree.function(node).map_or("all", |function| self.profile.function_name(function))
    }

    pub fn name(&self, index: usize) -> &str {
        self.node_name(self.layout.node(index))
    }

    /// What is written into a box: the name, with the file where the name alone says nothing.
    pub fn label(&self, index: usize) -> String {
        let Some(function) = self.function(index) else {
            if let Some(sides) = &self.sides {
                return format!("all · {}", sides.all());
            }
            let (weight, count) = self.layout.sum(&self.tree, index);
            let hint = count < FEW && self.adds_up();
            let amount = if hint { String::new() } else { format!(" · {}", self.weight(weight)) };
            return format!("all · {}{amount}", self.counted(count));
        };
        let name = self.profile.function_name(function);
        if name.starts_with('<') && name.ends_with('>') {
            let file = format::file_name(self.profile.function_file(function));
            return format!("{name} {file}");
        }
        name.to_owned()
    }

    /// `orders.py:41`, else the module's name.
    pub fn place(&self, function: FunctionId) -> String {
        let place = format::place(self.profile.function_file(function), self.profile.function(function).start_line);
        if place.is_empty() { format::file_name(self.profile.function_module(function)).to_owned() } else { place }
    }

    /// A time, or the count where there are too few samples for one.
    pub fn amount(&self, weight: Nanos, count: u64) -> String {
        if count < FEW && self.adds_up() { self.counted(count) } else { self.weight(weight) }
    }

    fn adds_up(&self) -> bool {
        self.profile.info.weight.adds_up()
    }

    /// A weight in its unit.
    pub fn weight(&self, weight: Nanos) -> String {
        format::weight(self.profile.info.weight, weight)
    }

    /// What is counted.
    pub fn noun(&self) -> &'static str {
        if self.adds_up() { "samples" } else { "blocks" }
    }

    /// How many samples, or blocks of memory.
    pub fn counted(&self, count: u64) -> String {
        format::plural(count, if self.adds_up() { "sample" } else { "block" })
    }

    /// `CPU time` or the name of an event, whatever the weights are.
    pub fn unit(&self) -> &str {
        match self.profile.info.weight {
            WeightKind::Cpu => "CPU time",
            WeightKind::Wall => "wall time",
            WeightKind::Bytes => "live bytes",
            WeightKind::Events => &self.profile.info.name,
        }
    }

    /// What is said of a box when `shown` is what fills the screen.
    pub fn facts(&self, index: usize, shown: Option<usize>) -> Facts {
        let node = self.layout.node(index) as usize;
        let (weight, count) = self.layout.sum(&self.tree, index);
        let whole = self.profile.samples.total_weight();
        let shown = shown.map_or(self.selected.weight, |shown| self.layout.sum(&self.tree, shown).0);
        let function = self.function(index);
        let kind = function.map(|id| {
            let words = [kind_name(self.profile.function(id).kind), language_name(self.profile.language(id))];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
        });
        Facts {
            name: self.name(index).to_owned(),
            place: function.map_or_else(String::new, |id| self.place(id)),
            kind: kind.unwrap_or_default(),
            total: self.amount(weight, count),
            own: self.amount(self.tree.self_weight[node], self.tree.self_count[node]),
            samples: format::count(count),
            of_shown: format::share(weight.share_of(shown)),
            of_all: format::share(weight.share_of(whole)),
        }
    }

    /// The names of a frame's stack, outermost first, as folded stacks have them. In an inverted tree from the leaf up.
    pub fn stack(&self, index: usize) -> Vec<String> {
        let nodes = self.tree.ancestors(self.layout.node(index));
        let mut names: Vec<String> = nodes
            .filter_map(|node| self.tree.function(node))
            .map(|f| self.profile.function_name(f).to_owned())
            .collect();
        if self.tree.direction == Direction::TopDown {
            names.reverse();
        }
        names
    }

    /// Boxes from the outermost to this one.
    pub fn path(&self, index: usize) -> Vec<usize> {
        let up = |&index: &usize| self.layout.parent(&self.tree, index);
        let mut path: Vec<usize> = std::iter::successors(Some(index), up).collect();
        path.reverse();
        path
    }
}

impl Scene {
    /// The function with the largest self time, and its share; `None` where nothing has any.
    pub fn most_self(&self) -> Option<(String, f64)> {
        let mut sums = vec![Nanos::ZERO; self.profile.functions.len()];
        let own = self.selected.self_sums(&self.profile).0;
        for (node, _, function) in self.selected.tree.nodes() {
            sums[function.index()] += own[node as usize];
        }
        let (index, weight) =
            sums.into_iter().enumerate().max_by_key(|&(index, weight)| (weight, std::cmp::Reverse(index)))?;
        let name = self.profile.function_name(FunctionId::from_index(index)).to_owned();
        (weight > Nanos::ZERO).then(|| (name, weight.share_of(self.selected.weight)))
    }

    /// Share of samples without any frame left, which end at the root.
    pub fn outside(&self) -> f64 {
        if self.tree.direction == Direction::TopDown {
            self.tree.self_weight[0].share_of(self.selected.weight)
        } else {
            0.0
        }
    }

    /// The time at a place of a time-ordered picture.
    pub fn time_at(from: Nanos, to: Nanos, place: f64) -> Nanos {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
        let since = ((to - from).as_f64() * place.max(0.0)) as u64;
        from + Nanos(since)
    }

    /// Languages of the shown functions, by name.
    pub fn languages(&self) -> Vec<Language> {
        let mut languages: Vec<Language> =
            self.selected.tree.nodes().map(|(_, _, function)| self.profile.language(function)).collect();
        languages.order();
        languages.dedup();
        languages
    }
}
