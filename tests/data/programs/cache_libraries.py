"""Caches of libraries with known hits and misses: `cache_libraries.py NAME` uses one of them, by the real package."""

import asyncio
import pickle
import sys
import tempfile
import threading
import time


def cachetools():
    from cachetools import LRUCache, TTLCache, cached, cachedmethod

    store = TTLCache(10, 60)
    store["a"] = 1
    assert (store["a"], store.get("a"), store.get("b"), store.pop("a")) == (1, 1, None, 1)
    for number in range(12):
        store[number] = number
    assert type(pickle.loads(pickle.dumps(store))) is TTLCache and store.__class__ is TTLCache

    @cached(LRUCache(10))
    def quiet(number):
        return number

    @cached(LRUCache(10), info=True)
    def told(number):
        return number

    @cached({})
    def plain(number):
        return number

    class Shop:
        def __init__(self):
            self.prices = LRUCache(3)

        @cachedmethod(lambda self: self.prices)
        def price(self, number):
            return number

    for number in range(5):
        quiet(number % 2), told(number % 2), plain(number % 2)
    for shop in (Shop(), Shop()):
        for number in (1, 1, 2):
            shop.price(number)
    assert told.cache_info().hits == 3 and not hasattr(quiet, "cache_info")
    return locals()


def diskcache():
    import diskcache

    disk = diskcache.Cache(tempfile.mkdtemp())
    disk["a"] = None
    assert disk.get("a", 1) is None and disk.get("b", 2) == 2 and disk["a"] is None
    assert disk.get("b", 5, expire_time=True) == (5, None)
    fan = diskcache.FanoutCache(tempfile.mkdtemp(), shards=3)
    for number in range(6):
        fan.get(number)
        fan.set(number, number)
        fan.get(number)
    return locals()


def cashews():
    from cashews import cache

    cache.setup("mem://", size=100)

    @cache(ttl="1h")
    async def double(number):
        return 2 * number

    async def main():
        for number in (1, 2, 1, 1):
            assert await double(number) == 2 * number
        await cache.set("k", 1)
        assert (await cache.get("k"), await cache.get("none", default=3)) == (1, 3)
        assert await cache.get_many("k", "zz") == (1, None)

    asyncio.run(main())
    return locals()


def aiocache():
    from aiocache import Cache, cached

    @cached(ttl=30)
    async def triple(number):
        return 3 * number

    memory = Cache(Cache.MEMORY)

    async def main():
        for number in (1, 2, 1, 1):
            assert await triple(number) == 3 * number
        await memory.set("k", 1)
        assert (await memory.get("k"), await memory.get("none", default=3)) == (1, 3)
        assert await memory.multi_get(["k", "zz"]) == [1, None]

    asyncio.run(main())
    return locals()


def dogpile():
    from dogpile.cache import make_region

    globals()["region"] = region = make_region().configure("dogpile.cache.memory", expiration_time=3600)

    @region.cache_on_arguments()
    def quadruple(number):
        return 4 * number

    for number in (1, 2, 1, 1):
        assert quadruple(number) == 4 * number
    region.set("z", 1)
    assert region.get("z") == 1 and not region.get("y")
    assert [region.get_or_create("n", lambda: 5) for _ in range(2)] == [5, 5]
    return locals()


def advanced_caching():
    import advanced_caching

    @advanced_caching.cache(60, key="five:{}")
    def five(number):
        return 5 * number

    @advanced_caching.cache(0.05, stale=600, key="six:{}")
    def six(number):
        return 6 * number

    for number in (1, 2, 1, 1):
        assert five(number) == 5 * number
    six(1)
    time.sleep(0.1)
    six(1)
    store = advanced_caching.InMemCache()
    store.get("a")
    store.set("a", 1, 5)
    store.get("a")
    return locals()


def django():
    from django.conf import settings

    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 77}}
    files = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": tempfile.mkdtemp()}
    settings.configure(CACHES={"default": local, "files": files})
    from django.core.cache import cache, caches

    cache.set("a", 1)
    assert cache.get("a") == 1 and cache.get("b") is None and cache.get_many(["a", "b"]) == {"a": 1}
    thread = threading.Thread(target=lambda: cache.get("a"))
    thread.start()
    thread.join()
    caches["files"].get("q")
    return locals()


def flask_caching():
    from flask import Flask
    from flask_caching import Cache

    app = Flask(__name__)
    memo = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    with app.app_context():
        memo.set("a", 1)
        assert memo.get("a") == 1 and memo.get("b") is None
    return locals()


# What a library made lives on to the end.
kept = globals()[sys.argv[1]]()
print("done")
