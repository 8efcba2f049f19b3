"""Eight caches whose hits and misses are known, over threads, fork, spawn and os._exit. Prints what they must be: a line
for each process and cache, with its hits and misses, as told by the caches themselves."""

import functools
import multiprocessing
import os
import signal
import sys
import threading


@functools.lru_cache
def plain(number):
    return number


@functools.lru_cache(maxsize=128)
def thrash(number):
    """200 keys in a loop over 128 slots."""
    return number


@functools.lru_cache(maxsize=None)
def fib(number):
    return number if number < 2 else fib(number - 1) + fib(number - 2)


@functools.lru_cache(maxsize=3, typed=True)
def typed(number):
    return number


@functools.lru_cache(maxsize=0)
def off(number):
    return number


class Shop:
    @functools.lru_cache(maxsize=16)
    def price(self, number):
        return number

    @staticmethod
    @functools.lru_cache(maxsize=16)
    def tax(number):
        return number


def closure():
    @functools.lru_cache(maxsize=None)
    def inner(number):
        return number

    return [inner(number % 4) for number in range(20)]


KNOWN = {
    "plain": plain,
    "thrash": thrash,
    "fib": fib,
    "typed": typed,
    "off": off,
    "Shop.price": Shop.price,
    "Shop.tax": Shop.tax,
}
# What closures counted is gone with them.
closures = [0]
before = {}


def work(rounds):
    shop = Shop()
    for _ in range(rounds):
        for number in range(200):
            thrash(number)
        for number in range(10):
            plain(number)
            typed(number % 3)
            off(number)
            shop.price(number)
            Shop.tax(number % 2)
        fib(20)
    closure()
    closures[0] += 1


def tell(process):
    """What this process counted, without what its parent had when it forked."""
    lines = []
    for name, function in KNOWN.items():
        hits, misses, _, entries = function.cache_info()
        had = before.get(name, (0, 0))
        lines.append("%s %d %s %d %d %d" % (process, os.getpid(), name, hits - had[0], misses - had[1], entries))
    lines.append("%s %d closure.<locals>.inner %d %d 0" % (process, os.getpid(), 16 * closures[0], 4 * closures[0]))
    os.write(1, ("\n".join(lines) + "\n").encode())


def forked(how):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    before.update({name: function.cache_info()[:2] for name, function in KNOWN.items()})
    closures[0] = 0
    work(2)
    tell("fork")
    if how == "_exit":
        os._exit(0)
    sys.exit(0)


def spawned():
    work(3)
    tell("spawn")


def pooled(number):
    work(1)
    return number


def eight():
    work(1)
    threads = [threading.Thread(target=work, args=(2,)) for _ in range(4)]
    for thread in threads:
        thread.start()
        # One after the other: two that miss the same key at once would both count it.
        thread.join()
    forked("exit")
    forked("_exit")
    child = multiprocessing.get_context("spawn").Process(target=spawned)
    child.start()
    child.join()
    tell("main")


def execs():
    work(1)
    tell("before")
    os.execv(sys.executable, [sys.executable, __file__, "executed"])


def executed():
    work(2)
    tell("after")


def clears():
    """Counters that are cleared in mid-run, and a moment to read them before and after."""
    import gc
    import time

    work(5)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    for function in KNOWN.values():
        function.cache_clear()
    work(1)
    tell("cleared")


def freed():
    """Wrappers that are gone before the end: one freed at once, one by the collector, one that replaces another."""
    for _ in range(50):
        closure()

    def cycle():
        @functools.lru_cache(maxsize=None)
        def inner(number):
            return inner(number - 1) if number else 0

        inner(9)
        inner(9)

    for _ in range(10):
        cycle()


def odd():
    """Keys that raise, arguments that cannot be hashed, functions that raise, and things that are no functions."""

    class Bad:
        def __hash__(self):
            raise ValueError("no hash")

    class Worse:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            raise ValueError("no equality")

    @functools.lru_cache
    def fails(number):
        raise KeyError(number)

    for argument in (Bad(), [], Worse(), Worse()):
        try:
            plain(argument)
        except (ValueError, TypeError) as error:
            print(type(error).__name__, error)
    for _ in range(3):
        try:
            fails(1)
        except KeyError as error:
            print("KeyError", error)
    print(functools.lru_cache(abs)(-1), functools.lru_cache(functools.partial(int, base=2))("11"), functools.lru_cache(dict)())

    class Callable:
        def __call__(self, number):
            return number

        def __getattr__(self, name):
            if name.startswith("__") and name not in ("__code__", "__wrapped__", "__func__", "func"):
                raise AttributeError(name)
            print("asked for", name)
            raise AttributeError(name)

    print(functools.lru_cache(Callable().__call__)(3), type(plain) is functools._lru_cache_wrapper)
    print(plain.cache_info(), functools.lru_cache.__module__, functools.cache.__qualname__)


def killed():
    import gc
    import time

    work(1)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    tell("killed")
    work(1)
    os.kill(os.getpid(), signal.SIGKILL)


def pool():
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as workers:
        workers.map(pooled, range(8), chunksize=1)
    print("done")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
