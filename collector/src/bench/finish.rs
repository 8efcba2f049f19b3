//! From the spool of a benchmark to its bundle, at a normal end and after a kill alike.

use super::session::{End, Measured};
use crate::pack::write_in_place_with;
use crate::spool;
use anyhow::Context;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, Manifest, Run, Warning};
use perfcollect_shared::units::{Bytes, Nanos};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// Whether a spool is one of runs only.
#[must_use]
pub fn is_spool(spool: &Path) -> bool {
    let there = |name: &str| spool.join(name).is_file();
    there(spool::BENCHMARKS) && !there(spool::NATIVE) && !there(spool::TIMELINE)
}

/// Writes the bundle. The runs are copied from the spool, which stays.
///
/// # Errors
/// When the spool cannot be read or the bundle not be written.
pub fn pack(spool: &Path, target: &Path, manifest: Manifest) -> anyhow::Result<Bytes> {
    let runs = spool.join(spool::BENCHMARKS);
    let told = || format!("cannot read {}", runs.display());
    let mut runs = File::open(&runs).with_context(told)?;
    let bundle = Bundle { manifest, ..Bundle::default() };
    write_in_place_with(target, |file| {
        let mut out = BufWriter::with_capacity(64 * 1024, file);
        bundle::write_runs(&bundle, &mut runs, &mut out)?;
        Ok(out.flush()?)
    })?;
    Ok(Bytes(fs::metadata(target).map_or(0, |metadata| metadata.len())))
}

/// What the end of a measurement adds to the manifest.
pub fn complete(manifest: &mut Manifest, measured: &Measured, warnings: Vec<Warning>) {
    manifest.exit = measured.exit.unwrap_or_default();
    manifest.wall_ns = Some(Nanos(u64::try_from(measured.wall.as_nanos()).unwrap_or(u64::MAX)));
    manifest.cpu_ns = Some(Nanos(whole(measured.cpu_ns)));
    manifest.overhead.child_rss_floor_bytes = Some(Bytes(measured.rss_floor_kib * 1024));
    let rss = measured.columns.iter().flat_map(|columns| columns.values("rss_bytes")).copied().fold(0.0, f64::max);
    manifest.summary.peak_process_rss_bytes = Some(Bytes(whole(rss))).filter(|&rss| rss > Bytes::ZERO);
    let bench = &mut manifest.settings.bench;
    bench.insert("confidence".to_owned(), measured.rules.confidence.to_string());
    if let Some(start) = measured.shell_start_ns {
        bench.insert("shell_start_ns".to_owned(), start.to_string());
    }
    manifest.warnings.extend(warnings);
    let reason = match &measured.end {
        End::Done => measured.not_kept.as_ref().map(|error| format!("runs could not be written: {error}")),
        End::Interrupted(signal) => Some(format!("ended by signal {signal} before its time")),
        End::Failed(failure) => Some(failure.to_string()),
    };
    manifest.partial = reason.is_some();
    manifest.warnings.extend(reason.map(|reason| Warning::Partial { reason }));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sums of what was counted in whole numbers"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

/// Makes a bundle of the spool of a measurement that was killed; its runs, and how many they are.
///
/// # Errors
/// As [`pack`].
pub fn recover(spool: &Path, target: &Path) -> anyhow::Result<u64> {
    let bytes = fs::read(spool.join(spool::MANIFEST)).with_context(|| format!("cannot read {}", spool.display()))?;
    let mut manifest: Manifest = serde_json::from_slice(&bytes)
        .with_context(|| format!("the {} of the measurement is damaged", spool::MANIFEST))?;
    let path = spool.join(spool::BENCHMARKS);
    let whole = whole_lines(&path).with_context(|| format!("cannot read {}", path.display()))?;
    // A last line that was cut is no run.
    File::options().write(true).open(&path).and_then(|file| file.set_len(whole.bytes))?;
    manifest.wall_ns = Some(whole.last);
    manifest.partial = true;
    let reason = "perfcollect itself was ended before the last run; recovered from what it had written".to_owned();
    manifest.warnings.push(Warning::Partial { reason });
    pack(spool, target, manifest)?;
    spool::remove(spool)?;
    Ok(whole.count)
}

struct Whole {
    bytes: u64,
    count: u64,
    /// End of the last run.
    last: Nanos,
}

/// The part of a file of runs that can be read.
fn whole_lines(path: &Path) -> io::Result<Whole> {
    let mut reader = BufReader::with_capacity(256 * 1024, File::open(path)?);
    let (mut line, mut whole) = (Vec::new(), Whole { bytes: 0, count: 0, last: Nanos::ZERO });
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        if read == 0 || !line.ends_with(b"\n") {
            return Ok(whole);
        }
        let Ok(run) = serde_json::from_slice::<Run>(&line) else { return Ok(whole) };
        whole.bytes += read;
        whole.count += 1;
        let wall = run.metrics.get("wall_ns").copied().unwrap_or(0.0);
        whole.last = run.t_ns.unwrap_or_default() + Nanos(self::whole(wall));
    }
}
