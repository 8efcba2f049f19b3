"""Where caches are made: functools.lru_cache and the decorators of cachetools tell of each wrapper that they make.

Owns the interception, nothing else. Modes register in one of two lists, in any order, before the program runs:

    on_create.append(told)     told(wrapper, function, library, parameters), once the wrapper is made
    decide.append(asked)       asked(function, library, parameters) before it is made; its answer is
                               None (no opinion), a dict (other parameters), or a callable that gets the wrapper and
                               returns what the program gets in its place

A dict may also hold `function`: what is wrapped in place of the program's function.
`parameters` is a dict: maxsize and typed of functools; cache, key, lock, condition, info (as far as that version has
them) and maxsize of cachetools. `library` is "functools", "cachetools" or "cachetools.method".

Modules are patched when the program imports them, by a finder in front of sys.meta_path that costs one look into a
dictionary for each import; one that is never imported is never touched. `watch` is for other modes too.
"""

import gc
import sys
from _functools import partial

from . import is_foreign

on_create = []
decide = []

_core = None
_finder = None
_real_wrapper = None
# A name in functools that only the code of lru_cache knows: the type itself stays where programs look for it.
_NAME = "_perfcollect_lru_cache_wrapper"


class Finder:
    """Sees that a module of interest is imported; the finders behind it find it."""

    def __init__(self):
        # Name of a module -> what to do with it once it is loaded.
        self.watched = {}

    def find_spec(self, name, path=None, target=None):
        """Nothing, or what another finder says, with a loader that tells of the end of loading."""
        if name not in self.watched:
            return None
        spec = None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                break
        if spec is not None:
            self.follow(name, spec.loader)
        return spec

    def follow(self, name, loader):
        """Has the loader's next loading of this module followed by ours. A loader is of one module, but for zip files."""
        real = getattr(loader, "exec_module", None)
        if real is None or isinstance(loader, type):
            return

        def exec_module(module):
            if getattr(module, "__name__", None) != name:
                return real(module)
            loader.__dict__.pop("exec_module", None)
            real(module)
            loaded(name, module)

        try:
            loader.__dict__["exec_module"] = exec_module
        except AttributeError:
            pass


_FUNCTION, _METHOD = type(is_foreign), type(Finder().find_spec)


def watch(name, then):
    """Calls then(module) once the module is loaded; now, if it is already."""
    module = sys.modules.get(name)
    if module is not None and getattr(getattr(module, "__spec__", None), "_initializing", False) is False:
        guarded(name, then, module)
    else:
        _finder.watched.setdefault(name, []).append(then)


def loaded(name, module):
    for then in _finder.watched.pop(name, ()):
        guarded(name, then, module)


def guarded(what, function, *arguments):
    """Calls ours from within the program's own work: what fails is told to the recording, not to the program."""
    try:
        return function(*arguments)
    except BaseException as error:
        if is_foreign(error, _core):
            raise
        _core.errors += 1
        if _core.errors < 5:
            _core.error("caches", "%s: %s: %s" % (what, type(error).__name__, error))
        return None


def install(core):
    """Starts to watch. Several modes may ask for it."""
    global _core, _finder
    if _finder is not None:
        return
    _core, _finder = core, Finder()
    watch("functools", _patch_functools)
    watch("cachetools", _patch_cachetools)
    sys.meta_path.insert(0, _finder)


def existing():
    """Wrappers of functools that were made before anybody watched: the start of Python imports it in some places."""
    functools = sys.modules.get("functools")
    kind = getattr(functools, "_lru_cache_wrapper", None)
    if not isinstance(kind, type):
        return []
    return [found for found in gc.get_objects() if type(found) is kind]


def _asked(function, library, parameters):
    """What the modes decided: parameters, and what to put around the wrapper."""
    around = []
    for ask in decide:
        answer = guarded("decide", ask, function, library, parameters)
        if isinstance(answer, dict):
            parameters = answer
        elif answer is not None:
            around.append(answer)
    return parameters, around


def _told(wrapper, function, library, parameters, around):
    for tell in on_create:
        guarded("on_create", tell, wrapper, function, library, parameters)
    for put in around:
        wrapper = guarded("decide", put, wrapper) or wrapper
    return wrapper


def _patch_functools(functools):
    """lru_cache and cache stay the objects they are, and so does the type of wrappers; only the name by which the code
    of lru_cache reaches that type is another one."""
    global _real_wrapper
    _real_wrapper = functools._lru_cache_wrapper
    code = functools.lru_cache.__code__
    swapped = _renamed(code)
    if swapped == code:
        raise RuntimeError("functools.lru_cache is not as expected")
    setattr(functools, _NAME, _make)
    functools.lru_cache.__code__ = swapped


def _renamed(code):
    names = tuple(_NAME if name == "_lru_cache_wrapper" else name for name in code.co_names)
    constants = tuple(_renamed(part) if hasattr(part, "co_names") else part for part in code.co_consts)
    return code.replace(co_names=names, co_consts=constants)


def _make(function, maxsize, typed, info):
    if not decide:
        wrapper = _real_wrapper(function, maxsize, typed, info)
        parameters, around = {"maxsize": maxsize, "typed": typed}, ()
    else:
        parameters, around = _asked(function, "functools", {"maxsize": maxsize, "typed": typed})
        inner = parameters.get("function", function)
        wrapper = _real_wrapper(inner, parameters["maxsize"], parameters["typed"], info)
    return _told(wrapper, function, "functools", parameters, around)


def _patch_cachetools(cachetools):
    for name, library in (("cached", "cachetools"), ("cachedmethod", "cachetools.method")):
        real = getattr(cachetools, name, None)
        if hasattr(real, "__code__"):
            setattr(cachetools, name, _decorator(real, library))


def _decorator(real, library):
    names = real.__code__.co_varnames[: real.__code__.co_argcount]
    defaults = dict(zip(names[len(names) - len(real.__defaults__ or ()) :], real.__defaults__ or ()))

    def decorated(*args, **kwargs):
        plain = real(*args, **kwargs)
        given = {**defaults, **dict(zip(names, args)), **kwargs}

        def decorator(function):
            if not decide and not on_create:
                return plain(function)
            parameters = dict(given)
            if library == "cachetools":
                parameters["maxsize"] = getattr(given["cache"], "maxsize", None)
            asked, around = _asked(function, library, dict(parameters))
            make = plain
            if any(asked.get(name) is not given[name] for name in names):
                make = real(**{name: asked[name] for name in names})
            if asked.get("maxsize") != parameters.get("maxsize"):
                # Its own property cannot be set; every version keeps it by this name.
                asked["cache"]._Cache__maxsize = asked["maxsize"]
            return _told(make(asked.get("function", function)), function, library, asked, around)

        return decorator

    like(decorated, real)
    return decorated


def like(ours, real):
    """Makes a function look like the one in whose place it is."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(ours, name, getattr(real, name, None))
    ours.__wrapped__ = real


def place_of(function):
    """Module, qualified name, file and line of a function; of what it wraps, where that is one. Attributes are looked up
    only where no code of the program answers."""
    named, inner = function, function
    for _ in range(20):
        kind = type(inner)
        if kind is partial:
            inner = named = inner.func
        elif kind is _METHOD:
            inner = inner.__func__
        elif kind is _FUNCTION and "__wrapped__" in inner.__dict__:
            inner = inner.__dict__["__wrapped__"]
        else:
            break
    code = inner.__code__ if type(inner) is _FUNCTION else None
    if not isinstance(named, (_FUNCTION, _METHOD, type, type(len))):
        named = type(named)
    module = named.__module__ if isinstance(named.__module__, str) else "builtins"
    return module, named.__qualname__, code and code.co_filename, code and code.co_firstlineno
