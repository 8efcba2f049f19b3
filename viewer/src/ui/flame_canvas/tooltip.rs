//! What is said of the frame under the pointer, and of the frames that were zoomed into.

use super::scene::{Facts, Scene};
use super::{Flame, Hover, Target, sides};
use crate::state::Shared;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::derive::viewport::covering;
use perfcollect_shared::format;
use perfcollect_shared::view_state::FlameMode;

/// The box that fills the screen, `None` where that is everything.
pub fn shown(flame: Flame, scene: &Shared<Scene>) -> Option<usize> {
    covering(&scene.layout, &flame.viewport.get()).last().copied().filter(|&index| index > 0)
}

pub fn tooltip(flame: Flame) -> impl IntoView {
    let content = move || {
        let hover = flame.hover.get().filter(|_| flame.menu.get().is_none())?;
        let scene = flame.scene.get()?;
        let (left, top, below) = placed(flame, hover);
        let inside = match hover.what {
            Target::More { boxes } => more(boxes).into_any(),
            Target::Frame(index) if index < scene.layout.len() => match &scene.sides {
                Some(sides) => sides::tooltip(&scene, sides, index),
                None => frame(&scene.facts(index, shown(flame, &scene)), scene.mode, scene.noun()).into_any(),
            },
            Target::Frame(_) => return None,
        };
        Some(
            view! { <div class="flame-tooltip" role="tooltip" class:above=!below style:left=left style:top=top>{inside}</div> },
        )
    };
    view! { {content} }
}

fn more(boxes: usize) -> impl IntoView {
    let count = u64::try_from(boxes).unwrap_or(u64::MAX);
    view! { <p>{format!("{} too narrow to draw: zoom in to see them", format::plural(count, "frame"))}</p> }
}

fn frame(facts: &Facts, mode: FlameMode, noun: &'static str) -> impl IntoView + use<> {
    let Facts { name, place, kind, total, own, samples, of_shown, of_all } = facts.clone();
    let total_words = if mode == FlameMode::Time { "this stretch" } else { "total" };
    let own = (mode == FlameMode::Merged).then(|| view! { <dt>"self"</dt> <dd>{own}</dd> });
    view! {
        <p class="name">{name}</p>
        <p class="muted">{place} {(!kind.is_empty()).then(|| format!(" · {kind}"))}</p>
        <dl>
            <dt>{total_words}</dt> <dd>{total}</dd>
            {own}
            <dt>{noun}</dt> <dd>{samples}</dd>
            <dt>"of what is shown"</dt> <dd>{of_shown}</dd>
            <dt>"of all"</dt> <dd>{of_all}</dd>
        </dl>
    }
}

/// Left and top, and whether there is room below the pointer.
fn placed(flame: Flame, hover: Hover) -> (String, String, bool) {
    const WIDE: f64 = 320.0;
    const HIGH: f64 = 170.0;
    let (width, height) = flame.size.get_untracked();
    let left = if hover.x + WIDE + 16.0 > width { hover.x - WIDE - 12.0 } else { hover.x + 14.0 };
    let below = hover.y + HIGH < height.max(HIGH + 60.0);
    (format!("{:.0}px", left.max(0.0)), format!("{:.0}px", if below { hover.y + 16.0 } else { hover.y - 12.0 }), below)
}

/// The frames that were zoomed into, each a way back.
pub fn breadcrumb(flame: Flame) -> impl IntoView {
    let path = Memo::new(move || {
        let scene = flame.scene.get()?;
        let boxes = flame.viewport.with(|view| covering(&scene.layout, view));
        let names: Vec<(usize, String)> =
            boxes.into_iter().map(|index| (index, scene.name(index).to_owned())).collect();
        Some(names)
    });
    let crumbs = move || {
        let path = path.get().filter(|path| !path.is_empty())?;
        let last = path.len() - 1;
        let items = path.into_iter().enumerate().filter(move |(step, _)| *step == 0 || last - step < 6);
        let items = items.map(move |(step, (index, name))| {
            let skipped = step + 6 == last + 1 && step > 1;
            let go = move |_| if step == 0 { flame.fit_all() } else { flame.fit(index) };
            let current = (step == last).then_some("true");
            view! {
                <li>
                    {skipped.then_some("… ")}
                    <button class="plain name" aria-current=current title=name.clone() on:click=go>{format::shorten_name(&name, 40)}</button>
                </li>
            }
        });
        Some(view! { <nav class="flame-path" aria-label="Zoomed frames"><ol>{items.collect_view()}</ol></nav> })
    };
    view! { {crumbs} }
}
