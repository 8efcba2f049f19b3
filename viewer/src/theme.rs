//! Light or dark: what the system prefers, unless the reader chose. `static/boot.js` sets it before the first paint.

use leptos::prelude::*;

const STORED: &str = "perfcollect-theme";

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    /// The one that the page was painted with.
    pub fn current() -> Self {
        let root = document().document_element();
        match root.and_then(|root| root.get_attribute("data-theme")).as_deref() {
            Some("dark") => Self::Dark,
            _ => Self::Light,
        }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Paints the page with it and keeps the choice for the next page.
    pub fn apply(self) {
        if let Some(root) = document().document_element() {
            // Setting an attribute with a valid name cannot fail.
            root.set_attribute("data-theme", self.name()).ok();
        }
        if let Ok(Some(storage)) = window().local_storage() {
            // Full or forbidden storage: the choice holds for this page only.
            storage.set_item(STORED, self.name()).ok();
        }
    }
}
