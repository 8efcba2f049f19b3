//! Names of caches as people type them: the end of one is enough, and `*` and `?` stand for any letters. Says which were
//! of nothing that the programs had.

use super::AgentProcess;
use perfcollect_shared::model::Warning;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a text stands for as many names as it fits.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a name, or the end of it behind a dot, is what was typed. As `key_names` of the recorder, but for `[…]`.
#[must_use]
pub fn matches(name: &str, typed: &str) -> bool {
    let (name, typed): (Vec<char>, Vec<char>) = (name.chars().collect(), typed.chars().collect());
    fits(&name, &typed) || fits(&name, &[&['*', '.'], typed.as_slice()].concat())
}

fn fits(name: &[char], pattern: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    // Of the last star, and what it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(place) {
            Some('*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(&letter) if letter == '?' || letter == name[at] => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((stands, until)) = star else { return false };
                (at, place) = (until + 1, stands + 1);
                star = Some((stands, until + 1));
            }
        }
    }
    pattern[place..].iter().all(|&letter| letter == '*')
}

/// The few names that are most like what was typed, the whole or the end of each.
#[must_use]
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const SHOWN: usize = 3;
    let distance = |name: &str| {
        let ends = name.char_indices().filter(|(_, letter)| *letter == '.').map(|(at, _)| &name[at + 1..]);
        ends.chain([name]).map(|end| strsim::damerau_levenshtein(typed, end)).min()
    };
    let mut near: Vec<_> = names.map(|name| (distance(name), name)).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(SHOWN).map(|(_, name)| name).collect()
}

/// A line of what the recorder tells; the first word is whether functions without a cache are meant.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Pattern((bool, String)),
    Fits((bool, String)),
    /// A name that nothing was traced of, and why not where a pattern fits it.
    Other((bool, String, Option<String>)),
}

/// What was asked for by a name that nothing has, with the names that are near.
pub(super) fn unknown(processes: &[AgentProcess]) -> Vec<Warning> {
    let (mut asked, mut fitted) = (BTreeSet::new(), BTreeSet::new());
    let mut others: [BTreeMap<String, Option<String>>; 2] = Default::default();
    for process in processes {
        let read = process.appended("names", |line: Line| match line {
            Line::Pattern(pattern) => {
                asked.insert(pattern);
            }
            Line::Fits(pattern) => {
                fitted.insert(pattern);
            }
            Line::Other((candidate, name, why)) => {
                others[usize::from(candidate)].insert(name, why);
            }
        });
        if read.is_err() {
            // Nothing is said rather than something wrong.
            return Vec::new();
        }
    }
    asked
        .difference(&fitted)
        .map(|(candidate, pattern)| warning(*candidate, pattern, &others[usize::from(*candidate)]))
        .collect()
}

fn warning(candidate: bool, pattern: &str, others: &BTreeMap<String, Option<String>>) -> Warning {
    let (option, what) =
        if candidate { ("--cache-candidates", "function was called") } else { ("--cache-trace", "cache was made") };
    let why = others.iter().find_map(|(name, why)| Some((name, why.as_ref().filter(|_| matches(name, pattern))?)));
    let near = nearest(pattern, others.keys().map(String::as_str)).join(", ");
    let (reason, fix) = match why {
        Some((name, why)) => (format!("{name} is not traced: {why}"), String::new()),
        None if near.is_empty() => (format!("no {what}, so that nothing was traced"), String::new()),
        None => (format!("no {what} that fits it"), format!("the nearest: {near}")),
    };
    Warning::Cache { what: format!("{option} {pattern}"), reason, fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_or_a_pattern_fits() {
        for (typed, fitting) in [
            ("__main__.Shop.price", true),
            ("Shop.price", true),
            ("price", true),
            ("rice", false),
            ("Shop", false),
            ("*", true),
            ("__main__.*", true),
            ("Shop.*", true),
            ("*.pr?ce", true),
            ("*.pr?", false),
            ("*i*e*", true),
            ("", false),
            ("größe", false),
        ] {
            assert_eq!(matches("__main__.Shop.price", typed), fitting, "{typed}");
        }
        assert!(matches("m.größe", "gr??e") && !is_pattern("größe") && is_pattern("gr*"));
    }

    #[test]
    fn near_names_are_near_by_their_end() {
        let names = ["__main__.square", "__main__.Shop.price", "a.b", "re._compile"];
        assert_eq!(nearest("sqare", names.into_iter())[0], "__main__.square");
        assert_eq!(nearest("shop.prices", names.into_iter())[0], "__main__.Shop.price");
        assert_eq!(nearest("x", names.into_iter()).len(), 3);
    }
}
