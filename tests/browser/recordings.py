"""Recordings that the browser tests open: made once per run by the real binary from real programs."""

import functools
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("PERFCOLLECT", ROOT / "target/debug/perfcollect")).resolve()
_FOLDER = tempfile.TemporaryDirectory(prefix="perfcollect-recordings-")
FOLDER = Path(_FOLDER.name)

UGLY = """
import time
def 集計する(n):
    return sum(i * i for i in range(n))
def τέλος(n):
    return 集計する(n)
class A_very_long_class_name_that_does_not_fit_into_any_column_of_any_table:
    def and_a_method_with_an_equally_unreasonable_name_that_goes_on_and_on(self, n):
        return τέλος(n)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    A_very_long_class_name_that_does_not_fit_into_any_column_of_any_table() \\
        .and_a_method_with_an_equally_unreasonable_name_that_goes_on_and_on(3000)
"""


def perfcollect(*arguments, check=True, **options):
    environment = {**os.environ, "PERFCOLLECT_QUIET": ""}
    return subprocess.run([BINARY, *arguments], check=check, capture_output=True, text=True, env=environment, **options)


WAITS = """
import threading, time
lock = threading.Lock()
def 順番を待つ():
    for _ in range(30):
        with lock:
            time.sleep(0.01)
def work(n):
    return sum(i * i for i in range(n))
threads = [threading.Thread(target=順番を待つ, name=f"等待者-{i}") for i in range(4)]
[t.start() for t in threads]
end = time.monotonic() + 1.5
while time.monotonic() < end:
    work(20000)
[t.join() for t in threads]
"""


LEAKS = """
import time
kept = []
def 覚える(n):
    return [bytes(1000) for _ in range(n)]
end = time.monotonic() + 4
while time.monotonic() < end:
    kept.append(覚える(200))
    sum(i * i for i in range(20000))
    time.sleep(0.02)
"""


# A fixed amount of work, so that only the second argument makes a difference.
PLANTED = """
import sys
def steady(n):
    return sum(i * i for i in range(n))
def 遅くなった(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total
def only_before(n):
    return sorted(str(i) for i in range(n))
def only_now(n):
    return sorted(str(i) for i in range(n))
def main(times, once):
    for _ in range(60):
        steady(30_000)
        for _ in range(times):
            遅くなった(20_000)
        once(4_000)
main(*[(1, only_before), (6, only_now)][int(sys.argv[1])])
"""


def record(name, *command, library=None, options=()):
    """Records a command into a file of the shared folder, or of a library of its own."""
    folder = FOLDER / (library or "main")
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}.perf.zip"
    perfcollect("run", "--quiet", *options, "-o", target, "--", *command)
    return target


@functools.cache
def orders():
    """A program with threads, a child process and a cache."""
    return record("orders", "python3", str(ROOT / "tests/data/programs/orders.py"))


@functools.cache
def nothing():
    """A program that ends before the first sample."""
    return record("nothing", "true")


@functools.cache
def ugly():
    """Long names and names in other scripts."""
    return record("ugly", "python3", "-c", UGLY)


@functools.cache
def waiting():
    """Threads that wait for a lock and sleep, with both clocks, their calls counted, and names in other scripts."""
    return record("waiting", "python3", "-c", WAITS, options=("--clock", "wall", "--python", "calls"))


@functools.cache
def leaking():
    """Memory that grows, from a file whose hot lines are captured."""
    script = FOLDER / "leaks.py"
    script.write_text(LEAKS)
    return record("leaking", "python3", str(script), options=("--python", "alloc", "--source"))


@functools.cache
def planted(slower, runs=1):
    """A program with a function that takes six times as long in the second version, recorded once or several times."""
    script = FOLDER / "planted.py"
    script.write_text(PLANTED)
    options = ("--runs", str(runs)) if runs > 1 else ()
    name = f"{'after' if slower else 'before'}-{runs}"
    return record(name, "python3", str(script), str(int(slower)), options=options)


@functools.cache
def exported(bundle, *against):
    """The bundle as one HTML file, with others to compare it with; its address."""
    page = bundle.with_name("-".join(path.stem for path in (bundle, *against)) + ".html")
    perfcollect("export", bundle, "--to", "html", *(word for path in against for word in ("--against", path)), "-o", page)
    return page.as_uri()


class Server:
    """`perfcollect serve` on a free port until `close`."""

    def __init__(self, *arguments, cwd=None):
        import socket
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([BINARY, "serve", "--port", str(self.port), *map(str, arguments)], cwd=cwd,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.address = f"http://127.0.0.1:{self.port}/"
        end = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("serve did not start: " + self.process.stderr.read().decode())
            time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()


def number(text):
    """The first whole number in a text, group separators removed."""
    return int(re.search(r"\d[\d,]*", text)[0].replace(",", ""))
