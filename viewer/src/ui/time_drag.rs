//! A time under the pointer, shared by all pictures with the same axis, and the choice of a range by dragging.

use crate::state::Session;
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::units::Nanos;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, PointerEvent};

/// Drags shorter than this part of the width are clicks.
const CLICK: f64 = 0.003;

/// Pointer state of pictures that share an axis of time.
#[derive(Clone, Copy)]
pub struct TimeDrag {
    session: Session,
    span: (Nanos, Nanos),
    /// Time under the pointer.
    pub hover: RwSignal<Option<Nanos>>,
    /// Both ends of the drag under way, as parts of the width.
    ends: RwSignal<Option<(f64, f64)>>,
}

impl TimeDrag {
    pub fn new(session: Session, span: (Nanos, Nanos)) -> Self {
        Self { session, span, hover: RwSignal::new(None), ends: RwSignal::new(None) }
    }

    pub fn session(self) -> Session {
        self.session
    }

    /// The range that is marked: of the drag under way, else the reader's choice (tracked).
    pub fn range(self) -> Option<(Nanos, Nanos)> {
        match self.ends.get().filter(|(a, b)| (a - b).abs() > CLICK) {
            Some((a, b)) => Some((self.time(a.min(b)), self.time(a.max(b)))),
            None => self.session.derived.selection.with(|selection| selection.range),
        }
    }

    /// Where a time lies, as a style's value.
    pub fn percent(self, time: Nanos) -> String {
        format!("{:.3}%", (time - self.span.0).share_of(self.span.1 - self.span.0).min(1.0) * 100.0)
    }

    /// How wide a range is, as a style's value.
    pub fn width_percent(self, range: (Nanos, Nanos)) -> String {
        let to = range.1.min(self.span.1);
        format!("{:.3}%", (to - range.0).share_of(self.span.1 - self.span.0) * 100.0)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a u64 is one")]
    fn time(self, part: f64) -> Nanos {
        Nanos(self.span.0.0 + ((self.span.1 - self.span.0).as_f64() * part.clamp(0.0, 1.0)) as u64)
    }

    pub fn on_down(self, event: &PointerEvent) {
        let Some((element, part)) = place(event) else { return };
        if event.button() != 0 {
            return;
        }
        // Without capture a drag ends at the edge of the picture, which still gives a range.
        element.set_pointer_capture(event.pointer_id()).ok();
        self.ends.set(Some((part, part)));
    }

    pub fn on_move(self, event: &PointerEvent) {
        let Some((_, part)) = place(event) else { return };
        self.hover.set(Some(self.time(part)));
        if let Some((from, _)) = self.ends.get_untracked() {
            self.ends.set(Some((from, part.clamp(0.0, 1.0))));
        }
    }

    pub fn on_up(self, event: &PointerEvent) {
        self.on_move(event);
        let chosen = self.ends.get_untracked().filter(|(a, b)| (a - b).abs() > CLICK);
        if let Some((a, b)) = chosen {
            let range = (self.time(a.min(b)), self.time(a.max(b)));
            self.session.go(|view| view.selection.range = Some(range));
        }
        self.ends.set(None);
    }

    /// The browser took the pointer (scrolling by touch), or it left.
    pub fn on_leave(self) {
        self.hover.set(None);
        self.ends.set(None);
    }

    /// The whole recording again.
    pub fn clear(self) {
        self.session.go(|view| view.selection.range = None);
    }
}

/// The element that listens and where in its width the pointer is.
fn place(event: &PointerEvent) -> Option<(HtmlElement, f64)> {
    let element = event.current_target()?.dyn_into::<HtmlElement>().ok()?;
    let rect = element.get_bounding_client_rect();
    let part = (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0);
    Some((element, part))
}

/// What lies over a picture: the chosen range and the crosshair.
pub fn marks(drag: TimeDrag) -> impl IntoView {
    let range = move || {
        drag.range().map(|range| {
            let (left, width) = (drag.percent(range.0), drag.width_percent(range));
            view! { <div class="range" style:left=left style:width=width></div> }
        })
    };
    let cross = move || drag.hover.get().map(|time| view! { <div class="cross" style:left=drag.percent(time)></div> });
    view! { {range} {cross} }
}
