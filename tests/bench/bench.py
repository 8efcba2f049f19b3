#!/usr/bin/env python3
"""What `perfcollect bench` costs for each run of an empty static program, beside hyperfine -N and perf stat -r, over a bare
posix_spawn loop, and how far the mean that each reports lies from the loop's. Standard library only.

    python3 tests/bench/bench.py
    python3 tests/bench/bench.py --rounds 5 --runs 500

Each tool makes RUNS runs and a tenth of them, in random order; the slope between the two leaves out its start and its end.
Peers: apt-get install hyperfine linux-perf
"""

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import tools
from harness.measure import machine_cpu
from harness.stats import median_interval, table
from harness.workloads import SOURCES

LOOP = "posix_spawn loop"


def built(folder):
    """The loop and the empty program."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, options in {"launches": [], "nothing": ["-static"]}.items():
        subprocess.run(["gcc", "-O2", *options, "-o", folder / name, SOURCES / f"{name}.c"], check=True)
    return folder / "launches", folder / "nothing"


def cases(binary, loop, empty):
    """tool: (command for so many runs in a folder, the mean that it reports in microseconds)."""
    found = {
        LOOP: (lambda runs, _: [loop, runs, empty], lambda out, err, _: json.loads(out)["mean_ns"] / 1e3),
        "perfcollect bench": (
            lambda runs, folder: [binary, "bench", "--format", "json", "--runs", runs, "-o", folder / "x.perf.zip", empty],
            lambda out, err, _: json.loads(out)["benchmarks"][0]["metrics"]["wall_ns"]["mean"] / 1e3),
    }
    if hyperfine := tools.find("hyperfine"):
        found["hyperfine -N"] = (
            lambda runs, folder: [hyperfine, "-N", "--style", "none", "--runs", runs, "--export-json", folder / "out", empty],
            lambda out, err, folder: json.loads((folder / "out").read_text())["results"][0]["mean"] * 1e6)
    if perf := tools.find("perf"):
        found["perf stat -r"] = (
            lambda runs, _: [perf, "stat", "-r", runs, empty],
            lambda out, err, _: float(re.search(r"([\d.,]+) \+- .*seconds time elapsed", err)[1].replace(",", "")) * 1e6)
    return found


def once(case, runs):
    """Wall time of all runs in microseconds, the mean that was reported, and the cores that others used."""
    command, mean = case
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        words = [str(word) for word in command(runs, folder)]
        busy, begun = machine_cpu(), time.monotonic()
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        wall = time.monotonic() - begun
        if done.returncode:
            raise SystemExit(f"bench.py: exit {done.returncode} of {' '.join(words)}: {done.stderr[-1000:]}")
        return wall * 1e6, mean(done.stdout, done.stderr, folder), (machine_cpu() - busy) / wall


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--rounds", type=int, default=15)
    ask.add_argument("--runs", type=int, default=1000)
    ask.add_argument("--binary", type=Path, default=tools.ROOT / "target/release/perfcollect")
    ask.add_argument("--json", type=Path, help="file for all figures")
    asked = ask.parse_args()
    found = cases(asked.binary.resolve(), *built(tools.ROOT / "target/bench/launches"))
    for missing in {"hyperfine -N": "hyperfine", "perf stat -r": "linux-perf"}.items():
        if missing[0] not in found:
            print(f"bench.py: without {missing[0]}; apt-get install {missing[1]}", file=sys.stderr)
    few, many = max(2, asked.runs // 10), asked.runs
    rounds = []
    for number in range(asked.rounds):
        order = [(tool, runs) for tool in found for runs in (few, many)]
        random.shuffle(order)
        rounds.append({key: once(found[key[0]], key[1]) for key in order})
        print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
    slope = lambda one, tool: (one[tool, many][0] - one[tool, few][0]) / (many - few)
    cell = lambda values: "{:.0f} [{:.0f}, {:.0f}]".format(*median_interval(values))
    rows, figures = [], {}
    for tool in found:
        each = [slope(one, tool) for one in rounds]
        over = [slope(one, tool) - slope(one, LOOP) for one in rounds]
        bias = [one[tool, many][1] - one[LOOP, many][1] for one in rounds]
        own = statistics.median(one[tool, many][1] for one in rounds)
        figures[tool] = {"us_per_run": each, "over_us": over, "reported_us": own, "bias_us": bias}
        rows.append([tool, f"{statistics.median(each):.0f}", *(["", f"{own:.0f}", ""] if tool == LOOP else [cell(over), f"{own:.0f}", cell(bias)])])
    print(table(["tool", "µs a run", "over the loop, µs [95 %]", "mean it reports, µs", "over the loop's, µs [95 %]"], rows))
    busy = statistics.median(value[2] for one in rounds for value in one.values())
    print(f"\n{asked.rounds} rounds; all together used {busy:.2f} cores in the median.")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
