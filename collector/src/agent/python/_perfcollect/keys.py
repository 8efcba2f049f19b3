"""Which keys are asked of caches (`--cache-trace`): for each lookup the number of its key, when, hit or miss, and what the
miss took.

A traced wrapper is a function around the real one, whose own function is timed. Events are numbers in one list for each
cache, appended whole; past a few thousand they go to a file. Where there are too many, every second key is given up, by
the number that its hash gives: what had been written of those keys is deleted, so that disk and memory stay within the limit.
"""

import sys
from _thread import allocate_lock, get_ident
from itertools import count
from time import monotonic_ns as clock
from types import FunctionType

from . import _signal_of, caches_hook, config, key_hash, key_names, key_spool, quote

key_of, mixed, number_of = key_hash.key_of, key_hash.mixed, key_hash.number_of
Wanted, Spool = key_names.Wanted, key_spool.Spool

# Costs of an event that are no costs. Below FAILED they are of a computation that raised.
HIT, CLEARED, FAILED = -1, -2, -16
# Numbers in a list of events before they are written: three an event.
_FULL = 3 * 16384
_MOST_TRACES = 2000
# Frames that tracing adds to each computation, and after how many computations within each other room is made for them.
_FRAMES, _STEP = 8, 16

_core = None
_traces = []
_states = {}
_cost = []
candidate_ns = 0.0
_no_key = object()
_wanted = Wanted(config.KEY_GLOBS, False)
getlimit, setlimit = sys.getrecursionlimit, sys.setrecursionlimit


class State:
    """Of one thread."""

    __slots__ = ("cost", "failed", "count", "depth", "active", "key")

    def __init__(self):
        # Of the computation that ended last, where the lookup under way is not told of it yet.
        self.cost = HIT
        self.failed = False
        # Traced lookups so far.
        self.count = 0
        # Computations within each other, and how often of each trace.
        self.depth = 0
        self.active = {}
        self.key = _no_key


def state_of_thread():
    return _states.setdefault(get_ident(), State())


class Trace:
    """Events of one cache, or of one function without."""

    def __init__(self, number, function, library, capacity=None, candidate=False):
        self.number = number
        self.events = []
        self.mask = 0
        self.dropped = count()
        self.unhashable = count()
        self.read = [0, 0]
        self.lock = allocate_lock()
        self.recursive = False
        self.candidate = candidate
        code = getattr(function, "__code__", None)
        self.head = '{"name":%s,"library":%s,"file":%s,"line":%s,"capacity":%s,"candidate":%s}' % (
            quote(name_of(function)),
            quote(library),
            quote(code.co_filename) if code is not None else "null",
            code.co_firstlineno if code is not None else "null",
            capacity if isinstance(capacity, int) else "null",
            _yes(candidate),
        )
        self.spool = None if _core is None else Spool(_core, number, self.head)

    def add(self, key, cost):
        """Notes a lookup that has ended."""
        if self.mask and mixed(key) & self.mask:
            next(self.dropped)
            return
        events = self.events
        events.extend((clock(), key, cost))
        if len(events) > _FULL:
            self.write()

    def write(self):
        """Moves events to the file; another thread that does so right now suffices."""
        if self.spool is None or not self.lock.acquire(False):
            return
        try:
            events = self.events
            size = len(events)
            chunk = events[:size]
            del events[:size]
            if chunk:
                self.spool.write(chunk, self.mask)
        finally:
            self.lock.release()
        if total() > config.KEY_LIMIT:
            halve()

    def own_ns(self):
        """What an event costs."""
        return candidate_ns if self.candidate else _cost[0]

    def sums(self):
        """Lookups that are not among the events: of keys that were given up, and of keys that cannot be hashed."""
        # Reading a counter counts once.
        sums = [next(self.dropped) - self.read[0], next(self.unhashable) - self.read[1]]
        self.read = [self.read[0] + 1, self.read[1] + 1]
        return sums[0] + self.spool.deleted, sums[1]

    def forget(self):
        """In a forked child."""
        self.events, self.mask = [], 0
        self.dropped, self.unhashable, self.read = count(), count(), [0, 0]
        self.lock = allocate_lock()
        self.spool = Spool(_core, self.number, self.head)


def _yes(value):
    return "true" if value else "false"


def name_of(function):
    return "%s.%s" % (getattr(function, "__module__", "?"), getattr(function, "__qualname__", "?"))


def total():
    """Events that are kept in this process."""
    return sum([trace.spool.kept + len(trace.events) // 3 for trace in _traces])


def halve():
    """Gives up every second key of the cache with most events."""
    largest = max(_traces, key=lambda trace: trace.spool.kept)
    if largest.mask < 0xFFFF and largest.lock.acquire(False):
        try:
            largest.mask = largest.mask << 1 | 1
            largest.spool.delete(largest.mask)
        finally:
            largest.lock.release()


def timed(function, trace):
    """The function behind a cache: tells the lookup under way that there was a miss, and what it took."""

    def computation(*args, **kwds):
        state = _states.get(get_ident()) or state_of_thread()
        active, depth = state.active, state.depth + 1
        within = active.get(trace, 0)
        active[trace] = within + 1
        state.depth = depth
        if within:
            trace.recursive = True
        if not depth % _STEP:
            setlimit(getlimit() + _STEP * _FRAMES)
        before, begun = state.count, clock()
        try:
            result = function(*args, **kwds)
        except BaseException as error:
            spent = clock() - begun
            _unlink(error)
            state.failed = True
            _leave(state, trace, within, spent, before)
            raise
        spent = clock() - begun
        state.failed = False
        _leave(state, trace, within, spent, before)
        return result

    computation.perfcollect_trace = trace
    return computation


def _leave(state, trace, within, spent, before):
    if not state.depth % _STEP:
        try:
            setlimit(getlimit() - _STEP * _FRAMES)
        except RecursionError:
            pass
    state.depth -= 1
    if within:
        state.active[trace] = within
    else:
        state.active.pop(trace, None)
    state.cost = max(int(spent - _cost[1] - (state.count - before) * _cost[0]), 0)


def _unlink(error):
    """Takes our frame out of what an exception shows of its way."""
    trace = error.__traceback__
    if trace is not None and trace.tb_next is not None:
        error.__traceback__ = trace.tb_next


def traced(wrapper, trace, key, own_key=False):
    """A function in place of the wrapper. `key` gives the number of a call's key; with `own_key` it takes the key that the
    library was given by the program's own function."""

    def lookup(*args, **kwds):
        state = _states.get(get_ident()) or state_of_thread()
        outer, outer_key = state.cost, state.key
        state.cost = HIT
        try:
            result = wrapper(*args, **kwds)
        except BaseException as error:
            cost, state.cost = state.cost, outer
            found, state.key = state.key, outer_key
            _unlink_next(error)
            if cost != HIT and state.failed:
                state.count += 1
                _note(trace, key, (found,) if own_key else (args, kwds), FAILED - cost)
            elif isinstance(error, Exception):
                next(trace.unhashable)
            raise
        cost, state.cost = state.cost, outer
        found, state.key = state.key, outer_key
        state.count += 1
        try:
            trace.add(key(found) if own_key else key(args, kwds), cost)
        except Exception as error:
            if _signal_of(error, _core):
                raise
            next(trace.unhashable)
        return result

    return lookup


def _note(trace, key, arguments, cost):
    try:
        trace.add(key(*arguments), cost)
    except Exception as error:
        if _signal_of(error, _core):
            raise
        next(trace.unhashable)


def _unlink_next(error):
    """The same, one frame further: the traceback begins with the lookup itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if trace.tb_next.tb_frame.f_code.co_name == "computation" and _core.is_ours(trace.tb_next.tb_frame.f_code):
            trace.tb_next = trace.tb_next.tb_next
        trace = trace.tb_next


def _before(function, library, parameters):
    """What a wrapper is made of: its function timed, and its key function (of cachetools) heard."""
    if not _wanted.has(name_of(function)):
        return None
    if len(_traces) >= _MOST_TRACES:
        if len(_traces) == _MOST_TRACES:
            _core.error("keys", "more than %d caches in one process; the keys of later ones are not traced" % _MOST_TRACES)
            _traces.append(_traces[0])
        return None
    if not _cost:
        _calibrate()
    capacity = parameters.get("maxsize")
    trace = Trace(len(_traces), function, library.partition(".")[0], capacity)
    _traces.append(trace)
    changed = {"function": timed(function, trace)}
    if library != "functools":
        caches_hook.like(changed["function"], function)
        changed["key"] = _heard(parameters["key"])
    return dict(parameters, **changed)


def _heard(key):
    """A key function whose result is seen."""

    def heard(*args, **kwds):
        found = key(*args, **kwds)
        (_states.get(get_ident()) or state_of_thread()).key = found
        return found

    caches_hook.like(heard, key)
    return heard


def _around(function, library, parameters):
    """What the program gets."""
    trace = getattr(parameters.get("function"), "perfcollect_trace", None)
    if trace is None:
        return None
    if library == "functools":
        return lambda wrapper: _of_functools(wrapper, trace, parameters["typed"])
    return lambda wrapper: _of_cachetools(wrapper, trace, function, parameters["key"])


def _of_functools(wrapper, trace, typed):
    def plain(args, kwds):
        return key_of(args, kwds, typed)

    lookup = traced(wrapper, trace, plain)

    def cache_clear():
        """Clear the cache and cache statistics"""
        wrapper.cache_clear()
        trace.events.extend((clock(), 0, CLEARED))

    lookup.cache_info, lookup.cache_clear = wrapper.cache_info, cache_clear
    return lookup


def _of_cachetools(wrapper, trace, function, key):
    if type(wrapper) is not FunctionType:
        _core.error("keys", "%s: cachedmethod of this version of cachetools is not traced" % name_of(function))
        return wrapper
    lookup = traced(wrapper, trace, number_of, own_key=True)
    caches_hook.like(lookup, function)
    lookup.__dict__.update(wrapper.__dict__)
    lookup.__wrapped__ = function
    lookup.__defaults__, lookup.__kwdefaults__ = None, None
    if getattr(lookup, "cache_key", None) is key:
        lookup.cache_key = key.__wrapped__
    clear = getattr(wrapper, "cache_clear", None)
    if clear is not None:

        def cache_clear():
            clear()
            trace.events.extend((clock(), 0, CLEARED))

        lookup.cache_clear = cache_clear
    return lookup


def _calibrate():
    """Measures what tracing costs here: a lookup that is a hit, and the clock around a computation."""
    _cost[:] = [0.0, 0.0]
    kind = caches_hook._real_wrapper
    if kind is None:
        from functools import _lru_cache_wrapper as kind
    trace = Trace.__new__(Trace)
    trace.events, trace.mask, trace.recursive, trace.spool = [], 0, False, None
    trace.unhashable = trace.dropped = count()
    plain = kind(_nothing, None, False, tuple)
    lookup = traced(kind(timed(_nothing, trace), None, False, tuple), trace, lambda args, kwds: key_of(args, kwds, False))
    lookup(0)
    plain(0)
    least = [1e9, 1e9]
    for _ in range(7):
        for place, tried in enumerate((plain, lookup)):
            begun = clock()
            for _ in _tries:
                tried(0)
            least[place] = min(least[place], (clock() - begun) / len(_tries))
    direct = inside = 1e9
    for number in range(1, 200):
        begun = clock()
        _nothing(number)
        direct = min(direct, clock() - begun)
        lookup(number)
        inside = min(inside, trace.events[-1])
    _cost[:] = [max(least[1] - least[0], 0.0), float(max(inside - direct, 0))]
    _states.pop(get_ident(), None)


_tries = range(400)


def _nothing(number):
    return number


def start(core):
    global _core
    _core = core
    caches_hook.install(core)
    if config.KEY_GLOBS:
        caches_hook.decide.extend((_before, _around))


def flush(final):
    _wanted.tell(_core)
    lines = []
    for trace in _traces[:_MOST_TRACES]:
        trace.write()
    for trace in _traces[:_MOST_TRACES]:
        dropped, unhashable = trace.sums()
        lines.append(
            '{"n":%d,"head":%s,"mask":%d,"dropped":%d,"lost":%d,"unhashable":%d,"recursive":%s,"tracing_ns":%.1f}\n'
            % (
                trace.number,
                trace.head,
                trace.mask,
                dropped,
                trace.spool.lost,
                unhashable,
                _yes(trace.recursive),
                trace.own_ns(),
            )
        )
    if lines:
        _core.replace("keys", "".join(lines))


def after_fork():
    """The child's lookups only."""
    _wanted.news = []
    mine = _states.get(get_ident())
    _states.clear()
    if mine is not None:
        _states[get_ident()] = mine
    for trace in _traces:
        trace.forget()
