//! Pointer, wheel and keys: what they mean for the picture. Painting and moving are done elsewhere.

use super::canvas::{PainterSlot, with_look};
use super::menu::{Action, act};
use super::{Flame, Hover, MenuAt, Step, Target};
use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::web_sys;
use perfcollect_shared::derive::selection::FunctionKey;
use perfcollect_shared::derive::viewport::Viewport;
use std::time::Duration;
use wasm_bindgen::JsCast;

/// A press that moves further than this many pixels is a drag.
const DRAG: f64 = 4.0;
/// A touch that rests this long opens the menu.
const LONG_PRESS: Duration = Duration::from_millis(550);
/// A frame that stays marked this long is marked in every view.
const MARK: Duration = Duration::from_millis(400);
/// How much one key press zooms and pans.
const KEY_ZOOM: f64 = 0.75;
const KEY_PAN: f64 = 0.15;

/// A finger or button that is down.
#[derive(Clone, Copy)]
struct Press {
    id: i32,
    /// Where it went down and where it is (CSS pixels of the canvas).
    start: (f64, f64),
    now: (f64, f64),
}

/// What the pointers are doing.
#[derive(Default)]
struct Hands {
    presses: Vec<Press>,
    dragging: bool,
    /// The picture when the first pointer went down, or a second one changed the gesture.
    from: Viewport,
    long_press: Option<TimeoutHandle>,
}

/// The pointer gestures of one canvas.
#[derive(Clone, Copy)]
pub struct Gestures {
    flame: Flame,
    painter: PainterSlot,
    hands: StoredValue<Hands>,
}

impl Gestures {
    pub fn new(flame: Flame, painter: PainterSlot) -> Self {
        Self { flame, painter, hands: StoredValue::new(Hands::default()) }
    }

    pub fn down(self, event: &PointerEvent) {
        if event.button() != 0 {
            return;
        }
        self.flame.menu.set(None);
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        if let Some(canvas) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) {
            // Without capture a drag ends at the edge of the canvas, which is no harm.
            canvas.set_pointer_capture(event.pointer_id()).ok();
        }
        let touch = event.pointer_type() == "touch";
        self.hands.update_value(|hands| {
            hands.presses.push(Press { id: event.pointer_id(), start: at, now: at });
            hands.presses.iter_mut().for_each(|press| press.start = press.now);
            hands.from = self.flame.viewport.get_untracked();
            hands.drop_long_press();
            if touch && hands.presses.len() == 1 {
                hands.dragging = false;
                hands.long_press = set_timeout_with_handle(move || self.pressed_long(at), LONG_PRESS).ok();
            }
        });
    }

    pub fn moved(self, event: &PointerEvent) {
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let moved = self.hands.try_update_value(|hands| {
            let press = hands.presses.iter_mut().find(|press| press.id == event.pointer_id())?;
            press.now = at;
            let far = (at.0 - press.start.0).hypot(at.1 - press.start.1) > DRAG;
            if far || hands.presses.len() > 1 {
                hands.dragging = true;
                hands.drop_long_press();
            }
            hands.dragging.then(|| (hands.presses.clone(), hands.from))
        });
        match moved.flatten() {
            Some((presses, from)) => self.drag(&presses, from),
            None if event.pointer_type() != "touch" => self.hover(at),
            None => {}
        }
    }

    pub fn up(self, event: &PointerEvent) {
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let clicked = self.hands.try_update_value(|hands| {
            hands.drop_long_press();
            let known = hands.presses.iter().any(|press| press.id == event.pointer_id());
            hands.presses.retain(|press| press.id != event.pointer_id());
            hands.presses.iter_mut().for_each(|press| press.start = press.now);
            hands.from = self.flame.viewport.get_untracked();
            let dragged = hands.dragging;
            if hands.presses.is_empty() {
                hands.dragging = false;
            }
            known && !dragged
        });
        if clicked == Some(true) {
            self.click(at, event.pointer_type() == "touch");
        }
    }

    pub fn cancel(self, event: &PointerEvent) {
        self.hands.update_value(|hands| {
            hands.drop_long_press();
            hands.presses.retain(|press| press.id != event.pointer_id());
            hands.dragging = !hands.presses.is_empty() && hands.dragging;
        });
    }

    /// A click marks a frame; a tap, which cannot hover, zooms to it as well.
    fn click(self, at: (f64, f64), touch: bool) {
        match self.target(at) {
            Some(Target::Frame(index)) if touch => self.flame.fit(index),
            Some(Target::Frame(index)) => self.flame.mark(Some(index)),
            Some(Target::More { .. }) if touch => self.zoom_in_at(at),
            _ => self.flame.mark(None),
        }
    }

    pub fn double(self, event: &MouseEvent) {
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        match self.target(at) {
            Some(Target::Frame(index)) => self.flame.fit(index),
            Some(Target::More { .. }) => self.zoom_in_at(at),
            None => {}
        }
    }

    pub fn context(self, event: &MouseEvent) {
        event.prevent_default();
        // The menu key gives no place: the marked frame is meant.
        let by_key = event.button() != 2;
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        match (by_key, self.flame.marked.get_untracked()) {
            (true, Some(index)) => self.flame.open_menu_of(index),
            _ => self.open_menu(at),
        }
    }

    /// Wheel pans; with ctrl or the command key it zooms about the pointer.
    pub fn wheel(self, event: &WheelEvent) {
        let flame = self.flame;
        let unit = if event.delta_mode() == WheelEvent::DOM_DELTA_LINE { 18.0 } else { 1.0 };
        let (mut across, mut along) = (event.delta_x() * unit, event.delta_y() * unit);
        let (width, height) = flame.size.get_untracked();
        if event.ctrl_key() || event.meta_key() {
            event.prevent_default();
            let factor = js_sys::Math::exp(along.clamp(-80.0, 80.0) * 0.006);
            let about = f64::from(event.offset_x()) / width.max(1.0);
            flame.show(flame.destination().zoomed(factor, about), Step::Gesture);
        } else {
            if event.shift_key() && across.abs() < f64::EPSILON {
                (across, along) = (along, 0.0);
            }
            let along = if untrack(|| flame.upward()) { -along } else { along };
            let before = flame.destination();
            let content = untrack(|| flame.content_height());
            let after = before.panned(across / width.max(1.0)).scrolled(along, content, height);
            if after != before {
                event.prevent_default();
                flame.show(after, Step::Pan);
            }
        }
        self.hover((f64::from(event.offset_x()), f64::from(event.offset_y())));
    }

    fn drag(self, presses: &[Press], from: Viewport) {
        let flame = self.flame;
        let (width, height) = flame.size.get_untracked();
        let width = width.max(1.0);
        flame.hover.set(None);
        if let [a, b, ..] = presses {
            let (before, after) = ((a.start.0 - b.start.0).abs(), (a.now.0 - b.now.0).abs());
            let (middle, moved) = (f64::midpoint(a.start.0, b.start.0), f64::midpoint(a.now.0, b.now.0));
            let zoomed = from.zoomed(before.max(24.0) / after.max(24.0), middle / width);
            flame.show(zoomed.panned((middle - moved) / width), Step::Gesture);
        } else if let [press] = presses {
            let along = press.start.1 - press.now.1;
            let along = if untrack(|| flame.upward()) { -along } else { along };
            let content = untrack(|| flame.content_height());
            let panned = from.panned((press.start.0 - press.now.0) / width).scrolled(along, content, height);
            flame.show(panned, Step::Pan);
        }
    }

    fn hover(self, at: (f64, f64)) {
        let hover = self.target(at).map(|what| Hover { what, x: at.0, y: at.1 });
        if self.flame.hover.get_untracked() != hover {
            self.flame.hover.set(hover);
        }
    }

    fn target(self, at: (f64, f64)) -> Option<Target> {
        let scene = self.flame.scene.get_untracked()?;
        self.painter.with_value(|painter| {
            let painter = painter.as_ref()?;
            with_look(self.flame, |look| painter.target(&scene, look, at.0, at.1))
        })
    }

    fn zoom_in_at(self, at: (f64, f64)) {
        let width = self.flame.size.get_untracked().0.max(1.0);
        self.flame.show(self.flame.destination().zoomed(0.1, at.0 / width), Step::Choice);
    }

    fn pressed_long(self, at: (f64, f64)) {
        let held = self.hands.try_update_value(|hands| {
            // The finger that opened the menu must not also click when it is lifted.
            let held = hands.presses.len() == 1 && !hands.dragging;
            hands.dragging |= held;
            held
        });
        if held == Some(true) {
            self.open_menu(at);
        }
    }

    fn open_menu(self, at: (f64, f64)) {
        if let Some(Target::Frame(index)) = self.target(at) {
            self.flame.mark(Some(index));
            self.flame.hover.set(None);
            self.flame.menu.set(Some(MenuAt { index, x: at.0, y: at.1 }));
        }
    }
}

impl Hands {
    fn drop_long_press(&mut self) {
        if let Some(timer) = self.long_press.take() {
            timer.clear();
        }
    }
}

impl Flame {
    /// Opens the menu of a box beside it.
    pub fn open_menu_of(self, index: usize) {
        let Some(scene) = self.scene.get_untracked() else { return };
        let ((width, height), view) = (self.size.get_untracked(), self.viewport.get_untracked());
        let (x0, x1) = scene.layout.edges(index);
        let left = view.on_screen(x0).clamp(0.0, 1.0);
        let x = f64::midpoint(left, view.on_screen(x1).clamp(0.0, 1.0)) * width;
        let row = f64::from(u32::try_from(scene.layout.row_of(index)).unwrap_or(0));
        let down = (row + 1.0) * super::ROW - view.scroll;
        let y = if untrack(|| self.upward()) { height - down } else { down };
        self.hover.set(None);
        self.menu.set(Some(MenuAt { index, x, y: y.clamp(0.0, height) }));
    }

    /// Marks a box here and, when it stays marked, its function in every view.
    pub fn mark(self, index: Option<usize>) {
        self.marked.set(index);
        // A double click begins as a click: what it chooses must not be written into the step before it.
        let write = move || {
            if self.marked.try_get_untracked() != Some(index) {
                return;
            }
            let scene = self.scene.get_untracked();
            let function = scene.as_ref().zip(index).and_then(|(scene, index)| scene.function(index));
            let key = scene.zip(function).map(|(scene, function)| FunctionKey::of(&scene.profile, function));
            self.session.adjust(|state| state.chosen = key);
        };
        set_timeout(write, MARK);
    }
}

/// Keys that are meant for the canvas when it has the focus: they walk from frame to frame.
pub fn on_canvas_key(flame: Flame, event: &KeyboardEvent) {
    let Some(scene) = flame.scene.get_untracked().filter(|scene| !scene.layout.is_empty()) else { return };
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key() {
        return;
    }
    let key = event.key();
    let marked = flame.marked.get_untracked();
    let upward = untrack(|| flame.upward());
    let (outward, inward) = if upward { ("ArrowDown", "ArrowUp") } else { ("ArrowUp", "ArrowDown") };
    let layout = &scene.layout;
    let next = match (key.as_str(), marked) {
        ("Escape", Some(_)) => return flame.mark(None),
        ("Enter", Some(index)) => {
            event.prevent_default();
            return flame.fit(index);
        }
        ("ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight", None) => Some(0),
        (arrow, Some(index)) if arrow == outward => layout.parent(&scene.tree, index),
        (arrow, Some(index)) if arrow == inward => {
            let below = layout.row_of(index) + 1;
            let (x0, x1) = layout.edges(index);
            layout.first_within(below, x0, x1)
        }
        ("ArrowLeft", Some(index)) => {
            layout.row(layout.row_of(index)).contains(&index.wrapping_sub(1)).then(|| index - 1)
        }
        ("ArrowRight", Some(index)) => layout.row(layout.row_of(index)).contains(&(index + 1)).then_some(index + 1),
        _ => return,
    };
    event.prevent_default();
    if let Some(index) = next {
        flame.mark(Some(index));
        flame.reveal(index);
    }
}

impl Flame {
    /// Pans and scrolls so that a box can be seen; zooms out where it is wider than the screen.
    pub fn reveal(self, index: usize) {
        let Some(scene) = self.scene.get_untracked() else { return };
        let view = self.destination();
        let (x0, x1) = scene.layout.edges(index);
        let scroll = self.scroll_to_row(scene.layout.row_of(index));
        let seen = x0.max(view.x0) < x1.min(view.x1) && (x1 - x0 > view.width() * 0.005 || x1 <= x0);
        let across = match () {
            () if seen => view,
            // Too narrow to be seen: so near that it takes a tenth of the screen.
            () if x1 - x0 < view.width() * 0.005 => Viewport::between(x0 - 4.5 * (x1 - x0), x1 + 4.5 * (x1 - x0)),
            () => view.centred(f64::midpoint(x0, x1)),
        };
        let target = Viewport { scroll, ..across };
        if target != view {
            self.show(target, if seen { Step::Pan } else { Step::Choice });
        }
    }
}

/// Keys that are meant for the view wherever the focus is. Whether the key was one of them.
pub fn on_view_key(flame: Flame, event: &KeyboardEvent) -> bool {
    let zoom = |factor: f64| {
        let about = flame.hover.get_untracked().map_or(0.5, |hover| hover.x / flame.size.get_untracked().0.max(1.0));
        flame.show(flame.destination().zoomed(factor, about), Step::Gesture);
    };
    let pan = |part: f64| flame.show(flame.destination().panned(part), Step::Pan);
    match event.key().as_str() {
        "w" | "+" | "=" => zoom(KEY_ZOOM),
        "s" | "-" => zoom(1.0 / KEY_ZOOM),
        "a" => pan(-KEY_PAN),
        "d" => pan(KEY_PAN),
        "ArrowLeft" if event.shift_key() => pan(-KEY_PAN),
        "ArrowRight" if event.shift_key() => pan(KEY_PAN),
        "f" => flame.fit_all(),
        "i" => act(flame, Action::Invert, 0),
        "n" => flame.next_match(false),
        "p" => flame.next_match(true),
        "e" | "c" => {
            let hovered = flame.hover.get_untracked().and_then(|hover| match hover.what {
                Target::Frame(index) => Some(index),
                Target::More { .. } => None,
            });
            let Some(index) = flame.marked.get_untracked().or(hovered) else { return false };
            act(flame, if event.key() == "e" { Action::Hide } else { Action::Collapse }, index);
        }
        _ => return false,
    }
    true
}
