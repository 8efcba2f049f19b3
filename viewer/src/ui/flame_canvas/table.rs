//! The table behind the picture: the largest frames of what is shown, as a tree, for reading and for screen readers.

use super::scene::Scene;
use super::sides::Sides;
use super::tooltip::shown;
use super::{Flame, Step};
use crate::state::Shared;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use perfcollect_shared::derive::viewport::{Viewport, largest};
use perfcollect_shared::format;
use std::time::Duration;

const REST: Duration = Duration::from_millis(200);
/// Rows of the table.
const ROWS: usize = 200;

pub fn frame_table(flame: Flame) -> impl IntoView {
    // Changes with the frame that is zoomed into, not with every move.
    let top = Memo::new(move || {
        let scene = flame.scene.get()?;
        let index = shown(flame, &scene);
        Some((index.map_or(0, |index| scene.layout.node(index)), scene))
    });
    // Filled when the picture rests, so that no move waits for it.
    let rested = RwSignal::new(None);
    Effect::new(move |before: Option<Option<TimeoutHandle>>| {
        if let Some(Some(timer)) = before {
            timer.clear();
        }
        let now = top.get();
        let fill = move || {
            // The view may be gone by then.
            rested.try_set(now);
        };
        set_timeout_with_handle(fill, REST).ok()
    });
    let table = move || rested.get().map(|(node, scene)| rows(flame, &scene, node));
    view! {
        <details class="flame-table">
            <summary>"The same as a table"</summary>
            {table}
        </details>
    }
}

fn rows(flame: Flame, scene: &Shared<Scene>, top: u32) -> impl IntoView + use<> {
    let tree = &scene.tree;
    let depth_of_top = tree.depth(top);
    let whole = tree.total_weight[top as usize];
    let rows = largest(tree, top, ROWS).into_iter().map(|node| {
        let index = node as usize;
        let name = scene.node_name(node).to_owned();
        let place = tree.function(node).map_or_else(String::new, |function| scene.place(function));
        let depth = tree.depth(node) - depth_of_top;
        let level = (depth + 1).to_string();
        let cells = match &scene.sides {
            Some(sides) => sides.cells(node).to_vec(),
            None => vec![
                format::share(tree.total_weight[index].share_of(whole)),
                scene.amount(tree.total_weight[index], tree.total_count[index]),
                scene.amount(tree.self_weight[index], tree.self_count[index]),
                format::count(tree.total_count[index]),
            ],
        };
        let cells: Vec<_> = cells.into_iter().map(|cell| view! { <td class="n">{cell}</td> }).collect();
        view! {
            <tr>
                <th scope="row" class="name" style:padding-left=format!("{}px", depth.min(24) * 12)>
                    <span class="reader">{format!("level {level}: ")}</span>
                    <button class="plain name" title=name.clone() on:click=move |_| flame.fit_node(node)>{format::shorten_name(&name, 60)}</button>
                </th>
                <td class="muted">{place}</td>
                {cells}
            </tr>
        }
    });
    let left_out = tree.len() > ROWS;
    let heads =
        if scene.sides.is_some() { Sides::HEADS.to_vec() } else { vec!["share", "total", "self", scene.noun()] };
    let heads: Vec<_> = heads.into_iter().map(|head| view! { <th scope="col" class="n">{head}</th> }).collect();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Frames as a table">
            <table>
                <caption class="reader">"Largest frames of what is shown, callers before callees"</caption>
                <thead>
                    <tr>
                        <th scope="col">"function"</th>
                        <th scope="col">"where"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        {left_out.then(|| view! { <p class="muted">{format!("The {ROWS} largest frames of what is shown; zoom in for others.")}</p> })}
    }
}

impl Flame {
    /// Zooms to the first box of a node.
    pub fn fit_node(self, node: u32) {
        let Some(scene) = self.scene.get_untracked() else { return };
        if node == 0 {
            self.show(Viewport::ALL, Step::Choice);
            return;
        }
        let row = scene.layout.row(scene.tree.depth(node));
        let index = if row.contains(&(node as usize)) && scene.layout.node(node as usize) == node {
            Some(node as usize)
        } else {
            row.into_iter().find(|&index| scene.layout.node(index) == node)
        };
        if let Some(index) = index {
            self.fit(index);
        }
    }
}
