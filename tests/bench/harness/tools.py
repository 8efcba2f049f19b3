"""The profilers that are compared: how each is called, what it writes, how to get it."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import readers

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / "target/peers"
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
EVERY = {"native", "python", "node"}
INSTALL = {
    "perf": "apt-get install linux-perf",
    "samply": "cargo install samply --locked --root target/peers",
    "py-spy": "python3 -m venv target/peers/py && target/peers/py/bin/pip install py-spy",
    "perfcollect": "cargo build --release -p perfcollect",
    "node": "apt-get install nodejs",
}


@dataclass
class Tool:
    """`record(folder, hz, named)` is what stands before the command, `named` where symbols are wanted that the
    tool would look up later; `read(folder, inlined)` gives what `readers` make of the
    output; `inlined`: of functions that are compiled into their callers."""

    name: str
    needs: str
    languages: set
    record: Callable
    read: Callable


def find(program):
    """The path of a peer: from target/peers, else from PATH."""
    places = [PEERS / "bin", PEERS / "py/bin"]
    return shutil.which(program, path=os.pathsep.join(map(str, places))) or shutil.which(program)


def every(binary):
    """All tools; those that are missing fail only when they are used."""
    perf, samply, spy = (find(name) or name for name in ("perf", "samply", "py-spy"))
    # Without --no-bpf-event perf, as root, waits for up to a second for a thread of its own at the end.
    plain = lambda *mode: lambda folder, hz, _: [
        perf, "record", "-q", "--no-bpf-event", "-F", str(hz), *mode, "-o", folder / "out", "--"]
    return [
        Tool("perfcollect", "perfcollect", EVERY,
             lambda folder, hz, _: [binary, "run", "--quiet", "--rate", str(hz), "-o", folder / "out", "--"],
             lambda folder, _: readers.perfcollect(binary, folder / "out")),
        Tool("perf -g", "perf", EVERY, plain("-g"), lambda folder, inlined: readers.perf(perf, folder / "out", inlined)),
        Tool("perf dwarf", "perf", EVERY, plain("--call-graph", "dwarf"),
             lambda folder, inlined: readers.perf(perf, folder / "out", inlined)),
        Tool("samply", "samply", EVERY, lambda folder, hz, named: samply_record(samply, folder / "out.json.gz", hz, named),
             lambda folder, _: readers.samply(folder / "out.json.gz", folder / "out.json.syms.json")),
        Tool("py-spy", "py-spy", {"python"},
             lambda folder, hz, _: [spy, "record", "-f", "raw", "-r", str(hz), "-o", folder / "out", "--"],
             lambda folder, _: readers.py_spy(folder / "out")),
    ]


def samply_record(samply, out, hz, named):
    """samply takes any event that is refused for a lack of permission and gives up where perf_event_paranoid is over 1,
    though root may do all. In a mount namespace of its own it sees another value; the machine's stays."""
    command = [samply, "record", "--save-only", "-r", str(hz), "-o", str(out), *(["--unstable-presymbolicate"] if named else []), "--"]
    if int(PARANOID.read_text()) < 2:
        return command
    if os.geteuid():
        raise SystemExit("peers.py: samply needs: sudo sysctl kernel.perf_event_paranoid=1")
    value = out.parent / "paranoid"
    value.write_text("1\n")
    return ["unshare", "-m", "sh", "-c", f'mount --bind "$0" {PARANOID} && exec "$@"', str(value), *command]


def require(programs, binary):
    """Ends with what is missing and the command that installs it."""
    missing = [name for name in sorted(programs) if not (binary.exists() if name == "perfcollect" else find(name))]
    if missing:
        lines = "".join(f"\n  {name}: {INSTALL[name]}" for name in missing)
        raise SystemExit(f"peers.py: missing here (or leave it out with --only):{lines}")


def versions(programs, binary):
    """What was measured, one line a program."""
    asked = {"perfcollect": binary, "gcc": "gcc", "rustc": "rustc", "python": "python3", "kernel": "uname"}
    asked |= {name: find(name) for name in programs if name not in asked}
    found = {"cores": str(os.cpu_count())}
    for name, program in asked.items():
        flag = "-r" if name == "kernel" else "--version"
        done = subprocess.run([program, flag], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        lines = (done.stdout or done.stderr).strip().splitlines()
        found[name] = re.sub(rf"^({name}|Python)( version)? ", "", lines[0]) if lines else "?"
    return found
