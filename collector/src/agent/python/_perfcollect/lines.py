"""Counts and times of every executed line of the program's own code: not of the standard library, not of packages.

From Python 3.12 on this is a tool of sys.monitoring, beside debuggers and coverage. Before, it is the trace function; where
the program has one, this steps back and says so. A line's time runs from its event to the next one of the same call; the
part in calls of other own code is in its total time only. Each thread counts for itself.
"""

import sys
from _thread import get_ident
from time import perf_counter_ns as clock
from time import thread_time_ns

from . import by_trace, quote

ByTrace = by_trace.ByTrace

_GENERATOR = 0x20 | 0x80 | 0x200
# What an entry of a thread's stack of calls holds.
_CODE, _LINES, _ROW, _SINCE, _CALLEES, _BEGAN = range(6)

_core = None
_way = None
# State of each thread.
_threads = {}
# Lines of code are kept by its identity (its hash looks into all constants), so the code must live on.
_codes = {}
_is_own = {}
_library = ()


class _Thread:
    def __init__(self):
        self.stack = []
        # Per code: line -> [hits, self, total].
        self.tables = {}


def _state():
    try:
        return _threads[get_ident()]
    except KeyError:
        return _threads.setdefault(get_ident(), _Thread())


def _own(code):
    """Whether lines of this code are counted; remembers it if so."""
    file = code.co_filename
    own = _is_own.get(file)
    if own is None:
        packages = "/site-packages/" in file or "/dist-packages/" in file
        own = _is_own[file] = not (file.startswith(_library) or packages)
    if own:
        _codes[id(code)] = code
    return own


def _enter(code, line=0):
    """A call begins, or goes on at a line that was counted before."""
    state = _state()
    key = id(code)
    lines = state.tables.get(key)
    if lines is None:
        lines = state.tables[key] = {}
    row = None
    if line:
        row = lines.get(line)
        if row is None:
            row = lines[line] = [0, 0, 0]
    now = clock()
    state.stack.append([code, lines, row, now, 0, now])


def _line(code, line):
    now = clock()
    stack = _state().stack
    if not stack or stack[-1][_CODE] is not code:
        _resume_at(stack, code)
    top = stack[-1]
    row = top[_ROW]
    if row is not None:
        spent = now - top[_SINCE]
        row[2] += spent
        row[1] += spent - top[_CALLEES]
        top[_CALLEES] = 0
    lines = top[_LINES]
    row = lines.get(line)
    if row is None:
        row = lines[line] = [0, 0, 0]
    row[0] += 1
    top[_ROW] = row
    top[_SINCE] = clock()


def _leave(code):
    now = clock()
    stack = _state().stack
    if not stack or stack[-1][_CODE] is not code:
        return
    top = stack.pop()
    row = top[_ROW]
    if row is not None:
        spent = now - top[_SINCE]
        row[2] += spent
        row[1] += spent - top[_CALLEES]
    if stack:
        stack[-1][_CALLEES] += now - top[_BEGAN]


def _resume_at(stack, code):
    """Calls that ended without a word (tracing was off meanwhile) are dropped."""
    for depth in range(len(stack) - 1, -1, -1):
        if stack[depth][_CODE] is code:
            del stack[depth + 1 :]
            return
    _enter(code)


class _ByMonitoring:
    """From 3.12 on. Code that is not the program's own costs one event, ever."""

    def start(self):
        monitoring = sys.monitoring
        free = [tool for tool in (3, 4) if monitoring.get_tool(tool) is None]
        if not free:
            raise RuntimeError("every tool of sys.monitoring is taken")
        self.tool, events = free[0], monitoring.events
        monitoring.use_tool_id(self.tool, "perfcollect lines")
        self.local = events.LINE | events.PY_RETURN | events.PY_YIELD | events.PY_RESUME
        self.places = {}
        callbacks = {
            events.PY_START: self.on_start,
            events.PY_RESUME: self.on_resume,
            events.PY_THROW: self.on_throw,
            events.LINE: _line,
            events.PY_RETURN: self.on_end,
            events.PY_YIELD: self.on_end,
            events.PY_UNWIND: self.on_unwind,
        }
        for event, callback in callbacks.items():
            monitoring.register_callback(self.tool, event, callback)
        monitoring.set_events(self.tool, events.PY_START | events.PY_UNWIND | events.PY_THROW)

    def on_start(self, code, offset):
        if id(code) not in _codes:
            if not _own(code):
                return sys.monitoring.DISABLE
            sys.monitoring.set_local_events(self.tool, code, self.local)
        _enter(code)

    def on_resume(self, code, offset):
        if id(code) in _codes:
            _enter(code, self.line_at(code, offset))

    def on_throw(self, code, offset, error):
        if id(code) in _codes:
            _enter(code, self.line_at(code, offset))

    def on_end(self, code, offset, value):
        _leave(code)

    def on_unwind(self, code, offset, error):
        if id(code) in _codes:
            _leave(code)

    def line_at(self, code, offset):
        line = self.places.get((id(code), offset))
        if line is None:
            found = (line for start, end, line in code.co_lines() if start <= offset < end)
            line = self.places[id(code), offset] = next(found, 0) or 0
        return line

    def displaced(self):
        return False

    def stop(self):
        pass


class _ByTrace(ByTrace):
    """Up to 3.11."""

    def on_call(self, frame, event, arg):
        code = frame.f_code
        if id(code) not in _codes and not _own(code):
            self.meet(code)
            return None
        line = frame.f_lineno
        _enter(code, line if code.co_flags & _GENERATOR and line != code.co_firstlineno else 0)
        return self.on_event

    def on_event(self, frame, event, arg):
        if event == "line":
            _line(frame.f_code, frame.f_lineno)
        elif event == "return":
            _leave(frame.f_code)
        return self.on_event


def start(core):
    global _core, _way, _library
    _core = core
    standard = getattr(sys.modules.get("os"), "__file__", None) or "/usr/lib/"
    _library = (standard.rpartition("/")[0] + "/", core.folder, "<")
    _core.event_ns = _event_cost()
    _way = _ByMonitoring() if sys.version_info >= (3, 12) else _ByTrace()
    _way.start()


def _event_cost():
    """Nanoseconds of one line event, tried out on code of our own, whose counts are forgotten."""
    code = _event_cost.__code__
    _enter(code)
    began = thread_time_ns()
    for line in range(1000):
        _line(code, line & 15)
    cost = (thread_time_ns() - began) // 1000
    _threads.clear()
    return cost


def thread_starts():
    if isinstance(_way, _ByTrace):
        _way.hook()


def after_fork():
    """The child counts from here; what its parent's other threads did is not its."""
    mine = _threads.get(get_ident())
    _threads.clear()
    if mine is None:
        return
    _threads[get_ident()] = mine
    for lines in mine.tables.values():
        for row in lines.values():
            row[:] = [0, 0, 0]
    now = clock()
    for entry in mine.stack:
        entry[_SINCE], entry[_CALLEES], entry[_BEGAN] = now, 0, now


def flush(final):
    if _way.displaced() and not getattr(_way, "told", False):
        _way.told = True
        _way.stop()
        _core.error("lines", "a debugger or coverage took the trace function over; lines from then on are not counted")
    sums, events = {}, 0
    for state in list(_threads.values()):
        for key, lines in list(state.tables.items()):
            file = _codes[key].co_filename if key in _codes else ""
            for line, row in list(lines.items()):
                events += row[0]
                _add(sums, (file, line), row)
        if final:
            _add_open(sums, state)
    text = ['{"o":[%d,%d]}\n' % (events, _core.event_ns)]
    files = {}
    for (file, line), (hits, own, total) in sums.items():
        if not file or not (hits or total):
            continue
        if file not in files:
            files[file] = len(files)
            text.append('{"f":[%d,%s]}\n' % (files[file], quote(file)))
        text.append('{"l":[%d,%d,%d,%d,%d]}\n' % (files[file], line, hits, max(own, 0), max(total, 0)))
    _core.replace("lines", "".join(text))


def _add(sums, place, row):
    known = sums.get(place)
    if known is None:
        sums[place] = list(row)
    else:
        known[0] += row[0]
        known[1] += row[1]
        known[2] += row[2]


def _add_open(sums, state):
    """Lines under way at the end, as if they ended now."""
    now, below = clock(), 0
    for code, lines, row, since, callees, began in reversed(state.stack):
        spent = now - since
        if row is not None:
            line = next((line for line, known in lines.items() if known is row), 0)
            _add(sums, (code.co_filename, line), [0, spent - callees - below, spent])
        below = now - began
