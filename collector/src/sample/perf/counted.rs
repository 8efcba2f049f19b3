//! Events beside the clock: opened into the same rings, sampled by frequency, and counted for every thread.
//!
//! Owns the list of events and the counts of processes. A thread's count comes from the kernel's record of its end, and that
//! of the program's first thread, which has none, is what is left of the whole. Must not scale or attribute: `pack` does.

use super::{Unavailable, events};
use crate::hardware::{read_misses, values};
use perf_event_open_sys::bindings as b;
use perfcollect_shared::model::{ProcessCounter, Warning};
use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::fd::OwnedFd;

/// Samples a second of each event and thread, where it happens that often. At a much lower rate the kernel's choice of the
/// period overshoots in bursts, so that few samples are left; perf asks for 4000.
const RATE_HZ: u64 = 999;

/// An event that can be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// As `perf list` has it.
    pub name: &'static str,
    /// What else it may be called; empty for nothing.
    short: &'static str,
    kind: u32,
    number: u64,
    /// It happens in the kernel, and is never seen where only user code may be.
    in_kernel: bool,
}

const fn hardware(name: &'static str, short: &'static str, number: u32) -> Event {
    Event { name, short, kind: b::PERF_TYPE_HARDWARE, number: number as u64, in_kernel: false }
}

const fn cache(name: &'static str, short: &'static str, cache: u32) -> Event {
    Event { name, short, kind: b::PERF_TYPE_HW_CACHE, number: read_misses(cache), in_kernel: false }
}

const fn software(name: &'static str, short: &'static str, number: u32, in_kernel: bool) -> Event {
    Event { name, short, kind: b::PERF_TYPE_SOFTWARE, number: number as u64, in_kernel }
}

/// Every event, in the order of the help.
const EVENTS: [Event; 12] = [
    cache("L1-dcache-load-misses", "l1", b::PERF_COUNT_HW_CACHE_L1D),
    cache("LLC-load-misses", "llc", b::PERF_COUNT_HW_CACHE_LL),
    cache("dTLB-load-misses", "dtlb", b::PERF_COUNT_HW_CACHE_DTLB),
    hardware("branch-misses", "branch", b::PERF_COUNT_HW_BRANCH_MISSES),
    hardware("cache-misses", "cache", b::PERF_COUNT_HW_CACHE_MISSES),
    hardware("instructions", "", b::PERF_COUNT_HW_INSTRUCTIONS),
    hardware("cycles", "cpu-cycles", b::PERF_COUNT_HW_CPU_CYCLES),
    software("page-faults", "faults", b::PERF_COUNT_SW_PAGE_FAULTS, false),
    software("minor-faults", "", b::PERF_COUNT_SW_PAGE_FAULTS_MIN, false),
    software("major-faults", "", b::PERF_COUNT_SW_PAGE_FAULTS_MAJ, false),
    software("context-switches", "cs", b::PERF_COUNT_SW_CONTEXT_SWITCHES, true),
    software("cpu-migrations", "migrations", b::PERF_COUNT_SW_CPU_MIGRATIONS, true),
];

/// The event of a name or of its short form, in any case.
///
/// # Errors
/// What there is instead, the nearest first.
pub fn event(name: &str) -> Result<&'static Event, String> {
    let is = |known: &str| !known.is_empty() && known.eq_ignore_ascii_case(name);
    EVENTS.iter().find(|event| is(event.name) || is(event.short)).ok_or_else(|| {
        let near = |event: &Event| strsim::jaro_winkler(&event.name.to_lowercase(), &name.to_lowercase());
        let nearest = EVENTS.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|event| near(event) > 0.8);
        let nearest = nearest.map_or_else(String::new, |event| format!("did you mean {}? ", event.name));
        let both = |event: &Event| match event.short {
            "" => event.name.to_owned(),
            short => format!("{} ({short})", event.name),
        };
        format!("{nearest}there are {}", EVENTS.iter().map(both).collect::<Vec<_>>().join(", "))
    })
}

/// Says that an event is not counted, and why.
#[must_use]
pub fn not_counted(event: &Event, why: &Unavailable) -> Warning {
    let reason = format!("not counted: {}", why.reason);
    Warning::Event { what: event.name.to_owned(), reason, fix: why.fix.clone() }
}

/// One event of all CPUs.
#[derive(Debug)]
struct Opened {
    name: &'static str,
    /// One for each CPU, with what ended threads told of it.
    cpus: Vec<(OwnedFd, Reading)>,
    threads: BTreeMap<(u32, u32), Told>,
    /// What samples stand for, by process.
    sampled: BTreeMap<u32, u64>,
}

/// Count, time enabled and time running.
type Reading = [u64; 3];

/// What the ends of a thread told, one for each CPU. The thread's own time is enabled on each CPU at once, but runs on one.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    count: u64,
    enabled: u64,
    running: u64,
}

impl Told {
    fn add(&mut self, [count, enabled, running]: Reading) {
        self.count += count;
        self.enabled = self.enabled.max(enabled);
        self.running += running;
    }
}

/// All events that could be opened.
#[derive(Debug, Default)]
pub(super) struct Counted {
    events: Vec<Opened>,
    /// Which event and CPU an id is of.
    ids: HashMap<u64, (usize, usize)>,
    /// Names of processes that ended.
    ended: HashMap<u32, String>,
    /// What was last told while the program ran, by event and process.
    told: HashMap<(String, u32), ProcessCounter>,
    /// See [`events::keep_apart`].
    apart: Option<OwnedFd>,
}

impl Counted {
    /// Opens the asked events on a child beside `leaders`, the clock's events of all CPUs. What is refused is a warning.
    pub(super) fn arm(
        asked: &[&'static Event],
        child: u32,
        kernel_sampled: bool,
        leaders: &[&OwnedFd],
    ) -> (Self, Vec<Warning>) {
        let (mut counted, mut warnings) = (Self::default(), Vec::new());
        if !asked.is_empty() {
            match events::keep_apart(child) {
                Ok(fd) => counted.apart = Some(fd),
                Err(error) => {
                    let why = events::refused(&error);
                    return (counted, asked.iter().map(|event| not_counted(event, &why)).collect());
                }
            }
        }
        for (at, event) in asked.iter().enumerate() {
            if asked[..at].iter().any(|before| before.name == event.name) {
                continue;
            }
            let opened = if event.in_kernel && !kernel_sampled {
                Err(events::out_of_sight())
            } else {
                let sampling = events::Sampling::Frequency(RATE_HZ.min(highest_rate()));
                let what = events::What { kind: event.kind, number: event.number, sampling };
                events::beside(child, what, !kernel_sampled, leaders).map_err(|error| events::no_event(&error))
            };
            match opened {
                Ok(fds) => {
                    let at = counted.events.len();
                    counted.ids.extend(fds.iter().zip(0..).map(|(&(_, id), cpu)| (id, (at, cpu))));
                    let cpus = fds.into_iter().map(|(fd, _)| (fd, Reading::default())).collect();
                    let (threads, sampled) = (BTreeMap::new(), BTreeMap::new());
                    counted.events.push(Opened { name: event.name, cpus, threads, sampled });
                }
                Err(why) => warnings.push(not_counted(event, &why)),
            }
        }
        (counted, warnings)
    }

    /// The event that an id is of; `None` for the clock.
    pub(super) fn find(&self, id: Option<u64>) -> Option<(usize, u32)> {
        let &(event, _) = self.ids.get(&id?)?;
        Some((event, u32::try_from(event).ok()?))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.events.iter().map(|event| event.name)
    }

    pub(super) fn sampled(&mut self, event: usize, pid: u32, weight: u64) {
        *self.events[event].sampled.entry(pid).or_default() += weight;
    }

    /// A thread's count on one CPU, told after its end. `false` if the id is the clock's.
    pub(super) fn told(&mut self, id: u64, thread: (u32, u32), reading: Reading) -> bool {
        let Some(&(event, cpu)) = self.ids.get(&id) else { return false };
        let event = &mut self.events[event];
        event.threads.entry(thread).or_default().add(reading);
        event.cpus[cpu].1.iter_mut().zip(reading).for_each(|(sum, value)| *sum += value);
        true
    }

    /// A process ended under this name.
    pub(super) fn process_ended(&mut self, pid: u32, name: String) {
        if !self.events.is_empty() {
            self.ended.insert(pid, name);
        }
    }

    /// Stops all.
    pub(super) fn disable(&self) {
        self.events.iter().flat_map(|event| &event.cpus).for_each(|(fd, _)| events::disable(fd));
    }

    /// Counts that changed since they were last asked for, while the program runs. What the only process that is left has
    /// counted so far is what is left of the whole.
    pub(super) fn changed(&mut self, root: u32, names: &BTreeMap<u32, String>, exact: bool) -> Vec<ProcessCounter> {
        let alone = names.len() == 1 && names.contains_key(&root);
        let survivors = if alone { &BTreeMap::new() } else { names };
        let mut rows = self.processes(root, survivors, exact);
        for row in &mut rows {
            if let Some(name) = names.get(&row.pid) {
                row.process.clone_from(name);
            }
        }
        rows.retain(|row| {
            let before = self.told.insert((row.event.clone(), row.pid), row.clone());
            before.as_ref() != Some(row)
        });
        rows
    }

    /// The counts of all processes. `names` are those of processes that live on, whose counts nobody tells; without `exact`
    /// records were lost, which may have been such counts.
    pub(super) fn processes(&self, root: u32, names: &BTreeMap<u32, String>, exact: bool) -> Vec<ProcessCounter> {
        let name = |pid: u32| self.ended.get(&pid).or_else(|| names.get(&pid)).cloned().unwrap_or_default();
        let mut rows = Vec::new();
        for event in &self.events {
            let first = event.first_thread();
            let mut processes: BTreeMap<u32, Option<Told>> = BTreeMap::from([(root, first)]);
            for (&(pid, _), told) in &event.threads {
                let sum = processes.entry(pid).or_insert_with(|| Some(Told::default()));
                if let Some(sum) = sum {
                    sum.count += told.count;
                    sum.enabled += told.enabled;
                    sum.running += told.running;
                }
            }
            // What lives on has told nothing, and what is left of the whole is not the first thread's alone.
            for &pid in event.sampled.keys().chain(names.keys()) {
                processes.entry(pid).or_default();
            }
            let survivors = !names.is_empty();
            rows.extend(processes.into_iter().map(|(pid, told)| {
                let known = exact && !names.contains_key(&pid) && !(pid == root && survivors);
                let told = told.filter(|_| known);
                ProcessCounter {
                    event: event.name.to_owned(),
                    pid,
                    process: name(pid),
                    count: told.map(|told| told.count),
                    sampled: event.sampled.get(&pid).copied().unwrap_or(0),
                    enabled_ns: told.map(|told| Nanos(told.enabled)),
                    running_ns: told.map(|told| Nanos(told.running)),
                }
            }));
        }
        rows
    }
}

impl Opened {
    /// What is left of the whole when all others have told theirs.
    fn first_thread(&self) -> Option<Told> {
        let mut whole = Told::default();
        for (fd, told) in &self.cpus {
            let mut left = values(&mut File::from(fd.try_clone().ok()?))?;
            left.iter_mut().zip(told).for_each(|(left, told)| *left = left.saturating_sub(*told));
            whole.add(left);
        }
        Some(whole)
    }
}

/// The kernel refuses frequencies above this.
fn highest_rate() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX).max(1)
}
