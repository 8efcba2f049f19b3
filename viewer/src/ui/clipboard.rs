//! Copies text for the reader.

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};

/// Puts text on the clipboard. Where the browser forbids it (a page without a secure address) nothing happens.
pub fn copy(text: &str) {
    let navigator: JsValue = window().navigator().into();
    // The property is missing where the clipboard is forbidden; the typed accessor would throw on its use.
    let clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into()).ok().filter(JsValue::is_object);
    if let Some(clipboard) = clipboard {
        let promise = clipboard.unchecked_into::<web_sys::Clipboard>().write_text(text);
        leptos::task::spawn_local(async move {
            if wasm_bindgen_futures::JsFuture::from(promise).await.is_err() {
                leptos::logging::warn!("perfcollect: the browser does not let this page copy");
            }
        });
    }
}
