"""Waits for each reason in a function of its own; the last line of stderr says how long each took by the wall clock."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

took = {}


def timed(function):
    def run(*arguments):
        begun = time.monotonic()
        function(*arguments)
        took[function.__name__] = time.monotonic() - begun

    return run


@timed
def computes():
    until = time.thread_time() + 0.3
    while time.thread_time() < until:
        sum(range(500))


@timed
def sleeps():
    time.sleep(0.3)


@timed
def wants_lock(lock):
    with lock:
        pass


@timed
def reads_pipe(descriptor):
    os.read(descriptor, 1)


@timed
def waits_for_child():
    subprocess.run(["sleep", "0.3"], check=True)


@timed
def reads_network(connection):
    connection.recv(1)


def later(action):
    def run():
        time.sleep(0.3)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def main():
    computes()
    sleeps()
    lock = threading.Lock()
    lock.acquire()
    helper = later(lock.release)
    wants_lock(lock)
    helper.join()
    readable, writable = os.pipe()
    helper = later(lambda: os.write(writable, b"x"))
    reads_pipe(readable)
    helper.join()
    waits_for_child()
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far = listener.accept()[0]
    helper = later(lambda: far.send(b"x"))
    reads_network(near)
    helper.join()
    print(json.dumps(took), file=sys.stderr)


main()
