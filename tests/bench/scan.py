"""How fast `perfcollect scan` is on CPython's own library: beside the bare parser, on one and two cores, warm, one file changed.

    cargo build --release && python3 tests/bench/scan.py [--rounds 7] [--json FILE]

The library is that of the Python that runs this, copied without installed packages. Every round measures every case, in
random order; CPU time is of the process (wall time beside it). `parse` reads the same files with the same parser and does
nothing else. glintefy's figures, where it installs (Python 3.13 and later), are of its own list of pure functions on the
same files; those of the older guide (files a second) are its own, from its report, on another machine.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = REPOSITORY / "target" / "release" / "perfcollect"


def measured(command, environment):
    begin, before = time.perf_counter(), os.times()
    output = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, cpu, output


def walk(folder):
    begin = time.perf_counter()
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                os.stat(os.path.join(parent, name))
    return time.perf_counter() - begin


def cases(library, store):
    environment = {**os.environ, "XDG_CACHE_HOME": str(store)}
    scan = [str(BINARY), "scan", str(library), "--format", "json"]
    changed = library / "textwrap.py"

    def cold(jobs):
        shutil.rmtree(store, ignore_errors=True)
        return measured([*scan, "--jobs", str(jobs)], environment)

    def one_changed():
        changed.write_text(changed.read_text() + f"\n# {random.random()}\n")
        return measured([*scan, "--jobs", "1"], environment)

    return {
        "parse, one core": lambda: measured([*scan, "--parse-only", "--jobs", "1"], environment),
        "cold, one core, nothing kept": lambda: measured([*scan, "--no-cache", "--jobs", "1"], environment),
        "cold, two cores, nothing kept": lambda: measured([*scan, "--no-cache", "--jobs", "2"], environment),
        "cold, one core": lambda: cold(1),
        "warm": lambda: measured([*scan, "--jobs", "1"], environment),
        "one file changed": one_changed,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if not BINARY.exists():
        sys.exit("build it first: cargo build --release")
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder) / "Lib"
        ignored = shutil.ignore_patterns("site-packages", "__pycache__", "*.so")
        shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=ignored)
        store = pathlib.Path(folder) / "store"
        steps = cases(library, store)
        figures = {name: [] for name in steps}
        counts = {}
        time.sleep(0.1)
        for _ in range(options.rounds):
            order = list(steps)
            random.shuffle(order)
            # What is warm needs something kept.
            order.sort(key=lambda name: name in ("warm", "one file changed"))
            order.remove("cold, one core")
            order.insert(order.index("warm") if "warm" in order else 0, "cold, one core")
            order.sort(key=lambda name: {"cold, one core": 1, "warm": 2, "one file changed": 3}.get(name, 0))
            for name in order:
                if name == "warm":
                    # Files as young as the store are read again; so is the library's age not what is measured.
                    measured([str(BINARY), "scan", str(library), "--format", "json"], {**os.environ, "XDG_CACHE_HOME": str(store)})
                wall, cpu, output = steps[name]()
                figures[name].append((wall, cpu))
                counts[name] = json.loads(output).get("counts", {})
        walks = [walk(library) for _ in range(options.rounds)]
        megabytes = counts["warm"]["bytes"] / 1e6
    parse = statistics.median(cpu for _, cpu in figures["parse, one core"])
    print(f"{counts['warm']['files']} files, {megabytes:.1f} MB, {options.rounds} rounds; os.walk and stat by Python: {statistics.median(walks) * 1e3:.0f} ms")
    print("| case | wall ms | CPU ms | MB/s of CPU | of the parser's speed | parsed | linked |\n|---|---|---|---|---|---|---|")
    for name, values in figures.items():
        wall, cpu = (statistics.median(part) for part in zip(*values))
        ratio = statistics.median(p[1] / v[1] for p, v in zip(figures["parse, one core"], values))
        count = counts[name]
        print(f"| {name} | {wall * 1e3:.0f} | {cpu * 1e3:.0f} | {megabytes / cpu:.0f} | {ratio:.0%} | {count.get('parsed', '')} | {count.get('linked', '')} |")
    print(f"parser alone: {megabytes / parse:.0f} MB/s")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


main()
