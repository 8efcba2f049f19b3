//! Whether verdicts are as right as they say: how often measurements with known truth are judged wrongly.
//!
//! Prints its tables as Markdown, for BENCHMARKS.md:
//! `cargo test -p perfcollect-shared calibration -- --nocapture --test-threads 1`.

use super::ranks::count;
use super::simulation::{Noise, Random};
use super::{Anytime, Decision, MOST, Outcome, Rules, Sequential, Verdict, independent, paired, together};

/// Simulations of a cell: a rate of 5 % is known to 0.5 points (one standard error) by 2000.
const SIMULATIONS: u32 = 2000;

/// Parts of simulations, in percent, that were called slower or faster, and whose interval leaves out 1.
#[derive(Clone, Copy, Default)]
struct Wrong {
    called: f64,
    excluded: f64,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} / {:.1}", self.called, self.excluded)
    }
}

/// Judges as many simulated measurements.
fn rate(simulations: u32, seed: u64, judge: impl Fn(&mut Random) -> Outcome) -> Wrong {
    let mut wrong = Wrong::default();
    let one = 100.0 / f64::from(simulations);
    for simulation in 0..simulations {
        let outcome = judge(&mut Random::new((seed << 32) + u64::from(simulation)));
        let excluded = outcome.ratio.is_some_and(|ratio| ratio.low > 1.0 || ratio.high < 1.0);
        wrong.excluded += if excluded { one } else { 0.0 };
        wrong.called += if matches!(outcome.verdict, Verdict::Slower | Verdict::Faster) { one } else { 0.0 };
    }
    wrong
}

/// Measures in looks until the answer is clear.
fn until_clear(noise: Noise, effect: f64, most: usize, random: &mut Random) -> Outcome {
    let plan = Sequential::new(&Rules::default(), most);
    let (base, new) = noise.pairs(most, effect, random);
    let mut have = plan.first();
    loop {
        match plan.paired(&base[..have], &new[..have]) {
            Decision::Stop(outcome) => return outcome,
            Decision::Go { until, .. } => have = until,
        }
    }
}

/// Looks after each of 200 pairs and stops as soon as the interval leaves out 1.
fn at_any_time(noise: Noise, random: &mut Random) -> Outcome {
    let mut run = Anytime::new(&Rules::default());
    let (base, new) = noise.pairs(200, 1.0, random);
    for (base, new) in base.iter().zip(&new) {
        run.push(*base, *new);
        if run.evidence() >= 20.0 {
            break;
        }
    }
    run.outcome()
}

#[test]
fn calibration_of_unchanged_programs() {
    println!("| noise | 10 pairs | 30 pairs | 100 pairs | `--runs auto` | endless | 30 + 30, no pairs |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for (place, noise) in (0u64..).zip(Noise::ALL) {
        let rules = Rules::default();
        let pairs = [10, 30, 100].map(|n| {
            rate(SIMULATIONS, place * 1000 + n as u64, |random| {
                let (base, new) = noise.pairs(n, 1.0, random);
                paired(&base, &new, &rules)
            })
        });
        let looks = rate(SIMULATIONS / 2, place * 1000 + 1, |random| until_clear(noise, 1.0, MOST, random));
        let endless = rate(SIMULATIONS / 2, place * 1000 + 2, |random| at_any_time(noise, random));
        let groups = rate(SIMULATIONS / 2, place * 1000 + 3, |random| {
            let row: Vec<f64> = noise.row(60, random).into_iter().map(f64::exp).collect();
            independent(&row[..30], &row[30..], &rules)
        });
        let [ten, thirty, hundred] = pairs;
        let name = format!("{noise:?}").to_lowercase();
        println!("| {name} | {ten} | {thirty} | {hundred} | {looks} | {endless} | {groups} |");
        for wrong in pairs {
            assert!(wrong.called <= 6.0 && wrong.excluded <= 6.0, "{noise:?}: {wrong}");
        }
        assert!(looks.called <= 5.0 && looks.excluded <= 5.0, "{noise:?}, looks: {looks}");
        assert!(endless.called <= 5.0 && endless.excluded <= 5.0, "{noise:?}, endless: {endless}");
        if matches!(noise, Noise::Quiet | Noise::Typical | Noise::Ci | Noise::Bimodal) {
            assert!(groups.called <= 6.0 && groups.excluded <= 6.5, "{noise:?}, groups: {groups}");
        }
    }
}

#[test]
fn calibration_of_changed_programs() {
    println!("| noise | effect | found by 30 pairs | `--runs auto`: called slower | mean pairs |");
    println!("|---|--:|--:|--:|--:|");
    for (noise, effect) in
        [(Noise::Quiet, 1.03), (Noise::Typical, 1.03), (Noise::Typical, 1.05), (Noise::Ci, 1.1), (Noise::Trace, 1.1)]
    {
        let found = rate(500, 7, |random| {
            let (base, new) = noise.pairs(30, effect, random);
            paired(&base, &new, &Rules::default())
        });
        let (mut slower, mut pairs) = (0.0, 0.0);
        for seed in 0..250 {
            let outcome = until_clear(noise, effect, MOST, &mut Random::new(seed));
            slower += if outcome.verdict == Verdict::Slower { 0.4 } else { 0.0 };
            pairs += count(usize::try_from(outcome.runs).unwrap()) / 250.0;
            assert_ne!(outcome.verdict, Verdict::Faster);
        }
        let name = format!("{noise:?}").to_lowercase();
        println!(
            "| {name} | +{:.0} % | {:.1} % | {slower:.1} % | {pairs:.0} |",
            (effect - 1.0) * 100.0,
            found.excluded
        );
        if noise == Noise::Typical {
            assert!(found.excluded >= 95.0, "{noise:?} {effect}: {found}");
        }
        if noise != Noise::Trace {
            assert!(slower >= 95.0, "{noise:?} {effect}: {slower}");
        }
    }
}

/// A hundred benchmarks of 30 pairs, ten of them slower: which part of what is selected is not, which part of the ten is.
#[test]
fn calibration_of_suites() {
    println!(
        "| suites of 100, 10 slower by | false among those selected | of the 10 selected | false verdicts in a suite |"
    );
    println!("|---|--:|--:|--:|");
    for effect in [1.03, 1.05] {
        let suites = 60;
        let (mut rate, mut power, mut called) = (0.0, 0.0, 0.0);
        for suite in 0..suites {
            let rules = Rules::default();
            let sides: Vec<(Vec<f64>, Vec<f64>)> = (0..100u64)
                .map(|i| {
                    let effect = if i < 10 { effect } else { 1.0 };
                    Noise::Typical.pairs(30, effect, &mut Random::new((suite << 40) + i))
                })
                .collect();
            let mut outcomes: Vec<Outcome> = sides.iter().map(|(base, new)| paired(base, new, &rules)).collect();
            let again = |index: usize, rules: &Rules| paired(&sides[index].0, &sides[index].1, rules);
            let selected = together(&mut outcomes, &rules, again).selected;
            let right = selected[..10].iter().filter(|selected| **selected).count();
            let wrong = selected[10..].iter().filter(|selected| **selected).count();
            let verdicts = outcomes[10..].iter().filter(|o| matches!(o.verdict, Verdict::Slower | Verdict::Faster));
            rate += 100.0 * count(wrong) / count((right + wrong).max(1)) / count(60);
            power += count(right) / count(60);
            called += count(verdicts.count()) / count(60);
        }
        println!("| {:.0} % | {rate:.1} % | {power:.1} | {called:.2} |", (effect - 1.0) * 100.0);
        assert!(rate <= 5.0 && power >= 8.0 && called <= 0.1, "{effect}: {rate} {power} {called}");
    }
}

/// The trace's noise is as rough as the runs that it stands for.
#[test]
fn calibration_trace_is_like_the_real_one() {
    let (mut r1, mut r100, mut variation) = (0.0, 0.0, 0.0);
    for seed in 0..20 {
        let x: Vec<f64> = Noise::Trace.row(8000, &mut Random::new(seed)).into_iter().map(f64::exp).collect();
        let mean = x.iter().sum::<f64>() / 8000.0;
        let lag = |lag: usize| x.iter().zip(&x[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
        variation += (lag(0) / 8000.0).sqrt() / mean / 20.0;
        r1 += lag(1) / lag(0) / 20.0;
        r100 += lag(100) / lag(0) / 20.0;
    }
    println!("trace: variation {variation:.2}, r1 {r1:.2}, r100 {r100:.2}");
    let near = |value: f64, real: f64| (value - real).abs() < 0.1;
    assert!(near(variation, 0.62) && near(r1, 0.86) && near(r100, 0.71), "{variation} {r1} {r100}");
}
