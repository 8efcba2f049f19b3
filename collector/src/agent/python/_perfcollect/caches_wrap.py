"""Libraries whose caches do not count, or not by default: their one lookup function counts, at what it costs.

Loaded when the program imports one of them; `caches` and `core` are given. A lookup is told from a miss by a default of
our own, so that a stored None is a hit wherever the library can tell it from nothing.
"""

import sys
from time import time

Source = caches.Source
places = caches.loaded("caches_places")
ticks = places.ticks
like = caches.caches_hook.like
_MISSING = object()

# Site of an object, by its identity: some have no attributes of their own. Each is made by an __init__ that we know.
_sites = {}
_at = {}
_of_function = {}
_patched = set()
_making = set()
_costs = {}


class Site:
    """The lookups of the caches that one line, or one function, makes."""

    def __init__(self, definition, kind):
        self.hit, self.hits = ticks()
        self.miss, self.misses = ticks()
        self.stale, self.stales = ticks()
        self.one, self.made = ticks()
        self.kind, self.ttl, self.grace = kind, None, 0
        # Where to look for a name that the line does not tell.
        self.module = None
        self.objects = places.Weak()
        self.definition = definition
        self.source = Source(self.read)
        self.source.made = self.made
        definition.cost = lambda: _cost(self.kind.wrapper)
        definition.late = self.late
        definition.add(self.source)

    def read(self):
        entries = capacity = None
        for cache in self.objects.all():
            inside, most = self.kind.room(cache) if self.kind.room is not None else (None, None)
            if inside is not None:
                # Some libraries make an object a thread for what is one cache.
                entries = max(entries or 0, inside) if self.kind.shared else (entries or 0) + inside
            capacity = most if capacity is None else capacity
        stale = self.stales()
        return self.hits(), self.misses(), stale if self.grace else None, None, entries, None, capacity

    def late(self):
        """What is known only once the program went on: the variable that it keeps the cache in, and the time to live."""
        for cache in self.objects.all():
            seconds = getattr(cache, self.kind.ttl, None) if self.kind.ttl else None
            if isinstance(seconds, (int, float)) and seconds > 0:
                self.definition.more.setdefault("ttl_ns", int(seconds * 1e9))
            if self.module is not None:
                module = sys.modules.get(self.module)
                for name, value in list(vars(module).items()) if module is not None else ():
                    if value is cache:
                        self.definition.name = "%s.%s" % (self.module, name)
                        return

    def drop(self):
        """It was never used under this name."""
        definition = self.definition
        if not self.hits() and not self.misses() and definition.written is None:
            definition.sources.pop(self.source.number, None)
            caches._sources.pop(self.source.number, None)
            if not definition.sources:
                caches.forget_definition(definition)


class Kind:
    """How the caches of one library are seen."""

    def __init__(self, library, packages, wrapper, room=None, ttl=None, policy=None, name=None, shared=False):
        self.library, self.packages, self.wrapper = library, packages, wrapper
        self.room, self.ttl, self.policy, self.name, self.shared = room, ttl, policy, name, shared

    def made(self, cache):
        """A new cache: it belongs to the line of the program that made it."""
        frame = places.outside(*self.packages)
        named = self.name(cache) if self.name is not None else None
        key = (self.library, named) if named else (frame and frame.f_code, frame and frame.f_lasti, type(cache))
        site = _at.get(key)
        if site is None:
            place = places.Place(frame) if frame is not None else None
            kind = type(cache)
            name = named or (place.name() if place is not None and place.stored else "%s.%s" % (kind.__module__, kind.__qualname__))
            file, line = (place.file, place.line) if place is not None else (None, None)
            policy = self.policy(cache) if callable(self.policy) else self.policy
            definition = caches.definition_at(
                self.library, name, file, line, scope="object", source="wrapped", policy=policy, **self.bytes(cache)
            )
            site = _at[key] = Site(definition, self)
            definition.unused_is_nothing = place is None
            if not named and place is not None and not place.stored:
                site.module = place.module
        self.put(cache, site)

    def bytes(self, cache):
        return {}

    def put(self, cache, site):
        _sites[id(cache)] = site
        if not site.objects.has(cache):
            site.one()
            site.objects.add(cache)

    def follow(self, kind, only=object):
        """Has every cache of a class, or of one derived from it, told of; `only` those that are of another one, too."""
        real = kind.__init__

        def __init__(self, *args, **kwargs):
            # One class after the other may have its part in making an object; the outermost tells of it.
            number = id(self)
            if number in _making:
                return real(self, *args, **kwargs)
            _making.add(number)
            try:
                real(self, *args, **kwargs)
            finally:
                _making.discard(number)
            if isinstance(self, only):
                caches.guarded("caches", told, self)

        def told(cache):
            _patch_get(type(cache), self.wrapper)
            self.made(cache)

        like(__init__, real)
        kind.__init__ = __init__

    def is_function(self, cache, function, ttl=None, grace=0):
        """An object turned out to be the cache of one function."""
        old = _sites.get(id(cache))
        if old is None:
            return
        definition = caches.definition_of(self.library, function, source="wrapped", policy=old.definition.more.get("policy"))
        definition.more["scope"] = "function"
        site = old if definition is old.definition else _of_function.get(definition)
        if site is None:
            site = _of_function[definition] = Site(definition, self)
        site.ttl, site.grace = ttl, grace
        if ttl is not None:
            definition.more["ttl_ns"] = int(ttl * 1e9)
        if site is old:
            return
        self.put(cache, site)
        old.objects.discard(cache)
        if not old.objects.all():
            old.drop()
            for key in [key for key, known in _at.items() if known is old]:
                del _at[key]


def _patch_get(kind, wrapper, name="get"):
    """Counts the lookups of a class, where it defines them."""
    for base in kind.__mro__:
        real = base.__dict__.get(name)
        if real is not None:
            if (base, name) not in _patched and not getattr(real, "_perfcollect", False):
                _patched.add((base, name))
                counting = wrapper(real)
                like(counting, real)
                counting._perfcollect = True
                setattr(base, name, counting)
            return


def _with_default(real):
    """get(key, default=None, ...)"""

    def get(self, key, default=None, *args, **kwargs):
        site = _sites.get(id(self))
        if site is None or default is _MISSING:
            return real(self, key, default, *args, **kwargs)
        value = real(self, key, _MISSING, *args, **kwargs)
        if value is _MISSING:
            site.miss()
            return default
        if type(value) is tuple and value and value[0] is _MISSING:
            site.miss()
            return (default, *value[1:])
        site.hit()
        return value

    return get


def _many(real):
    """get_many(keys, ...), of a backend that asks for all of them at once; returns those that are there."""

    def get_many(self, keys, *args, **kwargs):
        keys = list(keys)
        found = real(self, keys, *args, **kwargs)
        site = _sites.get(id(self))
        if site is not None:
            for key in keys:
                (site.hit if key in found else site.miss)()
        return found

    return get_many


def _or_none(real):
    """get(key), None where there is nothing"""

    def get(self, key, *args, **kwargs):
        value = real(self, key, *args, **kwargs)
        site = _sites.get(id(self))
        if site is not None:
            (site.miss if value is None else site.hit)()
        return value

    return get


def _awaited(real):
    """async get(key, default=None, ...)"""

    async def get(self, key, default=None, *args, **kwargs):
        site = _sites.get(id(self))
        # What drops expired entries gets each of them.
        if site is None or default is _MISSING or "remove_expired" in sys._getframe(1).f_code.co_name:
            return await real(self, key, default, *args, **kwargs)
        value = await real(self, key, _MISSING, *args, **kwargs)
        if value is _MISSING:
            site.miss()
            return default
        site.hit()
        return value

    return get


def _awaited_many(real):
    """async get_many(*keys, default=None)"""

    async def get_many(self, *keys, default=None):
        values = await real(self, *keys, default=_MISSING)
        site = _sites.get(id(self))
        if site is not None:
            for value in values:
                (site.miss if value is _MISSING else site.hit)()
        return tuple(default if value is _MISSING else value for value in values)

    return get_many


def _awaited_multi(real):
    """async multi_get(keys, ...), None where there is nothing"""

    async def multi_get(self, keys, *args, **kwargs):
        values = await real(self, keys, *args, **kwargs)
        site = _sites.get(id(self))
        if site is not None:
            for value in values:
                (site.miss if value is None else site.hit)()
        return values

    return multi_get


def _entry(real):
    """get_entry(key, ...), fresh or not"""

    def get_entry(self, key, *args, **kwargs):
        entry = real(self, key, *args, **kwargs)
        site = _sites.get(id(self))
        if site is not None:
            if entry is None:
                site.miss()
            else:
                now = time()
                if now < entry.fresh_until:
                    site.hit()
                elif site.grace and now - entry.created_at <= site.ttl + site.grace:
                    site.hit()
                    site.stale()
                else:
                    site.miss()
        return entry

    return get_entry


class _Creator:
    """Stands for the function that makes a missing value, and knows whether it was called. Calling it runs no code of
    ours below the program's: the property gives the function itself."""

    __slots__ = ("creator", "called")

    def __init__(self, creator):
        self.creator, self.called = creator, False

    def _call(self):
        self.called = True
        return self.creator

    __call__ = property(_call)

    def __getattr__(self, name):
        return getattr(self.creator, name)


def _or_create(real):
    """dogpile's get_or_create(key, creator, expiration_time, should_cache_fn, creator_args)"""

    def get_or_create(self, key, creator, expiration_time=None, should_cache_fn=None, creator_args=None, **more):
        site = _sites.get(id(self))
        if site is None:
            return real(self, key, creator, expiration_time, should_cache_fn, creator_args, **more)
        if creator_args is not None:
            site = _regions.get(creator) or caches.guarded("dogpile", _region_function, self, creator) or site
        asked = _Creator(creator)
        try:
            return real(self, key, asked, expiration_time, should_cache_fn, creator_args, **more)
        finally:
            (site.miss if asked.called else site.hit)()

    return get_or_create


_regions = {}


def _region_function(region, function):
    definition = caches.definition_of("dogpile", function, source="wrapped")
    site = _regions[function] = Site(definition, DOGPILE)
    site.one()
    seconds = getattr(region, "expiration_time", None)
    if isinstance(seconds, (int, float)) and seconds > 0:
        definition.more["ttl_ns"] = int(seconds * 1e9)
    return site


def _or_no_value(real):
    """dogpile's get(key, ...)"""
    from dogpile.cache.api import NO_VALUE

    def get(self, key, *args, **kwargs):
        value = real(self, key, *args, **kwargs)
        site = _sites.get(id(self))
        if site is not None:
            (site.miss if value is NO_VALUE else site.hit)()
        return value

    return get


def _django_name(cache):
    """The alias that Django makes it for."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ("create_connection", "_create_cache") and "django" in frame.f_code.co_filename:
            alias = frame.f_locals.get("alias", frame.f_locals.get("backend"))
            return "django.core.cache.caches[%r]" % (alias,)
        frame = frame.f_back
    return None


def _inside(attribute, most):
    def room(cache):
        inside, limit = getattr(cache, attribute, None), getattr(cache, most, None) if most else None
        return (None if inside is None else len(inside)), (-1 if not limit and inside is not None else limit)

    return room


def _region_room(region):
    inside = getattr(vars(region).get("backend"), "_cache", None)
    return (len(inside), -1) if isinstance(inside, dict) else (None, None)


class _Disk(Kind):
    """Its settings are attributes; anything else would ask its database."""

    def bytes(self, cache):
        size = vars(cache).get("size_limit")
        return {"capacity_bytes": size} if isinstance(size, int) else {}


DISK = _Disk("diskcache", ("diskcache",), _with_default, policy=lambda cache: vars(cache).get("eviction_policy"))
CASHEWS = Kind("cashews", ("cashews",), _awaited, _inside("store", "size"), policy="lru")
AIOCACHE = Kind("aiocache", ("aiocache",), _awaited, ttl="ttl")
DOGPILE = Kind("dogpile", ("dogpile",), _or_create, _region_room, ttl="expiration_time")
ADVANCED = Kind("advanced_caching", ("advanced_caching",), _or_none, _inside("_data", None), policy="ttl")
DJANGO = Kind(
    "django", ("django", "asgiref"), _with_default, _inside("_cache", "_max_entries"), ttl="default_timeout", name=_django_name, shared=True
)
FLASK = Kind("flask_caching", ("flask_caching", "cachelib"), _or_none, _inside("_cache", "_threshold"), ttl="default_timeout")


def wrap(name, module):
    _WRAPS[name](module)


def _wrap_diskcache(module):
    DISK.follow(module.Cache)


def _wrap_cashews(module):
    for kind in list(vars(module).values()):
        if isinstance(kind, type) and kind.__module__ == module.__name__ and "get" in vars(kind):
            CASHEWS.follow(kind)
            _patch_get(kind, _awaited_many, "get_many")


def _wrap_aiocache(module):
    AIOCACHE.follow(module.BaseCache)
    _patch_get(module.BaseCache, _awaited_multi, "multi_get")


def _wrap_aiocache_decorators(module):
    for kind in (module.cached, module.multi_cached):
        real = kind.__dict__.get("__call__")

        def decorate(self, function, real=real):
            wrapper = real(self, function)
            if getattr(self, "alias", None) is None:
                ttl = getattr(self, "ttl", None)
                ttl = ttl if isinstance(ttl, (int, float)) else None
                caches.guarded("aiocache", AIOCACHE.is_function, self.cache, function, ttl)
            return wrapper

        if real is not None:
            like(decorate, real)
            kind.__call__ = decorate


def _wrap_dogpile(module):
    region = module.CacheRegion
    DOGPILE.follow(region)
    _patch_get(region, _or_no_value, "get")
    _patch_get(region, _or_create, "get_or_create")


def _wrap_advanced(module):
    for name in ("InMemCache", "RedisCache", "HybridCache", "ChainCache", "LocalFileCache", "S3Cache", "GCSCache"):
        kind = getattr(module, name, None)
        if kind is not None and "__init__" in vars(kind):
            _patch_get(kind, _entry, "get_entry")
            ADVANCED.follow(kind)
    if hasattr(module, "cache"):
        _decorate(module, "cache", _plain)
    for name in ("TTLCache", "SWRCache"):
        kind = getattr(module, name, None)
        if kind is not None and "cached" in vars(kind):
            _decorate(kind, "cached", classmethod)


def _plain(function):
    return function


def _decorate(owner, name, kind):
    """Decorators of advanced_caching make a store for each function, and keep it as an attribute."""
    given = vars(owner)[name]
    real = getattr(given, "__func__", given)
    names = real.__code__.co_varnames[: real.__code__.co_argcount + real.__code__.co_kwonlyargcount]

    def decorating(*args, **kwargs):
        asked = {**dict(zip(names, args)), **kwargs}
        make = real(*args, **kwargs)

        def decorator(function):
            wrapper = make(function)
            if asked.get("store") is None and asked.get("cache") is None:
                store = getattr(wrapper, "store", None) or getattr(wrapper, "_cache", None)
                store = getattr(store, "_storage", store)
                ttl, grace = asked.get("ttl"), asked.get("stale", asked.get("stale_ttl", 0))
                caches.guarded("advanced_caching", ADVANCED.is_function, store, function, ttl, grace)
            return wrapper

        return decorator

    like(decorating, real)
    setattr(owner, name, kind(decorating))


def _wrap_django(module):
    DJANGO.follow(module.BaseCache)
    base = module.BaseCache

    def told(kind):
        for each in kind.__mro__:
            if each is base:
                return
            if "get_many" in vars(each):
                _patch_get(kind, _many, "get_many")
                return

    made = DJANGO.made

    def made_with_many(cache):
        told(type(cache))
        made(cache)

    DJANGO.made = made_with_many


def _wrap_flask(module):
    FLASK.follow(next(kind for kind in reversed(module.BaseCache.__mro__) if "__init__" in vars(kind) and kind is not object), module.BaseCache)


_WRAPS = {
    "diskcache.core": _wrap_diskcache,
    "cashews.backends.memory": _wrap_cashews,
    "cashews.backends.diskcache": _wrap_cashews,
    "cashews.backends.redis.backend": _wrap_cashews,
    "aiocache.base": _wrap_aiocache,
    "aiocache.decorators": _wrap_aiocache_decorators,
    "dogpile.cache.region": _wrap_dogpile,
    "advanced_caching": _wrap_advanced,
    "django.core.cache.backends.base": _wrap_django,
    "flask_caching.backends.base": _wrap_flask,
}


def _cost(wrapper):
    """Nanoseconds that counting adds to one lookup: tried out on a lookup of our own that does nothing."""
    if wrapper not in _costs:
        _costs[wrapper] = _try_async(wrapper) if wrapper is _awaited else _try(wrapper)
    return _costs[wrapper]


class _Probe:
    definition = None


def _try(wrapper):
    probe = _Probe()
    probe.hit, probe.miss, probe.grace = ticks()[0], ticks()[0], 0
    cache = _Probe()
    _sites[id(cache)] = probe

    def real(self, key, default=None, *more):
        return key

    counting = wrapper(real)
    try:
        return places.difference(lambda: real(cache, 1, 2), lambda: counting(cache, 1, 2))
    finally:
        del _sites[id(cache)]


def _try_async(wrapper):
    probe, cache = _Probe(), _Probe()
    probe.hit, probe.miss = ticks()[0], ticks()[0]
    _sites[id(cache)] = probe

    async def real(self, key, default=None):
        return key

    counting = wrapper(real)

    def run(function):
        try:
            function(cache, 1).send(None)
        except StopIteration:
            pass

    try:
        return places.difference(lambda: run(real), lambda: run(counting))
    finally:
        del _sites[id(cache)]
