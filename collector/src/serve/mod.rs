//! The local server: the page, the list of bundles, and bundles as bytes.
//!
//! Listens on 127.0.0.1 only and answers nobody but its own page (see `guard`). Must not decode profiles, must not write
//! into the library but to recover recordings at the start, and must not build a path from what a request says.

mod answer;
mod browser;
mod connection;
mod guard;
mod port;
mod shelf;

pub use shelf::Shelf;

use answer::Asked;
use anyhow::Context;
use nix::sys::signal::{SigSet, Signal};
use perfcollect_shared::view_state::ViewState;
use port::Found;
use std::thread;

/// Port where none is asked for.
pub const DEFAULT_PORT: u16 = 7070;
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
    let (description, shelf) = (plan.shelf.describe(), plan.shelf);
    let answer = move |asked: &Asked<'_>| answer::answer(asked, &shelf, number);
    thread::Builder::new().name("serve".into()).spawn(move || connection::accept(&listener, answer))?;
    say(&format!("serving {description} at {address} (Ctrl-C ends it)"));
    browser::open(plan.browser, &address);
    ends.wait().context("cannot wait for a signal")?;
    Ok(())
}

/// The address that shows what the server was started with.
fn address(port: u16, open: Option<&str>) -> String {
    let fragment = ViewState { bundle: open.map(str::to_owned), ..Default::default() }.to_fragment();
    let mark = if fragment.is_empty() { "" } else { "#" };
    format!("http://127.0.0.1:{port}/{mark}{fragment}")
}
