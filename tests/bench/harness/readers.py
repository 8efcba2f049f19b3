"""What each tool's output says of the three functions: shares of all that it saw. Runs the tools' own readers."""

import gzip
import json
import re
import subprocess
from collections import Counter

from .workloads import FUNCTIONS

NAMED = re.compile(r"(?<![A-Za-z0-9_])(" + "|".join(FUNCTIONS) + r")(?![A-Za-z0-9_]|::)")


def tally(stacks):
    """Weighted stacks, (weight, names from the leaf on), to sums of all, and with a function anywhere on the stack."""
    seen = {"all": 0.0, "samples": 0, "total": Counter()}
    for weight, samples, names in stacks:
        seen["all"] += weight
        seen["samples"] += samples
        for function in {found[1] for name in names if (found := NAMED.search(name))}:
            seen["total"][function] += weight
    return seen


def perfcollect(binary, bundle):
    """Shares as `report --format json` has them."""
    command = [binary, "report", bundle, "--format", "json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    samples = next((p["samples"] for p in report["profiles"] if p["name"] == "cpu"), 0)
    seen = {"all": 1.0, "samples": samples, "total": Counter()}
    for function in report["functions"]:
        if found := NAMED.search(function["name"]):
            seen["total"][found[1]] += function["total_share"]
    return seen


def perf(binary, data, inlined):
    """`perf script`, a sample a block: the head line ends with the period, each line after it is a frame. Inlined
    functions are asked for only where it matters: perf needs minutes for them."""
    command = [binary, "script", "-i", data, "-F", "comm,period,ip,sym", *([] if inlined else ["--no-inline"])]
    limit = 180
    script = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True, timeout=limit).stdout

    def stacks():
        for block in script.split("\n\n"):
            head, *frames = block.strip("\n").split("\n")
            if head.split():
                yield int(head.split()[-1]), 1, frames

    return tally(stacks())


def samply(profile, symbols):
    """The Firefox profile, and the file beside it that names its addresses (`--unstable-presymbolicate`)."""
    profile = json.loads(gzip.decompress(profile.read_bytes()))
    table = json.loads(symbols.read_text()) if symbols.exists() else {"data": [], "string_table": []}
    text = table["string_table"]
    named = {}
    for library in table["data"]:
        rows = library["symbol_table"]
        for address, row in library["known_addresses"]:
            inlined = [text[frame["function"]] for frame in rows[row].get("frames") or [] if frame.get("function") is not None]
            named[library["debug_name"], address] = [text[rows[row]["symbol"]], *inlined]

    def stacks():
        for thread in profile["threads"]:
            frames, prefixes, functions = thread["frameTable"], thread["stackTable"], thread["funcTable"]

            def names(frame):
                function = frames["func"][frame]
                resource = functions["resource"][function]
                own = [thread["stringArray"][functions["name"][function]]]
                if resource is None or resource < 0:
                    return own
                library = profile["libs"][thread["resourceTable"]["lib"][resource]]["debugName"]
                return named.get((library, frames["address"][frame]), own)

            samples = thread["samples"]
            for stack, weight in zip(samples["stack"], samples["weight"]):
                chain = []
                while stack is not None:
                    chain += names(prefixes["frame"][stack])
                    stack = prefixes["prefix"][stack]
                yield weight, weight, chain

    return tally(stacks())


def py_spy(folded):
    """Folded stacks, a count at the end of each line."""

    def stacks():
        for line in folded.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            yield int(count), int(count), [frame.split(" (")[0] for frame in stack.split(";")]

    return tally(stacks())
