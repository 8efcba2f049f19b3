//! The views: one file and one line each.

pub mod benchmarks;
pub mod caches;
pub mod compare;
pub mod environment;
pub mod flame;
pub mod functions;
pub mod library;
pub mod memory;
pub mod overview;
pub mod source;
pub mod timeline;
pub mod trend;

use crate::state::{Session, Shared};
use leptos::prelude::{AnyView, With};
use perfcollect_shared::model::{Bundle, Manifest};

/// How a view is found, named and drawn.
#[derive(Clone, Copy)]
pub struct ViewDef {
    /// Its name in the address.
    pub id: &'static str,
    pub title: &'static str,
    /// The digit that opens it.
    pub key: char,
    /// A view without data is absent, not empty.
    pub available: fn(&Bundle) -> bool,
    pub render: fn(Session) -> AnyView,
}

/// In the order of the bar.
pub static VIEWS: &[ViewDef] = &[
    library::VIEW,
    overview::VIEW,
    flame::VIEW,
    functions::VIEW,
    source::VIEW,
    timeline::VIEW,
    memory::VIEW,
    caches::VIEW,
    benchmarks::VIEW,
    compare::VIEW,
    trend::VIEW,
    environment::VIEW,
];

/// The view that is shown first.
pub const FIRST: &str = "overview";
/// The view that needs no bundle.
pub const LIBRARY: &str = "library";

/// The history of the server's library needs no bundle either.
pub const TREND: &str = "trend";
/// The view of two bundles, or of the benchmarks of one.
pub const COMPARE: &str = "compare";

/// Whether a view has anything to show (tracked).
pub fn has_data(session: Session, view: &ViewDef) -> bool {
    let bundle = session.derived.bundle;
    bundle.with(|bundle| {
        let against = || view.id == COMPARE && session.view.with(|view| !view.against.is_empty());
        bundle.as_ref().is_some_and(|bundle| (view.available)(bundle) || against())
    })
}

/// Id of the view that the address names; without one, of what a bundle without stacks has to show (tracked).
pub fn asked(session: Session) -> String {
    let id = session.view.with(|view| view.view.clone());
    let only_runs = |manifest: Shared<Manifest>| manifest.profiles.is_empty() && !manifest.benchmarks.is_empty();
    if id.is_empty() && session.manifest().is_some_and(only_runs) { benchmarks::VIEW.id.to_owned() } else { id }
}

/// The view of an id, the first for none, `None` for one that this version does not have.
pub fn find(id: &str) -> Option<&'static ViewDef> {
    let id = if id.is_empty() { FIRST } else { id };
    VIEWS.iter().find(|view| view.id == id)
}
