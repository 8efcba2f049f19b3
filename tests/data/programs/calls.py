"""Calls of every kind, the same number in every run: recursion, methods, built-in functions, generators, exceptions."""

import functools
import json
import re


class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1) for _ in range(2)] if depth else []

    @property
    def size(self):
        return 1 + sum(child.size for child in self.children)

    def __lt__(self, other):
        return self.size < other.size


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


@functools.lru_cache(maxsize=None)
def cached(n):
    return n * n


def fails(n):
    try:
        if n % 3 == 0:
            raise KeyError(n)
        return {}.get(n)
    except KeyError:
        return None


def words(text):
    for match in re.finditer(r"[a-z]+", text):
        yield match.group().upper()


def delegated(text):
    yield from words(text)


def main():
    tree = Node(6)
    numbers = [fibonacci(12), even(20), sum(map(cached, [n % 7 for n in range(50)]))]
    texts = list(delegated("one two three " * 20))
    [fails(n) for n in range(30)]
    nodes = sorted([Node(n % 4) for n in range(12)])
    return json.loads(json.dumps({"size": tree.size, "numbers": numbers, "texts": texts, "nodes": len(nodes)}))


main()
