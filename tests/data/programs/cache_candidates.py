"""Calls functions that have no cache, so often with so many different arguments as it says at the end."""

import functools


def slow(number):
    return sum(range(number % 50 + 100))


def bound(first, second=2, *rest, third=3, **more):
    return first, second, rest, third, more


def sometimes(number):
    if number == 3:
        raise KeyError(number)
    return number


def caught(number):
    try:
        raise KeyError(number)
    except KeyError:
        pass


def factorial(number):
    return 1 if number < 2 else number * factorial(number - 1)


def listed(values):
    return len(values)


def tells(text):
    print(text)


def generated(number):
    yield number


@functools.lru_cache(maxsize=None)
def cached(number):
    return number


class Shape:
    def area(self, side):
        return side * side


def main():
    for number in range(1000):
        slow(number % 250)
    bound(1)
    bound(first=1)
    bound(1, 2)
    bound(1, 2, 4, other=5)
    bound(1, 2, 4, other=5)
    for number in range(10):
        try:
            sometimes(number)
        except KeyError:
            pass
        caught(1)
        list(generated(number))
        cached(number % 2)
        Shape().area(2)
        listed([number])
    factorial(10)
    tells("told")


main()
