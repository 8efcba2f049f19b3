//! The zoom in the address: the path of the zoomed frame and the part of it that is shown.

use super::{Flame, Step};
use crate::ui::flame_canvas::scene::Scene;
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::derive::selection::FunctionKey;
use perfcollect_shared::derive::viewport::{Viewport, covering};
use perfcollect_shared::view_state::{FlameMode, FlameState};

/// Longer paths are not written; the part of the width says where the picture is then.
const LONGEST_PATH: usize = 48;
/// Parts of the width in the address are millionths.
const PARTS: f64 = 1_000_000.0;

/// Writes what is shown into the address.
pub fn write(flame: Flame, view: Viewport, push: bool) {
    let Some(scene) = flame.scene.get_untracked() else { return };
    let (zoom, part) = encode(&scene, view);
    let change = |state: &mut perfcollect_shared::view_state::ViewState| {
        state.flame.zoom = zoom;
        state.flame.window = part;
    };
    if push { flame.session.go(change) } else { flame.session.adjust(change) }
}

/// Moves the picture when the address changes under it: back, forward, an edited address, another scene.
pub fn follow(flame: Flame) {
    let session = flame.session;
    let asked = Memo::new(move || session.view.with(|view| (view.flame.zoom.clone(), view.flame.window)));
    Effect::new(move |before: Option<usize>| {
        let asked = asked.get();
        let Some(scene) = flame.scene.get() else { return 0 };
        let identity = std::sync::Arc::as_ptr(&scene.0).addr();
        let other_scene = before != Some(identity);
        if other_scene {
            flame.marked.set(None);
            flame.hover.set(None);
            flame.menu.set(None);
        }
        if encode(&scene, flame.destination()) == asked && !(other_scene && asked == (Vec::new(), None)) {
            return identity;
        }
        let (view, row) = decode(&scene, &asked.0, asked.1);
        let scroll = if view.is_whole() { 0.0 } else { flame.scroll_to_row(row) };
        let view = Viewport { scroll, ..view };
        if other_scene {
            flame.jump(view);
        } else {
            flame.show(view, Step::Address);
        }
        identity
    });
}

/// Leaves the zoom, for a choice that makes another picture.
pub fn forget_zoom(state: &mut FlameState) {
    state.zoom.clear();
    state.window = None;
}

type Asked = (Vec<FunctionKey>, Option<(u32, u32)>);

fn encode(scene: &Scene, view: Viewport) -> Asked {
    if view.is_whole() {
        return (Vec::new(), None);
    }
    let frame = (scene.mode != FlameMode::Time).then(|| covering(&scene.layout, &view).last().copied()).flatten();
    let path = frame.map(|index| scene.path(index)).unwrap_or_default();
    let (path, around) = match frame {
        Some(index) if path.len() <= LONGEST_PATH => (path, scene.layout.edges(index)),
        _ => (Vec::new(), (0.0, 1.0)),
    };
    let keys = path.iter().filter_map(|&index| scene.function(index)).map(|f| FunctionKey::of(&scene.profile, f));
    let part = |place: f64| parts((place - around.0) / (around.1 - around.0).max(f64::MIN_POSITIVE));
    let (from, to) = (part(view.x0), part(view.x1));
    let whole = from <= 1_000 && to >= 999_000;
    (keys.collect(), (!whole).then_some((from, to)))
}

/// The part of the width that an address names, and the row of its frame.
fn decode(scene: &Scene, path: &[FunctionKey], part: Option<(u32, u32)>) -> (Viewport, usize) {
    let mut node = 0;
    for key in path {
        let mut children = scene.tree.children(node);
        let named = |&child: &u32| scene.tree.function(child).is_some_and(|f| key.matches(&scene.profile, f));
        match children.find(named) {
            Some(child) => node = child,
            None => break,
        }
    }
    if scene.layout.is_empty() {
        return (Viewport::ALL, 0);
    }
    let timed = scene.mode == FlameMode::Time;
    let index = if timed { 0 } else { node as usize };
    let (x0, x1) = if timed { (0.0, 1.0) } else { scene.layout.edges(index) };
    let (from, to) = part.map_or((0.0, 1.0), |(from, to)| (f64::from(from) / PARTS, f64::from(to) / PARTS));
    let place = |part: f64| x0 + part * (x1 - x0);
    (Viewport::between(place(from), place(to)), scene.layout.row_of(index))
}

fn parts(fraction: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
    let parts = (fraction * PARTS).round().clamp(0.0, PARTS) as u32;
    parts
}
