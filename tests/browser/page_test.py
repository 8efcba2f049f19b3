"""The page in a real browser: the same checks on the served page and on the exported file."""

import base64
import unittest

import recordings
from webdriver import Browser

VIEWS = ["overview", "flame", "functions", "source", "timeline", "environment"]
AXE = recordings.ROOT / "target/axe/package/axe.min.js"

OVERFLOW = """return [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    if (!(box.width > 0 && box.right > Math.min(innerWidth, arguments[0]) + 1)) return false;
    for (let p = e.parentElement; p; p = p.parentElement)
        if (getComputedStyle(p).overflowX !== 'visible') return false;
    return true;
}).map(e => `${e.tagName}.${e.className} "${e.innerText?.slice(0, 40)}"`).slice(0, 5)"""

DRAWN = """const canvas = document.querySelector('main canvas.flame');
if (!canvas || !canvas.width || !canvas.height) return 0;
const copy = document.createElement('canvas');
copy.width = canvas.width; copy.height = canvas.height;
const context = copy.getContext('2d');
context.drawImage(canvas, 0, 0);
const data = new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer);
return new Set(data).size"""

DROP = """const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], arguments[1]));
for (const type of ['dragenter', 'dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));"""


class Page:
    """What both pages must do. A subclass says where the page is."""

    width, dark = 1440, False

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser(width=cls.width, dark=cls.dark)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        self.browser.goto("about:blank")
        self.browser.console_errors()
        self.browser.events.clear()

    def tearDown(self):
        errors, requests = self.browser.console_errors(), self.browser.requests()
        foreign = [url for url in requests if not url.startswith((self.home(), "blob:", "about:"))]
        self.assertEqual(errors, [])
        self.assertEqual(foreign, [])

    def open(self, view, bundle=None, more=""):
        self.browser.goto(self.address(bundle or recordings.orders(), f"view={view}{more}"))
        self.browser.wait(f"the view {view}",
                          f"document.querySelector('main[data-view={view}]') && !document.querySelector('main .reading')")

    def drawn(self):
        """Waits until the picture of the view has colours; how many."""
        return self.browser.wait("a drawn canvas", lambda: (n := self.browser.js(DRAWN)) > 5 and n)

    def text(self, css="main"):
        return self.browser.js("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def axe(self):
        # Through the debugger: the page's own policy forbids foreign scripts.
        self.browser.cdp("Runtime.evaluate", expression=AXE.read_text())
        found = self.browser.js_async(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations))")
        return [f"{v['id']}: {v['help']}: {n['target']} {n.get('failureSummary', '')[:200]}"
                for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"][:3]]


class Wide(Page):
    def test_opens_with_the_answer_first(self):
        self.open("overview")
        text = self.text()
        self.assertIn("orders.py", self.text("body"))
        self.assertRegex(text, r"spent .*\d")
        self.assertRegex(text, r"samples")

    def test_views_switch_and_back_undoes(self):
        self.open("overview")
        for view in VIEWS[1:]:
            self.browser.click(f"nav.views a[href*='view={view}']")
            self.browser.wait(view, f"document.querySelector('main[data-view={view}]')")
            self.assertIn(f"view={view}", self.browser.url)
        for view in reversed(VIEWS[:-1]):
            self.browser.back()
            self.browser.wait(f"back to {view}", f"document.querySelector('main[data-view={view}]')")

    def test_keys_open_views_and_the_list_of_keys(self):
        self.open("overview")
        self.browser.keys("?")
        self.browser.wait("the list of keys", "document.querySelector('dialog[open]')")
        self.browser.keys("\ue00c")
        self.browser.wait("it to close", "!document.querySelector('dialog[open]')")
        before = self.browser.js("return document.documentElement.dataset.theme")
        self.browser.keys("t")
        self.browser.wait("the other theme", f"document.documentElement.dataset.theme !== '{before}'")
        self.browser.keys("t")

    def test_the_flame_graph_zooms_and_back_undoes(self):
        self.open("flame")
        self.drawn()
        start = self.browser.url
        box = self.browser.js("const b = document.querySelector('main canvas.flame').getBoundingClientRect();"
                              "return [b.x, b.y, b.width, b.height]")
        # The third row, left: the heaviest frame of that depth.
        self.browser.double_click(box[0] + box[2] * 0.2, box[1] + 18 * 3 - 9)
        self.browser.wait("the zoom in the address", lambda: "zoom=" in self.browser.url)
        self.browser.back()
        self.browser.wait("the zoom to be undone", lambda: self.browser.url == start)

    def test_the_flame_graph_searches(self):
        self.open("flame")
        self.drawn()
        self.browser.keys("/")
        self.browser.wait("the search field", "document.activeElement.matches('[data-search]')")
        self.browser.keys("parse")
        self.browser.wait("the matched share", "/\\d.*%/.test(document.querySelector('main .matched')?.innerText ?? '')")
        self.assertIn("q=parse", self.browser.url)

    def test_the_flame_graph_has_modes_and_a_table(self):
        for mode in ("merged", "time", "inverted"):
            self.open("flame", more=f"&mode={mode}")
            self.assertGreater(self.drawn(), 5)
        self.browser.js("document.querySelector('main details summary').click()")
        self.browser.wait("the table behind it", "document.querySelectorAll('main table tbody tr').length > 3")

    def test_a_context_menu_offers_all_transforms(self):
        self.open("flame")
        self.drawn()
        box = self.browser.js("const b = document.querySelector('main canvas.flame').getBoundingClientRect();"
                              "return [b.x, b.y, b.width]")
        self.browser.right_click(box[0] + box[2] * 0.2, box[1] + 18 * 3 - 9)
        menu = self.browser.wait("the menu", "document.querySelector('[role=menu]')?.innerText").lower()
        for word in ("focus", "hide", "merge", "collapse", "recursion", "copy"):
            self.assertIn(word, menu)
        self.browser.keys("\ue00c")

    def test_a_range_of_the_timeline_restricts_other_views(self):
        self.open("timeline")
        self.browser.wait("an area", "document.querySelector('main .chart path[d^=M]')")
        total = self.browser.js("return document.querySelectorAll('.chips button').length")
        box = self.browser.js("const b = document.querySelector('main .chart .plot').getBoundingClientRect();"
                              "return [b.x, b.y, b.width, b.height]")
        y = box[1] + box[3] / 2
        self.browser.drag(box[0] + box[2] * 0.4, y, box[0] + box[2] * 0.6, y)
        self.browser.wait("the range in the address", lambda: "range=" in self.browser.url)
        self.browser.wait("its chip", f"document.querySelectorAll('.chips button').length > {total}")
        self.browser.click("nav.views a[href*='view=functions']")
        self.browser.wait("functions", "document.querySelector('main[data-view=functions]')")
        self.assertIn("range=", self.browser.url)
        self.assertRegex(self.text("header"), r"\d of [\d,]+ samples")

    def test_functions_sort_and_show_callers(self):
        self.open("functions")
        self.browser.wait("rows", "document.querySelectorAll('main table tbody tr').length > 3")
        first = self.text("main table tbody tr")
        self.browser.js("[...document.querySelectorAll('main table th button')]"
                        ".find(b => /total/i.test(b.innerText)).click()")
        self.browser.wait("another order", lambda: self.text("main table tbody tr") != first)
        self.browser.js("document.querySelector('main table tbody tr').click()")
        self.browser.wait("callers and callees", "/callers/i.test(document.querySelector('main').innerText)")

    def test_functions_are_filtered_and_chosen_by_keys(self):
        self.open("functions")
        self.browser.wait("rows", "document.querySelectorAll('main table tbody tr').length > 3")
        self.browser.keys("/parse")
        self.browser.wait("the filter in the address", lambda: "filter=parse" in self.browser.url)
        self.assertRegex(self.text("main .count"), r"^[1-9]\d* of [\d,]+ functions")
        self.browser.js("document.querySelector('main .virtual').focus()")
        self.browser.keys("\ue015")
        self.browser.wait("the chosen row in the address", lambda: "fn=" in self.browser.url)
        self.browser.wait("its panel", "document.querySelector('main aside h2').innerText ==="
                                       " document.querySelector('main tr.chosen button').innerText")

    def test_the_strip_at_the_foot_chooses_a_range(self):
        self.open("overview")
        box = self.browser.js("const b = document.querySelector('.cpu-strip .plot').getBoundingClientRect();"
                              "return [b.x, b.y, b.width, b.height]")
        y = box[1] + box[3] / 2
        self.browser.drag(box[0] + box[2] * 0.2, y, box[0] + box[2] * 0.7, y)
        self.browser.wait("its chip", "document.querySelector('.chips button')")
        self.browser.back()
        self.browser.wait("no chip", "!document.querySelector('.chips button')")

    def test_a_dropped_bundle_opens(self):
        self.open("overview")
        bundle = recordings.ugly()
        self.browser.js(DROP, base64.b64encode(bundle.read_bytes()).decode(), bundle.name)
        self.browser.wait("the other recording", "document.body.innerText.includes('集計する')")

    def test_a_damaged_file_says_what_is_wrong(self):
        self.open("overview")
        cut = recordings.orders().read_bytes()[:5000]
        self.browser.js(DROP, base64.b64encode(cut).decode(), "cut.perf.zip")
        self.browser.wait("the failure", "/recover/.test(document.querySelector('main').innerText)")

    def test_the_recording_says_how_good_it_is(self):
        for view in ("overview", "flame", "functions", "source"):
            self.open(view)
            self.browser.wait("the line", "/\\d+ of 499 Hz native reached.*samples.*lost/s.test("
                                          "document.querySelector('main .honesty')?.innerText ?? '')")

    def test_the_clock_is_chosen_by_key_and_undone_by_its_chip(self):
        self.open("functions", recordings.waiting())
        self.browser.wait("rows", "document.querySelectorAll('main table tbody tr').length > 3")
        self.assertNotIn("[waiting", self.text("main .functions-table"))
        self.browser.keys("k")
        self.browser.wait("the clock in the address", lambda: "clock=wall" in self.browser.url)
        self.browser.wait("waiting among the functions",
                          "/\\[(sleeping|waiting)/.test(document.querySelector('main .functions-table').innerText)")
        self.assertIn("wall time", self.text("h1"))
        self.browser.click("nav.views a[href*='view=flame']")
        self.assertGreater(self.drawn(), 5)
        self.assertIn("waiting, not running", self.text("main .flame-legend"))
        self.browser.click(".chips .chip")
        self.browser.wait("CPU time again", lambda: "clock=" not in self.browser.url)

    def test_a_recording_without_waiting_has_one_clock(self):
        self.open("functions")
        self.assertNotIn("Wall time", self.text("main"))
        self.browser.keys("k")
        self.assertNotIn("clock=", self.browser.url)

    def test_a_language_restricts_every_view(self):
        self.open("functions")
        self.browser.wait("rows", "document.querySelectorAll('main table tbody tr').length > 3")
        self.assertGreater(self.browser.js("return document.querySelectorAll('main th.edge:not(.python)').length"), 0)
        self.browser.js("const s = document.querySelector('main select[aria-label=Language]');"
                        "s.value = 'python'; s.dispatchEvent(new Event('change', {bubbles: true}))")
        self.browser.wait("the language in the address", lambda: "lang=python" in self.browser.url)
        self.browser.wait("Python alone", "document.querySelectorAll('main .functions-table th.edge').length > 3 &&"
                                          " !document.querySelector('main .functions-table th.edge:not(.python)')")
        self.assertIn("Python only", self.text("header"))
        self.browser.click("nav.views a[href*='view=flame']")
        self.assertGreater(self.drawn(), 5)
        self.browser.click(".chips .chip")
        self.browser.wait("every language", lambda: "lang=" not in self.browser.url)

    def test_lanes_show_what_threads_did_and_restrict_to_one(self):
        self.open("timeline", recordings.waiting())
        self.browser.wait("lanes", "document.querySelectorAll('main .lane path.s0').length > 0")
        self.assertRegex(self.text("main .states"), r"running[\s\S]*(sleeping|waiting)")
        self.assertIn("等待者-0", self.text("main .lanes"))
        self.browser.js("[...document.querySelectorAll('main .lane button')]"
                        ".find(b => b.innerText.includes('等待者-0')).click()")
        self.browser.wait("the thread in the address", lambda: "tid=" in self.browser.url)
        self.assertIn("thread 等待者-0", self.text("header"))
        self.browser.js("[...document.querySelectorAll('main details summary')].at(-1).click()")
        self.browser.wait("the table behind them", "/等待者-1/.test("
                          "document.querySelector('main [aria-label=\"What processes and threads did\"]')?.innerText)")

    def test_lines_of_the_chosen_function_are_shown(self):
        self.open("functions", more="&filter=parse_items")
        self.browser.wait("its row", "document.querySelectorAll('main tr.chosen').length > 0")
        self.browser.js("[...document.querySelectorAll('main aside button')]"
                        ".find(b => /source/i.test(b.innerText)).click()")
        self.browser.wait("the lines", "document.querySelector('main[data-view=source] h2')?.innerText.endsWith('orders.py')")
        self.assertRegex(self.text("main [aria-label=Lines]"), r"\d")
        self.assertIn("--source", self.text("main"))
        self.browser.js("document.querySelectorAll('main aside a')[1].click()")
        self.browser.wait("another file", lambda: "file=" in self.browser.url)
        self.browser.back()
        self.browser.wait("the first one", lambda: "file=" not in self.browser.url)

    def test_captured_text_stands_beside_its_figures(self):
        self.open("source", recordings.leaking())
        self.browser.wait("a line's text", "/sum\\(i \\* i/.test(document.querySelector('main [aria-label=Lines]')?.innerText)")
        self.assertEqual(self.axe(), [])
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [])

    def test_memory_shows_what_grew(self):
        self.open("memory", recordings.leaking())
        self.assertGreater(self.drawn(), 5)
        self.assertRegex(self.text("h1"), r"held [\d.]+ (KiB|MiB) at the end")
        table = self.text("main [aria-label='Live memory by function']")
        self.assertIn("覚える", table)
        self.assertRegex(table, r"\+[\d.]+ (KiB|MiB)")
        self.browser.wait("its areas", "document.querySelectorAll('main .chart path[d^=M]').length == 2")
        self.assertEqual(self.axe(), [])
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [])
        self.open("overview")
        self.assertNotIn("Memory", self.text("nav.views"))

    def test_exact_calls_are_listed(self):
        self.open("functions", recordings.waiting())
        text = self.browser.wait("exact calls", "document.querySelector('main .exact-calls')?.innerText")
        self.assertRegex(text, r"順番を待つ[\s\S]*4")

    def test_ugly_data_keeps_its_place(self):
        for bundle in (recordings.nothing(), recordings.ugly(), recordings.waiting()):
            self.open("overview", bundle)
            # On a busy machine a program of a millisecond is gone before its resources are read.
            read = bundle != recordings.nothing() or "Timeline" in self.text("nav.views")
            for view in ("overview", *(["timeline"] if read else []), "environment"):
                self.open(view, bundle)
                self.assertEqual(self.browser.js(OVERFLOW, self.width), [], f"{bundle.name} {view}")
        self.open("overview", recordings.nothing())
        self.assertRegex(self.text(), r"(?i)no (stack )?samples")

    def test_every_view_is_accessible(self):
        for bundle in (recordings.orders(), recordings.waiting()):
            for view in VIEWS:
                self.open(view, bundle, "&clock=wall")
                self.assertEqual(self.axe(), [], view)
                self.assertEqual(self.browser.js(OVERFLOW, self.width), [], view)


class Narrow(Page):
    """A phone, in the dark."""

    width, dark = 390, True

    def test_every_view_fits_and_is_accessible(self):
        for view in VIEWS:
            self.open(view)
            self.assertEqual(self.browser.js(OVERFLOW, self.width), [], view)
            self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390, view)
            self.assertEqual(self.axe(), [], view)

    def test_long_names_fit(self):
        for bundle in (recordings.ugly(), recordings.waiting()):
            for view in VIEWS:
                self.open(view, bundle, "&clock=wall")
                self.assertEqual(self.browser.js(OVERFLOW, self.width), [], view)
                self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390, view)

    def test_memory_fits(self):
        self.open("memory", recordings.leaking())
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [])
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390)
        self.assertEqual(self.axe(), [])

    def test_a_row_opens_the_rest_of_itself(self):
        self.open("overview")
        self.browser.wait("rows", "document.querySelectorAll('main .rows tbody tr').length > 1")
        heads = self.browser.js("return [...document.querySelectorAll('main .rows thead th')]"
                                ".filter(e => e.offsetWidth).map(e => e.getBoundingClientRect().right)")
        cells = self.browser.js("return [...document.querySelector('main .rows tbody tr').children]"
                                ".filter(e => e.offsetWidth).map(e => e.getBoundingClientRect().right)")
        self.assertEqual(heads, cells)
        self.assertNotIn("faster", self.text("main .rows"))
        self.browser.click("main .rows .more-of-row")
        self.browser.wait("the bound", "/free/.test(document.querySelector('main .rows tr.rest')?.innerText)")
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [])


class Served:
    @classmethod
    def setUpClass(cls):
        for make in (recordings.orders, recordings.ugly, recordings.nothing, recordings.waiting, recordings.leaking):
            make()
        cls.server = recordings.Server(recordings.orders().parent)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.close()

    def home(self):
        return self.server.address

    def address(self, bundle, fragment):
        return f"{self.server.address}#v=1&bundle={bundle.name}&{fragment}"


class Exported:
    def home(self):
        return "file://"

    def address(self, bundle, fragment):
        return f"{recordings.exported(bundle)}#v=1&{fragment}"


class ServedWideTest(Served, Wide, unittest.TestCase):
    def test_new_bundles_appear_without_a_reload(self):
        self.browser.goto(self.server.address)
        self.browser.wait("the library", "document.querySelector('main[data-view=library]')")
        self.browser.wait("its rows", "document.body.innerText.includes('orders')")
        recordings.record("later", "sh", "-c", "echo later-marker >/dev/null")
        self.browser.wait("the new recording", "document.body.innerText.includes('later-marker')")


class ExportedWideTest(Exported, Wide, unittest.TestCase):
    pass


class ServedNarrowTest(Served, Narrow, unittest.TestCase):
    pass


class ExportedNarrowTest(Exported, Narrow, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
