"""Asks caches for keys that it knows, and prints what they counted: the same with and without tracing."""

import functools
import os
import pickle
import sys
import threading


@functools.lru_cache(maxsize=128)
def thrash(number):
    return sum(range(number, number + 100))


@functools.lru_cache(maxsize=None)
def fib(number):
    return number if number < 2 else fib(number - 1) + fib(number - 2)


@functools.lru_cache(maxsize=None)
def deep(number):
    return number and deep(number - 1) + 1


@functools.lru_cache(typed=True)
def picky(value):
    if isinstance(value, int) and value < 0:
        raise ValueError("negative")
    return value


@functools.lru_cache(maxsize=1000)
def shared(number):
    return number


@functools.lru_cache(maxsize=10)
def secret(text, *, option=None):
    return len(text)


class Person:
    def __init__(self, name):
        self.name = name

    @functools.lru_cache(maxsize=64)
    def greet(self, word):
        return word + self.name


class NoHash:
    def __hash__(self):
        raise RuntimeError("this has no hash")


class NoEquality:
    def __hash__(self):
        return 7

    def __eq__(self, other):
        raise RuntimeError("this is equal to nothing")


def complain(value):
    try:
        picky(value)
    except Exception as error:
        print(type(error).__name__, error)


def lookups():
    for _ in range(150):
        for number in range(200):
            thrash(number)
    print("thrash", thrash.cache_info(), thrash.cache_parameters(), thrash.__wrapped__.__name__)
    print("fib", fib(250), fib.cache_info())
    for value in (-1, -2, -1, 1, 1.0, True, 1, [], NoHash(), NoEquality(), NoEquality()):
        complain(value)
    print("picky", picky.cache_info())
    picky.cache_clear()
    picky(5)
    print("cleared", picky.cache_info())
    people = [Person("a"), Person("b")]
    for number in range(30):
        people[number % 2].greet(" " * (number % 3))
    # Each of these is another object, in the place of the one before.
    for _ in range(20):
        Person("c").greet("x")
    print("greet", Person.greet.cache_info())
    for _ in range(5):
        secret("the-key-that-nobody-may-see")
        secret("the-key-that-nobody-may-see", option="o-that-neither")
    assert pickle.loads(pickle.dumps(thrash)) is thrash


def threads(number):
    def work():
        for turn in range(number):
            shared(turn * 7919 % 20011)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    info = shared.cache_info()
    print("shared %d %d" % (info.hits, info.misses), flush=True)


def fork():
    child = os.fork()
    if child == 0:
        for _ in range(50):
            shared(-1)
        os._exit(0)
    os.waitpid(child, 0)


def main():
    what = sys.argv[1]
    if what == "lookups":
        lookups()
    elif what == "deep":
        print(deep(int(sys.argv[2])))
    elif what == "raise":
        picky(-3)
    else:
        threads(int(sys.argv[2]))
        fork()


main()
