"""What a cache is called that is no function: by the line that makes it, and what that line stores it under; and the making of
the objects of cachetools.

Loaded when the program imports a library of caches; `core` and `hook` (caches_hook) are given.
"""

import sys
from _functools import partial
from _operator import attrgetter
from itertools import count
from time import perf_counter_ns
from weakref import ref

_MISSING = object()
# A counted class says that it is its base, so that its attribute cannot be set.
set_class = object.__dict__["__class__"].__set__
# Where objects of cachetools keep their entries and their size, whatever the version.
DATA, MOST = "_Cache__data", "_Cache__maxsize"


def outside(*packages):
    """The nearest frame that is neither ours nor of these packages; None where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            # One that a library makes for itself when it is imported.
            return None
        if not core.is_ours(frame.f_code) and module.partition(".")[0] not in packages:
            return frame
        frame = frame.f_back
    return None


class Place:
    """A line that makes caches."""

    def __init__(self, frame):
        code = frame.f_code
        self.module, self.file, self.line = frame.f_globals.get("__name__", "?"), code.co_filename, frame.f_lineno
        self.within = "" if code.co_name == "<module>" else getattr(code, "co_qualname", code.co_name) + "."
        self.stored, self.how = _target(code, frame.f_lasti)
        # The class whose method this is, as far as its first argument tells.
        first = code.co_varnames[0] if code.co_argcount else None
        self.owner = type(frame.f_locals[first]) if first in frame.f_locals else None

    def name(self):
        """module.variable, module.Class.attribute, or the line where it is stored nowhere."""
        if self.stored is None:
            return "%s.%sline %d" % (self.module, self.within, self.line)
        if self.how == "STORE_ATTR":
            if self.owner is not None:
                return "%s.%s.%s" % (self.owner.__module__, self.owner.__qualname__, self.stored)
            return "%s.%s" % (self.module, self.stored)
        # The body of a class is a function whose names are the class's.
        return "%s.%s%s" % (self.module, "" if self.how == "STORE_GLOBAL" else self.within, self.stored)


def _target(code, offset):
    """The name that what a call returns is stored under, and by which instruction; (None, None) if it goes elsewhere."""
    import opcode

    between = ("CACHE", "NOP", "EXTENDED_ARG", "COPY", "DUP_TOP", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_ATTR")
    text, more = code.co_code, 0
    for at in range(offset, min(offset + 80, len(text) - 1), 2):
        name, argument = opcode.opname[text[at]], text[at + 1] | more
        more = argument << 8 if name == "EXTENDED_ARG" else 0
        if at == offset or at == offset + 2 and name == "CALL" or name in between or name.startswith("LOAD_FAST"):
            continue
        if name in ("STORE_NAME", "STORE_GLOBAL", "STORE_ATTR"):
            return code.co_names[argument], name
        if name == "STORE_FAST":
            return code.co_varnames[argument], name
        if name == "STORE_DEREF":
            named = getattr(code, "_varname_from_oparg", None)
            return (named(argument) if named is not None else (code.co_cellvars + code.co_freevars)[argument]), name
        return None, None
    return None, None


class Weak:
    """Objects of one line, by identity: they have no hash."""

    def __init__(self):
        self.refs = {}

    def add(self, cache):
        number = id(cache)
        # In C, so that nothing happens in the middle of it.
        self.refs[number] = ref(cache, partial(self._drop, number))

    def _drop(self, number, dead):
        if self.refs.get(number) is dead:
            del self.refs[number]

    def all(self):
        return [cache for cache in (found() for found in list(self.refs.values())) if cache is not None]

    def has(self, cache):
        known = self.refs.get(id(cache))
        return known is not None and known() is cache

    def discard(self, cache):
        self.refs.pop(id(cache), None)


def ticks():
    """A counter: what counts one, and what says how many there are. Both are one call into C, so no count is lost
    between threads."""
    counter = count()
    # Its text is the one way to see a counter's value without changing it.
    return counter.__next__, lambda: int(repr(counter)[6:-1])


def class_of(base, site):
    """A class like this one of cachetools, whose lookups count one each at the site and are otherwise those of the base."""
    real_item, real_get, real_pop = base.__getitem__, base.get, base.pop
    hit, miss, own = site.hit, site.miss, site.own

    def __getitem__(self, key):
        try:
            value = real_item(self, key)
        except KeyError:
            miss()
            raise
        hit()
        return value

    def get(self, key, default=None):
        value = real_get(self, key, _MISSING)
        if value is _MISSING:
            miss()
            return default
        return value

    def pop(self, key, *default, **named):
        value = real_pop(self, key, _MISSING)
        if value is _MISSING:
            return real_pop(self, key, *default, **named)
        own()
        return value

    def __reduce_ex__(self, protocol):
        made = object.__reduce_ex__(self, protocol)
        return (made[0], tuple(base if part is kind else part for part in made[1]), *made[2:])

    names = {"__getitem__": __getitem__, "get": get, "pop": pop, "__reduce_ex__": __reduce_ex__}
    for name, function in names.items():
        function.__qualname__ = "%s.%s" % (base.__qualname__, name)
    plain = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    # What the program sees as its class, and what is pickled.
    plain["__class__"] = property(lambda self: base)
    kind = type(base)(base.__name__, (base,), {**names, **plain, "_perfcollect_site": site})
    return kind


def difference(plain, counted):
    """Nanoseconds that one call takes longer than another: the least of a few rounds of each."""
    least = [1e9, 1e9]
    for _ in range(5):
        for at, call in enumerate((plain, counted)):
            begun = perf_counter_ns()
            for _ in range(100):
                call()
            least[at] = min(least[at], perf_counter_ns() - begun)
    return max(least[1] - least[0], 0) / 100


# Where methods keep their cache: (class, attribute) -> their functions, [None] where that is not one.
_methods = {}


def on_method(function, parameters):
    """Remembers under which attribute a method keeps its cache. False where that is not told."""
    where = parameters["cache"]
    names = where.__reduce__()[1] if type(where) is attrgetter else getattr(getattr(where, "__code__", None), "co_names", ())
    if len(names) != 1:
        return False
    module, name, _, _ = hook.place_of(function)
    _methods.setdefault((module, name.rpartition(".")[0], names[0]), []).append(function)
    return True


def named(place):
    """A name; or the method that has its cache there, and no other method."""
    kinds = place.owner.__mro__ if place.how == "STORE_ATTR" and place.owner is not None else ()
    for kind in kinds:
        functions = _methods.get((kind.__module__, kind.__qualname__, place.stored))
        if functions is not None and len(functions) == 1:
            return None, functions[0]
    return place.name(), None


def watch_objects(cachetools, told):
    """Calls told(cache) for each object of one of the library's own classes, at the end of the innermost of its classes'
    __init__. Returns these classes."""
    kinds = [kind for kind in vars(cachetools).values() if isinstance(kind, type) and issubclass(kind, cachetools.Cache)]
    kinds = frozenset(kind for kind in kinds if kind.__module__.partition(".")[0] == "cachetools")
    real = cachetools.Cache.__init__

    def __init__(self, *args, **kwargs):
        real(self, *args, **kwargs)
        if type(self) in kinds:
            hook.guarded("cachetools", told, self)

    hook.like(__init__, real)
    cachetools.Cache.__init__ = __init__
    return kinds
