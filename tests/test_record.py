"""The kind of value that the rooms hand to each other."""

import copy
import inspect
import pickle
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from typing import Any

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


class _Made:
    """Fields of every kind: by place and by name, with a default, with one that is made."""

    a: int
    b: str = "b"
    c: tuple[int, ...] = field(default=(), repr=False)
    d: int = field(kw_only=True)
    e: int = field(default=5, kw_only=True, compare=False)


class _WithMore:
    """What its `__init__` does beside setting what it is given."""

    a: int
    b: list[int] = field(default_factory=list)
    c: int = field(init=False, default=7)

    def __post_init__(self) -> None:
        self.d = self.a + 1


class _WithLess:
    """Nothing but what is given, by name alone."""

    a: int = 0


@pytest.mark.parametrize("made", [_Made, _WithMore, _WithLess])
@pytest.mark.parametrize("kw_only", [False, True])
def test_it_is_made_as_a_dataclass_is(made: type, kw_only: bool) -> None:
    """However it is called: the same fields, or the same complaint."""
    body = {
        key: value for key, value in vars(made).items() if key not in ("__dict__", "__weakref__")
    }
    ours: Any = record(kw_only=kw_only, slots=False)(type("Kind", (), dict(body)))
    theirs: Any = dataclass(eq=False, repr=False, kw_only=kw_only)(type("Kind", (), dict(body)))
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    for places, names in product(
        [(), (1,), (1, "x"), (1, "x", (2,)), (1, "x", (2,), 3)],
        [{}, {"a": 1}, {"d": 4}, {"a": 1, "d": 4}, {"d": 4, "e": 6}, {"b": "y", "d": 4}, {"z": 1}],
    ):
        assert _outcome(ours, places, names) == _outcome(theirs, places, names)


def _outcome(kind: Any, places: Iterable[Any], names: Any) -> Any:
    try:
        made = kind(*places, **names)
    except TypeError as error:
        return str(error)
    return vars(made)


def test_a_field_without_a_default_follows_none_that_has_one() -> None:
    """Else the default of one would be that of the other."""
    with pytest.raises(TypeError, match="Kind: a field without a default follows one that has"):
        record()(type("Kind", (), {"__annotations__": {"a": int, "b": int}, "a": 0}))


def test_an_init_of_its_own_stays() -> None:
    made: Any = record()(
        type(
            "Kind",
            (),
            {"__annotations__": {"a": int}, "__init__": lambda self: setattr(self, "a", 7)},
        )
    )
    assert made().a == 7


def test_two_kinds_with_as_many_fields_share_nothing_but_their_shape() -> None:
    assert vars(_Slotless(b=1, a=2)) == {"a": 2, "b": 1}
    assert vars(_OtherSlotless(y=1, x=2)) == {"x": 2, "y": 1}
    assert _OtherSlotless(x=0).y == 9


@record(kw_only=True, slots=False)
class _Slotless:
    a: int
    b: int


@record(kw_only=True, slots=False)
class _OtherSlotless:
    x: int
    y: int = 9


def test_what_a_base_makes_is_made_of_its_kinds_too() -> None:
    base: Any = record(kw_only=True)(
        type("Base", (), {"__annotations__": {"a": list}, "a": field(default_factory=list)})
    )
    made: Any = record(kw_only=True)(type("Kind", (base,), {"__annotations__": {"b": int}, "b": 1}))
    assert (made().a, made().b, made(a=[2], b=3).a) == ([], 1, [2])
    assert made().a is not made().a
