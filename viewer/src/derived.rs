//! Memos that several views need. Big results are shared by pointer and compared by pointer.

use crate::load::Load;
use crate::state::Shared;
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::derive::memory::rows_at_end;
use perfcollect_shared::derive::selection::{Selected, Selection, selected_rows};
use perfcollect_shared::model::{Bundle, Manifest, Profile, WeightKind};
use perfcollect_shared::view_state::ViewState;
use std::sync::Arc;

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
}

impl Derived {
    pub fn new(load: RwSignal<Load>, view: RwSignal<ViewState>) -> Self {
        let bundle = Memo::new(move || load.with(|load| load.bundle().cloned()));
        let clock = Memo::new(move || view.with(|v| v.clock.clone()));
        let profile = Memo::new(move || {
            let clock = clock.get();
            bundle.with(|b| chosen_profile(b.as_ref()?, &clock).map(|profile| Shared(profile.clone())))
        });
        let selection = Memo::new(move || view.with(|v| v.selection.clone()));
        let selected = Memo::new(move || {
            let profile = profile.get()?;
            Some(Shared::new(selection.with(|selection| selected_rows(&profile, selection))))
        });
        Self { bundle, manifest: Memo::new(move || load.with(Load::manifest)), profile, selection, selected }
    }
}

/// The profile of a clock or an event; the main one where the bundle has none of it.
pub fn chosen_profile<'a>(bundle: &'a Bundle, clock: &str) -> Option<&'a Arc<Profile>> {
    bundle.profiles.iter().find(|profile| clock_of(profile) == Some(clock)).or_else(|| bundle.main_profile())
}

/// What the address calls the weight of a profile, if samples may be weighed by it.
pub fn clock_of(profile: &Profile) -> Option<&str> {
    match profile.info.weight {
        WeightKind::Cpu => Some(""),
        WeightKind::Wall => Some("wall"),
        WeightKind::Events => Some(&profile.info.name),
        WeightKind::Bytes => None,
    }
}

impl Derived {
    /// The same choices over another profile: what is live at the end, for the view of memory.
    #[must_use]
    pub fn of_live_memory(self) -> Self {
        let bundle = self.bundle;
        let profile = Memo::new(move || {
            let alloc = bundle.with(|bundle| bundle.as_ref()?.alloc_profile().cloned())?;
            Some(Shared::new(alloc.only(&rows_at_end(&alloc))))
        });
        let selection = Memo::new(move || Selection { range: None, ..self.selection.get() });
        let selected = Memo::new(move || {
            let profile = profile.get()?;
            Some(Shared::new(selection.with(|selection| selected_rows(&profile, selection))))
        });
        Self { profile, selection, selected, ..self }
    }
}
