"""Lines whose counts are known by hand. The number in a comment is how often its line runs.

usage: lines.py [--threads] [--exit STATUS]
"""

import os
import sys
import threading


def loop(times):
    total = 0  # 3
    for number in range(times):  # 33
        total += number  # 30
    return total  # 3


def generate(times):
    for number in range(times):  # 6
        yield number  # 5


def recurse(depth):
    if depth == 0:  # 4
        return 0  # 1
    return 1 + recurse(depth - 1)  # 3


def fail():
    raise ValueError  # 2


def catch():
    try:  # 2
        fail()  # 2
    except ValueError:  # 2
        pass  # 2


def slow():
    for _ in range(200_000):
        pass


def busy():
    slow()  # 1


def worker():
    threading.Event().wait(0.01)  # 4


def main():
    for _ in range(3):  # 4
        loop(10)  # 3
    sum(generate(5))  # 1
    recurse(3)  # 1
    catch()  # 1
    catch()  # 1
    busy()  # 1
    if "--threads" in sys.argv:
        threads = [threading.Thread(target=worker) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if "--exit" in sys.argv:
        os._exit(int(sys.argv[-1]))


main()
