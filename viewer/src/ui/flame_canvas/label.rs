//! How much of a name fits into a box.

use std::borrow::Cow;
use std::collections::HashMap;
use web_sys::CanvasRenderingContext2d;

/// Fewer characters than this say nothing.
const LEAST: usize = 4;

/// Widths of text in the font that the context is set to.
#[derive(Default)]
pub struct Ruler {
    /// Of one ASCII character; the font is monospaced.
    narrow: f64,
    /// Of whole labels with other characters.
    wide: HashMap<String, f64>,
}

impl Ruler {
    /// Measures the font of a context.
    pub fn of(context: &CanvasRenderingContext2d) -> Self {
        let sample = "0123456789abcdefghij";
        let width = context.measure_text(sample).map_or(0.0, |metrics| metrics.width());
        Self { narrow: (width / 20.0).max(1.0), wide: HashMap::new() }
    }

    /// The label, or what of it fits into `room` pixels; `None` where too little does.
    pub fn fit<'a>(&mut self, context: &CanvasRenderingContext2d, label: &'a str, room: f64) -> Option<Cow<'a, str>> {
        if room < self.narrow * 3.0 {
            return None;
        }
        if label.is_ascii() {
            return cut(label, label.len(), whole(room / self.narrow));
        }
        let characters = label.chars().count();
        let width = self.width(context, label);
        let each = width / f64::from(u32::try_from(characters).unwrap_or(u32::MAX));
        cut(label, characters, whole(room / each.max(1.0)))
    }

    /// Width of ASCII text.
    pub fn width_of(&self, text: &str) -> f64 {
        self.narrow * f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX))
    }

    fn width(&mut self, context: &CanvasRenderingContext2d, label: &str) -> f64 {
        if let Some(width) = self.wide.get(label) {
            return *width;
        }
        let width = context.measure_text(label).map_or(0.0, |metrics| metrics.width());
        self.wide.insert(label.to_owned(), width);
        width
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
fn whole(number: f64) -> usize {
    number.max(0.0) as usize
}

/// The first characters, or for paths the first and last ones, with an ellipsis for the rest.
fn cut(label: &str, characters: usize, room: usize) -> Option<Cow<'_, str>> {
    if characters <= room {
        return Some(Cow::Borrowed(label));
    }
    if room < LEAST {
        return None;
    }
    let path = label.contains('/') || label.contains("::");
    let head = if path { (room - 1) / 3 } else { room - 1 };
    let at = |characters: usize| label.char_indices().nth(characters).map_or(label.len(), |(index, _)| index);
    let tail = if path { &label[at(characters - (room - 1 - head))..] } else { "" };
    Some(Cow::Owned(format!("{}…{tail}", &label[..at(head)])))
}
