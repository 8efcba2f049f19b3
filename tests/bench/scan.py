"""How fast `perfcollect scan` is on CPython's own library: beside the bare parser, on one and two cores, kept, one file changed.

    cargo build --release && python3 tests/bench/scan.py [--rounds 9] [--many 100000] [--glintefy SOURCE] [--json FILE]

The library is that of the Python that runs this, copied without installed packages. Every round measures every case once,
in random order. `parse` reads and decodes the same files with the same parser and does nothing else; a cold scan parses,
analyses, reports and writes what it keeps. The share of the parser's speed is the ratio of the CPU times of one round,
the speed-up by a second core the ratio of wall times of one round: median, and the least and the most of all rounds.
`--many` scans so many small files of made-up packages once, cold. `--glintefy` is a folder with glintefy's source (it is on
GitHub, not on PyPI): its detector of pure functions and caches is timed on the same files, run by `--python`, in turn with
a cold scan, three times; it ends after ten minutes. It reads each file by itself: no call sites, nothing across files.
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
GLINTEFY = """
import pathlib, sys, types
source = pathlib.Path(sys.argv[1])
# The packages import what the server needs; the detector needs none of it.
for name in ("", ".subservers", ".subservers.review", ".subservers.review.cache"):
    module = types.ModuleType("glintefy" + name)
    module.__path__ = [str(source / "src" / ("glintefy" + name).replace(".", "/"))]
    sys.modules["glintefy" + name] = module
from glintefy.subservers.review.cache.pure_function_detector import PureFunctionDetector
detector = PureFunctionDetector()
files = sorted(pathlib.Path(sys.argv[2]).rglob("*.py"))
found = [detector.analyze_file(file) for file in files]
print(len(files), "files,", sum(len(new) for new, _ in found), "functions called pure,", sum(len(old) for _, old in found), "caches")
"""
PARSE, ONE, TWO, KEPT, CHANGED = "parse, one core", "cold, one core", "cold, two cores", "nothing changed", "one file changed"


def measured(command, environment):
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def cases(binary, library, folder):
    scan = [str(binary), "scan", str(library), "--format", "json", "--jobs"]
    environment = lambda store: {**os.environ, "XDG_CACHE_HOME": str(folder / store)}
    file = library / "textwrap.py"

    def cold(jobs):
        shutil.rmtree(folder / "cold", ignore_errors=True)
        return measured([*scan, jobs], environment("cold"))

    def kept():
        # A file as young as the store is read once more, as git does it: that is over before what is measured.
        measured([*scan, "1"], environment("kept"))
        return measured([*scan, "1"], environment("kept"))

    def one_changed():
        measured([*scan, "1"], environment("kept"))
        file.write_text(file.read_text() + f"\n\ndef added_{random.randrange(10**9)}(x):\n    return x\n")
        return measured([*scan, "1"], environment("kept"))

    return {
        PARSE: lambda: measured([*scan, "1", "--parse-only"], environment("cold")),
        ONE: lambda: cold("1"),
        TWO: lambda: cold("2"),
        KEPT: kept,
        CHANGED: one_changed,
    }


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def report(figures, counts, library):
    megabytes = counts[ONE]["bytes"] / 1e6
    walks = []
    for _ in range(5):
        begin = time.perf_counter()
        for parent, _, names in os.walk(library):
            for name in names:
                os.stat(os.path.join(parent, name))
        walks.append((time.perf_counter() - begin) * 1e3)
    print(f"{counts[ONE]['files']} files, {megabytes:.1f} MB; a walk with stat by Python: {spread(walks, 0)} ms\n")
    print("| case | wall, ms | CPU, ms | peak, MB | of the parser's speed | parsed | linked |\n|---|---:|---:|---:|---:|---:|---:|")
    for name, values in figures.items():
        wall, cpu, peak = zip(*values)
        ratio = [parse[1] / value[1] for parse, value in zip(figures[PARSE], values)]
        count = counts[name]
        print(
            f"| {name} | {spread([w * 1e3 for w in wall], 0)} | {spread([c * 1e3 for c in cpu], 0)} | {max(peak):.0f} | "
            f"{spread(ratio)} | {count.get('parsed', '')} | {count.get('linked', '')} |"
        )
    print(f"\nthe second core: {spread([one[0] / two[0] for one, two in zip(figures[ONE], figures[TWO])])} times as fast")


def many(binary, folder, count):
    tree = folder / "many"
    for number in range(count):
        package = tree / f"p{number // 1000}" / f"q{number // 50 % 20}"
        if number % 50 == 0:
            package.mkdir(parents=True, exist_ok=True)
        before = f"from .m{number - 1} import f{number - 1}\n" if number % 50 else ""
        call = f"f{number - 1}(x)" if number % 50 else "x"
        text = f"import functools\n{before}\n\n@functools.lru_cache(maxsize=64)\ndef f{number}(x):\n    return {call} + 1\n"
        (package / f"m{number}.py").write_text(text)
    # Files as young as what is kept of them are read again.
    time.sleep(0.1)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "many-store")}
    for name in ("cold", "nothing changed"):
        wall, cpu, peak, output = measured([str(binary), "scan", str(tree), "--format", "json"], environment)
        found = json.loads(output)
        print(f"{count} files, {name}: {wall:.1f} s, {cpu:.1f} s of CPU, {peak:.0f} MB, {len(found['caches'])} caches")
    shutil.rmtree(tree)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--binary", type=pathlib.Path, default=REPOSITORY / "target" / "release" / "perfcollect")
    parser.add_argument("--many", type=int, default=0)
    parser.add_argument("--glintefy", type=pathlib.Path)
    parser.add_argument("--python", default="python3.13")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if not options.binary.exists():
        sys.exit("build it first: cargo build --release")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        library = folder / "Lib"
        ignored = shutil.ignore_patterns("site-packages", "__pycache__", "*.so")
        shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=ignored)
        steps = cases(options.binary, library, folder)
        figures = {name: [] for name in steps}
        counts = {}
        for _ in range(options.rounds):
            for case in random.sample(list(steps), len(steps)):
                *figure, output = steps[case]()
                figures[case].append(figure)
                counts[case] = json.loads(output).get("counts", {})
        report(figures, counts, library)
        if options.many:
            many(options.binary, folder, options.many)
        if options.glintefy:
            command = ["timeout", "600", options.python, "-c", GLINTEFY, str(options.glintefy), str(library)]
            for _ in range(3):
                theirs, ours = measured(command, {**os.environ}), steps[ONE]()
                told = theirs[3].decode().strip()
                print(f"glintefy: {theirs[1]:.1f} s of CPU, {theirs[2]:.0f} MB, {told}; scan: {ours[1]:.2f} s, {ours[2]:.0f} MB")
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1))


main()
