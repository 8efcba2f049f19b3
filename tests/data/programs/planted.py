"""Three functions of known cost; the argument makes one of them slower, in what it calls of the interpreter."""
import sys


def load(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


def parse(n):
    rows = []
    for i in range(n):
        rows.append(sorted(str(i * 7919)))
    return rows


def store(n):
    words = {}
    for i in range(n):
        words[i % 97] = i ^ 5
    return words


def main():
    factor = int(sys.argv[1])
    for _ in range(20):
        load(150_000)
        parse(8_000 * factor)
        store(150_000)


main()
