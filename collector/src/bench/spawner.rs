//! The small process that starts what is measured.
//!
//! It is forked early and holds little, since a program's peak memory is never reported below that of who started it.
//! Between two runs it does next to nothing: many runs are asked for at once, and their figures go back in one write.
//! Must not allocate, log or decide while it measures.
#![expect(unsafe_code, reason = "fork, posix_spawn, wait4, signals and a timer")]

use super::counters::Counters;
use super::record::{self, Asked, Kind, Record};
use super::small;
use super::streams::{self, Input, Output};
use nix::fcntl::OFlag;
use nix::sys::signal::SigSet;
use nix::unistd::{self, ForkResult, Pid, pipe2};
use perfcollect_shared::model::Exit;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

/// Figures go back at least so often.
const TELL_EVERY_NS: u64 = 50_000_000;
const BUFFER: usize = 32 * 1024;

/// A program and its arguments.
#[derive(Clone, Debug)]
pub struct Job {
    pub program: PathBuf,
    /// The program's name as its first.
    pub arguments: Vec<OsString>,
    /// Set for it, besides what we were given.
    pub variables: Vec<(OsString, OsString)>,
}

/// Exit codes that do not end the benchmark besides 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ignore {
    #[default]
    None,
    All,
    Codes(Vec<i32>),
}

impl Ignore {
    /// Whether a run that ended so is a failure.
    #[must_use]
    pub fn is_failure(&self, record: &Record) -> bool {
        self.is_failed(record.exit(), record.timed_out)
    }

    /// The same of an end.
    #[must_use]
    pub fn is_failed(&self, exit: Exit, timed_out: bool) -> bool {
        match (self, exit.code) {
            (Self::All, _) => false,
            (_, Some(0)) => timed_out,
            (Self::Codes(codes), Some(code)) => timed_out || !codes.contains(&code),
            _ => true,
        }
    }
}

/// How everything is run.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    pub jobs: Vec<Job>,
    pub input: Input,
    pub output: Output,
    pub timeout: Option<Duration>,
    pub ignore: Ignore,
    /// Signals that were blocked before we blocked some.
    pub mask: Option<SigSet>,
    /// SIGPIPE was ignored when we were started.
    pub sigpipe_ignored: bool,
}

/// What both processes see.
#[derive(Default)]
struct Shared {
    /// No further run is wanted.
    stop: AtomicU32,
    /// Signal for the program that runs, sent on SIGUSR1.
    signal: AtomicI32,
}

/// The spawner, seen from the process that asks.
#[derive(Debug)]
pub struct Spawner {
    pid: Pid,
    asks: Option<File>,
    tells: File,
    shared: &'static Shared,
    /// Its own peak memory, as far as it may be taken for a program's: none is reported below it.
    pub rss_floor_kib: u64,
    /// The processor counts.
    pub has_counters: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Shared").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Spawner {
    /// Forks. Must be called before the first thread is started.
    ///
    /// # Errors
    /// When the kernel grants no process, pipe or memory, a file cannot be opened, or an argument holds a zero byte.
    pub fn fork(conditions: &Conditions) -> io::Result<Self> {
        let shared = share()?;
        let (asked, asks) = pipe2(OFlag::O_CLOEXEC)?;
        let (tells, tell) = pipe2(OFlag::O_CLOEXEC)?;
        // SAFETY: we have one thread, so that the child may do anything.
        match unsafe { unistd::fork() }? {
            ForkResult::Parent { child } => {
                drop((asked, tell));
                let mut spawner = Self {
                    pid: child,
                    asks: Some(asks.into()),
                    tells: tells.into(),
                    shared,
                    rss_floor_kib: 0,
                    has_counters: false,
                };
                spawner.greet()?;
                Ok(spawner)
            }
            ForkResult::Child => {
                drop((asks, tells));
                let mut tell = File::from(tell);
                let status = match Worker::new(conditions, shared) {
                    Ok(worker) => worker.serve(&mut asked.into(), &mut tell).is_err().into(),
                    Err((what, error)) => {
                        let text = format!("{what}: {error}");
                        tell.write_all(&greeting(0, false)).and_then(|()| tell.write_all(text.as_bytes())).ok();
                        1
                    }
                };
                // SAFETY: leaves at once, without destructors of the parent's things.
                unsafe { libc::_exit(status) }
            }
        }
    }

    /// Reads what the spawner says first: that it is ready, or why it is not.
    fn greet(&mut self) -> io::Result<()> {
        let mut first = [0; 16];
        self.tells.read_exact(&mut first)?;
        let [floor, has] = [0, 8].map(|at| u64::from_ne_bytes(first[at..at + 8].try_into().unwrap_or_default()));
        if floor == 0 {
            let mut text = String::new();
            self.tells.read_to_string(&mut text)?;
            return Err(io::Error::other(text));
        }
        (self.rss_floor_kib, self.has_counters) = (floor, has == 1);
        Ok(())
    }

    /// Asks for runs; [`Spawner::take`] gives their figures, in this order.
    ///
    /// # Errors
    /// When the spawner is gone.
    pub fn ask(&mut self, runs: &[Asked]) -> io::Result<()> {
        let Some(asks) = &mut self.asks else { return Ok(()) };
        let mut bytes = Vec::with_capacity(8 + runs.len() * 8);
        bytes.extend((runs.len() as u64).to_ne_bytes());
        bytes.extend(runs.iter().flat_map(|run| run.to_bytes()));
        asks.write_all(&bytes)
    }

    /// The pipe that figures come from.
    #[must_use]
    pub fn pipe(&self) -> &File {
        &self.tells
    }

    /// Takes what figures there are, waiting for the first of them. `true` at the end of a batch.
    ///
    /// # Errors
    /// When the spawner is gone.
    pub fn take(&mut self, mut each: impl FnMut(Record)) -> io::Result<bool> {
        let mut bytes = [0; record::BYTES];
        self.tells.read_exact(&mut bytes)?;
        loop {
            let record = Record::from_bytes(&bytes);
            if record.kind == Kind::End {
                self.rss_floor_kib = self.rss_floor_kib.max(record.max_rss_kib);
                return Ok(true);
            }
            each(record);
            let mut left: libc::c_int = 0;
            // SAFETY: writes one number, of bytes that can be read without waiting.
            let known = unsafe { libc::ioctl(self.tells.as_raw_fd(), libc::FIONREAD, &raw mut left) };
            if known != 0 || usize::try_from(left).unwrap_or(0) < record::BYTES {
                return Ok(false);
            }
            self.tells.read_exact(&mut bytes)?;
        }
    }

    /// Ends the batch and the program that runs, by this signal.
    pub fn stop(&self, signal: i32) {
        self.shared.signal.store(signal, Ordering::SeqCst);
        self.shared.stop.store(1, Ordering::SeqCst);
        // SAFETY: our child, which is not waited for before it is dropped.
        unsafe { libc::kill(self.pid.as_raw(), libc::SIGUSR1) };
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        // The end of the pipe tells it to leave.
        self.asks = None;
        nix::sys::wait::waitpid(self.pid, None).ok();
    }
}

/// A page that stays shared with what is forked.
fn share() -> io::Result<&'static Shared> {
    // SAFETY: a new mapping of our own, page-aligned and zero, which is a valid `Shared`; it is never unmapped.
    unsafe {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        let page = libc::mmap(ptr::null_mut(), size_of::<Shared>(), protection, flags, -1, 0);
        if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(&*page.cast::<Shared>()) }
    }
}

/// Its first word: its own memory in KiB, or 0 and then why it is not ready; whether the processor counts.
fn greeting(floor: u64, has_counters: bool) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&floor.to_ne_bytes());
    bytes[8..].copy_from_slice(&u64::from(has_counters).to_ne_bytes());
    bytes
}

/// For the signal handlers of the spawner.
static CHILD: AtomicI32 = AtomicI32::new(0);
static TIMED_OUT: AtomicU32 = AtomicU32::new(0);
static SHARED: std::sync::atomic::AtomicPtr<Shared> = std::sync::atomic::AtomicPtr::new(ptr::null_mut());

extern "C" fn on_stop(_signal: i32) {
    // SAFETY: the page is never unmapped.
    let Some(shared) = (unsafe { SHARED.load(Ordering::SeqCst).as_ref() }) else { return };
    // Without a word from the other process it has died, and this is the kernel's news of it.
    let signal =
        if shared.stop.swap(1, Ordering::SeqCst) == 0 { libc::SIGKILL } else { shared.signal.load(Ordering::SeqCst) };
    shared.signal.store(signal, Ordering::SeqCst);
    kill_child(signal);
}

extern "C" fn on_time(_signal: i32) {
    TIMED_OUT.store(1, Ordering::SeqCst);
    kill_child(libc::SIGKILL);
}

fn kill_child(signal: i32) {
    let child = CHILD.load(Ordering::SeqCst);
    if child > 0 {
        // SAFETY: the group of a child that is not waited for yet.
        unsafe { libc::kill(-child, signal) };
    }
}

/// A job in the form that the kernel takes.
struct Raw {
    program: CString,
    _arguments: Vec<CString>,
    /// Into `_arguments`, with a null behind the last.
    pointers: Vec<*mut libc::c_char>,
    _variables: Vec<CString>,
    /// Into `_variables`, likewise; empty where the environment is ours.
    environment: Vec<*mut libc::c_char>,
}

impl Raw {
    fn new(job: &Job) -> io::Result<Self> {
        let arguments: Vec<CString> =
            job.arguments.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>()?;
        let pointers = arguments.iter().map(|word| word.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect();
        let variables = variables(&job.variables)?;
        let mut environment: Vec<_> = variables.iter().map(|variable| variable.as_ptr().cast_mut()).collect();
        environment.extend((!variables.is_empty()).then_some(ptr::null_mut()));
        let program = CString::new(job.program.as_os_str().as_bytes())?;
        Ok(Self { program, _arguments: arguments, pointers, _variables: variables, environment })
    }
}

/// Our environment with these set in it, as `NAME=VALUE`; nothing where there is none to set.
fn variables(set: &[(OsString, OsString)]) -> io::Result<Vec<CString>> {
    if set.is_empty() {
        return Ok(Vec::new());
    }
    let ours = std::env::vars_os().filter(|(name, _)| set.iter().all(|(other, _)| other != name));
    let all = ours.chain(set.iter().cloned());
    let text = |(name, value): (OsString, OsString)| [name.as_bytes(), b"=", value.as_bytes()].concat();
    Ok(all.map(|variable| CString::new(text(variable))).collect::<Result<_, _>>()?)
}

/// The spawner's own side.
struct Worker<'a> {
    conditions: &'a Conditions,
    shared: &'static Shared,
    jobs: Vec<Raw>,
    attributes: libc::posix_spawnattr_t,
    counters: Option<Counters>,
    timer: Option<libc::timer_t>,
    buffer: Vec<u8>,
}

/// What failed, and why.
pub(super) type Told<T> = Result<T, (String, io::Error)>;

pub(super) fn told<T>(what: impl Into<String>, result: io::Result<T>) -> Told<T> {
    result.map_err(|error| (what.into(), error))
}

impl<'a> Worker<'a> {
    fn new(conditions: &'a Conditions, shared: &'static Shared) -> Told<Self> {
        SHARED.store(ptr::from_ref(shared).cast_mut(), Ordering::SeqCst);
        told("cannot set up signals", signals(conditions.sigpipe_ignored))?;
        let jobs = told("a command cannot be executed", conditions.jobs.iter().map(Raw::new).collect())?;
        streams::set_up(&conditions.input, &conditions.output)?;
        let timer = conditions.timeout.map(|_| told("cannot make a timer", timer())).transpose()?;
        let attributes = told("cannot set up what is run", attributes(conditions.mask.as_ref()))?;
        let buffer = Vec::with_capacity(BUFFER + record::BYTES);
        Ok(Self { conditions, shared, jobs, attributes, counters: Counters::open(), timer, buffer })
    }

    /// Runs what is asked for until nobody asks any more.
    fn serve(mut self, asked: &mut File, tell: &mut File) -> io::Result<()> {
        // A job that is not there and a program that is none touch what a run touches.
        small::shrink();
        self.jobs.push(Raw::new(&Job {
            program: PathBuf::from("/"),
            arguments: vec![OsString::from("/")],
            variables: Vec::new(),
        })?);
        for _ in 0..2 {
            let last = u32::try_from(self.jobs.len() - 1).unwrap_or(u32::MAX);
            let nothing = self.run(Asked { benchmark: last, block: 0 });
            fill(&mut Record::default(), nothing.status, &nothing_used());
            self.buffer.extend(nothing.to_bytes());
        }
        self.buffer.clear();
        small::forget_peak();
        tell.write_all(&greeting(own_peak_kib(), self.counters.is_some()))?;
        let mut count = [0; 8];
        let mut batch = Vec::new();
        while asked.read_exact(&mut count).is_ok() {
            batch.resize(usize::try_from(u64::from_ne_bytes(count)).unwrap_or(0) * 8, 0);
            asked.read_exact(&mut batch)?;
            let mut flushed = now();
            for run in batch.chunks_exact(8) {
                if self.shared.stop.load(Ordering::SeqCst) != 0 {
                    break;
                }
                let record = self.run(Asked::from_bytes(run.try_into().unwrap_or_default()));
                self.buffer.extend(record.to_bytes());
                let ended = record.start_ns + record.wall_ns;
                if self.buffer.len() >= BUFFER || ended - flushed > TELL_EVERY_NS {
                    flushed = ended;
                    tell.write_all(&self.buffer)?;
                    self.buffer.clear();
                }
                if record.kind != Kind::Run || self.conditions.ignore.is_failure(&record) {
                    break;
                }
            }
            let end = Record { kind: Kind::End, max_rss_kib: own_peak_kib(), ..Record::default() };
            self.buffer.extend(end.to_bytes());
            tell.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn run(&mut self, asked: Asked) -> Record {
        let mut record = Record { benchmark: asked.benchmark, block: asked.block, ..Record::default() };
        let Some(job) = self.jobs.get(asked.benchmark as usize) else {
            return Record { kind: Kind::NotStarted, status: libc::EINVAL, ..record };
        };
        if let Err(error) = streams::files_anew(&self.conditions.input, &self.conditions.output) {
            let status = error.raw_os_error().unwrap_or(libc::EIO);
            return Record { kind: Kind::NotStarted, status, ..record };
        }
        self.arm(self.conditions.timeout.unwrap_or_default());
        let (mut pid, mut status) = (0, 0);
        let mut usage = nothing_used();
        // SAFETY: the environment of this process, which has one thread and never changes it.
        let ours = unsafe { environ.cast() };
        let environment = if job.environment.is_empty() { ours } else { job.environment.as_ptr() };
        let start = now();
        // SAFETY: program and arguments end in zero bytes, the array in a null pointer, and all live in `self`; the calls
        // write to `pid`, `status` and `usage` only.
        let error = unsafe {
            let error = libc::posix_spawn(
                &raw mut pid,
                job.program.as_ptr(),
                ptr::null(),
                &raw const self.attributes,
                job.pointers.as_ptr(),
                environment,
            );
            if error == 0 {
                CHILD.store(pid, Ordering::SeqCst);
                if self.shared.stop.load(Ordering::SeqCst) != 0 {
                    kill_child(self.shared.signal.load(Ordering::SeqCst));
                }
                while libc::wait4(pid, &raw mut status, 0, &raw mut usage) == -1
                    && *libc::__errno_location() == libc::EINTR
                {}
            }
            error
        };
        let end = now();
        CHILD.store(0, Ordering::SeqCst);
        self.arm(Duration::ZERO);
        (record.start_ns, record.wall_ns) = (start, end.saturating_sub(start));
        if error != 0 {
            return Record { kind: Kind::NotStarted, status: error, ..record };
        }
        fill(&mut record, status, &usage);
        record.timed_out = TIMED_OUT.swap(0, Ordering::SeqCst) != 0 && libc::WIFSIGNALED(status);
        // SAFETY: asks whether the group of the ended child still has somebody.
        record.left_behind = !record.timed_out && unsafe { libc::kill(-pid, 0) } == 0;
        if let Some(counters) = &mut self.counters {
            record.counters = counters.take();
        }
        if self.shared.stop.load(Ordering::SeqCst) != 0 && libc::WIFSIGNALED(status) {
            record.kind = Kind::Interrupted;
        }
        record
    }

    /// Sets the timer, or ends it.
    fn arm(&self, time: Duration) {
        let Some(timer) = self.timer else { return };
        // SAFETY: all zero is a valid `itimerspec`; the timer is ours.
        unsafe {
            let mut spec: libc::itimerspec = mem::zeroed();
            spec.it_value.tv_sec = time.as_secs().try_into().unwrap_or(libc::time_t::MAX);
            spec.it_value.tv_nsec = time.subsec_nanos().into();
            libc::timer_settime(timer, 0, &raw const spec, ptr::null_mut());
        }
    }
}

unsafe extern "C" {
    static environ: *const *const libc::c_char;
}

fn nothing_used() -> libc::rusage {
    // SAFETY: all zero is a valid `rusage`.
    unsafe { mem::zeroed() }
}

fn fill(record: &mut Record, status: i32, usage: &libc::rusage) {
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let micros = |time: libc::timeval| number(time.tv_sec) * 1_000_000 + number(time.tv_usec);
    record.status = status;
    (record.user_us, record.system_us) = (micros(usage.ru_utime), micros(usage.ru_stime));
    record.max_rss_kib = number(usage.ru_maxrss);
    (record.minor_faults, record.major_faults) = (number(usage.ru_minflt), number(usage.ru_majflt));
    (record.voluntary_switches, record.involuntary_switches) = (number(usage.ru_nvcsw), number(usage.ru_nivcsw));
}

/// `CLOCK_MONOTONIC`, which never fails.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: only writes to `time`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Two steps of 32 pages of 4 KiB.
const UNCOUNTED_KIB: u64 = 2 * 32 * 4;

/// Our own peak, as a program that we start takes it along. The kernel counts pages on each processor and adds them to a
/// process in steps of 32 (Linux 6.2 and later), so that the program's figure may lie a step of each kind of page above ours.
fn own_peak_kib() -> u64 {
    // SAFETY: all zero is a valid `rusage`, which the call only writes to.
    unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        u64::try_from(usage.ru_maxrss).unwrap_or(0) + UNCOUNTED_KIB
    }
}

/// The program is killed when we are told to stop, and when the process that asks dies.
fn signals(sigpipe_ignored: bool) -> io::Result<()> {
    let pipe = if sigpipe_ignored { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: the handlers do what is safe in one: they load, store and kill.
    unsafe {
        libc::signal(libc::SIGPIPE, pipe);
        for (signal, handler) in [(libc::SIGUSR1, on_stop as extern "C" fn(i32)), (libc::SIGALRM, on_time)] {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            if libc::sigaction(signal, &raw const action, ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let mut both: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut both);
        libc::sigaddset(&raw mut both, libc::SIGUSR1);
        libc::sigaddset(&raw mut both, libc::SIGALRM);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const both, ptr::null_mut());
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGUSR1);
    }
    Ok(())
}

/// A group of its own for each run, so that what it started can be killed with it, and the signals of before.
fn attributes(mask: Option<&SigSet>) -> io::Result<libc::posix_spawnattr_t> {
    let check = |error: i32| if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) };
    // SAFETY: `init` fills the structure before anything else looks at it.
    unsafe {
        let mut attributes: libc::posix_spawnattr_t = mem::zeroed();
        check(libc::posix_spawnattr_init(&raw mut attributes))?;
        let mut flags = libc::POSIX_SPAWN_SETPGROUP;
        check(libc::posix_spawnattr_setpgroup(&raw mut attributes, 0))?;
        if let Some(mask) = mask {
            flags |= libc::POSIX_SPAWN_SETSIGMASK;
            check(libc::posix_spawnattr_setsigmask(&raw mut attributes, mask.as_ref()))?;
        }
        check(libc::posix_spawnattr_setflags(&raw mut attributes, flags.try_into().unwrap_or(0)))?;
        Ok(attributes)
    }
}

/// A timer of this process that sends SIGALRM.
fn timer() -> io::Result<libc::timer_t> {
    // SAFETY: without an event the signal is SIGALRM; the call only writes to `timer`.
    unsafe {
        let mut timer: libc::timer_t = mem::zeroed();
        match libc::timer_create(libc::CLOCK_MONOTONIC, ptr::null_mut(), &raw mut timer) {
            0 => Ok(timer),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
