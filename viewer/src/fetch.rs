//! Reading from the server that served the page, with progress. The only module that uses the network.

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

/// Largest answer that the page takes: what a wasm32 memory can hold twice.
const LARGEST: u64 = 1 << 30;

/// Reads `path` from the server. `progress` is called with the bytes read so far and the length where it is known.
///
/// # Errors
/// Says what failed in words for the reader of the page.
pub async fn bytes(path: &str, mut progress: impl FnMut(u64, Option<u64>)) -> Result<Vec<u8>, String> {
    let response: Response = JsFuture::from(window().fetch_with_str(path))
        .await
        .map_err(|error| format!("the server does not answer ({})", words(&error)))?
        .unchecked_into();
    if !response.ok() {
        let reason = match response.text() {
            Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()).unwrap_or_default(),
            Err(_) => String::new(),
        };
        return Err(format!("the server answered {} {}", response.status(), reason.trim()).trim().to_owned());
    }
    let length = length(&response);
    if let Some(length) = length.filter(|&length| length > LARGEST) {
        return Err(format!(
            "it has {length} bytes, more than a page can hold; use `perfcollect report` on it instead"
        ));
    }
    let Some(body) = response.body() else { return Ok(Vec::new()) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::with_capacity(usize::try_from(length.unwrap_or(0)).unwrap_or(0));
    progress(0, length);
    loop {
        let step = JsFuture::from(reader.read())
            .await
            .map_err(|error| format!("the connection broke after {} bytes ({})", bytes.len(), words(&error)))?;
        let Some(chunk) = chunk(&step) else { return Ok(bytes) };
        bytes.extend_from_slice(&chunk.to_vec());
        progress(bytes.len() as u64, length);
    }
}

/// The bytes of a step of a stream, `None` at its end.
fn chunk(step: &JsValue) -> Option<js_sys::Uint8Array> {
    js_sys::Reflect::get(step, &JsValue::from_str("value")).ok()?.dyn_into().ok()
}

/// Length of the body, unknown where it is compressed on the way.
fn length(response: &Response) -> Option<u64> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    if header("content-encoding").is_some() {
        return None;
    }
    header("content-length")?.parse().ok()
}

/// What an exception says.
pub fn words(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
