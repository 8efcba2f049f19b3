#!/usr/bin/env python3
"""Cache simulation in Chromium beside the same code as a native program, step by step in turn.

    cargo build -p perfcollect && python3 tests/bench/caches_page.py --rounds 7

First the simulator alone, on a Zipf trace of two million requests: every policy, the exact curve, SHARDS. Its module has the page's
profile. Then what the page does with a recorded million, in the module that is shipped. Times are CPU time of the one thread that
works (in Chromium the main thread of the renderer, less that of a call that does nothing), so that other work on the machine only
blurs them; the steps of the page are known to the page alone, by its clock.
"""

import argparse
import base64
import statistics
import subprocess
import sys
from pathlib import Path

from harness.stats import ratio_cell, table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/browser"))

import caches_test  # noqa: E402
import recordings  # noqa: E402
from webdriver import Browser  # noqa: E402

POLICIES = ["lru", "fifo", "clock", "sieve", "s3fifo", "2q", "arc", "slru", "lfu", "wtinylfu", "lirs", "belady"]
STEPS = ["trace", *POLICIES, "exact curve", "SHARDS 3 %", "SHARDS 3 %, fed one by one", "SHARDS 10,000 keys"]
LOAD = """const done = arguments[1];
WebAssembly.instantiate(Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0)), {}).then(
    made => { window.simulator = made.instance.exports; done(true); }, error => done(String(error)));"""
OPEN = """const done = arguments[1];
fetch(`api/bundles/${arguments[0]}`).then(a => a.arrayBuffer()).then(b => {
    wasm_bindgen.worker_open(new Uint8Array(b)); done(true); }).catch(e => done(String(e)));"""
RUN = """const steps = []; let began = performance.now();
wasm_bindgen.worker_run(arguments[0] * 2 + 1, stage => {
    if (stage[0] == 0) return;
    steps.push((performance.now() - began) / 1000);
    began = performance.now();
});
return steps;"""


def build(package, example, *options):
    subprocess.run(["cargo", "build", "-q", "-p", package, "--example", example, *options], cwd=ROOT, check=True)


class Native:
    """A program that answers a line for a line."""

    def __init__(self, *command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cpu(self):
        return int(Path(f"/proc/{self.child.pid}/schedstat").read_text().split()[0]) / 1e9

    def ask(self, line=""):
        began = self.cpu()
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline().split()
        if not answer:
            raise SystemExit("the native program ended")
        return self.cpu() - began, answer

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class Renderer:
    """The main threads of a browser's renderers; all but the one of the page are idle."""

    def __init__(self, browser):
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended
        family = {browser.driver.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        self.pids = [pid for pid in family if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def cpu(self):
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in self.pids) / 1e9


def report(title, ratios, seconds):
    rows = []
    for name, of in ratios.items():
        rows.append([name, f"{statistics.median(seconds[name]):.3f}", ratio_cell(of), f"{max(of):.2f}"])
    print(f"\n{title}\n\n{table(['step', 'native s', 'Chromium / native, median', 'worst round'], rows)}")


def simulator(browser, rounds):
    build("perfcollect-cachesim", "cachesim_native", "--release")
    # Where the build of the page has its own.
    build("perfcollect-cachesim", "cachesim_steps", "--target-dir", "target/viewer", "--profile", "viewer", "--target", "wasm32-unknown-unknown")
    module = ROOT / "target/viewer/wasm32-unknown-unknown/viewer/examples/cachesim_steps.wasm"
    loaded = browser.js_async(LOAD, base64.b64encode(module.read_bytes()).decode())
    if loaded is not True:
        raise SystemExit(loaded)
    native, renderer = Native(ROOT / "target/release/examples/cachesim_native"), Renderer(browser)
    ratios, seconds = {}, {}
    for at in range(rounds):
        for step, name in enumerate(STEPS):
            if at and not step:
                continue
            began = renderer.cpu()
            browser.js("return arguments[0]", step)
            empty = renderer.cpu() - began
            began = renderer.cpu()
            sum_there = browser.js("return simulator.run(arguments[0])", step)
            there = renderer.cpu() - began - empty
            here, (_, sum_here) = native.ask(step)
            if abs(float(sum_here) - sum_there) > 1e-9:
                raise SystemExit(f"{name}: {sum_there} in Chromium, {sum_here} natively")
            ratios.setdefault(name, []).append(there / here)
            seconds.setdefault(name, []).append(here)
    native.close()
    report(f"the simulator, {rounds} rounds", {name: ratios[name] for name in STEPS[1:]}, seconds)


def page(browser, bundle, rounds):
    build("perfcollect-shared", "caches_page", "--release")
    opened = browser.js_async(OPEN, bundle.name)
    if opened is not True:
        raise SystemExit(opened)
    native, renderer = Native(ROOT / "target/release/examples/caches_page", bundle), Renderer(browser)
    ratios, seconds = {}, {}
    for _ in range(rounds):
        began = renderer.cpu()
        # The only cache with keys is the one with most requests: the first of the evidence.
        steps = browser.js(RUN, 0)
        there = renderer.cpu() - began
        here, said = native.ask()
        names, times = said[::2], [float(time) for time in said[1::2]]
        if len(steps) != len(names):
            raise SystemExit(f"{len(steps)} steps in Chromium, {len(names)} natively")
        for name, in_page, time in [*zip(names, steps, times), ("all, CPU time", there, here)]:
            ratios.setdefault(name, []).append(in_page / time)
            seconds.setdefault(name, []).append(time)
    native.close()
    report(f"the page, {rounds} rounds", ratios, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    bundle = caches_test.long()
    server = recordings.Server(caches_test.folder())
    browser = Browser()
    try:
        browser.goto(f"{server.address}#view=overview&bundle={bundle.name}")
        browser.wait("the page", "document.querySelector('nav.views a[href*=\"view=caches\"]')")
        simulator(browser, rounds)
        page(browser, bundle, rounds)
    finally:
        browser.close()
        server.close()


if __name__ == "__main__":
    main()
