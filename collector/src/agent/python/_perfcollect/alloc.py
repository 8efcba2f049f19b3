"""Allocations by stack."""


def start(core):
    raise NotImplementedError("--python alloc")
