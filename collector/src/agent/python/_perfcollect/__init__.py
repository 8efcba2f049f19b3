"""The recorder inside a Python program: where it writes, when, and what it does when the process forks or ends.

Owns the files of this process in the spool and the moments of flushing. Each mode (calls, alloc, lines) is a module with
start(core), flush(final) and after_fork(). Nothing here may print, raise into the program or start a thread; modules
that are not loaded anyway are not imported, and every function that a program may replace is taken at the start.
"""

import _signal
import atexit
import gc
import posix
import sys
from _functools import partial
from _operator import methodcaller
from _thread import allocate_lock, get_ident, interrupt_main
from time import monotonic, monotonic_ns, thread_time_ns

from . import config

_open, _write, _close, _truncate, _chmod = posix.open, posix.write, posix.close, posix.ftruncate, posix.fchmod
_getpid, _getppid, _geteuid = posix.getpid, posix.getppid, posix.geteuid
# Makes Python handle a signal as if it had come now.
_interrupt = interrupt_main if sys.version_info >= (3, 10) else partial(posix.kill, posix.getpid())
_signals = range(1, _signal.NSIG)
_flags = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW

# Seconds between two flushes: at least this, and as many that flushing takes a fiftieth of the time at most.
EVERY = 1.0
SHARE = 50
# Seconds to wait for another thread that flushes right now, when the process is about to end.
PATIENCE = 2.0
# Modes that need to hear of audit events.
MODES_THAT_HEAR = frozenset(("calls", "alloc", "lines", "keys", "candidates"))
# Audit events at which to look at the time. At others the interpreter may be in the middle of something.
MOMENTS = frozenset(
    "open exec compile time.sleep subprocess.Popen socket.connect os.fork os.posix_spawn os.kill os.listdir os.scandir"
    " os.remove os.rename".split()
)


def quote(text):
    """A text as JSON."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return '"' + text + '"'
    return '"' + "".join(map(_quoted, text)) + '"'


def _quoted(char):
    if char in '"\\':
        return "\\" + char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return "\\u%04x" % code
    return "\ufffd" if 0xD800 <= code < 0xE000 else char


class Core:
    """What the modes share."""

    def __init__(self, folder, modules, package):
        # Code of ours is below this folder.
        self.folder = folder
        self.modules, self.package = modules, package
        self.modes = []
        self.done = True
        self.due = 0.0
        self.own_ns = 0
        self.lock = allocate_lock()
        self.errors = 0
        self.slots = {}
        # Thread that flushes now, and the signal that came meanwhile.
        self.owner = None
        self.term = 0
        # Whether workers of pools are looked out for.
        self.guarding = False

    def hello(self):
        """Makes the first file of this process; a later program of the same process takes the next number."""
        self.pid = _getpid()
        number = 0
        while True:
            self.stem = b"%s/%d-%d." % (config.OUT, self.pid, number)
            try:
                descriptor = self._create(b"hello")
                break
            except FileExistsError:
                number += 1
        argv = getattr(sys, "orig_argv", None) or getattr(sys, "argv", [])
        text = '{"hello":{"pid":%d,"ppid":%d,"n":%d,"python":"%d.%d.%d","executable":%s,"argv":[%s],"mono_ns":%d}}\n' % (
            self.pid,
            _getppid(),
            number,
            *sys.version_info[:3],
            quote(sys.executable or ""),
            ",".join(quote(str(word)) for word in argv),
            monotonic_ns(),
        )
        try:
            self._write(descriptor, text)
        finally:
            _close(descriptor)

    def append(self, mode, text):
        """Adds whole lines to a mode's file of this process. False where they could not be written."""
        try:
            try:
                descriptor = _open(self._path(mode), _flags | posix.O_APPEND)
            except FileNotFoundError:
                descriptor = self._create(mode.encode())
            try:
                self._write(descriptor, text)
            finally:
                _close(descriptor)
            return True
        except OSError:
            self.errors += 1
            return False

    def replace(self, mode, text):
        """Replaces all that a mode wrote for this process before. Two files take turns, so that one is always whole."""
        slot, sequence = self.slots.get(mode, (1, 0))
        slot, sequence = 1 - slot, sequence + 1
        name = "%s-%d" % (mode, slot)
        try:
            try:
                descriptor = _open(self._path(name), _flags | posix.O_TRUNC)
            except FileNotFoundError:
                descriptor = self._create(name.encode())
            try:
                self._write(descriptor, '{"snapshot":%d}\n%s{"end":%d}\n' % (sequence, text, sequence))
            finally:
                _close(descriptor)
        except OSError:
            self.errors += 1
            return False
        self.slots[mode] = (slot, sequence)
        return True

    def error(self, mode, what):
        """Tells the reader of the recording that something does not work here."""
        self.append("hello", '{"error":{"mode":%s,"what":%s}}\n' % (quote(mode), quote(what)))

    def is_ours(self, code):
        """Whether a code object is of the recorder."""
        return code.co_filename.startswith(self.folder)

    def flush(self, final=False):
        """Lets every mode write what it has. Of two threads at a time one goes on without it."""
        if not self.lock.acquire(final, PATIENCE if final else -1):
            return
        self.owner = get_ident()
        try:
            before, since = thread_time_ns(), monotonic()
            for name, mode in self.modes:
                try:
                    mode.flush(final)
                except Exception as error:
                    if is_foreign(error, self):
                        raise
                    self.errors += 1
                    if self.errors < 5:
                        self.error(name, "%s: %s" % (type(error).__name__, error))
            self.own_ns += thread_time_ns() - before
            now = monotonic()
            self.due = now + max(EVERY, (now - since) * SHARE)
        finally:
            self.owner = None
            self.lock.release()
        if self.term and not final:
            self.terminate(self.term)

    def end(self, how):
        """The last flush before this program is gone."""
        if self.done or _getpid() != self.pid:
            return
        self.flush(final=True)
        self.append("hello", '{"bye":{"how":"%s","mono_ns":%d,"own_ns":%d}}\n' % (how, monotonic_ns(), self.own_ns))
        if self.term:
            _die_of(self.term)

    def terminate(self, number):
        """The end by a signal. In the middle of a flush that is done first."""
        self.term = number
        if self.owner != get_ident():
            self.end("SIGTERM")
            _die_of(number)

    def start(self):
        """Begins to record."""
        before = thread_time_ns()
        modes, self.modes = self.modes, []
        for name, mode in modes:
            try:
                mode.start(self)
                self.modes.append((name, mode))
            except Exception as error:
                self.error(name, "%s: %s" % (type(error).__name__, error))
        self.own_ns += thread_time_ns() - before
        self.due = monotonic() + EVERY
        self.done = not self.modes

    def after_fork(self):
        """In a forked child: it has files of its own, and nothing of what its parent counted."""
        if self.done:
            return
        self.lock = allocate_lock()
        self.owner = None
        self.slots = {}
        self.own_ns = 0
        try:
            self.hello()
        except OSError:
            self.errors += 1
        for name, mode in self.modes:
            try:
                mode.after_fork()
            except Exception as error:
                self.error(name, "%s: %s" % (type(error).__name__, error))
        worker = _pool_worker()
        if worker is not None:
            _guard_worker(self, worker)
        self.due = monotonic() + EVERY

    def guard_workers(self, process):
        """Has every worker of a pool, however it is started, guarded as it begins. Its first step is to ask for a method;
        that is given by an attribute of ours, so that no code of ours is below the program's."""

        class Bootstrap:
            def __init__(own, real):
                own.real = real

            def __get__(own, worker, owner=None):
                target = getattr(worker, "_target", None)
                if getattr(target, "__module__", None) == "multiprocessing.pool":
                    _guard_worker(self, worker)
                return own.real.__get__(worker, owner)

        if not self.guarding:
            self.guarding = True
            process.BaseProcess._bootstrap = Bootstrap(process.BaseProcess._bootstrap)

    def _path(self, name):
        return self.stem + name.encode() + b".jsonl"

    def _create(self, name):
        descriptor = _open(self.stem + name + b".jsonl", _flags | posix.O_CREAT | posix.O_EXCL | posix.O_APPEND, 0o600)
        if _geteuid() == 0:
            try:
                # It may drop its rights later.
                _chmod(descriptor, 0o666)
            except OSError:
                pass
        return descriptor

    def _write(self, descriptor, text):
        """All of it, or nothing: a full disk must not leave half a line before the next one."""
        whole = text.encode("utf-8", "replace")
        rest = memoryview(whole)
        try:
            while rest:
                rest = rest[_write(descriptor, rest) :]
        except OSError:
            try:
                _truncate(descriptor, posix.fstat(descriptor).st_size - len(whole) + len(rest))
            except OSError:
                pass
            raise


def is_foreign(error, core):
    """Whether an exception that passed through our code is the program's own, raised by a handler of a signal."""
    if not isinstance(error, Exception):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and not core.is_ours(trace.tb_frame.f_code)


class _Moment:
    """What the garbage collector calls: a C function that asks for the attribute named like the phase.

    Python drops what a callback raises there. The program's handlers of signals run at any instruction of Python code,
    so the only Python code is a generator that always is within its `try`, and what they raise is seen here."""

    start = None


class _Again:
    """Called after a moment: sends a signal once more whose handler raised where nobody could catch it."""

    start = None
    stop = property(methodcaller("send"))
    send = int


def _on_gc(core):
    """The callbacks of the garbage collector."""
    again = _Again()

    def moments():
        number = 0
        while True:
            try:
                while True:
                    again.send = partial(_interrupt, number) if number else int
                    number = 0
                    yield
                    if not core.done and monotonic() >= core.due:
                        core.flush()
            except BaseException as error:
                number = _signal_of(error, core)

    moment = moments()
    next(moment)
    _Moment.stop = property(moment.send)
    return partial(getattr, _Moment()), partial(getattr, again)


def _signal_of(error, core):
    """Number of the signal whose handler raised this; 0 where there is none."""
    trace = error.__traceback__
    while trace is not None and core.is_ours(trace.tb_frame.f_code):
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    for number in _signals:
        handler = _signal.getsignal(number)
        if code is None:
            if handler is _signal.default_int_handler and isinstance(error, KeyboardInterrupt):
                return number
        elif getattr(getattr(handler, "__func__", handler), "__code__", None) is code:
            return number
    return 0


def _pool_worker():
    """The worker of a multiprocessing.Pool that this process was just forked to be; None where it is something else."""
    frame = sys._getframe(1) if "multiprocessing.pool" in sys.modules else None
    while frame is not None:
        if frame.f_code.co_name == "_launch":
            worker = frame.f_locals.get("process_obj")
            target = getattr(worker, "_target", None)
            return worker if getattr(target, "__module__", None) == "multiprocessing.pool" else None
        frame = frame.f_back
    return None


def _die_of(number):
    _signal.signal(number, _signal.SIG_DFL)
    posix.kill(_getpid(), number)


def _guard_worker(core, worker):
    """A pool ends its idle workers by SIGTERM, whose default would take with it what they counted."""

    def on_term(number, frame):
        core.terminate(number)

    try:
        if _signal.getsignal(_signal.SIGTERM) == _signal.SIG_DFL:
            _signal.signal(_signal.SIGTERM, on_term)
            for queue in worker._args[:2]:
                for name in ("_rlock", "_wlock"):
                    lock = getattr(queue, name, None)
                    if lock is not None:
                        lock._semlock = _Patient(lock._semlock)
    except (AttributeError, ValueError):
        pass  # not in the main thread, or a pool unlike the standard library's


class _Patient:
    """A lock of a pool's queues that is waited for in short turns. Unlike the default of SIGTERM, a handler is not run
    for a signal that comes just before the wait begins, and whoever holds the lock may not give it back any more."""

    def __init__(self, real):
        self.real = real
        # All of it is C but for the moment between two turns, in which Python runs the handler.
        self.__enter__ = partial(any, map(partial(real.acquire, True), _Turns()))

    def __getattr__(self, name):
        return getattr(self.real, name)


class _Turns:
    """Seconds of each turn, without an end."""

    def __iter__(self):
        return self

    def __next__(self):
        return 0.5


def enter(folder, modules, package):
    """Says hello and hooks into the process; `start` of what this returns begins to record."""
    core = Core(folder, modules, package)
    core.hello()
    for name in config.MODES:
        try:
            core.modes.append((name, getattr(package, name)))
        except Exception as error:
            core.error(name, "%s: %s" % (type(error).__name__, error))
    _hook(core)
    return core


def _hook(core):
    """The moments at which we may write: none of them needs a thread."""

    def on_audit(event, arguments, monotonic=monotonic):
        if core.done:
            return
        if event == "os.exec":
            core.end("exec")
        elif event.startswith("_thread.start"):
            for _, mode in core.modes:
                thread_starts = getattr(mode, "thread_starts", None)
                if thread_starts is not None:
                    thread_starts()
        elif event == "pickle.find_class" and arguments == ("multiprocessing.pool", "worker"):
            process = sys.modules.get("multiprocessing.process")
            if process is not None:
                core.guard_workers(process)
        elif event in MOMENTS and monotonic() >= core.due:
            core.flush()

    if MODES_THAT_HEAR.isdisjoint(config.MODES):
        _hook_exec(core)
    else:
        sys.addaudithook(on_audit)

    def at_exit():
        core.end("exit")
        core.done = True

    real_exit = posix._exit

    def _exit(status):
        core.end("_exit")
        real_exit(status)

    _exit.__doc__, _exit.__module__, _exit.__qualname__ = real_exit.__doc__, "posix", "_exit"
    gc.callbacks.extend(_on_gc(core))
    atexit.register(at_exit)
    import os

    os.register_at_fork(after_in_child=core.after_fork)
    os._exit = posix._exit = _exit


def _hook_exec(core):
    """Where nothing but caches is recorded, no audit hook slows the program down: the two functions that execute another
    program tell of it."""
    import os

    def telling(real):
        def execute(*args, **kwargs):
            if not core.done:
                core.end("exec")
            return real(*args, **kwargs)

        execute.__doc__, execute.__module__ = real.__doc__, "posix"
        execute.__name__ = execute.__qualname__ = real.__name__
        return execute

    for name in ("execv", "execve"):
        real = getattr(posix, name)
        ours = telling(real)
        setattr(posix, name, ours)
        setattr(os, name, ours)
