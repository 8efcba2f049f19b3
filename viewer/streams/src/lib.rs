//! What `server_fn` names of the crate `wasm-streams`, for a page without server functions.
//!
//! The real crate exports classes to JavaScript, which no linker takes away: 10 kB of the page that nothing calls.

use futures_util::stream::{self, Stream};
use wasm_bindgen::{JsValue, UnwrapThrowExt};

/// A body that is a stream: there is none.
#[derive(Debug)]
pub struct ReadableStream(Option<web_sys::ReadableStream>);

impl ReadableStream {
    /// Drops what it is given.
    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>>) -> Self {
        Self(None)
    }

    #[must_use]
    pub fn from_raw(raw: web_sys::ReadableStream) -> Self {
        Self(Some(raw))
    }

    /// # Panics
    /// Where it was made of a stream of ours.
    #[must_use]
    pub fn into_raw(self) -> web_sys::ReadableStream {
        self.0.expect_throw("the page sends no streams")
    }

    /// Nothing of it.
    pub fn into_stream(self) -> impl Stream<Item = Result<JsValue, JsValue>> {
        stream::empty()
    }
}
