//! The whole picture in a strip, with the part that is shown: drag to choose another.

use super::{Flame, Step};
use crate::theme::Theme;
use crate::ui::dom::view;
use leptos::ev::PointerEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys;
use perfcollect_shared::derive::flame_layout::Visible;
use perfcollect_shared::derive::viewport::Viewport;
use perfcollect_shared::palette::{Palette, Shade};
use wasm_bindgen::JsCast;

/// Height of the strip in CSS pixels.
const HEIGHT: f64 = 40.0;
/// Nearer to an edge of the shown part than this many pixels moves that edge.
const EDGE: f64 = 5.0;

/// What a drag on the strip does.
#[derive(Clone, Copy)]
enum Drag {
    /// Chooses from this place on.
    Range(f64),
    /// Moves the shown part; the place of the pointer less its left edge.
    Move(f64),
}

pub fn minimap(flame: Flame) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        let dark = flame.session.theme.get() == Theme::Dark;
        let (width, _) = flame.size.get();
        flame.scene.track();
        if let Some(canvas) = canvas.get() {
            request_animation_frame(move || paint(flame, &canvas, width, dark));
        }
    });
    let drag = StoredValue::new(None::<Drag>);
    let down = move |event: PointerEvent| {
        if let Some(strip) = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) {
            // Without capture a drag ends at the edge of the strip.
            strip.set_pointer_capture(event.pointer_id()).ok();
        }
        drag.set_value(Some(begin(flame, place(flame, &event))));
    };
    let moved = move |event: PointerEvent| {
        if let Some(kind) = drag.get_value() {
            drag_to(flame, kind, place(flame, &event));
        }
    };
    let up = move |_: PointerEvent| drag.set_value(None);
    let left = move || format!("{:.3}%", flame.viewport.get().x0 * 100.0);
    let width = move || format!("{:.3}%", (flame.viewport.get().width() * 100.0).max(0.2));
    let whole = move || flame.viewport.get().is_whole();
    view! {
        <div class="flame-minimap" aria-hidden="true" on:pointerdown=down on:pointermove=moved on:pointerup=up on:pointercancel=up>
            <canvas node_ref=canvas></canvas>
            <div class="flame-part" class:whole=whole style:left=left style:width=width></div>
        </div>
    }
}

/// Where the pointer is, as a fraction of the whole width.
fn place(flame: Flame, event: &PointerEvent) -> f64 {
    let strip = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let left = strip.map_or(0.0, |strip| strip.get_bounding_client_rect().left());
    ((f64::from(event.client_x()) - left) / flame.size.get_untracked().0.max(1.0)).clamp(0.0, 1.0)
}

fn begin(flame: Flame, at: f64) -> Drag {
    let view = flame.destination();
    let near = EDGE / flame.size.get_untracked().0.max(1.0);
    match () {
        () if view.is_whole() => Drag::Range(at),
        () if (at - view.x0).abs() < near => Drag::Range(view.x1),
        () if (at - view.x1).abs() < near => Drag::Range(view.x0),
        () if view.range().contains(&at) => Drag::Move(at - view.x0),
        () => Drag::Range(at),
    }
}

fn drag_to(flame: Flame, drag: Drag, at: f64) {
    let view = flame.destination();
    let pixel = 1.0 / flame.size.get_untracked().0.max(1.0);
    match drag {
        Drag::Range(from) if (at - from).abs() > 2.0 * pixel => {
            flame.show(Viewport { scroll: view.scroll, ..Viewport::between(from, at) }, Step::Gesture);
        }
        Drag::Range(_) => {}
        Drag::Move(offset) => flame.show(view.panned((at - offset - view.x0) / view.width()), Step::Pan),
    }
}

fn paint(flame: Flame, canvas: &web_sys::HtmlCanvasElement, width: f64, dark: bool) {
    let Some(Some(scene)) = flame.scene.try_get_untracked() else { return };
    let ratio = window().device_pixel_ratio();
    let (wide, high) = ((width * ratio).round(), (HEIGHT * ratio).round());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
    let (columns, lines) = (wide as u32, high as u32);
    canvas.set_width(columns);
    canvas.set_height(lines);
    let context =
        canvas.get_context("2d").ok().flatten().and_then(|c| c.dyn_into::<web_sys::CanvasRenderingContext2d>().ok());
    let Some(context) = context else { return };
    let palette = Palette::new(dark);
    let rows = scene.layout.rows().min(usize::try_from(lines).unwrap_or(usize::MAX));
    let each = (high / f64::from(u32::try_from(rows.max(1)).unwrap_or(1))).min(4.0 * ratio);
    let upward = untrack(|| flame.upward());
    let colours = if scene.sides.is_some() { &palette.effects } else { &palette.colours };
    let mut buckets = vec![Vec::new(); colours.len() + 1];
    for row in 0..rows {
        let top = f64::from(u32::try_from(row).unwrap_or(0)) * each;
        let y = if upward { high - top - each } else { top };
        scene.layout.visible(row, 0.0..1.0, 1.0 / wide.max(1.0), |seen| {
            let (bucket, x0, x1) = match seen {
                Visible::Frame { index, x0, x1 } => (scene.colour(index).unwrap_or(colours.len()), x0, x1),
                Visible::More { x0, x1, .. } if scene.sides.is_some() => (Shade::Same.index(), x0, x1),
                Visible::More { x0, x1, .. } => (colours.len() - 1, x0, x1),
            };
            let (left, right) = ((x0 * wide).round(), (x1 * wide).round());
            buckets[bucket].push((left, y, (right - left).max(1.0)));
        });
    }
    for (bucket, items) in buckets.iter().enumerate().filter(|(_, items)| !items.is_empty()) {
        let colour = colours.get(bucket).unwrap_or(&palette.neutral);
        context.set_fill_style_str(&colour.fill.css());
        for &(x, y, wide) in items {
            context.fill_rect(x, y, wide, each.ceil());
        }
    }
}
