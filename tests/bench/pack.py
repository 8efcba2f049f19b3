#!/usr/bin/env python3
"""How long a large recording takes from the program's end to the finished bundle, and how much memory that needs.

    python3 tests/bench/pack.py [--samples 60000] [--depth 50] [--rounds 3] [--rate 9999] [--binary target/release/perfcollect]

Builds `deep.c` with debug information, once with stacks that repeat and once with such as hardly ever do, and records
both; where `perf` is there, it records the same program, and `perf script` is timed on what it wrote. Prints a Markdown
table of medians. Finish is the collector's own figure: wall time from the
program's end until only the file is left to be written. CPU is of
the collector, recording and finish together; the program's is left out. Memory is the collector's largest resident size.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(command, **options):
    """Wall and CPU seconds, and the largest resident size of one process in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def record(options, folder, program):
    bundle = folder / "deep.perf.zip"
    bundle.unlink(missing_ok=True)
    settings = ["--quiet", "--no-python", "--rate", str(options.rate), "-o", str(bundle)]
    _, cpu, memory = run([os.path.abspath(options.binary), "run", *settings, "--", *program])
    with zipfile.ZipFile(bundle) as file:
        manifest = json.loads(file.read("manifest.json"))
    profile = manifest["profiles"][0]
    return {
        "samples": profile["samples"],
        "lost": profile["lost"],
        "finish": manifest["overhead"]["finish_ns"] / 1e9,
        "cpu": cpu - manifest["cpu_ns"] / 1e9,
        "memory": memory,
        "bundle": bundle.stat().st_size / 1e6,
    }


def perf_script(options, folder, program):
    if not shutil.which("perf"):
        return None
    data = folder / "perf.data"
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(options.rate), "-g", "--no-bpf-event", "-o", str(data)]
    run([*command, "--", *program])
    return run(["perf", "script", "-i", str(data)])[0]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--samples", type=int, default=60000)
    options.add_argument("--depth", type=int, default=50)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--rate", type=int, default=9999)
    options.add_argument("--binary", default=str(ROOT / "target/release/perfcollect"))
    options = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perfcollect-pack-"))
    deep = folder / "deep"
    flags = ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-pthread"]
    subprocess.run(["cc", *flags, "-o", deep, ROOT / "tests/bench/deep.c"], check=True)
    depth = str(options.depth - 3)  # the leaf, main and the start of the program are frames too
    before = run([deep, "20000", depth, "0"])[1]
    # Samples themselves slow the program by a fifth at such a rate, which gives as many more.
    turns = int(20000 / before * options.samples / options.rate / 1.2)
    print("| stacks | samples | lost | finish, s | perf script, s | collector CPU, s | collector memory, MiB | bundle, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, ways in [("16, repeating", "16"), ("hardly repeating", "0")]:
        program = [str(deep), str(turns), depth, ways]
        rows = [record(options, folder, program) for _ in range(options.rounds)]
        script = perf_script(options, folder, program)
        figure = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        told = "not installed" if script is None else f"{script:.2f}"
        print(f"| {kind} | {figure['samples']:,.0f} | {figure['lost']:,.0f} | {figure['finish']:.2f} | {told}"
              f" | {figure['cpu']:.2f} | {figure['memory']:.0f} | {figure['bundle']:.2f} |")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
