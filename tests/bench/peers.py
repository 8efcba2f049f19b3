#!/usr/bin/env python3
"""Measures perfcollect and its peers beside each other: what they say of programs whose split is known, what they cost,
and how long a large recording takes to be packed. Standard library only.

    python3 tests/bench/peers.py                                  all of it
    python3 tests/bench/peers.py accuracy --rounds 3
    python3 tests/bench/peers.py overhead --minutes 20
    python3 tests/bench/peers.py overhead --only 'C (perfcollect|samply)'
    python3 tests/bench/peers.py pack

Prints Markdown tables as BENCHMARKS.md has them; the figures of all runs go to --json. In each round everything runs
once, in random order; no new round begins after --minutes. Peers come from target/peers or PATH:

    apt-get install linux-perf
    cargo install samply --locked --root target/peers
    python3 -m venv target/peers/py && target/peers/py/bin/pip install py-spy
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from harness import accuracy, overhead, tools
from harness.workloads import Workloads

HERE = Path(__file__).resolve().parent
PARTS = ("accuracy", "overhead", "pack")


def options():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("part", nargs="?", default="all", choices=[*PARTS, "all"])
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--minutes", type=float, default=60, help="for each part; no new round begins after that (60)")
    ask.add_argument("--only", default="", metavar="REGEX", help="over 'workload tool', for overhead 'workload tool Hz'")
    ask.add_argument("--rate", type=int, default=999, metavar="HZ", help="of accuracy (999)")
    ask.add_argument("--rates", type=lambda text: [int(hz) for hz in text.split(",")], default=[99, 499, 999],
                     metavar="HZ,HZ", help="of overhead (99,499,999)")
    ask.add_argument("--python-rate", type=int, default=100, metavar="HZ", help="of py-spy, and of overhead in Python (100)")
    ask.add_argument("--seconds", type=float, default=2.0, help="length of a run of accuracy (2)")
    ask.add_argument("--binary", type=Path, default=tools.ROOT / "target/release/perfcollect")
    ask.add_argument("--json", type=Path, help="file for all figures")
    return ask.parse_args()


def rounds(asked):
    """Counts the rounds of a part, and tells how long they take."""
    begun = time.monotonic()
    for number in range(asked.rounds):
        yield number
        took = (time.monotonic() - begun) / 60
        print(f"round {number + 1} of {asked.rounds}, {took:.1f} minutes", file=sys.stderr)
        if took > asked.minutes:
            return


def needed(asked, every):
    """Programs without which a part cannot be measured."""
    found = {"perfcollect"}
    if asked.part in ("accuracy", "all"):
        pairs = accuracy.pairs(every, asked.only)
        found |= {tool.needs for _, tool in pairs} | ({"node"} if any("node" in name for name, _ in pairs) else set())
    if asked.part in ("overhead", "all"):
        found |= {tool.needs for case in overhead.cases(every, asked.only, asked.rates, asked.python_rate).values() for tool, _ in case}
    return found


def main():
    asked = options()
    asked.binary = asked.binary.resolve()
    every = tools.every(asked.binary)
    programs = needed(asked, every)
    tools.require(programs, asked.binary)
    figures = {"versions": tools.versions(programs, asked.binary), "options": {k: str(v) for k, v in vars(asked).items()}}
    print(", ".join(f"{name} {version}" for name, version in figures["versions"].items()) + "\n", flush=True)
    workloads = Workloads(tools.ROOT / "target/bench") if asked.part != "pack" else None
    if asked.part in ("accuracy", "all"):
        lines, foreign = accuracy.measured(every, workloads, rounds(asked), asked)
        print(accuracy.report(lines, foreign, asked) + "\n", flush=True)
        figures["accuracy"] = lines
    if asked.part in ("overhead", "all"):
        blocks, foreign = overhead.measured(every, workloads, rounds(asked), asked)
        print(overhead.report(blocks, foreign, asked) + "\n", flush=True)
        figures["overhead"] = {"lines": list(overhead.lines(blocks)), "slopes": list(overhead.slopes(blocks))}
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    if asked.part in ("pack", "all"):
        subprocess.run([sys.executable, HERE / "pack.py", "--binary", asked.binary], check=True)


if __name__ == "__main__":
    main()
