//! The view "Flame graph": what is true, the controls, the picture, and the table behind it.

use super::ViewDef;
use crate::keys::is_typing;
use crate::state::Session;
use crate::ui::choices::{self, Choice, select};
use crate::ui::dom::view;
use crate::ui::flame_canvas::scene::Scene;
use crate::ui::flame_canvas::{
    Flame, breadcrumb, context_menu, flame_canvas, frame_table, legend, minimap, on_view_key, search_box, tooltip,
};
use crate::ui::honesty::honesty;
use crate::ui::memo::Memo;
use leptos::ev;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, Profile};
use perfcollect_shared::view_state::{FlameMode, ViewState};

pub const VIEW: ViewDef = ViewDef { id: "flame", title: "Flame graph", key: '2', available, render };

fn available(bundle: &Bundle) -> bool {
    bundle.main_profile().is_some()
}

fn render(session: Session) -> AnyView {
    let flame = Flame::new(session);
    let keys = window_event_listener(ev::keydown, move |event| {
        if !is_typing(&event) && !event.default_prevented() && on_view_key(flame, &event) {
            event.prevent_default();
        }
    });
    on_cleanup(move || keys.remove());
    let empty = Memo::new(move || flame.scene.with(|scene| scene.as_ref().is_none_or(|scene| scene.is_empty())));
    view! {
        <h1 class="reader">"Flame graph"</h1>
        <p class="flame-sentence">{move || sentence(flame)}</p>
        {controls(flame)}
        {move || if empty.get() { nothing(session).into_any() } else { picture(flame).into_any() }}
        {honesty(session)}
    }
    .into_any()
}

/// The picture with all that belongs to it.
pub(super) fn picture(flame: Flame) -> impl IntoView {
    view! {
        {breadcrumb(flame)}
        {minimap(flame)}
        {time_axis(flame)}
        <div class="flame-picture">
            {flame_canvas(flame)}
            {tooltip(flame)}
            {context_menu(flame)}
        </div>
        {legend(flame)}
        {frame_table(flame)}
    }
}

/// What is true of the picture: how much it stands for and where most of it was spent.
fn sentence(flame: Flame) -> Option<String> {
    let scene = flame.scene.get()?;
    if scene.is_empty() {
        return None;
    }
    let samples = scene.counted(scene.selected.count);
    let amount = format!("{} of {} in {samples}", scene.weight(scene.selected.weight), scene.unit());
    let most = scene.most_self().map(|(name, share)| {
        format!("; the largest self time is that of {}, {}", format::shorten_name(&name, 60), format::share(share))
    });
    let outside = scene.outside();
    let outside = (outside > 0.0).then(|| format!("; {} has no frame that is left", format::share(outside)));
    let cut = scene.tree.truncated.then_some("; the deepest callers are left out, there are too many");
    let thread = scene.thread.map(|thread| {
        let thread = scene.profile.threads.get(thread);
        let name = scene.profile.string(thread.name);
        let others =
            flame.session.derived.selected.get().map_or(0, |all| all.threads(&scene.profile).len().saturating_sub(1));
        let others = u64::try_from(others).unwrap_or(u64::MAX);
        let note = if others == 0 {
            String::new()
        } else {
            format!(", the busiest; {} not shown", format::plural(others, "other"))
        };
        format!(". Thread {name} {} in time order{note}", thread.tid)
    });
    Some(
        [Some(amount), most, outside, cut.map(str::to_owned), thread, Some(".".to_owned())]
            .into_iter()
            .flatten()
            .collect(),
    )
}

/// Why there is no picture.
fn nothing(session: Session) -> impl IntoView {
    let restricted = session
        .derived
        .selection
        .with(|selection| *selection != perfcollect_shared::derive::selection::Selection::default());
    let sampled =
        session.derived.profile.with(|profile| profile.as_ref().is_some_and(|profile| !profile.samples.is_empty()));
    let words = match (sampled, restricted) {
        (true, true) => {
            "No sample is left by what restricts this view. Remove one of the chips above, or press u to undo the last choice."
        }
        _ => {
            "No samples: the program was too short, only waited, or could not be sampled on this machine. “perfcollect doctor” says what can be recorded here and how to change it."
        }
    };
    view! { <p class="note">{words}</p> }
}

fn controls(flame: Flame) -> impl IntoView {
    let session = flame.session;
    let upward = move || flame.upward();
    let turn = move || session.go(|state| state.flame.upward = !state.flame.upward);
    view! {
        <div class="flame-controls">
            {modes(flame)}
            {choices::toggle("Upward", "Roots at the bottom", upward, turn)}
            {choices::own_code(session)}
            {choices::clock(session)}
            {choose_thread(session)}
            {choices::language(session)}
            <button title="Show everything (f)" on:click=move |_| flame.fit_all()>"Fit"</button>
            {search_box(flame)}
        </div>
    }
}

fn modes(flame: Flame) -> impl IntoView {
    let session = flame.session;
    let timed =
        move || session.derived.profile.with(|profile| profile.as_ref().is_some_and(|p| p.samples.time.is_some()));
    let mode = Memo::new(move || flame.mode());
    let button = move |this: FlameMode, words: &'static str, title: &'static str| {
        let choose = move |_| {
            session.go(|state: &mut ViewState| {
                state.flame.mode = this;
                state.flame.zoom.clear();
                state.flame.window = None;
            });
        };
        let pressed = move || (mode.get() == this).to_string();
        let disabled = move || this == FlameMode::Time && !timed();
        view! { <button aria-pressed=pressed title=title disabled=disabled on:click=choose>{words}</button> }
    };
    view! {
        <div class="group" role="group" aria-label="Order of the frames">
            {button(FlameMode::Merged, "Merged", "Equal stacks together, largest first")}
            {button(FlameMode::Time, "Time order", "One thread as time passed")}
            {button(FlameMode::Inverted, "Inverted", "From where time was spent to its callers (i)")}
        </div>
    }
}

/// Processes and threads with samples; a thread is named `pid/tid`.
fn threads(profile: &Profile) -> (Vec<Choice>, Vec<Choice>) {
    let (mut processes, mut threads): (Vec<Choice>, Vec<Choice>) = (Vec::new(), Vec::new());
    for thread in &profile.threads.rows {
        let process = (thread.pid.to_string(), format!("{} {}", profile.string(thread.process), thread.pid));
        if !processes.iter().any(|known| known.0 == process.0) {
            processes.push(process);
        }
        threads.push((
            format!("{}/{}", thread.pid, thread.tid),
            format!("{} {}", profile.string(thread.name), thread.tid),
        ));
    }
    (processes, threads)
}

fn choose_thread(session: Session) -> impl IntoView {
    let all = Memo::new(move || session.derived.profile.get().map(|profile| threads(&profile)).unwrap_or_default());
    let chosen = move || session.derived.selection.with(|selection| (selection.pid, selection.tid));
    let process = move |value: String| {
        let pid = value.parse().ok();
        session.go(|state| (state.selection.pid, state.selection.tid) = (pid, None));
    };
    let thread = move |value: String| {
        let ids = value.split_once('/').and_then(|(pid, tid)| Some((pid.parse().ok()?, tid.parse().ok()?)));
        session.go(|state| match ids {
            Some((pid, tid)) => (state.selection.pid, state.selection.tid) = (Some(pid), Some(tid)),
            None => state.selection.tid = None,
        });
    };
    let in_process = move |value: &str| chosen().0.is_none_or(|pid| value.starts_with(&format!("{pid}/")));
    move || {
        let (processes, threads) = all.get();
        let threads: Vec<Choice> = threads.into_iter().filter(|(value, _)| in_process(value)).collect();
        let (pid, tid) = chosen();
        let now = pid.map(|pid| pid.to_string());
        let now_thread = pid.zip(tid).map(|(pid, tid)| format!("{pid}/{tid}"));
        let several =
            (processes.len() > 1).then(|| select("Process", "all processes", processes, now.as_deref(), process));
        let thread = (threads.len() > 1 || tid.is_some())
            .then(|| select("Thread", "all threads", threads, now_thread.as_deref(), thread));
        view! { {several} {thread} }
    }
}

/// Times of both edges of a time-ordered picture.
fn time_axis(flame: Flame) -> impl IntoView {
    let edges = move || {
        let scene = flame.scene.get()?;
        let (from, to) = scene.layout.span?;
        let view = flame.viewport.get();
        let time = |place: f64| Scene::time_at(from, to, place);
        let middle = time(view.place(0.5));
        Some(view! {
            <div class="flame-axis">
                <span>{format::duration(time(view.x0))}</span>
                <span>{format::duration(middle)}</span>
                <span>{format::duration(time(view.x1))}</span>
            </div>
        })
    };
    view! { {edges} }
}
