//! Paints the visible boxes of a flame graph in device pixels.

use super::label::Ruler;
use super::scene::Scene;
use super::{ROW, Target};
use perfcollect_shared::derive::flame_layout::Visible;
use perfcollect_shared::derive::search::Matcher;
use perfcollect_shared::derive::viewport::Viewport;
use perfcollect_shared::format;
use perfcollect_shared::model::{FunctionKind, Language};
use perfcollect_shared::palette::{Colour, Palette, Rgb, Shade};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// Boxes narrower than this many CSS pixels are drawn together.
const LEAST: f64 = 0.5;
const FONT: &str = "ui-monospace, \"DejaVu Sans Mono\", Menlo, Consolas, monospace";

/// How a scene is looked at.
pub struct Look<'a> {
    pub view: Viewport,
    /// Of the canvas in CSS pixels.
    pub size: (f64, f64),
    /// Device pixels of a CSS pixel.
    pub ratio: f64,
    /// The roots are at the bottom.
    pub upward: bool,
    pub matcher: Option<&'a Matcher>,
    /// For each function whether it is marked in every view.
    pub chosen: Option<&'a [bool]>,
    pub hover: Option<usize>,
    pub marked: Option<usize>,
}

/// A canvas with diagonal lines, and its width.
type Strip = (HtmlCanvasElement, f64);

/// Narrow boxes that were drawn as one, for the pointer: row, edges in device pixels, how many.
struct More {
    row: usize,
    x0: f64,
    x1: f64,
    boxes: usize,
}

/// A box to paint: place in device pixels, and which it is.
#[derive(Clone, Copy)]
struct Item {
    x: f64,
    y: f64,
    width: f64,
    index: usize,
}

/// Paints one canvas; keeps what is needed again for the next picture.
pub struct Painter {
    context: CanvasRenderingContext2d,
    palette: Palette,
    dark: bool,
    ratio: f64,
    ruler: Ruler,
    /// Hatching as wide as the canvas, and its width.
    strip: Option<Strip>,
    /// The same for coloured boxes of a comparison.
    light_strip: Option<Strip>,
    more: Vec<More>,
    /// Boxes of each colour, then neutral, then found, then those of a comparison.
    buckets: Vec<Vec<Item>>,
    narrow: Vec<Item>,
}

impl Painter {
    /// A painter of a canvas; `None` where the browser gives no context.
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
        let palette = Palette::new(false);
        let buckets = vec![Vec::new(); palette.colours.len() + 2 + palette.effects.len()];
        Some(Self {
            context,
            palette,
            dark: false,
            ratio: 0.0,
            ruler: Ruler::default(),
            strip: None,
            light_strip: None,
            more: Vec::new(),
            buckets,
            narrow: Vec::new(),
        })
    }

    /// Paints a scene into the whole canvas.
    pub fn paint(&mut self, scene: &Scene, look: &Look, dark: bool) {
        self.prepare(look, dark);
        let (width, height) = (look.size.0 * look.ratio, look.size.1 * look.ratio);
        self.context.clear_rect(0.0, 0.0, width.ceil(), height.ceil());
        self.collect(scene, look);
        let row = row_height(look.ratio);
        let gap = look.ratio.round().max(1.0);
        for bucket in 0..self.buckets.len() {
            if self.buckets[bucket].is_empty() {
                continue;
            }
            self.context.set_fill_style_str(&self.colour(bucket).fill.css());
            for item in &self.buckets[bucket] {
                let wide = if item.width > 3.0 * gap { item.width - gap } else { item.width };
                self.context.fill_rect(item.x, item.y, wide, row - gap);
            }
        }
        self.paint_narrow(row, gap);
        self.paint_waiting(scene, row, gap);
        self.paint_sides(scene, row, gap);
        self.paint_edges(scene, row, gap);
        self.paint_labels(scene, look, row);
        self.underline(scene, look, row - gap);
        self.outline(scene, look, row);
    }

    /// What lies under a point (CSS pixels of the canvas).
    pub fn target(&self, scene: &Scene, look: &Look, x: f64, y: f64) -> Option<Target> {
        let down = if look.upward { look.size.1 - y + look.view.scroll } else { y + look.view.scroll };
        let row = row_at(down)?;
        let pixel = x * look.ratio;
        if let Some(more) = self.more.iter().find(|m| m.row == row && m.x0 - 1.0 <= pixel && pixel <= m.x1 + 1.0) {
            return Some(Target::More { boxes: more.boxes });
        }
        scene.layout.at(row, look.view.place(x / look.size.0.max(1.0))).map(Target::Frame)
    }

    fn prepare(&mut self, look: &Look, dark: bool) {
        let (ratio, wide) = (look.ratio, (look.size.0 * look.ratio).ceil());
        let other_ratio = (self.ratio - ratio).abs() > f64::EPSILON;
        let other_strip = self.strip.as_ref().is_none_or(|(_, before)| *before < wide);
        // Setting the size of a canvas resets its font.
        self.context.set_font(&format!("{:.2}px {FONT}", 11.5 * ratio));
        self.context.set_text_baseline("middle");
        if other_ratio {
            self.ratio = ratio;
            self.ruler = Ruler::of(&self.context);
        }
        if self.dark != dark {
            self.palette = Palette::new(dark);
        }
        if other_ratio || other_strip || self.dark != dark {
            self.dark = dark;
            let own = self.palette.colours.last().map_or(self.palette.accent, |kernel| kernel.fill);
            let page = self.palette.effects[Shade::Gone.index()].fill;
            self.strip = strip(own, ratio, wide).map(|strip| (strip, wide));
            self.light_strip = strip(page, ratio, wide).map(|strip| (strip, wide));
        }
    }

    fn colour(&self, bucket: usize) -> Colour {
        let colours = &self.palette.colours;
        let rest = if bucket == colours.len() { self.palette.neutral } else { self.palette.found };
        let effect = bucket.checked_sub(colours.len() + 2).and_then(|index| self.palette.effects.get(index));
        colours.get(bucket).or(effect).copied().unwrap_or(rest)
    }

    /// Sorts what can be seen into buckets of one colour.
    fn collect(&mut self, scene: &Scene, look: &Look) {
        self.buckets.iter_mut().for_each(Vec::clear);
        self.more.clear();
        self.narrow.clear();
        let width = look.size.0 * look.ratio;
        let pixel = |place: f64| (look.view.on_screen(place) * width).clamp(-4.0, width + 4.0).round();
        let least = LEAST / look.size.0.max(1.0) * look.view.width();
        let neutral = self.palette.colours.len();
        let base = if scene.sides.is_some() { neutral + 2 } else { 0 };
        let first = row_at(look.view.scroll).unwrap_or(0);
        let end = row_at(look.view.scroll + look.size.1).unwrap_or(0).saturating_add(1).min(scene.layout.rows());
        for row in first..end {
            let y = row_top(row, look);
            scene.layout.visible(row, look.view.range(), least, |seen| match seen {
                Visible::Frame { index, x0, x1 } => {
                    let (left, right) = (pixel(x0), pixel(x1));
                    let bucket = match (scene.function(index), look.matcher) {
                        (Some(function), Some(matcher)) if matcher.matches(function) => neutral + 1,
                        (_, None) => scene.colour(index).map_or(neutral, |colour| base + colour),
                        _ => neutral,
                    };
                    self.buckets[bucket].push(Item { x: left, y, width: (right - left).max(1.0), index });
                }
                Visible::More { index, boxes, x0, x1 } => {
                    let (left, right) = (pixel(x0), pixel(x1).max(pixel(x0) + 1.0));
                    self.narrow.push(Item { x: left, y, width: right - left, index: boxes });
                    debug_assert!(index < scene.layout.len());
                    self.more.push(More { row, x0: left, x1: right, boxes });
                }
            });
        }
    }

    /// Hatched, with their number where it fits.
    fn paint_narrow(&mut self, row: f64, gap: f64) {
        if self.narrow.is_empty() {
            return;
        }
        self.context.set_fill_style_str(&self.palette.neutral.fill.css());
        for item in &self.narrow {
            self.context.fill_rect(item.x, item.y, item.width, row - gap);
        }
        hatch(&self.context, self.strip.as_ref(), self.narrow.iter(), row - gap);
        let room = 60.0 * self.ratio;
        for item in self.narrow.iter().filter(|item| item.width > room) {
            let label = format!("{} more", format::count(item.index as u64));
            let wide = self.ruler.width_of(&label) + 8.0 * self.ratio;
            self.context.set_fill_style_str(&self.palette.neutral.fill.css());
            self.context.fill_rect(item.x, item.y, wide.min(item.width), row - gap);
            self.context.set_fill_style_str(&self.palette.neutral.text.css());
            // A label that cannot be drawn leaves the hatching.
            self.context.fill_text(&label, item.x + 4.0 * self.ratio, item.y + row / 2.0).ok();
        }
    }

    /// A hatched foot under frames that wait: told from work without colour, and the name above it stays readable.
    fn paint_waiting(&self, scene: &Scene, row: f64, gap: f64) {
        let high = (4.0 * self.ratio).round();
        let waits = |function| scene.profile.function(function).kind == FunctionKind::Waiting;
        let items = self.buckets.iter().flatten().filter(|item| scene.function(item.index).is_some_and(waits));
        let feet: Vec<Item> =
            items.map(|item| Item { y: item.y + row - gap - high, width: item.width - gap, ..*item }).collect();
        hatch(&self.context, self.strip.as_ref(), feet.iter(), high);
    }

    /// What a comparison says without colour: hatched is new, or of unknown noise; outlined is gone.
    fn paint_sides(&self, scene: &Scene, row: f64, gap: f64) {
        let Some(sides) = &scene.sides else { return };
        let drawn = || self.buckets.iter().skip(self.palette.colours.len() + 2).flatten();
        let node = |item: &Item| scene.layout.node(item.index);
        let hatched: Vec<Item> = drawn()
            .filter(|item| sides.is_hatched(node(item)))
            .map(|item| Item { width: item.width - gap, ..*item })
            .collect();
        hatch(&self.context, self.light_strip.as_ref(), hatched.iter(), row - gap);
        self.context.set_stroke_style_str(&self.palette.effects[Shade::Gone.index()].text.css());
        self.context.set_line_width(gap);
        for item in drawn().filter(|item| sides.shade(node(item)) == Shade::Gone && item.width > 3.0 * gap) {
            let half = gap / 2.0;
            self.context.stroke_rect(item.x + half, item.y + half, item.width - 2.0 * gap, row - 2.0 * gap);
        }
    }

    /// The language by the left edge: Python solid, Rust dashed, C++ dotted, JIT doubled; native and kernel code have none.
    fn paint_edges(&self, scene: &Scene, row: f64, gap: f64) {
        let unit = self.ratio.round().max(1.0);
        let height = row - gap;
        for (bucket, items) in self.buckets.iter().enumerate() {
            let mut styled = false;
            for item in items.iter().filter(|item| item.width >= 16.0 * unit) {
                let Some(function) = scene.function(item.index) else { continue };
                let language = scene.profile.language(function);
                let parts: &[(f64, f64, f64, f64)] = edge(language);
                if !styled && !parts.is_empty() {
                    self.context.set_fill_style_str(&self.colour(bucket).text.css());
                    self.context.set_global_alpha(0.55);
                    styled = true;
                }
                for &(x, width, from, to) in parts {
                    let (top, bottom) = ((height * from).round(), (height * to).round());
                    self.context.fill_rect(item.x + x * unit, item.y + top, width * unit, bottom - top);
                }
            }
            self.context.set_global_alpha(1.0);
        }
    }

    fn paint_labels(&mut self, scene: &Scene, look: &Look, row: f64) {
        let edge = 6.0 * self.ratio;
        let screen = look.size.0 * look.ratio;
        for bucket in 0..self.buckets.len() {
            self.context.set_fill_style_str(&self.colour(bucket).text.css());
            for item in &self.buckets[bucket] {
                // The name stays in sight while its box reaches over the left side.
                let (left, right) = (item.x.max(0.0), (item.x + item.width).min(screen));
                let room = right - left - 1.5 * edge;
                if room < edge * 3.0 {
                    continue;
                }
                let label = scene.label(item.index);
                if let Some(text) = self.ruler.fit(&self.context, &label, room) {
                    if scene.sides.as_ref().is_some_and(|sides| sides.is_hatched(scene.layout.node(item.index))) {
                        let wide = self.context.measure_text(&text).map_or(room, |metrics| metrics.width());
                        let unit = self.ratio.round().max(1.0);
                        self.context.set_fill_style_str(&self.colour(bucket).fill.css());
                        self.context.fill_rect(left + edge - 2.0 * unit, item.y, wide + 4.0 * unit, row - unit);
                        self.context.set_fill_style_str(&self.colour(bucket).text.css());
                    }
                    // A label that cannot be drawn leaves the box.
                    self.context.fill_text(&text, left + edge, item.y + (row / 2.0).round()).ok();
                }
            }
        }
    }

    /// Every box of the function that is marked in all views.
    fn underline(&self, scene: &Scene, look: &Look, height: f64) {
        let Some(chosen) = look.chosen else { return };
        let line = (2.0 * self.ratio).round().max(1.0);
        self.context.set_fill_style_str(&self.palette.accent.css());
        for item in self.buckets.iter().flatten() {
            let function = scene.function(item.index);
            if function.is_some_and(|function| chosen.get(function.index()).copied().unwrap_or(false)) {
                self.context.fill_rect(item.x, item.y + height - line, item.width, line);
            }
        }
    }

    fn outline(&self, scene: &Scene, look: &Look, row: f64) {
        let width = look.size.0 * look.ratio;
        for (index, thick) in [(look.hover, 1.0), (look.marked, 2.0)] {
            let Some(index) = index.filter(|&index| index < scene.layout.len()) else { continue };
            let (x0, x1) = scene.layout.edges(index);
            let left = (look.view.on_screen(x0) * width).clamp(-9.0, width + 9.0).round();
            let right = (look.view.on_screen(x1) * width).clamp(-9.0, width + 9.0).round();
            let line = (thick * self.ratio).round().max(1.0);
            let (half, y) = (line / 2.0, row_top(scene.layout.row_of(index), look));
            self.context.set_stroke_style_str(&self.palette.accent.css());
            self.context.set_line_width(line);
            let (wide, high) = ((right - left - line).max(line), row - line - self.ratio.round());
            self.context.stroke_rect(left + half, y + half, wide, high);
        }
    }
}

/// Parts of the 3 px edge of a language: x and width in pixels, top and bottom as fractions of the height.
fn edge(language: Language) -> &'static [(f64, f64, f64, f64)] {
    match language {
        Language::Python => &[(0.0, 3.0, 0.0, 1.0)],
        Language::Rust => &[(0.0, 3.0, 0.0, 0.4), (0.0, 3.0, 0.6, 1.0)],
        Language::Cpp => &[(0.0, 3.0, 0.05, 0.25), (0.0, 3.0, 0.4, 0.6), (0.0, 3.0, 0.75, 0.95)],
        Language::JavaScript => {
            &[(0.0, 3.0, 0.0, 0.16), (0.0, 3.0, 0.28, 0.44), (0.0, 3.0, 0.56, 0.72), (0.0, 3.0, 0.84, 1.0)]
        }
        Language::Jit => &[(0.0, 1.0, 0.0, 1.0), (2.0, 1.0, 0.0, 1.0)],
        Language::Native | Language::Kernel | Language::Unknown => &[],
    }
}

/// Height of a row in device pixels.
fn row_height(ratio: f64) -> f64 {
    (ROW * ratio).round()
}

/// Top of a row in device pixels of the canvas.
fn row_top(row: usize, look: &Look) -> f64 {
    let height = row_height(look.ratio);
    let scroll = (look.view.scroll * look.ratio).round();
    let row = f64::from(u32::try_from(row).unwrap_or(u32::MAX));
    if look.upward { (look.size.1 * look.ratio).round() - (row + 1.0) * height + scroll } else { row * height - scroll }
}

/// The row that many CSS pixels from the first one's outer edge.
fn row_at(pixels: f64) -> Option<usize> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
    let row = (pixels >= 0.0).then_some((pixels / ROW) as usize);
    row
}

/// Diagonal lines over boxes, copied from a strip that was painted once.
fn hatch<'a>(
    context: &CanvasRenderingContext2d,
    strip: Option<&Strip>,
    items: impl Iterator<Item = &'a Item>,
    high: f64,
) {
    let Some((strip, wide)) = strip else { return };
    for item in items.filter(|item| item.width >= 2.0) {
        let (left, right) = (item.x.max(0.0), (item.x + item.width).min(*wide));
        if left < right {
            let (width, y) = (right - left, item.y);
            let copied = context.draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                strip, left, 0.0, width, high, left, y, width, high,
            );
            // Without the lines the box keeps its fill and its name.
            copied.ok();
        }
    }
}

/// A row of diagonal lines.
fn strip(hatching: Rgb, ratio: f64, wide: f64) -> Option<HtmlCanvasElement> {
    let document = web_sys::window()?.document()?;
    let canvas = document.create_element("canvas").ok()?.dyn_into::<HtmlCanvasElement>().ok()?;
    let high = row_height(ratio);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
    let (columns, lines) = (wide as u32, high as u32);
    canvas.set_width(columns);
    canvas.set_height(lines);
    let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    context.set_stroke_style_str(&hatching.css());
    context.set_line_width(ratio.max(1.0));
    let step = (5.0 * ratio).round();
    let mut start = -high;
    context.begin_path();
    while start < wide {
        context.move_to(start, high);
        context.line_to(start + high, 0.0);
        start += step;
    }
    context.stroke();
    Some(canvas)
}
