//! Which caches are meant: names as they were typed, against those that the command makes when it is run once.

use super::sides::{Side, Sides};
use crate::agent::{Kind, Sized, is_pattern, matches, nearest};
use crate::bench::plan::Plan;
use crate::cli::{NewSize, Setting};
use anyhow::{Context, bail};
use perfcollect_shared::format::command_line;
use std::process::{Command, ExitStatus, Stdio};

/// Runs the command once as it is: better known before an hour of measuring. Returns settings with whole names.
///
/// # Errors
/// When a name is of none of its caches or of several, or a cache cannot have that size.
pub(super) fn found(plan: &Plan, asked: &[Setting]) -> anyhow::Result<Vec<Setting>> {
    let sides = Sides::watching()?;
    let ended = run(plan, &sides.all[0])?;
    let made = sides.all[0].read()?;
    let shown = command_line(&plan.benchmarks[0].info.command);
    let failed = if ended.success() { String::new() } else { format!(" ({ended})") };
    let mut settings = Vec::new();
    for setting in asked {
        let names = meant(&setting.name, &made).with_context(|| format!("{shown} was run once to see{failed}"))?;
        for name in names {
            if setting.size == NewSize::Off && made.seen.get(&name) == Some(&Kind::Object) {
                bail!(
                    "{name} cannot be off: the program looks into it itself, and may need what it has just put there; try {name}=1"
                );
            }
            settings.push(Setting { name, size: setting.size });
        }
    }
    Ok(settings)
}

fn run(plan: &Plan, side: &Side) -> anyhow::Result<ExitStatus> {
    let job = &plan.benchmarks[0].job;
    let (name, value) = side.variable();
    Command::new(&job.program)
        .args(job.arguments.iter().skip(1))
        .env(name, value)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", job.program.display()))
}

/// The caches that were typed as this.
fn meant(typed: &str, made: &Sized) -> anyhow::Result<Vec<String>> {
    if made.seen.contains_key(typed) {
        return Ok(vec![typed.to_owned()]);
    }
    let fitting: Vec<&str> = made.seen.keys().map(String::as_str).filter(|name| matches(name, typed)).collect();
    let cannot = made.cannot.iter().find(|(name, _)| matches(name, typed));
    match (fitting.as_slice(), cannot) {
        ([], Some((name, why))) => bail!("{name} cannot be given another size: {why}"),
        ([], None) if made.seen.is_empty() => bail!(
            "no cache {typed} was made: none of functools.lru_cache or cachetools was made after perfcollect came in, or no \
             Python was run"
        ),
        ([], None) => {
            let near = nearest(typed, made.seen.keys().map(String::as_str)).join(", ");
            bail!("no cache {typed} was made; the nearest: {near}")
        }
        ([_, _, ..], _) if !is_pattern(typed) => {
            bail!("{typed} may be any of {}: say more of its name, or *{typed} for all of them", fitting.join(", "))
        }
        _ => Ok(fitting.into_iter().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_is_enough_where_it_is_one_cache() {
        let seen =
            ["__main__.f", "__main__.Shop.price", "lib.f", "lib.other"].map(|name| (name.to_owned(), Kind::Function));
        let cannot = [("__main__.Shop.tax".to_owned(), "no object".to_owned())];
        let made = Sized { seen: seen.into(), cannot: cannot.into(), ..Sized::default() };
        let names = |typed: &str| meant(typed, &made).map_err(|error| error.to_string());
        assert_eq!(names("price"), Ok(vec!["__main__.Shop.price".to_owned()]));
        assert_eq!(names("lib.f"), Ok(vec!["lib.f".to_owned()]));
        assert_eq!(names("lib.*").unwrap().len(), 2);
        let text = names("f").unwrap_err();
        assert!(text.contains("__main__.f, lib.f"), "{text}");
        let text = names("prise").unwrap_err();
        assert!(text.contains("the nearest: __main__.Shop.price"), "{text}");
        assert!(names("tax").unwrap_err().contains("no object"));
        assert!(meant("f", &Sized::default()).unwrap_err().to_string().contains("no Python"));
    }
}
