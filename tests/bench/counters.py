#!/usr/bin/env python3
"""What the counters of caches cost: wall time of the same program plain, recorded with `--no-caches`, and recorded with counters,
one run of each in turn, in random order. Standard library only.

    python3 tests/bench/counters.py --binary target/release/perfcollect --runs 40

`calls` asks a cached function twenty million times; `eight` asks eight caches of functools three million times, from two threads;
`start` is an interpreter that does nothing. Differences are those of medians, in milliseconds; their interval is the middle 95 % of
2,000 resampled rounds. CPU time is that of all processes, and noise of a busy machine disturbs it less.
"""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CALLS = """
import functools
@functools.lru_cache(maxsize=512)
def square(number):
    return number * number
for number in range(20_000_000):
    square(number & 255)
"""
EIGHT = """
import functools, threading
caches = [functools.lru_cache(maxsize=size)(lambda number: number * number) for size in (1, 16, 64, 128, 200, 256, 512, None)]
def work():
    for cache in caches:
        for number in range(187_500):
            cache(number % 200)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
PROGRAMS = {"start": "pass", "eight": EIGHT, "calls": CALLS}
SIDES = ("plain", "off", "on")


def timed(asked, program, side, target):
    command = [asked.python, "-c", program]
    if side != "plain":
        record = [asked.binary, "run", "-q", "--no-native", "--no-python", "-o", target]
        command = [*record, *(["--no-caches"] if side == "off" else []), "--", *command]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * wall, 1000 * (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)


def difference(rounds, side, base, at):
    return statistics.median(one[side][at] for one in rounds) - statistics.median(one[base][at] for one in rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=Path("target/release/perfcollect"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, help="which of them (default: all)")
    asked = parser.parse_args()
    asked.binary = asked.binary.resolve()
    generator = random.Random(1)
    print("| program | time | plain, ms | off, ms | on, ms | on less off, ms | 95 % | ratio |\n|---|---|---:|---:|---:|---:|---|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.programs or PROGRAMS:
            # The first of each fills caches of files.
            rounds = []
            for _ in range(asked.runs + 1):
                order = generator.sample(SIDES, len(SIDES))
                rounds.append({side: timed(asked, PROGRAMS[name], side, Path(folder, "x.perf.zip")) for side in order})
            del rounds[0]
            for at, what in enumerate(("wall", "CPU")):
                plain, off, on = (statistics.median(one[side][at] for one in rounds) for side in SIDES)
                again = sorted(difference(generator.choices(rounds, k=len(rounds)), "on", "off", at) for _ in range(2000))
                low, high = again[50], again[1949]
                figures = f"{plain:.1f} | {off:.1f} | {on:.1f} | {on - off:.1f} | {low:.1f} to {high:.1f} | {on / off:.3f}"
                print(f"| {name} | {what} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
