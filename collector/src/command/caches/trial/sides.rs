//! The sides of a trial: the command as it is, and with caches changed. Each has a recorder of its own, so that both pay the
//! same for it and tell what their caches counted.

use crate::agent::{Injection, Options, SIZE_AS_IS, Sized, sized};
use crate::cli::{NewSize, Setting};
use crate::launch::Variable;
use anyhow::Context;
use perfcollect_shared::model::Warning;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::{env, io};

/// The first is the command as it is.
pub(super) struct Sides {
    pub(super) all: Vec<Side>,
    folder: PathBuf,
}

/// One side.
pub(super) struct Side {
    pub(super) name: String,
    /// What is changed.
    pub(super) set: Vec<Setting>,
    folder: PathBuf,
    injection: Injection,
}

/// Name of the side that nothing is changed on.
const AS_IS: &str = "as it is";

impl Sides {
    /// Makes the recorders.
    pub(super) fn new(tried: &[Setting], each: bool) -> anyhow::Result<Self> {
        let mut sides = Self { all: Vec::new(), folder: folder()? };
        sides.add(tried, Vec::new()).context("cannot write the recorder for Python")?;
        if each {
            for one in tried {
                sides.add(tried, vec![one.clone()]).context("cannot write the recorder for Python")?;
            }
        } else {
            sides.add(tried, tried.to_vec()).context("cannot write the recorder for Python")?;
        }
        Ok(sides)
    }

    /// One that changes nothing and tells of every cache.
    pub(super) fn watching() -> anyhow::Result<Self> {
        let mut sides = Self { all: Vec::new(), folder: folder()? };
        sides.add(&[], Vec::new()).context("cannot write the recorder for Python")?;
        Ok(sides)
    }

    fn add(&mut self, watched: &[Setting], set: Vec<Setting>) -> io::Result<()> {
        let folder = self.folder.join(self.all.len().to_string());
        DirBuilder::new().mode(0o711).create(&folder)?;
        let size = |name: &str| set.iter().find(|one| one.name == name).map_or(SIZE_AS_IS, |one| code(one.size));
        let sizes = watched.iter().map(|one| (one.name.clone(), size(&one.name))).collect();
        let injection = Injection::install(&folder, &Options { sizes: Some(sizes), ..Options::default() })?;
        let name = set.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let name = if name.is_empty() { AS_IS.to_owned() } else { name };
        self.all.push(Side { name, set, folder, injection });
        Ok(())
    }

    /// What was set and not found in the runs that were measured.
    pub(super) fn missing(&self) -> Vec<(String, String)> {
        let missing = |side: &Side| -> Vec<(String, String)> {
            let found = side.read().unwrap_or_default();
            let names = side.set.iter().filter(|setting| !found.caches.contains_key(&setting.name));
            names.map(|setting| (setting.name.clone(), side.name.clone())).collect()
        };
        self.all.iter().flat_map(missing).collect()
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        let told = |(what, side): (String, String)| {
            let reason = format!("it was made in no run of `{side}`, so that nothing was changed there");
            Warning::Cache { what, reason, fix: "look at its name".to_owned() }
        };
        self.missing().into_iter().map(told).collect()
    }
}

fn folder() -> anyhow::Result<PathBuf> {
    let folder = env::temp_dir().join(format!("perfcollect-try-{}-{:x}", std::process::id(), fastrand::u64(..)));
    DirBuilder::new().mode(0o711).create(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

impl Drop for Sides {
    fn drop(&mut self) {
        // In the folder of temporary files; what stays does no harm.
        fs::remove_dir_all(&self.folder).ok();
    }
}

impl Side {
    /// What the program's environment needs.
    pub(super) fn variable(&self) -> Variable {
        self.injection.variable()
    }

    /// Size of each cache, as parameters of a benchmark.
    pub(super) fn parameters(&self, tried: &[Setting]) -> BTreeMap<String, String> {
        let size = |name: &str| self.set.iter().find(|one| one.name == name).map(|one| one.size.to_string());
        let sized = tried.iter().map(|one| (one.name.clone(), size(&one.name).unwrap_or_else(|| AS_IS.to_owned())));
        sized.collect()
    }

    /// What its caches told so far.
    pub(super) fn read(&self) -> anyhow::Result<Sized> {
        sized(&self.folder).with_context(|| format!("cannot read {}", self.folder.display()))
    }
}

/// As the recorder's module `resize` knows it.
fn code(size: NewSize) -> i64 {
    match size {
        NewSize::Off => 0,
        NewSize::Entries(entries) => entries.into(),
        NewSize::Unlimited => -2,
    }
}
