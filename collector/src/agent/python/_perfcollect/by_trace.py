"""The trace function of Python up to 3.11, for modes that need to hear of calls: set, and set again for threads.

A program that has one of its own keeps it; where it sets one later, `displaced` says so.
"""

import sys


class ByTrace:
    """A mode gives on_call, which is the trace function."""

    hooked = False
    # Who may have set one before us.
    others = "a debugger or coverage"

    def start(self):
        if sys.gettrace() is not None:
            raise RuntimeError("the program has a trace function (%s)" % self.others)
        self.hook()
        sys.settrace(self.on_call)

    def hook(self):
        """Threads that the threading module starts from now on are traced."""
        threading = sys.modules.get("threading")
        if threading is not None and getattr(threading, "_trace_hook", self) is None:
            threading.settrace(self.on_call)
            self.hooked = True

    def meet(self, code):
        """Code that is seen for the first time: threading may be imported meanwhile, and before 3.10 no event tells of a thread's start."""
        if not self.hooked and code.co_filename.endswith("/threading.py"):
            self.hook()

    def displaced(self):
        trace = sys.gettrace()
        return trace is not None and getattr(trace, "__self__", None) is not self

    def stop(self):
        threading = sys.modules.get("threading")
        if getattr(getattr(threading, "_trace_hook", None), "__self__", None) is self:
            threading.settrace(None)
