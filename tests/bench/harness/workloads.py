"""The programs whose split of CPU time is known: how they are built and called."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from . import measure

SOURCES = Path(__file__).resolve().parents[1] / "workloads"
FUNCTIONS = ("work_heavy", "work_medium", "work_light")

GCC = ["gcc", "-O2", "-g", "-fomit-frame-pointer", "-pthread", "-Wall"]
RUSTC = ["rustc", "--edition", "2024", "-O", "-g"]
BUILDS = {
    "split": [*GCC, "split.c"],
    "split-shared": [*GCC, "-DSHARED", "split.c"],
    "tree": [*GCC, "tree.c"],
    "spawn": [*GCC, "spawn.c"],
    "nothing": [*GCC, "nothing.c"],
    "inlined": [*RUSTC, "inlined.rs"],
    "threads": [*RUSTC, "threads.rs"],
}
# Name: language, command, where {n} stands for the number of iterations. Programs that were built go by their name.
ACCURACY = {
    "c": ("native", ["split", "{n}"]),
    "c-shared-leaf": ("native", ["split-shared", "{n}"]),
    "c-process-tree": ("native", ["tree", "{n}"]),
    "rust-inlined": ("native", ["inlined", "{n}"]),
    "rust-threads": ("native", ["threads", "{n}"]),
    "python": ("python", [sys.executable, "split.py", "pure", "{n}"]),
    "python-threads": ("python", [sys.executable, "split.py", "threads", "{n}"]),
    "python-extension": ("python", [sys.executable, "split.py", "extension", "{n}"]),
    "node": ("node", ["node", "split.js", "{n}"]),
    "node-perf-map": ("node", ["node", "--perf-basic-prof", "split.js", "{n}"]),
}


class Workloads:
    """Built programs in a folder that is kept, with the iterations that take a second here."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        newest = max(path.stat().st_mtime for path in SOURCES.iterdir())
        for name, command in BUILDS.items():
            program = folder / name
            if not program.exists() or program.stat().st_mtime < newest:
                if not shutil.which(command[0]):
                    raise SystemExit(f"peers.py: {command[0]} is missing; it builds the workloads")
                subprocess.run([*command, "-o", program], cwd=SOURCES, check=True)
        self.kept = folder / "iterations.json"
        self.counts = json.loads(self.kept.read_text()) if self.kept.exists() else {}

    def command(self, name, seconds):
        """The command that takes about so many seconds of CPU time. All runs of it do the same work."""
        if name not in self.counts:
            cpu = lambda count: measure.run(self._call(name, count), self.folder)["truth"]["total_ns"]
            cpu(1)  # warms the caches
            self.counts[name] = 15 / max(1e-3, (cpu(20) - cpu(5)) / 1e9)
            self.kept.write_text(json.dumps(self.counts, indent=1))
        return self._call(name, max(1, round(self.counts[name] * seconds)))

    def spawn(self, count):
        """Starts the shortest program so many times."""
        return [self.folder / "spawn", str(count), self.folder / "nothing"]

    def _call(self, name, count):
        program, *words = [word.replace("{n}", str(count)) for word in ACCURACY[name][1]]
        program = self.folder / program if program in BUILDS else program
        return [program, *(SOURCES / word if (SOURCES / word).is_file() else word for word in words)]
