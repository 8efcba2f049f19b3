#!/usr/bin/env python3
"""Wall and CPU time of commands with and without `perfcollect run`, interleaved in random order.

    python3 tests/bench/overhead.py [--rounds 15] [--rate 499] [--binary target/release/perfcollect]

Prints a Markdown table: medians, and the median of the per-round ratios with a bootstrap interval of 95 %. A second
plain run in each round shows what noise alone does. CPU is user and system time of everything that the command started.
"""

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPIN = """
#include <stdlib.h>
#include <stdint.h>
int main(int argc, char **argv) {
    volatile uint64_t x = 1;
    for (uint64_t n = strtoull(argv[1], 0, 10); n; n--) x = x * 6364136223846793005u + 1442695040888963407u;
    return 0;
}
"""


def spinner(folder):
    source, binary = folder / "spin.c", folder / "spin"
    source.write_text(SPIN)
    subprocess.run(["cc", "-O2", "-o", binary, source], check=True)
    count = 1_000_000
    while True:
        start = time.perf_counter()
        subprocess.run([binary, str(count)], check=True)
        took = time.perf_counter() - start
        if took > 0.5:
            return binary, count / took
        count *= 4


def measure(command, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def interval(ratios, seed=1):
    rng = random.Random(seed)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2000))
    return f"{statistics.median(ratios):.3f} [{medians[50]:.3f}, {medians[1949]:.3f}]"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--rate", default="499")
    options.add_argument("--binary", default=str(ROOT / "target/release/perfcollect"))
    options = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perfcollect-bench-"))
    spin, per_second = spinner(folder)
    record = [os.path.abspath(options.binary), "run", "--quiet", "--rate", options.rate, "-o", str(folder / "x.perf.zip"), "--"]
    commands = {
        "5 ms of C": [spin, str(int(per_second * 0.005))],
        "2 s of C": [spin, str(int(per_second * 2))],
        "python3 -c pass": ["python3", "-c", "pass"],
        "0.5 s of Python": ["python3", "-c", "import json\nd = [{'a': i, 'b': [i] * 5} for i in range(2000)]\n"
                                           "for _ in range(180): json.loads(json.dumps(d))"],
    }
    print("| command | plain, s | recorded, s | wall ratio | CPU ratio | plain again, wall |")
    print("|---|---|---|---|---|---|")
    for name, command in commands.items():
        rows = {"plain": [], "again": [], "recorded": []}
        for _ in range(options.rounds):
            order = list(rows)
            random.shuffle(order)
            for case in order:
                (folder / "x.perf.zip").unlink(missing_ok=True)
                rows[case].append(measure((record if case == "recorded" else []) + command, folder))
        wall = {case: [w for w, _ in values] for case, values in rows.items()}
        cpu = {case: [c for _, c in values] for case, values in rows.items()}
        print(f"| {name} | {statistics.median(wall['plain']):.4f} | {statistics.median(wall['recorded']):.4f}"
              f" | {interval([r / p for r, p in zip(wall['recorded'], wall['plain'])])}"
              f" | {interval([r / max(p, 1e-9) for r, p in zip(cpu['recorded'], cpu['plain'])])}"
              f" | {interval([r / p for r, p in zip(wall['again'], wall['plain'])])} |")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
