//! How much figures differ without any change: between sessions, and between runs of one side.

use crate::bench::{BenchSet, Metric};
use crate::stats::{self, Method, Rules, median};

/// Relative standard deviation between sessions of one benchmark that is assumed where nothing is known.
const ASSUMED: f64 = 0.015;
/// So many earlier sessions tell how sessions differ.
const SESSIONS: usize = 5;

/// What is known of how sessions of the same program differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionNoise {
    /// Relative standard deviation that the reader gives; 0 for "one session".
    pub given: Option<f64>,
    /// Earlier sessions, oldest first.
    pub history: Vec<BenchSet>,
}

impl SessionNoise {
    /// What the reader says, as a part of one: 0.01 for 1 %.
    #[must_use]
    pub fn given(sd: f64) -> Self {
        Self { given: Some(sd), ..Self::default() }
    }

    /// Relative standard deviation between sessions of a metric, and where that is from.
    ///
    /// Of a history it is the median step between neighbours over √2, times 1.4826 as of normal noise: a change that stays
    /// is one step among many and does not count as noise.
    #[must_use]
    pub fn of(&self, benchmark: &str, metric: &str, like: &BenchSet) -> (f64, String) {
        if let Some(sd) = self.given {
            return (sd, String::new());
        }
        let same = self.history.iter().filter(|set| set.config == like.config);
        let logs: Vec<f64> = same
            .filter_map(|set| {
                let values = &set.benchmarks.iter().find(|other| other.name == benchmark)?.metric(metric)?.values;
                median(values).filter(|median| *median > 0.0).map(f64::ln)
            })
            .collect();
        let steps: Vec<f64> = logs.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        match median(&steps) {
            Some(step) if logs.len() >= SESSIONS => {
                let sd = step * 1.4826 / std::f64::consts::SQRT_2;
                (sd, format!("sessions differ by {:.1} % (from {} earlier ones)", sd * 100.0, logs.len()))
            }
            _ => (
                ASSUMED,
                format!(
                    "measured in different sessions, which are taken to differ by {:.1} % without any change (--session-noise \
                     says otherwise)",
                    ASSUMED * 100.0
                ),
            ),
        }
    }
}

/// Half the width of the interval, as a ratio minus 1, that a metric's own runs show when they are compared with each other
/// as two sides were: the wider of both sides. `None` where a side has too few for any interval.
pub(super) fn floor(base: &Metric, new: &Metric, method: Method, rules: &Rules) -> Option<f64> {
    let own = |metric: &Metric| {
        let of = |first: usize| metric.values.iter().copied().skip(first).step_by(2).collect::<Vec<f64>>();
        let (even, odd) = (of(0), of(1));
        let outcome = match method {
            Method::Paired => stats::paired(&even, &odd, rules),
            _ => stats::independent(&even, &odd, rules),
        };
        let ratio = outcome.ratio.filter(|ratio| ratio.low > 0.0 && ratio.high.is_finite())?;
        // Two halves have half the runs that two sides have.
        Some((ratio.high.ln() - ratio.low.ln()) / 2.0 / std::f64::consts::SQRT_2)
    };
    Some(f64::max(own(base)?, own(new)?).exp_m1())
}
