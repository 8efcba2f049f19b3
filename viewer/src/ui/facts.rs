//! A list of facts: what it is, and its value or a dash with the reason.

use crate::ui::dom::view;
use leptos::prelude::*;

/// One line of a list of facts.
pub struct Fact {
    pub name: &'static str,
    pub value: String,
    /// More on hover; the reason where the value is a dash.
    pub title: String,
}

/// What stands for a figure that was not measured.
pub const UNKNOWN: &str = perfcollect_shared::format::NOT_MEASURED;

impl Fact {
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), title: String::new() }
    }

    /// A value that may not have been measured.
    pub fn known(name: &'static str, value: Option<String>, why_not: &str) -> Self {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => Self::new(name, value),
            None => Self { name, value: UNKNOWN.to_owned(), title: why_not.to_owned() },
        }
    }

    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
}

/// The list.
pub fn facts(facts: Vec<Fact>) -> impl IntoView {
    let rows = facts.into_iter().map(|fact| {
        let title = (!fact.title.is_empty()).then_some(fact.title);
        view! { <div><dt>{fact.name}</dt><dd title=title>{fact.value}</dd></div> }
    });
    view! { <dl class="facts">{rows.collect_view()}</dl> }
}
