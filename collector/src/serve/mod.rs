//! The local server: the page, the list of bundles, and bundles as bytes.
//!
//! Listens on 127.0.0.1 only and answers nobody but its own page (see `guard`). Must not decode profiles, must not write
//! into the library but to recover recordings at the start, and must not build a path from what a request says.

mod answer;
mod browser;
mod guard;
mod port;
mod shelf;

pub use shelf::Shelf;

use answer::{Answer, Asked};
use anyhow::Context;
use nix::sys::signal::{SigSet, Signal};
use perfcollect_shared::view_state::ViewState;
use port::Found;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tiny_http::{Request, Server};

/// Port where none is asked for.
pub const DEFAULT_PORT: u16 = 7070;
/// Requests answered at the same time; a slow reader holds one of them.
const AT_ONCE: usize = 128;
/// Largest body of a request that is read (and thrown away).
const BODY_LIMIT: usize = 64 * 1024;

/// What to serve and how.
#[derive(Debug)]
pub struct Plan {
    pub shelf: Shelf,
    /// A port that must be taken; `None` for 7070 or the next free one.
    pub port: Option<u16>,
    /// Open a browser where there is a display.
    pub browser: bool,
}

/// Serves until SIGINT or SIGTERM. Where another perfcollect already serves the same on the default port, it says so and
/// returns at once. `say` gets what a person should read, the address above all.
///
/// # Errors
/// When no port can be had.
pub fn serve_until_signal(plan: Plan, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    // Blocked before any thread starts, so that every thread has them blocked and only `wait` gets them.
    let ends = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    ends.thread_block().context("cannot block signals")?;
    for told in plan.shelf.recover_dead_spools() {
        say(&told);
    }
    let found = port::find(plan.port, &plan.shelf.identity())?;
    let number = found.number();
    let address = address(number, plan.shelf.open());
    if plan.port.is_none() && number != DEFAULT_PORT {
        say(&format!("port {DEFAULT_PORT} is in use, so this is on the next free one"));
    }
    let Found::Free(listener, _) = found else {
        say(&format!("{} is already served at {address}", plan.shelf.describe()));
        browser::open(plan.browser, &address);
        return Ok(());
    };
    let server = Server::from_listener(listener, None).map_err(|error| anyhow::anyhow!("cannot serve: {error}"))?;
    let server = Arc::new(server);
    let accepting = Arc::clone(&server);
    let description = plan.shelf.describe();
    let shelf = Arc::new(plan.shelf);
    thread::Builder::new().name("serve".into()).spawn(move || accept(&accepting, &shelf, number))?;
    say(&format!("serving {description} at {address} (Ctrl-C ends it)"));
    browser::open(plan.browser, &address);
    ends.wait().context("cannot wait for a signal")?;
    server.unblock();
    Ok(())
}

/// The address that shows what the server was started with.
fn address(port: u16, open: Option<&str>) -> String {
    let fragment = ViewState { bundle: open.map(str::to_owned), ..Default::default() }.to_fragment();
    let mark = if fragment.is_empty() { "" } else { "#" };
    format!("http://127.0.0.1:{port}/{mark}{fragment}")
}

/// One thread a request: a reader that stops reading holds nobody else up.
fn accept(server: &Server, shelf: &Arc<Shelf>, port: u16) {
    let running = Arc::new(AtomicUsize::new(0));
    for request in server.incoming_requests() {
        if request.body_length().is_some_and(|length| length > BODY_LIMIT) {
            // tiny_http reads the rest of a body into memory of that size when a request is dropped.
            std::mem::forget(request);
            continue;
        }
        if running.fetch_add(1, Ordering::AcqRel) >= AT_ONCE {
            running.fetch_sub(1, Ordering::AcqRel);
            respond(request, Answer::sentence(503, "too many requests at once; try again"));
            continue;
        }
        let (shelf, mine) = (Arc::clone(shelf), Arc::clone(&running));
        let spawned = thread::Builder::new().name("serve-one".into()).spawn(move || {
            let answer = answer_to(&request, &shelf, port);
            respond(request, answer);
            mine.fetch_sub(1, Ordering::AcqRel);
        });
        if spawned.is_err() {
            running.fetch_sub(1, Ordering::AcqRel); // the request is dropped, which answers it with 500
        }
    }
}

fn answer_to(request: &Request, shelf: &Shelf, port: u16) -> Answer {
    let headers = request.headers().iter();
    let headers: Vec<(String, String)> = headers
        .map(|header| (header.field.as_str().as_str().to_ascii_lowercase(), header.value.as_str().to_owned()))
        .collect();
    answer::answer(&Asked { method: request.method().as_str(), target: request.url(), headers: &headers }, shelf, port)
}

fn respond(request: Request, answer: Answer) {
    // A reader that went away needs no answer.
    request.respond(answer.into_response()).ok();
}
