"""Compares two files of profilers: `compare_prof.py OURS CPROFILES`. Every function that the program called itself, and the
calls of one of its functions by another, must have been counted alike."""

import pstats
import sys

ours, theirs = (pstats.Stats(path).stats for path in sys.argv[1:])
file = next(key[0] for key in theirs if key[2] == "fibonacci")
different, compared = [], 0
for key, (primitive, calls, own, total, callers) in theirs.items():
    if key[0] == file:
        compared += 1
        found = ours.get(key, (0, 0))
        if found[:2] != (primitive, calls):
            different.append((key, found[:2], (primitive, calls)))
        # Times are of two runs, on machines that do other things.
        if not 0 <= found[2] <= found[3] + 1e-6:
            different.append((key, "times", found[2:4]))
    for caller, figures in callers.items():
        # What an import calls depends on what was imported before.
        if caller[0] == file and "importlib" not in key[0]:
            compared += 1
            found = ours.get(key, (0, 0, 0, 0, {}))[4].get(caller, (0, 0))
            if tuple(found[:2]) != tuple(figures[:2]):
                different.append((key, caller, found[:2], figures[:2]))
assert pstats.Stats(sys.argv[1]).total_calls > 1000
if different or compared < 30:
    print(compared, *different, sep="\n")
    sys.exit(1)
print("equal", compared)
