#!/usr/bin/env python3
"""Time until the exported page of a recording has drawn its flame graph, from file:// in headless Chromium.

    python3 tests/bench/paint.py REPORT.html [--rounds 9]

Each round is a cold visit (new process, empty profile). The page marks its canvas with `data-drawn` when the first flame
graph is on it; an observer that is there before the page takes the next animation frame's time since the navigation began.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))
from webdriver import Browser  # noqa: E402

OBSERVER = """new MutationObserver((_, observer) => {
    if (!document.querySelector('canvas[data-drawn]')) return;
    observer.disconnect();
    requestAnimationFrame(time => { window.painted = time; });
}).observe(document, {subtree: true, childList: true, attributeFilter: ['data-drawn']})"""


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("page")
    options.add_argument("--rounds", type=int, default=9)
    options = options.parse_args()
    page = Path(options.page).resolve()
    times = []
    for _ in range(options.rounds):
        with Browser() as browser:
            browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=OBSERVER)
            browser.goto(f"{page.as_uri()}#v=1&view=flame")
            times.append(browser.wait("the flame graph", "window.painted"))
    print(f"{os.path.getsize(page) / 1000:.0f} kB, flame graph painted after (ms): "
          f"median {statistics.median(times):.0f}, from {min(times):.0f} to {max(times):.0f}, {len(times)} cold visits")


if __name__ == "__main__":
    main()
