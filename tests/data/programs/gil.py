"""Three threads compute in Python at the same time: two of them wait for the interpreter's lock at any moment."""

import threading
import time


def computes():
    until = time.monotonic() + 0.8
    while time.monotonic() < until:
        sum(range(100))


threads = [threading.Thread(target=computes) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
