"""Other sizes of caches, for `caches try`: the source stays as it is, the cache is made with another maxsize.

Caches are known by the names that recordings give them: `module.qualname` of their function, or what the line that makes an
object of cachetools stores it under. What was done, and what caches had counted at the end of the process, is told to the
recording: of those that are only watched too, so that both sides of a trial say the same. Objects of cachetools do not
count: those that are asked for get a class that does, on both sides, so that both pay the same for it.
"""

from _functools import partial
from weakref import ref

from . import caches_hook, caches_places, config, quote

# No change; no limit. 0 is a cache that is off: it counts, and keeps nothing.
AS_IS, UNLIMITED = -1, -2
_MOST_NAMES = 1000

_core = None
_made = []
# Counters of functions whose wrappers have none.
_counters = []
# The library's own classes.
_kinds = frozenset()
# Name -> what it is: function, method or object; those that the recording was told of; methods that lack an object.
_seen, _told = {}, set()
_wanting = set()
# Lines that make objects, by their code and place in it. Code is held, so that its address stays its own.
_lines = {}


class _Cache:
    """Caches of one name: sizes that they were to have and have, and what reads hits, misses and entries."""

    def __init__(self, name, read):
        self.name, self.read = name, read
        self.made, self.was, self.now = 0, None, None
        # What the process had counted that this one was forked from.
        self.before = (0, 0)

    def told(self):
        """As a line for the recording."""
        hits, misses, entries = self.read()
        since = [value - before if value is not None else None for value, before in zip((hits, misses), self.before)]
        figures = [self.was, self.now, *since, entries, self.made]
        return '{"cache":[%s,%s]}\n' % (quote(self.name), ",".join(map(_number, figures)))

    def rebase(self):
        hits, misses, _ = self.read()
        self.before = (hits or 0, misses or 0)


class _Objects:
    """Objects of cachetools; lookups of those that are counted."""

    def __init__(self):
        self.hit, self.hits = caches_places.ticks()
        self.miss, self.misses = caches_places.ticks()
        # Lookups inside of the library's own work.
        self.own, self.owns = caches_places.ticks()
        self.objects = caches_places.Weak()
        self.classes = {}
        # Not known whose: two functions share an object.
        self.shared = False

    def count(self, cache):
        """Has the lookups of an object counted."""
        # What a counted object says of its class.
        base = cache.__class__
        if base not in self.classes:
            self.classes[base] = caches_places.class_of(base, self)
        caches_places.set_class(cache, self.classes[base])
        self.objects.add(cache)

    def read(self):
        entries = [len(vars(cache).get(caches_places.DATA, ())) for cache in self.objects.all()]
        counted = (None, None) if self.shared or not self.classes else (self.hits() - self.owns(), self.misses())
        return (*counted, max(entries, default=None))


class _Line(_Cache):
    """Objects that one line makes, or that one method keeps."""

    def __init__(self, code, name, kind):
        self.code, self.kind, self.counter = code, kind, _Objects()
        self.objects = self.counter.objects
        super().__init__(name, self.counter.read)


def _name(function):
    return "%s.%s" % caches_hook.place_of(function)[:2]


def _see(name, kind):
    if len(_seen) < _MOST_NAMES:
        _seen.setdefault(name, kind)


def _size_of(name, unlimited):
    size = config.SIZES.get(name, AS_IS)
    return unlimited if size == UNLIMITED else size


def _asked(function, library, parameters):
    size = _size_of(_name(function), None if library == "functools" else float("inf"))
    if size == AS_IS or "maxsize" not in parameters:
        return None
    return dict(parameters, maxsize=size, was=parameters["maxsize"])


def _is_made(wrapper, function, library, parameters):
    name = _name(function)
    if library == "cachetools.method":
        caches_places.on_method(function, parameters)
        _wanting.add(name)
        return
    _see(name, "function")
    cache = parameters.get("cache")
    if library == "cachetools":
        _taken(cache)
    if name in config.SIZES:
        counts = callable(getattr(wrapper, "cache_info", None)) or cache.__class__ not in _kinds
        made = _Cache(name, partial(_read, _weakly(wrapper)) if counts else _counter_of(cache).read)
        made.made, made.was, made.now = 1, parameters.get("was", parameters["maxsize"]), parameters["maxsize"]
        _made.append(made)


def _counter_of(cache):
    """Counts for a function whose wrapper does not, by its object."""
    counter, other = _Objects(), getattr(type(cache), "_perfcollect_site", None)
    counter.shared = other in _counters
    if counter.shared:
        other.shared = True
    else:
        counter.count(cache)
        _counters.append(counter)
    return counter


def _read(wrapper):
    info = getattr(wrapper(), "cache_info", None)
    if info is None:
        return None, None, None
    hits, misses, _, entries = info()
    return hits, misses, entries


def _taken(cache):
    """The object of a function is known by the function; one that is stored nowhere, by it only."""
    for line in _lines.values():
        if line.objects.has(cache):
            line.objects.discard(cache)
            line.made -= 1
            if not line.made:
                _seen.pop(line.name, None)


def _weakly(wrapper):
    try:
        return ref(wrapper)
    except TypeError:
        return lambda: wrapper


def _object_is_made(cache):
    """Gives an object of cachetools its size before anything is in it."""
    frame = caches_places.outside("cachetools")
    if frame is None:
        return
    key = (id(frame.f_code), frame.f_lasti)
    line = _lines.get(key)
    if line is None:
        name, function = caches_places.named(caches_places.Place(frame))
        kind = "object" if function is None else "method"
        line = _lines[key] = _Line(frame.f_code, name or _name(function), kind)
    _see(line.name, line.kind)
    _wanting.discard(line.name)
    mine = vars(cache)
    size, line.was = _size_of(line.name, float("inf")), mine.get(caches_places.MOST)
    # A program reads what it just stored; only a decorator of the library's takes it well that it is not there.
    if size != AS_IS and (size or line.kind == "method"):
        # Its own property cannot be set; every version keeps it by this name.
        mine[caches_places.MOST] = size
    line.made += 1
    line.now = mine.get(caches_places.MOST)
    if line.name in config.SIZES:
        line.counter.count(cache)
    else:
        line.objects.add(cache)


def start(core):
    global _core
    _core = core
    caches_places.core, caches_places.hook = core, caches_hook
    caches_hook.install(core)
    caches_hook.decide.append(_asked)
    caches_hook.on_create.append(_is_made)
    caches_hook.watch("cachetools", _watch_objects)


def _watch_objects(cachetools):
    global _kinds
    _kinds = caches_places.watch_objects(cachetools, _object_is_made)


def _number(value):
    try:
        return "%d" % value
    except (OverflowError, TypeError, ValueError):
        return "null"


def flush(final):
    names = [(name, kind) for name, kind in list(_seen.items()) if name not in _told]
    for name, kind in names:
        _told.add(name)
    text = ['{"seen":[%s,%s]}\n' % (quote(name), quote(kind)) for name, kind in names]
    if final:
        why = "no object made a cache for it that is told from others by the attribute that its decorator names"
        text.extend(['{"cannot":%s,"why":%s}\n' % (quote(name), quote(why)) for name in _wanting])
    if text:
        _core.append("resize", "".join(text))
    lines = [made.told() for made in list(_made)]
    lines.extend(line.told() for line in list(_lines.values()) if line.made and line.name in config.SIZES)
    if lines:
        _core.replace("sizes", "".join(lines))


def after_fork():
    """What the parent counted is the parent's."""
    _told.clear()
    for made in (*_made, *_lines.values()):
        made.rebase()
