"""Asks a cache server for known keys and for unknown ones: cache_load.py KIND PORT HITS MISSES [FILE-OF-PASSWORD]."""

import socket
import sys

kind, port, hits, misses = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
server = socket.create_connection(("127.0.0.1", port))
answers = server.makefile("rb")


def redis(*words):
    text = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    server.sendall(b"*%d\r\n%s" % (len(words), text))
    line = answers.readline()
    if line.startswith(b"-"):
        sys.exit(line.decode())
    if line.startswith(b"$") and line != b"$-1\r\n":
        answers.readline()
        return True
    return line == b"+OK\r\n"


def memcached(command, key, value=b""):
    if command == b"SET":
        server.sendall(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value))
        return answers.readline() == b"STORED\r\n"
    server.sendall(b"get %s\r\n" % key)
    found = False
    while answers.readline() != b"END\r\n":
        found = True
    return found


ask = redis if kind == "redis" else memcached
if len(sys.argv) > 5:
    assert redis(b"AUTH", open(sys.argv[5], "rb").read())
assert ask(b"SET", b"known", b"value")
for number in range(max(hits, misses)):
    if number < hits:
        assert ask(b"GET", b"known")
    if number < misses:
        assert not ask(b"GET", b"unknown-%d" % number)
