"""How perfcollect enters a Python program: found first on PYTHONPATH, this starts the recorder and steps aside.

Runs on any Python that may meet it, version 2 included. It hides its own folder, runs the sitecustomize that would have
run without it, and fails as its absence would have failed. PYTHONPATH is left alone: child processes need it.
"""

import sys


def _recorder(folder):
    """The recorder, or None where it cannot run."""
    if sys.version_info < (3, 8):
        return None
    modules = frozenset(sys.modules)
    sys.path.insert(0, folder)
    # Our byte code stays in our folder, whatever is asked of the program's.
    writing = sys.dont_write_bytecode, sys.pycache_prefix
    sys.dont_write_bytecode, sys.pycache_prefix = False, None
    try:
        import _perfcollect

        return _perfcollect.enter(folder)
    except Exception:
        return None
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = writing
        sys.path.remove(folder)
        sys.path_importer_cache.pop(folder, None)
        for name in [name for name in sys.modules if name.startswith("_perfcollect")]:
            if name not in modules:
                del sys.modules[name]


def _enter():
    folder = __file__.rpartition("/")[0]
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    recorder = _recorder(folder)
    try:
        sys.modules.pop("sitecustomize", None)
        # The next one on the path takes this module's place; where there is none, the site module is told so by the
        # very error that it expects.
        import sitecustomize
    finally:
        if recorder is not None:
            recorder.start()


_enter()
