//! How a bundle gets onto the page: from the page itself (an exported report), from the server, or from a file that was
//! dropped or chosen.

use crate::fetch;
use crate::state::{Session, Shared};
use leptos::prelude::*;
use leptos::task::spawn_local;
use perfcollect_shared::bundle;
use perfcollect_shared::import::{self, Imported};
use perfcollect_shared::model::{Bundle, Manifest};
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

/// Where the page stands with the bundle it is to show.
#[derive(Clone, PartialEq)]
pub enum Load {
    /// Nothing was chosen yet.
    Empty,
    Reading {
        /// Name of what is read.
        what: String,
        done: u64,
        of: Option<u64>,
        /// Known before the rest where the library or the head of the file told it.
        manifest: Option<Shared<Manifest>>,
    },
    Ready(Shared<Bundle>),
    Failed {
        what: String,
        reason: String,
        /// What can be shown all the same.
        manifest: Option<Shared<Manifest>>,
    },
}

impl Load {
    pub fn bundle(&self) -> Option<&Shared<Bundle>> {
        match self {
            Self::Ready(bundle) => Some(bundle),
            Self::Empty | Self::Reading { .. } | Self::Failed { .. } => None,
        }
    }

    pub fn manifest(&self) -> Option<Shared<Manifest>> {
        match self {
            Self::Empty => None,
            Self::Reading { manifest, .. } | Self::Failed { manifest, .. } => manifest.clone(),
            Self::Ready(bundle) => Some(Shared::new(bundle.manifest.clone())),
        }
    }
}

/// What the server says of its folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Library {
    /// Changes when anything in the folder does.
    pub version: String,
    /// The bundle that the server was started with.
    pub open: Option<String>,
    pub bundles: Vec<Entry>,
}

/// The version stands for all that the server lists.
impl PartialEq for Library {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.open == other.open && self.bundles.len() == other.bundles.len()
    }
}

/// One file, or one recording that was cut short, of the library.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    pub name: String,
    pub number: Option<u64>,
    pub bytes: u64,
    pub manifest: Option<Manifest>,
    /// Why there is no manifest, and what to do.
    pub error: Option<String>,
    /// The name is a spool folder that `perfcollect recover` turns into a bundle.
    pub recoverable: bool,
}

/// Where the page stands with the library.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LibraryState {
    /// There is no server: the page is a file.
    #[default]
    None,
    Reading,
    Ready(Library),
    /// The server is gone; what it said last is kept.
    Lost {
        last: Option<Library>,
        reason: String,
    },
}

impl LibraryState {
    pub fn library(&self) -> Option<&Library> {
        match self {
            Self::Ready(library) | Self::Lost { last: Some(library), .. } => Some(library),
            Self::None | Self::Reading | Self::Lost { last: None, .. } => None,
        }
    }
}

const POLL: Duration = Duration::from_secs(2);

/// Starts reading: the bundle inside the page if there is one, else the server's library.
pub fn begin(session: Session) {
    if let Some(inside) = document().get_element_by_id(perfcollect_shared::export::html::BUNDLE_ELEMENT) {
        let text = inside.text_content().unwrap_or_default();
        match import::html::decode(&text) {
            Ok(bytes) => show(session, "this report".to_owned(), bytes),
            Err(error) => fail(session, "this report".to_owned(), error.to_string()),
        }
        return;
    }
    if !window().location().protocol().is_ok_and(|protocol| protocol.starts_with("http")) {
        return;
    }
    session.library.set(LibraryState::Reading);
    let loaded = StoredValue::new(None::<String>);
    let asked = Memo::new(move |_| session.view.with(|view| view.bundle.clone()));
    Effect::new(move |_| {
        let name = asked.get();
        if name == loaded.get_value() {
            return;
        }
        loaded.set_value(name.clone());
        if let Some(name) = name {
            spawn_local(from_server(session, name));
        }
    });
    spawn_local(async move {
        poll(session).await;
        set_interval(move || spawn_local(poll(session)), POLL);
    });
}

async fn poll(session: Session) {
    if document().hidden() && !matches!(session.library.get_untracked(), LibraryState::Reading) {
        return;
    }
    let answer = fetch::bytes("api/library", |_, _| {}).await;
    let answer = answer.and_then(|bytes| {
        serde_json::from_slice::<Library>(&bytes).map_err(|error| format!("its list cannot be read: {error}"))
    });
    let before = session.library.get_untracked();
    let after = match answer {
        Ok(library) => LibraryState::Ready(library),
        Err(reason) => LibraryState::Lost { last: before.library().cloned(), reason },
    };
    if before == after {
        return;
    }
    let open = after.library().and_then(|library| library.open.clone());
    let first = matches!(before, LibraryState::Reading);
    session.library.set(after);
    if first && session.view.with_untracked(|view| view.bundle.is_none()) && open.is_some() {
        session.adjust(|view| view.bundle = open);
    }
}

async fn from_server(session: Session, name: String) {
    let known = session.library.with_untracked(|state| {
        let entry = state.library()?.bundles.iter().find(|entry| entry.name == name)?;
        entry.manifest.clone().map(Shared::new)
    });
    let reading = |done, of| Load::Reading { what: name.clone(), done, of, manifest: known.clone() };
    session.load.set(reading(0, None));
    let path = format!("api/bundles/{}", js_sys::encode_uri_component(&name));
    match fetch::bytes(&path, |done, of| session.load.set(reading(done, of))).await {
        // Another bundle may have been chosen meanwhile.
        _ if session.view.with_untracked(|view| view.bundle.as_deref() != Some(&*name)) => {}
        Ok(bytes) => show(session, name, bytes),
        Err(reason) => session.load.set(Load::Failed { what: name, reason, manifest: known }),
    }
}

/// Opens a file that was dropped on the page or chosen in the picker.
pub fn from_file(session: Session, file: File) {
    let what = file.name();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of files are whole and positive"
    )]
    let size = file.size() as u64;
    session.load.set(Load::Reading { what: what.clone(), done: 0, of: Some(size), manifest: None });
    session.go(|view| {
        *view = perfcollect_shared::view_state::ViewState::default();
    });
    spawn_local(async move {
        match JsFuture::from(file.array_buffer()).await {
            Ok(buffer) => show(session, what, js_sys::Uint8Array::new(&buffer).to_vec()),
            Err(error) => fail(session, what, format!("the browser cannot read it: {}", fetch::words(&error))),
        }
    });
}

/// Opens the first file of a drop.
pub fn from_drop(session: Session, event: &web_sys::DragEvent) {
    let file = event.data_transfer().and_then(|data| data.files()).and_then(|files| files.item(0));
    if let Some(file) = file {
        from_file(session, file);
    }
}

/// Opens the file of a picker.
pub fn from_picker(session: Session, event: &web_sys::Event) {
    let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
    let file = input.as_ref().and_then(web_sys::HtmlInputElement::files).and_then(|files| files.item(0));
    if let Some(input) = input {
        input.set_value("");
    }
    if let Some(file) = file {
        from_file(session, file);
    }
}

/// Paints what the manifest says, then decodes the rest once that is on the screen.
fn show(session: Session, what: String, bytes: Vec<u8>) {
    let inner = match import::import(&bytes) {
        Ok(Imported::Bundle(Cow::Owned(inner))) => Some(inner),
        Ok(Imported::Bundle(Cow::Borrowed(_))) => None,
        Err(error) => return fail(session, what, error.to_string()),
    };
    let bytes = inner.unwrap_or(bytes);
    let size = bytes.len() as u64;
    let manifest = bundle::read_manifest(&bytes).ok().map(Shared::new);
    session.load.set(Load::Reading { what: what.clone(), done: size, of: Some(size), manifest: manifest.clone() });
    after_paint(move || match bundle::read(&bytes) {
        Ok(bundle) => session.load.set(Load::Ready(Shared::new(bundle))),
        Err(error) => session.load.set(Load::Failed { what, reason: error.to_string(), manifest }),
    });
}

fn after_paint(work: impl FnOnce() + 'static) {
    request_animation_frame(move || set_timeout(work, Duration::ZERO));
}

fn fail(session: Session, what: String, reason: String) {
    session.load.set(Load::Failed { what, reason, manifest: None });
}
