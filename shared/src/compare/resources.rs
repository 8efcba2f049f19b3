//! What two sides used besides time.

use crate::model::{Bundle, ResourceSample, Unit};
use crate::stats::median;
use crate::units::{Bytes, Nanos};
use serde::Serialize;
use std::collections::BTreeMap;

/// One figure of both sides: medians over the recordings of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Resource {
    /// Names of the sides.
    pub base: String,
    pub new: String,
    pub name: &'static str,
    pub unit: Unit,
    /// `None` where not measured.
    pub base_value: Option<f64>,
    pub new_value: Option<f64>,
    /// New over base.
    pub ratio: Option<f64>,
}

/// Peaks and sums of two sides, those that one of them measured.
#[must_use]
pub fn resources(base: &[&Bundle], new: &[&Bundle]) -> Vec<Resource> {
    let sides = [base, new].map(|side| side.iter().map(|bundle| figures(bundle)).collect::<Vec<_>>());
    let names: [(&'static str, Unit); 10] = [
        ("peak memory of the tree", Unit::Bytes),
        ("peak memory of one process", Unit::Bytes),
        ("processes", Unit::Count),
        ("threads", Unit::Count),
        ("read", Unit::Bytes),
        ("written", Unit::Bytes),
        ("minor faults", Unit::Count),
        ("major faults", Unit::Count),
        ("voluntary switches", Unit::Count),
        ("involuntary switches", Unit::Count),
    ];
    let of = |side: &[BTreeMap<&str, f64>], name: &str| {
        let values: Vec<f64> = side.iter().filter_map(|figures| figures.get(name).copied()).collect();
        median(&values)
    };
    let row = |(name, unit)| {
        let (base_value, new_value) = (of(&sides[0], name), of(&sides[1], name));
        let ratio = base_value.zip(new_value).filter(|(base, _)| *base > 0.0).map(|(base, new)| new / base);
        Resource { name, unit, base_value, new_value, ratio, ..Resource::default() }
    };
    let known = |row: &Resource| row.base_value.is_some() || row.new_value.is_some();
    names.into_iter().map(row).filter(known).collect()
}

/// Sums are those of one run.
fn figures(bundle: &Bundle) -> BTreeMap<&'static str, f64> {
    let summary = &bundle.manifest.summary;
    let runs = Nanos(bundle.runs.iter().filter(|run| run.counts()).count().max(1) as u64).as_f64();
    let mut figures = BTreeMap::new();
    let mut put = |name: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            figures.insert(name, value);
        }
    };
    let count = |n: u64| Nanos(n).as_f64();
    put("peak memory of the tree", summary.rss_bytes_max.map(Bytes::as_f64));
    put("peak memory of one process", summary.peak_process_rss_bytes.map(Bytes::as_f64));
    put("processes", (summary.processes > 0).then(|| count(summary.processes) / runs));
    put("threads", summary.threads_max.map(count));
    let last = last_readings(bundle);
    // A process that was there is not one that did nothing: without a reading nothing is known.
    let sum = |of: &dyn Fn(&ResourceSample) -> Option<f64>| {
        let values: Vec<f64> = last.iter().filter_map(|sample| of(sample)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / runs)
    };
    put("read", sum(&|sample| sample.read_bytes.map(Bytes::as_f64)));
    put("written", sum(&|sample| sample.written_bytes.map(Bytes::as_f64)));
    put("minor faults", sum(&|sample| Some(count(sample.minor_faults))));
    put("major faults", sum(&|sample| Some(count(sample.major_faults))));
    put("voluntary switches", sum(&|sample| sample.voluntary_switches.map(count)));
    put("involuntary switches", sum(&|sample| sample.involuntary_switches.map(count)));
    figures
}

/// The last reading of each process: counters are sums since its start.
fn last_readings(bundle: &Bundle) -> Vec<&ResourceSample> {
    let mut last: BTreeMap<u32, Vec<&ResourceSample>> = BTreeMap::new();
    for sample in &bundle.timeline.samples {
        let known = last.entry(sample.pid).or_default();
        match known.last_mut() {
            // Counters that fall are those of another process with the same number.
            Some(before) if before.minor_faults <= sample.minor_faults => *before = sample,
            _ => known.push(sample),
        }
    }
    last.into_values().flatten().collect()
}
