"""How perfcollect enters a Python program: found first on PYTHONPATH, this starts the recorder and steps aside.

Runs on any Python that may meet it, version 2 included. It hides its own folder, runs the sitecustomize that would have
run without it, and fails as its absence would have failed. PYTHONPATH is left alone: child processes need it. It is
short, since it is compiled at every start where byte code is not to be written; the rest comes by `loader`.
"""

import sys


def _recorder(folder):
    """The recorder, or None where it cannot run."""
    if sys.version_info < (3, 8):
        return None
    try:
        from marshal import loads

        from _frozen_importlib_external import MAGIC_NUMBER
        from _imp import _fix_co_filename

        place = "%s/__pycache__/_perfcollect.%s.pyc" % (folder, sys.implementation.cache_tag)
        kept, known = b"", {}
        try:
            with open(place, "rb") as file:
                kept = file.read()
        except OSError:
            pass
        if kept.startswith(MAGIC_NUMBER):
            known = loads(memoryview(kept)[16:])
        path = folder + "/_perfcollect/loader.py"
        if "loader" in known:
            code = loads(known["loader"])
            _fix_co_filename(code, path)
        else:
            with open(folder + "/sources", "rb") as file:
                code = compile(loads(file.read())["loader"], path, "exec", dont_inherit=True, optimize=2)
        loader = {"__name__": "_perfcollect.loader"}
        exec(code, loader)
        return loader["enter"](folder, place, known)
    except Exception:
        return None


def _enter():
    folder = __file__.rpartition("/")[0]
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    sys.path_importer_cache.pop(folder, None)
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
