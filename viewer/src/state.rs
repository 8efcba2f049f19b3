//! What the page knows: the load, the library and the reader's choices, and the one way to change a choice.
//!
//! The choices are the address: `go` writes both, so that every step can be undone with the back button. Nothing derived is
//! kept here (see `derived`).

use crate::derived::{Derived, clock_of};
use crate::load::{LibraryState, Load};
use crate::theme::Theme;
use leptos::prelude::*;
use perfcollect_shared::model::{Bundle, Manifest};
use perfcollect_shared::view_state::ViewState;
use std::ops::Deref;
use std::sync::Arc;
use wasm_bindgen::JsValue;

/// A value shared by pointer and compared by pointer, so that memos never compare whole profiles.
#[derive(Debug)]
pub struct Shared<T>(pub Arc<T>);

impl<T> Shared<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// What stands beside the open bundle.
#[derive(Clone, Default, PartialEq)]
pub struct Others {
    /// Name of the open bundle, as far as one is.
    pub name: String,
    /// What the open bundle is or may be compared with, by name.
    pub loads: Vec<(String, Load)>,
    /// The bundle that was open before another file was: it can be the base of a comparison.
    pub offer: Option<String>,
}

impl Others {
    pub fn load(&self, name: &str) -> Option<&Load> {
        self.loads.iter().find(|(other, _)| other == name).map(|(_, load)| load)
    }
}

/// Everything a view needs; copied freely.
#[derive(Clone, Copy)]
pub struct Session {
    pub load: RwSignal<Load>,
    pub others: RwSignal<Others>,
    pub library: RwSignal<LibraryState>,
    /// Read it anywhere; change it with [`Session::go`] or [`Session::adjust`] only.
    pub view: RwSignal<ViewState>,
    pub theme: RwSignal<Theme>,
    /// The dialog of all keys is open.
    pub keys_open: RwSignal<bool>,
    pub derived: Derived,
}

impl Session {
    /// The session of a page that has just been opened, with the choices of its address.
    pub fn open() -> Self {
        let load = RwSignal::new(Load::Empty);
        let view = RwSignal::new(ViewState::parse(&fragment()));
        Self {
            load,
            view,
            others: RwSignal::new(Others::default()),
            library: RwSignal::new(LibraryState::default()),
            theme: RwSignal::new(Theme::current()),
            keys_open: RwSignal::new(false),
            derived: Derived::new(load, view),
        }
    }

    /// The bundle once it is read (tracked).
    pub fn bundle(self) -> Option<Shared<Bundle>> {
        self.derived.bundle.get()
    }

    /// What is known of the bundle, before its profiles are decoded too (tracked).
    pub fn manifest(self) -> Option<Shared<Manifest>> {
        self.derived.manifest.get()
    }

    /// What the reader may weigh samples by, as the address calls it; empty where there is no choice (tracked).
    pub fn clocks(self) -> Vec<String> {
        let of = |bundle: &Bundle| bundle.profiles.iter().filter_map(|p| clock_of(p).map(str::to_owned)).collect();
        let clocks: Vec<String> = self.derived.bundle.with(|bundle| bundle.as_deref().map(of)).unwrap_or_default();
        if clocks.len() > 1 { clocks } else { Vec::new() }
    }

    /// Weighs by the next clock or event that the bundle has.
    pub fn toggle_clock(self) {
        let clocks = untrack(|| self.clocks());
        self.go(|view| {
            let now = clocks.iter().position(|clock| *clock == view.clock);
            view.clock = now
                .map_or(1, |now| now + 1)
                .checked_rem(clocks.len())
                .map_or_else(String::new, |next| clocks[next].clone());
        });
    }

    /// A choice of the reader: changes the state and adds a step to the history.
    pub fn go(self, change: impl FnOnce(&mut ViewState)) {
        self.change(change, true);
    }

    /// A change within a choice (while dragging, typing): replaces the present step.
    pub fn adjust(self, change: impl FnOnce(&mut ViewState)) {
        self.change(change, false);
    }

    /// Takes the state from the address, after back, forward or an edited fragment.
    pub fn follow_address(self) {
        let state = ViewState::parse(&fragment());
        if self.view.with_untracked(|now| *now != state) {
            self.view.set(state);
        }
    }

    fn change(self, change: impl FnOnce(&mut ViewState), push: bool) {
        let mut state = self.choices();
        change(&mut state);
        self.choose(state, push);
    }

    /// Apart from [`Self::change`], which is compiled anew for each change.
    #[inline(never)]
    fn choices(self) -> ViewState {
        self.view.get_untracked()
    }

    #[inline(never)]
    fn choose(self, mut state: ViewState, push: bool) {
        // The source view follows the function that is chosen elsewhere.
        if self.view.with_untracked(|now| now.chosen != state.chosen && now.file == state.file) {
            state.file.clear();
        }
        if self.view.with_untracked(|now| *now == state) {
            return;
        }
        write_address(&state.to_fragment(), push);
        self.view.set(state);
    }
}

fn fragment() -> String {
    window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

fn write_address(fragment: &str, push: bool) {
    let Ok(history) = window().history() else { return };
    let url = format!("#{}", fragment.trim_start_matches('#'));
    let written = if push {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
    if written.is_err() {
        // Browsers limit how often the address may change; the choice still stands on the page.
        leptos::logging::warn!("perfcollect: the address could not be changed");
    }
}
