"""Other sizes of caches, for `caches try`: the source stays as it is, the cache is made with another maxsize.

Caches are known by the names that recordings give them: `module.qualname` of their function, or what the line that makes an
object of cachetools stores it under. What was done, and what caches had counted at the end of the process, is told to the
recording: of those that are only watched too, so that both sides of a trial say the same.
"""

from weakref import ref

from . import caches_hook, caches_places, config, quote

# No change; no limit. 0 is a cache that is off: it counts, and keeps nothing.
AS_IS, UNLIMITED = -1, -2
_MOST_NAMES = 1000

_core = None
# Wrapper (weakly, where it can be), name, size that it was to have, size that it has; hits and misses of the process that
# this one was forked from.
_made = []
# Name -> what it is: function, method or object; those that the recording was told of; methods that lack an object.
_seen, _told = {}, set()
_wanting = set()
# Lines that make objects, by their code and place in it. Code is held, so that its address stays its own.
_lines = {}


class _Line:
    """Objects that one line makes, or that one method keeps."""

    def __init__(self, code, name, kind):
        self.code, self.name, self.kind = code, name, kind
        self.made, self.was, self.now = 0, None, None
        self.objects = caches_places.Weak()


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
    if library == "cachetools":
        _taken(parameters["cache"])
    if name in config.SIZES:
        was = parameters.get("was", parameters["maxsize"])
        _made.append([_weakly(wrapper), name, was, parameters["maxsize"], 0, 0])


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
    line.objects.add(cache)


def start(core):
    global _core
    _core = core
    caches_places.core, caches_places.hook = core, caches_hook
    caches_hook.install(core)
    caches_hook.decide.append(_asked)
    caches_hook.on_create.append(_is_made)
    caches_hook.watch("cachetools", lambda cachetools: caches_places.watch_objects(cachetools, _object_is_made))


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
    lines = []
    for there, name, was, now, hits_before, misses_before in list(_made):
        wrapper = there()
        info = getattr(wrapper, "cache_info", None)
        counts = "null,null,null"
        if info is not None:
            hits, misses, _, entries = info()
            counts = "%d,%d,%s" % (max(hits - hits_before, 0), max(misses - misses_before, 0), _number(entries))
        lines.append('{"cache":[%s,%s,%s,%s,1]}\n' % (quote(name), _number(was), _number(now), counts))
    for line in list(_lines.values()):
        if line.made and line.name in config.SIZES:
            entries = [len(vars(cache).get(caches_places.DATA, ())) for cache in line.objects.all()]
            figures = [line.was, line.now, None, None, max(entries, default=None), line.made]
            lines.append('{"cache":[%s,%s]}\n' % (quote(line.name), ",".join(map(_number, figures))))
    if lines:
        _core.replace("sizes", "".join(lines))


def after_fork():
    """What the parent counted is the parent's."""
    _told.clear()
    for made in _made:
        info = getattr(made[0](), "cache_info", None)
        if info is not None:
            made[4:] = info()[:2]
