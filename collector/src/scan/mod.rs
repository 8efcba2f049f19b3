//! Static analysis of Python source: which caches a program declares, who calls them, and what may be wrong with them.
//!
//! One file a pass: `walk` finds files, `decode` makes text of them, `syntax` reads each into `facts` (the only place
//! that knows the parser), `exports` tells what others see of it, `project` joins them by modules and classes, `link`
//! tells what each call calls and `declare` what is a cache, `purity` what functions do besides, `findings` what that
//! means; `store` keeps it for the next time, `join` lays a recording over it, `replay` the keys in it. Must not judge a
//! cache by source alone.

pub(crate) mod declare;
mod decode;
mod exports;
pub mod facts;
mod findings;
pub mod guide;
pub mod join;
mod link;
mod project;
mod purity;
pub mod replay;
pub mod report;
mod store;
pub(crate) mod syntax;
pub mod text;
mod walk;
mod world;

#[cfg(test)]
mod tests;

use exports::Exports;
use facts::{FileFacts, Problem};
use findings::All;
use link::Links;
use project::{Project, Source};
use purity::{Memo, Part};
use report::{Counts, Scan};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{fs, mem, panic, thread};
use store::{ContentHash, Kept, Member, Store};
use walk::{Found, Walk};

/// Source files are not larger; what is, is data.
const LARGEST: u64 = 32 << 20;

/// How to scan.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder, or one file.
    pub root: PathBuf,
    /// Also installed packages and virtual environments in it.
    pub everything: bool,
    pub jobs: usize,
    /// Whether to keep facts, and to use those that were kept.
    pub stored: bool,
}

/// Scans a folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn scan(options: &Options) -> io::Result<Scan> {
    on_a_large_stack(|| scan_here(options))?
}

fn scan_here(options: &Options) -> io::Result<Scan> {
    let began = SystemTime::now();
    let root = fs::canonicalize(&options.root)?;
    let walk = walk::walk(&root, options.everything)?;
    let member = options.stored.then(|| Member::of(&root, options.everything)).flatten();
    let store = member.as_ref().and_then(Member::read);
    let mut read = each(options.jobs, &walk.files, |found| load(found, store.as_ref()));
    let changed = read.iter().any(|file| file.row.is_none() || file.opened);
    if !changed && let Some(store) = store.as_ref().filter(|store| store.same_files(&walk.files)) {
        return Ok(again(store, walk));
    }
    let outside = packages_above(&root);
    let tree = Tree { options, walk: &walk, store: store.as_ref(), outside };
    let facts = read.iter_mut().map(|file| file.facts.take()).collect();
    let (scan, project, links) = tree.analyse(read.iter().map(|file| file.row).collect(), facts);
    if let Some(member) = &member {
        let kept: Vec<Kept<'_>> = walk
            .files
            .iter()
            .zip(&read)
            .zip(project.sources.iter().zip(&links))
            .filter(|((_, file), _)| file.content.is_some())
            .map(|((found, file), (source, links))| Kept {
                found,
                content: file.content.unwrap_or_default(),
                facts: &source.facts,
                exports: source.exports.hash,
                links,
            })
            .collect();
        // A file that could not be read must be tried again.
        if kept.len() == walk.files.len() {
            member.write(began, &kept, &scan, options.jobs);
        }
    }
    // The program is about to end: to give their millions of pieces back one by one would take longer than the report.
    mem::forget((project, links));
    Ok(scan)
}

/// The bare speed of the parser on the same files: bytes, and how many of them parse.
///
/// # Errors
/// When the folder cannot be read.
pub fn parse_only(options: &Options) -> io::Result<(u64, usize)> {
    on_a_large_stack(|| parse_here(options))?
}

fn parse_here(options: &Options) -> io::Result<(u64, usize)> {
    let walk = walk::walk(&fs::canonicalize(&options.root)?, options.everything)?;
    let parsed = each(options.jobs, &walk.files, |found| {
        let bytes = fs::read(&found.full).unwrap_or_default();
        decode::decode(&bytes).map_or(0, |text| if syntax::parse_only(&text) { text.len() as u64 } else { 0 })
    });
    Ok((parsed.iter().sum(), parsed.iter().filter(|bytes| **bytes > 0).count()))
}

/// The result of last time, with what the walk says now.
fn again(store: &Store, walk: Walk) -> Scan {
    let mut scan = store.result().clone();
    scan.counts.parsed = 0;
    scan.counts.linked = 0;
    scan.problems.retain(|problem| walk.files.binary_search_by(|found| found.path.cmp(&problem.file)).is_ok());
    scan.problems.extend(walk.problems);
    scan
}

/// What a file says, and what others see of it.
type Told = (Box<FileFacts>, Exports);

fn told(facts: FileFacts) -> Told {
    let exports = Exports::of(&facts);
    (Box::new(facts), exports)
}

/// A file as it is now.
struct Loaded {
    /// Its row in the store, by stamp or content.
    row: Option<usize>,
    /// It had to be opened to tell.
    opened: bool,
    /// `None` where it could not be read.
    content: Option<ContentHash>,
    facts: Option<Told>,
}

fn load(found: &Found, store: Option<&Store>) -> Loaded {
    if let Some(store) = store
        && let Some(row) = store.unchanged(found)
    {
        return Loaded { row: Some(row), opened: false, content: Some(store.content(row)), facts: None };
    }
    if found.stamp.size > LARGEST {
        let what = format!("is larger than {} MB, and was left out", LARGEST >> 20);
        return Loaded {
            row: None,
            opened: true,
            content: Some([found.stamp.size, 0]),
            facts: Some(broken(None, what)),
        };
    }
    let bytes = match fs::read(&found.full) {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = walk::problem(&found.path, &error).what;
            return Loaded { row: None, opened: true, content: None, facts: Some(broken(None, what)) };
        }
    };
    let content = store::content_hash(&bytes);
    if let Some(row) = store.and_then(|store| store.with_content(&found.path, content)) {
        return Loaded { row: Some(row), opened: true, content: Some(content), facts: None };
    }
    Loaded { row: None, opened: true, content: Some(content), facts: Some(read(&bytes)) }
}

fn read(bytes: &[u8]) -> Told {
    match decode::decode(bytes) {
        Ok(text) => panic::catch_unwind(|| told(syntax::read(&text)))
            .unwrap_or_else(|_| broken(None, "the parser failed on it; please report the file".into())),
        Err((line, what)) => broken(line, what),
    }
}

fn broken(line: Option<u32>, what: String) -> Told {
    told(FileFacts { problem: Some(Problem { line, what }), ..FileFacts::default() })
}

/// What all passes over one folder share.
struct Tree<'a> {
    options: &'a Options,
    walk: &'a Walk,
    store: Option<&'a Store>,
    /// Packages around the folder, with a dot at the end.
    outside: String,
}

impl Tree<'_> {
    fn analyse(&self, mut rows: Vec<Option<usize>>, read: Vec<Option<Told>>) -> (Scan, Project, Vec<Links>) {
        let missing: Vec<usize> = (0..read.len()).filter(|number| read[*number].is_none()).collect();
        let mut found = each(self.options.jobs, &missing, |number| match rows[*number] {
            Some(row) => match self.store.and_then(|store| store.facts(row)) {
                Some(facts) => (told(facts), false),
                // A part of the store is damaged.
                None => (
                    fs::read(&self.walk.files[*number].full)
                        .map_or_else(|_| broken(None, "cannot be read".into()), |bytes| self::read(&bytes)),
                    true,
                ),
            },
            None => (told(FileFacts::default()), true),
        })
        .into_iter();
        let facts: Vec<(Told, bool)> = read
            .into_iter()
            .map(|facts| match facts {
                Some(facts) => (facts, true),
                None => found.next().unwrap_or_default(),
            })
            .collect();
        let parsed: Vec<bool> = facts.iter().map(|(_, parsed)| *parsed).collect();
        for (row, parsed) in rows.iter_mut().zip(&parsed) {
            *row = row.filter(|_| !parsed);
        }
        let sources = self.sources(facts.into_iter().map(|(facts, _)| facts));
        let project = Project::new(sources);
        let (links, parts, linked) = self.links(&project, &rows);
        let purity = purity::analyse(&project, &parts);
        let all = All::new(&project, &links, &purity);
        let caches = all.caches();
        let candidates = all.candidates(&caches);
        let scan = Scan {
            version: report::VERSION,
            root: self.options.root.display().to_string(),
            counts: counts(&project, &links, parsed.iter().filter(|parsed| **parsed).count(), linked),
            caches,
            candidates,
            problems: self.problems(&project),
            recording: None,
        };
        drop(all);
        (scan, project, links)
    }

    fn sources(&self, facts: impl Iterator<Item = Told>) -> Vec<Source> {
        let packages: std::collections::HashSet<&str> =
            self.walk.files.iter().filter_map(|found| found.path.strip_suffix("__init__.py")).collect();
        self.walk
            .files
            .iter()
            .zip(facts)
            .map(|(found, (facts, exports))| {
                let (module, is_package) = module_name(&found.path, &packages, &self.outside);
                Source { path: found.path.clone(), module, is_package, is_test: is_test(&found.path), facts, exports }
            })
            .collect()
    }

    /// Links of all files; those whose answers cannot have changed are taken from the store.
    /// With them what the files tell of their functions, and how many files were linked.
    fn links(&self, project: &Project, rows: &[Option<usize>]) -> (Vec<Links>, Vec<Part>, usize) {
        let kept = self.store.filter(|store| store.same_files(&self.walk.files));
        let changed: Vec<bool> = project
            .sources
            .iter()
            .zip(rows)
            .map(|(source, row)| match (kept, row) {
                (Some(store), Some(row)) => store.exports(*row) != source.exports.hash,
                // A file that was parsed anew may show the same names as before.
                (Some(store), None) => store.row_exports(&source.path) != Some(source.exports.hash),
                _ => true,
            })
            .collect();
        let numbers: Vec<usize> = (0..rows.len()).collect();
        let memo = Memo::new(project);
        let all = each(self.options.jobs, &numbers, |number| {
            let file = u32::try_from(*number).unwrap_or(u32::MAX);
            let row =
                rows[*number].filter(|row| kept.is_some_and(|store| store.is_at(*row, &project.sources[*number].path)));
            let links = kept.zip(row).and_then(|(store, row)| store.links(row));
            let links = links.filter(|links| !links.consulted.iter().any(|file| changed[*file as usize]));
            let linked = links.is_none();
            let links = links.unwrap_or_else(|| link::link(project, file));
            // While the file's facts are at hand.
            let part = purity::part(project, &memo, file, &links);
            (links, part, linked)
        });
        let linked = all.iter().filter(|(.., linked)| *linked).count();
        let (links, parts) = all.into_iter().map(|(links, part, _)| (links, part)).unzip();
        (links, parts, linked)
    }

    fn problems(&self, project: &Project) -> Vec<report::Problem> {
        let in_files = project.sources.iter().filter_map(|source| {
            let problem = source.facts.problem.as_ref()?;
            Some(report::Problem { file: source.path.clone(), line: problem.line, what: problem.what.clone() })
        });
        let mut problems: Vec<report::Problem> = in_files.chain(self.walk.problems.iter().cloned()).collect();
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        problems
    }
}

fn counts(project: &Project, links: &[Links], parsed: usize, linked: usize) -> Counts {
    let sum = |of: fn(&FileFacts) -> u64| project.sources.iter().map(|source| of(&source.facts)).sum();
    let known = |target: &link::Target| !matches!(target, link::Target::Nothing | link::Target::Named(_, false));
    let resolved = links.iter().flat_map(|links| &links.targets).filter(|target| known(target)).count();
    Counts {
        files: project.sources.len() as u64,
        lines: sum(|facts| u64::from(facts.lines)),
        bytes: sum(|facts| facts.bytes),
        functions: sum(|facts| facts.functions.len() as u64),
        classes: sum(|facts| facts.classes.len() as u64),
        calls: sum(|facts| facts.calls.len() as u64),
        calls_resolved: resolved as u64,
        parsed: parsed as u64,
        linked: linked as u64,
    }
}

/// `a.b.` for a folder that lies in the package `a.b` itself.
fn packages_above(root: &Path) -> String {
    let mut names = Vec::new();
    let mut at = if root.is_file() { root.parent().unwrap_or(root) } else { root };
    while at.join("__init__.py").is_file() {
        let Some(name) = at.file_name() else { break };
        names.push(name.to_string_lossy().into_owned());
        let Some(parent) = at.parent() else { break };
        at = parent;
    }
    names.iter().rev().fold(String::new(), |all, name| all + name + ".")
}

/// The dotted name of a file's module: from the first folder up that has no `__init__.py`.
fn module_name(path: &str, packages: &std::collections::HashSet<&str>, outside: &str) -> (String, bool) {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let is_package = stem == "__init__" || stem.ends_with("/__init__");
    let whole = if is_package { stem.trim_end_matches("__init__").trim_end_matches('/') } else { stem };
    let mut folder = match (is_package, whole.rsplit_once('/')) {
        (_, Some((folder, _))) => folder,
        (_, None) => "",
    };
    let mut from = whole.rfind('/').map_or(0, |at| at + 1);
    loop {
        let key = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        if !packages.contains(key.as_str()) {
            return (whole[from..].replace('/', "."), is_package);
        }
        if folder.is_empty() {
            let name = format!("{outside}{}", whole.replace('/', "."));
            return (name.trim_end_matches('.').to_owned(), is_package);
        }
        from = folder.rfind('/').map_or(0, |at| at + 1);
        folder = folder.rfind('/').map_or("", |at| &folder[..at]);
    }
}

/// Whether a file holds tests, by the names that pytest and unittest look for; `latest.py` is none.
fn is_test(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    folders.split('/').any(|folder| matches!(folder, "test" | "tests" | "testing" | "idlelib_test" | "idle_test"))
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || matches!(stem, "test" | "tests" | "conftest")
}

/// Does all work on a thread whose stack holds deeply nested sources. What comes after reading is done there as well, in
/// the memory that the parser's trees have left.
fn on_a_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> io::Result<R> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(syntax::STACK_BYTES).spawn_scoped(scope, work)?;
        thread.join().map_or_else(|panic| panic::resume_unwind(panic), Ok)
    })
}

/// Does the same with each item, on this thread and others, in the order of the items.
fn each<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        let mut mine = Vec::new();
        loop {
            // Several at once, so that the counter is not what everybody waits for.
            let from = next.fetch_add(4, Ordering::Relaxed);
            if from >= items.len() {
                break;
            }
            for (number, item) in items.iter().enumerate().skip(from).take(4) {
                mine.push((number, work(item)));
            }
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mine);
    };
    thread::scope(|scope| {
        for _ in 1..jobs.min(items.len().div_ceil(4)) {
            // Where there is no further thread, the others do its work.
            thread::Builder::new().stack_size(syntax::STACK_BYTES).spawn_scoped(scope, worker).ok();
        }
        worker();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
