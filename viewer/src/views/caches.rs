//! The view "Caches": every cache with what it saves, and of one of them what other sizes and policies would do.

mod detail;
mod list;
pub(crate) mod picture;

use super::ViewDef;
use crate::state::{Session, Shared};
use crate::ui::dom::{live, view};
use crate::ui::flame_canvas::search::lowercase;
use crate::ui::honesty::honesty;
use crate::ui::link::link;
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::caches::{self, Evidence, Row, evidence, judge, words};
use perfcollect_shared::derive::caches::listed;
use perfcollect_shared::format;
use perfcollect_shared::model::Bundle;
use perfcollect_shared::stats::Interval;

pub const VIEW: ViewDef = ViewDef { id: "caches", title: "Caches", key: 'r', available, render };

/// Caches whose keys are replayed for their verdicts without being asked for.
const JUDGED: usize = 50;

fn available(bundle: &Bundle) -> bool {
    !bundle.caches.is_empty() || !bundle.keys.is_empty()
}

/// Every cache with its verdict by what is known so far, in the order of the evidence.
#[derive(Clone, Copy)]
struct Judged {
    evidence: Memo<Shared<Vec<Evidence>>>,
    rows: Memo<Shared<Vec<Row>>>,
}

impl Judged {
    /// Asks for the replays behind the verdicts.
    fn new(session: Session) -> Self {
        let evidence =
            Memo::new(move || Shared::new(session.bundle().map(|bundle| evidence(&bundle)).unwrap_or_default()));
        let rows = Memo::new(move || {
            let all = evidence.get();
            let judged = all.iter().enumerate().map(|(at, evidence)| {
                let found = crate::worker::simulations().of(at);
                judge(evidence, found.simulated.flatten().as_deref())
            });
            Shared::new(judged.collect::<Vec<Row>>())
        });
        Effect::new(move |_| replayed(&evidence.get()).for_each(|at| crate::worker::simulations().judge(at)));
        Self { evidence, rows }
    }

    /// Caches whose verdict waits for the replay of their keys (tracked).
    fn replaying(self) -> u64 {
        let found = |at| crate::worker::simulations().of(at);
        let open = |at: &usize| found(*at).simulated.is_none() && found(*at).failed.is_none();
        // What keeps the worker from starting is told of the first.
        if found(0).failed.is_some() { 0 } else { replayed(&self.evidence.get()).filter(open).count() as u64 }
    }
}

/// Places of the caches that are replayed without being asked for.
fn replayed(all: &[Evidence]) -> impl Iterator<Item = usize> {
    all.iter().enumerate().filter(|(_, evidence)| !evidence.keys.is_empty()).map(|(at, _)| at).take(JUDGED)
}

/// What the first screen says of caches, and the way there.
pub(super) fn headline(session: Session) -> AnyView {
    let judged = Judged::new(session);
    live(move || {
        let rows = judged.rows.get();
        let found = caches::headline(&rows)?;
        let chosen = found.cache.and_then(|at| rows.get(at)).map(Row::key).unwrap_or_default();
        let open = judged.replaying();
        let open = (open > 0).then(|| format!("; the keys of {} are being replayed", format::plural(open, "cache")));
        let there = link(session, "Caches", move |state| {
            VIEW.id.clone_into(&mut state.view);
            state.caches.chosen.clone_from(&chosen);
        });
        Some(view! { <p class="of-caches">{found.sentence} {open} " ▸ " {there}</p> })
    })
}

/// What the parts of the view share.
#[derive(Clone, Copy)]
struct Model {
    session: Session,
    evidence: Memo<Shared<Vec<Evidence>>>,
    judged: Judged,
    rows: Memo<Shared<Vec<Row>>>,
    /// After filter and sort, and how many are left out.
    listed: Memo<(Vec<usize>, usize)>,
    /// The reader's choice, else the first row.
    chosen: Memo<Option<usize>>,
}

impl Model {
    fn new(session: Session) -> Self {
        let judged = Judged::new(session);
        let Judged { evidence, rows } = judged;
        let state = Memo::new(move || session.view.with(|view| view.caches.clone()));
        let places = Memo::new(move || {
            let rows = rows.get();
            state.with(|state| listed(&rows, state, &lowercase))
        });
        let chosen = Memo::new(move || {
            let rows = rows.get();
            let named = state.with(|state| rows.iter().position(|row| row.key() == state.chosen));
            named.or_else(|| places.with(|places| places.0.first().copied()))
        });
        Effect::new(move |_| {
            let wanted =
                chosen.get().filter(|&at| evidence.with(|all| all.get(at).is_some_and(|e| !e.keys.is_empty())));
            if let Some(at) = wanted {
                crate::worker::simulations().judge(at);
                crate::worker::simulations().draw(at);
            }
        });
        Self { session, evidence, judged, rows, listed: places, chosen }
    }
}

fn render(session: Session) -> AnyView {
    let model = Model::new(session);
    view! {
        <section class="caches">
            <h1>{move || sentence(&model.rows.get(), model.judged.replaying())}</h1>
            {list::list(model)}
            {live(move || model.chosen.get().map(|at| detail::detail(model, at)))}
            {live(move || honesty(session))}
        </section>
    }
    .into_any()
}

/// What is true of all of them: how many, what they save, and how many should be changed.
fn sentence(rows: &[Row], replaying: u64) -> String {
    let all = format::plural(rows.len() as u64, "cache");
    let asked = rows.iter().filter(|row| row.requests.is_some_and(|requests| requests > 0)).count();
    if asked == 0 {
        return format!("{all}, and nothing asked for any of them in this recording");
    }
    let measured: Vec<&Row> = rows.iter().filter(|row| !row.candidate && row.saved_ns.is_some()).collect();
    let known = measured.len();
    // The sum of the bounds: caches of one run are off together, by its machine and its load.
    let sum = |of: fn(&&Row) -> Option<f64>| measured.iter().filter_map(of).sum();
    let saved = Interval {
        value: sum(|row| row.saved_ns),
        low: sum(|row| row.saved_ns_low),
        high: sum(|row| row.saved_ns_high),
    };
    let change = rows.iter().filter(|row| row.should_change()).count();
    let saved = match known {
        0 => "what they save was not measured".to_owned(),
        _ => format!("together they save {}", words::time_within(saved)),
    };
    let unknown = asked.saturating_sub(known);
    let saved = match unknown {
        0 => saved,
        _ if known == 0 => saved,
        n => format!("{saved}, not counting {} of unknown cost", format::count(n as u64)),
    };
    let change = match change {
        0 if replaying > 0 => format!("the keys of {} are being replayed", format::plural(replaying, "cache")),
        0 => "none of them should be changed by what is known".to_owned(),
        1 => "1 should be changed".to_owned(),
        n => format!("{} should be changed", format::count(n as u64)),
    };
    format!("{all}: {saved}; {change}")
}
