//! The thread that reads resources at their times and follows the tree.

use super::switches::Switches;
use super::{PROBES, memory};
use crate::launch::Clock;
use crate::spool::{self, LineWriter};
use crate::tree::{ProcessRef, ProcessTree, Stat, TreeEvent};
use perfcollect_shared::model::{Process, ResourceSample, TimelineLine, Warning};
use perfcollect_shared::units::{Bytes, Nanos};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Time between two looks for new processes, while that is cheap.
const SCAN_EVERY: Duration = Duration::from_millis(20);
/// Time between two readings of proportional sizes, while that is cheap.
const PSS_EVERY: Duration = Duration::from_secs(1);
/// First readings: programs that live shorter than one interval have a curve too.
const FIRST: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(25), Duration::from_millis(50)];
/// A program's arguments are kept up to this many bytes.
const MOST_ARGUMENT_BYTES: usize = 4096;

/// How to read.
#[derive(Clone, Debug)]
pub struct ResourceSettings {
    pub interval: Duration,
    pub clock: Clock,
    /// Where the program ran before: clock ticks since boot (see [`tree::ticks_now`]). What processes that are older
    /// used until they were first read does not count.
    pub attached: Option<u64>,
}

/// What the thread leaves behind.
#[derive(Debug, Default)]
pub struct ResourceOutcome {
    pub warnings: Vec<Warning>,
    /// The first error while writing `timeline.jsonl`.
    pub write_error: Option<io::Error>,
    /// CPU time (user, system), as last read, of processes that outlived the program or their parents: no wait of the
    /// program's tells of it.
    pub unwaited: (Nanos, Nanos),
    /// CPU time (user, system), as last read, of all processes, from the start of the recording on.
    pub all: (Nanos, Nanos),
}

/// Reads the resources of the tree until it is finished.
#[derive(Debug)]
pub struct Prober {
    /// One word at the program's end, one more to finish.
    stop: Sender<()>,
    thread: JoinHandle<ResourceOutcome>,
}

impl Prober {
    /// Starts the thread; the first reading follows at once.
    ///
    /// # Errors
    /// When the file or the thread cannot be made.
    pub fn start(settings: &ResourceSettings, spool: &Path, tree: Arc<ProcessTree>) -> io::Result<Self> {
        let lines = LineWriter::create(&spool.join(spool::TIMELINE))?;
        let (stop, stopped) = channel();
        let mut state = State {
            clock: settings.clock.clone(),
            interval: settings.interval,
            attached: settings.attached,
            events: tree.subscribe(),
            tree,
            lines,
            watched: BTreeMap::new(),
            ended: BTreeMap::new(),
            last_round: None,
            round_cost: Duration::ZERO,
            next_pss: Instant::now() + PSS_EVERY,
            outcome: ResourceOutcome::default(),
        };
        // At once: the program may be gone before a thread gets its turn.
        state.take_events();
        state.round();
        let thread = thread::Builder::new().name("resources".to_owned()).spawn(move || state.run(&stopped))?;
        Ok(Self { stop, thread })
    }

    /// The program has ended: a last reading, of what is left of it too. To be called before it is waited for.
    pub fn program_ended(&self) {
        // Where the thread is gone, `finish` tells.
        self.stop.send(()).ok();
    }

    /// Notes what the other samplers told of the tree meanwhile, and ends. To be called when they have ended, and before
    /// the program is waited for.
    #[must_use]
    pub fn finish(self) -> ResourceOutcome {
        self.stop.send(()).ok();
        self.thread.join().unwrap_or_else(|_| ResourceOutcome {
            write_error: Some(io::Error::other("the thread that reads resources failed")),
            ..ResourceOutcome::default()
        })
    }
}

struct State {
    clock: Clock,
    interval: Duration,
    attached: Option<u64>,
    tree: Arc<ProcessTree>,
    events: Receiver<TreeEvent>,
    lines: LineWriter,
    watched: BTreeMap<u32, Watched>,
    /// Names of processes that ended: news of their children may come later.
    ended: BTreeMap<u32, String>,
    last_round: Option<Nanos>,
    round_cost: Duration,
    next_pss: Instant,
    outcome: ResourceOutcome,
}

/// A process as last read.
struct Watched {
    process: ProcessRef,
    parent: u32,
    name: String,
    last: Option<ResourceSample>,
    switches: Switches,
    /// What it had used before the recording.
    before: ResourceSample,
    /// Its parent is not of the tree any more: nobody there will wait for it and get its CPU time.
    orphan: bool,
    /// When it started, while its arguments are still those of its parent: it may be on its way to another program, which
    /// its name does not tell where that is the same. With the readings that this goes on for.
    forked: Option<(Nanos, u8)>,
}

/// Readings of a process after which a fork stays one.
const SETTLED: u8 = 4;

impl State {
    fn run(mut self, stopped: &Receiver<()>) -> ResourceOutcome {
        self.read_until_stopped(stopped);
        // The other samplers end meanwhile.
        stopped.recv().ok();
        self.tree.scan();
        self.take_events();
        self.finish()
    }

    fn read_until_stopped(&mut self, stopped: &Receiver<()>) {
        let begin = Instant::now();
        let mut first = FIRST.iter().peekable();
        let mut next_round = self.interval;
        let mut pause = SCAN_EVERY;
        loop {
            let until = first.peek().map_or(next_round, |&&early| early.min(next_round));
            let wait = until.saturating_sub(begin.elapsed()).min(pause);
            let last = !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
            let scan_begin = Instant::now();
            self.tree.scan();
            // At most one part in a hundred of a core goes into looking for processes.
            pause = SCAN_EVERY.max(scan_begin.elapsed() * 100);
            let new = self.take_events();
            let now = begin.elapsed();
            let due = last || now >= until || (new && self.is_cheap());
            if due {
                self.round();
                first.next_if(|&&early| now >= early);
                while next_round <= now {
                    next_round += self.interval.max(self.round_cost * 20);
                }
            }
            if last {
                break;
            }
        }
    }

    /// Whether an additional round stays within a twentieth of a core.
    fn is_cheap(&self) -> bool {
        let since = self.last_round.map_or(Nanos::ZERO, |last| self.clock.now().saturating_sub(last));
        Duration::from_nanos(since.0) > self.round_cost * 20
    }

    /// Notes processes that came and went; whether there are new ones.
    fn take_events(&mut self) -> bool {
        let mut new = false;
        while let Ok(event) = self.events.try_recv() {
            match event {
                TreeEvent::Started { process, parent, at } => {
                    new = true;
                    self.started(process, parent, at);
                }
                TreeEvent::Exec { process, name, at } => self.executed(process, name, at),
                TreeEvent::Ended { process, at } => self.ended(process, at),
            }
        }
        new
    }

    fn started(&mut self, process: ProcessRef, parent: u32, at: Nanos) {
        let stat = Stat::read(process.pid).filter(|stat| stat.is_of(process));
        // A child that is gone already was called as its parent is.
        let known = || self.watched.get(&parent).map(|parent| &parent.name).or_else(|| self.ended.get(&parent));
        let inherited = || known().cloned().unwrap_or_default();
        let (name, parent) = stat.map_or_else(|| (inherited(), parent), |stat| (stat.name, stat.parent));
        let mut watched = Watched::new(process, parent, name.clone());
        watched.forked = (command_of(process.pid) == command_of(parent)).then_some((at, SETTLED));
        self.watched.insert(process.pid, watched);
        self.describe(process.pid, parent, name, at);
    }

    /// Looks once more at the arguments of a fork.
    fn settle(&mut self, pid: u32) {
        let Some(watched) = self.watched.get_mut(&pid) else { return };
        let Some((at, left)) = watched.forked else { return };
        let (parent, name, command) = (watched.parent, watched.name.clone(), command_of(pid));
        let changed = !command.is_empty() && command != command_of(parent);
        watched.forked = (!changed && left > 1).then_some((at, left - 1));
        if changed {
            self.describe(pid, parent, name, at);
        }
    }

    /// Writes what is known of a process; a later line replaces an earlier one.
    fn describe(&mut self, pid: u32, parent: u32, name: String, start_ns: Nanos) {
        let process = Process { pid, ppid: parent, name, command: command_of(pid), start_ns, end_ns: None };
        self.lines.push(&TimelineLine::Process(process));
    }

    /// It runs another program; `name` is what the kernel said then.
    fn executed(&mut self, process: ProcessRef, name: String, at: Nanos) {
        if Stat::read(process.pid).is_some_and(|stat| stat.is_of(process)) {
            self.renamed(process, at);
        } else {
            let watched = self.watched.get_mut(&process.pid);
            let parent = watched.map_or(0, |watched| {
                watched.name.clone_from(&name);
                watched.parent
            });
            self.describe(process.pid, parent, name, at);
        }
    }

    fn renamed(&mut self, process: ProcessRef, at: Nanos) {
        if let Some(stat) = Stat::read(process.pid).filter(|stat| stat.is_of(process)) {
            if let Some(watched) = self.watched.get_mut(&process.pid) {
                watched.name.clone_from(&stat.name);
            }
            self.describe(process.pid, stat.parent, stat.name, at);
        }
    }

    fn ended(&mut self, process: ProcessRef, at: Nanos) {
        // A zombie still has its last figures.
        self.sample(process.pid, self.clock.now(), false);
        if let Some(watched) = self.watched.remove(&process.pid) {
            self.add_up(&watched, watched.orphan);
            self.ended.insert(process.pid, watched.name);
        }
        self.lines.push(&TimelineLine::Exit { pid: process.pid, t_ns: at });
    }

    /// Reads every process once, all under the same time.
    fn round(&mut self) {
        let begin = Instant::now();
        let now = self.clock.now();
        if let Some(last) = self.last_round
            && now.saturating_sub(last) > Nanos(20 * u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX / 20))
        {
            self.outcome.warnings.push(Warning::TimelineGap { from_ns: last, to_ns: now });
        }
        self.last_round = Some(now);
        let with_pss = self.watched.len() > 1 && begin >= self.next_pss;
        let pids: Vec<u32> = self.watched.keys().copied().collect();
        for pid in pids {
            self.sample(pid, now, with_pss);
        }
        self.lines.flush();
        let cost = begin.elapsed();
        if with_pss {
            // Within half a hundredth of a core.
            self.next_pss = begin + PSS_EVERY.max(cost * 200);
        } else {
            self.round_cost = cost;
        }
    }

    fn sample(&mut self, pid: u32, now: Nanos, with_pss: bool) {
        let Some(watched) = self.watched.get_mut(&pid) else { return };
        let Some(stat) = Stat::read(pid).filter(|stat| stat.is_of(watched.process)) else { return };
        // What has ended holds no memory any more. Where that is all there is to see of it, it was not measured.
        if stat.is_dead() && watched.last.is_none() {
            return;
        }
        let mut sample = ResourceSample { t_ns: now, pid, ..ResourceSample::default() };
        for probe in PROBES {
            probe.read(&stat, watched.last.as_ref(), &mut sample);
        }
        watched.switches.read(&stat, &mut sample);
        if with_pss {
            sample.pss_bytes = memory::proportional(pid);
        }
        let renamed = stat.name != watched.name && !stat.is_dead();
        if watched.last.is_none() && self.attached.is_some_and(|since| stat.start_ticks < since) {
            watched.before = sample.clone();
        }
        self.lines.push(&TimelineLine::Sample(since(&sample, &watched.before)));
        watched.last = Some(sample);
        watched.orphan = pid != self.tree.root() && !self.tree.contains(stat.parent);
        let process = watched.process;
        if renamed {
            self.renamed(process, now);
        } else {
            self.settle(pid);
        }
    }

    /// Adds the CPU time of a process to the sums; `unwaited` where no wait of the program's tells of it.
    fn add_up(&mut self, watched: &Watched, unwaited: bool) {
        let Some(last) = &watched.last else { return };
        let used = since(last, &watched.before);
        let sums = [Some(&mut self.outcome.all), unwaited.then_some(&mut self.outcome.unwaited)];
        for sum in sums.into_iter().flatten() {
            sum.0 += used.user_ns;
            sum.1 += used.system_ns;
        }
    }

    fn finish(mut self) -> ResourceOutcome {
        let root = self.tree.root();
        let unread = self.watched.iter().filter(|(_, watched)| watched.last.is_none()).map(|(&pid, _)| pid);
        for pid in unread.collect::<Vec<u32>>() {
            self.sample(pid, self.clock.now(), false);
        }
        let mut survivors = Vec::new();
        let root_lives = Stat::read(root).is_some_and(|stat| !stat.is_dead());
        for (pid, watched) in std::mem::take(&mut self.watched) {
            self.add_up(&watched, pid != root);
            if pid != root {
                survivors.push(format!("{} ({pid})", watched.name));
            }
        }
        // An attached recording may well end before the program does.
        if !survivors.is_empty() && (self.attached.is_none() || !root_lives) {
            self.outcome.warnings.push(Warning::Survivors { processes: survivors });
        }
        self.outcome.write_error = self.lines.finish();
        self.outcome
    }
}

impl Watched {
    fn new(process: ProcessRef, parent: u32, name: String) -> Self {
        Self {
            process,
            parent,
            name,
            last: None,
            switches: Switches::default(),
            before: ResourceSample::default(),
            orphan: false,
            forked: None,
        }
    }
}

/// A reading without what had been used before.
fn since(sample: &ResourceSample, before: &ResourceSample) -> ResourceSample {
    let less = |now: Option<u64>, before: Option<u64>| now.map(|now| now.saturating_sub(before.unwrap_or(0)));
    let bytes = |now: Option<Bytes>, before: Option<Bytes>| less(now.map(|b| b.0), before.map(|b| b.0)).map(Bytes);
    ResourceSample {
        user_ns: sample.user_ns.saturating_sub(before.user_ns),
        system_ns: sample.system_ns.saturating_sub(before.system_ns),
        voluntary_switches: less(sample.voluntary_switches, before.voluntary_switches),
        involuntary_switches: less(sample.involuntary_switches, before.involuntary_switches),
        read_bytes: bytes(sample.read_bytes, before.read_bytes),
        written_bytes: bytes(sample.written_bytes, before.written_bytes),
        minor_faults: sample.minor_faults.saturating_sub(before.minor_faults),
        major_faults: sample.major_faults.saturating_sub(before.major_faults),
        ..sample.clone()
    }
}

/// Arguments, from `/proc/PID/cmdline`.
pub fn command_of(pid: u32) -> Vec<String> {
    let mut bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.truncate(MOST_ARGUMENT_BYTES);
    let text = String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(&bytes));
    if text.is_empty() { Vec::new() } else { text.split('\0').map(str::to_owned).collect() }
}
