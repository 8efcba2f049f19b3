"""Counters of caches: those that functools and cachetools keep themselves, and those of libraries that keep none.

Counters are read when the process flushes: the calls of a cached function cost what they cost without us. A definition
is what the source shows (one decorator, one line that makes a cache); closures and methods make many caches of one, which
are added up. What was counted before the process was forked is its parent's, and taken off.
"""

import sys
from _collections import deque
from _functools import partial
from _operator import attrgetter
from _weakref import ref
from itertools import count
from time import monotonic_ns

from . import caches_hook, quote

# What a reader of counters returns, None where it is not known: four counters, then what is there now.
HITS, MISSES, STALE, EVICTIONS, ENTRIES, WEIGHT, CAPACITY = range(7)
_NONE = (None,) * 7
# Caches that were freed and not yet added up: so many at most.
_MOST_GONE = 1000

_FUNCTION, guarded, place_of = caches_hook._FUNCTION, caches_hook.guarded, caches_hook.place_of

_core = None
# (library, name, file, line) -> Definition
_definitions = {}
_numbers = count()
# Source by number, and the last counters of those that were freed.
_sources = {}
_gone = deque()
_views = None
_weak_wrappers = sys.version_info >= (3, 9)


class Definition:
    """One cache of the source."""

    def __init__(self, library, name, file, line, **more):
        self.library, self.name, self.file, self.line = library, name, file, line
        self.more = {"scope": "function", "source": "library", **more}
        # Measures what counting costs, where that is ours; looks for what is not known at first.
        self.cost = self.late = None
        # As it was made: what it counted may outlive it.
        self.capacity = None
        # A cache that a library made for itself: it is told of once it is used.
        self.unused_is_nothing = False
        self.sources = {}
        self.forget()

    def forget(self):
        """Nothing was counted or written yet, by this process."""
        self.kept = [None] * 4
        self.made, self.resets, self.cut = len(self.sources), 0, False
        self.number = self.written = None

    def add(self, source):
        source.definition = self
        self.sources[source.number] = _sources[source.number] = source
        self.made += 1

    def keep(self, counters):
        """Counters of a cache that is gone, or was cleared."""
        for at, value in enumerate(counters[:4]):
            if value is not None:
                self.kept[at] = (self.kept[at] or 0) + value

    def row(self):
        """The sums now."""
        # First, since it may find that counters were cleared.
        readings = [(source, source.look()) for source in list(self.sources.values())]
        sums, now, made = list(self.kept), [None, None, None], self.made
        for source, reading in readings:
            if source.made is not None:
                made += source.made() - 1
            for at, value in enumerate(source.counted()):
                if value is not None:
                    sums[at] = (sums[at] or 0) + value
            if reading is not None:
                for at in (ENTRIES, WEIGHT):
                    if reading[at] is not None:
                        now[at - ENTRIES] = (now[at - ENTRIES] or 0) + reading[at]
                # Caches of one definition are as large as each other, but where they are told otherwise.
                if reading[CAPACITY] is not None:
                    now[2] = reading[CAPACITY] if now[2] is None else max(now[2], reading[CAPACITY])
        if now[2] is None:
            now[2] = self.capacity
        if self.resets or self.cut:
            # Entries that were cleared look like evicted ones.
            sums[EVICTIONS] = None
        return [*sums, *now, made, self.resets, int(self.cut)]


class Source:
    """One set of counters. `read` returns them, or None once they are gone."""

    __slots__ = ("number", "read", "ref", "base", "last", "definition", "capacity", "made")

    def __init__(self, read, capacity=None):
        self.number = next(_numbers)
        self.capacity = capacity
        # How many caches share these counters, where they can be several.
        self.made = None
        self.read = read
        self.ref = None
        self.base = (0, 0, 0, 0)
        self.last = None

    def look(self):
        """Reads them. Counters that fell were cleared, and so were those of an LRU cache that lost entries."""
        reading = self.read()
        if reading is None:
            return None
        last = self.last
        if last is not None and _fell(reading, last):
            self.definition.keep(self.counted())
            self.definition.resets += 1
            self.base = (0, 0, 0, 0)
        self.last = reading
        return reading

    def counted(self):
        """What was counted since the base, as of the last look."""
        if self.last is None:
            return _NONE[:4]
        return tuple(None if now is None else now - (was or 0) for now, was in zip(self.last[:4], self.base))

    def rebase(self):
        """From here on it is another process that counts."""
        reading = self.read()
        self.base = (0, 0, 0, 0) if reading is None else reading[:4]
        self.last = reading

    def end(self, hits, misses):
        """It was freed with these counters; without any, those of the last look count, where none can be read now."""
        definition = self.definition
        if hits is not None:
            self.read = partial(_lru, hits, misses, self.capacity, None)
        if self.look() is None:
            definition.cut = True
        definition.keep(self.counted())
        definition.sources.pop(self.number, None)


def _fell(reading, last):
    for at in (HITS, MISSES, ENTRIES):
        now, before = reading[at], last[at]
        if now is not None and before is not None and now < before:
            # Entries of other caches come and go; those of an LRU cache only go when it is cleared.
            return at != ENTRIES or reading[EVICTIONS] is not None
    return False


def definition_of(library, function, **more):
    """The definition of a cached function."""
    module, name, file, line = place_of(function)
    key = (library, "%s.%s" % (module, name), file, line)
    found = _definitions.get(key)
    if found is None:
        found = _definitions.setdefault(key, Definition(*key, recursive=_is_recursive(function, name), **more))
    return found


def definition_at(library, name, file, line, **more):
    """A definition that is no function."""
    key = (library, name, file, line)
    found = _definitions.get(key)
    return _definitions.setdefault(key, Definition(*key, **more)) if found is None else found


def forget_definition(definition):
    """One whose caches turned out to be another's."""
    _definitions.pop((definition.library, definition.name, definition.file, definition.line), None)


def _is_recursive(function, qualname):
    """Whether the code of a function names itself: as a global, an attribute or a variable of the function around it."""
    name = qualname.rpartition(".")[2]
    codes = [function.__code__ if type(function) is _FUNCTION else None]
    for code in codes:
        if not hasattr(code, "co_names"):
            continue
        if name in code.co_names or name in code.co_freevars:
            return True
        codes.extend(part for part in code.co_consts if hasattr(part, "co_names"))
    return False


def _on_create(wrapper, function, library, parameters):
    if library == "functools":
        if type(wrapper) is caches_hook._real_wrapper:
            _add_lru(wrapper, function, parameters["maxsize"])
    elif library == "cachetools":
        loaded("caches_objects").on_function(wrapper, function, parameters)
    else:
        loaded("caches_objects").on_method(function, parameters)


def _add_lru(wrapper, function, capacity=None):
    definition = definition_of("functools", function, policy="lru")
    source = Source(None, capacity)
    definition.capacity = -1 if capacity is None else capacity
    local = "<locals>" in definition.name
    if not _weak_wrappers:
        # Up to 3.8. Those of modules live on anyway; holding others would keep what they hold.
        definition.cut = definition.cut or local
        source.read = bool if local else partial(_read_lru, lambda: wrapper)
        if local:
            definition.made += 1
            return
    else:
        forgotten = partial(next, map(_gone.append, ((source.number, None, None),)))
        # One that a function made may be freed at any time: its counters are read in that very moment.
        source.ref = ref(wrapper, local and _last_look(source.number, wrapper) or forgotten)
        source.read = partial(_read_lru, source.ref)
    definition.add(source)
    if len(_gone) > _MOST_GONE:
        _sweep()


def _read_lru(wrapper):
    wrapper = wrapper()
    if wrapper is None:
        return None
    hits, misses, capacity, entries = wrapper.cache_info()
    return _lru(hits, misses, capacity, entries)


def _lru(hits, misses, capacity, entries):
    """As counters. Entries leave only when others need their room; of those that missed, all were put in but those whose
    computation failed. `entries` is None once they are gone: as many as there can have been."""
    if not capacity or (misses if entries is None else entries) < capacity:
        evictions = 0
    else:
        evictions = max(misses - (capacity if entries is None else entries), 0)
    return hits, misses, None, evictions, entries, None, -1 if capacity is None else capacity


class _Views:
    """Where the counters of a wrapper lie in it: found by counting a known number, since no two versions need agree."""

    def __init__(self):
        from _ctypes import _SimpleCData

        class Word(_SimpleCData):
            _type_ = "l"

        self.word = Word
        kind = caches_hook._real_wrapper
        wrapper = kind(abs, 64, False, tuple)
        words = kind.__basicsize__ // 8
        shape = [self.word.from_address(id(wrapper) + 8 * at) for at in range(words)]

        def changed(by, act):
            before = [word.value for word in shape]
            act()
            return [at for at, word in enumerate(shape) if word.value - before[at] == by]

        (self.misses,) = changed(23, lambda: [wrapper(number) for number in range(23)])
        (self.hits,) = changed(29, lambda: [wrapper(number % 23) for number in range(29)])

    def of(self, wrapper):
        return [self.word.from_address(id(wrapper) + 8 * at) for at in (self.hits, self.misses)]


def _last_look(number, wrapper):
    """What a weak reference calls when the wrapper is freed, all of it in C: it must not be interrupted, nor fail."""
    global _views
    if _views is None:
        known = "_ctypes" in sys.modules
        _views = guarded("freed caches", _Views) or False
        if not known:
            sys.modules.pop("_ctypes", None)
    if not _views:
        return None
    value = attrgetter("value")
    hits, misses = _views.of(wrapper)
    return partial(next, map(_gone.append, zip((number,), map(value, (hits,)), map(value, (misses,)))))


def _sweep():
    """Adds up what was freed."""
    while True:
        try:
            number, hits, misses = _gone.popleft()
        except IndexError:
            return
        source = _sources.pop(number, None)
        if source is not None:
            source.end(hits, misses)


_loaded = {}


def loaded(name):
    """A module of ours for libraries that not every program imports, loaded when one is."""
    module = _loaded.get(name)
    if module is None:
        module = _loaded[name] = _core.modules.late(name, core=_core, caches=_core.package.caches, hook=caches_hook)
    return module


def _decide(function, library, parameters):
    """A cache that would not count is told to: that is what its own counters cost."""
    if library == "cachetools" and parameters.get("info") is False:
        return loaded("caches_objects").with_info(parameters)
    return None


def start(core):
    global _core
    _core = core
    caches_hook.install(core)
    caches_hook.on_create.append(_on_create)
    caches_hook.decide.append(_decide)
    for wrapper in caches_hook.existing():
        guarded("existing", _add_lru, wrapper, wrapper.__wrapped__, wrapper.cache_info().maxsize)
    caches_hook.watch("multiprocessing.process", core.guard_workers)
    caches_hook.watch("cachetools", lambda cachetools: loaded("caches_objects").start(cachetools))
    for name in WRAPPED:
        caches_hook.watch(name, partial(_wrap, name))


# Modules whose lookups are counted by us: `caches_wrap` says how.
WRAPPED = (
    "diskcache.core",
    "cashews.backends.memory",
    "cashews.backends.diskcache",
    "cashews.backends.redis.backend",
    "aiocache.base",
    "aiocache.decorators",
    "dogpile.cache.region",
    "advanced_caching",
    "django.core.cache.backends.base",
    "flask_caching.backends.base",
)


def _wrap(name, module):
    loaded("caches_wrap").wrap(name, module)


def after_fork():
    """The child counts from here. What its parent's caches had counted is not its."""
    _sweep()
    for definition in list(_definitions.values()):
        definition.forget()
        for source in list(definition.sources.values()):
            source.rebase()
    _Numbers.next = 0


class _Numbers:
    next = 0


def flush(final):
    _sweep()
    now, lines = monotonic_ns(), []
    for definition in list(_definitions.values()):
        guarded(definition.name, _write, definition, now, lines)
    if lines:
        _core.append("caches", "".join(lines))


def _write(definition, now, lines):
    row = definition.row()
    if row == definition.written or definition.unused_is_nothing and not row[HITS] and not row[MISSES]:
        return
    if definition.number is None:
        definition.number = _Numbers.next
        _Numbers.next += 1
        lines.append(_described(definition))
    definition.written = row
    figures = ",".join("null" if value is None else "%d" % value for value in row)
    lines.append('{"c":[%d,%d,%s]}\n' % (definition.number, now, figures))


def _described(definition):
    if definition.late is not None:
        guarded("late", definition.late)
    parts = ['"n":%d,"library":%s,"name":%s' % (definition.number, quote(definition.library), quote(definition.name))]
    if definition.file is not None:
        parts.append('"file":%s,"line":%d' % (quote(definition.file), definition.line))
    more = dict(definition.more)
    if definition.cost is not None:
        more["counting_ns"] = guarded("cost", definition.cost)
    for name, value in more.items():
        if value is True:
            parts.append('"%s":true' % name)
        elif isinstance(value, str):
            parts.append('"%s":%s' % (name, quote(value)))
        elif value is not None and value is not False:
            parts.append('"%s":%s' % (name, ("%.1f" if isinstance(value, float) else "%d") % value))
    return '{"d":{%s}}\n' % ",".join(parts)
