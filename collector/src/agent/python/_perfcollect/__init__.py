"""The recorder inside a Python program: where it writes, when, and what it does when the process forks or ends.

Owns the files of this process in the spool and the moments of flushing. Each mode (calls, alloc, lines) is a module with
start(core), flush(final) and after_fork(). Nothing here may print, raise into the program or start a thread; modules
that are not loaded anyway are not imported, and every function that a program may replace is taken at the start.
"""

import atexit
import gc
import posix
import sys
from _thread import allocate_lock, get_ident
from time import monotonic, monotonic_ns, thread_time_ns

from . import config

_open, _write, _close, _truncate, _chmod = posix.open, posix.write, posix.close, posix.ftruncate, posix.fchmod
_getpid, _getppid, _geteuid = posix.getpid, posix.getppid, posix.geteuid
_flags = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW

# Seconds between two flushes: at least this, and as many that flushing takes a fiftieth of the time at most.
EVERY = 1.0
SHARE = 50
# Seconds to wait for another thread that flushes right now, when the process is about to end.
PATIENCE = 2.0


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

    def __init__(self, folder):
        # Code of ours is below this folder.
        self.folder = folder
        self.modes = []
        self.done = True
        self.due = 0.0
        self.own_ns = 0
        self.lock = allocate_lock()
        self.errors = 0
        self.slots = {}

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
            self.lock.release()

    def end(self, how):
        """The last flush before this program is gone."""
        if self.done or _getpid() != self.pid:
            return
        self.flush(final=True)
        self.append("hello", '{"bye":{"how":"%s","mono_ns":%d,"own_ns":%d}}\n' % (how, monotonic_ns(), self.own_ns))

    def start(self):
        """Begins to record."""
        before = thread_time_ns()
        for name in config.MODES:
            try:
                mode = getattr(self.package, name)
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
        self.due = monotonic() + EVERY

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
        rest = memoryview(text.encode("utf-8", "replace"))
        whole = posix.fstat(descriptor).st_size
        try:
            while rest:
                rest = rest[_write(descriptor, rest) :]
        except OSError:
            try:
                _truncate(descriptor, whole)
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


def _deliver_again(error, core):
    """Python drops what is raised while it collects garbage, so a signal whose handler raised there is sent once more."""
    import _signal
    from _thread import interrupt_main

    if isinstance(error, KeyboardInterrupt):
        interrupt_main()
        return
    trace = error.__traceback__
    while trace is not None and core.is_ours(trace.tb_frame.f_code):
        trace = trace.tb_next
    if trace is None or sys.version_info < (3, 10):
        return
    for number in range(1, _signal.NSIG):
        handler = _signal.getsignal(number)
        handler = getattr(handler, "__func__", handler)
        if getattr(handler, "__code__", None) is trace.tb_frame.f_code:
            interrupt_main(number)


def enter(folder):
    """Says hello and hooks into the process; `start` of what this returns begins to record."""
    core = Core(folder)
    core.package = sys.modules[__name__]
    core.hello()
    for name in config.MODES:
        try:
            __import__(__name__ + "." + name)
        except Exception as error:
            core.error(name, "%s: %s" % (type(error).__name__, error))
    _hook(core)
    return core


def _hook(core):
    """The moments at which we may write: none of them needs a thread."""

    def on_gc(phase, info, monotonic=monotonic):
        if phase == "stop" and not core.done and monotonic() >= core.due:
            try:
                core.flush()
            except BaseException as error:
                _deliver_again(error, core)

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
        elif monotonic() >= core.due:
            core.flush()

    def at_exit():
        core.end("exit")
        core.done = True

    real_exit = posix._exit

    def _exit(status):
        core.end("_exit")
        real_exit(status)

    _exit.__doc__, _exit.__module__, _exit.__qualname__ = real_exit.__doc__, "posix", "_exit"
    gc.callbacks.append(on_gc)
    sys.addaudithook(on_audit)
    atexit.register(at_exit)
    import os

    os.register_at_fork(after_in_child=core.after_fork)
    os._exit = posix._exit = _exit
