//! Memos that several views need. Big results are shared by pointer and compared by pointer.

use crate::load::Load;
use crate::state::Shared;
use leptos::prelude::*;
use perfcollect_shared::derive::selection::{Selected, Selection, selected_rows};
use perfcollect_shared::model::{Bundle, Manifest, Profile};
use perfcollect_shared::view_state::ViewState;

/// What follows from the load and the reader's choices.
#[derive(Clone, Copy)]
pub struct Derived {
    pub bundle: Memo<Option<Shared<Bundle>>>,
    pub manifest: Memo<Option<Shared<Manifest>>>,
    /// The profile that the views show.
    pub profile: Memo<Option<Shared<Profile>>>,
    /// What restricts the samples; changes only when the restriction does.
    pub selection: Memo<Selection>,
    /// The chosen samples with their stacks; computed when a view first asks.
    pub selected: Memo<Option<Shared<Selected>>>,
    /// Id of the view that the address names.
    pub view_id: Memo<String>,
}

impl Derived {
    pub fn new(load: RwSignal<Load>, view: RwSignal<ViewState>) -> Self {
        let bundle = Memo::new(move |_| load.with(|load| load.bundle().cloned()));
        let profile =
            Memo::new(move |_| bundle.with(|b| b.as_ref()?.main_profile().map(|profile| Shared(profile.clone()))));
        let selection = Memo::new(move |_| view.with(|v| v.selection.clone()));
        let selected = Memo::new(move |_| {
            let profile = profile.get()?;
            Some(Shared::new(selection.with(|selection| selected_rows(&profile, selection))))
        });
        Self {
            bundle,
            manifest: Memo::new(move |_| load.with(Load::manifest)),
            profile,
            selection,
            selected,
            view_id: Memo::new(move |_| view.with(|v| v.view.clone())),
        }
    }
}
