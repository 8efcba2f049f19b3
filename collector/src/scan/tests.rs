//! The passes on small sources, each written as the case it is about.

use super::report::{Cache, Candidate, Scan};
use super::{Options, is_test, scan};
use std::fs;

/// Scans files given as (path, text).
fn scanned(files: &[(&str, &str)]) -> Scan {
    let temp = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = temp.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    scan(&Options { root: temp.path().to_owned(), everything: false, jobs: 2, stored: false }).unwrap()
}

fn one(text: &str) -> Scan {
    scanned(&[("m.py", text)])
}

/// What the only cache of a source is: decorator, capacity (`-` unbounded, `?` not told), ttl.
fn check(text: &str, expect: &str) {
    let scan = one(text);
    let told: Vec<String> = scan.caches.iter().map(short).collect();
    assert_eq!(told.join("; "), expect, "{text}\n{:?}", scan.problems);
}

fn short(cache: &Cache) -> String {
    let size = match (cache.capacity, cache.unbounded) {
        (Some(entries), _) => entries.to_string(),
        (None, Some(true)) => "-".into(),
        _ => "?".into(),
    };
    let ttl = cache.ttl_s.map_or(String::new(), |ttl| format!(" {ttl}s"));
    format!("{} {} {size}{ttl}", cache.name.trim_start_matches("m."), cache.decorator)
}

#[test]
fn sizes_of_functools_are_what_python_makes_of_them() {
    let of = |import: &str, decorator: &str| format!("{import}\n@{decorator}\ndef f(x):\n    return x\n");
    let ft = "import functools";
    check(&of(ft, "functools.lru_cache"), "f functools.lru_cache 128");
    check(&of(ft, "functools.lru_cache()"), "f functools.lru_cache 128");
    check(&of(ft, "functools.lru_cache(256)"), "f functools.lru_cache 256");
    check(&of(ft, "functools.lru_cache(maxsize=None)"), "f functools.lru_cache -");
    check(&of(ft, "functools.lru_cache(None, typed=True)"), "f functools.lru_cache -");
    check(&of(ft, "functools.lru_cache(maxsize=0)"), "f functools.lru_cache 0");
    check(&of(ft, "functools.lru_cache(-1)"), "f functools.lru_cache 0");
    check(&of(ft, "functools.lru_cache(2 ** 10)"), "f functools.lru_cache 1024");
    check(&of(ft, "functools.cache"), "f functools.cache -");
    check(&of("import functools as ft", "ft.lru_cache(maxsize=1_000)"), "f functools.lru_cache 1000");
    check(&of("from functools import lru_cache as memo", "memo(8)"), "f functools.lru_cache 8");
    check(&of("from functools import cache", "cache"), "f functools.cache -");
    check(&of("from functools import lru_cache\nSIZE = 64", "lru_cache(maxsize=SIZE)"), "f functools.lru_cache 64");
    check(
        &of("from functools import lru_cache\nimport os\nSIZE = int(os.environ['S'])", "lru_cache(maxsize=SIZE)"),
        "f functools.lru_cache ?",
    );
    check(&of("import functools\nmemo = functools.lru_cache(maxsize=None)", "memo"), "f functools.lru_cache -");
    check("from functools import *\n@lru_cache\ndef f(x): return x\n", "f functools.lru_cache 128");
}

#[test]
fn what_only_sounds_like_a_cache_is_none() {
    check("def invalidate_cache(f): return f\n@invalidate_cache\ndef f(x): return x\n", "");
    check("from mine import lru_cache\n@lru_cache\ndef f(x): return x\n", "");
    check("def lru_cache(f): return f\n@lru_cache\ndef f(x): return x\n", "");
    check("from django.views.decorators.cache import never_cache\n@never_cache\ndef f(x): return x\n", "");
}

#[test]
fn other_spellings() {
    check(
        "from functools import lru_cache\ndef g(x): return x\nf = lru_cache(maxsize=5)(g)\n",
        "f functools.lru_cache 5",
    );
    check("from functools import lru_cache\ndef g(x): return x\nf = lru_cache(g)\n", "f functools.lru_cache 128");
    check(
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return 1\n",
        "C.p functools.cached_property 1",
    );
    check("import functools\n@functools.lru_cache\nasync def f(x): return x\n", "f functools.lru_cache 128");
    check(
        "try:\n    from functools import lru_cache\nexcept ImportError:\n    from backports.functools_lru_cache import lru_cache\n@lru_cache(maxsize=3)\ndef f(x): return x\n",
        "f functools.lru_cache 3",
    );
    check(
        "import functools\ndef memo(function):\n    cached = functools.lru_cache(maxsize=7)(function)\n    return cached\n@memo\ndef f(x): return x\n",
        "memo.<locals>.cached functools.lru_cache 7; f functools.lru_cache 7",
    );
}

#[test]
fn other_libraries() {
    check(
        "from cachetools import cached, TTLCache\n@cached(cache=TTLCache(maxsize=10, ttl=60))\ndef f(x): return x\n",
        "f cachetools.cached(TTLCache) 10 60s",
    );
    check("import cachetools\n@cachetools.cached({})\ndef f(x): return x\n", "f cachetools.cached -");
    check(
        "import cachetools\ndef make():\n    store = {}\n    @cachetools.cached(store)\n    def f(x): return x\n    return f\n",
        "make.<locals>.f cachetools.cached -",
    );
    check(
        "from cachetools import cached, LRUCache\nstore = LRUCache(maxsize=9)\n@cached(store)\ndef f(x): return x\n",
        "store cachetools.LRUCache 9; f cachetools.cached(LRUCache) 9",
    );
    check(
        "import cachetools, operator\nclass C:\n    @cachetools.cachedmethod(operator.attrgetter('cache'))\n    def f(self, x): return x\n",
        "C.f cachetools.cachedmethod ?",
    );
    check(
        "from cachetools.func import ttl_cache\n@ttl_cache(maxsize=4, ttl=30)\ndef f(x): return x\n",
        "f cachetools.func.ttl_cache 4 30s",
    );
    check(
        "from advanced_caching import TTLCache\n@TTLCache.cached('u:{}', ttl=60)\ndef f(x): return x\n",
        "f advanced_caching.TTLCache.cached ? 60s",
    );
    check(
        "from advanced_caching import SWRCache\n@SWRCache.cached('u:{}', ttl=60, stale_ttl=30)\ndef f(x): return x\n",
        "f advanced_caching.SWRCache.cached ? 60s",
    );
    check(
        "from advanced_caching import BGCache\n@BGCache.register_loader('k', interval_seconds=5)\ndef f(): return 1\n",
        "f advanced_caching.BGCache.register_loader ? 5s",
    );
    check(
        "from advanced_caching import TTLCache\nmine = TTLCache.configure(cache=None)\n@mine.cached('k', ttl=2)\ndef f(x): return x\n",
        "f advanced_caching.TTLCache.cached ? 2s",
    );
    check(
        "from advanced_caching import cache, bg\n@cache(60, key='u:{}')\ndef f(x): return x\n@bg(5, key='k')\ndef g(): return 1\n",
        "f advanced_caching.cache ? 60s; g advanced_caching.bg ? 5s",
    );
    check("from aiocache import cached\n@cached(ttl=10)\nasync def f(x): return x\n", "f aiocache.cached ? 10s");
    check("from cashews import cache\n@cache(ttl='1h30m')\nasync def f(x): return x\n", "f cashews.cache ? 5400s");
    check("from cashews import cache\n@cache.early(ttl='10s')\nasync def f(x): return x\n", "f cashews.early ? 10s");
    check(
        "from dogpile.cache import make_region\nregion = make_region().configure('dogpile.cache.memory')\n@region.cache_on_arguments(expiration_time=20)\ndef f(x): return x\n",
        "region dogpile.make_region ?; f dogpile.cache_on_arguments ? 20s",
    );
    check(
        "from diskcache import Cache\nstore = Cache('d')\n@store.memoize(expire=5)\ndef f(x): return x\n",
        "store diskcache.Cache ?; f diskcache.memoize ? 5s",
    );
    check("from joblib import Memory\nmemory = Memory('d')\n@memory.cache\ndef f(x): return x\n", "f joblib.cache ?");
    check(
        "from django.views.decorators.cache import cache_page\n@cache_page(60 * 15)\ndef f(x): return x\n",
        "f django.cache_page ? 900s",
    );
    check(
        "from paracle_core.cache import cached\n@cached(ttl=300)\ndef f(x): return x\n",
        "f paracle.cached 1000 300s",
    );
    check(
        "from flask_caching import Cache\ncache = Cache()\n@cache.memoize(50)\ndef f(x): return x\n",
        "cache flask_caching.Cache ?; f flask_caching.memoize ? 50s",
    );
}

/// Sites of the cache `f`, as `line tier depth`.
fn sites(files: &[(&str, &str)]) -> Vec<String> {
    let scan = scanned(files);
    let cache = scan.caches.iter().find(|cache| cache.name.ends_with('f')).expect("there is a cache f");
    let list = &cache.sites.as_ref().unwrap().list;
    list.iter().map(|site| format!("{}:{} {} {}", site.file, site.line, site.tier, site.loop_depth)).collect()
}

const CORE: &str = "import functools\n@functools.cache\ndef f(x): return x\n";

#[test]
fn calls_are_found_through_imports_and_loops() {
    let user = "from pkg import f as g, core\nimport pkg.core\nfor i in range(3):\n    g(i)\n[core.f(j) for i in y for j in i]\npkg.core.f(1)\nlist(map(g, y))\n";
    let files = [("src/pkg/__init__.py", "from .core import *\n"), ("src/pkg/core.py", CORE), ("user.py", user)];
    assert_eq!(
        sites(&files),
        ["user.py:4 resolved 1", "user.py:5 resolved 2", "user.py:6 resolved 0", "user.py:7 resolved 1"]
    );
}

#[test]
fn lines_are_told_from_the_first_one_on() {
    for (before, line) in [("", 1), ("\n", 2), ("\n\n\n\n\n\n", 7)] {
        let user = format!("{before}from a import f; f(1)\n");
        assert_eq!(sites(&[("a.py", CORE), ("b.py", &user)]), [format!("b.py:{line} resolved 0")]);
    }
}

#[test]
fn a_hidden_name_is_another_function() {
    let user = "from core import f\ndef a(f):\n    f(1)\ndef b():\n    f = len\n    f(2)\ndef c():\n    return f(3)\n";
    assert_eq!(sites(&[("core.py", CORE), ("user.py", user)]), ["user.py:8 resolved 0"]);
}

#[test]
fn methods_are_found_by_class_and_bases() {
    let base = "import functools\nclass Base:\n    @functools.lru_cache\n    def f(self, x): return x\n";
    let user = "from base import Base\nclass Sub(Base):\n    def go(self):\n        self.f(1)\n        super().f(2)\ns = Sub()\ns.f(3)\nclass Other:\n    def f(self): pass\n    def go(self): self.f()\nunknown().f(4)\n";
    let found = sites(&[("base.py", base), ("user.py", user)]);
    assert_eq!(found, ["user.py:4 method 0", "user.py:5 method 0", "user.py:7 method 0", "user.py:11 name 0"]);
}

#[test]
fn tests_are_told_by_their_names_not_by_the_letters_test() {
    for (path, expected) in [
        ("tests/a.py", true),
        ("a/test_b.py", true),
        ("b_test.py", true),
        ("conftest.py", true),
        ("latest.py", false),
        ("contest/attest.py", false),
    ] {
        assert_eq!(is_test(path), expected, "{path}");
    }
    let scan = scanned(&[
        ("core.py", CORE),
        ("test_core.py", "from core import f\nf(1)\n"),
        ("latest.py", "from core import f\nf(1)\n"),
    ]);
    let sites = scan.caches[0].sites.as_ref().unwrap();
    assert_eq!((sites.production, sites.test), (1, 1));
}

/// Purity of the cached function of a source.
fn purity(body: &str, expect: &str) {
    let scan = one(&format!(
        "import functools, os, time, random, math, requests\nTABLE = {{}}\nFIXED = 3\ndef note(xs): xs.append(1)\n{body}"
    ));
    let cache = scan.caches.iter().find(|cache| cache.name == "m.f").expect("there is a cache f");
    assert_eq!(cache.purity.as_ref().unwrap().level, expect, "{body}\n{:?}", cache.purity);
}

#[test]
fn purity_follows_calls_and_arguments() {
    let f = |body: &str| format!("@functools.cache\ndef f(x):\n{body}\n");
    purity(&f("    return math.sqrt(x) + FIXED"), "pure");
    purity(&f("    xs = []\n    note(xs)\n    return tuple(xs)"), "pure");
    purity(&f("    note(x)\n    return 1"), "mutates-argument");
    purity(&f("    x.append(1)\n    return x"), "mutates-argument");
    purity(&f("    x = list(x)\n    x.sort()\n    return tuple(x)"), "pure");
    purity(&f("    return time.time()"), "reads-env-time-random");
    purity(&f("    return os.environ['A'] + x"), "reads-env-time-random");
    purity(&f("    return random.random() * x"), "reads-env-time-random");
    purity(&f("    print(x)\n    return x"), "io");
    purity(&f("    return requests.get(x)"), "io");
    purity(&f("    global FIXED\n    FIXED = x"), "writes-global");
    purity(&f("    TABLE[x] = 1\n    return x"), "writes-global");
    purity(&f("    return x.frobnicate()"), "unknown");
    purity(
        "def a(x): return b(x)\ndef b(x): return c(x) if x else a(x)\ndef c(x): return open(x)\n@functools.cache\ndef f(x): return a(x)\n",
        "io",
    );
    purity("class P:\n    def __init__(self, x): self.x = x\n@functools.cache\ndef f(x): return P(x).x\n", "pure");
}

fn hazards(text: &str, expect: &[&str]) {
    let scan = one(text);
    let ids: Vec<&str> = scan.caches[0].hazards.iter().map(|hazard| hazard.id.as_str()).collect();
    assert_eq!(ids, expect, "{text}");
}

#[test]
fn hazards_are_told_with_their_reason() {
    hazards(
        "import functools\nclass C:\n    @functools.lru_cache(maxsize=4)\n    def f(self, x): return x\n",
        &["self_in_key"],
    );
    hazards(
        "import functools\nclass C:\n    @staticmethod\n    @functools.lru_cache(maxsize=4)\n    def f(x): return x\n",
        &[],
    );
    hazards("import functools\n@functools.lru_cache(maxsize=4)\ndef f(x):\n    yield x\n", &["generator"]);
    hazards("import functools\n@functools.lru_cache(maxsize=4)\nasync def f(x): return x\n", &["coroutine"]);
    hazards("from async_lru import alru_cache\n@alru_cache(maxsize=4)\nasync def f(x): return x\n", &[]);
    hazards("import functools\n@functools.lru_cache(maxsize=4)\ndef f(x): return [x]\n", &["mutable_result"]);
    hazards(
        "import functools\n@functools.lru_cache(maxsize=4)\ndef f(x: list): return 1\nf([1])\n",
        &["unhashable_argument", "unhashable_call"],
    );
    hazards("import functools\n@functools.lru_cache\ndef f(x): return x\n", &["default_size"]);
    hazards("import functools\n@functools.lru_cache(maxsize=0)\ndef f(x): return x\n", &["size_zero"]);
    hazards("import functools\n@functools.cache\ndef f(x): return x\n", &["unbounded"]);
    hazards("import functools\n@functools.cache\ndef f(): return 1\n", &[]);
    hazards(
        "import functools\ndef g():\n    @functools.lru_cache(maxsize=4)\n    def f(x): return x\n    return f\n",
        &["new_for_each_call"],
    );
    hazards(
        "from paracle_core.cache import cached\n@cached(ttl=3)\ndef f(x):\n    if x:\n        return 1\n",
        &["none_not_cached"],
    );
    hazards("import functools\n@functools.lru_cache(maxsize=4)\ndef f(x):\n    print(x)\n    return x\n", &["impure"]);
}

#[test]
fn candidates_are_pure_repeated_and_maybe_expensive() {
    let text = "def slow(n):\n    total = 0\n    for i in range(n):\n        for j in range(i):\n            total += j\n    return total\n\
                def noisy(n):\n    for i in range(n):\n        print(i)\n    return n\n\
                def gen(n):\n    for i in range(n):\n        yield i\n\
                def main(items, k):\n    for item in items:\n        slow(k)\n        noisy(item)\n        gen(item)\n";
    let scan = one(text);
    let found: Vec<(&str, String)> =
        scan.candidates.iter().map(|c: &Candidate| (c.name.as_str(), c.indicators.join(" "))).collect();
    assert_eq!(found, [("m.slow", "nested_loops same_arguments".to_owned())]);
}

#[test]
fn what_does_not_parse_is_told_and_the_rest_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("bad.py"), "x = 1\nprint 'two'\n").unwrap();
    fs::write(temp.path().join("bytes.py"), b"x = '\xff'\n").unwrap();
    fs::write(temp.path().join("größe.py"), "import functools\n@functools.cache\ndef größe(x): return x\n").unwrap();
    fs::write(temp.path().join("deep.py"), format!("x = {}1{}\n", "(".repeat(3000), ")".repeat(3000))).unwrap();
    fs::write(temp.path().join("long.py"), format!("x = {}1\n", "1 + ".repeat(50_000))).unwrap();
    let scan = scan(&Options { root: temp.path().to_owned(), everything: false, jobs: 1, stored: false }).unwrap();
    let problems: Vec<(&str, Option<u32>)> = scan.problems.iter().map(|p| (p.file.as_str(), p.line)).collect();
    assert!(problems.starts_with(&[("bad.py", Some(2)), ("bytes.py", Some(1))]), "{problems:?}");
    assert_eq!(scan.caches[0].name, "größe.größe");
}
