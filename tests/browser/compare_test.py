"""Two recordings in one page: from the server's library, from dropped files, and in one exported file."""

import base64
import unittest
import urllib.parse

import page_test
import recordings

ROW = """const row = [...document.querySelectorAll(arguments[0] + ' tbody tr')]
    .find(r => r.cells[0].innerText.includes(arguments[1]));
return row ? [...row.cells].map(c => c.innerText.trim()) : null"""

COLOURS = """const canvas = document.querySelector('main canvas.flame');
const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
const counts = {};
for (let i = 0; i < data.length; i += 4) {
    const colour = `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`;
    counts[colour] = (counts[colour] ?? 0) + 1;
}
return counts"""

SWATCHES = """return [...document.querySelectorAll('main .scale li')]
    .map(li => [getComputedStyle(li.querySelector('.swatch')).backgroundColor, li.innerText.trim()])"""

RUNS = 8


class Compare(page_test.Page):
    def compare(self, base, new, more=""):
        self.browser.goto(self.two(base, new, more))
        self.browser.wait("the comparison", "document.querySelector('main[data-view=compare] .compare h1')"
                                            " && !document.querySelector('main progress')")
        self.assertGreater(self.drawn(), 5)

    def several(self, more=""):
        self.compare(recordings.planted(False, RUNS), recordings.planted(True, RUNS), more)

    def table(self):
        self.browser.js("document.querySelector('main .flame-table').open = true")
        self.browser.wait("the table behind the picture", "document.querySelector('main .flame-table tbody tr')")

    def row(self, css, name):
        return self.browser.wait(f"the row of {name}", lambda: self.browser.js(ROW, css, name))


class Wide(Compare):
    def test_a_planted_regression_is_named_first_and_coloured(self):
        self.several()
        heading = self.text("main h1")
        self.assertRegex(heading, r"(slower|more).*遅くなった")
        functions = "[aria-label='Functions of both sides']"
        first = self.browser.js("return document.querySelector(arguments[0] + ' tbody tr').innerText", functions)
        self.assertIn("遅くなった", first)
        self.assertRegex(first, r"worse[\s\S]*\+[\d.]+ ms \[\+")
        self.table()
        self.assertIn("worse", self.row(".flame-table", "遅くなった"))
        self.assertIn("inside noise", self.row(".flame-table", "steady"))
        swatches, colours = self.browser.js(SWATCHES), self.browser.js(COLOURS)
        words = [text for _, text in swatches]
        self.assertRegex(words[0], r"^-[\d.]+ m?s$")
        strongest = next(colour for colour, text in reversed(swatches) if text.startswith("+"))
        grey = next(colour for colour, text in swatches if "noise" in text)
        self.assertGreater(colours.get(strongest, 0), 100)
        self.assertGreater(colours.get(grey, 0), 100)

    def test_a_caller_of_the_regression_is_coloured_too(self):
        self.several()
        self.table()
        self.assertIn("worse", self.row(".flame-table", "main"))

    def test_removed_stacks_are_drawn_on_demand(self):
        self.several()
        self.table()
        self.assertNotIn("only_before", self.text("main .flame-table"))
        self.assertIn("new", self.row(".flame-table", "only_now"))
        self.browser.js("[...document.querySelectorAll('main .flame-controls button')]"
                        ".find(b => /removed/i.test(b.innerText)).click()")
        self.browser.wait("the choice in the address", lambda: "gone=1" in self.browser.url)
        self.assertIn("gone", self.row(".flame-table", "only_before"))
        self.browser.wait("its colour in the legend", "/gone/.test(document.querySelector('main .scale').innerText)")
        self.browser.back()
        self.browser.wait("it to be undone", lambda: "gone=1" not in self.browser.url)

    def test_shares_are_a_scale_of_their_own(self):
        self.several("&scale=proportional")
        self.assertRegex(self.text("main .scale"), r"\+[\d.]+ points")
        self.table()
        self.assertRegex(" ".join(self.row(".flame-table", "遅くなった")), r"\d %.*worse")

    def test_one_run_a_side_says_that_noise_is_unknown(self):
        self.compare(recordings.planted(False), recordings.planted(True))
        self.assertRegex(self.text("main h1"), r"one run a side")
        self.assertRegex(self.text("main .flame-sentence"), r"(?i)noise is unknown")
        self.table()
        self.assertIn("noise unknown", self.row(".flame-table", "遅くなった"))
        self.assertTrue(self.browser.js("return !!document.querySelector('main .swatch.hatched')"))
        self.assertIn("inconclusive", self.text("main [aria-label=Verdicts]"))

    def test_sides_change_places(self):
        self.several()
        before = self.text("main h1")
        self.browser.js("[...document.querySelectorAll('main .tools-row button')].find(b => /⇄/.test(b.innerText)).click()")
        self.browser.wait("the other way round", lambda: "sides=1-0" in self.browser.url and self.text("main h1") != before)
        self.table()
        self.assertIn("better", self.row(".flame-table", "遅くなった"))

    def test_the_picture_searches_zooms_and_is_walked_by_keys(self):
        self.several()
        self.browser.keys("/")
        self.browser.wait("the search field", "document.activeElement.matches('[data-search]')")
        self.browser.keys("steady")
        self.browser.wait("the share", "/\\d.*%/.test(document.querySelector('main .matched').innerText)")
        self.browser.js("document.querySelector('main canvas.flame').focus()")
        self.browser.keys("\ue015\ue015\ue007")
        self.browser.wait("what is read out", "/base|worse|noise|new/.test("
                                              "document.querySelector('main .flame-picture [aria-live]').innerText)")

    def test_the_frame_under_the_pointer_tells_both_sides(self):
        self.several()
        box = self.browser.js("const c = document.querySelector('main canvas.flame'); c.scrollIntoView({block: 'center'});"
                              "const b = c.getBoundingClientRect(); return [b.x, b.y, b.width]")
        self.browser.move(box[0] + box[2] * 0.2, box[1] + 18 * 2 - 9)
        words = self.browser.wait("the tooltip", "document.querySelector('main .flame-tooltip')?.innerText")
        for word in ("base", "new", "difference", f"{RUNS} runs"):
            self.assertIn(word, words)

    def test_it_is_accessible_and_keeps_its_place(self):
        for base, new in ((recordings.planted(False, RUNS), recordings.planted(True, RUNS)),
                          (recordings.planted(False), recordings.ugly())):
            self.compare(base, new, "&gone=1")
            self.assertEqual(self.axe(), [])
            self.assertEqual(self.browser.js(page_test.OVERFLOW, self.width), [])

    def test_a_side_without_samples_says_so(self):
        self.browser.goto(self.two(recordings.nothing(), recordings.planted(True)))
        self.browser.wait("the reason", "/no (stack )?samples/i.test(document.querySelector('main .compare')?.innerText)")
        self.assertIn("wall time", self.text("main [aria-label=Verdicts]"))


class Narrow(Compare):
    """A phone, in the dark."""

    width, dark = 390, True

    def test_it_fits_and_is_accessible(self):
        for base, new in ((recordings.planted(False, RUNS), recordings.planted(True, RUNS)),
                          (recordings.planted(False), recordings.ugly())):
            self.compare(base, new)
            self.assertEqual(self.browser.js(page_test.OVERFLOW, self.width), [])
            self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390)
            self.assertEqual(self.axe(), [])

    def test_the_label_of_a_tick_at_the_end_stays_inside(self):
        self.several()
        self.browser.wait("the labels", "document.querySelector('main .runs-axis span')")
        for at in (0, 0.97, 1):
            ends = self.browser.js("""const label = [...document.querySelectorAll('main .runs-axis span')].pop();
                label.textContent = '1,234.5 ms'; label.style.setProperty('--at', arguments[0]);
                const [inner, outer] = [label, label.parentElement].map(e => e.getBoundingClientRect());
                return [inner.left - outer.left, outer.right - inner.right, inner.width]""", at)
            self.assertGreaterEqual(min(ends), -0.5, f"at {at}")


class Served(page_test.Served):
    @classmethod
    def setUpClass(cls):
        for slower in (False, True):
            for runs in (1, RUNS):
                recordings.planted(slower, runs)
        super().setUpClass()

    def two(self, base, new, more=""):
        return f"{self.server.address}#v=1&view=compare&bundle={new.name}&against={urllib.parse.quote(base.name)}{more}"


class Exported(page_test.Exported):
    def two(self, base, new, more=""):
        return f"{recordings.exported(new, base)}#v=1&view=compare&against={urllib.parse.quote(base.name)}{more}"


class ServedWideTest(Served, Wide, unittest.TestCase):
    def test_the_library_marks_a_base_and_opens_the_comparison(self):
        self.browser.goto(self.server.address + "#v=1&view=library")
        follow = """const row = [...document.querySelectorAll('main .library tbody tr')]
            .find(r => r.innerText.includes(arguments[0]));
        const link = row && [...row.querySelectorAll('a')].find(a => a.innerText === arguments[1]);
        link?.focus(); return link && document.activeElement === link"""
        base, new = recordings.planted(False, RUNS), recordings.planted(True, RUNS)
        numbers = {}
        for path, word in ((base, "as base"), (new, "compare")):
            name = f"planted.py {int(path == new)}"
            self.browser.wait(word, lambda: self.browser.js(follow, name, word))
            self.browser.keys("\ue007")
            numbers[word] = self.browser.url
        self.assertIn("against=", numbers["as base"])
        self.browser.wait("the comparison", "document.querySelector('main[data-view=compare] .compare h1')")

    def test_a_second_dropped_file_offers_a_comparison(self):
        self.browser.goto(self.server.address + "#v=1&view=library")
        self.browser.wait("the library", "document.querySelector('main[data-view=library] table')")
        drop = lambda path: self.browser.js(page_test.DROP, base64.b64encode(path.read_bytes()).decode(), path.name)
        drop(recordings.planted(False))
        self.browser.wait("the first", "document.querySelector('main[data-view=overview] h1')")
        self.assertFalse(self.browser.js("return !!document.querySelector('.offer')"))
        drop(recordings.planted(True))
        self.browser.wait("the offer", "/before-1/.test(document.querySelector('.offer')?.innerText)")
        self.browser.click(".offer button")
        self.browser.wait("the comparison", "/遅くなった/.test(document.querySelector('main .compare')?.innerText)")
        self.assertIn("against=before-1", self.browser.url)

    def test_a_side_that_is_not_there_says_so(self):
        self.browser.goto(f"{self.server.address}#v=1&view=compare&bundle={recordings.orders().name}&against=lost.perf.zip")
        self.browser.wait("the reason", "/lost.perf.zip.*(no such|not here|cannot)/.test(document.querySelector('main')?.innerText)")
        self.browser.console_errors()
        self.browser.events.clear()


class ExportedWideTest(Exported, Wide, unittest.TestCase):
    def test_a_page_of_two_opens_with_the_comparison(self):
        self.browser.goto(recordings.exported(recordings.planted(True), recordings.planted(False)))
        self.browser.wait("the comparison", "document.querySelector('main[data-view=compare] .compare h1')")
        self.assertIn("before-1", self.text("main .tools-row"))


class ServedNarrowTest(Served, Narrow, unittest.TestCase):
    pass


class ExportedNarrowTest(Exported, Narrow, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
