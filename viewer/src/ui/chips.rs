//! The third bar: what restricts the views, one chip each. The chips are the address in words.

use crate::state::Session;
use crate::ui::choices::clock_words;
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::derive::selection::{Selection, Transform};
use perfcollect_shared::format;
use perfcollect_shared::model::Bundle;

/// One restriction in words, and what the selection is without it.
struct Chip {
    words: String,
    without: Selection,
}

pub fn chips(session: Session) -> impl IntoView {
    let chips = move || {
        let selection = session.derived.selection.get();
        let clock = session.view.with(|view| view.clock.clone());
        let other = !clock.is_empty() && session.clocks().contains(&clock);
        if selection == Selection::default() && !other {
            return None;
        }
        let bundle = session.bundle()?;
        let clock = other.then(|| {
            let words = clock_words(&clock).0.to_owned();
            let title = "Count CPU time only (k)";
            let to_cpu = move |_| session.go(|view| view.clock.clear());
            view! {
                <li>
                    <button class="chip" title=title on:click=to_cpu>{words} <span aria-hidden="true">" ✕"</span></button>
                </li>
            }
        });
        let items = restrictions(&selection, &bundle).into_iter().map(|chip| {
            let Chip { words, without } = chip;
            let title = format!("Remove “{words}”");
            let remove = move |_| {
                let without = without.clone();
                session.go(move |state| state.selection = without);
            };
            view! {
                <li>
                    <button class="chip" title=title on:click=remove>{words} <span aria-hidden="true">" ✕"</span></button>
                </li>
            }
        });
        let clear = move |_| {
            session.go(|state| (state.selection, state.clock) = (Selection::default(), String::new()));
        };
        Some(view! {
            <div class="chips">
                <span class="reader">"What restricts the views:"</span>
                <ul>{clock} {items.collect_view()} <li><button class="plain" on:click=clear>"all off"</button></li></ul>
                <p class="count">{counted(session)}</p>
            </div>
        })
    };
    view! { {chips} }
}

fn counted(session: Session) -> Option<String> {
    let selected = session.derived.selected.get()?.count;
    let all = session.derived.profile.get()?.samples.total_count();
    Some(format!("{} of {}", format::count(selected), format::plural(all, "sample")))
}

fn restrictions(selection: &Selection, bundle: &Bundle) -> Vec<Chip> {
    let mut chips = Vec::new();
    let mut add = |words: String, change: &dyn Fn(&mut Selection)| {
        let mut without = selection.clone();
        change(&mut without);
        chips.push(Chip { words, without });
    };
    if let Some((from, to)) = selection.range {
        add(format!("range {} – {}", format::duration(from), format::duration(to)), &|s| s.range = None);
    }
    if let Some(pid) = selection.pid {
        add(format!("process {}", process_name(bundle, pid)), &|s| (s.pid, s.tid) = (None, None));
    }
    if let Some(tid) = selection.tid {
        add(format!("thread {}", thread_name(bundle, tid)), &|s| s.tid = None);
    }
    if let Some(language) = selection.language {
        add(format!("{} only", language.name()), &|s| s.language = None);
    }
    if selection.hide_library {
        add("hide library frames".to_owned(), &|s| s.hide_library = false);
    }
    for (index, transform) in selection.transforms.iter().enumerate() {
        add(transform_words(transform), &|s| {
            s.transforms.remove(index);
        });
    }
    chips
}

fn process_name(bundle: &Bundle, pid: u32) -> String {
    let process = bundle.timeline.processes.iter().find(|process| process.pid == pid);
    process.map_or_else(|| pid.to_string(), |process| format!("{} {pid}", process.name))
}

/// A thread may be in one profile only: one that never ran is in that of wall time.
fn thread_name(bundle: &Bundle, tid: u32) -> String {
    let thread = bundle.profiles.iter().find_map(|profile| {
        let thread = profile.threads.rows.iter().find(|thread| thread.tid == tid)?;
        Some(profile.string(thread.name).to_owned()).filter(|name| !name.is_empty())
    });
    thread.map_or_else(|| tid.to_string(), |name| format!("{name} {tid}"))
}

fn transform_words(transform: &Transform) -> String {
    let (verb, key) = match transform {
        Transform::Focus(key) => ("only", key),
        Transform::Hide(key) => ("without", key),
        Transform::Merge(key) => ("merge", key),
        Transform::Collapse(key) => ("collapse", key),
        Transform::CollapseRecursion(key) => ("no recursion of", key),
    };
    let name = key.0.split('@').next().unwrap_or(&key.0);
    format!("{verb} {name}")
}
