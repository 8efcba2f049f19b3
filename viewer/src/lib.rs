//! The page that shows a bundle: Leptos, client-side rendering, wasm32 only.
//!
//! Owns what is on the screen and what the reader chose. Must not compute figures (`perfcollect_shared::derive` does), must
//! not know how a bundle was recorded, and must not ask any other host than the one that served the page.

pub mod app;
pub mod derived;
pub mod fetch;
pub mod keys;
pub mod load;
pub mod state;
pub mod theme;
pub mod ui;
pub mod views;
pub mod worker;

use wasm_bindgen::prelude::wasm_bindgen;

/// Runs once when the module is instantiated: in the page, and in its worker, where there is nothing to show.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    if web_sys::window().is_none() {
        return;
    }
    leptos::mount::mount_to_body(app::app);
}
