//! Which part of a flame graph is on the screen: zooming, panning and fitting, without a screen.

use super::call_tree::CallTree;
use super::flame_layout::FlameLayout;
use crate::order::Order;
use std::ops::Range;

/// Narrower than this is not zoomed into: positions would lose their precision.
const NARROWEST: f64 = 1e-9;

/// The part of the width that is shown, and how far the rows are scrolled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// Left and right edge, as fractions of the whole width.
    pub x0: f64,
    pub x1: f64,
    /// Pixels of rows above the screen (icicle) or below it (flame).
    pub scroll: f64,
}

impl Default for Viewport {
    fn default() -> Self {
        Self::ALL
    }
}

impl Viewport {
    /// Everything, from the first row on.
    pub const ALL: Self = Self { x0: 0.0, x1: 1.0, scroll: 0.0 };

    /// The part between two fractions, put right where it leaves the picture.
    #[must_use]
    pub fn between(x0: f64, x1: f64) -> Self {
        if !x0.is_finite() || !x1.is_finite() {
            return Self::ALL;
        }
        let (x0, x1) = (x0.min(x1), x0.max(x1));
        let width = (x1 - x0).clamp(NARROWEST, 1.0);
        let x0 = ((x0 + x1 - width) / 2.0).clamp(0.0, 1.0 - width);
        Self { x0, x1: x0 + width, scroll: 0.0 }
    }

    /// Shown part of the width.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    /// Both edges.
    #[must_use]
    pub fn range(&self) -> Range<f64> {
        self.x0..self.x1
    }

    /// Whether the whole width is shown.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.width() >= 1.0
    }

    /// The place at a fraction of the screen's width.
    #[must_use]
    pub fn place(&self, of_screen: f64) -> f64 {
        self.x0 + of_screen * self.width()
    }

    /// Where a place is, as a fraction of the screen's width.
    #[must_use]
    pub fn on_screen(&self, place: f64) -> f64 {
        (place - self.x0) / self.width()
    }

    /// Shows `factor` times as much (less than 1 zooms in); what is at `of_screen` stays there.
    #[must_use]
    pub fn zoomed(&self, factor: f64, of_screen: f64) -> Self {
        let width = (self.width() * factor).clamp(NARROWEST, 1.0);
        let x0 = self.place(of_screen) - of_screen * width;
        self.moved_to(x0, width)
    }

    /// Moves right by a fraction of the screen's width.
    #[must_use]
    pub fn panned(&self, of_screen: f64) -> Self {
        self.moved_to(self.x0 + of_screen * self.width(), self.width())
    }

    /// Centred on a place, as wide as it is.
    #[must_use]
    pub fn centred(&self, place: f64) -> Self {
        self.moved_to(place - self.width() / 2.0, self.width())
    }

    /// Scrolls rows; `content` and `screen` are heights in pixels.
    #[must_use]
    pub fn scrolled(&self, pixels: f64, content: f64, screen: f64) -> Self {
        Self { scroll: (self.scroll + pixels).clamp(0.0, (content - screen).max(0.0)), ..*self }
    }

    /// Between this and another, for moving there: 0 is this, 1 the other.
    #[must_use]
    pub fn towards(&self, other: &Self, part: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * part;
        Self { x0: mix(self.x0, other.x0), x1: mix(self.x1, other.x1), scroll: mix(self.scroll, other.scroll) }
    }

    fn moved_to(&self, x0: f64, width: f64) -> Self {
        let x0 = x0.clamp(0.0, 1.0 - width);
        Self { x0, x1: x0 + width, scroll: self.scroll }
    }
}

/// The boxes that reach over the whole part shown, outermost first: what the reader has zoomed into.
#[must_use]
pub fn covering(layout: &FlameLayout, view: &Viewport) -> Vec<usize> {
    let tolerance = view.width() * 1e-3;
    let middle = view.place(0.5);
    let covers = |&index: &usize| {
        let (x0, x1) = layout.edges(index);
        x0 <= view.x0 + tolerance && x1 >= view.x1 - tolerance
    };
    let found = (0..layout.rows()).map_while(|row| layout.at(row, middle).filter(covers)).collect::<Vec<_>>();
    // A frame as wide as its caller is not what was zoomed into unless the caller is wider than the screen.
    let wide = |index: usize| layout.edges(index).1 - layout.edges(index).0;
    let narrowest = found.last().map_or(0.0, |&last| wide(last));
    let keep = found.iter().position(|&index| wide(index) <= narrowest + tolerance).map_or(0, |first| first + 1);
    found.into_iter().take(keep).collect()
}

/// The widest boxes whose node is wanted, at most `limit`, widest first.
#[must_use]
pub fn widest(layout: &FlameLayout, limit: usize, wanted: impl Fn(u32) -> bool) -> Vec<usize> {
    let width = |index: usize| layout.edges(index).1 - layout.edges(index).0;
    let mut found: Vec<usize> = (0..layout.len()).filter(|&index| wanted(layout.node(index))).collect();
    let order = |a: &usize, b: &usize| width(*b).total_cmp(&width(*a)).then(a.cmp(b));
    if found.len() > limit {
        found.select_nth_unstable_by(limit, order);
        found.truncate(limit);
    }
    found.order_by(order);
    found
}

/// The item after the present one, or before it when `back`, around the end; the first (last) where there is none.
#[must_use]
pub fn step_through(items: &[usize], present: Option<usize>, back: bool) -> Option<usize> {
    let here = present.and_then(|present| items.iter().position(|&item| item == present));
    let there = match (here, back) {
        (None, false) => 0,
        (None, true) => items.len().checked_sub(1)?,
        (Some(here), false) => (here + 1) % items.len(),
        (Some(here), true) => (here + items.len() - 1) % items.len(),
    };
    items.get(there).copied()
}

/// The largest nodes at and below a node, at most `limit`, callers before their callees as in a tree.
#[must_use]
pub fn largest(tree: &CallTree, top: u32, limit: usize) -> Vec<u32> {
    use std::collections::BinaryHeap;
    let entry =
        |node: u32| (tree.total_weight[node as usize], tree.total_count[node as usize], std::cmp::Reverse(node));
    let mut heap = BinaryHeap::from([entry(top)]);
    let mut chosen = std::collections::HashSet::new();
    while let Some((_, _, std::cmp::Reverse(node))) = heap.pop() {
        if chosen.len() == limit {
            break;
        }
        chosen.insert(node);
        heap.extend(tree.children(node).take(limit - chosen.len()).map(entry));
    }
    let mut ordered = Vec::with_capacity(chosen.len());
    let mut stack = vec![top];
    while let Some(node) = stack.pop() {
        if chosen.contains(&node) {
            ordered.push(node);
            stack.extend(tree.children(node).take(limit).rev());
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::super::call_tree::{Direction, build};
    use super::super::selection::Selection;
    use super::*;
    use crate::testing;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut view = Viewport::ALL;
        for _ in 0..20 {
            let before = view.place(0.3);
            view = view.zoomed(0.7, 0.3);
            assert!(close(view.place(0.3), before));
            assert!(close(view.on_screen(before), 0.3));
        }
        for _ in 0..40 {
            view = view.zoomed(1.5, 0.9);
        }
        assert_eq!(view, Viewport::ALL, "zooming out ends at everything");
    }

    #[test]
    fn nothing_leaves_the_picture() {
        let view = Viewport::between(0.4, 0.6);
        assert!(close(view.panned(100.0).x1, 1.0) && close(view.panned(100.0).width(), 0.2));
        assert!(close(view.panned(-100.0).x0, 0.0));
        assert!(close(view.centred(0.05).x0, 0.0));
        assert_eq!(Viewport::between(f64::NAN, 1.0), Viewport::ALL);
        assert_eq!(Viewport::between(-5.0, 7.0), Viewport::ALL);
        assert_eq!(Viewport::between(0.6, 0.4), Viewport::between(0.4, 0.6));
        let tiny = Viewport::between(0.5, 0.5);
        assert!(tiny.width() >= NARROWEST * 0.9 && tiny.x0 < tiny.x1);
        assert!(close(view.scrolled(-5.0, 900.0, 300.0).scroll, 0.0));
        assert!(close(view.scrolled(5000.0, 900.0, 300.0).scroll, 600.0));
        assert!(close(view.scrolled(50.0, 100.0, 300.0).scroll, 0.0));
    }

    #[test]
    fn zoomed_frames_are_those_that_fill_the_screen() {
        let profile = testing::profile("A A A B\nC C D .\nE E . .");
        let tree = build(&profile, &Selection::default(), Direction::TopDown);
        let layout = FlameLayout::merged(&tree);
        let names = |x0, x1| {
            let frames = covering(&layout, &Viewport::between(x0, x1)).into_iter();
            let name = |index| tree.function(layout.node(index)).map_or("all", |f| profile.function_name(f));
            frames.map(name).collect::<Vec<_>>().join(">")
        };
        assert_eq!(names(0.0, 1.0), "all");
        assert_eq!(names(0.0, 0.75), "all>A");
        assert_eq!(names(0.0, 0.5), "all>A>C", "E is as wide, but C was zoomed into first");
        assert_eq!(names(0.5, 0.75), "all>A>D");
        assert_eq!(names(0.6, 0.9), "all");
    }

    #[test]
    fn matches_are_visited_from_the_widest_on_and_around_the_end() {
        let profile = testing::profile("A A A B C\nB B C B .");
        let tree = build(&profile, &Selection::default(), Direction::TopDown);
        let layout = FlameLayout::merged(&tree);
        let is_b = |node| tree.function(node).is_some_and(|f| profile.function_name(f) == "B");
        let found = widest(&layout, 10, is_b);
        let counts: Vec<u64> = found.iter().map(|&index| layout.sum(&tree, index).1).collect();
        assert_eq!(counts, [2, 1, 1]);
        assert_eq!(widest(&layout, 1, is_b), found[..1]);
        assert!(widest(&layout, 10, |_| false).is_empty());
        assert_eq!(step_through(&found, None, false), Some(found[0]));
        assert_eq!(step_through(&found, Some(found[0]), false), Some(found[1]));
        assert_eq!(step_through(&found, Some(found[2]), false), Some(found[0]));
        assert_eq!(step_through(&found, Some(found[0]), true), Some(found[2]));
        assert_eq!(step_through(&found, None, true), Some(found[2]));
        assert_eq!(step_through(&[], Some(3), true), None);
    }

    #[test]
    fn the_table_has_the_largest_frames_in_order_of_the_tree() {
        let profile = testing::profile("A A A B B\nC C D E E");
        let tree = build(&profile, &Selection::default(), Direction::TopDown);
        let names = |limit| {
            let nodes = largest(&tree, 0, limit).into_iter();
            let name = |node| tree.function(node).map_or("all", |f| profile.function_name(f));
            nodes.map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(10), "all A C D B E");
        assert_eq!(names(4), "all A C B");
        assert_eq!(names(0), "");
    }
}
