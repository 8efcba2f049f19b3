"""Files of traced keys: a head of JSON and then chunks of packed columns.

The first events of a cache are in one file. Past them there is one for each class of keys, by the zeros at the end of
their mixed hash: where every second key is given up, one file is deleted.
"""

import posix
import struct
import zlib
from array import array
from operator import sub

from . import config, key_hash

mixed = key_hash.mixed

# Events before they are kept by class, and how many classes there are: the last holds all that are left.
_TOGETHER = min(65_536, config.KEY_LIMIT // 8)
CLASSES = 16


class Spool:
    """Of one cache."""

    def __init__(self, core, number, head):
        self.core, self.number, self.head = core, number, head
        self.stem = core.stem
        # Events by class, and those of the first file.
        self.together = self.together_kept = 0
        self.classes = [0] * CLASSES
        self.given_up = 0
        self.kept = 0
        # Events that were written and then given up; those that could not be written.
        self.deleted = self.lost = 0

    def write(self, events, mask):
        """Appends events: time, number of the key, cost, and so on."""
        # Until they are written: whatever comes in between, they are counted.
        self.lost += len(events) // 3
        if self.together < _TOGETHER:
            if self._append(b"all", events, mask):
                self.together += len(events) // 3
                self.together_kept += len(events) // 3
                self.kept += len(events) // 3
                self.lost -= len(events) // 3
            return
        parts = {}
        for at in range(0, len(events), 3):
            bits = mixed(events[at + 1])
            place = min((bits & -bits).bit_length() - 1, CLASSES - 1) if bits else CLASSES - 1
            parts.setdefault(place, []).extend(events[at : at + 3])
        for place, part in parts.items():
            if place < self.given_up:
                self.deleted += len(part) // 3
                self.lost -= len(part) // 3
            elif self._append(b"%d" % place, part, mask):
                self.classes[place] += len(part) // 3
                self.kept += len(part) // 3
                self.lost -= len(part) // 3

    def delete(self, mask):
        """Keys of all classes below are given up; those in the first file are left out by who reads it, about half of them each time."""
        while self.given_up < mask.bit_length() and self.given_up < CLASSES - 1:
            place = self.given_up
            self.given_up += 1
            self.kept -= self.together_kept - self.together_kept // 2
            self.together_kept //= 2
            if self.classes[place]:
                self.deleted += self.classes[place]
                self.kept -= self.classes[place]
                self.classes[place] = 0
                try:
                    posix.unlink(self._path(b"%d" % place))
                except OSError:
                    self.core.errors += 1

    def _path(self, part):
        return self.stem + b"keys-%d-%s.bin" % (self.number, part)

    def _append(self, part, events, mask):
        times = events[::3]
        columns = array("q", [times[0]])
        columns.extend(map(sub, times[1:], times))
        columns.extend(events[1::3])
        columns.extend(events[2::3])
        body = zlib.compress(columns.tobytes(), 1)
        path = self._path(part)
        flags = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_APPEND
        try:
            try:
                descriptor = posix.open(path, flags)
            except FileNotFoundError:
                descriptor = posix.open(path, flags | posix.O_CREAT | posix.O_EXCL, 0o600)
                if posix.geteuid() == 0:
                    posix.fchmod(descriptor, 0o666)
                body = self.head.encode("utf-8", "replace") + b"\n" + self._chunk(times, mask, body)
            else:
                body = self._chunk(times, mask, body)
            try:
                self._whole(descriptor, body)
            finally:
                posix.close(descriptor)
            return True
        except OSError:
            self.core.errors += 1
            return False

    @staticmethod
    def _chunk(times, mask, body):
        return struct.pack("<III", len(times), mask, len(body)) + body

    @staticmethod
    def _whole(descriptor, body):
        """All of it, or nothing."""
        size = posix.fstat(descriptor).st_size
        rest = memoryview(body)
        try:
            while rest:
                rest = rest[posix.write(descriptor, rest) :]
        except OSError:
            try:
                posix.ftruncate(descriptor, size)
            except OSError:
                pass
            raise
