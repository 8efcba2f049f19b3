"""Which keys functions without a cache are called with (`--cache-candidates`), to tell what a cache would bring.

The key is the value of each parameter, however it was passed. From Python 3.12 on calls are told of by sys.monitoring, and
code that is no candidate costs one event, ever. Before, the trace function is used, which every call of Python code then
passes through; where the program has one, this steps back and says so. Generators and coroutines are no candidates.
"""

import sys
from _thread import get_ident
from time import monotonic_ns as clock

from . import _signal_of, by_trace, caches_hook, config, key_hash, key_names
from . import keys as traces

ByTrace, key_of, Wanted = by_trace.ByTrace, key_hash.key_of, key_names.Wanted

_GENERATOR = 0x20 | 0x80 | 0x200
_VARARGS, _VARKEYWORDS = 4, 8
# Code that uses one of these names does something besides its result, or gets it from elsewhere.
_IMPURE = frozenset(
    "print input open write writelines read readline recv send sendall sleep random randint randrange choice shuffle"
    " uniform time monotonic perf_counter now today urandom getrandbits uuid4 uuid1 system popen Popen connect execute commit"
    " append_event environ getenv setattr delattr exit _exit globals exec eval".split()
)

_core = None
_way = None
_library = ()
_wanted = None
_any = False
# Code -> its trace, or None where it is none of ours. By identity: the hash of code looks into all constants.
_known = {}
_alive = []
_stacks = {}
# Code of functions that have a cache: their calls are misses.
_cached = set()


class _Function:
    """What a trace wants to know of a function, from its code and the module that it runs in."""

    def __init__(self, code, module):
        self.__code__, self.__module__ = code, module
        self.__qualname__ = getattr(code, "co_qualname", None) or code.co_name


def _trace_of(code, module):
    """The trace of this code's calls; None if it is no candidate."""
    key = id(code)
    try:
        return _known[key]
    except KeyError:
        pass
    trace = None
    function = _Function(code, module)
    if _is_candidate(code, function):
        if not traces._cost:
            traces._calibrate()
        trace = traces.Trace(len(traces._traces), function, "python", candidate=True)
        traces._traces.append(trace)
    _alive.append(code)
    _known[key] = trace
    return trace


def _is_candidate(code, function):
    if len(traces._traces) >= traces._MOST_TRACES or _core.is_ours(code) or code.co_name.startswith("<"):
        return False
    why_not = None
    if code.co_flags & _GENERATOR:
        why_not = "it is a generator or a coroutine"
    elif key_is_cached(code):
        why_not = "it has a cache, so that --cache-trace traces it"
    if _wanted.has(traces.name_of(function), why_not, _is_own(code)):
        return True
    return _any and why_not is None and _looks_repeatable(code)


def key_is_cached(code):
    return id(code) in _cached


def _is_own(code):
    file = code.co_filename
    return not (file.startswith(_library) or "/site-packages/" in file or "/dist-packages/" in file)


def _looks_repeatable(code):
    """Own code that takes an argument, and by the names that it uses neither changes nor asks anything outside."""
    if not _is_own(code):
        return False
    if not (code.co_argcount + code.co_kwonlyargcount or code.co_flags & (_VARARGS | _VARKEYWORDS)):
        return False
    if code.co_name.startswith("__") or not _IMPURE.isdisjoint(code.co_names):
        return False
    return _CHANGES.isdisjoint(code.co_code[::2])


def _changes():
    """Instructions that change what is outside of the function."""
    global _RETURN
    from opcode import opmap

    _RETURN = opmap["RETURN_VALUE"]
    names = "STORE_GLOBAL DELETE_GLOBAL STORE_ATTR DELETE_ATTR STORE_DEREF IMPORT_NAME".split()
    return frozenset([opmap[name] for name in names if name in opmap])


_CHANGES = frozenset()
_RETURN = 83


def _enter(trace, frame):
    """A call begins: its key is taken now, before the function changes its parameters."""
    state = traces._states.get(get_ident()) or traces.state_of_thread()
    code, values = frame.f_code, frame.f_locals
    number = code.co_argcount + code.co_kwonlyargcount
    number += bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    try:
        given = []
        for name in code.co_varnames[:number]:
            value = values[name]
            if type(value) is dict and code.co_flags & _VARKEYWORDS and name == code.co_varnames[number - 1]:
                value = tuple(value.items())
            given.append(value)
        key = key_of(tuple(given), {}, True)
    except Exception as error:
        if _signal_of(error, _core):
            raise
        key = None
    within = state.active.get(trace, 0)
    state.active[trace] = within + 1
    if within:
        trace.recursive = True
    stack = _stacks.get(get_ident())
    if stack is None:
        stack = _stacks[get_ident()] = []
    stack.append((trace, code, key, state, state.count, within, clock()))


def _leave(code, failed):
    ended = clock()
    stack = _stacks.get(get_ident())
    # Calls above that ended without a word are dropped.
    while stack:
        trace, entered, key, state, before, within, begun = stack.pop()
        if within:
            state.active[trace] = within
        else:
            state.active.pop(trace, None)
        if entered is code:
            spent = max(int(ended - begun - _inside_ns - (state.count - before) * _event_ns), 0)
            state.count += 1
            if key is None:
                next(trace.unhashable)
            else:
                trace.add(key, traces.FAILED - spent if failed else spent)
            return


class _ByMonitoring:
    """From 3.12 on."""

    def start(self):
        monitoring = sys.monitoring
        free = [tool for tool in (5, 4, 3) if monitoring.get_tool(tool) is None]
        if not free:
            raise RuntimeError("every tool of sys.monitoring is taken")
        self.tool, events = free[0], monitoring.events
        monitoring.use_tool_id(self.tool, "perfcollect candidates")
        self.local = events.PY_RETURN
        monitoring.register_callback(self.tool, events.PY_START, self.on_start)
        monitoring.register_callback(self.tool, events.PY_RETURN, self.on_return)
        monitoring.register_callback(self.tool, events.PY_UNWIND, self.on_unwind)
        monitoring.set_events(self.tool, events.PY_START | events.PY_UNWIND)

    def on_start(self, code, offset):
        frame = sys._getframe(1)
        trace = _trace_of(code, frame.f_globals.get("__name__", "?"))
        if trace is None:
            return sys.monitoring.DISABLE
        if not sys.monitoring.get_local_events(self.tool, code):
            sys.monitoring.set_local_events(self.tool, code, self.local)
        _enter(trace, frame)

    def on_return(self, code, offset, value):
        _leave(code, False)

    def on_unwind(self, code, offset, error):
        if _known.get(id(code)) is not None:
            _leave(code, True)

    def displaced(self):
        return False


class _ByTrace(ByTrace):
    """Up to 3.11."""

    others = "a debugger or coverage, or `--python lines`"

    def on_call(self, frame, event, arg):
        code = frame.f_code
        trace = _known.get(id(code), self)
        if trace is self:
            self.meet(code)
            trace = _trace_of(code, frame.f_globals.get("__name__", "?"))
        if trace is None:
            return None
        _enter(trace, frame)
        frame.f_trace_lines = False
        failed = [False]

        def on_event(frame, event, arg):
            if event == "exception":
                failed[0] = True
            elif event == "return":
                # An exception that left the call, and not one that was caught in it.
                code = frame.f_code
                _leave(code, failed[0] and code.co_code[frame.f_lasti] != _RETURN)
            return on_event

        return on_event


def _sees_cached(wrapper, function, library, parameters):
    code = getattr(function, "__code__", None)
    if code is not None:
        _cached.add(id(code))
        _alive.append(code)


# What the events of a call cost, and the part of it that falls between its two times.
_event_ns = _inside_ns = 0.0
_tries = range(100)


def _probe(number):
    return number


def _time_calls():
    """Nanoseconds that a call takes here, the least of a few tries."""
    least = 1e9
    for _ in range(7):
        begun = clock()
        for number in _tries:
            _probe(number)
        least = min(least, (clock() - begun) / len(_tries))
    return least


def _calibrate(plain):
    """Tries events out on code of ours, whose trace is forgotten."""
    global _event_ns, _inside_ns
    trace = traces.Trace.__new__(traces.Trace)
    trace.events, trace.mask, trace.recursive, trace.spool = [], 0, False, None
    trace.dropped = trace.unhashable = None
    _known[id(_probe.__code__)] = trace
    _event_ns = max(_time_calls() - plain, 0.0)
    costs = trace.events[2::3]
    _inside_ns = max(min(costs) - plain, 0.0) if costs else 0.0
    del _known[id(_probe.__code__)]
    traces._states.pop(get_ident(), None)
    traces.candidate_ns = _event_ns


def start(core):
    global _core, _way, _library, _wanted, _any, _CHANGES
    _core = core
    if traces._core is None:
        traces.start(core)
    standard = getattr(sys.modules.get("os"), "__file__", None) or "/usr/lib/"
    _library = (standard.rpartition("/")[0] + "/", core.folder, "<")
    _wanted = Wanted([glob for glob in config.CANDIDATE_GLOBS if glob], True)
    _any = "" in config.CANDIDATE_GLOBS
    _CHANGES = _changes()
    caches_hook.on_create.append(_sees_cached)
    plain = _time_calls()
    _way = _ByMonitoring() if sys.version_info >= (3, 12) else _ByTrace()
    _way.start()
    _calibrate(plain)


def thread_starts():
    if isinstance(_way, _ByTrace):
        _way.hook()


def flush(final):
    _wanted.tell(_core)
    if _way.displaced() and not getattr(_way, "told", False):
        _way.told = True
        _core.error("candidates", "a debugger or coverage took the trace function over; calls from then on are not traced")
    if "keys" not in config.MODES:
        traces.flush(final)


def after_fork():
    _wanted.news = []
    mine = _stacks.get(get_ident())
    _stacks.clear()
    if mine is not None:
        _stacks[get_ident()] = mine
    if "keys" not in config.MODES:
        traces.after_fork()
