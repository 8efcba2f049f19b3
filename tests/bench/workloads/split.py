"""split.py pure|threads|extension ITERATIONS: work_heavy, work_medium and work_light take 60/30/10.

pure: equal units of interpreted work, 6, 3 and 1 an iteration. threads: the same, a thread for each function.
extension: compression and two hashes by extension modules in C, each until its part of 50 ms of CPU time is used.
"""

import hashlib
import json
import resource
import sys
import threading
import time
import zlib

BLOCK = bytes((i * i) >> 3 & 255 for i in range(1 << 16))
SPENT = {"work_heavy": 0, "work_medium": 0, "work_light": 0}


def work_heavy(x):
    for i in range(20000):
        x = (x * 6 + i) & 0xFFFFFFF
    return x


def work_medium(x):
    for i in range(20000):
        x = (x * 3 + i) & 0xFFFFFFF
    return x


def work_light(x):
    for i in range(20000):
        x = (x * 2 + i) & 0xFFFFFFF
    return x


UNITS = ((work_heavy, 6), (work_medium, 3), (work_light, 1))


def timed(work, argument):
    start = time.thread_time_ns()
    result = work(argument)
    SPENT[work.__name__] += time.thread_time_ns() - start
    return result


def repeat(work, times):
    x = 1
    for _ in range(times):
        x = timed(work, x)


def pure(iterations):
    for _ in range(iterations):
        for work, units in UNITS:
            repeat(work, units)


def threads(iterations):
    jobs = [threading.Thread(target=repeat, args=(work, iterations * units)) for work, units in UNITS]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()


def extension(iterations):
    def work_heavy(until):
        while time.thread_time_ns() < until:
            zlib.compress(BLOCK, 6)

    def work_medium(until):
        while time.thread_time_ns() < until:
            hashlib.sha256(BLOCK).digest()

    def work_light(until):
        while time.thread_time_ns() < until:
            hashlib.blake2b(BLOCK).digest()

    for _ in range(iterations):
        for work, ms in ((work_heavy, 30), (work_medium, 15), (work_light, 5)):
            timed(work, time.thread_time_ns() + ms * 1_000_000)


if __name__ == "__main__":
    {"pure": pure, "threads": threads, "extension": extension}[sys.argv[1]](int(sys.argv[2]))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    total = sum(usage.ru_utime + usage.ru_stime for usage in used)
    truth = {"truth": SPENT, "total_ns": int(total * 1e9), "end_ns": time.monotonic_ns()}
    print(json.dumps(truth), file=sys.stderr, flush=True)
