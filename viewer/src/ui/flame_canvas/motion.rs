//! Moving the picture: at once while the reader drags, in 120 ms when a step jumps, and into the address when it rests.

use super::{Flame, ROW, address};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use perfcollect_shared::derive::viewport::Viewport;
use std::time::Duration;

/// Length of a move, in milliseconds.
const MOVE_MS: f64 = 120.0;
/// A gesture is over when nothing happened for this long.
const REST: Duration = Duration::from_millis(300);

/// A move that is under way, and the gesture that is.
#[derive(Default)]
pub struct Motion {
    /// From where, where to, and when it began; `None` when the picture rests.
    moving: Option<(Viewport, Viewport, f64)>,
    resting: Option<TimeoutHandle>,
}

/// How a change of the picture enters the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A choice: one step back undoes it.
    Choice,
    /// Part of a gesture, which becomes a step when it rests.
    Gesture,
    /// Only moved, not zoomed: changes the present step when it rests.
    Pan,
    /// What the address said: changes nothing in the history.
    Address,
}

impl Flame {
    /// Shows a part of the picture.
    pub fn show(self, target: Viewport, step: Step) {
        let target = target.scrolled(0.0, self.content_height_now(), self.size.get_untracked().1);
        self.stop();
        if matches!(step, Step::Choice | Step::Address) {
            self.glide(target);
        } else {
            self.viewport.set(target);
        }
        match step {
            Step::Choice => address::write(self, target, true),
            Step::Gesture => self.write_at_rest(true),
            Step::Pan => self.write_at_rest(false),
            Step::Address => {}
        }
    }

    /// Makes a box as wide as the screen and scrolls to it where it is out of sight.
    pub fn fit(self, index: usize) {
        let Some(scene) = self.scene.get_untracked() else { return };
        let (x0, x1) = scene.layout.edges(index);
        let scroll = self.scroll_to_row(scene.layout.row_of(index));
        self.marked.set(Some(index));
        self.show(Viewport { scroll, ..Viewport::between(x0, x1) }, Step::Choice);
    }

    /// Shows everything.
    pub fn fit_all(self) {
        self.show(Viewport::ALL, Step::Choice);
    }

    /// How far to scroll so that a row can be seen with some of its callers.
    pub fn scroll_to_row(self, row: usize) -> f64 {
        let now = self.viewport.get_untracked().scroll;
        let (height, top) = (self.size.get_untracked().1, f64::from(u32::try_from(row).unwrap_or(0)) * ROW);
        let seen = top >= now && top + 4.0 * ROW <= now + height;
        if seen { now } else { (top - height / 3.0).max(0.0) }
    }

    /// The part that is shown once the move that is under way is over.
    pub fn destination(self) -> Viewport {
        let moving = self.motion.with_value(|motion| motion.moving);
        moving.map_or_else(|| self.viewport.get_untracked(), |(_, target, _)| target)
    }

    fn content_height_now(self) -> f64 {
        self.scene.with_untracked(|scene| scene.as_ref().map_or(0.0, |scene| scene.height()))
    }

    fn stop(self) {
        self.motion.update_value(|motion| {
            motion.moving = None;
            if let Some(resting) = motion.resting.take() {
                resting.clear();
            }
        });
    }

    fn glide(self, target: Viewport) {
        if prefers_stillness() {
            self.viewport.set(target);
            return;
        }
        let from = self.viewport.get_untracked();
        self.motion.update_value(|motion| motion.moving = Some((from, target, now())));
        request_animation_frame(move || self.advance());
    }

    fn advance(self) {
        // The view may be gone by the time of the frame.
        let Some(Some((from, target, began))) = self.motion.try_with_value(|motion| motion.moving) else { return };
        let part = ((now() - began) / MOVE_MS).clamp(0.0, 1.0);
        let eased = 1.0 - (1.0 - part).powi(3);
        if part >= 1.0 {
            self.motion.update_value(|motion| motion.moving = None);
            self.viewport.set(target);
        } else {
            self.viewport.set(from.towards(&target, eased));
            request_animation_frame(move || self.advance());
        }
    }

    fn write_at_rest(self, push: bool) {
        let write = move || {
            if let Some(view) = self.viewport.try_get_untracked() {
                address::write(self, view, push);
            }
        };
        let resting = set_timeout_with_handle(write, REST).ok();
        self.motion.update_value(|motion| motion.resting = resting);
    }
}

fn now() -> f64 {
    js_sys::Date::now()
}

/// The reader asked the system for less motion.
fn prefers_stillness() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

impl Flame {
    /// Shows a part of another picture at once.
    pub fn jump(self, target: Viewport) {
        self.stop();
        self.viewport.set(target);
    }
}
