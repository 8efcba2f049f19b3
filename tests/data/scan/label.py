"""Makes labels.json: what Python itself says of caches and calls in real packages, without reading their source.

Every module that imports is imported; then all `functools` wrappers there are asked for their function and size, and all
classes for their cached properties. Calls are told by `sys.monitoring` (Python 3.12 and later), which gives the object that
each call instruction calls, while the packages are used a little. Run it from the repository, after `tests/run tools`:

    python3.12 tests/data/scan/label.py target/scan-packages > tests/data/scan/labels.json
"""

import contextlib
import functools
import gc
import importlib
import io
import json
import linecache
import pathlib
import re
import sys
import types
import warnings

ROOT = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(ROOT))
warnings.simplefilter("ignore")
SKIPPED = re.compile(r"(^|/)(tests?|testing|bin|_vendor|conf/[a-z_]+_template)(/|$)|__main__|/conftest")
WRAPPER = type(functools.lru_cache(len))
called = {}
counts = {}


def place(code):
    path = pathlib.Path(code.co_filename)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else None


def function_of(thing):
    """The code behind a wrapper, as (file, first line, qualified name)."""
    thing = getattr(thing, "__wrapped__", thing)
    code = getattr(thing, "__code__", None)
    if code is None or not place(code):
        return None
    return place(code), code.co_firstlineno, thing.__qualname__


def on_call(code, offset, thing, _):
    file = place(code)
    if file is None:
        return sys.monitoring.DISABLE
    line = next((line for start, end, line in code.co_lines() if start <= offset < end), None)
    if isinstance(thing, types.MethodType):
        thing = thing.__func__
    things = called.setdefault((file, line), {})
    things[id(thing)] = thing
    counts[code, offset] = counts.get((code, offset), 0) + 1
    # What a place has called twenty times is what it calls.
    return sys.monitoring.DISABLE if counts[code, offset] > 20 else None


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        relative = str(path.relative_to(ROOT))
        if not SKIPPED.search(relative):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            yield relative, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_all():
    files = []
    for file, name in modules():
        try:
            importlib.import_module(name)
            files.append(file)
        except BaseException:  # noqa: B036 - a module may want anything of its surroundings, exits included
            pass
    return files


def use():
    """Something of each package, so that calls happen."""
    import isort
    import networkx
    from pylint.lint import Run
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.syntax import Syntax
    from rich.table import Table

    text = (ROOT / "isort" / "core.py").read_text()
    isort.code(text)
    console = Console(file=io.StringIO(), force_terminal=True, width=90)
    table = Table("a", "b")
    table.add_row("[bold]x[/]", "漢字 y")
    for thing in (table, Markdown("# t\n\n* a\n* `b`"), Syntax(text[:2000], "python")):
        console.print(thing)
    Run([str(ROOT / "isort" / part) for part in ("core.py", "place.py", "settings.py")] + ["--disable=all", "--enable=W,E"], exit=False)
    graph = networkx.gnp_random_graph(30, 0.2, seed=1)
    networkx.pagerank(graph, max_iter=200) if "numpy" in sys.modules else networkx.shortest_path(graph)
    from poetry.core.constraints.version import parse_constraint
    from poetry.core.packages.dependency import Dependency

    str(parse_constraint(">=1.2,<2.0 || ^3.1"))
    Dependency.create_from_pep_508("a[b]>=1; python_version < '3.9' and sys_platform == 'linux'").to_pep_508()


def use_django():
    import django
    from django.conf import settings

    settings.configure(
        USE_I18N=True, LANGUAGE_CODE="de", ROOT_URLCONF="urls_of_labels", SECRET_KEY="x", USE_TZ=True, ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    from django.http import HttpResponse
    from django.urls import path

    urls = types.ModuleType("urls_of_labels")
    urls.urlpatterns = [path("a/<int:x>/", lambda request, x: HttpResponse(str(x)), name="a")]
    sys.modules["urls_of_labels"] = urls
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.template import engines
    from django.test import Client
    from django.urls import reverse
    from django.utils import formats, timezone, translation

    call_command("migrate", verbosity=0)
    User.objects.create_user("u", password="p")
    list(User.objects.filter(username__startswith="u").select_related())
    Client().get(reverse("a", args=[3]))
    engines["django"].from_string("{% load i18n %}{{ x|floatformat:2 }}{% now 'Y' %}").render({"x": 2.5})
    with translation.override("fr"):
        formats.number_format(12345.678), formats.date_format(timezone.now()), translation.gettext("Monday")
    call_command("check")


def caches(files):
    found = {}
    for thing in gc.get_objects():
        if type(thing) is WRAPPER:
            function = function_of(thing)
            if function and function[0] in files:
                found[function[:2]] = {"kind": "lru_cache", "name": function[2], "maxsize": thing.cache_parameters()["maxsize"]}
        elif issubclass(type(thing), type):
            for value in list(vars(thing).values()):
                if type(value).__name__ == "cached_property" and callable(getattr(value, "func", None)):
                    function = function_of(value.func)
                    if function and function[0] in files:
                        found[function[:2]] = {"kind": "cached_property", "name": function[2], "maxsize": 1}
    return found


def main():
    tool = sys.monitoring.PROFILER_ID
    sys.monitoring.use_tool_id(tool, "label")
    sys.monitoring.register_callback(tool, sys.monitoring.events.CALL, on_call)
    sys.monitoring.set_events(tool, sys.monitoring.events.CALL)
    failed = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for part in (use_django, use):
            try:
                part()
            except Exception as error:
                failed.append(f"{part.__name__}: {error!r}")
        files = set(import_all())
    sys.monitoring.set_events(tool, 0)
    print("\n".join(failed), file=sys.stderr)
    found = caches(files)
    wrappers = {place for place, cache in found.items() if cache["kind"] == "lru_cache"}
    names = {cache["name"].rsplit(".", 1)[-1] for cache in found.values() if cache["kind"] == "lru_cache"}
    calls, executed = [], []
    for (file, line), things in sorted(called.items()):
        if file not in files:
            continue
        callees = {function_of(thing)[:2] for thing in things.values() if isinstance(thing, WRAPPER) and function_of(thing)}
        for callee in sorted(callees & wrappers):
            calls.append([file, line, *callee])
        # Lines that name such a function: what they do not call, they must not be said to call.
        text = linecache.getline(str(ROOT / file), line)
        if names & set(re.findall(r"\w+", text)):
            executed.append([file, line])
    rows = [[*place, cache["kind"], cache["name"], cache["maxsize"]] for place, cache in sorted(found.items())]
    def lines(rows):
        return "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n ]"
    print("{\n" + ",\n".join(f' "{key}": {lines(value)}' for key, value in
          (("files", sorted([f] for f in files)), ("caches", rows), ("calls", calls), ("executed", executed))) + "\n}")


main()
