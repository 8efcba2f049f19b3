"""What a traced lookup costs: the same program plain, with its keys traced, and its function traced as a candidate, in turns.

    python3 tests/bench/cache_trace.py [--runs 15] [--binary target/release/perfcollect]
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile

PROGRAM = """
import functools, time
@functools.lru_cache(maxsize=None)
def f(n): return n
def g(n): return n
def each(function, keys):
    begun = time.perf_counter_ns()
    for key in keys: function(key)
    return (time.perf_counter_ns() - begun) / len(keys)
keys = list(range(200)) * 500
print(each(f, range(10**6, 10**6 + 50000)), each(f, keys), each(g, keys))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--binary", default="target/release/perfcollect")
    parser.add_argument("--python", default=sys.executable)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = folder + "/lookups.py"
        with open(program, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        run = [args.binary, "run", "--quiet", "--no-native", "--no-python", "-o", folder + "/k.perf.zip"]
        sides = {
            "plain": [],
            "--cache-trace": run + ["--cache-trace", "--"],
            "--cache-candidates": run + ["--cache-candidates=__main__.g", "--"],
        }
        found = {side: [] for side in sides}
        for _ in range(args.runs):
            for side in random.sample(list(sides), len(sides)):
                output = subprocess.run(sides[side] + [args.python, program], check=True, stdout=subprocess.PIPE, text=True)
                found[side].append([float(word) for word in output.stdout.split()])
    print("| ns a call, median (least to most) of %d runs in turns | miss of a cache | hit | plain function |\n|---|---|---|---|" % args.runs)
    for side, runs in found.items():
        figures = ["%.0f (%.0f to %.0f)" % (statistics.median(column), min(column), max(column)) for column in zip(*runs)]
        print("| %s | %s |" % (side, " | ".join(figures)))


main()
