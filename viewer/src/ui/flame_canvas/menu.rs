//! What can be done with a frame: the context menu and the keys share one list.

use super::address::forget_zoom;
use super::{Flame, MenuAt};
use crate::ui::clipboard::copy;
use crate::ui::dom::view;
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys;
use perfcollect_shared::derive::selection::{FunctionKey, Transform};
use perfcollect_shared::view_state::FlameMode;
use wasm_bindgen::JsCast;

/// One thing to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Zoom,
    Focus,
    Hide,
    Merge,
    Collapse,
    CollapseRecursion,
    HideLibrary,
    Invert,
    Functions,
    CopyName,
    CopyStack,
    Undo,
}

/// The menu in its order: what it does, in words, and its key.
const MENU: [(Action, &str, &str); 12] = [
    (Action::Zoom, "Zoom to this frame", "double click"),
    (Action::Focus, "Focus: only samples with this function", ""),
    (Action::Hide, "Hide (exclude) samples with this function", "e"),
    (Action::Merge, "Merge this function into its callers", ""),
    (Action::Collapse, "Collapse all that it calls into it", "c"),
    (Action::CollapseRecursion, "Collapse its recursion", ""),
    (Action::HideLibrary, "Own code only: hide library frames", ""),
    (Action::Invert, "Invert: from where time was spent", "i"),
    (Action::Functions, "Callers and callees", ""),
    (Action::CopyName, "Copy the name", ""),
    (Action::CopyStack, "Copy the stack", ""),
    (Action::Undo, "Undo the last change of the stacks", ""),
];

/// Does it.
pub fn act(flame: Flame, action: Action, index: usize) {
    let session = flame.session;
    let Some(scene) = flame.scene.get_untracked() else { return };
    let function = (index < scene.layout.len()).then(|| scene.function(index)).flatten();
    let key = function.map(|function| FunctionKey::of(&scene.profile, function));
    flame.menu.set(None);
    let transform = |make: fn(FunctionKey) -> Transform| {
        if let Some(key) = key.clone() {
            session.go(|state| {
                state.selection.transforms.push(make(key));
                forget_zoom(&mut state.flame);
            });
        }
    };
    match action {
        Action::Zoom => flame.fit(index),
        Action::Focus => transform(Transform::Focus),
        Action::Hide => transform(Transform::Hide),
        Action::Merge => transform(Transform::Merge),
        Action::Collapse => transform(Transform::Collapse),
        Action::CollapseRecursion => transform(Transform::CollapseRecursion),
        Action::HideLibrary => session.go(|state| {
            state.selection.hide_library = !state.selection.hide_library;
            forget_zoom(&mut state.flame);
        }),
        // Two sides are compared from the roots on.
        Action::Invert if scene.sides.is_some() => {}
        Action::Invert => session.go(|state| {
            let inverted = state.flame.mode == FlameMode::Inverted;
            state.flame.mode = if inverted { FlameMode::Merged } else { FlameMode::Inverted };
            forget_zoom(&mut state.flame);
        }),
        Action::Functions => session.go(|state| {
            state.chosen = key;
            "functions".clone_into(&mut state.view);
        }),
        Action::CopyName => copy(scene.name(index)),
        Action::CopyStack => copy(&scene.stack(index).join("\n")),
        Action::Undo => session.go(|state| {
            if state.selection.transforms.pop().is_none() {
                state.selection.hide_library = false;
            }
            forget_zoom(&mut state.flame);
        }),
    }
}

/// Whether an action makes sense for a frame now.
fn available(flame: Flame, action: Action, index: usize) -> bool {
    let selection = flame.session.derived.selection;
    let is_function = flame.scene.with_untracked(|scene| scene.as_ref().is_some_and(|s| s.function(index).is_some()));
    match action {
        Action::Undo => selection.with_untracked(|s| s.hide_library || !s.transforms.is_empty()),
        Action::Invert => flame.scene.with_untracked(|scene| scene.as_ref().is_some_and(|s| s.sides.is_none())),
        Action::Zoom | Action::HideLibrary => true,
        _ => is_function,
    }
}

pub fn context_menu(flame: Flame) -> impl IntoView {
    let list = NodeRef::<html::Ul>::new();
    Effect::new(move |_| {
        if let Some(first) = list.get().and_then(|list| list.query_selector("button:not([disabled])").ok().flatten()) {
            focus(&first);
        }
    });
    let close_outside = window_event_listener(ev::pointerdown, move |event| {
        let inside = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        let kept = list.get_untracked().is_some_and(|list| list.contains(inside.as_ref()));
        if !kept && flame.menu.get_untracked().is_some() {
            flame.menu.set(None);
        }
    });
    on_cleanup(move || close_outside.remove());
    move || {
        flame.menu.get().map(|at| {
            let name = flame.scene.with_untracked(|scene| scene.as_ref().map(|s| s.name(at.index).to_owned()));
            let items = MENU.into_iter().map(|(action, words, key)| item(flame, at, action, words, key)).collect_view();
            let (left, top) = placed(flame, at);
            view! {
                <ul
                    node_ref=list
                    class="flame-menu"
                    role="menu"
                    aria-label=format!("What to do with {}", name.unwrap_or_default())
                    style:left=left
                    style:top=top
                    on:keydown=move |event| on_key(flame, &event)
                >
                    {items}
                </ul>
            }
        })
    }
}

fn item(flame: Flame, at: MenuAt, action: Action, words: &'static str, key: &'static str) -> impl IntoView {
    let disabled = !available(flame, action, at.index);
    view! {
        <li role="none">
            <button role="menuitem" tabindex="-1" disabled=disabled on:click=move |_| act(flame, action, at.index)>
                <span>{words}</span>
                {(!key.is_empty()).then(|| view! { <kbd>{key}</kbd> })}
            </button>
        </li>
    }
}

/// Beside the pointer, but inside the window.
fn placed(flame: Flame, at: MenuAt) -> (String, String) {
    const WIDE: f64 = 320.0;
    let (width, _) = flame.size.get_untracked();
    let left = at.x.min(width - WIDE).max(0.0);
    (format!("{left:.0}px"), format!("{:.0}px", at.y))
}

fn on_key(flame: Flame, event: &ev::KeyboardEvent) {
    let Some(button) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else { return };
    let key = event.key();
    match key.as_str() {
        "Escape" | "Tab" => {
            flame.menu.set(None);
            if let Ok(Some(canvas)) = document().query_selector("canvas.flame") {
                focus(&canvas);
            }
        }
        "ArrowDown" | "ArrowUp" | "Home" | "End" => {
            let next = match key.as_str() {
                "ArrowDown" => beside(&button, web_sys::Element::next_element_sibling),
                "ArrowUp" => beside(&button, web_sys::Element::previous_element_sibling),
                "Home" => edge(&button, web_sys::Element::first_element_child),
                _ => edge(&button, web_sys::Element::last_element_child),
            };
            if let Some(next) = next {
                focus(&next);
            }
        }
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}

fn focus(element: &web_sys::Element) {
    if let Some(element) = element.dyn_ref::<web_sys::HtmlElement>() {
        // What cannot take the focus leaves it where it is.
        element.focus().ok();
    }
}

type Towards = fn(&web_sys::Element) -> Option<web_sys::Element>;

/// The button of an item if it can be used.
fn usable(item: &web_sys::Element) -> Option<web_sys::Element> {
    item.first_element_child().filter(|button| !button.has_attribute("disabled"))
}

/// The next usable button in one direction.
fn beside(button: &web_sys::Element, towards: Towards) -> Option<web_sys::Element> {
    let item = button.closest("li").ok()??;
    std::iter::successors(towards(&item), towards).find_map(|item| usable(&item))
}

/// The outermost usable button of the menu.
fn edge(button: &web_sys::Element, towards: Towards) -> Option<web_sys::Element> {
    let outermost = towards(&button.closest("ul").ok()??)?;
    let back: Towards = if outermost.next_element_sibling().is_some() {
        web_sys::Element::next_element_sibling
    } else {
        web_sys::Element::previous_element_sibling
    };
    std::iter::successors(Some(outermost), back).find_map(|item| usable(&item))
}
