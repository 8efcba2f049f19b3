//! Made-up sets, whose truth is known.

use super::*;
use crate::bench::{BenchSet, Benchmark, Given, Metric};
use crate::model::{MetricInfo, Unit};
use crate::stats::Rules;

fn metric(name: &str, values: &[f64]) -> Metric {
    let MetricInfo { name, unit, better } = MetricInfo::of_name(name);
    Metric { name, unit, better, values: values.to_vec(), ..Metric::default() }
}

fn benchmark(name: &str, wall: &[f64]) -> Benchmark {
    Benchmark { name: name.into(), metrics: vec![metric("wall_ns", wall)], ..Benchmark::default() }
}

fn set(source: &str, benchmarks: Vec<Benchmark>) -> BenchSet {
    let config = [("cpu".to_owned(), "Xeon".to_owned()), ("kernel".to_owned(), "6.1".to_owned())].into();
    BenchSet { source: source.into(), tool: "perfcollect".into(), config, benchmarks, ..BenchSet::default() }
}

/// Values around 100, the same for the same seed.
fn noisy(seed: u32, runs: u32, factor: f64) -> Vec<f64> {
    let value = |i: u32| f64::from((seed * 7919 + i * 104_729) % 1000) / 1000.0 - 0.5;
    (0..runs).map(|i| (100.0 + value(i)) * factor).collect()
}

fn judged(base: &[BenchSet], new: &[BenchSet], noise: &SessionNoise) -> Comparison {
    let mut found = sets(base, new, noise, &Rules::default());
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn noise_between_sessions_keeps_a_small_difference_open() {
    let base = [set("a", vec![benchmark("x", &noisy(1, 40, 1.0))])];
    let new = [set("b", vec![benchmark("x", &noisy(2, 40, 1.05))])];
    let open = judged(&base, &new, &SessionNoise::default());
    assert_eq!((open.verdict, open.method), (Verdict::Inconclusive, Method::Widened));
    assert!(open.notes[0].contains("different sessions"), "{open:?}");
    assert!(open.low.is_some_and(|low| low < 1.02) && open.floor.is_some_and(|floor| floor < 0.01), "{open:?}");
    let sure = judged(&base, &new, &SessionNoise::given(0.0));
    assert_eq!(sure.verdict, Verdict::Slower);
    assert!(sure.notes[0].contains("drift"), "{sure:?}");
    let quiet: Vec<BenchSet> = (0..8).map(|seed| set("h", vec![benchmark("x", &noisy(seed, 20, 1.0))])).collect();
    let known = judged(&base, &new, &SessionNoise { given: None, history: quiet });
    assert_eq!(known.verdict, Verdict::Slower, "{known:?}");
    assert!(known.notes[0].contains("from 8 earlier ones"), "{known:?}");
}

#[test]
fn five_sessions_a_side_are_compared_as_sessions() {
    let group = |factor: f64, seed: u32| -> Vec<BenchSet> {
        (0..5).map(|i| set("s", vec![benchmark("x", &noisy(seed + i, 10, factor))])).collect()
    };
    let found = judged(&group(1.0, 1), &group(1.1, 50), &SessionNoise::default());
    assert_eq!((found.verdict, found.method, found.runs), (Verdict::Slower, Method::Sessions, 5));
    // Recordings of one run each are sessions too, but four are not enough to be called that.
    let single = |factor: f64, seed: u32| -> Vec<BenchSet> {
        (0..4).map(|i| set("s", vec![benchmark("x", &noisy(seed + i, 1, factor))])).collect()
    };
    let few = judged(&single(1.0, 1), &single(1.5, 30), &SessionNoise::default());
    assert!(few.ratio.is_some_and(|ratio| (ratio - 1.5).abs() < 0.02), "{few:?}");
}

#[test]
fn other_machines_and_settings_are_not_comparable() {
    let base = set("a", vec![benchmark("x", &noisy(1, 20, 1.0))]);
    let mut new = set("b", vec![benchmark("x", &noisy(2, 20, 2.0))]);
    new.config.insert("kernel".into(), "6.6".into());
    let both = [base.clone()];
    assert_eq!(judged(&both, std::slice::from_ref(&new), &SessionNoise::default()).verdict, Verdict::Slower);
    let found = differences(&both, std::slice::from_ref(&new));
    assert_eq!(found.iter().map(|d| (d.field.as_str(), d.decisive)).collect::<Vec<_>>(), [("kernel", false)]);
    new.config.insert("cpu".into(), "Ryzen".into());
    let refused = judged(&both, std::slice::from_ref(&new), &SessionNoise::default());
    assert!(refused.incomparable && refused.verdict == Verdict::Inconclusive && refused.low.is_none(), "{refused:?}");
    assert_eq!(refused.notes[0], "not comparable: cpu is Xeon in base and Ryzen in new");
    let mut scaled = base.clone();
    scaled.benchmarks[0].metrics[0].unit = Unit::Count;
    let refused = judged(&both, &[scaled], &SessionNoise::default());
    assert!(refused.incomparable && refused.notes[0].contains("units"), "{refused:?}");
    let mut other = base.clone();
    other.benchmarks[0].parameters.insert("n".into(), "5".into());
    assert!(judged(&both, &[other], &SessionNoise::default()).incomparable);
}

#[test]
fn one_run_a_side_has_no_verdict() {
    let (base, new) = (set("a", vec![benchmark("x", &[100.0])]), set("b", vec![benchmark("x", &[150.0])]));
    let found = judged(&[base], &[new], &SessionNoise::default());
    assert_eq!((found.verdict, found.low, found.high), (Verdict::Inconclusive, None, None));
    assert!(found.ratio.is_some_and(|ratio| (ratio - 1.5).abs() < 1e-12));
    assert!(found.notes[0].contains("one run on a side"), "{found:?}");
}

#[test]
fn sides_of_different_programs_say_so() {
    let side = |name: &str, command: &[&str], recorded| {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let benchmark = Benchmark { command, ..benchmark("x", &noisy(1, 20, 1.0)) };
        BenchSet { recorded, ..set(name, vec![benchmark]) }
    };
    let shop = [side("a", &["python3", "shop.py", "128"], true)];
    let found = judged(&shop, &[side("b", &["true"], false)], &SessionNoise::default());
    assert_eq!(found.programs, Some(["shop.py".to_owned(), "true".to_owned()]));
    assert!(!found.incomparable, "two programs may be weighed against each other");
    assert!(found.notes.iter().any(|note| note.starts_with("only base was recorded with stacks")), "{found:?}");
    let said = headline(&[&found]);
    assert!(said.starts_with("shop.py and true are different programs: "), "{said}");
    // Other arguments are the same program.
    let other = judged(&shop, &[side("b", &["python3", "./shop.py", "200"], true)], &SessionNoise::default());
    assert_eq!((other.programs, other.notes.iter().any(|note| note.contains("recorded with stacks"))), (None, false));
}

#[test]
fn figures_without_values_carry_their_spread() {
    let given = |mean: f64, stddev| {
        let given = Given { n: Some(100), mean: Some(mean), stddev, ..Given::default() };
        let metric = Metric { given: Some(given), ..metric("wall_ns", &[]) };
        set("g", vec![Benchmark { name: "x".into(), metrics: vec![metric], ..Benchmark::default() }])
    };
    let found = judged(&[given(100.0, Some(1.0))], &[given(130.0, Some(1.0))], &SessionNoise::default());
    assert_eq!((found.verdict, found.method), (Verdict::Slower, Method::Widened));
    let found = judged(&[given(100.0, None)], &[given(130.0, Some(1.0))], &SessionNoise::default());
    assert_eq!((found.verdict, found.low), (Verdict::Inconclusive, None));
}

#[test]
fn benchmarks_meet_by_name_then_command_then_alone() {
    let named = |name: &str, command: &str| Benchmark {
        command: vec![command.to_owned()],
        ..benchmark(name, &noisy(1, 8, 1.0))
    };
    let base = [set("a", vec![named("x", "./x"), named("y", "./y"), named("z", "./z")])];
    let new = [set("b", vec![named("why", "./y"), named("x", "./other"), named("w", "./w")])];
    let (pairs, [gone, fresh]) = cases::matched(&base, &new);
    let met: Vec<(&str, &str)> = pairs.iter().map(|(name, _, new)| (name.as_str(), new[0].name.as_str())).collect();
    assert_eq!(met, [("x", "x"), ("y", "why")]);
    assert_eq!((gone, fresh), (vec!["z".to_owned()], vec!["w".to_owned()]));
    let (old, new_one) = ([set("a", vec![named("old.py", "./o")])], [set("b", vec![named("new.py", "./n")])]);
    let (one, _) = cases::matched(&old, &new_one);
    assert_eq!(one.len(), 1);
    assert!(sets(&[], &new, &SessionNoise::default(), &Rules::default()).is_empty());
}

#[test]
fn pairs_of_blocks_decide_within_a_set_and_luck_does_not() {
    let mut arms: Vec<Benchmark> = (0..30)
        .map(|arm: u32| {
            // Each block has its own speed, so that only pairs can tell.
            let values: Vec<f64> =
                (0..12).map(|block| noisy(arm * 31 + block, 1, 1.0)[0] * f64::from(1 + block % 4)).collect();
            let blocks = (0..12).collect();
            let metric = Metric { blocks, ..metric("wall_ns", &values) };
            Benchmark { name: format!("arm{arm}"), metrics: vec![metric], ..Benchmark::default() }
        })
        .collect();
    for value in &mut arms[3].metrics[0].values {
        *value *= 1.06;
    }
    let found = within(&set("s", arms), &Rules::default());
    assert!(found.iter().all(|comparison| comparison.method == Method::Paired && comparison.base == "arm0"));
    let slower: Vec<&str> =
        found.iter().filter(|c| c.verdict == Verdict::Slower).map(|comparison| comparison.new.as_str()).collect();
    assert_eq!(slower, ["arm3"]);
    assert!(found[2].confidence > 0.99, "the interval of one of many is wider: {:?}", found[2]);
}

#[test]
fn more_throughput_is_faster() {
    let rate = |factor: f64| {
        let metric = Metric { better: crate::model::Better::Higher, ..metric("ops_per_second", &noisy(3, 20, factor)) };
        set("s", vec![Benchmark { name: "x".into(), metrics: vec![metric], ..Benchmark::default() }])
    };
    assert_eq!(judged(&[rate(1.0)], &[rate(1.5)], &SessionNoise::default()).verdict, Verdict::Faster);
}
