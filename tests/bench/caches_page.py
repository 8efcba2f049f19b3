#!/usr/bin/env python3
"""The page's replays of a million requests in Chromium beside the same code as a native program, turn by turn.

    cargo build --release -p perfcollect && python3 tests/bench/caches_page.py --rounds 5
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/browser"))
os.environ.setdefault("PERFCOLLECT", str(ROOT / "target/release/perfcollect"))

import caches_test  # noqa: E402
import recordings  # noqa: E402
from webdriver import Browser  # noqa: E402

OPEN = """const done = arguments[1];
fetch(`api/bundles/${arguments[0]}`).then(a => a.arrayBuffer()).then(b => {
    wasm_bindgen.worker_open(new Uint8Array(b)); done(true); }).catch(e => done(String(e)));"""
RUN = """const steps = []; let began = performance.now();
wasm_bindgen.worker_run(arguments[0] * 2 + 1, stage => {
    if (stage[0] > 0) steps.push((performance.now() - began) / 1000);
    began = performance.now();
});
return steps;"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    subprocess.run(["cargo", "build", "-q", "--release", "-p", "perfcollect", "--example", "caches_page"], cwd=ROOT, check=True)
    bundle = caches_test.long()
    ratios, names = [], []
    server = recordings.Server(caches_test.folder())
    browser = Browser()
    try:
        browser.goto(f"{server.address}#view=overview&bundle={bundle.name}")
        browser.wait("the page", "document.querySelector('nav.views a[href*=\"view=caches\"]')")
        opened = browser.js_async(OPEN, bundle.name)
        if opened is not True:
            raise SystemExit(opened)
        # The only cache with keys is the one with most requests: the first of the evidence.
        for _ in range(rounds):
            said = subprocess.run([ROOT / "target/release/examples/caches_page", bundle], check=True, capture_output=True, text=True).stdout
            native = {name: float(seconds) for name, seconds in (line.split() for line in said.splitlines())}
            steps = browser.js(RUN, 0)
            names = list(native)
            ratios.append({name: seconds / native[name] for name, seconds in zip(names, steps)} | {"all": sum(steps) / sum(native.values())})
    finally:
        browser.close()
        server.close()
    print("| step | Chromium / native, median | worst |\n|---|---:|---:|")
    for name in [*names, "all"]:
        of = [ratio[name] for ratio in ratios]
        print(f"| {name} | {statistics.median(of):.2f} | {max(of):.2f} |")


if __name__ == "__main__":
    main()
