"""The views of benchmarks and of their history, on the served page and on the exported file."""

import json
import re
import unittest

import benches
import recordings
from page_test import OVERFLOW, Exported, Page, Served
from recordings import perfcollect

DOTS = """return [...document.querySelectorAll('main .runs-plot:not(.order) path')]
    .map(p => (p.getAttribute('d').match(/h0/g) ?? []).length)"""


class Wide(Page):
    def table(self, label):
        """The cells of a table, row by row."""
        return self.browser.js("return [...document.querySelectorAll(`main [aria-label='${arguments[0]}'] tbody tr`)]"
                               ".map(r => [...r.children].map(c => c.innerText.trim()))", label)

    def fits(self, what):
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [], what)
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), self.width, what)
        self.assertEqual(self.axe(), [], what)

    def test_two_benchmarks_say_which_is_slower(self):
        self.open("benchmarks", benches.two())
        words = re.fullmatch(r"after is ([\d.]+) % \[([\d.]+), ([\d.]+)\] slower than before \(wall time, 30 pairs\)",
                             self.text("h1"))
        self.assertTrue(words, self.text("h1"))
        ratio, low, high = (float(figure) for figure in words.groups())
        self.assertTrue(low <= ratio <= high and 10 < low and high < 14, words[0])
        self.assertEqual(self.text("main .head .count"), "60 runs in 30 blocks, 2 warm-up runs left out")
        # A dot for each run that counts.
        self.assertEqual(self.browser.js(DOTS), [30, 30])
        differences = self.table("Differences")
        self.assertEqual([row[2] for row in differences], ["wall time", "CPU time", "peak memory"])
        self.assertEqual([row[4] for row in differences], ["slower", "slower", "same"])
        self.fits("two")

    def test_the_metric_is_a_choice_in_the_address(self):
        self.open("benchmarks", benches.two())
        self.browser.js("[...document.querySelectorAll('main [aria-label=Metric] button')]"
                        ".find(b => b.innerText === 'Peak memory').click()")
        self.browser.wait("the metric in the address", lambda: "metric=rss_bytes" in self.browser.url)
        self.browser.wait("its sentence", "/same in peak memory within 2 %/.test(document.querySelector('h1').innerText)")
        self.assertIn("MiB", self.text("main [aria-label='Figures of the benchmarks'] thead"))
        self.browser.back()
        self.browser.wait("wall time again", "/wall time/.test(document.querySelector('h1').innerText)")
        self.open("benchmarks", benches.two(), "&metric=minor_faults")
        self.assertIn("minor faults", self.text("h1"))

    def test_one_run_says_nothing_of_the_next(self):
        self.open("benchmarks", benches.one())
        self.assertEqual(self.text("h1"), "lonely: 5.00 ms of wall time in its only run, which says nothing of the next")
        self.assertEqual(self.browser.js(DOTS), [1])
        self.assertIn("perfcollect bench --runs 30 ./lonely", self.text())
        self.fits("one")

    def test_a_thousand_runs_are_a_density(self):
        self.open("benchmarks", benches.thousand())
        self.assertIn("median of 1,000 runs", self.text("h1"))
        self.assertEqual(self.browser.js(DOTS), [0])
        self.assertIn("1 run beyond, up to 4.00 s", self.text("main .beyond"))
        self.assertEqual(self.table("Figures of the benchmarks")[0][7], "1,000")
        self.fits("thousand")

    def test_ugly_runs_keep_their_place(self):
        self.open("benchmarks", benches.equal())
        self.assertIn("3.00 ms", self.text("h1"))
        self.fits("equal")
        self.open("benchmarks", benches.ugly())
        text = self.text()
        self.assertIn("集計する", text)
        self.assertIn("τέλος <b>&", text)
        rows = {row[0].split("\n")[0]: row for row in self.table("Figures of the benchmarks")}
        self.assertEqual(rows["集計する"][7:], ["11", "0 (8), 3 (3)"])
        self.assertEqual(rows["nothing"][1], "–")
        self.assertTrue(self.browser.js("return !!document.querySelector('main path.failed[d^=M]')"))
        self.fits("ugly")

    def test_a_recording_without_runs_has_no_benchmarks(self):
        self.open("overview", recordings.nothing())
        self.assertNotIn("Benchmarks", self.text("nav.views"))


class Narrow(Page):
    width, dark = 390, True

    def test_benchmarks_fit(self):
        for bundle in (benches.two(), benches.ugly(), benches.thousand(), benches.one()):
            self.open("benchmarks", bundle)
            self.assertEqual(self.browser.js(OVERFLOW, self.width), [], bundle.name)
            self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390, bundle.name)
            self.assertEqual(self.axe(), [], bundle.name)


class ServedBenchmarks(Served):
    @classmethod
    def setUpClass(cls):
        for make in (benches.two, benches.one, benches.equal, benches.thousand, benches.ugly):
            make()
        (benches.two().parent / "nothing.perf.zip").write_bytes(recordings.nothing().read_bytes())
        cls.server = recordings.Server(benches.two().parent)
        super(Served, cls).setUpClass()


class ServedBenchmarksTest(ServedBenchmarks, Wide, unittest.TestCase):
    def test_the_page_says_what_bench_says(self):
        target = benches.two().parent / "real.perf.zip"
        said = perfcollect("bench", "--runs", "8", "--format", "json", "-o", target, "true", "sleep 0.01").stdout
        said = json.loads(said)
        self.open("benchmarks", target)
        rows = self.table("Figures of the benchmarks")
        self.assertEqual([row[0] for row in rows], [one["name"] for one in said["benchmarks"]])
        scale = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}
        unit = scale[self.text("main [aria-label='Figures of the benchmarks'] thead th:nth-child(2)").split(", ")[1]]
        for row, benchmark in zip(rows, said["benchmarks"]):
            wall = benchmark["metrics"]["wall_ns"]
            self.assertEqual(row[7], str(wall["n"]))
            for place, name in ((1, "median"), (3, "mean"), (5, "min"), (6, "max")):
                self.assertAlmostEqual(float(row[place].replace(",", "")) * unit, wall[name], delta=wall[name] * 0.01)
        words = {"slower": "slower", "faster": "faster", "same": "same", "inconclusive": "inconclusive"}
        wall = next(one for one in said["comparisons"] if one["metric"] == "wall_ns")
        self.assertEqual(self.table("Differences")[0][4], words[wall["verdict"]])


class ExportedBenchmarksTest(Exported, Wide, unittest.TestCase):
    pass


class ServedNarrowBenchmarksTest(ServedBenchmarks, Narrow, unittest.TestCase):
    pass


class ExportedNarrowBenchmarksTest(Exported, Narrow, unittest.TestCase):
    pass


class Trend(Page):
    """The history of a library; it needs a server."""

    sessions = 12

    @classmethod
    def setUpClass(cls):
        cls.server = recordings.Server(benches.history(cls.sessions, f"history-{cls.sessions}"))
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.close()

    def home(self):
        return self.server.address

    def show(self):
        self.browser.goto(f"{self.server.address}#v=1&view=trend")
        self.browser.wait("the history", "document.querySelector('main[data-view=trend] h1')")
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [])
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), self.width)
        self.assertEqual(self.axe(), [])


class TrendTest(Trend, unittest.TestCase):
    def test_a_change_is_suspected_and_can_be_confirmed(self):
        self.show()
        self.assertRegex(self.text("h1"), r"^[12] suspected changes? in 3 series, [12] for the worse$")
        self.assertIn("sort · wall time", self.text("main figure h2"))
        self.assertEqual(self.browser.js("return document.querySelectorAll('main figure')[0]"
                                         ".querySelector('path.counted').getAttribute('d').match(/h0/g).length"), 12)
        self.assertEqual(self.browser.js("return document.querySelectorAll('main figure')[0]"
                                         ".querySelectorAll('.mark.worse').length"), 1)
        self.assertRegex(self.text("main .suspects"), r"\+\d+ %")
        self.assertRegex(self.text("main figure details"), "12 sessions")


class NarrowTrendTest(Trend, unittest.TestCase):
    width, dark = 390, True

    def test_a_history_fits(self):
        self.show()


class ShortTrendTest(Trend, unittest.TestCase):
    sessions = 3

    def test_too_few_sessions_say_so(self):
        self.show()
        self.assertRegex(self.text("h1"), r"^No trend yet: .*4 sessions.*the most here is 3 sessions$")
        self.assertFalse(self.browser.js("return !!document.querySelector('main figure')"))


if __name__ == "__main__":
    unittest.main()
