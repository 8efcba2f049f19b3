"""Cost: wall and CPU time of recorded runs over plain runs of the same round, the cost of a further second, the time from
the program's end to the tool's, the tool's memory and the size of what it wrote."""

import random
import re
import statistics
import sys
import tempfile
from pathlib import Path

from . import measure, stats

PLAIN, AGAIN = ("plain", 0), ("plain again", 0)
HEAD = ["workload", "tool", "Hz", "wall, s", "wall ratio", "CPU ratio", "end to output, ms", "memory, MB", "output, MB"]
SLOPE_HEAD = ["tool", "Hz", "wall, a second", "CPU, a second"]
# Seconds of the runs whose difference gives the cost of a further second.
SHORT, LONG = 2, 12
# Beyond these a rate is not asked of Python samplers: py-spy stops the program for each stack.
SPAWNED = 1000


def cases(tools, only, rates, python_rate):
    """For each workload its (tool, Hz)."""
    native = [(tool, hz) for tool in tools if "native" in tool.languages for hz in rates]
    python = [(tool, python_rate) for tool in tools if tool.name in ("perfcollect", "py-spy", "perf -g")]
    long = [(tool, hz) for tool, hz in native if hz == max(rates)]
    every = {f"{SHORT} s of C": native, f"{SPAWNED} children": native, f"{SHORT} s of Python": python,
             f"{LONG} s of C": long}
    wanted = lambda workload, tool, hz: re.search(only, f"{workload} {tool.name} {hz}")
    return {
        workload: kept
        for workload, found in every.items()
        if (kept := [(tool, hz) for tool, hz in found if wanted(workload, tool, hz)])
    }


def once(tool, hz, command):
    """Figures of one run."""
    with tempfile.TemporaryDirectory(prefix="perfcollect-bench-") as folder:
        record = tool.record(Path(folder), hz, False) if tool else []
        run = measure.run([*record, *command], folder)
        return run | {"size": sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())}


def measured(tools, workloads, rounds, options):
    """Runs everything: in each round every case once in random order, beside two plain runs."""
    todo = cases(tools, options.only, options.rates, options.python_rate)
    commands = {
        f"{SHORT} s of C": lambda: workloads.command("c", SHORT), f"{LONG} s of C": lambda: workloads.command("c", LONG),
        f"{SPAWNED} children": lambda: workloads.spawn(SPAWNED), f"{SHORT} s of Python": lambda: workloads.command("python", SHORT),
    }
    commands = {name: commands[name]() for name in todo}
    blocks = {name: [] for name in todo}
    foreign = []
    for _ in rounds:
        for workload in random.sample(list(todo), len(todo)):
            block = {}
            plain = [(None, PLAIN), (None, AGAIN)]
            for tool, key in random.sample([*plain, *((tool, (tool.name, hz)) for tool, hz in todo[workload])], len(todo[workload]) + 2):
                try:
                    block[key] = once(tool, key[1], commands[workload])
                    foreign.append(block[key]["foreign"])
                except (RuntimeError, OSError) as problem:
                    print(f"{workload}, {key}: {problem}", file=sys.stderr)
            blocks[workload].append(block)
    return blocks, foreign


def base(block, what):
    """The plain runs of a round."""
    return statistics.mean(block[key][what] for key in (PLAIN, AGAIN))


def lines(blocks):
    """A line for each workload, tool and rate."""
    for workload, found in blocks.items():
        for key in dict.fromkeys(sorted((key for block in found for key in block), key=lambda key: (key not in (PLAIN, AGAIN), key))):
            full = [block for block in found if key in block and PLAIN in block and AGAIN in block]
            if not full:
                continue
            runs = [block[key] for block in full]
            # One plain run over the other shows what noise alone does.
            over = (lambda block, what: block[PLAIN][what]) if key in (PLAIN, AGAIN) else base
            ratio = lambda what: [block[key][what] / over(block, what) for block in full]
            yield {
                "workload": workload, "tool": key[0], "hz": key[1] or None, "rounds": len(full),
                "wall_ratio": ratio("wall"), "cpu_ratio": ratio("cpu"),
                **{what: [run[what] for run in runs] for what in ("wall", "cpu", "after", "rss", "size")},
            }


def slopes(blocks):
    """What a further second costs: the difference of the long and the short run, over that of the plain runs."""
    short, long = blocks.get(f"{SHORT} s of C", []), blocks.get(f"{LONG} s of C", [])
    keys = dict.fromkeys(key for block in long for key in sorted(block) if key != PLAIN)
    for key in keys:
        both = [(a, b) for a, b in zip(short, long) if all(k in block for k in (key, PLAIN, AGAIN) for block in (a, b))]
        ratio = lambda what: [(b[key][what] - a[key][what]) / (base(b, what) - base(a, what)) for a, b in both]
        if both:
            yield {"tool": key[0], "hz": key[1] or None, "wall": ratio("wall"), "cpu": ratio("cpu")}


def row(line):
    """Its cells."""
    median = lambda what, scale: statistics.median(value * scale for value in line[what] if value is not None)
    plain = line["tool"] == PLAIN[0]
    ratios = ["1", "1"] if plain else [stats.ratio_cell(line["wall_ratio"]), stats.ratio_cell(line["cpu_ratio"])]
    return [line["workload"], line["tool"], line["hz"] or "", f"{median('wall', 1):.3f}", *ratios,
            f"{median('after', 1e3):.0f}", *(["", ""] if not line["hz"] else [f"{median('rss', 1e-6):.0f}", f"{median('size', 1e-6):.2f}"])]


def report(blocks, foreign, options):
    """The section in Markdown."""
    rounds = max((len(found) for found in blocks.values()), default=0)
    calm = f" Other processes used {statistics.median(foreign):.2f} cores meanwhile (median)." if foreign else ""
    text = (
        f"### What recording costs\n\nRatios to the plain runs of the same round: medians of {rounds} rounds with a bootstrap "
        "interval of 95 %; `plain again` is one plain run over the other, what noise alone shows. CPU is user and system time "
        "of the tool, the program and all that they started. End to output: from the program's last line to the tool's end; "
        f"perfcollect has looked up all symbols by then, perf and samply none. Memory is the tool's own.{calm}\n\n"
        + stats.table(HEAD, [row(line) for line in lines(blocks)])
    )
    if found := list(slopes(blocks)):
        text += (
            f"\n\n### What a further second costs\n\nFrom {SHORT} s to {LONG} s of C: what the recorded run grew by, over what "
            "the plain one did.\n\n"
            + stats.table(SLOPE_HEAD, [[s["tool"], s["hz"] or "", stats.ratio_cell(s["wall"]), stats.ratio_cell(s["cpu"])] for s in found])
        )
    return text
