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
# Children of a run that does nothing else.
SPAWNED = 1000
# What has no length shows what starting and finishing take.
NOTHING, NOTHING_PYTHON = "nothing in C", "nothing in Python"


def cases(tools, only, rates, python_rate):
    """For each workload its (tool, Hz)."""
    native = [(tool, hz) for tool in tools if "native" in tool.languages for hz in rates]
    fastest = [(tool, hz) for tool, hz in native if hz == max(rates)]
    python = [(tool, python_rate) for tool in tools if tool.name in ("perfcollect", "py-spy", "perf -g")]
    every = {
        NOTHING: fastest,
        NOTHING_PYTHON: python,
        f"{SHORT} s of C": native,
        f"{LONG} s of C": fastest,
        f"{SPAWNED} children": native,
        f"{SHORT} s of Python": python,
    }
    kept = {
        workload: [(tool, hz) for tool, hz in found if re.search(only, f"{workload} {tool.name} {hz}")]
        for workload, found in every.items()
    }
    return {workload: found for workload, found in kept.items() if found}


def commands(workloads, names):
    """The command of each workload."""
    every = {
        NOTHING: lambda: [workloads.folder / "nothing"],
        NOTHING_PYTHON: lambda: [sys.executable, "-c", "pass"],
        f"{SHORT} s of C": lambda: workloads.command("c", SHORT),
        f"{LONG} s of C": lambda: workloads.command("c", LONG),
        f"{SPAWNED} children": lambda: workloads.spawn(SPAWNED),
        f"{SHORT} s of Python": lambda: workloads.command("python", SHORT),
    }
    return {name: every[name]() for name in names}


def once(tool, hz, command):
    """Figures of one run."""
    with tempfile.TemporaryDirectory(prefix="perfcollect-bench-") as folder:
        record = tool.record(Path(folder), hz, False) if tool else []
        run = measure.run([*record, *command], folder)
        return run | {"size": sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())}


def measured(tools, workloads, rounds, options):
    """Runs everything: in each round every case once in random order, beside two plain runs."""
    todo = cases(tools, options.only, options.rates, options.python_rate)
    command = commands(workloads, todo)
    blocks = {name: [] for name in todo}
    foreign = []
    for _ in rounds:
        for workload in random.sample(list(todo), len(todo)):
            block = {}
            runs = [(None, PLAIN), (None, AGAIN), *((tool, (tool.name, hz)) for tool, hz in todo[workload])]
            for tool, key in random.sample(runs, len(runs)):
                try:
                    block[key] = once(tool, key[1], command[workload])
                    foreign.append(block[key]["foreign"])
                except Exception as problem:  # pylint: disable=broad-except
                    # A peer that fails, in whatever way, is a finding and not the end.
                    print(f"{workload}, {key}: {problem}", file=sys.stderr)
            blocks[workload].append(block)
    return blocks, foreign


def base(block, what):
    """The plain runs of a round."""
    return statistics.mean(block[key][what] for key in (PLAIN, AGAIN))


def lines(blocks):
    """A line for each workload, tool and rate."""
    order = lambda key: (key not in (PLAIN, AGAIN), key)
    for workload, found in blocks.items():
        for key in sorted({key for block in found for key in block}, key=order):
            full = [block for block in found if key in block and PLAIN in block and AGAIN in block]
            if not full:
                continue
            runs = [block[key] for block in full]
            # One plain run over the other shows what noise alone does.
            over = (lambda block, what: block[PLAIN][what]) if key in (PLAIN, AGAIN) else base
            ratio = lambda what: [block[key][what] / max(over(block, what), 1e-9) for block in full]
            yield {
                "workload": workload, "tool": key[0], "hz": key[1] or None, "rounds": len(full),
                "wall_ratio": ratio("wall"), "cpu_ratio": ratio("cpu"),
                **{what: [run[what] for run in runs] for what in ("wall", "cpu", "after", "rss", "size")},
            }


def slopes(blocks):
    """What a further second costs: the difference of the long and the short run, over that of the plain runs."""
    short, long = blocks.get(f"{SHORT} s of C", []), blocks.get(f"{LONG} s of C", [])
    keys = sorted({key for block in long for key in block if key != PLAIN})
    for key in keys:
        both = [(a, b) for a, b in zip(short, long) if all(k in block for k in (key, PLAIN, AGAIN) for block in (a, b))]
        ratio = lambda what: [(b[key][what] - a[key][what]) / (base(b, what) - base(a, what)) for a, b in both]
        if both:
            yield {"tool": key[0], "hz": key[1] or None, "wall": ratio("wall"), "cpu": ratio("cpu")}


def row(line):
    """Its cells."""

    def median(what, scale, digits):
        values = [value * scale for value in line[what] if value is not None]
        return f"{statistics.median(values):.{digits}f}" if values else ""

    ratios = [stats.ratio_cell(line["wall_ratio"]), stats.ratio_cell(line["cpu_ratio"])]
    ratios = ["1", "1"] if line["tool"] == PLAIN[0] else ratios
    own = [median("rss", 1e-6, 0), median("size", 1e-6, 2)] if line["hz"] else ["", ""]
    return [line["workload"], line["tool"], line["hz"] or "", median("wall", 1, 3), *ratios, median("after", 1e3, 0), *own]


def report(blocks, foreign, options):
    """The sections in Markdown."""
    rounds = max((len(found) for found in blocks.values()), default=0)
    calm = f" Other processes used {statistics.median(foreign):.2f} cores meanwhile (median)." if foreign else ""
    text = (
        f"### What recording costs\n\nRatios to the plain runs of the same round: medians of {rounds} rounds with a bootstrap "
        "interval of\n95 %; `plain again` is one plain run over the other, what noise alone shows. CPU is user and system time "
        "of the tool, the\nprogram and all that they started. End to output: from the program's last line to the tool's end; "
        "perfcollect has looked up\nall symbols by then, perf and samply none. Memory is the tool's own, the largest it had; "
        f"Python at {options.python_rate} Hz.{calm}\n\n"
    )
    text += stats.table(HEAD, [row(line) for line in lines(blocks)])
    if found := list(slopes(blocks)):
        cells = [[slope["tool"], slope["hz"] or "", *(stats.ratio_cell(slope[what]) for what in ("wall", "cpu"))]
                 for slope in found]
        text += (
            f"\n\n### What a further second costs\n\nFrom {SHORT} s to {LONG} s of C: what the recorded run grew by, over "
            f"what the plain one did.\n\n{stats.table(SLOPE_HEAD, cells)}"
        )
    return text
