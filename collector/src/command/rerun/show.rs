//! What would run, in full, for a person to judge: nothing in it may look like something else.
//!
//! Everything shown is from a bundle that a stranger may have made. What a terminal would act on, or not show as it is, is
//! written as an escape that a shell reads as the same text.

use super::Plan;
use perfcollect_shared::format::{count, date, plural};
use perfcollect_shared::model::{Environment, Git};
use std::fmt::Write as _;
use std::path::Path;

/// Programs that run text among their arguments as a script.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "csh", "tcsh"];

/// The lines of the question, without the question.
pub(super) fn lines(plan: &Plan<'_>) -> Vec<String> {
    let (manifest, now) = (plan.manifest, &plan.now);
    let mut lines = vec![
        format!("recorded {}; this is what would run, and nothing else:", visible(&date(&manifest.start))),
        format!("  command    {}", command(plan.command)),
        format!("  program    {}", word(&plan.program.to_string_lossy())),
        format!("  folder     {}", word(&plan.folder.to_string_lossy())),
    ];
    if plan.folder != Path::new(&manifest.cwd) {
        lines.push(format!("             then {}", word(&manifest.cwd)));
    }
    let runs = match plan.recorded {
        1 => String::new(),
        recorded => format!(", as many as were recorded: {}", count(recorded)),
    };
    let runs = if plan.recorded == u64::from(plan.runs) { runs } else { format!("; recorded were {}", plan.recorded) };
    lines.push(format!("  runs       {}{runs}", plan.runs));
    let set = &manifest.settings.injected;
    let set: Vec<String> = set.iter().map(|variable| word(variable)).collect();
    let set = if set.is_empty() { "none of ours".to_owned() } else { format!("set by us then: {}", set.join(" ")) };
    lines.push(format!("  variables  {set}; all others are yours, since a bundle holds none"));
    lines.push(format!("  commit     {}", both(&commit(manifest.git.as_ref()), &commit(now.git.as_ref()))));
    lines.push(format!("  machine    {}", both(&machine(&manifest.environment), &machine(&now.environment))));
    lines.extend(doubts(plan));
    lines
}

fn doubts(plan: &Plan<'_>) -> Vec<String> {
    let mut doubts = Vec::new();
    let name = |text: &str| Path::new(text).file_name().map(|name| name.to_string_lossy().into_owned());
    let shell = plan.command.iter().filter_map(|text| name(text)).find(|name| SHELLS.contains(&name.as_str()));
    if let Some(shell) = shell {
        doubts.push(format!("warning: this starts a shell ({shell}), which runs the text after it as a script"));
    }
    if plan.command.iter().any(|text| visible(text) != *text) {
        doubts.push(
            "warning: the command holds characters that a terminal does not show as they are; they are written as escapes"
                .to_owned(),
        );
    }
    if nix::unistd::geteuid().is_root() && !plan.manifest.environment.root {
        doubts.push("warning: you are root, who recorded it was not".to_owned());
    }
    doubts
}

/// `then` alone where now is the same.
fn both(then: &str, now: &str) -> String {
    if then == now { format!("{then}, now as then") } else { format!("{then} then, {now} now") }
}

fn commit(git: Option<&Git>) -> String {
    let Some(git) = git else { return "none".to_owned() };
    let short: String = git.commit.chars().take(12).collect();
    format!("{}{}", visible(&short), if git.dirty == Some(true) { " with changes" } else { "" })
}

fn machine(environment: &Environment) -> String {
    let Environment { hostname, cpu_model, cpus, kernel, .. } = environment;
    let parts = [hostname.as_str(), cpu_model, &plural(u64::from(*cpus), "processor"), kernel].map(visible);
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ")
}

/// Arguments as a shell would read them back.
pub(super) fn command(words: &[String]) -> String {
    words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back: as it is, in quotes, or with escapes in `$'…'`.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c) || (!c.is_ascii() && shows(c));
    match () {
        () if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        () if text.chars().all(shows) && !text.contains('\'') => format!("'{text}'"),
        () => {
            let escaped = visible(&text.replace('\\', "\\\\").replace('\'', "\\'"));
            format!("$'{escaped}'")
        }
    }
}

/// Text with everything escaped that a terminal acts on or does not show in its place.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing to a string cannot fail.
        match c {
            c if shows(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            c if c.is_ascii() => write!(out, "\\x{:02x}", u32::from(c)).unwrap_or_default(),
            c if u32::from(c) <= 0xffff => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => write!(out, "\\U{:08x}", u32::from(c)).unwrap_or_default(),
        }
    }
    out
}

/// Whether a terminal shows a character as itself, in its place: printable ASCII, and letters and digits of scripts that
/// run from left to right.
fn shows(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    let right_to_left = matches!(u32::from(c), 0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x10800..=0x10fff
        | 0x1e800..=0x1efff);
    // Letters by name that have no shape.
    let shapeless = matches!(c, '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}');
    c.is_alphanumeric() && !right_to_left && !shapeless
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_is_shown_is_what_runs() {
        let check = |text: &str, expect: &str| {
            assert_eq!(word(text), expect);
            // The independent reader: a real shell.
            let script = format!("export LC_ALL=C.UTF-8; printf %s {expect}");
            let output =
                Command::new("bash").args(["-c", &script]).output().expect("install bash: apt-get install bash");
            assert_eq!(String::from_utf8_lossy(&output.stdout), text, "{expect}");
        };
        check("orders.py", "orders.py");
        check("", "''");
        check("a b", "'a b'");
        check("it's", "$'it\\'s'");
        check("größe-数据.py", "größe-数据.py");
        check("rm -rf / #\u{1b}[2K\r", "$'rm -rf / #\\e[2K\\x0d'");
        check("two\nlines", "$'two\\nlines'");
        check("back\\slash\u{7}", "$'back\\\\slash\\x07'");
        check("a\u{202e}gpj.exe", "$'a\\u202egpj.exe'");
        check("zero\u{200b}width", "$'zero\\u200bwidth'");
        check("\u{3164}", "$'\\u3164'");
        check("שלום", "$'\\u05e9\\u05dc\\u05d5\\u05dd'");
        check("tag\u{e0041}", "$'tag\\U000e0041'");
    }
}
