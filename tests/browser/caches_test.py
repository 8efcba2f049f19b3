"""The view of caches, on the served page and on the exported file: recordings of programs whose hits follow from their text."""

import functools
import unittest

import recordings
from page_test import OVERFLOW, Exported, Page, Served

# 200 keys in a loop over 128 slots: no hit at all, and all but the first round with 200 slots.
SHOP = """
import functools
def work(n):
    return sum(i * i for i in range(n))
@functools.lru_cache(maxsize=128)
def price_of(article):
    return work(2000 + article)
@functools.lru_cache(maxsize=256)
def 税率(land):
    return work(20000 + land)
@functools.lru_cache
def never(x):
    return x
def checkout():
    for round in range(60):
        for article in range(200):
            price_of(article)
            税率(article % 10)
checkout()
"""

LONG = """
import functools, random
chance = random.Random(7)
@functools.lru_cache(maxsize=1000)
def look_up(key):
    return key
for key in (int(chance.paretovariate(0.6)) % 300000 for _ in range(1000000)):
    look_up(key)
"""

# fnmatch declares a cache that nothing asks for.
PLAIN = "import fnmatch, functools\n@functools.lru_cache(maxsize=8)\ndef f(x):\n    return x\nfor i in range(1000):\n    f(i % 4)\n"


@functools.cache
def folder():
    folder = recordings.FOLDER / "caches"
    folder.mkdir(exist_ok=True)
    return folder


@functools.cache
def smaller():
    """The same program in another folder, with slots for half of its keys."""
    (folder() / "other").mkdir(exist_ok=True)
    return made("smaller", PLAIN.replace("maxsize=8", "maxsize=2"), script="other/plain.py")


def made(name, program, *options, script=None):
    script = folder() / (script or f"{name}.py")
    script.write_text(program)
    target = folder() / f"{name}.perf.zip"
    recordings.perfcollect("run", *options, "-o", target, "--", "python3", script)
    return target


@functools.cache
def shop():
    return made("shop", SHOP, "--cache-trace")


@functools.cache
def long():
    return made("long", LONG, "--cache-trace", "look_up")


@functools.cache
def plain():
    return made("plain", PLAIN)


class Wide(Page):
    def table(self, label):
        """The cells of a table, row by row."""
        return self.browser.js("return [...document.querySelectorAll(`main [aria-label='${arguments[0]}'] tbody tr`)]"
                               ".map(r => [...r.children].map(c => c.innerText.trim()))", label)

    def caches(self):
        return {row[0].split(".")[-1]: row[1:] for row in self.table("Caches")}

    def fits(self, what):
        self.assertEqual(self.browser.js(OVERFLOW, self.width), [], what)
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), self.width, what)
        self.assertEqual(self.axe(), [], what)

    def choose(self, name):
        self.open("caches", shop(), f"&find={name}")
        self.browser.wait("the verdict of the replay", "!/INCONCLUSIVE/.test(document.querySelector('.verdict').innerText)")

    def test_a_thrashed_cache_is_to_be_resized_not_removed(self):
        self.choose("price_of")
        row = self.caches()["price_of"]
        self.assertEqual((row[0], row[1], row[7]), ("12,000", "0.0", "128 of 128"))
        self.assertEqual(row[9], "RESIZE to 200")
        marks = self.browser.js("return Object.fromEntries([...document.querySelectorAll('.cache-curve .mark')]"
                                ".map(m => [m.classList[1], m.dataset.size]))")
        self.assertEqual(marks, {"now": "128", "knee": "200", "advised": "200"})
        policies = {row[0]: row[1:] for row in self.table("Hit rate by policy and size")}
        self.assertEqual(policies["LRU"], ["0.0", "98.3"])
        self.assertEqual(policies["FIFO"], ["0.0", "98.3"])
        self.assertEqual(len(policies), 13)
        # First uses, all in one part of the run, are what other runs would differ by.
        low, high = (float(rate) for rate in policies.pop("LRU, 95 % interval")[1].strip("[]").split(","))
        self.assertTrue(90 < low <= 98.3 <= high, policies)
        self.assertRegex(self.browser.js("return document.querySelector('.cache-curve .band').getAttribute('d')"), "^M.*Z$")
        self.assertIn("Shaded: where it lies", self.text(".cache-curve .legend"))
        bound = max(float(rates[0]) for rates in policies.values())
        self.assertEqual(float(policies["Belady"][0]), bound)
        self.assertTrue(60 < bound < 65, bound)
        # LRU: nothing up to 199 slots, then everything but first uses.
        self.assertRegex(self.browser.js("return document.querySelector('.cache-curve .lru').getAttribute('d')"),
                         r"L[\d.]+ 100\.0L1000\.0 1\.7$")
        # A policy's name marks its line, once more and it is no longer marked.
        sieve = "[...document.querySelectorAll('[aria-label=\"Hit rate by policy and size\"] tbody a')][3]"
        self.browser.js(sieve + ".click()")
        self.browser.wait("its line", "document.querySelector('.cache-curve path.marked')")
        self.assertEqual(self.browser.js(f"return [{sieve}.innerText, {sieve}.closest('tr').className]"), ["SIEVE", "chosen"])
        self.assertIn("policy=sieve", self.browser.url)
        self.browser.js(sieve + ".click()")
        self.browser.wait("no line", "!document.querySelector('.cache-curve path.marked')")
        facts = self.browser.js("return [...document.querySelectorAll('.cache dl.facts div')].map(d => d.innerText)")
        self.assertEqual([fact.split("\n")[-1].split()[-1] for fact in facts], ["200", "11,800", "0", "0"])
        keys = self.table("Hottest keys")
        self.assertEqual({(key[1], key[2]) for key in keys}, {("60", "0")})
        self.assertIn("180 other keys", self.text())
        self.assertIn("perfcollect caches try", self.text())
        self.assertIn("remove", {row[1] for row in self.table("Rules of other tools")})
        self.assertIn("Where it differs from ours", self.text())
        self.fits("shop")

    def test_names_in_other_scripts_and_caches_nobody_asked(self):
        self.open("caches", shop())
        caches = self.caches()
        self.assertEqual((caches["税率"][0], caches["税率"][1]), ("12,000", "99.9"))
        self.assertEqual((caches["never"][0], caches["never"][1], caches["never"][9]), ("0", "–", "NOT EXERCISED"))
        self.fits("all")

    def test_who_pays_is_told_by_the_profile(self):
        self.choose("price_of")
        callers = self.table("Callers of the cached function")
        self.assertTrue(any(caller[0].startswith("checkout ▸ ") for caller in callers), callers)
        self.assertGreater(sum(float(caller[1]) for caller in callers if "checkout" in caller[0]), 90)

    def test_sort_filter_and_choice_are_the_address(self):
        self.open("caches", shop())
        self.browser.js("[...document.querySelectorAll(\"[aria-label=Caches] th button.sort\")]"
                        ".find(b => b.innerText.startsWith('Cache')).click()")
        self.browser.wait("the order in the address", lambda: "by=-name" in self.browser.url)
        names = [row[0] for row in self.table("Caches")]
        self.assertEqual(names, sorted(names))
        self.browser.js("[...document.querySelectorAll('[aria-label=Caches] tbody tr')]"
                        ".find(r => r.innerText.includes('price_of')).click()")
        self.browser.wait("the choice in the address", lambda: "price_of" in self.browser.url.split("cache=")[-1])
        self.browser.wait("its page", "document.querySelector('.cache h2').innerText.includes('price_of')")
        address = self.browser.url
        self.browser.back()
        self.browser.wait("another again", "!document.querySelector('.cache h2').innerText.includes('price_of')")
        self.browser.goto("about:blank")
        self.browser.goto(address)
        self.browser.wait("the same picture", "document.querySelector('.cache h2')?.innerText.includes('price_of')")
        self.open("caches", shop(), "&find=tax-nothing")
        self.assertEqual(self.table("Caches"), [])

    def test_the_page_answers_while_a_million_requests_are_replayed(self):
        self.browser.goto(self.address(long(), "view=overview"))
        self.browser.wait("the page", "document.querySelector('nav.views a[href*=\"view=caches\"]')")
        self.browser.js("window.frames_ = 0; window.seen_ = [];"
                        "const tick = () => { frames_++; const busy = document.querySelector('main .reading');"
                        "if (busy && busy.innerText !== seen_.at(-1)?.[0]) seen_.push([busy.innerText, frames_]);"
                        "requestAnimationFrame(tick); }; tick();"
                        "document.querySelector('nav.views a[href*=\"view=caches\"]').click()")
        self.browser.wait("every replay", "window.seen_.length > 2 && !document.querySelector('main .reading')", seconds=180)
        seen = self.browser.js("return window.seen_")
        # Each stage was drawn while the next one ran: the page had frames in between.
        self.assertGreater(len(seen), 3, seen)
        self.assertTrue(all(a[1] < b[1] for a, b in zip(seen, seen[1:])), seen)
        self.assertIn("1,000,000 requests", self.text(".cache-curve"))
        self.assertEqual(self.caches()["look_up"][0], "1,000,000")

    def test_without_keys_it_says_how_to_record_them(self):
        self.open("caches", plain(), "&find=plain.py")
        self.assertEqual((self.caches()["f"][0], self.caches()["f"][1]), ("1,000", "99.6"))
        self.assertIn("perfcollect run --cache-trace", self.text())
        self.assertFalse(self.browser.js("return !!document.querySelector('.cache-curve')"))

    def test_what_libraries_declare_and_nobody_asks_for_is_folded(self):
        self.open("caches", plain())
        self.assertEqual(next(iter(self.caches())), "f", "own code first")
        self.assertNotIn("_compile_pattern", self.caches())
        self.assertIn("of libraries that nothing asked for", self.text())
        self.browser.js("[...document.querySelectorAll('main p a')].find(a => a.innerText === 'show').click()")
        self.browser.wait("all of them", "document.querySelector('[aria-label=Caches] table').innerText.includes('compile_pattern')")
        self.assertIn("idle=1", self.browser.url)
        self.assertEqual(next(iter(self.caches())), "f")
        self.open("caches", plain(), "&find=fnmatch")
        self.assertTrue(self.caches(), "what is looked for is listed")

    def test_the_overview_names_the_cache_that_matters_most(self):
        self.open("overview", shop())
        self.browser.wait("the verdict", "document.querySelector('.of-caches')?.innerText.includes('would hit 98 % with 200')")
        self.assertRegex(self.text(".of-caches"), "^cache price_of: hit 0 %, 128 of 128 slots full: .* saves about .*Caches$")
        self.fits("overview")
        self.browser.js("document.querySelector('.of-caches a').click()")
        self.browser.wait("its page", "document.querySelector('.cache h2')?.innerText.includes('price_of')")
        self.open("overview", plain())
        self.assertTrue(self.text(".of-caches"))
        self.assertNotIn("would hit", self.text(".of-caches"))

    def test_a_recording_without_caches_has_no_view(self):
        self.open("overview", nothing())
        self.assertEqual(self.text(".of-caches"), "")
        self.assertNotIn("Caches", self.text("nav.views"))


def nothing():
    target = folder() / "nothing.perf.zip"
    target.write_bytes(recordings.nothing().read_bytes())
    return target


class Narrow(Page):
    width, dark = 390, True

    def test_caches_fit(self):
        for bundle, view in ((shop(), "caches"), (plain(), "caches"), (shop(), "overview")):
            self.open(view, bundle)
            self.assertEqual(self.browser.js(OVERFLOW, self.width), [], bundle.name)
            self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390, bundle.name)
            self.assertEqual(self.axe(), [], bundle.name)


class ServedCaches(Served):
    @classmethod
    def setUpClass(cls):
        for make in (shop, long, plain, smaller, nothing):
            make()
        cls.server = recordings.Server(folder())
        super(Served, cls).setUpClass()


class ServedCachesTest(ServedCaches, Wide, unittest.TestCase):
    def test_hit_rates_of_two_recordings_are_compared(self):
        for base, new, word in ((smaller(), plain(), "better"), (plain(), smaller(), "worse")):
            self.open("compare", new, f"&against={base.name}")
            self.browser.wait("both sides", "document.querySelector('[aria-label=\"Hit rates\"]')")
            row = self.table("Hit rates")[0]
            self.assertEqual((row[0].split(".")[-1], row[1]), ("f", word), row)
            self.assertEqual(sorted(row[3:]), ["0.0", "99.6"])


class ExportedCachesTest(Exported, Wide, unittest.TestCase):
    pass


class ServedNarrowCachesTest(ServedCaches, Narrow, unittest.TestCase):
    pass


class ExportedNarrowCachesTest(Exported, Narrow, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
