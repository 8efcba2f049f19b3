"""Spends 70, 20 and 10 % of its CPU time in three functions, and says on stderr what each really took.

usage: split.py [--seconds CPU_SECONDS]

Each function runs the same loop inline, so that the time is its own and not that of a helper. A unit takes some
milliseconds; the order is shuffled with a fixed seed. The truth is measured with the thread's CPU clock around each
call: {"hot70": seconds, "warm20": seconds, "cool10": seconds, "process": seconds}.
"""

import argparse
import json
import random
import sys
import time

UNIT = 100_000


def hot70():
    value = 1
    for _ in range(7 * UNIT):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return value


def warm20():
    value = 1
    for _ in range(2 * UNIT):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return value


def cool10():
    value = 1
    for _ in range(1 * UNIT):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8.0)
    seconds = parser.parse_args().seconds
    functions = [hot70, warm20, cool10]
    spent = {function.__name__: 0.0 for function in functions}
    results = set()
    shuffle = random.Random(7).shuffle
    while time.process_time() < seconds:
        shuffle(functions)
        for function in functions:
            begun = time.thread_time()
            results.add(function())
            spent[function.__name__] += time.thread_time() - begun
    print("results", sorted(results))
    print(json.dumps({**spent, "process": time.process_time()}), file=sys.stderr)


if __name__ == "__main__":
    main()
