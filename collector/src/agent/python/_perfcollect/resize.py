"""Other sizes of caches, for `caches try`: the source stays as it is, the cache is made with another maxsize.

Caches are known by `module.qualname` of their function. What was done, and what caches had counted at the end of the
process, is told to the recording: of those that are only watched too, so that both sides of a trial say the same.
"""

from weakref import ref

from . import caches_hook, config, quote

# No change; no limit. 0 is a cache that is off: it counts, and keeps nothing.
AS_IS, UNLIMITED = -1, -2

_core = None
# Wrapper (weakly, where it can be), name, size that it was to have, size that it has; hits and misses of the process that
# this one was forked from.
_made = []
_seen = set()


def _name(function):
    return "%s.%s" % (getattr(function, "__module__", "?"), getattr(function, "__qualname__", "?"))


def _asked(function, library, parameters):
    size = config.SIZES.get(_name(function))
    if size is None or size == AS_IS or "maxsize" not in parameters:
        return None
    if size == UNLIMITED:
        size = None if library == "functools" else float("inf")
    return dict(parameters, maxsize=size, was=parameters["maxsize"])


def _told(wrapper, function, library, parameters):
    name = _name(function)
    if name not in config.SIZES:
        if name not in _seen and len(_seen) < 1000:
            _seen.add(name)
            _core.append("resize", '{"other":%s}\n' % quote(name))
        return
    if "maxsize" not in parameters:
        _core.append("resize", '{"cannot":%s,"why":"the cache of a method is made by each object for itself"}\n' % quote(name))
        return
    was = parameters.get("was", parameters["maxsize"])
    _made.append([_weakly(wrapper), name, was, parameters["maxsize"], 0, 0])


def _weakly(wrapper):
    try:
        return ref(wrapper)
    except TypeError:
        return lambda: wrapper


def start(core):
    global _core
    _core = core
    caches_hook.install(core)
    caches_hook.decide.append(_asked)
    caches_hook.on_create.append(_told)


def _number(value):
    return "%d" % value if isinstance(value, int) else "null"


def flush(final):
    lines = []
    for there, name, was, now, hits_before, misses_before in list(_made):
        wrapper = there()
        info = getattr(wrapper, "cache_info", None)
        counts = "null,null,null"
        if info is not None:
            hits, misses, _, entries = info()
            counts = "%d,%d,%s" % (max(hits - hits_before, 0), max(misses - misses_before, 0), _number(entries))
        lines.append('{"cache":[%s,%s,%s,%s]}\n' % (quote(name), _number(was), _number(now), counts))
    if lines:
        _core.replace("sizes", "".join(lines))


def after_fork():
    """What the parent counted is the parent's."""
    for made in _made:
        info = getattr(made[0](), "cache_info", None)
        if info is not None:
            made[4:] = info()[:2]
