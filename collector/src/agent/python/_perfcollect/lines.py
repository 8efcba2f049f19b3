"""Lines."""


def start(core):
    raise NotImplementedError("--python lines")
