"""Exact counts and times of every call, counted in C by the profiler that cProfile is made of.

Each thread has a profiler of its own. Up to Python 3.11 it is the thread's profile function; from 3.12 on its callbacks
are tools of sys.monitoring beside the program's own profiler, and threads share them through a thread's attribute.
"""

import sys
from _lsprof import Profiler as _Profiler
from _functools import partial
from _operator import attrgetter, methodcaller
from _thread import _local, get_ident
from time import perf_counter_ns, sleep

from . import quote

_PROBES = range(100)
_call = methodcaller("__call__")
_start_name = "<built-in method _thread.start_new_thread>"


class _ByProfile:
    """Up to 3.11: one profile function a thread."""

    def __init__(self):
        self.profilers = []
        self.idle = []
        self.lost = False

    def start(self):
        self.began = get_ident()
        self.enable_here()
        import _thread
        from _collections import deque

        real_start = _thread.start_new_thread

        def start_new_thread(function, args, *more):
            if not callable(function) or type(args) is not tuple or more and (len(more) > 1 or type(more[0]) is not dict):
                return real_start(function, args, *more)
            profiler = self.take()
            body = partial(function, *args, **(more[0] if more else {}))
            back = [_Surely(profiler.enable), body, _Surely(profiler.disable), _Return(self.idle, profiler)]
            # A loop in C: no frame of ours is below the thread's.
            return real_start(_Body(function, partial(deque, map(_call, back), 0)), ())

        start_new_thread.__doc__, start_new_thread.__module__ = real_start.__doc__, "_thread"
        _thread.start_new_thread = _thread.start_new = start_new_thread
        threading = sys.modules.get("threading")
        if threading is not None and getattr(threading, "_start_new_thread", None) is real_start:
            threading._start_new_thread = start_new_thread

    def take(self):
        try:
            return self.idle.pop()
        except IndexError:
            profiler = Profiler()
            self.profilers.append(profiler)
            return profiler

    def enable_here(self):
        self.take().enable()

    def all(self):
        return list(self.profilers)

    def close(self):
        """Counts the calls that have not returned, as if they did now."""
        for profiler in self.all():
            profiler.disable()

    def displaced(self):
        """Whether another profiler took over the thread that began."""
        return get_ident() == self.began and not isinstance(sys.getprofile(), Profiler)

    def after_fork(self):
        profiler = sys.getprofile()
        self.began = get_ident()
        self.idle = []
        self.profilers = []
        if isinstance(profiler, Profiler):
            profiler.clear()
            self.profilers = [profiler]


class _Body:
    """What a thread runs. It looks like the program's own function where that is shown, and calls in C."""

    __call__ = property(attrgetter("loop"))

    def __init__(self, function, loop):
        self.function, self.loop = function, loop

    def __repr__(self):
        return repr(self.function)


class _Surely:
    """Turns a thread's profiler on or off; that fails where another thread does the same at this moment."""

    def __init__(self, turn):
        self.turn = turn

    def __call__(self):
        for _ in range(1000):
            try:
                return self.turn()
            except RuntimeError:
                sleep(0)


class _Return:
    """Gives the profiler of an ended thread to the next one."""

    def __init__(self, idle, profiler):
        self.idle, self.profiler = idle, profiler

    def __call__(self):
        self.idle.append(self.profiler)


class Profiler(_Profiler):
    """A program that puts back what sys.getprofile() gave it calls this."""

    def __call__(self, frame, event, arg):
        self.disable()
        self.enable()


class _ByMonitoring:
    """From 3.12 on: callbacks of all threads, so they are shared out by thread once there are several."""

    CALLBACKS = ("_pystart_callback", "_pyreturn_callback", "_ccall_callback", "_creturn_callback")
    EVENTS = (
        ("PY_START", 0),
        ("PY_RESUME", 0),
        ("PY_THROW", 0),
        ("PY_RETURN", 1),
        ("PY_YIELD", 1),
        ("PY_UNWIND", 1),
        ("CALL", 2),
        ("C_RETURN", 3),
        ("C_RAISE", 3),
    )

    def __init__(self):
        self.monitoring = sys.monitoring
        self.by_thread = {}
        self.shared = False

    def start(self):
        monitoring = self.monitoring
        free = [tool for tool in (4, 3) if monitoring.get_tool(tool) is None]
        if not free:
            raise RuntimeError("every tool of sys.monitoring is taken")
        self.tool = free[0]
        monitoring.use_tool_id(self.tool, "perfcollect")
        own = self.of_thread()

        # A local object makes its attributes anew for each thread, by __init__; a property calls through in C.
        class Shared(_local):
            __call__ = property(attrgetter("callback"))

            def __init__(local, name):
                local.callback = getattr(self.of_thread(), name)

        self.dispatch = [Shared(name) for name in self.CALLBACKS]
        self.register([getattr(own, name) for name in self.CALLBACKS])
        events = 0
        for name, _ in self.EVENTS:
            if not name.startswith("C_"):
                events |= getattr(monitoring.events, name)
        monitoring.set_events(self.tool, events)

    def register(self, callbacks):
        for name, row in self.EVENTS:
            self.monitoring.register_callback(self.tool, getattr(self.monitoring.events, name), callbacks[row])

    def of_thread(self):
        ident = get_ident()
        profiler = self.by_thread.get(ident)
        if profiler is None:
            profiler = self.by_thread[ident] = _Profiler()
        return profiler

    def share(self):
        if not self.shared:
            self.shared = True
            self.register(self.dispatch)

    def all(self):
        return list(self.by_thread.values())

    def close(self):
        for profiler in self.all():
            try:
                profiler.enable()
                profiler.disable()
            except ValueError:
                return  # the program profiles itself right now: calls under way are not counted

    def displaced(self):
        return False

    def after_fork(self):
        profiler = self.of_thread()
        profiler.clear()
        self.by_thread = {get_ident(): profiler}


_core = None
_way = None


def start(core):
    global _core, _way
    _core = core
    before = _time_calls()
    _way = _ByMonitoring() if sys.version_info >= (3, 12) else _ByProfile()
    _way.start()
    cost = max(_time_calls() - before, 0.0)
    for profiler in _way.all():
        profiler.clear()
    core.append("hello", '{"call_ns":%.1f}\n' % cost)


def _probe():
    pass


def _time_calls():
    """Nanoseconds that a call takes here, the least of a few tries."""
    least = 1e9
    for _ in range(5):
        begun = perf_counter_ns()
        for _ in _PROBES:
            _probe()
        least = min(least, perf_counter_ns() - begun)
    return least / len(_PROBES)


def thread_starts():
    share = getattr(_way, "share", None)
    if share is not None:
        share()


def after_fork():
    _way.after_fork()


def flush(final):
    if _way.displaced() and not getattr(_way, "told", False):
        _way.told = True
        _core.error("calls", "the program's own profiler took its place; calls are counted up to then")
    if final:
        _way.close()
    _core.replace("calls", _text(_gather()))


def _label(code):
    """As cProfile names functions."""
    if isinstance(code, str):
        return ("~", 0, code)
    if _core.is_ours(code):
        return ("~", 0, _start_name) if code.co_name == "start_new_thread" else None
    return (code.co_filename, code.co_firstlineno, code.co_name)


def _gather():
    """Functions with (calls, recursive, total, self) and those of each caller; calls by our own code left out."""
    rows = {}
    for profiler in _way.all():
        for entry in profiler.getstats():
            caller = _label(entry.code)
            ours = not isinstance(entry.code, str) and _core.is_ours(entry.code)
            if caller is not None:
                _add(rows.setdefault(caller, [[0, 0, 0.0, 0.0], {}])[0], entry, 1)
            for called in entry.calls or ():
                label = _label(called.code)
                if label is None:
                    continue
                row = rows.setdefault(label, [[0, 0, 0.0, 0.0], {}])
                if ours:
                    _add(row[0], called, -1)
                else:
                    _add(row[1].setdefault(caller, [0, 0, 0.0, 0.0]), called, 1)
    return {label: row for label, row in rows.items() if row[0][0] > 0}


def _add(sums, entry, sign):
    sums[0] += sign * entry.callcount
    sums[1] += sign * entry.reccallcount
    sums[2] += sign * entry.totaltime
    sums[3] += sign * entry.inlinetime


def _text(rows):
    numbers = {label: number for number, label in enumerate(rows)}
    lines = []
    for (file, line, name), (sums, callers) in rows.items():
        by = ["[%d,%s]" % (numbers[caller], _figures(part)) for caller, part in callers.items() if caller in numbers]
        lines.append('{"f":[%s,%d,%s],"s":[%s],"c":[%s]}\n' % (quote(file), line, quote(name), _figures(sums), ",".join(by)))
    return "".join(lines)


def _figures(sums):
    calls, recursive, total, own = sums
    return "%d,%d,%d,%d" % (calls, max(calls - recursive, 0), max(own, 0) * 1e9, max(total, 0) * 1e9)
