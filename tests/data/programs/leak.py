"""Keeps exactly MIB mebibytes in `remember` and uses as much again for a moment in `scratch`; a known answer for memory.

usage: leak.py [MIB] [--fork] [--own-tracemalloc] [--kill]

Prints what tracemalloc itself says, where it runs: current and peak bytes.
"""

import os
import sys
import tracemalloc

KEPT = []
PAGE = 4096


def remember(blocks):
    # 33 bytes of a bytes object are its header.
    KEPT.append([bytes(PAGE - 33) for _ in range(blocks)])


def scratch(blocks):
    held = [[bytes(PAGE - 33)] for _ in range(blocks)]
    # Lists are what the garbage collector counts: it comes by while these live.
    return len([[number] for number in range(5000)]) + len(held)


def grow(mib, steps=16):
    blocks = mib * (1 << 20) // PAGE
    for step in range(steps):
        remember(blocks // steps)
        if step == steps // 2:
            scratch(blocks)


def main():
    arguments = sys.argv[1:]
    mib = int(arguments[0]) if arguments else 8
    if "--own-tracemalloc" in arguments:
        tracemalloc.start(1)
        grow(mib)
        found = tracemalloc.take_snapshot().statistics("lineno")
        print("own", sum(stat.size for stat in found) >= mib << 20)
        tracemalloc.stop()
        return
    if "--fork" in arguments:
        grow(mib)
        child = os.fork()
        if child == 0:
            grow(mib // 2)
            os._exit(0)
        os.waitpid(child, 0)
    else:
        grow(mib)
    if tracemalloc.is_tracing():
        print("traced", *tracemalloc.get_traced_memory())
    if "--kill" in arguments:
        os.kill(os.getpid(), 9)


main()
