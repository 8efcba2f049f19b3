"""Caches of cachetools. Decorated functions count for themselves; objects are counted by a class made for the line that
makes them, whose lookups count one and are otherwise those of its base.

Loaded when the program imports cachetools; `caches` and `core` are given. Nothing is read through a property or a method
of the library's: they take locks and drop expired entries, and the program may be in the middle of something.
"""

import sys
from weakref import ref

Source = caches.Source
places = caches.loaded("caches_places")
ticks, class_of, set_class = places.ticks, places.class_of, places.set_class
on_method = places.on_method
_DATA, _SIZE, _MOST = places.DATA, "_Cache__currsize", places.MOST

# The library's own classes, and the counted class of each line: (base, code, offset) -> class
_bases = frozenset()
_counted = {}
_library = None
_costs = {}


def start(cachetools):
    """Takes over the making of the library's objects."""
    global _bases, _library
    _library = cachetools
    _bases = places.watch_objects(cachetools, _count)


def _count(cache):
    """Gives a new object the class that counts for the line that makes it."""
    frame = places.outside("cachetools")
    if frame is None:
        return
    base = type(cache)
    key = (base, frame.f_code, frame.f_lasti)
    kind = _counted.get(key)
    if kind is None:
        kind = _counted[key] = _counting(base, frame)
    set_class(cache, kind)
    site = kind._perfcollect_site
    site.objects.add(cache)
    site.one()
    site.definition.capacity = _room(cache, None)[2]
    # Not set yet: this is the end of the innermost of its classes' __init__.
    maker, ttl = sys._getframe(1), None
    while maker is not None and maker is not frame and ttl is None:
        ttl = maker.f_locals.get("ttl") if maker.f_code.co_name == "__init__" else None
        maker = maker.f_back
    if isinstance(ttl, (int, float)):
        site.definition.more["ttl_ns"] = int(ttl * 1e9)


class _Site(places.Place):
    """A line that makes caches, with the counters that they share."""

    def __init__(self, base, frame):
        super().__init__(frame)
        self.base = base
        self.hit, self.hits = ticks()
        self.miss, self.misses = ticks()
        # Lookups inside of the library's own work.
        self.own, self.owns = ticks()
        # Caches that were made.
        self.one, self.all = ticks()
        self.objects = places.Weak()
        self.definition = None

    def read(self):
        objects = self.objects.all()
        entries = sum(len(vars(cache).get(_DATA, ())) for cache in objects)
        sizes = [vars(cache).get(_MOST) for cache in objects]
        weight = None
        if any("getsizeof" in vars(cache) for cache in objects):
            weight = int(sum(vars(cache).get(_SIZE, 0) for cache in objects))
        capacity = max((int(size) for size in sizes if size is not None and size < 2**62), default=None)
        return self.hits() - self.owns(), self.misses(), None, None, entries, weight, capacity


def _counting(base, frame):
    site = _Site(base, frame)
    kind = class_of(base, site)
    name, function = places.named(site)
    more = {"scope": "function" if function else "object", "source": "wrapped", "policy": _policy(base)}
    if function is not None:
        site.definition = caches.definition_of("cachetools", function, **more)
    else:
        site.definition = caches.definition_at("cachetools", name, site.file, site.line, **more)
    site.source = Source(site.read)
    site.source.made = site.all
    site.definition.add(site.source)
    # Objects, not the set of counters that they share.
    site.definition.cost = lambda: _cost(base)
    return kind


def _policy(base):
    return base.__name__[: -len("Cache")].lower() or None


def with_info(parameters):
    """Asks a function's wrapper to count; `quiet` remembers that the program did not."""
    return {**parameters, "info": True, "quiet": True}


def on_function(wrapper, function, parameters):
    """A decorated function has its own counters where its version has any; else its object is counted."""
    cache = parameters["cache"]
    site = getattr(type(cache), "_perfcollect_site", None)
    counted = parameters.get("info") is True
    if not counted:
        if site is not None:
            _rename(site, function)
        return
    if site is not None:
        _uncount(cache, site)
    base = type(cache)
    more = {"source": "wrapped" if parameters.get("quiet") else "library"}
    more["policy"] = _policy(base) if base in _bases else None
    definition = caches.definition_of("cachetools", function, **more)
    ttl = getattr(cache, "ttl", None) if base in _bases else None
    if isinstance(ttl, (int, float)):
        definition.more["ttl_ns"] = int(ttl * 1e9)
    if parameters.get("quiet"):
        _hide(wrapper)
        definition.cost = _cost_of_info
    source = Source(None)
    source.ref = ref(wrapper, caches.partial(next, map(caches._gone.append, ((source.number, None, None),))))
    # A function's counters outlive it where they are held; with an object's, the object would be held.
    cells = _cells(wrapper) if hasattr(wrapper, "__code__") else None
    source.read = caches.partial(_read_function, source.ref, cells, _weakly(cache))
    definition.capacity = _room(cache, None)[2]
    definition.add(source)


def _weakly(cache):
    try:
        return ref(cache)
    except TypeError:
        return lambda: None


def _rename(site, function):
    """The objects of a line are those of this function."""
    old = site.definition
    definition = caches.definition_of("cachetools", function, **{**old.more, "scope": "function"})
    if definition is not old:
        definition.cost = old.cost
        old.sources.pop(site.source.number, None)
        old.made -= 1
        definition.add(site.source)
        site.definition = definition
        if not old.sources and old.written is None:
            caches.forget_definition(old)


def _uncount(cache, site):
    """A cache that its function counts for is of its plain class again."""
    set_class(cache, site.base)
    site.objects.discard(cache)
    definition = site.definition
    if not site.objects.all() and not site.hits() and definition.written is None:
        definition.sources.pop(site.source.number, None)
        caches._sources.pop(site.source.number, None)
        if not definition.sources:
            caches.forget_definition(definition)
        for key, kind in list(_counted.items()):
            if kind._perfcollect_site is site:
                del _counted[key]


def _hide(wrapper):
    """What a wrapper that counts shows and one that does not has not."""
    mine = getattr(wrapper, "__dict__", {})
    mine.pop("cache_info", None)


def _cells(wrapper):
    cells = dict(zip(wrapper.__code__.co_freevars, wrapper.__closure__ or ()))
    return [cells[name] for name in ("hits", "misses")] if "hits" in cells and "misses" in cells else None


def _read_function(wrapper, cells, cache):
    wrapper = wrapper()
    if cells is not None:
        hits, misses = (cell.cell_contents for cell in cells)
    elif wrapper is not None:
        # Since cachetools 8 a wrapper is an object; its counters are named after its class.
        mine = vars(wrapper)
        hits, misses = (next((mine[name] for name in mine if name.endswith(end)), None) for end in ("__hits", "__misses"))
    else:
        return None
    entries, weight, capacity = _room(cache() if wrapper is not None else None, wrapper)
    return hits, misses, None, None, entries, weight, capacity


def _room(cache, wrapper):
    if cache is None and wrapper is not None:
        # A dictionary cannot be referred to weakly; the wrapper holds it.
        cache = getattr(wrapper, "cache", None)
    if type(cache) is dict:
        return len(cache), None, -1
    if cache is None or not isinstance(cache, _library.Cache):
        return None, None, None
    mine = vars(cache)
    entries, capacity = len(mine.get(_DATA, ())), mine.get(_MOST)
    capacity = int(capacity) if capacity is not None and capacity < 2**62 else -1
    return entries, int(mine.get(_SIZE, 0)) if "getsizeof" in mine else None, capacity


def _cost(base):
    """Nanoseconds that our counting adds to a lookup that hits, tried out on a cache of our own."""
    if base not in _costs:
        arguments = {"TTLCache": (9, 600), "TLRUCache": (9, lambda key, value, now: now + 600)}.get(base.__name__, (9,))
        plain = base.__new__(base)
        base.__init__(plain, *arguments)
        set_class(plain, base)
        counted = base.__new__(base)
        base.__init__(counted, *arguments)
        set_class(counted, class_of(base, _Probe()))
        plain[1] = counted[1] = 1
        _costs[base] = places.difference(lambda: plain[1], lambda: counted[1])
    return _costs[base]


class _Probe:
    hit, miss, own = (ticks()[0] for _ in range(3))


def _cost_of_info():
    if None not in _costs:
        real = _library.cached.__wrapped__
        plain, counted = real({})(abs), real({}, info=True)(abs)
        _costs[None] = places.difference(lambda: plain(1), lambda: counted(1))
    return _costs[None]
