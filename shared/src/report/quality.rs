//! How good a recording is, in figures and in one line: rates, losses, gaps in stacks and names, own cost.

use crate::format::{count, duration, plural, share, significant};
use crate::model::{Bundle, Profile, ProfileInfo, is_recorder};
use crate::units::Nanos;
use serde::Serialize;

/// Own cost below this share of the program's CPU time is low, below the next moderate.
const LOW: f64 = 0.02;
const MODERATE: f64 = 0.10;
/// With less CPU time than this in the program a share of it says nothing: starting up alone is a few milliseconds.
const ENOUGH_CPU: Nanos = Nanos(100 * Nanos::MILLISECOND.0);
/// How much we cost beside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverheadClass {
    Low,
    Moderate,
    High,
}

/// The figures of the honesty line. `null` is not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Native stacks a second of CPU time.
    pub asked_hz: Option<f64>,
    pub reached_hz: Option<f64>,
    /// Looks at Python stacks a second.
    pub python_asked_hz: Option<f64>,
    pub python_reached_hz: Option<f64>,
    pub samples: u64,
    pub lost: Option<u64>,
    /// Times that the kernel throttled sampling.
    pub throttled: Option<u64>,
    pub unwind_failures: u64,
    pub truncated_stacks: u64,
    /// Of all samples, 0 to 1.
    pub unsymbolicated_share: Option<f64>,
    /// CPU time in code that we injected, of all, 0 to 1.
    pub own_share: Option<f64>,
    /// From the share below.
    pub overhead_class: Option<OverheadClass>,
    /// CPU time of the collector over that of the program; `null` where that ran for less than 0.1 s.
    pub overhead_cpu_share: Option<f64>,
    /// All of it for people.
    pub line: String,
}

/// How good the main profile of a bundle is.
#[must_use]
pub fn quality(bundle: &Bundle) -> Quality {
    let manifest = &bundle.manifest;
    let profile = bundle.main_profile();
    let listed = manifest.profiles.iter().find(|info| info.name == "cpu").or(manifest.profiles.first());
    let Some(info) = profile.map(|profile| &profile.info).or(listed) else {
        return Quality { line: "no stacks were sampled".into(), ..Default::default() };
    };
    let (own, program) = (manifest.overhead.collector_cpu_ns, manifest.cpu_ns);
    let overhead = own.zip(program).filter(|(_, cpu)| *cpu >= ENOUGH_CPU).map(|(own, cpu)| own.share_of(cpu));
    // What the agents measured of themselves holds what no sample shows; else samples in their code tell.
    let agents = manifest.overhead.agent_cpu_ns.zip(program).map(|(agents, cpu)| agents.share_of(cpu).min(1.0));
    let mut quality = Quality {
        asked_hz: info.rate_hz,
        reached_hz: info.reached_hz,
        python_asked_hz: info.python_rate_hz,
        python_reached_hz: info.python_reached_hz,
        samples: info.samples,
        lost: info.lost,
        throttled: info.throttled,
        unwind_failures: info.unwind_failures,
        truncated_stacks: info.truncated_stacks,
        unsymbolicated_share: (info.samples > 0).then(|| Nanos(info.unsymbolicated).share_of(Nanos(info.samples))),
        own_share: agents.or_else(|| profile.and_then(|profile| own_share(profile))),
        overhead_class: overhead.map(class),
        overhead_cpu_share: overhead,
        line: String::new(),
    };
    quality.line = line(&quality, info, own);
    quality
}

fn class(share: f64) -> OverheadClass {
    match share {
        share if share < LOW => OverheadClass::Low,
        share if share < MODERATE => OverheadClass::Moderate,
        _ => OverheadClass::High,
    }
}

/// Share of the time in stacks that hold a function of ours.
fn own_share(profile: &Profile) -> Option<f64> {
    let whole = profile.samples.total_weight();
    let ours: Vec<bool> =
        profile.functions.rows.iter().map(|function| is_recorder(profile.string(function.file))).collect();
    if !ours.contains(&true) {
        return (whole > Nanos::ZERO).then_some(0.0);
    }
    let stacks = &profile.stacks;
    let mut within = vec![false; stacks.len()];
    for row in 0..stacks.len() {
        let stack = crate::model::StackId::from_index(row);
        // A prefix is a smaller row.
        let above = stacks.prefix(stack).is_some_and(|prefix| within[prefix.index()]);
        within[row] = above || ours[profile.frame_function(stacks.frame(stack)).index()];
    }
    let samples = profile.samples.stack.iter().zip(&profile.samples.weight);
    let own: Nanos = samples.filter(|(stack, _)| within[stack.index()]).map(|(_, weight)| *weight).sum();
    (whole > Nanos::ZERO).then(|| own.share_of(whole))
}

/// `998 of 999 Hz reached, 1,996 samples, 0 lost, 0.2 % not unwound, 1.1 % without symbols, own cost 1.4 % of CPU (low)`.
fn line(quality: &Quality, info: &ProfileInfo, own: Option<Nanos>) -> String {
    let mut parts = rates(quality);
    parts.push(plural(quality.samples, "sample"));
    parts.push(quality.lost.map_or_else(|| "lost ones not counted".into(), |lost| format!("{} lost", count(lost))));
    if let Some(times) = quality.throttled.filter(|&times| times > 0) {
        parts.push(format!("throttled {}", plural(times, "time")));
    }
    let part = |number: u64| share(Nanos(number).share_of(Nanos(info.samples)));
    if info.rate_hz.is_some() && info.samples > 0 {
        parts.push(format!("{} not unwound", part(quality.unwind_failures)));
    }
    if quality.truncated_stacks > 0 {
        parts.push(format!("{} cut", part(quality.truncated_stacks)));
    }
    if let Some(unnamed) = quality.unsymbolicated_share.filter(|_| info.rate_hz.is_some()) {
        parts.push(format!("{} without symbols", share(unnamed)));
    }
    if let Some(own) = quality.own_share.filter(|&own| own > 0.0) {
        parts.push(format!("{} in our own agents", share(own)));
    }
    parts.extend(match (quality.overhead_cpu_share, quality.overhead_class, own) {
        (Some(cost), Some(class), _) => {
            let class = match class {
                OverheadClass::Low => "low",
                OverheadClass::Moderate => "moderate",
                OverheadClass::High => "high",
            };
            Some(format!("own cost {} of CPU ({class})", share(cost)))
        }
        (_, _, Some(own)) => Some(format!("own cost {} of CPU", duration(own))),
        _ => None,
    });
    parts.join(", ")
}

fn rates(quality: &Quality) -> Vec<String> {
    let both = quality.asked_hz.is_some() && quality.python_asked_hz.is_some();
    let rate = |asked: Option<f64>, reached: Option<f64>, what: &str| {
        let what = if both { what } else { "" };
        let asked = asked?;
        Some(match reached {
            // More than was asked for is chance.
            Some(reached) => format!("{} of {} Hz{what} reached", significant(reached.min(asked)), significant(asked)),
            None => format!("{} Hz{what} asked", significant(asked)),
        })
    };
    let native = rate(quality.asked_hz, quality.reached_hz, " native");
    native.into_iter().chain(rate(quality.python_asked_hz, quality.python_reached_hz, " Python")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::sync::Arc;

    fn bundle(info: impl FnOnce(&mut ProfileInfo)) -> Bundle {
        let mut profile = testing::profile("A A A A\nB B B C");
        info(&mut profile.info);
        let mut bundle = Bundle { profiles: vec![Arc::new(profile)], ..Default::default() };
        bundle.manifest.cpu_ns = Some(Nanos::SECOND);
        bundle
    }

    #[test]
    fn one_line_says_how_good_it_is() {
        let mut bundle = bundle(|info| {
            (info.rate_hz, info.reached_hz) = (Some(999.0), Some(998.2));
            (info.unwind_failures, info.unsymbolicated, info.throttled) = (1, 2, Some(0));
        });
        bundle.manifest.overhead.collector_cpu_ns = Some(Nanos(14 * Nanos::MILLISECOND.0));
        let quality = super::quality(&bundle);
        let expect = "998 of 999 Hz reached, 4 samples, 0 lost, 25 % not unwound, 50 % without symbols, \
                      own cost 1.4 % of CPU (low)";
        assert_eq!(quality.line, expect);
        assert_eq!((quality.overhead_class, quality.own_share), (Some(OverheadClass::Low), Some(0.0)));
        let json = serde_json::to_value(&quality).unwrap();
        assert_eq!((json["overhead_class"].as_str(), json["python_reached_hz"].is_null()), (Some("low"), true));
    }

    #[test]
    fn what_was_not_measured_is_not_claimed() {
        let mut bundle = bundle(|info| {
            (info.python_rate_hz, info.lost, info.throttled, info.truncated_stacks) = (Some(100.0), None, Some(3), 1);
        });
        bundle.manifest.cpu_ns = Some(Nanos(3));
        bundle.manifest.overhead.collector_cpu_ns = Some(Nanos(12 * Nanos::MILLISECOND.0));
        let quality = super::quality(&bundle);
        let expect = "1,000 Hz native asked, 100 Hz Python asked, 4 samples, lost ones not counted, \
                      throttled 3 times, 0 % not unwound, 25 % cut, 0 % without symbols, own cost 12.0 ms of CPU";
        assert_eq!(quality.line, expect);
        assert_eq!((quality.reached_hz, quality.overhead_class, quality.overhead_cpu_share), (None, None, None));
        let nothing = super::quality(&Bundle::default());
        assert_eq!((nothing.line.as_str(), nothing.own_share), ("no stacks were sampled", None));
    }

    #[test]
    fn cost_has_three_classes() {
        let classes = [0.019, 0.02, 0.099, 0.1].map(class);
        assert_eq!(
            classes,
            [OverheadClass::Low, OverheadClass::Moderate, OverheadClass::Moderate, OverheadClass::High]
        );
    }
}
