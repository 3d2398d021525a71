"""The kind of value that the rooms hand to each other."""

import copy
import pickle
from dataclasses import asdict, field, fields, replace

import pytest

from qstash_sync.record import record


@record(kw_only=True)
class Point:
    """With a field that is no part of its identity, and one that is not shown."""

    x: int
    y: int = 0
    where: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


@record()
class Pair:
    """With places, and fields of the same names."""

    x: int
    y: int = 0


@record()
class Nothing:
    """Without fields."""


@record()
class Named:
    """With words of its own."""

    name: str

    def __repr__(self) -> str:
        return "Named(…)"


def test_equal_are_two_of_one_kind_whose_compared_fields_are() -> None:
    assert Point(x=1, where="here") == Point(x=1, where="there")
    assert hash(Point(x=1, where="here")) == hash(Point(x=1, where="there"))
    assert Point(x=1) != Point(x=1, y=1)
    assert Point(x=1) != Point(x=1, secret="a")
    others: list[object] = [Point(x=1), (1, 0)]
    assert Pair(1) not in others
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert len({Point(x=1), Point(x=1, where="there"), Pair(1), Nothing()}) == 3


def test_it_shows_what_it_may() -> None:
    assert repr(Point(x=1, secret="hush")) == "Point(x=1, y=0, where='')"
    assert repr(Nothing()) == "Nothing()"
    assert repr(Named("x")) == "Named(…)"


def test_it_is_a_dataclass_with_slots() -> None:
    point = Point(x=1, where="here")
    assert [one.name for one in fields(Point)] == ["x", "y", "where", "secret"]
    assert replace(point, y=2) == Point(x=1, y=2)
    assert replace(point, y=2).where == "here"
    assert asdict(Pair(1)) == {"x": 1, "y": 0}
    assert not hasattr(point, "__dict__")
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg] # its fields have names
    for other in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert other == point
        assert other.where == "here"


def test_it_is_frozen_to_the_type_checker() -> None:
    """mypy, which reads this, too, would complain of an `ignore` without an error."""
    point = Point(x=1)
    point.x = 2  # type: ignore[misc]
    assert point.x == 2
