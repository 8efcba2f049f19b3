//! How busy the machine is, read between blocks: not more often than it costs next to nothing.

use perfcollect_shared::model::Pressure;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// A reading costs about 22 µs.
const EVERY: Duration = Duration::from_millis(50);

/// What goes with a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) load: Option<f64>,
    pub(super) pressure: Vec<Pressure>,
}

/// The files, held open.
#[derive(Debug)]
pub(super) struct Load {
    average: Option<File>,
    pressure: Vec<(&'static str, File)>,
    read: Option<Instant>,
}

impl Load {
    #[must_use]
    pub(super) fn open() -> Self {
        let pressure = ["cpu", "memory", "io"];
        let open = |name: &'static str| Some((name, File::open(format!("/proc/pressure/{name}")).ok()?));
        Self {
            average: File::open("/proc/loadavg").ok(),
            pressure: pressure.into_iter().filter_map(open).collect(),
            read: None,
        }
    }

    /// Reads, unless that was done just now.
    pub(super) fn read(&mut self) -> Option<Reading> {
        if self.read.is_some_and(|read| read.elapsed() < EVERY) {
            return None;
        }
        self.read = Some(Instant::now());
        let load = self.average.as_ref().and_then(text).and_then(|text| text.split(' ').next()?.parse().ok());
        let pressure = self.pressure.iter().filter_map(|(resource, file)| {
            let some_10s = crate::environment::parse_pressure(&text(file)?)?;
            Some(Pressure { resource: (*resource).to_owned(), some_10s })
        });
        Some(Reading { load, pressure: pressure.collect() })
    }
}

fn text(file: &File) -> Option<String> {
    let mut bytes = [0; 512];
    let length = file.read_at(&mut bytes, 0).ok()?;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_read_but_not_at_once_again() {
        let mut load = Load::open();
        assert!(load.read().unwrap().load.is_some());
        assert_eq!(load.read(), None);
    }
}
