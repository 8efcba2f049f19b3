"""Where the recorder's modules come from: one file with the byte code of all that a version of Python has compiled so far.

Import is not used: it would look into folders, and leave traces. The file is laid out as Python's own byte code, known by
version, time and size of its source; it holds a dict of names and marshalled code, and is written anew when a module had
to be compiled. Must leave nothing in sys.modules.
"""

import sys
from marshal import dumps, loads
from posix import fchmod, getpid, mkdir, remove, rename

from _frozen_importlib_external import MAGIC_NUMBER, cache_from_source
from _imp import _fix_co_filename

_PACKAGE = "_perfcollect"
# As it is now: a program may put another in its place.
_open = open


class Modules:
    """The modules of the recorder."""

    def __init__(self, folder, place, known):
        self.folder, self.place = folder, place
        self.config = loads(_read(folder + "/config"))
        # Name -> marshalled code: what the file holds, as long as modules are loaded; what was compiled here.
        self.known, self.fresh = known, {}

    def module(self, name, **given):
        """A new module, which has from the beginning what is given."""
        module = type(sys)("%s.%s" % (_PACKAGE, name))
        vars(module).update(given, __package__=_PACKAGE)
        exec(self.code(name), vars(module))
        return module

    def late(self, name, **given):
        """A module that is loaded while the program runs."""
        try:
            kept = _read(self.place)
        except OSError:
            kept = b""
        self.known = loads(memoryview(kept)[16:]) if kept.startswith(MAGIC_NUMBER) else {}
        try:
            return self.module(name, **given)
        finally:
            self.keep()

    def code(self, name):
        """The code of a module."""
        path, known = "%s/%s/%s.py" % (self.folder, _PACKAGE, name), self.known.get(name)
        if known is not None:
            code = loads(known)
            # It was compiled in another recording's folder.
            _fix_co_filename(code, path)
            return code
        code = compile(loads(_read(self.folder + "/sources"))[name], path, "exec", dont_inherit=True, optimize=2)
        self.fresh[name] = dumps(code)
        return code

    def keep(self):
        """Writes what was compiled here for the next interpreter of this version. Of two at a time the later one's stays."""
        known, self.known, fresh, self.fresh = self.known, {}, self.fresh, {}
        if fresh:
            stamp = self.config["STAMP"]
            _write(self.place, stamp, dumps({**known, **fresh}))
        if "loader" in fresh and sys.pycache_prefix is None:
            # Python itself leaves it uncompiled where it is told to write nothing.
            path = self.folder + "/sitecustomize.py"
            text = _read(path)
            code = compile(text, path, "exec", dont_inherit=True)
            _write(cache_from_source(path), stamp[:4] + len(text).to_bytes(4, "little"), dumps(code))


def _write(path, stamp, code):
    """A file of byte code, as a whole or not at all."""
    part = "%s.%d" % (path, getpid())
    try:
        try:
            mkdir(path.rpartition("/")[0], 0o755)
        except FileExistsError:
            pass
        with _open(part, "xb") as file:
            # As Python does it: byte code has the mode of its source.
            fchmod(file.fileno(), 0o644)
            file.write(MAGIC_NUMBER + bytes(4) + stamp + code)
        rename(part, path)
    except OSError:
        try:
            remove(part)
        except OSError:
            pass


def _read(path):
    with _open(path, "rb") as file:
        return file.read()


def enter(folder, place, known):
    """The recorder, as its package makes it. Modules see each other by `from . import`: as attributes of the package."""
    modules = Modules(folder, place, known)
    package = sys.modules[_PACKAGE] = type(sys)(_PACKAGE)

    def part(name):
        if name.startswith("__"):
            raise AttributeError(name)
        module = modules.module(name)
        setattr(package, name, module)
        return module

    try:
        config = type(sys)(_PACKAGE + ".config")
        vars(config).update(modules.config)
        vars(package).update(__package__=_PACKAGE, __getattr__=part, config=config)
        if "loader" not in known:
            modules.code("loader")
        exec(modules.code("__init__"), vars(package))
        return package.enter(folder, modules, package)
    finally:
        del sys.modules[_PACKAGE]
        modules.keep()
