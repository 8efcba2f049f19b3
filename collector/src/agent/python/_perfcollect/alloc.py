"""Live memory by the stack that allocated it, from tracemalloc, in snapshots.

Nothing here counts allocations itself: a snapshot asks tracemalloc for all live blocks and adds them up by stack. One is
taken where garbage collection comes by and enough time has passed, where traced memory has grown past the last peak, and
at the end. The more a snapshot costs, the longer the next one waits.
"""

import gc
import sys
from _bisect import bisect_right
from time import monotonic, monotonic_ns, thread_time

import _tracemalloc

from . import config, quote

# Callers that tracemalloc keeps of each block.
DEPTH = config.ALLOC_DEPTH
# Stacks that a snapshot lists by themselves, largest first, and how many it goes on listing once they were.
LISTED = 1000
STICKY = 4000
# Seconds between two snapshots: at least this, a part of the time since the start (a day has a few hundred), and so many
# times the CPU time that one takes.
EVERY = 0.1
PART = 24
SHARE = 25
# What a snapshot takes, before one was taken: seconds for each byte that tracemalloc itself holds.
RATE = 1e-7
# A peak snapshot is taken when memory has grown by a tenth and this many bytes since the largest one.
STEP = 1 << 16

_FunctionType = type(lambda: None)
_CodeType = type((lambda: None).__code__)
# Code inside a line of a function: tracemalloc knows lines only, so its blocks are the function's.
_INNER = frozenset(("<lambda>", "<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"))

_core = None
_state = None


class _State:
    def __init__(self):
        self.began = self.due = self.last = monotonic()
        self.rate = RATE
        self.largest = 0
        self.peak = 0
        self.stacks = {}
        self.frames = {}
        self.number = 0
        self.stopped = False


def start(core):
    global _core, _state
    _core, _state = core, _State()
    if _tracemalloc.is_tracing():
        depth = _tracemalloc.get_traceback_limit()
        if depth < DEPTH:
            core.error("alloc", "tracemalloc was on already, so that stacks are %d deep only" % depth)
        core.theirs = True
    else:
        _tracemalloc.start(DEPTH)
        core.theirs = False
    _first()
    # Before the recorder's own callback, which then finds that it is time.
    gc.callbacks.insert(0, _on_gc)


def after_fork():
    global _state
    _state = _State()
    if not _tracemalloc.is_tracing():
        return
    if not _core.theirs:
        # What the parent holds is its own; in the child it is shared until written to, and would count twice.
        _tracemalloc.clear_traces()
    _first()


def _first():
    """Where tracing begins, nothing is held yet; where it began before us, what is."""
    if _core.theirs:
        _snapshot("start")
        return
    text = '{"s":{"t":%d,"peak":0,"tracer":%d,"cost":0,"reason":"start","rows":[],"other":[0,0]}}\n'
    _core.append("alloc", text % (monotonic_ns(), _tracemalloc.get_tracemalloc_memory()))
    _state.due = _state.began + EVERY


def _on_gc(phase, info):
    if phase == "stop" and not _core.done and _reason():
        _core.due = 0.0


def _reason(monotonic=monotonic, traced=_tracemalloc.get_traced_memory, held=_tracemalloc.get_tracemalloc_memory):
    """Why a snapshot is worth its cost now; nothing if it is not."""
    state = _state
    now = monotonic()
    if now < state.last + EVERY or now < state.last + held() * state.rate * SHARE:
        return ""
    if traced()[0] > state.largest * 1.1 + STEP:
        return "peak"
    return "interval" if now >= state.due else ""


def flush(final):
    state = _state
    reason = "exit" if final else _reason()
    if state.stopped or not reason:
        return
    if not _tracemalloc.is_tracing():
        state.stopped = True
        _core.error("alloc", "the program stopped tracemalloc; memory from then on is not seen")
        return
    _snapshot(reason)


def _snapshot(reason):
    state = _state
    began, time = thread_time(), monotonic_ns()
    state.peak = max(state.peak, _tracemalloc.get_traced_memory()[1])
    tracer = _tracemalloc.get_tracemalloc_memory()
    rows = _by_stack()
    total = sum(row[0] for row in rows)
    blocks = sum(row[1] for row in rows)
    text, listed = _listed(rows)
    other = (total - sum(row[1] for row in listed), blocks - sum(row[2] for row in listed))
    # What the recorder itself holds is in tracemalloc's peak and in none of the rows.
    state.largest = max(state.largest, total)
    cost = thread_time() - began
    text.append(
        '{"s":{"t":%d,"peak":%d,"tracer":%d,"cost":%d,"reason":"%s","rows":[%s],"other":[%d,%d]}}\n'
        % (
            time,
            max(state.peak, total),
            tracer,
            cost * 1e9,
            reason,
            ",".join(["[%d,%d,%d]" % row for row in listed]),
            other[0],
            other[1],
        )
    )
    if not _core.append("alloc", "".join(text)):
        # Nothing of it is in the file: say everything anew next time.
        state.stacks, state.frames = {}, {}
    state.last = now = monotonic()
    state.rate = max((thread_time() - began) / max(tracer, 1), RATE / 10)
    state.due = now + (now - state.began) / PART


def _by_stack():
    """(bytes, blocks, stack) of every distinct stack, but for what this recorder allocated."""
    sizes = {}
    # Every number made here would be a traced block of its own: only numbers that are there are put together.
    for trace in _tracemalloc._get_traces():
        try:
            sizes[trace[2]].append(trace[1])
        except KeyError:
            sizes[trace[2]] = [trace[1]]
    folder = _core.folder
    return [(sum(found), len(found), stack) for stack, found in sizes.items() if not stack[0][0].startswith(folder)]


def _listed(rows):
    """Lines that describe new stacks, and (number, bytes, blocks) of the stacks that are listed."""
    state = _state
    known, new = [], []
    for row in rows:
        (known if row[2] in state.stacks else new).append(row)
    new.sort(key=_bytes, reverse=True)
    room = min(LISTED, STICKY - len(state.stacks))
    del new[max(room, 0) :]
    text = []
    if new:
        _describe([row[2] for row in new], text)
    return text, [(state.stacks[row[2]], row[0], row[1]) for row in known + new]


def _bytes(row):
    return row[0]


def _describe(stacks, text):
    """Lines for stacks that are new, and for frames that are new in them."""
    state, folder = _state, _core.folder
    frames = {frame for stack in stacks for frame in stack if frame not in state.frames}
    names = _Names({frame[0] for frame in frames}) if frames else None
    for frame in sorted(frames):
        state.frames[frame] = number = len(state.frames)
        file, line = frame
        inner, name, first = names.of(file, line)
        if file.startswith(folder):
            name, first = "", 0
        state.frames[frame] = (number, file.startswith(folder), inner)
        text.append('{"f":[%d,%s,%d,%s,%d]}\n' % (number, quote(file), line, quote(name), first))
    for stack in stacks:
        path, before = [], None
        for frame in stack:
            number, ours, inner = state.frames[frame]
            # The code inside a line and the line itself are one frame of one function.
            if not ours and not (inner and frame == before):
                path.append(number)
            before = frame
        state.number += 1
        state.stacks[stack] = state.number
        text.append('{"k":[%d,%s]}\n' % (state.number, path))


class _Names:
    """Functions by file and line: tracemalloc keeps no names. They are those of the code that is loaded now."""

    def __init__(self, files):
        self.codes = {file: [] for file in files}
        self.done = {}
        self.around = {}
        self.last = {}
        for item in gc.get_objects():
            if type(item) is _FunctionType:
                self.add(item.__code__)
        for frame in sys._current_frames().values():
            while frame is not None:
                self.add(frame.f_code)
                frame = frame.f_back
        for file, codes in self.codes.items():
            codes.sort(key=_first_line)
            self.codes[file] = [code.co_firstlineno for code in codes], codes

    def add(self, code):
        codes = self.codes.get(code.co_filename)
        if codes is None or id(code) in self.done:
            return
        # By identity: hash and equality of code look into all of its constants.
        self.done[id(code)] = code
        if code.co_name != "<module>":
            codes.append(code)
        for constant in code.co_consts:
            if type(constant) is _CodeType:
                self.around[id(constant)] = code
                self.add(constant)

    def of(self, file, line):
        """Whether code inside a line begins there, and name and first line of the innermost function around it."""
        inner = False
        begins, codes = self.codes[file]
        # Code that begins before the nearest one either ends before it or is around it.
        at = bisect_right(begins, line)
        code = codes[at - 1] if at else None
        while code is not None:
            if code.co_name != "<module>" and line <= self.last_line(code):
                if code.co_name not in _INNER:
                    return inner, getattr(code, "co_qualname", code.co_name), code.co_firstlineno
                inner = True
            code = self.around.get(id(code))
        return inner, "<module>", 1

    def last_line(self, code):
        last = self.last.get(id(code))
        if last is None:
            last = self.last[id(code)] = _last_line(code)
        return last


def _first_line(code):
    return code.co_firstlineno


def _last_line(code):
    if sys.version_info >= (3, 12):
        return max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
    # Faster, since it makes no objects, but on its way out.
    line = last = code.co_firstlineno
    for step in code.co_lnotab[1::2]:
        line += step - 256 if step > 127 else step
        last = max(last, line)
    return last
