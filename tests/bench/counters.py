#!/usr/bin/env python3
"""What the counters of caches cost: wall time of the same program, recorded with them and with `--no-caches`, one run of each in
turn. Standard library only.

    python3 tests/bench/counters.py --binary target/release/perfcollect --runs 40

`calls` asks a cached function twenty million times; `start` is an interpreter that does nothing. The ratio is that of the
medians; its interval is the middle 95 % of 2,000 resampled pairs.
"""

import argparse
import random
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
PROGRAMS = {"calls": CALLS, "start": "pass"}


def timed(asked, program, options, target):
    command = [asked.binary, "run", "-q", "--no-native", "--no-python", *options, "-o", target, "--", asked.python, "-c", program]
    begun = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begun


def ratio(pairs):
    return statistics.median(on for on, _ in pairs) / statistics.median(off for _, off in pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=Path("target/release/perfcollect"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, help="which of them (default: all)")
    asked = parser.parse_args()
    asked.binary = asked.binary.resolve()
    generator = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.programs or PROGRAMS:
            pairs = []
            for _ in range(asked.runs):
                pair = {}
                for on in generator.sample([True, False], 2):
                    pair[on] = timed(asked, PROGRAMS[name], [] if on else ["--no-caches"], Path(folder, "x.perf.zip"))
                pairs.append((pair[True], pair[False]))
            resampled = sorted(ratio(generator.choices(pairs, k=len(pairs))) for _ in range(2000))
            off, on = (1000 * statistics.median(pair[at] for pair in pairs) for at in (1, 0))
            print(f"{name}: {off:.1f} ms off, {on:.1f} ms on, ratio {ratio(pairs):.3f} ({resampled[50]:.3f} to {resampled[1949]:.3f})")


if __name__ == "__main__":
    main()
