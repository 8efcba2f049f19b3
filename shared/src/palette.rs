//! Colours of code: hue by package, lightness by whose code it is. Computed in OKLCH, so that all are equally loud.
//!
//! Must not know what a package is (see `derive::package`) nor paint.

use crate::model::FunctionKind;

/// Number of hues that packages are spread over.
pub const HUES: usize = 12;
/// Number of colours of a [`Palette`].
pub const COLOURS: usize = 2 * HUES + 2;

/// Red, green and blue of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// A fill and the colour of text on it, at a contrast of at least 4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub fill: Rgb,
    pub text: Rgb,
}

/// All colours of frames for one theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Own code by hue, then packages by hue, then runtime and kernel: see [`colour_index`].
    pub colours: Vec<Colour>,
    /// Frames that a search does not find, and the frame of everything.
    pub neutral: Colour,
    /// Frames that a search finds.
    pub found: Colour,
    /// Outline of the chosen frame.
    pub accent: Rgb,
    /// Frames of a comparison, see [`Shade`].
    pub effects: Vec<Colour>,
}

/// Steps of the colours for more and for less.
pub const STEPS: usize = 4;

/// What the colour of a frame says in a comparison of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shade {
    /// More than before, by this many steps, from 1.
    Worse(usize),
    /// Less than before.
    Better(usize),
    /// Nothing that can be told from noise.
    Same,
    New,
    Gone,
}

impl Shade {
    /// Row of [`Palette::effects`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Worse(step) => step.clamp(1, STEPS) - 1,
            Self::Better(step) => STEPS + step.clamp(1, STEPS) - 1,
            Self::Same => 2 * STEPS,
            Self::New => 2 * STEPS + 1,
            Self::Gone => 2 * STEPS + 2,
        }
    }

    /// The step of a difference where `most` is the largest.
    #[must_use]
    pub fn step(difference: f64, most: f64) -> usize {
        let part = if most > 0.0 { difference.abs() / most } else { 0.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "1 to 4"
        )]
        let step = (part * STEPS as f64).ceil().clamp(1.0, STEPS as f64) as usize;
        step
    }
}

/// Row of a palette for a function of this package and kind; the same on every machine.
#[must_use]
pub fn colour_index(package: &str, kind: FunctionKind) -> usize {
    match kind {
        FunctionKind::Own => hue_of(package),
        FunctionKind::Library => HUES + hue_of(package),
        FunctionKind::Runtime | FunctionKind::Waiting => 2 * HUES,
        FunctionKind::Kernel => 2 * HUES + 1,
    }
}

/// Hue of a package: FNV-1a of its name, <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn hue_of(package: &str) -> usize {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = package.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    // The low bits of FNV alone are poor for short names.
    usize::try_from((hash ^ (hash >> 32)) % HUES as u64).unwrap_or(0)
}

impl Palette {
    /// The palette of the light or the dark theme.
    #[must_use]
    pub fn new(dark: bool) -> Self {
        let (own, library, runtime, kernel, found) = if dark {
            ((0.52, 0.115), (0.38, 0.045), 0.34, 0.40, (0.83, 0.15))
        } else {
            ((0.77, 0.115), (0.90, 0.045), 0.90, 0.82, (0.52, 0.22))
        };
        let hues = |(lightness, chroma): (f64, f64)| {
            (0..HUES).map(move |hue| colour(lightness, chroma, 20.0 + 30.0 * f64::from(u8::try_from(hue).unwrap_or(0))))
        };
        let greys = [runtime, kernel].map(|lightness| colour(lightness, 0.0, 0.0));
        Self {
            colours: hues(own).chain(hues(library)).chain(greys).collect(),
            neutral: if dark { colour(0.30, 0.0, 0.0) } else { colour(0.93, 0.0, 0.0) },
            found: colour(found.0, found.1, if dark { 95.0 } else { 330.0 }),
            effects: effects(dark),
            accent: if dark { oklch(0.80, 0.12, 250.0) } else { oklch(0.45, 0.18, 260.0) },
        }
    }
}

impl Rgb {
    /// As CSS writes it: `#1f3c9a`.
    #[must_use]
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Relative luminance, <https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>.
    #[must_use]
    pub fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { root(((value + 0.055) / 1.055).powi(12), 5) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }
}

/// Contrast of two colours, 1 to 21, <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>.
#[must_use]
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (a.luminance(), b.luminance());
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Colours of a comparison: orange-red and blue are told apart by colour-blind readers too.
fn effects(dark: bool) -> Vec<Colour> {
    // From the smallest step to the largest: lightness and chroma.
    let steps = if dark {
        [(0.36, 0.05), (0.43, 0.08), (0.50, 0.12), (0.56, 0.16)]
    } else {
        [(0.92, 0.045), (0.86, 0.085), (0.80, 0.12), (0.73, 0.16)]
    };
    let hue = |hue: f64| steps.into_iter().map(move |(lightness, chroma)| colour(lightness, chroma, hue));
    let rest = if dark {
        [(0.33, 0.0, 0.0), (0.45, 0.11, 310.0), (0.205, 0.012, 262.0)]
    } else {
        [(0.90, 0.0, 0.0), (0.82, 0.09, 310.0), (1.0, 0.0, 0.0)]
    };
    hue(42.0).chain(hue(252.0)).chain(rest.into_iter().map(|(l, c, h)| colour(l, c, h))).collect()
}

/// A fill with the black or white text that is read better on it.
fn colour(lightness: f64, chroma: f64, hue: f64) -> Colour {
    const DARK: Rgb = Rgb(0x14, 0x16, 0x1a);
    const LIGHT: Rgb = Rgb(0xff, 0xff, 0xff);
    let fill = oklch(lightness, chroma, hue);
    let text = if contrast(fill, DARK) >= contrast(fill, LIGHT) { DARK } else { LIGHT };
    Colour { fill, text }
}

/// OKLCH to sRGB, <https://bottosson.github.io/posts/oklab/>; less chroma where sRGB does not reach that far.
#[must_use]
pub fn oklch(lightness: f64, chroma: f64, hue_degrees: f64) -> Rgb {
    let (sin, cos) = sin_cos(hue_degrees);
    let mut chroma = chroma;
    loop {
        let linear = oklab_to_linear(lightness, chroma * cos, chroma * sin);
        if chroma <= 0.0 || linear.iter().all(|value| (-1e-4..=1.0001).contains(value)) {
            let [red, green, blue] = linear.map(to_byte);
            return Rgb(red, green, blue);
        }
        chroma -= 0.005;
    }
}

/// Sine and cosine of an angle in degrees by their series around the nearest right angle, right to 1e-9: enough for a
/// colour, and without the 8 KB that arguments of any size would cost the page's module.
fn sin_cos(degrees: f64) -> (f64, f64) {
    let quarter = (degrees / 90.0).round();
    let x = (degrees - 90.0 * quarter).to_radians();
    let square = x * x;
    let sin = x * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))));
    let cos = 1.0
        - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0 * (1.0 - square / 90.0))));
    match quarter.rem_euclid(4.0) {
        1.0 => (cos, -sin),
        2.0 => (-sin, -cos),
        3.0 => (-cos, sin),
        _ => (sin, cos),
    }
}

fn oklab_to_linear(lightness: f64, a: f64, b: f64) -> [f64; 3] {
    let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short,
    ]
}

/// The root of a number between 0 and 1 by Newton's steps: powers of any exponent would bring 6 KB of tables into the page.
fn root(number: f64, degree: i32) -> f64 {
    let mut root: f64 = 1.0;
    for _ in 0..200 {
        let next = root - (root - number / root.powi(degree - 1)) / f64::from(degree);
        if next >= root {
            break;
        }
        root = next;
    }
    root
}

fn to_byte(linear: f64) -> u8 {
    let value = linear.clamp(0.0, 1.0);
    let encoded = if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * root(value.powi(5), 12) - 0.055 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
    let byte = (encoded * 255.0).round() as u8;
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_agrees_with_the_library() {
        for degrees in (-720..=720).step_by(7).map(f64::from) {
            let (sin, cos) = sin_cos(degrees);
            let (expect_sin, expect_cos) = degrees.to_radians().sin_cos();
            assert!((sin - expect_sin).abs() < 1e-8 && (cos - expect_cos).abs() < 1e-8, "{degrees}: {sin} {cos}");
        }
    }

    #[test]
    fn roots_agree_with_the_library() {
        for value in (1..=255).map(|value| f64::from(value) / 255.0) {
            assert!((root(value.powi(12), 5) - value.powf(2.4)).abs() < 1e-12, "{value}");
            assert!((root(value.powi(5), 12) - value.powf(1.0 / 2.4)).abs() < 1e-12, "{value}");
        }
    }

    #[test]
    fn text_is_readable_on_every_colour() {
        for dark in [false, true] {
            let palette = Palette::new(dark);
            assert_eq!(palette.colours.len(), COLOURS);
            assert_eq!(palette.effects.len(), Shade::Gone.index() + 1);
            let all = palette.colours.iter().chain([&palette.neutral, &palette.found]).chain(&palette.effects);
            for colour in all {
                let contrast = contrast(colour.fill, colour.text);
                assert!(contrast >= 4.5, "{contrast:.2} for {} on {}", colour.text.css(), colour.fill.css());
            }
        }
    }

    #[test]
    fn effects_are_told_apart() {
        assert_eq!((Shade::step(0.1, 10.0), Shade::step(-10.0, 10.0), Shade::step(5.1, 10.0)), (1, 4, 3));
        assert_eq!(Shade::step(0.0, 0.0), 1);
        for dark in [false, true] {
            let effects = Palette::new(dark).effects;
            for (index, colour) in effects.iter().enumerate() {
                assert!(!effects[..index].contains(colour), "{index} {colour:?}");
            }
        }
    }

    #[test]
    fn conversions_agree_with_known_values() {
        assert_eq!(oklch(1.0, 0.0, 0.0), Rgb(255, 255, 255));
        assert_eq!(oklch(0.0, 0.0, 0.0), Rgb(0, 0, 0));
        assert_eq!(oklch(0.627_955, 0.257_683, 29.233_88), Rgb(255, 0, 0));
        assert_eq!(oklch(0.452_01, 0.313_21, 264.052), Rgb(0, 0, 255));
        assert!((contrast(Rgb(0, 0, 0), Rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
    }

    #[test]
    fn colours_are_stable_and_spread() {
        assert_eq!(colour_index("numpy", FunctionKind::Own) + HUES, colour_index("numpy", FunctionKind::Library));
        let names =
            ["json", "csv", "numpy", "orders.py", "db.py", "serde_json", "app", "libc", "sqlite3", "flask", "re", "os"];
        let hues: std::collections::BTreeSet<usize> = names.iter().map(|name| hue_of(name)).collect();
        assert!(hues.len() >= 6, "{hues:?}");
        assert_eq!(colour_index("x", FunctionKind::Kernel), COLOURS - 1);
    }
}
