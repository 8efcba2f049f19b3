"""Events of the kernel as a weight of their own: a program whose page faults are in one function and its time in another."""

import functools
import unittest

import recordings
from page_test import OVERFLOW, Exported, Page

# Of a function that touches pages and one that only computes, events and time must name different ones first.
FAULTS = """
import mmap
def タッチ(pages):
    area = mmap.mmap(-1, pages * 4096)
    area.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(pages):
        area[page * 4096] = 1
    area.close()
def compute(n):
    return sum(i * i for i in range(n))
for _ in range(20):
    タッチ(8000)
    compute(200_000)
"""


@functools.cache
def faults():
    script = recordings.FOLDER / "faults.py"
    script.write_text(FAULTS)
    return recordings.record("faults", "python3", str(script), options=("--events", "page-faults,context-switches"))


class Wide(Page):
    def fits(self, what):
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [], what)
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), self.width, what)
        self.assertEqual(self.axe(), [], what)

    def events(self):
        return self.browser.js("return [...document.querySelectorAll('main [aria-label=Clock] button')]"
                               ".map(b => [b.innerText, b.ariaPressed])")

    def test_events_weigh_functions_and_stacks(self):
        self.open("functions", faults())
        self.browser.wait("rows", "document.querySelectorAll('main table tbody tr').length > 3")
        self.assertEqual(self.events(), [["CPU time", "true"], ["page-faults", "false"], ["context-switches", "false"]])
        self.browser.js("[...document.querySelectorAll('main [aria-label=Clock] button')][1].click()")
        self.browser.wait("the event in the address", lambda: "clock=page-faults" in self.browser.url)
        self.browser.wait("the sentence", "/page-faults happen/.test(document.querySelector('h1').innerText)")
        self.assertEqual([name for name, pressed in self.events() if pressed == "true"], ["page-faults"])
        self.assertIn("Self, n", self.text("main .functions-table thead"))
        self.open("functions", faults(), "&clock=page-faults&by=-total&filter=タッチ")
        self.browser.wait("its row", "document.querySelectorAll('main .functions-table tbody tr:not(.gap)').length === 1")
        # Self in percent and number, total in percent and number; the pages alone are 160,000 faults, here by samples.
        total, number = self.browser.js("return [...document.querySelector('main .functions-table tbody tr:not(.gap)')"
                                        ".children].slice(2, 4).map(c => c.innerText)")
        self.assertGreater(float(total), 70)
        self.assertGreater(recordings.number(number), 120_000)
        self.fits("functions")
        self.open("flame", faults(), "&clock=page-faults")
        self.assertGreater(self.drawn(), 5)
        self.fits("flame")

    def test_lines_are_those_of_the_event(self):
        self.open("source", faults(), "&clock=page-faults&file=" + self.script())
        sentence = self.browser.wait("the lines", "document.querySelector('main [aria-label=Lines]') &&"
                                                  " document.querySelector('h1').innerText")
        self.assertRegex(sentence, r"% of page-faults in itself")
        totals = self.browser.js("return [...document.querySelectorAll('main [aria-label=Lines] tbody tr')]"
                                 ".map(r => [+r.children[0].innerText, +r.children[2].innerText])")
        touched = max(totals, key=lambda row: row[1] if 4 <= row[0] <= 9 else 0)
        self.assertGreater(touched[1], 70, totals)
        computed = [share for line, share in totals if line in (10, 13)]
        self.assertLess(max(computed, default=0), 10, totals)
        self.fits("source")

    def script(self):
        return str(recordings.FOLDER / "faults.py")


class Narrow(Page):
    width, dark = 390, True
    fits = Wide.fits

    def test_events_fit(self):
        for view in ("overview", "functions", "source"):
            self.open(view, faults(), "&clock=page-faults")
            self.fits(view)


class ExportedEventsTest(Exported, Wide, unittest.TestCase):
    pass


class ExportedNarrowEventsTest(Exported, Narrow, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
