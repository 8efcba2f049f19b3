"""One number for the key of a lookup, equal where functools takes two keys as equal.

Python's own hash does nearly all of it. What it does not keep apart is treated here: -1 and -2, and objects that are only
equal to themselves, whose hash is their address and so that of the next one in the same place. No key is held: the object
is known again by a weak reference. Two keys of a class that gives unequal objects equal hashes count as one.
"""

from _weakref import ref

from . import config

SALT = config.KEY_SALT

# Stands for -1, whose hash is that of -2.
_MINUS = object()
_NUMBERS = frozenset((int, float, bool, complex))
_ATOMS = _NUMBERS | {str, type(None), type(Ellipsis)}
# What to do with values of such types.
_AS_IT_IS, _LOOK_FOR_MINUS, _ONE_BY_ONE = range(3)
_plans = {}
_MOST_PLANS = 10_000
# Objects that are equal to themselves only: address -> (weak reference, number).
_known = {}
_last = [0]
_MOST_KNOWN = 100_000


def key_of(args, kwds, typed):
    """The number of a call's key, as functools makes keys. Raises what hashing an argument raises."""
    if not kwds and not typed:
        if len(args) == 1:
            value = args[0]
            kind = type(value)
            if kind is int:
                return hash((SALT, _MINUS if value == -1 else value))
            if kind is str:
                return hash((SALT, value))
        return hash((SALT, 1, _elements(args)))
    values = tuple(kwds.values())
    if not typed:
        return hash((SALT, 2, _elements(args), tuple(kwds), _elements(values)))
    types = tuple(map(type, args)) + tuple(map(type, values))
    return hash((SALT, 3, _elements(args), tuple(kwds), _elements(values), types))


def number_of(key):
    """The number of one object that is a key by itself."""
    return hash((SALT, _element(key)))


def mixed(number):
    """24 bits of it that are alike for no two keys in a row: keys are chosen by them."""
    return (number * 0x9E3779B97F4A7C15 >> 40) & 0xFFFFFF


def _elements(values):
    types = tuple(map(type, values))
    plan = _plans.get(types)
    if plan is None:
        plan = _plan(types)
    if plan == _AS_IT_IS:
        return values
    if plan == _LOOK_FOR_MINUS:
        if -1 in values:
            return tuple([_MINUS if value == -1 else value for value in values])
        return values
    return tuple([_element(value) for value in values])


def _plan(types):
    if not _ATOMS.issuperset(types):
        plan = _ONE_BY_ONE
    elif _NUMBERS.isdisjoint(types):
        plan = _AS_IT_IS
    else:
        plan = _LOOK_FOR_MINUS
    if len(_plans) >= _MOST_PLANS:
        _plans.clear()
    _plans[types] = plan
    return plan


def _element(value):
    kind = type(value)
    if kind in _NUMBERS:
        return _MINUS if value == -1 else value
    if kind in _ATOMS:
        return value
    hashing = kind.__hash__
    if hashing is object.__hash__:
        return _identity(value) if kind.__eq__ is object.__eq__ else value
    if hashing is tuple.__hash__ or (kind.__module__ == "cachetools.keys" and issubclass(kind, tuple)):
        # Of a class of its own too: a named tuple is equal to a plain one.
        return (tuple, tuple([_element(item) for item in tuple.__iter__(value)]))
    if kind is frozenset:
        return frozenset([_element(item) for item in value])
    return value


def _identity(value):
    """A number that no other object gets, dead ones included."""
    known = _known.get(id(value))
    if known is not None and known[0]() is value:
        return known[1]
    try:
        reference = ref(value)
    except TypeError:
        return value
    if len(_known) >= _MOST_KNOWN:
        for address, (there, _) in list(_known.items()):
            if there() is None:
                _known.pop(address, None)
    _last[0] += 1
    number = (object, _last[0])
    _known[id(value)] = (reference, number)
    return number
