#!/usr/bin/env python3
"""Speed and error of the cache simulation beside libCacheSim's package for Python, turn by turn on one Zipf trace.

    python3 tests/bench/cachesim.py
    python3 tests/bench/cachesim.py --requests 1000000 --keys 100000 --rounds 3
    python3 tests/bench/cachesim.py --memory

Installs libcachesim and numpy into target/bench/cachesim. Figures are CPU time of the one thread that works, so that other work on
the machine only blurs them. libCacheSim reads its file while it simulates; ours is timed with dense keys in memory, and once more
from 64-bit ids with the making of dense keys in it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import tools
from harness.stats import ratio_cell, table

FOLDER = tools.ROOT / "target/bench/cachesim"
PACKAGES = ("libcachesim==0.3.5", "numpy==2.2.6")
# Ours and theirs; W-TinyLFU and LIRS differ in detail, and so do some miss counts.
POLICIES = {
    "lru": "LRU", "fifo": "FIFO", "clock": "Clock", "sieve": "Sieve", "s3fifo": "S3FIFO", "2q": "TwoQ", "arc": "ARC", "slru": "SLRU",
    "lfu": "LFU", "wtinylfu": "WTinyLFU", "lirs": "LIRS", "belady": "Belady",
}  # fmt: skip
# Requests and distinct keys: four times the keys, and twice the requests.
MEMORY = [(10_000_000, 1_000_000), (10_000_000, 2_000_000), (10_000_000, 4_000_000), (20_000_000, 1_000_000)]
TEN_SIZES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8]


def write_trace(path, requests, keys):
    """Zipf(1.0) in libCacheSim's oracleGeneral format, ids that look like hashes."""
    import numpy as np

    below = np.cumsum(1.0 / np.arange(1, keys + 1))
    ranks = np.searchsorted(below / below[-1], np.random.default_rng(7).random(requests)).astype(np.uint64)
    order = np.argsort(ranks, kind="stable")
    again = ranks[order][1:] == ranks[order][:-1]
    following = np.full(requests, -1, np.int64)
    following[order[:-1][again]] = order[1:][again]
    records = np.zeros(requests, dtype=[("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])
    records["time"], records["size"], records["next"] = np.arange(requests) // 10_000, 1, following
    records["id"] = (ranks * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(1)
    records.tofile(path)


def serve(path):
    """libCacheSim: a policy and a size a line, answered with CPU seconds and the miss ratio."""
    import libcachesim

    for line in sys.stdin:
        policy, size = line.split()
        reader = libcachesim.TraceReader(str(path), libcachesim.TraceType.ORACLE_GENERAL_TRACE)
        cache = getattr(libcachesim, policy)(int(size))
        began = time.process_time()
        ratio, _ = cache.process_trace(reader)
        print(json.dumps({"seconds": time.process_time() - began, "miss_ratio": ratio}), flush=True)


class Ours:
    """The harness of tests/bench/cachesim.rs with the trace in memory."""

    @staticmethod
    def build():
        command = ["cargo", "build", "-q", "--release", "-p", "perfcollect-cachesim", "--example", "cachesim_bench"]
        subprocess.run(command, cwd=tools.ROOT, check=True)
        return tools.ROOT / "target/release/examples/cachesim_bench"

    def __init__(self, path):
        self.child = subprocess.Popen([self.build(), path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.distinct = int(self.child.stdout.readline())

    def cpu(self):
        return int(Path(f"/proc/{self.child.pid}/schedstat").read_text().split()[0]) / 1e9

    def ask(self, task):
        began = self.cpu()
        self.child.stdin.write(task + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        return {**answer, "seconds": self.cpu() - began}


class Theirs:
    def __init__(self, path):
        command = [sys.executable, __file__, "--serve", path]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, policy, size):
        self.child.stdin.write(f"{policy} {size}\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())


def compare(asked, ours, theirs):
    size = ours.distinct // 10
    sizes = [max(1, int(ours.distinct * part)) for part in TEN_SIZES]
    times = {}

    def note(name, seconds):
        times.setdefault(name, []).append(seconds)

    answers = {}
    for _ in range(asked.rounds):
        answers["curve"] = ours.ask("curve")
        note("curve", answers["curve"]["seconds"])
        note("from-ids curve", ours.ask("from-ids curve")["seconds"])
        note("ten", sum(theirs.ask("LRU", one)["seconds"] for one in sizes))
        note("intern", ours.ask("intern")["seconds"])
        for _ in range(3):
            answers["shards"] = ours.ask("shards 0.01 1")
            note("shards", answers["shards"]["seconds"])
        answers["band"] = ours.ask("shards 0.01 5")
        note("band", answers["band"]["seconds"])
        answers["size"] = ours.ask("size 10000 1")
        note("size", answers["size"]["seconds"])
        for policy, name in POLICIES.items():
            answers[policy] = ours.ask(f"policy {policy} {size}")
            note(policy, answers[policy]["seconds"])
            note(f"from-ids {policy}", ours.ask(f"from-ids policy {policy} {size}")["seconds"])
            answers[name] = theirs.ask(name, size)
            note(name, answers[name]["seconds"])
    answers["builder"] = ours.ask("builder")
    return size, times, answers


def report(asked, ours, size, times, answers):
    def ratio(top, under):
        return ratio_cell([a / b for a, b in zip(times[top], times[under])])

    def rate(name):
        return f"{asked.requests / statistics.median(times[name]) / 1e6:.1f}"

    print(f"{asked.requests:,} requests, {ours.distinct:,} keys, caches of {size:,}; {asked.rounds} rounds\n")
    rows = []
    for policy, name in POLICIES.items():
        missed = [answers[policy]["answer"] / asked.requests, answers[name]["miss_ratio"]]
        speeds = [rate(policy), rate(f"from-ids {policy}"), rate(name), ratio(name, policy), ratio(name, f"from-ids {policy}")]
        memory = f"{answers[policy]['memory'] / ours.distinct:.0f}"
        rows.append([policy, *speeds, memory, *(f"{one:.4f}" for one in missed)])
    head = ["policy", "M/s", "M/s from ids", "libCacheSim M/s", "times its speed", "from ids", "bytes a key", "miss ratio", "its"]
    print(table(head, rows))
    print(f"\nexact curve: {rate('curve')} M/s, from ids {rate('from-ids curve')}, dense keys alone {rate('intern')}; ", end="")
    print(f"{ratio('ten', 'curve')} times the speed of its LRU at ten sizes, from ids {ratio('ten', 'from-ids curve')}; ", end="")
    print(f"{answers['builder']['memory'] / ours.distinct:.1f} bytes a key")
    curve = statistics.median(times["curve"])
    for name, label in (("shards", "SHARDS 1 %"), ("band", "SHARDS 1 %, five samples"), ("size", "SHARDS, 10,000 keys")):
        even, even_most, log, log_most = answers[name]["errors"]
        gain = ratio_cell([curve / one for one in times[name]])
        print(f"{label}: {gain} times the exact pass; error {even:.4f} (most {even_most:.4f}) over even sizes, ", end="")
        print(f"{log:.4f} ({log_most:.4f}) over the logarithm from 100 on")


def memory():
    """Peak resident memory over keys and over requests, of processes that hold nothing but the simulation."""
    binary = Ours.build()
    rows = []
    for task, label in (("keys", "dense keys alone"), ("curve", "exact curve"), ("shards", "SHARDS 1 %, five samples"), ("lru", "LRU"), ("lirs", "LIRS")):
        cells = []
        for requests, keys in MEMORY:
            child = subprocess.Popen([binary, task, str(requests), str(keys)])
            _, status, usage = os.wait4(child.pid, 0)
            if status:
                raise SystemExit(f"{task} failed")
            cells.append(usage.ru_maxrss / 1024)
        rows.append([label, *(f"{cell:.1f}" for cell in cells), f"{(cells[2] - cells[0]) * 1024 * 1024 / (MEMORY[2][1] - MEMORY[0][1]):.0f}"])
    head = [f"{requests // 1_000_000} M, {keys // 1_000_000} M keys" for requests, keys in MEMORY]
    print("peak resident MiB by requests and distinct keys\n")
    print(table(["", *head, "bytes a key"], rows))


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--requests", type=int, default=10_000_000)
    ask.add_argument("--keys", type=int, default=1_000_000)
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--memory", action="store_true", help="peak memory by keys and requests, of ours alone")
    ask.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    asked = ask.parse_args()
    if asked.serve:
        return serve(asked.serve)
    if asked.memory:
        return memory()
    python = FOLDER / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    if Path(sys.prefix) != FOLDER:
        os.execv(python, [str(python), *sys.argv])
    trace = FOLDER / f"zipf-{asked.requests}-{asked.keys}.bin"
    if not trace.exists():
        write_trace(trace, asked.requests, asked.keys)
    ours, theirs = Ours(trace), Theirs(trace)
    report(asked, ours, *compare(asked, ours, theirs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
