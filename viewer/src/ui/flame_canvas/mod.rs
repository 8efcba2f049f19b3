//! A flame graph on a canvas: what it shows (`scene`), how it is painted, moved and asked.
//!
//! Everything that can be computed without a screen is in `shared`. Painting happens in animation frames only, and only
//! when something changed.

pub mod address;
pub mod canvas;
pub mod input;
pub mod label;
pub mod legend;
pub mod menu;
pub mod minimap;
pub mod motion;
pub mod paint;
pub mod scene;
pub mod search;
pub mod sides;
pub mod table;
pub mod tooltip;

use crate::ui::memo::Memo;
pub use canvas::flame_canvas;
pub use input::on_view_key;
pub use legend::legend;
pub use menu::{Action, act, context_menu};
pub use minimap::minimap;
use motion::Step;
pub use search::search_box;
pub use table::frame_table;
pub use tooltip::{breadcrumb, tooltip};

use crate::state::{Session, Shared};
use leptos::prelude::*;
use perfcollect_shared::derive::search::Matcher;
use perfcollect_shared::derive::viewport::Viewport;
use perfcollect_shared::view_state::FlameMode;
use scene::Scene;

/// Height of a row in CSS pixels.
pub const ROW: f64 = 18.0;

/// What the parts of one flame graph share; copied freely.
#[derive(Clone, Copy)]
pub struct Flame {
    pub session: Session,
    pub scene: Memo<Option<Shared<Scene>>>,
    /// What the search finds, `None` without a search.
    pub matcher: Memo<Option<Shared<Matcher>>>,
    /// Boxes that the search finds, widest first.
    pub matches: Memo<Vec<usize>>,
    /// For each function whether it is marked in every view; `None` where none is.
    pub chosen: Memo<Option<Shared<Vec<bool>>>>,
    /// The part that is shown at this moment, also while it moves.
    pub viewport: RwSignal<Viewport>,
    /// Width and height of the canvas in CSS pixels.
    pub size: RwSignal<(f64, f64)>,
    /// Box under the pointer, or the narrow boxes there.
    pub hover: RwSignal<Option<Hover>>,
    /// Box that was clicked or reached with the keys.
    pub marked: RwSignal<Option<usize>>,
    pub menu: RwSignal<Option<MenuAt>>,
    motion: StoredValue<motion::Motion>,
}

/// What is under the pointer, and where the pointer is on the canvas (CSS pixels).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hover {
    pub what: Target,
    pub x: f64,
    pub y: f64,
}

/// A box, or boxes too narrow to be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Frame(usize),
    More { boxes: usize },
}

/// An open context menu: of which box, and where (CSS pixels of the canvas).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MenuAt {
    pub index: usize,
    pub x: f64,
    pub y: f64,
}

impl Flame {
    /// The flame graph of what the session selects.
    pub fn new(session: Session) -> Self {
        Self::of(session, scene::memo(session))
    }

    /// The flame graph of a scene.
    pub fn of(session: Session, scene: Memo<Option<Shared<Scene>>>) -> Self {
        let profile = Memo::new(move || scene.with(|scene| scene.as_ref().map(|scene| scene.profile.clone())));
        let text = Memo::new(move || session.view.with(|view| view.flame.search.clone()));
        let matcher = Memo::new(move || {
            let profile = profile.get()?;
            text.with(|text| Matcher::new(&profile, text, &search::lowercase)).map(Shared::new)
        });
        let key = Memo::new(move || session.view.with(|view| view.chosen.clone()));
        let chosen = Memo::new(move || {
            let profile = profile.get()?;
            Some(Shared::new(key.get()?.flags(&profile)))
        });
        let flame = Self {
            session,
            scene,
            matcher,
            matches: search::matches(scene, matcher),
            chosen,
            viewport: RwSignal::new(Viewport::ALL),
            size: RwSignal::new((0.0, 0.0)),
            hover: RwSignal::new(None),
            marked: RwSignal::new(None),
            menu: RwSignal::new(None),
            motion: StoredValue::new(motion::Motion::default()),
        };
        address::follow(flame);
        flame
    }

    pub fn mode(self) -> FlameMode {
        self.session.view.with(|view| view.flame.mode)
    }

    /// The roots are at the bottom (tracked).
    pub fn upward(self) -> bool {
        self.session.view.with(|view| view.flame.upward)
    }

    /// Height of all rows in CSS pixels (tracked).
    pub fn content_height(self) -> f64 {
        self.scene.with(|scene| scene.as_ref().map_or(0.0, |scene| scene.height()))
    }
}
