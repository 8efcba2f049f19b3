"""Which caches and functions are traced: patterns of names, what fitted them, and what there was besides.

The recording is told, so that a pattern that fits nothing is answered with the names that are near.
"""

from . import quote

_MOST = 500


class Wanted:
    """Patterns of one option; of functions without a cache, or of caches."""

    def __init__(self, patterns, candidate):
        self.patterns = patterns
        self.candidate = "true" if candidate else "false"
        self.fitted, self.others = set(), set()
        # Lines that the recording was not told yet.
        self.news = ['{"pattern":[%s,%s]}\n' % (self.candidate, quote(pattern)) for pattern in patterns]

    def has(self, name, why_not=None, tell=True):
        """Whether a name, or the end of it behind a dot, is one of those that were asked for; `why_not` says why it is not
        traced though."""
        fitting = [pattern for pattern in self.patterns if _fits(name, pattern) or _fits(name, "*." + pattern)]
        if why_not is None and not self.fitted.issuperset(fitting):
            self.fitted.update(fitting)
            self.news.extend(['{"fits":[%s,%s]}\n' % (self.candidate, quote(pattern)) for pattern in fitting])
        if tell and (why_not is not None or not fitting) and name not in self.others and len(self.others) < _MOST:
            self.others.add(name)
            why = "null" if why_not is None else quote(why_not)
            self.news.append('{"other":[%s,%s,%s]}\n' % (self.candidate, quote(name), why))
        return why_not is None and bool(fitting)

    def tell(self, core):
        """Writes what is new."""
        news, self.news = self.news, []
        if news:
            core.append("names", "".join(news))


def _fits(name, glob):
    """Whether `*` and `?` of a pattern can stand for the rest of a name. The module fnmatch would bring `re` into the program,
    whose caches are then counted as its own."""
    if "[" in glob:
        from fnmatch import fnmatchcase

        return fnmatchcase(name, glob)
    at = place = 0
    star = again = -1
    while at < len(name):
        if place < len(glob) and glob[place] == "*":
            star, again, place = place, at, place + 1
        elif place < len(glob) and glob[place] in ("?", name[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            again += 1
            at, place = again, star + 1
        else:
            return False
    return not glob[place:].strip("*")
