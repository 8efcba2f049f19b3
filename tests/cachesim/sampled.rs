//! Estimates from samples against the exact curve, and their bands against how often they hold.

use crate::corpus::cloud_physics;
use crate::naive::Random;
use perfcollect_cachesim::band::{Recorded, band};
use perfcollect_cachesim::shards::{self, FixedRate, FixedSize};
use perfcollect_cachesim::{Capacity, Curve, Policy, Trace, bootstrap, lru_curve, simulate};

/// Requests for `keys` keys, the n-th as often as 1/n.
fn zipf(requests: usize, keys: usize, seed: u64) -> Trace {
    let mut sum = 0.0;
    let cumulated: Vec<f64> = (1..=u32::try_from(keys).unwrap())
        .map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        })
        .collect();
    let mut random = Random(seed);
    let mut draw = || {
        let part = f64::from(u32::try_from(random.below(1 << 31)).unwrap()) / f64::from(1u32 << 31);
        cumulated.partition_point(|&below| below < part * sum) as u64
    };
    Trace::of_ids((0..requests).map(|_| draw()))
}

/// Mean and largest difference of the hit rate, over sizes that are evenly spread and over their logarithm.
fn error(curve: &Curve, exact: &Curve) -> (f64, f64) {
    let even = (1..=100).map(|part| exact.distinct * part / 100);
    let sizes: Vec<u64> = even.chain(exact.plot_sizes(100).into_iter().filter(|&size| size >= 100)).collect();
    let errors = sizes.iter().map(|&size| (curve.hit_rate(size).unwrap() - exact.hit_rate(size).unwrap()).abs());
    let n = f64::from(u32::try_from(sizes.len()).unwrap());
    (errors.clone().sum::<f64>() / n, errors.fold(0.0, f64::max))
}

#[test]
fn samples_come_near_the_exact_curve() {
    let trace = zipf(600_000, 300_000, 3);
    let exact = lru_curve(&trace);
    let rate = shards::fixed_rate(&trace, 0.1, 4);
    assert!(exact.is_exact() && !rate.is_exact());
    let (mean, most) = error(&rate, &exact);
    assert!(mean < 0.004 && most < 0.03, "{mean} {most}");
    let distinct = exact.distinct.abs_diff(rate.distinct);
    assert!(distinct * 50 < exact.distinct, "{distinct}");

    let size = shards::fixed_size(&trace, 10_000, 4);
    let (mean, most) = error(&size, &exact);
    assert!(mean < 0.006 && most < 0.04, "{mean} {most}");

    // Fed one at a time, from ids that are not dense.
    let mut one_by_one = (FixedRate::new(0.1, 4), FixedSize::new(10_000, 4));
    for &key in &trace.keys {
        let id = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        one_by_one.0.request(id);
        one_by_one.1.request(id);
    }
    assert!(one_by_one.0.sampled_keys() > 8192);
    for curve in [one_by_one.0.curve(), one_by_one.1.curve()] {
        let (mean, most) = error(&curve, &exact);
        assert!(mean < 0.006 && most < 0.04, "{mean} {most}");
    }
}

#[test]
fn too_small_a_sample_is_not_taken() {
    let trace = zipf(50_000, 30_000, 4);
    let exact = lru_curve(&trace);
    assert_eq!(shards::fixed_rate(&trace, 0.1, 4), exact);
    assert_eq!(shards::fixed_size(&trace, 100, 4), exact);
    let found = shards::simulate(&trace, Policy::Sieve, Capacity::Entries(1000), None, 0.1, 4).unwrap();
    let hit_rate = simulate(&trace, Policy::Sieve, Capacity::Entries(1000), None).hit_rate().unwrap();
    assert_eq!((found.low.to_bits(), found.high.to_bits()), (hit_rate.to_bits(), hit_rate.to_bits()));
}

#[test]
fn bands_hold_about_as_often_as_they_say() {
    let (mut held, mut asked) = (0, 0);
    for seed in 0..12 {
        let trace = zipf(250_000, 120_000, 100 + seed);
        let exact = lru_curve(&trace);
        let mut samples = FixedRate::new(0.12, 5);
        trace.keys.iter().for_each(|&key| samples.request(u64::from(key) << 8 | seed));
        let curve = samples.curve();
        for size in [300, 1000, 3000, 10_000, 30_000, 60_000] {
            let (low, high) = curve.interval(size).unwrap();
            assert!(high - low < 0.2, "{low} {high}");
            asked += 1;
            held += i32::from((low..=high).contains(&exact.hit_rate(size).unwrap()));
        }
    }
    // 95 % of 72 would be 68; the six sizes of one trace err together.
    assert!(held >= 58, "{held} of {asked}");
}

#[test]
fn small_caches_on_samples_tell_of_large_ones() {
    let trace = zipf(600_000, 300_000, 8);
    for policy in Policy::ALL {
        let capacity = Capacity::Entries(20_000);
        let exact = simulate(&trace, policy, capacity, None).hit_rate().unwrap();
        let found = shards::simulate(&trace, policy, capacity, None, 0.1, 4).unwrap();
        assert!((found.hit_rate - exact).abs() < 0.02, "{policy:?} {found:?} {exact}");
        assert!(found.low <= found.hit_rate && found.hit_rate <= found.high);
    }
}

#[test]
fn a_recorded_sample_is_scaled_to_the_whole() {
    let trace = zipf(600_000, 300_000, 9);
    let exact = lru_curve(&trace);
    let sample = shards::sample(&trace, 0.1, 0);
    assert_eq!(sample.keys.iter().max().unwrap() + 1, sample.distinct);
    let (mean, most) = error(&shards::of_sample(&sample, 0.1, 600_000), &exact);
    assert!(mean < 0.01 && most < 0.1, "{mean} {most}");
    // All parts together are the whole.
    let parts: usize = (0..10).map(|salt| shards::sample(&trace, 0.1, salt).keys.len()).sum();
    assert!(parts.abs_diff(600_000) < 10, "{parts}");
}

#[test]
fn bands_of_recordings_hold_about_as_often_as_they_say() {
    let sizes = [30, 100, 300, 1000, 3000, 10_000, 30_000];
    let (mut held, mut asked) = (0, 0);
    for seed in 0..12 {
        // What was recorded, and another run of the same program.
        let trace = zipf(120_000, 60_000, 200 + seed);
        let other = lru_curve(&zipf(120_000, 60_000, 300 + seed));
        for rate in [1.0, 0.1] {
            let part = shards::sample(&trace, rate, u32::try_from(seed % 8).unwrap());
            let recorded = [Recorded::new(if rate < 1.0 { &part } else { &trace }, rate, 120_000)];
            for (&size, (low, high)) in sizes.iter().zip(band(&recorded, &sizes).unwrap()) {
                let found = recorded[0].curve.hit_rate(size).unwrap();
                assert!(low <= found && found <= high, "{low} {found} {high} at {size}");
                // Sizes that a sample does not know are not narrowed down.
                assert!(high - low < if rate < 1.0 { 0.45 } else { 0.05 }, "{low} {high} at {size} of {rate}");
                asked += 1;
                held += i32::from((low..=high).contains(&other.hit_rate(size).unwrap()));
            }
        }
    }
    // 95 % of 168 would be 160; the sizes of one trace err together, and two runs differ by more than one does from the mean.
    assert!(held >= 130, "{held} of {asked}");
    assert_eq!(band(&[Recorded::new(&Trace::new(vec![0; 400]), 1.0, 400)], &[1]), None);
}

#[test]
fn blocks_widen_the_interval_where_requests_depend_on_each_other() {
    // Phases of hits and misses: as if there were only so many independent requests as there are phases.
    let phases = |each: usize| (0..30_000).map(move |at| at / each);
    let width = |each: usize| {
        let mut random = Random(17);
        let coins: Vec<bool> = (0..30_001).map(|_| random.below(2) == 0).collect();
        let mut blocks = bootstrap::Blocks::new(bootstrap::block_length(30_000));
        phases(each).for_each(|phase| blocks.push(coins[phase]));
        let found = blocks.interval().unwrap();
        assert!(found.low <= found.hit_rate && found.hit_rate <= found.high);
        found.high - found.low
    };
    // 1.96 * 2 * sqrt(0.25 / n).
    assert!((width(1) - 0.0113).abs() < 0.003, "{}", width(1));
    assert!((width(300) - 0.196).abs() < 0.06, "{}", width(300));
    assert_eq!(bootstrap::interval(&Trace::new(vec![0; 100]), Policy::Lru, Capacity::Entries(1), None), None);

    let Some(trace) = cloud_physics() else { return };
    let found = bootstrap::interval(&trace, Policy::Lru, Capacity::Entries(1000), None).unwrap();
    assert!((found.hit_rate - 0.1673).abs() < 0.0001, "{found:?}");
    assert!((found.low - 0.1182).abs() < 0.01 && (found.high - 0.2135).abs() < 0.01, "{found:?}");
}
