"""Three threads that share the interpreter's lock, with 50, 30 and 20 % of the work; says what each really took.

usage: threads.py [--units N]

The truth is the CPU clock of each thread at its end, on stderr: {"half50": seconds, "third30": ..., "fifth20": ..., "process": ...}.
Threads are named after their function.
"""

import argparse
import json
import sys
import threading
import time

UNIT = 20_000


def half50(units, spent):
    value = 1
    for _ in range(5 * units * UNIT):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    spent["half50"] = time.thread_time()


def third30(units, spent):
    value = 1
    for _ in range(3 * units * UNIT):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    spent["third30"] = time.thread_time()


def fifth20(units, spent):
    value = 1
    for _ in range(2 * units * UNIT):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    spent["fifth20"] = time.thread_time()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=250)
    units = parser.parse_args().units
    spent = {}
    threads = [threading.Thread(target=f, name=f.__name__, args=(units, spent)) for f in (half50, third30, fifth20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("done", ", ".join(sorted(spent)))
    print(json.dumps({**spent, "process": time.process_time()}), file=sys.stderr)


if __name__ == "__main__":
    main()
