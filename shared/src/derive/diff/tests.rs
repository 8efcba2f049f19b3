//! Sides that are made up, so that what is true of them is known.

use super::*;
use crate::derive::function_tree::ROOT;
use crate::derive::selection::{Selection, selected_rows};
use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec, WeightKind};

/// Random numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let value = (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        value
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }

    /// A Poisson number, by the product of uniform ones (D. E. Knuth, TAOCP 2, 3.4.1).
    fn poisson(&mut self, mean: f64) -> u32 {
        let (mut product, mut n, least) = (self.next(), 0, (-mean).exp());
        while product > least {
            product *= self.next();
            n += 1;
        }
        n
    }
}

/// Where a test's functions are: file, module, whether Python.
#[derive(Clone, Copy)]
struct Place {
    file: &'static str,
    module: &'static str,
}

const APP: Place = Place { file: "/home/u/app/app.c", module: "/home/u/app/app" };

/// A profile of runs of a second each: for each run, stacks (`main;parse`) and how many samples of 1 ms.
fn recorded(place: Place, runs: &[Vec<(&str, u32)>]) -> (Profile, Vec<Run>) {
    let mut builder = ProfileBuilder::new();
    let module = builder.module(place.module, "");
    let thread = builder.thread(ThreadSpec { pid: 1, tid: 1, name: "main", process: "app" });
    let mut of_run = Vec::new();
    for (order, stacks) in (0u32..).zip(runs) {
        let start = u64::from(order) * Nanos::SECOND.0;
        of_run.push(Run { order, block: order, t_ns: Some(Nanos(start)), benchmark: "app".into(), ..Run::default() });
        let mut time = start;
        for &(stack, count) in stacks {
            let id = stack.split(';').fold(None, |prefix, name| {
                let (name, file) = name.split_once('@').unwrap_or((name, place.file));
                let module = if file.starts_with("lib") { builder.module(file, "") } else { module };
                let file = if file.starts_with("lib") { "" } else { file };
                let function =
                    builder.function(FunctionSpec { name, file, start_line: 3, module, ..Default::default() });
                let frame = builder.frame(FrameSpec { function, line: 4, inlined: false, address: u64::from(order) });
                Some(builder.stack(prefix, frame))
            });
            for _ in 0..count {
                time += 1000;
                let sample = SampleSpec {
                    time: Some(Nanos(time)),
                    stack: id.unwrap(),
                    thread,
                    weight: Nanos(1_000_000),
                    count: 1,
                };
                builder.sample(sample);
            }
        }
    }
    (builder.finish(ProfileInfo { name: "cpu".into(), ..Default::default() }).unwrap(), of_run)
}

/// Sides of one recording each.
fn compared(base: &(Profile, Vec<Run>), new: &(Profile, Vec<Run>), options: &Options) -> Diff {
    let selected = [base, new].map(|(profile, _)| selected_rows(profile, &Selection::default()));
    let [base_selected, new_selected] = &selected;
    diff(&[diff_input(&base.0, &base.1, base_selected)], &[diff_input(&new.0, &new.1, new_selected)], options).unwrap()
}

fn diff_input<'a>(profile: &'a Profile, runs: &'a [Run], selected: &'a Selected) -> Stacks<'a> {
    Stacks { profile, selected, runs, benchmark: None }
}

/// `main parse` and so on, by depth, with the effect of each.
fn effects(diff: &Diff) -> Vec<String> {
    let mut found: Vec<String> = (1..)
        .take(diff.nodes.len() - 1)
        .map(|n| format!("{} {:?}", diff.name(n), diff.nodes[n as usize].total.effect))
        .collect();
    found.sort();
    found
}

/// Runs whose counts are drawn around these means.
fn drawn<'a>(random: &mut Random, runs: usize, means: &[(&'a str, f64)]) -> Vec<Vec<(&'a str, u32)>> {
    (0..runs).map(|_| means.iter().map(|&(stack, mean)| (stack, random.poisson(mean))).collect()).collect()
}

const QUIET: Options =
    Options { scale: Scale::Absolute, margin: 0.02, confidence: 0.95, session_noise: 0.0, nodes: 1000 };

#[test]
fn a_frame_that_tripled_is_worse_with_its_callers_and_its_siblings_are_not() {
    let mut random = Random::new(1);
    let base = drawn(&mut random, 6, &[("main;parse;split", 100.0), ("main;load", 200.0), ("main;store", 150.0)]);
    let new = drawn(&mut random, 6, &[("main;parse;split", 300.0), ("main;load", 200.0), ("main;store", 150.0)]);
    let diff = compared(&recorded(APP, &base), &recorded(APP, &new), &Options::default());
    assert_eq!(effects(&diff), ["load Same", "main Worse", "parse Worse", "split Worse", "store Same"]);
    assert_eq!((diff.runs, diff.noise_unknown, diff.paired), ([6, 6], false, false));
    let first = &diff.functions[0];
    assert_eq!(diff.profile.function_name(first.function), "split");
    assert!((first.own.difference() - 200e6).abs() < 30e6, "{first:?}");
    assert!(first.own.low > 150e6 && first.own.high < 250e6, "{first:?}");
}

#[test]
fn a_parents_figures_are_sums_of_its_own() {
    let base = recorded(APP, &[vec![("main", 10), ("main;a", 20), ("main;a;b", 30)]]);
    let new = recorded(APP, &[vec![("main", 10), ("main;a", 80), ("main;c", 9)]]);
    let diff = compared(&base, &new, &QUIET);
    let node = |name: &str| {
        let at = (0..).take(diff.nodes.len()).find(|&n| diff.name(n) == name).unwrap();
        let node = &diff.nodes[at as usize];
        [node.total.base, node.total.new, node.own.base, node.own.new].map(|ns| (ns / 1e6).round())
    };
    let near = |found: [f64; 4], expect: [f64; 4]| found.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-9);
    assert!(near(node("main"), [60.0, 99.0, 10.0, 10.0]));
    assert!(near(node("a"), [50.0, 80.0, 20.0, 80.0]));
    assert!(near(node("b"), [30.0, 0.0, 30.0, 0.0]));
    assert!(near(node("c"), [0.0, 9.0, 0.0, 9.0]));
}

#[test]
fn one_run_a_side_leaves_the_noise_unknown() {
    let base = recorded(APP, &[vec![("main;a", 100), ("main;b", 100), ("main;gone", 60), ("main;rare", 1)]]);
    let new = recorded(APP, &[vec![("main;a", 400), ("main;b", 104), ("main;fresh", 60), ("main;rare", 3)]]);
    let diff = compared(&base, &new, &QUIET);
    assert!(diff.noise_unknown);
    let expect = ["a Unknown", "b Same", "fresh New", "gone Gone", "main Unknown", "rare Same"];
    assert_eq!(effects(&diff), expect);
}

#[test]
fn what_one_side_alone_has_is_new_however_uneven_its_runs_are() {
    let without = || vec![("main;a", 200)];
    let of = |fresh: [u32; 4]| {
        let runs = fresh.map(|count| [without(), vec![("main;fresh", count)]].concat());
        let base = recorded(APP, &[without(), without(), without(), without()]);
        let there = compared(&base, &recorded(APP, &runs), &QUIET);
        let back = compared(&recorded(APP, &runs), &base, &QUIET);
        (effects(&there)[1].clone(), effects(&back)[1].clone())
    };
    assert_eq!(of([2, 80, 5, 60]), ("fresh New".into(), "fresh Gone".into()));
    // In one run of four it is an event of that run.
    assert_eq!(of([0, 147, 0, 0]), ("fresh Same".into(), "fresh Same".into()));
    assert_eq!(of([3, 5, 4, 0]), ("fresh Same".into(), "fresh Same".into()));
}

#[test]
fn what_is_gone_is_drawn_on_demand() {
    let base = recorded(APP, &[vec![("main;a", 100), ("main;gone;deep", 60)]]);
    let new = recorded(APP, &[vec![("main;a", 200)]]);
    let diff = compared(&base, &new, &QUIET);
    let widths = |width| {
        let picture = diff.picture(width);
        let mut rows: Vec<String> = (0u32..)
            .take(picture.tree.len())
            .map(|at| {
                let ms = picture.tree.total_weight[at as usize].0 / 1_000_000;
                format!("{}:{ms}", diff.name(picture.node[at as usize]))
            })
            .collect();
        rows.sort();
        rows.join(" ")
    };
    assert_eq!(widths(Width::New), ":200 a:200 main:200");
    assert_eq!(widths(Width::Base), ":160 a:100 deep:60 gone:60 main:160");
    assert_eq!(widths(Width::Both), ":260 a:200 deep:60 gone:60 main:260");
}

#[test]
fn shares_do_not_move_when_everything_doubles() {
    let mut random = Random::new(5);
    let base = drawn(&mut random, 8, &[("main;a", 200.0), ("main;b", 100.0)]);
    let new = drawn(&mut random, 8, &[("main;a", 400.0), ("main;b", 200.0)]);
    let (base, new) = (recorded(APP, &base), recorded(APP, &new));
    assert_eq!(effects(&compared(&base, &new, &QUIET)), ["a Worse", "b Worse", "main Worse"]);
    let shares = compared(&base, &new, &Options { scale: Scale::Proportional, ..QUIET });
    assert_eq!(effects(&shares), ["a Same", "b Same", "main Same"]);
    assert!((shares.all().total.new - 1.0).abs() < 1e-12);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
fn rounded(value: f64) -> u32 {
    value.round() as u32
}

#[test]
fn noise_that_a_block_shares_cancels_out() {
    let mut random = Random::new(9);
    let mut runs = Vec::new();
    let mut lines = Vec::new();
    for block in 0..12 {
        let speed = 1.0 + 0.4 * random.next();
        for (name, cost) in [("base", 400.0), ("new", 480.0)] {
            let count = |mean: f64| rounded(mean * speed);
            runs.push(vec![("main;a", count(cost)), ("main;b", count(400.0))]);
            lines.push((name, block));
        }
    }
    let (profile, mut of_run) = recorded(APP, &runs);
    for (run, (name, block)) in of_run.iter_mut().zip(lines) {
        (run.benchmark, run.block) = (name.into(), block);
    }
    let selected = selected_rows(&profile, &Selection::default());
    let side = |name| Stacks { profile: &profile, selected: &selected, runs: &of_run, benchmark: Some(name) };
    let diff = diff(&[side("base")], &[side("new")], &Options::default()).unwrap();
    assert!(diff.paired && diff.runs == [12, 12] && diff.session_noise == 0.0);
    assert_eq!(effects(&diff), ["a Worse", "b Same", "main Worse"]);
}

#[test]
fn warm_ups_and_other_benchmarks_are_not_counted() {
    let (profile, mut runs) = recorded(APP, &[vec![("x", 9)], vec![("a", 5)], vec![("a", 7)], vec![("y", 3)]]);
    runs[0].warmup = true;
    runs[3].benchmark = "other".into();
    let selected = selected_rows(&profile, &Selection::default());
    let side = |name| Stacks { profile: &profile, selected: &selected, runs: &runs, benchmark: Some(name) };
    let diff = diff(&[side("app")], &[side("other")], &QUIET).unwrap();
    assert_eq!((diff.samples, diff.runs), ([12, 3], [2, 1]));
    assert!((diff.all().total.base - 6e6).abs() < 1.0);
}

#[test]
fn nothing_to_compare_is_an_error() {
    let (some, empty) = (recorded(APP, &[vec![("a", 5)]]), recorded(APP, &[vec![]]));
    let selected = [&some, &empty].map(|(profile, _)| selected_rows(profile, &Selection::default()));
    let some_side = [diff_input(&some.0, &some.1, &selected[0])];
    let empty_side = [diff_input(&empty.0, &empty.1, &selected[1])];
    assert_eq!(diff(&some_side, &empty_side, &QUIET), Err(DiffError::NoSamples { side: "new" }));
    assert_eq!(diff(&empty_side, &some_side, &QUIET), Err(DiffError::NoSamples { side: "base" }));
    assert_eq!(diff(&[], &some_side, &QUIET), Err(DiffError::NoSamples { side: "base" }));
    let mut untimed = some.0.clone();
    untimed.samples.time = None;
    let mut runs = some.1.clone();
    runs.push(Run { benchmark: "other".into(), ..runs[0].clone() });
    let side = [Stacks { profile: &untimed, selected: &selected[0], runs: &runs, benchmark: Some("app") }];
    assert_eq!(diff(&side, &some_side, &QUIET), Err(DiffError::Untimed { side: "base" }));
    let mut wall = some.0.clone();
    wall.info.weight = WeightKind::Wall;
    let wall = [diff_input(&wall, &some.1, &selected[0])];
    assert!(matches!(diff(&wall, &some_side, &QUIET), Err(DiffError::Weights { .. })));
}

#[test]
fn builds_in_other_folders_and_renamed_scripts_match() {
    const PYTHON: &str = "[python]";
    let check = |base: Place, new: Place, stack: &'static str| {
        let [base, new] = [base, new].map(|place| recorded(place, &[vec![(stack, 100)]]));
        let diff = compared(&base, &new, &QUIET);
        assert_eq!(diff.nodes.len(), 1 + stack.split(';').count(), "{stack}: {:?}", effects(&diff));
        assert!(diff.nodes.iter().all(|node| node.samples == [100, 100]), "{stack}");
    };
    let place = |file, module| Place { file, module };
    check(place("/a/src/main.rs", "/a/app"), place("/b/src/main.rs", "/b/app-new"), "main;parse");
    check(place("", "/tmp/1/base"), place("", "/tmp/2/new"), "main;parse;memcpy@lib/libc.so.6");
    check(place("/a/old.py", PYTHON), place("/a/new.py", PYTHON), "<module>;main;parse");
    check(place("/a/заказ.py", PYTHON), place("/b/заказ.py", PYTHON), "<module>;разобрать;解析する;🦀");
}

#[test]
fn small_nodes_stay_in_their_callers_totals() {
    let names: Vec<String> = (0..50).map(|n| format!("main;f{n}")).collect();
    let run: Vec<(&str, u32)> = names.iter().zip(1..).map(|(name, count)| (name.as_str(), count)).collect();
    let side = recorded(APP, &[run.clone(), run]);
    let all = compared(&side, &side, &QUIET);
    let few = compared(&side, &side, &Options { nodes: 12, ..QUIET });
    assert_eq!((all.nodes.len(), few.nodes.len(), few.left_out), (52, 12, 40));
    assert_eq!(all.all().total, few.all().total);
    assert_eq!(all.functions.len(), few.functions.len());
    let names: Vec<&str> = (2..12).map(|n| few.name(n)).collect();
    assert!(names.contains(&"f49") && !names.contains(&"f39"), "{names:?}");
    let picture = few.picture(Width::New);
    assert_eq!(picture.tree.total_weight[ROOT as usize], Nanos(1275 * 1_000_000));
}

#[test]
fn time_in_libraries_is_charged_to_the_own_caller() {
    let base = recorded(APP, &[vec![("main;parse;memcpy@lib/libc.so.6", 10), ("start@lib/ld-linux.so.2", 7)]]);
    let new = recorded(APP, &[vec![("main;parse;memcpy@lib/libc.so.6", 90), ("start@lib/ld-linux.so.2", 7)]]);
    let diff = compared(&base, &new, &QUIET);
    let first = &diff.functions[0];
    assert_eq!(diff.profile.function_name(first.function), "parse");
    assert!((first.charged.new - 90e6).abs() < 1.0 && first.own.new == 0.0);
    let start = diff.functions.iter().find(|f| diff.profile.function_name(f.function) == "start").unwrap();
    assert!((start.charged.base - 7e6).abs() < 1.0);
}

/// Of sides that are drawn around the same or other means: how often the interval of `main;a` held the truth, and how often
/// any frame but `a` and its callers was called different.
fn simulate(runs: usize, siblings: usize, rate: f64, slower: f64, speed: f64) -> (f64, f64) {
    const TIMES: u32 = 120;
    let names: Vec<String> = (0..siblings).map(|n| format!("main;s{n}")).collect();
    let (mut held, mut wrong) = (0, 0);
    for seed in 0..TIMES {
        let mut random = Random::new(u64::from(seed) + 1);
        let mut side = |factor: f64| {
            let mut drawn_runs = Vec::new();
            for _ in 0..runs {
                let fast = 1.0 + speed * random.normal();
                // A sampler takes as many samples as there is time; where each falls is chance.
                let a = rate * factor;
                let all = a + names.iter().map(|_| rate).sum::<f64>();
                let mut counts = vec![0u32; siblings + 1];
                for _ in 0..rounded(all * fast) {
                    let at = random.next() * all;
                    let place = if at < a { 0 } else { 1 + rounded(((at - a) / rate).floor()) as usize };
                    counts[place.min(siblings)] += 1;
                }
                let mut run = vec![("main;a", counts[0])];
                run.extend(names.iter().zip(&counts[1..]).map(|(name, &count)| (name.as_str(), count)));
                drawn_runs.push(run);
            }
            recorded(APP, &drawn_runs)
        };
        let (base, new) = (side(1.0), side(1.0 + slower));
        let diff = compared(&base, &new, &QUIET);
        let a = diff.functions.iter().find(|f| diff.profile.function_name(f.function) == "a").unwrap();
        let truth = rate * slower * 1e6;
        held += u32::from(a.own.low <= truth && truth <= a.own.high);
        let others = effects(&diff).iter().filter(|text| text.starts_with('s') && !text.ends_with("Same")).count();
        wrong += u32::from(others > 0);
    }
    (f64::from(held) / f64::from(TIMES), f64::from(wrong) / f64::from(TIMES))
}

#[test]
fn intervals_hold_the_truth_and_siblings_stay_grey() {
    for (runs, siblings, rate, slower, speed) in [
        (1, 1, 50.0, 0.0, 0.0),
        (2, 6, 60.0, 0.0, 0.02),
        (5, 1, 30.0, 0.5, 0.0),
        (5, 12, 80.0, 0.5, 0.03),
        (10, 12, 5.0, 0.0, 0.0),
        (10, 12, 60.0, 1.0, 0.05),
        (40, 4, 20.0, 0.0, 0.03),
    ] {
        let (held, wrong) = simulate(runs, siblings, rate, slower, speed);
        let what = format!("{runs} runs, {siblings} siblings, {rate} samples, {slower}: held {held}, wrong {wrong}");
        println!("{what}");
        assert!(held >= 0.93, "{what}");
        assert!(wrong <= 0.06, "{what}");
    }
}
