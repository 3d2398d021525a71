"""Errors at the place of a value that is not there, and is made up: which of them none would mend.

A value that is no secret may be of any shape: where one shape has no error, nothing is told. Where
each has one, what several of them have in common is not about the value.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from qstash_sync.config.environment import Environment
from qstash_sync.model.diagnostics import Diagnostic

# Beside the name that is made up first: a number, a truth value, an address, its host, a cron, and
# what a letter can complete.
_SHAPES = ("1", "true", "https://mock.example.com", "mock.example.com", "0 9 * * *", "s")
_OF_A_PART = ("cron", "body")  # codes: no shape is sure to complete what stands beside it
_OF_OTHERS = "conflict"  # a code: between settings, so the value itself is right


def whatever_it_is(
    doubts: Sequence[Diagnostic], made: Callable[..., Environment]
) -> list[Diagnostic]:
    """Those of the doubts that hold whatever the values are; made: the environment once more.

    It is built again only while there is a place where every shape so far has an error.
    """
    places = {d.location for d in doubts}
    shapes = iter(_SHAPES)
    told = {_fact(d): d for d in doubts}
    count = Counter(told.keys())
    while places and (shape := next(shapes, None)) is not None:
        other = made(shape=shape)
        other.config()
        there = {_fact(d): d for d in other.doubts() if d.location in places}
        places &= {d.location for d in there.values()}
        count.update(there.keys())
        told = there | told
    return [
        d for fact, d in told.items()
        if d.location in places and d.code not in _OF_A_PART
        and (count[fact] > 1 or d.code == _OF_OTHERS)
    ]  # fmt: skip


def _fact(diagnostic: Diagnostic) -> tuple[object, ...]:
    return diagnostic.location, diagnostic.code, diagnostic.message
