//! The answer of the first screen: where the time went, in whose code, and how sure that is.

use super::interval::{effective_samples, plus_minus_points};
use super::selection::{FunctionKey, Selected, Selection, selected_rows};
use super::top_table::{FunctionGroups, TopRow, TopTable, add_up, top_table_of};
use crate::format::{count, duration, plural, plus_minus, program, share, significant};
use crate::model::{Bundle, FunctionId, Manifest, Profile};
use crate::units::Nanos;

/// Functions that the first screen names.
const ROWS: usize = 3;
/// Under this share of the time own code is "hardly any", and all functions are named instead.
const HARDLY_ANY: f64 = 0.05;
/// Callers named in a chain.
const CHAIN: usize = 3;
/// Under this many samples a share is a hint.
const FEW: u64 = 30;

/// What the first screen says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// `orders.py spent 12.4 s, 9.83 s of it computing on one core.`
    pub sentence: String,
    /// Where the time went and how sure that is; empty without samples.
    pub finding: String,
    /// `1,240 samples at 499 Hz (native) and 100 Hz (Python), 0 lost`.
    pub recorded: String,
    /// Whose functions the rows are.
    pub basis: Basis,
    /// What the basis means, for people.
    pub basis_text: String,
    /// At most three, most time first.
    pub rows: Vec<OverviewRow>,
    /// Wall time in which the tree computed nothing, as far as one core's worth of CPU time shows.
    pub waiting_ns: Option<Nanos>,
    /// What limits the figures above, beside the warnings.
    pub doubts: Vec<String>,
}

/// Which functions were ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Nothing was sampled.
    #[default]
    Nothing,
    /// The user's own functions; library time is charged to the nearest own caller.
    Own,
    /// All functions by their own self time: there is hardly any own code.
    All,
}

/// One of the things that matter most.
#[derive(Clone, Debug, PartialEq)]
pub struct OverviewRow {
    pub function: FunctionId,
    pub key: FunctionKey,
    pub name: String,
    pub file: String,
    pub line: u32,
    /// Of all CPU time, 0 to 1.
    pub share: f64,
    /// Half of the 95 % interval, in points of percent.
    pub plus_minus_points: f64,
    pub weight: Nanos,
    pub samples: u64,
    /// Nearest caller first, on its heaviest path.
    pub called_by: Vec<String>,
    /// How many times less CPU time the program would need if this cost nothing, see [`bound`].
    pub bound: Option<f64>,
    /// The bound in words.
    pub bound_text: String,
}

/// The first screen of a bundle.
#[must_use]
pub fn overview(bundle: &Bundle) -> Overview {
    let manifest = &bundle.manifest;
    let mut overview = Overview {
        sentence: sentence(manifest),
        recorded: recorded(bundle),
        waiting_ns: manifest.wall_ns.zip(manifest.cpu_ns).map(|(wall, cpu)| wall - cpu),
        ..Default::default()
    };
    let Some(profile) = bundle.main_profile().filter(|profile| profile.samples.total_weight() > Nanos::ZERO) else {
        overview.basis_text = no_samples(manifest);
        return overview;
    };
    let own = Selection { hide_library: true, ..Default::default() };
    let mut selected = selected_rows(profile, &own);
    let mut table = top_table_of(profile, &selected);
    let own_weight: Nanos = table.rows.iter().map(|row| row.self_weight).sum();
    let own_share = own_weight.share_of(table.weight);
    overview.basis = Basis::Own;
    overview.basis_text = if own_share >= 0.995 {
        "your functions; time in libraries counts for the function of yours that called them".into()
    } else {
        let other = share(1.0 - own_share);
        format!(
            "your functions; time in libraries counts for the function of yours that called them ({other} has none)"
        )
    };
    if own_share < HARDLY_ANY {
        selected = selected_rows(profile, &Selection::default());
        table = top_table_of(profile, &selected);
        overview.basis = Basis::All;
        overview.basis_text = "all functions by their own time: hardly any of the code that ran is yours".into();
    }
    overview.rows = rows(manifest, profile, &selected, &table);
    overview.finding = finding(&overview, &table);
    overview.doubts = doubts(manifest, profile, &table);
    overview
}

fn rows(manifest: &Manifest, profile: &Profile, selected: &Selected, table: &TopTable) -> Vec<OverviewRow> {
    let samples = effective_samples(profile);
    let chains = Chains::new(profile, selected);
    let top = table.rows.iter().filter(|row| row.self_weight > Nanos::ZERO).take(ROWS);
    top.map(|row: &TopRow| {
        let function = row.function;
        let share = row.self_weight.share_of(table.weight);
        let bound = bound(share);
        OverviewRow {
            function,
            key: FunctionKey::of(profile, function),
            name: profile.function_name(function).to_owned(),
            file: profile.function_file(function).to_owned(),
            line: profile.function(function).start_line,
            share,
            plus_minus_points: plus_minus_points(share, samples),
            weight: row.self_weight,
            samples: row.self_samples,
            called_by: chains.callers(function),
            bound,
            bound_text: bound_text(manifest, bound),
        }
    })
    .collect()
}

/// How many times less time is needed when a part of it becomes free: 1 / (1 - share) (Amdahl 1967, AFIPS 30:483-485).
/// `None` where nothing would be left.
#[must_use]
pub fn bound(share: f64) -> Option<f64> {
    let rest = 1.0 - share;
    (rest > 0.0005).then(|| 1.0 / rest)
}

/// The bound is of CPU time; it is one of the run only where the run is computing on one core.
fn bound_text(manifest: &Manifest, bound: Option<f64>) -> String {
    let Some(bound) = bound else { return "all of the CPU time".into() };
    let busy = manifest.wall_ns.zip(manifest.cpu_ns).map(|(wall, cpu)| cpu.share_of(wall));
    let factor = significant(bound);
    if busy.is_some_and(|cores| (0.9..1.1).contains(&cores)) {
        format!("at most {factor}x faster if it were free")
    } else {
        format!("at most {factor}x less CPU time if it were free")
    }
}

fn sentence(manifest: &Manifest) -> String {
    let name = program(&manifest.command);
    let runs = match manifest.summary.runs {
        0 => String::new(),
        runs => format!(" in {}", plural(runs, "run")),
    };
    let ending = match (manifest.exit.code, manifest.exit.signal) {
        (_, Some(signal)) => format!(" It was killed by signal {signal}."),
        (Some(0), None) => String::new(),
        (Some(code), None) => format!(" It ended with exit code {code}."),
        (None, None) => " How it ended was not seen.".into(),
    };
    let cpus = manifest.environment.cpus;
    let time = match (manifest.wall_ns, manifest.cpu_ns) {
        (None, None) => format!("{name} ran for a time that was not measured."),
        (None, Some(cpu)) => format!("{name} computed for {}{runs}; its wall time was not measured.", duration(cpu)),
        (Some(wall), None) => format!("{name} spent {}{runs}; its CPU time was not measured.", duration(wall)),
        (Some(wall), Some(cpu)) => match cpu.share_of(wall) {
            cores if cores > 1.05 => {
                let of = if cpus > 0 { format!(" of {cpus}") } else { String::new() };
                let cores = significant(cores);
                format!(
                    "{name} spent {}{runs}, computing on {cores}{of} cores ({} of CPU time).",
                    duration(wall),
                    duration(cpu)
                )
            }
            cores if cores < 0.5 => {
                format!(
                    "{name} spent {}{runs}, {} of it waiting and {} computing.",
                    duration(wall),
                    duration(wall - cpu),
                    duration(cpu)
                )
            }
            _ => format!("{name} spent {}{runs}, {} of it computing on one core.", duration(wall), duration(cpu)),
        },
    };
    time + &ending
}

fn finding(overview: &Overview, table: &TopTable) -> String {
    let Some(first) = overview.rows.first() else { return String::new() };
    let with = if overview.basis == Basis::Own { " and the library code that it calls" } else { "" };
    format!(
        "{} of CPU time is in {}{with}; {}, {} points.",
        share(first.share),
        first.name,
        plural(table.samples, "sample"),
        plus_minus(first.plus_minus_points)
    )
}

/// Rates, samples and losses of the main profile.
fn recorded(bundle: &Bundle) -> String {
    let infos = &bundle.manifest.profiles;
    let listed = infos.iter().find(|info| info.name == "cpu").or(infos.first());
    let Some(info) = bundle.main_profile().map(|profile| &profile.info).or(listed) else {
        return "no stacks were sampled".into();
    };
    recording(info.samples, info.lost, info.rate_hz, info.python_rate_hz)
}

/// How a profile was sampled: `1,240 samples at 499 Hz (native) and 100 Hz (Python), 0 lost`.
#[must_use]
pub fn recording(samples: u64, lost: Option<u64>, rate_hz: Option<f64>, python_rate_hz: Option<f64>) -> String {
    let rates: Vec<String> = [(rate_hz, "native"), (python_rate_hz, "Python")]
        .into_iter()
        .filter_map(|(rate, what)| Some(format!("{} Hz ({what})", significant(rate?))))
        .collect();
    let at = if rates.is_empty() { String::new() } else { format!(" at {}", rates.join(" and ")) };
    let lost = lost.map_or_else(|| "lost ones not counted".into(), |lost| format!("{} lost", count(lost)));
    format!("{}{at}, {lost}", plural(samples, "sample"))
}

fn no_samples(manifest: &Manifest) -> String {
    let asked = manifest.settings.native_rate_hz.or(manifest.settings.python_rate_hz);
    let short = Nanos(20 * Nanos::MILLISECOND.0);
    match (manifest.wall_ns, manifest.cpu_ns) {
        (Some(wall), _) if wall < short => {
            "no samples: the program ended before one was due; a longer run or a higher --rate records some".into()
        }
        (_, Some(cpu)) if cpu < short => "no samples: the program hardly computed, it waited; see the timeline".into(),
        _ if asked.is_none() => {
            "no samples: no sampler ran; `perfcollect doctor` says what can be recorded here".into()
        }
        _ => "no samples: the samplers saw nothing; the warnings and `perfcollect doctor` say why".into(),
    }
}

fn doubts(manifest: &Manifest, profile: &Profile, table: &TopTable) -> Vec<String> {
    let mut doubts = Vec::new();
    if table.samples < FEW {
        doubts.push(format!(
            "only {}: take shares as a hint; a longer run or a higher --rate gives more",
            plural(table.samples, "sample")
        ));
    }
    if let Some(cpu) = manifest.cpu_ns {
        let seen = profile.samples.total_weight();
        let worth_saying = cpu > Nanos(20 * Nanos::MILLISECOND.0);
        if worth_saying && (seen.share_of(cpu) - 1.0).abs() > 0.1 {
            doubts.push(format!(
                "the samples stand for {} of CPU time, the kernel counted {}: shares are of what was sampled",
                duration(seen),
                duration(cpu)
            ));
        }
    }
    doubts
}

/// Heaviest way up from each function.
struct Chains<'a> {
    profile: &'a Profile,
    selected: &'a Selected,
    groups: FunctionGroups,
    /// Weight that passed through each node.
    weights: Vec<Nanos>,
}

impl<'a> Chains<'a> {
    fn new(profile: &'a Profile, selected: &'a Selected) -> Self {
        let (mut weights, mut counts) = selected.self_sums(profile);
        add_up(&selected.tree, &mut weights, &mut counts);
        Self { profile, selected, groups: FunctionGroups::new(profile), weights }
    }

    /// Names of the callers on the function's heaviest path, nearest first, each once.
    fn callers(&self, function: FunctionId) -> Vec<String> {
        let tree = &self.selected.tree;
        let wanted = self.groups.of(function);
        let nodes = tree.nodes().filter(|&(_, _, other)| self.groups.of(other) == wanted);
        let Some((node, ..)) = nodes.max_by_key(|&(node, ..)| (self.weights[node as usize], std::cmp::Reverse(node)))
        else {
            return Vec::new();
        };
        let mut names: Vec<String> = Vec::new();
        for caller in tree.functions(node).filter(|&caller| self.groups.of(caller) != wanted) {
            let name = self.profile.function_name(caller);
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        names.truncate(CHAIN);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Exit, FrameSpec, FunctionSpec, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec};
    use crate::testing;
    use std::sync::Arc;

    fn bundle(profile: Profile, wall_ms: u64, cpu_ms: u64) -> Bundle {
        let ms = |n: u64| Some(Nanos(n * Nanos::MILLISECOND.0));
        let mut bundle = Bundle { profiles: vec![Arc::new(profile)], ..Default::default() };
        bundle.manifest.command = vec!["python3".into(), "orders.py".into()];
        bundle.manifest.exit = Exit { code: Some(0), signal: None };
        (bundle.manifest.wall_ns, bundle.manifest.cpu_ns) = (ms(wall_ms), ms(cpu_ms));
        bundle
    }

    /// Like `testing::profile`, where names in upper case are the user's code and others a library's.
    fn mixed(picture: &str) -> Profile {
        let rows: Vec<Vec<&str>> = picture.lines().map(|line| line.split_whitespace().collect()).collect();
        let mut builder = ProfileBuilder::new();
        let (own, library) = (builder.module("/home/u/app", ""), builder.module("/usr/lib/libx.so.1", ""));
        let thread = builder.thread(ThreadSpec { pid: 1, tid: 1, name: "main", process: "app" });
        for column in 0..rows[0].len() {
            let names = rows.iter().filter_map(|row| row.get(column)).filter(|name| **name != ".");
            let stack = names.fold(None, |prefix, name| {
                let module = if name.chars().all(char::is_uppercase) { own } else { library };
                let function = builder.function(FunctionSpec { name, module, ..Default::default() });
                let frame = builder.frame(FrameSpec { function, line: 1, inlined: false, address: 0 });
                Some(builder.stack(prefix, frame))
            });
            let weight = Nanos::MILLISECOND;
            builder.sample(SampleSpec { time: None, stack: stack.unwrap(), thread, weight, count: 1 });
        }
        builder.finish(ProfileInfo { name: "cpu".into(), ..Default::default() }).unwrap()
    }

    /// Rows as `name share <- callers`.
    fn check(picture: &str, basis: Basis, expect: &str) {
        let overview = overview(&bundle(mixed(picture), 10, 10));
        let row = |row: &OverviewRow| format!("{} {} <- {}", row.name, share(row.share), row.called_by.join(" "));
        assert_eq!(overview.rows.iter().map(row).collect::<Vec<_>>().join(", "), expect, "{picture}");
        assert_eq!(overview.basis, basis, "{picture}");
    }

    #[test]
    fn library_time_is_charged_to_the_nearest_own_caller() {
        check("M M M M\nP P L L\nx y x .\nx . P .", Basis::Own, "P 75 % <- M, L 25 % <- M");
        check("M M M M\nx x x Q\nQ P P .", Basis::Own, "P 50 % <- M, Q 50 % <- M");
    }

    #[test]
    fn callers_are_named_nearest_first_and_once() {
        check("A A\nB B\nC C\nB B\nD D", Basis::Own, "D 100 % <- B C A");
    }

    #[test]
    fn without_own_code_all_functions_are_named() {
        check("a a a a\nb b b c", Basis::All, "b 75 % <- a, c 25 % <- a");
    }

    #[test]
    fn the_sentence_tells_computing_from_waiting() {
        let check = |wall, cpu, expect: &str| {
            assert_eq!(overview(&bundle(testing::profile("A"), wall, cpu)).sentence, expect);
        };
        check(12_400, 9_830, "orders.py spent 12.4 s, 9.83 s of it computing on one core.");
        check(10_000, 1_000, "orders.py spent 10.0 s, 9.00 s of it waiting and 1.00 s computing.");
        check(10_000, 24_000, "orders.py spent 10.0 s, computing on 2.40 cores (24.0 s of CPU time).");
        let mut killed = bundle(testing::profile("A"), 1_000, 1_000);
        killed.manifest.exit = Exit { code: None, signal: Some(9) };
        killed.manifest.cpu_ns = None;
        let expect = "orders.py spent 1.00 s; its CPU time was not measured. It was killed by signal 9.";
        assert_eq!(overview(&killed).sentence, expect);
    }

    #[test]
    fn the_finding_says_how_sure_it_is() {
        let picture = format!("{}\n{}", "A ".repeat(100), "B ".repeat(60));
        let found = overview(&bundle(testing::profile(&picture), 100, 100));
        assert_eq!(
            found.finding,
            "60 % of CPU time is in B and the library code that it calls; 100 samples, ±9.8 points."
        );
        assert_eq!(found.rows[0].bound_text, "at most 2.50x faster if it were free");
        assert_eq!(found.doubts, Vec::<String>::new());
        let waiting = overview(&bundle(testing::profile(&picture), 1_000, 100));
        assert_eq!(waiting.rows[0].bound_text, "at most 2.50x less CPU time if it were free");
    }

    #[test]
    fn nothing_sampled_says_why() {
        let check = |wall, cpu, expect: &str| {
            let overview = overview(&bundle(testing::profile(""), wall, cpu));
            assert!(overview.basis_text.contains(expect), "{}", overview.basis_text);
            assert_eq!((overview.basis, overview.rows.len()), (Basis::Nothing, 0));
        };
        check(5, 1, "ended before one was due");
        check(5_000, 1, "it waited");
        assert!(overview(&Bundle::default()).sentence.starts_with("program ran"));
    }

    #[test]
    fn samples_that_miss_cpu_time_are_a_doubt() {
        let few = overview(&bundle(testing::profile("A A"), 1_000, 500));
        assert_eq!(few.doubts.len(), 2, "{:?}", few.doubts);
        assert!(few.doubts[1].contains("2.00 ms of CPU time, the kernel counted 500 ms"), "{:?}", few.doubts);
    }
}
