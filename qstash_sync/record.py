"""The kind of value that the rooms hand to each other: a dataclass that is cheap to have.

A plan defines a hundred kinds of values at its start, and makes a hundred thousand of them. The
standard library's `frozen` writes and compiles six methods for each kind, and guards every field
that is set. Here a record is frozen to the type checker, which reads all of our code; at run time
it is a slotted dataclass (`fields`, `replace` and `asdict` know it) whose `__init__` alone is
compiled.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(*, kw_only: bool = False, slots: bool = True) -> Callable[[type[T]], type[T]]:
    """Make a class a record; equal are two of one kind whose compared fields are.

    Without slots, a record has room for what it works out once (`cached_property`).
    """

    def decorate(cls: type[T]) -> type[T]:
        made: Any = dataclass(slots=slots, eq=False, repr=False, kw_only=kw_only)(cls)
        content = _content_of([one.name for one in fields(made) if one.compare])

        def equals(self: T, other: object) -> bool:
            return content(self) == content(other) if type(other) is made else NotImplemented

        def hashed(self: T) -> int:
            return hash(content(self))

        made.__eq__ = equals
        for name, method in (("__hash__", hashed), ("__repr__", _repr)):
            if name not in cls.__dict__:
                setattr(made, name, method)
        return cast("type[T]", made)

    return decorate


def _content_of(names: list[str]) -> Callable[[object], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
