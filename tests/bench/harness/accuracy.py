"""Attribution: the shares of CPU time that each tool gives to the three functions, against what the program measured."""

import random
import re
import statistics
import sys
import tempfile
from pathlib import Path

from . import measure, stats
from .workloads import ACCURACY, FUNCTIONS

HEAD = ["workload", "tool", "truth", "shown", "error, points", "runs", "samples", "chance, points", "within"]
# A tool that names none of the three.
NONE = "-"


def pairs(tools, only):
    """(workload, tool) of all that are to be measured."""
    return [
        (workload, tool)
        for workload, (language, _) in ACCURACY.items()
        for tool in tools
        if language in tool.languages
        and re.search(only, f"{workload} {tool.name}")
        # Ours finds the names of Node's code itself; for the others there is the run with a map.
        and not (workload == "node-perf-map" and tool.name == "perfcollect")
        # What samply writes has one list of inlined functions for each symbol; its page asks a server for the others.
        and not (workload == "rust-inlined" and tool.name == "samply")
    ]


def once(tool, workload, command, hz):
    """Truth, and what the tool shows, of one run."""
    with tempfile.TemporaryDirectory(prefix="perfcollect-bench-") as folder:
        run = measure.run([*tool.record(Path(folder), hz, True), *command], folder)
        if not run["truth"]:
            raise RuntimeError("the workload's line of truth is missing")
        return run["truth"], tool.read(Path(folder), "inlined" in workload), run["foreign"]


def shares(runs):
    """Truth and shown share of each function in points, over all runs together."""
    total = sum(truth["total_ns"] for truth, _ in runs)
    # A run counts by its samples, whatever unit a tool's weights are in.
    seen = sum(shown["samples"] for _, shown in runs)
    return {
        name: (
            100 * sum(truth["truth"][name] for truth, _ in runs) / total,
            100 * sum(shown["samples"] * shown["total"][name] / max(shown["all"], 1e-9) for _, shown in runs) / max(seen, 1),
        )
        for name in FUNCTIONS
    }


def judged(workload, tool, runs):
    """One line of the report."""
    found = shares(runs)
    errors = [max(abs(shown - true) for true, shown in shares([run]).values()) for run in runs]
    error = max(abs(shown - true) for true, shown in found.values())
    samples = sum(shown["samples"] for _, shown in runs)
    heavy = found["work_heavy"][0] / 100
    chance = 100 * (heavy * (1 - heavy) / max(samples, 1)) ** 0.5
    return {
        "workload": workload, "tool": tool, "runs": len(runs), "samples": samples,
        "truth": [true for true, _ in found.values()], "shown": [shown for _, shown in found.values()],
        "error": error, "errors": errors, "chance": chance, "within": error <= max(1.0, 2 * chance),
    }


def row(line):
    """Its cells."""
    if "failed" in line:
        return [line["workload"], line["tool"], "failed", *[""] * (len(HEAD) - 3)]
    split = lambda values: "/".join(f"{value:.1f}" for value in values) if any(values) else NONE
    spread = f"{line['error']:.1f} ({min(line['errors']):.1f} to {max(line['errors']):.1f})"
    return [line["workload"], line["tool"], split(line["truth"]), split(line["shown"]), spread, line["runs"],
            line["samples"], f"{line['chance']:.1f}", "yes" if line["within"] else "no"]


def measured(tools, workloads, rounds, options):
    """Runs everything, a round at a time in random order, and gives the report's lines and notes."""
    todo = pairs(tools, options.only)
    commands = {name: workloads.command(name, options.seconds) for name, _ in todo}
    runs, failures, foreign = {}, {}, []
    for _ in rounds:
        for workload, tool in random.sample(todo, len(todo)):
            hz = options.python_rate if tool.name == "py-spy" else options.rate
            try:
                truth, shown, others = once(tool, workload, commands[workload], hz)
            except Exception as problem:  # pylint: disable=broad-except
                # A peer that fails, in whatever way, is a finding and not the end.
                failures[workload, tool.name] = str(problem)
                print(f"{workload}, {tool.name}: {problem}", file=sys.stderr)
                continue
            runs.setdefault((workload, tool.name), []).append((truth, shown))
            foreign.append(others)
    lines = []
    for workload, tool in todo:
        key = (workload, tool.name)
        if key in runs:
            lines.append(judged(*key, runs[key]))
        if key in failures:
            lines.append({"workload": workload, "tool": tool.name, "failed": failures[key]})
    return lines, foreign


def report(lines, foreign, options):
    """The section in Markdown."""
    calm = f" Other processes used {statistics.median(foreign):.2f} cores meanwhile (median)." if foreign else ""
    return (
        f"### Attribution\n\nShares of the CPU time of the whole tree, in percent, for work_heavy, work_medium and work_light, "
        f"{options.rate} Hz (py-spy {options.python_rate} Hz). The error is the largest of the three differences, all runs "
        "together and in brackets of single runs; chance is one standard deviation for so many independent samples; "
        f"within: at most 1.0 point, or two such deviations where that is more.{calm}\n\n"
        + stats.table(HEAD, [row(line) for line in lines])
    )
