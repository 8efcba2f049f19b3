//! The canvas itself: its size, when it is painted, and what a screen reader gets.

use super::paint::{Look, Painter};
use super::{Flame, Hover, Target, input, sides};
use crate::theme::Theme;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys;
use perfcollect_shared::derive::viewport::Viewport;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

/// The lowest picture, so that a short one can be aimed at.
const LOWEST: f64 = 120.0;

/// Left for what stands below the picture: its legend and the strip of the whole run.
const BELOW: f64 = 136.0;

/// The painter is made when the canvas is there.
pub type PainterSlot = StoredValue<Option<Painter>, LocalStorage>;

pub fn flame_canvas(flame: Flame) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let painter: PainterSlot = StoredValue::new_local(None);
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            painter.set_value(Painter::new(&canvas));
            resize(flame, &canvas);
            observe(flame, canvas);
        }
    });
    paint_when_dirty(flame, canvas, painter);
    Effect::new(move |_| {
        flame.content_height();
        if let Some(canvas) = canvas.get() {
            resize(flame, &canvas);
        }
    });
    let gestures = input::Gestures::new(flame, painter);
    view! {
        <canvas
            node_ref=canvas
            class="flame"
            tabindex="0"
            role="application"
            aria-roledescription="flame graph"
            aria-label=move || label(flame)
            aria-describedby="flame-help"
            data-hovered=move || flame.hover.get().is_some().then_some("")
            on:pointerdown=move |event| gestures.down(&event)
            on:pointermove=move |event| gestures.moved(&event)
            on:pointerup=move |event| gestures.up(&event)
            on:pointercancel=move |event| gestures.cancel(&event)
            on:pointerleave=move |_| flame.hover.set(None)
            on:dblclick=move |event| gestures.double(&event)
            on:wheel=move |event| gestures.wheel(&event)
            on:contextmenu=move |event| gestures.context(&event)
            on:keydown=move |event| input::on_canvas_key(flame, &event)
        ></canvas>
        <p id="flame-help" class="reader">
            "Arrow keys walk through the frames, Enter zooms in, f shows everything, the menu key lists what can be done. The table below has the same data."
        </p>
        <p class="reader" aria-live="polite">{move || announced(flame)}</p>
    }
}

fn label(flame: Flame) -> String {
    let Some(scene) = flame.scene.get() else { return "Flame graph".to_owned() };
    let samples = scene.counted(scene.selected.count);
    if scene.sides.is_some() {
        return format!("Flame graph of two sides in {} rows", scene.layout.rows());
    }
    format!("Flame graph of {samples} in {} rows", scene.layout.rows())
}

/// What is said of the frame that the keys reached.
fn announced(flame: Flame) -> Option<String> {
    let (scene, index) = (flame.scene.get()?, flame.marked.get()?);
    if let Some(sides) = &scene.sides {
        return (index < scene.layout.len()).then(|| sides::announced(&scene, sides, index));
    }
    let facts = (index < scene.layout.len()).then(|| scene.facts(index, None))?;
    Some(format!("{}, {} of all, {} samples, {}", facts.name, facts.of_all, facts.samples, facts.place))
}

/// Paints in the next animation frame after anything that shows changed.
fn paint_when_dirty(flame: Flame, canvas: NodeRef<html::Canvas>, painter: PainterSlot) {
    let asked = StoredValue::new(false);
    // The pointer moves far more often than what is under it changes.
    let hovered = Memo::new(move || flame.hover.get().map(|hover| hover.what));
    Effect::new(move |_| {
        hovered.track();
        flame.chosen.track();
        flame.scene.track();
        flame.matcher.track();
        flame.viewport.track();
        flame.size.track();
        flame.marked.track();
        flame.upward();
        flame.session.theme.track();
        if canvas.get().is_none() || asked.get_value() {
            return;
        }
        asked.set_value(true);
        request_animation_frame(move || {
            // The view may be gone by the time of the frame.
            if asked.try_set_value(false).is_none() {
                paint(flame, canvas, painter);
            }
        });
    });
}

fn paint(flame: Flame, canvas: NodeRef<html::Canvas>, painter: PainterSlot) {
    let (Some(scene), Some(canvas)) = (flame.scene.get_untracked(), canvas.get_untracked()) else { return };
    let ratio = window().device_pixel_ratio();
    let (width, height) = flame.size.get_untracked();
    fit_buffer(&canvas, (width * ratio).round(), (height * ratio).round());
    let dark = flame.session.theme.get_untracked() == Theme::Dark;
    painter.update_value(|painter| {
        if let Some(painter) = painter {
            with_look(flame, |look| painter.paint(&scene, look, dark));
        }
    });
    flag_as_drawn(&canvas);
}

/// Says to tests and tools that there is a picture.
fn flag_as_drawn(canvas: &web_sys::HtmlCanvasElement) {
    if !canvas.has_attribute("data-drawn") {
        // A valid name cannot fail.
        canvas.set_attribute("data-drawn", "").ok();
    }
}

/// How the scene is looked at now (untracked).
pub fn with_look<T>(flame: Flame, then: impl FnOnce(&Look) -> T) -> T {
    let (matcher, chosen) = (flame.matcher.get_untracked(), flame.chosen.get_untracked());
    let look = Look {
        view: flame.viewport.get_untracked(),
        size: flame.size.get_untracked(),
        ratio: window().device_pixel_ratio(),
        upward: untrack(|| flame.upward()),
        matcher: matcher.as_deref(),
        chosen: chosen.as_deref().map(Vec::as_slice),
        hover: flame.hover.get_untracked().and_then(|hover: Hover| match hover.what {
            Target::Frame(index) => Some(index),
            Target::More { .. } => None,
        }),
        marked: flame.marked.get_untracked(),
    };
    then(&look)
}

/// Changing the size of a canvas clears it, so only when it is another.
fn fit_buffer(canvas: &web_sys::HtmlCanvasElement, width: f64, height: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
    let (width, height) = (width as u32, height as u32);
    if canvas.width() != width || canvas.height() != height {
        canvas.set_width(width);
        canvas.set_height(height);
    }
}

/// As high as the picture, at most what is left of the window; on a phone the page scrolls instead.
fn resize(flame: Flame, canvas: &web_sys::HtmlCanvasElement) {
    let place = canvas.get_bounding_client_rect();
    let number = |value: Result<wasm_bindgen::JsValue, _>| value.ok().and_then(|v| v.as_f64()).unwrap_or(800.0);
    let (wide, high) = (number(window().inner_width()), number(window().inner_height()));
    let room = if wide < 600.0 { 1600.0 } else { (high - place.top().clamp(0.0, high / 2.0) - BELOW).max(240.0) };
    let content = untrack(|| flame.content_height());
    let height = content.clamp(LOWEST, room.max(LOWEST)).floor();
    let size = (place.width(), height);
    if flame.size.get_untracked() == size {
        return;
    }
    let style = (**canvas).unchecked_ref::<web_sys::HtmlElement>().style();
    // A valid property cannot fail.
    style.set_property("height", &format!("{height:.2}px")).ok();
    flame.size.set(size);
    let view: Viewport = flame.viewport.get_untracked().scrolled(0.0, content, height);
    if flame.viewport.get_untracked() != view {
        flame.viewport.set(view);
    }
}

/// Follows the width of the canvas and the height of the window.
fn observe(flame: Flame, canvas: web_sys::HtmlCanvasElement) {
    let watched = canvas.clone();
    let changed = Closure::<dyn Fn()>::new(move || resize(flame, &watched));
    let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) else { return };
    observer.observe(&canvas);
    let kept = StoredValue::new_local((observer, changed));
    let listener = window_event_listener(leptos::ev::resize, move |_| resize(flame, &canvas));
    on_cleanup(move || {
        kept.with_value(|(observer, _)| observer.disconnect());
        listener.remove();
    });
}
