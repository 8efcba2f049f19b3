//! When a measurement has enough runs.

use super::columns::Columns;
use crate::cli::{BenchArgs, Runs};
use perfcollect_shared::stats::{MOST, Outcome, Rules, Sequential, Verdict, paired, summary, together};
use std::time::{Duration, Instant};

/// One benchmark alone is measured at least so long, if nothing else is asked for.
const ALONE: Duration = Duration::from_secs(3);
/// Fewest runs with `auto`.
const FEWEST: usize = 10;
/// CPU time that is a smaller part of wall time decides nothing: its noise would keep a waiting program running.
const PART_OF_WALL: f64 = 0.1;

/// Says how many more runs are wanted.
#[derive(Debug)]
pub struct Enough {
    rules: Rules,
    exactly: Option<usize>,
    fewest: usize,
    most: Option<usize>,
    longest: Duration,
    begun: Instant,
    looks: Option<Sequential>,
    /// What the runs so far may be judged by.
    judged_by: Rules,
}

impl Enough {
    /// For a measurement of so many benchmarks that take turns (1: each is alone).
    #[must_use]
    pub fn new(args: &BenchArgs, benchmarks: usize, rules: &Rules) -> Self {
        let number = |given: Option<std::num::NonZeroU32>| given.map(|number| number.get() as usize);
        let exactly = match args.runs {
            Runs::Auto => None,
            Runs::Exactly(number) => number.get().try_into().ok(),
        };
        let most = number(args.max_runs);
        let fewest = number(args.min_runs).unwrap_or(FEWEST).min(most.unwrap_or(usize::MAX));
        let compared = exactly.is_none() && benchmarks > 1;
        let looks = compared.then(|| Sequential::new(rules, most.unwrap_or(MOST).max(fewest)));
        Self {
            rules: *rules,
            exactly,
            fewest,
            most,
            longest: args.max_time,
            begun: Instant::now(),
            looks,
            judged_by: *rules,
        }
    }

    /// The time counts from now.
    pub fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// The rules that results may be judged by.
    #[must_use]
    pub fn judged_by(&self) -> Rules {
        self.judged_by
    }

    /// Runs that a bar may count to.
    #[must_use]
    pub fn goal(&self, done: usize) -> Option<usize> {
        let next = |looks: &Sequential| looks.next(done);
        self.exactly.or(self.most).or_else(|| self.looks.as_ref().map(next))
    }

    /// How many more runs of each of `which` are wanted at least until the next question; `None` where there are enough.
    pub fn more(&mut self, done: usize, which: &[usize], columns: &[Columns]) -> Option<usize> {
        if let Some(exactly) = self.exactly {
            return exactly.checked_sub(done).filter(|&left| left > 0);
        }
        if done == 0 {
            self.begin();
            return Some(self.looks.as_ref().map_or(self.fewest, Sequential::first));
        }
        let late = self.begun.elapsed() >= self.longest && done >= self.fewest.min(FEWEST);
        match self.looks.clone() {
            Some(looks) => self.compared(&looks, done, late, which, columns),
            None => self.alone(done, late, which, columns),
        }
    }

    fn alone(&self, done: usize, late: bool, which: &[usize], columns: &[Columns]) -> Option<usize> {
        let left = self.most.map_or(usize::MAX, |most| most.saturating_sub(done));
        if left == 0 || late {
            return None;
        }
        if done < self.fewest {
            return Some(self.fewest - done);
        }
        let precise = || {
            let walls = which.first().map_or(&[][..], |&index| columns[index].values("wall_ns"));
            let reached = summary(walls, self.rules.confidence).and_then(|summary| summary.precision());
            reached.is_some_and(|reached| reached <= self.rules.margin)
        };
        if self.begun.elapsed() >= ALONE && precise() { None } else { Some(left.min(done)) }
    }

    fn compared(
        &mut self,
        looks: &Sequential,
        done: usize,
        late: bool,
        which: &[usize],
        columns: &[Columns],
    ) -> Option<usize> {
        let next = looks.next(done);
        if late && done < looks.most() {
            self.judged_by = looks.closing(done);
            return None;
        }
        // Between two looks nothing is looked at.
        if !looks.is_due(done) {
            return Some(next - done);
        }
        self.judged_by = looks.rules(done);
        let (base, others) = which.split_first()?;
        let others: Vec<&Columns> = others.iter().map(|&new| &columns[new]).collect();
        let clear = is_clear(&self.judged_by, &columns[*base], &others);
        let enough = (clear && done >= self.fewest) || done >= looks.most();
        if enough { None } else { Some(next - done) }
    }
}

/// Whether every time can be judged, as the report will judge them: all together.
fn is_clear(rules: &Rules, base: &Columns, others: &[&Columns]) -> bool {
    let metrics = ["wall_ns", "cpu_ns"];
    let pairs: Vec<(&str, &Columns)> =
        others.iter().flat_map(|new| metrics.into_iter().map(move |metric| (metric, *new))).collect();
    let judge = |index: usize, rules: &Rules| {
        let (metric, new) = pairs[index];
        paired(base.values(metric), new.values(metric), rules)
    };
    let mut outcomes: Vec<Outcome> = (0..pairs.len()).map(|index| judge(index, rules)).collect();
    together(&mut outcomes, rules, judge);
    let wanted = pairs.iter().map(|(metric, _)| *metric == "wall_ns" || decides(base));
    wanted.zip(&outcomes).all(|(wanted, outcome)| !wanted || outcome.verdict != Verdict::Inconclusive)
}

fn decides(columns: &Columns) -> bool {
    let sum = |metric| columns.values(metric).iter().sum::<f64>();
    sum("cpu_ns") > PART_OF_WALL * sum("wall_ns")
}
