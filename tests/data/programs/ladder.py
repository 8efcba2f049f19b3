"""Five functions with clearly different shares of the time, in ordinary Python; for comparison with cProfile.

usage: ladder.py [--rounds N]
"""

import argparse
import json
import re
import string

WORDS = [f"{a}{b}{c}" for a in string.ascii_lowercase for b in "aeiou" for c in string.ascii_lowercase]
TEXT = " ".join(WORDS)


def primes(limit):
    found = []
    for number in range(2, limit):
        for prime in found:
            if prime * prime > number:
                found.append(number)
                break
            if number % prime == 0:
                break
        else:
            found.append(number)
    return found


def encode(times):
    return sum(len(json.dumps({"words": WORDS, "n": n})) for n in range(times))


def distances(words):
    largest = 0
    for first in words:
        for second in words:
            apart = (first[0] != second[0]) + (first[1] != second[1]) + (first[2] != second[2])
            largest = max(apart, largest) if apart > largest else largest
    return largest


def find(times):
    pattern = re.compile(r"\b([b-d])([aeiou])\w\b")
    return sum(len(pattern.findall(TEXT)) for _ in range(times))


def order(times):
    return [sorted(WORDS, key=str.swapcase)[n] for n in range(times)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    for _ in range(parser.parse_args().rounds):
        primes(40_000)
        encode(1_500)
        distances(WORDS[:960])
        find(230)
        order(200)
    print("done")


if __name__ == "__main__":
    main()
