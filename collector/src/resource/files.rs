//! Open files.

use super::Probe;
use crate::tree::Stat;
use perfcollect_shared::model::ResourceSample;
use std::fs;

/// From `/proc/PID/fd`: its size is the count since Linux 6.2, before that its entries are counted.
pub(super) struct OpenFiles;

impl Probe for OpenFiles {
    fn read(&self, stat: &Stat, _: Option<&ResourceSample>, sample: &mut ResourceSample) {
        let folder = format!("/proc/{}/fd", sample.pid);
        let count = match fs::metadata(&folder) {
            _ if stat.is_dead() => Some(0),
            Ok(metadata) if metadata.len() > 0 => usize::try_from(metadata.len()).ok(),
            _ => fs::read_dir(&folder).ok().map(Iterator::count),
        };
        sample.open_files = count.and_then(|count| u32::try_from(count).ok());
    }
}
