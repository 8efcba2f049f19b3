"""Starts children in every way that Python has; each works in a function that only it runs.

usage: children.py [--seconds CPU_SECONDS_OF_EACH]
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import time


def work(seconds):
    value = 1
    while time.process_time() < seconds:
        for _ in range(10_000):
            value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return value


def in_fork(seconds):
    return work(seconds)


def in_multiprocessing_fork(seconds):
    return work(seconds)


def in_multiprocessing_spawn(seconds):
    return work(seconds)


def in_subprocess(seconds):
    return work(seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--child", action="store_true")
    arguments = parser.parse_args()
    if arguments.child:
        in_subprocess(arguments.seconds)
        return
    child = os.fork()
    if child == 0:
        in_fork(arguments.seconds)
        os._exit(0)
    os.waitpid(child, 0)
    for method, target in (("fork", in_multiprocessing_fork), ("spawn", in_multiprocessing_spawn)):
        process = multiprocessing.get_context(method).Process(target=target, args=(arguments.seconds,))
        process.start()
        process.join()
    subprocess.run([sys.executable, __file__, "--child", "--seconds", str(arguments.seconds)], check=True)
    print("done")


if __name__ == "__main__":
    main()
