#!/usr/bin/env python3
"""Whether the verdicts of `perfcollect bench` are right on this machine: comparisons of a command with itself, and with a
build of the same program that does 5 % more. Standard library only.

    python3 tests/bench/verdicts.py
    python3 tests/bench/verdicts.py --same 40 --slower 10 --max-time 20s

Exit status 1 if more than 3 in 40 comparisons with itself are called slower or faster, or fewer than 9 in 10 slower builds are
found by wall or CPU time, or fewer than 9 in 10 intervals hold what was added.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import tools
from harness.stats import table
from harness.workloads import SOURCES

STEPS = 30_000_000
METRICS = ("wall_ns", "cpu_ns")


def build(folder, name, steps):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", f"-DSTEPS={steps}L", "-o", folder / name, SOURCES / "steps.c"], check=True)
    return folder / name


def compared(asked, base, new):
    """Comparisons by metric, and the runs of each side."""
    with tempfile.TemporaryDirectory() as folder:
        command = [asked.binary.resolve(), "bench", "--format", "json", "--max-time", asked.max_time, "-o", Path(folder, "x.perf.zip")]
        done = subprocess.run([str(word) for word in [*command, base, new]], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"verdicts.py: exit {done.returncode}: {done.stderr[-1000:]}")
    found = {one["metric"]: one for one in json.loads(done.stdout)["comparisons"]}
    return [found[metric] for metric in METRICS]


def shown(one):
    if one["ratio"] is None:
        return one["verdict"]
    high = "∞" if one["high"] is None else f"{100 * one['high'] - 100:.1f}"
    return f"{one['verdict']} {100 * one['ratio'] - 100:.1f} % [{100 * one['low'] - 100:.1f}, {high}]"


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--same", type=int, default=40)
    ask.add_argument("--slower", type=int, default=10)
    ask.add_argument("--max-time", default="20s")
    ask.add_argument("--binary", type=Path, default=tools.ROOT / "target/release/perfcollect")
    ask.add_argument("--json", type=Path, help="file for all figures")
    asked = ask.parse_args()
    folder = tools.ROOT / "target/bench/verdicts"
    base, more = build(folder, "base", STEPS), build(folder, "more", STEPS * 105 // 100)
    rows, all_found = [], []
    wrong = found = held = 0
    for number in range(asked.same + asked.slower):
        is_same = number < asked.same
        pair = compared(asked, base, base if is_same else more)
        verdicts = {one["verdict"] for one in pair}
        if is_same:
            wrong += bool(verdicts & {"slower", "faster"})
        else:
            found += "slower" in verdicts
            held += any(one["low"] is not None and one["low"] <= 1.05 <= (one["high"] or float("inf")) for one in pair)
        all_found.append({"same": is_same, "comparisons": pair})
        rows.append(["itself" if is_same else "5 % more", str(pair[0]["runs"]), *map(shown, pair)])
        print(" | ".join(rows[-1]), file=sys.stderr)
    print(table(["against", "pairs", "wall time", "CPU time"], rows))
    print(f"\nagainst itself: {wrong} of {asked.same} called slower or faster")
    print(f"5 % more: {found} of {asked.slower} found, {held} of {asked.slower} intervals hold 5 %")
    if asked.json:
        asked.json.write_text(json.dumps(all_found, indent=1))
    return wrong * 40 > 3 * asked.same or found * 10 < 9 * asked.slower or held * 10 < 9 * asked.slower


if __name__ == "__main__":
    sys.exit(main())
