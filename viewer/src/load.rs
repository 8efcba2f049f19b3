//! How bundles get onto the page: from the page itself (an exported report), from the server, or from files that were
//! dropped or chosen. One is open; others are what it is compared with.

use crate::fetch;
use crate::state::{Session, Shared};
use crate::ui::memo::Memo;
use leptos::prelude::*;
use leptos::task::spawn_local;
use perfcollect_shared::bundle::{self, json};
use perfcollect_shared::export::html::{AGAINST_ELEMENT, BUNDLE_ELEMENT};
use perfcollect_shared::import::{self, Imported};
use perfcollect_shared::model::{Bundle, Manifest};
use perfcollect_shared::view_state::ViewState;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FileList};

/// What a bundle is read for.
#[derive(Clone, PartialEq)]
enum Slot {
    Open,
    /// To compare with, under this name.
    Against(String),
}

impl Slot {
    fn set(&self, session: Session, load: Load) {
        let Self::Against(name) = self else { return session.load.set(load) };
        session.others.update(|others| match others.loads.iter_mut().find(|other| other.0 == *name) {
            Some(other) => other.1 = load,
            None => others.loads.push((name.clone(), load)),
        });
    }

    /// Another bundle is read into the page meanwhile; what this one is compared with is read when it is asked for again.
    fn forget(&self, session: Session) {
        if let Self::Against(name) = self {
            session.others.update(|others| others.loads.retain(|other| other.0 != *name));
        }
    }

    /// Whether the reader still wants it.
    fn wanted(&self, session: Session, name: &str) -> bool {
        session.view.with_untracked(|view| match self {
            Self::Open => view.bundle.as_deref() == Some(name),
            Self::Against(_) => view.against.iter().any(|other| other == name),
        })
    }
}

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

/// Starts reading: the bundles inside the page if there are any, else the server's library.
pub fn begin(session: Session) {
    if let Some(inside) = document().get_element_by_id(BUNDLE_ELEMENT) {
        let own = document().body().and_then(|body| body.get_attribute("data-name"));
        let own = own.unwrap_or_else(|| "this report".to_owned());
        from_page(session, Slot::Open, own, &inside);
        let others = (1..).map_while(|number| document().get_element_by_id(&format!("{AGAINST_ELEMENT}{number}")));
        let mut names = Vec::new();
        for element in others {
            let name = element.get_attribute("data-name").unwrap_or_default();
            names.push(name.clone());
            from_page(session, Slot::Against(name.clone()), name, &element);
        }
        if !names.is_empty() && session.view.with_untracked(|view| view.against.is_empty()) {
            session.adjust(|view| {
                view.against = names;
                if view.view.is_empty() {
                    crate::views::COMPARE.clone_into(&mut view.view);
                }
            });
        }
        return;
    }
    if !window().location().protocol().is_ok_and(|protocol| protocol.starts_with("http")) {
        return;
    }
    session.library.set(LibraryState::Reading);
    let loaded = StoredValue::new(None::<String>);
    let asked = Memo::new(move || session.view.with(|view| view.bundle.clone()));
    Effect::new(move |_| {
        let name = asked.get();
        if name == loaded.get_value() {
            return;
        }
        loaded.set_value(name.clone());
        if let Some(name) = name {
            session.others.update(|others| others.offer = None);
            spawn_local(from_server(session, Slot::Open, name));
        }
    });
    let against = Memo::new(move || session.view.with(|view| view.against.clone()));
    Effect::new(move |_| {
        for name in against.get() {
            let known = session
                .others
                .with_untracked(|others| others.load(&name).is_some_and(|load| !matches!(load, Load::Failed { .. })));
            if !known {
                spawn_local(from_server(session, Slot::Against(name.clone()), name));
            }
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
        json::from_slice::<Library>(&bytes).map_err(|error| format!("its list cannot be read: {error}"))
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

/// A bundle in an element of the page.
fn from_page(session: Session, slot: Slot, name: String, element: &web_sys::Element) {
    match import::html::decode(element.text_content().unwrap_or_default()) {
        Ok(bytes) => show(session, slot, name, bytes),
        Err(error) => fail(session, &slot, name, error.to_string()),
    }
}

async fn from_server(session: Session, slot: Slot, name: String) {
    let known = session.library.with_untracked(|state| {
        let entry = state.library()?.bundles.iter().find(|entry| entry.name == name)?;
        entry.manifest.clone().map(Shared::new)
    });
    let reading = |done, of| Load::Reading { what: name.clone(), done, of, manifest: known.clone() };
    slot.set(session, reading(0, None));
    let path = format!("api/bundles/{}", js_sys::encode_uri_component(&name));
    match fetch::bytes(&path, |done, of| slot.set(session, reading(done, of))).await {
        // Another bundle may have been chosen meanwhile.
        _ if !slot.wanted(session, &name) => slot.forget(session),
        Ok(bytes) => show(session, slot, name, bytes),
        Err(reason) => slot.set(session, Load::Failed { what: name, reason, manifest: known }),
    }
}

/// Opens a file that was dropped on the page or chosen in the picker. What was open can be compared with it.
fn open_file(session: Session, file: File) {
    let (name, before) = (session.others.with_untracked(|others| others.name.clone()), session.load.get_untracked());
    let comparable = matches!(before, Load::Ready(_)) && name != file.name();
    if comparable {
        Slot::Against(name.clone()).set(session, before);
    }
    session.others.update(|others| others.offer = comparable.then_some(name));
    session.go(|view| *view = ViewState::default());
    read_file(session, Slot::Open, file);
}

fn read_file(session: Session, slot: Slot, file: File) {
    let what = file.name();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of files are whole and positive"
    )]
    let size = file.size() as u64;
    slot.set(session, Load::Reading { what: what.clone(), done: 0, of: Some(size), manifest: None });
    spawn_local(async move {
        match JsFuture::from(file.array_buffer()).await {
            Ok(buffer) => show(session, slot, what, js_sys::Uint8Array::new(&buffer).to_vec()),
            Err(error) => fail(session, &slot, what, format!("the browser cannot read it: {}", fetch::words(&error))),
        }
    });
}

/// Opens the files of a drop.
pub fn from_drop(session: Session, event: &web_sys::DragEvent) {
    from_files(session, event.data_transfer().and_then(|data| data.files()));
}

/// Of several files the first is the base, and the second is set against it.
fn from_files(session: Session, files: Option<FileList>) {
    let Some(files) = files else { return };
    let files: Vec<File> = (0..files.length()).filter_map(|index| files.item(index)).collect();
    let mut files = files.into_iter();
    match (files.next(), files.next()) {
        (Some(file), None) => open_file(session, file),
        (Some(base), Some(new)) => {
            open_file(session, new);
            session.others.update(|others| others.offer = None);
            let others: Vec<File> = std::iter::once(base).chain(files).collect();
            let names = others.iter().map(File::name).collect();
            session.adjust(|view| (view.against, view.view) = (names, crate::views::COMPARE.to_owned()));
            for file in others {
                read_file(session, Slot::Against(file.name()), file);
            }
        }
        (None, _) => {}
    }
}

/// Opens the files of a picker.
pub fn from_picker(session: Session, event: &web_sys::Event) {
    let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
    from_files(session, input.as_ref().and_then(web_sys::HtmlInputElement::files));
    if let Some(input) = input {
        input.set_value("");
    }
}

/// Paints what the manifest says, then decodes the rest once that is on the screen.
fn show(session: Session, slot: Slot, what: String, bytes: Vec<u8>) {
    let inner = match import::import(&bytes) {
        Ok(Imported::Bundle(Cow::Owned(inner))) => Some(inner),
        Ok(Imported::Bundle(Cow::Borrowed(_))) => None,
        Err(error) => return fail(session, &slot, what, error.to_string()),
    };
    let bytes = inner.unwrap_or(bytes);
    let size = bytes.len() as u64;
    let manifest = bundle::read_manifest(&bytes).ok().map(Shared::new);
    let reading = Load::Reading { what: what.clone(), done: size, of: Some(size), manifest: manifest.clone() };
    slot.set(session, reading);
    if slot == Slot::Open {
        session.others.update(|others| others.name.clone_from(&what));
    }
    after_paint(move || {
        let load = match bundle::read(&bytes) {
            Ok(bundle) => {
                if slot == Slot::Open {
                    crate::worker::simulations().open(&bundle, &bytes);
                }
                Load::Ready(Shared::new(bundle))
            }
            Err(error) => Load::Failed { what, reason: error.to_string(), manifest },
        };
        slot.set(session, load);
    });
}

fn after_paint(work: impl FnOnce() + 'static) {
    request_animation_frame(move || set_timeout(work, Duration::ZERO));
}

fn fail(session: Session, slot: &Slot, what: String, reason: String) {
    slot.set(session, Load::Failed { what, reason, manifest: None });
}
