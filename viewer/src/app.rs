//! The frame of every page: top bar, views, what restricts them, the view, and the drop of a file anywhere.

use crate::keys;
use crate::load::{self, Load};
use crate::state::Session;
use crate::ui::dom::{live, view};
use crate::ui::memo::Memo;
use crate::ui::{
    chips::chips, cpu_strip::cpu_strip, key_dialog::key_dialog, loading, top_bar::top_bar, views_bar::views_bar,
};
use crate::views;
use leptos::ev;
use leptos::prelude::*;

/// The whole page.
pub fn app() -> impl IntoView {
    let session = Session::open();
    provide_context(session);
    listen(session);
    load::begin(session);
    Effect::new(move |_| {
        let name = session.manifest().map(|manifest| manifest.title());
        document().set_title(&name.map_or_else(|| "perfcollect".to_owned(), |name| format!("{name} · perfcollect")));
    });
    let shown = Memo::new(move || crate::ui::views_bar::current(session));
    view! {
        <a class="skip" href="#main" on:click=|event| skip(&event)>"Skip to the view"</a>
        <header>
            {top_bar(session)}
            {views_bar(session)}
            {chips(session)}
        </header>
        {move || offer(session)}
        <main id="main" tabindex="-1" data-view=move || shown.get()>{move || content(session)}</main>
        {cpu_strip(session)}
        {key_dialog(session)}
    }
}

/// The address holds the reader's choices, so that this link must not change it.
fn skip(event: &ev::MouseEvent) {
    event.prevent_default();
    if let Some(main) = document().get_element_by_id("main") {
        use wasm_bindgen::JsCast;
        // An element that cannot take the focus keeps the page as it is.
        main.unchecked_into::<web_sys::HtmlElement>().focus().ok();
    }
}

/// Another file was opened: the one before it may be the base of a comparison.
fn offer(session: Session) -> AnyView {
    let offer = Memo::new(move || session.others.with(|others| others.offer.clone()));
    let name = offer.get().filter(|_| session.derived.bundle.with(Option::is_some));
    let note = name.map(|name| {
        let words = format!("{name} was open before.");
        let forget = move || session.others.update(|others| others.offer = None);
        let compare = move |_| {
            forget();
            let against = vec![name.clone()];
            session.go(move |state| (state.against, state.view) = (against, views::COMPARE.to_owned()));
        };
        view! {
            <p class="offer" role="status">
                {words} " "
                <button on:click=compare>"Compare this one with it"</button> " "
                <button class="plain" title="Do not compare" on:click=move |_| forget()>"✕"<span class="reader">"Do not compare"</span></button>
            </p>
        }
    });
    note.into_any()
}

fn listen(session: Session) {
    keys::listen(session);
    let handles = [
        window_event_listener(ev::popstate, move |_| session.follow_address()),
        window_event_listener(ev::hashchange, move |_| session.follow_address()),
        window_event_listener(ev::dragover, |event| event.prevent_default()),
        window_event_listener(ev::drop, move |event| {
            event.prevent_default();
            load::from_drop(session, &event);
        }),
    ];
    on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
}

/// What stands of the load, as far as it decides what is drawn: progress alone must not draw a view anew.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Empty,
    Reading { manifest: bool },
    Ready,
    Failed,
}

fn phase(load: &Load) -> Phase {
    match load {
        Load::Empty => Phase::Empty,
        Load::Reading { manifest, .. } => Phase::Reading { manifest: manifest.is_some() },
        Load::Ready(_) => Phase::Ready,
        Load::Failed { .. } => Phase::Failed,
    }
}

fn content(session: Session) -> AnyView {
    let phase = Memo::new(move || session.load.with(phase));
    let asked = Memo::new(move || views::asked(session));
    let shown = |session, view| {
        // The view must not be drawn anew for every other choice.
        Memo::new(move || views::has_data(session, view)).get()
    };
    live(move || {
        let id = asked.get();
        if id == views::LIBRARY {
            return (views::library::VIEW.render)(session);
        }
        if id == views::TREND {
            return (views::trend::VIEW.render)(session);
        }
        match phase.get() {
            Phase::Empty => (views::library::VIEW.render)(session),
            Phase::Reading { manifest: false } => loading::reading(session),
            Phase::Reading { manifest: true } => {
                view! { {loading::reading(session)} {(views::overview::VIEW.render)(session)} }.into_any()
            }
            Phase::Failed => loading::failed(session),
            Phase::Ready => {
                let known = views::find(&id);
                let shown = known.filter(|view| shown(session, view));
                (shown.unwrap_or(&views::overview::VIEW).render)(session)
            }
        }
    })
}
