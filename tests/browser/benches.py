"""Bundles of benchmarks for the browser tests: runs whose figures are known, in the manifest of a real recording.

Made here and not measured, so that what the page says of them can be checked; `ServedBenchmarksTest` also opens what
`perfcollect bench` itself wrote.
"""

import functools
import hashlib
import json
import random
import zipfile

import recordings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def bundle(name, runs, start="2026-11-21T10:00:00Z", commit=None, library="benches"):
    """`runs` in their order: name of the benchmark, figures by metric, and any other field of a run."""
    with zipfile.ZipFile(recordings.nothing()) as source:
        manifest = json.loads(source.read("manifest.json"))
    lines = []
    for order, (benchmark, metrics, *more) in enumerate(runs):
        run = {"benchmark": benchmark, "block": order, "order": order, "exit": {"code": 0, "signal": None},
               "metrics": metrics, **(more[0] if more else {})}
        lines.append(json.dumps(run, ensure_ascii=False))
    names = list(dict.fromkeys(run[0] for run in runs))
    data = "".join(line + "\n" for line in lines).encode()
    manifest.update(
        start=start, command=["bench", name], profiles=[], warnings=[],
        git={"commit": commit, "branch": "main", "dirty": False} if commit else None,
        benchmarks=[{"name": name, "command": ["./" + name]} for name in names],
        members=[{"path": "benchmarks.jsonl", "kind": "benchmarks", "bytes": len(data),
                  "sha256": hashlib.sha256(data).hexdigest()}])
    folder = recordings.FOLDER / library
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}.perf.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("manifest.json", json.dumps(manifest))
        out.writestr("benchmarks.jsonl", data)
    return target


def figures(wall, cpu=None, rss=20 << 20):
    return {"wall_ns": wall, "cpu_ns": cpu or wall * 0.9, "rss_bytes": rss, "minor_faults": 120}


def paired(benchmarks, blocks, noise=0.01, warmups=1, seed=7):
    """Runs of every benchmark in each block, in random order; `benchmarks` are their medians by name."""
    chance = random.Random(seed)
    runs = []
    for block in range(blocks + warmups):
        names = list(benchmarks)
        chance.shuffle(names)
        for name in names:
            wall = benchmarks[name] * chance.lognormvariate(0, noise)
            runs.append((name, figures(wall), {"block": block, "warmup": block < warmups, "load": 0.5}))
    return runs


@functools.cache
def two():
    """The second is 12 % slower."""
    return bundle("two", paired({"before": 12e6, "after": 12e6 * 1.12}, 30))


@functools.cache
def one():
    """A single run."""
    return bundle("one", [("lonely", figures(5e6))])


@functools.cache
def equal():
    """Runs that do not differ at all."""
    return bundle("equal", [("same", figures(3e6)) for _ in range(20)])


@functools.cache
def thousand():
    """Two levels, and one run far out."""
    chance = random.Random(3)
    runs = [("many", figures(chance.choice([10e6, 11e6]) * chance.lognormvariate(0, 0.005))) for _ in range(999)]
    return bundle("thousand", [*runs, ("many", figures(4e9))])


@functools.cache
def ugly():
    """Names in other scripts, long names, failed and stopped runs, many benchmarks, no figure at all, a zero."""
    failed = {"exit": {"code": 3, "signal": None}}
    long = "a very long name of a benchmark with --every=option --that=it-has and/a/path/that/goes/on/and/on.txt"
    runs = paired({"集計する": 2e6, long: 3e6, "τέλος <b>&": 2.02e6, **{f"n={n}": 1e6 * n for n in range(1, 9)}}, 8)
    runs += [("集計する", figures(2e6), failed) for _ in range(3)]
    runs += [(long, figures(9e9), {"timed_out": True, "exit": {"code": None, "signal": 9}})]
    runs += [("nothing", {}), ("zero", {"wall_ns": 0, "cpu_ns": 0})]
    return bundle("ugly", runs)


def history(sessions, library="history"):
    """A library of sessions of one benchmark, one per day; the last are slower."""
    chance = random.Random(5)
    for day in range(sessions):
        wall = 10e6 if day < sessions - 4 else 13e6
        runs = [("sort", figures(wall * chance.lognormvariate(0, 0.01))) for _ in range(12)]
        bundle(f"{day + 1:04}-sort-{day:06}", runs, start=f"2026-10-{day + 1:02}T10:00:00Z",
               commit=f"{day:02}{COMMIT[2:]}", library=library)
    return recordings.FOLDER / library
