"""Runs one command and measures it: wall and CPU time of its whole tree, its own peak memory, the workload's truth, and
the time from the workload's end to the command's. Knows no tool and no workload."""

import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path


def machine_cpu():
    """CPU seconds that the machine has used, without idle and stolen time."""
    user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


class PeakMemory(threading.Thread):
    """Follows the largest resident size of one process, which nobody can read after its end."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path = f"/proc/{pid}/status"
        self.kib = 0
        self.stopped = threading.Event()
        self.start()

    def run(self):
        while not self.stopped.wait(0.02):
            try:
                with open(self.path) as status:
                    found = [line.split()[1] for line in status if line.startswith("VmHWM:")]
            except OSError:
                return
            self.kib = max([self.kib, *map(int, found)])

    def finish(self):
        self.stopped.set()
        self.join()
        return self.kib * 1024


def truth_of(text):
    """The line that the workload printed about itself."""
    for line in text.splitlines():
        start = line.find('{"truth"')
        if start >= 0:
            return json.loads(line[start : line.rindex("}") + 1])
    return None


def run(command, cwd, timeout=900):
    """Figures of one run; fails when the command does."""
    with tempfile.TemporaryFile() as stderr:
        busy, begun = machine_cpu(), time.monotonic_ns()
        process = subprocess.Popen(
            [str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
        memory = PeakMemory(process.pid)
        limit = threading.Timer(timeout, process.kill)
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.monotonic_ns()
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = memory.finish()
        busy = machine_cpu() - busy
        stderr.seek(0)
        text = stderr.read().decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode} of {' '.join(map(str, command))}: {text[-1500:].strip()}")
    truth = truth_of(text)
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "wall": (ended - begun) / 1e9,
        "cpu": cpu,
        "rss": peak,
        "truth": truth,
        "after": (ended - truth["end_ns"]) / 1e9 if truth else None,
        "foreign": max(0.0, busy - cpu) / max((ended - begun) / 1e9, 1e-9),
    }
