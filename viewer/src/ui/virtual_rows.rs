//! Which rows of a long table are on the screen, so that only those are drawn.

use leptos::prelude::*;
use std::ops::Range;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Height of a row in pixels; `.virtual` in the style sheet says the same.
pub const ROW_PX: u32 = 28;
/// Tables up to this many rows are drawn whole.
const ALL: usize = 200;
/// Rows drawn above and below what is seen. The window moves in steps of half of this.
const MARGIN: usize = 20;

/// What is scrolled and how high it is.
#[derive(Clone, Copy)]
pub struct VirtualRows {
    first: RwSignal<usize>,
    seen: RwSignal<usize>,
}

impl Default for VirtualRows {
    fn default() -> Self {
        Self { first: RwSignal::new(0), seen: RwSignal::new(60) }
    }
}

impl VirtualRows {
    /// To be called when the scrolling element scrolls.
    pub fn on_scroll(self, event: &leptos::ev::Event) {
        let Some(element) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
        let row = |px: i32| usize::try_from(px).unwrap_or(0) / ROW_PX as usize;
        self.first.set(row(element.scroll_top()) / (MARGIN / 2) * (MARGIN / 2));
        self.seen.set(row(element.client_height()) + MARGIN / 2);
    }

    /// The rows to draw out of so many (tracked).
    pub fn range(self, rows: usize) -> Range<usize> {
        if rows <= ALL {
            return 0..rows;
        }
        let first = self.first.get().saturating_sub(MARGIN).min(rows);
        first..(self.first.get() + self.seen.get() + MARGIN).min(rows)
    }
}

/// Height of so many rows that are not drawn, as a style's value.
pub fn gap_px(rows: usize) -> String {
    format!("{}px", rows * ROW_PX as usize)
}

/// Scrolls an element so that a row of it can be seen.
pub fn reveal(element: &HtmlElement, row: usize) {
    let top = i32::try_from(row * ROW_PX as usize).unwrap_or(i32::MAX);
    // The sticky header covers the first row's height.
    let (from, height) = (element.scroll_top(), element.client_height() - 2 * ROW_PX.cast_signed());
    if top < from {
        element.set_scroll_top(top);
    } else if top > from + height {
        element.set_scroll_top(top - height);
    }
}
